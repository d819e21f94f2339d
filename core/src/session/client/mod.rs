//! The client side of one RTSP connection: commands and bytes in, events and bytes out.
//!
//! The driver calls [`describe`](Connection::describe), [`setup`](Connection::setup), [`play`](Connection::play) and so
//! on, moves bytes both ways, and reads events until there are none. Whatever needs no decision happens inside: OPTIONS
//! before the first DESCRIBE, `CSeq` and `Session`, control URLs, keep-alive, answers to the server's own requests.
//!
//! ```text
//!  describe ──► OPTIONS ──► DESCRIBE ──► Described        (standard dialect only)
//!  setup    ──► SETUP ─────────────────► SetUp            Init, Ready    → Ready
//!  play     ──► PLAY ──────────────────► Playing          Ready, Playing → Playing
//!  pause    ──► PAUSE ─────────────────► Paused           Ready, Playing → Ready
//!  teardown ──► TEARDOWN ──────────────► TornDown         any            → Init
//!  (timer)  ──► GET_PARAMETER | OPTIONS                   while a session exists
//! ```
//!
//! One command is on its way at a time; TEARDOWN alone overtakes, so that leaving never waits for a server that has
//! stopped answering. States change when the answer comes (RFC 2326 appendix A.1), not when the request leaves.
//!
//! | file | what |
//! |---|---|
//! | `events` | what a driver says and hears |
//! | `dialogue` | the state: requests out, what their answers change |
//! | `answers` | what the standard's answers and descriptions say |

mod answers;
mod dialogue;
mod events;
#[cfg(test)]
mod tests;

pub use events::{Command, Config, Described, Error, Event, NotNow, Playing, SetUp};

use super::buffer::Buffer;
use super::{Dialect, MediaTransport, State};
use crate::time::Instant;
use crate::wire::lab;
use crate::wire::rtsp::headers::Range;
use crate::wire::rtsp::{self, Interleaved, Message};
use crate::wire::sdp::Sdp;
use dialogue::Dialogue;

/// Longest URL, ours or the server's, in bytes.
pub const MAX_URL: usize = 256;

/// Longest session identifier, in bytes.
pub const MAX_SESSION: usize = 128;

/// One control connection. `B`: the caller's buffers, such as `[u8; 2048]`, `&mut [u8]` or `Box<[u8]>`.
///
/// The receive buffer must hold the largest message: an SDP answer (some 600 bytes, from cameras up to 4 KB), and with
/// interleaved media the largest RTP packet and its 4 bytes of header. Longer messages are refused, longer interleaved
/// frames skipped. The transmit buffer must hold a request: 1 KB is plenty.
#[derive(Debug)]
pub struct Connection<B> {
    rx: Buffer<B>,
    dialogue: Dialogue<B>,
    /// Bytes at the front of `rx` that the last event lends.
    lent: usize,
    /// Of these, how many at the end are payload.
    payload_len: u16,
    /// Bytes of an interleaved frame, longer than `rx`, that are still to be dropped.
    skipping: u32,
    skipped_frames: u32,
    /// Input that `poll_event` has not looked at.
    unread: bool,
    input: Input,
    /// The latest time that was told.
    now: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Open,
    /// A lab reply that can only be told by silence is over.
    Silent,
    /// No more bytes will come.
    Closed,
    /// Said so, or gave up: nothing is read any more.
    Over,
}

