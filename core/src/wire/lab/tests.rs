//! Requests and replies as copies of the exercise write them.

use super::*;
use crate::time::Duration;
use proptest::prelude::*;
use std::format;
use std::string::String;
use std::vec::Vec;

const SETUP: &str = "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000";
const PLAY: &str = "PLAY movie.Mjpeg RTSP/1.0\nCSeq: 2\nSession: 123456";
const PAUSE: &str = "PAUSE movie.Mjpeg RTSP/1.0\nCSeq: 3\nSession: 123456";
const TEARDOWN: &str = "TEARDOWN movie.Mjpeg RTSP/1.0\nCSeq: 4\nSession: 123456";
const REPLY: &str = "RTSP/1.0 200 OK\nCSeq: 1\nSession: 123456\n\n";

fn complete(input: &str) -> (Request<'_>, usize) {
    match parse_request(input.as_bytes()) {
        Parsed::Complete(request, len) => (request, len),
        other => panic!("{input:?}: {other:?}"),
    }
}

fn pending(input: &str) -> Request<'_> {
    match parse_request(input.as_bytes()) {
        Parsed::Pending(request, len) if len == input.len() => request,
        other => panic!("{input:?}: {other:?}"),
    }
}

#[test]
fn the_first_line_tells_the_dialect() {
    for line in [
        "SETUP movie.Mjpeg RTSP/1.0",
        "PLAY movie.Mjpeg RTSP/1.0\r\n",
        "DESCRIBE x RTSP/1.0",
        "SETUP my movie.Mjpeg RTSP/1.0",
        "FORWARD movie.Mjpeg RTSP/1.0CSeq: 3",
        "PLAY  RTSP/1.0",
        "SETUP movie.Mjpeg",
        "PLAY ",
    ] {
        assert!(is_lab(line.as_bytes()), "{line:?}");
    }
    for line in [
        "SETUP rtsp://h/movie.Mjpeg RTSP/1.0",
        "OPTIONS * RTSP/1.0",
        "OPTIONS / RTSP/1.0",
        "OPTIONS movie.Mjpeg RTSP/1.0",
        "DESCRIBE /x RTSP/1.0",
        "SETUP /x/trackID=0 RTSP/1.0",
        "SETUP movie.Mjpeg RTSP/2.0",
        "SETUP movie.Mjpeg HTTP/1.0",
        "SETUP rtsp://h/x",
        "GET / HTTP/1.1",
        "GET /",
        "SETUP movie.MjpegRTSP/1.0",
        "RTSP/1.0 200 OK",
        "",
    ] {
        assert!(!is_lab(line.as_bytes()), "{line:?}");
    }
    assert!(!is_lab(b"SETUP \xff RTSP/1.0"));
    assert_eq!(detect(b"\r\nPLAY x RTSP/1.0\n"), Some(true));
    assert_eq!(detect(b"PLAY rtsp://h/x RTSP/1.0\r\n"), Some(false));
    for (input, expected) in [
        ("SETUP /x RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000", Some(true)),
        ("SETUP /x RTSP/1.0\r\nTRANSPORT: TCP/UDP ;client_port=25000\r\n", Some(true)),
        ("SETUP /x RTSP/1.0\nTransport: RTP/AVP;unicast;client_port=25000-25001", Some(false)),
        ("SETUP /x RTSP/1.0\nTransport: RTP/AVP/TCP\n", Some(false)),
        ("SETUP /x RTSP/1.0\nCSeq: 1\n\nTransport: RTP/UDP;", Some(false)),
        ("SETUP /x RTSP/1.0\r\nCSeq: 1\r\n\r\n", Some(false)),
        ("PLAY /x RTSP/1.0\n", Some(false)),
    ] {
        assert_eq!(detect(input.as_bytes()), expected, "{input:?}");
        for n in 0..input.len() {
            let found = detect(&input.as_bytes()[..n]);
            assert!(found.is_none() || found == expected, "{n} bytes of {input:?}");
        }
    }
    assert_eq!(detect(b"PLAY x RTSP/1.0"), None);
}

