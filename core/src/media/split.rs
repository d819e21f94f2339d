//! Finds where the frames of an MJPEG file start and end, from its bytes as they come.

use crate::jpeg::marker;

/// The way in which frames follow each other in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Format {
    /// Records: five ASCII decimal digits, which are a length in bytes, and a JPEG file of that length.
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
    /// The number of bytes that [`detect`](Self::detect) needs.
    pub const DETECT_LEN: usize = 7;

    /// Tells the formats apart by a file's first bytes. `None`: this is no MJPEG file.
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

/// The number of digits before each record.
pub(super) const DIGITS: usize = 5;

/// An event of [`Splitter::feed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SplitEvent {
    /// A frame began three bytes ago, at [`Splitter::start`].
    Start,
    /// The frame ends here.
    End,
    /// The frame, which has no EOI, ended where the next one begins: three bytes ago. `Start` follows.
    EndBefore,
    /// A frame or a record's length is damaged here. The search for the next one has begun.
    Damage,
    /// The same as `Damage`, where the record's length points behind the end of the file.
    Beyond,
}

/// Reads a file's bytes without keeping them, so that they may come in pieces of any size.
///
/// Inside a frame it goes from marker segment to marker segment and from scan to scan. So it does not mistake thumbnails inside
/// APPn for frames. It reads only entropy-coded data byte by byte.
#[derive(Clone, Copy, Debug)]
pub(super) struct Splitter {
    format: Format,
    state: State,
    /// The place in the file of the next byte to be fed.
    offset: u64,
    /// The place in the file where the last frame began.
    start: u64,
    /// The file's length. It shows which records cannot exist.
    file_len: u64,
    /// Lab format: the number of the record's bytes that have not been fed yet.
    record_left: u32,
    /// Lab format: the number of frames that began in this record.
    record_frames: u32,
    /// The last eight bytes fed, with zeros for skipped bytes.
    last: u64,
    /// Lab format: a record of several frames was found.
    several: bool,
    /// The frame had a scan, so the segments behind it may be its last.
    has_scan: bool,
    /// Raw format: whether the first frame ended without EOI, that is, whether the file's writer leaves EOI out. If the
    /// writer does not, a frame without EOI has broken off. Only the first frame counts, so that a file has the same frames
    /// each time it is read.
    has_ends: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Lab format: `seen` digits of a length were read.
    Digits {
        seen: u8,
        length: u32,
    },
    /// Lab format: at a record's first byte (0) or second byte (1). The two must be SOI.
    RecordStart {
        seen: u8,
    },
    /// Lab format: looking for five digits and a JPEG file.
    HuntRecord,
    /// Looking for a JPEG file; in the lab format within the record.
    Hunt,
    /// FF D8 FF was read where the frame should have gone on.
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

    /// Starts between two frames: at `offset`, in a record of which `record_left` bytes are left.
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

    /// The place where the next frame may begin, for [`resume`](Self::resume): here, or three bytes ago.
    pub(super) fn between_frames(&self) -> u64 {
        self.offset.saturating_sub(if self.state == State::Again { 3 } else { 0 })
    }

    /// Whether the next byte is the first digit of a record and each record so far held one frame.
    pub(super) fn may_hop(&self) -> bool {
        self.state == State::Digits { seen: 0, length: 0 } && !self.several
    }

    /// Passes a record of one frame, together with its digits, without seeing its bytes.
    pub(super) fn hop(&mut self, length: u32) {
        self.offset = self.behind_record(length);
    }

    /// The offset behind a record of this length whose digits are next.
    pub(super) fn behind_record(&self, length: u32) -> u64 {
        self.offset.saturating_add(DIGITS as u64).saturating_add(length.into())
    }

