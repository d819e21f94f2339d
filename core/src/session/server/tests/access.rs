//! Requests about which the driver is asked.

use super::*;
use crate::wire::rtsp::Method;

/// A client of a driver that allows what comes with the right words.
fn guarded() -> Peer {
    Peer::with(Config { guarded: true, record: true, ..Config::default() })
}

const RIGHT: &str = "Authorization: Digest right\r\n";

#[test]
fn all_but_options_is_challenged_before_anything_is_said_about_it() {
    let mut peer = guarded();
    peer.expect(&request("OPTIONS", URL, 1, ""), 200);
    assert!(peer.events.is_empty());
    let session = std::format!("Session: {ID}\r\n");
    for (cseq, (method, url, headers)) in [
        ("DESCRIBE", URL, ""),
        ("DESCRIBE", "rtsp://127.0.0.1/nothing", ""),
        ("SETUP", URL, "Transport: RAW\r\n"),
        ("PLAY", URL, &session),
        ("PAUSE", URL, ""),
        ("TEARDOWN", URL, &session),
        ("GET_PARAMETER", "*", ""),
        ("SET_PARAMETER", URL, ""),
        ("ANNOUNCE", URL, ""),
        ("RECORD", URL, ""),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = peer.expect(&request(method, url, cseq as u32 + 2, headers), 401);
        let challenges: Vec<_> = answer.lines().filter(|line| line.starts_with("WWW-Authenticate: ")).collect();
        assert_eq!(challenges, ["WWW-Authenticate: Digest a", "WWW-Authenticate: Digest b"]);
        assert_eq!(header(&answer, "CSeq"), Some(&*(cseq + 2).to_string()));
        assert_eq!(peer.events.pop(), Some(Event::Authorize));
    }
    // What nobody can do needs no permission to be refused.
    peer.expect(&request("REDIRECT", URL, 20, ""), 501);
    peer.expect(&request("DESCRIBE", URL, 21, "Require: x\r\n"), 551);
    assert!(peer.events.is_empty());
}

#[test]
fn what_is_allowed_is_carried_out_as_without_a_driver_to_ask() {
    let (mut asked, mut open) = (guarded(), Peer::with(Config { record: true, ..Config::default() }));
    let session = std::format!("Session: {ID}\r\n");
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
    for (cseq, (method, url, headers)) in [
        ("DESCRIBE", URL, ""),
        ("DESCRIBE", "rtsp://127.0.0.1/nothing", ""),
        ("PLAY", URL, &session[..]),
        ("SETUP", URL, transport),
        ("PLAY", URL, "Session: 1\r\n"),
        ("PLAY", URL, &session),
        ("GET_PARAMETER", URL, &session),
        ("PAUSE", URL, &session),
        ("TEARDOWN", URL, &session),
    ]
    .into_iter()
    .enumerate()
    {
        let request = request(method, url, cseq as u32 + 1, &(headers.to_string() + RIGHT));
        assert_eq!(asked.ask(&request), open.ask(&request), "{request}");
        assert_eq!(asked.connection.state(), open.connection.state());
    }
    let of_others: Vec<_> = asked.events.iter().copied().filter(|&event| event != Event::Authorize).collect();
    assert_eq!(of_others, open.events);
    assert_eq!(asked.events.len(), open.events.len() + 9);
}

#[test]
fn the_driver_may_take_its_time_and_pipelined_requests_wait() {
    let mut peer = guarded();
    peer.answers = false;
    let describe = request("DESCRIBE", URL, 1, RIGHT) + &request("OPTIONS", URL, 2, "");
    assert_eq!(peer.ask(&describe), "");
    let asking = peer.connection.asking().unwrap();
    assert_eq!((asking.method, asking.uri, asking.path.as_str()), (Method::Describe, URL, "movie.Mjpeg"));
    assert_eq!(asking.authorization(), Ok(Some("Digest right")));
    assert!(!asking.is_to_publish);
    peer.pass(Duration::from_secs(100));
    assert_eq!(peer.events, [Event::Authorize]);
    peer.answers = true;
    peer.connection.allow(peer.now, Secrecy::NONE);
    peer.drive();
    let sent = peer.sent();
    assert!(
        sent.contains("CSeq: 1\r\n") && sent.contains("a=control:trackID=0") && sent.contains("CSeq: 2\r\n"),
        "{sent}"
    );
    assert!(peer.connection.asking().is_none());
}

#[test]
fn permission_is_for_one_request() {
    let mut peer = guarded();
    peer.expect(&request("DESCRIBE", URL, 1, RIGHT), 200);
    peer.expect(&request("DESCRIBE", URL, 2, ""), 401);
    peer.expect(&request("DESCRIBE", URL, 3, &(RIGHT.to_string() + RIGHT)), 400);
}

#[test]
fn an_answer_comes_too_late_for_a_client_that_has_gone() {
    let mut peer = guarded();
    peer.answers = false;
    peer.feed(request("DESCRIBE", URL, 1, RIGHT).as_bytes());
    peer.connection.handle_failure(peer.now);
    assert!(peer.connection.asking().is_none());
    peer.connection.allow(peer.now, Secrecy::NONE);
    peer.connection.challenge(peer.now, ["x"]);
    assert_eq!((peer.sent(), peer.events.len()), (String::new(), 1));
    assert!(peer.connection.is_closed());
}

