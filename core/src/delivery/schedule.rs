//! When frames are due, and what happens to a viewer who falls behind.

use super::tempo::Tempo;
use crate::media::{FrameRate, scaled};
use crate::time::{Duration, Instant};

/// How far a TCP client may lag behind the due times of a file's frames before whole frames are left out for it. It may be a
/// recorder on a busy machine, which wants all of them, or its connection may be too slow for the film. Players buffer about as
/// much by default. A live source never waits: it always gives its newest frame. The same goes for the frames of a file that
/// are made ready too late.
const MAX_LAG: Duration = Duration::from_secs(1);
/// The same where it is the network that has no room for all that is sent to everybody over UDP: what is left out cannot be had by
/// waiting, and players that show what comes when it comes wait for little more.
const MAX_CROWDED_LAG: Duration = Duration::from_millis(100);
/// After a stall of the whole server this long, streams go on from now instead of catching up.
const RESTART_LAG: Duration = Duration::from_secs(1);
/// The least time from the first frame after one PLAY to that after the next. Reading and sending frames is what costs a server,
/// and a client that seeks a thousand times a second would have it do little else.
const SEEK_GAP: Duration = Duration::from_millis(20);
/// A frame is stamped at least this much later than the frame before it, which makes one tick of the 90 kHz clock.
const TICK: Duration = Duration::from_micros(12);

/// Whether frames leave when they are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// None has left since PLAY.
    First,
    Kept,
    /// The client's connection had no room while a frame was due.
    ClientBehind,
    /// The socket that leads to all clients had no room while a frame was due.
    Crowded,
    /// A frame was not ready for long after it was due.
    SourceBehind,
}

/// What media are measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// In frames, which last equally long.
    Frames,
    /// In microseconds.
    Micros,
}

/// The due times of one stream's frames, and their timestamps. Both run on evenly while a stretch of the medium is played.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    rate: FrameRate,
    /// When the stretch's beginning was due.
    begun: Instant,
    /// The instant that the timestamp of the stretch's beginning tells. It differs from `begun` where media leave faster or
    /// slower than they are shown, and where the first frame had to be waited for.
    stamped: Instant,
    /// From the stretch's beginning to the next frame, in the medium's unit.
    passed: u64,
    /// Timestamps start here and never step back.
    floor: Instant,
    /// The first frame after the next PLAY is not due before.
    rested: Instant,
    tempo: Tempo,
    unit: Unit,
    pace: Pace,
    /// Streams of the same rate begin at instants so many microseconds apart, and so share their wake-ups; 0: whenever they are
    /// asked to.
    grid: u32,
}

impl Schedule {
    pub(super) fn new(rate: FrameRate, unit: Unit, now: Instant) -> Self {
        let (tempo, pace) = (Tempo::NORMAL, Pace::First);
        Self { rate, begun: now, stamped: now, passed: 0, floor: now, rested: now, tempo, unit, pace, grid: 0 }
    }

    pub(super) fn set_grid(&mut self, grid: Duration) {
        self.grid = u32::try_from(grid.as_micros()).unwrap_or(u32::MAX);
    }

    /// The next instant from `at` on that lies on the grid of its frame: so many steps behind a multiple of the interval.
    fn aligned(&self, at: Instant) -> Instant {
        if self.grid == 0 {
            return at;
        }
        let frame = self.rate.frames_in(at.as_micros());
        let (begin, end) = (self.rate.micros(frame), self.rate.micros(frame.saturating_add(1)));
        let step = u64::from(self.grid);
        let steps = at.as_micros().saturating_sub(begin).div_ceil(step);
        Instant::from_micros(begin.saturating_add(steps.saturating_mul(step)).min(end))
    }

    pub(super) const fn rate(&self) -> FrameRate {
        self.rate
    }

    pub(super) const fn tempo(&self) -> Tempo {
        self.tempo
    }

    /// The earliest timestamp of the next live frame.
    pub(super) const fn floor(&self) -> Instant {
        self.floor
    }

    /// The time for which the stretch up to the next frame is shown, in microseconds.
    fn shown(&self) -> u64 {
        match self.unit {
            Unit::Frames => self.rate.micros_at(self.passed, self.tempo.pace()),
            Unit::Micros => scaled(self.passed, 1000, self.tempo.pace()),
        }
    }

    /// When the next frame of a file is due.
    pub(super) fn due(&self) -> Instant {
        self.begun.after(Duration::from_micros(scaled(self.shown(), 1000, self.tempo.speed())))
    }

    /// The instant that the timestamp of the next frame of a file tells.
    pub(super) fn next_stamp(&self) -> Instant {
        self.stamped.after(Duration::from_micros(self.shown())).max(self.floor)
    }

    /// Moves on by a piece of the medium, in its unit.
    pub(super) fn advance(&mut self, distance: u64) {
        self.passed = self.passed.saturating_add(distance);
    }

