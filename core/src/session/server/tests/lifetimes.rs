//! Every deadline, to the microsecond, and every way in which a session ends.

use super::*;

const MICRO: Duration = Duration::from_micros(1);

/// Nothing happens until just before `duration` has passed; then `ended` holds.
#[track_caller]
fn ends_after(peer: &mut Peer, duration: Duration, ended: impl Fn(&Peer) -> bool) {
    assert!(!ended(peer));
    peer.pass(duration - MICRO);
    assert!(!ended(peer), "too early");
    assert_eq!(peer.connection.poll_timeout(), Some(peer.now.after(MICRO)));
    peer.pass(MICRO);
    assert!(ended(peer), "too late");
}

fn expired(peer: &Peer) -> bool {
    peer.expirations() > 0
}

fn closing(peer: &Peer) -> bool {
    peer.connection.is_closing()
}

fn closed(peer: &Peer) -> bool {
    peer.connection.is_closed()
}

const SESSION: Duration = Duration::from_secs(60);
const IDLE: Duration = Duration::from_secs(60);
const REQUEST: Duration = Duration::from_secs(10);
const STALL: Duration = Duration::from_secs(10);
const LINGER: Duration = Duration::from_secs(1);

#[test]
fn a_connection_that_asks_for_nothing_is_closed() {
    let mut peer = Peer::new();
    ends_after(&mut peer, IDLE, closing);
    assert_eq!(peer.sent(), "");
    ends_after(&mut peer, LINGER, closed);
    assert_eq!(peer.events, []);
}

#[test]
fn where_time_is_short_the_first_request_has_half_of_it_and_later_ones_have_all() {
    let config = Config { is_hurried: true, ..Config::default() };
    ends_after(&mut Peer::with(config), IDLE / 2, closing);
    let mut slow = Peer::with(config);
    slow.feed(b"OPTIONS * RTSP/1.0\r\n");
    ends_after(&mut slow, REQUEST / 2, closing);
    let [mut idle, mut slow] = [Peer::with(config), Peer::with(config)];
    for peer in [&mut idle, &mut slow] {
        peer.expect(&request("DESCRIBE", URL, 1, ""), 200);
    }
    ends_after(&mut idle, IDLE, closing);
    slow.feed(b"OPTIONS * RTSP/1.0\r\n");
    ends_after(&mut slow, REQUEST, closing);
}

#[test]
fn every_request_starts_the_idle_time_anew_but_packets_do_not() {
    let mut peer = Peer::new();
    peer.pass(IDLE - MICRO);
    peer.expect(&request("OPTIONS", "*", 1, ""), 200);
    peer.pass(IDLE / 2);
    peer.feed(b"$\x00\x00\x01x");
    ends_after(&mut peer, IDLE / 2, closing);
}

#[test]
fn a_session_without_a_sign_of_life_expires_and_the_connection_becomes_idle() {
    let mut peer = Peer::new();
    peer.expect(&setup(1, UDP), 200);
    peer.expect(&with_session("PLAY", 2), 200);
    ends_after(&mut peer, SESSION, expired);
    assert_eq!(peer.connection.state(), State::Init);
    assert!(!closing(&peer));
    peer.expect(&with_session("PLAY", 3), 454);
    ends_after(&mut peer, IDLE, closing);
    peer.pass(LINGER);
    assert_eq!(peer.expirations(), 1);
}

#[test]
fn requests_and_reports_keep_a_session_alive() {
    let keep_alives: [fn(&mut Peer); 4] = [
        |peer| drop(peer.expect(&with_session("GET_PARAMETER", 3), 200)),
        |peer| drop(peer.expect(&request("OPTIONS", URL, 3, ""), 200)),
        |peer| drop(peer.expect(&request("NONSENSE", URL, 3, ""), 501)),
        |peer| peer.connection.handle_liveness(peer.now),
    ];
    for keep_alive in keep_alives {
        let mut peer = Peer::new();
        peer.expect(&setup(1, UDP), 200);
        for _ in 0..10 {
            peer.pass(SESSION - MICRO);
            keep_alive(&mut peer);
        }
        ends_after(&mut peer, SESSION, expired);
    }
}

