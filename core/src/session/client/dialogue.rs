//! The state of the conversation: which request is on its way, and what its answer changes.

use super::answers::{self, bounded};
use super::authentication::Authentication;
use super::events::{Command, Config, Error, Event, NotNow, Playing, SetUp, Unauthorized};
use super::keying::Keying;
use super::{MAX_SESSION, MAX_URL};
use crate::session::buffer::{Buffer, Storage};
use crate::session::timer::{self, Timers};
use crate::session::{Dialect, MediaTransport, State};
use crate::time::{Duration, Instant};
use crate::wire::rtsp::headers::{APPLICATION_SDP, KeyMgmt, Range, Scale, Session, Transport};
use crate::wire::rtsp::{Emitter, Full, Headers, Method, Request, Response, StatusCode};
use crate::wire::url::Url;
use crate::wire::{lab, rtsp};
use core::fmt::Display;
use heapless::String;

/// The time-out of servers that announce none (RFC 2326 section 12.37).
const DEFAULT_SESSION_TIMEOUT: u32 = 60;

/// Keep-alives come no closer than this: half of the shortest time-out that a server can announce.
const MIN_KEEP_ALIVE_INTERVAL: Duration = Duration::from_millis(500);

const USER_AGENT: &str = concat!("mutoscope/", env!("CARGO_PKG_VERSION"));

#[derive(Clone, Copy, Debug)]
pub(super) enum Timer {
    /// The outstanding request goes unanswered.
    Response,
    /// The session needs a sign of life.
    KeepAlive,
    /// A lab reply ends.
    Silence,
}

impl timer::Timer for Timer {
    fn index(self) -> usize {
        self as usize
    }
}

/// How a lab server is asked for a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Usual,
    /// For the larger pictures that one copy has.
    PrefersHd,
    /// After CONNECT, which one copy wants.
    Connecting,
}

#[derive(Clone, Copy, Debug)]
struct Outstanding {
    command: Command,
    /// What PLAY asks for.
    stretch: Stretch,
}

/// What PLAY asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stretch {
    pub(super) range: Option<Range>,
    pub(super) scale: Option<Scale>,
}

/// A command with what its request says.
#[derive(Clone, Copy, Debug)]
enum Planned {
    Describe,
    Setup(MediaTransport),
    Play(Stretch),
    Pause,
    Teardown,
}

impl Planned {
    const fn command(self) -> Command {
        match self {
            Self::Describe => Command::Describe,
            Self::Setup(_) => Command::Setup,
            Self::Play(_) => Command::Play,
            Self::Pause => Command::Pause,
            Self::Teardown => Command::Teardown,
        }
    }
}

/// The URLs that requests name.
#[derive(Debug)]
struct Urls {
    /// DESCRIBE asks for this one.
    presentation: String<MAX_URL, u16>,
    /// PLAY, PAUSE and TEARDOWN control this one (RFC 2326 appendix C.1.1).
    aggregate: String<MAX_URL, u16>,
    /// SETUP sets up this one.
    stream: String<MAX_URL, u16>,
}

/// The methods that the server is known to have.
#[derive(Clone, Copy, Debug, Default)]
struct ServerMethods {
    /// An answer had a `Public` header.
    told: bool,
    /// `Public` lists GET_PARAMETER, and the server has not refused it since.
    get_parameter: bool,
}

// More than 15 fields: the state of one conversation, of which each answer changes several.
#[derive(Debug)]
pub(super) struct Dialogue {
    pub(super) timers: Timers<Timer, 3>,
    pub(super) dialect: Dialect,
    pub(super) state: State,
    pub(super) session: String<MAX_SESSION, u16>,
    /// The command whose deadline has passed, until the driver has been told.
    pub(super) expired: Option<Command>,
    pub(super) authentication: Authentication,
    /// Why the last 401 was not answered.
    pub(super) unauthorized: Option<Unauthorized>,
    keying: Keying,
    config: Config,
    /// `CSeq` of the last request, which is the outstanding one if there is one.
    cseq: u32,
    /// Answers up to this `CSeq` belong to requests that were given up.
    stale: u32,
    outstanding: Option<Outstanding>,
    /// The command that waits until the outstanding request is answered.
    planned: Option<Planned>,
    urls: Urls,
    /// In seconds.
    session_timeout: u32,
    options_asked: bool,
    methods: ServerMethods,
    offer: MediaTransport,
    /// `CSeq` of an OPTIONS that may still be answered, on a connection that has turned to the lab's dialect.
    turned: Option<u32>,
    pub(super) is_glued: bool,
    pub(super) length: lab::Length,
}

