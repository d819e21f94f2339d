use crate::wire::text::{decimal, strip_prefix_ignore_case, trim};
use core::fmt::{self, Display};

/// A normal play time in microseconds (RFC 2326 section 3.6).
pub type NptMicros = u64;

const MICROS: u64 = 1_000_000;

/// Value of `Range` (RFC 2326 section 12.29).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Range {
    /// `npt=start-end`; either side may be open. The end may lie before the start: this is not checked. A SMPTE range
    /// (`smpte=10:07:33:20-`) is read as one too: it says the same in other words.
    Npt {
        /// `None`: from the beginning, or from the position of the pause.
        start: Option<NptMicros>,
        /// `None`: to the end.
        end: Option<NptMicros>,
    },
    /// `npt=now-`
    Now,
    /// `npt=now-10` or `npt=5-now`: a range with `now` on one side. It is recognised, but not supported.
    ToOrFromNow,
    /// `npt=-5-10` or `npt=5--1`: a time before the beginning, which no medium has.
    Negative,
    /// `clock=19961108T142300Z-`: a range of the time of day. Which one is not told: our media have none.
    TimeOfDay,
    /// A range in other units. It is recognised, but not supported.
    Other,
}

impl Range {
    /// Reads a value. Times are seconds (`12.345`), or `hh:mm:ss.fraction`; digits of a fraction beyond microseconds are cut
    /// off, and one beyond 64 bits becomes the latest. Of several ranges it is the first. A `;time=` parameter is ignored.
    /// `None`: malformed.
    ///
    /// What clients leave out is filled in: the unit (`0.000-`, as in the example that comes with libcurl) and the dash behind
    /// a lone start. So is a comma read that a client's language has put in the place of the point.
    pub fn parse(value: &str) -> Option<Self> {
        let range = first_of_list(value.split(';').next().unwrap_or_default());
        let (unit, span) = range.split_once('=').unwrap_or(("npt", range));
        let (unit, span) = (trim(unit), trim(span));
        if unit.eq_ignore_ascii_case("clock") {
            let is_time = span.starts_with(|c: char| c.is_ascii_digit() || c == '-');
            return (is_time && span.bytes().all(|byte| b"0123456789TZ.:+-".contains(&byte)))
                .then_some(Self::TimeOfDay);
        }
        let frames = match strip_prefix_ignore_case(unit, "smpte") {
            Some("" | "-30-drop") => Some((30_000, 1001)),
            Some("-25") => Some((25, 1)),
            None if unit.eq_ignore_ascii_case("npt") => None,
            _ => return is_unit(unit).then_some(Self::Other),
        };
        let (start, end) = sides(span);
        match (Side::parse(start, frames)?, Side::parse(end, frames)?) {
            (Side::Negative, _) | (_, Side::Negative) => Some(Self::Negative),
            (Side::Now, Side::Open) => Some(Self::Now),
            (Side::Now, _) | (_, Side::Now) => Some(Self::ToOrFromNow),
            (start, end) => Some(Self::Npt { start: start.time(), end: end.time() }),
        }
    }
}

/// What stands before and behind the dash of a range. A dash at the very beginning is a sign where another one follows the
/// number: `-5-` begins before the beginning, and `-5` ends with the fifth second.
fn sides(span: &str) -> (&str, &str) {
    let dash = match span.strip_prefix('-') {
        Some(rest) => Some(rest.find('-').filter(|&at| at > 0).map_or(0, |at| at.saturating_add(1))),
        None => span.find('-'),
    };
    let cut = dash.and_then(|at| Some((span.get(..at)?, span.get(at.saturating_add(1)..)?)));
    cut.unwrap_or((span, ""))
}

/// One side of a range.
#[derive(Clone, Copy)]
enum Side {
    Open,
    Now,
    Negative,
    At(NptMicros),
}

impl Side {
    /// `frames`: SMPTE's, and in how many seconds there are so many.
    fn parse(text: &str, frames: Option<(u64, u64)>) -> Option<Self> {
        let text = trim(text);
        if text.is_empty() {
            return Some(Self::Open);
        }
        if frames.is_none() && text.eq_ignore_ascii_case("now") {
            return Some(Self::Now);
        }
        let (is_negative, magnitude) = text.strip_prefix('-').map_or((false, text), |text| (true, trim(text)));
        let time = match frames {
            Some((frames, seconds)) => smpte_time(magnitude, frames, seconds)?,
            None => time(magnitude)?,
        };
        // What is computed may come out as minus 0.
        Some(if is_negative && time > 0 { Self::Negative } else { Self::At(time) })
    }

    fn time(self) -> Option<NptMicros> {
        if let Self::At(time) = self { Some(time) } else { None }
    }
}

