//! The decision about a request, and what is remembered of a connection.

use std::cell::Cell;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::task::Waker;
use std::time::{SystemTime, UNIX_EPOCH};

use mutoscope::auth::{Basic, Claim, Credentials, Key, Proofs, Token, Unproven, Verifier, claimed_user};
use mutoscope::io::server::{Guard, Verdict, Visit};
use mutoscope::session::server::Asking;
use mutoscope::session::{Dialect, KeyExchange, Secrecy};
use mutoscope::time::{Duration, Instant};
use mutoscope::wire::rtsp::{Method, StatusCode};
use mutoscope::wire::url::Path;

use super::counted;
use super::guesses::{Guesses, Patience};
use super::journal::{Entry, Journal, What};
use super::logins::{Login, Logins};
use super::reasons::{
    AGAIN, CLOCK, ENCRYPTED, IN_THE_CLEAR, KEPT_OUT, LAB, NO_CHANCE, NO_PASSWORD_HELPS, NOT_THIS_USER, OTHER_TOKEN,
    Reasons, TOO_MANY, TWICE,
};
use super::rules::Rules;
use super::stream::{Encryption, StreamRules};
use super::username_token::{self, Taken, UsernameToken};
use super::users::Known;
use crate::names::decoded;
use crate::server::percent_encode;

/// Most streams of one connection that are remembered.
const MOST_GRANTED: usize = 4;

/// Decides about requests by [`Rules`]. It may be shared by threads and servers.
#[derive(Debug)]
pub struct Gate {
    current: Arc<Current>,
    nonce_key: Key,
    shared: Arc<Mutex<Shared>>,
    journal: Journal,
    refused: Reasons,
}

/// The rules that are decided by, and how often they were replaced.
#[derive(Debug)]
struct Current {
    rules: RwLock<Arc<Rules>>,
    number: AtomicU64,
}

impl Current {
    fn rules(&self) -> Arc<Rules> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What becomes of a name and a password that came by a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogIn {
    /// They are right. This is the cookie that stands for them from now on: 64 hexadecimal digits, which nobody else may see.
    Done(String),
    /// The name or the password is wrong.
    Wrong,
    /// There were wrong ones before: the same is to be asked again when the visit [says so](Visit::asks_again).
    Wait,
    /// There were too many wrong ones: nothing is listened to for so long.
    Locked(Duration),
    /// Passwords are not taken, for this reason.
    Refused(&'static str),
}

/// What somebody was allowed that lasts longer than a request.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Granted {
    path: String,
    is_to_publish: bool,
    /// What was known of who asks.
    user: Option<Arc<Known>>,
}

/// What connections have in common.
#[derive(Debug, Default)]
struct Shared {
    guesses: Guesses,
    /// Tokens of SOAP that were taken.
    taken: Taken,
    /// How many live connections have logged in, by where they come from.
    inside: HashMap<IpAddr, usize>,
    /// Those who have logged in by a form.
    logins: Logins,
}

/// What a [`Gate`] remembers of one connection.
#[derive(Debug)]
pub struct GateVisit {
    peer: SocketAddr,
    /// Nobody can listen on the way.
    is_private: bool,
    proofs: Proofs,
    /// The token that has let it in, and the path of its stream as that was asked for first.
    token: Option<(Token, String)>,
    asks_again: Option<Instant>,
    ends: Option<Instant>,
    /// It has logged in, and is counted with those who have.
    is_inside: bool,
    /// Which password the user had who has logged in.
    user: Option<Arc<Known>>,
    /// By a form, and not with this request.
    login: Option<Arc<Login>>,
    /// What a session may be for by now: it is not known which of these requests failed after all.
    granted: Vec<Granted>,
    /// The number of the last rules that allow all of that.
    allowed_by: Cell<u64>,
    current: Arc<Current>,
    shared: Arc<Mutex<Shared>>,
}

impl Gate {
    /// Decides by these rules.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn new(rules: Rules) -> io::Result<Self> {
        let mut key = [0; Key::LEN];
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        Ok(Self {
            current: Arc::new(Current { rules: RwLock::new(Arc::new(rules)), number: AtomicU64::new(0) }),
            nonce_key: Key::new(key),
            shared: Arc::default(),
            journal: Journal::default(),
            refused: Reasons::default(),
        })
    }

    /// Tells it to a journal, too.
    #[must_use]
    pub fn with_journal(self, journal: Journal) -> Self {
        Self { journal, ..self }
    }

