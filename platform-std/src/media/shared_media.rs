//! What is behind one name: a file, or pictures that are drawn.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::Waker;
use std::thread;
use std::time::Duration;

use mutoscope::jpeg::{Layout, transcode};
use mutoscope::media::FrameRate;
use mutoscope::media::testcard::{DEFAULT_SIZE, Design};
use mutoscope::time::Instant;

use super::cache::FrameCache;
use super::converter::Converter;
use super::error::FrameError;
use super::file::{IndexedFile, PartialFrame};
use super::generated;
use super::picture::{Buffers, Made, NeededWork, Picture, Unconverted};
use super::policy::Policy;
use super::workers::{Job, Limits, MediumId, WorkerPool};

/// Pictures of one medium that are converted at once, at most: each may be decoded in memory.
const MAX_CONVERTED_AT_ONCE: usize = 4;
/// The most workers that read at the same time. A medium occupies one at most, so a medium is kept waiting only if this many
/// others are on disks that do not answer, and then only for frames that are not in memory.
const MAX_READERS: usize = 256;
/// How long a worker without a job stays.
const PATIENCE: Duration = Duration::from_secs(10);

static NEXT_ID: AtomicU32 = AtomicU32::new(0);

/// What all media of a library share.
#[derive(Debug)]
pub(super) struct Workers {
    /// What is done with pictures.
    policy: Policy,
    readers: WorkerPool<Reading>,
    converters: WorkerPool<Conversion>,
}

impl Workers {
    pub(super) fn new(policy: Policy) -> Self {
        let at_once = thread::available_parallelism().map_or(1, usize::from).min(MAX_CONVERTED_AT_ONCE);
        let readers = Limits { name: "files", per_medium: 1, workers: MAX_READERS, patience: PATIENCE };
        // One more than a medium may have.
        let converters = Limits { name: "pictures", per_medium: at_once, workers: at_once + 1, patience: PATIENCE };
        Self { policy, readers: WorkerPool::new(readers), converters: WorkerPool::new(converters) }
    }
}

/// A frame that is not in memory.
struct Reading {
    medium: Weak<SharedMedia>,
    picture: Weak<Picture>,
    rest: PartialFrame,
    /// For what is made of it; holds anything.
    buffer: Vec<u8>,
}

impl Job for Reading {
    type Tools = ();

    fn is_wanted(&self) -> bool {
        self.picture.strong_count() > 0
    }

    fn run(self, (): &mut ()) {
        let (Some(medium), Some(picture)) = (self.medium.upgrade(), self.picture.upgrade()) else { return };
        let Origin::File(file) = &medium.origin else { return };
        let frame = file.read_rest(self.rest);
        medium.handle_frame(picture, frame, self.buffer);
    }
}

/// A picture that takes long to be converted.
struct Conversion {
    medium: Weak<SharedMedia>,
    picture: Weak<Picture>,
    unconverted: Unconverted,
}

impl Job for Conversion {
    type Tools = Converter;

    fn is_wanted(&self) -> bool {
        self.picture.strong_count() > 0
    }

    fn run(self, converter: &mut Converter) {
        let (Some(medium), Some(picture)) = (self.medium.upgrade(), self.picture.upgrade()) else { return };
        let made = self.unconverted.convert(converter);
        medium.note_time(&made);
        medium.fulfil(picture, Ok(made));
    }
}

/// One medium with all that its viewers share.
#[derive(Debug)]
pub(super) struct SharedMedia {
    /// Differs from all other media of this process.
    pub id: MediumId,
    pub name: String,
    pub rate: FrameRate,
    pub width: u16,
    pub height: u16,
    /// Why RTP/JPEG cannot carry it.
    pub refusal: Option<String>,
    frames: Option<u32>,
    origin: Origin,
    cache: FrameCache,
    /// For pictures that are soon converted. Whoever converts one takes it out and puts it back.
    converter: Mutex<Option<Converter>>,
    workers: Arc<Workers>,
    viewers: AtomicU64,
    reported: Reported,
}

