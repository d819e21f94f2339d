//! What one thread brings and many wait for: nobody sleeps who has not seen the newest.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;
use std::task::Waker;

use crate::sync::{Mutex, MutexGuard};

/// A state, and those who wait for it to change.
pub(crate) struct Awaited<S> {
    inner: Mutex<Inner<S>>,
}

struct Inner<S> {
    state: S,
    /// By number, and how they are told.
    waiting: BTreeMap<u64, Waker>,
}

impl<S> Awaited<S> {
    pub(crate) fn new(state: S) -> Self {
        Self { inner: Mutex::new(Inner { state, waiting: BTreeMap::new() }) }
    }

    fn inner(&self) -> MutexGuard<'_, Inner<S>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state. Nobody is told of what changes in it.
    pub(crate) fn lock(&self) -> Locked<'_, S> {
        Locked(self.inner())
    }

    /// Changes the state, and wakes all who wait.
    pub(crate) fn change(&self, change: impl FnOnce(&mut S)) {
        let waiting = {
            let mut inner = self.inner();
            change(&mut inner.state);
            std::mem::take(&mut inner.waiting)
        };
        // Who is woken may come back at once, from another thread.
        waiting.into_values().for_each(Waker::wake);
    }

    /// What `take` finds. Where there is nothing yet, `number` waits from now on: there is no moment in between.
    pub(crate) fn take_or_wait<R, N>(
        &self,
        number: u64,
        waker: &Waker,
        take: impl FnOnce(&mut S) -> Result<R, N>,
    ) -> Result<R, N> {
        let mut inner = self.inner();
        let found = take(&mut inner.state);
        if found.is_err() {
            inner.waiting.entry(number).or_insert_with(|| waker.clone()).clone_from(waker);
        }
        found
    }

    /// This one waits no more.
    pub(crate) fn leave(&self, number: u64) {
        self.inner().waiting.remove(&number);
    }
}

impl<S> fmt::Debug for Awaited<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Awaited").finish_non_exhaustive()
    }
}

/// The state, for as long as this is there.
pub(crate) struct Locked<'a, S>(MutexGuard<'a, Inner<S>>);

impl<S> Deref for Locked<'_, S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.0.state
    }
}

impl<S> DerefMut for Locked<'_, S> {
    fn deref_mut(&mut self) -> &mut S {
        &mut self.0.state
    }
}
