//! What happens next to the recording of one stream. Time is told, so tests need not wait.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::disk::Disk;
use super::options::Options;
use super::retention;
use super::segment::Segment;
use super::status::Status;
use crate::media::live::Taken;

/// What has failed is tried again no sooner.
const RETRY: Duration = Duration::from_secs(30);
/// The folder is looked through for what is too old this often, beside when a segment begins.
const CLEANING: Duration = Duration::from_secs(60);

/// That the disk is slow is said this often, at most.
const COMPLAINTS: Duration = Duration::from_secs(300);

/// The recording of one stream.
pub(super) struct Stream {
    name: String,
    options: Options,
    status: Arc<Status>,
    state: State,
    /// Pictures that are not recorded since that was said.
    lost: u64,
    /// Those for which the disk was too slow, since that was said, and when it was.
    late: u64,
    complained: Option<Instant>,
    cleaned: Option<Instant>,
    /// It was said that the folder cannot be cleaned.
    has_complained: bool,
}

enum State {
    Idle,
    Writing(Segment),
    /// The disk took no more.
    Stopped(Instant),
}

impl Stream {
    pub(super) fn new(name: String, options: Options) -> Self {
        Self {
            name,
            options,
            status: Arc::default(),
            state: State::Idle,
            lost: 0,
            late: 0,
            complained: None,
            cleaned: None,
            has_complained: false,
        }
    }

    /// Tells others by this what becomes of it.
    pub(super) fn telling(self, status: Arc<Status>) -> Self {
        Self { status, ..self }
    }

    /// Records a picture. `true`: it was handed to the system.
    pub(super) fn write(&mut self, disk: &mut dyn Disk, picture: &Taken, now: Instant) -> bool {
        if let State::Stopped(until) = self.state
            && now < until
        {
            self.lost += 1;
            self.status.note_dropped();
            return false;
        }
        match self.try_write(disk, picture, now) {
            Ok(()) => {
                self.status.note_written(picture.jpeg().len());
                true
            }
            Err(error) => {
                self.stop(&error, now);
                false
            }
        }
    }

    fn try_write(&mut self, disk: &mut dyn Disk, picture: &Taken, now: Instant) -> io::Result<()> {
        if matches!(&self.state, State::Writing(segment) if segment.is_over_for(picture, self.options.segment)) {
            self.finish_segment(disk);
        }
        let was_stopped = matches!(self.state, State::Stopped(_));
        if !matches!(self.state, State::Writing(_)) {
            self.clean(now);
            let segment = Segment::create(disk, &self.options.folder, picture)?;
            log::debug!("{}: {} begins", self.name, segment.path().display());
            self.state = State::Writing(segment);
        }
        let State::Writing(segment) = &mut self.state else { return Ok(()) };
        if let Err(error) = segment.write(picture) {
            if let State::Writing(segment) = std::mem::replace(&mut self.state, State::Idle) {
                segment.abandon();
            }
            // That it is stopped was said before.
            if was_stopped {
                self.state = State::Stopped(now);
            }
            return Err(error);
        }
        if was_stopped {
            self.status.resume();
            log::warn!("{}: it is recorded again; {} pictures were not", self.name, std::mem::take(&mut self.lost));
        }
        Ok(())
    }

    fn stop(&mut self, error: &io::Error, now: Instant) {
        if matches!(self.state, State::Stopped(_)) {
            log::debug!("{}: it still cannot be recorded: {error}", self.name);
        } else {
            let folder = self.options.folder.display();
            let seconds = RETRY.as_secs();
            log::error!(
                "{}: it is not recorded any more, {folder} takes no pictures: {error}. The stream goes on; it is tried again every {seconds} s",
                self.name
            );
        }
        self.lost += 1;
        self.status.note_dropped();
        self.status.stop(error);
        self.state = State::Stopped(now + RETRY);
    }

    /// Pictures came faster than the disk takes them.
    pub(super) fn note_lost(&mut self, number: u64, now: Instant) {
        self.late += number;
        if self.complained.is_none_or(|last| now.saturating_duration_since(last) >= COMPLAINTS) {
            self.complained = Some(now);
            let late = std::mem::take(&mut self.late);
            log::warn!("{}: the disk is too slow, {late} pictures are not recorded", self.name);
        }
    }

    /// Ends a segment that is as long as it is to be, though no picture comes; removes what is too old.
    pub(super) fn tick(&mut self, disk: &mut dyn Disk, now: Instant) {
        if matches!(&self.state, State::Writing(segment) if segment.is_over_at(now, self.options.segment)) {
            self.finish_segment(disk);
        }
        if self.cleaned.is_none_or(|cleaned| now.saturating_duration_since(cleaned) >= CLEANING) {
            self.clean(now);
        }
    }

    /// When [`tick`](Self::tick) has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let end = match &self.state {
            State::Writing(segment) => Some(segment.end_at(self.options.segment)),
            State::Idle | State::Stopped(_) => None,
        };
        let cleaning = self.options.keep.and(self.cleaned).map(|cleaned| cleaned + CLEANING);
        [end, cleaning].into_iter().flatten().min()
    }

    /// Ends the segment that is being written.
    pub(super) fn finish_segment(&mut self, disk: &mut dyn Disk) {
        if let State::Writing(segment) = std::mem::replace(&mut self.state, State::Idle) {
            let path = segment.path().display().to_string();
            if let Err(error) = segment.finish(disk) {
                log::warn!("{}: {path} may not be whole on the device: {error}", self.name);
            }
        }
    }

    fn clean(&mut self, now: Instant) {
        let Some(keep) = self.options.keep else { return };
        self.cleaned = Some(now);
        let written = match &self.state {
            State::Writing(segment) => Some(segment.begin()),
            State::Idle | State::Stopped(_) => None,
        };
        let Options { folder, segment, .. } = &self.options;
        let cleaned = retention::clean(folder, keep, *segment, written, SystemTime::now());
        if let Err(error) = &cleaned
            && !std::mem::replace(&mut self.has_complained, true)
        {
            log::warn!("{}: old recordings in {} cannot be removed: {error}", self.name, folder.display());
        }
    }
}
