//! From standard RTSP to the lab's dialect, and back.

use super::*;

const LAB_SETUP: &[u8] = b"RTSP/1.0 200 OK\nCSeq: 1\nSession: 123456";

/// A server has not answered OPTIONS; the player speaks to the next connection as to a lab server.
fn silent_on_options() -> Scene {
    let mut scene = Scene::play(Settings::default());
    assert!(scene.request().starts_with("OPTIONS "));
    assert_eq!(scene.pass(2999), []);
    let events = scene.pass(1);
    let after = Failure::NoAnswer(Command::Options);
    assert_eq!(events[0], Event::Retrying { with: Retry::Lab, after });
    assert_eq!(scene.peek(), "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000");
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
    assert_eq!(scene.request(), "PLAY movie.Mjpeg RTSP/1.0\nCSeq: 2\nSession: 123456");
    let events = scene.input(b"RTSP/1.0 200 OK\nCSeq: 2\nSession: 123456\n\n");
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
    assert_eq!(scene.request(), "TEARDOWN movie.Mjpeg RTSP/1.0\nCSeq: 3\nSession: 123456");
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
    let events = scene.pass(3000);
    let lab = Failure::NoAnswer(Command::Setup);
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
    scene.input(b"RTSP/1.0 404 NOT FOUND\nCSeq: 1\nSession: 0");
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
