//! Matroska: blocks of pictures in clusters. Only the headers are read, so pictures are told by their places.
//!
//! The crates that there are copy every picture and tell no places (`matroska-demuxer`, which a `SeekHead` that names itself also
//! keeps busy for ever), so this is our own: RFC 9559, as far as it tells where pictures are and when they are shown.

use std::io;

use mutoscope::media::FrameRate;

use super::super::storage::Storage;
use super::{Container, Demuxer, DetectError, Found, Head, Place, Sample, read_exact};

const EBML: u32 = 0x1A45_DFA3;
const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_A966;
const TIMESTAMP_SCALE: u32 = 0x2A_D7B1;
const TRACKS: u32 = 0x1654_AE6B;
const TRACK_ENTRY: u32 = 0xAE;
const TRACK_NUMBER: u32 = 0xD7;
const CODEC_ID: u32 = 0x86;
const CODEC_PRIVATE: u32 = 0x63A2;
const DEFAULT_DURATION: u32 = 0x23_E383;
const CONTENT_ENCODINGS: u32 = 0x6D80;
const CLUSTER: u32 = 0x1F43_B675;
const TIMESTAMP: u32 = 0xE7;
const SIMPLE_BLOCK: u32 = 0xA3;
const BLOCK_GROUP: u32 = 0xA0;
const BLOCK: u32 = 0xA1;

/// So many elements may come before the first cluster, or between two pictures before somebody looks up.
const MAX_ELEMENTS: u32 = 10_000;
/// Descriptions of tracks are not longer.
const MAX_TRACKS: u64 = 1 << 20;
/// So many bytes are searched at once for the next cluster after damage.
const SEARCH: usize = 64 << 10;

/// The track that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Track {
    number: u64,
    /// Nanoseconds of a unit of time.
    scale: u64,
    /// Nanoseconds of a picture, where that is told.
    duration: u64,
    /// Where the first cluster is.
    start: u64,
}

pub(super) fn is_matroska(head: &[u8]) -> bool {
    head.starts_with(&EBML.to_be_bytes())
}

/// An element's head.
#[derive(Clone, Copy, Debug)]
struct Element {
    id: u32,
    body: u64,
    /// `None`: it says none.
    size: Option<u64>,
}

/// The element that begins with these bytes, which lie at `offset`.
fn element(bytes: &[u8], offset: u64) -> Option<Element> {
    let id_len = bytes.first()?.leading_zeros() as usize + 1;
    if id_len > 4 {
        return None;
    }
    let id = bytes.get(..id_len)?.iter().fold(0, |id, &byte| id << 8 | u32::from(byte));
    let (size, size_len) = number(bytes.get(id_len..)?)?;
    let is_unknown = size == (1 << (7 * size_len)) - 1;
    let body = offset.checked_add((id_len + size_len) as u64)?;
    Some(Element { id, body, size: (!is_unknown).then_some(size) })
}

/// A number of variable length, and that length.
fn number(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let len = first.leading_zeros() as usize + 1;
    let all = bytes.get(..len).filter(|_| len <= 8)?;
    let value = all.iter().fold(0, |value, &byte| value << 8 | u64::from(byte));
    Some((value & !(1 << (7 * len)), len))
}

fn unsigned(bytes: &[u8]) -> Option<u64> {
    (bytes.len() <= 8).then(|| bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)))
}

/// The bytes at `offset`, as many as there are up to `limit`.
fn peek<'b>(storage: &dyn Storage, offset: u64, limit: u64, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
    let room = buffer.len().min(usize::try_from(limit.saturating_sub(offset)).unwrap_or(usize::MAX));
    let mut filled = 0;
    while filled < room {
        match storage.read(&mut buffer[filled..room], offset + filled as u64)? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(&buffer[..filled])
}

/// The elements within an element: IDs and contents. What is none ends them.
fn children(mut bytes: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    std::iter::from_fn(move || {
        let Element { id, body, size } = element(bytes, 0)?;
        let rest = bytes.get(body as usize..)?;
        let content = rest.get(..usize::try_from(size?).ok()?)?;
        bytes = rest.get(content.len()..)?;
        Some((id, content))
    })
}

fn child(bytes: &[u8], wanted: u32) -> Option<&[u8]> {
    children(bytes).find(|(id, _)| *id == wanted).map(|(_, content)| content)
}

