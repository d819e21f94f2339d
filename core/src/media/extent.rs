//! How far media reach.

use super::FrameRate;
use crate::time::Duration;

/// How far a medium reaches, and what tells the times of its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Extent {
    /// It shows what happens now. It has neither beginning nor end, and nobody moves in it.
    Live,
    /// It is recorded, and its frame rate tells the times: frame n is shown n / rate after the beginning.
    Frames {
        /// So many frames are there.
        count: u32,
        /// Whether these are all.
        end: End,
    },
    /// It is recorded, and each frame tells its own [`time`](super::Frame::time). The frame rate is an average, and says how
    /// long the last frame lasts where nothing else does.
    Timed {
        /// The time from the beginning to the end of the last frame that is there.
        duration: Duration,
        /// Whether that is the medium's end.
        end: End,
    },
}

/// Whether the end of a recorded medium is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum End {
    /// It is.
    Known,
    /// The medium still grows, or somebody still looks for its end. Viewers can move as far as it reaches by now. At its edge
    /// they wait for more ([`Advance::Edge`](super::Advance::Edge)).
    Open,
}

impl Extent {
    /// That of a recorded medium of so many frames, of which the frame rate tells the times.
    pub const fn frames(count: u32) -> Self {
        Self::Frames { count, end: End::Known }
    }

    /// The length of the medium in microseconds, as far as it is there by now. `None`: it is live.
    pub fn micros(self, rate: FrameRate) -> Option<u64> {
        match self {
            Self::Live => None,
            Self::Frames { count, .. } => Some(rate.micros(count.into())),
            Self::Timed { duration, .. } => Some(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)),
        }
    }

    /// Whether it is recorded and its end is known.
    pub const fn has_end(self) -> bool {
        matches!(self, Self::Frames { end: End::Known, .. } | Self::Timed { end: End::Known, .. })
    }
}
