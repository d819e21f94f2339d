//! The RTP/JPEG payload headers (RFC 2435 section 3.1).
//!
//! ```text
//! RTP header | main header | restart header | quantisation header, tables | scan data
//!            |   always    |  types 64..127 |  Q 128..255, offset 0 only  |
//! ```

/// The largest width or height that the header can carry: 255 blocks of 8 pixels (RFC 2435 section 3.1.5).
pub const MAX_HEADER_SIDE: u16 = 2040;

/// Why an RTP payload is not RTP/JPEG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// Ends within a header that its own fields announce.
    Truncated,
    /// The quantisation tables would be longer than the packet.
    TablesLength,
}

/// A whole RTP/JPEG payload, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload<'p> {
    /// The fields every packet has.
    pub main: MainHeader,
    /// Present exactly for types 64 to 127.
    pub restart: Option<RestartHeader>,
    /// Present in the first packet of a frame whose Q is 128 or more. `None` there too where the MBZ byte is not zero:
    /// some senders leave the header out, and their scan data (or whole JPEG file) is then not mistaken for one.
    pub quantization: Option<Quantization<'p>>,
    /// The fragment itself, which starts at `main.fragment_offset` of the frame's scan data.
    pub data: &'p [u8],
}

impl<'p> Payload<'p> {
    /// Takes an RTP payload apart.
    ///
    /// # Errors
    ///
    /// [`Error`] if a header or the tables are longer than the payload. Reserved types and Q values are accepted here.
    pub fn parse(payload: &'p [u8]) -> Result<Self, Error> {
        let (main, mut rest) = payload.split_first_chunk::<{ MainHeader::LEN }>().ok_or(Error::Truncated)?;
        let main = MainHeader::parse(main);
        let mut restart = None;
        if main.has_restart_header() {
            let (header, after) = rest.split_first_chunk::<{ RestartHeader::LEN }>().ok_or(Error::Truncated)?;
            restart = Some(RestartHeader::parse(header));
            rest = after;
        }
        let mut quantization = None;
        if main.may_have_tables() {
            let (header, after) = rest.split_first_chunk::<{ QuantizationHeader::LEN }>().ok_or(Error::Truncated)?;
            let header = QuantizationHeader::parse(header);
            if header.mbz == 0 {
                let (tables, after) = after.split_at_checked(usize::from(header.length)).ok_or(Error::TablesLength)?;
                quantization = Some(Quantization { precision: header.precision, tables });
                rest = after;
            }
        }
        Ok(Self { main, restart, quantization, data: rest })
    }
}

/// The main JPEG header (RFC 2435 section 3.1).
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | type-specific |                fragment offset                |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |     type      |       Q       |     width     |    height     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MainHeader {
    /// 0: a progressive picture; 1 and 2: odd and even field; 3: a field shown as a frame (section 4.1).
    pub type_specific: u8,
    /// Where this packet's data belongs in the frame's scan data, in bytes; 24 bits.
    pub fragment_offset: u32,
    /// 0 is 4:2:2, 1 is 4:2:0; 64 more where there are restart markers.
    pub kind: u8,
    /// 1..=99: tables by formula; 128..=254: tables that never change; 255: tables of this frame only.
    pub q: u8,
    /// In units of 8 pixels; 0 where the picture is wider than [`MAX_HEADER_SIDE`].
    pub width: u8,
    /// In units of 8 pixels; 0 where the picture is higher than [`MAX_HEADER_SIDE`].
    pub height: u8,
}

impl MainHeader {
    /// Length in bytes.
    pub const LEN: usize = 8;

    /// Reads the header. Every value of every field is accepted.
    pub const fn parse(buffer: &[u8; Self::LEN]) -> Self {
        let &[type_specific, o0, o1, o2, kind, q, width, height] = buffer;
        Self { type_specific, fragment_offset: u32::from_be_bytes([0, o0, o1, o2]), kind, q, width, height }
    }

    /// Writes the header, with the lower 24 bits of the offset.
    #[inline]
    pub const fn emit(&self, buffer: &mut [u8; Self::LEN]) {
        let [_, o0, o1, o2] = self.fragment_offset.to_be_bytes();
        *buffer = [self.type_specific, o0, o1, o2, self.kind, self.q, self.width, self.height];
    }

    /// Whether a restart header follows.
    pub const fn has_restart_header(&self) -> bool {
        matches!(self.kind, 64..=127)
    }

    /// Whether a quantisation header should follow. Some senders forget it.
    pub const fn may_have_tables(&self) -> bool {
        self.q >= 128 && self.fragment_offset == 0
    }
}

/// The restart marker header (RFC 2435 section 3.1.7).
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |       restart interval        |F|L|       restart count       |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RestartHeader {
    /// MCUs between restart markers, as in the file's DRI segment.
    pub restart_interval: u16,
    /// F: the packet starts where a chunk of restart intervals starts.
    pub first: bool,
    /// L: the packet ends where such a chunk ends.
    pub last: bool,
    /// Which restart interval of the frame the chunk starts with; 14 bits.
    pub restart_count: u16,
}

