//! How many packets leave back to back, and how long after that the next ones do.
//!
//! A receiver loses what comes while its buffer is full. By default Linux gives it 212,992 bytes, which 92 packets of a usual size
//! fill. So a frame is spread over its interval, in bursts no longer than that takes. `docs/costs.md` has what was measured.

use super::schedule::Schedule;
use crate::time::{Duration, Instant};

/// Packets of a burst where nothing speaks for more, so that most frames cost one wake-up.
const LEAST: u8 = 32;
/// A receiver that reads at once takes bursts of this size, and has lost some of larger ones.
const MOST: u8 = 64;
/// Gaps are whole milliseconds, which is what many systems' timers count.
const SHORT: u8 = 1;
/// The gap where nobody waits for the frame: a receiver may come twice as late. It wakes up nobody more often.
const LONG: u8 = 2;

/// The longest gap where each packet leaves alone. Servers of the lab dialect do not wait longer.
const LONGEST: u32 = 5;

/// The packets that have left at one instant, and those that may.
#[derive(Clone, Copy, Debug)]
pub(super) struct Burst {
    packets: u8,
    /// Packets of a burst of this frame.
    most: u8,
    /// Milliseconds.
    gap: u8,
    /// A full socket has interrupted the burst: the next packets still count as part of it, however much later they leave.
    is_cut_short: bool,
    /// Each packet leaves alone, as far as there are milliseconds for them.
    is_spread: bool,
    /// The low half of the instant's microseconds. Every 71 minutes two instants look alike, which costs one gap too many.
    at: u32,
}

impl Burst {
    pub(super) const fn new() -> Self {
        Self { packets: 0, most: LEAST, gap: SHORT, is_cut_short: false, is_spread: false, at: 0 }
    }

    pub(super) const fn spread(&mut self) {
        self.is_spread = true;
    }

    /// A frame of so many packets begins, and should leave in seven eighths of the time until the next one, or in half of it where
    /// it is late. `false`: it is too large for that. `is_film`: it has a due time, and nobody minds if it takes a little longer.
    pub(super) fn begin(&mut self, now: Instant, packets: u32, schedule: &Schedule, is_film: bool) -> bool {
        (self.most, self.gap) = (LEAST, SHORT);
        let least = if self.is_spread { 1 } else { LEAST };
        let gaps = packets.div_ceil(least.into()).saturating_sub(1);
        if gaps == 0 {
            return true;
        }
        self.most = least;
        let interval = schedule.interval();
        let is_late = is_film && schedule.lag(now) >= Duration::from_micros(interval);
        let eighths = if is_late { 4 } else { 7 };
        let time = u32::try_from(interval.saturating_mul(eighths) / 8000).unwrap_or(u32::MAX);
        match time.checked_div(gaps) {
            None | Some(0) => {
                let most = packets.div_ceil(time.saturating_add(1));
                self.most = most.clamp(least.into(), MOST.into()) as u8;
                most <= MOST.into()
            }
            Some(gap) if self.is_spread => {
                self.gap = gap.min(LONGEST) as u8;
                true
            }
            Some(gap) => {
                self.gap = gap.min(if is_film && !is_late { LONG } else { SHORT }.into()) as u8;
                true
            }
        }
    }

    /// Packets that may leave at `now`; at least one.
    pub(super) fn left(&self, now: Instant) -> u32 {
        let left = if self.is_new(now) { self.most } else { self.most.saturating_sub(self.packets) };
        left.max(1).into()
    }

    /// Counts packets that left at `now`. Gives the instant from which the next packet may leave, if the burst is full.
    pub(super) fn count(&mut self, now: Instant, packets: u32) -> Option<Instant> {
        if self.is_new(now) {
            self.packets = 0;
        }
        (self.at, self.is_cut_short) = (now.as_micros() as u32, false);
        self.packets = self.packets.saturating_add(u8::try_from(packets).unwrap_or(u8::MAX));
        (self.packets >= self.most).then(|| now.after(Duration::from_millis(self.gap.into())))
    }

    const fn is_new(&self, now: Instant) -> bool {
        self.at != now.as_micros() as u32 && !self.is_cut_short
    }

    /// The next packets continue the burst that a full socket has interrupted, if it was one.
    pub(super) const fn go_on(&mut self) {
        self.is_cut_short = self.packets < self.most;
    }
}
