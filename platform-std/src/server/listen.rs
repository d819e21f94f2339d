//! Listeners that others have opened, and ports for other protocols than RTSP.

use std::net::{SocketAddr, TcpListener};

#[cfg(feature = "http")]
use super::{Error, address::Place};
#[cfg(feature = "http")]
use crate::tcp::listen;

/// Listeners that are open already, such as those that systemd has opened, which take the place of ports of their kind.
#[derive(Debug, Default)]
pub struct Listeners {
    /// Those without TLS.
    pub plain: Vec<TcpListener>,
    /// Those for TLS.
    pub tls: Vec<TcpListener>,
}

impl Listeners {
    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.plain.is_empty() && self.tls.is_empty()
    }

    /// Where they listen.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.plain.iter().chain(&self.tls).filter_map(|listener| listener.local_addr().ok())
    }
}

/// Listens on the same port at all of `hosts`, which mean what they mean for RTSP; 0: a free one.
#[cfg(feature = "http")]
pub(crate) fn listen_at(hosts: &[String], port: u16) -> Result<Vec<TcpListener>, Error> {
    Place::open_all(&Place::of_all(hosts, port)?, |place, first: Option<&TcpListener>| {
        let mut address = place.address;
        if let Some(first) = first {
            address.set_port(first.local_addr().map_err(Error::Wait)?.port());
        }
        listen(address).map_err(|error| Error::Listen { host: place.host.clone(), address, error })
    })
}
