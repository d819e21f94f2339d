//! Finds where the frames of a file, or of a live stream, start and end, from its bytes as they come.

mod dialects;
mod find;
mod format;
mod head;
mod passing;
mod preview;
mod records;
mod state;

use self::dialects::{Last, Parts};
use self::find::Runs;
use self::head::Head;
use self::preview::{Picture, Previews};
use self::records::{LONGEST_LENGTH, Next, record_length};
use self::state::{CHUNK, LENGTH, State};
use super::avi::{Action, Chunks};
use super::multipart::{Heads, Part};
use crate::jpeg::marker;

pub use self::dialects::{Dialects, Every, LabAndRaw, OnlyRaw};
pub use self::format::Format;
pub(super) use self::{
    dialects::Slot,
    format::is_foreign,
    records::DIGITS,
    state::{Place, SplitEvent},
};

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
        let mut splitter = Splitter::<Every>::new(None, u64::MAX);
        let mut rest = bytes.get(..Self::DETECT_LEN).unwrap_or(bytes);
        while !rest.is_empty() && splitter.detected().is_none() {
            let (taken, _) = splitter.feed(rest);
            rest = rest.get(taken..)?;
        }
        splitter.detected()
    }
}

/// Reads bytes without keeping them, so that they may come in pieces of any size.
///
/// Inside a frame it goes from marker segment to marker segment and from scan to scan. So it does not mistake thumbnails inside
/// APPn for frames. Elsewhere it looks for runs of bytes that mean something, and passes the others without a look at each.
///
/// Right behind a frame it takes SOI for the next one. Where it has looked for a while, or has taken an SOI in vain, it is lost:
/// then a marker and the beginning of its segment must be behind SOI too, and lines are read only where they stand right before
/// that. So it passes junk quickly, whatever that is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Splitter<D: Parts> {
    /// `None`: the first frame tells.
    format: Option<Format>,
    state: State,
    /// The place in the file of the next byte to be fed.
    offset: u64,
    /// The place in the file where the last frame began.
    start: u64,
    /// The file's length. It shows which records cannot exist.
    file_len: u64,
    /// Lab and AVI: the record that is being read.
    record: Record,
    /// The last bytes fed, with zeros for those before the last place.
    last: D::Last,
    /// The last place, or where the search for a frame began otherwise.
    hunted_from: u64,
    runs: Runs,
    head: Head,
    picture: Picture,
    previews: Previews,
    heads: D::Heads,
    chunks: D::Chunks,
    /// Where the first frame or its record begins, if that is not the beginning of the file.
    beginning: u64,
}

/// What is known of a record, or a chunk of pictures.
#[derive(Clone, Copy, Debug, Default)]
struct Record {
    /// The number of its bytes that have not been fed yet; 0 where there is no record, or its length is unknown.
    left: u32,
    /// The number of frames that began in it.
    frames: u32,
    /// Of all so far: one had several frames.
    several: bool,
}

impl<D: Parts> Splitter<D> {
    pub(super) fn new(format: Option<Format>, file_len: u64) -> Self {
        let mut splitter = Self {
            format,
            state: State::Hunt,
            offset: 0,
            start: 0,
            file_len,
            record: Record::default(),
            last: D::Last::default(),
            hunted_from: 0,
            runs: Runs::default(),
            head: Head::new(),
            picture: Picture::default(),
            previews: Previews::default(),
            heads: D::Heads::default(),
            chunks: D::Chunks::default(),
            beginning: 0,
        };
        splitter.resume(Place::default());
        splitter
    }

    /// Starts between two frames.
    pub(super) fn resume(&mut self, place: Place) {
        self.offset = place.offset;
        self.record.left = place.record_left;
        self.record.frames = u32::from(place.record_left != 0);
        self.previews = place.previews;
        if let Some(chunks) = self.chunks.get_mut() {
            chunks.resume(place.chunks);
        }
        self.state = match self.format {
            Some(_) if self.has_records() && place.record_left == 0 => self.between_records(),
            _ => State::Hunt,
        };
        self.forget();
    }

    /// Forgets the bytes before this one, as a splitter that resumes here does not know them either.
    fn forget(&mut self) {
        self.last = D::Last::default();
        self.hunted_from = self.offset;
        if let Some(heads) = self.heads.get_mut() {
            heads.reset();
        }
    }

