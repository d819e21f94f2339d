//! How much of what is sent to an input does not come.

use std::time::{Duration, Instant};

/// What is told is that of so long a time.
const WINDOW: Duration = Duration::from_secs(10);

/// Packets of one sender since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Packets {
    /// Those that never came.
    pub(crate) lost: u64,
    /// Those that came.
    pub(crate) came: u64,
}

/// The part of packets that were lost lately.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Losses {
    /// When the present window began, and what there was by then.
    begin: Option<(Instant, Packets)>,
    newest: Packets,
    /// That of the window before.
    last: Option<f64>,
}

impl Losses {
    /// There are so many by now.
    pub(super) fn note(&mut self, now: Instant, packets: Packets) {
        let (since, before) = *self.begin.get_or_insert((now, packets));
        self.newest = packets;
        if packets.came < before.came || packets.lost < before.lost {
            // Another sender.
            *self = Self { begin: Some((now, packets)), newest: packets, last: None };
        } else if now.saturating_duration_since(since) >= WINDOW {
            self.last = part(before, packets);
            self.begin = Some((now, packets));
        }
    }

    /// The part that was lost, 0 to 1. `None`: nothing is known yet, or nothing can be lost by that way.
    #[cfg(any(feature = "http", test))]
    pub(super) fn present(&self) -> Option<f64> {
        self.last.or_else(|| part(self.begin?.1, self.newest))
    }
}

fn part(before: Packets, now: Packets) -> Option<f64> {
    let (lost, came) = (now.lost.saturating_sub(before.lost), now.came.saturating_sub(before.came));
    (lost + came > 0).then(|| lost as f64 / (lost + came) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_those_of_the_last_seconds() {
        let begin = Instant::now();
        let mut losses = Losses::default();
        let mut note = |seconds, lost, came| {
            losses.note(begin + Duration::from_secs(seconds), Packets { lost, came });
            losses.present()
        };
        assert_eq!(note(0, 0, 10), None);
        assert_eq!(note(1, 10, 100), Some(0.1), "as soon as there is something");
        assert_eq!(note(10, 20, 190), Some(0.1));
        assert_eq!(note(15, 120, 190), Some(0.1), "until the next window is over");
        assert_eq!(note(20, 120, 290), Some(0.5));
        assert_eq!(note(30, 120, 390), Some(0.0));
        assert_eq!(note(31, 0, 1), None, "another sender");
    }
}
