//! How a node is connected with the others.

use std::path::PathBuf;

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
