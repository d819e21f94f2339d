//! What is behind one name: a file, or pictures that are drawn.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::rc::Rc;

use mutoscope::source::FrameRate;
use mutoscope::source::testcard::{DEFAULT_SIZE, Design};
use mutoscope::time::Instant;

use super::file::MediaFile;
use super::generated;
use super::normaliser::{Normaliser, Policy};
use super::picture::{Picture, Shelf};

/// Why a frame could not be had. The medium stays; the frame after it may be fine.
#[derive(Debug)]
#[non_exhaustive]
pub enum FrameError {
    /// The file is shorter than it was when its frames were counted.
    Shortened,
    /// Where the frame was, the file holds something else now.
    Overwritten,
    /// The system could not read the file.
    Read(io::Error),
    /// A generated picture did not fit any buffer.
    TooLarge,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shortened => f.write_str("the file was shortened while it was being served"),
            Self::Overwritten => f.write_str("the file was overwritten while it was being served"),
            Self::Read(error) => write!(f, "the file cannot be read: {error}"),
            Self::TooLarge => f.write_str("the picture is too large"),
        }
    }
}

impl std::error::Error for FrameError {}

/// One medium with all that its viewers share.
#[derive(Debug)]
pub(super) struct Medium {
    pub name: String,
    pub rate: FrameRate,
    pub width: u16,
    pub height: u16,
    /// Why RTP/JPEG cannot carry it.
    pub refusal: Option<String>,
    frames: Option<u32>,
    origin: Origin,
    shelf: Shelf,
    normaliser: RefCell<Normaliser>,
    /// The last frame could not be had: said once, not for every frame and viewer.
    failing: Cell<bool>,
}

#[derive(Debug)]
enum Origin {
    File(MediaFile),
    Drawn(Box<Design>),
}

impl Medium {
    /// The frames of a file.
    pub(super) fn file(name: String, file: MediaFile, rate: FrameRate, policy: Policy) -> Self {
        let refusal = file.refusal();
        let (width, height) = file.dimensions();
        let frames = Some(file.frames());
        Self::new(name, Origin::File(file), rate, (width, height), frames, refusal, policy)
    }

    /// The endless test card. Its frame numbers count from the clock's zero, so all viewers see the same.
    pub(super) fn testcard(name: &str, rate: FrameRate) -> Self {
        Self::drawn(name, rate, generated::card(rate))
    }

    /// A short movie that has an end.
    pub(super) fn movie(name: &str, rate: FrameRate) -> Self {
        Self::drawn(name, rate, generated::leader(rate))
    }

    fn drawn(name: &str, rate: FrameRate, design: Design) -> Self {
        let frames = design.frames();
        Self::new(name.to_owned(), Origin::Drawn(Box::new(design)), rate, DEFAULT_SIZE, frames, None, Policy::default())
    }

    fn new(
        name: String,
        origin: Origin,
        rate: FrameRate,
        (width, height): (u16, u16),
        frames: Option<u32>,
        refusal: Option<String>,
        policy: Policy,
    ) -> Self {
        let normaliser = RefCell::new(Normaliser::new(policy));
        let (shelf, failing) = (Shelf::default(), Cell::new(false));
        Self { name, rate, width, height, refusal, frames, origin, shelf, normaliser, failing }
    }

    /// How many frames there are; `None`: live.
    pub(super) fn frames(&self) -> Option<u32> {
        self.frames
    }

    /// The newest frame that a live medium has at `now`.
    pub(super) fn live_number(&self, now: Instant) -> u32 {
        self.rate.frames_in(now.as_micros()) as u32
    }

    /// When a live medium's frame `number` was taken, or will be.
    pub(super) fn live_instant(&self, number: u32) -> Instant {
        Instant::from_micros(self.rate.micros(number.into()))
    }

    /// Frame `number`, shared with whoever holds it; `spare` is the picture the viewer leaves for it.
    pub(super) fn picture(&self, number: u32, spare: Option<Rc<Picture>>) -> Result<Rc<Picture>, FrameError> {
        let result = self.shelf.take(number, spare, |mut buffers| {
            let buffer = std::mem::take(&mut buffers.data);
            let captured = self.frames.is_none().then(|| self.live_instant(number));
            buffers.data = match &self.origin {
                Origin::File(file) => file.read_frame(number, buffer)?,
                Origin::Drawn(design) => generated::draw(design, number, buffer).map_err(|_| FrameError::TooLarge)?,
            };
            Ok(Picture::new(number, captured, buffers, &mut self.normaliser.borrow_mut()))
        });
        match &result {
            Err(error) if !self.failing.replace(true) => {
                log::warn!("{}: frame {number} is left out: {error}", self.name);
            }
            Ok(_) if self.failing.replace(false) => log::info!("{}: frame {number} can be read again", self.name),
            _ => {}
        }
        result
    }
}
