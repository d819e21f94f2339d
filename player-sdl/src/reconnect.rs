//! When to try again after the server was lost.

use platform_std::client::Error;
use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(8);

/// Backoff: half a second at first, twice as long each time, eight seconds at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reconnect {
    /// For how long to keep trying; `None`: for ever.
    patience: Option<Duration>,
    attempts: u32,
    lost_at: Option<Instant>,
}

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Try again then.
    Retry { at: Instant, attempt: u32 },
    /// It has been long enough.
    GiveUp,
}

impl Reconnect {
    pub(crate) fn new(patience: Option<Duration>) -> Self {
        Self { patience, attempts: 0, lost_at: None }
    }

    /// It works again.
    pub(crate) fn succeeded(&mut self) {
        (self.attempts, self.lost_at) = (0, None);
    }

    /// The connection was lost, or an attempt to get it back failed.
    pub(crate) fn failed(&mut self, now: Instant) -> Decision {
        let lost_at = *self.lost_at.get_or_insert(now);
        let delay = FIRST.saturating_mul(1 << self.attempts.min(8)).min(LONGEST);
        let at = now + delay;
        if self.patience.is_some_and(|patience| at.duration_since(lost_at) > patience) {
            return Decision::GiveUp;
        }
        self.attempts = self.attempts.saturating_add(1);
        Decision::Retry { at, attempt: self.attempts }
    }
}

/// Whether trying again may help, without anybody changing anything. `worked`: this stream has played before, so that
/// even "404" may only mean that the server is just starting.
pub(crate) fn may_pass(error: &Error, worked: bool) -> bool {
    match error {
        Error::Url(_) | Error::RtpPort(_) => false,
        Error::Refused { status, .. } => worked || matches!(status.0, 408 | 453 | 454 | 500 | 502 | 503 | 504),
        Error::NoDialect(standard, lab) => worked || (may_pass(standard, false) && may_pass(lab, false)),
        Error::Protocol(_) => worked,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mutoscope::wire::rtsp::StatusCode;
    use platform_std::client::Command;

    fn delays(reconnect: &mut Reconnect, mut now: Instant, count: usize) -> Vec<Option<u128>> {
        let mut delay = || match reconnect.failed(now) {
            Decision::Retry { at, .. } => {
                let delay = at - now;
                now = at;
                Some(delay.as_millis())
            }
            Decision::GiveUp => None,
        };
        (0..count).map(|_| delay()).collect()
    }

    #[test]
    fn waiting_doubles_up_to_a_limit_and_starts_over_after_success() {
        let mut reconnect = Reconnect::new(None);
        let expected = [500, 1000, 2000, 4000, 8000, 8000, 8000].map(Some);
        assert_eq!(delays(&mut reconnect, Instant::now(), 7), expected);
        reconnect.succeeded();
        assert_eq!(delays(&mut reconnect, Instant::now(), 1), [Some(500)]);
    }

    #[test]
    fn patience_ends_it() {
        let mut reconnect = Reconnect::new(Some(Duration::from_secs(4)));
        assert_eq!(delays(&mut reconnect, Instant::now(), 5), [Some(500), Some(1000), Some(2000), None, None]);
        let mut impatient = Reconnect::new(Some(Duration::ZERO));
        assert_eq!(impatient.failed(Instant::now()), Decision::GiveUp);
    }

    #[test]
    fn attempts_are_counted() {
        let mut reconnect = Reconnect::new(None);
        let now = Instant::now();
        for expected in 1..5 {
            let Decision::Retry { attempt, .. } = reconnect.failed(now) else { panic!("it never gives up") };
            assert_eq!(attempt, expected);
        }
    }

    #[test]
    fn what_only_the_user_can_change_is_not_tried_again() {
        let refused = |code| Error::Refused { status: StatusCode(code), during: Command::Describe, location: None };
        for code in [401, 404, 415, 461, 302] {
            assert!(!may_pass(&refused(code), false), "{code}");
            assert!(may_pass(&refused(code), true), "{code}");
        }
        for code in [454, 503] {
            assert!(may_pass(&refused(code), false), "{code}");
        }
        assert!(!may_pass(&Error::Url("x".into()), true));
        assert!(may_pass(&Error::Closed(None), false));
        assert!(may_pass(&Error::NothingArrived(platform_std::client::Dialect::Standard), false));
    }
}
