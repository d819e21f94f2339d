//! The player's window. `window` opens it and runs its loop. `input` turns events into actions, `app` carries them out.
//!
//! A `stream` is what is played: its network and decoder, the state that they have brought it to, and its picture. The window shows one,
//! or all of several as a `wall`: all else belongs to the window.
//!
//! `start` is the page that is shown where there is none: it says what is to be played.
//!
//! `view`, `layout` and `places` decide what is shown and where, without SDL; `canvas`, `text`, `widgets` and `overlay` draw it in
//! memory; `pane` shows the protocol; `dialog` asks for passwords and about certificates; `display` and `screen` put on the screen what has changed.

mod app;
mod canvas;
#[cfg(test)]
mod contrast;
mod dialog;
mod display;
mod input;
mod layout;
mod overlay;
mod pane;
mod places;
mod screen;
mod start;
mod stream;
mod text;
mod theme;
mod told;
mod view;
mod wall;
mod widgets;
mod window;

pub(crate) use window::run;
