//! The server side of one RTSP connection: bytes in, events and bytes out. One session at most lives on a connection.
//!
//! ```text
//! socket ──▶ rx_buffer, handle_input ──▶ parse ──▶ judge ──▶ Event ──▶ driver: media, streams
//!                                                    │                     │
//! socket ◀── poll_transmit, consume_transmit ◀── tx ◀┴──── answer ◀────────┘ answer_*, refuse
//!                                                 ▲
//!                                                 └── queue_interleaved ◀── media over TCP
//! ```
//! A driver calls, in any order and as often as it likes: [`rx_buffer`](Connection::rx_buffer) and
//! [`handle_input`](Connection::handle_input) when bytes came, [`poll_event`](Connection::poll_event) until there is
//! none, [`poll_transmit`](Connection::poll_transmit) and [`consume_transmit`](Connection::consume_transmit) while the
//! socket takes bytes, [`handle_timeout`](Connection::handle_timeout) at [`poll_timeout`](Connection::poll_timeout).
//!
//! Requests are carried out one after another: while an event waits for its answer nothing further is read, so that
//! pipelined requests stay in order and a peer that does not read its answers is not listened to either.
//!
//! | file | what |
//! |---|---|
//! | `types` | configuration and events |
//! | `input` | from bytes to requests and interleaved packets, of any length and however they are cut |
//! | `access` | who asks: the driver's decision whether a request is carried out |
//! | `resource` | where the URL of a waiting request and the path in it lie |
//! | `policy` | **the one place where a request, of either dialect, is judged** before it is carried out |
//! | `lab` | from bytes to requests and answers of the lab dialect |
//! | `lab_memory` | what is remembered of a lab connection |
//! | `answer` | answers, at once or when the driver has decided |
//! | `lifetime` | deadlines, and every way in which a session and the connection end |

mod access;
mod answer;
mod input;
mod lab;
#[cfg(feature = "lab")]
mod lab_memory;
#[cfg(not(feature = "lab"))]
#[path = "no_lab_memory.rs"]
mod lab_memory;
mod lifetime;
mod policy;
mod ports;
mod resource;
mod types;

#[cfg(test)]
mod tests;

pub use access::{Asking, UnusableKey};
pub use policy::MAX_URI_LEN;
pub use types::{Config, Description, Event, Played};

use super::{Dialect, MediaTransport, Secrecy, State};

use super::channel::Channel;
use super::timer::Timers;
use crate::random::Random;
use crate::time::Instant;
use crate::wire::lab::extra::Extra;
use crate::wire::rtsp::{Interleaved, Message, headers, parse};
use crate::wire::url::Path;
use lab_memory::Lab;
use lifetime::{Deadline, Phase};
use resource::{PathRange, Resource};

/// One control connection. `B`: the caller's buffers, such as `[u8; 2048]`, `&mut [u8]` or `Box<[u8]>`.
///
/// The receive buffer bounds the length of a request; 1024 bytes do for every known client, interleaved packets that
/// are longer are skipped. The transmit buffer should hold 1 KB for an answer beside what media is queued.
#[derive(Debug)]
pub struct Connection<B> {
    channel: Channel<B>,
    config: Config,
    /// The time of the last call that told it.
    now: Instant,
    timers: Timers<Deadline, { Deadline::COUNT }>,
    /// The source of session identifiers.
    random: Random,
    dialect: Option<Dialect>,
    phase: Phase,
    /// The connection is beyond the limit: the first request is answered with 503.
    refusing: bool,
    input: Input,
    /// The session has ended, and the driver does not know it yet.
    expired: bool,
    /// The event that the driver polls next.
    event: Option<Event>,
    /// The request that waits for the driver's answer. It stays at the front of the receive buffer.
    pending: Option<Pending>,
    state: State,
    session: Option<Session>,
    lab: Lab,
}

