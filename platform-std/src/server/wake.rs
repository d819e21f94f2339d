//! Wakers: how a source tells the server, from any thread, that a client has a frame to be sent.

use std::fmt;
use std::sync::{Arc, PoisonError};
use std::task::{Wake, Waker};

use crate::sync::{AtomicBool, Mutex, Ordering};

/// The clients that were woken since they were last [taken](Self::take_woken).
pub(super) struct WakeList {
    woken: Mutex<Vec<Arc<Client>>>,
    /// Makes the event loop's wait end. Called once for all clients that are woken before they are taken.
    interrupt: Box<dyn Fn() + Send + Sync>,
}

impl WakeList {
    pub(super) fn new(interrupt: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { woken: Mutex::default(), interrupt: Box::new(interrupt) })
    }

    /// The clients that were woken. From now on they may be woken again, so each of them has to be serviced after this call.
    pub(super) fn take_woken(&self) -> Vec<Arc<Client>> {
        let woken = std::mem::take(&mut *self.woken.lock().unwrap_or_else(PoisonError::into_inner));
        for client in &woken {
            client.is_listed.store(false, Ordering::SeqCst);
        }
        woken
    }
}

impl fmt::Debug for WakeList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WakeList").field("woken", &self.woken).finish_non_exhaustive()
    }
}

/// The client that a [`Waker`] wakes. Its number alone would not do: it may go to another client while a source still has the
/// waker.
pub(super) struct Client {
    number: usize,
    is_listed: AtomicBool,
    list: Arc<WakeList>,
}

impl Client {
    /// The client with this `number` among those who are served.
    pub(super) fn new(number: usize, list: &Arc<WakeList>) -> Arc<Self> {
        Arc::new(Self { number, is_listed: AtomicBool::new(false), list: Arc::clone(list) })
    }

    pub(super) fn number(&self) -> usize {
        self.number
    }

    pub(super) fn waker(self: &Arc<Self>) -> Waker {
        Arc::clone(self).into()
    }
}

impl Wake for Client {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.is_listed.swap(true, Ordering::SeqCst) {
            return;
        }
        let is_first = {
            let mut woken = self.list.woken.lock().unwrap_or_else(PoisonError::into_inner);
            woken.push(Arc::clone(self));
            woken.len() == 1
        };
        if is_first {
            (self.list.interrupt)();
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("number", &self.number).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    fn list() -> (Arc<WakeList>, Arc<AtomicUsize>) {
        let interrupts = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&interrupts);
        (WakeList::new(move || _ = counted.fetch_add(1, Ordering::SeqCst)), interrupts)
    }

    fn taken(list: &WakeList) -> Vec<usize> {
        list.take_woken().iter().map(|client| client.number()).collect()
    }

    #[test]
    fn the_wait_ends_once_for_all_clients_that_are_woken_meanwhile() {
        let (list, interrupts) = list();
        let wakers = [5, 0, 7].map(|number| Client::new(number, &list).waker());
        for waker in [&wakers[0], &wakers[1], &wakers[0]] {
            waker.wake_by_ref();
        }
        assert_eq!((taken(&list), interrupts.load(Ordering::SeqCst)), (vec![5, 0], 1));
        assert!(taken(&list).is_empty());
        wakers[0].wake_by_ref();
        wakers[2].wake_by_ref();
        assert_eq!((taken(&list), interrupts.load(Ordering::SeqCst)), (vec![5, 7], 2));
    }

    #[test]
    fn no_client_is_missed_when_many_threads_wake_them() {
        let (list, interrupts) = list();
        let clients: Vec<_> = (0..8).map(|number| Client::new(number, &list)).collect();
        for _ in 0..50 {
            std::thread::scope(|scope| {
                for client in &clients {
                    let waker = client.waker();
                    scope.spawn(move || waker.wake());
                }
            });
            let mut numbers = taken(&list);
            numbers.sort_unstable();
            assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7]);
        }
        assert_eq!(interrupts.load(Ordering::SeqCst), 50);
    }
}
