//! Faster, slower, backwards; frames with their own times; media that grow.

use mutoscope::time::Duration;
use mutoscope_tests::film::{Film, pictures};
use mutoscope_tests::strict_client::{Answer, StrictClient};
use mutoscope_tests::world::{World, settings};

const URL: &str = "rtsp://10.0.0.1:8554/movie.Mjpeg";
const UDP: &str = "RTP/AVP;unicast;client_port=25000-25001";
const TCP: &str = "RTP/AVP/TCP;unicast;interleaved=0-1";

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A film of `frames` frames, 25 in a second.
fn movie(frames: usize) -> Film {
    Film::new("movie.Mjpeg", pictures(frames), 25)
}

/// The frames that the viewer has received since: which they are by their bytes, and how many milliseconds their timestamps lie
/// behind `rtptime`.
fn seen(viewer: &mut StrictClient, film: &Film, rtptime: u32) -> Vec<(usize, u32)> {
    let frames = std::mem::take(&mut viewer.frames);
    let number = |frame: &mutoscope_tests::strict_client::Received| {
        film.frames.iter().position(|jpeg| frame.is(jpeg)).expect("a frame of the film")
    };
    frames.iter().map(|frame| (number(frame), (frame.timestamp.wrapping_sub(rtptime) + 45) / 90)).collect()
}

fn set_up(scene: &mut World, viewer: &mut StrictClient, transport: &str) {
    assert_eq!(scene.ask(viewer, "SETUP", &format!("Transport: {transport}\r\n")).status, 200);
}

fn play(scene: &mut World, viewer: &mut StrictClient, headers: &str) -> Answer {
    let answer = scene.ask(viewer, "PLAY", headers);
    assert_eq!(answer.status, 200, "{}", answer.head);
    answer
}

#[test]
fn each_scale_shows_its_frames_at_its_times_and_ends_with_bye() {
    // (scale, answered, range, the frames of a film of two seconds)
    let every = |step: usize| (0..50).step_by(step).collect::<Vec<_>>();
    let back = |step: usize| (0..50).rev().step_by(step).collect::<Vec<_>>();
    for (scale, answered, range, numbers, interval) in [
        ("1", "1.0", "npt=0.000-2.000", every(1), 40),
        ("2.0", "2.0", "npt=0.000-2.000", every(2), 40),
        ("5", "5.0", "npt=0.000-2.000", every(5), 40),
        ("0.5", "0.5", "npt=0.000-2.000", every(1), 80),
        ("0.1", "0.25", "npt=0.000-2.000", every(1), 160),
        ("100", "8.0", "npt=0.000-2.000", every(8), 40),
        ("-1.0", "-1.0", "npt=2.000-0.000", back(1), 40),
        ("-4", "-4.0", "npt=2.000-0.000", back(4), 40),
        ("-0.5", "-0.5", "npt=2.000-0.000", back(1), 80),
    ] {
        for transport in [UDP, TCP] {
            let film = movie(50);
            let mut scene = World::new([film.clone()]);
            let mut viewer = scene.connect(2, URL);
            set_up(&mut scene, &mut viewer, transport);
            let answer = play(&mut scene, &mut viewer, &format!("Scale: {scale}\r\n"));
            assert_eq!((answer.header("Scale"), answer.header("Range")), (Some(answered), Some(range)));
            let begun = answer.at;
            scene.run(&mut [&mut viewer], Duration::from_secs(10));
            // Frames leave when their timestamps say.
            for (frame, n) in viewer.frames.iter().zip(0..) {
                let left = frame.at.since(begun).as_millis() as u64;
                assert!((interval * n..interval * n + 20).contains(&left), "{scale}: frame {n} at {left} ms");
            }
            let expected: Vec<_> = numbers.iter().zip(0..).map(|(number, n)| (*number, n * interval as u32)).collect();
            assert_eq!(seen(&mut viewer, &film, answer.rtp_info().1), expected, "{scale}");
            assert!(viewer.bye().is_some(), "{scale}");
            assert_eq!(scene.server.counts()[0].frames as usize, numbers.len());
        }
    }
}

