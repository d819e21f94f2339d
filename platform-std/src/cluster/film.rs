//! Films of other nodes: each viewer begins at the start, and frames are asked for as they are needed, some of them ahead.
//!
//! A question that is not answered, wholly or in part, is asked again after a while. Those who watch wait for that, and for a node that
//! has gone and comes back.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

use mutoscope::media::NoSink;
use mutoscope::media::catalogue::{Entry, Medium, NotReady};

use super::exchange::{Exchange, MAX_PICTURE, Sample};
use super::film_words::{Answer, FilmStamp, From, Wish};
use super::name::{Address, Part};
use super::reel::{Plan, RETRY, Reel};
use crate::media::distant::{Distance, DistantFilm};
use crate::media::texts::Texts;
use crate::media::{Glance, LibrarySource, Policy};

/// How long answers to one question may take.
const ANSWER: Duration = Duration::from_secs(5);
/// What a film is, is asked again for those who come later than this.
const FRESH: Duration = Duration::from_secs(2);
/// Characters of what another node says that are shown.
const MAX_REASON: usize = 200;

/// The films of all other nodes, as long as this is there.
pub(super) struct Films(Arc<Shared>);

pub(super) struct Shared {
    exchange: Arc<dyn Exchange>,
    distance: Distance,
    work: Mutex<Work>,
    changed: Condvar,
}

#[derive(Default)]
struct Work {
    /// Films that need something: at once, or then.
    due: BTreeMap<Address, (Arc<Film>, Option<Instant>)>,
    is_over: bool,
}

impl Films {
    /// None yet. `policy`: what may be done with pictures that RTP/JPEG cannot carry.
    ///
    /// # Errors
    /// The system has no thread left.
    pub(super) fn new(exchange: Arc<dyn Exchange>, policy: Policy) -> io::Result<Self> {
        let distance = Distance::new(policy);
        let shared = Arc::new(Shared { exchange, distance, work: Mutex::default(), changed: Condvar::new() });
        let films = Self(Arc::clone(&shared));
        thread::Builder::new().name("cluster-asks".to_owned()).spawn(move || shared.run())?;
        Ok(films)
    }

    /// One more, which is there.
    pub(super) fn add(&self, address: &Address) -> Arc<Film> {
        let state = Mutex::new(State { is_there: true, ..State::default() });
        Arc::new(Film { address: address.clone(), shared: Arc::downgrade(&self.0), state })
    }
}

impl Drop for Films {
    fn drop(&mut self) {
        self.0.work().is_over = true;
        self.0.changed.notify_one();
    }
}

impl Shared {
    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, film: &Arc<Film>) {
        self.work().due.insert(film.address.clone(), (Arc::clone(film), None));
        self.changed.notify_one();
    }

    fn run(&self) {
        let mut work = self.work();
        while !work.is_over {
            let now = Instant::now();
            let is_due = |due: &Option<Instant>| due.is_none_or(|due| due <= now);
            let ready: Vec<_> = work.due.extract_if(.., |_, (_, due)| is_due(due)).collect();
            if ready.is_empty() {
                work = match work.due.values().filter_map(|&(_, due)| due).min() {
                    None => self.changed.wait(work).unwrap_or_else(PoisonError::into_inner),
                    Some(due) => {
                        let waited = self.changed.wait_timeout(work, due.saturating_duration_since(now));
                        waited.unwrap_or_else(PoisonError::into_inner).0
                    }
                };
                continue;
            }
            drop(work);
            let next: Vec<_> = ready
                .into_iter()
                .filter_map(|(address, (film, _))| film.step(self, now).map(|due| (address, (film, Some(due)))))
                .collect();
            work = self.work();
            for (address, later) in next {
                // What was noted meanwhile is to be done at once.
                work.due.entry(address).or_insert(later);
            }
        }
        work.due.clear();
    }
}

/// A film of another node.
pub(super) struct Film {
    address: Address,
    shared: Weak<Shared>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_there: bool,
    /// It will not come back.
    is_over: bool,
    /// Those who want to know what it is, and how they are told.
    openers: BTreeMap<u64, Waker>,
    opened: Option<Opened>,
    /// When what it is was known last.
    confirmed: Option<Instant>,
    /// The answer to that, while nobody has looked at it.
    answer: Option<(FilmStamp, Vec<u8>)>,
    failure: Option<(Arc<str>, Instant)>,
    /// Somebody is asked; counts how often, so that late answers are known.
    asking: Option<u64>,
    asked: u64,
    is_resting: bool,
    not_before: Option<Instant>,
}

/// What is known of a film.
#[derive(Clone)]
struct Opened {
    film: DistantFilm,
    reel: Arc<Reel>,
}

/// A question on its way.
struct Question {
    what: What,
    is_answered: AtomicBool,
}

