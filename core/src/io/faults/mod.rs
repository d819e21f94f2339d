//! A network that loses, repeats, delays and reorders packets, on demand.

mod line;
#[cfg(test)]
mod tests;

use super::{Datagram, Meta, Transmit};
use crate::random::Random;
use crate::time::{Duration, Instant};
use embedded_io::ErrorType;
use line::Line;

/// How much later a datagram comes that others are to overtake.
pub const REORDERED_BY: Duration = Duration::from_millis(20);
/// What waits for a line of limited rate is lost where it would take longer than this to leave.
pub const LONGEST_QUEUE: Duration = Duration::from_millis(500);
/// Datagrams that are taken from the socket in one call, so that a flood cannot keep the caller.
const FILLED_PER_CALL: usize = 64;

/// What a network does to datagrams. The default does nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Impairments {
    /// Datagrams lost of each thousand, on average; 0 loses none, 1000 and above all. Of both directions.
    pub loss: u16,
    /// Received datagrams that come twice, of each thousand.
    pub duplication: u16,
    /// Received datagrams that come [`REORDERED_BY`] later than they would, so that others overtake them, of each thousand.
    pub reordering: u16,
    /// How much later each received datagram comes.
    pub delay: Duration,
    /// Each received datagram comes up to so much later than that, by chance: some overtake others.
    pub jitter: Duration,
    /// Bits a second that the line to us can carry; 0: any number. What would have to wait longer than [`LONGEST_QUEUE`] is lost.
    pub rate: u64,
    /// Decides by which datagrams all that happens: the same seed does the same to the same sequence of datagrams.
    pub seed: u64,
}

impl Impairments {
    /// Datagrams may come later than they did.
    const fn takes_time(&self) -> bool {
        let Self { duplication, reordering, delay, jitter, rate, .. } = self;
        *duplication > 0 || *reordering > 0 || *rate > 0 || !delay.is_zero() || !jitter.is_zero()
    }
}

/// A [`Datagram`] socket to which happens what happens in networks: a decorator for tests and for trying out what a viewer will see.
///
/// Each datagram has a fate of its own. The sender of a lost one is told that it left. Trains are not taken
/// ([`max_datagrams`](Datagram::max_datagrams) is 1) while anything is to be lost, so that this is true for each datagram of a frame.
///
/// Datagrams that come later wait in `M`, up to `N` of them; without memory none waits, and only loss can be tried out. What finds no
/// room is lost. Somebody has to say [what time it is](Self::set_now), and to receive again [when a datagram is due](Self::poll_timeout).
#[derive(Debug)]
pub struct Faults<D, M = [u8; 0], const N: usize = 1> {
    inner: D,
    impairments: Impairments,
    /// Of the random numbers.
    state: Random,
    now: Instant,
    /// When the last bit of what has come so far has left a line of limited rate.
    free_at: Instant,
    line: Line<M, N>,
    dropped: u64,
}

impl<D> Faults<D> {
    /// Around `inner`, without memory: only the loss of `impairments` happens.
    pub const fn new(inner: D, impairments: Impairments) -> Self {
        Self::with_memory(inner, impairments, [])
    }
}

impl<D, M, const N: usize> Faults<D, M, N> {
    /// Around `inner`, with memory for datagrams that wait.
    pub const fn with_memory(inner: D, impairments: Impairments, memory: M) -> Self {
        Self {
            inner,
            impairments,
            state: Random::new(impairments.seed),
            now: Instant::from_micros(0),
            free_at: Instant::from_micros(0),
            line: Line::new(memory),
            dropped: 0,
        }
    }

    /// From now on this happens. Datagrams that wait come when they would have come. The seed is of no account: what is lost next depends
    /// on what was lost before.
    pub const fn set_impairments(&mut self, impairments: Impairments) {
        self.impairments = impairments;
    }

    /// It is this late. Of account only where datagrams wait.
    pub const fn set_now(&mut self, now: Instant) {
        self.now = now;
    }

    /// When the next datagram that waits can be received.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.line.due()
    }

    /// The socket inside.
    pub const fn inner(&self) -> &D {
        &self.inner
    }

    /// The socket inside; what is sent and received there is not lost.
    pub const fn inner_mut(&mut self) -> &mut D {
        &mut self.inner
    }

    /// Datagrams lost so far, in both directions.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The fate of the next datagram, and the state after it: kept when there is such a datagram.
    const fn peek(&self) -> (bool, Random) {
        let mut state = self.state;
        (happens(&mut state, self.impairments.loss), state)
    }

    const fn commit_loss(&mut self, state: Random) {
        self.state = state;
        self.dropped = self.dropped.saturating_add(1);
    }
}

