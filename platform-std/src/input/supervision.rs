//! When one input starts and stops, decided without a thread or a clock.
//!
//! ```text
//!            somebody watches             a picture
//!   Idle ────────────────────▶ Starting ────────────▶ Running
//!    ▲ ▲                        ▲ │ └───────┬────────────┘
//!    │ └─ nobody ── Waiting ────┘ │         │ nobody watches for a while
//!    │                 ▲ backoff  │         ▼
//!    │                 └──────────┘      Stopping
//!    └──────────────────────────────────────┘ it ended
//! ```

use std::time::{Duration, Instant};

use super::spec::Start;

/// How long an input that nobody watches runs on: whoever looks away for a moment need not wait for it to start again.
pub const LINGER: Duration = Duration::from_secs(10);
/// How long to wait before an input that ended is started again, at first and at most. The time doubles each time.
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);
/// An input that gave pictures for this long ran well: what was before is forgotten.
const WELL: Duration = Duration::from_secs(10);

/// What an input does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing, since nobody watches.
    Idle,
    /// It runs and has not given a picture yet.
    Starting,
    /// It gives pictures, or gave some.
    Running {
        /// When the first picture came.
        since: Instant,
    },
    /// It was told to end.
    Stopping,
    /// It ended by itself or failed, and starts again.
    Waiting {
        /// When.
        until: Instant,
    },
    /// It ended and cannot start again.
    Over,
}

/// What is to be done with an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Action {
    /// Run it, and tell with [`Supervision::handle_end`] when it has ended.
    Start,
    /// Tell it to end.
    Stop,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It may be tried again.
    Temporary,
    /// It may not.
    Final,
}

/// One input's state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Supervision {
    start: Start,
    state: State,
    /// Since when nobody watches.
    unwatched: Option<Instant>,
    /// Ends in a row after which it had not run well.
    failures: u32,
    /// It does not start earlier.
    not_before: Option<Instant>,
    is_over: bool,
}

