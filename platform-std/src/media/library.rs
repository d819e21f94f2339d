//! Media by name.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::Waker;
use std::time::{self, Instant};

use mutoscope::media::catalogue::{Catalogue, Entry, Medium, NotReady};
use mutoscope::media::{Extent, FrameRate, NoSink};
use mutoscope::time::Duration;
use mutoscope::wire::url;

use super::candidates::{Candidate, Candidates, candidates};
use super::error::LibraryError;
use super::file_medium::{Asked, FileHandle, FileMedium, Kind, Shelf};
use super::film::{Film, Indexed};
use super::folders::{Folders, Sought};
#[cfg(feature = "http")]
use super::glance::Glance;
use super::policy::Policy;
use super::shared_media::{SharedMedia, Workers};
use super::source::LibrarySource;
use super::stills::Arrangement;
use crate::names;

/// Media by name. Requests are compared with the names and never opened as files, so nothing else can be reached.
///
/// Of files only the names are known until somebody asks for one. Then it is opened and looked into by workers, and it is closed
/// some time after the last viewer has left. Where a name is asked for that is not known, workers look into folders that have changed.
#[derive(Debug)]
pub struct Library {
    media: Vec<Named>,
    /// By name.
    index: names::Index,
    shelf: Arc<Shelf>,
    folders: Arc<Folders>,
}

/// What is behind a name.
#[derive(Debug)]
enum Named {
    /// It is always there.
    Shared(Arc<SharedMedia>),
    /// It is opened when it is asked for.
    File(Arc<FileMedium>),
}

/// The rate of files that do not say theirs: 24 frames per second.
pub const DEFAULT_RATE: FrameRate = match FrameRate::new(24, 1) {
    Some(rate) => rate,
    None => unreachable!(),
};
/// Files that were named one by one are looked into at the start for so long: what is wrong with them is best said then. The
/// others are looked into when they are asked for.
const FIRST_LOOKS: time::Duration = time::Duration::from_millis(300);
/// Each of them for so long.
const FIRST_LOOK: time::Duration = time::Duration::from_millis(50);
/// So many entries of folders that are left out are named in the log one by one.
const MAX_LEFT_OUT: usize = 10;

impl Library {
    /// A library without media. `rate`: of all files; `None`: the one that a file says, or else 24 frames per second. `policy`: what
    /// is done with frames that RTP/JPEG cannot carry as they are.
    pub fn new(rate: Option<FrameRate>, policy: Policy) -> Self {
        let (workers, keeper) = (Arc::new(Workers::new(policy)), Arc::default());
        let shelf = Arc::new(Shelf { workers, keeper, rate, default_rate: DEFAULT_RATE });
        let folders = Arc::new(Folders::new(&shelf));
        Self { media: Vec::new(), index: names::Index::default(), shelf, folders }
    }

    /// A library of files: [`new`](Self::new) and [`add_paths`](Self::add_paths).
    ///
    /// # Errors
    /// Those of `add_paths`, and [`LibraryError::Empty`].
    pub fn from_paths(
        paths: &[PathBuf],
        rate: impl Into<Option<FrameRate>>,
        policy: Policy,
    ) -> Result<Self, LibraryError> {
        let mut library = Self::new(rate.into(), policy);
        library.add_paths(paths)?;
        if library.media.is_empty() { Err(LibraryError::Empty) } else { Ok(library) }
    }

