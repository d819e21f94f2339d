//! Requests are judged and answered here, at once or when the driver has decided.

use super::policy::{Accepted, Asked, MAX_URI_LEN, RequestPolicy, allowed};
use super::resource::Resource;
use super::{
    Connection, Description, Dialect, Event, MediaTransport, Parsed, Pending, Played, Session, State, Waiting,
};
use crate::session::buffer::{Buffer, Storage};
use crate::session::channel::Channel;
use crate::time::{Duration, Instant};
use crate::wire::lab::More;
use crate::wire::rtsp::headers::{
    self, APPLICATION_SDP, ContentBase, LowerTransport, PUBLIC, PUBLIC_WITH_RECORD, RtpInfo, Scale, Speed, Transport,
    Unsupported,
};
use crate::wire::rtsp::{Emitter, Full, Method, Request, StatusCode};
use crate::wire::sdp;
use crate::wire::url::{Path, Target, Url};
use core::fmt::{self, Display};

/// Bytes that suffice for every answer: the longest is DESCRIBE's, with the longest URI and name.
pub(super) const ANSWER_ROOM: usize = 1024;

/// The channels of a track whose packets are dropped, where the client leaves the choice to us: no other track is given them.
const IGNORED_CHANNELS: MediaTransport = MediaTransport::Interleaved { rtp_channel: 254, rtcp_channel: 255 };

const SERVER: &str = concat!("mutoscope/", env!("CARGO_PKG_VERSION"));

/// The beginning of every answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    status: StatusCode,
    /// `None` where the request had no usable one.
    cseq: Option<u32>,
    session: Option<SessionLine>,
    /// Nothing follows this answer, and it says so.
    closes: bool,
}

/// A request that was judged.
pub(super) struct Judged {
    len: usize,
    cseq: Option<u32>,
    closes: bool,
    verdict: Result<(Accepted, Parsed), StatusCode>,
}

/// What can be asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer {
    /// The methods that are carried out in one state or another.
    public: &'static str,
    state: State,
}

/// The result of judging a request.
pub(super) enum Outcome {
    /// The driver has to decide.
    Ask(Event, Waiting, Parsed),
    /// The machine has answered by itself.
    Answered { len: usize, cseq: Option<u32>, is_refused: bool, closes: bool, sent: Result<(), Full> },
}

