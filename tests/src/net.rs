//! A network in memory: virtual time, seeded faults, datagrams and byte streams. Nothing here sleeps or reads a clock.

use mutoscope::io::{Datagram, Meta, Stream, Transmit};
use mutoscope::time::{Duration, Instant, earliest};
use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::net::SocketAddr;
use std::rc::Rc;

/// The faults of the network. Probabilities are per mille, and concern datagrams. Streams are delayed, but never damaged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// The number of datagrams of a thousand that vanish.
    pub loss: u32,
    /// The number of datagrams of a thousand that come twice.
    pub duplication: u32,
    /// The number of datagrams of a thousand that are held back by up to `reordering_delay`.
    pub reordering: u32,
    /// The longest time for which a datagram is held back.
    pub reordering_delay: Duration,
    /// The number of datagrams of a thousand that arrive with a flipped bit.
    pub corruption: u32,
    /// The one-way delay of datagrams and streams.
    pub latency: Duration,
}

/// A handle on the network. Clones are handles on the same network.
#[derive(Clone, Default)]
pub struct Network(Rc<RefCell<Inner>>);

#[derive(Default)]
struct Inner {
    now: Instant,
    random: Random,
    faults: Faults,
    partitioned: bool,
    flying: BinaryHeap<Reverse<Flying>>,
    order: u64,
    inboxes: BTreeMap<SocketAddr, VecDeque<(u64, SocketAddr, Vec<u8>)>>,
    pipes: Vec<Rc<RefCell<Pipe>>>,
    traffic: BTreeMap<SocketAddr, Traffic>,
    activity: u64,
}

/// Counts of the datagrams to one address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// The number of datagrams that were sent.
    pub sent: u64,
    /// The number that arrived at a socket, copies included.
    pub delivered: u64,
    /// The number of those that were copies of others.
    pub copies: u64,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Flying {
    at: Instant,
    order: u64,
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
}

/// SplitMix64, so that a failing seed fails again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Random(u64);

impl Random {
    /// A generator that gives the same numbers for the same seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which must not be 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.bits() % bound
    }

    /// `true` in `per_mille` of a thousand calls, at random.
    pub fn happens(&mut self, per_mille: u32) -> bool {
        self.below(1000) < u64::from(per_mille)
    }
}

impl Network {
    /// An empty network at time zero.
    pub fn new(seed: u64, faults: Faults) -> Self {
        Self(Rc::new(RefCell::new(Inner { random: Random::new(seed), faults, ..Inner::default() })))
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.0.borrow().now
    }

    /// Moves time to `at`, and delivers the datagrams and bytes that arrive by then.
    pub fn advance_to(&self, at: Instant) {
        let inner = &mut *self.0.borrow_mut();
        inner.now = inner.now.max(at);
        while inner.flying.peek().is_some_and(|Reverse(flying)| flying.at <= inner.now) {
            let Some(Reverse(Flying { order, from, to, bytes, .. })) = inner.flying.pop() else { break };
            // Without a socket there, the datagram is lost, as on a real network.
            if let Some(inbox) = inner.inboxes.get_mut(&to) {
                inbox.push_back((order, from, bytes));
                inner.traffic.entry(to).or_default().delivered += 1;
            }
        }
    }

    /// The time when the next datagram or byte arrives.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let inner = self.0.borrow();
        let datagrams = inner.flying.peek().map(|Reverse(flying)| flying.at);
        if inner.partitioned {
            return datagrams;
        }
        let arrivals = |pipe: &Rc<RefCell<Pipe>>| pipe.borrow().next_arrival(inner.now);
        inner.pipes.iter().filter_map(arrivals).fold(datagrams, |soonest, at| earliest(soonest, Some(at)))
    }

    /// Cuts or joins all cables. While they are cut, datagrams are lost and streams stand still.
    pub fn partition(&self, partitioned: bool) {
        self.0.borrow_mut().partitioned = partitioned;
    }

    /// Sets other faults from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.0.borrow_mut().faults = faults;
    }

    /// The counts of datagrams to an address so far.
    pub fn traffic(&self, to: SocketAddr) -> Traffic {
        self.0.borrow().traffic.get(&to).copied().unwrap_or_default()
    }

    /// A number that grows with every datagram and every byte that is sent or taken.
    pub fn activity(&self) -> u64 {
        self.0.borrow().activity
    }

    /// The contents of the network: datagrams in flight or unread, bytes in streams, open streams.
    pub fn held(&self) -> (usize, usize, usize) {
        let inner = self.0.borrow();
        let datagrams = inner.flying.len() + inner.inboxes.values().map(VecDeque::len).sum::<usize>();
        let open = inner.pipes.iter().filter(|pipe| Rc::strong_count(pipe) > 1);
        (datagrams, open.clone().map(|pipe| pipe.borrow().held).sum(), open.count())
    }

    /// Binds a datagram socket.
    pub fn bind(&self, address: SocketAddr) -> SimulatedUdp {
        self.0.borrow_mut().inboxes.insert(address, VecDeque::new());
        SimulatedUdp { network: self.clone(), address, max_datagrams: 1, takes: usize::MAX, line: None }
    }

    /// A connected pair of streams, each holding at most `window` unread bytes a direction.
    pub fn connect(&self, window: usize) -> (SimulatedTcp, SimulatedTcp) {
        let pipe = || Rc::new(RefCell::new(Pipe { window, ..Pipe::default() }));
        let (there, back) = (pipe(), pipe());
        let mut inner = self.0.borrow_mut();
        inner.pipes.retain(|pipe| Rc::strong_count(pipe) > 1);
        inner.pipes.extend([there.clone(), back.clone()]);
        let end = |outgoing, incoming| SimulatedTcp { network: self.clone(), outgoing, incoming };
        (end(there.clone(), back.clone()), end(back, there))
    }
}

