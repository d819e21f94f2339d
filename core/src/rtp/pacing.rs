//! When the next frame is due, and when the next report is.

use crate::source::FrameRate;
use crate::time::{Duration, Instant};

/// Deadlines of a constant frame rate without drift: frame n is due at anchor + n / rate, rounded once.
#[derive(Clone, Copy, Debug)]
pub struct Pacer { /* rate, anchor: Instant, index: u64 */ }

impl Pacer {
    /// The first frame is due at `now`.
    pub fn new(rate: FrameRate, now: Instant) -> Self { todo!() }
    /// When the next frame is due.
    pub fn due(&self) -> Instant { todo!() }
    /// Moves on to the frame after it.
    pub fn advance(&mut self) { todo!() }
    /// Starts again at `now` (after PAUSE, or when hopelessly late).
    pub fn restart(&mut self, now: Instant) { todo!() }
}

/// When RTCP reports are due: 5 s apart, varied by 0.5 to 1.5 (RFC 3550 section 6.2), the first one at once.
#[derive(Clone, Copy, Debug)]
pub struct ReportTimer { /* next: Instant, random state */ }

impl ReportTimer {
    pub fn new(now: Instant, seed: u32) -> Self { todo!() }
    pub fn due(&self) -> Instant { todo!() }
    /// A report left at `now`: plans the next one.
    pub fn sent(&mut self, now: Instant) { todo!() }
}
#[allow(unused)] const _: Option<Duration> = None;
