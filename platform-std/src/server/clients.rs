//! The clients of a server: their places, their limit, and where they are.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::Waker;

use mutoscope::io::server::{Claims, Guard, Peer};
use mutoscope::media::catalogue::Medium;
use mutoscope::time::Instant;

use super::context::serving;
use super::slab::Slab;
use super::wake;
use crate::tcp::TcpStream;

/// Clients beyond the limit that are told so. More than these are closed without a word, so that a flood costs little.
const MAX_REFUSING: usize = 16;

/// A client with buffers of its own.
pub(super) type Served<M, G> = Peer<Box<[u8]>, M, G>;

/// One connection.
pub(super) struct Slot<M: Medium, G: Guard> {
    pub(super) stream: TcpStream,
    /// The number of the address that it came to.
    pub(super) endpoint: usize,
    pub(super) peer: Served<M, G>,
    /// The client's source gets this, and wakes it when it has a frame.
    pub(super) waker: Waker,
    /// Tells whether it was this client that was woken, or one that had its number before.
    pub(super) woken_as: Arc<wake::Client>,
    /// The client is only told that there is no room.
    pub(super) is_refused: bool,
    /// Our half of the connection is closed.
    pub(super) is_shut: bool,
}

/// The decision about a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It is served.
    Serve,
    /// It is told that there is no room. `is_first`: the first one since a place was free.
    Refuse { is_first: bool },
    /// It is closed without a word.
    Ignore,
}

/// All clients that have a connection.
pub(super) struct Clients<M: Medium, G: Guard> {
    slots: Slab<Slot<M, G>>,
    /// The clients that are served, by their addresses. A datagram is offered only to the clients of the host that it came
    /// from.
    hosts: BTreeSet<(IpAddr, usize)>,
    /// How many clients are only told that there is no room.
    refused: usize,
    /// Most clients that are served at once.
    limit: usize,
    /// A client has been refused, and no place has become free since.
    is_full: bool,
}

impl<M: Medium, G: Guard> Clients<M, G> {
    pub(super) fn new(limit: usize) -> Self {
        Self { slots: Slab::new(), hosts: BTreeSet::new(), refused: 0, limit, is_full: false }
    }

    /// Decides about a new connection.
    pub(super) fn admit(&mut self) -> Admission {
        if self.slots.len() - self.refused < self.limit {
            Admission::Serve
        } else if self.refused < MAX_REFUSING {
            Admission::Refuse { is_first: !std::mem::replace(&mut self.is_full, true) }
        } else {
            Admission::Ignore
        }
    }

    /// The number that [`insert`](Self::insert) will give next.
    pub(super) fn next_number(&self) -> usize {
        self.slots.next_number()
    }

    pub(super) fn at(&mut self, number: usize) -> Option<&mut Slot<M, G>> {
        self.slots.at(number)
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn numbers(&self) -> Vec<usize> {
        self.slots.numbers()
    }
}

impl<M: Medium, G: Guard> Clients<M, G> {
    pub(super) fn insert(&mut self, slot: Slot<M, G>) -> usize {
        let (host, is_refused) = (slot.peer.peer().ip(), slot.is_refused);
        let number = self.slots.insert(slot);
        if is_refused {
            self.refused += 1;
        } else {
            self.hosts.insert((host, number));
        }
        number
    }

    pub(super) fn remove(&mut self, number: usize) -> Option<Slot<M, G>> {
        let slot = self.slots.remove(number)?;
        if slot.is_refused {
            self.refused -= 1;
        } else {
            self.hosts.remove(&(slot.peer.peer().ip(), number));
            self.is_full = false;
        }
        Some(slot)
    }

    /// Hands a datagram that came to the RTP socket to the client that it is from, and gives its number. `None`: it is from no
    /// client, or it cannot be told from which.
    pub(super) fn handle_rtp(&mut self, now: Instant, from: SocketAddr, packet: &[u8]) -> Option<usize> {
        let mut claims = Claims::default();
        for &(_, number) in self.hosts.range((from.ip(), 0)..=(from.ip(), usize::MAX)) {
            if let Some(slot) = self.slots.at(number) {
                claims.add(number, slot.peer.claim_rtp(now, from));
            }
        }
        let number = claims.recipient()?;
        let slot = self.slots.at(number)?;
        serving(slot.peer.peer(), || slot.peer.handle_rtp(now, from, packet)).then_some(number)
    }

    /// Hands a report to the client that it is from. `false`: it is from no client.
    pub(super) fn handle_rtcp(&mut self, now: Instant, from: SocketAddr, compound: &[u8]) -> bool {
        let mut is_meant = false;
        // Every client of the host is asked: it may have two sessions with one port, of which it has forgotten one.
        for &(_, number) in self.hosts.range((from.ip(), 0)..=(from.ip(), usize::MAX)) {
            is_meant |= self.slots.at(number).is_some_and(|slot| slot.peer.handle_rtcp(now, from, compound));
        }
        is_meant
    }
}
