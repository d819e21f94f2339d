//! What a node can do that lies, in one process: nothing grows with it, and what others show is seen as before.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use mutoscope::io::Clock;
use mutoscope::media::FrameSource;

use super::*;
use crate::cluster::Stamp;
use crate::cluster::exchange::{Held, MAX_PICTURE, Question, Sample};
use crate::cluster::in_process::Node;

/// An edge, a camera in the garden that somebody watches, and a node that will lie.
struct Scene {
    edge: Remote,
    camera: Camera,
    viewer: Box<dyn FnMut(u16) -> Vec<u16>>,
    liar: Node,
}

impl Scene {
    fn new() -> Self {
        let hub = Hub::default();
        let edge = edge(hub.node());
        let camera = Camera::new(Arc::new(hub.node()), "garden", "bird");
        let mut source = find(&edge, "garden/bird").open().unwrap();
        camera.show(32);
        see_until(&mut source, 32);
        wait("nobody knows who may watch", || watchers(&edge, "garden/bird") != Some(Who::default()));
        let viewer = Box::new(move |width| see_until(&mut source, width));
        Self { edge, camera, viewer, liar: hub.node() }
    }

    /// What the camera shows is seen, and nothing else.
    fn check(&mut self, kind: &str) {
        for width in [48, 64] {
            self.camera.show(width);
            let seen = (self.viewer)(width);
            assert!(seen.iter().all(|seen| [32, 48, 64].contains(seen)), "{kind}: {seen:?}");
        }
        assert!(self.edge.names().contains(&"garden/bird".to_owned()), "{kind}");
        let who = watchers(&self.edge, "garden/bird");
        assert_eq!(who, Some(Who::parse(["anna"]).unwrap()), "{kind}");
    }

    /// The liar says that it has these streams.
    fn declare(&self, keys: impl IntoIterator<Item = String>) -> Vec<Held> {
        keys.into_iter().map(|key| self.liar.declare(&key).unwrap()).collect()
    }

    /// The liar sends this under a key as often as it is asked for.
    fn send(&self, key: &str, count: u64, sample: impl Fn(u64) -> (Vec<u8>, Vec<u8>)) {
        let mut publication = self.liar.publish(key, Box::new(|_| ())).unwrap();
        for number in 0..count {
            let (picture, attachment) = sample(number);
            publication.put(&picture, &attachment).unwrap();
        }
    }
}

fn live(node: &str, stream: &str) -> String {
    Address::new(node, stream).unwrap().key(Part::Live)
}

fn stamp(number: u64) -> Stamp {
    Stamp { incarnation: 666, number, captured: number.wrapping_mul(1000), sent: 0 }
}

/// A picture that is none of the camera's.
fn other_picture() -> Vec<u8> {
    picture(240, 16, |_| ())
}

#[test]
fn names_that_are_none_and_streams_without_end_take_nobodys_place() {
    let mut scene = Scene::new();
    let odd = [
        "mutoscope/liar/a%2Fb/live",
        "mutoscope/liar/a%00/live",
        "mutoscope/liar/%1B%5B31m/live",
        "mutoscope/liar/%2E%2E/live",
        "mutoscope/%2E%2E/bird/live",
        "mutoscope/garden/%62ird/live",
        "mutoscope/garden/bird%2Flive/live",
        "mutoscope/liar//live",
        "mutoscope/liar/\u{202e}/live",
    ];
    let long = format!("mutoscope/liar/{}/live", "x".repeat(100_000));
    let _odd = scene.declare(odd.iter().map(|key| (*key).to_owned()).chain([long]));
    assert_eq!(scene.edge.names(), ["garden/bird"]);
    scene.check("odd names");
    let film = scene.declare([Address::new("garden", "bird").unwrap().key(Part::Film)]);
    scene.check("a film of its name");
    drop(film);
    scene.check("the film is gone");
    let edge = scene.edge.clone();
    let all = |is_there| (0..10_000).for_each(|number| edge.hear(&live("liar", &format!("s{number}")), is_there));
    all(true);
    assert_eq!((scene.edge.names().len(), scene.edge.nodes()), (1001, 2));
    scene.check("many streams");
    let late = Camera::new(Arc::new(scene.liar.clone()), "kitchen", "door");
    assert!(scene.edge.names().contains(&"kitchen/door".to_owned()), "others find room");
    (0..10_000).for_each(|number| scene.edge.hear(&live(&format!("n{number}"), "s"), true));
    assert_eq!(scene.edge.nodes(), 1000);
    scene.check("many nodes");
    all(false);
    drop(late);
    scene.check("all are gone");
}

