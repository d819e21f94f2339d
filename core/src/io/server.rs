//! Everything that serving one client takes, over any [`Stream`] and [`Datagram`]: the same type on sockets and on smoltcp.

use super::outlet::{Outlet, at_port};
use super::playback::{Playback, Pumped};
use super::{Datagram, Stream};
use crate::media::{FrameRate, FrameSource};
use crate::random::Random;
use crate::session::server::{Config, Connection, Description, Event};
use crate::session::{Dialect, MediaTransport, State};
use crate::time::{Instant, WallClock, earliest};
use crate::wire::rtcp;
use crate::wire::rtsp::StatusCode;
use crate::wire::rtsp::headers::Range;
use crate::wire::url::Path;
use core::net::SocketAddr;

pub use super::playback::Counts;

/// How a server serves; one value for all its clients.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// Deadlines of control connections.
    pub session: Config,
    /// Relates `Instant`s to NTP time, for sender reports.
    pub wall: WallClock,
    /// Our RTP and RTCP port over UDP, as SETUP's answers announce them.
    pub server_port: (u16, u16),
    /// Largest RTP payload in the standard dialect, in bytes (default 1400). Over TCP it is also kept to what fits the
    /// connection's transmit buffer.
    pub payload_size: usize,
    /// Largest RTP packet in the lab dialect, in bytes (default 20,480, what its client reads).
    pub max_packet_size: usize,
    /// Files start over at their end, with continuous timestamps. They are described without an end then, and play times
    /// run on from round to round.
    pub repeat: bool,
    /// Send frames with restart markers (RTP/JPEG types 64 and 65), which some receivers refuse.
    pub restart_markers: bool,
    /// Send the number of quantisation tables that RFC 2435 computes (Q 1 to 99) instead of the tables themselves: 132 bytes
    /// less with each frame. All receivers are said to know them, and all are known to read tables.
    pub computed_tables: bool,
    /// Our canonical name in RTCP (RFC 3550 section 6.5.1), at most 255 bytes.
    pub cname: &'a str,
}

/// Deadlines of [`Config::default`], UDP ports 6970 and 6971, packets for Ethernet and for the lab's client, nothing that any
/// receiver refuses, the name `mutoscope`, and a wall clock that starts in 1900: those who have a better one say so.
impl Default for Settings<'_> {
    fn default() -> Self {
        Self {
            session: Config::default(),
            wall: WallClock::default(),
            server_port: (6970, 6971),
            payload_size: 1400,
            max_packet_size: 20_480,
            repeat: false,
            restart_markers: false,
            computed_tables: false,
            cname: "mutoscope",
        }
    }
}

/// What a server offers under one name.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// For [`Catalogue::open`].
    pub id: usize,
    /// The path's name, without slashes at its ends.
    pub name: &'a str,
    /// Frames per second.
    pub frame_rate: FrameRate,
    /// How many there are; `None`: live.
    pub frames: Option<u32>,
    /// Width of the picture in pixels, 0 where it is not known before the first frame.
    pub width: u16,
    /// Height of the picture in pixels, likewise.
    pub height: u16,
    /// Why RTP/JPEG cannot carry it: a sentence for people. The lab dialect plays it all the same.
    pub refusal: Option<&'a str>,
}

impl Entry<'_> {
    /// What can be played of it. What starts over at its end has none: players that are told of one stop there.
    fn range(&self, repeat: bool) -> Range {
        let end = |frames: u32| self.frame_rate.micros(frames.into());
        self.frames.map_or(Range::Now, |frames| Range::Npt { start: Some(0), end: (!repeat).then(|| end(frames)) })
    }
}

/// What a server offers: names to media. Paths are compared with names and never opened as files, so nothing else can be reached.
pub trait Catalogue {
    /// One viewer's position in a medium.
    type Source: FrameSource;

    /// The medium that `path` names.
    fn find(&self, path: Path<'_>) -> Option<Entry<'_>>;

    /// A new viewer of a medium that [`find`](Self::find) gave, standing before its first frame; `None` where no more viewers
    /// can be had.
    fn open(&self, id: usize) -> Option<Self::Source>;
}

impl<M: Catalogue> Catalogue for &M {
    type Source = M::Source;

