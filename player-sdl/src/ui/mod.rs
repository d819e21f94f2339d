//! The window: what is shown is decided in pure code (`view`, `layout`), drawn in memory (`canvas`, `widgets`,
//! `overlay`), and put on the screen by SDL (`screen`, `window`).

mod app;
mod canvas;
mod display;
mod input;
mod layout;
mod overlay;
mod screen;
mod text;
mod theme;
mod view;
mod widgets;
mod window;

pub(crate) use window::run;
