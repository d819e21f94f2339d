//! From a frame to packets, without copying media bytes.

use crate::jpeg::RtpFormat;
use super::sender::Sender;

/// RTP header, main JPEG header, restart header, quantisation header and two tables: 12 + 8 + 4 + 4 + 128.
pub const MAX_HEAD: usize = 156;

/// One packet: its headers, made here, and a slice of the frame.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'f> { head: [u8; MAX_HEAD], head_len: u8, payload: &'f [u8] }

impl<'f> Packet<'f> {
    /// Head and payload, in order: what a vectored send takes.
    pub fn segments(&self) -> [&[u8]; 2] { todo!() }
    /// Bytes of the whole RTP packet.
    pub fn len(&self) -> usize { todo!() }
    pub fn marker(&self) -> bool { todo!() }
}

/// The cursor through one frame's packets: plain data, the frame is lent again at each call.
#[derive(Clone, Copy, Debug)]
pub struct Packetizer { /* .. */ }

impl Packetizer {
    /// RFC 2435. `limit`: largest RTP packet **payload** (after the 12-byte RTP header), at least 256 or so: smaller values are raised.
    /// `timestamp` is in 90 kHz units. The Q=255 tables go into the first packet.
    pub fn rfc2435(format: RtpFormat, timestamp: u32, limit: usize) -> Self { todo!() }
    /// The lab dialect: the whole file in one packet, marker 0, `timestamp` seconds.
    pub fn lab(timestamp: u32) -> Self { todo!() }
    /// The next packet, or `None` after the last. Pure: call it again and it is the same.
    pub fn peek<'f>(&self, frame: &'f [u8], sender: &Sender) -> Option<Packet<'f>> { todo!() }
    /// The packet left: moves on and counts it.
    pub fn commit(&mut self, packet: &Packet<'_>, sender: &mut Sender) { todo!() }
    /// Whether any packet of the frame has left.
    pub fn started(&self) -> bool { todo!() }
}
