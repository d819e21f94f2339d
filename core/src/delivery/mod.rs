//! What one viewer's media does next, decided without a socket, a clock or a frame's bytes.
//!
//! ```text
//!            PLAY                  answer gone          due                  frame
//!   Paused ────────▶ Answering ───────────────▶ Due ─────────▶ (Fetch) ───────────────▶ Sending ──▶ Due …
//!      ▲                                         ▲  source has none yet │   a burst is full │ ▲
//!      │                                         └────── Awaiting ◀─────┘                   ▼ │ time, or room
//!      └──── Ended ◀──── Ending (BYE) ◀── end of the medium                       Gap, NoRoom, Waiting
//! ```
//! Where frames have their own times, each is fetched as soon as the one before has left, and waits in `Gap` until it is due.
//!
//! A driver asks [`poll`](Delivery::poll) until it says [`Step::Nothing`], carries out each step, and says what came of it with one
//! of the `handle_*` calls. It asks again at [`poll_timeout`](Delivery::poll_timeout), and when something has happened.
//!
//! | file | what is decided there |
//! |---|---|
//! | `schedule` | when frames are due, and which are left out for a client that reads too slowly |
//! | `position` | ranges, rounds, and what PLAY asks for |
//! | `tempo` | which scales and speeds are done |
//! | `slowness` | which frames are left out where a source makes them ready too slowly |
//! | `burst` | how many packets leave back to back |
//! | `end` | when BYE is due, and when a medium counts as gone |

mod burst;
mod end;
mod position;
mod schedule;
mod slowness;
mod tempo;
#[cfg(test)]
mod tests;

pub use end::LeftOut;
pub use position::{Asked, AtEnd, Place, Plan};

use crate::media::{Course, Extent, FrameRate, scaled};
use crate::rtp::pacing::ReportTimer;
use crate::time::{Duration, Instant, earliest};
use crate::wire::rtsp::headers::{Range, Scale, Speed};
use burst::Burst;
use core::ops;
use end::Losses;
use position::{Arrival, Doing, Position, Start};
use schedule::{Schedule, Unit};
use slowness::Slowness;

/// Frames of a live source that may be on their way to a client: one that leaves, and one that the client has not taken yet.
const LIVE_BACKLOG: u32 = 2;

/// A full UDP socket drains in microseconds.
const RETRY: Duration = Duration::from_millis(1);

/// The medium that is delivered.
#[derive(Clone, Copy, Debug)]
pub struct Medium {
    /// Frames per second.
    pub rate: FrameRate,
    /// How far it reaches.
    pub extent: Extent,
    /// What happens behind the last of them.
    pub at_end: AtEnd,
}

/// How packets travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// In datagrams. They leave in bursts, and only after PLAY's answer.
    Udp,
    /// On the control connection, which takes them in order with the answers.
    Interleaved,
}

/// What a driver has to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Step {
    /// Fetch the next frame from the source, after moving the source to `from` where that is given, and telling it
    /// [`Delivery::course`]. Then call [`Delivery::handle_frame`].
    Fetch {
        /// Where to move to.
        from: Option<Place>,
    },
    /// Send these fragments of the frame, or the first of them. Then call [`Delivery::handle_sent`],
    /// [`handle_full`](Delivery::handle_full) or [`handle_taken_back`](Delivery::handle_taken_back).
    Send {
        /// Those that may leave now.
        fragments: ops::Range<u32>,
    },
    /// Send a report. One that finds no room is not worth waiting for, since the next one says the same.
    Report,
    /// Say BYE. Then call [`Delivery::handle_bye`] or [`handle_full`](Delivery::handle_full).
    Bye,
    /// The medium or the range has come to its end, and has said so.
    Ended,
    /// Nothing before [`Delivery::poll_timeout`], or before a `handle_*` call says that something has happened.
    Nothing,
}

