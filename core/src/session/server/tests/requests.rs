//! One request, one status.

use super::*;

#[test]
fn whatever_cannot_be_carried_out_has_its_status() {
    let long = std::format!("rtsp://h/{}", "a".repeat(300));
    let cases: [(&str, &str, &str, u16); 36] = [
        ("OPTIONS", "*", "", 200),
        ("OPTIONS", URL, "", 200),
        ("OPTIONS", "movie.Mjpeg://", "", 200),
        ("GET_PARAMETER", URL, "", 200),
        ("GET_PARAMETER", "*", "", 200),
        ("SET_PARAMETER", URL, "", 200),
        ("GET_PARAMETER", URL, "Content-Length: 0\r\n", 200),
        ("ANNOUNCE", URL, "", 501),
        ("RECORD", URL, "", 501),
        ("options", URL, "", 501),
        ("DESCRIBE", URL, "", 200),
        ("DESCRIBE", "*", "", 400),
        ("DESCRIBE", "rtsp://127.0.0.1:8554/other", "", 404),
        ("DESCRIBE", "rtsp://127.0.0.1:8554/../movie.Mjpeg", "", 404),
        ("DESCRIBE", "rtsp://127.0.0.1:8554/%2e%2e/movie.Mjpeg", "", 404),
        ("DESCRIBE", "rtsp://127.0.0.1:8554/movie.Mjpeg%00", "", 404),
        ("DESCRIBE", "rtsp://127.0.0.1:8554/movie%2eMjpe%67", "", 200),
        ("DESCRIBE", "rtsp://127.0.0.1:8554/movie.Mjpeg%", "", 404),
        ("DESCRIBE", "http://127.0.0.1:8554/movie.Mjpeg", "", 400),
        ("DESCRIBE", &long, "", 414),
        ("DESCRIBE", URL, "Accept: application/rtsl, text/*\r\n", 406),
        ("DESCRIBE", URL, "Accept: application/rtsl\r\nAccept: application/*;q=0.1\r\n", 200),
        ("DESCRIBE", URL, "Session: 0000000000000001\r\n", 454),
        ("SETUP", URL, "", 400),
        ("SETUP", URL, "Transport:\r\n", 400),
        ("SETUP", "rtsp://127.0.0.1:8554/movie.Mjpeg/trackID=1", "Transport: RTP/AVP/TCP\r\n", 404),
        ("SETUP", "rtsp://127.0.0.1:8554/other/trackID=0", "Transport: RTP/AVP/TCP\r\n", 404),
        ("SETUP", URL, "Transport: RTP/AVP/TCP\r\nSession: 0000000000000001\r\n", 454),
        ("PLAY", URL, "", 455),
        ("PAUSE", URL, "", 455),
        ("PLAY", URL, "Session: e220a8397b1dcdaf\r\n", 454),
        ("TEARDOWN", URL, "", 454),
        ("TEARDOWN", URL, "Session: \r\n", 454),
        ("OPTIONS", URL, "Session: 1\r\n", 454),
        ("PLAY", URL, "Require: a\r\n", 551),
        ("OPTIONS", URL, "Proxy-Require: a\r\n", 551),
    ];
    for (method, url, headers, status) in cases {
        let mut peer = Peer::new();
        let answer = peer.expect(&request(method, url, 9, headers), status);
        assert_eq!(header(&answer, "CSeq"), Some("9"));
        assert!(!peer.connection.is_closing());
        // The connection is as good as before.
        peer.expect(&request("OPTIONS", "*", 10, ""), 200);
    }
}

