//! Finds where the frames of a file, or of a live stream, start and end, from its bytes as they come.

mod find;
mod head;
mod preview;
mod records;

use self::find::{is_marker, is_start, pass, pass_to_start, run_of};
use self::head::Head;
use self::preview::{Picture, Previews};
use self::records::{CHUNK, LENGTH, LONGEST_LENGTH, record_length};
use super::avi::{Action, Chunks};
use super::multipart::{Heads, Part};
use crate::jpeg::marker;

/// The way in which frames follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Format {
    /// Records: a length in bytes as five characters, which are ASCII decimal digits, padded with zeros or spaces, and a JPEG
    /// file of that length. Ten digits do as well.
    Lab,
    /// JPEGs one after another.
    Raw,
    /// JPEGs, with the lines of `multipart/x-mixed-replace` before each.
    Multipart,
    /// The chunks of an AVI file.
    Avi,
}

impl core::fmt::Display for Format {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Lab => "lab records",
            Self::Raw => "raw JPEGs",
            Self::Multipart => "multipart/x-mixed-replace",
            Self::Avi => "AVI",
        })
    }
}

impl Format {
    /// How far [`detect`](Self::detect) looks for the first picture, in bytes.
    pub const DETECT_LEN: usize = 4 << 20;

    /// Tells the formats apart by a file's first bytes, of which it needs [`DETECT_LEN`](Self::DETECT_LEN) at the most. `None`: this
    /// is no file of motion JPEG. Before the first picture there may be anything, such as half a picture; the picture must
    /// then be one by its headers.
    pub fn detect(bytes: &[u8]) -> Option<Self> {
        if is_foreign(bytes) {
            return None;
        }
        let mut splitter = Splitter::new(None, u64::MAX);
        let mut rest = bytes.get(..Self::DETECT_LEN).unwrap_or(bytes);
        while !rest.is_empty() && splitter.detected().is_none() {
            let (taken, _) = splitter.feed(rest);
            rest = rest.get(taken..)?;
        }
        splitter.detected()
    }
}

/// The number of characters before each record.
pub(super) const DIGITS: usize = 5;

/// An event of [`Splitter::feed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SplitEvent {
    /// A frame began three bytes ago, at [`Splitter::start`].
    Start,
    /// The frame ended so many bytes ago.
    End {
        /// The number of bytes.
        ago: u8,
        /// Its last bytes are EOI. Otherwise the next frame, its record's length or the next part ended it.
        has_end: bool,
    },
    /// What began three bytes or more ago is no frame: it is a preview of the one before, or has tables and no picture.
    Passed,
    /// A frame or a record's length is damaged here. The search for the next one has begun.
    Damage,
    /// The length of the record whose content began a byte ago points behind the end of the file. The record is read anyway.
    Beyond,
}

/// A place between two frames, and what the frames before it mean for the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Place {
    pub offset: u64,
    record_left: u32,
    previews: Previews,
    chunks: u32,
}

impl Place {
    /// A place between two records, of which nothing else is known.
    pub(super) fn at(offset: u64) -> Self {
        Self { offset, ..Self::default() }
    }
}