#[test]
fn the_classic_requests_are_whole_once_nothing_follows() {
    let setup = pending(SETUP);
    assert_eq!((setup.method, setup.file.as_str()), (Method::Setup, "movie.Mjpeg"));
    assert_eq!((setup.cseq, setup.session, setup.client_port), (Some(1), None, Some(25000)));
    for (text, method, cseq) in [(PLAY, Method::Play, 2), (PAUSE, Method::Pause, 3), (TEARDOWN, Method::Teardown, 4)] {
        let request = pending(text);
        assert_eq!((request.method, request.file.as_str()), (method, "movie.Mjpeg"));
        assert_eq!((request.cseq, request.session, request.client_port), (Some(cseq), Some("123456"), None));
    }
}

#[test]
fn every_spelling_of_the_transport_is_read() {
    for transport in [
        "Transport: RTP/UDP; client_port= 25000",
        "Transport: RTP/UDP; client_port=25000",
        "Transport: RTP/UDP;client_port=25000\n",
        "Transport: TCP/UDP ; client_port = 25000\n",
        "TRANSPORT: RTP/UDP; Client_port= 25000",
        "Transport: RTP/AVP;unicast;client_port=25000-25001",
        "transport:RTP/UDP client_port=\"25000\"",
        "Transport: RTP/AVP;mode=play;client_port=25000;x=y",
    ] {
        for end in ["\n", "\r\n"] {
            let text = format!("SETUP a RTSP/1.0{end}CSeq: 1{end}{transport}");
            assert_eq!(pending(&text).client_port, Some(25000), "{text:?}");
        }
    }
    for transport in ["RTP/UDP", "", "client_port", "client_port=", "=", "client_port=0", "x_client_port= 65536"] {
        let text = format!("SETUP a RTSP/1.0\nCSeq: 1\nTransport: {transport}");
        assert_eq!(pending(&text).client_port, None, "{text:?}");
    }
}

#[test]
fn requests_end_at_a_blank_line_or_where_the_next_one_begins() {
    let (play, len) = complete("\n\nPLAY a RTSP/1.0\r\nCSeq: 2\r\nSession: 7\r\n\r\nrest");
    assert_eq!((play.cseq, play.session, len), (Some(2), Some("7"), 42));
    assert_eq!(play.headers.first("session"), Some("7"));

    for separator in ["\n", "", "\r\n"] {
        let text = [SETUP, PLAY, PAUSE, TEARDOWN].join(separator);
        let mut at = 0;
        for alone in [SETUP, PLAY, PAUSE] {
            let (request, len) = complete(&text[at..]);
            let expected = pending(alone);
            assert_eq!((request.method, request.cseq), (expected.method, expected.cseq));
            assert_eq!((request.session, request.client_port), (expected.session, expected.client_port));
            at += len;
        }
        assert_eq!(pending(&text[at..]).method, Method::Teardown);
    }
}

#[test]
fn the_broken_order_of_the_oldest_copies_is_read() {
    let text = "SETUP movie.Mjpeg\n1\n RTSP/1.0 RTP/UDP 25000";
    let setup = pending(text);
    assert_eq!((setup.method, setup.file.as_str()), (Method::Setup, "movie.Mjpeg"));
    assert_eq!((setup.cseq, setup.client_port), (Some(1), Some(25000)));

    let play = pending("PLAY \n2");
    assert_eq!((play.method, play.file.as_str(), play.cseq), (Method::Play, "", Some(2)));
    let (play, len) = complete("PLAY \n2PAUSE \n3");
    assert_eq!((play.cseq, len), (Some(2), 7));
}

#[test]
fn extra_methods_and_stray_lines_do_no_harm() {
    let request = pending("FORWARD my movie.Mjpeg RTSP/1.0CSeq: 3\nSession: 5\n2\nRange: npt = 4 -");
    assert_eq!((request.method, request.file.as_str()), (Method::Other("FORWARD"), "my movie.Mjpeg"));
    assert_eq!((request.cseq, request.session), (Some(3), Some("5")));
    assert_eq!(request.headers.first("range"), Some("npt = 4 -"));
}