/// What came of [`Step::Fetch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// A frame that can be sent.
    Ready {
        /// Its number in the source.
        number: u32,
        /// When it was taken, where the source knows.
        captured: Option<Instant>,
        /// When it is shown, where frames have their own times.
        time: Option<Duration>,
        /// How many packets it takes.
        fragments: u32,
    },
    /// None yet.
    NotYet {
        /// When there will be one; `None`: [`Delivery::handle_wake`] tells.
        until: Option<Instant>,
    },
    /// The last one that is there was fetched before, and the medium grows: [`Delivery::handle_wake`] tells.
    Edge,
    /// The last one was fetched before.
    End,
    /// One that does not leave.
    LeftOut(LeftOut),
    /// The source cannot move to where it should.
    CannotMove,
}

/// How a frame is to be named in its packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The instant that its timestamp tells.
    pub at: Instant,
    /// Its number, counted through all rounds.
    pub number: u32,
}

/// What PLAY's answer tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Played {
    /// The instant that the timestamp of the next frame tells.
    pub at: Instant,
    /// What will be played.
    pub range: Range,
    /// How fast it is shown, which is the nearest to what was asked for.
    pub scale: Scale,
    /// How fast it leaves, which is the nearest to what was asked for.
    pub speed: Speed,
}

/// What became of a stream's frames, for the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Counts {
    /// Frames sent whole.
    pub frames: u32,
    /// Frames left out because the client does not read fast enough (TCP), or because the network has no room for them or they are too
    /// large to leave in time in bursts that the client could take (UDP).
    pub skipped: u32,
    /// Frames left out because the source does not make them ready in time.
    pub unready: u32,
    /// Frames left out because they are damaged, too large to be sent in so many parts as can be told apart, or not expressible in RFC 2435.
    pub unsendable: u32,
}

/// What a stream waits for room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoomFor {
    /// A frame of which nothing has left.
    Frame,
    /// The rest of a frame, which is worth nothing without it.
    Rest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rtcp {
    None,
    Reports,
}

/// How much of a frame has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Progress {
    next: u32,
    fragments: u32,
}

/// Why a frame is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// It is not ready.
    Unready,
    /// The medium does not reach so far.
    Edge,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Paused,
    /// PLAY's answer must have left before the first packet.
    Answering,
    /// The first frame since PLAY is fetched when it is due.
    Starting,
    /// The next frame is fetched at `at`.
    Due {
        at: Instant,
    },
    /// A file begins again at its first frame.
    StartingOver,
    /// The source was asked for a frame that is not there yet.
    Awaiting {
        until: Option<Instant>,
        why: Wait,
    },
    Sending(Progress),
    /// A burst has left, or the frame is not due yet.
    Gap {
        frame: Progress,
        until: Instant,
    },
    /// The socket is full, and nobody tells when it has room.
    NoRoom {
        frame: Progress,
        until: Instant,
    },
    /// The control connection is full, or a socket that tells when it has room.
    Waiting(Progress),
    /// The last frame has left, and BYE is due.
    Ending {
        bye: Instant,
    },
    /// BYE waits for room in the control connection.
    EndWaiting,
    Ended,
}

/// One viewer's stream.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    state: State,
    way: Way,
    schedule: Schedule,
    position: Position,
    slowness: Slowness,
    /// Frames that are left out before the next one, once the source has moved.
    leaving_out: u32,
    burst: Burst,
    rtcp: Rtcp,
    /// Room in a full socket was for this frame alone: others wait, too.
    is_last: bool,
    /// Used where there is RTCP.
    reports: ReportTimer,
    losses: Losses,
    counts: Counts,
}

impl Delivery {
    /// A stream that stands before its first frame. `reports`: seeds the times of RTCP reports; `None`: there are none, and no
    /// BYE.
    pub fn new(now: Instant, medium: Medium, way: Way, reports: Option<u32>) -> Self {
        let position = Position::new(medium.extent, medium.at_end);
        let unit = if position.is_timed() { Unit::Micros } else { Unit::Frames };
        Self {
            state: State::Paused,
            way,
            schedule: Schedule::new(medium.rate, unit, now),
            position,
            slowness: Slowness::default(),
            leaving_out: 0,
            burst: Burst::new(),
            rtcp: if reports.is_some() { Rtcp::Reports } else { Rtcp::None },
            is_last: false,
            reports: ReportTimer::new(now, reports.unwrap_or(0)),
            losses: Losses::default(),
            counts: Counts::default(),
        }
    }

