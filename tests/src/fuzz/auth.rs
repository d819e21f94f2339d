//! The target of authentication's client half: challenges by whoever wants to harm the client, or to learn its password.

use mutoscope::auth::{Authenticator, Basic, Challenge, Credentials, Refusal, Scheme};

/// Pieces of challenges.
pub const WORDS: &[&str] = &[
    "Digest ",
    "Basic ",
    "Negotiate",
    "realm=",
    "nonce=",
    "opaque=",
    "algorithm=",
    "MD5",
    "SHA-256",
    "qop=",
    "\"auth,auth-int\"",
    "stale=true",
    "\"",
    "\\\"",
    "\\",
    ",",
    " ",
    "=",
];

/// A value of `WWW-Authenticate`, and the same bytes as user information of a URL.
pub fn challenges(data: &[u8]) {
    let Ok(value) = std::str::from_utf8(data) else { return };
    let credentials = Credentials::from_user_info(value);
    assert!(credentials.is_err() || value.len() <= 3 * 256 + 1);
    let credentials = credentials.unwrap_or_else(|_| Credentials::new("us\"er", "hunter2").expect("it is usual"));
    assert_eq!(format!("{credentials:?}"), "Credentials");

    let mut best = None;
    for challenge in Challenge::parse(value) {
        assert!(value.contains(challenge.realm()) && !challenge.realm().contains(char::is_control));
        best = best.max(Some(challenge.scheme));
    }
    for basic in [Basic::Allowed, Basic::Refused] {
        let mut authenticator = Authenticator::new(credentials.clone(), basic, 7);
        assert!(authenticator.authorize("PLAY", "rtsp://h/x").is_none());
        match authenticator.handle_challenges([value]) {
            Err(Refusal::Scheme) => assert_eq!(best, None),
            Err(Refusal::Basic) => assert_eq!((best, basic), (Some(Scheme::Basic), Basic::Refused)),
            Err(refusal) => assert_eq!(refusal, Refusal::TooLong),
            Ok(()) => answer(&mut authenticator, value, best),
        }
    }
}

fn answer(authenticator: &mut Authenticator, value: &str, best: Option<Scheme>) {
    let authorization = authenticator.authorize("PLAY", "rtsp://h/a\"b\r\nX: y").expect("it was challenged");
    assert_eq!(Some(authorization.scheme()), best, "the strongest is answered");
    let text = authorization.to_string();
    assert!(!text.contains(char::is_control), "{text:?}");
    assert!(value.contains("hunter2") || !text.contains("hunter2"));
    assert!(text.len() <= value.len() + 1024, "it grows with nothing but what has to be repeated");
    // The answer has the grammar of a challenge, and what was repeated is the same.
    if best != Some(Scheme::Basic) {
        let challenge = Challenge::parse(value).find(|challenge| Some(challenge.scheme) == best);
        let again = Challenge::parse(&text).next().expect("it is written as it is read");
        assert_eq!(Some(again.realm()), challenge.map(|challenge| challenge.realm()));
        assert_eq!(Some(again.scheme), best);
        assert_eq!(Challenge::parse(&text).count(), 1, "{text}");
    }
    // The same challenge again is a refusal.
    assert_eq!(authenticator.handle_challenges([value]), Err(Refusal::Credentials));
}

/// Challenges of every kind.
pub fn challenges_seeds() -> Vec<Vec<u8>> {
    let texts = [
        "Basic realm=\"cam\"",
        "Digest realm=\"GStreamer RTSP Server\", nonce=\"f98b57dfba0fa5c1\"",
        "Digest qop=\"auth\", realm=\"DS\", nonce=\"1f7e\", stale=\"FALSE\"",
        "Digest realm=\"a \\\"b\\\"\", nonce=\"b\", algorithm=SHA-256, qop=\"auth\", Digest realm=\"a\", nonce=\"c\", Basic",
        "NTLM TlRMTVNTUAACAAAA/A==, Digest nonce=y ,opaque=\"\", algorithm=\"md5\"",
        "us%40er:hunter2",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}
