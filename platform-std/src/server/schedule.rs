//! Which client is to be serviced when.

use std::collections::{BTreeSet, VecDeque};

use mutoscope::time::{Duration, Instant};

/// Numbers of clients: those that are to be serviced now, in the order in which they asked for it, and those that are to be
/// serviced at an instant though nothing happens.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    ready: VecDeque<usize>,
    /// Whether a number is among them: a client who is listed twice would be serviced twice, and one who sends faster
    /// than it can be answered would then double its share of the processor turn by turn.
    listed: Vec<bool>,
    timers: BTreeSet<(Instant, usize)>,
    /// Each number's entry in the timers.
    due: Vec<Option<Instant>>,
}

impl Schedule {
    /// Has a client serviced in this turn, once, however often it is called.
    pub(super) fn push(&mut self, number: usize) {
        if !std::mem::replace(at(&mut self.listed, number), true) {
            self.ready.push_back(number);
        }
    }

    /// The next client to be serviced; from now on it may be listed again.
    pub(super) fn pop(&mut self) -> Option<usize> {
        let number = self.ready.pop_front()?;
        *at(&mut self.listed, number) = false;
        Some(number)
    }

    /// Has a client serviced at `due`, and at no instant that was set before.
    pub(super) fn set_due(&mut self, number: usize, due: Option<Instant>) {
        let old = std::mem::replace(at(&mut self.due, number), due);
        if old == due {
            return;
        }
        if let Some(old) = old {
            self.timers.remove(&(old, number));
        }
        if let Some(new) = due {
            self.timers.insert((new, number));
        }
    }

    /// The first instant at which a client is to be serviced.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.timers.first().map(|&(due, _)| due)
    }

    /// Lists the clients whose time has come. Gives how long the first of them has waited for that; `None`: nobody's has, but of those
    /// who go on at once, whose instant is the beginning of time.
    pub(super) fn push_due(&mut self, now: Instant) -> Option<Duration> {
        let mut late = None;
        while let Some(&(due, number)) = self.timers.first()
            && due <= now
        {
            self.set_due(number, None);
            self.push(number);
            if late.is_none() && due > Instant::default() {
                late = Some(now.since(due));
            }
        }
        late
    }
}

/// The place of a client's number, which is there from now on.
fn at<T: Clone + Default>(places: &mut Vec<T>, number: usize) -> &mut T {
    if number >= places.len() {
        places.resize(number + 1, T::default());
    }
    &mut places[number]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    fn popped(schedule: &mut Schedule) -> Vec<usize> {
        std::iter::from_fn(|| schedule.pop()).collect()
    }

    #[test]
    fn a_client_has_one_turn_however_often_it_is_listed() {
        let mut schedule = Schedule::default();
        // In each turn an event comes in for a client that the turn before did not finish.
        for _ in 0..10 {
            schedule.push(5);
            schedule.push(0);
            schedule.push(5);
            for expected in [5, 0] {
                assert_eq!(schedule.pop(), Some(expected));
                schedule.push(5);
            }
        }
        assert_eq!(schedule.pop(), Some(5));
        assert!(schedule.pop().is_none());
    }

    #[test]
    fn clients_are_due_in_the_order_of_their_instants_and_once_for_each() {
        let mut schedule = Schedule::default();
        for (number, due) in [(2, 30), (0, 10), (1, 20)] {
            schedule.set_due(number, Some(at(due)));
        }
        assert_eq!(schedule.push_due(at(5)), None);
        assert_eq!((popped(&mut schedule), schedule.next_due()), (vec![], Some(at(10))));
        schedule.set_due(7, Some(Instant::default()));
        assert_eq!(schedule.push_due(at(21)), Some(Duration::from_millis(11)));
        assert_eq!((popped(&mut schedule), schedule.next_due()), (vec![7, 0, 1], Some(at(30))));
        assert_eq!(schedule.push_due(at(21)), None);
        assert!(popped(&mut schedule).is_empty());
    }

    #[test]
    fn a_deadline_that_is_moved_or_taken_back_does_not_come() {
        let mut schedule = Schedule::default();
        schedule.set_due(3, Some(at(10)));
        schedule.set_due(3, Some(at(50)));
        assert_eq!(schedule.push_due(at(40)), None);
        assert!(popped(&mut schedule).is_empty());
        schedule.set_due(3, None);
        assert_eq!(schedule.next_due(), None);
        assert_eq!(schedule.push_due(at(100)), None);
        assert!(popped(&mut schedule).is_empty());
    }
}
