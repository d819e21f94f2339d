//! QuickTime and MP4: samples by the tables of `moov`, or fragment by fragment. The boxes are decoded by `mp4-atom`, one by one, so
//! that only those are read that tell where pictures are.

use std::io;

use mp4_atom::{
    Atom, Buf, Co64, Decode, FourCC, Hdlr, Header, Mdhd, Stco, Stsc, StscEntry, Stsz, StszSamples, Stts, SttsEntry,
    Tfdt, Tfhd, Tkhd, Trex, Trun, TrunEntry,
};
use mutoscope::media::FrameRate;

use super::super::storage::Storage;
use super::{Container, Demuxer, DetectError, Found, Head, Place, Sample, read_exact};

/// Longer tables are not read: these are of some ten million pictures.
const MAX_TABLES: u64 = 64 << 20;
/// So many boxes may come before `moov`, or between two fragments with pictures before somebody looks up.
const MAX_BOXES: u32 = 10_000;

/// So many pictures of a fragment are taken at most.
const MAX_IN_FRAGMENT: usize = 1 << 16;

/// The track that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Track {
    id: u32,
    timescale: u32,
    /// Its pictures are in fragments; otherwise its tables are at this place.
    is_fragmented: bool,
    moov: (u64, u64),
    /// What a fragment means that says nothing.
    default_duration: u32,
    default_size: u32,
}

/// Whether a file begins as these do.
pub(super) fn is_mp4(head: &[u8]) -> bool {
    let kinds = [b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp"];
    head.get(4..8).is_some_and(|kind| kinds.iter().any(|known| kind == *known))
}

/// A box of the file.
struct BoxAt {
    kind: FourCC,
    body: u64,
    end: u64,
}

/// The box at `offset`. `None`: there is no whole one before `limit`.
fn box_at(storage: &dyn Storage, offset: u64, limit: u64) -> io::Result<Option<BoxAt>> {
    let room = limit.saturating_sub(offset).min(16) as usize;
    let mut head = [0; 16];
    if room < 8 || !read_exact(storage, &mut head[..room], offset)? {
        return Ok(None);
    }
    let mut rest = &head[..room];
    let Ok(Header { kind, size }) = Header::decode(&mut rest) else { return Ok(None) };
    let body = offset + (room - rest.len()) as u64;
    let end = size.map_or(Some(limit), |size| body.checked_add(size as u64));
    Ok(end.filter(|&end| end <= limit).map(|end| BoxAt { kind, body, end }))
}

fn read_body(storage: &dyn Storage, body: u64, end: u64) -> Result<Vec<u8>, DetectError> {
    let len = end.saturating_sub(body);
    if len > MAX_TABLES {
        return Err(DetectError::Format(format!("its tables have {len} bytes, which are too many")));
    }
    let mut bytes = vec![0; len as usize];
    if !read_exact(storage, &mut bytes, body)? {
        return Err(DetectError::Format("the file ends within its tables".to_owned()));
    }
    Ok(bytes)
}

/// The boxes within a box: kinds and contents. What is no box ends them.
fn children(mut bytes: &[u8]) -> impl Iterator<Item = (FourCC, &[u8])> {
    std::iter::from_fn(move || {
        let mut rest = bytes;
        let Header { kind, size } = Header::decode(&mut rest).ok().filter(|_| bytes.len() >= 8)?;
        let size = size.unwrap_or(rest.remaining());
        let body = rest.get(..size)?;
        bytes = rest.get(size..)?;
        Some((kind, body))
    })
}

fn child<'a>(bytes: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    path.iter().try_fold(bytes, |bytes, name| {
        children(bytes).find(|(kind, _)| *kind == FourCC::new(name)).map(|(_, body)| body)
    })
}

fn decode<A: Atom>(bytes: &[u8], path: &[&[u8; 4]]) -> Option<A> {
    A::decode_body(&mut child(bytes, path)?).ok()
}

