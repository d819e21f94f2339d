//! A server and its clients on a simulated network: the real machines, virtual time.

use crate::net::{Network, SimulatedTcp, SimulatedUdp};
use core::net::SocketAddr;
use mutoscope::io::Datagram;
use mutoscope::io::server::{Client, Counts, Media, Mounts, Outcome, Settings};
use mutoscope::jpeg::Layout;
use mutoscope::session::server::{Config, State};
use mutoscope::source::{Advance, Frame, FrameRate, FrameSource};
use mutoscope::time::{Duration, Instant, WallClock, earliest};
use mutoscope::wire::url::Path;
use std::rc::Rc;

/// The server's address.
pub const SERVER: [u8; 4] = [10, 0, 0, 1];
/// Its UDP ports.
pub const SERVER_PORT: (u16, u16) = (6970, 6971);

/// A medium in memory.
#[derive(Clone)]
pub struct Film {
    /// Its name in URLs.
    pub name: &'static str,
    /// Whole JPEG files.
    pub frames: Rc<Vec<Vec<u8>>>,
    /// Its pace.
    pub rate: FrameRate,
    /// Why the standard dialect cannot carry it.
    pub refusal: Option<&'static str>,
}

/// A viewer's position in a [`Film`].
pub struct FilmViewer {
    film: Film,
    next: usize,
    now: Option<usize>,
}

impl FrameSource for FilmViewer {
    type Error = core::convert::Infallible;

    fn advance(&mut self, _: Instant) -> Result<Advance, Self::Error> {
        self.now = (self.next < self.film.frames.len()).then_some(self.next);
        self.next = self.next.saturating_add(1).min(self.film.frames.len());
        Ok(if self.now.is_some() { Advance::Ready } else { Advance::End })
    }

    fn frame(&self) -> Option<Frame<'_>> {
        let number = self.now?;
        let data = self.film.frames.get(number)?;
        Some(Frame { number: number as u32, data, captured: None, layout: Layout::parse(data) })
    }

    fn position(&self) -> u32 {
        self.next as u32
    }

    fn seek(&mut self, number: u32) -> Result<(), Self::Error> {
        self.next = (number as usize).min(self.film.frames.len());
        self.now = None;
        Ok(())
    }
}

/// What the simulated server offers.
#[derive(Clone, Default)]
pub struct Films(pub Vec<Film>);

impl Mounts for Films {
    type Source = FilmViewer;

    fn find(&self, path: Path<'_>) -> Option<Media<'_>> {
        let id = self.0.iter().position(|film| path.names(film.name))?;
        let film = &self.0[id];
        let layout = film.frames.first().and_then(|frame| Layout::parse(frame).ok());
        Some(Media {
            id,
            name: film.name,
            frame_rate: film.rate,
            frames: Some(film.frames.len() as u32),
            width: layout.map_or(0, |layout| layout.width),
            height: layout.map_or(0, |layout| layout.height),
            refusal: film.refusal,
        })
    }

    fn open(&self, id: usize) -> Option<FilmViewer> {
        Some(FilmViewer { film: self.0.get(id)?.clone(), next: 0, now: None })
    }
}

type Served = Client<Vec<u8>, FilmViewer>;

/// One connection as the server sees it.
struct Seat {
    client: Served,
    control: SimulatedTcp,
    counts: Counts,
}

/// The simulated server.
pub struct SimulatedServer {
    /// What it offers.
    pub films: Films,
    /// How it serves.
    pub settings: Settings<'static>,
    /// Buffer sizes of each connection.
    pub buffers: (usize, usize),
    network: Network,
    rtp: SimulatedUdp,
    rtcp: SimulatedUdp,
    seats: Vec<Seat>,
    accepted: u64,
    finished: Vec<Counts>,
}

/// Settings as `mutoscope-server` has them by default.
pub fn settings() -> Settings<'static> {
    Settings {
        session: Config::default(),
        wall: WallClock::default(),
        server_port: SERVER_PORT,
        payload_size: 1400,
        max_packet_size: 20_480,
        repeat: false,
        restart_markers: false,
        cname: "mutoscope@simulation",
    }
}

