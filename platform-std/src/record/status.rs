//! What has become of a recording so far, for those who want to know.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What has become of the pictures of a stream that is recorded, since that began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Pictures that were written.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Pictures that are missing: the disk took none, or was too slow.
    pub dropped: u64,
    /// Why no pictures are recorded at the moment, as a sentence for people.
    pub trouble: Option<String>,
}

/// Kept by who writes, seen by who asks.
#[derive(Debug, Default)]
pub(super) struct Status {
    frames: AtomicU64,
    bytes: AtomicU64,
    dropped: AtomicU64,
    trouble: Mutex<Option<String>>,
}

impl Status {
    fn trouble(&self) -> MutexGuard<'_, Option<String>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn progress(&self) -> Progress {
        Progress {
            frames: self.frames.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            trouble: self.trouble().clone(),
        }
    }

    /// A picture of so many bytes was written.
    pub(super) fn note_written(&self, bytes: usize) {
        self.frames.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn note_dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// The disk takes no pictures for the time being.
    pub(super) fn stop(&self, error: &io::Error) {
        *self.trouble() = Some(words(error));
    }

    /// It takes some again.
    pub(super) fn resume(&self) {
        *self.trouble() = None;
    }
}

/// What is wrong, without paths: those who may watch a stream need not know them.
fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        io::ErrorKind::QuotaExceeded => "no more may be written to the disk: its quota is used up".to_owned(),
        io::ErrorKind::FileTooLarge => "the disk takes no larger files".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "nothing can be written to the disk".to_owned(),
        io::ErrorKind::PermissionDenied => "the server may not write to the folder of the recordings".to_owned(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => "the folder of the recordings is gone".to_owned(),
        _ => format!("the disk takes no pictures: {error}"),
    }
}
