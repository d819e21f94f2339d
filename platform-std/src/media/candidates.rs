//! Which files may be media, and under which names.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::LibraryError;

/// Names of files that a folder is searched for, in any case.
const EXTENSIONS: [&str; 7] = ["mjpeg", "mjpg", "mpjpeg", "avi", "mov", "mp4", "mkv"];

/// A file that may be a medium.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Where it is.
    pub path: PathBuf,
    /// What its URL calls it.
    pub name: String,
    /// The folder that it was found in, where it was not named itself. It must not lead out of it.
    pub folder: Option<Arc<Path>>,
}

/// The result of a search for media.
#[derive(Debug, Default)]
pub struct Candidates {
    /// The files that may be media, in the order of the paths that were named, and within a folder in order of name.
    pub files: Vec<Candidate>,
    /// Why entries of folders that have the name of a medium are none.
    pub left_out: Vec<LibraryError>,
}

/// Finds the files among `paths`, and the MJPEG files in the folders among them (not in folders within these).
///
/// # Errors
/// [`LibraryError::Open`] and [`LibraryError::Folder`] where the system does not let us look, and [`LibraryError::Name`] for
/// a file that was named itself.
pub fn candidates(paths: &[PathBuf]) -> Result<Candidates, LibraryError> {
    let mut found = Candidates::default();
    for path in paths {
        let metadata = fs::metadata(path).map_err(|error| LibraryError::Open { path: path.clone(), error })?;
        if metadata.is_dir() {
            found.search(path)?;
        } else {
            let name = path.file_name().and_then(OsStr::to_str);
            let name = name.ok_or_else(|| LibraryError::Name { path: path.clone() })?.to_owned();
            found.files.push(Candidate { path: path.clone(), name, folder: None });
        }
    }
    Ok(found)
}

impl Candidates {
    fn search(&mut self, folder: &Path) -> Result<(), LibraryError> {
        let failed = |error| LibraryError::Folder { path: folder.to_owned(), error };
        let root: Arc<Path> = folder.canonicalize().map_err(failed)?.into();
        let (mut files, mut left_out) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            if !has_extension(&path) {
                continue;
            }
            let Some(name) = path.file_name().and_then(OsStr::to_str).map(str::to_owned) else {
                left_out.push(LibraryError::Name { path });
                continue;
            };
            // Most are files, and there may be thousands: nothing else is asked about them.
            if entry.file_type().is_ok_and(|kind| kind.is_file()) {
                files.push(Candidate { path, name, folder: Some(Arc::clone(&root)) });
                continue;
            }
            // A link in the folder must not publish a file that lies outside it.
            match path.canonicalize() {
                Ok(target) if !target.starts_with(&*root) => left_out.push(LibraryError::Outside { path }),
                Ok(_) if path.is_file() => files.push(Candidate { path, name, folder: Some(Arc::clone(&root)) }),
                Ok(_) => left_out.push(LibraryError::NoFile { path }),
                Err(error) => left_out.push(LibraryError::Open { path, error }),
            }
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        left_out.sort_by_cached_key(LibraryError::to_string);
        self.files.extend(files);
        self.left_out.extend(left_out);
        Ok(())
    }
}

/// Which name belongs to which file.
#[derive(Debug, Default)]
pub struct Names(HashMap<String, PathBuf>);

impl Names {
    /// Whether this file has not been added yet. `false` means that the same file was named twice.
    ///
    /// # Errors
    /// [`LibraryError::SameName`] where another file has its name.
    pub fn are_new_with(&self, candidate: &Candidate) -> Result<bool, LibraryError> {
        let Candidate { path, name, .. } = candidate;
        match self.0.get(name) {
            None => Ok(true),
            Some(first) if is_same_file(first, path) => Ok(false),
            Some(first) => {
                Err(LibraryError::SameName { first: first.clone(), second: path.clone(), name: name.clone() })
            }
        }
    }

    /// The file of this name.
    pub(super) fn get(&self, name: &str) -> Option<&PathBuf> {
        self.0.get(name)
    }

    /// A file has gone, and its name with it.
    pub(super) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Gives the file its name.
    pub fn add(&mut self, candidate: &Candidate) {
        self.0.insert(candidate.name.clone(), candidate.path.clone());
    }
}

fn has_extension(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