enum What {
    /// What the film is.
    Film(u64),
    /// Frames.
    Frames(Arc<Reel>, Plan),
}

impl Film {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For somebody who wants to watch it.
    pub(super) fn medium(self: &Arc<Self>) -> FilmMedium {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        FilmMedium { film: Arc::clone(self), id, opened: OnceLock::new(), texts: Texts::default() }
    }

    /// What is known of it, if somebody has opened it.
    pub(super) fn glance(&self) -> Option<Glance> {
        self.state().opened.as_ref().map(|opened| opened.film.glance())
    }

    /// Its node is there again, or is not.
    pub(super) fn set_there(self: &Arc<Self>, is_there: bool) {
        let mut state = self.state();
        if state.is_there == is_there {
            return;
        }
        (state.is_there, state.asking, state.not_before) = (is_there, None, None);
        let opened = state.opened.clone();
        let openers = std::mem::take(&mut state.openers);
        drop(state);
        openers.into_values().for_each(Waker::wake);
        if let Some(Opened { film, reel }) = opened {
            reel.set_there(is_there);
            let name = self.address.full_name();
            match (film.glance().viewers, is_there) {
                (0, _) => {}
                (viewers, true) => log::info!("{name}: it goes on for {viewers}"),
                (viewers, false) => {
                    log::warn!("{name}: {} is not there, and {viewers} who watch it wait", self.address.node());
                }
            }
        }
        self.note();
    }

    /// Its node does not come back: those who watch it are at its end.
    pub(super) fn end(&self) {
        let mut state = self.state();
        state.is_over = true;
        let (opened, openers) = (state.opened.take(), std::mem::take(&mut state.openers));
        drop(state);
        openers.into_values().for_each(Waker::wake);
        if let Some(Opened { film, reel }) = opened {
            if film.glance().viewers > 0 {
                log::warn!("{}: it ends, as {} is gone", self.address.full_name(), self.address.node());
            }
            reel.end("its machine is gone");
        }
    }

    /// Something is to be done for it.
    pub(super) fn note(self: &Arc<Self>) {
        if let Some(shared) = self.shared.upgrade() {
            shared.note(self);
        }
    }

    /// What it is. Where that is not known, it is found out for `opener`, who is woken then; for now there is a reason.
    fn look(self: &Arc<Self>, opener: u64, waker: &Waker) -> Result<Opened, Arc<str>> {
        let now = Instant::now();
        let is_fresh = |at: Instant| now.saturating_duration_since(at) < FRESH;
        let mut state = self.state();
        if let Some(opened) = &state.opened
            && state.confirmed.is_some_and(is_fresh)
            && state.is_there
        {
            let opened = opened.clone();
            state.openers.remove(&opener);
            return Ok(opened);
        }
        state.openers.entry(opener).and_modify(|kept| kept.clone_from(waker)).or_insert_with(|| waker.clone());
        let node = self.address.node();
        let reason = match &state.failure {
            _ if !state.is_there => format!("the machine {node} is not there").into(),
            Some((reason, at)) if is_fresh(*at) => Arc::clone(reason),
            _ => format!("{node} has not answered yet").into(),
        };
        drop(state);
        self.note();
        Err(reason)
    }

    /// Does what is to be done by now. Gives when there is more to be done.
    fn step(self: &Arc<Self>, shared: &Shared, now: Instant) -> Option<Instant> {
        self.open(shared, now);
        let mut state = self.state();
        if !state.is_there || state.is_over {
            return None;
        }
        if std::mem::take(&mut state.is_resting) {
            state.not_before = Some(now + RETRY);
        }
        let (mut due, mut questions) = (None, Vec::new());
        if !state.openers.is_empty() && state.asking.is_none() {
            due = state.not_before.filter(|&time| time > now);
            if due.is_none() {
                state.asked += 1;
                state.asking = Some(state.asked);
                questions.push((Wish { from: From::Frame(0), count: 1 }, What::Film(state.asked)));
            }
        }
        let opened = state.opened.clone();
        drop(state);
        if let Some(Opened { reel, .. }) = opened {
            let (plans, next) = reel.plan(now);
            due = due.into_iter().chain(next).min();
            questions.extend(plans.into_iter().map(|plan| (plan.wish(), What::Frames(Arc::clone(&reel), plan))));
        }
        for (wish, what) in questions {
            self.ask(shared, wish, what);
        }
        due
    }