    /// Decides by other rules from now on. The next request of those who watch is decided by the new ones. Until then they go on,
    /// or, where the new rules [cut](Rules::cut), their connections are closed if the new rules would not let them. Who has logged in by
    /// a form, and is no user any more or has another password, is logged out at once.
    pub fn replace(&self, rules: Rules) {
        let elsewhere = rules.elsewhere.clone().or(&self.rules().elsewhere);
        let rules = Arc::new(Rules { elsewhere, ..rules });
        *self.current.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&rules);
        lock(&self.shared).logins.retain(|user| rules.users.know(user));
        self.current.number.fetch_add(1, Ordering::Release);
    }

    /// Rules of other machines' streams have changed: what they allow those who watch is decided anew, as when rules are
    /// [replaced](Self::replace).
    pub fn reconsider(&self) {
        self.current.number.fetch_add(1, Ordering::Release);
    }

    /// The rules that it decides by.
    pub fn rules(&self) -> Arc<Rules> {
        self.current.rules()
    }

    /// Whether a connection from there is taken at all.
    pub fn lets_in(&self, peer: SocketAddr) -> bool {
        self.rules().networks.let_in(peer.ip())
    }

    /// How many requests were refused so far, by the reason. Those that only have to say who asks are not among them.
    pub fn refusals(&self) -> Vec<(&'static str, u64)> {
        self.refused.counts().collect()
    }

    /// Tells the journal that a connection was refused before it could ask for anything.
    pub fn tell_refused(&self, now: Instant, peer: SocketAddr, why: &str) {
        self.journal.write_connection(now, peer, why);
    }

    /// Opens the journal's file anew, which somebody may have given another name.
    ///
    /// # Errors
    /// See [`Journal::reopen`].
    pub fn reopen_journal(&self) -> io::Result<()> {
        self.journal.reopen()
    }

    /// Tells the journal's file what was counted and not told yet: the server ends.
    pub fn finish_journal(&self) {
        self.journal.finish();
    }

    /// Whether somebody has logged in from the same host and is still there.
    pub fn is_inside(&self, address: IpAddr) -> bool {
        lock(&self.shared).inside.contains_key(&counted(address))
    }

    /// Finds out who asks for what is no stream. Without a proof it is nobody, which is allowed, too.
    pub(crate) fn identify(&self, visit: &mut GateVisit, now: Instant, request: &Asking<'_>) -> Verdict {
        visit.asks_again = None;
        let rules = self.rules();
        if !rules.networks.let_in(visit.peer.ip()) {
            return self.refuse(now, visit, request, None, StatusCode::FORBIDDEN, KEPT_OUT);
        }
        match request.authorization() {
            Err(_) => self.refuse(now, visit, request, None, StatusCode::BAD_REQUEST, TWICE),
            Ok(None) => Verdict::Allowed(Secrecy::NONE),
            Ok(Some(authorization)) => match self.judge_proof(visit, now, request, authorization, &rules) {
                Ok(()) => Verdict::Allowed(Secrecy::NONE),
                Err(verdict) => verdict,
            },
        }
    }

    /// Whether who was found out so may watch a stream, without more encryption than the connection has. Nothing is written down of that.
    pub(crate) fn may_watch(&self, visit: &GateVisit, path: Path<'_>) -> bool {
        let rules = self.rules();
        let is_encrypted = visit.is_private || rules.of(path).encryption != Encryption::Required;
        let granted = Granted { path: path.as_str().to_owned(), is_to_publish: false, user: visit.user.clone() };
        is_encrypted && visit.may_go_on(&granted, &rules)
    }

    /// Whether a rule lets who was found out so watch something. There are as many as somebody has written.
    pub(crate) fn may_watch_something(&self, visit: &GateVisit) -> bool {
        visit.user.is_some() || self.rules().let_strangers_watch(visit.peer.ip())
    }

    /// Whether who was found out so may see the sessions of all, and end them.
    pub(crate) fn may_administer(&self, visit: &GateVisit) -> bool {
        let (rules, address) = (self.rules(), visit.peer.ip());
        let is_known = |user: &&Known| rules.users.know(user);
        let is_one = |user: &Known| rules.admin.has_user(&user.name);
        rules.networks.let_in(address)
            && (rules.admin.has_address(address) || visit.user.as_deref().filter(is_known).is_some_and(is_one))
    }

    fn refuse(
        &self,
        now: Instant,
        visit: &GateVisit,
        request: &Asking<'_>,
        user: Option<&str>,
        status: StatusCode,
        why: &'static str,
    ) -> Verdict {
        self.tell(now, What::Refused, visit, request, user, why);
        Verdict::Refused(status, why)
    }

    fn tell(&self, now: Instant, what: What, visit: &GateVisit, request: &Asking<'_>, user: Option<&str>, why: &str) {
        if what == What::Refused {
            self.refused.count(why);
        }
        let (peer, stream, method) = (visit.peer, request.path.as_str(), request.method.name());
        self.journal.write(now, &Entry { what, peer, user, stream, method, why, count: 1 });
    }

    /// Decides about a request with a proof of who asks.
    fn judge_proof(
        &self,
        visit: &mut GateVisit,
        now: Instant,
        request: &Asking<'_>,
        authorization: &str,
        rules: &Rules,
    ) -> Result<(), Verdict> {
        let address = visit.peer.ip();
        let claimed = claimed_user(authorization).unwrap_or_default();
        self.listen(visit, now, request, &claimed)?;
        let verifier = self.verifier(visit, rules);
        let claim = Claim { now, address, method: request.method.name(), uri: request.uri };
        match verifier.verify(&mut visit.proofs, &claim, authorization, &rules.users) {
            Ok(()) => {
                let user = visit.proofs.user().and_then(|user| rules.users.known(user));
                (visit.user, visit.login) = (user.map(Arc::new), None);
                self.let_inside(visit, now, request, &claimed);
                Ok(())
            }
            Err(Unproven::Stale) => Err(Verdict::Challenged { is_stale: true }),
            Err(Unproven::Malformed) => Err(Verdict::Challenged { is_stale: false }),
            Err(_) => Err(self.refuse_guess(visit, now, request, &claimed, authorization.as_bytes())),
        }
    }

    /// Whether a proof that somebody is this user is looked at by now, as far as wrong ones came before it.
    fn listen(&self, visit: &mut GateVisit, now: Instant, request: &Asking<'_>, claimed: &str) -> Result<(), Verdict> {
        match self.patience(visit, now, claimed) {
            Patience::Now => Ok(()),
            Patience::Until(until) => {
                visit.asks_again = Some(until);
                Err(Verdict::Wait)
            }
            Patience::Locked(_) => {
                Err(self.refuse(now, visit, request, Some(claimed), StatusCode::FORBIDDEN, TOO_MANY))
            }
        }
    }

    /// The connection is one of those who have logged in.
    fn let_inside(&self, visit: &mut GateVisit, now: Instant, request: &Asking<'_>, claimed: &str) {
        lock(&self.shared).guesses.forgive(visit.peer.ip(), claimed);
        if visit.enter() {
            self.tell(now, What::LoggedIn, visit, request, Some(claimed), "");
        }
    }

    /// Somebody has guessed.
    fn refuse_guess(
        &self,
        visit: &GateVisit,
        now: Instant,
        request: &Asking<'_>,
        claimed: &str,
        answer: &[u8],
    ) -> Verdict {
        let count = lock(&self.shared).guesses.count(now, visit.peer.ip(), claimed, answer);
        let why = format!("wrong user or password, number {count}");
        self.tell(now, What::Refused, visit, request, Some(claimed), &why);
        Verdict::Challenged { is_stale: false }
    }

    /// Finds out who asks by a token of SOAP, in place of a proof in the request's head.
    pub(crate) fn identify_by_token(
        &self,
        visit: &mut GateVisit,
        now: Instant,
        request: &Asking<'_>,
        token: &UsernameToken,
    ) -> Verdict {
        visit.asks_again = None;
        let rules = self.rules();
        if !rules.networks.let_in(visit.peer.ip()) {
            return self.refuse(now, visit, request, None, StatusCode::FORBIDDEN, KEPT_OUT);
        }
        if let Err(verdict) = self.listen(visit, now, request, token.user()) {
            return verdict;
        }
        let second = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let proven = lock(&self.shared).taken.take(token, &rules.passwords, second);
        let why = match proven {
            Ok(()) => {
                (visit.user, visit.login) = (rules.users.known(token.user()).map(Arc::new), None);
                self.let_inside(visit, now, request, token.user());
                return Verdict::Allowed(Secrecy::NONE);
            }
            Err(username_token::Unproven::Wrong) => {
                return self.refuse_guess(visit, now, request, token.user(), token.digest());
            }
            Err(username_token::Unproven::Clock) => CLOCK,
            Err(username_token::Unproven::Again) => AGAIN,
            Err(username_token::Unproven::Many) => TOO_MANY,
        };
        // The password is right: it is no guess.
        self.tell(now, What::Refused, visit, request, Some(token.user()), why);
        Verdict::Challenged { is_stale: false }
    }

    /// How long somebody waits who says to be this user.
    fn patience(&self, visit: &GateVisit, now: Instant, claimed: &str) -> Patience {
        let (shared, address) = (lock(&self.shared), visit.peer.ip());
        let is_trusted = shared.inside.contains_key(&counted(address));
        shared.guesses.patience(now, address, claimed, is_trusted)
    }

    /// A name and a password, as a form sends them.
    pub(crate) fn log_in(
        &self,
        visit: &mut GateVisit,
        now: Instant,
        request: &Asking<'_>,
        (name, password): (&str, &str),
    ) -> LogIn {
        visit.asks_again = None;
        let (rules, address) = (self.rules(), visit.peer.ip());
        let refused =
            if !visit.is_private { Some(IN_THE_CLEAR) } else { (!rules.networks.let_in(address)).then_some(KEPT_OUT) };
        if let Some(why) = refused {
            self.tell(now, What::Refused, visit, request, None, why);
            return LogIn::Refused(why);
        }
        match self.patience(visit, now, name) {
            Patience::Now => {}
            Patience::Until(until) => {
                visit.asks_again = Some(until);
                return LogIn::Wait;
            }
            Patience::Locked(until) => {
                self.tell(now, What::Refused, visit, request, Some(name), TOO_MANY);
                return LogIn::Locked(until.since(now));
            }
        }
        let verifier = self.verifier(visit, &rules);
        let credentials = Credentials::new(name, password);
        let is_right = credentials
            .is_ok_and(|credentials| verifier.verify_password(&mut visit.proofs, &credentials, &rules.users).is_ok());
        let Some(user) = rules.users.known(name).filter(|_| is_right) else {
            self.refuse_guess(visit, now, request, name, password.as_bytes());
            return LogIn::Wrong;
        };
        let mut shared = lock(&self.shared);
        shared.guesses.forgive(address, name);
        let Some(cookie) = shared.logins.begin(now, user) else { return LogIn::Refused(NO_CHANCE) };
        drop(shared);
        self.tell(now, What::LoggedIn, visit, request, Some(name), "by the form");
        LogIn::Done(cookie)
    }

    /// Somebody shows a cookie. Whether it is that of one who has logged in, and still has.
    pub(crate) fn resume(&self, visit: &mut GateVisit, now: Instant, cookie: &str) -> bool {
        if !visit.is_private {
            return false;
        }
        let rules = self.rules();
        let login = lock(&self.shared).logins.find(now, cookie).filter(|login| rules.users.know(login.user()));
        let Some(login) = login else { return false };
        (visit.user, visit.login) = (Some(Arc::clone(login.user())), Some(login));
        visit.enter();
        true
    }

    /// The cookie is nobody's from now on. What it allowed ends.
    pub(crate) fn log_out(&self, visit: &GateVisit, now: Instant, request: &Asking<'_>, cookie: &str) {
        let ended = lock(&self.shared).logins.end(cookie);
        if let Some(login) = ended {
            self.tell(now, What::LoggedOut, visit, request, Some(&login.user().name), "");
        }
    }

    fn verifier<'g>(&'g self, visit: &GateVisit, rules: &'g Rules) -> Verifier<'g> {
        let basic = if rules.basic && visit.is_private { Basic::Allowed } else { Basic::Refused };
        Verifier::new(&self.nonce_key, rules.users.realm(), basic)
    }

    /// Whether a token lets somebody watch: the one in the request's URL, or the one that has let this connection in.
    fn is_admitted(&self, visit: &mut GateVisit, now: Instant, request: &Asking<'_>, rules: &Rules) -> bool {
        let Some(key) = rules.token_key.as_ref().filter(|_| !request.is_to_publish) else { return false };
        let second = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let path = request.path;
        let is_new = |method| matches!(method, Method::Describe | Method::Setup);
        if let Some(token) = Token::find(request.uri)
            && let Some(name) = decoded(path)
            && token.is_for(key, &name, path)
            && u64::from(token.ends()) > second
        {
            let is_first = visit.token.replace((token, path.as_str().to_owned())).is_none();
            let end = now.after(Duration::from_secs(u64::from(token.ends()).saturating_sub(second)));
            // What another token has let in may still be there, and ends with that one.
            visit.ends = rules.cut.then(|| visit.ends.map_or(end, |other| end.min(other)));
            if is_first {
                self.tell(now, What::Admitted, visit, request, None, "by a token");
            }
            return true;
        }
        // What it has begun it may go on with.
        visit.token.as_ref().is_some_and(|(token, first)| {
            let is_same = Path::new(first).is_same(path) || path.is_empty();
            is_same && (!is_new(request.method) || u64::from(token.ends()) > second)
        })
    }

    /// Says how media may travel to somebody who may have them.
    fn allow(
        &self,
        now: Instant,
        visit: &GateVisit,
        request: &Asking<'_>,
        rules: &Rules,
        stream: &StreamRules,
    ) -> Verdict {
        let (exchange, plain_udp, plain_tcp) = match (stream.encryption, visit.is_private) {
            (Encryption::Off, _) | (Encryption::Offered, false) => (None, true, true),
            (Encryption::Offered, true) => (Some(KeyExchange::Mikey), true, true),
            // What travels on a private connection is encrypted with it.
            (Encryption::Required, true) => (Some(KeyExchange::Mikey), false, true),
            (Encryption::Required, false) if rules.sdes => (Some(KeyExchange::Sdes), false, false),
            (Encryption::Required, false) => {
                let user = visit.user_name();
                return self.refuse(now, visit, request, user.as_deref(), StatusCode::FORBIDDEN, ENCRYPTED);
            }
        };
        Verdict::Allowed(Secrecy { exchange, plain_udp, plain_tcp })
    }

    /// Decides about a request of somebody from whose address it may be made, if that one may.
    fn judge_person(
        &self,
        visit: &mut GateVisit,
        now: Instant,
        request: &Asking<'_>,
        rules: &Rules,
        stream: &StreamRules,
    ) -> Verdict {
        let who = rules.who(stream, request.is_to_publish);
        let Ok(authorization) = request.authorization() else {
            return self.refuse(now, visit, request, None, StatusCode::BAD_REQUEST, TWICE);
        };
        let is_admitted =
            |visit: &mut GateVisit| !stream.refuses_tokens && self.is_admitted(visit, now, request, rules);
        if who.has_address(visit.peer.ip()) || is_admitted(visit) {
            return self.allow(now, visit, request, rules, stream);
        }
        if let Some(authorization) = authorization
            && let Err(verdict) = self.judge_proof(visit, now, request, authorization, rules)
        {
            return verdict;
        }
        match visit.user_name().as_deref() {
            // Somebody whom new rules do not know any more is a stranger.
            Some(user) if rules.users.contains(user) && who.has_user(user) => {
                self.allow(now, visit, request, rules, stream)
            }
            Some(user) if rules.users.contains(user) => {
                self.refuse(now, visit, request, Some(user), StatusCode::FORBIDDEN, NOT_THIS_USER)
            }
            _ if rules.users.is_empty() && rules.token_key.is_none() => {
                self.refuse(now, visit, request, None, StatusCode::FORBIDDEN, NO_PASSWORD_HELPS)
            }
            _ => {
                if Token::find(request.uri).is_some() {
                    self.tell(now, What::Refused, visit, request, None, OTHER_TOKEN);
                } else if request.dialect == Dialect::Lab {
                    self.tell(now, What::Refused, visit, request, None, LAB);
                }
                Verdict::Challenged { is_stale: false }
            }
        }
    }
}