#[test]
fn a_request_without_a_usable_number_says_so() {
    for header in ["", "CSeq: x\n", "CSeq: -1\n", "CSeq: 4294967296\n", "CSeq:\n"] {
        assert_eq!(complete(&format!("PLAY a RTSP/1.0\n{header}\n")).0.cseq, None, "{header:?}");
    }
    assert_eq!(parse_request(b"PLAY a RTSP/1.0\nSession: 1\n"), Parsed::Incomplete);
    assert_eq!(complete("PLAY a RTSP/1.0\nCSeq: 1\nCSeq: 2\n\n").0.cseq, Some(1));
}

#[test]
fn what_is_not_of_this_dialect_is_malformed() {
    let cases: [(&[u8], ErrorKind, u16); 6] = [
        (b"PLAY rtsp://h/x RTSP/1.0\n", ErrorKind::StartLine, 0),
        (b"\nGET / HTTP/1.1\n", ErrorKind::StartLine, 1),
        (b"PLAY \x00", ErrorKind::Encoding, 5),
        (b"PLAY \xff", ErrorKind::Encoding, 5),
        (b"PLAY a RTSP/1.0\nCSeq: 1\x07", ErrorKind::Header, 23),
        (b"PLAY a RTSP/1.0\nCSeq: 1\rX", ErrorKind::Header, 23),
    ];
    for (input, kind, at) in cases {
        assert_eq!(parse_request(input), Parsed::Malformed(Error { kind, at }), "{input:?}");
    }
    let long = format!("PLAY {}", "x".repeat(MAX_LINE));
    let Parsed::Malformed(error) = parse_request(long.as_bytes()) else { panic!() };
    assert_eq!(error.kind, ErrorKind::TooLarge);
}

#[test]
fn a_reply_is_written_as_the_students_client_splits_it() {
    let mut buffer = [0; 64];
    let len = emit_reply(&mut buffer, StatusCode::OK, 1, 123_456, More::Nothing).unwrap();
    assert_eq!(&buffer[..len], REPLY.as_bytes());
    let len = emit_reply(&mut buffer, StatusCode::NOT_FOUND, 7, 0, More::Nothing).unwrap();
    assert_eq!(&buffer[..len], b"RTSP/1.0 404 Not Found\nCSeq: 7\nSession: 0\n\n");
    assert_eq!(emit_reply(&mut buffer[..REPLY.len() - 1], StatusCode::OK, 1, 123_456, More::Nothing), Err(Full));
}

#[test]
fn requests_are_written_as_the_students_client_does() {
    let mut buffer = [0; 128];
    let len = emit_setup(&mut buffer, "movie.Mjpeg", 1, 25000, Wording::default()).unwrap();
    assert_eq!(&buffer[..len], SETUP.as_bytes());
    for text in [PLAY, PAUSE, TEARDOWN] {
        let request = pending(text);
        let (cseq, session) = (request.cseq.unwrap(), request.session.unwrap());
        let len = emit_request(&mut buffer, request.method, request.file.as_str(), cseq, session).unwrap();
        assert_eq!(&buffer[..len], text.as_bytes());
    }
    let len = emit_connect(&mut buffer, 1, 25000).unwrap();
    assert_eq!(&buffer[..len], b"CONNECT RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000");
    let connect = pending("CONNECT RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000");
    assert_eq!((connect.method.name(), connect.file.as_str(), connect.client_port), ("CONNECT", "", Some(25000)));
    let len = emit_request(&mut buffer, Method::Play, "a\nb", 1, "1\r\n2").unwrap();
    assert_eq!(&buffer[..len], b"PLAY a b RTSP/1.0\nCSeq: 1\nSession: 1  2");
}

