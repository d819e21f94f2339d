//! Recordings of live streams: what a stream shows is kept in segments, which are Matroska files of one JPEG a cluster.
//!
//! Each picture is appended whole, with its own time in front of it, and nothing behind it is needed to find it. So a file can be played
//! while it is written, and wherever it breaks off, all pictures before that are there. What players like to have beside (an index,
//! the length) is added when a segment ends. In reading order: `options` says what is kept, `names` calls it, `matroska` writes it,
//! `segment` is one file, `disk` the system below it, `retention` removes what is too old, `stream` decides what happens next, `status` tells
//! others what became of it, `writer` is the thread that does it for all recordings, and `queue` is how pictures get there: who publishes never waits for a disk.

mod disk;
mod matroska;
mod names;
mod options;
mod queue;
mod retention;
mod segment;
mod status;
mod stream;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::fcntl::OFlag;

use crate::media::live::{Live, LiveSource};
pub(crate) use names::is_segment;
pub use options::{DEFAULT_SEGMENT, Keep, Options, OptionsError, parse_segment};
use queue::Queue;
pub use status::Progress;
use status::Status;
use writer::Writer;

/// The folder below a stream's name in which its recordings are served: `cam/recordings/20261129T185200Z.mkv`.
pub const FOLDER: &str = "recordings";

/// A file of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// What it is called.
    pub name: String,
    /// When its first picture was taken, in seconds since 1970.
    pub begin: u64,
    /// How long it is by now, in bytes.
    pub bytes: u64,
    /// How long it plays. `None`: it is being written, has broken off, or was not [measured](Self::measured).
    pub length: Option<Duration>,
}

impl Recorded {
    /// The same with how long it plays, which its beginning tells. It may wait for a disk.
    #[must_use]
    pub fn measured(self, folder: &Path) -> Self {
        let mut beginning = Vec::new();
        let read = open(folder, &self.name).and_then(|file| file.take(BEGINNING).read_to_end(&mut beginning));
        let length = read.ok().and_then(|_| matroska::length(&beginning)).map(Duration::from_micros);
        Self { length, ..self }
    }
}

/// The length of a film stands within so many bytes.
const BEGINNING: u64 = 512;

/// A file of a recording, to be read. What is no file of its own there is not opened.
///
/// # Errors
/// There is no such file, or it cannot be read.
pub fn open(folder: &Path, name: &str) -> io::Result<File> {
    if !is_segment(name) {
        return Err(io::ErrorKind::NotFound.into());
    }
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let file = File::options().read(true).custom_flags(flags).open(folder.join(name))?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::NotFound.into()) }
}

/// The files of a recording in its folder, the oldest one first. It may wait for a disk.
///
/// # Errors
/// The folder cannot be read.
pub fn recorded(folder: &Path) -> io::Result<Vec<Recorded>> {
    let told = |kept: retention::Kept| Recorded {
        name: names::name(kept.begin),
        begin: kept.begin.0,
        bytes: kept.bytes,
        length: None,
    };
    Ok(retention::segments(folder)?.into_iter().map(told).collect())
}

/// Writes recordings, on one thread for all of them.
pub struct Recorder {
    queue: Arc<Queue>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// A stream that is recorded as long as somebody has this. It counts among the stream's viewers.
pub struct Recording {
    id: u64,
    queue: Arc<Queue>,
    status: Arc<Status>,
    seat: Mutex<Option<LiveSource>>,
}

impl Recorder {
    /// A recorder that has nothing to record yet.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn new() -> io::Result<Self> {
        Self::with(Box::new(disk::System))
    }

    fn with(disk: Box<dyn disk::Disk>) -> io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let writer = Writer::new(Arc::clone(&queue), disk);
        let thread = thread::Builder::new().name("recorder".to_owned()).spawn(move || writer.run())?;
        Ok(Self { queue, thread: Mutex::new(Some(thread)) })
    }

    /// Records what is published to `live` from now on. A stream is recorded once; again, where the first recording has ended.
    pub fn record(&self, live: &Live, options: Options) -> Recording {
        let status = Arc::new(Status::default());
        let id = self.queue.begin(live.name(), options, Arc::clone(&status));
        let queue = Arc::clone(&self.queue);
        live.keep(Some(Box::new(move |taken| queue.push(id, taken))));
        Recording { id, queue: Arc::clone(&self.queue), status, seat: Mutex::new(Some(live.viewer())) }
    }

    /// Writes what waits, and ends all segments. There are no recordings any more.
    pub fn finish(&self) {
        self.queue.finish();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            log::error!("the thread that writes recordings has failed");
        }
    }

    /// How many pictures of all recordings have been handed to the system.
    #[cfg(test)]
    fn written(&self) -> u64 {
        self.queue.written()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Recording {
    /// What has become of its pictures so far.
    pub fn progress(&self) -> Progress {
        self.status.progress()
    }

    /// Ends it: its last segment is closed soon.
    pub fn end(&self) {
        let seat = self.seat.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(seat) = seat {
            seat.live().keep(None);
            self.queue.end(self.id);
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording").field("id", &self.id).finish_non_exhaustive()
    }
}
