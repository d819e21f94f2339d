//! Thirty minutes of several viewers in a few seconds. Nothing grows, and no viewer notices that numbers wrap.

use mutoscope::io::server::Settings;
use mutoscope::session::Dialect::Standard;
use mutoscope::session::State;
use mutoscope::time::{Duration, earliest};
use mutoscope_tests::film::{Film, picture};
use mutoscope_tests::net::{Faults, Random};
use mutoscope_tests::real_client::{RealClient, TCP, UDP};
use mutoscope_tests::strict_client::StrictClient;
use mutoscope_tests::world::{SERVER, SERVER_PORT, World, run, settings};
use std::alloc::{GlobalAlloc, Layout, System};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator, with a count of the allocated bytes.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged; the count does not touch memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps GlobalAlloc's contract, and System has the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps GlobalAlloc's contract, and System has the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const URL: &str = "rtsp://10.0.0.1:8554/movie.Mjpeg";

/// A seed with which a client's timestamps, of 90 kHz, wrap `within` so many seconds.
///
/// A client draws its numbers with SplitMix64: first for session identifiers, then SSRC, sequence number and timestamp.
fn entropy_of_an_early_wrap(within: u32) -> u64 {
    let timestamp = |entropy: &u64| {
        let mut random = Random::new(*entropy);
        [(); 4].map(|()| random.bits())[3] as u32
    };
    (1..).find(|entropy| timestamp(entropy) > u32::MAX - within * 90_000).expect("one of many")
}

fn pass(scene: &mut World, viewers: &mut [&mut StrictClient], watchers: &mut [&mut RealClient], millis: u64) {
    run(&scene.network, &mut scene.server, Duration::from_millis(millis), |now| {
        viewers.iter_mut().for_each(|viewer| viewer.poll());
        watchers.iter_mut().map(|watcher| watcher.service(now)).fold(None, earliest)
    });
}

/// Checks and forgets the frames that a viewer has received since the last call.
fn check(viewer: &mut StrictClient, film: &Film) {
    for frame in viewer.frames.drain(..) {
        assert!(frame.is(&film.frames[viewer.seen % film.frames.len()]), "frame {}", viewer.seen);
        viewer.seen += 1;
    }
    assert_eq!((viewer.abandoned, viewer.bye(), viewer.closed), (0, None, false));
    viewer.reports.clear();
}

#[test]
fn half_an_hour_at_constant_memory() {
    let pictures: Vec<_> = (0..7).map(|n| picture(n, (96, 80), 25)).collect();
    let film = Film::new("movie.Mjpeg", pictures.clone(), 24);
    // The rate is so high that the lab's frame numbers wrap too.
    let lab_film = Film::new("lab.Mjpeg", pictures, 40);
    let repeating = Settings { repeat: true, ..settings() };
    let mut scene = World::with([film.clone(), lab_film.clone()], repeating, 1, Faults::default());

    let mut connect = |host, url| {
        scene.server.entropy = entropy_of_an_early_wrap(300 * (u32::from(host) - 1));
        scene.connect(host, url)
    };
    let (mut udp, mut tcp, mut lab) = (connect(2, URL), connect(3, URL), connect(4, "lab.Mjpeg"));
    let begun = scene.start(&mut udp).rtp_info().1;
    scene.start_interleaved(&mut tcp);
    scene.start(&mut lab);
    let mut real = scene.watch(5, Standard, UDP);
    let mut real_tcp = scene.watch(6, Standard, TCP);

    let mut wrapped = false;
    let mut live = 0;
    for minute in 1..=30 {
        for _ in 0..2 {
            pass(&mut scene, &mut [&mut udp, &mut tcp, &mut lab], &mut [&mut real, &mut real_tcp], 30_000);
            udp.report(SocketAddr::from((SERVER, SERVER_PORT.1)));
            wrapped |= udp.frames.last().is_some_and(|frame| frame.timestamp < begun);
            check(&mut udp, &film);
            check(&mut tcp, &film);
            check(&mut lab, &lab_film);
            for watcher in [&mut real, &mut real_tcp] {
                assert!(watcher.frames.iter().all(|seen| film.frames.contains(&seen.jpeg)));
                watcher.frames.clear();
                assert!(watcher.events.len() <= 3, "{:?}", watcher.events);
            }
        }
        // Other viewers come and go, in every way.
        let mut guests = [scene.connect(50, URL), scene.connect(51, URL), scene.connect(52, "lab.Mjpeg")];
        let [polite, rude, pupil] = &mut guests;
        scene.start(polite);
        scene.start_interleaved(rude);
        scene.start(pupil);
        assert_eq!(scene.server.sessions(State::Playing), 8);
        scene.ask(polite, "TEARDOWN", "");
        drop(guests);
        pass(&mut scene, &mut [&mut udp, &mut tcp, &mut lab], &mut [&mut real, &mut real_tcp], 1);
        assert_eq!(scene.server.connections(), 5);
        let now = LIVE.load(Ordering::Relaxed);
        if minute == 2 {
            live = now;
        }
        // The number of packets on their way differs a little from moment to moment.
        assert!(minute < 2 || now.abs_diff(live) < 8_192, "minute {minute}: {now} bytes, {live} after the second");
    }

    let seconds = scene.network.now().as_micros() as usize / 1_000_000;
    assert!(seconds >= 30 * 60);
    for (viewer, rate) in [(&udp, 24), (&tcp, 24), (&lab, 40)] {
        assert!((viewer.seen).abs_diff(seconds * rate) <= rate, "{} frames", viewer.seen);
    }
    for watcher in [&real, &real_tcp] {
        let statistics = watcher.statistics();
        assert!(statistics.frames.abs_diff(seconds as u64 * 24) <= 48, "{statistics:?}");
        assert_eq!((statistics.lost, statistics.duplicates, statistics.frames_dropped), (0, 0, 0));
    }
    assert!(wrapped, "timestamps were meant to wrap");
    assert!(udp.packets > 80_000 && lab.packets > 65_536, "sequence numbers were meant to wrap");
    finish(scene, [udp, tcp, lab], [real, real_tcp]);
}

fn finish(mut scene: World, viewers: [StrictClient; 3], mut watchers: [RealClient; 2]) {
    watchers.iter_mut().for_each(RealClient::stop);
    let [one, other] = &mut watchers;
    scene.run_watchers(&mut [one, other], Duration::from_millis(10));
    drop((viewers, watchers));
    scene.run(&mut [], Duration::from_millis(1));
    scene.assert_nothing_left();
}
