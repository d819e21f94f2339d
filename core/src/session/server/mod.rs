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
//! | `policy` | **the one place where a standard request is judged** before it is carried out |
//! | `lab` | the same for the lab dialect |
//! | `answer` | what is sent back |
//! | `lifetime` | deadlines, and every way in which a session and the connection end |

mod answer;
mod input;
mod lab;
mod lifetime;
mod policy;
mod types;

#[cfg(test)]
mod tests;

pub use policy::MAX_URI_LEN;
pub use types::{Config, Description, Event};

use super::{Dialect, MediaTransport, State};

use super::buffer::Buffer;
use super::timer::Timers;
use crate::random::Random;
use crate::time::Instant;
use crate::wire::rtsp::{Interleaved, Message, headers, parse};
use crate::wire::url::{Path, Url};
use lifetime::{Deadline, Phase};

/// One control connection. `B`: the caller's buffers, such as `[u8; 2048]`, `&mut [u8]` or `Box<[u8]>`.
///
/// The receive buffer bounds the length of a request; 1024 bytes do for every known client, interleaved packets that
/// are longer are skipped. The transmit buffer should hold 1 KB for an answer beside what media is queued.
#[derive(Debug)]
pub struct Connection<B> {
    rx: Buffer<B>,
    tx: Buffer<B>,
    config: Config,
    /// The latest time that was told.
    now: Instant,
    timers: Timers<Deadline, { Deadline::COUNT }>,
    /// Session identifiers come from here.
    random: Random,
    dialect: Option<Dialect>,
    phase: Phase,
    /// Beyond the limit of connections: the first request is answered with 503.
    refusing: bool,
    /// The peer sends no more.
    end_of_input: bool,
    /// It has been silent for long enough to end a lab request.
    quiet: bool,
    /// The session ended, and nobody has been told yet.
    expired: bool,
    /// A request waits in front of `rx` until the answers before it have left.
    blocked: bool,
    /// Bytes still to come of an interleaved packet that is skipped.
    skip: u16,
    /// Bytes in front of `rx` that are an interleaved packet the driver may be reading.
    lent: usize,
    /// To be polled.
    event: Option<Event>,
    /// What waits for an answer; its request stays in front of `rx`.
    pending: Option<Pending>,
    state: State,
    session: Option<Session>,
}

/// What SETUP made.
#[derive(Debug)]
struct Session {
    /// Bound to this connection: nothing else ever looks for it.
    id: u64,
    /// The URL (or lab file name) of the client's SETUP, to the byte.
    url: heapless::String<MAX_URI_LEN, u8>,
    transport: MediaTransport,
}

/// A request whose event waits for an answer.
#[derive(Clone, Copy, Debug)]
struct Pending {
    kind: Waiting,
    /// Length of the request in `rx`.
    len: usize,
    cseq: Option<u32>,
    /// The event was polled: the driver has begun to carry it out.
    polled: bool,
}

#[derive(Clone, Copy, Debug)]
enum Waiting {
    Describe,
    Setup {
        media: MediaTransport,
        /// The alternative that was taken, to be echoed. `None` in the lab dialect.
        chosen: Option<headers::Transport>,
    },
    Play,
    Pause,
    Teardown,
}

impl Waiting {
    /// The method of the request.
    fn method(&self) -> &'static str {
        match self {
            Self::Describe => "DESCRIBE",
            Self::Setup { .. } => "SETUP",
            Self::Play => "PLAY",
            Self::Pause => "PAUSE",
            Self::Teardown => "TEARDOWN",
        }
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Connection<B> {
    /// A connection that was just accepted. `entropy`: fresh random bits; session identifiers are made of it.
    pub fn new(now: Instant, rx: B, tx: B, entropy: u64, config: Config) -> Self {
        let mut connection = Self {
            rx: Buffer::new(rx),
            tx: Buffer::new(tx),
            config,
            now,
            timers: Timers::new(),
            random: Random::new(entropy),
            dialect: None,
            phase: Phase::Open,
            refusing: false,
            end_of_input: false,
            quiet: false,
            expired: false,
            blocked: false,
            skip: 0,
            lent: 0,
            event: None,
            pending: None,
            state: State::Init,
            session: None,
        };
        connection.refresh();
        connection
    }

    /// A connection beyond the limit: answers its first request with 503 (in its dialect) and closes, or closes without
    /// a word where none comes within the request deadline. It has no events.
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
        if self.end_of_input || self.phase == Phase::Closed {
            return &mut [];
        }
        self.rx.space()
    }