impl<B: Storage> Connection<B> {
    /// The judge of requests, as things stand.
    pub(super) fn policy(&self) -> RequestPolicy<'_> {
        let Self { refusing, state, session, config, input, lab, .. } = self;
        let (session, allowed) = (session.as_ref(), input.allowed.map(|allowed| allowed.secrecy));
        RequestPolicy { refusing: *refusing, state: *state, session, config, lab, allowed }
    }

    /// Judges a standard request of `len` bytes, the first in the receive buffer.
    pub(super) fn judge(&self, request: &Request<'_>, len: usize) -> Judged {
        let cseq = headers::cseq(&request.headers).ok();
        let closes = headers::asks_to_close(&request.headers);
        let verdict = self.policy().judge(Asked::Standard(request)).map(|(accepted, path)| {
            let resource = Resource::locate(self.channel.rx.bytes(), request.uri, path);
            (accepted, Parsed { len, cseq: cseq.unwrap_or_default(), resource, closes })
        });
        Judged { len, cseq, closes, verdict }
    }

    /// Goes on with a request that was judged.
    pub(super) fn carry_out(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Ask(event, waiting, request) => self.ask(event, waiting, request),
            Outcome::Answered { len, cseq, is_refused, closes, sent } => {
                self.handle_answered(len, cseq, sent);
                if (self.refusing && is_refused) || closes {
                    self.begin_close();
                }
            }
        }
    }

    /// Hands the request at the front of the receive buffer to the driver.
    pub(super) fn ask(&mut self, event: Event, kind: Waiting, request: Parsed) {
        self.event = Some(event);
        self.pending = Some(Pending { kind, request, polled: false });
        self.config.is_hurried = false;
        self.refresh();
    }

    /// Answers [`Event::Describe`]. This and the other answers do nothing if no such event waits.
    pub fn answer_describe(&mut self, now: Instant, description: &Description<'_>) {
        self.now = now;
        let Some(Pending { kind: Waiting::Describe { ipv6 }, request, .. }) = self.pending else { return };
        let head = self.head(StatusCode::OK, Some(request.cseq));
        let Self { channel: Channel { rx, tx, .. }, .. } = self;
        let body = sdp::Description {
            // The number only has to differ from that of an older description.
            session_id: now.as_micros(),
            version: now.as_micros(),
            name: description.name,
            ipv6,
            range: description.range,
            framerate: Some(description.frame_rate),
            exchange: description.exchange.clone(),
            dimensions: Some((description.width, description.height)),
        };
        let url = request.resource.url(rx.bytes());
        let sent = respond(tx, head, |answer| {
            // Without a host it would be none. The base is then what the client has asked for.
            let is_absolute = Target::parse(url).is_some_and(|target| target.is_absolute());
            let answer = if is_absolute { answer.header("Content-Base", ContentBase(base(url)))? } else { answer };
            answer.finish_with_body(APPLICATION_SDP, body)
        });
        self.go_on(request, sent);
    }

    /// Answers [`Event::Describe`] with 302: there is no room here, and what was asked for is to be had at `url` (RFC 2326 sections 11.3
    /// and 12.25). `false`: it is no URL that can be told, or a longer one than servers take, and nothing is answered.
    pub fn answer_moved(&mut self, now: Instant, url: &str) -> bool {
        self.now = now;
        let Some(Pending { kind: Waiting::Describe { .. }, request, .. }) = self.pending else { return false };
        let is_told = Url::parse(url).is_some_and(|url| url.user_info().is_none());
        if !is_told || !url.is_ascii() || url.len() > MAX_URI_LEN {
            return false;
        }
        info!("DESCRIBE {} is sent on to {}", self.resource().as_str(), told(url));
        let head = self.head(StatusCode::FOUND, Some(request.cseq));
        let sent = respond(&mut self.channel.tx, head, |answer| answer.header("Location", url)?.finish());
        self.go_on(request, sent);
        true
    }

    /// Answers [`Event::Setup`] and [`Event::SetupRecord`]: there is a session now. `server_port`: RTP and RTCP port of the
    /// UDP sockets that media comes from; not used for interleaved, nor is `ssrc` in the lab dialect and where media comes
    /// from the client.
    pub fn answer_setup(&mut self, now: Instant, server_port: (u16, u16), ssrc: u32) {
        self.now = now;
        let Some(Pending { kind: Waiting::Setup { media, chosen, .. }, request, .. }) = self.pending else { return };
        // The policy has checked its length.
        let url = heapless::String::try_from(self.url_of(&request)).unwrap_or_default();
        let transport = Some(media);
        self.session = Some(match self.session.take() {
            // Its requests to come are about what was announced, and SETUP was about a track of that.
            Some(session) if self.state.is_publishing() => Session { transport, ..session },
            Some(session) => Session { id: session.id, url, path: request.resource.path, transport },
            None => Session { id: self.new_session_id(), url, path: request.resource.path, transport },
        });
        let is_lab = self.dialect == Some(Dialect::Lab);
        self.enter(if is_lab { self.state.on_change() } else { self.state.on_setup() });
        let sent = match chosen {
            None => self.reply_to_setup(request.cseq),
            Some(chosen) => {
                let ssrc = (!self.state.is_publishing()).then_some(ssrc);
                self.respond_setup(request, answered_transport(&chosen, media, server_port, ssrc))
            }
        };
        self.go_on(request, sent);
    }

    /// Answers [`Event::SetupRecord`] of a track that is not taken: its packets may come, and are dropped. The session stays as
    /// it was.
    pub fn answer_setup_ignored(&mut self, now: Instant, server_port: (u16, u16)) {
        self.now = now;
        let Some(Pending { kind: Waiting::Setup { media, chosen: Some(chosen), .. }, request, .. }) = self.pending
        else {
            return;
        };
        let media = match media {
            MediaTransport::Interleaved { .. } if chosen.interleaved.is_none() => IGNORED_CHANNELS,
            named => named,
        };
        let sent = self.respond_setup(request, answered_transport(&chosen, media, server_port, None));
        self.go_on(request, sent);
    }

    fn respond_setup(&mut self, request: Parsed, transport: Transport) -> Result<(), Full> {
        let transport = Transport { record: self.state.is_publishing(), ..transport };
        let head = self.head(StatusCode::OK, Some(request.cseq));
        respond(&mut self.channel.tx, head, |answer| answer.header("Transport", transport)?.finish())
    }

    /// Answers [`Event::Play`]. Media may be queued from now on, behind the answer.
    ///
    /// `Scale` and `Speed` are answered where they were asked for (RFC 2326 section 12.34: MUST) and where they are not 1.
    pub fn answer_play(&mut self, now: Instant, played: Played) {
        self.now = now;
        let Some(Pending { kind: Waiting::Play { scale, speed }, request, .. }) = self.pending else { return };
        self.enter(self.state.on_play());
        let head = self.head(StatusCode::OK, Some(request.cseq));
        let sent = match &self.session {
            Some(session) if self.dialect != Some(Dialect::Lab) => {
                // Some clients take an rtptime of 0 for none and ignore the line. 1 is 11 µs away from it.
                let rtptime = played.rtptime.max(1);
                let info = RtpInfo { url: told(&session.url), sequence: Some(played.sequence), rtptime: Some(rtptime) };
                respond(&mut self.channel.tx, head, |answer| {
                    let mut answer = answer.header("Range", played.range)?;
                    if scale || played.scale != Scale::NORMAL {
                        answer = answer.header("Scale", played.scale)?;
                    }
                    if speed || played.speed != Speed::NORMAL {
                        answer = answer.header("Speed", played.speed)?;
                    }
                    answer.header("RTP-Info", info)?.finish()
                })
            }
            _ => self.reply_to_play(request.cseq),
        };
        self.go_on(request, sent);
    }

    /// Answers [`Event::Announce`]: there is a session now, which waits for SETUP.
    pub fn answer_announce(&mut self, now: Instant) {
        self.now = now;
        let Some(Pending { kind: Waiting::Announce, request, .. }) = self.pending else { return };
        // The policy has checked its length.
        let url = heapless::String::try_from(self.url_of(&request)).unwrap_or_default();
        let id = self.new_session_id();
        self.session = Some(Session { id, url, path: request.resource.path, transport: None });
        self.enter(self.state.on_announce());
        let sent = self.respond_plain(StatusCode::OK, Some(request.cseq));
        self.go_on(request, sent);
    }

    /// Answers [`Event::Record`]. Media comes from now on.
    pub fn answer_record(&mut self, now: Instant) {
        self.now = now;
        let Some(Pending { kind: Waiting::Record, request, .. }) = self.pending else { return };
        self.enter(self.state.on_record());
        let sent = self.respond_plain(StatusCode::OK, Some(request.cseq));
        self.go_on(request, sent);
    }

    /// Answers [`Event::Pause`].
    pub fn answer_pause(&mut self, now: Instant) {
        self.now = now;
        let Some(Pending { kind: Waiting::Pause, request, .. }) = self.pending else { return };
        self.enter(self.state.on_pause());
        let sent = self.respond_plain(StatusCode::OK, Some(request.cseq));
        self.go_on(request, sent);
    }

    /// Answers [`Event::Teardown`]: there is no session any more. A lab connection closes.
    pub fn answer_teardown(&mut self, now: Instant) {
        self.now = now;
        let Some(Pending { kind: Waiting::Teardown, request, .. }) = self.pending else { return };
        self.enter(self.state.on_teardown());
        let sent = self.respond_plain(StatusCode::OK, Some(request.cseq));
        self.session = None;
        self.handle_answered(request.len, Some(request.cseq), sent);
        if self.dialect == Some(Dialect::Lab) {
            self.begin_close();
        }
        self.pump();
    }

    /// Answers with an error; `reason`, where not empty, goes as a text/plain body so that a person can read it (and
    /// to the log in any case).
    pub fn refuse(&mut self, now: Instant, status: StatusCode, reason: &str) {
        self.refuse_until(now, status, reason, None);
    }

    /// Whether a request for a medium waits for its answer.
    pub fn is_asking(&self) -> bool {
        self.pending.is_some_and(|pending| matches!(pending.kind, Waiting::Describe { .. } | Waiting::Setup { .. }))
    }

    /// Answers 503: what was asked for exists, but cannot be had now. `retry_after`: when the client may try again, which
    /// `Retry-After` tells in whole seconds, at least one.
    pub fn refuse_for_now(&mut self, now: Instant, reason: &str, retry_after: Duration) {
        self.refuse_until(now, StatusCode::SERVICE_UNAVAILABLE, reason, Some(retry_after));
    }

    fn refuse_until(&mut self, now: Instant, status: StatusCode, reason: &str, retry_after: Option<Duration>) {
        self.now = now;
        let Some(Pending { kind, request, .. }) = self.pending else { return };
        info!("{} {} refused with {} {}", kind.method(), self.resource().as_str(), status.0, reason);
        let mut sent = Err(Full);
        let says_more = !reason.is_empty() || retry_after.is_some();
        if says_more && self.dialect != Some(Dialect::Lab) {
            let head = self.head(status, Some(request.cseq));
            sent = respond(&mut self.channel.tx, head, |answer| {
                let answer = match retry_after {
                    Some(duration) => answer.header("Retry-After", duration.as_secs().max(1))?,
                    None => answer,
                };
                answer.finish_with_body("text/plain", reason)
            });
        }
        // A reason that is too long is left out.
        let sent = sent.or_else(|Full| self.respond_plain(status, Some(request.cseq)));
        self.go_on(request, sent);
    }

    /// What can be asked for now.
    pub(super) const fn offer(&self) -> Offer {
        Offer { public: if self.config.record { PUBLIC_WITH_RECORD } else { PUBLIC }, state: self.state }
    }

    /// Queues an answer that has nothing but a status, in the connection's dialect.
    pub(super) fn respond_plain(&mut self, status: StatusCode, cseq: Option<u32>) -> Result<(), Full> {
        if self.dialect == Some(Dialect::Lab) {
            return self.reply(status, cseq, More::Nothing);
        }
        let head = self.head(status, cseq);
        respond(&mut self.channel.tx, head, |answer| answer.finish())
    }

    /// The request in the first `len` bytes of the receive buffer is done with.
    pub(super) fn handle_answered(&mut self, len: usize, cseq: Option<u32>, sent: Result<(), Full>) {
        let closes = self.pending.take().is_some_and(|pending| pending.request.closes);
        self.event = None;
        self.input.allowed = None;
        self.config.is_hurried = false;
        self.channel.rx.consume(len);
        if sent.is_err() {
            warning!("closed: an answer does not fit the transmit buffer of {} bytes", self.channel.tx.capacity());
            let _ = self.respond_plain(StatusCode::INTERNAL_SERVER_ERROR, cseq);
            self.begin_close();
            return;
        }
        self.handle_queued();
        self.refresh();
        if closes {
            self.begin_close();
        }
    }

    /// The request is done with, and nothing is said about it.
    pub(super) fn go_on_silently(&mut self, request: Parsed) {
        self.pending = None;
        self.event = None;
        self.input.allowed = None;
        self.channel.rx.consume(request.len);
        self.refresh();
        self.pump();
    }

    pub(super) fn go_on(&mut self, request: Parsed, sent: Result<(), Full>) {
        self.handle_answered(request.len, Some(request.cseq), sent);
        self.pump();
    }

    /// Enters the state that the table gives. The table was asked when the request was judged, and while a request
    /// waits the state changes only in ways that leave its answer the same.
    fn enter(&mut self, state: Option<State>) {
        if let Some(state) = state {
            self.state = state;
        }
    }

    /// The beginning of an answer. It names the session, but not to a client that has named another one.
    pub(super) fn head(&self, status: StatusCode, cseq: Option<u32>) -> Head {
        let timeout = self.config.session_timeout.as_secs();
        let session = self.session.as_ref().filter(|_| status != StatusCode::SESSION_NOT_FOUND);
        let session = session.map(|session| SessionLine { id: session.id, timeout });
        let closes = self.pending.is_some_and(|pending| pending.request.closes);
        Head { status, cseq, session, closes }
    }
}

