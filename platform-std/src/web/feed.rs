//! Pictures of a stream for all who watch it by HTTP: somebody plays the stream, and its newest picture is in one slot, from which each
//! viewer takes it when there is room in its connection. Who is slow misses pictures, and nobody waits for it.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use mutoscope::io::Clock;
use mutoscope::jpeg::reduce::Scale;
use mutoscope::media::catalogue::{Entry, Medium, NotReady};
use mutoscope::media::{Advance, Extent, FrameRate, FrameSource};
use mutoscope::time::{Instant, WallClock};
use mutoscope::wire::url::Path;
use tokio::task::{AbortHandle, spawn_blocking};
use tokio::time::{Sleep, sleep, sleep_until};

use super::part::Part;
use super::smaller::Workshop;
use crate::clock::MonotonicClock;
use crate::media::awaited::Awaited;
use crate::names;

/// A source that fails so often without a picture in between is over.
const MOST_FAILURES: u32 = 1000;

/// Time, as streams and browsers tell it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clocks {
    clock: MonotonicClock,
    wall: WallClock,
}

impl Clocks {
    pub(super) fn new(clock: MonotonicClock) -> Self {
        Self { clock, wall: clock.wall_clock() }
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Microseconds since 1970.
    pub(super) fn unix_micros(&self, at: Instant) -> u64 {
        let ntp = self.wall.ntp(at);
        let fraction = ntp.bits() & u64::from(u32::MAX);
        u64::from(ntp.unix_seconds()) * 1_000_000 + ((fraction * 1_000_000) >> 32)
    }
}

/// Why there is nothing to be watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Absent {
    /// What is missing, as a sentence for people.
    pub(super) reason: String,
    pub(super) retry_after: Duration,
    /// There is no such stream after all.
    pub(super) is_missing: bool,
}

/// Where somebody begins to watch a recorded stream, and what happens at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Course {
    pub(super) from: Duration,
    pub(super) repeats: bool,
}

/// A stream that is played as long as somebody has this.
#[derive(Debug)]
pub(super) struct Feed {
    state: Awaited<State>,
    viewers: AtomicU64,
    player: OnceLock<AbortHandle>,
    pub(super) about: About,
    /// Who keeps the last picture of a live stream.
    keeper: Option<Keeper>,
    /// The same in smaller pictures, by scale, as long as somebody watches them.
    smaller: Mutex<[Weak<Self>; Scale::ALL.len()]>,
}

#[derive(Debug)]
struct Keeper {
    feeds: Weak<Feeds>,
    name: String,
}

/// What is known of a stream when it begins to be played.
#[derive(Clone, Copy, Debug)]
pub(super) struct About {
    pub(super) width: u16,
    pub(super) extent: Extent,
    frame_rate: FrameRate,
}

#[derive(Debug, Default)]
struct State {
    newest: Option<Arc<Part>>,
    /// How many pictures there were.
    count: u64,
    is_over: bool,
}

impl Feed {
    /// Plays a source until nobody has the feed.
    fn start<S>(source: S, about: About, clocks: Clocks, course: Course, keeper: Option<Keeper>) -> Arc<Self>
    where
        S: FrameSource + Send + 'static,
    {
        Self::played(about, keeper, |feed| play(Player::new(source, about, clocks), feed, course))
    }