    /// Lets the frames of a file be due on a grid, so that a server wakes up once for all that are due together: each PLAY begins at
    /// the next instant that lies so many steps behind a multiple of the interval. The frames' distance stays what it is. Zero, as
    /// at first: PLAY begins at once.
    pub fn set_wake_grid(&mut self, grid: Duration) {
        // Frames of a live medium are due together already.
        if !self.position.is_live() {
            self.schedule.set_grid(grid);
        }
    }

    /// Lets the packets of a frame leave one by one, spread over its interval: receivers of the lab dialect lose what comes in bursts.
    pub const fn spread(&mut self) {
        self.burst.spread();
    }

    /// What became of its frames.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Frames per second.
    pub const fn rate(&self) -> FrameRate {
        self.schedule.rate()
    }

    /// How fast frames leave.
    pub fn speed(&self) -> Speed {
        self.schedule.tempo().for_speed()
    }

    /// How many frames are worth keeping on their way to the client: two of a live source, of which the newest counts, and a second
    /// of a film, for which a player waits anyway.
    pub fn backlog(&self) -> u32 {
        if self.position.is_live() {
            return LIVE_BACKLOG;
        }
        let frames = Duration::from_secs(1).as_micros().checked_div(self.schedule.interval().max(1).into());
        frames.map_or(LIVE_BACKLOG, |frames| u32::try_from(frames).unwrap_or(u32::MAX).max(LIVE_BACKLOG))
    }

    /// Whether the client gets reports, and BYE.
    pub const fn has_reports(&self) -> bool {
        matches!(self.rtcp, Rtcp::Reports)
    }

    /// The client has chosen another transport. It must not be playing.
    pub const fn set_way(&mut self, way: Way) {
        self.way = way;
    }

    /// The medium reaches so far by now.
    pub const fn set_extent(&mut self, extent: Extent) {
        self.position.set_extent(extent);
    }

    /// The frames that will be fetched, from the next one on. `None`: the medium is live, or their numbers are not known yet.
    pub fn course(&self) -> Option<Course> {
        self.position.known_course().map(|course| course.moved(self.leaving_out))
    }

    /// What a PLAY request comes to. `at`: the frame that the source gives next. `None`: the medium has no such range.
    pub fn plan(&self, asked: Asked, at: u32) -> Option<Plan> {
        let doing = match self.state {
            State::Ending { .. } | State::EndWaiting => Doing::Ending,
            State::Paused | State::Ended => Doing::Nothing,
            _ => Doing::Playing,
        };
        // Half a frame has left: it comes again, whole.
        let at = if self.frame_under_way().is_some() { None } else { Some(at) };
        self.position.plan(self.schedule.rate(), asked, doing, at, self.schedule.tempo())
    }

    /// Starts, resumes or seeks as planned. The source has been moved.
    pub fn handle_play(&mut self, now: Instant, plan: Plan) -> Played {
        match plan.start {
            Start::No => {}
            Start::Live => self.start(now, plan),
            Start::At(position) => {
                self.position = position;
                self.start(now, plan);
            }
        }
        let at = if self.position.is_live() { self.schedule.floor() } else { self.schedule.next_stamp() };
        Played { at, range: plan.range, scale: plan.tempo.scale(), speed: plan.tempo.for_speed() }
    }

    fn start(&mut self, now: Instant, plan: Plan) {
        self.schedule.start(now, plan.tempo);
        self.slowness.forget_count();
        self.leaving_out = 0;
        self.is_last = false;
        self.reports.restart(now);
        self.losses = Losses::default();
        self.state = match self.way {
            Way::Udp => State::Answering,
            Way::Interleaved => State::Starting,
        };
    }

