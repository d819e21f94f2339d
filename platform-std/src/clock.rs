//! The core's clocks, made from the system's.

use std::time::SystemTime;

use mutoscope::io::Clock;
use mutoscope::time::{Instant, NtpTime, WallClock};

/// The system's monotonic clock, counted from the moment when this value was made. Copies of it agree.
#[derive(Clone, Copy, Debug)]
pub struct MonotonicClock {
    epoch: std::time::Instant,
}

impl MonotonicClock {
    /// A clock that reads zero now.
    pub fn new() -> Self {
        Self { epoch: std::time::Instant::now() }
    }

    /// Relates this clock to the system's calendar time at this moment. Sender reports stay on this line even if the
    /// system's time is stepped later: an even time line matters more to receivers than a correct one.
    pub fn wall_clock(&self) -> WallClock {
        let now = self.now();
        // A system clock before 1970 is not set. Reports then count from the start, as on boards without a clock.
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let unix_micros = u64::try_from(unix.as_micros()).unwrap_or(0);
        WallClock { at_zero: NtpTime::from_unix_micros(unix_micros.saturating_sub(now.as_micros())) }
    }
}

impl Default for MonotonicClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for MonotonicClock {
    fn now(&self) -> Instant {
        Instant::from_micros(u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_a_clock_agree_and_never_run_back() {
        let clock = MonotonicClock::new();
        let copy = clock;
        let first = clock.now();
        let second = copy.now();
        assert!(first <= second);
        assert!(second.since(first) < std::time::Duration::from_secs(1));
    }

    #[test]
    fn the_wall_clock_tells_the_system_time() {
        let clock = MonotonicClock::new();
        let ntp = clock.wall_clock().ntp(clock.now());
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let expected = NtpTime::from_unix_micros(unix.as_micros() as u64);
        assert!(ntp.bits().abs_diff(expected.bits()) >> 32 <= 1);
    }
}
