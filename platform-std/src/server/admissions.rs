//! Who of those who connect has a place: one register for all loops of a server.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;
use mutoscope::time::Instant;

use super::hosts::{Hosts, IsInside, Over, Reason, Standing};

/// Clients beyond the limit that are told so. More than these are closed without a word, so that a flood costs little.
const MAX_REFUSING: usize = 16;
/// The same where they are told of a server that has room.
const MAX_MOVING: usize = 128;

/// The decision about a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
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
    /// It is not served because all places are taken, and may be told of a server that has some.
    pub(super) may_move: bool,
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
    /// As it is counted: a number below 4, and a word.
    pub(super) const fn kind(self) -> (usize, &'static str) {
        match self {
            Self::Full => (0, "full"),
            Self::Over(Reason::Arrivals) => (1, "arrivals"),
            Self::Over(Reason::Places) => (2, "places"),
            Self::Over(Reason::Strangers) => (3, "strangers"),
        }
    }

    /// One for each kind, in their order.
    pub(super) const ALL: [Self; 4] =
        [Self::Full, Self::Over(Reason::Arrivals), Self::Over(Reason::Places), Self::Over(Reason::Strangers)];

    /// In words.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Full => "all places are taken",
            Self::Over(reason) => reason.words(),
        }
    }
}

/// A place that a connection has, until it is given back with [`Admissions::leave`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// What its address is, and thus where it is counted.
    pub(super) standing: Standing,
    /// The client is only told that there is no room …
    pub(crate) is_refused: bool,
    /// … or where there is some.
    pub(super) may_move: bool,
    /// The loop that serves it.
    pub(super) at: usize,
}

/// All places of a server, and who has them. It is asked when a connection comes and when one goes.
#[derive(Debug)]
pub(crate) struct Admissions {
    places: Mutex<Places>,
}

#[derive(Debug)]
struct Places {
    /// What each address takes.
    hosts: Hosts,
    /// How many clients each loop has, and at last how many are guests.
    by_loop: Vec<usize>,
    /// How many clients are only told that there is no room.
    refused: usize,
    /// Most clients that are served at once.
    limit: usize,
    /// A client has been refused, and no place has become free since.
    is_full: bool,
}

impl Admissions {
    /// `limit` places at `loops` loops. `trusted`: networks without limits of their own.
    pub(super) fn new(limit: usize, trusted: Vec<IpNet>, loops: usize) -> Self {
        let hosts = Hosts::new(limit, trusted);
        let places = Places { hosts, by_loop: vec![0; loops.max(1) + 1], refused: 0, limit, is_full: false };
        Self { places: Mutex::new(places) }
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides about a new connection. `is_inside`: where some clients are asked who they are. `may_move`: whether another server has
    /// room for it.
    pub(super) fn admit(
        &self,
        now: Instant,
        address: IpAddr,
        is_inside: Option<IsInside<'_>>,
        may_move: impl FnOnce() -> bool,
    ) -> Decision {
        let mut places = self.lock();
        let standing = places.hosts.standing(address);
        let (why, is_said) = match places.hosts.arrive(now, standing, is_inside) {
            Err(Over { reason, is_said }) => (Why::Over(reason), is_said),
            Ok(()) if places.served() < places.limit => {
                let admission = Admission::Serve;
                return Decision { admission, standing, why: None, is_said: false, may_move: false };
            }
            Ok(()) => (Why::Full, !std::mem::replace(&mut places.is_full, true)),
        };
        let may_move = why == Why::Full && may_move();
        let most = if may_move { MAX_MOVING } else { MAX_REFUSING };
        let may_be_told = places.refused < most && places.hosts.may_be_told(standing, may_move);
        let is_told = may_be_told && why != Why::Over(Reason::Arrivals);
        let admission = if is_told { Admission::Refuse } else { Admission::Ignore };
        Decision { admission, standing, why: Some(why), is_said, may_move }
    }

    /// Gives a connection its place, at the loop that has the fewest, or, `as_guest`, at none.
    pub(super) fn take_place(&self, standing: Standing, is_refused: bool, as_guest: bool) -> Place {
        let mut places = self.lock();
        places.hosts.take_place(standing, is_refused);
        places.refused += usize::from(is_refused);
        let loops = places.by_loop.len() - 1;
        let at = if as_guest { loops } else { (0..loops).min_by_key(|&at| places.by_loop[at]).unwrap_or(0) };
        places.by_loop[at] += 1;
        Place { standing, is_refused, may_move: false, at }
    }

    /// A connection is over. Gives the number of those that are left.
    pub(super) fn leave(&self, now: Instant, place: Place) -> usize {
        let mut places = self.lock();
        places.hosts.leave(now, place.standing, place.is_refused);
        places.by_loop[place.at] -= 1;
        if place.is_refused {
            places.refused -= 1;
        } else {
            places.is_full = false;
        }
        places.len()
    }

    /// How many clients are served, and how many may be.
    #[cfg(feature = "http")]
    pub(super) fn taken(&self) -> (usize, usize) {
        let places = self.lock();
        (places.served(), places.limit)
    }

    /// How many connections there are.
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }
}

