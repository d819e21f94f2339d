//! The clients of a server: their places, their limit, and where they are.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::Waker;

use ipnet::IpNet;
use mutoscope::io::server::{Claims, Guard, Peer};
use mutoscope::media::catalogue::Medium;
use mutoscope::time::Instant;

use super::context::serving;
use super::debt::Debt;
use super::hosts::{Hosts, IsInside, Over, Reason, Standing};
use super::slab::Slab;
use super::wake;
use crate::link::Link;

/// Clients beyond the limit that are told so. More than these are closed without a word, so that a flood costs little.
const MAX_REFUSING: usize = 16;

/// A client with buffers of its own.
pub(super) type Served<M, G> = Peer<Box<[u8]>, M, G>;

/// One connection.
pub(super) struct Slot<M: Medium, G: Guard> {
    pub(super) stream: Link,
    /// The number of the address that it came to.
    pub(super) endpoint: usize,
    pub(super) peer: Served<M, G>,
    /// The client's source gets this, and wakes it when it has a frame.
    pub(super) waker: Waker,
    /// Tells whether it was this client that was woken, or one that had its number before.
    pub(super) woken_as: Arc<wake::Client>,
    /// The client is only told that there is no room.
    pub(super) is_refused: bool,
    /// What its address is, and thus where its place is counted.
    pub(super) standing: Standing,
    /// Our half of the connection is closed.
    pub(super) is_shut: bool,
    /// How long it may take for the rest of what it has begun below RTSP.
    pub(super) debt: Debt,
}

/// The decision about a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It is served.
    Serve,
    /// It is told that there is no room.
    Refuse,
    /// It is closed without a word.
    Ignore,
}

/// A decision.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decision {
    pub(super) admission: Admission,
    pub(super) standing: Standing,
    /// Why it is not served.
    pub(super) why: Option<Why>,
    /// The log is to say so, once for many.
    pub(super) is_said: bool,
}

/// Why a connection is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// All places are taken.
    Full,
    /// Its address, or strangers like it, have all that they may have.
    Over(Reason),
}

impl Why {
    /// In words.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Full => "all places are taken",
            Self::Over(reason) => reason.words(),
        }
    }
}

/// All clients that have a connection.
pub(super) struct Clients<M: Medium, G: Guard> {
    slots: Slab<Slot<M, G>>,
    /// The clients that are served, by their addresses. A datagram is offered only to the clients of the host that it came
    /// from.
    numbers: BTreeSet<(IpAddr, usize)>,
    /// What each address takes.
    hosts: Hosts,
    /// How many clients are only told that there is no room.
    refused: usize,
    /// Most clients that are served at once.
    limit: usize,
    /// A client has been refused, and no place has become free since.
    is_full: bool,
}

impl<M: Medium, G: Guard> Clients<M, G> {
    /// `trusted`: networks without limits of their own.
    pub(super) fn new(limit: usize, trusted: Vec<IpNet>) -> Self {
        let hosts = Hosts::new(limit, trusted);
        Self { slots: Slab::new(), numbers: BTreeSet::new(), hosts, refused: 0, limit, is_full: false }
    }

    /// Decides about a new connection. `is_inside`: where some clients are asked who they are.
    pub(super) fn admit(&mut self, now: Instant, address: IpAddr, is_inside: Option<IsInside<'_>>) -> Decision {
        let standing = self.hosts.standing(address);
        let (why, is_said) = match self.hosts.arrive(now, standing, is_inside) {
            Err(Over { reason, is_said }) => (Why::Over(reason), is_said),
            Ok(()) if self.slots.len() - self.refused < self.limit => {
                return Decision { admission: Admission::Serve, standing, why: None, is_said: false };
            }
            Ok(()) => (Why::Full, !std::mem::replace(&mut self.is_full, true)),
        };
        let may_be_told = self.refused < MAX_REFUSING && self.hosts.may_be_told(standing);
        let is_told = may_be_told && why != Why::Over(Reason::Arrivals);
        let admission = if is_told { Admission::Refuse } else { Admission::Ignore };
        Decision { admission, standing, why: Some(why), is_said }
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
        self.hosts.take_place(slot.standing, is_refused);
        let number = self.slots.insert(slot);
        if is_refused {
            self.refused += 1;
        } else {
            self.numbers.insert((host, number));
        }
        number
    }

    pub(super) fn remove(&mut self, now: Instant, number: usize) -> Option<Slot<M, G>> {
        let slot = self.slots.remove(number)?;
        self.hosts.leave(now, slot.standing, slot.is_refused);
        if slot.is_refused {
            self.refused -= 1;
        } else {
            self.numbers.remove(&(slot.peer.peer().ip(), number));
            self.is_full = false;
        }
        Some(slot)
    }

    /// Hands a datagram that came to the RTP socket to the client that it is from, and gives its number. `None`: it is from no
    /// client, or it cannot be told from which.
    pub(super) fn handle_rtp(&mut self, now: Instant, from: SocketAddr, packet: &[u8]) -> Option<usize> {
        let mut claims = Claims::default();
        for &(_, number) in self.numbers.range((from.ip(), 0)..=(from.ip(), usize::MAX)) {
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
        for &(_, number) in self.numbers.range((from.ip(), 0)..=(from.ip(), usize::MAX)) {
            is_meant |= self.slots.at(number).is_some_and(|slot| slot.peer.handle_rtcp(now, from, compound));
        }
        is_meant
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::live::Live;
    use mutoscope::io::server::Open;
    use mutoscope::media::catalogue::Catalogue;

    #[test]
    fn few_of_those_who_are_refused_are_told_so_and_none_who_come_too_often() {
        let mut clients = Clients::<<Live as Catalogue>::Medium, Open>::new(100, Vec::new());
        let address: IpAddr = "192.0.2.7".parse().unwrap();
        let mut decisions = Vec::new();
        for number in 0..32 {
            let decision = clients.admit(Instant::from_millis(number * 50), address, None);
            if decision.admission != Admission::Ignore {
                clients.hosts.take_place(decision.standing, decision.admission == Admission::Refuse);
            }
            decisions.push((decision.admission, decision.why.filter(|_| decision.is_said)));
        }
        let over = |reason| Some(Why::Over(reason));
        assert!(decisions[..25].iter().all(|decision| *decision == (Admission::Serve, None)));
        assert_eq!(decisions[25], (Admission::Refuse, over(Reason::Places)));
        assert!(decisions[26..29].iter().all(|decision| *decision == (Admission::Refuse, None)));
        assert!(decisions[29..].iter().all(|decision| *decision == (Admission::Ignore, None)));
        // Another address that comes very often has its line, and no answer.
        let mut often = (0..100).map(|_| clients.admit(Instant::default(), "192.0.2.8".parse().unwrap(), None));
        let first = often.find(|decision| decision.admission != Admission::Serve).unwrap();
        assert_eq!((first.admission, first.why, first.is_said), (Admission::Ignore, over(Reason::Arrivals), true));
        assert!(
            often
                .all(|decision| decision.admission == Admission::Ignore && !decision.is_said && decision.why.is_some())
        );
    }

    #[test]
    fn a_server_that_is_full_says_so_once() {
        let mut clients = Clients::<<Live as Catalogue>::Medium, Open>::new(0, Vec::new());
        let decisions = [0, 0].map(|_| clients.admit(Instant::default(), "127.0.0.1".parse().unwrap(), None));
        assert!(decisions.iter().all(|decision| decision.admission == Admission::Refuse));
        assert_eq!(
            decisions.map(|decision| (decision.why, decision.is_said)),
            [(Some(Why::Full), true), (Some(Why::Full), false)]
        );
    }
}
