//! A door for the fuzz targets and for tests of programs: what is made of names, paths and answers that strangers tell, and discovery
//! within this machine. It is no part of what the library offers.

use std::net::SocketAddr;

use super::{Announcer, Browser, Daemon, Error, Offers, browser, label, offers};

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

/// What the answer of a page says of a server's streams.
pub fn listing(answer: &[u8], place: SocketAddr) -> Option<Offers> {
    offers::read(answer, place)
}

/// Hears servers of this machine alone, at a port where nobody else talks.
///
/// # Errors
/// As [`browse`](super::browse).
pub fn browse_machine(port: u16) -> Result<Browser, Error> {
    Browser::within(Daemon::within_machine(port)?)
}

/// Announces a server to this machine alone.
///
/// # Errors
/// As [`Announcer::new`].
pub fn announce_machine(port: u16, rtsp: SocketAddr, http: Option<SocketAddr>) -> Result<Announcer, Error> {
    Announcer::within_machine(Daemon::within_machine(port)?, rtsp, http)
}
