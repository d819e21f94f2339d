//! Room in a full socket, and whose it is.
//!
//! All viewers over UDP send by one socket. Where more is sent than the network takes, those who happen to try first when there is
//! room again would have all of it, and others none. So whoever finds no room waits in a [`Queue`], and while somebody waits nobody
//! else tries. Each of them has room for one frame, and waits behind the others then.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use embedded_io::ErrorType;
use mutoscope::io::server::RoomFor;
use mutoscope::io::{Datagram, Meta, Transmit};
use mutoscope::time::{Duration, Instant};

/// The first who waits tries again after so long, should nobody tell of room: some systems never do, and others only when half of the
/// buffer is empty.
const RETRY: Duration = Duration::from_millis(1);
/// Of two loops' clients who came within so long of each other, neither waits for the other one: threads would wake each other
/// for every frame.
const SLACK: Duration = Duration::from_millis(1);
/// A loop whose first client has waited for longer than another's, and for so long has not used that, is not waited for any more.
const PATIENCE: Duration = Duration::from_millis(100);

/// The rest of a frame goes before what others, of other loops too, have waited with for no longer than so.
const HEAD_START: Duration = Duration::from_secs(1);

/// Nobody waits.
const NOBODY: u64 = u64::MAX;

/// Since when the first of each loop's clients waits for one socket.
#[derive(Debug)]
struct Fronts {
    /// In microseconds.
    since: Box<[AtomicU64]>,
    /// How many of the loops have clients that wait.
    waiting: AtomicUsize,
}

/// A client that waits.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    number: usize,
    /// In microseconds. With the rest of a frame, it counts as waiting for longer.
    since: u64,
}

/// The clients of one loop that wait for room in a socket.
#[derive(Debug)]
pub struct Queue {
    /// Those of whose frames a part has left. They come first: a part is worth nothing.
    rests: VecDeque<Waiting>,
    frames: VecDeque<Waiting>,
    /// What each client waits for.
    listed: Vec<Option<RoomFor>>,
    /// The client that may send now, though others wait.
    turn: Option<usize>,
    /// There may be room again at this instant.
    retry: Instant,
    /// The loop's number.
    at: usize,
    fronts: Arc<Fronts>,
    /// The instant since when another loop's client waits that held this loop back last, and when it did so first.
    held_back: Option<(u64, Instant)>,
}

impl Default for Queue {
    /// That of a loop that has the socket for itself.
    fn default() -> Self {
        let fronts = Fronts { since: [AtomicU64::new(NOBODY)].into(), waiting: AtomicUsize::new(0) };
        Self::new(0, Arc::new(fronts))
    }
}

impl Queue {
    fn new(at: usize, fronts: Arc<Fronts>) -> Self {
        Self {
            rests: VecDeque::new(),
            frames: VecDeque::new(),
            listed: Vec::new(),
            turn: None,
            retry: Instant::default(),
            at,
            fronts,
            held_back: None,
        }
    }

    /// Those of so many loops that send by one socket.
    pub fn of_loops(loops: usize) -> Vec<Self> {
        let since = (0..loops).map(|_| AtomicU64::new(NOBODY)).collect();
        let fronts = Arc::new(Fronts { since, waiting: AtomicUsize::new(0) });
        (0..loops).map(|at| Self::new(at, Arc::clone(&fronts))).collect()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.rests.is_empty() && self.frames.is_empty()
    }

    /// Whether a client may try to send now. Otherwise it is to find no room.
    pub fn lets(&mut self, now: Instant, number: usize) -> bool {
        match self.turn {
            Some(turn) => turn == number,
            None => self.is_empty() && self.comes_before_others(now, now.as_micros()),
        }
    }

    /// What a client waits for after it has been serviced.
    pub fn update(&mut self, now: Instant, number: usize, waits: Option<RoomFor>) {
        if waits == self.listed.get(number).copied().flatten() {
            return;
        }
        let was_empty = self.is_empty();
        if number >= self.listed.len() {
            self.listed.resize(number + 1, None);
        }
        let mut since = now.as_micros();
        if let Some(old) = std::mem::replace(&mut self.listed[number], waits) {
            let line = self.line(old);
            if let Some(waiting) =
                line.iter().position(|waiting| waiting.number == number).and_then(|at| line.remove(at))
            {
                since = waiting.since;
            }
        }
        if let Some(new) = waits {
            let ahead = if new == RoomFor::Rest { HEAD_START.as_micros() as u64 } else { 0 };
            let waiting = Waiting { number, since: since.saturating_sub(ahead) };
            // Where a part has left in its turn, the turn goes on.
            if self.turn == Some(number) {
                self.line(new).push_front(waiting);
            } else {
                self.line(new).push_back(waiting);
            }
        }
        if was_empty {
            self.retry = now.after(RETRY);
        }
        self.publish();
    }

