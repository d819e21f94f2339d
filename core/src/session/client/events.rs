//! Commands, events and errors of a [`Connection`](super::Connection). All of them are `Copy`: long texts stay in the
//! receive buffer and are lent ([`sdp`](super::Connection::sdp), [`interleaved`](super::Connection::interleaved)).

use crate::media::FrameRate;
use crate::session::MediaTransport;
use crate::time::Duration;
use crate::wire::rtsp;
use crate::wire::rtsp::StatusCode;
use crate::wire::rtsp::headers::{Range, Scale};

/// A request of ours, by its purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Command {
    /// OPTIONS, sent before the first DESCRIBE to learn `Public`.
    Options,
    /// DESCRIBE.
    Describe,
    /// SETUP of the JPEG video stream.
    Setup,
    /// PLAY, first or again after a pause, or from another position.
    Play,
    /// PAUSE.
    Pause,
    /// TEARDOWN.
    Teardown,
    /// GET_PARAMETER or OPTIONS, sent by a timer of the machine's own.
    KeepAlive,
}

impl Command {
    /// The method's name on the wire; for [`KeepAlive`](Self::KeepAlive), what it is for.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Options => "OPTIONS",
            Self::Describe => "DESCRIBE",
            Self::Setup => "SETUP",
            Self::Play => "PLAY",
            Self::Pause => "PAUSE",
            Self::Teardown => "TEARDOWN",
            Self::KeepAlive => "keep-alive",
        }
    }
}

/// An event on the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Event {
    /// DESCRIBE was answered, and the description has a JPEG video stream. The SDP is lent by
    /// [`sdp`](super::Connection::sdp) until the next call that takes `&mut self`.
    Described(Described),
    /// SETUP was answered: the session exists, media may be asked for.
    SetUp(SetUp),
    /// PLAY was answered.
    Playing(Playing),
    /// PAUSE was answered.
    Paused,
    /// TEARDOWN was answered, or the server closed the connection instead of answering it.
    TornDown,
    /// The server answered with anything but success. The state stays as it was. After 454 there is no session any
    /// more, except if it answers a keep-alive while playing: then only the media tells whether the session is gone.
    ///
    /// 461 to SETUP: offer the other transport. 401: what the server wants to know has not been told to the connection, or is
    /// wrong; [`unauthorized`](super::Connection::unauthorized) says which. 3xx: where a redirection leads is lent by
    /// [`header`](super::Connection::header)`("Location")`; [`redirect`](super::Connection::redirect) follows it.
    Refused {
        /// The answer's status.
        status: StatusCode,
        /// The command that was refused.
        during: Command,
    },
    /// OPTIONS was answered after all, while the lab's dialect was being tried ([`turn_to_lab`](super::Connection::turn_to_lab)): the
    /// server speaks standard RTSP, and the connection is of no more use. Nothing is read after it.
    Late,
    /// No answer came in time. The connection still works as far as the machine can tell.
    TimedOut {
        /// The command that was not answered.
        during: Command,
    },
    /// A frame of binary data: RTP or RTCP. [`interleaved`](super::Connection::interleaved) lends its payload until the
    /// next call that takes `&mut self`.
    Interleaved {
        /// The channel, as agreed on by SETUP.
        channel: u8,
    },
    /// The connection ended. This event comes once, after all that arrived before the end.
    ServerClosed,
    /// The machine cannot go on with the server's message. This event comes once, and nothing is read after it.
    Failed(Error),
}

/// The properties of a JPEG video stream that its description tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Described {
    /// RTP payload type: 26, or a dynamic one mapped to `JPEG/90000`.
    pub payload_type: u8,
    /// Frames per second, where the description names them.
    pub frame_rate: Option<FrameRate>,
    /// `a=range`, the range that can be played. `None` means live as a rule.
    pub range: Option<Range>,
    /// `a=x-dimensions`: width and height where RTP/JPEG's one byte cannot say them.
    pub dimensions: Option<(u16, u16)>,
    /// How they are kept from others.
    pub protection: Protection,
}

