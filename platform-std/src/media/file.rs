//! A file that is looked into instead of being served.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use super::error::{FrameError, LibraryError};
use super::film::{Film, Indexed};

/// An open file of pictures and where they are.
#[derive(Debug)]
pub struct IndexedFile {
    film: Film,
}

/// A pass is as long as it takes.
const LONG: Duration = Duration::from_secs(1 << 20);

impl IndexedFile {
    /// Opens a file and looks for all its pictures.
    ///
    /// # Errors
    /// [`LibraryError::Open`], [`LibraryError::Special`], [`LibraryError::Format`], [`LibraryError::Read`],
    /// [`LibraryError::TooLarge`] and [`LibraryError::NoPicture`].
    pub fn open(path: &Path) -> Result<Self, LibraryError> {
        let film = Film::open(path, None)?;
        while film.index_some(LONG)? == Indexed::Partly {}
        if film.frames() == 0 { Err(film.nothing()) } else { Ok(Self { film }) }
    }

    /// How many frames the file has; at least one.
    pub fn frames(&self) -> u32 {
        self.film.frames()
    }

    /// How its frames follow each other.
    pub fn format(&self) -> impl fmt::Display + use<> {
        self.film.container()
    }

    /// Reads frame `number` into `buffer`, whatever it held, and waits for the disk where it has to.
    ///
    /// # Errors
    /// All of [`FrameError`] but those of generated pictures.
    pub fn read_frame(&self, number: u32, buffer: Vec<u8>) -> Result<Vec<u8>, FrameError> {
        self.film.read(number, buffer)
    }
}
