//! The real server and the real client over networks that lose, repeat, reorder, damage and delay packets, and that break.

use mutoscope::io::server::Settings;
use mutoscope::player::{self, Event, Failure};
use mutoscope::session::Dialect::{Lab, Standard};
use mutoscope::session::{Dialect, MediaTransport, State};
use mutoscope::time::Duration;
use mutoscope_tests::film::{Film, pictures};
use mutoscope_tests::net::Faults;
use mutoscope_tests::real_client::{self, RealClient, TCP, UDP};
use mutoscope_tests::world::{World, settings};

const WAYS: [(Dialect, MediaTransport); 3] = [(Standard, UDP), (Standard, TCP), (Lab, UDP)];

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn movie(frames: usize) -> Film {
    Film::new("movie.Mjpeg", pictures(frames), 24)
}

fn looping(film: &Film, seed: u64, faults: Faults) -> World {
    World::with([film.clone()], Settings { repeat: true, ..settings() }, seed, faults)
}

/// Tears down, and asserts that the server has nothing left of the client.
fn leave(mut scene: World, mut watcher: RealClient) {
    scene.network.set_faults(Faults::default());
    scene.run_watchers(&mut [&mut watcher], millis(300));
    watcher.stop();
    scene.run_watchers(&mut [&mut watcher], millis(100));
    assert!(watcher.saw(|event| *event == Event::TornDown));
    drop(watcher);
    scene.run_watchers(&mut [], millis(100));
    scene.assert_nothing_left();
}

#[test]
fn over_a_perfect_network_every_frame_arrives_as_it_was() {
    for (dialect, transport) in WAYS {
        for latency in [0, 80] {
            let film = movie(48);
            let faults = Faults { latency: millis(latency), ..Faults::default() };
            let mut scene = World::with([film.clone()], settings(), 1, faults);
            let mut watcher = scene.watch(2, dialect, transport);
            scene.run_watchers(&mut [&mut watcher], Duration::from_secs(4));
            assert_eq!(watcher.numbers(&film), (0..48).collect::<Vec<_>>());
            for (n, frame) in watcher.frames.iter().enumerate() {
                let expected = Duration::from_micros(film.rate.micros(n as u64));
                let off = frame.position.map(|position| position.abs_diff(expected));
                assert!(off.is_some_and(|off| off <= Duration::from_micros(23)), "{frame:?}");
                assert!(frame.at == frame.received.arrived && frame.received.number as usize == n + 1);
            }
            let statistics = watcher.statistics();
            assert_eq!((statistics.lost, statistics.frames, statistics.frames_dropped), (0, 48, 0));
            // The lab dialect has no BYE, but the server has told the number of frames.
            assert!(watcher.saw(|event| *event == Event::EndOfStream { announced: true }));
            assert!(!watcher.saw(|event| matches!(event, Event::Silence { .. })));
            leave(scene, watcher);
        }
    }
}

#[test]
fn pauses_and_seeks_go_on_where_they_should() {
    for (dialect, transport) in WAYS {
        let film = movie(60);
        let mut scene = World::with([film.clone()], settings(), 1, Faults { latency: millis(7), ..Faults::default() });
        let mut watcher = scene.watch(2, dialect, transport);
        for _ in 0..3 {
            scene.run_watchers(&mut [&mut watcher], millis(500));
            watcher.pause();
            scene.run_watchers(&mut [&mut watcher], millis(2_500));
            assert_eq!((watcher.state(), scene.server.sessions(State::Ready)), (State::Ready, 1));
            watcher.play(None);
        }
        scene.run_watchers(&mut [&mut watcher], Duration::from_secs(3));
        let exact = |watcher: &RealClient, from: usize| {
            let frames = watcher.frames.iter().zip(&film.frames[from..]);
            frames.filter(|(seen, jpeg)| seen.jpeg == **jpeg).count() == watcher.frames.len()
        };
        assert!(watcher.frames.len() == 60 && exact(&watcher, 0), "{dialect:?} {}", watcher.frames.len());
        if dialect == Standard {
            watcher.frames.clear();
            watcher.play(Some(Duration::from_secs(2)));
            scene.run_watchers(&mut [&mut watcher], Duration::from_secs(1));
            assert!(watcher.frames.len() == 12 && exact(&watcher, 48));
            let off = watcher.frames[0].position.map(|position| position.abs_diff(Duration::from_secs(2)));
            assert!(off.is_some_and(|off| off <= Duration::from_micros(23)));
        }
        let statistics = watcher.statistics();
        assert_eq!((statistics.lost, statistics.frames_dropped), (0, 0), "{dialect:?} {transport:?}");
        leave(scene, watcher);
    }
}

