//! What copies of the lab have added.

use super::lab::{LAB_ID, OK, SETUP, lab, playing, reply};
use super::*;
use crate::wire::lab::extra::{Extra, Move, Target};
use crate::wire::lab::payload::Payload;

#[test]
fn an_added_method_that_comes_too_early_or_does_not_say_enough_is_refused() {
    for (ask, status) in [
        ("FORWARD movie.Mjpeg RTSP/1.0\nCSeq: 1\nSession: 0", "455 Method Not Valid in This State"),
        ("SETTIME movie.Mjpeg RTSP/1.0\nCSeq: 1\nSession: 0", "400 Bad Request"),
        ("SEEK movie.Mjpeg RTSP/1.0\nCSeq: 1\nX-Seek: nan", "400 Bad Request"),
    ] {
        let mut peer = Peer::new();
        let sent = peer.say(ask);
        assert!(sent.eq_ignore_ascii_case(&reply(status, 1, 0)), "{ask}\n{sent}");
        assert_eq!(peer.say(SETUP), reply(OK, 1, LAB_ID), "the same connection then plays");
    }
}

#[test]
fn a_film_tells_its_length_to_setup_and_play() {
    let mut peer = Peer::new();
    peer.length = Length { frames: Some(500), time: Some(Duration::from_micros(20_833_333)) };
    let head = |cseq| std::format!("RTSP/1.0 200 OK\nCSeq: {cseq}\nSession: {LAB_ID}\n");
    assert_eq!(peer.say(SETUP), [&head(1), "TotalTime: 20.83\nFrames: 500\nX-TotalFrames: 500\n\n"].concat());
    assert_eq!(peer.say(&lab("PLAY", 2)), [&head(2), "TTtime: 500\n\n"].concat());
    assert_eq!(peer.say(&lab("PAUSE", 3)), reply(OK, 3, LAB_ID));
}

#[test]
fn added_methods_are_answered_as_their_servers_do_and_those_that_are_not_are_carried_out() {
    let moves = |to, stops, is_answered| Event::Lab(Extra::Move(Move { to, stops, is_answered }));
    let mut peer = playing();
    assert_eq!(peer.say(&lab("FORWARD", 3)), "");
    // The same copy does not count this one.
    assert_eq!(peer.say(&lab("BACKWARD", 3)), "");
    assert_eq!(peer.say(&lab("FASTFORWARD", 4)), "");
    assert_eq!(peer.say(&lab("BACKWARD", 5)), "");
    assert_eq!(peer.say(&(lab("SETTIME", 6) + "\nFRAME: 40")), reply(OK, 6, LAB_ID));
    assert_eq!(peer.say(&(lab("SEEK", 7) + "\nX-Seek: 0.500000")), reply(OK, 7, LAB_ID));
    let targets = [
        (Target::ByTenths(1), false),
        (Target::ByTenths(-1), false),
        (Target::By(60), false),
        (Target::By(-60), false),
        (Target::Frame(40), true),
        (Target::Millionths(500_000), true),
    ];
    assert_eq!(peer.events, targets.map(|(to, is_answered)| moves(to, false, is_answered)));
    assert_eq!(peer.connection.state(), State::Playing);
    peer.pass(Duration::from_secs(60));
    assert_eq!(peer.connection.state(), State::Playing, "what was not answered stalls nothing");

    assert_eq!(peer.say(&(lab("RESOLUTION", 8) + "\nX-Resolution: 480")), reply(OK, 8, LAB_ID));
    assert_eq!(peer.say(&lab("EXPLODE", 9)), reply("501 Not Implemented", 9, LAB_ID));
    assert_eq!(peer.connection.state(), State::Playing);
    let head = |cseq| std::format!("RTSP/1.0 200 OK\nCSeq: {cseq}\nSession: {LAB_ID}\n");
    let described = "\nstream=video\ntype=Mjpeg\nNumFrame=500\nprotocol=RTP\nversion=2\n";
    assert_eq!(peer.say(&lab("DESCRIBE", 10)), [&head(10), described].concat());
    assert_eq!(peer.say(&lab("GETLIST", 11)), [&head(11), "NVideo: 2\na\nb"].concat());
    assert_eq!(peer.connection.state(), State::Playing);
    assert_eq!(peer.say(&lab("SWITCH", 12)), [&head(12), "Available video\na\nb\n"].concat());
    assert_eq!(peer.connection.state(), State::Ready);
    for method in ["FORWARD", "SETTIME", "SWITCH", "NEXT"] {
        let other = std::format!("{method} movie.Mjpeg RTSP/1.0\nCSeq: 13\nSession: 7\nFRAME: 1");
        assert_eq!(peer.say(&other), reply("454 Session Not Found", 13, LAB_ID), "{method}");
    }
}