#[test]
fn over_tcp_traffic_in_either_direction_keeps_a_session_alive() {
    let keep_alives: [fn(&mut Peer); 3] = [
        |peer| peer.feed(b"$\x01\x00\x01x"),
        |peer| peer.feed(b"$\x09\x00\x00"),
        |peer| {
            assert!(peer.connection.queue_interleaved(0, &[b"media"]));
            peer.sent();
        },
    ];
    for keep_alive in keep_alives {
        let mut peer = Peer::playing();
        for _ in 0..10 {
            peer.pass(SESSION - MICRO);
            // The time that media is queued at is the one that was told last.
            peer.connection.handle_timeout(peer.now);
            keep_alive(&mut peer);
        }
        ends_after(&mut peer, SESSION, expired);
    }
    // Over UDP the connection's bytes say nothing about the media's.
    let mut peer = Peer::new();
    peer.feed(setup(1, UDP).as_bytes());
    peer.pass(Duration::from_secs(9));
    peer.sent();
    ends_after(&mut peer, SESSION - Duration::from_secs(9), expired);
}

#[test]
fn signs_of_life_without_a_session_prolong_nothing() {
    let mut peer = Peer::new();
    peer.pass(IDLE / 2);
    peer.connection.handle_liveness(peer.now);
    ends_after(&mut peer, IDLE / 2, closing);
}

#[test]
fn the_time_a_driver_takes_is_not_the_clients_silence() {
    let mut peer = Peer::new();
    peer.expect(&setup(1, UDP), 200);
    peer.answers = false;
    peer.feed(with_session("PLAY", 2).as_bytes());
    peer.pass(SESSION * 3);
    peer.connection.handle_liveness(peer.now);
    assert_eq!(peer.connection.poll_timeout(), None);
    peer.connection.answer_play(peer.now, played(1, 1, Range::Now));
    assert_eq!(status_of(&peer.sent()), 200);
    ends_after(&mut peer, SESSION, expired);
}

#[test]
fn the_timeout_that_is_announced_is_the_one_that_is_kept() {
    let mut peer = Peer::with(Config { session_timeout: Duration::from_secs(5), ..Config::default() });
    let answer = peer.expect(&setup(1, UDP), 200);
    assert_eq!(header(&answer, "Session"), Some("e220a8397b1dcdaf;timeout=5"));
    ends_after(&mut peer, Duration::from_secs(5), expired);
}

#[test]
fn the_rest_of_a_request_must_come_in_time() {
    for rest_missing in [
        "O",
        "OPTIONS * RTSP/1.0\r\nCSeq: 5\r\n",
        "SET_PARAMETER rtsp://h/ RTSP/1.0\r\nCSeq: 5\r\nContent-Length: 9\r\n\r\n12345678",
    ] {
        let mut peer = Peer::new();
        peer.feed(rest_missing.as_bytes());
        peer.pass(REQUEST / 2);
        // More of it, but not its end, changes nothing.
        ends_after(&mut peer, REQUEST / 2, closing);
        let sent = peer.sent();
        assert_eq!(status_of(&sent), 408);
        assert_eq!(header(&sent, "CSeq").is_some(), rest_missing.len() > 1);
        ends_after(&mut peer, LINGER, closed);
    }
}

#[test]
fn a_request_that_drips_in_has_one_deadline() {
    let mut peer = Peer::playing();
    let slow = with_session("GET_PARAMETER", 3);
    for byte in slow.as_bytes().chunks(1).take(9) {
        peer.feed(byte);
        peer.pass(REQUEST / 10);
    }
    peer.feed(b"X");
    ends_after(&mut peer, REQUEST / 10, closing);
    assert_eq!(status_of(&peer.sent()), 408);
    assert_eq!(peer.expirations(), 1);
}

#[test]
fn each_request_has_its_own_deadline() {
    let mut peer = Peer::new();
    let ask = request("OPTIONS", "*", 1, "");
    let (head, tail) = ask.split_at(10);
    peer.feed(head.as_bytes());
    for _ in 0..10 {
        peer.pass(REQUEST - MICRO);
        peer.expect(tail, 200);
        peer.feed(head.as_bytes());
    }
    ends_after(&mut peer, REQUEST, closing);
}

#[test]
fn the_rest_of_a_packet_must_come_in_time_too() {
    for input in [&b"$"[..], b"$\x01\x00\x10", b"$\x01\xff\xffskipped", b"$\x07\x00\x10not ours"] {
        let mut peer = Peer::playing();
        peer.feed(input);
        ends_after(&mut peer, REQUEST, closing);
    }
}

