//! What the web server does, for the limits that it shares.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::server::Limits;
use crate::server::load::{Doing, Meter};

/// Bytes sent and viewers.
#[derive(Debug)]
pub(super) struct Usage {
    meter: Mutex<Meter>,
    viewers: AtomicU64,
    refused: AtomicU64,
}

impl Usage {
    pub(super) fn new(at: usize) -> Self {
        Self { meter: Mutex::new(Meter::new(at)), viewers: AtomicU64::new(0), refused: AtomicU64::new(0) }
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
        (self.viewers.load(Ordering::Relaxed), self.meter().sent(), self.refused.load(Ordering::Relaxed))
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
}

impl Watching {
    pub(super) fn new(usage: &Arc<Usage>, limits: &Arc<Limits>) -> Self {
        usage.viewers.fetch_add(1, Ordering::Relaxed);
        usage.change(limits, Doing::Nothing, Doing::Playing);
        Self { usage: Arc::clone(usage), limits: Arc::clone(limits) }
    }

    /// Bytes have been given to the kernel, or will be soon.
    pub(super) fn count(&self, bytes: usize) {
        self.usage.count(bytes as u64);
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.usage.viewers.fetch_sub(1, Ordering::Relaxed);
        self.usage.change(&self.limits, Doing::Playing, Doing::Nothing);
    }
}
