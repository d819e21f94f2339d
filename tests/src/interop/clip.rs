//! Splits MJPEG files into frames, and judges whether RFC 2435 can carry them.

use anyhow::{Context, Result, bail, ensure};
use mutoscope::jpeg::{Layout, tables};
use std::path::Path;

/// One MJPEG file in memory.
#[derive(Debug)]
pub struct Clip {
    /// The file's name, which is also its path on the server.
    pub name: String,
    /// The JPEG files in it, in their order.
    pub frames: Vec<Vec<u8>>,
    /// Whether the server must serve the file in standard RTP.
    pub carriage: Carriage,
}

/// Whether a standard RTP/JPEG stream can carry a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carriage {
    /// It can, as the file is or rewritten without loss.
    Fits,
    /// It cannot. The server must refuse DESCRIBE, and its log must contain one of these words.
    Refused(&'static [&'static str]),
}

impl Clip {
    /// Reads a file in the lab's or the raw format.
    pub fn load(path: &Path) -> Result<Self> {
        let name = path.file_name().and_then(|name| name.to_str()).context("a name that is not UTF-8")?.to_owned();
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let frames = split(&bytes).with_context(|| format!("in {name}"))?;
        let first = frames.first().with_context(|| format!("{name} holds no frame"))?;
        let carriage = Header::parse(first).with_context(|| format!("in {name}"))?.carriage();
        Ok(Self { name, frames, carriage })
    }

    /// Loads all MJPEG files of a folder, in the order of their names.
    pub fn load_folder(folder: &Path) -> Result<Vec<Self>> {
        let mut paths: Vec<_> = std::fs::read_dir(folder)
            .with_context(|| format!("cannot read {}", folder.display()))?
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|kind| kind.eq_ignore_ascii_case("mjpeg")))
            .collect();
        paths.sort();
        ensure!(!paths.is_empty(), "{} holds no MJPEG files", folder.display());
        paths.iter().map(|path| Self::load(path)).collect()
    }

    /// Whether RTP/JPEG's header has no room for the pictures' size, so that only the description tells it.
    pub fn is_large(&self) -> bool {
        let header = self.frames.first().and_then(|frame| Header::parse(frame).ok()).unwrap_or_default();
        header.is_large()
    }

    /// Returns the Q of RFC 2435 that stands for the quantisation tables of the first frame (section 4.2).
    pub fn computed_q(&self) -> Option<u8> {
        let frame = self.frames.first()?;
        let [luma, chroma] = Layout::parse(frame).ok()?.quantization.map(|table| table.of(frame));
        tables::q_of(luma, chroma)
    }

    /// Returns the frames with the size that RTP/JPEG can tell: width and height are rounded up to a multiple of 8 (RFC 2435
    /// section 3.1.5), except for large pictures. The data is the same, because JPEG always codes whole blocks.
    pub fn rounded_frames(&self) -> Vec<Vec<u8>> {
        self.frames.iter().map(|frame| rounded(frame).unwrap_or_else(|| frame.clone())).collect()
    }
}

/// Whether a JPEG file has only one component. RTP/JPEG adds neutral colours to such a picture.
pub fn is_grey(jpeg: &[u8]) -> bool {
    Header::parse(jpeg).is_ok_and(|header| header.components.len() == 1)
}

fn rounded(frame: &[u8]) -> Option<Vec<u8>> {
    let header = Header::parse(frame).ok()?;
    if header.is_large() {
        return None;
    }
    let mut frame = frame.to_vec();
    for at in [header.size_at, header.size_at + 2] {
        let length = u16::from_be_bytes([frame[at], frame[at + 1]]).checked_next_multiple_of(8)?;
        frame[at..at + 2].copy_from_slice(&length.to_be_bytes());
    }
    Some(frame)
}

fn split(bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
    if bytes.starts_with(&[0xff, 0xd8]) { split_raw(bytes) } else { split_lab(bytes) }
}

