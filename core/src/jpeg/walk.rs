//! The walk over a file's marker segments, and what it remembers until the scan.

use super::cursor::Cursor;
use super::layout::{Coding, Error, ErrorKind, Flaw, Layout, Sampling, Span};
use super::{marker, tables};

/// All that the segments passed so far have defined. It is small, because it lives on the stack of a microcontroller.
#[derive(Default)]
struct Walk {
    /// By table id: where the entries are, and whether they have 16 bits. A redefinition replaces.
    quantization: [Option<(Span, bool)>; 4],
    /// By table id. A redefinition replaces.
    dc: [Huffman; 4],
    ac: [Huffman; 4],
    frame: Option<FrameHeader>,
    restart_interval: u16,
    has_jfif: bool,
    /// Adobe's segment, where there is one, says that the components are RGB.
    adobe_is_rgb: Option<bool>,
}

/// A Huffman table. Its content is compared when it is defined, and never looked at again.
#[derive(Clone, Copy, Default, PartialEq)]
enum Huffman {
    #[default]
    Undefined,
    Luma,
    Chroma,
    Other,
}

/// The contents of the frame header.
struct FrameHeader {
    coding: Coding,
    precision: u8,
    width: u16,
    height: u16,
    /// The file's number of components; at most the first three are kept.
    count: u8,
    components: [Component; 3],
}

#[derive(Clone, Copy, Default, PartialEq)]
struct Component {
    id: u8,
    /// Horizontal factor in the upper half, vertical in the lower.
    sampling: u8,
    table: u8,
}

impl FrameHeader {
    /// The components that are kept.
    fn components(&self) -> &[Component] {
        self.components.get(..usize::from(self.count.min(3))).unwrap_or(&[])
    }
}

/// The contents of the scan header.
struct ScanHeader {
    /// Whether the scan holds all components in the frame's order, and all coefficients.
    is_interleaved: bool,
    /// Whether all components use Annex K's Huffman tables.
    has_standard_huffman: bool,
    /// Whether the scan says that it does not hold all coefficients, in a coding that knows no other scans.
    has_other_parameters: bool,
    /// By component of the frame: whether the scan names it.
    is_named: [bool; 3],
}

impl Layout {
    /// Walks the marker segments of one JPEG file.
    ///
    /// The entropy-coded data is not read where the file ends with EOI, so this takes the same time for any picture;
    /// bytes behind the EOI, other than padding with one value, make it look for the EOI from the front.
    ///
    /// What the common decoders pass with a warning is passed here too, and noted in [`flaws`](Layout::flaws).
    ///
    /// # Errors
    /// The headers up to the first scan cannot be understood. The bytes behind them are not judged:
    /// [`has_end`](Self::has_end) tells whether the EOI is missing.
    pub fn parse(jpeg: &[u8]) -> Result<Self, Error> {
        Walk::default().layout(jpeg)
    }
}

impl Walk {
    fn layout(mut self, jpeg: &[u8]) -> Result<Layout, Error> {
        let mut cursor = Cursor::new(jpeg, 0);
        if u32::try_from(jpeg.len()).is_err() {
            return Err(cursor.error(ErrorKind::TooLarge));
        }
        if cursor.array().ok() != Some([0xFF, marker::SOI]) {
            return Err(Error { kind: ErrorKind::NoStartOfImage, at: 0 });
        }
        loop {
            let (at, code, mut segment) = cursor.segment()?;
            match code {
                marker::EOI => return Err(Error { kind: ErrorKind::NoScan, at }),
                0x00..=0xBF | marker::SOI => return Err(Error { kind: ErrorKind::Marker, at }),
                marker::DQT => self.quantization_tables(&mut segment)?,
                marker::DHT => self.huffman_tables(&mut segment)?,
                marker::DRI => self.restart_interval = u16::from_be_bytes(segment.array()?),
                // Shorter ones are none to decoders.
                marker::APP0 => self.has_jfif |= segment.rest().len() >= 14 && segment.rest().starts_with(b"JFIF\0"),
                marker::APP14 => self.adobe(segment.rest()),
                marker::SOS => return self.scan(&mut segment, cursor),
                // DAC lies among the SOFs but is none: conditioning of arithmetic coders. JPG is reserved.
                marker::DAC | marker::JPG => {}
                marker::SOF0..=marker::SOF15 => self.frame_header(code, &mut segment)?,
                _ => {}
            }
        }
    }

