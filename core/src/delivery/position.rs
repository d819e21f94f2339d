//! Where in the medium a viewer is, and what a PLAY request asks for.

use super::tempo::Tempo;
use crate::media::{Course, End, Extent, FrameRate};
use crate::time::Duration;
use crate::wire::rtsp::headers::{Range, Scale, Speed};

/// What happens behind the last frame of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtEnd {
    /// The stream ends.
    Stop,
    /// The file starts over. Timestamps and play times run on from round to round.
    StartOver,
}

/// Where a source is to be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// With [`FrameSource::seek`](crate::media::FrameSource::seek).
    Frame(u32),
    /// With [`FrameSource::seek_time`](crate::media::FrameSource::seek_time).
    Time(Duration),
}

/// What a PLAY request asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// A part of the medium; `None`: from where it is.
    pub range: Option<Range>,
    /// `None`: normal.
    pub scale: Option<Scale>,
    /// `None`: normal.
    pub speed: Option<Speed>,
}

/// What a PLAY request comes to, before it is carried out by [`Delivery::handle_play`](super::Delivery::handle_play).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Move the source there first. Refuse the request if it cannot.
    pub seek: Option<Place>,
    pub(super) range: Range,
    pub(super) tempo: Tempo,
    pub(super) start: Start,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// It is playing, and nothing else was asked for.
    No,
    /// From where it stands.
    Live,
    /// From somewhere else, or otherwise.
    At(Position),
}

/// What a stream does while it is asked to play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    Nothing,
    Playing,
    /// It has come to its end, or its medium is gone.
    Ending,
}

/// A viewer's position. Frames and times are counted from 0 in each round, and through all rounds where a range is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    kind: Kind,
    end: End,
    at_end: AtEnd,
    /// So far the medium reaches by now: in frames, or in microseconds where they have their own times.
    length: u64,
    /// The frames of this round that are fetched next. While a frame is under way it comes first here.
    course: Course,
    source: Stand,
    /// Frames of the rounds before this one.
    base: u32,
    /// The time of the rounds before this one, where frames have their own times.
    base_time: u64,
    /// Where frames have their own times: that of the frame before, or of the one under way, in this round; or where the stretch
    /// that is played begins.
    edge: u64,
    /// Where a range that the client gave ends, through all rounds. [`NO_STOP`] where it gave none.
    stop: u64,
}

const NO_STOP: u64 = u64::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Live,
    Frames,
    Timed,
}

/// The kind of a medium, its length and its end.
const fn measured(extent: Extent) -> (Kind, u64, End) {
    match extent {
        Extent::Live => (Kind::Live, 0, End::Open),
        Extent::Frames { count, end } => (Kind::Frames, count as u64, end),
        Extent::Timed { duration, end } => {
            let micros = duration.as_micros();
            (Kind::Timed, if micros > u64::MAX as u128 { u64::MAX } else { micros as u64 }, end)
        }
    }
}

/// Where the source stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    /// It gives this frame next.
    At(u32),
    /// It has been moved by time, and gives the frame that is meant.
    Moved,
    /// It could not be moved, and may give any frame next.
    Astray,
}

/// What to do with a frame that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It is due so much later than the frame before, in microseconds, beyond what is known already.
    Due(u64),
    /// The range ends before it, so much later than the frame before.
    BehindRange(u64),
}

impl Position {
    pub(super) const fn new(extent: Extent, at_end: AtEnd) -> Self {
        let (kind, length, end) = measured(extent);
        Self {
            kind,
            end,
            at_end,
            length,
            course: Course::new(0, 0),
            source: Stand::At(0),
            base: 0,
            base_time: 0,
            edge: 0,
            stop: NO_STOP,
        }
    }

    pub(super) const fn is_live(&self) -> bool {
        matches!(self.kind, Kind::Live)
    }

    /// Whether frames have their own times.
    pub(super) const fn is_timed(&self) -> bool {
        matches!(self.kind, Kind::Timed)
    }

    /// The medium reaches so far by now.
    pub(super) const fn set_extent(&mut self, extent: Extent) {
        // A medium does not turn into one of another kind while somebody watches it.
        let (kind, length, end) = measured(extent);
        if kind as u8 == self.kind as u8 {
            (self.length, self.end) = (length, end);
        }
    }

