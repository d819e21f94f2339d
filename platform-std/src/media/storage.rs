//! Bytes of a file: those that are in memory at once, all others for whoever can wait.

use std::fmt;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::atomic::{AtomicBool, Ordering};

/// Where the bytes of a medium are. Many threads may read at once.
pub(super) trait Storage: fmt::Debug + Send + Sync {
    /// Reads what is in memory into the front of `buffer` and returns how much that was; 0: the file ends here. `None`: the
    /// next byte is not in memory, this storage cannot tell, or [`read`](Self::read) will say what is wrong. Never waits for a
    /// device.
    fn read_now(&self, buffer: &mut [u8], offset: u64) -> Option<usize>;

    /// Reads into the front of `buffer` and returns how much that was; 0: the file ends here. Waits as long as it takes.
    fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// What it is by now.
    fn status(&self) -> io::Result<Status>;

    /// The file with this number, in a storage that is made of whole ones. `None`: there are no more.
    fn whole(&self, number: u64) -> io::Result<Option<Whole>> {
        let _ = number;
        Ok(None)
    }

    /// Where the next bytes after `offset` are that were ever written; the file's end where there are none. `None`: the system
    /// cannot tell. What lies before reads as zeros.
    fn next_data(&self, offset: u64) -> Option<u64> {
        let _ = offset;
        None
    }
}

/// A file within a storage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole {
    pub(super) offset: u64,
    pub(super) len: u64,
    /// When it is shown, in microseconds.
    pub(super) time: u64,
}

/// What tells one file from another, and from itself at another time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Status {
    /// Device and inode.
    pub identity: (u64, u64),
    /// Bytes.
    pub len: u64,
    /// When it was written to last, in nanoseconds.
    pub modified: i128,
}

impl Status {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let modified = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
        Self { identity: (metadata.dev(), metadata.ino()), len: metadata.len(), modified }
    }
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

    fn status(&self) -> io::Result<Status> {
        self.file.metadata().map(|metadata| Status::of(&metadata))
    }

    #[cfg(target_os = "linux")]
    fn next_data(&self, offset: u64) -> Option<u64> {
        use rustix::io::Errno;
        // Others read by position, so nobody minds where this leaves the descriptor.
        match rustix::fs::seek(&self.file, rustix::fs::SeekFrom::Data(offset)) {
            Ok(data) => Some(data),
            Err(Errno::NXIO) => self.status().ok().map(|status| status.len),
            Err(_) => None,
        }
    }
}

/// A file in memory.
#[derive(Debug)]
pub(super) struct InMemory<'a>(pub(super) &'a [u8]);

impl Storage for InMemory<'_> {
    fn read_now(&self, buffer: &mut [u8], offset: u64) -> Option<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.0.get(offset..)).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        Some(len)
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        Ok(self.read_now(buffer, offset).unwrap_or(0))
    }

    fn status(&self) -> io::Result<Status> {
        Ok(Status { len: self.0.len() as u64, ..Status::default() })
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
    fn a_hole_is_passed_without_being_read() {
        let folder = Folder::new();
        let path = folder.file("file", &[1; 10_000]);
        let file = File::options().write(true).open(&path).unwrap();
        file.write_all_at(&[2; 10], 1 << 30).unwrap();
        let disk = Disk::new(File::open(path).unwrap());
        assert_eq!(disk.status().unwrap().len, (1 << 30) + 10);
        // Some file systems know no holes, and say that all is data.
        if let Some(data) = disk.next_data(1 << 20) {
            assert!(data == 1 << 20 || ((1 << 30) - (1 << 20)..=1 << 30).contains(&data), "{data}");
        }
        assert!(disk.next_data(1 << 40).is_none_or(|end| end == (1 << 30) + 10));
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
