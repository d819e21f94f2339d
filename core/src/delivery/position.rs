//! Where in the medium a viewer is, and what a PLAY request asks for.

use crate::media::{Extent, FrameRate};
use crate::wire::rtsp::headers::Range;

/// What happens behind the last frame of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtEnd {
    /// The stream ends.
    Stop,
    /// The file starts over. Timestamps and play times run on from round to round.
    StartOver,
}

/// A viewer's position. Frames are counted from 0 in each round, and through all rounds where a range is meant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    kind: Kind,
    /// Of one round; 0 where the medium is live.
    frames: u32,
    /// Whether these are all.
    has_end: bool,
    /// The frame that is fetched next.
    next: u32,
    /// Frames of the rounds before this one.
    base: u32,
    /// The frame before which a range that the client gave ends, counted through all rounds. [`NO_STOP`] where it gave none.
    stop: u32,
}

const NO_STOP: u32 = u32::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Live,
    Film(AtEnd),
}

/// What a PLAY request comes to, before it is carried out by [`Delivery::handle_play`](super::Delivery::handle_play).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Move the source to this frame first. Refuse the request if it cannot.
    pub seek: Option<u32>,
    pub(super) range: Range,
    pub(super) start: Start,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// It is playing, and nothing else was asked for.
    No,
    /// From where it stands.
    Live,
    /// From frame `first` to before frame `stop`, both counted through all rounds.
    From { first: u32, stop: Option<u32> },
}

impl Position {
    pub(super) fn new(extent: Extent, rate: FrameRate, at_end: AtEnd) -> Self {
        let (kind, frames) = match extent {
            Extent::Live => (Kind::Live, 0),
            Extent::Frames { count, .. } => (Kind::Film(at_end), count),
            Extent::Timed { .. } => {
                (Kind::Film(at_end), frame_number(rate.frames_in(extent.micros(rate).unwrap_or(0))))
            }
        };
        Self { kind, frames, has_end: extent.has_end(), next: 0, base: 0, stop: NO_STOP }
    }

    pub(super) const fn is_live(&self) -> bool {
        matches!(self.kind, Kind::Live)
    }

    /// Frames of one round; 0 where the medium is live.
    pub(super) const fn frames(&self) -> u32 {
        self.frames
    }

    pub(super) const fn next(&self) -> u32 {
        self.next
    }

    /// The number of frame `number` of this round, counted through all rounds.
    pub(super) const fn through_all_rounds(&self, number: u32) -> u32 {
        self.base.wrapping_add(number)
    }

    /// What `range` asks of a stream that is `playing` or has come to its end. `at`: the frame that the source gives next,
    /// where it can stay there. `None`: this medium has no such range.
    pub(super) fn plan(
        &self,
        rate: FrameRate,
        range: Option<Range>,
        playing: bool,
        ending: bool,
        at: Option<u32>,
    ) -> Option<Plan> {
        let frames = self.frames;
        let Kind::Film(at_end) = self.kind else {
            // Live is played from now until it is paused, whatever start is named: players name 0 for any medium.
            if matches!(
                range,
                Some(Range::Other | Range::ToOrFromNow | Range::Negative | Range::Npt { end: Some(_), .. })
            ) {
                return None;
            }
            return Some(Plan { seek: None, range: Range::Now, start: if playing { Start::No } else { Start::Live } });
        };
        let (start, end) = match range {
            // Films have no time of day that a clock could name.
            None | Some(Range::Now | Range::TimeOfDay) => (None, None),
            Some(Range::Npt { start, end }) => (start, end),
            Some(Range::Other | Range::ToOrFromNow | Range::Negative) => return None,
        };
        let repeat = at_end == AtEnd::StartOver;
        let here = match (ending || self.next >= frames, repeat) {
            (false, _) => self.base.saturating_add(self.next),
            (true, true) => self.base.saturating_add(frames),
            // After the end, PLAY starts over.
            (true, false) => 0,
        };
        let first = start.map_or(here, |start| frame_number(rate.frames_in(start)));
        let from = start.unwrap_or_else(|| rate.micros(here.into()));
        let duration = (!repeat && self.has_end).then(|| rate.micros(frames.into()));
        if from > 0 && duration.is_some_and(|duration| from >= duration) || end.is_some_and(|end| end <= from) {
            return None;
        }
        let to = [end, duration].into_iter().flatten().min();
        let range = Range::Npt { start: Some(rate.micros(first.into())), end: to };
        if playing && start.is_none() && end.is_none() {
            // PLAY while playing, without a place to go to, is a client's way of asking whether we still are.
            return Some(Plan { seek: None, range, start: Start::No });
        }
        let stop = end.map(|end| frame_number(rate.frames_in(end.saturating_sub(1)).saturating_add(1)));
        let stop = stop.filter(|stop| repeat || *stop < frames);
        let position = first.checked_rem(frames).unwrap_or(0);
        Some(Plan { seek: (at != Some(position)).then_some(position), range, start: Start::From { first, stop } })
    }

    /// The source stands at frame `first` of all rounds.
    pub(super) fn start(&mut self, first: u32, stop: Option<u32>) {
        self.next = first.checked_rem(self.frames()).unwrap_or(0);
        self.base = first.saturating_sub(self.next);
        self.stop = stop.unwrap_or(NO_STOP);
    }

    /// Goes on to behind frame `number`.
    pub(super) const fn handle_frame(&mut self, number: u32) {
        self.next = number.saturating_add(1);
    }

    /// The frame under way will be fetched again; its number.
    pub(super) const fn step_back(&mut self) -> u32 {
        self.next = self.next.saturating_sub(1);
        self.next
    }

    /// Leaves out up to `late` frames, but none behind the end of file and range. How many that are.
    pub(super) fn leave_out(&mut self, late: u32) -> u32 {
        let last =
            if self.stop == NO_STOP { self.frames } else { self.frames.min(self.stop.saturating_sub(self.base)) };
        let target = self.next.saturating_add(late).min(last);
        let left_out = target.saturating_sub(self.next);
        self.next = self.next.saturating_add(left_out);
        left_out
    }

    /// Whether the range that the client gave is over. That is so once.
    pub(super) fn is_range_over(&mut self) -> bool {
        let over = self.stop != NO_STOP && self.base.saturating_add(self.next) >= self.stop;
        if over {
            self.stop = NO_STOP;
        }
        over
    }

    /// Behind the last frame: whether the file starts over.
    pub(super) fn starts_over(&mut self) -> bool {
        if self.kind != Kind::Film(AtEnd::StartOver) {
            return false;
        }
        self.base = self.base.wrapping_add(self.frames());
        self.next = 0;
        true
    }
}

fn frame_number(frames: u64) -> u32 {
    u32::try_from(frames).unwrap_or(u32::MAX)
}
