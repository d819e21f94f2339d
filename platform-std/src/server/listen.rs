//! Ports for other protocols than RTSP, at the addresses of a server.

use std::net::TcpListener;

use super::Error;
use super::address::Place;
use crate::tcp::listen;

/// Listens on the same port at all of `hosts`, which mean what they mean for RTSP; 0: a free one.
pub(crate) fn listen_at(hosts: &[String], port: u16) -> Result<Vec<TcpListener>, Error> {
    Place::open_all(&Place::of_all(hosts, port)?, |place, first: Option<&TcpListener>| {
        let mut address = place.address;
        if let Some(first) = first {
            address.set_port(first.local_addr().map_err(Error::Wait)?.port());
        }
        listen(address).map_err(|error| Error::Listen { host: place.host.clone(), address, error })
    })
}
