//! Sequence numbers: order, loss, duplicates, restarts (RFC 3550 appendices A.1 and A.3).

/// The largest step forward that counts as loss. A larger step begins another sequence.
const MAX_DROPOUT: u16 = 3000;

/// A packet that is at most this far behind the highest is late. One that is further behind belongs to another sequence.
const MAX_MISORDER: u16 = 100;

/// The relation of a packet to those that came before, by its sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It is ahead of all packets before it.
    Newest(u64),
    /// A packet that was sent later arrived before it.
    Late(u64),
    /// The same packet arrived before.
    Duplicate,
    /// It is far from all others. The tracker follows it if the next packet continues from it.
    Jump,
}

/// The packets of one source, with numbers that never wrap and that go on when the source starts over.
///
/// Such a number is called an ordinal here. Its lower 16 bits are the sequence number. Unlike in appendix A.1, the first packet
/// is not on probation: RTSP has announced that the source will send, and its first packet starts a frame.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tracker {
    /// Ordinal of the newest packet.
    highest: u64,
    /// Ordinal of the oldest packet of this sequence.
    start: u64,
    /// Ordinal of sequence number 0 in this sequence's first cycle.
    origin: u64,
    /// Whether this sequence has any packet.
    running: bool,
    /// The source may choose a new number. The next packet continues this sequence if it is close, and otherwise begins
    /// another.
    resuming: Option<Resume>,
    /// How many numbers of this sequence the source left out.
    skipped: u64,
    /// The sequence number that must follow a jump to confirm it.
    expected_after_jump: Option<u16>,
    /// Bit n is set if the packet n behind the highest arrived.
    window: u64,
    /// The number of packets of this sequence, duplicates included.
    received: u64,
    /// The number of duplicates in this sequence.
    repeated: u64,
    expected_prior: u64,
    received_prior: u64,
    /// The number of packets lost in the sequences before this one.
    lost_before: u64,
    duplicates: u64,
    late: u64,
}

/// A source was told to go on, and may choose the number of its next packet.
#[derive(Clone, Copy, Debug)]
struct Resume {
    /// The number that it chose, if it told it.
    first: Option<u16>,
}

/// The part of a report block that is about sequence numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Loss {
    pub(super) fraction: u8,
    pub(super) cumulative: i32,
    pub(super) extended_highest: u32,
}

impl Tracker {
    /// Takes note of a packet, and tells its relation to the others.
    pub(super) fn handle(&mut self, sequence: u16) -> Arrival {
        let ahead = sequence.wrapping_sub(self.highest as u16);
        let behind = ahead.wrapping_neg();
        let resumes = self.resuming.take();
        if !self.running || (resumes.is_some() && ahead > MAX_MISORDER && behind > MAX_MISORDER) {
            self.restart(sequence);
            return Arrival::Newest(self.highest);
        }
        if let (Some(Resume { first }), 1..=MAX_MISORDER) = (resumes, ahead) {
            let skipped = match first.map(|first| first.wrapping_sub(self.highest as u16)) {
                None => ahead.saturating_sub(1),
                Some(first) if first < 0x8000 => first.min(ahead).saturating_sub(1),
                Some(_) => 0,
            };
            self.skipped = self.skipped.wrapping_add(skipped.into());
        }
        if ahead != 0 && ahead < MAX_DROPOUT {
            self.highest = self.highest.wrapping_add(u64::from(ahead));
            self.window = self.window.checked_shl(u32::from(ahead)).unwrap_or(0) | 1;
            self.count();
            return Arrival::Newest(self.highest);
        }
        if behind > MAX_MISORDER {
            if self.expected_after_jump == Some(sequence) {
                self.restart(sequence);
                return Arrival::Newest(self.highest);
            }
            self.expected_after_jump = Some(sequence.wrapping_add(1));
            return Arrival::Jump;
        }
        self.count();
        // The packet is older than the window, so this cannot tell a duplicate. The frame's holes will.
        let bit = 1u64.checked_shl(u32::from(behind)).unwrap_or(0);
        if self.window & bit != 0 {
            self.repeated = self.repeated.wrapping_add(1);
            self.duplicates = self.duplicates.wrapping_add(1);
            return Arrival::Duplicate;
        }
        self.window |= bit;
        self.late = self.late.wrapping_add(1);
        let ordinal = self.highest.wrapping_sub(u64::from(behind));
        self.start = self.start.min(ordinal);
        Arrival::Late(ordinal)
    }

    /// Whether a packet of this number would be a jump.
    pub(super) fn would_jump(&self, sequence: u16) -> bool {
        self.running && !self.is_close(sequence)
    }

