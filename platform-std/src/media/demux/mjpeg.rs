//! What the core's reader knows: JPEGs one after another, with or without the lab's lengths or the heads of a multipart stream, and AVI.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use mutoscope::media::mjpeg::{self, Bookmark, Format, Reader};

use super::super::storage::Storage;
use super::reader::{Hole, StorageReader};
use super::{Container, Demuxer, DetectError, Found, Head, Place, Sample};

/// So many bytes are read at once.
const CHUNK: usize = 64 * 1024;

pub(super) struct Mjpeg<'a> {
    reader: Reader<StorageReader<'a>, Vec<u8>>,
    read: Rc<Cell<u64>>,
    len: u64,
    /// Where the reader was last known to be between two pictures.
    offset: u64,
    /// The time of the last picture, in microseconds.
    time: u64,
    /// The end of the file ended that picture.
    is_tail: bool,
}

/// What the beginning of a file tells.
pub(super) fn detect(storage: &dyn Storage, len: u64) -> Result<Head, DetectError> {
    let mut reader = reader(storage, len, &Rc::default())?;
    let (format, rate) = (reader.format(), reader.frame_rate());
    let is_timed = match format {
        Format::Avi => rate.is_some(),
        // The first picture has a time, or none has.
        Format::Multipart => reader.next_span().is_ok() && reader.time().is_some(),
        _ => false,
    };
    Ok(Head { container: Container::Mjpeg(format), rate, is_timed })
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
        let mut demuxer = Self { reader: reader(storage, len, &read)?, read, len, offset: 0, time: 0, is_tail: false };
        if let Place::Mjpeg(bookmark) = place {
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
                self.is_tail = !span.has_end && self.offset >= self.len;
                let told = self.reader.time().map_or(0, |time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
                self.time = self.time.max(told);
                Ok(Found::Picture(Sample { offset: span.offset, len: span.len, time: self.time }))
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
        self.reader.bookmark().filter(|_| !self.is_tail).map(Place::Mjpeg)
    }

    fn offset(&self) -> u64 {
        self.offset
    }

    fn is_tail(&self) -> bool {
        self.is_tail
    }
}
