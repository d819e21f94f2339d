//! The headers that RTP/JPEG leaves out, made again from its fields (RFC 2435 section 4.1 and appendix B).

use super::{marker, tables};

/// The fields from which the headers of a picture received over RTP/JPEG are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields<'a> {
    /// RFC 2435's type. Only bit 0 matters here: 0 is 4:2:2, 1 is 4:2:0.
    pub kind: u8,
    /// Pixels, not units of 8.
    pub width: u16,
    /// Pixels, not units of 8.
    pub height: u16,
    /// MCUs between restart markers; 0: there are none.
    pub restart_interval: u16,
    /// The luma quantisation table in zig-zag order: 64 bytes, or 128 where bit 0 of `precision` is set.
    pub luma: &'a [u8],
    /// The chroma quantisation table in zig-zag order: 64 bytes, or 128 where bit 1 of `precision` is set.
    pub chroma: &'a [u8],
    /// Bit n: table n has 16-bit entries, most significant byte first.
    pub precision: u8,
}

/// No header is longer.
pub const MAX_LEN: usize = 745;

/// Writes SOI to SOS into `buffer`: with the scan and an EOI behind it, it is a JFIF file. Returns the length.
///
/// A 16-bit table whose entries all fit 8 bits is written with 8, because decoders that read only baseline files are
/// many. `None` where `buffer` is too short ([`MAX_LEN`] always does), a dimension is 0, or a table does not have the
/// length its precision demands.
pub fn emit(buffer: &mut [u8], fields: &Fields<'_>) -> Option<usize> {
    if fields.width == 0 || fields.height == 0 {
        return None;
    }
    let luma = Table::new(fields.luma, fields.precision & 1 != 0)?;
    let chroma = Table::new(fields.chroma, fields.precision & 2 != 0)?;
    let mut out = Writer { buffer, len: 0 };

    out.put(&[0xFF, marker::SOI])?;
    // JFIF 1.02, square pixels, no thumbnail.
    out.put(&[0xFF, marker::APP0, 0, 16, b'J', b'F', b'I', b'F', 0, 1, 2, 0, 0, 1, 0, 1, 0, 0])?;
    // One segment per table: some receivers' parsers look at the first table of a segment only.
    luma.emit(&mut out, 0)?;
    chroma.emit(&mut out, 1)?;
    if fields.restart_interval != 0 {
        out.put(&[0xFF, marker::DRI, 0, 4])?;
        out.put(&fields.restart_interval.to_be_bytes())?;
    }
    // Baseline allows 8-bit tables only (section B.2.4.1).
    let frame_header = if luma.is_wide() || chroma.is_wide() { marker::SOF1 } else { marker::SOF0 };
    out.put(&[0xFF, frame_header, 0, 17, 8])?;
    out.put(&fields.height.to_be_bytes())?;
    out.put(&fields.width.to_be_bytes())?;
    let luma_sampling = if fields.kind & 1 == 0 { 0x21 } else { 0x22 };
    out.put(&[3, 1, luma_sampling, 0, 2, 0x11, 1, 3, 0x11, 1])?;
    let huffman =
        [(0x00, tables::LUMA_DC), (0x10, tables::LUMA_AC), (0x01, tables::CHROMA_DC), (0x11, tables::CHROMA_AC)];
    out.put(&[0xFF, marker::DHT, 0x01, 0xA2])?;
    for (class_and_id, table) in huffman {
        out.put(&[class_and_id])?;
        out.put(&table.bits)?;
        out.put(table.values)?;
    }
    out.put(&[0xFF, marker::SOS, 0, 12, 3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0])?;
    Some(out.len)
}