impl Dialogue {
    pub(super) fn new(url: &str, dialect: Dialect, config: Config) -> Result<Self, Error> {
        let url = bounded(Url::parse(url).ok_or(Error::Url)?)?;
        Ok(Self::about(url, dialect, config))
    }

    fn about(url: String<MAX_URL, u16>, dialect: Dialect, config: Config) -> Self {
        Self {
            timers: Timers::new(),
            dialect,
            state: State::Init,
            session: String::new(),
            expired: None,
            authentication: Authentication::default(),
            unauthorized: None,
            keying: Keying::default(),
            config,
            cseq: 0,
            stale: 0,
            outstanding: None,
            planned: None,
            urls: Urls { aggregate: url.clone(), stream: url.clone(), presentation: url },
            session_timeout: DEFAULT_SESSION_TIMEOUT,
            options_asked: false,
            methods: ServerMethods::default(),
            offer: MediaTransport::Interleaved { rtp_channel: 0, rtcp_channel: 1 },
            turned: None,
            is_glued: false,
            length: lab::Length::default(),
        }
    }

    /// Becomes a new dialogue about the same presentation.
    pub(super) fn restart(&mut self, dialect: Dialect) {
        let authentication = core::mem::take(&mut self.authentication);
        *self = Self::about(self.urls.presentation.clone(), dialect, self.config);
        self.authentication = authentication;
        self.authentication.restart();
    }

    /// OPTIONS has gone unanswered before: it is not asked again.
    pub(super) fn skip_options(&mut self) {
        self.options_asked = true;
    }

    pub(super) fn turn_to_lab(&mut self) {
        self.dialect = Dialect::Lab;
        self.planned = None;
        self.turned = Some(self.cseq);
    }

    pub(super) fn set_patience(&mut self, options: Duration, lab: Duration) {
        (self.config.options_timeout, self.config.lab_timeout) = (options, lab);
    }

    /// Whether `input` begins with an answer to the OPTIONS that nobody waits for any more. `None`: more of it has to come.
    pub(super) fn is_options_answer(&self, input: &[u8]) -> Option<bool> {
        let Some(options) = self.turned else { return Some(false) };
        match rtsp::parse(input) {
            Ok(Some((rtsp::Message::Response(response), _))) => {
                let cseq = rtsp::headers::cseq(&response.headers).ok();
                Some(cseq == Some(options) || response.headers.first("Public").is_some())
            }
            // A lab server's reply has no CRLF, and no end.
            Ok(None) if input.windows(2).any(|pair| pair == b"\r\n") => None,
            _ => Some(false),
        }
    }

    /// What opens packets and seals reports.
    #[cfg(feature = "srtp")]
    pub(super) fn ciphers(&self) -> Option<(crate::srtp::Opener, crate::srtp::Sealer)> {
        self.keying.ciphers()
    }

    /// Another presentation is meant from the next start on.
    pub(super) fn redirect(&mut self, url: &str, elsewhere: bool) -> Result<(), Error> {
        self.urls.presentation = bounded(Url::parse(url).ok_or(Error::Url)?)?;
        self.authentication.set_elsewhere(elsewhere);
        Ok(())
    }

    pub(super) fn url(&self) -> &str {
        &self.urls.presentation
    }

    pub(super) fn describe<B: Storage>(&mut self, tx: &mut Buffer<B>, now: Instant) -> Result<(), NotNow> {
        if self.dialect == Dialect::Lab || self.state != State::Init {
            return Err(NotNow::State);
        }
        self.plan(tx, now, Planned::Describe)
    }