#[test]
fn a_scale_changes_while_playing_and_a_pause_keeps_the_place() {
    for transport in [UDP, TCP] {
        let film = movie(250);
        let mut scene = World::new([film.clone()]);
        let mut viewer = scene.connect(2, URL);
        set_up(&mut scene, &mut viewer, transport);
        // (PLAY's headers, whether there is a pause before, the answer's Scale and Range, frames in 120 ms)
        for (headers, pause, scale, range, expected) in [
            ("Range: npt=1-9\r\n", false, None, "npt=1.000-9.000", [25, 26, 27]),
            ("Scale: 4\r\n", false, Some("4.0"), "npt=1.120-9.000", [28, 32, 36]),
            ("Scale: -1\r\n", true, Some("-1.0"), "npt=1.600-0.000", [39, 38, 37]),
            ("Scale: -2\r\nRange: npt=4-2\r\n", false, Some("-2.0"), "npt=4.000-2.000", [99, 97, 95]),
            ("", true, None, "npt=3.760-10.000", [94, 95, 96]),
            ("Scale: 8\r\nRange: npt=-\r\n", false, Some("8.0"), "npt=3.880-10.000", [97, 105, 113]),
        ] {
            if pause {
                assert_eq!(scene.ask(&mut viewer, "PAUSE", "").status, 200);
                scene.run(&mut [&mut viewer], millis(500));
            }
            viewer.frames.clear();
            let answer = play(&mut scene, &mut viewer, headers);
            assert_eq!((answer.header("Scale"), answer.header("Range")), (scale, Some(range)), "{headers}");
            scene.run(&mut [&mut viewer], millis(105));
            let seen = seen(&mut viewer, &film, answer.rtp_info().1);
            assert_eq!(seen, [(expected[0], 0), (expected[1], 40), (expected[2], 80)], "{headers}");
        }
        for headers in ["Scale: -1\r\nRange: npt=11-\r\n", "Scale: -1\r\nRange: npt=5-5\r\n"] {
            assert_eq!(scene.ask(&mut viewer, "PLAY", headers).status, 457, "{headers}");
        }
    }
}

#[test]
fn a_speed_sends_earlier_and_timestamps_stay_those_of_the_film() {
    let film = movie(50);
    let mut scene = World::new([film.clone()]);
    let mut viewer = scene.connect(2, URL);
    set_up(&mut scene, &mut viewer, TCP);
    let answer = play(&mut scene, &mut viewer, "Speed: 4\r\n");
    assert_eq!((answer.header("Speed"), answer.header("Scale")), (Some("4.0"), None));
    scene.run(&mut [&mut viewer], millis(520));
    assert!(viewer.bye().is_some(), "two seconds leave in half a second");
    let expected: Vec<_> = (0..50).map(|n| (n, 40 * n as u32)).collect();
    assert_eq!(seen(&mut viewer, &film, answer.rtp_info().1), expected);
}

#[test]
fn a_camera_plays_at_scale_1() {
    let film = Film { live: true, ..movie(10) };
    let mut scene = World::new([film.clone()]);
    let mut viewer = scene.connect(2, URL);
    set_up(&mut scene, &mut viewer, UDP);
    let answer = play(&mut scene, &mut viewer, "Scale: -2\r\nSpeed: 2\r\n");
    let headers = ["Scale", "Speed", "Range"].map(|name| answer.header(name));
    assert_eq!(headers, [Some("1.0"), Some("1.0"), Some("npt=now-")]);
    scene.run(&mut [&mut viewer], Duration::from_secs(1));
    assert!((24..=27).contains(&viewer.frames.len()));
}

#[test]
fn a_repeated_film_wraps_backwards() {
    let film = movie(5);
    let settings = mutoscope::io::server::Settings { repeat: true, ..settings() };
    let mut scene = World::with([film.clone()], settings, 1, Default::default());
    let mut viewer = scene.connect(2, URL);
    set_up(&mut scene, &mut viewer, UDP);
    let answer = play(&mut scene, &mut viewer, "Scale: -1\r\nRange: npt=0.08-\r\n");
    assert_eq!(answer.header("Range"), Some("npt=0.080-"));
    scene.run(&mut [&mut viewer], millis(305));
    let expected: Vec<_> = [1, 0, 4, 3, 2, 1, 0, 4].into_iter().zip((0..).map(|n| n * 40)).collect();
    assert_eq!(seen(&mut viewer, &film, answer.rtp_info().1), expected);
}

