//! The headers of a packet, field by field, with their bits.

use mutoscope::wire::rtp::{HEADER_LEN, Packet, Repr};
use mutoscope::wire::rtp_jpeg::{MainHeader, Payload, QuantizationHeader, RestartHeader};
use std::fmt::Write as _;

/// A field of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    /// Its name in the text that is saved; "" for what stands only in the pane.
    pub(crate) key: &'static str,
    /// Its name for people.
    pub(crate) name: &'static str,
    /// Its bits as they were sent, in groups; empty where that would be too long.
    pub(crate) bits: String,
    /// Its value in the text that is saved.
    pub(crate) value: String,
    /// What it means here, in a few words.
    pub(crate) note: String,
    /// What explains it.
    pub(crate) topic: &'static str,
}

impl Field {
    pub(super) fn new(key: &'static str, name: &'static str, value: impl ToString) -> Self {
        Self { key, name, bits: String::new(), value: value.to_string(), note: String::new(), topic: key }
    }

    /// With its bits: so many of a number.
    pub(super) fn bits(mut self, value: u32, count: u32) -> Self {
        for bit in (0..count).rev() {
            self.bits.push(if value >> bit & 1 == 1 { '1' } else { '0' });
            if bit > 0 && bit % 4 == 0 {
                self.bits.push(' ');
            }
        }
        self
    }

    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    pub(super) fn topic(mut self, topic: &'static str) -> Self {
        self.topic = topic;
        self
    }
}

/// How a payload is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// JPEG as RTP carries it.
    Jpeg,
    /// A JPEG file as it is, or a part of one: the lab's.
    File,
    /// It is encrypted, and the key is nobody's business.
    Encrypted,
    /// Something else.
    Other,
}

/// The fields of an RTP packet of so many bytes, of which the beginning is at hand, and the last two bytes.
pub(super) fn of_rtp(start: &[u8], end: [u8; 2], len: usize, kind: Kind) -> Vec<Field> {
    let mut start = start.to_vec();
    let is_cut = start.len() < len;
    let padded = start.first().is_some_and(|first| first & 0x20 != 0);
    if let (true, Some(first)) = (is_cut || kind == Kind::Encrypted, start.first_mut()) {
        // How long the padding is is at the end.
        *first &= !0x20;
    }
    let packet = match Packet::new_checked(start.as_slice()) {
        Ok(packet) => packet,
        Err(error) => {
            let field = Field::new("broken", "No RTP packet", format!("{error:?}").to_lowercase());
            return vec![field.note("these bytes are no RTP packet")];
        }
    };
    let mut fields = of_rtp_header(&packet, padded, end, kind);
    let payload = packet.payload();
    let whole = len.saturating_sub(start.len() - payload.len());
    match kind {
        Kind::Jpeg => of_jpeg(payload, whole, &mut fields),
        Kind::File => of_file(payload, end, whole, &mut fields),
        Kind::Encrypted => {
            let field =
                Field::new("encrypted", "Encrypted payload", whole).note("bytes, with the tag that proves them");
            fields.push(field.topic("srtp"));
        }
        Kind::Other => {
            fields.push(Field::new("payload", "Payload", whole).note("bytes, in a format that is not shown"))
        }
    }
    fields
}

fn of_rtp_header(packet: &Packet<&[u8]>, padded: bool, end: [u8; 2], kind: Kind) -> Vec<Field> {
    let Repr { marker, payload_type, sequence, timestamp, ssrc } = Repr::parse(packet);
    let csrcs: Vec<u32> = packet.csrcs().collect();
    let extension = packet.extension();
    let padding = if padded { format!("{} bytes of padding at the end", end[1]) } else { "no padding".into() };
    let format = match payload_type {
        26 => "JPEG",
        0..=95 => "a format of RFC 3551's table",
        _ => "named by the description",
    };
    let marked = match (marker, kind) {
        (true, _) => "the last packet of a frame",
        // Many of the lab's senders never set it.
        (false, Kind::File | Kind::Other) => "not set",
        (false, _) => "more of this frame follows",
    };
    let mut fields = vec![
        Field::new("V", "Version", 2).bits(2, 2).note("RTP"),
        Field::new("P", "Padding", u8::from(padded)).bits(padded.into(), 1).note(padding),
        Field::new("X", "Extension", u8::from(extension.is_some()))
            .bits(extension.is_some().into(), 1)
            .note(if extension.is_some() { "an extension follows the header" } else { "no extension" }),
        Field::new("CC", "CSRC count", csrcs.len()).bits(csrcs.len() as u32, 4).note("contributing sources"),
        Field::new("M", "Marker", u8::from(marker)).bits(marker.into(), 1).note(marked),
        Field::new("PT", "Payload type", payload_type).bits(payload_type.into(), 7).note(format),
        Field::new("seq", "Sequence number", sequence).bits(sequence.into(), 16),
        Field::new("ts", "Timestamp", timestamp).bits(timestamp, 32),
        Field::new("SSRC", "SSRC", format!("0x{ssrc:08x}")).bits(ssrc, 32),
    ];
    for csrc in csrcs {
        fields.push(Field::new("CSRC", "CSRC", format!("0x{csrc:08x}")).bits(csrc, 32));
    }
    if let Some((profile, data)) = extension {
        let note = format!("{} bytes of data", data.len());
        fields.push(Field::new("extension", "Header extension", format!("0x{profile:04x}")).note(note));
    }
    fields
}