    /// The length that five digits give, if a record of that length fits the file at the current offset.
    pub(super) fn plausible(&self, digits: &[u8]) -> Option<u32> {
        let length = digits.iter().try_fold(0_u32, |length, digit| {
            digit.is_ascii_digit().then(|| length.wrapping_mul(10).wrapping_add(u32::from(digit.wrapping_sub(b'0'))))
        })?;
        let fits = self.behind_record(length) <= self.file_len;
        (digits.len() == DIGITS && length > 3 && fits).then_some(length)
    }

    /// The number of bytes that are certainly needed next, if it is known. Lab records give it.
    pub(super) fn wanted(&self) -> Option<usize> {
        match self.state {
            // These are the digits, and the bytes that tell whether a JPEG file follows.
            State::Digits { seen, .. } => Some((DIGITS + 3).saturating_sub(usize::from(seen))),
            // These are the record and the digits of the next one.
            _ if self.record_left > 0 => Some((self.record_left as usize).saturating_add(DIGITS)),
            _ => None,
        }
    }

    /// Call it at the file's end. Returns whether that ends a frame, in a file whose frames have no EOI.
    pub(super) fn is_last_end(&self) -> bool {
        self.has_ends == Some(false) && matches!(self.state, State::Entropy | State::EntropyCode)
    }

    /// Call it at the file's end. Returns whether the end lies inside a frame or a record.
    pub(super) fn is_cut(&self) -> bool {
        self.is_in_frame() || self.record_left > 0
    }

