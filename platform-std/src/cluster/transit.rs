//! How old a picture of another node is, where nobody knows what the clocks of two nodes have to do with each other.
//!
//! The difference between its arrival here and its capture there is its age and something unknown, which stays the same. So a picture
//! is older than the quickest one of the last minute by the difference of these differences.

use std::time::Duration;

use super::stamp::Stamp;

/// The last minute is kept in so many parts.
const PARTS: usize = 12;
/// Microseconds of one of them.
const PART: u64 = 5_000_000;

/// What is known of the pictures of one stream so far.
#[derive(Clone, Debug, Default)]
pub struct Transit {
    /// The least difference in each part of the last minute, and which part that is; the newest one last.
    least: Vec<(u64, i64)>,
    /// Whose clock that is.
    incarnation: Option<u32>,
    /// The number of the last picture.
    last: Option<u64>,
    /// When the last picture was taken, by our clock.
    captured: u64,
}

/// What became of a picture on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage {
    /// How old it is, more than the quickest ones are.
    pub age: Duration,
    /// When it was taken, in microseconds of our clock. It comes after that of the picture before.
    pub captured: u64,
    /// How many pictures before it have not arrived.
    pub missing: u32,
}

impl Transit {
    /// A picture has arrived, at `now` microseconds of our clock. `None`: it is not newer than the one before.
    pub fn arrive(&mut self, now: u64, stamp: Stamp) -> Option<Passage> {
        if self.incarnation.replace(stamp.incarnation) != Some(stamp.incarnation) {
            // Another clock, and other numbers.
            (self.least, self.last) = (Vec::new(), None);
        }
        let missing = match self.last {
            Some(last) => u32::try_from(stamp.number.checked_sub(last)?.checked_sub(1)?).unwrap_or(u32::MAX),
            None => 0,
        };
        self.last = Some(stamp.number);
        // The node may lie: the difference of any two numbers is one that can be compared with others of its kind.
        let difference = now.wrapping_sub(stamp.captured).cast_signed();
        let least = self.note(now, difference);
        let age = u64::try_from(difference.saturating_sub(least)).unwrap_or(0);
        self.captured = now.saturating_sub(age).max(self.captured.saturating_add(1));
        Some(Passage { age: Duration::from_micros(age), captured: self.captured, missing })
    }

    /// What comes from now on is not missed. How quick pictures were is known still: some that are late may come first where a network
    /// is mended.
    pub fn pause(&mut self) {
        self.last = None;
    }

    /// The least difference of the last minute, this one among them.
    fn note(&mut self, now: u64, difference: i64) -> i64 {
        let part = now / PART;
        self.least.retain(|&(at, _)| at.saturating_add(PARTS as u64) > part);
        match self.least.last_mut() {
            Some((at, least)) if *at == part => *least = (*least).min(difference),
            _ => self.least.push((part, difference)),
        }
        self.least.iter().map(|&(_, least)| least).min().unwrap_or(difference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn stamp(number: u64, captured: u64) -> Stamp {
        Stamp { incarnation: 1, number, captured, sent: captured }
    }

    fn ages(clock: u64, arrivals: &[(u64, u64)]) -> Vec<u64> {
        let mut transit = Transit::default();
        let age = |(number, &(captured, now)): (usize, &(u64, u64))| {
            let passage = transit.arrive(now, stamp(number as u64, captured.wrapping_add(clock)));
            passage.unwrap().age.as_micros() as u64
        };
        arrivals.iter().enumerate().map(age).collect()
    }

    #[test]
    fn a_picture_is_as_old_as_it_is_later_than_the_quickest() {
        let arrivals = [(0, 5_000), (40_000, 43_000), (80_000, 180_000), (120_000, 123_100)];
        // Whatever the other clock says, and where it wraps.
        for clock in [0, 77 * SECOND, u64::MAX - 50_000, 1 << 63] {
            assert_eq!(ages(clock, &arrivals), [0, 0, 97_000, 100], "{clock}");
        }
    }

    #[test]
    fn a_quick_one_counts_for_a_minute_so_that_clocks_may_drift() {
        let mut transit = Transit::default();
        let mut age =
            |number, captured: u64, now| transit.arrive(now, stamp(number, captured)).unwrap().age.as_micros();
        assert_eq!(age(0, 0, 1_000), 0);
        assert_eq!(age(1, 50 * SECOND, 50 * SECOND + 3_000), 2_000);
        assert_eq!(age(2, 66 * SECOND, 66 * SECOND + 4_000), 1_000);
    }

    #[test]
    fn holes_are_counted_and_what_comes_twice_is_left_out() {
        let mut transit = Transit::default();
        let mut missing = |number| transit.arrive(number * 40_000, stamp(number, number * 40_000)).map(|it| it.missing);
        assert_eq!(missing(7), Some(0), "what was before the first one is not missed");
        assert_eq!(missing(8), Some(0));
        assert_eq!(missing(12), Some(3));
        assert_eq!(missing(12), None);
        assert_eq!(missing(3), None);
        assert_eq!(missing(u64::from(u32::MAX) * 3), Some(u32::MAX));
    }

    #[test]
    fn what_comes_after_a_pause_is_not_missed_but_may_be_old() {
        let mut transit = Transit::default();
        let arrive =
            |transit: &mut Transit, number, captured, now| transit.arrive(now, stamp(number, captured)).unwrap();
        assert_eq!(arrive(&mut transit, 1, 0, 5_000).age, Duration::ZERO);
        transit.pause();
        let late = arrive(&mut transit, 90, 2 * SECOND, 10 * SECOND);
        assert_eq!((late.age, late.missing), (Duration::from_micros(8 * SECOND - 5_000), 0));
        let fresh = arrive(&mut transit, 91, 10 * SECOND, 10 * SECOND + 6_000);
        assert_eq!((fresh.age, fresh.missing), (Duration::from_micros(1_000), 0));
        // The node was started anew meanwhile: its clock is another one.
        transit.pause();
        let other = Stamp { incarnation: 2, ..stamp(0, 77 * SECOND) };
        assert_eq!(transit.arrive(11 * SECOND, other).unwrap().age, Duration::ZERO);
    }

    #[test]
    fn captures_keep_their_distances_and_their_order() {
        let mut transit = Transit::default();
        let mut captured = |stamp: Stamp, now| transit.arrive(now, stamp).unwrap().captured;
        assert_eq!(captured(stamp(0, 500), 10_000), 10_000);
        // Late by 30 ms, and taken 40 ms after the first.
        assert_eq!(captured(stamp(1, 40_500), 80_000), 50_000);
        // The stream has moved to a node with another clock.
        let moved = Stamp { incarnation: 9, number: 0, captured: 123 * SECOND, sent: 0 };
        assert_eq!(captured(moved, 90_000), 90_000);
        // A node that turns its clock back.
        assert_eq!(captured(Stamp { number: 1, captured: 200 * SECOND, ..moved }, 91_000), 91_000);
        let back = captured(Stamp { number: 2, captured: 0, ..moved }, 92_000);
        assert_eq!(back, 91_001);
    }

    #[test]
    fn no_numbers_make_it_stumble() {
        let mut transit = Transit::default();
        for now in [0, 1, SECOND, u64::MAX / 2, u64::MAX] {
            for captured in [0, 1, u64::MAX / 2, u64::MAX / 2 + 1, u64::MAX] {
                for number in [0, 1, u64::MAX] {
                    for incarnation in [0, 1] {
                        let _ = transit.arrive(now, Stamp { incarnation, number, captured, sent: 0 });
                    }
                }
            }
        }
        assert!(transit.least.len() <= PARTS);
    }
}
