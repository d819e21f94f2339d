//! The lab's client and its many copies.

use super::*;

pub(super) const SETUP: &str = "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000";

/// What SplitMix64 makes of 0 first, in six digits.
pub(super) const LAB_ID: u64 = 0xe220_a839_7b1d_cdaf % 900_000 + 100_000;

const SILENCE: Duration = Duration::from_millis(50);

impl Peer {
    /// Sends a lab request, which has no end, and falls silent.
    pub(super) fn say(&mut self, request: &str) -> String {
        self.feed(request.as_bytes());
        self.pass(SILENCE);
        self.sent()
    }
}

pub(super) fn lab(method: &str, cseq: u32) -> String {
    std::format!("{method} movie.Mjpeg RTSP/1.0\nCSeq: {cseq}\nSession: {LAB_ID}")
}

pub(super) fn reply(status: &str, cseq: u32, session: u64) -> String {
    std::format!("RTSP/1.0 {status}\nCSeq: {cseq}\nSession: {session}\n\n")
}

pub(super) const OK: &str = "200 OK";

pub(super) fn playing() -> Peer {
    let mut peer = Peer::new();
    peer.say(SETUP);
    peer.say(&lab("PLAY", 2));
    assert_eq!(peer.connection.state(), State::Playing);
    peer.events.clear();
    peer
}

#[test]
fn the_classic_dialogue_is_answered_in_three_lines_each() {
    let mut peer = Peer::new();
    assert_eq!(peer.say(SETUP), reply(OK, 1, LAB_ID));
    assert!((100_000..1_000_000).contains(&LAB_ID));
    assert_eq!(peer.connection.dialect(), Some(Dialect::Lab));
    assert_eq!(peer.connection.resource().as_str(), "movie.Mjpeg");
    assert_eq!(peer.say(&lab("PLAY", 2)), reply(OK, 2, LAB_ID));
    assert_eq!(peer.say(&lab("PAUSE", 3)), reply(OK, 3, LAB_ID));
    assert_eq!(peer.say(&lab("PLAY", 4)), reply(OK, 4, LAB_ID));
    assert_eq!(peer.say(&lab("TEARDOWN", 5)), reply(OK, 5, LAB_ID));
    let transport = MediaTransport::Udp { rtp_port: 25000, rtcp_port: 25001 };
    let play = play_of(None);
    assert_eq!(peer.events, [Event::Setup { transport }, play, Event::Pause, play, Event::Teardown]);
    assert!(peer.connection.is_closing());
    assert!(!peer.connection.is_closed());
    peer.pass(Duration::from_secs(1));
    assert!(peer.connection.is_closed());
}

#[cfg(not(feature = "lab"))]
#[test]
fn where_variants_are_left_out_the_dialect_is_that_of_the_exercise() {
    let mut peer = playing();
    peer.length = Length { frames: Some(500), time: Some(Duration::from_secs(20)) };
    for (n, method) in crate::wire::lab::extra::NAMES.iter().enumerate() {
        let cseq = n as u32 + 3;
        assert_eq!(peer.say(&lab(method, cseq)), reply("501 Not Implemented", cseq, LAB_ID), "{method}");
    }
    assert_eq!(peer.connection.state(), State::Playing);
    peer.say(&lab("PAUSE", 90));
    assert_eq!(peer.say(SETUP), reply(OK, 1, LAB_ID), "nor are there lengths");
    assert_eq!(status_of(&Peer::new().say(&SETUP.replace("movie.Mjpeg", "movie.Mjpeg;o8"))), 404, "nor forms");
}

#[test]
fn requests_cut_at_every_byte_or_sent_together_are_the_same_requests() {
    let all = [SETUP, &lab("PLAY", 2), &lab("PAUSE", 3), &lab("TEARDOWN", 4)];
    let expected: String = (1..=4).map(|cseq| reply(OK, cseq, LAB_ID)).collect();
    for end in ["\n", "\r\n", "\n\n", "\r\n\r\n"] {
        let text =
            all.map(|request| request.replace('\n', if end.starts_with('\r') { "\r\n" } else { "\n" })).join(end);
        for cut in 0..=text.len() {
            let mut peer = Peer::new();
            peer.feed(&text.as_bytes()[..cut]);
            // Silence that is shorter than a pause does not end a request.
            peer.pass(SILENCE - Duration::from_micros(1));
            let mut sent = peer.sent();
            peer.feed(&text.as_bytes()[cut..]);
            // Each answer takes its time, though the end of a request is certain where the next one begins.
            for _ in 0..4 {
                peer.pass(SILENCE);
                sent += &peer.sent();
            }
            assert_eq!(sent, expected, "{end:?} cut at {cut}");
        }
    }
}

