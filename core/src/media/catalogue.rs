//! The catalogue of a server: names, and the media that they name.

use super::{Extent, FrameRate, FrameSource};
use crate::wire::url::Path;

/// A medium that a server offers under one name.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Identifies the medium for [`Catalogue::open`].
    pub id: usize,
    /// The path's name, without slashes at its ends.
    pub name: &'a str,
    /// Frames per second.
    pub frame_rate: FrameRate,
    /// How far it reaches by now.
    pub extent: Extent,
    /// Width of the picture in pixels; 0 if it is not known before the first frame.
    pub width: u16,
    /// Height of the picture in pixels; 0 if it is not known before the first frame.
    pub height: u16,
    /// The reason why RTP/JPEG cannot carry it, as a sentence for people. The lab dialect plays it all the same.
    pub refusal: Option<&'a str>,
}

/// The media that a server offers. Paths are compared with names and never opened as files, so nothing else can be reached.
pub trait Catalogue {
    /// One viewer's position in a medium.
    type Source: FrameSource;

    /// The medium that `path` names, if there is one.
    fn find(&self, path: Path<'_>) -> Option<Entry<'_>>;

    /// A new viewer of a medium that [`find`](Self::find) gave. It stands before the first frame. `None` if the medium takes no more
    /// viewers.
    fn open(&self, id: usize) -> Option<Self::Source>;
}

impl<M: Catalogue> Catalogue for &M {
    type Source = M::Source;

    fn find(&self, path: Path<'_>) -> Option<Entry<'_>> {
        (**self).find(path)
    }

    fn open(&self, id: usize) -> Option<Self::Source> {
        (**self).open(id)
    }
}
