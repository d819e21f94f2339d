//! One camera for many viewers. A picture is captured once, and sent from the buffer that it was captured into.
//!
//! ```text
//!  camera --publish--> [ buffer | buffer | .. ] <--lend-- source --> RTP packets of client 1
//!                        newest ^     ^ sent to client 1     source --> RTP packets of client 2
//! ```
//! A viewer holds a buffer only while it sends the picture in it, and viewers that send the same picture share it. Each
//! holds one buffer at most. So with as many buffers as viewers, nobody waits for the slow connection of another viewer: as
//! long as a viewer wants a picture, there is a buffer to capture into. Two buffers serve any number of viewers over UDP,
//! which is done with a picture in milliseconds.

use super::catalogue::{Catalogue, Entry, Medium, NotReady};
use super::{Advance, Extent, Frame, FrameRate, FrameSource, NoSink};
use crate::jpeg::{self, Layout};
use crate::time::{Duration, Instant};
use crate::wire::url::Path;
use core::cell::{Cell, Ref, RefCell};
use core::convert::Infallible;
use core::fmt;
use core::task::Waker;

/// The time after which an overdue picture is asked for again.
const OVERDUE: Duration = Duration::from_millis(1);

/// A live medium of one name. `B` are its buffers: `&'static mut [u8]` on firmware, an array in a test.
///
/// `&Live` is a [`Catalogue`] of this one medium. An application with several media makes its own catalogue of
/// [`media`](Self::media) and [`viewer`](Self::viewer).
pub struct Live<'a, B, const BUFFERS: usize> {
    name: &'a str,
    rate: FrameRate,
    size: (u16, u16),
    buffers: [RefCell<Picture<B>>; BUFFERS],
    newest: Cell<Option<usize>>,
    published: Cell<u32>,
    viewers: Cell<usize>,
}

struct Picture<B> {
    bytes: B,
    len: usize,
    /// `None`: there is no picture in it.
    number: Option<u32>,
    captured: Instant,
    layout: Result<Layout, jpeg::Error>,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Picture<B> {
    /// Finds out where the parts of the file are. One that lacks its end is completed in its buffer, if that is long enough, so
    /// that all viewers see the same.
    fn read(&mut self) {
        self.layout = Layout::parse(self.bytes.as_ref().get(..self.len).unwrap_or(&[]));
        if let Ok(layout) = self.layout
            && !layout.has_end()
            && let Ok(mended) = jpeg::mend(self.bytes.as_mut(), self.len, &layout)
        {
            (self.len, self.layout) = (mended.len, Ok(mended.layout));
        }
    }
}

impl<'a, B: AsRef<[u8]> + AsMut<[u8]>, const BUFFERS: usize> Live<'a, B, BUFFERS> {
    /// A medium without a picture yet. `rate` is the number of pictures per second that the description announces and
    /// viewers expect. `size` is width and height in pixels. Each buffer has to hold the longest JPEG file that will be
    /// published, and what is missing of one that lacks its end.
    pub fn new(name: &'a str, rate: FrameRate, size: (u16, u16), buffers: [B; BUFFERS]) -> Self {
        let empty = |bytes| {
            let (captured, layout) = (Instant::default(), Layout::parse(&[]));
            RefCell::new(Picture { bytes, len: 0, number: None, captured, layout })
        };
        Self {
            name,
            rate,
            size,
            buffers: buffers.map(empty),
            newest: Cell::new(None),
            published: Cell::new(0),
            viewers: Cell::new(0),
        }
    }

