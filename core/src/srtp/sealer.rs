//! Packets on their way out.

use super::TAG_LEN;
use super::cipher::Cipher;
use super::keys::{Keys, MAX_MKI, Mki};
use crate::rtp::packet::Packet;
use crate::rtp::protect::Protect;
use crate::wire::rtp::HEADER_LEN;

/// The longest packet that can be sealed, in bytes, with its header and without what sealing adds.
pub const MAX_PACKET: usize = 1500;

/// Bytes of the header of a report that stay readable.
pub(super) const REPORT_HEADER: usize = 8;
/// Bytes of the number of a report.
pub(super) const REPORT_INDEX: usize = 4;
/// Says in it that the report is encrypted.
pub(super) const ENCRYPTED: u32 = 1 << 31;

/// Encrypts packets of one stream and proves that they are its. One key serves one stream and one direction.
pub struct Sealer {
    rtp: Cipher,
    rtcp: Cipher,
    mki: Mki,
    /// How often sequence numbers have begun anew, and the last one.
    rollover: u32,
    last: Option<u16>,
    next_report: u32,
}

/// Memory for one packet while it is on its way.
pub struct Room {
    bytes: [u8; MAX_PACKET],
    trailer: [u8; REPORT_INDEX + MAX_MKI + TAG_LEN],
}

impl Sealer {
    /// Seals with these keys. The first sequence number should be below 32,768: a receiver that misses the first packets
    /// could not tell otherwise how often they have begun anew.
    pub fn new(keys: &Keys) -> Self {
        let (rtp, rtcp, mki) = (keys.rtp(), keys.rtcp(), keys.mki());
        Self { rtp, rtcp, mki, rollover: 0, last: None, next_report: 0 }
    }

    /// A report, which is an RTCP compound, sealed into `buffer`; its length. `None`: it does not fit, it is none, or the key
    /// has sealed 2³¹ reports, which is all that it may.
    pub fn seal_report(&mut self, compound: &[u8], buffer: &mut [u8]) -> Option<usize> {
        let mut room = self.room();
        let mut len = 0_usize;
        for segment in self.protect_report(compound, &mut room)? {
            let end = len.checked_add(segment.len())?;
            buffer.get_mut(len..end)?.copy_from_slice(segment);
            len = end;
        }
        Some(len)
    }

    /// How often sequence numbers had begun anew at this one, which is near the last one. Packets that found no room come again,
    /// so that it may be one of those before.
    fn rollover_at(&mut self, sequence: u16) -> u32 {
        let last = *self.last.get_or_insert(sequence);
        let distance = sequence.wrapping_sub(last) as i16;
        if distance >= 0 {
            if sequence < last {
                self.rollover = self.rollover.wrapping_add(1);
            }
            self.last = Some(sequence);
            return self.rollover;
        }
        if sequence > last { self.rollover.wrapping_sub(1) } else { self.rollover }
    }
}

impl Protect for Sealer {
    type Room = Room;

    const MAX_PACKET: usize = MAX_PACKET;

    fn overhead(&self) -> usize {
        TAG_LEN.wrapping_add(self.mki.as_bytes().len())
    }

    fn room(&self) -> Room {
        Room { bytes: [0; MAX_PACKET], trailer: [0; REPORT_INDEX + MAX_MKI + TAG_LEN] }
    }

    fn protect<'p>(&mut self, packet: &'p Packet<'_>, room: &'p mut Room) -> Option<[&'p [u8]; 3]> {
        let header = packet.rtp_header();
        let fixed = header.first_chunk::<HEADER_LEN>()?;
        let [_, _, high, low, _, _, _, _, ssrc @ ..] = *fixed;
        let sequence = u16::from_be_bytes([high, low]);
        let rollover = self.rollover_at(sequence);
        let index = (u64::from(rollover) << 16) | u64::from(sequence);

        let (first, second) = (packet.payload_header(), packet.payload());
        let bytes = room.bytes.get_mut(..packet.payload_len())?;
        let (place, rest) = bytes.split_at_mut_checked(first.len())?;
        place.copy_from_slice(first);
        rest.copy_from_slice(second);
        self.rtp.apply(u32::from_be_bytes(ssrc), index, bytes);

        let tag = self.rtp.tag(&[header, bytes, &rollover.to_be_bytes()]);
        let trailer = trailer(&mut room.trailer, &[self.mki.as_bytes(), &tag])?;
        Some([header, bytes, trailer])
    }

    fn protect_report<'p>(&mut self, compound: &'p [u8], room: &'p mut Room) -> Option<[&'p [u8]; 3]> {
        let (header, rest) = compound.split_at_checked(REPORT_HEADER)?;
        let [_, _, _, _, ssrc @ ..] = *header.first_chunk::<REPORT_HEADER>()?;
        let number = self.next_report;
        // What a key has sealed once it must not seal again.
        self.next_report = number.checked_add(1).filter(|next| next & ENCRYPTED == 0)?;

        let bytes = room.bytes.get_mut(..rest.len())?;
        bytes.copy_from_slice(rest);
        self.rtcp.apply(u32::from_be_bytes(ssrc), number.into(), bytes);

        let number = (number | ENCRYPTED).to_be_bytes();
        let tag = self.rtcp.tag(&[header, bytes, &number]);
        let trailer = trailer(&mut room.trailer, &[&number, self.mki.as_bytes(), &tag])?;
        Some([header, bytes, trailer])
    }
}

/// These parts, end to end.
fn trailer<'r>(room: &'r mut [u8], parts: &[&[u8]]) -> Option<&'r [u8]> {
    let mut len = 0_usize;
    for part in parts {
        let end = len.checked_add(part.len())?;
        room.get_mut(len..end)?.copy_from_slice(part);
        len = end;
    }
    room.get(..len)
}
