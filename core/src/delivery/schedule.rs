//! When frames are due, and what happens to a viewer who falls behind.

use crate::media::FrameRate;
use crate::rtp::pacing::Pacer;
use crate::time::{Duration, Instant};

/// How far a TCP client may lag behind the due times of a file's frames before whole frames are left out for it. It may be a
/// recorder on a busy machine, which wants all of them, or its connection may be too slow for the film. Players buffer about as
/// much by default. A live source never waits: it always gives its newest frame.
const TCP_LAG: Duration = Duration::from_secs(1);
/// After a stall of the whole server this long, streams go on from now instead of catching up.
const RESTART_LAG: Duration = Duration::from_secs(1);
/// The least time from the first frame after one PLAY to that after the next. Reading and sending frames is what costs a server,
/// and a client that seeks a thousand times a second would have it do little else.
const SEEK_GAP: Duration = Duration::from_millis(20);
/// A frame is stamped at least this much later than the frame before it, which makes one tick of the 90 kHz clock.
const TICK: Duration = Duration::from_micros(12);

/// Whether the client takes frames as fast as they are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    Kept,
    /// The client's connection had no room while a frame was due.
    Behind,
}

/// The due times of one stream's frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    pacer: Pacer,
    /// Timestamps of live frames start here and never step back.
    floor: Instant,
    /// The first frame after the next PLAY is not due before.
    rested: Instant,
    pace: Pace,
}

impl Schedule {
    pub(super) fn new(rate: FrameRate, now: Instant) -> Self {
        Self { pacer: Pacer::new(rate, now), floor: now, rested: now, pace: Pace::Kept }
    }

    pub(super) const fn rate(&self) -> FrameRate {
        self.pacer.rate()
    }

    /// The earliest timestamp of the next live frame.
    pub(super) const fn floor(&self) -> Instant {
        self.floor
    }

    /// When the next frame of a file is due.
    pub(super) fn due(&self) -> Instant {
        self.pacer.due()
    }

    /// Moves on by so many frames.
    pub(super) fn advance(&mut self, frames: u32) {
        self.pacer.advance(frames);
    }

    /// PLAY: the next frame is due now. Its timestamp must lie behind that of the frame before, even if the client pauses and
    /// plays at once.
    pub(super) fn start(&mut self, now: Instant) {
        let at = now.max(self.floor).max(self.rested);
        self.pacer.restart(at);
        self.floor = at;
        self.pace = Pace::Kept;
    }

    /// The first frame since PLAY is fetched.
    pub(super) fn handle_first(&mut self, now: Instant) {
        self.rested = now.after(SEEK_GAP);
    }

    pub(super) const fn handle_full(&mut self) {
        self.pace = Pace::Behind;
    }

    /// Nothing is due any more that the client could be late for.
    pub(super) const fn handle_end(&mut self) {
        self.pace = Pace::Kept;
    }

    /// A frame that had to be waited for is there. Where it takes longer to make than it lasts, slow motion that says so in its
    /// timestamps is better than late frames that do not.
    pub(super) fn handle_late_source(&mut self, now: Instant) {
        if now.since(self.due()) > self.rate().interval() {
            self.pacer.restart(now);
        }
    }

    /// How many frames to leave out before the one that is due, for a client that reads too slowly over TCP. After a stall of
    /// our own, time starts anew instead.
    pub(super) fn frames_to_leave_out(&mut self, now: Instant) -> u32 {
        let lag = now.since(self.due());
        if self.pace == Pace::Behind && lag > TCP_LAG {
            let late = self.rate().frames_in(u64::try_from(lag.as_micros()).unwrap_or(u64::MAX));
            return u32::try_from(late).unwrap_or(u32::MAX);
        }
        if lag > RESTART_LAG {
            self.pacer.restart(now);
        }
        0
    }

    /// Forgets that the client was behind where it is not any more.
    pub(super) fn forget_lag(&mut self, now: Instant) {
        if now.since(self.due()) < self.rate().interval() {
            self.pace = Pace::Kept;
        }
    }

    /// The instant that the timestamp of a frame tells.
    pub(super) fn stamp(&mut self, now: Instant, captured: Option<Instant>, is_live: bool) -> Instant {
        let at = match captured {
            Some(captured) => captured.max(self.floor),
            None if is_live => now.max(self.floor),
            None => self.due(),
        };
        self.floor = at.after(TICK);
        at
    }
}
