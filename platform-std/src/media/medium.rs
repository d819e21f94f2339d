//! What is behind one name: a file, or pictures that are drawn.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use mutoscope::media::FrameRate;
use mutoscope::media::testcard::{DEFAULT_SIZE, Design};
use mutoscope::time::Instant;

use super::conversion_pool::ConversionPool;
use super::converter::{Converter, Policy};
use super::file::MediaFile;
use super::generated;
use super::picture::{Buffers, FrameCache, Picture};

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
pub(super) struct SharedMedia {
    pub name: String,
    pub rate: FrameRate,
    pub width: u16,
    pub height: u16,
    /// Why RTP/JPEG cannot carry it.
    pub refusal: Option<String>,
    frames: Option<u32>,
    origin: Origin,
    cache: FrameCache,
    converter: RefCell<Converter>,
    conversion_pool: Rc<ConversionPool>,
    trouble: Said,
}

/// What was said already, so that it is not said again for every frame and viewer.
#[derive(Debug, Default)]
struct Said {
    /// The last frame could not be had.
    failing: Cell<bool>,
    /// A frame could not be decoded.
    undecodable: Cell<bool>,
    /// Making frames ready takes longer than they last.
    slow: Cell<bool>,
}

#[derive(Debug)]
enum Origin {
    File(MediaFile),
    Drawn(Box<Design>),
}

impl SharedMedia {
    /// The frames of a file.
    pub(super) fn file(name: String, file: MediaFile, rate: FrameRate, conversion_pool: &Rc<ConversionPool>) -> Self {
        let refusal = file.refusal();
        let size = file.dimensions();
        let frames = Some(file.frames());
        Self::new(name, Origin::File(file), rate, size, frames, refusal, Rc::clone(conversion_pool))
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
        let conversion_pool = Rc::new(ConversionPool::new(Policy::default()));
        Self::new(name.to_owned(), Origin::Drawn(Box::new(design)), rate, DEFAULT_SIZE, frames, None, conversion_pool)
    }

    fn new(
        name: String,
        origin: Origin,
        rate: FrameRate,
        (width, height): (u16, u16),
        frames: Option<u32>,
        refusal: Option<String>,
        conversion_pool: Rc<ConversionPool>,
    ) -> Self {
        let converter = RefCell::new(Converter::new(conversion_pool.policy()));
        let (cache, trouble) = (FrameCache::default(), Said::default());
        Self { name, rate, width, height, refusal, frames, origin, cache, converter, conversion_pool, trouble }
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

    /// How many frames are worth being ordered ahead, where they take long to be made ready.
    pub(super) fn ahead(&self) -> usize {
        self.conversion_pool.at_once()
    }

    /// Frame `number`, shared with whoever holds it; `spare` is the picture the viewer leaves for it. It may still be in
    /// the [`ConversionPool`]: [`Picture::took`] tells.
    pub(super) fn picture(&self, number: u32, spare: Option<Arc<Picture>>) -> Result<Arc<Picture>, FrameError> {
        let result = self.cache.take(number, spare, |buffers| self.load(number, buffers));
        match &result {
            Err(error) if !self.trouble.failing.replace(true) => {
                log::warn!("{}: frame {number} is left out: {error}", self.name);
            }
            Ok(_) if self.trouble.failing.replace(false) => {
                log::info!("{}: frame {number} can be read again", self.name);
            }
            _ => {}
        }
        result
    }

    fn load(&self, number: u32, buffers: Buffers) -> Result<Arc<Picture>, FrameError> {
        let Buffers { data, rewritten } = buffers;
        let captured = self.frames.is_none().then(|| self.live_instant(number));
        let data = match &self.origin {
            Origin::File(file) => file.read_frame(number, data)?,
            Origin::Drawn(design) => generated::draw(design, number, data).map_err(|_| FrameError::TooLarge)?,
        };
        let picture = Arc::new(Picture::new(number, captured, data));
        let policy = self.conversion_pool.policy();
        if picture.found().is_some_and(|(jpeg, layout)| !policy.is_quick(jpeg, layout)) {
            // Where it lies tells it from all others: behind an `Rc`, it does not move.
            self.conversion_pool.order(std::ptr::from_ref(self) as usize, &picture);
        } else {
            picture.make(&mut self.converter.borrow_mut(), rewritten);
        }
        Ok(picture)
    }

    /// Takes note of how a picture fared in the [`ConversionPool`].
    pub(super) fn note(&self, picture: &Picture) {
        let (name, number) = (&self.name, picture.number());
        if let Some(reason) = picture.failure()
            && !self.trouble.undecodable.replace(true)
        {
            log::warn!("{name}: frame {number} cannot be decoded: {reason}");
        }
        let lasts = self.rate.micros(self.ahead() as u64);
        if let Some(took) = picture.took()
            && took.as_micros() > lasts.into()
            && !self.trouble.slow.replace(true)
        {
            let took = took.as_millis();
            log::warn!("{name}: it takes {took} ms to convert a frame, too long for its frame rate: it plays slower");
        }
    }
}
