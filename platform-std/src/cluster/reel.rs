//! The frames of one film of another node, on their way: which are wanted, which are asked for, and what has become of that.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use mutoscope::media::{End, Extent};

use super::film_words::{Answer, Described, FilmStamp, From, MOST_FRAMES, Wish};
use crate::media::FrameError;
use crate::media::bringer::{Bringer, Wanted};

/// When a question that was not answered is asked again.
pub(super) const RETRY: Duration = Duration::from_millis(250);
/// How often the end of a film that grows is looked at while somebody waits there.
const ROUND: Duration = Duration::from_millis(500);
/// Bytes of the frames that are ordered for one viewer before they are shown, as long as there is more than one.
const MAX_AHEAD: usize = 16 * 1024 * 1024;
/// Questions that are open at one time.
const MOST_OPEN: usize = 4;
/// Times of which the frames' numbers are known.
const MOST_TIMES: usize = 32;

/// Which frames are wanted of a film, whoever wants them.
pub(super) struct Reel {
    described: Described,
    state: Mutex<State>,
    /// Called when there is something to be asked.
    note: Box<dyn Fn() + Send + Sync>,
}

struct State {
    is_there: bool,
    /// Why no more frames will come.
    end: Option<Arc<str>>,
    extent: Extent,
    /// The number of the first frame that there is not, where somebody has looked.
    behind: Option<u32>,
    wanted: BTreeMap<u32, Frame>,
    /// The number of frames that were ever wanted, and of questions that were ever asked.
    orders: u64,
    questions: u64,
    /// Those that are on their way.
    open: Vec<u64>,
    is_resting: bool,
    not_before: Option<Instant>,
    times: BTreeMap<u64, Sought>,
    /// Viewers who wait for more of the film, or for the number of a frame, and those of them who are at its end.
    waiting: BTreeMap<u64, Waker>,
    is_awaited: bool,
    next_round: Option<Instant>,
    /// Bytes of a frame, as large ones have them.
    largest: usize,
}

/// A frame that is wanted.
struct Frame {
    wanted: Wanted,
    /// Those that are wanted longest come first.
    order: u64,
    /// The question in which it is asked for.
    asked: Option<u64>,
}

/// The number of the frame of some time.
#[derive(Clone, Copy)]
enum Sought {
    No,
    Asked,
    Found(u32),
}

/// A question that is to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    id: u64,
    what: Asked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Frames {
        from: u32,
        count: u32,
    },
    Time(u64),
    /// How far it reaches by now.
    End(u32),
}

impl Plan {
    /// As it is asked.
    pub(super) fn wish(self) -> Wish {
        match self.what {
            Asked::Frames { from, count } => Wish { from: From::Frame(from), count },
            Asked::Time(micros) => Wish { from: From::Time(micros), count: 1 },
            Asked::End(frames) => Wish { from: From::Frame(frames), count: 1 },
        }
    }

    /// Whether a frame can be an answer.
    fn includes(self, number: u32) -> bool {
        match self.what {
            Asked::Frames { from, count } => number.checked_sub(from).is_some_and(|at| at < count),
            Asked::Time(_) | Asked::End(_) => true,
        }
    }
}

/// What is to be done when nothing is locked.
#[derive(Default)]
struct News {
    failed: Vec<Wanted>,
    waiting: BTreeMap<u64, Waker>,
}

impl News {
    fn tell(self, reason: &str) {
        let reason: Arc<str> = reason.into();
        self.failed.into_iter().for_each(|wanted| wanted.fail(FrameError::Elsewhere(Arc::clone(&reason))));
        self.waiting.into_values().for_each(Waker::wake);
    }
}

