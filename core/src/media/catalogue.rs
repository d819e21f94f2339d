//! The catalogue of a server: names, and the media that they name.

use super::{Extent, FrameRate, FrameSink, FrameSource};
use crate::time::Duration;
use crate::wire::url::Path;
use core::net::IpAddr;
use core::task::Waker;

/// What a medium is, as a description tells it.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Tells the medium from the other media of its catalogue.
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

/// A medium keeps its name, but cannot be described or opened now: a camera that is starting or has gone away, a file that
/// nobody has looked into yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotReady<'a> {
    /// What is missing, as a sentence for people.
    pub reason: &'a str,
    /// When a client that was refused may try again.
    pub retry_after: Duration,
}

/// Why a publisher cannot give a medium its pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum NotRecorded {
    /// It has pictures of its own.
    NotDeclared,
    /// It takes those of the server's own machine alone, and the publisher is elsewhere.
    Remote,
    /// Another publisher does so, and is not gone yet.
    Taken,
}

/// A viewer for whom there is no room, and what it asks for.
#[derive(Clone, Copy, Debug)]
pub struct Displaced<'a> {
    /// The path of the medium.
    pub path: Path<'a>,
    /// What stands behind the path in the URL, and its `?`.
    pub query: &'a str,
    /// Nobody can listen on its way, and nobody is to be able to where it is sent.
    pub is_private: bool,
}

/// The media that a server offers. Paths are compared with names and never opened as files, so nothing else can be reached.
pub trait Catalogue {
    /// One of the media.
    type Medium: Medium;

    /// Whether it may know other servers that have its media. A server has no code for that where not.
    const MOVES: bool = false;

    /// The medium that `path` names, if there is one.
    fn find(&self, path: Path<'_>) -> Option<Self::Medium>;

    /// Calls `each` with the name of each medium, as far as they are known, for clients of the lab dialect that ask what there is.
    /// Where nothing is to be told, as here, there is nothing to do.
    fn tell_names(&self, each: &mut dyn FnMut(&str)) {
        let _ = each;
    }

    /// Whether another server may have room for viewers. It is asked where there is none here, and must not wait.
    fn has_elsewhere(&self) -> bool {
        false
    }

    /// Calls `tell`, once, with the URL at which another server has a medium and room, if there is such a server. It must not wait.
    fn elsewhere(&self, displaced: &Displaced<'_>, tell: &mut dyn FnMut(&str)) {
        let _ = (displaced, tell);
    }
}

/// A medium that a server offers under one name. A server keeps it while a client waits for it, so a medium that is produced on
/// demand counts those that are kept, together with their sources.
pub trait Medium {
    /// One viewer's position in the medium.
    type Source: FrameSource;
    /// Where pictures of a publisher go; [`NoSink`](super::NoSink) in media that have pictures of their own.
    type Sink: FrameSink;

    /// What the medium is.
    ///
    /// # Errors
    /// It cannot be told yet. `waker` is woken, from any thread, as soon as that may have changed. The server asks again then, and
    /// refuses the request where its patience ends first.
    fn entry(&self, waker: &Waker) -> Result<Entry<'_>, NotReady<'_>>;

    /// Whether there is no such medium after all, which may show only when somebody has looked. It is asked where
    /// [`entry`](Self::entry) could not tell, and such a request is refused at once.
    fn is_missing(&self) -> bool {
        false
    }

    /// A new viewer. It stands before the first frame. `None` if the medium takes no more viewers.
    fn open(&self) -> Option<Self::Source>;

    /// A publisher at `address` will give it its pictures, from now until the sink is dropped.
    ///
    /// # Errors
    /// Why it will not. This is what media without a sink say.
    fn record(&self, address: IpAddr) -> Result<Self::Sink, NotRecorded> {
        let _ = address;
        Err(NotRecorded::NotDeclared)
    }
}

impl<C: Catalogue> Catalogue for &C {
    type Medium = C::Medium;

    const MOVES: bool = C::MOVES;

    fn find(&self, path: Path<'_>) -> Option<Self::Medium> {
        (**self).find(path)
    }

    fn tell_names(&self, each: &mut dyn FnMut(&str)) {
        (**self).tell_names(each);
    }

    fn has_elsewhere(&self) -> bool {
        (**self).has_elsewhere()
    }

    fn elsewhere(&self, displaced: &Displaced<'_>, tell: &mut dyn FnMut(&str)) {
        (**self).elsewhere(displaced, tell);
    }
}