    /// Whether a packet of this number would belong to the present sequence.
    pub(super) fn continues(&self, sequence: u16) -> bool {
        self.running && self.is_close(sequence)
    }

    fn is_close(&self, sequence: u16) -> bool {
        let ahead = sequence.wrapping_sub(self.highest as u16);
        ahead < MAX_DROPOUT || ahead.wrapping_neg() <= MAX_MISORDER
    }

    /// Whether a packet of this number would be the newest.
    pub(super) fn would_be_newest(&self, sequence: u16) -> bool {
        let ahead = sequence.wrapping_sub(self.highest as u16);
        self.running && ahead != 0 && ahead < MAX_DROPOUT
    }

    /// Starts over with the packet of this number, which becomes the newest.
    fn restart(&mut self, sequence: u16) {
        self.stop();
        // One cycle is left free in between, so that packets that are late by up to MAX_MISORDER have ordinals of their own.
        self.origin = (self.highest | 0xffff).wrapping_add(0x1_0001);
        self.highest = self.origin | u64::from(sequence);
        self.start = self.highest;
        self.running = true;
        self.window = 1;
        self.count();
    }

    /// The source was told to go on, and may choose the number of its next packet; `first` is that number, if it told it.
    /// The step to it is no loss. A packet whose number is not close begins another sequence.
    pub(super) fn resume(&mut self, first: Option<u16>) {
        self.resuming = Some(Resume { first });
    }

    /// The highest sequence number, if a packet has come.
    pub(super) fn last(&self) -> Option<u16> {
        self.running.then_some(self.highest as u16)
    }

    /// The ordinal of a number in the present sequence. `None` if the number is too far away.
    pub(super) fn ordinal(&self, sequence: u16) -> Option<u64> {
        if !self.continues(sequence) {
            return None;
        }
        let ahead = sequence.wrapping_sub(self.highest as u16).cast_signed();
        Some(self.highest.wrapping_add_signed(ahead.into()))
    }

    /// The next packet begins another sequence.
    pub(super) fn stop(&mut self) {
        self.lost_before = self.lost();
        (self.running, self.resuming, self.skipped) = (false, None, 0);
        self.expected_after_jump = None;
        (self.received, self.repeated, self.expected_prior, self.received_prior) = (0, 0, 0, 0);
    }

    /// Ordinal of the oldest packet of the present sequence.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// The number of packets that never came, of this and earlier sequences.
    pub(super) fn lost(&self) -> u64 {
        let distinct = self.received.wrapping_sub(self.repeated);
        self.lost_before.wrapping_add(self.expected().saturating_sub(distinct))
    }

    /// The number of packets that came again.
    pub(super) fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// The number of packets that were overtaken.
    pub(super) fn late(&self) -> u64 {
        self.late
    }

    /// The sequence number with its cycles in the upper 16 bits.
    pub(super) fn extended(&self, ordinal: u64) -> u32 {
        ordinal.wrapping_sub(self.origin) as u32
    }

    /// Loss since the previous report and since the start of the sequence (appendix A.3). A duplicate makes up for a loss.
    pub(super) fn report(&mut self) -> Loss {
        let expected = self.expected();
        let expected_interval = expected.wrapping_sub(self.expected_prior);
        let received_interval = self.received.wrapping_sub(self.received_prior);
        (self.expected_prior, self.received_prior) = (expected, self.received);
        let lost_interval = expected_interval.saturating_sub(received_interval);
        // The fraction is in 1/256, so a loss of all packets does not fit and is limited. No packet was lost if none was
        // expected.
        let fraction = lost_interval.wrapping_mul(256).checked_div(expected_interval).unwrap_or(0).min(255) as u8;
        let lost = expected.wrapping_sub(self.received).cast_signed();
        let cumulative = lost.clamp(-0x80_0000, 0x7f_ffff) as i32;
        Loss { fraction, cumulative, extended_highest: self.extended(self.highest) }
    }

    fn expected(&self) -> u64 {
        if !self.running {
            return 0;
        }
        self.highest.wrapping_sub(self.start).wrapping_add(1).saturating_sub(self.skipped)
    }