    /// ```text
    ///  0 1 2 3 4 5 6 7
    /// +-+-+-+-+-+-+-+-+--------------------------------+
    /// |   Pq  |  Tq   | 64 entries of 8 or 16 (Pq 1) bits |  … and again
    /// +-+-+-+-+-+-+-+-+--------------------------------+
    /// ```
    fn quantization_tables(&mut self, segment: &mut Cursor<'_>) -> Result<(), Error> {
        while !segment.is_empty() {
            let wrong = segment.error(ErrorKind::Segment);
            let [head] = segment.array()?;
            let (slot, wide) = match (self.quantization.get_mut(usize::from(head & 0x0F)), head >> 4) {
                (Some(slot), precision) => (slot, precision != 0),
                (None, _) => return Err(wrong),
            };
            *slot = Some((segment.span(if wide { 128 } else { 64 })?, wide));
        }
        Ok(())
    }

    /// ```text
    ///  0 1 2 3 4 5 6 7
    /// +-+-+-+-+-+-+-+-+------------------+--------------------------------+
    /// |   Tc  |  Th   | 16 counts of codes | as many symbols as they sum up to |  … and again
    /// +-+-+-+-+-+-+-+-+------------------+--------------------------------+
    /// ```
    fn huffman_tables(&mut self, segment: &mut Cursor<'_>) -> Result<(), Error> {
        while !segment.is_empty() {
            let wrong = segment.error(ErrorKind::Segment);
            let (head, bits, symbols) = segment.huffman_table()?;
            let values = symbols.of(segment.bytes);
            let (slots, luma, chroma) = match head >> 4 {
                0 => (&mut self.dc, tables::LUMA_DC, tables::CHROMA_DC),
                1 => (&mut self.ac, tables::LUMA_AC, tables::CHROMA_AC),
                _ => return Err(wrong),
            };
            let slot = slots.get_mut(usize::from(head & 0x0F)).ok_or(wrong)?;
            let is = |table: tables::HuffmanTable| bits == table.bits && values == table.values;
            *slot = match () {
                () if is(luma) => Huffman::Luma,
                () if is(chroma) => Huffman::Chroma,
                () => Huffman::Other,
            };
        }
        Ok(())
    }

    /// Adobe's APP14: `Adobe`, version, two flags of 16 bits, and the transform, 0 meaning none: RGB, or CMYK.
    fn adobe(&mut self, segment: &[u8]) {
        if let Some((b"Adobe", &[_, _, _, _, _, _, transform, ..])) = segment.split_first_chunk::<5>() {
            self.adobe_is_rgb = Some(transform == 0);
        }
    }

    /// As libjpeg decides: JFIF is YCbCr, then Adobe's word counts, then the components' names.
    fn is_rgb(&self, frame: &FrameHeader) -> bool {
        let named = || frame.components.map(|component| component.id) == *b"RGB";
        frame.count == 3 && !self.has_jfif && self.adobe_is_rgb.unwrap_or_else(named)
    }

    fn frame_header(&mut self, code: u8, segment: &mut Cursor<'_>) -> Result<(), Error> {
        let wrong = segment.error(ErrorKind::Segment);
        let [precision, height_high, height_low, width_high, width_low, count] = segment.array()?;
        let coding = match code {
            0xC0 => Coding::Baseline,
            0xC1 => Coding::ExtendedSequential,
            0xC2 => Coding::Progressive,
            0xC3 | 0xCB => Coding::Lossless,
            0xC9 | 0xCA => Coding::Arithmetic,
            _ => Coding::Hierarchical,
        };
        if count == 0 || (coding == Coding::Baseline && precision != 8) {
            return Err(wrong);
        }
        let mut components = [Component::default(); 3];
        for index in 0..usize::from(count) {
            let [id, sampling, table] = segment.array()?;
            if !(1..=4).contains(&(sampling >> 4)) || !(1..=4).contains(&(sampling & 0x0F)) {
                return Err(wrong);
            }
            if let Some(slot) = components.get_mut(index) {
                *slot = Component { id, sampling, table };
            }
        }
        let width = u16::from_be_bytes([width_high, width_low]);
        let height = u16::from_be_bytes([height_high, height_low]);
        self.frame = Some(FrameHeader { coding, precision, width, height, count, components });
        Ok(())
    }

