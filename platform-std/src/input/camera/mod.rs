//! Cameras of the system: V4L2 on Linux of 64 bits.
//!
//! ```text
//! Driver ─open─▶ Device ─start─▶ Capture ─dequeue─▶ bytes of the driver's buffer ─one copy, or encoded─▶ Publisher
//! ```
//! The three traits stand between this input and the kernel, so that tests have cameras of their own.

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod kernel;
mod pixels;
#[cfg(test)]
mod tests;
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod timestamp;

use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mutoscope::media::FrameRate;
use nix::errno::Errno;

use super::stop::Woken;
use super::{Input, InputError, Publisher, Stop};
use pixels::Encoder;

/// How often a camera that is not there is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// A camera that gives nothing for so long is closed and opened again.
const SILENCE: Duration = Duration::from_secs(5);
/// What is asked for where nothing was said: a size that most cameras have, and that fits a fast Ethernet.
const USUAL_JPEG: (u16, u16) = (1280, 720);
/// The same for pictures that we have to encode.
const USUAL_RAW: (u16, u16) = (640, 480);

/// How the bytes of a picture are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pixels {
    /// A JPEG file; Motion JPEG may leave out the usual Huffman tables.
    Jpeg,
    /// Y, Cb, Y, Cr: 4:2:2, packed.
    Yuyv,
    /// A plane of Y and one of Cb, Cr in turns: 4:2:0.
    Nv12,
}

/// What a camera gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Format {
    pixels: Pixels,
    width: u16,
    height: u16,
    /// Bytes from one line to the next; nothing for JPEG.
    bytes_per_line: usize,
}

/// What is asked of a camera. It takes what comes next to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Request {
    pixels: Pixels,
    size: (u16, u16),
    rate: Option<FrameRate>,
}

/// Opens cameras.
trait Driver: Send {
    fn open(&self, path: &Path) -> io::Result<Box<dyn Device>>;
}

/// An open camera.
trait Device {
    /// What it can give and we can read, in its own order.
    fn offers(&self) -> io::Result<Vec<Pixels>>;

    fn start(self: Box<Self>, request: &Request) -> io::Result<Box<dyn Capture>>;
}

/// A camera at work.
trait Capture {
    /// What it gives, which may be something else than was asked for.
    fn format(&self) -> Format;

    /// Readable when a picture is there.
    fn ready(&self) -> BorrowedFd<'_>;

    /// Lends the next picture to `take`, and gives its buffer back to the driver.
    fn dequeue(&mut self, take: &mut dyn FnMut(&[u8])) -> io::Result<Dequeued>;
}

/// What the driver says of a picture.
#[derive(Clone, Copy, Debug)]
struct Dequeued {
    /// When the first of its bytes was taken, by the kernel's clock. `None`: the driver does not tell.
    captured: Option<Instant>,
    /// The driver knows that it is damaged.
    is_damaged: bool,
}

/// A camera of the system, as an input. It may be unplugged and plugged in again.
pub struct Camera {
    path: PathBuf,
    size: Option<(u16, u16)>,
    rate: Option<FrameRate>,
    driver: Box<dyn Driver>,
}

impl Camera {
    /// The camera at `path`, such as `/dev/video0` or, which stays the same, `/dev/v4l/by-id/…`. `size` and `rate` are what it is asked
    /// for; it takes what comes next to it. It gives JPEG where it can. Otherwise its pictures are encoded.
    ///
    /// # Errors
    /// This system has no cameras that we know of: they are read on Linux of 64 bits only.
    pub fn new(path: &Path, size: Option<(u16, u16)>, rate: Option<FrameRate>) -> Result<Self, InputError> {
        Ok(Self { path: path.to_owned(), size, rate, driver: driver()? })
    }

    /// Waits until the camera can be opened. `None`: the input is to end.
    fn open(&self, publisher: &Publisher, stop: &Stop) -> Result<Option<Box<dyn Device>>, InputError> {
        let mut is_missing = false;
        loop {
            match self.driver.open(&self.path) {
                Ok(device) => {
                    if is_missing {
                        log::info!("{}: the camera is there", publisher.name());
                    }
                    return Ok(Some(device));
                }
                Err(error) if is_gone(&error) => {
                    if !std::mem::replace(&mut is_missing, true) {
                        log::warn!("{}: there is no camera at {}", publisher.name(), self.path.display());
                    }
                    publisher.cease("the camera is not plugged in");
                }
                Err(error) => return Err(in_words(&error)),
            }
            if !stop.sleep(LOOK_AGAIN) {
                return Ok(None);
            }
        }
    }