    /// Names files, and the films in folders (not in folders within them). Films that come into these folders later are found when
    /// somebody asks for them.
    ///
    /// In a folder, what is no file is only left out, with a warning. A file that is not what its name says is noticed when
    /// somebody asks for it, or here where it was named itself and that is seen soon.
    ///
    /// # Errors
    /// All of [`LibraryError`]: where a path cannot be read, is no film, or two files would have the same name.
    pub fn add_paths(&mut self, paths: &[PathBuf]) -> Result<(), LibraryError> {
        // Before they are read: what comes meanwhile is not missed then.
        paths.iter().filter(|path| path.is_dir()).for_each(|path| self.folders.add(path));
        let Candidates { files, left_out } = candidates(paths)?;
        left_out.iter().take(MAX_LEFT_OUT).for_each(|why| log::warn!("left out: {why}"));
        if left_out.len() > MAX_LEFT_OUT {
            log::warn!("left out: {} others", left_out.len() - MAX_LEFT_OUT);
        }
        let start = Instant::now();
        for candidate in files {
            if !self.take_name(&candidate)? {
                continue;
            }
            let Candidate { path, name, folder } = candidate;
            if folder.is_none() && start.elapsed() < FIRST_LOOKS {
                look_at(&path)?;
            }
            let file = FileMedium::new(name, path, Kind::File { root: folder }, &self.shelf);
            self.push(Named::File(Arc::new(file)));
        }
        Ok(())
    }

    /// Names a file as `name` says. `rate`: of this file, instead of the library's.
    ///
    /// # Errors
    /// Where it cannot be read, is no film, or another one has its name.
    pub fn add_file(&mut self, name: &str, path: &Path, rate: Option<FrameRate>) -> Result<(), LibraryError> {
        let candidate = Candidate { path: path.to_owned(), name: name.to_owned(), folder: None };
        if !self.take_name(&candidate)? {
            return Ok(());
        }
        look_at(path)?;
        let shelf = match rate {
            Some(_) => &Arc::new(Shelf { rate, ..Shelf::clone(&self.shelf) }),
            None => &self.shelf,
        };
        let Candidate { path, name, .. } = candidate;
        let file = FileMedium::new(name, path, Kind::File { root: None }, shelf);
        self.push(Named::File(Arc::new(file)));
        Ok(())
    }

    /// Names a folder of JPEG files, which are the pictures of one film: files that come later are shown at its end.
    ///
    /// # Errors
    /// [`LibraryError::Open`], [`LibraryError::NoFolder`] and [`LibraryError::SameName`].
    pub fn add_stills(&mut self, name: &str, folder: &Path, arrangement: Arrangement) -> Result<(), LibraryError> {
        let (path, name) = (folder.to_owned(), name.to_owned());
        match folder.metadata() {
            Err(error) => return Err(LibraryError::Open { path, error }),
            Ok(metadata) if !metadata.is_dir() => return Err(LibraryError::NoFolder { path }),
            Ok(_) => {}
        }
        let candidate = Candidate { path, name, folder: None };
        self.take_name(&candidate)?;
        let Candidate { path, name, .. } = candidate;
        let film = FileMedium::new(name, path, Kind::Stills(arrangement), &self.shelf);
        self.push(Named::File(Arc::new(film)));
        Ok(())
    }

    /// The recordings of a stream in a folder, each as `STREAM/recordings/20261129T185200Z.mkv`: those that are there and those that
    /// come. What is called otherwise is not served.
    pub fn add_recordings(&mut self, stream: &str, folder: &Path) {
        self.folders.add_recordings(stream, folder);
    }

    fn push(&mut self, medium: Named) {
        self.index.add(medium.name());
        self.media.push(medium);
    }

    fn with(mut self, media: impl IntoIterator<Item = SharedMedia>) -> Self {
        media.into_iter().for_each(|medium| self.push(Named::Shared(Arc::new(medium))));
        self
    }

    /// `false`: the same file has its name already.
    fn take_name(&self, candidate: &Candidate) -> Result<bool, LibraryError> {
        self.folders.with_names(|names| {
            let is_new = names.are_new_with(candidate)?;
            if is_new {
                names.add(candidate);
            }
            Ok(is_new)
        })
    }

    /// Two media that need no file: `/testcard`, which is live, and `/movie.Mjpeg`, which has an end.
    pub fn built_in(rate: FrameRate) -> Self {
        let workers = Arc::new(Workers::new(Policy::default()));
        let testcard = SharedMedia::testcard("testcard", rate, &workers);
        let movie = SharedMedia::movie("movie.Mjpeg", rate, &workers);
        Self::new(None, Policy::default()).with([testcard, movie])
    }

