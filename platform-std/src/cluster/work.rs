//! What the thread is to do that watches streams of other nodes. There may be very many streams and nodes: nothing here looks at all of them.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::line::Line;
use super::name::Address;

/// So long it is waited for more streams of a node before it is asked what they are: it tells of many at once.
const GATHERING: Duration = Duration::from_millis(20);

/// What is to be done. `F`: where pictures of one stream come in.
pub(super) struct Work<F> {
    queue: Mutex<Queue<F>>,
    changed: Condvar,
}

struct Queue<F> {
    /// Streams that have a picture; each once.
    arrived: VecDeque<Arc<F>>,
    /// What has changed; each once.
    changed: Line<Changed>,
    /// Nodes that are to be asked what their streams are, and not before these times.
    unknown: Line<String>,
    times: VecDeque<Instant>,
    /// Nodes that have been asked and have not told all yet …
    asked: HashSet<String>,
    /// … and those of them that are to be asked again.
    again: HashSet<String>,
    is_over: bool,
}

/// A stream that somebody has come to watch, or has left, or that has come or gone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Changed {
    Stream(Address),
    /// All that have this name, whichever node they are of.
    Name(Arc<str>),
}

/// What is to be done next.
pub(super) enum Next<F> {
    /// Look whether its pictures are wanted.
    Changed(Changed),
    /// Ask this node what its streams are, and [tell](Work::note_told) when it has told.
    Ask(String),
    /// Show the picture that has come.
    Arrived(Arc<F>),
    /// Nothing: it is late.
    Time,
    End,
}

impl<F> Default for Work<F> {
    fn default() -> Self {
        let queue = Queue {
            arrived: VecDeque::new(),
            changed: Line::default(),
            unknown: Line::default(),
            times: VecDeque::new(),
            asked: HashSet::new(),
            again: HashSet::new(),
            is_over: false,
        };
        Self { queue: Mutex::new(queue), changed: Condvar::new() }
    }
}

impl<F> Work<F> {
    fn queue(&self) -> MutexGuard<'_, Queue<F>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Queue<F>)) {
        change(&mut self.queue());
        self.changed.notify_one();
    }

    /// A picture has come.
    pub(super) fn note_arrived(&self, feed: Arc<F>) {
        self.change(|queue| queue.arrived.push_back(feed));
    }

    /// It has to be looked at.
    pub(super) fn note_change(&self, changed: Changed) {
        self.change(|queue| _ = queue.changed.push(changed));
    }

    /// The node is to be asked what its streams are.
    pub(super) fn note_unknown(&self, node: &str) {
        self.change(|queue| queue.note_unknown(node));
    }

    /// The node has told what its streams are, or will not.
    pub(super) fn note_told(&self, node: &str) {
        self.change(|queue| {
            queue.asked.remove(node);
            if queue.again.remove(node) {
                queue.note_unknown(node);
            }
        });
    }

    /// There is nothing more to be done.
    pub(super) fn end(&self) {
        self.change(|queue| queue.is_over = true);
    }

    /// What is to be done next; waits for it, no longer than `until`.
    pub(super) fn next(&self, until: Option<Instant>) -> Next<F> {
        let mut queue = self.queue();
        loop {
            if queue.is_over {
                return Next::End;
            }
            if let Some(changed) = queue.changed.pop() {
                return Next::Changed(changed);
            }
            let now = Instant::now();
            if let Some(node) = queue.pop_unknown(now) {
                return Next::Ask(node);
            }
            if let Some(feed) = queue.arrived.pop_front() {
                return Next::Arrived(feed);
            }
            let wake_at = until.into_iter().chain(queue.times.front().copied()).min();
            queue = match wake_at.map(|at| at.saturating_duration_since(now)) {
                None => self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => return Next::Time,
                Some(patience) => self.changed.wait_timeout(queue, patience).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }
}

impl<F> Queue<F> {
    fn note_unknown(&mut self, node: &str) {
        if self.asked.contains(node) {
            self.again.insert(node.to_owned());
        } else if self.unknown.push(node.to_owned()) {
            self.times.push_back(Instant::now() + GATHERING);
        }
    }

    fn pop_unknown(&mut self, now: Instant) -> Option<String> {
        self.times.front().filter(|at| **at <= now)?;
        self.times.pop_front();
        let node = self.unknown.pop()?;
        self.asked.insert(node.clone());
        Some(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(work: &Work<()>) -> Option<String> {
        match work.next(Some(Instant::now() + 10 * GATHERING)) {
            Next::Ask(node) => Some(node),
            _ => None,
        }
    }

    #[test]
    fn a_node_is_asked_once_for_all_its_streams_and_again_for_those_that_came_meanwhile() {
        let work = Work::<()>::default();
        ["one", "other", "one", "one"].iter().for_each(|node| work.note_unknown(node));
        assert_eq!((asked(&work).as_deref(), asked(&work).as_deref()), (Some("one"), Some("other")));
        work.note_unknown("one");
        work.note_unknown("one");
        assert_eq!(asked(&work), None, "it has not told all yet");
        work.note_told("one");
        assert_eq!(asked(&work).as_deref(), Some("one"));
        work.note_told("one");
        work.note_told("other");
        assert_eq!(asked(&work), None);
    }

    #[test]
    fn what_has_changed_is_looked_at_once_before_pictures_are_shown() {
        let work = Work::<()>::default();
        let name = |name: &str| Changed::Name(name.into());
        work.note_arrived(Arc::new(()));
        ["a", "b", "a"].iter().for_each(|changed| work.note_change(name(changed)));
        for expected in ["a", "b"] {
            assert!(matches!(work.next(None), Next::Changed(changed) if changed == name(expected)));
        }
        assert!(matches!(work.next(None), Next::Arrived(_)));
        assert!(matches!(work.next(Some(Instant::now())), Next::Time));
        work.end();
        assert!(matches!(work.next(None), Next::End));
    }
}