    fn find(&self, path: Path<'_>) -> Option<Entry<'_>> {
        (**self).find(path)
    }

    fn open(&self, id: usize) -> Option<Self::Source> {
        (**self).open(id)
    }
}

/// Whether a client is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// Call again when its sockets are ready or [`Peer::poll_timeout`] passes.
    Open,
    /// All our bytes are queued: close our half of the connection (`shutdown(Write)`), and go on as with `Open`.
    Closing,
    /// Drop it and its connection.
    Closed,
}

/// One client: its control connection and, while it has a session, its stream.
///
/// `B` are its two buffers, `S` the source that [`Catalogue::open`] gives.
pub struct Peer<B, S> {
    connection: Connection<B>,
    playback: Option<Playback<S>>,
    peer: SocketAddr,
    random: Random,
    failed: bool,
    /// Its turn was over before its work was.
    unfinished: Option<Instant>,
}

/// Rounds of reading, answering and sending in one turn. A peer that never stops sending would otherwise keep all others
/// waiting, and its own deadlines too.
const TURN: u8 = 8;
/// Rounds of these in which something is read. A buffer of requests is soon read and long answered: who sends nothing but those
/// has less of a turn than who is sent a large frame.
const READS: u8 = 2;

impl<B: AsRef<[u8]> + AsMut<[u8]>, S: FrameSource> Peer<B, S> {
    /// A client that has just connected from `peer`. `entropy`: 64 bits that nobody can guess; session identifiers, SSRC, first
    /// sequence number and timestamp are made of them.
    pub fn new(now: Instant, peer: SocketAddr, rx: B, tx: B, entropy: u64, settings: &Settings<'_>) -> Self {
        let mut random = Random::new(entropy);
        let connection = Connection::new(now, rx, tx, random.bits(), settings.session);
        Self { connection, playback: None, peer, random, failed: false, unfinished: None }
    }

    /// A client beyond the limit: its first request is answered with 503 in its dialect, then the connection closes.
    pub fn refusing(now: Instant, peer: SocketAddr, rx: B, tx: B, settings: &Settings<'_>) -> Self {
        let connection = Connection::refusing(now, rx, tx, settings.session);
        Self { connection, playback: None, peer, random: Random::new(0), failed: false, unfinished: None }
    }

    /// Where it connected from.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The state of its session.
    pub fn state(&self) -> State {
        self.connection.state()
    }

    /// What became of the frames of its present stream.
    pub fn counts(&self) -> Counts {
        self.playback.as_ref().map_or_else(Counts::default, Playback::counts)
    }

    /// Does what can be done now: reads requests, answers them, sends the media that is due. Never blocks, and gives the
    /// others their turn: where more can be done at once, [`poll_timeout`](Self::poll_timeout) says so.
    ///
    /// `rtp` and `rtcp` may be shared by all clients; packets they receive are handed over by [`handle_rtcp`](Self::handle_rtcp).
    /// `TRAIN`: most packets handed to `rtp` in one call (1 on firmware, 16 or so where [`Datagram::max_train`] allows more than 1).
    pub fn service<const TRAIN: usize, T, D, E, M>(
        &mut self,
        now: Instant,
        control: &mut T,
        rtp: &mut D,
        rtcp: &mut E,
        mounts: &M,
        settings: &Settings<'_>,
    ) -> Outcome
    where
        T: Stream,
        D: Datagram,
        E: Datagram,
        M: Catalogue<Source = S>,
    {
        self.connection.handle_timeout(now);
        self.unfinished = Some(now);
        let mut reads = 0;
        for _ in 0..TURN {
            let mut progress = reads < READS && self.read(now, control);
            reads += u8::from(progress);
            while let Some(event) = self.connection.poll_event() {
                self.handle_event(now, event, rtp, rtcp, mounts, settings);
                progress = true;
            }
            progress |= self.pump::<TRAIN, D, E>(now, rtp, rtcp, settings);
            progress |= self.write(now, control);
            if self.connection.is_closed() {
                // It may have closed only just now, with a session that is to be given back.
                while let Some(event) = self.connection.poll_event() {
                    self.handle_event(now, event, rtp, rtcp, mounts, settings);
                }
                return Outcome::Closed;
            }
            if !progress {
                // Whether there is more to read has been asked only where it might have been read.
                if reads < READS {
                    self.unfinished = None;
                }
                break;
            }
        }
        if self.connection.is_closing() && self.connection.poll_transmit().is_empty() {
            return Outcome::Closing;
        }
        Outcome::Open
    }

