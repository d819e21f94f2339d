//! How a JPEG file lies in the lab's RTP packets: whole, in plain parts, or in parts with one of four private headers.
//!
//! The exercise says that a packet carries a whole file. Files that are too large for that made each of its copies find a way of its
//! own. All numbers are big-endian:
//!
//! ```text
//! O8   | offset in the file, 32 bits | length of the file, 32 bits |
//! I4   | index of the part, 16 bits | number of parts, 16 bits |
//! I6   | index of the part, 16 bits | number of parts, 16 bits | length of the file modulo 2^16 |
//! G8   | number of the block, 32 bits | index in the block, 16 bits | parts of the block, 16 bits |
//! ```

use super::VARIANTS;
use crate::wire::rtp;
use core::fmt::{self, Display};
use core::str::FromStr;

/// Bytes of the longest header.
pub const MAX_HEADER: usize = 8;

/// The payload type of G8's parity packets, which repair a block of which one part was lost.
pub const PAYLOAD_TYPE_PARITY: u8 = 127;

/// A form in which files are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Payload {
    /// A file as it is, in one packet where it fits, and otherwise in parts with the same sequence number. The last packet of a
    /// frame has the marker, here as everywhere but in `Bare`.
    #[default]
    Plain,
    /// In parts that say where they belong and how long the file is.
    O8,
    /// In parts that say which they are and how many there are.
    I4,
    /// The same, and the length of the file. Its client takes a single part for none.
    I6,
    /// In blocks of parts. Each packet has a sequence number of its own.
    G8,
    /// The packet is cut into datagrams, of which only the first has an RTP header.
    Bare,
}

/// What cannot be chosen for a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown;

impl Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected plain, o8, i4, i6 or g8")
    }
}

impl core::error::Error for Unknown {}

impl FromStr for Payload {
    type Err = Unknown;

    fn from_str(text: &str) -> Result<Self, Unknown> {
        let names = [("plain", Self::Plain), ("o8", Self::O8), ("i4", Self::I4), ("i6", Self::I6), ("g8", Self::G8)];
        names.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|&(_, payload)| payload).ok_or(Unknown)
    }
}

impl Payload {
    /// The name of a file and the form that stands behind it, as in `movie.Mjpeg;o8`. A name may end like that in any other way.
    pub fn split_name(name: &str) -> (&str, Option<Self>) {
        match name.rsplit_once(';').filter(|_| VARIANTS).map(|(name, form)| (name, form.parse())) {
            Some((name, Ok(form))) => (name, Some(form)),
            _ => (name, None),
        }
    }

    /// Bytes of the header.
    pub const fn header_len(self) -> usize {
        match self {
            Self::Plain | Self::Bare => 0,
            Self::I4 => 4,
            Self::I6 => 6,
            Self::O8 | Self::G8 => 8,
        }
    }

    /// Bytes of the file in each packet but the last, where there are several: as the servers that have made them up send them.
    pub const fn part_len(self) -> u32 {
        match self {
            Self::Plain => 1400,
            Self::O8 => 1392,
            Self::I4 => 1200,
            Self::I6 => 2000,
            Self::G8 => 1100,
            Self::Bare => 4096,
        }
    }

    /// Whether the packets of a frame have its number as their sequence number. Otherwise each has the next one.
    pub const fn numbers_frames(self) -> bool {
        !matches!(self, Self::G8)
    }

    /// Whether the whole file may be in one packet.
    pub const fn may_be_whole(self) -> bool {
        matches!(self, Self::Plain | Self::O8)
    }
}

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// O8: where in the file, and how long that is.
    Offset {
        /// Bytes before it.
        offset: u32,
        /// Bytes of the file.
        total: u32,
    },
    /// I4, and I6 without its length.
    Index {
        /// From 0.
        index: u16,
        /// Parts of the file.
        count: u16,
    },
    /// G8.
    Block {
        /// A block is never of two frames.
        block: u32,
        /// From 0.
        index: u16,
        /// Parts of the block.
        len: u16,
    },
}

/// Most parts of a block, as the only server that makes them knows it.
const MAX_BLOCK: u16 = 10;

const SOI: [u8; 2] = [0xff, 0xd8];
/// What a file begins with, so that a header is not taken for one.
const START: [u8; 3] = [0xff, 0xd8, 0xff];
/// Digits of the length before a file, which a server has not taken off.
const DIGITS: usize = 5;

