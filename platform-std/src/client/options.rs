//! What a client is told before it starts.

use mutoscope::io::Loss;
use std::str::FromStr;
use std::time::Duration;

/// How media travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// UDP; TCP where the server refuses UDP or nothing arrives.
    #[default]
    Auto,
    /// UDP only.
    Udp,
    /// Over the control connection only.
    Tcp,
}

/// What the server is spoken to in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "udp" => Ok(Self::Udp),
            "tcp" => Ok(Self::Tcp),
            _ => Err("expected udp, tcp or auto".into()),
        }
    }
}

impl FromStr for Dialect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "standard" => Ok(Self::Standard),
            "lab" => Ok(Self::Lab),
            _ => Err("expected auto, standard or lab".into()),
        }
    }
}

/// What to watch, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// An absolute `rtsp://` URL. Without a port it means 554, as everywhere.
    pub url: String,
    /// How media travels (default: decided by what works).
    pub transport: Transport,
    /// What the server is spoken to in (default: decided by what it answers).
    pub dialect: Dialect,
    /// Our RTP port over UDP, an even number; RTCP is the next one. Where it is taken, the next free even pair; 0: any.
    /// Default 25000.
    pub rtp_port: u16,
    /// How long one address of the server may take to accept the connection (default 5 s).
    pub connect_timeout: Duration,
    /// How long a request may stay unanswered (default 10 s).
    pub response_timeout: Duration,
    /// How long the first request may stay unanswered before the other dialect is tried (default 3 s).
    pub dialect_timeout: Duration,
    /// How long leaving waits for the server (default 2 s).
    pub teardown_timeout: Duration,
    /// While playing: after how long without a packet, or without a frame though there are packets, that is told, and TCP
    /// is tried if there never was a frame (default 3 s).
    pub silence: Duration,
    /// While playing: after how long without a packet, or without a frame though there are packets, the stream counts as
    /// lost (default 10 s).
    pub stall_timeout: Duration,
    /// How long a frame waits for packets that others have overtaken (default 100 ms; over TCP 50 ms at most).
    pub reorder_delay: Duration,
    /// How long frames are held back to even out jitter (default 0: the lowest latency).
    pub playout_delay: Duration,
    /// The largest frame, in bytes (default 4 MiB). Memory is used as frames need it.
    pub max_frame: usize,
    /// RTP packets over UDP that are to be lost though they arrive, to see what a bad network does (default: none).
    pub loss: Loss,
}

impl Options {
    /// The defaults for this URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            transport: Transport::Auto,
            dialect: Dialect::Auto,
            rtp_port: 25_000,
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(10),
            dialect_timeout: Duration::from_secs(3),
            teardown_timeout: Duration::from_secs(2),
            silence: Duration::from_secs(3),
            stall_timeout: Duration::from_secs(10),
            reorder_delay: Duration::from_millis(100),
            playout_delay: Duration::ZERO,
            max_frame: 4 << 20,
            loss: Loss::default(),
        }
    }
}
