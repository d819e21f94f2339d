//! What the web server does, for the limits that it shares.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::server::Limits;
use crate::server::load::{Doing, Meter};

/// Bytes sent and viewers.
#[derive(Debug)]
pub(super) struct Usage {
    meter: Mutex<Meter>,
    refused: AtomicU64,
    sessions: Mutex<Sessions>,
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
    /// Somebody wants it to end.
    is_ended: AtomicBool,
}

impl Watcher {
    pub(super) const fn new(peer: SocketAddr, user: Option<String>, stream: String) -> Self {
        Self { peer, user, stream, is_ended: AtomicBool::new(false) }
    }
}

impl Usage {
    pub(super) fn new(at: usize) -> Self {
        Self { meter: Mutex::new(Meter::new(at)), refused: AtomicU64::new(0), sessions: Mutex::default() }
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

    /// How many watch, how many bytes were sent to all who ever did, and how many were told that there is no room.
    pub(super) fn counts(&self) -> (u64, u64, u64) {
        let viewers = self.sessions().present.len() as u64;
        (viewers, self.meter().sent(), self.refused.load(Ordering::Relaxed))
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who watches, with numbers.
    pub(super) fn watchers(&self) -> Vec<(u64, Arc<Watcher>)> {
        self.sessions().present.iter().map(|(number, watcher)| (*number, Arc::clone(watcher))).collect()
    }

    /// Has one of them end with its next picture; whether there is such a one.
    pub(super) fn end(&self, number: u64) -> bool {
        let sessions = self.sessions();
        let found = sessions.present.get(&number);
        found.iter().for_each(|watcher| watcher.is_ended.store(true, Ordering::Relaxed));
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

    /// Somebody wants it to end.
    pub(super) fn is_ended(&self) -> bool {
        self.watcher.is_ended.load(Ordering::Relaxed)
    }

    /// Bytes have been given to the kernel, or will be soon.
    pub(super) fn count(&self, bytes: usize) {
        self.usage.count(bytes as u64);
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.usage.sessions().present.remove(&self.number);
        self.usage.change(&self.limits, Doing::Playing, Doing::Nothing);
    }
}