/// Reads bytes without keeping them, so that they may come in pieces of any size.
///
/// Inside a frame it goes from marker segment to marker segment and from scan to scan. So it does not mistake thumbnails inside
/// APPn for frames. Elsewhere it looks for pairs of bytes that mean something, and passes the others without a look at each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Splitter {
    /// `None`: the first frame tells.
    format: Option<Format>,
    state: State,
    /// The place in the file of the next byte to be fed.
    offset: u64,
    /// The place in the file where the last frame began.
    start: u64,
    /// The file's length. It shows which records cannot exist.
    file_len: u64,
    /// Lab and AVI: the number of the record's bytes that have not been fed yet; 0 where there is no record, or its length is unknown.
    record_left: u32,
    /// Lab and AVI: the number of frames that began in this record.
    record_frames: u32,
    /// The last 16 bytes fed, with zeros for those before the last place.
    last: u128,
    /// A record of several frames was found.
    several: bool,
    head: Head,
    picture: Picture,
    previews: Previews,
    heads: Heads,
    chunks: Chunks,
    /// Where the first frame or its record begins, if that is not the beginning of the file.
    beginning: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Lab format: `seen` characters of a length were read, perhaps behind padding.
    Length {
        seen: u8,
        padded: bool,
    },
    /// Lab format: behind the first byte (1) or the second byte (2) of a record, which must be SOI.
    RecordStart {
        seen: u8,
    },
    /// AVI: `seen` bytes of a chunk's head were read, behind so many others that are none.
    Chunk {
        seen: u8,
        garbage: u8,
    },
    /// AVI: in a header.
    Header {
        left: u32,
    },
    /// AVI: in a chunk of something else.
    Skip {
        left: u64,
    },
    /// Lab and AVI: looking for the head of a record and a JPEG file.
    HuntRecord,
    /// Looking for a JPEG file; in lab format and AVI within the record.
    Hunt,
    /// FF D8 FF was read where the frame should have gone on. The next frame, or its record, begins `back` bytes ago.
    Again {
        back: u8,
        record_left: u32,
    },
    /// A part's delimiter was read where the frame should have gone on. It begins `back` bytes ago.
    Delimited {
        back: u8,
    },
    /// In the headers, before the FF of a marker.
    Marker,
    /// Behind the FF.
    Code,
    /// Before a segment's length.
    LengthHigh {
        code: u8,
    },
    LengthLow {
        code: u8,
        high: u8,
    },
    Segment {
        code: u8,
        left: u16,
    },
    Entropy,
    /// Behind an FF in entropy-coded data.
    EntropyCode,
    /// Behind FF D8 where no frame may begin: damage, or the next frame.
    NextStart,
    /// Behind `matched` characters of a delimiter that stands behind a line end of so many bytes.
    Delimiter {
        matched: u8,
        line_end: u8,
    },
}

impl Splitter {
    pub(super) fn new(format: Option<Format>, file_len: u64) -> Self {
        let mut splitter = Self {
            format,
            state: State::Hunt,
            offset: 0,
            start: 0,
            file_len,
            record_left: 0,
            record_frames: 0,
            last: 0,
            several: false,
            head: Head::new(),
            picture: Picture::default(),
            previews: Previews::default(),
            heads: Heads::new(),
            chunks: Chunks::new(),
            beginning: 0,
        };
        splitter.resume(Place::default());
        splitter
    }

    /// Starts between two frames.
    pub(super) fn resume(&mut self, place: Place) {
        self.offset = place.offset;
        self.record_left = place.record_left;
        self.record_frames = u32::from(place.record_left != 0);
        self.previews = place.previews;
        self.chunks.resume(place.chunks);
        self.state = match self.format {
            Some(Format::Lab | Format::Avi) if place.record_left == 0 => self.between_records(),
            _ => State::Hunt,
        };
        self.forget();
    }

    /// Forgets the bytes before this one, as a splitter that resumes here does not know them either.
    fn forget(&mut self) {
        self.last = 0;
        self.heads.reset();
    }

    /// The place of the first frame.
    pub(super) fn beginning(&self) -> Place {
        Place::at(self.beginning)
    }

    /// The place where the next frame may begin, if [`resume`](Self::resume) can lead back there.
    pub(super) fn place(&self) -> Option<Place> {
        let (back, record_left) = match self.state {
            State::Length { seen: 0, .. } | State::Chunk { seen: 0, garbage: 0 } => (0, 0),
            State::Hunt if !self.has_records() || self.record_frames > 0 => (0, self.record_left),
            State::Again { back: 3, record_left } if record_left > 0 => (3, record_left.saturating_add(3)),
            State::Again { back, .. } | State::Delimited { back } => (back, 0),
            _ => return None,
        };
        let offset = self.offset.saturating_sub(back.into());
        Some(Place { offset, record_left, previews: self.previews, chunks: self.chunks.count })
    }

    /// Whether all bytes of the file have been fed.
    pub(super) fn is_at_end(&self) -> bool {
        self.offset >= self.file_len
    }

    /// The file has grown, or has become shorter.
    pub(super) fn set_file_len(&mut self, len: u64) {
        self.file_len = len;
    }

    /// The format, as far as it is known; [`Format::Raw`] otherwise.
    pub(super) fn format(&self) -> Format {
        self.format.unwrap_or(Format::Raw)
    }