impl Reel {
    /// The film that an answer tells of. `note` is called when there is something to [ask](Self::plan).
    pub(super) fn new(stamp: &FilmStamp, note: Box<dyn Fn() + Send + Sync>) -> Self {
        let state = State {
            is_there: true,
            end: None,
            extent: stamp.film.extent,
            behind: None,
            wanted: BTreeMap::new(),
            orders: 0,
            questions: 0,
            open: Vec::new(),
            is_resting: false,
            not_before: None,
            times: BTreeMap::new(),
            waiting: BTreeMap::new(),
            is_awaited: false,
            next_round: None,
            largest: 0,
        };
        Self { described: stamp.film, state: Mutex::new(state), note }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an answer may be of this film.
    pub(super) fn is_like(&self, film: &Described) -> bool {
        self.described.is_like(film) && self.state().end.is_none()
    }

    /// Its node is there again, or is not. What was asked before is not answered any more.
    pub(super) fn set_there(&self, is_there: bool) {
        let mut state = self.state();
        state.is_there = is_there;
        state.open.clear();
        (state.not_before, state.is_resting) = (None, false);
        state.wanted.values_mut().for_each(|frame| frame.asked = None);
        state.times.values_mut().for_each(Sought::forget);
    }

    /// No more frames will come.
    pub(super) fn end(&self, reason: &str) {
        let mut state = self.state();
        state.end = Some(reason.into());
        let failed = std::mem::take(&mut state.wanted).into_values().map(|frame| frame.wanted).collect();
        let news = News { failed, waiting: std::mem::take(&mut state.waiting) };
        drop(state);
        news.tell(reason);
    }

    /// The questions that are to be asked by now, and when there may be others.
    pub(super) fn plan(&self, now: Instant) -> (Vec<Plan>, Option<Instant>) {
        let mut plans = Vec::new();
        let mut state = self.state();
        if state.end.is_some() || !state.is_there {
            return (plans, None);
        }
        if std::mem::take(&mut state.is_resting) {
            state.not_before = Some(now + RETRY);
        }
        state.wanted.retain(|_, frame| frame.wanted.is_wanted());
        if let Some(time) = state.not_before.filter(|&time| time > now) {
            return (plans, Some(time));
        }
        let most = u32::try_from(state.ahead()).unwrap_or(MOST_FRAMES);
        while state.open.len() < MOST_OPEN
            && let Some(plan) = state.plan_frames(most).or_else(|| state.plan_time())
        {
            plans.push(plan);
        }
        if !state.is_awaited {
            return (plans, None);
        }
        let round = state.next_round.filter(|&round| round > now);
        if round.is_none() && state.open.len() < MOST_OPEN {
            let frames = state.frames();
            plans.push(state.ask(Asked::End(frames)));
            state.next_round = Some(now + ROUND);
        }
        (plans, state.next_round)
    }

    /// The node has answered, whatever it has said.
    pub(super) fn handle(&self, plan: Plan, stamp: &FilmStamp, picture: &[u8]) {
        if !self.described.is_like(&stamp.film) {
            return self.end("there is another film of its name");
        }
        let Some(number) = u32::try_from(stamp.stamp.number).ok() else { return };
        let mut state = self.state();
        if !state.open.contains(&plan.id) || state.end.is_some() {
            return;
        }
        let (mut news, mut given) = (News::default(), None);
        match stamp.answer {
            Answer::Frame | Answer::Unreadable if plan.includes(number) => {
                state.note_extent(&stamp.film, number.saturating_add(1));
                match plan.what {
                    Asked::Frames { .. } => given = state.wanted.remove(&number),
                    Asked::Time(micros) => {
                        state.times.insert(micros, Sought::Found(number));
                        news.waiting = state.take_waiting();
                    }
                    Asked::End(_) => news.waiting = state.take_waiting(),
                }
                state.largest = picture.len().max(state.largest - state.largest / 16);
            }
            Answer::Behind => {
                state.extent = stamp.film.extent;
                state.behind = Some(number);
                if let Asked::Time(micros) = plan.what {
                    state.times.insert(micros, Sought::Found(number));
                }
                let frames = state.frames();
                news.failed = state.wanted.split_off(&frames).into_values().map(|frame| frame.wanted).collect();
                news.waiting = state.take_waiting();
            }
            Answer::Refused => state.is_resting = true,
            Answer::Frame | Answer::Unreadable => {}
        }
        drop(state);
        let time = matches!(stamp.film.extent, Extent::Timed { .. });
        let time = time.then(|| mutoscope::time::Duration::from_micros(stamp.stamp.captured));
        match (given, stamp.answer) {
            (Some(frame), Answer::Frame) => frame.wanted.give(time, picture),
            (Some(frame), _) => news.failed.push(frame.wanted),
            (None, _) => {}
        }
        news.tell("the machine that has it cannot read it");
    }

    /// What is known of how far it reaches, from an answer to somebody who opens it.
    pub(super) fn handle_extent(&self, stamp: &FilmStamp) {
        self.state().note_extent(&stamp.film, 0);
    }

    /// There will be no more answers to a question.
    pub(super) fn finish(&self, plan: Plan, is_answered: bool) {
        let mut state = self.state();
        let Some(at) = state.open.iter().position(|&id| id == plan.id) else { return };
        state.open.swap_remove(at);
        state.wanted.values_mut().filter(|frame| frame.asked == Some(plan.id)).for_each(|frame| frame.asked = None);
        if let Asked::Time(micros) = plan.what
            && let Some(sought) = state.times.get_mut(&micros)
        {
            sought.forget();
        }
        state.is_resting |= !is_answered;
    }
}

impl Sought {
    /// Nobody is asked any more.
    fn forget(&mut self) {
        if matches!(self, Self::Asked) {
            *self = Self::No;
        }
    }
}

impl State {
    fn frames(&self) -> u32 {
        match (self.extent, self.behind) {
            _ if self.end.is_some() => 0,
            (Extent::Frames { count, .. }, None) => count,
            // Whoever has looked knows best.
            (Extent::Frames { count, .. }, Some(behind)) => count.min(behind),
            (_, behind) => behind.unwrap_or(u32::MAX),
        }
    }

