//! The targets of authentication: challenges by whoever wants to harm a client, or to learn its password; answers and tokens
//! by whoever wants to be let in.

use mutoscope::auth::{
    Algorithm, Authenticator, Basic, Challenge, Claim, Credentials, Key, Proofs, Refusal, Scheme, Token, Unproven,
    Users, Verifier,
};
use mutoscope::time::Instant;
use mutoscope::wire::url::Path;
use std::net::{IpAddr, Ipv4Addr};

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

/// Nobody knows Anna's password; what is right must not be found by accident.
struct Anna;

/// The hash of a password that no input can hold.
const SECRET: &str = "5ebe2294ecd0e0f08eab7690d2a6ee69";

impl Users for Anna {
    fn secret(&self, user: &str, algorithm: Algorithm) -> Option<&str> {
        assert!(user.len() <= 128);
        (user == "anna" && algorithm == Algorithm::Md5).then_some(SECRET)
    }
}

const URI: &str = "rtsp://h/cam";

/// A value of `Authorization`, and the same bytes behind `?token=`.
pub fn authorization(data: &[u8]) {
    let Ok(value) = std::str::from_utf8(data) else { return };
    let key = Key::new([7; 32]);
    for basic in [Basic::Allowed, Basic::Refused] {
        let verifier = Verifier::new(&key, "m", basic);
        let claim =
            Claim { now: Instant::from_millis(1), address: IpAddr::V4(Ipv4Addr::LOCALHOST), method: "PLAY", uri: URI };
        let mut proofs = Proofs::default();
        let outcome = verifier.verify(&mut proofs, &claim, value, &Anna);
        // Seeds hold one answer whose hash is right, for a nonce of another server.
        assert!(matches!(outcome, Err(Unproven::Malformed | Unproven::Wrong | Unproven::Stale)), "{value}");
        if outcome == Err(Unproven::Stale) {
            assert!(value.to_ascii_lowercase().contains(RIGHT), "nobody else knows the password: {value}");
        }
        assert_eq!(proofs.user(), None);
    }
    let url = format!("{URI}?token={value}");
    if let Some(token) = Token::find(&url) {
        assert!(!token.is_for(&key, "cam", Path::new("cam")), "{value}");
        assert!(value.to_ascii_lowercase().starts_with(&token.to_string()[..8]), "it is what was written");
        assert!(!format!("{token:?}").contains(&token.to_string()[8..]));
    }
}

/// The right hash of `PLAY` of the URL with the nonce 5f.
const RIGHT: &str = "ecac74456bfc57c23c8ee3046dfd0ad7";

/// Answers of every kind.
pub fn authorization_seeds() -> Vec<Vec<u8>> {
    let five = format!("Digest username=\"anna\", realm=\"m\", nonce=\"5f\", uri=\"{URI}\", response=\"{RIGHT}\"");
    let texts = [
        format!("{five}, algorithm=\"MD5\", qop=\"auth\", cnonce=\"9c\", nc=0000000a"),
        five.replace("anna", "a\\\"b"),
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==".to_owned(),
        "692100000123456789abcdef0123456789abcdef/trackID=0".to_owned(),
        five,
    ];
    texts.into_iter().map(String::into_bytes).collect()
}