    /// The scan header ends the walk: everything it refers to must be known by now.
    fn scan(self, segment: &mut Cursor<'_>, cursor: Cursor<'_>) -> Result<Layout, Error> {
        let header = segment.error(ErrorKind::Components);
        let frame = self.frame.as_ref().ok_or(Error { kind: ErrorKind::NoFrameHeader, ..header })?;
        let mut flaws = cursor.flaws;
        let named = self.scan_header(frame, segment)?;
        if named.has_other_parameters {
            flaws.insert(Flaw::ScanParameters);
        }
        let [luma, cb, cr] = self.used_tables(frame, &named, Error { kind: ErrorKind::MissingTable, ..header })?;
        let jpeg = cursor.bytes;
        let (mut scan, has_end) = entropy_coded_data(&cursor, named.is_interleaved);
        if !has_end {
            flaws.insert(Flaw::NoEnd);
        }
        let mut height = frame.height;
        if height == 0
            && let Some((lines, len)) = number_of_lines(scan.of(jpeg))
        {
            (height, scan.len) = (lines, len);
        }
        let factors = frame.components.map(|component| component.sampling);
        Ok(Layout {
            width: frame.width,
            height,
            coding: frame.coding,
            precision: frame.precision,
            sampling: sampling(frame.count, &factors),
            components: frame.count,
            factors,
            restart_interval: self.restart_interval,
            quantization: [luma.0, cb.0],
            has_wide_tables: luma.1 || cb.1 || cr.1,
            shares_chroma_table: cb == cr || (cb.1 == cr.1 && cb.0.of(jpeg) == cr.0.of(jpeg)),
            has_standard_huffman: named.has_standard_huffman,
            is_interleaved: named.is_interleaved,
            is_rgb: self.is_rgb(frame),
            flaws,
            scan,
        })
    }

    /// Reads the scan header in `segment`.
    fn scan_header(&self, frame: &FrameHeader, segment: &mut Cursor<'_>) -> Result<ScanHeader, Error> {
        let wrong = segment.error(ErrorKind::Components);
        let components = frame.components();
        let [count] = segment.array()?;
        if count == 0 || count > 4 {
            return Err(wrong);
        }
        let mut scan = ScanHeader {
            is_interleaved: count == frame.count,
            has_standard_huffman: true,
            has_other_parameters: false,
            is_named: [false; 3],
        };
        for index in 0..usize::from(count) {
            let [id, selectors] = segment.array()?;
            // Another order than the frame's is forbidden (section B.2.3), but harmless to a decoder of the file.
            scan.is_interleaved &= components.get(index).is_none_or(|component| component.id == id);
            if frame.count <= 3 && components.iter().all(|component| component.id != id) {
                return Err(wrong);
            }
            for (component, is_named) in components.iter().zip(&mut scan.is_named) {
                *is_named |= component.id == id;
            }
            let expected = if index == 0 { Huffman::Luma } else { Huffman::Chroma };
            for (slots, id) in [(&self.dc, selectors >> 4), (&self.ac, selectors & 0x0F)] {
                scan.has_standard_huffman &= match (slots.get(usize::from(id)), id) {
                    (Some(Huffman::Undefined), 0) => expected == Huffman::Luma,
                    (Some(Huffman::Undefined), 1) => expected == Huffman::Chroma,
                    (Some(&table), _) => table == expected,
                    // A progressive scan needs but one of the two, and arithmetic coding neither.
                    (None, _) if !frame.coding.is_sequential() => false,
                    (None, _) => return Err(wrong),
                };
            }
        }
        // First and last coefficient, and the two bit positions of successive approximation.
        let holds_all = segment.array()? == [0, 63, 0];
        if frame.coding.is_sequential() {
            // There, decoders do not look at them.
            scan.has_other_parameters = !holds_all;
        } else {
            scan.is_interleaved &= holds_all;
        }
        Ok(scan)
    }