/// Looks for a track of JPEGs.
pub(super) fn head(storage: &dyn Storage, len: u64) -> Result<Head, DetectError> {
    let none = |why: &str| DetectError::Format(format!("a Matroska file {why}"));
    let (mut offset, mut scale, mut track) = (0, 1_000_000, None);
    for _ in 0..MAX_ELEMENTS {
        let mut buffer = [0; 16];
        let Some(found) = element(peek(storage, offset, len, &mut buffer)?, offset) else { break };
        let end = found.size.and_then(|size| found.body.checked_add(size));
        match (found.id, end) {
            (SEGMENT, _) => {
                offset = found.body;
                continue;
            }
            (CLUSTER, _) => {
                let Some((number, duration)) = track else { break };
                let container = Container::Matroska(Track { number, scale, duration, start: offset });
                let rate = (duration > 0).then(|| rate(duration)).flatten();
                return Ok(Head { container, rate, is_timed: true });
            }
            (INFO | TRACKS, Some(end)) if end - found.body <= MAX_TRACKS => {
                let mut bytes = vec![0; (end - found.body) as usize];
                if !read_exact(storage, &mut bytes, found.body)? {
                    break;
                }
                if found.id == INFO {
                    scale =
                        child(&bytes, TIMESTAMP_SCALE).and_then(unsigned).filter(|&scale| scale > 0).unwrap_or(scale);
                } else {
                    track = children(&bytes).filter(|(id, _)| *id == TRACK_ENTRY).find_map(|(_, entry)| jpegs(entry));
                    let is_other = track.is_none();
                    if is_other {
                        return Err(none("without a track of motion JPEG"));
                    }
                }
            }
            _ => {}
        }
        match end.filter(|&end| end > offset) {
            Some(end) => offset = end,
            None => break,
        }
    }
    Err(none(if track.is_some() { "without pictures" } else { "without a description of its tracks" }))
}

/// The number of a track of JPEGs, and how long its pictures last.
fn jpegs(entry: &[u8]) -> Option<(u64, u64)> {
    // Some end their texts with a zero.
    let is_jpeg = match child(entry, CODEC_ID)?.split(|&byte| byte == 0).next()? {
        b"V_MJPEG" => true,
        // A BITMAPINFOHEADER says which.
        b"V_MS/VFW/FOURCC" => child(entry, CODEC_PRIVATE)?.get(16..20).is_some_and(|kind| kind == b"MJPG"),
        _ => false,
    };
    // Compressed, or with the beginnings of pictures left out.
    let is_encoded = child(entry, CONTENT_ENCODINGS).is_some();
    let number = unsigned(child(entry, TRACK_NUMBER)?)?;
    let duration = child(entry, DEFAULT_DURATION).and_then(unsigned).unwrap_or(0);
    (is_jpeg && !is_encoded).then_some((number, duration))
}

/// Frames per second of so many nanoseconds each.
pub(super) fn rate(nanos: u64) -> Option<FrameRate> {
    // Rates of NTSC and whole ones are told by numbers that are rounded to nanoseconds.
    let per_1001 = (1_001_000_000_000 + nanos / 2) / nanos;
    let whole = ((1_000_000_000 + nanos / 2) / nanos, 1_u32);
    for (numerator, denominator) in [whole, (per_1001.div_ceil(1000) * 1000, 1001)] {
        let exact = u128::from(denominator) * 1_000_000_000;
        if numerator > 0 && (exact / u128::from(numerator)).abs_diff(nanos.into()) <= 2 {
            return FrameRate::new(u32::try_from(numerator).ok()?, denominator);
        }
    }
    FrameRate::new(u32::try_from(1_000_000_000_000 / nanos).ok()?, 1000)
}

/// Goes through a file's clusters.
pub(super) struct Matroska<'a> {
    storage: &'a dyn Storage,
    len: u64,
    track: Track,
    /// Where the next element is.
    offset: u64,
    /// The time of the cluster that it is in.
    cluster: u64,
    /// No earlier picture is shown later.
    last: u64,
    /// Pictures of the last block, the last one first.
    found: Vec<Sample>,
}

impl<'a> Matroska<'a> {
    pub(super) fn new(storage: &'a dyn Storage, len: u64, track: Track, place: Place) -> Self {
        let (offset, cluster) = match place {
            Place::Block { offset, cluster } => (offset, cluster),
            _ => (track.start, 0),
        };
        Self { storage, len, track, offset, cluster, last: 0, found: Vec::new() }
    }

    /// Takes the pictures of a block that is not cut.
    fn take(&mut self, body: u64, end: u64) -> io::Result<Option<()>> {
        // As many bytes as lace sizes may have.
        let mut buffer = [0; 2048];
        let bytes = peek(self.storage, body, end, &mut buffer)?;
        Ok(self.take_block(bytes, body, end))
    }