/// A datagram socket on the network.
pub struct SimulatedUdp {
    network: Network,
    /// The address to which it is bound.
    pub address: SocketAddr,
    /// The answer of [`Datagram::max_datagrams`].
    pub max_datagrams: usize,
    /// How many datagrams of one [`Datagram::send`] find room.
    pub takes: usize,
    /// The line that its datagrams leave by; without one, there is always room.
    pub line: Option<Line>,
}

/// A line of limited width, and the buffer before it.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Bytes per second.
    pub rate: u64,
    /// Bytes that may wait.
    pub buffer: u64,
    /// When the last byte in the buffer will have left.
    free_at: Instant,
}

impl Line {
    /// A line that is free.
    pub fn new(rate: u64, buffer: u64) -> Self {
        Self { rate, buffer, free_at: Instant::default() }
    }

    /// When the kernel tells those who wait for room that there is some: half of the buffer is empty.
    pub fn told_at(&self) -> Instant {
        let half = Duration::from_micros(self.buffer * 500_000 / self.rate);
        Instant::default().after(self.free_at.since(Instant::default()).saturating_sub(half))
    }

    /// When a datagram of this length has left. `None`: there is no room for it.
    fn take(&mut self, now: Instant, len: usize) -> Option<Instant> {
        let micros = |bytes: u64| Duration::from_micros(bytes * 1_000_000 / self.rate);
        let begins = self.free_at.max(now);
        if begins.since(now) > micros(self.buffer) {
            return None;
        }
        self.free_at = begins.after(micros(len as u64));
        Some(self.free_at)
    }
}

impl SimulatedUdp {
    /// The number of the next datagram here, in the order of sending in the whole network. `None` if none waits.
    pub fn order(&self) -> Option<u64> {
        let inner = self.network.0.borrow();
        inner.inboxes.get(&self.address)?.front().map(|(order, ..)| *order)
    }
}

impl SimulatedUdp {
    /// What the network does with one datagram.
    fn send_one(&self, left: Instant, to: SocketAddr, datagram: &[u8]) {
        let inner = &mut *self.network.0.borrow_mut();
        let traffic = inner.traffic.entry(to).or_default();
        traffic.sent += 1;
        inner.activity += 1;
        let Faults { loss, duplication, reordering, reordering_delay, corruption, latency } = inner.faults;
        let copies = if inner.random.happens(duplication) { 2 } else { 1 };
        let mut arrived = false;
        for _ in 0..copies {
            if inner.partitioned || inner.random.happens(loss) {
                continue;
            }
            traffic.copies += u64::from(core::mem::replace(&mut arrived, true));
            let mut bytes = datagram.to_vec();
            if inner.random.happens(corruption) && !bytes.is_empty() {
                let at = inner.random.below(bytes.len() as u64) as usize;
                bytes[at] ^= 1 << inner.random.below(8);
            }
            let mut at = left.after(latency);
            if inner.random.happens(reordering) {
                at = at.after(Duration::from_micros(inner.random.below(reordering_delay.as_micros() as u64 + 1)));
            }
            inner.order += 1;
            inner.flying.push(Reverse(Flying { at, order: inner.order, from: self.address, to, bytes }));
        }
    }
}

impl Drop for SimulatedUdp {
    fn drop(&mut self) {
        self.network.0.borrow_mut().inboxes.remove(&self.address);
    }
}

impl embedded_io::ErrorType for SimulatedUdp {
    type Error = core::convert::Infallible;
}

