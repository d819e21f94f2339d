//! A film of noise: every frame differs, and takes several packets.
#![allow(unreachable_pub, reason = "a module of a test")]

use core::cell::RefCell;
use core::task::Waker;
use std::rc::Rc;

use mutoscope::jpeg::Layout;
use mutoscope::jpeg::encoder::{Encoder, Quantizer};
use mutoscope::media::catalogue::{Catalogue, Entry, Medium, NotReady};
use mutoscope::media::{Advance, Extent, Frame, FrameRate, FrameSource, NoSink};
use mutoscope::time::Instant;
use mutoscope::wire::url::Path;

const NAME: &str = "movie.Mjpeg";

/// A frame that is not there until this waker is told so: its number, and the waker once somebody has asked.
pub type Missing = Rc<RefCell<Option<(u32, Option<Waker>)>>>;

#[derive(Clone)]
pub struct Movie {
    frames: Rc<Vec<Vec<u8>>>,
    size: u16,
    pub missing: Missing,
}

impl Movie {
    /// `frames` pictures of `size` x `size` pixels.
    pub fn new(frames: u32, size: u16) -> Self {
        let frames = (0..frames).map(|number| picture(number, size)).collect();
        Self { frames: Rc::new(frames), size, missing: Rc::default() }
    }

    pub fn frame(&self, number: usize) -> &[u8] {
        &self.frames[number]
    }

    /// What RTP carries of a frame.
    pub fn scan(&self, number: usize) -> &[u8] {
        let frame = self.frame(number);
        Layout::parse(frame).unwrap().scan.of(frame)
    }
}

fn picture(number: u32, size: u16) -> Vec<u8> {
    let mut random = number;
    let mut block = || {
        core::array::from_fn::<u8, 64, _>(|_| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 24) as u8
        })
    };
    let mut out = vec![0; 1000 + usize::from(size) * usize::from(size) * 3];
    let quantizer = Quantizer::new(50);
    let mut encoder = Encoder::new(&mut out, size, size, &quantizer).unwrap();
    for _ in 0..size.div_ceil(16).pow(2) {
        let luma = core::array::from_fn(|_| block());
        encoder.mcu(&luma, &block(), &block()).unwrap();
    }
    let len = encoder.finish().unwrap();
    out.truncate(len);
    out
}

impl Catalogue for Movie {
    type Medium = Self;

    fn find(&self, path: Path<'_>) -> Option<Self> {
        path.names(NAME).then(|| self.clone())
    }
}

impl Medium for Movie {
    type Source = MovieSource;
    type Sink = NoSink;

    fn entry(&self, _: &Waker) -> Result<Entry<'_>, NotReady<'_>> {
        Ok(Entry {
            id: 0,
            name: NAME,
            frame_rate: FrameRate::new(24, 1).unwrap(),
            extent: Extent::frames(self.frames.len() as u32),
            width: self.size,
            height: self.size,
            refusal: None,
        })
    }

    fn open(&self) -> Option<MovieSource> {
        Some(MovieSource { frames: self.frames.clone(), next: 0, shown: None, missing: self.missing.clone() })
    }
}

pub struct MovieSource {
    frames: Rc<Vec<Vec<u8>>>,
    next: u32,
    shown: Option<u32>,
    missing: Missing,
}

impl FrameSource for MovieSource {
    type Error = core::convert::Infallible;

    fn advance(&mut self, _: Instant, waker: &Waker) -> Result<Advance, Self::Error> {
        if let Some((_, asked)) = self.missing.borrow_mut().as_mut().filter(|(number, _)| *number == self.next) {
            *asked = Some(waker.clone());
            return Ok(Advance::Pending { until: None });
        }
        self.shown = self.frames.get(self.next as usize).map(|_| self.next);
        self.next += u32::from(self.shown.is_some());
        Ok(if self.shown.is_some() { Advance::Ready } else { Advance::End })
    }

    fn frame(&self) -> Option<Frame<'_>> {
        let number = self.shown?;
        let data = self.frames.get(number as usize)?;
        Some(Frame { number, data, captured: None, time: None, layout: Layout::parse(data) })
    }

    fn position(&self) -> u32 {
        self.next
    }

    fn seek(&mut self, number: u32) -> Result<(), Self::Error> {
        self.next = number.min(self.frames.len() as u32);
        self.shown = None;
        Ok(())
    }
}
