//! Files of motion JPEG: the lab's records, each of digits and a JPEG file, or JPEG files one after another.

use super::split::{DIGITS, SplitEvent, Splitter};
use super::{Advance, Frame, FrameSource};
use crate::jpeg::{self, Layout};
use crate::time::Instant;
use core::task::Waker;
use embedded_io::{Read, Seek, SeekFrom};

pub use super::split::Format;

/// The shortest buffer a [`Reader`] works with.
pub const MIN_BUFFER: usize = 64;

/// How far a file without lengths is read ahead. It is long enough to need few reads, and short enough to be moved cheaply
/// to the buffer's start.
const READ_AHEAD: usize = 16 * 1024;

/// The place of a frame in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FrameSpan {
    /// The number of bytes before SOI.
    pub offset: u64,
    /// The number of bytes from SOI to EOI, or to the next SOI if the file's writer leaves EOI out.
    pub len: u32,
}

/// Why there is no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error<E> {
    /// The file could not be read or positioned.
    Io(E),
    /// The file begins neither with a JPEG nor with five digits and a JPEG.
    NotMjpeg,
    /// The buffer is shorter than [`MIN_BUFFER`].
    BufferTooShort,
    /// The file is damaged here. The broken part is left out; the next call looks for a frame behind it.
    Damaged {
        /// The number of bytes before the damage.
        at: u64,
    },
    /// The file ends before this frame does, or a damaged length says so. The next call looks for a frame behind it.
    Truncated {
        /// The number of bytes before the frame, or before the record's content.
        at: u64,
    },
    /// A frame does not fit the buffer and was left out. It has a number like any other frame.
    TooLarge {
        /// The frame's number.
        number: u32,
        /// The number of bytes of buffer that it needs.
        needed: u32,
    },
}

impl<E: core::fmt::Debug> core::fmt::Display for Error<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot read: {error:?}"),
            Self::NotMjpeg => {
                f.write_str("not an MJPEG file: it begins neither with a JPEG nor with five digits and a JPEG")
            }
            Self::BufferTooShort => write!(f, "the frame buffer is shorter than {MIN_BUFFER} bytes"),
            Self::Damaged { at } => write!(f, "the file is damaged at byte {at}"),
            Self::Truncated { at } => write!(f, "the file ends inside the frame at byte {at}"),
            Self::TooLarge { number, needed } => {
                write!(f, "frame {number} is {needed} bytes long, more than the frame buffer")
            }
        }
    }
}

impl<E: core::fmt::Debug> core::error::Error for Error<E> {}

/// A place between two frames of a file, to return to without reading the file up to there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Bookmark {
    number: u32,
    offset: u64,
    record_left: u32,
}

impl Bookmark {
    /// A place at which a caller knows that no frame is cut: frame `number` is looked for from `offset` on. The reader's own
    /// bookmarks also know the rest of a record.
    pub fn between_frames(number: u32, offset: u64) -> Self {
        Self { number, offset, record_left: 0 }
    }

    /// The number of the frame that follows.
    pub fn number(&self) -> u32 {
        self.number
    }
}

/// Reads a file frame by frame into one buffer, which has to hold the longest frame.
///
/// It reads ahead as far as the buffer goes: one read per frame in the lab's format, otherwise about one per 16 KiB. `R` may
/// return fewer bytes than asked for.
///
/// If the format has lengths and each record so far held one JPEG file, seeking forward hops from length to length without
/// reading media bytes. Otherwise it reads. Seeking backward rewinds and seeks forward; a caller that has a [`Bookmark`] nearby
/// can [`resume`](Self::resume) there.
#[derive(Debug)]
pub struct Reader<R, B> {
    file: R,
    buffer: B,
    splitter: Splitter,
    /// `buffer[..filled]` was read, and the splitter has seen `buffer[..fed]`, so `buffer[fed]` is the byte at its offset.
    fed: usize,
    filled: usize,
    /// The file's position is unknown, so it has to seek before the next read. Otherwise it stands behind `buffer[..filled]`.
    is_lost: bool,
    /// The last call failed. The splitter may stand anywhere, even behind the first bytes of the next frame.
    is_astray: bool,
    /// The start in the buffer of the frame that is being read. `None`: no frame is being read, or its start has left the
    /// buffer.
    start: Option<usize>,
    /// The current frame's place in the buffer.
    frame: Option<(usize, usize)>,
    layout: Result<Layout, jpeg::Error>,
    next: u32,
}

