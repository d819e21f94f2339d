//! How often a wall is drawn. Its tiles bring pictures at any moment, and drawing the window for each of them would take more than all
//! decoding: what comes within a sixtieth of a second is drawn at once, and drawing never takes more than half of the time.

use std::time::{Duration, Instant};

/// No display shows more than a picture in this time, or hardly any.
const LEAST: Duration = Duration::from_micros(16_600);
/// It is never longer than this until the wall is drawn again.
const MOST: Duration = Duration::from_millis(100);

/// When the wall may be drawn again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    due: Instant,
}

impl Pace {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { due: now }
    }

    /// The wall was drawn between these instants.
    pub(crate) fn handle_drawn(&mut self, began: Instant, ended: Instant) {
        let took = ended.saturating_duration_since(began);
        self.due = began + (2 * took).clamp(LEAST, MOST);
    }

    /// How long to wait before it is drawn again.
    pub(crate) fn rest(&self, now: Instant) -> Duration {
        self.due.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawing_takes_half_of_the_time_at_most_and_is_not_put_off_for_long() {
        let began = Instant::now();
        let mut pace = Pace::new(began);
        assert_eq!(pace.rest(began), Duration::ZERO);
        for (took, due) in [(1_000, 16_600), (8_000, 16_600), (20_000, 40_000), (90_000, 100_000), (300_000, 100_000)] {
            pace.handle_drawn(began, began + Duration::from_micros(took));
            assert_eq!(pace.rest(began), Duration::from_micros(due));
        }
        assert_eq!(pace.rest(began + Duration::from_secs(1)), Duration::ZERO);
    }
}
