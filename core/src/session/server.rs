//! The server side of one RTSP connection: bytes in, events and bytes out. One session at most lives on a connection.

use crate::time::{Duration, Instant};
use crate::wire::rtsp::StatusCode;
use crate::wire::rtsp::headers::{NptMicros, Range};
use crate::wire::url::Path;

/// Which dialect a connection speaks, known from its first request line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Dialect { Standard, Lab }

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum State { Init, Ready, Playing }

/// How media travels: what SETUP agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum MediaTransport {
    /// To these ports of the address the connection comes from.
    Udp { rtp_port: u16, rtcp_port: u16 },
    /// On these channels of the connection.
    Interleaved { rtp_channel: u8, rtcp_channel: u8 },
}

/// Deadlines and sizes; a value, chosen by whoever makes the connection.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Announced in `Session: id;timeout=` (default 60 s). Lab sessions have none.
    pub session_timeout: Duration,
    /// From a request's first byte to its last (default 10 s).
    pub request_timeout: Duration,
    /// Without any session: how long a connection may sit there (default 60 s).
    pub idle_timeout: Duration,
    /// Silence that ends a lab request (default 50 ms).
    pub lab_silence: Duration,
    /// After our last byte: how long the peer may take to close (default 1 s).
    pub linger: Duration,
    /// No byte taken by the peer though we have some for it (default 10 s): dropped.
    pub stall_timeout: Duration,
}

/// What the driver must do. Each of the first five waits for an answer; until then no further request is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Look up [`Connection::resource`]: `answer_describe` or `refuse`.
    Describe,
    /// Look up the resource, make a stream: `answer_setup` or `refuse`. The transport is the first of the client's
    /// alternatives that the connection can do (UDP is not offered to the driver where `Config` forbids it).
    Setup { transport: MediaTransport },
    /// `answer_play` or `refuse`.
    Play { range: Option<Range> },
    /// `answer_pause` or `refuse`.
    Pause,
    /// `answer_teardown`. The session is over.
    Teardown,
    /// A packet from the client (RTCP, on an odd channel as a rule): read it through [`Connection::interleaved`] before the next call that takes `&mut self`.
    Interleaved { channel: u8 },
    /// The session ended without TEARDOWN: time-out, peer gone, shut down. Say BYE where it can still be heard; free everything.
    Expired,
}

/// What DESCRIBE and the SDP say of a resource.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Description<'a> {
    pub name: &'a str,
    pub frame_rate: crate::source::FrameRate,
    /// `None`: live.
    pub duration: Option<NptMicros>,
    pub width: u16,
    pub height: u16,
}

/// One control connection. `B`: the caller's buffers, such as `[u8; 2048]`, `&mut [u8]` or `Box<[u8]>`.
#[derive(Debug)]
pub struct Connection<B> { rx: B, tx: B }

#[allow(unused_variables)]
impl<B: AsRef<[u8]> + AsMut<[u8]>> Connection<B> {
    /// `entropy`: fresh random bits; session identifiers are made of it.
    pub fn new(now: Instant, rx: B, tx: B, entropy: u64, config: Config) -> Self { todo!() }
    /// A connection beyond the limit: answers its first request with 503 (in its dialect) and closes.
    pub fn refusing(now: Instant, rx: B, tx: B, config: Config) -> Self { todo!() }

    /// Where the driver puts received bytes; empty while no more can be taken.
    pub fn rx_buffer(&mut self) -> &mut [u8] { todo!() }
    /// `n` bytes were put there. Parses as far as events allow.
    pub fn handle_input(&mut self, now: Instant, n: usize) { todo!() }
    /// The peer will send no more (end of file), or the connection failed.
    pub fn handle_close(&mut self, now: Instant) { todo!() }
    /// RTCP of this session arrived elsewhere (over UDP): it lives.
    pub fn handle_liveness(&mut self, now: Instant) { todo!() }
    pub fn handle_timeout(&mut self, now: Instant) { todo!() }
    /// When to call `handle_timeout`; call again after anything else was called.
    pub fn poll_timeout(&self) -> Option<Instant> { todo!() }
    pub fn poll_event(&mut self) -> Option<Event> { todo!() }

    /// The resource of the request that waits for an answer (without `trackID=N`), or else of the session.
    pub fn resource(&self) -> Path<'_> { todo!() }
    pub fn interleaved(&self) -> &[u8] { todo!() }
    pub fn answer_describe(&mut self, now: Instant, description: &Description<'_>) { todo!() }
    /// `server_port`: of the UDP sockets; not used for interleaved.
    pub fn answer_setup(&mut self, now: Instant, server_port: (u16, u16), ssrc: u32) { todo!() }
    /// `sequence` and `rtptime` of the first packet; `range`: what will be played.
    pub fn answer_play(&mut self, now: Instant, sequence: u16, rtptime: u32, range: Range) { todo!() }
    pub fn answer_pause(&mut self, now: Instant) { todo!() }
    pub fn answer_teardown(&mut self, now: Instant) { todo!() }
    /// Answers with an error; `reason`, where not empty, goes as a text/plain body so that a person can read it.
    pub fn refuse(&mut self, now: Instant, status: StatusCode, reason: &str) { todo!() }
    /// The stream reached its end: PLAYING becomes READY (a new PLAY starts over or seeks).
    pub fn handle_end_of_stream(&mut self, now: Instant) { todo!() }
    /// The server stops: the session expires, what is queued is still sent.
    pub fn shut_down(&mut self, now: Instant) { todo!() }

    /// Bytes for the peer.
    pub fn poll_transmit(&self) -> &[u8] { todo!() }
    /// The peer's socket took `n` of them.
    pub fn consume_transmit(&mut self, now: Instant, n: usize) { todo!() }
    /// Queues a whole interleaved frame, or nothing (`false`): no room, wait until bytes have left. Room for answers is kept back.
    pub fn queue_interleaved(&mut self, channel: u8, segments: &[&[u8]]) -> bool { todo!() }

    /// No more will be sent: close our half as soon as `poll_transmit` is empty.
    pub fn is_closing(&self) -> bool { todo!() }
    /// Nothing is left to do: drop the socket.
    pub fn is_closed(&self) -> bool { todo!() }
    pub fn state(&self) -> State { todo!() }
    /// `None` before the first request line.
    pub fn dialect(&self) -> Option<Dialect> { todo!() }
}
