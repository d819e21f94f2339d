//! A connection to an HTTP server that can be given up at any moment.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use super::super::error::InputError;
use super::super::spec::Remote;
use super::super::stop::{Stop, Woken};
use super::answer::{Answers, Event};
use super::wire::{Ended, Trust, Wire, woken};
use crate::reach::Reach;

/// How long a connection may take to be made, to each address of a host.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// What is read at once.
const BUFFER: usize = 64 * 1024;

/// A connection, and what has come over it.
pub(super) struct Connection {
    wire: Wire,
    answers: Answers,
    buffer: Box<[u8]>,
    /// Bytes of the buffer that have not been looked at.
    unseen: std::ops::Range<usize>,
    /// An answer came over it before.
    pub(super) is_used: bool,
}

impl Connection {
    /// Connects. `None`: the input is to end.
    pub(super) fn open(
        remote: &Remote,
        reach: Reach,
        trust: &mut Trust,
        stop: &Stop,
    ) -> Result<Option<Self>, InputError> {
        // The zone of an address is written with an escape in URLs.
        let host = remote.host().replace("%25", "%");
        let addresses =
            (host.as_str(), remote.port().unwrap_or(if remote.is_secure() { 443 } else { 80 })).to_socket_addrs();
        let addresses = addresses.map_err(|_| InputError::new("its host is not known"))?;
        let mut failure = InputError::new("its host has no address");
        for address in addresses {
            match connect(address, reach, stop) {
                Ok(Some(socket)) => {
                    log::debug!("connected to {address}");
                    let until = Instant::now() + CONNECT_PATIENCE;
                    let wire = if remote.is_secure() {
                        trust.secure(socket, &host, stop, until)
                    } else {
                        Ok(Wire::plain(socket))
                    };
                    let wire = match wire {
                        Ok(wire) => wire,
                        Err(Ended::Stopped) => return Ok(None),
                        Err(Ended::TimedOut) => return Err(InputError::new("it does not answer in TLS")),
                        Err(Ended::Closed) => {
                            return Err(InputError::new("it closes the connection instead of speaking TLS"));
                        }
                        Err(Ended::Failed(reason)) => return Err(InputError::new(reason)),
                    };
                    let buffer = vec![0; BUFFER].into_boxed_slice();
                    let (answers, unseen, is_used) = Default::default();
                    return Ok(Some(Self { wire, answers, buffer, unseen, is_used }));
                }
                Ok(None) => return Ok(None),
                Err(error) => failure = InputError::new(format!("it cannot be reached: {error}")),
            }
        }
        Err(failure)
    }

    /// Sends all of a request.
    pub(super) fn send(&mut self, mut request: &[u8], stop: &Stop, until: Instant) -> Result<(), Ended> {
        while !request.is_empty() {
            match self.wire.write(request) {
                Ok(len) => request = request.get(len..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    woken(stop.wait_writable(self.wire.as_fd(), Some(until)))?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        while !self.wire.flush()? {
            woken(stop.wait_writable(self.wire.as_fd(), Some(until)))?;
        }
        Ok(())
    }

    /// What comes next, no later than `until`.
    pub(super) fn next(&mut self, stop: &Stop, until: Instant) -> Result<Event<'_>, Ended> {
        loop {
            let input = &self.buffer[self.unseen.clone()];
            let (taken, event) = self.answers.handle(input).map_err(|error| Ended::Failed(error.to_string()))?;
            let start = self.unseen.start;
            self.unseen.start += taken;
            match event {
                Some(Event::Data(_)) => return Ok(Event::Data(&self.buffer[start..start + taken])),
                Some(Event::Head(head)) => return Ok(Event::Head(head)),
                Some(Event::End) => return Ok(Event::End),
                None if taken > 0 => continue,
                None => {}
            }
            woken(stop.wait_readable(self.wire.as_fd(), Some(until)))?;
            match self.wire.read(&mut self.buffer) {
                Ok(0) => return Err(Ended::Closed),
                Ok(len) => self.unseen = 0..len,
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn connect(address: SocketAddr, reach: Reach, stop: &Stop) -> io::Result<Option<Socket>> {
    if !reach.allows(address.ip()) {
        return Err(Reach::refusal());
    }
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    match socket.connect(&address.into()) {
        Ok(()) => return Ok(Some(socket)),
        Err(error) if error.raw_os_error() == Some(nix::libc::EINPROGRESS) => {}
        Err(error) => return Err(error),
    }
    match stop.wait_writable(socket.as_fd(), Some(Instant::now() + CONNECT_PATIENCE))? {
        Woken::Ready => match socket.take_error()? {
            None => Ok(Some(socket)),
            Some(error) => Err(error),
        },
        Woken::TimedOut => Err(io::ErrorKind::TimedOut.into()),
        Woken::Stopped => Ok(None),
    }
}
