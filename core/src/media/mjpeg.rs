//! Files of motion JPEG: the lab's records, each of digits and a JPEG file; JPEG files one after another; streams of
//! `multipart/x-mixed-replace` that were saved; and AVI files.

use super::multipart::{Part, Timeline};
use super::split::{DIGITS, Place, SEEN_LATE, Slot, SplitEvent, Splitter, is_foreign};
use super::{Advance, Frame, FrameRate, FrameSource};
use crate::jpeg::{self, Layout};
use crate::time::{Duration, Instant};
use core::task::Waker;
use embedded_io::{Read, Seek, SeekFrom};

pub use super::split::{Dialects, Every, Format, LabAndRaw, OnlyRaw};

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
    /// The number of bytes from SOI to EOI. If there is no EOI, to the next frame, or to the end of the record, part or file.
    pub len: u32,
    /// Whether EOI ends it.
    pub has_end: bool,
}

/// Why there is no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error<E> {
    /// The file could not be read or positioned.
    Io(E),
    /// There is no JPEG where the first picture should be.
    NotMjpeg,
    /// This is an AVI file whose pictures are no JPEGs.
    OtherVideo,
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
                write!(f, "not an MJPEG file: no JPEG begins in its first {} MB", Format::DETECT_LEN >> 20)
            }
            Self::OtherVideo => f.write_str("an AVI file without motion JPEG: its pictures are coded in another way"),
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
    place: Place,
    timeline: Timeline,
}

