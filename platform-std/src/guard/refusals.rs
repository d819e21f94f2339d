//! Which of many refusals are told, and how many each line stands for: whoever is refused as often as they like must not fill a disk.
//!
//! Each address (of IPv6 its network) has a few lines at once and one in ten seconds after that, and all together have some more. What is
//! not told is counted, and stands in the next line of that address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use mutoscope::time::{Duration, Instant};

use super::counted;
use crate::bucket::Bucket;

/// Lines about one address: so many at once, and one in so long a time after that.
const OF_ONE: (Duration, u32) = (Duration::from_secs(10), 20);
/// The same, of all addresses together.
const OF_ALL: (Duration, u32) = (Duration::from_secs(1), 200);
/// Most addresses that are remembered; all others count as one.
const MOST_REMEMBERED: usize = 4096;
/// How often it is looked for what was counted and is to be told.
const PAUSE: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct Refusals {
    by_address: HashMap<IpAddr, Untold>,
    lines: Bucket,
    /// When it is looked again for what is to be told.
    looks_at: Instant,
}

/// What has not been told of an address.
#[derive(Clone, Copy, Debug)]
struct Untold {
    lines: Bucket,
    count: u64,
    /// Who it was, the last time.
    peer: SocketAddr,
}

impl Refusals {
    /// Somebody is refused. The number of refusals that a line shall stand for: this one, and those before that were not told. `None`:
    /// there is no line.
    pub(super) fn count(&mut self, now: Instant, peer: SocketAddr) -> Option<u64> {
        let mut address = counted(peer.ip());
        if self.by_address.len() >= MOST_REMEMBERED && !self.by_address.contains_key(&address) {
            address = Ipv6Addr::UNSPECIFIED.into();
        }
        let untold = self.by_address.entry(address).or_insert(Untold { lines: Bucket::default(), count: 0, peer });
        (untold.count, untold.peer) = (untold.count.saturating_add(1), peer);
        // In this order: one address alone does not use up what others have.
        let is_told = untold.lines.take(now, OF_ONE.0, OF_ONE.1) && self.lines.take(now, OF_ALL.0, OF_ALL.1);
        is_told.then(|| std::mem::take(&mut untold.count))
    }

    /// What was counted a while ago and may be told by now: from where, and how often. Call it from time to time.
    pub(super) fn due(&mut self, now: Instant) -> Vec<(SocketAddr, u64)> {
        if now < self.looks_at {
            return Vec::new();
        }
        self.looks_at = now.after(PAUSE);
        let mut due = Vec::new();
        self.by_address.retain(|_, untold| {
            let may_be_told = untold.count > 0
                && untold.lines.take(now, OF_ONE.0, OF_ONE.1)
                && self.lines.take(now, OF_ALL.0, OF_ALL.1);
            if may_be_told {
                due.push((untold.peer, std::mem::take(&mut untold.count)));
            }
            untold.count > 0 || !untold.lines.is_full(now)
        });
        due
    }

    /// All that was counted and not told, at the end: from where, and how often.
    pub(super) fn rest(&mut self) -> impl Iterator<Item = (SocketAddr, u64)> {
        self.by_address.drain().map(|(_, untold)| (untold.peer, untold.count)).filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn at(seconds: u64) -> Instant {
        Instant::from_millis(1_000_000 + seconds * 1000)
    }

    fn peer(number: u32) -> SocketAddr {
        (Ipv4Addr::from(0xc000_0200 + number), 5000).into()
    }

    #[test]
    fn a_few_are_told_one_by_one_and_a_flood_is_counted() {
        let mut refusals = Refusals::default();
        let told: Vec<_> = (0..1000).filter_map(|_| refusals.count(at(0), peer(7))).collect();
        assert_eq!(told, [1; 20]);
        assert_eq!(refusals.count(at(0), peer(8)), Some(1), "others have lines of their own");
        assert_eq!(refusals.count(at(10), peer(7)), Some(981));
        assert_eq!(refusals.count(at(11), peer(7)), None);
        let due = [refusals.due(at(11)), refusals.due(at(20)), refusals.due(at(21)), refusals.due(at(40))];
        assert_eq!(due, [vec![], vec![], vec![(peer(7), 1)], vec![]]);
    }

    #[test]
    fn what_was_never_told_is_told_at_the_end() {
        let mut refusals = Refusals::default();
        (0..25).for_each(|_| _ = refusals.count(at(0), peer(7)));
        assert_eq!(refusals.count(at(0), peer(8)), Some(1));
        assert_eq!(refusals.rest().collect::<Vec<_>>(), [(peer(7), 5)]);
        assert_eq!(refusals.rest().count(), 0);
    }

    #[test]
    fn lines_and_memory_are_bounded_whatever_addresses_there_are() {
        let mut refusals = Refusals::default();
        let (mut lines, mut told) = (0, 0);
        for number in 0..100_000 {
            let now = at(u64::from(number) / 1000);
            for (_, count) in refusals.due(now) {
                (lines, told) = (lines + 1, told + count);
            }
            if let Some(count) = refusals.count(now, peer(number)) {
                (lines, told) = (lines + 1, told + count);
            }
        }
        assert!(lines <= 300, "{lines}");
        assert!(refusals.by_address.len() <= MOST_REMEMBERED + 1);
        let rest: u64 = refusals.rest().map(|(_, count)| count).sum();
        assert_eq!(told + rest, 100_000, "each is in one line");
        let mut one = Refusals::default();
        let mut six = (0..1000_u32).map(|number| format!("[2001:db8::{number:x}]:1").parse().unwrap());
        assert_eq!(six.by_ref().filter_map(|peer| one.count(at(0), peer)).count(), 20, "an IPv6 host has many");
    }

    #[test]
    fn who_has_gone_is_forgotten() {
        let mut refusals = Refusals::default();
        (0..100).for_each(|number| _ = refusals.count(at(0), peer(number)));
        refusals.due(at(1000));
        assert!(refusals.by_address.is_empty());
    }
}
