//! What nodes say to each other of films: questions for frames, and what goes with each answer.

use std::fmt;
use std::time::Duration;

use mutoscope::media::{End, Extent, FrameRate};

use super::stamp::Stamp;

/// Frames that are asked for at once, at most.
pub(super) const MOST_FRAMES: u32 = 8;

/// Which frames are wanted: `from=7;count=2`, or `at=1500000;count=1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub from: From,
    /// How many, the first one among them.
    pub count: u32,
}

/// Where frames are wanted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// The frame of this number.
    Frame(u32),
    /// The one that is shown so many microseconds after the beginning.
    Time(u64),
}

impl Wish {
    /// What another node asks. `None`: that is no question for frames.
    pub(super) fn parse(parameters: &str) -> Option<Self> {
        let (from, count) = parameters.split_once(';')?;
        let count = number(count.strip_prefix("count=")?)?.clamp(1, MOST_FRAMES.into()) as u32;
        let from = match from.split_once('=')? {
            ("from", text) => From::Frame(number(text)?.try_into().ok()?),
            ("at", text) => From::Time(number(text)?),
            _ => return None,
        };
        Some(Self { from, count })
    }
}

/// Digits alone.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.from {
            From::Frame(number) => write!(f, "from={number}")?,
            From::Time(micros) => write!(f, "at={micros}")?,
        }
        write!(f, ";count={}", self.count)
    }
}

/// What goes with each answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FilmStamp {
    /// Its `number` is the frame's, and `captured` is how long after the beginning it is shown, where frames tell that.
    pub stamp: Stamp,
    pub answer: Answer,
    pub film: Described,
}

/// What the answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The frame.
    Frame,
    /// It cannot be read; others can.
    Unreadable,
    /// There is none of this number, by now; the first one that there is not has the number that is told.
    Behind,
    /// The film cannot be shown; the payload says why.
    Refused,
}

/// What a film is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Described {
    pub rate: FrameRate,
    /// How far it reaches by now. It is not live.
    pub extent: Extent,
}

impl Described {
    /// Whether both may be the same film, which may have grown.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let is_timed = |film: &Self| matches!(film.extent, Extent::Timed { .. });
        self.rate == other.rate && is_timed(self) == is_timed(other)
    }
}

/// Bits of what an extent is.
const TIMED: u8 = 1;
const OPEN: u8 = 2;

impl FilmStamp {
    /// Bytes on the wire, behind those of a [`Stamp`].
    const MORE: usize = 18;

    /// As it goes over the wire.
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let Self { stamp, answer, film: Described { rate, extent } } = self;
        let (flags, end, reach) = match extent {
            Extent::Frames { count, end } => (0, end, u64::from(count)),
            Extent::Timed { duration, end } => (TIMED, end, u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)),
            Extent::Live => (0, End::Known, 0),
        };
        let flags = flags | if end == End::Open { OPEN } else { 0 };
        let mut bytes = Vec::with_capacity(Stamp::LEN + Self::MORE);
        bytes.extend(stamp.to_bytes());
        bytes.extend([answer as u8, flags]);
        bytes.extend(rate.numerator().to_be_bytes());
        bytes.extend(rate.denominator().to_be_bytes());
        bytes.extend(reach.to_be_bytes());
        bytes
    }

    /// What another node has written. `None`: that was something else.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let stamp = Stamp::parse(bytes)?;
        let (&[answer, flags], rest) = bytes.get(Stamp::LEN..)?.split_first_chunk()?;
        let (numerator, rest) = rest.split_first_chunk()?;
        let (denominator, rest) = rest.split_first_chunk()?;
        let (reach, _later_versions) = rest.split_first_chunk()?;
        let rate = FrameRate::new(u32::from_be_bytes(*numerator), u32::from_be_bytes(*denominator))?;
        let (reach, end) = (u64::from_be_bytes(*reach), if flags & OPEN == 0 { End::Known } else { End::Open });
        let extent = match flags & TIMED {
            0 => Extent::Frames { count: reach.try_into().ok()?, end },
            _ => Extent::Timed { duration: Duration::from_micros(reach), end },
        };
        let answer = match answer {
            0 => Answer::Frame,
            1 => Answer::Unreadable,
            2 => Answer::Behind,
            3 => Answer::Refused,
            _ => return None,
        };
        Some(Self { stamp, answer, film: Described { rate, extent } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_written_and_read() {
        for (from, text) in [(From::Frame(7), "from=7;count=8"), (From::Time(1_500_000), "at=1500000;count=8")] {
            let wish = Wish { from, count: 8 };
            assert_eq!(wish.to_string(), text);
            assert_eq!(Wish::parse(text), Some(wish));
        }
        let greedy = Wish { from: From::Frame(0), count: MOST_FRAMES };
        assert_eq!(Wish::parse("from=0;count=4000000000"), Some(greedy));
        for text in [
            "",
            "from=0",
            "count=1",
            "from=;count=1",
            "from=0;count=",
            "from=+1;count=1",
            "from=-1;count=1",
            "from=4294967296;count=1",
            "to=1;count=1",
            "from=1;count=1;count=2",
        ] {
            assert_eq!(Wish::parse(text), None, "{text}");
        }
    }

    #[test]
    fn stamps_of_films_are_written_and_read() {
        let stamp = Stamp { incarnation: 1, number: 2, captured: 3, sent: 4 };
        let rate = FrameRate::new(30_000, 1001).unwrap();
        for extent in [
            Extent::frames(250),
            Extent::Frames { count: 0, end: End::Open },
            Extent::Timed { duration: Duration::from_micros(7), end: End::Known },
            Extent::Timed { duration: Duration::from_secs(9), end: End::Open },
        ] {
            for answer in [Answer::Frame, Answer::Unreadable, Answer::Behind, Answer::Refused] {
                let stamp = FilmStamp { stamp, answer, film: Described { rate, extent } };
                let bytes = stamp.to_bytes();
                assert_eq!(bytes.len(), Stamp::LEN + FilmStamp::MORE);
                assert_eq!(FilmStamp::parse(&bytes), Some(stamp));
                assert_eq!(FilmStamp::parse(&[&bytes[..], b"more"].concat()), Some(stamp));
                for end in 0..bytes.len() {
                    assert_eq!(FilmStamp::parse(&bytes[..end]), None);
                }
            }
        }
    }

    #[test]
    fn what_no_film_can_be_is_not_believed() {
        let stamp = Stamp { incarnation: 1, number: 2, captured: 3, sent: 4 };
        let film = Described { rate: FrameRate::new(25, 1).unwrap(), extent: Extent::frames(9) };
        let good = FilmStamp { stamp, answer: Answer::Frame, film }.to_bytes();
        for (at, byte, what) in [(0, 4, "answer"), (5, 0, "no frames a second"), (10, 1, "too many frames")] {
            let mut bytes = good.clone();
            bytes[Stamp::LEN + at] = byte;
            assert_eq!(FilmStamp::parse(&bytes), None, "{what}");
        }
    }
}
