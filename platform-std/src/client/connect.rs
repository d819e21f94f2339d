//! From a name to a connection, without blocking.

use super::Error;
use crate::tcp::TcpStream;
use mio::{Interest, Registry, Token, Waker};
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// A connection on its way.
#[derive(Debug)]
pub(super) struct Connect {
    host: String,
    state: State,
    timeout: Duration,
}

#[derive(Debug)]
enum State {
    /// The system's resolver knows no way but to block, so it does that in a thread of its own.
    Resolving(mpsc::Receiver<io::Result<Vec<SocketAddr>>>),
    Connecting {
        stream: TcpStream,
        to: SocketAddr,
        until: Instant,
        others: Vec<SocketAddr>,
    },
    /// Over: the stream was taken, or an error told.
    Done,
}

impl Connect {
    /// Starts. `waker` is woken when there is something to [`poll`](Self::poll) that no socket tells of.
    pub(super) fn new(
        host: &str,
        port: u16,
        timeout: Duration,
        waker: &Arc<Waker>,
        registry: &Registry,
        token: Token,
    ) -> Result<Self, Error> {
        let mut connect = Self { host: host.to_owned(), state: State::Done, timeout };
        if let Ok(address) = host.parse::<IpAddr>() {
            connect.start(vec![SocketAddr::new(address, port)], registry, token)?;
            return Ok(connect);
        }
        let (sender, receiver) = mpsc::channel();
        let (name, waker) = (connect.host.clone(), waker.clone());
        let resolve = move || {
            let addresses = (name.as_str(), port).to_socket_addrs().map(Iterator::collect);
            // Nobody listens any more where the client was told something else meanwhile.
            if sender.send(addresses).is_ok() {
                let _ = waker.wake();
            }
        };
        let spawned = thread::Builder::new().name("resolver".into()).spawn(resolve);
        spawned.map_err(|error| Error::System("start a thread", error))?;
        connect.state = State::Resolving(receiver);
        Ok(connect)
    }

    /// The connection, once it stands.
    pub(super) fn poll(&mut self, registry: &Registry, token: Token) -> Result<Option<(TcpStream, SocketAddr)>, Error> {
        if let State::Resolving(receiver) = &self.state {
            let nothing = || io::Error::from(io::ErrorKind::NotFound);
            let addresses = match receiver.try_recv() {
                Err(mpsc::TryRecvError::Empty) => return Ok(None),
                Err(mpsc::TryRecvError::Disconnected) => Err(nothing()),
                Ok(addresses) => addresses,
            };
            let addresses = addresses.and_then(|found| if found.is_empty() { Err(nothing()) } else { Ok(found) });
            let mut addresses = addresses.map_err(|error| Error::Resolve(self.host.clone(), error))?;
            // The resolver's order is the order of preference; `start` takes the last.
            addresses.reverse();
            self.start(addresses, registry, token)?;
        }
        loop {
            let State::Connecting { stream, until, .. } = &self.state else { return Ok(None) };
            let outcome = match stream.is_connected() {
                Ok(false) if *until <= Instant::now() => Err(io::ErrorKind::TimedOut.into()),
                outcome => outcome,
            };
            if matches!(outcome, Ok(false)) {
                return Ok(None);
            }
            let State::Connecting { stream, to, others, .. } = std::mem::replace(&mut self.state, State::Done) else {
                return Ok(None);
            };
            match outcome {
                Ok(_) => return Ok(Some((stream, to))),
                Err(error) if others.is_empty() => return Err(Error::Connect(to, error)),
                Err(error) => {
                    log::info!("{to} does not take the connection ({error}): trying another address");
                    self.start(others, registry, token)?;
                }
            }
        }
    }

    /// When to poll though nothing woke the client.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Connecting { until, .. } => Some(*until),
            State::Resolving(_) | State::Done => None,
        }
    }

    pub(super) fn handle_event(&mut self, event: &mio::event::Event) {
        if let State::Connecting { stream, .. } = &mut self.state {
            stream.handle_event(event);
        }
    }

    /// Tries addresses from the last to the first until one does not fail at once.
    fn start(&mut self, mut addresses: Vec<SocketAddr>, registry: &Registry, token: Token) -> Result<(), Error> {
        while let Some(to) = addresses.pop() {
            let started = TcpStream::connect(to).and_then(|mut stream| {
                registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
                Ok(stream)
            });
            match started {
                Ok(stream) => {
                    let until = Instant::now() + self.timeout;
                    self.state = State::Connecting { stream, to, until, others: addresses };
                    return Ok(());
                }
                Err(error) if addresses.is_empty() => return Err(Error::Connect(to, error)),
                Err(error) => log::info!("{to} cannot be reached ({error}): trying another address"),
            }
        }
        Ok(())
    }
}
