//! When pictures were taken, as their sender tells it, on our clock.

use std::time::{Duration, Instant};

/// A picture that is older than this by its sender's clock is not: that clock was set.
const MAX_AGE: Duration = Duration::from_secs(5);

/// Relates a sender's clock to ours. The picture that came soonest after it was taken tells how they stand, so that what the
/// network delays does not delay what the timestamps tell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SenderClock {
    /// One instant on both clocks.
    anchor: Option<(Duration, Instant)>,
}

impl SenderClock {
    /// When a picture was taken that says `told` and has come now.
    pub(crate) fn instant(&mut self, told: Duration, now: Instant) -> Instant {
        let taken = self.anchor.and_then(|(sender, ours)| match told.checked_sub(sender) {
            Some(later) => ours.checked_add(later),
            None => ours.checked_sub(sender - told),
        });
        match taken {
            Some(taken) if taken <= now && now - taken <= MAX_AGE => taken,
            _ => {
                self.anchor = Some((told, now));
                now
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_far_apart_as_told_and_never_ahead() {
        let begin = Instant::now();
        let mut clock = SenderClock::default();
        // What the sender says, when it comes, and when that is taken to be; in milliseconds.
        for (told, came, taken) in [
            (1_700_000_000_000, 300, 300),
            (1_700_000_000_040, 390, 340),
            // It came sooner after it was taken than those before.
            (1_700_000_000_080, 370, 370),
            (1_700_000_000_120, 450, 410),
            // The clock was set.
            (5000, 500, 500),
            (5040, 541, 540),
            (9_000_000, 580, 580),
            (9_000_040, 9000, 9000),
        ] {
            let at = |millis| begin + Duration::from_millis(millis);
            assert_eq!(clock.instant(Duration::from_millis(told), at(came)), at(taken), "{told}");
        }
    }
}