    fn ask(self: &Arc<Self>, shared: &Shared, wish: Wish, what: What) {
        let (film, question) = (Arc::downgrade(self), Question { what, is_answered: AtomicBool::new(false) });
        let tell = move |sample: Option<Sample<'_>>| {
            let Some(film) = film.upgrade() else { return };
            match sample {
                Some(sample) => film.handle(&question, sample),
                None => film.finish(&question),
            }
        };
        let key = self.address.key(Part::Frames);
        if let Err(error) = shared.exchange.ask_for_pictures(&key, &wish.to_string(), ANSWER, Box::new(tell)) {
            // What was to tell has told that there will be no answer.
            log::debug!("{}: it cannot be asked for: {error}", self.address.full_name());
        }
    }

    /// The node has answered, whatever it has said.
    fn handle(self: &Arc<Self>, question: &Question, sample: Sample<'_>) {
        let is_ours = Address::parse(sample.key).is_ok_and(|(address, part)| {
            address == self.address && part == Part::Frames && sample.payload.len() <= MAX_PICTURE
        });
        let Some(stamp) = FilmStamp::parse(sample.attachment).filter(|_| is_ours) else { return };
        question.is_answered.store(true, Ordering::Relaxed);
        match &question.what {
            What::Frames(reel, plan) => reel.handle(*plan, &stamp, sample.payload),
            What::Film(asked) => {
                let mut state = self.state();
                if state.asking != Some(*asked) {
                    return;
                }
                state.asking = None;
                state.answer = Some((stamp, sample.payload.to_vec()));
            }
        }
        self.note();
    }

    /// There will be no more answers.
    fn finish(self: &Arc<Self>, question: &Question) {
        let is_answered = question.is_answered.load(Ordering::Relaxed);
        match &question.what {
            What::Frames(reel, plan) => reel.finish(*plan, is_answered),
            What::Film(asked) => {
                let mut state = self.state();
                if state.asking == Some(*asked) {
                    state.asking = None;
                    state.is_resting = true;
                }
            }
        }
        self.note();
    }

    /// Looks at the answer that tells what it is.
    fn open(self: &Arc<Self>, shared: &Shared, now: Instant) {
        let Some((stamp, first)) = self.state().answer.take() else { return };
        let node = self.address.node();
        let failure = match stamp.answer {
            Answer::Frame if stamp.stamp.number == 0 => None,
            Answer::Frame | Answer::Unreadable => Some("its first frame cannot be read".to_owned()),
            Answer::Behind => Some("there is no frame in it by now".to_owned()),
            Answer::Refused => Some(format!("{node} says: {}", shown(&first))),
        };
        let before = self.state().opened.clone();
        let same = before.as_ref().filter(|before| before.reel.is_like(&stamp.film));
        let opened = match (&failure, same) {
            (Some(_), _) => None,
            (None, Some(same)) => {
                same.reel.handle_extent(&stamp);
                Some(same.clone())
            }
            (None, None) => {
                let film = Arc::downgrade(self);
                let note = move || film.upgrade().iter().for_each(Self::note);
                let reel = Arc::new(Reel::new(&stamp, Box::new(note)));
                let name = self.address.full_name();
                let film = shared.distance.film(&name, stamp.film.rate, first, Arc::clone(&reel) as _);
                Some(Opened { film, reel })
            }
        };
        let mut state = self.state();
        match (opened, failure) {
            (Some(opened), _) => (state.opened, state.confirmed, state.failure) = (Some(opened), Some(now), None),
            (None, reason) => {
                state.failure = reason.map(|reason| (reason.into(), now));
                state.is_resting = true;
            }
        }
        let openers = std::mem::take(&mut state.openers);
        let is_same = same.is_some();
        drop(state);
        openers.into_values().for_each(Waker::wake);
        if let Some(before) = before.filter(|_| !is_same && stamp.answer == Answer::Frame) {
            before.reel.end("there is another film of its name");
        }
    }
}

/// What another node has said, as a log and a viewer may have it.
fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text).chars().filter(|c| !c.is_control()).take(MAX_REASON).collect()
}

impl fmt::Debug for Film {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Film").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A film of another node in the hands of a server.
pub struct FilmMedium {
    film: Arc<Film>,
    /// Tells it from others who wait.
    id: u64,
    opened: OnceLock<Opened>,
    /// What was said of it.
    texts: Texts,
}

impl Medium for FilmMedium {
    type Source = LibrarySource;
    type Sink = NoSink;

    fn entry(&self, waker: &Waker) -> Result<Entry<'_>, NotReady<'_>> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened.film.entry());
        }
        match self.film.look(self.id, waker) {
            Ok(opened) => Ok(self.opened.get_or_init(|| opened).film.entry()),
            Err(reason) => Err(NotReady { reason: self.texts.keep(&reason), retry_after: FRESH }),
        }
    }

    fn is_missing(&self) -> bool {
        self.film.state().is_over
    }

    fn open(&self) -> Option<LibrarySource> {
        Some(self.opened.get()?.film.open())
    }
}

impl Drop for FilmMedium {
    fn drop(&mut self) {
        self.film.state().openers.remove(&self.id);
    }
}

impl fmt::Debug for FilmMedium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilmMedium").field("film", &self.film).finish_non_exhaustive()
    }
}