#[test]
fn losses_cost_the_frames_they_hit_and_no_others() {
    for loss in [10, 50, 100, 200] {
        for seed in 1..=6 {
            for dialect in [Standard, Lab] {
                let film = movie(24);
                let mut scene = looping(&film, seed, Faults { loss, latency: millis(5), ..Faults::default() });
                let mut watcher = scene.watch(2, dialect, UDP);
                scene.run_watchers(&mut [&mut watcher], Duration::from_secs(10));
                let context = format!("{dialect:?}, loss {loss}, seed {seed}");
                let numbers = watcher.numbers(&film);
                let statistics = watcher.statistics();
                let traffic = scene.network.traffic(watcher.rtp_address);
                // The client cannot know of packets that were lost before the first one that came, or behind the last.
                let known = statistics.packets + statistics.lost;
                assert_eq!(statistics.packets, traffic.delivered, "{context}");
                assert!((known..known + 20).contains(&traffic.sent), "{context}: {statistics:?} {traffic:?}");
                assert_eq!(statistics.frames as usize, numbers.len());
                assert_eq!((statistics.duplicates, statistics.reordered), (0, 0), "{context}");
                let packets = if dialect == Lab { 1 } else { 7 };
                let whole = 238.0 * (1.0 - f64::from(loss) / 1000.0).powi(packets);
                assert!((numbers.len() as f64) > whole * 0.75, "{context}: {} of {whole}", numbers.len());
                let known = statistics.frames + statistics.frames_dropped;
                assert!(dialect == Lab || (225..=241).contains(&known), "{context}: {statistics:?}");
                leave(scene, watcher);
            }
        }
    }
}

#[test]
fn what_arrives_late_or_twice_costs_nothing() {
    for seed in 1..=6 {
        for playout in [0, 90] {
            let film = movie(24);
            let faults = Faults {
                duplication: 100,
                reordering: 300,
                reordering_delay: millis(60),
                latency: millis(10),
                ..Faults::default()
            };
            let mut scene = looping(&film, seed, faults);
            let settings = real_client::settings(Standard, UDP);
            let mut watcher = scene.watch_with(2, player::Settings { playout_delay: millis(playout), ..settings });
            scene.run_watchers(&mut [&mut watcher], Duration::from_secs(10));
            watcher.pause();
            scene.run_watchers(&mut [&mut watcher], millis(300));
            let context = format!("seed {seed}, playout delay {playout}");
            let numbers = watcher.numbers(&film);
            assert_eq!(numbers, (0..numbers.len()).collect::<Vec<_>>(), "{context}");
            assert!(numbers.len() >= 230, "{context}: {}", numbers.len());
            let (statistics, traffic) = (watcher.statistics(), scene.network.traffic(watcher.rtp_address));
            assert_eq!((statistics.lost, statistics.frames_dropped), (0, 0), "{context}: {statistics:?}");
            assert_eq!((statistics.packets, statistics.duplicates), (traffic.delivered, traffic.copies), "{context}");
            assert!(statistics.reordered > 50, "{context}");
            if playout > 0 {
                // Frames come out as evenly as they were sent, although they arrive with up to 60 ms of jitter.
                let steady = &watcher.frames[24..];
                let gaps = steady.windows(2).map(|pair| pair[1].at.since(pair[0].at));
                let (least, most) = gaps.fold((Duration::MAX, Duration::ZERO), |(a, b), gap| (a.min(gap), b.max(gap)));
                assert!(least >= millis(30) && most <= millis(55), "{context}: {least:?} to {most:?}");
            }
            leave(scene, watcher);
        }
    }
}

#[test]
fn everything_at_once_and_still_only_whole_frames() {
    for seed in 1..=10 {
        let film = movie(24);
        let faults = Faults {
            loss: 30,
            duplication: 30,
            reordering: 100,
            reordering_delay: millis(150),
            latency: millis(20),
            corruption: 0,
        };
        let mut scene = looping(&film, seed, faults);
        let mut watcher = scene.watch(2, Standard, UDP);
        scene.run_watchers(&mut [&mut watcher], Duration::from_secs(10));
        let numbers = watcher.numbers(&film);
        assert!(numbers.len() > 100, "seed {seed}: {}", numbers.len());
        let (statistics, traffic) = (watcher.statistics(), scene.network.traffic(watcher.rtp_address));
        assert_eq!(statistics.packets, traffic.delivered, "seed {seed}");
        leave(scene, watcher);
    }
}

