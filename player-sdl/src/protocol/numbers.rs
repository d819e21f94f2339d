//! Sequence numbers in the order in which they come: what is missing, late, or there twice; and by how much arrivals vary.

use std::time::Duration;

/// Where a packet stands among those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// The first one of a source, or of a new count.
    First,
    /// The one that was expected.
    Next,
    /// So many are missing before it.
    Gap(u16),
    /// So many others have overtaken it.
    Late(u16),
    /// It has come before.
    Twice,
}

impl Order {
    /// How far its number is from the one that was expected.
    pub(crate) fn step(self) -> i32 {
        match self {
            Self::First | Self::Next => 0,
            Self::Gap(missing) => i32::from(missing),
            Self::Late(by) => -i32::from(by),
            Self::Twice => -1,
        }
    }
}

/// A longer step ahead means that the sender has begun anew (RFC 3550 appendix A.1).
const MOST_MISSING: u16 = 3000;
/// So many numbers back are known to have come or not.
const WINDOW: u16 = 1024;

/// How many of them there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) packets: u64,
    /// That have not come, so far.
    pub(crate) missing: u64,
    pub(crate) late: u64,
    pub(crate) twice: u64,
}

/// What has come of a source.
#[derive(Debug)]
pub(super) struct Numbers {
    source: Option<u32>,
    highest: u16,
    /// One bit for each of the last numbers: whether it has come.
    seen: [u64; WINDOW as usize / 64],
    pub(super) counts: Counts,
}

impl Default for Numbers {
    fn default() -> Self {
        Self { source: None, highest: 0, seen: [0; WINDOW as usize / 64], counts: Counts::default() }
    }
}

impl Numbers {
    /// Takes the next packet.
    pub(super) fn take(&mut self, source: u32, sequence: u16) -> Order {
        self.counts.packets += 1;
        let ahead = sequence.wrapping_sub(self.highest);
        let behind = self.highest.wrapping_sub(sequence);
        if self.source != Some(source) || (ahead > MOST_MISSING && behind >= WINDOW) {
            self.source = Some(source);
            self.seen = [0; WINDOW as usize / 64];
            self.mark(sequence);
            self.highest = sequence;
            return Order::First;
        }
        if ahead == 0 || ahead > MOST_MISSING {
            if self.mark(sequence) {
                self.counts.twice += 1;
                return Order::Twice;
            }
            self.counts.late += 1;
            self.counts.missing = self.counts.missing.saturating_sub(1);
            return Order::Late(behind);
        }
        for number in 1..ahead.min(WINDOW) {
            self.clear(self.highest.wrapping_add(number));
        }
        self.highest = sequence;
        self.clear(sequence);
        self.mark(sequence);
        let missing = ahead - 1;
        self.counts.missing += u64::from(missing);
        if missing == 0 { Order::Next } else { Order::Gap(missing) }
    }

    /// Whether it was marked before.
    fn mark(&mut self, sequence: u16) -> bool {
        let at = sequence % WINDOW;
        let (word, bit) = (&mut self.seen[usize::from(at / 64)], 1 << (at % 64));
        let before = *word & bit != 0;
        *word |= bit;
        before
    }

    fn clear(&mut self, sequence: u16) {
        let at = sequence % WINDOW;
        self.seen[usize::from(at / 64)] &= !(1 << (at % 64));
    }
}

/// RTP's clock of JPEG (RFC 2435 section 3).
pub(super) const CLOCK: f64 = 90_000.0;
/// A larger change of the time on the way means that a clock was set.
const DISCONTINUITY: f64 = 10.0;

/// How much the time on the way varies (RFC 3550 section 6.4.1 and appendix A.8).
#[derive(Debug, Default)]
pub(super) struct Jitter {
    /// The time of arrival, and the timestamp, of the packet before.
    before: Option<(Duration, u32)>,
    seconds: f64,
}

impl Jitter {
    /// Takes the next packet, and returns the estimate after it.
    pub(super) fn take(&mut self, at: Duration, timestamp: u32) -> Duration {
        if let Some((before, stamp)) = self.before.replace((at, timestamp)) {
            let arrived = at.as_secs_f64() - before.as_secs_f64();
            let sent = f64::from(timestamp.wrapping_sub(stamp).cast_signed()) / CLOCK;
            let difference = (arrived - sent).abs();
            if difference <= DISCONTINUITY {
                self.seconds += (difference - self.seconds) / 16.0;
            }
        }
        Duration::from_secs_f64(self.seconds)
    }

    /// The next packet is not compared with the last one.
    pub(super) fn interrupt(&mut self) {
        self.before = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orders(sequences: &[u16]) -> (Vec<Order>, Counts) {
        let mut numbers = Numbers::default();
        (sequences.iter().map(|&sequence| numbers.take(7, sequence)).collect(), numbers.counts)
    }

    #[test]
    fn gaps_late_and_double_packets_are_told_apart_across_the_wrap() {
        let (orders, counts) = orders(&[65_534, 65_535, 2, 0, 0, 3, 3, 1, 40_000, 40_001]);
        let expected = [
            Order::First,
            Order::Next,
            Order::Gap(2),
            Order::Late(2),
            Order::Twice,
            Order::Next,
            Order::Twice,
            Order::Late(2),
            Order::First,
            Order::Next,
        ];
        assert_eq!(orders, expected);
        assert_eq!(counts, Counts { packets: 10, missing: 0, late: 2, twice: 2 });
        assert_eq!(orders.iter().map(|order| order.step()).collect::<Vec<_>>(), [0, 0, 2, -2, -1, 0, -1, -2, 0, 0]);
    }

    #[test]
    fn what_was_before_the_first_one_is_not_missing_and_another_source_begins_anew() {
        assert_eq!(orders(&[100, 99, 99]).0, [Order::First, Order::Late(1), Order::Twice]);
        assert_eq!(orders(&[100, 99]).1.missing, 0);
        let mut numbers = Numbers::default();
        numbers.take(1, 5);
        assert_eq!((numbers.take(2, 6), numbers.counts.missing), (Order::First, 0));
        assert_eq!((numbers.take(2, 3006), numbers.counts.missing), (Order::Gap(2999), 2999));
        assert_eq!(numbers.take(2, 2999), Order::Late(7));
    }

    #[test]
    fn jitter_is_what_the_standard_s_formula_gives() {
        let mut jitter = Jitter::default();
        for frame in 0..500_u32 {
            let late = if frame % 2 == 0 { 0 } else { 2 };
            jitter.take(Duration::from_millis(u64::from(frame) * 40 + late), u32::MAX.wrapping_add(frame * 3600));
        }
        let settled = jitter.seconds;
        assert!((0.0019..=0.002).contains(&settled), "{settled}");
        jitter.interrupt();
        jitter.take(Duration::from_secs(5000), 7);
        assert_eq!(jitter.seconds, settled);
        jitter.take(Duration::from_secs(5001), 0x8000_0000);
        assert_eq!(jitter.seconds, settled, "a clock was set");
    }
}
