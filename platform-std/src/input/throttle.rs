//! How fast an input may be: no picture is worth more than a program that lets the others live.

use std::time::{Duration, Instant};

/// Bytes a second that an input may have, and at once. Sixty pictures of 1.5 MB are 90 MB.
pub(super) const MAX_BYTES: f64 = 128e6;
const MAX_BURST: f64 = 64e6;

/// What may be spent: so much at once, and so much more each second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Throttle {
    per_second: f64,
    burst: f64,
    left: f64,
    since: Option<Instant>,
}

impl Throttle {
    pub(crate) fn new(per_second: f64, burst: f64) -> Self {
        Self { per_second, burst, left: burst, since: None }
    }

    /// For the bytes of an input.
    pub(crate) fn of_input() -> Self {
        Self::new(MAX_BYTES, MAX_BURST)
    }

    /// Spends `amount`, also where that is too much. Gives the time after which it is not any more.
    pub(crate) fn spend(&mut self, now: Instant, amount: f64) -> Duration {
        let elapsed = self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        self.since = Some(now);
        self.left = (self.left + elapsed.as_secs_f64() * self.per_second).min(self.burst) - amount;
        Duration::from_secs_f64((-self.left / self.per_second).max(0.0))
    }

    /// Spends `amount` where there is so much.
    pub(super) fn try_spend(&mut self, now: Instant, amount: f64) -> bool {
        let before = *self;
        let is_there = self.spend(now, amount).is_zero();
        if !is_there {
            *self = before;
        }
        is_there
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_what_follows_has_its_rate() {
        let begin = Instant::now();
        let mut throttle = Throttle::new(100.0, 10.0);
        let mut now = begin;
        let mut waits = Vec::new();
        for _ in 0..110 {
            let wait = throttle.spend(now, 1.0);
            waits.push(wait);
            now += wait;
        }
        assert!(waits[..10].iter().all(Duration::is_zero));
        let took = (now - begin).as_secs_f64();
        assert!((0.999..1.001).contains(&took), "{took}");
    }

    #[test]
    fn what_is_not_there_is_not_spent() {
        let begin = Instant::now();
        let mut throttle = Throttle::new(100.0, 5.0);
        let passed = (0..10_000).filter(|micros| throttle.try_spend(begin + Duration::from_micros(micros * 100), 1.0));
        assert_eq!(passed.count(), 5 + 99);
    }
}
