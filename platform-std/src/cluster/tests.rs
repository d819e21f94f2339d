//! Nodes with streams, and what others see of them.

mod films;
mod guarded;
mod hostile;
mod passage;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::{Duration, Instant};

use mutoscope::io::Clock;
use mutoscope::media::FrameSource;
use mutoscope::media::catalogue::{Catalogue, Medium};
use mutoscope::wire::url::Path;

use super::exchange::{Exchange, Sample};
use super::in_process::Hub;
use super::name::{self, Part};
use super::remote::Waits;
use super::{About, Address, Kind, Offers, Remote, RemoteMedium, Topology, Zenoh};
use crate::clock::MonotonicClock;
use crate::guard::{Home, Homes, Who};
use crate::media::Policy;
use crate::media::live::{Live, LiveMedium};
use crate::media::testing::picture;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A node with one live stream.
struct Camera {
    live: Live,
    #[expect(dead_code, reason = "its streams are there as long as it is")]
    offers: Offers,
}

impl Camera {
    fn new(exchange: Arc<dyn Exchange>, name: &str, stream: &str) -> Self {
        let live = Live::new(stream, None);
        let about = About { watch: Who::parse(["anna"]).unwrap(), ..About::default() };
        let offers = Offers::new(exchange, name, live.clone(), move |_| Some(about.clone())).unwrap();
        offers.set(&[(stream.to_owned(), Kind::Live)]).unwrap();
        Self { live, offers }
    }

    /// Publishes a picture of this width as soon as another node wants one.
    fn show(&self, width: u16) {
        wait("nobody has come to watch", || self.live.viewers() > 0);
        self.live.publish(picture(width, 16, |_| ()));
    }
}

fn edge(exchange: impl Exchange + 'static) -> Remote {
    let waits = Waits { linger: Duration::from_millis(20), ..Waits::default() };
    Remote::with_waits(Arc::new(exchange), "edge", Policy::default(), waits).unwrap()
}

fn find(remote: &Remote, path: &str) -> RemoteMedium {
    remote.find(Path::new(path)).unwrap_or_else(|| panic!("there is no {path}"))
}

/// The widths of the pictures that a viewer sees until it has seen this one.
fn see_until(source: &mut impl FrameSource, width: u16) -> Vec<u16> {
    let (clock, mut seen) = (MonotonicClock::new(), Vec::new());
    wait("a picture has not come", || {
        if source.advance(clock.now(), Waker::noop()).is_ok()
            && let Some(frame) = source.frame()
        {
            seen.push(frame.layout.unwrap().width);
        }
        seen.last() == Some(&width)
    });
    seen
}

/// A place on this machine where nobody listens.
fn place() -> String {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().to_string()
}

/// A stream that may be there or not.
#[derive(Clone)]
struct Door(Arc<Mutex<Option<Live>>>);

impl Catalogue for Door {
    type Medium = LiveMedium;

    fn find(&self, path: Path<'_>) -> Option<LiveMedium> {
        self.0.lock().unwrap().as_ref()?.find(path)
    }
}

#[test]
fn a_stream_that_comes_after_those_who_watch_it_is_seen() {
    let hub = Hub::default();
    let door = Arc::<Mutex<Option<Live>>>::default();
    let offers = Offers::new(Arc::new(hub.node()), "garden", Door(Arc::clone(&door)), |_| None).unwrap();
    offers.set(&[("door".to_owned(), Kind::Live)]).unwrap();
    let edge = edge(hub.node());
    wait("it is not offered", || edge.names() == ["garden/door"]);
    let mut viewer = find(&edge, "garden/door").open().unwrap();
    // Those that end are looked for again, too.
    for width in [160, 176] {
        let live = Live::new("door", None);
        *door.lock().unwrap() = Some(live.clone());
        wait("nobody has come to watch", || live.viewers() > 0);
        live.publish(picture(width, 16, |_| ()));
        see_until(&mut viewer, width);
        *door.lock().unwrap() = None;
        live.end();
    }
}

