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
        Some(Frame { number: self.next.saturating_sub(1), data, captured: None, layout: self.layout })
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
mod tests {
    use super::*;
    use crate::media::samples::{jpeg, jpeg_with, lab, segment};
    use embedded_io::{ErrorKind, ErrorType};
    use std::vec::Vec;

    /// A file in memory that returns at most `piece` bytes at once, counts the bytes read and fails on demand.
    #[derive(Debug)]
    struct File {
        bytes: Vec<u8>,
        at: u64,
        piece: usize,
        read: usize,
        fails: u32,
    }

    impl ErrorType for File {
        type Error = ErrorKind;
    }

    impl Read for File {
        fn read(&mut self, room: &mut [u8]) -> Result<usize, ErrorKind> {
            assert!(!room.is_empty(), "a read without room looks like the end of the file");
            if self.fails > 0 {
                self.fails -= 1;
                self.at = 7;
                return Err(ErrorKind::Other);
            }
            let rest = self.bytes.get(self.at as usize..).unwrap_or(&[]);
            let len = rest.len().min(room.len()).min(self.piece);
            room[..len].copy_from_slice(&rest[..len]);
            self.at += len as u64;
            self.read += len;
            Ok(len)
        }
    }

    impl Seek for File {
        fn seek(&mut self, to: SeekFrom) -> Result<u64, ErrorKind> {
            self.at = match to {
                SeekFrom::Start(at) => at,
                SeekFrom::End(by) => self.bytes.len().checked_add_signed(by as isize).unwrap() as u64,
                SeekFrom::Current(by) => self.at.checked_add_signed(by).unwrap(),
            };
            Ok(self.at)
        }
    }

    fn open(bytes: &[u8], buffer: usize, piece: usize) -> Reader<File, Vec<u8>> {
        let file = File { bytes: bytes.to_vec(), at: 0, piece, read: 0, fails: 0 };
        Reader::new(file, std::vec![0; buffer]).unwrap()
    }

    #[derive(Debug, PartialEq)]
    enum Found {
        Frame(u32, Vec<u8>),
        Error(Error<ErrorKind>),
    }

    fn all(reader: &mut Reader<File, Vec<u8>>) -> Vec<Found> {
        let mut found = Vec::new();
        loop {
            match reader.advance(Instant::default(), Waker::noop()) {
                Ok(Advance::Ready) => {
                    let frame = reader.frame().unwrap();
                    assert_eq!(frame.number + 1, reader.position());
                    found.push(Found::Frame(frame.number, frame.data.to_vec()));
                }
                Ok(_) => break,
                Err(error) => found.push(Found::Error(error)),
            }
            assert!(found.len() < 100);
        }
        assert!(reader.frame().is_none() && reader.advance(Instant::default(), Waker::noop()) == Ok(Advance::End));
        found
    }

    fn pictures() -> Vec<Vec<u8>> {
        [40, 900, 300, 40, 41, 2000, 7].iter().map(|&len| jpeg(len)).collect()
    }

    /// Both formats of the same pictures.
    fn files(pictures: &[Vec<u8>]) -> [Vec<u8>; 2] {
        [pictures.concat(), pictures.iter().flat_map(|picture| lab(picture)).collect()]
    }

    const LONGEST: usize = 2000 + 625;

    #[test]
    fn every_frame_is_found_whatever_the_buffer_and_the_reads() {
        let pictures = pictures();
        let expected: Vec<_> = pictures.iter().zip(0..).map(|(picture, n)| Found::Frame(n, picture.clone())).collect();
        let longest = pictures.iter().map(Vec::len).max().unwrap();
        assert!(longest <= LONGEST);
        for file in files(&pictures) {
            for buffer in [longest, longest + 1, longest + 5, 3000, 5000, 100_000] {
                for piece in [1, 2, 3, 100, 4096, usize::MAX] {
                    let mut reader = open(&file, buffer, piece);
                    assert_eq!(all(&mut reader), expected, "buffer {buffer}, pieces of {piece}");
                    reader.rewind();
                    assert_eq!(all(&mut reader), expected);
                }
            }
        }
    }

