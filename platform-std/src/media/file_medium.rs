//! A file that has a name here and is opened when somebody asks for it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

use mutoscope::media::FrameRate;

use super::error::LibraryError;
use super::film::{Film, Indexed};
use super::keeper::Keeper;
use super::shared_media::{SharedMedia, Workers, next_id};
use super::stills::Arrangement;
use super::workers::{MediumId, Task};

/// A first look takes so long at most, where it has found pictures. Files that are looked through within that time have an end
/// from the beginning.
const FIRST_LOOK: Duration = Duration::from_millis(100);
/// A file that cannot be opened is tried again no sooner.
const RETRY: Duration = Duration::from_secs(2);
/// While the system has no more descriptors, they are waited for so long, and asked for so often.
const DESCRIPTORS: (u32, Duration) = (40, Duration::from_millis(100));

/// What all files of a library share.
#[derive(Clone, Debug)]
pub(super) struct Shelf {
    pub(super) workers: Arc<Workers>,
    pub(super) keeper: Arc<Keeper>,
    /// The rate of all files, whatever they say.
    pub(super) rate: Option<FrameRate>,
    /// The rate of files that do not say theirs.
    pub(super) default_rate: FrameRate,
}

/// A file that can be asked for.
#[derive(Debug)]
pub(super) struct FileMedium {
    pub(super) id: MediumId,
    pub(super) name: String,
    path: PathBuf,
    kind: Kind,
    shelf: Arc<Shelf>,
    state: Mutex<State>,
    /// How many handles there are.
    handles: AtomicUsize,
}

/// What a name stands for.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// A file. In a folder that was named it must not lead out of that.
    File {
        /// The folder.
        root: Option<Arc<Path>>,
    },
    /// The JPEG files of a folder.
    Stills(Arrangement),
}

#[derive(Debug)]
enum State {
    Closed,
    /// Those who wait are woken when it is open.
    Opening(Vec<Waker>),
    Open(Weak<SharedMedia>),
    Failed(Arc<Failure>, Instant),
}

/// Why a file cannot be served now.
#[derive(Debug)]
pub(super) struct Failure {
    /// A sentence.
    pub(super) reason: String,
    /// It is not a file that can be served, unless it changes.
    pub(super) is_refusal: bool,
    /// It was found in a folder, and is not there any more.
    pub(super) is_missing: bool,
}

/// Somebody who asks for a file. It stays open for them.
#[derive(Debug)]
pub(super) struct FileHandle {
    file: Arc<FileMedium>,
    medium: OnceLock<Arc<SharedMedia>>,
    failure: OnceLock<Arc<Failure>>,
}

