//! The part that both sides of a control connection share: bytes in both directions, and interleaved packets among them.

use super::buffer::{Buffer, Storage};
use crate::wire::rtsp::{Interleaved, announced_length, blank_prefix, interleaved_header};

/// The two buffers of a connection, and how far the receive buffer is lent or to be dropped.
#[derive(Debug)]
pub(crate) struct Channel<B> {
    pub(crate) rx: Buffer<B>,
    pub(crate) tx: Buffer<B>,
    /// Bytes at the front of `rx` that the last event lends to the driver.
    lent: usize,
    /// Bytes still to come of an interleaved packet that is skipped.
    skip: u16,
}

/// The state of the interleaved packet at the front of the receive buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packet {
    /// A part of it is still to come.
    Incomplete,
    /// All of it is there, and lent until [`Channel::release`].
    Lent { channel: u8 },
    /// It is longer than the buffer, or not wanted: its bytes are dropped as they come.
    Skipped { channel: u8, payload_len: u16 },
}

impl<B: Storage> Channel<B> {
    pub(crate) const fn new(rx: B, tx: B) -> Self {
        Self { rx: Buffer::new(rx), tx: Buffer::new(tx), lent: 0, skip: 0 }
    }

    /// Gives the receive and the transmit buffer back.
    pub(crate) fn into_buffers(self) -> (B, B) {
        (self.rx.into_storage(), self.tx.into_storage())
    }

    /// Forgets all input and output.
    pub(crate) const fn clear(&mut self) {
        self.clear_input();
        self.tx.clear();
    }

    /// Drops the rest of a skipped packet and blank lines, and returns the first byte behind them.
    pub(crate) fn first_byte(&mut self) -> Option<u8> {
        self.drop_skipped();
        if !self.is_skipping() {
            self.rx.consume(blank_prefix(self.rx.bytes()));
        }
        self.rx.bytes().first().copied()
    }

    /// Whether the rest of a skipped packet is still to come.
    pub(crate) const fn is_skipping(&self) -> bool {
        self.skip > 0
    }

    /// Lends the first `len` bytes of the receive buffer.
    pub(crate) const fn lend(&mut self, len: usize) {
        self.lent = len;
    }

    /// The bytes that are lent.
    pub(crate) fn lent(&self) -> &[u8] {
        self.rx.bytes().get(..self.lent).unwrap_or_default()
    }

    /// Drops the bytes that were lent.
    pub(crate) fn release(&mut self) {
        self.rx.consume(core::mem::take(&mut self.lent));
    }

    /// Takes the packet whose `$` is the first byte of the receive buffer (RFC 2326 section 10.12). `is_wanted` is asked
    /// with its channel and the length of its payload.
    pub(crate) fn take_packet(&mut self, is_wanted: impl FnOnce(u8, u16) -> bool) -> Packet {
        let Some((channel, payload_len)) = interleaved_header(self.rx.bytes()) else { return Packet::Incomplete };
        let len = usize::from(payload_len).saturating_add(Interleaved::HEADER_LEN);
        if len > self.rx.capacity() || !is_wanted(channel, payload_len) {
            self.rx.consume(Interleaved::HEADER_LEN);
            self.skip = payload_len;
            self.drop_skipped();
            Packet::Skipped { channel, payload_len }
        } else if self.rx.len() < len {
            Packet::Incomplete
        } else {
            self.lend(len);
            Packet::Lent { channel }
        }
    }

    /// The payload of the packet that is lent. Empty if a message is lent, or nothing.
    pub(crate) fn packet(&self) -> &[u8] {
        match *self.lent() {
            [b'$', _, _, _, ref payload @ ..] => payload,
            _ => &[],
        }
    }

    /// The same, to be changed where it lies.
    pub(crate) fn packet_mut(&mut self) -> &mut [u8] {
        match self.rx.bytes_mut().get_mut(..self.lent) {
            Some([b'$', _, _, _, payload @ ..]) => payload,
            _ => &mut [],
        }
    }

