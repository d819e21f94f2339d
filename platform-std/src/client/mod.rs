//! A client on sockets: connects, finds out what the server speaks, plays, and gives frames out.
//!
//! [`Client`] runs where its owner calls [`next`](Client::next): in the main thread of a recorder, in the network thread
//! of a player. It never blocks but in `next`, and there no longer than it is told to. Wishes come from anywhere through
//! a [`Handle`]. What it takes to fulfil them (connect, describe, set up, fall back to TCP or to the lab's dialect,
//! pause before seeking) is decided here; what a request looks like, in the core.
//!
//! ```no_run
//! use mutoscope_std::client::{Client, Error, Event, Options};
//!
//! let mut client = Client::new(Options::new("rtsp://127.0.0.1:8554/movie.Mjpeg"))?;
//! client.play(None);
//! while let Some(event) = client.next(None)? {
//!     match event {
//!         Event::Frame(frame) => println!("frame {}: {} bytes of JPEG", frame.number, frame.data.len()),
//!         Event::EndOfStream { .. } => client.teardown(),
//!         Event::TornDown => break,
//!         _ => {}
//!     }
//! }
//! # Ok::<(), Error>(())
//! ```

mod buffers;
mod connect;
mod error;
mod link;
mod options;
mod socket;
#[cfg(test)]
mod tests;

pub use error::{Error, NoFrames};
pub use mutoscope::io::Loss;
pub use mutoscope::io::client::{NoFrameReason, Rejected};
pub use mutoscope::rtp::receiver::Statistics;
pub use mutoscope::session::MediaTransport;
pub use mutoscope::session::client::Command;
pub use options::{Dialect, Options, Transport};

use crate::clock::MonotonicClock;
use buffers::Pool;
use connect::Connect;
use link::{Happened, Link, Verdict};
use mio::{Events, Poll, Token, Waker};
use mutoscope::io::Clock;
use mutoscope::media::FrameRate;
use mutoscope::session as spoken;
use mutoscope::session::client as session;
use mutoscope::time::WallClock;
use mutoscope::wire::rtsp::StatusCode;
use mutoscope::wire::url::Url;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

const WAKER: Token = Token(0);
const CONTROL: Token = Token(1);
const RTP: Token = Token(2);
const RTCP: Token = Token(3);

/// The port of `rtsp:` URLs that name none (RFC 2326 section 3.2).
const DEFAULT_PORT: u16 = 554;

/// What happened. It lends from the client: use it before the next call.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The control connection stands.
    Connected {
        /// The server's address.
        peer: SocketAddr,
    },
    /// There is a session: what there is to play, and how it will travel.
    SetUp(Presentation),
    /// The server plays.
    Playing {
        /// The position that was wished for and is played from now; `None`: from where it stood, or the beginning.
        from: Option<Duration>,
    },
    /// It has stopped where it is.
    Paused,
    /// A frame.
    Frame(Frame<'a>),
    /// Something did not work, and something else is being tried.
    Retrying(Retry),
    /// The server refused to pause, or to play from that position. What played plays on.
    Refused {
        /// Its answer.
        status: StatusCode,
        /// What it refused.
        during: Command,
    },
    /// A position was wished for in the lab's dialect, which knows none. It plays from where it stands.
    Unseekable,
    /// Playing, and nothing has arrived for this long. Told again and again until something does, or until the stream
    /// counts as lost ([`Error::Stalled`]).
    Silence {
        /// Since the last packet.
        lasting: Duration,
    },
    /// Playing, and packets come, but for this long they have made no frame. Told again and again until there is one, or
    /// until the stream counts as lost ([`Error::NoFrames`]).
    Troubled {
        /// Since the last frame.
        lasting: Duration,
        /// What is wrong.
        trouble: NoFrames,
    },
    /// The stream is over. [`play`](Client::play) starts it again.
    EndOfStream {
        /// Whether the server said so (RTCP BYE). Those who do not are believed to have ended when they fall silent at
        /// the presentation's end; in the lab dialect, which has no way to say it, when they fall silent at all.
        announced: bool,
    },
    /// The session is over and the connection closed. [`play`](Client::play) makes a new one.
    TornDown,
}

