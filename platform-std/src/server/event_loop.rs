//! The event loop, one for each thread. It waits for all of its clients at once and services those whose sockets are ready, whose time has come, or whose
//! sources have woken them. Everything that happens inside of a service is the core's.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use mio::{Events, Interest, Poll, Token};
use mutoscope::io::server::{self, Addresses, Context, Outcome, Peer, Settings};
use mutoscope::io::{Clock, Meta, Tap};
use mutoscope::media::catalogue::Catalogue;
use mutoscope::session::State;
use mutoscope::time::{Duration, Instant, earliest};

use super::admissions::Place;
use super::buffers::Buffers;
use super::clients::{Clients, Served, Slot};
use super::context::serving;
use super::debt::Debt;
use super::door::Door;
use super::endpoint::{self, Endpoint};
use super::hosts::Standing;
use super::limits::Limits;
use super::load::{Doing, Lack, Meter};
use super::post::{Arrival, Known, Letter, Mailbox, WAKER};
use super::reception::Reception;
use super::reports::Counted;
use super::room::{Gate, Queue};
use super::schedule::Schedule;
use super::sessions::Id;
use super::tally::Gone;
use super::wake::{self, WakeList};
use super::{Error, StopHandle, random};
use crate::clock::MonotonicClock;
use crate::link::Link;
use crate::udp;
use crate::watch::Captured;

/// Behind the waker, those of the endpoints follow, and behind them those of the clients.
const FIRST_ENDPOINT: usize = 1;

/// A request that does not fit is answered with 413.
const RX_BUFFER: usize = 4 * 1024;
/// Answers, and the rest of a packet that a TCP client has taken in part: the longest has 20 KB (of the lab).
const TX_BUFFER: usize = 32 * 1024;
/// How long a client beyond the limit may take for its first request.
const REFUSING_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections taken in one turn: nobody may starve those who are already being served.
const BATCH: usize = 64;
/// How long clients have to take what they are owed when the server stops.
const STOP_PATIENCE: Duration = Duration::from_millis(1500);

/// The sockets of one loop, registered with `poll` under the tokens above.
#[derive(Debug)]
pub(super) struct Sockets {
    poll: Poll,
    endpoints: Vec<Endpoint>,
}

impl Sockets {
    /// Those of the loop that takes connections and reads the UDP sockets.
    pub(super) fn register(poll: Poll, mut endpoints: Vec<Endpoint>) -> io::Result<Self> {
        for (number, endpoint) in endpoints.iter_mut().enumerate() {
            endpoint.register(&poll, FIRST_ENDPOINT, number)?;
        }
        Ok(Self { poll, endpoints })
    }

    /// Those of a loop that only serves: it sends by the same UDP sockets.
    pub(super) fn share(&self, poll: Poll) -> io::Result<Self> {
        let endpoints = self.endpoints.iter().map(Endpoint::share).collect::<io::Result<_>>()?;
        Ok(Self { poll, endpoints })
    }

    /// Room in a socket is that of all loops that send by it.
    pub(super) fn share_room(loops: &mut [Self]) {
        let endpoints = loops.first().map_or(0, |first| first.endpoints.len());
        for number in 0..endpoints {
            let rooms = Queue::of_loops(loops.len());
            for (sockets, room) in loops.iter_mut().zip(rooms) {
                sockets.endpoints[number].room = room;
            }
        }
    }

    /// What other loops leave for this one.
    pub(super) fn mailbox(&self) -> io::Result<Mailbox> {
        Mailbox::new(&self.poll)
    }

    /// It is seen what goes through the UDP sockets.
    pub(super) fn capture(&mut self, captured: &Captured) {
        self.endpoints.iter_mut().for_each(|endpoint| endpoint.capture(captured));
    }

    pub(super) fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The first client's token.
    fn first_client(&self) -> usize {
        FIRST_ENDPOINT + endpoint::tokens(self.endpoints.len())
    }
}

/// What all loops of a server have in common.
pub(super) struct Common<'a, C, D> {
    pub(super) catalogue: &'a C,
    pub(super) door: &'a D,
    pub(super) settings: Settings<'a>,
    pub(super) clock: MonotonicClock,
    pub(super) limits: Arc<Limits>,
    pub(super) stop: StopHandle,
    pub(super) captured: Captured,
}

/// One loop of a server at work.
pub(super) struct EventLoop<'a, C: Catalogue, D: Door> {
    common: &'a Common<'a, C, D>,
    /// Its number among all loops.
    at: usize,
    sockets: Sockets,
    clients: Clients<C::Medium, D>,
    schedule: Schedule,
    /// Lent to each client for its turn.
    buffers: Buffers,
    wake_list: Arc<WakeList>,
    known: Known,
    meter: Meter,
    gone: Gone,
    /// The server is stopping, and closes the connections that are still open at this instant.
    deadline: Option<Instant>,
}