    /// PLAY: the next frame is due now, or a little later on the grid. Its timestamp must lie behind that of the frame before, even if the client pauses and
    /// plays at once.
    pub(super) fn start(&mut self, now: Instant, tempo: Tempo) {
        self.begun = self.aligned(now.max(self.rested));
        self.stamped = self.begun.max(self.floor);
        self.floor = self.stamped;
        self.passed = 0;
        self.tempo = tempo;
        self.pace = Pace::First;
    }

    /// The next frame is due now, because nobody could have had it before.
    pub(super) fn restart(&mut self, now: Instant) {
        // Where media leave faster or slower than they are shown, timestamps go on as if nothing had happened.
        let next = self.next_stamp();
        self.stamped = if self.tempo.is_shown_at_once() { now.max(self.floor) } else { next };
        self.begun = self.aligned(now);
        self.passed = 0;
    }

    /// The first frame since PLAY is fetched.
    pub(super) fn handle_first(&mut self, now: Instant) {
        self.rested = now.after(SEEK_GAP);
    }

    /// A frame that can be sent is there.
    pub(super) const fn handle_ready(&mut self) {
        if matches!(self.pace, Pace::First) {
            self.pace = Pace::Kept;
        }
    }

    pub(super) const fn handle_full(&mut self) {
        self.pace = Pace::ClientBehind;
    }

    /// The socket that all clients share had no room while a frame was due.
    pub(super) const fn handle_crowded(&mut self) {
        if !matches!(self.pace, Pace::ClientBehind) {
            self.pace = Pace::Crowded;
        }
    }

    /// Nothing is due any more that the client could be late for.
    pub(super) const fn handle_end(&mut self) {
        self.pace = Pace::Kept;
    }

    /// Whether no frame has left since PLAY.
    pub(super) const fn is_first(&self) -> bool {
        matches!(self.pace, Pace::First)
    }

    /// By how much the next frame is late.
    pub(super) fn lag(&self, now: Instant) -> Duration {
        now.since(self.due())
    }

    /// A frame that was waited for is there, and the medium's times stay as they are. The first frame is given its time: all
    /// frames leave later by as much, so that the client sees a longer way and no frame is late. `false`: it was a later one, which
    /// is late by more than frames last.
    pub(super) fn handle_late_source(&mut self, now: Instant) -> bool {
        let lag = self.lag(now);
        if self.is_first() {
            self.begun = self.aligned(self.begun.after(lag));
            self.stamped = self.stamped.after(lag.saturating_sub(MAX_LAG));
            return true;
        }
        let is_late = lag > Duration::from_micros(self.interval());
        if is_late && self.pace == Pace::Kept {
            self.pace = Pace::SourceBehind;
        }
        !is_late
    }

    /// The time from one frame of a constant rate to the next, in microseconds, where none is left out.
    pub(super) fn interval(&self) -> u64 {
        scaled(self.rate.micros_at(1, self.tempo.pace()), 1000, self.tempo.speed())
    }

    /// How many frames last as long as this, at least.
    fn frames_in(&self, time: Duration) -> u32 {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let of_the_medium = scaled(scaled(micros, self.tempo.speed(), 1000), self.tempo.pace(), 1000);
        u32::try_from(self.rate.frames_in(of_the_medium)).unwrap_or(u32::MAX)
    }

    /// How many frames to leave out before the one that is due, because the client reads too slowly over TCP, the network has no room
    /// for all that leaves over UDP, or the source is too slow. After a stall of our own, time starts anew instead.
    pub(super) fn frames_to_leave_out(&mut self, now: Instant) -> u32 {
        let lag = self.lag(now);
        match self.pace {
            Pace::ClientBehind | Pace::SourceBehind if lag > MAX_LAG => return self.frames_in(lag),
            Pace::Crowded if lag > MAX_CROWDED_LAG => return self.frames_in(lag),
            _ if lag > RESTART_LAG => self.restart(now),
            _ => {}
        }
        0
    }

    /// Whether it is the client that is behind, or the network on the way to it.
    pub(super) const fn is_client_behind(&self) -> bool {
        matches!(self.pace, Pace::ClientBehind | Pace::Crowded)
    }

    /// Forgets that somebody was behind where nobody is any more.
    pub(super) fn forget_lag(&mut self, now: Instant) {
        if !self.is_first() && self.lag(now) < Duration::from_micros(self.interval()) {
            self.pace = Pace::Kept;
        }
    }

    /// The instant that the timestamp of a live frame tells.
    pub(super) fn live_stamp(&mut self, now: Instant, captured: Option<Instant>) -> Instant {
        // A camera whose clock is fast would hold back the timestamps of all that follow.
        let at = captured.unwrap_or(now).min(now).max(self.floor);
        self.floor = at.after(TICK);
        at
    }

    /// The next frame of a file has its timestamp.
    pub(super) fn handle_stamped(&mut self) {
        self.floor = self.next_stamp().after(TICK);
    }
}
