//! How fast media are shown, and how fast they leave (RFC 2326 sections 12.34 and 12.35).

use crate::wire::rtsp::headers::{Scale, Speed};

/// The slowest, in thousandths.
const LEAST: u16 = 250;
/// The fastest, in thousandths.
const MOST: u16 = 8000;

/// A scale and a speed that are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tempo {
    /// Thousandths; negative: backwards.
    scale: i16,
    /// Thousandths.
    speed: u16,
}

impl Tempo {
    pub(super) const NORMAL: Self = Self { scale: 1000, speed: 1000 };

    /// What is done where this is asked for: the nearest of what can be. Nothing asked is normal.
    pub(super) fn nearest(scale: Option<Scale>, speed: Option<Speed>) -> Self {
        let (scale, speed) = (scale.unwrap_or_default().thousandths(), speed.unwrap_or_default().thousandths());
        let clamped = |number: u32| number.clamp(LEAST.into(), MOST.into());
        let pace = clamped(scale.unsigned_abs()) as i16;
        Self { scale: if scale < 0 { pace.saturating_neg() } else { pace }, speed: clamped(speed) as u16 }
    }

    pub(super) const fn is_backwards(self) -> bool {
        self.scale < 0
    }

    /// How many times faster than it was recorded a medium is shown, whichever way, in thousandths.
    pub(super) const fn pace(self) -> u32 {
        self.scale.unsigned_abs() as u32
    }

    /// How many times faster than they are shown media leave, in thousandths.
    pub(super) const fn speed(self) -> u32 {
        self.speed as u32
    }

    /// Whether media leave as fast as they are shown.
    pub(super) const fn is_shown_at_once(self) -> bool {
        self.speed == Self::NORMAL.speed
    }

    /// The distance from each frame to the next one, in thousandths of a frame: no more frames leave in a second than the medium
    /// has. Negative: backwards.
    pub(super) fn stride(self) -> i32 {
        let stride = i32::from(self.scale.unsigned_abs().max(1000));
        if self.is_backwards() { stride.saturating_neg() } else { stride }
    }

    pub(super) fn scale(self) -> Scale {
        Scale::from_thousandths(self.scale.into()).unwrap_or_default()
    }

    pub(super) fn for_speed(self) -> Speed {
        Speed::from_thousandths(self.speed.into()).unwrap_or_default()
    }
}
