//! UDP: the core's [`Datagram`] on a smoltcp socket, both segments of a packet written straight into its ring.

use core::fmt;
use core::net::{IpAddr, SocketAddr};
use embedded_io::{ErrorKind, ErrorType};
use mutoscope::io::{Datagram, Meta, Transmit};
use smoltcp::phy::PacketMeta;
use smoltcp::socket::udp::{SendError, Socket, UdpMetadata};
use smoltcp::wire::{IpAddress, IpEndpoint};

/// Bytes of a UDP header (RFC 768).
const UDP_HEADER_LEN: usize = 8;

/// The longest datagram that one IP packet carries to (or from) `address`, where the link carries IP packets of
/// `ip_mtu` bytes: 1472 bytes over Ethernet and IPv4, 1452 over IPv6.
///
/// `ip_mtu` is [`DeviceCapabilities::ip_mtu`](smoltcp::phy::DeviceCapabilities::ip_mtu).
pub fn max_datagram(ip_mtu: usize, address: IpAddress) -> usize {
    let header_len = match address {
        IpAddress::Ipv4(_) => smoltcp::wire::IPV4_HEADER_LEN,
        IpAddress::Ipv6(_) => smoltcp::wire::IPV6_HEADER_LEN,
    };
    ip_mtu.saturating_sub(header_len).saturating_sub(UDP_HEADER_LEN)
}

/// A bound UDP socket for as long as a pump needs it. Plain data: make one for every turn.
#[derive(Debug)]
pub struct UdpSocket<'s, 'b> {
    socket: &'s mut Socket<'b>,
    ip_mtu: usize,
}

impl<'s, 'b> UdpSocket<'s, 'b> {
    /// Borrows a socket. `ip_mtu`: the longest IP packet that its device sends
    /// ([`DeviceCapabilities::ip_mtu`](smoltcp::phy::DeviceCapabilities::ip_mtu)).
    pub fn new(socket: &'s mut Socket<'b>, ip_mtu: usize) -> Self {
        Self { socket, ip_mtu }
    }
}

/// Why a datagram can never be sent; one that only finds no room now is no error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The socket is not bound, or the destination has no address or no port.
    Unaddressable,
    /// It does not fit one IP packet on this link, or not even the empty transmit ring.
    TooLong,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unaddressable => "no such destination",
            Self::TooLong => "datagram too long",
        })
    }
}

impl core::error::Error for Error {}

impl embedded_io::Error for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unaddressable => ErrorKind::AddrNotAvailable,
            Self::TooLong => ErrorKind::InvalidInput,
        }
    }
}

impl ErrorType for UdpSocket<'_, '_> {
    type Error = Error;
}

impl Datagram for UdpSocket<'_, '_> {
    /// Too long a datagram is an error here and not left to smoltcp, which drops it without a word over IPv4 and asks
    /// the device for a longer frame than it can send over IPv6.
    fn send(&mut self, transmit: &Transmit<'_>) -> Result<usize, Error> {
        let endpoint = IpEndpoint::from(transmit.to);
        let len = transmit.len();
        let rings = (self.socket.payload_send_capacity(), self.socket.packet_send_capacity());
        if len > max_datagram(self.ip_mtu, endpoint.addr) || len > rings.0 || rings.1 == 0 {
            return Err(Error::TooLong);
        }
        let local_address = transmit.from.map(IpAddress::from).filter(|from| from.version() == endpoint.addr.version());
        // Not `send_with`: that one does not see that an empty ring can start over at its beginning, and stays full for
        // good where the read position leaves no gap of `len` bytes on either side.
        match self.socket.send(len, UdpMetadata { endpoint, local_address, meta: PacketMeta::default() }) {
            Ok(mut place) => {
                for segment in transmit.segments {
                    let Some((head, rest)) = place.split_at_mut_checked(segment.len()) else { break };
                    head.copy_from_slice(segment);
                    place = rest;
                }
                Ok(1)
            }
            // Also where `can_send` is true: a packet needs its bytes in one piece.
            Err(SendError::BufferFull) => Ok(0),
            Err(SendError::Unaddressable) => Err(Error::Unaddressable),
        }
    }

