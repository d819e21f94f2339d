//! Waiting, for all clients at once: what is ready or due is serviced, everything else is the core's.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::Waker;

use mio::{Events, Interest, Poll, Token};
use mutoscope::io::server::{Addresses, Context, Outcome, Peer, Settings, Sockets};
use mutoscope::io::{Clock, Datagram, Meta};
use mutoscope::media::catalogue::Catalogue;
use mutoscope::time::{Duration, Instant, earliest};

use super::context::serving;
use super::ready_queue::ReadyQueue;
use super::slab::Slab;
use super::{Error, Server, StopHandle, random};
use crate::clock::MonotonicClock;
use crate::tcp::{Accepted, Listener, TcpStream};
use crate::udp::{self, UdpSocket};

pub(super) const LISTENER: Token = Token(0);
pub(super) const WAKER: Token = Token(1);
pub(super) const RTP: Token = Token(2);
pub(super) const RTCP: Token = Token(3);
const FIRST_CLIENT: usize = 4;

/// A request that does not fit is answered with 413.
const RX_BUFFER: usize = 4 * 1024;
/// Some twenty packets on their way to a TCP client; answers have their share of it.
const TX_BUFFER: usize = 32 * 1024;
/// Enough to read a request line and to answer 503.
const REFUSING_BUFFER: usize = 2 * 1024;

/// Clients beyond the limit that are told so. More than these are closed without a word, so that a flood costs little.
const MAX_REFUSING: usize = 16;
/// How long such a client may take for its first request.
const REFUSING_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections and datagrams taken in one turn: nobody may starve those who are already being served.
const BATCH: usize = 64;
/// How long to leave connections waiting when the system has no descriptor for them. No event tells when it has.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long clients have to take what they are owed when the server stops.
const STOP_PATIENCE: Duration = Duration::from_millis(1500);

/// The server at work.
pub(super) struct EventLoop<'a, C: Catalogue> {
    poll: Poll,
    listener: Listener,
    rtp: UdpSocket,
    rtcp: UdpSocket,
    catalogue: &'a C,
    settings: Settings<'a>,
    clock: MonotonicClock,
    clients: Slab<Slot<C::Source>>,
    /// Those who are served, by where they are: what comes over UDP is meant for few of them, and strangers' datagrams for none.
    hosts: BTreeSet<(IpAddr, usize)>,
    refusing: usize,
    max_clients: usize,
    /// When which client wants to be serviced though nothing happens.
    timers: BTreeSet<(Instant, usize)>,
    /// Who is to be serviced in the next turn: something happened, time has come, or there was more than one turn is for.
    turns: ReadyQueue,
    /// The last refusal has been said, and no place has become free since.
    is_full: bool,
    accepting: Accepting,
    /// Datagrams wait that no further event will report.
    rtp_waits: bool,
    rtcp_waits: bool,
    stop: StopHandle,
    /// Stopping: when those who are still there are left behind.
    deadline: Option<Instant>,
}

struct Slot<S> {
    stream: TcpStream,
    client: Peer<Box<[u8]>, S>,
    /// Its entry in the timers.
    due: Option<Instant>,
    refusing: bool,
    /// Our half of the connection is closed.
    shut: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Accepting {
    /// The next event tells.
    Idle,
    /// Connections may wait that no further event will report.
    Waiting,
    /// Not before this instant: out of descriptors.
    Paused { until: Instant },
    /// Not any more.
    Over,
}

impl<'a, C: Catalogue> EventLoop<'a, C> {
    pub(super) fn new(server: Server, catalogue: &'a C, settings: Settings<'a>, clock: MonotonicClock) -> Self {
        Self {
            poll: server.poll,
            listener: server.listener,
            rtp: server.rtp,
            rtcp: server.rtcp,
            catalogue,
            settings,
            clock,
            clients: Slab::new(),
            hosts: BTreeSet::new(),
            refusing: 0,
            max_clients: server.options.max_clients,
            timers: BTreeSet::new(),
            turns: ReadyQueue::default(),
            is_full: false,
            // Whoever connected while media were indexed waits already.
            accepting: Accepting::Waiting,
            rtp_waits: true,
            rtcp_waits: true,
            stop: server.stop,
            deadline: None,
        }
    }