#[test]
fn a_request_ends_where_the_connection_does() {
    let mut peer = Peer::new();
    peer.feed(SETUP.as_bytes());
    assert_eq!(peer.sent(), "");
    peer.connection.handle_close(peer.now);
    peer.drive();
    assert_eq!(peer.sent(), reply(OK, 1, LAB_ID));
    assert_eq!(peer.expirations(), 1);
    assert!(peer.connection.is_closed());
}

#[test]
fn every_copys_spelling_is_understood() {
    for setup in [
        "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port=25000",
        "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP;client_port=25000\n",
        "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: TCP/UDP ; client_port = 25000",
        "SETUP movie.Mjpeg RTSP/1.0\nCSEQ: 1\nTRANSPORT: RTP/UDP; Client_port= 25000",
        "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/AVP;unicast;client_port=25000",
        "SETUP movie.Mjpeg RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/UDP; client_port= 25000\r\n\r\n",
        "SETUP /movie.Mjpeg RTSP/1.0\nTransport: RTP/UDP; client_port= 25000\ncseq:1",
        "SETUP movie.Mjpeg\n1\n RTSP/1.0 RTP/UDP 25000",
    ] {
        for piece in [1, setup.len()] {
            let mut peer = Peer::new();
            for bytes in setup.as_bytes().chunks(piece) {
                peer.feed(bytes);
            }
            peer.pass(SILENCE);
            assert_eq!(peer.sent(), reply(OK, 1, LAB_ID), "{setup:?}");
            let transport = MediaTransport::Udp { rtp_port: 25000, rtcp_port: 25001 };
            assert_eq!(peer.connection.transport(), Some(transport));
        }
    }
}

#[test]
fn errors_have_real_status_lines_and_a_third_line() {
    let long = std::format!("SETUP {} RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000", "x".repeat(300));
    let cases = [
        ("SETUP other.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000", "404 Not Found"),
        ("SETUP ../movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000", "404 Not Found"),
        ("SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 0", "461 Unsupported transport"),
        ("SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 65536", "461 Unsupported transport"),
        ("SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 53", "461 Unsupported transport"),
        ("SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 11211", "461 Unsupported transport"),
        ("SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1", "461 Unsupported transport"),
        ("PLAY movie.Mjpeg RTSP/1.0\nCSeq: 1\nSession: 0", "455 Method Not Valid in This State"),
        ("PAUSE movie.Mjpeg RTSP/1.0\nCSeq: 1\nSession: 0", "455 Method Not Valid in This State"),
        ("TEARDOWN movie.Mjpeg RTSP/1.0\nCSeq: 1\nSession: 0", "454 Session Not Found"),
        ("EXPLODE movie.Mjpeg RTSP/1.0\nCSeq: 1\nSession: 0", "501 Not Implemented"),
        (&long, "414 Request-URI Too Large"),
    ];
    for (ask, status) in cases {
        let mut peer = Peer::new();
        let sent = peer.say(ask);
        assert!(sent.eq_ignore_ascii_case(&reply(status, 1, 0)), "{ask}\n{sent}");
        // The same connection then plays as if nothing had been.
        assert_eq!(peer.say(SETUP), reply(OK, 1, LAB_ID));
    }
    let mut peer = Peer::new();
    assert!(
        peer.say("PLAY movie.Mjpeg RTSP/1.0\nCSeq: x").starts_with("RTSP/1.0 400 Bad Request\nCSeq: 0\nSession: 0\n")
    );
}

