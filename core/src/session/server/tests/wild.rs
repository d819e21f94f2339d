//! Requests as programs in the wild send them: each is decided here, one to a line. Most come from reports of people whose
//! server refused them, the rest from their neighbourhood.

use super::*;

/// Beginnings of connections, and the status of the answer to each.
#[test]
fn a_first_request_in_any_wording_is_standard_and_has_its_status() {
    for (line, status) in [
        // Port scanners and health checks: a path, a `*`, no number.
        ("OPTIONS / RTSP/1.0\r\nCSeq: 1", 200),
        ("OPTIONS / RTSP/1.0", 200),
        ("OPTIONS * RTSP/1.0\r\nCSeq: 1", 200),
        ("OPTIONS /movie.Mjpeg RTSP/1.0\r\nCSeq: 1", 200),
        ("OPTIONS movie.Mjpeg RTSP/1.0\r\nCSeq: 1", 200),
        ("OPTIONS http://127.0.0.1/ RTSP/1.0\r\nCSeq: 1", 200),
        ("OPTIONS rtsp://127.0.0.1 RTSP/1.0\r\nCSeq: 1", 200),
        ("OPTIONS rtsp://127.0.0.1:8554/not/there RTSP/1.0\r\nCSeq: 1", 200),
        ("OPTIONS / RTSP/1.0\r\nCSeq:", 400),
        ("OPTIONS / RTSP/1.0\r\nCSeq: 1\r\nCSeq: 2", 400),
        ("DESCRIBE / RTSP/1.0\r\nCSeq: 1", 404),
        ("DESCRIBE / RTSP/1.0", 400),
        // Paths without a host.
        ("DESCRIBE /movie.Mjpeg RTSP/1.0\r\nCSeq: 1", 200),
        ("DESCRIBE /movie.Mjpeg/ RTSP/1.0\r\nCSeq: 1", 200),
        ("DESCRIBE //movie.Mjpeg RTSP/1.0\r\nCSeq: 1", 200),
        ("DESCRIBE /../movie.Mjpeg RTSP/1.0\r\nCSeq: 1", 404),
        ("SETUP /movie.Mjpeg/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1", 200),
        ("SETUP /movie.Mjpeg RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1", 200),
        ("PLAY /movie.Mjpeg RTSP/1.0\r\nCSeq: 1", 455),
        // Hosts and schemes as gateways, templates and people write them.
        ("DESCRIBE rtsp:///movie.Mjpeg RTSP/1.0\r\nCSeq: 1", 200),
        ("DESCRIBE rtsp://:8554/movie.Mjpeg RTSP/1.0\r\nCSeq: 1", 200),
        ("DESCRIBE rtsp://h:/movie.Mjpeg RTSP/1.0\r\nCSeq: 1", 200),
        ("DESCRIBE rtsp://h:99999/movie.Mjpeg RTSP/1.0\r\nCSeq: 1", 200),
        ("DESCRIBE rtsp://user:p@ss@h/movie.Mjpeg RTSP/1.0\r\nCSeq: 1", 200),
        ("DESCRIBE rtsps://h:322/movie.Mjpeg RTSP/1.0\r\nCSeq: 1", 200),
        ("DESCRIBE rtspu://h/movie.Mjpeg RTSP/1.0\r\nCSeq: 1", 200),
        ("DESCRIBE RTSP://h/movie.Mjpeg RTSP/1.0\r\nCSeq: 1", 200),
        ("DESCRIBE rtsp://h//movie.Mjpeg RTSP/1.0\r\nCSeq: 1", 200),
        ("DESCRIBE rtsp://h/movie.Mjpeg?channel=1&subtype=0 RTSP/1.0\r\nCSeq: 1", 200),
        ("DESCRIBE rtsp://h/movie.Mjpeg#t=5 RTSP/1.0\r\nCSeq: 1", 200),
        ("DESCRIBE http://h/movie.Mjpeg RTSP/1.0\r\nCSeq: 1", 400),
        // White space where it should not be, and too much of it where it should.
        ("DESCRIBE rtsp://h/my movie.Mjpeg RTSP/1.0\r\nCSeq: 1", 404),
        ("DESCRIBE  rtsp://h/movie.Mjpeg  RTSP/1.0 \r\nCSeq: 1", 200),
        ("DESCRIBE\trtsp://h/movie.Mjpeg\tRTSP/1.0\r\nCSeq: 1", 200),
        ("DESCRIBE rtsp://h/movie.Mjpeg rtsp/1.0\r\nCSeq:1", 200),
        ("DESCRIBE rtsp://h/movie.Mjpeg RTSP/1.0\r\nCSEQ : 1", 200),
        ("DESCRIBE rtsp://h/movie.Mjpeg%zz RTSP/1.0\r\nCSeq: 1", 404),
        // Headers that say nothing.
        ("OPTIONS rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\nSession:", 200),
        ("DESCRIBE rtsp://h/movie.Mjpeg RTSP/1.0\r\nCSeq: 1\r\nSession: \r\nAccept:\r\nRequire:\r\nX:", 200),
        ("GET_PARAMETER rtsp://h/movie.Mjpeg RTSP/1.0\r\nCSeq: 1\r\nSession:", 200),
        ("GET_PARAMETER * RTSP/1.0\r\nCSeq: 1", 200),
        ("SETUP rtsp://h/movie.Mjpeg RTSP/1.0\r\nCSeq: 1\r\nSession:\r\nTransport: RTP/AVP/TCP", 200),
        ("SETUP rtsp://h/movie.Mjpeg RTSP/1.0\r\nCSeq: 1\r\nTransport:", 400),
        ("TEARDOWN rtsp://h/movie.Mjpeg RTSP/1.0\r\nCSeq: 1\r\nSession:", 454),
        // What RFC 2326 has a status for.
        ("options rtsp://h/ RTSP/1.0\r\nCSeq: 1", 501),
        ("REDIRECT rtsp://h/ RTSP/1.0\r\nCSeq: 1", 501),
        ("OPTIONS rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\nRequire: onvif-replay", 551),
        ("OPTIONS rtsp://h/ RTSP/1.1\r\nCSeq: 1", 505),
        ("OPTIONS rtsp://h/ RTSP/2.0\r\nCSeq: 1", 505),
        ("GET / HTTP/1.1\r\nHost: h", 400),
        ("OPTIONS RTSP/1.0\r\nCSeq: 1", 400),
    ] {
        for end in ["\r\n\r\n", "\n\n"] {
            let request = if end == "\n\n" { line.replace("\r\n", "\n") + end } else { line.to_string() + end };
            let mut peer = Peer::new();
            let answer = peer.ask(&request);
            assert_eq!((answer.matches("RTSP/1.0 ").count(), status_of(&answer)), (1, status), "{request:?}: {answer}");
        }
    }
}