    const fn has_end(&self) -> bool {
        matches!(self.end, End::Known)
    }

    /// The time to where it reaches by now.
    fn reach(&self, rate: FrameRate) -> u64 {
        if self.is_timed() { self.length } else { rate.micros(self.length) }
    }

    /// Frames of one round, as far as they are there; 0 where the medium is live. Where frames have their own times their number
    /// is not known.
    pub(super) const fn frames(&self) -> u32 {
        if self.is_timed() { u32::MAX } else { self.length as u32 }
    }

    pub(super) const fn course(&self) -> Course {
        self.course
    }

    /// The course, where the numbers of frames are known.
    pub(super) fn known_course(&self) -> Option<Course> {
        (!self.is_live() && !self.is_unknown()).then_some(self.course)
    }

    /// Frames of this round until here, or to its beginning backwards.
    pub(super) const fn seen(&self) -> u32 {
        if self.is_backwards() { self.frames() } else { self.course.boundary() }
    }

    pub(super) const fn is_backwards(&self) -> bool {
        self.course.is_backwards()
    }

    /// The number of frame `number` of this round, counted through all rounds.
    pub(super) const fn through_all_rounds(&self, number: u32) -> u32 {
        self.base.wrapping_add(number)
    }

    /// The time of the boundary at which the viewer is, through all rounds.
    fn here(&self, rate: FrameRate) -> u64 {
        if self.is_timed() {
            self.base_time.saturating_add(self.edge)
        } else {
            rate.micros(self.base.saturating_add(self.course.boundary()).into())
        }
    }

    /// What is asked of a stream. `at`: the frame that the source gives next, where it can stay there; `now`: how the stream is
    /// played. `None`: this medium has no such range.
    pub(super) fn plan(
        &self,
        rate: FrameRate,
        asked: Asked,
        doing: Doing,
        at: Option<u32>,
        now: Tempo,
    ) -> Option<Plan> {
        if self.is_live() {
            return plan_live(asked.range, doing);
        }
        let reach = self.reach(rate);
        let tempo = Tempo::nearest(asked.scale, asked.speed);
        let (start, end) = match asked.range {
            // Films have no time of day that a clock could name.
            None | Some(Range::Now | Range::TimeOfDay) => (None, None),
            Some(Range::Npt { start: Some(start), end: Some(end) }) if tempo.is_backwards() && start < end => {
                (Some(end), Some(start))
            }
            Some(Range::Npt { start, end }) => (start, end),
            Some(Range::Other | Range::ToOrFromNow | Range::Negative) => return None,
        };
        let stays = start.is_none() && end.is_none();
        let mut next = *self;
        if stays && doing == Doing::Playing {
            if tempo.is_backwards() != now.is_backwards() {
                next.stop = NO_STOP;
            }
        } else {
            next.stop = end.unwrap_or(NO_STOP);
        }
        let from = next.enter(rate, start, doing, tempo, reach)?;
        let end = (next.stop != NO_STOP).then_some(next.stop);
        let is_empty = if tempo.is_backwards() { end >= Some(from) } else { end.is_some_and(|end| end <= from) };
        if is_empty && !(stays && doing == Doing::Playing) {
            return None;
        }
        let range = Range::Npt { start: Some(next.here(rate)), end: self.told_end(end, tempo, reach) };
        if stays && doing == Doing::Playing && tempo == now {
            // PLAY while playing, without a place to go to, is a client's way of asking whether we still are.
            return Some(Plan { seek: None, range, tempo, start: Start::No });
        }
        if self.ends_with_medium(rate, next.stop, tempo, reach) {
            next.stop = NO_STOP;
        }
        let seek = next.place(at);
        next.source = match seek {
            Some(Place::Time(_)) => Stand::Moved,
            _ => next.course.peek().map_or(Stand::Astray, Stand::At),
        };
        Some(Plan { seek, range, tempo, start: Start::At(next) })
    }

