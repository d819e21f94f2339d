//! What a client owes below RTSP: the rest of a handshake of TLS, or of a record. The session sees nothing of these before they are whole, so
//! it cannot see that they never end.

use mutoscope::session::server::Config;
use mutoscope::time::{Duration, Instant};

use super::hosts::Standing;

/// How long a client may take for that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Debt {
    /// Since when it owes, and which.
    open: Option<(u64, Instant)>,
    /// For what comes after the first bytes of RTSP.
    usual: Duration,
    /// For what comes before.
    first: Duration,
}

impl Debt {
    /// As long as a request may take; before anything has come, strangers have half of that.
    pub(super) fn new(config: &Config, standing: Standing) -> Self {
        let usual = config.request_timeout;
        Self { open: None, usual, first: if standing == Standing::Exempt { usual } else { usual / 2 } }
    }

    /// It is so now. `owed`: a number that changes when something has been paid; 0: nothing ever was.
    pub(super) fn update(&mut self, now: Instant, owed: Option<u64>) {
        let since = |which| self.open.filter(|(open, _)| *open == which).map_or(now, |(_, since)| since);
        self.open = owed.map(|which| (which, since(which)));
    }

    /// When it is too late.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let (which, since) = self.open?;
        Some(since.after(if which == 0 { self.first } else { self.usual }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_begun_has_its_time_however_often_a_piece_of_it_comes() {
        let at = |second: u64| Instant::from_millis(1000 * second);
        let counted = Standing::Counted([192, 0, 2, 7].into());
        for (standing, first) in [(Standing::Exempt, 10), (counted, 5)] {
            let mut debt = Debt::new(&Config::default(), standing);
            assert_eq!(debt.deadline(), None);
            (1..20).for_each(|second| debt.update(at(second), Some(0)));
            assert_eq!(debt.deadline(), Some(at(1 + first)), "a handshake");
            debt.update(at(20), None);
            assert_eq!(debt.deadline(), None);
            (30..35).for_each(|second| debt.update(at(second), Some(1)));
            assert_eq!(debt.deadline(), Some(at(40)), "a record");
            debt.update(at(36), Some(2));
            assert_eq!(debt.deadline(), Some(at(46)), "another one");
        }
    }
}