/// What the log says already, so that it does not say it again for every frame and viewer.
#[derive(Debug, Default)]
struct Reported {
    /// The last frame could not be had.
    failing: AtomicBool,
    /// A frame could not be decoded.
    undecodable: AtomicBool,
    /// Making frames ready takes longer than they last.
    slow: AtomicBool,
}

#[derive(Debug)]
enum Origin {
    File(IndexedFile),
    Drawn(Box<Design>),
}

impl SharedMedia {
    /// The frames of a file.
    pub(super) fn file(name: String, file: IndexedFile, rate: FrameRate, workers: &Arc<Workers>) -> Self {
        let (size, frames, refusal) = (file.dimensions(), Some(file.frames()), file.refusal());
        Self { refusal, ..Self::new(name, rate, size, frames, Origin::File(file), workers) }
    }

    /// The endless test card. Its frame numbers count from the clock's zero, so all viewers see the same.
    pub(super) fn testcard(name: &str, rate: FrameRate, workers: &Arc<Workers>) -> Self {
        Self::drawn(name, rate, generated::card(rate), workers)
    }

    /// A short movie that has an end.
    pub(super) fn movie(name: &str, rate: FrameRate, workers: &Arc<Workers>) -> Self {
        Self::drawn(name, rate, generated::leader(rate), workers)
    }

    fn drawn(name: &str, rate: FrameRate, design: Design, workers: &Arc<Workers>) -> Self {
        let frames = design.frames();
        Self::new(name.to_owned(), rate, DEFAULT_SIZE, frames, Origin::Drawn(Box::new(design)), workers)
    }

    fn new(
        name: String,
        rate: FrameRate,
        (width, height): (u16, u16),
        frames: Option<u32>,
        origin: Origin,
        workers: &Arc<Workers>,
    ) -> Self {
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            name,
            rate,
            width,
            height,
            refusal: None,
            frames,
            origin,
            cache: FrameCache::default(),
            converter: Mutex::new(None),
            workers: Arc::clone(workers),
            viewers: AtomicU64::new(0),
            reported: Reported::default(),
        }
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

    /// A number for a viewer that no other one of this medium has.
    pub(super) fn next_viewer(&self) -> u64 {
        self.viewers.fetch_add(1, Ordering::Relaxed)
    }

    /// How many pictures are worth being ordered ahead of a viewer that stands at `picture`.
    pub(super) fn ahead(&self, picture: &Picture) -> usize {
        match picture.needed_work() {
            NeededWork::None => 0,
            NeededWork::Read => 1,
            NeededWork::Convert => self.workers.converters.per_medium(),
        }
    }

    /// Frame `number`, shared with whoever holds it; `spare` is the picture the viewer leaves for it. Workers may still read
    /// it or make it ready: [`Picture::outcome_or_wake`] tells.
    pub(super) fn picture(self: &Arc<Self>, number: u32, spare: Option<Arc<Picture>>) -> Arc<Picture> {
        let captured = self.frames.is_none().then(|| self.live_instant(number));
        let (picture, buffers) = self.cache.take(number, captured, spare);
        if let Some(buffers) = buffers {
            self.load(&picture, buffers);
        }
        picture
    }

    /// Fulfils the promise of a picture, or has workers do so.
    fn load(self: &Arc<Self>, picture: &Arc<Picture>, buffers: Buffers) {
        let Buffers { file: buffer, converted } = buffers;
        let frame = match &self.origin {
            Origin::Drawn(design) => {
                generated::draw(design, picture.number(), buffer).map_err(|_| FrameError::TooLarge)
            }
            Origin::File(file) => match file.read_now(picture.number(), buffer) {
                Ok(Ok(frame)) => Ok(frame),
                Ok(Err(rest)) => {
                    picture.needs(NeededWork::Read);
                    let (medium, picture) = (Arc::downgrade(self), Arc::downgrade(picture));
                    let job = Reading { medium, picture, rest, buffer: converted };
                    return self.workers.readers.order(self.id, job);
                }
                Err(error) => Err(error),
            },
        };
        self.handle_frame(Arc::clone(picture), frame, converted);
    }

