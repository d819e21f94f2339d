//! Everything that serving one client takes, over any [`Stream`] and [`Datagram`]: the same type on sockets and on smoltcp.

mod datagrams;
mod ended;
mod guard;
mod hole;
mod lab;
#[cfg(feature = "auth")]
mod password;
#[cfg(not(feature = "srtp"))]
#[path = "no_protection.rs"]
mod protection;
#[cfg(feature = "srtp")]
mod protection;
mod recorder;
mod settings;
mod stream;

use super::outlet::Outlet;
use super::{Datagram, Stream};
use crate::delivery::Asked;
use crate::media::FrameSink;
use crate::media::catalogue::{Catalogue, Displaced, Entry, Medium, NotRecorded};
use crate::random::Random;
use crate::rtp::fragment::Format;
use crate::rtp::protect::Unprotected;
use crate::rtp::receiver::Statistics;
use crate::rtp::reception::Reception;
use crate::session::server::{Config, Connection, Description, Event, MAX_URI_LEN};
use crate::session::{Dialect, MediaTransport, State};
use crate::time::{Duration, Instant, earliest};
use crate::wire::lab::VARIANTS;
use crate::wire::rtcp;
use crate::wire::rtsp::StatusCode;
use crate::wire::rtsp::headers::Range;
use crate::wire::sdp::Exchange;
use core::net::SocketAddr;
use hole::Hole;
use protection::{MAX_REPORT, Protection};
use recorder::{Recorder, Track};
use stream::{MediaStream, Ran};

pub use super::sockets::Sockets;
pub use crate::address::Addresses;
pub use crate::delivery::{Counts, RoomFor};
pub use ended::Ended;
pub use guard::{Guard, Inline, Open, Verdict, Visit};
pub use hole::{Claim, Claims};
#[cfg(feature = "auth")]
pub use password::{Password, PasswordVisit};
pub use settings::{Context, Settings};

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

/// One client: its control connection and, while it has a session, its stream, whether it watches or publishes.
///
/// `B` are its two buffers, `M` are the media of its [`Catalogue`], `G` decides what it may do.
pub struct Peer<B, M: Medium, G: Guard = Open> {
    connection: Connection<B>,
    stream: Option<MediaStream<M::Source>>,
    /// Of a publisher. It takes no room where there can be none.
    recorder: Option<Recorder<M::Sink>>,
    waiting: Option<Waiting<M>>,
    visit: G::Visit,
    protection: Protection<G::Visit>,
    /// Of a session over UDP: whether its client may turn out to be at other ports than it names.
    hole: Option<Hole>,
    addresses: Addresses,
    random: Random,
    failed: bool,
    /// Its turn was over before its work was.
    unfinished: bool,
    ended: Ended,
}

/// A request whose medium is not ready.
struct Waiting<M> {
    medium: M,
    request: Request,
    /// When it is refused.
    until: Instant,
}

/// A request that concerns a medium.
#[derive(Clone, Copy)]
enum Request {
    Describe,
    Setup {
        transport: MediaTransport,
        /// It takes the place of what was set up, even if that is the same.
        begins_anew: bool,
    },
}

/// Rounds of reading, answering and sending in one turn. A peer that never stops sending would otherwise keep all others
/// waiting, and its own deadlines too.
const TURN: u8 = 8;
/// Rounds of these in which something is read. Reading a buffer of requests is quick and answering it is slow, so a client that
/// floods us with requests gets fewer rounds than one that is sent a large frame.
const READS: u8 = 2;

/// Requests about media that are carried out in one turn. A buffer holds a hundred, each of which looks for a name or moves a stream.
const REQUESTS: u8 = 8;

impl<B: AsRef<[u8]> + AsMut<[u8]>, M: Medium> Peer<B, M> {
    /// A client that has just connected and may do everything. `entropy`: 64 bits that nobody can guess; session identifiers,
    /// SSRC, first sequence number and timestamp are made of them.
    pub fn new(now: Instant, addresses: Addresses, rx: B, tx: B, entropy: u64, settings: &Settings<'_>) -> Self {
        Self::guarded(now, addresses, rx, tx, entropy, settings, ())
    }

