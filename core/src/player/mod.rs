//! Playing one URL, as one machine: a [`Goal`] in, an [`Event`] out.
//!
//! A [`Player`] has no socket and no clock. It says what it needs of whoever has them, bytes and datagrams go in and out,
//! and `now` is an argument:
//!
//! ```text
//!              handle_goal ──►┌────────────────────────────────────┐──► poll_event: frames, and all else that happens
//!                             │ Player                             │
//!  connect, open ports, close │  fallback   what is tried next     │
//!              poll_demand ◄──│  policies   servers' peculiarities │
//!     handle_connected, … ──►│                                    │
//!                             │  session::client   RTSP            │
//!       bytes: handle_input ──►│  media: rtp::receiver, reports,   │──► poll_transmit, consume_transmit
//! datagrams: handle_datagram ─►│         silence, timeline         │──► poll_datagram
//!    handle_timeout, flood ──►└────────────────────────────────────┘──► poll_timeout
//! ```
//!
//! The difference between the goal and what is decides on the next request; each [`poll_event`](Player::poll_event)
//! takes one step. [`io::client::Pump`](crate::io::client::Pump) moves the bytes between a player and sockets in the
//! right order; an adapter that meets the demands and waits is all that it takes to play.
//!
//! | file | content |
//! |---|---|
//! | `event` | what a player is told and tells |
//! | `settings`, `failure` | how it plays, and why it cannot |
//! | `attempts` | what is done when something did not work |
//! | `fallback` | which transport and which dialect are tried, one after the other |
//! | `stage` | what is wanted, and how far it has come |
//! | `redirection` | where a server that sends us elsewhere sends us |
//! | `policies` | what is done about servers that refuse a range, a pause or a keep-alive, or never say BYE |
//! | `media` | the receiver of one session, its reports, BYE both ways |
//! | `protection` | its packets are encrypted, and so are its reports |
//! | `silence`, `timeline` | that nothing comes; where in the presentation a frame lies |

mod attempts;
mod event;
mod failure;
mod fallback;
mod media;
mod policies;
mod protection;
mod redirection;
mod settings;
mod silence;
mod stage;
#[cfg(test)]
mod tests;
mod timeline;

pub use crate::rtp::receiver::{NoFrameReason, Received, Rejected, Statistics};
pub use event::{Demand, Event, Goal, Presentation, ReceivedFrame, Retry};
pub use failure::{Failure, NoFrames};
pub use media::{Outgoing, Port};
pub use settings::{Dialect, Settings, Transport};

use crate::random::Random;
use crate::session::client::{self as session, Command, Connection, NotNow, Protection, SetUp, Unauthorized};
use crate::session::{self as spoken, MediaTransport, State};
use crate::time::{Duration, Instant, earliest};
use crate::wire::rtsp::StatusCode;
use crate::wire::rtsp::headers::{Range, Scale};
use crate::wire::url::Url;
use core::net::SocketAddr;
use fallback::Fallback;
use media::Media;
use policies::{Next, Standing};
use redirection::Redirections;
use stage::{HandedOver, Ports, Stage, Wanted};

/// Bytes of the longest datagram that [`Player::poll_datagram`] writes: a report with our name, and BYE.
pub const MAX_DATAGRAM: usize = 256;

/// An answer that reached the socket before its deadline is in time, even if it is read later. So a deadline counts as missed
/// only when the connection has been read until nothing was left after the deadline. A connection that never runs dry is read
/// this often instead, which is more than a socket holds.
const LATE_READS: u32 = 64;

