//! Which events are told, and when, decided without a thread or a clock.
//!
//! A stream is watched or not, and its input is lost or not. What is so is compared with what was told last, and the difference is an
//! event. So nothing piles up: while a program runs for a stream, or the time has not come, things may change and change back, and
//! nobody hears of that.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::media::Change;

/// So long nobody watches before that is told: whoever looks away for a moment, and programs that ask for single pictures, come back.
pub(super) const HOLD: Duration = Duration::from_secs(5);
/// So long at least is between two events of one input, however often its pictures come and go.
pub(super) const GAP: Duration = Duration::from_secs(5);
/// What is kept of a reason, in bytes.
const MAX_REASON: usize = 300;

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    FirstViewer,
    LastViewer,
    InputLost,
    InputBack,
}

impl Kind {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::FirstViewer => "first-viewer",
            Self::LastViewer => "last-viewer",
            Self::InputLost => "input-lost",
            Self::InputBack => "input-back",
        }
    }
}

/// Something to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) kind: Kind,
    pub(super) stream: String,
    /// When it happened.
    pub(super) at: Instant,
    /// How many watch now.
    pub(super) viewers: usize,
    /// Why an input is lost.
    pub(super) reason: Option<String>,
}

/// All streams to which something has happened.
#[derive(Debug, Default)]
pub(super) struct Rule {
    streams: BTreeMap<String, Stream>,
    /// The names of those that have something to tell.
    pending: BTreeSet<String>,
    /// The end has come.
    is_ending: bool,
}

#[derive(Debug, Default)]
struct Stream {
    viewers: usize,
    watched: Turn,
    lost: Turn,
    /// The events of its input come no earlier.
    not_before: Option<Instant>,
    reason: String,
    /// A program runs for it, and events of one stream come one after another.
    is_busy: bool,
}

/// Something that is so or is not.
#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    is: bool,
    was_told: bool,
    /// Since when it is so.
    since: Option<Instant>,
}

impl Turn {
    fn set(&mut self, now: Instant, is: bool) {
        if self.is != is {
            (self.is, self.since) = (is, Some(now));
        }
    }

    /// Since when it has something to tell.
    fn news(&self) -> Option<Instant> {
        self.since.filter(|_| self.is != self.was_told)
    }
}

impl Stream {
    /// What is to be told next, and when.
    fn next(&self, is_ending: bool) -> Option<(Instant, Kind)> {
        let watched = self.watched.news().map(|since| match self.watched.is {
            true => (since, Kind::FirstViewer),
            false if is_ending => (since, Kind::LastViewer),
            false => (since + HOLD, Kind::LastViewer),
        });
        let lost = self.lost.news().filter(|_| !is_ending).map(|since| {
            let kind = if self.lost.is { Kind::InputLost } else { Kind::InputBack };
            (self.not_before.map_or(since, |not_before| since.max(not_before)), kind)
        });
        [watched, lost].into_iter().flatten().min_by_key(|(due, _)| *due)
    }

    /// Nothing of it need be remembered.
    fn is_forgotten(&self, now: Instant) -> bool {
        let Self { viewers, watched, lost, not_before, is_busy, .. } = self;
        let are_quiet = [watched, lost].into_iter().all(|turn| !turn.is && !turn.was_told);
        *viewers == 0 && are_quiet && !is_busy && not_before.is_none_or(|not_before| not_before <= now)
    }
}

impl Rule {
    /// This has happened to a stream.
    pub(super) fn handle(&mut self, now: Instant, name: &str, change: Change<'_>) {
        let stream = self.streams.entry(name.to_owned()).or_default();
        match change {
            Change::Came => stream.viewers += 1,
            Change::Left => stream.viewers = stream.viewers.saturating_sub(1),
            Change::Lost(why) => {
                stream.lost.set(now, true);
                stream.reason = shortened(why);
            }
            Change::Back => stream.lost.set(now, false),
            Change::Away => stream.lost = Turn { is: true, was_told: true, since: None },
            Change::Gone => (stream.lost, stream.not_before) = Default::default(),
        }
        stream.watched.set(now, stream.viewers > 0);
        self.settle(now, name);
    }

