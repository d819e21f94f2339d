//! A camera of the tests' own, in place of the kernel's.

use super::*;
use crate::media::Policy;
use crate::media::live::Live;
use crate::media::testing::jpeg;
use mutoscope::media::{Advance, FrameSource};
use mutoscope::time;
use std::collections::VecDeque;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::thread;

/// What the camera does next.
enum Act {
    Picture(Vec<u8>, Duration),
    Damaged(Vec<u8>),
    Unplug,
}

/// A port that a camera can be plugged into. The pipe holds one byte for each act, so that it is readable when there is one.
struct Port {
    acts: Mutex<VecDeque<Act>>,
    pipe: (PipeReader, PipeWriter),
    offers: Vec<Pixels>,
    /// What was asked of it, each time it was started.
    requests: Mutex<Vec<Request>>,
    /// Opening it fails so often, with these.
    failures: Mutex<Vec<Errno>>,
    begin: Instant,
}

impl Port {
    fn new(offers: &[Pixels]) -> Arc<Self> {
        Arc::new(Self {
            acts: Mutex::default(),
            pipe: io::pipe().unwrap(),
            offers: offers.to_vec(),
            requests: Mutex::default(),
            failures: Mutex::default(),
            begin: Instant::now(),
        })
    }

    fn act(&self, act: Act) {
        self.acts.lock().unwrap().push_back(act);
        (&self.pipe.1).write_all(&[0]).unwrap();
    }
}

struct FakeDriver(Arc<Port>);
struct FakeDevice(Arc<Port>);
struct FakeCapture(Arc<Port>, Format);

impl Driver for FakeDriver {
    fn open(&self, _: &Path) -> io::Result<Box<dyn Device>> {
        match self.0.failures.lock().unwrap().pop() {
            Some(errno) => Err(errno.into()),
            None => Ok(Box::new(FakeDevice(Arc::clone(&self.0)))),
        }
    }
}

impl Device for FakeDevice {
    fn offers(&self) -> io::Result<Vec<Pixels>> {
        Ok(self.0.offers.clone())
    }

    fn start(self: Box<Self>, request: &Request) -> io::Result<Box<dyn Capture>> {
        self.0.requests.lock().unwrap().push(*request);
        // It has one size only, whatever it is asked for.
        let format = Format { pixels: request.pixels, width: 16, height: 16, bytes_per_line: 32 };
        Ok(Box::new(FakeCapture(self.0, format)))
    }
}

impl Capture for FakeCapture {
    fn format(&self) -> Format {
        self.1
    }

    fn ready(&self) -> BorrowedFd<'_> {
        self.0.pipe.0.as_fd()
    }

    fn dequeue(&mut self, take: &mut dyn FnMut(&[u8])) -> io::Result<Dequeued> {
        (&self.0.pipe.0).read_exact(&mut [0])?;
        let act = self.0.acts.lock().unwrap().pop_front();
        match act.expect("a byte for each act") {
            Act::Picture(bytes, at) => {
                take(&bytes);
                Ok(Dequeued { captured: Some(self.0.begin + at), is_damaged: false })
            }
            Act::Damaged(bytes) => {
                take(&bytes);
                Ok(Dequeued { captured: None, is_damaged: true })
            }
            Act::Unplug => Err(Errno::ENODEV.into()),
        }
    }
}

/// Runs a camera while `watch` plays with it, and gives what the input ended with.
fn run(port: &Arc<Port>, size: Option<(u16, u16)>, watch: impl FnOnce(&Live)) -> Result<(), InputError> {
    let driver = Box::new(FakeDriver(Arc::clone(port)));
    let mut camera = Camera { path: PathBuf::from("/dev/video9"), size, rate: "30".parse().ok(), driver };
    let live = Live::new("camera", None);
    let (publisher, stop) = (Publisher::new(live.clone(), Policy::default()), Stop::new().unwrap());
    let running = thread::spawn({
        let stop = stop.clone();
        move || camera.run(&publisher, &stop)
    });
    watch(&live);
    stop.stop();
    running.join().unwrap()
}

/// The next picture of a viewer, and when it was taken.
fn next(viewer: &mut impl FrameSource<Error: fmt::Debug>, now: time::Instant) -> (Vec<u8>, time::Instant) {
    let patience = Instant::now() + Duration::from_secs(60);
    while viewer.advance(now, Waker::noop()).unwrap() != Advance::Ready {
        assert!(Instant::now() < patience, "no picture came");
        thread::yield_now();
    }
    let frame = viewer.frame().unwrap();
    (frame.data.to_vec(), frame.captured.unwrap())
}