/// A quantisation table in the width it is written with.
enum Table<'a> {
    Bytes(&'a [u8; 64]),
    /// 16-bit entries that fit 8 bits.
    Narrowed(&'a [u8; 128]),
    Wide(&'a [u8; 128]),
}

impl<'a> Table<'a> {
    fn new(bytes: &'a [u8], has_16_bits: bool) -> Option<Self> {
        if !has_16_bits {
            return bytes.try_into().ok().map(Self::Bytes);
        }
        let bytes: &[u8; 128] = bytes.try_into().ok()?;
        let fits = bytes.iter().step_by(2).all(|&high| high == 0);
        Some(if fits { Self::Narrowed(bytes) } else { Self::Wide(bytes) })
    }

    fn is_wide(&self) -> bool {
        matches!(self, Self::Wide(_))
    }

    fn emit(&self, out: &mut Writer<'_>, id: u8) -> Option<()> {
        match self {
            Self::Bytes(bytes) => {
                out.put(&[0xFF, marker::DQT, 0, 67, id])?;
                out.put(*bytes)
            }
            Self::Narrowed(bytes) => {
                out.put(&[0xFF, marker::DQT, 0, 67, id])?;
                bytes.iter().skip(1).step_by(2).try_for_each(|&low| out.put(&[low]))
            }
            Self::Wide(bytes) => {
                out.put(&[0xFF, marker::DQT, 0, 131, 0x10 | id])?;
                out.put(*bytes)
            }
        }
    }
}

struct Writer<'b> {
    buffer: &'b mut [u8],
    len: usize,
}

impl Writer<'_> {
    fn put(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.len.checked_add(bytes.len())?;
        self.buffer.get_mut(self.len..end)?.copy_from_slice(bytes);
        self.len = end;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDE: [u8; 128] = [1; 128];

    fn fields<'a>(luma: &'a [u8], chroma: &'a [u8]) -> Fields<'a> {
        Fields { kind: 1, width: 640, height: 480, restart_interval: 0, luma, chroma, precision: 0 }
    }

    #[test]
    fn a_header_has_its_segments_in_the_order_every_decoder_reads() {
        let (luma, chroma) = tables::quantization(75);
        let mut buffer = [0; MAX_LEN];
        let fields = Fields { restart_interval: 40, ..fields(&luma, &chroma) };
        let len = emit(&mut buffer, &fields).unwrap();
        let mut rest = &buffer[2..len];
        let mut found = std::vec::Vec::new();
        while let [0xFF, code, high, low, ..] = *rest {
            found.push(code);
            rest = &rest[2 + usize::from(u16::from_be_bytes([high, low]))..];
        }
        assert!(rest.is_empty());
        assert_eq!(found, [0xE0, 0xDB, 0xDB, 0xDD, 0xC0, 0xC4, 0xDA]);
    }

    #[test]
    fn the_longest_header_is_as_long_as_promised() {
        let mut buffer = [0; MAX_LEN];
        let fields = Fields { restart_interval: 1, precision: 3, ..fields(&WIDE, &WIDE) };
        assert_eq!(emit(&mut buffer, &fields), Some(MAX_LEN));
        assert!(buffer.windows(2).any(|pair| pair == [0xFF, marker::SOF1]));
    }

    #[test]
    fn wide_tables_of_small_entries_become_baseline_tables() {
        let (luma, chroma) = tables::quantization(60);
        let mut wide = [0; 128];
        wide.chunks_mut(2).zip(luma).for_each(|(entry, value)| entry[1] = value);
        let mut from_wide = [0; MAX_LEN];
        let mut from_bytes = [0; MAX_LEN];
        let len = emit(&mut from_wide, &Fields { precision: 1, ..fields(&wide, &chroma) });
        assert_eq!(len, emit(&mut from_bytes, &fields(&luma, &chroma)));
        assert_eq!(from_wide, from_bytes);
    }

    #[test]
    fn a_buffer_that_is_too_short_gets_no_header() {
        let (luma, chroma) = tables::quantization(75);
        let mut buffer = [0; MAX_LEN];
        let len = emit(&mut buffer, &fields(&luma, &chroma)).unwrap();
        for short in 0..len {
            assert_eq!(emit(&mut buffer[..short], &fields(&luma, &chroma)), None);
        }
    }

    #[test]
    fn fields_that_make_no_picture_get_no_header() {
        let (luma, chroma) = tables::quantization(75);
        let good = fields(&luma, &chroma);
        let cases = [
            Fields { width: 0, ..good },
            Fields { height: 0, ..good },
            Fields { luma: &luma[..63], ..good },
            Fields { chroma: &WIDE, ..good },
            Fields { precision: 2, ..good },
        ];
        for case in cases {
            assert_eq!(emit(&mut [0; MAX_LEN], &case), None, "{case:?}");
        }
    }
}
