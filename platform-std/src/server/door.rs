//! Who decides about clients: what a [`Guard`] needs of a server.

use std::net::{IpAddr, SocketAddr};
use std::task::Waker;

use mutoscope::io::server::{Guard, Open, Verdict};
use mutoscope::session::server::Asking;
use mutoscope::time::Instant;
use mutoscope::wire::url::Path;

use crate::guard::{Gate, GateVisit, LogIn, UsernameToken};

/// What a guard knows of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Who it is.
    pub user: Option<String>,
    /// The path of the stream, as it was asked for.
    pub path: Option<String>,
}

/// A guard of a server's clients.
pub trait Door: Guard {
    /// Whether a connection from there is taken at all.
    fn lets_in(&self, peer: SocketAddr) -> bool;

    /// Whether there is anybody who could log in. Then those who have not are strangers, who may not take all places.
    fn asks_who_it_is(&self) -> bool;

    /// Whether somebody has logged in from there and is still there, or needs no password because of the address.
    fn is_inside(&self, address: IpAddr) -> bool;

    /// Finds out who asks for what is no stream, such as a list of them. Without a proof it is nobody, which is allowed, too.
    fn identify(&self, visit: &mut Self::Visit, now: Instant, request: &Asking<'_>) -> Verdict {
        self.judge(visit, now, request, Waker::noop())
    }

    /// The same by a token of SOAP, in place of a proof in the request's head. Where nobody has a password for that, it proves nothing.
    fn identify_by_token(
        &self,
        _visit: &mut Self::Visit,
        _now: Instant,
        _request: &Asking<'_>,
        _token: &UsernameToken,
    ) -> Verdict {
        Verdict::Challenged { is_stale: false }
    }

    /// Whether who was found out so may watch a stream as it is. Nothing is written down of that.
    fn may_watch(&self, _visit: &Self::Visit, _path: Path<'_>) -> bool {
        true
    }

    /// Whether there may be a stream that who was found out so may watch. It is told in a time that does not depend on how many there are.
    fn may_watch_something(&self, _visit: &Self::Visit) -> bool {
        true
    }

    /// Whether who was found out so may see the sessions of all, and end them.
    fn may_administer(&self, _visit: &Self::Visit) -> bool {
        false
    }

    /// Whether names and passwords may come by a form, on private connections: what [`log_in`](Self::log_in) says of them counts.
    fn has_form(&self) -> bool {
        false
    }

    /// Whether this name and this password, which came by a form, are somebody's.
    fn log_in(
        &self,
        _visit: &mut Self::Visit,
        _now: Instant,
        _request: &Asking<'_>,
        _name_and_password: (&str, &str),
    ) -> LogIn {
        LogIn::Refused("there is nobody who could log in")
    }

    /// A cookie is shown. If somebody has it who has logged in by a form, that one makes the requests of this visit.
    fn resume(&self, _visit: &mut Self::Visit, _now: Instant, _cookie: &str) -> bool {
        false
    }

    /// The cookie is nobody's from now on.
    fn log_out(&self, _visit: &Self::Visit, _now: Instant, _request: &Asking<'_>, _cookie: &str) {}

    /// What is known of who has a session.
    fn about(&self, _visit: &Self::Visit) -> About {
        About::default()
    }

    /// How many requests were refused so far, by the reason: one word for each.
    fn refusals(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }

    /// A connection was refused before it could ask for anything. It may come as often as connections do.
    fn tell_refused(&self, _now: Instant, _peer: SocketAddr, _why: &str) {}
}

impl Door for Open {
    fn lets_in(&self, _: SocketAddr) -> bool {
        true
    }

    fn asks_who_it_is(&self) -> bool {
        false
    }

    fn is_inside(&self, _: IpAddr) -> bool {
        false
    }
}

impl Door for Gate {
    fn lets_in(&self, peer: SocketAddr) -> bool {
        self.lets_in(peer)
    }

    fn asks_who_it_is(&self) -> bool {
        !self.rules().users.is_empty()
    }

    fn is_inside(&self, address: IpAddr) -> bool {
        self.is_inside(address) || self.rules().know(address)
    }

    fn identify(&self, visit: &mut GateVisit, now: Instant, request: &Asking<'_>) -> Verdict {
        self.identify(visit, now, request)
    }

    fn identify_by_token(
        &self,
        visit: &mut GateVisit,
        now: Instant,
        request: &Asking<'_>,
        token: &UsernameToken,
    ) -> Verdict {
        self.identify_by_token(visit, now, request, token)
    }