    /// The format, once it is certain that this is one: where it does not begin as it must, a frame must have had headers that make sense.
    pub(super) fn detected(&self) -> Option<Format> {
        let format = self.format?;
        let is_certain = match format {
            Format::Lab => true,
            Format::Avi => self.chunks.has_video() && self.chunks.has_pictures(),
            Format::Raw | Format::Multipart => {
                self.picture.is_first
                    || self.heads.part().has_fields()
                    || (self.picture.has_scan && self.picture.has_frame_header())
            }
        };
        is_certain.then_some(format)
    }

    /// Whether this is an AVI file whose pictures are no JPEGs.
    pub(super) fn is_other_video(&self) -> bool {
        self.format == Some(Format::Avi) && self.chunks.has_pictures() && !self.chunks.has_video()
    }

    pub(super) fn chunks(&self) -> &Chunks {
        &self.chunks
    }

    /// What the lines before the last frame told.
    pub(super) fn part(&self) -> &Part {
        self.heads.part()
    }

    /// Whether the last frame is not the first of its record.
    pub(super) fn is_second(&self) -> bool {
        self.record_frames > 1
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// The length of the frame that ended so many bytes ago.
    pub(super) fn frame_len(&self, ago: usize, has_end: bool) -> u64 {
        /// The lines between two parts are no longer.
        const LONGEST_HEAD: u64 = 512;
        let len = self.offset.saturating_sub(self.start).saturating_sub(ago as u64);
        let part = self.heads.part();
        match part.length().map(u64::from) {
            // The next part ended the frame, but its head was not seen because no delimiter is known.
            Some(told) if !has_end && part.delimiter().is_none() && len.saturating_sub(told) <= LONGEST_HEAD => {
                len.min(told)
            }
            _ => len,
        }
    }

    /// Whether the bytes fed last belong to a frame.
    pub(super) fn is_in_frame(&self) -> bool {
        use State::{Code, Entropy, EntropyCode, LengthHigh, LengthLow, Marker, NextStart, Segment};
        let in_headers = matches!(self.state, Marker | Code | LengthHigh { .. } | LengthLow { .. } | Segment { .. });
        in_headers || matches!(self.state, Entropy | EntropyCode | NextStart | State::Delimiter { .. })
    }

    /// Bytes without a meaning that come next. They may be left out with [`skip`](Self::skip).
    pub(super) fn skippable(&self) -> u64 {
        match self.state {
            State::Skip { left } => left,
            _ => 0,
        }
    }

    /// Passes the [skippable](Self::skippable) bytes without seeing them.
    pub(super) fn skip(&mut self) {
        self.offset = self.offset.saturating_add(self.skippable());
        self.state = CHUNK;
    }

    /// Whether the next byte is the first of a record's length and each record so far held one frame.
    pub(super) fn may_hop(&self) -> bool {
        self.state == LENGTH && !self.several
    }

    /// Passes a record of one frame, together with its digits, without seeing its bytes.
    pub(super) fn hop(&mut self, length: u32) {
        self.offset = self.behind_record(length);
    }

    /// The offset behind a record of this length whose digits are next.
    pub(super) fn behind_record(&self, length: u32) -> u64 {
        self.offset.saturating_add(DIGITS as u64).saturating_add(length.into())
    }

    /// The length that five characters give, if a record of that length fits the file at the current offset.
    pub(super) fn plausible(&self, digits: [u8; DIGITS]) -> Option<u32> {
        record_length(digits).filter(|&length| self.behind_record(length) <= self.file_len)
    }

    /// The number of bytes that are certainly needed next, if it is known. Records give it.
    pub(super) fn wanted(&self) -> Option<usize> {
        const CHUNK_HEAD: usize = 12;
        const FIRST: u64 = 16;
        match self.state {
            State::Hunt if self.format.is_none() => FIRST.checked_sub(self.offset).map(|left| left as usize),
            // These are the digits, and the bytes that tell whether a JPEG file follows.
            State::Length { seen, padded: false } => Some((DIGITS + 3).saturating_sub(usize::from(seen))),
            State::Chunk { .. } => Some(CHUNK_HEAD),
            State::Skip { .. } => Some(1),
            // These are the record and the digits of the next one.
            _ if self.record_left > 0 => Some((self.record_left as usize).saturating_add(CHUNK_HEAD)),
            _ => None,
        }
    }

    /// Call it at the file's end. Whether that ends a frame.
    pub(super) fn end_of_file(&mut self) -> Option<SplitEvent> {
        let event = match () {
            () if self.is_in_frame() && self.picture.has_scan => Some(self.frame_ends(0, false)),
            () if self.is_in_frame() || self.record_left > 0 => Some(SplitEvent::Damage),
            () => None,
        };
        self.record_left = 0;
        if self.has_records() {
            self.state = self.between_records();
        } else {
            self.state = State::Hunt;
        }
        self.forget();
        event
    }

    /// Takes bytes up to the next event, or all of them. Returns how many it took. Feed the others again.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> (usize, Option<SplitEvent>) {
        let mut rest = bytes;
        let event = loop {
            match self.state {
                State::Again { back, record_left } => break Some(self.record_starts_here(back, record_left)),
                State::Delimited { .. } => {
                    self.heads.delimiter_was_read();
                    self.state = State::Hunt;
                }
                _ => {}
            }
            let Some(&byte) = rest.first() else { break None };
            let is_in_record = self.record_left > 0;
            let room = if is_in_record { rest.len().min(self.record_left as usize) } else { rest.len() };
            let (taken, mut event) = self.step(byte, rest.get(..room).unwrap_or(rest));
            rest = rest.get(taken..).unwrap_or(&[]);
            if is_in_record {
                self.record_left = self.record_left.saturating_sub(taken as u32);
                if self.record_left == 0 {
                    event = self.record_ends(event);
                }
            }
            if event.is_some() {
                break event;
            }
        };
        (bytes.len().saturating_sub(rest.len()), event)
    }

