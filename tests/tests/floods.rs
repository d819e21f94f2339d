//! Inputs that flood, and inputs that hang, beside viewers who want nothing of either.

use mutoscope::time::{Duration, Instant};
use mutoscope_std::input::Publisher;
use mutoscope_std::media::Policy;
use mutoscope_std::media::live::Live;
use mutoscope_tests::film::{Film, pictures};
use mutoscope_tests::net::Line;
use mutoscope_tests::strict_client::StrictClient;
use mutoscope_tests::world::{World, run};

const MOVIE: &str = "rtsp://10.0.0.1:8554/movie.Mjpeg";
const FLOOD: &str = "rtsp://10.0.0.1:8554/flood";
const FROZEN: &str = "rtsp://10.0.0.1:8554/frozen";
const SILENT: &str = "rtsp://10.0.0.1:8554/silent";
const RATE: u64 = 10_000;

/// What brings a picture to the viewers. It gets the time since the start, and gives how long it has to wait.
type Way<'w> = &'w mut dyn FnMut(std::time::Duration, Vec<u8>) -> std::time::Duration;

/// The longest time without a frame.
fn longest_gap(viewer: &StrictClient, begun: Instant, end: Instant) -> Duration {
    let mut times = vec![begun];
    times.extend(viewer.frames.iter().map(|frame| frame.at).chain([end]));
    times.windows(2).map(|pair| pair[1].since(pair[0])).max().unwrap_or_default()
}

/// Three seconds of a film and its two viewers, beside three viewers of an input that floods, one of an input that stopped after
/// its first picture, and one who waits for an input that hangs. Everything leaves by a line of 64 Mbit/s, an eighth of what the
/// flood would need for one viewer. Gives the film's longest gap, and how many pictures a viewer of the flood has got.
fn flooded(flood: &Live, way: Way<'_>) -> (Duration, usize) {
    let mut scene = World::new([Film::new("movie.Mjpeg", pictures(100), 25)]);
    let (frozen, silent) = (Live::new("frozen", None), Live::new("silent", None));
    let picture = pictures(1).remove(0);
    frozen.publish(picture.clone());
    flood.publish(picture.clone());
    scene.server.cameras.0 = vec![flood.clone(), frozen, silent];
    scene.server.use_line(Line::new(8_000_000, 212_992));
    // Those who come first are served first.
    let mut others: Vec<_> = (2..5).map(|host| scene.connect(host, FLOOD)).collect();
    others.push(scene.connect(5, FROZEN));
    others.iter_mut().for_each(|viewer| _ = scene.start(viewer));
    let mut waiting = scene.connect(6, SILENT);
    waiting.request("DESCRIBE", "");
    let (mut udp, mut tcp) = (scene.connect(7, MOVIE), scene.connect(8, MOVIE));
    scene.start(&mut udp);
    scene.start_interleaved(&mut tcp);
    let (begun, mut due) = (scene.network.now(), scene.network.now());
    let World { network, server } = &mut scene;
    let waits = |now: Instant, wait: std::time::Duration| now.after(Duration::from_micros(wait.as_micros() as u64));
    run(network, server, Duration::from_secs(3), |now| {
        if due <= now {
            let elapsed = std::time::Duration::from_micros(now.since(begun).as_micros() as u64);
            let wait = way(elapsed, picture.clone());
            due = waits(now, wait).max(now.after(Duration::from_micros(1_000_000 / RATE)));
        }
        others.iter_mut().chain([&mut waiting, &mut udp, &mut tcp]).for_each(StrictClient::poll);
        Some(due)
    });
    assert_eq!(others[3].frames.len(), 1, "nothing comes of an input that stopped");
    assert!(waiting.answers.is_empty(), "who waits for an input that hangs still waits");
    let gap = |viewer| longest_gap(viewer, begun, scene.network.now());
    (gap(&udp).max(gap(&tcp)), others[0].frames.len())
}

/// The way of an input's picture as the server has it.
fn publisher(live: &Live) -> (Publisher, std::time::Instant) {
    (Publisher::new(live.clone(), Policy::default()), std::time::Instant::now())
}

#[test]
fn an_input_of_10_000_pictures_a_second_and_one_that_hangs_cost_others_no_more_than_60_ms() {
    let live = Live::new("flood", None);
    let (publisher, begun) = publisher(&live);
    let pushed = flooded(&live, &mut |elapsed, picture| {
        publisher.publish_at(begun + elapsed, picture, std::time::Instant::now());
        std::time::Duration::ZERO
    });
    let waited = flooded(&live, &mut |elapsed, picture| {
        // Behind the first flood, in the time that the publisher knows.
        let now = begun + std::time::Duration::from_secs(10) + elapsed;
        publisher.publish_in_turn_at(now, picture, std::time::Instant::now())
    });
    for (gap, frames) in [pushed, waited] {
        assert!(gap <= Duration::from_millis(60), "{gap:?}");
        // 250 a second and a burst of 50.
        assert!((700..=810).contains(&frames), "{frames}");
    }
}

#[test]
fn the_same_flood_without_a_bound_would_cost_others_more() {
    let live = Live::new("flood", None);
    let (gap, _) = flooded(&live, &mut |_, picture| {
        live.publish(picture);
        std::time::Duration::ZERO
    });
    assert!(gap > Duration::from_millis(60), "{gap:?}: the line has room for all of it");
}