/// Splits a file in which five ASCII digits before each JPEG tell its length.
fn split_lab(bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
    let (mut frames, mut rest) = (Vec::new(), bytes);
    while let Some((digits, behind)) = rest.split_at_checked(5) {
        let len: usize = std::str::from_utf8(digits)?.parse().context("a length of a frame")?;
        let (frame, behind) = behind.split_at_checked(len).context("a frame that is longer than the file")?;
        frames.push(frame.to_vec());
        rest = behind;
    }
    ensure!(rest.is_empty(), "{} bytes behind the last frame", rest.len());
    Ok(frames)
}

/// Splits a file in which JPEG files follow one another.
fn split_raw(bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
    let (mut frames, mut start) = (Vec::new(), 0);
    while start < bytes.len() {
        let mut at = start + 2;
        loop {
            let Some(&[0xff, marker]) = bytes.get(at..at + 2) else { bail!("no marker at byte {at}") };
            at += 2;
            match marker {
                0xd9 => break,
                _ => at += usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]])),
            }
            if marker == 0xda {
                // Inside coded data, a byte ff is followed by 00 or by the number of a restart marker.
                let coded = |pair: &[u8]| pair[0] != 0xff || matches!(pair[1], 0 | 0xd0..=0xd7);
                at += bytes[at..].windows(2).position(|pair| !coded(pair)).context("a scan without an end")?;
            }
        }
        frames.push(bytes[start..at].to_vec());
        start = at;
    }
    Ok(frames)
}

/// The contents of a JPEG file's header segments.
#[derive(Debug, Default)]
struct Header {
    /// The marker of the frame header, SOF0 to SOF15.
    coding: u8,
    /// The place in the file where height and width stand.
    size_at: usize,
    width: u16,
    height: u16,
    /// The number of bits of a sample.
    precision: u8,
    /// The identifier, sampling factors and quantisation table of each component.
    components: Vec<(u8, u8, u8)>,
    /// The colour transform that an Adobe segment names. 0 means RGB if there are three components.
    transform: Option<u8>,
    /// Whether a quantisation table has an entry of more than 8 bits.
    has_large_entries: bool,
}

impl Header {
    fn parse(jpeg: &[u8]) -> Result<Self> {
        let mut header = Self::default();
        let mut at = 2;
        loop {
            let Some(&[0xff, marker, high, low]) = jpeg.get(at..at + 4) else { bail!("no segment at byte {at}") };
            let len = usize::from(u16::from_be_bytes([high, low]));
            let segment = jpeg.get(at + 4..at + 2 + len).context("a segment beyond the end")?;
            match marker {
                0xda => return Ok(header),
                0xdb => header.has_large_entries |= has_large_entries(segment),
                0xee if segment.starts_with(b"Adobe") => header.transform = segment.get(11).copied(),
                0xc4 => {}
                0xc0..=0xcf => {
                    header.coding = marker;
                    header.size_at = at + 5;
                    header.precision = segment[0];
                    header.height = u16::from_be_bytes([segment[1], segment[2]]);
                    header.width = u16::from_be_bytes([segment[3], segment[4]]);
                    header.components = segment[6..].chunks_exact(3).map(|part| (part[0], part[1], part[2])).collect();
                }
                _ => {}
            }
            at += 2 + len;
        }
    }

    fn is_large(&self) -> bool {
        self.width.max(self.height) > 2040
    }

