//! Which addresses are in a network of this machine: whoever is answered elsewhere may be somebody who never asked.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;
use nix::net::if_::{InterfaceFlags, if_nametoindex};

/// An address of this machine. An interface may have several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interface {
    pub(super) index: u32,
    pub(super) name: String,
    pub(super) address: Ipv4Addr,
    /// Bits of its network.
    pub(super) prefix: u8,
    /// Zeros: it has none.
    pub(super) hardware: [u8; 6],
}

/// Those that are up, with their IPv4 addresses.
pub(super) fn interfaces() -> Vec<Interface> {
    let all: Vec<_> = nix::ifaddrs::getifaddrs().into_iter().flatten().collect();
    let hardware = |name: &str| {
        let mut links = all.iter().filter(|it| it.interface_name == name);
        links.find_map(|it| it.address.as_ref()?.as_link_addr()?.addr()).unwrap_or_default()
    };
    let interface = |it: &nix::ifaddrs::InterfaceAddress| {
        let address = it.address.as_ref()?.as_sockaddr_in()?.ip();
        let mask = it.netmask.as_ref()?.as_sockaddr_in()?.ip();
        let name = it.interface_name.clone();
        let (index, hardware) = (if_nametoindex(name.as_str()).ok()?, hardware(&name));
        Some(Interface { index, name, address, prefix: mask.to_bits().leading_ones() as u8, hardware })
    };
    all.iter().filter(|it| it.flags.contains(InterfaceFlags::IFF_UP)).filter_map(interface).collect()
}

/// The address that this machine has in the network of `peer`, where a packet of that one came in from that network. Others can write
/// whatever sender they like into a packet, but routers do not let in those that have an address of the network behind them, and a packet that
/// came in elsewhere shows it here.
pub(super) fn near(interfaces: &[Interface], peer: IpAddr, came_in_at: u32) -> Option<Ipv4Addr> {
    let IpAddr::V4(peer) = peer.to_canonical() else { return None };
    let has = |it: &&Interface| {
        let network = Ipv4Net::new(it.address, it.prefix).ok().filter(|network| network.prefix_len() > 0);
        // Neither the network's own address nor the one of all in it is anybody.
        let is_somebody =
            |network: &Ipv4Net| network.prefix_len() > 30 || (peer != network.network() && peer != network.broadcast());
        it.index == came_in_at && network.is_some_and(|network| network.contains(&peer) && is_somebody(&network))
    };
    interfaces.iter().find(has).map(|it| it.address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_is_in_the_network_at_which_a_packet_came_in_is_near() {
        let interface = |index, address: &str, prefix| {
            let address = address.parse().unwrap();
            Interface { index, name: format!("eth{index}"), address, prefix, hardware: [0; 6] }
        };
        let all = [interface(1, "127.0.0.1", 8), interface(2, "192.0.2.7", 24), interface(3, "10.0.0.1", 31)];
        let near = |peer: &str, at| near(&all, peer.parse().unwrap(), at).map(|address| address.to_string());
        assert_eq!(near("192.0.2.9", 2).as_deref(), Some("192.0.2.7"));
        assert_eq!(near("::ffff:192.0.2.9", 2).as_deref(), Some("192.0.2.7"));
        assert_eq!(near("127.0.0.1", 1).as_deref(), Some("127.0.0.1"));
        assert_eq!(near("10.0.0.0", 3).as_deref(), Some("10.0.0.1"));
        for (peer, at) in [
            ("192.0.3.9", 2),
            ("192.0.2.9", 1),
            ("192.0.2.9", 0),
            ("127.0.0.1", 2),
            ("192.0.2.255", 2),
            ("192.0.2.0", 2),
            ("239.255.255.250", 2),
            ("0.0.0.0", 2),
            ("fe80::1", 2),
        ] {
            assert_eq!(near(peer, at), None, "{peer} at {at}");
        }
    }

    #[test]
    fn this_machine_has_its_loopback() {
        let found = interfaces();
        assert!(found.iter().any(|it| it.address.is_loopback() && it.prefix == 8 && it.index > 0), "{found:?}");
    }
}