#[test]
fn a_range_in_any_wording_plays_or_has_its_status() {
    let npt = |start: Option<u64>, end: Option<u64>| Some(Range::Npt { start, end });
    let from = |millis: u64| Ok(npt(Some(millis * 1000), None));
    for (range, expected) in [
        ("npt=0.000-", from(0)),
        // The example that comes with libcurl.
        ("0.000-", from(0)),
        ("5-", from(5000)),
        ("5", from(5000)),
        ("npt=5", from(5000)),
        ("npt=5.", from(5000)),
        ("npt=.5-", from(500)),
        ("npt=0,5-", from(500)),
        ("npt=0:00:05.5-", from(5500)),
        ("NPT = 5 - ", from(5000)),
        ("npt=-0.000-", from(0)),
        ("npt=5-;time=19970123T153600Z", from(5000)),
        ("npt=5-,npt=7-9", from(5000)),
        ("smpte=0:00:05-", from(5000)),
        ("smpte-25=0:00:05:10-", from(5400)),
        ("npt=99999999999999999999-", Ok(npt(Some(u64::MAX), None))),
        ("npt=1-2", Ok(npt(Some(1_000_000), Some(2_000_000)))),
        ("npt=-5", Ok(npt(None, Some(5_000_000)))),
        ("npt=-", Ok(npt(None, None))),
        ("npt=", Ok(npt(None, None))),
        ("-", Ok(npt(None, None))),
        ("npt=now-", Ok(Some(Range::Now))),
        ("now-", Ok(Some(Range::Now))),
        ("", Ok(None)),
        // Recorders are asked for a time of day.
        ("clock=19961108T142300Z-", Ok(None)),
        ("clock=20240101T000000.5Z-20240101T000100Z", Ok(None)),
        ("clock=2024-01-01T00:00:00Z-", Ok(None)),
        // Times that no medium has.
        ("npt=-5-", Err(457)),
        ("npt=-5-10", Err(457)),
        ("npt=5--1", Err(457)),
        ("npt=10-5", Err(457)),
        ("npt=5-5", Err(457)),
        ("npt=0-0", Err(457)),
        ("0.000-0.000", Err(457)),
        ("npt=now-5", Err(457)),
        ("npt=5-now", Err(457)),
        // What is no time.
        ("npt", Err(400)),
        ("npt:0-", Err(400)),
        ("npt=x-", Err(400)),
        ("npt=1:02-", Err(400)),
        ("npt=1:60:00-", Err(400)),
        ("clock=yesterday", Err(400)),
        ("smpte=5-", Err(400)),
        ("bytes=0-", Err(501)),
        ("smpte-60=0:00:05-", Err(501)),
    ] {
        let mut peer = Peer::new();
        peer.expect(&setup(1, UDP), 200);
        peer.events.clear();
        let play = request("PLAY", URL, 2, &std::format!("Session: {ID}\r\nRange: {range}\r\n"));
        assert_eq!(status_of(&peer.ask(&play)), expected.err().unwrap_or(200), "{range:?}");
        assert_eq!(peer.events, Vec::from_iter(expected.ok().map(play_of)), "{range:?}");
    }
}

