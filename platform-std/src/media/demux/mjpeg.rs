//! JPEGs one after another, with or without the lab's lengths.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use mutoscope::media::mjpeg::{self, Bookmark, Format, Reader};

use super::super::storage::Storage;
use super::reader::{Hole, StorageReader};
use super::{Demuxer, DetectError, Found, Place, Sample};

/// So many bytes are read at once.
const CHUNK: usize = 64 * 1024;
/// So many damaged places are passed on the way to a file's first picture, where only that picture is of interest.
const MAX_DAMAGES: u32 = 16;

pub(super) struct Mjpeg<'a> {
    reader: Reader<StorageReader<'a>, Vec<u8>>,
    read: Rc<Cell<u64>>,
    len: u64,
    /// Where the reader was last known to be between two pictures.
    offset: u64,
}

/// Which kind of MJPEG a file is.
pub(super) fn detect(storage: &dyn Storage, len: u64) -> Result<Format, DetectError> {
    Ok(reader(storage, len, &Rc::default())?.format())
}

fn reader<'a>(
    storage: &'a dyn Storage,
    len: u64,
    read: &Rc<Cell<u64>>,
) -> Result<Reader<StorageReader<'a>, Vec<u8>>, DetectError> {
    let file = StorageReader::new(storage, len).telling_holes(Rc::clone(read));
    Reader::new(file, vec![0; CHUNK]).map_err(|error| match error {
        mjpeg::Error::Io(error) => match hole(&error) {
            Some(_) => DetectError::Format(mjpeg::Error::<io::Error>::NotMjpeg.to_string()),
            None => DetectError::Io(error),
        },
        error => DetectError::Format(error.to_string()),
    })
}

fn hole(error: &io::Error) -> Option<&Hole> {
    error.get_ref()?.downcast_ref()
}

impl<'a> Mjpeg<'a> {
    pub(super) fn new(storage: &'a dyn Storage, len: u64, place: Place) -> Result<Self, DetectError> {
        let read = Rc::default();
        let mut demuxer = Self { reader: reader(storage, len, &read)?, read, len, offset: 0 };
        if let Place::Mjpeg(bookmark) = place {
            // The first picture tells how all of them end.
            for _ in 0..MAX_DAMAGES {
                if !matches!(demuxer.next(), Ok(Found::Damage(_))) {
                    break;
                }
            }
            demuxer.reader.resume(bookmark);
        }
        Ok(demuxer)
    }
}

impl Demuxer for Mjpeg<'_> {
    fn next(&mut self) -> io::Result<Found> {
        self.read.set(0);
        match self.reader.next_span() {
            Ok(Some(span)) => {
                self.offset = span.offset + u64::from(span.len);
                Ok(Found::Picture(Sample { offset: span.offset, len: span.len, time: 0 }))
            }
            Ok(None) => Ok(Found::End { is_cut: false }),
            Err(mjpeg::Error::Io(error)) => match hole(&error) {
                Some(&Hole { end }) => {
                    self.offset = end;
                    self.reader.resume(Bookmark::between_frames(0, end));
                    if end >= self.len {
                        return Ok(Found::End { is_cut: true });
                    }
                    Ok(Found::Damage(error.to_string()))
                }
                None => Err(error),
            },
            Err(error @ mjpeg::Error::Truncated { at }) => {
                self.offset = self.offset.max(at);
                Ok(Found::Damage(error.to_string()))
            }
            Err(error @ mjpeg::Error::Damaged { at }) => {
                self.offset = self.offset.max(at);
                Ok(Found::Damage(error.to_string()))
            }
            Err(error) => Ok(Found::Damage(error.to_string())),
        }
    }

    fn place(&self) -> Option<Place> {
        self.reader.bookmark().map(Place::Mjpeg)
    }

    fn offset(&self) -> u64 {
        self.offset
    }
}
