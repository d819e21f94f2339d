//! One picture as browsers get it: a complete JPEG file, with the head of its part of a multipart body before it.

use std::fmt;
use std::io::Write;
use std::sync::LazyLock;

use hyper::body::Bytes;
use mutoscope::jpeg::tables;

/// What separates the parts of a body.
pub(super) const BOUNDARY: &str = "mutoscope";
/// The head of a part whose picture is not there yet. Browsers show a picture when the next part begins, however long that takes; so for
/// them it begins at once. How long its picture will be nobody knows then.
pub(super) const NEXT: &[u8] = b"--mutoscope\r\nContent-Type: image/jpeg\r\n\r\n";
/// The end of such a body.
pub(super) const CLOSING: &[u8] = b"--mutoscope--\r\n";
/// The type of such a body.
pub(super) const CONTENT_TYPE: &str = "multipart/x-mixed-replace; boundary=mutoscope";
/// The most that the head of a part and the line behind the picture take.
const MOST_AROUND: usize = 160 + NEXT.len();

/// A DHT segment with the tables that files mean which have none (Annex K).
static HUFFMAN_TABLES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let tables =
        [(0x00, tables::LUMA_DC), (0x10, tables::LUMA_AC), (0x01, tables::CHROMA_DC), (0x11, tables::CHROMA_AC)];
    let tables: Vec<u8> =
        tables.iter().flat_map(|(name, table)| [&[*name], &table.bits[..], table.values].concat()).collect();
    let len = u16::try_from(2 + tables.len()).unwrap_or(u16::MAX);
    [&[0xFF, 0xC4], &len.to_be_bytes()[..], &tables].concat()
});

/// Microseconds, shown as seconds.
pub(super) struct Seconds(pub(super) u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// One picture, made once for all who watch.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// When it was taken, in microseconds since 1970.
    pub(super) taken: u64,
    /// Head, picture, end of line, and the head of the next one without its length.
    bytes: Bytes,
    /// Where the picture begins.
    start: usize,
    /// The same picture as RTP/JPEG carries it, where that is another file.
    rewritten: Option<Box<[u8]>>,
    /// Why there is no picture, where this only says so.
    absence: Option<Box<str>>,
}

/// The header that says of a picture that it is none of the stream, and why.
pub(super) const NO_SIGNAL: &str = "x-no-signal";
/// No more of the reason stands there.
const MOST_OF_REASON: usize = 200;

impl Part {
    /// Makes a part of a JPEG file. What the file lacks is put in: Safari shows nothing without Huffman tables, and other programs
    /// nothing without an end.
    pub(super) fn new(taken: u64, jpeg: &[u8]) -> Self {
        Self::with(taken, jpeg, None)
    }

