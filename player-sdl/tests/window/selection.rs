//! Another program of the desktop, which has something in the clipboard, or drags it onto a window.

use super::Display;
use std::thread::JoinHandle;
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    Atom, ClientMessageEvent, ConnectionExt as _, CreateWindowAux, EventMask, PropMode, SELECTION_NOTIFY_EVENT,
    SelectionNotifyEvent, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

/// Has a text until this is dropped.
pub(super) struct Owner {
    connection: std::sync::Arc<RustConnection>,
    window: u32,
    thread: Option<JoinHandle<()>>,
}

impl Owner {
    /// Puts a text into the clipboard.
    pub(super) fn copy(display: &Display, text: &str) -> Self {
        Self::new(display, "CLIPBOARD", text)
    }

    /// Drags something of this kind ("text/plain", "text/uri-list") onto a window, and drops it there.
    pub(super) fn drop_onto(display: &Display, target: &str, kind: &str, text: &str) -> Self {
        let owner = Self::new(display, "XdndSelection", text);
        let target: u32 = target.parse().unwrap();
        let [kind, copy] = [kind, "XdndActionCopy"].map(|name| owner.atom(name));
        owner.send(target, "XdndEnter", [5 << 24, kind, 0, 0]);
        owner.send(target, "XdndPosition", [0, 60 << 16 | 60, x11rb::CURRENT_TIME, copy]);
        owner.send(target, "XdndDrop", [0, x11rb::CURRENT_TIME, 0, 0]);
        owner
    }

    fn new(display: &Display, selection: &str, text: &str) -> Self {
        let (connection, screen) = x11rb::connect(Some(&display.name)).unwrap();
        let connection = std::sync::Arc::new(connection);
        let window = connection.generate_id().unwrap();
        let root = connection.setup().roots[screen].root;
        let aux = CreateWindowAux::new();
        connection.create_window(0, window, root, 0, 0, 1, 1, 0, WindowClass::INPUT_OUTPUT, 0, &aux).unwrap();
        let mut owner = Self { connection, window, thread: None };
        let atom = owner.atom(selection);
        owner.connection.set_selection_owner(window, atom, x11rb::CURRENT_TIME).unwrap();
        owner.connection.sync().unwrap();
        let (connection, text) = (owner.connection.clone(), text.to_owned());
        owner.thread = Some(std::thread::spawn(move || answer(&connection, &text)));
        owner
    }

    fn atom(&self, name: &str) -> Atom {
        self.connection.intern_atom(false, name.as_bytes()).unwrap().reply().unwrap().atom
    }

    /// Sends a message of XDND, which begins with who sends it.
    fn send(&self, to: u32, kind: &str, [a, b, c, d]: [u32; 4]) {
        let message = ClientMessageEvent::new(32, to, self.atom(kind), [self.window, a, b, c, d]);
        self.connection.send_event(false, to, EventMask::NO_EVENT, message).unwrap();
        self.connection.flush().unwrap();
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // A message to itself ends the thread.
        let ended = self.atom("END");
        let message = ClientMessageEvent::new(32, self.window, ended, [0; 5]);
        let _ = self.connection.send_event(false, self.window, EventMask::NO_EVENT, message);
        let _ = self.connection.flush();
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Gives the text to whoever asks for it.
fn answer(connection: &RustConnection, text: &str) {
    let end = connection.intern_atom(false, b"END").unwrap().reply().unwrap().atom;
    while let Ok(event) = connection.wait_for_event() {
        match event {
            Event::SelectionRequest(asked) => {
                let (to, property) = (asked.requestor, asked.property);
                connection.change_property8(PropMode::REPLACE, to, property, asked.target, text.as_bytes()).unwrap();
                let notify = SelectionNotifyEvent {
                    response_type: SELECTION_NOTIFY_EVENT,
                    sequence: 0,
                    time: asked.time,
                    requestor: to,
                    selection: asked.selection,
                    target: asked.target,
                    property,
                };
                connection.send_event(false, to, EventMask::NO_EVENT, notify).unwrap();
                connection.flush().unwrap();
            }
            Event::ClientMessage(message) if message.type_ == end => break,
            _ => {}
        }
    }
}