#[test]
fn two_cameras_at_an_edge_are_watched_over_zenoh() {
    let place = place();
    let topology = Topology { connect: vec![place.clone()], ..Topology::default() };
    // The camera is there before its edge.
    let client = std::thread::spawn({
        let topology = topology.clone();
        move || Zenoh::open(&topology).unwrap()
    });
    let router = Zenoh::open(&Topology { listen: vec![place], ..Topology::default() }).unwrap();
    let edge = edge(router);
    let first = Camera::new(Arc::new(client.join().unwrap()), "garden", "bird");
    let second = Camera::new(Arc::new(Zenoh::open(&topology).unwrap()), "kitchen", "bird");
    wait("both have not come", || edge.names().len() == 2);
    assert_eq!(edge.names(), ["garden/bird", "kitchen/bird"]);
    let mut viewers =
        [(find(&edge, "garden/bird").open().unwrap(), &first), (find(&edge, "kitchen/bird").open().unwrap(), &second)];
    for width in [160, 176, 192] {
        for (viewer, camera) in &mut viewers {
            camera.show(width);
            assert_eq!(see_until(viewer, width).last(), Some(&width));
        }
    }
    drop(viewers);
    drop(first);
    wait("the one that has gone is there still", || edge.names() == ["kitchen/bird"]);
}

#[test]
fn pictures_of_another_node_come_when_somebody_watches_and_only_then() {
    let hub = Hub::default();
    let camera = Camera::new(Arc::new(hub.node()), "garden", "bird house");
    let edge = edge(hub.node());
    assert_eq!(edge.names(), ["garden/bird house"]);
    camera.live.publish(picture(16, 16, |_| ()));
    assert_eq!((camera.live.viewers(), hub.sent()), (0, 0));
    for path in ["garden/bird%20house", "bird%20house"] {
        let medium = find(&edge, path);
        let mut viewer = medium.open().unwrap();
        camera.show(32);
        assert_eq!(see_until(&mut viewer, 32).last(), Some(&32));
        assert_eq!(medium.entry(Waker::noop()).unwrap().name, path.replace("%20", " "));
        // Many who watch are one to the camera.
        let others: Vec<_> = (0..5).map(|_| find(&edge, path).open().unwrap()).collect();
        assert_eq!(camera.live.viewers(), 1);
        drop((viewer, others, medium));
        wait("the camera is watched still", || camera.live.viewers() == 0);
    }
    assert!(edge.find(Path::new("garden/none")).is_none());
}

fn watchers(remote: &Remote, path: &str) -> Option<Who> {
    match remote.home_of(Path::new(path))? {
        Home::There { rules, .. } => Some(rules.watch.expect("somebody or nobody")),
        Home::Here(name) => panic!("{name} is none of this node"),
    }
}

#[test]
fn who_may_watch_at_the_node_may_do_so_elsewhere_and_nobody_before_that_is_known() {
    let hub = Hub::default();
    let edge = edge(hub.node());
    let shy = hub.node();
    let _token = shy.declare("mutoscope/shy/bird/live").unwrap();
    let garden = hub.node();
    let _camera = Camera::new(Arc::new(garden.clone()), "garden", "bird");
    let anna = Who::parse(["anna"]).unwrap();
    wait("nothing is known", || watchers(&edge, "garden/bird") == Some(anna.clone()));
    assert_eq!(watchers(&edge, "shy/bird"), Some(Who::default()));
    assert_eq!(watchers(&edge, "bird"), Some(Who::default()), "it is the shy one's, who came first");
    shy.kill();
    assert_eq!(watchers(&edge, "bird"), Some(anna.clone()));
    assert_eq!(watchers(&edge, "other"), None);
    // There is one way to ask for it, and rules here are found by the same.
    for path in ["garden%2Fbird", "garden/bird/", "/garden/%62ird", "garden//bird", "garden/bird/x"] {
        let expected = ["garden/bird/", "/garden/%62ird"].contains(&path).then(|| anna.clone());
        assert_eq!(watchers(&edge, path), expected, "{path}");
        assert_eq!(edge.find(Path::new(path)).is_some(), expected.is_some(), "{path}");
    }
    garden.kill();
    assert_eq!(watchers(&edge, "bird"), Some(anna), "its last picture may still be seen");
}

