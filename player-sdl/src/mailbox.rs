//! One slot between two threads, in which the freshest wins.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Holds at most one value. A value that comes while one waits replaces it, so whoever puts never waits for whoever
/// takes, and whoever takes never gets anything but the newest.
#[derive(Debug)]
pub(crate) struct Mailbox<T> {
    slot: Mutex<Slot<T>>,
    filled: Condvar,
}

#[derive(Debug)]
struct Slot<T> {
    value: Option<T>,
    closed: bool,
}

impl<T> Mailbox<T> {
    pub(crate) fn new() -> Self {
        Self { slot: Mutex::new(Slot { value: None, closed: false }), filled: Condvar::new() }
    }

    /// Leaves a value, and returns the one that nobody came for.
    pub(crate) fn put(&self, value: T) -> Option<T> {
        let replaced = self.lock().value.replace(value);
        self.filled.notify_one();
        replaced
    }

    /// The value that waits, if one does.
    pub(crate) fn take(&self) -> Option<T> {
        self.lock().value.take()
    }

    /// Waits for a value; `None` once the mailbox is closed.
    pub(crate) fn wait(&self) -> Option<T> {
        let mut slot = self.lock();
        loop {
            if slot.closed {
                return None;
            }
            if let Some(value) = slot.value.take() {
                return Some(value);
            }
            slot = self.filled.wait(slot).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether a value waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().value.is_none()
    }

    /// Ends all waiting.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Slot<T>> {
        // A slot is consistent at every moment, whoever panicked.
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Buffers on their way back, so that frames need no allocation once the sizes have settled.
#[derive(Debug, Default)]
pub(crate) struct Pool(Mutex<Vec<Vec<u8>>>);

/// As many as can be under way: in work at one end, waiting, in work at the other.
const POOLED: usize = 3;

impl Pool {
    /// A buffer with arbitrary contents.
    pub(crate) fn take(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Returns a buffer.
    pub(crate) fn give(&self, buffer: Vec<u8>) {
        let mut buffers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buffers.len() < POOLED && buffer.capacity() > 0 {
            buffers.push(buffer);
        }
    }

    /// Drops what it holds: sizes have changed.
    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn the_freshest_wins_and_the_replaced_one_comes_back() {
        let mailbox = Mailbox::new();
        assert_eq!(mailbox.put(1), None);
        assert_eq!(mailbox.put(2), Some(1));
        assert!(!mailbox.is_empty());
        assert_eq!((mailbox.take(), mailbox.take()), (Some(2), None));
    }

    #[test]
    fn whoever_waits_is_woken_by_a_value_and_by_the_end() {
        let mailbox = Arc::new(Mailbox::new());
        let waiting = mailbox.clone();
        let (sender, taken) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            while let Some(value) = waiting.wait() {
                sender.send(value).unwrap();
            }
        });
        for value in [7, 8] {
            mailbox.put(value);
            assert_eq!(taken.recv(), Ok(value));
        }
        mailbox.close();
        thread.join().unwrap();
    }

    #[test]
    fn a_pool_keeps_a_few_buffers_and_no_more() {
        let pool = Pool::default();
        assert_eq!(pool.take().capacity(), 0);
        for _ in 0..9 {
            pool.give(Vec::with_capacity(16));
        }
        let kept = (0..9).filter(|_| pool.take().capacity() > 0).count();
        assert_eq!(kept, POOLED);
    }
}