/// The state of the input.
#[derive(Clone, Copy, Debug, Default)]
struct Input {
    /// The peer sends no more.
    ended: bool,
    /// The peer has been silent for long enough to end a lab request.
    quiet: bool,
    /// A whole lab request waits for its time.
    is_whole: bool,
    /// A request waits at the front of the receive buffer until the answers before it have left.
    blocked: bool,
    /// The driver has allowed the request at the front of the receive buffer.
    allowed: Option<Allowed>,
}

/// What the driver has allowed.
#[derive(Clone, Copy, Debug)]
struct Allowed {
    /// The length of the request: what came behind it meanwhile must not become a part of it.
    len: usize,
    secrecy: Secrecy,
}

impl Input {
    /// What is read next of the received bytes: all of them, or the request alone that the driver has allowed.
    fn front<'a>(&self, received: &'a [u8]) -> &'a [u8] {
        self.allowed.and_then(|allowed| received.get(..allowed.len)).unwrap_or(received)
    }
}

/// A session, which SETUP has made.
#[derive(Debug)]
struct Session {
    /// The identifier. It is valid on this connection alone.
    id: u64,
    /// The URL (or lab file name) of the client's SETUP, to the byte.
    url: heapless::String<MAX_URI_LEN, u8>,
    /// The stream's path in `url`, without the track that the URL may name.
    path: PathRange,
    /// `None` after ANNOUNCE, until SETUP.
    transport: Option<MediaTransport>,
}

/// A request whose event waits for an answer.
#[derive(Clone, Copy, Debug)]
struct Pending {
    kind: Waiting,
    request: Parsed,
    /// The event was polled: the driver has begun to carry it out.
    polled: bool,
}

/// The parts of a parsed request that its answer needs. The request stays at the front of the receive buffer until then.
#[derive(Clone, Copy, Debug)]
struct Parsed {
    /// Length of the whole request.
    len: usize,
    cseq: u32,
    resource: Resource,
    /// The connection ends with its answer (`Connection: close`).
    closes: bool,
}

#[derive(Clone, Copy, Debug)]
enum Waiting {
    Authorize,
    Describe {
        /// The host in the URL is an IPv6 address.
        ipv6: bool,
    },
    Setup {
        media: MediaTransport,
        /// The alternative that was taken, to be echoed. `None` in the lab dialect.
        chosen: Option<headers::Transport>,
        is_secure: bool,
    },
    Play {
        /// The request has `Scale`, so the answer has to.
        scale: bool,
        /// The request has `Speed`, so the answer has to.
        speed: bool,
    },
    Pause,
    Teardown,
    Announce,
    Record,
    Lab(Extra),
}

