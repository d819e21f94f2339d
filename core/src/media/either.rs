//! Two catalogues that are served as one.

use super::catalogue::{Catalogue, Displaced, Entry, Medium, NotReady, NotRecorded};
use super::{Advance, Course, Extent, Frame, FrameSink, FrameSource};
use crate::time::{Duration, Instant};
use crate::wire::url::Path;
use core::fmt;
use core::net::IpAddr;
use core::ops::{Deref, DerefMut};
use core::task::Waker;

/// A medium of one of two kinds, or its source or sink, or what these need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Either<A, B> {
    /// Of the first catalogue.
    First(A),
    /// Of the second catalogue.
    Second(B),
}

/// A pair of catalogues offers what both offer. A name that both have is the first one's.
///
/// Pairs of pairs are catalogues too, so any number of them can be served together: `(camera, (other_camera, files))`.
impl<A: Catalogue, B: Catalogue> Catalogue for (A, B) {
    type Medium = Either<A::Medium, B::Medium>;

    const MOVES: bool = A::MOVES || B::MOVES;

    fn find(&self, path: Path<'_>) -> Option<Self::Medium> {
        self.0.find(path).map(Either::First).or_else(|| self.1.find(path).map(Either::Second))
    }

    fn tell_names(&self, each: &mut dyn FnMut(&str)) {
        self.0.tell_names(each);
        self.1.tell_names(each);
    }

    fn has_elsewhere(&self) -> bool {
        self.0.has_elsewhere() || self.1.has_elsewhere()
    }

    fn elsewhere(&self, displaced: &Displaced<'_>, tell: &mut dyn FnMut(&str)) {
        if self.0.find(displaced.path).is_some() {
            self.0.elsewhere(displaced, tell);
        } else {
            self.1.elsewhere(displaced, tell);
        }
    }
}

impl<A: Medium, B: Medium> Medium for Either<A, B> {
    type Source = Either<A::Source, B::Source>;
    type Sink = Either<A::Sink, B::Sink>;

    fn entry(&self, waker: &Waker) -> Result<Entry<'_>, NotReady<'_>> {
        // Even numbers are the first one's media, odd numbers the second one's.
        let (entry, parity) = match self {
            Self::First(medium) => (medium.entry(waker)?, 0),
            Self::Second(medium) => (medium.entry(waker)?, 1),
        };
        Ok(Entry { id: entry.id.wrapping_mul(2) | parity, ..entry })
    }

    fn is_missing(&self) -> bool {
        match self {
            Self::First(medium) => medium.is_missing(),
            Self::Second(medium) => medium.is_missing(),
        }
    }

    fn open(&self) -> Option<Self::Source> {
        match self {
            Self::First(medium) => medium.open().map(Either::First),
            Self::Second(medium) => medium.open().map(Either::Second),
        }
    }

    fn record(&self, address: IpAddr) -> Result<Self::Sink, NotRecorded> {
        match self {
            Self::First(medium) => medium.record(address).map(Either::First),
            Self::Second(medium) => medium.record(address).map(Either::Second),
        }
    }
}

impl<A: FrameSink, B: FrameSink> FrameSink for Either<A, B> {
    type Buffer = Either<A::Buffer, B::Buffer>;
    type Home<T> = Either<A::Home<T>, B::Home<T>>;

    fn home<T>(&self, machine: T) -> Self::Home<T> {
        match self {
            Self::First(sink) => Either::First(sink.home(machine)),
            Self::Second(sink) => Either::Second(sink.home(machine)),
        }
    }

    fn buffers(&mut self) -> [Self::Buffer; 2] {
        match self {
            Self::First(sink) => sink.buffers().map(Either::First),
            Self::Second(sink) => sink.buffers().map(Either::Second),
        }
    }

    fn publish(&mut self, now: Instant, jpeg: &[u8], captured: Instant) {
        match self {
            Self::First(sink) => sink.publish(now, jpeg, captured),
            Self::Second(sink) => sink.publish(now, jpeg, captured),
        }
    }

    fn is_over(&self) -> bool {
        match self {
            Self::First(sink) => sink.is_over(),
            Self::Second(sink) => sink.is_over(),
        }
    }

    fn note_packets(&mut self, came: u64, lost: u64) {
        match self {
            Self::First(sink) => sink.note_packets(came, lost),
            Self::Second(sink) => sink.note_packets(came, lost),
        }
    }
}

impl<T, A: Deref<Target = T>, B: Deref<Target = T>> Deref for Either<A, B> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::First(home) => home,
            Self::Second(home) => home,
        }
    }
}

impl<T, A: DerefMut<Target = T>, B: DerefMut<Target = T>> DerefMut for Either<A, B> {
    fn deref_mut(&mut self) -> &mut T {
        match self {
            Self::First(home) => home,
            Self::Second(home) => home,
        }
    }
}

impl<T, A: AsRef<T>, B: AsRef<T>> AsRef<T> for Either<A, B>
where
    T: ?Sized,
{
    fn as_ref(&self) -> &T {
        match self {
            Self::First(buffer) => buffer.as_ref(),
            Self::Second(buffer) => buffer.as_ref(),
        }
    }
}

impl<T, A: AsMut<T>, B: AsMut<T>> AsMut<T> for Either<A, B>
where
    T: ?Sized,
{
    fn as_mut(&mut self) -> &mut T {
        match self {
            Self::First(buffer) => buffer.as_mut(),
            Self::Second(buffer) => buffer.as_mut(),
        }
    }
}

