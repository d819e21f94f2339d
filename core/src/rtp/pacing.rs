//! When the next frame is due, and when the next report is.

use crate::media::FrameRate;
use crate::random::Random;
use crate::time::{Duration, Instant};

/// Deadlines of a constant frame rate without drift: frame n is due at anchor + n / rate, rounded once.
#[derive(Clone, Copy, Debug)]
pub struct Pacer {
    rate: FrameRate,
    anchor: Instant,
    index: u64,
}

impl Pacer {
    /// The first frame is due at `now`.
    pub fn new(rate: FrameRate, now: Instant) -> Self {
        Self { rate, anchor: now, index: 0 }
    }

    /// Frames per second.
    pub const fn rate(&self) -> FrameRate {
        self.rate
    }

    /// When the next frame is due.
    pub fn due(&self) -> Instant {
        self.anchor.after(Duration::from_micros(self.rate.micros(self.index)))
    }

    /// Moves on by so many frames.
    pub fn advance(&mut self, frames: u32) {
        self.index = self.index.saturating_add(frames.into());
    }

    /// Starts again at `now` (after PAUSE, or when hopelessly late).
    pub fn restart(&mut self, now: Instant) {
        *self = Self::new(self.rate, now);
    }
}

/// The time between reports (RFC 3550 section 6.2): the recommended minimum, which is enough for two members.
const REPORT_INTERVAL_MICROS: u64 = 5_000_000;

/// When RTCP reports are due: 5 s apart, varied by 0.5 to 1.5 (RFC 3550 section 6.2), the first one at once.
#[derive(Clone, Copy, Debug)]
pub struct ReportTimer {
    next: Instant,
    random: Random,
}

impl ReportTimer {
    /// The first report is due at `now`. `seed` should differ from session to session: an SSRC will do.
    pub fn new(now: Instant, seed: u32) -> Self {
        Self { next: now, random: Random::new(seed.into()) }
    }

    /// A report is due at `now`, because playing begins.
    pub fn restart(&mut self, now: Instant) {
        self.next = now;
    }

    /// When the next report is due.
    pub fn due(&self) -> Instant {
        self.next
    }

    /// A report left at `now`: plans the next one.
    pub fn sent(&mut self, now: Instant) {
        // interval * (0.5 + random / 2^32): the product stays below 2^55.
        let varied = REPORT_INTERVAL_MICROS.wrapping_mul(self.random.bits() >> 32) >> 32;
        self.next = now.after(Duration::from_micros((REPORT_INTERVAL_MICROS / 2).wrapping_add(varied)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(numerator: u32, denominator: u32) -> FrameRate {
        FrameRate::new(numerator, denominator).unwrap()
    }

    #[test]
    fn deadlines_do_not_drift_over_a_day() {
        for (rate, frames_a_day) in [(rate(24, 1), 24 * 86_400), (rate(30_000, 1001), 2_589_410)] {
            let start = Instant::from_millis(5);
            let mut pacer = Pacer::new(rate, start);
            assert_eq!(pacer.due(), start);
            for _ in 0..frames_a_day {
                pacer.advance(1);
            }
            let day = pacer.due().since(start).as_micros();
            assert!(day.abs_diff(86_400_000_000) < 34_000, "{rate:?}: {day}");
            assert_eq!(day, u128::from(rate.micros(frames_a_day)));
        }
    }

    #[test]
    fn a_restart_makes_the_next_frame_due_now() {
        let mut pacer = Pacer::new(rate(25, 1), Instant::default());
        pacer.advance(1);
        assert_eq!(pacer.due(), Instant::from_millis(40));
        pacer.restart(Instant::from_millis(1000));
        assert_eq!(pacer.due(), Instant::from_millis(1000));
        pacer.advance(1);
        assert_eq!(pacer.due(), Instant::from_millis(1040));
    }

    #[test]
    fn reports_are_five_seconds_apart_on_average_and_never_regular() {
        for seed in [0, 1, 0xdead_beef, u32::MAX] {
            let mut now = Instant::from_millis(7);
            let mut timer = ReportTimer::new(now, seed);
            assert_eq!(timer.due(), now);
            let mut gaps = std::collections::BTreeSet::new();
            for _ in 0..1000 {
                timer.sent(now);
                let gap = timer.due().since(now);
                assert!((Duration::from_millis(2500)..=Duration::from_millis(7500)).contains(&gap), "{gap:?}");
                gaps.insert(gap);
                now = timer.due();
            }
            let average = now.since(Instant::from_millis(7)).as_millis() / 1000;
            assert!((4800..5200).contains(&average), "seed {seed}: {average} ms");
            assert!(gaps.len() > 990);
        }
    }
}
