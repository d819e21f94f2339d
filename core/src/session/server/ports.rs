//! To which ports media may go. They go to the client's own address only, but behind one address there may be many machines, and a
//! service that answers whoever sends it something would be made to answer us.

/// Services with ports above the privileged ones that answer a small packet with many bytes, and so have been used for floods: SSDP,
/// WS-Discovery, mDNS, CoAP and memcached.
const AMPLIFIERS: [u16; 5] = [1900, 3702, 5353, 5683, 11_211];

/// Whether a viewer may name this port. Ports below 1024 are those of the system's services: DNS, NTP, TFTP, SNMP, LDAP and others.
/// Where a viewer's own datagram comes from such a port all the same, media go there: then it is a viewer.
pub(super) fn may_take_media(port: u16) -> bool {
    port >= 1024 && !AMPLIFIERS.contains(&port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_go_to_no_port_of_a_service() {
        for port in [0, 1, 19, 53, 123, 161, 389, 1023, 1900, 3702, 5353, 5683, 11_211] {
            assert!(!may_take_media(port), "{port}");
        }
        // What players and the lab's client use.
        for port in [1024, 5000, 6970, 25_000, 32_578, 49_152, 65_535] {
            assert!(may_take_media(port), "{port}");
        }
    }
}
