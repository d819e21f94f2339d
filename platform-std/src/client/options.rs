//! What a client is told before it starts.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Credentials, without_credentials};
use crate::reach::Reach;
use crate::tls::Fingerprint;
use crate::watch::{Captured, Traffic, Watch, Watcher};
use mutoscope::io::Impairments;
use mutoscope::player::{Dialect, Settings, Transport};
use mutoscope::time::WallClock;
use mutoscope::wire::url::Url;

/// How long a server may take to show that it is there, where there is another one.
const SOON: Duration = Duration::from_secs(1);

// More than 15 fields: each is something that a caller may choose.
/// What to watch, and how.
#[derive(Clone)]
pub struct Options {
    /// An absolute `rtsp://` URL, or `rtsps://` for RTSP in TLS. Without a port it means 554, or 322, as everywhere. User and password in it answer the server's
    /// question for them, and are shown to nobody.
    pub url: String,
    /// Other URLs of the same stream, at other servers (default: none): see [`with_fallbacks`](Self::with_fallbacks).
    pub fallbacks: Vec<String>,
    /// User and password, instead of those in the URL (default: none).
    pub credentials: Option<Credentials>,
    /// Of `rtsps://`: a file in PEM with the certificates that the server's may be, or those of who vouches for it (default: those
    /// that the system believes).
    pub tls_ca: Option<PathBuf>,
    /// Of `rtsps://`: the one certificate that is believed, whoever vouches for it and whatever name it has (default: none).
    pub tls_pin: Option<Fingerprint>,
    /// Whether the password may be sent as it is outside of TLS, too, where the server takes nothing better (default: no, because
    /// whoever is on the way can read it, and can ask for it in the server's stead).
    pub basic: bool,
    /// How media travels (default: decided by what works; of `rtsps://` over the connection, because packets over UDP would be
    /// seen by everybody on the way).
    pub transport: Transport,
    /// What the server is spoken to in (default: decided by what it answers).
    pub dialect: Dialect,
    /// Our RTP port over UDP, an even number; RTCP is the next one. Where it is taken, the next free even pair; 0: any.
    /// Default 25000.
    pub rtp_port: u16,
    /// Which addresses are connected to (default: all).
    pub reach: Reach,
    /// How long one address of the server may take to accept the connection (default 5 s).
    pub connect_timeout: Duration,
    /// How long a request may stay unanswered (default 10 s).
    pub response_timeout: Duration,
    /// How long the first request may stay unanswered before the other dialect is tried (default 3 s).
    pub dialect_timeout: Duration,
    /// Where the dialect is decided by what works: how long OPTIONS may stay unanswered before the lab's dialect is tried on the same
    /// connection (default 300 ms; on slow networks four times what connecting took).
    pub lab_after: Duration,
    /// How long leaving waits for the server (default 2 s).
    pub teardown_timeout: Duration,
    /// While playing: after how long without a packet, or without a frame though there are packets, that is told, and TCP
    /// is tried if there never was a frame (default 3 s).
    pub silence: Duration,
    /// While playing: after how long without a packet, or without a frame though there are packets, the stream counts as
    /// lost (default 10 s).
    pub stall_timeout: Duration,
    /// While playing: after how long without a packet the server is asked for a sign of life, for which it has as long again (default:
    /// never). One that gives none is gone.
    pub probe: Option<Duration>,
    /// How long a frame waits for packets that others have overtaken (default 100 ms; over TCP 50 ms at most, and
    /// only where packets have been overtaken before).
    pub reorder_delay: Duration,
    /// How long frames are held back to even out jitter (default 0: the lowest latency).
    pub playout_delay: Duration,
    /// The largest frame, in bytes (default 4 MiB). Memory is used as frames need it.
    pub max_frame: usize,
    /// What is to happen to RTP packets over UDP though they arrive, to see what a bad network does (default: nothing). See
    /// [`Handle::impair`](super::Handle::impair).
    pub impairments: Impairments,
    /// Where all that is said and heard is written to (default: nowhere).
    #[cfg(feature = "pcap")]
    pub capture: Option<crate::capture::Capture>,
    /// Who is shown all that is said and heard (default: nobody).
    pub watcher: Option<Arc<dyn Watcher>>,
}

