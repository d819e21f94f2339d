//! RTP data packets (RFC 3550 section 5.1).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |V=2|P|X|  CC   |M|     PT      |        sequence number        |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |                           timestamp                           |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |                             SSRC                              |
//! +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
//! |                       CSRC, CC times                          |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |  extension: defined by profile|     length in 32-bit words    |  where X is set
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```
//! Where P is set, the last byte of the packet counts the padding bytes, itself included.

/// The longest packet that UDP over IPv4 carries: 65,535 bytes without the headers of IP and UDP.
pub const MAX_DATAGRAM: usize = 65_507;

/// Why bytes are not an RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// Shorter than what its own fields announce.
    Truncated,
    /// Not version 2.
    Version,
    /// Padding longer than the packet, or of length zero.
    Padding,
}

/// A checked view of an RTP packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<T> {
    buffer: T,
    header: [u8; HEADER_LEN],
    payload_start: usize,
    payload_end: usize,
}

impl<T: AsRef<[u8]>> Packet<T> {
    /// Checks every length and lends the fields.
    ///
    /// # Errors
    ///
    /// See [`Error`]. Only the fixed header, the CSRC list, the extension and the padding are checked.
    pub fn new_checked(buffer: T) -> Result<Self, Error> {
        let bytes = buffer.as_ref();
        let (header, payload) = split(bytes)?;
        let &[first, ..] = header;
        // The payload is a suffix of the packet until padding is taken off, so its length says where it starts.
        let payload_start = bytes.len().saturating_sub(payload.len());
        let mut payload_end = bytes.len();
        if first & PADDING_BIT != 0 {
            let padding = payload.last().map_or(0, |&count| usize::from(count));
            if padding == 0 || padding > payload.len() {
                return Err(Error::Padding);
            }
            payload_end = payload_end.saturating_sub(padding);
        }
        let header = *header;
        Ok(Self { buffer, header, payload_start, payload_end })
    }

    /// The payload: the bytes behind header, CSRC list and extension, without padding.
    pub fn payload(&self) -> &[u8] {
        self.buffer.as_ref().get(self.payload_start..self.payload_end).unwrap_or(&[])
    }

    /// The contributing sources, at most 15.
    pub fn csrcs(&self) -> impl Iterator<Item = u32> + '_ {
        let list_len = usize::from(self.header[0] & 0x0f).wrapping_mul(4);
        let list = self.buffer.as_ref().get(HEADER_LEN..HEADER_LEN.saturating_add(list_len)).unwrap_or(&[]);
        list.as_chunks::<4>().0.iter().map(|&csrc| u32::from_be_bytes(csrc))
    }

    /// The header extension (RFC 3550 section 5.3.1): its profile-defined 16 bits and its data, a multiple of 4 bytes.
    pub fn extension(&self) -> Option<(u16, &[u8])> {
        if self.header[0] & EXTENSION_BIT == 0 {
            return None;
        }
        let csrc_len = usize::from(self.header[0] & 0x0f).wrapping_mul(4);
        let start = HEADER_LEN.saturating_add(csrc_len);
        let (&[high, low, _, _], data) =
            self.buffer.as_ref().get(start..self.payload_start)?.split_first_chunk::<4>()?;
        Some((u16::from_be_bytes([high, low]), data))
    }
}

/// The header fields that this project sends and reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Repr {
    /// Set on the last packet of a video frame (RFC 2435 section 3).
    pub marker: bool,
    /// 7 bits; 26 is JPEG (RFC 3551 section 6).
    pub payload_type: u8,
    /// Counts packets, modulo 2^16, from a random start.
    pub sequence: u16,
    /// The sampling instant; 90 kHz for JPEG.
    pub timestamp: u32,
    /// The synchronisation source.
    pub ssrc: u32,
}

/// Length of the fixed header in bytes.
pub const HEADER_LEN: usize = 12;

/// The payload type of JPEG video (RFC 3551 table 5).
pub const PAYLOAD_TYPE_JPEG: u8 = 26;

const VERSION: u8 = 2;
const PADDING_BIT: u8 = 0x20;
const EXTENSION_BIT: u8 = 0x10;
const MARKER_BIT: u8 = 0x80;

impl Repr {
    /// Reads the fields of a checked packet.
    pub fn parse<T: AsRef<[u8]>>(packet: &Packet<T>) -> Self {
        let [_, marker_type, sequence_high, sequence_low, t0, t1, t2, t3, s0, s1, s2, s3] = packet.header;
        Self {
            marker: marker_type & MARKER_BIT != 0,
            payload_type: marker_type & !MARKER_BIT,
            sequence: u16::from_be_bytes([sequence_high, sequence_low]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([s0, s1, s2, s3]),
        }
    }

    /// Writes a header without padding, extension and CSRC list.
    #[inline]
    pub fn emit(&self, buffer: &mut [u8; HEADER_LEN]) {
        let marker_type = if self.marker { MARKER_BIT } else { 0 } | (self.payload_type & !MARKER_BIT);
        let [sequence_high, sequence_low] = self.sequence.to_be_bytes();
        let [t0, t1, t2, t3] = self.timestamp.to_be_bytes();
        let [s0, s1, s2, s3] = self.ssrc.to_be_bytes();
        *buffer = [VERSION << 6, marker_type, sequence_high, sequence_low, t0, t1, t2, t3, s0, s1, s2, s3];
    }
}

/// What can be read of a packet whose payload is encrypted, padding and all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Sequence number.
    pub sequence: u16,
    /// Synchronisation source.
    pub ssrc: u32,
    /// Bytes of the fixed header, the CSRC list and the extension.
    pub len: usize,
}

impl Header {
    /// The header that `packet` begins with.
    ///
    /// # Errors
    /// See [`Error`]; never [`Error::Padding`].
    pub fn parse(packet: &[u8]) -> Result<Self, Error> {
        let (&[_, _, high, low, _, _, _, _, ref ssrc @ ..], payload) = split(packet)?;
        let (sequence, ssrc) = (u16::from_be_bytes([high, low]), u32::from_be_bytes(*ssrc));
        Ok(Self { sequence, ssrc, len: packet.len().saturating_sub(payload.len()) })
    }
}

/// The fixed header of a packet, and what follows its CSRC list and extension.
fn split(packet: &[u8]) -> Result<(&[u8; HEADER_LEN], &[u8]), Error> {
    let (header, rest) = packet.split_first_chunk::<HEADER_LEN>().ok_or(Error::Truncated)?;
    let &[first, ..] = header;
    if first >> 6 != VERSION {
        return Err(Error::Version);
    }
    let csrc_len = usize::from(first & 0x0f).wrapping_mul(4);
    let payload = rest.get(csrc_len..).ok_or(Error::Truncated)?;
    if first & EXTENSION_BIT == 0 {
        return Ok((header, payload));
    }
    let (&[_, _, high, low], rest) = payload.split_first_chunk::<4>().ok_or(Error::Truncated)?;
    let extension_len = usize::from(u16::from_be_bytes([high, low])).wrapping_mul(4);
    Ok((header, rest.get(extension_len..).ok_or(Error::Truncated)?))
}

/// Says in a header that an extension follows it (RFC 3550 section 5.3.1).
#[inline]
pub const fn announce_extension(header: &mut [u8; HEADER_LEN]) {
    let [first, ..] = header;
    *first |= EXTENSION_BIT;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const HEADER: [u8; HEADER_LEN] = [0x80, 0x9a, 0x12, 0x34, 0xde, 0xad, 0xbe, 0xef, 0x01, 0x02, 0x03, 0x04];
    const REPR: Repr =
        Repr { marker: true, payload_type: 26, sequence: 0x1234, timestamp: 0xdead_beef, ssrc: 0x0102_0304 };

    fn packet(first: u8, rest: &[u8]) -> Vec<u8> {
        let mut bytes = HEADER.to_vec();
        bytes[0] = first;
        bytes.extend_from_slice(rest);
        bytes
    }

    #[test]
    fn a_header_reads_and_writes_the_same_bytes() {
        let mut bytes = [0; HEADER_LEN];
        REPR.emit(&mut bytes);
        assert_eq!(bytes, HEADER);
        assert_eq!(Repr::parse(&Packet::new_checked(HEADER).unwrap()), REPR);
    }

    #[test]
    fn a_payload_type_of_eight_bits_does_not_reach_the_marker() {
        let mut bytes = [0; HEADER_LEN];
        Repr { marker: false, payload_type: 0xff, ..REPR }.emit(&mut bytes);
        assert_eq!(bytes[1], 0x7f);
    }

    #[test]
    fn what_surrounds_the_payload_is_left_out_of_it() {
        let cases: [(&str, u8, &[u8], &[u8]); 7] = [
            ("nothing around it", 0x80, b"payload", b"payload"),
            ("no payload at all", 0x80, b"", b""),
            ("padding", 0xa0, b"data\0\0\x03", b"data"),
            ("nothing but padding", 0xa0, b"\x01", b""),
            ("two CSRCs", 0x82, b"\0\0\0\x01\0\0\0\x02data", b"data"),
            ("an extension", 0x90, b"\xbe\xde\0\x01extndata", b"data"),
            ("all of it", 0xb1, b"\0\0\0\x01\xbe\xde\0\0data\0\x02", b"data"),
        ];
        for (name, first, rest, payload) in cases {
            let bytes = packet(first, rest);
            let packet = Packet::new_checked(&bytes).unwrap();
            assert_eq!(packet.payload(), payload, "{name}");
        }
    }

    #[test]
    fn a_header_can_be_read_where_the_padding_is_encrypted() {
        let mut packet = [&HEADER[..], b"\0\0\0\x01", b"\xbe\xde\0\x01extn", b"data"].concat();
        packet[0] = 0xb1;
        assert_eq!(Packet::new_checked(&packet[..]).err(), Some(Error::Padding));
        assert_eq!(Header::parse(&packet), Ok(Header { sequence: 0x1234, ssrc: 0x0102_0304, len: 24 }));
        assert_eq!(Header::parse(&packet[..23]), Err(Error::Truncated));
    }

    #[test]
    fn csrcs_and_the_extension_can_be_read() {
        let bytes = packet(0x92, b"\0\0\0\x01\0\0\0\x02\xbe\xde\0\x01extndata");
        let packet = Packet::new_checked(&bytes).unwrap();
        assert!(packet.csrcs().eq([1, 2]));
        assert_eq!(packet.extension(), Some((0xbede, &b"extn"[..])));
        let plain = Packet::new_checked(HEADER).unwrap();
        assert_eq!(plain.csrcs().count(), 0);
        assert_eq!(plain.extension(), None);
    }

    #[test]
    fn a_packet_that_contradicts_itself_is_refused() {
        let cases: [(&str, u8, &[u8], Error); 9] = [
            ("version 0", 0x00, b"", Error::Version),
            ("version 1", 0x40, b"", Error::Version),
            ("version 3", 0xc0, b"", Error::Version),
            ("CSRCs beyond the end", 0x8f, b"\0\0\0\x01", Error::Truncated),
            ("no extension header", 0x90, b"\xbe\xde\0", Error::Truncated),
            ("extension beyond the end", 0x90, b"\xbe\xde\xff\xff1234", Error::Truncated),
            ("padding of length zero", 0xa0, b"data\0", Error::Padding),
            ("padding without a payload", 0xa0, b"", Error::Padding),
            ("padding into the header", 0xa0, b"da\x04", Error::Padding),
        ];
        for (name, first, rest, error) in cases {
            assert_eq!(Packet::new_checked(packet(first, rest)).err(), Some(error), "{name}");
        }
    }

    #[test]
    fn no_packet_shorter_than_a_header_is_taken() {
        for len in 0..HEADER_LEN {
            assert_eq!(Packet::new_checked(&HEADER[..len]).err(), Some(Error::Truncated), "{len} bytes");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_taken_or_refused(bytes: Vec<u8>) {
            if let Ok(packet) = Packet::new_checked(&bytes[..]) {
                Repr::parse(&packet);
                assert!(packet.payload().len() + HEADER_LEN <= bytes.len());
                assert!(packet.csrcs().count() <= 15);
                packet.extension();
            }
        }
    }
}
