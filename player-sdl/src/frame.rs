//! Frames on their way from the network to the window.

use mutoscope_std::client::Jpeg;
use std::time::{Duration, Instant};

/// What the player knows about a frame besides its picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct FrameInfo {
    /// The client counts frames from 1. In the lab's dialect this is the server's number.
    pub(crate) number: u32,
    /// The frame's place in the stream, counted from the stream's beginning.
    pub(crate) position: Option<Duration>,
    /// When the frame's last packet arrived.
    pub(crate) arrived: Instant,
    /// When the sender captured the frame, by its own clock: so many microseconds before this instant.
    pub(crate) captured: Option<(Instant, i64)>,
    /// The length of the JPEG file in bytes.
    pub(crate) len: usize,
}

/// The highest age that is believed. A higher one means that the sender's clock and this machine's disagree.
const MAX_AGE: Duration = Duration::from_secs(20);
/// How far in the future a capture may seem to lie. Even on one machine the clocks are read at different moments.
const MAX_LEAD_MICROS: i64 = 5_000;

impl FrameInfo {
    /// Returns how old the frame is at `now`; `None` if the sender has not said when it was captured, or if its clock and
    /// this machine's disagree.
    pub(crate) fn age(&self, now: Instant) -> Option<Duration> {
        let (at, micros) = self.captured?;
        let since = i64::try_from(now.saturating_duration_since(at).as_micros()).ok()?;
        let age = micros.saturating_add(since);
        let comparable = age >= -MAX_LEAD_MICROS;
        let age = Duration::from_micros(u64::try_from(age.max(0)).ok()?);
        (comparable && age <= MAX_AGE).then_some(age)
    }
}

/// A frame as it was received.
#[derive(Clone, Debug)]
pub(crate) struct Encoded {
    pub(crate) jpeg: Jpeg,
    pub(crate) info: FrameInfo,
}

/// A decoded frame.
#[derive(Debug)]
pub(crate) struct Picture {
    /// `width * height` pixels, each of blue, green, red and an unused byte.
    pub(crate) pixels: Vec<u8>,
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// The width and height of the whole picture, of which this may be a smaller one.
    pub(crate) whole: (usize, usize),
    /// Whether it was decoded when its frame came, and not later, because it is shown larger or smaller now.
    pub(crate) is_fresh: bool,
    /// The JPEG file that the picture was decoded from, for snapshots.
    pub(crate) jpeg: Jpeg,
    pub(crate) info: FrameInfo,
    /// The number in the strip at the lower edge, if the picture is the test card.
    pub(crate) strip: Option<u32>,
    /// How long decoding took.
    pub(crate) decoding: Duration,
}

impl Picture {
    /// Returns how old the picture is at `now`.
    pub(crate) fn ages(&self, now: Instant) -> Ages {
        Ages {
            // Only the test card's timestamps are known to say when its pictures were made.
            latency: self.strip.and_then(|_| self.info.age(now)),
            local: now.saturating_duration_since(self.info.arrived),
        }
    }
}

/// How old a picture is when it is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ages {
    /// The time since the sender made it, if that is known.
    pub(crate) latency: Option<Duration>,
    /// The time since its last packet arrived.
    pub(crate) local: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(micros: i64) -> (FrameInfo, Instant) {
        let now = Instant::now();
        let info = FrameInfo { number: 1, position: None, arrived: now, captured: Some((now, micros)), len: 0 };
        (info, now)
    }

    #[test]
    fn age_grows_with_time_and_is_unknown_between_clocks_that_disagree() {
        let (info, now) = captured(3_000);
        assert_eq!(info.age(now + Duration::from_millis(4)), Some(Duration::from_millis(7)));
        for (micros, known) in [(-4_000, true), (-6_000_000, false), (19_000_000, true), (21_000_000, false)] {
            let (info, now) = captured(micros);
            assert_eq!(info.age(now).is_some(), known, "{micros}");
        }
        let unknown = FrameInfo { captured: None, ..info };
        assert_eq!(unknown.age(now), None);
    }
}
