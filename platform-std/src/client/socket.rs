//! Sockets that may not be there yet.

use crate::udp::UdpSocket;
use embedded_io::ErrorType;
use mio::event::Event;
use mutoscope::io::{Datagram, Faults, Meta, Transmit};
use std::io;

/// A UDP socket, or none: before SETUP, and where media comes over the control connection. None receives nothing and
/// has never room to send. What the options say is to be lost is lost here.
#[derive(Debug, Default)]
pub(super) struct Port(pub(super) Option<Faults<UdpSocket>>);

impl Port {
    pub(super) fn handle_event(&mut self, event: &Event) {
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
