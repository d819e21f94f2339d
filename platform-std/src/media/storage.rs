//! Bytes of a file: those that are in memory at once, all others for whoever can wait.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where the bytes of a medium are. Many threads may read at once.
pub(super) trait Storage: fmt::Debug + Send + Sync {
    /// Reads what is in memory into the front of `buffer` and returns how much that was; 0: the file ends here. `None`: the
    /// next byte is not in memory, this storage cannot tell, or [`read`](Self::read) will say what is wrong. Never waits for a
    /// device.
    fn read_now(&self, buffer: &mut [u8], offset: u64) -> Option<usize>;

    /// Reads into the front of `buffer` and returns how much that was; 0: the file ends here. Waits as long as it takes.
    fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

/// An open file of the operating system.
#[derive(Debug)]
pub(super) struct Disk {
    file: File,
    /// The system has no means for reading what is in memory only.
    always_waits: AtomicBool,
}

impl Disk {
    pub(super) fn new(file: File) -> Self {
        Self { file, always_waits: AtomicBool::new(false) }
    }
}

impl Storage for Disk {
    fn read_now(&self, buffer: &mut [u8], offset: u64) -> Option<usize> {
        if self.always_waits.load(Ordering::Relaxed) {
            return None;
        }
        read_what_is_in_memory(&self.file, buffer, offset).unwrap_or_else(|NoMeans| {
            self.always_waits.store(true, Ordering::Relaxed);
            None
        })
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        loop {
            match self.file.read_at(buffer, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

/// The system cannot read what is in memory only.
struct NoMeans;

#[cfg(target_os = "linux")]
fn read_what_is_in_memory(file: &File, buffer: &mut [u8], offset: u64) -> Result<Option<usize>, NoMeans> {
    use rustix::io::{Errno, ReadWriteFlags, preadv2};
    match preadv2(file, &mut [io::IoSliceMut::new(buffer)], offset, ReadWriteFlags::NOWAIT) {
        Ok(read) => Ok(Some(read)),
        // The file system does not know the flag, the kernel does not know the call, or a sandbox forbids it.
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL | Errno::PERM) => Err(NoMeans),
        Err(_) => Ok(None),
    }
}

#[cfg(not(target_os = "linux"))]
fn read_what_is_in_memory(_: &File, _: &mut [u8], _: u64) -> Result<Option<usize>, NoMeans> {
    Err(NoMeans)
}

#[cfg(test)]
mod tests {
    use super::super::testing::Folder;
    use super::*;

    #[test]
    fn what_is_read_at_once_is_what_is_read_in_the_end() {
        let folder = Folder::new();
        let contents: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        let disk = Disk::new(File::open(folder.file("file", &contents)).unwrap());
        for offset in [0, 4095, 99_999, 100_000, 200_000] {
            let rest = contents.get(offset..).unwrap_or_default();
            let (mut now, mut later) = (vec![0; 10_000], vec![0; 10_000]);
            if let Some(read) = disk.read_now(&mut now, offset as u64) {
                assert_eq!((read == 0, &now[..read]), (rest.is_empty(), &rest[..read]), "{offset}");
            }
            let read = disk.read(&mut later, offset as u64).unwrap();
            assert_eq!((read == 0, &later[..read]), (rest.is_empty(), &rest[..read]), "{offset}");
        }
    }

    #[test]
    fn a_file_system_that_cannot_tell_is_not_asked_again() {
        // There, every byte is made when it is read.
        let Ok(file) = File::open("/proc/self/status") else { return };
        let disk = Disk::new(file);
        let mut buffer = [0; 4];
        if disk.read_now(&mut buffer, 0).is_none() {
            assert!(disk.always_waits.load(Ordering::Relaxed));
        }
        assert_eq!((disk.read(&mut buffer, 0).unwrap(), &buffer), (4, b"Name"));
    }
}
