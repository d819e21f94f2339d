//! What waits for its turn, each once.

use std::collections::{HashSet, VecDeque};
use std::hash::Hash;

/// First come, first served; what waits already does not come again.
#[derive(Debug)]
pub(super) struct Line<T> {
    order: VecDeque<T>,
    waiting: HashSet<T>,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self { order: VecDeque::new(), waiting: HashSet::new() }
    }
}

impl<T: Clone + Eq + Hash> Line<T> {
    /// `false`: it waits already.
    pub(super) fn push(&mut self, what: T) -> bool {
        let is_new = self.waiting.insert(what.clone());
        if is_new {
            self.order.push_back(what);
        }
        is_new
    }

    /// Whose turn it is.
    pub(super) fn pop(&mut self) -> Option<T> {
        let next = self.order.pop_front()?;
        self.waiting.remove(&next);
        Some(next)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_turn_once() {
        let mut line = Line::default();
        assert_eq!([3, 1, 3, 2, 1].map(|number| line.push(number)), [true, true, false, true, false]);
        assert_eq!(line.pop(), Some(3));
        assert!(line.push(3), "it was its turn, and it comes again");
        let rest: Vec<_> = std::iter::from_fn(|| line.pop()).collect();
        assert_eq!((rest, line.is_empty()), (vec![1, 2, 3], true));
    }
}
