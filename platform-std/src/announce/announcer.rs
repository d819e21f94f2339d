//! What a server tells of itself.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mdns_sd::{IfKind, ServiceInfo};

use super::{Daemon, Error, HTTP, PATH, RTSP, label};
use crate::server::percent_encode;

/// So many streams are told of; all packets of all machines have to bear them.
pub const MOST_STREAMS: usize = 16;
/// How long goodbye may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// A key and its value have so many bytes at the most.
const LONGEST_PROPERTY: usize = 255;

/// Tells the local network of a server, until this is dropped.
#[derive(Debug)]
pub struct Announcer {
    daemon: Daemon,
    machine: String,
    rtsp: Reach,
    /// The full names of streams that are told of, by the names that people see.
    told: BTreeMap<String, Told>,
    /// How many streams have been told of.
    number: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    full_name: String,
    path: Option<String>,
}

/// Where something can be reached.
#[derive(Clone, Debug)]
struct Reach {
    port: u16,
    /// None: at all addresses of these interfaces.
    addresses: Vec<IpAddr>,
    interfaces: Vec<IfKind>,
}

impl Announcer {
    /// For a server that answers to RTSP at `rtsp`, and to HTTP at `http`, if anywhere.
    ///
    /// # Errors
    /// [`Error::OnlyThisMachine`]: nobody else would reach it. [`Error::System`].
    pub fn new(rtsp: &[SocketAddr], http: &[SocketAddr]) -> Result<Self, Error> {
        let is_far = |place: &&SocketAddr| !place.ip().is_loopback();
        let far = |places: &[SocketAddr]| places.iter().filter(is_far).copied().collect::<Vec<_>>();
        let rtsp = Reach::of(&far(rtsp)).ok_or(Error::OnlyThisMachine)?;
        Self::within(Daemon::new()?, rtsp, Reach::of(&far(http)))
    }

    fn within(daemon: Daemon, rtsp: Reach, http: Option<Reach>) -> Result<Self, Error> {
        let announcer = Self { daemon, machine: label::machine(), rtsp, told: BTreeMap::new(), number: 0 };
        if let Some(http) = http {
            let name = label::instance("Mutoscope", &announcer.machine);
            let host = label::host(&announcer.machine, announcer.rtsp.port, None);
            announcer.register(HTTP, &name, &host, &http, Some("/"))?;
        }
        Ok(announcer)
    }

    /// At another port, and to this machine itself.
    pub(super) fn within_machine(daemon: Daemon, rtsp: SocketAddr, http: Option<SocketAddr>) -> Result<Self, Error> {
        let rtsp = Reach::of(&[rtsp]).ok_or(Error::OnlyThisMachine)?;
        Self::within(daemon, rtsp, http.and_then(|place| Reach::of(&[place])))
    }

    /// Tells of these streams, and of no others any more. Of no more than [`MOST_STREAMS`] in all; where there are none, of the server alone.
    /// Gives how many it tells of. Everybody in the network hears their names.
    ///
    /// # Errors
    /// [`Error::System`].
    pub fn tell<N: AsRef<str>>(&mut self, streams: impl IntoIterator<Item = N>) -> Result<usize, Error> {
        let mut wanted = BTreeMap::new();
        for stream in streams {
            let path = format!("/{}", percent_encode(stream.as_ref()));
            if wanted.len() < MOST_STREAMS && PATH.len() + 1 + path.len() <= LONGEST_PROPERTY {
                // Of two whose names have the same beginning, the first one.
                wanted.entry(label::instance(stream.as_ref(), &self.machine)).or_insert(Some(path));
            }
        }
        let number = wanted.len();
        if wanted.is_empty() {
            wanted.insert(label::instance("Mutoscope", &self.machine), None);
        }
        let is_gone = |name: &String, told: &Told| wanted.get(name) != Some(&told.path);
        let gone: Vec<_> = self.told.extract_if(.., |name, told| is_gone(name, told)).collect();
        for (_, told) in gone {
            self.daemon.0.unregister(&told.full_name)?;
        }
        for (name, path) in wanted {
            if !self.told.contains_key(&name) {
                // Each has a host of its own: with goodbye, the addresses of the host are withdrawn.
                self.number = self.number.wrapping_add(1);
                let host = label::host(&self.machine, self.rtsp.port, Some(self.number));
                let full_name = self.register(RTSP, &name, &host, &self.rtsp, path.as_deref())?;
                self.told.insert(name, Told { full_name, path });
            }
        }
        Ok(number)
    }

    /// Gives the full name.
    fn register(&self, kind: &str, name: &str, host: &str, reach: &Reach, path: Option<&str>) -> Result<String, Error> {
        let properties: Vec<_> = path.map(|path| (PATH, path)).into_iter().collect();
        let info = ServiceInfo::new(kind, name, host, &reach.addresses[..], reach.port, &properties[..])?;
        let mut info = if reach.addresses.is_empty() { info.enable_addr_auto() } else { info };
        info.set_interfaces(reach.interfaces.clone());
        let full_name = info.get_fullname().to_owned();
        self.daemon.0.register(info)?;
        Ok(full_name)
    }
}

impl Drop for Announcer {
    /// Says goodbye.
    fn drop(&mut self) {
        if let Ok(ended) = self.daemon.0.shutdown() {
            let _ = ended.recv_timeout(PATIENCE);
        }
    }
}

impl Reach {
    /// `None`: nowhere.
    fn of(places: &[SocketAddr]) -> Option<Self> {
        let port = places.first()?.port();
        let all = |place: &SocketAddr| match (place.ip().is_unspecified(), place.is_ipv4()) {
            (true, true) => vec![IfKind::IPv4],
            // Connections by IPv4 come to such a socket, too.
            (true, false) => vec![IfKind::IPv4, IfKind::IPv6],
            (false, _) => Vec::new(),
        };
        let wide: Vec<_> = places.iter().flat_map(all).collect();
        let addresses: Vec<_> = places.iter().map(SocketAddr::ip).collect();
        Some(match wide.is_empty() {
            true => Self { port, interfaces: addresses.iter().copied().map(IfKind::Addr).collect(), addresses },
            false => Self { port, interfaces: wide, addresses: Vec::new() },
        })
    }
}
