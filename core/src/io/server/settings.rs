//! How a server serves, and the circumstances of a turn.

use crate::session::server::Config;
use crate::time::{Duration, Instant, WallClock};
use crate::wire::lab::payload::{MAX_PACKET, Payload};
use core::task::Waker;

/// How a server serves; one value for all its clients.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// Deadlines of control connections.
    pub session: Config,
    /// Relates `Instant`s to NTP time, for sender reports.
    pub wall: WallClock,
    /// Our RTP and RTCP port over UDP, as SETUP's answers announce them.
    pub server_port: (u16, u16),
    /// Largest RTP payload in the standard dialect, in bytes (default 1400). Over TCP it is also kept to what fits the
    /// connection's transmit buffer.
    pub payload_size: usize,
    /// Largest RTP packet in the lab dialect, in bytes (default 20,480, what its client reads). Larger files leave in parts.
    pub max_packet_size: usize,
    /// How files lie in packets in the lab dialect, where the client does not say (default plain, which most clients read).
    pub lab_payload: Payload,
    /// Files start over at their end, with continuous timestamps. They are described without an end then, and play times
    /// run on from round to round.
    pub repeat: bool,
    /// Send frames with restart markers (RTP/JPEG types 64 and 65), which some receivers refuse.
    pub restart_markers: bool,
    /// Send the number of quantisation tables that RFC 2435 computes (Q 1 to 99) instead of the tables themselves: 132 bytes
    /// less with each frame. All receivers are said to know them, and all are known to read tables.
    pub computed_tables: bool,
    /// How long a request waits for a medium that is not ready, such as a camera that is starting, before it is refused
    /// (default 5 s).
    pub patience: Duration,
    /// Frames of files are due on a grid of so much, so that viewers share wake-ups (default none): see
    /// [`Delivery::set_wake_grid`](crate::delivery::Delivery::set_wake_grid).
    pub wake_grid: Duration,
    /// Our canonical name in RTCP (RFC 3550 section 6.5.1), at most 255 bytes.
    pub cname: &'a str,
}

/// Deadlines of [`Config::default`], UDP ports 6970 and 6971, packets for Ethernet and for the lab's client, nothing that any
/// receiver refuses, the name `mutoscope`, and a wall clock that starts in 1900: those who have a better one say so.
impl Default for Settings<'_> {
    fn default() -> Self {
        Self {
            session: Config::default(),
            wall: WallClock::default(),
            server_port: (6970, 6971),
            payload_size: 1400,
            max_packet_size: MAX_PACKET,
            lab_payload: Payload::Plain,
            repeat: false,
            restart_markers: false,
            computed_tables: false,
            patience: Duration::from_secs(5),
            wake_grid: Duration::ZERO,
            cname: "mutoscope",
        }
    }
}

/// What a turn of [`Peer::service`](super::Peer::service) happens in.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The time.
    pub now: Instant,
    /// Is woken when the client's source has a frame that was not there yet: call [`Peer::service`](super::Peer::service) again then. So each
    /// client has its own. [`Waker::noop`] does where all clients are serviced often enough anyway.
    pub waker: &'a Waker,
    /// How to serve.
    pub settings: &'a Settings<'a>,
    /// Why there is no room for another viewer, in words; `None`: there is. Those who have a stream already keep it.
    pub is_full: Option<&'static str>,
    /// Nobody can listen on the client's way. It matters where the catalogue [knows](crate::media::catalogue::Catalogue::MOVES) where else
    /// its media are.
    pub is_private: bool,
}

impl<'a> Context<'a> {
    /// A turn with room for more viewers, of a client on whose way others can listen.
    pub const fn new(now: Instant, waker: &'a Waker, settings: &'a Settings<'a>) -> Self {
        Self { now, waker, settings, is_full: None, is_private: false }
    }
}
