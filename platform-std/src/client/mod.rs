//! A client on sockets: it connects, plays, and gives frames out.
//!
//! What it takes to play (which dialect and which transport the server understands, how to seek, what silence means) is
//! decided by the core's [`Player`]. Here is what the player needs of an operating system: names are resolved, sockets
//! opened, and somebody waits for them.
//!
//! There are three ways to use it, from the shortest to the one with the most control:
//!
//! - [`play()`]: an iterator of frames.
//! - `play_stream`, with the feature `futures`: the same as a `futures_core::Stream`, fed by a thread of its own.
//! - [`Client`]: an event loop to be called, and [`Handle`]s that change its [`Goal`] from other threads.
//!
//! A stream that several servers have can be given several URLs ([`Options::with_fallbacks`]): the first two go on at the next one where a
//! server is gone, and a [`Client`] is told to ([`Client::turn`]).
//!
//! ```no_run
//! # fn main() -> Result<(), mutoscope_std::client::Error> {
//! for frame in mutoscope_std::play("rtsp://127.0.0.1:8554/movie.Mjpeg")? {
//!     let frame = frame?;
//!     println!("frame {}: {} bytes of JPEG", frame.number, frame.jpeg.len());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The same by hand:
//!
//! ```no_run
//! use mutoscope_std::client::{Client, Error, Event, Goal};
//!
//! # fn main() -> Result<(), Error> {
//! let mut client = Client::new("rtsp://127.0.0.1:8554/movie.Mjpeg")?;
//! client.set_goal(Goal::Play { from: None });
//! while let Some(event) = client.next(None)? {
//!     match event {
//!         Event::Frame(_) => println!("{} bytes of JPEG", client.frame().len()),
//!         Event::EndOfStream { .. } => client.set_goal(Goal::Stop),
//!         Event::TornDown => break,
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod connect;
mod error;
mod frame;
mod options;
mod play;
mod questions;
mod security;
mod sockets;
#[cfg(feature = "futures")]
mod stream;
#[cfg(feature = "terminal")]
mod terminal;
#[cfg(test)]
mod tests;

pub use crate::reach::Reach;
pub use error::{Error, without_credentials};
pub use frame::{Jpeg, PlayedFrame};
pub use mutoscope::auth::Credentials;
pub use mutoscope::io::{Impairments, LONGEST_QUEUE, REORDERED_BY};
pub use mutoscope::player::{
    Dialect, Event, Goal, NoFrameReason, NoFrames, Presentation, Rejected, Retry, Statistics, Transport,
};
pub use mutoscope::session::MediaTransport;
pub use mutoscope::session::client::{Command, Unauthorized};
pub use options::Options;
pub use play::{Frames, play};
pub use questions::{Answer, Inquiry, Question};
#[cfg(feature = "futures")]
pub use stream::{FrameStream, play_stream};
#[cfg(feature = "terminal")]
pub use terminal::Terminal;

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::{Arc, mpsc};
use std::time::Instant;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Waker};
use mutoscope::io::Clock;
use mutoscope::io::client::Pump;
use mutoscope::player::{self, Demand, Failure, Player};
use mutoscope::session::client as session;
use mutoscope::time::{WallClock, earliest};
use mutoscope::wire::rtsp::StatusCode;
use mutoscope::wire::url::Url;

use crate::clock::MonotonicClock;
use crate::memory;
use crate::tls::Fingerprint;
use connect::{Connect, Manner};
use frame::Pool;
use security::{Securities, Security};
use sockets::{CONTROL, Connection, DESCRIPTOR, WAKER};

/// Frames open at once: one is lent, one is complete, and two overlap where packets overtake each other.
const SLOTS: usize = 4;

/// The receive buffer of the control connection: the largest interleaved packet, and plenty of the usual ones, so that
/// one read fetches many.
const RX_BUFFER: usize = 256 * 1024;

const TX_BUFFER: usize = 8 * 1024;

/// What another thread wants of a client.
#[derive(Clone, Debug)]
enum Wish {
    Goal(Goal),
    Impair(Impairments),
    /// To return.
    Wake,
}

/// Changes a client's goal from another thread, and wakes it.
#[derive(Clone, Debug)]
pub struct Handle {
    sender: mpsc::Sender<Wish>,
    waker: Arc<Waker>,
}