#[test]
fn frames_with_times_of_their_own_play_at_them_whatever_is_asked() {
    const TIMES: [u64; 8] = [0, 33, 50, 400, 410, 1000, 1900, 1940];
    for transport in [UDP, TCP] {
        let film = movie(8).with_times(&TIMES);
        let mut scene = World::new([film.clone()]);
        let mut viewer = scene.connect(2, URL);
        let description = scene.ask(&mut viewer, "DESCRIBE", "Accept: application/sdp\r\n").body;
        assert!(description.contains("a=range:npt=0-1.98"), "{description}");
        set_up(&mut scene, &mut viewer, transport);
        for (headers, range, expected) in [
            (
                "",
                "npt=0.000-1.980",
                &[(0, 0), (1, 33), (2, 50), (3, 400), (4, 410), (5, 1000), (6, 1900), (7, 1940)][..],
            ),
            ("Range: npt=0.7-1.95\r\n", "npt=0.700-1.950", &[(4, 0), (5, 300), (6, 1200), (7, 1240)]),
            ("Scale: 2\r\nRange: npt=0-\r\n", "npt=0.000-1.980", &[(0, 0), (2, 25), (4, 205), (6, 950)]),
            ("Scale: 0.5\r\nRange: npt=1.9-\r\n", "npt=1.900-1.980", &[(6, 0), (7, 80)]),
            ("Scale: -1\r\nRange: npt=1-\r\n", "npt=1.000-0.000", &[(4, 0), (3, 590), (2, 600), (1, 950), (0, 967)]),
        ] {
            let answer = play(&mut scene, &mut viewer, headers);
            assert_eq!(answer.header("Range"), Some(range), "{headers}");
            scene.run(&mut [&mut viewer], Duration::from_secs(3));
            assert_eq!(seen(&mut viewer, &film, answer.rtp_info().1), expected, "{headers}");
        }
    }
}

#[test]
fn a_recording_that_grows_is_sought_as_far_as_it_reaches_and_then_waited_for() {
    for times in [None, Some((0..100).map(|n| n * 40).collect::<Vec<u64>>())] {
        let film = times.map_or(movie(100), |times| movie(100).with_times(&times));
        film.damage.grown_to.set(Some(50));
        let mut scene = World::new([film.clone()]);
        let mut viewer = scene.connect(2, URL);
        let description = scene.ask(&mut viewer, "DESCRIBE", "Accept: application/sdp\r\n").body;
        assert!(description.contains("a=range:npt=0-\r\n"), "{description}");
        set_up(&mut scene, &mut viewer, TCP);
        let answer = play(&mut scene, &mut viewer, "Range: npt=1.84-\r\n");
        assert_eq!(answer.header("Range"), Some("npt=1.840-"));
        scene.run(&mut [&mut viewer], Duration::from_secs(60));
        let rtptime = answer.rtp_info().1;
        assert_eq!(seen(&mut viewer, &film, rtptime), [(46, 0), (47, 40), (48, 80), (49, 120)]);
        assert!(viewer.bye().is_none());
        // More is written: it is shown, all of it, and from now on.
        film.damage.grown_to.set(Some(53));
        scene.run(&mut [&mut viewer], Duration::from_secs(1));
        let more: Vec<_> = seen(&mut viewer, &film, rtptime);
        let begun = more[0].1;
        assert!((60_000..60_200).contains(&begun), "{more:?}");
        assert_eq!(more, [(50, begun), (51, begun + 40), (52, begun + 80)]);
        // Beyond what there is, the newest frame is shown.
        let answer = play(&mut scene, &mut viewer, "Range: npt=3.5-\r\n");
        scene.run(&mut [&mut viewer], Duration::from_secs(1));
        assert_eq!(seen(&mut viewer, &film, answer.rtp_info().1), [(52, 0)]);
        // It is complete now, and ends.
        film.damage.grown_to.set(None);
        scene.run(&mut [&mut viewer], Duration::from_secs(3));
        assert_eq!(viewer.frames.len(), 47);
        assert!(viewer.bye().is_some());
    }
}
