//! A camera: pictures that are made once, by any thread, and sent to all who watch.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

use mutoscope::media::catalogue::{Catalogue, Entry, Medium, NotReady};
use mutoscope::media::{Advance, Extent, Frame, FrameRate, FrameSource, NoSink};
use mutoscope::time;
use mutoscope::wire::url::Path;

use super::audience::{Audience, Seat};
use super::awaited::{Awaited, Locked};
use super::cadence::Cadence;
use super::losses::{Losses, Packets};
use super::observer::{Change, Observer};
use super::picture::{Buffers, Made};
use super::preparer::Prepared;
use super::texts::Texts;
use super::totals::{LeftOut, Totals};
use crate::names;

/// Pictures that were replaced, kept for their memory until nobody sends them any more.
const SPARE: usize = 3;
/// How long after it was the last one a picture is still shown to those who watch.
const FRESH: Duration = Duration::from_millis(500);
/// Memory of larger pictures is given back at once.
const MAX_SPARE_LEN: usize = 4 * 1024 * 1024;

/// A live medium of one name. Each viewer gets the newest picture, and what is published while it is being sent to a slow
/// viewer is left out for that viewer alone. Copies are the same medium: one is served, another one publishes.
///
/// While there is no picture, requests wait for one, and are refused with a reason if none comes. A viewer begins with the newest
/// picture, and stays where the pictures [cease](Self::cease) for a while.
///
/// It is a [`Catalogue`] of this one medium. A pair of catalogues is a catalogue too, so several cameras can be served together.
///
/// ```
/// # use mutoscope_std::media::live::Live;
/// # use mutoscope::media::FrameRate;
/// # fn next_picture() -> Vec<u8> { Vec::new() }
/// let camera = Live::new("camera", "25".parse::<FrameRate>()?);
/// let publisher = camera.clone();
/// std::thread::spawn(move || publisher.publish(next_picture()));
/// // server.serve(camera)
/// # Ok::<(), mutoscope::media::InvalidFrameRate>(())
/// ```
#[derive(Clone)]
pub struct Live {
    shared: Arc<Shared>,
}

struct Shared {
    name: String,
    /// Those who wait have shown all there is, or are requests that wait for the first picture.
    state: Awaited<State>,
    audience: Arc<Audience>,
    /// Who keeps each picture.
    keeper: Mutex<Option<Keeper>>,
    /// Called when pictures cease.
    on_absence: OnceLock<Box<dyn Fn() + Send + Sync>>,
    /// Who is told when pictures cease and begin.
    observer: OnceLock<Arc<dyn Observer>>,
}

/// Called for each picture; it must not wait.
type Keeper = Box<dyn Fn(Taken) + Send + Sync>;

/// A picture that was published, for whoever keeps it.
pub(crate) struct Taken(Arc<Picture>);

impl Taken {
    /// When it was taken.
    pub(crate) fn captured(&self) -> Instant {
        self.0.captured
    }

    /// The file as it came.
    pub(crate) fn jpeg(&self) -> &[u8] {
        self.0.made.original().unwrap_or(self.0.made.data())
    }

    /// Width and height; 0: its headers do not tell.
    pub(crate) fn size(&self) -> (u16, u16) {
        self.0.made.layout().map_or((0, 0), |layout| (layout.width, layout.height))
    }

    #[cfg(test)]
    pub(crate) fn new(jpeg: Vec<u8>, captured: Instant) -> Self {
        Self(Arc::new(Picture { number: 0, captured, made: Made::as_is(jpeg), refusal: None, absence: None }))
    }
}

/// What is known of a live medium.
#[cfg(feature = "http")]
pub(crate) struct Glance {
    /// Pixels of the newest picture; 0: there is none.
    pub(crate) width: u16,
    pub(crate) height: u16,
    /// Pictures per second that come now.
    pub(crate) rate: Option<f64>,
    /// How old the newest picture is.
    pub(crate) age: Option<Duration>,
    /// The part of its packets that has been lost on the way here, 0 to 1.
    pub(crate) loss: Option<f64>,
    /// Why there is no picture now.
    pub(crate) absence: Option<String>,
    pub(crate) totals: Totals,
}

