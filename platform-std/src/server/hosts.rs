//! How much of the server one address may take: places, and new connections a second. IPv6 addresses count by the network of 64 bits
//! that one household is given.
//!
//! The limits are wide, so that nobody meets them who means well; this machine and networks that are trusted have none.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use mutoscope::time::{Duration, Instant};

use crate::bucket::Bucket;
use crate::guard::counted;

/// So many places one address may have, however few there are.
const LEAST_PLACES: usize = 16;
/// New connections of one address: one in so long a time …
const INTERVAL: Duration = Duration::from_millis(50);
/// … and so many at once, after a pause.
const BURST: u32 = 50;
/// Lines of the log about addresses: one in so long a time, and so many at once.
const LINE_INTERVAL: Duration = Duration::from_secs(10);
const LINE_BURST: u32 = 10;
/// An address is named again only after so long.
const LINE_PAUSE: Duration = Duration::from_secs(300);
/// Connections of one address that may be told that there is no room for them, at once.
const MAX_REFUSED: usize = 4;
/// The same where they are told of a server that has room: many may come at once, behind one address too.
const MAX_MOVING: usize = 16;
/// Addresses without a place that are remembered; all others count as one.
const MAX_STRANGERS: usize = 1024;

/// Who is logged in: whether somebody at this address is.
pub(crate) type IsInside<'a> = &'a dyn Fn(IpAddr) -> bool;

/// All addresses that have connections, or had some a moment ago.
#[derive(Debug)]
pub(super) struct Hosts {
    /// Places of all clients.
    places: usize,
    trusted: Vec<IpNet>,
    by_address: HashMap<IpAddr, Host>,
    /// Places of clients that are counted.
    served: usize,
    lines: Bucket,
}

#[derive(Clone, Copy, Debug, Default)]
struct Host {
    served: usize,
    /// Connections that are told that there is no room.
    refused: usize,
    arrivals: Bucket,
    /// When the log may name it again.
    silent_until: Instant,
}

/// What an address is: remembered by a connection, for [`Hosts::leave`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It has no limits.
    Exempt,
    /// It counts as this address.
    Counted(IpAddr),
}

/// Why a connection is not served. `is_said`: the log shall say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Over {
    pub(super) reason: Reason,
    pub(super) is_said: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Its address connects too often.
    Arrivals,
    /// Its address has all places that one address may have.
    Places,
    /// Those who are not logged in have all places that they may have.
    Strangers,
}

impl Reason {
    /// In words, behind "is refused:".
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Arrivals => "its address connects more than 20 times a second",
            Self::Places => "its address has a quarter of all places already",
            Self::Strangers => "half of all places are taken by those who are not logged in",
        }
    }
}

impl Hosts {
    pub(super) fn new(places: usize, trusted: Vec<IpNet>) -> Self {
        Self { places, trusted, by_address: HashMap::new(), served: 0, lines: Bucket::default() }
    }

    /// An address's standing.
    pub(super) fn standing(&self, address: IpAddr) -> Standing {
        let address = address.to_canonical();
        if address.is_loopback() || self.trusted.iter().any(|net| net.contains(&address)) {
            return Standing::Exempt;
        }
        let counted = counted(address);
        let is_known = self.by_address.contains_key(&counted);
        // With networks of 64 bits to choose from, one attacker has as many addresses as it likes.
        if is_known || self.by_address.len() < self.places.saturating_add(MAX_STRANGERS) {
            Standing::Counted(counted)
        } else {
            Standing::Counted(Ipv6Addr::UNSPECIFIED.into())
        }
    }

    /// A connection has come. Whether it may have a place. `is_inside`: where there is somebody who asks for passwords.
    pub(super) fn arrive(
        &mut self,
        now: Instant,
        standing: Standing,
        is_inside: Option<IsInside<'_>>,
    ) -> Result<(), Over> {
        let Standing::Counted(address) = standing else { return Ok(()) };
        if self.by_address.len() >= self.places.saturating_add(MAX_STRANGERS) {
            self.by_address.retain(|_, host| !host.is_forgettable(now));
        }
        let host = self.by_address.entry(address).or_default();
        let reason = if !host.arrivals.take(now, INTERVAL, BURST) {
            Reason::Arrivals
        } else if host.served >= LEAST_PLACES.max(self.places / 4) {
            Reason::Places
        } else if is_inside.is_some_and(|is_inside| !is_inside(address) && self.strangers(is_inside) >= self.places / 2)
        {
            Reason::Strangers
        } else {
            return Ok(());
        };
        Err(Over { reason, is_said: self.is_said(now, address) })
    }