    pub(super) fn setup<B: Storage>(
        &mut self,
        tx: &mut Buffer<B>,
        now: Instant,
        offer: MediaTransport,
    ) -> Result<(), NotNow> {
        let possible = self.dialect == Dialect::Standard || matches!(offer, MediaTransport::Udp { .. });
        self.state.on_setup().filter(|_| possible).ok_or(NotNow::State)?;
        self.plan(tx, now, Planned::Setup(offer))
    }

    pub(super) fn play<B: Storage>(
        &mut self,
        tx: &mut Buffer<B>,
        now: Instant,
        stretch: Stretch,
    ) -> Result<(), NotNow> {
        self.state.on_play().ok_or(NotNow::State)?;
        self.plan(tx, now, Planned::Play(stretch))
    }

    pub(super) fn pause<B: Storage>(&mut self, tx: &mut Buffer<B>, now: Instant) -> Result<(), NotNow> {
        self.state.on_pause().ok_or(NotNow::State)?;
        self.plan(tx, now, Planned::Pause)
    }

    pub(super) fn teardown<B: Storage>(&mut self, tx: &mut Buffer<B>, now: Instant) -> Result<(), NotNow> {
        if self.state == State::Init {
            // Without its identifier the session that a SETUP under way makes cannot be torn down yet.
            if self.outstanding.is_none_or(|outstanding| outstanding.command != Command::Setup) {
                return Err(NotNow::State);
            }
            self.planned = Some(Planned::Teardown);
            return Ok(());
        }
        if self.outstanding.is_some_and(|outstanding| outstanding.command == Command::Teardown) {
            return Err(NotNow::Busy);
        }
        let abandoned = self.outstanding.map(|_| self.cseq);
        self.send(tx, now, Planned::Teardown)?;
        self.planned = None;
        self.stale = abandoned.unwrap_or(self.stale);
        Ok(())
    }

    /// Whether the server has told its methods in a `Public` header.
    pub(super) const fn is_public_told(&self) -> bool {
        self.methods.told
    }

    /// Whether a command of the driver's is under way or waits for its turn.
    pub(super) fn is_busy(&self) -> bool {
        // Nothing else is asked before the driver knows that a request went unanswered.
        self.planned.is_some()
            || self.expired.is_some()
            || self.outstanding.is_some_and(|outstanding| outstanding.command != Command::KeepAlive)
    }

    #[cfg(test)]
    pub(super) fn last_cseq(&self) -> u32 {
        self.cseq
    }

    pub(super) fn handle_timeout<B: Storage>(&mut self, tx: &mut Buffer<B>, now: Instant) {
        if self.timers.expire(Timer::Response, now)
            && let Some(outstanding) = self.outstanding.take()
        {
            warning!("no answer to {}", outstanding.command.name());
            self.stale = self.cseq;
            if outstanding.command == Command::KeepAlive {
                // The driver's own command has waited for it long enough.
                self.proceed(tx, now);
            } else {
                self.planned = None;
            }
            self.expired = Some(outstanding.command);
        }
        if self.timers.expire(Timer::KeepAlive, now) && self.state != State::Init {
            // Any request is a sign of life, so one under way makes another needless.
            let sent = self.outstanding.is_some() || self.keep_alive(tx, now).is_ok();
            let pause = if sent { self.keep_alive_interval() } else { MIN_KEEP_ALIVE_INTERVAL };
            self.timers.set(Timer::KeepAlive, now.after(pause));
        }
    }

    /// The server closed. That answers TEARDOWN as well as a 200 does.
    pub(super) fn handle_close(&mut self) -> Event {
        let outstanding = self.outstanding.take();
        self.end_session();
        self.timers.stop_all();
        self.planned = None;
        match outstanding {
            Some(Outstanding { command: Command::Teardown, .. }) => Event::TornDown,
            _ => Event::ServerClosed,
        }
    }