impl Guard for Gate {
    type Visit = GateVisit;
    type Challenge = String;

    fn visit(&self, peer: SocketAddr, is_private: bool) -> GateVisit {
        GateVisit {
            peer,
            is_private,
            proofs: Proofs::default(),
            token: None,
            asks_again: None,
            ends: None,
            is_inside: false,
            user: None,
            login: None,
            granted: Vec::new(),
            allowed_by: Cell::new(self.current.number.load(Ordering::Acquire)),
            current: self.current.clone(),
            shared: self.shared.clone(),
        }
    }

    fn judge(&self, visit: &mut GateVisit, now: Instant, request: &Asking<'_>, _: &Waker) -> Verdict {
        visit.asks_again = None;
        let rules = self.rules();
        let stream = &*rules.of(request.path);
        let address = visit.peer.ip();
        if !rules.networks.let_in(address) || !stream.networks.let_in(address) {
            return self.refuse(now, visit, request, None, StatusCode::FORBIDDEN, KEPT_OUT);
        }
        let verdict = self.judge_person(visit, now, request, &rules, stream);
        // By HTTP, one request is all that a stream takes, and all that a publisher makes.
        let of_http = matches!(request.method, Method::Other("GET" | "POST" | "PUT"));
        let lasts =
            of_http || matches!(request.method, Method::Setup | Method::Announce | Method::Play | Method::Record);
        if lasts && matches!(verdict, Verdict::Allowed(_)) {
            visit.grant(request);
        }
        verdict
    }