    /// When to call [`service`](Self::service) though no socket became ready.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let media = self.playback.as_ref().and_then(Playback::poll_timeout);
        earliest(self.unfinished, earliest(self.connection.poll_timeout(), media))
    }

    /// An RTCP packet came to our RTCP socket. `false`: it is not from this client.
    pub fn handle_rtcp(&mut self, now: Instant, from: SocketAddr, compound: &[u8]) -> bool {
        let Some(MediaTransport::Udp { rtcp_port, .. }) = self.playback.as_ref().map(|playback| playback.transport)
        else {
            return false;
        };
        if from != at_port(self.peer, rtcp_port) {
            return false;
        }
        if rtcp::Compound::new_checked(compound).is_ok() {
            self.connection.handle_liveness(now);
        }
        true
    }

    /// There is room again in the socket that RTP leaves by. `true`: this client had found it full, and its next
    /// [`service`](Self::service) goes on at once. Without this call it tries again after a millisecond.
    pub fn handle_room(&mut self) -> bool {
        self.playback.as_mut().is_some_and(Playback::handle_room)
    }

    /// The server stops: BYE is said and the connection closed at the next [`service`](Self::service) calls.
    pub fn shut_down(&mut self, now: Instant) {
        self.connection.shut_down(now);
    }

    /// Gives the receive and the transmit buffer back, for the next client.
    pub fn into_buffers(self) -> (B, B) {
        self.connection.into_buffers()
    }

    fn read<T: Stream>(&mut self, now: Instant, control: &mut T) -> bool {
        if self.failed || self.connection.rx_buffer().is_empty() {
            return false;
        }
        match control.read_ready() {
            Ok(false) => return false,
            Ok(true) => {}
            Err(_) => return self.fail(now),
        }
        match control.read(self.connection.rx_buffer()) {
            Ok(0) => self.connection.handle_close(now),
            Ok(n) => self.connection.handle_input(now, n),
            Err(_) => return self.fail(now),
        }
        true
    }

    fn write<T: Stream>(&mut self, now: Instant, control: &mut T) -> bool {
        if self.failed || self.connection.poll_transmit().is_empty() {
            return false;
        }
        match control.write_ready() {
            Ok(false) => return false,
            Ok(true) => {}
            Err(_) => return self.fail(now),
        }
        match control.write(self.connection.poll_transmit()) {
            Ok(n) => self.connection.consume_transmit(now, n),
            Err(_) => return self.fail(now),
        }
        true
    }

    /// The connection broke: nothing can be said any more, but what the session holds is still to be given back.
    fn fail(&mut self, now: Instant) -> bool {
        self.failed = true;
        self.connection.handle_failure(now);
        true
    }

    fn pump<const TRAIN: usize, D: Datagram, E: Datagram>(
        &mut self,
        now: Instant,
        rtp: &mut D,
        rtcp: &mut E,
        settings: &Settings<'_>,
    ) -> bool {
        let Some(playback) = &mut self.playback else { return false };
        let (connection, peer, transport) = (&mut self.connection, self.peer, playback.transport);
        let mut outlet = Outlet { connection, rtp, rtcp, peer, transport };
        match playback.pump::<TRAIN, B, D, E>(now, &mut outlet, settings) {
            Pumped::Progress => true,
            Pumped::Idle => false,
            Pumped::Ended => {
                self.connection.handle_end_of_stream(now);
                true
            }
        }
    }

