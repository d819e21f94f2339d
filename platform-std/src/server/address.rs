//! Where a server listens, and the URLs that players find it by.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

use mutoscope::session::server::MAX_URI_LEN;

use super::{Error, Listeners};

/// A player adds this to a medium's URL in SETUP.
const TRACK: &str = "/trackID=0";

/// The longest URL of a medium that a request can name, in bytes. Only clients of the classic lab, which send the bare name,
/// play what has a longer one. A name in another script than Latin becomes three times as long in a URL.
pub const MAX_URL_LEN: usize = MAX_URI_LEN - TRACK.len();

/// The address of `host`, which may be an address, one in brackets, or a name. IPv4 where a name has both: that is what most
/// players try first.
///
/// # Errors
/// [`Error::Resolve`] where `host` means no address.
pub fn resolve(host: &str, port: u16) -> Result<SocketAddr, Error> {
    let found = resolve_all(host, port)?;
    let preferred = found.iter().find(|address| address.is_ipv4()).or(found.first());
    preferred.copied().ok_or_else(|| Error::Resolve(host.to_owned(), None))
}

/// All addresses of `host`, one at least.
fn resolve_all(host: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let unknown = |error| Error::Resolve(host.to_owned(), error);
    let found: Vec<SocketAddr> = (bare, port).to_socket_addrs().map_err(|error| unknown(Some(error)))?.collect();
    if found.is_empty() { Err(unknown(None)) } else { Ok(found) }
}

/// One address to listen at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The host that was asked for.
    pub(super) host: String,
    pub(super) address: SocketAddr,
    /// A name stands for it and for others, so that it need not be this machine's.
    pub(super) may_be_missing: bool,
}

impl Place {
    /// The addresses of all `hosts`, each once, and without those that another one includes.
    pub(super) fn of_all(hosts: &[String], port: u16) -> Result<Vec<Self>, Error> {
        let mut places: Vec<Self> = Vec::new();
        for host in hosts {
            for place in Self::of(host, port)? {
                if !places.iter().any(|other| other.address == place.address) {
                    places.push(place);
                }
            }
        }
        Ok(Self::without_included(places))
    }

    /// Those of listeners that are open, each address once.
    pub(super) fn of_listeners(listeners: &Listeners) -> Vec<Self> {
        let mut places: Vec<Self> = Vec::new();
        for mut address in listeners.addresses() {
            address.set_port(0);
            if !places.iter().any(|other| other.address == address) {
                places.push(Self { host: address.ip().to_string(), address, may_be_missing: false });
            }
        }
        Self::without_included(places)
    }

    /// Whether who listens here hears what comes to `address`, too.
    pub(super) fn includes(&self, address: IpAddr) -> bool {
        match self.address.ip() {
            own if own == address => true,
            IpAddr::V6(own) => own.is_unspecified(),
            IpAddr::V4(own) => own.is_unspecified() && address.is_ipv4(),
        }
    }

    fn without_included(mut places: Vec<Self>) -> Vec<Self> {
        let everywhere = |address: IpAddr| places.iter().any(|place| place.address.ip() == address);
        let (v4, v6) = (everywhere(Ipv4Addr::UNSPECIFIED.into()), everywhere(Ipv6Addr::UNSPECIFIED.into()));
        // `[::]` takes IPv4 as well.
        places.retain(|place| match place.address.ip() {
            IpAddr::V6(address) => address.is_unspecified() || !v6,
            IpAddr::V4(address) => !v6 && (address.is_unspecified() || !v4),
        });
        places
    }

    /// What is opened at each of these places. A name may stand for an address that this machine does not have: one of IPv6, say, where
    /// that is off. Such a one is left out, but not all of them. `open` also gets what was opened first.
    pub(super) fn open_all<T>(
        places: &[Self],
        mut open: impl FnMut(&Self, Option<&T>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let (mut all, mut missing) = (Vec::new(), None);
        for place in places {
            match open(place, all.first()) {
                Ok(opened) => all.push(opened),
                Err(Error::Listen { host, address, error }) if place.may_be_missing && is_missing(&error) => {
                    log::debug!("{host} has the address {}, which is not this machine's", address.ip());
                    missing = Some(Error::Listen { host, address, error });
                }
                Err(error) => return Err(error),
            }
        }
        match missing {
            Some(error) if all.is_empty() => Err(error),
            _ => Ok(all),
        }
    }

    fn of(host: &str, port: u16) -> Result<Vec<Self>, Error> {
        let mut addresses = if host.eq_ignore_ascii_case("localhost") {
            // Whatever the system's list of hosts says (RFC 6761 section 6.3): players may try either first.
            vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]
        } else {
            resolve_all(host, port)?
        };
        // The first one is in the URLs.
        addresses.sort_by_key(SocketAddr::is_ipv6);
        addresses.dedup();
        let may_be_missing = addresses.len() > 1;
        Ok(addresses.into_iter().map(|address| Self { host: host.to_owned(), address, may_be_missing }).collect())
    }
}

/// Whether there is no such address here, or none of its family.
pub(super) fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
        || matches!(error.raw_os_error(), Some(nix::libc::EAFNOSUPPORT | nix::libc::EPROTONOSUPPORT))
}

/// The URL of the medium `name` on a server that listens at `address`. Where that is all addresses of the machine, the URL has
/// one of them that players can use.
pub fn url(address: SocketAddr, name: &str) -> String {
    url_of("rtsp", address, name)
}

