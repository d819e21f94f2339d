//! The samples of a track by the tables of `stbl`, in the parts and at the times that an edit list tells.

use mutoscope::media::FrameRate;

use super::boxes::{behind_dates, child, entries, is_version_1, u32_at, u64_at, words};

/// An edit list that goes back more often repeats itself for no one's sake.
const MAX_REWINDS: usize = 16;

/// Where the samples of a track are, and when they are shown.
pub(super) struct Tables {
    sizes: Sizes,
    chunks: Vec<u64>,
    per_chunk: Vec<[u32; 3]>,
    /// How many samples last how long.
    durations: Vec<[u32; 2]>,
    /// How many samples are shown so long after the sum of durations.
    shifts: Vec<[u32; 2]>,
    /// Units of a second of the track.
    pub(super) timescale: u32,
    edits: Vec<Edit>,
}

enum Sizes {
    Same { size: u32, count: u32 },
    Each(Vec<u32>),
}

/// A part of the track, in its units, and when it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) from: u64,
    pub(super) until: u64,
    /// In microseconds of the film.
    at: u64,
    /// How fast it is shown, in parts of 65536. 0: one picture stands.
    speed: u32,
}

impl Edit {
    const NORMAL: u32 = 1 << 16;
    const ALL: Self = Self { from: 0, until: u64::MAX, at: 0, speed: Self::NORMAL };

    /// When it shows the sample of `ticks`.
    pub(super) fn micros(&self, ticks: u64, timescale: u32) -> u64 {
        let within = u128::from(ticks.saturating_sub(self.from)) * u128::from(Self::NORMAL);
        self.at.saturating_add(micros(within / u128::from(self.speed.max(1)), timescale))
    }
}

/// The parts that are shown: all of a track without an edit list. `movie`: units of a second of the film.
pub(super) fn edits(track: &[u8], movie: u32, timescale: u32) -> Vec<Edit> {
    let list = child(track, &[b"edts", b"elst"]).and_then(|list| {
        let entry = |duration: u64, from: Option<u64>, speed: u32| (duration, from, speed);
        Some(if is_version_1(list)? {
            let read = |it: &[u8; 20]| {
                let from = u64_at(it, 8).filter(|&from| from <= i64::MAX as u64);
                entry(u64_at(it, 0).unwrap_or(0), from, u32_at(it, 16).unwrap_or(0))
            };
            entries(list, 4)?.iter().map(read).collect::<Vec<_>>()
        } else {
            let read = |it: &[u8; 12]| {
                let [duration, from, speed] = words(it);
                entry(duration.into(), Some(from.into()).filter(|&from| from <= i32::MAX as u64), speed)
            };
            entries(list, 4)?.iter().map(read).collect()
        })
    });
    let (mut edits, mut at, mut end, mut rewinds) = (Vec::new(), 0_u64, 0, 0);
    let list = list.unwrap_or_default();
    let count = list.len();
    for (number, (duration, from, speed)) in list.into_iter().enumerate() {
        let lasts = micros(duration.into(), movie);
        let edit = from.map(|from| {
            // Nothing goes backwards.
            let speed = if speed > i32::MAX as u32 { Edit::NORMAL } else { speed };
            let ticks =
                u128::from(duration) * u128::from(timescale) * u128::from(speed) / (u128::from(movie.max(1)) << 16);
            let ticks = u64::try_from(ticks).unwrap_or(u64::MAX).max(1);
            // The last one of no length goes to the end, as in files that were written while their length was unknown.
            let is_open = duration == 0 && number + 1 == count;
            let until = if is_open { u64::MAX } else { from.saturating_add(ticks) };
            Edit { from, until, at, speed }
        });
        if let Some(edit) = edit.filter(|edit| duration > 0 || edit.until == u64::MAX) {
            rewinds += usize::from(edit.from < end);
            if rewinds > MAX_REWINDS {
                break;
            }
            end = edit.until;
            edits.push(edit);
        }
        at = at.saturating_add(lasts);
    }
    if edits.is_empty() { vec![Edit::ALL] } else { edits }
}

pub(super) fn micros(ticks: u128, timescale: u32) -> u64 {
    u64::try_from(ticks.saturating_mul(1_000_000) / u128::from(timescale.max(1))).unwrap_or(u64::MAX)
}

