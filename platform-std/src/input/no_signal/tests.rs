//! Tests of what is shown while inputs are away.

use super::*;
use crate::media::testing::jpeg;
use mutoscope::jpeg::Layout;
use mutoscope::media::catalogue::{Catalogue, Medium};
use mutoscope::media::{Advance, FrameSource};
use mutoscope::time;
use mutoscope::wire::url::Path;
use std::sync::mpsc;
use std::task::{Wake, Waker};

const PATIENCE: Duration = Duration::from_secs(60);

/// A board, and time that is told.
struct World {
    begin: Instant,
    board: Board,
}

impl World {
    fn new() -> Self {
        Self { begin: Instant::now(), board: Board::default() }
    }

    fn at(&self, millis: u64) -> Instant {
        self.begin + Duration::from_millis(millis)
    }

    /// What is drawn where the input was lost at some time, or only rests: since when there has been nothing.
    fn poll(&mut self, millis: u64, lost: Option<u64>, spectators: usize) -> Option<Option<u64>> {
        let absence = Absence { lost: lost.map(|lost| self.at(lost)), reason: "it is away".into(), size: (0, 0) };
        let begin = self.begin;
        self.board.poll(self.at(millis), Some(&absence), spectators).map(|task| match task {
            Task::Draw(since) => Some((since - begin).as_millis() as u64),
            Task::Withdraw => None,
        })
    }

    fn due(&self, lost: Option<u64>) -> Option<u64> {
        self.board.due(lost.map(|lost| self.at(lost))).map(|due| (due - self.begin).as_millis() as u64)
    }
}

#[test]
fn who_watches_what_was_lost_is_told_at_once_and_each_second() {
    let mut world = World::new();
    let lost = Some(1000);
    assert_eq!((world.poll(2000, lost, 0), world.due(lost)), (None, None), "nobody watches");
    assert_eq!((world.poll(5000, lost, 1), world.due(lost)), (Some(Some(1000)), Some(6000)));
    assert_eq!((world.poll(5500, lost, 2), world.due(lost)), (None, Some(6000)), "a new viewer sees what is there");
    assert_eq!(world.poll(6001, lost, 2), Some(Some(1000)));
    assert_eq!((world.poll(6500, lost, 0), world.due(lost)), (Some(None), None), "the last one has gone");
    assert_eq!(world.poll(9000, lost, 0), None);
    assert_eq!(world.poll(9001, lost, 1), Some(Some(1000)));
}

#[test]
fn what_only_begins_has_a_moment_for_its_first_picture() {
    let mut world = World::new();
    assert_eq!((world.poll(1000, None, 1), world.due(None)), (None, Some(2500)));
    assert_eq!(world.poll(2499, None, 1), None);
    assert_eq!(world.poll(2500, None, 1), Some(Some(1000)), "nobody waited before");
    // It fails in the end.
    assert_eq!(world.poll(3500, Some(3400), 1), Some(Some(1000)));
    assert_eq!(world.board.poll(world.at(3600), None, 1), None);
    assert_eq!((world.poll(4000, Some(4000), 1), world.due(Some(4000))), (Some(Some(4000)), Some(5000)));
}

#[test]
fn pictures_are_of_the_size_that_the_input_had() {
    assert_eq!(suitable((640, 480), Some((320, 240))), (640, 480));
    assert_eq!(suitable((0, 0), Some((320, 240))), (320, 240));
    assert_eq!(suitable((0, 0), None), USUAL_SIZE);
    assert_eq!(suitable((65_535, 65_535), None), USUAL_SIZE, "a picture may lie about its size");
}

#[test]
fn it_is_told_since_when_and_how_long() {
    let began = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_978_320);
    assert_eq!(told(began, Duration::from_secs(3600 * 26 + 61)), "since 2026-11-29 18:52:00 UTC (26:01:01)");
}

struct Ring(mpsc::Sender<()>);

impl Wake for Ring {
    fn wake(self: Arc<Self>) {
        let _ = self.0.send(());
    }
}

/// The next picture of a viewer: its size, whether it is one that says that there is none, and its time.
fn next(viewer: &mut impl FrameSource, now: time::Instant) -> ((u16, u16), bool, time::Instant) {
    let (sender, rings) = mpsc::channel();
    let waker = Waker::from(Arc::new(Ring(sender)));
    while viewer.advance(now, &waker).unwrap() != Advance::Ready {
        rings.recv_timeout(PATIENCE).expect("nobody woke it");
    }
    let frame = viewer.frame().unwrap();
    let layout = frame.layout.unwrap();
    ((layout.width, layout.height), viewer.absence().is_some(), frame.captured.unwrap())
}

#[test]
fn viewers_stay_while_the_input_is_away_and_nothing_counts_it() {
    let (live, no_signal) = (Live::new("camera", None), NoSignal::new().unwrap());
    let (sender, kept) = mpsc::channel();
    live.keep(Some(Box::new(move |taken| sender.send(taken.size()).unwrap())));
    let _recording = live.viewer();
    no_signal.add(&live, None);
    live.cease("cannot connect", Duration::from_secs(2));
    let medium = live.find(Path::new("camera")).unwrap();
    let mut viewer = live.viewer();
    let now = time::Instant::from_millis(500_000);
    let (size, is_absent, first) = next(&mut viewer, now);
    assert_eq!((size, is_absent), (USUAL_SIZE, true));
    let entry = medium.entry(Waker::noop()).map(|entry| (entry.width, entry.height, entry.refusal));
    assert_eq!(entry, Ok((1280, 720, None)), "who comes gets it at once");
    live.publish(jpeg(48, 32, 0, b"x"));
    let (size, is_absent, second) = next(&mut viewer, now);
    assert!((size, is_absent) == ((48, 32), false) && second > first);
    assert_eq!(medium.entry(Waker::noop()).map(|entry| entry.width), Ok(48), "it is gone with the first picture");
    live.cease("it is unplugged", Duration::from_secs(2));
    let (size, is_absent, third) = next(&mut viewer, now);
    assert!((size, is_absent) == ((48, 32), true) && third > second);
    assert_eq!((viewer.absence(), live.spectators()), (Some("it is unplugged"), 2));
    assert_eq!(kept.try_iter().collect::<Vec<_>>(), [(48, 32)], "recordings have none of it");
    drop((viewer, medium));
    // Whoever comes later must not begin with what was drawn long ago.
    let deadline = Instant::now() + PATIENCE;
    while live.medium(0).entry(Waker::noop()).is_ok() {
        assert!(Instant::now() < deadline, "it is not withdrawn");
        thread::yield_now();
    }
    drop(no_signal);
}

#[test]
fn any_name_and_reason_can_be_drawn() {
    for size in [(1, 1), (160, 120), (4096, 2304)] {
        let jpeg = picture(size, "前門 \u{1F3A5}", &"no end ".repeat(1000), "").unwrap();
        let layout = Layout::parse(&jpeg).unwrap();
        assert_eq!((layout.width, layout.height), size);
    }
}
