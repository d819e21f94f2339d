use crate::wire::text::decimal;
use core::fmt::{self, Display};
use core::num::{NonZeroI32, NonZeroU32};

/// Value of `Scale` (RFC 2326 section 12.34): media seconds per second of viewing, in thousandths. A negative one plays
/// backwards. It is never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Scale(NonZeroI32);

/// Value of `Speed` (RFC 2326 section 12.35): how many times faster than it is shown media is delivered, in thousandths. It
/// is never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Speed(NonZeroU32);

impl Scale {
    /// Forward, as fast as it was recorded.
    pub const NORMAL: Self = Self(NonZeroI32::new(1000).unwrap());

    /// A scale in thousandths; `None`: 0.
    pub const fn from_thousandths(thousandths: i32) -> Option<Self> {
        match NonZeroI32::new(thousandths) {
            Some(thousandths) => Some(Self(thousandths)),
            None => None,
        }
    }

    /// In thousandths; negative: backwards.
    pub const fn thousandths(self) -> i32 {
        self.0.get()
    }

    /// Whether it plays backwards.
    pub const fn is_backwards(self) -> bool {
        self.0.get() < 0
    }

    /// Reads a value. Digits beyond thousandths are cut off, but nothing becomes 0, and a number beyond 32 bits becomes the
    /// largest. `None`: no number, or 0.
    pub fn parse(value: &str) -> Option<Self> {
        let (magnitude, is_backwards) = match value.strip_prefix('-') {
            Some(magnitude) => (magnitude, true),
            None => (value.strip_prefix('+').unwrap_or(value), false),
        };
        let magnitude = i32::try_from(thousandths(magnitude)?).unwrap_or(i32::MAX);
        Self::from_thousandths(if is_backwards { magnitude.saturating_neg() } else { magnitude })
    }
}

impl Speed {
    /// As fast as it is shown.
    pub const NORMAL: Self = Self(NonZeroU32::new(1000).unwrap());

    /// A speed in thousandths; `None`: 0.
    pub const fn from_thousandths(thousandths: u32) -> Option<Self> {
        match NonZeroU32::new(thousandths) {
            Some(thousandths) => Some(Self(thousandths)),
            None => None,
        }
    }

    /// In thousandths.
    pub const fn thousandths(self) -> u32 {
        self.0.get()
    }

    /// Reads a value, as [`Scale::parse`] does.
    pub fn parse(value: &str) -> Option<Self> {
        thousandths(value.strip_prefix('+').unwrap_or(value)).and_then(Self::from_thousandths)
    }
}

/// Forward, as fast as it was recorded.
impl Default for Scale {
    fn default() -> Self {
        Self::NORMAL
    }
}

/// As fast as it is shown.
impl Default for Speed {
    fn default() -> Self {
        Self::NORMAL
    }
}

impl Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_backwards() { "-" } else { "" })?;
        write_thousandths(f, self.thousandths().unsigned_abs())
    }
}

impl Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_thousandths(f, self.thousandths())
    }
}

/// Reads `1*DIGIT ["." *DIGIT]`, also without digits before the point.
fn thousandths(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let is_zero = whole.bytes().chain(fraction.bytes()).all(|digit| digit == b'0');
    let digits = fraction.bytes().chain(core::iter::repeat(b'0')).take(3);
    let fraction =
        digits.fold(0_u32, |sum, digit| sum.saturating_mul(10).saturating_add(u32::from(digit.wrapping_sub(b'0'))));
    let whole: u32 = if whole.is_empty() { 0 } else { decimal(whole).unwrap_or(u32::MAX) };
    (!is_zero).then(|| whole.saturating_mul(1000).saturating_add(fraction).max(1))
}

/// Writes one digit behind the point at least: some clients look for it.
fn write_thousandths(f: &mut fmt::Formatter<'_>, thousandths: u32) -> fmt::Result {
    let (whole, fraction) = (thousandths / 1000, thousandths % 1000);
    match (fraction / 100, fraction / 10, fraction) {
        (tenths, _, _) if fraction % 100 == 0 => write!(f, "{whole}.{tenths}"),
        (_, hundredths, _) if fraction % 10 == 0 => write!(f, "{whole}.{hundredths:02}"),
        (_, _, thousandths) => write!(f, "{whole}.{thousandths:03}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::ToString;

    #[test]
    fn rates_are_read_as_the_standard_writes_them_and_a_little_more() {
        for (value, scale, speed) in [
            ("1", Some(1000), Some(1000)),
            ("2.0", Some(2000), Some(2000)),
            ("2.", Some(2000), Some(2000)),
            ("0.25", Some(250), Some(250)),
            (".5", Some(500), Some(500)),
            ("+1.5", Some(1500), Some(1500)),
            ("-3.5", Some(-3500), None),
            ("-1", Some(-1000), None),
            ("1.0004999", Some(1000), Some(1000)),
            ("0.0001", Some(1), Some(1)),
            ("99999999999999999999", Some(i32::MAX), Some(u32::MAX)),
            ("-99999999999999999999", Some(-i32::MAX), None),
            ("0", None, None),
            ("-0.0", None, None),
            ("", None, None),
            (".", None, None),
            ("-", None, None),
            ("--1", None, None),
            ("1,5", None, None),
            ("1e3", None, None),
            ("fast", None, None),
            ("1 2", None, None),
        ] {
            assert_eq!(Scale::parse(value).map(Scale::thousandths), scale, "{value:?}");
            assert_eq!(Speed::parse(value).map(Speed::thousandths), speed, "{value:?}");
        }
    }

    #[test]
    fn rates_are_written_with_one_digit_behind_the_point_at_least() {
        for (thousandths, text) in
            [(1000, "1.0"), (-3500, "-3.5"), (250, "0.25"), (1, "0.001"), (-12_345, "-12.345"), (2050, "2.05")]
        {
            assert_eq!(Scale::from_thousandths(thousandths).unwrap().to_string(), text);
        }
        assert_eq!((Scale::from_thousandths(0), Speed::from_thousandths(0)), (None, None));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(scale in -i32::MAX..=i32::MAX, speed: u32) {
            let (scale, speed) = (Scale::from_thousandths(scale), Speed::from_thousandths(speed));
            prop_assert_eq!(scale.and_then(|scale| Scale::parse(&scale.to_string())), scale);
            prop_assert_eq!(speed.and_then(|speed| Speed::parse(&speed.to_string())), speed);
        }

        #[test]
        fn no_text_makes_it_panic(value in "[-+]?[0-9.é]{0,40}") {
            let _ = (Scale::parse(&value), Speed::parse(&value));
        }
    }
}