impl Header {
    /// Reads the header of a packet's payload, and gives what is behind it. `None`: the form has none, it makes no sense, or nothing
    /// is behind it.
    pub fn parse(form: Payload, payload: &[u8]) -> Option<(Self, &[u8])> {
        let (header, data) = payload.split_at_checked(form.header_len())?;
        let header = match (form, header) {
            (Payload::O8, &[a, b, c, d, e, f, g, h]) => {
                let (offset, total) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
                let end = usize::try_from(offset).ok()?.checked_add(data.len())?;
                (end <= usize::try_from(total).ok()?).then_some(Self::Offset { offset, total })?
            }
            (Payload::I4, &[a, b, c, d]) | (Payload::I6, &[a, b, c, d, _, _]) => {
                let (index, count) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
                (index < count).then_some(Self::Index { index, count })?
            }
            (Payload::G8, &[a, b, c, d, e, f, g, h]) => {
                let (index, len) = (u16::from_be_bytes([e, f]), u16::from_be_bytes([g, h]));
                let block = u32::from_be_bytes([a, b, c, d]);
                (index < len && len <= MAX_BLOCK).then_some(Self::Block { block, index, len })?
            }
            _ => return None,
        };
        (!data.is_empty()).then_some((header, data))
    }

    /// Whether a packet's payload may have this form: the part that says it is a file's first begins one.
    pub fn makes_sense(form: Payload, payload: &[u8]) -> bool {
        match Self::parse(form, payload) {
            Some((Self::Offset { offset: 0, .. } | Self::Index { index: 0, .. }, data)) => data.starts_with(&SOI),
            Some(_) => true,
            None => false,
        }
    }

    /// Writes it, for a file of `file_len` bytes, in a form that has such a header.
    pub fn emit(self, form: Payload, file_len: u32, room: &mut [u8; MAX_HEADER]) {
        let [a, b, c, d, e, f, g, h] = room;
        let put = |[high, low]: [u8; 2], [first, second]: [&mut u8; 2]| (*first, *second) = (high, low);
        let halves = |number: u32| ((number >> 16) as u16, number as u16);
        let words = match self {
            Self::Offset { offset, total } => {
                let ((one, two), (three, four)) = (halves(offset), halves(total));
                [one, two, three, four]
            }
            Self::Index { index, count } if form == Payload::I6 => [index, count, file_len as u16, 0],
            Self::Index { index, count } => [index, count, 0, 0],
            Self::Block { block, index, len } => {
                let (one, two) = halves(block);
                [one, two, index, len]
            }
        };
        let [one, two, three, four] = words.map(u16::to_be_bytes);
        put(one, [a, b]);
        put(two, [c, d]);
        put(three, [e, f]);
        put(four, [g, h]);
    }
}

/// The file in a plain payload that begins one: some servers leave the five digits of its length before it.
pub fn file_start(payload: &[u8]) -> Option<&[u8]> {
    if payload.starts_with(&SOI) {
        return Some(payload);
    }
    let (digits, file) = payload.split_at_checked(DIGITS)?;
    (digits.iter().all(u8::is_ascii_digit) && file.starts_with(&SOI)).then_some(file)
}

/// The form of a packet's payload that begins a frame: it shows by where the file begins. `None`: none begins here.
pub fn detect(payload: &[u8]) -> Option<Payload> {
    if file_start(payload).is_some() {
        return Some(Payload::Plain);
    }
    let begins = |form: Payload| payload.get(form.header_len()..).is_some_and(|file| file.starts_with(&START));
    let says_first = |form| {
        let (header, _) = Header::parse(form, payload)?;
        matches!(
            header,
            Header::Offset { offset: 0, .. } | Header::Index { index: 0, .. } | Header::Block { index: 0, .. }
        )
        .then_some(form)
    };
    let forms = [Payload::I4, Payload::I6, Payload::O8, Payload::G8];
    // O8 comes before G8, whose first block would be a file that is shorter than what is there of it.
    forms.into_iter().filter(|&form| begins(form)).find_map(says_first)
}

/// The largest packet that the exercise's client reads, in bytes.
pub const MAX_PACKET: usize = 20_480;