impl Tables {
    /// Of a track of a film that has `movie` units in a second.
    pub(super) fn of(track: &[u8], movie: u32) -> Option<Self> {
        let tables = child(track, &[b"mdia", b"minf", b"stbl"])?;
        let sizes = child(tables, &[b"stsz"])?;
        let sizes = match u32_at(sizes, 4)? {
            0 => Sizes::Each(entries(sizes, 8)?.iter().map(|size| u32::from_be_bytes(*size)).collect()),
            size => Sizes::Same { size, count: u32_at(sizes, 8)? },
        };
        let short = child(tables, &[b"stco"]).and_then(|it| entries(it, 4));
        let chunks = match short {
            Some(short) => short.iter().map(|offset| u32::from_be_bytes(*offset).into()).collect(),
            None => entries(child(tables, &[b"co64"])?, 4)?.iter().map(|offset| u64::from_be_bytes(*offset)).collect(),
        };
        let per_chunk = entries::<12>(child(tables, &[b"stsc"])?, 4)?.iter().map(words).collect();
        let pairs = |table| entries::<8>(table, 4).map(|pairs| pairs.iter().map(words).collect::<Vec<_>>());
        let durations = pairs(child(tables, &[b"stts"])?)?;
        let shifts = child(tables, &[b"ctts"]).and_then(pairs).unwrap_or_default();
        let timescale = behind_dates(child(track, &[b"mdia", b"mdhd"])?)?;
        let mut tables = Self { sizes, chunks, per_chunk, durations, shifts, timescale, edits: Vec::new() };
        let all = tables.ticks();
        let mut edits = edits(track, movie, timescale);
        let unit = u64::from(timescale / movie.max(1)) + 1;
        for edit in &mut edits {
            // Lengths are rounded to units of the film: what ends less than that before the end is not cut.
            if edit.speed > 0 && edit.until.saturating_add(unit) >= all {
                edit.until = u64::MAX;
            }
        }
        tables.edits = edits;
        Some(tables)
    }

    fn size(&self, number: u32) -> Option<u32> {
        match &self.sizes {
            Sizes::Same { size, count } => (number < *count).then_some(*size),
            Sizes::Each(sizes) => sizes.get(number as usize).copied(),
        }
    }

    /// How long all samples last.
    fn ticks(&self) -> u64 {
        let of = |[count, each]: &[u32; 2]| u64::from(*count) * u64::from(*each);
        self.durations.iter().map(of).fold(0, u64::saturating_add)
    }

    /// Where the first sample is.
    pub(super) fn first(&self) -> Option<u64> {
        Cursor::default().next(self).map(|first| first.offset)
    }

    /// Whether all samples that are shown are shown equally long. The last one's duration is often another one.
    pub(super) fn is_even(&self) -> bool {
        let mut durations = self.durations.iter().filter(|[count, _]| *count > 0);
        let Some(&[_, each]) = durations.next() else { return true };
        let other = durations.by_ref().find(|[_, other]| *other != each);
        let is_same = each > 0 && other.is_none_or(|[count, _]| *count == 1 && durations.next().is_none());
        let is_shifted_evenly = self.shifts.iter().all(|[_, shift]| *shift == self.shifts[0][1]);
        let is_whole = |edit: &Edit| {
            let start = edit.from.saturating_sub(self.shifts.first().map_or(0, |[_, shift]| u64::from(*shift)));
            edit.speed == Edit::NORMAL && start.is_multiple_of(each.into())
        };
        is_same && is_shifted_evenly && self.edits.len() == 1 && self.edits.iter().all(is_whole)
    }

