//! A file of pictures while it is open: looked through by workers, read by position for any number of viewers, and looked at
//! again as it grows.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use mutoscope::media::{End, Extent, FrameRate};

use super::demux::{Container, Demuxer, DetectError, Found, Head, Place, Sample};
use super::error::{FrameError, LibraryError};
use super::index::{Checkpoint, Index, Lookup, Page};
use super::probe::Probe;
use super::stills::{Arrangement, Stills};
use super::storage::{Disk, Status, Storage};

/// Longer frames, in bytes, are left out: RTP/JPEG's offsets have 24 bits (RFC 2435 section 3.1.2), and each viewer would
/// hold such a frame in memory.
pub(super) const MAX_FRAME: u32 = 1 << 24;
/// So many damaged places of a file are named in the log one by one.
const MAX_WARNINGS: u32 = 5;
/// The log says how far a pass is this often.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);
/// A file that did not grow for so long has ended.
const GROWING: Duration = if cfg!(test) { Duration::from_secs(1) } else { Duration::from_secs(10) };
/// Where nothing was found over so many bytes, they are not looked through again when the file has grown.
const MAX_AGAIN: u64 = 2 * MAX_FRAME as u64;

/// An open file and where its pictures are.
#[derive(Debug)]
pub(super) struct Film {
    path: PathBuf,
    storage: Box<dyn Storage>,
    head: Head,
    /// Of a container's pictures, the ones of which the frame rate tells the times are so told.
    index: Mutex<Index>,
    pass: Mutex<Pass>,
    /// The time of the first picture, which is the beginning.
    origin: OnceLock<u64>,
    /// Those who wait for more of the index, by number of viewer.
    waiting: Mutex<BTreeMap<u64, Waker>>,
    /// The file was replaced: it will not grow.
    is_replaced: AtomicBool,
}

/// How far the file was looked through.
#[derive(Debug)]
struct Pass {
    /// Behind the last picture.
    place: Place,
    /// How far into the file that is.
    offset: u64,
    /// How far into the file somebody has looked.
    reached: u64,
    /// What the file was when it was looked at last.
    status: Status,
    is_done: bool,
    grown: Option<Instant>,
    /// Damaged places, and what is said of the last one.
    damages: u32,
    /// Pictures that are too long.
    too_large: u32,
    said: Instant,
}

/// Whether a file has been looked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Indexed {
    /// Up to where it ends by now.
    Done,
    /// There is more to be looked through.
    Partly,
}

/// What has become of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing.
    None,
    /// There is more to be looked through.
    Grown,
    /// There is another file in its place, or none.
    Replaced,
}

/// A frame of which some bytes are still to be read.
#[derive(Debug)]
pub(super) struct PartialFrame {
    frame: Vec<u8>,
    filled: usize,
    offset: u64,
}

