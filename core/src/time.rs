//! Points in time. Nothing in the core reads a clock: the caller passes the time as an argument.

pub use core::time::Duration;

/// A point on the caller's monotonic clock, in microseconds since an epoch of the caller's choosing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Instant(u64);

impl Instant {
    /// The instant `micros` microseconds after the epoch.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The instant `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// This instant moved into the future, stopping at the end of time.
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }

    /// This instant moved into the past, stopping at the epoch.
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(micros(duration)))
    }

    /// The time from `earlier` to this instant; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The earlier of two deadlines, either of which may not exist.
pub fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// An NTP timestamp: seconds since 1900 as a 32.32 fixed-point number (RFC 3550 section 4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NtpTime(u64);

/// Seconds between 1900-01-01, where NTP starts, and 1970-01-01, where Unix time does.
const UNIX_EPOCH_IN_NTP: u64 = 2_208_988_800;

impl NtpTime {
    /// The timestamp with these 64 bits.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The timestamp of a Unix time in microseconds.
    pub const fn from_unix_micros(micros: u64) -> Self {
        let seconds = (micros / 1_000_000).wrapping_add(UNIX_EPOCH_IN_NTP);
        Self(seconds << 32).plus_micros(micros % 1_000_000)
    }

    /// All 64 bits: seconds in the upper half, fraction in the lower.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whole seconds since 1970, as the lab dialect's timestamps count them.
    pub const fn unix_seconds(self) -> u32 {
        ((self.0 >> 32).wrapping_sub(UNIX_EPOCH_IN_NTP)) as u32
    }

    /// The middle 32 bits, as report blocks carry them (LSR; RFC 3550 section 6.4.1), in units of 1/65536 s.
    pub const fn middle(self) -> u32 {
        (self.0 >> 16) as u32
    }

    /// This time `micros` microseconds later.
    pub const fn plus_micros(self, micros: u64) -> Self {
        let seconds = micros / 1_000_000;
        let fraction = ((micros % 1_000_000) << 32) / 1_000_000;
        Self(self.0.wrapping_add(seconds << 32).wrapping_add(fraction))
    }

    /// This time `micros` microseconds later; earlier if the number is negative.
    pub const fn offset_micros(self, micros: i64) -> Self {
        let distance = Self(0).plus_micros(micros.unsigned_abs()).0;
        Self(if micros < 0 { self.0.wrapping_sub(distance) } else { self.0.wrapping_add(distance) })
    }

    /// Microseconds from `earlier` to this time; negative if `earlier` is later. The two must be within 68 years of each other.
    pub const fn micros_since(self, earlier: Self) -> i64 {
        let distance = self.0.wrapping_sub(earlier.0).cast_signed();
        let (seconds, fraction) = (distance >> 32, distance & 0xffff_ffff);
        seconds.wrapping_mul(1_000_000).wrapping_add((fraction.wrapping_mul(1_000_000)) >> 32)
    }
}

/// Relates the caller's monotonic clock to NTP time. It holds the NTP time at `Instant` zero.
///
/// Use the default if there is no real-time clock. Sender reports then count from start-up, which is enough to synchronise
/// streams of one sender (RFC 3550 section 6.4.1 allows it).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WallClock {
    /// NTP time at `Instant::from_micros(0)`.
    pub at_zero: NtpTime,
}

impl WallClock {
    /// The NTP time at `now`.
    pub const fn ntp(self, now: Instant) -> NtpTime {
        self.at_zero.plus_micros(now.as_micros())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unix_time_becomes_ntp_time() {
        assert_eq!(NtpTime::from_unix_micros(0).bits() >> 32, 2_208_988_800);
        assert_eq!(NtpTime::from_unix_micros(500_000).bits() as u32, 1 << 31);
    }

    #[test]
    fn the_middle_counts_in_65536ths_of_a_second() {
        let start = NtpTime::from_bits(0);
        assert_eq!(start.plus_micros(1_500_000).middle(), 0x1_8000);
    }

    #[test]
    fn ntp_times_are_moved_and_subtracted_in_both_directions() {
        let start = NtpTime::from_unix_micros(1_700_000_000_250_000);
        for micros in [0, 1_000, 999_000, 5_750_000, 86_400_000_000] {
            let later = start.offset_micros(micros);
            assert!((later.micros_since(start) - micros).abs() <= 1, "{micros}");
            assert!((start.micros_since(later) + micros).abs() <= 1, "{micros}");
            assert!(later.offset_micros(-micros).micros_since(start).abs() <= 1);
        }
    }

    #[test]
    fn instants_saturate_at_both_ends_of_time() {
        assert_eq!(Instant::from_micros(u64::MAX).after(Duration::MAX), Instant::from_micros(u64::MAX));
        assert_eq!(Instant::from_micros(1).since(Instant::from_micros(2)), Duration::ZERO);
        assert_eq!(Instant::from_micros(1).before(Duration::from_secs(1)), Instant::from_micros(0));
    }
}