#[test]
fn a_sequence_number_must_be_there_once_and_be_a_number() {
    for header in ["", "CSeq: \r\n", "CSeq: -1\r\n", "CSeq: 4294967296\r\n", "CSeq: 1\r\nCSeq: 2\r\n", "CSeq: x\r\n"] {
        let mut peer = Peer::new();
        let answer = peer.expect(&std::format!("DESCRIBE {URL} RTSP/1.0\r\n{header}\r\n"), 400);
        assert!(!answer.contains("CSeq"), "{answer}");
        assert_eq!(peer.events, []);
        let answer = peer.expect(&request("OPTIONS", "*", u32::MAX, ""), 200);
        assert_eq!(super::header(&answer, "CSeq"), Some("4294967295"));
    }
}

#[test]
fn refusals_say_what_would_do_instead() {
    let mut peer = Peer::new();
    let answer = peer.expect(&request("OPTIONS", "*", 1, "Require: a, b\r\nProxy-Require: c\r\n"), 551);
    assert_eq!(header(&answer, "Unsupported"), Some("a, b, c"));
    let answer = peer.expect(&request("PLAY", URL, 2, ""), 455);
    assert_eq!(header(&answer, "Allow"), Some("OPTIONS, DESCRIBE, SETUP, TEARDOWN, GET_PARAMETER, SET_PARAMETER"));
    let answer = peer.expect(&request("RECORD", URL, 3, ""), 501);
    assert_eq!(header(&answer, "Public"), Some(headers::PUBLIC));
}

#[test]
fn the_first_transport_that_can_be_done_is_taken() {
    const UDP_25000: MediaTransport = MediaTransport::Udp { rtp_port: 25000, rtcp_port: 25001 };
    const fn tcp(rtp_channel: u8, rtcp_channel: u8) -> MediaTransport {
        MediaTransport::Interleaved { rtp_channel, rtcp_channel }
    }
    let forty = "RTP/SAVP;unicast;client_port=1-2,".repeat(39) + "RTP/AVP/TCP;interleaved=6-7";
    let cases = [
        (UDP, Some(UDP_25000)),
        ("RTP/AVP/UDP;unicast;destination=192.0.2.9;client_port=25000-25001", Some(UDP_25000)),
        ("RTP/AVP;unicast;client_port=25000", Some(UDP_25000)),
        ("RTP/AVP;multicast;port=5000-5001,RTP/AVP;unicast;client_port=25000-25001", Some(UDP_25000)),
        ("RTP/AVP;client_port=0-1,RTP/AVP/TCP", Some(tcp(0, 1))),
        (
            "RTP/AVP;client_port=65536,RTP/AVP/TCP;interleaved=256-0,RTP/AVP/TCP;interleaved=254-255",
            Some(tcp(254, 255)),
        ),
        ("RTP/AVP;unicast;client_port=25000-25001;mode=record,RTP/AVP/TCP;interleaved=2-3", Some(tcp(2, 3))),
        (&forty, Some(tcp(6, 7))),
        ("RTP/AVP;unicast", None),
        ("RTP/AVP;unicast;client_port=0-1", None),
        ("RTP/AVP/TCP;unicast;interleaved=256-0", None),
        ("RAW/RAW/UDP;unicast;client_port=25000-25001", None),
        (",", None),
        ("nonsense", None),
    ];
    for (transport, expected) in cases {
        let mut peer = Peer::sized(4096, 2048, Config::default());
        let answer = peer.expect(&setup(1, transport), if expected.is_some() { 200 } else { 461 });
        assert_eq!(peer.connection.transport(), expected, "{transport}");
        let answer = header(&answer, "Transport").unwrap_or_default();
        assert!(!answer.contains("destination") && !answer.contains(','), "{answer}");
    }
}

#[test]
fn where_udp_is_forbidden_only_tcp_will_do() {
    let config = Config { udp: false, ..Config::default() };
    let mut peer = Peer::with(config);
    peer.expect(&setup(1, UDP), 461);
    peer.expect(&setup(2, &std::format!("{UDP},RTP/AVP/TCP;interleaved=0-1")), 200);
    assert!(matches!(peer.connection.transport(), Some(MediaTransport::Interleaved { .. })));
}

