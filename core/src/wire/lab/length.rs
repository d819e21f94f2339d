//! The lines behind the third of a reply, in which some copies of the exercise say how long a file is.

use super::VARIANTS;
use crate::time::Duration;
use crate::wire::text::{decimal, trim};
use core::fmt;

/// How long a file is, as far as it is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Length {
    /// Frames.
    pub frames: Option<u32>,
    /// From its beginning to its end.
    pub time: Option<Duration>,
}

/// Where only frames are told, each server of those that do has a rate of its own, which it does not tell: in microseconds.
const INTERVALS: [(&str, u64); 3] = [("Frames", 40_000), ("X-TotalFrames", 33_333), ("TTtime", 50_000)];

impl Length {
    /// Reads a line. `false`: it is not about the length.
    pub(super) fn read(&mut self, line: &str) -> bool {
        let Some((name, value)) = line.split_once(':') else { return false };
        let (name, value) = (trim(name), trim(value.trim_end_matches('\r')));
        if name.eq_ignore_ascii_case("TotalTime") {
            // It is the only one that is exact, wherever it stands.
            self.time = micros(value).filter(|&micros| micros > 0).map(Duration::from_micros).or(self.time);
            return true;
        }
        let Some((_, interval)) = INTERVALS.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)) else {
            return false;
        };
        if let Some(frames) = decimal::<u32>(value).filter(|&frames| frames > 0) {
            self.frames = self.frames.or(Some(frames));
            let guessed = Duration::from_micros(u64::from(frames).saturating_mul(*interval));
            self.time = self.time.or(Some(guessed));
        }
        true
    }

    /// What another reply tells more.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { frames: self.frames.or(other.frames), time: self.time.or(other.time) }
    }
}

/// Seconds with a fraction, in microseconds; also a part of one in millionths.
pub(super) fn micros(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: u64 = if whole.is_empty() { 0 } else { decimal(whole)? };
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) || (text == "." || text.is_empty()) {
        return None;
    }
    let digits = fraction.bytes().map(|byte| u64::from(byte.saturating_sub(b'0'))).chain(core::iter::repeat(0)).take(6);
    let fraction = digits.fold(0_u64, |sum, digit| sum.wrapping_mul(10).wrapping_add(digit));
    whole.checked_mul(1_000_000)?.checked_add(fraction)
}

/// What a server's reply says behind its three lines. Clients that expect nothing there ignore it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// Nothing.
    Nothing,
    /// To SETUP: how long the file is, in the words of three copies. One of them ends without the first.
    Length(Length),
    /// To PLAY: how many frames it has.
    Frames(u32),
    /// To DESCRIBE: the same in what a copy calls a description, which is to have nine lines with the reply's.
    Description(u32),
}

impl fmt::Display for More {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("\n"),
            _ if !VARIANTS => f.write_str("\n"),
            Self::Length(Length { frames, time }) => {
                if let Some(time) = time {
                    writeln!(f, "TotalTime: {}.{:02}", time.as_secs(), time.subsec_millis() / 10)?;
                }
                if let Some(frames) = frames {
                    writeln!(f, "Frames: {frames}\nX-TotalFrames: {frames}")?;
                }
                f.write_str("\n")
            }
            Self::Frames(frames) => write!(f, "TTtime: {frames}\n\n"),
            Self::Description(frames) => {
                write!(f, "\nstream=video\ntype=Mjpeg\nNumFrame={frames}\nprotocol=RTP\nversion=2\n")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_read_to_the_microsecond() {
        for (text, expected) in [
            ("25.0", Some(25_000_000)),
            ("25", Some(25_000_000)),
            ("20.8333333", Some(20_833_333)),
            ("0.5", Some(500_000)),
            (".5", Some(500_000)),
            ("5.", Some(5_000_000)),
            (".", None),
            ("", None),
            ("-1", None),
            ("1e3", None),
            ("1.2.3", None),
            ("99999999999999", None),
        ] {
            assert_eq!(micros(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_told_counts_and_what_is_not_is_guessed() {
        let read = |lines: &[&str]| {
            let mut length = Length::default();
            assert!(lines.iter().all(|line| length.read(line)));
            (length.frames, length.time.map(|time| time.as_millis()))
        };
        assert_eq!(read(&["TotalTime: 20.83", "Frames: 500"]), (Some(500), Some(20_830)));
        assert_eq!(read(&["Frames: 500", "TotalTime: 20.83\r"]), (Some(500), Some(20_830)));
        assert_eq!(read(&["Frames: 500"]), (Some(500), Some(20_000)));
        assert_eq!(read(&["X-TotalFrames: 300"]), (Some(300), Some(9_999)));
        assert_eq!(read(&["TTtime: 500"]), (Some(500), Some(25_000)));
        assert_eq!(read(&["TotalTime: 0.0", "Frames: 0", "TTtime: x"]), (None, None));
        assert!(!Length::default().read("Session: 5") && !Length::default().read("Frames"));
    }

    #[cfg(feature = "lab")]
    #[test]
    fn what_is_said_is_what_copies_read() {
        use std::string::ToString;
        let length = Length { frames: Some(500), time: Some(Duration::from_millis(20_834)) };
        assert_eq!(More::Length(length).to_string(), "TotalTime: 20.83\nFrames: 500\nX-TotalFrames: 500\n\n");
        assert_eq!(More::Frames(500).to_string(), "TTtime: 500\n\n");
        assert_eq!(More::Nothing.to_string(), "\n");
        let described = std::format!("RTSP/1.0 200 OK\nCSeq: 3\nSession: 5\n{}", More::Description(500));
        assert_eq!(described.split('\n').nth(4), Some("stream=video"));
        assert!(described.split('\n').count() >= 9);
    }
}
