//! A server and its clients on a simulated network: real machines in virtual time.

use crate::cameras::Cameras;
use crate::film::{Film, Films, ListedFilm};
use crate::net::{Faults, Line, Network, SimulatedTcp, SimulatedUdp};
use crate::real_client::{self, RealClient};
use crate::stage::Stage;
use crate::strict_client::{Answer, StrictClient};
use core::net::SocketAddr;
use core::task::Waker;
use embedded_io::{ReadReady, WriteReady};
use mutoscope::io::Datagram;
use mutoscope::io::server::{Addresses, Claims, Context, Counts, Outcome, Peer, Settings, Sockets};
use mutoscope::media::Either;
use mutoscope::media::catalogue::{Catalogue, Displaced};
use mutoscope::rtp::reception::Reception;
use mutoscope::session::{Dialect, MediaTransport, State};
use mutoscope::time::{Duration, Instant, NtpTime, WallClock, earliest};
use mutoscope::wire::url::Path;
use mutoscope_std::media::live::LiveMedium;
use mutoscope_std::server::room::{Gate, Queue};

/// The server's address.
pub const SERVER: [u8; 4] = [10, 0, 0, 1];
/// Its UDP ports.
pub const SERVER_PORT: (u16, u16) = (6970, 6971);

type Served = Peer<Vec<u8>, Either<ListedFilm, Either<Stage, LiveMedium>>>;

/// The server's side of one connection.
struct Seat {
    client: Served,
    control: SimulatedTcp,
    /// There was no room in it after the last turn.
    is_full: bool,
    /// The number of its loop.
    at: usize,
    /// Nobody else has it.
    number: usize,
    counts: Counts,
}

/// What it offers, and where else that is to be had.
struct Media<C> {
    media: C,
    elsewhere: Option<&'static str>,
}

impl<C: Catalogue> Catalogue for Media<C> {
    type Medium = C::Medium;

    const MOVES: bool = true;

    fn find(&self, path: Path<'_>) -> Option<C::Medium> {
        self.media.find(path)
    }

    fn tell_names(&self, each: &mut dyn FnMut(&str)) {
        self.media.tell_names(each);
    }

    fn elsewhere(&self, _: &Displaced<'_>, tell: &mut dyn FnMut(&str)) {
        self.elsewhere.iter().for_each(|url| tell(url));
    }
}

/// The simulated server.
pub struct SimulatedServer {
    /// The films that it offers.
    pub films: Films,
    /// A medium that takes publishers, where the settings allow it.
    pub stage: Stage,
    /// Its live inputs.
    pub cameras: Cameras,
    /// Its settings.
    pub settings: Settings<'static>,
    /// The sizes of each connection's buffers.
    pub buffers: (usize, usize),
    /// The largest number of connections. Further ones are refused.
    pub max_clients: usize,
    /// Why there is no room for more viewers, if there is none.
    pub is_full: Option<&'static str>,
    /// Where there is room.
    pub elsewhere: Option<&'static str>,
    /// The seed of the next client's random numbers.
    pub entropy: u64,
    /// The number of calls of [`service`](Self::service).
    pub wakes: u64,
    network: Network,
    rtp: SimulatedUdp,
    rtcp: SimulatedUdp,
    /// Of each loop, where those who find no room in the RTP socket wait for their turn. Without any, each tries again by itself, as on a
    /// microcontroller.
    rooms: Vec<Queue>,
    seats: Vec<Seat>,
}

/// The default settings of `mutoscope-server`.
pub fn settings() -> Settings<'static> {
    Settings {
        wall: WallClock { at_zero: NtpTime::from_unix_micros(1_700_000_000_250_000) },
        server_port: SERVER_PORT,
        cname: "mutoscope@simulation",
        ..Settings::default()
    }
}

impl SimulatedServer {
    /// A server without clients.
    pub fn new(network: &Network, films: Films, settings: Settings<'static>) -> Self {
        let bind = |port| network.bind(SocketAddr::from((SERVER, port)));
        Self {
            films,
            stage: Stage::default(),
            cameras: Cameras::default(),
            settings,
            buffers: (4096, 32_768),
            max_clients: usize::MAX,
            is_full: None,
            elsewhere: None,
            entropy: 0x5EED,
            wakes: 0,
            rtp: bind(SERVER_PORT.0),
            rtcp: bind(SERVER_PORT.1),
            network: network.clone(),
            rooms: vec![],
            seats: vec![],
        }
    }

    /// Makes it send packets in trains, as with UDP_SEGMENT. `takes` packets of each find room.
    pub fn use_trains(&mut self, most: usize, takes: usize) {
        (self.rtp.max_datagrams, self.rtp.takes) = (most, takes);
    }

