//! The addresses that a server listens at, each with sockets of its own: media leave by the address that the client asked.

use std::io;
use std::net::{SocketAddr, TcpListener};

use mio::{Interest, Poll, Registry, Token};
use mutoscope::io::{Datagram, Meta, Tap};

use super::Error;
use super::acceptor::Acceptor;
use super::address::Place;
use super::room::Queue;
use crate::link::Link;
use crate::tcp::{Listener, TcpStream, is_listening};
#[cfg(feature = "tls")]
use crate::tls::{Certificates, Tls};
use crate::udp::{self, UdpSocket};
use crate::watch::{Captured, Watch};

/// Where ports are free to choose, the ones that are free at one address may be taken at another: how often to choose anew.
const ATTEMPTS: usize = 16;

/// Datagrams taken in one turn: nobody may starve those who are already being served.
const BATCH: usize = 64;

/// Ports of one address: one with TLS and one without, and more where others have opened them.
const MOST_ENTRANCES: usize = 4;

/// One address, and the sockets there.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) entrances: Vec<Entrance>,
    pub(super) rtp: Shared,
    pub(super) rtcp: Shared,
    /// The clients that wait for room in the RTP socket.
    pub(super) room: Queue,
    /// An event may have told of some.
    pub(super) has_room: bool,
    ports: (u16, u16),
}

/// A port where connections are taken.
#[derive(Debug)]
pub(super) struct Entrance {
    pub(super) acceptor: Acceptor,
    address: SocketAddr,
    around: Around,
}

/// What is around the connections of an entrance.
#[derive(Clone, Debug)]
pub(super) enum Around {
    Nothing,
    #[cfg(feature = "tls")]
    Tls(Certificates),
}

/// An entrance that is to be.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// 0: a free one.
    pub(super) port: u16,
    pub(super) around: Around,
}

impl Around {
    /// Whether nobody can listen on the way.
    pub(super) const fn is_private(&self) -> bool {
        !matches!(self, Self::Nothing)
    }
}

impl Entrance {
    /// A connection that came by this entrance.
    pub(super) fn link(&self, stream: TcpStream) -> io::Result<Link> {
        match &self.around {
            Around::Nothing => Ok(Link::plain(stream, true)),
            #[cfg(feature = "tls")]
            Around::Tls(certificates) => {
                let session = certificates.session().map_err(io::Error::other)?;
                Ok(Link::tls(Tls::server(stream, session)))
            }
        }
    }

    /// Where it is.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether its connections are inside of TLS.
    pub(super) const fn is_private(&self) -> bool {
        self.around.is_private()
    }
}

/// What an event of an endpoint is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Socket {
    Entrance(usize),
    Rtp,
    Rtcp,
}

/// The sockets of an endpoint, in the order of their tokens.
const SOCKETS: [Socket; 2 + MOST_ENTRANCES] =
    [Socket::Rtp, Socket::Rtcp, Socket::Entrance(0), Socket::Entrance(1), Socket::Entrance(2), Socket::Entrance(3)];

/// How many tokens `endpoints` endpoints have.
pub(super) const fn tokens(endpoints: usize) -> usize {
    endpoints * SOCKETS.len()
}

/// The endpoint that a token belongs to, counted from the first one's, and its socket there.
pub(super) const fn place_of(token: usize) -> (usize, usize) {
    (token / SOCKETS.len(), token % SOCKETS.len())
}

