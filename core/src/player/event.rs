//! What is told to a player and what it tells. All of it is `Copy`; what is long is lent by the
//! [`Player`](super::Player).

use super::failure::{Failure, NoFrames};
use super::settings::Dialect;
use crate::media::FrameRate;
use crate::rtp::receiver::Received;
use crate::session::MediaTransport;
use crate::session::client::{Command, Playing};
use crate::time::{Duration, NtpTime};
use crate::wire::rtsp::StatusCode;
use crate::wire::rtsp::headers::Scale;
use core::net::SocketAddr;

/// What a player is to achieve. A new goal changes the one before. The player itself chooses the requests that lead there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Goal {
    /// Connect and set up, but do not play yet.
    SetUp,
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
    /// Play so much faster or slower, or backwards, from where it stands. [`Event::Playing`] says what the server does of it.
    Scale {
        /// [`Scale::NORMAL`]: as it was recorded.
        to: Scale,
    },
    /// End the session and close.
    Stop,
}

/// What the adapter has to do about its sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Demand<'a> {
    /// Connect to the server over TCP, then call [`handle_connected`](super::Player::handle_connected) or
    /// [`handle_unreachable`](super::Player::handle_unreachable).
    Connect {
        /// A name, or an address in text.
        host: &'a str,
        /// The URL's port, or its scheme's.
        port: u16,
        /// Whether the URL is `rtsps://`: there has to be a TLS session on the connection before it stands.
        is_secure: bool,
    },
    /// Open two UDP ports, for RTP and RTCP, then call [`handle_ports`](super::Player::handle_ports).
    OpenPorts,
    /// Send what [`poll_datagram`](super::Player::poll_datagram) and [`poll_transmit`](super::Player::poll_transmit)
    /// still hold as far as the sockets take it at once, then close them all. An attempt to connect is given up.
    Close,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The control connection stands.
    Connected {
        /// The server's address.
        peer: SocketAddr,
    },
    /// There is a session: what there is to play, and how it will travel.
    SetUp(Presentation),
    /// The server plays.
    Playing {
        /// The position that was asked for and is played from now; `None`: from where it stood, or the beginning.
        from: Option<Duration>,
        /// What its answer says; servers leave out any of it.
        answer: Playing,
    },
    /// It has stopped where it is.
    Paused,
    /// A frame: [`Player::frame`](super::Player::frame) lends it until the next call that takes `&mut self`.
    Frame(ReceivedFrame),
    /// Something did not work, and something else is being tried.
    Retrying {
        /// What else.
        with: Retry,
        /// What did not work.
        after: Failure,
    },
    /// The server has what is wanted elsewhere, and it is being asked for there. [`Player::url`](super::Player::url) says where.
    Redirected,
    /// The server refused to pause, or to play from that position. What played plays on.
    Refused {
        /// Its answer.
        status: StatusCode,
        /// What it refused.
        during: Command,
    },
    /// A position was asked for in the lab's dialect, which knows none. It plays from where it stands.
    Unseekable,
    /// Playing, and nothing has arrived for this long. Told again and again until something does, or until the stream
    /// counts as lost ([`Failure::Stalled`]).
    Silence {
        /// Since the last packet, or since playing began.
        lasting: Duration,
    },
    /// Playing, and packets come, but for this long they have made no frame. Told again and again until there is one, or
    /// until the stream counts as lost ([`Failure::NoFrames`]).
    NoFrames {
        /// Since the last frame, or since playing began.
        lasting: Duration,
        /// What is wrong with the packets.
        cause: NoFrames,
    },
    /// The stream is over. [`Goal::Play`] starts it again.
    EndOfStream {
        /// Whether the server said so: by RTCP BYE, or in the lab dialect by the number of frames. Those who do not are believed to have ended when they fall silent at
        /// the presentation's end; in the lab dialect, which has no way to say it, when they fall silent at all.
        announced: bool,
    },
    /// The session is over and the connection closed. A new goal makes a new one.
    TornDown,
    /// The player cannot go on. It has no goal any more; a new one starts anew, with what has been found out.
    Failed(Failure),
    /// The server answered neither dialect; otherwise like [`Failed`](Self::Failed).
    NoDialect {
        /// What became of standard RTSP.
        standard: Failure,
        /// What became of the lab's dialect.
        lab: Failure,
    },
}

/// What else is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Retry {
    /// The server refuses UDP, or none of it arrives: TCP.
    Tcp,
    /// The server does not answer RTSP: the lab's dialect.
    Lab,
    /// The lab's server does not understand where media are to go: the same in other words.
    LabWording,
    /// The server does not speak the lab's dialect either, or has answered RTSP too late: RTSP again.
    Standard,
}

/// What there is to play, and how.
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

/// A frame that [`Player::frame`](super::Player::frame) lends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceivedFrame {
    /// What the receiver says of it.
    pub received: Received,
    /// Its place in the presentation, from the start of the described range on; `None` where the stream is live or the
    /// server tells nothing to reckon it from.
    pub position: Option<Duration>,
    /// When it was captured by the sender's clock, as its reports tell; `None` before the first one and in the lab's
    /// dialect.
    pub captured: Option<NtpTime>,
}