    /// An answer says how far it reaches, and so many frames are known to be there.
    fn note_extent(&mut self, film: &Described, known: u32) {
        // It has grown.
        if film.extent != self.extent || self.behind.is_some_and(|behind| behind < known) {
            self.behind = None;
        }
        self.extent = film.extent;
    }

    fn ahead(&self) -> usize {
        (MAX_AHEAD / self.largest.max(1)).clamp(1, MOST_FRAMES as usize)
    }

    fn take_waiting(&mut self) -> BTreeMap<u64, Waker> {
        self.is_awaited = false;
        std::mem::take(&mut self.waiting)
    }

    fn ask(&mut self, what: Asked) -> Plan {
        self.questions += 1;
        let id = self.questions;
        self.open.push(id);
        Plan { id, what }
    }

    /// Those that are wanted longest of the frames that nobody is asked for, with those behind them.
    fn plan_frames(&mut self, most: u32) -> Option<Plan> {
        let unasked = self.wanted.iter().filter(|(_, frame)| frame.asked.is_none());
        let from = unasked.min_by_key(|(_, frame)| frame.order).map(|(&number, _)| number)?;
        let plan = self.ask(Asked::Frames { from, count: 0 });
        let mut count = 0;
        while count < most
            && let Some(number) = from.checked_add(count)
            && let Some(frame) = self.wanted.get_mut(&number).filter(|frame| frame.asked.is_none())
        {
            frame.asked = Some(plan.id);
            count += 1;
        }
        Some(Plan { what: Asked::Frames { from, count }, ..plan })
    }

    fn plan_time(&mut self) -> Option<Plan> {
        let micros = self.times.iter().find(|(_, sought)| matches!(sought, Sought::No)).map(|(&micros, _)| micros)?;
        let plan = self.ask(Asked::Time(micros));
        self.times.insert(micros, Sought::Asked);
        Some(plan)
    }
}

impl Bringer for Reel {
    fn extent(&self) -> Extent {
        let state = self.state();
        match state.extent {
            _ if state.end.is_none() => state.extent,
            Extent::Timed { duration, .. } => Extent::Timed { duration, end: End::Known },
            _ => Extent::frames(0),
        }
    }

    fn frames(&self) -> u32 {
        self.state().frames()
    }

    fn is_over(&self) -> bool {
        self.state().end.is_some()
    }

    fn ahead(&self) -> usize {
        self.state().ahead()
    }

    fn bring(&self, wanted: Wanted) {
        let mut state = self.state();
        if let Some(reason) = state.end.clone() {
            drop(state);
            return wanted.fail(FrameError::Elsewhere(reason));
        }
        state.orders += 1;
        let (number, order) = (wanted.number(), state.orders);
        // The answer for whoever wanted it before is as good.
        let asked = state.wanted.get(&number).and_then(|frame| frame.asked);
        state.wanted.insert(number, Frame { wanted, order, asked });
        drop(state);
        if asked.is_none() {
            (self.note)();
        }
    }

    fn number_at(&self, micros: u64, viewer: u64, waker: &Waker) -> Option<u32> {
        let mut state = self.state();
        if let Extent::Frames { .. } = state.extent {
            return Some(u32::try_from(self.described.rate.frames_in(micros)).unwrap_or(u32::MAX));
        }
        if state.end.is_some() {
            return Some(0);
        }
        if let Some(&Sought::Found(number)) = state.times.get(&micros) {
            return Some(number);
        }
        state.waiting.entry(viewer).and_modify(|kept| kept.clone_from(waker)).or_insert_with(|| waker.clone());
        if state.times.len() >= MOST_TIMES {
            state.times.retain(|_, sought| matches!(sought, Sought::Asked));
        }
        if state.times.len() < MOST_TIMES {
            state.times.entry(micros).or_insert(Sought::No);
        }
        drop(state);
        (self.note)();
        None
    }

    fn wake_later(&self, viewer: u64, waker: &Waker) {
        let mut state = self.state();
        state.waiting.entry(viewer).and_modify(|kept| kept.clone_from(waker)).or_insert_with(|| waker.clone());
        let is_open = !state.extent.has_end() && state.end.is_none();
        state.is_awaited |= is_open;
        drop(state);
        if is_open {
            (self.note)();
        }
    }
}

impl fmt::Debug for Reel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reel").field("described", &self.described).finish_non_exhaustive()
    }
}