const _: () = assert!(MAX_PACKET < rtp::MAX_DATAGRAM);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    const FILE: &[u8] = b"\xff\xd8\xff\xe0 a file";

    fn packet(form: Payload, header: Header) -> Vec<u8> {
        let mut room = [0; MAX_HEADER];
        header.emit(form, 70_000, &mut room);
        [&room[..form.header_len()], FILE].concat()
    }

    #[test]
    fn each_header_is_written_as_its_server_does_and_read_back() {
        let cases: [(Payload, Header, &[u8]); 4] = [
            (Payload::O8, Header::Offset { offset: 1, total: 0x0102_0304 }, &[0, 0, 0, 1, 1, 2, 3, 4]),
            (Payload::I4, Header::Index { index: 1, count: 0x0203 }, &[0, 1, 2, 3]),
            (Payload::I6, Header::Index { index: 1, count: 0x0203 }, &[0, 1, 2, 3, 0x11, 0x70]),
            (Payload::G8, Header::Block { block: 0x0102_0304, index: 5, len: 9 }, &[1, 2, 3, 4, 0, 5, 0, 9]),
        ];
        for (form, header, bytes) in cases {
            let packet = packet(form, header);
            assert_eq!(packet, [bytes, FILE].concat(), "{form:?}");
            assert_eq!(Header::parse(form, &packet), Some((header, FILE)), "{form:?}");
            assert_eq!(Header::parse(form, &packet[..form.header_len()]), None, "nothing behind it");
        }
        assert_eq!(Header::parse(Payload::Plain, FILE), None);
    }

    #[test]
    fn headers_that_make_no_sense_are_refused() {
        for (form, header) in [
            (Payload::O8, Header::Offset { offset: 0, total: FILE.len() as u32 - 1 }),
            (Payload::O8, Header::Offset { offset: u32::MAX, total: u32::MAX }),
            (Payload::I4, Header::Index { index: 0, count: 0 }),
            (Payload::I6, Header::Index { index: 7, count: 7 }),
            (Payload::G8, Header::Block { block: 0, index: 1, len: 1 }),
            (Payload::G8, Header::Block { block: 0, index: 0, len: 11 }),
        ] {
            assert_eq!(Header::parse(form, &packet(form, header)), None, "{form:?} {header:?}");
        }
    }

    #[test]
    fn the_first_part_of_a_file_begins_as_files_do() {
        let first = packet(Payload::I4, Header::Index { index: 0, count: 2 });
        let second = packet(Payload::I4, Header::Index { index: 1, count: 2 });
        assert!(Header::makes_sense(Payload::I4, &first) && Header::makes_sense(Payload::I4, &second));
        // With the header of another form it is no file.
        assert!(Header::parse(Payload::I6, &first).is_some() && !Header::makes_sense(Payload::I6, &first));
        assert!(!Header::makes_sense(Payload::G8, FILE));
    }

    #[test]
    fn where_a_file_begins_tells_the_form() {
        let total = FILE.len() as u32;
        for (packet, form) in [
            (FILE.to_vec(), Some(Payload::Plain)),
            ([b"06014", FILE].concat(), Some(Payload::Plain)),
            (packet(Payload::I4, Header::Index { index: 0, count: 2 }), Some(Payload::I4)),
            (packet(Payload::I6, Header::Index { index: 0, count: 2 }), Some(Payload::I6)),
            (packet(Payload::O8, Header::Offset { offset: 0, total }), Some(Payload::O8)),
            (packet(Payload::O8, Header::Offset { offset: 0, total: 99_999 }), Some(Payload::O8)),
            (packet(Payload::G8, Header::Block { block: 0, index: 0, len: 1 }), Some(Payload::G8)),
            (packet(Payload::G8, Header::Block { block: 77, index: 0, len: 10 }), Some(Payload::G8)),
            (packet(Payload::G8, Header::Block { block: 77, index: 1, len: 10 }), None),
            (packet(Payload::I4, Header::Index { index: 1, count: 2 }), None),
            (b"GIF89a".to_vec(), None),
            (b"06014".to_vec(), None),
            (Vec::new(), None),
        ] {
            assert_eq!(detect(&packet), form, "{packet:?}");
        }
        assert_eq!(file_start(&[b"06014", FILE].concat()), Some(FILE));
    }

    #[cfg(feature = "lab")]
    #[test]
    fn a_name_may_say_the_form() {
        for (name, expected) in [
            ("movie.Mjpeg", ("movie.Mjpeg", None)),
            ("movie.Mjpeg;o8", ("movie.Mjpeg", Some(Payload::O8))),
            ("a;b.Mjpeg;G8", ("a;b.Mjpeg", Some(Payload::G8))),
            ("movie.Mjpeg;hd", ("movie.Mjpeg;hd", None)),
            ("movie.Mjpeg;", ("movie.Mjpeg;", None)),
            (";plain", ("", Some(Payload::Plain))),
        ] {
            assert_eq!(Payload::split_name(name), expected);
        }
        assert_eq!("bare".parse::<Payload>(), Err(Unknown), "it is told by the request alone");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(payload in prop::collection::vec(any::<u8>(), 0..40)) {
            let form = detect(&payload);
            for form in [Payload::I4, Payload::I6, Payload::O8, Payload::G8].into_iter().chain(form) {
                if let Some((_, data)) = Header::parse(form, &payload) {
                    prop_assert_eq!(data.len() + form.header_len(), payload.len());
                }
            }
        }
    }
}
