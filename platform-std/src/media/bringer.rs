//! Frames that are elsewhere: who brings them, and who takes them.

use std::fmt;
use std::sync::{Arc, Weak};
use std::task::Waker;

use mutoscope::media::Extent;
use mutoscope::time::Duration;

use super::error::FrameError;
use super::picture::{Buffers, Picture};

/// Who has the frames of one film, or knows who does. Nothing here may wait.
pub(crate) trait Bringer: fmt::Debug + Send + Sync {
    /// How far the film reaches by now.
    fn extent(&self) -> Extent;

    /// How many frames there are by now; more than there are where that is not known.
    fn frames(&self) -> u32;

    /// No more frames will come: those who watch it are at its end.
    fn is_over(&self) -> bool;

    /// How many frames are worth being ordered before they are shown.
    fn ahead(&self) -> usize;

    /// Has a frame brought.
    fn bring(&self, frame: Wanted);

    /// The number of the frame that is shown at this time. `None`: somebody is asked, and the viewer is woken.
    fn number_at(&self, micros: u64, viewer: u64, waker: &Waker) -> Option<u32>;

    /// Has a viewer that has seen all there is woken when there is more, or when that was all.
    fn wake_later(&self, viewer: u64, waker: &Waker);
}

/// A frame that somebody wants to see.
pub(crate) struct Wanted {
    medium: Weak<dyn Takes>,
    picture: Weak<Picture>,
    number: u32,
    buffers: Buffers,
}

impl Wanted {
    pub(super) fn new(medium: Weak<dyn Takes>, picture: &Arc<Picture>, buffers: Buffers) -> Self {
        Self { medium, picture: Arc::downgrade(picture), number: picture.number(), buffers }
    }

    /// Its number.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Whether somebody still waits for it.
    pub(crate) fn is_wanted(&self) -> bool {
        self.picture.strong_count() > 0
    }

    /// Here it is; workers make it ready. `time`: how long after the beginning it is shown, in films whose frames tell that.
    pub(crate) fn give(self, time: Option<Duration>, jpeg: &[u8]) {
        let Buffers { mut file, converted } = self.buffers;
        file.clear();
        file.extend_from_slice(jpeg);
        if let (Some(medium), Some(picture)) = (self.medium.upgrade(), self.picture.upgrade()) {
            medium.take_later(picture, time, Buffers { file, converted });
        }
    }

    /// It cannot be had.
    pub(crate) fn fail(self, error: FrameError) {
        if let (Some(medium), Some(picture)) = (self.medium.upgrade(), self.picture.upgrade()) {
            medium.take_failure(picture, error);
        }
    }
}

/// Whoever wants frames.
pub(super) trait Takes: Send + Sync {
    /// Has a worker make a frame ready.
    fn take_later(self: Arc<Self>, picture: Arc<Picture>, time: Option<Duration>, buffers: Buffers);

    /// It cannot be had.
    fn take_failure(self: Arc<Self>, picture: Arc<Picture>, error: FrameError);
}