#[test]
fn streams_that_come_and_go_and_words_of_changes_make_nobody_ask_without_end() {
    let mut scene = Scene::new();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = {
        let asked = Arc::clone(&asked);
        move |_: Box<dyn Question>| _ = asked.fetch_add(1, Ordering::Relaxed)
    };
    let start = Instant::now();
    let _answers = scene.liar.answer("mutoscope/*/*/about", Box::new(count)).unwrap();
    for _ in 0..10_000 {
        [true, false].into_iter().for_each(|is_there| scene.edge.hear(&live("liar", "s"), is_there));
    }
    // Of nodes that nobody knows, and of one that is known.
    for node in ["liar", "nobody"] {
        scene.send(&format!("mutoscope/{node}"), 2000, |_| Default::default());
    }
    for number in 0..100 {
        scene.send(&format!("mutoscope/n{number}"), 1, |_| Default::default());
    }
    scene.check("comings and goings");
    // A node is asked when the last answer is there, and when a while is over.
    let most = start.elapsed().as_millis() as usize / 20 + 2;
    // The camera's node is asked, too.
    assert!(asked.load(Ordering::Relaxed) <= 2 * most, "{asked:?} in {:?}", start.elapsed());
}

#[test]
fn what_is_told_of_streams_is_believed_of_what_it_can_be() {
    let mut scene = Scene::new();
    let users = |count: usize| {
        let users: Vec<String> = (0..count).map(|user| format!("user{user}")).collect();
        About { watch: Who::parse(users.iter().map(String::as_str)).unwrap(), ..About::default() }.to_json()
    };
    let told = [
        users(100_000),
        users(3),
        "{".repeat(60_000),
        "x".repeat(5_000_000),
        String::new(),
        r#"{"watch":["everybody"]}"#.into(),
    ];
    for told in told {
        let json = told.clone();
        let answer = move |question: Box<dyn Question>| {
            let key = "mutoscope/liar/s/about";
            for _ in 0..100 {
                question.answer(Sample { key, payload: json.as_bytes(), attachment: b"" });
            }
            question.answer(Sample { key: "mutoscope/liar/none/about", payload: json.as_bytes(), attachment: b"" });
            question.answer(Sample { key: "junk", payload: json.as_bytes(), attachment: b"" });
        };
        let _answer = scene.liar.answer("mutoscope/liar/*/about", Box::new(answer)).unwrap();
        let _token = scene.declare([live("liar", "s")]);
        let is_good = told == users(3);
        wait("it is asked", || is_good == (watchers(&scene.edge, "liar/s") != Some(Who::default())));
        assert_eq!(watchers(&scene.edge, "liar/none"), None);
        scene.check("descriptions");
    }
}

#[test]
fn pictures_under_the_key_of_another_nodes_stream_are_left_out_while_that_one_shows_it() {
    let mut scene = Scene::new();
    let (key, jpeg) = ("mutoscope/garden/bird/jpeg", other_picture());
    scene.check("nobody");
    scene.send(key, 1000, |number| (jpeg.clone(), stamp(number).to_bytes().to_vec()));
    scene.check("a stranger's pictures");
    // It says to be the garden, too.
    let _token = scene.declare([live("garden", "bird")]);
    scene.send(key, 1000, |number| (jpeg.clone(), stamp(number).to_bytes().to_vec()));
    scene.check("a second garden");
}