    /// Whether there is a line of the log for an address that is refused.
    fn is_said(&mut self, now: Instant, address: IpAddr) -> bool {
        let Some(host) = self.by_address.get_mut(&address) else { return false };
        if now < host.silent_until || !self.lines.take(now, LINE_INTERVAL, LINE_BURST) {
            return false;
        }
        host.silent_until = now.after(LINE_PAUSE);
        true
    }

    /// Places of those who are not logged in.
    fn strangers(&self, is_inside: IsInside<'_>) -> usize {
        // Mostly there are too few altogether.
        if self.served < self.places / 2 {
            return self.served;
        }
        let hosts = self.by_address.iter().filter(|(address, host)| host.served > 0 && !is_inside(**address));
        hosts.map(|(_, host)| host.served).sum()
    }

    /// Whether a connection that is refused may be told so; `may_move`: and told of a server that has room.
    pub(super) fn may_be_told(&self, standing: Standing, may_move: bool) -> bool {
        let most = if may_move { MAX_MOVING } else { MAX_REFUSED };
        match standing {
            Standing::Exempt => true,
            Standing::Counted(address) => self.by_address.get(&address).is_none_or(|host| host.refused < most),
        }
    }

    /// A connection takes a place, or is told that there is none.
    pub(super) fn take_place(&mut self, standing: Standing, is_refused: bool) {
        let Standing::Counted(address) = standing else { return };
        let host = self.by_address.entry(address).or_default();
        host.refused += usize::from(is_refused);
        host.served += usize::from(!is_refused);
        self.served += usize::from(!is_refused);
    }

    /// A connection gives that back.
    pub(super) fn leave(&mut self, now: Instant, standing: Standing, is_refused: bool) {
        let Standing::Counted(address) = standing else { return };
        let Some(host) = self.by_address.get_mut(&address) else { return };
        host.refused = host.refused.saturating_sub(is_refused.into());
        host.served = host.served.saturating_sub((!is_refused).into());
        self.served = self.served.saturating_sub((!is_refused).into());
        if host.is_forgettable(now) {
            self.by_address.remove(&address);
        }
    }
}

