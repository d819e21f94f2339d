//! What is behind one name: a file, or pictures that are drawn.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::Waker;
use std::thread;
use std::time::Duration;

use mutoscope::jpeg::{Tables, transcode};
use mutoscope::media::testcard::{DEFAULT_SIZE, Design};
use mutoscope::media::{Advance, Extent, FrameRate};
use mutoscope::time::Instant;

#[cfg(feature = "cluster")]
use super::bringer::{Bringer, Takes, Wanted};
use super::cache::FrameCache;
use super::converter::Converter;
use super::error::FrameError;
use super::film::{Change, Film, Indexed, Located, PartialFrame};
use super::generated::{self, Drawing};
use super::mending::{Mending, parse_with};
use super::picture::{Buffers, InFile, Made, NeededWork, Picture, Unconverted};
use super::policy::Policy;
use super::probe::Probe;
use super::workers::{Job, Limits, MediumId, Task, WorkerPool};

/// Pictures of one medium that are converted at once, at most: each may be decoded in memory.
const MAX_CONVERTED_AT_ONCE: usize = 4;
/// The most workers that read at the same time. A medium occupies one at most, so a medium is kept waiting only if this many
/// others are on disks that do not answer, and then only for frames that are not in memory.
const MAX_READERS: usize = 256;
/// How long a worker without a job stays.
const PATIENCE: Duration = Duration::from_secs(10);

/// What all media of a library share.
#[derive(Debug)]
pub(super) struct Workers {
    /// What is done with pictures.
    policy: Policy,
    /// For what waits for disks.
    readers: WorkerPool<Task>,
    /// For what takes as long as a file is long.
    indexers: WorkerPool<Task>,
    converters: WorkerPool<Conversion>,
}

impl Workers {
    pub(super) fn new(policy: Policy) -> Self {
        let at_once = thread::available_parallelism().map_or(1, usize::from).min(MAX_CONVERTED_AT_ONCE);
        let readers = Limits { name: "files", per_medium: 1, workers: MAX_READERS, patience: PATIENCE };
        // One more than a medium may have.
        let converters = Limits { name: "pictures", per_medium: at_once, workers: at_once + 1, patience: PATIENCE };
        let indexers = Limits { name: "indexes", per_medium: 1, workers: at_once, patience: PATIENCE };
        Self {
            policy,
            readers: WorkerPool::new(readers),
            indexers: WorkerPool::new(indexers),
            converters: WorkerPool::new(converters),
        }
    }

    /// Has something done that waits for a disk.
    pub(super) fn read(&self, medium: MediumId, task: Task) {
        self.readers.order(medium, task);
    }

    /// Has some time spent on looking through a file.
    pub(super) fn index(&self, medium: MediumId, task: Task) {
        self.indexers.order(medium, task);
    }
}

/// So long a worker looks through one file before it is another one's turn.
const TURN: Duration = Duration::from_millis(100);

