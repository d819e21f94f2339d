//! One viewer's position in a medium, as the core's sender moves it.

use std::rc::Rc;

use mutoscope::source::{Advance, Frame, FrameSource};
use mutoscope::time::Instant;

use super::medium::{FrameError, Medium};
use super::picture::Picture;

/// A viewer of a [`Library`](super::Library)'s medium. Holds one frame at most, and shares it with all who are there.
#[derive(Debug)]
pub struct Viewer {
    medium: Rc<Medium>,
    current: Option<Rc<Picture>>,
    next: u32,
}

impl Viewer {
    pub(super) fn new(medium: Rc<Medium>) -> Self {
        Self { medium, current: None, next: 0 }
    }

    fn show(&mut self, number: u32) -> Result<Advance, FrameError> {
        // Before loading: after an error the viewer stands behind the frame that failed.
        self.next = number.saturating_add(1);
        self.current = Some(self.medium.picture(number, self.current.take())?);
        Ok(Advance::Ready)
    }
}

impl FrameSource for Viewer {
    type Error = FrameError;

    fn advance(&mut self, now: Instant) -> Result<Advance, FrameError> {
        match self.medium.frames() {
            Some(frames) if self.next >= frames => {
                self.current = None;
                Ok(Advance::End)
            }
            Some(_) => self.show(self.next),
            None => {
                let newest = self.medium.live_number(now);
                if newest < self.next {
                    return Ok(Advance::Pending { until: Some(self.medium.live_instant(self.next)) });
                }
                self.show(newest)
            }
        }
    }

    fn frame(&self) -> Option<Frame<'_>> {
        self.current.as_deref().map(Picture::frame)
    }

    fn position(&self) -> u32 {
        self.next
    }

    fn seek(&mut self, number: u32) -> Result<(), FrameError> {
        if let Some(frames) = self.medium.frames() {
            self.next = number.min(frames);
            self.current = None;
        }
        Ok(())
    }
}
