//! Addresses of one peer.

use core::net::{IpAddr, SocketAddr};

/// The two ends of a client's control connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Where the client connected from. Media goes to this host and to no other.
    pub peer: SocketAddr,
    /// The address of ours that the client connected to, where the platform tells: media over UDP leaves from it.
    pub local: Option<IpAddr>,
}

/// Another port of the same host. A link-local IPv6 address reaches nobody without its scope, which stays.
pub(crate) fn at_port(mut peer: SocketAddr, port: u16) -> SocketAddr {
    peer.set_port(port);
    peer
}

/// Whether two addresses are of one host, also where one is an IPv4 address as an IPv6 socket shows it.
pub(crate) fn is_same_host(one: SocketAddr, other: SocketAddr) -> bool {
    one.ip().to_canonical() == other.ip().to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::{Ipv6Addr, SocketAddrV6};

    #[test]
    fn media_for_a_link_local_peer_goes_out_of_the_interface_it_came_in_by() {
        let address = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);
        let peer = SocketAddrV6::new(address, 40_000, 0, 3).into();
        assert_eq!(at_port(peer, 25_000), SocketAddrV6::new(address, 25_000, 0, 3).into());
    }
}