#[test]
fn a_transport_in_any_wording_is_served_as_it_is_meant() {
    let udp = |rtp_port, rtcp_port| Some(MediaTransport::Udp { rtp_port, rtcp_port });
    let tcp = |rtp_channel, rtcp_channel| Some(MediaTransport::Interleaved { rtp_channel, rtcp_channel });
    for (transport, expected, answered) in [
        ("RTP/AVP;unicast;client_port=25000-25001", udp(25000, 25001), "client_port=25000-25001"),
        ("RTP/AVP;unicast;client_port=57228-53853", udp(57228, 53853), "client_port=57228-53853"),
        ("RTP/AVP;unicast;client_port=25001-25000", udp(25001, 25000), "client_port=25001-25000"),
        ("RTP/AVP;unicast;client_port=1024-65535", udp(1024, 65535), "client_port=1024-65535"),
        ("RTP/AVP;unicast;client_port=25000-25000", udp(25000, 25000), "client_port=25000-25000"),
        ("RTP/AVP;unicast;client_port=25001", udp(25001, 25002), "client_port=25001-25002"),
        ("RTP/AVP;unicast;client_port=25001-", udp(25001, 25002), "client_port=25001-25002"),
        ("RTP/AVP;unicast;client_port=65535", udp(65535, 0), "client_port=65535-0"),
        ("RTP/AVP;unicast;client_port=25000-0", udp(25000, 0), "client_port=25000-0"),
        ("rtp/avp;UNICAST;Client_Port = 25000 - 25001", udp(25000, 25001), "client_port=25000-25001"),
        ("RTP/AVP;client_port=25000-25001;mode=", udp(25000, 25001), "client_port=25000-25001"),
        ("RTP/AVP;client_port=25000-25001;mode=\"PLAY\";;", udp(25000, 25001), "client_port=25000-25001"),
        ("RTP/AVP;unicast;client_port=0-1", None, ""),
        ("RTP/AVP;unicast;client_port=53-54", None, ""),
        ("RTP/AVP;unicast;client_port=1022-1024", None, ""),
        ("RTP/AVP;unicast;client_port=25000-123", None, ""),
        ("RTP/AVP;unicast;client_port=1900-1901", None, ""),
        ("RTP/AVP;unicast;client_port=5352-5353", None, ""),
        (
            "RTP/AVP;unicast;client_port=11211, RTP/AVP;unicast;client_port=25000",
            udp(25000, 25001),
            "client_port=25000-25001",
        ),
        ("RTP/AVP;unicast;client_port=65536-65537", None, ""),
        ("RTP/AVP;unicast", None, ""),
        ("RTP/AVP/TCP", tcp(0, 1), "interleaved=0-1"),
        ("RTP/AVP/TCP;unicast;interleaved=4", tcp(4, 5), "interleaved=4-5"),
        ("RTP/AVP/TCP;unicast;interleaved=1-0", tcp(1, 0), "interleaved=1-0"),
        ("RTP/AVP/TCP;unicast;interleaved=255-0", tcp(255, 0), "interleaved=255-0"),
        ("RTP/AVP;unicast;interleaved=2-3", tcp(2, 3), "RTP/AVP/TCP;unicast;interleaved=2-3"),
        ("RTP/AVP/TCP;unicast;interleaved=0-256", None, ""),
        ("RTP/AVPF;unicast;client_port=1-2, RTP/AVP/TCP;unicast", tcp(0, 1), "interleaved=0-1"),
    ] {
        let mut peer = Peer::new();
        let answer = peer.expect(&setup(1, transport), if expected.is_some() { 200 } else { 461 });
        assert_eq!(peer.connection.transport(), expected, "{transport}");
        assert!(header(&answer, "Transport").unwrap_or_default().contains(answered), "{transport}: {answer}");
    }
}

