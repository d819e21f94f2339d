//! What the web server does, for the limits that it shares.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use crate::server::Limits;
use crate::server::load::{Doing, Meter};

/// Bytes sent and viewers.
#[derive(Debug)]
pub(super) struct Usage {
    meter: Mutex<Meter>,
    refused: AtomicU64,
    frames: AtomicU64,
    skipped: AtomicU64,
    sessions: Mutex<Sessions>,
}

/// Numbers of all who ever watched, and of those who do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Who watches.
    pub(super) viewers: u64,
    pub(super) bytes: u64,
    /// Pictures that were sent.
    pub(super) frames: u64,
    /// Pictures that those missed who were too slow for them.
    pub(super) skipped: u64,
    /// Who was told that there is no room.
    pub(super) refused: u64,
}

#[derive(Debug, Default)]
struct Sessions {
    next: u64,
    /// By their numbers.
    present: BTreeMap<u64, Arc<Watcher>>,
}

/// Who watches.
#[derive(Debug)]
pub(super) struct Watcher {
    pub(super) peer: SocketAddr,
    pub(super) user: Option<String>,
    pub(super) stream: String,
    end: Mutex<End>,
}

/// Whether somebody wants it to end.
#[derive(Debug)]
enum End {
    /// Nobody; its connection is woken if somebody does.
    Unwanted(Option<Waker>),
    Wanted,
}

impl Watcher {
    pub(super) const fn new(peer: SocketAddr, user: Option<String>, stream: String) -> Self {
        Self { peer, user, stream, end: Mutex::new(End::Unwanted(None)) }
    }

    /// Has it end.
    fn end(&self) {
        let before = std::mem::replace(&mut *self.end.lock().unwrap_or_else(PoisonError::into_inner), End::Wanted);
        if let End::Unwanted(Some(waker)) = before {
            waker.wake();
        }
    }

    /// Ready when somebody wants it to end.
    pub(super) fn poll_end(&self, waker: &Waker) -> Poll<()> {
        match &mut *self.end.lock().unwrap_or_else(PoisonError::into_inner) {
            End::Wanted => return Poll::Ready(()),
            End::Unwanted(Some(known)) => known.clone_from(waker),
            End::Unwanted(none) => *none = Some(waker.clone()),
        }
        Poll::Pending
    }
}

impl Usage {
    pub(super) fn new(at: usize) -> Self {
        let [refused, frames, skipped] = [0; 3].map(AtomicU64::new);
        Self { meter: Mutex::new(Meter::new(at)), refused, frames, skipped, sessions: Mutex::default() }
    }

    fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A while has gone by.
    pub(super) fn tell(&self, limits: &Limits) {
        self.meter().tell(limits.now(), &limits.load);
    }

    pub(super) fn count(&self, bytes: u64) {
        self.meter().count(bytes);
    }

    /// Why there is no room for one more who watches.
    pub(super) fn lack(&self) -> Option<&'static str> {
        self.meter().is_full().map(|lack| lack.words())
    }

    /// Somebody was told that there is no room.
    pub(super) fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> Counts {
        let viewers = self.sessions().present.len() as u64;
        let [frames, skipped, refused] =
            [&self.frames, &self.skipped, &self.refused].map(|count| count.load(Ordering::Relaxed));
        Counts { viewers, bytes: self.meter().sent(), frames, skipped, refused }
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who watches, with numbers.
    pub(super) fn watchers(&self) -> Vec<(u64, Arc<Watcher>)> {
        self.sessions().present.iter().map(|(number, watcher)| (*number, Arc::clone(watcher))).collect()
    }

    /// Has one of them end; whether there is such a one.
    pub(super) fn end(&self, number: u64) -> bool {
        let found = self.sessions().present.get(&number).cloned();
        found.iter().for_each(|watcher| watcher.end());
        found.is_some()
    }

    fn change(&self, limits: &Limits, before: Doing, now: Doing) {
        self.meter().handle_viewer(&limits.load, before, now);
    }
}

/// Somebody who watches, as long as this is there.
#[derive(Debug)]
pub(super) struct Watching {
    usage: Arc<Usage>,
    limits: Arc<Limits>,
    number: u64,
    watcher: Arc<Watcher>,
}

impl Watching {
    pub(super) fn new(usage: &Arc<Usage>, limits: &Arc<Limits>, watcher: Watcher) -> Self {
        usage.change(limits, Doing::Nothing, Doing::Playing);
        let (mut sessions, watcher) = (usage.sessions(), Arc::new(watcher));
        sessions.next += 1;
        let number = sessions.next;
        sessions.present.insert(number, Arc::clone(&watcher));
        drop(sessions);
        Self { usage: Arc::clone(usage), limits: Arc::clone(limits), number, watcher }
    }

    pub(super) const fn watcher(&self) -> &Arc<Watcher> {
        &self.watcher
    }

    /// Bytes have been given to the kernel, or will be soon.
    pub(super) fn count(&self, bytes: usize) {
        self.usage.count(bytes as u64);
    }

    /// A picture is sent, and so many before it were not because there was no room for them.
    pub(super) fn count_frame(&self, skipped: u64) {
        self.usage.frames.fetch_add(1, Ordering::Relaxed);
        self.usage.skipped.fetch_add(skipped, Ordering::Relaxed);
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.usage.sessions().present.remove(&self.number);
        self.usage.change(&self.limits, Doing::Playing, Doing::Nothing);
    }
}
