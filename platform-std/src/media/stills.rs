//! A folder of JPEG files as one film: each file is a picture.
//!
//! For the index the files lie one after another, each in a stretch of its own of 4 GB, so that a folder is read as a file is.

use std::fs::{self, File, Metadata};
use std::io::{self, BufReader};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use exif::{DateTime, In, Tag, Value};
use mutoscope::media::FrameRate;

use super::storage::{Status, Storage, Whole};
use crate::calendar::days;

/// Names of pictures, in any case.
const EXTENSIONS: [&str; 3] = ["jpg", "jpeg", "jpe"];
/// A file of which the end is missing is taken for whole when it has not been written to for so long.
const SETTLED: Duration = Duration::from_secs(2);
/// A longer pause between two pictures, in microseconds, is left out: nobody waits through the nights of a garden.
const LONGEST_PAUSE: u64 = 3600 * 1_000_000;
/// Bytes of a file's stretch.
const STRETCH: u32 = 32;

/// In which order the pictures of a folder are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// That of their names; numbers in them count as numbers.
    #[default]
    Name,
    /// That of the times at which they were taken, as EXIF tells. Files that tell none have the time at which they were written.
    Exif,
    /// That of the times at which they were written.
    Modified,
}

/// How the pictures of a folder become a film.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrangement {
    /// Which picture comes first.
    pub order: Order,
    /// Pictures are shown at the distances of the times that `order` goes by, instead of one in each interval of the rate: no closer
    /// than such an interval, and without pauses of more than an hour. Names have no times.
    pub is_timed: bool,
    /// Pictures per second. `None`: as other files of the library that do not say theirs.
    pub rate: Option<FrameRate>,
}

impl Arrangement {
    /// Whether pictures have times of their own.
    pub(super) fn has_times(&self) -> bool {
        self.is_timed && self.order != Order::Name
    }
}

/// The pictures of a folder, as one file.
#[derive(Debug)]
pub(super) struct Stills {
    folder: PathBuf,
    /// What must not be left by links.
    root: PathBuf,
    order: Order,
    shown: Mutex<Shown>,
}

#[derive(Debug)]
struct Still {
    name: Box<str>,
    /// What it is sorted by, in microseconds; when it is shown, once it has its place.
    time: u64,
}

/// The pictures in their order.
#[derive(Debug)]
struct Shown {
    stills: Vec<Still>,
    timeline: Timeline,
}

impl Shown {
    /// Puts pictures behind those that are there.
    fn extend(&mut self, mut new: Vec<Still>) {
        new.sort_by(|a, b| a.time.cmp(&b.time).then_with(|| alphanumeric_sort::compare_str(&a.name, &b.name)));
        for still in new {
            let time = self.timeline.next(still.time);
            self.stills.push(Still { time, ..still });
        }
    }
}

/// Makes of the times of pictures those at which they are shown. All in microseconds.
#[derive(Debug, Default)]
struct Timeline {
    /// Two pictures are no closer.
    interval: u64,
    /// The last picture's own time, and when it is shown.
    last: Option<(u64, u64)>,
    /// What lies between the two where nothing is spread or left out.
    origin: u64,
}

impl Timeline {
    fn next(&mut self, own: u64) -> u64 {
        let Some((before, shown)) = self.last else {
            (self.last, self.origin) = (Some((own, 0)), own);
            return 0;
        };
        // One that comes later is shown later.
        let own = own.max(before);
        let pause = own - before;
        let next = shown.saturating_add(self.interval);
        if pause > LONGEST_PAUSE {
            self.origin = own.saturating_sub(next);
        }
        let time = next.max(own.saturating_sub(self.origin));
        self.last = Some((own, time));
        time
    }
}

impl Stills {
    /// Lists a folder.
    pub(super) fn open(folder: &Path, arrangement: Arrangement) -> io::Result<Self> {
        let (folder, root) = (folder.to_owned(), folder.canonicalize()?);
        let interval = arrangement.rate.map_or(0, |rate| rate.micros(1));
        let shown = Shown { stills: Vec::new(), timeline: Timeline { interval, ..Timeline::default() } };
        let stills = Self { folder, root, order: arrangement.order, shown: Mutex::new(shown) };
        let found = stills.list(|_| true)?;
        stills.lock().extend(found);
        Ok(stills)
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pictures of the folder whose names are wanted.
    fn list(&self, is_wanted: impl Fn(&str) -> bool) -> io::Result<Vec<Still>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| is_still(name) && is_wanted(name)) else { continue };
            let path = entry.path();
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            // A link must not show what lies outside of the folder.
            let is_ours = || path.canonicalize().is_ok_and(|target| target.starts_with(&self.root) && target.is_file());
            if is_file || is_ours() {
                found.push(Still { name: name.into(), time: self.time(&path) });
            }
        }
        Ok(found)
    }

    fn time(&self, path: &Path) -> u64 {
        match self.order {
            Order::Name => 0,
            Order::Exif => taken(path).unwrap_or_else(|| modified(path)),
            Order::Modified => modified(path),
        }
    }

    /// Looks for pictures that have come, and puts them behind those that were there.
    fn look(&self) -> io::Result<()> {
        let known: std::collections::HashSet<Box<str>> =
            self.lock().stills.iter().map(|still| still.name.clone()).collect();
        let mut new = self.list(|name| !known.contains(name))?;
        new.retain(|still| is_whole(&self.folder.join(&*still.name)));
        self.lock().extend(new);
        Ok(())
    }

    fn path(&self, number: u64) -> Option<PathBuf> {
        let shown = self.lock();
        let still = shown.stills.get(usize::try_from(number).ok()?)?;
        Some(self.folder.join(&*still.name))
    }
}