#[test]
fn who_publishes_is_told_from_who_watches() {
    let mut peer = guarded();
    let sdp = "v=0\r\nm=video 0 RTP/AVP 26\r\n";
    let body = std::format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}", sdp.len());
    let announce = request("ANNOUNCE", URL, 1, RIGHT);
    peer.expect(&(announce.trim_end().to_string() + "\r\n" + &body), 200);
    peer.answers = false;
    peer.feed(setup(2, UDP).as_bytes());
    assert!(peer.connection.asking().unwrap().is_to_publish);
}

#[test]
fn the_lab_s_client_gets_three_lines_and_cannot_prove_who_it_is() {
    let mut peer = guarded();
    assert_eq!(peer.say(lab::SETUP), lab::reply("401 Unauthorized", 1, 0));
    assert_eq!(peer.events, [Event::Authorize]);
    peer.answers = false;
    assert_eq!(peer.say(lab::SETUP), "");
    assert_eq!(peer.connection.asking().unwrap().dialect, Dialect::Lab);
    // Another rule may let it in.
    peer.connection.allow(peer.now, Secrecy::NONE);
    peer.answers = true;
    peer.drive();
    assert!(peer.sent().starts_with("RTSP/1.0 200 OK\nCSeq: 1\nSession: "));
    // Its later requests are about the session, whatever they name.
    peer.answers = false;
    peer.say("PLAY other RTSP/1.0\nCSeq: 2");
    assert_eq!(peer.connection.asking().unwrap().path.as_str(), "movie.Mjpeg");
}

#[test]
fn what_comes_while_the_driver_decides_is_no_part_of_what_it_allows() {
    let mut peer = guarded();
    peer.answers = false;
    peer.say(lab::SETUP);
    assert_eq!(peer.connection.asking().unwrap().path.as_str(), "movie.Mjpeg");
    // It had no end, so this could be its next line.
    peer.feed(b"\nSession: 7\nSETUP other.Mjpeg RTSP/1.0\nCSeq: 2\n\n");
    let asking = peer.connection.asking().unwrap();
    assert_eq!((asking.uri, asking.method), ("movie.Mjpeg", Method::Setup));
    peer.answers = true;
    peer.connection.allow(peer.now, Secrecy::NONE);
    peer.drive();
    let sent = peer.sent();
    assert!(sent.starts_with("RTSP/1.0 200 OK\nCSeq: 1\n"), "{sent}");
    // What follows begins with no request.
    assert_eq!((sent.matches(" 200 OK").count(), peer.connection.is_closing()), (1, true), "{sent}");
}

/// What a guard is asked: the stream, and whether it is to publish.
fn asked_about(peer: &mut Peer, method: &str, url: &str) -> (String, bool) {
    peer.answers = false;
    peer.feed(request(method, url, 9, "").as_bytes());
    let asking = peer.connection.asking().unwrap();
    (asking.path.as_str().to_string(), asking.is_to_publish)
}

#[test]
fn a_request_is_about_its_stream_or_the_session_s_and_for_one_purpose() {
    let watching = || {
        let mut peer = guarded();
        let set_up = setup(1, UDP);
        peer.expect(&(set_up.trim_end().to_string() + "\r\n" + RIGHT + "\r\n"), 200);
        peer
    };
    let publishing = || {
        let mut peer = guarded();
        let announce = super::recording::announce(1);
        peer.expect(&announce.replacen("\r\n\r\n", &("\r\n".to_string() + RIGHT + "\r\n"), 1), 200);
        peer
    };
    let (own, other, below) = (URL, "rtsp://h/other", &(URL.to_string() + "/streamid=0")[..]);
    let (track, of_other) = (&(URL.to_string() + "/trackID=0")[..], "rtsp://h/movie.Mjpegs/streamid=0");
    for (method, url, while_watching, while_publishing) in [
        ("DESCRIBE", own, ("movie.Mjpeg", false), ("movie.Mjpeg", false)),
        ("DESCRIBE", other, ("other", false), ("other", false)),
        ("SETUP", track, ("movie.Mjpeg", false), ("movie.Mjpeg", true)),
        ("SETUP", below, ("movie.Mjpeg/streamid=0", false), ("movie.Mjpeg", true)),
        ("SETUP", of_other, ("movie.Mjpegs/streamid=0", false), ("movie.Mjpegs/streamid=0", true)),
        ("SETUP", other, ("other", false), ("other", true)),
        ("PLAY", own, ("movie.Mjpeg", false), ("movie.Mjpeg", false)),
        ("PAUSE", other, ("other", false), ("other", true)),
        ("TEARDOWN", own, ("movie.Mjpeg", false), ("movie.Mjpeg", true)),
        ("ANNOUNCE", other, ("other", true), ("other", true)),
        ("RECORD", own, ("movie.Mjpeg", true), ("movie.Mjpeg", true)),
        ("GET_PARAMETER", own, ("movie.Mjpeg", false), ("movie.Mjpeg", true)),
        ("GET_PARAMETER", "*", ("movie.Mjpeg", false), ("movie.Mjpeg", true)),
        ("SET_PARAMETER", "rtsp://h/", ("movie.Mjpeg", false), ("movie.Mjpeg", true)),
        ("SET_PARAMETER", other, ("other", false), ("other", true)),
        ("DESCRIBE", "rtsp://h/", ("", false), ("", false)),
    ] {
        let expected = [while_watching, while_publishing].map(|(path, publishes)| (path.to_string(), publishes));
        let asked = [watching(), publishing()].map(|mut peer| asked_about(&mut peer, method, url));
        assert_eq!(asked, expected, "{method} {url}");
    }
    assert_eq!(asked_about(&mut guarded(), "GET_PARAMETER", "*"), (String::new(), false), "there is no session");
}
