//! Where frames come from.

use crate::jpeg::{self, Layout};
use crate::time::{Duration, Instant};

/// Frames per second as a fraction, so that 30000/1001 stays exact over days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FrameRate {
    numerator: u32,
    denominator: u32,
}

impl FrameRate {
    /// `None` where either is 0 or the rate lies outside 1/1000 to 1000 frames per second.
    pub const fn new(numerator: u32, denominator: u32) -> Option<Self> {
        if numerator == 0
            || denominator == 0
            || numerator as u64 > denominator as u64 * 1000
            || denominator as u64 > numerator as u64 * 1000
        {
            return None;
        }
        Some(Self { numerator, denominator })
    }
    /// The time of `frames` frames, in microseconds, rounded down.
    pub const fn micros(self, frames: u64) -> u64 {
        // u128: 2^64 frames times a million.
        let micros = frames as u128 * 1_000_000 * self.denominator as u128 / self.numerator as u128;
        if micros > u64::MAX as u128 { u64::MAX } else { micros as u64 }
    }
    /// How many whole frames fit into `micros`, with the rounding of [`micros`](Self::micros) undone: `frames_in(micros(n)) == n`.
    pub const fn frames_in(self, micros: u64) -> u64 {
        let frames = (micros as u128 + 1) * self.numerator as u128 / (self.denominator as u128 * 1_000_000);
        if frames > u64::MAX as u128 { u64::MAX } else { frames as u64 }
    }
    /// How long one frame lasts.
    pub const fn interval(self) -> Duration {
        Duration::from_micros(self.micros(1))
    }
}
// impl Display: "24", "29.97"; FromStr: "24", "29.97", "30000/1001"

/// One picture, lent by its source.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'f> {
    /// Position in the source, counted from 0; a live source counts from its start.
    pub number: u32,
    /// A whole JPEG file, SOI to EOI.
    pub data: &'f [u8],
    /// When it was taken, where the source knows (live sources); `None`: the sender paces it by the frame rate.
    pub captured: Option<Instant>,
    /// Where its parts are. Parsed by the source, once per frame however many viewers share it.
    pub layout: Result<Layout, jpeg::Error>,
}

/// What [`FrameSource::advance`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Advance {
    /// [`FrameSource::frame`] now lends the next frame.
    Ready,
    /// A live source has nothing newer yet; `until`: when it will, where it knows.
    Pending {
        /// When to ask again. `None`: soon, or when the driver hears of a frame.
        until: Option<Instant>,
    },
    /// The last frame was lent before.
    End,
}

/// A viewer's position in a stream of frames. Two methods, so that no borrow lives across polls.
pub trait FrameSource {
    /// What reading can fail with.
    type Error: core::fmt::Debug;
    /// Moves to the next frame. After an error the source stands behind the frame that failed: call again for the one after it.
    fn advance(&mut self, now: Instant) -> Result<Advance, Self::Error>;
    /// The frame [`advance`](Self::advance) moved to, or `None` before the first and after the end.
    fn frame(&self) -> Option<Frame<'_>>;
    /// The number of the frame that `advance` moves to next.
    fn position(&self) -> u32;
    /// Makes `number` the next frame; beyond the last, the end. Live sources ignore it.
    fn seek(&mut self, number: u32) -> Result<(), Self::Error>;
}