/// Where a frame is.
#[derive(Debug)]
pub(super) struct Located {
    pub(super) sample: Sample,
    /// Whoever holds this finds the next frames at once.
    pub(super) page: Option<Arc<Page>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Film {
    /// Opens a file and looks at its beginning. `override_rate`: pictures are shown at this rate, whatever the file says.
    ///
    /// # Errors
    /// [`LibraryError::Open`], [`LibraryError::Special`], [`LibraryError::Format`] and [`LibraryError::Read`].
    pub(super) fn open(path: &Path, override_rate: Option<FrameRate>) -> Result<Self, LibraryError> {
        let cannot_open = |error| LibraryError::Open { path: path.to_owned(), error };
        let metadata = path.metadata().map_err(cannot_open)?;
        // Before it is opened: opening a FIFO would wait for whoever writes to it.
        if !metadata.is_file() {
            return Err(LibraryError::Special { path: path.to_owned() });
        }
        let file = File::open(path).map_err(cannot_open)?;
        Self::of(Box::new(Disk::new(file)), path, override_rate)
    }

    /// Looks at the beginning of a storage, which messages call by its path.
    pub(super) fn of(
        storage: Box<dyn Storage>,
        path: &Path,
        override_rate: Option<FrameRate>,
    ) -> Result<Self, LibraryError> {
        let status = storage.status().map_err(|error| LibraryError::Read { path: path.to_owned(), error })?;
        if status.len == 0 {
            return Err(LibraryError::NoPicture { path: path.to_owned() });
        }
        let mut head = Head::read(&*storage, status.len).map_err(|error| no_format(path, error))?;
        if override_rate.is_some() {
            (head.rate, head.is_timed) = (override_rate, false);
        }
        Ok(Self::with_head(storage, path, head, status))
    }

    /// The JPEG files of a folder.
    ///
    /// # Errors
    /// [`LibraryError::Folder`] and [`LibraryError::NoPicture`].
    pub(super) fn of_stills(folder: &Path, arrangement: Arrangement) -> Result<Self, LibraryError> {
        let failed = |error| LibraryError::Folder { path: folder.to_owned(), error };
        let stills = Stills::open(folder, arrangement).map_err(failed)?;
        let status = stills.status().map_err(failed)?;
        let (rate, is_timed) = (arrangement.rate, arrangement.has_times());
        let head = Head { container: Container::Stills, rate, is_timed };
        Ok(Self::with_head(Box::new(stills), folder, head, status))
    }

    fn with_head(storage: Box<dyn Storage>, path: &Path, head: Head, status: Status) -> Self {
        let pass = Pass {
            place: Place::Start,
            offset: 0,
            reached: 0,
            status,
            is_done: false,
            grown: None,
            damages: 0,
            too_large: 0,
            said: Instant::now(),
        };
        Self {
            path: path.to_owned(),
            storage,
            head,
            index: Mutex::new(Index::new(head.is_timed)),
            pass: Mutex::new(pass),
            origin: OnceLock::new(),
            waiting: Mutex::default(),
            is_replaced: AtomicBool::new(false),
        }
    }

    /// How long viewers wait for more. Pictures come to folders at longer intervals than to files.
    fn patience(&self) -> Duration {
        if self.head.container == Container::Stills { 30 * GROWING } else { GROWING }
    }

    /// What the log calls it.
    pub(super) fn shown(&self) -> String {
        self.path.display().to_string()
    }

    /// When a picture is shown, where the file says so.
    pub(super) fn time_of(&self, sample: Sample) -> Option<mutoscope::time::Duration> {
        self.head.is_timed.then(|| mutoscope::time::Duration::from_micros(sample.time))
    }

    /// Whether there is more to look through.
    pub(super) fn is_unfinished(&self) -> bool {
        !lock(&self.pass).is_done
    }

    /// What was found is all that there is.
    pub(super) fn give_up(&self) {
        lock(&self.pass).is_done = true;
        lock(&self.index).set_end(End::Known);
        self.wake_all();
    }

    /// What the file is.
    pub(super) fn container(&self) -> Container {
        self.head.container
    }

    /// Frames per second, where the file or somebody else has said so.
    pub(super) fn rate(&self) -> Option<FrameRate> {
        self.head.rate
    }

    /// How many pictures are known by now.
    pub(super) fn frames(&self) -> u32 {
        lock(&self.index).frames()
    }

    /// How far it reaches by now.
    pub(super) fn extent(&self, rate: FrameRate) -> Extent {
        lock(&self.index).extent(rate)
    }

    /// Whether it can only end now.
    pub(super) fn is_replaced(&self) -> bool {
        self.is_replaced.load(Ordering::Relaxed)
    }

    /// Looks for pictures, for some time. Only one thread does so at a time.
    ///
    /// # Errors
    /// [`LibraryError::Read`], [`LibraryError::Format`].
    pub(super) fn index_some(&self, time: Duration) -> Result<Indexed, LibraryError> {
        let mut pass = lock(&self.pass);
        if pass.is_done {
            return Ok(Indexed::Done);
        }
        let start = Instant::now();
        let (place, len) = (pass.place, pass.status.len);
        let mut demuxer =
            self.head.container.demuxer(&*self.storage, len, place).map_err(|error| no_format(&self.path, error))?;
        let result = self.look_for_pictures(&mut pass, &mut *demuxer, start + time);
        self.wake_all();
        result
    }

    fn look_for_pictures(
        &self,
        pass: &mut Pass,
        demuxer: &mut dyn Demuxer,
        until: Instant,
    ) -> Result<Indexed, LibraryError> {
        let shown = self.path.display();
        let mut last = lock(&self.index).last_time();
        // What is at the end may be all right once the file has grown.
        let mut damage: Option<String> = None;
        loop {
            let found = demuxer.next();
            pass.reached = pass.reached.max(demuxer.offset());
            match found.map_err(|error| LibraryError::Read { path: self.path.clone(), error })? {
                // The rest of it is still being written.
                Found::Picture(_) if demuxer.is_tail() && pass.is_growing(self.patience()) => {
                    self.end_pass(pass, damage.as_deref());
                    return Ok(Indexed::Done);
                }
                Found::Picture(sample) => {
                    if let Some(damage) = damage.take() {
                        pass.note_damage(&shown.to_string(), &damage);
                    }
                    if let Some(place) = demuxer.place() {
                        (pass.place, pass.offset) = (place, demuxer.offset());
                    }
                    if sample.len > MAX_FRAME {
                        pass.note_too_large(&shown.to_string(), sample);
                    } else {
                        let sample = self.since_origin(sample, last);
                        last = sample.time;
                        lock(&self.index).push(sample, demuxer.place(), demuxer.offset());
                    }
                }
                Found::Damage(text) => {
                    if let Some(before) = damage.replace(text) {
                        pass.note_damage(&shown.to_string(), &before);
                    }
                }
                Found::End { .. } => {
                    self.end_pass(pass, damage.as_deref());
                    return Ok(Indexed::Done);
                }
            }
            let now = Instant::now();
            if now >= until && !demuxer.is_tail() {
                // Where there are no pictures for long, the pass goes on behind what it has seen.
                if pass.reached.saturating_sub(pass.offset) > MAX_AGAIN
                    && let Some(place) = demuxer.place()
                {
                    (pass.place, pass.offset) = (place, demuxer.offset());
                }
                if now - pass.said >= PROGRESS_INTERVAL {
                    pass.said = now;
                    let len = pass.status.len;
                    let percent = u128::from(pass.reached) * 100 / u128::from(len.max(1));
                    log::info!("{shown}: looking for frames, {percent} % of {} MB", len / 1_000_000);
                }
                return Ok(Indexed::Partly);
            }
        }
    }

    /// With its time counted from the beginning, and not before that of the picture before.
    fn since_origin(&self, sample: Sample, last: u64) -> Sample {
        let origin = *self.origin.get_or_init(|| sample.time);
        Sample { time: sample.time.saturating_sub(origin).max(last), ..sample }
    }

    fn end_pass(&self, pass: &mut Pass, damage: Option<&str>) {
        pass.is_done = true;
        pass.reached = pass.status.len;
        let is_growing = pass.is_growing(self.patience()) && !self.is_replaced();
        let shown = self.path.display();
        if !is_growing {
            if let Some(damage) = damage {
                pass.note_damage(&shown.to_string(), damage);
            }
            if pass.damages > MAX_WARNINGS {
                log::warn!("{shown}: {} such places in all", pass.damages);
            }
            if pass.too_large > MAX_WARNINGS {
                log::warn!("{shown}: {} frames in all are left out for their length", pass.too_large);
            }
        }
        let mut index = lock(&self.index);
        index.set_end(if is_growing { End::Open } else { End::Known });
        log::debug!("{shown}: {} frames", index.frames());
    }

    /// Why there is nothing to serve, in a file that was looked through.
    pub(super) fn nothing(&self) -> LibraryError {
        let path = self.path.clone();
        if lock(&self.pass).too_large > 0 { LibraryError::TooLarge { path } } else { LibraryError::NoPicture { path } }
    }

    /// Looks whether the file has grown or was replaced. It may wait for a disk.
    pub(super) fn look(&self) -> Change {
        if self.is_replaced() {
            return Change::Replaced;
        }
        let now = self.storage.status().unwrap_or_default();
        let at_path = self.path.metadata().map(|metadata| Status::of(&metadata)).unwrap_or_default();
        // A pass that is under way knows best.
        let Ok(mut pass) = self.pass.try_lock() else { return Change::None };
        let before = pass.status;
        let is_same = at_path.identity == before.identity;
        let has_grown = now.len > before.len;
        if !is_same || now.len < before.len || (!has_grown && now.modified != before.modified) {
            self.is_replaced.store(true, Ordering::Relaxed);
            lock(&self.index).set_end(End::Known);
            drop(pass);
            self.wake_all();
            return Change::Replaced;
        }
        if has_grown {
            pass.status = now;
            pass.grown = Some(Instant::now());
            if pass.reached.saturating_sub(pass.offset) > MAX_AGAIN {
                pass.offset = pass.reached;
            }
            pass.is_done = false;
            lock(&self.index).set_end(End::Open);
            return Change::Grown;
        }
        if pass.is_done && pass.grown.is_some() && !pass.is_growing(self.patience()) {
            pass.grown = None;
            lock(&self.index).set_end(End::Known);
            drop(pass);
            self.wake_all();
        }
        Change::None
    }

    /// Has `viewer` woken by this waker, the last one that it gave, when more of the file is known.
    pub(super) fn wake_later(&self, viewer: u64, waker: &Waker) {
        let mut waiting = lock(&self.waiting);
        waiting.entry(viewer).and_modify(|kept| kept.clone_from(waker)).or_insert_with(|| waker.clone());
    }

    fn wake_all(&self) {
        let waiting = std::mem::take(&mut *lock(&self.waiting));
        waiting.into_values().for_each(Waker::wake);
    }

    /// The number of the picture that is shown at this time, or the page that a worker has to read before that is known.
    pub(super) fn number_at(&self, micros: u64, rate: FrameRate) -> Result<u32, usize> {
        let mut index = lock(&self.index);
        if index.is_timed() {
            return index.number_at(micros);
        }
        let number = u32::try_from(rate.frames_in(micros)).unwrap_or(u32::MAX);
        Ok(number.min(index.frames()))
    }

    /// The page that a viewer at `number` needs next, where it is not there; each is told once.
    pub(super) fn order_next(&self, number: u32) -> Option<usize> {
        lock(&self.index).order_next(number)
    }

    /// Reads a page, which may take some time.
    pub(super) fn read_page(&self, number: usize) -> Result<Arc<Page>, FrameError> {
        let (checkpoint, count) = lock(&self.index).page(number).ok_or(FrameError::Shortened)?;
        let page = self.page_from(&checkpoint, count as usize);
        let page = Arc::new(page.unwrap_or_else(|error| {
            log::warn!("{}: {error}", self.path.display());
            Page::default()
        }));
        lock(&self.index).keep(number, Arc::clone(&page));
        self.wake_all();
        Ok(page)
    }

    fn page_from(&self, from: &Checkpoint, count: usize) -> Result<Page, LibraryError> {
        let len = lock_status(&self.pass, &*self.storage);
        let mut demuxer = self
            .head
            .container
            .demuxer(&*self.storage, len, from.place)
            .map_err(|error| no_format(&self.path, error))?;
        let mut last = 0;
        let mut samples = Vec::with_capacity(count);
        while samples.len() < count {
            match demuxer.next().map_err(|error| LibraryError::Read { path: self.path.clone(), error })? {
                Found::Picture(sample) if sample.len <= MAX_FRAME => {
                    let sample = self.since_origin(sample, last);
                    last = sample.time;
                    samples.push(sample);
                }
                Found::Picture(_) | Found::Damage(_) => {}
                Found::End { .. } => break,
            }
        }
        Ok(Page::from(from.number, &samples, self.head.is_timed))
    }

    /// Where frame `number` is, if that is in memory.
    pub(super) fn locate(&self, number: u32) -> Result<Option<Located>, FrameError> {
        match lock(&self.index).look_up(number) {
            Lookup::At(sample, page) => Ok(Some(Located { sample, page })),
            Lookup::Page(_) => Ok(None),
            Lookup::Beyond => Err(FrameError::Shortened),
        }
    }

    /// Where frame `number` is; reads what tells it.
    pub(super) fn locate_slowly(&self, number: u32) -> Result<Located, FrameError> {
        let lookup = lock(&self.index).look_up(number);
        let page = match lookup {
            Lookup::At(sample, page) => return Ok(Located { sample, page }),
            Lookup::Page(page) => page,
            Lookup::Beyond => return Err(FrameError::Shortened),
        };
        let page = self.read_page(page)?;
        let sample = page.get(number).ok_or(FrameError::Shortened)?;
        Ok(Located { sample, page: Some(page) })
    }

    /// Gives back memory that nobody needs now.
    pub(super) fn rest(&self) {
        lock(&self.index).forget_pages();
    }

    /// Reads as much of a frame into `buffer`, whatever it held, as is in memory: the frame, or what is left to do.
    pub(super) fn read_now(
        &self,
        sample: Sample,
        buffer: Vec<u8>,
    ) -> Result<Result<Vec<u8>, PartialFrame>, FrameError> {
        let mut rest = PartialFrame::new(sample, buffer);
        while !rest.is_whole() {
            match rest.fill(|buffer, offset| self.storage.read_now(buffer, offset)) {
                Some(0) => return Err(FrameError::Shortened),
                Some(read) => rest.filled += read,
                None => return Ok(Err(rest)),
            }
        }
        rest.into_frame().map(Ok)
    }

    /// Reads the rest of a frame, and waits for the disk where it has to.
    pub(super) fn read_rest(&self, mut rest: PartialFrame) -> Result<Vec<u8>, FrameError> {
        while !rest.is_whole() {
            match rest.fill(|buffer, offset| self.storage.read(buffer, offset))? {
                0 => return Err(FrameError::Shortened),
                read => rest.filled += read,
            }
        }
        rest.into_frame()
    }

    /// Reads a frame into `buffer`, whatever it held, and waits for the disk where it has to.
    pub(super) fn read(&self, number: u32, buffer: Vec<u8>) -> Result<Vec<u8>, FrameError> {
        let located = self.locate_slowly(number)?;
        self.read_rest(PartialFrame::new(located.sample, buffer))
    }

    /// What the first pictures say of all of them. The log calls the file by its path.
    pub(super) fn probe(&self, mut probe: Probe) -> Probe {
        let mut frame = Vec::new();
        for number in 0..self.frames() {
            if !probe.wants_more() {
                break;
            }
            match self.read(number, std::mem::take(&mut frame)) {
                Ok(mut read) => {
                    probe.count(number, &mut read);
                    frame = read;
                }
                Err(error) => log::warn!("{}: frame {number}: {error}", self.path.display()),
            }
        }
        probe
    }
}

/// The length up to which the file was looked through.
fn lock_status(pass: &Mutex<Pass>, storage: &dyn Storage) -> u64 {
    // While a pass is under way, what is there now is as good.
    let known = pass.try_lock().map(|pass| pass.status.len).ok();
    known.or_else(|| storage.status().ok().map(|status| status.len)).unwrap_or(0)
}

fn no_format(path: &Path, error: DetectError) -> LibraryError {
    let path = path.to_owned();
    match error {
        DetectError::Io(error) => LibraryError::Read { path, error },
        DetectError::Format(reason) => LibraryError::Format { path, reason },
    }
}

impl Pass {
    fn is_growing(&self, patience: Duration) -> bool {
        self.grown.is_some_and(|grown| grown.elapsed() < patience)
    }

