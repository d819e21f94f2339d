//! How a node is connected with the others.

use std::path::PathBuf;

use super::name;

/// Where a node listens, and whom it looks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topology {
    /// Look for nodes in the local network, and be found there, without an address.
    pub lan: bool,
    /// Where it listens for other nodes, as `HOST:PORT`. It listens nowhere else.
    pub listen: Vec<String>,
    /// Nodes that it connects with. One that does not listen has the first of these that answers, and the next where that ends.
    pub connect: Vec<String>,
    /// Certificates of both ends; without it anybody who reaches the node is one of the cluster.
    pub tls: Option<Certificates>,
    /// Which nodes may say what, by the names of their certificates. `None`: all of them all.
    pub access: Option<Access>,
    /// Bytes that the system keeps for each connection before they leave. Pictures become as old as these take on a slow network.
    pub send_buffer: Option<u32>,
}

/// The files of TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificates {
    /// Who has signed the certificates of all nodes.
    pub authority: PathBuf,
    /// The node's own.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Whose certificates are believed, and what for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Nodes that may watch all, and offer streams under their own names.
    pub nodes: Vec<String>,
    /// Nodes that may do so for others, too: those that cameras and other edges are connected with.
    pub relays: Vec<String>,
}

impl Topology {
    /// Whether it can be as it says, apart from its files.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn check(&self) -> Result<(), String> {
        match (&self.tls, &self.access) {
            (None, Some(_)) => return Err("names of nodes are those of certificates, and there are none".to_owned()),
            // Whoever has a certificate of any authority of the web would be believed to be one of the cluster.
            (Some(_), None) if self.connects() => {
                return Err("who connects in TLS has to know with whom: no node is named that may take part".to_owned());
            }
            _ => {}
        }
        let files = self.tls.iter().flat_map(|files| [&files.authority, &files.certificate, &files.key]);
        if let Some(file) = files.into_iter().find(|file| file.to_str().is_none()) {
            return Err(format!("the name of {} is none that the engine understands: it is no UTF-8", file.display()));
        }
        let access = self.access.iter().flat_map(|access| access.nodes.iter().chain(&access.relays));
        for node in access {
            name::check_node(node).map_err(|error| format!("no node can be called {node:?}: {error}"))?;
        }
        if !(self.listens() || self.connects()) {
            return Err("it neither listens nor connects".to_owned());
        }
        self.listen.iter().chain(&self.connect).try_for_each(|place| {
            check_place(place).map_err(|what| format!("{place:?} is no place, HOST:PORT: {what}"))
        })
    }

    /// Whether others connect with it.
    pub const fn listens(&self) -> bool {
        self.lan || !self.listen.is_empty()
    }

    /// Whether it connects with others.
    pub const fn connects(&self) -> bool {
        self.lan || !self.connect.is_empty()
    }

    /// Whether it takes viewers of other nodes' streams: it is no camera's, behind a network that carries the camera's streams and no more.
    pub fn is_edge(&self) -> bool {
        self.role() != Role::Client
    }

    /// What it is to the others.
    pub(super) const fn role(&self) -> Role {
        match (self.lan, self.listen.is_empty()) {
            (true, _) => Role::Peer,
            (false, false) => Role::Router,
            (false, true) => Role::Client,
        }
    }
}

/// What a node is to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It is connected with each other one.
    Peer,
    /// It hands on what others have for each other, once for all behind it.
    Router,
    /// It has one connection, to a router.
    Client,
}

impl Role {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Router => "router",
            Self::Client => "client",
        }
    }
}

/// Whether others can be at a place.
fn check_place(place: &str) -> Result<(), &'static str> {
    let (host, port) = place.rsplit_once(':').ok_or("it has no port")?;
    let is_bracketed = host.strip_prefix('[').is_some_and(|host| host.ends_with(']'));
    // What would mean something else to the engine.
    let is_odd = |c: char| !(c.is_alphanumeric() || "-._%".contains(c) || is_bracketed && "[]:".contains(c));
    match host {
        "" => Err("it has no host"),
        _ if host.contains(is_odd) => Err("its host is no name and no address (one of IPv6 stands in brackets)"),
        _ => port.parse::<u16>().map(drop).map_err(|_| "its port is no number up to 65535"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(place: &str) -> Topology {
        Topology { listen: vec![place.to_owned()], ..Topology::default() }
    }

    #[test]
    fn places_are_hosts_with_ports_and_nothing_else() {
        for place in ["127.0.0.1:7447", "[::1]:0", "edge-1.example:65535", "[fe80::1%eth0]:1", "k\u{fc}che:7"] {
            assert_eq!(at(place).check(), Ok(()), "{place}");
        }
        for place in [
            "",
            "host",
            ":1",
            "host:",
            "host:65536",
            "host:x",
            "::1:1",
            "a/b:1",
            "h:1#iface=lo",
            "h#x:1",
            "a b:1",
            "h?:1",
        ] {
            assert!(at(place).check().is_err_and(|error| error.contains("is no place")), "{place}");
        }
    }

    #[test]
    fn who_takes_part_is_named_by_certificates_and_known_to_who_connects() {
        let tls = Certificates { authority: "a".into(), certificate: "b".into(), key: "c".into() };
        let names =
            |names: &[&str]| Access { nodes: names.iter().map(|&name| name.into()).collect(), relays: Vec::new() };
        let listens = at("h:1");
        let connects = Topology { connect: listens.listen.clone(), ..Topology::default() };
        let lan = Topology { lan: true, ..Topology::default() };
        for (topology, needs_names) in [(listens, false), (connects, true), (lan, true)] {
            assert_eq!(topology.check(), Ok(()));
            let encrypted = Topology { tls: Some(tls.clone()), ..topology.clone() };
            assert_eq!(
                encrypted.check().is_err_and(|error| error.contains("who connects")),
                needs_names,
                "{encrypted:?}"
            );
            let named = Topology { access: Some(names(&["a", "b"])), ..encrypted };
            assert_eq!(named.check(), Ok(()));
            let odd = Topology { access: Some(names(&["a", "b/c"])), ..named.clone() };
            assert!(odd.check().is_err_and(|error| error.contains("\"b/c\"")));
            assert!(Topology { tls: None, ..named }.check().is_err_and(|error| error.contains("certificates")));
        }
        assert!(Topology::default().check().is_err());
    }
}