impl SimulatedServer {
    /// A server without clients.
    pub fn new(network: &Network, films: Films, settings: Settings<'static>) -> Self {
        let bind = |port| network.bind(SocketAddr::from((SERVER, port)));
        Self {
            films,
            settings,
            buffers: (4096, 32_768),
            rtp: bind(SERVER_PORT.0),
            rtcp: bind(SERVER_PORT.1),
            network: network.clone(),
            seats: vec![],
            accepted: 0,
            finished: vec![],
        }
    }

    /// Sends packets in trains, as over UDP_SEGMENT.
    pub fn use_trains(&mut self, most: usize) {
        self.rtp.max_train = most;
    }

    /// A new connection from `peer`; gives the client's end.
    pub fn connect(&mut self, peer: SocketAddr, window: usize) -> SimulatedTcp {
        let (theirs, control) = self.network.connect(window);
        self.accepted += 1;
        let (rx, tx) = self.buffers;
        let (now, entropy) = (self.network.now(), 0x5EED ^ (self.accepted << 32));
        let client = Client::new(now, peer, vec![0; rx], vec![0; tx], entropy, &self.settings);
        self.seats.push(Seat { client, control, counts: Counts::default() });
        theirs
    }

    /// Does all that can be done now.
    pub fn service(&mut self) {
        let now = self.network.now();
        while let Ok(Some(())) = self.rtp.recv(|_, _| ()) {}
        let seats = &mut self.seats;
        while let Ok(Some(())) = self.rtcp.recv(|from, bytes| {
            let _ = seats.iter_mut().any(|seat| seat.client.handle_rtcp(now, from, bytes));
        }) {}
        let mut n = 0;
        while n < self.seats.len() {
            let Seat { client, control, counts } = &mut self.seats[n];
            let (rtp, rtcp) = (&mut self.rtp, &mut self.rtcp);
            match client.service::<16, _, _, _, _>(now, control, rtp, rtcp, &self.films, &self.settings) {
                Outcome::Open => {}
                Outcome::Closing => control.close_write(),
                Outcome::Closed => {
                    self.finished.push(*counts);
                    self.seats.swap_remove(n);
                    continue;
                }
            }
            if client.counts() != Counts::default() {
                *counts = client.counts();
            }
            n += 1;
        }
    }

    /// When it has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.seats.iter().filter_map(|seat| seat.client.poll_timeout()).fold(None, |a, b| earliest(a, Some(b)))
    }

    /// Says BYE to all.
    pub fn shut_down(&mut self) {
        let now = self.network.now();
        self.seats.iter_mut().for_each(|seat| seat.client.shut_down(now));
    }

    /// Connections that are open.
    pub fn connections(&self) -> usize {
        self.seats.len()
    }

    /// Sessions, by state.
    pub fn sessions(&self, state: State) -> usize {
        self.seats.iter().filter(|seat| seat.client.state() == state).count()
    }

    /// Counts of the streams of open connections.
    pub fn counts(&self) -> Vec<Counts> {
        self.seats.iter().map(|seat| seat.counts).collect()
    }
}

/// Moves time forward for `duration`, servicing the server and whatever `others` does whenever something is due.
///
/// `others` gives its own next deadline.
pub fn run(
    network: &Network,
    server: &mut SimulatedServer,
    duration: Duration,
    mut others: impl FnMut(Instant) -> Option<Instant>,
) {
    let end = network.now().after(duration);
    let mut idle_rounds = 0;
    loop {
        let now = network.now();
        network.advance_to(now);
        server.service();
        let theirs = others(now);
        server.service();
        let next = [network.poll_timeout(), server.poll_timeout(), theirs].into_iter().fold(None, earliest);
        let next = next.unwrap_or(end).min(end);
        if now >= end {
            return;
        }
        if next > now {
            idle_rounds = 0;
            network.advance_to(next);
        } else {
            // A machine that asks to be called now, and then again, and again, would hang a real server.
            idle_rounds += 1;
            assert!(idle_rounds < 1000, "busy loop at {now:?}: server {:?}, others {theirs:?}", server.poll_timeout());
        }
    }
}