/// The same with a scheme.
pub(crate) fn url_of(scheme: &str, address: SocketAddr, name: &str) -> String {
    let address = SocketAddr::new(usable(address.ip()), address.port());
    format!("{scheme}://{address}/{}", percent_encode(name))
}

/// The name that this machine has by itself; empty where it has none.
#[cfg(any(feature = "announce", feature = "http", feature = "tls"))]
pub(crate) fn machine_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
}

/// The names and addresses that a certificate for a server at `places` has to be good for.
#[cfg(feature = "tls")]
pub(super) fn names_at(places: &[Place]) -> Vec<String> {
    let own = ["localhost", "127.0.0.1", "::1", &machine_name()].map(str::to_owned);
    let at = places.iter().flat_map(|place| [place.host.clone(), usable(place.address.ip()).to_string()]);
    let mut names: Vec<String> = Vec::new();
    for name in own.into_iter().chain(at) {
        let bare = name.trim_matches(['[', ']']).split('%').next().unwrap_or_default();
        let is_of_use = match bare.parse::<IpAddr>() {
            Ok(address) => !address.is_unspecified(),
            Err(_) => {
                !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
            }
        };
        if is_of_use && !names.iter().any(|known| known == bare) {
            names.push(bare.to_owned());
        }
    }
    names
}

/// An address for URLs where the server listens on all of them: the one that packets to elsewhere would come from.
fn usable(listening: IpAddr) -> IpAddr {
    if !listening.is_unspecified() {
        return listening;
    }
    let address_towards = |from: IpAddr, to: IpAddr| -> io::Result<IpAddr> {
        // Connecting a UDP socket chooses a route and sends nothing. The destinations are documentation addresses.
        let probe = std::net::UdpSocket::bind((from, 0))?;
        probe.connect((to, 9))?;
        Ok(probe.local_addr()?.ip())
    };
    let elsewhere_v4 = Ipv4Addr::new(192, 0, 2, 1).into();
    let elsewhere_v6 = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into();
    address_towards(Ipv4Addr::UNSPECIFIED.into(), elsewhere_v4)
        .or_else(|error| match listening {
            IpAddr::V6(_) => address_towards(Ipv6Addr::UNSPECIFIED.into(), elsewhere_v6),
            IpAddr::V4(_) => Err(error),
        })
        .unwrap_or(Ipv4Addr::LOCALHOST.into())
}

/// A name as the path of a URL (RFC 3986 section 3.3). Slashes stand between its segments, as they do in names of what other machines
/// and recordings have.
pub fn percent_encode(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => encoded.push(byte.into()),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_paths() {
        assert_eq!(percent_encode("movie.Mjpeg"), "movie.Mjpeg");
        assert_eq!(percent_encode("a b/ü?%#.mjpg"), "a%20b/%C3%BC%3F%25%23.mjpg");
    }

    #[test]
    fn a_url_has_the_address_that_the_server_listens_at() {
        let address = "[::1]:8554".parse().unwrap();
        assert_eq!(url(address, "a b"), "rtsp://[::1]:8554/a%20b");
    }

    #[test]
    fn hosts_resolve_with_and_without_brackets() {
        assert_eq!(resolve("127.0.0.1", 5).unwrap(), "127.0.0.1:5".parse().unwrap());
        assert_eq!(resolve("[::1]", 5).unwrap(), "[::1]:5".parse().unwrap());
        assert!(matches!(resolve("no such host", 5), Err(Error::Resolve(host, _)) if host == "no such host"));
    }

    #[test]
    fn several_hosts_are_several_addresses_each_once_and_none_that_another_one_includes() {
        let places = |hosts: &[&str]| -> Vec<String> {
            let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
            let places = Place::of_all(&hosts, 7).unwrap();
            places.iter().map(|place| place.address.ip().to_string()).collect()
        };
        for (hosts, expected) in [
            (&["127.0.0.1"][..], &["127.0.0.1"][..]),
            (&["localhost"], &["127.0.0.1", "::1"]),
            (&["127.0.0.1", "localhost", "::1"], &["127.0.0.1", "::1"]),
            (&["127.0.0.2", "[::1]", "127.0.0.2"], &["127.0.0.2", "::1"]),
            (&["127.0.0.2", "0.0.0.0", "::1"], &["0.0.0.0", "::1"]),
            (&["0.0.0.0", "::1", "::"], &["::"]),
        ] {
            assert_eq!(places(hosts), expected, "{hosts:?}");
        }
        assert!(matches!(Place::of_all(&["::1".into(), "no such host".into()], 5), Err(Error::Resolve(..))));
        let optional =
            |host: &str| Place::of(host, 5).unwrap().iter().map(|place| place.may_be_missing).collect::<Vec<_>>();
        assert_eq!((optional("localhost"), optional("::1")), (vec![true, true], vec![false]));
    }

    #[test]
    fn an_unspecified_address_is_not_offered_to_players() {
        for listening in [IpAddr::from(Ipv4Addr::UNSPECIFIED), Ipv6Addr::UNSPECIFIED.into()] {
            assert!(!usable(listening).is_unspecified());
        }
        assert_eq!(usable(Ipv4Addr::LOCALHOST.into()), Ipv4Addr::LOCALHOST);
    }
}