    /// A feed that `play` gives its pictures until nobody has it.
    fn played<F>(about: About, keeper: Option<Keeper>, play: impl FnOnce(Weak<Self>) -> F) -> Arc<Self>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (state, smaller) = (Awaited::new(State::default()), Mutex::default());
        let feed =
            Arc::new(Self { state, viewers: AtomicU64::new(0), player: OnceLock::new(), about, keeper, smaller });
        let task = tokio::spawn(play(Arc::downgrade(&feed)));
        let _ = feed.player.set(task.abort_handle());
        feed
    }

    fn smaller(&self) -> MutexGuard<'_, [Weak<Self>; Scale::ALL.len()]> {
        self.smaller.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The feed of the smallest pictures that are as wide as wanted, which is one for all who want them.
    pub(super) fn at_width(self: &Arc<Self>, wanted: Option<u16>) -> Arc<Self> {
        let Some(scale) = wanted.and_then(|wanted| Scale::for_width(self.about.width, wanted)) else {
            return Arc::clone(self);
        };
        let mut smaller = self.smaller();
        let known = &mut smaller[match scale {
            Scale::Half => 0,
            Scale::Quarter => 1,
            Scale::Eighth => 2,
        }];
        if let Some(feed) = known.upgrade() {
            return feed;
        }
        let about = About { width: scale.dimensions(self.about.width, 1).0, ..self.about };
        let feed = Self::played(about, None, |feed| reduce(Arc::clone(self).viewer(), about.width, feed));
        *known = Arc::downgrade(&feed);
        feed
    }

    /// How many watch, smaller pictures or the full ones. `own`: so many have the feed for other reasons.
    fn watching(&self, all: usize, own: usize) -> usize {
        let smaller = self.smaller();
        let by_scale = smaller.iter().map(Weak::strong_count);
        // Who watches the full pictures to make them smaller counts as those who watch what it makes.
        let more: usize = by_scale.map(|watching| watching.saturating_sub(1)).sum();
        (all + more).saturating_sub(own)
    }

    fn is_over(&self) -> bool {
        self.state.lock().is_over
    }

    fn publish(&self, part: Arc<Part>) {
        self.state.change(|state| {
            state.newest = Some(part);
            state.count += 1;
        });
    }

    fn end(&self) {
        self.state.change(|state| state.is_over = true);
    }

    /// The newest picture, if there is one by now.
    pub(super) fn newest(&self) -> Option<Arc<Part>> {
        self.state.lock().newest.clone()
    }

    /// One more who watches, from the newest picture on.
    pub(super) fn viewer(self: Arc<Self>) -> Viewer {
        let number = self.viewers.fetch_add(1, Ordering::Relaxed);
        Viewer { feed: self, number, seen: 0, skipped: 0 }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        // Nobody watches any more.
        if let Some(player) = self.player.get() {
            player.abort();
        }
        if let Some(keeper) = &self.keeper
            && let Some(feeds) = keeper.feeds.upgrade()
            && let Some(known) = feeds.live().get_mut(&keeper.name)
            // Another stream may have its name by now.
            && std::ptr::eq(known.feed.as_ptr(), self)
        {
            known.last = self.newest().filter(|newest| newest.absence().is_none()).or(known.last.take());
        }
    }
}

/// Somebody who watches a [`Feed`].
#[derive(Debug)]
pub(super) struct Viewer {
    feed: Arc<Feed>,
    number: u64,
    /// How many pictures there were when it took its last one.
    seen: u64,
    /// How many it missed between its last one and the one before.
    pub(super) skipped: u64,
}

impl Viewer {
    /// The newest picture that it has not seen; `None`: there will be no more.
    pub(super) fn poll_next(&mut self, waker: &Waker) -> Poll<Option<Arc<Part>>> {
        let seen = self.seen;
        let found = self.feed.state.take_or_wait(self.number, waker, |state| match &state.newest {
            Some(newest) if state.count > seen => Ok(Some((Arc::clone(newest), state.count))),
            _ if state.is_over => Ok(None),
            _ => Err(()),
        });
        let Ok(found) = found else { return Poll::Pending };
        Poll::Ready(found.map(|(part, count)| {
            // The first one is the newest, whatever was there before.
            self.skipped = if seen == 0 { 0 } else { count - seen - 1 };
            self.seen = count;
            part
        }))
    }

    pub(super) async fn next(&mut self) -> Option<Arc<Part>> {
        poll_fn(|context| self.poll_next(context.waker())).await
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.feed.state.leave(self.number);
    }
}

/// The feeds of live streams, each of which is played once for all, and the last pictures of those that nobody watches.
#[derive(Debug)]
pub(super) struct Feeds {
    pub(super) clocks: Clocks,
    live: Mutex<BTreeMap<String, Known>>,
}

/// What is known of a live stream.
#[derive(Debug, Default)]
struct Known {
    feed: Weak<Feed>,
    last: Option<Arc<Part>>,
}

impl Feeds {
    pub(super) fn new(clock: MonotonicClock) -> Self {
        Self { clocks: Clocks::new(clock), live: Mutex::default() }
    }

