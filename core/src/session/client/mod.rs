//! The client side of one RTSP connection: commands and bytes in, events and bytes out.
//!
//! The driver calls [`describe`](Connection::describe), [`setup`](Connection::setup), [`play`](Connection::play) and so
//! on, moves bytes both ways, and reads events until there are none. The machine does by itself what needs no decision: OPTIONS
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
//! | `events` | commands, events and errors |
//! | `dialogue` | the state: requests out, what their answers change |
//! | `authentication` | user and password, where the server asks for them |
//! | `keying` | the key of media that are encrypted |
//! | `answers` | how the standard's answers and descriptions are read |

mod answers;
mod authentication;
mod dialogue;
mod events;
mod keying;
#[cfg(test)]
mod tests;

pub use events::{Command, Config, Described, Error, Event, NotNow, Playing, Protection, SetUp, Unauthorized};

use super::buffer::Storage;
use super::channel::{Channel, Packet};
use super::{Dialect, MediaTransport, State};
use crate::time::{Duration, Instant};
use crate::wire::lab;
use crate::wire::rtsp::headers::{Range, Scale};
use crate::wire::rtsp::{self, Message};
use crate::wire::sdp::Sdp;
use dialogue::{Dialogue, Stretch};

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
    channel: Channel<B>,
    dialogue: Dialogue,
    /// Interleaved packets that were too long for the receive buffer.
    skipped_frames: u32,
    /// There is input that `poll_event` has not looked at.
    unread: bool,
    input: Input,
    /// The time of the last call that told it.
    now: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Open,
    /// A lab reply that can only be told by silence is over.
    Silent,
    /// No more bytes will come.
    Closed,
    /// The end was told, or the machine gave up. Nothing is read any more.
    Over,
}

/// The result of reading one message.
enum Read {
    Event(Event),
    /// A message that needs no event; there may be more behind it.
    More,
    /// The next message is not complete.
    Incomplete,
}

impl<B: Storage> Connection<B> {
    /// A connection for the resource at `url`, an absolute `rtsp://` or `rtsps://` URL. User and password in it are not sent, nor used: see
    /// `authenticate`, which comes with the feature `auth`.
    ///
    /// # Errors
    /// [`Error::Url`] and [`Error::UrlTooLong`].
    pub fn new(rx: B, tx: B, url: &str, dialect: Dialect, config: Config) -> Result<Self, Error> {
        Ok(Self {
            channel: Channel::new(rx, tx),
            dialogue: Dialogue::new(url, dialect, config)?,
            skipped_frames: 0,
            unread: false,
            input: Input::Open,
            now: Instant::default(),
        })
    }

    /// Where the server asks for them, tells it user and password: in Digest, or as they are if it takes nothing else and that
    /// is allowed. They are for the server of the URL that this was made for. `entropy` should be random.
    #[cfg(feature = "auth")]
    pub fn authenticate(&mut self, credentials: crate::auth::Credentials, basic: crate::auth::Basic, entropy: u64) {
        self.dialogue.authentication.set(credentials, basic, entropy);
    }

    /// The next [`restart`](Self::restart) makes this a connection for another resource, to which the server has redirected the
    /// client or the caller has come back. `elsewhere`: it is on another server, which is told no password.
    ///
    /// # Errors
    /// [`Error::Url`] and [`Error::UrlTooLong`].
    pub fn redirect(&mut self, url: &str, elsewhere: bool) -> Result<(), Error> {
        self.dialogue.redirect(url, elsewhere)
    }

    /// Why the last 401 was not answered: what a refusal with this status means.
    pub fn unauthorized(&self) -> Option<Unauthorized> {
        self.dialogue.unauthorized
    }

    /// Becomes a new connection for the same resource, in this dialect: nothing of the old one stays, nor what it was to
    /// send.
    pub fn restart(&mut self, dialect: Dialect) {
        let Self { channel, dialogue, skipped_frames, unread, input, now } = self;
        channel.clear();
        dialogue.restart(dialect);
        (*skipped_frames, *unread, *input, *now) = (0, false, Input::Open, Instant::default());
    }

    /// Does without OPTIONS, which the server is known not to answer.
    pub fn skip_options(&mut self) {
        self.dialogue.skip_options();
    }

    /// Goes on in the lab's dialect on this connection, whose server has not answered OPTIONS. Lab servers pass over what they do not
    /// know, and many never let go of a thread whose connection ends. An answer that comes after all leads to [`Event::Late`].
    pub fn turn_to_lab(&mut self) {
        self.dialogue.turn_to_lab();
    }

    /// How long OPTIONS, and the first request in the lab's dialect, may stay unanswered from now on.
    pub fn set_patience(&mut self, options: Duration, lab: Duration) {
        self.dialogue.set_patience(options, lab);
    }

