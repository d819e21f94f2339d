//! The last entries of something that goes on.

use std::collections::VecDeque;

/// So many of the last entries, counted through from the first one that ever was.
#[derive(Debug)]
pub(crate) struct Ring<T> {
    entries: VecDeque<T>,
    /// How many there were before the oldest one that is kept.
    gone: u64,
}

impl<T> Default for Ring<T> {
    fn default() -> Self {
        Self { entries: VecDeque::new(), gone: 0 }
    }
}

impl<T> Ring<T> {
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator {
        self.entries.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many there have been in all.
    pub(crate) fn total(&self) -> u64 {
        self.gone + self.entries.len() as u64
    }

    /// The number of the entry that comes next.
    pub(super) fn next_number(&self) -> u64 {
        self.total()
    }

    /// Adds an entry; of more than `most`, the oldest go.
    pub(super) fn put(&mut self, entry: T, most: usize) {
        while self.entries.len() >= most.max(1) {
            self.drop_oldest();
        }
        self.entries.push_back(entry);
    }

    pub(super) fn drop_oldest(&mut self) {
        if self.entries.pop_front().is_some() {
            self.gone += 1;
        }
    }
}