/// What else is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retry {
    /// The server refuses UDP, or none of it arrives: TCP.
    Tcp,
    /// The server does not answer RTSP: the lab's dialect.
    Lab,
    /// The server does not speak the lab's dialect either: RTSP again, whether or not it answers OPTIONS.
    Standard,
}

/// What SETUP came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Presentation {
    /// The dialect that works: `Standard` or `Lab`.
    pub dialect: Dialect,
    /// How media travels.
    pub transport: MediaTransport,
    /// How long it is; `None`: live, repeated without end, or not told.
    pub duration: Option<Duration>,
    /// Frames per second, where the server tells.
    pub frame_rate: Option<FrameRate>,
}

/// A frame, lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// A complete JPEG file.
    pub data: &'a [u8],
    /// Counted from 1; in the lab dialect the frame number that the server gives.
    pub number: u32,
    /// The RTP timestamp: 90 kHz, or seconds in the lab dialect.
    pub timestamp: u32,
    /// Where in the presentation it lies, from its start on, if that is known.
    pub position: Option<Duration>,
    /// How long ago its last packet arrived.
    pub age: Duration,
    /// How long ago it was captured, in microseconds, by the sender's clock and ours. Only as true as the two agree:
    /// exact on one machine, and negative where the sender's clock is ahead. `None`: the sender has not told yet.
    pub since_capture: Option<i64>,
}

/// What can be wished for, from any thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wish {
    /// Connect and set up, but do not play yet.
    Setup,
    /// Play, from where it stands or from a position; does all that is missing.
    Play {
        /// From the presentation's start.
        from: Option<Duration>,
    },
    /// Stop where it is.
    Pause,
    /// Play on from another position; while paused, be there when it plays next.
    Seek {
        /// From the presentation's start.
        to: Duration,
    },
    /// End the session and close.
    Teardown,
    /// Nothing: just return from [`Client::next`].
    Wake,
}

/// Tells a client what to do from another thread, and wakes it.
#[derive(Clone, Debug)]
pub struct Handle {
    sender: mpsc::Sender<Wish>,
    waker: Arc<Waker>,
}

impl Handle {
    /// Passes a wish on. `false`: the client is gone.
    pub fn wish(&self, wish: Wish) -> bool {
        self.sender.send(wish).is_ok() && self.waker.wake().is_ok()
    }
}

/// What is wanted; the difference to what is decides what is done next.
#[derive(Clone, Copy, Debug, Default)]
struct Goal {
    session: bool,
    playing: bool,
    /// Play from here; taken when PLAY leaves.
    from: Option<Duration>,
}

/// How the present attempt is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Attempt {
    dialect: spoken::Dialect,
    tcp: bool,
    /// No other dialect is left to try, so a server that does not answer OPTIONS gets another question.
    last: bool,
}

impl Attempt {
    /// What is tried first.
    fn first(options: &Options) -> Self {
        Self {
            dialect: match options.dialect {
                Dialect::Auto | Dialect::Standard => spoken::Dialect::Standard,
                Dialect::Lab => spoken::Dialect::Lab,
            },
            tcp: options.transport == Transport::Tcp,
            last: !may_be_lab(options),
        }
    }
}

/// Whether the lab's dialect, which knows UDP only, is worth a try.
fn may_be_lab(options: &Options) -> bool {
    options.dialect == Dialect::Auto && options.transport != Transport::Tcp
}

#[derive(Debug)]
enum Stage {
    Idle,
    Connecting(Connect),
    Linked(Box<Link>),
}

/// A client of one URL.
#[derive(Debug)]
pub struct Client {
    options: Options,
    host: String,
    port: u16,
    clock: MonotonicClock,
    wall: WallClock,
    cname: String,
    poll: Poll,
    events: Events,
    wishes: mpsc::Receiver<Wish>,
    handle: Handle,
    goal: Goal,
    attempt: Attempt,
    stage: Stage,
    frames: Pool,
    /// Why standard RTSP did not work, while the lab's dialect is tried.
    first_failure: Option<Error>,
    /// Why the lab's did not either, while standard RTSP is tried again.
    lab_failure: Option<Error>,
    /// What works is known: no more trying.
    settled: bool,
    /// Told with the next call of `next`.
    retrying: Option<Retry>,
}