impl Datagram for SimulatedUdp {
    fn send(&mut self, transmit: &Transmit<'_>) -> Result<usize, Self::Error> {
        let from = transmit.from;
        assert!(from.is_none_or(|from| from == self.address.ip()), "{from:?} is not where {} is", self.address);
        assert!(transmit.datagrams() <= self.max_datagrams, "more datagrams than the socket takes");
        let bytes = transmit.segments.concat();
        let now = self.network.now();
        // What the kernel does with UDP_SEGMENT: one run of bytes, cut every so many.
        let datagrams = transmit.segment_size.map_or(vec![&bytes[..]], |size| bytes.chunks(size).collect());
        let mut taken = 0;
        for datagram in datagrams.into_iter().take(self.takes) {
            let left = self.line.as_mut().map_or(Some(now), |line| line.take(now, datagram.len()));
            let Some(left) = left else { break };
            self.send_one(left, transmit.to, datagram);
            taken += 1;
        }
        Ok(taken)
    }

    fn max_datagrams(&self) -> usize {
        self.max_datagrams
    }

    fn recv<R>(&mut self, f: impl FnOnce(Meta, &[u8]) -> R) -> Result<Option<R>, Self::Error> {
        let mut inner = self.network.0.borrow_mut();
        let received = inner.inboxes.get_mut(&self.address).and_then(VecDeque::pop_front);
        inner.activity += u64::from(received.is_some());
        drop(inner);
        let to = Some(self.address.ip());
        Ok(received.map(|(_, from, bytes)| f(Meta { from, to }, &bytes)))
    }
}

/// One direction of a stream.
#[derive(Default)]
struct Pipe {
    /// The pieces on their way: the time when each arrives, its bytes, and how many of them have been read.
    chunks: VecDeque<(Instant, Vec<u8>, usize)>,
    held: usize,
    window: usize,
    /// The time when the end of file arrives, if the writer is gone.
    ended: Option<Instant>,
    /// Whether the reader is gone.
    broken: bool,
}

impl Pipe {
    fn next_arrival(&self, now: Instant) -> Option<Instant> {
        let next = self.chunks.front().map(|(at, ..)| *at).or(self.ended);
        next.filter(|at| *at > now)
    }
}

/// One end of a connected stream. Dropping it closes both directions.
pub struct SimulatedTcp {
    network: Network,
    outgoing: Rc<RefCell<Pipe>>,
    incoming: Rc<RefCell<Pipe>>,
}

impl SimulatedTcp {
    /// Sends the end of file, and keeps reading.
    pub fn close_write(&mut self) {
        let (now, latency) = self.network_time();
        self.outgoing.borrow_mut().ended.get_or_insert(now.after(latency));
    }

    fn network_time(&self) -> (Instant, Duration) {
        let inner = self.network.0.borrow();
        (inner.now, inner.faults.latency)
    }

    fn partitioned(&self) -> bool {
        self.network.0.borrow().partitioned
    }
}

impl Drop for SimulatedTcp {
    fn drop(&mut self) {
        self.close_write();
        self.incoming.borrow_mut().broken = true;
    }
}

/// The error of writing to a peer that has closed its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokenPipe;

impl core::fmt::Display for BrokenPipe {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("broken pipe")
    }
}

impl core::error::Error for BrokenPipe {}

impl embedded_io::Error for BrokenPipe {
    fn kind(&self) -> embedded_io::ErrorKind {
        embedded_io::ErrorKind::BrokenPipe
    }
}

impl embedded_io::ErrorType for SimulatedTcp {
    type Error = BrokenPipe;
}

impl embedded_io::ReadReady for SimulatedTcp {
    fn read_ready(&mut self) -> Result<bool, BrokenPipe> {
        let pipe = self.incoming.borrow();
        let arrived = pipe.chunks.front().map(|(at, ..)| *at).or(pipe.ended);
        Ok(!self.partitioned() && arrived.is_some_and(|at| at <= self.network.now()))
    }
}

impl embedded_io::Read for SimulatedTcp {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, BrokenPipe> {
        use embedded_io::ReadReady;
        assert!(!buffer.is_empty(), "a read into nothing looks like the end of file");
        assert!(self.read_ready()?, "a read that would block");
        let pipe = &mut *self.incoming.borrow_mut();
        let Some((_, chunk, read)) = pipe.chunks.front_mut() else { return Ok(0) };
        let n = (chunk.len() - *read).min(buffer.len());
        buffer[..n].copy_from_slice(&chunk[*read..*read + n]);
        *read += n;
        if *read == chunk.len() {
            pipe.chunks.pop_front();
        }
        pipe.held -= n;
        self.network.0.borrow_mut().activity += n as u64;
        Ok(n)
    }
}