impl<'a, C: Catalogue, D: Door> EventLoop<'a, C, D> {
    /// The loop with the number `at`, whose sockets these are.
    pub(super) fn new(common: &'a Common<'a, C, D>, at: usize, sockets: Sockets) -> Self {
        let stop = common.stop.clone();
        Self {
            common,
            at,
            sockets,
            clients: Clients::new(),
            schedule: Schedule::default(),
            buffers: Buffers::new(RX_BUFFER, TX_BUFFER),
            wake_list: WakeList::new(move || stop.mailboxes[at].interrupt()),
            known: Known::default(),
            meter: Meter::new(at),
            gone: Gone::default(),
            deadline: None,
        }
    }

    /// Serves until stopped.
    pub(super) fn run(mut self) -> Result<(), Error> {
        let mut events = Events::with_capacity(256);
        while !self.is_over() {
            self.turn(&mut events, None)?;
        }
        Ok(())
    }

    fn now(&self) -> Instant {
        self.common.clock.now()
    }

    fn mailboxes(&self) -> &'a [Mailbox] {
        &self.common.stop.mailboxes
    }

    /// Waits until there is something to do, but no longer than `at_most`, and does it. Gives the number of clients that were
    /// serviced.
    fn turn(&mut self, events: &mut Events, at_most: Option<Duration>) -> Result<usize, Error> {
        let patience = [self.patience(), at_most].into_iter().flatten().min();
        match self.sockets.poll.poll(events, patience) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => events.clear(),
            result => result.map_err(Error::Wait)?,
        }
        self.meter.tell(self.now(), &self.common.limits.load);
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
                            slot.stream.inner_mut().handle_event(event);
                            self.schedule.push(number);
                        }
                    }
                },
            }
        }
        if self.common.stop.is_stopping() && self.deadline.is_none() {
            self.begin_to_stop();
        }
        self.accept()?;
        self.receive();
        self.read_letters();
        self.push_woken();
        if let Some(late) = self.schedule.push_due(self.now()) {
            self.meter.handle_late(late);
        }
        let mut serviced = self.serve_waiting();
        while let Some(number) = self.schedule.pop() {
            self.service(number);
            serviced += 1;
        }
        let Sockets { poll, endpoints } = &mut self.sockets;
        for (number, endpoint) in endpoints.iter_mut().enumerate() {
            endpoint.watch_room(poll, FIRST_ENDPOINT, number);
        }
        Ok(serviced)
    }

    /// Services those who wait for room in UDP sockets, in their order, as long as there is some. Gives their number.
    fn serve_waiting(&mut self) -> usize {
        let mut serviced = 0;
        for endpoint in 0..self.sockets.endpoints.len() {
            let now = self.now();
            let Endpoint { room, has_room, .. } = &mut self.sockets.endpoints[endpoint];
            if !room.is_due(now, std::mem::take(has_room)) {
                continue;
            }
            while let Some(number) = self.sockets.endpoints[endpoint].room.begin_turn(now) {
                if let Some(slot) = self.clients.at(number) {
                    let _ = slot.peer.handle_room();
                }
                self.service(number);
                serviced += 1;
                if !self.sockets.endpoints[endpoint].room.end_turn() {
                    break;
                }
            }
        }
        serviced
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
        let room = endpoints.iter().map(|endpoint| endpoint.room.retry()).fold(None, earliest);
        let next = earliest(earliest(earliest(self.schedule.next_due(), room), accepting), self.deadline)?;
        Some(next.since(self.now()))
    }

    /// Whether it was stopped, and every client has been told, or had the time for it.
    fn is_over(&self) -> bool {
        self.deadline.is_some_and(|deadline| self.clients.len() == 0 || self.now() >= deadline)
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
        let Common { catalogue, door, settings, clock, limits, .. } = self.common;
        let (now, is_full) = (clock.now(), self.meter.is_full().map(Lack::words));
        let Some(slot) = self.clients.at(number) else { return };
        let outcome = serving(slot.peer.peer(), || {
            let is_private = C::MOVES && slot.stream.inner().is_private();
            let context = Context { now, waker: &slot.waker, settings, is_full, is_private };
            let Endpoint { rtp, rtcp, room, .. } = &mut self.sockets.endpoints[slot.endpoint];
            let mut rtp = Gate::new(&mut rtp.socket, room.lets(now, number));
            // What has been written may wait in it for room.
            slot.stream.inner_mut().drive();
            let (control, rtp, rtcp) = (&mut slot.stream, &mut rtp, &mut rtcp.socket);
            let sockets = server::Sockets { control, rtp, rtcp };
            let kept = self.buffers.lend(&mut slot.peer);
            let outcome =
                slot.peer.service_guarded::<{ udp::MAX_TRAIN }, _, _, _, _>(context, sockets, *catalogue, *door);
            self.buffers.take_back(&mut slot.peer, kept);
            slot.stream.inner_mut().tell_failure();
            outcome
        });
        slot.debt.update(now, slot.stream.inner().owes());
        if !slot.is_shut && slot.debt.deadline().is_some_and(|deadline| deadline <= now) {
            log::warn!("{}: closed: the rest of a handshake or record of TLS never came", slot.peer.peer());
            slot.peer.shut_down(now);
            slot.debt.update(now, None);
            // The session says its farewell.
            self.schedule.push(number);
        }
        let Endpoint { rtp, room, .. } = &mut self.sockets.endpoints[slot.endpoint];
        room.update(now, number, slot.peer.waits_for_room());
        self.meter.count(slot.stream.inner_mut().take_sent() + rtp.socket.inner_mut().take_sent());
        let doing = match (slot.peer.is_viewer(), slot.peer.state()) {
            (true, State::Playing) => Doing::Playing,
            (true, _) => Doing::Resting,
            (false, _) => Doing::Nothing,
        };
        if slot.doing != doing {
            self.meter.handle_viewer(&limits.load, slot.doing, doing);
            slot.doing = doing;
        }
        match outcome {
            Outcome::Closed => return self.remove(number),
            Outcome::Closing if !slot.is_shut => {
                slot.is_shut = true;
                if let Err(error) = slot.stream.inner_mut().shut_down_write() {
                    log::debug!("{}: {error}", slot.peer.peer());
                }
            }
            Outcome::Closing | Outcome::Open => {}
        }
        self.schedule.set_due(number, earliest(slot.peer.poll_timeout(), slot.debt.deadline()));
        self.clients.count_report(now, number);
    }

    fn remove(&mut self, number: usize) {
        self.schedule.set_due(number, None);
        let Some(mut slot) = self.clients.remove(number) else { return };
        let now = self.now();
        self.gone.handle_end(&mut slot);
        self.sockets.endpoints[slot.endpoint].room.update(now, number, None);
        // Closing the descriptor would be enough. Should that fail, the registration must not stay behind.
        let _ = self.sockets.poll.registry().deregister(slot.stream.inner_mut());
        if slot.doing != Doing::Nothing {
            self.meter.handle_viewer(&self.common.limits.load, slot.doing, Doing::Nothing);
        }
        let left = self.common.limits.leave(slot.place);
        if !slot.place.is_refused {
            log::info!("{} is gone, {left} left", slot.peer.peer());
        }
    }

    fn accept(&mut self) -> Result<(), Error> {
        for endpoint in 0..self.sockets.endpoints.len() {
            for number in 0..self.sockets.endpoints[endpoint].entrances.len() {
                for _ in 0..BATCH {
                    let now = self.now();
                    let entrance = &mut self.sockets.endpoints[endpoint].entrances[number];
                    let Some((stream, peer)) = entrance.acceptor.accept(now)? else { break };
                    match entrance.link(stream) {
                        Ok(link) => self.admit(endpoint, link, peer),
                        Err(error) => log::warn!("{peer} cannot be served: {error}"),
                    }
                }
            }
        }
        Ok(())
    }

    /// Gives a connection a place, at one of the loops.
    fn admit(&mut self, endpoint: usize, link: Link, peer: SocketAddr) {
        let may_move = || C::MOVES && self.common.catalogue.has_elsewhere();
        let Some(place) = self.common.limits.receive(self.common.door, peer, may_move) else { return };
        let arrival = Arrival { link, endpoint, peer, place };
        if place.at == self.at {
            self.take(arrival);
        } else {
            self.mailboxes()[place.at].post(Letter::Connection(Box::new(arrival)));
        }
    }

    /// Begins to serve a connection.
    fn take(&mut self, arrival: Arrival) {
        let Arrival { link, peer, place, .. } = arrival;
        let local = link.local_addr().ok();
        let addresses = Addresses { peer, local: local.map(|address| address.ip()) };
        let slot = self.peer(addresses, place, link.is_private()).and_then(|client| {
            let number = self.clients.next_number();
            let woken_as = wake::Client::new(number, &self.wake_list);
            let (waker, endpoint) = (woken_as.waker(), arrival.endpoint);
            let debt = Debt::new(&self.common.settings.session, place.standing);
            let (doing, is_shut) = (Doing::Nothing, false);
            let counted = Counted::default();
            let stream = Tap::new(link, self.common.captured.connection(local, peer));
            let mut slot =
                Slot { stream, endpoint, peer: client, waker, woken_as, place, doing, is_shut, debt, counted };
            let token = Token(self.sockets.first_client() + number);
            let interest = Interest::READABLE | Interest::WRITABLE;
            let registry = self.sockets.poll.registry();
            registry.register(slot.stream.inner_mut(), token, interest).map_err(Error::Wait)?;
            Ok(slot)
        });
        match slot {
            Ok(slot) => {
                let number = self.clients.insert(slot);
                // For those that are refused, the warning before is enough.
                if !place.is_refused {
                    log::info!("{peer} is here, {} altogether", self.common.limits.admissions.len());
                }
                self.service(number);
            }
            Err(error) => {
                self.common.limits.leave(place);
                log::warn!("{peer} cannot be served: {error}");
            }
        }
    }

    fn peer(&self, addresses: Addresses, place: Place, is_private: bool) -> Result<Served<C::Medium, D>, Error> {
        let (now, mut settings) = (self.now(), self.common.settings);
        // It is lent buffers when it has its turn.
        let (rx, tx) = (Box::default(), Box::default());
        let visit = self.common.door.visit(addresses.peer, is_private);
        if place.is_refused {
            settings.session.idle_timeout = REFUSING_TIMEOUT;
            settings.session.moves = place.may_move;
            return Ok(Peer::refusing_guarded(now, addresses, rx, tx, &settings, visit));
        }
        settings.session.is_hurried = place.standing != Standing::Exempt;
        Ok(Peer::guarded(now, addresses, rx, tx, random()?, &settings, visit))
    }

    /// Takes the datagrams that came.
    fn receive(&mut self) {
        let (sockets, mut reception) = self.reception();
        for Endpoint { rtp, rtcp, .. } in &mut sockets.endpoints {
            rtp.drain(|Meta { from, .. }, packet| reception.handle_rtp(from, packet));
            rtcp.drain(|Meta { from, .. }, compound| reception.handle_rtcp(from, compound));
        }
    }

    /// Takes what other loops have for this one.
    fn read_letters(&mut self) {
        for letter in self.mailboxes()[self.at].take() {
            match self.reception().1.handle_letter(letter) {
                Some(Letter::Connection(arrival)) if self.deadline.is_none() => self.take(*arrival),
                // What comes while the server stops is closed at once.
                Some(Letter::Connection(arrival)) => _ = self.common.limits.leave(arrival.place),
                Some(Letter::Census(register)) => {
                    let mut tally = self.gone.count(&mut self.clients);
                    (tally.sent, tally.lag, tally.lack) = (self.meter.sent(), *self.meter.lag(), self.meter.is_full());
                    register.answer(self.now(), self.at, tally);
                }
                Some(Letter::Roll(roll)) => roll.add(self.at, &mut self.clients, self.common.door),
                Some(Letter::End(Id { number, port, .. })) => self.end(number, port),
                _ => {}
            }
        }
    }

    /// Somebody wants a session to end.
    fn end(&mut self, number: usize, port: u16) {
        let now = self.now();
        if let Some(slot) = self.clients.at(number).filter(|slot| slot.peer.peer().port() == port) {
            log::info!("{}: ended by an administrator", slot.peer.peer());
            slot.peer.shut_down(now);
            self.schedule.push(number);
        }
    }

    fn reception(&mut self) -> (&mut Sockets, Reception<'_, C::Medium, D>) {
        let (now, mailboxes) = (self.now(), self.mailboxes());
        let Self { at, sockets, clients, schedule, known, .. } = self;
        (sockets, Reception { now, at: *at, mailboxes, clients, schedule, known })
    }

    fn begin_to_stop(&mut self) {
        let now = self.now();
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
            let (limits, stop) = (server.limits, server.stop);
            let common =
                Common { catalogue, door: &Open, settings, clock, limits, stop, captured: Captured::default() };
            let common = Box::leak(Box::new(common));
            let server = EventLoop::new(common, 0, server.sockets.into_iter().next().unwrap());
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
        let begun = turns.server.now();
        while turns.server.clients.len() > 0 {
            let _ = trickling.write(&[0]);
            turns.turn(Duration::from_millis(20));
            assert!(turns.server.now().since(begun) < PATIENCE, "{} are still here", turns.server.clients.len());
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
