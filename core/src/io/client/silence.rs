//! Noticing that nothing comes.

use crate::time::{Duration, Instant};

/// Watches for the absence of packets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Silence {
    since: Instant,
    pub(super) due: Option<Instant>,
}

impl Silence {
    pub(super) fn start(&mut self, now: Instant, interval: Duration) {
        *self = Self { since: now, due: Some(now.after(interval)) };
    }

    pub(super) fn stop(&mut self) {
        self.due = None;
    }

    /// A packet came. The deadline is left alone, so that this costs next to nothing: `poll` moves it.
    pub(super) fn broken(&mut self, now: Instant) {
        self.since = now;
    }

    pub(super) fn poll(&mut self, now: Instant, interval: Duration) -> Option<Duration> {
        self.due.filter(|&due| due <= now)?;
        let lasting = now.since(self.since);
        if lasting < interval {
            self.due = Some(self.since.after(interval));
            return None;
        }
        self.due = Some(now.after(interval));
        Some(lasting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(3);

    const fn at(seconds: u64) -> Instant {
        Instant::from_millis(seconds * 1000)
    }

    #[test]
    fn silence_is_told_at_every_interval_until_a_packet_breaks_it() {
        let mut silence = Silence::default();
        assert_eq!(silence.poll(at(100), INTERVAL), None);
        silence.start(at(10), INTERVAL);
        assert_eq!(silence.poll(at(12), INTERVAL), None);
        assert_eq!(silence.poll(at(13), INTERVAL), Some(Duration::from_secs(3)));
        assert_eq!(silence.poll(at(13), INTERVAL), None);
        assert_eq!(silence.poll(at(16), INTERVAL), Some(Duration::from_secs(6)));
        silence.broken(at(17));
        assert_eq!(silence.poll(at(19), INTERVAL), None);
        assert_eq!(silence.due, Some(at(20)), "three seconds after the packet");
        assert_eq!(silence.poll(at(20), INTERVAL), Some(Duration::from_secs(3)));
        silence.stop();
        assert_eq!((silence.poll(at(99), INTERVAL), silence.due), (None, None));
    }

    #[test]
    fn a_late_look_does_not_bring_a_burst_of_news() {
        let mut silence = Silence::default();
        silence.start(at(0), INTERVAL);
        assert_eq!(silence.poll(at(1000), INTERVAL), Some(Duration::from_secs(1000)));
        assert_eq!(silence.poll(at(1000), INTERVAL), None);
        assert_eq!(silence.due, Some(at(1003)));
    }
}
