//! QuickTime and MP4 (ISO/IEC 14496-12): samples by the tables of `moov`, or fragment by fragment. Only those boxes are read that tell
//! where pictures are and when they are shown.
//!
//! `mp4-atom`, the crate that reads boxes one by one, took 14 others with it and a third of the time that the server took to build,
//! so this is our own.

mod boxes;
mod tables;

use std::io;

use self::boxes::{Fields, Header, Kind, behind_dates, child, children, flags, is_version_1, u32_at, u64_at};
use self::tables::{Edit, Samples, Shown, Tables, edits};
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
    /// Its first pictures, or all, are told by tables.
    has_tables: bool,
    /// It has pictures in fragments, behind those of the tables.
    fragments: Option<Defaults>,
    /// Where its tables are.
    moov: (u64, u64),
}

/// What holds for all fragments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Defaults {
    timescale: u32,
    /// The beginning of the track that is shown.
    edit: Edit,
    duration: u32,
    size: u32,
}

/// Whether a file begins as these do.
pub(super) fn is_mp4(head: &[u8]) -> bool {
    let kinds = [b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp"];
    head.get(4..8).is_some_and(|kind| kinds.iter().any(|known| kind == *known))
}

/// A box of the file.
struct BoxAt {
    kind: Kind,
    body: u64,
    end: u64,
}

/// The box at `offset`. `None`: there is no whole one before `limit`.
fn box_at(storage: &dyn Storage, offset: u64, limit: u64) -> io::Result<Option<BoxAt>> {
    let mut head = [0; Header::MAX_LEN];
    let room = limit.saturating_sub(offset).min(head.len() as u64) as usize;
    let head = &mut head[..room];
    if !read_exact(storage, head, offset)? {
        return Ok(None);
    }
    let Some(Header { kind, len, content }) = Header::parse(head) else { return Ok(None) };
    let body = offset + len as u64;
    let end = content.map_or(Some(limit), |len| body.checked_add(len));
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

/// Looks for a track of JPEGs.
pub(super) fn head(storage: &dyn Storage, len: u64) -> Result<Head, DetectError> {
    let none = |why: &str| DetectError::Format(format!("a QuickTime or MP4 file {why}"));
    let mut offset = 0;
    let mut boxes = 0;
    let place = loop {
        boxes += 1;
        match box_at(storage, offset, len)? {
            Some(found) if found.kind == *b"moov" => break (found.body, found.end),
            Some(found) if found.end > offset && boxes < MAX_BOXES => offset = found.end,
            _ => return Err(none("without tables: it is still being written, or broken off")),
        }
    };
    let moov = read_body(storage, place.0, place.1)?;
    for (_, track) in children(&moov).filter(|(kind, _)| kind == b"trak") {
        let Some((id, timescale)) = video(track) else { continue };
        let movie = movie_timescale(&moov);
        let fragments = defaults(&moov, id).map(|(duration, size)| {
            let edit = edits(track, movie, timescale).swap_remove(0);
            Defaults { timescale, edit, duration, size }
        });
        if let Some(tables) = Tables::of(track, movie)
            && let Some(first) = tables.first()
        {
            let mut start = [0; 3];
            if read_exact(storage, &mut start, first)? && start == [0xff, 0xd8, 0xff] {
                let container = Container::Mp4(Track { id, has_tables: true, fragments, moov: place });
                let is_timed = fragments.is_some() || !tables.is_even();
                return Ok(Head { container, rate: tables.rate(), is_timed });
            }
        } else if fragments.is_some() && is_jpeg(track) {
            let container = Container::Mp4(Track { id, has_tables: false, fragments, moov: place });
            return Ok(Head { container, rate: None, is_timed: true });
        }
    }
    Err(none("without a track of motion JPEG"))
}

/// The number of a track of pictures, and its units of a second.
fn video(track: &[u8]) -> Option<(u32, u32)> {
    let handler = child(track, &[b"mdia", b"hdlr"])?;
    let is_video = handler.get(8..12)? == b"vide";
    let timescale = behind_dates(child(track, &[b"mdia", b"mdhd"])?)?;
    let id = behind_dates(child(track, &[b"tkhd"])?)?;
    (is_video && timescale > 0).then_some((id, timescale))
}

/// Units of a second of the film, in which its edit lists count.
fn movie_timescale(moov: &[u8]) -> u32 {
    child(moov, &[b"mvhd"]).and_then(behind_dates).filter(|&units| units > 0).unwrap_or(1000)
}

/// How long pictures last and are in fragments that say nothing.
fn defaults(moov: &[u8], id: u32) -> Option<(u32, u32)> {
    let extends = children(child(moov, &[b"mvex"])?).filter(|(kind, _)| kind == b"trex");
    let (_, of_track) = extends.into_iter().find(|(_, extends)| u32_at(extends, 4) == Some(id))?;
    Some((u32_at(of_track, 12)?, u32_at(of_track, 16)?))
}

/// Whether samples are said to be JPEGs, or MPEG-4's kind that JPEG is one of.
fn is_jpeg(track: &[u8]) -> bool {
    let entry = child(track, &[b"mdia", b"minf", b"stbl", b"stsd"]).and_then(|description| description.get(12..16));
    entry.is_some_and(|kind| [b"jpeg", b"mjpg", b"mjpa", b"mp4v", b"dmb1", b"AVDJ"].iter().any(|known| kind == *known))
}

/// Goes through a file by its tables, and then by its fragments, if it has any.
struct ByTables<'a> {
    samples: Samples,
    len: u64,
    is_behind: bool,
    fragments: Option<ByFragments<'a>>,
}

/// Goes through a file by its fragments.
struct ByFragments<'a> {
    storage: &'a dyn Storage,
    id: u32,
    defaults: Defaults,
    len: u64,
    /// Where the next box is.
    offset: u64,
    /// The time of the next picture.
    ticks: u64,
    /// No earlier picture is shown later.
    last: u64,
    /// Pictures of the last fragment, the last one first.
    found: Vec<Sample>,
}

