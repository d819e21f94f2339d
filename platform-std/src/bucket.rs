//! A token bucket: so many at once, and one more after each interval.

use mutoscope::time::{Duration, Instant};

/// A token bucket, which is full at first.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bucket {
    /// When it is full again.
    full_at: Instant,
}

impl Bucket {
    /// Takes a token, of which there is a new one after each `interval`, and `burst` at most.
    pub(crate) fn take(&mut self, now: Instant, interval: Duration, burst: u32) -> bool {
        let full_at = self.full_at.max(now);
        if full_at.since(now) + interval > interval * burst {
            return false;
        }
        self.full_at = full_at.after(interval);
        true
    }

    pub(crate) fn is_full(&self, now: Instant) -> bool {
        self.full_at <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_at_once_and_then_one_in_each_interval() {
        let (mut bucket, interval) = (Bucket::default(), Duration::from_secs(10));
        let mut taken = |second: u64| {
            let now = Instant::from_millis(second * 1000);
            (0..100).take_while(|_| bucket.take(now, interval, 3)).count()
        };
        assert_eq!([taken(5), taken(14), taken(15), taken(16), taken(35), taken(500)], [3, 0, 1, 0, 2, 3]);
        assert!(!bucket.is_full(Instant::from_millis(529_999)) && bucket.is_full(Instant::from_millis(530_000)));
    }
}
