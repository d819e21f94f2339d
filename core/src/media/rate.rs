//! Frame rates.

use crate::time::Duration;
use core::fmt;
use core::str::FromStr;

/// Frames per second as a fraction, so that 30000/1001 stays exact over days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FrameRate {
    numerator: u32,
    denominator: u32,
}

impl FrameRate {
    /// `numerator / denominator` frames per second. `None` if either is 0, or if the rate lies outside 1/1000 to 1000.
    pub const fn new(numerator: u32, denominator: u32) -> Option<Self> {
        if numerator == 0
            || denominator == 0
            || numerator as u64 > (denominator as u64).saturating_mul(1000)
            || denominator as u64 > (numerator as u64).saturating_mul(1000)
        {
            return None;
        }
        Some(Self { numerator, denominator })
    }

    /// The number of frames in [`denominator`](Self::denominator) seconds.
    pub const fn numerator(self) -> u32 {
        self.numerator
    }

    /// The number of seconds that [`numerator`](Self::numerator) frames take.
    pub const fn denominator(self) -> u32 {
        self.denominator
    }

    /// The time that `frames` frames take, in microseconds, rounded down.
    pub const fn micros(self, frames: u64) -> u64 {
        // The product of 2^64 frames and a million needs a u128.
        let product = (frames as u128).wrapping_mul(1_000_000).wrapping_mul(self.denominator as u128);
        quotient(product, self.numerator as u128)
    }

    /// The time that `frames` frames take where they are shown `pace` thousandths times as fast, in microseconds, rounded down.
    pub(crate) const fn micros_at(self, frames: u64, pace: u32) -> u64 {
        if pace == 1000 {
            return self.micros(frames);
        }
        // Below 2^64 * 10^9 * 2^32, which is below 2^126.
        let product = (frames as u128).wrapping_mul(1_000_000_000).wrapping_mul(self.denominator as u128);
        quotient(product, (self.numerator as u128).wrapping_mul(pace as u128))
    }

    /// The number of whole frames in `micros`. It undoes the rounding of [`micros`](Self::micros): `frames_in(micros(n)) == n`.
    pub const fn frames_in(self, micros: u64) -> u64 {
        // This is the last n with n * 10^6 * denominator / numerator < micros + 1. If the quotient is whole, it is one less.
        let below = (micros as u128).wrapping_add(1).wrapping_mul(self.numerator as u128).wrapping_sub(1);
        quotient(below, (self.denominator as u128).wrapping_mul(1_000_000))
    }

    /// The duration of one frame.
    pub const fn interval(self) -> Duration {
        Duration::from_micros(self.micros(1))
    }
}

/// `value * by / per`, rounded down.
pub(crate) const fn scaled(value: u64, by: u32, per: u32) -> u64 {
    if by == per { value } else { quotient((value as u128).wrapping_mul(by as u128), per as u128) }
}

/// The quotient, or the largest number where it does not fit. It is not copied into its callers, because a division of 128 bits
/// takes kilobytes on a microcontroller.
#[inline(never)]
const fn quotient(dividend: u128, divisor: u128) -> u64 {
    match dividend.checked_div(divisor) {
        Some(quotient) if quotient <= u64::MAX as u128 => quotient as u64,
        _ => u64::MAX,
    }
}

/// Displays the rate as SDP's `a=framerate` has it (RFC 4566 section 6): `24`, `29.97`, at most three decimals.
impl fmt::Display for FrameRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (numerator, denominator) = (u64::from(self.numerator), u64::from(self.denominator));
        let rounded = numerator.saturating_mul(1000).saturating_add(denominator / 2);
        let thousandths = rounded.checked_div(denominator).unwrap_or(0);
        let (whole, decimals) = (thousandths / 1000, thousandths % 1000);
        match decimals {
            0 => write!(f, "{whole}"),
            _ if decimals % 100 == 0 => write!(f, "{whole}.{}", decimals / 100),
            _ if decimals % 10 == 0 => write!(f, "{whole}.{:02}", decimals / 10),
            _ => write!(f, "{whole}.{decimals:03}"),
        }
    }
}

/// The text is no frame rate between 1/1000 and 1000, such as `24`, `29.97` or `30000/1001`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct InvalidFrameRate;

impl fmt::Display for InvalidFrameRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a frame rate: write it as 24, 29.97 or 30000/1001, between 0.001 and 1000")
    }
}

impl core::error::Error for InvalidFrameRate {}

/// Reads a whole number, a decimal number or a fraction. A decimal that is a rounded NTSC rate becomes that rate: 23.976 is
/// 24000/1001, 29.97 is 30000/1001.
impl FromStr for FrameRate {
    type Err = InvalidFrameRate;