#[test]
fn a_peer_that_takes_nothing_is_dropped() {
    let mut peer = Peer::playing();
    assert!(peer.connection.queue_interleaved(0, &[b"media"]));
    peer.pass(STALL / 2);
    assert!(peer.connection.queue_interleaved(0, &[b"media"]));
    // Requests do not help: what was asked for before is not taken.
    peer.feed(with_session("GET_PARAMETER", 3).as_bytes());
    ends_after(&mut peer, STALL / 2, closed);
    assert_eq!(peer.events, [Event::Expired]);
    assert_eq!(peer.connection.poll_transmit(), b"");
    assert_eq!(peer.connection.poll_timeout(), None);
}

#[test]
fn a_peer_that_takes_a_byte_is_given_more_time_until_we_close() {
    let mut peer = Peer::playing();
    assert!(peer.connection.queue_interleaved(0, &[b"media"]));
    for _ in 0..5 {
        peer.pass(STALL - MICRO);
        peer.connection.consume_transmit(peer.now, 1);
    }
    peer.connection.consume_transmit(peer.now, 0);
    peer.connection.shut_down(peer.now);
    peer.drive();
    assert!(expired(&peer));
    peer.pass(STALL / 2);
    peer.connection.consume_transmit(peer.now, 1);
    ends_after(&mut peer, STALL / 2, closed);
    assert_eq!(peer.expirations(), 1);
}

#[test]
fn closing_waits_for_the_peer_but_not_for_long() {
    // It closes first.
    let mut peer = Peer::playing();
    peer.connection.shut_down(peer.now);
    peer.connection.shut_down(peer.now);
    peer.drive();
    assert!(closing(&peer) && !closed(&peer));
    peer.connection.handle_close(peer.now);
    assert!(closed(&peer));
    assert_eq!(peer.expirations(), 1);
    // It has closed before, and what is queued still goes out.
    let mut peer = Peer::new();
    peer.feed(request("OPTIONS", "*", 1, "").as_bytes());
    peer.connection.handle_close(peer.now);
    assert!(closing(&peer) && !closed(&peer));
    assert_eq!(status_of(&peer.sent()), 200);
    assert!(closed(&peer));
    assert_eq!(peer.events, []);
}

#[test]
fn a_failed_connection_is_over_at_once() {
    let mut peer = Peer::playing();
    assert!(peer.connection.queue_interleaved(0, &[b"media"]));
    peer.connection.handle_failure(peer.now);
    assert!(closed(&peer));
    peer.drive();
    peer.connection.handle_failure(peer.now);
    peer.connection.handle_close(peer.now);
    peer.connection.shut_down(peer.now);
    peer.connection.handle_liveness(peer.now);
    peer.drive();
    assert_eq!(peer.events, [Event::Expired]);
    assert_eq!(peer.connection.poll_timeout(), None);
    assert!(!peer.connection.queue_interleaved(0, &[b"media"]));
}

#[test]
fn a_session_ends_once_whatever_was_under_way() {
    // (what is under way, has the driver begun with it, how often the session expires)
    let cases = [
        ("SETUP", false, 0),
        ("SETUP", true, 1),
        ("PLAY", false, 1),
        ("PLAY", true, 1),
        ("TEARDOWN", false, 1),
        ("TEARDOWN", true, 0),
    ];
    for (method, polled, expected) in cases {
        let mut peer = Peer::new();
        let ask = match method {
            "SETUP" => setup(1, UDP),
            _ => {
                peer.expect(&setup(1, UDP), 200);
                with_session(method, 2)
            }
        };
        peer.events.clear();
        peer.answers = false;
        peer.connection.rx_buffer()[..ask.len()].copy_from_slice(ask.as_bytes());
        peer.connection.handle_input(peer.now, ask.len());
        if polled {
            assert!(peer.connection.poll_event().is_some());
        }
        peer.connection.handle_failure(peer.now);
        peer.drive();
        assert_eq!(peer.expirations(), expected, "{method} {polled}");
        assert_eq!(peer.events.len(), expected);
        // Too late.
        peer.connection.answer_setup(peer.now, (1, 2), 3);
        peer.connection.answer_play(peer.now, played(1, 1, Range::Now));
        peer.connection.answer_teardown(peer.now);
        peer.connection.refuse(peer.now, StatusCode::NOT_FOUND, "");
        assert_eq!(peer.sent(), "");
        assert_eq!(peer.connection.state(), State::Init);
    }
}
