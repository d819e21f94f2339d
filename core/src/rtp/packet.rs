//! A packet on its way out: the viewer's RTP header, the frame's part, and room for what protects them.

use super::fragment::{Fragment, Fragments, MAX_HEADER};
use super::sender::Sender;
use crate::wire::rtp::{HEADER_LEN, announce_extension};

/// One packet: headers, and a slice of the frame that it does not own.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'f> {
    head: [u8; HEADER_LEN + MAX_HEADER],
    /// Bytes of the RTP header and its extension.
    rtp_len: u8,
    head_len: u8,
    payload: &'f [u8],
}

impl<'f> Packet<'f> {
    /// The packet that carries fragment `index` of `frame` as the next one of `sender`'s. `None`: there is no such fragment.
    #[inline]
    pub fn new(sender: &Sender, timestamp: u32, fragments: &Fragments, index: u32, frame: &'f [u8]) -> Option<Self> {
        let mut head = [0; HEADER_LEN + MAX_HEADER];
        let (rtp_header, room) = head.split_first_chunk_mut()?;
        let fragment = fragments.get(frame, index, room.first_chunk_mut()?)?;
        let Fragment { extension_len, header_len, payload, marker, is_headless } = fragment;
        *rtp_header = sender.header(marker, timestamp);
        if extension_len > 0 {
            announce_extension(rtp_header);
        }
        // At most 180.
        let rtp_len = if is_headless { 0 } else { HEADER_LEN.wrapping_add(extension_len) };
        let head_len = rtp_len.wrapping_add(header_len) as u8;
        Some(Self { head, rtp_len: rtp_len as u8, head_len, payload: frame.get(payload)? })
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

    /// The RTP header with its extension, which stay readable where the rest is encrypted.
    #[inline]
    pub fn rtp_header(&self) -> &[u8] {
        self.head.get(..usize::from(self.rtp_len)).unwrap_or(&[])
    }

    /// The payload header.
    #[inline]
    pub fn payload_header(&self) -> &[u8] {
        self.head().get(usize::from(self.rtp_len)..).unwrap_or(&[])
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

    /// Bytes behind the RTP header and its extension, as sender reports count them.
    #[inline]
    pub fn payload_len(&self) -> usize {
        self.payload.len().wrapping_add(self.payload_header().len())
    }

    /// Whether it ends a frame.
    #[inline]
    pub fn marker(&self) -> bool {
        let [_, marker_type, ..] = self.head;
        marker_type & 0x80 != 0
    }
}
