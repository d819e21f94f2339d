//! A medium that takes publishers, on the simulated network.

use core::convert::Infallible;
use core::net::IpAddr;
use core::task::Waker;
use mutoscope::jpeg::Layout;
use mutoscope::media::catalogue::{Catalogue, Entry, Medium, NotReady, NotRecorded};
use mutoscope::media::{Advance, Extent, Frame, FrameRate, FrameSink, FrameSource};
use mutoscope::time::{Duration, Instant};
use mutoscope::wire::url::Path;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// The name of the medium.
pub const NAME: &str = "stage";
/// Its URL.
pub const URL: &str = "rtsp://10.0.0.1/stage";
/// The server's own host.
const HOST: [u8; 4] = [10, 0, 0, 1];
/// Memory for each picture.
const ROOM: usize = 64 * 1024;

/// A medium of one name that takes publishers of the server's own host. A copy is the same medium.
#[derive(Clone, Default)]
pub struct Stage(Rc<Inner>);

#[derive(Default)]
struct Inner {
    newest: RefCell<Option<Rc<Picture>>>,
    next: Cell<u32>,
    taken: Cell<bool>,
    ends: Cell<u32>,
}

struct Picture {
    number: u32,
    captured: Instant,
    jpeg: Vec<u8>,
}

impl Stage {
    /// The number of pictures that were published.
    pub fn published(&self) -> u32 {
        self.0.next.get()
    }

    /// The number of publishers that came and went.
    pub fn ends(&self) -> u32 {
        self.0.ends.get()
    }
}

impl Catalogue for Stage {
    type Medium = Self;

    fn find(&self, path: Path<'_>) -> Option<Self> {
        path.names(NAME).then(|| self.clone())
    }
}

impl Medium for Stage {
    type Source = Seat;
    type Sink = Performance;

    fn entry(&self, _: &Waker) -> Result<Entry<'_>, NotReady<'_>> {
        let newest = self.0.newest.borrow();
        let newest = newest.as_ref().ok_or(NotReady { reason: "nobody", retry_after: Duration::from_secs(2) })?;
        let layout = Layout::parse(&newest.jpeg).expect("a JPEG was published");
        let frame_rate = FrameRate::new(25, 1).expect("a rate");
        let (width, height) = (layout.width, layout.height);
        Ok(Entry { id: 77, name: NAME, frame_rate, extent: Extent::Live, width, height, refusal: None })
    }

    fn open(&self) -> Option<Seat> {
        Some(Seat { stage: self.clone(), next: self.published().saturating_sub(1), held: None })
    }

    fn record(&self, address: IpAddr) -> Result<Performance, NotRecorded> {
        if address != IpAddr::from(HOST) {
            return Err(NotRecorded::Remote);
        }
        if self.0.taken.replace(true) { Err(NotRecorded::Taken) } else { Ok(Performance(self.clone())) }
    }
}

/// A viewer's source.
pub struct Seat {
    stage: Stage,
    next: u32,
    held: Option<Rc<Picture>>,
}

impl FrameSource for Seat {
    type Error = Infallible;

    fn advance(&mut self, now: Instant, _: &Waker) -> Result<Advance, Infallible> {
        let newest = self.stage.0.newest.borrow().clone();
        self.held = newest.filter(|picture| picture.number >= self.next);
        match &self.held {
            Some(picture) => {
                self.next = picture.number + 1;
                Ok(Advance::Ready)
            }
            // Whoever was served before the publisher in this turn looks again.
            None => Ok(Advance::Pending { until: Some(now.after(Duration::from_millis(1))) }),
        }
    }

    fn frame(&self) -> Option<Frame<'_>> {
        let Picture { number, captured, jpeg } = self.held.as_deref()?;
        let layout = Layout::parse(jpeg);
        Some(Frame { number: *number, data: jpeg, captured: Some(*captured), time: None, layout })
    }

    fn position(&self) -> u32 {
        self.next
    }

    fn seek(&mut self, _: u32) -> Result<(), Infallible> {
        self.held = None;
        Ok(())
    }
}

/// Where a publisher's pictures go.
pub struct Performance(Stage);

impl FrameSink for Performance {
    type Buffer = Vec<u8>;
    type Home<T> = Box<T>;

    fn home<T>(&self, machine: T) -> Box<T> {
        Box::new(machine)
    }

    fn buffers(&mut self) -> [Vec<u8>; 2] {
        [vec![0; ROOM], vec![0; ROOM]]
    }

    fn publish(&mut self, now: Instant, jpeg: &[u8], captured: Instant) {
        // Pictures that come at once are told apart.
        assert!(captured.since(now) < Duration::from_millis(10), "a picture of the future");
        let number = self.0.0.next.get();
        self.0.0.next.set(number + 1);
        let before = self.0.0.newest.replace(Some(Rc::new(Picture { number, captured, jpeg: jpeg.to_vec() })));
        assert!(before.is_none_or(|before| before.captured < captured), "time goes on");
    }
}

impl Drop for Performance {
    fn drop(&mut self) {
        self.0.0.taken.set(false);
        self.0.0.ends.set(self.0.0.ends.get() + 1);
    }
}
