//! Conversations in standard RTSP, over the simulated network, from OPTIONS to TEARDOWN.

use mutoscope::session::State;
use mutoscope::time::{Duration, Instant};
use mutoscope_tests::film::{Film, picture, pictures};
use mutoscope_tests::net::Faults;
use mutoscope_tests::strict_client::{Answer, StrictClient, timestamp_by_report};
use mutoscope_tests::world::{SERVER, SERVER_PORT, World, settings};
use std::net::SocketAddr;

const URL: &str = "rtsp://10.0.0.1:8554/movie.Mjpeg";
const UDP: &str = "RTP/AVP;unicast;client_port=25000-25001";
const TCP: &str = "RTP/AVP/TCP;unicast;interleaved=0-1";
const FRAME_MICROS: u64 = 41_666;

fn movie(frames: usize) -> Film {
    Film::new("movie.Mjpeg", pictures(frames), 24)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn setup(scene: &mut World, viewer: &mut StrictClient, transport: &str) -> Answer {
    scene.ask(viewer, "SETUP", &format!("Transport: {transport}\r\n"))
}

/// Asserts that the viewer has received frames `from..` of the film, and nothing else.
fn assert_frames(viewer: &StrictClient, film: &Film, from: usize) {
    for (n, frame) in viewer.frames.iter().enumerate() {
        assert!(frame.is(&film.frames[from + n]), "frame {n} is not the film's frame {}", from + n);
    }
}

/// Asserts that the viewer's frame n left at `start` + n / rate, and has the timestamp of that time.
fn assert_paced(viewer: &StrictClient, film: &Film, play: &Answer) {
    let (sequence, rtptime) = play.rtp_info();
    assert_eq!((viewer.frames[0].sequence, viewer.frames[0].timestamp), (sequence, rtptime));
    for (n, frame) in viewer.frames.iter().enumerate() {
        let micros = film.rate.micros(n as u64);
        assert_eq!(frame.begun, play.at.after(Duration::from_micros(micros)), "frame {n}");
        let ticks = frame.timestamp.wrapping_sub(rtptime);
        assert!(u64::from(ticks).abs_diff(micros * 9 / 100) <= 1, "frame {n}: {ticks} ticks after {micros} µs");
    }
}

#[test]
fn a_whole_conversation_brings_every_frame_at_its_time() {
    for transport in [UDP, TCP] {
        let film = movie(48);
        let mut scene = World::new([film.clone()]);
        let mut viewer = scene.connect(2, URL);

        let options = scene.ask(&mut viewer, "OPTIONS", "");
        let public = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER";
        assert_eq!((options.status, options.header("Public")), (200, Some(public)));

        let describe = scene.ask(&mut viewer, "DESCRIBE", "Accept: application/sdp\r\n");
        assert_eq!(describe.header("Content-Base"), Some("rtsp://10.0.0.1:8554/movie.Mjpeg/"));
        assert_eq!(describe.header("Content-Type"), Some("application/sdp"));
        let sdp = "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=movie.Mjpeg\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=tool:mutoscope\r\n\
            a=control:*\r\na=range:npt=0-2\r\nm=video 0 RTP/AVP 26\r\na=rtpmap:26 JPEG/90000\r\n\
            a=control:trackID=0\r\na=framerate:24\r\n";
        assert_eq!(describe.body, sdp);

        let answer = setup(&mut scene, &mut viewer, transport);
        let session = answer.header("Session").unwrap();
        assert!(session.ends_with(";timeout=60") && session.len() == 27, "{session}");
        let chosen = answer.header("Transport").unwrap();
        assert!(chosen.starts_with(transport) && !chosen.contains("destination") && !chosen.contains(','), "{chosen}");
        let ssrc = u32::from_str_radix(answer.parameter("Transport", "ssrc").unwrap(), 16).unwrap();
        let ports = answer.parameter("Transport", "server_port");
        assert_eq!(ports, (transport == UDP).then_some("6970-6971"), "{chosen}");
        assert_eq!(scene.server.sessions(State::Ready), 1);

        let play = scene.ask(&mut viewer, "PLAY", "Range: npt=0.000-\r\n");
        assert_eq!((play.status, play.packets_before, scene.server.sessions(State::Playing)), (200, 0, 1));
        let info = play.header("RTP-Info").unwrap();
        assert!(info.starts_with("url=rtsp://10.0.0.1:8554/movie.Mjpeg/trackID=0;seq="), "{info}");
        assert_eq!(play.header("Range"), Some("npt=0.000-2.000"));

        scene.run(&mut [&mut viewer], Duration::from_secs(3));
        assert_eq!((viewer.frames.len(), viewer.abandoned), (48, 0));
        assert_frames(&viewer, &film, 0);
        assert_paced(&viewer, &film, &play);
        assert!(viewer.reports.iter().all(|report| report.info.ssrc == ssrc));

        let (bye, reason) = viewer.bye().expect("BYE at the end");
        let after_the_last = bye.since(viewer.frames[47].at);
        // On the connection no packet overtakes another, so BYE need not wait: it comes when the next frame would.
        let expected = if transport == UDP { millis(400) } else { Duration::ZERO };
        let slack = after_the_last.checked_sub(expected).expect("not earlier");
        assert!(slack <= Duration::from_micros(FRAME_MICROS + 1), "{after_the_last:?}");
        assert_eq!(reason, "end of stream");
        assert_eq!(scene.server.sessions(State::Ready), 1);

        viewer.frames.clear();
        viewer.reports.clear();
        let again = scene.ask(&mut viewer, "PLAY", "");
        scene.run(&mut [&mut viewer], millis(500));
        assert_eq!(viewer.frames.len(), 13);
        assert_frames(&viewer, &film, 0);
        let (sequence, rtptime) = again.rtp_info();
        assert_eq!(viewer.frames[0].sequence, sequence);
        assert_eq!(viewer.frames[0].timestamp, rtptime);

        let teardown = scene.ask(&mut viewer, "TEARDOWN", "");
        assert_eq!((teardown.status, scene.server.sessions(State::Init)), (200, 1));
        let packets = viewer.packets;
        scene.run(&mut [&mut viewer], millis(500));
        assert_eq!(viewer.packets, packets, "nothing after TEARDOWN");
        assert_eq!(viewer.bye().map(|(_, reason)| reason), (transport == UDP).then_some("teardown"));
        viewer.vanish();
        scene.run(&mut [&mut viewer], millis(10));
        scene.assert_nothing_left();
    }
}

#[test]
fn pause_stops_at_once_and_play_goes_on_with_the_next_frame() {
    for transport in [UDP, TCP] {
        let film = movie(60);
        let mut scene = World::new([film.clone()]);
        let mut viewer = scene.connect(2, URL);
        scene.start_over(&mut viewer, transport);
        let mut pauses = 0;
        // The pauses begin at every moment of a frame's time.
        for round in 0..12 {
            scene.run(&mut [&mut viewer], Duration::from_micros(83_000 + round * 7_919));
            assert_eq!(scene.ask(&mut viewer, "PAUSE", "").status, 200);
            let frames = viewer.frames.len();
            scene.run(&mut [&mut viewer], millis(1_234));
            assert_eq!(viewer.frames.len(), frames, "silence after PAUSE");
            let play = scene.ask(&mut viewer, "PLAY", "");
            scene.run(&mut [&mut viewer], Duration::ZERO);
            let first = &viewer.frames[frames];
            assert_eq!((first.sequence, first.timestamp), play.rtp_info());
            assert_eq!(first.begun, play.at);
            pauses += 1;
        }
        scene.run(&mut [&mut viewer], Duration::from_secs(3));
        assert_eq!((viewer.frames.len(), viewer.abandoned, pauses), (60, 0, 12));
        assert_frames(&viewer, &film, 0);
    }
}

#[test]
fn timestamps_follow_the_clock_through_pauses_and_never_repeat() {
    let mut scene = World::new([movie(48)]);
    let mut viewer = scene.connect(2, URL);
    scene.start(&mut viewer);
    for wait in [0, 0, 1, 0, 500, 41, 42, 0, 0] {
        scene.run(&mut [&mut viewer], millis(wait));
        scene.ask(&mut viewer, "PAUSE", "");
        scene.run(&mut [&mut viewer], millis(wait / 2));
        scene.ask(&mut viewer, "PLAY", "");
    }
    scene.run(&mut [&mut viewer], Duration::from_secs(3));
    let first = &viewer.frames[0];
    for pair in viewer.frames.windows(2) {
        let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!((1..90_000).contains(&step), "{step}");
    }
    for frame in &viewer.frames {
        let micros = frame.begun.since(first.begun).as_micros() as u64;
        let ticks = u64::from(frame.timestamp.wrapping_sub(first.timestamp));
        // If PLAY starts a frame within the microsecond of the frame before, its timestamp is one or two ticks later.
        assert!(ticks.abs_diff(micros * 9 / 100) <= 20, "{ticks} ticks after {micros} µs");
    }
}

#[test]
fn a_pause_in_the_middle_of_a_large_frame_sends_it_again_whole() {
    let large: Vec<_> = (0..4).map(|seed| picture(seed, (640, 480), 100)).collect();
    let film = Film::new("movie.Mjpeg", large, 10);
    let mut scene = World::new([film.clone()]);
    let mut viewer = scene.connect(2, URL);
    scene.start(&mut viewer);
    scene.run(&mut [&mut viewer], millis(102));
    assert!(!viewer.is_between_frames() && viewer.frames.len() == 1);
    scene.ask(&mut viewer, "PAUSE", "");
    let packets = viewer.packets;
    scene.run(&mut [&mut viewer], millis(100));
    assert_eq!(viewer.packets, packets, "not even the rest of the frame");
    let play = scene.ask(&mut viewer, "PLAY", "");
    assert_eq!(play.header("Range"), Some("npt=0.100-0.400"));
    scene.run(&mut [&mut viewer], Duration::from_secs(1));
    assert_eq!((viewer.frames.len(), viewer.abandoned), (4, 1));
    assert_frames(&viewer, &film, 0);
}

#[test]
fn ranges_seek_and_end_where_they_say() {
    for transport in [UDP, TCP] {
        let film = movie(48);
        let mut scene = World::new([film.clone()]);
        let mut viewer = scene.connect(2, URL);
        setup(&mut scene, &mut viewer, transport);
        // (range, status, first frame, number of frames that follow, answered range)
        let cases = [
            ("npt=1.5-", 200, 36, 12, "npt=1.500-2.000"),
            ("npt=0.5-1", 200, 12, 12, "npt=0.500-1.000"),
            // An open start means the present position, and this end lies before it.
            ("npt=-0.5", 457, 0, 0, ""),
            // PLAY goes on at the end of the range.
            ("", 200, 24, 24, "npt=1.000-2.000"),
            ("npt=0-0.0416", 200, 0, 1, "npt=0.000-0.041600"),
            ("npt=now-", 200, 1, 47, "npt=0.041666-2.000"),
            ("npt=0:00:01.5-", 200, 36, 12, "npt=1.500-2.000"),
            ("npt=1.99-2", 200, 47, 1, "npt=1.958333-2.000"),
            ("npt=2-", 457, 0, 0, ""),
            ("npt=now-1", 457, 0, 0, ""),
            ("npt=0-now", 457, 0, 0, ""),
            ("npt=99-", 457, 0, 0, ""),
            ("npt=1-0.5", 457, 0, 0, ""),
            ("npt=1-1", 457, 0, 0, ""),
            ("npt=-1-1", 457, 0, 0, ""),
            // A range without start and end means the same as no range: after the end, it starts over.
            ("npt=-", 200, 0, 48, "npt=0.000-2.000"),
            ("npt=x-", 400, 0, 0, ""),
            ("frames=1-", 501, 0, 0, ""),
            ("0.500-1", 200, 12, 12, "npt=0.500-1.000"),
            // A film has no time of day: it goes on where it stands.
            ("clock=19961108T143720.25Z-", 200, 24, 24, "npt=1.000-2.000"),
            ("smpte=0:10:00-", 457, 0, 0, ""),
            ("smpte-25=0:00:01:12.50-", 200, 36, 12, "npt=1.500-2.000"),
            ("npt=0.25-99", 200, 6, 42, "npt=0.250-2.000"),
        ];
        for (range, status, first, frames, answered) in cases {
            let header = if range.is_empty() { String::new() } else { format!("Range: {range}\r\n") };
            viewer.frames.clear();
            let play = scene.ask(&mut viewer, "PLAY", &header);
            assert_eq!(play.status, status, "{range}");
            scene.run(&mut [&mut viewer], Duration::from_secs(3));
            assert_eq!(viewer.frames.len(), frames, "{range}");
            assert_frames(&viewer, &film, first);
            assert_eq!(scene.server.sessions(State::Ready), 1, "{range}");
            if frames > 0 {
                let answer = play.header("Range").unwrap();
                assert_eq!(answer, answered, "{range}");
                assert_paced(&viewer, &film, &play);
            }
        }
        assert_eq!(viewer.abandoned, 0);
    }
}

#[test]
fn a_live_stream_has_a_start_for_everybody_and_an_end_for_nobody() {
    let mut scene = World::new([Film { live: true, ..movie(48) }]);
    let mut viewer = scene.connect(2, URL);
    setup(&mut scene, &mut viewer, TCP);
    for (range, status) in [
        ("npt=0-10", 457),
        ("npt=-10", 457),
        ("npt=now-10", 457),
        ("npt=5-now", 457),
        ("clock=19961108T143720.25Z-", 200),
        ("npt=-5-", 457),
        // Players send these requests for any stream.
        ("npt=0.000-", 200),
        ("npt=5-", 200),
        ("npt=now-", 200),
    ] {
        let play = scene.ask(&mut viewer, "PLAY", &format!("Range: {range}\r\n"));
        assert_eq!(play.status, status, "{range}");
        assert_eq!(play.header("Range"), (status == 200).then_some("npt=now-"), "{range}");
    }
}

#[test]
fn a_range_while_playing_seeks_at_once() {
    for transport in [UDP, TCP] {
        let film = movie(48);
        let mut scene = World::new([film.clone()]);
        let mut viewer = scene.connect(2, URL);
        scene.start_over(&mut viewer, transport);
        scene.run(&mut [&mut viewer], millis(300));
        let before = viewer.frames.split_off(0);
        let play = scene.ask(&mut viewer, "PLAY", "Range: npt=1-\r\n");
        scene.run(&mut [&mut viewer], millis(300));
        assert_frames(&viewer, &film, 24);
        assert_paced(&viewer, &film, &play);
        assert!(viewer.frames[0].timestamp.wrapping_sub(before.last().unwrap().timestamp) < 90_000);
        // PLAY without a range only asks whether the server still plays.
        let frames = viewer.frames.len();
        let play = scene.ask(&mut viewer, "PLAY", "");
        scene.run(&mut [&mut viewer], millis(300));
        let next = &viewer.frames[frames];
        assert_eq!((next.sequence, next.timestamp), play.rtp_info());
        assert_frames(&viewer, &film, 24);
    }
}

#[test]
fn a_repeating_file_goes_on_without_a_seam() {
    for transport in [UDP, TCP] {
        let film = movie(10);
        let repeating = mutoscope::io::server::Settings { repeat: true, ..settings() };
        let mut scene = World::with([film.clone()], repeating, 1, Faults::default());
        let mut viewer = scene.connect(2, URL);
        let play = scene.start_over(&mut viewer, transport);
        scene.run(&mut [&mut viewer], Duration::from_secs(5));
        assert_eq!((viewer.frames.len(), viewer.bye()), (121, None));
        assert_paced(&viewer, &film, &play);
        for (n, frame) in viewer.frames.iter().enumerate() {
            assert!(frame.is(&film.frames[n % 10]), "frame {n}");
        }
    }
}

#[test]
fn a_repeating_file_has_no_end_and_its_play_times_run_on() {
    for transport in [UDP, TCP] {
        let film = movie(48);
        let repeating = mutoscope::io::server::Settings { repeat: true, ..settings() };
        let mut scene = World::with([film.clone()], repeating, 1, Faults::default());
        let mut viewer = scene.connect(2, URL);
        // A player stops at the end that it is told of.
        assert!(scene.ask(&mut viewer, "DESCRIBE", "").body.contains("a=range:npt=0-\r\n"));
        let play = scene.start_over(&mut viewer, transport);
        assert_eq!(play.header("Range"), Some("npt=0.000-"));
        scene.run(&mut [&mut viewer], millis(4_990));
        scene.ask(&mut viewer, "PAUSE", "");
        assert_eq!(viewer.frames.len(), 120);
        // These ranges lie in the third round, and reach from it to the fourth: a range may end in a later round than it
        // starts.
        for (range, answered, first, frames) in [
            ("", "npt=5.000-", 24, 48),
            ("Range: npt=13.5-\r\n", "npt=13.500-", 36, 48),
            ("Range: npt=1.5-2.5\r\n", "npt=1.500-2.500", 36, 24),
            ("Range: npt=-3\r\n", "npt=2.500-3.000", 12, 12),
        ] {
            viewer.frames.clear();
            let play = scene.ask(&mut viewer, "PLAY", range);
            assert_eq!(play.header("Range"), Some(answered));
            scene.run(&mut [&mut viewer], millis(1_990));
            scene.ask(&mut viewer, "PAUSE", "");
            assert_eq!(viewer.frames.len(), frames, "{range}");
            assert_paced(&viewer, &film, &play);
            for (n, frame) in viewer.frames.iter().enumerate() {
                assert!(frame.is(&film.frames[(first + n) % 48]), "{range}: frame {n}");
            }
        }
        assert_eq!(scene.ask(&mut viewer, "PLAY", "Range: npt=-1\r\n").status, 457);
        assert_eq!(viewer.bye(), None);
    }
}

#[test]
fn the_first_report_comes_before_the_first_packet_and_all_of_them_tell_the_right_time() {
    for transport in [UDP, TCP] {
        let repeating = mutoscope::io::server::Settings { repeat: true, ..settings() };
        let mut scene = World::with([movie(48)], repeating, 1, Faults::default());
        scene.run(&mut [], millis(777));
        let mut viewer = scene.connect(2, URL);
        scene.start_over(&mut viewer, transport);
        for _ in 0..2 {
            scene.run(&mut [&mut viewer], Duration::from_secs(25));
            scene.ask(&mut viewer, "PAUSE", "");
            scene.run(&mut [&mut viewer], Duration::from_secs(3));
            scene.ask(&mut viewer, "PLAY", "");
        }
        assert_eq!(viewer.reports[0].packets_before, 0);
        let wall = settings().wall;
        for report in &viewer.reports {
            let info = &report.info;
            assert_eq!(info.ntp, wall.ntp(report.at));
            assert_eq!(info.packets as usize, report.packets_before);
            for frame in &viewer.frames {
                let told = timestamp_by_report(info, wall.ntp(frame.begun));
                assert!(told.abs_diff(frame.timestamp) <= 2, "{told} or {}", frame.timestamp);
            }
        }
        let gaps = viewer.reports.windows(2).map(|pair| pair[1].at.since(pair[0].at));
        let long = gaps.clone().filter(|gap| *gap > Duration::from_micros(7_600_000)).count();
        // The pauses between reports are longer, and no report comes while nothing plays.
        assert!(long <= 2 && gaps.count() >= 8, "{long} gaps of {}", viewer.reports.len());
    }
}

#[test]
fn trains_carry_the_same_packets_at_the_same_times() {
    let films = [movie(30), Film::new("large", vec![picture(1, (640, 480), 100); 3], 5)];
    for name in ["movie.Mjpeg", "large"] {
        let run = |train, takes| {
            let mut scene = World::new(films.clone());
            scene.server.use_trains(train, takes);
            let mut viewer = scene.connect(2, &format!("rtsp://10.0.0.1:8554/{name}"));
            viewer.keep_packets = true;
            scene.start(&mut viewer);
            scene.run(&mut [&mut viewer], Duration::from_secs(2));
            viewer.kept
        };
        let single = run(1, 1);
        assert!(single.len() > 100);
        assert_eq!(single, run(16, 16));
        // A train of which only a part finds room goes on where it was cut. The socket never takes none here.
        assert_eq!(single, run(16, 8), "trains that are cut in half");
    }
}

#[test]
fn large_frames_leave_in_bursts_that_small_socket_buffers_can_hold() {
    let film = Film::new("movie.Mjpeg", vec![picture(1, (640, 480), 100); 5], 10);
    let mut scene = World::new([film.clone()]);
    let mut viewer = scene.connect(2, URL);
    viewer.keep_packets = true;
    let play = scene.start(&mut viewer);
    scene.run(&mut [&mut viewer], Duration::from_secs(1));
    assert_eq!(viewer.frames.len(), 5);
    assert_paced(&viewer, &film, &play);
    let packets = viewer.frames[0].packets;
    assert!(packets > 100, "{packets}");
    let mut bursts: Vec<(Instant, usize)> = vec![];
    for (at, _) in &viewer.kept {
        match bursts.last_mut() {
            Some((last, count)) if last == at => *count += 1,
            _ => bursts.push((*at, 1)),
        }
    }
    assert!(bursts.iter().all(|(_, count)| *count <= 32));
    assert_eq!(bursts.len(), 5 * packets.div_ceil(32));
    assert!(bursts.windows(2).all(|pair| pair[1].0.since(pair[0].0) >= millis(1)));
}

#[test]
fn no_packet_leaves_before_plays_answer_has() {
    let mut scene = World::new([movie(48)]);
    // The connection takes 64 bytes and then waits for its reader.
    let mut viewer = scene.connect_with_window(2, URL, 64);
    for (method, headers) in [("SETUP", format!("Transport: {UDP}\r\n")), ("PLAY", String::new())] {
        viewer.reading = method == "SETUP";
        viewer.request_slowly(method, &headers, |viewer| scene.run(&mut [viewer], Duration::ZERO));
        scene.run(&mut [&mut viewer], millis(100));
    }
    assert_eq!((viewer.packets, viewer.reports.len()), (0, 0));
    viewer.reading = true;
    scene.run(&mut [&mut viewer], millis(100));
    let play = viewer.answers.pop_back().expect("PLAY's answer");
    assert_eq!((play.status, play.packets_before), (200, 0));
    assert!(viewer.packets > 0 && viewer.reports[0].packets_before == 0);
}

#[test]
fn a_silent_udp_viewer_is_told_bye_and_forgotten() {
    let repeating = mutoscope::io::server::Settings { repeat: true, ..settings() };
    let mut scene = World::with([movie(24)], repeating, 1, Faults::default());
    let mut viewer = scene.connect(2, URL);
    let play = scene.start(&mut viewer);
    scene.run(&mut [&mut viewer], Duration::from_millis(59_999));
    assert_eq!((scene.server.sessions(State::Playing), viewer.bye()), (1, None));
    scene.run(&mut [&mut viewer], millis(2));
    assert_eq!(viewer.bye(), Some((play.at.after(Duration::from_secs(60)), "session ended")));
    let packets = viewer.packets;
    // The connection outlives its session by the time that an idle connection has.
    let get_parameter = scene.ask(&mut viewer, "GET_PARAMETER", "");
    assert_eq!((get_parameter.status, scene.server.sessions(State::Init)), (454, 1));
    scene.run(&mut [&mut viewer], Duration::from_secs(62));
    assert!(viewer.closed && viewer.packets == packets);
    viewer.vanish();
    scene.run(&mut [&mut viewer], millis(1));
    scene.assert_nothing_left();
}

#[test]
fn requests_and_reports_and_taken_bytes_keep_a_session() {
    type Sign = fn(&mut World, &mut StrictClient);
    let cases: [(&str, &str, Sign); 6] = [
        ("GET_PARAMETER", UDP, |scene, viewer| assert_eq!(scene.ask(viewer, "GET_PARAMETER", "").status, 200)),
        ("SET_PARAMETER", UDP, |scene, viewer| assert_eq!(scene.ask(viewer, "SET_PARAMETER", "").status, 200)),
        ("OPTIONS", UDP, |scene, viewer| assert_eq!(scene.ask(viewer, "OPTIONS", "").status, 200)),
        ("a receiver report", UDP, |_, viewer| viewer.report(SocketAddr::from((SERVER, SERVER_PORT.1)))),
        ("taken bytes", TCP, |_, _| {}),
        ("an interleaved report", TCP, |_, viewer| viewer.send(b"$\x01\x00\x08\x80\xc9\x00\x01\x00\x00\x00\x07")),
    ];
    for (name, transport, sign) in cases {
        let repeating = mutoscope::io::server::Settings { repeat: true, ..settings() };
        let mut scene = World::with([movie(24)], repeating, 1, Faults::default());
        let mut viewer = scene.connect(2, URL);
        scene.start_over(&mut viewer, transport);
        for _ in 0..6 {
            scene.run(&mut [&mut viewer], Duration::from_secs(45));
            sign(&mut scene, &mut viewer);
            assert_eq!(scene.server.sessions(State::Playing), 1, "{name}");
            viewer.frames.clear();
        }
        assert_eq!(viewer.bye(), None, "{name}");
    }
}

#[test]
fn a_paused_tcp_session_ends_in_silence_too() {
    let mut scene = World::new([movie(24)]);
    let mut viewer = scene.connect(2, URL);
    scene.start_interleaved(&mut viewer);
    scene.run(&mut [&mut viewer], millis(500));
    scene.ask(&mut viewer, "PAUSE", "");
    scene.run(&mut [&mut viewer], Duration::from_millis(59_999));
    assert_eq!((scene.server.sessions(State::Ready), viewer.bye()), (1, None));
    scene.run(&mut [&mut viewer], millis(2));
    assert_eq!((scene.server.sessions(State::Init), viewer.bye().map(|bye| bye.1)), (1, Some("session ended")));
}

#[test]
fn three_viewers_stand_each_at_their_own_place() {
    let film = movie(72);
    let mut scene = World::new([film.clone()]);
    let mut viewers = [2, 3, 4].map(|host| scene.connect(host, URL));
    let [a, b, c] = &mut viewers;
    scene.start(a);
    scene.run(&mut [a, b, c], millis(500));
    let late = scene.start_interleaved(b);
    scene.run(&mut [a, b, c], millis(250));
    setup(&mut scene, c, UDP);
    let sought = scene.ask(c, "PLAY", "Range: npt=2-\r\n");
    scene.run(&mut [a, b, c], millis(250));
    scene.ask(a, "PAUSE", "");
    scene.run(&mut [a, b, c], Duration::from_millis(1_500));
    let paused = a.frames.len();
    assert!((24..28).contains(&paused), "{paused}");
    assert_eq!(c.frames.len(), 24);
    assert_eq!(c.bye().map(|bye| bye.1), Some("end of stream"));
    scene.ask(a, "PLAY", "");
    scene.run(&mut [a, b, c], Duration::from_secs(4));
    for (viewer, from, frames) in [(&*a, 0, 72), (&*b, 0, 72), (&*c, 48, 24)] {
        assert_eq!((viewer.frames.len(), viewer.abandoned), (frames, 0));
        assert_frames(viewer, &film, from);
    }
    assert_paced(b, &film, &late);
    assert_paced(c, &film, &sought);
    let ssrcs: std::collections::BTreeSet<_> = [&*a, b, c].map(|viewer| viewer.reports[0].info.ssrc).into();
    assert_eq!(ssrcs.len(), 3);
}

#[test]
fn media_that_rtp_cannot_carry_is_refused_with_its_reason() {
    let film = Film { refusal: Some("progressive JPEG"), ..movie(4) };
    let mut scene = World::new([film]);
    let mut viewer = scene.connect(2, URL);
    for (method, headers) in [("DESCRIBE", ""), ("SETUP", "Transport: RTP/AVP;unicast;client_port=25000-25001\r\n")] {
        let answer = scene.ask(&mut viewer, method, headers);
        assert_eq!((answer.status, answer.body.contains("progressive JPEG")), (415, true));
    }
    assert_eq!(scene.server.sessions(State::Init), 1);
}

#[test]
fn a_camera_is_seen_from_now_on_with_the_times_of_its_pictures() {
    for transport in [UDP, TCP] {
        let film = Film { live: true, ..movie(24) };
        let mut scene = World::new([film.clone()]);
        scene.run(&mut [], millis(10_010));
        let mut viewer = scene.connect(2, URL);
        let describe = scene.ask(&mut viewer, "DESCRIBE", "");
        assert!(describe.body.contains("a=range:npt=now-\r\n"));
        let play = scene.start_over(&mut viewer, transport);
        assert_eq!(play.header("Range"), Some("npt=now-"));
        scene.run(&mut [&mut viewer], Duration::from_secs(2));
        scene.ask(&mut viewer, "PAUSE", "");
        scene.run(&mut [&mut viewer], Duration::from_secs(2));
        let seen = viewer.frames.len();
        scene.ask(&mut viewer, "PLAY", "");
        scene.run(&mut [&mut viewer], Duration::from_secs(2));
        assert!((48..=50).contains(&seen) && viewer.frames.len() - seen >= 48, "{seen}, {}", viewer.frames.len());
        let (sequence, rtptime) = play.rtp_info();
        assert_eq!((viewer.frames[0].sequence, viewer.frames[0].timestamp), (sequence, rtptime));
        for pair in viewer.frames[1..].windows(2) {
            let (early, late) = (&pair[0], &pair[1]);
            let ticks = u64::from(late.timestamp.wrapping_sub(early.timestamp));
            let micros = late.begun.since(early.begun).as_micros() as u64;
            assert!(ticks > 0 && ticks.abs_diff(micros * 9 / 100) <= 3_751, "{ticks} ticks, {micros} µs");
        }
        scene.ask(&mut viewer, "TEARDOWN", "");
    }
}
