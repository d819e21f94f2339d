//! The server's side: which challenges are made, and whether an answer proves what it says.

use super::answer::{Answer, Counted, DigestAnswer, written};
use super::authenticator::Basic;
use super::credentials::{Credentials, MAX_USER};
use super::hash::{Algorithm, Hasher, Hex, Part, secret};
use super::mac::Key;
use super::nonces::{Nonce, Worth};
use super::quoted::Quoted;
use crate::time::Instant;
use crate::wire::url::Target;
use core::fmt::{self, Display};
use core::net::IpAddr;
use heapless::String;
use subtle::ConstantTimeEq;

/// Those who have a password.
pub trait Users {
    /// The hash of `user:realm:password`, in small hexadecimal digits; `None`: no such user, or none that proves itself by this
    /// algorithm.
    fn secret(&self, user: &str, algorithm: Algorithm) -> Option<&str>;
}

/// A request, and what is known of who makes it.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The time.
    pub now: Instant,
    /// Where the request comes from.
    pub address: IpAddr,
    /// Its method.
    pub method: &'a str,
    /// The URI of its request line, to the byte.
    pub uri: &'a str,
}

/// What is remembered of one connection's proofs.
#[derive(Clone, Debug, Default)]
pub struct Proofs {
    user: Option<String<MAX_USER>>,
    /// The nonce that was answered last, and the highest count with it.
    used: Option<(Nonce, u32)>,
}

/// Why an answer proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Unproven {
    /// The answer cannot be read, or is about another request. It says nothing about the password.
    Malformed,
    /// The password is right, but the nonce is too old or was made elsewhere, or its count was there before.
    Stale,
    /// The user or the password is wrong.
    Wrong,
}

/// Verifies answers of clients, and makes the challenges that they answer (RFC 7616, RFC 2617, RFC 7617).
#[derive(Clone, Debug)]
pub struct Verifier<'k> {
    key: &'k Key,
    realm: &'k str,
    basic: Basic,
}

impl Proofs {
    /// Who it is, once that was proven.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Nothing is proven any more.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}

impl<'k> Verifier<'k> {
    /// `key` makes nonces. `realm` is what the password is for, in words; it must hold no quotes, backslashes and control
    /// characters. `basic`: whether a password is taken as it is, which is for private connections alone.
    pub const fn new(key: &'k Key, realm: &'k str, basic: Basic) -> Self {
        Self { key, realm, basic }
    }

    /// The challenges for a client at `address`, in the order in which they have to be sent: some clients answer the last one,
    /// and some give up where they do not know it.
    pub fn challenges(
        &self,
        now: Instant,
        address: IpAddr,
        is_stale: bool,
    ) -> impl Iterator<Item = ServerChallenge<'k>> + use<'k> {
        let first = self.challenge(now, address, is_stale, Algorithm::Md5);
        let digest = move |&algorithm: &Algorithm| first.with(algorithm);
        let basic = (self.basic == Basic::Allowed).then_some(ServerChallenge { realm: self.realm, digest: None });
        basic.into_iter().chain(Algorithm::ALL.iter().map(digest))
    }

    /// The one of these that asks for a hash by this algorithm.
    pub fn challenge(
        &self,
        now: Instant,
        address: IpAddr,
        is_stale: bool,
        algorithm: Algorithm,
    ) -> ServerChallenge<'k> {
        let nonce = Nonce::new(self.key, now, self.realm, address);
        ServerChallenge { realm: self.realm, digest: Some((nonce, is_stale, algorithm)) }
    }

    /// Whether the value of `Authorization` proves who makes the request. If so, `proofs` knows the user from now on.
    ///
    /// # Errors
    /// See [`Unproven`].
    pub fn verify(
        &self,
        proofs: &mut Proofs,
        claim: &Claim<'_>,
        authorization: &str,
        users: &impl Users,
    ) -> Result<(), Unproven> {
        match Answer::parse(authorization).ok_or(Unproven::Malformed)? {
            Answer::Basic(_) if self.basic == Basic::Refused => Err(Unproven::Malformed),
            Answer::Basic(credentials) => self.verify_password(proofs, &credentials, users),
            Answer::Digest(answer) => self.verify_answer(proofs, claim, &answer, users),
        }
    }

