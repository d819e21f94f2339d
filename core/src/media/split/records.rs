//! The heads of records: the lengths of the lab's format, and the chunks of AVI.

use super::preview::Previews;
use super::{Action, Chunks, DIGITS, Format, SplitEvent, Splitter, State};

/// Between two chunks.
pub(super) const CHUNK: State = State::Chunk { seen: 0, garbage: 0 };
/// Between two records of the lab's format.
pub(super) const LENGTH: State = State::Length { seen: 0, padded: false };
/// A chunk's head and FF D8 FF.
const CHUNK_BEFORE_START: u8 = 11;
/// A record's length and FF D8 FF.
const SHORT_BEFORE_START: u8 = 3 + DIGITS as u8;
const LONG_BEFORE_START: u8 = 3 + LONG_DIGITS;
/// So many bytes between two chunks are passed without being called damage.
const MOST_GARBAGE: u8 = 32;
/// The number of characters of a long length.
const LONG_DIGITS: u8 = 10;
/// More characters are no length.
pub(super) const LONGEST_LENGTH: u8 = 16;

impl Splitter {
    /// The head of the record that begins with FF D8 FF, and its length, where these three bytes were read last.
    ///
    /// ```text
    ///  last:            d  d d d d d FF D8 FF
    ///          0  0  d  c  n n n n FF D8 FF
    /// ```
    pub(super) fn record_before_start(&self) -> Option<(u8, u32)> {
        let content = self.offset.checked_sub(3)?;
        let [.., a, b, c, d, e, f, g, h, _, _, _] = self.last.to_be_bytes();
        let fits = |length: &u32| content.saturating_add(u64::from(*length)) <= self.file_len;
        match self.format {
            Some(Format::Avi) if self.chunks.is_picture([a, b, c, d]) => {
                let length = u32::from_le_bytes([e, f, g, h]);
                // Where the length was never written, the picture itself tells it.
                Some((CHUNK_BEFORE_START, if length > 3 && fits(&length) { length } else { 3 }))
            }
            Some(Format::Lab) | None => {
                let digits = self.last >> 24;
                if let Some(length) = long_record_length(digits).filter(fits) {
                    return Some((LONG_BEFORE_START, length));
                }
                Some((SHORT_BEFORE_START, record_length([d, e, f, g, h]).filter(fits)?))
            }
            _ => None,
        }
    }

    /// A record, or a frame of unknown length, begins: its FF D8 FF was read.
    pub(super) fn record_starts_here(&mut self, back: u8, record_left: u32) -> SplitEvent {
        if back == CHUNK_BEFORE_START || record_left == 0 {
            self.chunks.picture_begins();
        }
        if back > 3 || record_left == 0 {
            self.record_frames = 0;
        }
        self.record_left = record_left;
        self.frame_starts()
    }

    /// Lab and AVI: looks for the head of a record and FF D8 FF. Without its head this may be a thumbnail.
    pub(super) fn hunt_record(&mut self) -> Option<SplitEvent> {
        if !self.is_start() {
            return None;
        }
        let (back, length) = self.record_before_start()?;
        Some(self.record_starts_here(back, length.saturating_sub(3)))
    }

    /// Lab: an FF was read behind so many characters of a length.
    pub(super) fn record_starts(&mut self, seen: u8) -> Option<SplitEvent> {
        let before = self.last >> 8;
        let [.., a, b, c, d, e] = before.to_be_bytes();
        let length = match seen {
            LONG_DIGITS.. => long_record_length(before).or_else(|| record_length([a, b, c, d, e])),
            5.. => record_length([a, b, c, d, e]),
            _ => None,
        };
        self.start = self.offset.saturating_sub(1);
        (self.record_left, self.record_frames) = (0, 0);
        self.state = State::RecordStart { seen: 1 };
        match length {
            Some(length) if self.start.saturating_add(length.into()) <= self.file_len => {
                self.record_left = length.saturating_sub(1);
                None
            }
            Some(_) => Some(SplitEvent::Beyond),
            None => Some(SplitEvent::Damage),
        }
    }

