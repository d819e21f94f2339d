//! `multipart/x-mixed-replace` as cameras and programs send it and `curl` saves it: the lines between the pictures.
//!
//! Nothing of it is needed to find the pictures: JPEG's own structure tells where each begins and ends, so a length or a boundary that is
//! told wrong, or not at all, does no harm. The lines tell when a picture was taken, and where one that lacks its end stops.
//!
//! ```text
//!  HTTP/1.1 200 OK                     only in a dump that begins with the answer's head
//!  1f                                  only in a dump that keeps the sizes of chunks
//!  --boundary                          with or without its dashes
//!  Content-Type: image/jpeg
//!  Content-Length: 3696                may be missing or wrong
//!  X-Timestamp: 1700000000.250000      may be missing
//!
//!  FF D8 FF ...
//! ```

use crate::time::Duration;

/// Longer lines are no lines of a head.
const LINE: usize = 96;
/// Of a longer delimiter only the beginning counts. RFC 2046 section 5.1.1 allows 70 characters and two dashes.
const DELIMITER: usize = 72;

/// What the lines before a picture told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// The line that separates the parts, without its end.
    delimiter: [u8; DELIMITER],
    delimiter_len: u8,
    /// Content-Length.
    length: Option<u32>,
    /// When the picture was taken, in microseconds since an epoch of the sender's.
    timestamp: Option<u64>,
    has_fields: bool,
}

impl Part {
    const NONE: Self =
        Self { delimiter: [0; DELIMITER], delimiter_len: 0, length: None, timestamp: None, has_fields: false };

    /// The line that stands before each part, if it was there and is not too short to be told from a picture's data.
    pub(super) fn delimiter(&self) -> Option<&[u8]> {
        let delimiter = self.delimiter.get(..usize::from(self.delimiter_len))?;
        (self.has_fields && delimiter.len() > 3).then_some(delimiter)
    }

    /// The length that the head told.
    pub(super) fn length(&self) -> Option<u32> {
        self.length
    }

    /// The time that the head told.
    pub(super) fn timestamp(&self) -> Option<u64> {
        self.timestamp
    }

    /// Whether there was a head at all.
    pub(super) fn has_fields(&self) -> bool {
        self.has_fields
    }

    fn set_delimiter(&mut self, line: &[u8]) {
        self.delimiter_len = 0;
        for (to, from) in self.delimiter.iter_mut().zip(line) {
            *to = *from;
            self.delimiter_len = self.delimiter_len.wrapping_add(1);
        }
    }
}

/// Reads the bytes between pictures, in pieces of any size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heads {
    line: [u8; LINE],
    len: u8,
    /// The bytes since the last line feed are no line of a head.
    is_noise: bool,
    /// The head that is being read.
    next: Part,
    /// The head of the picture that began last.
    current: Part,
}

impl Default for Heads {
    fn default() -> Self {
        Self::new()
    }
}

impl Heads {
    pub(super) const fn new() -> Self {
        Self { line: [0; LINE], len: 0, is_noise: false, next: Part::NONE, current: Part::NONE }
    }

    /// Forgets everything: the next byte is the first between two pictures.
    pub(super) fn reset(&mut self) {
        (self.len, self.is_noise, self.next) = (0, false, Part::NONE);
    }

    /// A picture begins.
    pub(super) fn part_begins(&mut self) {
        self.current = self.next;
    }

    /// The head of the picture that began last.
    pub(super) fn part(&self) -> &Part {
        &self.current
    }

    /// The next picture's head, as far as it is known.
    pub(super) fn next_part(&self) -> &Part {
        &self.next
    }

    /// Nothing but a line feed has a meaning.
    pub(super) fn is_noise(&self) -> bool {
        self.is_noise
    }

    /// The line of the current part's delimiter was read where the picture should have gone on.
    pub(super) fn delimiter_was_read(&mut self) {
        self.reset();
        for (to, from) in self.line.iter_mut().zip(self.current.delimiter) {
            *to = from;
        }
        self.len = self.current.delimiter_len;
    }

    /// Whether a line of a head may begin with it.
    #[inline(always)]
    pub(super) fn may_begin_line(byte: u8) -> bool {
        (byte > 0x20) & (byte < 0x7F)
    }

    /// Takes text, up to the end of its line. Returns how much it took: nothing if the first byte is no text.
    pub(super) fn text(&mut self, bytes: &[u8]) -> usize {
        if self.len == 0 && bytes.first().is_some_and(|&byte| byte != b'\n' && !Self::may_begin_line(byte)) {
            return 0;
        }
        let is_text = |byte: &u8| matches!(*byte, b'\r' | b'\t' | 0x20..=0x7E);
        let len = bytes.iter().position(|byte| !is_text(byte)).unwrap_or(bytes.len());
        for &byte in bytes.iter().take(len.min(LINE.saturating_add(1))) {
            self.push(byte);
        }
        match bytes.get(len) {
            Some(b'\n') => {
                self.byte(b'\n');
                // Empty lines mean nothing.
                let more = bytes.get(len..).unwrap_or(&[]).iter().take_while(|&&byte| byte == b'\n').count();
                len.saturating_add(more)
            }
            _ => len,
        }
    }