/// That there are no pictures.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Absence {
    /// Since when there are none. `None`: nobody was there to watch.
    pub(crate) lost: Option<Instant>,
    pub(crate) reason: Arc<str>,
    /// Width and height of the last one; 0: there was none, or its headers did not tell.
    pub(crate) size: (u16, u16),
}

struct State {
    newest: Option<Arc<Picture>>,
    /// What is shown while there are no pictures.
    substitute: Option<Arc<Picture>>,
    /// The pictures have ceased with the newest one.
    ceased: Option<Instant>,
    /// Since when something is wrong.
    lost: Option<Instant>,
    /// Of the last picture.
    size: (u16, u16),
    /// There will be no more pictures.
    is_over: bool,
    /// The number of the next picture.
    next: u32,
    cadence: Cadence,
    losses: Losses,
    totals: Totals,
    /// Why there is no picture, and when there may be one.
    absence: (Arc<str>, Duration),
    /// Pictures that were replaced.
    spare: Vec<Arc<Picture>>,
}

struct Picture {
    number: u32,
    captured: Instant,
    made: Made,
    /// Why RTP/JPEG cannot carry it.
    refusal: Option<String>,
    /// Why there is no picture, where this only says so.
    absence: Option<Arc<str>>,
}

impl Picture {
    fn new(number: u32, captured: Instant, made: Made, absence: Option<Arc<str>>) -> Self {
        let refusal = made.layout().ok().and_then(|layout| layout.rtp_format().err()).map(|error| error.to_string());
        Self { number, captured, made, refusal, absence }
    }
}

impl Shared {
    fn state(&self) -> Locked<'_, State> {
        self.state.lock()
    }

    fn publish(&self, made: Made, captured: Instant) {
        let mut picture = Picture::new(0, captured, made, None);
        let (mut taken, mut was_away) = (None, false);
        self.state.change(|state| {
            was_away = state.ceased.is_some() || state.newest.is_none();
            picture.number = state.take_number();
            (state.ceased, state.lost, state.substitute) = (None, None, None);
            state.size = picture.made.layout().map_or((0, 0), |layout| (layout.width, layout.height));
            state.cadence.note(captured);
            let totals = &mut state.totals;
            totals.frames += 1;
            totals.bytes += picture.made.original().unwrap_or(picture.made.data()).len() as u64;
            totals.mended += u64::from(!picture.made.flaws.is_empty());
            totals.unsendable += u64::from(picture.refusal.is_some());
            let picture = Arc::new(picture);
            taken = Some(Taken(Arc::clone(&picture)));
            let replaced = state.newest.replace(picture);
            state.keep(replaced);
        });
        if let Some(taken) = taken
            && let Some(keeper) = &*self.keeper()
        {
            keeper(taken);
        }
        if was_away {
            self.tell(Change::Back);
        }
    }

    fn tell(&self, change: Change<'_>) {
        // Of what has ended nothing is told: another stream may have its name by now.
        if let Some(observer) = self.observer.get()
            && !self.state().is_over
        {
            observer.handle(&self.name, change);
        }
    }

    fn keeper(&self) -> MutexGuard<'_, Option<Keeper>> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self) {
        self.state.change(|state| state.is_over = true);
    }

    fn cease(&self, reason: &str, retry_after: Duration, is_wrong: bool) {
        let (mut state, now) = (self.state(), Instant::now());
        state.ceased = Some(now);
        state.lost = is_wrong.then(|| state.lost.unwrap_or(now));
        state.absence = (reason.into(), retry_after);
        state.cadence.interrupt();
        state.losses = Losses::default();
        drop(state);
        if let Some(tell) = self.on_absence.get() {
            tell();
        }
        if is_wrong {
            self.tell(Change::Lost(reason));
        }
    }
}

