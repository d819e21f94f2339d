//! What the loops of a server have for each other: one takes connections and reads the UDP sockets, and all serve clients.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mio::{Poll, Token, Waker};
use mutoscope::io::server::Claims;
use mutoscope::time::{Duration, Instant};

use super::admissions::Place;
use super::register::Register;
use super::sessions::{Id, Roll};
use crate::link::Link;

/// That of what wakes a loop.
pub(super) const WAKER: Token = Token(0);

/// Datagrams that wait for a loop. More are lost, as they are where a socket's buffer is full.
const MAX_DATAGRAMS: usize = 4096;

/// How long it is known whose the datagrams of an address are. Then all loops are asked again: another client may have that port now.
const KNOWN_FOR: Duration = Duration::from_secs(1);

/// Addresses of which that is known.
const MAX_KNOWN: usize = 4096;

/// Something for a loop.
#[derive(Debug)]
pub(super) enum Letter {
    /// A connection, which is this loop's from now on.
    Connection(Box<Arrival>),
    /// RTP for one of its clients.
    Rtp { number: usize, from: SocketAddr, packet: Arc<[u8]> },
    /// A report that may be for one of its clients.
    Rtcp { from: SocketAddr, compound: Arc<[u8]> },
    /// RTP that may be for one of its clients.
    Vote(Arc<Vote>),
    /// Its clients are to be counted; it answers there.
    Census(Arc<Register>),
    /// Its sessions are to be told there.
    Roll(Arc<Roll>),
    /// This session is to end.
    End(Id),
}

/// A connection that has a place.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) link: Link,
    /// The number of the address that it came to.
    pub(super) endpoint: usize,
    pub(super) peer: SocketAddr,
    pub(super) place: Place,
}

/// What waits for one loop.
#[derive(Debug)]
pub(super) struct Mailbox {
    letters: Mutex<Letters>,
    waker: Waker,
}

#[derive(Debug, Default)]
struct Letters {
    waiting: Vec<Letter>,
    datagrams: usize,
    /// Nobody takes them any more.
    is_closed: bool,
}

impl Mailbox {
    /// That of the loop which waits at `poll`.
    pub(super) fn new(poll: &Poll) -> io::Result<Self> {
        Ok(Self { letters: Mutex::default(), waker: Waker::new(poll.registry(), WAKER)? })
    }

    fn lock(&self) -> MutexGuard<'_, Letters> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves a letter. The loop wakes up once for all that are left before it takes them. One for a loop that is over is thrown
    /// away, and so a connection is closed.
    pub(super) fn post(&self, letter: Letter) {
        let is_first = {
            let mut letters = self.lock();
            if letters.is_closed {
                return;
            }
            if matches!(letter, Letter::Rtp { .. } | Letter::Rtcp { .. } | Letter::Vote(_)) {
                if letters.datagrams >= MAX_DATAGRAMS {
                    return;
                }
                letters.datagrams += 1;
            }
            letters.waiting.push(letter);
            letters.waiting.len() == 1
        };
        if is_first {
            self.interrupt();
        }
    }

    /// All letters, in the order in which they were left.
    pub(super) fn take(&self) -> Vec<Letter> {
        let mut letters = self.lock();
        letters.datagrams = 0;
        std::mem::take(&mut letters.waiting)
    }

    /// The loop is over. Handles on the server may live for as long as the program, and connections must not stay open in them.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        drop(self.take());
    }

    /// Makes the loop's wait end.
    pub(super) fn interrupt(&self) {
        if let Err(error) = self.waker.wake() {
            log::error!("cannot wake the server: {error}");
        }
    }
}

/// A datagram of which all loops are asked whether it is one of their clients'.
#[derive(Debug)]
pub(super) struct Vote {
    pub(super) from: SocketAddr,
    pub(super) packet: Arc<[u8]>,
    ballot: Mutex<Ballot>,
}

#[derive(Debug)]
struct Ballot {
    claims: Claims,
    /// Loops that have not been heard.
    missing: usize,
}

impl Vote {
    /// All of `loops` loops are to be heard.
    pub(super) fn new(from: SocketAddr, packet: &[u8], loops: usize) -> Arc<Self> {
        let ballot = Mutex::new(Ballot { claims: Claims::default(), missing: loops });
        Arc::new(Self { from, packet: packet.into(), ballot })
    }