    /// Takes all of these bytes.
    pub(super) fn lines(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(&byte) = rest.first() {
            let text = if self.is_noise { 0 } else { self.text(rest) };
            if text == 0 {
                self.byte(byte);
            }
            rest = rest.get(text.max(1)..).unwrap_or(&[]);
        }
    }

    /// Takes the next byte.
    pub(super) fn byte(&mut self, byte: u8) {
        match byte {
            b'\n' => {
                if !self.is_noise {
                    self.line_ends();
                }
                (self.len, self.is_noise) = (0, false);
            }
            // No line begins with a space, or with the return of an empty line.
            b'\r' | b'\t' | 0x20..=0x7E if !self.is_noise && (self.len > 0 || Self::may_begin_line(byte)) => {
                self.push(byte)
            }
            _ => self.is_noise = true,
        }
    }

    fn push(&mut self, byte: u8) {
        match self.line.get_mut(usize::from(self.len)) {
            Some(slot) => {
                *slot = byte;
                self.len = self.len.wrapping_add(1);
            }
            None => self.is_noise = true,
        }
    }

    fn line_ends(&mut self) {
        let line = self.line.get(..usize::from(self.len)).unwrap_or(&[]).trim_ascii();
        if let Some((name, value)) = field(line) {
            let is_content = name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case(b"content-"));
            self.next.has_fields |= is_content || is_timestamp(name);
            if name.eq_ignore_ascii_case(b"content-length") {
                self.next.length = decimal(value);
            } else if is_timestamp(name) {
                self.next.timestamp = timestamp(value).or(self.next.timestamp);
            }
        } else if !line.is_empty() && !is_chunk_size(line) {
            // This is a boundary, with or without its dashes. If it is not, no picture's data holds it.
            self.next = Part::NONE;
            self.next.set_delimiter(line);
        }
    }
}

/// A field's name and value, if the line is one.
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    if line.starts_with(b"--") {
        return None;
    }
    let colon = line.iter().position(|&byte| byte == b':')?;
    let (name, value) = (line.get(..colon)?, line.get(colon.saturating_add(1)..)?);
    let is_name =
        !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    is_name.then_some((name, value.trim_ascii()))
}

/// The size of a chunk (RFC 9112 section 7.1).
fn is_chunk_size(line: &[u8]) -> bool {
    line.len() <= 8 && line.iter().all(u8::is_ascii_hexdigit)
}

/// `X-Timestamp`, `X-TimeStamp`, `Timestamp`, `X-Capture-Timestamp` and so on.
fn is_timestamp(name: &[u8]) -> bool {
    const END: usize = b"timestamp".len();
    let end = name.len().checked_sub(END).and_then(|at| name.get(at..));
    end.is_some_and(|end| end.eq_ignore_ascii_case(b"timestamp"))
}

fn decimal(value: &[u8]) -> Option<u32> {
    core::str::from_utf8(value).ok()?.parse().ok()
}

/// Seconds with a fraction; or a whole number of seconds, or of milli-, micro- or nanoseconds since 1970, which its size tells.
fn timestamp(value: &[u8]) -> Option<u64> {
    let text = core::str::from_utf8(value).ok()?;
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let whole: u64 = whole.parse().ok()?;
    let Some(fraction) = fraction else {
        return match whole {
            0..100_000_000_000 => whole.checked_mul(1_000_000),
            100_000_000_000..100_000_000_000_000 => whole.checked_mul(1000),
            100_000_000_000_000..100_000_000_000_000_000 => Some(whole),
            _ => Some(whole / 1000),
        };
    };
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let mut micros = 0_u64;
    for digit in fraction.bytes().chain(core::iter::repeat(b'0')).take(6) {
        micros = micros.wrapping_mul(10).wrapping_add(u64::from(digit.wrapping_sub(b'0')));
    }
    whole.checked_mul(1_000_000)?.checked_add(micros)
}

/// Makes of the times that parts tell the times of frames: they begin with 0, never step back, and have no gap of hours where
/// the sender's clock was set. It is small, because bookmarks hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Timeline {
    /// What was told of the last frame, in microseconds.
    told: u64,
    /// What was made of it.
    time: u64,
}

impl Timeline {
    /// Nothing was told yet.
    pub(super) const START: Self = Self { told: u64::MAX, time: 0 };
    /// A longer time between two frames is a clock that was set.
    const LONGEST: u64 = 3600 * 1_000_000;
    /// What is assumed then.
    const STEP: u64 = 40_000;