    /// The same for Digest alone, which takes less of a program.
    ///
    /// # Errors
    /// See [`Unproven`].
    pub fn verify_digest(
        &self,
        proofs: &mut Proofs,
        claim: &Claim<'_>,
        authorization: &str,
        users: &impl Users,
    ) -> Result<(), Unproven> {
        let answer = DigestAnswer::parse(authorization).ok_or(Unproven::Malformed)?;
        self.verify_answer(proofs, claim, &answer, users)
    }

    /// Whether this is a user's password, which came by a form, say. If so, `proofs` knows the user from now on. It is for private
    /// connections alone, and asks nothing of [`Basic`].
    ///
    /// # Errors
    /// [`Unproven::Wrong`].
    pub fn verify_password(
        &self,
        proofs: &mut Proofs,
        credentials: &Credentials,
        users: &impl Users,
    ) -> Result<(), Unproven> {
        let Credentials { user, password } = credentials;
        // All are looked at, and a name that nobody has takes as long as one that somebody has.
        let is_right = Algorithm::ALL.iter().fold(false, |is_right, &algorithm| {
            let hash = secret(algorithm, user, self.realm, password);
            let known = users.secret(user, algorithm);
            let is_same = is_equal(known.unwrap_or(&hash), &hash);
            is_right | (is_same & known.is_some())
        });
        if !is_right {
            return Err(Unproven::Wrong);
        }
        proofs.user = Some(user.clone());
        Ok(())
    }

    fn verify_answer(
        &self,
        proofs: &mut Proofs,
        claim: &Claim<'_>,
        answer: &DigestAnswer<'_>,
        users: &impl Users,
    ) -> Result<(), Unproven> {
        if !is_about(claim.uri, answer.uri) {
            return Err(Unproven::Malformed);
        }
        let mut room = [0; MAX_USER];
        let user = written(answer.user, &mut room).ok_or(Unproven::Wrong)?;
        // A name that nobody has takes as long as one that somebody has.
        let nobody = "";
        let secret = users.secret(user, answer.algorithm).unwrap_or(nobody);
        let expected = response(secret, claim.method, answer);
        if secret == nobody || answer.realm != *self.realm || !is_equal(&expected, answer.response) {
            return Err(Unproven::Wrong);
        }
        let nonce = Nonce::parse(answer.nonce).ok_or(Unproven::Stale)?;
        let used = proofs.used.filter(|(used, _)| *used == nonce).map(|(_, count)| count);
        // The connection that has used a nonce goes on with it, however old it is: some clients cannot take another one.
        if used.is_none() && nonce.worth(self.key, claim.now, self.realm, claim.address) == Worth::Stale {
            return Err(Unproven::Stale);
        }
        let count = answer.counted.map(|Counted { count, .. }| count);
        if let (Some(used), Some(count)) = (used, count)
            && count <= used
        {
            return Err(Unproven::Stale);
        }
        // It fits: there was room for it.
        *proofs = Proofs { user: String::try_from(user).ok(), used: Some((nonce, count.or(used).unwrap_or(0))) };
        Ok(())
    }
}

/// RFC 7616 section 3.4.1; RFC 2617 section 3.2.2.1 without `qop`.
fn response(secret: &str, method: &str, answer: &DigestAnswer<'_>) -> Hex {
    use Part::{Plain, Quoted};
    let DigestAnswer { nonce, uri, algorithm, counted, .. } = *answer;
    let a2 = Hasher::joined(algorithm, &[Plain(method), Quoted(uri)]);
    match counted {
        Some(Counted { digits, word, .. }) => {
            let parts = [Plain(secret), Plain(nonce), Plain(digits), Quoted(word), Plain("auth"), Plain(&a2)];
            Hasher::joined(algorithm, &parts)
        }
        None => Hasher::joined(algorithm, &[Plain(secret), Plain(nonce), Plain(&a2)]),
    }
}