impl State {
    /// The newest picture, unless they have ceased.
    fn picture(&self) -> Option<&Arc<Picture>> {
        self.newest.as_ref().filter(|_| self.ceased.is_none())
    }

    /// The picture that a viewer begins with.
    fn current(&self) -> Option<&Arc<Picture>> {
        self.picture().or(self.substitute.as_ref())
    }

    /// The picture that a viewer goes on with, who has seen all before the number `next`. The last one before they ceased is for
    /// those who were just about to take it.
    fn following(&self, next: u32) -> Option<&Arc<Picture>> {
        // Not before `next`, in numbers that wrap.
        let is_new = |picture: &&Arc<Picture>| picture.number.wrapping_sub(next) < u32::MAX / 2;
        let is_stale = self.ceased.is_some_and(|ceased| ceased.elapsed() > FRESH);
        let last = self.newest.as_ref().filter(|_| !is_stale).filter(is_new);
        last.or(self.substitute.as_ref().filter(is_new))
    }

    fn take_number(&mut self) -> u32 {
        let number = self.next;
        self.next = number.wrapping_add(1);
        number
    }

    /// Keeps the memory of a picture that was replaced.
    fn keep(&mut self, replaced: Option<Arc<Picture>>) {
        self.spare.extend(replaced.filter(|picture| picture.made.data().len() <= MAX_SPARE_LEN));
        if self.spare.len() > SPARE {
            self.spare.remove(0);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.audience.end();
    }
}

impl Live {
    /// A medium without a picture yet. `rate`: pictures per second, as descriptions announce it; `None`: it is measured, and 25
    /// until then.
    pub fn new(name: &str, rate: impl Into<Option<FrameRate>>) -> Self {
        let state = State {
            newest: None,
            substitute: None,
            ceased: None,
            lost: None,
            size: (0, 0),
            is_over: false,
            next: 0,
            cadence: Cadence::new(rate.into()),
            losses: Losses::default(),
            totals: Totals::default(),
            absence: ("there is no picture yet".into(), Duration::from_secs(1)),
            spare: Vec::new(),
        };
        Self {
            shared: Arc::new(Shared {
                name: name.to_owned(),
                state: Awaited::new(state),
                audience: Arc::default(),
                keeper: Mutex::default(),
                on_absence: OnceLock::new(),
                observer: OnceLock::new(),
            }),
        }
    }

    /// A medium whose pictures come from `picture`, which is called `rate` times a second in a thread of its own while there
    /// are viewers. It gets the number of the picture, counted from when the medium was made, and gives a JPEG file. Where it
    /// takes longer than a picture lasts, and while nobody watches, numbers are left out.
    ///
    /// The thread ends when the medium and its viewers are gone.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn from_fn(
        name: &str,
        rate: FrameRate,
        mut picture: impl FnMut(u32) -> Vec<u8> + Send + 'static,
    ) -> io::Result<Self> {
        let live = Self::new(name, rate);
        let (shared, audience, start) =
            (Arc::downgrade(&live.shared), Arc::clone(&live.shared.audience), Instant::now());
        let mut next = 0;
        let run = move || {
            loop {
                if audience.is_empty()
                    && let Some(shared) = shared.upgrade()
                {
                    // Who comes next shall not begin with what is old by then.
                    shared.cease("the next picture is not there yet", Duration::from_secs(1), false);
                }
                if !audience.wait() {
                    return;
                }
                let elapsed = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
                next = rate.frames_in(elapsed).max(next);
                let due = start + Duration::from_micros(rate.micros(next));
                thread::sleep(due.saturating_duration_since(Instant::now()));
                let jpeg = picture(next as u32);
                let Some(shared) = shared.upgrade() else { return };
                shared.publish(Made::as_is(jpeg), due);
                next += 1;
            }
        };
        thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(live)
    }

