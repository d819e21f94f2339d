//! What all that serves has in common: who has a place, how much there is to do, and the clock that both go by.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mutoscope::io::Clock;
use mutoscope::time::Instant;

use super::admissions::{Admission, Admissions, Decision, Place, Why};
use super::hosts::IsInside;
use super::load::Load;
use super::{Door, Options};
use crate::clock::MonotonicClock;
use crate::guard::KEPT_OUT;

/// How many clients there may be, and how much may be sent to them. A [`Server`](super::Server) has one, which others that serve the same
/// streams may share.
#[derive(Debug)]
pub struct Limits {
    pub(crate) clock: MonotonicClock,
    pub(crate) admissions: Admissions,
    pub(crate) load: Load,
    /// Connections that were refused: of each kind, and those of addresses that are not let in.
    refused: ([AtomicU64; Why::ALL.len()], AtomicU64),
    #[cfg(feature = "http")]
    loops: usize,
}

impl Limits {
    /// Those of a server with these options.
    pub fn new(options: &Options) -> Arc<Self> {
        let loops = options.threads.max(1);
        let admissions = Admissions::new(options.max_clients, options.trusted.clone(), loops);
        // Beside the loops there is one more who works: whoever shares the limits.
        let load = Load::new(loops + 1, options.max_bandwidth);
        Arc::new(Self {
            clock: MonotonicClock::new(),
            admissions,
            load,
            refused: Default::default(),
            #[cfg(feature = "http")]
            loops,
        })
    }

    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// The gauge of who is no loop of the server's, and shares its limits.
    #[cfg(feature = "http")]
    pub(crate) const fn guest(&self) -> usize {
        self.loops
    }

    /// A place for a connection that has come, at one of the loops. `None`: it is closed without a word. The log and the door's journal
    /// are told of those who are not served. `may_move`: whether another server may have room for it.
    pub(crate) fn receive<D: Door>(
        &self,
        door: &D,
        peer: SocketAddr,
        may_move: impl FnOnce() -> bool,
    ) -> Option<Place> {
        self.place(door, peer, false, may_move)
    }

    /// The same for a connection that is served elsewhere.
    #[cfg(feature = "http")]
    pub(crate) fn receive_guest<D: Door>(&self, door: &D, peer: SocketAddr) -> Option<Place> {
        self.place(door, peer, true, || false)
    }

    fn place<D: Door>(
        &self,
        door: &D,
        peer: SocketAddr,
        as_guest: bool,
        may_move: impl FnOnce() -> bool,
    ) -> Option<Place> {
        let now = self.now();
        if !door.lets_in(peer) {
            self.refused.1.fetch_add(1, Ordering::Relaxed);
            door.tell_refused(now, peer, KEPT_OUT);
            log::debug!("{peer} is not let in");
            return None;
        }
        let is_inside = |address| door.is_inside(address);
        let is_inside = door.asks_who_it_is().then_some(&is_inside as IsInside<'_>);
        let decision = self.admissions.admit(now, peer.ip(), is_inside, may_move);
        let Decision { admission, standing, why, is_said, may_move } = decision;
        if let Some(why) = why {
            self.refused.0[why.kind().0].fetch_add(1, Ordering::Relaxed);
            door.tell_refused(now, peer, why.words());
        }
        // It is said once: otherwise, a client that keeps connecting would fill the disk.
        match why.filter(|_| is_said) {
            Some(Why::Full) => {
                let count = self.admissions.len();
                log::warn!("{peer} is refused: there are {count} clients already (--max-clients)");
            }
            Some(Why::Over(reason)) => log::warn!("{peer} is refused: {} (--trusted)", reason.words()),
            None => {}
        }
        if admission == Admission::Ignore {
            log::debug!("{peer} is beyond all limits");
            return None;
        }
        let place = self.admissions.take_place(standing, admission != Admission::Serve, as_guest);
        Some(Place { may_move, ..place })
    }

    /// How many connections were refused, by the reason.
    #[cfg(feature = "http")]
    pub(crate) fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let (kinds, kept_out) = &self.refused;
        let of_kinds = Why::ALL.into_iter().zip(kinds).map(|(why, count)| (why.kind().1, count));
        of_kinds.chain([("address", kept_out)]).map(|(reason, count)| (reason, count.load(Ordering::Relaxed)))
    }

    /// How many clients are served, and how many may be.
    #[cfg(feature = "http")]
    pub(crate) fn places(&self) -> (usize, usize) {
        self.admissions.taken()
    }

    /// How many clients are served, and how many more viewers there is room for.
    #[cfg(feature = "cluster")]
    pub(crate) fn room(&self) -> (usize, usize) {
        let (served, most) = self.admissions.taken();
        (served, most.saturating_sub(served).min(self.load.room()))
    }

    /// A connection is over. Gives the number of those that are left.
    pub(crate) fn leave(&self, place: Place) -> usize {
        self.admissions.leave(self.now(), place)
    }
}
