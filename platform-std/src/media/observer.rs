//! What happens to streams, for whoever wants to know it.

use std::fmt;
use std::sync::Arc;
use std::task::Waker;

use mutoscope::media::catalogue::{Entry, Medium, NotReady, NotRecorded};
use mutoscope::media::{Advance, Course, Extent, Frame, FrameSource};
use mutoscope::time::{Duration, Instant};

/// What happens to a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// One more watches it.
    Came,
    /// One of them does so no more.
    Left,
    /// Its pictures have ceased, or could not begin; this is why, as a sentence for people, without secrets.
    Lost(&'a str),
    /// There are pictures again, or for the first time.
    Back,
    /// Its pictures are not expected yet.
    Away,
    /// There is no such stream any more. Those who still watch it will leave.
    Gone,
}

/// Who is told of what happens to streams, from any thread; it must not wait.
pub trait Observer: Send + Sync {
    /// This has happened to the stream of this name.
    fn handle(&self, stream: &str, change: Change<'_>);
}

/// A medium whose viewers are told of: whoever has opened it, by whatever protocol, playing or not.
pub struct Observed<M> {
    medium: M,
    observer: Option<Arc<dyn Observer>>,
}

impl<M> Observed<M> {
    /// `medium`, and who is told; nobody if `None`.
    pub fn new(medium: M, observer: Option<Arc<dyn Observer>>) -> Self {
        Self { medium, observer }
    }
}

impl<M: Medium> Medium for Observed<M> {
    type Source = ObservedSource<M::Source>;
    type Sink = M::Sink;

    fn entry(&self, waker: &Waker) -> Result<Entry<'_>, NotReady<'_>> {
        self.medium.entry(waker)
    }

    fn is_missing(&self) -> bool {
        self.medium.is_missing()
    }

    fn open(&self) -> Option<Self::Source> {
        let source = self.medium.open()?;
        let seat = self.observer.as_ref().and_then(|observer| {
            // Whoever opens a medium has seen its entry.
            let stream = self.medium.entry(Waker::noop()).ok()?.name.to_owned();
            observer.handle(&stream, Change::Came);
            Some(Box::new(Seat { stream, observer: Arc::clone(observer) }))
        });
        Some(ObservedSource { source, seat })
    }

    fn record(&self, address: std::net::IpAddr) -> Result<Self::Sink, NotRecorded> {
        self.medium.record(address)
    }
}

impl<M: fmt::Debug> fmt::Debug for Observed<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.medium.fmt(f)
    }
}

/// The place of one who watches.
struct Seat {
    stream: String,
    observer: Arc<dyn Observer>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.observer.handle(&self.stream, Change::Left);
    }
}

/// The source of an [`Observed`] medium.
pub struct ObservedSource<S> {
    source: S,
    // Small where nobody is told.
    #[expect(dead_code, reason = "it tells by being dropped")]
    seat: Option<Box<Seat>>,
}

impl<S: FrameSource> FrameSource for ObservedSource<S> {
    type Error = S::Error;

    fn advance(&mut self, now: Instant, waker: &Waker) -> Result<Advance, Self::Error> {
        self.source.advance(now, waker)
    }

    fn frame(&self) -> Option<Frame<'_>> {
        self.source.frame()
    }

    fn original(&self) -> Option<&[u8]> {
        self.source.original()
    }

    fn absence(&self) -> Option<&str> {
        self.source.absence()
    }

    fn position(&self) -> u32 {
        self.source.position()
    }

    fn seek(&mut self, number: u32) -> Result<(), Self::Error> {
        self.source.seek(number)
    }

    fn seek_time(&mut self, time: Duration) -> Result<(), Self::Error> {
        self.source.seek_time(time)
    }

    fn extent(&self) -> Option<Extent> {
        self.source.extent()
    }

    fn expect(&mut self, course: Course) {
        self.source.expect(course);
    }
}

impl<S: fmt::Debug> fmt::Debug for ObservedSource<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}