    /// PLAY's answer has left.
    pub const fn handle_answered(&mut self) {
        if matches!(self.state, State::Answering) {
            self.state = State::Starting;
        }
    }

    /// Stops where it is. Gives the number of the frame that was under way, if there was one: move the source back to it, so
    /// that the frame comes again as a whole. A live source does not move by that, but gives its buffer back.
    pub fn handle_pause(&mut self) -> Option<u32> {
        let back = self.frame_under_way().and_then(|_| self.position.step_back(self.schedule.rate()));
        self.state = State::Paused;
        back
    }

    /// The fragments of a frame that have not left, if others of it have: they are to be sent now, and the stream stands behind the frame.
    pub fn rest(&mut self) -> Option<ops::Range<u32>> {
        let frame = self.frame_under_way().filter(|frame| frame.next > 0)?;
        self.state = State::Sending(frame);
        Some(frame.next..frame.fragments)
    }

    /// What to do now.
    pub fn poll(&mut self, now: Instant) -> Step {
        match self.state {
            State::Paused | State::Answering => return Step::Nothing,
            State::Ended => {
                self.state = State::Paused;
                return Step::Ended;
            }
            _ => {}
        }
        // The first report leaves before the first packet, so that a client can map timestamps to time at once.
        if self.has_reports() && now >= self.reports.due() {
            self.reports.sent(now);
            return Step::Report;
        }
        match self.state {
            State::Starting if self.position.is_live() || now >= self.schedule.due() => self.fetch(now),
            State::Due { at } if now >= at => self.fetch(now),
            State::Awaiting { until: Some(until), .. } if now >= until => self.fetch(now),
            State::StartingOver => Step::Fetch { from: self.position.move_for(0) },
            State::Sending(frame) => self.send(now, frame),
            State::Gap { frame, until } | State::NoRoom { frame, until } if now >= until => {
                self.state = State::Sending(frame);
                self.send(now, frame)
            }
            State::Ending { bye } if now >= bye => {
                if self.has_reports() {
                    return Step::Bye;
                }
                self.state = State::Paused;
                Step::Ended
            }
            _ => Step::Nothing,
        }
    }

    fn send(&self, now: Instant, frame: Progress) -> Step {
        let end = match self.way {
            Way::Udp => frame.next.saturating_add(self.burst.left(now)).min(frame.fragments),
            Way::Interleaved => frame.fragments,
        };
        Step::Send { fragments: frame.next..end }
    }

    fn fetch(&mut self, now: Instant) -> Step {
        let rate = self.schedule.rate();
        if !self.position.is_live() {
            let is_chosen = matches!(self.state, State::Awaiting { .. });
            if !self.position.is_timed() && !is_chosen {
                let late = self.schedule.frames_to_leave_out(now);
                self.leaving_out = self.position.leave_out(rate, late);
                self.schedule.forget_lag(now);
            }
            if self.position.is_range_over(rate, self.leaving_out) {
                self.handle_move(now);
                self.state = State::Paused;
                return Step::Ended;
            }
            if self.position.is_backwards() && self.position.course().peek().is_none() {
                self.handle_last_frame(now);
                return self.poll(now);
            }
        }
        if self.state == State::Starting {
            self.schedule.handle_first(now);
            self.state = State::Due { at: now };
        }
        Step::Fetch { from: if self.position.is_live() { None } else { self.position.move_for(self.leaving_out) } }
    }

    /// The source stands where it should: what was to be left out before is so.
    fn handle_move(&mut self, now: Instant) {
        let left_out = core::mem::take(&mut self.leaving_out);
        self.position.handle_move(left_out);
        if left_out == 0 {
            return;
        }
        // Of those that are shown at this tempo.
        let stride = self.position.course().stride().unsigned_abs().max(1000);
        self.count_left_out(scaled(left_out.into(), 1000, stride).max(1) as u32, self.schedule.is_client_behind());
        if !self.position.is_timed() {
            self.schedule.advance(left_out.into());
        }
        self.schedule.forget_lag(now);
    }