#[test]
fn damaged_packets_break_nothing_but_their_frames() {
    for seed in 1..=10 {
        for dialect in [Standard, Lab] {
            let film = movie(24);
            let mut scene = looping(&film, seed, Faults { corruption: 100, ..Faults::default() });
            let mut watcher = scene.watch(2, dialect, UDP);
            scene.run_watchers(&mut [&mut watcher], Duration::from_secs(10));
            // UDP's checksum would drop such packets. Without it the client passes a flipped bit of picture data on.
            let whole = watcher.frames.iter().filter(|seen| film.frames.contains(&seen.jpeg)).count();
            let least = if dialect == Lab { 180 } else { 80 };
            assert!((least..=240).contains(&whole), "seed {seed}: {whole} of {}", watcher.frames.len());
            assert!(watcher.frames.len() <= 241, "seed {seed}");
            assert!(watcher.frames.iter().all(|seen| seen.jpeg.starts_with(&[0xff, 0xd8])), "seed {seed}");
            leave(scene, watcher);
        }
    }
}

#[test]
fn a_cut_cable_is_noticed_and_mended() {
    for (dialect, transport) in WAYS {
        let film = movie(24);
        let mut scene = looping(&film, 1, Faults { latency: millis(5), ..Faults::default() });
        let mut watcher = scene.watch(2, dialect, transport);
        scene.run_watchers(&mut [&mut watcher], Duration::from_secs(3));
        scene.network.partition(true);
        scene.run_watchers(&mut [&mut watcher], Duration::from_millis(6_500));
        let before = watcher.numbers(&film).len();
        let silences = watcher.events.iter().filter(|(_, event)| matches!(event, Event::Silence { .. })).count();
        assert_eq!(silences, 2, "{dialect:?} {transport:?}");
        scene.network.partition(false);
        scene.run_watchers(&mut [&mut watcher], Duration::from_secs(5));
        let numbers = watcher.numbers(&film);
        assert!(numbers.len() >= before + 115, "{dialect:?} {transport:?}: {} after {before}", numbers.len());
        let last = watcher.frames.last().unwrap().at;
        assert!(scene.network.now().since(last) <= millis(50), "it plays on");
        let missing = watcher.statistics().lost;
        assert_eq!(missing > 0, transport == UDP, "{dialect:?} {transport:?}");
        leave(scene, watcher);
    }
}

#[test]
fn a_cable_that_stays_cut_ends_the_session_on_both_sides() {
    for transport in [UDP, TCP] {
        let film = movie(24);
        let mut scene = looping(&film, 1, Faults::default());
        let mut watcher = scene.watch(2, Standard, transport);
        scene.run_watchers(&mut [&mut watcher], Duration::from_secs(3));
        scene.network.partition(true);
        let limit = if transport == UDP { 60_001 } else { 10_500 };
        scene.run_watchers(&mut [&mut watcher], millis(limit));
        assert_eq!(scene.server.sessions(State::Playing), 0, "{transport:?}");
        scene.run_watchers(&mut [&mut watcher], Duration::from_secs(120));
        assert_eq!(scene.server.connections(), 0, "{transport:?}");
        scene.network.partition(false);
        scene.run_watchers(&mut [&mut watcher], Duration::from_secs(1));
        assert!(
            watcher.saw(|event| matches!(event, Event::Failed(Failure::Closed | Failure::Broken))),
            "{:?}",
            watcher.events
        );
        drop(watcher);
        scene.run_watchers(&mut [], millis(1));
        scene.assert_nothing_left();
    }
}

#[test]
fn a_client_that_is_switched_off_is_forgotten_in_time() {
    for (transport, seconds) in [(UDP, 122), (TCP, 12)] {
        let film = movie(24);
        let mut scene = looping(&film, 1, Faults::default());
        let mut gone = scene.watch(2, Standard, transport);
        let mut other = scene.watch(3, Standard, UDP);
        scene.run_watchers(&mut [&mut gone, &mut other], Duration::from_secs(3));
        scene.run_watchers(&mut [&mut other], Duration::from_secs(seconds));
        assert_eq!(scene.server.connections(), 1, "{transport:?}");
        drop(gone);
        assert_eq!(other.numbers(&film).len(), other.frames.len());
        assert_eq!(other.statistics().lost, 0);
        leave(scene, other);
    }
}

#[test]
fn a_session_lives_as_long_as_its_client_playing_or_not() {
    for (dialect, transport) in WAYS {
        let film = movie(24);
        let mut scene = looping(&film, 1, Faults { latency: millis(20), ..Faults::default() });
        let mut watcher = scene.watch(2, dialect, transport);
        scene.run_watchers(&mut [&mut watcher], Duration::from_secs(200));
        assert_eq!(watcher.numbers(&film).len(), watcher.frames.len());
        watcher.pause();
        scene.run_watchers(&mut [&mut watcher], Duration::from_secs(300));
        assert_eq!((watcher.state(), scene.server.sessions(State::Ready)), (State::Ready, 1));
        watcher.play(None);
        let frames = watcher.frames.len();
        scene.run_watchers(&mut [&mut watcher], Duration::from_secs(1));
        assert!(watcher.frames.len() >= frames + 22, "{dialect:?} {transport:?}");
        leave(scene, watcher);
    }
}