#[test]
fn another_file_takes_the_place_of_the_one_before() {
    for method in ["CHANGE", "NEXT", "BACK"] {
        let mut peer = playing();
        let transport = MediaTransport::Udp { rtp_port: 25000, rtcp_port: 25001 };
        let other = std::format!("{method} ./other.Mjpeg RTSP/1.0\nCSeq: 3\nSession: {LAB_ID}");
        assert_eq!(peer.say(&other), reply("404 Not Found", 3, LAB_ID));
        assert_eq!(peer.connection.state(), State::Playing, "what there is not changes nothing");
        let same = std::format!("{method} ./movie.Mjpeg RTSP/1.0\nCSeq: 4\nSession: {LAB_ID}");
        assert_eq!(peer.say(&same), reply(OK, 4, LAB_ID));
        assert_eq!(peer.events.last(), Some(&Event::Change { transport }));
        assert_eq!((peer.connection.state(), peer.connection.session_url()), (State::Ready, "movie.Mjpeg"));
        assert_eq!(peer.connection.resource().as_str(), "movie.Mjpeg");
        assert_eq!(peer.say(&lab("PLAY", 5)), reply(OK, 5, LAB_ID));
    }
}

#[test]
fn a_session_may_begin_without_a_file() {
    let mut peer = Peer::new();
    let connect = "CONNECT RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000\n";
    assert_eq!(peer.say(connect), reply(OK, 1, LAB_ID));
    let head = |cseq| std::format!("RTSP/1.0 200 OK\nCSeq: {cseq}\nSession: {LAB_ID}\n");
    let ask = |method: &str, cseq: u32| std::format!("{method} RTSP/1.0\nCSeq: {cseq}\nSession: {LAB_ID}\n");
    assert_eq!(peer.say(&ask("GETLIST /", 2)), [&head(2), "NVideo: 2\na\nb"].concat());
    assert_eq!(peer.say(&ask("SETUP movie.Mjpeg", 3)), reply(OK, 3, LAB_ID));
    let transport = MediaTransport::Udp { rtp_port: 25000, rtcp_port: 25001 };
    assert_eq!(peer.connection.transport(), Some(transport));
    assert_eq!(peer.say(&ask("PLAY movie.Mjpeg", 4)), reply(OK, 4, LAB_ID));
    assert_eq!(peer.say(&ask("PAUSE movie.Mjpeg", 5)), reply(OK, 5, LAB_ID));
    assert_eq!(peer.say(&ask("CHANGE movie.Mjpeg", 6)), reply(OK, 6, LAB_ID));
    assert_eq!(peer.say(&ask("SETUP movie.Mjpeg", 7)), reply(OK, 7, LAB_ID));
    assert_eq!(status_of(&peer.say(connect)), 455, "there is one already");
    // The first thing may also be the choice of a file.
    let mut peer = Peer::new();
    peer.say(connect);
    assert_eq!(peer.say(&ask("CHANGE movie.Mjpeg", 2)), reply(OK, 2, LAB_ID));
    assert_eq!(peer.connection.state(), State::Ready);
    for port in ["0", "53"] {
        let mut peer = Peer::new();
        assert_eq!(status_of(&peer.say(&connect.replace("25000", port))), 461);
    }
    let mut peer = Peer::new();
    assert_eq!(status_of(&peer.say("NEXT movie.Mjpeg RTSP/1.0\nCSeq: 1")), 461, "nobody knows where to");
}