#[test]
fn no_picture_stamp_or_flood_of_one_stream_is_seen_in_another() {
    let jpeg = other_picture();
    let progressive = {
        let mut jpeg = jpeg.clone();
        let at = jpeg.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
        jpeg[at + 1] = 0xc2;
        jpeg
    };
    let wide = {
        let mut jpeg = jpeg.clone();
        let at = jpeg.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
        jpeg[at + 5..at + 9].fill(0xff);
        jpeg
    };
    let good = |number: u64| stamp(number).to_bytes().to_vec();
    let at = |number, captured| Stamp { captured, ..stamp(number) }.to_bytes().to_vec();
    type Kind<'k> = (&'k str, u64, Box<dyn Fn(u64) -> (Vec<u8>, Vec<u8>)>);
    let kinds: Vec<Kind<'_>> = vec![
        ("junk", 100, Box::new(move |number| (vec![number as u8; 5000], good(number)))),
        ("nothing", 100, Box::new(move |number| (Vec::new(), good(number)))),
        ("progressive", 50, Box::new(move |number| (progressive.clone(), good(number)))),
        ("wide", 50, Box::new(move |number| (wide.clone(), good(number)))),
        ("too large", 3, Box::new(move |number| (vec![0xff; MAX_PICTURE + 1], good(number)))),
        ("large", 5, Box::new(move |number| (vec![0xff; MAX_PICTURE], good(number)))),
        ("no stamp", 100, {
            let jpeg = jpeg.clone();
            Box::new(move |number| (jpeg.clone(), good(number)[..number as usize % Stamp::LEN].to_vec()))
        }),
        ("backwards", 100, {
            let jpeg = jpeg.clone();
            Box::new(move |number| (jpeg.clone(), at(u64::MAX - number, u64::MAX - number)))
        }),
        ("any time", 100, {
            let jpeg = jpeg.clone();
            Box::new(move |number| (jpeg.clone(), at(number, number.wrapping_mul(0x9e37_79b9_7f4a_7c15))))
        }),
        ("flood", 10_000, Box::new(move |number| (jpeg.clone(), good(number)))),
    ];
    for (kind, count, sample) in kinds {
        let mut scene = Scene::new();
        let _token = scene.declare([live("liar", "s")]);
        // Somebody watches the liar's stream.
        let medium = find(&scene.edge, "liar/s");
        let watched = Arc::new(Mutex::new(false));
        let on_watched = Arc::clone(&watched);
        let _watch =
            scene.liar.publish("mutoscope/liar/s/jpeg", Box::new(move |is| *on_watched.lock().unwrap() = is)).unwrap();
        let mut source = medium.open().unwrap();
        wait("nobody watches", || *watched.lock().unwrap());
        scene.send("mutoscope/liar/s/jpeg", count, sample);
        let _ = source.advance(MonotonicClock::new().now(), Waker::noop());
        scene.check(kind);
    }
}

#[test]
fn questions_in_a_flood_cost_a_node_so_much_and_no_more() {
    let hub = Hub::default();
    let described = Arc::new(AtomicUsize::new(0));
    let describe = {
        let described = Arc::clone(&described);
        move |_: &str| {
            described.fetch_add(1, Ordering::Relaxed);
            Some(About::default())
        }
    };
    let offers = Offers::new(Arc::new(hub.node()), "garden", Live::new("s0", None), describe).unwrap();
    let streams: Vec<_> = (0..100).map(|number| (format!("s{number}"), Kind::Live)).collect();
    offers.set(&streams).unwrap();
    let (liar, start) = (hub.node(), Instant::now());
    let answers = Arc::new(AtomicUsize::new(0));
    let ask = |keys: &str| {
        let answers = Arc::clone(&answers);
        let tell =
            move |sample: Option<Sample<'_>>| _ = answers.fetch_add(usize::from(sample.is_some()), Ordering::Relaxed);
        liar.ask(keys, "", Duration::ZERO, Box::new(tell)).unwrap();
    };
    for keys in
        ["mutoscope/*/*/about", "mutoscope/garden/s7/about", "mutoscope/garden/none/about", "mutoscope/*/*/frames"]
    {
        (0..5000).for_each(|_| ask(keys));
    }
    let seconds = start.elapsed().as_secs() as usize + 1;
    let (described, answers) = (described.load(Ordering::Relaxed), answers.load(Ordering::Relaxed));
    assert!(described <= 100 * seconds && described >= 100, "{described} in {seconds}");
    assert!(answers <= 20_000 * seconds && answers >= 20_000, "{answers} in {seconds}");
}