impl Bookmark {
    /// A place at which a caller knows that no frame is cut: frame `number` is looked for from `offset` on. The reader's own
    /// bookmarks also know the rest of a record.
    pub fn between_frames(number: u32, offset: u64) -> Self {
        Self { number, place: Place::at(offset), timeline: Timeline::START }
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
pub struct Reader<R, B, D: Dialects = Every> {
    file: R,
    buffer: B,
    splitter: Splitter<D>,
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
    times: D::Times,
}

impl<R: Read + Seek, B: AsRef<[u8]> + AsMut<[u8]>> Reader<R, B, Every> {
    /// Recognises the format of `file` from its beginning, whatever its position is.
    ///
    /// # Errors
    /// [`Error::NotMjpeg`], [`Error::BufferTooShort`] and [`Error::Io`].
    pub fn new(file: R, buffer: B) -> Result<Self, Error<R::Error>> {
        Self::open(file, buffer)
    }
}

impl<R: Read + Seek, B: AsRef<[u8]> + AsMut<[u8]>, D: Dialects> Reader<R, B, D> {
    /// The same for a set of formats: `Reader::<_, _, LabAndRaw>::open(file, buffer)`. What it has no use for takes no memory.
    ///
    /// # Errors
    /// Those of `new`.
    pub fn open(mut file: R, mut buffer: B) -> Result<Self, Error<R::Error>> {
        let len = file.seek(SeekFrom::End(0)).map_err(Error::Io)?;
        file.seek(SeekFrom::Start(0)).map_err(Error::Io)?;
        let bytes = buffer.as_mut();
        if bytes.len() < MIN_BUFFER {
            return Err(Error::BufferTooShort);
        }
        let mut reader = Self {
            file,
            buffer,
            splitter: Splitter::new(None, len),
            fed: 0,
            filled: 0,
            is_lost: false,
            is_astray: false,
            start: None,
            frame: None,
            layout: NO_LAYOUT,
            next: 0,
            times: D::Times::default(),
        };
        reader.recognise()?;
        reader.rewind();
        Ok(reader)
    }

    /// Reads until the format is certain.
    fn recognise(&mut self) -> Result<(), Error<R::Error>> {
        while self.filled < FOREIGN_LEN && !self.fill()? {}
        if is_foreign(self.buffer.as_ref().get(..self.filled).unwrap_or(&[])) {
            return Err(Error::NotMjpeg);
        }
        while self.splitter.detected().is_none() {
            if self.splitter.is_other_video() {
                return Err(Error::OtherVideo);
            }
            let unseen = self.buffer.as_ref().get(self.fed..self.filled).unwrap_or(&[]);
            let (taken, event) = self.splitter.feed(unseen);
            self.fed = self.fed.saturating_add(taken);
            let is_too_far =
                self.splitter.offset() > Format::DETECT_LEN as u64 && self.splitter.format() != Format::Avi;
            if is_too_far || (event.is_none() && self.splitter.detected().is_none() && self.more()?) {
                return Err(Error::NotMjpeg);
            }
        }
        Ok(())
    }

    /// The file's format.
    pub fn format(&self) -> Format {
        self.splitter.format()
    }

    /// The rate at which the file says that its pictures were taken. Only AVI files say it. Interlaced pictures are two frames
    /// each: [`time`](Self::time) tells when each is due.
    pub fn frame_rate(&self) -> Option<FrameRate> {
        self.splitter.chunks()?.frame_rate()
    }

    /// When the frame found last is due, counted from the first one, if the file tells it: AVI files do, and the parts of a
    /// multipart stream may. It never steps back.
    pub fn time(&self) -> Option<Duration> {
        self.times.get()?.last
    }

    /// Learns the file's length anew, for a file that is still being written. To go on behind what was its end,
    /// [`resume`](Self::resume) before the last frame if it had no end then.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn refresh(&mut self) -> Result<u64, Error<R::Error>> {
        self.is_lost = true;
        let len = self.file.seek(SeekFrom::End(0)).map_err(Error::Io)?;
        self.splitter.set_file_len(len);
        Ok(len)
    }

    /// Makes the first frame the next one.
    pub fn rewind(&mut self) {
        self.resume(Bookmark { number: 0, place: self.splitter.beginning(), timeline: Timeline::START });
    }

    /// The reader's place, to return to later. `None` if the last call ended in an error, since the place is unknown then; only
    /// after [`Error::TooLarge`] the reader stands behind the frame.
    pub fn bookmark(&self) -> Option<Bookmark> {
        let place = self.splitter.place().filter(|_| !self.is_astray)?;
        let timeline = self.times.get().map_or(Timeline::START, |times| times.timeline);
        Some(Bookmark { number: self.next, place, timeline })
    }

    /// Goes to a place that was noted in this file. The file itself is positioned at the next read.
    pub fn resume(&mut self, bookmark: Bookmark) {
        self.go_to(bookmark.place.offset);
        self.splitter.resume(bookmark.place);
        self.is_astray = false;
        self.next = bookmark.number;
        if let Some(times) = self.times.get_mut() {
            times.timeline = bookmark.timeline;
        }
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
            match event {
                Some(SplitEvent::Start) => {
                    self.start = self.fed.checked_sub(self.splitter.since_start() as usize);
                }
                Some(SplitEvent::Passed) => self.start = None,
                Some(SplitEvent::Damage) => {
                    self.start = None;
                    return Err(Error::Damaged { at: self.splitter.offset() });
                }
                Some(SplitEvent::Beyond) => return Err(Error::Truncated { at: self.splitter.start() }),
                Some(SplitEvent::End { ago, has_end }) => return self.found(keep, usize::from(ago), has_end),
                None => {
                    if !keep {
                        self.start = None;
                    }
                    if self.more()? {
                        return self.end_of_file(keep);
                    }
                }
            }
        }
    }

    /// The file has ended. The last frame may lack its end.
    fn end_of_file(&mut self, keep: bool) -> Result<Option<FrameSpan>, Error<R::Error>> {
        let begun = self.splitter.start();
        match self.splitter.end_of_file() {
            Some(SplitEvent::End { .. }) => self.found(keep, 0, false),
            Some(SplitEvent::Damage) => {
                self.start = None;
                Err(Error::Truncated { at: begun })
            }
            _ => {
                self.start = None;
                Ok(None)
            }
        }
    }