#[test]
fn buttons_of_the_oldest_copies_are_known_and_those_that_nobody_has_are_not_the_end() {
    let mut peer = Peer::new();
    peer.say("SETUP movie.Mjpeg\n 1 \n RTSP/1.0 RTP/UDP 25000");
    peer.say("PLAY \n 2");
    peer.events.clear();
    assert_eq!(peer.say("FASTFORWARD \n 3"), reply(OK, 3, LAB_ID));
    assert_eq!(peer.connection.state(), State::Ready, "it sends PLAY itself");
    peer.say("PLAY \n 4");
    assert_eq!(peer.say("REWIND \n 5"), reply(OK, 5, LAB_ID));
    assert_eq!(peer.say("STOP \n 6"), reply(OK, 6, LAB_ID));
    peer.say("PLAY \n 7");
    // This copy sends each request twice.
    assert_eq!(peer.say("SPEEDUP movie.Mjpeg\n 8"), reply(OK, 8, LAB_ID));
    assert_eq!(peer.say("SPEEDUP movie.Mjpeg\n 8"), reply(OK, 8, LAB_ID));
    let faster = peer.events.iter().filter(|event| **event == Event::Lab(Extra::Faster)).count();
    assert_eq!(faster, 1);
    assert_eq!(peer.say("EXPLODE \n 9"), reply("501 Not Implemented", 9, LAB_ID));
    assert_eq!(peer.connection.state(), State::Playing);
}

#[test]
fn the_form_of_the_payload_is_asked_for_in_the_name_by_a_header_or_by_the_layout() {
    for (setup, form) in [
        (SETUP.to_string(), None),
        (SETUP.replace("movie.Mjpeg", "movie.Mjpeg;o8"), Some(Payload::O8)),
        (SETUP.replace("movie.Mjpeg", "./movie.Mjpeg;G8"), Some(Payload::G8)),
        (std::format!("{SETUP}\nPrefer: HD"), Some(Payload::I4)),
        (
            "SETUP rtsp://movie.Mjpeg RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/UDP;client_port=25000\r\n".to_string(),
            Some(Payload::Bare),
        ),
    ] {
        let mut peer = Peer::new();
        assert_eq!(peer.say(&setup), reply(OK, 1, LAB_ID), "{setup:?}");
        assert_eq!(peer.connection.lab_payload(), form, "{setup:?}");
        assert_eq!(peer.connection.resource().as_str(), "movie.Mjpeg");
    }
    let mut peer = Peer::new();
    peer.say("SETUP rtsp://movie.Mjpeg RTSP/1.0\r\nCSeq: 0\r\nTransport: RTP/UDP;client_port=25000\r\n");
    let play = std::format!("PLAY rtsp://movie.Mjpeg RTSP/1.0\r\nCSeq: 1\r\nSession: {LAB_ID}\r\n");
    assert_eq!(peer.say(&play), reply(OK, 1, LAB_ID));
}

#[test]
fn ten_thousand_methods_change_nothing_but_what_they_say() {
    let mut peer = playing();
    for n in 0..10_000_u32 {
        let method = ["EXPLODE", "FORWARD", "SETTIME", "GETLIST", "NEXT", "PLAY", "DESCRIBE"][n as usize % 7];
        let sent = peer.say(&std::format!("{method} movie.Mjpeg RTSP/1.0\nCSeq: {n}\nSession: {LAB_ID}\nFRAME: {n}"));
        let is_silent = method == "FORWARD";
        assert_eq!(sent.starts_with("RTSP/1.0 "), !is_silent, "{method} {sent:?}");
    }
    assert!(!peer.connection.is_closing() && peer.connection.buffered() == (0, 0));
}
