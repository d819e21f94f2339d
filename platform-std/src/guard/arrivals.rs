//! Which of those who are let in are told: a page and a program that measures prove who they are with each request, a few times a second
//! for years.

use std::collections::HashMap;
use std::net::IpAddr;

use mutoscope::time::{Duration, Instant};

use super::counted;

/// Whoever asks again after so long has come anew.
const ABSENCE: Duration = Duration::from_secs(600);
/// Most that are remembered. While there are more, all others are told of each time.
const MOST_REMEMBERED: usize = 4096;

/// Those who asked a short while ago: from where, as whom, and when they did last.
#[derive(Debug, Default)]
pub(super) struct Arrivals(HashMap<(IpAddr, String), Instant>);

impl Arrivals {
    /// Somebody asks. Whether that one has not asked for a while.
    pub(super) fn is_new(&mut self, now: Instant, address: IpAddr, user: &str) -> bool {
        let who = (counted(address), user.to_owned());
        let is_there = |last: &Instant| now.since(*last) < ABSENCE;
        if let Some(last) = self.0.get_mut(&who) {
            let was_there = is_there(last);
            *last = now;
            return !was_there;
        }
        if self.0.len() >= MOST_REMEMBERED {
            self.0.retain(|_, last| is_there(last));
        }
        if self.0.len() < MOST_REMEMBERED {
            self.0.insert(who, now);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_millis(seconds * 1000)
    }

    #[test]
    fn who_asks_all_the_time_comes_once() {
        let mut arrivals = Arrivals::default();
        let host = "192.0.2.7".parse().unwrap();
        let told = (0..100_000).step_by(15).filter(|second| arrivals.is_new(at(*second), host, "anna")).count();
        assert_eq!(told, 1);
        assert!(arrivals.is_new(at(100_000), host, "bert"), "another user");
        assert!(arrivals.is_new(at(100_000), "192.0.2.8".parse().unwrap(), "anna"), "another host");
        assert!(arrivals.is_new(at(101_000), host, "anna"), "after a while");
    }

    #[test]
    fn many_take_bounded_room_and_none_is_left_out() {
        let mut arrivals = Arrivals::default();
        let host = "192.0.2.7".parse().unwrap();
        for number in 0..2 * MOST_REMEMBERED {
            assert!(arrivals.is_new(at(0), host, &number.to_string()));
        }
        assert_eq!(arrivals.0.len(), MOST_REMEMBERED);
        assert!(!arrivals.is_new(at(1), host, "0") && arrivals.is_new(at(1), host, "x"));
        assert!(arrivals.is_new(at(1000), host, "x"));
        assert_eq!(arrivals.0.len(), 1);
    }
}