    /// A file of many damages must not fill a disk with them.
    fn note_damage(&mut self, shown: &str, damage: &str) {
        self.damages += 1;
        if self.damages <= MAX_WARNINGS {
            log::warn!("{shown}: {damage}");
        }
    }

    fn note_too_large(&mut self, shown: &str, sample: Sample) {
        self.too_large += 1;
        if self.too_large <= MAX_WARNINGS {
            let Sample { offset, len, .. } = sample;
            log::warn!("{shown}: the frame at byte {offset} is left out: {len} bytes are too many");
        }
    }
}

/// Larger buffers are given back where they are of no use.
const MAX_SPARE: usize = 256 << 10;

impl PartialFrame {
    pub(super) fn new(sample: Sample, mut frame: Vec<u8>) -> Self {
        let len = sample.len as usize;
        if frame.capacity() < len || (frame.capacity() > MAX_SPARE && frame.capacity() / 4 > len) {
            // Nothing of it is worth being moved, and one huge picture is no reason to keep so much.
            frame = Vec::with_capacity(len);
        }
        // What the buffer held before is overwritten, so it need not become zero.
        frame.resize(len, 0);
        Self { frame, filled: 0, offset: sample.offset }
    }

    fn is_whole(&self) -> bool {
        self.filled == self.frame.len()
    }

    /// Has the bytes that are missing, which begin at this offset of the file, read by `read`.
    fn fill<R>(&mut self, read: impl FnOnce(&mut [u8], u64) -> R) -> R {
        let offset = self.offset + self.filled as u64;
        read(&mut self.frame[self.filled..], offset)
    }

    fn into_frame(self) -> Result<Vec<u8>, FrameError> {
        // Every frame in the index began so.
        if self.frame.starts_with(&[0xff, 0xd8]) { Ok(self.frame) } else { Err(FrameError::Overwritten) }
    }
}

impl From<io::Error> for FrameError {
    fn from(error: io::Error) -> Self {
        Self::Read(Arc::new(error))
    }
}
