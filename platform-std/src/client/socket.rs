//! Sockets that may not be there yet.

use crate::udp::UdpSocket;
use embedded_io::ErrorType;
use mio::event::Event;
use mutoscope::io::Datagram;
use std::io;
use std::net::SocketAddr;

/// A UDP socket, or none: before SETUP, and where media comes over the control connection. None receives nothing and
/// has never room to send.
#[derive(Debug, Default)]
pub(super) struct Port(pub(super) Option<UdpSocket>);

impl Port {
    pub(super) fn handle_event(&mut self, event: &Event) {
        if let Some(socket) = &mut self.0 {
            socket.handle_event(event);
        }
    }
}

impl ErrorType for Port {
    type Error = io::Error;
}

impl Datagram for Port {
    fn send(&mut self, to: SocketAddr, segments: &[&[u8]]) -> io::Result<bool> {
        self.0.as_mut().map_or(Ok(false), |socket| socket.send(to, segments))
    }

    fn recv<R>(&mut self, f: impl FnOnce(SocketAddr, &[u8]) -> R) -> io::Result<Option<R>> {
        self.0.as_mut().map_or(Ok(None), |socket| socket.recv(f))
    }
}