impl Handle {
    /// Gives the client another goal. `false`: the client is gone.
    pub fn set_goal(&self, goal: Goal) -> bool {
        self.send(Wish::Goal(goal))
    }

    /// Makes [`Client::next`] return. `false`: the client is gone.
    pub fn wake(&self) -> bool {
        self.send(Wish::Wake)
    }

    /// From now on this happens to RTP packets over UDP, in this session and in later ones. `false`: the client is gone.
    pub fn impair(&self, impairments: Impairments) -> bool {
        self.send(Wish::Impair(impairments))
    }

    fn send(&self, wish: Wish) -> bool {
        self.sender.send(wish).is_ok() && self.waker.wake().is_ok()
    }
}

type OwnPlayer = Player<Box<[u8]>, Vec<u8>, SLOTS>;

/// What there is of a connection.
#[derive(Debug)]
enum Link {
    None,
    Connecting(Connect),
    /// No connection can be had, for this reason, which the player does not know yet.
    Unreachable(Error),
    Connected(Box<Connection>),
}

// More than 15 fields: what one client has of an operating system, and of its servers.
/// A client of one stream. It never blocks but in [`next`](Self::next), and there no longer than it is told to.
#[derive(Debug)]
pub struct Client {
    /// The URL in it is the present one, and the others are those that follow it.
    options: Options,
    /// How many URLs have been turned to since the last frame.
    turns: usize,
    /// What somebody has said since the client was made.
    told: Option<Credentials>,
    clock: MonotonicClock,
    wall: WallClock,
    poll: Poll,
    events: Events,
    wishes: mpsc::Receiver<Wish>,
    handle: Handle,
    player: OwnPlayer,
    pump: Pump,
    security: Securities,
    link: Link,
    frames: Pool,
    /// Why the last demand of the player's could not be met.
    unmet: Option<Error>,
    /// A descriptor of the caller's has become readable.
    woken: bool,
}

impl Client {
    /// A client without a goal.
    ///
    /// # Errors
    /// [`Error::Url`], [`Error::Credentials`], [`Error::RtpPort`] and [`Error::System`].
    pub fn new(options: impl Into<Options>) -> Result<Self, Error> {
        let options = options.into();
        if !options.rtp_port.is_multiple_of(2) {
            return Err(Error::RtpPort(options.rtp_port));
        }
        let clock = MonotonicClock::new();
        let wall = clock.wall_clock();
        // What is wrong with any of them is known at once.
        for url in &options.fallbacks {
            player(&Options { url: url.clone(), max_frame: 0, ..options.clone() }, wall, None)?;
        }
        let player = player(&options, wall, None)?;
        let poll = Poll::new().map_err(|error| Error::System("make an event queue", error))?;
        let waker = Waker::new(poll.registry(), WAKER).map_err(|error| Error::System("make a waker", error))?;
        let (sender, wishes) = mpsc::channel();
        Ok(Self {
            options,
            turns: 0,
            told: None,
            clock,
            wall,
            poll,
            events: Events::with_capacity(16),
            wishes,
            handle: Handle { sender, waker: Arc::new(waker) },
            player,
            pump: Pump::default(),
            security: Securities::default(),
            link: Link::None,
            frames: Pool::default(),
            unmet: None,
            woken: false,
        })
    }

    /// For changing the goal from other threads.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Also makes [`next`](Self::next) return `None` when this descriptor becomes readable, for programs that are told to stop by
    /// a pipe or an eventfd. It is not read, and must stay open as long as the client lives.
    ///
    /// # Errors
    /// [`Error::System`] where the system cannot wait for such a descriptor.
    pub fn wake_on(&mut self, descriptor: &impl AsFd) -> Result<(), Error> {
        let registered = self.poll.registry().register(
            &mut SourceFd(&descriptor.as_fd().as_raw_fd()),
            DESCRIPTOR,
            Interest::READABLE,
        );
        registered.map_err(|error| Error::System("wait for a descriptor", error))
    }

    /// Tells the server of the URL this user and password from now on, instead of others; and those of the other URLs that have none in
    /// them.
    pub fn authenticate(&mut self, credentials: Credentials) {
        self.told = Some(credentials.clone());
        self.player.authenticate(credentials);
    }