    /// Takes the first byte of `room`, or more if they carry no meaning.
    fn step(&mut self, byte: u8, room: &[u8]) -> (usize, Option<SplitEvent>) {
        if self.state == State::Hunt && self.reads_lines() {
            let text = self.heads.text(room);
            if let Some(text) = room.get(..text).filter(|text| !text.is_empty()) {
                self.remember(text);
                return (text.len(), None);
            }
        }
        let passed = self.meaningless(byte, room);
        if let Some(passed) = room.get(..passed).filter(|passed| !passed.is_empty()) {
            self.remember(passed);
            match self.state {
                State::Segment { code, left } => {
                    self.head.take(passed);
                    self.segment(code, left.saturating_sub(passed.len() as u16));
                }
                State::Header { left } => {
                    self.head.take(passed);
                    self.header(left.saturating_sub(passed.len() as u32));
                }
                State::Skip { left } => match left.saturating_sub(passed.len() as u64) {
                    0 => self.state = CHUNK,
                    left => self.state = State::Skip { left },
                },
                State::Length { seen, .. } => self.state = State::Length { seen, padded: true },
                _ => {}
            }
            return (passed.len(), None);
        }
        self.offset = self.offset.saturating_add(1);
        (1, self.byte(byte))
    }

    /// How many bytes the state may pass at once.
    fn meaningless(&self, byte: u8, room: &[u8]) -> usize {
        match self.state {
            // A segment may have swallowed the beginning of a start.
            State::Entropy | State::Marker if self.may_start(byte) => 0,
            State::Entropy => match self.delimiter().and_then(<[u8]>::first) {
                None => pass(room, [0xFF; 2], is_marker),
                Some(&first) => pass(room, [0xFF, b'\n'], |a, b| is_marker(a, b) | (a == b'\n') & (b == first)),
            },
            State::Marker => pass(room, [0xFF; 2], is_marker),
            // Fill bytes.
            State::Code | State::EntropyCode => run_of(0xFF, room),
            State::Segment { code, left } => {
                let segment = room.get(..usize::from(left)).unwrap_or(room);
                match self.may_be_cut(code) {
                    true if self.may_start(byte) => 0,
                    true => pass(segment, [0xFF; 2], is_start),
                    false => segment.len(),
                }
            }
            State::Header { left } => room.len().min(left as usize),
            State::Skip { left } => room.len().min(usize::try_from(left).unwrap_or(usize::MAX)),
            State::Length { seen: 0, .. } | State::Chunk { seen: 0, .. } => run_of(0, room),
            // The bytes before must not be the beginning of a frame.
            State::HuntRecord | State::Hunt if self.may_start(byte) => 0,
            State::HuntRecord => pass_to_start(room),
            // These are the first bytes of an AVI file.
            State::Hunt if self.format.is_none() && self.offset < RIFF_LEN => 0,
            State::Hunt if self.has_records() => pass(room, [0xFF; 2], is_start),
            State::Hunt if self.heads.is_noise() => {
                pass(room, [0xFF, b'\n'], |a, b| is_start(a, b) | (a == b'\n') & Heads::may_begin_line(b))
            }
            _ => 0,
        }
    }

