//! The event loop. It waits for all clients at once and services those whose sockets are ready, whose time has come, or whose
//! sources have woken them. Everything that happens inside of a service is the core's.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use ipnet::IpNet;
use mio::{Events, Interest, Poll, Token};
use mutoscope::io::server::{self, Addresses, Context, Outcome, Peer, Settings};
use mutoscope::io::{Clock, Meta};
use mutoscope::media::catalogue::Catalogue;
use mutoscope::time::{Duration, Instant, earliest};

use super::clients::{Admission, Clients, Decision, Served, Slot, Why};
use super::context::serving;
use super::debt::Debt;
use super::door::Door;
use super::endpoint::{self, Endpoint};
use super::hosts::{IsInside, Standing};
use super::schedule::Schedule;
use super::wake::{self, WakeList};
use super::{Error, StopHandle, random};
use crate::clock::MonotonicClock;
use crate::guard::KEPT_OUT;
use crate::link::Link;
use crate::udp;

pub(super) const WAKER: Token = Token(0);
/// Those of the endpoints follow, and behind them those of the clients.
const FIRST_ENDPOINT: usize = 1;

/// A request that does not fit is answered with 413.
const RX_BUFFER: usize = 4 * 1024;
/// Some twenty packets on their way to a TCP client; answers have their share of it.
const TX_BUFFER: usize = 32 * 1024;
/// Enough to read a request line and to answer 503.
const REFUSING_BUFFER: usize = 2 * 1024;
/// How long a client beyond the limit may take for its first request.
const REFUSING_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections taken in one turn: nobody may starve those who are already being served.
const BATCH: usize = 64;
/// How long clients have to take what they are owed when the server stops.
const STOP_PATIENCE: Duration = Duration::from_millis(1500);

/// The sockets of a server, registered with `poll` under the tokens above.
#[derive(Debug)]
pub(super) struct Sockets {
    poll: Poll,
    endpoints: Vec<Endpoint>,
}

impl Sockets {
    pub(super) fn register(poll: Poll, mut endpoints: Vec<Endpoint>) -> io::Result<Self> {
        for (number, endpoint) in endpoints.iter_mut().enumerate() {
            endpoint.register(&poll, FIRST_ENDPOINT, number)?;
        }
        Ok(Self { poll, endpoints })
    }

    pub(super) fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The first client's token.
    fn first_client(&self) -> usize {
        FIRST_ENDPOINT + endpoint::tokens(self.endpoints.len())
    }
}

/// The server at work.
pub(super) struct EventLoop<'a, C: Catalogue, D: Door> {
    sockets: Sockets,
    catalogue: &'a C,
    door: &'a D,
    settings: Settings<'a>,
    clock: MonotonicClock,
    clients: Clients<C::Medium, D>,
    schedule: Schedule,
    wake_list: Arc<WakeList>,
    stop: StopHandle,
    /// The server is stopping, and closes the connections that are still open at this instant.
    deadline: Option<Instant>,
}

impl<'a, C: Catalogue, D: Door> EventLoop<'a, C, D> {
    /// Serves at most `limit` clients at once. Addresses in `trusted` have no limits of their own.
    pub(super) fn new(
        sockets: Sockets,
        catalogue: &'a C,
        door: &'a D,
        settings: Settings<'a>,
        clock: MonotonicClock,
        (limit, trusted): (usize, Vec<IpNet>),
        stop: StopHandle,
    ) -> Self {
        let interrupt = stop.clone();
        Self {
            sockets,
            catalogue,
            door,
            settings,
            clock,
            clients: Clients::new(limit, trusted),
            schedule: Schedule::default(),
            wake_list: WakeList::new(move || interrupt.interrupt()),
            stop,
            deadline: None,
        }
    }

    /// Serves until stopped.
    pub(super) fn run(mut self) -> Result<(), Error> {
        let mut events = Events::with_capacity(256);
        while !self.is_over() {
            self.turn(&mut events, None)?;
        }
        log::info!("stopped");
        Ok(())
    }