    /// Lets `fill` write a JPEG file into a buffer that nobody sends from, and makes it the newest picture. `fill` returns
    /// the file's length. `captured` is the time when the picture was taken, and becomes its timestamp.
    ///
    /// `Ok(false)`: every buffer is being sent from, and `fill` was not called. Drop this picture, or publish it later. If
    /// it is published before the server is polled, it leaves in that poll.
    ///
    /// # Errors
    /// Those of `fill`. The buffer's contents are lost then, and viewers keep waiting.
    pub fn publish<E>(&self, captured: Instant, fill: impl FnOnce(&mut [u8]) -> Result<usize, E>) -> Result<bool, E> {
        // The oldest of the free ones, so that a viewer who comes late to the newest still finds it.
        let free = self.buffers.iter().enumerate().filter_map(|(index, buffer)| {
            let picture = buffer.try_borrow_mut().ok()?;
            Some((picture.number, index, picture))
        });
        let Some((_, index, mut picture)) = free.min_by_key(|(number, ..)| *number) else { return Ok(false) };
        picture.number = None;
        picture.len = fill(picture.bytes.as_mut())?;
        picture.captured = captured;
        picture.read();
        let number = self.published.get();
        picture.number = Some(number);
        self.published.set(number.wrapping_add(1));
        self.newest.set(Some(index));
        Ok(true)
    }

    /// The number of sessions, playing or not. While there is none, nothing need be captured.
    pub fn viewers(&self) -> usize {
        self.viewers.get()
    }

    /// Its entry, for a [`Catalogue`] of several media that calls it `id`.
    pub fn media(&self, id: usize) -> Entry<'_> {
        let (width, height) = self.size;
        Entry { id, name: self.name, frame_rate: self.rate, extent: Extent::Live, width, height, refusal: None }
    }

    /// A viewer of all pictures that are published from now on.
    pub fn viewer(&self) -> LiveSource<'_, 'a, B, BUFFERS> {
        self.viewers.set(self.viewers.get().saturating_add(1));
        LiveSource { live: self, next: self.published.get(), held: None }
    }

    fn newest(&self) -> Option<Ref<'_, Picture<B>>> {
        self.buffers.get(self.newest.get()?)?.try_borrow().ok().filter(|picture| picture.number.is_some())
    }
}

impl<'l, 'a, B: AsRef<[u8]> + AsMut<[u8]>, const BUFFERS: usize> Catalogue for &'l Live<'a, B, BUFFERS> {
    type Medium = Self;

    fn find(&self, path: Path<'_>) -> Option<Self> {
        path.names(self.name).then_some(*self)
    }

    fn tell_names(&self, each: &mut dyn FnMut(&str)) {
        each(self.name);
    }
}

impl<'l, 'a, B: AsRef<[u8]> + AsMut<[u8]>, const BUFFERS: usize> Medium for &'l Live<'a, B, BUFFERS> {
    type Source = LiveSource<'l, 'a, B, BUFFERS>;
    type Sink = NoSink;

    fn entry(&self, _: &Waker) -> Result<Entry<'_>, NotReady<'_>> {
        Ok(self.media(0))
    }

    fn open(&self) -> Option<Self::Source> {
        Some(self.viewer())
    }
}

impl<B, const BUFFERS: usize> fmt::Debug for Live<'_, B, BUFFERS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live")
            .field("name", &self.name)
            .field("published", &self.published)
            .field("viewers", &self.viewers)
            .finish_non_exhaustive()
    }
}

/// One viewer of a [`Live`] medium. It gives the newest picture. Pictures that come while one is being sent are left out.
pub struct LiveSource<'l, 'a, B, const BUFFERS: usize> {
    live: &'l Live<'a, B, BUFFERS>,
    next: u32,
    held: Option<Ref<'l, Picture<B>>>,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>, const BUFFERS: usize> FrameSource for LiveSource<'_, '_, B, BUFFERS> {
    type Error = Infallible;

    fn advance(&mut self, now: Instant, _: &Waker) -> Result<Advance, Infallible> {
        // The pump asks as soon as it has sent a frame, so that the buffer is held no longer than needed.
        self.held = None;
        let newest = self.live.newest();
        let expected = newest.as_ref().map(|picture| picture.captured.after(self.live.rate.interval()));
        // Behind `next` in a number that wraps.
        self.held =
            newest.filter(|picture| picture.number.is_some_and(|number| number.wrapping_sub(self.next) < u32::MAX / 2));
        match self.held.as_ref().and_then(|picture| picture.number) {
            Some(number) => {
                self.next = number.wrapping_add(1);
                Ok(Advance::Ready)
            }
            None => {
                let until = expected.filter(|at| *at > now).unwrap_or(now.after(OVERDUE));
                Ok(Advance::Pending { until: Some(until) })
            }
        }
    }

