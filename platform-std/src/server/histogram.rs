//! How often something was how much.

/// How many bounds each has. What is above the last one is in none of them.
const BOUNDS: usize = 11;

/// How often a quantity was within each of some bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Histogram {
    bounds: &'static [f64; BOUNDS],
    /// Those that are within a bound and above the one before; at last those above all.
    buckets: [u64; BOUNDS + 1],
    sum: f64,
}

impl Histogram {
    /// How late a loop is with what is due, in seconds.
    pub(crate) const LAG: Self =
        Self::new(&[0.000_25, 0.000_5, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.25, 1.0]);
    /// How long packets are on their way, or how much that differs, in seconds.
    pub(crate) const WAYS: Self = Self::new(&[0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0]);
    /// A part of all.
    pub(crate) const PARTS: Self = Self::new(&[0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0]);

    const fn new(bounds: &'static [f64; BOUNDS]) -> Self {
        Self { bounds, buckets: [0; BOUNDS + 1], sum: 0.0 }
    }

    pub(super) fn note(&mut self, value: f64) {
        self.buckets[self.bounds.partition_point(|bound| *bound < value)] += 1;
        self.sum += value;
    }

    /// Adds one of the same bounds.
    pub(super) fn add(&mut self, other: &Self) {
        for (sum, more) in self.buckets.iter_mut().zip(other.buckets) {
            *sum += more;
        }
        self.sum += other.sum;
    }
}

#[cfg(any(feature = "http", test))]
impl Histogram {
    /// For each bound how often it was no more than that.
    pub(crate) fn up_to(&self) -> impl Iterator<Item = (f64, u64)> {
        let mut count = 0;
        self.bounds.iter().zip(self.buckets).map(move |(bound, more)| {
            count += more;
            (*bound, count)
        })
    }

    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    pub(crate) const fn sum(&self) -> f64 {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_in_all_bounds_that_it_is_within() {
        let mut lag = Histogram::LAG;
        [0.0, 0.000_25, 0.000_251, 0.07, 9.0].iter().for_each(|&late| lag.note(late));
        let mut twice = lag;
        twice.add(&lag);
        let counts = |lag: &Histogram| lag.up_to().map(|(_, count)| count).collect::<Vec<_>>();
        assert_eq!(counts(&lag), [2, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4]);
        assert_eq!((twice.count(), counts(&twice)[0]), (10, 4));
        assert!((twice.sum() - 18.141_002).abs() < 1e-9);
        assert_eq!(lag.up_to().next(), Some((0.000_25, 2)));
    }

    #[test]
    fn bounds_grow() {
        for histogram in [Histogram::LAG, Histogram::WAYS, Histogram::PARTS] {
            assert!(histogram.bounds.is_sorted_by(|a, b| a < b));
        }
    }
}