    fn recv<R>(&mut self, f: impl FnOnce(Meta, &[u8]) -> R) -> Result<Option<R>, Error> {
        // The only error is that there is nothing.
        Ok(self.socket.recv().ok().map(|(bytes, metadata)| {
            let (from, to) = (SocketAddr::from(metadata.endpoint), metadata.local_address.map(IpAddr::from));
            f(Meta { from, to }, bytes)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::{CLIENT, Network, SERVER, udp_socket};
    use mutoscope::time::Duration;
    use smoltcp::iface::SocketHandle;
    use std::net::SocketAddr;
    use std::vec::Vec;

    const MTU: usize = 1500;

    struct Pair {
        network: Network,
        server: SocketHandle,
        client: SocketHandle,
    }

    impl Pair {
        fn new(packets: usize, bytes: usize) -> Self {
            let mut network = Network::new(1);
            let server = network.server.sockets.add(udp_socket(6970, packets, bytes));
            let client = network.client.sockets.add(udp_socket(5000, 16, 16_384));
            Self { network, server, client }
        }

        fn ours(&mut self) -> UdpSocket<'_, 'static> {
            UdpSocket::new(self.network.server.sockets.get_mut(self.server), MTU)
        }

        fn theirs(&mut self) -> Vec<Vec<u8>> {
            self.network.run_for(Duration::from_millis(100));
            let socket = self.network.client.sockets.get_mut::<Socket<'_>>(self.client);
            std::iter::from_fn(|| socket.recv().ok().map(|(bytes, _)| bytes.to_vec())).collect()
        }
    }

    fn to() -> SocketAddr {
        SocketAddr::new(CLIENT, 5000)
    }

    #[test]
    fn segments_arrive_as_one_datagram() {
        let mut pair = Pair::new(4, 4096);
        assert_eq!(pair.ours().send(&Transmit::one(to(), &[b"head", b"", b"payload"])), Ok(1));
        assert_eq!(pair.ours().send(&Transmit::one(to(), &[])), Ok(1));
        assert_eq!(pair.theirs(), [b"headpayload".to_vec(), Vec::new()]);
    }

    #[test]
    fn received_bytes_are_lent_with_their_sender() {
        let mut pair = Pair::new(4, 4096);
        let client = pair.client;
        let socket = pair.network.client.sockets.get_mut::<Socket<'_>>(client);
        socket.send_slice(b"report", (IpAddress::from(SERVER), 6970)).unwrap();
        pair.network.run_for(Duration::from_millis(100));
        let meta = Meta { from: to(), to: Some(SERVER) };
        assert_eq!(pair.ours().recv(|meta, bytes| (meta, bytes.to_vec())), Ok(Some((meta, b"report".to_vec()))));
        assert_eq!(pair.ours().recv(|_, _| ()), Ok(None));
    }

    #[test]
    fn a_datagram_leaves_from_the_address_it_was_given() {
        let mut pair = Pair::new(4, 4096);
        let second = IpAddress::v4(10, 0, 0, 9);
        let interface = &mut pair.network.server.interface;
        interface.update_ip_addrs(|addresses| addresses[1] = smoltcp::wire::IpCidr::new(second, 24));
        let ipv6 = IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, 1]);
        for from in [None, Some(second.into()), Some(ipv6)] {
            assert_eq!(pair.ours().send(&Transmit { from, ..Transmit::one(to(), &[b"x"]) }), Ok(1));
            pair.network.run_for(Duration::from_millis(100));
            let socket = pair.network.client.sockets.get_mut::<Socket<'_>>(pair.client);
            let sender = socket.recv().unwrap().1.endpoint.addr;
            assert_eq!(sender, if from == Some(second.into()) { second } else { SERVER.into() }, "{from:?}");
        }
    }

    #[test]
    fn a_full_ring_refuses_and_keeps_what_it_has() {
        let mut pair = Pair::new(2, 4096);
        let sent: Vec<usize> = (0..4).map(|n| pair.ours().send(&Transmit::one(to(), &[&[n; 8]])).unwrap()).collect();
        assert_eq!(sent, [1, 1, 0, 0]);
        assert_eq!(pair.theirs(), [[0; 8], [1; 8]]);
        assert_eq!(pair.ours().send(&Transmit::one(to(), &[b"again"])), Ok(1));
    }

    #[test]
    fn a_ring_without_one_large_gap_is_full_and_not_broken() {
        let mut pair = Pair::new(8, 1000);
        assert_eq!(pair.ours().send(&Transmit::one(to(), &[&[1; 600]])), Ok(1));
        assert!(pair.network.server.sockets.get::<Socket<'_>>(pair.server).can_send());
        assert_eq!(pair.ours().send(&Transmit::one(to(), &[&[2; 600]])), Ok(0));
    }

    #[test]
    fn an_empty_ring_takes_a_datagram_of_its_whole_size_wherever_it_was_read_up_to() {
        let mut pair = Pair::new(8, 1000);
        for len in [300, 1000, 501, 999, 2, 1000] {
            assert_eq!(pair.ours().send(&Transmit::one(to(), &[&[7; 1000][..len]])), Ok(1), "{len}");
            assert_eq!(pair.theirs(), [[7].repeat(len)]);
        }
    }

    #[test]
    fn what_can_never_be_sent_is_an_error_and_not_a_reason_to_wait() {
        let mut pair = Pair::new(8, 4096);
        let none = SocketAddr::new(CLIENT, 0);
        assert_eq!(pair.ours().send(&Transmit::one(none, &[b"x"])), Err(Error::Unaddressable));
        assert_eq!(pair.ours().send(&Transmit::one(to(), &[&[0; 1472]])), Ok(1));
        assert_eq!(pair.ours().send(&Transmit::one(to(), &[&[0; 1400], &[0; 73]])), Err(Error::TooLong));
        let ipv6 = SocketAddr::new([0xfe80, 0, 0, 0, 0, 0, 0, 1].into(), 5000);
        assert_eq!(pair.ours().send(&Transmit::one(ipv6, &[&[0; 1453]])), Err(Error::TooLong));
        let mut tiny = Pair::new(8, 100);
        assert_eq!(tiny.ours().send(&Transmit::one(to(), &[&[0; 101]])), Err(Error::TooLong));
        let mut without_slots = Pair::new(0, 100);
        assert_eq!(without_slots.ours().send(&Transmit::one(to(), &[b"x"])), Err(Error::TooLong));
    }
}