/// How media are kept from others on their way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Protection {
    /// Not at all.
    #[default]
    None,
    /// They are encrypted, with a key that is known (SRTP).
    Srtp,
    /// They have to travel on the control connection, because that is encrypted (TLS) and they are not.
    Tunnel,
}

/// The result of SETUP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct SetUp {
    /// Our ports as offered, or the channels as the server chose them. Where it has answered with the transport that was not
    /// offered, what it said: the channels, or the ports that it believes to be ours.
    pub transport: MediaTransport,
    /// The server's RTP and RTCP ports, where it said them (UDP).
    pub server_port: Option<(u16, u16)>,
    /// The synchronisation source it will send with, where it said it. Servers are known to get this wrong.
    pub ssrc: Option<u32>,
    /// After how much silence of ours the server drops the session; the machine keeps it alive by itself.
    pub session_timeout: Duration,
    /// Packets are encrypted.
    pub is_encrypted: bool,
}

/// The contents of PLAY's answer. Servers leave out any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Playing {
    /// Sequence number of the first packet (RFC 2326 section 12.33).
    pub sequence: Option<u16>,
    /// RTP timestamp that belongs to the range's start.
    pub rtptime: Option<u32>,
    /// The range that is being played.
    pub range: Option<Range>,
    /// How fast, and in which direction; servers that know no `Scale` leave it out.
    pub scale: Option<Scale>,
}

/// Why a server does not believe who we are, or may not be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Unauthorized {
    /// It wants a user and a password, and none are known.
    Unknown,
    /// It wants them, and is another server than that of the URL, to which redirections have led: it is told none.
    Elsewhere,
    /// It has been told, and refuses: user or password is wrong, or the user may not watch this.
    Credentials,
    /// It wants the password as it is, which is not allowed.
    Basic,
    /// It wants to be told in a way that is not known here.
    Scheme,
}

/// Why a connection cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The given URL is not an absolute `rtsp://` or `rtsps://` URL.
    Url,
    /// A URL, ours or one of the server's, is longer than [`MAX_URL`](super::MAX_URL).
    UrlTooLong,
    /// The session identifier is longer than [`MAX_SESSION`](super::MAX_SESSION).
    SessionTooLong,
    /// The input is not RTSP, or not a lab server's reply.
    Message(rtsp::Error),
    /// A message is larger than the receive buffer.
    MessageTooLarge,
    /// The description has no JPEG video stream.
    NoJpegVideo,
    /// Its video is encrypted, and no key is told that can be used here. Without the feature `srtp` none can.
    NoKey,
    /// Media would be there for everybody on the way, though the URL is `rtsps://`: they are not encrypted, and only UDP is
    /// allowed.
    Exposed,
    /// SETUP was answered with a transport that cannot be served.
    Transport,
    /// User and password, which the URL holds, are too long, or of characters that cannot be sent.
    Credentials,
}

/// Why a command was not taken; nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum NotNow {
    /// The state does not allow it, or the dialect does not know it.
    State,
    /// An earlier command waits for its answer.
    Busy,
    /// The transmit buffer has no room for it: send first, then try again.
    Full,
    /// The connection is closed or has failed.
    Closed,
}

/// Deadlines of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Config {
    /// The time that OPTIONS, the first request, may stay unanswered. It is short, because lab servers answer OPTIONS with
    /// silence.
    pub options_timeout: Duration,
    /// The time that any other request may stay unanswered.
    pub response_timeout: Duration,
    /// The same for the first request in the lab's dialect, SETUP: short where the dialect is only guessed.
    pub lab_timeout: Duration,
    /// Silence that ends a lab server's reply.
    pub lab_silence: Duration,
}

impl Default for Config {
    /// 3 s for OPTIONS, 10 s for the others, in both dialects; 50 ms of silence.
    fn default() -> Self {
        Self {
            options_timeout: Duration::from_secs(3),
            response_timeout: Duration::from_secs(10),
            lab_timeout: Duration::from_secs(10),
            lab_silence: Duration::from_millis(50),
        }
    }
}
