//! Receiver reports (RFC 3550 sections 6.4.2 and 6.2), and the parts of sender reports that they need.

use super::sequence::Loss;
use crate::random::Random;
use crate::rtp::pacing::ReportTimer;
use crate::time::{Duration, Instant, NtpTime};
use crate::wire::rtcp::{Emitter, ReportBlock};

/// The time from the first packet to the first report. It is long enough to have counts to report, and short enough that the
/// sender soon learns of us.
const FIRST_REPORT_DELAY: Duration = Duration::from_millis(500);

/// Decides when reports are due, and holds their contents except the counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reports {
    /// Our SSRC.
    ssrc: u32,
    timer: Option<ReportTimer>,
    last_sr: Option<LastSenderReport>,
    /// Whether the source sent anything since the previous report.
    heard: bool,
}

#[derive(Clone, Copy, Debug)]
struct LastSenderReport {
    ssrc: u32,
    middle: u32,
    arrival: Instant,
}

impl Reports {
    pub(super) fn new(ssrc: u32) -> Self {
        Self { ssrc, timer: None, last_sr: None, heard: false }
    }

    /// Takes note of a data packet.
    pub(super) fn handle_packet(&mut self, now: Instant) {
        self.heard = true;
        if self.timer.is_none() {
            self.timer = Some(ReportTimer::new(now.after(FIRST_REPORT_DELAY), self.ssrc));
        }
    }

    /// Takes note of a sender report.
    pub(super) fn handle_sender_report(&mut self, now: Instant, ssrc: u32, ntp: NtpTime) {
        self.last_sr = Some(LastSenderReport { ssrc, middle: ntp.middle(), arrival: now });
    }

    /// The time when the next report is due. `None` before the first packet.
    pub(super) fn due(&self) -> Option<Instant> {
        self.timer.as_ref().map(ReportTimer::due)
    }

    /// Plans the next report, after one was written or could not be written.
    pub(super) fn handle_sent(&mut self, now: Instant) {
        self.heard = false;
        if let Some(timer) = &mut self.timer {
            timer.sent(now);
        }
    }

    /// Whether the source sent anything since the previous report. Only then the next report has a block about it.
    pub(super) fn heard(&self) -> bool {
        self.heard
    }

    /// The report block about a source.
    pub(super) fn block(&self, now: Instant, ssrc: u32, loss: Loss, jitter: u32) -> ReportBlock {
        let last_sr = self.last_sr.filter(|last_sr| last_sr.ssrc == ssrc);
        ReportBlock {
            ssrc,
            fraction_lost: loss.fraction,
            cumulative_lost: loss.cumulative,
            extended_highest_sequence: loss.extended_highest,
            jitter,
            last_sr: last_sr.map_or(0, |last_sr| last_sr.middle),
            delay_since_last_sr: last_sr.map_or(0, |last_sr| in_65536ths(now.since(last_sr.arrival))),
        }
    }

    /// Writes RR and SDES. A BYE may be added.
    pub(super) fn emit<'b>(
        &self,
        buffer: &'b mut [u8],
        block: Option<ReportBlock>,
        cname: &str,
    ) -> Option<Emitter<'b>> {
        Emitter::new(buffer).receiver_report(self.ssrc, block.as_slice())?.cname(self.ssrc, cname)
    }

    /// Another session begins: forgets what the source of the session before sent.
    pub(super) fn forget(&mut self) {
        (self.timer, self.last_sr, self.heard) = (None, None, false);
    }

    /// Takes another SSRC, at random.
    pub(super) fn change_ssrc(&mut self) {
        self.ssrc = Random::new(self.ssrc.into()).bits() as u32;
    }

    /// Our SSRC.
    pub(super) fn ssrc(&self) -> u32 {
        self.ssrc
    }
}

/// A duration in 1/65536 s, limited to 32 bits (18 hours).
fn in_65536ths(duration: Duration) -> u32 {
    let units = (duration.as_micros() << 16) / 1_000_000;
    u32::try_from(units).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::rtcp::{Compound, Packet};

    const LOSS: Loss = Loss { fraction: 51, cumulative: -3, extended_highest: 0x1_0005 };

    #[test]
    fn the_first_report_follows_the_first_packet_soon_and_the_others_every_five_seconds() {
        let mut reports = Reports::new(9);
        assert_eq!((reports.due(), reports.heard()), (None, false));
        reports.handle_packet(Instant::from_millis(1000));
        reports.handle_packet(Instant::from_millis(1400));
        assert_eq!((reports.due(), reports.heard()), (Some(Instant::from_millis(1500)), true));
        reports.handle_sent(Instant::from_millis(1500));
        let due = reports.due().unwrap();
        assert!((Instant::from_millis(4000)..=Instant::from_millis(9000)).contains(&due), "{due:?}");
        assert!(!reports.heard());
    }

    #[test]
    fn a_block_says_how_long_ago_the_sender_reported() {
        let mut reports = Reports::new(9);
        let block = reports.block(Instant::from_millis(0), 1, LOSS, 7);
        assert_eq!((block.last_sr, block.delay_since_last_sr), (0, 0));
        reports.handle_sender_report(Instant::from_millis(1000), 1, NtpTime::from_bits(0x1111_2222_3333_4444));
        let block = reports.block(Instant::from_millis(2500), 1, LOSS, 7);
        assert_eq!((block.last_sr, block.delay_since_last_sr), (0x2222_3333, 0x1_8000));
        let other = reports.block(Instant::from_millis(2500), 2, LOSS, 7);
        assert_eq!((other.last_sr, other.delay_since_last_sr), (0, 0), "another source's report is not this one's");
        let late = reports.block(Instant::from_micros(u64::MAX), 1, LOSS, 7);
        assert_eq!(late.delay_since_last_sr, u32::MAX);
    }

    #[test]
    fn a_report_is_readable_and_complete() {
        let mut reports = Reports::new(9);
        reports.handle_sender_report(Instant::from_millis(0), 1, NtpTime::from_bits(5 << 16));
        let block = reports.block(Instant::from_millis(1000), 1, LOSS, 7);
        let mut buffer = [0; 128];
        let len = reports.emit(&mut buffer, Some(block), "player").unwrap().finish();
        let mut packets = Compound::new_checked(&buffer[..len]).unwrap();
        let Some(Packet::ReceiverReport { ssrc: 9, mut reports }) = packets.next() else { panic!() };
        assert_eq!(reports.next(), Some(block));
        let Some(Packet::SourceDescription(description)) = packets.next() else { panic!() };
        assert_eq!(description.cname(9), Some(&b"player"[..]));
        assert_eq!(packets.next(), None);
    }
}