    fn live(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many browsers watch a live stream, which together are one viewer of it, and when the newest picture was taken that they were
    /// shown, in microseconds since 1970.
    pub(super) fn watched(&self, name: &str) -> Option<(usize, Option<u64>)> {
        // What is given back after the lock may be the last one who has it.
        let feed = self.live().get(name)?.feed.upgrade()?;
        let newest = feed.newest().filter(|newest| newest.absence().is_none()).map(|newest| newest.taken);
        Some((feed.watching(Arc::strong_count(&feed), 1), newest))
    }

    /// Keeps nothing of a live stream that is gone: another one may get its name.
    pub(super) fn forget(&self, name: &str) {
        // Outside of the lock: what is dropped may have been the last one who had it.
        let known = self.live().remove(name);
        drop(known);
    }

    /// The last picture of a live stream that was watched by HTTP before.
    pub(super) fn last(&self, path: Path<'_>) -> Option<Arc<Part>> {
        let live = self.live();
        let at = names::position(path, live.keys().map(String::as_str))?;
        live.values().nth(at)?.last.clone()
    }

    /// The feed of a stream, as soon as there is something in it. `medium` may have to be started for that.
    pub(super) async fn open<M>(
        self: &Arc<Self>,
        medium: M,
        course: Course,
        patience: Duration,
    ) -> Result<Arc<Feed>, Absent>
    where
        M: Medium<Source: Send> + Send + 'static,
    {
        let (medium, name, about) = ready(medium, patience).await?;
        if about.extent != Extent::Live {
            let source = medium.open().ok_or_else(no_more)?;
            return Ok(Feed::start(source, about, self.clocks, course, None));
        }
        // Outside of the lock: it may be the last one who has it.
        let playing = self.live().get(&name).and_then(|known| known.feed.upgrade());
        if let Some(feed) = playing.filter(|feed| !feed.is_over()) {
            return Ok(feed);
        }
        let source = medium.open().ok_or_else(no_more)?;
        let keeper = Keeper { feeds: Arc::downgrade(self), name: name.clone() };
        let feed = Feed::start(source, about, self.clocks, course, Some(keeper));
        self.live().entry(name).or_default().feed = Arc::downgrade(&feed);
        Ok(feed)
    }
}

fn no_more() -> Absent {
    let reason = "the stream takes no more viewers".to_owned();
    Absent { reason, retry_after: Duration::from_secs(10), is_missing: false }
}

/// A medium, its name and what it is, as soon as that can be told.
async fn ready<M: Medium>(medium: M, patience: Duration) -> Result<(M, String, About), Absent> {
    // Of the closure's own, so that nothing is lent to another thread.
    let (mut asked, mut gives_up) = (Some(medium), Box::pin(sleep(patience)));
    poll_fn(move |context: &mut Context<'_>| {
        let Some(medium) = &asked else { return Poll::Ready(Err(no_more())) };
        let found = match medium.entry(context.waker()) {
            Ok(Entry { name, width, extent, frame_rate, .. }) => {
                Ok((name.to_owned(), About { width, extent, frame_rate }))
            }
            Err(NotReady { reason, retry_after }) => {
                Err(Absent { reason: reason.to_owned(), retry_after, is_missing: medium.is_missing() })
            }
        };
        match found {
            Ok((name, about)) => asked.take().map_or(Poll::Pending, |medium| Poll::Ready(Ok((medium, name, about)))),
            Err(absent) if absent.is_missing => Poll::Ready(Err(absent)),
            Err(absent) => gives_up.as_mut().poll(context).map(|()| Err(absent)),
        }
    })
    .await
}

/// Moves a source along.
struct Player<S> {
    source: S,
    about: About,
    clocks: Clocks,
    sleep: Pin<Box<Sleep>>,
}

/// What a source has come to.
enum Step {
    Picture,
    Failed,
    End,
}

impl<S: FrameSource> Player<S> {
    fn new(source: S, about: About, clocks: Clocks) -> Self {
        Self { source, about, clocks, sleep: Box::pin(sleep(Duration::ZERO)) }
    }

