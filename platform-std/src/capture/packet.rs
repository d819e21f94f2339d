//! Headers of IP, UDP and TCP around what was sent.

use std::net::{IpAddr, SocketAddr};

use etherparse::{IpHeaders, PacketBuilder, PacketBuilderStep};

/// Bytes of a packet of TCP: with its headers it fits into one of IP.
pub(super) const MOST: usize = 32 * 1024;
const HOPS: u8 = 64;
const WINDOW: u16 = u16::MAX;

/// A datagram. `None`: the addresses are of two kinds, or it does not fit into a packet.
pub(super) fn udp(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Option<Vec<u8>> {
    let mut packet = Vec::with_capacity(payload.len() + 48);
    ip(from, to)?.udp(from.port(), to.port()).write(&mut packet, payload).ok()?;
    Some(packet)
}

/// A part of a connection, from the byte with the number `sequence` on; the other side's bytes have come up to `acknowledged`.
pub(super) fn tcp(
    from: SocketAddr,
    to: SocketAddr,
    sequence: u32,
    acknowledged: u32,
    payload: &[u8],
) -> Option<Vec<u8>> {
    let mut packet = Vec::with_capacity(payload.len() + 64);
    let built = ip(from, to)?.tcp(from.port(), to.port(), sequence, WINDOW).psh().ack(acknowledged);
    built.write(&mut packet, payload).ok()?;
    Some(packet)
}

/// The header of IP. `None`: the addresses are of two kinds.
fn ip(from: SocketAddr, to: SocketAddr) -> Option<PacketBuilderStep<IpHeaders>> {
    match (from.ip().to_canonical(), to.ip().to_canonical()) {
        (IpAddr::V4(source), IpAddr::V4(target)) => Some(PacketBuilder::ipv4(source.octets(), target.octets(), HOPS)),
        (IpAddr::V6(source), IpAddr::V6(target)) => Some(PacketBuilder::ipv6(source.octets(), target.octets(), HOPS)),
        _ => None,
    }
}
