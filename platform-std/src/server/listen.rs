//! Ports for other protocols than RTSP, at the addresses of a server.

use std::net::TcpListener;

use super::Error;
use super::address::Place;
use super::endpoint::is_missing;
use crate::tcp::listen;

/// Listens on the same port at all of `hosts`, which mean what they mean for RTSP; 0: a free one.
pub(crate) fn listen_at(hosts: &[String], port: u16) -> Result<Vec<TcpListener>, Error> {
    let places = Place::of_all(hosts, port)?;
    let (mut listeners, mut port, mut missing) = (Vec::new(), port, None);
    for Place { host, mut address, may_be_missing } in places {
        address.set_port(port);
        match listen(address) {
            Ok(listener) => {
                port = listener.local_addr().map_err(Error::Wait)?.port();
                listeners.push(listener);
            }
            Err(error) if may_be_missing && is_missing(&error) => {
                missing = Some(Error::Listen { host, address, error });
            }
            Err(error) => return Err(Error::Listen { host, address, error }),
        }
    }
    match missing {
        Some(error) if listeners.is_empty() => Err(error),
        _ => Ok(listeners),
    }
}