/// Ranges that are not supported are never sent. They display as `other`.
impl Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Now => f.write_str("npt=now-"),
            Self::Other | Self::ToOrFromNow | Self::Negative | Self::TimeOfDay => f.write_str("other"),
            Self::Npt { start, end } => {
                f.write_str("npt=")?;
                start.map_or(Ok(()), |start| Npt(start).fmt(f))?;
                f.write_str("-")?;
                end.map_or(Ok(()), |end| Npt(end).fmt(f))
            }
        }
    }
}

/// Displays a play time in seconds, with three decimals, or with six if three would lose something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Npt(pub NptMicros);

impl Display for Npt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.0 / MICROS, self.0 % MICROS);
        match (micros / 1000, micros % 1000) {
            (millis, 0) => write!(f, "{seconds}.{millis:03}"),
            _ => write!(f, "{seconds}.{micros:06}"),
        }
    }
}

/// The first of several ranges. A comma may also stand for a decimal point, so it takes another unit to tell.
fn first_of_list(value: &str) -> &str {
    let second_unit = value.match_indices('=').nth(1).and_then(|(at, _)| value.get(..at));
    second_unit.and_then(|before| before.rsplit_once(',')).map_or(value, |(first, _)| first)
}

/// Whether this could be the name of a unit.
fn is_unit(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Reads `seconds["."fraction]` or `hours":"minutes":"seconds["."fraction]`, in microseconds.
fn time(text: &str) -> Option<NptMicros> {
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let seconds = match whole.split_once(':') {
        Some(_) => hours_minutes_seconds(&mut whole.split(':')).filter(|_| whole.split(':').count() == 3)?,
        // `.5`
        None if whole.is_empty() && !fraction.is_empty() => 0,
        None => number(whole)?,
    };
    Some(seconds.saturating_mul(MICROS).saturating_add(micros(fraction)?))
}

/// Reads `hours":"minutes":"seconds[":"frames]["."subframes]` (RFC 2326 section 3.5), in microseconds. A subframe is a
/// hundredth of a frame. Frames that are dropped are dropped from the count only, so that the seconds are true.
fn smpte_time(text: &str, frames: u64, seconds: u64) -> Option<NptMicros> {
    let (whole, subframes) = text.split_once('.').unwrap_or((text, ""));
    let mut units = whole.split(':');
    let whole_seconds = hours_minutes_seconds(&mut units)?;
    let frame = units.next().map_or(Some(0), |frame| decimal::<u64>(frame).filter(|&frame| frame < 30))?;
    let subframes = match subframes {
        "" => 0,
        digits => decimal::<u64>(digits).filter(|_| digits.len() <= 2)?,
    };
    if units.next().is_some() {
        return None;
    }
    let hundredths = frame.checked_mul(100)?.checked_add(subframes)?;
    let micros = hundredths.checked_mul(MICROS / 100)?.checked_mul(seconds)?.checked_div(frames)?;
    Some(whole_seconds.saturating_mul(MICROS).saturating_add(micros))
}

/// Three units of time, as seconds.
fn hours_minutes_seconds<'a>(units: &mut impl Iterator<Item = &'a str>) -> Option<u64> {
    let below_60 = |text| decimal::<u64>(text).filter(|&number| number < 60);
    let hours = number(units.next()?)?;
    let minutes = hours.saturating_mul(60).saturating_add(below_60(units.next()?)?);
    Some(minutes.saturating_mul(60).saturating_add(below_60(units.next()?)?))
}

/// Reads digits. A number that is too large becomes the largest.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