    /// All names, in the order in which they were given, without those of films that have come since.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.media.iter().map(Named::name)
    }

    /// The same with what is known of each by now. Nothing is opened for that.
    #[cfg(feature = "http")]
    pub(crate) fn glance(&self) -> impl Iterator<Item = (&str, Option<Glance>)> {
        self.media.iter().map(|medium| (medium.name(), medium.glance()))
    }

    /// The same of the one that a path means.
    #[cfg(feature = "http")]
    pub(crate) fn glance_at(&self, path: url::Path<'_>) -> Option<(&str, Option<Glance>)> {
        let at = self.index.find(path, |at| self.media.get(at).map(Named::name))?;
        self.media.get(at).map(|medium| (medium.name(), medium.glance()))
    }
}

/// Whether something is wrong with a file that is seen soon.
fn look_at(path: &Path) -> Result<(), LibraryError> {
    let film = match Film::open(path, None) {
        // There are more files than descriptors, which is no reason not to start.
        Err(LibraryError::Open { error, .. }) if error.raw_os_error().is_some_and(|code| code == 24 || code == 23) => {
            return Ok(());
        }
        other => other?,
    };
    match film.index_some(FIRST_LOOK)? {
        Indexed::Done if film.frames() == 0 => Err(film.nothing()),
        Indexed::Done | Indexed::Partly => Ok(()),
    }
}

#[cfg(test)]
impl Library {
    /// Open files by their names.
    pub(super) fn from_films(films: Vec<(String, Film)>, rate: FrameRate, policy: Policy) -> Self {
        let workers = Arc::new(Workers::new(policy));
        let mut library = Self::new(Some(rate), policy);
        for (name, film) in films {
            library.push(Named::Shared(SharedMedia::file(super::shared_media::next_id(), name, film, rate, &workers)));
        }
        library
    }

    /// A viewer of a medium, by the order of names.
    pub(super) fn open(&self, index: usize) -> Option<LibrarySource> {
        self.media.get(index)?.handle().wait()
    }
}

impl Named {
    fn name(&self) -> &str {
        match self {
            Self::Shared(medium) => &medium.name,
            Self::File(file) => &file.name,
        }
    }

    #[cfg(feature = "http")]
    fn glance(&self) -> Option<Glance> {
        match self {
            Self::Shared(medium) => Some(Glance::of(medium)),
            Self::File(file) => match file.glance()? {
                Ok(medium) => Some(Glance::of(&medium)),
                Err(failure) => Some(Glance::of_failure(&failure.reason)),
            },
        }
    }

    fn handle(&self) -> LibraryMedium {
        LibraryMedium(match self {
            Self::Shared(medium) => Handle::Shared(Arc::clone(medium)),
            Self::File(file) => Handle::File(FileHandle::new(file)),
        })
    }
}

impl Library {
    /// Whether a path means something that is known by now. Nothing is looked for, as it is in folders by [`find`](Catalogue::find).
    pub fn knows(&self, path: url::Path<'_>) -> bool {
        self.index.find(path, |at| self.media.get(at).map(Named::name)).is_some() || self.folders.knows(path)
    }
}

impl Catalogue for Library {
    type Medium = LibraryMedium;

    fn find(&self, path: url::Path<'_>) -> Option<LibraryMedium> {
        if let Some(at) = self.index.find(path, |at| self.media.get(at).map(Named::name)) {
            return self.media.get(at).map(Named::handle);
        }
        Some(LibraryMedium(match self.folders.find(path)? {
            Ok(file) => Handle::File(FileHandle::new(&file)),
            Err(sought) => Handle::Sought(sought),
        }))
    }

    fn tell_names(&self, each: &mut dyn FnMut(&str)) {
        self.media.iter().for_each(|medium| each(medium.name()));
    }
}

/// A medium of a [`Library`]. A file stays open for whoever has one.
#[derive(Clone, Debug)]
pub struct LibraryMedium(Handle);