const NOW: time::Instant = time::Instant::from_millis(1_000_000);

#[test]
fn each_jpeg_of_a_camera_is_shown_as_it_is_at_the_time_when_the_kernel_had_it() {
    let port = Port::new(&[Pixels::Yuyv, Pixels::Jpeg]);
    let pictures = [b"a", b"b", b"c"].map(|data| jpeg(16, 16, 0, data));
    let result = run(&port, None, |live| {
        let mut viewer = live.viewer();
        let mut times = Vec::new();
        // In the past, as kernels' times are: taking a picture over takes a while.
        for (picture, millis) in pictures.iter().zip([0, 33, 67]) {
            thread::sleep(Duration::from_millis(millis).saturating_sub(port.begin.elapsed()));
            port.act(Act::Damaged(jpeg(16, 16, 0, b"damaged")));
            port.act(Act::Picture(picture.clone(), Duration::from_millis(millis)));
            let (shown, captured) = next(&mut viewer, NOW);
            assert_eq!(shown, *picture);
            times.push(captured);
        }
        let gaps = [times[1].since(times[0]), times[2].since(times[1])];
        // Each of them is rounded to microseconds.
        let is_near = |gap: Duration, millis: u128| gap.as_micros().abs_diff(millis * 1000) <= 1;
        assert!(is_near(gaps[0], 33) && is_near(gaps[1], 34), "{gaps:?}");
    });
    assert_eq!(result, Ok(()));
    let wanted = Request { pixels: Pixels::Jpeg, size: USUAL_JPEG, rate: "30".parse().ok() };
    assert_eq!(*port.requests.lock().unwrap(), [wanted]);
}

#[test]
fn a_camera_is_unplugged_and_plugged_in_again_while_a_viewer_stays() {
    let port = Port::new(&[Pixels::Jpeg]);
    let result = run(&port, Some((640, 480)), |live| {
        let mut viewer = live.viewer();
        let (before, after) = (jpeg(16, 16, 0, b"before"), jpeg(16, 16, 0, b"after"));
        port.act(Act::Picture(before.clone(), Duration::ZERO));
        assert_eq!(next(&mut viewer, NOW).0, before);
        // It is looked for twice before it is there.
        *port.failures.lock().unwrap() = vec![Errno::ENOENT, Errno::ENOENT];
        port.act(Act::Unplug);
        port.act(Act::Picture(after.clone(), port.begin.elapsed()));
        assert_eq!(next(&mut viewer, NOW).0, after);
    });
    assert_eq!(result, Ok(()));
    assert_eq!(port.requests.lock().unwrap().iter().map(|request| request.size).collect::<Vec<_>>(), [(640, 480); 2]);
}

#[test]
fn pictures_that_are_no_jpeg_are_encoded() {
    for pixels in [Pixels::Yuyv, Pixels::Nv12] {
        let port = Port::new(&[pixels]);
        let result = run(&port, None, |live| {
            let mut viewer = live.viewer();
            port.act(Act::Picture(vec![1; 7], Duration::ZERO));
            port.act(Act::Picture(vec![100; 32 * 24], Duration::ZERO));
            let (shown, _) = next(&mut viewer, NOW);
            let layout = mutoscope::jpeg::Layout::parse(&shown).unwrap();
            assert_eq!((layout.width, layout.height, layout.rtp_format().is_ok()), (16, 16, true));
        });
        assert_eq!(result, Ok(()));
        assert_eq!(port.requests.lock().unwrap()[0].size, USUAL_RAW);
    }
}

#[test]
fn what_keeps_a_camera_from_being_used_is_told_in_words() {
    let error = |errno: Errno| {
        let port = Port::new(&[Pixels::Jpeg]);
        port.failures.lock().unwrap().push(errno);
        let mut camera = Camera { path: PathBuf::new(), size: None, rate: None, driver: Box::new(FakeDriver(port)) };
        let publisher = Publisher::new(Live::new("camera", None), Policy::default());
        camera.run(&publisher, &Stop::new().unwrap()).unwrap_err()
    };
    assert!(error(Errno::EBUSY).reason().contains("another program"));
    assert!(error(Errno::EACCES).reason().contains("group video"));
    assert!(error(Errno::ENOTTY).is_final());
    let port = Port::new(&[]);
    let result = run(&port, None, |live| while live.viewers() > 0 {});
    assert!(result.is_err_and(|error| error.is_final()), "it offers nothing that can be read");
}
