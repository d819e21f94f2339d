//! The clients of one loop, and where they are.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::Waker;

use mutoscope::io::Tap;
use mutoscope::io::server::{Claims, Guard, Peer};
use mutoscope::media::catalogue::Medium;
use mutoscope::session::MediaTransport;
use mutoscope::time::Instant;

use super::admissions::Place;
use super::context::serving;
use super::debt::Debt;
use super::load::Doing;
use super::reports::{Counted, Reports};
use super::slab::Slab;
use super::wake;
use crate::link::Link;
use crate::watch::Watch;

/// A client that is lent its buffers.
pub(super) type Served<M, G> = Peer<Box<[u8]>, M, G>;

/// One connection.
pub(super) struct Slot<M: Medium, G: Guard> {
    pub(super) stream: Tap<Link, Watch>,
    /// The number of the address that it came to.
    pub(super) endpoint: usize,
    pub(super) peer: Served<M, G>,
    /// The client's source gets this, and wakes it when it has a frame.
    pub(super) waker: Waker,
    /// Tells whether it was this client that was woken, or one that had its number before.
    pub(super) woken_as: Arc<wake::Client>,
    pub(super) place: Place,
    /// As what it counts.
    pub(super) doing: Doing,
    /// Our half of the connection is closed.
    pub(super) is_shut: bool,
    /// How long it may take for the rest of what it has begun below RTSP.
    pub(super) debt: Debt,
    pub(super) counted: Counted,
}

impl<M: Medium, G: Guard> Slot<M, G> {
    fn count_report(&mut self, now: Instant, reports: &mut [Reports; 2]) {
        let reception = self.peer.reception();
        if self.counted.is_news(now, &reception)
            && let Some(transport) = self.peer.transport()
        {
            let [udp, tcp] = reports;
            match transport {
                MediaTransport::Udp { .. } => udp.note(&reception),
                MediaTransport::Interleaved { .. } => tcp.note(&reception),
            }
        }
    }
}

/// The clients that have a connection to this loop.
pub(super) struct Clients<M: Medium, G: Guard> {
    slots: Slab<Slot<M, G>>,
    /// The clients that are served, by their addresses. A datagram is offered only to the clients of the host that it came
    /// from.
    numbers: BTreeSet<(IpAddr, usize)>,
    /// What all who ever were here have reported, over UDP and over TCP.
    reports: [Reports; 2],
}

impl<M: Medium, G: Guard> Clients<M, G> {
    pub(super) fn new() -> Self {
        Self { slots: Slab::new(), numbers: BTreeSet::new(), reports: Default::default() }
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

    pub(super) fn insert(&mut self, slot: Slot<M, G>) -> usize {
        let (host, is_refused) = (slot.peer.peer().ip(), slot.place.is_refused);
        let number = self.slots.insert(slot);
        if !is_refused {
            self.numbers.insert((host, number));
        }
        number
    }

    pub(super) const fn reports(&self) -> &[Reports; 2] {
        &self.reports
    }

    pub(super) fn remove(&mut self, number: usize) -> Option<Slot<M, G>> {
        let slot = self.slots.remove(number)?;
        self.numbers.remove(&(slot.peer.peer().ip(), number));
        Some(slot)
    }

    /// What the clients of this loop say of a datagram that came to the RTP socket. `name`: under which name a client's number is
    /// known among all loops.
    pub(super) fn claim_rtp(
        &mut self,
        now: Instant,
        from: SocketAddr,
        claims: &mut Claims,
        name: impl Fn(usize) -> usize,
    ) {
        for &(_, number) in self.numbers.range((from.ip(), 0)..=(from.ip(), usize::MAX)) {
            if let Some(slot) = self.slots.at(number) {
                claims.add(name(number), slot.peer.claim_rtp(now, from));
            }
        }
    }

    /// Hands a datagram that came to the RTP socket to the client that it is from. `false`: it is not, after all.
    pub(super) fn handle_rtp(&mut self, now: Instant, number: usize, from: SocketAddr, packet: &[u8]) -> bool {
        let Some(slot) = self.slots.at(number) else { return false };
        serving(slot.peer.peer(), || slot.peer.handle_rtp(now, from, packet))
    }

    /// Hands a report to the client that it is from. `false`: it is from no client.
    pub(super) fn handle_rtcp(&mut self, now: Instant, from: SocketAddr, compound: &[u8]) -> bool {
        let mut is_meant = false;
        // Every client of the host is asked: it may have two sessions with one port, of which it has forgotten one.
        for &(_, number) in self.numbers.range((from.ip(), 0)..=(from.ip(), usize::MAX)) {
            if let Some(slot) = self.slots.at(number)
                && slot.peer.handle_rtcp(now, from, compound)
            {
                is_meant = true;
                slot.count_report(now, &mut self.reports);
            }
        }
        is_meant
    }

    /// A client may have reported on its connection.
    pub(super) fn count_report(&mut self, now: Instant, number: usize) {
        if let Some(slot) = self.slots.at(number) {
            slot.count_report(now, &mut self.reports);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Gate;
    use crate::input::InputMedium;
    use crate::media::LibraryMedium;
    use mutoscope::media::Either;

    /// What a connection takes that has sent nothing: ciphers, buffers and films have memory of their own once they are needed.
    #[test]
    fn a_place_for_a_client_takes_little_more_than_2_kib() {
        let size = size_of::<Option<Slot<Either<LibraryMedium, InputMedium>, Gate>>>();
        assert!(size <= 2072, "{size}");
    }
}