/// Whether a URI that was answered for is about what the request line names. Clients write the base's URL for a track's, another
/// scheme or host, or a slash more or less, and never another stream's path.
fn is_about(requested: &str, answered: Quoted<'_>) -> bool {
    if answered == *requested {
        return true;
    }
    let mut room = [0; MAX_URI];
    match (Target::parse(requested), written(answered, &mut room).and_then(Target::parse)) {
        (Some(requested), Some(answered)) => requested.path().split_track().0.is_same(answered.path().split_track().0),
        _ => false,
    }
}

/// As long as that of a request may be.
const MAX_URI: usize = 255;

/// Whether two hashes are the same, where capital letters are the same as small ones. The time that this takes tells nothing
/// about where they differ.
fn is_equal(expected: &str, sent: &str) -> bool {
    let mut small = [0; 64];
    let Some(small) = small.get_mut(..sent.len()) else { return false };
    small.copy_from_slice(sent.as_bytes());
    small.make_ascii_lowercase();
    expected.as_bytes().ct_eq(small).into()
}

/// A value of `WWW-Authenticate`, which `Display` writes: realm, nonce and `stale` first and in this order, which live555 needs.
#[derive(Clone, Copy, Debug)]
pub struct ServerChallenge<'k> {
    realm: &'k str,
    digest: Option<(Nonce, bool, Algorithm)>,
}

impl ServerChallenge<'_> {
    /// The same, for a hash by this algorithm.
    fn with(self, algorithm: Algorithm) -> Self {
        Self { digest: self.digest.map(|(nonce, is_stale, _)| (nonce, is_stale, algorithm)), ..self }
    }

    /// The hash that it asks for; `None`: it asks for the password.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.digest.map(|(_, _, algorithm)| algorithm)
    }
}

