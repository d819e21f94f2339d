//! Threads that make pictures ready whose making takes longer than the event loop may stand still.

use std::cell::OnceCell;
use std::fmt;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;

use super::normaliser::{Normaliser, Policy};
use super::picture::Picture;

/// Threads at most: each may hold a decoded picture.
const MAX_THREADS: usize = 4;

/// Makes pictures in the order in which they were ordered. Those that nobody waits for any more are left out, so viewers who
/// leave or seek cost nothing.
///
/// The threads begin with the first order and end with the workshop.
pub(super) struct Workshop {
    policy: Policy,
    threads: usize,
    orders: OnceCell<Sender<Weak<Picture>>>,
}

impl Workshop {
    pub(super) fn new(policy: Policy) -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
        Self { policy, threads, orders: OnceCell::new() }
    }

    /// What is done with pictures.
    pub(super) fn policy(&self) -> Policy {
        self.policy
    }

    /// How many pictures it works on at once.
    pub(super) fn threads(&self) -> usize {
        self.threads
    }

    /// Has a picture made ready. [`Picture::took`] tells when it is.
    pub(super) fn order(&self, picture: &Arc<Picture>) {
        let orders = self.orders.get_or_init(|| start(self.threads, self.policy));
        if orders.send(Arc::downgrade(picture)).is_err() {
            // Not a single thread could be started. Late is better than never.
            picture.make(&mut Normaliser::new(self.policy), Vec::new());
        }
    }
}

impl fmt::Debug for Workshop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workshop").field("threads", &self.threads).finish_non_exhaustive()
    }
}

fn start(threads: usize, policy: Policy) -> Sender<Weak<Picture>> {
    let (sender, receiver) = mpsc::channel();
    let receiver = Arc::new(Mutex::new(receiver));
    for _ in 0..threads {
        let receiver = Arc::clone(&receiver);
        let work = move || work(&receiver, &mut Normaliser::new(policy));
        if let Err(error) = thread::Builder::new().name("pictures".to_owned()).spawn(work) {
            log::warn!("no thread for pictures that have to be converted: {error}");
        }
    }
    sender
}

/// Until the workshop ends.
fn work(orders: &Mutex<Receiver<Weak<Picture>>>, normaliser: &mut Normaliser) {
    loop {
        // The lock lasts for the waiting, not for the work.
        let order = orders.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(order) = order else { return };
        if let Some(picture) = order.upgrade() {
            picture.make(normaliser, Vec::new());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::OnUnsupported;
    use crate::media::testing::picture;
    use std::time::{Duration, Instant};

    fn progressive(number: u32) -> Arc<Picture> {
        Arc::new(Picture::new(number, None, picture(40, 40, |encoder| encoder.set_progressive(true))))
    }

    fn is_made(picture: &Picture) -> bool {
        let start = Instant::now();
        while picture.took().is_none() {
            if start.elapsed() > Duration::from_secs(60) {
                return false;
            }
            thread::sleep(Duration::from_millis(1));
        }
        true
    }

    #[test]
    fn what_is_ordered_gets_made_and_what_nobody_waits_for_does_not() {
        let policy = Policy { on_unsupported: OnUnsupported::Convert, ..Policy::default() };
        let workshop = Workshop { threads: 1, ..Workshop::new(policy) };
        let forgotten = progressive(0);
        let weak = Arc::downgrade(&forgotten);
        let pictures: Vec<_> = (1..20).map(progressive).collect();
        drop(forgotten);
        pictures.iter().for_each(|picture| workshop.order(picture));
        workshop.orders.get().unwrap().send(weak).unwrap();
        let last = progressive(20);
        workshop.order(&last);
        for picture in pictures.iter().chain([&last]) {
            assert!(is_made(picture));
            assert!(picture.frame().unwrap().layout.unwrap().rtp_format().is_ok());
        }
    }

    #[test]
    fn the_threads_end_with_the_workshop() {
        let workshop = Workshop::new(Policy::default());
        let picture = progressive(0);
        workshop.order(&picture);
        assert!(is_made(&picture));
        let orders = workshop.orders.get().unwrap().clone();
        drop((workshop, picture));
        assert!(orders.send(Weak::new()).is_ok(), "this sender keeps them alive");
    }
}
