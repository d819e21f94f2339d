//! What the receiver of a stream of ours says about it (RFC 3550 section 6.4.1).

use super::clock;
use crate::time::{Duration, Instant, NtpTime};
use crate::wire::rtcp::{Compound, Packet, ReportBlock};
use core::fmt;

/// A receiver's last report, and what our own one before it makes of that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Reception {
    /// Reports that came.
    pub reports: u32,
    /// Packets lost since the start; negative if there were more duplicates than losses.
    pub lost: i32,
    /// Share of the packets between the last two reports that were lost, in 1/256.
    pub fraction_lost: u8,
    /// Interarrival jitter, in ticks of 90 kHz.
    jitter: u32,
    /// In 1/65536 s; 0: not known.
    round_trip: u32,
    /// Our last sender report: the middle of its NTP timestamp, and the low half of the microseconds when it left.
    sent: (u32, u32),
}

impl Reception {
    /// Interarrival jitter: how far the distances of packets that arrive differ from those of packets that leave, in the mean.
    pub fn jitter(&self) -> Duration {
        Duration::from_micros(clock::micros(self.jitter.into()).unsigned_abs())
    }

    /// The time from us to the receiver and back, without that which the receiver took. `None`: it has not told.
    pub fn round_trip(&self) -> Option<Duration> {
        let micros = u64::from(self.round_trip).wrapping_mul(1_000_000) >> 16;
        (self.round_trip > 0).then(|| Duration::from_micros(micros))
    }

    /// A sender report leaves that names this instant.
    pub fn handle_sender_report(&mut self, now: Instant, ntp: NtpTime) {
        self.sent = (ntp.middle(), now.as_micros() as u32);
    }

    /// Takes what a compound packet reports about the sender `ssrc`.
    pub fn handle_rtcp(&mut self, now: Instant, ssrc: u32, compound: Compound<'_>) {
        for packet in compound {
            if let Packet::SenderReport { reports, .. } | Packet::ReceiverReport { reports, .. } = packet {
                for block in reports.filter(|block| block.ssrc == ssrc) {
                    self.handle_block(now, &block);
                }
            }
        }
    }

    fn handle_block(&mut self, now: Instant, block: &ReportBlock) {
        self.reports = self.reports.saturating_add(1);
        (self.lost, self.fraction_lost, self.jitter) = (block.cumulative_lost, block.fraction_lost, block.jitter);
        let (middle, at) = self.sent;
        // A report about an older one tells nothing, because only the last one is remembered.
        if block.last_sr == middle && middle != 0 {
            let since = u64::from((now.as_micros() as u32).wrapping_sub(at));
            let units = (since << 16).checked_div(1_000_000).unwrap_or(0);
            let units = u32::try_from(units).unwrap_or(u32::MAX).saturating_sub(block.delay_since_last_sr);
            self.round_trip = units.max(1);
        }
    }
}

/// For the log, behind "the client reports".
impl fmt::Display for Reception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} packets lost, jitter {} us", self.lost, self.jitter().as_micros())?;
        match self.round_trip() {
            Some(time) => write!(f, ", round trip {} us", time.as_micros()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::rtcp::Emitter;

    const NTP: NtpTime = NtpTime::from_bits(0xe000_0001_8000_0000);

    fn ms(millis: u64) -> Instant {
        // The low half of the microseconds begins anew between the report and its answer.
        Instant::from_micros(u64::from(u32::MAX) - 5000).after(Duration::from_millis(millis))
    }

    fn block(ssrc: u32, last_sr: u32, delay_since_last_sr: u32) -> ReportBlock {
        ReportBlock {
            ssrc,
            fraction_lost: 64,
            cumulative_lost: -3,
            extended_highest_sequence: 9,
            jitter: 90,
            last_sr,
            delay_since_last_sr,
        }
    }

    fn handle(reception: &mut Reception, now: Instant, block: ReportBlock) {
        let mut buffer = [0; 64];
        let len = Emitter::new(&mut buffer).receiver_report(0xcafe, &[block]).unwrap().finish();
        reception.handle_rtcp(now, 7, Compound::new_checked(&buffer[..len]).unwrap());
    }

    #[test]
    fn the_last_report_about_us_counts_and_those_about_others_do_not() {
        let mut reception = Reception::default();
        handle(&mut reception, ms(0), block(8, 0, 0));
        assert_eq!(reception, Reception::default());
        handle(&mut reception, ms(0), block(7, 0, 0));
        assert_eq!((reception.reports, reception.lost, reception.fraction_lost), (1, -3, 64));
        assert_eq!((reception.jitter(), reception.round_trip()), (Duration::from_millis(1), None));
        assert_eq!(std::format!("{reception}"), "-3 packets lost, jitter 1000 us");
    }

    #[test]
    fn the_way_there_and_back_is_what_the_receiver_did_not_take() {
        let mut reception = Reception::default();
        reception.handle_sender_report(ms(0), NTP);
        // It took half a second of 512 ms.
        handle(&mut reception, ms(512), block(7, NTP.middle(), 0x8000));
        let round_trip = reception.round_trip().unwrap();
        assert!(round_trip.abs_diff(Duration::from_millis(12)) < Duration::from_micros(20), "{round_trip:?}");
        // About an older report, and from one who says that it took longer than there was time.
        handle(&mut reception, ms(900), block(7, NTP.middle() - 1, 0));
        assert_eq!(reception.round_trip(), Some(round_trip));
        handle(&mut reception, ms(900), block(7, NTP.middle(), u32::MAX));
        assert_eq!(reception.round_trip(), Some(Duration::from_micros(15)));
    }
}
