//! What one SSRC remembers (RFC 3550 sections 5.1 and 6.4.1).

use crate::time::{Instant, NtpTime};

/// Sequence numbers and counts of one RTP stream. `Copy`, so that a train of packets can be tried on a copy and kept when it left.
#[derive(Clone, Copy, Debug)]
pub struct Sender { /* ssrc, next sequence, packets, octets, payload type */ }

impl Sender {
    pub fn new(ssrc: u32, first_sequence: u16) -> Self { todo!() }
    pub fn ssrc(&self) -> u32 { todo!() }
    /// Sequence number of the next packet.
    pub fn next_sequence(&self) -> u16 { todo!() }
    pub fn set_next_sequence(&mut self, sequence: u16) { todo!() }
    pub fn packets(&self) -> u32 { todo!() }
    /// A compound SR + SDES(CNAME), written to `buffer`; its length, or `None` where the buffer is too small.
    pub fn emit_report(&self, buffer: &mut [u8], ntp: NtpTime, rtp_timestamp: u32, cname: &str) -> Option<usize> { todo!() }
    /// A compound SR + SDES + BYE with a reason.
    pub fn emit_bye(&self, buffer: &mut [u8], ntp: NtpTime, rtp_timestamp: u32, cname: &str, reason: &str) -> Option<usize> { todo!() }
}

/// Maps the sender's clock to RTP timestamps: a random offset, and 90 kHz from an epoch on. Pauses and seeks do not bend it.
#[derive(Clone, Copy, Debug)]
pub struct Timeline { /* epoch: Instant, offset: u32 */ }

impl Timeline {
    pub fn new(epoch: Instant, offset: u32) -> Self { todo!() }
    /// The RTP timestamp at `at`, never 0 (some clients take 0 in RTP-Info as missing).
    pub fn timestamp(&self, at: Instant) -> u32 { todo!() }
}
