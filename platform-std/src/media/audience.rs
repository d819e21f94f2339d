//! Who watches a live medium, for those who make its pictures.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// How many watch; known to a thread that makes pictures without keeping the medium alive.
#[derive(Default)]
pub(super) struct Audience {
    seats: Mutex<Seats>,
    changed: Condvar,
}

/// Called when the number changes in a way that matters.
type Notify = Box<dyn Fn() + Send + Sync>;

#[derive(Default)]
struct Seats {
    taken: usize,
    /// How many have been taken ever; it names each of them.
    ever: u64,
    /// The medium is gone, so no viewer comes any more.
    is_over: bool,
    notify: Vec<Arc<Notify>>,
}

impl Audience {
    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the number, and tells those who want to know.
    fn change<R>(&self, change: impl FnOnce(&mut Seats) -> R) -> R {
        let (result, notify) = {
            let mut seats = self.seats();
            (change(&mut seats), seats.notify.clone())
        };
        self.changed.notify_all();
        // Without the lock: who is told may want to know the number.
        notify.iter().for_each(|notify| notify());
        result
    }

    /// One more who watches, until the seat is dropped.
    pub(super) fn take_seat(audience: &Arc<Self>) -> Seat {
        let number = audience.change(|seats| {
            seats.taken += 1;
            seats.ever += 1;
            seats.ever
        });
        Seat { number, audience: Arc::clone(audience) }
    }

    pub(super) fn len(&self) -> usize {
        self.seats().taken
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The medium is gone.
    pub(super) fn end(&self) {
        self.change(|seats| seats.is_over = true);
    }

    /// Waits until somebody watches. `false`: nobody ever will.
    pub(super) fn wait(&self) -> bool {
        let is_empty = |seats: &mut Seats| seats.taken == 0 && !seats.is_over;
        let seats = self.changed.wait_while(self.seats(), is_empty).unwrap_or_else(PoisonError::into_inner);
        !seats.is_over
    }

    /// Has `notify`, too, called whenever the number changes.
    pub(super) fn on_change(&self, notify: Notify) {
        self.seats().notify.push(Arc::new(notify));
    }
}

/// The place of one who watches.
pub(super) struct Seat {
    number: u64,
    audience: Arc<Audience>,
}

impl Seat {
    /// Tells it from all others of the medium.
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.audience.change(|seats| seats.taken -= 1);
    }
}