impl Endpoint {
    /// Opens the sockets at all of `places`, with the same ports at each: two entrances at the most, and the UDP port `server_port` for
    /// RTP; `None`: a free pair.
    pub(super) fn bind_all(
        places: &[Place],
        plans: &[Plan],
        server_port: Option<u16>,
        options: udp::Options,
    ) -> Result<Vec<Self>, Error> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            match Self::bind_once(places, plans, server_port, options) {
                Err(error) if attempts < ATTEMPTS && is_unlucky(&error, plans, server_port) => {}
                result => return result,
            }
        }
    }

    fn bind_once(
        places: &[Place],
        plans: &[Plan],
        server_port: Option<u16>,
        options: udp::Options,
    ) -> Result<Vec<Self>, Error> {
        Place::open_all(places, |place, first: Option<&Self>| {
            let (mut plans, mut rtp_port) = (plans.to_vec(), server_port);
            if let Some(first) = first {
                rtp_port = Some(first.ports.0);
                for (plan, entrance) in plans.iter_mut().zip(&first.entrances) {
                    plan.port = entrance.address.port();
                }
            }
            Self::bind(&place.host, place.address, &plans, rtp_port, options)
        })
    }

    fn bind(
        host: &str,
        at: SocketAddr,
        plans: &[Plan],
        rtp_port: Option<u16>,
        options: udp::Options,
    ) -> Result<Self, Error> {
        let entrance = |Plan { port, around }: &Plan| {
            // Flow and scope of an IPv6 address stay.
            let mut address = at;
            address.set_port(*port);
            let listener =
                Listener::bind(address).map_err(|error| Error::Listen { host: host.to_owned(), address, error })?;
            let address = listener.local_addr().map_err(Error::Wait)?;
            Ok(Entrance { acceptor: Acceptor::new(listener), address, around: around.clone() })
        };
        let entrances = plans.iter().map(entrance).collect::<Result<_, _>>()?;
        let (rtp, rtcp) =
            udp::bind_pair(at.ip(), rtp_port, options).map_err(|error| Error::Udp { port: rtp_port, error })?;
        let bound = || -> io::Result<_> { Ok((rtp.local_addr()?.port(), rtcp.local_addr()?.port())) };
        let ports = bound().map_err(Error::Wait)?;
        let (rtp, rtcp) = (Shared::new(rtp), Shared::new(rtcp));
        Ok(Self { entrances, rtp, rtcp, room: Queue::default(), has_room: false, ports })
    }

    /// Takes connections at a listener that is open already, too.
    pub(super) fn adopt(&mut self, listener: TcpListener, around: Around) -> Result<(), Error> {
        let address = listener.local_addr().map_err(Error::Wait)?;
        let is_full = self.entrances.len() >= MOST_ENTRANCES;
        let wrong = [
            (is_full, "there are too many at this address"),
            (!is_listening(&listener), "no connections come to it (systemd: Accept=no)"),
        ];
        if let Some((_, why)) = wrong.into_iter().find(|(is_wrong, _)| *is_wrong) {
            return Err(Error::Listener { address, why });
        }
        let listener = Listener::adopt(listener).map_err(Error::Wait)?;
        self.entrances.push(Entrance { acceptor: Acceptor::new(listener), address, around });
        Ok(())
    }

    /// Registers its sockets as those of the endpoint `number`, with tokens from `first` on.
    pub(super) fn register(&mut self, poll: &Poll, first: usize, number: usize) -> io::Result<()> {
        let token = |at: usize| Token(first + tokens(number) + at);
        // They are not registered for writing: the kernel would report room after every datagram that left. Only while somebody waits
        // for it, `watch_room` asks for it.
        poll.registry().register(self.rtp.socket.inner_mut(), token(0), Interest::READABLE)?;
        poll.registry().register(self.rtcp.socket.inner_mut(), token(1), Interest::READABLE)?;
        let mut entrances = self.entrances.iter_mut().zip(2..);
        entrances.try_for_each(|(entrance, at)| entrance.acceptor.register(poll.registry(), token(at)))
    }

    /// The same for another loop, which sends by these sockets and reads nothing.
    pub(super) fn share(&self) -> io::Result<Self> {
        let (rtp, rtcp) = (self.rtp.share()?, self.rtcp.share()?);
        let (room, ports) = (Queue::default(), self.ports);
        Ok(Self { entrances: Vec::new(), rtp, rtcp, room, has_room: false, ports })
    }

    /// It is seen what goes through the UDP sockets.
    pub(super) fn capture(&mut self, captured: &Captured) {
        self.rtp.capture(captured);
        self.rtcp.capture(captured);
    }

    /// Has the kernel tell of room in the RTP socket while somebody waits for it, as those of the endpoint `number`. If that is not to be
    /// had, time tells.
    pub(super) fn watch_room(&mut self, poll: &Poll, first: usize, number: usize) {
        if self.room.is_empty() == self.rtp.is_watched {
            let token = Token(first + tokens(number));
            if let Err(error) = self.rtp.watch(poll.registry(), token, !self.rtp.is_watched) {
                log::debug!("nobody tells of room in a UDP socket: {error}");
            }
        }
    }

    /// Takes note of an event of the socket `at`, counted from the endpoint's first token.
    pub(super) fn handle_event(&mut self, at: usize) {
        match SOCKETS.get(at) {
            Some(&Socket::Entrance(number)) => {
                if let Some(entrance) = self.entrances.get_mut(number) {
                    entrance.acceptor.handle_event();
                }
            }
            Some(Socket::Rtp) => {
                self.rtp.has_more = self.rtp.is_read;
                self.has_room = true;
            }
            Some(Socket::Rtcp) => self.rtcp.has_more = self.rtcp.is_read,
            None => {}
        }
    }

    /// Its address, whatever the port.
    #[cfg(test)]
    fn address(&self) -> SocketAddr {
        self.entrances[0].address
    }

    /// The ports of RTP and RTCP, which are the same at all endpoints of a server.
    pub(super) const fn ports(&self) -> (u16, u16) {
        self.ports
    }
}