#[test]
fn many_streams_of_a_node_are_asked_for_together() {
    const STREAMS: usize = 150;
    let hub = Hub::default();
    let edge = edge(hub.node());
    let told = Arc::new(AtomicUsize::new(0));
    let describe = {
        let told = Arc::clone(&told);
        move |_: &str| {
            told.fetch_add(1, Ordering::Relaxed);
            Some(About { watch: Who::everybody(), ..About::default() })
        }
    };
    let offers = Offers::new(Arc::new(hub.node()), "garden", Live::new("x", None), describe).unwrap();
    let streams: Vec<_> = (0..STREAMS).map(|number| (format!("cam-{number}"), Kind::Live)).collect();
    let begin = Instant::now();
    offers.set(&streams).unwrap();
    let is_known = |name: &str| watchers(&edge, &format!("garden/{name}")) == Some(Who::everybody());
    wait("not all are known", || streams.iter().all(|(name, _)| is_known(name)));
    // Those that came while it told of others are told of once more.
    let asked = told.load(Ordering::Relaxed) / STREAMS;
    assert!(asked <= 2 + begin.elapsed().as_millis() as usize / 20, "each was told {asked} times");
    assert_eq!((edge.names().len(), edge.nodes()), (STREAMS, 1));
    offers.set(&streams[..10]).unwrap();
    assert_eq!((edge.names().len(), edge.list().len()), (10, STREAMS));
}

#[test]
fn other_rules_are_told_of_as_soon_as_they_hold() {
    let hub = Hub::default();
    let edge = edge(hub.node());
    let changes = Arc::new(AtomicUsize::new(0));
    edge.on_rules({
        let changes = Arc::clone(&changes);
        move || _ = changes.fetch_add(1, Ordering::Relaxed)
    });
    let who = Arc::new(Mutex::new("anna"));
    let (node, live) = (hub.node(), Live::new("door", None));
    let describe = {
        let who = Arc::clone(&who);
        move |_: &str| Some(About { watch: Who::parse([*who.lock().unwrap()]).unwrap(), ..About::default() })
    };
    let offers = Offers::new(Arc::new(node.clone()), "garden", live, describe).unwrap();
    offers.set(&[("door".to_owned(), Kind::Live)]).unwrap();
    let told = |count: usize| {
        wait("it is not told of", || changes.load(Ordering::Relaxed) == count);
        watchers(&edge, "door").unwrap()
    };
    assert_eq!(told(1), Who::parse(["anna"]).unwrap());
    // The same again is no change.
    offers.tell_changed();
    *who.lock().unwrap() = "bert";
    offers.tell_changed();
    assert_eq!(told(2), Who::parse(["bert"]).unwrap());
    // Another node's stream, whose rules are not known yet, is shown under its name alone.
    let _token = hub.node().declare("mutoscope/shy/door/live").unwrap();
    node.kill();
    assert_eq!(told(3), Who::default());
}