#[test]
fn a_second_setup_replaces_the_transport_and_keeps_the_session() {
    let mut peer = Peer::new();
    let first = peer.expect(&setup(1, UDP), 200);
    let second = peer.expect(&setup(2, "RTP/AVP/TCP;interleaved=0-1"), 200);
    assert_eq!(header(&first, "Session"), header(&second, "Session"));
    assert!(matches!(peer.connection.transport(), Some(MediaTransport::Interleaved { .. })));
    // One that is refused leaves the session as it is.
    peer.expect(&request("SETUP", "rtsp://127.0.0.1:8554/other", 3, "Transport: RTP/AVP/TCP\r\n"), 404);
    assert_eq!(peer.connection.resource().as_str(), "movie.Mjpeg");
    peer.expect(&with_session("PLAY", 4), 200);
    let answer = peer.expect(&setup(5, UDP), 455);
    assert!(header(&answer, "Allow").is_some_and(|allow| !allow.contains("SETUP")));
}

#[test]
fn only_the_sessions_own_identifier_and_resource_will_do() {
    let mut peer = Peer::new();
    peer.expect(&setup(1, UDP), 200);
    let ids = ["0", "e220a8397b1dcda", "E220A8397B1DCDAF", "+220a8397b1dcdaf", "e220a8397b1dcdaf0", "6e789e6aa1b965f4"];
    for id in ids {
        for method in ["PLAY", "PAUSE", "TEARDOWN", "GET_PARAMETER", "OPTIONS", "DESCRIBE", "SETUP"] {
            let headers = std::format!("Session: {id}\r\nTransport: {UDP}\r\n");
            let answer = peer.expect(&request(method, URL, 2, &headers), 454);
            assert_eq!(header(&answer, "Session"), None);
        }
    }
    for method in ["PLAY", "PAUSE", "TEARDOWN"] {
        peer.expect(&request(method, URL, 3, ""), 454);
        let session = std::format!("Session: {ID}\r\n");
        peer.expect(&request(method, "rtsp://127.0.0.1:8554/other", 4, &session), 404);
        peer.expect(&request(method, &std::format!("{URL}/trackID=1"), 5, &session), 404);
    }
    assert_eq!(peer.connection.state(), State::Ready);
    let session = std::format!("Session: {ID};timeout=60\r\n");
    for (method, url) in [("PLAY", "/"), ("PAUSE", "/trackID=0"), ("PLAY", "/trackID=0"), ("TEARDOWN", "/trackID=0")] {
        peer.expect(&request(method, &std::format!("{URL}{url}"), 6, &session), 200);
    }
}

#[test]
fn play_takes_ranges_it_understands() {
    let npt = |start, end| Some(Range::Npt { start, end });
    let cases = [
        ("", Ok(None)),
        ("Range: npt=2.5-\r\n", Ok(npt(Some(2_500_000), None))),
        ("Range: npt=now-\r\n", Ok(Some(Range::Now))),
        ("Range: npt=1-2\r\n", Ok(npt(Some(1_000_000), Some(2_000_000)))),
        ("Range: npt=2-1\r\n", Err(457)),
        ("Range: npt=now-1\r\n", Err(457)),
        ("Range: npt=1-now\r\n", Err(457)),
        ("Range: frames=1-\r\n", Err(501)),
        ("Range: npt\r\n", Err(400)),
    ];
    for (range, expected) in cases {
        let mut peer = Peer::new();
        peer.expect(&setup(1, UDP), 200);
        peer.events.clear();
        let play = request("PLAY", URL, 2, &std::format!("Session: {ID}\r\n{range}"));
        peer.expect(&play, expected.err().unwrap_or(200));
        assert_eq!(peer.events, Vec::from_iter(expected.ok().map(play_of)));
        if expected.is_ok() {
            // Again, while playing: a seek.
            peer.expect(&play, 200);
            assert_eq!(peer.connection.state(), State::Playing);
        }
    }
}