impl Display for ServerChallenge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { realm, digest } = self;
        let Some((nonce, is_stale, algorithm)) = digest else {
            return write!(f, "Basic realm=\"{realm}\", charset=\"UTF-8\"");
        };
        let stale = if *is_stale { "\", stale=\"TRUE" } else { "" };
        write!(f, "Digest realm=\"{realm}\", nonce=\"{nonce}{stale}\", algorithm={}, qop=\"auth\"", algorithm.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Authenticator;
    use crate::time::Duration;
    use std::format;
    use std::string::{String, ToString};
    use std::vec::Vec;

    /// Anna, whose password is "secret", in the realm "m".
    struct Anna(Hex, Hex);

    impl Anna {
        fn new() -> Self {
            let [md5, sha256] = [Algorithm::Md5, Algorithm::Sha256]
                .map(|algorithm| Hasher::hash(algorithm, format_args!("anna:m:secret")));
            Self(md5, sha256)
        }
    }

    impl Users for Anna {
        fn secret(&self, user: &str, algorithm: Algorithm) -> Option<&str> {
            let secret = if algorithm == Algorithm::Md5 { &self.0 } else { &self.1 };
            (user == "anna").then_some(secret)
        }
    }

    const URI: &str = "rtsp://h/cam/trackID=0";

    fn claim(now: Instant) -> Claim<'static> {
        Claim { now, address: "10.0.0.7".parse().unwrap(), method: "SETUP", uri: URI }
    }

    fn now() -> Instant {
        Instant::from_millis(1_000_000)
    }

    /// What a client says that takes the challenges in `take`, from the first on.
    fn answers(user: &str, password: &str, uri: &str, verifier: &Verifier<'_>, take: &[usize]) -> Vec<String> {
        let challenges: Vec<_> =
            verifier.challenges(now(), claim(now()).address, false).map(|challenge| challenge.to_string()).collect();
        let credentials = Credentials::new(user, password).unwrap();
        let mut authenticator = Authenticator::new(credentials, Basic::Allowed, 7);
        authenticator.handle_challenges(take.iter().map(|&at| &*challenges[at])).unwrap();
        (0..3).map(|_| authenticator.authorize("SETUP", uri).unwrap().to_string()).collect()
    }

    #[test]
    fn challenges_stand_in_the_order_that_works_everywhere() {
        let key = Key::new([7; 32]);
        let verifier = Verifier::new(&key, "m", Basic::Allowed);
        let shown = |is_stale| -> Vec<_> {
            verifier.challenges(now(), claim(now()).address, is_stale).map(|challenge| challenge.to_string()).collect()
        };
        let nonce = Nonce::new(&key, now(), "m", claim(now()).address);
        assert_eq!(
            shown(false),
            [
                "Basic realm=\"m\", charset=\"UTF-8\"".to_string(),
                format!("Digest realm=\"m\", nonce=\"{nonce}\", algorithm=SHA-256, qop=\"auth\""),
                format!("Digest realm=\"m\", nonce=\"{nonce}\", algorithm=MD5, qop=\"auth\""),
            ]
        );
        assert!(shown(true)[2].contains(&format!("realm=\"m\", nonce=\"{nonce}\", stale=\"TRUE\", algorithm=MD5")));
        assert_eq!(Verifier::new(&key, "m", Basic::Refused).challenges(now(), claim(now()).address, false).count(), 2);
    }

    #[test]
    fn our_own_client_proves_itself_by_every_scheme() {
        let (key, anna) = (Key::new([7; 32]), Anna::new());
        let verifier = Verifier::new(&key, "m", Basic::Allowed);
        for take in [&[0][..], &[1], &[2], &[0, 1, 2]] {
            let mut proofs = Proofs::default();
            for answer in answers("anna", "secret", URI, &verifier, take) {
                assert_eq!(verifier.verify(&mut proofs, &claim(now()), &answer, &anna), Ok(()), "{answer}");
                assert_eq!(proofs.user(), Some("anna"));
            }
            proofs.forget();
            assert_eq!(proofs.user(), None);
            for (user, password) in [("anna", "Secret"), ("anna", ""), ("otto", "secret"), ("", "")] {
                let answer = &answers(user, password, URI, &verifier, take)[0];
                assert_eq!(verifier.verify(&mut proofs, &claim(now()), answer, &anna), Err(Unproven::Wrong));
            }
            assert_eq!(proofs.user(), None);
        }
        let strict = Verifier::new(&key, "m", Basic::Refused);
        let basic = &answers("anna", "secret", URI, &verifier, &[0])[0];
        assert_eq!(strict.verify(&mut Proofs::default(), &claim(now()), basic, &anna), Err(Unproven::Malformed));
    }

    /// RFC 2069's answer, of which no count tells whether it was there before.
    fn five_fields(nonce: &str, uri: &str) -> String {
        let a2 = Hasher::hash(Algorithm::Md5, format_args!("SETUP:{uri}"));
        let response = Hasher::hash(Algorithm::Md5, format_args!("{}:{nonce}:{a2}", Anna::new().0));
        format!("Digest username=\"anna\", realm=\"m\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\"")
    }

    #[test]
    fn a_nonce_is_stale_after_five_minutes_and_elsewhere_but_not_where_it_was_used() {
        let (key, anna) = (Key::new([7; 32]), Anna::new());
        let verifier = Verifier::new(&key, "m", Basic::Refused);
        let nonce = Nonce::new(&key, now(), "m", claim(now()).address).to_string();
        let answer = five_fields(&nonce, URI);
        let later = now().after(Duration::from_secs(400));
        let mut proofs = Proofs::default();
        let mut verify = |claim: &Claim<'_>| verifier.verify(&mut proofs, claim, &answer, &anna);
        assert_eq!(verify(&claim(later)), Err(Unproven::Stale));
        assert_eq!(verify(&Claim { address: "10.0.0.8".parse().unwrap(), ..claim(now()) }), Err(Unproven::Stale));
        assert_eq!(verify(&claim(now())), Ok(()));
        assert_eq!(verify(&claim(later)), Ok(()), "it was used on this connection");
        let mut others = Proofs::default();
        assert_eq!(verifier.verify(&mut others, &claim(now()), &answer, &anna), Ok(()), "a connection made again");
        for nonce in ["", "5f3a", &nonce.to_uppercase()] {
            let answer = five_fields(nonce, URI);
            assert_eq!(verifier.verify(&mut others, &claim(now()), &answer, &anna), Err(Unproven::Stale), "{nonce}");
        }
    }

    #[test]
    fn counts_rise_strictly_on_a_connection() {
        let (key, anna) = (Key::new([7; 32]), Anna::new());
        let verifier = Verifier::new(&key, "m", Basic::Refused);
        let answers = answers("anna", "secret", URI, &verifier, &[1]);
        let mut proofs = Proofs::default();
        for (answer, expected) in
            [(1, Ok(())), (1, Err(Unproven::Stale)), (0, Err(Unproven::Stale)), (2, Ok(())), (1, Err(Unproven::Stale))]
        {
            assert_eq!(verifier.verify(&mut proofs, &claim(now()), &answers[answer], &anna), expected);
        }
    }

    #[test]
    fn an_answer_is_for_one_resource_and_one_method() {
        let (key, anna) = (Key::new([7; 32]), Anna::new());
        let verifier = Verifier::new(&key, "m", Basic::Refused);
        let nonce = Nonce::new(&key, now(), "m", claim(now()).address).to_string();
        let verify = |uri: &str, claim: &Claim<'_>| {
            verifier.verify(&mut Proofs::default(), claim, &five_fields(&nonce, uri), &anna)
        };
        for (uri, expected) in [
            (URI, Ok(())),
            ("rtsp://h/cam/", Ok(())),
            ("rtsp://h/cam", Ok(())),
            ("rtsps://other:322/c%61m", Ok(())),
            ("/cam", Ok(())),
            ("rtsp://h/other/trackID=0", Err(Unproven::Malformed)),
            ("rtsp://h/ca", Err(Unproven::Malformed)),
            ("rtsp://h/", Err(Unproven::Malformed)),
            ("", Err(Unproven::Malformed)),
            ("*", Err(Unproven::Malformed)),
        ] {
            assert_eq!(verify(uri, &claim(now())), expected, "{uri}");
        }
        assert_eq!(verify(URI, &Claim { method: "PLAY", ..claim(now()) }), Err(Unproven::Wrong));
        let answer = five_fields(&nonce, "*").replace("SETUP", "OPTIONS");
        let star = Claim { uri: "*", ..claim(now()) };
        assert_eq!(verifier.verify(&mut Proofs::default(), &star, &answer, &anna), Ok(()));
    }

    #[test]
    fn a_response_of_any_length_is_compared() {
        let (key, anna) = (Key::new([7; 32]), Anna::new());
        let verifier = Verifier::new(&key, "m", Basic::Refused);
        let nonce = Nonce::new(&key, now(), "m", claim(now()).address).to_string();
        let right = five_fields(&nonce, URI);
        let (start, response) = right.split_once("response=\"").unwrap();
        let response = response.trim_end_matches('"');
        for (changed, expected) in [
            (response.to_string(), Ok(())),
            (response.to_uppercase(), Ok(())),
            (String::new(), Err(Unproven::Wrong)),
            (response[1..].to_string(), Err(Unproven::Wrong)),
            (format!("{response}0"), Err(Unproven::Wrong)),
            ("0".repeat(500), Err(Unproven::Wrong)),
        ] {
            let answer = format!("{start}response=\"{changed}\"");
            assert_eq!(verifier.verify(&mut Proofs::default(), &claim(now()), &answer, &anna), expected, "{changed}");
        }
    }
}
