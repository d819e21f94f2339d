//! `WWW-Authenticate`: what a server wants to be told (RFC 7235 section 4.1).

use super::hash::Algorithm;
use super::quoted::Quoted;
use crate::wire::text::is_token_byte;

/// A way to prove who one is, from the weakest to the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Scheme {
    /// The password itself (RFC 7617).
    Basic,
    /// A hash of the password and of what the server has sent (RFC 7616).
    Digest {
        /// The hash.
        algorithm: Algorithm,
        /// With a number and a word of ours in it (`qop=auth`); without, as RFC 2069 had it.
        qop: bool,
    },
}

/// A challenge that can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge<'a> {
    pub(super) text: &'a str,
    /// How it is answered.
    pub scheme: Scheme,
    pub(super) realm: Quoted<'a>,
    pub(super) nonce: Quoted<'a>,
    pub(super) opaque: Option<Quoted<'a>>,
    /// The server has named the algorithm, so the answer does, too.
    pub(super) algorithm_is_told: bool,
    /// The password may be right: only the challenge that was answered is too old (RFC 7616 section 3.3).
    pub stale: bool,
}

impl<'a> Challenge<'a> {
    /// The challenges in one header, without those that cannot be answered: of other schemes and algorithms, with
    /// `qop=auth-int` alone, without a nonce, or malformed.
    ///
    /// Servers put several into one header or give each a header of its own.
    pub fn parse(value: &'a str) -> impl Iterator<Item = Self> {
        let mut rest = Some(value);
        core::iter::from_fn(move || {
            loop {
                let (challenge, after) = next(rest?)?;
                rest = after;
                if challenge.is_some() {
                    return challenge;
                }
            }
        })
    }

    /// What the password is for, in the server's words. Quotes and backslashes in it have a backslash before them.
    pub fn realm(&self) -> &'a str {
        self.realm.0
    }
}

/// The first challenge in `text`, if it can be answered, and what follows it; `None` where there is none at all.
fn next(text: &str) -> Option<(Option<Challenge<'_>>, Option<&str>)> {
    let start = text.trim_start_matches([' ', '\t', ',']);
    let (name, mut rest) = token(start);
    if name.is_empty() {
        // No scheme begins here. One may begin behind the next comma.
        return Some((None, Some(start.split_once(',')?.1)));
    }
    let mut parameters = Parameters::default();
    let after = loop {
        let at = rest.trim_start_matches([' ', '\t', ',']);
        let (name, behind) = token(at);
        let behind = behind.trim_start_matches([' ', '\t']);
        match behind.strip_prefix('=') {
            Some(value) if !name.is_empty() => {
                let Some((value, after)) = parameter_value(value.trim_start_matches([' ', '\t'])) else {
                    // Nothing behind a quote too many means anything.
                    return Some((None, None));
                };
                parameters.take(name, value);
                rest = after;
            }
            _ if at.is_empty() => break at,
            // The next scheme, if it is separated from this one.
            _ if !name.is_empty() => break at,
            // The rest of what is neither a token nor a quoted string, such as the data of other schemes.
            _ => rest = at.get(at.chars().next().map_or(1, char::len_utf8)..).unwrap_or_default(),
        }
    };
    let text = start.get(..start.len().checked_sub(after.len())?)?.trim_end_matches([' ', '\t', ',']);
    Some((parameters.challenge(name, text), Some(after)))
}

/// The token at the beginning of `text`, which may be empty, and what follows it.
pub(super) fn token(text: &str) -> (&str, &str) {
    let len = text.bytes().position(|byte| !is_token_byte(byte)).unwrap_or(text.len());
    text.split_at_checked(len).unwrap_or((text, ""))
}

/// A quoted string's contents, or an unquoted value, and what follows. `None`: a quote is not closed, or stands in
/// the wrong place.
pub(super) fn parameter_value(text: &str) -> Option<(&str, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let len = text.bytes().position(|byte| matches!(byte, b',' | b' ' | b'\t')).unwrap_or(text.len());
        // A quote within it would end the quoted string that it is repeated in.
        let has_quote = |value: &str| value.bytes().any(|byte| matches!(byte, b'"' | b'\\'));
        return text.split_at_checked(len).filter(|(value, _)| !has_quote(value));
    };
    let mut escaped = false;
    let end = quoted.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })?;
    let (value, rest) = quoted.split_at_checked(end)?;
    Some((value, rest.get(1..)?))
}

#[derive(Default)]
struct Parameters<'a> {
    realm: Option<&'a str>,
    nonce: Option<&'a str>,
    opaque: Option<&'a str>,
    algorithm: Option<&'a str>,
    qop: Option<&'a str>,
    stale: Option<&'a str>,
}