    /// Makes the picture that is shown at this time the next one.
    fn go_to(&mut self, time: Duration) -> Result<(), S::Error> {
        if let Extent::Timed { .. } = self.about.extent {
            return self.source.seek_time(time);
        }
        let number = self.about.frame_rate.frames_in(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        self.source.seek(u32::try_from(number).unwrap_or(u32::MAX))
    }

    async fn step(&mut self) -> Step {
        poll_fn(|context| self.poll_step(context)).await
    }

    fn poll_step(&mut self, context: &mut Context<'_>) -> Poll<Step> {
        loop {
            let now = self.clocks.now();
            match self.source.advance(now, context.waker()) {
                Ok(Advance::Ready) => return Poll::Ready(Step::Picture),
                Ok(Advance::End) => return Poll::Ready(Step::End),
                Ok(Advance::Edge | Advance::Pending { until: None }) => return Poll::Pending,
                Ok(Advance::Pending { until: Some(until) }) => {
                    self.sleep.as_mut().reset(tokio::time::Instant::now() + until.since(now));
                    if self.sleep.as_mut().poll(context).is_pending() {
                        return Poll::Pending;
                    }
                }
                Err(_) => return Poll::Ready(Step::Failed),
            }
        }
    }

    /// The picture that the source stands at.
    fn part(&self) -> Option<Part> {
        let frame = self.source.frame()?;
        let taken = self.clocks.unix_micros(frame.captured.unwrap_or_else(|| self.clocks.now()));
        Some(match self.source.original() {
            Some(original) => Part::new(taken, original).rewritten_as(frame.data),
            None => Part::with(taken, frame.data, self.source.absence()),
        })
    }

    /// When the picture is shown, from the medium's beginning.
    fn time(&self) -> Duration {
        let of = |frame: mutoscope::media::Frame<'_>| {
            frame.time.unwrap_or_else(|| Duration::from_micros(self.about.frame_rate.micros(frame.number.into())))
        };
        self.source.frame().map(of).unwrap_or_default()
    }
}

/// Plays until the stream ends, or is aborted because nobody watches.
async fn play<S: FrameSource>(mut player: Player<S>, feed: Weak<Feed>, course: Course) {
    let is_live = player.about.extent == Extent::Live;
    let mut from = course.from;
    loop {
        if !is_live && player.go_to(from).is_err() {
            break;
        }
        let has_played = play_through(&mut player, &feed, from).await;
        if is_live || !course.repeats || !has_played {
            break;
        }
        from = Duration::ZERO;
    }
    if let Some(feed) = feed.upgrade() {
        feed.end();
    }
}

/// Plays to the end; says whether there was a picture.
async fn play_through<S: FrameSource>(player: &mut Player<S>, feed: &Weak<Feed>, from: Duration) -> bool {
    let begin = tokio::time::Instant::now();
    let (mut failures, mut has_played, mut shown) = (0, false, begin);
    loop {
        match player.step().await {
            Step::Picture => {}
            Step::End => {
                // The last picture lasts as long as another one.
                if has_played && player.about.extent != Extent::Live {
                    sleep_until(shown + player.about.frame_rate.interval()).await;
                }
                return has_played;
            }
            Step::Failed if failures < MOST_FAILURES => {
                failures += 1;
                // It may go on like this for as long as a film is.
                tokio::task::yield_now().await;
                continue;
            }
            Step::Failed => return has_played,
        }
        (failures, has_played) = (0, true);
        if player.about.extent != Extent::Live {
            shown = begin + player.time().saturating_sub(from);
            sleep_until(shown).await;
        }
        let Some(feed) = feed.upgrade() else { return has_played };
        if let Some(part) = player.part() {
            feed.publish(Arc::new(part));
        }
    }
}

/// Makes the newest picture of a feed smaller, again and again; those that come meanwhile replace each other. Where pictures change
/// their size, they stay as wide as they are wanted.
async fn reduce(mut full: Viewer, wanted: u16, feed: Weak<Feed>) {
    let mut workshop = Workshop::default();
    while let Some(part) = full.next().await {
        let work = move || {
            let part = workshop.reduce(part, |width| Scale::for_width(width, wanted));
            (workshop, part)
        };
        let Ok((back, part)) = spawn_blocking(work).await else { break };
        workshop = back;
        let Some(feed) = feed.upgrade() else { return };
        feed.publish(part);
    }
    if let Some(feed) = feed.upgrade() {
        feed.end();
    }
}

#[cfg(test)]
mod tests;