    fn may_watch(&self, visit: &GateVisit, path: Path<'_>) -> bool {
        self.may_watch(visit, path)
    }

    fn may_watch_something(&self, visit: &GateVisit) -> bool {
        self.may_watch_something(visit)
    }

    fn may_administer(&self, visit: &GateVisit) -> bool {
        self.may_administer(visit)
    }

    fn has_form(&self) -> bool {
        self.asks_who_it_is()
    }

    fn log_in(
        &self,
        visit: &mut GateVisit,
        now: Instant,
        request: &Asking<'_>,
        name_and_password: (&str, &str),
    ) -> LogIn {
        self.log_in(visit, now, request, name_and_password)
    }

    fn resume(&self, visit: &mut GateVisit, now: Instant, cookie: &str) -> bool {
        self.resume(visit, now, cookie)
    }

    fn log_out(&self, visit: &GateVisit, now: Instant, request: &Asking<'_>, cookie: &str) {
        self.log_out(visit, now, request, cookie);
    }

    fn about(&self, visit: &GateVisit) -> About {
        let (user, path) = visit.about();
        About { user, path }
    }

    fn refusals(&self) -> Vec<(&'static str, u64)> {
        self.refusals()
    }

    fn tell_refused(&self, now: Instant, peer: SocketAddr, why: &str) {
        self.tell_refused(now, peer, why);
    }
}

impl<D: Door> Door for &D {
    fn lets_in(&self, peer: SocketAddr) -> bool {
        (**self).lets_in(peer)
    }

    fn asks_who_it_is(&self) -> bool {
        (**self).asks_who_it_is()
    }

    fn is_inside(&self, address: IpAddr) -> bool {
        (**self).is_inside(address)
    }

    fn identify(&self, visit: &mut D::Visit, now: Instant, request: &Asking<'_>) -> Verdict {
        (**self).identify(visit, now, request)
    }

    fn identify_by_token(
        &self,
        visit: &mut D::Visit,
        now: Instant,
        request: &Asking<'_>,
        token: &UsernameToken,
    ) -> Verdict {
        (**self).identify_by_token(visit, now, request, token)
    }

    fn may_watch(&self, visit: &D::Visit, path: Path<'_>) -> bool {
        (**self).may_watch(visit, path)
    }

    fn may_watch_something(&self, visit: &D::Visit) -> bool {
        (**self).may_watch_something(visit)
    }

    fn may_administer(&self, visit: &D::Visit) -> bool {
        (**self).may_administer(visit)
    }

    fn has_form(&self) -> bool {
        (**self).has_form()
    }

    fn log_in(
        &self,
        visit: &mut D::Visit,
        now: Instant,
        request: &Asking<'_>,
        name_and_password: (&str, &str),
    ) -> LogIn {
        (**self).log_in(visit, now, request, name_and_password)
    }

    fn resume(&self, visit: &mut D::Visit, now: Instant, cookie: &str) -> bool {
        (**self).resume(visit, now, cookie)
    }

    fn log_out(&self, visit: &D::Visit, now: Instant, request: &Asking<'_>, cookie: &str) {
        (**self).log_out(visit, now, request, cookie);
    }

    fn about(&self, visit: &D::Visit) -> About {
        (**self).about(visit)
    }

    fn refusals(&self) -> Vec<(&'static str, u64)> {
        (**self).refusals()
    }

    fn tell_refused(&self, now: Instant, peer: SocketAddr, why: &str) {
        (**self).tell_refused(now, peer, why);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::{Rules, StreamRules, Users, Who};

    #[test]
    fn who_needs_no_password_because_of_an_address_is_no_stranger() {
        let mut users = Users::default();
        users.set("anna", "secret").unwrap();
        let who = |words: &[&str]| Some(Who::parse(words.iter().copied()).unwrap());
        let mut rules = Rules { users, ..Rules::default() };
        rules.streams.insert("yard", StreamRules { watch: who(&["10.0.0.0/8"]), ..StreamRules::default() });
        rules.streams.insert("lobby", StreamRules { watch: who(&["everybody"]), ..StreamRules::default() });
        let gate = Gate::new(rules).unwrap();
        let is_inside = |address: &str| Door::is_inside(&gate, address.parse().unwrap());
        assert!(gate.asks_who_it_is() && is_inside("10.1.2.3") && !is_inside("192.0.2.7"));
        // Where nobody has a password there are no strangers.
        assert!(!Gate::new(Rules::default()).unwrap().asks_who_it_is());
    }
}
