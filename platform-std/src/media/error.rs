//! What can be wrong with media, each in one sentence for people.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::wording::without_codes;

/// Why a path cannot be served. The sentence names the path and holds what the system said.
#[derive(Debug)]
#[non_exhaustive]
pub enum LibraryError {
    /// The system does not let us open it.
    Open {
        /// What was to be opened.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The folder cannot be searched.
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Its name cannot be part of a URL.
    Name {
        /// The file.
        path: PathBuf,
    },
    /// A device, a pipe or a socket.
    Special {
        /// What was named.
        path: PathBuf,
    },
    /// In a folder, it has the name of an MJPEG file and is something else.
    NoFile {
        /// What was found.
        path: PathBuf,
    },
    /// It is no folder.
    NoFolder {
        /// What was named.
        path: PathBuf,
    },
    /// In a folder, it is a link to what lies outside of that folder.
    Outside {
        /// The link.
        path: PathBuf,
    },
    /// It does not begin as MJPEG does.
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, as a sentence.
        reason: String,
    },
    /// The system could not read it to its end.
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// No whole picture is in it.
    NoPicture {
        /// The file.
        path: PathBuf,
    },
    /// All pictures in it are longer than RTP/JPEG can carry.
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Two files would have one URL.
    SameName {
        /// The file that has the name already.
        first: PathBuf,
        /// The other one.
        second: PathBuf,
        /// The name of both.
        name: String,
    },
    /// There is nothing to serve.
    Empty,
}

impl fmt::Display for LibraryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { path, error } => write!(f, "cannot open {}: {error}", path.display()),
            Self::Folder { path, error } => write!(f, "cannot read the folder {}: {error}", path.display()),
            Self::Name { path } => {
                write!(f, "the name of {} is not UTF-8 text, so no URL can say it", path.display())
            }
            Self::Special { path } => write!(f, "{} is neither a file nor a folder", path.display()),
            Self::NoFolder { path } => write!(f, "{} is no folder", path.display()),
            Self::NoFile { path } => write!(f, "{} is no file", path.display()),
            Self::Outside { path } => write!(f, "{} links to a file outside the folder", path.display()),
            Self::Format { path, reason } => write!(f, "{}: {reason}", path.display()),
            Self::Read { path, error } => write!(f, "cannot read {}: {error}", path.display()),
            Self::NoPicture { path } => {
                write!(f, "{} is not MJPEG: there is no whole JPEG picture in it", path.display())
            }
            Self::TooLarge { path } => {
                write!(f, "the pictures of {} are too large: RTP/JPEG carries pictures of up to 16 MB", path.display())
            }
            Self::SameName { first, second, name } => {
                let (first, second) = (first.display(), second.display());
                write!(f, "{first} and {second} would both be served as {name:?}; rename one of them, or leave it out")
            }
            Self::Empty => {
                f.write_str("there is no film (.mjpeg, .mjpg, .mpjpeg, .avi, .mov, .mp4, .mkv) in what was named")
            }
        }
    }
}

impl LibraryError {
    /// What is wrong with the file, as a sentence for those who asked for it and need not know where it lies.
    pub fn reason(&self) -> String {
        let reason = match self {
            Self::Open { error, .. } => format!("the file cannot be opened: {error}"),
            Self::Read { error, .. } => format!("the file cannot be read: {error}"),
            Self::Folder { error, .. } => format!("the folder cannot be read: {error}"),
            Self::Format { reason, .. } => reason.clone(),
            Self::NoPicture { .. } => "there is no whole JPEG picture in it".to_owned(),
            Self::TooLarge { .. } => "the pictures are too large: RTP/JPEG carries pictures of up to 16 MB".to_owned(),
            _ => "the file cannot be served".to_owned(),
        };
        without_codes(&reason)
    }
}

// No `source`: the sentence holds what it would say.
impl std::error::Error for LibraryError {}

/// Why a frame could not be had. The medium stays; the frame after it may be fine.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum FrameError {
    /// The file is shorter than it was when its frames were counted.
    Shortened,
    /// Where the frame was, the file holds something else now.
    Overwritten,
    /// The system could not read the file. All viewers who wait for the frame share what it said.
    Read(Arc<io::Error>),
    /// A generated picture did not fit any buffer.
    TooLarge,
    /// The machine that has the file cannot show the frame, or is there no more; this is what it said.
    Elsewhere(Arc<str>),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shortened => f.write_str("the file was shortened while it was being served"),
            Self::Overwritten => f.write_str("the file was overwritten while it was being served"),
            Self::Read(error) => write!(f, "the file cannot be read: {error}"),
            Self::TooLarge => f.write_str("the picture is too large"),
            Self::Elsewhere(reason) => f.write_str(reason),
        }
    }
}

// No `source`: the sentence holds what it would say.
impl std::error::Error for FrameError {}
