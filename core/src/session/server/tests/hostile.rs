//! Broken and hostile input: a clear status, and the connection's end where what follows cannot be understood.

use super::*;

/// Feeds `input`; the connection answers once, with `status`, and closes.
#[track_caller]
fn closes_with(input: &[u8], status: u16) {
    for piece in [input.len().max(1), 1] {
        let mut peer = Peer::new();
        for bytes in input.chunks(piece) {
            peer.feed(bytes);
        }
        let sent = peer.sent();
        assert_eq!(sent.matches("RTSP/1.0 ").count(), 1, "{sent}");
        assert_eq!(status_of(&sent), status, "{sent}");
        assert!(peer.connection.is_closing());
        assert_eq!(peer.events, []);
        // What still comes is dropped.
        assert_eq!(peer.ask(&request("OPTIONS", "*", 1, "")), "");
        peer.pass(Duration::from_secs(1));
        assert!(peer.connection.is_closed());
        assert!(peer.connection.rx_buffer().is_empty());
        assert_eq!(peer.connection.poll_timeout(), None);
    }
}

#[test]
fn content_lengths_that_cannot_be_are_refused_before_the_body_comes() {
    for (length, status) in
        [("-1", 400), ("x", 400), ("1\r\nContent-Length: 2", 400), ("2147483648", 413), ("18446744073709551616", 413)]
    {
        closes_with(request("SET_PARAMETER", URL, 1, &std::format!("Content-Length: {length}\r\n")).as_bytes(), status);
    }
    // One byte more than the buffer holds, and as many as it holds.
    let head = |length: usize| request("SET_PARAMETER", URL, 1, &std::format!("Content-Length: {length}\r\n"));
    let fits = 1024 - head(100).len();
    closes_with(head(fits + 1).as_bytes(), 413);
    let mut peer = Peer::new();
    assert_eq!(peer.ask(&head(fits)), "");
    peer.expect(&"x".repeat(fits), 451);
    assert!(!peer.connection.is_closing());
}

#[test]
fn refused_messages_keep_their_sequence_number_where_it_can_be_found() {
    let mut peer = Peer::new();
    let answer = peer.expect(&request("SET_PARAMETER", URL, 77, "Content-Length: 99999\r\n"), 413);
    assert_eq!(header(&answer, "CSeq"), Some("77"));
}

#[test]
fn requests_longer_than_the_buffer_are_refused() {
    closes_with(std::format!("OPTIONS {}", "x".repeat(2000)).as_bytes(), 413);
    closes_with(request("OPTIONS", "*", 1, &std::format!("X: {}\r\n", "x".repeat(2000))).as_bytes(), 413);
    let mut peer = Peer::sized(16384, 2048, Config::default());
    peer.expect(&request("OPTIONS", "*", 1, &std::format!("X: {}\r\n", "x".repeat(5000))), 413);
    assert!(peer.connection.is_closing());
    let mut peer = Peer::sized(16384, 2048, Config::default());
    peer.expect(&request("OPTIONS", "*", 1, &"X: y\r\n".repeat(120)), 413);
    assert!(peer.connection.is_closing());
}

#[test]
fn what_is_not_rtsp_is_refused_in_rtsp() {
    closes_with(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400);
    closes_with(b"OPTIONS rtsp://h/x RTSP/2.0\r\nCSeq: 1\r\n\r\n", 505);
    closes_with(b"OPTIONS rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\n folded\r\n\r\n", 400);
    closes_with(b"OPTIONS rtsp://h/x RTSP/1.0\r\nno colon\r\n\r\n", 400);
    closes_with(b"OPTIONS rtsp://h/\0 RTSP/1.0\r\nCSeq: 1\r\n\r\n", 400);
    closes_with(b"OPTIONS rtsp://h/x RTSP/1.0\r\nCSeq: 1\0\r\n\r\n", 400);
    closes_with(b"OPTIONS rtsp://h/\xff RTSP/1.0\r\nCSeq: 1\r\n\r\n", 400);
    // The beginning of a TLS handshake, without any line end.
    closes_with(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400);
}

#[test]
fn answers_from_a_client_are_passed_over() {
    let mut peer = Peer::new();
    peer.expect(&("RTSP/1.0 200 OK\r\nCSeq: 9\r\n\r\n".to_string() + &request("OPTIONS", "*", 2, "")), 200);
}

#[test]
fn blank_lines_between_requests_are_nothing() {
    let mut peer = Peer::new();
    peer.feed(b"\r\n\n\r\n");
    assert_eq!(peer.connection.poll_timeout(), Some(peer.now.after(Duration::from_secs(60))));
    peer.expect(&("\r\n".repeat(2000) + &request("OPTIONS", "*", 1, "")), 200);
}

#[test]
fn a_request_in_many_pieces_of_wrong_order_does_not_loop() {
    // Any one of these bytes alone, then the end.
    for byte in 0..=255u8 {
        let mut peer = Peer::new();
        peer.feed(&[byte]);
        peer.connection.handle_close(peer.now);
        peer.drive();
        peer.sent();
        assert!(peer.connection.is_closed(), "{byte}");
    }
}

#[test]
fn a_transmit_buffer_too_small_for_an_answer_ends_the_connection() {
    let mut peer = Peer::sized(1024, 100, Config::default());
    assert_eq!(status_of(&peer.ask(&request("OPTIONS", "*", 1, ""))), 500);
    assert!(peer.connection.is_closing());
    let mut peer = Peer::sized(1024, 10, Config::default());
    assert_eq!(peer.ask(&request("OPTIONS", "*", 1, "")), "");
    assert!(peer.connection.is_closing());
    // A session whose client was never told of it does not live on.
    let mut peer = Peer::sized(1024, 150, Config::default());
    assert_eq!(status_of(&peer.ask(&setup(1, UDP))), 500);
    assert_eq!(peer.expirations(), 1);
}