    /// The quantisation tables of luma, Cb and Cr: where the entries are, and whether they have 16 bits.
    fn used_tables(&self, frame: &FrameHeader, scan: &ScanHeader, missing: Error) -> Result<[(Span, bool); 3], Error> {
        let components = frame.components();
        let table = |index: usize| {
            let component = components.get(index).or(components.first());
            let id = component.map_or(0, |component| component.table);
            let table = self.quantization.get(usize::from(id)).copied().flatten();
            // A component of a later scan may have its table defined right before that one.
            let index = if index < components.len() { index } else { 0 };
            let is_named = frame.count > 3 || scan.is_named.get(index) == Some(&true);
            let is_needed = frame.coding != Coding::Lossless && is_named;
            if is_needed { table.ok_or(missing) } else { Ok(table.unwrap_or_default()) }
        };
        Ok([table(0)?, table(1)?, table(if components.len() == 3 { 2 } else { 1 })?])
    }
}

/// The height that the DNL segment behind a scan tells, and the length of the scan without the segment: a writer that did
/// not know the height when it wrote the frame header says it there (section B.2.5).
fn number_of_lines(scan: &[u8]) -> Option<(u16, u32)> {
    const DNL: &[u8] = &[0xFF, marker::DNL, 0, 4];
    let at = scan.windows(DNL.len()).position(|bytes| bytes == DNL)?;
    let &[_, _, _, _, high, low, ref rest @ ..] = scan.get(at..)? else { return None };
    // The segment is no part of a picture's only scan.
    let len = if rest.is_empty() { at } else { scan.len() };
    Some((u16::from_be_bytes([high, low]), u32::try_from(len).ok()?))
}

fn sampling(count: u8, factors: &[u8; 3]) -> Sampling {
    match (count, factors) {
        (1, _) => Sampling::Grey,
        (3, [y, cb, cr]) if y == cb && y == cr => Sampling::Yuv444,
        (3, [0x21, 0x11, 0x11]) => Sampling::Yuv422,
        (3, [0x22, 0x12, 0x12]) => Sampling::Yuv422Tall,
        (3, [0x22, 0x11, 0x11]) => Sampling::Yuv420,
        (3, [0x12, 0x11, 0x11] | [0x22, 0x21, 0x21]) => Sampling::Yuv440,
        (3, [0x41, 0x11, 0x11]) => Sampling::Yuv411,
        _ => Sampling::Other,
    }
}

/// Where the entropy-coded data from the cursor on ends, and whether an EOI ends it. If that is not all of the picture, there are
/// more scans, and the segments before them.
fn entropy_coded_data(cursor: &Cursor<'_>, is_all: bool) -> (Span, bool) {
    let rest = cursor.bytes.get(cursor.at..).unwrap_or(&[]);
    let from_the_front = if is_all { end_from_the_front } else { end_behind_segments };
    let (len, has_end) = match end_from_the_back(rest).or_else(|| from_the_front(rest)) {
        Some(len) => (len, true),
        None => (rest.strip_suffix(&[0xFF]).unwrap_or(rest).len(), false),
    };
    // Both fit: the whole file's length was checked.
    (Span { start: cursor.at as u32, len: len as u32 }, has_end)
}

/// The EOI as the last thing but padding with one value. An FF in entropy-coded data is always followed by 00 or RSTn,
/// so whatever precedes padding and looks like EOI is one.
fn end_from_the_back(rest: &[u8]) -> Option<usize> {
    const END: &[u8] = &[0xFF, marker::EOI];
    if let Some(scan) = rest.strip_suffix(END) {
        return Some(scan.len());
    }
    let padding = *rest.last()?;
    let last = rest.iter().rposition(|&byte| byte != padding)?;
    rest.get(..=last)?.strip_suffix(END).map(<[u8]>::len)
}

fn end_from_the_front(rest: &[u8]) -> Option<usize> {
    rest.windows(2).position(|pair| pair == [0xFF, marker::EOI])
}