impl Judged {
    /// The beginning of an answer that is given at once.
    pub(super) fn head<B: Storage>(&self, connection: &Connection<B>) -> Head {
        Head { closes: self.closes, ..connection.head(self.verdict.err().unwrap_or(StatusCode::OK), self.cseq) }
    }

    /// Answers the request, unless the driver has to decide.
    pub(super) fn settle<B: Storage>(
        self,
        tx: &mut Buffer<B>,
        head: Head,
        offer: Offer,
        request: &Request<'_>,
    ) -> Outcome {
        if let Ok((accepted, parsed)) = self.verdict
            && let Some((event, waiting)) = accepted.question()
        {
            return Outcome::Ask(event, waiting, parsed);
        }
        if let Err(status) = self.verdict {
            info!("{} {} refused with {}", request.method.name(), shown(request.uri), status.0);
        }
        let sent = respond(tx, head, |answer| match self.verdict {
            Ok((Accepted::Options, _)) => answer.header("Public", offer.public)?.finish(),
            Ok(_) => answer.finish(),
            Err(status) => explain(answer, status, request, offer),
        });
        let is_refused = self.verdict.is_err();
        Outcome::Answered { len: self.len, cseq: self.cseq, is_refused, closes: self.closes, sent }
    }
}

impl Session {
    /// Whether `id` is this session's identifier, in exactly the form that was given out.
    pub(super) fn is_named(&self, id: &str) -> bool {
        id.len() == SessionLine::ID_LEN
            && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            && u64::from_str_radix(id, 16) == Ok(self.id)
    }
}

