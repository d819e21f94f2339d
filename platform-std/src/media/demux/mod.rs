//! Where the pictures of a file are, whatever the container: one after another, from the beginning or from a place that was
//! noted before.

mod matroska;
mod mjpeg;
mod mp4;
mod reader;
#[cfg(test)]
mod samples;
mod stills;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;

use mutoscope::media::FrameRate;
use mutoscope::media::mjpeg::{Bookmark, Format};

use super::storage::Storage;

/// A picture in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    /// Bytes before it.
    pub offset: u64,
    /// Its bytes.
    pub len: u32,
    /// When it is shown, in microseconds after the beginning; 0 where the frame rate tells.
    pub time: u64,
}

/// What comes next in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A picture. Those that come later have later places in the order of the file, and no earlier times.
    Picture(Sample),
    /// Bytes that are none of what should be there, as a sentence. What is behind them comes next.
    Damage(String),
    /// The end of what the file holds by now. Where it ends within a picture, that is said.
    End {
        /// Something has begun that is not whole.
        is_cut: bool,
    },
}

/// Goes through a file.
pub(super) trait Demuxer {
    /// The next picture, or what else there is.
    fn next(&mut self) -> io::Result<Found>;

    /// From where [`Container::demuxer`] gives the pictures from here on. `None`: not now, but behind one of the next pictures.
    fn place(&self) -> Option<Place>;

    /// How far it has come, in bytes.
    fn offset(&self) -> u64;

    /// Whether the last picture ends where the file does, and lacks its own end: there may be more of it once the file has grown.
    fn is_tail(&self) -> bool {
        false
    }
}

/// A place between two pictures of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Its beginning.
    Start,
    /// In a file that the core's reader knows.
    Mjpeg(Bookmark),
    /// Before a sample of QuickTime's tables, in a part of its edit list.
    Sample { edit: u32, number: u32 },
    /// Before a fragment of MP4; `ticks` is its time, in units of the track.
    Fragment { offset: u64, ticks: u64 },
    /// Before a file of a folder.
    Still(u64),
    /// Before an element of Matroska, in a cluster of this time.
    Block { offset: u64, cluster: u64 },
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    /// One that the core's reader knows.
    Mjpeg(Format),
    /// QuickTime or MP4.
    Mp4(mp4::Track),
    /// Matroska.
    Matroska(matroska::Track),
    /// A folder of JPEG files.
    Stills,
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mjpeg(format) => format.fmt(f),
            Self::Mp4(_) => f.write_str("QuickTime or MP4"),
            Self::Matroska(_) => f.write_str("Matroska"),
            Self::Stills => f.write_str("a folder of JPEG files"),
        }
    }
}

/// Why a file's pictures cannot be looked for.
#[derive(Debug)]
pub(super) enum DetectError {
    /// The system could not read it.
    Io(io::Error),
    /// It is none of the containers, or a damaged one: a sentence.
    Format(String),
}

impl From<io::Error> for DetectError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What the beginning of a file tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// What it is.
    pub container: Container,
    /// Frames per second, where it says so.
    pub rate: Option<FrameRate>,
    /// Whether pictures have times of their own.
    pub is_timed: bool,
}

impl Head {
    /// Looks at the beginning of a file of `len` bytes.
    pub(super) fn read(storage: &dyn Storage, len: u64) -> Result<Self, DetectError> {
        let mut buffer = [0; 16];
        let room = buffer.len().min(usize::try_from(len).unwrap_or(usize::MAX));
        read_exact(storage, &mut buffer[..room], 0)?;
        if mp4::is_mp4(&buffer) {
            return mp4::head(storage, len);
        }
        if matroska::is_matroska(&buffer) {
            return matroska::head(storage, len);
        }
        mjpeg::detect(storage, len)
    }
}

impl Container {
    /// Goes through the first `len` bytes of a file, from `place` on.
    pub(super) fn demuxer<'a>(
        self,
        storage: &'a dyn Storage,
        len: u64,
        place: Place,
    ) -> Result<Box<dyn Demuxer + 'a>, DetectError> {
        match self {
            Self::Mp4(track) => mp4::demuxer(storage, len, track, place),
            Self::Matroska(track) => Ok(Box::new(matroska::Matroska::new(storage, len, track, place))),
            Self::Stills => Ok(Box::new(stills::Stills::new(storage, place))),
            Self::Mjpeg(_) => Ok(Box::new(mjpeg::Mjpeg::new(storage, len, place)?)),
        }
    }
}

/// Fills a buffer. `false`: the file ends before that.
fn read_exact(storage: &dyn Storage, buffer: &mut [u8], offset: u64) -> io::Result<bool> {
    let mut filled = 0;
    while filled < buffer.len() {
        match storage.read(&mut buffer[filled..], offset.saturating_add(filled as u64))? {
            0 => return Ok(false),
            read => filled += read,
        }
    }
    Ok(true)
}