    /// AVI: another byte of a chunk's head was read behind `seen`.
    pub(super) fn chunk(&mut self, seen: u8, garbage: u8) -> Option<SplitEvent> {
        let [.., p, q, r, s, t, u, v, w, a, b, c, d] = self.last.to_be_bytes();
        let next = |seen| State::Chunk { seen, garbage };
        self.state = match seen {
            // The length of the chunk before was never written, or this is what a lost chunk left.
            0..=3 if self.is_start() && self.chunks.has_video() => return Some(self.record_starts_here(3, 0)),
            3 => match Chunks::is_name([a, b, c, d], garbage == 0 && self.offset.is_multiple_of(2)) {
                true => next(4),
                false if garbage >= MOST_GARBAGE => return self.damage(State::HuntRecord),
                // An odd chunk may lack its padding, or have other padding than zeros.
                false => State::Chunk { seen, garbage: garbage.wrapping_add(1) },
            },
            7 => {
                let size = u32::from_le_bytes([a, b, c, d]);
                let action = self.chunks.open([t, u, v, w], size);
                return self.chunk_starts(action, size);
            }
            11 => {
                let size = u32::from_le_bytes([t, u, v, w]);
                let action = self.chunks.open_list([a, b, c, d]);
                let _ = [p, q, r, s];
                return self.chunk_starts(action, size.saturating_sub(4));
            }
            _ => next(seen.saturating_add(1)),
        };
        None
    }

    /// AVI: a chunk's head was read, and so much content follows.
    pub(super) fn chunk_starts(&mut self, action: Action, size: u32) -> Option<SplitEvent> {
        let fits = self.offset.saturating_add(size.into()) <= self.file_len;
        self.state = match action {
            Action::ReadType => State::Chunk { seen: 8, garbage: 0 },
            Action::Enter => CHUNK,
            Action::Picture if fits => {
                (self.record_left, self.record_frames) = (size, 0);
                State::Hunt
            }
            Action::Picture => {
                // What begins there is read anyway.
                self.chunks.close();
                (self.start, self.state) = (self.offset, CHUNK);
                return Some(SplitEvent::Beyond);
            }
            _ if size == 0 => CHUNK,
            _ if !fits => return self.damage(State::HuntRecord),
            Action::ReadHeader => {
                self.head.clear();
                State::Header { left: size }
            }
            Action::Skip => State::Skip { left: size.into() },
        };
        None
    }

    /// AVI: so many bytes of a header are left.
    pub(super) fn header(&mut self, left: u32) {
        self.state = State::Header { left };
        if left == 0 {
            self.chunks.header(self.head.bytes());
            self.state = CHUNK;
        }
    }

    /// A record's last byte was taken. Combines that with the byte's own event.
    pub(super) fn record_ends(&mut self, event: Option<SplitEvent>) -> Option<SplitEvent> {
        let is_complete = self.state == State::Hunt && self.record_frames > 0;
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
}

/// A record's length: digits with spaces before or behind them. A JPEG file has four bytes at least.
pub(super) fn record_length(characters: [u8; DIGITS]) -> Option<u32> {
    let is_space = |byte: &u8| *byte == b' ';
    let start = characters.iter().position(|byte| !is_space(byte))?;
    let end = characters.iter().rposition(|byte| !is_space(byte))?;
    number(characters.get(start..=end)?)
}

/// The same of ten digits, the last bytes of `before`.
fn long_record_length(before: u128) -> Option<u32> {
    let [_, _, _, _, _, _, digits @ ..] = before.to_be_bytes();
    number(&digits)
}

fn number(digits: &[u8]) -> Option<u32> {
    let number = digits.iter().try_fold(0_u32, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u32::from(digit.wrapping_sub(b'0')))?;
        number.checked_mul(10)?.checked_add(digit)
    })?;
    (number > 3).then_some(number)
}
