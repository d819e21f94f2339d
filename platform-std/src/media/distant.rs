//! Films of which the frames are elsewhere: whoever has them is asked for each, and they come when they come.

use std::sync::Arc;

use mutoscope::media::FrameRate;
use mutoscope::media::catalogue::Entry;

use super::bringer::Bringer;
use super::glance::Glance;
use super::library::entry;
use super::policy::Policy;
use super::shared_media::{SharedMedia, Workers};
use super::source::LibrarySource;

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