pub(super) fn demuxer<'a>(
    storage: &'a dyn Storage,
    len: u64,
    track: Track,
    place: Place,
) -> Result<Box<dyn Demuxer + 'a>, DetectError> {
    let fragments = |offset, ticks| {
        let (id, found) = (track.id, Vec::new());
        track.fragments.map(|defaults| ByFragments { storage, id, defaults, len, offset, ticks, last: 0, found })
    };
    let from = match place {
        Place::Fragment { offset, ticks } => Some((offset, ticks)),
        _ => (!track.has_tables).then_some((0, 0)),
    };
    if let Some(fragments) = from.and_then(|(offset, ticks)| fragments(offset, ticks)) {
        return Ok(Box::new(fragments));
    }
    let moov = read_body(storage, track.moov.0, track.moov.1)?;
    let mut tracks = children(&moov).filter(|(kind, _)| kind == b"trak");
    let found = tracks.find(|(_, trak)| video(trak).is_some_and(|(id, _)| id == track.id));
    let tables = found.and_then(|(_, trak)| Tables::of(trak, movie_timescale(&moov)));
    let tables = tables.ok_or_else(|| DetectError::Format("its tables are not what they were".to_owned()))?;
    let samples = match place {
        Place::Sample { edit, number } => Samples::at(tables, len, edit, number),
        _ => Samples::new(tables, len),
    };
    let fragments = fragments(track.moov.1, samples.ticks());
    Ok(Box::new(ByTables { samples, len, is_behind: false, fragments }))
}

