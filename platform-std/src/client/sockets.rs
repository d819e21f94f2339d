//! The sockets of one connection to a server.

use std::io;
use std::net::SocketAddr;

use embedded_io::ErrorType;
use mio::event::Event;
use mio::{Interest, Registry, Token};
use mutoscope::io::{Datagram, Faults, Impairments, Meta, Sockets, Tap, Transmit};
use mutoscope::time::Instant;

use super::Options;

use crate::link::Link;
use crate::memory;
use crate::udp::{self, UdpSocket, bind_pair, bind_pair_from};
use crate::watch::{Traffic, Watch};

pub(super) const WAKER: Token = Token(0);
pub(super) const CONTROL: Token = Token(1);
const RTP: Token = Token(2);
const RTCP: Token = Token(3);
pub(super) const DESCRIPTOR: Token = Token(4);
/// Of a network that delays: so many bytes are on their way, in …
const MEMORY: usize = 8 << 20;
/// … so many datagrams.
const MOST_WAITING: usize = 2048;

/// The control connection, and the UDP ports once the player has asked for them.
#[derive(Debug)]
pub(super) struct Connection {
    control: Tap<Link, Watch>,
    rtp: Tap<Port, Watch>,
    rtcp: Tap<Port, Watch>,
}

impl Connection {
    /// `control` is registered already.
    pub(super) fn new(control: Link, peer: SocketAddr, options: &Options) -> Self {
        let watch = options.watch_connection(control.local_addr().ok(), peer);
        Self { control: Tap::new(control, watch), rtp: Tap::default(), rtcp: Tap::default() }
    }

    pub(super) fn sockets(
        &mut self,
        now: Instant,
    ) -> Sockets<'_, Tap<Link, Watch>, Tap<Port, Watch>, Tap<Port, Watch>> {
        self.rtp.inner_mut().set_now(now);
        // What has been written may wait in it for room.
        self.control.inner_mut().drive();
        Sockets { control: &mut self.control, rtp: &mut self.rtp, rtcp: &mut self.rtcp }
    }

    pub(super) fn handle_event(&mut self, event: &Event) {
        match event.token() {
            CONTROL => self.control.inner_mut().handle_event(event),
            RTP => self.rtp.inner_mut().handle_event(event),
            RTCP => self.rtcp.inner_mut().handle_event(event),
            _ => {}
        }
    }

    /// Opens two neighbouring ports on the address that the connection has on our side.
    pub(super) fn open_ports(
        &mut self,
        options: &Options,
        registry: &Registry,
        distance: u16,
    ) -> io::Result<(u16, u16)> {
        let host = self.control.inner().local_addr()?.ip();
        let (mut rtp, mut rtcp) = match options.rtp_port {
            0 => bind_pair(host, None, udp::Options::CLIENT),
            port => bind_pair_from(host, port, udp::Options::CLIENT),
        }?;
        if distance == 2
            && let Some(port) = rtp.local_addr()?.port().checked_add(2)
            && let Ok(second) = UdpSocket::bind(SocketAddr::new(host, port), udp::Options::CLIENT)
        {
            rtcp = second;
        }
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut rtp, RTP, interest)?;
        registry.register(&mut rtcp, RTCP, interest)?;
        let ports = (rtp.local_addr()?.port(), rtcp.local_addr()?.port());
        if options.rtp_port != 0 && ports.0 != options.rtp_port {
            log::info!("RTP port {} is taken: using {}", options.rtp_port, ports.0);
        }
        // Reports keep arriving: what is tried out is what happens to media.
        let watch = |socket: &UdpSocket, traffic| options.watch_socket(socket.local_addr().ok(), traffic);
        let watches = (watch(&rtp, Traffic::Rtp), watch(&rtcp, Traffic::Rtcp));
        (self.rtp, self.rtcp) = (Tap::new(Port::Open(rtp), watches.0), Tap::new(Port::Open(rtcp), watches.1));
        self.impair(options.impairments);
        Ok(ports)
    }

    /// From now on this happens to media that come over UDP.
    pub(super) fn impair(&mut self, impairments: Impairments) {
        self.rtp.inner_mut().impair(impairments);
    }

    /// When media come that are on their way.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        if let Port::Impaired(faults) = self.rtp.inner() { faults.poll_timeout() } else { None }
    }
}

/// A UDP socket, or none: before SETUP, and where media comes over the control connection. None receives nothing and
/// has never room to send.
#[derive(Debug, Default)]
pub(super) enum Port {
    #[default]
    None,
    Open(UdpSocket),
    /// Something is to happen to what is received here.
    Impaired(Box<Faults<UdpSocket, Vec<u8>, MOST_WAITING>>),
}

impl Port {
    fn socket(&mut self) -> Option<&mut UdpSocket> {
        match self {
            Self::None => None,
            Self::Open(socket) => Some(socket),
            Self::Impaired(faults) => Some(faults.inner_mut()),
        }
    }

    fn handle_event(&mut self, event: &Event) {
        if let Some(socket) = self.socket() {
            socket.handle_event(event);
        }
    }

    fn set_now(&mut self, now: Instant) {
        if let Self::Impaired(faults) = self {
            faults.set_now(now);
        }
    }

    fn impair(&mut self, impairments: Impairments) {
        *self = match std::mem::take(self) {
            // Fresh memory costs nothing until it is written to.
            Self::Open(socket) if impairments != Impairments::default() => {
                Self::Impaired(Box::new(Faults::with_memory(socket, impairments, memory::zeros(MEMORY))))
            }
            Self::Impaired(mut faults) => {
                faults.set_impairments(impairments);
                Self::Impaired(faults)
            }
            other => other,
        };
    }
}

impl ErrorType for Port {
    type Error = io::Error;
}

impl Datagram for Port {
    fn send(&mut self, transmit: &Transmit<'_>) -> io::Result<usize> {
        match self {
            Self::None => Ok(0),
            Self::Open(socket) => socket.send(transmit),
            Self::Impaired(faults) => faults.send(transmit),
        }
    }

    fn recv<R>(&mut self, f: impl FnOnce(Meta, &[u8]) -> R) -> io::Result<Option<R>> {
        match self {
            Self::None => Ok(None),
            Self::Open(socket) => socket.recv(f),
            Self::Impaired(faults) => faults.recv(f),
        }
    }
}
