//! Where packets leave: UDP sockets, or the control connection's interleaved channels.

use super::Datagram;
use crate::rtp::packetizer::Packet;
use crate::session::server::{Connection, MediaTransport};
use core::net::{IpAddr, SocketAddr};

/// What became of packets handed to an [`Outlet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// They left, or are queued to leave.
    Taken,
    /// There is no room now; nothing left.
    Full,
    /// The network refused them (no route, peer's port closed): for UDP that is a loss like any other.
    Lost,
}

/// One client's way out, over either transport.
pub(super) struct Outlet<'a, B, D, E> {
    pub connection: &'a mut Connection<B>,
    pub rtp: &'a mut D,
    pub rtcp: &'a mut E,
    /// Media goes to the address the RTSP connection comes from and nowhere else, whatever `destination` a client asks for.
    pub peer: IpAddr,
    pub transport: MediaTransport,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>, D: Datagram, E: Datagram> Outlet<'_, B, D, E> {
    /// Most packets that [`send`](Self::send) takes in one call.
    pub(super) fn max_train(&self) -> usize {
        match self.transport {
            MediaTransport::Udp { .. } => self.rtp.max_train().max(1),
            MediaTransport::Interleaved { .. } => 1,
        }
    }

    /// Sends a train of packets of one frame: all of them or none.
    pub(super) fn send<const TRAIN: usize>(&mut self, packets: &[Packet<'_>]) -> Sent {
        match self.transport {
            MediaTransport::Udp { rtp_port, .. } => {
                let to = SocketAddr::new(self.peer, rtp_port);
                let segments: heapless::Vec<[&[u8]; 2], TRAIN> = packets.iter().map(Packet::segments).collect();
                let sent = match packets {
                    [] => return Sent::Taken,
                    [_] => self.rtp.send(to, segments.as_flattened()),
                    [first, ..] => self.rtp.send_train(to, first.len(), segments.as_flattened()),
                };
                outcome(sent)
            }
            MediaTransport::Interleaved { rtp_channel, .. } => match packets {
                [] => Sent::Taken,
                [packet, ..] if self.connection.queue_interleaved(rtp_channel, &packet.segments()) => Sent::Taken,
                _ => Sent::Full,
            },
        }
    }

    /// Sends one RTCP compound packet.
    pub(super) fn report(&mut self, compound: &[u8]) -> Sent {
        match self.transport {
            MediaTransport::Udp { rtcp_port, .. } => {
                outcome(self.rtcp.send(SocketAddr::new(self.peer, rtcp_port), &[compound]))
            }
            MediaTransport::Interleaved { rtcp_channel, .. } => {
                if self.connection.queue_interleaved(rtcp_channel, &[compound]) { Sent::Taken } else { Sent::Full }
            }
        }
    }
}

fn outcome<E>(sent: Result<bool, E>) -> Sent {
    match sent {
        Ok(true) => Sent::Taken,
        Ok(false) => Sent::Full,
        Err(_) => Sent::Lost,
    }
}
