//! Publishing: ANNOUNCE, SETUP and RECORD (RFC 2326 sections 10.3 and 10.11).

use super::*;

const DESCRIPTION: &str = "v=0\r\ns=No Name\r\nm=video 0 RTP/AVP 26\r\na=control:streamid=0\r\n";
const TCP: &str = "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record";

/// The configuration of a server that takes what is published.
pub(super) const RECORD: Config = Config {
    session_timeout: Duration::from_secs(60),
    request_timeout: Duration::from_secs(10),
    idle_timeout: Duration::from_secs(60),
    is_hurried: false,
    lab_silence: Duration::from_millis(50),
    linger: Duration::from_secs(1),
    stall_timeout: Duration::from_secs(10),
    udp: true,
    record: true,
    guarded: false,
    moves: false,
};

fn taker() -> Peer {
    Peer::with(RECORD)
}

pub(super) fn announce(cseq: u32) -> String {
    let headers = std::format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n", DESCRIPTION.len());
    request("ANNOUNCE", URL, cseq, &headers) + DESCRIPTION
}

fn set_up(cseq: u32, track: &str, transport: &str) -> String {
    request("SETUP", &std::format!("{URL}{track}"), cseq, &std::format!("Transport: {transport}\r\n"))
}

/// A publisher that records over TCP.
fn recording() -> Peer {
    let mut peer = taker();
    peer.expect(&announce(1), 200);
    peer.expect(&set_up(2, "/streamid=0", TCP), 200);
    peer.expect(&with_session("RECORD", 3), 200);
    assert_eq!(peer.connection.state(), State::Recording);
    peer.events.clear();
    peer
}

#[test]
fn a_publisher_announces_sets_up_and_records() {
    let mut peer = taker();
    peer.answers = false;
    peer.feed(announce(1).as_bytes());
    assert_eq!(peer.events, [Event::Announce]);
    assert_eq!((peer.connection.body(), peer.connection.url()), (DESCRIPTION.as_bytes(), URL));
    peer.connection.answer_announce(peer.now);
    let answer = peer.sent();
    assert_eq!(header(&answer, "Session"), Some("e220a8397b1dcdaf;timeout=60"));
    assert_eq!((peer.connection.state(), peer.connection.body()), (State::Announced, &b""[..]));
    peer.feed(set_up(2, "/streamid=0", "RTP/AVP/UDP;unicast;client_port=25000-25001;mode=record").as_bytes());
    let transport = MediaTransport::Udp { rtp_port: 25_000, rtcp_port: 25_001 };
    assert_eq!(peer.events[1..], [Event::SetupRecord { transport }]);
    assert!(peer.connection.url().ends_with("/streamid=0") && peer.connection.resource().names("movie.Mjpeg"));
    peer.answers = true;
    peer.answer(peer.events[1]);
    let answer = peer.sent();
    let expected = "RTP/AVP/UDP;unicast;client_port=25000-25001;server_port=5004-5005;mode=record";
    assert_eq!(header(&answer, "Transport"), Some(expected));
    peer.expect(&with_session("RECORD", 3), 200);
    peer.expect(&with_session("PAUSE", 4), 200);
    assert_eq!(peer.connection.state(), State::Prepared);
    peer.expect(&with_session("RECORD", 5), 200);
    assert_eq!((peer.connection.state(), peer.connection.session_url()), (State::Recording, URL));
    peer.expect(&with_session("TEARDOWN", 6), 200);
    assert_eq!((peer.connection.state(), peer.connection.transport()), (State::Init, None));
    peer.expect(&announce(7), 200);
}

#[test]
fn every_spelling_of_record_is_understood_and_every_track_lies_below_what_was_announced() {
    for mode in ["mode=record", "mode=\"RECORD\"", "MODE=receive", "mode=\"PLAY,RECORD\"", "x=y", "mode=play"] {
        for track in ["", "/", "/streamid=0", "/trackID=7", "/a/b?x"] {
            let mut peer = taker();
            peer.expect(&announce(1), 200);
            let answer = peer.expect(&set_up(2, track, &std::format!("RTP/AVP/TCP;unicast;{mode}")), 200);
            let expected = "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record";
            assert_eq!(header(&answer, "Transport"), Some(expected), "{mode} {track}");
            assert!(peer.connection.resource().names("movie.Mjpeg"));
        }
    }
    let mut peer = taker();
    peer.expect(&announce(1), 200);
    for elsewhere in ["x", "x/streamid=0"] {
        peer.expect(&set_up(2, elsewhere, TCP), 404);
    }
    peer.expect(&request("SETUP", "rtsp://127.0.0.1:8554/other", 3, &std::format!("Transport: {TCP}\r\n")), 404);
}

/// Delivers a SETUP of a track that the driver ignores.
fn ignored(peer: &mut Peer, cseq: u32, transport: &str) -> String {
    peer.answers = false;
    peer.feed(set_up(cseq, "/streamid=9", transport).as_bytes());
    assert!(matches!(peer.events.last(), Some(Event::SetupRecord { .. })));
    peer.connection.answer_setup_ignored(peer.now, (5004, 5005));
    peer.answers = true;
    peer.sent()
}

