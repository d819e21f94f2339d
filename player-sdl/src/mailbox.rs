//! Passes the newest value from one thread to another, and used buffers back.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Holds at most one value. A new value replaces the one that is waiting, so the thread that puts values in never has to
/// wait, and the thread that takes them out always gets the newest.
#[derive(Debug)]
pub(crate) struct Mailbox<T> {
    slot: Mutex<Slot<T>>,
    filled: Condvar,
}

#[derive(Debug)]
struct Slot<T> {
    value: Option<T>,
    nudged: bool,
    closed: bool,
}

/// Why a thread that waits goes on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Woken<T> {
    /// With a value.
    With(T),
    /// There is none, but something else has changed.
    Nudged,
    /// There will be none any more.
    Closed,
}

impl<T> Mailbox<T> {
    pub(crate) fn new() -> Self {
        Self { slot: Mutex::new(Slot { value: None, nudged: false, closed: false }), filled: Condvar::new() }
    }

    /// Puts a value in. Returns the value that it replaces, which has not been taken.
    pub(crate) fn put(&self, value: T) -> Option<T> {
        let replaced = self.lock().value.replace(value);
        self.filled.notify_one();
        replaced
    }

    /// Takes the value out, if there is one.
    pub(crate) fn take(&self) -> Option<T> {
        self.lock().value.take()
    }

    /// Waits for a value and takes it out, or until the thread is [nudged](Self::nudge) or the mailbox closed.
    pub(crate) fn wait(&self) -> Woken<T> {
        let mut slot = self.lock();
        loop {
            if slot.closed {
                return Woken::Closed;
            }
            let nudged = std::mem::take(&mut slot.nudged);
            if let Some(value) = slot.value.take() {
                return Woken::With(value);
            }
            if nudged {
                return Woken::Nudged;
            }
            slot = self.filled.wait(slot).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether there is no value.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().value.is_none()
    }

    /// Makes [`wait`](Self::wait) return once, also without a value.
    pub(crate) fn nudge(&self) {
        self.lock().nudged = true;
        self.filled.notify_all();
    }

    /// Makes [`wait`](Self::wait) return [`Woken::Closed`], now and from now on.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Slot<T>> {
        // No panic can leave a slot half changed, so the lock can be used even after one.
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps buffers that are not used any more, so that new frames need no new memory while their sizes stay the same.
#[derive(Debug, Default)]
pub(crate) struct Pool(Mutex<Vec<Vec<u8>>>);

/// How many buffers a pool keeps. More are never used at a time: one is being filled, one waits in the mailbox, one is read.
const POOLED: usize = 3;

impl Pool {
    /// Takes a buffer out. Its contents are arbitrary; it is empty if the pool has none.
    pub(crate) fn take(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Puts a buffer back. If the pool is full, the buffer is freed.
    pub(crate) fn give(&self, buffer: Vec<u8>) {
        let mut buffers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buffers.len() < POOLED && buffer.capacity() > 0 {
            buffers.push(buffer);
        }
    }

    /// Frees all buffers.
    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn the_newest_value_wins_and_the_replaced_one_comes_back() {
        let mailbox = Mailbox::new();
        assert_eq!(mailbox.put(1), None);
        assert_eq!(mailbox.put(2), Some(1));
        assert!(!mailbox.is_empty());
        assert_eq!((mailbox.take(), mailbox.take()), (Some(2), None));
    }

    #[test]
    fn a_thread_that_waits_is_woken_by_a_value_by_a_nudge_and_by_the_end() {
        let mailbox = Arc::new(Mailbox::new());
        let waiting = mailbox.clone();
        let (sender, taken) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            loop {
                match waiting.wait() {
                    Woken::Closed => break,
                    woken => sender.send(woken).unwrap(),
                }
            }
        });
        for value in [7, 8] {
            mailbox.put(value);
            assert_eq!(taken.recv(), Ok(Woken::With(value)));
        }
        mailbox.nudge();
        assert_eq!(taken.recv(), Ok(Woken::Nudged));
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