fn of_jpeg(payload: &[u8], whole: usize, fields: &mut Vec<Field>) {
    let Some((main, mut rest)) = payload.split_first_chunk::<{ MainHeader::LEN }>() else {
        fields.push(Field::new("broken", "No RTP/JPEG", "truncated").note("too short for the main header"));
        return;
    };
    let MainHeader { type_specific, fragment_offset, kind, q, width, height } = MainHeader::parse(main);
    let sampling = match kind & 63 {
        0 => "4:2:2",
        1 => "4:2:0",
        _ => "a type of its own",
    };
    let restarts = if MainHeader::parse(main).has_restart_header() { ", with restart markers" } else { "" };
    let tables = match q {
        1..=99 => "tables by the formula",
        128..=254 => "tables in the stream, that stay",
        255 => "tables in the stream, that may change",
        _ => "reserved",
    };
    let side = |key, name, eights: u8| {
        let note = if eights == 0 { "larger than 2040 pixels".into() } else { format!("pixels: {eights} × 8") };
        Field::new(key, name, u32::from(eights) * 8).bits(eights.into(), 8).note(note)
    };
    fields.extend([
        Field::new("type-specific", "Type-specific", type_specific)
            .bits(type_specific.into(), 8)
            .note(if type_specific == 0 { "a whole frame, not a field" } else { "an interlaced field" }),
        Field::new("offset", "Fragment offset", fragment_offset).bits(fragment_offset, 24).note("bytes"),
        Field::new("type", "Type", kind).bits(kind.into(), 8).note(format!("{sampling}{restarts}")),
        Field::new("Q", "Q", q).bits(q.into(), 8).note(tables),
        side("width", "Width", width),
        side("height", "Height", height),
    ]);
    let main = MainHeader::parse(main);
    if main.has_restart_header()
        && let Some((header, after)) = rest.split_first_chunk::<{ RestartHeader::LEN }>()
    {
        let RestartHeader { restart_interval, first, last, restart_count } = RestartHeader::parse(header);
        fields.extend([
            Field::new("DRI", "Restart interval", restart_interval).bits(restart_interval.into(), 16).note("MCUs"),
            Field::new("F", "First", u8::from(first)).bits(first.into(), 1),
            Field::new("L", "Last", u8::from(last)).bits(last.into(), 1),
            Field::new("count", "Restart count", restart_count).bits(restart_count.into(), 14),
        ]);
        rest = after;
    }
    if main.may_have_tables()
        && let Some((header, after)) = rest.split_first_chunk::<{ QuantizationHeader::LEN }>()
    {
        of_tables(QuantizationHeader::parse(header), payload, fields);
        rest = after;
    }
    // Where the tables are whole, the core's own reading says where the data begins.
    let data = Payload::parse(payload).map_or(rest.len(), |payload| payload.data.len());
    let len = whole.saturating_sub(payload.len() - data);
    fields.push(Field::new("data", "JPEG data", len).note("bytes of the picture's scan"));
}

fn of_tables(header: QuantizationHeader, payload: &[u8], fields: &mut Vec<Field>) {
    let QuantizationHeader { mbz, precision, length } = header;
    fields.extend([
        Field::new("MBZ", "Must be zero", mbz).bits(mbz.into(), 8),
        Field::new("precision", "Precision", precision)
            .bits(precision.into(), 8)
            .note("a bit for each table: 16 bits wide"),
        Field::new("length", "Length", length).bits(length.into(), 16).note("bytes of tables"),
    ]);
    let Some((luma, chroma, _)) = Payload::parse(payload).ok().and_then(|payload| payload.quantization?.split()) else {
        return;
    };
    for (name, table) in [("Luma table", luma), ("Chroma table", chroma)] {
        let mut values = String::new();
        table.iter().take(8).for_each(|value| _ = write!(values, "{value} "));
        fields.push(Field { key: "", topic: "tables", ..Field::new("tables", name, values + "…") });
    }
}