impl RestartHeader {
    /// Length in bytes.
    pub const LEN: usize = 4;

    /// The header of packets that do not start and end with restart intervals. A receiver needs the whole frame to decode it.
    pub const fn unaligned(restart_interval: u16) -> Self {
        Self { restart_interval, first: true, last: true, restart_count: 0x3fff }
    }

    /// Reads the header. Every value of every field is accepted.
    pub const fn parse(buffer: &[u8; Self::LEN]) -> Self {
        let &[i0, i1, c0, c1] = buffer;
        Self {
            restart_interval: u16::from_be_bytes([i0, i1]),
            first: c0 & 0x80 != 0,
            last: c0 & 0x40 != 0,
            restart_count: u16::from_be_bytes([c0 & 0x3f, c1]),
        }
    }

    /// Writes the header, with the lower 14 bits of the count.
    pub const fn emit(&self, buffer: &mut [u8; Self::LEN]) {
        let [i0, i1] = self.restart_interval.to_be_bytes();
        let [c0, c1] = self.restart_count.to_be_bytes();
        let first = if self.first { 0x80 } else { 0 };
        let last = if self.last { 0x40 } else { 0 };
        *buffer = [i0, i1, first | last | (c0 & 0x3f), c1];
    }
}

/// The fixed part of the quantisation table header (RFC 2435 section 3.1.8).
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |      MBZ      |   precision   |            length             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                   quantisation tables ...                     |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct QuantizationHeader {
    /// Must be zero.
    pub mbz: u8,
    /// Bit n (from the least significant) set: table n has 16-bit values.
    pub precision: u8,
    /// Length of all tables in bytes.
    pub length: u16,
}

impl QuantizationHeader {
    /// Length in bytes, without the tables.
    pub const LEN: usize = 4;

    /// Reads the header. Every value of every field is accepted.
    pub const fn parse(buffer: &[u8; Self::LEN]) -> Self {
        let &[mbz, precision, l0, l1] = buffer;
        Self { mbz, precision, length: u16::from_be_bytes([l0, l1]) }
    }

    /// Writes the header.
    #[inline]
    pub const fn emit(&self, buffer: &mut [u8; Self::LEN]) {
        let [l0, l1] = self.length.to_be_bytes();
        *buffer = [self.mbz, self.precision, l0, l1];
    }
}

/// The tables behind a quantisation header, exactly as long as it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantization<'p> {
    /// Bit n (from the least significant) set: table n has 16-bit values.
    pub precision: u8,
    /// All tables, one after another, in zig-zag order. Empty means that the tables sent before for the same Q are valid.
    pub tables: &'p [u8],
}

