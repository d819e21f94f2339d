//! Broken and hostile input. The server answers each with a clear status, and two viewers that play meanwhile notice nothing.

use mutoscope::session::State;
use mutoscope::time::Duration;
use mutoscope_tests::hostile_scene::{HostileScene, URL};

const UDP: &str = "Transport: RTP/AVP;unicast;client_port=25000-25001\r\n";
const TCP: &str = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";

/// The fate of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// It stays open: the server answers a further OPTIONS.
    Open,
    /// The server closes it.
    Closed,
}
use Then::{Closed, Open};

/// A name, the texts that are sent one after the other (`{S}` stands for the session), the status codes of the answers, and the
/// end.
type Case = (&'static str, Vec<Vec<u8>>, Vec<u16>, Then);

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn request(method: &str, uri: &str, headers: &str) -> Vec<u8> {
    format!("{method} {uri} RTSP/1.0\r\n{headers}\r\n").into_bytes()
}

/// A request with CSeq 7 and these headers.
fn ask(method: &str, headers: &str) -> Vec<u8> {
    request(method, URL, &format!("CSeq: 7\r\n{headers}"))
}

fn in_session(method: &str, headers: &str) -> Vec<u8> {
    ask(method, &format!("Session: {{S}}\r\n{headers}"))
}

fn setup(transport: &str) -> Vec<u8> {
    ask("SETUP", &format!("Transport: {transport}\r\n"))
}

fn one(name: &'static str, bytes: impl Into<Vec<u8>>, status: u16, then: Then) -> Case {
    (name, vec![bytes.into()], vec![status], then)
}

fn cases() -> Vec<Case> {
    let long = |n: usize| "x".repeat(n);
    let alternatives = |last: &str| {
        let mut list: Vec<_> = (0..39).map(|n| format!("RAW/RAW/UDP;unicast;client_port={}", 1000 + n)).collect();
        list.push(last.to_owned());
        setup(&list.join(","))
    };
    let mut cases = vec![
        // Sequence numbers.
        one("no CSeq", request("DESCRIBE", URL, ""), 400, Open),
        one("OPTIONS without CSeq", request("OPTIONS", URL, ""), 200, Open),
        one("an empty CSeq", request("OPTIONS", URL, "CSeq:\r\n"), 400, Open),
        one("two CSeq that differ", request("OPTIONS", URL, "CSeq: 1\r\nCSeq: 2\r\n"), 400, Open),
        one("the same CSeq twice", request("OPTIONS", URL, "CSeq: 1\r\nCSeq: 1\r\n"), 200, Open),
        one("a CSeq of 2^32", request("OPTIONS", URL, "CSeq: 4294967296\r\n"), 400, Open),
        one("a CSeq of 2^32 - 1", request("OPTIONS", URL, "CSeq: 4294967295\r\n"), 200, Open),
        one("a CSeq of 100 digits", request("OPTIONS", URL, &format!("CSeq: {}\r\n", "9".repeat(100))), 400, Open),
        one("a negative CSeq", request("OPTIONS", URL, "CSeq: -1\r\n"), 400, Open),
        one("a CSeq with NUL", request("OPTIONS", URL, "CSeq: 1\0\r\n"), 400, Closed),
        // Bodies.
        one("Content-Length -1", ask("SET_PARAMETER", "Content-Length: -1\r\n"), 400, Closed),
        one("Content-Length 2^31", ask("SET_PARAMETER", "Content-Length: 2147483648\r\n"), 413, Closed),
        one("Content-Length 2^64", ask("SET_PARAMETER", "Content-Length: 18446744073709551616\r\n"), 413, Closed),
        one("longer than the buffer", ask("SET_PARAMETER", "Content-Length: 5000\r\n"), 413, Closed),
        one("two lengths", ask("SET_PARAMETER", "Content-Length: 1\r\nContent-Length: 2\r\n"), 400, Closed),
        one("no number", ask("SET_PARAMETER", "Content-Length: 1x\r\n"), 400, Closed),
        one("a body without a type", [&ask("SET_PARAMETER", "Content-Length: 3\r\n")[..], b"a:b"].concat(), 451, Open),
        // Lines and headers.
        one("a line of 5,000 bytes", ask("OPTIONS", &format!("X: {}\r\n", long(5000))), 413, Closed),
        one("a name of 5,000 bytes", ask("OPTIONS", &format!("{}: x\r\n", long(5000))), 413, Closed),
        one("a method of 5,000 bytes", request(&long(5000), URL, "CSeq: 7\r\n"), 413, Closed),
        one("120 headers", ask("OPTIONS", &"X: y\r\n".repeat(120)), 413, Closed),
        one("folded headers", ask("OPTIONS", "X: y\r\n z\r\n"), 400, Closed),
        one("no colon", ask("OPTIONS", "nonsense\r\n"), 400, Closed),
        one("an empty name", ask("OPTIONS", ": x\r\n"), 400, Closed),
        one("a header without a value", ask("OPTIONS", "X:\r\n"), 200, Open),
        one(
            "an authorization without its last quote",
            ask("OPTIONS", "Authorization: Digest username=\"x\r\n"),
            200,
            Open,
        ),
        one("authorizations", ask("OPTIONS", &"Authorization: Basic Og==\r\n".repeat(20)), 200, Open),
        one(
            "authorizations that differ",
            ask("OPTIONS", "Authorization: Digest a=b\r\nAuthorization: Basic x\r\n"),
            200,
            Open,
        ),
        one(
            "an authorization of 64 KB",
            ask("DESCRIBE", &format!("Authorization: Digest {}\r\n", long(65_536))),
            413,
            Closed,
        ),
        one(
            "authorizations of 64 KB",
            ask("DESCRIBE", &"Authorization: Digest username=\"x\"\r\n".repeat(1900)),
            413,
            Closed,
        ),
        one("line ends of LF alone", format!("OPTIONS {URL} RTSP/1.0\nCSeq: 7\n\n"), 200, Open),
        one("line ends of both kinds", format!("OPTIONS {URL} RTSP/1.0\r\nCSeq: 7\n\r\n"), 200, Open),
        one("blank lines first", [b"\r\n\r\n\n", &ask("OPTIONS", "")[..]].concat(), 200, Open),
        one("required extensions", ask("OPTIONS", "Require: implicit-play\r\n"), 551, Open),
        one("an unknown method", ask("RECORD", ""), 501, Open),
        one("a method in small letters", ask("options", ""), 501, Open),
        one("another kind of description", ask("DESCRIBE", "Accept: text/html\r\n"), 406, Open),
        // Other protocols, other versions.
        one("HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400, Closed),
        one("an HTTP tunnel", "GET /x HTTP/1.0\r\nx-sessioncookie: 1\r\n\r\n", 400, Closed),
        one("RTSP/2.0", format!("OPTIONS {URL} RTSP/2.0\r\nCSeq: 7\r\n\r\n"), 505, Closed),
        one("RTSP/0.9", format!("OPTIONS {URL} RTSP/0.9\r\nCSeq: 7\r\n\r\n"), 505, Closed),
        one("TLS", &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n"[..], 400, Closed),
        one("an answer first", [b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n", &ask("OPTIONS", "")[..]].concat(), 200, Open),
        // Resources.
        one("NUL in the URI", request("DESCRIBE", "rtsp://10.0.0.1/mo\0vie", "CSeq: 7\r\n"), 400, Closed),
        one("NUL encoded", request("DESCRIBE", "rtsp://10.0.0.1/movie.Mjpeg%00", "CSeq: 7\r\n"), 404, Open),
        one("..", request("DESCRIBE", "rtsp://10.0.0.1/../movie.Mjpeg", "CSeq: 7\r\n"), 404, Open),
        one(".. encoded", request("DESCRIBE", "rtsp://10.0.0.1/%2e%2e/%2E%2E/etc/passwd", "CSeq: 7\r\n"), 404, Open),
        one("a slash encoded", request("DESCRIBE", "rtsp://10.0.0.1/..%2fmovie.Mjpeg", "CSeq: 7\r\n"), 404, Open),
        one("* for OPTIONS", request("OPTIONS", "*", "CSeq: 7\r\n"), 200, Open),
        one("* for DESCRIBE", request("DESCRIBE", "*", "CSeq: 7\r\n"), 400, Open),
        one("* for SETUP", request("SETUP", "*", &format!("CSeq: 7\r\n{UDP}")), 400, Open),
        one("no path", request("DESCRIBE", "rtsp://10.0.0.1", "CSeq: 7\r\n"), 404, Open),
        one("no host", request("DESCRIBE", "rtsp:///movie.Mjpeg", "CSeq: 7\r\n"), 200, Open),
        one("a port of 99999", request("DESCRIBE", "rtsp://10.0.0.1:99999/movie.Mjpeg", "CSeq: 7\r\n"), 200, Open),
        one("another scheme", request("DESCRIBE", "http://10.0.0.1/movie.Mjpeg", "CSeq: 7\r\n"), 400, Open),
        one("half an escape", request("DESCRIBE", "rtsp://10.0.0.1/movie.Mjpeg%2", "CSeq: 7\r\n"), 404, Open),
        one("300 bytes of URI", request("DESCRIBE", &format!("{URL}{}", long(300)), "CSeq: 7\r\n"), 414, Open),
        one("another track", request("SETUP", &format!("{URL}/trackID=1"), &format!("CSeq: 7\r\n{UDP}")), 404, Open),
        // Transports.
        one("no Transport", ask("SETUP", ""), 400, Open),
        one("an empty Transport", setup(""), 400, Open),
        one("a Transport of separators", setup(";,;;,,=;"), 461, Open),
        one("40 alternatives, the last one good", alternatives("RTP/AVP;unicast;client_port=25000-25001"), 200, Open),
        one("40 alternatives, none good", alternatives("RTP/SAVP;unicast;client_port=25000-25001"), 461, Open),
        one("port 0", setup("RTP/AVP;unicast;client_port=0-1"), 461, Open),
        one("port 65536", setup("RTP/AVP;unicast;client_port=65536-65537"), 461, Open),
        one("port 65535 alone", setup("RTP/AVP;unicast;client_port=65535"), 200, Open),
        one("reversed ports", setup("RTP/AVP;unicast;client_port=25001-25000"), 200, Open),
        one("no ports", setup("RTP/AVP;unicast"), 461, Open),
        one("the port of a service", setup("RTP/AVP;unicast;client_port=53-54"), 461, Open),
        one("the port of an amplifier", setup("RTP/AVP;unicast;client_port=1900-1901"), 461, Open),
        one("ports that are words", setup("RTP/AVP;unicast;client_port=x-y"), 461, Open),
        one("reversed channels", setup("RTP/AVP/TCP;unicast;interleaved=255-0"), 200, Open),
        one("channel 256", setup("RTP/AVP/TCP;unicast;interleaved=256-257"), 461, Open),
        one("multicast", setup("RTP/AVP;multicast;port=25000-25001"), 461, Open),
        one("recording", setup("RTP/AVP;unicast;client_port=25000-25001;mode=record"), 461, Open),
        // Interleaved packets, with and without a session for them.
        one("$ of length 0", [b"$\x00\x00\x00", &ask("OPTIONS", "")[..]].concat(), 200, Open),
        one("$ of 65,535", [b"$\x00\xff\xff", &[b'$'; 65_535][..], &ask("OPTIONS", "")].concat(), 200, Open),
        one("$ within a request", format!("OPTIONS {URL} RTSP/1.0\r\n$\x00\x00\x02xx\r\nCSeq: 7\r\n\r\n"), 400, Closed),
        // Requests that the session's state forbids.
        one("PLAY before SETUP", ask("PLAY", ""), 455, Open),
        one("PLAY before SETUP, with a session", ask("PLAY", "Session: 0123456789abcdef\r\n"), 454, Open),
        one("PAUSE before SETUP", ask("PAUSE", ""), 455, Open),
        one("TEARDOWN before SETUP", ask("TEARDOWN", ""), 454, Open),
        one("a session of 4,000 bytes", ask("PLAY", &format!("Session: {}\r\n", long(3900))), 454, Open),
    ];
    let session = |name, requests: &[Vec<u8>], statuses: &[u16]| -> Case {
        let requests = [&[ask("SETUP", UDP)], requests].concat();
        (name, requests, [&[200], statuses].concat(), Open)
    };
    let (play, tear) = (in_session("PLAY", ""), in_session("TEARDOWN", ""));
    cases.extend([
        session("SETUP twice", &[in_session("SETUP", UDP), play.clone()], &[200, 200]),
        session("SETUP twice, without the session", &[ask("SETUP", TCP), play.clone()], &[200, 200]),
        session("SETUP while playing", &[play.clone(), in_session("SETUP", TCP)], &[200, 455]),
        session("TEARDOWN twice", &[play.clone(), tear.clone(), tear.clone()], &[200, 200, 454]),
        session("after TEARDOWN", &[tear.clone(), ask("SETUP", UDP), play.clone()], &[200, 200, 200]),
        session("PLAY of another URL", &[request("PLAY", "rtsp://x/y", "CSeq: 7\r\nSession: {S}\r\n")], &[404]),
        session("SETUP of another URL", &[request("SETUP", "rtsp://x/y", &format!("CSeq: 7\r\n{UDP}"))], &[404]),
        session("PLAY without its session", &[ask("PLAY", "")], &[454]),
        session("half of its session", &[ask("PLAY", "Session: {S\r\n")], &[454]),
        session("a session with a space", &[ask("PLAY", "Session: {S} x\r\n")], &[454]),
        session("PLAY and PAUSE, often", &[play.clone(), in_session("PAUSE", ""), play.clone(), play], &[200; 4]),
    ]);
    for (name, range, status) in [
        ("no times", "npt=", 200),
        ("no unit", "0-", 200),
        ("words", "npt=a-b", 400),
        ("the end of time, of a file that starts over", "npt=18446744073709.551615-", 200),
        ("2^64, likewise", "npt=18446744073709551616-", 200),
        ("backwards", "npt=0.3-0.1", 457),
        ("a clock", "clock=20200101T000000Z-", 200),
    ] {
        cases.push(session(name, &[in_session("PLAY", &format!("Range: {range}\r\n"))], &[status]));
    }
    let clock = format!("Range: clock={}\r\n", "9".repeat(3000));
    cases.push(session("a clock of 3,000 digits", &[in_session("PLAY", &clock)], &[200]));
    // A GET_PARAMETER between media packets, and packets that only look like reports.
    let reports = [b"$\x01\x00\x03abc$\x00\x00\x00$\x07\x00\x01x", &in_session("GET_PARAMETER", "")[..]].concat();
    let requests = vec![ask("SETUP", TCP), in_session("PLAY", ""), reports, in_session("TEARDOWN", "")];
    cases.push(("interleaved nonsense", requests, vec![200; 4], Open));
    cases
}

fn lab_cases() -> Vec<Case> {
    let port = "Transport: RTP/UDP; client_port= 25000";
    let long = "x".repeat(300);
    let text = |name, text: &str, status, then| one(name, text.as_bytes(), status, then);
    vec![
        text("no CSeq", &format!("SETUP movie.Mjpeg RTSP/1.0\n{port}\n\n"), 400, Open),
        text("a negative CSeq", &format!("SETUP movie.Mjpeg RTSP/1.0\nCSeq: -1\n{port}"), 400, Open),
        text("a huge CSeq", &format!("SETUP movie.Mjpeg RTSP/1.0\nCSeq: 99999999999\n{port}"), 400, Open),
        text("another file", &format!("SETUP other.Mjpeg RTSP/1.0\nCSeq: 1\n{port}"), 404, Open),
        text("..", &format!("SETUP ../../etc/passwd RTSP/1.0\nCSeq: 1\n{port}"), 404, Open),
        text("a file of 300 bytes", &format!("SETUP {long} RTSP/1.0\nCSeq: 1\n{port}"), 414, Open),
        text("no port", "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP", 461, Open),
        text("port 0", "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 0", 461, Open),
        text("port 65536", "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 65536", 461, Open),
        text("PLAY first", "PLAY movie.Mjpeg RTSP/1.0\nCSeq: 1\nSession: 123456", 455, Open),
        text("TEARDOWN first", "TEARDOWN movie.Mjpeg RTSP/1.0\nCSeq: 1\nSession: 123456", 454, Open),
        text("an unknown method", "EXPLODE movie.Mjpeg RTSP/1.0\nCSeq: 1", 501, Open),
        text("a jump before SETUP", "FORWARD movie.Mjpeg RTSP/1.0\nCSeq: 1", 455, Open),
        text("a jump to nowhere", "SEEK movie.Mjpeg RTSP/1.0\nCSeq: 1\nX-Seek: nan", 400, Open),
        text("another file before SETUP", "NEXT movie.Mjpeg RTSP/1.0\nCSeq: 1", 461, Open),
        text("a line of 5,000 bytes", &format!("SETUP movie.Mjpeg RTSP/1.0\nX: {}", "x".repeat(5000)), 413, Closed),
        text("NUL", &format!("SETUP mo\0vie RTSP/1.0\nCSeq: 1\n{port}"), 400, Closed),
    ]
}

/// Plays a case, its bytes cut into pieces of `piece`, and gives the statuses of the answers.
fn play(stage: &mut HostileScene, (name, requests, expected, then): &Case, piece: usize) {
    let mut hostile = stage.scene.connect_with_window(66, URL, 1 << 20);
    let mut statuses = vec![];
    for request in requests {
        let session = hostile.session.clone().unwrap_or_default();
        let request = match str::from_utf8(request) {
            Ok(text) => text.replace("{S}", &session).replace("{S", &session[..session.len() / 2]).into_bytes(),
            Err(_) => request.clone(),
        };
        for bytes in request.chunks(piece) {
            hostile.send(bytes);
            stage.run(Some(&mut hostile), Duration::ZERO);
        }
        stage.run(Some(&mut hostile), millis(60));
        statuses.extend(hostile.answers.drain(..).map(|answer| answer.status));
    }
    assert_eq!((&statuses, hostile.closed), (expected, *then == Closed), "{name}, {piece} at a time");
    let dialect = str::from_utf8(&requests[0]).is_ok_and(|text| text.contains("RTSP/1.0\n") && !text.contains("://"));
    if *then == Open && !dialect {
        hostile.send(&ask("OPTIONS", ""));
        stage.run(Some(&mut hostile), millis(1));
        assert_eq!(hostile.answers.pop_front().map(|answer| answer.status), Some(200), "{name}");
    }
    hostile.vanish();
    drop(hostile);
    stage.run(None, millis(1));
    assert_eq!(stage.others(), 0, "{name}");
}

#[test]
fn everything_wrong_has_a_status_and_harms_nobody_else() {
    for piece in [usize::MAX, 100] {
        let mut stage = HostileScene::new();
        for case in cases().iter().chain(&lab_cases()) {
            play(&mut stage, case, piece);
            stage.keep_alive();
        }
        stage.end();
    }
}

#[test]
fn requests_split_at_every_byte_are_the_same_requests() {
    let mut stage = HostileScene::new();
    let short = |case: &&Case| case.1.iter().all(|request| request.len() < 1000);
    for case in cases().iter().filter(short).chain(&lab_cases()) {
        play(&mut stage, case, 1);
        stage.keep_alive();
    }
    stage.end();
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let mut stage = HostileScene::new();
    let mut hostile = stage.scene.connect(66, URL);
    let requests = [
        ("OPTIONS", "", 200),
        ("DESCRIBE", "", 200),
        ("PLAY", "", 455),
        ("SETUP", UDP, 200),
        ("SETUP", UDP, 200),
        ("NONSENSE", "", 501),
        ("PLAY", "Session: 0\r\n", 454),
        ("GET_PARAMETER", "", 200),
    ];
    let text: String = (requests.iter().enumerate())
        .map(|(n, (method, headers, _))| format!("{method} {URL} RTSP/1.0\r\nCSeq: {n}\r\n{headers}\r\n"))
        .collect();
    hostile.send(text.as_bytes());
    stage.run(Some(&mut hostile), millis(1));
    for (n, (method, _, status)) in requests.iter().enumerate() {
        let answer = hostile.answers.pop_front().unwrap();
        assert_eq!((answer.header("CSeq"), answer.status), (Some(n.to_string().as_str()), *status), "{method}");
    }
    // The peer sends five times the receive buffer at once, and then nothing more.
    hostile.send(&ask("OPTIONS", "").repeat(400));
    hostile.close_write();
    stage.run(Some(&mut hostile), millis(1));
    assert_eq!((hostile.answers.len(), hostile.closed), (400, true));
    drop(hostile);
    stage.run(None, millis(1));
    stage.end();
}

#[test]
fn a_peer_gone_after_any_byte_of_a_dialogue_leaves_nothing_behind() {
    let mut stage = HostileScene::new();
    for transport in [UDP, TCP] {
        let mut cut = 0;
        loop {
            let mut hostile = stage.scene.connect(66, URL);
            let mut sent = 0;
            for (method, headers) in [("OPTIONS", ""), ("SETUP", transport), ("PLAY", ""), ("PAUSE", ""), ("PLAY", "")]
            {
                let session = hostile.session.as_ref().map_or(String::new(), |id| format!("Session: {id}\r\n"));
                let request = ask(method, &format!("{session}{headers}"));
                let rest = request.len().min(cut - sent);
                hostile.send(&request[..rest]);
                sent += rest;
                stage.run(Some(&mut hostile), millis(1));
            }
            // Half of them close their side of the connection first.
            if cut % 2 == 0 {
                hostile.close_write();
                stage.run(Some(&mut hostile), millis(1));
            }
            drop(hostile);
            stage.run(None, millis(1));
            assert_eq!(stage.others(), 0, "{transport:?} cut after {cut}");
            assert_eq!(stage.scene.server.sessions(State::Playing), 2);
            if cut % 50 == 0 {
                stage.keep_alive();
            }
            if sent < cut {
                break;
            }
            cut += 1;
        }
        assert!(cut > 400);
    }
    stage.end();
}

#[test]
fn a_lab_client_gone_after_any_byte_of_a_dialogue_leaves_nothing_behind() {
    let mut stage = HostileScene::new();
    for cut in 0.. {
        let mut hostile = stage.scene.connect(66, "movie.Mjpeg");
        let mut sent = 0;
        for (cseq, method) in ["SETUP", "PLAY", "PAUSE", "PLAY"].into_iter().enumerate() {
            let last = match &hostile.session {
                Some(session) => format!("Session: {session}"),
                None => "Transport: RTP/UDP; client_port= 25000".into(),
            };
            let request = format!("{method} movie.Mjpeg RTSP/1.0\nCSeq: {cseq}\n{last}").into_bytes();
            let rest = request.len().min(cut - sent);
            hostile.send(&request[..rest]);
            sent += rest;
            stage.run(Some(&mut hostile), millis(51));
        }
        if cut % 2 == 0 {
            hostile.close_write();
            stage.run(Some(&mut hostile), millis(1));
        }
        drop(hostile);
        stage.run(None, millis(1));
        assert_eq!(stage.others(), 0, "cut after {cut}");
        stage.keep_alive();
        if sent < cut {
            assert!(cut > 200);
            break;
        }
    }
    stage.end();
}

#[test]
fn a_lab_client_may_say_anything_at_any_time() {
    let setup = "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000";
    let request = |method: &str| format!("{method} movie.Mjpeg RTSP/1.0\nCSeq: 7\nSession: {{S}}");
    let cases: [(&str, &[&str], &[u16]); 8] = [
        ("SETUP twice", &["PAUSE", "SETUP", "PLAY"], &[200, 200, 200]),
        ("SETUP while playing", &["PLAY", "SETUP", "PAUSE"], &[200, 455, 200]),
        ("PLAY twice", &["PLAY", "PLAY"], &[200, 200]),
        ("PAUSE twice", &["PLAY", "PAUSE", "PAUSE"], &[200, 200, 200]),
        ("nonsense while playing", &["PLAY", "EXPLODE", "", "OPTIONS"], &[200, 501, 501]),
        ("buttons while playing", &["PLAY", "REWIND", "PLAY", "NEXT", "PLAY"], &[200; 5]),
        ("TEARDOWN twice", &["PLAY", "TEARDOWN", "TEARDOWN"], &[200, 200]),
        ("data after TEARDOWN", &["TEARDOWN", "SETUP", "OPTIONS"], &[200]),
    ];
    let mut stage = HostileScene::new();
    for (name, methods, statuses) in cases {
        let mut hostile = stage.scene.connect(66, "movie.Mjpeg");
        (hostile.tolerate_gaps, hostile.may_jump) = (true, name.starts_with("buttons"));
        hostile.send(setup.as_bytes());
        stage.run(Some(&mut hostile), millis(60));
        assert_eq!(hostile.answers.pop_front().map(|answer| answer.status), Some(200));
        for method in methods {
            let text = match *method {
                "SETUP" => setup.to_owned(),
                "" => "\n\r\n\n".to_owned(),
                method => request(method).replace("{S}", hostile.session.as_ref().unwrap()),
            };
            hostile.send(text.as_bytes());
            stage.run(Some(&mut hostile), millis(60));
        }
        let answers: Vec<_> = hostile.answers.drain(..).map(|answer| answer.status).collect();
        assert_eq!((&answers[..], hostile.closed), (statuses, name.contains("TEARDOWN")), "{name}");
        drop(hostile);
        stage.run(None, millis(1));
        stage.keep_alive();
    }
    stage.end();
}

#[test]
fn slow_requests_have_a_deadline() {
    let mut stage = HostileScene::new();
    // (bytes that come at once or trickle in, seconds until the connection ends, how it ends)
    let cases: [(&[u8], u64, Option<u16>); 8] = [
        (b"DESCRIBE rtsp://10.0.0.1/ RTSP/1.0\r\nCSeq: 1\r\nAuthorization: Digest username=\"", 10, Some(408)),
        (b"OPTIONS rtsp://10.0.0.1/ RTSP/1.0\r\nCSeq: 1\r\nX: xxxxxxxxxxxxxxxxxxxxx", 10, Some(408)),
        (b"OPTIONS", 10, Some(408)),
        (b"SET_PARAMETER rtsp://10.0.0.1/ RTSP/1.0\r\nCSeq: 3\r\nContent-Length: 100\r\n\r\nxxxx", 10, Some(408)),
        (b"$\x00\x01\x00xxxx", 10, Some(408)),
        (b"$", 10, Some(408)),
        (b"SETUP movie.Mjpeg RTSP/1.0\nCS", 10, Some(408)),
        (b"", 60, None),
    ];
    for (bytes, seconds, status) in cases {
        for at_once in [true, false] {
            let name = String::from_utf8_lossy(bytes);
            let mut hostile = stage.scene.connect(66, URL);
            let mut rest = bytes;
            // The payload of a packet has a time limit of its own, which starts behind the four bytes of its header.
            let seconds = if bytes.starts_with(b"$\0") && !at_once { seconds + 3 } else { seconds };
            for _ in 0..seconds {
                let (now, later) = rest.split_at(if at_once { rest.len() } else { rest.len().min(1) });
                hostile.send(now);
                rest = later;
                stage.keep_alive();
                stage.run(Some(&mut hostile), Duration::from_millis(999));
                assert!(!hostile.closed, "{name}");
                stage.run(Some(&mut hostile), millis(1));
            }
            assert_eq!(
                (hostile.answers.pop_front().map(|answer| answer.status), hostile.closed),
                (status, true),
                "{name:?} {at_once}"
            );
            assert!(hostile.closed, "{name}");
            // The server does not wait for a peer that never closes.
            stage.run(Some(&mut hostile), millis(1_001));
            assert_eq!(stage.others(), 0, "{name}");
        }
    }
    stage.end();
}

#[test]
fn a_session_belongs_to_its_connection() {
    let mut stage = HostileScene::new();
    let mut victim = stage.scene.connect(7, URL);
    stage.scene.start(&mut victim);
    let mut thief = stage.scene.connect(66, URL);
    for with_own in [false, true] {
        if with_own {
            thief.session = None;
            stage.scene.start(&mut thief);
        }
        thief.session = victim.session.clone();
        for method in ["PLAY", "PAUSE", "TEARDOWN", "GET_PARAMETER"] {
            let answer = stage.scene.ask(&mut thief, method, "");
            assert_eq!((answer.status, answer.header("Session")), (454, None), "{method}");
        }
        assert_eq!(stage.scene.ask(&mut thief, "SETUP", UDP).status, 454);
    }
    stage.run(None, millis(500));
    victim.poll();
    assert!(victim.frames.len() >= 12);
    drop((victim, thief));
    stage.run(None, millis(1));
    stage.end();
}

#[test]
fn media_goes_to_the_address_of_the_connection_and_to_no_other() {
    let mut stage = HostileScene::new();
    let mut bystander = stage.scene.connect(99, URL);
    let mut hostile = stage.scene.connect(66, URL);
    let transport = "RTP/AVP;unicast;destination=10.0.0.99;source=10.0.0.99;client_port=25000-25001";
    let setup = stage.scene.ask(&mut hostile, "SETUP", &format!("Transport: {transport}\r\n"));
    assert!(setup.status == 200 && !setup.head.contains("10.0.0.99"), "{}", setup.head);
    stage.scene.ask(&mut hostile, "PLAY", "");
    stage.run(Some(&mut hostile), millis(500));
    bystander.poll();
    assert_eq!((bystander.packets, bystander.reports.len()), (0, 0));
    assert!(hostile.frames.len() >= 12);
    drop((hostile, bystander));
    stage.run(None, millis(1));
    stage.end();
}