/// Looks for a track of JPEGs.
pub(super) fn head(storage: &dyn Storage, len: u64) -> Result<Head, DetectError> {
    let none = |why: &str| DetectError::Format(format!("a QuickTime or MP4 file {why}"));
    let mut offset = 0;
    let mut boxes = 0;
    let (body, end) = loop {
        boxes += 1;
        match box_at(storage, offset, len)? {
            Some(found) if found.kind == FourCC::new(b"moov") => break (found.body, found.end),
            Some(found) if found.end > offset && boxes < MAX_BOXES => offset = found.end,
            _ => return Err(none("without tables: it is still being written, or broken off")),
        }
    };
    let moov = read_body(storage, body, end)?;
    for (_, trak) in children(&moov).filter(|(kind, _)| *kind == FourCC::new(b"trak")) {
        let Some(media) = child(trak, &[b"mdia"]) else { continue };
        let is_video = decode::<Hdlr>(media, &[b"hdlr"]).is_some_and(|handler| handler.handler == FourCC::new(b"vide"));
        let (Some(header), Some(media_header)) = (decode::<Tkhd>(trak, &[b"tkhd"]), decode::<Mdhd>(media, &[b"mdhd"]))
        else {
            continue;
        };
        if !is_video || media_header.timescale == 0 {
            continue;
        }
        let mut track = Track {
            id: header.track_id,
            timescale: media_header.timescale,
            is_fragmented: false,
            moov: (body, end),
            default_duration: 0,
            default_size: 0,
        };
        if let Some(tables) = Tables::of(media) {
            let first = Samples::new(&tables).next();
            if let Some(first) = first {
                let mut start = [0; 3];
                if read_exact(storage, &mut start, first.offset)? && start == [0xff, 0xd8, 0xff] {
                    let rate = tables.rate(track.timescale);
                    return Ok(Head { container: Container::Mp4(track), rate, is_timed: !tables.is_even() });
                }
                continue;
            }
        }
        let defaults = child(&moov, &[b"mvex"]).map(children).into_iter().flatten();
        let mut defaults = defaults.filter(|(kind, _)| *kind == FourCC::new(b"trex"));
        let defaults =
            defaults.find_map(|(_, mut body)| Trex::decode_body(&mut body).ok().filter(|it| it.track_id == track.id));
        if let Some(defaults) = defaults.filter(|_| is_jpeg(media)) {
            track.is_fragmented = true;
            track.default_duration = defaults.default_sample_duration;
            track.default_size = defaults.default_sample_size;
            return Ok(Head { container: Container::Mp4(track), rate: None, is_timed: true });
        }
    }
    Err(none("without a track of motion JPEG"))
}

/// Whether samples are said to be JPEGs, or MPEG-4's kind that JPEG is one of.
fn is_jpeg(media: &[u8]) -> bool {
    let entry = child(media, &[b"minf", b"stbl", b"stsd"]).and_then(|description| description.get(12..16));
    entry.is_some_and(|kind| [b"jpeg", b"mjpg", b"mjpa", b"mp4v", b"dmb1", b"AVDJ"].iter().any(|known| kind == *known))
}

/// Where the samples of a track are.
struct Tables {
    sizes: StszSamples,
    chunks: Vec<u64>,
    per_chunk: Vec<StscEntry>,
    durations: Vec<SttsEntry>,
}

impl Tables {
    fn of(media: &[u8]) -> Option<Self> {
        let tables = child(media, &[b"minf", b"stbl"])?;
        let short = decode::<Stco>(tables, &[b"stco"]).map(|short| short.entries.into_iter().map(u64::from).collect());
        Some(Self {
            sizes: decode::<Stsz>(tables, &[b"stsz"])?.samples,
            chunks: short.or_else(|| decode::<Co64>(tables, &[b"co64"]).map(|long| long.entries))?,
            per_chunk: decode::<Stsc>(tables, &[b"stsc"])?.entries,
            durations: decode::<Stts>(tables, &[b"stts"])?.entries,
        })
    }

    fn size(&self, number: u32) -> Option<u32> {
        match &self.sizes {
            StszSamples::Identical { count, size } => (number < *count).then_some(*size),
            StszSamples::Different { sizes } => sizes.get(number as usize).copied(),
        }
    }

    /// Whether all samples last equally long. The last one's duration is often another one.
    fn is_even(&self) -> bool {
        let mut durations = self.durations.iter().filter(|entry| entry.sample_count > 0);
        let Some(first) = durations.next() else { return true };
        let same = durations.by_ref().find(|entry| entry.sample_delta != first.sample_delta);
        first.sample_delta > 0 && same.is_none_or(|other| other.sample_count == 1 && durations.next().is_none())
    }

