//! Films of which the frames are elsewhere: whoever has them is asked for each, and they come when they come.

use std::fmt;
use std::sync::{Arc, Weak};
use std::task::Waker;

use mutoscope::media::catalogue::Entry;
use mutoscope::media::{Extent, FrameRate};
use mutoscope::time::Duration;

use super::error::FrameError;
use super::glance::Glance;
use super::library::entry;
use super::picture::{Buffers, Picture};
use super::policy::Policy;
use super::shared_media::{SharedMedia, Workers};
use super::source::LibrarySource;

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
    medium: Weak<SharedMedia>,
    picture: Weak<Picture>,
    number: u32,
    buffers: Buffers,
}

impl Wanted {
    pub(super) fn new(medium: &Arc<SharedMedia>, picture: &Arc<Picture>, buffers: Buffers) -> Self {
        let number = picture.number();
        Self { medium: Arc::downgrade(medium), picture: Arc::downgrade(picture), number, buffers }
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
            medium.take_later(&picture, time, file, converted);
        }
    }

    /// It cannot be had.
    pub(crate) fn fail(self, error: FrameError) {
        if let (Some(medium), Some(picture)) = (self.medium.upgrade(), self.picture.upgrade()) {
            medium.fulfil(picture, Err(error));
        }
    }
}

/// What makes frames of distant films ready.
#[derive(Debug)]
pub(crate) struct Distance(Arc<Workers>);

/// A film whose frames are elsewhere, for all who watch it here.
#[derive(Clone, Debug)]
pub(crate) struct DistantFilm(Arc<SharedMedia>);

impl Distance {
    pub(crate) fn new(policy: Policy) -> Self {
        Self(Arc::new(Workers::new(policy)))
    }

    /// A film that is described by its `rate` and its first frame.
    pub(crate) fn film(&self, name: &str, rate: FrameRate, first: Vec<u8>, bringer: Arc<dyn Bringer>) -> DistantFilm {
        DistantFilm(SharedMedia::distant(name, rate, first, bringer, &self.0))
    }
}

impl DistantFilm {
    /// What it is.
    pub(crate) fn entry(&self) -> Entry<'_> {
        entry(&self.0)
    }

    /// A viewer at its start.
    pub(crate) fn open(&self) -> LibrarySource {
        LibrarySource::new(Arc::clone(&self.0))
    }

    /// What is known of it.
    pub(crate) fn glance(&self) -> Glance {
        Glance::of(&self.0)
    }
}
