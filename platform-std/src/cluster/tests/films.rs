//! Films of other nodes, as viewers here see them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::{Duration, SystemTime};

use mutoscope::io::Clock;
use mutoscope::media::catalogue::{Catalogue, Medium};
use mutoscope::media::{Advance, End, Extent, FrameRate, FrameSource};
use mutoscope::wire::url::Path;

use super::super::exchange::{Exchange, Held, Question, Sample};
use super::super::film_words::{Answer, Described, FilmStamp, From, Wish};
use super::super::in_process::{Hub, Node};
use super::super::remote::Waits;
use super::super::{About, Address, Kind, Offers, Part, Remote, RemoteMedium, Stamp};
use super::{edge, find, wait};
use crate::clock::MonotonicClock;
use crate::media::testing::{Folder, frames};
use crate::media::{Arrangement, Library, LibraryMedium, Order, Policy};

#[derive(Clone)]
struct Shelf(Arc<Library>);

impl Catalogue for Shelf {
    type Medium = LibraryMedium;

    fn find(&self, path: Path<'_>) -> Option<LibraryMedium> {
        self.0.find(path)
    }
}

fn offer(exchange: impl Exchange + 'static, node: &str, library: Library) -> Offers {
    let films: Vec<_> = library.names().map(|name| (name.to_owned(), Kind::Film)).collect();
    let shelf = Shelf(Arc::new(library));
    let offers = Offers::new(Arc::new(exchange), node, shelf, |_| Some(About::default())).unwrap();
    offers.set(&films).unwrap();
    offers
}

type Source = <RemoteMedium as Medium>::Source;

/// A viewer, as soon as it is known what the film is.
fn open(medium: &RemoteMedium) -> Source {
    wait("it is not known what it is", || medium.entry(Waker::noop()).is_ok());
    medium.open().unwrap()
}

/// What the source says when it does not say that one has to wait.
fn advance(source: &mut impl FrameSource) -> Advance {
    let (clock, mut said) = (MonotonicClock::new(), Advance::End);
    wait("a frame has not come", || {
        said = source.advance(clock.now(), Waker::noop()).unwrap();
        !matches!(said, Advance::Pending { .. })
    });
    said
}

/// All frames to the end.
fn play(source: &mut impl FrameSource) -> Vec<Vec<u8>> {
    let mut seen = Vec::new();
    while advance(source) == Advance::Ready {
        seen.push(source.frame().unwrap().data.to_vec());
    }
    seen
}

#[test]
fn each_viewer_plays_a_film_of_another_node_from_its_start() {
    let (hub, folder, expected) = (Hub::default(), Folder::new(), frames(40));
    let path = folder.file("a film.mjpeg", &expected.concat());
    let library = Library::from_paths(&[path], FrameRate::new(50, 1), Policy::default()).unwrap();
    let edge = edge(hub.node());
    let _archive = offer(hub.node(), "archive", library);
    assert_eq!(edge.names(), ["archive/a film.mjpeg"]);
    for path in ["archive/a%20film.mjpeg", "a%20film.mjpeg"] {
        let medium = find(&edge, path);
        let mut viewer = open(&medium);
        let entry = medium.entry(Waker::noop()).unwrap();
        assert_eq!((entry.name, entry.extent), ("archive/a film.mjpeg", Extent::frames(40)));
        assert_eq!((entry.frame_rate.numerator(), entry.width, entry.refusal), (50, 16, None));
        assert_eq!(advance(&mut viewer), Advance::Ready);
        let mut other = medium.open().unwrap();
        assert_eq!(play(&mut other), expected);
        assert_eq!(play(&mut viewer), expected[1..]);
        viewer.seek(37).unwrap();
        assert_eq!(play(&mut viewer), expected[37..]);
    }
    assert!(hub.sent() == 0, "nothing is published");
}