    /// The time of the next frame. `None`: no frame so far has had any.
    pub(super) fn next(&mut self, told: Option<u64>) -> Option<Duration> {
        if *self == Self::START {
            self.told = told?.min(u64::MAX.wrapping_sub(1));
            return Some(Duration::ZERO);
        }
        let step = told.and_then(|told| told.checked_sub(self.told)).filter(|&step| step <= Self::LONGEST);
        self.time = self.time.saturating_add(step.unwrap_or(Self::STEP));
        self.told = told.unwrap_or(self.told.saturating_add(Self::STEP)).min(u64::MAX.wrapping_sub(1));
        Some(Duration::from_micros(self.time))
    }
}

/// The times of frames, as far as a file tells them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) timeline: Timeline,
    /// That of the last frame.
    pub(super) last: Option<Duration>,
}

impl Default for Times {
    fn default() -> Self {
        Self { timeline: Timeline::START, last: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Part {
        let mut heads = Heads::new();
        text.bytes().for_each(|byte| heads.byte(byte));
        heads.part_begins();
        *heads.part()
    }

    #[test]
    fn heads_of_many_dialects_are_read() {
        // mjpg-streamer, ESP32, ffmpeg, motion, GStreamer, a dump with chunk sizes, and boundaries that miss their dashes.
        type Told = (Option<&'static str>, Option<u32>, Option<u64>);
        let cases: [(&str, Told); 8] = [
            (
                "\r\n--boundarydonotcross\r\nContent-Type: image/jpeg\r\nContent-Length: 3696\r\nX-Timestamp: 17.250000\r\n\r\n",
                (Some("--boundarydonotcross"), Some(3696), Some(17_250_000)),
            ),
            (
                "\r\n--123456789000000000000987654321\r\nContent-Type: image/jpeg\r\nContent-Length: 9\r\nX-Timestamp: 1700000000.000001\r\n\r\n",
                (Some("--123456789000000000000987654321"), Some(9), Some(1_700_000_000_000_001)),
            ),
            ("\r\n--ffmpeg\r\nContent-type: image/jpeg\r\n\r\n", (Some("--ffmpeg"), None, None)),
            (
                "--BoundaryString\nContent-type: image/jpeg\nContent-Length:     3650\n\n",
                (Some("--BoundaryString"), Some(3650), None),
            ),
            (
                "HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=\"frame\"\r\n\r\n--frame\r\nContent-Length: 5\r\n\r\n",
                (Some("--frame"), Some(5), None),
            ),
            (
                "1b\r\n\r\n--123\r\n\r\n40\r\nContent-Type: image/jpeg\r\nContent-Length: 77\r\n\r\n\r\n4d\r\n",
                (Some("--123"), Some(77), None),
            ),
            ("myboundary\r\nContent-Length: 12\r\n\r\n", (Some("myboundary"), Some(12), None)),
            ("X-TimeStamp: 1700000000123\r\nContent-Length: x\r\n\r\n", (None, None, Some(1_700_000_000_123_000))),
        ];
        for (text, (delimiter, length, timestamp)) in cases {
            let part = head(text);
            assert_eq!(part.delimiter(), delimiter.map(str::as_bytes), "{text:?}");
            assert_eq!((part.length(), part.timestamp()), (length, timestamp), "{text:?}");
            assert!(part.has_fields());
        }
    }

    #[test]
    fn noise_is_no_head() {
        let long = "x".repeat(LINE + 1) + ": 1\n";
        for text in ["", "\r\n", "--lonely\r\n", "\x01Content-Length: 5\r\n", "Content Length: 5\n", &long, "1f\r\n"] {
            let part = head(text);
            assert_eq!((part.delimiter(), part.length(), part.has_fields()), (None, None, false), "{text:?}");
        }
    }

    #[test]
    fn timestamps_are_seconds_or_smaller_units() {
        let cases = [
            ("0.5", Some(500_000)),
            ("12.0000019", Some(12_000_001)),
            ("1700000000", Some(1_700_000_000_000_000)),
            ("1700000000123", Some(1_700_000_000_123_000)),
            ("1700000000123456", Some(1_700_000_000_123_456)),
            ("1700000000123456789", Some(1_700_000_000_123_456)),
            ("", None),
            ("12.-5", None),
            ("-1.5", None),
            ("18446744073709551615.0", None),
        ];
        for (text, expected) in cases {
            assert_eq!(timestamp(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn times_begin_with_zero_and_never_step_back() {
        let mut timeline = Timeline::START;
        let steps = [
            (None, None),
            (Some(5_000_000), Some(0)),
            (Some(5_030_000), Some(30_000)),
            (None, Some(70_000)),
            (Some(5_120_000), Some(120_000)),
            // The clock was set.
            (Some(100), Some(160_000)),
            (Some(200), Some(160_100)),
            (Some(u64::MAX - 1), Some(200_100)),
            (Some(u64::MAX - 1), Some(200_100)),
            (Some(4), Some(240_100)),
        ];
        for (told, time) in steps {
            assert_eq!(timeline.next(told), time.map(Duration::from_micros), "{told:?}");
        }
    }
}