    fn count(&mut self) {
        self.received = self.received.wrapping_add(1);
        self.expected_after_jump = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Arrival::{Duplicate, Jump, Late, Newest};

    /// The relation of each number to those before, with ordinals relative to the first packet's.
    fn arrivals(tracker: &mut Tracker, sequences: &[u16]) -> std::vec::Vec<(char, i64)> {
        let mut first = None;
        let mut relative = |ordinal: u64| {
            let first = *first.get_or_insert(ordinal);
            ordinal.wrapping_sub(first).cast_signed()
        };
        let describe = |&sequence: &u16| match tracker.handle(sequence) {
            Newest(ordinal) => ('n', relative(ordinal)),
            Late(ordinal) => ('l', relative(ordinal)),
            Duplicate => ('d', 0),
            Jump => ('j', 0),
        };
        sequences.iter().map(describe).collect()
    }

    #[test]
    fn numbers_go_on_where_sequence_numbers_wrap() {
        let mut tracker = Tracker::default();
        let arrivals = arrivals(&mut tracker, &[65_534, 65_535, 0, 65_533, 1, 0]);
        assert_eq!(arrivals, [('n', 0), ('n', 1), ('n', 2), ('l', -1), ('n', 3), ('d', 0)]);
        assert_eq!(tracker.report(), Loss { fraction: 0, cumulative: -1, extended_highest: 0x1_0001 });
        assert_eq!((tracker.lost(), tracker.duplicates(), tracker.late()), (0, 1, 1));
    }

    #[test]
    fn a_jump_is_believed_when_the_next_packet_continues_it() {
        let mut tracker = Tracker::default();
        let arrivals = arrivals(&mut tracker, &[10, 11, 30_000, 12, 30_001, 50_000, 50_001, 50_002]);
        let kinds: std::string::String = arrivals.iter().map(|&(kind, _)| kind).collect();
        assert_eq!(kinds, "nnjnjjnn");
        assert!(arrivals[6].1 > 0x1_0000, "what comes after a jump is ordered after what came before");
        assert_eq!(tracker.report().extended_highest, 50_002);
        assert_eq!(tracker.lost(), 0, "a jump is not loss");
    }

    #[test]
    fn only_what_lies_close_behind_is_late() {
        for (behind, arrival) in [(1, 'l'), (63, 'l'), (64, 'l'), (100, 'l'), (101, 'j'), (30_000, 'j')] {
            let mut tracker = Tracker::default();
            let arrivals = arrivals(&mut tracker, &[40_000, 40_000 - behind]);
            assert_eq!(arrivals[1].0, arrival, "{behind} behind");
        }
        for (ahead, arrival) in [(1, 'n'), (2999, 'n'), (3000, 'j'), (60_000, 'j')] {
            let mut tracker = Tracker::default();
            let arrivals = arrivals(&mut tracker, &[5, 5u16.wrapping_add(ahead)]);
            assert_eq!(arrivals[1].0, arrival, "{ahead} ahead");
        }
    }

    #[test]
    fn loss_is_reported_per_interval_and_in_total() {
        let mut tracker = Tracker::default();
        arrivals(&mut tracker, &[0, 1, 2, 4]);
        assert_eq!(tracker.report(), Loss { fraction: 51, cumulative: 1, extended_highest: 4 });
        arrivals(&mut tracker, &[5, 6]);
        assert_eq!(tracker.report(), Loss { fraction: 0, cumulative: 1, extended_highest: 6 });
        arrivals(&mut tracker, &[10, 9, 9, 9, 9]);
        assert_eq!(tracker.report(), Loss { fraction: 0, cumulative: 0, extended_highest: 10 });
        assert_eq!(tracker.lost(), 3, "duplicates do not hide what was lost");
        assert_eq!(tracker.report(), Loss { fraction: 0, cumulative: 0, extended_highest: 10 });
    }

    #[test]
    fn a_step_that_another_play_makes_is_not_loss() {
        let mut tracker = Tracker::default();
        arrivals(&mut tracker, &[0, 1, 3]);
        tracker.resume(None);
        arrivals(&mut tracker, &[30, 31]);
        assert_eq!((tracker.report(), tracker.lost()), (Loss { fraction: 42, cumulative: 1, extended_highest: 31 }, 1));
        tracker.resume(Some(40));
        arrivals(&mut tracker, &[42, 43]);
        assert_eq!((tracker.report().cumulative, tracker.lost()), (3, 3), "40 and 41 were sent");
        tracker.resume(Some(9));
        arrivals(&mut tracker, &[45]);
        assert_eq!(
            tracker.report(),
            Loss { fraction: 128, cumulative: 4, extended_highest: 45 },
            "nothing was skipped"
        );
        tracker.resume(None);
        arrivals(&mut tracker, &[44, 200]);
        assert_eq!(tracker.lost(), 3 + 154, "44 was sent before");
    }

    #[test]
    fn totals_outlive_the_sequence() {
        let mut tracker = Tracker::default();
        arrivals(&mut tracker, &[0, 2, 5]);
        tracker.stop();
        assert_eq!(tracker.lost(), 3);
        arrivals(&mut tracker, &[500, 502]);
        assert_eq!(tracker.lost(), 4);
        assert_eq!(tracker.report(), Loss { fraction: 85, cumulative: 1, extended_highest: 502 });
    }
}
