//! One file of a recording.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::disk::{Disk, Output};
use super::matroska::{self, Ending, Film};
use super::names::{self, Begin};
use crate::media::live::Taken;

/// Times in the index are this far apart, at least.
const INDEX_INTERVAL: u64 = 1_000_000;
/// Pictures of another size go into another segment once this one is as long as that. Who sends such pictures in turns would make
/// a file of each otherwise.
const SHORTEST: Duration = Duration::from_secs(10);
/// So many segments may begin within one second.
const MAX_WITHIN_SECOND: u32 = 1000;

/// A segment that is being written.
pub(super) struct Segment {
    path: PathBuf,
    begin: Begin,
    output: Box<dyn Output>,
    film: Film,
    /// When its first picture was taken.
    start: Instant,
    /// The time of its last picture, in microseconds.
    last: u64,
    /// So many bytes are whole.
    len: u64,
    index: Vec<(u64, u64)>,
}

impl Segment {
    /// Makes the file of a segment whose first picture this is. The picture is not in it yet.
    pub(super) fn create(disk: &mut dyn Disk, folder: &Path, first: &Taken) -> io::Result<Self> {
        let taken = SystemTime::now().checked_sub(first.captured().elapsed()).unwrap_or(SystemTime::UNIX_EPOCH);
        let seconds = taken.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut begin = (seconds, 0);
        let (path, mut output) = loop {
            let path = folder.join(names::name(begin));
            match disk.create(&path) {
                Ok(output) => break (path, output),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && begin.1 < MAX_WITHIN_SECOND => {
                    begin.1 += 1
                }
                Err(error) => return Err(error),
            }
        };
        let (width, height) = first.size();
        let film = Film { begin: taken, width, height };
        let head = matroska::head(film, None);
        if let Err(error) = output.append(&head) {
            // There is nothing in it.
            let _ = std::fs::remove_file(&path);
            return Err(error);
        }
        let (start, len) = (first.captured(), head.len() as u64);
        Ok(Self { path, begin, output, film, start, last: 0, len, index: Vec::new() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn begin(&self) -> Begin {
        self.begin
    }

    /// Whether this picture goes into another one: this one is as long as it is to be, or began with pictures of another size a while
    /// ago.
    pub(super) fn is_over_for(&self, picture: &Taken, longest: Duration) -> bool {
        let is_same_size = picture.size() == (self.film.width, self.film.height);
        self.is_over_at(picture.captured(), if is_same_size { longest } else { longest.min(SHORTEST) })
    }

    pub(super) fn is_over_at(&self, time: Instant, longest: Duration) -> bool {
        time.saturating_duration_since(self.start) >= longest
    }

    /// When it is as long as it is to be.
    pub(super) fn end_at(&self, longest: Duration) -> Instant {
        self.start + longest
    }

    /// Writes a picture. Where that fails, what was written of it is to be cut off ([`abandon`](Self::abandon)).
    pub(super) fn write(&mut self, picture: &Taken) -> io::Result<()> {
        let since = picture.captured().saturating_duration_since(self.start).as_micros();
        let time = u64::try_from(since).unwrap_or(u64::MAX).max(self.last);
        let jpeg = picture.jpeg();
        let before = matroska::before_picture(time, jpeg.len());
        self.output.append(&before)?;
        self.output.append(jpeg)?;
        if self.index.last().is_none_or(|(last, _)| time - last >= INDEX_INTERVAL) {
            self.index.push((time, self.len));
        }
        self.last = time;
        self.len += (before.len() + jpeg.len()) as u64;
        Ok(())
    }

    /// Adds what players like to have, and waits until all of it is on the device.
    pub(super) fn finish(mut self, disk: &mut dyn Disk) -> io::Result<()> {
        let finished = self.add_index();
        if finished.is_err() {
            // It plays without.
            let _ = self.output.truncate(self.len);
        }
        let synced = self.output.sync();
        let folder = self.path.parent().map_or(Ok(()), |folder| disk.sync_folder(folder));
        finished.and(synced).and(folder)
    }

    fn add_index(&mut self) -> io::Result<()> {
        let index = matroska::index(&self.index);
        self.output.append(&index)?;
        let ending = Ending { length: self.last, index: self.len, end: self.len + index.len() as u64 };
        self.output.replace_start(&matroska::head(self.film, Some(ending)))
    }

    /// Closes it as it is, with what is whole in it.
    pub(super) fn abandon(mut self) {
        let cut = self.output.truncate(self.len);
        if self.index.is_empty() {
            let _ = std::fs::remove_file(&self.path);
        } else if let Err(error) = cut.and_then(|()| self.output.sync()) {
            log::debug!("{}: {error}", self.path.display());
        }
    }
}
