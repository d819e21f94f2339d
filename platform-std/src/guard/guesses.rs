//! Who has guessed passwords, and how long that one has to wait.
//!
//! Each wrong answer counts once, however often it is sent: some clients repeat one up to nine times. What is counted is the address
//! (of IPv6 its network) and the name that it tried. The first three cost nothing, as people mistype; those after them make the next
//! answer wait, twice as long each time; after ten nobody is listened to for five minutes. Where somebody has logged in from an
//! address, and is still there, others at that address are only delayed.
//!
//! Names cost nothing to make up. So an address has a few of its own, and all others that it tries count as one.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

use mutoscope::time::{Duration, Instant};

use super::counted;

/// Wrong answers that cost nothing.
const FREE: u32 = 3;
/// Wrong answers after which nobody is listened to.
const MOST: u32 = 10;
const FIRST_DELAY: Duration = Duration::from_millis(500);
const LONGEST_DELAY: Duration = Duration::from_secs(8);
/// How long nobody is listened to, and after how long guesses are forgotten.
const LOCKED: Duration = Duration::from_secs(300);
/// Most addresses that are remembered. Beyond that those are forgotten whose last guess is the oldest.
const MOST_ADDRESSES: usize = 1024;
/// Most names of one address that are told apart.
const MOST_NAMES: usize = 16;

/// What may be done for somebody who answers now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// The answer is looked at.
    Now,
    /// It is looked at then.
    Until(Instant),
    /// It is not looked at until then.
    Locked(Instant),
}

#[derive(Debug, Default)]
pub(super) struct Guesses {
    /// By where they come from.
    all: HashMap<IpAddr, Host>,
    /// Names and answers are kept as their hashes, which nobody can foresee: other answers must not look like the same.
    hashes: RandomState,
}

/// The guesses of one address.
#[derive(Debug, Default)]
struct Host {
    /// By the hash of the name.
    names: HashMap<u64, Guess>,
    /// Those of all other names, once there are too many.
    others: Option<Guess>,
}

#[derive(Clone, Copy, Debug)]
struct Guess {
    count: u32,
    last: Instant,
    /// The hash of the last answer.
    answer: u64,
}

impl Guesses {
    /// Whether an answer in the name of `user` is looked at. `is_trusted`: somebody has logged in from there, and is still there.
    pub(super) fn patience(&self, now: Instant, address: IpAddr, user: &str, is_trusted: bool) -> Patience {
        let host = self.all.get(&counted(address));
        let Some(guess) = host.and_then(|host| host.of(self.hashes.hash_one(user))).filter(|guess| !guess.is_old(now))
        else {
            return Patience::Now;
        };
        if guess.count >= MOST && !is_trusted {
            return Patience::Locked(guess.last.after(LOCKED));
        }
        let until = guess.last.after(guess.delay());
        if until <= now { Patience::Now } else { Patience::Until(until) }
    }

    /// An answer was wrong. Gives how many there have been.
    pub(super) fn count(&mut self, now: Instant, address: IpAddr, user: &str, answer: &[u8]) -> u32 {
        let (name, answer) = (self.hashes.hash_one(user), self.hashes.hash_one(answer));
        if self.all.len() >= MOST_ADDRESSES && !self.all.contains_key(&counted(address)) {
            self.forget(now);
        }
        let host = self.all.entry(counted(address)).or_default();
        if host.names.len() >= MOST_NAMES && !host.names.contains_key(&name) {
            host.names.retain(|_, guess| !guess.is_old(now));
        }
        let none = Guess { count: 0, last: now, answer: !answer };
        let guess = if host.names.len() < MOST_NAMES || host.names.contains_key(&name) {
            host.names.entry(name).or_insert(none)
        } else {
            host.others.get_or_insert(none)
        };
        if guess.is_old(now) {
            guess.count = 0;
        }
        if guess.answer != answer {
            *guess = Guess { count: guess.count.saturating_add(1), last: now, answer };
        }
        guess.count
    }

    /// The user has logged in from there.
    pub(super) fn forgive(&mut self, address: IpAddr, user: &str) {
        let Some(host) = self.all.get_mut(&counted(address)) else { return };
        host.names.remove(&self.hashes.hash_one(user));
        if host.names.is_empty() && host.others.is_none() {
            self.all.remove(&counted(address));
        }
    }

    fn forget(&mut self, now: Instant) {
        self.all.retain(|_, host| host.last().is_some_and(|guess| !guess.is_old(now)));
        if self.all.len() >= MOST_ADDRESSES {
            let last = |host: &Host| host.last().map(|guess| guess.last);
            let mut times: Vec<_> = self.all.values().map(last).collect();
            times.sort_unstable();
            let middle = times[times.len() / 2];
            self.all.retain(|_, host| last(host) > middle);
        }
    }
}

