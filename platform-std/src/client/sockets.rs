//! The sockets of one connection to a server.

use std::io;

use embedded_io::ErrorType;
use mio::event::Event;
use mio::{Interest, Registry, Token};
use mutoscope::io::{Datagram, Faults, Loss, Meta, Sockets, Transmit};

use super::Options;
use crate::link::Link;
use crate::udp::{self, UdpSocket, bind_pair, bind_pair_from};

pub(super) const WAKER: Token = Token(0);
pub(super) const CONTROL: Token = Token(1);
const RTP: Token = Token(2);
const RTCP: Token = Token(3);
pub(super) const DESCRIPTOR: Token = Token(4);

/// The control connection, and the UDP ports once the player has asked for them.
#[derive(Debug)]
pub(super) struct Connection {
    control: Link,
    rtp: Port,
    rtcp: Port,
}

impl Connection {
    /// `control` is registered already.
    pub(super) fn new(control: Link) -> Self {
        Self { control, rtp: Port::default(), rtcp: Port::default() }
    }

    pub(super) fn sockets(&mut self) -> Sockets<'_, Link, Port, Port> {
        // What has been written may wait in it for room.
        self.control.drive();
        Sockets { control: &mut self.control, rtp: &mut self.rtp, rtcp: &mut self.rtcp }
    }

    pub(super) fn handle_event(&mut self, event: &Event) {
        match event.token() {
            CONTROL => self.control.handle_event(event),
            RTP => self.rtp.handle_event(event),
            RTCP => self.rtcp.handle_event(event),
            _ => {}
        }
    }

    /// Opens two neighbouring ports on the address that the connection has on our side.
    pub(super) fn open_ports(&mut self, options: &Options, registry: &Registry) -> io::Result<(u16, u16)> {
        let host = self.control.local_addr()?.ip();
        let (mut rtp, mut rtcp) = match options.rtp_port {
            0 => bind_pair(host, None, udp::Options::CLIENT),
            port => bind_pair_from(host, port, udp::Options::CLIENT),
        }?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut rtp, RTP, interest)?;
        registry.register(&mut rtcp, RTCP, interest)?;
        let ports = (rtp.local_addr()?.port(), rtcp.local_addr()?.port());
        if options.rtp_port != 0 && ports.0 != options.rtp_port {
            log::info!("RTP port {} is taken: using {}", options.rtp_port, ports.0);
        }
        // Reports keep arriving: what is tried out is the loss of media.
        self.rtp = Port(Some(Faults::new(rtp, options.loss)));
        self.rtcp = Port(Some(Faults::new(rtcp, Loss::default())));
        Ok(ports)
    }
}

/// A UDP socket, or none: before SETUP, and where media comes over the control connection. None receives nothing and
/// has never room to send. What the options say is to be lost is lost here.
#[derive(Debug, Default)]
pub(super) struct Port(Option<Faults<UdpSocket>>);

impl Port {
    fn handle_event(&mut self, event: &Event) {
        if let Some(socket) = &mut self.0 {
            socket.inner_mut().handle_event(event);
        }
    }
}

impl ErrorType for Port {
    type Error = io::Error;
}

impl Datagram for Port {
    fn send(&mut self, transmit: &Transmit<'_>) -> io::Result<usize> {
        self.0.as_mut().map_or(Ok(0), |socket| socket.send(transmit))
    }

    fn recv<R>(&mut self, f: impl FnOnce(Meta, &[u8]) -> R) -> io::Result<Option<R>> {
        self.0.as_mut().map_or(Ok(None), |socket| socket.recv(f))
    }
}
