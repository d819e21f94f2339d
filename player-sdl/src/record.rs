//! Writing down what is received, byte for byte, without keeping the network waiting for the disk.

use mutoscope_std::client::Jpeg;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, TrySendError};
use std::thread::JoinHandle;

/// Frames that may wait for the disk: some ten seconds.
const QUEUE: usize = 256;

/// A thread that appends frames to a file.
#[derive(Debug)]
pub(crate) struct Recorder {
    path: PathBuf,
    frames: mpsc::SyncSender<Jpeg>,
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
    /// Opens the file, or creates it. What is in it goes when the first frame comes, and not before: an address that was
    /// mistyped must not cost an earlier recording.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let file = File::options().write(true).create(true).truncate(false).open(path)?;
        let (frames, queue) = mpsc::sync_channel::<Jpeg>(QUEUE);
        let thread = std::thread::Builder::new().name("recorder".into()).spawn(move || {
            let mut film = Film { file, len: 0 };
            for frame in queue {
                film.append(&frame)?;
            }
            Ok(())
        })?;
        Ok(Self { path: path.to_owned(), frames, thread, written: 0, missed: 0 })
    }

    /// Appends a frame, or counts it as missed; never waits. `false`: nothing can be written any more, and
    /// [`finish`](Self::finish) says why.
    pub(crate) fn append(&mut self, jpeg: Jpeg) -> bool {
        match self.frames.try_send(jpeg) {
            Ok(()) => self.written += 1,
            Err(TrySendError::Disconnected(_)) => return false,
            Err(TrySendError::Full(_)) => {
                if self.missed == 0 {
                    log::warn!("the disk cannot keep up: frames are missing in {}", self.path.display());
                }
                self.missed += 1;
            }
        }
        true
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

/// A file of whole frames.
struct Film {
    file: File,
    /// Of all whole frames, in bytes.
    len: u64,
}

impl Film {
    fn append(&mut self, frame: &[u8]) -> io::Result<()> {
        if self.len == 0 {
            self.cut()?;
        }
        if let Err(error) = self.file.write_all(frame) {
            // The reason why it cannot be written is worth more than why it cannot be cut.
            let _ = self.cut();
            return Err(error);
        }
        self.len += frame.len() as u64;
        Ok(())
    }

    /// Leaves nothing but whole frames. Pipes and devices have no length.
    fn cut(&self) -> io::Result<()> {
        if self.file.metadata()?.is_file() { self.file.set_len(self.len) } else { Ok(()) }
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
        assert!(frames.iter().all(|frame| recorder.append(frame.clone().into())));
        assert_eq!(recorder.finish(), Ok(Recorded { written: 100, missed: 0 }));
        assert_eq!(std::fs::read(&path).unwrap(), frames.concat());
        std::fs::remove_file(path).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_with_the_file_s_name() {
        let mut recorder = Recorder::create(Path::new("/dev/full")).unwrap();
        assert!(recorder.append(vec![1; 100].into()));
        while recorder.append(vec![1; 100].into()) {
            std::thread::yield_now();
        }
        let error = recorder.finish().unwrap_err();
        assert!(error.contains("/dev/full"), "{error}");
    }

    #[test]
    fn a_recording_takes_the_place_of_another_with_its_first_frame() {
        let path = std::env::temp_dir().join(format!("mutoscope-record-again-{}.mjpeg", std::process::id()));
        std::fs::write(&path, [9; 1000]).unwrap();
        let recorder = Recorder::create(&path).unwrap();
        assert_eq!(recorder.finish(), Ok(Recorded { written: 0, missed: 0 }));
        assert_eq!(std::fs::read(&path).unwrap(), [9; 1000]);
        let mut recorder = Recorder::create(&path).unwrap();
        assert!(recorder.append(vec![1; 10].into()));
        assert_eq!(recorder.finish(), Ok(Recorded { written: 1, missed: 0 }));
        assert_eq!(std::fs::read(&path).unwrap(), [1; 10]);
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_file_that_cannot_be_made_is_an_error_at_once() {
        assert!(Recorder::create(Path::new("/nowhere/at/all.mjpeg")).is_err());
    }
}
