//! Where the frames of an MJPEG file start and end, found from its bytes as they come.

use crate::jpeg::marker;

/// How frames follow each other in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Format {
    /// Records: five ASCII decimal digits, which are a length, and that many bytes of JPEG.
    Lab,
    /// JPEGs one after another.
    Raw,
}

impl core::fmt::Display for Format {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Lab => "lab records",
            Self::Raw => "raw JPEGs",
        })
    }
}

impl Format {
    /// How many bytes [`detect`](Self::detect) looks at.
    pub const DETECT_LEN: usize = 7;

    /// Tells the formats apart by a file's first bytes; `None`: this is no MJPEG file.
    pub fn detect(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xFF, marker::SOI, 0xFF, ..] => Some(Self::Raw),
            [digits @ .., 0xFF, marker::SOI] if digits.len() == 5 && digits.iter().all(u8::is_ascii_digit) => {
                Some(Self::Lab)
            }
            [_, _, _, _, _, _, _, _, ..] => Self::detect(bytes.first_chunk::<{ Self::DETECT_LEN }>()?),
            _ => None,
        }
    }
}

/// Digits before each record.
pub(super) const DIGITS: usize = 5;

/// What [`Splitter::feed`] came upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A frame began three bytes ago, at [`Splitter::start`].
    Start,
    /// The frame ends here.
    End,
    /// The frame, which has no EOI, ended where the next one begins: three bytes ago. `Start` follows.
    EndBefore,
    /// Here, a frame is not what it should be, or a record's length is not. The search for the next one has begun.
    Damage,
    /// As `Damage`: the record's length points behind the end of the file.
    Beyond,
}

/// Walks a file's bytes without keeping them, so that they may come in pieces of any size.
///
/// Inside a frame it goes from marker segment to marker segment, which is what keeps thumbnails inside APPn from being
/// taken for frames, and from scan to scan. Only entropy-coded data is read byte by byte.
#[derive(Clone, Copy, Debug)]
pub(super) struct Splitter {
    format: Format,
    state: State,
    /// Where the next byte fed is in the file.
    offset: u64,
    /// Where the last frame began.
    start: u64,
    /// The file's length, to recognise records that cannot be.
    file_len: u64,
    /// Lab: bytes of the record that were not fed yet.
    record_left: u32,
    /// Lab: frames that began in this record.
    record_frames: u32,
    /// The last eight bytes fed; zeros for those that were passed without a look.
    last: u64,
    /// Lab: a record of several frames was met.
    several: bool,
    /// The frame had a scan: segments behind it may be its last.
    has_scan: bool,
    /// Raw: how the first frame ended, which says whether this file's writer leaves EOI out. Where it does not, a frame
    /// without one has broken off. Only the first counts, so that a file has the same frames however often it is read.
    has_ends: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Lab: `seen` digits of a length were read.
    Digits {
        seen: u8,
        length: u32,
    },
    /// Lab: at a record's first byte (0) or second (1), which must be SOI.
    RecordStart {
        seen: u8,
    },
    /// Lab: looking for five digits and a JPEG.
    HuntRecord,
    /// Looking for a JPEG; in the lab format within the record.
    Hunt,
    /// FF D8 FF was read where a frame should have gone on.
    Again,
    /// In the headers, before the FF of a marker.
    Marker,
    /// Behind the FF.
    Code,
    /// Before a segment's length; `scan` where it is SOS.
    LengthHigh {
        scan: bool,
    },
    LengthLow {
        scan: bool,
        high: u8,
    },
    Segment {
        scan: bool,
        left: u16,
    },
    Entropy,
    /// Behind an FF in entropy-coded data.
    EntropyCode,
    /// Behind FF D8 in entropy-coded data: damage, or the next frame.
    EntropyStart,
}

