//! How late a loop is with what is due.

use mutoscope::time::Duration;

/// The bounds of the buckets, in microseconds. What is above the last one is in none of them.
const BOUNDS: [u64; 11] = [250, 500, 1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 250_000, 1_000_000];

/// How often what was due had to wait for so long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lag {
    /// Those that are within a bound and above the one before; at last those above all.
    buckets: [u64; BOUNDS.len() + 1],
    sum: Duration,
}

impl Lag {
    pub(super) fn note(&mut self, late: Duration) {
        let micros = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
        self.buckets[BOUNDS.partition_point(|bound| *bound < micros)] += 1;
        self.sum = self.sum.saturating_add(late);
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (sum, more) in self.buckets.iter_mut().zip(other.buckets) {
            *sum += more;
        }
        self.sum = self.sum.saturating_add(other.sum);
    }
}

#[cfg(any(feature = "http", test))]
impl Lag {
    /// For each bound, in seconds, how often it was no more than that.
    pub(crate) fn up_to(&self) -> impl Iterator<Item = (f64, u64)> {
        let mut count = 0;
        BOUNDS.iter().zip(self.buckets).map(move |(bound, more)| {
            count += more;
            (*bound as f64 / 1e6, count)
        })
    }

    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    pub(crate) const fn sum(&self) -> Duration {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_in_all_bounds_that_it_is_within() {
        let mut lag = Lag::default();
        [0, 250, 251, 70_000, 9_000_000].iter().for_each(|&late| lag.note(Duration::from_micros(late)));
        let mut twice = lag;
        twice.add(&lag);
        let counts = |lag: &Lag| lag.up_to().map(|(_, count)| count).collect::<Vec<_>>();
        assert_eq!(counts(&lag), [2, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4]);
        assert_eq!((twice.count(), counts(&twice)[0], twice.sum()), (10, 4, Duration::from_micros(18_141_002)));
        assert_eq!(lag.up_to().next(), Some((0.000_25, 2)));
    }
}