    /// Leaves the server, and turns to that of the next URL, behind the last of them to the first one. There is no goal then. `false`: all
    /// of them have been tried since the last frame, or there is one only, so that it is better to wait before the next attempt.
    pub fn turn(&mut self) -> bool {
        if self.options.fallbacks.is_empty() {
            return false;
        }
        self.leave();
        let next = self.options.fallbacks.remove(0);
        let before = std::mem::replace(&mut self.options.url, next);
        self.options.fallbacks.push(before);
        // It was made once before, when the client was.
        if let Ok(player) = player(&self.options, self.wall, self.told.as_ref()) {
            self.player = player;
        }
        self.pump = Pump::default();
        self.turns += 1;
        let is_untried = self.turns <= self.options.fallbacks.len();
        if !is_untried {
            self.turns = 0;
        }
        is_untried
    }

    /// Whether there are URLs that [`turn`](Self::turn) has not turned to since the last frame.
    pub fn has_untried(&self) -> bool {
        self.turns < self.options.fallbacks.len()
    }

    /// What it does now, with the present URL.
    pub const fn options(&self) -> &Options {
        &self.options
    }

    /// Believes this certificate of this server, `HOST:PORT` as in [`Error::Certificate`], beside what it would believe anyway. A
    /// pin and a file of authorities go first.
    pub fn trust(&mut self, server: &str, fingerprint: Fingerprint) {
        self.security.trust(server, fingerprint);
    }

    /// Changes what is to be achieved. [`next`](Self::next) does what it takes.
    pub fn set_goal(&mut self, goal: Goal) {
        self.player.handle_goal(goal);
    }