impl Client {
    /// A client that does nothing yet.
    ///
    /// # Errors
    /// [`Error::Url`], [`Error::RtpPort`] and [`Error::System`].
    pub fn new(options: Options) -> Result<Self, Error> {
        let url = Url::parse(&options.url).filter(|_| options.url.len() <= session::MAX_URL);
        let url = url.ok_or_else(|| Error::Url(options.url.clone()))?;
        if !options.rtp_port.is_multiple_of(2) {
            return Err(Error::RtpPort(options.rtp_port));
        }
        let (host, port) = (url.host().to_owned(), url.port().unwrap_or(DEFAULT_PORT));
        let poll = Poll::new().map_err(|error| Error::System("make an event queue", error))?;
        let waker = Waker::new(poll.registry(), WAKER).map_err(|error| Error::System("make a waker", error))?;
        let (sender, wishes) = mpsc::channel();
        let clock = MonotonicClock::new();
        let attempt = Attempt::first(&options);
        Ok(Self {
            host,
            port,
            clock,
            wall: clock.wall_clock(),
            // Random rather than the user's name and host, which are nobody's business (RFC 7022).
            cname: format!("{:016x}@mutoscope", random()?),
            poll,
            events: Events::with_capacity(16),
            wishes,
            handle: Handle { sender, waker: Arc::new(waker) },
            goal: Goal::default(),
            attempt,
            stage: Stage::Idle,
            frames: Pool::new(options.max_frame),
            first_failure: None,
            lab_failure: None,
            settled: false,
            retrying: None,
            options,
        })
    }

    /// For telling it what to do from other threads.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Wishes for a session; leads to [`Event::SetUp`].
    pub fn setup(&mut self) {
        self.take(Wish::Setup);
    }

    /// Wishes to play, from where it stands or from a position; leads to [`Event::Playing`] and [`Event::Frame`].
    pub fn play(&mut self, from: Option<Duration>) {
        self.take(Wish::Play { from });
    }

    /// Wishes to stop where it is; leads to [`Event::Paused`].
    pub fn pause(&mut self) {
        self.take(Wish::Pause);
    }

    /// Wishes to play from another position; while paused, to be there when it plays next.
    pub fn seek(&mut self, to: Duration) {
        self.take(Wish::Seek { to });
    }

    /// Wishes to end; leads to [`Event::TornDown`], at once where there is no session.
    pub fn teardown(&mut self) {
        self.take(Wish::Teardown);
    }

