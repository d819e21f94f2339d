//! The kernel's timestamp of a picture, which `linuxvideo` does not pass on.
#![allow(unsafe_code, reason = "an ioctl has no safe form")]

use std::ffi::{c_long, c_ulong};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// `V4L2_BUF_TYPE_VIDEO_CAPTURE` and `V4L2_MEMORY_MMAP`.
const CAPTURE: u32 = 1;
const MMAP: u32 = 1;
/// `V4L2_BUF_FLAG_QUEUED` and `_DONE`: the driver has the buffer.
const WITH_DRIVER: u32 = 0x2 | 0x4;
/// `V4L2_BUF_FLAG_TIMESTAMP_MASK` and `_MONOTONIC`.
const CLOCK_MASK: u32 = 0xe000;
const MONOTONIC: u32 = 0x2000;
/// More buffers than anybody asks a driver for (`VIDEO_MAX_FRAME`).
const MAX_BUFFERS: u32 = 32;

/// `struct v4l2_buffer` of `linux/videodev2.h`, with the times that 32-bit systems had from the beginning.
#[repr(C)]
#[derive(Default)]
struct Buffer {
    index: u32,
    kind: u32,
    bytes_used: u32,
    flags: u32,
    field: u32,
    seconds: c_long,
    micros: c_long,
    /// `struct v4l2_timecode`.
    timecode: [u32; 4],
    sequence: u32,
    memory: u32,
    /// An offset, or pointers that this memory has not.
    place: c_ulong,
    length: u32,
    reserved: u32,
    request: u32,
}

// The size is a part of the ioctl's number, so a wrong one is an unknown ioctl and not a wrong read.
const _: () = assert!(size_of::<Buffer>() == if size_of::<c_long>() == 8 { 88 } else { 68 });

mod ioctl {
    use super::Buffer;
    nix::ioctl_readwrite!(query, b'V', 9, Buffer);
}

/// Reads the timestamps of a device's buffers while a stream of it lends one.
pub(super) struct Reader(OwnedFd);

impl Reader {
    pub(super) fn new(device: &impl AsFd) -> io::Result<Self> {
        AsFd::as_fd(device).try_clone_to_owned().map(Self)
    }

    /// The timestamp of the one buffer that the driver does not have, since the start of the monotonic clock. `None`: the driver
    /// has them all, or does not tell the time by this clock.
    pub(super) fn of_dequeued(&self) -> Option<Duration> {
        let buffers = (0..MAX_BUFFERS).map_while(|index| query(self.0.as_fd(), index).ok());
        let buffer = { buffers }.find(|buffer| buffer.flags & WITH_DRIVER == 0)?;
        if buffer.flags & CLOCK_MASK != MONOTONIC {
            return None;
        }
        let (seconds, micros) = (u64::try_from(buffer.seconds).ok()?, u32::try_from(buffer.micros).ok()?);
        Some(Duration::new(seconds, micros.checked_mul(1000).filter(|nanos| *nanos < 1_000_000_000)?))
    }
}

fn query(device: BorrowedFd<'_>, index: u32) -> nix::Result<Buffer> {
    let mut buffer = Buffer { index, kind: CAPTURE, memory: MMAP, ..Buffer::default() };
    // SAFETY: VIDIOC_QUERYBUF reads and writes one `struct v4l2_buffer` behind the pointer, for as long as the call lasts. `Buffer` has
    // that struct's size, which the kernel checks as a part of the ioctl's number, and its layout; it consists of integers, for
    // which all bytes are valid. For a buffer in memory that the kernel maps, no field of it is a pointer that the kernel would follow.
    unsafe { ioctl::query(device.as_raw_fd(), &raw mut buffer) }?;
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn a_file_that_is_no_camera_has_no_timestamps() {
        let file = File::open("/dev/null").unwrap();
        assert!(query(file.as_fd(), 0).is_err());
        assert_eq!(Reader::new(&file).unwrap().of_dequeued(), None);
    }
}
