use crate::wire::text::{decimal, strip_prefix_ignore_case, trim};
use core::fmt::{self, Display};

/// A normal play time in microseconds (RFC 2326 section 3.6).
pub type NptMicros = u64;

const MICROS: u64 = 1_000_000;

/// Value of `Range` (RFC 2326 section 12.29).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Range {
    /// `npt=start-end`; either side may be open. The end may lie before the start: this is not checked.
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
    /// `clock=` or `smpte=`: a range in other units. It is recognised, but not supported.
    Other,
}

impl Range {
    /// Reads a value. Times are seconds (`12.345`) or `hh:mm:ss.fraction`; digits of a fraction beyond microseconds are cut
    /// off. A `;time=` parameter is ignored. `None`: malformed, or a time beyond 64 bits.
    pub fn parse(value: &str) -> Option<Self> {
        let (range, _) = value.split_once(';').unwrap_or((value, ""));
        let (unit, span) = range.split_once('=')?;
        let unit = trim(unit);
        if unit.eq_ignore_ascii_case("clock") || strip_prefix_ignore_case(unit, "smpte").is_some() {
            return Some(Self::Other);
        }
        if !unit.eq_ignore_ascii_case("npt") {
            return None;
        }
        let (start, end) = span.split_once('-')?;
        let (start, end) = (trim(start), trim(end));
        let is_now = |time: &str| time.eq_ignore_ascii_case("now");
        match (is_now(start), is_now(end)) {
            (false, false) => Some(Self::Npt { start: open_or(start)?, end: open_or(end)? }),
            (true, false) => Some(open_or(end)?.map_or(Self::Now, |_| Self::ToOrFromNow)),
            (false, true) => open_or(start).map(|_| Self::ToOrFromNow),
            (true, true) => Some(Self::ToOrFromNow),
        }
    }
}

/// Ranges that are not supported are never sent. They display as `other`.
impl Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Now => f.write_str("npt=now-"),
            Self::Other | Self::ToOrFromNow => f.write_str("other"),
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

/// Reads one side of a range. `Some(None)`: the side is open.
fn open_or(text: &str) -> Option<Option<NptMicros>> {
    if text.is_empty() { Some(None) } else { time(text).map(Some) }
}

/// Reads `seconds["."fraction]` or `hours":"minutes":"seconds["."fraction]`, in microseconds.
fn time(text: &str) -> Option<NptMicros> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut units = whole.split(':');
    let seconds = match (units.next(), units.next(), units.next(), units.next()) {
        (Some(seconds), None, None, None) => decimal::<u64>(seconds)?,
        (Some(hours), Some(minutes), Some(seconds), None) => {
            let below_60 = |text| decimal::<u64>(text).filter(|&number| number < 60);
            let minutes = decimal::<u64>(hours)?.checked_mul(60)?.checked_add(below_60(minutes)?)?;
            minutes.checked_mul(60)?.checked_add(below_60(seconds)?)?
        }
        _ => return None,
    };
    seconds.checked_mul(MICROS)?.checked_add(micros(fraction)?)
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
    fn ranges_are_read_in_both_notations() {
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
            ("clock=19961108T142300Z-", Some(Range::Other)),
            ("smpte-30-drop=10:07:00-", Some(Range::Other)),
            ("npt=18446744073709.551615-", npt(Some(u64::MAX), None)),
            ("npt=18446744073709.551616-", None),
            ("npt=99999999999999999999-", None),
            ("npt=999999999999999999:00:00-", None),
            ("npt=1:60:00-", None),
            ("npt=1:00:60-", None),
            ("npt=1:00-", None),
            ("npt=1:2:3:4-", None),
            ("npt=5", None),
            ("npt=.5-", None),
            ("npt=1.5x-", None),
            ("npt=--5", None),
            ("npt=+5-", None),
            ("frames=1-2", None),
            ("npt", None),
            ("", None),
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
        fn no_text_makes_it_panic(value in "(npt=)?[0-9:.;=\\-nowé]{0,40}") {
            let _ = Range::parse(&value);
        }
    }
}
