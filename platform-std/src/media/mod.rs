//! What a server has to show: files, folders, and pictures drawn by itself, each under one name.

mod file;
mod generated;
mod index;
mod medium;
mod picture;
mod viewer;

pub use medium::FrameError;
pub use viewer::Viewer;

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result, bail};
use mutoscope::io::server::{Media, Mounts};
use mutoscope::source::FrameRate;
use mutoscope::wire::url;

use file::MediaFile;
use index::Policy;
use medium::Medium;

/// Names of files that a folder is searched for, in any case.
const EXTENSIONS: [&str; 2] = ["mjpeg", "mjpg"];

/// Media by name. Requests are compared with the names and never opened as files, so nothing else can be reached.
#[derive(Debug)]
pub struct Library {
    media: Vec<Rc<Medium>>,
}

impl Library {
    /// Opens and indexes files, and the MJPEG files in folders (not in folders within them). `rate`: of all of them, since
    /// files carry none. `restart_markers`: whether frames with restart markers count as servable.
    ///
    /// Fails with one sentence where a path cannot be read, is not MJPEG, or two files would have the same name. In a
    /// folder, a file that is not what its name says is only left out, with a warning.
    pub fn open(paths: &[PathBuf], rate: FrameRate, restart_markers: bool) -> Result<Self> {
        let policy = Policy { restart_markers };
        let mut media = Vec::new();
        let mut origins: HashMap<String, PathBuf> = HashMap::new();
        for candidate in candidates(paths)? {
            let Candidate { path, name, from_folder } = candidate;
            if let Some(first) = origins.get(&name) {
                if is_same_file(first, &path) {
                    continue;
                }
                let (first, second) = (first.display(), path.display());
                bail!("{first} and {second} would both be served as {name:?}; rename one of them, or leave it out");
            }
            let file = match MediaFile::open(&path, policy) {
                Ok(file) => file,
                Err(error) if from_folder => {
                    log::warn!("left out: {error:#}");
                    continue;
                }
                Err(error) => return Err(error),
            };
            let refusal = file.refusal();
            media.push(Rc::new(Medium::file(name.clone(), file, rate, refusal)));
            origins.insert(name, path);
        }
        if media.is_empty() {
            bail!("there is no MJPEG file (.mjpeg, .mjpg) in what was named");
        }
        Ok(Self { media })
    }

    /// Two media that need no file: `/testcard`, which is live, and `/movie.Mjpeg`, which has an end.
    pub fn built_in(rate: FrameRate) -> Self {
        Self { media: vec![Rc::new(Medium::testcard("testcard", rate)), Rc::new(Medium::movie("movie.Mjpeg", rate))] }
    }

    /// All names, in the order in which they were given.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.media.iter().map(|medium| medium.name.as_str())
    }
}

impl Mounts for Library {
    type Source = Viewer;

    fn find(&self, path: url::Path<'_>) -> Option<Media<'_>> {
        let (id, medium) = self.media.iter().enumerate().find(|(_, medium)| path.names(&medium.name))?;
        Some(Media {
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
struct Candidate {
    path: PathBuf,
    name: String,
    from_folder: bool,
}

/// The files among `paths`, and those that the folders among them hold, in order of name.
fn candidates(paths: &[PathBuf]) -> Result<Vec<Candidate>> {
    let mut found = Vec::new();
    for path in paths {
        let metadata = fs::metadata(path).with_context(|| format!("cannot open {}", path.display()))?;
        if metadata.is_dir() {
            found.extend(search(path)?);
        } else {
            let name = path
                .file_name()
                .and_then(OsStr::to_str)
                .with_context(|| format!("the name of {} is not UTF-8 text, so no URL can say it", path.display()))?;
            found.push(Candidate { path: path.clone(), name: name.to_owned(), from_folder: false });
        }
    }
    Ok(found)
}

fn search(folder: &Path) -> Result<Vec<Candidate>> {
    let context = || format!("cannot read the folder {}", folder.display());
    let root = folder.canonicalize().with_context(context)?;
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(context)? {
        let path = entry.with_context(context)?.path();
        if !has_extension(&path) {
            continue;
        }
        let Some(name) = path.file_name().and_then(OsStr::to_str) else {
            log::warn!("left out: the name of {} is not UTF-8 text, so no URL can say it", path.display());
            continue;
        };
        // Whoever may write into the folder may not show what lies elsewhere by linking to it.
        match path.canonicalize() {
            Ok(target) if target.starts_with(&root) => {}
            Ok(_) => {
                log::warn!("left out: {} links to a file outside the folder", path.display());
                continue;
            }
            Err(error) => {
                log::warn!("left out: cannot open {}: {error}", path.display());
                continue;
            }
        }
        if path.is_file() {
            found.push(Candidate { name: name.to_owned(), path, from_folder: true });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn has_extension(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
