//! A door for the fuzz targets: what is made of names and paths that strangers tell. It is no part of what the library offers.

use std::net::SocketAddr;

use super::{browser, label};

/// What streams are announced as.
pub const KIND: &str = super::RTSP;

/// The URL of a stream that somebody tells of.
pub fn url(place: SocketAddr, path: &[u8]) -> Option<String> {
    browser::url(place, path)
}

/// The name that people see, of a full one.
pub fn of_instance(full: &str) -> String {
    label::of_instance(full, KIND)
}

/// The names under which a stream of a machine is told of: for people, and its host.
pub fn told(stream: &str, machine: &str, port: u16, number: Option<u32>) -> (String, String) {
    (label::instance(stream, machine), label::host(machine, port, number))
}