    /// Makes a frame ready that was read or drawn, or has workers do so. `buffer`: for what is made of it.
    fn handle_frame(self: &Arc<Self>, picture: Arc<Picture>, frame: Result<Vec<u8>, FrameError>, buffer: Vec<u8>) {
        let file = match frame {
            Ok(file) => file,
            Err(error) => return self.fulfil(picture, Err(error)),
        };
        let layout = match Layout::parse(&file) {
            Ok(layout) => layout,
            Err(error) => return self.fulfil(picture, Ok(Made::unchanged(file, Err(error), buffer))),
        };
        let made = match self.workers.policy.judge(&file, &layout) {
            Ok(judgement) if judgement.changes_nothing() => Made::unchanged(file, Ok(layout), buffer),
            Ok(judgement) if judgement.is_quick() => {
                self.with_converter(|converter| Unconverted { file, layout, judgement, buffer }.convert(converter))
            }
            Ok(judgement) => {
                picture.needs(NeededWork::Convert);
                let (medium, picture) = (Arc::downgrade(self), Arc::downgrade(&picture));
                let unconverted = Unconverted { file, layout, judgement, buffer };
                return self.workers.converters.order(self.id, Conversion { medium, picture, unconverted });
            }
            Err(transcode::Error::Damaged(error)) => Made::unchanged(file, Err(error), buffer),
            // Its own layout tells why it cannot be sent.
            Err(_) => Made::unchanged(file, Ok(layout), buffer),
        };
        self.fulfil(picture, Ok(made));
    }

    fn with_converter<R>(&self, convert: impl FnOnce(&mut Converter) -> R) -> R {
        let place = || self.converter.lock().unwrap_or_else(PoisonError::into_inner);
        let mut converter = place().take().unwrap_or_default();
        let result = convert(&mut converter);
        *place() = Some(converter);
        result
    }

    /// Gives viewers their picture.
    fn fulfil(&self, picture: Arc<Picture>, outcome: Result<Made, FrameError>) {
        self.note_outcome(picture.number(), &outcome);
        let waiting = picture.fulfil(outcome);
        // Before anybody is woken: a lone viewer takes the picture's memory over when it moves on.
        drop(picture);
        waiting.into_values().for_each(Waker::wake);
    }

    /// Logs what is new about how pictures fare.
    fn note_outcome(&self, number: u32, outcome: &Result<Made, FrameError>) {
        let (name, reported) = (&self.name, &self.reported);
        match outcome {
            Err(error) => {
                if !reported.failing.swap(true, Ordering::Relaxed) {
                    log::warn!("{name}: frame {number} is left out: {error}");
                }
            }
            Ok(made) => {
                // Reading first spares all viewers of a sound file the write.
                if reported.failing.load(Ordering::Relaxed) && reported.failing.swap(false, Ordering::Relaxed) {
                    log::info!("{name}: frame {number} can be read again");
                }
                if let Some(reason) = &made.failure
                    && !reported.undecodable.swap(true, Ordering::Relaxed)
                {
                    log::warn!("{name}: frame {number} cannot be decoded: {reason}");
                }
            }
        }
    }

    /// Logs once that workers cannot keep up.
    fn note_time(&self, made: &Made) {
        let lasts = self.rate.micros(self.workers.converters.per_medium() as u64);
        if made.took.as_micros() > lasts.into() && !self.reported.slow.swap(true, Ordering::Relaxed) {
            let (name, took) = (&self.name, made.took.as_millis());
            log::warn!("{name}: it takes {took} ms to convert a frame, too long for its frame rate: it plays slower");
        }
    }
}
