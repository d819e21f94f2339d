//! Tells packets that were sent for a PLAY from those that were sent before it (RFC 2326 section 12.33, `seq`).

use crate::time::{Duration, Instant};

/// How long after PLAY's answer packets from before it may still arrive. Some servers announce wrong numbers; no more than this
/// much of such a server's stream is lost.
const WINDOW: Duration = Duration::from_millis(500);

/// Sequence numbers that are further apart than this belong to different sequences.
const RELATED: u16 = 3000;

/// The relation of a packet to the PLAY that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The packet was sent before the PLAY.
    Before,
    /// The packet is the first that was sent for the PLAY, of those that have come.
    First,
    /// The packet was sent for the PLAY, or its relation cannot be told.
    After,
}

/// The border between what was sent before a PLAY and what is sent for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    /// The sequence number that the server announced for its first packet.
    first: u16,
    /// The highest sequence number from before the PLAY.
    last: u16,
    until: Instant,
    begun: bool,
}

impl Start {
    /// PLAY was answered at `now` with the number `first`. `last` is the highest number so far.
    pub(super) fn new(now: Instant, first: u16, last: u16) -> Self {
        Self { first, last, until: now.after(WINDOW), begun: false }
    }

    /// The number that the server announced.
    pub(super) fn first(&self) -> u16 {
        self.first
    }

    /// The side of the border that a packet lies on. `None`: the border is too old to matter.
    pub(super) fn judge(&mut self, now: Instant, sequence: u16) -> Option<Side> {
        if now >= self.until {
            return None;
        }
        let is_before = if self.is_related() {
            sequence.wrapping_sub(self.first) >= 0x8000
        } else if self.begun {
            is_near(self.last, sequence)
        } else {
            // The server starts a new sequence, or its announcement is wrong. The first packet shows which.
            let begins = sequence.wrapping_sub(self.first) < RELATED;
            if !begins {
                return Some(Side::After);
            }
            false
        };
        Some(if is_before {
            Side::Before
        } else if core::mem::replace(&mut self.begun, true) {
            Side::After
        } else {
            Side::First
        })
    }

    /// Whether the announced number continues the sequence from before.
    fn is_related(&self) -> bool {
        is_near(self.last, self.first)
    }
}

fn is_near(one: u16, other: u16) -> bool {
    let ahead = other.wrapping_sub(one);
    ahead < RELATED || ahead.wrapping_neg() < RELATED
}

#[cfg(test)]
mod tests {
    use super::*;
    use Side::{After, Before, First};

    fn at(millis: u64) -> Instant {
        Instant::from_millis(1000 + millis)
    }

    fn judged(first: u16, last: u16, sequences: &[u16]) -> std::vec::Vec<Side> {
        let mut start = Start::new(at(0), first, last);
        sequences.iter().map(|&sequence| start.judge(at(499), sequence).unwrap()).collect()
    }

    #[test]
    fn numbers_that_go_on_part_at_the_first() {
        assert_eq!(judged(105, 100, &[101, 104, 105, 103, 106]), [Before, Before, First, Before, After]);
        assert_eq!(judged(2, 65_534, &[65_535, 1, 3, 2]), [Before, Before, First, After], "across the wrap");
        assert_eq!(judged(90, 100, &[101, 102]), [First, After], "a number that was passed long ago says nothing");
    }

    #[test]
    fn numbers_that_start_anew_part_when_the_first_is_seen() {
        assert_eq!(judged(40_000, 100, &[101, 40_001, 102, 40_000]), [After, First, Before, After]);
        assert_eq!(judged(40_000, 100, &[101, 102, 103]), [After; 3], "and not where it was a lie");
    }

    #[test]
    fn later_nobody_asks() {
        let mut start = Start::new(at(0), 105, 100);
        assert_eq!(start.judge(at(500), 101), None);
    }
}
