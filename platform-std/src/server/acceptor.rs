//! Taking connections: a few a turn, and none for a while when the system has no descriptor for them.

use std::net::SocketAddr;

use mio::{Interest, Registry, Token};
use mutoscope::time::{Duration, Instant};

use super::Error;
use crate::tcp::{Accepted, Listener, TcpStream};

/// How long to leave connections waiting when the system has no descriptor for them. No event tells when it has.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The listener, and whether connections wait at it.
#[derive(Debug)]
pub(super) struct Acceptor {
    listener: Listener,
    state: State,
    /// The log says already that there are no descriptors, and it has not been seen since that they suffice.
    is_said: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No connection waits; the next event tells when one does.
    Idle,
    /// Connections may wait that no further event will report.
    Waiting,
    /// Not before this instant: out of descriptors.
    Paused { until: Instant },
    /// No connection is taken any more.
    Closed,
}

impl Acceptor {
    /// Connections may wait at `listener` already: the kernel has taken them since it was bound.
    pub(super) fn new(listener: Listener) -> Self {
        Self { listener, state: State::Waiting, is_said: false }
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> std::io::Result<()> {
        registry.register(&mut self.listener, token, Interest::READABLE)
    }

    /// An event says that connections wait.
    pub(super) fn handle_event(&mut self) {
        if self.state == State::Idle {
            self.state = State::Waiting;
        }
    }

    /// When connections are to be taken though no event says that they wait; in the past: at once.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.state {
            State::Waiting => Some(Instant::default()),
            State::Paused { until } => Some(until),
            State::Idle | State::Closed => None,
        }
    }

    /// The next connection. `None`: there is none that can be taken in this turn.
    pub(super) fn accept(&mut self, now: Instant) -> Result<Option<(TcpStream, SocketAddr)>, Error> {
        match self.state {
            State::Idle | State::Closed => return Ok(None),
            State::Paused { until } if now < until => return Ok(None),
            State::Paused { .. } | State::Waiting => self.state = State::Waiting,
        }
        match self.listener.accept() {
            Accepted::Connection(stream, peer) => return Ok(Some((stream, peer))),
            // The next turn looks whether there are more.
            Accepted::Aborted => {}
            Accepted::Nobody => {
                self.is_said = false;
                self.state = State::Idle;
            }
            Accepted::Exhausted(error) => {
                // It is said once, not ten times a second for as long as it lasts.
                if !std::mem::replace(&mut self.is_said, true) {
                    log::warn!("no connection can be taken until another one ends: {error}");
                }
                self.state = State::Paused { until: now.after(ACCEPT_PAUSE) };
            }
            Accepted::Failed(error) => return Err(Error::Accept(error)),
        }
        Ok(None)
    }

    /// Takes no connection any more.
    pub(super) fn close(&mut self, registry: &Registry) {
        self.state = State::Closed;
        let _ = registry.deregister(&mut self.listener);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_taken_until_there_are_none_and_then_when_an_event_says_so() {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let mut acceptor = Acceptor::new(listener);
        let now = Instant::from_millis(7);
        let _first = std::net::TcpStream::connect(address).unwrap();
        assert!(acceptor.due().is_some_and(|due| due <= now), "nobody told it of those who came before it");
        assert!(acceptor.accept(now).unwrap().is_some() && acceptor.due().is_some());
        assert!(acceptor.accept(now).unwrap().is_none() && acceptor.due().is_none());
        let _second = std::net::TcpStream::connect(address).unwrap();
        assert!(acceptor.accept(now).unwrap().is_none(), "asked without an event");
        acceptor.handle_event();
        assert!(acceptor.accept(now).unwrap().is_some());
    }
}
