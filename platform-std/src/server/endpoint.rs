//! The addresses that a server listens at, each with sockets of its own: media leave by the address that the client asked.

use std::io;
use std::net::SocketAddr;

use mio::{Interest, Poll, Token};
use mutoscope::io::{Datagram, Meta};

use super::Error;
use super::acceptor::Acceptor;
use super::address::Place;
use crate::tcp::Listener;
use crate::udp::{self, UdpSocket};

/// Where ports are free to choose, the ones that are free at one address may be taken at another: how often to choose anew.
const ATTEMPTS: usize = 16;

/// Datagrams taken in one turn: nobody may starve those who are already being served.
const BATCH: usize = 64;

/// One address, and the sockets there.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) acceptor: Acceptor,
    pub(super) rtp: Shared,
    pub(super) rtcp: Shared,
    address: SocketAddr,
    ports: (u16, u16),
}

/// What an event of an endpoint is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Socket {
    Listener,
    Rtp,
    Rtcp,
}

/// The sockets of an endpoint, in the order of their tokens.
const SOCKETS: [Socket; 3] = [Socket::Listener, Socket::Rtp, Socket::Rtcp];

/// How many tokens `endpoints` endpoints have.
pub(super) const fn tokens(endpoints: usize) -> usize {
    endpoints * SOCKETS.len()
}

/// The endpoint that a token belongs to, counted from the first one's, and its socket there.
pub(super) const fn place_of(token: usize) -> (usize, usize) {
    (token / SOCKETS.len(), token % SOCKETS.len())
}

impl Endpoint {
    /// Opens the sockets at all of `places`, with the same ports at each. `server_port`: the UDP port for RTP; `None`: a free
    /// pair.
    pub(super) fn bind_all(
        places: &[Place],
        server_port: Option<u16>,
        options: udp::Options,
    ) -> Result<Vec<Self>, Error> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            match Self::bind_once(places, server_port, options) {
                Err(error) if attempts < ATTEMPTS && is_unlucky(&error, places, server_port) => {}
                result => return result,
            }
        }
    }

    fn bind_once(places: &[Place], server_port: Option<u16>, options: udp::Options) -> Result<Vec<Self>, Error> {
        let mut endpoints: Vec<Self> = Vec::new();
        for place in places {
            let (mut address, mut rtp_port) = (place.address, server_port);
            if let Some(first) = endpoints.first() {
                address.set_port(first.address.port());
                rtp_port = Some(first.ports.0);
            }
            match Self::bind(&place.host, address, rtp_port, options) {
                Ok(endpoint) => endpoints.push(endpoint),
                // A name may stand for an address that this machine does not have: one of IPv6, say, where that is off.
                Err(Error::Listen { error, .. }) if place.may_be_missing && is_missing(&error) => {
                    log::debug!("{} has the address {}, which is not this machine's", place.host, address.ip());
                }
                Err(error) => return Err(error),
            }
        }
        match (endpoints.is_empty(), places.first()) {
            (true, Some(Place { host, address, .. })) => {
                let error = io::ErrorKind::AddrNotAvailable.into();
                Err(Error::Listen { host: host.clone(), address: *address, error })
            }
            _ => Ok(endpoints),
        }
    }

    fn bind(host: &str, address: SocketAddr, rtp_port: Option<u16>, options: udp::Options) -> Result<Self, Error> {
        let listener =
            Listener::bind(address).map_err(|error| Error::Listen { host: host.to_owned(), address, error })?;
        let (rtp, rtcp) =
            udp::bind_pair(address.ip(), rtp_port, options).map_err(|error| Error::Udp { port: rtp_port, error })?;
        let bound =
            || -> io::Result<_> { Ok((listener.local_addr()?, (rtp.local_addr()?.port(), rtcp.local_addr()?.port()))) };
        let (address, ports) = bound().map_err(Error::Wait)?;
        let acceptor = Acceptor::new(listener);
        Ok(Self { acceptor, rtp: Shared::new(rtp), rtcp: Shared::new(rtcp), address, ports })
    }

    /// Registers its sockets as those of the endpoint `number`, with tokens from `first` on.
    pub(super) fn register(&mut self, poll: &Poll, first: usize, number: usize) -> io::Result<()> {
        let token = |at: usize| Token(first + tokens(number) + at);
        self.acceptor.register(poll.registry(), token(0))?;
        // They are not registered for writing: the kernel would report room after every datagram that left. The core tries
        // again by itself.
        poll.registry().register(&mut self.rtp.socket, token(1), Interest::READABLE)?;
        poll.registry().register(&mut self.rtcp.socket, token(2), Interest::READABLE)
    }

    /// Takes note of an event of the socket `at`, counted from the endpoint's first token.
    pub(super) fn handle_event(&mut self, at: usize) {
        match SOCKETS.get(at) {
            Some(Socket::Listener) => self.acceptor.handle_event(),
            Some(Socket::Rtp) => self.rtp.has_more = true,
            Some(Socket::Rtcp) => self.rtcp.has_more = true,
            None => {}
        }
    }

    /// Where it listens.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The ports of RTP and RTCP, which are the same at all endpoints of a server.
    pub(super) const fn ports(&self) -> (u16, u16) {
        self.ports
    }
}

