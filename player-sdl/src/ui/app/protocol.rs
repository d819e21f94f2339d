//! What the window has to do with the protocol pane.

use super::App;
use crate::json::JsonLine;
use crate::ui::pane::{Done, Part};
use sdl2::event::Event as SdlEvent;
use std::time::Instant;

impl App<'_, '_> {
    /// Lets the pane take an event, if it is open. Returns whether the event was its.
    pub(super) fn give_to_pane(&mut self, event: &SdlEvent) -> bool {
        let (layout, ratio) = (self.display.layout(), self.display.pixel_ratio());
        let Some(plan) = layout.pane.as_ref().filter(|_| !self.overlays.help) else { return false };
        let protocol = self.streams.get(self.chosen).map(|stream| &stream.run.protocol);
        let has_focus = self.input.focus().is_some();
        let done = self.pane.handle_event(event, (plan, layout.scale, ratio), protocol, has_focus);
        done.map(|done| self.finish(done)).is_some()
    }

    /// Does what the user has done to the pane.
    pub(super) fn finish(&mut self, done: Done) {
        let now = Instant::now();
        self.input.touch(now);
        match done {
            Done::Impair(network) => {
                self.streams.iter().for_each(|stream| stream.run.network.commander().impair(network));
            }
            Done::Press(Part::Save) => {
                let line = self.stream_mut().and_then(|stream| stream.save_protocol(now));
                line.into_iter().for_each(|line| self.log(line));
            }
            Done::Press(_) => self.copy_protocol(now),
            Done::Nothing => {}
        }
    }

    fn copy_protocol(&mut self, now: Instant) {
        let Some(stream) = self.streams.get_mut(self.chosen) else { return };
        let text = self.pane.text(&stream.run.protocol, &stream.url);
        let said = match self.asking.clipboard.set_clipboard_text(&text) {
            Ok(()) => format!("Copied {} lines", text.lines().count()),
            Err(error) => format!("Cannot copy: {error}"),
        };
        stream.model.show_toast(said, now);
        self.log(JsonLine::new("copied").int("bytes", text.len() as i128));
    }
}
