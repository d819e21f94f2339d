//! The targets of those who have a proof: right answers are taken, whatever names and words they are made of, and nothing else is,
//! however little it differs; and the same for tokens.

use super::Cursor;
use mutoscope::auth::{Algorithm, Basic, Claim, Hex, Key, Proofs, Token, Unproven, Users, Verifier, secret};
use mutoscope::time::{Duration, Instant};
use mutoscope::wire::url::Path;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

const REALM: &str = "m";
const METHOD: &str = "SETUP";
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const NOW: Instant = Instant::from_millis(1_000_000);

/// One user, whose password is "secret".
struct Only<'a>(&'a str, Algorithm, Hex);

impl Users for Only<'_> {
    fn secret(&self, user: &str, algorithm: Algorithm) -> Option<&str> {
        (user == self.0 && algorithm == self.1).then_some(&self.2)
    }
}

/// What a right answer is made of.
struct Parts<'a> {
    algorithm: Algorithm,
    user: &'a str,
    path: &'a str,
    /// The count's digits and the client's word, with `qop=auth`.
    counted: Option<(String, &'a str)>,
}

impl Parts<'_> {
    fn uri(&self) -> String {
        format!("rtsp://{}", self.path)
    }

    /// The hash, computed as the standard has it, of text with colons in it.
    fn response(&self, nonce: &str) -> Hex {
        let hash = |a: &str, b: &str, c: &str| secret(self.algorithm, a, b, c);
        let own = hash(self.user, REALM, "secret");
        let request = hash(METHOD, "rtsp", &format!("//{}", self.path));
        match &self.counted {
            Some((digits, word)) => hash(&own, nonce, &format!("{digits}:{word}:auth:{request}")),
            None => hash(&own, nonce, &request),
        }
    }

    fn answer(&self, nonce: &str, response: &str) -> String {
        let quoted = |text: &str| text.replace('\\', r"\\").replace('"', "\\\"");
        let (user, uri) = (quoted(self.user), quoted(&self.uri()));
        let mut text = format!(
            "Digest username=\"{user}\", realm=\"{REALM}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\""
        );
        let name = if self.algorithm == Algorithm::Md5 { "MD5" } else { "SHA-256" };
        let _ = write!(text, ", algorithm={name}");
        if let Some((digits, word)) = &self.counted {
            let _ = write!(text, ", qop=auth, nc={digits}, cnonce=\"{}\"", quoted(word));
        }
        text
    }
}

/// Right answers, and what comes of them when a byte is changed, or the request, or who makes it.
///
/// The first bytes say how; behind them stand user, path and word, each in a line.
pub fn answers(data: &[u8]) {
    let mut input = Cursor(data);
    let [how, count, at, byte] = input.array();
    let Ok(text) = std::str::from_utf8(input.0) else { return };
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (user, path, word) = (line(), line(), line());
    let parts = Parts {
        algorithm: if how & 1 == 0 { Algorithm::Md5 } else { Algorithm::Sha256 },
        user,
        path,
        counted: (how & 2 != 0).then(|| (format!("{count:08x}"), word)),
    };
    let users = Only(user, parts.algorithm, secret(parts.algorithm, user, REALM, "secret"));
    let key = Key::new([7; 32]);
    let verifier = Verifier::new(&key, REALM, Basic::Refused);
    let challenge = verifier.challenges(NOW, HERE, false).next().expect("it challenges").to_string();
    let nonce = challenge.split('"').nth(3).expect("it has a nonce");
    let (uri, response) = (parts.uri(), parts.response(nonce));
    let answer = parts.answer(nonce, &response);
    let claim = Claim { now: NOW, address: HERE, method: METHOD, uri: &uri };
    let verify = |claim: &Claim<'_>, answer: &str| verifier.verify(&mut Proofs::default(), claim, answer, &users);

    let is_plain = !answer.bytes().any(|byte| byte.is_ascii_control());
    let expected = match () {
        () if !is_plain => Err(Unproven::Malformed),
        () if user.len() > 128 => Err(Unproven::Wrong),
        () => Ok(()),
    };
    assert_eq!(verify(&claim, &answer), expected, "{answer}");

    // On one connection an answer with a count is good once, and one without as often as it comes.
    let mut proofs = Proofs::default();
    if verifier.verify(&mut proofs, &claim, &answer, &users).is_ok() {
        assert_eq!(proofs.user(), Some(user));
        let again = verifier.verify(&mut proofs, &claim, &answer, &users);
        assert_eq!(again.is_ok(), parts.counted.is_none(), "{answer}");
    }

    // Others cannot use it, nor can the same for something else, later, or at another server.
    let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7));
    assert!(verify(&Claim { address, ..claim }, &answer).is_err());
    assert!(verify(&Claim { now: NOW.after(Duration::from_secs(302)), ..claim }, &answer).is_err());
    assert!(verify(&Claim { now: Instant::from_millis(1), ..claim }, &answer).is_err());
    assert!(verify(&Claim { method: "PLAY", ..claim }, &answer).is_err());
    assert!(verify(&Claim { uri: "rtsp://h/never\u{1}", ..claim }, &answer).is_err());
    let other = Key::new([8; 32]);
    let elsewhere = Verifier::new(&other, REALM, Basic::Allowed);
    assert!(elsewhere.verify(&mut Proofs::default(), &claim, &answer, &users).is_err());
    let renamed = Verifier::new(&key, "n", Basic::Allowed);
    assert!(renamed.verify(&mut Proofs::default(), &claim, &answer, &users).is_err());

    // A changed response is wrong, whichever digit it is.
    let mut changed = response.to_string().into_bytes();
    let place = usize::from(at) % changed.len();
    changed[place] = byte;
    if changed.is_ascii() && !changed.eq_ignore_ascii_case(response.as_bytes()) {
        let changed = parts.answer(nonce, std::str::from_utf8(&changed).expect("it is ASCII"));
        assert!(verify(&claim, &changed).is_err(), "{changed}");
    }
    // What is taken with a byte changed anywhere still has the response and the nonce in it.
    let mut changed = answer.into_bytes();
    let place = (usize::from(at) * 5 + usize::from(how >> 2)) % changed.len();
    changed[place] = byte;
    if let Ok(changed) = std::str::from_utf8(&changed)
        && verify(&claim, changed).is_ok()
    {
        assert!(changed.to_ascii_lowercase().contains(&*response) && changed.contains(nonce), "{changed}");
    }
}

