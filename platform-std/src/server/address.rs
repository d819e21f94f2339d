//! Where a server listens, and the URLs that players find it by.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

use mutoscope::session::server::MAX_URI_LEN;

use super::Error;

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
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let unknown = |error| Error::Resolve(host.to_owned(), error);
    let found: Vec<SocketAddr> = (bare, port).to_socket_addrs().map_err(|error| unknown(Some(error)))?.collect();
    let preferred = found.iter().find(|address| address.is_ipv4()).or(found.first());
    preferred.copied().ok_or_else(|| unknown(None))
}

/// The URL of the medium `name` on a server that listens at `address`. Where that is all addresses of the machine, the URL has
/// one of them that players can use.
pub fn url(address: SocketAddr, name: &str) -> String {
    let address = SocketAddr::new(usable(address.ip()), address.port());
    format!("rtsp://{address}/{}", percent_encode(name))
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

/// A name as a URL's path segment (RFC 3986 section 3.3).
fn percent_encode(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_path_segments() {
        assert_eq!(percent_encode("movie.Mjpeg"), "movie.Mjpeg");
        assert_eq!(percent_encode("a b/ü?%#.mjpg"), "a%20b%2F%C3%BC%3F%25%23.mjpg");
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
    fn an_unspecified_address_is_not_offered_to_players() {
        for listening in [IpAddr::from(Ipv4Addr::UNSPECIFIED), Ipv6Addr::UNSPECIFIED.into()] {
            assert!(!usable(listening).is_unspecified());
        }
        assert_eq!(usable(Ipv4Addr::LOCALHOST.into()), Ipv4Addr::LOCALHOST);
    }
}
