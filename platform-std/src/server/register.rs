//! What is known of all loops: who asks, and what they answered last.
#![cfg_attr(not(feature = "http"), allow(dead_code, reason = "it is the web server that asks"))]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use mutoscope::time::{Duration, Instant};

use super::load::Lack;
use super::tally::Tally;

/// A loop is asked no more often.
const PAUSE: Duration = Duration::from_secs(1);

/// What is known of each loop.
#[derive(Debug)]
pub(super) struct Register(Mutex<Desks>);

#[derive(Debug)]
struct Desks {
    desks: Vec<Desk>,
    /// Those who wait for all loops that were asked.
    waiting: Vec<Waker>,
}

/// What is known of one loop.
#[derive(Clone, Copy, Debug, Default)]
struct Desk {
    /// It has not answered yet. It is not asked again before that: questions must not pile up where nobody reads them.
    is_asked: bool,
    answered: Option<Instant>,
    tally: Tally,
}

/// All that a server tells of itself.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// Of all loops together; of those that do not answer what they said last.
    pub(crate) tally: Tally,
    pub(crate) loops: usize,
    /// Loops that were asked and have not answered.
    pub(crate) missing: usize,
    /// Loops that have no room for another viewer: of processor time, and of bandwidth.
    pub(crate) lacking: [usize; 2],
}

impl Register {
    pub(super) fn new(loops: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Desks { desks: vec![Desk::default(); loops], waiting: Vec::new() })))
    }

    fn lock(&self) -> MutexGuard<'_, Desks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the loop `at` is to be asked now.
    pub(super) fn begin(&self, now: Instant, at: usize) -> bool {
        let desk = &mut self.lock().desks[at];
        let is_new = desk.answered.is_some_and(|answered| now.since(answered) < PAUSE);
        !is_new && !std::mem::replace(&mut desk.is_asked, true)
    }

    /// The loop `at` answers.
    pub(super) fn answer(&self, now: Instant, at: usize, tally: Tally) {
        let waiting = {
            let Desks { desks, waiting } = &mut *self.lock();
            desks[at] = Desk { is_asked: false, answered: Some(now), tally };
            if desks.iter().any(|desk| desk.is_asked) { Vec::new() } else { std::mem::take(waiting) }
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Whether all have answered.
    pub(super) fn poll(&self, waker: &Waker) -> Poll<()> {
        let Desks { desks, waiting } = &mut *self.lock();
        if !desks.iter().any(|desk| desk.is_asked) {
            return Poll::Ready(());
        }
        if !waiting.iter().any(|other| other.will_wake(waker)) {
            waiting.push(waker.clone());
        }
        Poll::Pending
    }

    /// Whether each loop has answered since then.
    pub(super) fn have_answered_since(&self, since: Instant) -> bool {
        self.lock().desks.iter().all(|desk| desk.answered.is_some_and(|answered| answered >= since))
    }

    pub(super) fn report(&self) -> Report {
        let desks = &self.lock().desks;
        let lack = |lack| desks.iter().filter(|desk| desk.tally.lack == Some(lack)).count();
        let mut report = Report {
            tally: Tally::default(),
            loops: desks.len(),
            missing: desks.iter().filter(|desk| desk.is_asked || desk.answered.is_none()).count(),
            lacking: [lack(Lack::Time), lack(Lack::Bandwidth)],
        };
        desks.iter().for_each(|desk| report.tally.add(&desk.tally));
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_is_asked_once_until_it_has_answered_and_then_not_for_a_second() {
        let register = Register::new(2);
        let at = Instant::from_millis;
        assert!(register.begin(at(1000), 0) && register.begin(at(1000), 1));
        assert!(!register.begin(at(9000), 0) && register.poll(Waker::noop()).is_pending());
        register.answer(at(9000), 0, Tally { sent: 7, ..Tally::default() });
        assert!(register.poll(Waker::noop()).is_pending() && !register.begin(at(9999), 0));
        assert_eq!((register.report().missing, register.report().tally.sent), (1, 7));
        assert!(!register.have_answered_since(at(0)), "one never has");
        register.answer(at(9500), 1, Tally { sent: 2, lack: Some(Lack::Time), ..Tally::default() });
        assert!(register.poll(Waker::noop()).is_ready() && register.begin(at(10_000), 0));
        let report = register.report();
        assert_eq!((report.loops, report.missing, report.tally.sent, report.lacking), (2, 1, 9, [1, 0]));
        assert!(register.have_answered_since(at(9000)) && !register.have_answered_since(at(9001)));
    }
}