    /// From now on only those are told who turned something on when somebody came.
    pub(super) fn end(&mut self) {
        self.is_ending = true;
        let is_ending = true;
        self.pending.retain(|name| self.streams.get(name).is_some_and(|stream| stream.next(is_ending).is_some()));
    }

    /// What is to be told now. The stream is quiet until its program has [ended](Self::handle_end).
    pub(super) fn poll(&mut self, now: Instant) -> Option<Event> {
        let (due, kind, name) = self.due()?;
        if due > now {
            return None;
        }
        let name = name.to_owned();
        let stream = self.streams.get_mut(&name)?;
        stream.is_busy = true;
        let turn = match kind {
            Kind::FirstViewer | Kind::LastViewer => &mut stream.watched,
            Kind::InputLost | Kind::InputBack => {
                stream.not_before = Some(now + GAP);
                &mut stream.lost
            }
        };
        turn.was_told = turn.is;
        let (at, viewers) = (turn.since.unwrap_or(now), stream.viewers);
        let reason = (kind == Kind::InputLost).then(|| stream.reason.clone());
        self.pending.remove(&name);
        Some(Event { kind, stream: name, at, viewers, reason })
    }

    /// When to poll though nothing happened.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.due().map(|(due, ..)| due)
    }

    /// Nothing will be told unless something happens.
    pub(super) fn is_quiet(&self) -> bool {
        self.pending.is_empty()
    }

    /// The program that ran for a stream has ended.
    pub(super) fn handle_end(&mut self, now: Instant, name: &str) {
        if let Some(stream) = self.streams.get_mut(name) {
            stream.is_busy = false;
            self.settle(now, name);
        }
    }

    fn due(&self) -> Option<(Instant, Kind, &str)> {
        let next = self.pending.iter().filter_map(|name| {
            let (due, kind) = self.streams.get(name)?.next(self.is_ending)?;
            Some((due, kind, name.as_str()))
        });
        next.min_by_key(|(due, ..)| *due)
    }

    fn settle(&mut self, now: Instant, name: &str) {
        let Some(stream) = self.streams.get(name) else { return };
        if !stream.is_busy && stream.next(self.is_ending).is_some() {
            self.pending.insert(name.to_owned());
            return;
        }
        self.pending.remove(name);
        if stream.is_forgotten(now) {
            self.streams.remove(name);
        }
    }
}