    #[test]
    fn frames_without_eoi_are_found_and_found_again() {
        let pictures: Vec<_> = pictures().iter().map(|picture| picture[..picture.len() - 2].to_vec()).collect();
        let expected: Vec<_> = pictures.iter().zip(0..).map(|(picture, n)| Found::Frame(n, picture.clone())).collect();
        let file = pictures.concat();
        for buffer in [LONGEST + 1, LONGEST + 5, 100_000] {
            for piece in [1, 2, 3, 100, usize::MAX] {
                let mut reader = open(&file, buffer, piece);
                let mut bookmarks = std::vec![reader.bookmark().unwrap()];
                for found in &expected {
                    assert_eq!(reader.advance(Instant::default(), Waker::noop()), Ok(Advance::Ready));
                    let frame = reader.frame().unwrap();
                    assert_eq!(&Found::Frame(frame.number, frame.data.to_vec()), found);
                    bookmarks.push(reader.bookmark().unwrap());
                }
                assert_eq!(reader.advance(Instant::default(), Waker::noop()), Ok(Advance::End));
                for (number, bookmark) in bookmarks.into_iter().enumerate().rev() {
                    reader.resume(bookmark);
                    assert_eq!(all(&mut reader), expected[number..], "buffer {buffer}, pieces of {piece}");
                    reader.seek(number as u32).unwrap();
                    assert_eq!(all(&mut reader), expected[number..]);
                }
            }
        }
        // A frame that is too long for the buffer is left out.
        let found = all(&mut open(&file, pictures[1].len() + 3, 64));
        let needed = pictures[5].len() as u32 + 3;
        assert_eq!(found[5], Found::Error(Error::TooLarge { number: 5, needed }));
        assert_eq!((found.len(), &found[6], &found[1]), (7, &expected[6], &expected[1]));
    }

    #[test]
    fn a_single_picture_that_is_cut_is_no_frame() {
        let picture = jpeg(300);
        let at = 0;
        assert_eq!(all(&mut open(&picture[..picture.len() - 2], LONGEST, 64)), [Found::Error(Error::Truncated { at })]);
    }

    #[test]
    fn a_frame_brings_its_layout() {
        let [raw, _] = files(&pictures());
        let mut reader = open(&raw, LONGEST, 500);
        assert_eq!(reader.advance(Instant::default(), Waker::noop()), Ok(Advance::Ready));
        let frame = reader.frame().unwrap();
        let layout = frame.layout.unwrap();
        assert_eq!((layout.width, layout.height, layout.scan.len), (32, 16, 40));
    }

    #[test]
    fn a_frame_larger_than_the_buffer_is_named_and_counted() {
        let pictures = pictures();
        let needed = pictures[5].len() as u32;
        for file in files(&pictures) {
            for piece in [1, 64, usize::MAX] {
                let found = all(&mut open(&file, pictures[1].len(), piece));
                assert_eq!(found.len(), pictures.len());
                assert_eq!(found[5], Found::Error(Error::TooLarge { number: 5, needed }));
                assert_eq!(found[6], Found::Frame(6, pictures[6].clone()));
            }
        }
    }

    #[test]
    fn spans_are_found_with_the_smallest_buffer() {
        let thumbnail = jpeg_with(&segment(0xE1, &jpeg(500)), 70);
        let pictures = [&pictures()[..], &[thumbnail]].concat();
        for file in files(&pictures) {
            for piece in [1, 17, usize::MAX] {
                let mut reader = open(&file, MIN_BUFFER, piece);
                for picture in &pictures {
                    let FrameSpan { offset, len } = reader.next_span().unwrap().unwrap();
                    assert_eq!(&file[offset as usize..][..len as usize], picture);
                }
                assert_eq!(reader.next_span(), Ok(None));
            }
        }
    }