impl Demuxer for ByTables<'_> {
    fn next(&mut self) -> io::Result<Found> {
        if let Some(fragments) = self.fragments.as_mut().filter(|_| self.is_behind) {
            return fragments.next();
        }
        let Some(Shown { offset, size, micros }) = self.samples.next() else {
            self.is_behind = self.fragments.is_some();
            return if self.is_behind { self.next() } else { Ok(Found::End { is_cut: self.samples.is_beyond() }) };
        };
        if size == 0 || offset.checked_add(size.into()).is_none_or(|end| end > self.len) {
            return Ok(Found::Damage(format!("the picture at byte {offset} lies outside of the file")));
        }
        Ok(Found::Picture(Sample { offset, len: size, time: micros }))
    }

    fn place(&self) -> Option<Place> {
        if let Some(fragments) = self.fragments.as_ref().filter(|_| self.is_behind) {
            return fragments.place();
        }
        let (edit, number) = self.samples.place();
        Some(Place::Sample { edit, number })
    }

    fn offset(&self) -> u64 {
        match &self.fragments {
            Some(fragments) if self.is_behind => fragments.offset(),
            _ => self.samples.bytes(),
        }
    }
}

/// What a fragment says of the pictures of a track (section 8.8.7).
struct FragmentHeader {
    track: u32,
    base: Option<u64>,
    duration: Option<u32>,
    size: Option<u32>,
}

impl FragmentHeader {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let (track, flags) = (u32_at(bytes, 4)?, flags(bytes)?);
        let mut fields = Fields::new(bytes, 8)?;
        let base = fields.u64_if(flags & 1 != 0)?;
        let _description = fields.u32_if(flags & 2 != 0)?;
        let duration = fields.u32_if(flags & 8 != 0)?;
        let size = fields.u32_if(flags & 0x10 != 0)?;
        Some(Self { track, base, duration, size })
    }
}

impl ByFragments<'_> {
    /// Takes the pictures of a fragment, which begins at `start`.
    fn take(&mut self, moof: &[u8], start: u64) {
        for (_, traf) in children(moof).filter(|(kind, _)| kind == b"traf") {
            let header = child(traf, &[b"tfhd"]).and_then(FragmentHeader::parse);
            let Some(header) = header.filter(|header| header.track == self.id) else { continue };
            if let Some(time) = child(traf, &[b"tfdt"]).and_then(decode_time) {
                self.ticks = self.ticks.max(time);
            }
            let base = header.base.unwrap_or(start);
            let mut offset = base;
            for (_, run) in children(traf).filter(|(kind, _)| kind == b"trun") {
                // A run that is cut ends where it does.
                let _ = self.take_run(run, &header, base, &mut offset);
            }
        }
        self.found.reverse();
    }

    /// Takes the pictures of a run (section 8.8.8).
    fn take_run(&mut self, run: &[u8], header: &FragmentHeader, base: u64, offset: &mut u64) -> Option<()> {
        let Defaults { timescale, edit, duration, size } = self.defaults;
        let (flags, count) = (flags(run)?, u32_at(run, 4)?);
        let mut fields = Fields::new(run, 8)?;
        if let Some(at) = fields.u32_if(flags & 1 != 0)? {
            *offset = base.saturating_add_signed((at as i32).into());
        }
        let _first_flags = fields.u32_if(flags & 4 != 0)?;
        for _ in 0..count {
            let lasts = fields.u32_if(flags & 0x100 != 0)?.or(header.duration).unwrap_or(duration);
            let size = fields.u32_if(flags & 0x200 != 0)?.or(header.size).unwrap_or(size);
            let _flags = fields.u32_if(flags & 0x400 != 0)?;
            let shift = fields.u32_if(flags & 0x800 != 0)?.unwrap_or(0);
            let end = offset.saturating_add(size.into());
            if size == 0 || end > self.len || self.found.len() >= MAX_IN_FRAGMENT {
                break;
            }
            let from = self.ticks.saturating_add_signed((shift as i32).into());
            // What ends before the track is shown is left out.
            if from >= edit.from || from.saturating_add(lasts.into()) > edit.from {
                self.last = edit.micros(from, timescale).max(self.last);
                self.found.push(Sample { offset: *offset, len: size, time: self.last });
            }
            self.ticks = self.ticks.saturating_add(lasts.into());
            *offset = end;
        }
        Some(())
    }
}

/// When a fragment begins (section 8.8.12).
fn decode_time(bytes: &[u8]) -> Option<u64> {
    if is_version_1(bytes)? { u64_at(bytes, 4) } else { u32_at(bytes, 4).map(u64::from) }
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
            if found.kind == *b"moof" {
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