    /// The average, or the rate of all.
    fn rate(&self, timescale: u32) -> Option<FrameRate> {
        let first = self.durations.iter().find(|entry| entry.sample_count > 0)?;
        if self.is_even() {
            let divisor = gcd(timescale, first.sample_delta);
            return FrameRate::new(timescale / divisor, first.sample_delta / divisor);
        }
        let all = |of: fn(&SttsEntry) -> u64| self.durations.iter().map(of).fold(0, u64::saturating_add);
        let count = all(|entry| entry.sample_count.into());
        let ticks = all(|entry| u64::from(entry.sample_count) * u64::from(entry.sample_delta));
        let thousandths = u128::from(count) * u128::from(timescale) * 1000 / u128::from(ticks.max(1));
        FrameRate::new(u32::try_from(thousandths).ok()?, 1000)
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}

/// Counts through the samples of tables.
struct Samples<T> {
    tables: T,
    number: u32,
    chunk: usize,
    in_chunk: u32,
    /// Bytes of the chunk before this sample.
    passed: u64,
    /// The entry of `per_chunk` that holds for this chunk.
    entry: usize,
    /// The entry of `durations`, and how many samples of it have passed.
    duration: (usize, u32),
    ticks: u64,
}

/// A sample, with a time in units of the track.
struct Entry {
    offset: u64,
    size: u32,
    ticks: u64,
}

impl<T: std::borrow::Borrow<Tables>> Samples<T> {
    fn new(tables: T) -> Self {
        Self { tables, number: 0, chunk: 0, in_chunk: 0, passed: 0, entry: 0, duration: (0, 0), ticks: 0 }
    }
}

impl<T: std::borrow::Borrow<Tables>> Iterator for Samples<T> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let tables = self.tables.borrow();
        let size = tables.size(self.number)?;
        // Each round passes a chunk, and there are only so many.
        loop {
            let next = tables.per_chunk.get(self.entry + 1);
            if next.is_some_and(|next| self.chunk as u64 + 1 >= u64::from(next.first_chunk)) {
                self.entry += 1;
                continue;
            }
            if self.in_chunk < tables.per_chunk.get(self.entry)?.samples_per_chunk {
                break;
            }
            (self.chunk, self.in_chunk, self.passed) = (self.chunk + 1, 0, 0);
            tables.chunks.get(self.chunk)?;
        }
        let offset = tables.chunks.get(self.chunk)?.checked_add(self.passed)?;
        let entry = Entry { offset, size, ticks: self.ticks };
        self.number = self.number.checked_add(1)?;
        self.in_chunk += 1;
        self.passed += u64::from(size);
        while let Some(duration) = tables.durations.get(self.duration.0) {
            if self.duration.1 < duration.sample_count {
                self.duration.1 += 1;
                self.ticks = self.ticks.saturating_add(duration.sample_delta.into());
                break;
            }
            self.duration = (self.duration.0 + 1, 0);
        }
        Some(entry)
    }
}

/// Goes through a file by its tables.
pub(super) struct ByTables {
    samples: Samples<Tables>,
    timescale: u32,
    len: u64,
    passed: u64,
}

/// Goes through a file by its fragments.
pub(super) struct ByFragments<'a> {
    storage: &'a dyn Storage,
    track: Track,
    len: u64,
    /// Where the next box is.
    offset: u64,
    /// The time of the next picture.
    ticks: u64,
    /// Pictures of the last fragment, the last one first.
    found: Vec<Sample>,
}

pub(super) fn demuxer<'a>(
    storage: &'a dyn Storage,
    len: u64,
    track: Track,
    place: Place,
) -> Result<Box<dyn Demuxer + 'a>, DetectError> {
    if track.is_fragmented {
        let (offset, ticks) = match place {
            Place::Fragment { offset, ticks } => (offset, ticks),
            _ => (0, 0),
        };
        return Ok(Box::new(ByFragments { storage, track, len, offset, ticks, found: Vec::new() }));
    }
    let moov = read_body(storage, track.moov.0, track.moov.1)?;
    let tracks = children(&moov).filter(|(kind, _)| *kind == FourCC::new(b"trak"));
    let mut tracks =
        tracks.filter(|(_, trak)| decode::<Tkhd>(trak, &[b"tkhd"]).is_some_and(|it| it.track_id == track.id));
    let tables = tracks.next().and_then(|(_, trak)| Tables::of(child(trak, &[b"mdia"])?));
    let tables = tables.ok_or_else(|| DetectError::Format("its tables are not what they were".to_owned()))?;
    let mut demuxer = ByTables { samples: Samples::new(tables), timescale: track.timescale, len, passed: 0 };
    if let Place::Sample(number) = place {
        for _ in 0..number {
            demuxer.samples.next();
        }
    }
    Ok(Box::new(demuxer))
}

