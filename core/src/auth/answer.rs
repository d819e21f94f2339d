//! `Authorization`: what a client says to prove who it is (RFC 7616 section 3.4, RFC 7617 section 2).

use super::challenge::{parameter_value, token};
use super::credentials::{Credentials, MAX_USER, from_basic};
use super::hash::Algorithm;
use super::quoted::Quoted;
use crate::wire::text::{SliceWriter, strip_prefix_ignore_case};
use core::fmt::Write;

/// A value of `Authorization` that can be verified.
#[derive(Clone, Debug)]
pub(super) enum Answer<'a> {
    /// User and password as they are.
    Basic(Credentials),
    /// A hash of them.
    Digest(DigestAnswer<'a>),
}

/// The parts of a Digest answer, as they were sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct DigestAnswer<'a> {
    pub(super) user: Quoted<'a>,
    pub(super) realm: Quoted<'a>,
    pub(super) nonce: &'a str,
    pub(super) uri: Quoted<'a>,
    pub(super) response: &'a str,
    pub(super) algorithm: Algorithm,
    /// The client's count and word, with `qop=auth`.
    pub(super) counted: Option<Counted<'a>>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Counted<'a> {
    /// The digits, as they were hashed.
    pub(super) digits: &'a str,
    pub(super) count: u32,
    pub(super) word: Quoted<'a>,
}

impl<'a> Answer<'a> {
    /// Reads the value of one header. `None`: another scheme, another algorithm, a part that is missing, malformed, or there
    /// twice, so that it cannot be said which one counts.
    ///
    /// Clients quote what should not be quoted (`algorithm="MD5"`) and leave out what they do not know: without `algorithm` it
    /// is MD5, without `qop` the hash of RFC 2069.
    pub(super) fn parse(value: &'a str) -> Option<Self> {
        match parts(value)? {
            (scheme, rest) if scheme.eq_ignore_ascii_case("Basic") => {
                from_basic(rest.trim_end_matches(' ')).map(Self::Basic)
            }
            parts => DigestAnswer::of(parts).map(Self::Digest),
        }
    }
}

impl<'a> DigestAnswer<'a> {
    /// The same as [`Answer::parse`], for Digest alone.
    pub(super) fn parse(value: &'a str) -> Option<Self> {
        Self::of(parts(value)?)
    }

    fn of((scheme, rest): (&str, &'a str)) -> Option<Self> {
        if scheme.eq_ignore_ascii_case("Digest") { Parameters::parse(rest)?.answer() } else { None }
    }
}

/// The name of the scheme, and what follows it.
fn parts(value: &str) -> Option<(&str, &str)> {
    if value.bytes().any(|byte| byte.is_ascii_control()) {
        return None;
    }
    let (scheme, rest) = token(behind(value, b" "));
    Some((scheme, behind(rest.strip_prefix(' ')?, b" ")))
}

/// `text` behind such bytes at its beginning.
fn behind<'a>(text: &'a str, bytes: &[u8]) -> &'a str {
    let at = text.bytes().position(|byte| !bytes.contains(&byte)).unwrap_or(text.len());
    text.get(at..).unwrap_or_default()
}

/// The names of the parameters that are read.
const NAMES: [&str; 9] = ["username", "realm", "nonce", "uri", "response", "algorithm", "qop", "nc", "cnonce"];

/// Their values, in the same order.
#[derive(Default)]
struct Parameters<'a>([Option<&'a str>; NAMES.len()]);

impl<'a> Parameters<'a> {
    fn parse(mut rest: &'a str) -> Option<Self> {
        let mut parameters = Self::default();
        loop {
            rest = behind(rest, b" ,");
            if rest.is_empty() {
                return Some(parameters);
            }
            let (name, value) = token(rest);
            let value = behind(value, b" ").strip_prefix('=')?;
            let (value, after) = parameter_value(behind(value, b" "))?;
            if name.is_empty() || !parameters.take(name, value) {
                return None;
            }
            rest = after;
        }
    }

    /// `false`: it is there already.
    fn take(&mut self, name: &str, value: &'a str) -> bool {
        let known = NAMES.iter().zip(&mut self.0).find(|(known, _)| known.eq_ignore_ascii_case(name));
        known.is_none_or(|(_, place)| place.replace(value).is_none())
    }

    fn answer(&self) -> Option<DigestAnswer<'a>> {
        let Self([user, realm, nonce, uri, response, algorithm, qop, nc, cnonce]) = *self;
        Some(DigestAnswer {
            user: Quoted(user?),
            realm: Quoted(realm?),
            nonce: nonce?,
            uri: Quoted(uri?),
            response: response?,
            algorithm: algorithm.map_or(Some(Algorithm::Md5), Algorithm::from_name)?,
            counted: match qop.filter(|qop| !qop.is_empty()) {
                None => None,
                Some(qop) if qop.eq_ignore_ascii_case("auth") => Some(Counted::parse(nc?, cnonce?)?),
                Some(_) => return None,
            },
        })
    }
}

