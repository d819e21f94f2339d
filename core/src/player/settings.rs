//! How a player plays.

use crate::time::{Duration, WallClock};
use core::str::FromStr;

/// How media travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Transport {
    /// UDP; TCP where the server refuses UDP or nothing arrives.
    #[default]
    Auto,
    /// UDP only.
    Udp,
    /// Over the control connection only.
    Tcp,
}

/// Which protocol the server is spoken to in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Dialect {
    /// RTSP 1.0; the lab's where the server does not answer it.
    #[default]
    Auto,
    /// RTSP 1.0 only.
    Standard,
    /// The "video streaming with RTSP and RTP" lab's only.
    Lab,
}

impl FromStr for Transport {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "udp" => Ok(Self::Udp),
            "tcp" => Ok(Self::Tcp),
            _ => Err("expected udp, tcp or auto"),
        }
    }
}

impl FromStr for Dialect {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "standard" => Ok(Self::Standard),
            "lab" => Ok(Self::Lab),
            _ => Err("expected auto, standard or lab"),
        }
    }
}

/// How a player plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How media travels (default: decided by what works).
    pub transport: Transport,
    /// Which protocol the server is spoken to in (default: decided by what it answers).
    pub dialect: Dialect,
    /// Whether the password may be sent as it is outside of TLS, too, where a server takes nothing better (default: no, because
    /// whoever is on the way can read it, and can ask for it in the server's stead). Needs the feature `auth`.
    pub basic: bool,
    /// How long the first request may stay unanswered before the other dialect is tried (default 3 s). The
    /// first request in the lab's dialect is waited for as long, where that is only guessed.
    pub dialect_timeout: Duration,
    /// Where the dialect is decided by what works: how long OPTIONS may stay unanswered before the lab's dialect is tried on the
    /// same connection, whose servers never answer it (default 300 ms; on slow networks four times what connecting took, and never
    /// longer than the time above). A server that answers after all is asked again, and has all the time above.
    pub lab_after: Duration,
    /// How long any other request may stay unanswered (default 10 s).
    pub response_timeout: Duration,
    /// How long leaving waits for the server (default 2 s).
    pub teardown_timeout: Duration,
    /// While playing: after how long without a packet, or without a frame though there are packets, that is told, again
    /// and again, and TCP is tried if there never was a frame (default 3 s).
    pub silence: Duration,
    /// While playing: after how long without a packet, or without a frame though there are packets, the stream counts as
    /// lost (default 10 s).
    pub stall_timeout: Duration,
    /// While playing: after how long without a packet the server is asked for a sign of life, for which it has as long again. One that
    /// gives none is gone (default: it is not asked). The lab's dialect has none to give.
    pub probe: Option<Duration>,
    /// How long a frame waits for packets that others have overtaken (default 100 ms; over TCP 50 ms at most, and
    /// only where packets have been overtaken before).
    pub reorder_delay: Duration,
    /// How long frames are held back to even out jitter (default 0: the lowest latency).
    pub playout_delay: Duration,
    /// Relates `Instant`s to NTP time, for round-trip times in reports.
    pub wall: WallClock,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            transport: Transport::Auto,
            dialect: Dialect::Auto,
            basic: false,
            dialect_timeout: Duration::from_secs(3),
            lab_after: Duration::from_millis(300),
            response_timeout: Duration::from_secs(10),
            teardown_timeout: Duration::from_secs(2),
            silence: Duration::from_secs(3),
            stall_timeout: Duration::from_secs(10),
            probe: None,
            reorder_delay: Duration::from_millis(100),
            playout_delay: Duration::ZERO,
            wall: WallClock::default(),
        }
    }
}
