//! A packet on its way out: the viewer's RTP header, the frame's part, and room for what protects them.

use super::fragment::{Fragment, MAX_HEADER};
use super::sender::Sender;
use crate::wire::rtp::HEADER_LEN;

/// One packet: headers, and a slice of the frame that it does not own.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'f> {
    head: [u8; HEADER_LEN + MAX_HEADER],
    head_len: u8,
    payload: &'f [u8],
}

impl<'f> Packet<'f> {
    /// The packet that carries `fragment` of `frame` as the next one of `sender`'s. `None`: it is not a fragment of this frame.
    #[inline]
    pub fn new(sender: &Sender, timestamp: u32, fragment: Fragment, frame: &'f [u8]) -> Option<Self> {
        let Fragment { mut head, head_len, payload, marker } = fragment;
        let payload = frame.get(payload)?;
        *head.first_chunk_mut()? = sender.header(marker, timestamp);
        // At most 156.
        Some(Self { head, head_len: head_len as u8, payload })
    }

    /// Headers and payload, in order: what a vectored send takes.
    #[inline]
    pub fn segments(&self) -> [&[u8]; 2] {
        [self.head(), self.payload]
    }

    /// The RTP header, and the payload header behind it.
    #[inline]
    pub fn head(&self) -> &[u8] {
        self.head.get(..usize::from(self.head_len)).unwrap_or(&[])
    }

    /// The RTP header, which stays readable where the rest is encrypted.
    #[inline]
    pub fn rtp_header(&self) -> &[u8] {
        self.head.get(..HEADER_LEN).unwrap_or(&[])
    }

    /// The payload header.
    #[inline]
    pub fn payload_header(&self) -> &[u8] {
        self.head().get(HEADER_LEN..).unwrap_or(&[])
    }

    /// The part of the frame it carries, which lives as long as the frame.
    #[inline]
    pub fn payload(&self) -> &'f [u8] {
        self.payload
    }

    /// Bytes of the whole RTP packet.
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "a packet is never empty")]
    pub fn len(&self) -> usize {
        self.payload.len().wrapping_add(usize::from(self.head_len))
    }

    /// Bytes behind the RTP header, as sender reports count them.
    #[inline]
    pub fn payload_len(&self) -> usize {
        self.payload.len().wrapping_add(self.payload_header().len())
    }

    /// Whether it ends a frame; never set in the lab dialect.
    #[inline]
    pub fn marker(&self) -> bool {
        let [_, marker_type, ..] = self.head;
        marker_type & 0x80 != 0
    }
}