impl Waiting {
    /// The method of the request.
    fn method(&self) -> &'static str {
        match self {
            Self::Authorize => "a request",
            Self::Describe { .. } => "DESCRIBE",
            Self::Setup { .. } => "SETUP",
            Self::Play { .. } => "PLAY",
            Self::Pause => "PAUSE",
            Self::Teardown => "TEARDOWN",
            Self::Announce => "ANNOUNCE",
            Self::Record => "RECORD",
            Self::Lab(_) => "a request of the lab",
        }
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Connection<B> {
    /// A connection that was just accepted. `entropy`: fresh random bits; session identifiers are made of it.
    pub fn new(now: Instant, rx: B, tx: B, entropy: u64, config: Config) -> Self {
        let mut connection = Self {
            channel: Channel::new(rx, tx),
            config,
            now,
            timers: Timers::new(),
            random: Random::new(entropy),
            dialect: None,
            phase: Phase::Open,
            refusing: false,
            input: Input::default(),
            expired: false,
            event: None,
            pending: None,
            state: State::Init,
            session: None,
            lab: Lab::begin(&[]),
        };
        connection.refresh();
        connection
    }

    /// A connection beyond the limit. It answers its first request with 503 in the client's dialect and closes. If no
    /// request comes within the request deadline, it closes without an answer. It has no events, unless the configuration says that it
    /// [may move](Config::moves).
    pub fn refusing(now: Instant, rx: B, tx: B, config: Config) -> Self {
        let mut connection = Self::new(now, rx, tx, 0, config);
        connection.refusing = true;
        connection.timers.set(Deadline::Request, now.after(config.request_timeout));
        connection
    }

    /// Where the driver puts received bytes; empty while no more can be taken, and after the peer has closed: then read
    /// nothing from the socket.
    ///
    /// A connection that is closing takes bytes only to drop them, so that the peer's last words do not turn into a
    /// reset that destroys ours on their way.
    pub fn rx_buffer(&mut self) -> &mut [u8] {
        if self.input.ended || self.phase == Phase::Closed {
            return &mut [];
        }
        self.channel.rx.space()
    }

    /// `n` bytes were put into [`rx_buffer`](Self::rx_buffer). Parses as far as events allow.
    pub fn handle_input(&mut self, now: Instant, n: usize) {
        self.now = now;
        if self.phase == Phase::Open && n > 0 {
            self.channel.rx.commit(n);
            self.input.quiet = false;
            if !self.input.is_whole {
                self.timers.stop(Deadline::LabSilence);
            }
            self.pump();
        }
    }

    /// The peer will send no more (end of file). What it has sent is still carried out and answered, then the session
    /// expires and the connection closes.
    pub fn handle_close(&mut self, now: Instant) {
        self.now = now;
        self.input.ended = true;
        match self.phase {
            Phase::Open => self.pump(),
            Phase::Closing => self.settle(),
            Phase::Closed => {}
        }
    }

    /// The connection failed (reset, unreachable): nothing can be sent any more. The session expires.
    pub fn handle_failure(&mut self, now: Instant) {
        self.now = now;
        self.abort();
    }

    /// RTCP of this session arrived elsewhere (over UDP): it lives.
    pub fn handle_liveness(&mut self, now: Instant) {
        self.now = now;
        if self.session.is_some() {
            self.refresh();
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); ask again after anything else was called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// The driver's next task. Ask until there is none. No event comes twice.
    pub fn poll_event(&mut self) -> Option<Event> {
        if self.event.is_none() {
            self.pump();
        }
        if core::mem::take(&mut self.expired) {
            return Some(Event::Expired);
        }
        if let Some(pending) = &mut self.pending {
            pending.polled = true;
        }
        self.event.take()
    }

    /// The resource of the request that waits for an answer (without `trackID=N`), or else of the session; empty
    /// where there is neither.
    pub fn resource(&self) -> Path<'_> {
        match (&self.pending, &self.session) {
            (Some(Pending { request, .. }), _) => request.resource.path.of(self.url_of(request)),
            (None, Some(session)) => session.path.of(&session.url),
            (None, None) => Path::new(""),
        }
    }

    /// The URL of the request that waits for an answer.
    pub fn url(&self) -> &str {
        self.pending.as_ref().map_or("", |pending| self.url_of(&pending.request))
    }

    /// The URL that the session began with: that of its SETUP or ANNOUNCE.
    pub fn session_url(&self) -> &str {
        self.session.as_ref().map_or("", |session| &session.url)
    }

    /// The body of the request that waits for an answer.
    pub fn body(&self) -> &[u8] {
        match (&self.pending, parse(self.channel.rx.bytes())) {
            (Some(_), Ok(Some((Message::Request(request), _)))) => request.body,
            _ => &[],
        }
    }

    /// The packet of [`Event::Interleaved`].
    pub fn interleaved(&self) -> &[u8] {
        self.channel.packet()
    }

    /// Bytes for the peer.
    pub fn poll_transmit(&self) -> &[u8] {
        self.channel.tx.bytes()
    }

    /// The peer's socket took `n` of them.
    pub fn consume_transmit(&mut self, now: Instant, n: usize) {
        self.now = now;
        let n = n.min(self.channel.tx.len());
        if n == 0 {
            return;
        }
        self.channel.tx.consume(n);
        self.handle_progress();
    }

    /// Queues a whole interleaved frame (RFC 2326 section 10.12), or nothing (`false`): no room, wait until bytes have
    /// left; or the connection is closed. While it is closing, a BYE that answers [`Event::Expired`] can still be queued.
    ///
    /// Room for an answer is kept back, and while a request waits nothing is queued that would delay it further.
    /// A payload longer than [`max_interleaved`](Self::max_interleaved) never fits. The stall deadline counts from the
    /// time that was told last.
    pub fn queue_interleaved(&mut self, channel: u8, segments: &[&[u8]]) -> bool {
        if self.phase == Phase::Closed || !self.channel.tx.queue_interleaved(self.media_room(), channel, segments) {
            return false;
        }
        self.handle_queued();
        true
    }

    /// Whether a packet of `len` bytes may leave past the transmit buffer, straight from where it lies: as an interleaved frame,
    /// `$`, channel and length before it. Nothing else waits to leave then, and what the socket does not take of it has room.
    pub fn lets_pass(&self, len: usize) -> bool {
        let frame = len.saturating_add(Interleaved::HEADER_LEN);
        let is_free = self.phase != Phase::Closed && self.channel.tx.is_empty();
        is_free && len <= usize::from(u16::MAX) && frame <= self.media_room()
    }

    /// An interleaved frame has left past the transmit buffer. `rest`: what the socket did not take of it, which is queued: it has to
    /// leave before anything else.
    pub fn handle_passed(&mut self, now: Instant, rest: &[&[u8]]) {
        self.now = now;
        self.channel.tx.queue(rest);
        self.handle_progress();
    }

    /// The socket took nothing of a packet that was to leave past the transmit buffer. The stall deadline counts from the first time.
    pub fn handle_no_room(&mut self, now: Instant) {
        self.now = now;
        self.handle_queued();
    }

    /// The longest payload that [`queue_interleaved`](Self::queue_interleaved) can ever take: what fills the empty
    /// transmit buffer, or the frame's 16 bits of length.
    pub fn max_interleaved(&self) -> usize {
        self.channel.tx.capacity().saturating_sub(Interleaved::HEADER_LEN).min(u16::MAX.into())
    }

    /// No more will be sent: close our half as soon as [`poll_transmit`](Self::poll_transmit) is empty. Go on reading
    /// until the peer closes or [`is_closed`](Self::is_closed).
    pub fn is_closing(&self) -> bool {
        self.phase != Phase::Open
    }

    /// Nothing is left to do: drop the socket. (An [`Event::Expired`] may still have to be polled.)
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// Where the session stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// `None` before the first request line.
    pub fn dialect(&self) -> Option<Dialect> {
        self.dialect
    }

    /// How the session's media travels; `None` before SETUP.
    pub fn transport(&self) -> Option<MediaTransport> {
        self.session.as_ref().and_then(|session| session.transport)
    }

    /// Goes on with another receive and another transmit buffer, and gives its own back. What is queued moves along; a buffer that is
    /// too small for that is given back instead. So many connections share the buffers of those few that have something in them.
    pub fn exchange_buffers(&mut self, rx: B, tx: B) -> (B, B) {
        (self.channel.rx.exchange(rx), self.channel.tx.exchange(tx))
    }

    /// The number of bytes in the receive and in the transmit buffer.
    pub fn buffered(&self) -> (usize, usize) {
        (self.channel.rx.len(), self.channel.tx.len())
    }

    /// Gives the receive and the transmit buffer back, for the next connection.
    pub fn into_buffers(self) -> (B, B) {
        self.channel.into_buffers()
    }

    /// Whether it is beyond the limit.
    pub fn is_refusing(&self) -> bool {
        self.refusing
    }

    /// The URL (or lab file name) of a request that is still at the front of the receive buffer.
    fn url_of(&self, request: &Parsed) -> &str {
        request.resource.url(self.channel.rx.bytes())
    }
}