    fn count_left_out(&mut self, frames: u32, is_for_client: bool) {
        if is_for_client {
            self.counts.skipped = self.counts.skipped.saturating_add(frames);
            return;
        }
        if self.counts.unready == 0 && frames > 0 {
            warning!("frames are made ready too slowly: some are left out, so that the others come in time");
        }
        self.counts.unready = self.counts.unready.saturating_add(frames);
    }

    /// What the source gave. Where that is a frame to be sent: how to name it.
    pub fn handle_frame(&mut self, now: Instant, fetched: Fetched) -> Option<Stamp> {
        if fetched != Fetched::CannotMove && !self.position.is_live() {
            self.handle_move(now);
        }
        match fetched {
            Fetched::Ready { number, captured, time, fragments } => {
                let frame = Progress { next: 0, fragments };
                if self.position.is_live() {
                    self.state = State::Sending(frame);
                    // One that takes too long costs those that it outlasts: what follows is the newest by then.
                    let _ = self.burst.begin(now, fragments, &self.schedule, false);
                    let at = self.schedule.live_stamp(now, captured);
                    self.losses = Losses::default();
                    return Some(Stamp { at, number });
                }
                return self.handle_film_frame(now, number, time, frame);
            }
            Fetched::NotYet { until } => {
                // A time that has passed already is no time to ask again at.
                let until = until.map(|until| if until > now { until } else { self.soon(now) });
                self.state = State::Awaiting { until, why: Wait::Unready };
            }
            Fetched::Edge => self.state = State::Awaiting { until: None, why: Wait::Edge },
            Fetched::End if self.position.is_backwards() => self.handle_left_out(now, LeftOut::Missing),
            Fetched::End => {
                let rest = self.position.handle_end(self.schedule.rate());
                self.schedule.advance(rest);
                self.handle_last_frame(now);
            }
            Fetched::CannotMove if self.state == State::StartingOver => self.end(now),
            Fetched::CannotMove => {
                self.leaving_out = 0;
                self.position.handle_stuck();
                self.handle_left_out(now, LeftOut::Unreadable);
            }
            Fetched::LeftOut(why) => self.handle_left_out(now, why),
        }
        None
    }

    fn handle_film_frame(
        &mut self,
        now: Instant,
        number: u32,
        time: Option<Duration>,
        frame: Progress,
    ) -> Option<Stamp> {
        match self.position.handle_frame(number, time, self.schedule.is_first()) {
            Arrival::Due(distance) => self.schedule.advance(distance),
            Arrival::BehindRange(distance) => {
                self.schedule.advance(distance);
                self.state = State::Due { at: self.schedule.due() };
                return None;
            }
        }
        self.handle_arrival(now);
        if self.position.is_timed() {
            // Where the frame rate tells the times, this is done before a frame is fetched.
            let late = self.schedule.frames_to_leave_out(now);
            self.leaving_out = self.position.leave_out(self.schedule.rate(), late);
        }
        self.schedule.handle_ready();
        if self.way == Way::Udp && !self.burst.begin(now, frame.fragments, &self.schedule, true) {
            // Whole frames are left out, as for a connection that takes no more.
            self.schedule.handle_full();
        }
        self.losses = Losses::default();
        let due = self.schedule.due();
        self.state = if due > now { State::Gap { frame, until: due } } else { State::Sending(frame) };
        let at = self.schedule.next_stamp();
        if !self.is_told_by_next() {
            self.schedule.handle_stamped();
            self.schedule.advance(self.position.handle_stamped(time));
        }
        Some(Stamp { at, number: self.position.through_all_rounds(number) })
    }

    /// Whether the next frame tells when it is due, and not the one before it.
    const fn is_told_by_next(&self) -> bool {
        self.position.is_timed() && !self.position.is_backwards()
    }