/// A number for a medium that no other one of this process has.
pub(super) fn next_id() -> MediumId {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// What is left to do for a frame that is not in memory.
enum Unread {
    Rest(PartialFrame),
    /// Its place has to be read too. The buffer holds anything.
    All(Vec<u8>),
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
    origin: Origin,
    /// For frames that have none.
    tables: Box<Tables>,
    cache: FrameCache,
    /// For pictures that are soon converted. Whoever converts one takes it out and puts it back.
    converter: Mutex<Option<Converter>>,
    workers: Arc<Workers>,
    /// How many viewers there were, and how many there are.
    viewers: (AtomicU64, AtomicUsize),
    /// A worker looks through the file, or will.
    is_indexing: AtomicBool,
    reported: Reported,
}

/// What the log says already, so that it does not say it again for every frame and viewer.
#[derive(Debug, Default)]
struct Reported {
    /// Frames were mended.
    mending: Mending,
    /// The last frame could not be had.
    failing: AtomicBool,
    /// A frame could not be decoded.
    undecodable: AtomicBool,
    /// Making frames ready takes longer than they last.
    slow: AtomicBool,
}

#[derive(Debug)]
enum Origin {
    File(Box<Film>),
    Drawn(Box<Drawing>),
    /// Others are asked for each frame.
    #[cfg(feature = "cluster")]
    Distant(Arc<dyn Bringer>),
}

impl SharedMedia {
    /// The frames of a file, of which the first ones are known. `default_rate`: where it does not say its rate.
    pub(super) fn file(
        id: MediumId,
        name: String,
        film: Film,
        default_rate: FrameRate,
        workers: &Arc<Workers>,
    ) -> Arc<Self> {
        let probe = film.probe(Probe::new(workers.policy));
        let refusal = probe.verdict(&film.shown());
        let rate = film.rate().unwrap_or(default_rate);
        let origin = Origin::File(Box::new(film));
        let Probe { dimensions, tables, .. } = probe;
        let mut medium = Self::new(name, rate, dimensions, origin, workers);
        (medium.id, medium.refusal, medium.tables) = (id, refusal, tables);
        let medium = Arc::new(medium);
        medium.index();
        medium
    }

    /// The endless test card. Its frame numbers count from the clock's zero, so all viewers see the same.
    pub(super) fn testcard(name: &str, rate: FrameRate, workers: &Arc<Workers>) -> Self {
        Self::drawn(name, rate, generated::card(rate), workers)
    }

    /// A short movie that has an end.
    pub(super) fn movie(name: &str, rate: FrameRate, workers: &Arc<Workers>) -> Self {
        Self::drawn(name, rate, generated::leader(rate), workers)
    }

    /// The frames of a film that is elsewhere, of which this is the first one.
    #[cfg(feature = "cluster")]
    pub(super) fn distant(
        name: &str,
        rate: FrameRate,
        mut first: Vec<u8>,
        bringer: Arc<dyn Bringer>,
        workers: &Arc<Workers>,
    ) -> Arc<Self> {
        let mut probe = Probe::new(workers.policy);
        probe.count(0, &mut first);
        let refusal = probe.verdict(name);
        let Probe { dimensions, tables, .. } = probe;
        let mut medium = Self::new(name.to_owned(), rate, dimensions, Origin::Distant(bringer), workers);
        (medium.refusal, medium.tables) = (refusal, tables);
        Arc::new(medium)
    }

    fn drawn(name: &str, rate: FrameRate, design: Design, workers: &Arc<Workers>) -> Self {
        Self::new(name.to_owned(), rate, DEFAULT_SIZE, Origin::Drawn(Box::new(Drawing::new(design))), workers)
    }

    fn new(name: String, rate: FrameRate, (width, height): (u16, u16), origin: Origin, workers: &Arc<Workers>) -> Self {
        Self {
            id: next_id(),
            name,
            rate,
            width,
            height,
            refusal: None,
            origin,
            tables: Box::default(),
            cache: FrameCache::default(),
            converter: Mutex::new(None),
            workers: Arc::clone(workers),
            viewers: Default::default(),
            is_indexing: AtomicBool::new(false),
            reported: Reported::default(),
        }
    }

    /// How far it reaches by now.
    pub(super) fn extent(&self) -> Extent {
        match &self.origin {
            Origin::File(film) => film.extent(self.rate),
            Origin::Drawn(drawing) => drawing.frames().map_or(Extent::Live, Extent::frames),
            #[cfg(feature = "cluster")]
            Origin::Distant(bringer) => bringer.extent(),
        }
    }

    /// How many frames there are by now; `None`: live.
    pub(super) fn frames(&self) -> Option<u32> {
        match &self.origin {
            Origin::File(film) => Some(film.frames()),
            Origin::Drawn(drawing) => drawing.frames(),
            #[cfg(feature = "cluster")]
            Origin::Distant(bringer) => Some(bringer.frames()),
        }
    }

    /// Another file is in its place: those who watch it play it to its end, and nobody else does.
    pub(super) fn is_replaced(&self) -> bool {
        #[cfg(feature = "cluster")]
        if let Origin::Distant(bringer) = &self.origin {
            return bringer.is_over();
        }
        self.film().is_some_and(Film::is_replaced)
    }

    fn film(&self) -> Option<&Film> {
        match &self.origin {
            Origin::File(film) => Some(film),
            _ => None,
        }
    }

    /// What a viewer behind the last frame that is there has to do. It is woken if it has to wait.
    pub(super) fn edge(&self, viewer: u64, next: u32, waker: &Waker) -> Advance {
        match &self.origin {
            Origin::File(film) => film.wake_later(viewer, waker),
            Origin::Drawn(_) => return Advance::End,
            #[cfg(feature = "cluster")]
            Origin::Distant(bringer) => bringer.wake_later(viewer, waker),
        }
        // It may have come before the waker was there.
        let (extent, frames) = (self.extent(), self.frames().unwrap_or(0));
        match extent {
            extent if extent.has_end() && frames <= next => Advance::End,
            _ if frames > next => {
                waker.wake_by_ref();
                Advance::Edge
            }
            _ => Advance::Edge,
        }
    }

    /// The number of the frame that is shown at this time. `None`: workers look for it, and wake the viewer.
    pub(super) fn number_at(self: &Arc<Self>, micros: u64, viewer: u64, waker: &Waker) -> Option<u32> {
        #[cfg(feature = "cluster")]
        if let Origin::Distant(bringer) = &self.origin {
            return bringer.number_at(micros, viewer, waker);
        }
        let Some(film) = self.film() else {
            return Some(u32::try_from(self.rate.frames_in(micros)).unwrap_or(u32::MAX));
        };
        if let Ok(number) = film.number_at(micros, self.rate) {
            return Some(number);
        }
        film.wake_later(viewer, waker);
        match film.number_at(micros, self.rate) {
            Ok(number) => Some(number),
            Err(page) => {
                self.order_page(page);
                None
            }
        }
    }

    fn order_page(self: &Arc<Self>, page: usize) {
        let task = Task::of(Arc::downgrade(self), move |medium| {
            // Whoever needs it and does not find it says what is wrong.
            let _ = medium.film().map(|film| film.read_page(page));
        });
        self.workers.read(self.id, task);
    }

    /// Has workers look through the file, if they do not yet.
    fn index(self: &Arc<Self>) {
        if !self.is_indexing.swap(true, Ordering::AcqRel) {
            self.order_turn();
        }
    }

    fn order_turn(self: &Arc<Self>) {
        self.workers.index(self.id, Task::of(Arc::downgrade(self), |medium| medium.take_turn()));
    }

    fn take_turn(self: Arc<Self>) {
        let Some(film) = self.film() else { return };
        match film.index_some(TURN) {
            Ok(Indexed::Partly) => return self.order_turn(),
            Ok(Indexed::Done) => {}
            Err(error) => {
                log::warn!("{error}");
                film.give_up();
            }
        }
        self.is_indexing.store(false, Ordering::Release);
        // It may have been found to have grown a moment ago.
        if film.is_unfinished() {
            self.index();
        }
    }

    /// Has a worker look whether the file has changed.
    pub(super) fn look(self: &Arc<Self>) {
        self.workers.read(
            self.id,
            Task::of(Arc::downgrade(self), |medium| {
                if medium.film().map(Film::look) == Some(Change::Grown) {
                    medium.index();
                }
            }),
        );
    }

    /// Gives back memory while nobody watches.
    pub(super) fn rest(&self) {
        if let Some(film) = self.film() {
            film.rest();
        }
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
        self.viewers.1.fetch_add(1, Ordering::Relaxed);
        self.viewers.0.fetch_add(1, Ordering::Relaxed)
    }

    /// A viewer has gone.
    pub(super) fn handle_leave(&self) {
        self.viewers.1.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many viewers there are.
    #[cfg(feature = "http")]
    pub(super) fn present_viewers(&self) -> usize {
        self.viewers.1.load(Ordering::Relaxed)
    }

    /// How many pictures are worth being ordered ahead of a viewer that stands at `picture`, for whom so many were `before`.
    pub(super) fn ahead(&self, picture: &Picture, before: usize) -> usize {
        #[cfg(feature = "cluster")]
        if let Origin::Distant(bringer) = &self.origin {
            // No more than they have room.
            return bringer.ahead();
        }
        before.max(match picture.needed_work() {
            NeededWork::None => 0,
            NeededWork::Read => 1,
            NeededWork::Convert => self.workers.converters.per_medium(),
        })
    }

    /// Frame `number`, shared with whoever holds it; `spare` is the picture the viewer leaves for it. Workers may still read
    /// it or make it ready: [`Picture::outcome_or_wake`] tells.
    pub(super) fn picture(self: &Arc<Self>, number: u32, spare: Option<Arc<Picture>>) -> Arc<Picture> {
        let captured = self.frames().is_none().then(|| self.live_instant(number));
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
            Origin::Drawn(drawing) => drawing.draw(picture.number(), buffer).map_err(|_| FrameError::TooLarge),
            Origin::File(film) => match self.read_now(film, picture, buffer) {
                Ok(Ok(frame)) => Ok(frame),
                Ok(Err(unread)) => {
                    picture.needs(NeededWork::Read);
                    return self.read_later(picture, unread, converted);
                }
                Err(error) => Err(error),
            },
            #[cfg(feature = "cluster")]
            Origin::Distant(bringer) => {
                let (medium, buffers) = (Arc::downgrade(self), Buffers { file: buffer, converted });
                return bringer.bring(Wanted::new(medium, picture, buffers));
            }
        };
        self.handle_frame(Arc::clone(picture), frame, converted);
    }

    /// Reads as much of a frame as is in memory: the frame, or what is left to do.
    fn read_now(
        self: &Arc<Self>,
        film: &Film,
        picture: &Picture,
        buffer: Vec<u8>,
    ) -> Result<Result<Vec<u8>, Unread>, FrameError> {
        let Some(Located { sample, page }) = film.locate(picture.number())? else {
            return Ok(Err(Unread::All(buffer)));
        };
        if page.is_some()
            && let Some(next) = film.order_next(picture.number())
        {
            self.order_page(next);
        }
        picture.locate(InFile { time: film.time_of(sample), page });
        Ok(film.read_now(sample, buffer)?.map_err(Unread::Rest))
    }

    fn read_later(self: &Arc<Self>, picture: &Arc<Picture>, unread: Unread, converted: Vec<u8>) {
        let medium = Arc::downgrade(self);
        let read = move |picture: Arc<Picture>| {
            let Some(medium) = Weak::upgrade(&medium) else { return };
            let Some(film) = medium.film() else { return };
            let frame = match unread {
                Unread::Rest(rest) => film.read_rest(rest),
                Unread::All(buffer) => film.locate_slowly(picture.number()).and_then(|Located { sample, page }| {
                    picture.locate(InFile { time: film.time_of(sample), page });
                    film.read_rest(PartialFrame::new(sample, buffer))
                }),
            };
            medium.handle_frame(picture, frame, converted);
        };
        self.workers.read(self.id, Task::of(Arc::downgrade(picture), read));
    }

    /// Makes a frame ready that was read or drawn, or has workers do so. `buffer`: for what is made of it.
    fn handle_frame(self: &Arc<Self>, picture: Arc<Picture>, frame: Result<Vec<u8>, FrameError>, buffer: Vec<u8>) {
        let mut file = match frame {
            Ok(file) => file,
            Err(error) => return self.fulfil(picture, Err(error)),
        };
        let layout = match parse_with(&self.tables, &mut file) {
            Ok(layout) => layout,
            Err(error) => return self.fulfil(picture, Ok(Made::unchanged(file, Err(error), buffer))),
        };
        let made = match self.reported.mending.policy(self.workers.policy).judge(&file, &layout) {
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
            // It was ordered where nobody knew that the film ends before it.
            Err(_) if self.frames().is_some_and(|frames| number >= frames) => {}
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
                if let Some(mended) = self.reported.mending.note(made.flaws) {
                    log::warn!("{name}: frame {number} {mended}");
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
            log::warn!("{name}: it takes {took} ms to convert a frame, too long for its frame rate: some are left out");
        }
    }
}

#[cfg(feature = "cluster")]
impl Takes for SharedMedia {
    fn take_later(
        self: Arc<Self>,
        picture: Arc<Picture>,
        time: Option<mutoscope::time::Duration>,
        Buffers { file, converted }: Buffers,
    ) {
        picture.locate(InFile { time, page: None });
        let medium = Arc::downgrade(&self);
        let take = move |picture: Arc<Picture>| {
            if let Some(medium) = Weak::upgrade(&medium) {
                medium.handle_frame(picture, Ok(file), converted);
            }
        };
        self.workers.read(self.id, Task::of(Arc::downgrade(&picture), take));
    }

    fn take_failure(self: Arc<Self>, picture: Arc<Picture>, error: FrameError) {
        self.fulfil(picture, Err(error));
    }
}

impl Drop for SharedMedia {
    fn drop(&mut self) {
        let mended = self.reported.mending.mended();
        if mended > 0 {
            log::info!("{}: {mended} frames that were shown had been mended", self.name);
        }
    }
}
