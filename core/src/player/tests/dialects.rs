//! From standard RTSP to the lab's dialect, and back.

use super::*;

const LAB_SETUP: &[u8] = b"RTSP/1.0 200 OK\nCSeq: 2\nSession: 123456";

/// A server has not answered OPTIONS; the player goes on as with a lab server, on the same connection.
fn silent_on_options() -> Scene {
    let mut scene = Scene::play(Settings::default());
    assert!(scene.request().starts_with("OPTIONS "));
    assert_eq!(scene.pass(299), []);
    let events = scene.pass(1);
    let after = Failure::NoAnswer(Command::Options);
    assert_eq!(events[0], Event::Retrying { with: Retry::Lab, after });
    assert_eq!(scene.peek(), "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 2\nTransport: RTP/UDP; client_port= 25000");
    assert_eq!(scene.connections, 1);
    scene
}

#[test]
fn the_labs_dialect_is_tried_where_rtsp_is_not_answered() {
    let mut scene = silent_on_options();
    scene.request();
    assert_eq!(scene.input(LAB_SETUP), [], "more may come");
    let events = scene.pass(50);
    let Event::SetUp(presentation) = events[0] else { panic!("{events:?}") };
    assert_eq!((presentation.dialect, presentation.duration), (Dialect::Lab, None));
    assert_eq!(scene.request(), "PLAY movie.Mjpeg RTSP/1.0\nCSeq: 3\nSession: 123456");
    let events = scene.input(b"RTSP/1.0 200 OK\nCSeq: 3\nSession: 123456\n\n");
    assert!(matches!(events[..], [Event::Playing { from: None, .. }]), "{events:?}");

    let jpeg = [&[0xff, 0xd8, 0xff, 0xdb][..], b"a picture", &[0xff, 0xd9]].concat();
    for number in 1..=3u16 {
        let repr = rtp::Repr { marker: false, payload_type: 26, sequence: number, timestamp: 1_790_000_000, ssrc: 0 };
        let mut bytes = vec![0; rtp::HEADER_LEN];
        repr.emit(bytes.first_chunk_mut().unwrap());
        bytes.extend_from_slice(&jpeg);
        scene.player.handle_datagram(scene.now, Port::Rtp, (SERVER, 40_000).into(), &bytes);
        let event = scene.player.poll_event(scene.now);
        assert!(matches!(event, Some(Event::Frame(frame)) if frame.received.number == u32::from(number)), "{event:?}");
        assert_eq!(scene.player.frame(), jpeg);
    }
    assert_eq!(scene.goal(Goal::Stop), []);
    assert_eq!(scene.request(), "TEARDOWN movie.Mjpeg RTSP/1.0\nCSeq: 4\nSession: 123456");
    assert_eq!(scene.pass(2000), [Event::TornDown], "no answer is waited for in vain");
    assert!(scene.datagrams.is_empty(), "the lab knows no RTCP, and needs no opener");
}

#[test]
fn the_labs_dialect_is_tried_where_the_connection_ends_or_describe_is_unknown() {
    let mut scene = Scene::play(Settings::default());
    let events = scene.close();
    assert_eq!(events[0], Event::Retrying { with: Retry::Lab, after: Failure::Closed });
    let events = scene.close();
    assert_eq!(events, [Event::NoDialect { standard: Failure::Closed, lab: Failure::Closed }]);
    assert_eq!(scene.connections, 2);

    for status in [400, 405, 501] {
        let mut scene = Scene::play(Settings::default());
        scene.answer(status, "");
        assert!(scene.peek().starts_with("DESCRIBE "));
        let events = scene.answer(status, "");
        assert!(matches!(events[0], Event::Retrying { with: Retry::Lab, .. }), "{events:?}");
    }
}

#[test]
fn a_server_silent_on_options_is_asked_again_where_it_is_no_lab_either() {
    let mut scene = silent_on_options();
    let events = scene.close();
    assert_eq!(events[0], Event::Retrying { with: Retry::Lab, after: Failure::Closed });
    assert!(scene.request().ends_with("CSeq: 1\nTransport: RTP/UDP; client_port= 25000"), "on another connection");
    let events = scene.close();
    assert_eq!(events[0], Event::Retrying { with: Retry::Standard, after: Failure::Closed });
    scene.describe("npt=0-10");
    scene.answer(200, SETUP_UDP);
    let events = scene.answer(200, "");
    assert!(matches!(events[..], [Event::Playing { .. }]), "{events:?}");
}

