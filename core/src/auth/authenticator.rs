//! Which challenge is answered, and with what.

use super::challenge::{Challenge, Scheme};
use super::credentials::{Credentials, basic};
use super::hash::{Algorithm, Hasher, Hex};
use super::quoted::Quoted;
use crate::wire::text::OneLine;
use core::fmt::{self, Display, Write};
use heapless::String;

/// Longest challenge that is answered, in bytes.
pub const MAX_CHALLENGE: usize = 512;

/// How often one request is sent again because the challenge that it answered was too old. A server whose nonces live for one
/// request needs one; busy ones may need another.
const MAX_STALE: u8 = 2;

/// Whether the password may be sent as it is, where a server takes nothing better. Whoever listens on the way reads it then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Basic {
    /// It may, because nobody is on the way, or because the server knows nothing else.
    Allowed,
    /// It may not.
    #[default]
    Refused,
}

/// Why a challenge is not answered, so that the server's refusal is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Refusal {
    /// User or password is wrong, or the user may not do this.
    Credentials,
    /// The server wants the password as it is, which is not allowed.
    Basic,
    /// The server knows no scheme and no algorithm that we know, or says nothing that can be understood.
    Scheme,
    /// The challenge is longer than [`MAX_CHALLENGE`].
    TooLong,
}

/// Answers one server's challenges for one user.
///
/// It is made for requests that follow one another: [`authorize`](Self::authorize) for each, then
/// [`handle_challenges`](Self::handle_challenges) where the answer is 401, or [`handle_accepted`](Self::handle_accepted).
#[derive(Clone, Debug)]
pub struct Authenticator {
    credentials: Credentials,
    basic: Basic,
    secret: u64,
    /// The challenge that is answered at present, as it was sent; empty before there is one.
    challenge: String<MAX_CHALLENGE>,
    /// Answers to this challenge, which Digest counts.
    count: u32,
    /// The last request carried an answer.
    answered: bool,
    /// An answer was accepted once.
    accepted: bool,
    /// Answers that were rejected since then.
    rejected: u8,
}

impl Authenticator {
    /// An authenticator that has not been challenged. `entropy` should be random; Digest's own words (`cnonce`) come from it.
    pub const fn new(credentials: Credentials, basic: Basic, entropy: u64) -> Self {
        Self {
            credentials,
            basic,
            secret: entropy,
            challenge: String::new(),
            count: 0,
            answered: false,
            accepted: false,
            rejected: 0,
        }
    }

    /// The last request was answered 401, with these values of `WWW-Authenticate`. `Ok`: send it again, with what
    /// [`authorize`](Self::authorize) gives now.
    ///
    /// # Errors
    /// See [`Refusal`]. No request is answered 401 without end: a second answer is only given where the first was too old, or
    /// others have been accepted before it.
    pub fn handle_challenges<'a>(&mut self, values: impl IntoIterator<Item = &'a str>) -> Result<(), Refusal> {
        let best = self.strongest(values)?;
        if self.answered {
            let current = Challenge::parse(&self.challenge).next();
            let fresh = current.is_some_and(|current| current.nonce != best.nonce);
            // Not all servers say that a nonce of theirs has become too old.
            let expired = if best.stale { self.rejected < MAX_STALE } else { self.accepted && self.rejected == 0 };
            if !(fresh && expired) {
                return Err(Refusal::Credentials);
            }
            self.rejected = self.rejected.saturating_add(1);
        }
        self.challenge = String::try_from(best.text).map_err(|_| Refusal::TooLong)?;
        self.count = 0;
        Ok(())
    }

    /// The last request was answered, and not with 401.
    pub fn handle_accepted(&mut self) {
        self.accepted |= self.answered;
        self.rejected = 0;
    }

    /// The `Authorization` of a request; `None` as long as nobody has asked for one. `uri` is exactly that of the request line.
    pub fn authorize<U: Display>(&mut self, method: &str, uri: U) -> Option<Authorization<'_, U>> {
        self.answered = false;
        let challenge = Challenge::parse(&self.challenge).next()?;
        self.answered = true;
        let proof = match challenge.scheme {
            Scheme::Basic => Proof::Basic,
            Scheme::Digest { algorithm, qop } => {
                self.count = self.count.wrapping_add(1);
                let count = qop.then_some(self.count);
                Proof::digest(&self.credentials, &challenge, algorithm, count, self.secret, method, &uri)
            }
        };
        Some(Authorization { credentials: &self.credentials, challenge, uri, proof })
    }

    /// Whether no answer has been given since the last challenge.
    pub const fn is_untried(&self) -> bool {
        !self.answered
    }

    /// A new connection is made: what was said on the old one is forgotten.
    pub fn restart(&mut self) {
        self.challenge.clear();
        (self.count, self.answered, self.accepted, self.rejected) = (0, false, false, 0);
    }

    /// The strongest of these challenges that can and may be answered; of equals, the first.
    fn strongest<'a>(&self, values: impl IntoIterator<Item = &'a str>) -> Result<Challenge<'a>, Refusal> {
        let mut best: Option<Challenge<'a>> = None;
        for challenge in values.into_iter().flat_map(Challenge::parse) {
            if best.is_none_or(|best| best.scheme < challenge.scheme) {
                best = Some(challenge);
            }
        }
        match best {
            Some(challenge) if challenge.scheme == Scheme::Basic && self.basic == Basic::Refused => Err(Refusal::Basic),
            best => best.ok_or(Refusal::Scheme),
        }
    }
}

