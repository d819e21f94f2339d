//! What one SSRC remembers (RFC 3550 sections 5.1 and 6.4.1).

use super::clock;
use crate::time::{Instant, NtpTime};
use crate::wire::rtcp::{Emitter, SenderInfo};
use crate::wire::rtp;

/// Sequence numbers and counts of one RTP stream. `Copy`, so that a train of packets can be tried on a copy, which is
/// kept when it left.
#[derive(Clone, Copy, Debug)]
pub struct Sender {
    ssrc: u32,
    packets: u32,
    octets: u32,
    next_sequence: u16,
    payload_type: u8,
    numbers_frames: bool,
}

impl Sender {
    /// A stream of JPEG (payload type 26) that has sent nothing yet. `ssrc` and `first_sequence` should be random.
    pub fn new(ssrc: u32, first_sequence: u16) -> Self {
        Self {
            ssrc,
            packets: 0,
            octets: 0,
            next_sequence: first_sequence,
            payload_type: rtp::PAYLOAD_TYPE_JPEG,
            numbers_frames: false,
        }
    }

    /// A stream of the lab dialect, whose packets have the number of their frame: [`set_next_sequence`](Self::set_next_sequence) tells
    /// it.
    pub fn of_frames(ssrc: u32) -> Self {
        Self { numbers_frames: true, ..Self::new(ssrc, 1) }
    }

    /// The synchronisation source.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Sequence number of the next packet.
    pub fn next_sequence(&self) -> u16 {
        self.next_sequence
    }

    /// Makes `sequence` the next packet's: the lab dialect numbers frames this way.
    pub fn set_next_sequence(&mut self, sequence: u16) {
        self.next_sequence = sequence;
    }

    /// The header of the next packet, with a timestamp and with or without the marker.
    #[inline]
    pub fn header(&self, marker: bool, timestamp: u32) -> [u8; rtp::HEADER_LEN] {
        let Self { ssrc, next_sequence: sequence, payload_type, .. } = *self;
        let mut header = [0; rtp::HEADER_LEN];
        rtp::Repr { marker, payload_type, sequence, timestamp, ssrc }.emit(&mut header);
        header
    }

    /// The payload type of its packets; 7 bits.
    pub fn payload_type(&self) -> u8 {
        self.payload_type
    }

    /// RTP packets sent so far, modulo 2^32.
    pub fn packets(&self) -> u32 {
        self.packets
    }

    /// Payload bytes sent so far, RTP headers not counted, modulo 2^32.
    pub fn octets(&self) -> u32 {
        self.octets
    }

    /// A packet left, with so many bytes behind its RTP header, extensions of the header not counted.
    #[inline]
    pub fn commit(&mut self, payload_len: usize) {
        self.next_sequence = self.next_sequence.wrapping_add((!self.numbers_frames).into());
        self.packets = self.packets.wrapping_add(1);
        // The count is modulo 2^32 anyway.
        self.octets = self.octets.wrapping_add(payload_len as u32);
    }

    /// A compound SR + SDES(CNAME), written to `buffer`; its length, or `None` where the buffer is too small or `cname`
    /// longer than 255 bytes. `ntp` and `rtp_timestamp` name the same instant, which should be now.
    pub fn emit_report(&self, buffer: &mut [u8], ntp: NtpTime, rtp_timestamp: u32, cname: &str) -> Option<usize> {
        Some(self.report(buffer, ntp, rtp_timestamp, cname)?.finish())
    }

    /// A compound SR + SDES + BYE with a reason; its length, or `None` as for [`emit_report`](Self::emit_report).
    pub fn emit_bye(
        &self,
        buffer: &mut [u8],
        ntp: NtpTime,
        rtp_timestamp: u32,
        cname: &str,
        reason: &str,
    ) -> Option<usize> {
        Some(self.report(buffer, ntp, rtp_timestamp, cname)?.bye(self.ssrc, reason)?.finish())
    }

    fn report<'b>(&self, buffer: &'b mut [u8], ntp: NtpTime, rtp_timestamp: u32, cname: &str) -> Option<Emitter<'b>> {
        let info = SenderInfo { ssrc: self.ssrc, ntp, rtp_timestamp, packets: self.packets, octets: self.octets };
        Emitter::new(buffer).sender_report(&info, &[])?.cname(self.ssrc, cname)
    }
}

/// Maps the sender's clock to RTP timestamps: a random offset, and 90 kHz from an epoch on. Pauses and seeks do not
/// bend it.
#[derive(Clone, Copy, Debug)]
pub struct Timeline {
    epoch: Instant,
    offset: u32,
}

