//! A guard for firmware: one user with a password, who may do everything.

use super::guard::{Guard, Inline, Verdict, Visit};
use crate::auth::{Algorithm, Basic, Claim, Hex, Key, Proofs, ServerChallenge, Unproven, Users, Verifier, secret};
use crate::session::Secrecy;
use crate::session::server::Asking;
use crate::time::Instant;
use crate::wire::rtsp::StatusCode;
use core::net::{IpAddr, SocketAddr};
use core::task::Waker;

/// Lets those in who know a user's password. Clients prove it by Digest; guessing is limited only by how fast they may ask.
///
/// The lab's client cannot, and gets 401.
#[derive(Debug)]
pub struct Password<'a> {
    verifier: Verifier<'a>,
    user: OneUser<'a>,
}

/// The user, and the hash of the password.
struct OneUser<'a> {
    name: &'a str,
    secret: Hex,
}

/// What is remembered of one connection.
#[derive(Debug)]
pub struct PasswordVisit {
    address: IpAddr,
    proofs: Proofs,
}

impl<'a> Password<'a> {
    /// The user `name` has this password. `key`: 32 bytes that nobody can guess, fresh at each start. `realm` says what the
    /// password is for.
    pub fn new(key: &'a Key, realm: &'a str, name: &'a str, password: &str) -> Self {
        let secret = secret(Algorithm::Md5, name, realm, password);
        Self { verifier: Verifier::new(key, realm, Basic::Refused), user: OneUser { name, secret } }
    }
}

impl Users for OneUser<'_> {
    fn secret(&self, user: &str, algorithm: Algorithm) -> Option<&str> {
        (user == self.name && algorithm == Algorithm::Md5).then_some(&self.secret)
    }
}

/// The name alone.
impl core::fmt::Debug for OneUser<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name)
    }
}

impl<'a> Guard for Password<'a> {
    type Visit = PasswordVisit;
    type Challenge = ServerChallenge<'a>;

    fn visit(&self, peer: SocketAddr, _: bool) -> PasswordVisit {
        PasswordVisit { address: peer.ip(), proofs: Proofs::default() }
    }

    fn judge(&self, visit: &mut PasswordVisit, now: Instant, request: &Asking<'_>, _: &Waker) -> Verdict {
        let Ok(authorization) = request.authorization() else {
            return Verdict::Refused(StatusCode::BAD_REQUEST, "");
        };
        let Some(authorization) = authorization else {
            let is_known = visit.proofs.user().is_some();
            return if is_known { Verdict::Allowed(Secrecy::NONE) } else { Verdict::Challenged { is_stale: false } };
        };
        let claim = Claim { now, address: visit.address, method: request.method.name(), uri: request.uri };
        match self.verifier.verify_digest(&mut visit.proofs, &claim, authorization, &self.user) {
            Ok(()) => Verdict::Allowed(Secrecy::NONE),
            Err(unproven) => Verdict::Challenged { is_stale: unproven == Unproven::Stale },
        }
    }

    fn challenges(
        &self,
        visit: &PasswordVisit,
        now: Instant,
        is_stale: bool,
    ) -> impl IntoIterator<Item = ServerChallenge<'a>> {
        // What it has no hash for it does not ask for.
        Some(self.verifier.challenge(now, visit.address, is_stale, Algorithm::Md5))
    }
}

impl Visit for PasswordVisit {
    type Home<T> = Inline<T>;
}
