//! A sender's timestamps on our clock.

use super::clock;
use crate::time::Instant;

/// If a frame's arrival differs by more than this from the mapping, the frame starts a new mapping.
const DISCONTINUITY_MICROS: i64 = 2_000_000;

/// The mapping follows late frames by 1/128 of the lateness per frame. At 24 frames a second this keeps up with clocks that run
/// apart by far more than the 100 ppm of bad crystals, and jitter hardly moves it.
const FOLLOW_SHIFT: u32 = 7;

/// Maps RTP timestamps (90 kHz) to the receiver's clock.
///
/// The frame that travelled fastest defines it. Slower frames waited in queues.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mapping {
    /// A timestamp, and the instant when a frame of this timestamp arrives if nothing delays it.
    reference: Option<(u32, Instant)>,
}

impl Mapping {
    /// The instant of a frame that has this timestamp and whose first packet came at `arrival`.
    pub(crate) fn at(&mut self, timestamp: u32, arrival: Instant) -> Instant {
        let at = match self.reference {
            Some((reference, at)) => follow(reference, at, timestamp, arrival).unwrap_or(arrival),
            None => arrival,
        };
        self.reference = Some((timestamp, at));
        at
    }

    /// The next frame starts a new mapping.
    pub(crate) fn reset(&mut self) {
        self.reference = None;
    }
}

/// The frame's time by the mapping, moved towards its arrival. `None` if the two are too far apart to be related.
fn follow(reference: u32, at: Instant, timestamp: u32, arrival: Instant) -> Option<Instant> {
    let ahead = clock::micros(timestamp.wrapping_sub(reference).cast_signed().into());
    let at = at.as_micros().checked_add_signed(ahead)?;
    let late = i64::try_from(i128::from(arrival.as_micros()).wrapping_sub(i128::from(at))).ok()?;
    if late.unsigned_abs() > DISCONTINUITY_MICROS.unsigned_abs() {
        return None;
    }
    let correction = if late < 0 { late } else { late >> FOLLOW_SHIFT };
    at.checked_add_signed(correction).map(Instant::from_micros)
}
