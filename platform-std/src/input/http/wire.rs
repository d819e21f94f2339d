//! What HTTP goes over: a socket, or TLS on it. It never blocks.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};
use mutoscope::io::Stream;
use nix::poll::PollFlags;
use socket2::Socket;

use super::super::stop::{Stop, Woken};
use crate::tcp;
use crate::tls::Fingerprint;
#[cfg(feature = "tls")]
use crate::tls::{Believe, Connector, Tls, sentence};

/// Why nothing more comes of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The input is to end.
    Stopped,
    /// The server closed the connection.
    Closed,
    /// Nothing came in time.
    TimedOut,
    /// The connection broke, or what came is no HTTP: why.
    Failed(String),
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

pub(super) fn woken(woken: io::Result<Woken>) -> Result<(), Ended> {
    match woken? {
        Woken::Ready => Ok(()),
        Woken::TimedOut => Err(Ended::TimedOut),
        Woken::Stopped => Err(Ended::Stopped),
    }
}

/// What is believed of servers; made ready when there is the first.
pub(super) struct Trust {
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "nothing is asked without TLS"))]
    pin: Option<Fingerprint>,
    #[cfg(feature = "tls")]
    connector: Option<Connector>,
}

impl Trust {
    pub(super) fn new(pin: Option<Fingerprint>) -> Self {
        Self {
            pin,
            #[cfg(feature = "tls")]
            connector: None,
        }
    }

    /// Begins TLS on a connection.
    #[cfg(feature = "tls")]
    pub(super) fn secure(&mut self, socket: Socket, host: &str, stop: &Stop, until: Instant) -> Result<Wire, Ended> {
        let connector = match self.connector.take() {
            Some(connector) => connector,
            None => Connector::new(self.pin.map_or(Believe::System(None), Believe::Pin)).map_err(Ended::Failed)?,
        };
        let connector = self.connector.insert(connector);
        let session = connector.session(host).map_err(Ended::Failed)?;
        let mut tls = Box::new(Tls::client(Tcp(socket), session));
        loop {
            let driven = tls.drive();
            if let Some(failure) = tls.failure() {
                let reason = sentence(failure, connector.shown()).replace("--tls-pin", "#tls-pin=");
                return Err(Ended::Failed(reason));
            }
            driven?;
            if !tls.is_handshaking() {
                return Ok(Wire::Tls(tls));
            }
            if tls.is_ended() {
                return Err(Ended::Closed);
            }
            let fd = tls.inner().0.as_fd();
            let woken = if tls.is_pending() {
                stop.wait_writable(fd, Some(until))
            } else {
                stop.wait_readable(fd, Some(until))
            };
            self::woken(woken)?;
        }
    }

    #[cfg(not(feature = "tls"))]
    pub(super) fn secure(&mut self, _: Socket, _: &str, _: &Stop, _: Instant) -> Result<Wire, Ended> {
        Err(Ended::Failed("TLS was left out when this program was built".to_owned()))
    }
}

/// A connection.
pub(super) enum Wire {
    Plain(Tcp),
    #[cfg(feature = "tls")]
    Tls(Box<Tls<Tcp>>),
}

impl Wire {
    pub(super) fn plain(socket: Socket) -> Self {
        Self::Plain(Tcp(socket))
    }

    /// Fails with `WouldBlock` where nothing has come.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.read(buffer),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.read(buffer),
        }
    }

    /// Fails with `WouldBlock` where there is no room.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.write(bytes),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    /// Whether all that was written has left.
    pub(super) fn flush(&mut self) -> io::Result<bool> {
        match self {
            Self::Plain(_) => Ok(true),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.flush().map(|()| !tls.is_pending()),
        }
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Plain(tcp) => tcp.0.as_fd(),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.inner().0.as_fd(),
        }
    }
}

/// A socket that does not block.
pub(super) struct Tcp(Socket);

impl ErrorType for Tcp {
    type Error = io::Error;
}

impl ReadReady for Tcp {
    fn read_ready(&mut self) -> io::Result<bool> {
        tcp::is_ready(self.0.as_fd(), PollFlags::POLLIN, std::time::Duration::ZERO)
    }
}

impl WriteReady for Tcp {
    fn write_ready(&mut self) -> io::Result<bool> {
        tcp::is_ready(self.0.as_fd(), PollFlags::POLLOUT, std::time::Duration::ZERO)
    }
}

impl Read for Tcp {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        io::Read::read(&mut self.0, buffer)
    }
}

impl Write for Tcp {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::Write::write(&mut self.0, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Tcp {}