#[test]
fn the_session_that_is_named_must_be_this_one() {
    for method in ["PLAY", "PAUSE", "TEARDOWN"] {
        let mut peer = Peer::new();
        peer.say(SETUP);
        for id in ["0", "99", "999999999999999999999", "-1"] {
            let sent = peer.say(&std::format!("{method} movie.Mjpeg RTSP/1.0\nCSeq: 2\nSession: {id}"));
            assert_eq!(sent, reply("454 Session Not Found", 2, LAB_ID));
        }
        // There are copies that name none.
        assert_eq!(peer.say(&std::format!("{method} movie.Mjpeg RTSP/1.0\nCSeq: 3")), reply(OK, 3, LAB_ID));
    }
}

#[test]
fn play_while_playing_goes_on_and_setup_while_playing_does_not() {
    let mut peer = playing();
    assert_eq!(peer.say(&lab("PLAY", 3)), reply(OK, 3, LAB_ID));
    assert_eq!(peer.events, []);
    assert_eq!(peer.say(SETUP), reply("455 Method Not Valid in This State", 1, LAB_ID));
    assert_eq!(peer.connection.state(), State::Playing);
    peer.connection.handle_end_of_stream(peer.now);
    assert_eq!(peer.say(&lab("PLAY", 4)), reply(OK, 4, LAB_ID));
    assert_eq!(peer.events, [play_of(None)]);
}

#[test]
fn where_udp_is_forbidden_the_dialect_has_nothing_left() {
    let mut peer = Peer::with(Config { udp: false, ..Config::default() });
    assert_eq!(status_of(&peer.say(SETUP)), 461);
}

#[test]
fn each_answer_takes_its_time() {
    // Some clients note a request only when they have sent it.
    let mut peer = Peer::new();
    peer.feed([SETUP, "\n\n"].concat().as_bytes());
    peer.pass(SILENCE - Duration::from_micros(1));
    assert_eq!(peer.sent(), "");
    // Nor does more input make it wait longer.
    peer.feed(lab("PLAY", 2).as_bytes());
    peer.pass(Duration::from_micros(1));
    assert_eq!(peer.sent(), reply(OK, 1, LAB_ID));
    peer.pass(SILENCE);
    assert_eq!(peer.sent(), reply(OK, 2, LAB_ID));
}

#[test]
fn a_session_lives_as_long_as_its_connection() {
    let mut peer = playing();
    peer.pass(Duration::from_secs(100 * 3600));
    assert_eq!(peer.connection.poll_timeout(), None);
    assert_eq!(peer.connection.state(), State::Playing);
    peer.connection.handle_close(peer.now);
    peer.drive();
    assert_eq!(peer.events, [Event::Expired]);
    assert!(peer.connection.is_closed());
}

#[test]
fn a_dollar_sign_is_nothing_special_here() {
    let mut peer = playing();
    assert_eq!(status_of(&peer.say("$\x00\x00\x05hello\n")), 400);
    assert!(peer.connection.is_closing());
    assert_eq!(peer.expirations(), 1);
}

#[test]
fn a_dialect_is_not_changed() {
    let mut peer = playing();
    assert_eq!(status_of(&peer.say(&request("OPTIONS", URL, 3, ""))), 400);
    assert!(peer.connection.is_closing());
    let mut peer = Peer::playing();
    peer.expect(&(lab("PLAY", 3) + "\r\n\r\n"), 400);
    assert_eq!(peer.connection.dialect(), Some(Dialect::Standard));
}

#[test]
fn half_a_request_does_not_wait_for_good() {
    let mut peer = Peer::new();
    peer.feed(b"SETUP movie.Mjpeg RTSP/1.0\nCSe");
    peer.pass(Duration::from_millis(9_999));
    assert_eq!(peer.sent(), "");
    peer.pass(Duration::from_millis(1));
    assert_eq!(peer.sent(), "RTSP/1.0 408 Request Time-out\nCSeq: 0\nSession: 0\n\n");
    assert!(peer.connection.is_closing());
    // Nor does one that never ends.
    let mut peer = Peer::new();
    peer.feed(b"SETUP movie.Mjpeg RTSP/1.0\n");
    for _ in 0..2000 {
        peer.feed(b"X\n");
    }
    assert_eq!(status_of(&peer.sent()), 413);
}