    /// The place of the first frame.
    pub(super) fn beginning(&self) -> Place {
        Place::at(self.beginning)
    }

    /// The place where the next frame may begin, if [`resume`](Self::resume) can lead back there.
    pub(super) fn place(&self) -> Option<Place> {
        let (back, record_left) = match self.state {
            State::Length { seen: 0, .. } | State::Chunk { seen: 0, garbage: 0 } => (0, 0),
            State::Hunt if self.is_lost() => return None,
            State::Hunt if !self.has_records() || self.record.frames > 0 => (0, self.record.left),
            State::Again { back: 3, record_left } if record_left > 0 => (3, record_left.saturating_add(3)),
            State::Again { back, .. } | State::Delimited { back } => (back, 0),
            _ => return None,
        };
        let offset = self.offset.saturating_sub(back.into());
        Some(Place { offset, record_left, previews: self.previews, chunks: self.count() })
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
            Format::Avi => self.chunks().is_some_and(|chunks| chunks.has_video() && chunks.has_pictures()),
            Format::Raw | Format::Multipart => {
                self.picture.is_first
                    || self.part().is_some_and(Part::has_fields)
                    || (self.picture.has_scan && self.picture.has_frame_header())
            }
        };
        is_certain.then_some(format)
    }

    /// Whether this is an AVI file whose pictures are no JPEGs.
    pub(super) fn is_other_video(&self) -> bool {
        self.is_avi() && self.chunks().is_some_and(|chunks| chunks.has_pictures() && !chunks.has_video())
    }

    pub(super) fn chunks(&self) -> Option<&Chunks> {
        self.chunks.get()
    }

    fn count(&self) -> u32 {
        self.chunks().map_or(0, |chunks| chunks.count)
    }

    /// What the lines before the last frame told.
    pub(super) fn part(&self) -> Option<&Part> {
        self.heads.get().map(Heads::part)
    }

    fn next_has_fields(&self) -> bool {
        self.heads.get().is_some_and(|heads| heads.next_part().has_fields())
    }

    /// How many bytes of the last frame, which has not ended, have been fed.
    pub(super) fn since_start(&self) -> u64 {
        self.offset.saturating_sub(self.start)
    }

    /// Whether the last frame is not the first of its record.
    pub(super) fn is_second(&self) -> bool {
        self.record.frames > 1
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
        // The next part ended the frame, but its head was not seen because no delimiter is known.
        let part = self.part().filter(|part| !has_end && part.delimiter().is_none());
        match part.and_then(Part::length).map(u64::from) {
            Some(told) if len.saturating_sub(told) <= LONGEST_HEAD => len.min(told),
            _ => len,
        }
    }

    /// Whether the bytes fed last belong to a frame.
    pub(super) fn is_in_frame(&self) -> bool {
        self.state.is_in_frame()
    }

    /// Bytes without a meaning that come next. They may be left out with [`skip`](Self::skip).
    pub(super) fn skippable(&self) -> u64 {
        match self.state {
            State::Skip { left } => left.into(),
            _ => 0,
        }
    }

    /// Passes the [skippable](Self::skippable) bytes without seeing them.
    pub(super) fn skip(&mut self) {
        self.offset = self.offset.saturating_add(self.skippable());
        self.chunk_follows();
    }

    /// Between two chunks. What was before is forgotten, as bytes that were skipped are not known either: a picture's first bytes are not
    /// half there and half here.
    fn chunk_follows(&mut self) {
        self.state = CHUNK;
        self.last = D::Last::default();
    }

    /// Whether the next byte is the first of a record's length and each record so far held one frame.
    pub(super) fn may_hop(&self) -> bool {
        self.state == LENGTH && !self.record.several
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
            _ if self.record.left > 0 => Some((self.record.left as usize).saturating_add(CHUNK_HEAD)),
            _ => None,
        }
    }

    /// Call it at the file's end. Whether that ends a frame.
    pub(super) fn end_of_file(&mut self) -> Option<SplitEvent> {
        let event = match () {
            () if self.is_in_frame() && self.picture.has_scan => Some(self.frame_ends(0, false)),
            () if self.is_in_frame() || self.record.left > 0 => Some(SplitEvent::Damage),
            () => None,
        };
        self.record.left = 0;
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
        self.runs = Runs::default();
        let event = loop {
            match self.state {
                State::Again { back, record_left } => break Some(self.record_starts_here(back, record_left)),
                State::Delimited { back } => {
                    if let Some(heads) = self.heads.get_mut() {
                        heads.delimiter_was_read();
                    }
                    self.hunted_from = self.offset.saturating_sub(back.into());
                    self.state = State::Hunt;
                }
                _ => {}
            }
            let Some(&byte) = rest.first() else { break None };
            let is_in_record = self.record.left > 0;
            let room = if is_in_record { rest.len().min(self.record.left as usize) } else { rest.len() };
            let (taken, mut event) = self.step(byte, rest.get(..room).unwrap_or(rest));
            rest = rest.get(taken..).unwrap_or(&[]);
            if is_in_record {
                self.record.left = self.record.left.saturating_sub(taken as u32);
                if self.record.left == 0 {
                    event = self.record_ends(event);
                }
            }
            if event.is_some() {
                break event;
            }
        };
        (bytes.len().saturating_sub(rest.len()), event)
    }

    fn byte(&mut self, byte: u8) -> Option<SplitEvent> {
        self.last.push(byte);
        self.state = match self.state {
            State::Length { .. } if matches!(byte, b'\r' | b'\n' | 0) => State::Length { seen: 0, padded: true },
            State::Length { seen, .. } if byte == 0xFF => return self.record_starts(seen),
            State::Length { seen, .. } if seen >= LONGEST_LENGTH => return self.damage(State::HuntRecord),
            State::Length { seen, padded } => State::Length { seen: seen.saturating_add(1), padded },
            State::RecordStart { seen: 1 } if byte == marker::SOI => State::RecordStart { seen: 2 },
            State::RecordStart { seen: 2 } => return Some(self.frame_starts(3)),
            State::RecordStart { .. } => {
                // If the length leads to something else, it is wrong.
                self.record.left = 0;
                return self.damage(State::HuntRecord);
            }
            State::Chunk { seen, garbage } => return self.chunk_byte(seen, garbage),
            State::HuntRecord => return self.hunt_record(),
            State::Hunt => return self.hunt(byte),

            // A frame that broke off inside a segment may have swallowed the SOI.
            State::Marker | State::Entropy if self.is_start() => return self.next_frame(),
            State::Marker if byte == 0xFF => State::Code,
            // Decoders look for the next marker, and so does this.
            State::Marker => State::Marker,
            State::Code => return self.code(byte),
            State::LengthHigh { code } => {
                self.picture.has_segments = true;
                State::LengthLow { code, high: byte }
            }
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
                let has_return = self.last.bytes() >> 8 & 0xFF == u128::from(b'\r');
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
                match self.picture.has_segments || self.has_records() {
                    true => self.forget(),
                    false => self.get_lost(),
                }
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
        let has_begun = if self.record.left > 0 { self.picture.has_segments } else { self.picture.has_scan };
        if !has_begun && (self.record.left > 0 || !self.has_records()) {
            // One SOI behind another, and nothing between them: neither may be one.
            self.get_lost();
            return self.damage(State::Hunt);
        }
        let (mut back, mut record_left) = (3, self.record.left.saturating_sub(1));
        if self.record.left == 0
            && let Some((head, length)) = self.record_before(3)
        {
            (back, record_left) = (head, length.saturating_sub(3));
        }
        let event = if self.picture.has_scan { self.frame_ends(back, false) } else { SplitEvent::Damage };
        self.state = State::Again { back, record_left };
        self.last = D::Last::default();
        [0xFF, marker::SOI, 0xFF].into_iter().for_each(|byte| self.last.push(byte));
        Some(event)
    }

    /// The first frame of all, whose first `seen` bytes were read.
    fn recognise(&mut self, seen: u8) -> SplitEvent {
        let record = self.record_before(seen);
        self.format = Some(match record {
            Some(_) => Format::Lab,
            None if self.next_has_fields() => Format::Multipart,
            None => Format::Raw,
        });
        match record {
            Some((back, length)) => {
                self.beginning = self.offset.saturating_sub(back.into());
                (self.record.frames, self.record.left) = (0, length.saturating_sub(seen.into()));
                self.frame_starts(seen)
            }
            None => {
                let event = self.frame_starts(seen);
                self.beginning = if self.format == Some(Format::Raw) { self.start } else { 0 };
                event
            }
        }
    }

    fn hunt(&mut self, byte: u8) -> Option<SplitEvent> {
        if !self.has_records()
            && let Some(heads) = self.heads.get_mut()
        {
            heads.byte(byte);
        }
        if let Some(seen) = self.begun() {
            let event = if self.format.is_none() { self.recognise(seen) } else { self.frame_starts(seen) };
            if seen == PICTURE {
                // It is certain, and two bytes more of it are known.
                let [.., code, length] = self.last.bytes().to_be_bytes();
                self.state = State::Code;
                let _ = self.code(code);
                if code == 0xFF {
                    let _ = self.code(length);
                } else {
                    self.picture.has_segments = true;
                    self.state = State::LengthLow { code, high: length };
                }
            }
            return Some(event);
        }
        if D::Chunks::EXISTS && self.format.is_none() && self.offset == RIFF_LEN {
            let [.., r, i, f, f2, _, _, _, _, a, v, i2, space] = self.last.bytes().to_be_bytes();
            if [r, i, f, f2, a, v, i2, space] == *b"RIFFAVI " {
                self.format = Some(Format::Avi);
                self.state = CHUNK;
            }
        }
        None
    }

    /// The length of what stands before these bytes of a record and of them, and the record's length; if it is one.
    fn record_before(&self, seen: u8) -> Option<(u8, u32)> {
        let content = self.offset.checked_sub(seen.into())?;
        let fits = |length: &u32| content.saturating_add(u64::from(*length)) <= self.file_len;
        let before = self.last.bytes().checked_shr(u32::from(seen).saturating_mul(8))?;
        let (head, length) = match (self.format, self.chunks()) {
            (Some(Format::Avi), Some(chunks)) => records::chunk(before, chunks, fits)?,
            (Some(Format::Lab) | None, _) if D::LAB => records::lab_record(before, fits)?,
            _ => return None,
        };
        Some((head.saturating_add(seen), length))
    }

    /// A record, or a frame of unknown length, begins: its FF D8 FF was read.
    fn record_starts_here(&mut self, back: u8, record_left: u32) -> SplitEvent {
        if back > 3 || record_left == 0 {
            self.record.frames = 0;
            if let Some(chunks) = self.chunks.get_mut() {
                chunks.picture_begins();
            }
        }
        self.record.left = record_left;
        self.frame_starts(3)
    }

    /// Lab and AVI: looks for the head of a record and FF D8 FF. Without its head this may be a thumbnail.
    fn hunt_record(&mut self) -> Option<SplitEvent> {
        if !self.is_start() {
            return None;
        }
        let (back, length) = self.record_before(3)?;
        Some(self.record_starts_here(back, length.saturating_sub(3)))
    }

    /// Lab: an FF was read behind so many characters of a length.
    fn record_starts(&mut self, seen: u8) -> Option<SplitEvent> {
        let length = records::told(seen, self.last.bytes() >> 8);
        self.start = self.offset.saturating_sub(1);
        (self.record.left, self.record.frames) = (0, 0);
        self.state = State::RecordStart { seen: 1 };
        match length {
            Some(length) if self.start.saturating_add(length.into()) <= self.file_len => {
                self.record.left = length.saturating_sub(1);
                None
            }
            Some(_) => Some(SplitEvent::Beyond),
            None => Some(SplitEvent::Damage),
        }
    }

    /// AVI: another byte of a chunk's head was read behind `seen`.
    fn chunk_byte(&mut self, seen: u8, garbage: u8) -> Option<SplitEvent> {
        let is_start = self.is_start();
        let (last, is_even) = (self.last.bytes(), self.offset.is_multiple_of(2));
        let chunks = self.chunks.get_mut()?;
        // The length of the chunk before was never written, or this is what a lost chunk left.
        if seen <= 3 && is_start && chunks.has_video() {
            return Some(self.record_starts_here(3, 0));
        }
        match records::chunk_byte(seen, garbage, last, is_even, chunks) {
            Next::State(state) => self.state = state,
            Next::Content(action, size) => return self.chunk_starts(action, size),
            Next::Damage => return self.damage(State::HuntRecord),
        }
        None
    }

    /// AVI: a chunk's head was read, and so much content follows.
    fn chunk_starts(&mut self, action: Action, size: u32) -> Option<SplitEvent> {
        let fits = self.offset.saturating_add(size.into()) <= self.file_len;
        match action {
            Action::ReadType => self.state = State::Chunk { seen: 8, garbage: 0 },
            Action::Enter => self.chunk_follows(),
            Action::Picture if fits => {
                (self.record.left, self.record.frames) = (size, 0);
                self.forget();
                self.state = State::Hunt;
            }
            Action::Picture => {
                // What begins there is read anyway.
                if let Some(chunks) = self.chunks.get_mut() {
                    chunks.close();
                }
                self.start = self.offset;
                self.chunk_follows();
                return Some(SplitEvent::Beyond);
            }
            _ if size == 0 => self.chunk_follows(),
            _ if !fits => return self.damage(State::HuntRecord),
            Action::ReadHeader => {
                self.head.clear();
                self.state = State::Header { left: size };
            }
            Action::Skip => self.state = State::Skip { left: size },
        }
        None
    }

    /// AVI: so many bytes of a header are left.
    fn header(&mut self, left: u32) {
        self.state = State::Header { left };
        if left == 0 {
            if let Some(chunks) = self.chunks.get_mut() {
                chunks.header(self.head.bytes());
            }
            self.chunk_follows();
        }
    }

    /// A record's last byte was taken. Combines that with the byte's own event.
    fn record_ends(&mut self, event: Option<SplitEvent>) -> Option<SplitEvent> {
        let is_complete = self.state == State::Hunt && self.record.frames > 0;
        let event = match event {
            // If EOI is missing, the record's length decides.
            None if self.is_in_frame() && self.picture.has_scan => Some(self.frame_ends(0, false)),
            None if is_complete => None,
            None | Some(SplitEvent::Start) => Some(SplitEvent::Damage),
            event => event,
        };
        // The record may have been given up before its end.
        if self.state != State::HuntRecord {
            self.state = self.between_records();
        }
        // A splitter that resumes here has not seen the bytes before either.
        self.forget();
        self.previews = Previews::default();
        event
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

    /// Its first `seen` bytes were read.
    fn frame_starts(&mut self, seen: u8) -> SplitEvent {
        self.start = self.offset.saturating_sub(seen.into());
        self.record.frames = self.record.frames.saturating_add(1);
        self.record.several |= self.record.left > 0 && self.record.frames > 1;
        self.picture = Picture::new(self.start == 0 && self.is_start());
        if let Some(heads) = self.heads.get_mut() {
            heads.part_begins();
        }
        self.state = if self.last.bytes() & 0xFF == 0xFF { State::Code } else { State::Marker };
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
        if self.has_records() && self.record.left == 0 { self.between_records() } else { State::Hunt }
    }

    fn damage(&mut self, next: State) -> Option<SplitEvent> {
        self.state = next;
        Some(SplitEvent::Damage)
    }

    fn has_records(&self) -> bool {
        (D::LAB && self.format == Some(Format::Lab)) || self.is_avi()
    }

    fn is_avi(&self) -> bool {
        D::Chunks::EXISTS && self.format == Some(Format::Avi)
    }

    fn between_records(&self) -> State {
        if self.is_avi() { CHUNK } else { LENGTH }
    }

    /// What ends a frame of a multipart stream that lacks its end.
    fn delimiter(&self) -> Option<&[u8]> {
        if self.has_records() { None } else { self.part()?.delimiter() }
    }

    /// Whether the bytes between two frames may be the lines of a part's head. The first bytes may be something else.
    fn reads_lines(&self) -> bool {
        self.heads.get().is_some_and(|heads| !heads.is_noise()) && (self.format.is_some() || self.offset >= RIFF_LEN)
    }

    fn remember(&mut self, passed: &[u8]) {
        self.offset = self.offset.saturating_add(passed.len() as u64);
        let kept = passed.get(passed.len().saturating_sub(16)..).unwrap_or(passed);
        kept.iter().for_each(|&byte| self.last.push(byte));
    }

    fn is_start(&self) -> bool {
        self.last.bytes() & 0xFF_FFFF == START
    }
}

/// So many bytes are certainly a picture's.
const PICTURE: u8 = 5;
/// So many bytes of a frame may be read before it is told that it began, without the last.
pub(super) const SEEN_LATE: usize = PICTURE as usize - 1;
/// SOI and the FF of the marker that must follow it.
const START: u128 = 0xFF_D8FF;
/// Second byte of the marker of Multi-Picture Format segments, and of colour profiles.
const APP2: u8 = 0xE2;
/// The bytes that tell an AVI file.
const RIFF_LEN: u64 = 12;
#[cfg(test)]
mod tests;