impl Storage for Stills {
    /// Opening a file may wait for a disk.
    fn read_now(&self, _: &mut [u8], _: u64) -> Option<usize> {
        None
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let (number, offset) = (offset >> STRETCH, offset & ((1 << STRETCH) - 1));
        let path = self.path(number).ok_or(io::ErrorKind::NotFound)?;
        File::open(path)?.read_at(buffer, offset)
    }

    fn status(&self) -> io::Result<Status> {
        self.look()?;
        let Status { identity, .. } = Status::of(&self.folder.metadata()?);
        Ok(Status { identity, len: (self.lock().stills.len() as u64) << STRETCH, modified: 0 })
    }

    fn whole(&self, number: u64) -> io::Result<Option<Whole>> {
        let Some(path) = self.path(number) else { return Ok(None) };
        let time = self.lock().stills.get(number as usize).map_or(0, |still| still.time);
        let len = path.metadata().map_or(0, |metadata| metadata.len());
        Ok(Some(Whole { offset: number << STRETCH, len, time }))
    }
}

fn is_still(name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    !name.starts_with('.') && EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// Whether a file that has just come is written to its end.
fn is_whole(path: &Path) -> bool {
    let ends = |file: &File, metadata: &Metadata| {
        let mut end = [0; 2];
        let len = metadata.len();
        len > 4 && file.read_exact_at(&mut end, len - 2).is_ok() && end == [0xff, 0xd9]
    };
    let Ok(file) = File::open(path) else { return false };
    let Ok(metadata) = file.metadata() else { return false };
    let age = metadata.modified().ok().and_then(|modified| SystemTime::now().duration_since(modified).ok());
    ends(&file, &metadata) || age.is_some_and(|age| age >= SETTLED)
}

fn modified(path: &Path) -> u64 {
    let modified = path.metadata().and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    let since = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(0)
}

/// When a picture was taken, in microseconds since 1970 by the camera's own clock.
fn taken(path: &Path) -> Option<u64> {
    let exif = exif::Reader::new().read_from_container(&mut BufReader::new(File::open(path).ok()?)).ok()?;
    let text = |tag| match &exif.get_field(tag, In::PRIMARY)?.value {
        Value::Ascii(texts) => texts.first().cloned(),
        _ => None,
    };
    let mut time = DateTime::from_ascii(&text(Tag::DateTimeOriginal).or_else(|| text(Tag::DateTime))?).ok()?;
    if let Some(part) = text(Tag::SubSecTimeOriginal) {
        // A part that cannot be read is none.
        let _ = time.parse_subsec(&part);
    }
    let days = days(time.year.into(), time.month.into(), time.day.into());
    let seconds = ((days * 24 + u64::from(time.hour)) * 60 + u64::from(time.minute)) * 60 + u64::from(time.second);
    Some(seconds * 1_000_000 + u64::from(time.nanosecond.unwrap_or(0) / 1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_kept_but_for_pictures_that_are_too_close_and_pauses_that_are_too_long() {
        let mut timeline = Timeline { interval: 40_000, ..Timeline::default() };
        let hour = LONGEST_PAUSE;
        for (own, shown) in [
            (7_000_000, 0),
            // A burst, which the pictures after it catch up with.
            (7_000_000, 40_000),
            (7_000_001, 80_000),
            (7_100_000, 120_000),
            (7_200_000, 200_000),
            (8_000_000, 1_000_000),
            // A pause that is just not too long, and one that is.
            (8_000_000 + hour, 1_000_000 + hour),
            (8_000_001 + 2 * hour, 1_040_000 + hour),
            (9_000_001 + 2 * hour, 2_040_000 + hour),
            // One that comes late is behind the others.
            (5, 2_080_000 + hour),
            (u64::MAX, 2_120_000 + hour),
            (u64::MAX, 2_160_000 + hour),
        ] {
            assert_eq!(timeline.next(own), shown, "{own}");
        }
    }

    #[test]
    fn pictures_are_told_by_their_names() {
        for (name, expected) in
            [("a.jpg", true), ("B.JPEG", true), (".a.jpg", false), ("jpg", false), ("a.jpg.part", false)]
        {
            assert_eq!(is_still(name), expected, "{name}");
        }
    }
}
