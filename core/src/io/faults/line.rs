//! Datagrams that are on their way.

use crate::io::Meta;
use crate::time::Instant;
use heapless::Deque;

/// Datagrams that come at a time of their own, in a ring of lent memory: up to `N` of them. Room is given back in the order in which they
/// were put there.
#[derive(Debug)]
pub(super) struct Line<M, const N: usize> {
    memory: M,
    waiting: Deque<Waiting, N>,
    /// Where the next one may begin.
    head: usize,
}

#[derive(Debug)]
struct Waiting {
    due: Instant,
    meta: Meta,
    at: usize,
    len: usize,
    /// It has come, and its room waits for those before it.
    is_over: bool,
}

impl<M, const N: usize> Line<M, N> {
    pub(super) const fn new(memory: M) -> Self {
        Self { memory, waiting: Deque::new(), head: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// When the next one comes.
    pub(super) fn due(&self) -> Option<Instant> {
        self.waiting.iter().filter(|waiting| !waiting.is_over).map(|waiting| waiting.due).min()
    }
}

impl<M: AsRef<[u8]> + AsMut<[u8]>, const N: usize> Line<M, N> {
    /// Nothing can wait in it.
    pub(super) fn has_no_memory(&self) -> bool {
        self.memory.as_ref().is_empty()
    }

    /// Keeps a datagram until it is due. `false`: there is no room.
    pub(super) fn put(&mut self, due: Instant, meta: Meta, bytes: &[u8]) -> bool {
        let len = bytes.len();
        let Some(at) = self.room(len).filter(|_| !self.waiting.is_full()) else { return false };
        let end = at.saturating_add(len);
        let Some(room) = self.memory.as_mut().get_mut(at..end) else { return false };
        room.copy_from_slice(bytes);
        self.head = end;
        self.waiting.push_back(Waiting { due, meta, at, len, is_over: false }).is_ok()
    }

    /// Lends the first of those that are due by now.
    pub(super) fn take<R>(&mut self, now: Instant, f: impl FnOnce(Meta, &[u8]) -> R) -> Option<R> {
        let is_due = |waiting: &&mut Waiting| !waiting.is_over && waiting.due <= now;
        let first = self.waiting.iter_mut().filter(is_due).min_by_key(|waiting| waiting.due)?;
        first.is_over = true;
        let bytes = self.memory.as_ref().get(first.at..first.at.saturating_add(first.len)).unwrap_or_default();
        let taken = f(first.meta, bytes);
        while self.waiting.front().is_some_and(|waiting| waiting.is_over) {
            let _ = self.waiting.pop_front();
        }
        Some(taken)
    }

    /// Where so many bytes in a row are free.
    fn room(&self, len: usize) -> Option<usize> {
        let (all, head) = (self.memory.as_ref().len(), self.head);
        let end = head.saturating_add(len);
        match self.waiting.front().map(|first| first.at) {
            None => (len <= all).then_some(0),
            Some(tail) if head >= tail && end <= all => Some(head),
            // Bytes of the oldest one are never reached: a full ring would look like an empty one.
            Some(tail) if head >= tail => (len < tail).then_some(0),
            Some(tail) => (end < tail).then_some(head),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const META: Meta =
        Meta { from: core::net::SocketAddr::new(core::net::IpAddr::V4(core::net::Ipv4Addr::LOCALHOST), 1), to: None };

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn they_come_when_they_are_due_and_those_at_the_same_time_in_their_order() {
        let mut line = Line::<_, 8>::new([0; 100]);
        for (due, text) in [(30, b"late"), (10, b"soon"), (20, b"next"), (20, b"then")] {
            assert!(line.put(at(due), META, text));
        }
        assert_eq!(line.due(), Some(at(10)));
        let mut taken = |now| line.take(at(now), |_, bytes| bytes.to_vec());
        assert_eq!(taken(9), None);
        assert_eq!(taken(25).unwrap(), b"soon");
        assert_eq!((taken(25).unwrap(), taken(25).unwrap(), taken(25)), (b"next".to_vec(), b"then".to_vec(), None));
        assert_eq!(taken(30).unwrap(), b"late");
        assert!(line.is_empty() && line.due().is_none());
    }

    /// Against a model that has room without end and knows no ring: whatever is kept comes out whole.
    #[test]
    fn no_datagram_touches_another() {
        let mut random = crate::random::Random::new(9);
        let mut line = Line::<_, 5>::new([0; 64]);
        let mut model: Vec<(Instant, Vec<u8>)> = Vec::new();
        let (mut kept, mut refused) = (0, 0);
        for step in 0..20_000_u64 {
            let len = (random.bits() % 30) as usize;
            let bytes: Vec<u8> = (0..len).map(|_| step as u8).collect();
            let due = at(step + random.bits() % 8);
            if line.put(due, META, &bytes) {
                kept += 1;
                model.push((due, bytes));
            } else {
                refused += 1;
            }
            while let Some(taken) = line.take(at(step), |_, bytes| bytes.to_vec()) {
                let first = model.iter().filter(|(due, _)| *due <= at(step)).map(|(due, _)| *due).min().unwrap();
                let place = model.iter().position(|(due, _)| *due == first).unwrap();
                assert_eq!(model.remove(place).1, taken, "step {step}");
            }
            assert!(model.iter().all(|(due, _)| *due > at(step)));
        }
        assert!(kept > 5000 && refused > 500, "{kept} kept, {refused} refused");
    }

    #[test]
    fn what_is_larger_than_all_room_is_refused_and_what_fits_exactly_is_not() {
        let mut line = Line::<_, 4>::new([0; 16]);
        assert!(!line.put(at(0), META, &[1; 17]) && line.put(at(0), META, &[1; 16]) && !line.put(at(0), META, &[2; 1]));
        assert_eq!(line.take(at(0), |_, bytes| bytes.len()), Some(16));
        assert!((0..4).all(|_| line.put(at(0), META, &[])) && !line.put(at(0), META, &[]), "there are places for four");
    }
}
