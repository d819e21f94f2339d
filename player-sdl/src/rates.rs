//! Rates over the last two seconds. They are measured from arrival to arrival, so that a steady stream has a steady rate.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(2);
/// The most events that are kept, whatever a stream does. No real stream has so many in two seconds.
const MAX_EVENTS: usize = 4096;

/// The rate of events, and of the amounts that they bring.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rate {
    events: VecDeque<(Instant, u64)>,
}

impl Rate {
    /// Adds an event. `total` is the amount that this event and all before it have brought.
    pub(crate) fn add(&mut self, now: Instant, total: u64) {
        if self.events.back().is_some_and(|&(_, last)| last > total) || self.events.len() >= MAX_EVENTS {
            // A smaller total than before means that the sender of the events counts from the beginning again.
            self.events.clear();
        }
        self.events.push_back((now, total));
        self.expire(now);
    }

    /// Returns the number of events in a second, if there are any.
    pub(crate) fn events_per_second(&self, now: Instant) -> Option<f64> {
        let (span, _) = self.span(now)?;
        Some((self.events.len() - 1) as f64 / span)
    }

    /// Returns the amount that events bring in a second, if there are any.
    pub(crate) fn amount_per_second(&self, now: Instant) -> Option<f64> {
        let (span, amount) = self.span(now)?;
        Some(amount as f64 / span)
    }

    /// Forgets all events.
    pub(crate) fn clear(&mut self) {
        self.events.clear();
    }

    /// Returns the seconds between the first and the last event of the window, and the amount that came in between.
    fn span(&self, now: Instant) -> Option<(f64, u64)> {
        let (&(first, before), &(last, total)) = (self.events.front()?, self.events.back()?);
        let span = last.duration_since(first).as_secs_f64();
        // After two seconds without an event, the last events say nothing about the present rate.
        let current = now.saturating_duration_since(last) < WINDOW && span > 0.0;
        current.then(|| (span, total - before))
    }

    fn expire(&mut self, now: Instant) {
        while self.events.front().is_some_and(|&(at, _)| now.saturating_duration_since(at) > WINDOW) {
            self.events.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_stream_has_a_steady_rate_at_any_moment() {
        let (start, mut rate) = (Instant::now(), Rate::default());
        assert_eq!(rate.events_per_second(start), None);
        for event in 0..240_u32 {
            let now = start + Duration::from_secs_f64(f64::from(event) / 24.0);
            rate.add(now, u64::from(event) * 1000);
            if event > 0 {
                let later = now + Duration::from_millis(30);
                assert!((rate.events_per_second(later).unwrap() - 24.0).abs() < 1e-6);
                assert!((rate.amount_per_second(later).unwrap() - 24_000.0).abs() < 1e-3);
            }
        }
        assert_eq!(rate.events.len(), 49);
        assert_eq!(rate.events_per_second(start + Duration::from_secs(13)), None, "it has fallen silent");
    }

    #[test]
    fn a_count_that_begins_anew_begins_a_new_rate() {
        let (now, mut rate) = (Instant::now(), Rate::default());
        rate.add(now, 900);
        rate.add(now + Duration::from_millis(1), 3);
        assert_eq!(rate.amount_per_second(now), None);
    }
}
