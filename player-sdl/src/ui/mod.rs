//! The player's window. `window` opens it and runs its loop. `input` turns events into actions, `app` carries them out.
//! `view` and `layout` decide what is shown and where, without SDL; `canvas`, `text`, `widgets` and `overlay` draw it in
//! memory; `dialog` asks for passwords and about certificates; `display` and `screen` put on the screen what has changed.

mod app;
mod canvas;
mod dialog;
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