impl Places {
    fn len(&self) -> usize {
        self.by_loop.iter().sum()
    }

    fn served(&self) -> usize {
        self.len() - self.refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_of_those_who_are_refused_are_told_so_and_none_who_come_too_often() {
        let admissions = Admissions::new(100, Vec::new(), 1);
        let address: IpAddr = "192.0.2.7".parse().unwrap();
        let mut decisions = Vec::new();
        for number in 0..32 {
            let decision = admissions.admit(Instant::from_millis(number * 50), address, None, || true);
            if decision.admission != Admission::Ignore {
                admissions.take_place(decision.standing, decision.admission == Admission::Refuse, false);
            }
            decisions.push((decision.admission, decision.why.filter(|_| decision.is_said)));
        }
        let over = |reason| Some(Why::Over(reason));
        assert!(decisions[..25].iter().all(|decision| *decision == (Admission::Serve, None)));
        assert_eq!(decisions[25], (Admission::Refuse, over(Reason::Places)));
        assert!(decisions[26..29].iter().all(|decision| *decision == (Admission::Refuse, None)));
        assert!(decisions[29..].iter().all(|decision| *decision == (Admission::Ignore, None)));
        // Another address that comes very often has its line, and no answer.
        let other = "192.0.2.8".parse().unwrap();
        let mut often = (0..100).map(|_| admissions.admit(Instant::default(), other, None, || true));
        let first = often.find(|decision| decision.admission != Admission::Serve).unwrap();
        assert_eq!((first.admission, first.why, first.is_said), (Admission::Ignore, over(Reason::Arrivals), true));
        assert!(often.all(|decision| decision.admission == Admission::Ignore && !decision.is_said));
    }

    #[test]
    fn a_server_that_is_full_says_so_once() {
        let admissions = Admissions::new(0, Vec::new(), 1);
        let admit = || admissions.admit(Instant::default(), "127.0.0.1".parse().unwrap(), None, || false);
        let decisions = [0, 0].map(|_| admit());
        assert!(decisions.iter().all(|decision| decision.admission == Admission::Refuse));
        let said = decisions.map(|decision| (decision.why, decision.is_said));
        assert_eq!(said, [(Some(Why::Full), true), (Some(Why::Full), false)]);
    }

    #[test]
    fn more_are_told_where_there_is_room_elsewhere_and_only_if_this_server_is_full() {
        let admissions = Admissions::new(0, Vec::new(), 1);
        let refused = |may_move: bool, host: u8| {
            let decide = |_: &usize| {
                // Of each address so many at once as may come.
                let address = [192, 0, 2, host].into();
                let decision = admissions.admit(Instant::default(), address, None, || may_move);
                assert_eq!(decision.may_move, may_move);
                let is_told = decision.admission == Admission::Refuse;
                if is_told {
                    admissions.take_place(decision.standing, true, false);
                }
                is_told
            };
            (0..20).take_while(decide).count()
        };
        assert_eq!((refused(false, 1), refused(true, 2)), (4, 16));
        let told: usize = (3..20).map(|host| refused(true, host)).sum();
        assert_eq!((told, refused(false, 20)), (128 - 20, 0));
    }

    #[test]
    fn connections_go_where_there_are_fewest() {
        let admissions = Admissions::new(9, Vec::new(), 3);
        let places = [0; 7].map(|_| admissions.take_place(Standing::Exempt, false, false));
        assert_eq!(places.map(|place| place.at), [0, 1, 2, 0, 1, 2, 0]);
        assert_eq!(admissions.leave(Instant::default(), places[1]), 6);
        assert_eq!(admissions.leave(Instant::default(), places[4]), 5);
        assert_eq!([0; 3].map(|_| admissions.take_place(Standing::Exempt, true, false).at), [1, 1, 1]);
        assert_eq!(admissions.len(), 8);
        // A guest takes none of theirs.
        assert_eq!([0; 2].map(|_| admissions.take_place(Standing::Exempt, false, true).at), [3, 3]);
        assert_eq!((admissions.take_place(Standing::Exempt, false, false).at, admissions.len()), (2, 11));
    }
}