/// The digits behind the point, as microseconds.
fn micros(fraction: &str) -> Option<u64> {
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().chain(core::iter::repeat(b'0')).take(6);
    digits
        .map(|digit| u64::from(digit.wrapping_sub(b'0')))
        .try_fold(0, |sum: u64, digit| sum.checked_mul(10)?.checked_add(digit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::ToString;

    const fn npt(start: Option<u64>, end: Option<u64>) -> Option<Range> {
        Some(Range::Npt { start, end })
    }

    #[test]
    fn ranges_are_read_in_all_notations() {
        let cases = [
            ("npt=0.000-", npt(Some(0), None)),
            ("npt=0-120", npt(Some(0), Some(120 * MICROS))),
            ("npt=12.345-13.", npt(Some(12_345_000), Some(13_000_000))),
            ("NPT = 1.5 - 2", npt(Some(1_500_000), Some(2_000_000))),
            ("npt=-10", npt(None, Some(10 * MICROS))),
            ("npt=-", npt(None, None)),
            ("npt=1:02:03.25-01:02:04", npt(Some(3_723_250_000), Some(3_724_000_000))),
            ("npt=100:00:00-", npt(Some(360_000 * MICROS), None)),
            ("npt=13.943987-", npt(Some(13_943_987), None)),
            ("npt=0.1234567-", npt(Some(123_456), None)),
            ("npt=5-1", npt(Some(5 * MICROS), Some(MICROS))),
            ("npt=0-;time=19970123T153600Z", npt(Some(0), None)),
            ("npt=now-", Some(Range::Now)),
            ("npt= NOW -", Some(Range::Now)),
            ("npt= NOW -10", Some(Range::ToOrFromNow)),
            ("npt=5-now", Some(Range::ToOrFromNow)),
            ("npt=-Now", Some(Range::ToOrFromNow)),
            ("npt=now-now", Some(Range::ToOrFromNow)),
            ("npt=now-x", None),
            ("npt=x-now", None),
            ("npt=nowish-", None),
            ("clock=19961108T142300Z-", Some(Range::TimeOfDay)),
            ("Clock = 19961108T142300.5Z-19961108T142301Z;time=19970123T143720Z", Some(Range::TimeOfDay)),
            ("frames=1-2", Some(Range::Other)),
            ("smpte-24=0:0:1-", Some(Range::Other)),
            ("bytes=0-1", Some(Range::Other)),
            // Without what goes without saying.
            ("0.000-", npt(Some(0), None)),
            (" 5 - 10 ", npt(Some(5 * MICROS), Some(10 * MICROS))),
            ("00:00:05-", npt(Some(5 * MICROS), None)),
            ("now-", Some(Range::Now)),
            ("now", Some(Range::Now)),
            ("-", npt(None, None)),
            ("npt=", npt(None, None)),
            ("npt=5", npt(Some(5 * MICROS), None)),
            ("npt=.5-", npt(Some(500_000), None)),
            ("npt=1,5-", npt(Some(1_500_000), None)),
            ("npt=-0.000-", npt(Some(0), None)),
            ("npt=-0-5", npt(Some(0), Some(5 * MICROS))),
            // Before the beginning.
            ("npt=-5-", Some(Range::Negative)),
            ("npt=-5.5-10", Some(Range::Negative)),
            ("npt=-5--1", Some(Range::Negative)),
            ("npt=5--1", Some(Range::Negative)),
            ("npt=--5", Some(Range::Negative)),
            ("-0:00:01-", Some(Range::Negative)),
            // The examples of RFC 2326 section 3.5.
            ("smpte=10:12:33:20-", npt(Some(36_753_667_333), None)),
            ("smpte=10:07:33-", npt(Some(36_453_000_000), None)),
            ("smpte=10:07:00-10:07:33:05.01", npt(Some(36_420_000_000), Some(36_453_167_167))),
            ("smpte-25=10:07:00-10:07:33:05.01", npt(Some(36_420_000_000), Some(36_453_200_400))),
            ("smpte-30-drop=10:07:00-", npt(Some(36_420_000_000), None)),
            ("npt=18446744073709.551615-", npt(Some(u64::MAX), None)),
            ("npt=18446744073709.551616-", npt(Some(u64::MAX), None)),
            ("npt=99999999999999999999-", npt(Some(u64::MAX), None)),
            ("npt=999999999999999999:00:00-", npt(Some(u64::MAX), None)),
            ("npt=0-5,npt=7-9", npt(Some(0), Some(5 * MICROS))),
            ("npt=0,5-1,5 , clock=19961108T142300Z-", npt(Some(500_000), Some(1_500_000))),
            ("clock=x", None),
            ("clock=", None),
            ("npt=1:60:00-", None),
            ("npt=1:00:60-", None),
            ("npt=1:00-", None),
            ("npt=1:2:3:4-", None),
            ("npt=1.5x-", None),
            ("npt=+5-", None),
            ("npt", None),
            ("npt=.-", None),
            ("npt=-5-x", None),
            ("npt=-x-5", None),
            ("npt=5--x", None),
            ("npt=---5", None),
            ("smpte=5-", None),
            ("smpte=0:00:05:30-", None),
            ("smpte=0:00:05:01:01-", None),
            ("smpte=0:00:05.100-", None),
            ("smpte=now-", None),
            ("=0-", None),
            ("a b=0-", None),
            ("0 PLAY", None),
        ];
        for (value, expected) in cases {
            assert_eq!(Range::parse(value), expected, "{value:?}");
        }
    }

    #[test]
    fn times_are_written_in_milliseconds_where_that_is_exact() {
        let cases = [
            (Range::Npt { start: Some(0), end: Some(10_000_000) }, "npt=0.000-10.000"),
            (Range::Npt { start: Some(12_345_000), end: None }, "npt=12.345-"),
            (Range::Npt { start: Some(41_666), end: None }, "npt=0.041666-"),
            (Range::Npt { start: None, end: Some(1) }, "npt=-0.000001"),
            (Range::Now, "npt=now-"),
        ];
        for (range, text) in cases {
            assert_eq!(range.to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(start: Option<u64>, end: Option<u64>) {
            let range = Range::Npt { start, end };
            prop_assert_eq!(Range::parse(&range.to_string()), Some(range));
        }

        #[test]
        fn no_text_makes_it_panic(value in "((npt|smpte|smpte-25|clock)=)?[0-9:.,;=\\-nowé]{0,40}") {
            let _ = Range::parse(&value);
        }
    }
}
