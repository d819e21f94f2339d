//! From a name to a connection, without blocking.

use super::Error;
use super::security::{Greeting, Security};
use crate::link::Link;
use crate::reach::Reach;
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
    manner: Manner,
}

/// How to connect.
#[derive(Debug)]
pub(super) struct Manner {
    /// How long each address may take.
    pub(super) timeout: Duration,
    pub(super) reach: Reach,
    /// What is to be around the connection once it stands.
    pub(super) security: Security,
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
    /// The connection stands, and the two sides agree on what is to be around it.
    Greeting {
        greeting: Greeting,
        to: SocketAddr,
        until: Instant,
    },
    /// Over: the stream was taken, or an error told.
    Done,
}

impl Connect {
    /// Starts. `waker` is woken when there is something to [`poll`](Self::poll) that no socket tells of.
    pub(super) fn new(
        host: &str,
        port: u16,
        manner: Manner,
        waker: &Arc<Waker>,
        registry: &Registry,
        token: Token,
    ) -> Result<Self, Error> {
        let mut connect = Self { host: host.to_owned(), state: State::Done, manner };
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
    pub(super) fn poll(&mut self, registry: &Registry, token: Token) -> Result<Option<(Link, SocketAddr)>, Error> {
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
            if matches!(self.state, State::Greeting { .. }) {
                return self.greet();
            }
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
                Ok(_) => {
                    let (greeting, until) =
                        (Greeting::new(stream, &self.manner.security)?, Instant::now() + self.manner.timeout);
                    self.state = State::Greeting { greeting, to, until };
                }
                Err(error) if others.is_empty() => return Err(Error::Connect(to, error)),
                Err(error) => {
                    log::info!("{to} does not take the connection ({error}): trying another address");
                    self.start(others, registry, token)?;
                }
            }
        }
    }

    /// Goes on with the session on a connection that stands. Where it fails, another address would only hide that.
    fn greet(&mut self) -> Result<Option<(Link, SocketAddr)>, Error> {
        let State::Greeting { greeting, until, .. } = &mut self.state else { return Ok(None) };
        if !greeting.drive()? {
            if *until > Instant::now() {
                return Ok(None);
            }
            let silent = "the server takes the connection and does not speak TLS: is this its port for rtsps://?";
            return Err(Error::Tls(silent.to_owned()));
        }
        let State::Greeting { greeting, to, .. } = std::mem::replace(&mut self.state, State::Done) else {
            return Ok(None);
        };
        Ok(Some((greeting.into_link(), to)))
    }

    /// When to poll though nothing woke the client.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Connecting { until, .. } | State::Greeting { until, .. } => Some(*until),
            State::Resolving(_) | State::Done => None,
        }
    }

    pub(super) fn handle_event(&mut self, event: &mio::event::Event) {
        match &mut self.state {
            State::Connecting { stream, .. } => stream.handle_event(event),
            State::Greeting { greeting, .. } => greeting.stream_mut().handle_event(event),
            State::Resolving(_) | State::Done => {}
        }
    }

    /// Tries addresses from the last to the first until one does not fail at once.
    fn start(&mut self, mut addresses: Vec<SocketAddr>, registry: &Registry, token: Token) -> Result<(), Error> {
        while let Some(to) = addresses.pop() {
            let allowed = if self.manner.reach.allows(to.ip()) { Ok(()) } else { Err(Reach::refusal()) };
            let started = allowed.and_then(|()| TcpStream::connect(to)).and_then(|mut stream| {
                registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
                Ok(stream)
            });
            match started {
                Ok(stream) => {
                    let until = Instant::now() + self.manner.timeout;
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
