//! What comes to the server's UDP sockets, which all clients share, and whose it is.

use super::hole::Claim;
use super::protection::MAX_REPORT;
use super::recorder::Recorder;
use super::stream::MediaStream;
use super::{Guard, Peer, rtcp};
use crate::address::at_port;
use crate::media::catalogue::Medium;
use crate::session::MediaTransport;
use crate::time::Instant;
use core::net::SocketAddr;

impl<B: AsRef<[u8]> + AsMut<[u8]>, M: Medium, G: Guard> Peer<B, M, G> {
    /// Whether a datagram from `from` that came to our RTP socket is this client's. Ask all clients of the host that it came
    /// from, let [`Claims`](super::Claims) find the one, and call that one's [`handle_rtp`](Self::handle_rtp).
    pub fn claim_rtp(&self, now: Instant, from: SocketAddr) -> Claim {
        // Media go to the host that the connection comes from, and come from no other.
        if from != at_port(self.addresses.peer, from.port()) {
            return Claim::No;
        }
        if let Some(recorder) = &self.recorder {
            return recorder.claim(from.port());
        }
        let (Some(stream), Some(hole)) = (&self.stream, &self.hole) else { return Claim::No };
        let MediaTransport::Udp { rtp_port, rtcp_port } = stream.transport() else { return Claim::No };
        match from.port() {
            port if port == rtp_port => Claim::Own { since: hole.since() },
            port if port != rtcp_port && hole.is_open(now) => Claim::Perhaps,
            _ => Claim::No,
        }
    }

    /// A datagram came to our RTP socket that is this client's. `false`: it is not, after all.
    ///
    /// What a publisher sends is put together at once. Service it soon: it may have something to do from now on. A viewer's
    /// first datagram since SETUP tells where its media have to go.
    pub fn handle_rtp(&mut self, now: Instant, from: SocketAddr, packet: &[u8]) -> bool {
        let claim = self.claim_rtp(now, from);
        if claim == Claim::No {
            return false;
        }
        if let Some(recorder) = &mut self.recorder {
            if recorder.handle_datagram(now, from.port(), packet) {
                self.connection.handle_liveness(now);
            }
            return true;
        }
        let (Some(stream), Some(hole)) = (&mut self.stream, &mut self.hole) else { return false };
        let MediaTransport::Udp { rtcp_port, .. } = stream.transport() else { return false };
        hole.settle();
        if claim == Claim::Perhaps {
            info!("RTP goes to port {}, from where the client sends", from.port());
            stream.set_transport(MediaTransport::Udp { rtp_port: from.port(), rtcp_port });
        }
        true
    }

    /// An RTCP packet came to our RTCP socket. `false`: it is not from this client.
    ///
    /// One that comes from a port that a viewer did not name is known by what it reports about: our SSRC, which nobody else
    /// has been told. RTCP goes there from then on.
    pub fn handle_rtcp(&mut self, now: Instant, from: SocketAddr, compound: &[u8]) -> bool {
        // What has the client's address is worth the work of looking whether it has its key.
        if self.protection.is_on() && from.ip() != self.addresses.peer.ip() {
            return false;
        }
        let mut room = [0; MAX_REPORT];
        match self.protection.open_report(compound, &mut room) {
            Some(report) => self.handle_report(now, from, report),
            None => false,
        }
    }

    fn handle_report(&mut self, now: Instant, from: SocketAddr, compound: &[u8]) -> bool {
        let recorded = self.recorder.as_ref().and_then(Recorder::transport);
        let transport = recorded.or_else(|| self.stream.as_ref().map(MediaStream::transport));
        let Some(MediaTransport::Udp { rtp_port, rtcp_port }) = transport else { return false };
        if from != at_port(self.addresses.peer, rtcp_port) && !self.is_about_us(from, compound) {
            return false;
        }
        let is_whole = match (&mut self.recorder, &mut self.stream) {
            (Some(recorder), _) => recorder.handle_rtcp(now, compound),
            (None, Some(stream)) => stream.handle_rtcp(now, compound),
            (None, None) => false,
        };
        if is_whole {
            self.connection.handle_liveness(now);
            if let (Some(stream), Some(hole)) = (&mut self.stream, &mut self.hole) {
                hole.settle_rtcp();
                stream.set_transport(MediaTransport::Udp { rtp_port, rtcp_port: from.port() });
            }
        }
        true
    }

    /// Whether this is a report about our stream, from a port that the client has not named and has had no need to.
    fn is_about_us(&self, from: SocketAddr, compound: &[u8]) -> bool {
        let (Some(stream), Some(hole)) = (&self.stream, &self.hole) else { return false };
        if hole.is_rtcp_settled() || from != at_port(self.addresses.peer, from.port()) {
            return false;
        }
        let ours = stream.ssrc();
        rtcp::Compound::new_checked(compound)
            .is_ok_and(|mut packets| packets.any(|packet| reports_about(&packet, ours)))
    }
}

/// Whether a packet has a report about the sender `ssrc`.
fn reports_about(packet: &rtcp::Packet<'_>, ssrc: u32) -> bool {
    match packet {
        rtcp::Packet::SenderReport { reports, .. } | rtcp::Packet::ReceiverReport { reports, .. } => {
            reports.clone().any(|report| report.ssrc == ssrc)
        }
        _ => false,
    }
}