    /// Makes all packets leave by a line of limited width.
    pub fn use_line(&mut self, line: Line) {
        self.rtp.line = Some(line);
    }

    /// Makes all packets leave by such a line, whose room the clients of so many loops share. They are dealt to these in turn, or
    /// as `dealt` says.
    pub fn share_line(&mut self, line: Line, loops: usize, dealt: fn(usize) -> usize) {
        self.use_line(line);
        self.rooms = Queue::of_loops(loops);
        self.seats.iter_mut().enumerate().for_each(|(n, seat)| seat.at = dealt(n));
    }

    /// Adds a connection from `peer`, and returns the client's end.
    pub fn connect(&mut self, peer: SocketAddr, window: usize) -> SimulatedTcp {
        let (theirs, control) = self.network.connect(window);
        let (rx, tx) = self.buffers;
        let (now, entropy) = (self.network.now(), self.entropy);
        self.entropy = self.entropy.wrapping_add(1 << 32);
        let addresses = Addresses { peer, local: Some(SERVER.into()) };
        let client = if self.seats.len() < self.max_clients {
            Peer::new(now, addresses, vec![0; rx], vec![0; tx], entropy, &self.settings)
        } else {
            Peer::refusing(now, addresses, vec![0; rx], vec![0; tx], &self.settings)
        };
        let number = self.seats.last().map_or(0, |last| last.number + 1);
        self.seats.push(Seat { client, control, is_full: false, at: 0, number, counts: Counts::default() });
        theirs
    }

    /// Does all that can be done now.
    pub fn service(&mut self) {
        self.wakes += 1;
        let now = self.network.now();
        let seats = &mut self.seats;
        while let Ok(Some(())) = self.rtp.recv(|meta, packet| {
            let mut claims = Claims::default();
            seats.iter().enumerate().for_each(|(n, seat)| claims.add(n, seat.client.claim_rtp(now, meta.from)));
            if let Some(n) = claims.recipient() {
                let _ = seats[n].client.handle_rtp(now, meta.from, packet);
            }
        }) {}
        while let Ok(Some(())) = self.rtcp.recv(|meta, bytes| {
            let _ = seats.iter_mut().any(|seat| seat.client.handle_rtcp(now, meta.from, bytes));
        }) {}
        self.serve_waiting();
        let mut n = 0;
        while n < self.seats.len() {
            n += usize::from(self.is_idle(now, n) || self.service_seat(n));
        }
    }

    /// Gives those who wait for room in the RTP socket their turns, as the event loop does.
    fn serve_waiting(&mut self) {
        let now = self.network.now();
        for at in 0..self.rooms.len() {
            let is_told = self.rtp.line.is_some_and(|line| line.told_at() <= now);
            if !self.rooms[at].is_due(now, is_told) {
                continue;
            }
            while let Some(number) = self.rooms[at].begin_turn(now) {
                let n = self.seats.iter().position(|seat| seat.number == number).expect("it is here");
                let _ = self.seats[n].client.handle_room();
                self.service_seat(n);
                if !self.rooms[at].end_turn() {
                    break;
                }
            }
        }
    }

    /// Whether a client among many has nothing to do, as the kernel and its timer tell.
    fn is_idle(&mut self, now: Instant, n: usize) -> bool {
        let Seat { client, control, is_full, .. } = &mut self.seats[n];
        let is_due = client.poll_timeout().is_some_and(|at| at <= now);
        !(self.rooms.is_empty() || is_due || *is_full || control.read_ready() == Ok(true))
    }

    /// Gives one client its turn. `false`: it has gone, and another one may have its place.
    fn service_seat(&mut self, n: usize) -> bool {
        let now = self.network.now();
        let Seat { client, control, is_full, at, number, counts } = &mut self.seats[n];
        let context = Context { is_full: self.is_full, ..Context::new(now, Waker::noop(), &self.settings) };
        let media = (&self.films, (&self.stage, &self.cameras));
        let (media, rtcp) = (Media { media, elsewhere: self.elsewhere }, &mut self.rtcp);
        let outcome = match self.rooms.get_mut(*at) {
            None => {
                let sockets = Sockets { control: &mut *control, rtp: &mut self.rtp, rtcp };
                client.service::<16, _, _, _, _>(context, sockets, &media)
            }
            Some(room) => {
                let mut gate = Gate::new(&mut self.rtp, room.lets(now, *number));
                let sockets = Sockets { control: &mut *control, rtp: &mut gate, rtcp };
                let outcome = client.service::<16, _, _, _, _>(context, sockets, &media);
                let is_gone = outcome == Outcome::Closed;
                room.update(now, *number, client.waits_for_room().filter(|_| !is_gone));
                outcome
            }
        };
        match outcome {
            Outcome::Open => {}
            Outcome::Closing => control.close_write(),
            Outcome::Closed => {
                self.seats.remove(n);
                return false;
            }
        }
        *is_full = control.write_ready() == Ok(false);
        if client.counts() != Counts::default() {
            *counts = client.counts();
        }
        true
    }