fn of_file(payload: &[u8], end: [u8; 2], whole: usize, fields: &mut Vec<Field>) {
    let begins = payload.starts_with(&[0xff, 0xd8]);
    let ends = whole >= 2 && end == [0xff, 0xd9];
    let note = match (begins, ends) {
        (true, true) => "bytes: a whole JPEG file",
        (true, false) => "bytes: a JPEG file begins",
        (false, true) => "bytes: a JPEG file ends",
        (false, false) => "bytes within a JPEG file",
    };
    fields.push(Field::new("file", "JPEG file", whole).note(note));
}

/// The parts of a header that stand in the packet for certain: its source, number, timestamp and payload type.
pub(super) fn essentials(start: &[u8]) -> Option<Repr> {
    let header = start.first_chunk::<HEADER_LEN>()?;
    let mut header = *header;
    // Neither sources, extension nor padding: they are not looked at.
    header[0] &= 0xc0;
    Packet::new_checked(header.as_slice()).ok().map(|packet| Repr::parse(&packet))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fields as a line.
    pub(crate) fn line(fields: &[Field]) -> String {
        let keyed = fields.iter().filter(|field| !field.key.is_empty());
        keyed.map(|field| format!("{}={}", field.key, field.value)).collect::<Vec<_>>().join(" ")
    }

    const HEADER: [u8; 12] = [0x80, 0x9a, 0x12, 0x34, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4];
    const RTP: &str = "V=2 P=0 X=0 CC=0 M=1 PT=26 seq=4660 ts=3735928559 SSRC=0x01020304";

    fn jpeg(bytes: &[u8], len: usize) -> String {
        let packet = [&HEADER[..], bytes].concat();
        line(&of_rtp(&packet, [0, 0], HEADER.len() + len, Kind::Jpeg))
    }

    #[test]
    fn all_fields_of_a_first_packet_with_restart_markers_and_tables() {
        let mut bytes = vec![0, 0, 0, 0, 65, 255, 80, 60, 0, 40, 0xff, 0xff, 0, 0, 0, 128];
        bytes.extend([9; 128]);
        bytes.extend([7; 100]);
        let main = "type-specific=0 offset=0 type=65 Q=255 width=640 height=480 DRI=40 F=1 L=1 count=16383";
        assert_eq!(jpeg(&bytes, bytes.len()), format!("{RTP} {main} MBZ=0 precision=0 length=128 data=100"));
        // Of a long packet only the beginning is at hand.
        assert!(jpeg(&bytes, 1400).ends_with(&format!("data={}", 1400 - 16 - 128)));
        let bits = of_rtp(&HEADER, [0, 0], 12, Kind::Other);
        let bits: Vec<&str> = bits.iter().map(|field| field.bits.as_str()).collect();
        assert_eq!(
            bits[..8],
            ["10", "0", "0", "0000", "1", "001 1010", "0001 0010 0011 0100", "1101 1110 1010 1101 1011 1110 1110 1111"]
        );
    }

    #[test]
    fn later_packets_files_and_what_is_encrypted() {
        let main = [0, 1, 2, 3, 1, 90, 40, 30, 5, 5];
        assert_eq!(
            jpeg(&main, 10),
            format!("{RTP} type-specific=0 offset=66051 type=1 Q=90 width=320 height=240 data=2")
        );
        let file = [&HEADER[..], &[0xff, 0xd8, 0xff]].concat();
        assert_eq!(line(&of_rtp(&file, [0xff, 0xd9], 5012, Kind::File)), format!("{RTP} file=5000"));
        assert_eq!(line(&of_rtp(&file, [0, 0], 5012, Kind::Encrypted)), format!("{RTP} encrypted=5000"));
        assert_eq!(line(&of_rtp(&file, [0, 0], 5012, Kind::Other)), format!("{RTP} payload=5000"));
        assert_eq!(line(&of_rtp(&[1, 2, 3], [0, 0], 3, Kind::Jpeg)), "broken=truncated");
    }

    #[test]
    fn sources_extension_and_padding() {
        let mut packet = vec![0xb1, 26, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0xab, 0xac, 0, 1, 9, 9, 9, 9];
        packet.extend([0, 0, 0, 8, 1, 90, 40, 30, 7, 0, 2]);
        let whole = line(&of_rtp(&packet, [0, 2], packet.len(), Kind::Jpeg));
        assert!(
            whole.starts_with("V=2 P=1 X=1 CC=1 M=0 PT=26 seq=1 ts=2 SSRC=0x00000003 CSRC=0x00000004 extension=0xabac"),
            "{whole}"
        );
        assert!(whole.contains("offset=8 "), "{whole}");
    }
}
