//! From a frame to packets, without copying media bytes.

use super::sender::Sender;
use crate::jpeg::{RtpFormat, Span};
use crate::wire::rtp::{HEADER_LEN, MAX_DATAGRAM, Repr};
use crate::wire::rtp_jpeg::{MainHeader, QuantizationHeader, RestartHeader};

/// RTP header, main JPEG header, restart header, quantisation header and two tables: 12 + 8 + 4 + 4 + 128.
pub const MAX_HEAD: usize = 156;

/// The smallest payload limit: all headers, and as much scan data again.
const MIN_LIMIT: usize = 256;

/// The largest one: what an IPv4 datagram holds behind its UDP and RTP headers.
const MAX_LIMIT: usize = MAX_DATAGRAM - HEADER_LEN;

/// Offset and length of a fragment may not exceed this together (RFC 2435 section 3.1.2).
const MAX_SCAN_LEN: u32 = 1 << 24;

/// Both quantisation tables as they stand in the packet, 8 bits a value.
const TABLES_LEN: usize = 128;

/// One packet: its headers, made here, and a slice of the frame.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'f> {
    head: [u8; MAX_HEAD],
    head_len: u8,
    payload: &'f [u8],
}

impl<'f> Packet<'f> {
    /// Head and payload, in order: what a vectored send takes.
    #[inline]
    pub fn segments(&self) -> [&[u8]; 2] {
        [self.head(), self.payload]
    }

    /// The headers alone: RTP's and JPEG's, with the tables.
    #[inline]
    pub fn head(&self) -> &[u8] {
        self.head.get(..usize::from(self.head_len)).unwrap_or(&[])
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

    /// Whether it ends a frame; never set in the lab dialect.
    #[inline]
    pub fn marker(&self) -> bool {
        let [_, marker_type, ..] = self.head;
        marker_type & 0x80 != 0
    }
}

/// The cursor through one frame's packets: plain data, the frame is lent again at each call.
///
/// All packets of a frame except the last have the same size, as UDP segmentation offload needs it. To look several
/// packets ahead, [`commit`](Self::commit) on copies of packetizer and sender, and keep the copies when all of it left.
#[derive(Clone, Copy, Debug)]
pub struct Packetizer {
    timestamp: u32,
    limit: u32,
    /// Bytes of the scan (or file) that have left.
    offset: u32,
    /// `None` when there is nothing more to send, or never was.
    stage: Option<Stage>,
    main: MainHeader,
    restart_interval: Option<u16>,
    quantization: [Span; 2],
    scan: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    First,
    Rest,
    Lab,
}

impl Packetizer {
    /// RFC 2435. `limit`: largest RTP packet **payload** (after the 12-byte RTP header), JPEG headers included, kept
    /// within 256 and 65,495. `timestamp` is in 90 kHz units. Where Q is 128 or more, the tables go into the first
    /// packet.
    ///
    /// A frame that cannot be sent yields no packet at all: an empty scan, one longer than 2^24 bytes, a reserved Q,
    /// tables that are not 64 bytes each, ranges beyond the frame.
    pub fn rfc2435(format: RtpFormat, timestamp: u32, limit: usize) -> Self {
        let sendable = (1..=MAX_SCAN_LEN).contains(&format.scan.len) && matches!(format.q, 1..=99 | 128..=255);
        let RtpFormat { kind, width, height, q, .. } = format;
        let main = MainHeader { type_specific: 0, fragment_offset: 0, kind, q, width, height };
        Self {
            timestamp,
            limit: limit.clamp(MIN_LIMIT, MAX_LIMIT) as u32,
            offset: 0,
            stage: sendable.then_some(Stage::First),
            restart_interval: main.has_restart_header().then_some(format.restart_interval),
            main,
            quantization: format.quantization,
            scan: format.scan,
        }
    }

    /// The lab dialect: the whole file in one packet, marker 0, `timestamp` seconds.
    pub fn lab(timestamp: u32) -> Self {
        Self {
            timestamp,
            limit: u32::MAX,
            offset: 0,
            stage: Some(Stage::Lab),
            main: MainHeader { type_specific: 0, fragment_offset: 0, kind: 0, q: 0, width: 0, height: 0 },
            restart_interval: None,
            quantization: [Span::default(); 2],
            scan: Span::default(),
        }
    }