/// `id;timeout=seconds`, without a space: some clients look for exactly that.
#[derive(Clone, Copy, Debug)]
struct SessionLine {
    id: u64,
    timeout: u64,
}

impl SessionLine {
    const ID_LEN: usize = 16;
}

impl Display for SessionLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x};timeout={}", self.id, self.timeout)
    }
}

/// Queues one answer, whole or not at all.
pub(super) fn respond<B: Storage>(
    tx: &mut Buffer<B>,
    head: Head,
    finish: impl FnOnce(Emitter<'_>) -> Result<usize, Full>,
) -> Result<(), Full> {
    let len = finish(begin(tx.space(), head)?)?;
    tx.commit(len);
    Ok(())
}

/// Writes the beginning of an answer. It is in a program once, and not for each answer.
#[inline(never)]
fn begin(space: &mut [u8], head: Head) -> Result<Emitter<'_>, Full> {
    let mut answer = Emitter::response(space, head.status)?;
    if let Some(cseq) = head.cseq {
        answer = answer.header("CSeq", cseq)?;
    }
    answer = answer.header("Server", SERVER)?;
    if let Some(session) = head.session {
        answer = answer.header("Session", session)?;
    }
    if head.closes {
        answer = answer.header("Connection", "close")?;
    }
    Ok(answer)
}