impl Host {
    /// What counts for this name.
    fn of(&self, name: u64) -> Option<&Guess> {
        let is_full = self.names.len() >= MOST_NAMES;
        self.names.get(&name).or_else(|| self.others.as_ref().filter(|_| is_full))
    }

    /// The newest of all.
    fn last(&self) -> Option<&Guess> {
        self.names.values().chain(&self.others).max_by_key(|guess| guess.last)
    }
}

impl Guess {
    fn is_old(&self, now: Instant) -> bool {
        now >= self.last.after(LOCKED)
    }

    fn delay(&self) -> Duration {
        match self.count.checked_sub(FREE) {
            None | Some(0) => Duration::ZERO,
            Some(more) => FIRST_DELAY.saturating_mul(1 << (more - 1).min(8)).min(LONGEST_DELAY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_millis(1_000_000 + seconds * 1000)
    }

    fn here() -> IpAddr {
        "192.0.2.7".parse().unwrap()
    }

    #[test]
    fn guessing_costs_more_each_time_and_then_ends() {
        let mut guesses = Guesses::default();
        let mut now = at(0);
        let mut waited = Vec::new();
        for number in 0..30 {
            match guesses.patience(now, here(), "anna", false) {
                Patience::Now => {
                    guesses.count(now, here(), "anna", number.to_string().as_bytes());
                }
                Patience::Until(until) => {
                    waited.push(until.since(now).as_millis());
                    now = until;
                }
                Patience::Locked(until) => {
                    waited.push(until.since(now).as_millis());
                    break;
                }
            }
        }
        assert_eq!(waited, [500, 1000, 2000, 4000, 8000, 8000, 300_000]);
        assert!(matches!(guesses.patience(now, here(), "anna", true), Patience::Until(_)), "only delayed");
        assert_eq!(guesses.patience(now, here(), "otto", false), Patience::Now);
        assert_eq!(guesses.patience(now, "192.0.2.8".parse().unwrap(), "anna", false), Patience::Now);
        let later = now.after(LOCKED);
        assert_eq!(guesses.patience(later, here(), "anna", false), Patience::Now);
        assert_eq!(guesses.count(later, here(), "anna", b"x"), 1, "all is forgotten");
    }

    #[test]
    fn one_answer_is_one_guess_however_often_it_comes() {
        let mut guesses = Guesses::default();
        for _ in 0..9 {
            assert_eq!(guesses.count(at(0), here(), "anna", b"same"), 1);
        }
        assert_eq!(guesses.count(at(0), here(), "anna", b"other"), 2);
        guesses.forgive(here(), "anna");
        assert_eq!(guesses.count(at(0), here(), "anna", b"other"), 1);
        let (one, two) = ("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap());
        guesses.count(at(0), one, "anna", b"a");
        assert_eq!(guesses.count(at(0), two, "anna", b"b"), 2, "an IPv6 host has many addresses");
    }

    #[test]
    fn made_up_names_make_no_guess_forgotten() {
        let mut guesses = Guesses::default();
        for number in 0..MOST {
            guesses.count(at(0), here(), "anna", number.to_string().as_bytes());
        }
        // Time that others need to guess, too.
        for number in 0..20_000_u32 {
            let (name, now) = (format!("nobody {number}"), at(1 + u64::from(number / 500)));
            if guesses.patience(now, here(), &name, false) == Patience::Now {
                guesses.count(now, here(), &name, name.as_bytes());
            }
        }
        assert!(matches!(guesses.patience(at(60), here(), "anna", false), Patience::Locked(_)));
        assert!(matches!(guesses.patience(at(60), here(), "one more", false), Patience::Locked(_)));
        assert_eq!(guesses.patience(at(60), "192.0.2.8".parse().unwrap(), "anna", false), Patience::Now);
        assert_eq!(guesses.patience(at(400), here(), "one more", false), Patience::Now);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut guesses = Guesses::default();
        for number in 0..20_000_u32 {
            let address = std::net::Ipv4Addr::from(number).into();
            guesses.count(at(u64::from(number) / 100), address, "anna", b"x");
        }
        assert!(guesses.all.len() <= MOST_ADDRESSES);
        let last = std::net::Ipv4Addr::from(19_999).into();
        assert_eq!(guesses.count(at(200), last, "anna", b"y"), 2, "the newest are kept");
    }
}