    fn handle_event<D: Datagram, E: Datagram, M: Catalogue<Source = S>>(
        &mut self,
        now: Instant,
        event: Event,
        rtp: &mut D,
        rtcp: &mut E,
        mounts: &M,
        settings: &Settings<'_>,
    ) {
        match event {
            Event::Describe => self.describe(now, mounts, settings),
            Event::Setup { transport } => self.setup(now, transport, mounts, settings),
            Event::Play { range } => {
                let answer = match &mut self.playback {
                    Some(playback) => playback.play(now, range, settings.repeat).ok_or(StatusCode::INVALID_RANGE),
                    None => Err(StatusCode::SESSION_NOT_FOUND),
                };
                match answer {
                    Ok((sequence, rtptime, range)) => self.connection.answer_play(now, sequence, rtptime, range),
                    Err(status) => self.connection.refuse(now, status, ""),
                }
            }
            Event::Pause => {
                if let Some(playback) = &mut self.playback {
                    playback.pause();
                }
                self.connection.answer_pause(now);
            }
            Event::Teardown => {
                self.connection.answer_teardown(now);
                self.end_stream(now, rtp, rtcp, settings, true);
            }
            // The connection counts it as a sign of life by itself.
            Event::Interleaved { .. } => {}
            Event::Expired => self.end_stream(now, rtp, rtcp, settings, false),
        }
    }

    fn describe<M: Catalogue<Source = S>>(&mut self, now: Instant, mounts: &M, settings: &Settings<'_>) {
        match mounts.find(self.connection.resource()) {
            Some(Entry { refusal: Some(reason), .. }) => {
                self.connection.refuse(now, StatusCode::UNSUPPORTED_MEDIA_TYPE, reason);
            }
            Some(media) => {
                let description = Description {
                    name: media.name,
                    frame_rate: media.frame_rate,
                    range: media.range(settings.repeat),
                    width: media.width,
                    height: media.height,
                };
                self.connection.answer_describe(now, &description);
            }
            None => self.connection.refuse(now, StatusCode::NOT_FOUND, ""),
        }
    }

    fn setup<M: Catalogue<Source = S>>(
        &mut self,
        now: Instant,
        transport: MediaTransport,
        mounts: &M,
        settings: &Settings<'_>,
    ) {
        let dialect = self.connection.dialect().unwrap_or(Dialect::Standard);
        let Some(media) = mounts.find(self.connection.resource()) else {
            self.connection.refuse(now, StatusCode::NOT_FOUND, "");
            return;
        };
        if let (Dialect::Standard, Some(reason)) = (dialect, media.refusal) {
            self.connection.refuse(now, StatusCode::UNSUPPORTED_MEDIA_TYPE, reason);
            return;
        }
        match &mut self.playback {
            // The same medium again: only the transport changes, the position stays.
            Some(playback) if playback.media() == media.id => playback.transport = transport,
            playback => {
                let Some(source) = mounts.open(media.id) else {
                    self.connection.refuse(now, StatusCode::SERVICE_UNAVAILABLE, "no more viewers of this medium");
                    return;
                };
                let random = (self.random.bits() as u32, self.random.bits() as u16, self.random.bits() as u32);
                *playback = Some(Playback::new(now, source, &media, dialect, transport, random));
            }
        }
        info!("{} is set up over {}", media.name, transport);
        let ssrc = self.playback.as_ref().map_or(0, Playback::ssrc);
        self.connection.answer_setup(now, settings.server_port, ssrc);
    }

    /// Says BYE where it can still be heard, and gives the source back.
    fn end_stream<D: Datagram, E: Datagram>(
        &mut self,
        now: Instant,
        rtp: &mut D,
        rtcp: &mut E,
        settings: &Settings<'_>,
        torn_down: bool,
    ) {
        let Some(mut playback) = self.playback.take() else { return };
        let (connection, peer, transport) = (&mut self.connection, self.peer, playback.transport);
        let mut outlet = Outlet { connection, rtp, rtcp, peer, transport };
        // Behind the answer to TEARDOWN a client reads nothing more from the connection, or takes it for garbage.
        if !torn_down || matches!(transport, MediaTransport::Udp { .. }) {
            let _ = playback.say_bye(now, &mut outlet, settings, if torn_down { "teardown" } else { "session ended" });
        }
        let counts = playback.counts();
        info!(
            "stream ended: {} frames sent, {} skipped, {} unsendable",
            counts.frames, counts.skipped, counts.unsendable
        );
    }
}
