//! When to try again after the server was lost.

use mutoscope_std::client::Error;
use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(8);

/// For how long to keep trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    Endless,
    /// This long after the first failure the last attempt begins, which takes as long as it takes. There is one attempt if that
    /// took longer itself.
    ForAttempts(Duration),
    /// This long after trying began it is over, whatever is under way.
    InAll(Duration),
}

/// Backoff: half a second at first, twice as long each time, eight seconds at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reconnect {
    patience: Patience,
    attempts: u32,
    /// When trying began.
    began: Option<Instant>,
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
    pub(crate) fn new(patience: Patience) -> Self {
        Self { patience, attempts: 0, began: None, lost_at: None }
    }

    /// It works again, or is wanted no more.
    pub(crate) fn succeeded(&mut self) {
        (self.attempts, self.began, self.lost_at) = (0, None, None);
    }

    /// An attempt begins.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.began.get_or_insert(now);
    }

    /// When it is over, whatever is under way.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.patience {
            Patience::InAll(patience) => self.began?.checked_add(patience),
            Patience::Endless | Patience::ForAttempts(_) => None,
        }
    }

    /// The connection was lost, or an attempt to get it back failed.
    pub(crate) fn failed(&mut self, now: Instant) -> Decision {
        let began = *self.began.get_or_insert(now);
        let lost_at = *self.lost_at.get_or_insert(now);
        let delay = FIRST.saturating_mul(1 << self.attempts.min(8)).min(LONGEST);
        let mut at = now + delay;
        match self.patience {
            Patience::ForAttempts(patience)
                if at.duration_since(lost_at) > patience || lost_at.duration_since(began) > patience =>
            {
                return Decision::GiveUp;
            }
            Patience::InAll(_) => {
                // A last attempt just before the end, rather than none in a long wait for it.
                let last = self.deadline().and_then(|deadline| deadline.checked_sub(FIRST)).filter(|&last| last > now);
                let Some(last) = last else { return Decision::GiveUp };
                at = at.min(last);
            }
            Patience::Endless | Patience::ForAttempts(_) => {}
        }
        self.attempts = self.attempts.saturating_add(1);
        Decision::Retry { at, attempt: self.attempts }
    }
}

/// Whether trying again may help, without anybody changing anything. `worked`: this stream has played before, so that
/// even "404" may only mean that the server is just starting.
pub(crate) fn may_pass(error: &Error, worked: bool) -> bool {
    match error {
        Error::Url(_) | Error::Credentials | Error::RtpPort(_) => false,
        // Asking again and again with a wrong password locks users out of some cameras.
        Error::Unauthorized(_) => false,
        // Whom nobody believes, nobody believes a second later; somebody has to look.
        Error::Certificate { .. } => false,
        Error::Tls(_) => worked,
        Error::Refused { status, .. } => worked || matches!(status.0, 408 | 453 | 454 | 500 | 502 | 503 | 504),
        Error::NoDialect(standard, lab) => worked || (may_pass(standard, false) && may_pass(lab, false)),
        Error::Protocol(_) | Error::NoFile(_) => worked,
        Error::NoFrames(trouble) => worked || !trouble.lasts(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mutoscope::wire::rtsp::StatusCode;
    use mutoscope_std::client::Command;

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
        let mut reconnect = Reconnect::new(Patience::Endless);
        let expected = [500, 1000, 2000, 4000, 8000, 8000, 8000].map(Some);
        assert_eq!(delays(&mut reconnect, Instant::now(), 7), expected);
        reconnect.succeeded();
        assert_eq!(delays(&mut reconnect, Instant::now(), 1), [Some(500)]);
    }

    #[test]
    fn patience_ends_it() {
        let mut reconnect = Reconnect::new(Patience::ForAttempts(Duration::from_secs(4)));
        assert_eq!(delays(&mut reconnect, Instant::now(), 5), [Some(500), Some(1000), Some(2000), None, None]);
        assert_eq!(reconnect.deadline(), None);
        let mut slow = Reconnect::new(Patience::ForAttempts(Duration::from_secs(4)));
        let now = Instant::now();
        slow.begin(now);
        assert_eq!(slow.failed(now + Duration::from_secs(5)), Decision::GiveUp, "the first one took long enough");
        let mut impatient = Reconnect::new(Patience::ForAttempts(Duration::ZERO));
        assert_eq!(impatient.failed(Instant::now()), Decision::GiveUp);
    }

    #[test]
    fn all_of_it_ends_when_it_was_to_end() {
        let now = Instant::now();
        let mut reconnect = Reconnect::new(Patience::InAll(Duration::from_secs(5)));
        assert_eq!(reconnect.deadline(), None, "nothing has begun");
        reconnect.begin(now);
        let failed_at = now + Duration::from_secs(1);
        assert_eq!(delays(&mut reconnect, failed_at, 5), [Some(500), Some(1000), Some(2000), None, None]);
        assert_eq!(reconnect.deadline(), Some(now + Duration::from_secs(5)));
        reconnect.succeeded();
        assert_eq!(reconnect.deadline(), None);
        assert_eq!(delays(&mut reconnect, failed_at, 4), [500, 1000, 2000, 1000].map(Some), "the last one comes early");
        assert_eq!(delays(&mut reconnect, failed_at + Duration::from_millis(4500), 1), [None]);
    }

    #[test]
    fn attempts_are_counted() {
        let mut reconnect = Reconnect::new(Patience::Endless);
        let now = Instant::now();
        for expected in 1..5 {
            let Decision::Retry { attempt, .. } = reconnect.failed(now) else { panic!("it never gives up") };
            assert_eq!(attempt, expected);
        }
    }

    #[test]
    fn what_only_the_user_can_change_is_not_tried_again() {
        let refused = |code| Error::Refused { status: StatusCode(code), during: Command::Describe, location: None };
        for worked in [false, true] {
            assert!(!may_pass(&Error::Unauthorized(mutoscope_std::client::Unauthorized::Credentials), worked));
        }
        for code in [403, 404, 415, 461, 302] {
            assert!(!may_pass(&refused(code), false), "{code}");
            assert!(may_pass(&refused(code), true), "{code}");
        }
        for code in [454, 503] {
            assert!(may_pass(&refused(code), false), "{code}");
        }
        assert!(!may_pass(&Error::Url("x".into()), true));
        assert_eq!([false, true].map(|worked| may_pass(&Error::NoFile(Command::Play), worked)), [false, true]);
        assert!(may_pass(&Error::Closed(None), false));
        assert!(may_pass(
            &Error::NothingArrived {
                dialect: mutoscope_std::client::Dialect::Standard,
                transport: mutoscope_std::client::Transport::Udp
            },
            false
        ));
    }
}