    /// The frame that began at the splitter's start. It ended `ago` bytes before the next byte.
    fn found(&mut self, keep: bool, ago: usize, has_end: bool) -> Result<Option<FrameSpan>, Error<R::Error>> {
        let begun = self.splitter.start();
        let len = self.splitter.frame_len(ago, has_end);
        let ago =
            usize::try_from(self.splitter.offset().saturating_sub(begun).saturating_sub(len)).unwrap_or(usize::MAX);
        let span = FrameSpan { offset: begun, len: u32::try_from(len).unwrap_or(u32::MAX), has_end };
        if let Some(times) = self.times.get_mut() {
            times.last = match self.splitter.format() {
                Format::Avi => self.splitter.chunks().and_then(|chunks| chunks.time(self.splitter.is_second())),
                Format::Lab => None,
                Format::Raw | Format::Multipart => times.timeline.next(self.splitter.part().and_then(Part::timestamp)),
            };
        }
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

    /// Makes more bytes come, at the place where the next ones with a meaning are. Returns whether the file has ended.
    fn more(&mut self) -> Result<bool, Error<R::Error>> {
        let skippable = self.splitter.skippable();
        if skippable > 0 {
            self.go_to(self.splitter.offset().saturating_add(skippable));
            self.splitter.skip();
        }
        self.fill()
    }

    /// Reads more. Keeps the bytes of the frame that is being read as long as there is room. Returns whether the file has
    /// ended.
    fn fill(&mut self) -> Result<bool, Error<R::Error>> {
        let buffer = self.buffer.as_mut();
        let ahead = self.filled.saturating_sub(self.fed);
        let wanted = self.splitter.wanted().unwrap_or(READ_AHEAD).saturating_sub(ahead).max(1);
        if buffer.len().saturating_sub(self.filled) < wanted {
            // The last bytes may be the start of a frame, which those to come decide.
            let mut keep = self.start.unwrap_or(self.fed.saturating_sub(SEEN_LATE));
            if keep == 0 && self.filled == buffer.len() {
                // It may be the last one, and without an end that would have told so.
                if self.splitter.is_at_end() {
                    return Ok(true);
                }
                // The frame fills the whole buffer, so it cannot be kept.
                keep = self.fed.saturating_sub(SEEN_LATE);
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
        let Some(&[a, b, c, d, e, 0xFF, 0xD8, 0xFF]) = head else { return Ok(false) };
        let Some(length) = self.splitter.plausible([a, b, c, d, e]) else { return Ok(false) };
        self.go_to(self.splitter.behind_record(length));
        self.splitter.hop(length);
        self.next = self.next.saturating_add(1);
        Ok(true)
    }
}

/// So many bytes tell other files that have pictures in them.
const FOREIGN_LEN: usize = 12;

const NO_LAYOUT: Result<Layout, jpeg::Error> = Err(jpeg::Error { kind: jpeg::ErrorKind::NoStartOfImage, at: 0 });

impl<R: Read + Seek, B: AsRef<[u8]> + AsMut<[u8]>, D: Dialects> FrameSource for Reader<R, B, D> {
    type Error = Error<R::Error>;

    fn advance(&mut self, _now: Instant, _: &Waker) -> Result<Advance, Self::Error> {
        let Some(_) = self.step(true)? else { return Ok(Advance::End) };
        self.layout = self.data().map_or(NO_LAYOUT, Layout::parse);
        Ok(Advance::Ready)
    }

    fn frame(&self) -> Option<Frame<'_>> {
        let data = self.data()?;
        Some(Frame {
            number: self.next.saturating_sub(1),
            data,
            captured: None,
            time: self.time(),
            layout: self.layout,
        })
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
    /// Looks at the frames one after another: from here, or from the beginning if the time lies before the last frame.
    fn seek_time(&mut self, time: Duration) -> Result<(), Self::Error> {
        if self.time().is_none_or(|last| time <= last) {
            self.rewind();
        }
        let mut before = None;
        loop {
            let here = self.bookmark();
            match self.next_span() {
                Ok(None) => break,
                Err(Error::Io(error)) => return Err(Error::Io(error)),
                Ok(Some(_)) if self.time().is_some_and(|shown| shown > time) => break,
                Ok(Some(_)) => before = here.or(before),
                Err(_) => {}
            }
        }
        if let Some(bookmark) = before {
            self.resume(bookmark);
        } else {
            self.rewind();
        }
        Ok(())
    }
}

impl<R, B: AsRef<[u8]>, D: Dialects> Reader<R, B, D> {
    fn data(&self) -> Option<&[u8]> {
        let (start, end) = self.frame?;
        self.buffer.as_ref().get(start..end)
    }
}

#[cfg(test)]
mod tests;