/// Adds the headers that explain a refusal.
fn explain(answer: Emitter<'_>, status: StatusCode, request: &Request<'_>, offer: Offer) -> Result<usize, Full> {
    match status {
        StatusCode::OPTION_NOT_SUPPORTED => answer.header("Unsupported", Unsupported(request.headers))?.finish(),
        StatusCode::METHOD_NOT_VALID_IN_THIS_STATE => answer.header("Allow", Allow(offer))?.finish(),
        StatusCode::NOT_IMPLEMENTED => answer.header("Public", offer.public)?.finish(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            answer.finish_with_body("text/plain", "a description of type application/sdp is expected\r\n")
        }
        StatusCode::SERVICE_UNAVAILABLE => answer.finish_with_body("text/plain", "too many clients\r\n"),
        _ => answer.finish(),
    }
}

/// The methods that a state allows (RFC 2326 section 12.4), as its table lists them.
struct Allow(Offer);

impl Display for Allow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Offer { public, state }) = self;
        let methods = headers::elements(public).filter(|name| allowed(*state, Method::from_name(name)));
        methods.enumerate().try_for_each(|(i, name)| {
            f.write_str(if i > 0 { ", " } else { "" })?;
            f.write_str(name)
        })
    }
}

/// The alternative that was taken, with our side added. Its other parameters, `destination` above all, are not repeated.
fn answered_transport(
    chosen: &Transport,
    media: MediaTransport,
    server_port: (u16, u16),
    ssrc: Option<u32>,
) -> Transport {
    let common =
        Transport { secure: chosen.secure, udp_named: chosen.udp_named, unicast: true, ssrc, ..Transport::default() };
    match media {
        MediaTransport::Udp { rtp_port, rtcp_port } => Transport {
            lower: Some(LowerTransport::Udp),
            client_port: Some((rtp_port, rtcp_port)),
            server_port: Some(server_port),
            ..common
        },
        MediaTransport::Interleaved { rtp_channel, rtcp_channel } => {
            Transport { lower: Some(LowerTransport::Tcp), interleaved: Some((rtp_channel, rtcp_channel)), ..common }
        }
    }
}

/// The part of a request's URI that the log may show: a URL may have a password in it.
fn shown(uri: &str) -> &str {
    match Target::parse(uri) {
        Some(target) => target.path().as_str(),
        None if uri.contains('@') => "(not a URL)",
        // A query may have a token in it.
        None => uri.split(['?', '#']).next().unwrap_or_default(),
    }
}

/// A URL as it may be told: a token in it is as good as a password.
fn told(url: &str) -> &str {
    match url.split_once('?') {
        Some((before, query)) if query.contains("token=") => before,
        _ => url,
    }
}

/// The URL of a stream: a described one without the track that it may name.
fn base(uri: &str) -> &str {
    let url = uri.split(['?', '#']).next().unwrap_or_default();
    match url.trim_end_matches('/').rsplit_once('/') {
        Some((base, last)) if Path::new(last).split_track().1.is_some() => base,
        _ => url,
    }
}
