//! When the next report is due.

use crate::random::Random;
use crate::time::{Duration, Instant};

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
