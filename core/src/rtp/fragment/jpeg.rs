//! RTP/JPEG (RFC 2435): the scan in pieces, each behind headers that tell where it belongs.

use super::{Fragment, MAX_HEADER, Rules, Unsendable};
use crate::jpeg::{RtpFormat, Span, Unsupported, tables};
use crate::media::Frame;
use crate::wire::onvif;
use crate::wire::rtp::{HEADER_LEN, MAX_DATAGRAM};
use crate::wire::rtp_jpeg::{MainHeader, QuantizationHeader, RestartHeader};

/// The smallest payload limit: all headers, and as much scan data again.
const MIN_LIMIT: usize = 256;

/// The largest one: what an IPv4 datagram holds behind its UDP and RTP headers.
const MAX_LIMIT: usize = MAX_DATAGRAM - HEADER_LEN;

/// Offset and length of a fragment may not exceed this together (RFC 2435 section 3.1.2).
const MAX_SCAN_LEN: u32 = 1 << 24;

/// Both quantisation tables as they stand in the packet, 8 bits a value.
const TABLES_LEN: usize = 128;

/// How the scan of one frame is cut.
///
/// All packets but the last have the same size, the first with its tables included, as UDP segmentation offload needs it.
#[derive(Clone, Copy, Debug)]
pub struct Fragments {
    main: MainHeader,
    restart_interval: Option<u16>,
    quantization: [Span; 2],
    scan: Span,
    limit: u32,
    /// Width and height in pixels, where they are told in an extension; 0 where not.
    size: (u16, u16),
}

impl Fragments {
    /// `limit`: largest RTP payload in bytes, JPEG headers included; kept within 256 and 65,495. Where Q is 128 or more, the
    /// tables go into the first fragment.
    ///
    /// A frame that cannot be sent has no fragments: an empty scan, one longer than 2^24 bytes, a reserved Q, tables that are
    /// not 64 bytes each, ranges beyond the frame.
    pub fn new(format: &RtpFormat, limit: usize) -> Self {
        let sendable = (1..=MAX_SCAN_LEN).contains(&format.scan.len) && matches!(format.q, 1..=99 | 128..=255);
        let &RtpFormat { kind, width, height, q, scan, .. } = format;
        let main = MainHeader { type_specific: 0, fragment_offset: 0, kind, q, width, height };
        Self {
            restart_interval: main.has_restart_header().then_some(format.restart_interval),
            main,
            quantization: format.quantization,
            scan: if sendable { scan } else { Span { len: 0, ..scan } },
            limit: limit.clamp(MIN_LIMIT, MAX_LIMIT) as u32,
            size: (0, 0),
        }
    }

    /// The first fragment also tells the size in pixels, in ONVIF's header extension. Receivers that know it need no other
    /// word on pictures whose size RTP/JPEG has no room for; all others pass it over.
    #[must_use]
    pub fn with_size(self, width: u16, height: u16) -> Self {
        Self { size: (width, height), ..self }
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        let (first, other) = self.data_limits();
        match self.scan.len {
            0 => 0,
            len => len.saturating_sub(first).div_ceil(other).saturating_add(1),
        }
    }

    /// Whether all of its parts are in `frame`.
    pub fn fits(&self, frame: &[u8]) -> bool {
        let tables = || self.quantization.iter().all(|table| table.of(frame).len() == TABLES_LEN / 2);
        !self.scan.of(frame).is_empty() && (!self.has_tables() || tables())
    }

    /// Bytes of the scan in the first fragment, and in each of the others but the last.
    #[inline]
    fn data_limits(&self) -> (u32, u32) {
        let restart = if self.restart_interval.is_some() { RestartHeader::LEN } else { 0 };
        let tables = if self.has_tables() { QuantizationHeader::LEN.wrapping_add(TABLES_LEN) } else { 0 };
        let tables = tables.wrapping_add(self.extension_len());
        // The limit is 256 at least, all headers together are 168.
        let other = self.limit.saturating_sub(MainHeader::LEN.wrapping_add(restart) as u32).max(1);
        (other.saturating_sub(tables as u32), other)
    }

    #[inline]
    fn has_tables(&self) -> bool {
        self.main.q >= 128
    }

    /// Bytes of the first fragment's extension.
    #[inline]
    const fn extension_len(&self) -> usize {
        if let (0, 0) = self.size { 0 } else { onvif::HEADER_LEN }
    }

    /// Fragment `index` of `frame`, counted from 0; its headers are written to `header`. `None` behind the last.
    #[inline]
    pub fn get(&self, frame: &[u8], index: u32, header: &mut [u8; MAX_HEADER]) -> Option<Fragment> {
        let (first, other) = self.data_limits();
        let (offset, limit) = match index.checked_sub(1) {
            None => (0, first),
            Some(before) => (first.saturating_add(before.saturating_mul(other)), other),
        };
        let left = self.scan.len.checked_sub(offset).filter(|left| *left > 0)?;
        let start = (self.scan.start as usize).checked_add(offset as usize)?;
        let payload = start..start.checked_add(left.min(limit) as usize)?;
        if payload.end > frame.len() {
            return None;
        }
        let extension_len = if index == 0 { self.extension_len() } else { 0 };
        let (extension, room) = header.split_at_mut_checked(extension_len)?;
        if let Some(extension) = extension.first_chunk_mut() {
            let (width, height) = self.size;
            *extension = onvif::header(self.main.kind, width, height);
        }
        let header_len = room.len().wrapping_sub(self.emit(frame, offset, room)?);
        Some(Fragment { extension_len, header_len, payload, marker: left <= limit, is_headless: false })
    }