#[test]
fn a_track_that_is_ignored_is_answered_and_leaves_the_session_as_it_was() {
    let mut peer = taker();
    peer.expect(&announce(1), 200);
    let udp = "RTP/AVP/UDP;unicast;client_port=30000-30001;mode=record";
    let answers = [
        (udp, "RTP/AVP/UDP;unicast;client_port=30000-30001;server_port=5004-5005;mode=record"),
        ("RTP/AVP/TCP;unicast;interleaved=2-3;mode=record", "RTP/AVP/TCP;unicast;interleaved=2-3;mode=record"),
        // Not those that the track which is taken has by default.
        ("RTP/AVP/TCP;unicast;mode=record", "RTP/AVP/TCP;unicast;interleaved=254-255;mode=record"),
    ];
    let ignore_all = |peer: &mut Peer, state| {
        for (transport, expected) in answers {
            let before = peer.connection.transport();
            let answer = ignored(peer, 2, transport);
            assert_eq!((status_of(&answer), header(&answer, "Transport")), (200, Some(expected)));
            assert_eq!(header(&answer, "Session"), Some("e220a8397b1dcdaf;timeout=60"));
            assert_eq!((peer.connection.state(), peer.connection.transport()), (state, before));
        }
    };
    ignore_all(&mut peer, State::Announced);
    // Nothing that is taken is set up.
    peer.expect(&with_session("RECORD", 3), 455);
    peer.expect(&set_up(4, "/streamid=0", TCP), 200);
    ignore_all(&mut peer, State::Prepared);
    peer.expect(&with_session("RECORD", 5), 200);
    peer.feed(b"$\x02\x00\x05sound$\x00\x00\x03rtp$\xfe\x00\x05sound$\xff\x00\x01x");
    assert_eq!(peer.packets, [b"rtp"]);
    assert_eq!(peer.connection.session_url(), URL);
    // Nothing waits for this answer.
    peer.connection.answer_setup_ignored(peer.now, (5004, 5005));
    assert_eq!(peer.sent(), "");
}

#[test]
fn a_session_publishes_or_watches_and_not_both() {
    let allow = |answer: &str| header(answer, "Allow").map(ToString::to_string);
    let mut peer = recording();
    for (method, status) in [("PLAY", 455), ("SETUP", 455), ("ANNOUNCE", 455), ("RECORD", 200), ("DESCRIBE", 200)] {
        let headers = std::format!("Session: {ID}\r\nTransport: {TCP}\r\n");
        let answer = peer.expect(&request(method, URL, 9, &headers), status);
        let expected = "OPTIONS, DESCRIBE, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER, RECORD".to_string();
        assert_eq!(allow(&answer), (status == 455).then_some(expected), "{method}");
    }
    let mut peer = taker();
    peer.expect(&set_up(1, "", TCP), 461);
    peer.expect(&set_up(1, "", "RTP/AVP/TCP"), 200);
    for (method, body) in [("RECORD", ""), ("ANNOUNCE", DESCRIPTION)] {
        let headers = std::format!("Session: {ID}\r\nContent-Length: {}\r\n", body.len());
        peer.expect(&(request(method, URL, 2, &headers) + body), 455);
    }
}

#[test]
fn what_cannot_be_published_has_its_status() {
    let announce = |headers: &str, body: &str| {
        request("ANNOUNCE", URL, 1, &std::format!("{headers}Content-Length: {}\r\n", body.len())) + body
    };
    let mut peer = taker();
    let answer = peer.expect(&announce("Content-Type: text/plain\r\n", DESCRIPTION), 415);
    assert!(answer.ends_with("a description of type application/sdp is expected\r\n"), "{answer}");
    peer.expect(&announce("Content-Type: application/sdp\r\n", ""), 400);
    peer.expect(&with_session("RECORD", 2), 454);
    peer.expect(&request("RECORD", URL, 2, ""), 455);
    peer.expect(&announce("", DESCRIPTION).replace("movie", "other"), 404);
    assert_eq!(peer.connection.state(), State::Init);
    peer.expect(&announce("Content-Type: Application/SDP; charset=utf-8\r\n", DESCRIPTION), 200);
    peer.expect(&with_session("RECORD", 3), 455);
    let public =
        |peer: &mut Peer| header(&peer.expect(&request("OPTIONS", "*", 4, ""), 200), "Public").map(String::from);
    assert_eq!(public(&mut peer).as_deref(), Some(headers::PUBLIC_WITH_RECORD));
    assert_eq!(public(&mut Peer::new()).as_deref(), Some(headers::PUBLIC));
    // A description that can never be whole.
    let answer = taker().expect(&announce("", &"x".repeat(2000)), 413);
    assert!(answer.contains("CSeq: 1\r\n"));
}

#[test]
fn packets_of_both_channels_are_handed_over_and_are_signs_of_life() {
    let mut peer = recording();
    for _ in 0..5 {
        peer.pass(Duration::from_secs(50));
        peer.feed(b"$\x00\x00\x03rtp$\x01\x00\x04rtcp$\x02\x00\x01x");
    }
    assert_eq!((peer.packets.len(), &*peer.packets[0], &*peer.packets[1]), (10, &b"rtp"[..], &b"rtcp"[..]));
    peer.pass(Duration::from_secs(61));
    assert_eq!((peer.connection.state(), peer.expirations()), (State::Init, 1));
}

#[test]
fn a_claim_is_given_back_however_the_session_ends() {
    // Announced, and then silence.
    let mut peer = taker();
    peer.expect(&announce(1), 200);
    peer.pass(Duration::from_secs(61));
    assert_eq!((peer.connection.state(), peer.expirations()), (State::Init, 1));
    // The connection ends while the driver thinks about it.
    let mut peer = taker();
    peer.answers = false;
    peer.feed(announce(1).as_bytes());
    peer.connection.handle_failure(peer.now);
    peer.drive();
    assert_eq!(peer.events, [Event::Announce, Event::Expired]);
    let mut peer = recording();
    peer.connection.shut_down(peer.now);
    peer.drive();
    assert_eq!(peer.expirations(), 1);
}