    fn frame(&self) -> Option<Frame<'_>> {
        let Picture { bytes, len, number, captured, layout } = &**self.held.as_ref()?;
        let data = bytes.as_ref().get(..*len)?;
        Some(Frame { number: (*number)?, data, captured: Some(*captured), time: None, layout: *layout })
    }

    fn position(&self) -> u32 {
        self.next
    }

    fn seek(&mut self, _: u32) -> Result<(), Infallible> {
        self.held = None;
        Ok(())
    }
}

impl<B, const BUFFERS: usize> Drop for LiveSource<'_, '_, B, BUFFERS> {
    fn drop(&mut self) {
        self.live.viewers.set(self.live.viewers.get().saturating_sub(1));
    }
}

impl<B, const BUFFERS: usize> fmt::Debug for LiveSource<'_, '_, B, BUFFERS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveSource").field("next", &self.next).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Two = Live<'static, [u8; 4], 2>;

    fn live() -> Two {
        Live::new("camera", FrameRate::new(25, 1).unwrap(), (16, 16), [[0; 4]; 2])
    }

    fn at(millis: u64) -> Instant {
        Instant::from_millis(1000 + millis)
    }

    fn publish(live: &Two, millis: u64, byte: u8) -> bool {
        let fill = |out: &mut [u8]| {
            out[..3].fill(byte);
            Ok::<_, Infallible>(3)
        };
        live.publish(at(millis), fill).unwrap()
    }

    fn shown(viewer: &LiveSource<'_, '_, [u8; 4], 2>) -> Option<(u32, u8, usize)> {
        viewer.frame().map(|frame| (frame.number, frame.data[0], frame.data.len()))
    }

    #[test]
    fn viewers_share_a_picture_and_see_what_was_published_after_they_came() {
        let live = live();
        assert!(publish(&live, 0, 7));
        let (mut a, mut b) = (live.viewer(), live.viewer());
        assert_eq!((live.viewers(), a.advance(at(1), Waker::noop()), a.frame().is_none()), (2, pending(40), true));
        assert!(publish(&live, 40, 8));
        for viewer in [&mut a, &mut b] {
            assert_eq!((viewer.advance(at(40), Waker::noop()), shown(viewer)), (Ok(Advance::Ready), Some((1, 8, 3))));
            assert_eq!(viewer.frame().unwrap().captured, Some(at(40)));
        }
        drop(a);
        assert_eq!(live.viewers(), 1);
    }

    fn pending(millis: u64) -> Result<Advance, Infallible> {
        Ok(Advance::Pending { until: Some(at(millis)) })
    }

    #[test]
    fn a_picture_is_asked_for_when_it_is_expected_and_often_when_it_is_overdue() {
        let live = live();
        let mut viewer = live.viewer();
        assert_eq!(viewer.advance(at(0), Waker::noop()), pending(1));
        publish(&live, 10, 1);
        assert_eq!(viewer.advance(at(10), Waker::noop()), Ok(Advance::Ready));
        for (now, until) in [(11, 50), (49, 50), (50, 51), (90, 91)] {
            assert_eq!(viewer.advance(at(now), Waker::noop()), pending(until), "{now}");
        }
    }

    #[test]
    fn a_picture_does_not_change_while_it_is_sent_and_others_see_the_newest() {
        let live = live();
        let (mut slow, mut fast) = (live.viewer(), live.viewer());
        publish(&live, 0, 1);
        assert_eq!(slow.advance(at(0), Waker::noop()), Ok(Advance::Ready));
        for number in 1..10 {
            assert!(publish(&live, number * 40, number as u8 + 1));
            assert_eq!(fast.advance(at(number * 40), Waker::noop()), Ok(Advance::Ready));
            assert_eq!(shown(&fast), Some((number as u32, number as u8 + 1, 3)));
            assert!(matches!(fast.advance(at(number * 40), Waker::noop()), Ok(Advance::Pending { .. })), "it lets go");
            assert_eq!(shown(&slow), Some((0, 1, 3)));
        }
        assert_eq!((slow.advance(at(400), Waker::noop()), shown(&slow)), (Ok(Advance::Ready), Some((9, 10, 3))));
    }

    #[test]
    fn a_picture_that_finds_no_buffer_is_left_out() {
        let live = live();
        let (mut a, mut b) = (live.viewer(), live.viewer());
        for (viewer, byte) in [(&mut a, 1), (&mut b, 2)] {
            assert!(publish(&live, 0, byte));
            assert_eq!(viewer.advance(at(0), Waker::noop()), Ok(Advance::Ready));
        }
        assert!(!publish(&live, 40, 3));
        assert_eq!((shown(&a), shown(&b)), (Some((0, 1, 3)), Some((1, 2, 3))));
        drop(a);
        assert!(publish(&live, 40, 3));
    }

    #[test]
    fn a_viewer_that_pauses_lets_go_of_its_picture() {
        let live = live();
        let (mut a, mut b) = (live.viewer(), live.viewer());
        for viewer in [&mut a, &mut b] {
            assert!(publish(&live, 0, 1));
            assert_eq!(viewer.advance(at(0), Waker::noop()), Ok(Advance::Ready));
        }
        assert!(!publish(&live, 40, 2));
        // What PAUSE comes to in the middle of a picture.
        assert_eq!((b.seek(0), b.frame().is_none()), (Ok(()), true));
        assert!(publish(&live, 40, 2));
        assert_eq!((b.advance(at(40), Waker::noop()), shown(&b)), (Ok(Advance::Ready), Some((2, 2, 3))));
    }

    #[test]
    fn a_picture_that_lacks_its_end_is_completed_where_it_lies() {
        let (luma, chroma) = jpeg::tables::quantization(60);
        let mut file = [0; 900];
        let fields = jpeg::header::Fields {
            kind: 1,
            width: 64,
            height: 16,
            restart_interval: 0,
            luma: &luma,
            chroma: &chroma,
            precision: 0,
        };
        let headers = jpeg::header::emit(&mut file, &fields).unwrap();
        // One MCU without coefficients, of four.
        file[headers..headers + 4].copy_from_slice(&[0x28, 0xA2, 0x8A, 0x00]);
        let live = Live::new("camera", FrameRate::new(25, 1).unwrap(), (64, 16), [[0_u8; 900]; 1]);
        let mut viewer = live.viewer();
        let fill = |out: &mut [u8]| {
            out.copy_from_slice(&file);
            Ok::<_, Infallible>(headers + 4)
        };
        assert_eq!(live.publish(at(0), fill), Ok(true));
        assert_eq!(viewer.advance(at(0), Waker::noop()), Ok(Advance::Ready));
        let frame = viewer.frame().unwrap();
        let layout = frame.layout.unwrap();
        assert!(layout.has_end() && layout.scan.len > 12 && frame.data.ends_with(&[0xFF, 0xD9]));
        assert_eq!(Layout::parse(frame.data), Ok(layout));
        assert!(frame.data.starts_with(&file[..headers + 4]));
    }

    #[test]
    fn a_picture_that_failed_is_not_shown() {
        let live = live();
        let mut viewer = live.viewer();
        publish(&live, 0, 1);
        assert_eq!(live.publish(at(0), |_| Err(5)), Err(5));
        assert_eq!((viewer.advance(at(0), Waker::noop()), shown(&viewer)), (Ok(Advance::Ready), Some((0, 1, 3))));
        let none = Live::new("camera", FrameRate::new(25, 1).unwrap(), (16, 16), [[0; 4]; 0]);
        assert_eq!(none.publish(at(0), |_| Ok::<_, ()>(1)), Ok(false));
    }

    #[test]
    fn it_answers_to_its_name() {
        let live = live();
        let mounts = &live;
        let medium = mounts.find(Path::new("camera")).unwrap();
        let entry = medium.entry(Waker::noop()).unwrap();
        assert_eq!((entry.extent, entry.width), (Extent::Live, 16));
        assert!(mounts.find(Path::new("movie.Mjpeg")).is_none());
        assert_eq!(mounts.media(3).id, 3);
        assert!(medium.open().is_some());
    }
}