#[test]
fn a_scale_and_a_speed_that_were_asked_for_are_always_answered() {
    let (double, half_back) = (Scale::from_thousandths(2000).unwrap(), Scale::from_thousandths(-500).unwrap());
    let quadruple = Speed::from_thousandths(4000).unwrap();
    for (headers, done, scale, speed) in [
        ("", (Scale::NORMAL, Speed::NORMAL), None, None),
        ("Scale: 2.0\r\n", (double, Speed::NORMAL), Some("2.0"), None),
        // The server may do something else, and says so.
        ("Scale: 2.0\r\n", (Scale::NORMAL, Speed::NORMAL), Some("1.0"), None),
        ("Speed: 3\r\n", (Scale::NORMAL, quadruple), None, Some("4.0")),
        ("Scale: -0.5\r\nSpeed: 1\r\n", (half_back, Speed::NORMAL), Some("-0.5"), Some("1.0")),
        ("", (double, quadruple), Some("2.0"), Some("4.0")),
    ] {
        let mut peer = Peer::new();
        peer.expect(&setup(1, UDP), 200);
        peer.answers = false;
        peer.feed(request("PLAY", URL, 2, &std::format!("Session: {ID}\r\n{headers}")).as_bytes());
        let answer = Played { scale: done.0, speed: done.1, ..played(1, 1, Range::Now) };
        peer.connection.answer_play(peer.now, answer);
        let answer = peer.sent();
        assert_eq!((header(&answer, "Scale"), header(&answer, "Speed")), (scale, speed), "{headers:?}");
    }
}

#[test]
fn a_scale_or_a_speed_that_is_none_is_a_bad_request_and_backwards_ranges_are_for_negative_scales() {
    for (headers, status) in [
        ("Scale: 0\r\n", 400),
        ("Scale: fast\r\n", 400),
        ("Speed: 0.0\r\n", 400),
        ("Speed: -1\r\n", 400),
        ("Scale: 2\r\nRange: npt=2-1\r\n", 457),
        ("Scale: -1\r\nRange: npt=2-1\r\n", 200),
        ("Scale: -1\r\n", 200),
    ] {
        let mut peer = Peer::new();
        peer.expect(&setup(1, UDP), 200);
        peer.expect(&request("PLAY", URL, 2, &std::format!("Session: {ID}\r\n{headers}")), status);
    }
}

#[test]
fn parameters_are_not_understood_but_their_absence_is() {
    for method in ["GET_PARAMETER", "SET_PARAMETER"] {
        let mut peer = Peer::new();
        let with_body = std::format!("{method} {URL} RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 6\r\n\r\njitter");
        peer.expect(&with_body, 451);
        peer.expect(&setup(2, UDP), 200);
        let answer = peer.expect(&with_session(method, 3), 200);
        assert_eq!(header(&answer, "Session"), Some("e220a8397b1dcdaf;timeout=60"));
    }
}

#[test]
fn after_teardown_the_connection_begins_anew() {
    let mut peer = Peer::new();
    peer.expect(&setup(1, UDP), 200);
    peer.expect(&with_session("PLAY", 2), 200);
    peer.expect(&with_session("TEARDOWN", 3), 200);
    assert_eq!(peer.connection.state(), State::Init);
    assert_eq!(peer.connection.transport(), None);
    assert!(!peer.connection.is_closing());
    peer.expect(&with_session("TEARDOWN", 4), 454);
    peer.expect(&with_session("GET_PARAMETER", 5), 454);
    let answer = peer.expect(&setup(6, UDP), 200);
    assert_eq!(header(&answer, "Session"), Some(std::format!("{SECOND_ID};timeout=60").as_str()));
    peer.expect(&with_session("PLAY", 7), 454);
    assert_eq!(peer.expirations(), 0);
}