impl embedded_io::WriteReady for SimulatedTcp {
    fn write_ready(&mut self) -> Result<bool, BrokenPipe> {
        let pipe = self.outgoing.borrow();
        Ok(pipe.broken || pipe.held < pipe.window)
    }
}

impl embedded_io::Write for SimulatedTcp {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, BrokenPipe> {
        use embedded_io::WriteReady;
        assert!(self.write_ready()?, "a write that would block");
        let (now, latency) = self.network_time();
        let pipe = &mut *self.outgoing.borrow_mut();
        if pipe.broken || pipe.ended.is_some() {
            return Err(BrokenPipe);
        }
        let n = bytes.len().min(pipe.window - pipe.held);
        pipe.chunks.push_back((now.after(latency), bytes[..n].to_vec(), 0));
        pipe.held += n;
        self.network.0.borrow_mut().activity += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> Result<(), BrokenPipe> {
        Ok(())
    }
}

impl Stream for SimulatedTcp {}

#[cfg(test)]
mod tests {
    use super::*;
    use embedded_io::{Read, ReadReady, Write, WriteReady};

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 1], port))
    }

    #[test]
    fn datagrams_arrive_after_the_latency_and_not_before() {
        let faults = Faults { latency: Duration::from_millis(5), ..Faults::default() };
        let network = Network::new(1, faults);
        let (mut a, mut b) = (network.bind(address(1)), network.bind(address(2)));
        a.send(&Transmit::one(address(2), &[b"mu", b"to"])).unwrap();
        assert_eq!(network.poll_timeout(), Some(Instant::from_millis(5)));
        network.advance_to(Instant::from_micros(4_999));
        assert_eq!(b.recv(|_, bytes| bytes.to_vec()).unwrap(), None);
        network.advance_to(Instant::from_millis(5));
        assert_eq!(b.recv(|meta, bytes| (meta.from, bytes.to_vec())).unwrap(), Some((address(1), b"muto".to_vec())));
    }

    #[test]
    fn the_same_seed_loses_the_same_datagrams() {
        let run = |seed| {
            let network = Network::new(seed, Faults { loss: 300, ..Faults::default() });
            let (mut a, mut b) = (network.bind(address(1)), network.bind(address(2)));
            for n in 0..100_u8 {
                a.send(&Transmit::one(address(2), &[&[n]])).unwrap();
            }
            network.advance_to(Instant::from_millis(1));
            core::iter::from_fn(|| b.recv(|_, bytes| bytes[0]).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        assert!((50..90).contains(&run(7).len()));
    }

    #[test]
    fn a_train_is_cut_into_equal_datagrams() {
        let network = Network::new(1, Faults::default());
        let (mut a, mut b) = (network.bind(address(1)), network.bind(address(2)));
        a.max_datagrams = 3;
        let train = Transmit { segment_size: Some(3), ..Transmit::one(address(2), &[b"ab", b"cd", b"efg"]) };
        assert_eq!(a.send(&train), Ok(3));
        network.advance_to(Instant::from_micros(0));
        let received: Vec<_> = core::iter::from_fn(|| b.recv(|_, bytes| bytes.to_vec()).unwrap()).collect();
        assert_eq!(received, [b"abc".to_vec(), b"def".to_vec(), b"g".to_vec()]);
    }

    #[test]
    fn a_stream_holds_no_more_than_its_window_and_ends_in_end_of_file() {
        let network = Network::new(1, Faults::default());
        let (mut a, mut b) = network.connect(4);
        assert_eq!(a.write(b"abcdef"), Ok(4));
        assert_eq!(a.write_ready(), Ok(false));
        let mut buffer = [0; 8];
        assert_eq!(b.read(&mut buffer), Ok(4));
        assert_eq!(b.read_ready(), Ok(false));
        drop(a);
        assert_eq!(b.read_ready(), Ok(true));
        assert_eq!(b.read(&mut buffer), Ok(0));
        assert_eq!(b.write(b"x"), Err(BrokenPipe));
    }

    #[test]
    fn a_partition_loses_datagrams_and_stops_streams() {
        let network = Network::new(1, Faults::default());
        let (mut a, mut b) = (network.bind(address(1)), network.bind(address(2)));
        let (mut c, mut d) = network.connect(100);
        network.partition(true);
        a.send(&Transmit::one(address(2), &[b"lost"])).unwrap();
        c.write(b"late").unwrap();
        network.advance_to(Instant::from_millis(1));
        assert_eq!(d.read_ready(), Ok(false));
        network.partition(false);
        assert_eq!(d.read_ready(), Ok(true));
        assert_eq!(b.recv(|_, _| ()).unwrap(), None);
    }
}