impl Options {
    /// The defaults for this URL.
    pub fn new(url: impl Into<String>) -> Self {
        let settings = Settings::default();
        Self {
            url: url.into(),
            fallbacks: Vec::new(),
            credentials: None,
            tls_ca: None,
            tls_pin: None,
            basic: settings.basic,
            transport: settings.transport,
            dialect: settings.dialect,
            rtp_port: 25_000,
            reach: Reach::default(),
            connect_timeout: Duration::from_secs(5),
            response_timeout: settings.response_timeout,
            dialect_timeout: settings.dialect_timeout,
            lab_after: settings.lab_after,
            teardown_timeout: settings.teardown_timeout,
            silence: settings.silence,
            stall_timeout: settings.stall_timeout,
            probe: settings.probe,
            reorder_delay: settings.reorder_delay,
            playout_delay: settings.playout_delay,
            max_frame: 4 << 20,
            impairments: Impairments::default(),
            #[cfg(feature = "pcap")]
            capture: None,
            watcher: None,
        }
    }

    /// The same with other URLs of the stream, at other servers, which are turned to one after the other where the one before is gone
    /// ([`Client::turn`](super::Client::turn)). So that this takes no longer than two seconds, a server has a second to take the
    /// connection, and one that sends nothing for a second is asked for a sign of life.
    #[must_use]
    pub fn with_fallbacks(self, urls: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let fallbacks: Vec<String> = urls.into_iter().map(Into::into).collect();
        if fallbacks.is_empty() {
            return Self { fallbacks, ..self };
        }
        let (connect_timeout, probe) = (self.connect_timeout.min(SOON), Some(SOON));
        Self { fallbacks, connect_timeout, probe, ..self }
    }

    fn captured(&self) -> Captured {
        Captured(
            #[cfg(feature = "pcap")]
            self.capture.clone(),
        )
    }

    /// Whoever sees a connection between these two.
    pub(super) fn watch_connection(&self, local: Option<SocketAddr>, peer: SocketAddr) -> Watch {
        let watched = self.watcher.as_ref().map(|watcher| watcher.connection(peer));
        self.captured().connection(local, peer).and(watched)
    }

    /// Whoever sees a UDP socket that is bound to this address.
    pub(super) fn watch_socket(&self, local: Option<SocketAddr>, traffic: Traffic) -> Watch {
        let watched = self.watcher.as_ref().map(|watcher| watcher.socket(traffic));
        self.captured().socket(local).and(watched)
    }

    fn is_secure(&self) -> bool {
        Url::parse(&self.url).is_some_and(|url| url.is_secure())
    }

    /// What of it concerns the player.
    pub(super) fn settings(&self, wall: WallClock) -> Settings {
        // The lab's clients know neither TLS nor media over the connection.
        let (transport, dialect) = match (self.is_secure(), self.transport, self.dialect) {
            (true, Transport::Auto, _) => (Transport::Tcp, Dialect::Standard),
            (true, transport, _) => (transport, Dialect::Standard),
            (false, transport, dialect) => (transport, dialect),
        };
        Settings {
            transport,
            dialect,
            basic: self.basic,
            dialect_timeout: self.dialect_timeout,
            lab_after: self.lab_after,
            response_timeout: self.response_timeout,
            teardown_timeout: self.teardown_timeout,
            silence: self.silence,
            stall_timeout: self.stall_timeout,
            probe: self.probe,
            reorder_delay: self.reorder_delay,
            playout_delay: self.playout_delay,
            wall,
        }
    }
}

/// Without passwords.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("url", &without_credentials(&self.url))
            .field("fallbacks", &self.fallbacks.iter().map(|url| without_credentials(url)).collect::<Vec<_>>())
            .field("settings", &self.settings(WallClock::default()))
            .field("rtp_port", &self.rtp_port)
            .field("connect_timeout", &self.connect_timeout)
            .field("max_frame", &self.max_frame)
            .field("impairments", &self.impairments)
            .finish()
    }
}

impl From<&str> for Options {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl From<String> for Options {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}