    /// Leaves out the spaces in `Transport` in the lab's dialect, as a single copy of the exercise wants it.
    pub fn set_glued(&mut self, is_glued: bool) {
        self.dialogue.is_glued = is_glued;
    }

    /// How long the file is, as far as a lab server's replies have told.
    pub fn lab_length(&self) -> lab::Length {
        self.dialogue.length
    }

    /// Asks what there is to play; leads to [`Event::Described`]. The lab dialect knows no such request.
    pub fn describe(&mut self, now: Instant) -> Result<(), NotNow> {
        self.now = now;
        self.check_open()?;
        self.dialogue.describe(&mut self.channel.tx, now)
    }

    /// Offers one way for media to travel; leads to [`Event::SetUp`]. Comes after [`Event::Described`], or first in the
    /// lab dialect, where only UDP exists.
    pub fn setup(&mut self, now: Instant, offer: MediaTransport) -> Result<(), NotNow> {
        self.now = now;
        self.check_open()?;
        self.dialogue.setup(&mut self.channel.tx, now, offer)
    }

    /// Plays from where it stands, or a range; leads to [`Event::Playing`]. While playing, it seeks on servers that
    /// follow the standard; more of them do when they are paused first. The lab dialect has no ranges.
    pub fn play(&mut self, now: Instant, range: Option<Range>) -> Result<(), NotNow> {
        self.now = now;
        self.check_open()?;
        self.dialogue.play(&mut self.channel.tx, now, Stretch { range, scale: None })
    }

    /// Plays faster or slower than it was recorded, or backwards, from where it stands or a range. The answer says what the server
    /// does of it ([`Playing::scale`]).
    pub fn play_scaled(&mut self, now: Instant, range: Option<Range>, scale: Scale) -> Result<(), NotNow> {
        self.now = now;
        self.check_open()?;
        self.dialogue.play(&mut self.channel.tx, now, Stretch { range, scale: Some(scale) })
    }

    /// Pauses; leads to [`Event::Paused`].
    pub fn pause(&mut self, now: Instant) -> Result<(), NotNow> {
        self.now = now;
        self.check_open()?;
        self.dialogue.pause(&mut self.channel.tx, now)
    }

    /// Asks for a sign of life; leads to [`Event::TimedOut`] of a keep-alive where none comes in this time. The lab dialect knows no such
    /// request.
    pub fn probe(&mut self, now: Instant, patience: Duration) -> Result<(), NotNow> {
        self.now = now;
        self.check_open()?;
        self.dialogue.probe(&mut self.channel.tx, now, patience)
    }

    /// Ends the session; leads to [`Event::TornDown`]. Overtakes a command that still waits for its answer.
    pub fn teardown(&mut self, now: Instant) -> Result<(), NotNow> {
        self.now = now;
        self.check_open()?;
        self.dialogue.teardown(&mut self.channel.tx, now)
    }

    /// Where the driver puts received bytes; empty while there is no room before events are read.
    pub fn rx_buffer(&mut self) -> &mut [u8] {
        self.channel.release();
        self.channel.rx.space()
    }

    /// `n` bytes were put into [`rx_buffer`](Self::rx_buffer): read events until there are none.
    pub fn handle_input(&mut self, now: Instant, n: usize) {
        self.now = now;
        self.channel.release();
        self.channel.rx.commit(n);
        self.unread |= n > 0;
        if self.input == Input::Silent {
            self.input = Input::Open;
        }
        self.dialogue.timers.stop(dialogue::Timer::Silence);
    }

    /// The server will send no more (end of file), or the connection failed: read events until there are none.
    pub fn handle_close(&mut self, now: Instant) {
        self.now = now;
        self.channel.release();
        if self.input != Input::Over {
            self.input = Input::Closed;
            self.unread = true;
        }
    }