    /// The clients whose time has come, or whose connections have room again, in the order in which
    /// the event loop takes them.
    fn due(&mut self, now: Instant) -> Vec<usize> {
        let mut due = Vec::new();
        for (n, Seat { client, control, is_full, .. }) in self.seats.iter_mut().enumerate() {
            let has_room = *is_full && control.write_ready() == Ok(true);
            let at = if has_room { Some(Instant::default()) } else { client.poll_timeout() };
            due.extend(at.filter(|at| *at <= now).map(|at| (at, n)));
        }
        due.sort_unstable();
        due.into_iter().map(|(_, n)| n).collect()
    }

    /// The time when it has something to do next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let seats = self.seats.iter().filter_map(|seat| seat.client.poll_timeout());
        let retries = self.rooms.iter().filter_map(Queue::retry);
        let told = self.rtp.line.map(|line| line.told_at()).filter(|told| *told > self.network.now());
        let told = told.filter(|_| self.rooms.iter().any(|room| !room.is_empty()));
        seats.chain(retries).chain(told).fold(None, |a, b| earliest(a, Some(b)))
    }

    /// Sends BYE to all clients.
    pub fn shut_down(&mut self) {
        let now = self.network.now();
        self.seats.iter_mut().for_each(|seat| seat.client.shut_down(now));
    }

    /// The number of open connections.
    pub fn connections(&self) -> usize {
        self.seats.len()
    }

    /// The number of sessions by state.
    pub fn sessions(&self, state: State) -> usize {
        self.seats.iter().filter(|seat| seat.client.state() == state).count()
    }

    /// What the clients of open connections report.
    pub fn receptions(&self) -> Vec<Reception> {
        self.seats.iter().map(|seat| seat.client.reception()).collect()
    }

    /// The counts of the streams of open connections.
    pub fn counts(&self) -> Vec<Counts> {
        self.seats.iter().map(|seat| seat.counts).collect()
    }
}

/// Moves time forward by `duration`. Calls the server and `others` whenever something is due.
///
/// `others` returns its own next deadline.
pub fn run(
    network: &Network,
    server: &mut SimulatedServer,
    duration: Duration,
    mut others: impl FnMut(Instant) -> Option<Instant>,
) {
    let end = network.now().after(duration);
    let (mut rounds, mut idle_rounds) = (0, 0);
    loop {
        let (now, activity) = (network.now(), network.activity());
        network.advance_to(now);
        server.service();
        network.advance_to(now);
        let theirs = others(now);
        if network.activity() != activity {
            // A socket has become readable or writable, so somebody may be able to do more.
            rounds += 1;
            assert!(rounds < 100_000, "no end at {now:?}");
            continue;
        }
        if now >= end {
            return;
        }
        let next = [network.poll_timeout(), server.poll_timeout(), theirs].into_iter().fold(None, earliest);
        let next = next.unwrap_or(end).min(end);
        if next > now {
            (rounds, idle_rounds) = (0, 0);
            network.advance_to(next);
        } else {
            // A machine that asks again and again to be called at once would hang a real server.
            idle_rounds += 1;
            assert!(idle_rounds < 10, "busy loop at {now:?}: server {:?}, others {theirs:?}", server.poll_timeout());
        }
    }
}

/// A network with a server on it.
pub struct World {
    /// The network.
    pub network: Network,
    /// The server.
    pub server: SimulatedServer,
}

impl World {
    /// A server that offers `films` on a network without faults.
    pub fn new(films: impl IntoIterator<Item = Film>) -> Self {
        Self::with(films, settings(), 1, Faults::default())
    }

    /// A server with other settings, on a network with faults.
    pub fn with(films: impl IntoIterator<Item = Film>, settings: Settings<'static>, seed: u64, faults: Faults) -> Self {
        let network = Network::new(seed, faults);
        let server = SimulatedServer::new(&network, Films(films.into_iter().collect()), settings);
        Self { network, server }
    }

    /// A viewer of `url` that has just connected from 10.0.0.`host`, with a socket window of 64 KB.
    pub fn connect(&mut self, host: u8, url: &str) -> StrictClient {
        self.connect_with_window(host, url, 65_536)
    }

    /// A viewer whose connection holds `window` bytes.
    pub fn connect_with_window(&mut self, host: u8, url: &str, window: usize) -> StrictClient {
        let ip = [10, 0, 0, host];
        let control = self.server.connect(SocketAddr::from((ip, 40_000)), window);
        StrictClient::new(&self.network, ip, control, url)
    }

