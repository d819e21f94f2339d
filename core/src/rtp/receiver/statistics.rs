//! The counts of a receiver.

use crate::time::Duration;

/// Counts since the receiver was made, over all sources and PLAYs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Statistics {
    /// RTP packets of the stream that arrived, including duplicate and late packets.
    pub packets: u64,
    /// Their payload bytes, without RTP headers and padding.
    pub octets: u64,
    /// Packets that never came, although sequence numbers show that they were sent.
    pub lost: u64,
    /// Packets that came again.
    pub duplicates: u64,
    /// Packets that were overtaken by later ones.
    pub reordered: u64,
    /// Datagrams that were no packets of this stream: broken, another payload type or source.
    pub rejected: u64,
    /// Frames fetched.
    pub frames: u64,
    /// Frames of which a part came and which were dropped, for any of the four reasons below.
    pub frames_dropped: u64,
    /// Frames given up because parts of them never came.
    pub frames_incomplete: u64,
    /// Frames that nobody could decode: without tables or dimensions, or contradicting themselves.
    pub frames_unusable: u64,
    /// Frames longer than a buffer.
    pub frames_oversized: u64,
    /// Complete frames that were not fetched before their buffer was needed.
    pub frames_overrun: u64,
    /// Interarrival jitter (RFC 3550 section 6.4.1). Zero in the lab dialect, whose timestamps are too coarse for it.
    pub jitter: Duration,
    /// The source's SSRC, once a packet has come.
    pub ssrc: Option<u32>,
}

impl Statistics {
    /// The share of the packets that were lost, in millionths. 0 if nothing was sent.
    pub fn loss_ppm(&self) -> u32 {
        let sent = self.packets.saturating_sub(self.duplicates).saturating_add(self.lost);
        let ppm = u128::from(self.lost).wrapping_mul(1_000_000).checked_div(u128::from(sent)).unwrap_or(0);
        u32::try_from(ppm).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_a_share_of_what_was_sent() {
        let loss =
            |packets, duplicates, lost| Statistics { packets, duplicates, lost, ..Default::default() }.loss_ppm();
        assert_eq!(loss(0, 0, 0), 0);
        assert_eq!(loss(100, 1, 1), 10_000);
        assert_eq!(loss(1, 1, 5), 1_000_000);
        assert_eq!(loss(u64::MAX, 0, u64::MAX), 1_000_000, "counts beyond all time are clamped");
    }
}