impl<R: Read + Seek, B: AsRef<[u8]> + AsMut<[u8]>> Reader<R, B> {
    /// Recognises the format of `file` from its beginning, whatever its position is.
    ///
    /// # Errors
    /// [`Error::NotMjpeg`], [`Error::BufferTooShort`] and [`Error::Io`].
    pub fn new(mut file: R, mut buffer: B) -> Result<Self, Error<R::Error>> {
        let len = file.seek(SeekFrom::End(0)).map_err(Error::Io)?;
        file.seek(SeekFrom::Start(0)).map_err(Error::Io)?;
        let bytes = buffer.as_mut();
        if bytes.len() < MIN_BUFFER {
            return Err(Error::BufferTooShort);
        }
        let mut filled = 0_usize;
        while filled < Format::DETECT_LEN {
            let Some(room) = bytes.get_mut(filled..Format::DETECT_LEN) else { break };
            match file.read(room).map_err(Error::Io)? {
                0 => break,
                read => filled = filled.saturating_add(read),
            }
        }
        let format = bytes.get(..filled).and_then(Format::detect).ok_or(Error::NotMjpeg)?;
        let splitter = Splitter::new(format, len);
        Ok(Self {
            file,
            buffer,
            splitter,
            fed: 0,
            filled,
            is_lost: false,
            is_astray: false,
            start: None,
            frame: None,
            layout: NO_LAYOUT,
            next: 0,
        })
    }

    /// The file's format.
    pub fn format(&self) -> Format {
        self.splitter.format()
    }

    /// Makes the first frame the next one.
    pub fn rewind(&mut self) {
        self.resume(Bookmark { number: 0, offset: 0, record_left: 0 });
    }

    /// The reader's place, to return to later. `None` if the last call ended in an error, since the place is unknown then; only
    /// after [`Error::TooLarge`] the reader stands behind the frame.
    pub fn bookmark(&self) -> Option<Bookmark> {
        let splitter = &self.splitter;
        (!self.is_astray && splitter.is_between_frames()).then(|| Bookmark {
            number: self.next,
            offset: splitter.between_frames(),
            record_left: splitter.record_left(),
        })
    }

    /// Goes to a place that was noted in this file. The file itself is positioned at the next read.
    pub fn resume(&mut self, bookmark: Bookmark) {
        self.go_to(bookmark.offset);
        self.splitter.resume(bookmark.offset, bookmark.record_left);
        self.is_astray = false;
        self.next = bookmark.number;
    }

    /// Passes the next frame and returns its place; `None` at the end. The buffer need not hold the frame: a few kilobytes are
    /// enough.
    ///
    /// An index is made with it: positions and numbers are those that [`advance`](FrameSource::advance) finds.
    ///
    /// # Errors
    /// Those of `advance`, except [`Error::TooLarge`]. All but [`Error::Io`] concern one frame only: call again.
    pub fn next_span(&mut self) -> Result<Option<FrameSpan>, Error<R::Error>> {
        self.step(false)
    }

    fn step(&mut self, keep: bool) -> Result<Option<FrameSpan>, Error<R::Error>> {
        let result = self.walk(keep);
        self.is_astray = matches!(&result, Err(error) if !matches!(error, Error::TooLarge { .. }));
        result
    }

    /// Reads to the end of the next frame, or to the next error.
    fn walk(&mut self, keep: bool) -> Result<Option<FrameSpan>, Error<R::Error>> {
        self.frame = None;
        loop {
            let unseen = self.buffer.as_ref().get(self.fed..self.filled).unwrap_or(&[]);
            let (taken, event) = self.splitter.feed(unseen);
            self.fed = self.fed.saturating_add(taken);
            let begun = self.splitter.start();
            match event {
                Some(SplitEvent::Start) => self.start = self.fed.checked_sub(3),
                Some(SplitEvent::Damage) => {
                    self.start = None;
                    return Err(Error::Damaged { at: self.splitter.offset() });
                }
                Some(SplitEvent::Beyond) => return Err(Error::Truncated { at: self.splitter.offset() }),
                Some(SplitEvent::End) => return self.found(keep, 0),
                Some(SplitEvent::EndBefore) => return self.found(keep, 3),
                None => {
                    if !keep {
                        self.start = None;
                    }
                    if self.fill()? {
                        if self.splitter.is_last_end() {
                            let found = self.found(keep, 0);
                            self.splitter.resume(self.splitter.offset(), 0);
                            return found;
                        }
                        self.start = None;
                        let is_cut = self.splitter.is_cut();
                        self.splitter.resume(self.splitter.offset(), 0);
                        return if is_cut { Err(Error::Truncated { at: begun }) } else { Ok(None) };
                    }
                }
            }
        }
    }

    /// The frame that began at the splitter's start. It ended `ago` bytes before the next byte.
    fn found(&mut self, keep: bool, ago: usize) -> Result<Option<FrameSpan>, Error<R::Error>> {
        let begun = self.splitter.start();
        let len = self.splitter.offset().saturating_sub(begun).saturating_sub(ago as u64);
        let span = FrameSpan { offset: begun, len: u32::try_from(len).unwrap_or(u32::MAX) };
        let number = self.next;
        self.next = number.saturating_add(1);
        match self.start.take() {
            Some(start) if keep => self.frame = Some((start, self.fed.saturating_sub(ago))),
            None if keep => {
                return Err(Error::TooLarge { number, needed: span.len.saturating_add(ago as u32) });
            }
            _ => {}
        }
        Ok(Some(span))
    }

