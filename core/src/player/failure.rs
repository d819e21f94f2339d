//! Why a player cannot go on.

use super::settings::{Dialect, Transport};
use crate::rtp::receiver::{NoFrameReason, Rejected};
use crate::session::client::{self as session, Command};
use crate::time::Duration;
use crate::wire::rtsp::StatusCode;
use core::fmt;

/// Why a player cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The adapter could not connect; it knows why.
    Unreachable,
    /// The adapter could not open UDP ports; it knows why.
    NoPorts,
    /// The server closed the connection.
    Closed,
    /// The connection broke; the adapter knows why.
    Broken,
    /// The server refused a request. Where a redirection leads is lent by
    /// [`Player::location`](super::Player::location).
    Refused {
        /// Its answer's status.
        status: StatusCode,
        /// The request.
        during: Command,
    },
    /// The server did not answer a request.
    NoAnswer(Command),
    /// A lab server did not answer this request, as most of them do where they do not have the file.
    NoFile(Command),
    /// The server said what cannot be understood.
    Protocol(session::Error),
    /// Playing, and no packet came for this long.
    Stalled(Duration),
    /// Playing, and not a single packet ever came.
    NothingArrived {
        /// What the server is spoken to in: `Standard` or `Lab`.
        dialect: Dialect,
        /// How it was to come; `Auto`: first over UDP and then over TCP.
        transport: Transport,
    },
    /// Playing, and packets come, but for long they have made no frame.
    NoFrames(NoFrames),
}

/// What is wrong with packets that make no frames. Its `Display` is one sentence for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoFrames {
    /// What became of the last ones.
    pub reason: NoFrameReason,
    /// Whether they come over TCP.
    pub tcp: bool,
    /// The payload type that the server has described.
    pub described: u8,
    /// Packets of the stream that have come in this session.
    pub packets: u64,
    /// Packets of it that have not.
    pub lost: u64,
}

impl NoFrames {
    /// Whether it is the server that is wrong, as it will be the next time.
    pub fn lasts(&self) -> bool {
        self.reason != NoFrameReason::Incomplete
    }
}

impl fmt::Display for NoFrames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let described = self.described;
        match self.reason {
            NoFrameReason::Incomplete => self.incomplete(f),
            NoFrameReason::Rejected(Rejected::PayloadType(sent)) => {
                write!(f, "the server sends payload type {sent}, but has described {described}")
            }
            NoFrameReason::Rejected(Rejected::Source) => {
                f.write_str("every packet is of another source (SSRC): several senders may use the same port")
            }
            NoFrameReason::Rejected(Rejected::Jump) => {
                f.write_str("packets arrive, but their sequence numbers do not follow one another")
            }
            NoFrameReason::Rejected(Rejected::Rtp(_)) => f.write_str("what arrives are no RTP packets"),
            NoFrameReason::Rejected(Rejected::Empty) => f.write_str("packets arrive, but there is nothing in them"),
            NoFrameReason::Rejected(Rejected::Seal) => {
                f.write_str("what arrives is not encrypted with the key that the server has described")
            }
            NoFrameReason::Rejected(Rejected::Tables) => {
                f.write_str("frames arrive without the quantisation tables that they refer to")
            }
            NoFrameReason::Rejected(Rejected::Dimensions) => {
                f.write_str("neither the frames nor the server's description say how large they are")
            }
            NoFrameReason::Rejected(Rejected::TooLarge) => {
                f.write_str("the frames that arrive are larger than is allowed")
            }
            NoFrameReason::Rejected(Rejected::NotJpeg) => {
                f.write_str("packets arrive, but there are no JPEG files in them")
            }
            NoFrameReason::Rejected(reason) => {
                write!(f, "what arrives is not JPEG as RTP carries it (RFC 2435): {}", what_is_wrong(reason))
            }
        }
    }
}

impl NoFrames {
    fn incomplete(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (lost, sent) = (self.lost, self.packets.saturating_add(self.lost));
        f.write_str("no frame arrives whole: ")?;
        match (self.tcp, lost) {
            (_, 0) => f.write_str("the server leaves parts out or mixes up their order"),
            (true, _) => write!(f, "the server leaves out {lost} of {sent} packets"),
            (false, _) => write!(f, "{lost} of {sent} packets are lost, which TCP would not lose"),
        }
    }
}

const fn what_is_wrong(rejected: Rejected) -> &'static str {
    match rejected {
        Rejected::Truncated => "a packet ends within its headers",
        Rejected::Kind => "of a type that is not defined",
        Rejected::Q => "its Q is reserved",
        Rejected::TooManyHoles => "in too many pieces",
        Rejected::Inconsistent => "packets contradict each other",
        _ => "its headers make no sense",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn advice_is_about_what_was_not_tried() {
        let lost = |tcp, lost| {
            NoFrames { reason: NoFrameReason::Incomplete, tcp, described: 26, packets: 90, lost }.to_string()
        };
        assert!(lost(false, 10).contains("10 of 100") && lost(false, 10).contains("TCP"));
        assert!(lost(true, 0).contains("order") && !lost(true, 10).contains("TCP"));
    }
}
