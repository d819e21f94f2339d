//! How much one node can have another one do and remember, whatever it sends.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Bytes of the pictures that nobody has looked at yet, of all streams.
const MOST_WAITING: usize = 64 * 1024 * 1024;
/// When a stream has had no picture for so long, another node may go on with it.
const TAKEOVER: Duration = Duration::from_secs(5);

/// Whose pictures a stream has: of two that send them at the same time under one key, the one that was first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Holder(Option<(u32, Instant)>);

impl Holder {
    /// Whether a picture is one of the stream's. `incarnation`: who says so.
    pub(super) fn has(&mut self, incarnation: u32, now: Instant) -> bool {
        let is_other =
            |(holder, last): (u32, Instant)| holder != incarnation && now.saturating_duration_since(last) < TAKEOVER;
        if self.0.is_some_and(is_other) {
            return false;
        }
        self.0 = Some((incarnation, now));
        true
    }
}

/// The room that there is for pictures that nobody has looked at yet.
#[derive(Debug, Default)]
pub(super) struct Room(Mutex<usize>);

impl Room {
    /// Takes room for `new` bytes in place of `old` ones. `false`: there is none.
    pub(super) fn exchange(&self, old: usize, new: usize) -> bool {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let then = taken.saturating_sub(old).saturating_add(new);
        let has_room = then <= MOST_WAITING || new == 0;
        if has_room {
            *taken = then;
        }
        has_room
    }
}

/// How much is done for others in a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    left: usize,
    per_second: usize,
    since: Instant,
}

impl Allowance {
    /// So much at once, and so much in each second after that.
    pub(super) const fn new(per_second: usize, now: Instant) -> Self {
        Self { left: per_second, per_second, since: now }
    }

    /// Whether this may be done, too.
    pub(super) fn take(&mut self, count: usize, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) >= Duration::from_secs(1) {
            (self.left, self.since) = (self.per_second, now);
        }
        let count = count.max(1);
        // One thing may be more than a second's.
        let may = count <= self.left || self.left == self.per_second;
        if may {
            self.left = self.left.saturating_sub(count);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_wait_as_long_as_there_is_room() {
        let (room, large) = (Room::default(), MOST_WAITING / 4);
        assert_eq!((0..10).filter(|_| room.exchange(0, large)).count(), 4);
        assert!(!room.exchange(0, 1) && !room.exchange(large, large + 1) && room.exchange(large, large));
        assert!(room.exchange(large, 0) && room.exchange(0, large) && !room.exchange(0, large));
    }

    #[test]
    fn so_much_is_done_in_a_second_and_no_more() {
        let start = Instant::now();
        let mut allowance = Allowance::new(100, start);
        let mut done = |second: u64, count| {
            let now = start + Duration::from_secs(second);
            (0..10_000).filter(|_| allowance.take(count, now)).count()
        };
        assert_eq!(
            [done(0, 1), done(0, 1), done(1, 7), done(2, 0), done(3, 1000), done(4, 100)],
            [100, 0, 14, 100, 1, 1]
        );
    }

    #[test]
    fn who_was_first_keeps_the_stream_for_as_long_as_it_sends() {
        let (mut holder, start) = (Holder::default(), Instant::now());
        let mut has = |who, millis| holder.has(who, start + Duration::from_millis(millis));
        assert!(has(1, 0));
        for millis in 1..5000 {
            assert_eq!((has(2, millis), has(1, millis)), (false, true));
        }
        assert!(!has(2, 9998) && has(2, 9999) && !has(1, 10_000), "it has had none for five seconds");
    }
}