/// Whether other ports may do better than those that were chosen.
fn is_unlucky(error: &Error, plans: &[Plan], server_port: Option<u16>) -> bool {
    match error {
        Error::Listen { error, .. } => {
            error.kind() == io::ErrorKind::AddrInUse && plans.iter().any(|plan| plan.port == 0)
        }
        Error::Udp { error, .. } => error.kind() == io::ErrorKind::AddrInUse && server_port.is_none(),
        _ => false,
    }
}

/// A UDP socket that all clients of an address share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) socket: Tap<UdpSocket, Watch>,
    /// Datagrams may wait that no further event will report.
    pub(super) has_more: bool,
    /// What comes is for this loop.
    is_read: bool,
    /// The kernel tells when it has room.
    is_watched: bool,
}

impl Shared {
    fn new(socket: UdpSocket) -> Self {
        Self { socket: Tap::new(socket, Watch::default()), has_more: true, is_read: true, is_watched: false }
    }

    /// Asks the kernel to tell of room, or to do so no more.
    fn watch(&mut self, registry: &Registry, token: Token, is_watched: bool) -> io::Result<()> {
        self.is_watched = is_watched;
        let socket = self.socket.inner_mut();
        match (self.is_read, is_watched) {
            (true, true) => registry.reregister(socket, token, Interest::READABLE | Interest::WRITABLE),
            (true, false) => registry.reregister(socket, token, Interest::READABLE),
            (false, true) => registry.register(socket, token, Interest::WRITABLE),
            (false, false) => registry.deregister(socket),
        }
    }

    /// From now on it is seen what goes through it.
    fn capture(&mut self, captured: &Captured) {
        *self.socket.witness_mut() = captured.socket(self.socket.inner().local_addr().ok());
    }

    /// The same socket, for sending only.
    fn share(&self) -> io::Result<Self> {
        let socket = Tap::new(self.socket.inner().share()?, Watch::default());
        Ok(Self { socket, has_more: false, is_read: false, is_watched: false })
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
    use super::super::address::is_missing;
    use super::*;

    fn place(address: &str, may_be_missing: bool) -> Place {
        Place { host: address.to_owned(), address: address.parse().unwrap(), may_be_missing }
    }

    fn bind(places: &[Place], port: u16, server_port: Option<u16>) -> Result<Vec<Endpoint>, Error> {
        Endpoint::bind_all(places, &[Plan { port, around: Around::Nothing }], server_port, udp::Options::SERVER)
    }

    #[test]
    fn all_addresses_have_the_same_ports() {
        let places = [place("127.0.0.1:0", false), place("[::1]:0", true)];
        let endpoints = bind(&places, 0, None).unwrap();
        let ports: Vec<_> = endpoints.iter().map(|endpoint| (endpoint.address().port(), endpoint.ports())).collect();
        assert!(ports.windows(2).all(|pair| pair[0] == pair[1]), "{ports:?}");
        assert_ne!(ports[0].0, 0);
    }

    #[test]
    fn an_address_that_is_not_this_machine_s_is_left_out_only_if_a_name_stands_for_it() {
        // Documentation addresses are nobody's.
        let bind = |places: &[Place]| bind(places, 0, None);
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
        let here = [place("127.0.0.1:0", false)];
        let taken = bind(&here, 0, None).unwrap();
        let again = bind(&here, taken[0].address().port(), None);
        assert!(matches!(again, Err(Error::Listen { error, .. }) if error.kind() == io::ErrorKind::AddrInUse));
        let port = Some(taken[0].ports().0);
        let again = bind(&here, 0, port);
        assert!(matches!(again, Err(Error::Udp { error, .. }) if error.kind() == io::ErrorKind::AddrInUse));
    }
}