#[test]
fn without_another_dialect_to_try_a_server_silent_on_options_is_asked_to_describe() {
    let mut scene = Scene::play(Settings { transport: Transport::Tcp, ..Settings::default() });
    assert!(scene.request().starts_with("OPTIONS "));
    assert_eq!(scene.pass(3000), []);
    scene.describe("npt=0-10");
}

#[test]
fn both_silences_are_told_and_the_next_time_everything_is_open_again() {
    let mut scene = silent_on_options();
    let lab = Failure::NoAnswer(Command::Setup);
    let events = scene.pass(1000);
    assert_eq!(events[0], Event::Retrying { with: Retry::Lab, after: lab });
    let events = scene.pass(3000);
    assert_eq!(events[0], Event::Retrying { with: Retry::Standard, after: lab });
    let events = scene.pass(10_000);
    assert_eq!(events, [Event::NoDialect { standard: Failure::NoAnswer(Command::Describe), lab }]);
    scene.request();
    scene.goal(Goal::SetUp);
    assert!(scene.request().starts_with("OPTIONS "));
}

#[test]
fn what_a_lab_server_says_of_its_files_is_not_asked_again() {
    let mut scene = silent_on_options();
    scene.input(b"RTSP/1.0 404 NOT FOUND\nCSeq: 2\nSession: 0");
    let events = scene.pass(50);
    let lab = Failure::Refused { status: StatusCode::NOT_FOUND, during: Command::Setup };
    assert_eq!(events, [Event::NoDialect { standard: Failure::NoAnswer(Command::Options), lab }]);
}

