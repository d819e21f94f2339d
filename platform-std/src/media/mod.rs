//! What a server has to show: files, folders, and pictures drawn by itself, each under one name.

mod conversion_pool;
mod converter;
#[cfg(feature = "convert")]
mod encoder;
mod file;
mod generated;
mod index;
pub mod live;
mod medium;
mod picture;
#[cfg(test)]
pub(crate) mod testing;
mod viewer;

pub use converter::{OnUnsupported, Policy};
pub use medium::FrameError;
pub use viewer::Viewer;

/// What a program needs that looks into files before they are served: which there are, and what becomes of each frame.
pub mod inspect {
    pub use super::converter::{Conversion, Converter, Failure};
    pub use super::file::MediaFile;
    pub use super::index::{FIELDS, LARGE_PICTURES, is_field};
    pub use super::{Candidate, Candidates, Names, candidates};
}

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result, bail};
use mutoscope::media::FrameRate;
use mutoscope::media::catalogue::{Catalogue, Entry};
use mutoscope::wire::url;

use conversion_pool::ConversionPool;
use file::MediaFile;
use medium::SharedMedia;

/// Names of files that a folder is searched for, in any case.
const EXTENSIONS: [&str; 2] = ["mjpeg", "mjpg"];

/// Entry by name. Requests are compared with the names and never opened as files, so nothing else can be reached.
#[derive(Debug)]
pub struct Library {
    media: Vec<Rc<SharedMedia>>,
}

impl Library {
    /// Opens and indexes files, and the MJPEG files in folders (not in folders within them). `rate`: of all of them, since
    /// files carry none. `policy`: what is done with frames that RTP/JPEG cannot carry as they are.
    ///
    /// Fails with one sentence where a path cannot be read, is not MJPEG, or two files would have the same name. In a
    /// folder, a file that is not what its name says is only left out, with a warning.
    pub fn from_paths(paths: &[PathBuf], rate: FrameRate, policy: Policy) -> Result<Self> {
        let mut media = Vec::new();
        let conversion_pool = Rc::new(ConversionPool::new(policy));
        let mut names = Names::default();
        let Candidates { files, left_out } = candidates(paths)?;
        left_out.iter().for_each(|why| log::warn!("left out: {why}"));
        for candidate in files {
            if !names.are_new_with(&candidate)? {
                continue;
            }
            let file = match MediaFile::open(&candidate.path, policy) {
                Ok(file) => file,
                Err(error) if candidate.from_folder => {
                    log::warn!("left out: {error:#}");
                    continue;
                }
                Err(error) => return Err(error),
            };
            media.push(Rc::new(SharedMedia::file(candidate.name.clone(), file, rate, &conversion_pool)));
            names.add(candidate);
        }
        if media.is_empty() {
            bail!("there is no MJPEG file (.mjpeg, .mjpg) in what was named");
        }
        Ok(Self { media })
    }

    /// Two media that need no file: `/testcard`, which is live, and `/movie.Mjpeg`, which has an end.
    pub fn built_in(rate: FrameRate) -> Self {
        Self {
            media: vec![
                Rc::new(SharedMedia::testcard("testcard", rate)),
                Rc::new(SharedMedia::movie("movie.Mjpeg", rate)),
            ],
        }
    }

    /// All names, in the order in which they were given.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.media.iter().map(|medium| medium.name.as_str())
    }
}

impl Catalogue for Library {
    type Source = Viewer;

