//! Attacks on who may what, as they are known from other servers.

use super::*;

/// A gate that knows two users.
fn with_anna() -> Gate {
    gate(Rules { users: users(), ..Rules::default() })
}

#[test]
fn what_is_no_proof_is_challenged_or_refused_and_the_connection_goes_on() {
    let gate = with_anna();
    let long = |len| "x".repeat(len);
    let digest = |fields: &str| format!("Authorization: Digest {fields}\r\n");
    for (headers, expected) in [
        ("Authorization:\r\n".to_owned(), 401),
        ("Authorization: Digest\r\n".to_owned(), 401),
        (digest("username=\"anna"), 401),
        (digest("username=\"anna\\"), 401),
        (digest(",,,,=,=\"\",\"=\""), 401),
        (digest("username=\"anna\", username=\"otto\", realm=\"mutoscope\""), 401),
        (digest(&format!("username=\"{}\"", long(3000))), 401),
        (digest(&"nonce=\"0\",".repeat(300)), 401),
        (digest("username=\"anna\", realm=\"mutoscope\", nonce=\"\u{e9}\", uri=\"*\", response=\"\u{e9}\""), 401),
        ("Authorization: Basic ====\r\n".to_owned(), 401),
        ("Authorization: Basic YW5uYTpzZWNyZXQ=\r\n".to_owned(), 401),
        (format!("Authorization: {}\r\n", long(3900)), 401),
        (digest("username=\"anna\"").repeat(2), 400),
        (format!("{}Authorization: Basic YW5uYTpzZWNyZXQ=\r\n", digest("username=\"anna\"")), 400),
        ("Authorization: Basic Og==\r\n".repeat(60), 400),
    ] {
        // Guesses of one address would be delayed.
        let mut stranger = Client::at(&gate, "192.0.2.7");
        lock(&gate.shared).guesses = Guesses::default();
        assert_eq!(status(&stranger.send(start(), "DESCRIBE", CAM, &headers)), expected, "{headers:.60}");
        let mut stranger = stranger.logging_in("anna", "secret");
        assert_eq!(stranger.insist("DESCRIBE", CAM), ALLOWED, "{headers:.60}");
    }
}

#[test]
fn a_proof_is_worth_nothing_at_another_address_for_another_method_or_stream() {
    let gate = with_anna();
    let mut anna = Client::at(&gate, "192.0.2.7").logging_in("anna", "secret");
    assert_eq!(anna.request("DESCRIBE", CAM), 401);
    let proof = format!("Authorization: {}\r\n", anna.authenticator.authorize("DESCRIBE", CAM).unwrap());
    let mut thief = Client::at(&gate, "192.0.2.8");
    let answer = thief.send(start(), "DESCRIBE", CAM, &proof);
    assert!(status(&answer) == 401 && answer.contains("stale="), "{answer}");
    for (method, uri) in [("SETUP", CAM), ("DESCRIBE", "rtsp://h/other"), ("ANNOUNCE", CAM)] {
        assert_eq!(status(&Client::at(&gate, "192.0.2.7").send(start(), method, uri, &proof)), 401, "{method} {uri}");
    }
}

#[test]
fn a_proof_with_a_count_is_worth_nothing_a_second_time() {
    let gate = with_anna();
    let mut anna = Client::at(&gate, "192.0.2.7").logging_in("anna", "secret");
    assert_eq!(anna.request("DESCRIBE", CAM), 401);
    let proof = format!("Authorization: {}\r\n", anna.authenticator.authorize("DESCRIBE", CAM).unwrap());
    assert!(proof.contains("nc="), "{proof}");
    assert_eq!(status(&anna.send(start(), "DESCRIBE", CAM, &proof)), ALLOWED);
    assert_eq!(status(&anna.send(start(), "DESCRIBE", CAM, &proof)), 401);
}

#[test]
fn a_session_that_is_known_is_no_proof_of_who_asks() {
    let gate = with_anna();
    let mut thief = Client::at(&gate, "192.0.2.7");
    for method in ["SETUP", "PLAY", "PAUSE", "TEARDOWN", "GET_PARAMETER", "RECORD"] {
        let answer = thief.send(start(), method, CAM, "Session: 0123456789abcdef\r\nTransport: RTP/AVP/TCP\r\n");
        assert_eq!(status(&answer), 401, "{method}: nothing is said about sessions before that");
    }
}

#[test]
fn a_header_without_end_and_one_that_is_too_long_end_the_connection_before_anybody_is_asked() {
    let gate = with_anna();
    let endless = |header: &str| format!("DESCRIBE {CAM} RTSP/1.0\r\nCSeq: 1\r\n{header}{}", "x".repeat(65_536));
    for bytes in [
        endless("Authorization: Digest username=\"") + "\"\r\n\r\n",
        endless("Authorization: "),
        endless(""),
        format!("DESCRIBE {CAM} RTSP/1.0\r\nCSeq: 1\r\n{}\r\n", "Authorization: Digest a=b\r\n".repeat(2500)),
    ] {
        let mut stranger = Client::at(&gate, "192.0.2.7");
        let mut rest = bytes.as_bytes();
        while !rest.is_empty() && !stranger.connection.is_closing() {
            let space = stranger.connection.rx_buffer();
            let len = space.len().min(rest.len());
            space[..len].copy_from_slice(&rest[..len]);
            stranger.connection.handle_input(start(), len);
            stranger.drive(start());
            rest = &rest[len..];
        }
        assert!(stranger.connection.is_closing(), "{bytes:.80}");
        let answer = stranger.sent(start());
        assert!(matches!(status(&answer), 400 | 413) && !answer.contains("xxx"), "{answer}");
        assert!(!gate.is_inside("192.0.2.7".parse().unwrap()));
    }
}