#[derive(Clone, Debug)]
enum Handle {
    Shared(Arc<SharedMedia>),
    File(FileHandle),
    /// It may have come into a folder.
    Sought(Sought),
}

#[cfg(test)]
impl LibraryMedium {
    /// Opens it as soon as it is ready.
    pub(super) fn wait(&self) -> Option<LibrarySource> {
        super::gated::entry(self).ok()?;
        self.open()
    }
}

impl Medium for LibraryMedium {
    type Source = LibrarySource;
    type Sink = NoSink;

    fn entry(&self, waker: &Waker) -> Result<Entry<'_>, NotReady<'_>> {
        let file = match &self.0 {
            Handle::Shared(medium) => return Ok(entry(medium)),
            Handle::File(file) => file,
            Handle::Sought(sought) => match sought.ask(waker) {
                Some(Some(file)) => file,
                Some(None) => {
                    return Err(NotReady { reason: "there is no such film", retry_after: Duration::from_secs(5) });
                }
                None => {
                    let reason = "the folder is still being looked into";
                    return Err(NotReady { reason, retry_after: Duration::from_secs(1) });
                }
            },
        };
        match file.ask(waker) {
            Asked::Ready(medium) => Ok(entry(medium)),
            Asked::Failed(failure) if failure.is_refusal => Ok(Entry {
                id: file.file().id as usize,
                name: &file.file().name,
                frame_rate: DEFAULT_RATE,
                extent: Extent::frames(0),
                width: 0,
                height: 0,
                refusal: Some(&failure.reason),
            }),
            Asked::Failed(failure) => Err(NotReady { reason: &failure.reason, retry_after: Duration::from_secs(2) }),
            Asked::Opening => {
                let reason = "the file is still being looked into, and no picture has been found in it yet";
                Err(NotReady { reason, retry_after: Duration::from_secs(5) })
            }
        }
    }

    fn open(&self) -> Option<LibrarySource> {
        let medium = match &self.0 {
            Handle::Shared(medium) => medium,
            Handle::File(file) => file.medium()?,
            Handle::Sought(sought) => sought.found()??.medium()?,
        };
        Some(LibrarySource::new(Arc::clone(medium)))
    }

    fn is_missing(&self) -> bool {
        match &self.0 {
            Handle::Shared(_) => false,
            Handle::File(file) => file.is_missing(),
            Handle::Sought(sought) => sought.found().is_some_and(|found| found.is_none_or(FileHandle::is_missing)),
        }
    }
}

