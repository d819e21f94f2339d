//! A medium whose frames are not there yet, beside one whose frames are.

mod support;

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::{Duration, Instant};

use mutoscope::jpeg::Layout;
use mutoscope::jpeg::encoder::{Encoder, Quantizer};
use mutoscope::media::catalogue::{Catalogue, Entry, Medium, NotReady};
use mutoscope::media::{Advance, Extent, Frame, FrameRate, FrameSource, NoSink};
use mutoscope::wire::url::Path;
use mutoscope_std::media::Library;
use support::{Client, Running, options};

/// A medium whose first frame is somewhere slow: a thread of its own brings it when the test says so.
#[derive(Default)]
struct SlowMedium {
    state: Mutex<Loading>,
}

#[derive(Default)]
struct Loading {
    frame: Option<Vec<u8>>,
    waker: Option<Waker>,
}

impl SlowMedium {
    /// The frame is there.
    fn loaded(&self, frame: Vec<u8>) {
        let mut state = self.state.lock().unwrap();
        state.frame = Some(frame);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }
}

struct SlowSource {
    medium: Arc<SlowMedium>,
    frame: Option<Vec<u8>>,
}

#[derive(Clone)]
struct SlowCatalogue(Arc<SlowMedium>);

impl Catalogue for SlowCatalogue {
    type Medium = Self;

    fn find(&self, path: Path<'_>) -> Option<Self> {
        path.names("slow").then(|| self.clone())
    }
}

impl Medium for SlowCatalogue {
    type Source = SlowSource;
    type Sink = NoSink;

    fn entry(&self, _: &Waker) -> Result<Entry<'_>, NotReady<'_>> {
        let (name, frame_rate) = ("slow", FrameRate::new(50, 1).unwrap());
        Ok(Entry { id: 0, name, frame_rate, extent: Extent::frames(1000), width: 16, height: 16, refusal: None })
    }

    fn open(&self) -> Option<SlowSource> {
        Some(SlowSource { medium: Arc::clone(&self.0), frame: None })
    }
}

impl FrameSource for SlowSource {
    type Error = Infallible;

    fn advance(&mut self, _: mutoscope::time::Instant, waker: &Waker) -> Result<Advance, Infallible> {
        let mut state = self.medium.state.lock().unwrap();
        self.frame = state.frame.take();
        if self.frame.is_some() {
            return Ok(Advance::Ready);
        }
        state.waker = Some(waker.clone());
        Ok(Advance::Pending { until: None })
    }

    fn frame(&self) -> Option<Frame<'_>> {
        let data = self.frame.as_deref()?;
        Some(Frame { number: 0, data, captured: None, time: None, layout: Layout::parse(data) })
    }

    fn position(&self) -> u32 {
        0
    }

    fn seek(&mut self, _: u32) -> Result<(), Infallible> {
        Ok(())
    }
}

/// A small picture of one colour.
fn picture() -> Vec<u8> {
    let (mut file, quantizer) = (vec![0; 2048], Quantizer::new(50));
    let mut encoder = Encoder::new(&mut file, 16, 16, &quantizer).unwrap();
    encoder.flat_mcu([1, 2, 3]).unwrap();
    let len = encoder.finish().unwrap();
    file.truncate(len);
    file
}

/// Has a client play its medium over its connection.
fn play(client: &mut Client) {
    let answer = client.ask("SETUP", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n");
    let session = format!("Session: {}\r\n", answer.header("Session").split(';').next().unwrap());
    assert_eq!(client.ask("PLAY", &session).status, 200);
}

/// Waits until the client's next whole frame has come.
fn next_frame(client: &mut Client) {
    loop {
        let (channel, packet) = client.packet();
        if channel == 0 && packet[1] & 0x80 != 0 {
            return;
        }
    }
}

#[test]
fn viewers_of_a_medium_whose_frames_do_not_come_hold_up_nobody_and_are_woken_when_they_do() {
    let medium = Arc::new(SlowMedium::default());
    let catalogue = SlowCatalogue(Arc::clone(&medium));
    let rate = FrameRate::new(50, 1).unwrap();
    let server = Running::with(options(), move || (catalogue, Library::built_in(rate)));
    let (mut slow, mut other) = (server.connect_to("slow"), server.connect_to("testcard"));
    play(&mut slow);
    play(&mut other);
    next_frame(&mut other);
    let started = Instant::now();
    (0..50).for_each(|_| next_frame(&mut other));
    let took = started.elapsed();
    assert!(took < Duration::from_millis(2500), "a second of the test card took {took:?}");
    for _ in 0..3 {
        let medium = Arc::clone(&medium);
        std::thread::spawn(move || medium.loaded(picture())).join().unwrap();
        next_frame(&mut slow);
    }
    next_frame(&mut other);
}