    /// Reads more. Keeps the bytes of the frame that is being read as long as there is room. Returns whether the file has
    /// ended.
    fn fill(&mut self) -> Result<bool, Error<R::Error>> {
        let buffer = self.buffer.as_mut();
        let ahead = self.filled.saturating_sub(self.fed);
        let wanted = self.splitter.wanted().unwrap_or(READ_AHEAD).saturating_sub(ahead).max(1);
        if buffer.len().saturating_sub(self.filled) < wanted {
            // The last two bytes may be the start of a frame, which the third byte decides.
            let mut keep = self.start.unwrap_or(self.fed.saturating_sub(2));
            if keep == 0 && self.filled == buffer.len() {
                // The frame fills the whole buffer, so it cannot be kept.
                keep = self.fed.saturating_sub(2);
                self.start = None;
            }
            buffer.copy_within(keep..self.filled, 0);
            self.filled = self.filled.saturating_sub(keep);
            self.fed = self.fed.saturating_sub(keep);
            self.start = self.start.map(|_| 0);
        }
        let end = self.filled.saturating_add(wanted).min(buffer.len());
        let room = buffer.get_mut(self.filled..end).unwrap_or(&mut []);
        if self.is_lost {
            self.file.seek(SeekFrom::Start(self.splitter.offset().saturating_add(ahead as u64))).map_err(Error::Io)?;
        }
        // A read that fails may have moved the file.
        self.is_lost = true;
        let read = self.file.read(room).map_err(Error::Io)?;
        self.is_lost = false;
        self.filled = self.filled.saturating_add(read.min(room.len()));
        Ok(read == 0)
    }

    /// Makes the byte at `offset` the next one to be fed. The caller tells the splitter.
    fn go_to(&mut self, offset: u64) {
        (self.frame, self.start) = (None, None);
        let base = self.splitter.offset().saturating_sub(self.fed as u64);
        match offset.checked_sub(base).and_then(|at| usize::try_from(at).ok()) {
            Some(at) if at <= self.filled => self.fed = at,
            _ => (self.fed, self.filled, self.is_lost) = (0, 0, true),
        }
    }

    /// Passes a record without reading it. `false`: the record has to be read.
    fn hop(&mut self) -> Result<bool, Error<R::Error>> {
        const HEAD: usize = DIGITS + 3;
        if !self.splitter.may_hop() {
            return Ok(false);
        }
        while self.filled.saturating_sub(self.fed) < HEAD {
            if self.fill()? {
                return Ok(false);
            }
        }
        let head = self.buffer.as_ref().get(self.fed..).and_then(|bytes| bytes.first_chunk::<HEAD>());
        let Some(&[ref digits @ .., 0xFF, 0xD8, 0xFF]) = head else { return Ok(false) };
        let Some(length) = self.splitter.plausible(digits) else { return Ok(false) };
        self.go_to(self.splitter.behind_record(length));
        self.splitter.hop(length);
        self.next = self.next.saturating_add(1);
        Ok(true)
    }
}

const NO_LAYOUT: Result<Layout, jpeg::Error> = Err(jpeg::Error { kind: jpeg::ErrorKind::NoStartOfImage, at: 0 });

impl<R: Read + Seek, B: AsRef<[u8]> + AsMut<[u8]>> FrameSource for Reader<R, B> {
    type Error = Error<R::Error>;

    fn advance(&mut self, _now: Instant, _: &Waker) -> Result<Advance, Self::Error> {
        let Some(_) = self.step(true)? else { return Ok(Advance::End) };
        self.layout = self.data().map_or(NO_LAYOUT, Layout::parse);
        Ok(Advance::Ready)
    }

    fn frame(&self) -> Option<Frame<'_>> {
        let data = self.data()?;
        Some(Frame { number: self.next.saturating_sub(1), data, captured: None, time: None, layout: self.layout })
    }

    fn position(&self) -> u32 {
        self.next
    }

    /// Passes damage silently. The reader reports damage where it reads.
    fn seek(&mut self, number: u32) -> Result<(), Self::Error> {
        self.frame = None;
        if number < self.next {
            self.rewind();
        }
        while self.next < number {
            let hopped = self.hop();
            self.is_astray |= hopped.is_err();
            if hopped? {
                continue;
            }
            match self.next_span() {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(Error::Io(error)) => return Err(Error::Io(error)),
                Err(_) => {}
            }
        }
        Ok(())
    }
}

impl<R, B: AsRef<[u8]>> Reader<R, B> {
    fn data(&self) -> Option<&[u8]> {
        let (start, end) = self.frame?;
        self.buffer.as_ref().get(start..end)
    }
}

#[cfg(test)]
mod tests;