/// A value of `Authorization`, which `Display` writes.
#[derive(Debug)]
pub struct Authorization<'a, U> {
    credentials: &'a Credentials,
    challenge: Challenge<'a>,
    uri: U,
    proof: Proof,
}

impl<U> Authorization<'_, U> {
    /// How it proves.
    pub fn scheme(&self) -> Scheme {
        self.challenge.scheme
    }
}

#[derive(Debug)]
enum Proof {
    Basic,
    Digest {
        response: Hex,
        /// Our count and our word, with `qop=auth`.
        ours: Option<(u32, Hex)>,
    },
}

impl Proof {
    /// RFC 7616 section 3.4.1, and RFC 2617 section 3.2.2.1 without `qop`.
    fn digest(
        credentials: &Credentials,
        challenge: &Challenge<'_>,
        algorithm: Algorithm,
        count: Option<u32>,
        secret: u64,
        method: &str,
        uri: &impl Display,
    ) -> Self {
        let Credentials { user, password } = credentials;
        let Challenge { realm, nonce, .. } = challenge;
        // The server must not be able to foretell our word, so it is made of what the server does not know.
        let ours = count.map(|count| {
            let mut word = Hasher::hash(algorithm, format_args!("{secret}:{count}:{nonce}"));
            word.truncate(16);
            (count, word)
        });
        Self::with(algorithm, format_args!("{user}:{realm}:{password}"), *nonce, ours, format_args!("{method}:{uri}"))
    }

    /// `a1` and `a2` are what the standards call so.
    fn with(
        algorithm: Algorithm,
        a1: fmt::Arguments<'_>,
        nonce: Quoted<'_>,
        ours: Option<(u32, Hex)>,
        a2: fmt::Arguments<'_>,
    ) -> Self {
        let (a1, a2) = (Hasher::hash(algorithm, a1), Hasher::hash(algorithm, a2));
        let response = match &ours {
            Some((count, word)) => Hasher::hash(algorithm, format_args!("{a1}:{nonce}:{count:08x}:{word}:auth:{a2}")),
            None => Hasher::hash(algorithm, format_args!("{a1}:{nonce}:{a2}")),
        };
        Self::Digest { response, ours }
    }
}

impl<U: Display> Display for Authorization<'_, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither challenges nor credentials hold control characters. A URI that does would give nobody a second line.
        let out = &mut OneLine(f);
        let Challenge { scheme, realm: Quoted(realm), nonce: Quoted(nonce), opaque, algorithm_is_told, .. } =
            self.challenge;
        let (Proof::Digest { response, ours }, Scheme::Digest { algorithm, .. }) = (&self.proof, scheme) else {
            out.write_str("Basic ")?;
            return write!(out, "{}", basic(self.credentials));
        };
        out.write_str("Digest username=\"")?;
        Escaped(out).write_str(&self.credentials.user)?;
        write!(out, "\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"")?;
        write!(Escaped(out), "{}", self.uri)?;
        write!(out, "\", response=\"{response}\"")?;
        if algorithm_is_told {
            write!(out, ", algorithm={}", algorithm.name())?;
        }
        if let Some(Quoted(opaque)) = opaque {
            write!(out, ", opaque=\"{opaque}\"")?;
        }
        if let Some((count, word)) = ours {
            write!(out, ", qop=auth, nc={count:08x}, cnonce=\"{word}\"")?;
        }
        Ok(())
    }
}