impl<'a> Counted<'a> {
    fn parse(digits: &'a str, word: &'a str) -> Option<Self> {
        let take = |count: u32, digit: u8| count.checked_mul(16)?.checked_add(char::from(digit).to_digit(16)?);
        let count = digits.bytes().try_fold(0, take).filter(|_| !digits.is_empty())?;
        Some(Self { digits, count, word: Quoted(word) })
    }
}

/// The user in whose name somebody answers, whether or not the answer proves it; `None`: it cannot be read.
pub fn claimed_user(authorization: &str) -> Option<heapless::String<MAX_USER>> {
    match Answer::parse(authorization)? {
        Answer::Basic(credentials) => Some(credentials.user),
        Answer::Digest(answer) => heapless::String::try_from(written(answer.user, &mut [0; MAX_USER])?).ok(),
    }
}

/// What is meant by this, in `room` if that is large enough.
pub(super) fn written<'r>(value: Quoted<'_>, room: &'r mut [u8]) -> Option<&'r str> {
    let mut out = SliceWriter::new(room);
    let mut fits = true;
    value.each(&mut |piece| fits &= out.write_str(piece).is_ok());
    let len = out.len();
    core::str::from_utf8(room.get(..len).filter(|_| fits)?).ok()
}

/// The value of `name` in the query of a URL, as far as it consists of letters and digits: some clients put the path of a track
/// behind it.
pub(super) fn query_value<'a>(uri: &'a str, name: &str) -> Option<&'a str> {
    let (_, query) = uri.split_once('?')?;
    let value =
        query.split(['&', '#', ';']).find_map(|part| strip_prefix_ignore_case(part, name)?.strip_prefix('='))?;
    let len = value.bytes().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(value.len());
    value.get(..len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    fn digest(value: &str) -> Option<DigestAnswer<'_>> {
        match Answer::parse(value) {
            Some(Answer::Digest(answer)) => Some(answer),
            _ => None,
        }
    }

    #[test]
    fn answers_of_clients_in_the_field_are_read() {
        // FFmpeg quotes the algorithm and qop, and not the count.
        let answer = digest(
            r#"Digest username="anna", realm="m", nonce="5f", uri="rtsp://h/cam", response="aa", algorithm="MD5", qop="auth", cnonce="9c", nc=0000000a"#,
        );
        let answer = answer.unwrap();
        assert_eq!((answer.user.to_string(), answer.uri.to_string()), ("anna".into(), "rtsp://h/cam".into()));
        assert_eq!((answer.algorithm, answer.counted.unwrap().count), (Algorithm::Md5, 10));
        // GStreamer and live555 send five fields.
        let answer = digest(r#"Digest username="anna", realm="m", nonce="5f", uri="rtsp://h/cam", response="aa""#);
        assert!(answer.unwrap().counted.is_none());
        let sha =
            digest(r#"digest USERNAME="a\"b" , realm=m,nonce=5f, uri="*",response=aa, algorithm=sha-256, opaque="""#);
        let sha = sha.unwrap();
        assert_eq!((sha.user.to_string().as_str(), sha.algorithm), ("a\"b", Algorithm::Sha256));
        assert!(matches!(Answer::parse("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), Some(Answer::Basic(credentials))
            if credentials == Credentials::new("Aladdin", "open sesame").unwrap()));
    }

    #[test]
    fn what_cannot_be_verified_is_no_answer() {
        let whole = r#"Digest username="a", realm="m", nonce="5f", uri="u", response="aa""#;
        assert!(Answer::parse(whole).is_some());
        for name in ["username", "realm", "nonce", "uri", "response"] {
            assert!(Answer::parse(&whole.replace(name, "x")).is_none(), "{name} is missing");
            let twice = std::format!("{whole}, {name}=\"b\"");
            assert!(Answer::parse(&twice).is_none(), "{name} is there twice");
        }
        for more in [
            "algorithm=MD5-sess",
            "algorithm=",
            "qop=auth",
            "qop=auth, nc=1",
            "qop=auth, cnonce=\"c\"",
            "qop=auth, nc=+1, cnonce=\"c\"",
            "qop=auth, nc=100000000, cnonce=\"c\"",
            "qop=auth-int, nc=1, cnonce=\"c\"",
            "x",
            "=x",
            "x=\"",
        ] {
            assert!(Answer::parse(&std::format!("{whole}, {more}")).is_none(), "{more}");
        }
        for value in ["", " ", "Digest", "Bearer x", "Basic", "Basic !", "Basic QQ==", "Digest username=\"a\rb\""] {
            assert!(Answer::parse(value).is_none(), "{value:?}");
        }
    }

    #[test]
    fn a_value_of_a_query_ends_where_a_track_begins() {
        for (uri, expected) in [
            ("rtsp://h/cam?token=ab12", Some("ab12")),
            ("rtsp://h/cam?x=1&TOKEN=ab12/trackID=0", Some("ab12")),
            ("rtsp://h/cam/trackID=0?token=ab12#x", Some("ab12")),
            ("rtsp://h/cam?token", None),
            ("rtsp://h/cam?nottoken=1", None),
            ("rtsp://h/token=1", None),
            ("rtsp://h/cam?token=", Some("")),
        ] {
            assert_eq!(query_value(uri, "token"), expected, "{uri}");
        }
    }
}