/// The first EOI that is not part of a segment.
fn end_behind_segments(rest: &[u8]) -> Option<usize> {
    let mut cursor = Cursor::new(rest, 0);
    loop {
        match cursor.segment() {
            Ok((at, marker::EOI, _)) => return Some(at as usize),
            Err(Error { kind: ErrorKind::Truncated, .. }) => return None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::header;
    use super::*;
    use std::vec::Vec;

    const SCAN: &[u8] = &[0x12, 0xFF, 0x00, 0xD9, 0x34, 0xFF, 0x00];
    const EOI: &[u8] = &[0xFF, 0xD9];

    fn headers(kind: u8, restart_interval: u16) -> Vec<u8> {
        let (luma, chroma) = tables::quantization(60);
        let fields = header::Fields {
            kind,
            width: 319,
            height: 241,
            restart_interval,
            luma: &luma,
            chroma: &chroma,
            precision: 0,
        };
        let mut buffer = std::vec![0; header::MAX_LEN];
        let len = header::emit(&mut buffer, &fields).unwrap();
        buffer.truncate(len);
        buffer
    }

    fn jpeg() -> Vec<u8> {
        [&headers(1, 0), SCAN, EOI].concat()
    }

    fn segment(code: u8, content: &[u8]) -> Vec<u8> {
        [&[0xFF, code][..], &(content.len() as u16 + 2).to_be_bytes(), content].concat()
    }

    /// `jpeg()` with `insert` right behind SOI.
    fn with(insert: &[u8]) -> Vec<u8> {
        let jpeg = jpeg();
        [&jpeg[..2], insert, &jpeg[2..]].concat()
    }

    /// `jpeg()` with the bytes `from` replaced by `to`, which must occur.
    fn replaced(from: &[u8], to: &[u8]) -> Vec<u8> {
        let jpeg = jpeg();
        let at = jpeg.windows(from.len()).position(|window| window == from).unwrap();
        [&jpeg[..at], to, &jpeg[at + from.len()..]].concat()
    }

    const SOF: &[u8] = &[0xFF, 0xC0, 0, 17, 8, 0, 241, 1, 63, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1];
    const SOS: &[u8] = &[0xFF, 0xDA, 0, 12, 3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0];

    #[test]
    fn an_emitted_header_is_understood() {
        let (luma, chroma) = tables::quantization(60);
        for (kind, restart_interval, sampling) in [(0, 0, Sampling::Yuv422), (1, 7, Sampling::Yuv420)] {
            let file = [&headers(kind, restart_interval), SCAN, EOI].concat();
            let layout = Layout::parse(&file).unwrap();
            assert_eq!((layout.width, layout.height, layout.sampling), (319, 241, sampling));
            assert_eq!((layout.coding, layout.restart_interval), (Coding::Baseline, restart_interval));
            assert_eq!((layout.quantization[0].of(&file), layout.quantization[1].of(&file)), (&luma[..], &chroma[..]));
            assert_eq!(layout.scan.of(&file), SCAN);
            assert!(layout.has_end() && layout.rtp_format().is_ok());
        }
    }

    #[test]
    fn the_scan_ends_at_eoi_whatever_follows() {
        let tails: [&[u8]; 8] =
            [b"", &[0; 5], &[0xFF; 3], b"\n", b"\r\n", &[0xD9], b"garbage", &[0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3]];
        for tail in tails {
            let file = [&jpeg(), tail].concat();
            let layout = Layout::parse(&file).unwrap();
            assert_eq!((layout.scan.of(&file), layout.has_end()), (SCAN, true), "{tail:?}");
        }
    }

    #[test]
    fn a_height_behind_the_scan_is_found_there() {
        let file = replaced(SOF, &[0xFF, 0xC0, 0, 17, 8, 0, 0, 1, 63, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]);
        assert_eq!(Layout::parse(&file).unwrap().height, 0);
        let dnl = segment(0xDC, &241_u16.to_be_bytes());
        let file = [&file[..file.len() - 2], &dnl, EOI].concat();
        let layout = Layout::parse(&file).unwrap();
        assert_eq!((layout.height, layout.scan.of(&file)), (241, SCAN));
        assert!(layout.rtp_format().is_ok());
    }

    #[test]
    fn a_scan_without_eoi_is_taken_to_the_end_of_the_file() {
        for tail in [&[][..], &[0xFF]] {
            let file = [&headers(1, 0), SCAN, tail].concat();
            let layout = Layout::parse(&file).unwrap();
            assert_eq!((layout.scan.of(&file), layout.has_end()), (SCAN, false));
        }
    }

    #[test]
    fn a_file_cut_anywhere_in_its_headers_is_truncated() {
        let file = jpeg();
        let headers = file.len() - SCAN.len() - EOI.len();
        for len in 0..headers {
            let error = Layout::parse(&file[..len]).unwrap_err();
            let expected = if len < 2 { ErrorKind::NoStartOfImage } else { ErrorKind::Truncated };
            assert_eq!(error.kind, expected, "cut at {len}");
        }
        for len in headers..file.len() {
            assert!(!Layout::parse(&file[..len]).unwrap().has_end(), "cut at {len}");
        }
    }

    #[test]
    fn fill_bytes_and_other_segments_are_passed() {
        let cases = [
            std::vec![0xFF; 9],
            std::vec![0xFF, 0x01],
            segment(0xFE, b""),
            segment(0xE1, &[0xFF, 0xD8, 0xFF, 0xD9]),
            segment(0xEF, &[0; 65533]),
            segment(0xF0, b"reserved for extensions"),
        ];
        for case in cases {
            let file = with(&case);
            let layout = Layout::parse(&file).unwrap();
            assert_eq!(layout.scan.of(&file), SCAN);
            assert!(layout.rtp_format().is_ok());
        }
    }

    #[test]
    fn tables_may_share_a_segment_and_the_last_definition_counts() {
        let stale: Vec<u8> = [&[0][..], &[9; 64], &[1], &[9; 64], &[2], &[9; 64], &[0x13], &[9; 128]].concat();
        let file = with(&segment(0xDB, &stale));
        let layout = Layout::parse(&file).unwrap();
        assert_eq!(layout.quantization[0].of(&file), tables::quantization(60).0);
        assert!(layout.rtp_format().is_ok());
    }

    #[test]
    fn one_table_for_all_components_is_the_same_span_twice() {
        let file = replaced(SOF, &[0xFF, 0xC0, 0, 17, 8, 0, 241, 1, 63, 3, 1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0]);
        let layout = Layout::parse(&file).unwrap();
        assert_eq!(layout.quantization[0], layout.quantization[1]);
        assert!(layout.rtp_format().is_ok());
    }

    #[test]
    fn chroma_tables_are_compared_by_content() {
        let sof = [0xFF, 0xC0, 0, 17, 8, 0, 241, 1, 63, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 2];
        let file = replaced(SOF, &sof);
        assert_eq!(Layout::parse(&file).unwrap_err().kind, ErrorKind::MissingTable);
        for (chroma, shared) in [(tables::quantization(60).1, true), (tables::quantization(61).1, false)] {
            let third = segment(0xDB, &[&[2][..], &chroma].concat());
            let file = [&file[..2], &third, &file[2..]].concat();
            assert_eq!(Layout::parse(&file).unwrap().shares_chroma_table, shared);
        }
    }

    #[test]
    fn components_may_have_any_ids() {
        for ids in [[0, 1, 2], [b'Y', b'U', b'V'], [255, 7, 0]] {
            let file = replaced(
                SOF,
                &[0xFF, 0xC0, 0, 17, 8, 0, 241, 1, 63, 3, ids[0], 0x22, 0, ids[1], 0x11, 1, ids[2], 0x11, 1],
            );
            assert_eq!(Layout::parse(&file).unwrap_err().kind, ErrorKind::Components);
            let at = file.windows(14).position(|window| window == SOS).unwrap();
            let mut file = file;
            ids.iter().enumerate().for_each(|(i, &id)| file[at + 5 + 2 * i] = id);
            assert!(Layout::parse(&file).unwrap().rtp_format().is_ok());
        }
    }

    #[test]
    fn scans_that_are_not_all_of_the_picture_are_told_apart() {
        let cases: [&[u8]; 2] =
            [&[0xFF, 0xDA, 0, 8, 1, 1, 0x00, 0, 63, 0], &[0xFF, 0xDA, 0, 12, 3, 1, 0x00, 3, 0x11, 2, 0x11, 0, 63, 0]];
        for case in cases {
            assert!(!Layout::parse(&replaced(SOS, case)).unwrap().is_interleaved);
        }
    }

    #[test]
    fn a_sequential_scan_holds_all_coefficients_whatever_it_says() {
        for parameters in [[0, 0, 0], [0, 63, 1], [9, 9, 9]] {
            let sos = [&SOS[..SOS.len() - 3], &parameters].concat();
            let layout = Layout::parse(&replaced(SOS, &sos)).unwrap();
            assert!(layout.is_interleaved && layout.rtp_format().is_ok());
            assert!(layout.flaws.iter().eq([Flaw::ScanParameters]));
            let mut progressive = replaced(SOS, &sos);
            let at = progressive.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
            progressive[at + 1] = 0xC2;
            let layout = Layout::parse(&progressive).unwrap();
            assert!(!layout.is_interleaved && layout.flaws.is_empty());
        }
    }

    #[test]
    fn what_lies_between_segments_is_passed_and_noted() {
        let cases: [(&[u8], Flaw); 8] = [
            (&[0x00], Flaw::BetweenSegments),
            (b"\r\n", Flaw::BetweenSegments),
            (&[0xFF, 0x00, 0x17], Flaw::BetweenSegments),
            (&[0xFF, 0xFF, 0x00], Flaw::BetweenSegments),
            (&[0xFF, 0xD3], Flaw::StrayMarker),
            (&[0xFF, 0xE5, 0, 0], Flaw::ShortSegment),
            (&[0xFF, 0xFE, 0, 1], Flaw::ShortSegment),
            (&[0xFF, 0xE0, 0, 1, b'J'], Flaw::ShortSegment),
        ];
        for (insert, flaw) in cases {
            let file = with(insert);
            let layout = Layout::parse(&file).unwrap();
            assert_eq!(layout.scan.of(&file), SCAN, "{insert:?}");
            assert!(layout.flaws.contains(flaw) && layout.rtp_format().is_ok(), "{insert:?}: {}", layout.flaws);
        }
        assert!(Layout::parse(&jpeg()).unwrap().flaws.is_empty());
    }

    #[test]
    fn huffman_tables_are_told_by_content_whatever_their_ids() {
        let at = jpeg().windows(4).position(|window| window == [0xFF, 0xC4, 0x01, 0xA2]).unwrap();
        let swapped_selectors = [0xFF, 0xDA, 0, 12, 3, 1, 0x11, 2, 0x00, 3, 0x00, 0, 63, 0];
        let swap_ids = |file: &mut Vec<u8>| {
            for offset in [0, 29, 29 + 179, 29 + 179 + 29] {
                file[at + 4 + offset] ^= 1;
            }
        };
        let mut other_ids = replaced(SOS, &swapped_selectors);
        swap_ids(&mut other_ids);
        let mut wrong_ids = jpeg();
        swap_ids(&mut wrong_ids);
        let mut optimal = jpeg();
        optimal[at + 25] ^= 1;
        let without = [&jpeg()[..at], &jpeg()[at + 420..]].concat();
        let cases = [
            (jpeg(), true),
            (other_ids, true),
            (without, true),
            (wrong_ids, false),
            (replaced(SOS, &swapped_selectors), false),
            (optimal, false),
        ];
        for (index, (file, standard)) in cases.iter().enumerate() {
            assert_eq!(Layout::parse(file).unwrap().has_standard_huffman, *standard, "case {index}");
        }
    }

    #[test]
    fn sampling_factors_have_their_names() {
        let cases = [
            ([0x21, 0x11, 0x11], Sampling::Yuv422),
            ([0x22, 0x11, 0x11], Sampling::Yuv420),
            ([0x22, 0x12, 0x12], Sampling::Yuv422Tall),
            ([0x11, 0x11, 0x11], Sampling::Yuv444),
            ([0x12, 0x12, 0x12], Sampling::Yuv444),
            ([0x12, 0x11, 0x11], Sampling::Yuv440),
            ([0x41, 0x11, 0x11], Sampling::Yuv411),
            ([0x11, 0x22, 0x11], Sampling::Other),
            ([0x22, 0x11, 0x12], Sampling::Other),
        ];
        for ([y, cb, cr], expected) in cases {
            let sof = [0xFF, 0xC0, 0, 17, 8, 0, 241, 1, 63, 3, 1, y, 0, 2, cb, 1, 3, cr, 1];
            assert_eq!(Layout::parse(&replaced(SOF, &sof)).unwrap().sampling, expected);
        }
        assert_eq!(sampling(1, &[0x22, 0, 0]), Sampling::Grey);
        assert_eq!(sampling(4, &[0x11; 3]), Sampling::Other);
    }

    #[test]
    fn frame_headers_name_the_coding() {
        let cases = [
            (0xC1, Coding::ExtendedSequential),
            (0xC2, Coding::Progressive),
            (0xC3, Coding::Lossless),
            (0xC6, Coding::Hierarchical),
            (0xC9, Coding::Arithmetic),
            (0xCA, Coding::Arithmetic),
            (0xCB, Coding::Lossless),
            (0xCD, Coding::Hierarchical),
        ];
        for (code, coding) in cases {
            assert_eq!(Layout::parse(&replaced(&[0xFF, 0xC0], &[0xFF, code])).unwrap().coding, coding);
        }
    }

    /// `file` without its JFIF segment, and `insert` in its place.
    fn with_application(file: &[u8], insert: &[u8]) -> Vec<u8> {
        assert_eq!(file[2..11], *b"\xFF\xE0\0\x10JFIF\0");
        [&file[..2], insert, &file[20..]].concat()
    }

    fn adobe(transform: u8) -> Vec<u8> {
        segment(0xEE, &[&b"Adobe"[..], &[0, 100, 0, 0, 0, 0, transform]].concat())
    }

    #[test]
    fn an_adobe_segment_tells_rgb_from_ycbcr_where_there_is_no_jfif() {
        for (insert, is_rgb) in [(adobe(0), true), (adobe(1), false), (segment(0xEE, b"Adobe"), false)] {
            assert_eq!(Layout::parse(&with_application(&jpeg(), &insert)).unwrap().is_rgb, is_rgb);
            assert!(!Layout::parse(&with(&insert)).unwrap().is_rgb);
        }
    }

    #[test]
    fn components_named_r_g_b_are_just_that_unless_a_segment_knows_better() {
        let mut file = jpeg();
        for (header, first, step) in [(SOF, 10, 3), (SOS, 5, 2)] {
            let at = file.windows(header.len()).position(|window| window == header).unwrap() + first;
            b"RGB".iter().enumerate().for_each(|(index, &id)| file[at + step * index] = id);
        }
        let cases = [(with_application(&file, &[]), true), (with_application(&file, &adobe(1)), false), (file, false)];
        for (index, (file, is_rgb)) in cases.iter().enumerate() {
            assert_eq!(Layout::parse(file).unwrap().is_rgb, *is_rgb, "case {index}");
        }
    }

    #[test]
    fn segments_that_contradict_themselves_are_errors() {
        let cases: [(Vec<u8>, ErrorKind); 12] = [
            (std::vec![], ErrorKind::NoStartOfImage),
            (b"00123".to_vec(), ErrorKind::NoStartOfImage),
            (with(&[0xFF, 0xDB, 0, 1]), ErrorKind::Segment),
            (with(&[0xFF, 0xC4, 0, 0]), ErrorKind::Segment),
            (with(&[0xFF, 0xD8]), ErrorKind::Marker),
            (with(&[0xFF, 0x02]), ErrorKind::Marker),
            (with(EOI), ErrorKind::NoScan),
            (with(SOS), ErrorKind::NoFrameHeader),
            (with(&segment(0xDB, &[4; 65])), ErrorKind::Segment),
            (with(&segment(0xDB, &[0x24; 129])), ErrorKind::Segment),
            (with(&segment(0xC4, &[[0x20].as_slice(), &[0; 16]].concat())), ErrorKind::Segment),
            (with(&segment(0xDD, &[])), ErrorKind::Truncated),
        ];
        for (index, (file, kind)) in cases.iter().enumerate() {
            assert_eq!(Layout::parse(file).unwrap_err().kind, *kind, "case {index}");
        }
        for sof in [[8, 0, 1, 0, 1, 0], [12, 0, 1, 0, 1, 3]] {
            assert_eq!(Layout::parse(&with(&segment(0xC0, &sof))).unwrap_err().kind, ErrorKind::Segment);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(damage in proptest::collection::vec((0_usize..760, proptest::num::u8::ANY), 0..12), len in 0_usize..760) {
            let mut file = jpeg();
            for (at, value) in damage {
                if let Some(byte) = file.get_mut(at) {
                    *byte = value;
                }
            }
            file.truncate(len);
            if let Ok(layout) = Layout::parse(&file) {
                proptest::prop_assert!(layout.scan.start as usize + layout.scan.len as usize <= file.len());
                let _ = layout.rtp_format();
            }
        }
    }
}