// More than 15 fields: the parts that decide together what comes next, and what is wanted.
/// A player of one URL.
///
/// `B`: the control connection's buffers; `F`: `SLOTS` frame buffers, each for the largest frame. See [`Connection`] and
/// [`Receiver`](crate::rtp::receiver::Receiver) for their sizes.
#[derive(Debug)]
pub struct Player<B, F, const SLOTS: usize> {
    settings: Settings,
    wanted: Wanted,
    stage: Stage,
    fallback: Fallback,
    standing: Standing,
    connection: Connection<B>,
    media: Media<F, SLOTS>,
    ports: Ports,
    /// The adapter is to close what it has.
    close: bool,
    handed_over: HandedOver,
    /// Reads of the control connection since one of its deadlines has passed.
    late_reads: u32,
    /// Why nothing more can be read or written.
    ended: Option<Failure>,
    /// A position was asked for where there are none; told when PLAY has left.
    unseekable: bool,
    redirections: Redirections,
    random: Random,
    /// When the connection was asked for.
    connecting: Instant,
}

impl<B, F, const SLOTS: usize> Player<B, F, SLOTS>
where
    B: AsRef<[u8]> + AsMut<[u8]>,
    F: AsRef<[u8]> + AsMut<[u8]>,
{
    /// A player of `url`, an absolute `rtsp://` URL, without a goal. `rx` and `tx` are the connection's buffers. Our
    /// SSRCs, our canonical name and our words in Digest come from `seed`, which should be random.
    ///
    /// With the feature `auth`, user and password in the URL answer the server's question for them. They are sent in no other
    /// way, and to no other server.
    ///
    /// # Errors
    /// [`Url`](session::Error::Url), [`UrlTooLong`](session::Error::UrlTooLong) and
    /// [`Credentials`](session::Error::Credentials).
    pub fn new(
        url: &str,
        rx: B,
        tx: B,
        frames: [F; SLOTS],
        settings: Settings,
        seed: u64,
    ) -> Result<Self, session::Error> {
        let fallback = Fallback::new(&settings);
        let config = session::Config {
            options_timeout: settings.dialect_timeout,
            response_timeout: settings.response_timeout,
            lab_timeout: match settings.dialect {
                Dialect::Lab => settings.response_timeout,
                Dialect::Auto | Dialect::Standard => settings.dialect_timeout.min(settings.response_timeout),
            },
            ..session::Config::default()
        };
        let mut random = Random::new(seed);
        let name = random.bits();
        let connection = Connection::new(rx, tx, url, fallback.attempt.dialect, config)?;
        let redirections = Redirections::new(connection.url())?;
        let player = Self {
            settings,
            wanted: Wanted::default(),
            stage: Stage::Idle,
            standing: Standing::default(),
            connection,
            media: Media::new(frames, name),
            fallback,
            ports: Ports::Closed,
            close: false,
            handed_over: HandedOver::default(),
            late_reads: 0,
            ended: None,
            unseekable: false,
            redirections,
            random,
            connecting: Instant::default(),
        };
        #[cfg(feature = "auth")]
        let player = player.authenticated(url)?;
        Ok(player)
    }

    #[cfg(feature = "auth")]
    fn authenticated(mut self, url: &str) -> Result<Self, session::Error> {
        if let Some(user_info) = Url::parse(url).and_then(|url| url.user_info()).filter(|info| !info.is_empty()) {
            let credentials = crate::auth::Credentials::from_user_info(user_info);
            self.authenticate(credentials.map_err(|_| session::Error::Credentials)?);
        }
        Ok(self)
    }

    /// Where the server asks for them, tells it user and password, instead of those in the URL.
    #[cfg(feature = "auth")]
    pub fn authenticate(&mut self, credentials: crate::auth::Credentials) {
        // The password is told to the server of this URL alone, so that a redirection takes it out of no tunnel.
        let is_private = Url::parse(self.url()).is_some_and(|url| url.is_secure());
        let is_allowed = self.settings.basic || is_private;
        let basic = if is_allowed { crate::auth::Basic::Allowed } else { crate::auth::Basic::Refused };
        self.connection.authenticate(credentials, basic, self.random.bits());
    }

    /// Changes what is to be achieved; [`poll_event`](Self::poll_event) does what it takes.
    pub fn handle_goal(&mut self, goal: Goal) {
        match goal {
            Goal::SetUp => self.wanted.session = true,
            Goal::Play { from } => {
                let Wanted { from: before, scale, .. } = self.wanted;
                self.wanted = Wanted { session: true, playing: true, from: from.or(before), scale };
            }
            Goal::Pause => self.wanted.playing = false,
            Goal::Seek { to } => self.wanted.from = Some(to),
            Goal::Scale { to } => self.wanted.scale = to,
            Goal::Stop => self.wanted = Wanted::default(),
        }
    }

    /// The next thing that the adapter has to do about its sockets. Each is told once; ask until there is none.
    pub fn poll_demand(&mut self) -> Option<Demand<'_>> {
        if core::mem::take(&mut self.close) {
            self.ports = Ports::Closed;
            return Some(Demand::Close);
        }
        if self.stage == (Stage::Connecting { asked: false }) {
            self.stage = Stage::Connecting { asked: true };
            // It was parsed before: there is always one.
            let url = Url::parse(self.connection.url())?;
            let (host, port, is_secure) = (url.host(), url.port_or_default(), url.is_secure());
            return Some(Demand::Connect { host, port, is_secure });
        }
        if self.ports == Ports::Wanted {
            self.ports = Ports::Asked;
            return Some(Demand::OpenPorts);
        }
        None
    }

    /// The connection that was [demanded](Demand::Connect) stands. Leads to [`Event::Connected`], which is returned.
    pub fn handle_connected(&mut self, peer: SocketAddr) -> Event {
        self.connection.restart(self.fallback.attempt.dialect);
        if self.fallback.is_options_unanswered() {
            self.connection.skip_options();
        }
        self.connection.set_glued(self.fallback.is_glued());
        self.media.restart(peer, self.random.bits() as u32);
        self.standing = Standing::default();
        self.stage = Stage::Linked;
        (self.ports, self.handed_over, self.late_reads) = (Ports::Closed, HandedOver::Part, 0);
        (self.ended, self.unseekable) = (None, false);
        Event::Connected { peer }
    }

    /// The connection that was demanded cannot be had. Returns what comes of it.
    pub fn handle_unreachable(&mut self, now: Instant) -> Event {
        self.fail(now, Failure::Unreachable)
    }

    /// The ports that were [demanded](Demand::OpenPorts) are open, or cannot be (`None`).
    pub fn handle_ports(&mut self, ports: Option<(u16, u16)>) {
        self.ports = ports.map_or(Ports::Unavailable, |(rtp, rtcp)| Ports::Open { rtp, rtcp });
    }

    /// Where the adapter puts bytes that have come on the connection; empty while there is no room before events are
    /// read.
    pub fn rx_buffer(&mut self) -> &mut [u8] {
        if self.ended.is_some() || self.connection.is_closed() { &mut [] } else { self.connection.rx_buffer() }
    }

    /// `n` bytes were put there: poll events until there are none.
    pub fn handle_input(&mut self, now: Instant, n: usize) {
        self.late_reads = if self.is_late(now) { self.late_reads.saturating_add(1) } else { 0 };
        self.connection.handle_input(now, n);
    }

    /// The server will send no more: poll events until there are none.
    pub fn handle_close(&mut self, now: Instant) {
        self.ended = Some(Failure::Closed);
        self.connection.handle_close(now);
    }

    /// The connection broke, so that nothing can be read or written any more: poll events until there are none.
    pub fn handle_broken(&mut self, now: Instant) {
        self.ended = Some(Failure::Broken);
        self.connection.handle_close(now);
    }

    /// Whether media and reports come in datagrams at present; others are dropped.
    pub fn takes_datagrams(&self) -> bool {
        self.has_session() && self.media.is_over_udp()
    }

    /// A datagram came to one of our ports.
    pub fn handle_datagram(&mut self, now: Instant, port: Port, from: SocketAddr, bytes: &[u8]) {
        if !self.has_session() {
            return;
        }
        match port {
            Port::Rtcp if self.takes_media_at_both_ports() => self.media.handle_rtp(now, from, bytes),
            Port::Rtp => self.media.handle_rtp(now, from, bytes),
            Port::Rtcp => self.media.handle_rtcp(now, from, bytes, &self.settings),
        }
    }

    /// The next datagram that is due, written to `buffer` of at least [`MAX_DATAGRAM`] bytes; over TCP, reports are queued
    /// on the connection. To be called until there is none, before [`poll_transmit`](Self::poll_transmit). What the socket
    /// has no room for is lost, as RTCP may be.
    pub fn poll_datagram(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Outgoing> {
        let reporting = self.has_session();
        self.media.poll_datagram(now, &mut self.connection, reporting, buffer)
    }

    /// Bytes for the server.
    pub fn poll_transmit(&self) -> &[u8] {
        if self.ended.is_some() { &[] } else { self.connection.poll_transmit() }
    }

    /// The connection took `n` of them.
    pub fn consume_transmit(&mut self, now: Instant, n: usize) {
        self.connection.consume_transmit(now, n);
    }

    /// All that has arrived by now has been handed over: deadlines that have passed are missed, and what has not come is
    /// silence. Poll events until there are none.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.late_reads = 0;
        self.handed_over = HandedOver::All;
        if self.is_linked() {
            self.connection.handle_timeout(now);
            self.media.handle_lull(now);
        }
    }

    /// More has arrived than is handed over at a time. Media's silence is noticed all the same; deadlines of requests are
    /// not missed yet.
    pub fn handle_flood(&mut self) {
        self.handed_over = HandedOver::Much;
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), [`poll_datagram`](Self::poll_datagram) and
    /// [`poll_event`](Self::poll_event) though nothing has arrived.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let leaving = match self.stage {
            Stage::Idle | Stage::Connecting { .. } => return None,
            Stage::Leaving { until } => Some(until),
            Stage::Linked => None,
        };
        let media = earliest(self.media.poll_timeout(self.has_session()), self.probe_due());
        earliest(earliest(self.connection.poll_timeout(), media), leaving)
    }

    /// Takes the next step towards the goal, and tells what happened next. What the event before it lent is gone.
    pub fn poll_event(&mut self, now: Instant) -> Option<Event> {
        let handed_over = core::mem::take(&mut self.handed_over);
        loop {
            if let Some(event) = self.step(now) {
                return Some(event);
            }
            if !self.is_linked() {
                return None;
            }
            // A finished frame is given out before anything is read, because the next packets would overwrite its buffer.
            if let Some(frame) = self.media.poll_frame(now, self.connection.dialect()) {
                self.fallback.handle_frame();
                self.standing.arrived = true;
                self.standing.position = frame.position;
                return Some(Event::Frame(frame));
            }
            if let Some(event) = self.connection.poll_event() {
                if let Some(event) = self.handle_session_event(now, event) {
                    return Some(event);
                }
            } else if self.is_late(now) && self.late_reads >= LATE_READS {
                self.late_reads = 0;
                self.connection.handle_timeout(now);
            } else {
                return self.poll_absence(now, handed_over);
            }
        }
    }

    /// The frame of the last [`Event::Frame`]: a complete JPEG file.
    pub fn frame(&self) -> &[u8] {
        self.media.frame()
    }

    /// Where the redirection leads that the last event tells of.
    pub fn location(&self) -> Option<&str> {
        self.connection.header("Location")
    }

    /// Why the server's last 401 was not answered: what a refusal with this status means.
    pub fn unauthorized(&self) -> Option<Unauthorized> {
        self.connection.unauthorized()
    }

    /// What is played at present, without user and password: the URL that was given, or where redirections have led.
    pub fn url(&self) -> &str {
        self.connection.url()
    }

    /// What has been received in this session; `None` before SETUP was answered.
    pub fn statistics(&self) -> Option<Statistics> {
        if self.is_linked() { self.media.statistics() } else { None }
    }

    /// Whether there is nothing to do: no connection, and no goal that takes one.
    pub fn is_idle(&self) -> bool {
        self.stage == Stage::Idle && !self.wanted.session
    }

    /// Where the session stands.
    pub fn state(&self) -> State {
        if self.is_linked() { self.connection.state() } else { State::Init }
    }

    /// The dialect that the server is spoken to in at present.
    pub fn dialect(&self) -> spoken::Dialect {
        self.connection.dialect()
    }

    /// Datagrams of this session that were dropped because they did not come from the server.
    pub fn strangers(&self) -> u32 {
        self.media.strangers()
    }

    /// Gives up at once what is under way, without an event: for adapters that cannot go on. BYE and TEARDOWN can still
    /// be sent, before the sockets are [closed](Demand::Close).
    pub fn abandon(&mut self, now: Instant) {
        self.leave(now);
        self.wanted = Wanted::default();
    }

    fn is_linked(&self) -> bool {
        matches!(self.stage, Stage::Linked | Stage::Leaving { .. })
    }

    fn has_session(&self) -> bool {
        self.connection.state() != State::Init
    }

    /// Whether a deadline of the connection's has passed that was not told to it.
    fn is_late(&self, now: Instant) -> bool {
        self.connection.poll_timeout().is_some_and(|due| due <= now)
    }

    /// Sends the request that comes next on the way to the goal, if none is under way.
    fn step(&mut self, now: Instant) -> Option<Event> {
        match self.stage {
            Stage::Idle if self.wanted.session => {
                self.stage = Stage::Connecting { asked: false };
                self.connecting = now;
                return None;
            }
            Stage::Connecting { .. } if !self.wanted.session => return Some(self.end_link()),
            Stage::Leaving { until } if until <= now => return Some(self.end_link()),
            Stage::Idle | Stage::Connecting { .. } | Stage::Leaving { .. } => return None,
            Stage::Linked => {}
        }
        if !self.wanted.session {
            // Where there is no session, closing the connection ends everything.
            let answered = self.media.leave(now, &mut self.connection).is_ok();
            if !answered {
                return Some(self.end_link());
            }
            self.stage = Stage::Leaving { until: now.after(self.settings.teardown_timeout) };
            return None;
        }
        if self.ports == Ports::Unavailable {
            return Some(self.fail_or_retry(now, Failure::NoPorts));
        }
        if self.connection.is_busy() {
            return None;
        }
        match self.request(now) {
            // `Full`: the server does not read. The missing answer to an earlier request will end the attempt.
            Ok(()) | Err(NotNow::Full | NotNow::Busy | NotNow::Closed) => {
                core::mem::take(&mut self.unseekable).then_some(Event::Unseekable)
            }
            Err(NotNow::State) => Some(self.fail_or_retry(now, Failure::NoAnswer(Command::Setup))),
        }
    }

    fn request(&mut self, now: Instant) -> Result<(), NotNow> {
        let Wanted { playing, from, scale, .. } = self.wanted;
        let elsewhere = from.is_some() || scale != self.standing.scale;
        match self.connection.state() {
            State::Init if self.fallback.attempt.is_standard() && self.media.described().is_none() => {
                self.set_patience(now);
                self.connection.describe(now)
            }
            State::Init => self.offer(now),
            state => match self.standing.next(state, playing, elsewhere) {
                Next::Play => self.play(now),
                Next::Pause => self.connection.pause(now),
                Next::Nothing => Ok(()),
            },
        }
    }

    /// SETUP, as soon as there are the ports that it takes.
    fn offer(&mut self, now: Instant) -> Result<(), NotNow> {
        self.set_patience(now);
        if self.fallback.attempt.tcp {
            return self.connection.setup(now, MediaTransport::Interleaved { rtp_channel: 0, rtcp_channel: 1 });
        }
        match self.ports {
            Ports::Open { rtp, rtcp } => {
                self.connection.setup(now, MediaTransport::Udp { rtp_port: rtp, rtcp_port: rtcp })
            }
            Ports::Closed => {
                self.ports = Ports::Wanted;
                Ok(())
            }
            Ports::Wanted | Ports::Asked | Ports::Unavailable => Ok(()),
        }
    }

    fn play(&mut self, now: Instant) -> Result<(), NotNow> {
        let scale = self.wanted.scale;
        // Backwards, the beginning is at the end, which the server knows.
        let from = self.wanted.from.or(self.standing.opening().filter(|_| !scale.is_backwards()));
        let standard = self.fallback.attempt.is_standard();
        let range = from.filter(|_| standard).map(|from| {
            let from = u64::try_from(from.as_micros()).unwrap_or(u64::MAX);
            let begins = policies::begins(self.media.described());
            Range::Npt { start: Some(begins.saturating_add(from)), end: None }
        });
        // Whoever never wanted anything else says nothing of it.
        if standard && (scale != Scale::NORMAL || self.standing.scale != Scale::NORMAL) {
            self.connection.play_scaled(now, range, scale)?;
        } else {
            self.connection.play(now, range)?;
        }
        self.standing.scale = scale;
        self.media.handle_play(range);
        let wished = self.wanted.from.take();
        self.unseekable = !standard && wished.is_some();
        self.standing.ranged = range.is_some();
        self.standing.asked = wished.filter(|_| standard);
        self.standing.ended = false;
        Ok(())
    }

    fn handle_session_event(&mut self, now: Instant, event: session::Event) -> Option<Event> {
        match event {
            session::Event::Interleaved { channel } => {
                let packet = self.connection.interleaved_mut();
                self.media.handle_interleaved(now, channel, packet, &self.settings);
                None
            }
            session::Event::Described(described) => {
                self.media.handle_described(described);
                if described.protection == Protection::Tunnel {
                    if self.settings.transport == Transport::Udp {
                        return Some(self.fail(now, Failure::Protocol(session::Error::Exposed)));
                    }
                    self.fallback.attempt.tcp = true;
                }
                None
            }
            session::Event::SetUp(set_up) => Some(self.handle_set_up(now, set_up)),
            session::Event::Playing(answer) => {
                self.media.set_lab_length(self.connection.lab_length());
                self.media.handle_playing(now, answer, self.settings.silence);
                self.standing.played = true;
                let from = self.standing.asked.take();
                self.standing.position = from;
                Some(Event::Playing { from, answer })
            }
            session::Event::Paused => {
                self.media.handle_stop();
                // A pause that only precedes a seek is not reported.
                (!self.wanted.playing).then_some(Event::Paused)
            }
            session::Event::TornDown => Some(self.end_link()),
            session::Event::Refused { status, during } => self.handle_refusal(now, status, during),
            session::Event::Late => {
                let with = self.fallback.was_late(&self.settings);
                Some(self.reconnect(now, with, Failure::NoAnswer(Command::Options)))
            }
            session::Event::TimedOut { during } => self.handle_no_answer(now, during),
            session::Event::ServerClosed => {
                self.media.handle_stop();
                Some(self.handle_absent_server(now, self.ended.unwrap_or(Failure::Closed)))
            }
            session::Event::Failed(error @ session::Error::Transport) if !self.fallback.attempt.tcp => {
                Some(self.try_tcp(now, Failure::Protocol(error), false))
            }
            session::Event::Failed(error) => Some(self.fail_or_retry(now, Failure::Protocol(error))),
        }
    }

    fn handle_set_up(&mut self, now: Instant, set_up: SetUp) -> Event {
        if !self.can_be_served(set_up.transport) {
            let failure = Failure::Protocol(session::Error::Transport);
            return if self.fallback.attempt.tcp { self.fail(now, failure) } else { self.try_tcp(now, failure, false) };
        }
        self.fallback.attempt.tcp = matches!(set_up.transport, MediaTransport::Interleaved { .. });
        let dialect = self.connection.dialect();
        let protection = protection::Protection::new(&self.connection);
        self.media.handle_set_up(set_up, dialect, &self.settings, protection);
        self.fallback.handle_set_up();
        let length = self.connection.lab_length();
        self.media.set_lab_length(length);
        let described = self.media.described();
        Event::SetUp(Presentation {
            dialect: chosen(dialect),
            transport: set_up.transport,
            duration: policies::duration(described).or(length.time),
            frame_rate: described.and_then(|described| described.frame_rate),
        })
    }

    /// Whether media can travel as the server has answered, whatever it was offered.
    fn can_be_served(&self, transport: MediaTransport) -> bool {
        match (self.settings.transport, transport) {
            (Transport::Tcp, MediaTransport::Udp { .. }) | (Transport::Udp, MediaTransport::Interleaved { .. }) => {
                false
            }
            (_, MediaTransport::Interleaved { .. }) => true,
            _ if self.media.is_tunnelled() => false,
            (_, MediaTransport::Udp { rtp_port, rtcp_port }) => {
                self.ports == Ports::Open { rtp: rtp_port, rtcp: rtcp_port }
            }
        }
    }

    fn handle_refusal(&mut self, now: Instant, status: StatusCode, during: Command) -> Option<Event> {
        if matches!(self.stage, Stage::Leaving { .. }) {
            return Some(self.end_link());
        }
        if redirection::is_redirection(status) && !self.standing.played && self.follow(now) {
            return Some(if self.wanted.session { Event::Redirected } else { Event::TornDown });
        }
        let failure = Failure::Refused { status, during };
        if during == Command::Play
            && let Some(with) = self.fallback.glue(status)
        {
            return Some(self.reconnect(now, with, failure));
        }
        match during {
            Command::Setup if status == StatusCode::UNSUPPORTED_TRANSPORT && !self.fallback.attempt.tcp => {
                return Some(self.try_tcp(now, failure, true));
            }
            Command::Describe if policies::knows_no_describe(status) => return Some(self.try_lab(now, failure)),
            Command::KeepAlive if self.connection.state() == State::Playing => {
                self.standing.doubt(status);
                return None;
            }
            _ if status == StatusCode::SESSION_NOT_FOUND => {}
            Command::Pause if self.wanted.playing => {
                // The pause was to precede a seek, which many servers take without one.
                self.standing.no_pause = true;
                return None;
            }
            Command::Pause => {
                self.wanted.playing = true;
                return Some(Event::Refused { status, during });
            }
            Command::Play if self.standing.asked.take().is_some() => return Some(Event::Refused { status, during }),
            Command::Play if self.standing.retry_without_range(status) => return None,
            _ => {}
        }
        Some(self.fail_or_retry(now, failure))
    }

    /// Means what the server sends us to, if that can be and is not too much.
    fn follow(&mut self, now: Instant) -> bool {
        let Some(to) = self.connection.header("Location").and_then(|to| self.redirections.resolve(to, self.url()))
        else {
            return false;
        };
        let elsewhere = self.redirections.leads_elsewhere(&to);
        self.leave(now);
        self.redirections.count();
        self.connection.redirect(&to, elsewhere).is_ok()
    }

    fn handle_no_answer(&mut self, now: Instant, during: Command) -> Option<Event> {
        match during {
            Command::Teardown => Some(self.end_link()),
            // While media comes, a missing answer does no harm. When media stops, that is noticed by its silence.
            Command::KeepAlive if !self.media.silence().is_probed() => None,
            Command::KeepAlive => Some(self.fail(now, Failure::NoAnswer(during))),
            // Some servers ignore OPTIONS but answer DESCRIBE. They are asked where no other dialect is left to try.
            Command::Options if self.fallback.attempt.last => None,
            Command::Options if self.fallback.may_turn() => Some(self.turn_to_lab(now, Failure::NoAnswer(during))),
            Command::Play | Command::Setup if self.is_surely_lab() => Some(self.fail(now, Failure::NoFile(during))),
            _ => Some(self.handle_absent_server(now, Failure::NoAnswer(during))),
        }
    }

    /// The server went silent or away. If it has not said a word of RTSP yet, it may know the other dialect.
    fn handle_absent_server(&mut self, now: Instant, failure: Failure) -> Event {
        let said = self.media.described().is_some() || self.connection.is_standard();
        if self.fallback.attempt.is_standard() && !said {
            self.try_lab(now, failure)
        } else {
            self.fail_or_retry(now, failure)
        }
    }

    /// Tells that packets or frames are missing. It tells so only if the adapter has handed over enough of what the sockets
    /// hold; otherwise the missing packets may wait there.
    fn poll_absence(&mut self, now: Instant, handed_over: HandedOver) -> Option<Event> {
        if handed_over == HandedOver::Part {
            return None;
        }
        self.probe(now);
        if handed_over == HandedOver::All && self.media.poll_end(now) {
            return Some(self.end(true));
        }
        let (lasting, reason) = self.media.poll_silence(now, self.settings.silence)?;
        (self.connection.state() == State::Playing).then(|| self.handle_silence(now, lasting, reason))
    }

    /// For long there has been no packet, or no frame for this reason.
    fn handle_silence(&mut self, now: Instant, lasting: Duration, reason: Option<NoFrameReason>) -> Event {
        let choice = self.settings.transport == Transport::Auto && self.fallback.attempt.is_standard();
        let cause = reason.map(|reason| self.no_frames(reason));
        if choice && policies::may_help_over_tcp(reason) && !self.standing.arrived && !self.fallback.attempt.tcp {
            return self.try_tcp(now, self.absence(cause, Transport::Udp), false);
        }
        let at_its_end = match self.connection.dialect() {
            spoken::Dialect::Lab => {
                self.media.is_near_lab_s_end() || self.standing.is_lab_s_end(lasting, self.settings.stall_timeout)
            }
            spoken::Dialect::Standard => self.standing.is_at_its_end(policies::duration(self.media.described())),
        };
        if at_its_end {
            return self.end(false);
        }
        if let (Some(failure), None) = (self.standing.failure_by_doubt(), cause) {
            return self.fail_or_retry(now, failure);
        }
        if lasting >= self.settings.stall_timeout {
            let failure = match cause {
                None if self.standing.arrived => Failure::Stalled(lasting),
                _ => self.absence(cause, self.settings.transport),
            };
            return self.fail_or_retry(now, failure);
        }
        cause.map_or(Event::Silence { lasting }, |cause| Event::NoFrames { lasting, cause })
    }

    /// Why there are no frames.
    fn absence(&self, cause: Option<NoFrames>, transport: Transport) -> Failure {
        let dialect = chosen(self.connection.dialect());
        cause.map_or(Failure::NothingArrived { dialect, transport }, Failure::NoFrames)
    }

    fn no_frames(&self, reason: NoFrameReason) -> NoFrames {
        let Statistics { packets, lost, .. } = self.media.statistics().unwrap_or_default();
        NoFrames { reason, tcp: self.fallback.attempt.tcp, described: self.media.payload_type(), packets, lost }
    }

    fn end(&mut self, announced: bool) -> Event {
        self.standing.ended = true;
        self.wanted.playing = false;
        Event::EndOfStream { announced }
    }

    fn fail(&mut self, now: Instant, failure: Failure) -> Event {
        self.leave(now);
        self.go_home();
        self.wanted = Wanted::default();
        self.fallback.fail(failure, &self.settings)
    }

    /// Drops the connection, and a session on it as politely as is possible without waiting.
    fn leave(&mut self, now: Instant) {
        if self.stage == Stage::Linked {
            let _ = self.media.leave(now, &mut self.connection);
        }
        self.drop_link();
    }

    /// The session is over.
    fn end_link(&mut self) -> Event {
        self.drop_link();
        self.go_home();
        Event::TornDown
    }

    /// Redirections hold for one session: the next one begins where the first one did.
    fn go_home(&mut self) {
        if let Some(home) = self.redirections.forget() {
            // It was parsed before.
            let _ = self.connection.redirect(home, false);
        }
    }

    fn drop_link(&mut self) {
        self.close |= self.stage != Stage::Idle && self.stage != Stage::Connecting { asked: false };
        self.stage = Stage::Idle;
        self.ports = Ports::Closed;
    }
}

/// The dialect that is spoken, among those that can be chosen.
const fn chosen(dialect: spoken::Dialect) -> Dialect {
    match dialect {
        spoken::Dialect::Standard => Dialect::Standard,
        spoken::Dialect::Lab => Dialect::Lab,
    }
}