    fn lock(&self) -> MutexGuard<'_, Ballot> {
        self.ballot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One loop is heard. The last one is told whose the datagram is.
    pub(super) fn cast(&self, claim: impl FnOnce(&mut Claims)) -> Option<usize> {
        let mut ballot = self.lock();
        claim(&mut ballot.claims);
        ballot.missing = ballot.missing.saturating_sub(1);
        if ballot.missing == 0 { ballot.claims.recipient() } else { None }
    }

    /// Whose it is, once all have been heard.
    fn recipient(&self) -> Option<usize> {
        let ballot = self.lock();
        if ballot.missing == 0 { ballot.claims.recipient() } else { None }
    }
}

/// Whose the datagrams of an address were a moment ago.
#[derive(Debug, Default)]
pub(super) struct Known {
    votes: HashMap<SocketAddr, (Instant, Arc<Vote>)>,
}

impl Known {
    /// Whose they were, if all loops have been asked lately.
    pub(super) fn recipient(&self, now: Instant, from: SocketAddr) -> Option<usize> {
        let (at, vote) = self.votes.get(&from)?;
        if now.since(*at) < KNOWN_FOR { vote.recipient() } else { None }
    }

    /// All loops are being asked.
    pub(super) fn learn(&mut self, now: Instant, vote: &Arc<Vote>) {
        if self.votes.len() >= MAX_KNOWN {
            self.votes.clear();
        }
        self.votes.insert(vote.from, (now, Arc::clone(vote)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::Events;
    use mutoscope::io::server::Claim;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 7], port))
    }

    fn report(port: u16) -> Letter {
        Letter::Rtcp { from: address(port), compound: Arc::from(&b"report"[..]) }
    }

    #[test]
    fn letters_come_in_order_and_wake_the_loop_once() {
        let mut poll = Poll::new().unwrap();
        let mailbox = Mailbox::new(&poll).unwrap();
        let (mut events, at_once) = (Events::with_capacity(4), Some(Duration::ZERO));
        for port in [5, 6] {
            mailbox.post(report(port));
        }
        poll.poll(&mut events, at_once).unwrap();
        assert_eq!(events.iter().count(), 1);
        let ports = |letters: Vec<Letter>| -> Vec<u16> {
            let port = |letter| if let Letter::Rtcp { from, .. } = letter { from.port() } else { 0 };
            letters.into_iter().map(port).collect()
        };
        assert_eq!(ports(mailbox.take()), [5, 6]);
        mailbox.post(report(7));
        poll.poll(&mut events, at_once).unwrap();
        assert_eq!((events.iter().count(), ports(mailbox.take())), (1, vec![7]));
        // A flood fills no memory.
        (0..MAX_DATAGRAMS + 9).for_each(|_| mailbox.post(report(8)));
        assert_eq!(mailbox.take().len(), MAX_DATAGRAMS);
    }

    #[test]
    fn what_is_left_for_a_loop_that_is_over_is_thrown_away() {
        let mailbox = Mailbox::new(&Poll::new().unwrap()).unwrap();
        let compound: Arc<[u8]> = Arc::from(&b"report"[..]);
        let leave = || mailbox.post(Letter::Rtcp { from: address(5), compound: Arc::clone(&compound) });
        leave();
        assert_eq!(Arc::strong_count(&compound), 2);
        mailbox.close();
        leave();
        assert_eq!((Arc::strong_count(&compound), mailbox.take().len()), (1, 0));
    }

    #[test]
    fn the_last_loop_that_is_heard_learns_whose_a_datagram_is() {
        let now = Instant::from_millis(5000);
        let vote = Vote::new(address(9), b"hole", 3);
        let mut known = Known::default();
        known.learn(now, &vote);
        assert_eq!(vote.cast(|claims| claims.add(4, Claim::Own { since: 1 })), None);
        assert_eq!(vote.cast(|claims| claims.add(7, Claim::Own { since: 2 })), None);
        assert_eq!(known.recipient(now, address(9)), None, "it is not known yet");
        assert_eq!(vote.cast(|claims| claims.add(2, Claim::Perhaps)), Some(7));
        assert_eq!(known.recipient(now, address(9)), Some(7));
        assert_eq!(known.recipient(now, address(10)), None);
        assert_eq!(known.recipient(now.after(KNOWN_FOR), address(9)), None, "another one may have that port by now");
    }
}