/// What reading one message came to.
enum Read {
    Event(Event),
    /// A message that needs no event; there may be more behind it.
    More,
    /// The next message is not complete.
    Incomplete,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Connection<B> {
    /// A connection for the resource at `url`, an absolute `rtsp://` URL; user and password in it are not sent.
    ///
    /// # Errors
    /// [`Error::Url`] and [`Error::UrlTooLong`].
    pub fn new(rx: B, tx: B, url: &str, dialect: Dialect, config: Config) -> Result<Self, Error> {
        Ok(Self {
            rx: Buffer::new(rx),
            dialogue: Dialogue::new(tx, url, dialect, config)?,
            lent: 0,
            payload_len: 0,
            skipping: 0,
            skipped_frames: 0,
            unread: false,
            input: Input::Open,
            now: Instant::default(),
        })
    }

    /// Asks what there is to play; leads to [`Event::Described`]. The lab dialect knows no such request.
    pub fn describe(&mut self, now: Instant) -> Result<(), NotNow> {
        self.now = now;
        self.check_open()?;
        self.dialogue.describe(now)
    }

    /// Offers one way for media to travel; leads to [`Event::SetUp`]. Comes after [`Event::Described`], or first in the
    /// lab dialect, where only UDP exists.
    pub fn setup(&mut self, now: Instant, offer: MediaTransport) -> Result<(), NotNow> {
        self.now = now;
        self.check_open()?;
        self.dialogue.setup(now, offer)
    }

    /// Plays from where it stands, or a range; leads to [`Event::Playing`]. While playing, it seeks on servers that
    /// follow the standard; more of them do when they are paused first. The lab dialect has no ranges.
    pub fn play(&mut self, now: Instant, range: Option<Range>) -> Result<(), NotNow> {
        self.now = now;
        self.check_open()?;
        self.dialogue.play(now, range)
    }

    /// Pauses; leads to [`Event::Paused`].
    pub fn pause(&mut self, now: Instant) -> Result<(), NotNow> {
        self.now = now;
        self.check_open()?;
        self.dialogue.pause(now)
    }

    /// Ends the session; leads to [`Event::TornDown`]. Overtakes a command that still waits for its answer.
    pub fn teardown(&mut self, now: Instant) -> Result<(), NotNow> {
        self.now = now;
        self.check_open()?;
        self.dialogue.teardown(now)
    }

    /// Where the driver puts received bytes; empty while there is no room before events are read.
    pub fn rx_buffer(&mut self) -> &mut [u8] {
        self.release();
        self.rx.space()
    }

    /// `n` bytes were put into [`rx_buffer`](Self::rx_buffer): read events until there are none.
    pub fn handle_input(&mut self, now: Instant, n: usize) {
        self.now = now;
        self.release();
        self.rx.commit(n);
        self.unread |= n > 0;
        if self.input == Input::Silent {
            self.input = Input::Open;
        }
        self.dialogue.timers.stop(dialogue::Timer::Silence);
    }

    /// The server will send no more (end of file), or the connection failed: read events until there are none.
    pub fn handle_close(&mut self, now: Instant) {
        self.now = now;
        self.release();
        if self.input != Input::Over {
            self.input = Input::Closed;
            self.unread = true;
        }
    }

    /// Acts on deadlines that have passed: read events until there are none.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.release();
        if self.input == Input::Over {
            return;
        }
        if self.dialogue.timers.expire(dialogue::Timer::Silence, now) && self.input == Input::Open {
            self.input = Input::Silent;
            self.unread = true;
        }
        // An answer that has arrived counts as arrived, however late it is looked at.
        if !self.unread {
            self.dialogue.handle_timeout(now);
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); ask again after every other call.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.input == Input::Over { None } else { self.dialogue.timers.next() }
    }