#[test]
fn the_end_of_the_stream_makes_the_session_ready_again() {
    let mut peer = Peer::playing();
    peer.connection.handle_end_of_stream(peer.now);
    assert_eq!(peer.connection.state(), State::Ready);
    peer.connection.handle_end_of_stream(peer.now);
    assert_eq!(peer.connection.state(), State::Ready);
    peer.expect(&with_session("PLAY", 3), 200);
    assert_eq!(peer.connection.state(), State::Playing);
}

#[test]
fn a_driver_may_refuse_with_a_sentence() {
    for (reason, expected) in [("no such film\n", Some("13")), ("", None), (&*"x".repeat(5000), None)] {
        let mut peer = Peer::new();
        peer.answers = false;
        peer.feed(request("DESCRIBE", URL, 1, "").as_bytes());
        peer.connection.refuse(peer.now, StatusCode::UNSUPPORTED_MEDIA_TYPE, reason);
        let answer = peer.sent();
        assert_eq!(status_of(&answer), 415);
        assert_eq!(header(&answer, "Content-Length"), expected);
        assert_eq!(answer.ends_with(reason), expected.is_some() || reason.is_empty());
        peer.expect(&request("OPTIONS", "*", 2, ""), 200);
    }
}

#[test]
fn the_longest_answer_fits_the_room_that_is_kept() {
    let name = "n".repeat(255);
    let url = std::format!("rtsp://h/{}", "u".repeat(MAX_URI_LEN - 9));
    let mut peer = Peer::sized(1024, 1024, Config::default());
    peer.answers = false;
    peer.feed(request("SETUP", &url, 1, &std::format!("Transport: {UDP}\r\n")).as_bytes());
    peer.connection.answer_setup(peer.now, (65534, 65535), u32::MAX);
    assert_eq!(status_of(&peer.sent()), 200);
    peer.feed(request("DESCRIBE", &url, u32::MAX, "").as_bytes());
    peer.drive();
    let frame_rate = FrameRate::new(30000, 1001).unwrap();
    let range = Range::Npt { start: Some(u64::MAX), end: Some(u64::MAX) };
    let description =
        Description { name: &name, frame_rate, range, width: u16::MAX, height: u16::MAX, exchange: Exchange::None };
    peer.now = Instant::from_micros(u64::MAX / 2);
    peer.connection.answer_describe(peer.now, &description);
    assert_eq!(status_of(&peer.sent()), 200);
    peer.feed(request("PLAY", &url, u32::MAX, &std::format!("Session: {ID}\r\n")).as_bytes());
    peer.drive();
    peer.connection.answer_play(peer.now, played(u16::MAX, u32::MAX, range));
    assert_eq!(status_of(&peer.sent()), 200);
}

#[test]
fn an_rtptime_of_zero_is_not_told() {
    let mut peer = Peer::new();
    peer.expect(&setup(1, UDP), 200);
    peer.answers = false;
    peer.feed(with_session("PLAY", 2).as_bytes());
    peer.connection.answer_play(peer.now, played(0, 0, Range::Now));
    assert!(peer.sent().contains("seq=0;rtptime=1\r\n"));
}

#[test]
fn the_content_base_names_the_stream_and_ends_in_a_slash() {
    for url in [URL, "rtsp://127.0.0.1:8554/movie.Mjpeg/", "rtsp://127.0.0.1:8554/movie.Mjpeg/trackID=0"] {
        let answer = Peer::new().expect(&request("DESCRIBE", url, 1, ""), 200);
        assert_eq!(header(&answer, "Content-Base"), Some("rtsp://127.0.0.1:8554/movie.Mjpeg/"));
    }
    let answer = Peer::new().expect(&request("DESCRIBE", "rtsp://[::1]/movie.Mjpeg?a=b", 1, ""), 200);
    assert_eq!(header(&answer, "Content-Base"), Some("rtsp://[::1]/movie.Mjpeg/"));
    assert!(answer.contains("c=IN IP6 ::\r\n"));
}