    fn take_block(&mut self, bytes: &[u8], body: u64, end: u64) -> Option<()> {
        let (track, used) = number(bytes)?;
        let &[high, low, flags] = bytes.get(used..)?.first_chunk()?;
        if track != self.track.number {
            return Some(());
        }
        let ticks = self.cluster.saturating_add_signed(i16::from_be_bytes([high, low]).into());
        let start = used + 3;
        let (sizes, head) = lace(flags >> 1 & 3, bytes.get(start..)?, (end - body).checked_sub(start as u64)?)?;
        let mut offset = body + (start + head) as u64;
        for (index, size) in (0_u64..).zip(sizes) {
            let nanos = u128::from(ticks) * u128::from(self.track.scale) + u128::from(index * self.track.duration);
            let time = u64::try_from(nanos / 1000).unwrap_or(u64::MAX).max(self.last);
            let len = u32::try_from(size).ok().filter(|&len| len > 0)?;
            (self.last, offset) = (time, offset.checked_add(size).filter(|&behind| behind <= end)?);
            self.found.push(Sample { offset: offset - size, len, time });
        }
        self.found.reverse();
        Some(())
    }

    /// Goes on at the next cluster. `false`: there is none.
    fn search(&mut self) -> io::Result<bool> {
        let mut buffer = vec![0; SEARCH];
        let wanted = CLUSTER.to_be_bytes();
        self.offset += 1;
        loop {
            let bytes = peek(self.storage, self.offset, self.len, &mut buffer)?;
            if let Some(at) = bytes.windows(4).position(|window| window == wanted) {
                self.offset += at as u64;
                return Ok(true);
            }
            if bytes.len() < SEARCH {
                self.offset = self.len;
                return Ok(false);
            }
            self.offset += (SEARCH - 3) as u64;
        }
    }
}

/// The sizes of the frames of a block's `len` bytes, and how many bytes tell them (RFC 9559 section 10.3).
fn lace(kind: u8, bytes: &[u8], len: u64) -> Option<(Vec<u64>, usize)> {
    if kind == 0 {
        return Some((vec![len], 0));
    }
    let count = usize::from(*bytes.first()?) + 1;
    let mut used = 1;
    let mut sizes: Vec<u64> = Vec::with_capacity(count);
    match kind {
        2 => {
            let each = (len - 1) / count as u64;
            sizes.resize(count, each);
            return (each * count as u64 == len - 1).then_some((sizes, used));
        }
        1 => {
            while sizes.len() + 1 < count {
                let mut size = 0;
                loop {
                    let byte = *bytes.get(used)?;
                    used += 1;
                    size += u64::from(byte);
                    if byte < 255 {
                        break;
                    }
                }
                sizes.push(size);
            }
        }
        _ => {
            while sizes.len() + 1 < count {
                let (value, value_len) = number(bytes.get(used..)?)?;
                used += value_len;
                let size = match sizes.last() {
                    None => value,
                    // The difference, with its sign taken off.
                    Some(&before) => before.checked_add_signed(value as i64 - ((1 << (7 * value_len - 1)) - 1))?,
                };
                sizes.push(size);
            }
        }
    }
    let told = sizes.iter().try_fold(used as u64, |sum, &size| sum.checked_add(size))?;
    sizes.push(len.checked_sub(told)?);
    Some((sizes, used))
}

impl Demuxer for Matroska<'_> {
    fn next(&mut self) -> io::Result<Found> {
        for _ in 0..MAX_ELEMENTS {
            if let Some(sample) = self.found.pop() {
                return Ok(Found::Picture(sample));
            }
            if self.offset >= self.len {
                return Ok(Found::End { is_cut: false });
            }
            let at = self.offset;
            let mut buffer = [0; 16];
            let bytes = peek(self.storage, at, self.len, &mut buffer)?;
            let Some(Element { id, body, size }) = element(bytes, at) else {
                if self.len - at < 16 {
                    return Ok(Found::End { is_cut: true });
                }
                self.search()?;
                return Ok(Found::Damage(format!("there is no element at byte {at}")));
            };
            if matches!(id, CLUSTER | BLOCK_GROUP | SEGMENT) {
                self.offset = body;
                continue;
            }
            let end = size.and_then(|size| body.checked_add(size));
            let Some(end) = end.filter(|&end| end <= self.len) else {
                if end.is_some_and(|end| end - self.len < u64::from(u32::MAX)) && id != EBML {
                    // It is still being written, or has broken off.
                    return Ok(Found::End { is_cut: true });
                }
                self.search()?;
                return Ok(Found::Damage(format!("the element at byte {at} has no end")));
            };
            self.offset = end;
            match id {
                TIMESTAMP => {
                    let mut buffer = [0; 8];
                    let bytes = peek(self.storage, body, end, &mut buffer)?;
                    self.cluster = unsigned(bytes).unwrap_or(self.cluster);
                }
                SIMPLE_BLOCK | BLOCK if self.take(body, end)?.is_none() => {
                    self.found.clear();
                    return Ok(Found::Damage(format!("the block at byte {at} is damaged")));
                }
                _ => {}
            }
        }
        Ok(Found::Damage("there are many elements without pictures".to_owned()))
    }

    fn place(&self) -> Option<Place> {
        self.found.is_empty().then_some(Place::Block { offset: self.offset, cluster: self.cluster })
    }

    fn offset(&self) -> u64 {
        self.offset
    }
}