    fn byte(&mut self, byte: u8) -> Option<SplitEvent> {
        self.last = self.last << 8 | u128::from(byte);
        self.state = match self.state {
            State::Length { .. } if matches!(byte, b'\r' | b'\n' | 0) => State::Length { seen: 0, padded: true },
            State::Length { seen, .. } if byte == 0xFF => return self.record_starts(seen),
            State::Length { seen, .. } if seen >= LONGEST_LENGTH => return self.damage(State::HuntRecord),
            State::Length { seen, padded } => State::Length { seen: seen.saturating_add(1), padded },
            State::RecordStart { seen: 1 } if byte == marker::SOI => State::RecordStart { seen: 2 },
            State::RecordStart { seen: 2 } => return Some(self.frame_starts()),
            State::RecordStart { .. } => {
                // If the length leads to something else, it is wrong.
                self.record_left = 0;
                return self.damage(State::HuntRecord);
            }
            State::Chunk { seen, garbage } => return self.chunk(seen, garbage),
            State::HuntRecord => return self.hunt_record(),
            State::Hunt => return self.hunt(byte),

            // A frame that broke off inside a segment may have swallowed the SOI.
            State::Marker | State::Entropy if self.is_start() => return self.next_frame(),
            State::Marker if byte == 0xFF => State::Code,
            // Decoders look for the next marker, and so does this.
            State::Marker => State::Marker,
            State::Code => return self.code(byte),
            State::LengthHigh { code } => State::LengthLow { code, high: byte },
            State::LengthLow { code, high } => {
                // Some writers give a length of 0 to a segment without content.
                self.head.clear();
                self.segment(code, u16::from_be_bytes([high, byte]).saturating_sub(2));
                return None;
            }
            State::Segment { code, left } => {
                if self.may_be_cut(code) && self.is_start() {
                    return self.next_frame();
                }
                self.head.take(&[byte]);
                self.segment(code, left.saturating_sub(1));
                return None;
            }

            State::Entropy | State::Delimiter { .. } if byte == 0xFF => State::EntropyCode,
            State::Entropy | State::Delimiter { .. } if byte == b'\n' && self.delimiter().is_some() => {
                let has_return = self.last >> 8 & 0xFF == u128::from(b'\r');
                State::Delimiter { matched: 0, line_end: if has_return { 2 } else { 1 } }
            }
            State::Delimiter { matched, line_end } => return self.delimiter_goes_on(byte, matched, line_end),
            State::Entropy => State::Entropy,
            State::EntropyCode => return self.entropy_code(byte),
            State::NextStart if byte == 0xFF => return self.next_frame(),
            State::NextStart if self.picture.has_scan => State::Entropy,
            State::NextStart => State::Marker,
            State::Again { .. } | State::Delimited { .. } | State::Header { .. } | State::Skip { .. } => self.state,
        };
        None
    }

    /// Behind a marker's FF in the headers, or between scans.
    fn code(&mut self, code: u8) -> Option<SplitEvent> {
        self.state = match code {
            0xFF => State::Code,
            marker::SOI => State::NextStart,
            // A scan's height (DNL), a comment or the like ends here.
            marker::EOI if self.picture.has_scan => return Some(self.frame_ends(0, true)),
            // Tables without a picture.
            marker::EOI => {
                self.state = self.behind_frame();
                self.forget();
                return Some(SplitEvent::Passed);
            }
            // These have no length, or are no markers.
            0x00..=0xBF | marker::RST0..=marker::RST7 => State::Marker,
            _ => State::LengthHigh { code },
        };
        None
    }