impl Timeline {
    /// `offset`, which should be random, is the timestamp at `epoch`.
    pub fn new(epoch: Instant, offset: u32) -> Self {
        Self { epoch, offset }
    }

    /// The RTP timestamp at `at`, never 0 (some clients take 0 in RTP-Info as missing). Before the epoch, that of the
    /// epoch.
    pub fn timestamp(&self, at: Instant) -> u32 {
        let ticks = clock::ticks(at.as_micros().saturating_sub(self.epoch.as_micros()));
        self.offset.wrapping_add(ticks).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;
    use crate::wire::rtcp::{Compound, Packet};
    use std::vec::Vec;

    const NTP: NtpTime = NtpTime::from_bits(0xe000_0000_8000_0000);

    fn sender() -> Sender {
        let mut sender = Sender::new(0xcafe, 65_535);
        sender.commit(1000);
        sender.commit(500);
        sender
    }

    #[test]
    fn packets_and_octets_are_counted_and_the_sequence_wraps() {
        assert_eq!((sender().packets(), sender().octets(), sender().next_sequence()), (2, 1500, 1));
    }

    #[test]
    fn packets_of_a_frame_have_its_number_where_frames_are_numbered() {
        let mut sender = Sender::of_frames(0);
        sender.set_next_sequence(7);
        sender.commit(1400);
        sender.commit(200);
        assert_eq!((sender.packets(), sender.octets(), sender.next_sequence()), (2, 1600, 7));
    }

    #[test]
    fn a_report_says_what_was_sent_and_by_whom() {
        let mut buffer = [0; 128];
        let len = sender().emit_report(&mut buffer, NTP, 77, "camera").unwrap();
        let packets: Vec<_> = Compound::new_checked(&buffer[..len]).unwrap().collect();
        let [Packet::SenderReport { info, reports }, Packet::SourceDescription(description)] = packets[..] else {
            panic!("{packets:?}")
        };
        assert_eq!(info, SenderInfo { ssrc: 0xcafe, ntp: NTP, rtp_timestamp: 77, packets: 2, octets: 1500 });
        assert_eq!((reports.count(), description.cname(0xcafe)), (0, Some(&b"camera"[..])));
    }

    #[test]
    fn a_farewell_is_a_report_with_a_reason_behind_it() {
        let mut buffer = [0; 128];
        let len = sender().emit_bye(&mut buffer, NTP, 77, "camera", "end of file").unwrap();
        let packets: Vec<_> = Compound::new_checked(&buffer[..len]).unwrap().collect();
        let [Packet::SenderReport { .. }, Packet::SourceDescription(_), Packet::Goodbye(bye)] = packets[..] else {
            panic!("{packets:?}")
        };
        assert_eq!(bye.ssrcs().collect::<Vec<_>>(), [0xcafe]);
        assert_eq!(bye.reason(), Some(&b"end of file"[..]));
    }

    #[test]
    fn reports_that_do_not_fit_are_not_written() {
        let report = sender().emit_report(&mut [0; 128], NTP, 0, "camera").unwrap();
        let bye = sender().emit_bye(&mut [0; 128], NTP, 0, "camera", "end").unwrap();
        for len in 0..report {
            assert_eq!(sender().emit_report(&mut std::vec![0; len], NTP, 0, "camera"), None);
        }
        for len in 0..bye {
            assert_eq!(sender().emit_bye(&mut std::vec![0; len], NTP, 0, "camera", "end"), None);
        }
    }

    #[test]
    fn timestamps_run_at_90_khz_from_the_offset() {
        let epoch = Instant::from_millis(10);
        let timeline = Timeline::new(epoch, 1000);
        for (micros, ticks) in [(0, 0), (1_000_000, 90_000), (41_667, 3750), (100, 9), (11, 0), (12, 1)] {
            assert_eq!(timeline.timestamp(epoch.after(Duration::from_micros(micros))), 1000 + ticks, "{micros} µs");
        }
        assert_eq!(timeline.timestamp(Instant::from_micros(0)), 1000);
    }

    #[test]
    fn timestamps_wrap_over_zero_without_being_zero() {
        let timeline = Timeline::new(Instant::default(), u32::MAX);
        assert_eq!(timeline.timestamp(Instant::from_micros(0)), u32::MAX);
        assert_eq!(timeline.timestamp(Instant::from_micros(12)), 1);
        assert_eq!(timeline.timestamp(Instant::from_micros(23)), 1);
        assert_eq!(timeline.timestamp(Instant::from_micros(34)), 2);
        timeline.timestamp(Instant::from_micros(u64::MAX));
    }
}
