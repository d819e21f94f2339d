//! Folders that were named: films that are put into them later are found when somebody asks for one of an unknown name.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use log::Level;
use mutoscope::wire::url;

use super::candidates::{Candidate, Candidates, Names, candidates};
use super::file_medium::{FileHandle, FileMedium, Kind, Shelf};
use super::shared_media::next_id;
use super::workers::{MediumId, Task};
use crate::{names, record};

/// Folders are looked at no more often, however many unknown names are asked for.
const INTERVAL: Duration = Duration::from_millis(if cfg!(test) { 10 } else { 200 });
/// A folder that changed so short a time before it was read may have changed again without another time of change.
const SETTLED: Duration = Duration::from_secs(2);

/// The folders of a library, and the films that have come into them.
#[derive(Debug)]
pub(super) struct Folders {
    id: MediumId,
    shelf: Arc<Shelf>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    folders: Vec<Folder>,
    names: Names,
    /// Those that have come since the library was made.
    films: Vec<Arc<FileMedium>>,
    /// By name.
    index: names::Index,
    searches: Searches,
}

#[derive(Clone, Debug)]
struct Folder {
    path: PathBuf,
    /// It holds the recordings of this stream, and nothing else in it is a film.
    stream: Option<String>,
    /// Its time of change when it was read, where that tells whether it has changed since.
    read: Option<SystemTime>,
}

/// Searches are counted: who asks for a name needs one that begins later.
#[derive(Debug, Default)]
struct Searches {
    begun: u64,
    done: u64,
    /// The last one that somebody needs.
    wanted: u64,
    is_running: bool,
    last: Option<Instant>,
    waiting: Vec<Waker>,
}

/// What a folder holds now.
struct Contents {
    folder: usize,
    read: Option<SystemTime>,
    films: Vec<Candidate>,
}

/// Somebody who asks for a name that is not known, or was not at first.
#[derive(Clone, Debug)]
pub(super) struct Sought {
    folders: Arc<Folders>,
    path: String,
    /// The search that tells.
    search: u64,
    found: OnceLock<Option<FileHandle>>,
}