    fn challenges(&self, visit: &GateVisit, now: Instant, is_stale: bool) -> impl IntoIterator<Item = String> {
        let rules = self.rules();
        let challenges = self.verifier(visit, &rules).challenges(now, visit.peer.ip(), is_stale);
        challenges.map(|challenge| challenge.to_string()).collect::<Vec<_>>()
    }

    fn may_know(&self, visit: &GateVisit, name: &str) -> bool {
        self.may_watch(visit, Path::new(&percent_encode(name)))
    }
}

impl GateVisit {
    /// Who it is, by a proof in a request or by a login.
    fn user_name(&self) -> Option<String> {
        let of_login = || self.login.as_ref().map(|login| login.user().name.as_str());
        self.proofs.user().or_else(of_login).map(str::to_owned)
    }

    /// It has logged in; whether that is new.
    fn enter(&mut self) -> bool {
        let is_new = !std::mem::replace(&mut self.is_inside, true);
        if is_new {
            *lock(&self.shared).inside.entry(counted(self.peer.ip())).or_default() += 1;
        }
        is_new
    }

    /// Remembers what was allowed.
    fn grant(&mut self, request: &Asking<'_>) {
        let (path, is_to_publish) = (request.path.as_str().to_owned(), request.is_to_publish);
        let granted = Granted { path, is_to_publish, user: self.user.clone() };
        // One more than that: there were too many to remember, and all ends when rules change.
        if !self.granted.contains(&granted) && self.granted.len() <= MOST_GRANTED {
            self.granted.push(granted);
        }
    }

