//! The jitter buffer's clock. It decides when a frame is due.

use crate::rtp::clock;
use crate::time::{Duration, Instant};

/// If a frame's arrival differs by more than this from the mapping, the frame starts a new mapping.
const DISCONTINUITY_MICROS: i64 = 2_000_000;

/// The mapping follows late frames by 1/128 of the lateness per frame. At 24 frames a second this keeps up with clocks that run
/// apart by far more than the 100 ppm of bad crystals, and jitter hardly moves it.
const FOLLOW_SHIFT: u32 = 7;

/// Maps RTP timestamps (90 kHz) to the receiver's clock.
///
/// The frame that travelled fastest defines it. Slower frames waited in queues, and the playout delay evens that out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Playout {
    delay: Duration,
    /// A timestamp, and the instant when a frame of this timestamp arrives if nothing delays it.
    reference: Option<(u32, Instant)>,
}

impl Playout {
    /// A frame is due `delay` after its fastest possible arrival. With a delay of zero it is due at once, whatever its
    /// timestamp is.
    pub(super) fn new(delay: Duration) -> Self {
        Self { delay, reference: None }
    }

    /// The time when a frame is due that has this timestamp and whose first packet came at `arrival`.
    pub(super) fn due(&mut self, timestamp: u32, arrival: Instant) -> Instant {
        if self.delay.is_zero() {
            return arrival;
        }
        let at = match self.reference {
            Some((reference, at)) => follow(reference, at, timestamp, arrival).unwrap_or(arrival),
            None => arrival,
        };
        self.reference = Some((timestamp, at));
        at.after(self.delay)
    }

    /// The time when a frame is due whose timestamp carries no meaning.
    pub(super) fn due_untimed(&self, arrival: Instant) -> Instant {
        arrival.after(self.delay)
    }

    /// The next frame starts a new mapping.
    pub(super) fn reset(&mut self) {
        self.reference = None;
    }
}

/// The frame's time by the mapping, moved towards its arrival. `None` if the two are too far apart to be related.
fn follow(reference: u32, at: Instant, timestamp: u32, arrival: Instant) -> Option<Instant> {
    let ahead = clock::micros(timestamp.wrapping_sub(reference).cast_signed().into());
    let at = at.as_micros().checked_add_signed(ahead)?;
    let late = i64::try_from(i128::from(arrival.as_micros()).wrapping_sub(i128::from(at))).ok()?;
    if late.unsigned_abs() > DISCONTINUITY_MICROS.unsigned_abs() {
        return None;
    }
    let correction = if late < 0 { late } else { late >> FOLLOW_SHIFT };
    at.checked_add_signed(correction).map(Instant::from_micros)
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
