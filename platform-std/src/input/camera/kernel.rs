//! The kernel's cameras, by `linuxvideo`.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use linuxvideo::format::{PixFormat, PixelFormat};
use linuxvideo::stream::ReadStream;
use linuxvideo::{BufType, CapabilityFlags, Fract};
use nix::time::{ClockId, clock_gettime};

use super::timestamp;
use super::{Capture, Dequeued, Device, Driver, Format, Pixels, Request};

pub(super) struct Kernel;

impl Driver for Kernel {
    fn open(&self, path: &Path) -> io::Result<Box<dyn Device>> {
        Ok(Box::new(Opened(linuxvideo::Device::open(path)?)))
    }
}

struct Opened(linuxvideo::Device);

impl Device for Opened {
    fn offers(&self) -> io::Result<Vec<Pixels>> {
        if !self.0.capabilities()?.device_capabilities().contains(CapabilityFlags::VIDEO_CAPTURE) {
            return Ok(Vec::new());
        }
        let mut offers = Vec::new();
        for format in self.0.formats(BufType::VIDEO_CAPTURE) {
            offers.extend(pixels(format?.pixel_format()));
        }
        Ok(offers)
    }

    fn start(self: Box<Self>, request: &Request) -> io::Result<Box<dyn Capture>> {
        let (width, height) = request.size;
        let offered = self.0.formats(BufType::VIDEO_CAPTURE).filter_map(Result::ok).map(|format| format.pixel_format());
        let code = { offered }.find(|format| pixels(*format) == Some(request.pixels)).unwrap_or(PixelFormat::MJPG);
        let device = self.0.video_capture(PixFormat::new(width.into(), height.into(), code))?;
        let got = device.format();
        let other = || io::Error::other("it chose a format that was not asked for");
        let side = |pixels: u32| u16::try_from(pixels).map_err(|_| other());
        let format = Format {
            pixels: pixels(got.pixel_format()).ok_or_else(other)?,
            width: side(got.width())?,
            height: side(got.height())?,
            bytes_per_line: got.bytes_per_line() as usize,
        };
        if let Some(rate) = request.rate
            && let Err(error) = device.set_frame_interval(Fract::new(rate.denominator(), rate.numerator()))
        {
            log::warn!("the camera does not take {rate} pictures a second: {error}");
        }
        let stream = device.into_stream()?;
        let times = timestamp::Reader::new(&stream)?;
        Ok(Box::new(Running { stream, times, format }))
    }
}

struct Running {
    stream: ReadStream,
    times: timestamp::Reader,
    format: Format,
}

impl Capture for Running {
    fn format(&self) -> Format {
        self.format
    }

    fn ready(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    fn dequeue(&mut self, take: &mut dyn FnMut(&[u8])) -> io::Result<Dequeued> {
        let Self { stream, times, .. } = self;
        stream.dequeue(|view| {
            let captured = times.of_dequeued().and_then(on_our_clock);
            take(&view);
            Ok(Dequeued { captured, is_damaged: view.is_error() })
        })
    }
}

fn pixels(format: PixelFormat) -> Option<Pixels> {
    match &format.as_fourcc() {
        b"MJPG" | b"JPEG" => Some(Pixels::Jpeg),
        b"YUYV" => Some(Pixels::Yuyv),
        b"NV12" => Some(Pixels::Nv12),
        _ => None,
    }
}

/// A time since the start of the kernel's monotonic clock as an instant; `None` for one that is still to come. That clock is the one of
/// [`Instant`], which does not say so.
fn on_our_clock(since_start: Duration) -> Option<Instant> {
    // One moment on both, read once: whatever comes between the two readings would else move pictures against each other. It makes
    // pictures older, never newer than now.
    static BOTH: OnceLock<Option<(Instant, Duration)>> = OnceLock::new();
    let now = || Some((Instant::now(), Duration::from(clock_gettime(ClockId::CLOCK_MONOTONIC).ok()?)));
    let (instant, clock) = (*BOTH.get_or_init(now))?;
    let taken = match since_start.checked_sub(clock) {
        Some(later) => instant.checked_add(later),
        None => instant.checked_sub(clock - since_start),
    };
    taken.filter(|taken| *taken <= Instant::now())
}

/// One line for each camera, and what it gives.
pub(super) fn list() -> io::Result<Vec<String>> {
    let mut lines = Vec::new();
    for device in linuxvideo::list()?.filter_map(Result::ok) {
        let Ok(capabilities) = device.capabilities() else { continue };
        let path = device.path().map_or_else(|_| "?".to_owned(), |path| path.display().to_string());
        if !capabilities.device_capabilities().contains(CapabilityFlags::VIDEO_CAPTURE) {
            continue;
        }
        let (mut readable, mut others) = (Vec::new(), Vec::new());
        for format in device.formats(BufType::VIDEO_CAPTURE).filter_map(Result::ok) {
            let sizes = device.frame_sizes(format.pixel_format());
            let largest = sizes
                .map_or_else(|_| String::new(), |sizes| format!(" up to {}x{}", sizes.max_width(), sizes.max_height()));
            let list = if pixels(format.pixel_format()).is_some() { &mut readable } else { &mut others };
            list.push(format!("{}{largest}", format.description()));
        }
        lines.push(format!("{path}: {}: {}", capabilities.card(), in_one_line(readable, &others)));
    }
    lines.sort();
    Ok(lines)
}

/// What can be read first, then what cannot, of which some drivers have dozens.
fn in_one_line(readable: Vec<String>, others: &[String]) -> String {
    const NAMED: usize = 3;
    let mut formats = readable;
    formats.extend(others.iter().take(NAMED).map(|format| format!("{format} (cannot be read)")));
    if others.len() > NAMED {
        formats.push(format!("{} others (cannot be read)", others.len() - NAMED));
    }
    formats.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_that_cannot_be_read_do_not_fill_the_screen() {
        let others = ["A", "B", "C", "D", "E"].map(str::to_owned);
        let line = |others: &[String]| in_one_line(vec!["NV12".into()], others);
        assert_eq!(line(&others[..1]), "NV12, A (cannot be read)");
        assert_eq!(
            line(&others),
            "NV12, A (cannot be read), B (cannot be read), C (cannot be read), 2 others (cannot be read)"
        );
    }

    #[test]
    fn pictures_keep_the_distances_that_the_kernel_tells() {
        let now = Duration::from(clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap());
        let taken = |millis| on_our_clock(now - Duration::from_millis(millis)).unwrap();
        let first = taken(500);
        assert_eq!(taken(400).duration_since(first), Duration::from_millis(100));
        assert_eq!(taken(100).duration_since(first), Duration::from_millis(400));
    }

    #[test]
    fn an_instant_of_the_kernels_clock_is_found_on_ours() {
        let now = Duration::from(clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap());
        let before = Instant::now();
        let then = on_our_clock(now - Duration::from_millis(100)).unwrap();
        let age = before.saturating_duration_since(then);
        assert!(age < Duration::from_secs(10) && age > Duration::from_millis(50), "{age:?}");
        assert_eq!(on_our_clock(now + Duration::from_secs(1000)), None);
    }

    #[test]
    fn what_is_no_camera_is_an_error() {
        assert!(Kernel.open(Path::new("/dev/null")).is_err_and(|error| super::super::in_words(&error).is_final()));
        assert!(Kernel.open(Path::new("/dev/video-none")).is_err_and(|error| super::super::is_gone(&error)));
        assert!(list().is_ok());
    }
}
