//! Where packets leave: UDP sockets, or the control connection's interleaved channels.

use super::server::Addresses;
use super::{Datagram, Transmit};
use crate::address::at_port;
use crate::rtp::packetizer::Packet;
use crate::session::MediaTransport;
use crate::session::server::Connection;
use crate::wire::rtp::HEADER_LEN;

/// What became of packets handed to an [`Outlet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// So many of them left or are queued to leave, from the first one on; fewer than there were: there is no room now for
    /// the rest. Never none.
    Taken(usize),
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
    /// Its port is not that of media.
    pub addresses: Addresses,
    pub transport: MediaTransport,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>, D: Datagram, E: Datagram> Outlet<'_, B, D, E> {
    /// Most packets that [`send`](Self::send) takes in one call.
    pub(super) fn max_train(&self) -> usize {
        match self.transport {
            MediaTransport::Udp { .. } => self.rtp.max_datagrams().max(1),
            MediaTransport::Interleaved { .. } => 1,
        }
    }

    /// The largest RTP payload that can leave, `wanted` at the most: a packet longer than the whole transmit buffer would
    /// wait for room for ever.
    pub(super) fn payload_limit(&self, wanted: usize) -> usize {
        match self.transport {
            MediaTransport::Udp { .. } => wanted,
            MediaTransport::Interleaved { .. } => {
                wanted.min(self.connection.max_interleaved().saturating_sub(HEADER_LEN))
            }
        }
    }

    /// Sends a train of packets of one frame, which all have the size of the first but for the last.
    pub(super) fn send<const TRAIN: usize>(&mut self, packets: &[Packet<'_>]) -> Sent {
        match self.transport {
            MediaTransport::Udp { rtp_port, .. } => {
                let to = at_port(self.addresses.peer, rtp_port);
                let segments: heapless::Vec<[&[u8]; 2], TRAIN> = packets.iter().map(Packet::segments).collect();
                let segment_size = match packets {
                    [] => return Sent::Taken(0),
                    [_] => None,
                    [first, ..] => Some(first.len()),
                };
                let from = self.addresses.local;
                outcome(self.rtp.send(&Transmit { to, from, segments: segments.as_flattened(), segment_size }))
            }
            MediaTransport::Interleaved { rtp_channel, .. } => match packets {
                [] => Sent::Taken(0),
                [packet, ..] if self.connection.queue_interleaved(rtp_channel, &packet.segments()) => Sent::Taken(1),
                _ => Sent::Full,
            },
        }
    }

    /// Sends one RTCP compound packet.
    pub(super) fn report(&mut self, compound: &[u8]) -> Sent {
        match self.transport {
            MediaTransport::Udp { rtcp_port, .. } => {
                let (to, from) = (at_port(self.addresses.peer, rtcp_port), self.addresses.local);
                outcome(self.rtcp.send(&Transmit { to, from, segments: &[compound], segment_size: None }))
            }
            MediaTransport::Interleaved { rtcp_channel, .. } => {
                if self.connection.queue_interleaved(rtcp_channel, &[compound]) { Sent::Taken(1) } else { Sent::Full }
            }
        }
    }
}

fn outcome<E>(sent: Result<usize, E>) -> Sent {
    match sent {
        Ok(0) => Sent::Full,
        Ok(count) => Sent::Taken(count),
        Err(_) => Sent::Lost,
    }
}