/// Whether something that happens to so many of a thousand happens to this one.
const fn happens(state: &mut Random, per_mille: u16) -> bool {
    per_mille > 0 && state.bits() % 1000 < per_mille as u64
}

impl<D: Datagram, M: AsRef<[u8]> + AsMut<[u8]>, const N: usize> Faults<D, M, N> {
    /// Takes what has come from the socket and decides when it comes.
    fn fill(&mut self) -> Result<(), D::Error> {
        let Self { inner, impairments, state, now, free_at, line, dropped } = self;
        for _ in 0..FILLED_PER_CALL {
            let received = inner.recv(|meta, bytes| {
                let copies = if happens(state, impairments.loss) {
                    0
                } else if happens(state, impairments.duplication) {
                    2
                } else {
                    1
                };
                let left = leaves(impairments.rate, *now, *free_at, bytes.len()).filter(|_| copies > 0);
                let Some(left) = left else {
                    *dropped = dropped.saturating_add(1);
                    return;
                };
                if impairments.rate > 0 {
                    *free_at = left;
                }
                for _ in 0..copies {
                    let due = left.after(impairments.delay).after(spread(state, impairments.jitter));
                    let due = if happens(state, impairments.reordering) { due.after(REORDERED_BY) } else { due };
                    if !line.put(due, meta, bytes) {
                        *dropped = dropped.saturating_add(1);
                    }
                }
            })?;
            if received.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Lends the next datagram that is not lost. Lost ones before it are taken from the socket, so `None` still means that
    /// nothing waits there.
    fn recv_at_once<R>(&mut self, f: impl FnOnce(Meta, &[u8]) -> R) -> Result<Option<R>, D::Error> {
        loop {
            let (lost, state) = self.peek();
            if !lost {
                let received = self.inner.recv(f)?;
                if received.is_some() {
                    self.state = state;
                }
                return Ok(received);
            }
            if self.inner.recv(|_, _| ())?.is_none() {
                return Ok(None);
            }
            self.commit_loss(state);
        }
    }
}

/// When the last bit of a datagram has left a line that is busy until `free_at`. `None`: there are too many before it.
fn leaves(rate: u64, now: Instant, free_at: Instant, len: usize) -> Option<Instant> {
    let begins = now.max(free_at);
    let micros = (len as u64).saturating_mul(8_000_000).checked_div(rate).unwrap_or(0);
    (rate == 0 || begins.since(now) <= LONGEST_QUEUE)
        .then(|| if rate == 0 { now } else { begins.after(Duration::from_micros(micros)) })
}

/// A time between none and `most`.
fn spread(state: &mut Random, most: Duration) -> Duration {
    let most = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
    match most.checked_add(1) {
        None | Some(1) => Duration::ZERO,
        Some(number) => Duration::from_micros(state.bits().checked_rem(number).unwrap_or(0)),
    }
}

impl<D: ErrorType, M, const N: usize> ErrorType for Faults<D, M, N> {
    type Error = D::Error;
}

impl<D: Datagram, M: AsRef<[u8]> + AsMut<[u8]>, const N: usize> Datagram for Faults<D, M, N> {
    fn send(&mut self, transmit: &Transmit<'_>) -> Result<usize, Self::Error> {
        let (lost, state) = self.peek();
        if lost {
            self.commit_loss(state);
            return Ok(1);
        }
        let sent = self.inner.send(transmit)?;
        if sent > 0 {
            self.state = state;
        }
        Ok(sent)
    }

    fn max_datagrams(&self) -> usize {
        if self.impairments.loss == 0 { self.inner.max_datagrams() } else { 1 }
    }

    fn tells_room(&self) -> bool {
        self.inner.tells_room()
    }

    fn recv<R>(&mut self, f: impl FnOnce(Meta, &[u8]) -> R) -> Result<Option<R>, Self::Error> {
        if self.line.has_no_memory() || (!self.impairments.takes_time() && self.line.is_empty()) {
            return self.recv_at_once(f);
        }
        // What waits is due whatever the socket says.
        let filled = self.fill();
        match self.line.take(self.now, f) {
            Some(taken) => Ok(Some(taken)),
            None => filled.map(|()| None),
        }
    }
}
