//! Who may do what.

use crate::session::Secrecy;
use crate::session::server::Asking;
use crate::time::Instant;
use crate::wire::rtsp::StatusCode;
use core::convert::Infallible;
use core::fmt::Display;
use core::iter::empty;
use core::net::SocketAddr;
use core::ops::{Deref, DerefMut};
use core::task::Waker;

/// Decides about the requests of all clients of a server.
pub trait Guard {
    /// What is remembered of one connection: who it is, say, and by which proof.
    type Visit: Visit;
    /// A value of `WWW-Authenticate`.
    type Challenge: Display;

    /// Whether it decides anything. A server without a guard has no code for one.
    const GUARDS: bool = true;

    /// What is remembered of a connection that has just been taken. `is_private`: nobody can listen on its way.
    fn visit(&self, peer: SocketAddr, is_private: bool) -> Self::Visit;

    /// Decides about a request. It is asked about each but OPTIONS, and before it is known whether what the request is about
    /// exists.
    ///
    /// `waker`: to be woken when a request that waits is to be asked about again.
    fn judge(&self, visit: &mut Self::Visit, now: Instant, request: &Asking<'_>, waker: &Waker) -> Verdict;

    /// The challenges of an answer 401, in this order. `is_stale`: the proof was right, but too old.
    fn challenges(
        &self,
        visit: &Self::Visit,
        now: Instant,
        is_stale: bool,
    ) -> impl IntoIterator<Item = Self::Challenge>;

    /// Whether a client may hear that there is a medium of this name: clients of the lab dialect ask for lists. By default it may
    /// not, because a name may be a secret.
    fn may_know(&self, visit: &Self::Visit, name: &str) -> bool {
        let _ = (visit, name);
        false
    }
}

/// What a [`Guard`] remembers of one connection. By default its guard never makes a request wait, what it allows has no end, and
/// there are no keys.
pub trait Visit {
    /// Holds what encrypts a stream, which is large, while there is one that is encrypted: `Box<T>` where there is a heap, so that
    /// other connections have no memory for it, and [`Inline`] elsewhere.
    type Home<T>: DerefMut<Target = T> + From<T>;

    /// When the guard wants to be asked again about a request that waits.
    fn asks_again(&self) -> Option<Instant> {
        None
    }

    /// When what was allowed ends: the connection is closed then.
    fn ends(&self) -> Option<Instant> {
        None
    }

    /// A key and its salt for one stream that is encrypted, which nobody can guess; another one each time.
    fn stream_key(&self) -> Option<[u8; 30]> {
        None
    }
}

impl Visit for () {
    type Home<T> = Inline<T>;
}

/// Holds a value where it stands itself.
#[derive(Clone, Copy, Debug)]
pub struct Inline<T>(T);

impl<T> From<T> for Inline<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> Deref for Inline<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Inline<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// What a [`Guard`] says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Verdict {
    /// It is carried out, and media of the stream that it is about travel like this.
    Allowed(Secrecy),
    /// It is answered with 401 and [`Guard::challenges`].
    Challenged {
        /// The proof was right, but too old.
        is_stale: bool,
    },
    /// It is answered with this status and reason.
    Refused(StatusCode, &'static str),
    /// It waits: the guard is asked about it again when it wakes the client, and at [`Visit::asks_again`].
    Wait,
}

/// No guard: everybody may do everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Open;

impl Guard for Open {
    type Visit = ();
    type Challenge = Infallible;

    const GUARDS: bool = false;

    fn visit(&self, _: SocketAddr, _: bool) {}

    fn judge(&self, (): &mut (), _: Instant, _: &Asking<'_>, _: &Waker) -> Verdict {
        Verdict::Allowed(Secrecy::NONE)
    }

    fn challenges(&self, (): &(), _: Instant, _: bool) -> impl IntoIterator<Item = Infallible> {
        empty()
    }

    fn may_know(&self, (): &(), _: &str) -> bool {
        true
    }
}

impl<G: Guard> Guard for &G {
    type Visit = G::Visit;
    type Challenge = G::Challenge;

    const GUARDS: bool = G::GUARDS;

    fn visit(&self, peer: SocketAddr, is_private: bool) -> G::Visit {
        (**self).visit(peer, is_private)
    }

    fn judge(&self, visit: &mut G::Visit, now: Instant, request: &Asking<'_>, waker: &Waker) -> Verdict {
        (**self).judge(visit, now, request, waker)
    }

    fn challenges(&self, visit: &G::Visit, now: Instant, is_stale: bool) -> impl IntoIterator<Item = G::Challenge> {
        (**self).challenges(visit, now, is_stale)
    }

    fn may_know(&self, visit: &G::Visit, name: &str) -> bool {
        (**self).may_know(visit, name)
    }
}