#[test]
fn frames_of_another_node_keep_their_times() {
    let (hub, folder) = (Hub::default(), Folder::new());
    for (number, frame) in frames(3).into_iter().enumerate() {
        let path = folder.file(&format!("{number}.jpg"), &frame);
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1000 + [0, 1, 5][number]);
        std::fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    }
    let mut library = Library::new(FrameRate::new(25, 1), Policy::default());
    let arrangement = Arrangement { order: Order::Modified, is_timed: true, rate: None };
    library.add_stills("garden", folder.path(), arrangement).unwrap();
    let edge = edge(hub.node());
    let _archive = offer(hub.node(), "archive", library);
    let medium = find(&edge, "garden");
    let mut viewer = open(&medium);
    let mut times = Vec::new();
    while advance(&mut viewer) == Advance::Ready {
        times.push(viewer.frame().unwrap().time.unwrap().as_millis());
    }
    assert_eq!(times, [0, 1000, 5000]);
    viewer.seek_time(Duration::from_millis(1500)).unwrap();
    assert_eq!(advance(&mut viewer), Advance::Ready);
    assert_eq!(viewer.frame().unwrap().number, 1);
}

/// A node that answers as a test wants.
struct Home {
    node: Node,
    asked: Arc<AtomicUsize>,
    _held: [Held; 2],
}