impl Folders {
    pub(super) fn new(shelf: &Arc<Shelf>) -> Self {
        Self { id: next_id(), shelf: Arc::clone(shelf), state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what names there are.
    pub(super) fn with_names<R>(&self, change: impl FnOnce(&mut Names) -> R) -> R {
        change(&mut self.lock().names)
    }

    /// Films that come into this folder are found, too. It is about to be read for those that are there.
    pub(super) fn add(&self, path: &Path) {
        let folder = Folder { path: path.to_owned(), stream: None, read: time_of_change(path) };
        self.lock().folders.push(folder);
    }

    /// The recordings of a stream, which are found when somebody asks for one.
    pub(super) fn add_recordings(&self, stream: &str, path: &Path) {
        let folder = Folder { path: path.to_owned(), stream: Some(stream.to_owned()), read: None };
        self.lock().folders.push(folder);
    }

    /// Whether a film of that name has come and was seen.
    pub(super) fn knows(&self, path: url::Path<'_>) -> bool {
        self.lock().film(path).is_some()
    }

    /// A film that has come, or who looks for one. `None`: there are no folders where it could be.
    pub(super) fn find(self: &Arc<Self>, path: url::Path<'_>) -> Option<Result<Arc<FileMedium>, Sought>> {
        let mut state = self.lock();
        if state.folders.is_empty() {
            return None;
        }
        if let Some(film) = state.film(path) {
            return Some(Ok(Arc::clone(film)));
        }
        let searches = &mut state.searches;
        let search = searches.begun + 1;
        searches.wanted = search;
        let is_running = std::mem::replace(&mut searches.is_running, true);
        drop(state);
        if !is_running {
            self.shelf.workers.read(self.id, Task::of(Arc::downgrade(self), |folders| folders.search()));
        }
        let (folders, path) = (Arc::clone(self), path.as_str().to_owned());
        Some(Err(Sought { folders, path, search, found: OnceLock::new() }))
    }

    /// Searches as long as somebody needs it. Disks may make it wait.
    fn search(self: Arc<Self>) {
        loop {
            let rest = self.lock().searches.last.map_or(Duration::ZERO, |last| INTERVAL.saturating_sub(last.elapsed()));
            thread::sleep(rest);
            let folders = {
                let State { folders, searches, .. } = &mut *self.lock();
                searches.last = Some(Instant::now());
                searches.begun += 1;
                folders.clone()
            };
            let changed = folders.iter().enumerate().filter_map(|(number, folder)| folder.read_again(number));
            let changed: Vec<Contents> = changed.collect();
            let (waiting, goes_on) = {
                let mut state = self.lock();
                changed.into_iter().for_each(|contents| state.take(contents, &self.shelf));
                let searches = &mut state.searches;
                searches.done = searches.begun;
                searches.is_running = searches.wanted > searches.done;
                (std::mem::take(&mut searches.waiting), searches.is_running)
            };
            waiting.into_iter().for_each(Waker::wake);
            if !goes_on {
                return;
            }
        }
    }
}

impl State {
    fn film(&self, path: url::Path<'_>) -> Option<&Arc<FileMedium>> {
        let at = self.index.find(path, |at| self.films.get(at).map(|film| film.name.as_str()))?;
        self.films.get(at)
    }

    /// Names the films that have come, and forgets those that have gone.
    fn take(&mut self, contents: Contents, shelf: &Arc<Shelf>) {
        let Contents { folder, read, films } = contents;
        let Some(folder) = self.folders.get_mut(folder) else { return };
        folder.read = read;
        let there: HashSet<&Path> = films.iter().map(|film| &*film.path).collect();
        let is_there = |film: &FileMedium| !folder.names(film) || there.contains(film.path());
        let level = if folder.stream.is_some() { Level::Debug } else { Level::Info };
        let names = &mut self.names;
        self.films.retain(|film| {
            let stays = is_there(film);
            if !stays {
                log::log!(level, "{} has gone", film.name);
                names.remove(&film.name);
            }
            stays
        });
        for candidate in films {
            match self.names.get(&candidate.name) {
                None => {
                    log::log!(level, "{} has come", candidate.name);
                    self.names.add(&candidate);
                    let Candidate { path, name, folder } = candidate;
                    self.films.push(Arc::new(FileMedium::new(name, path, Kind::File { root: folder }, shelf)));
                }
                Some(known) if *known == candidate.path => {}
                Some(known) => {
                    log::debug!("{} is left out: {} has its name", candidate.path.display(), known.display())
                }
            }
        }
        self.index = self.films.iter().map(|film| film.name.as_str()).collect();
    }
}

impl Folder {
    /// Whether a film has its name by this folder.
    fn names(&self, film: &FileMedium) -> bool {
        let is_recording = |stream: &str| film.name.strip_prefix(stream).is_some_and(|rest| rest.starts_with('/'));
        let is_so_named = self.stream.as_deref().map_or(!film.name.contains('/'), is_recording);
        film.path().parent() == Some(&*self.path) && is_so_named
    }

    /// A film of this folder, with the name that it has by it.
    fn named(&self, film: Candidate) -> Option<Candidate> {
        film.folder.as_ref()?;
        let Some(stream) = &self.stream else { return Some(film) };
        let name = format!("{stream}/{}/{}", record::FOLDER, film.name);
        record::is_segment(&film.name).then_some(Candidate { name, ..film })
    }

    /// What it holds, where that may have changed. One that cannot be read holds what it held.
    fn read_again(&self, number: usize) -> Option<Contents> {
        let changed = self.path.metadata().and_then(|metadata| metadata.modified()).ok();
        if changed.is_none() || (self.read.is_some() && changed == self.read) {
            return None;
        }
        let read = time_of_change(&self.path);
        match candidates(std::slice::from_ref(&self.path)) {
            Ok(Candidates { files, left_out }) => {
                left_out.iter().for_each(|why| log::debug!("left out: {why}"));
                Some(Contents {
                    folder: number,
                    read,
                    films: files.into_iter().filter_map(|film| self.named(film)).collect(),
                })
            }
            Err(error) => {
                log::warn!("{error}");
                None
            }
        }
    }
}

/// The time of a folder's last change. `None`: it is so young, or so strange, that a later change may have the same.
fn time_of_change(path: &Path) -> Option<SystemTime> {
    let changed = path.metadata().and_then(|metadata| metadata.modified()).ok()?;
    let age = SystemTime::now().duration_since(changed).ok()?;
    (age >= SETTLED).then_some(changed)
}

impl Sought {
    /// What was found, once that is known; the waker is woken when it is. `Some(None)`: there is no film of this name.
    pub(super) fn ask(&self, waker: &Waker) -> Option<Option<&FileHandle>> {
        if let Some(found) = self.found.get() {
            return Some(found.as_ref());
        }
        let mut state = self.folders.lock();
        if state.searches.done < self.search {
            let waiting = &mut state.searches.waiting;
            if !waiting.iter().any(|other| other.will_wake(waker)) {
                waiting.push(waker.clone());
            }
            return None;
        }
        let found = state.film(url::Path::new(&self.path)).map(FileHandle::new);
        drop(state);
        Some(self.found.get_or_init(|| found).as_ref())
    }

    /// What was found. `None`: that is not known yet.
    pub(super) fn found(&self) -> Option<Option<&FileHandle>> {
        self.found.get().map(Option::as_ref)
    }
}
