//! Ways in which a stream comes to its end.

use super::Way;
use crate::media::FrameRate;
use crate::time::{Duration, Instant};

/// BYE travels on another socket than media and must not overtake the last frame inside a busy receiver.
const BYE_DELAY: Duration = Duration::from_millis(400);

/// A file of which nothing could be read for so long, in microseconds of its own time, is gone, and its stream ends. A stream
/// also ends where nothing could be sent for a whole round. The client can ask for PLAY again and will see whether it is back.
const UNREAD_FOR: u64 = 30_000_000;

/// When BYE is due, where the last frame ended at `end`.
pub(super) fn bye_due(end: Instant, way: Way, with_reports: bool) -> Instant {
    match way {
        Way::Udp if with_reports => end.after(BYE_DELAY),
        Way::Udp | Way::Interleaved => end,
    }
}

/// Why a frame did not leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// The source could not read it.
    Unreadable,
    /// It is damaged, too large, or its payload format cannot carry it.
    Unsendable,
    /// The source said that it has a frame, and then did not have it.
    Missing,
}

/// Frames that were left out one after another.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Losses {
    left_out: u32,
    /// How many of the last of them could not even be read.
    unread: u32,
}

impl Losses {
    /// One more. Whether the file of `frames` frames is gone.
    pub(super) fn count(&mut self, why: LeftOut, frames: u32, rate: FrameRate) -> bool {
        match why {
            LeftOut::Unreadable => self.unread = self.unread.saturating_add(1),
            LeftOut::Unsendable => self.unread = 0,
            LeftOut::Missing => {}
        }
        self.left_out = self.left_out.saturating_add(1);
        self.left_out >= frames || u64::from(self.unread) >= rate.frames_in(UNREAD_FOR)
    }

    pub(super) const fn left_out(&self) -> u32 {
        self.left_out
    }
}