    fn entropy_code(&mut self, code: u8) -> Option<SplitEvent> {
        self.state = match code {
            0xFF => State::EntropyCode,
            marker::SOI => State::NextStart,
            marker::EOI => return Some(self.frame_ends(0, true)),
            marker::DHT | marker::DAC | marker::SOS..=marker::DRI | marker::EXP..=marker::APP15 | marker::COM => {
                State::LengthHigh { code }
            }
            // These are stuffing, restart markers, and remains of damage.
            _ => State::Entropy,
        };
        None
    }

    /// So many bytes of a segment are left.
    fn segment(&mut self, code: u8, left: u16) {
        if left > 0 {
            self.state = State::Segment { code, left };
            return;
        }
        match code {
            marker::DHT | marker::JPG | marker::DAC => {}
            marker::SOF0..=marker::SOF15 => self.picture.frame_header(self.head.bytes()),
            APP2 => self.picture.application2(self.head.bytes()),
            _ => {}
        }
        self.picture.has_scan |= code == marker::SOS;
        self.state = if code == marker::SOS { State::Entropy } else { State::Marker };
    }

    /// Whether the start of a frame inside such a segment shows that the frame broke off. Thumbnails are in APPn before the scan.
    fn may_be_cut(&self, code: u8) -> bool {
        self.picture.has_scan || !matches!(code, marker::APP0..=marker::APP15 | marker::COM)
    }

    /// FF D8 FF was read inside a frame.
    fn next_frame(&mut self) -> Option<SplitEvent> {
        let (mut back, mut record_left) = (3, self.record_left.saturating_sub(1));
        if self.record_left == 0
            && let Some((head, length)) = self.record_before_start()
        {
            (back, record_left) = (head, length.saturating_sub(3));
        }
        let event = if self.picture.has_scan { self.frame_ends(back, false) } else { SplitEvent::Damage };
        (self.state, self.last) = (State::Again { back, record_left }, START);
        Some(event)
    }

    /// The first FF D8 FF of all.
    fn recognise(&mut self) -> SplitEvent {
        let record = self.record_before_start();
        self.format = Some(match record {
            Some(_) => Format::Lab,
            None if self.heads.next_part().has_fields() => Format::Multipart,
            None => Format::Raw,
        });
        match record {
            Some((back, length)) => {
                self.beginning = self.offset.saturating_sub(back.into());
                self.record_starts_here(back, length.saturating_sub(3))
            }
            None => {
                let event = self.frame_starts();
                self.beginning = if self.format == Some(Format::Raw) { self.start } else { 0 };
                event
            }
        }
    }

    fn hunt(&mut self, byte: u8) -> Option<SplitEvent> {
        if !self.has_records() {
            self.heads.byte(byte);
        }
        if self.may_begin() {
            return Some(if self.format.is_none() { self.recognise() } else { self.frame_starts() });
        }
        if self.format.is_none() && self.offset == RIFF_LEN {
            let [.., r, i, f, f2, _, _, _, _, a, v, i2, space] = self.last.to_be_bytes();
            if [r, i, f, f2, a, v, i2, space] == *b"RIFFAVI " {
                self.format = Some(Format::Avi);
                self.state = CHUNK;
            }
        }
        None
    }

    /// Multipart: in a line that may be a delimiter.
    fn delimiter_goes_on(&mut self, byte: u8, matched: u8, line_end: u8) -> Option<SplitEvent> {
        let delimiter = self.delimiter().unwrap_or(&[]);
        if delimiter.get(usize::from(matched)) != Some(&byte) {
            self.state = State::Entropy;
            return None;
        }
        let matched = matched.saturating_add(1);
        if usize::from(matched) < delimiter.len() {
            self.state = State::Delimiter { matched, line_end };
            return None;
        }
        let event = self.frame_ends(matched.saturating_add(line_end), false);
        self.state = State::Delimited { back: matched };
        Some(event)
    }

