//! Packets that come in.

use super::TAG_LEN;
use super::cipher::Cipher;
use super::keys::{Keys, Mki};
use super::sealer::{ENCRYPTED, REPORT_HEADER, REPORT_INDEX};
use super::window::Window;
use crate::wire::rtp;

/// Why a packet is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Rejected {
    /// It is no packet, or too short for one.
    Malformed,
    /// It was sealed with another key, or changed on its way.
    Forged,
    /// It was there before, or is too old to tell.
    Replayed,
    /// It is of another source than the packets before. One key serves one stream.
    Source,
}

/// Verifies and decrypts packets of one stream.
pub struct Opener {
    rtp: Cipher,
    rtcp: Cipher,
    mki: Mki,
    /// The source that the packets have to be of, once the first one was genuine.
    ssrc: Option<u32>,
    /// How often sequence numbers have begun anew before the first packet.
    rollover: u32,
    packets: Window,
    reports: Window,
}

impl Opener {
    /// Opens what was sealed with these keys. A name of the key must be in each packet if the keys have one.
    pub fn new(keys: &Keys) -> Self {
        let (rtp, rtcp, mki) = (keys.rtp(), keys.rtcp(), keys.mki());
        Self { rtp, rtcp, mki, ssrc: None, rollover: 0, packets: Window::default(), reports: Window::default() }
    }

    /// Expects sequence numbers that have begun anew so often before the first packet.
    #[must_use]
    pub fn at_rollover(self, rollover: u32) -> Self {
        Self { rollover, ..self }
    }

    /// Opens an RTP packet in place; how many of its bytes are the packet.
    ///
    /// # Errors
    /// See [`Rejected`]. The packet is as it was then.
    pub fn open(&mut self, packet: &mut [u8]) -> Result<usize, Rejected> {
        let len = packet.len().checked_sub(self.overhead()).ok_or(Rejected::Malformed)?;
        let (sealed, trailer) = packet.split_at_mut_checked(len).ok_or(Rejected::Malformed)?;
        let tag = self.tag_of(trailer).ok_or(Rejected::Forged)?;
        // Padding is encrypted, so its length cannot be read yet.
        let header = rtp::Header::parse(sealed).map_err(|_| Rejected::Malformed)?;
        self.is_source(header.ssrc)?;
        let index = self.index(header.sequence);
        if !self.packets.is_new(index) {
            return Err(Rejected::Replayed);
        }
        let rollover = ((index >> 16) as u32).to_be_bytes();
        if !self.rtp.is_tag(&[sealed, &rollover], tag) {
            return Err(Rejected::Forged);
        }
        self.packets.insert(index);
        self.ssrc = Some(header.ssrc);
        self.rtp.apply(header.ssrc, index, sealed.get_mut(header.len..).unwrap_or_default());
        Ok(len)
    }

    /// Opens a report in place; how many of its bytes are the RTCP compound.
    ///
    /// # Errors
    /// See [`Rejected`]. The packet is as it was then.
    pub fn open_report(&mut self, packet: &mut [u8]) -> Result<usize, Rejected> {
        let len = packet.len().checked_sub(self.overhead().wrapping_add(REPORT_INDEX)).ok_or(Rejected::Malformed)?;
        let (sealed, trailer) = packet.split_at_mut_checked(len).ok_or(Rejected::Malformed)?;
        let (number, trailer) = trailer.split_first_chunk::<REPORT_INDEX>().ok_or(Rejected::Malformed)?;
        let tag = self.tag_of(trailer).ok_or(Rejected::Forged)?;
        let header = *sealed.first_chunk::<REPORT_HEADER>().ok_or(Rejected::Malformed)?;
        let [_, _, _, _, ssrc @ ..] = header;
        let (ssrc, word) = (u32::from_be_bytes(ssrc), u32::from_be_bytes(*number));
        let index = u64::from(word & !ENCRYPTED);
        if !self.reports.is_new(index) {
            return Err(Rejected::Replayed);
        }
        if !self.rtcp.is_tag(&[sealed, number], tag) {
            return Err(Rejected::Forged);
        }
        self.reports.insert(index);
        if word & ENCRYPTED != 0 {
            self.rtcp.apply(ssrc, index, sealed.get_mut(REPORT_HEADER..).unwrap_or_default());
        }
        Ok(len)
    }