impl Splitter {
    pub(super) fn new(format: Format, file_len: u64) -> Self {
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
            has_scan: false,
            has_ends: None,
        };
        splitter.resume(0, 0);
        splitter
    }

    /// Goes on between two frames: at `offset`, in a record of which `record_left` bytes are left.
    pub(super) fn resume(&mut self, offset: u64, record_left: u32) {
        self.offset = offset;
        self.record_left = record_left;
        self.record_frames = u32::from(record_left != 0);
        self.last = 0;
        self.state = match self.format {
            Format::Lab if record_left == 0 => State::Digits { seen: 0, length: 0 },
            _ => State::Hunt,
        };
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn start(&self) -> u64 {
        self.start
    }

    pub(super) fn record_left(&self) -> u32 {
        self.record_left
    }

    /// Whether the bytes fed last belong to a frame.
    pub(super) fn is_in_frame(&self) -> bool {
        !matches!(
            self.state,
            State::Digits { .. } | State::RecordStart { .. } | State::HuntRecord | State::Hunt | State::Again
        )
    }

    /// Whether [`resume`](Self::resume) can lead back here.
    pub(super) fn is_between_frames(&self) -> bool {
        match self.state {
            State::Digits { seen, .. } => seen == 0,
            State::Hunt => self.record_frames > 0 || self.format == Format::Raw,
            State::Again => self.format == Format::Raw,
            _ => false,
        }
    }

    /// Where the next frame may begin, for [`resume`](Self::resume): here, or three bytes ago.
    pub(super) fn between_frames(&self) -> u64 {
        self.offset.saturating_sub(if self.state == State::Again { 3 } else { 0 })
    }

    /// Whether the next byte is the first digit of a record, and records held one frame each so far.
    pub(super) fn may_hop(&self) -> bool {
        self.state == State::Digits { seen: 0, length: 0 } && !self.several
    }

    /// Passes a record of one frame, digits and all, without seeing its bytes.
    pub(super) fn hop(&mut self, length: u32) {
        self.offset += DIGITS as u64 + u64::from(length);
    }

    /// The length that five digits say, if a record of it can begin at the current offset.
    pub(super) fn plausible(&self, digits: &[u8]) -> Option<u32> {
        let length = digits.iter().try_fold(0_u32, |length, digit| {
            digit.is_ascii_digit().then(|| length.wrapping_mul(10).wrapping_add(u32::from(digit.wrapping_sub(b'0'))))
        })?;
        let end = self.offset + DIGITS as u64 + u64::from(length);
        (digits.len() == DIGITS && length > 3 && end <= self.file_len).then_some(length)
    }

    /// How many bytes are sure to be needed next, where that is known: lab records say so.
    pub(super) fn wanted(&self) -> Option<usize> {
        match self.state {
            // The digits and what tells whether a JPEG follows.
            State::Digits { seen, .. } => Some(DIGITS + 3 - usize::from(seen)),
            // The record and the digits of the next.
            _ if self.record_left > 0 => Some(self.record_left as usize + DIGITS),
            _ => None,
        }
    }

    /// The file has ended: whether that ends a frame, in a file whose frames have no EOI.
    pub(super) fn is_last_end(&self) -> bool {
        self.has_ends == Some(false) && matches!(self.state, State::Entropy | State::EntropyCode)
    }

    /// The file has ended: whether it did so inside a frame, or inside a record.
    pub(super) fn is_cut(&self) -> bool {
        self.is_in_frame() || self.record_left > 0
    }

    /// Takes bytes up to the next event, or all of them. Returns how many it took; feed the others again.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> (usize, Option<Event>) {
        let mut rest = bytes;
        let event = loop {
            if self.state == State::Again {
                break Some(self.frame_starts());
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
        (bytes.len() - rest.len(), event)
    }

    /// Takes the first byte of `room`, or as many as mean nothing.
    fn step(&mut self, byte: u8, room: &[u8]) -> (usize, Option<Event>) {
        // What needs no look at each byte.
        let passed = match self.state {
            State::Entropy => find_ff(room).unwrap_or(room.len()),
            State::Segment { left, .. } => room.len().min(usize::from(left)),
            // Unless what went before may be the beginning of a frame.
            State::Hunt if self.last & 0xFF != 0xFF && self.last & 0xFFFF != START >> 8 => {
                find_ff(room).unwrap_or(room.len())
            }
            // The digits before a record's FF are looked back at.
            State::HuntRecord => find_ff(room).unwrap_or(room.len()).saturating_sub(DIGITS),
            _ => 0,
        };
        if passed > 0 {
            self.offset += passed as u64;
            self.last = 0;
            if let State::Segment { scan, left } = self.state {
                self.state = Self::segment(scan, left - passed as u16);
            }
            return (passed, None);
        }
        self.offset += 1;
        (1, self.byte(byte))
    }

    fn byte(&mut self, byte: u8) -> Option<Event> {
        self.last = self.last << 8 | u64::from(byte);
        self.state = match self.state {
            State::Digits { seen: 0, .. } if matches!(byte, b'\r' | b'\n' | b' ' | 0) => return None,
            State::Digits { seen, length } if byte.is_ascii_digit() => {
                let length = length * 10 + u32::from(byte - b'0');
                if usize::from(seen) + 1 < DIGITS {
                    State::Digits { seen: seen + 1, length }
                } else if length == 0 {
                    State::Digits { seen: 0, length: 0 }
                } else if self.offset + u64::from(length) > self.file_len {
                    self.state = State::HuntRecord;
                    return Some(Event::Beyond);
                } else {
                    self.record_left = length;
                    self.record_frames = 0;
                    // Counted down by whoever called for the bytes after this one.
                    State::RecordStart { seen: 0 }
                }
            }
            State::Digits { .. } => return self.damage(State::HuntRecord),
            State::RecordStart { seen } => match (seen, byte) {
                (0, 0xFF) | (1, marker::SOI) => State::RecordStart { seen: seen + 1 },
                (2, 0xFF) => return Some(self.frame_starts()),
                _ => {
                    // A length that leads to something else is not to be trusted.
                    self.record_left = 0;
                    return self.damage(State::HuntRecord);
                }
            },
            State::HuntRecord => return self.hunt_record(),
            State::Hunt if self.last & 0xFF_FFFF == START => return Some(self.frame_starts()),
            State::Hunt => State::Hunt,
            State::Again => return None,

            State::Marker if byte == 0xFF => State::Code,
            State::Marker => return self.damage(State::Hunt),
            State::Code => match byte {
                0xFF => State::Code,
                marker::TEM => State::Marker,
                // Behind a scan's height (DNL), a comment or the like.
                marker::EOI if self.has_scan => return Some(self.frame_ends()),
                // SOI: should another FF follow, then `last` tells that a frame starts here.
                0x00..=0xBF | marker::RST0..=marker::EOI => return self.damage(State::Hunt),
                _ => {
                    self.has_scan |= byte == marker::SOS;
                    State::LengthHigh { scan: byte == marker::SOS }
                }
            },
            State::LengthHigh { scan } => State::LengthLow { scan, high: byte },
            State::LengthLow { scan, high } => match u16::from_be_bytes([high, byte]).checked_sub(2) {
                Some(left) => Self::segment(scan, left),
                None => return self.damage(State::Hunt),
            },
            State::Segment { .. } => return None,

            State::Entropy if byte == 0xFF => State::EntropyCode,
            State::Entropy => State::Entropy,
            State::EntropyCode => match byte {
                0xFF => State::EntropyCode,
                marker::SOI => State::EntropyStart,
                marker::EOI => return Some(self.frame_ends()),
                marker::DHT | marker::DAC | marker::SOS..=marker::DRI | marker::EXP..=marker::APP15 | marker::COM => {
                    State::LengthHigh { scan: byte == marker::SOS }
                }
                // Stuffing, restart markers, and what damage left behind.
                _ => State::Entropy,
            },
            State::EntropyStart if byte == 0xFF => {
                let has_ends = *self.has_ends.get_or_insert(false) || self.format == Format::Lab;
                self.state = State::Again;
                return Some(if has_ends { Event::Damage } else { Event::EndBefore });
            }
            State::EntropyStart => State::Entropy,
        };
        None
    }

    fn segment(scan: bool, left: u16) -> State {
        match (left, scan) {
            (0, true) => State::Entropy,
            (0, false) => State::Marker,
            _ => State::Segment { scan, left },
        }
    }

    /// ```text
    ///  last:  d d d d d FF D8 FF        the digits count from D8's FF on
    /// ```
    fn hunt_record(&mut self) -> Option<Event> {
        if self.last & 0xFF_FFFF != START {
            return None;
        }
        let [digits @ .., _, _, _] = self.last.to_be_bytes();
        // As if the digits were yet to come.
        let here = self.offset;
        self.offset = here.checked_sub(DIGITS as u64 + 3)?;
        let length = self.plausible(&digits);
        self.offset = here;
        self.record_left = length?.saturating_sub(3);
        self.record_frames = 0;
        Some(self.frame_starts())
    }

    fn frame_starts(&mut self) -> Event {
        self.start = self.offset.saturating_sub(3);
        self.record_frames = self.record_frames.saturating_add(1);
        self.several |= self.record_left > 0 && self.record_frames > 1;
        self.has_scan = false;
        self.state = State::Code;
        Event::Start
    }

    fn frame_ends(&mut self) -> Event {
        self.has_ends.get_or_insert(true);
        self.state = State::Hunt;
        self.last = 0;
        Event::End
    }

    fn damage(&mut self, next: State) -> Option<Event> {
        self.state = next;
        Some(Event::Damage)
    }

    /// A record's last byte was taken: what that makes of the byte's own event.
    fn record_ends(&mut self, event: Option<Event>) -> Option<Event> {
        let was_in_scan = matches!(self.state, State::Entropy | State::EntropyCode | State::EntropyStart);
        let is_complete = matches!(self.state, State::Hunt) && self.record_frames > 0;
        // `HuntRecord` gave the record up before its end.
        if self.state != State::HuntRecord {
            self.state = State::Digits { seen: 0, length: 0 };
        }
        match event {
            Some(Event::End | Event::EndBefore | Event::Damage | Event::Beyond) => event,
            // The record's length is the better witness where EOI is missing: the frame is whole for most decoders.
            None if was_in_scan => {
                // Whoever resumes here has not seen what is before it either.
                self.last = 0;
                Some(Event::End)
            }
            None if is_complete => None,
            _ => Some(Event::Damage),
        }
    }
}

/// SOI and the FF of what must follow it.
const START: u64 = 0xFF_D8FF;

/// The first FF. Entropy-coded data has one in some 200 bytes, so blocks without any are passed whole.
fn find_ff(bytes: &[u8]) -> Option<usize> {
    const BLOCK: usize = 32;
    let (blocks, tail) = bytes.as_chunks::<BLOCK>();
    let mut at = 0;
    for block in blocks {
        // Without an early return, so that it becomes two vector instructions.
        if block.iter().fold(false, |found, &byte| found | (byte == 0xFF)) {
            return block.iter().position(|&byte| byte == 0xFF).map(|within| at + within);
        }
        at += BLOCK;
    }
    tail.iter().position(|&byte| byte == 0xFF).map(|within| at + within)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::samples::{jpeg, jpeg_with, lab, segment};
    use std::vec::Vec;

    /// What happens where, with the bytes fed in pieces of `size`.
    fn events(file: &[u8], size: usize) -> Vec<(u64, Event)> {
        let mut splitter = Splitter::new(Format::detect(file).unwrap(), file.len() as u64);
        let mut events = Vec::new();
        for piece in file.chunks(size) {
            let mut piece = piece;
            loop {
                let (taken, event) = splitter.feed(piece);
                piece = &piece[taken..];
                let Some(event) = event else { break };
                let at = if event == Event::Start { splitter.start() } else { splitter.offset() };
                events.push((at, event));
            }
            assert!(piece.is_empty());
        }
        events
    }

    /// The frames, whatever the size of the pieces they come in.
    fn frames(file: &[u8]) -> (Vec<Vec<u8>>, usize) {
        let expected = events(file, file.len());
        for size in [1, 2, 3, 7, 8, 64] {
            assert_eq!(events(file, size), expected, "in pieces of {size}");
        }
        let (mut start, mut frames, mut damages) = (0, Vec::new(), 0);
        for (at, event) in expected {
            match event {
                Event::Start => start = at as usize,
                Event::End => frames.push(file[start..at as usize].to_vec()),
                Event::EndBefore => frames.push(file[start..at as usize - 3].to_vec()),
                Event::Damage | Event::Beyond => damages += 1,
            }
        }
        (frames, damages)
    }

    #[test]
    fn formats_are_told_apart_by_their_first_bytes() {
        let cases: [(&[u8], Option<Format>); 9] = [
            (&[0xFF, 0xD8, 0xFF], Some(Format::Raw)),
            (&[0xFF, 0xD8, 0xFF, 0xE0, 0, 0, 0, 0, 0], Some(Format::Raw)),
            (b"06014\xFF\xD8", Some(Format::Lab)),
            (b"06014\xFF\xD8\xFF\xE0", Some(Format::Lab)),
            (b"0601 \xFF\xD8\xFF", None),
            (b"06014\xFF", None),
            (b"", None),
            (b"RIFF....AVI ", None),
            (&[0xFF, 0xD8, 0x00], None),
        ];
        for (bytes, format) in cases {
            assert_eq!(Format::detect(bytes), format, "{bytes:?}");
        }
    }

    #[test]
    fn jpegs_one_after_another_are_frames() {
        let (a, b) = (jpeg(40), jpeg(300));
        assert_eq!(frames(&[&a[..], &b, &a].concat()), (std::vec![a.clone(), b.clone(), a.clone()], 0));
        // Padding between them, as some writers align.
        assert_eq!(frames(&[&a[..], &[0; 30], &b, b"\n", &a].concat()).0, [a.clone(), b, a]);
    }

    #[test]
    fn records_are_frames() {
        let (a, b) = (jpeg(40), jpeg(300));
        assert_eq!(frames(&[lab(&a), lab(&b), lab(&a)].concat()), (std::vec![a.clone(), b.clone(), a.clone()], 0));
        assert_eq!(frames(&[lab(&a), b"\r\n".to_vec(), b"00000".to_vec(), lab(&b)].concat()).0, [a, b]);
    }

    #[test]
    fn several_jpegs_in_a_record_are_several_frames() {
        let (a, b) = (jpeg(40), jpeg(300));
        let record = lab(&[&a[..], &b, &[0, 0], &a].concat());
        assert_eq!(frames(&[record, lab(&b)].concat()), (std::vec![a.clone(), b.clone(), a, b], 0));
    }

    #[test]
    fn a_thumbnail_inside_a_segment_is_no_frame() {
        let thumbnail = segment(0xE1, &jpeg(50));
        let file = jpeg_with(&thumbnail, 70);
        assert_eq!(frames(&[&file[..], &file].concat()), (std::vec![file.clone(), file.clone()], 0));
        assert_eq!(frames(&[lab(&file), lab(&file)].concat()), (std::vec![file.clone(), file], 0));
    }

    #[test]
    fn a_picture_of_several_scans_is_one_frame() {
        let plain = jpeg(60);
        let (headers, scan) = plain.split_at(plain.len() - 62);
        let sos = segment(0xDA, &[1, 1, 0, 1, 63, 0]);
        let several = [headers, &scan[..60], &segment(0xC4, &[0; 17]), &sos, &scan[..60], &sos, scan].concat();
        assert_eq!(frames(&[&several[..], &plain].concat()), (std::vec![several, plain], 0));
    }

    #[test]
    fn segments_behind_the_last_scan_belong_to_the_frame() {
        let plain = jpeg(60);
        let (picture, end) = plain.split_at(plain.len() - 2);
        for last in [segment(0xDC, &[0, 16]), segment(0xFE, b"made by hand"), segment(0xFE, &[0xFF, 0xD9])] {
            let file = [picture, &last, end].concat();
            assert_eq!(frames(&[&file[..], &plain].concat()), (std::vec![file.clone(), plain.clone()], 0));
            assert_eq!(frames(&[lab(&file), lab(&plain)].concat()), (std::vec![file, plain.clone()], 0));
        }
    }

    #[test]
    fn where_the_first_frame_has_no_eoi_others_end_where_the_next_begins() {
        // With what looks like a frame in a segment, and with padding.
        let (a, b) = (jpeg_with(&segment(0xE1, &jpeg(50)), 70), jpeg(300));
        let (cut_a, cut_b) = (&a[..a.len() - 2], &[&b[..b.len() - 2], &[0; 5]].concat()[..]);
        let file = [cut_a, cut_b, cut_a, &b, cut_a, cut_b].concat();
        // The last is for whoever knows that the file ends.
        assert_eq!(frames(&file), (std::vec![cut_a.to_vec(), cut_b.to_vec(), cut_a.to_vec(), b, cut_a.to_vec()], 0));
    }

    #[test]
    fn a_frame_that_breaks_off_is_damage_and_the_next_is_found() {
        let (a, b) = (jpeg(40), jpeg(300));
        for cut in 3..b.len() - 2 {
            // Behind a marker, the next SOI is taken for a length, and 64 KiB are gone.
            let is_length = b[cut - 2] == 0xFF && b[cut - 1] >= 0xC0;
            let filler = a.repeat(if is_length { 101 } else { 1 });
            let file = [&a[..], &b[..cut], &filler, &b].concat();
            let (found, damages) = frames(&file);
            assert_eq!((&found[0], found.last()), (&a, Some(&b)), "cut at {cut}");
            // A cut inside a segment takes the start of the next frame with it, and may grow together with its rest.
            assert!(damages > 0 || found[1].starts_with(&b[..cut]), "cut at {cut}");
            assert!(found[1..].iter().skip(usize::from(damages == 0)).all(|frame| *frame == a || *frame == b));
        }
    }

    #[test]
    fn wrong_lengths_cost_no_more_than_the_record() {
        let (a, b) = (jpeg(40), jpeg(300));
        let wrong = |digits: &[u8]| [digits, &b[..]].concat();
        let long = std::format!("{:05}", b.len() + 20).into_bytes();
        let short = std::format!("{:05}", b.len() - 20).into_bytes();
        let cases = [
            ("no digits", wrong(b"00x40")),
            ("a byte too many", wrong(b"0004000")),
            ("beyond the file", wrong(b"99999")),
            ("too long", wrong(&long)),
            ("too short", wrong(&short)),
            ("tiny", wrong(b"00001")),
        ];
        for (what, record) in cases {
            let file = [lab(&a), record, lab(&a), lab(&b), lab(&a)].concat();
            let (found, damages) = frames(&file);
            assert!(damages > 0, "{what}");
            assert_eq!(found[0], a, "{what}");
            assert_eq!(found[found.len() - 2..], [b.clone(), a.clone()], "{what}");
        }
    }

    #[test]
    fn a_record_without_eoi_is_a_frame() {
        let a = jpeg(40);
        let cut = &a[..a.len() - 2];
        assert_eq!(frames(&[lab(cut), lab(&a)].concat()), (std::vec![cut.to_vec(), a], 0));
    }

    /// A record that takes the first digit of the next one with it: what was found must be found again from a bookmark.
    #[test]
    fn what_follows_a_frame_does_not_depend_on_the_bytes_before_it() {
        let (a, b) = (jpeg(40), jpeg(300));
        // An FF, so that the byte behind it is looked at.
        let cut = &a[..a.len() - 1];
        let long = [std::format!("{:05}", cut.len() + 1).as_bytes(), cut].concat();
        let file = [long.clone(), lab(&b), lab(&a)].concat();
        let all = events(&file, file.len());
        let mut splitter = Splitter::new(Format::Lab, file.len() as u64);
        let at = long.len() + 1;
        assert!(all.contains(&(at as u64, Event::End)));
        splitter.resume(at as u64, 0);
        let (mut rest, mut resumed) = (&file[at..], Vec::new());
        loop {
            let (taken, event) = splitter.feed(rest);
            rest = &rest[taken..];
            let Some(event) = event else { break };
            resumed.push((if event == Event::Start { splitter.start() } else { splitter.offset() }, event));
        }
        assert_eq!(resumed, all[2..]);
    }

    #[test]
    fn the_first_ff_is_found_wherever_it_is() {
        for len in 0..100 {
            let mut bytes = std::vec![0xFE; len];
            assert_eq!(find_ff(&bytes), None);
            for at in (0..len).rev() {
                bytes[at] = 0xFF;
                assert_eq!(find_ff(&bytes), Some(at));
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic_and_pieces_do_not_matter(
            noise in proptest::collection::vec(proptest::sample::select(
                std::vec![0xFF_u8, 0xD8, 0xD9, 0xDA, 0xE0, 0, 2, b'0', b'9', 0x77]), 0..400),
            is_lab in proptest::bool::ANY,
        ) {
            let a = jpeg(40);
            let start = if is_lab { lab(&a) } else { a };
            frames(&[start, noise].concat());
        }
    }
}