impl Host {
    /// Whether nothing would be different if it had never been here.
    fn is_forgettable(&self, now: Instant) -> bool {
        self.served == 0 && self.refused == 0 && self.arrivals.is_full(now) && self.silent_until <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn hosts(places: usize) -> Hosts {
        Hosts::new(places, vec!["10.0.0.0/8".parse().unwrap()])
    }

    /// Connects once every 50 ms until it is refused, and tells the number of connections that were served and the refusal.
    fn crowd(
        hosts: &mut Hosts,
        from: impl Fn(u32) -> IpAddr,
        is_inside: Option<IsInside<'_>>,
    ) -> (u32, Option<Reason>) {
        for number in 0..1000 {
            let standing = hosts.standing(from(number));
            match hosts.arrive(at(u64::from(number) * 50), standing, is_inside) {
                Ok(()) => hosts.take_place(standing, false),
                Err(over) => return (number, Some(over.reason)),
            }
        }
        (1000, None)
    }

    #[test]
    fn an_address_has_a_quarter_of_the_places_or_sixteen() {
        for (places, expected) in [(10, 16), (64, 16), (100, 25), (1000, 250)] {
            let mut hosts = hosts(places);
            let crowd = crowd(&mut hosts, |_| ip("192.0.2.7"), None);
            assert_eq!(crowd, (expected, Some(Reason::Places)), "of {places}");
            // Others have theirs, and a place that is given back can be had again.
            let other = hosts.standing(ip("192.0.2.8"));
            assert_eq!(hosts.arrive(at(100_000), other, None), Ok(()));
            let standing = hosts.standing(ip("192.0.2.7"));
            assert!(hosts.arrive(at(100_000), standing, None).is_err());
            hosts.leave(at(100_000), standing, false);
            assert_eq!(hosts.arrive(at(100_050), standing, None), Ok(()));
        }
    }

    #[test]
    fn an_address_of_ipv6_is_its_network_of_64_bits() {
        let of = |number| Ipv6Addr::from((0x2001_0db8_u128 << 96) | u128::from(number)).into();
        assert_eq!(crowd(&mut hosts(100), of, None), (25, Some(Reason::Places)));
        let of = |number| Ipv6Addr::from((0x2001_0db8_u128 << 96) | (u128::from(number) << 64)).into();
        assert_eq!(crowd(&mut hosts(100), of, None), (1000, None));
        assert_eq!(crowd(&mut hosts(100), |_| ip("::ffff:192.0.2.7"), None), (25, Some(Reason::Places)));
    }

    #[test]
    fn this_machine_and_those_that_are_trusted_have_no_limits() {
        for exempt in ["127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1", "10.200.0.1", "::ffff:10.0.0.1"] {
            let mut hosts = hosts(10);
            assert_eq!(crowd(&mut hosts, |_| ip(exempt), Some(&|_| false)), (1000, None), "{exempt}");
            assert!(hosts.by_address.is_empty());
        }
    }

    #[test]
    fn strangers_leave_half_of_the_places_to_those_who_are_logged_in() {
        let of = |number: u32| std::net::Ipv4Addr::from(0xc000_0200 + number).into();
        let is_inside = |address| address == ip("198.51.100.1");
        let mut hosts = hosts(100);
        assert_eq!(crowd(&mut hosts, of, Some(&is_inside)), (50, Some(Reason::Strangers)));
        let inside = hosts.standing(ip("198.51.100.1"));
        for number in 0..25 {
            assert_eq!(hosts.arrive(at(10_000 + number * 50), inside, Some(&is_inside)), Ok(()));
            hosts.take_place(inside, false);
        }
        // Those who are inside take nothing from the strangers' half either.
        let stranger = hosts.standing(of(1));
        hosts.leave(at(20_000), stranger, false);
        assert_eq!(hosts.arrive(at(20_000), stranger, Some(&is_inside)), Ok(()));
        // Where nobody asks for passwords there are no strangers.
        assert_eq!(crowd(&mut self::hosts(100), of, None), (1000, None));
    }

    #[test]
    fn fifty_connections_may_come_at_once_and_twenty_a_second_after_that() {
        let mut hosts = hosts(10_000);
        let standing = hosts.standing(ip("192.0.2.7"));
        let mut come = |millis| (0..1000).take_while(|_| hosts.arrive(at(millis), standing, None).is_ok()).count();
        assert_eq!(come(7), 50);
        assert_eq!((come(56), come(57), come(58)), (0, 1, 0));
        assert_eq!(come(1057), 20);
        assert_eq!(come(60_000), 50);
        assert_eq!(hosts.arrive(at(60_000), standing, None).map_err(|over| over.reason), Err(Reason::Arrivals));
    }

    #[test]
    fn the_log_names_an_address_once_and_few_of_many() {
        let mut hosts = hosts(100_000);
        let mut lines = |from: u32, millis: u64| {
            let standing = hosts.standing(std::net::Ipv4Addr::from(0xc000_0200 + from).into());
            let over = (0..200).filter_map(|_| hosts.arrive(at(millis), standing, None).err());
            over.filter(|over| over.is_said).count()
        };
        assert_eq!((lines(0, 1), lines(0, 2000), lines(0, 4000)), (1, 0, 0));
        assert_eq!((1..100).map(|number| lines(number, 5000)).sum::<usize>(), 9);
        assert_eq!(lines(0, 400_000), 1);
    }

    #[test]
    fn memory_is_bounded_whatever_addresses_there_are() {
        let mut hosts = hosts(100);
        for number in 0..100_000_u32 {
            let standing = hosts.standing(Ipv6Addr::from(u128::from(number + 1) << 64).into());
            // All within a second; then there is a pause, after which none is remembered.
            let _ = hosts.arrive(at(u64::from(number) / 100), standing, None);
        }
        assert!(hosts.by_address.len() <= 100 + MAX_STRANGERS + 1, "{}", hosts.by_address.len());
        let late = hosts.standing(ip("192.0.2.7"));
        for _ in 0..2 {
            assert!(hosts.arrive(at(400_000), late, None).is_ok());
        }
        assert!(hosts.by_address.len() <= 2, "{}", hosts.by_address.len());
    }
}