    /// A frame is there, or one that can be left out.
    fn handle_arrival(&mut self, now: Instant) {
        if self.position.is_live() {
            return;
        }
        let waited = match self.state {
            State::Awaiting { why: Wait::Edge, .. } => {
                // It could not be there before. One that is there early keeps its time.
                if self.schedule.due() < now {
                    self.schedule.restart(now);
                }
                false
            }
            State::Awaiting { why: Wait::Unready, .. } => !self.schedule.handle_late_source(now),
            _ => false,
        };
        if self.schedule.is_client_behind() {
            self.slowness.forget_count();
        } else if !self.schedule.is_first() {
            let stride = self.position.course().stride().unsigned_abs();
            let normal = self.schedule.tempo().stride().unsigned_abs();
            let (lag, interval) = (self.schedule.lag(now), self.schedule.interval());
            self.slowness.handle_frame(now, lag, waited, interval, (stride, normal));
        }
    }

    fn handle_left_out(&mut self, now: Instant, why: LeftOut) {
        if why != LeftOut::Unreadable {
            self.handle_arrival(now);
        }
        if why != LeftOut::Missing {
            self.counts.unsendable = self.counts.unsendable.saturating_add(1);
        }
        let is_gone = self.losses.count(why, self.position.frames(), self.schedule.rate());
        if self.position.is_live() {
            // A camera that fails may fail for long, and says so as often as it is asked.
            self.state = State::Due { at: self.soon(now) };
            return;
        }
        self.position.handle_lost(self.schedule.rate());
        self.step();
        if is_gone {
            warning!("{} frames one after another were left out: the stream ends", self.losses.left_out());
            self.end(now);
        } else if self.position.is_timed() {
            // Nobody knows the time of the next one before it is there.
            self.state = State::Due { at: now.after(self.schedule.rate().interval()) };
        } else {
            self.state = State::Due { at: self.schedule.due() };
        }
    }

    /// Goes on to the next frame of a film.
    fn step(&mut self) {
        let normal = self.schedule.tempo().stride();
        let distance = self.position.step(self.slowness.stride(), normal);
        if !self.position.is_timed() {
            self.schedule.advance(distance.into());
        }
        if self.slowness.stride() > normal.unsigned_abs() {
            let shown = scaled(distance.into(), 1000, normal.unsigned_abs()).saturating_sub(1);
            self.count_left_out(shown as u32, false);
        }
    }

    /// When to ask a source again that does not know better.
    fn soon(&self, now: Instant) -> Instant {
        now.after(self.schedule.rate().interval().checked_div(4).unwrap_or_default())
    }

    fn end(&mut self, now: Instant) {
        self.schedule.handle_end();
        let bye = end::bye_due(self.schedule.due().max(now), self.way, self.has_reports());
        self.state = State::Ending { bye };
    }

    fn handle_last_frame(&mut self, now: Instant) {
        // A file without any frame does not start over for ever.
        let is_empty = self.state == State::StartingOver
            || (self.losses.left_out() > 0 && self.losses.left_out() >= self.position.seen());
        if !is_empty && self.position.start_over(self.schedule.rate()) {
            self.state = State::StartingOver;
        } else {
            self.end(now);
        }
    }

    /// So many of the fragments have left, from the first one on; at least one.
    pub fn handle_sent(&mut self, now: Instant, fragments: u32) {
        let State::Sending(frame) = self.state else { return };
        if frame.next == 0 && self.is_told_by_next() {
            // Only now: it may have waited until it was due, and might have been given back.
            self.schedule.handle_stamped();
        }
        let frame = Progress { next: frame.next.saturating_add(fragments), ..frame };
        let gap = match self.way {
            Way::Udp => self.burst.count(now, fragments),
            Way::Interleaved => None,
        };
        if frame.next >= frame.fragments {
            self.counts.frames = self.counts.frames.saturating_add(1);
            // A stream that is late would go on and on, while others wait.
            let rest = core::mem::take(&mut self.is_last).then(|| now.after(Duration::from_micros(1)));
            self.handle_frame_over(gap.max(rest));
        } else {
            self.state = match gap {
                Some(until) => State::Gap { frame, until },
                None => State::Sending(frame),
            };
        }
    }

