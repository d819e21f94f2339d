//! Keeps files open while they are watched, and some time longer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::shared_media::SharedMedia;

/// A file stays open so long after its last viewer: the next request is often for the same one.
const LINGER: Duration = if cfg!(test) { Duration::from_millis(200) } else { Duration::from_secs(10) };
/// At most so many files that nobody watches are open.
const MAX_IDLE: usize = 16;
/// Open files are looked at this often: they may have grown, or been replaced.
const LOOK_INTERVAL: Duration = Duration::from_millis(if cfg!(test) { 20 } else { 500 });

/// Files that are open. It looks at each of them now and then, from a thread that ends when there is none.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    media: Vec<(Arc<SharedMedia>, Instant)>,
    has_thread: bool,
}

impl Keeper {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a file open while somebody watches it, and a little longer.
    pub(super) fn keep(self: &Arc<Self>, medium: Arc<SharedMedia>) {
        let mut kept = self.lock();
        kept.media.push((medium, Instant::now()));
        let closed = kept.idle_beyond(MAX_IDLE);
        let needs_thread = !std::mem::replace(&mut kept.has_thread, true);
        drop(kept);
        drop(closed);
        if needs_thread {
            let keeper = Arc::downgrade(self);
            let thread = thread::Builder::new().name("open files".to_owned());
            if let Err(error) = thread.spawn(move || look_after(&keeper)) {
                log::warn!("no thread that looks after open files: {error}");
                self.lock().has_thread = false;
            }
        }
    }

    /// Closes all files that nobody watches now, because descriptors are needed.
    pub(super) fn close_idle(&self) {
        let closed = self.lock().idle_beyond(0);
        drop(closed);
    }

    /// `false`: there is nothing to look after.
    fn look(&self, now: Instant) -> bool {
        let mut kept = self.lock();
        let mut closed = Vec::new();
        let mut index = 0;
        while let Some((medium, used)) = kept.media.get_mut(index) {
            if Arc::strong_count(medium) > 1 {
                *used = now;
            } else {
                medium.rest();
            }
            if now.saturating_duration_since(*used) >= LINGER {
                closed.push(kept.media.remove(index).0);
                continue;
            }
            medium.look();
            index += 1;
        }
        kept.has_thread = !kept.media.is_empty();
        let goes_on = kept.has_thread;
        drop(kept);
        // Closing may take time.
        drop(closed);
        goes_on
    }
}

impl Kept {
    /// Takes out what nobody watches, but for so many files that were used last.
    fn idle_beyond(&mut self, most: usize) -> Vec<Arc<SharedMedia>> {
        let is_idle = |(medium, _): &(Arc<SharedMedia>, Instant)| Arc::strong_count(medium) == 1;
        let mut idle = self.media.iter().filter(|kept| is_idle(kept)).count();
        let mut closed = Vec::new();
        // They are in the order in which they were opened.
        while idle > most
            && let Some(at) = self.media.iter().position(is_idle)
        {
            closed.push(self.media.remove(at).0);
            idle -= 1;
        }
        closed
    }
}

fn look_after(keeper: &Weak<Keeper>) {
    loop {
        thread::sleep(LOOK_INTERVAL);
        let goes_on = keeper.upgrade().is_some_and(|keeper| keeper.look(Instant::now()));
        if !goes_on {
            return;
        }
    }
}