    /// A client beyond the limit: its first request is answered with 503 in its dialect, then the connection closes.
    pub fn refusing(now: Instant, addresses: Addresses, rx: B, tx: B, settings: &Settings<'_>) -> Self {
        Self::refusing_guarded(now, addresses, rx, tx, settings, ())
    }

    /// Does what can be done now: reads requests, answers them, sends the media that is due. Never blocks, and gives the
    /// others their turn: where more can be done at once, [`poll_timeout`](Self::poll_timeout) says so.
    ///
    /// `TRAIN`: most packets handed to the RTP socket in one call (1 on firmware, 16 or so where [`Datagram::max_datagrams`]
    /// allows more than 1).
    pub fn service<const TRAIN: usize, T, D, E, C>(
        &mut self,
        context: Context<'_>,
        sockets: Sockets<'_, T, D, E>,
        catalogue: &C,
    ) -> Outcome
    where
        T: Stream,
        D: Datagram,
        E: Datagram,
        C: Catalogue<Medium = M>,
    {
        self.service_guarded::<TRAIN, _, _, _, _>(context, sockets, catalogue, &Open)
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>, M: Medium, G: Guard> Peer<B, M, G> {
    /// A client that has just connected, as [`new`](Self::new) makes it. A guard decides about its requests and keeps `visit`
    /// of it.
    pub fn guarded(
        now: Instant,
        addresses: Addresses,
        rx: B,
        tx: B,
        entropy: u64,
        settings: &Settings<'_>,
        visit: G::Visit,
    ) -> Self {
        let mut random = Random::new(entropy);
        let config = Config { guarded: G::GUARDS, ..settings.session };
        let connection = Connection::new(now, rx, tx, random.bits(), config);
        Self::with(connection, addresses, random, visit)
    }

    /// A client beyond the limit, as [`refusing`](Self::refusing) makes it. Where the settings say that it [may move](Config::moves), the
    /// guard is asked about it, and then the catalogue, where else there is room.
    pub fn refusing_guarded(
        now: Instant,
        addresses: Addresses,
        rx: B,
        tx: B,
        settings: &Settings<'_>,
        visit: G::Visit,
    ) -> Self {
        let config = Config { guarded: G::GUARDS, ..settings.session };
        Self::with(Connection::refusing(now, rx, tx, config), addresses, Random::new(0), visit)
    }

    fn with(connection: Connection<B>, addresses: Addresses, random: Random, visit: G::Visit) -> Self {
        Self {
            connection,
            stream: None,
            recorder: None,
            waiting: None,
            visit,
            protection: Protection::default(),
            hole: None,
            addresses,
            random,
            failed: false,
            unfinished: false,
            ended: Ended::default(),
        }
    }

    /// Where it connected from.
    pub fn peer(&self) -> SocketAddr {
        self.addresses.peer
    }

    /// What the guard remembers of it.
    pub fn visit(&self) -> &G::Visit {
        &self.visit
    }

    /// Whether it has a stream, playing or not.
    pub fn is_viewer(&self) -> bool {
        self.stream.is_some()
    }

    /// The state of its session.
    pub fn state(&self) -> State {
        self.connection.state()
    }

    /// What became of the frames of its present stream.
    pub fn counts(&self) -> Counts {
        self.stream.as_ref().map_or_else(Counts::default, MediaStream::counts)
    }

    /// How the media of its present stream travel; `None`: it has none.
    pub fn transport(&self) -> Option<MediaTransport> {
        self.stream.as_ref().map(MediaStream::transport)
    }

    /// What became of the streams that have ended since this was called last.
    pub fn take_ended(&mut self) -> Ended {
        core::mem::take(&mut self.ended)
    }

    /// What the client reports about its present stream.
    pub fn reception(&self) -> Reception {
        self.stream.as_ref().map_or_else(Reception::default, MediaStream::reception)
    }

    /// What came of a publisher's packets; `None` where the client does not publish.
    pub fn received(&self) -> Option<Statistics> {
        self.recorder.as_ref().map(Recorder::statistics)
    }

    /// Does what can be done now, as [`service`](Self::service) does, and asks the guard.
    pub fn service_guarded<const TRAIN: usize, T, D, E, C>(
        &mut self,
        context: Context<'_>,
        sockets: Sockets<'_, T, D, E>,
        catalogue: &C,
        guard: &G,
    ) -> Outcome
    where
        T: Stream,
        D: Datagram,
        E: Datagram,
        C: Catalogue<Medium = M>,
    {
        let Context { now, .. } = context;
        let mut sockets = sockets;
        self.connection.handle_timeout(now);
        if let Some(stream) = &mut self.stream {
            stream.handle_wake();
        }
        self.go_on_waiting(context);
        if G::GUARDS {
            self.end_visit(now);
            self.judge(context, guard);
        }
        self.unfinished = true;
        let (mut reads, mut requests) = (0_u8, 0_u8);
        // A publisher's packets cost less than they do on their way to viewers.
        let most_reads = if self.recorder.is_some() { TURN } else { READS };
        for _ in 0..TURN {
            let mut progress = reads < most_reads && self.read(now, sockets.control);
            reads = reads.saturating_add(progress.into());
            while requests < REQUESTS
                && let Some(event) = self.connection.poll_event()
            {
                requests = requests.saturating_add((!matches!(event, Event::Interleaved { .. })).into());
                self.handle_event(context, event, sockets.reborrow(), catalogue, guard);
                progress = true;
            }
            // What is said comes before media, which leave past the buffer, and so may be what media left of a packet.
            progress |= self.write(now, sockets.control);
            progress |= self.pump::<TRAIN, _, _, _>(context, sockets.reborrow());
            progress |= self.write(now, sockets.control);
            if self.connection.is_closed() {
                // It may have closed only just now, with a session that is to be given back.
                while let Some(event) = self.connection.poll_event() {
                    self.handle_event(context, event, sockets.reborrow(), catalogue, guard);
                }
                return Outcome::Closed;
            }
            if !progress {
                // Whether there is more to do has been asked only where it might have been done.
                if reads < most_reads && requests < REQUESTS {
                    self.unfinished = false;
                }
                break;
            }
        }
        if self.connection.is_closing() && self.connection.poll_transmit().is_empty() {
            return Outcome::Closing;
        }
        Outcome::Open
    }

    /// When to call [`service`](Self::service) though no socket became ready; in the past where work is left.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let media = self.stream.as_ref().and_then(MediaStream::poll_timeout);
        let unfinished = self.unfinished.then(Instant::default);
        let impatient = self.waiting.as_ref().map(|waiting| waiting.until);
        let media = earliest(media, self.recorder.as_ref().and_then(Recorder::poll_timeout));
        // Where the connection is closing already, the guard has no more to say.
        let is_judged = G::GUARDS && !self.connection.is_closing();
        let guard = is_judged.then(|| earliest(self.visit.asks_again(), self.visit.ends())).flatten();
        let media = earliest(media, guard);
        earliest(earliest(unfinished, impatient), earliest(self.connection.poll_timeout(), media))
    }

    /// What this client waits for, who has found no room in a socket for RTP that [tells](Datagram::tells_room) when it has some.
    /// Until [`handle_room`](Self::handle_room) it sends no more RTP.
    pub fn waits_for_room(&self) -> Option<RoomFor> {
        self.stream.as_ref().and_then(MediaStream::waits_for_room)
    }

    /// There is room again in the socket that RTP leaves by. `true`: this client had found it full, and its next
    /// [`service`](Self::service) goes on at once, by one frame at the most. Without this call it tries again after a millisecond, but
    /// where the socket [tells](Datagram::tells_room).
    pub fn handle_room(&mut self) -> bool {
        self.stream.as_mut().is_some_and(MediaStream::handle_room)
    }

    /// The server stops: BYE is said and the connection closed at the next [`service`](Self::service) calls.
    pub fn shut_down(&mut self, now: Instant) {
        self.connection.shut_down(now);
    }

    /// Goes on with another receive and another transmit buffer, and gives its own back, as
    /// [`Connection::exchange_buffers`] does. Between two turns, a client needs no more than what it has [`buffered`](Self::buffered).
    pub fn exchange_buffers(&mut self, rx: B, tx: B) -> (B, B) {
        self.connection.exchange_buffers(rx, tx)
    }

    /// The number of bytes in its receive and in its transmit buffer.
    pub fn buffered(&self) -> (usize, usize) {
        self.connection.buffered()
    }

    /// Gives the receive and the transmit buffer back, for the next client.
    pub fn into_buffers(self) -> (B, B) {
        self.connection.into_buffers()
    }

    fn read<T: Stream>(&mut self, now: Instant, control: &mut T) -> bool {
        if self.failed || self.connection.rx_buffer().is_empty() {
            return false;
        }
        match control.try_read(self.connection.rx_buffer()) {
            Ok(None) => return false,
            Ok(Some(0)) => self.connection.handle_close(now),
            Ok(Some(n)) => self.connection.handle_input(now, n),
            Err(_) => return self.fail(now),
        }
        true
    }

    fn write<T: Stream>(&mut self, now: Instant, control: &mut T) -> bool {
        if self.failed || self.connection.poll_transmit().is_empty() {
            return false;
        }
        match control.try_write(&[self.connection.poll_transmit()]) {
            Ok(None) => return false,
            Ok(Some(n)) => self.connection.consume_transmit(now, n),
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

    fn pump<const TRAIN: usize, T: Stream, D: Datagram, E: Datagram>(
        &mut self,
        context: Context<'_>,
        sockets: Sockets<'_, T, D, E>,
    ) -> bool {
        let now = context.now;
        if let Some(recorder) = &mut self.recorder
            && let Some(transport) = recorder.transport()
        {
            let (connection, addresses) = (&mut self.connection, self.addresses);
            let protect = None::<&mut Unprotected>;
            let mut outlet = Outlet { now, connection, sockets, addresses, transport, protect };
            recorder.run(context.now, &mut outlet, context.settings);
            return false;
        }
        let Some(stream) = &mut self.stream else { return false };
        let (connection, addresses, transport) = (&mut self.connection, self.addresses, stream.transport());
        let protect = self.protection.sealer();
        let mut outlet = Outlet { now, connection, sockets, addresses, transport, protect };
        match stream.run::<TRAIN, _, _, _, _, _>(context, &mut outlet) {
            Ran::Progress => true,
            Ran::Idle => false,
            Ran::Ended => {
                self.connection.handle_end_of_stream(context.now);
                true
            }
        }
    }

    fn handle_event<T: Stream, D: Datagram, E: Datagram, C: Catalogue<Medium = M>>(
        &mut self,
        context: Context<'_>,
        event: Event,
        sockets: Sockets<'_, T, D, E>,
        catalogue: &C,
        guard: &G,
    ) {
        let Context { now, settings, .. } = context;
        let mut sockets = sockets;
        if matches!(event, Event::Pause | Event::Change { .. } | Event::Lab(_)) {
            self.finish_frame(now, sockets.reborrow());
        }
        match event {
            Event::Authorize if G::GUARDS => self.judge(context, guard),
            // Nobody has to be asked.
            Event::Authorize => {}
            Event::Describe => self.look_up(context, Request::Describe, catalogue),
            Event::Setup { transport } | Event::Change { transport } => {
                let begins_anew = VARIANTS && matches!(event, Event::Change { .. });
                self.look_up(context, Request::Setup { transport, begins_anew }, catalogue);
            }
            Event::Lab(extra) if VARIANTS => self.handle_lab(context, extra, catalogue, guard),
            // No request leads to this then.
            Event::Lab(_) => {}
            Event::Play { range, scale, speed } => {
                let asked = Asked { range, scale, speed };
                let answer = match &mut self.stream {
                    Some(stream) => stream.play(now, asked).ok_or(StatusCode::INVALID_RANGE),
                    None => Err(StatusCode::SESSION_NOT_FOUND),
                };
                match answer {
                    Ok(played) => {
                        if let Some(hole) = &mut self.hole {
                            hole.handle_play(now);
                        }
                        self.connection.answer_play(now, played);
                    }
                    Err(status) => self.connection.refuse(now, status, ""),
                }
            }
            Event::Pause => {
                if let Some(stream) = &mut self.stream {
                    stream.pause();
                }
                if let Some(recorder) = &mut self.recorder {
                    recorder.pause();
                }
                self.connection.answer_pause(now);
            }
            Event::Teardown => {
                self.connection.answer_teardown(now);
                self.end_stream(now, sockets, settings, true);
            }
            Event::Announce => self.announce(now, catalogue),
            Event::SetupRecord { transport } => self.setup_record(now, transport, settings),
            Event::Record => {
                if let Some(recorder) = &mut self.recorder {
                    recorder.record();
                }
                self.connection.answer_record(now);
            }
            // The connection counts it as a sign of life by itself.
            Event::Interleaved { channel } => self.take_interleaved(now, channel),
            Event::Expired => {
                self.waiting = None;
                self.end_stream(now, sockets, settings, false);
            }
        }
    }

    /// Asks the guard about a request, if one waits for that.
    fn judge(&mut self, context: Context<'_>, guard: &G) {
        let Context { now, waker, .. } = context;
        let Some(request) = self.connection.asking() else { return };
        match guard.judge(&mut self.visit, now, &request, waker) {
            Verdict::Allowed(secrecy) => self.connection.allow(now, secrecy),
            Verdict::Challenged { is_stale } => {
                self.connection.challenge(now, guard.challenges(&self.visit, now, is_stale));
            }
            Verdict::Refused(status, reason) => self.connection.refuse(now, status, reason),
            Verdict::Wait => {}
        }
    }

    /// Ends the session of a client that may not have it any longer, or whose pictures are shown to nobody any more.
    fn end_visit(&mut self, now: Instant) {
        let is_over = self.recorder.as_ref().is_some_and(Recorder::is_over);
        if (is_over || self.visit.ends().is_some_and(|end| end <= now)) && !self.connection.is_closing() {
            info!("closed: what was allowed has ended");
            self.connection.shut_down(now);
        }
    }

    /// Finds the medium of a request, and carries the request out as soon as the medium is ready.
    fn look_up<C: Catalogue<Medium = M>>(&mut self, context: Context<'_>, request: Request, catalogue: &C) {
        let Context { now, settings, .. } = context;
        match catalogue.find(self.connection.resource()) {
            Some(_) if C::MOVES && matches!(request, Request::Describe) && self.send_on(context, catalogue) => {}
            Some(medium) => {
                let until = now.after(settings.patience);
                self.carry_out(context, Waiting { medium, request, until });
            }
            None => self.connection.refuse(now, StatusCode::NOT_FOUND, ""),
        }
    }

    /// Sends a viewer for whom there is no room to where there is some. `false`: it stays, as there is room, or may be soon.
    fn send_on<C: Catalogue<Medium = M>>(&mut self, context: Context<'_>, catalogue: &C) -> bool {
        let Context { now, is_full, is_private, .. } = context;
        let is_refusing = self.connection.is_refusing();
        if !is_refusing && (is_full.is_none() || self.stream.is_some()) {
            return false;
        }
        let (_, query) = self.connection.url().split_once('?').unwrap_or_default();
        let displaced = Displaced { path: self.connection.resource(), query, is_private };
        // One that is too long for it is none that can be asked for.
        let mut location = heapless::String::<MAX_URI_LEN>::new();
        catalogue.elsewhere(&displaced, &mut |url| _ = location.push_str(url));
        let is_moved = self.connection.answer_moved(now, &location);
        if is_refusing {
            // Nothing, where it is answered already.
            self.connection.refuse(now, StatusCode::SERVICE_UNAVAILABLE, TOO_MANY);
            self.connection.shut_down(now);
        }
        is_moved || is_refusing
    }

    /// The medium of the request that waits may have become ready, or patience may have ended.
    fn go_on_waiting(&mut self, context: Context<'_>) {
        if let Some(waiting) = self.waiting.take().filter(|_| self.connection.is_asking()) {
            self.carry_out(context, waiting);
        }
    }

    fn carry_out(&mut self, context: Context<'_>, waiting: Waiting<M>) {
        let Context { now, waker, settings, .. } = context;
        match (waiting.medium.entry(waker), waiting.request) {
            (Err(_), _) if waiting.medium.is_missing() => self.connection.refuse(now, StatusCode::NOT_FOUND, ""),
            (Err(not_ready), _) if now >= waiting.until => {
                self.connection.refuse_for_now(now, not_ready.reason, not_ready.retry_after);
            }
            (Err(_), _) => self.waiting = Some(waiting),
            (Ok(entry), Request::Describe) => self.describe(now, &entry, settings),
            (Ok(entry), Request::Setup { transport, begins_anew }) => {
                self.setup(context, transport, &waiting.medium, &entry, begins_anew);
            }
        }
    }

    fn describe(&mut self, now: Instant, entry: &Entry<'_>, settings: &Settings<'_>) {
        if let Some(reason) = entry.refusal {
            return self.connection.refuse(now, StatusCode::UNSUPPORTED_MEDIA_TYPE, reason);
        }
        let mut exchange = Exchange::None;
        let message;
        if let Some(kind) = self.connection.secrecy().exchange {
            // 0 stands for none.
            let ssrc = (self.random.bits() as u32).max(1);
            message = self.visit.stream_key().and_then(|key| self.protection.offer(key, ssrc));
            let Some(message) = &message else {
                return self.connection.refuse(now, StatusCode::KEY_MANAGEMENT_FAILURE, "there is no key");
            };
            exchange = protection::told(kind, message, settings.wall.ntp(now), self.random.bits());
        }
        let description = Description {
            name: entry.name,
            frame_rate: entry.frame_rate,
            range: playable(entry, settings.repeat),
            width: entry.width,
            height: entry.height,
            exchange,
        };
        self.connection.answer_describe(now, &description);
    }

    fn setup(
        &mut self,
        context: Context<'_>,
        transport: MediaTransport,
        medium: &M,
        entry: &Entry<'_>,
        begins_anew: bool,
    ) {
        let Context { now, settings, .. } = context;
        let dialect = self.connection.dialect().unwrap_or(Dialect::Standard);
        if let (Dialect::Standard, Some(reason)) = (dialect, entry.refusal) {
            return self.connection.refuse(now, StatusCode::UNSUPPORTED_MEDIA_TYPE, reason);
        }
        if let (None, Some(reason)) = (&self.stream, context.is_full) {
            return self.connection.refuse_for_now(now, reason, BUSY_FOR);
        }
        let format = match dialect {
            Dialect::Standard => Format::Jpeg,
            Dialect::Lab => Format::Lab(self.connection.lab_payload().unwrap_or(settings.lab_payload)),
        };
        let (is_secure, secrecy) = (self.connection.is_secure(), self.connection.secrecy());
        let keys = match self.protection.agree(is_secure, || self.connection.key_management()) {
            Ok(keys) => keys,
            Err(status) => return self.connection.refuse(now, status, "there is no key that can be used"),
        };
        let is_kept = self.protection.is_with(keys.as_ref());
        match &mut self.stream {
            // The same medium again: only the transport changes, the position stays. With another key it is another stream.
            Some(stream) if stream.media() == entry.id && is_kept && !begins_anew => {
                stream.set_transport(transport);
                stream.set_format(format);
            }
            stream => {
                // Until here nothing has changed: what was set up before goes on as it was where this cannot be had.
                let Some(source) = medium.open() else {
                    self.connection.refuse(now, StatusCode::SERVICE_UNAVAILABLE, "no more viewers of this medium");
                    return;
                };
                if let Some(stream) = stream.take() {
                    self.ended.add(&stream);
                }
                self.protection.begin(keys, secrecy);
                let ssrc = self.random.bits() as u32;
                let ssrc = self.protection.take_ssrc().filter(|_| is_secure).unwrap_or(ssrc);
                let sequence = self.random.bits() as u16;
                // A receiver of encrypted packets could not tell otherwise whether numbers have begun anew.
                let sequence = if is_secure { sequence & 0x7fff } else { sequence };
                let random = (ssrc, sequence, self.random.bits() as u32);
                *stream = Some(MediaStream::new(now, source, entry, format, transport, random, settings));
            }
        }
        info!("{} is set up over {}{}", entry.name, transport, if is_secure { ", encrypted" } else { "" });
        self.hole = matches!(transport, MediaTransport::Udp { .. }).then(|| Hole::new(now));
        let ssrc = self.stream.as_ref().map_or(0, MediaStream::ssrc);
        if VARIANTS {
            self.connection.set_lab_length(lab::length(entry));
        }
        self.connection.answer_setup(now, settings.server_port, ssrc);
    }

    /// Finds the medium that a publisher names, and claims it.
    fn announce<C: Catalogue<Medium = M>>(&mut self, now: Instant, catalogue: &C) {
        let Some(medium) = catalogue.find(self.connection.resource()) else {
            return self.connection.refuse(now, StatusCode::NOT_FOUND, NO_MEDIUM);
        };
        if !M::Sink::EXISTS {
            let (status, words) = refusal(NotRecorded::NotDeclared);
            return self.connection.refuse(now, status, words);
        }
        let Some(track) = Track::of(self.connection.body()) else {
            let words = recorder::why_not(self.connection.body());
            return self.connection.refuse(now, StatusCode::UNSUPPORTED_MEDIA_TYPE, &words);
        };
        match medium.record(self.addresses.peer.ip()) {
            Ok(sink) => {
                let ssrc = self.random.bits() as u32;
                self.recorder = Some(Recorder::new(sink, track, ssrc));
                info!("{} is published", self.connection.resource().as_str());
                self.connection.answer_announce(now);
            }
            Err(reason) => {
                let (status, words) = refusal(reason);
                self.connection.refuse(now, status, words);
            }
        }
    }

    fn setup_record(&mut self, now: Instant, transport: MediaTransport, settings: &Settings<'_>) {
        let (base, url) = (self.connection.session_url(), self.connection.url());
        match &mut self.recorder {
            Some(recorder) if recorder.is_at(base, url) => {
                recorder.set_up(transport);
                info!("it is set up over {}", transport);
                self.connection.answer_setup(now, settings.server_port, 0);
            }
            // Publishers send what they have announced, and mostly cannot be told to leave a part of it out.
            Some(recorder) => {
                recorder.ignore(transport);
                info!("another track than the first of JPEG is set up over {}, and ignored", transport);
                self.connection.answer_setup_ignored(now, settings.server_port);
            }
            None => self.connection.refuse(now, StatusCode::SESSION_NOT_FOUND, ""),
        }
    }

    /// A packet came on the control connection: media of a publisher, or a report.
    fn take_interleaved(&mut self, now: Instant, channel: u8) {
        let Some(recorder) = &mut self.recorder else { return self.take_interleaved_report(now, channel) };
        match recorder.transport() {
            Some(MediaTransport::Interleaved { rtp_channel, .. }) if channel == rtp_channel => {
                let _ = recorder.handle_rtp(now, self.connection.interleaved());
            }
            Some(MediaTransport::Interleaved { .. }) => {
                let _ = recorder.handle_rtcp(now, self.connection.interleaved());
            }
            _ => {}
        }
    }

    /// A viewer reports on the control connection.
    fn take_interleaved_report(&mut self, now: Instant, channel: u8) {
        let Some(stream) = &mut self.stream else { return };
        let is_report =
            matches!(stream.transport(), MediaTransport::Interleaved { rtcp_channel, .. } if rtcp_channel == channel);
        let mut room = [0; MAX_REPORT];
        if is_report && let Some(report) = self.protection.open_report(self.connection.interleaved(), &mut room) {
            let _ = stream.handle_rtcp(now, report);
        }
    }

    /// Gives back what a publisher has claimed.
    fn end_recording(&mut self) {
        let Some(counts) = self.recorder.take().map(|recorder| recorder.statistics()) else { return };
        info!(
            "publishing ended: {} frames received, {} dropped, {} packets lost, {} rejected",
            counts.frames, counts.frames_dropped, counts.lost, counts.rejected
        );
    }

    /// Says BYE where it can still be heard, and gives the source back.
    fn end_stream<T: Stream, D: Datagram, E: Datagram>(
        &mut self,
        now: Instant,
        sockets: Sockets<'_, T, D, E>,
        settings: &Settings<'_>,
        torn_down: bool,
    ) {
        self.end_recording();
        let Some(stream) = self.stream.take() else { return };
        let (connection, addresses, transport) = (&mut self.connection, self.addresses, stream.transport());
        // Behind the answer to TEARDOWN a client reads nothing more from the connection, or takes it for garbage.
        if !torn_down || matches!(transport, MediaTransport::Udp { .. }) {
            let reason = if torn_down { "teardown" } else { "session ended" };
            let protect = self.protection.sealer();
            let mut outlet = Outlet { now, connection, sockets, addresses, transport, protect };
            let _ = stream.say_bye(now, &mut outlet, settings, reason);
        }
        self.protection.end();
        self.ended.add(&stream);
        let counts = stream.counts();
        info!(
            "stream ended: {} frames sent, {} skipped, {} unsendable",
            counts.frames, counts.skipped, counts.unsendable
        );
        let reception = stream.reception();
        if reception.reports > 0 {
            info!("the client reports {}", reception);
        }
    }
}

/// When a viewer for whom there is no room may ask again.
const BUSY_FOR: Duration = Duration::from_secs(10);

const TOO_MANY: &str = "too many clients\r\n";

const NO_MEDIUM: &str = "nothing is called that here, and publishing does not make it";

/// The answer to a publisher that is not wanted.
fn refusal(reason: NotRecorded) -> (StatusCode, &'static str) {
    match reason {
        NotRecorded::NotDeclared => (StatusCode::METHOD_NOT_ALLOWED, "nothing can be published under this name"),
        NotRecorded::Remote => (StatusCode::FORBIDDEN, "publishing is allowed from the server's own machine only"),
        NotRecorded::Taken => {
            (StatusCode::METHOD_NOT_VALID_IN_THIS_STATE, "somebody publishes under this name already")
        }
    }
}

/// What can be played of a medium. One that still grows has no end yet, and one that starts over at its end has none: players
/// that are told of one stop there.
fn playable(media: &Entry<'_>, repeat: bool) -> Range {
    let has_end = media.extent.has_end() && !repeat;
    let to = |end: u64| Range::Npt { start: Some(0), end: has_end.then_some(end) };
    media.extent.micros(media.frame_rate).map_or(Range::Now, to)
}