    /// Whether the receive buffer can hold all of the message that begins it, as far as its length is known.
    pub(crate) fn has_room_for_message(&self) -> bool {
        match announced_length(self.rx.bytes()) {
            Some((head, body)) => {
                let head = u64::try_from(head).unwrap_or(u64::MAX);
                head.saturating_add(body) <= u64::try_from(self.rx.capacity()).unwrap_or(u64::MAX)
            }
            None => self.rx.free() > 0,
        }
    }

    /// Forgets all input.
    pub(crate) const fn clear_input(&mut self) {
        self.rx.clear();
        self.lent = 0;
        self.skip = 0;
    }

    fn drop_skipped(&mut self) {
        let n = self.rx.len().min(usize::from(self.skip));
        self.rx.consume(n);
        self.skip = self.skip.saturating_sub(u16::try_from(n).unwrap_or(u16::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;
    use std::vec::Vec;

    fn channel(rx: usize) -> Channel<Vec<u8>> {
        Channel::new(vec![0; rx], vec![])
    }

    fn feed(channel: &mut Channel<Vec<u8>>, bytes: &[u8]) {
        channel.rx.space()[..bytes.len()].copy_from_slice(bytes);
        channel.rx.commit(bytes.len());
    }

    #[test]
    fn a_packet_is_lent_once_it_is_whole_and_until_it_is_released() {
        let mut channel = channel(16);
        feed(&mut channel, b"\r\n$\x01\x00\x03a");
        assert_eq!(channel.first_byte(), Some(b'$'));
        assert_eq!((channel.take_packet(|_, _| true), channel.packet()), (Packet::Incomplete, &b""[..]));
        feed(&mut channel, b"bcPLAY");
        assert_eq!(channel.take_packet(|_, _| true), Packet::Lent { channel: 1 });
        assert_eq!(channel.packet(), b"abc");
        channel.release();
        assert_eq!(channel.packet(), b"");
        assert_eq!(channel.first_byte(), Some(b'P'));
    }

    #[test]
    fn what_is_not_wanted_or_too_long_is_dropped_as_it_comes() {
        let mut channel = channel(8);
        feed(&mut channel, b"$\x05\x00\x02ab$\x01");
        assert_eq!(channel.take_packet(|channel, _| channel < 2), Packet::Skipped { channel: 5, payload_len: 2 });
        assert_eq!(channel.first_byte(), Some(b'$'));
        feed(&mut channel, b"\x01\x02abcd");
        assert_eq!(channel.take_packet(|_, _| true), Packet::Skipped { channel: 1, payload_len: 258 });
        assert!(channel.is_skipping());
        for _ in 0..31 {
            feed(&mut channel, &[b'\n'; 8]);
            assert_eq!(channel.first_byte(), None);
        }
        feed(&mut channel, b"123456\nP");
        assert_eq!((channel.first_byte(), channel.is_skipping()), (Some(b'P'), false));
    }

    #[test]
    fn a_message_that_can_never_be_whole_is_known_before_it_has_come() {
        let mut channel = channel(48);
        feed(&mut channel, b"PLAY * RTSP/1.0\nContent-Length: ");
        assert!(channel.has_room_for_message(), "its length is not known yet");
        let mut longer = Channel::new(channel.rx.bytes().to_vec(), vec![]);
        longer.rx.commit(usize::MAX);
        assert!(!longer.has_room_for_message(), "no room for another byte");
        feed(&mut channel, b"13\n\n");
        assert!(!channel.has_room_for_message());
    }

    #[test]
    fn what_is_lent_as_a_message_is_no_packet() {
        let mut channel = channel(16);
        feed(&mut channel, b"RTSP/1.0 200");
        channel.lend(8);
        assert_eq!((channel.lent(), channel.packet()), (&b"RTSP/1.0"[..], &b""[..]));
        channel.clear_input();
        assert_eq!(channel.lent(), b"");
        assert_eq!(channel.first_byte(), None);
    }
}