    fn overhead(&self) -> usize {
        TAG_LEN.wrapping_add(self.mki.as_bytes().len())
    }

    /// The tag at the end of a packet; `None`: there is another key's name before it.
    fn tag_of<'t>(&self, trailer: &'t [u8]) -> Option<&'t [u8]> {
        trailer.strip_prefix(self.mki.as_bytes())
    }

    fn is_source(&self, ssrc: u32) -> Result<(), Rejected> {
        if self.ssrc.is_none_or(|known| known == ssrc) { Ok(()) } else { Err(Rejected::Source) }
    }

    /// The index that a packet with this sequence number probably has: the one that is nearest to the highest (RFC 3711
    /// section 3.3.1).
    fn index(&self, sequence: u16) -> u64 {
        if self.packets.is_empty() {
            return (u64::from(self.rollover) << 16) | u64::from(sequence);
        }
        let highest = self.packets.highest();
        let distance = sequence.wrapping_sub(highest as u16) as i16;
        // Before the first round there is none.
        highest.checked_add_signed(distance.into()).unwrap_or(sequence.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::fragment::{Fragments, lab};
    use crate::rtp::packet::Packet;
    use crate::rtp::protect::Protect;
    use crate::rtp::sender::Sender;
    use crate::srtp::Sealer;
    use std::vec::Vec;

    static FRAME: &[u8] = b"\xff\xd8 a picture \xff\xd9";
    const SSRC: u32 = 0xCAFE_BABE;

    fn keys() -> Keys {
        Keys::new([7; 16], [9; 14])
    }

    /// The packet with this sequence number, sealed and as it was.
    fn sealed(sealer: &mut Sealer, sequence: u16) -> (Vec<u8>, Vec<u8>) {
        let fragments = Fragments::Lab(lab::Fragments::whole(FRAME.len() as u32));
        let packet = Packet::new(&Sender::new(SSRC, sequence), 9000, &fragments, 0, FRAME).unwrap();
        let mut room = sealer.room();
        let bytes = sealer.protect(&packet, &mut room).unwrap().concat();
        assert_eq!(bytes.len(), packet.len() + sealer.overhead());
        (bytes, packet.segments().concat())
    }

    #[test]
    fn what_was_sealed_is_opened_once_and_in_any_order() {
        for mki in [&b""[..], b"\0\0\0\x01"] {
            let keys = keys().with_mki(Mki::new(mki).unwrap());
            let (mut sealer, mut opener) = (Sealer::new(&keys), Opener::new(&keys));
            // Numbers begin anew twice.
            let numbers: Vec<u16> = (0..200_000_u32).step_by(100).map(|number| number as u16).collect();
            let packets: Vec<_> = numbers.iter().map(|&number| sealed(&mut sealer, number)).collect();
            for pair in packets.chunks(2) {
                for (sealed, clear) in pair.iter().rev() {
                    assert!(!sealed.windows(8).any(|window| FRAME.windows(8).any(|clear| clear == window)));
                    let mut bytes = sealed.clone();
                    let len = opener.open(&mut bytes).unwrap();
                    assert_eq!(bytes[..len], clear[..]);
                    assert_eq!(opener.open(&mut sealed.clone()), Err(Rejected::Replayed));
                }
            }
        }
    }

    #[test]
    fn a_packet_that_comes_again_for_want_of_room_is_the_same() {
        let mut sealer = Sealer::new(&keys());
        let first = [65_534, 65_535, 0, 1].map(|number| sealed(&mut sealer, number));
        let again = [65_534, 65_535, 0, 1].map(|number| sealed(&mut sealer, number));
        assert_eq!(first, again);
    }

    #[test]
    fn a_packet_that_was_changed_is_rejected_and_left_as_it_is() {
        let (mut sealer, mut opener) = (Sealer::new(&keys()), Opener::new(&keys()));
        let (packet, _) = sealed(&mut sealer, 7);
        for at in 0..packet.len() {
            let mut changed = packet.clone();
            changed[at] ^= 0x20;
            let before = changed.clone();
            assert!(opener.open(&mut changed).is_err(), "{at}");
            assert_eq!(changed, before);
        }
        for len in 0..packet.len() {
            assert!(opener.open(&mut packet[..len].to_vec()).is_err(), "{len}");
        }
        assert_eq!(Opener::new(&Keys::new([8; 16], [9; 14])).open(&mut packet.clone()), Err(Rejected::Forged));
        // Nothing of that has counted.
        assert!(opener.open(&mut packet.clone()).is_ok());
        let mut other = Sealer::new(&keys());
        let fragments = Fragments::Lab(lab::Fragments::whole(FRAME.len() as u32));
        let packet = Packet::new(&Sender::new(1, 8), 9000, &fragments, 0, FRAME).unwrap();
        let mut room = other.room();
        let mut bytes = other.protect(&packet, &mut room).unwrap().concat();
        assert_eq!(opener.open(&mut bytes), Err(Rejected::Source));
    }

    #[test]
    fn reports_are_sealed_and_opened_too() {
        let keys = keys().with_mki(Mki::new(b"mk").unwrap());
        let (mut sealer, mut opener) = (Sealer::new(&keys), Opener::new(&keys));
        let report = b"\x80\xc9\0\x07\xca\xfe\xba\xbeand what it says";
        for _ in 0..3 {
            let mut packet = [0; 64];
            let len = sealer.seal_report(report, &mut packet).unwrap();
            assert_eq!(len, report.len() + REPORT_INDEX + 2 + TAG_LEN);
            assert_ne!(packet[8..report.len()], report[8..]);
            let mut changed = packet;
            changed[9] ^= 1;
            assert_eq!(opener.open_report(&mut changed[..len]), Err(Rejected::Forged));
            let mut copy = packet;
            assert_eq!(opener.open_report(&mut packet[..len]), Ok(report.len()));
            assert_eq!(packet[..report.len()], report[..]);
            assert_eq!(opener.open_report(&mut copy[..len]), Err(Rejected::Replayed));
        }
        assert_eq!(sealer.seal_report(&report[..7], &mut [0; 64]), None);
        assert_eq!(sealer.seal_report(report, &mut [0; 39]), None);
        for len in 0..30 {
            assert!(opener.open_report(&mut [0; 30][..len]).is_err());
        }
    }

    #[test]
    fn a_packet_is_the_one_that_libsrtp_makes() {
        // The test packet of libsrtp's own driver, with its key: published beside its code.
        let keys = Keys::new(
            0xE1F9_7A0D_3E01_8BE0_D64F_A32C_06DE_4139_u128.to_be_bytes(),
            *b"\x0e\xc6\x75\xad\x49\x8a\xfe\xeb\xb6\x96\x0b\x3a\xab\xe6",
        );
        let mut packet = *b"\x80\x0f\x12\x34\xde\xca\xfb\xad\xca\xfe\xba\xbe\
            \x4e\x55\xdc\x4c\xe7\x99\x78\xd8\x8c\xa4\xd2\x15\x94\x9d\x24\x02\
            \xb7\x8d\x6a\xcc\x99\xea\x17\x9b\x8d\xbb";
        assert_eq!(Opener::new(&keys).open(&mut packet), Ok(28));
        assert_eq!(packet[12..28], [0xab; 16]);
    }
}