    /// Another viewer on the host of `one`, which receives at `rtp_port` and the next one.
    pub fn connect_beside(&mut self, one: &StrictClient, rtp_port: u16, url: &str) -> StrictClient {
        let control = self.server.connect(SocketAddr::from((one.ip, 40_001)), 65_536);
        StrictClient::with_port(&self.network, one.ip, rtp_port, control, url)
    }

    /// The real client that has just connected from 10.0.0.`host`.
    pub fn watch(&mut self, host: u8, dialect: Dialect, transport: MediaTransport) -> RealClient {
        self.watch_with(host, real_client::settings(dialect, transport))
    }

    /// The real client with other settings.
    pub fn watch_with(&mut self, host: u8, settings: mutoscope::player::Settings) -> RealClient {
        let control = self.server.connect(SocketAddr::from(([10, 0, 0, host], 40_000)), 65_536);
        RealClient::new(&self.network, host, control, settings)
    }

    /// Lets the real clients run for `duration`.
    pub fn run_watchers(&mut self, watchers: &mut [&mut RealClient], duration: Duration) {
        run(&self.network, &mut self.server, duration, |now| {
            watchers.iter_mut().map(|watcher| watcher.service(now)).fold(None, earliest)
        });
    }

    /// Lets everything run for `duration`.
    pub fn run(&mut self, viewers: &mut [&mut StrictClient], duration: Duration) {
        run(&self.network, &mut self.server, duration, |_| {
            viewers.iter_mut().for_each(|viewer| viewer.poll());
            None
        });
    }

    /// Lets everything run for `duration`, with a server that takes so long for each datagram, or for each byte over TCP.
    pub fn run_busy(&mut self, viewers: &mut [StrictClient], duration: Duration, each: Duration) {
        let end = self.network.now().after(duration);
        while self.network.now() < end {
            let due = self.server.due(self.network.now());
            for n in due.iter().copied() {
                let before = self.network.activity();
                assert!(self.server.service_seat(n), "a viewer has gone");
                let sent = self.network.activity() - before;
                self.network.advance_to(self.network.now().after(each * sent as u32));
            }
            viewers.iter_mut().for_each(StrictClient::poll);
            if due.is_empty() {
                let next = earliest(self.network.poll_timeout(), self.server.poll_timeout());
                let soon = self.network.now().after(Duration::from_micros(100));
                self.network.advance_to(next.unwrap_or(end).min(end).max(soon));
            }
        }
    }

    /// Sends a request and waits up to a second for its answer.
    pub fn ask(&mut self, viewer: &mut StrictClient, method: &str, headers: &str) -> Answer {
        viewer.request(method, headers);
        self.answer(viewer)
    }

    /// Waits up to a second for an answer.
    pub fn answer(&mut self, viewer: &mut StrictClient) -> Answer {
        let end = self.network.now().after(Duration::from_secs(1));
        loop {
            self.run(&mut [viewer], Duration::ZERO);
            if let Some(answer) = viewer.answers.pop_front() {
                return answer;
            }
            let next = earliest(self.network.poll_timeout(), self.server.poll_timeout());
            let next = next.filter(|next| *next <= end).expect("an answer within a second");
            self.run(&mut [viewer], next.since(self.network.now()));
        }
    }

    /// Sends SETUP and PLAY over UDP, in the viewer's dialect. Returns PLAY's answer.
    pub fn start(&mut self, viewer: &mut StrictClient) -> Answer {
        let transport =
            if viewer.lab { "RTP/UDP; client_port= 25000" } else { "RTP/AVP;unicast;client_port=25000-25001" };
        self.start_over(viewer, transport)
    }

    /// Sends SETUP and PLAY for interleaved media. Returns PLAY's answer.
    pub fn start_interleaved(&mut self, viewer: &mut StrictClient) -> Answer {
        self.start_over(viewer, "RTP/AVP/TCP;unicast;interleaved=0-1")
    }

    /// Sends SETUP with this transport, and PLAY. Returns PLAY's answer.
    pub fn start_over(&mut self, viewer: &mut StrictClient, transport: &str) -> Answer {
        let line_end = if viewer.lab { "\n" } else { "\r\n" };
        let setup = self.ask(viewer, "SETUP", &format!("Transport: {transport}{line_end}"));
        assert_eq!(setup.status, 200, "{}", setup.head);
        let play = self.ask(viewer, "PLAY", "");
        assert_eq!(play.status, 200, "{}", play.head);
        play
    }

    /// Asserts that nothing is left: no connection, no datagram, no byte, no open stream.
    pub fn assert_nothing_left(&self) {
        assert_eq!(self.server.connections(), 0, "connections");
        assert_eq!(self.network.held(), (0, 0, 0), "datagrams, bytes, streams");
    }
}