impl Home {
    fn new(hub: &Hub, answer: impl Fn(usize, Wish, &dyn Question) + Send + Sync + 'static) -> Self {
        let (node, asked) = (hub.node(), Arc::<AtomicUsize>::default());
        let count = Arc::clone(&asked);
        let answer = move |question: Box<dyn Question>| {
            let wish = Wish::parse(question.parameters()).expect("it is a question for frames");
            answer(count.fetch_add(1, Ordering::SeqCst), wish, &*question);
        };
        let answers = node.answer("mutoscope/home/film/frames", Box::new(answer)).unwrap();
        let token = node.declare("mutoscope/home/film/film").unwrap();
        Self { node, asked, _held: [answers, token] }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn rate() -> FrameRate {
    FrameRate::new(25, 1).unwrap()
}

/// Tells of one frame, or that there is none.
fn tell(question: &dyn Question, answer: Answer, number: u32, extent: Extent, payload: &[u8]) {
    let stamp = Stamp { incarnation: 7, number: number.into(), captured: 0, sent: 0 };
    let film = Described { rate: rate(), extent };
    let attachment = FilmStamp { stamp, answer, film }.to_bytes();
    question.answer(Sample { key: question.key(), payload, attachment: &attachment });
}

/// Answers as a node does that has these frames.
fn show(wish: Wish, question: &dyn Question, film: &[Vec<u8>], extent: Extent) {
    let From::Frame(from) = wish.from else { return };
    for number in from..from + wish.count {
        match film.get(number as usize) {
            Some(frame) => tell(question, Answer::Frame, number, extent, frame),
            None => return tell(question, Answer::Behind, film.len() as u32, extent, b""),
        }
    }
}

#[test]
fn what_is_not_answered_is_asked_again() {
    let (hub, film) = (Hub::default(), frames(20));
    let edge = edge(hub.node());
    let expected = film.clone();
    // Some questions are lost, and the others are answered in part.
    let home = Home::new(&hub, move |number, wish, question| {
        if ![0, 2].contains(&number) {
            show(Wish { count: wish.count.min(3), ..wish }, question, &film, Extent::frames(20));
        }
    });
    let mut viewer = open(&find(&edge, "home/film"));
    assert!(play(&mut viewer) == expected);
    assert!(home.asked() < 60, "{} questions for 20 frames", home.asked());
}

#[test]
fn a_film_that_grows_goes_on_at_its_end() {
    let hub = Hub::default();
    let film = Arc::new(Mutex::new((frames(2), End::Open)));
    let edge = edge(hub.node());
    let shown = Arc::clone(&film);
    let _home = Home::new(&hub, move |_, wish, question| {
        let (film, end) = &*shown.lock().unwrap();
        show(wish, question, film, Extent::Frames { count: film.len() as u32, end: *end });
    });
    let mut viewer = open(&find(&edge, "film"));
    assert_eq!(play(&mut viewer), frames(2));
    assert_eq!(advance(&mut viewer), Advance::Edge);
    film.lock().unwrap().0 = frames(12);
    let mut seen = Vec::new();
    wait("no frame has come", || {
        seen.extend(play(&mut viewer));
        seen.len() == 10
    });
    assert_eq!(seen, frames(12)[2..]);
    film.lock().unwrap().1 = End::Known;
    wait("it does not end", || advance(&mut viewer) == Advance::End);
}

#[test]
fn those_who_watch_wait_for_a_node_that_comes_back_and_are_at_the_end_where_it_does_not() {
    let hub = Hub::default();
    let waits = Waits { patience: Duration::from_millis(50), ..Waits::default() };
    let edge = Remote::with_waits(Arc::new(hub.node()), "edge", Policy::default(), waits).unwrap();
    let home = Home::new(&hub, |_, wish, question| show(wish, question, &frames(30), Extent::frames(30)));
    let medium = find(&edge, "film");
    let mut viewer = open(&medium);
    assert_eq!(advance(&mut viewer), Advance::Ready);
    hub.cut(&home.node);
    hub.mend(&home.node);
    for _ in 1..20 {
        assert_eq!(advance(&mut viewer), Advance::Ready);
    }
    home.node.kill();
    let (clock, mut seen) = (MonotonicClock::new(), 0);
    wait("it does not end", || match viewer.advance(clock.now(), Waker::noop()).unwrap() {
        Advance::End => true,
        said => {
            seen += usize::from(said == Advance::Ready);
            false
        }
    });
    assert!(seen <= 8, "{seen} frames were there already, of those that are ordered ahead");
    viewer.seek(0).unwrap();
    assert_eq!(advance(&mut viewer), Advance::End);
    wait("it is there still", || edge.find(Path::new("film")).is_none());
    assert!(medium.is_missing());
}

#[test]
fn a_film_that_cannot_be_shown_says_why() {
    let hub = Hub::default();
    let edge = edge(hub.node());
    let _home = Home::new(&hub, |_, _, question| {
        tell(question, Answer::Refused, 0, Extent::frames(0), b"it is\x1b[31m no film");
    });
    let medium = find(&edge, "film");
    let mut reason = String::new();
    wait("nothing is said", || {
        reason = medium.entry(Waker::noop()).unwrap_err().reason.to_owned();
        reason != "home has not answered yet"
    });
    assert_eq!(reason, "home says: it is[31m no film");
    assert!(medium.open().is_none());
}

#[test]
fn a_node_that_lies_shows_nothing_that_was_not_asked_for() {
    let (hub, film) = (Hub::default(), frames(4));
    let edge = edge(hub.node());
    let expected = film.clone();
    let long = vec![0xff; 16 * 1024 * 1024 + 1];
    let _home = Home::new(&hub, move |number, wish, question| {
        let extent = Extent::frames(4);
        if number > 0 {
            let garbage = Sample { key: question.key(), payload: b"x", attachment: b"y" };
            question.answer(garbage);
            let other = Address::new("other", "film").unwrap().key(Part::Frames);
            let stamp = Stamp { incarnation: 7, number: 1, captured: 0, sent: 0 };
            let film = Described { rate: rate(), extent };
            let attachment = FilmStamp { stamp, answer: Answer::Frame, film }.to_bytes();
            question.answer(Sample { key: &other, payload: b"not mine", attachment: &attachment });
            tell(question, Answer::Frame, 1, extent, &long);
            for number in [9, 77, u32::MAX] {
                tell(question, Answer::Frame, number, extent, b"nobody wants it");
            }
        }
        for _ in 0..3 {
            show(wish, question, &film, extent);
        }
    });
    let mut viewer = open(&find(&edge, "home/film"));
    assert!(play(&mut viewer) == expected);
}

#[test]
fn a_film_that_another_one_takes_the_place_of_ends_and_the_new_one_is_opened() {
    let hub = Hub::default();
    let is_other = Arc::new(Mutex::new(false));
    let edge = edge(hub.node());
    let shown = Arc::clone(&is_other);
    let _home = Home::new(&hub, move |_, wish, question| {
        let extent = match *shown.lock().unwrap() {
            false => Extent::frames(30),
            true => Extent::Timed { duration: Duration::from_secs(2), end: End::Known },
        };
        show(wish, question, &frames(30), extent);
    });
    let mut viewer = open(&find(&edge, "film"));
    assert_eq!(advance(&mut viewer), Advance::Ready);
    *is_other.lock().unwrap() = true;
    while advance(&mut viewer) == Advance::Ready {}
    let medium = find(&edge, "film");
    let _viewer = open(&medium);
    wait("it is the old one", || {
        let medium = find(&edge, "film");
        let entry = medium.entry(Waker::noop());
        entry.is_ok_and(|entry| matches!(entry.extent, Extent::Timed { .. }))
    });
}
