//! A file that is looked into instead of being served.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use super::demux::{DetectError, Found, Head, Place, Sample};
use super::error::{FrameError, LibraryError};
use super::film::{Film, Indexed};
use super::stills::Arrangement;
use super::storage::InMemory;

/// An open file of pictures and where they are.
#[derive(Debug)]
pub struct IndexedFile {
    film: Film,
}

/// A picture of a file in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlacedPicture {
    /// Bytes before it.
    pub offset: u64,
    /// Its bytes.
    pub len: u32,
    /// When it is shown, in microseconds after the beginning; 0 where the frame rate tells.
    pub micros: u64,
}

/// The pictures of a file in memory, up to `most`, as they are found when it is looked through.
///
/// # Errors
/// It is no file of pictures: a sentence.
pub fn pictures(bytes: &[u8], most: usize) -> Result<Vec<PlacedPicture>, String> {
    let (storage, len) = (InMemory(bytes), bytes.len() as u64);
    let sentence = |error| match error {
        DetectError::Io(error) => error.to_string(),
        DetectError::Format(reason) => reason,
    };
    let head = Head::read(&storage, len).map_err(sentence)?;
    let mut demuxer = head.container.demuxer(&storage, len, Place::Start).map_err(sentence)?;
    let mut found = Vec::new();
    while found.len() < most {
        match demuxer.next().map_err(|error| error.to_string())? {
            Found::Picture(Sample { offset, len, time }) => found.push(PlacedPicture { offset, len, micros: time }),
            Found::Damage(_) => {}
            Found::End { .. } => break,
        }
    }
    Ok(found)
}

/// A pass is as long as it takes.
const LONG: Duration = Duration::from_secs(1 << 20);

impl IndexedFile {
    /// Opens a file, or a folder of JPEG files, and looks for all its pictures.
    ///
    /// # Errors
    /// [`LibraryError::Open`], [`LibraryError::Folder`], [`LibraryError::Special`], [`LibraryError::Format`], [`LibraryError::Read`],
    /// [`LibraryError::TooLarge`] and [`LibraryError::NoPicture`].
    pub fn open(path: &Path) -> Result<Self, LibraryError> {
        let film = if path.is_dir() { Film::of_stills(path, Arrangement::default()) } else { Film::open(path, None) }?;
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