    /// Answers a request of the server's (RFC 2326 section 10: OPTIONS, GET_PARAMETER, ANNOUNCE, REDIRECT, …).
    pub(super) fn answer<B: Storage>(&mut self, tx: &mut Buffer<B>, request: &Request<'_>) {
        let (status, public) = match request.method {
            Method::Options => (StatusCode::OK, true),
            Method::GetParameter if request.body.is_empty() => (StatusCode::OK, false),
            Method::GetParameter => (StatusCode::PARAMETER_NOT_UNDERSTOOD, false),
            _ => (StatusCode::NOT_IMPLEMENTED, false),
        };
        let cseq = rtsp::headers::cseq(&request.headers).ok();
        let emit = |space: &mut [u8]| -> Result<usize, Full> {
            let mut answer = Emitter::response(space, status)?;
            if let Some(cseq) = cseq {
                answer = answer.header("CSeq", cseq)?;
            }
            if public {
                answer = answer.header("Public", "OPTIONS, GET_PARAMETER")?;
            }
            answer.finish()
        };
        if let Ok(len) = emit(tx.space()) {
            tx.commit(len);
        } else {
            // As often as the server likes: nothing for the usual log.
            debug!("no room to answer a request of the server's");
        }
    }

    pub(super) fn handle_response<B: Storage>(
        &mut self,
        tx: &mut Buffer<B>,
        now: Instant,
        response: &Response<'_>,
    ) -> Option<Event> {
        // 1xx: the answer is still to come.
        if response.status.0 < 200 {
            return None;
        }
        let cseq = rtsp::headers::cseq(&response.headers).ok();
        let outstanding = self.settle(cseq)?;
        let during = outstanding.command;
        if response.status == StatusCode::UNAUTHORIZED {
            match self.authentication.handle_challenges(&response.headers) {
                Ok(()) => return self.repeat(tx, now, outstanding),
                Err(why) => self.unauthorized = Some(why),
            }
        } else {
            self.authentication.handle_accepted();
        }
        if let Some(listed) = answers::public(&response.headers) {
            self.methods = ServerMethods { told: true, get_parameter: listed };
        }
        if response.status == StatusCode::UNSUPPORTED_TRANSPORT
            && during == Command::Setup
            && self.keying.handle_unsupported(self.offer)
        {
            return self.repeat(tx, now, outstanding);
        }
        if !(200..300).contains(&response.status.0) {
            return self.handle_refusal(tx, now, response.status, during);
        }
        let event = match during {
            Command::Options | Command::KeepAlive => None,
            Command::Describe => Some(self.handle_description(response)),
            Command::Setup => Some(self.handle_setup(now, &response.headers)),
            Command::Play => Some(self.handle_play(answers::play(&response.headers, &self.urls.stream))),
            Command::Pause => Some(self.handle_pause()),
            Command::Teardown => {
                self.end_session();
                Some(Event::TornDown)
            }
        };
        if !matches!(event, Some(Event::Failed(_))) {
            self.proceed(tx, now);
        }
        event
    }

    pub(super) fn handle_reply<B: Storage>(
        &mut self,
        tx: &mut Buffer<B>,
        now: Instant,
        reply: &lab::Reply<'_>,
    ) -> Option<Event> {
        if !self.session.is_empty() && reply.session.is_some_and(|session| session != self.session) {
            debug!("ignored a reply for another session");
            return None;
        }
        let outstanding = self.settle(reply.cseq)?;
        let during = outstanding.command;
        self.length = self.length.or(reply.length);
        if reply.status != StatusCode::OK {
            return self.handle_refusal(tx, now, reply.status, during);
        }
        let event = match during {
            Command::Setup => {
                let is_connected = !self.session.is_empty();
                match reply.session.map(bounded) {
                    Some(Ok(session)) => self.session = session,
                    Some(Err(_)) => return Some(Event::Failed(Error::SessionTooLong)),
                    None => {}
                }
                if self.lab_file().1 == Manner::Connecting && !is_connected && !self.session.is_empty() {
                    return self.repeat(tx, now, outstanding);
                }
                self.state = self.state.on_setup().unwrap_or(self.state);
                Event::SetUp(SetUp {
                    transport: self.offer,
                    server_port: None,
                    ssrc: None,
                    session_timeout: Duration::MAX,
                    is_encrypted: false,
                })
            }
            Command::Play => self.handle_play(Playing { sequence: None, rtptime: None, range: None, scale: None }),
            Command::Pause => self.handle_pause(),
            Command::Teardown => {
                self.end_session();
                Event::TornDown
            }
            // Never sent in this dialect.
            Command::Options | Command::Describe | Command::KeepAlive => return None,
        };
        self.proceed(tx, now);
        Some(event)
    }