/// Whether other ports may do better than those that were chosen.
fn is_unlucky(error: &Error, places: &[Place], server_port: Option<u16>) -> bool {
    match error {
        Error::Listen { error, .. } => {
            error.kind() == io::ErrorKind::AddrInUse && places.first().is_some_and(|place| place.address.port() == 0)
        }
        Error::Udp { error, .. } => error.kind() == io::ErrorKind::AddrInUse && server_port.is_none(),
        _ => false,
    }
}

/// Whether there is no such address here, or none of its family.
fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
        || matches!(error.raw_os_error(), Some(nix::libc::EAFNOSUPPORT | nix::libc::EPROTONOSUPPORT))
}

/// A UDP socket that all clients of an address share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) socket: UdpSocket,
    /// Datagrams may wait that no further event will report.
    pub(super) has_more: bool,
}

impl Shared {
    fn new(socket: UdpSocket) -> Self {
        Self { socket, has_more: true }
    }

    /// Hands on what has come, and remembers whether more may wait.
    pub(super) fn drain(&mut self, mut handle: impl FnMut(Meta, &[u8])) {
        for _ in 0..BATCH {
            if !self.has_more {
                return;
            }
            match self.socket.recv(&mut handle) {
                Ok(received) => self.has_more = received.is_some(),
                Err(error) => {
                    log::warn!("cannot receive over UDP: {error}");
                    self.has_more = false;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(address: &str, may_be_missing: bool) -> Place {
        Place { host: address.to_owned(), address: address.parse().unwrap(), may_be_missing }
    }

    #[test]
    fn all_addresses_have_the_same_ports() {
        let places = [place("127.0.0.1:0", false), place("[::1]:0", true)];
        let endpoints = Endpoint::bind_all(&places, None, udp::Options::SERVER).unwrap();
        let ports: Vec<_> = endpoints.iter().map(|endpoint| (endpoint.address().port(), endpoint.ports())).collect();
        assert!(ports.windows(2).all(|pair| pair[0] == pair[1]), "{ports:?}");
        assert_ne!(ports[0].0, 0);
    }

    #[test]
    fn an_address_that_is_not_this_machine_s_is_left_out_only_if_a_name_stands_for_it() {
        // Documentation addresses are nobody's.
        let bind = |places: &[Place]| Endpoint::bind_all(places, None, udp::Options::SERVER);
        let nobody_s = |may_be_missing| place("192.0.2.1:0", may_be_missing);
        let endpoints = bind(&[nobody_s(true), place("127.0.0.1:0", true)]).unwrap();
        assert_eq!(
            endpoints.iter().map(|endpoint| endpoint.address().ip().to_string()).collect::<Vec<_>>(),
            ["127.0.0.1"]
        );
        for places in [&[place("127.0.0.1:0", false), nobody_s(false)][..], &[nobody_s(true)]] {
            assert!(matches!(bind(places), Err(Error::Listen { error, .. }) if is_missing(&error)), "{places:?}");
        }
    }

    #[test]
    fn a_port_that_was_asked_for_and_is_taken_is_an_error() {
        let taken = Endpoint::bind_all(&[place("127.0.0.1:0", false)], None, udp::Options::SERVER).unwrap();
        let address = taken[0].address().to_string();
        let again = Endpoint::bind_all(&[place(&address, false)], None, udp::Options::SERVER);
        assert!(matches!(again, Err(Error::Listen { error, .. }) if error.kind() == io::ErrorKind::AddrInUse));
        let port = Some(taken[0].ports().0);
        let again = Endpoint::bind_all(&[place("127.0.0.1:0", false)], port, udp::Options::SERVER);
        assert!(matches!(again, Err(Error::Udp { error, .. }) if error.kind() == io::ErrorKind::AddrInUse));
    }
}