#[test]
fn a_client_that_does_not_read_is_not_listened_to() {
    let mut peer = Peer::new();
    let ask = request("OPTIONS", "*", 1, "");
    for _ in 0..1000 {
        peer.feed(ask.as_bytes());
    }
    assert!(peer.connection.rx_buffer().is_empty());
    assert!(peer.connection.poll_transmit().len() <= 2048);
    let queued = peer.connection.poll_transmit().len();
    // It goes on exactly where it stopped once the client reads.
    peer.connection.consume_transmit(peer.now, 1);
    assert!(peer.connection.rx_buffer().is_empty());
    peer.connection.consume_transmit(peer.now, queued);
    assert!(!peer.connection.rx_buffer().is_empty());
    peer.pass(Duration::from_secs(10));
    assert!(peer.connection.is_closed());
}

#[test]
fn lies_about_lengths_do_no_harm() {
    let mut peer = Peer::new();
    peer.connection.handle_input(peer.now, usize::MAX);
    peer.connection.consume_transmit(peer.now, usize::MAX);
    peer.connection.handle_input(peer.now, 0);
    peer.drive();
    assert_eq!(peer.events, []);
}

#[test]
fn a_connection_beyond_the_limit_is_told_so() {
    let refusing = || {
        let now = Instant::from_millis(1_000_000);
        Peer::of(Connection::refusing(now, std::vec![0; 512], std::vec![0; 512], Config::default()))
    };
    for ask in [request("OPTIONS", "*", 5, ""), setup(5, UDP), request("NONSENSE", URL, 5, "")] {
        let mut peer = refusing();
        let answer = peer.expect(&(ask.clone() + &ask), 503);
        assert_eq!(header(&answer, "CSeq"), Some("5"));
        assert!(peer.connection.is_closing());
        assert_eq!(peer.events, []);
    }
    let mut peer = refusing();
    peer.feed(b"SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000");
    peer.pass(Duration::from_millis(50));
    assert_eq!(peer.sent(), "RTSP/1.0 503 Service Unavailable\nCSeq: 1\nSession: 0\n\n");
    assert!(peer.connection.is_closing());
    // Neither silence nor half a request keeps the place taken.
    for input in ["", "OPT", "$\x00\x7f\x7f"] {
        let mut peer = refusing();
        peer.feed(input.as_bytes());
        peer.pass(Duration::from_millis(9_999));
        assert!(!peer.connection.is_closing());
        peer.pass(Duration::from_millis(1));
        assert_eq!(peer.sent(), "");
        assert!(peer.connection.is_closing());
    }
}

#[test]
fn a_connection_beyond_the_limit_may_ask_where_there_is_room_and_for_nothing_else() {
    let moving = |guarded| {
        let config = Config { moves: true, guarded, idle_timeout: Duration::from_secs(5), ..Config::default() };
        let connection = Connection::refusing(Instant::default(), std::vec![0; 512], std::vec![0; 1024], config);
        Peer { answers: false, ..Peer::of(connection) }
    };
    let mut peer = moving(true);
    peer.expect(&request("OPTIONS", "*", 1, ""), 200);
    let describe = |cseq| request("DESCRIBE", URL, cseq, "Accept: application/sdp\r\n");
    peer.feed(describe(2).as_bytes());
    assert_eq!(peer.events, [Event::Authorize]);
    peer.connection.challenge(peer.now, ["Digest a"]);
    assert_eq!(status_of(&peer.sent()), 401);
    peer.feed(describe(3).as_bytes());
    peer.connection.allow(peer.now, Secrecy::NONE);
    peer.drive();
    assert_eq!(peer.events, [Event::Authorize, Event::Authorize, Event::Describe]);
    for url in [
        "",
        "rtsp://",
        "http://h/x",
        "rtsp://u:p@h/x",
        "rtsp://h/x\r\nX: y",
        "rtsp://h/x y",
        "rtsp://h/\u{fc}",
        &std::format!("rtsp://h/{}", "x".repeat(MAX_URI_LEN)),
    ] {
        assert!(!peer.connection.answer_moved(peer.now, url), "{url}");
    }
    assert!(peer.connection.answer_moved(peer.now, "rtsp://h:8554/there?moved=1"));
    let answer = peer.sent();
    assert_eq!(status_of(&answer), 302);
    assert_eq!(header(&answer, "Location"), Some("rtsp://h:8554/there?moved=1"));
    assert!(!peer.connection.answer_moved(peer.now, "rtsp://h/there"), "it is answered");
    peer.expect(&setup(4, UDP), 503);
    assert!(peer.connection.is_closing());
    for ask in [request("ANNOUNCE", URL, 5, ""), request("NONSENSE", URL, 5, ""), request("TEARDOWN", URL, 5, "")] {
        let mut peer = moving(false);
        peer.expect(&ask, 503);
        assert!(peer.connection.is_closing());
    }
    // However much it asks, its time is the same.
    let mut peer = moving(false);
    for cseq in 0..4 {
        peer.pass(Duration::from_secs(1));
        peer.expect(&request("OPTIONS", "*", cseq, ""), 200);
    }
    assert!(!peer.connection.is_closing());
    peer.pass(Duration::from_secs(1));
    assert!(peer.connection.is_closing());
}