    /// The average, or the rate of all.
    pub(super) fn rate(&self) -> Option<FrameRate> {
        let &[_, first] = self.durations.iter().find(|[count, _]| *count > 0)?;
        if self.is_even() {
            let divisor = gcd(self.timescale, first);
            return FrameRate::new(self.timescale / divisor, first / divisor);
        }
        let all = |of: fn(&[u32; 2]) -> u64| self.durations.iter().map(of).fold(0, u64::saturating_add);
        let count = all(|[count, _]| u64::from(*count));
        let thousandths = u128::from(count) * u128::from(self.timescale) * 1000 / u128::from(self.ticks().max(1));
        FrameRate::new(u32::try_from(thousandths).ok()?, 1000)
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}

/// A place in a table of counts: the entry, and how many of its samples have passed.
#[derive(Clone, Copy, Default)]
struct Run {
    entry: usize,
    passed: u32,
}

impl Run {
    /// What the table says of the next sample.
    fn next(&mut self, table: &[[u32; 2]]) -> Option<u32> {
        loop {
            let &[count, value] = table.get(self.entry)?;
            if self.passed < count {
                self.passed += 1;
                return Some(value);
            }
            *self = Self { entry: self.entry + 1, passed: 0 };
        }
    }
}

/// A place before a sample.
#[derive(Clone, Copy, Default)]
struct Cursor {
    number: u32,
    chunk: usize,
    in_chunk: u32,
    /// Bytes of the chunk before this sample.
    passed: u64,
    /// The entry of `per_chunk` that holds for this chunk.
    entry: usize,
    duration: Run,
    shift: Run,
    ticks: u64,
    /// Bytes of all samples before this one.
    bytes: u64,
}

/// A sample of the tables, in units of the track.
struct Entry {
    offset: u64,
    size: u32,
    from: u64,
    until: u64,
}

impl Cursor {
    fn next(&mut self, tables: &Tables) -> Option<Entry> {
        let size = tables.size(self.number)?;
        // Each round passes a chunk, and there are only so many.
        loop {
            let next = tables.per_chunk.get(self.entry + 1);
            if next.is_some_and(|[first, ..]| self.chunk as u64 + 1 >= u64::from(*first)) {
                self.entry += 1;
                continue;
            }
            let &[_, count, _] = tables.per_chunk.get(self.entry)?;
            if self.in_chunk < count {
                break;
            }
            (self.chunk, self.in_chunk, self.passed) = (self.chunk + 1, 0, 0);
            tables.chunks.get(self.chunk)?;
        }
        let offset = tables.chunks.get(self.chunk)?.checked_add(self.passed)?;
        let lasts = self.duration.next(&tables.durations).unwrap_or(0);
        let shift = self.shift.next(&tables.shifts).unwrap_or(0);
        let from = self.ticks.saturating_add_signed((shift as i32).into());
        self.number = self.number.checked_add(1)?;
        self.in_chunk += 1;
        self.passed += u64::from(size);
        self.bytes = self.bytes.saturating_add(size.into());
        self.ticks = self.ticks.saturating_add(lasts.into());
        Some(Entry { offset, size, from, until: from.saturating_add(lasts.into()) })
    }
}

/// A sample that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) offset: u64,
    pub(super) size: u32,
    /// When, in microseconds.
    pub(super) micros: u64,
}

/// Goes through the samples that are shown.
pub(super) struct Samples {
    tables: Tables,
    /// The number of bytes that there can be.
    len: u64,
    edit: usize,
    cursor: Cursor,
    /// Before the last sample that was not skipped: the next edit may show it again.
    before: Cursor,
    last: u64,
}

impl Samples {
    /// Of a file of `len` bytes.
    pub(super) fn new(tables: Tables, len: u64) -> Self {
        Self { tables, len, edit: 0, cursor: Cursor::default(), before: Cursor::default(), last: 0 }
    }

    /// Goes on at a place that [`place`](Self::place) told.
    pub(super) fn at(tables: Tables, len: u64, edit: u32, number: u32) -> Self {
        let mut samples = Self::new(tables, len);
        samples.edit = edit as usize;
        while samples.cursor.number < number {
            samples.before = samples.cursor;
            if samples.is_beyond() || samples.cursor.next(&samples.tables).is_none() {
                break;
            }
        }
        samples
    }

    /// An edit, and the number of the next sample.
    pub(super) fn place(&self) -> (u32, u32) {
        (u32::try_from(self.edit).unwrap_or(u32::MAX), self.cursor.number)
    }

    /// How long all samples last, in units of the track.
    pub(super) fn ticks(&self) -> u64 {
        self.tables.ticks()
    }

    /// Bytes of the samples before this place.
    pub(super) fn bytes(&self) -> u64 {
        self.cursor.bytes
    }

    /// Whether tables name the same bytes again and again: they would have no end.
    pub(super) fn is_beyond(&self) -> bool {
        self.cursor.bytes / 2 > self.len
    }
}

impl Iterator for Samples {
    type Item = Shown;

    fn next(&mut self) -> Option<Shown> {
        let tables = &self.tables;
        loop {
            let edit = *tables.edits.get(self.edit)?;
            let before = self.cursor;
            let entry = if self.is_beyond() { None } else { self.cursor.next(tables) };
            if let Some(entry) = entry.as_ref().filter(|entry| entry.from < edit.until) {
                if entry.until <= edit.from && entry.from < edit.from {
                    self.before = self.cursor;
                    continue;
                }
                self.before = before;
                self.last = edit.micros(entry.from, tables.timescale).max(self.last);
                return Some(Shown { offset: entry.offset, size: entry.size, micros: self.last });
            }
            let next = tables.edits.get(self.edit + 1)?;
            self.edit += 1;
            self.cursor = if next.from < edit.until { Cursor::default() } else { self.before };
            self.before = self.cursor;
        }
    }
}