    /// Takes bytes up to the next event, or all of them. Returns how many it took. Feed the others again.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> (usize, Option<SplitEvent>) {
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
        (bytes.len().saturating_sub(rest.len()), event)
    }

    /// Takes the first byte of `room`, or more if they carry no meaning.
    fn step(&mut self, byte: u8, room: &[u8]) -> (usize, Option<SplitEvent>) {
        // These states skip many bytes at once.
        let passed = match self.state {
            State::Entropy => find_ff(room).unwrap_or(room.len()),
            State::Segment { left, .. } => room.len().min(usize::from(left)),
            // The bytes before must not be the beginning of a frame.
            State::Hunt if self.last & 0xFF != 0xFF && self.last & 0xFFFF != START >> 8 => {
                find_ff(room).unwrap_or(room.len())
            }
            // The digits before a record's FF are needed later.
            State::HuntRecord => find_ff(room).unwrap_or(room.len()).saturating_sub(DIGITS),
            _ => 0,
        };
        if passed > 0 {
            self.offset = self.offset.saturating_add(passed as u64);
            self.last = 0;
            if let State::Segment { scan, left } = self.state {
                self.state = Self::segment(scan, left.saturating_sub(passed as u16));
            }
            return (passed, None);
        }
        self.offset = self.offset.saturating_add(1);
        (1, self.byte(byte))
    }

    fn byte(&mut self, byte: u8) -> Option<SplitEvent> {
        self.last = self.last << 8 | u64::from(byte);
        self.state = match self.state {
            State::Digits { seen: 0, .. } if matches!(byte, b'\r' | b'\n' | b' ' | 0) => return None,
            State::Digits { seen, length } if byte.is_ascii_digit() => {
                // Five digits are far from the end of 32 bits.
                let length = length.wrapping_mul(10).wrapping_add(u32::from(byte.wrapping_sub(b'0')));
                let seen = seen.wrapping_add(1);
                if usize::from(seen) < DIGITS {
                    State::Digits { seen, length }
                } else if length == 0 {
                    State::Digits { seen: 0, length: 0 }
                } else if self.offset.saturating_add(length.into()) > self.file_len {
                    self.state = State::HuntRecord;
                    return Some(SplitEvent::Beyond);
                } else {
                    self.record_left = length;
                    self.record_frames = 0;
                    // The caller has counted down for the bytes after this one.
                    State::RecordStart { seen: 0 }
                }
            }
            State::Digits { .. } => return self.damage(State::HuntRecord),
            State::RecordStart { seen } => match (seen, byte) {
                (0, 0xFF) | (1, marker::SOI) => State::RecordStart { seen: seen.wrapping_add(1) },
                (2, 0xFF) => return Some(self.frame_starts()),
                _ => {
                    // If the length leads to something else, it is wrong.
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
                // A scan's height (DNL), a comment or the like ends here.
                marker::EOI if self.has_scan => return Some(self.frame_ends()),
                // This is SOI. If another FF follows, `last` shows that a frame starts here.
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
                // These are stuffing, restart markers, and remains of damage.
                _ => State::Entropy,
            },
            State::EntropyStart if byte == 0xFF => {
                let has_ends = *self.has_ends.get_or_insert(false) || self.format == Format::Lab;
                self.state = State::Again;
                return Some(if has_ends { SplitEvent::Damage } else { SplitEvent::EndBefore });
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
    fn hunt_record(&mut self) -> Option<SplitEvent> {
        if self.last & 0xFF_FFFF != START {
            return None;
        }
        let [digits @ .., _, _, _] = self.last.to_be_bytes();
        // Go on as if the digits had not come yet.
        let here = self.offset;
        self.offset = here.checked_sub(const { DIGITS as u64 + 3 })?;
        let length = self.plausible(&digits);
        self.offset = here;
        self.record_left = length?.saturating_sub(3);
        self.record_frames = 0;
        Some(self.frame_starts())
    }

    fn frame_starts(&mut self) -> SplitEvent {
        self.start = self.offset.saturating_sub(3);
        self.record_frames = self.record_frames.saturating_add(1);
        self.several |= self.record_left > 0 && self.record_frames > 1;
        self.has_scan = false;
        self.state = State::Code;
        SplitEvent::Start
    }

    fn frame_ends(&mut self) -> SplitEvent {
        self.has_ends.get_or_insert(true);
        self.state = State::Hunt;
        self.last = 0;
        SplitEvent::End
    }

    fn damage(&mut self, next: State) -> Option<SplitEvent> {
        self.state = next;
        Some(SplitEvent::Damage)
    }

    /// A record's last byte was taken. Combines that with the byte's own event.
    fn record_ends(&mut self, event: Option<SplitEvent>) -> Option<SplitEvent> {
        let was_in_scan = matches!(self.state, State::Entropy | State::EntropyCode | State::EntropyStart);
        let is_complete = matches!(self.state, State::Hunt) && self.record_frames > 0;
        // `HuntRecord` has given the record up before its end.
        if self.state != State::HuntRecord {
            self.state = State::Digits { seen: 0, length: 0 };
        }
        match event {
            Some(SplitEvent::End | SplitEvent::EndBefore | SplitEvent::Damage | SplitEvent::Beyond) => event,
            // If EOI is missing, the record's length decides: the frame is whole for most decoders.
            None if was_in_scan => {
                // A splitter that resumes here has not seen the bytes before either.
                self.last = 0;
                Some(SplitEvent::End)
            }
            None if is_complete => None,
            _ => Some(SplitEvent::Damage),
        }
    }
}

/// SOI and the FF of the marker that must follow it.
const START: u64 = 0xFF_D8FF;

/// Finds the first FF. Entropy-coded data has one in some 200 bytes, so blocks without any are skipped whole.
fn find_ff(bytes: &[u8]) -> Option<usize> {
    const BLOCK: usize = 32;
    let (blocks, tail) = bytes.as_chunks::<BLOCK>();
    let mut at = 0_usize;
    for block in blocks {
        // There is no early return, so that this becomes two vector instructions.
        if block.iter().fold(false, |found, &byte| found | (byte == 0xFF)) {
            return block.iter().position(|&byte| byte == 0xFF).map(|within| at.wrapping_add(within));
        }
        at = at.wrapping_add(BLOCK);
    }
    tail.iter().position(|&byte| byte == 0xFF).map(|within| at.wrapping_add(within))
}

#[cfg(test)]
mod tests;
