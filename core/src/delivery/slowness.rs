//! Frames that are made ready too slowly, and how many of them to leave out so that the others come in time.

use crate::time::{Duration, Instant};

/// For so long late frames are counted before their number says how fast the source is.
const COUNTED: u64 = 200_000;
/// After so long without a late frame, a few more are tried.
const CALM: u64 = 2_000_000;
/// Lag that is caught up with in about this time.
const CATCH_UP: u64 = 2_000_000;
/// No more frames than these are left out at a time, in thousandths of frames.
const MOST: u64 = 1_000_000;
const WHOLE: u64 = 1000;

/// How fast a source has been of late.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slowness {
    /// The stride that the source keeps up with, in thousandths of a frame. Less than a frame: any.
    stride: u32,
    /// The low half of the microseconds of the first late frame, or of the last time when `stride` was too long.
    since: u32,
    /// Frames that were late one after another.
    late: u16,
}

impl Slowness {
    /// The stride that the source keeps up with, in thousandths of a frame.
    pub(super) const fn stride(self) -> u32 {
        self.stride
    }

    /// The client was slower: what was counted says nothing about the source.
    pub(super) const fn forget_count(&mut self) {
        self.late = 0;
    }

    /// A frame is there. `lag`: by how much it is late; `waited`: it had to be waited for. `interval`: how long one frame of the
    /// medium lasts on its way, in microseconds; `stride`: the distance to the next one, and that where all are in time, in
    /// thousandths of a frame.
    pub(super) fn handle_frame(
        &mut self,
        now: Instant,
        lag: Duration,
        waited: bool,
        interval: u64,
        (stride, normal): (u32, u32),
    ) {
        let lag = u64::try_from(lag.as_micros()).unwrap_or(u64::MAX);
        let at = now.as_micros() as u32;
        let elapsed = u64::from(at.wrapping_sub(self.since));
        if lag <= interval.saturating_mul(stride.into()) / WHOLE {
            if self.late > 0 {
                (self.late, self.since) = (0, at);
            } else if self.stride > normal && elapsed > CALM {
                // By an eighth of what it may be too long, and by a sixteenth of a frame at least.
                let too_long = self.stride.saturating_sub(normal);
                self.stride = self.stride.saturating_sub(too_long.div_ceil(8).max(64));
                self.since = at;
            }
            return;
        }
        if self.late == 0 {
            if waited {
                (self.late, self.since) = (1, at);
            }
            return;
        }
        // All that came since the first one came as fast as the source can.
        let came = interval.saturating_mul(self.late.into());
        self.late = self.late.saturating_add(1);
        if elapsed >= COUNTED {
            let needed = elapsed.saturating_mul(WHOLE).checked_div(came).unwrap_or(MOST);
            let with_lag = needed.saturating_add(needed.saturating_mul(lag.min(CATCH_UP)) / CATCH_UP);
            self.stride = with_lag.min(MOST) as u32;
            // The next frame may have to wait for some that were ordered and are not wanted any more.
            (self.late, self.since) = (0, at);
        }
    }
}
