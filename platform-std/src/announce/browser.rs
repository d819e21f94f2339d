//! What others tell of themselves.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use mdns_sd::{Receiver, ResolvedService, ServiceEvent};

use super::{Daemon, Error, HTTP, PATH, RTSP, label};

/// So many are remembered: strangers may tell of any number.
const MOST_HEARD: usize = 256;

/// A stream that somebody told of, or a server whose streams nobody told of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Heard {
    /// What it is called. A stranger may have chosen that; it is one line, without control characters.
    pub name: String,
    /// Where it is said to be. It has an address, so that no name has to be looked up.
    pub url: String,
}

/// Hears servers of the local network, until this is dropped.
pub struct Browser {
    daemon: Daemon,
    streams: Ear<Heard>,
    /// The pages of our servers, where they are listened for.
    pages: Option<Ear<SocketAddr>>,
}

impl std::fmt::Debug for Browser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Browser").field("heard", &self.streams.heard).finish_non_exhaustive()
    }
}

/// Begins to listen for servers that announce themselves as `_rtsp._tcp`, whoever made them, and asks for them.
///
/// # Errors
/// [`Error::System`].
pub fn browse() -> Result<Browser, Error> {
    Browser::within(Daemon::new()?)
}

impl Browser {
    pub(super) fn within(daemon: Daemon) -> Result<Self, Error> {
        let streams = Ear::open(&daemon, RTSP, heard)?;
        Ok(Self { daemon, streams, pages: None })
    }

    /// The same, and for the pages of our servers.
    ///
    /// # Errors
    /// [`Error::System`].
    pub fn with_pages(mut self) -> Result<Self, Error> {
        self.pages = Some(Ear::open(&self.daemon, HTTP, page)?);
        Ok(self)
    }

    /// Those that are there, as far as they have been heard, by their names. It does not wait: answers take up to a second.
    pub fn heard(&mut self) -> Vec<Heard> {
        self.streams.all(&self.daemon)
    }

    /// Where the pages of our servers are, which know of all their streams ([`offers`](super::offers())); none without
    /// [`with_pages`](Self::with_pages). It does not wait.
    pub fn pages(&mut self) -> Vec<SocketAddr> {
        self.pages.as_mut().map(|pages| pages.all(&self.daemon)).unwrap_or_default()
    }
}

/// Hears services of one kind.
struct Ear<T> {
    kind: &'static str,
    /// What is made of a service; `None`: it is nothing for us.
    read: fn(&ResolvedService) -> Option<T>,
    events: Receiver<ServiceEvent>,
    heard: BTreeMap<String, T>,
}

impl<T: Clone + Ord> Ear<T> {
    fn open(daemon: &Daemon, kind: &'static str, read: fn(&ResolvedService) -> Option<T>) -> Result<Self, Error> {
        Ok(Self { kind, read, events: daemon.0.browse(kind)?, heard: BTreeMap::new() })
    }

    fn all(&mut self, daemon: &Daemon) -> Vec<T> {
        while let Ok(event) = self.events.try_recv() {
            self.take(event);
        }
        // There was more than anybody had asked for in time.
        if self.events.is_disconnected()
            && let Ok(events) = daemon.0.browse(self.kind)
        {
            self.events = events;
        }
        let mut all: Vec<_> = self.heard.values().cloned().collect();
        all.sort();
        all
    }

    fn take(&mut self, event: ServiceEvent) {
        match event {
            ServiceEvent::ServiceResolved(service) => {
                let is_new = !self.heard.contains_key(&service.fullname);
                match (self.read)(&service) {
                    Some(_) if is_new && self.heard.len() >= MOST_HEARD => {}
                    Some(heard) => _ = self.heard.insert(service.fullname, heard),
                    None => _ = self.heard.remove(&service.fullname),
                }
            }
            ServiceEvent::ServiceRemoved(_, name) => _ = self.heard.remove(&name),
            _ => {}
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.daemon.0.shutdown();
    }
}

/// `None`: it is nowhere that can be reached.
fn heard(service: &ResolvedService) -> Option<Heard> {
    let addresses = service.addresses.iter().map(mdns_sd::ScopedIp::to_ip_addr);
    let address = best(addresses)?;
    let path = service.get_property(PATH).and_then(|property| property.val()).unwrap_or_default();
    Some(Heard {
        name: label::of_instance(&service.fullname, RTSP),
        url: url(SocketAddr::new(address, service.port), path)?,
    })
}

/// Printers have pages, too: only those are taken whose machine is called as our servers call it.
fn page(service: &ResolvedService) -> Option<SocketAddr> {
    let is_ours = service.host.to_ascii_lowercase().starts_with(label::HOST);
    let address = best(service.addresses.iter().map(mdns_sd::ScopedIp::to_ip_addr))?;
    (is_ours && service.port != 0).then(|| SocketAddr::new(address, service.port))
}

/// The one that most clients can reach: of IPv4 before IPv6. One that is good for one link only has to be told together with that link.
fn best(addresses: impl Iterator<Item = IpAddr>) -> Option<IpAddr> {
    let is_usable = |address: &IpAddr| match address {
        IpAddr::V4(address) => !address.is_unspecified() && !address.is_multicast(),
        IpAddr::V6(address) => !address.is_unspecified() && !address.is_multicast() && !address.is_unicast_link_local(),
    };
    addresses.filter(is_usable).min()
}

/// The path is a stranger's: what is no path of a URL is not taken.
pub(super) fn url(place: SocketAddr, path: &[u8]) -> Option<String> {
    if place.port() == 0 {
        return None;
    }
    let path = std::str::from_utf8(path).ok().filter(|path| path.bytes().all(|byte| byte.is_ascii_graphic()))?;
    Some(format!("rtsp://{place}/{}", path.strip_prefix('/').unwrap_or(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_answer_becomes_a_url_or_nothing() {
        let place: SocketAddr = "192.0.2.7:554".parse().unwrap();
        let of = |path: &[u8]| url(place, path);
        assert_eq!(of(b"/a%20b").as_deref(), Some("rtsp://192.0.2.7:554/a%20b"));
        assert_eq!(of(b"cam?x=1").as_deref(), Some("rtsp://192.0.2.7:554/cam?x=1"));
        assert_eq!(of(b"").as_deref(), Some("rtsp://192.0.2.7:554/"));
        assert_eq!(of(b"@elsewhere/").as_deref(), Some("rtsp://192.0.2.7:554/@elsewhere/"));
        for path in [&b"/a b"[..], b"/a\r\nTEARDOWN", b"/\xFF", b"/\x1b[2J"] {
            assert_eq!(of(path), None);
        }
        assert_eq!(url("192.0.2.7:0".parse().unwrap(), b"/a"), None);
        assert_eq!(url("[fd00::7]:554".parse().unwrap(), b"/a").as_deref(), Some("rtsp://[fd00::7]:554/a"));
    }

    #[test]
    fn the_address_is_one_that_can_be_reached() {
        let of = |addresses: &[&str]| best(addresses.iter().map(|text| text.parse().unwrap()));
        assert_eq!(of(&["fd00::2", "fe80::1", "192.0.2.7"]), "192.0.2.7".parse().ok());
        assert_eq!(of(&["fe80::1", "fd00::2"]), "fd00::2".parse().ok());
        assert_eq!(of(&["fe80::1", "224.0.0.1", "0.0.0.0"]), None);
    }
}