    fn find(&self, path: url::Path<'_>) -> Option<Entry<'_>> {
        let (id, medium) = self.media.iter().enumerate().find(|(_, medium)| path.names(&medium.name))?;
        Some(Entry {
            id,
            name: &medium.name,
            frame_rate: medium.rate,
            frames: medium.frames(),
            width: medium.width,
            height: medium.height,
            refusal: medium.refusal.as_deref(),
        })
    }

    fn open(&self, id: usize) -> Option<Viewer> {
        self.media.get(id).map(|medium| Viewer::new(Rc::clone(medium)))
    }
}

/// A file that may be a medium.
#[derive(Debug)]
pub struct Candidate {
    /// Where it is.
    pub path: PathBuf,
    /// The name that it would be served under.
    pub name: String,
    from_folder: bool,
}

/// What was found where media were said to be.
#[derive(Debug, Default)]
pub struct Candidates {
    /// The files, each to be opened.
    pub files: Vec<Candidate>,
    /// Of folders: what has the name of a medium and cannot be one, and why.
    pub left_out: Vec<String>,
}

/// The files among `paths`, and those that the folders among them hold, in order of name.
pub fn candidates(paths: &[PathBuf]) -> Result<Candidates> {
    let mut found = Candidates::default();
    for path in paths {
        let metadata = fs::metadata(path).with_context(|| format!("cannot open {}", path.display()))?;
        if metadata.is_dir() {
            found.search(path)?;
        } else {
            let name = path
                .file_name()
                .and_then(OsStr::to_str)
                .with_context(|| format!("the name of {} is not UTF-8 text, so no URL can say it", path.display()))?;
            found.files.push(Candidate { path: path.clone(), name: name.to_owned(), from_folder: false });
        }
    }
    Ok(found)
}

impl Candidates {
    fn search(&mut self, folder: &Path) -> Result<()> {
        let context = || format!("cannot read the folder {}", folder.display());
        let root = folder.canonicalize().with_context(context)?;
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).with_context(context)? {
            let path = entry.with_context(context)?.path();
            if !has_extension(&path) {
                continue;
            }
            let shown = path.display();
            let Some(name) = path.file_name().and_then(OsStr::to_str) else {
                self.left_out.push(format!("the name of {shown} is not UTF-8 text, so no URL can say it"));
                continue;
            };
            // Whoever may write into the folder may not show what lies elsewhere by linking to it.
            match path.canonicalize() {
                Ok(target) if !target.starts_with(&root) => {
                    self.left_out.push(format!("{shown} links to a file outside the folder"));
                }
                Ok(_) if path.is_file() => {
                    found.push(Candidate { name: name.to_owned(), path, from_folder: true });
                }
                Ok(_) => self.left_out.push(format!("{shown} is no file")),
                Err(error) => self.left_out.push(format!("cannot open {shown}: {error}")),
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        self.files.extend(found);
        self.left_out.sort();
        Ok(())
    }
}

/// Which file has which name.
#[derive(Debug, Default)]
pub struct Names(HashMap<String, PathBuf>);

impl Names {
    /// Whether the file has none yet. Fails with a sentence where another file has its name.
    pub fn are_new_with(&self, candidate: &Candidate) -> Result<bool> {
        let Candidate { path, name, .. } = candidate;
        match self.0.get(name) {
            None => Ok(true),
            Some(first) if is_same_file(first, path) => Ok(false),
            Some(first) => {
                let (first, second) = (first.display(), path.display());
                bail!("{first} and {second} would both be served as {name:?}; rename one of them, or leave it out")
            }
        }
    }

    /// Gives a file its name.
    pub fn add(&mut self, candidate: Candidate) {
        self.0.insert(candidate.name, candidate.path);
    }
}

fn has_extension(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use super::testing::{Folder, frames, jpeg, lab_file, picture};
    use super::*;
    use jpeg_encoder::SamplingFactor;

    fn rate() -> FrameRate {
        FrameRate::new(24, 1).unwrap()
    }

    fn open(paths: &[&Path]) -> Result<Library> {
        let paths: Vec<PathBuf> = paths.iter().map(|path| path.to_path_buf()).collect();
        Library::from_paths(&paths, rate(), Policy::default())
    }

    fn complaint(paths: &[&Path]) -> String {
        format!("{:#}", open(paths).expect_err("must be refused"))
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
        assert_eq!(names, ["Two Films ü.MJPG", "one.mjpeg", "three.Mjpeg"]);
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
        assert!(complaint(&[empty.path()]).contains("no MJPEG file"));
    }

    #[test]
    fn media_are_found_by_the_names_in_their_urls() {
        let folder = Folder::new();
        let path = folder.file("Two Films.mjpg", &[jpeg(32, 48, 0, b"x"), jpeg(16, 16, 0, b"y")].concat());
        let library = open(&[&path]).unwrap();
        let media = library.find(url::Path::new("/Two%20Films.mjpg/")).unwrap();
        assert_eq!((media.name, media.frames), ("Two Films.mjpg", Some(2)));
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
            library.find(url::Path::new(name)).unwrap().refusal.map(str::to_owned)
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
        let policy = Policy { on_unsupported: OnUnsupported::Convert, ..Policy::default() };
        let library = Library::from_paths(&[hopeless, hopeful, damaged], rate(), policy).unwrap();
        let refusal = |name| library.find(url::Path::new(name)).unwrap().refusal;
        assert!(refusal("hopeless.mjpeg").unwrap().contains("too many"));
        assert_eq!(refusal("hopeful.mjpeg"), None);
        assert!(refusal("damaged.mjpeg").unwrap().contains("ends before"));
    }

    #[test]
    fn raw_jpegs_without_eoi_are_served_whole() {
        let folder = Folder::new();
        let movie: Vec<u8> = frames(4).iter().flat_map(|frame| frame[..frame.len() - 2].to_vec()).collect();
        let library = open(&[&folder.file("a.mjpeg", &movie)]).unwrap();
        let media = library.find(url::Path::new("a.mjpeg")).unwrap();
        assert_eq!((media.frames, media.refusal), (Some(4), None));
    }

    #[test]
    fn without_files_there_is_a_live_card_and_a_finite_movie() {
        let library = Library::built_in(rate());
        assert_eq!(library.names().collect::<Vec<_>>(), ["testcard", "movie.Mjpeg"]);
        assert_eq!(library.find(url::Path::new("testcard")).unwrap().frames, None);
        assert_eq!(library.find(url::Path::new("movie.Mjpeg")).unwrap().frames, Some(240));
    }
}
