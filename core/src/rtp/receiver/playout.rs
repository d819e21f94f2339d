//! The jitter buffer's clock. It decides when a frame is due.

use crate::rtp::mapping::Mapping;
use crate::time::{Duration, Instant};

/// Holds frames back for so long that those which waited in queues come out evenly.
#[derive(Clone, Copy, Debug)]
pub(super) struct Playout {
    delay: Duration,
    mapping: Mapping,
}

impl Playout {
    /// A frame is due `delay` after its fastest possible arrival. With a delay of zero it is due at once, whatever its
    /// timestamp is.
    pub(super) fn new(delay: Duration) -> Self {
        Self { delay, mapping: Mapping::default() }
    }

    /// The time when a frame is due that has this timestamp and whose first packet came at `arrival`.
    pub(super) fn due(&mut self, timestamp: u32, arrival: Instant) -> Instant {
        if self.delay.is_zero() {
            return arrival;
        }
        self.mapping.at(timestamp, arrival).after(self.delay)
    }

    /// The time when a frame is due whose timestamp carries no meaning.
    pub(super) fn due_untimed(&self, arrival: Instant) -> Instant {
        arrival.after(self.delay)
    }

    /// The next frame starts a new mapping.
    pub(super) fn reset(&mut self) {
        self.mapping.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Duration = Duration::from_millis(100);

    fn ms(millis: u64) -> Instant {
        Instant::from_millis(1000 + millis)
    }

    #[test]
    fn without_a_delay_every_frame_is_due_at_once() {
        let mut playout = Playout::new(Duration::ZERO);
        for (timestamp, arrival) in [(0, ms(0)), (3600, ms(500)), (7200, ms(90))] {
            assert_eq!(playout.due(timestamp, arrival), arrival);
        }
    }

    #[test]
    fn jitter_is_evened_out() {
        let mut playout = Playout::new(DELAY);
        for frame in 0..200u32 {
            let arrival = ms(u64::from(frame) * 40 + u64::from(frame * 7 % 5));
            let due = playout.due(frame.wrapping_mul(3600).wrapping_sub(5000), arrival);
            let ideal = ms(u64::from(frame) * 40 + 100).as_micros();
            assert!(due.as_micros().abs_diff(ideal) < 400, "frame {frame}: {} off", due.as_micros().abs_diff(ideal));
        }
    }

    #[test]
    fn the_fastest_frame_pulls_the_others_forward_at_once() {
        let mut playout = Playout::new(DELAY);
        assert_eq!(playout.due(0, ms(30)), ms(130));
        assert_eq!(playout.due(3600, ms(40)), ms(140));
        assert_eq!(playout.due(7200, ms(80)), ms(180));
    }

    #[test]
    fn a_clock_that_runs_slow_is_followed() {
        let mut playout = Playout::new(DELAY);
        let mut behind = 0;
        for frame in 0..24 * 600u64 {
            // The sender's seconds are 200 ppm too long.
            let arrival = Instant::from_micros(frame * 1_000_200 / 24);
            let due = playout.due((frame * 3750) as u32, arrival);
            behind = arrival.after(DELAY).as_micros().abs_diff(due.as_micros());
        }
        assert!(behind < 2_000, "{behind} µs behind after ten minutes");
    }

    #[test]
    fn a_discontinuity_starts_over() {
        let mut playout = Playout::new(DELAY);
        playout.due(0, ms(0));
        assert_eq!(playout.due(0x7000_0000, ms(40)), ms(140));
        assert_eq!(playout.due(5, ms(80)), ms(180), "and back");
        assert_eq!(playout.due(3605, ms(5000)), ms(5100), "a pause without one in the timestamps");
        playout.reset();
        assert_eq!(playout.due(7205, ms(6000)), ms(6100));
        assert_eq!(playout.due_untimed(ms(7)), ms(107));
    }

    #[test]
    fn the_ends_of_time_are_no_problem() {
        let mut playout = Playout::new(Duration::MAX);
        for at in [0, u64::MAX, 0, u64::MAX / 2] {
            playout.due(0x8000_0000, Instant::from_micros(at));
            playout.due(0, Instant::from_micros(at));
        }
    }
}
