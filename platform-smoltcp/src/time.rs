//! The same microseconds in two types.

use mutoscope::time::Instant;
use smoltcp::time::Instant as SmoltcpInstant;

/// `now` as smoltcp counts it; stops at the end of its range, 292,000 years after the epoch.
pub fn to_smoltcp(now: Instant) -> SmoltcpInstant {
    SmoltcpInstant::from_micros(i64::try_from(now.as_micros()).unwrap_or(i64::MAX))
}

/// `instant` as the core counts it; instants before the epoch become the epoch.
pub fn from_smoltcp(instant: SmoltcpInstant) -> Instant {
    Instant::from_micros(u64::try_from(instant.total_micros()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_survives_the_way_there_and_back() {
        for micros in [0, 1, 1_500_000, i64::MAX as u64] {
            assert_eq!(from_smoltcp(to_smoltcp(Instant::from_micros(micros))).as_micros(), micros);
        }
    }

    #[test]
    fn time_beyond_either_end_stops_there() {
        assert_eq!(to_smoltcp(Instant::from_micros(u64::MAX)).total_micros(), i64::MAX);
        assert_eq!(from_smoltcp(SmoltcpInstant::from_micros(-1)), Instant::from_micros(0));
    }
}