    /// The input is a lab reply if nothing follows it: waits for silence.
    pub(super) fn await_silence(&mut self, now: Instant) {
        self.timers.start(Timer::Silence, now.after(self.config.lab_silence));
    }

    /// Sends the command now, or as soon as the keep-alive under way is answered.
    fn plan<B: Storage>(&mut self, tx: &mut Buffer<B>, now: Instant, planned: Planned) -> Result<(), NotNow> {
        if self.is_busy() {
            return Err(NotNow::Busy);
        }
        if self.outstanding.is_some() {
            self.planned = Some(planned);
            return Ok(());
        }
        if matches!(planned, Planned::Describe) && !self.options_asked {
            self.request(tx, now, Command::Options, Stretch::default())?;
            self.options_asked = true;
            self.planned = Some(planned);
            return Ok(());
        }
        self.send(tx, now, planned)
    }

    /// Sends what waited for the answer that has come.
    fn proceed<B: Storage>(&mut self, tx: &mut Buffer<B>, now: Instant) {
        if self.outstanding.is_some() {
            return;
        }
        if let Some(planned) = self.planned.take()
            && self.send(tx, now, planned).is_err()
        {
            // The buffer is full because the server does not read. So it will not answer either.
            self.expired = Some(planned.command());
        }
    }

    fn send<B: Storage>(&mut self, tx: &mut Buffer<B>, now: Instant, planned: Planned) -> Result<(), NotNow> {
        if let Planned::Setup(offer) = planned {
            self.offer = offer;
        }
        let stretch = if let Planned::Play(stretch) = planned { stretch } else { Stretch::default() };
        self.request(tx, now, planned.command(), stretch)
    }

    /// Sends a request again that has to say something else: who we are, or another profile.
    fn repeat<B: Storage>(&mut self, tx: &mut Buffer<B>, now: Instant, again: Outstanding) -> Option<Event> {
        debug!("{} is asked again in other words", again.command.name());
        if self.request(tx, now, again.command, again.stretch).is_err() {
            // As in `proceed`.
            self.planned = None;
            self.expired = Some(again.command);
        }
        None
    }

    fn keep_alive<B: Storage>(&mut self, tx: &mut Buffer<B>, now: Instant) -> Result<(), NotNow> {
        debug!("keep-alive");
        self.request(tx, now, Command::KeepAlive, Stretch::default())
    }

    /// Asks for a sign of life, which has to come in this time.
    pub(super) fn probe<B: Storage>(
        &mut self,
        tx: &mut Buffer<B>,
        now: Instant,
        patience: Duration,
    ) -> Result<(), NotNow> {
        if self.state == State::Init || self.dialect != Dialect::Standard {
            return Err(NotNow::State);
        }
        if self.is_busy() {
            return Err(NotNow::Busy);
        }
        if self.outstanding.is_none() {
            self.keep_alive(tx, now)?;
        }
        self.timers.set(Timer::Response, now.after(patience));
        Ok(())
    }

    fn keep_alive_interval(&self) -> Duration {
        Duration::from_millis(u64::from(self.session_timeout).saturating_mul(500)).max(MIN_KEEP_ALIVE_INTERVAL)
    }