/// Answers of every kind.
pub fn answers_seeds() -> Vec<Vec<u8>> {
    let texts = ["anna\nh/cam/trackID=0\n9c", "a\"\\b\nh/caf%C3%A9/?x\n\\\"", "\u{e9}:x\n\n", "\n[::1]:8554//a//\n,"];
    let with = |how: u8| texts.iter().map(move |text| [&[how, 1, 44, b'x'], text.as_bytes()].concat());
    (0..4).flat_map(with).collect()
}

/// Tokens that were made here open what they were made for; with anything else they open nothing.
///
/// The first bytes say how; behind them stand the stream's name and another path, each in a line.
pub fn tokens(data: &[u8]) {
    let mut input = Cursor(data);
    let [at, byte, a, b, c, d] = input.array();
    let Ok(text) = std::str::from_utf8(input.0) else { return };
    let (name, other) = text.split_once('\n').unwrap_or((text, ""));
    let (key, ends) = (Key::new([7; 32]), u32::from_be_bytes([a, b, c, d]));
    let token = Token::new(&key, name, ends);
    let shown = token.to_string();
    assert_eq!(shown.len(), 40);

    // The path of the name, as it is escaped where everything is.
    let name = name.trim_matches('/');
    let mut escaped = String::new();
    for byte in name.bytes() {
        let _ = if byte == b'/' { write!(escaped, "/") } else { write!(escaped, "%{byte:02X}") };
    }
    let path = Path::new(&escaped);
    let can_be_named = !name.contains('\0') && !name.split('/').any(|segment| segment == "." || segment == "..");
    for uri in [
        format!("rtsp://h/{escaped}?token={shown}"),
        format!("rtsp://h/{escaped}/trackID=0?x&TOKEN={shown}#y"),
        format!("rtsp://h/{escaped}?token={shown}/trackID=0"),
    ] {
        let found = Token::find(&uri).expect("it is there");
        assert!(found == token && found.ends() == ends, "{uri}");
        assert_eq!(found.is_for(&key, name, path), can_be_named, "{uri}");
        assert!(!found.is_for(&Key::new([8; 32]), name, path), "{uri}");
        // For another stream it is worth nothing, whatever that one calls itself.
        let (other_path, plain) = (Path::new(other), other.trim_matches('/'));
        if plain != name {
            assert!(!found.is_for(&key, other, other_path), "{uri} for {other:?}");
        }
        assert!(!found.is_for(&key, name, other_path) || other_path.names(name));
    }

    let mut changed = shown.into_bytes();
    let place = usize::from(at) % changed.len();
    let before = std::mem::replace(&mut changed[place], byte);
    let Ok(changed) = std::str::from_utf8(&changed) else { return };
    // Capital letters of the time are the same time.
    let is_same = if place < 8 { before.eq_ignore_ascii_case(&byte) } else { before == byte };
    if let Some(found) = Token::find(&format!("rtsp://h/{escaped}?token={changed}")) {
        assert_eq!(found.is_for(&key, name, path), is_same && can_be_named, "{changed}");
    }
}

/// Names, and other paths.
pub fn tokens_seeds() -> Vec<Vec<u8>> {
    let texts =
        ["cam\ncam2", "yard/caf\u{e9}\nyard", "/a//b/\na/b", "..\n.", "a%2Fb\na/b", "trackID=0\n", "\n", "n\0\nn"];
    let seed = |text: &&str| [&[9, b'0', 0x69, 0x21, 0, 0xab], text.as_bytes()].concat();
    texts.iter().map(seed).collect()
}