/// What is known of a file that was asked for.
pub(super) enum Asked<'a> {
    Ready(&'a Arc<SharedMedia>),
    Failed(&'a Failure),
    Opening,
}

impl FileMedium {
    pub(super) fn new(name: String, path: PathBuf, kind: Kind, shelf: &Arc<Shelf>) -> Self {
        let (state, handles) = (Mutex::new(State::Closed), AtomicUsize::new(0));
        Self { id: next_id(), name, path, kind, shelf: Arc::clone(shelf), state, handles }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of it by now: the file where it is open, or why it cannot be served. `None`: nothing; and nobody is made to look.
    #[cfg(feature = "http")]
    pub(super) fn glance(&self) -> Option<Result<Arc<SharedMedia>, Arc<Failure>>> {
        match &*self.lock() {
            State::Open(medium) => medium.upgrade().filter(|medium| !medium.is_replaced()).map(Ok),
            State::Failed(failure, _) => Some(Err(Arc::clone(failure))),
            State::Opening(_) | State::Closed => None,
        }
    }

    /// The open file, if it is open. If it is not, a worker opens it and wakes the caller.
    fn ask(self: &Arc<Self>, waker: &Waker) -> Result<Arc<SharedMedia>, Option<Arc<Failure>>> {
        let mut state = self.lock();
        match &mut *state {
            State::Open(medium) => {
                if let Some(medium) = medium.upgrade().filter(|medium| !medium.is_replaced()) {
                    return Ok(medium);
                }
            }
            State::Opening(waiting) => {
                if !waiting.iter().any(|other| other.will_wake(waker)) {
                    waiting.push(waker.clone());
                }
                return Err(None);
            }
            State::Failed(failure, at) if at.elapsed() < RETRY => return Err(Some(Arc::clone(failure))),
            State::Failed(..) | State::Closed => {}
        }
        *state = State::Opening(vec![waker.clone()]);
        drop(state);
        let task = Task::of(Arc::downgrade(self), |file| file.open());
        self.shelf.workers.read(self.id, task);
        Err(None)
    }

    /// The first thing that a worker does.
    fn open(self: Arc<Self>) {
        match self.film() {
            Ok(film) => self.look_into(film),
            Err(error) => self.settle(Err(error)),
        }
    }

    fn film(&self) -> Result<Film, LibraryError> {
        let mut attempts = 0;
        loop {
            let film = match &self.kind {
                Kind::File { root } => {
                    self.check_place(root.as_deref()).and_then(|()| Film::open(&self.path, self.shelf.rate))
                }
                Kind::Stills(arrangement) => {
                    let rate = arrangement.rate.or(self.shelf.rate).unwrap_or(self.shelf.default_rate);
                    Film::of_stills(&self.path, Arrangement { rate: Some(rate), ..*arrangement })
                }
            };
            match film {
                Err(LibraryError::Open { error, .. } | LibraryError::Folder { error, .. })
                    if is_short_of_descriptors(&error) && self.is_wanted(attempts) =>
                {
                    self.shelf.keeper.close_idle();
                    attempts += 1;
                    thread::sleep(DESCRIPTORS.1);
                }
                other => return other,
            }
        }
    }

    fn is_wanted(&self, attempts: u32) -> bool {
        attempts < DESCRIPTORS.0 && self.handles.load(Ordering::Relaxed) > 0
    }

    /// A link that leads out of the folder may have come since the folder was searched.
    fn check_place(&self, root: Option<&Path>) -> Result<(), LibraryError> {
        let Some(root) = root else { return Ok(()) };
        let path = self.path.clone();
        match path.canonicalize() {
            Ok(target) if target.starts_with(root) => Ok(()),
            Ok(_) => Err(LibraryError::Outside { path }),
            Err(error) => Err(LibraryError::Open { path, error }),
        }
    }

    /// Looks for the first pictures. Where there are none for long, others have their turns too.
    fn look_into(self: Arc<Self>, film: Film) {
        match film.index_some(FIRST_LOOK) {
            Err(error) => self.settle(Err(error)),
            Ok(Indexed::Done) if film.frames() == 0 => self.settle(Err(film.nothing())),
            Ok(_) if film.frames() > 0 => self.settle(Ok(film)),
            Ok(_) => {
                let mut state = self.lock();
                if self.handles.load(Ordering::Relaxed) == 0 {
                    // Nobody waits any more, and whoever comes now finds it closed.
                    *state = State::Closed;
                    return;
                }
                drop(state);
                let task = Task::of(Arc::downgrade(&self), move |file| file.look_into(film));
                self.shelf.workers.index(self.id, task);
            }
        }
    }

    /// Tells those who wait.
    fn settle(&self, result: Result<Film, LibraryError>) {
        let next = match result {
            Ok(film) => {
                let Shelf { workers, keeper, default_rate, .. } = &*self.shelf;
                let medium = SharedMedia::file(self.id, self.name.clone(), film, *default_rate, workers);
                let state = State::Open(Arc::downgrade(&medium));
                keeper.keep(medium);
                state
            }
            Err(error) => {
                let failure = Failure::of(&error, &self.kind);
                log::log!(if failure.is_missing { log::Level::Info } else { log::Level::Warn }, "{error}");
                State::Failed(Arc::new(failure), Instant::now())
            }
        };
        let before = std::mem::replace(&mut *self.lock(), next);
        if let State::Opening(waiting) = before {
            waiting.into_iter().for_each(Waker::wake);
        }
    }
}

impl FileHandle {
    pub(super) fn new(file: &Arc<FileMedium>) -> Self {
        file.handles.fetch_add(1, Ordering::Relaxed);
        Self { file: Arc::clone(file), medium: OnceLock::new(), failure: OnceLock::new() }
    }

    pub(super) fn file(&self) -> &FileMedium {
        &self.file
    }

    /// What it is, once that is known.
    pub(super) fn medium(&self) -> Option<&Arc<SharedMedia>> {
        self.medium.get()
    }

    /// It was found in a folder, and is not there any more.
    pub(super) fn is_missing(&self) -> bool {
        self.failure.get().is_some_and(|failure| failure.is_missing)
    }

    /// Asks for the file; the waker is woken when there is an answer.
    pub(super) fn ask(&self, waker: &Waker) -> Asked<'_> {
        if let Some(medium) = self.medium.get() {
            return Asked::Ready(medium);
        }
        if let Some(failure) = self.failure.get() {
            return Asked::Failed(failure);
        }
        match self.file.ask(waker) {
            Ok(medium) => Asked::Ready(self.medium.get_or_init(|| medium)),
            Err(Some(failure)) => Asked::Failed(self.failure.get_or_init(|| failure)),
            Err(None) => Asked::Opening,
        }
    }
}

impl Clone for FileHandle {
    fn clone(&self) -> Self {
        let mut clone = Self::new(&self.file);
        clone.medium = self.medium.clone();
        clone
    }
}

impl Drop for FileHandle {
    fn drop(&mut self) {
        self.file.handles.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Failure {
    fn of(error: &LibraryError, kind: &Kind) -> Self {
        let is_refusal =
            !matches!(error, LibraryError::Open { .. } | LibraryError::Read { .. } | LibraryError::Folder { .. });
        let is_missing = matches!(kind, Kind::File { root: Some(_) })
            && matches!(error, LibraryError::Open { error, .. } if error.kind() == io::ErrorKind::NotFound);
        Self { reason: error.reason(), is_refusal, is_missing }
    }
}

fn is_short_of_descriptors(error: &io::Error) -> bool {
    // EMFILE and ENFILE, which have no kind of their own.
    matches!(error.raw_os_error(), Some(24 | 23))
}
