//! How many pictures a second a live medium has, where nobody says so.

use std::time::{Duration, Instant};

use mutoscope::media::FrameRate;

/// The rate of a medium of which nothing is known yet.
const DEFAULT: FrameRate = match FrameRate::new(25, 1) {
    Some(rate) => rate,
    None => panic!("25 is a rate"),
};
/// Pictures that are looked at before a rate is believed, and at most.
const FEWEST: usize = 5;
const MOST: usize = 30;
/// Rates that cameras have. What is measured is one of them where it is this near.
const USUAL: [(u32, u32); 15] = [
    (1, 1),
    (2, 1),
    (5, 1),
    (15, 2),
    (10, 1),
    (25, 2),
    (15, 1),
    (20, 1),
    (24, 1),
    (25, 1),
    (30, 1),
    (50, 1),
    (60, 1),
    (90, 1),
    (120, 1),
];
const NEAR: f64 = 0.04;
/// The mean forgets: each interval weighs a sixteenth, and those before it the rest.
const MEMORY: u32 = 16;

/// The rate of a live medium, given or measured.
pub(super) struct Cadence {
    given: Option<FrameRate>,
    measured: Option<FrameRate>,
    last: Option<Instant>,
    intervals: Vec<Duration>,
    /// The mean of the intervals up to now, of which the last ones weigh most.
    recent: Option<Duration>,
}

impl Cadence {
    pub(super) fn new(given: Option<FrameRate>) -> Self {
        Self { given, measured: None, last: None, intervals: Vec::new(), recent: None }
    }

    /// Pictures per second: what was given, or what was measured, or 25.
    pub(super) fn rate(&self) -> FrameRate {
        self.given.or(self.measured).unwrap_or(DEFAULT)
    }

    /// A picture was taken.
    pub(super) fn note(&mut self, captured: Instant) {
        let Some(last) = self.last.replace(captured) else { return };
        let interval = captured.saturating_duration_since(last);
        self.recent = Some(self.recent.map_or(interval, |mean| (mean * (MEMORY - 1) + interval) / MEMORY));
        if self.given.is_some() || self.intervals.len() >= MOST {
            return;
        }
        self.intervals.push(interval);
        if self.intervals.len() + 1 >= FEWEST {
            self.measured = nearest(median(&self.intervals));
        }
    }

    /// Pictures per second that there are now, the newest of which is so old. `None`: there was none before that.
    #[cfg(any(feature = "http", test))]
    pub(super) fn present_rate(&self, age: Duration) -> Option<f64> {
        let interval = self.recent?.max(age).as_secs_f64();
        (interval > 0.0).then(|| 1.0 / interval)
    }

    /// The next picture does not follow the last one.
    pub(super) fn interrupt(&mut self) {
        (self.last, self.recent) = (None, None);
    }
}

/// The interval in the middle: a pause or a burst among the first pictures changes nothing.
fn median(intervals: &[Duration]) -> Duration {
    let mut sorted = intervals.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2]
}

fn nearest(interval: Duration) -> Option<FrameRate> {
    let rate = 1.0 / interval.as_secs_f64();
    let is_near = |(numerator, denominator): &&(u32, u32)| {
        let usual = f64::from(*numerator) / f64::from(*denominator);
        (rate / usual - 1.0).abs() < NEAR
    };
    match USUAL.iter().find(is_near) {
        Some((numerator, denominator)) => FrameRate::new(*numerator, *denominator),
        // Infinite where all came at once.
        None if (0.001..=1000.0).contains(&rate) => FrameRate::new((rate * 1000.0).round() as u32, 1000),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(millis: &[u64]) -> String {
        let mut cadence = Cadence::new(None);
        let begin = Instant::now();
        for at in millis {
            cadence.note(begin + Duration::from_millis(*at));
        }
        cadence.rate().to_string()
    }

    #[test]
    fn the_rate_is_that_of_most_of_the_first_pictures() {
        for (millis, rate) in [
            (&[][..], "25"),
            (&[0, 100, 200, 300], "25"),
            (&[0, 100, 200, 300, 400], "10"),
            (&[0, 0, 33, 66, 2000, 2034, 2067, 2100], "30"),
            (&[0, 0, 0, 0, 0, 0], "25"),
            (&[0, 2500, 5000, 7500, 10_000], "0.4"),
            (&[0, 300, 600, 899, 1200], "3.333"),
        ] {
            assert_eq!(measured(millis), rate, "{millis:?}");
        }
    }

    #[test]
    fn the_present_rate_follows_the_pictures() {
        let begin = Instant::now();
        let at = |millis| begin + Duration::from_millis(millis);
        let rate = |cadence: &Cadence, age| cadence.present_rate(Duration::from_millis(age)).map(f64::round);
        let mut cadence = Cadence::new(FrameRate::new(25, 1));
        cadence.note(at(0));
        assert_eq!(rate(&cadence, 10), None, "one picture is no rate");
        (1..=10).for_each(|number| cadence.note(at(number * 100)));
        assert_eq!(rate(&cadence, 50), Some(10.0));
        assert_eq!(rate(&cadence, 500), Some(2.0), "the next one is overdue");
        (1..=100).for_each(|number| cadence.note(at(1000 + number * 20)));
        assert_eq!(rate(&cadence, 0), Some(50.0));
        cadence.interrupt();
        assert_eq!(rate(&cadence, 0), None);
    }

    #[test]
    fn a_given_rate_stays_and_an_interruption_is_no_interval() {
        let begin = Instant::now();
        let at = |millis| begin + Duration::from_millis(millis);
        let mut given = Cadence::new(FrameRate::new(5, 1));
        let mut cadence = Cadence::new(None);
        for millis in [0, 40, 80, 120, 160, 200] {
            given.note(at(millis));
            cadence.note(at(millis * 100));
            cadence.interrupt();
        }
        assert_eq!((given.rate().to_string(), cadence.rate().to_string()), ("5".to_owned(), "25".to_owned()));
    }
}