    /// Writes the payload header to the start of `room`; how much of it is left.
    #[inline]
    fn emit(&self, frame: &[u8], offset: u32, room: &mut [u8]) -> Option<usize> {
        let (main, mut room) = room.split_first_chunk_mut::<{ MainHeader::LEN }>()?;
        MainHeader { fragment_offset: offset, ..self.main }.emit(main);
        if let Some(restart_interval) = self.restart_interval {
            let (restart, rest) = room.split_first_chunk_mut::<{ RestartHeader::LEN }>()?;
            RestartHeader::unaligned(restart_interval).emit(restart);
            room = rest;
        }
        if offset == 0 && self.has_tables() {
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
}

pub(super) fn cut(frame: &Frame<'_>, rules: &Rules) -> Result<Fragments, Unsendable> {
    let layout = frame.layout.map_err(Unsendable::Damaged)?;
    let mut format = layout.rtp_format().map_err(Unsendable::Unsupported)?;
    if format.restart_interval != 0 && !rules.restart_markers {
        return Err(Unsendable::Unsupported(Unsupported::RestartMarkers));
    }
    let (picture, described) = ((layout.width, layout.height), rules.described);
    if format.width == 0 && picture != described && described != (0, 0) {
        return Err(Unsendable::OtherSize { picture, described });
    }
    if rules.computed_tables {
        let [luma, chroma] = format.quantization.map(|table| table.of(frame.data));
        format.q = tables::q_of(luma, chroma).unwrap_or(format.q);
    }
    let fragments = Fragments::new(&format, rules.payload_size);
    Ok(if format.width == 0 { fragments.with_size(layout.width, layout.height) } else { fragments })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jpeg::Layout;
    use crate::jpeg::encoder::{Encoder, Quantizer};
    use crate::rtp::packet::Packet;
    use crate::rtp::sender::Sender;
    use crate::wire::rtp::{self, Repr};
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

    /// All packets of a frame as they would leave, and the sender behind them.
    fn run(fragments: Fragments, frame: &[u8]) -> (Vec<Vec<u8>>, Sender) {
        let mut sender = Sender::new(7, 65_534);
        let mut packets = Vec::new();
        let all = super::super::Fragments::Jpeg(fragments);
        while let Some(packet) = Packet::new(&sender, TIMESTAMP, &all, packets.len() as u32, frame) {
            let bytes = packet.segments().concat();
            assert_eq!((packet.len(), packet.payload_len()), (bytes.len(), bytes.len() - 12));
            assert_eq!(packet.marker(), bytes[1] & 0x80 != 0);
            packets.push(bytes);
            sender.commit(packet.payload_len());
        }
        assert_eq!(fragments.count() as usize, packets.len());
        (packets, sender)
    }

    fn get(fragments: &Fragments, frame: &[u8], index: u32) -> Option<Fragment> {
        fragments.get(frame, index, &mut [0; MAX_HEADER])
    }

    #[test]
    fn a_frame_becomes_fragments_that_join_to_its_scan() {
        for scan_len in [1, 2, 1251, 1252, 1253, 1392, 5000, 100_000] {
            for limit in [256, 500, 1400, 9000, 65_495] {
                let (bytes, format) = frame(scan_len);
                let (packets, sender) = run(Fragments::new(&format, limit), &bytes);
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
        let (packets, _) = run(Fragments::new(&format, 1400), &bytes);
        assert_eq!(packets.len(), 4);
        for bytes in &packets {
            let payload = Payload::parse(&bytes[12..]).unwrap();
            assert_eq!(payload.restart, Some(RestartHeader::unaligned(40)));
        }
        assert_eq!(packets[0].len() - Payload::parse(&packets[0][12..]).unwrap().data.len(), HEADER_LEN + 144);
    }

    #[test]
    fn the_size_of_a_large_picture_stands_in_its_first_packet_and_no_packet_is_larger_for_it() {
        for scan_len in [1, 1000, 5000, 100_000] {
            for kind in [0, 1, 65] {
                let (bytes, mut format) = frame(scan_len);
                (format.kind, format.width, format.height) = (kind, 0, 0);
                format.restart_interval = 40;
                let all = super::super::Fragments::Jpeg(Fragments::new(&format, 1400).with_size(2560, 1440));
                let mut sender = Sender::new(7, 1);
                let mut scan = Vec::new();
                for index in 0..all.count() {
                    let packet = Packet::new(&sender, TIMESTAMP, &all, index, &bytes).unwrap();
                    let sent = packet.segments().concat();
                    assert!(sent.len() == packet.len() && sent.len() <= 1412);
                    assert!(packet.marker() || sent.len() == 1412, "all but the last have the same size");
                    let read = rtp::Packet::new_checked(&sent).unwrap();
                    let size = read.extension().and_then(|(profile, data)| onvif::dimensions(profile, data));
                    assert_eq!(size, (index == 0).then_some((2560, 1440)));
                    assert_eq!(packet.payload_len(), read.payload().len());
                    let header_len = packet.rtp_header().len();
                    assert_eq!(header_len, if index == 0 { 12 + onvif::HEADER_LEN } else { 12 });
                    assert_eq!([packet.rtp_header(), packet.payload_header()].concat(), packet.head());
                    scan.extend_from_slice(Payload::parse(read.payload()).unwrap().data);
                    sender.commit(packet.payload_len());
                }
                assert_eq!(scan, bytes[128..]);
            }
        }
    }

    #[test]
    fn tables_by_formula_are_not_sent() {
        let (bytes, mut format) = frame(100);
        (format.q, format.quantization) = (80, [Span::default(); 2]);
        let (packets, _) = run(Fragments::new(&format, 1400), &bytes);
        assert_eq!(packets.len(), 1);
        assert_eq!(packets[0].len(), 12 + 8 + 100);
    }

    #[test]
    fn a_limit_out_of_range_is_moved_into_it() {
        let (bytes, format) = frame(200_000);
        for (limit, expected) in [(0, 256), (usize::MAX, 65_495)] {
            let (packets, _) = run(Fragments::new(&format, limit), &bytes);
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
            let fragments = Fragments::new(&format, 1400);
            assert!(get(&fragments, &bytes, 0).is_none(), "{name}");
            assert!(get(&fragments, &[], 0).is_none(), "{name}, no frame");
        }
        let (bytes, mut format) = frame(500);
        format.quantization = [beyond; 2];
        assert!(get(&Fragments::new(&format, 1400), &bytes, 0).is_none());
    }

    #[test]
    fn the_longest_scan_ends_just_at_the_last_offset() {
        let (bytes, format) = frame(1 << 24);
        let (packets, _) = run(Fragments::new(&format, 65_495), &bytes);
        let last = Payload::parse(&packets.last().unwrap()[12..]).unwrap();
        assert_eq!(last.main.fragment_offset as usize + last.data.len(), 1 << 24);
    }

    #[test]
    fn a_frame_that_shrinks_while_it_is_sent_has_no_further_fragments() {
        let (bytes, format) = frame(5000);
        let fragments = Fragments::new(&format, 1400);
        assert!(get(&fragments, &bytes, 3).is_some_and(|fragment| fragment.marker));
        assert!(get(&fragments, &bytes[..3000], 2).is_none());
        assert!(get(&fragments, &bytes, u32::MAX).is_none());
    }

    const RULES: Rules = Rules {
        payload_size: 1400,
        max_packet_size: 20_480,
        restart_markers: false,
        computed_tables: false,
        described: (0, 0),
        first_block: 0,
    };

    /// A picture of one colour, 16 lines high.
    fn picture(file: &mut [u8], width: u16) -> &[u8] {
        let quantizer = Quantizer::new(75);
        let mut encoder = Encoder::new(file, width, 16, &quantizer).unwrap();
        (0..width / 16).for_each(|_| encoder.flat_mcu([1, 2, 3]).unwrap());
        let len = encoder.finish().unwrap();
        &file[..len]
    }

    #[test]
    fn tables_that_rfc_2435_computes_are_sent_as_a_number_where_that_is_wanted() {
        let mut file = [0; 2048];
        let data = picture(&mut file, 16);
        let frame = Frame { number: 0, data, captured: None, time: None, layout: Layout::parse(data) };
        for (computed_tables, q, len) in [(false, 255, 8 + 4 + 128), (true, 75, 8)] {
            let mut header = [0; MAX_HEADER];
            let fragment = cut(&frame, &Rules { computed_tables, ..RULES }).unwrap().get(data, 0, &mut header).unwrap();
            assert_eq!((fragment.header_len, header[5]), (len, q));
        }
    }

    #[test]
    fn pictures_above_2040_pixels_are_sent_only_in_the_size_that_the_description_tells() {
        let mut file = [0; 4096];
        for (width, described, is_sent) in [
            (2048, (2048, 16), true),
            (2048, (2064, 16), false),
            (2048, (2048, 32), false),
            (2048, (640, 480), false),
            // Nothing was told that could be wrong.
            (2048, (0, 0), true),
            // The header says what the picture is.
            (2032, (2048, 16), true),
        ] {
            let data = picture(&mut file, width);
            let frame = Frame { number: 0, data, captured: None, time: None, layout: Layout::parse(data) };
            let found = cut(&frame, &Rules { described, ..RULES }).err();
            let other_size = Unsendable::OtherSize { picture: (width, 16), described };
            assert_eq!(found, (!is_sent).then_some(other_size), "{width} {described:?}");
        }
    }
}
