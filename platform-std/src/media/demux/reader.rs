//! A storage with a position of its own, as parsers read it.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::rc::Rc;

use embedded_io::{ErrorType, Read, Seek, SeekFrom};

use super::super::storage::Storage;

/// Shorter holes are read as the zeros that they are.
const MIN_HOLE: u64 = 1 << 20;

/// So much is read at once for one picture; whoever reads looks then whether it is still wanted.
const MAX_READ: u64 = 128 << 20;

/// The first bytes of a storage.
pub(super) struct StorageReader<'a> {
    storage: &'a dyn Storage,
    pub(super) position: u64,
    len: u64,
    /// Long holes, and long stretches of anything, are told by [`Hole`], an error. It counts the bytes that were read since
    /// somebody asked for a picture.
    read: Option<Rc<Cell<u64>>>,
}

/// There is no picture up to here, where nothing was ever written, or where enough was read for once.
#[derive(Debug)]
pub(super) struct Hole {
    pub(super) end: u64,
}

impl fmt::Display for Hole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no picture up to byte {}", self.end)
    }
}

impl std::error::Error for Hole {}

impl<'a> StorageReader<'a> {
    pub(super) fn new(storage: &'a dyn Storage, len: u64) -> Self {
        Self { storage, position: 0, len, read: None }
    }

    /// Reads fail with [`Hole`] where one begins, and after many bytes. Whoever asks for a picture makes `read` 0.
    pub(super) fn telling_holes(self, read: Rc<Cell<u64>>) -> Self {
        Self { read: Some(read), ..self }
    }
}

impl ErrorType for StorageReader<'_> {
    type Error = io::Error;
}

impl Read for StorageReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.len.saturating_sub(self.position);
        let room = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let buffer = &mut buffer[..room];
        if room == 0 {
            return Ok(0);
        }
        if self.read.as_ref().is_some_and(|read| read.get() >= MAX_READ) {
            // The last two bytes may be the beginning of a picture.
            return Err(io::Error::other(Hole { end: self.position.saturating_sub(2) }));
        }
        let read = self.storage.read(buffer, self.position)?;
        if let Some(sum) = &self.read {
            sum.set(sum.get() + read as u64);
        }
        if self.read.is_some()
            && read >= 512
            && buffer[..read].iter().all(|&byte| byte == 0)
            && let Some(data) = self.storage.next_data(self.position)
        {
            let end = data.min(self.len);
            if end.saturating_sub(self.position) >= MIN_HOLE {
                return Err(io::Error::other(Hole { end }));
            }
        }
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for StorageReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

impl io::Read for StorageReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Read::read(self, buffer)
    }
}

impl io::Seek for StorageReader<'_> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        Seek::seek(self, to.into())
    }
}