    /// The same, where it only says that there is no picture.
    pub(super) fn with(taken: u64, jpeg: &[u8], absence: Option<&str>) -> Self {
        let absence = absence.map(in_header);
        let (tables, end) = missing(jpeg);
        let len = jpeg.len() + tables.len() + end.len();
        let mut bytes = Vec::with_capacity(len + MOST_AROUND);
        // Writing to memory does not fail.
        let _ = write!(
            bytes,
            "--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len}\r\nX-Timestamp: {}\r\n",
            Seconds(taken)
        );
        if let Some(absence) = &absence {
            let _ = write!(bytes, "X-No-Signal: {absence}\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        let start = bytes.len();
        let (soi, rest) = jpeg.split_at(jpeg.len().min(2));
        bytes.extend_from_slice(soi);
        bytes.extend_from_slice(tables);
        bytes.extend_from_slice(rest);
        bytes.extend_from_slice(end);
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(NEXT);
        Self { taken, bytes: bytes.into(), start, rewritten: None, absence }
    }

    /// Keeps what was made of the picture for RTP, too.
    pub(super) fn rewritten_as(self, jpeg: &[u8]) -> Self {
        Self { rewritten: Some(jpeg.into()), ..self }
    }

    /// Why there is no picture, where this only says so; as a header has it.
    pub(super) fn absence(&self) -> Option<&str> {
        self.absence.as_deref()
    }

    /// The part of a multipart body.
    pub(super) fn whole(&self) -> Bytes {
        self.bytes.slice(..self.end() + 2)
    }

    /// The rest of a part that has begun with [`NEXT`], and the beginning of another one.
    pub(super) fn and_next(&self) -> Bytes {
        self.bytes.slice(self.start..)
    }

    /// The JPEG file alone.
    pub(super) fn picture(&self) -> Bytes {
        self.bytes.slice(self.start..self.end())
    }

    /// Where the picture ends.
    fn end(&self) -> usize {
        self.bytes.len() - NEXT.len() - 2
    }

    /// The picture as a file that RTP/JPEG carries, if there is such a one: it is of the simplest kind.
    pub(super) fn for_rtp(&self) -> &[u8] {
        self.rewritten.as_deref().unwrap_or(&self.bytes[self.start..self.end()])
    }
}

/// A sentence as the value of a header.
fn in_header(sentence: &str) -> Box<str> {
    let is_printable = |character: char| matches!(character, ' '..='~');
    let written = sentence.chars().map(|character| if is_printable(character) { character } else { '?' });
    written.take(MOST_OF_REASON).collect::<String>().trim().into()
}

/// The Huffman tables that a file leaves out because they are the usual ones, and the end that it leaves out.
fn missing(jpeg: &[u8]) -> (&'static [u8], &'static [u8]) {
    let end: &[u8] = if jpeg.ends_with(&[0xFF, 0xD9]) { &[] } else { &[0xFF, 0xD9] };
    (if has_huffman_tables(jpeg) { &[] } else { &HUFFMAN_TABLES }, end)
}

/// Whether a file has Huffman tables, or, being coded arithmetically, needs none.
fn has_huffman_tables(jpeg: &[u8]) -> bool {
    let mut rest = jpeg.get(2..).unwrap_or_default();
    loop {
        match rest {
            // Padding.
            [0xFF, 0xFF, ..] => rest = &rest[1..],
            // DHT, DAC, or a frame that is coded arithmetically.
            [0xFF, 0xC4 | 0xCC | 0xC9..=0xCB | 0xCD..=0xCF, ..] => return true,
            [0xFF, 0xDA, ..] => return false,
            [0xFF, _, high, low, ..] => {
                let len = 2 + usize::from(u16::from_be_bytes([*high, *low])).max(2);
                rest = rest.get(len..).unwrap_or_default();
            }
            // Bytes between segments.
            [_, tail @ ..] => rest = tail,
            [] => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::picture;

    /// The file without its Huffman tables, as some cameras send it. These are those of Annex K in this encoder's files.
    fn bare(jpeg: &[u8]) -> Vec<u8> {
        let mut bare = jpeg.to_vec();
        while let Some(at) = bare.windows(2).position(|pair| pair == [0xFF, 0xC4]) {
            let len = usize::from(u16::from_be_bytes([bare[at + 2], bare[at + 3]]));
            bare.drain(at..at + 2 + len);
        }
        bare
    }

    #[test]
    fn a_complete_file_stays_what_it_is() {
        let jpeg = picture(40, 24, |_| {});
        let part = Part::new(1_700_000_000_000_042, &jpeg);
        assert_eq!(part.picture(), jpeg);
        let whole = part.whole();
        let head = format!(
            "--mutoscope\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\nX-Timestamp: 1700000000.000042\r\n\r\n",
            jpeg.len()
        );
        assert_eq!(whole, [head.as_bytes(), &jpeg, b"\r\n"].concat());
        assert!(head.len() + 2 + NEXT.len() <= MOST_AROUND);
        // With its head before it, and that of the next one behind it.
        let next = format!("--{BOUNDARY}\r\nContent-Type: image/jpeg\r\n\r\n");
        assert_eq!(part.and_next(), [&jpeg, &b"\r\n"[..], next.as_bytes()].concat());
    }

    #[test]
    fn what_a_file_lacks_is_put_in() {
        let jpeg = picture(40, 24, |_| {});
        let bare = bare(&jpeg);
        let samples = |jpeg: &[u8]| {
            zune_jpeg::JpegDecoder::new(zune_jpeg::zune_core::bytestream::ZCursor::new(jpeg)).decode().unwrap()
        };
        for cut in [bare.clone(), bare[..bare.len() - 2].to_vec(), jpeg[..jpeg.len() - 2].to_vec()] {
            let whole = Part::new(0, &cut).picture();
            assert!(has_huffman_tables(&whole) && whole.ends_with(&[0xFF, 0xD9]));
            assert_eq!(samples(&whole), samples(&jpeg));
        }
    }

    #[test]
    fn no_bytes_are_too_strange() {
        let jpeg = picture(16, 16, |_| {});
        for len in 0..jpeg.len() {
            let part = Part::new(0, &jpeg[..len]);
            assert!(part.picture().len() >= len);
        }
    }
}