impl<'a> Parameters<'a> {
    /// Of two of one name, the first counts.
    fn take(&mut self, name: &str, value: &'a str) {
        let known = [
            ("realm", &mut self.realm),
            ("nonce", &mut self.nonce),
            ("opaque", &mut self.opaque),
            ("algorithm", &mut self.algorithm),
            ("qop", &mut self.qop),
            ("stale", &mut self.stale),
        ];
        if let Some((_, place)) = known.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            place.get_or_insert(value);
        }
    }

    fn challenge(&self, scheme: &str, text: &'a str) -> Option<Challenge<'a>> {
        if text.chars().any(char::is_control) {
            return None;
        }
        let (scheme, nonce) = if scheme.eq_ignore_ascii_case("Basic") {
            (Scheme::Basic, "")
        } else if scheme.eq_ignore_ascii_case("Digest") {
            let algorithm = self.algorithm.map_or(Some(Algorithm::Md5), Algorithm::from_name)?;
            (Scheme::Digest { algorithm, qop: self.qop()? }, self.nonce?)
        } else {
            return None;
        };
        Some(Challenge {
            text,
            scheme,
            realm: Quoted(self.realm.unwrap_or_default()),
            nonce: Quoted(nonce),
            opaque: self.opaque.map(Quoted),
            algorithm_is_told: self.algorithm.is_some(),
            stale: self.stale.is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        })
    }

    /// Whether the server wants `qop=auth`, or none; `None` where it wants what we cannot do.
    fn qop(&self) -> Option<bool> {
        let mut offered = self.qop.unwrap_or_default().split([',', ' ']).filter(|qop| !qop.is_empty()).peekable();
        if offered.peek().is_none() {
            return Some(false);
        }
        offered.any(|qop| qop.eq_ignore_ascii_case("auth")).then_some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;
    use std::vec::Vec;

    const MD5: Scheme = Scheme::Digest { algorithm: Algorithm::Md5, qop: false };
    const MD5_QOP: Scheme = Scheme::Digest { algorithm: Algorithm::Md5, qop: true };
    const SHA256_QOP: Scheme = Scheme::Digest { algorithm: Algorithm::Sha256, qop: true };

    fn schemes(value: &str) -> Vec<Scheme> {
        Challenge::parse(value).map(|challenge| challenge.scheme).collect()
    }

    #[test]
    fn challenges_of_servers_in_the_field_are_read() {
        let cases: &[(&str, &[Scheme])] = &[
            ("Basic realm=\"cam\"", &[Scheme::Basic]),
            ("basic", &[Scheme::Basic]),
            ("Digest realm=\"LIVE555 Streaming Media\", nonce=\"c633aaf8b83127633cbe98fac1d20d87\"", &[MD5]),
            // GStreamer: 16 digits and no algorithm.
            ("Digest realm=\"GStreamer RTSP Server\", nonce=\"f98b57dfba0fa5c1\"", &[MD5]),
            // Hikvision, Dahua.
            ("Digest realm=\"IP Camera(23435)\", nonce=\"1f7e\", stale=\"FALSE\"", &[MD5]),
            ("Digest qop=\"auth\", realm=\"DS\", nonce=\"1f7e\", stale=\"FALSE\"", &[MD5_QOP]),
            ("Digest  realm = x ,nonce= y,algorithm=\"md5\",qop=\"auth-int, auth\",", &[MD5_QOP]),
            ("Digest realm=\"x\" nonce=\"y\" qop=auth", &[MD5_QOP]),
            ("DIGEST REALM=\"x\",NONCE=\"y\",ALGORITHM=sha-256,QOP=\"AUTH\"", &[SHA256_QOP]),
            (
                "Digest realm=\"a\", nonce=\"b\", algorithm=SHA-256, qop=\"auth\", Digest realm=\"a\", nonce=\"c\", \
                 Basic realm=\"a\"",
                &[SHA256_QOP, MD5, Scheme::Basic],
            ),
            ("Negotiate, Basic realm=\"x\"", &[Scheme::Basic]),
            ("NTLM TlRMTVNTUAACAAA/A==, Digest nonce=\"y\"", &[MD5]),
            ("Newauth realm=\"a, Basic b\", title=\"say \\\"Digest\\\"\", basic realm=\"s\"", &[Scheme::Basic]),
            (",,  , Basic realm=\"x\"", &[Scheme::Basic]),
            ("@@@, Basic", &[Scheme::Basic]),
        ];
        for (value, expected) in cases {
            assert_eq!(schemes(value), *expected, "{value}");
        }
    }

    #[test]
    fn what_cannot_be_answered_is_no_challenge() {
        for value in [
            "",
            " ,",
            "=",
            "\"",
            "Bearer",
            "Digest",
            "Digest realm=\"x\"",
            "Digest realm=\"x\", nonce=\"y",
            "Digest realm=\"x\\\", nonce=\"y\"",
            "Digest realm=x\", nonce=y",
            "Digest realm=\"x\", nonce=\"y\", algorithm=MD5-sess",
            "Digest realm=\"x\", nonce=\"y\", algorithm=",
            "Digest realm=\"x\", nonce=\"y\", qop=\"auth-int\"",
            "Digest realm=\"x\ry\", nonce=\"y\"",
            "Basic realm=\"\u{7f}\"",
        ] {
            assert_eq!(schemes(value), [], "{value:?}");
        }
    }

    #[test]
    fn values_are_kept_as_they_were_sent_and_read_without_their_backslashes() {
        let value = r#"Digest realm="a \"b\" \\c, d", nonce="n=,", opaque="", stale=TRUE, nonce="second""#;
        let challenge = Challenge::parse(value).next().unwrap();
        assert_eq!(challenge.realm(), r#"a \"b\" \\c, d"#);
        assert_eq!(challenge.realm.to_string(), r#"a "b" \c, d"#);
        assert_eq!((challenge.nonce.0, challenge.opaque, challenge.stale), ("n=,", Some(Quoted("")), true));
    }

    #[test]
    fn a_challenge_s_own_text_is_that_challenge() {
        let value = "Negotiate, Digest realm=\"a\", nonce=\"b\" , Basic realm=\"c\", ";
        let texts: Vec<_> = Challenge::parse(value).map(|challenge| challenge.text).collect();
        assert_eq!(texts, ["Digest realm=\"a\", nonce=\"b\"", "Basic realm=\"c\""]);
        for challenge in Challenge::parse(value) {
            assert!(Challenge::parse(challenge.text).eq([challenge]));
        }
    }
}