#[test]
fn replies_are_read_with_and_without_an_end() {
    let reply = |status, cseq, session| Reply { status: StatusCode(status), cseq, session, length: Length::default() };
    let ok = reply(200, Some(1), Some("123456"));
    let cases = [
        (REPLY, Parsed::Complete(ok, 40)),
        (&REPLY[..40], Parsed::Complete(ok, 40)),
        (&REPLY[..39], Parsed::Pending(ok, 39)),
        ("\nRTSP/1.0 200 OK\r\nCSeq: 1\r\nSession: 123456\r", Parsed::Pending(ok, 43)),
        ("RTSP/1.0 200 OK\nCSeq: 1\nSession: 123456RTSP/1.0 ", Parsed::Complete(ok, 39)),
        ("TotalTime: 5\nRTSP/1.0 200 OK\nCSeq: 1\nSession: 123456\n", Parsed::Complete(ok, 53)),
        ("TotalTime: 5RTSP/1.0 200 OK\nCSeq: 1\nSession: 123456\n", Parsed::Complete(ok, 52)),
        ("RTSP/1.0 404 NOT FOUND\nCSeq: 1\n", Parsed::Pending(reply(404, Some(1), None), 31)),
        ("RTSP/1.0 404 NOT FOUND\nCSeq: 1\n\n", Parsed::Complete(reply(404, Some(1), None), 32)),
        ("RTSP/1.0 500 CONNECTION ERROR", Parsed::Pending(reply(500, None, None), 29)),
        ("RTSP/1.0 404", Parsed::Pending(reply(404, None, None), 12)),
        ("RTSP/1.0 40", Parsed::Incomplete),
        ("RTSP/", Parsed::Incomplete),
        ("hello\n", Parsed::Incomplete),
        ("", Parsed::Incomplete),
        ("RTSP/1.0 OK\n", Parsed::Malformed(Error { kind: ErrorKind::StartLine, at: 0 })),
        ("\0", Parsed::Malformed(Error { kind: ErrorKind::Encoding, at: 0 })),
    ];
    for (text, expected) in cases {
        assert_eq!(parse_reply(text.as_bytes()), expected, "{text:?}");
    }
}

#[test]
fn the_length_is_read_behind_the_third_line_and_what_may_go_on_is_waited_for() {
    let told = Length { frames: Some(500), time: Some(Duration::from_millis(20_830)) };
    let of = |time: u64| Length { frames: Some(500), time: Some(Duration::from_millis(time)) };
    let head = "RTSP/1.0 200 OK\nCSeq: 1\nSession: 123456\n";
    for (more, length, len) in [
        ("TotalTime: 20.83\nFrames: 500\nX-TotalFrames: 500\n\n", told, Some(48)),
        ("Frames: 500\nTotalTime: 20.83\n", told, Some(29)),
        ("Frames: 500", of(20_000), None),
        ("TTtime: 500\nRTSP/1.0 200 OK", of(25_000), Some(12)),
        ("\nstream=video\nNumFrame=500\n", Length::default(), Some(0)),
        ("Hello: x\nFrames: 5\n", Length::default(), Some(0)),
        ("Tot", Length::default(), None),
    ] {
        let text = [head, more].concat();
        let reply = Reply { status: StatusCode::OK, cseq: Some(1), session: Some("123456"), length };
        let expected = match len {
            Some(len) => Parsed::Complete(reply, head.len() + len),
            None => Parsed::Pending(reply, text.len()),
        };
        assert_eq!(parse_reply(text.as_bytes()), expected, "{more:?}");
    }
}

#[test]
fn any_method_is_known_on_a_connection_of_the_broken_order() {
    for (text, method, file, cseq) in [
        ("FASTFORWARD \n 3", "FASTFORWARD", "", 3),
        ("REWIND\n4", "REWIND", "", 4),
        ("SPEEDUP my movie.Mjpeg\n 6", "SPEEDUP", "my movie.Mjpeg", 6),
        ("PLAY \n 2", "PLAY", "", 2),
    ] {
        match parse_request_in(text.as_bytes(), Layout::BrokenOrder) {
            Parsed::Pending(request, len) => {
                assert_eq!((request.method.name(), request.file.as_str(), request.cseq), (method, file, Some(cseq)));
                assert_eq!((request.layout, len), (Layout::BrokenOrder, text.len()));
            }
            other => panic!("{text:?}: {other:?}"),
        }
    }
    assert!(matches!(parse_request(b"REWIND \n 4"), Parsed::Malformed(_)), "elsewhere it is not");
    let twice = b"PLAY movie.Mjpeg\n 2PLAY movie.Mjpeg\n 2";
    let Parsed::Complete(first, 19) = parse_request_in(twice, Layout::BrokenOrder) else { panic!() };
    assert_eq!(first.cseq, Some(2));
}