    fn frame_starts(&mut self) -> SplitEvent {
        self.start = self.offset.saturating_sub(3);
        self.record_frames = self.record_frames.saturating_add(1);
        self.several |= self.record_left > 0 && self.record_frames > 1;
        self.picture = Picture::new(self.start == 0 && self.is_start());
        self.heads.part_begins();
        self.state = if self.last & 0xFF == 0xFF { State::Code } else { State::Marker };
        SplitEvent::Start
    }

    /// The frame ended so many bytes ago.
    fn frame_ends(&mut self, ago: u8, has_end: bool) -> SplitEvent {
        self.state = self.behind_frame();
        self.forget();
        // Noise may have the markers of a scan.
        if !self.picture.has_frame_header() {
            return SplitEvent::Damage;
        }
        match self.previews.is_preview(self.picture) {
            true => SplitEvent::Passed,
            false => SplitEvent::End { ago, has_end },
        }
    }

    fn behind_frame(&self) -> State {
        if self.has_records() && self.record_left == 0 { self.between_records() } else { State::Hunt }
    }

    fn damage(&mut self, next: State) -> Option<SplitEvent> {
        self.state = next;
        Some(SplitEvent::Damage)
    }

    fn has_records(&self) -> bool {
        matches!(self.format, Some(Format::Lab | Format::Avi))
    }

    fn between_records(&self) -> State {
        if self.format == Some(Format::Avi) { CHUNK } else { LENGTH }
    }

    /// What ends a frame of a multipart stream that lacks its end.
    fn delimiter(&self) -> Option<&[u8]> {
        if self.has_records() { None } else { self.heads.part().delimiter() }
    }

    /// Whether the bytes between two frames may be the lines of a part's head. The first bytes may be something else.
    fn reads_lines(&self) -> bool {
        !self.has_records() && !self.heads.is_noise() && (self.format.is_some() || self.offset >= RIFF_LEN)
    }

    fn remember(&mut self, passed: &[u8]) {
        self.offset = self.offset.saturating_add(passed.len() as u64);
        match passed.last_chunk::<16>() {
            Some(last) => self.last = u128::from_be_bytes(*last),
            None => passed.iter().for_each(|&byte| self.last = self.last << 8 | u128::from(byte)),
        }
    }

    fn is_start(&self) -> bool {
        self.last & 0xFF_FFFF == START
    }

    /// Whether the bytes before this one and it may be the beginning of a frame.
    fn may_start(&self, byte: u8) -> bool {
        (self.last & 0xFF == 0xFF && byte == marker::SOI) || self.last & 0xFFFF == START >> 8
    }

    /// Whether a frame begins three bytes ago. Where one is expected, right behind another or behind a part's head, no marker
    /// need follow SOI; elsewhere SOI alone is too short to be told from noise.
    fn may_begin(&self) -> bool {
        let before = self.last >> 24;
        let is_expected = before == 0 || (before & 0xFF == u128::from(b'\n') && self.heads.next_part().has_fields());
        self.is_start() || (self.last >> 8 & 0xFFFF == START >> 8 && is_expected && self.offset >= 3)
    }
}

/// SOI and the FF of the marker that must follow it.
const START: u128 = 0xFF_D8FF;
/// Second byte of the marker of Multi-Picture Format segments, and of colour profiles.
const APP2: u8 = 0xE2;
/// The bytes that tell an AVI file.
const RIFF_LEN: u64 = 12;
/// Whether files that begin so are known to be something else, which may have pictures in it nevertheless.
pub(super) fn is_foreign(bytes: &[u8]) -> bool {
    const NAMES: [&[u8]; 10] = [
        b"%PDF",
        b"PK\x03\x04",
        b"\x89PNG",
        b"GIF8",
        b"\x1A\x45\xDF\xA3",
        b"OggS",
        b"ID3",
        b"fLaC",
        b"7z\xBC\xAF",
        b"\x7FELF",
    ];
    let is_iso_media =
        bytes.get(4..8).is_some_and(|kind| matches!(kind, b"ftyp" | b"moov" | b"mdat" | b"wide" | b"free"));
    let is_other_riff = bytes.starts_with(b"RIFF") && bytes.get(8..12).is_some_and(|kind| kind != b"AVI ");
    is_iso_media || is_other_riff || NAMES.iter().any(|name| bytes.starts_with(name))
}

#[cfg(test)]
mod tests;