    /// Writes one request and starts to wait for its answer.
    fn request<B: Storage>(
        &mut self,
        tx: &mut Buffer<B>,
        now: Instant,
        command: Command,
        stretch: Stretch,
    ) -> Result<(), NotNow> {
        let cseq = self.cseq.wrapping_add(1);
        let session = Some(self.session.as_str()).filter(|session| !session.is_empty());
        let space = tx.space();
        let written = match self.dialect {
            Dialect::Standard => {
                let (method, uri) = match command {
                    Command::Options => (Method::Options, &self.urls.presentation),
                    Command::Describe => (Method::Describe, &self.urls.presentation),
                    Command::Setup => (Method::Setup, &self.urls.stream),
                    Command::Play => (Method::Play, &self.urls.aggregate),
                    Command::Pause => (Method::Pause, &self.urls.aggregate),
                    Command::Teardown => (Method::Teardown, &self.urls.aggregate),
                    Command::KeepAlive if self.methods.get_parameter => (Method::GetParameter, &self.urls.aggregate),
                    Command::KeepAlive => (Method::Options, &self.urls.aggregate),
                };
                let authorization = self.authentication.authorize(method.name(), uri);
                let transport = (command == Command::Setup).then(|| {
                    let message = self.keying.message().map(|data| KeyMgmt { uri, data });
                    (answers::offer(self.offer, self.keying.asks_secure()), message)
                });
                write_request(space, method, uri, cseq, session, command, transport, stretch, authorization)
            }
            Dialect::Lab => {
                let (file, manner) = self.lab_file();
                match (command, self.offer, manner) {
                    (Command::Setup, MediaTransport::Udp { rtp_port, .. }, Manner::Connecting) if session.is_none() => {
                        lab::emit_connect(space, cseq, rtp_port)
                    }
                    (Command::Setup, MediaTransport::Udp { rtp_port, .. }, Manner::Usual | Manner::PrefersHd) => {
                        let wording = lab::Wording { is_glued: self.is_glued, prefers_hd: manner == Manner::PrefersHd };
                        lab::emit_setup(space, file, cseq, rtp_port, wording)
                    }
                    _ => lab::emit_request(space, method_of(command), file, cseq, &self.session),
                }
            }
        };
        tx.commit(written.map_err(|Full| NotNow::Full)?);
        self.cseq = cseq;
        self.outstanding = Some(Outstanding { command, stretch });
        let patience = match command {
            Command::Options => self.config.options_timeout,
            Command::Setup if self.dialect == Dialect::Lab => self.config.lab_timeout,
            _ => self.config.response_timeout,
        };
        self.timers.set(Timer::Response, now.after(patience));
        if self.state != State::Init && self.dialect == Dialect::Standard {
            self.timers.set(Timer::KeepAlive, now.after(self.keep_alive_interval()));
        }
        Ok(())
    }

    /// The file that a lab server is asked for, and how, which a word behind its name says.
    fn lab_file(&self) -> (&str, Manner) {
        let path = Url::parse(&self.urls.presentation).map_or("", |url| url.path().as_str());
        match path.rsplit_once(';') {
            Some((file, word)) if word.eq_ignore_ascii_case("hd") => (file, Manner::PrefersHd),
            Some((file, word)) if word.eq_ignore_ascii_case("connect") => (file, Manner::Connecting),
            _ => (path, Manner::Usual),
        }
    }

    /// The request that an answer with this `CSeq` ends. The number may be missing or wrong: with one request at a time
    /// there is no doubt. Only answers to abandoned requests are ignored.
    fn settle(&mut self, cseq: Option<u32>) -> Option<Outstanding> {
        // Our numbers begin with 1. A server that numbers all its answers 0 answers the outstanding request.
        if cseq.is_some_and(|cseq| (1..=self.stale).contains(&cseq)) {
            debug!("ignored an answer that came too late");
            return None;
        }
        let Some(outstanding) = self.outstanding.take() else {
            debug!("ignored an answer to nothing");
            return None;
        };
        if cseq.is_some_and(|cseq| cseq != self.cseq) {
            debug!("the server's CSeq is not ours");
        }
        self.timers.stop(Timer::Response);
        Some(outstanding)
    }

    fn handle_refusal<B: Storage>(
        &mut self,
        tx: &mut Buffer<B>,
        now: Instant,
        status: StatusCode,
        during: Command,
    ) -> Option<Event> {
        match during {
            // There are servers without OPTIONS. DESCRIBE will tell whether this one is of use. But a wrong password is not tried
            // twice.
            Command::Options if status != StatusCode::UNAUTHORIZED || !self.authentication.is_known() => {
                self.proceed(tx, now);
                return None;
            }
            Command::KeepAlive if status != StatusCode::SESSION_NOT_FOUND => {
                self.methods.get_parameter = false;
                self.proceed(tx, now);
                return None;
            }
            // There are servers that forget the session and play on. The media will tell whether it is gone.
            Command::KeepAlive if self.state == State::Playing => {
                self.methods.get_parameter = false;
                self.proceed(tx, now);
                return Some(Event::Refused { status, during });
            }
            _ => {}
        }
        if status == StatusCode::SESSION_NOT_FOUND {
            self.end_session();
            self.planned = None;
        } else if matches!(during, Command::Options | Command::Setup) {
            // There is no session, so none is torn down either.
            self.planned = None;
        } else {
            self.proceed(tx, now);
        }
        Some(Event::Refused { status, during })
    }

