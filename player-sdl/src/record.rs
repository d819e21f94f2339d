//! Writing down what is received, byte for byte, without keeping the network waiting for the disk.

use crate::mailbox::Pool;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, TrySendError};
use std::thread::JoinHandle;

/// Frames that may wait for the disk: some ten seconds.
const QUEUE: usize = 256;

/// A thread that appends frames to a file.
#[derive(Debug)]
pub(crate) struct Recorder {
    path: PathBuf,
    frames: mpsc::SyncSender<Vec<u8>>,
    pool: Arc<Pool>,
    thread: JoinHandle<io::Result<()>>,
    written: u64,
    missed: u64,
}

/// What a recording came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recorded {
    /// Frames in the file.
    pub(crate) written: u64,
    /// Frames that are not, because the disk could not keep up.
    pub(crate) missed: u64,
}

impl Recorder {
    /// Creates the file, replacing one of that name.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let file = File::create(path)?;
        let (frames, queue) = mpsc::sync_channel::<Vec<u8>>(QUEUE);
        let pool = Arc::new(Pool::default());
        let returns = pool.clone();
        let thread = std::thread::Builder::new().name("recorder".into()).spawn(move || {
            let mut out = BufWriter::with_capacity(1 << 18, file);
            for frame in queue {
                out.write_all(&frame)?;
                returns.give(frame);
            }
            out.flush()
        })?;
        Ok(Self { path: path.to_owned(), frames, pool, thread, written: 0, missed: 0 })
    }

    /// Appends a frame, or counts it as missed; never waits.
    pub(crate) fn append(&mut self, jpeg: &[u8]) {
        let mut frame = self.pool.take();
        frame.clear();
        frame.extend_from_slice(jpeg);
        match self.frames.try_send(frame) {
            Ok(()) => self.written += 1,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                if self.missed == 0 {
                    log::warn!("the disk cannot keep up: frames are missing in {}", self.path.display());
                }
                self.missed += 1;
            }
        }
    }

    /// Waits until everything is on disk.
    pub(crate) fn finish(self) -> Result<Recorded, String> {
        let Self { path, frames, thread, written, missed, .. } = self;
        drop(frames);
        let result = thread.join().unwrap_or_else(|_| Err(io::Error::other("the recorder failed")));
        result.map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok(Recorded { written, missed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_written_byte_for_byte_one_after_the_other() {
        let path = std::env::temp_dir().join(format!("mutoscope-record-{}.mjpeg", std::process::id()));
        let mut recorder = Recorder::create(&path).unwrap();
        let frames: Vec<Vec<u8>> = (0..100_u8).map(|number| vec![number; 1 + usize::from(number) * 97]).collect();
        frames.iter().for_each(|frame| recorder.append(frame));
        assert_eq!(recorder.finish(), Ok(Recorded { written: 100, missed: 0 }));
        assert_eq!(std::fs::read(&path).unwrap(), frames.concat());
        std::fs::remove_file(path).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_with_the_file_s_name() {
        let mut recorder = Recorder::create(Path::new("/dev/full")).unwrap();
        recorder.append(&[1; 100]);
        let error = recorder.finish().unwrap_err();
        assert!(error.contains("/dev/full"), "{error}");
    }

    #[test]
    fn a_file_that_cannot_be_made_is_an_error_at_once() {
        assert!(Recorder::create(Path::new("/nowhere/at/all.mjpeg")).is_err());
    }
}