    /// Goes to where a stretch begins: at `start`, or where it is. Gives its time, through all rounds. `None`: the medium does not
    /// reach so far.
    fn enter(&mut self, rate: FrameRate, start: Option<u64>, doing: Doing, tempo: Tempo, reach: u64) -> Option<u64> {
        let (repeats, is_backwards) = (self.at_end == AtEnd::StartOver, tempo.is_backwards());
        // Before its beginning a medium goes on at its end, as it does at its beginning behind its end.
        let start = start.filter(|&start| start > 0 || !is_backwards);
        let is_at_end =
            if is_backwards { self.is_at_beginning() } else { self.has_end() && self.here_in_round(rate) >= reach };
        let from = match start {
            Some(start) => start,
            None if !is_at_end && doing != Doing::Ending => {
                self.course = Course::new(self.course.boundary(), tempo.stride());
                return Some(self.here(rate));
            }
            None => {
                let rounds = if repeats { self.rounds(rate) } else { 0 };
                match (is_backwards, repeats) {
                    // Where there was a round before this one, it ends here.
                    (true, _) if rounds > 0 => rounds,
                    (true, _) => reach,
                    (false, true) => rounds.saturating_add(reach),
                    (false, false) => 0,
                }
            }
        };
        let is_beyond = if tempo.is_backwards() { from > reach } else { from > 0 && from >= reach };
        let from = match (is_beyond, self.has_end()) {
            (false, _) => from,
            (true, true) if repeats => from,
            (true, true) => return None,
            // As far as it reaches by now: its newest frame.
            (true, false) if tempo.is_backwards() => reach,
            (true, false) => reach.saturating_sub(1),
        };
        self.go_to(rate, from, tempo, reach);
        (reach > 0 || !tempo.is_backwards()).then_some(from)
    }

    /// The time of the rounds before this one.
    fn rounds(&self, rate: FrameRate) -> u64 {
        if self.is_timed() { self.base_time } else { rate.micros(self.base.into()) }
    }

    fn here_in_round(&self, rate: FrameRate) -> u64 {
        if self.is_timed() { self.edge } else { rate.micros(self.course.boundary().into()) }
    }

    fn is_at_beginning(&self) -> bool {
        if self.is_timed() { self.edge == 0 } else { self.course.boundary() == 0 }
    }

    /// Goes to time `from` of all rounds. Forwards that is in the frame that is shown there, backwards in the one that was shown
    /// until then.
    fn go_to(&mut self, rate: FrameRate, from: u64, tempo: Tempo, reach: u64) {
        let is_backwards = tempo.is_backwards();
        let stride = tempo.stride();
        if self.is_timed() {
            self.edge = in_round(from, reach, is_backwards);
            self.base_time = from.saturating_sub(self.edge);
            let is_beginning = !is_backwards && self.edge == 0;
            self.course = Course::new(if is_beginning { 0 } else { UNKNOWN }, stride);
            return;
        }
        let boundary = match from.checked_sub(1) {
            Some(before) if is_backwards => rate.frames_in(before).saturating_add(1),
            _ => rate.frames_in(from),
        };
        let boundary = boundary.min(u32::MAX.into());
        let in_this = in_round(boundary, self.frames().into(), is_backwards);
        self.course = Course::new(in_this as u32, stride);
        self.base = boundary.saturating_sub(in_this) as u32;
    }

    /// Where to move a source that gives frame `at` next.
    fn place(&self, at: Option<u32>) -> Option<Place> {
        match self.course.peek() {
            Some(number) if !self.is_unknown() => (at != Some(number)).then_some(Place::Frame(number)),
            // Backwards, the frame that was shown until then is meant.
            _ if self.is_backwards() => Some(Place::Time(Duration::from_micros(self.edge.saturating_sub(1)))),
            _ => Some(Place::Time(Duration::from_micros(self.edge))),
        }
    }

    /// Whether a range that ends at `stop` ends as the medium does.
    fn ends_with_medium(&self, rate: FrameRate, stop: u64, tempo: Tempo, reach: u64) -> bool {
        if tempo.is_backwards() {
            return stop == 0;
        }
        let has_end = self.at_end == AtEnd::Stop && self.has_end();
        let is_behind = if self.is_timed() {
            stop >= reach
        } else {
            rate.frames_in(stop.saturating_sub(1)) >= u64::from(self.frames()).saturating_sub(1)
        };
        has_end && is_behind
    }

    /// Whether nobody knows the number of the next frame.
    fn is_unknown(&self) -> bool {
        self.is_timed() && self.course.boundary() == UNKNOWN
    }