    /// What happens next, or `None` when `deadline` has passed or a [`Handle`] woke the client.
    ///
    /// # Errors
    /// In place of [`Event::Failed`] and [`Event::NoDialect`]. After an error the client has no goal; a new one starts
    /// anew, with what has been found out.
    pub fn next(&mut self, deadline: Option<Instant>) -> Result<Option<Event>, Error> {
        loop {
            let woken = self.take_wishes() | std::mem::take(&mut self.woken);
            if let Some(event) = self.advance()? {
                if matches!(event, Event::Frame(_)) {
                    self.turns = 0;
                }
                return Ok(Some(event));
            }
            if woken || deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Ok(None);
            }
            if let Err(error) = self.wait(deadline) {
                self.leave();
                return Err(error);
            }
        }
    }

    /// The frame of the last [`Event::Frame`]: a complete JPEG file.
    pub fn frame(&self) -> &[u8] {
        self.player.frame()
    }

    /// The frame of the last [`Event::Frame`], copied into a buffer that is used again once nobody needs it, with what is
    /// known of the frame now.
    pub fn copy_frame(&self, frame: &player::ReceivedFrame) -> PlayedFrame {
        let now = self.clock.now();
        PlayedFrame {
            jpeg: self.frames.copy(self.frame()),
            number: frame.received.number,
            timestamp: frame.received.timestamp,
            position: frame.position,
            age: now.since(frame.received.arrived),
            since_sampled: now.since(frame.received.sampled),
            since_capture: frame.captured.map(|captured| self.wall.ntp(now).micros_since(captured)),
        }
    }

    /// When the frame of the last [`Event::Frame`] was sampled, by our clock: see [`PlayedFrame::since_sampled`].
    pub fn sampled(&self, frame: &player::ReceivedFrame) -> Instant {
        let now = Instant::now();
        now.checked_sub(self.clock.now().since(frame.received.sampled)).unwrap_or(now)
    }

    /// What is played at present, without user and password: the URL that was given, or where the server has sent us on to.
    pub fn url(&self) -> &str {
        self.player.url()
    }

    /// What has been received in this session; `None` before SETUP.
    pub fn statistics(&self) -> Option<Statistics> {
        self.player.statistics()
    }

    /// Whether there is nothing to do: no connection, and no goal that takes one.
    pub fn is_idle(&self) -> bool {
        self.player.is_idle()
    }

    /// Does what other threads want. Whether there was anything.
    fn take_wishes(&mut self) -> bool {
        let mut any = false;
        while let Ok(wish) = self.wishes.try_recv() {
            match wish {
                Wish::Goal(goal) => self.set_goal(goal),
                Wish::Impair(impairments) => self.impair(impairments),
                Wish::Wake => {}
            }
            any = true;
        }
        any
    }

    fn impair(&mut self, impairments: Impairments) {
        self.options.impairments = impairments;
        if let Link::Connected(connection) = &mut self.link {
            connection.impair(impairments);
        }
    }

    /// Does what can be done without waiting.
    fn advance(&mut self) -> Result<Option<Event>, Error> {
        loop {
            let now = self.clock.now();
            let event = match &mut self.link {
                Link::None => self.player.poll_event(now),
                Link::Connecting(_) => self.player.poll_event(now).or_else(|| self.poll_connect()),
                Link::Unreachable(_) => self.tell_unreachable(),
                Link::Connected(connection) => self.pump.service(now, &mut self.player, connection.sockets(now)),
            };
            // A refusal is lent by the player until the next call.
            let outcome = event.map(|event| self.outcome(event)).transpose();
            let demanded = self.meet_demands();
            if !matches!(outcome, Ok(None)) || !demanded {
                return outcome;
            }
        }
    }

    fn poll_connect(&mut self) -> Option<Event> {
        let Link::Connecting(connect) = &mut self.link else { return None };
        match connect.poll(self.poll.registry(), CONTROL) {
            Ok(None) => None,
            Ok(Some((control, peer))) => {
                log::debug!("connected to {peer}");
                self.link = Link::Connected(Box::new(Connection::new(control, peer, &self.options)));
                Some(self.player.handle_connected(peer))
            }
            Err(error) => {
                self.link = Link::Unreachable(error);
                self.tell_unreachable()
            }
        }
    }

    fn tell_unreachable(&mut self) -> Option<Event> {
        if let Link::Unreachable(error) = std::mem::replace(&mut self.link, Link::None) {
            self.unmet = Some(error);
        }
        Some(self.player.handle_unreachable(self.clock.now()))
    }

    /// Does what the player has asked for; whether it has asked for anything.
    fn meet_demands(&mut self) -> bool {
        let mut any = false;
        while let Some(demand) = self.player.poll_demand() {
            any = true;
            match demand {
                Demand::Connect { host, port, is_secure } => {
                    let (waker, registry) = (&self.handle.waker, self.poll.registry());
                    let timeout = self.options.connect_timeout;
                    let security =
                        if is_secure { self.security.secure(&self.options, host, port) } else { Ok(Security::None) };
                    let manner = security.map(|security| Manner { timeout, reach: self.options.reach, security });
                    let connect = manner.and_then(|manner| Connect::new(host, port, manner, waker, registry, CONTROL));
                    self.link = connect.map_or_else(Link::Unreachable, Link::Connecting);
                }
                Demand::OpenPorts => {
                    let Link::Connected(connection) = &mut self.link else { continue };
                    let distance = self.player.port_distance();
                    let ports = connection.open_ports(&self.options, self.poll.registry(), distance);
                    let ports = ports.map_err(|error| self.unmet = Some(Error::System("open UDP sockets", error)));
                    self.player.handle_ports(ports.ok());
                }
                Demand::Close => {
                    if let Link::Connected(connection) = &mut self.link {
                        let now = self.clock.now();
                        self.pump.finish(now, &mut self.player, connection.sockets(now));
                    }
                    self.link = Link::None;
                }
            }
        }
        any
    }

    /// The event, or the error that it tells of.
    fn outcome(&mut self, event: Event) -> Result<Event, Error> {
        match event {
            Event::Failed(failure) => Err(self.error(failure)),
            Event::NoDialect { standard, lab } => {
                Err(Error::NoDialect(Box::new(self.error(standard)), Box::new(self.error(lab))))
            }
            Event::Retrying { with, after } => {
                let what = match with {
                    Retry::Tcp => "TCP",
                    Retry::Lab => "the lab's dialect",
                    Retry::LabWording => "the lab's dialect in other words",
                    _ => "RTSP again",
                };
                log::info!("{}: trying {what}", self.error(after));
                Ok(event)
            }
            Event::Redirected => {
                log::info!("the server sends us on to {}", shown(self.player.url()));
                Ok(event)
            }
            _ => Ok(event),
        }
    }

    fn error(&mut self, failure: Failure) -> Error {
        match failure {
            Failure::Unreachable | Failure::NoPorts => {
                let unknown = || Error::System("open a socket", io::ErrorKind::Other.into());
                self.unmet.take().unwrap_or_else(unknown)
            }
            Failure::Refused { status: StatusCode::UNAUTHORIZED, .. } => {
                Error::Unauthorized(self.player.unauthorized().unwrap_or(Unauthorized::Unknown))
            }
            Failure::Refused { status, during } => {
                Error::Refused { status, during, location: self.player.location().map(str::to_owned) }
            }
            Failure::Closed => Error::Closed(None),
            // What the core keeps of an I/O error, in the standard library's words.
            Failure::Broken => Error::Closed(self.pump.broken().map(Into::into)),
            Failure::NoAnswer(command) => Error::NoAnswer(command),
            Failure::NoFile(command) => Error::NoFile(command),
            Failure::Protocol(error) => Error::Protocol(error),
            Failure::Stalled(lasting) => Error::Stalled(lasting),
            Failure::NothingArrived { dialect, transport } => Error::NothingArrived { dialect, transport },
            Failure::NoFrames(cause) => Error::NoFrames(cause),
            failure => Error::System("play", io::Error::other(format!("{failure:?}"))),
        }
    }

    /// Drops the connection, and a session on it as politely as is possible without waiting.
    fn leave(&mut self) {
        self.player.abandon(self.clock.now());
        self.meet_demands();
    }

    /// Waits for sockets, deadlines and goals.
    fn wait(&mut self, deadline: Option<Instant>) -> Result<(), Error> {
        let (at, in_core) = match &self.link {
            Link::None | Link::Unreachable(_) => (None, None),
            Link::Connecting(connect) => (connect.poll_timeout(), None),
            Link::Connected(connection) => {
                (None, earliest(self.pump.poll_timeout(&self.player), connection.poll_timeout()))
            }
        };
        let at = [at, deadline].into_iter().flatten().min().map(|at| at.saturating_duration_since(Instant::now()));
        let in_core = in_core.map(|at| at.since(self.clock.now()));
        let timeout = [at, in_core].into_iter().flatten().min();
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(Error::System("wait", error)),
            _ => {}
        }
        for event in &self.events {
            self.woken |= event.token() == DESCRIPTOR;
            match &mut self.link {
                Link::Connecting(connect) if event.token() == CONTROL => connect.handle_event(event),
                Link::Connected(connection) => connection.handle_event(event),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Drop for Client {
    /// Leaves without waiting; [`Goal::Stop`] leaves properly.
    fn drop(&mut self) {
        self.leave();
    }
}

/// What of a URL without user and password the log may say: queries may hold secrets.
fn shown(url: &str) -> &str {
    url.split('?').next().unwrap_or(url)
}

/// The player of these options' URL.
fn player(options: &Options, wall: WallClock, told: Option<&Credentials>) -> Result<OwnPlayer, Error> {
    // Fresh memory costs nothing until it is written to, however large a frame might be.
    let buffer = |len| vec![0; len].into_boxed_slice();
    let frames = std::array::from_fn(|_| memory::zeros(options.max_frame));
    let (rx, tx) = (buffer(RX_BUFFER), buffer(TX_BUFFER));
    let player = Player::new(&options.url, rx, tx, frames, options.settings(wall), random()?);
    let mut player = player.map_err(|error| match error {
        session::Error::Credentials => Error::Credentials,
        _ => Error::Url(without_credentials(&options.url)),
    })?;
    let in_url = Url::parse(&options.url).and_then(|url| url.user_info()).is_some_and(|info| !info.is_empty());
    let told = told.filter(|_| !in_url).or(options.credentials.as_ref());
    if let Some(credentials) = told {
        player.authenticate(credentials.clone());
    }
    Ok(player)
}

fn random() -> Result<u64, Error> {
    getrandom::u64().map_err(|error| Error::System("get random numbers", io::Error::other(error.to_string())))
}