    fn from_str(text: &str) -> Result<Self, InvalidFrameRate> {
        let rate = match text.split_once('/') {
            Some((numerator, denominator)) => Self::new(digits(numerator)?, digits(denominator)?),
            None => match text.split_once('.') {
                Some((whole, decimals)) => Self::decimal(whole, decimals)?,
                None => Self::new(digits(text)?, 1),
            },
        };
        rate.ok_or(InvalidFrameRate)
    }
}

impl FrameRate {
    fn decimal(whole: &str, decimals: &str) -> Result<Option<Self>, InvalidFrameRate> {
        if decimals.len() > 6 {
            return Err(InvalidFrameRate);
        }
        let scale = 10_u64.saturating_pow(decimals.len() as u32);
        let whole = u64::from(digits(whole)?);
        if whole > 1000 {
            return Err(InvalidFrameRate);
        }
        // All numbers from here on are below 10^13.
        let value = whole.saturating_mul(scale).saturating_add(digits(decimals)?.into());
        // An NTSC rate is a thousandth below a whole rate. If it rounds to these digits, it is the rate that is meant.
        let ntsc = value.div_ceil(scale);
        let rounded = ntsc.saturating_mul(2000).saturating_mul(scale).saturating_add(1001) / (1001 * 2);
        if decimals.len() >= 2 && rounded == value && !value.is_multiple_of(scale) {
            return Ok(Self::new((ntsc as u32).saturating_mul(1000), 1001));
        }
        let divisor = gcd(value, scale);
        let reduced = |number: u64| number.checked_div(divisor).unwrap_or(number);
        // Both fit 32 bits: they are at most 1001 * 10^6.
        Ok(Self::new(reduced(value) as u32, reduced(scale) as u32))
    }
}

/// Reads digits alone: `u32::from_str` would accept a sign.
fn digits(text: &str) -> Result<u32, InvalidFrameRate> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidFrameRate);
    }
    text.parse().map_err(|_| InvalidFrameRate)
}

fn gcd(a: u64, b: u64) -> u64 {
    a.checked_rem(b).map_or(a.max(1), |rest| gcd(b, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    const NTSC: FrameRate = FrameRate { numerator: 30000, denominator: 1001 };

    #[test]
    fn rates_are_read_and_written() {
        // (text, numerator, denominator, written)
        let cases = [
            ("24", 24, 1, "24"),
            ("23.976", 24000, 1001, "23.976"),
            ("23.98", 24000, 1001, "23.976"),
            ("29.97", 30000, 1001, "29.97"),
            ("59.94", 60000, 1001, "59.94"),
            ("30000/1001", 30000, 1001, "29.97"),
            ("12.5", 25, 2, "12.5"),
            ("0.5", 1, 2, "0.5"),
            ("0.001", 1, 1000, "0.001"),
            ("1000", 1000, 1, "1000"),
            ("1000.0", 1000, 1, "1000"),
            ("25.00", 25, 1, "25"),
            ("8.33", 833, 100, "8.33"),
        ];
        for (text, numerator, denominator, written) in cases {
            let rate: FrameRate = text.parse().unwrap();
            assert_eq!((rate.numerator, rate.denominator), (numerator, denominator), "{text}");
            assert_eq!(rate.to_string(), written);
        }
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        let cases = [
            "",
            "0",
            "-24",
            "+24",
            "24 ",
            "1001",
            "1000.001",
            "24.",
            ".5",
            "24,5",
            "0.0001",
            "1/0",
            "0/1",
            "1/1001",
            "24/",
            "/1",
            "99999999999",
            "1.00000000001",
            "NaN",
            "1/2/3",
            "1.2.3",
        ];
        for case in cases {
            assert_eq!(case.parse::<FrameRate>(), Err(InvalidFrameRate), "{case}");
        }
    }

    #[test]
    fn frames_in_undoes_micros() {
        let rates = [
            NTSC,
            FrameRate::new(24, 1).unwrap(),
            FrameRate::new(1000, 1).unwrap(),
            FrameRate::new(1, 1000).unwrap(),
            FrameRate::new(7, 3).unwrap(),
        ];
        for rate in rates {
            for frames in (0..2000).chain([1_000_000, 1_000_000_007]) {
                let micros = rate.micros(frames);
                assert_eq!(rate.frames_in(micros), frames, "{rate}, frame {frames}");
                if micros > 0 {
                    assert_eq!(rate.frames_in(micros - 1), frames - 1, "{rate}, before frame {frames}");
                }
            }
        }
    }

    #[test]
    fn a_day_of_ntsc_is_exact() {
        assert_eq!(NTSC.micros(30_000 * 86_400), 1001 * 86_400 * 1_000_000);
        assert_eq!(NTSC.interval(), Duration::from_micros(33_366));
    }

    #[test]
    fn the_end_of_time_saturates() {
        assert_eq!(FrameRate::new(1, 1000).unwrap().micros(u64::MAX), u64::MAX);
        assert_eq!(FrameRate::new(1000, 1).unwrap().frames_in(u64::MAX), 18_446_744_073_709_551);
    }
}