    /// Acts on deadlines that have passed: read events until there are none.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.channel.release();
        if self.input == Input::Over {
            return;
        }
        if self.dialogue.timers.expire(dialogue::Timer::Silence, now) && self.input == Input::Open {
            self.input = Input::Silent;
            self.unread = true;
        }
        // An answer that has arrived counts as arrived, however late it is looked at.
        if !self.unread {
            self.dialogue.handle_timeout(&mut self.channel.tx, now);
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); ask again after every other call.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.input == Input::Over { None } else { self.dialogue.timers.next() }
    }

    /// The next event. Bytes that the event before it lent are gone.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.channel.release();
        while self.input != Input::Over {
            let read = match self.dialogue.dialect {
                Dialect::Standard => self.read_message(),
                Dialect::Lab => self.read_reply(),
            };
            match read {
                Read::Event(event) => {
                    if matches!(event, Event::Failed(_) | Event::Late) {
                        self.input = Input::Over;
                    }
                    return Some(event);
                }
                Read::More => self.channel.release(),
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
        self.channel.packet()
    }

    /// The same, to be decrypted where it lies.
    pub fn interleaved_mut(&mut self) -> &mut [u8] {
        self.channel.packet_mut()
    }

    /// What opens the packets of the stream that was set up, and what seals reports about it; `None` where it is not encrypted.
    #[cfg(feature = "srtp")]
    pub fn ciphers(&self) -> Option<(crate::srtp::Opener, crate::srtp::Sealer)> {
        self.dialogue.ciphers()
    }

    /// Bytes for the server.
    pub fn poll_transmit(&self) -> &[u8] {
        self.channel.tx.bytes()
    }

    /// The socket took `n` of them.
    pub fn consume_transmit(&mut self, now: Instant, n: usize) {
        self.now = now;
        self.channel.tx.consume(n);
    }

    /// Queues a whole interleaved frame (our RTCP), or nothing (`false`): no room before bytes have left, or the lab
    /// dialect, whose servers would take it for a request.
    pub fn queue_interleaved(&mut self, channel: u8, segments: &[&[u8]]) -> bool {
        self.dialogue.dialect == Dialect::Standard && self.channel.tx.queue_interleaved(usize::MAX, channel, segments)
    }

    /// Where the session stands.
    pub fn state(&self) -> State {
        self.dialogue.state
    }

    /// The resource's URL, as it was given but for user and password.
    pub fn url(&self) -> &str {
        self.dialogue.url()
    }

    /// The dialect it was made for.
    pub fn dialect(&self) -> Dialect {
        self.dialogue.dialect
    }

    /// Whether the server has said with a `Public` header that it speaks the standard's RTSP.
    pub fn is_standard(&self) -> bool {
        self.dialogue.is_public_told()
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

    fn response(&self) -> Option<rtsp::Response<'_>> {
        match rtsp::parse(self.channel.lent()) {
            Ok(Some((Message::Response(response), _))) => Some(response),
            _ => None,
        }
    }

    fn read_message(&mut self) -> Read {
        if self.channel.first_byte() == Some(b'$') {
            return self.read_packet();
        }
        if self.channel.is_skipping() {
            return Read::Incomplete;
        }
        let (message, taken) = match rtsp::parse(self.channel.rx.bytes()) {
            Ok(Some(parsed)) => parsed,
            Ok(None) if self.channel.has_room_for_message() => return Read::Incomplete,
            Ok(None) => return Read::Event(Event::Failed(Error::MessageTooLarge)),
            Err(error) => return Read::Event(Event::Failed(Error::Message(error))),
        };
        let tx = &mut self.channel.tx;
        let event = match message {
            Message::Request(request) => {
                self.dialogue.answer(tx, &request);
                None
            }
            Message::Response(response) => self.dialogue.handle_response(tx, self.now, &response),
            // These begin with a dollar sign, so `read_packet` has read them.
            Message::Interleaved(_) => None,
        };
        self.channel.lend(taken);
        event.map_or(Read::More, Read::Event)
    }

    fn read_packet(&mut self) -> Read {
        match self.channel.take_packet(|_, _| true) {
            Packet::Incomplete => Read::Incomplete,
            Packet::Lent { channel } => Read::Event(Event::Interleaved { channel }),
            Packet::Skipped { channel, payload_len } => {
                // The log says it once. `skipped_frames` counts them all.
                if self.skipped_frames == 0 {
                    warning!(
                        "interleaved packets of {} bytes on channel {} do not fit the buffer",
                        payload_len,
                        channel
                    );
                }
                self.skipped_frames = self.skipped_frames.saturating_add(1);
                Read::More
            }
        }
    }

    fn read_reply(&mut self) -> Read {
        let ended = self.input != Input::Open;
        let input = self.channel.rx.bytes();
        match self.dialogue.is_options_answer(input) {
            Some(true) => return Read::Event(Event::Late),
            Some(false) => {}
            None if ended => {}
            None => return Read::Incomplete,
        }
        let (reply, taken) = match lab::parse_reply(input) {
            lab::Parsed::Complete(reply, taken) => (reply, taken),
            lab::Parsed::Pending(reply, taken) if ended => (reply, taken),
            lab::Parsed::Pending(..) => {
                self.dialogue.await_silence(self.now);
                return Read::Incomplete;
            }
            lab::Parsed::Incomplete if self.channel.rx.free() == 0 => {
                return Read::Event(Event::Failed(Error::MessageTooLarge));
            }
            lab::Parsed::Incomplete => return Read::Incomplete,
            lab::Parsed::Malformed(error) => return Read::Event(Event::Failed(Error::Message(error))),
        };
        let event = self.dialogue.handle_reply(&mut self.channel.tx, self.now, &reply);
        self.channel.lend(taken);
        event.map_or(Read::More, Read::Event)
    }

    /// The event that is left when all input has been read.
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