    /// The next thing that happened. What the event before it lent is gone.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.release();
        while self.input != Input::Over {
            let read = match self.dialogue.dialect {
                Dialect::Standard => self.read_message(),
                Dialect::Lab => self.read_reply(),
            };
            match read {
                Read::Event(event) => {
                    if matches!(event, Event::Failed(_)) {
                        self.input = Input::Over;
                    }
                    return Some(event);
                }
                Read::More => self.release(),
                Read::Incomplete => {
                    self.unread = false;
                    if self.input == Input::Silent {
                        self.input = Input::Open;
                    }
                    return self.poll_ending();
                }
            }
        }
        None
    }

    /// The SDP that [`Event::Described`] tells of; empty at any other time.
    pub fn sdp(&self) -> Sdp<'_> {
        Sdp::new(self.response().map_or(&[], |response| response.body))
    }

    /// A header of the response that the last event tells of.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response()?.headers.first(name)
    }

    /// The payload that [`Event::Interleaved`] tells of; empty at any other time.
    pub fn interleaved(&self) -> &[u8] {
        let start = self.lent.saturating_sub(self.payload_len.into());
        self.rx.bytes().get(start..self.lent).unwrap_or_default()
    }

    /// Bytes for the server.
    pub fn poll_transmit(&self) -> &[u8] {
        self.dialogue.tx.bytes()
    }

    /// The socket took `n` of them.
    pub fn consume_transmit(&mut self, now: Instant, n: usize) {
        self.now = now;
        self.dialogue.tx.consume(n);
    }

    /// Queues a whole interleaved frame (our RTCP), or nothing (`false`): no room before bytes have left, or the lab
    /// dialect, whose servers would take it for a request.
    pub fn queue_interleaved(&mut self, channel: u8, segments: &[&[u8]]) -> bool {
        self.dialogue.dialect == Dialect::Standard && self.dialogue.tx.queue_interleaved(usize::MAX, channel, segments)
    }

    /// Where the session stands.
    pub fn state(&self) -> State {
        self.dialogue.state
    }

    /// The dialect it was made for.
    pub fn dialect(&self) -> Dialect {
        self.dialogue.dialect
    }

    /// Whether the server has said with a `Public` header that it speaks the standard's RTSP.
    pub fn is_standard(&self) -> bool {
        self.dialogue.public_told
    }

    /// Whether a command of the driver's waits for its answer.
    pub fn is_busy(&self) -> bool {
        self.dialogue.is_busy()
    }

    /// Nothing is left to do: closed by the server or failed, and [`poll_event`](Self::poll_event) has said so. Drop the
    /// socket.
    pub fn is_closed(&self) -> bool {
        self.input == Input::Over
    }

    /// The session identifier, empty where there is none.
    pub fn session(&self) -> &str {
        &self.dialogue.session
    }

    /// Interleaved frames that were too long for the receive buffer and were dropped.
    pub fn skipped_frames(&self) -> u32 {
        self.skipped_frames
    }

    fn check_open(&self) -> Result<(), NotNow> {
        if matches!(self.input, Input::Open | Input::Silent) { Ok(()) } else { Err(NotNow::Closed) }
    }

    /// Takes back what the last event lent.
    fn release(&mut self) {
        self.rx.consume(self.lent);
        self.lent = 0;
        self.payload_len = 0;
    }

    fn response(&self) -> Option<rtsp::Response<'_>> {
        match rtsp::parse(self.rx.bytes().get(..self.lent)?) {
            Ok(Some((Message::Response(response), _))) => Some(response),
            _ => None,
        }
    }

    fn read_message(&mut self) -> Read {
        if self.skipping > 0 {
            let n = u32::try_from(self.rx.len()).unwrap_or(u32::MAX).min(self.skipping);
            self.rx.consume(n as usize);
            self.skipping = self.skipping.saturating_sub(n);
            if self.skipping > 0 {
                return Read::Incomplete;
            }
        }
        let input = self.rx.bytes();
        if let Some((channel, len)) = rtsp::interleaved_header(input) {
            let whole = Interleaved::HEADER_LEN.saturating_add(usize::from(len));
            if whole > self.rx.capacity() {
                // Said once; from then on the count tells.
                if self.skipped_frames == 0 {
                    warning!("interleaved frames of {} bytes on channel {} do not fit the buffer", len, channel);
                }
                self.skipped_frames = self.skipped_frames.saturating_add(1);
                self.skipping = u32::from(len).saturating_add(Interleaved::HEADER_LEN as u32);
                return Read::More;
            }
        }
        match rtsp::parse(input) {
            Ok(Some((message, taken))) => {
                self.lent = taken;
                match message {
                    Message::Interleaved(Interleaved { channel, payload }) => {
                        self.payload_len = u16::try_from(payload.len()).unwrap_or(u16::MAX);
                        Read::Event(Event::Interleaved { channel })
                    }
                    Message::Request(request) => {
                        self.dialogue.answer(&request);
                        Read::More
                    }
                    Message::Response(response) => {
                        self.dialogue.handle_response(self.now, &response).map_or(Read::More, Read::Event)
                    }
                }
            }
            Ok(None) => {
                let announced = rtsp::announced_length(input).is_some_and(|(header_len, content_length)| {
                    content_length.saturating_add(header_len as u64) > self.rx.capacity() as u64
                });
                if announced || self.rx.free() == 0 {
                    return Read::Event(Event::Failed(Error::MessageTooLarge));
                }
                Read::Incomplete
            }
            Err(error) => Read::Event(Event::Failed(Error::Message(error))),
        }
    }

    fn read_reply(&mut self) -> Read {
        let ended = self.input != Input::Open;
        let input = self.rx.bytes();
        match lab::parse_reply(input) {
            lab::Parsed::Complete(reply, taken) => {
                self.lent = taken;
                self.dialogue.handle_reply(self.now, &reply).map_or(Read::More, Read::Event)
            }
            lab::Parsed::Pending(reply, taken) if ended => {
                self.lent = taken;
                self.dialogue.handle_reply(self.now, &reply).map_or(Read::More, Read::Event)
            }
            lab::Parsed::Pending(..) => {
                self.dialogue.await_silence(self.now);
                Read::Incomplete
            }
            lab::Parsed::Incomplete if self.rx.free() == 0 => Read::Event(Event::Failed(Error::MessageTooLarge)),
            lab::Parsed::Incomplete => Read::Incomplete,
            lab::Parsed::Malformed(error) => Read::Event(Event::Failed(Error::Message(error))),
        }
    }

    /// What is left to say when all input has been read.
    fn poll_ending(&mut self) -> Option<Event> {
        if let Some(during) = self.dialogue.expired.take() {
            return Some(Event::TimedOut { during });
        }
        if self.input == Input::Closed {
            self.input = Input::Over;
            return Some(self.dialogue.handle_close());
        }
        None
    }
}
