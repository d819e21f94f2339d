//! Types that both sides of a session use.

use core::fmt;

/// The dialect of a connection. Its first request line tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Dialect {
    /// RTSP 1.0 (RFC 2326).
    Standard,
    /// The dialect of the "video streaming with RTSP and RTP" lab: bare file names, no blank line after a request.
    Lab,
}

/// The way media travels, as SETUP agreed on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum MediaTransport {
    /// To these ports of the address the connection comes from, and of no other.
    Udp {
        /// Where RTP goes.
        rtp_port: u16,
        /// Where RTCP goes; 0: nowhere. The lab dialect has none and this is unused.
        rtcp_port: u16,
    },
    /// On these channels of the connection (RFC 2326 section 10.12).
    Interleaved {
        /// Carries RTP.
        rtp_channel: u8,
        /// Carries RTCP, both ways.
        rtcp_channel: u8,
    },
}

/// How the media of a stream may travel to one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Secrecy {
    /// How a key is agreed on, for media that are encrypted. `None`: they are not.
    pub exchange: Option<KeyExchange>,
    /// Whether media may also travel in the clear over UDP.
    pub plain_udp: bool,
    /// Whether media may also travel as they are on the control connection.
    pub plain_tcp: bool,
}

/// How a key is agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum KeyExchange {
    /// By MIKEY, with clients that ask for RTP/SAVP (RFC 4567).
    Mikey,
    /// By a line of the description (RFC 4568). Its clients ask for RTP/AVP all the same, and expect encrypted media.
    Sdes,
}

impl Secrecy {
    /// Nothing is encrypted.
    pub const NONE: Self = Self { exchange: None, plain_udp: true, plain_tcp: true };
}

/// For the log: `UDP to port 25000`, `TCP`.
impl fmt::Display for MediaTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp { rtp_port, .. } => write!(f, "UDP to port {rtp_port}"),
            Self::Interleaved { .. } => f.write_str("TCP"),
        }
    }
}