    /// Whether both are the same medium.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// The name that it answers to.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Makes a JPEG file the newest picture, taken now.
    pub fn publish(&self, jpeg: Vec<u8>) {
        self.publish_captured(jpeg, Instant::now());
    }

    /// Makes a JPEG file the newest picture. `captured`: when it was taken, which becomes its timestamp.
    pub fn publish_captured(&self, jpeg: Vec<u8>, captured: Instant) {
        self.shared.publish(Made::as_is(jpeg), captured);
    }

    /// The same for a picture that was made ready.
    pub(crate) fn publish_prepared(&self, picture: Prepared, captured: Instant) {
        self.shared.publish(picture.made, captured);
    }

    /// There are no pictures for the time being: the newest one is shown to nobody any more. Viewers stay, and get the next
    /// one that is published. `reason` and `retry_after` are for those who come meanwhile.
    pub fn cease(&self, reason: &str, retry_after: Duration) {
        self.shared.cease(reason, retry_after, true);
    }

    /// The same where nothing is wrong: there will be pictures when somebody watches.
    pub(crate) fn rest(&self, reason: &str, retry_after: Duration) {
        self.shared.cease(reason, retry_after, false);
    }

    /// Why there is no picture; `None`: there is one, or it is over.
    pub(crate) fn absence(&self) -> Option<Absence> {
        let state = self.shared.state();
        let is_absent = state.picture().is_none() && !state.is_over;
        is_absent.then(|| Absence { lost: state.lost, reason: Arc::clone(&state.absence.0), size: state.size })
    }

    /// Has `tell` called whenever pictures cease; the first one who wants to know is told.
    pub(crate) fn on_absence(&self, tell: impl Fn() + Send + Sync + 'static) {
        let _ = self.shared.on_absence.set(Box::new(tell));
    }

    /// While there are no pictures, those who watch are shown this one, which says why. It counts as no picture of the medium, is kept by
    /// nobody, and goes away with the next one that is published.
    pub(crate) fn substitute(&self, jpeg: Vec<u8>, reason: Arc<str>, now: Instant) {
        let mut picture = Picture::new(0, now, Made::as_is(jpeg), Some(reason));
        self.shared.state.change(|state| {
            // One may have come while this was drawn.
            if state.picture().is_none() {
                picture.number = state.take_number();
                state.substitute = Some(Arc::new(picture));
            }
        });
    }

    /// Nobody is shown that any more.
    pub(crate) fn withdraw_substitute(&self) {
        self.shared.state().substitute = None;
    }

    /// Has `observer` told when pictures cease, because something is wrong, and when they begin, and nobody after it.
    pub(crate) fn observe(&self, observer: Arc<dyn Observer>) {
        let _ = self.shared.observer.set(observer);
    }

    /// While there is no picture, this is why, for those who come.
    pub(crate) fn explain(&self, reason: &str, retry_after: Duration) {
        let mut state = self.shared.state();
        if state.picture().is_none() {
            state.absence = (reason.into(), retry_after);
        }
    }

    /// Gives back the memory of pictures that nobody is shown any more: those that were replaced and, where pictures have ceased
    /// and nobody watches, the last one.
    pub(crate) fn forget(&self) {
        let is_watched = self.viewers() > 0;
        let mut state = self.shared.state();
        let newest = if state.ceased.is_some() && !is_watched { state.newest.take() } else { None };
        let spare = std::mem::take(&mut state.spare);
        drop(state);
        // Only now: large memory takes its time.
        drop((newest, spare));
    }

    /// There will be no more pictures: the streams of those who watch end.
    pub fn end(&self) {
        self.shared.end();
    }

    /// Whether it has [ended](Self::end).
    pub(crate) fn is_over(&self) -> bool {
        self.shared.state().is_over
    }

    /// What became of the packets in which pictures come.
    pub(crate) fn note_packets(&self, packets: Packets) {
        self.shared.state().losses.note(Instant::now(), packets);
    }