    fn carriage(&self) -> Carriage {
        // The server does not take lossless and hierarchical files, which no player decodes either.
        if !matches!(self.coding, 0xc0..=0xc2 | 0xc9 | 0xca) {
            return Carriage::Refused(&["baseline"]);
        }
        if self.precision != 8 {
            return Carriage::Refused(&["bits"]);
        }
        let is_rgb = self.transform == Some(0) || self.components.iter().map(|part| part.0).eq(*b"RGB");
        if !matches!(self.components.len(), 1 | 3) || self.components.len() == 3 && is_rgb {
            return Carriage::Refused(&["YCbCr"]);
        }
        if self.has_large_entries || self.components.get(2).is_some_and(|cr| cr.2 != self.components[1].2) {
            return Carriage::Refused(&["quantisation"]);
        }
        // The server rewrites other Huffman tables, restart markers, another order of blocks and missing chroma. Only the
        // sampling matters: chroma must have half of luma's columns, and all or half of its rows.
        let factors: Vec<_> = self.components.iter().map(|&(_, factors, _)| (factors >> 4, factors & 15)).collect();
        let fits = match factors[..] {
            [_] => true,
            [(columns, rows), cb, cr] => {
                cb == cr && columns == 2 * cb.0 && columns != 3 && (rows == cb.1 || rows == 2 * cb.1)
            }
            _ => false,
        };
        if fits { Carriage::Fits } else { Carriage::Refused(&["sampl", "4:"]) }
    }
}

/// Whether a DQT segment has an entry of more than 8 bits.
fn has_large_entries(mut segment: &[u8]) -> bool {
    while let [head, rest @ ..] = segment {
        let is_wide = head >> 4 != 0;
        let Some((table, behind)) = rest.split_at_checked(if is_wide { 128 } else { 64 }) else { return false };
        if is_wide && table.iter().step_by(2).any(|&high| high != 0) {
            return true;
        }
        segment = behind;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a file that has only headers, from the sampling factors of the first component, more segments before SOF, and the
    /// size.
    fn jpeg(coding: u8, luma: u8, segments: &[u8], size: u16) -> Vec<u8> {
        let [high, low] = size.to_be_bytes();
        let mut bytes = vec![0xff, 0xd8];
        bytes.extend(segments);
        bytes.extend([0xff, coding, 0, 17, 8, high, low, high, low, 3, 1, luma, 0, 2, 0x11, 1, 3, 0x11, 1]);
        bytes.extend([0xff, 0xda, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0]);
        bytes.extend([1, 0xff, 0, 0xff, 0xd0, 2, 0xff, 0xd9]);
        bytes
    }

    #[test]
    fn a_file_is_judged_by_what_rfc_2435_can_say() {
        const OWN_TABLE: [u8; 22] = [0xff, 0xc4, 0, 20, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
        for (bytes, fits) in [
            (jpeg(0xc0, 0x22, &[], 64), true),
            (jpeg(0xc0, 0x21, &[], 64), true),
            (jpeg(0xc0, 0x11, &[], 64), false),
            (jpeg(0xc2, 0x22, &[], 64), true),
            (jpeg(0xc3, 0x22, &[], 64), false),
            (jpeg(0xc0, 0x22, &[0xff, 0xdd, 0, 4, 0, 4], 64), true),
            (jpeg(0xc0, 0x22, &OWN_TABLE, 64), true),
            (jpeg(0xc0, 0x41, &[], 64), false),
        ] {
            assert_eq!(Header::parse(&bytes).unwrap().carriage() == Carriage::Fits, fits, "{bytes:02x?}");
        }
    }

    #[test]
    fn both_formats_split_into_the_same_frames() {
        let (a, b) = (jpeg(0xc0, 0x22, &[], 64), jpeg(0xc0, 0x22, &[0xff, 0xfe, 0, 4, 0xff, 0xd9], 64));
        let raw = [a.clone(), b.clone()].concat();
        let lab = [format!("{:05}", a.len()).as_bytes(), &a, format!("{:05}", b.len()).as_bytes(), &b].concat();
        assert_eq!(split(&raw).unwrap(), [a.clone(), b.clone()]);
        assert_eq!(split(&lab).unwrap(), [a, b]);
        assert!(split(&lab[..lab.len() - 1]).is_err());
    }

    #[test]
    fn sizes_are_rounded_up_to_blocks() {
        let frame = rounded(&jpeg(0xc0, 0x22, &[], 241)).unwrap();
        let header = Header::parse(&frame).unwrap();
        assert_eq!((header.width, header.height), (248, 248));
        assert_eq!(rounded(&jpeg(0xc0, 0x22, &[], 2041)), None);
    }
}
