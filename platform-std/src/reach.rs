//! Which addresses may be connected to on behalf of somebody.

use std::io;
use std::net::{IpAddr, UdpSocket};

/// Which addresses are connected to. What a name means is seen only then, and may change, so it is asked for each connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reach {
    /// All that there are.
    #[default]
    Anywhere,
    /// Those of other machines, for whoever is no user of this one: services that listen here alone believe whoever reaches them. No
    /// address of this machine, none that is good for one link only, where clouds tell their machines' secrets, and none that means many
    /// machines.
    OtherMachines,
}

/// What is said of an address that is not.
pub(crate) const OUT_OF_REACH: &str =
    "it is an address of the server's own machine or link, and what is added while it runs comes from other machines";

impl Reach {
    /// Whether this address may be connected to.
    pub fn allows(self, address: IpAddr) -> bool {
        self == Self::Anywhere || !is_special(address.to_canonical()) && !is_own(address)
    }

    /// Why an address is not connected to.
    pub(crate) fn refusal() -> io::Error {
        io::Error::new(io::ErrorKind::PermissionDenied, OUT_OF_REACH)
    }
}

fn is_special(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            // All of 0.0.0.0/8 is this host (RFC 1122 section 3.2.1.3).
            let is_here = address.is_loopback() || address.octets()[0] == 0;
            is_here || address.is_link_local() || address.is_multicast() || address.is_broadcast()
        }
        IpAddr::V6(address) => {
            // The last IPv4 address that it may stand for (RFC 4291 section 2.5.5.1) is looked at, too.
            let embedded = address.to_ipv4().is_some_and(|address| is_special(address.into()));
            let is_here = address.is_loopback() || address.is_unspecified() || embedded;
            is_here || address.is_unicast_link_local() || address.is_multicast()
        }
    }
}

/// Only a machine's own addresses can be bound to.
fn is_own(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_machines_are_reached_and_this_one_is_not() {
        let allows = |text: &str| Reach::OtherMachines.allows(text.parse().unwrap());
        for here in [
            "127.0.0.1",
            "127.8.9.1",
            "0.0.0.0",
            "0.1.2.3",
            "::1",
            "::",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "fe80::1",
            "224.0.0.1",
            "255.255.255.255",
            "ff02::1",
        ] {
            assert!(!allows(here), "{here}");
            assert!(Reach::Anywhere.allows(here.parse().unwrap()), "{here}");
        }
        for there in ["192.0.2.7", "198.51.100.9", "2001:db8::7", "::ffff:192.0.2.7"] {
            assert!(allows(there), "{there}");
        }
    }

    #[test]
    fn an_address_of_this_machine_is_one_in_the_network_too() {
        // No packet is sent: the system only says from which address it would be.
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        if socket.connect("192.0.2.1:9").is_err() {
            return;
        }
        assert!(!Reach::OtherMachines.allows(socket.local_addr().unwrap().ip()));
    }
}