    /// Nothing found room. `is_told`: [`handle_room`](Self::handle_room) tells when there is some over UDP, as it always does over TCP.
    pub fn handle_full(&mut self, now: Instant, is_told: bool) {
        let retry = now.after(RETRY);
        self.state = match (self.state, self.way) {
            (State::Sending(frame), Way::Udp) if is_told => {
                self.schedule.handle_crowded();
                State::Waiting(frame)
            }
            (State::Sending(frame), Way::Udp) => State::NoRoom { frame, until: retry },
            (State::Sending(frame), Way::Interleaved) => {
                self.schedule.handle_full();
                State::Waiting(frame)
            }
            (State::Ending { .. }, Way::Udp) => State::Ending { bye: retry },
            (State::Ending { .. }, Way::Interleaved) => State::EndWaiting,
            (state, _) => state,
        };
    }

    /// The source does not lend the frame any more: there is no rest to wait for.
    pub fn handle_taken_back(&mut self) {
        if self.frame_under_way().is_some() {
            self.handle_frame_over(None);
        }
    }

    /// The next frame is due. `gap`: a burst has ended with this one, and the next one begins then.
    fn handle_frame_over(&mut self, gap: Option<Instant>) {
        let mut at = gap.unwrap_or_default();
        if !self.position.is_live() {
            self.step();
            if !self.is_told_by_next() {
                at = at.max(self.schedule.due());
            }
        }
        self.state = State::Due { at };
    }

    /// BYE has left.
    pub const fn handle_bye(&mut self) {
        if matches!(self.state, State::Ending { .. }) {
            self.state = State::Ended;
        }
    }

    /// There may be room again where there was none. `true`: that was waited for.
    pub const fn handle_room(&mut self) -> bool {
        match self.state {
            State::NoRoom { frame, .. } => {
                self.burst.go_on();
                self.state = State::Sending(frame);
            }
            State::Waiting(frame) => {
                if matches!(self.way, Way::Udp) {
                    self.burst.go_on();
                    self.is_last = true;
                }
                self.state = State::Sending(frame);
            }
            State::EndWaiting => self.state = State::Ending { bye: Instant::from_micros(0) },
            _ => return false,
        }
        true
    }

    /// What is to leave over UDP as soon as [`handle_room`](Self::handle_room) tells that there is room.
    pub fn waits_for_room(&self) -> Option<RoomFor> {
        match (self.state, self.way) {
            (State::Waiting(Progress { next: 0, .. }), Way::Udp) => Some(RoomFor::Frame),
            (State::Waiting(_), Way::Udp) => Some(RoomFor::Rest),
            _ => None,
        }
    }

    /// The source may have a frame by now: it is worth while to ask it again.
    pub fn handle_wake(&mut self) {
        if let State::Awaiting { why, .. } = self.state {
            self.state = State::Awaiting { until: Some(Instant::default()), why };
        }
    }

    /// When [`poll`](Self::poll) has something to do though nothing happens.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let media = match self.state {
            State::Paused | State::Answering => return None,
            State::Starting if self.position.is_live() => Some(self.schedule.floor()),
            State::Starting => Some(self.schedule.due()),
            State::StartingOver | State::Sending(_) | State::Ended => Some(Instant::default()),
            State::Due { at } => Some(at),
            State::Awaiting { until, .. } => until,
            State::Gap { until, .. } | State::NoRoom { until, .. } => Some(until),
            // Whoever knows tells when there is room.
            State::Waiting(_) | State::EndWaiting => None,
            State::Ending { bye } => Some(bye),
        };
        earliest(media, self.has_reports().then(|| self.reports.due()))
    }

    const fn frame_under_way(&self) -> Option<Progress> {
        match self.state {
            State::Sending(frame) | State::Waiting(frame) | State::Gap { frame, .. } | State::NoRoom { frame, .. } => {
                Some(frame)
            }
            _ => None,
        }
    }
}