fn shortened(reason: &str) -> String {
    let end = (0..=MAX_REASON.min(reason.len())).rev().find(|end| reason.is_char_boundary(*end)).unwrap_or(0);
    reason.get(..end).unwrap_or_default().replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rule, and the time.
    struct Scene(Rule, Instant);

    impl Scene {
        fn new() -> Self {
            Self(Rule::default(), Instant::now())
        }

        fn pass(&mut self, seconds: f64) {
            self.1 += Duration::from_secs_f64(seconds);
        }

        fn happens(&mut self, change: Change<'_>) {
            self.0.handle(self.1, "cam", change);
        }

        /// What is told now; its programs end at once.
        fn told(&mut self) -> Vec<&'static str> {
            let mut told = Vec::new();
            while let Some(event) = self.0.poll(self.1) {
                self.0.handle_end(self.1, &event.stream);
                told.push(event.kind.word());
            }
            told
        }
    }

    #[test]
    fn the_first_viewer_is_told_at_once_and_the_last_one_when_nobody_comes_back() {
        let mut scene = Scene::new();
        scene.happens(Change::Came);
        assert_eq!(scene.told(), ["first-viewer"]);
        scene.happens(Change::Came);
        scene.happens(Change::Left);
        assert!(scene.told().is_empty() && scene.0.poll_timeout().is_none());
        // Somebody who asks for a picture now and then.
        for _ in 0..10 {
            scene.happens(Change::Left);
            scene.pass(4.9);
            assert!(scene.told().is_empty());
            scene.happens(Change::Came);
            scene.pass(1.0);
            assert!(scene.told().is_empty());
        }
        scene.happens(Change::Left);
        assert_eq!(scene.0.poll_timeout(), Some(scene.1 + HOLD));
        scene.pass(5.0);
        assert_eq!(scene.told(), ["last-viewer"]);
        assert!(scene.0.streams.is_empty() && scene.0.is_quiet(), "nothing is kept of it");
        scene.happens(Change::Came);
        assert_eq!(scene.told(), ["first-viewer"]);
    }

    #[test]
    fn an_input_that_comes_and_goes_is_told_of_no_more_often_than_there_is_to_say() {
        let mut scene = Scene::new();
        scene.happens(Change::Back);
        assert!(scene.told().is_empty(), "that it is there is what everybody expects");
        scene.happens(Change::Lost("un\nplugged"));
        let event = scene.0.poll(scene.1).unwrap();
        assert_eq!((event.kind, event.reason.as_deref()), (Kind::InputLost, Some("un plugged")));
        scene.0.handle_end(scene.1, "cam");
        let mut told = Vec::new();
        for _ in 0..600 {
            scene.happens(Change::Back);
            scene.pass(0.05);
            told.extend(scene.told());
            scene.happens(Change::Lost("unplugged"));
            scene.pass(0.05);
            told.extend(scene.told());
        }
        assert!(told.len() <= 12, "{told:?}");
        scene.pass(5.0);
        scene.told();
        scene.happens(Change::Back);
        scene.pass(5.0);
        assert_eq!(scene.told(), ["input-back"]);
        scene.pass(5.0);
        // One that is tried again and again is lost once.
        scene.happens(Change::Lost("nobody answers"));
        scene.happens(Change::Lost("nobody answers"));
        assert_eq!(scene.told(), ["input-lost"]);
        scene.happens(Change::Lost("its host is not known"));
        assert!(scene.told().is_empty() && scene.0.is_quiet());
    }

    #[test]
    fn of_a_stream_that_waits_for_a_publisher_the_first_one_is_told() {
        let mut scene = Scene::new();
        scene.happens(Change::Away);
        assert!(scene.told().is_empty());
        scene.happens(Change::Back);
        assert_eq!(scene.told(), ["input-back"]);
        scene.pass(5.0);
        scene.happens(Change::Lost("nobody publishes"));
        assert_eq!(scene.told(), ["input-lost"]);
        scene.happens(Change::Gone);
        scene.pass(60.0);
        assert!(scene.told().is_empty() && scene.0.streams.is_empty());
    }

    #[test]
    fn events_of_one_stream_come_one_after_another_and_others_do_not_wait_for_them() {
        let mut scene = Scene::new();
        scene.happens(Change::Came);
        let first = scene.0.poll(scene.1).unwrap();
        assert_eq!((first.stream.as_str(), first.viewers), ("cam", 1));
        // Its program hangs.
        scene.happens(Change::Left);
        scene.happens(Change::Lost("unplugged"));
        scene.0.handle(scene.1, "other", Change::Came);
        scene.pass(6.0);
        assert_eq!(scene.0.poll(scene.1).unwrap().stream, "other");
        assert_eq!((scene.0.poll(scene.1), scene.0.poll_timeout()), (None, None));
        scene.0.handle_end(scene.1, "cam");
        // In the order in which they were due.
        assert_eq!(scene.told(), ["input-lost", "last-viewer"]);
    }

    #[test]
    fn at_the_end_what_was_turned_on_is_turned_off() {
        let mut scene = Scene::new();
        scene.happens(Change::Came);
        assert_eq!(scene.told(), ["first-viewer"]);
        scene.happens(Change::Lost("the server ends"));
        scene.0.handle(scene.1, "other", Change::Lost("the server ends"));
        scene.0.end();
        scene.happens(Change::Left);
        assert_eq!(scene.told(), ["last-viewer"]);
        assert!(scene.0.is_quiet());
    }

    #[test]
    fn a_reason_is_one_line_of_moderate_length() {
        let long = "\u{e9}".repeat(1000);
        assert_eq!(shortened(&long).len(), MAX_REASON);
        assert_eq!(shortened("a\0b\r\nc"), "a b  c");
    }
}
