//! The target of networks that are let in or kept out: the decision is that of plain arithmetic on addresses.

use super::Cursor;
use mutoscope_std::guard::Networks;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Pieces of networks.
pub const WORDS: &[&str] =
    &["10.0.0.0/8", "127.0.0.1", "::1", "fd00::/8", "::ffff:10.0.0.0/104", "/0", "/32", "/128", "-", "\n", "::"];

/// The first 16 bytes are an address; each line behind them is a network that is allowed, or denied where a minus stands before it.
pub fn networks(data: &[u8]) {
    let mut input = Cursor(data);
    let octets: [u8; 16] = input.array();
    let Ok(text) = std::str::from_utf8(input.0) else { return };
    let (denied, allowed): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with('-'));
    let denied = || denied.iter().map(|line| &line[1..]);
    let Ok(networks) = Networks::parse(allowed.iter().copied(), denied()) else { return };
    assert_eq!(networks.are_few(), !allowed.is_empty());
    let [a, b, c, d, ..] = octets;
    for address in [IpAddr::V6(Ipv6Addr::from(octets)), IpAddr::V4(Ipv4Addr::new(a, b, c, d))] {
        let is_denied = denied().any(|line| has(line, address));
        let is_allowed = allowed.is_empty() || allowed.iter().any(|line| has(line, address));
        assert_eq!(networks.let_in(address), is_allowed && !is_denied, "{address} by {text:?}");
        if let IpAddr::V4(v4) = address {
            assert_eq!(networks.let_in(v4.to_ipv6_mapped().into()), networks.let_in(address), "{address} by {text:?}");
        }
    }
}

/// Whether the network that is written like this has the address. IPv4 and IPv6 are different networks, and IPv4 in the form of IPv6
/// is IPv4.
fn has(network: &str, address: IpAddr) -> bool {
    let (base, len) = network.split_once('/').map_or((network, None), |(base, len)| (base, Some(len)));
    let base: IpAddr = base.parse().expect("it was parsed");
    let bits = if base.is_ipv4() { 32 } else { 128 };
    let len: u32 = len.map_or(bits, |len| len.parse().expect("it was parsed"));
    let is_mapped = base.is_ipv6() && base.to_canonical().is_ipv4() && len >= 96;
    let mapped = |address: IpAddr| match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    };
    let is_of_v4 = base.is_ipv4() || is_mapped;
    let len = if base.is_ipv4() { len + 96 } else { len };
    let differs = mapped(base).to_bits() ^ mapped(address).to_bits();
    is_of_v4 == address.to_canonical().is_ipv4() && differs.checked_shr(128 - len).unwrap_or(0) == 0
}

/// Lists as people write them.
pub fn networks_seeds() -> Vec<Vec<u8>> {
    let mapped = Ipv4Addr::new(10, 1, 2, 3).to_ipv6_mapped().octets();
    let (ula, home) = ([0xfd; 16], [10; 16]);
    let texts = [
        "10.0.0.0/8\n-10.1.0.0/16",
        "::1\n127.0.0.1\nfd00::/8",
        "0.0.0.0/0\n-::/0",
        "-192.0.2.7",
        "",
        "::ffff:10.1.2.3",
        "10.01.0.0/16",
    ];
    let seed = |text: &&str| [mapped, ula, home].map(|address| [&address[..], text.as_bytes()].concat());
    texts.iter().flat_map(seed).collect()
}
