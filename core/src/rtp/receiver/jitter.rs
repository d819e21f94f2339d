//! Interarrival jitter (RFC 3550 section 6.4.1 and appendix A.8).

use crate::rtp::clock;
use crate::time::{Duration, Instant};

/// The largest change of transit time that counts: 10 s, in ticks. A larger change means that a clock was set, and would spoil
/// the estimate.
const DISCONTINUITY: u32 = 10 * clock::RATE;

/// A running estimate of how much transit times vary, in ticks of 90 kHz.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Jitter {
    /// 16 times the estimate, so that nothing is rounded away (appendix A.8).
    scaled: u32,
    transit: Option<u32>,
}

impl Jitter {
    /// Takes note of a packet with this timestamp that arrived at `now`.
    pub(super) fn handle(&mut self, now: Instant, timestamp: u32) {
        // The unknown difference of the clocks is part of each transit time, so the difference of two transit times is free
        // of it.
        let transit = clock::ticks(now.as_micros()).wrapping_sub(timestamp);
        let difference = self.transit.map_or(0, |before| transit.wrapping_sub(before).cast_signed().unsigned_abs());
        self.transit = Some(transit);
        if difference <= DISCONTINUITY {
            let decay = self.scaled.wrapping_add(8) >> 4;
            self.scaled = self.scaled.wrapping_add(difference).wrapping_sub(decay);
        }
    }

    /// Does not compare the next packet with the last, because another source or another PLAY begins.
    pub(super) fn interrupt(&mut self) {
        self.transit = None;
    }

    /// The estimate for reports, in ticks.
    pub(super) fn ticks(&self) -> u32 {
        self.scaled >> 4
    }

    /// The estimate as a duration.
    pub(super) fn duration(&self) -> Duration {
        Duration::from_micros(clock::micros(self.scaled.into()).unsigned_abs() / 16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steady_packets_have_no_jitter() {
        let mut jitter = Jitter::default();
        for frame in 0..100u32 {
            jitter.handle(Instant::from_millis(u64::from(frame) * 40), u32::MAX.wrapping_add(frame * 3600));
        }
        assert_eq!((jitter.ticks(), jitter.duration()), (0, Duration::ZERO));
    }

    #[test]
    fn alternating_delays_converge_to_their_difference() {
        let mut jitter = Jitter::default();
        for frame in 0..400u32 {
            let late = u64::from(frame % 2) * 2;
            jitter.handle(Instant::from_millis(u64::from(frame) * 40 + late), frame * 3600);
        }
        // 2 ms are 180 ticks.
        assert!((170..=180).contains(&jitter.ticks()), "{}", jitter.ticks());
        assert!((1_900..=2_000).contains(&jitter.duration().as_micros()), "{:?}", jitter.duration());
    }

    #[test]
    fn a_clock_set_anew_is_not_jitter() {
        let mut jitter = Jitter::default();
        jitter.handle(Instant::from_millis(0), 0);
        jitter.handle(Instant::from_millis(40), 0x8000_0000);
        jitter.handle(Instant::from_millis(80), 0x8000_0000 + 3600);
        assert_eq!(jitter.ticks(), 0);
        jitter.interrupt();
        jitter.handle(Instant::from_millis(5000), 0x8000_0000 + 3700);
        assert_eq!(jitter.ticks(), 0);
    }

    #[test]
    fn no_clock_overflows_it() {
        let mut jitter = Jitter::default();
        for at in [0, u64::MAX, 1, u64::MAX / 2, u64::MAX] {
            jitter.handle(Instant::from_micros(at), at as u32);
        }
        assert!(jitter.ticks() <= DISCONTINUITY);
    }
}