#[test]
fn a_stream_that_moves_goes_on_under_its_name_and_nobody_takes_it_before() {
    let hub = Hub::default();
    let node = hub.node();
    let first = Camera::new(Arc::new(node.clone()), "first", "door");
    let edge = edge(hub.node());
    let second = Camera::new(Arc::new(hub.node()), "second", "door");
    let mut viewer = find(&edge, "door").open().unwrap();
    first.show(32);
    see_until(&mut viewer, 32);
    assert_eq!(second.live.viewers(), 0, "the name is taken");
    node.kill();
    second.show(48);
    let seen = see_until(&mut viewer, 48);
    assert!(seen.iter().all(|width| [32, 48].contains(width)), "{seen:?}");
    assert!(find(&edge, "first/door").entry(Waker::noop()).is_err(), "it may come back");
    drop(viewer);
    // It came later than the second one this time.
    let again = Camera::new(Arc::new(hub.node()), "first", "door");
    let mut viewer = find(&edge, "first/door").open().unwrap();
    again.show(64);
    see_until(&mut viewer, 64);
}

#[test]
fn whoever_hears_of_a_stream_may_ask_what_it_is_before_all_are_offered() {
    let hub = Hub::default();
    let (camera, edge) = (Arc::new(hub.node()), hub.node());
    let offers = Offers::new(camera, "garden", Live::new("bird", None), |_| Some(About::default())).unwrap();
    let told = Arc::new(AtomicUsize::new(0));
    let asks = {
        let (edge, told) = (edge.clone(), Arc::clone(&told));
        move |_: &str, _: bool| {
            let told = Arc::clone(&told);
            let count = move |sample: Option<Sample<'_>>| _ = told.fetch_add(sample.iter().count(), Ordering::Relaxed);
            edge.ask(&name::all_of("garden", Part::About), "", PATIENCE, Box::new(count)).unwrap();
        }
    };
    let _follows = edge.follow(&name::all(Part::Live), Box::new(asks)).unwrap();
    let streams = ["bird", "door"].map(|name| (name.to_owned(), Kind::Live));
    offers.set(&streams).unwrap();
    assert_eq!(told.load(Ordering::Relaxed), 4, "each time both are told of");
    offers.set(&streams[..1]).unwrap();
    assert_eq!(told.load(Ordering::Relaxed), 4 + 1, "one is gone");
}

#[test]
fn a_stream_that_was_a_film_for_a_moment_is_seen_again() {
    let hub = Hub::default();
    let edge = edge(hub.node());
    let camera = Camera::new(Arc::new(hub.node()), "garden", "bird");
    let mut before = find(&edge, "garden/bird").open().unwrap();
    camera.show(32);
    see_until(&mut before, 32);
    let address = Address::new("garden", "bird").unwrap();
    for (part, is_there) in [(Part::Live, false), (Part::Film, true), (Part::Film, false), (Part::Live, true)] {
        edge.hear(&address.key(part), is_there);
    }
    let mut after = find(&edge, "garden/bird").open().unwrap();
    let clock = MonotonicClock::new();
    wait("it is not seen again", || {
        camera.live.publish(picture(48, 16, |_| ()));
        let is_open = after.advance(clock.now(), Waker::noop()).is_ok();
        is_open && after.frame().is_some_and(|frame| frame.layout.unwrap().width == 48)
    });
}

#[test]
fn a_stream_is_what_it_was_first_until_that_is_gone() {
    let edge = edge(Hub::default().node());
    let address = Address::new("garden", "bird").unwrap();
    let hear = |part, is_there| edge.hear(&address.key(part), is_there);
    let is_film = || matches!(find(&edge, "garden/bird"), RemoteMedium::Second(_));
    hear(Part::Live, true);
    for (before, after) in [(Part::Live, Part::Film), (Part::Film, Part::Live)] {
        hear(after, true);
        assert_eq!(is_film(), before == Part::Film, "{before:?}");
        hear(before, false);
        assert_eq!((is_film(), edge.names().len()), (after == Part::Film, 1), "{after:?}");
        // The other way round: it is gone first.
        hear(after, false);
        assert!(edge.names().is_empty());
        hear(before, true);
        assert_eq!((is_film(), edge.names().len()), (before == Part::Film, 1), "{before:?}");
        hear(before, false);
        hear(after, true);
    }
}