    /// `n` bytes were put into [`rx_buffer`](Self::rx_buffer). Parses as far as events allow.
    pub fn handle_input(&mut self, now: Instant, n: usize) {
        self.now = now;
        if self.phase == Phase::Open && n > 0 {
            self.rx.commit(n);
            self.quiet = false;
            self.timers.stop(Deadline::LabSilence);
            self.pump();
        }
    }

    /// The peer will send no more (end of file). What it has sent is still carried out and answered, then the session
    /// expires and the connection closes.
    pub fn handle_close(&mut self, now: Instant) {
        self.now = now;
        self.end_of_input = true;
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

    /// The next thing the driver must do; ask until there is none. Gives the same event never twice.
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
        let uri = match self.pending {
            Some(pending) => uri(&self.rx, self.dialect, pending),
            None => self.session.as_ref().map_or("", |session| session.url.as_str()),
        };
        self.path(uri).split_track().0
    }

    /// The packet of [`Event::Interleaved`].
    pub fn interleaved(&self) -> &[u8] {
        self.rx.bytes().get(Interleaved::HEADER_LEN..self.lent).unwrap_or_default()
    }

    /// Bytes for the peer.
    pub fn poll_transmit(&self) -> &[u8] {
        self.tx.bytes()
    }

    /// The peer's socket took `n` of them.
    pub fn consume_transmit(&mut self, now: Instant, n: usize) {
        self.now = now;
        let n = n.min(self.tx.len());
        if n == 0 {
            return;
        }
        self.tx.consume(n);
        self.handle_progress();
    }

    /// Queues a whole interleaved frame (RFC 2326 section 10.12), or nothing (`false`): no room, wait until bytes have
    /// left; or the connection is closed. While it is closing, a BYE that answers [`Event::Expired`] can still be queued.
    ///
    /// Room for an answer is kept back, and while a request waits nothing is queued that would delay it further.
    /// A payload longer than [`max_interleaved`](Self::max_interleaved) never fits. The stall deadline counts from the
    /// time that was told last.
    pub fn queue_interleaved(&mut self, channel: u8, segments: &[&[u8]]) -> bool {
        if self.phase == Phase::Closed || !self.tx.queue_interleaved(self.media_room(), channel, segments) {
            return false;
        }
        self.handle_queued();
        true
    }

    /// The longest payload that [`queue_interleaved`](Self::queue_interleaved) can ever take: what fills the empty
    /// transmit buffer, or the frame's 16 bits of length.
    pub fn max_interleaved(&self) -> usize {
        self.tx.capacity().saturating_sub(Interleaved::HEADER_LEN).min(u16::MAX.into())
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

    /// How the session's media travels; `None` without a session.
    pub fn transport(&self) -> Option<MediaTransport> {
        self.session.as_ref().map(|session| session.transport)
    }

    /// Gives the receive and the transmit buffer back, for the next connection.
    pub fn into_buffers(self) -> (B, B) {
        (self.rx.into_storage(), self.tx.into_storage())
    }

    fn path<'a>(&self, uri: &'a str) -> Path<'a> {
        match Url::parse(uri) {
            Some(url) if self.dialect != Some(Dialect::Lab) => url.path(),
            _ => Path::new(uri),
        }
    }
}

/// The URI of a request that waits, read again from the request, which is still there.
fn uri<B: AsRef<[u8]> + AsMut<[u8]>>(rx: &Buffer<B>, dialect: Option<Dialect>, pending: Pending) -> &str {
    let request = rx.bytes().get(..pending.len).unwrap_or_default();
    match dialect {
        Some(Dialect::Lab) => lab::file_name(request),
        _ => match parse(request) {
            Ok(Some((Message::Request(request), _))) => request.uri,
            _ => "",
        },
    }
}