    fn request(&self, offers: &[Pixels]) -> Result<Request, InputError> {
        let pixels = [Pixels::Jpeg, Pixels::Nv12, Pixels::Yuyv].into_iter().find(|pixels| offers.contains(pixels));
        let pixels = pixels.ok_or_else(|| InputError::last("the camera gives neither JPEG, nor YUYV, nor NV12"))?;
        let usual = if pixels == Pixels::Jpeg { USUAL_JPEG } else { USUAL_RAW };
        Ok(Request { pixels, size: self.size.unwrap_or(usual), rate: self.rate })
    }

    /// Publishes what `capture` gives, until it fails or the input is to end.
    fn publish(&self, capture: &mut dyn Capture, publisher: &Publisher, stop: &Stop) -> Result<(), InputError> {
        let format = capture.format();
        self.compare(&format, publisher);
        publisher.await_picture("the camera is open");
        let mut encoder = Encoder::default();
        loop {
            match stop.wait_readable(capture.ready(), Some(Instant::now() + SILENCE))? {
                Woken::Ready => {}
                Woken::TimedOut => return Err(InputError::new("the camera gives no pictures")),
                Woken::Stopped => return Ok(()),
            }
            let arrived = Instant::now();
            let mut jpeg = publisher.buffer();
            let mut encoded = Ok(());
            let mut take = |bytes: &[u8]| match format.pixels {
                // The driver gets its buffer back before anything else is done.
                Pixels::Jpeg => jpeg.extend_from_slice(bytes),
                Pixels::Yuyv | Pixels::Nv12 => encoded = encoder.encode(&format, bytes, &mut jpeg),
            };
            let dequeued = match capture.dequeue(&mut take) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                result => result.map_err(|error| in_words(&error))?,
            };
            if let Err(why) = encoded {
                publisher.complain(&format!("a picture is left out: {why}"));
            } else if !dequeued.is_damaged && !jpeg.is_empty() {
                publisher.publish(jpeg, dequeued.captured.unwrap_or(arrived).min(arrived));
            }
        }
    }

    /// Says where the camera gives something else than was asked for.
    fn compare(&self, format: &Format, publisher: &Publisher) {
        let Format { pixels, width, height, .. } = *format;
        let name = publisher.name();
        match self.size {
            Some((wanted_width, wanted_height)) if (wanted_width, wanted_height) != (width, height) => {
                log::warn!("{name}: the camera gives {width}x{height}, not {wanted_width}x{wanted_height}");
            }
            _ => log::info!("{name}: {width}x{height}, {pixels}"),
        }
    }
}

impl Input for Camera {
    fn run(&mut self, publisher: &Publisher, stop: &Stop) -> Result<(), InputError> {
        while let Some(device) = self.open(publisher, stop)? {
            let request = self.request(&device.offers().map_err(|error| in_words(&error))?)?;
            let result = match device.start(&request) {
                Ok(mut capture) => self.publish(&mut *capture, publisher, stop),
                Err(error) => Err(in_words(&error)),
            };
            match result {
                Err(error) if error.reason() == UNPLUGGED => {
                    log::warn!("{}: {UNPLUGGED}", publisher.name());
                    publisher.cease(UNPLUGGED);
                }
                result => return result,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Camera {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, size, rate, .. } = self;
        f.debug_struct("Camera").field("path", path).field("size", size).field("rate", rate).finish_non_exhaustive()
    }
}

impl fmt::Display for Pixels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jpeg => "JPEG from the camera",
            Self::Yuyv => "YUYV, encoded here",
            Self::Nv12 => "NV12, encoded here",
        })
    }
}

/// The cameras of the system, one line each, with what they can give.
///
/// # Errors
/// The system does not tell.
pub fn list_cameras() -> io::Result<Vec<String>> {
    #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
    return kernel::list();
    #[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
    return Err(io::Error::new(io::ErrorKind::Unsupported, NOT_HERE));
}

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn driver() -> Result<Box<dyn Driver>, InputError> {
    Ok(Box::new(kernel::Kernel))
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
fn driver() -> Result<Box<dyn Driver>, InputError> {
    Err(InputError::last(NOT_HERE))
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
const NOT_HERE: &str = "cameras are read on Linux of 64 bits only; use exec: with ffmpeg";

const UNPLUGGED: &str = "the camera was unplugged";

fn is_errno(error: &io::Error, errnos: &[Errno]) -> bool {
    error.raw_os_error().is_some_and(|number| errnos.contains(&Errno::from_raw(number)))
}

/// There is no such camera now.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || is_errno(error, &[Errno::ENODEV, Errno::ENXIO])
}

fn in_words(error: &io::Error) -> InputError {
    InputError::new(match error.kind() {
        _ if is_gone(error) => UNPLUGGED.to_owned(),
        io::ErrorKind::PermissionDenied => "the camera may not be opened by this user (group video)".to_owned(),
        io::ErrorKind::ResourceBusy => "the camera is used by another program".to_owned(),
        _ if is_errno(error, &[Errno::ENOTTY]) => return InputError::last("it is no camera"),
        _ => format!("the camera failed: {error}"),
    })
}