    /// Who it is, and the stream that it was let in to last.
    pub(crate) fn about(&self) -> (Option<String>, Option<String>) {
        let stream = self.granted.last().and_then(|granted| decoded(Path::new(&granted.path)));
        (self.user.as_ref().map(|user| user.name.clone()), stream.map(|name| name.to_string()))
    }

    /// Whether new rules would not allow what older ones did, and end it.
    fn is_cut(&self) -> bool {
        let number = self.current.number.load(Ordering::Acquire);
        if self.allowed_by.get() == number || self.granted.is_empty() {
            return false;
        }
        let rules = self.current.rules();
        let may =
            self.granted.len() <= MOST_GRANTED && self.granted.iter().all(|granted| self.may_go_on(granted, &rules));
        if may || !rules.cut {
            self.allowed_by.set(number);
        }
        rules.cut && !may
    }

    fn may_go_on(&self, granted: &Granted, rules: &Rules) -> bool {
        let (path, address) = (Path::new(&granted.path), self.peer.ip());
        let stream = &*rules.of(path);
        let who = rules.who(stream, granted.is_to_publish);
        let is_same = |user: &&Known| rules.users.know(user);
        let has_token = || {
            let token =
                self.token.as_ref().filter(|(_, first)| !granted.is_to_publish && Path::new(first).is_same(path));
            let token = token.filter(|_| !stream.refuses_tokens);
            token
                .zip(rules.token_key.as_ref())
                .zip(decoded(path))
                .is_some_and(|(((token, _), key), name)| token.is_for(key, &name, path))
        };
        rules.networks.let_in(address)
            && stream.networks.let_in(address)
            && (who.has_address(address)
                || granted.user.as_deref().filter(is_same).is_some_and(|user| who.has_user(&user.name))
                || has_token())
    }
}

impl Visit for GateVisit {
    type Home<T> = Box<T>;

    fn asks_again(&self) -> Option<Instant> {
        self.asks_again
    }

    fn ends(&self) -> Option<Instant> {
        let login = self.login.as_ref().map(|login| login.ends());
        // Long ago.
        if self.is_cut() { Some(Instant::default()) } else { login.into_iter().chain(self.ends).min() }
    }

    fn stream_key(&self) -> Option<[u8; 30]> {
        let mut key = [0; 30];
        getrandom::fill(&mut key).ok()?;
        Some(key)
    }
}

impl Drop for GateVisit {
    fn drop(&mut self) {
        if !self.is_inside {
            return;
        }
        let address = counted(self.peer.ip());
        let mut shared = lock(&self.shared);
        if let Some(count) = shared.inside.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                shared.inside.remove(&address);
            }
        }
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
