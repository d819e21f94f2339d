//! The configuration, the events and the descriptions of a server's connection.

use crate::media::FrameRate;
use crate::session::MediaTransport;
use crate::time::Duration;
use crate::wire::lab::extra::Extra;
use crate::wire::rtsp::headers::{Range, Scale, Speed};
use crate::wire::sdp::Exchange;

/// Deadlines and permissions of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Announced in `Session: id;timeout=` in whole seconds (default 60 s). Lab sessions have none.
    pub session_timeout: Duration,
    /// From a request's first byte to its last (default 10 s).
    pub request_timeout: Duration,
    /// Without any session: how long a connection may sit there after its last request (default 60 s).
    pub idle_timeout: Duration,
    /// Whether the first request has half of the two deadlines above (default no).
    pub is_hurried: bool,
    /// Silence that ends a lab request (default 50 ms).
    pub lab_silence: Duration,
    /// After our last byte: how long the peer may take to close (default 1 s).
    pub linger: Duration,
    /// No byte taken by the peer though we have some for it (default 10 s): dropped.
    pub stall_timeout: Duration,
    /// Whether media may travel over UDP (default yes). Where not, UDP alternatives are answered with 461, which makes
    /// ordinary clients ask for TCP, and the lab dialect, which has nothing else, cannot be served.
    pub udp: bool,
    /// Whether clients may publish (default no): ANNOUNCE and RECORD are carried out then, and `Public` lists them. Otherwise
    /// they are answered with 501.
    pub record: bool,
    /// Whether the driver is asked before a request is carried out (default no): [`Event::Authorize`] comes for each but OPTIONS.
    pub guarded: bool,
    /// Whether a connection [beyond the limit](super::Connection::refusing) may ask where else there is room (default no): OPTIONS is
    /// answered, and [`Event::Describe`] comes. Its idle deadline is for all that it asks.
    pub moves: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            session_timeout: Duration::from_secs(60),
            request_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            lab_silence: Duration::from_millis(50),
            is_hurried: false,
            linger: Duration::from_secs(1),
            stall_timeout: Duration::from_secs(10),
            udp: true,
            record: false,
            guarded: false,
            moves: false,
        }
    }
}

/// A task for the driver. Each but the last two waits for an answer; until then no further request is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Event {
    /// Decide who asks, and whether that one may: [`Connection::asking`](super::Connection::asking) says what for; answer with
    /// `allow`, `challenge` or `refuse`, at once or later. Comes before anything else is said about a request, so that
    /// strangers do not learn what there is.
    Authorize,
    /// Look up [`Connection::resource`](super::Connection::resource): `answer_describe`, `answer_moved` or `refuse`.
    Describe,
    /// Look up the resource, make a stream (or give the one that is there another transport): `answer_setup` or
    /// `refuse`. The transport is the first of the client's alternatives that the connection can do.
    Setup {
        /// Where media goes.
        transport: MediaTransport,
    },
    /// The same for another resource, whose stream takes the place of the one that there may be, from its beginning. Comes in the lab
    /// dialect alone, in any state but a publisher's.
    Change {
        /// Where media goes.
        transport: MediaTransport,
    },
    /// A request of a method that copies of the lab's exercise have added: `answer_description`, `answer_list` or `answer_lab`, as
    /// it says, or `refuse`.
    Lab(Extra),
    /// `answer_play` or `refuse`. Also comes while playing: then it is a seek.
    Play {
        /// The part to play: a play time or `now`. `None`: go on where the stream stands.
        range: Option<Range>,
        /// How fast media time should pass, and in which direction. `None`: the client does not say.
        scale: Option<Scale>,
        /// How much faster than it is shown media should be delivered. `None`: the client does not say.
        speed: Option<Speed>,
    },
    /// `answer_pause` or `refuse`. Also comes where nothing plays.
    Pause,
    /// `answer_teardown`. The session is over: free everything.
    Teardown,
    /// Look up the resource under which the client wants to publish what
    /// [`Connection::body`](super::Connection::body), a session description, says: `answer_announce` or `refuse`. The events
    /// of the session that follow are the next two; `Setup` and `Play` do not come.
    Announce,
    /// Look whether the URL of the request ([`Connection::url`](super::Connection::url)) is that of a track that can be
    /// received: `answer_setup`, `answer_setup_ignored` (the session has one track, and the client may have others) or `refuse`.
    SetupRecord {
        /// How media comes.
        transport: MediaTransport,
    },
    /// `answer_record` or `refuse`. Media may come from now on. Also comes while recording.
    Record,
    /// A packet from the client (RTCP on an odd channel, and a publisher's media): read it through
    /// [`Connection::interleaved`](super::Connection::interleaved) before the next call that takes `&mut self`. The
    /// channel is one of the session's two.
    Interleaved {
        /// The channel it came on.
        channel: u8,
    },
    /// The session ended without TEARDOWN: time-out, peer gone, shut down. Say BYE where it can still be heard; free
    /// everything. Comes once per session. It takes the place of an event that still waits for its answer.
    Expired,
}

/// What is done at a PLAY, for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Played {
    /// Sequence number of the first packet.
    pub sequence: u16,
    /// Timestamp of the first packet.
    pub rtptime: u32,
    /// The part that will be played.
    pub range: Range,
    /// The scale that was chosen, whatever was asked for.
    pub scale: Scale,
    /// The speed that was chosen, whatever was asked for.
    pub speed: Speed,
}

/// The properties of a resource that its description tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Description<'a> {
    /// Becomes the description's `s=` line.
    pub name: &'a str,
    /// Frames per second.
    pub frame_rate: FrameRate,
    /// The range that can be played: from 0 to an end, from 0 without an end, or [`Range::Now`] for live media.
    pub range: Range,
    /// Pixels.
    pub width: u16,
    /// Pixels.
    pub height: u16,
    /// How the key is told, where the stream is encrypted.
    pub exchange: Exchange<'a>,
}
