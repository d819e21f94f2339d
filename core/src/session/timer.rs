//! Named deadlines.

use crate::time::{Instant, earliest};
use core::marker::PhantomData;

/// A machine's timers: a fieldless enum that counts from 0.
pub(crate) trait Timer: Copy {
    /// The timer's number, below the `N` of its [`Timers`].
    fn index(self) -> usize;
}

/// One deadline for each of the `N` timers that `T` names, each set or not.
///
/// This is an array that is scanned for the minimum. With a handful of timers no heap is faster.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timers<T, const N: usize> {
    deadlines: [Option<Instant>; N],
    timers: PhantomData<T>,
}

impl<T: Timer, const N: usize> Timers<T, N> {
    pub(crate) const fn new() -> Self {
        Self { deadlines: [None; N], timers: PhantomData }
    }

    pub(crate) fn set(&mut self, timer: T, at: Instant) {
        if let Some(deadline) = self.deadlines.get_mut(timer.index()) {
            *deadline = Some(at);
        }
    }

    /// Sets a timer that does not run; a running one keeps its deadline.
    pub(crate) fn start(&mut self, timer: T, at: Instant) {
        if let Some(deadline) = self.deadlines.get_mut(timer.index()) {
            deadline.get_or_insert(at);
        }
    }

    pub(crate) fn stop(&mut self, timer: T) {
        if let Some(deadline) = self.deadlines.get_mut(timer.index()) {
            *deadline = None;
        }
    }

    pub(crate) fn stop_all(&mut self) {
        self.deadlines = [None; N];
    }

    /// Whether the timer has run out by `now`. Stops it in that case.
    pub(crate) fn expire(&mut self, timer: T, now: Instant) -> bool {
        match self.deadlines.get_mut(timer.index()) {
            Some(deadline) if deadline.is_some_and(|at| at <= now) => {
                *deadline = None;
                true
            }
            _ => false,
        }
    }

    /// The deadline that comes first.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.deadlines.iter().copied().fold(None, earliest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy)]
    enum Two {
        A,
        B,
    }

    impl Timer for Two {
        fn index(self) -> usize {
            self as usize
        }
    }

    const fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn the_first_deadline_comes_out_and_fires_once_exactly_on_time() {
        let mut timers = Timers::<Two, 2>::new();
        assert_eq!(timers.next(), None);
        timers.set(Two::A, at(20));
        timers.set(Two::B, at(10));
        assert_eq!(timers.next(), Some(at(10)));
        assert!(!timers.expire(Two::B, at(9)));
        assert!(timers.expire(Two::B, at(10)));
        assert!(!timers.expire(Two::B, at(10)));
        assert_eq!(timers.next(), Some(at(20)));
        timers.stop(Two::A);
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn starting_leaves_a_running_timer_alone_and_setting_does_not() {
        let mut timers = Timers::<Two, 2>::new();
        timers.start(Two::A, at(1));
        timers.start(Two::A, at(2));
        assert_eq!(timers.next(), Some(at(1)));
        timers.set(Two::A, at(3));
        assert_eq!(timers.next(), Some(at(3)));
        timers.stop_all();
        assert_eq!(timers.next(), None);
    }
}