impl Supervision {
    pub(super) fn new(start: Start) -> Self {
        Self { start, state: State::Idle, unwatched: None, failures: 0, not_before: None, is_over: false }
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// It is to end for good.
    pub(super) fn shut_down(&mut self) {
        self.is_over = true;
    }

    /// What to do now that so many watch. Ask again until it is nothing.
    pub(super) fn poll(&mut self, now: Instant, viewers: usize) -> Option<Action> {
        if viewers > 0 {
            self.unwatched = None;
        } else {
            self.unwatched.get_or_insert(now);
        }
        let is_watched = self.start == Start::Always || viewers > 0;
        let lingers = self.unwatched.is_some_and(|since| now < since + LINGER);
        match self.state {
            State::Idle | State::Waiting { .. } if self.is_over || !is_watched => {
                self.state = State::Idle;
                None
            }
            State::Idle | State::Waiting { .. } => match self.not_before.filter(|until| now < *until) {
                Some(until) => {
                    self.state = State::Waiting { until };
                    None
                }
                None => {
                    self.state = State::Starting;
                    Some(Action::Start)
                }
            },
            State::Starting | State::Running { .. } if self.is_over || !is_watched && !lingers => {
                self.state = State::Stopping;
                Some(Action::Stop)
            }
            _ => None,
        }
    }

    /// When to poll though nothing happened.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { until } => Some(until),
            State::Starting | State::Running { .. } if self.start == Start::OnDemand => {
                self.unwatched.map(|since| since + LINGER)
            }
            _ => None,
        }
    }

    /// It gave a picture.
    pub(super) fn handle_picture(&mut self, now: Instant) {
        if self.state == State::Starting {
            self.state = State::Running { since: now };
        }
    }

    /// It ended. Gives the time after which it is started again, where that is because it ended.
    pub(super) fn handle_end(&mut self, now: Instant, end: End) -> Option<Duration> {
        match self.state {
            State::Stopping => {
                self.state = State::Idle;
                return None;
            }
            _ if end == End::Final => {
                self.state = State::Over;
                return None;
            }
            State::Running { since } if now.saturating_duration_since(since) >= WELL => self.failures = 0,
            _ => {}
        }
        let backoff = FIRST_BACKOFF.saturating_mul(1 << self.failures.min(16)).min(LONGEST_BACKOFF);
        self.failures = self.failures.saturating_add(1);
        let until = now + backoff;
        self.not_before = Some(until);
        self.state = State::Waiting { until };
        Some(backoff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A supervision, and time that is told.
    struct World {
        begin: Instant,
        supervision: Supervision,
    }

    impl World {
        fn new(start: Start) -> Self {
            Self { begin: Instant::now(), supervision: Supervision::new(start) }
        }

        fn at(&self, millis: u64) -> Instant {
            self.begin + Duration::from_millis(millis)
        }

        fn poll(&mut self, millis: u64, viewers: usize) -> Option<Action> {
            let action = self.supervision.poll(self.at(millis), viewers);
            assert!(action.is_none() || self.supervision.poll(self.at(millis), viewers).is_none(), "said once");
            action
        }

        /// When it wants to be polled.
        fn timeout(&self) -> Option<u64> {
            self.supervision.poll_timeout().map(|at| (at - self.begin).as_millis() as u64)
        }

        fn picture(&mut self, millis: u64) {
            self.supervision.handle_picture(self.at(millis));
        }

        fn end(&mut self, millis: u64, end: End) -> Option<u64> {
            self.supervision.handle_end(self.at(millis), end).map(|backoff| backoff.as_millis() as u64)
        }
    }

    #[test]
    fn on_demand_it_runs_while_somebody_watches_and_ten_seconds_longer() {
        let mut world = World::new(Start::OnDemand);
        assert_eq!((world.poll(0, 0), world.timeout()), (None, None));
        assert_eq!((world.poll(5, 1), world.timeout()), (Some(Action::Start), None));
        world.picture(300);
        assert_eq!((world.poll(1000, 0), world.timeout()), (None, Some(11_000)));
        assert_eq!((world.poll(9000, 2), world.timeout()), (None, None));
        assert_eq!((world.poll(20_000, 0), world.poll(29_999, 0)), (None, None));
        assert_eq!(world.poll(30_000, 0), Some(Action::Stop));
        assert_eq!((world.poll(30_001, 1), world.supervision.state()), (None, State::Stopping));
        assert_eq!(world.end(30_100, End::Temporary), None);
        assert_eq!(world.poll(30_100, 1), Some(Action::Start), "somebody came while it was ending");
    }

    #[test]
    fn what_ends_by_itself_is_started_again_ever_later() {
        let mut world = World::new(Start::Always);
        let mut now = 0;
        let mut waits = Vec::new();
        for _ in 0..9 {
            assert_eq!(world.poll(now, 0), Some(Action::Start));
            now += 10;
            let wait = world.end(now, End::Temporary).unwrap();
            assert_eq!((world.poll(now, 0), world.timeout()), (None, Some(now + wait)));
            assert_eq!(world.poll(now + wait - 1, 0), None);
            now += wait;
            waits.push(wait);
        }
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
        assert_eq!(world.poll(now, 0), Some(Action::Start));
        world.picture(now + 1);
        assert_eq!(world.end(now + 10_000, End::Temporary), Some(30_000), "it ran for less than ten seconds");
        now += 40_000;
        assert_eq!(world.poll(now, 0), Some(Action::Start));
        world.picture(now);
        assert_eq!(world.end(now + 10_000, End::Temporary), Some(500));
    }

    #[test]
    fn those_who_come_and_go_do_not_start_it_sooner() {
        let mut world = World::new(Start::OnDemand);
        assert_eq!(world.poll(0, 1), Some(Action::Start));
        assert_eq!(world.end(0, End::Temporary), Some(500));
        assert_eq!((world.poll(100, 0), world.supervision.state()), (None, State::Idle));
        assert_eq!((world.poll(200, 1), world.timeout()), (None, Some(500)));
        assert_eq!(world.poll(500, 1), Some(Action::Start));
    }

    #[test]
    fn what_is_over_stays_so() {
        let mut world = World::new(Start::Always);
        assert_eq!(world.poll(0, 0), Some(Action::Start));
        assert_eq!(world.end(100, End::Final), None);
        assert_eq!((world.poll(100_000, 1), world.timeout()), (None, None));
        let mut world = World::new(Start::Always);
        assert_eq!(world.poll(0, 0), Some(Action::Start));
        world.supervision.shut_down();
        assert_eq!(world.poll(1, 1), Some(Action::Stop));
        assert_eq!((world.end(2, End::Temporary), world.poll(100_000, 1)), (None, None));
    }
}