#[cfg(feature = "lab")]
#[test]
fn a_file_behind_a_scheme_is_one_where_transport_says_so() {
    let setup = "SETUP rtsp://movie.mjpeg RTSP/1.0\r\nCSeq: 0\r\nTransport: RTP/UDP;client_port=25000\r\n";
    assert_eq!(detect(setup.as_bytes()), Some(true));
    let request = pending(setup);
    assert_eq!((request.layout, request.file.as_str()), (Layout::Url, "movie.mjpeg"));
    assert_eq!((request.cseq, request.client_port), (Some(0), Some(25000)));
    let play = pending("PLAY rtsp://movie.mjpeg RTSP/1.0\r\nCSeq: 1\r\nSession: 123456\r\n");
    assert_eq!((play.method, play.file.as_str(), play.session), (Method::Play, "movie.mjpeg", Some("123456")));
    for standard in [
        "SETUP rtsp://10.0.0.1/movie RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/UDP;client_port=25000\r\n",
        "SETUP rtsp://10.0.0.1 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP;unicast;client_port=25000-25001\r\n",
        "PLAY rtsp://movie.mjpeg RTSP/1.0\r\n",
    ] {
        assert_eq!(detect(standard.as_bytes()), Some(false), "{standard:?}");
    }
}

#[test]
fn a_prefix_is_never_a_complete_message() {
    let text = [SETUP, PLAY].join("\n");
    let (_, len) = complete(&text);
    let second_line = len + PLAY.find('\n').unwrap();
    for n in 0..second_line {
        match parse_request(&text.as_bytes()[..n]) {
            Parsed::Complete(_, end) => assert!(end == len && text[len..n].contains("RTSP/1."), "{n}"),
            Parsed::Malformed(error) => panic!("{n}: {error:?}"),
            _ => {}
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        input in prop_like(), raw in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        for input in [&input, &raw] {
            if let Parsed::Complete(_, len) | Parsed::Pending(_, len) = parse_request(input) {
                prop_assert!(len > 0 && len <= input.len());
            }
            if let Parsed::Complete(_, len) | Parsed::Pending(_, len) = parse_reply(input) {
                prop_assert!(len > 0 && len <= input.len());
            }
            let _ = detect(input);
        }
    }

    #[test]
    fn what_is_written_is_read_back(
        file in "[!-)+-.0->@-~]{1,20}", cseq: u32, port in 1u16.., session in "[0-9]{1,9}",
    ) {
        let mut buffer = [0; 128];
        let len = emit_setup(&mut buffer, &file, cseq, port, Wording::default()).unwrap();
        let text = String::from_utf8_lossy(&buffer[..len]).into_owned();
        let request = pending(&text);
        prop_assert_eq!((request.cseq, request.client_port), (Some(cseq), Some(port)));
        let len = emit_request(&mut buffer, Method::Play, &file, cseq, &session).unwrap();
        let text = String::from_utf8_lossy(&buffer[..len]).into_owned();
        prop_assert_eq!(pending(&text).session, Some(&*session));
    }
}

/// Random bytes that often get past the first line.
fn prop_like() -> impl Strategy<Value = Vec<u8>> {
    let pieces: [&[u8]; 12] = [
        b"SETUP ",
        b"PLAY ",
        b"a.Mjpeg",
        b" RTSP/1.0",
        b"\n",
        b"\r\n",
        b"CSeq: 1",
        b"Session: 9",
        b"Transport: RTP/UDP; client_port= 1",
        b"RTSP/1.0 200 OK",
        b"\xff",
        b"7",
    ];
    let piece = prop::sample::select(pieces.to_vec());
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}