impl<A: FrameSource, B: FrameSource> FrameSource for Either<A, B> {
    type Error = Either<A::Error, B::Error>;

    fn advance(&mut self, now: Instant, waker: &Waker) -> Result<Advance, Self::Error> {
        match self {
            Self::First(source) => source.advance(now, waker).map_err(Either::First),
            Self::Second(source) => source.advance(now, waker).map_err(Either::Second),
        }
    }

    fn frame(&self) -> Option<Frame<'_>> {
        match self {
            Self::First(source) => source.frame(),
            Self::Second(source) => source.frame(),
        }
    }

    fn original(&self) -> Option<&[u8]> {
        match self {
            Self::First(source) => source.original(),
            Self::Second(source) => source.original(),
        }
    }

    fn absence(&self) -> Option<&str> {
        match self {
            Self::First(source) => source.absence(),
            Self::Second(source) => source.absence(),
        }
    }

    fn position(&self) -> u32 {
        match self {
            Self::First(source) => source.position(),
            Self::Second(source) => source.position(),
        }
    }

    fn seek(&mut self, number: u32) -> Result<(), Self::Error> {
        match self {
            Self::First(source) => source.seek(number).map_err(Either::First),
            Self::Second(source) => source.seek(number).map_err(Either::Second),
        }
    }

    fn seek_time(&mut self, time: Duration) -> Result<(), Self::Error> {
        match self {
            Self::First(source) => source.seek_time(time).map_err(Either::First),
            Self::Second(source) => source.seek_time(time).map_err(Either::Second),
        }
    }

    fn extent(&self) -> Option<Extent> {
        match self {
            Self::First(source) => source.extent(),
            Self::Second(source) => source.extent(),
        }
    }

    fn expect(&mut self, course: Course) {
        match self {
            Self::First(source) => source.expect(course),
            Self::Second(source) => source.expect(course),
        }
    }
}

impl<A: fmt::Display, B: fmt::Display> fmt::Display for Either<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First(one) => one.fmt(f),
            Self::Second(other) => other.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::FrameRate;
    use crate::media::NoSink;
    use crate::media::live::{Live, LiveSource};

    type Camera = Live<'static, [u8; 4], 1>;

    fn camera(name: &'static str, width: u16) -> Camera {
        Live::new(name, FrameRate::new(25, 1).unwrap(), (width, 16), [[0; 4]])
    }

    #[test]
    fn each_name_leads_to_the_catalogue_that_has_it_and_the_first_one_comes_first() {
        let [a, b, c] = [camera("a", 16), camera("b", 32), camera("a", 48)];
        let all = (&a, (&b, &c));
        let width = |name| all.find(Path::new(name)).map(|medium| medium.entry(Waker::noop()).unwrap().width);
        assert_eq!([width("a"), width("b"), width("c")], [Some(16), Some(32), None]);
        let opened = |name| all.find(Path::new(name)).unwrap().open().unwrap();
        assert!(matches!(opened("a"), Either::First(_)));
        assert!(matches!(opened("b"), Either::Second(Either::First(_))));
        let second = (&b, &a).find(Path::new("a")).unwrap();
        assert!(matches!(second.entry(Waker::noop()), Ok(Entry { id: 1, .. })));
    }

    #[test]
    fn a_source_is_the_one_of_its_catalogue() {
        let [a, b] = [camera("a", 16), camera("b", 32)];
        let mut source: Either<LiveSource<'_, '_, _, 1>, _> =
            (&a, &b).find(Path::new("b")).and_then(|medium| medium.open()).unwrap();
        let publish = |camera: &Camera| {
            camera.publish(Instant::default(), |out| {
                out.fill(7);
                Ok::<_, ()>(2)
            })
        };
        assert_eq!((b.viewers(), publish(&a)), (1, Ok(true)));
        assert!(matches!(source.advance(Instant::default(), Waker::noop()), Ok(Advance::Pending { .. })));
        assert_eq!(publish(&b), Ok(true));
        assert_eq!(source.advance(Instant::default(), Waker::noop()), Ok(Advance::Ready));
        assert_eq!(source.frame().map(|frame| frame.data.len()), Some(2));
        assert_eq!((source.position(), source.seek(0), source.original()), (1, Ok(()), None));
    }

    /// Remembers what it is told.
    #[derive(Default)]
    struct Sink {
        pictures: usize,
        packets: (u64, u64),
    }

    impl FrameSink for Sink {
        type Buffer = [u8; 0];
        type Home<T> = std::boxed::Box<T>;

        fn home<T>(&self, machine: T) -> std::boxed::Box<T> {
            std::boxed::Box::new(machine)
        }

        fn buffers(&mut self) -> [[u8; 0]; 2] {
            [[]; 2]
        }

        fn publish(&mut self, _: Instant, _: &[u8], _: Instant) {
            self.pictures += 1;
        }

        fn note_packets(&mut self, came: u64, lost: u64) {
            self.packets = (came, lost);
        }
    }

    #[test]
    fn a_sink_hears_all_that_it_hears_alone() {
        let mut sink: Either<NoSink, Sink> = Either::Second(Sink::default());
        sink.publish(Instant::default(), &[], Instant::default());
        sink.note_packets(40, 10);
        let Either::Second(sink) = sink;
        assert_eq!((sink.pictures, sink.packets), (1, (40, 10)));
    }
}