    #[test]
    fn seeking_leads_to_any_frame_from_any_frame() {
        let pictures = pictures();
        for file in files(&pictures) {
            let mut reader = open(&file, LONGEST, 700);
            for from in 0..=pictures.len() as u32 {
                for to in 0..=pictures.len() as u32 + 2 {
                    reader.seek(from).unwrap();
                    let _ = reader.advance(Instant::default(), Waker::noop());
                    reader.seek(to).unwrap();
                    assert!(reader.frame().is_none());
                    assert_eq!(reader.position(), to.min(pictures.len() as u32));
                    match pictures.get(to as usize) {
                        Some(picture) => {
                            assert_eq!(reader.advance(Instant::default(), Waker::noop()), Ok(Advance::Ready));
                            assert_eq!(
                                reader.frame().map(|frame| (frame.number, frame.data)),
                                Some((to, &picture[..]))
                            );
                        }
                        None => assert_eq!(reader.advance(Instant::default(), Waker::noop()), Ok(Advance::End)),
                    }
                }
            }
        }
    }

    #[test]
    fn hopping_reads_no_media() {
        let pictures = std::vec![jpeg(9000); 20];
        let [_, file] = files(&pictures);
        let mut reader = open(&file, 10_000, usize::MAX);
        reader.seek(19).unwrap();
        assert_eq!(reader.file.read, 7 + 1 + 8 * 18);
        assert_eq!(reader.advance(Instant::default(), Waker::noop()), Ok(Advance::Ready));
        assert_eq!(reader.frame().unwrap().number, 19);
    }

    #[test]
    fn records_of_several_jpegs_are_counted_rather_than_hopped_over() {
        let pair = lab(&[jpeg(40), jpeg(50)].concat());
        let file = [&pair[..], &pair, &pair].concat();
        let mut reader = open(&file, LONGEST, usize::MAX);
        assert_eq!(all(&mut reader).len(), 6);
        reader.seek(3).unwrap();
        assert_eq!(reader.advance(Instant::default(), Waker::noop()), Ok(Advance::Ready));
        assert_eq!(reader.frame().unwrap().data, jpeg(50));
        // This is in the middle of a record.
        reader.seek(1).unwrap();
        let bookmark = reader.bookmark().unwrap();
        reader.seek(5).unwrap();
        reader.resume(bookmark);
        assert_eq!(bookmark.number(), 1);
        assert_eq!(all(&mut reader).len(), 5);
    }

    #[test]
    fn bookmarks_lead_back() {
        let pictures = pictures();
        for file in files(&pictures) {
            let mut reader = open(&file, LONGEST, 700);
            let mut bookmarks = Vec::new();
            for _ in &pictures {
                bookmarks.push(reader.bookmark().unwrap());
                reader.advance(Instant::default(), Waker::noop()).unwrap();
            }
            for bookmark in bookmarks.into_iter().rev() {
                reader.resume(bookmark);
                assert_eq!(reader.advance(Instant::default(), Waker::noop()), Ok(Advance::Ready));
                assert_eq!(reader.frame().unwrap().data, pictures[bookmark.number() as usize]);
            }
        }
    }

    #[test]
    fn a_truncated_last_frame_is_dropped_and_reported() {
        let pictures = [jpeg(40), jpeg(300)];
        for file in files(&pictures) {
            let start = file.len() - pictures[1].len();
            for cut in start + 3..file.len() {
                let found = all(&mut open(&file[..cut], LONGEST, 100));
                let expected =
                    [Found::Frame(0, pictures[0].clone()), Found::Error(Error::Truncated { at: start as u64 })];
                assert_eq!(found, expected, "cut at {cut}");
            }
        }
    }

    #[test]
    fn damage_is_reported_and_passed() {
        let pictures = pictures();
        let [_, mut file] = files(&pictures);
        let second = lab(&pictures[0]).len();
        file[second + 2] = b'x';
        let mut reader = open(&file, LONGEST, 100);
        let found = all(&mut reader);
        assert_eq!(found[1], Found::Error(Error::Damaged { at: second as u64 + 3 }));
        assert_eq!(found[2], Found::Frame(1, pictures[2].clone()));
        assert_eq!(found.len(), pictures.len());
        reader.seek(2).unwrap();
        assert_eq!(reader.advance(Instant::default(), Waker::noop()), Ok(Advance::Ready));
        assert_eq!(reader.frame().unwrap().data, pictures[3]);
    }