    /// A picture came that nobody is shown.
    pub(crate) fn leave_out(&self, why: LeftOut) {
        self.shared.state().totals.leave_out(why);
    }

    /// How many sessions there are, playing or not, and requests that wait for a picture. While there are none, nothing need
    /// be captured.
    pub fn viewers(&self) -> usize {
        self.shared.audience.len()
    }

    /// The same without who keeps its pictures.
    pub(crate) fn spectators(&self) -> usize {
        self.viewers().saturating_sub(usize::from(self.shared.keeper().is_some()))
    }

    /// What is known of it now. Nobody is counted as a viewer for that.
    #[cfg(feature = "http")]
    pub(crate) fn glance(&self) -> Glance {
        let state = self.shared.state();
        let layout = state.newest.as_ref().and_then(|newest| newest.made.layout().ok());
        let (width, height) = layout.map_or((0, 0), |layout| (layout.width, layout.height));
        let age = state.newest.as_ref().map(|newest| newest.captured.elapsed());
        let is_there = state.picture().is_some() && !state.is_over;
        let rate = age.filter(|_| is_there).and_then(|age| state.cadence.present_rate(age));
        let absence = (!is_there).then(|| state.absence.0.to_string());
        let loss = state.losses.present();
        Glance { width, height, rate, age, loss, absence, totals: state.totals }
    }

    /// What tells this medium from all others that there are.
    #[cfg(feature = "http")]
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.shared).addr()
    }

    /// A viewer of the newest picture and of all that is published from now on.
    pub fn viewer(&self) -> LiveSource {
        let shared = Arc::clone(&self.shared);
        let seat = Audience::take_seat(&shared.audience);
        let next = {
            let state = shared.state();
            state.current().map_or(state.next, |newest| newest.number)
        };
        LiveSource { shared, seat, next, held: None, anchor: None }
    }

    /// Has each picture that is published from now on given to `keeper`, and to no other one; it must not wait.
    pub(crate) fn keep(&self, keeper: Option<Keeper>) {
        *self.shared.keeper() = keeper;
    }

    /// A medium that a catalogue of several calls `id`.
    pub fn medium(&self, id: usize) -> LiveMedium {
        let seat = Audience::take_seat(&self.shared.audience);
        LiveMedium { live: self.clone(), id, seat, texts: Texts::default() }
    }

    /// Has `notify` called whenever a viewer comes, and when the last one goes; from any thread.
    pub(crate) fn on_change(&self, notify: impl Fn() + Send + Sync + 'static) {
        self.shared.audience.on_change(Box::new(notify));
    }

    /// Memory for another file, and for what is made of it, out of pictures that were replaced and that nobody sends any more.
    pub(crate) fn spare(&self) -> (Vec<u8>, Vec<u8>) {
        let mut state = self.shared.state();
        let free = state.spare.iter().position(|picture| Arc::strong_count(picture) == 1);
        let Some(picture) = free.map(|index| state.spare.remove(index)).and_then(Arc::into_inner) else {
            return Default::default();
        };
        let Buffers { file, converted } = picture.made.into_buffers();
        (file, converted)
    }
}

impl Catalogue for Live {
    type Medium = LiveMedium;

    fn find(&self, path: Path<'_>) -> Option<LiveMedium> {
        names::is_named(path, &self.shared.name).then(|| self.medium(0))
    }

    fn tell_names(&self, each: &mut dyn FnMut(&str)) {
        each(&self.shared.name);
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live")
            .field("name", &self.shared.name)
            .field("viewers", &self.viewers())
            .finish_non_exhaustive()
    }
}

/// A [`Live`] medium in the hands of a server. It counts among the viewers: a request that waits for a picture makes a camera
/// start.
pub struct LiveMedium {
    live: Live,
    id: usize,
    seat: Seat,
    /// What was said of it.
    texts: Texts,
}

impl Medium for LiveMedium {
    type Source = LiveSource;
    type Sink = NoSink;