#[test]
fn a_client_that_mixes_ways_to_write_a_url_has_one_session() {
    for (one, other) in [
        ("rtsp://h/movie.Mjpeg/trackID=0", "rtsp://h/movie%2EMjpeg"),
        ("/movie.Mjpeg", "rtsp://127.0.0.1:8554/movie.Mjpeg/"),
        ("rtsp://h/movie%2eMjpeg/trackID=0?x", "/movie.Mjpeg/trackID=0"),
    ] {
        let mut peer = Peer::new();
        peer.expect(&request("SETUP", one, 1, &std::format!("Transport: {UDP}\r\n")), 200);
        let session = std::format!("Session: {ID}\r\n");
        let answer = peer.expect(&request("PLAY", other, 2, &session), 200);
        assert!(answer.contains(&std::format!("RTP-Info: url={one};seq=7")), "{answer}");
        peer.expect(&request("TEARDOWN", other, 3, &session), 200);
    }
}

#[test]
fn what_is_made_of_a_url_is_one_and_a_path_makes_none() {
    for (url, base) in [
        ("rtsp://h/movie.Mjpeg", Some("rtsp://h/movie.Mjpeg/")),
        ("rtsp://h/movie.Mjpeg/trackID=0", Some("rtsp://h/movie.Mjpeg/")),
        ("/movie.Mjpeg", None),
    ] {
        let answer = Peer::new().expect(&request("DESCRIBE", url, 1, ""), 200);
        assert_eq!(header(&answer, "Content-Base"), base, "{url}");
    }
    let mut peer = Peer::new();
    peer.answers = false;
    peer.feed(request("DESCRIBE", "rtsp://h/my movie", 1, "").as_bytes());
    assert!(peer.connection.resource().names("my movie"));
    peer.connection.answer_describe(peer.now, &MOVIE);
    assert_eq!(header(&peer.sent(), "Content-Base"), Some("rtsp://h/my%20movie/"));
}

#[test]
fn a_connection_that_is_to_close_closes_behind_the_answer() {
    let cases = [
        ("OPTIONS", "Connection: close\r\n", 200),
        ("OPTIONS", "Connection: Keep-Alive, Close\r\n", 200),
        ("DESCRIBE", "Connection: close\r\n", 200),
        ("PLAY", "Connection: close\r\n", 455),
        ("NONSENSE", "Connection: close\r\n", 501),
    ];
    for (method, headers, status) in cases {
        let mut peer = Peer::new();
        let ask = request(method, URL, 1, headers) + &request("OPTIONS", "*", 2, "");
        let answer = peer.expect(&ask, status);
        assert_eq!(header(&answer, "Connection"), Some("close"), "{method}");
        assert!(peer.connection.is_closing());
        assert_eq!(peer.expirations(), 0);
    }
    // A session goes with its connection, whether it was there or just made.
    for method in ["SETUP", "TEARDOWN", "PLAY", "PAUSE", "GET_PARAMETER"] {
        let mut peer = Peer::new();
        peer.expect(&setup(1, UDP), 200);
        peer.events.clear();
        let headers = std::format!("Session: {ID}\r\nTransport: {UDP}\r\nConnection: close\r\n");
        let answer = peer.expect(&request(method, URL, 2, &headers), 200);
        assert_eq!(header(&answer, "Connection"), Some("close"), "{method}");
        assert!(peer.connection.is_closing());
        assert_eq!(peer.expirations(), usize::from(method != "TEARDOWN"), "{method}");
    }
    let mut peer = Peer::new();
    let answer = peer.expect(&request("OPTIONS", "*", 1, "Connection: keep-alive\r\n"), 200);
    assert_eq!((header(&answer, "Connection"), peer.connection.is_closing()), (None, false));
    let mut peer = Peer::new();
    peer.feed(b"SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000\nConnection: close\n\n");
    peer.pass(Duration::from_millis(50));
    assert_eq!(status_of(&peer.sent()), 200);
    assert!(peer.connection.is_closing());
    assert_eq!(peer.expirations(), 1);
}