    fn handle_description(&mut self, response: &Response<'_>) -> Event {
        match answers::describe(response, &self.urls.presentation, &mut self.keying) {
            Ok((described, aggregate, stream)) => {
                self.urls.aggregate = aggregate;
                self.urls.stream = stream;
                Event::Described(described)
            }
            Err(error) => Event::Failed(error),
        }
    }

    fn handle_setup(&mut self, now: Instant, headers: &Headers<'_>) -> Event {
        let session = headers.first("Session").and_then(Session::parse);
        let id = match session.map(|session| bounded(session.id)).transpose() {
            Ok(id) => id,
            Err(_) => return Event::Failed(Error::SessionTooLong),
        };
        let timeout = session.and_then(|session| session.timeout).filter(|&seconds| seconds > 0);
        let timeout = timeout.unwrap_or(DEFAULT_SESSION_TIMEOUT);
        match answers::setup(headers, self.offer, Duration::from_secs(timeout.into()), &mut self.keying) {
            Ok(set_up) => {
                // Without the header the identifier stays as it is, which means empty as a rule.
                self.session = id.unwrap_or_else(|| self.session.clone());
                self.session_timeout = timeout;
                self.state = self.state.on_setup().unwrap_or(self.state);
                self.offer = set_up.transport;
                self.timers.set(Timer::KeepAlive, now.after(self.keep_alive_interval()));
                Event::SetUp(set_up)
            }
            Err(error) => Event::Failed(error),
        }
    }

    fn handle_play(&mut self, playing: Playing) -> Event {
        self.state = self.state.on_play().unwrap_or(self.state);
        Event::Playing(playing)
    }

    fn handle_pause(&mut self) -> Event {
        self.state = self.state.on_pause().unwrap_or(self.state);
        Event::Paused
    }

    fn end_session(&mut self) {
        self.state = self.state.on_teardown().unwrap_or(State::Init);
        self.session.clear();
        self.timers.stop(Timer::KeepAlive);
    }
}

/// The key that SETUP says again.
type Key<'a> = KeyMgmt<&'a String<MAX_URL, u16>, &'a str>;

#[allow(clippy::too_many_arguments, reason = "the parts of one request, in their order on the wire")]
fn write_request(
    space: &mut [u8],
    method: Method<'_>,
    uri: &str,
    cseq: u32,
    session: Option<&str>,
    command: Command,
    transport: Option<(Transport, Option<Key<'_>>)>,
    stretch: Stretch,
    authorization: Option<impl Display>,
) -> Result<usize, Full> {
    let mut request = Emitter::request(space, method, uri)?.header("CSeq", cseq)?.header("User-Agent", USER_AGENT)?;
    if let Some(authorization) = authorization {
        request = request.header("Authorization", authorization)?;
    }
    if let Some(session) = session {
        request = request.header("Session", session)?;
    }
    if command == Command::Describe {
        request = request.header("Accept", APPLICATION_SDP)?;
    }
    if let Some((transport, key)) = transport {
        request = request.header("Transport", transport)?;
        if let Some(key) = key {
            request = request.header("KeyMgmt", key)?;
        }
    }
    if let Some(range) = stretch.range {
        request = request.header("Range", range)?;
    }
    if let Some(scale) = stretch.scale {
        request = request.header("Scale", scale)?;
    }
    request.finish()
}

fn method_of(command: Command) -> Method<'static> {
    match command {
        Command::Options | Command::KeepAlive => Method::Options,
        Command::Describe => Method::Describe,
        Command::Setup => Method::Setup,
        Command::Play => Method::Play,
        Command::Pause => Method::Pause,
        Command::Teardown => Method::Teardown,
    }
}
