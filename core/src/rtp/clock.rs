//! The clock of RTP/JPEG. It runs at 90 kHz, so 9 ticks are 100 µs (RFC 2435 section 3).

/// Ticks in a second.
pub(crate) const RATE: u32 = 90_000;

/// The number of ticks in so many microseconds, modulo 2^32 like timestamps.
pub(crate) fn ticks(micros: u64) -> u32 {
    (u128::from(micros).wrapping_mul(9) / 100) as u32
}

/// The number of microseconds in so many ticks, rounded towards zero.
pub(crate) const fn micros(ticks: i64) -> i64 {
    // Beyond 2^56 ticks, which are 25,000 years, the result saturates.
    ticks.saturating_mul(100) / 9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_seconds_in_both_units() {
        for seconds in [0, 1, 47_721, 47_722, 1 << 39] {
            assert_eq!(ticks(seconds * 1_000_000), (seconds * u64::from(RATE)) as u32);
            assert_eq!(micros(seconds.cast_signed() * i64::from(RATE)), seconds.cast_signed() * 1_000_000);
        }
        assert_eq!((ticks(11), ticks(12), ticks(41_667)), (0, 1, 3750));
        assert_eq!((micros(1), micros(-1), micros(-90)), (11, -11, -1000));
        assert_eq!((micros(i64::MIN), micros(i64::MAX)), (i64::MIN / 9, i64::MAX / 9));
        assert_eq!(ticks(u64::MAX), (u128::from(u64::MAX) * 9 / 100) as u32);
    }
}