    fn entry(&self, waker: &Waker) -> Result<Entry<'_>, NotReady<'_>> {
        let shared = &self.live.shared;
        let found = shared.state.take_or_wait(self.seat.number(), waker, |state| {
            let newest = state.current().cloned().ok_or_else(|| state.absence.clone())?;
            Ok((newest, state.cadence.rate()))
        });
        let (newest, frame_rate) = found.map_err(|(reason, retry_after): (Arc<str>, Duration)| NotReady {
            reason: self.texts.keep(&reason),
            retry_after,
        })?;
        let (width, height) = newest.made.layout().map_or((0, 0), |layout| (layout.width, layout.height));
        let refusal = newest.refusal.as_deref().map(|reason| self.texts.keep(reason));
        Ok(Entry { id: self.id, name: &shared.name, frame_rate, extent: Extent::Live, width, height, refusal })
    }

    fn open(&self) -> Option<LiveSource> {
        Some(self.live.viewer())
    }
}

impl Drop for LiveMedium {
    fn drop(&mut self) {
        self.live.shared.state.leave(self.seat.number());
    }
}

impl fmt::Debug for LiveMedium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveMedium").field("live", &self.live).field("id", &self.id).finish_non_exhaustive()
    }
}

/// One viewer of a [`Live`] medium: always the newest picture, and what comes while it sends is left out.
pub struct LiveSource {
    shared: Arc<Shared>,
    /// Tells it from the others who wait.
    seat: Seat,
    /// The number of the first picture that it has not shown.
    next: u32,
    held: Option<Arc<Picture>>,
    /// One instant on the system's clock and on that of the server.
    anchor: Option<(Instant, time::Instant)>,
}

impl LiveSource {
    /// What it watches.
    pub(crate) fn live(&self) -> Live {
        Live { shared: Arc::clone(&self.shared) }
    }

    /// An instant of the system's clock on that of the server.
    fn on_servers_clock(&self, at: Instant) -> Option<time::Instant> {
        let (system, server) = self.anchor?;
        Some(match at.checked_duration_since(system) {
            Some(later) => server.after(later),
            None => server.before(system.saturating_duration_since(at)),
        })
    }
}

impl FrameSource for LiveSource {
    type Error = Infallible;

    fn advance(&mut self, now: time::Instant, waker: &Waker) -> Result<Advance, Infallible> {
        self.anchor.get_or_insert_with(|| (Instant::now(), now));
        self.held = None;
        let next = self.next;
        let found = self.shared.state.take_or_wait(self.seat.number(), waker, |state| {
            if state.is_over {
                return Ok(None);
            }
            state.following(next).map(|newest| Some(Arc::clone(newest))).ok_or(())
        });
        Ok(match found {
            Ok(Some(newest)) => {
                self.next = newest.number.wrapping_add(1);
                self.held = Some(newest);
                Advance::Ready
            }
            Ok(None) => Advance::End,
            Err(()) => Advance::Pending { until: None },
        })
    }

    fn frame(&self) -> Option<Frame<'_>> {
        let Picture { number, captured, made, .. } = &**self.held.as_ref()?;
        Some(Frame {
            number: *number,
            data: made.data(),
            captured: self.on_servers_clock(*captured),
            time: None,
            layout: made.layout(),
        })
    }

    fn original(&self) -> Option<&[u8]> {
        self.held.as_ref().and_then(|picture| picture.made.original())
    }

    fn absence(&self) -> Option<&str> {
        self.held.as_ref().and_then(|picture| picture.absence.as_deref())
    }

    fn position(&self) -> u32 {
        self.next
    }

    fn seek(&mut self, _: u32) -> Result<(), Infallible> {
        self.held = None;
        Ok(())
    }
}

impl Drop for LiveSource {
    fn drop(&mut self) {
        self.shared.state.leave(self.seat.number());
    }
}

impl fmt::Debug for LiveSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveSource").field("name", &self.shared.name).field("next", &self.next).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