/// Passes text on into a quoted string: quotes and backslashes get a backslash.
struct Escaped<'w, W>(&'w mut W);

impl<W: Write> Write for Escaped<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive(['"', '\\']) {
            let plain = part.strip_suffix(['"', '\\']).unwrap_or(part);
            self.0.write_str(plain)?;
            if let Some(special) = part.strip_prefix(plain).filter(|special| !special.is_empty()) {
                self.0.write_str("\\")?;
                self.0.write_str(special)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::ToString;

    const MD5: &str = "Digest realm=\"cam\", nonce=\"5f3a\"";

    fn authenticator(user: &str, password: &str, basic: Basic) -> Authenticator {
        Authenticator::new(Credentials::new(user, password).unwrap(), basic, 7)
    }

    /// The response of a published example, whose client's word is given.
    fn response(algorithm: Algorithm, challenge: &str, password: &str, word: &str) -> Hex {
        let Challenge { realm, nonce, .. } = Challenge::parse(challenge).next().unwrap();
        let a1 = format!("Mufasa:{realm}:{password}");
        let ours = Some((1, Hex::try_from(word).unwrap()));
        let proof = Proof::with(algorithm, format_args!("{a1}"), nonce, ours, format_args!("GET:/dir/index.html"));
        let Proof::Digest { response, .. } = proof else { panic!("this is Digest") };
        response
    }

    #[test]
    fn responses_are_those_of_the_standards() {
        // RFC 2617 section 3.5.
        let challenge = "Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", \
                         nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
        let answer = response(Algorithm::Md5, challenge, "Circle Of Life", "0a4f113b");
        assert_eq!(answer, "6629fae49393a05397450978507c4ef1");
        // RFC 7616 section 3.9.1.
        let challenge = "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", \
                         nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\"";
        let word = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let answer = response(Algorithm::Md5, challenge, "Circle of Life", word);
        assert_eq!(answer, "8ca523f5e9506fed4657c9700eebdbec");
        let answer = response(Algorithm::Sha256, challenge, "Circle of Life", word);
        assert_eq!(answer, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
    }

    #[test]
    fn without_qop_the_answer_is_the_older_standard_s() {
        // RFC 2617 section 3.2.2.1 without qop.
        let mut authenticator = authenticator("anna", "secret", Basic::Refused);
        authenticator.handle_challenges([MD5]).unwrap();
        let answer = authenticator.authorize("DESCRIBE", "rtsp://h/cam").unwrap().to_string();
        let response = "1577028c558fcee7ab69884393064519";
        let expected = format!(
            "Digest username=\"anna\", realm=\"cam\", nonce=\"5f3a\", uri=\"rtsp://h/cam\", response=\"{response}\""
        );
        assert_eq!(answer, expected);
    }

    #[test]
    fn answers_are_counted_and_repeat_what_the_server_has_to_know_again() {
        let mut authenticator = authenticator("a\"b\\", "x", Basic::Refused);
        let challenge = r#"Digest qop="auth", realm="\"r\"", nonce="n", opaque="o", algorithm=SHA-256"#;
        authenticator.handle_challenges([challenge]).unwrap();
        let first = authenticator.authorize("PLAY", "rtsp://h/\"").unwrap().to_string();
        let second = authenticator.authorize("PLAY", "rtsp://h/\"").unwrap().to_string();
        let start = r#"Digest username="a\"b\\", realm="\"r\"", nonce="n", uri="rtsp://h/\"", response=""#;
        assert!(first.starts_with(start) && second.starts_with(start), "{first}");
        assert!(first.contains(r#"", algorithm=SHA-256, opaque="o", qop=auth, nc=00000001, cnonce=""#), "{first}");
        assert!(second.contains("nc=00000002"));
        let word = |answer: &str| answer.split("cnonce=").nth(1).map(ToString::to_string);
        assert_ne!(word(&first), word(&second));
    }

    #[test]
    fn the_strongest_that_is_allowed_is_answered() {
        let sha256 = "Digest realm=\"cam\", nonce=\"1\", algorithm=SHA-256";
        let md5_qop = "Digest realm=\"cam\", nonce=\"2\", qop=\"auth\"";
        let cases: [(&[&str], _); 7] = [
            (&["Basic realm=\"x\"", MD5], Ok("Digest")),
            (&[MD5, sha256, md5_qop], Ok("algorithm=SHA-256")),
            (&[MD5, md5_qop], Ok("qop=auth")),
            (&["Digest realm=\"cam\", nonce=\"1\", algorithm=SHA-512-256, Basic"], Err(Refusal::Basic)),
            (&["Basic"], Err(Refusal::Basic)),
            (&["Negotiate"], Err(Refusal::Scheme)),
            (&[], Err(Refusal::Scheme)),
        ];
        for (values, expected) in cases {
            let mut authenticator = authenticator("anna", "secret", Basic::Refused);
            let outcome = authenticator.handle_challenges(values.iter().copied());
            assert_eq!(outcome, expected.map(|_| ()), "{values:?}");
            let answer = authenticator.authorize("PLAY", "x").map(|answer| answer.to_string());
            assert!(answer.unwrap_or_default().contains(expected.unwrap_or("")), "{values:?}");
        }
        let mut authenticator = authenticator("Aladdin", "open sesame", Basic::Allowed);
        authenticator.handle_challenges(["Basic realm=\"x\""]).unwrap();
        let answer = authenticator.authorize("PLAY", "x").unwrap();
        assert_eq!(answer.to_string(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }

    #[test]
    fn a_wrong_password_is_told_at_the_second_refusal_and_an_old_nonce_is_not_one() {
        let challenge = |nonce: u32, stale: bool| format!("Digest realm=\"c\", nonce=\"{nonce}\", stale={stale}");
        let mut authenticator = authenticator("anna", "secret", Basic::Allowed);
        let mut refuse = |accepted: bool, nonce, stale| {
            if accepted {
                authenticator.handle_accepted();
            }
            let outcome = authenticator.handle_challenges([&*challenge(nonce, stale)]);
            let _ = authenticator.authorize("PLAY", "x");
            outcome
        };
        let wrong = Err(Refusal::Credentials);
        assert_eq!(refuse(false, 1, false), Ok(()), "nothing was sent yet");
        assert_eq!(refuse(false, 1, false), wrong);
        assert_eq!(refuse(false, 2, false), wrong);
        assert_eq!(refuse(false, 1, true), wrong, "the same nonce cannot be too old and still be offered");
        assert_eq!(refuse(false, 3, true), Ok(()));
        assert_eq!(refuse(false, 4, true), Ok(()));
        assert_eq!(refuse(false, 5, true), wrong, "there is no end");
        assert_eq!(refuse(true, 6, false), Ok(()), "not all servers say that a nonce is too old");
        assert_eq!(refuse(false, 7, false), wrong);
        assert_eq!(refuse(true, 8, true), Ok(()));
    }

    #[test]
    fn a_wrong_password_is_told_with_basic_too() {
        let mut authenticator = authenticator("anna", "secret", Basic::Allowed);
        assert_eq!(authenticator.handle_challenges(["Basic"]), Ok(()));
        let _ = authenticator.authorize("PLAY", "x");
        authenticator.handle_accepted();
        let _ = authenticator.authorize("PLAY", "x");
        assert_eq!(authenticator.handle_challenges(["Basic"]), Err(Refusal::Credentials));
        authenticator.restart();
        assert!(authenticator.authorize("PLAY", "x").is_none());
        let long = format!("Basic realm=\"{}\"", "x".repeat(MAX_CHALLENGE));
        assert_eq!(authenticator.handle_challenges([&*long]), Err(Refusal::TooLong));
    }

    #[test]
    fn nothing_secret_is_shown() {
        let mut authenticator = authenticator("anna", "hunter2", Basic::Allowed);
        authenticator.handle_challenges(["Basic"]).unwrap();
        let shown = format!("{authenticator:?} {:?}", authenticator.clone().authorize("PLAY", "x"));
        assert!(!shown.contains("hunter2") && !shown.contains("anna"), "{shown}");
    }
}