    /// The end that an answer tells.
    fn told_end(&self, end: Option<u64>, tempo: Tempo, reach: u64) -> Option<u64> {
        match self.at_end {
            AtEnd::StartOver => end,
            AtEnd::Stop if tempo.is_backwards() => Some(end.unwrap_or(0)),
            AtEnd::Stop => [end, self.has_end().then_some(reach)].into_iter().flatten().min(),
        }
    }

    /// Where to move the source so that it gives the next frame, if `skipped` are left out before.
    pub(super) fn move_for(&self, skipped: u32) -> Option<Place> {
        let number = self.course.moved(skipped).peek()?;
        match self.source {
            Stand::Astray if self.is_unknown() => self.place(None),
            Stand::Moved => None,
            Stand::At(at) if at == number => None,
            Stand::At(_) | Stand::Astray => Some(Place::Frame(number)),
        }
    }

    /// The source stands at the next frame, after `skipped` others.
    pub(super) fn handle_move(&mut self, skipped: u32) {
        self.course = self.course.moved(skipped);
        match self.course.peek() {
            _ if self.is_unknown() => self.source = Stand::Moved,
            Some(number) => self.source = Stand::At(number),
            None => {}
        }
    }

    /// The source could not be moved, and nobody knows where it stands.
    pub(super) const fn handle_stuck(&mut self) {
        self.source = Stand::Astray;
    }

    /// Frame `number` is there. `is_first`: it is the first one since PLAY.
    pub(super) fn handle_frame(&mut self, number: u32, time: Option<Duration>, is_first: bool) -> Arrival {
        self.course = self.course.resumed_at(number);
        self.source = Stand::At(number.saturating_add(1));
        let (Some(time), true, false) = (time, self.is_timed(), self.is_backwards()) else { return Arrival::Due(0) };
        let time = u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(self.edge);
        let (from, begins) = (self.edge, self.base_time.saturating_add(time));
        if begins >= self.stop && !is_first {
            self.edge = self.stop.saturating_sub(self.base_time).max(from);
            return Arrival::BehindRange(self.edge.saturating_sub(from));
        }
        self.edge = time;
        // The first frame is due at once, wherever between its beginning and its end the stretch begins.
        Arrival::Due(if is_first { 0 } else { time.saturating_sub(from) })
    }