    /// Whether it is worth while to try again: somebody waits, and the time has come, or somebody has told of room.
    pub fn is_due(&self, now: Instant, is_told: bool) -> bool {
        !self.is_empty() && (is_told || self.retry <= now)
    }

    /// When to try again though nobody tells of room.
    pub fn retry(&self) -> Option<Instant> {
        (!self.is_empty()).then_some(self.retry)
    }

    /// The client whose turn it is. Tell it that it has [room](mutoscope::io::server::Peer::handle_room), service it,
    /// [`update`](Self::update), and say [`end_turn`](Self::end_turn). `None`: nobody waits, or those of another loop come first.
    pub fn begin_turn(&mut self, now: Instant) -> Option<usize> {
        self.retry = now.after(RETRY);
        let first = self.rests.front().or(self.frames.front()).copied();
        self.turn = first.filter(|first| self.comes_before_others(now, first.since)).map(|first| first.number);
        self.turn
    }

    /// Ends the turn that has begun. `true`: there was room for what waited, and the next one may try.
    pub fn end_turn(&mut self) -> bool {
        let Some(number) = self.turn.take() else { return false };
        self.listed.get(number).is_none_or(Option::is_none)
    }

    fn line(&mut self, what: RoomFor) -> &mut VecDeque<Waiting> {
        match what {
            RoomFor::Frame => &mut self.frames,
            RoomFor::Rest => &mut self.rests,
        }
    }

    /// Whether nobody at another loop waits for longer than since `since`, or uses it.
    fn comes_before_others(&mut self, now: Instant, since: u64) -> bool {
        // This is all that it costs while nothing is full.
        if self.fronts.waiting.load(Ordering::Relaxed) <= usize::from(!self.is_empty()) {
            return true;
        }
        let others = self.fronts.since.iter().enumerate().filter(|&(at, _)| at != self.at);
        let first = others.map(|(_, since)| since.load(Ordering::Acquire)).min().unwrap_or(NOBODY);
        if first.saturating_add(SLACK.as_micros() as u64) >= since {
            self.held_back = None;
            return true;
        }
        match self.held_back {
            Some((by, begun)) if by == first => now.since(begun) >= PATIENCE,
            _ => {
                self.held_back = Some((first, now));
                false
            }
        }
    }

    /// Lets the other loops know.
    fn publish(&self) {
        let fronts = [self.rests.front(), self.frames.front()];
        let since = fronts.into_iter().flatten().map(|waiting| waiting.since).min().unwrap_or(NOBODY);
        let Some(place) = self.fronts.since.get(self.at) else { return };
        match (place.swap(since, Ordering::AcqRel), since) {
            (NOBODY, NOBODY) => {}
            (NOBODY, _) => _ = self.fronts.waiting.fetch_add(1, Ordering::Release),
            (_, NOBODY) => _ = self.fronts.waiting.fetch_sub(1, Ordering::Release),
            _ => {}
        }
    }
}

impl Drop for Queue {
    /// Nobody waits for a loop that is over.
    fn drop(&mut self) {
        (self.rests, self.frames) = Default::default();
        self.publish();
    }
}

/// A socket that all clients of a loop share, as one of them finds it.
#[derive(Debug)]
pub struct Gate<'a, D> {
    socket: &'a mut D,
    is_open: bool,
}

impl<'a, D> Gate<'a, D> {
    /// `is_open`: what [`Queue::lets`] says of the client.
    pub fn new(socket: &'a mut D, is_open: bool) -> Self {
        Self { socket, is_open }
    }
}

impl<D: Datagram> ErrorType for Gate<'_, D> {
    type Error = D::Error;
}