/// Announces a stream, with whatever proof there is.
fn announce(client: &mut Client<'_>, uri: &str) -> u16 {
    client.request("OPTIONS", uri);
    let authorization = client.authenticator.authorize("ANNOUNCE", uri);
    let proof = authorization.map(|value| format!("Authorization: {value}\r\n")).unwrap_or_default();
    status(&client.send(start(), "ANNOUNCE", uri, &format!("{proof}Content-Length: 5\r\n\r\nv=0")))
}

#[test]
fn tracks_of_a_publisher_are_judged_as_its_stream_whatever_they_are_called() {
    let mut rules = Rules { users: users(), ..Rules::default() };
    rules.streams.insert("yard", StreamRules { publish: who(&["10.0.0.0/8"]), ..Default::default() });
    rules.streams.insert("yard/open", StreamRules { publish: who(&["everybody"]), ..Default::default() });
    let gate = gate(rules);
    let mut near = Client::at(&gate, "10.1.2.3");
    assert_eq!(announce(&mut near, "rtsp://h/yard"), 200);
    let transport = "Transport: RTP/AVP/TCP;interleaved=0-1;mode=record\r\n";
    for track in ["streamid=0", "trackID=7", "track1/x"] {
        let answer = near.send(start(), "SETUP", &format!("rtsp://h/yard/{track}"), transport);
        assert_eq!(status(&answer), ALLOWED, "{track}: {answer}");
    }
    let mut fewer = Rules { users: users(), ..Rules::default() };
    fewer.streams.insert("yard/open", StreamRules { publish: who(&["everybody"]), ..Default::default() });
    gate.replace(fewer);
    assert_eq!(
        status(&near.send(start(), "SETUP", "rtsp://h/yard/open", transport)),
        401,
        "it is a track of the yard's"
    );
}

#[test]
fn who_publishes_may_watch_no_more_for_that() {
    let mut rules = Rules { users: users(), ..Rules::default() };
    let yard = StreamRules { watch: who(&["anna"]), publish: who(&["otto"]), ..Default::default() };
    rules.streams.insert("yard", yard);
    let gate = gate(rules);
    let mut otto = Client::at(&gate, "192.0.2.7").logging_in("otto", "hunter2");
    assert_eq!(otto.insist("DESCRIBE", "rtsp://h/yard"), 403);
    assert_eq!(announce(&mut otto, "rtsp://h/yard"), 200);
    assert_eq!(otto.insist("DESCRIBE", "rtsp://h/yard"), 403);
    assert_eq!(otto.insist("DESCRIBE", CAM), ALLOWED);
}

#[test]
fn a_token_of_another_stream_makes_none_last_longer() {
    let key = Key::new([7; 32]);
    let gate = gate(Rules { users: users(), token_key: Some(key.clone()), cut: true, ..Rules::default() });
    let uri = |name: &str, seconds: u32| {
        format!("rtsp://h/{name}?token={}", Token::new(&key, name, now_in_seconds() + seconds))
    };
    let mut client = Client::at(&gate, "192.0.2.7");
    let mut left = |uri: String| {
        assert_eq!(client.request("DESCRIBE", &uri), ALLOWED, "{uri}");
        client.visit.ends().unwrap().since(start()).as_secs()
    };
    assert!((598..=600).contains(&left(uri("cam", 600))));
    for seconds in [9000, 9001] {
        assert!((598..=600).contains(&left(uri("lobby", seconds))), "what has begun of the first ends with it");
    }
    assert!((98..=100).contains(&left(uri("yard", 100))));
}

#[test]
fn who_guesses_tokens_of_soap_is_not_listened_to_any_more_and_a_wrong_clock_is_no_guess() {
    use crate::guard::{Passwords, UsernameToken};
    use mutoscope::wire::base64::Base64;
    let passwords = Passwords::parse("user:userpassword").unwrap();
    let mut users = Users::default();
    passwords.join(&mut users).unwrap();
    let gate = gate(Rules { users, passwords, ..Rules::default() });
    let mut visit = gate.visit("192.0.2.9:4000".parse().unwrap(), false);
    let asking = Asking::new(Method::Other("POST"), "/onvif", Path::new(""), false, []);
    let mut ask = |now: Instant, digest: &str| {
        let token = UsernameToken::new("user", digest, "LKqI6G/AikKCQrN0zqZFlg==", "2010-09-16T07:50:45Z").unwrap();
        gate.identify_by_token(&mut visit, now, &asking, &token)
    };
    let mut now = start();
    // Right, but of another year.
    for _ in 0..20 {
        assert_eq!(ask(now, "tuOSpGlFlIXsozq4HFNeeGeFLEI="), Verdict::Challenged { is_stale: false });
    }
    for number in 0..10_u8 {
        let wrong = Base64([number; 20].into_iter()).to_string();
        assert_eq!(ask(now, &wrong), Verdict::Challenged { is_stale: false });
        now = now.after(Duration::from_secs(20));
    }
    assert_eq!(ask(now, "tuOSpGlFlIXsozq4HFNeeGeFLEI="), Verdict::Refused(StatusCode::FORBIDDEN, TOO_MANY));
    let counts: Vec<_> = gate.refusals().into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(counts, [("guesses", 1), ("clock", 20), ("password", 10)]);
}