/// What such a medium is.
pub(super) fn entry(medium: &SharedMedia) -> Entry<'_> {
    Entry {
        id: medium.id as usize,
        name: &medium.name,
        frame_rate: medium.rate,
        extent: medium.extent(),
        width: medium.width,
        height: medium.height,
        refusal: medium.refusal.as_deref(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::gated::entry;
    use super::super::policy::OnUnsupported;
    use super::super::testing::{Folder, frames, jpeg, lab_file, picture};
    use super::*;
    use jpeg_encoder::SamplingFactor;
    use std::path::Path;

    fn rate() -> FrameRate {
        FrameRate::new(24, 1).unwrap()
    }

    fn open(paths: &[&Path]) -> Result<Library, LibraryError> {
        let paths: Vec<PathBuf> = paths.iter().map(|path| path.to_path_buf()).collect();
        Library::from_paths(&paths, rate(), Policy::default())
    }

    fn complaint(paths: &[&Path]) -> String {
        open(paths).expect_err("must be refused").to_string()
    }

    #[test]
    fn media_may_be_shared_by_threads() {
        fn is_shared<T: Catalogue<Medium: Send> + Send + Sync + 'static, S: Send + 'static>() {}
        is_shared::<Library, LibrarySource>();
    }

    #[test]
    fn a_folder_shows_its_mjpeg_files_and_nothing_else() {
        let folder = Folder::new();
        let movie = frames(3).concat();
        folder.file("one.mjpeg", &movie);
        folder.file("Two Films ü.MJPG", &movie);
        folder.file("three.Mjpeg", &lab_file(&frames(3)));
        folder.file("notes.txt", b"no film");
        folder.file("empty.mjpeg", b"");
        folder.file("liar.mjpeg", b"this is not what it says");
        std::fs::create_dir(folder.path().join("folder.mjpeg")).unwrap();
        let library = open(&[folder.path()]).unwrap();
        let names: Vec<&str> = library.names().collect();
        assert_eq!(names, ["Two Films ü.MJPG", "empty.mjpeg", "liar.mjpeg", "one.mjpeg", "three.Mjpeg"]);
        // Nobody has looked into them until somebody asks.
        let refusal = |name| entry(&library.find(url::Path::new(name)).unwrap()).unwrap().refusal.map(str::to_owned);
        assert_eq!((refusal("one.mjpeg"), refusal("three.Mjpeg")), (None, None));
        assert!(refusal("empty.mjpeg").unwrap().contains("no whole JPEG"));
        assert!(refusal("liar.mjpeg").unwrap().contains("not an MJPEG file"));
    }

    #[test]
    fn a_link_out_of_a_folder_is_left_out() {
        let (folder, elsewhere) = (Folder::new(), Folder::new());
        let secret = elsewhere.file("secret.mjpeg", &frames(1).concat());
        folder.file("mine.mjpeg", &frames(1).concat());
        std::os::unix::fs::symlink(&secret, folder.path().join("out.mjpeg")).unwrap();
        std::os::unix::fs::symlink("mine.mjpeg", folder.path().join("within.mjpeg")).unwrap();
        let library = open(&[folder.path()]).unwrap();
        assert_eq!(library.names().collect::<Vec<_>>(), ["mine.mjpeg", "within.mjpeg"]);
        // Named by the operator, it is meant.
        assert!(open(&[&secret]).is_ok());
    }

    #[test]
    fn two_files_of_one_name_are_refused_and_one_file_named_twice_is_not() {
        let (one, other) = (Folder::new(), Folder::new());
        let first = one.file("movie.Mjpeg", &frames(1).concat());
        let second = other.file("movie.Mjpeg", &frames(2).concat());
        let text = complaint(&[&first, &second]);
        assert!(text.contains(first.to_str().unwrap()) && text.contains(second.to_str().unwrap()), "{text}");
        assert_eq!(open(&[&first, one.path()]).unwrap().names().count(), 1);
    }

    #[test]
    fn what_cannot_be_served_is_named_in_one_sentence() {
        let folder = Folder::new();
        let text = folder.file("notes.txt", b"no film");
        let cut = folder.file("cut.mjpeg", &frames(1).concat()[..100]);
        for path in [text.as_path(), &cut, &folder.path().join("missing.mjpeg"), Path::new("/dev/null")] {
            let complaint = complaint(&[path]);
            assert!(complaint.contains(path.to_str().unwrap()), "{complaint}");
            assert!(!complaint.contains('\n'), "{complaint}");
        }
        let empty = Folder::new();
        assert!(complaint(&[empty.path()]).contains("no film"));
    }

    #[test]
    fn media_are_found_by_the_names_in_their_urls() {
        let folder = Folder::new();
        let path = folder.file("Two Films.mjpg", &[jpeg(32, 48, 0, b"x"), jpeg(16, 16, 0, b"y")].concat());
        let library = open(&[&path]).unwrap();
        let media = library.find(url::Path::new("/Two%20Films.mjpg/")).unwrap();
        let media = entry(&media).unwrap();
        assert_eq!((media.name, media.extent), ("Two Films.mjpg", Extent::frames(2)));
        assert_eq!((media.width, media.height, media.refusal), (32, 48, None));
        for unknown in ["", "two films.mjpg", "../Two%20Films.mjpg", "Two%20Films.mjpg%00", "other"] {
            assert!(library.find(url::Path::new(unknown)).is_none(), "{unknown}");
        }
    }

    #[test]
    fn a_file_is_refused_when_rtp_cannot_carry_most_of_it() {
        let folder = Folder::new();
        let good = jpeg(16, 16, 0, b"x");
        let full = picture(16, 16, |encoder| encoder.set_sampling_factor(SamplingFactor::R_4_4_4));
        let mostly_good = folder.file("good.mjpeg", &[&good[..], &full, &good].concat());
        let mostly_bad = folder.file("bad.mjpeg", &[&full[..], &good, &full].concat());
        let refusal = |path: &PathBuf, on_unsupported| {
            let policy = Policy { on_unsupported, ..Policy::default() };
            let library = Library::from_paths(std::slice::from_ref(path), rate(), policy).unwrap();
            let name = path.file_name().unwrap().to_str().unwrap();
            let medium = library.find(url::Path::new(name)).unwrap();
            entry(&medium).unwrap().refusal.map(str::to_owned)
        };
        assert_eq!(refusal(&mostly_good, OnUnsupported::Refuse), None);
        assert!(refusal(&mostly_bad, OnUnsupported::Refuse).unwrap().contains("4:4:4"));
        assert_eq!(refusal(&mostly_bad, OnUnsupported::Convert), None);
    }

    #[test]
    fn a_file_of_which_no_frame_can_be_made_ready_is_refused_and_one_of_a_few_is_not() {
        let folder = Folder::new();
        let good = picture(40, 40, |encoder| encoder.set_progressive(true));
        let mut huge = good.clone();
        let at = huge.windows(2).position(|pair| pair == [0xff, 0xc2]).unwrap();
        huge[at + 5..at + 9].fill(0xff);
        let hopeless = folder.file("hopeless.mjpeg", &huge.repeat(5));
        let hopeful = folder.file("hopeful.mjpeg", &[&huge[..], &huge, &huge, &good].concat());
        // Its restart markers are to be left out, but its scan is no picture.
        let damaged = folder.file("damaged.mjpeg", &jpeg(16, 16, 4, b"x").repeat(3));
        // It could be sent as it is.
        let unmarked = folder.file("unmarked.mjpeg", &jpeg(16, 16, 0, b"x").repeat(3));
        let paths = [hopeless, hopeful, damaged, unmarked];
        let refusal = |name, is_strict| {
            let policy = Policy { on_unsupported: OnUnsupported::Convert, is_strict, ..Policy::default() };
            let library = Library::from_paths(&paths, rate(), policy).unwrap();
            let medium = library.find(url::Path::new(name)).unwrap();
            entry(&medium).unwrap().refusal.map(str::to_owned)
        };
        for is_strict in [false, true] {
            assert!(refusal("hopeless.mjpeg", is_strict).unwrap().contains("ends before"));
            assert_eq!(refusal("hopeful.mjpeg", is_strict), None);
            for name in ["damaged.mjpeg", "unmarked.mjpeg"] {
                let refusal = refusal(name, is_strict);
                assert_eq!(refusal.as_deref(), is_strict.then_some("it is damaged: missing data"), "{name}");
            }
        }
    }

    #[test]
    fn raw_jpegs_without_eoi_are_served_whole() {
        let folder = Folder::new();
        let movie: Vec<u8> = frames(4).iter().flat_map(|frame| frame[..frame.len() - 2].to_vec()).collect();
        let library = open(&[&folder.file("a.mjpeg", &movie)]).unwrap();
        let media = library.find(url::Path::new("a.mjpeg")).unwrap();
        let media = entry(&media).unwrap();
        assert_eq!((media.extent, media.refusal), (Extent::frames(4), None));
    }

    #[test]
    fn without_files_there_is_a_live_card_and_a_finite_movie() {
        let library = Library::built_in(rate());
        assert_eq!(library.names().collect::<Vec<_>>(), ["testcard", "movie.Mjpeg"]);
        let extent = |name| entry(&library.find(url::Path::new(name)).unwrap()).unwrap().extent;
        assert_eq!((extent("testcard"), extent("movie.Mjpeg")), (Extent::Live, Extent::frames(240)));
    }
}