#[test]
fn a_server_that_has_said_that_it_speaks_rtsp_is_not_asked_in_the_labs_dialect() {
    let mut scene = Scene::play(Settings::default());
    scene.answer(200, "Public: DESCRIBE, SETUP, PLAY\r\n");
    scene.input(b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 500\r\n\r\nv=0\r\n");
    assert_eq!(scene.close(), [Event::Failed(Failure::Closed)]);
}

#[test]
fn a_position_in_the_labs_dialect_is_told_to_be_none() {
    let mut scene = Scene::new(Settings { dialect: Dialect::Lab, ..Settings::default() });
    scene.goal(Goal::Play { from: Some(seconds(60)) });
    let events = scene.input(b"RTSP/1.0 200 OK\nCSeq: 1\nSession: 123456\n\n");
    assert!(matches!(events[..], [Event::SetUp(_), Event::Unseekable]), "{events:?}");
    assert!(scene.request().ends_with("PLAY movie.Mjpeg RTSP/1.0\nCSeq: 2\nSession: 123456"));
    let events = scene.input(b"RTSP/1.0 200 OK\nCSeq: 2\nSession: 123456\n\n");
    assert!(matches!(events[..], [Event::Playing { from: None, .. }]), "{events:?}");
}

#[test]
fn in_the_labs_dialect_long_silence_after_frames_is_the_end() {
    let mut scene = Scene::new(Settings { dialect: Dialect::Lab, ..Settings::default() });
    scene.goal(Goal::Play { from: None });
    scene.input(b"RTSP/1.0 200 OK\nCSeq: 1\nSession: 123456\n\n");
    scene.input(b"RTSP/1.0 200 OK\nCSeq: 2\nSession: 123456\n\n");
    let mut bytes = vec![0; rtp::HEADER_LEN];
    rtp::Repr { marker: false, payload_type: 26, sequence: 1, timestamp: 1, ssrc: 0 }
        .emit(bytes.first_chunk_mut().unwrap());
    bytes.extend_from_slice(&[0xff, 0xd8, 0xff, 0xd9]);
    scene.datagram((SERVER, 40_000), &bytes);
    let events = scene.pass(12_000);
    assert_eq!(events.last(), Some(&Event::EndOfStream { announced: false }));
    assert!(events.contains(&Event::Silence { lasting: seconds(9) }), "{events:?}");
}

#[test]
fn where_the_server_cannot_be_reached_that_is_all_there_is_to_say() {
    let mut scene = Scene::new(Settings::default());
    scene.reachable = false;
    assert_eq!(scene.goal(Goal::SetUp), [Event::Failed(Failure::Unreachable)]);
    assert_eq!(scene.player.poll_demand(), None, "idle");

    let mut scene = Scene::play(Settings::default());
    scene.reachable = false;
    let events = scene.pass(3000);
    let standard = Failure::NoAnswer(Command::Options);
    assert_eq!(events.last(), Some(&Event::NoDialect { standard, lab: Failure::Unreachable }));
}

#[test]
fn a_server_that_answers_options_late_is_asked_again_and_has_all_its_time() {
    for answer in [
        "RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE, SETUP, PLAY\r\n\r\n",
        "RTSP/1.0 200 OK\r\nServer: x\r\nDate: y\r\nPublic: DESCRIBE, SETUP, PLAY\r\nCSeq: 1\r\n\r\n",
        "RTSP/1.0 404 Not Found\r\nServer: x\r\nDate: y\r\nCSeq: 1\r\n\r\n",
    ] {
        for cut in 1..answer.len() {
            let mut scene = silent_on_options();
            let mut events = scene.input(&answer.as_bytes()[..cut]);
            assert_eq!(events, [], "{answer:?} cut at {cut}");
            events.extend(scene.input(&answer.as_bytes()[cut..]));
            let late = Event::Retrying { with: Retry::Standard, after: Failure::NoAnswer(Command::Options) };
            assert_eq!(events.first(), Some(&late), "{answer:?} cut at {cut}");
            assert!(scene.request().ends_with("\r\n\r\n"));
            assert_eq!((scene.connections, scene.pass(2999)), (2, vec![]));
        }
    }
    let mut scene = silent_on_options();
    scene.input(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE, SETUP, PLAY\r\n\r\n");
    scene.pass(1000);
    scene.set_up("npt=0-10", SETUP_UDP);
}

#[test]
fn a_server_that_answers_in_time_never_hears_of_the_lab() {
    for delay in [0, 100, 299] {
        let mut scene = Scene::play(Settings::default());
        assert_eq!(scene.pass(delay), []);
        scene.set_up("npt=0-10", SETUP_UDP);
        assert!(scene.peek().starts_with("PLAY rtsp://"));
        assert_eq!((scene.connections, scene.farewells.len()), (1, 0));
    }
}

#[test]
fn what_a_lab_server_tells_of_the_length_makes_positions_and_an_end() {
    let mut scene = Scene::new(Settings { dialect: Dialect::Lab, ..Settings::default() });
    scene.goal(Goal::Play { from: None });
    let events = scene.input(b"RTSP/1.0 200 OK\nCSeq: 1\nSession: 123456\nTotalTime: 2.0\nFrames: 40\n\n");
    let Event::SetUp(presentation) = events[0] else { panic!("{events:?}") };
    assert_eq!(presentation.duration, Some(seconds(2)));
    scene.input(b"RTSP/1.0 200 OK\nCSeq: 2\nSession: 123456\nTTtime: 40\n\n");
    let frame = |scene: &mut Scene, sequence| {
        let repr = rtp::Repr { marker: true, payload_type: 26, sequence, timestamp: 1, ssrc: 0 };
        let mut bytes = vec![0; rtp::HEADER_LEN];
        repr.emit(bytes.first_chunk_mut().unwrap());
        bytes.extend_from_slice(&[0xff, 0xd8, 0xff, 0xd9]);
        match scene.datagram((SERVER, 40_000), &bytes)[..] {
            [Event::Frame(frame)] => frame.position,
            ref other => panic!("{other:?}"),
        }
    };
    assert_eq!(frame(&mut scene, 1), Some(Duration::ZERO));
    assert_eq!(frame(&mut scene, 21), Some(seconds(1)));
    assert_eq!(frame(&mut scene, 40), Some(Duration::from_millis(1950)));
    assert_eq!(scene.pass(499), []);
    // One that starts over has no end.
    assert_eq!(frame(&mut scene, 41), Some(Duration::ZERO));
    assert_eq!(scene.pass(1000), []);
    assert_eq!(frame(&mut scene, 80), Some(Duration::from_millis(1950)));

    let mut scene = Scene::new(Settings { dialect: Dialect::Lab, ..Settings::default() });
    scene.goal(Goal::Play { from: None });
    scene.input(b"RTSP/1.0 200 OK\nCSeq: 1\nSession: 123456\n\n");
    scene.input(b"RTSP/1.0 200 OK\nCSeq: 2\nSession: 123456\nTTtime: 40\n\n");
    assert_eq!(frame(&mut scene, 40), Some(Duration::from_millis(1950)), "20 frames a second are usual");
    assert_eq!(scene.pass(500), [Event::EndOfStream { announced: true }]);
    scene.goal(Goal::Play { from: None });
    assert!(scene.request().contains("PLAY movie.Mjpeg RTSP/1.0\nCSeq: 3\n"));
    scene.input(b"RTSP/1.0 200 OK\nCSeq: 3\nSession: 123456\nTTtime: 40\n\n");
    assert_eq!(frame(&mut scene, 39), Some(Duration::from_millis(1900)));
    assert_eq!(scene.pass(3000).last(), Some(&Event::EndOfStream { announced: false }), "the last one was lost");
}

#[test]
fn a_lab_server_that_wants_no_spaces_gets_none_and_one_that_has_no_file_is_understood() {
    let mut scene = Scene::new(Settings { dialect: Dialect::Lab, ..Settings::default() });
    scene.goal(Goal::Play { from: None });
    scene.input(b"RTSP/1.0 200 OK\nCSeq: 1\nSession: 123456\n\n");
    scene.request();
    let events = scene.input(b"RTSP/1.0 500 CONNECTION ERROR\nCSeq: 2\nSession: 123456\n\n");
    assert!(matches!(events[0], Event::Retrying { with: Retry::LabWording, .. }), "{events:?}");
    assert_eq!(scene.connections, 2);
    assert!(scene.request().ends_with("SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP;client_port=25000"));
    scene.input(b"RTSP/1.0 200 OK\nCSeq: 1\nSession: 123456\n\n");
    let events = scene.input(b"RTSP/1.0 500 CONNECTION ERROR\nCSeq: 2\nSession: 123456\n\n");
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    assert_eq!(events, [Event::Failed(Failure::Refused { status, during: Command::Play })], "once is enough");

    let mut scene = Scene::new(Settings { dialect: Dialect::Lab, ..Settings::default() });
    scene.goal(Goal::Play { from: None });
    scene.input(b"RTSP/1.0 200 OK\nCSeq: 1\nSession: 123456\n\n");
    assert_eq!(scene.pass(10_000), [Event::Failed(Failure::NoFile(Command::Play))]);
    let mut scene = silent_on_options();
    scene.input(LAB_SETUP);
    scene.pass(50);
    assert_eq!(scene.pass(10_000), [Event::Failed(Failure::NoFile(Command::Play))]);
}

#[test]
fn larger_pictures_are_asked_for_in_the_name_and_so_is_a_session_without_a_file() {
    let mut scene =
        Scene::of("rtsp://192.0.2.1/movie.Mjpeg;hd", Settings { dialect: Dialect::Lab, ..Settings::default() });
    scene.goal(Goal::Play { from: None });
    let setup = "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000\nPrefer: HD";
    assert_eq!(scene.request(), setup);
    assert_eq!(scene.player.port_distance(), 2);

    let mut scene =
        Scene::of("rtsp://192.0.2.1/movie.Mjpeg;connect", Settings { dialect: Dialect::Lab, ..Settings::default() });
    scene.goal(Goal::Play { from: None });
    assert_eq!(scene.request(), "CONNECT RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000");
    assert_eq!(scene.input(b"RTSP/1.0 200 OK\nCSeq: 1\nSession: 123456\n\n"), []);
    assert_eq!(scene.request(), "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 2\nSession: 123456");
    let events = scene.input(b"RTSP/1.0 200 OK\nCSeq: 2\nSession: 123456\n\n");
    assert!(matches!(events[..], [Event::SetUp(_)]), "{events:?}");
    assert_eq!(scene.request(), "PLAY movie.Mjpeg RTSP/1.0\nCSeq: 3\nSession: 123456");
}
