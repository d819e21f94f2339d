//! What recordings ask of the operating system.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Where segments are made.
pub(super) trait Disk: Send {
    /// Makes a file, which must not be there yet.
    fn create(&mut self, path: &Path) -> io::Result<Box<dyn Output>>;

    /// Waits until the names in a folder are on the device.
    fn sync_folder(&mut self, folder: &Path) -> io::Result<()>;
}

/// A file that is written.
pub(super) trait Output: Send {
    /// Writes at the end.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Writes over what is there.
    fn replace_start(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Cuts what is behind.
    fn truncate(&mut self, len: u64) -> io::Result<()>;

    /// Waits until all of it is on the device.
    fn sync(&mut self) -> io::Result<()>;
}

/// The operating system's.
pub(super) struct System;

impl Disk for System {
    fn create(&mut self, path: &Path) -> io::Result<Box<dyn Output>> {
        // Nobody else's, and no link: whoever may change the folder could lead us elsewhere.
        let file = OpenOptions::new().append(true).create_new(true).mode(0o640).open(path)?;
        // Linux writes at the end whatever the position where a file is open for that.
        let start = OpenOptions::new().write(true).open(path)?;
        Ok(Box::new(SystemFile { file, start }))
    }

    fn sync_folder(&mut self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
}

struct SystemFile {
    file: File,
    /// The same, for what is not at the end.
    start: File,
}

impl Output for SystemFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    fn replace_start(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.start.write_all_at(bytes, 0)
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_all()
    }
}