    /// What happens next, or `None` when `deadline` has passed or a [`Handle`] woke it.
    ///
    /// # Errors
    /// After an error the client is idle: wish for something, and it starts anew, with what it has found out.
    pub fn next(&mut self, deadline: Option<Instant>) -> Result<Option<Event<'_>>, Error> {
        let happened = loop {
            let woken = self.take_wishes();
            match self.advance() {
                Ok(Some(happened)) => break happened,
                Ok(None) => {}
                Err(error) => return Err(self.fail(error)),
            }
            if woken || deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Ok(None);
            }
            if let Err(error) = self.wait(deadline) {
                return Err(self.fail(error));
            }
        };
        Ok(Some(self.lend(happened)))
    }

    /// What has been received in this session; `None` before SETUP.
    pub fn statistics(&self) -> Option<Statistics> {
        match &self.stage {
            Stage::Linked(link) => link.client.statistics(),
            _ => None,
        }
    }

    fn take(&mut self, wish: Wish) {
        match wish {
            Wish::Setup => self.goal.session = true,
            Wish::Play { from } => {
                self.goal = Goal { session: true, playing: true, from: from.or(self.goal.from) };
            }
            Wish::Pause => self.goal.playing = false,
            Wish::Seek { to } => self.goal.from = Some(to),
            Wish::Teardown => self.goal = Goal::default(),
            Wish::Wake => {}
        }
    }

    /// Whether there were any.
    fn take_wishes(&mut self) -> bool {
        let mut any = false;
        while let Ok(wish) = self.wishes.try_recv() {
            self.take(wish);
            any = true;
        }
        any
    }

    /// Does what can be done without waiting.
    fn advance(&mut self) -> Result<Option<Happened>, Error> {
        loop {
            if let Some(retry) = self.retrying.take() {
                return Ok(Some(Happened::Retrying(retry)));
            }
            match &mut self.stage {
                Stage::Idle if self.goal.session => {
                    let (waker, registry) = (&self.handle.waker, self.poll.registry());
                    let timeout = self.options.connect_timeout;
                    let connect = Connect::new(&self.host, self.port, timeout, waker, registry, CONTROL)?;
                    self.stage = Stage::Connecting(connect);
                }
                Stage::Idle => return Ok(None),
                Stage::Connecting(_) if !self.goal.session => {
                    self.stage = Stage::Idle;
                    return Ok(Some(Happened::TornDown));
                }
                Stage::Connecting(connect) => {
                    let Some((stream, peer)) = connect.poll(self.poll.registry(), CONTROL)? else { return Ok(None) };
                    log::debug!("connected to {peer}");
                    let link = Link::new(stream, peer, &self.options, self.attempt, &self.frames, random()? as u32)?;
                    self.stage = Stage::Linked(Box::new(link));
                    return Ok(Some(Happened::Connected(peer)));
                }
                Stage::Linked(link) => {
                    let now = self.clock.now();
                    let advanced =
                        link.advance(now, self.wall, &self.cname, &mut self.goal, &self.options, self.poll.registry());
                    let verdict = match advanced {
                        Ok(verdict) => verdict,
                        Err(error) => {
                            self.try_standard_again(error)?;
                            continue;
                        }
                    };
                    match verdict {
                        Verdict::Idle => return Ok(None),
                        Verdict::Happened(Happened::TornDown) => {
                            self.stage = Stage::Idle;
                            return Ok(Some(Happened::TornDown));
                        }
                        Verdict::Happened(happened) => {
                            if matches!(happened, Happened::SetUp(_)) {
                                (self.first_failure, self.lab_failure) = (None, None);
                            }
                            if matches!(happened, Happened::Frame(_)) {
                                self.settled = true;
                            }
                            return Ok(Some(happened));
                        }
                        Verdict::NoUdp { error, connected } => self.try_tcp(error, connected)?,
                        Verdict::NoRtsp(error) => self.try_lab(error)?,
                    }
                }
            }
        }
    }

    /// Goes on over TCP, if that is allowed and was not what failed: on the same connection, or on a new one.
    fn try_tcp(&mut self, error: Error, connected: bool) -> Result<(), Error> {
        let allowed = self.options.transport == Transport::Auto && self.attempt.dialect == spoken::Dialect::Standard;
        if !allowed || self.attempt.tcp || self.settled {
            return Err(error);
        }
        log::info!("{error}: trying TCP");
        self.attempt.tcp = true;
        match &mut self.stage {
            Stage::Linked(link) if connected => link.offer_tcp(),
            _ => self.leave(),
        }
        self.retrying = Some(Retry::Tcp);
        Ok(())
    }

    /// Starts again in the lab's dialect, if that is allowed and was not what failed.
    fn try_lab(&mut self, error: Error) -> Result<(), Error> {
        if self.attempt.last || self.attempt.dialect == spoken::Dialect::Lab || self.settled {
            return Err(error);
        }
        log::info!("{error}: trying the lab's dialect");
        self.attempt = Attempt { dialect: spoken::Dialect::Lab, tcp: false, last: true };
        self.first_failure = Some(error);
        self.leave();
        self.retrying = Some(Retry::Lab);
        Ok(())
    }

    /// Goes back to standard RTSP where only OPTIONS was asked in it, and the lab's dialect was not understood.
    fn try_standard_again(&mut self, error: Error) -> Result<(), Error> {
        let unasked = matches!(self.first_failure, Some(Error::NoAnswer(Command::Options)));
        // What a lab server says of a file that it does not have, or cannot read.
        let understood = matches!(error, Error::Refused { status, .. } if matches!(status.0, 404 | 500));
        if !unasked || understood || self.lab_failure.is_some() {
            return Err(error);
        }
        log::info!("{error}: trying RTSP without OPTIONS");
        self.attempt = Attempt { dialect: spoken::Dialect::Standard, tcp: false, last: true };
        self.lab_failure = Some(error);
        self.leave();
        self.retrying = Some(Retry::Standard);
        Ok(())
    }

    /// Becomes idle. A later wish starts anew; what was only guessed is guessed again.
    fn fail(&mut self, error: Error) -> Error {
        self.leave();
        self.goal = Goal::default();
        if !self.settled {
            self.attempt = Attempt::first(&self.options);
        }
        match (self.first_failure.take(), self.lab_failure.take()) {
            (_, Some(lab)) => Error::NoDialect(Box::new(error), Box::new(lab)),
            (Some(standard), None) => Error::NoDialect(Box::new(standard), Box::new(error)),
            (None, None) => error,
        }
    }

    /// Drops the connection, and a session on it as politely as is possible without waiting.
    fn leave(&mut self) {
        if let Stage::Linked(link) = &mut self.stage {
            link.abandon(self.clock.now(), self.wall, &self.cname, &self.options);
        }
        self.stage = Stage::Idle;
    }

    /// Waits for sockets, deadlines and wishes.
    fn wait(&mut self, deadline: Option<Instant>) -> Result<(), Error> {
        let (at, in_core) = match &self.stage {
            Stage::Idle => (None, None),
            Stage::Connecting(connect) => (connect.poll_timeout(), None),
            Stage::Linked(link) => (None, link.poll_timeout()),
        };
        let at = [at, deadline].into_iter().flatten().min().map(|at| at.saturating_duration_since(Instant::now()));
        let in_core = in_core.map(|at| at.since(self.clock.now()));
        let timeout = [at, in_core].into_iter().flatten().min();
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(Error::System("wait", error)),
            _ => {}
        }
        for event in &self.events {
            match (&mut self.stage, event.token()) {
                (Stage::Connecting(connect), CONTROL) => connect.handle_event(event),
                (Stage::Linked(link), CONTROL) => link.stream.handle_event(event),
                (Stage::Linked(link), RTP) => link.rtp.handle_event(event),
                (Stage::Linked(link), RTCP) => link.rtcp.handle_event(event),
                _ => {}
            }
        }
        Ok(())
    }

    fn lend(&self, happened: Happened) -> Event<'_> {
        match happened {
            Happened::Connected(peer) => Event::Connected { peer },
            Happened::SetUp(presentation) => Event::SetUp(presentation),
            Happened::Playing { from } => Event::Playing { from },
            Happened::Paused => Event::Paused,
            Happened::Retrying(retry) => Event::Retrying(retry),
            Happened::Refused { status, during } => Event::Refused { status, during },
            Happened::Unseekable => Event::Unseekable,
            Happened::Silence { lasting } => Event::Silence { lasting },
            Happened::Troubled { lasting, trouble } => Event::Troubled { lasting, trouble },
            Happened::EndOfStream { announced } => Event::EndOfStream { announced },
            Happened::TornDown => Event::TornDown,
            Happened::Frame(frame) => {
                let data = match &self.stage {
                    Stage::Linked(link) => link.client.frame(),
                    _ => &[],
                };
                let now = self.clock.now();
                Event::Frame(Frame {
                    data,
                    number: frame.received.number,
                    timestamp: frame.received.timestamp,
                    position: frame.position.map(Duration::from_micros),
                    age: now.since(frame.received.arrived),
                    since_capture: frame.captured.map(|captured| self.wall.ntp(now).micros_since(captured)),
                })
            }
        }
    }
}

impl Drop for Client {
    /// Leaves without waiting; [`teardown`](Client::teardown) leaves properly.
    fn drop(&mut self) {
        self.leave();
    }
}

fn random() -> Result<u64, Error> {
    getrandom::u64().map_err(|error| Error::System("get random numbers", io::Error::other(error.to_string())))
}