    /// Serves until stopped.
    pub(super) fn run(mut self) -> Result<(), Error> {
        let mut events = Events::with_capacity(256);
        loop {
            match self.poll.poll(&mut events, self.patience()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => events.clear(),
                result => result.map_err(Error::Wait)?,
            }
            for event in &events {
                match event.token() {
                    LISTENER if self.accepting == Accepting::Idle => self.accepting = Accepting::Waiting,
                    LISTENER | WAKER => {}
                    RTP => self.rtp_waits = true,
                    RTCP => self.rtcp_waits = true,
                    Token(token) => {
                        // A number may have gone to another client since the event arose: then it is asked in vain.
                        let number = token - FIRST_CLIENT;
                        if let Some(slot) = self.clients.at(number) {
                            slot.stream.handle_event(event);
                            self.turns.push(number);
                        }
                    }
                }
            }
            if self.stop.is_stopping() && self.deadline.is_none() {
                self.begin_to_stop();
            }
            self.accept()?;
            self.receive();
            self.collect_due();
            while let Some(number) = self.turns.pop() {
                self.service(number);
            }
            if let Some(deadline) = self.deadline
                && (self.clients.len() == 0 || self.clock.now() >= deadline)
            {
                log::info!("stopped");
                return Ok(());
            }
        }
    }

    /// How long nothing needs to be done.
    fn patience(&self) -> Option<Duration> {
        if self.accepting == Accepting::Waiting || self.rtp_waits || self.rtcp_waits {
            return Some(Duration::ZERO);
        }
        let paused = match self.accepting {
            Accepting::Paused { until } => Some(until),
            _ => None,
        };
        let timer = self.timers.first().map(|&(due, _)| due);
        let next = earliest(earliest(timer, paused), self.deadline)?;
        Some(next.since(self.clock.now()))
    }

    /// Adds the clients whose time has come.
    fn collect_due(&mut self) {
        let now = self.clock.now();
        while let Some(&(due, number)) = self.timers.first()
            && due <= now
        {
            self.timers.pop_first();
            if let Some(slot) = self.clients.at(number) {
                slot.due = None;
                self.turns.push(number);
            }
        }
    }

    fn service(&mut self, number: usize) {
        let Some(slot) = self.clients.at(number) else { return };
        let outcome = serving(slot.client.peer(), || {
            let context = Context { now: self.clock.now(), waker: Waker::noop(), settings: &self.settings };
            let sockets = Sockets { control: &mut slot.stream, rtp: &mut self.rtp, rtcp: &mut self.rtcp };
            slot.client.service::<{ udp::MAX_TRAIN }, _, _, _, _>(context, sockets, self.catalogue)
        });
        match outcome {
            Outcome::Closed => return self.remove(number),
            Outcome::Closing if !slot.shut => {
                slot.shut = true;
                if let Err(error) = slot.stream.shut_down_write() {
                    log::debug!("{}: {error}", slot.client.peer());
                }
            }
            Outcome::Closing | Outcome::Open => {}
        }
        let due = slot.client.poll_timeout();
        if due != slot.due {
            if let Some(old) = slot.due {
                self.timers.remove(&(old, number));
            }
            if let Some(new) = due {
                self.timers.insert((new, number));
            }
            slot.due = due;
        }
    }

    fn remove(&mut self, number: usize) {
        let Some(mut slot) = self.clients.remove(number) else { return };
        if let Some(due) = slot.due {
            self.timers.remove(&(due, number));
        }
        self.hosts.remove(&(slot.client.peer().ip(), number));
        self.refusing -= usize::from(slot.refusing);
        self.is_full &= slot.refusing;
        // Closing the descriptor would do; where that failed, a stale registration must not stay behind.
        let _ = self.poll.registry().deregister(&mut slot.stream);
        if !slot.refusing {
            log::info!("{} is gone, {} left", slot.client.peer(), self.clients.len());
        }
    }