    /// Waits until there is something to do, but no longer than `at_most`, and does it. Gives the number of clients that were
    /// serviced.
    fn turn(&mut self, events: &mut Events, at_most: Option<Duration>) -> Result<usize, Error> {
        let patience = [self.patience(), at_most].into_iter().flatten().min();
        match self.sockets.poll.poll(events, patience) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => events.clear(),
            result => result.map_err(Error::Wait)?,
        }
        for event in &*events {
            match event.token() {
                WAKER => {}
                Token(token) => match token.checked_sub(self.sockets.first_client()) {
                    None => {
                        let (number, at) = endpoint::place_of(token - FIRST_ENDPOINT);
                        self.sockets.endpoints[number].handle_event(at);
                    }
                    // The number may have gone to another client since the event arose. Servicing that one does no harm.
                    Some(number) => {
                        if let Some(slot) = self.clients.at(number) {
                            slot.stream.handle_event(event);
                            self.schedule.push(number);
                        }
                    }
                },
            }
        }
        if self.stop.is_stopping() && self.deadline.is_none() {
            self.begin_to_stop();
        }
        self.accept()?;
        self.receive();
        self.push_woken();
        self.schedule.push_due(self.clock.now());
        let mut serviced = 0;
        while let Some(number) = self.schedule.pop() {
            self.service(number);
            serviced += 1;
        }
        Ok(serviced)
    }

    /// How long nothing needs to be done.
    fn patience(&self) -> Option<Duration> {
        let endpoints = &self.sockets.endpoints;
        if endpoints.iter().any(|endpoint| endpoint.rtp.has_more || endpoint.rtcp.has_more) {
            return Some(Duration::ZERO);
        }
        let accepting = endpoints
            .iter()
            .flat_map(|endpoint| &endpoint.entrances)
            .map(|entrance| entrance.acceptor.due())
            .fold(None, earliest);
        let next = earliest(earliest(self.schedule.next_due(), accepting), self.deadline)?;
        Some(next.since(self.clock.now()))
    }

    /// Whether it was stopped, and every client has been told, or had the time for it.
    fn is_over(&self) -> bool {
        self.deadline.is_some_and(|deadline| self.clients.len() == 0 || self.clock.now() >= deadline)
    }

    /// Lists the clients whose sources have something for them.
    fn push_woken(&mut self) {
        for client in self.wake_list.take_woken() {
            // A source may wake a client that has gone, and whose number is another client's by now.
            if self.clients.at(client.number()).is_some_and(|slot| Arc::ptr_eq(&slot.woken_as, &client)) {
                self.schedule.push(client.number());
            }
        }
    }

    fn service(&mut self, number: usize) {
        let Some(slot) = self.clients.at(number) else { return };
        let outcome = serving(slot.peer.peer(), || {
            let context = Context { now: self.clock.now(), waker: &slot.waker, settings: &self.settings };
            let Endpoint { rtp, rtcp, .. } = &mut self.sockets.endpoints[slot.endpoint];
            // What has been written may wait in it for room.
            slot.stream.drive();
            let (control, rtp, rtcp) = (&mut slot.stream, &mut rtp.socket, &mut rtcp.socket);
            let sockets = server::Sockets { control, rtp, rtcp };
            let outcome = slot.peer.service_guarded::<{ udp::MAX_TRAIN }, _, _, _, _>(
                context,
                sockets,
                self.catalogue,
                self.door,
            );
            slot.stream.tell_failure();
            outcome
        });
        let now = self.clock.now();
        slot.debt.update(now, slot.stream.owes());
        if !slot.is_shut && slot.debt.deadline().is_some_and(|deadline| deadline <= now) {
            log::warn!("{}: closed: the rest of a handshake or record of TLS never came", slot.peer.peer());
            slot.peer.shut_down(now);
            slot.debt.update(now, None);
            // The session says its farewell.
            self.schedule.push(number);
        }
        match outcome {
            Outcome::Closed => return self.remove(number),
            Outcome::Closing if !slot.is_shut => {
                slot.is_shut = true;
                if let Err(error) = slot.stream.shut_down_write() {
                    log::debug!("{}: {error}", slot.peer.peer());
                }
            }
            Outcome::Closing | Outcome::Open => {}
        }
        self.schedule.set_due(number, earliest(slot.peer.poll_timeout(), slot.debt.deadline()));
    }

    fn remove(&mut self, number: usize) {
        self.schedule.set_due(number, None);
        let Some(mut slot) = self.clients.remove(self.clock.now(), number) else { return };
        // Closing the descriptor would be enough. Should that fail, the registration must not stay behind.
        let _ = self.sockets.poll.registry().deregister(&mut slot.stream);
        if !slot.is_refused {
            log::info!("{} is gone, {} left", slot.peer.peer(), self.clients.len());
        }
    }

    fn accept(&mut self) -> Result<(), Error> {
        for endpoint in 0..self.sockets.endpoints.len() {
            for number in 0..self.sockets.endpoints[endpoint].entrances.len() {
                for _ in 0..BATCH {
                    let entrance = &mut self.sockets.endpoints[endpoint].entrances[number];
                    let Some((stream, peer)) = entrance.acceptor.accept(self.clock.now())? else { break };
                    match entrance.link(stream) {
                        Ok(stream) => self.admit(endpoint, stream, peer),
                        Err(error) => log::warn!("{peer} cannot be served: {error}"),
                    }
                }
            }
        }
        Ok(())
    }

    fn admit(&mut self, endpoint: usize, mut stream: Link, peer: SocketAddr) {
        let now = self.clock.now();
        if !self.door.lets_in(peer) {
            self.door.tell_refused(now, peer, KEPT_OUT);
            return log::debug!("{peer} is not let in");
        }
        let (door, is_inside) = (self.door, |address| self.door.is_inside(address));
        let is_inside = door.asks_who_it_is().then_some(&is_inside as IsInside<'_>);
        let Decision { admission, standing, why, is_said } = self.clients.admit(now, peer.ip(), is_inside);
        if let Some(why) = why {
            door.tell_refused(now, peer, why.words());
        }
        // It is said once: otherwise, a client that keeps connecting would fill the disk.
        match why.filter(|_| is_said) {
            Some(Why::Full) => {
                let count = self.clients.len();
                log::warn!("{peer} is refused: there are {count} clients already (--max-clients)");
            }
            Some(Why::Over(reason)) => log::warn!("{peer} is refused: {} (--trusted)", reason.words()),
            None => {}
        }
        if admission == Admission::Ignore {
            return log::debug!("{peer} is beyond all limits");
        }
        let number = self.clients.next_number();
        let interest = Interest::READABLE | Interest::WRITABLE;
        let token = Token(self.sockets.first_client() + number);
        if let Err(error) = self.sockets.poll.registry().register(&mut stream, token, interest) {
            return log::warn!("{peer} cannot be served: {error}");
        }
        let is_refused = admission != Admission::Serve;
        let local = stream.local_addr().ok().map(|address| address.ip());
        let client = match self.peer(Addresses { peer, local }, standing, stream.is_private(), is_refused) {
            Ok(client) => client,
            Err(error) => return log::warn!("{peer} cannot be served: {error}"),
        };
        let woken_as = wake::Client::new(number, &self.wake_list);
        let waker = woken_as.waker();
        let debt = Debt::new(&self.settings.session, standing);
        let slot = Slot { stream, endpoint, peer: client, waker, woken_as, is_refused, standing, is_shut: false, debt };
        let number = self.clients.insert(slot);
        // For those that are refused, the warning above is enough.
        if !is_refused {
            log::info!("{peer} is here, {} altogether", self.clients.len());
        }
        self.service(number);
    }

    fn peer(
        &self,
        addresses: Addresses,
        standing: Standing,
        is_private: bool,
        is_refused: bool,
    ) -> Result<Served<C::Medium, D>, Error> {
        let now = self.clock.now();
        let buffer = |len: usize| vec![0; len].into_boxed_slice();
        let visit = self.door.visit(addresses.peer, is_private);
        let mut settings = self.settings;
        if is_refused {
            settings.session.idle_timeout = REFUSING_TIMEOUT;
            let (rx, tx) = (buffer(REFUSING_BUFFER), buffer(REFUSING_BUFFER));
            return Ok(Peer::refusing_guarded(now, addresses, rx, tx, &settings, visit));
        }
        settings.session.is_hurried = standing != Standing::Exempt;
        let (rx, tx) = (buffer(RX_BUFFER), buffer(TX_BUFFER));
        Ok(Peer::guarded(now, addresses, rx, tx, random()?, &settings, visit))
    }

    /// Takes the datagrams that came. On the RTCP socket they are reports. On the RTP socket they are the packets with which
    /// clients open their firewalls and tell by which port they are reached.
    fn receive(&mut self) {
        let (clients, schedule, now) = (&mut self.clients, &mut self.schedule, self.clock.now());
        for Endpoint { rtp, rtcp, .. } in &mut self.sockets.endpoints {
            rtp.drain(|Meta { from, .. }, packet| match clients.handle_rtp(now, from, packet) {
                Some(number) => schedule.push(number),
                None => log::trace!("{} bytes of RTP from a stranger, {from}", packet.len()),
            });
            // A report can only make a client's deadline later, so its timer may stay.
            rtcp.drain(|Meta { from, .. }, compound| {
                if !clients.handle_rtcp(now, from, compound) {
                    log::trace!("{} bytes of RTCP from a stranger, {from}", compound.len());
                }
            });
        }
    }

    fn begin_to_stop(&mut self) {
        let now = self.clock.now();
        log::info!("stopping, {} clients", self.clients.len());
        self.deadline = Some(now.after(STOP_PATIENCE));
        let Sockets { poll, endpoints } = &mut self.sockets;
        let entrances = endpoints.iter_mut().flat_map(|endpoint| &mut endpoint.entrances);
        entrances.for_each(|entrance| entrance.acceptor.close(poll.registry()));
        for number in self.clients.numbers() {
            if let Some(slot) = self.clients.at(number) {
                slot.peer.shut_down(now);
            }
            self.service(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::live::Live;
    use crate::media::testing::jpeg;
    use crate::server::{Options, Server};
    use mutoscope::io::server::Open;
    use mutoscope::media::catalogue::{Entry, Medium, NotReady};
    use mutoscope::media::{Advance, Extent, Frame, FrameRate, FrameSource, NoSink};
    use mutoscope::wire::url::Path;
    use std::convert::Infallible;
    use std::io::{Read, Write};
    use std::net::TcpStream as Connection;
    use std::sync::Mutex;
    use std::task::Waker;

    /// Longer than anything takes, on the slowest of machines.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// A server whose turns the test takes.
    struct Turns<'a, C: Catalogue> {
        server: EventLoop<'a, C, Open>,
        address: SocketAddr,
        events: Events,
    }

    impl<'a, C: Catalogue> Turns<'a, C> {
        fn new(catalogue: &'a C) -> Self {
            Self::with(catalogue, &Options { rtsp_port: 0, ..Options::default() }, Settings::default())
        }

        fn with(catalogue: &'a C, options: &Options, settings: Settings<'a>) -> Self {
            let server = Server::bind(options).unwrap();
            let clock = MonotonicClock::new();
            let address = server.local_addr();
            let server =
                EventLoop::new(server.sockets, catalogue, &Open, settings, clock, (100, Vec::new()), server.stop);
            Self { server, address, events: Events::with_capacity(64) }
        }

        /// The number of clients that are serviced by one turn that waits for `at_most`.
        fn turn(&mut self, at_most: Duration) -> usize {
            self.server.turn(&mut self.events, Some(at_most)).unwrap()
        }

        /// Takes turns until nothing more is to be done now.
        fn settle(&mut self) {
            while self.turn(Duration::from_millis(20)) > 0 {}
        }

        fn connect(&mut self) -> RawClient {
            let stream = Connection::connect(self.address).unwrap();
            self.settle();
            RawClient { stream, session: String::new() }
        }

        /// The answer to a request.
        fn ask(&mut self, viewer: &mut RawClient, method: &str, headers: &str) -> String {
            let RawClient { stream, session } = viewer;
            let request = format!("{method} rtsp://x/camera RTSP/1.0\r\nCSeq: 1\r\n{session}{headers}\r\n");
            stream.write_all(request.as_bytes()).unwrap();
            self.settle();
            let mut answer = [0; 4096];
            let len = stream.read(&mut answer).unwrap();
            let answer = String::from_utf8_lossy(&answer[..len]).into_owned();
            assert!(answer.starts_with("RTSP/1.0 200 OK\r\n"), "{answer}");
            answer
        }

        /// A viewer that plays over its connection.
        fn play(&mut self) -> RawClient {
            let mut viewer = self.connect();
            let answer = self.ask(&mut viewer, "SETUP", "Transport: RTP/AVP/TCP;interleaved=0-1\r\n");
            let session = answer.split("Session: ").nth(1).unwrap().split(['\r', ';']).next().unwrap();
            viewer.session = format!("Session: {session}\r\n");
            self.ask(&mut viewer, "PLAY", "");
            viewer
        }
    }

    struct RawClient {
        stream: Connection,
        session: String,
    }

    impl RawClient {
        /// Whether something came since it was asked last.
        fn has_received(&mut self) -> bool {
            self.stream.set_nonblocking(true).unwrap();
            let received = self.stream.read(&mut [0; 65_536]).is_ok_and(|len| len > 0);
            self.stream.set_nonblocking(false).unwrap();
            received
        }
    }

    fn camera() -> Live {
        Live::new("camera", FrameRate::new(25, 1).unwrap())
    }

    #[test]
    fn nothing_happens_for_viewers_that_pause_or_wait_for_a_picture_until_there_is_one() {
        let camera = camera();
        // They may be described, and see it at once.
        camera.publish(jpeg(16, 16, 0, b"x"));
        let mut turns = Turns::new(&camera);
        let mut starved = turns.play();
        let mut paused = turns.play();
        turns.settle();
        starved.has_received();
        paused.has_received();
        turns.ask(&mut paused, "PAUSE", "");
        assert!(!starved.has_received());
        // Forty pictures could have been here.
        assert!(turns.server.patience().is_none_or(|patience| patience > Duration::from_secs(1)));
        assert_eq!(turns.turn(Duration::from_millis(100)), 0);
        // It may still be known to the source, once.
        camera.publish(jpeg(16, 16, 0, b"x"));
        turns.settle();
        assert!(starved.has_received() && !paused.has_received());
        for _ in 0..3 {
            let publisher = camera.clone();
            std::thread::spawn(move || publisher.publish(jpeg(16, 16, 0, b"x"))).join().unwrap();
            assert_eq!(turns.turn(PATIENCE), 1, "the one that waits");
            assert_eq!(turns.turn(Duration::from_millis(20)), 0);
            assert!(starved.has_received() && !paused.has_received());
        }
    }

    /// A medium without frames, whose sources leave their wakers behind.
    #[derive(Default)]
    struct Hoard(Mutex<Vec<Waker>>);

    impl Catalogue for &Hoard {
        type Medium = Self;

        fn find(&self, _: Path<'_>) -> Option<Self> {
            Some(*self)
        }
    }

    impl<'a> Medium for &'a Hoard {
        type Source = Hoarder<'a>;
        type Sink = NoSink;

        fn entry(&self, _: &Waker) -> Result<Entry<'_>, NotReady<'_>> {
            let frame_rate = FrameRate::new(25, 1).unwrap();
            Ok(Entry { id: 0, name: "camera", frame_rate, extent: Extent::Live, width: 0, height: 0, refusal: None })
        }

        fn open(&self) -> Option<Hoarder<'a>> {
            Some(Hoarder(self))
        }
    }

    struct Hoarder<'a>(&'a Hoard);

    impl FrameSource for Hoarder<'_> {
        type Error = Infallible;

        fn advance(&mut self, _: Instant, waker: &Waker) -> Result<Advance, Infallible> {
            self.0.0.lock().unwrap().push(waker.clone());
            Ok(Advance::Pending { until: None })
        }

        fn frame(&self) -> Option<Frame<'_>> {
            None
        }

        fn position(&self) -> u32 {
            0
        }

        fn seek(&mut self, _: u32) -> Result<(), Infallible> {
            Ok(())
        }
    }

    #[test]
    #[cfg(feature = "tls")]
    fn a_handshake_that_never_ends_has_the_time_of_a_request() {
        let folder = crate::media::testing::Folder::new();
        let identity = crate::tls::Identity::SelfSigned { directory: folder.path().to_owned() };
        let tls = Some(crate::server::TlsOptions { port: 0, identity, only: true });
        let mut settings = Settings::default();
        settings.session.idle_timeout = Duration::from_secs(1000);
        settings.session.request_timeout = Duration::from_millis(200);
        let camera = camera();
        let mut turns = Turns::with(&camera, &Options { rtsp_port: 0, tls, ..Options::default() }, settings);
        let mut silent = Connection::connect(turns.address).unwrap();
        let mut trickling = Connection::connect(turns.address).unwrap();
        trickling.write_all(b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03").unwrap();
        turns.settle();
        assert_eq!(turns.server.clients.len(), 2);
        let begun = turns.server.clock.now();
        while turns.server.clients.len() > 0 {
            let _ = trickling.write(&[0]);
            turns.turn(Duration::from_millis(20));
            assert!(turns.server.clock.now().since(begun) < PATIENCE, "{} are still here", turns.server.clients.len());
        }
        silent.set_read_timeout(Some(PATIENCE)).unwrap();
        assert!(silent.read(&mut [0; 64]).is_ok());
    }

    #[test]
    fn a_waker_that_outlives_its_client_wakes_nobody_else() {
        let hoard = Hoard::default();
        let catalogue = &hoard;
        let mut turns = Turns::new(&catalogue);
        let gone = turns.play();
        let of_the_one_gone = hoard.0.lock().unwrap().pop().unwrap();
        drop(gone);
        turns.settle();
        assert_eq!(turns.server.clients.len(), 0);
        let _here = turns.play();
        of_the_one_gone.wake();
        assert_eq!(turns.turn(Duration::from_millis(20)), 0);
        let of_the_one_here = hoard.0.lock().unwrap().pop().unwrap();
        of_the_one_here.wake();
        assert_eq!(turns.turn(PATIENCE), 1);
    }
}