    #[test]
    fn a_failed_read_loses_nothing() {
        let pictures = pictures();
        for file in files(&pictures) {
            for good in 0..40 {
                let mut reader = open(&file, LONGEST, 150);
                let mut found = Vec::new();
                for call in 0.. {
                    reader.file.fails = u32::from(call == good);
                    match reader.step(true) {
                        Ok(Some(_)) => found.push(reader.frame().unwrap().data.to_vec()),
                        Ok(None) => break,
                        Err(error) => assert_eq!(error, Error::Io(ErrorKind::Other)),
                    }
                }
                assert_eq!(found, pictures, "failing at call {good}");
            }
        }
    }

    #[test]
    fn what_is_no_mjpeg_is_refused() {
        for bytes in [&b""[..], b"RIFF....AVI LIST", &[0xFF, 0xD8], b"12345"] {
            let file = File { bytes: bytes.to_vec(), at: 0, piece: 1, read: 0, fails: 0 };
            assert!(matches!(Reader::new(file, [0; 64]), Err(Error::NotMjpeg)));
        }
        let file = File { bytes: jpeg(40), at: 0, piece: 1, read: 0, fails: 0 };
        assert!(matches!(Reader::new(file, [0; 63]), Err(Error::BufferTooShort)));
    }

    proptest::proptest! {
        /// Whatever fault a file has, reading it ends, and its index agrees with what is read.
        #[test]
        fn damaged_files_end_and_are_indexed_as_they_are_read(
            damage in proptest::collection::vec((0_usize..6800, proptest::num::u8::ANY), 1..20),
            cut in 20_usize..6800,
            is_lab in proptest::bool::ANY,
        ) {
            let mut file = files(&pictures())[usize::from(is_lab)].clone();
            for (at, value) in damage {
                // The first bytes tell the format.
                if let Some(byte) = file.get_mut(at.max(8)) {
                    *byte = value;
                }
            }
            file.truncate(cut);
            let (mut reader, mut index) = (open(&file, 8000, 100), open(&file, MIN_BUFFER, 33));
            for call in 0.. {
                assert!(call < 200);
                let read = reader.step(true);
                assert_eq!(read, index.next_span());
                let Ok(Some(FrameSpan { offset, len })) = read else {
                    if read == Ok(None) { break } else { continue }
                };
                assert_eq!(reader.frame().unwrap().data, &file[offset as usize..][..len as usize]);
            }
        }
    }

    #[test]
    fn behind_damage_there_is_no_bookmark() {
        // The start of the next frame breaks the first one. A reader that resumed behind that start would miss the next frame.
        let whole = jpeg(40);
        let broken = [&[0xFF, 0xD8][..], &whole].concat();
        for file in [broken.clone(), lab(&broken)] {
            let mut reader = open(&file, LONGEST, 7);
            assert!(matches!(reader.advance(Instant::default(), Waker::noop()), Err(Error::Damaged { .. })));
            assert_eq!(reader.bookmark(), None);
            assert_eq!(all(&mut reader), [Found::Frame(0, whole.clone())]);
            assert_eq!(reader.bookmark().map(|bookmark| bookmark.number()), Some(1));
        }
    }

    #[test]
    fn behind_a_frame_that_is_too_large_there_is_a_bookmark() {
        let pictures = [jpeg(900), jpeg(40)];
        for file in files(&pictures) {
            let mut reader = open(&file, pictures[1].len(), 100);
            assert!(matches!(reader.advance(Instant::default(), Waker::noop()), Err(Error::TooLarge { .. })));
            let bookmark = reader.bookmark().unwrap();
            reader.rewind();
            reader.resume(bookmark);
            assert_eq!(all(&mut reader), [Found::Frame(1, pictures[1].clone())]);
        }
    }

    #[test]
    fn a_failed_read_leaves_no_bookmark_until_one_succeeds() {
        for file in files(&pictures()) {
            let mut reader = open(&file, LONGEST, 100);
            assert_eq!(reader.advance(Instant::default(), Waker::noop()), Ok(Advance::Ready));
            let bookmark = reader.bookmark();
            assert!(bookmark.is_some());
            reader.file.fails = 1;
            assert_eq!(reader.seek(5), Err(Error::Io(ErrorKind::Other)));
            assert_eq!(reader.bookmark(), None);
            reader.resume(bookmark.unwrap());
            assert_eq!(reader.bookmark(), bookmark);
        }
    }
}