impl<D: Datagram> Datagram for Gate<'_, D> {
    fn send(&mut self, transmit: &Transmit<'_>) -> Result<usize, Self::Error> {
        if self.is_open { self.socket.send(transmit) } else { Ok(0) }
    }

    fn max_datagrams(&self) -> usize {
        self.socket.max_datagrams()
    }

    fn tells_room(&self) -> bool {
        true
    }

    fn recv<R>(&mut self, f: impl FnOnce(Meta, &[u8]) -> R) -> Result<Option<R>, Self::Error> {
        self.socket.recv(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use RoomFor::{Frame, Rest};

    fn ms(millis: u64) -> Instant {
        Instant::from_millis(1000 + millis)
    }

    /// Gives a turn to whoever has it; `waits`: what it waits for after that.
    fn turn(queue: &mut Queue, now: Instant, waits: Option<RoomFor>) -> Option<(usize, bool)> {
        let number = queue.begin_turn(now)?;
        assert!(queue.lets(now, number) && !queue.lets(now, number + 1), "{number} alone");
        queue.update(now, number, waits);
        Some((number, queue.end_turn()))
    }

    #[test]
    fn while_somebody_waits_nobody_else_tries_and_each_has_one_turn() {
        let mut queue = Queue::default();
        assert!(queue.lets(ms(0), 7) && queue.retry().is_none() && !queue.is_due(ms(0), true));
        for number in [7, 0, 3] {
            queue.update(ms(0), number, Some(Frame));
            assert!(!queue.lets(ms(0), 1) && !queue.lets(ms(0), number));
        }
        assert_eq!((queue.retry(), queue.is_due(ms(0), false), queue.is_due(ms(0), true)), (Some(ms(1)), false, true));
        // A part of its frame leaves.
        assert_eq!(turn(&mut queue, ms(1), Some(Rest)), Some((7, false)));
        assert_eq!(queue.retry(), Some(ms(2)));
        assert_eq!(turn(&mut queue, ms(2), Some(Rest)), Some((7, false)));
        assert_eq!(turn(&mut queue, ms(3), None), Some((7, true)));
        queue.update(ms(3), 7, Some(Frame));
        assert_eq!(turn(&mut queue, ms(3), None), Some((0, true)));
        // Of a frame that leaves in several bursts, the rest comes first.
        queue.update(ms(4), 0, Some(Rest));
        for number in [0, 3, 7] {
            assert_eq!(turn(&mut queue, ms(4), None), Some((number, true)));
        }
        assert!(queue.begin_turn(ms(4)).is_none() && !queue.end_turn() && queue.lets(ms(4), 1));
    }

    #[test]
    fn who_goes_or_has_nothing_to_send_any_more_holds_nobody_up() {
        let mut queue = Queue::default();
        (0..4).for_each(|number| queue.update(ms(0), number, Some(Frame)));
        queue.update(ms(0), 0, None);
        queue.update(ms(0), 2, None);
        assert_eq!(turn(&mut queue, ms(1), None), Some((1, true)));
        assert_eq!(queue.begin_turn(ms(1)), Some(3));
        // It goes in its turn, and another client gets its number.
        queue.update(ms(1), 3, None);
        assert!(queue.end_turn() && queue.is_empty() && queue.lets(ms(1), 3));
    }

    #[test]
    fn the_first_of_all_loops_comes_first_but_one_that_does_nothing_is_waited_for_in_vain() {
        let mut queues = Queue::of_loops(3);
        queues[0].update(ms(0), 5, Some(Frame));
        assert!(queues[1].lets(ms(1), 5), "they may have come at once");
        assert!(!queues[1].lets(ms(2), 5));
        queues[1].update(ms(2), 5, Some(Frame));
        assert_eq!(turn(&mut queues[1], ms(3), None), None);
        assert_eq!(turn(&mut queues[0], ms(3), None), Some((5, true)));
        queues[0].update(ms(5), 5, Some(Frame));
        assert_eq!(turn(&mut queues[0], ms(5), None), None);
        assert_eq!(turn(&mut queues[1], ms(6), None), Some((5, true)));
        // The rest of a frame that has begun comes before frames.
        queues[2].update(ms(9), 5, Some(Rest));
        assert_eq!(turn(&mut queues[0], ms(9), None), None);
        assert_eq!(turn(&mut queues[2], ms(9), None), Some((5, true)));
        queues[2].update(ms(9), 5, Some(Frame));
        for at in 9..109 {
            assert_eq!(turn(&mut queues[2], ms(at), None), None, "{at}");
        }
        assert_eq!(turn(&mut queues[2], ms(109), None), Some((5, true)));
        queues.remove(0);
        assert!(queues[1].lets(ms(110), 1), "a loop that is over has nobody who waits");
    }
}