    fn accept(&mut self) -> Result<(), Error> {
        let resumed = match self.accepting {
            Accepting::Idle | Accepting::Over => return Ok(()),
            Accepting::Waiting => false,
            Accepting::Paused { until } if self.clock.now() < until => return Ok(()),
            Accepting::Paused { .. } => true,
        };
        self.accepting = Accepting::Waiting;
        for _ in 0..BATCH {
            match self.listener.accept() {
                Accepted::Connection(stream, peer) => self.admit(stream, peer),
                Accepted::Aborted => {}
                Accepted::Nobody => {
                    self.accepting = Accepting::Idle;
                    break;
                }
                Accepted::Exhausted(error) => {
                    // Said once, not ten times a second for as long as it lasts.
                    if !resumed {
                        log::warn!("no connection can be taken until another one ends: {error}");
                    }
                    self.accepting = Accepting::Paused { until: self.clock.now().after(ACCEPT_PAUSE) };
                    break;
                }
                Accepted::Failed(error) => return Err(Error::Accept(error)),
            }
        }
        Ok(())
    }

    fn admit(&mut self, mut stream: TcpStream, peer: SocketAddr) {
        let now = self.clock.now();
        let refusing = self.clients.len() - self.refusing >= self.max_clients;
        if refusing && self.refusing >= MAX_REFUSING {
            log::debug!("{peer} is beyond all limits");
            return;
        }
        let number = self.clients.next_number();
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = self.poll.registry().register(&mut stream, Token(FIRST_CLIENT + number), interest) {
            log::warn!("{peer} cannot be served: {error}");
            return;
        }
        let buffer = |len: usize| vec![0; len].into_boxed_slice();
        let addresses = Addresses { peer, local: stream.local_addr().ok().map(|local| local.ip()) };
        let client = if refusing {
            if !self.is_full {
                // Said once, or whoever knocks on and on would fill the disk.
                log::warn!("{peer} is refused: there are {} clients already (--max-clients)", self.max_clients);
            }
            self.is_full = true;
            let mut settings = self.settings;
            settings.session.idle_timeout = REFUSING_TIMEOUT;
            Peer::refusing(now, addresses, buffer(REFUSING_BUFFER), buffer(REFUSING_BUFFER), &settings)
        } else {
            let entropy = match random() {
                Ok(entropy) => entropy,
                // Guessable session identifiers would be worse than none.
                Err(error) => return log::warn!("{peer} cannot be served: {error}"),
            };
            Peer::new(now, addresses, buffer(RX_BUFFER), buffer(TX_BUFFER), entropy, &self.settings)
        };
        self.refusing += usize::from(refusing);
        let number = self.clients.insert(Slot { stream, client, due: None, refusing, shut: false });
        // Of those who are refused, the warning above is enough.
        if !refusing {
            self.hosts.insert((peer.ip(), number));
            log::info!("{peer} is here, {} altogether", self.clients.len());
        }
        self.service(number);
    }

    /// Takes what came over UDP: reports on the one socket, and on the other nothing but what punches holes into firewalls.
    fn receive(&mut self) {
        if self.rtp_waits {
            self.rtp_waits = drain(&mut self.rtp, |_, _| {});
        }
        if self.rtcp_waits {
            let (clients, hosts, now) = (&mut self.clients, &self.hosts, self.clock.now());
            // Reports only ever postpone what a client is waiting for, so its timer may stay.
            self.rtcp_waits = drain(&mut self.rtcp, |Meta { from, .. }, compound| {
                let mut meant = false;
                // All of them: a host may have two sessions with one port, of which one has been forgotten.
                for &(_, number) in hosts.range((from.ip(), 0)..=(from.ip(), usize::MAX)) {
                    meant |= clients.at(number).is_some_and(|slot| slot.client.handle_rtcp(now, from, compound));
                }
                if !meant {
                    log::trace!("{} bytes of RTCP from a stranger, {from}", compound.len());
                }
            });
        }
    }

    fn begin_to_stop(&mut self) {
        let now = self.clock.now();
        log::info!("stopping, {} clients", self.clients.len());
        self.deadline = Some(now.after(STOP_PATIENCE));
        self.accepting = Accepting::Over;
        let _ = self.poll.registry().deregister(&mut self.listener);
        for number in self.clients.numbers() {
            if let Some(slot) = self.clients.at(number) {
                slot.client.shut_down(now);
            }
            self.service(number);
        }
    }
}

/// Hands datagrams on; whether more may wait.
fn drain(socket: &mut UdpSocket, mut handle: impl FnMut(Meta, &[u8])) -> bool {
    for _ in 0..BATCH {
        match socket.recv(&mut handle) {
            Ok(Some(())) => {}
            Ok(None) => return false,
            Err(error) => {
                log::warn!("cannot receive over UDP: {error}");
                return false;
            }
        }
    }
    true
}