impl<'p> Quantization<'p> {
    /// The tables of luma and chroma, 64 bytes each, or 128 if their precision bit is set, and their precision. If there is
    /// only one table, both use it, and its precision. `None` if there is no table.
    pub fn split(&self) -> Option<(&'p [u8], &'p [u8], u8)> {
        let len = |table: u8| if self.precision & table != 0 { 128 } else { 64 };
        let (luma, rest) = self.tables.split_at_checked(len(1))?;
        match rest.get(..len(2)) {
            Some(chroma) => Some((luma, chroma, self.precision & 3)),
            None => Some((luma, luma, if self.precision & 1 != 0 { 3 } else { 0 })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const MAIN: [u8; 8] = [0x00, 0x01, 0x02, 0x03, 0x41, 0xff, 0x50, 0x3c];
    const MAIN_HEADER: MainHeader =
        MainHeader { type_specific: 0, fragment_offset: 0x01_0203, kind: 65, q: 255, width: 80, height: 60 };
    const RESTART: [u8; 4] = [0x00, 0x28, 0xff, 0xff];
    const QUANTIZATION: [u8; 4] = [0x00, 0x02, 0x00, 0xc0];
    const QUANTIZATION_HEADER: QuantizationHeader = QuantizationHeader { mbz: 0, precision: 2, length: 192 };

    #[test]
    fn headers_read_and_write_the_same_bytes() {
        let mut main = [0; 8];
        MAIN_HEADER.emit(&mut main);
        assert_eq!(main, MAIN);
        assert_eq!(MainHeader::parse(&MAIN), MAIN_HEADER);

        let mut restart = [0; 4];
        RestartHeader::unaligned(40).emit(&mut restart);
        assert_eq!(restart, RESTART);
        assert_eq!(RestartHeader::parse(&RESTART), RestartHeader::unaligned(40));

        let mut quantization = [0; 4];
        QUANTIZATION_HEADER.emit(&mut quantization);
        assert_eq!(quantization, QUANTIZATION);
        assert_eq!(QuantizationHeader::parse(&QUANTIZATION), QUANTIZATION_HEADER);
    }

    #[test]
    fn the_bits_of_a_restart_header_do_not_touch() {
        for (bytes, first, last, restart_count) in [
            ([0, 1, 0x80, 0], true, false, 0),
            ([0, 1, 0x40, 0], false, true, 0),
            ([0, 1, 0x3f, 0xff], false, false, 0x3fff),
        ] {
            let header = RestartHeader { restart_interval: 1, first, last, restart_count };
            assert_eq!(RestartHeader::parse(&bytes), header);
            let mut emitted = [0; 4];
            header.emit(&mut emitted);
            assert_eq!(emitted, bytes);
        }
    }

    /// A main header with this type, Q and offset, and `rest` behind it.
    fn payload(kind: u8, q: u8, fragment_offset: u32, rest: &[u8]) -> Vec<u8> {
        let mut main = [0; 8];
        MainHeader { kind, q, fragment_offset, ..MAIN_HEADER }.emit(&mut main);
        [&main, rest].concat()
    }

    #[test]
    fn optional_headers_are_read_where_type_q_and_offset_announce_them() {
        type Case<'t> = (&'t str, Vec<u8>, Option<u16>, Option<&'t [u8]>);
        let cases: [Case<'_>; 7] = [
            ("neither", payload(1, 80, 0, b"scan"), None, None),
            ("restart", payload(64, 80, 0, b"\0\x05\xff\xffscan"), Some(5), None),
            ("tables", payload(0, 255, 0, b"\0\0\0\x03tabscan"), None, Some(b"tab")),
            ("both", payload(65, 128, 0, b"\0\x05\xff\xff\0\0\0\x03tabscan"), Some(5), Some(b"tab")),
            ("tables sent before", payload(1, 128, 0, b"\0\0\0\0scan"), None, Some(b"")),
            ("tables only in the first packet", payload(1, 255, 4, b"scan"), None, None),
            ("dynamic types have no restart header", payload(128, 80, 0, b"scan"), None, None),
        ];
        for (name, bytes, interval, tables) in cases {
            let payload = Payload::parse(&bytes).unwrap();
            assert_eq!(payload.restart.map(|header| header.restart_interval), interval, "{name}");
            assert_eq!(payload.quantization.map(|header| header.tables), tables, "{name}");
            assert_eq!(payload.data, b"scan", "{name}");
        }
    }

    #[test]
    fn a_jpeg_file_where_the_tables_should_be_is_not_taken_for_tables() {
        let bytes = payload(1, 255, 0, b"\xff\xd8\xff\xe0");
        let payload = Payload::parse(&bytes).unwrap();
        assert_eq!((payload.quantization, payload.data), (None, &b"\xff\xd8\xff\xe0"[..]));
    }

    #[test]
    fn headers_beyond_the_end_of_the_packet_are_refused() {
        let cases = [
            ("no restart header", payload(64, 80, 0, b"\0\x05\xff"), Error::Truncated),
            ("no quantisation header", payload(0, 255, 0, b"\0\0\0"), Error::Truncated),
            ("tables of 65535 bytes", payload(0, 255, 0, b"\0\0\xff\xfftables"), Error::TablesLength),
            (
                "tables one byte short",
                payload(0, 255, 0, &[&b"\0\0\0\x80"[..], &[1; 127]].concat()),
                Error::TablesLength,
            ),
        ];
        for (name, bytes, error) in cases {
            assert_eq!(Payload::parse(&bytes), Err(error), "{name}");
        }
        for len in 0..8 {
            assert_eq!(Payload::parse(&MAIN[..len]), Err(Error::Truncated), "{len} bytes");
        }
    }

    #[test]
    fn tables_are_split_by_precision() {
        let cases = [
            ("two of 8 bits", 0, 128, Some((64, 64, 0))),
            ("two of 16 bits", 3, 256, Some((128, 128, 3))),
            ("16 and 8 bits", 1, 192, Some((128, 64, 1))),
            ("8 and 16 bits", 2, 192, Some((64, 128, 2))),
            ("one of 8 bits serves both", 0, 64, Some((64, 64, 0))),
            ("one of 16 bits serves both", 1, 128, Some((128, 128, 3))),
            ("half a second table is none", 0, 100, Some((64, 64, 0))),
            ("more than two", 0, 192, Some((64, 64, 0))),
            ("bits of other tables are ignored", 0xfc, 128, Some((64, 64, 0))),
            ("none", 0, 0, None),
            ("half a table", 0, 63, None),
            ("half a table of 16 bits", 1, 64, None),
        ];
        let bytes = [0; 256];
        for (name, precision, len, expected) in cases {
            let split = Quantization { precision, tables: &bytes[..len] }.split();
            assert_eq!(split.map(|(luma, chroma, bits)| (luma.len(), chroma.len(), bits)), expected, "{name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_taken_or_refused(bytes: Vec<u8>) {
            if let Ok(payload) = Payload::parse(&bytes) {
                assert!(payload.data.len() + MainHeader::LEN <= bytes.len());
                payload.quantization.map(|quantization| quantization.split());
            }
        }
    }
}