fn micros(ticks: u64, timescale: u32) -> u64 {
    u64::try_from(u128::from(ticks) * 1_000_000 / u128::from(timescale.max(1))).unwrap_or(u64::MAX)
}

impl Demuxer for ByTables {
    fn next(&mut self) -> io::Result<Found> {
        let Some(Entry { offset, size, ticks }) = self.samples.next() else {
            return Ok(Found::End { is_cut: false });
        };
        self.passed = self.passed.saturating_add(size.into());
        if self.passed / 2 > self.len {
            // Tables that name the same bytes again and again would have no end.
            return Ok(Found::End { is_cut: true });
        }
        if size == 0 || offset.checked_add(size.into()).is_none_or(|end| end > self.len) {
            return Ok(Found::Damage(format!("the picture at byte {offset} lies outside of the file")));
        }
        Ok(Found::Picture(Sample { offset, len: size, time: micros(ticks, self.timescale) }))
    }

    fn place(&self) -> Option<Place> {
        Some(Place::Sample(self.samples.number))
    }

    fn offset(&self) -> u64 {
        self.passed
    }
}

impl ByFragments<'_> {
    /// Takes the pictures of a fragment, which begins at `start`.
    fn take(&mut self, moof: &[u8], start: u64) {
        for (_, traf) in children(moof).filter(|(kind, _)| *kind == FourCC::new(b"traf")) {
            let Some(header) = decode::<Tfhd>(traf, &[b"tfhd"]).filter(|header| header.track_id == self.track.id)
            else {
                continue;
            };
            if let Some(time) = decode::<Tfdt>(traf, &[b"tfdt"]) {
                self.ticks = self.ticks.max(time.base_media_decode_time);
            }
            let base = header.base_data_offset.unwrap_or(start);
            let mut offset = base;
            for (_, mut run) in children(traf).filter(|(kind, _)| *kind == FourCC::new(b"trun")) {
                let Ok(run) = Trun::decode_body(&mut run) else { continue };
                if let Some(at) = run.data_offset {
                    offset = base.saturating_add_signed(at.into());
                }
                for TrunEntry { size, duration, .. } in run.samples.iter() {
                    let size = size.or(header.default_sample_size).unwrap_or(self.track.default_size);
                    let lasts = duration.or(header.default_sample_duration).unwrap_or(self.track.default_duration);
                    let end = offset.saturating_add(size.into());
                    if size == 0 || end > self.len || self.found.len() >= MAX_IN_FRAGMENT {
                        break;
                    }
                    self.found.push(Sample { offset, len: size, time: micros(self.ticks, self.track.timescale) });
                    self.ticks = self.ticks.saturating_add(lasts.into());
                    offset = end;
                }
            }
        }
        self.found.reverse();
    }
}

impl Demuxer for ByFragments<'_> {
    fn next(&mut self) -> io::Result<Found> {
        for _ in 0..MAX_BOXES {
            if let Some(sample) = self.found.pop() {
                return Ok(Found::Picture(sample));
            }
            let Some(found) = box_at(self.storage, self.offset, self.len)? else {
                return Ok(Found::End { is_cut: self.offset < self.len });
            };
            let start = std::mem::replace(&mut self.offset, found.end);
            if found.kind == FourCC::new(b"moof") {
                match read_body(self.storage, found.body, found.end) {
                    Ok(moof) => self.take(&moof, start),
                    Err(DetectError::Io(error)) => return Err(error),
                    Err(DetectError::Format(reason)) => return Ok(Found::Damage(reason)),
                }
            }
        }
        Ok(Found::Damage("there are many boxes without pictures".to_owned()))
    }

    fn place(&self) -> Option<Place> {
        self.found.is_empty().then_some(Place::Fragment { offset: self.offset, ticks: self.ticks })
    }

    fn offset(&self) -> u64 {
        self.offset
    }
}
