//! An MJPEG file, opened once and read by position, so that any number of viewers share one descriptor.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use mutoscope::media::mjpeg::Format;

use super::error::{FrameError, LibraryError};
use super::index::{self, Index};
use super::policy::Policy;
use super::storage::{Disk, Storage};

/// An open MJPEG file and where its frames are.
#[derive(Debug)]
pub struct IndexedFile {
    storage: Box<dyn Storage>,
    index: Index,
}

/// A frame of which some bytes are still to be read.
#[derive(Debug)]
pub(super) struct PartialFrame {
    frame: Vec<u8>,
    filled: usize,
    offset: u64,
}

impl IndexedFile {
    /// Opens and indexes a file. `policy` decides which of its frames may be sent.
    ///
    /// # Errors
    /// [`LibraryError::Open`], [`LibraryError::Special`], [`LibraryError::Format`], [`LibraryError::Read`] and
    /// [`LibraryError::NoPicture`].
    pub fn open(path: &Path, policy: Policy) -> Result<Self, LibraryError> {
        let cannot_open = |error| LibraryError::Open { path: path.to_owned(), error };
        let metadata = path.metadata().map_err(cannot_open)?;
        // Before it is opened: opening a FIFO would wait for whoever writes to it.
        if !metadata.is_file() {
            return Err(LibraryError::Special { path: path.to_owned() });
        }
        let file = File::open(path).map_err(cannot_open)?;
        Self::index(Box::new(Disk::new(file)), metadata.len(), path, policy)
    }

    /// Indexes `len` bytes of a storage, which messages call by its path.
    pub(super) fn index(
        storage: Box<dyn Storage>,
        len: u64,
        path: &Path,
        policy: Policy,
    ) -> Result<Self, LibraryError> {
        let index = index::build(&*storage, len, path, policy)?;
        Ok(Self { storage, index })
    }

    /// How many frames the file has; at least one.
    pub fn frames(&self) -> u32 {
        self.index.frames()
    }

    /// Width and height of the first frame in pixels.
    pub fn dimensions(&self) -> (u16, u16) {
        self.index.dimensions
    }

    /// How its frames follow each other.
    pub fn format(&self) -> Format {
        self.index.format
    }

    /// Why RTP/JPEG cannot carry the file, as a sentence; `None` where it can.
    pub fn refusal(&self) -> Option<String> {
        self.index.refusal.clone()
    }

    /// Reads frame `number` into `buffer`, whatever it held, and waits for the disk where it has to.
    ///
    /// # Errors
    /// All of [`FrameError`] but [`FrameError::TooLarge`].
    pub fn read_frame(&self, number: u32, buffer: Vec<u8>) -> Result<Vec<u8>, FrameError> {
        self.read_rest(self.begin(number, buffer)?)
    }

    /// Reads as much of frame `number` into `buffer`, whatever it held, as is in memory: the frame, or what is left to do.
    pub(super) fn read_now(&self, number: u32, buffer: Vec<u8>) -> Result<Result<Vec<u8>, PartialFrame>, FrameError> {
        let mut rest = self.begin(number, buffer)?;
        while !rest.is_whole() {
            match rest.fill(|buffer, offset| self.storage.read_now(buffer, offset)) {
                Some(0) => return Err(FrameError::Shortened),
                Some(read) => rest.filled += read,
                None => return Ok(Err(rest)),
            }
        }
        rest.into_frame().map(Ok)
    }

    /// Reads the rest of a frame, and waits for the disk where it has to.
    pub(super) fn read_rest(&self, mut rest: PartialFrame) -> Result<Vec<u8>, FrameError> {
        while !rest.is_whole() {
            match rest.fill(|buffer, offset| self.storage.read(buffer, offset))? {
                0 => return Err(FrameError::Shortened),
                read => rest.filled += read,
            }
        }
        rest.into_frame()
    }

    fn begin(&self, number: u32, mut frame: Vec<u8>) -> Result<PartialFrame, FrameError> {
        let (offset, len) = self.index.span(number).ok_or(FrameError::Shortened)?;
        if frame.capacity() < len {
            // Nothing of it is worth being moved.
            frame.clear();
        }
        // What the buffer held before is overwritten, so it need not become zero.
        frame.resize(len, 0);
        Ok(PartialFrame { frame, filled: 0, offset })
    }
}

impl PartialFrame {
    fn is_whole(&self) -> bool {
        self.filled == self.frame.len()
    }

    /// Has the bytes that are missing, which begin at this offset of the file, read by `read`.
    fn fill<R>(&mut self, read: impl FnOnce(&mut [u8], u64) -> R) -> R {
        let offset = self.offset + self.filled as u64;
        read(&mut self.frame[self.filled..], offset)
    }

    fn into_frame(self) -> Result<Vec<u8>, FrameError> {
        // Every frame in the index began so.
        if self.frame.starts_with(&[0xff, 0xd8]) { Ok(self.frame) } else { Err(FrameError::Overwritten) }
    }
}

impl From<io::Error> for FrameError {
    fn from(error: io::Error) -> Self {
        Self::Read(Arc::new(error))
    }
}
