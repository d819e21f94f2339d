//! The kernel's cameras, by `linuxvideo`.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use linuxvideo::format::{PixFormat, PixelFormat};
use linuxvideo::stream::ReadStream;
use linuxvideo::{BufType, CapabilityFlags, Fract};
use nix::time::{ClockId, clock_gettime};

use super::timestamp;
use super::{AsFdObject, Capture, Dequeued, Device, Driver, Format, Pixels, Request};

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
        Ok(Box::new(Running { stream: device.into_stream()?, format }))
    }
}

struct Running {
    stream: ReadStream,
    format: Format,
}

impl Capture for Running {
    fn format(&self) -> Format {
        self.format
    }

    fn ready(&self) -> &dyn AsFdObject {
        &self.stream
    }

    fn dequeue(&mut self, take: &mut dyn FnMut(&[u8])) -> io::Result<Dequeued> {
        let times = timestamp::Reader::new(&self.stream)?;
        self.stream.dequeue(|view| {
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

/// A time since the start of the kernel's monotonic clock as an instant. That clock is the one of [`Instant`], which does not say so.
fn on_our_clock(since_start: Duration) -> Option<Instant> {
    let (now, instant) = (clock_gettime(ClockId::CLOCK_MONOTONIC).ok()?, Instant::now());
    instant.checked_sub(Duration::from(now).checked_sub(since_start)?)
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
        let formats = device.formats(BufType::VIDEO_CAPTURE).filter_map(Result::ok);
        let formats = formats.map(|format| {
            let readable = if pixels(format.pixel_format()).is_some() { "" } else { " (cannot be read)" };
            let sizes = device.frame_sizes(format.pixel_format());
            let largest = sizes
                .map_or_else(|_| String::new(), |sizes| format!(" up to {}x{}", sizes.max_width(), sizes.max_height()));
            format!("{}{largest}{readable}", format.description())
        });
        let formats: Vec<String> = formats.collect();
        lines.push(format!("{path}: {}: {}", capabilities.card(), formats.join(", ")));
    }
    lines.sort();
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_of_the_kernels_clock_is_found_on_ours() {
        let now = Duration::from(clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap());
        let before = Instant::now();
        let then = on_our_clock(now - Duration::from_millis(100)).unwrap();
        let age = before.saturating_duration_since(then);
        assert!(age <= Duration::from_millis(101) && age > Duration::from_millis(50), "{age:?}");
        assert_eq!(on_our_clock(now + Duration::from_secs(1000)), None);
    }

    #[test]
    fn what_is_no_camera_is_an_error() {
        assert!(Kernel.open(Path::new("/dev/null")).is_err_and(|error| super::super::in_words(&error).is_final()));
        assert!(Kernel.open(Path::new("/dev/video-none")).is_err_and(|error| super::super::is_gone(&error)));
        assert!(list().is_ok());
    }
}
