//! Networks that are let in or kept out.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Which addresses are let in: those of the allowed networks, all where none is named, but never those of the denied ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    allowed: Vec<IpNet>,
    denied: Vec<IpNet>,
}

impl Networks {
    /// These networks.
    pub fn new(allowed: impl IntoIterator<Item = IpNet>, denied: impl IntoIterator<Item = IpNet>) -> Self {
        Self { allowed: allowed.into_iter().collect(), denied: denied.into_iter().collect() }
    }

    /// Networks as people write them, such as `10.0.0.0/8`, or an address alone.
    ///
    /// # Errors
    /// What is wrong with one of them, in words.
    pub fn parse<'a>(
        allowed: impl IntoIterator<Item = &'a str>,
        denied: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, String> {
        let allowed = allowed.into_iter().map(parse_network).collect::<Result<_, _>>()?;
        Ok(Self { allowed, denied: denied.into_iter().map(parse_network).collect::<Result<_, _>>()? })
    }

    /// Whether an address is let in.
    pub fn let_in(&self, address: IpAddr) -> bool {
        !contain(&self.denied, address) && (self.allowed.is_empty() || contain(&self.allowed, address))
    }

    /// Those that both let in.
    pub(super) fn and(&self, other: &Self) -> Self {
        let within = |one: &[IpNet], other: &[IpNet]| -> Vec<IpNet> {
            one.iter().filter(|net| other.iter().any(|wide| wide.contains(*net))).copied().collect()
        };
        let mut denied = [self.denied.as_slice(), &other.denied].concat();
        let mut allowed = match (self.allowed.as_slice(), other.allowed.as_slice()) {
            ([], all) | (all, []) => all.to_vec(),
            // Of two networks, one is within the other, or they have nothing in common.
            (one, other) => [within(one, other), within(other, one)].concat(),
        };
        if allowed.is_empty() && self.are_few() {
            // Without any it would be all of them.
            allowed.clone_from(&self.allowed);
            denied.extend([IpNet::from(Ipv4Net::default()), Ipv6Net::default().into()]);
        }
        Self { allowed, denied }
    }

    /// Whether only some are let in.
    pub fn are_few(&self) -> bool {
        !self.allowed.is_empty()
    }

    /// Whether all are let in.
    pub fn are_all(&self) -> bool {
        self.allowed.is_empty() && self.denied.is_empty()
    }
}

/// Whether one of the networks has the address. IPv4 is the same whether or not it came over a socket of IPv6.
pub(crate) fn contain(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

/// A network as people write it: `10.0.0.0/8`, or an address alone.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse_network(text: &str) -> Result<IpNet, String> {
    let network =
        written(text).ok_or_else(|| format!("{text:?} is neither a network, such as 10.0.0.0/8, nor an address"))?;
    if network.trunc() != network {
        return Err(format!("{text:?} names a host within its network: did you mean {}?", network.trunc()));
    }
    Ok(network)
}

/// Numbers that begin with a zero mean one thing to some programs and another one to others, so they mean nothing here.
fn written(text: &str) -> Option<IpNet> {
    let (base, len) = text.split_once('/').map_or((text, None), |(base, len)| (base, Some(len)));
    let base: IpAddr = base.parse().ok()?;
    let Some(len) = len else { return Some(base.to_canonical().into()) };
    let is_plain = len == "0" || (len.bytes().all(|byte| byte.is_ascii_digit()) && !len.starts_with('0'));
    let len: u8 = len.parse().ok().filter(|_| is_plain)?;
    // Addresses of IPv4 are compared as such, however they came.
    match (base, base.to_canonical(), len.checked_sub(96)) {
        (IpAddr::V6(_), canonical @ IpAddr::V4(_), Some(len)) => IpNet::new(canonical, len).ok(),
        _ => IpNet::new(base, len).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(allowed: &[&str], denied: &[&str]) -> Networks {
        Networks::parse(allowed.iter().copied(), denied.iter().copied()).unwrap()
    }

    #[test]
    fn the_denied_are_kept_out_of_the_allowed() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let home = networks(&["10.0.0.0/8", "::1", "fd00::/8"], &["10.1.0.0/16", "10.2.2.2"]);
        for (text, expected) in [
            ("10.0.0.1", true),
            ("::ffff:10.0.0.1", true),
            ("10.1.0.1", false),
            ("10.2.2.2", false),
            ("10.2.2.3", true),
            ("11.0.0.1", false),
            ("::1", true),
            ("fd12::7", true),
            ("fe80::1", false),
        ] {
            assert_eq!(home.let_in(address(text)), expected, "{text}");
        }
        assert!(networks(&[], &["10.0.0.0/8"]).let_in(address("192.0.2.1")));
        assert!(!networks(&[], &["10.0.0.0/8"]).let_in(address("::ffff:10.9.9.9")));
        assert!(Networks::default().let_in(address("::1")) && !Networks::default().are_few() && home.are_few());
    }

    #[test]
    fn two_let_in_what_both_let_in() {
        let lists: [(&[&str], &[&str]); 5] = [
            (&[], &[]),
            (&["10.0.0.0/8", "::1"], &["10.2.0.0/16"]),
            (&["10.1.0.0/16"], &[]),
            (&["192.0.2.0/24", "10.0.0.0/8"], &["10.1.1.0/24"]),
            (&[], &["10.1.0.7"]),
        ];
        let addresses = ["10.1.0.1", "10.1.0.7", "10.1.1.1", "10.2.0.1", "10.9.9.9", "192.0.2.1", "::1", "fd00::1"];
        let lists = lists.map(|(allowed, denied)| networks(allowed, denied));
        for (one, other) in lists.iter().flat_map(|one| lists.iter().map(move |other| (one, other))) {
            let both = one.and(other);
            for address in addresses.map(|address| address.parse().unwrap()) {
                let expected = one.let_in(address) && other.let_in(address);
                assert_eq!(both.let_in(address), expected, "{address} by {one:?} and {other:?}");
            }
            assert_eq!(both.are_few(), one.are_few() || other.are_few());
        }
    }

    #[test]
    fn networks_of_ipv4_are_the_same_in_the_form_of_ipv6() {
        for (text, expected) in [("::ffff:10.0.0.0/104", "10.0.0.0/8"), ("::ffff:10.0.0.7", "10.0.0.7/32")] {
            assert_eq!(parse_network(text).unwrap().to_string(), expected);
            let kept_out = networks(&[], &[text]);
            assert!(!kept_out.let_in("10.0.0.7".parse().unwrap()) && kept_out.let_in("::1".parse().unwrap()), "{text}");
        }
        assert_eq!(parse_network("::/0").unwrap().to_string(), "::/0");
    }

    #[test]
    fn what_is_no_network_is_said_in_words() {
        assert!(parse_network("10.0.0.0/33").unwrap_err().contains("neither a network"));
        for text in
            ["home", "", "/8", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/08", "010.0.0.0/8", "10.0.0.01", "10/8", " ::1"]
        {
            assert!(parse_network(text).unwrap_err().contains("neither a network"), "{text:?}");
        }
        assert_eq!(
            parse_network("10.0.0.7/8").unwrap_err(),
            "\"10.0.0.7/8\" names a host within its network: did you mean 10.0.0.0/8?"
        );
    }
}