    /// The next packet, or `None` after the last. Pure: call it again and it is the same.
    #[inline]
    pub fn peek<'f>(&self, frame: &'f [u8], sender: &Sender) -> Option<Packet<'f>> {
        let stage = self.stage?;
        let mut head = [0; MAX_HEAD];
        let (rtp_header, room) = head.split_first_chunk_mut::<HEADER_LEN>()?;
        let (payload, room_left, marker) = match stage {
            Stage::Lab => (frame, room.len(), false),
            Stage::First | Stage::Rest => {
                let scan = self.scan.of(frame);
                let left = scan.get(self.offset as usize..)?;
                let room_left = self.emit_jpeg_headers(frame, stage, room)?;
                let headers_len = (MAX_HEAD - HEADER_LEN).wrapping_sub(room_left);
                let data_limit = (self.limit as usize).saturating_sub(headers_len);
                match left.split_at_checked(data_limit) {
                    Some((data, rest)) => (data, room_left, rest.is_empty()),
                    None => (left, room_left, true),
                }
            }
        };
        if payload.is_empty() {
            return None;
        }
        let repr = Repr {
            marker,
            payload_type: sender.payload_type(),
            sequence: sender.next_sequence(),
            timestamp: self.timestamp,
            ssrc: sender.ssrc(),
        };
        repr.emit(rtp_header);
        // At most 156.
        let head_len = MAX_HEAD.wrapping_sub(room_left) as u8;
        Some(Packet { head, head_len, payload })
    }

    /// Writes the headers behind the RTP header to the start of `room`; how much of it is left.
    #[inline]
    fn emit_jpeg_headers(&self, frame: &[u8], stage: Stage, room: &mut [u8]) -> Option<usize> {
        let (main, mut room) = room.split_first_chunk_mut::<{ MainHeader::LEN }>()?;
        MainHeader { fragment_offset: self.offset, ..self.main }.emit(main);
        if let Some(restart_interval) = self.restart_interval {
            let (restart, rest) = room.split_first_chunk_mut::<{ RestartHeader::LEN }>()?;
            RestartHeader::unaligned(restart_interval).emit(restart);
            room = rest;
        }
        if stage == Stage::First && self.main.q >= 128 {
            let (header, rest) = room.split_first_chunk_mut::<{ QuantizationHeader::LEN }>()?;
            QuantizationHeader { mbz: 0, precision: 0, length: TABLES_LEN as u16 }.emit(header);
            let (tables, rest) = rest.split_first_chunk_mut::<TABLES_LEN>()?;
            for (table, span) in tables.as_chunks_mut::<{ TABLES_LEN / 2 }>().0.iter_mut().zip(self.quantization) {
                *table = span.of(frame).try_into().ok()?;
            }
            room = rest;
        }
        Some(room.len())
    }

    /// The packet left: moves on and counts it.
    #[inline]
    pub fn commit(&mut self, packet: &Packet<'_>, sender: &mut Sender) {
        sender.handle_sent(packet.len().saturating_sub(HEADER_LEN));
        // Within the scan, thus at most 2^24; a lab file of any length is done after this.
        self.offset = self.offset.saturating_add(packet.payload.len() as u32);
        let done = self.stage == Some(Stage::Lab) || self.offset >= self.scan.len;
        self.stage = if done { None } else { Some(Stage::Rest) };
    }

    /// Whether any packet of the frame has left.
    #[inline]
    pub fn started(&self) -> bool {
        self.offset > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::rtp;
    use crate::wire::rtp_jpeg::{Payload, Quantization};
    use std::vec::Vec;

    const TIMESTAMP: u32 = 0x1234_5678;

    /// A frame with two tables (all 1, all 2) at its start, and a scan of `scan_len` bytes.
    fn frame(scan_len: u32) -> (Vec<u8>, RtpFormat) {
        let mut bytes = [[1; 64], [2; 64]].concat();
        bytes.extend((0..scan_len).map(|at| at as u8 | 1));
        let format = RtpFormat {
            kind: 1,
            width: 80,
            height: 60,
            q: 255,
            quantization: [Span { start: 0, len: 64 }, Span { start: 64, len: 64 }],
            restart_interval: 0,
            scan: Span { start: 128, len: scan_len },
        };
        (bytes, format)
    }

    /// All packets of a frame as they would leave, with the packetizer and sender behind them.
    fn run(mut packetizer: Packetizer, frame: &[u8]) -> (Vec<Vec<u8>>, Packetizer, Sender) {
        let mut sender = Sender::new(7, 65_534);
        let mut packets = Vec::new();
        while let Some(packet) = packetizer.peek(frame, &sender) {
            let bytes = packet.segments().concat();
            assert_eq!(packet.len(), bytes.len());
            assert_eq!(packet.marker(), bytes[1] & 0x80 != 0);
            packets.push(bytes);
            packetizer.commit(&packet, &mut sender);
        }
        (packets, packetizer, sender)
    }

    #[test]
    fn a_frame_becomes_fragments_that_join_to_its_scan() {
        for scan_len in [1, 2, 1251, 1252, 1253, 1392, 5000, 100_000] {
            for limit in [256, 500, 1400, 9000, 65_495] {
                let (bytes, format) = frame(scan_len);
                let (packets, _, sender) = run(Packetizer::rfc2435(format, TIMESTAMP, limit), &bytes);
                let mut scan = Vec::new();
                for (index, bytes) in packets.iter().enumerate() {
                    let packet = rtp::Packet::new_checked(bytes).unwrap();
                    let marker = index + 1 == packets.len();
                    let sequence = 65_534u16.wrapping_add(index as u16);
                    let repr = Repr { marker, payload_type: 26, sequence, timestamp: TIMESTAMP, ssrc: 7 };
                    assert_eq!(Repr::parse(&packet), repr);
                    let payload = Payload::parse(packet.payload()).unwrap();
                    let fragment_offset = scan.len() as u32;
                    let main = MainHeader { type_specific: 0, fragment_offset, kind: 1, q: 255, width: 80, height: 60 };
                    assert_eq!(payload.main, main);
                    let tables = [[1; 64], [2; 64]].concat();
                    let expected = (index == 0).then_some(Quantization { precision: 0, tables: &tables });
                    assert_eq!((payload.quantization, payload.restart), (expected, None));
                    if marker {
                        assert!(packet.payload().len() <= limit && !payload.data.is_empty());
                    } else {
                        assert_eq!(packet.payload().len(), limit, "all but the last have the same size");
                    }
                    scan.extend_from_slice(payload.data);
                }
                assert_eq!(scan, bytes[128..]);
                assert_eq!(sender.packets() as usize, packets.len());
                assert_eq!(sender.octets() as usize, packets.iter().map(|bytes| bytes.len() - 12).sum::<usize>());
            }
        }
    }

    #[test]
    fn restart_intervals_stand_in_every_packet() {
        let (bytes, mut format) = frame(5000);
        (format.kind, format.restart_interval) = (65, 40);
        let (packets, ..) = run(Packetizer::rfc2435(format, TIMESTAMP, 1400), &bytes);
        assert_eq!(packets.len(), 4);
        for bytes in &packets {
            let payload = Payload::parse(&bytes[12..]).unwrap();
            assert_eq!(payload.restart, Some(RestartHeader::unaligned(40)));
        }
        assert_eq!(packets[0].len() - Payload::parse(&packets[0][12..]).unwrap().data.len(), MAX_HEAD);
    }

    #[test]
    fn tables_by_formula_are_not_sent() {
        let (bytes, mut format) = frame(100);
        (format.q, format.quantization) = (80, [Span::default(); 2]);
        let (packets, ..) = run(Packetizer::rfc2435(format, TIMESTAMP, 1400), &bytes);
        assert_eq!(packets.len(), 1);
        assert_eq!(packets[0].len(), 12 + 8 + 100);
    }

    #[test]
    fn peeking_changes_nothing_and_copies_look_ahead() {
        let (bytes, format) = frame(5000);
        let packetizer = Packetizer::rfc2435(format, TIMESTAMP, 1400);
        let sender = Sender::new(7, 0);
        let first = packetizer.peek(&bytes, &sender).unwrap().segments().concat();
        assert!(!packetizer.started());
        let (mut ahead, mut ahead_sender) = (packetizer, sender);
        ahead.commit(&ahead.peek(&bytes, &sender).unwrap(), &mut ahead_sender);
        let second = ahead.peek(&bytes, &ahead_sender).unwrap().segments().concat();
        assert!(ahead.started());
        assert_ne!(first, second);
        assert_eq!(packetizer.peek(&bytes, &sender).unwrap().segments().concat(), first);
        assert_eq!(sender.next_sequence(), 0);
    }

    #[test]
    fn a_limit_out_of_range_is_moved_into_it() {
        let (bytes, format) = frame(200_000);
        for (limit, expected) in [(0, 256), (usize::MAX, 65_495)] {
            let (packets, ..) = run(Packetizer::rfc2435(format, TIMESTAMP, limit), &bytes);
            assert_eq!(packets[0].len(), expected + 12);
        }
    }

    #[test]
    fn what_cannot_be_sent_yields_no_packet() {
        let beyond = Span { start: 100_000, len: 64 };
        type Spoil = fn(&mut RtpFormat);
        let cases: [(&str, Spoil); 9] = [
            ("an empty scan", |format| format.scan.len = 0),
            ("a scan beyond the frame", |format| format.scan.start = 1000),
            ("a scan at the end of memory", |format| format.scan = Span { start: u32::MAX, len: u32::MAX }),
            ("a scan of more than 2^24 bytes", |format| format.scan.len = (1 << 24) + 1),
            ("a table beyond the frame", |format| format.quantization[1] = Span { start: 100_000, len: 64 }),
            ("a short table", |format| format.quantization[0].len = 63),
            ("a table of 16 bits", |format| format.quantization[0].len = 128),
            ("Q 0", |format| format.q = 0),
            ("Q 100", |format| format.q = 100),
        ];
        for (name, spoil) in cases {
            let (bytes, mut format) = frame(500);
            spoil(&mut format);
            let packetizer = Packetizer::rfc2435(format, TIMESTAMP, 1400);
            assert!(packetizer.peek(&bytes, &Sender::new(7, 0)).is_none(), "{name}");
            assert!(packetizer.peek(&[], &Sender::new(7, 0)).is_none(), "{name}, no frame");
        }
        let (bytes, mut format) = frame(500);
        format.quantization = [beyond; 2];
        assert!(Packetizer::rfc2435(format, 0, 1400).peek(&bytes, &Sender::new(7, 0)).is_none());
    }

    #[test]
    fn the_longest_scan_ends_just_at_the_last_offset() {
        let (bytes, format) = frame(1 << 24);
        let (packets, ..) = run(Packetizer::rfc2435(format, TIMESTAMP, 65_495), &bytes);
        let last = Payload::parse(&packets.last().unwrap()[12..]).unwrap();
        assert_eq!(last.main.fragment_offset as usize + last.data.len(), 1 << 24);
    }

    #[test]
    fn a_frame_that_shrinks_while_it_is_sent_ends_it() {
        let (bytes, format) = frame(5000);
        let mut sender = Sender::new(7, 0);
        let mut packetizer = Packetizer::rfc2435(format, TIMESTAMP, 1400);
        packetizer.commit(&packetizer.peek(&bytes, &sender).unwrap(), &mut sender);
        assert!(packetizer.peek(&bytes[..3000], &sender).is_none());
    }

    #[test]
    fn the_lab_sends_the_file_as_it_is_in_one_packet() {
        let mut sender = Sender::new(0, 0);
        sender.set_next_sequence(1);
        let mut packetizer = Packetizer::lab(1_700_000_000);
        let packet = packetizer.peek(b"\xff\xd8 picture \xff\xd9", &sender).unwrap();
        let mut header = [0; 12];
        let repr = Repr { marker: false, payload_type: 26, sequence: 1, timestamp: 1_700_000_000, ssrc: 0 };
        repr.emit(&mut header);
        assert_eq!(packet.segments(), [&header[..], b"\xff\xd8 picture \xff\xd9"]);
        packetizer.commit(&packet, &mut sender);
        assert!(packetizer.peek(b"more", &sender).is_none());
        assert!(packetizer.started());
        assert_eq!(sender.next_sequence(), 2);
        assert!(Packetizer::lab(0).peek(&[], &sender).is_none());
    }
}
