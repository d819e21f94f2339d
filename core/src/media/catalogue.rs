//! What a server offers: names to media.

use super::{FrameRate, FrameSource};
use crate::wire::url::Path;

/// What a server offers under one name.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// For [`Catalogue::open`].
    pub id: usize,
    /// The path's name, without slashes at its ends.
    pub name: &'a str,
    /// Frames per second.
    pub frame_rate: FrameRate,
    /// How many there are; `None`: live.
    pub frames: Option<u32>,
    /// Width of the picture in pixels, 0 where it is not known before the first frame.
    pub width: u16,
    /// Height of the picture in pixels, likewise.
    pub height: u16,
    /// Why RTP/JPEG cannot carry it: a sentence for people. The lab dialect plays it all the same.
    pub refusal: Option<&'a str>,
}

/// What a server offers: names to media. Paths are compared with names and never opened as files, so nothing else can be reached.
pub trait Catalogue {
    /// One viewer's position in a medium.
    type Source: FrameSource;

    /// The medium that `path` names.
    fn find(&self, path: Path<'_>) -> Option<Entry<'_>>;

    /// A new viewer of a medium that [`find`](Self::find) gave, standing before its first frame; `None` where no more viewers
    /// can be had.
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