    /// A frame was stamped. Gives how long a frame with a time of its own is shown backwards: down to its beginning.
    pub(super) fn handle_stamped(&mut self, time: Option<Duration>) -> u64 {
        let (Some(time), true, true) = (time, self.is_timed(), self.is_backwards()) else { return 0 };
        let (from, time) = (self.edge, u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        self.edge = time.min(from);
        from.saturating_sub(self.edge)
    }

    /// The source stands behind a frame that it could not give.
    pub(super) fn handle_lost(&mut self, rate: FrameRate) {
        match (self.source, self.course.peek()) {
            // Forwards it gives the frame behind that one next.
            (Stand::Moved, _) if self.is_unknown() && !self.is_backwards() => {}
            (_, _) if self.is_unknown() => {
                self.source = Stand::Astray;
                self.edge = self.edge.saturating_sub(rate.micros(1));
            }
            (Stand::At(_) | Stand::Moved, Some(number)) => self.source = Stand::At(number.saturating_add(1)),
            _ => {}
        }
    }

    /// The frame under way comes again.
    pub(super) fn step_back(&mut self, rate: FrameRate) -> Option<u32> {
        if self.is_timed() && self.is_backwards() {
            self.edge = self.edge.saturating_add(rate.micros(1));
        }
        self.course.peek()
    }

    /// Goes on to the next frame. Gives how many frames that is. `stride`: what the source keeps up with, in thousandths of a
    /// frame; `normal`: what the tempo asks for.
    pub(super) fn step(&mut self, stride: u32, normal: i32) -> u32 {
        let stride = i32::try_from(stride).unwrap_or(i32::MAX).max(normal.saturating_abs());
        let stride = if self.is_backwards() { stride.saturating_neg() } else { stride };
        let before = self.course.boundary();
        if self.is_unknown() {
            return 0;
        }
        self.course = self.course.with_stride(stride);
        let _ = self.course.next();
        if !self.is_backwards() && self.has_end() && before < self.frames() {
            self.course = self.course.until(self.frames());
        }
        self.course.boundary().abs_diff(before)
    }

    /// Turns a number of frames that are late into one to leave out: none behind the end of film and range.
    pub(super) fn leave_out(&self, rate: FrameRate, late: u32) -> u32 {
        if late == 0 || self.source == Stand::Moved {
            return 0;
        }
        let at = self.course.boundary();
        if self.is_backwards() {
            let stop = self.last_boundary(rate).saturating_sub(self.base);
            return late.min(at.saturating_sub(stop));
        }
        let known = if self.has_end() { self.frames() } else { self.frames().saturating_sub(1) };
        let last = if self.stop == NO_STOP || self.is_timed() {
            known
        } else {
            known.min(self.last_boundary(rate).saturating_sub(self.base))
        };
        late.min(last.saturating_sub(at))
    }

    /// The boundary where the range ends, through all rounds.
    fn last_boundary(&self, rate: FrameRate) -> u32 {
        if self.is_timed() || (self.is_backwards() && self.stop == NO_STOP) {
            return 0;
        }
        let frames = if self.is_backwards() {
            rate.frames_in(self.stop)
        } else {
            rate.frames_in(self.stop.saturating_sub(1)).saturating_add(1)
        };
        u32::try_from(frames).unwrap_or(u32::MAX)
    }

    /// Whether the range that the client gave is over, where `skipped` frames are left out. That is so once.
    pub(super) fn is_range_over(&mut self, rate: FrameRate, skipped: u32) -> bool {
        if self.stop == NO_STOP {
            return false;
        }
        let here = Self { course: self.course.moved(skipped), ..*self }.here(rate);
        let over = if self.is_backwards() { here <= self.stop } else { here >= self.stop };
        if over {
            self.stop = NO_STOP;
        }
        over
    }

    /// Goes to the end. Gives what is left of the medium behind the frame before, where frames have their own times.
    pub(super) fn handle_end(&mut self, rate: FrameRate) -> u64 {
        if !self.is_timed() {
            return 0;
        }
        let rest = self.length.checked_sub(self.edge).filter(|&rest| rest > 0).unwrap_or(rate.micros(1));
        self.edge = self.edge.saturating_add(rest);
        rest
    }

    /// Behind the last frame, or before the first one backwards: whether the medium starts over.
    pub(super) fn start_over(&mut self, rate: FrameRate) -> bool {
        if self.at_end != AtEnd::StartOver {
            return false;
        }
        let stride = self.course.stride();
        let reach = self.reach(rate);
        if self.is_backwards() {
            let frames = if self.is_timed() { UNKNOWN } else { self.frames() };
            self.base = self.base.checked_sub(frames).unwrap_or(self.base);
            self.base_time = self.base_time.checked_sub(reach).unwrap_or(self.base_time);
            self.course = Course::new(frames, stride);
            self.edge = reach;
        } else {
            let frames = if self.is_timed() { self.course.boundary() } else { self.frames() };
            self.base = self.base.wrapping_add(frames);
            self.base_time = self.base_time.saturating_add(reach.max(self.edge));
            self.course = Course::new(0, stride);
            self.edge = 0;
        }
        self.source = Stand::Astray;
        true
    }
}

/// The boundary before a frame of which nobody knows the number yet, because its source is moved to it by time.
const UNKNOWN: u32 = u32::MAX;

/// Where `at`, counted through all rounds, is in its round of `length`. Backwards the end of a round belongs to it.
fn in_round(at: u64, length: u64, is_backwards: bool) -> u64 {
    let rest = at.checked_rem(length).unwrap_or(0);
    if is_backwards && rest == 0 && at > 0 { length } else { rest }
}

/// Live is played from now until it is paused, whatever start is named: players name 0 for any medium.
fn plan_live(range: Option<Range>, doing: Doing) -> Option<Plan> {
    if matches!(range, Some(Range::Other | Range::ToOrFromNow | Range::Negative | Range::Npt { end: Some(_), .. })) {
        return None;
    }
    let start = if doing == Doing::Playing { Start::No } else { Start::Live };
    Some(Plan { seek: None, range: Range::Now, tempo: Tempo::NORMAL, start })
}
