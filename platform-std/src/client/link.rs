//! One connection to a server: what is, what is wanted, and the next step from one to the other.

use super::buffers::{Pool, Pooled};
use super::socket::Port;
use super::{
    Attempt, Dialect, Error, Goal, NoFrameReason, NoFrames, Options, Presentation, RTCP, RTP, Retry, Transport,
};
use crate::tcp::TcpStream;
use crate::udp::{self, bind_pair, bind_pair_from};
use mio::{Interest, Registry};
use mutoscope::io::client::{Client, Event, Frame, Settings};
use mutoscope::io::{Faults, Loss};
use mutoscope::session::client::{self as session, Command, Connection, Described, NotNow, SetUp};
use mutoscope::session::{self as spoken, MediaTransport, State};
use mutoscope::time::{self, WallClock, earliest};
use mutoscope::wire::rtp::PAYLOAD_TYPE_JPEG;
use mutoscope::wire::rtsp::StatusCode;
use mutoscope::wire::rtsp::headers::Range;
use std::net::SocketAddr;
use std::time::Duration;

/// Frames open at once: one is lent, one is complete, and two overlap where packets overtake each other.
const SLOTS: usize = 4;

/// The receive buffer of the control connection: the largest interleaved packet, and plenty of the usual ones, so that
/// one read fetches many.
const RX_BUFFER: usize = 256 * 1024;

const TX_BUFFER: usize = 8 * 1024;

/// What happened on it, still without what it lends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Happened {
    Connected(SocketAddr),
    SetUp(Presentation),
    Playing { from: Option<Duration> },
    Paused,
    Frame(Frame),
    Retrying(Retry),
    Refused { status: StatusCode, during: Command },
    Unseekable,
    Silence { lasting: Duration },
    Troubled { lasting: Duration, trouble: NoFrames },
    EndOfStream { announced: bool },
    TornDown,
}

/// What advancing came to.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Nothing more without waiting.
    Idle,
    Happened(Happened),
    /// UDP does not work here; with the connection as it is, TCP may be offered or not.
    NoUdp {
        error: Error,
        connected: bool,
    },
    /// The server does not speak standard RTSP.
    NoRtsp(Error),
}

#[derive(Debug)]
pub(super) struct Link {
    pub(super) stream: TcpStream,
    pub(super) rtp: Port,
    pub(super) rtcp: Port,
    pub(super) client: Client<Box<[u8]>, Pooled, SLOTS>,
    attempt: Attempt,
    peer: SocketAddr,
    described: Option<Described>,
    /// PLAY has been answered once.
    played: bool,
    /// Frames have come.
    arrived: bool,
    /// The server refuses to keep the session alive: if media stops now, it is gone.
    doubtful: Option<StatusCode>,
    /// It played to its end; the next PLAY starts over.
    ended: bool,
    /// The server refused to pause, so a seek has to do without.
    no_pause: bool,
    /// The server refused a range that nobody wished for, so the first PLAY goes without.
    no_range: bool,
    /// The position wished for that the PLAY under way asks for.
    asked: Option<Duration>,
    /// Whether the PLAY under way asks for any.
    ranged: bool,
    /// A position was wished for where there are none; told with the next step.
    unseekable: bool,
    /// Where the last frame was.
    position: Option<u64>,
    /// TEARDOWN has left; until when it is waited for.
    leaving: Option<time::Instant>,
}

impl Link {
    pub(super) fn new(
        stream: TcpStream,
        peer: SocketAddr,
        options: &Options,
        attempt: Attempt,
        frames: &Pool,
        ssrc: u32,
    ) -> Result<Self, Error> {
        let config = session::Config {
            options_timeout: options.dialect_timeout,
            response_timeout: options.response_timeout,
            ..session::Config::default()
        };
        let buffer = |len| vec![0; len].into_boxed_slice();
        let connection = Connection::new(buffer(RX_BUFFER), buffer(TX_BUFFER), &options.url, attempt.dialect, config)
            .map_err(|_| Error::Url(options.url.clone()))?;
        let frames = std::array::from_fn(|_| frames.take());
        Ok(Self {
            stream,
            rtp: Port::default(),
            rtcp: Port::default(),
            client: Client::new(connection, frames, peer, ssrc),
            attempt,
            peer,
            described: None,
            played: false,
            arrived: false,
            doubtful: None,
            ended: false,
            no_pause: false,
            no_range: false,
            asked: None,
            ranged: false,
            unseekable: false,
            position: None,
            leaving: None,
        })
    }

    pub(super) fn poll_timeout(&self) -> Option<time::Instant> {
        earliest(self.client.poll_timeout(), self.leaving)
    }

    /// Takes one step, or tells what happened.
    pub(super) fn advance(
        &mut self,
        now: time::Instant,
        wall: WallClock,
        cname: &str,
        goal: &mut Goal,
        options: &Options,
        registry: &Registry,
    ) -> Result<Verdict, Error> {
        let settings = settings(options, wall, cname);
        loop {
            self.step(now, goal, options, registry)?;
            if self.leaving.is_some_and(|until| until <= now) {
                return Ok(Verdict::Happened(Happened::TornDown));
            }
            if std::mem::take(&mut self.unseekable) {
                return Ok(Verdict::Happened(Happened::Unseekable));
            }
            let Self { client, stream, rtp, rtcp, .. } = self;
            let Some(event) = client.service(now, stream, rtp, rtcp, &settings) else { return Ok(Verdict::Idle) };
            if let Some(verdict) = self.handle_event(event, goal, options)? {
                return Ok(verdict);
            }
        }
    }

    /// Goes on over TCP on this connection: SETUP was refused for UDP.
    pub(super) fn offer_tcp(&mut self) {
        self.attempt.tcp = true;
    }

    /// Says BYE and TEARDOWN as far as the sockets take them at once.
    pub(super) fn abandon(&mut self, now: time::Instant, wall: WallClock, cname: &str, options: &Options) {
        let settings = settings(options, wall, cname);
        if self.leaving.is_none() && self.client.teardown(now).is_ok() {
            let Self { client, stream, rtp, rtcp, .. } = self;
            // What still comes is of no use; the report and the request leave on the way.
            for _ in 0..MAX_FAREWELL_EVENTS {
                if client.service(now, stream, rtp, rtcp, &settings).is_none() {
                    break;
                }
            }
        }
    }

    /// Sends the request that comes next on the way to the goal, if none is under way.
    fn step(
        &mut self,
        now: time::Instant,
        goal: &mut Goal,
        options: &Options,
        registry: &Registry,
    ) -> Result<(), Error> {
        if self.leaving.is_some() {
            return Ok(());
        }
        if !goal.session {
            // Where there is no session to end, closing the connection says it all.
            let patience = if self.client.teardown(now).is_ok() { options.teardown_timeout } else { Duration::ZERO };
            self.leaving = Some(now.after(patience));
            return Ok(());
        }
        if self.client.connection().is_busy() {
            return Ok(());
        }
        let standard = self.attempt.dialect == spoken::Dialect::Standard;
        let sent = match self.client.connection().state() {
            State::Init if standard && self.described.is_none() => self.client.describe(now),
            State::Init => {
                let offer = self.offer(options, registry)?;
                self.client.setup(now, offer)
            }
            State::Ready if goal.playing => self.play(now, goal),
            // What has ended, or refuses to pause, is played from elsewhere without pausing.
            State::Playing if goal.playing && goal.from.is_some() && (self.ended || self.no_pause) => {
                self.play(now, goal)
            }
            State::Playing if goal.playing && self.ended => self.play(now, goal),
            State::Playing if self.ended => Ok(()),
            State::Playing if !goal.playing || goal.from.is_some() => self.client.pause(now),
            State::Ready | State::Playing => Ok(()),
        };
        match sent {
            // Full: the server does not read; its silence will tell.
            Ok(()) | Err(NotNow::Full | NotNow::Busy | NotNow::Closed) => Ok(()),
            Err(_) => Err(Error::NoAnswer(Command::Setup)),
        }
    }

    fn play(&mut self, now: time::Instant, goal: &mut Goal) -> Result<(), NotNow> {
        let first = !self.played || self.ended;
        // From the beginning is where it begins anyway, as a rule; what was wished for is asked for whatever became of
        // that.
        let from = goal.from.or((first && !self.no_range).then_some(Duration::ZERO));
        let standard = self.attempt.dialect == spoken::Dialect::Standard;
        let range = from.filter(|_| standard).map(|from| {
            let from = u64::try_from(from.as_micros()).unwrap_or(u64::MAX);
            Range::Npt { start: Some(self.begins().saturating_add(from)), end: None }
        });
        self.client.play(now, range)?;
        let wished = goal.from.take();
        self.ranged = range.is_some();
        self.unseekable = !standard && wished.is_some();
        self.asked = wished.filter(|_| standard);
        self.ended = false;
        Ok(())
    }

    fn offer(&mut self, options: &Options, registry: &Registry) -> Result<MediaTransport, Error> {
        if self.attempt.tcp {
            (self.rtp, self.rtcp) = (Port::default(), Port::default());
            return Ok(MediaTransport::Interleaved { rtp_channel: 0, rtcp_channel: 1 });
        }
        let local = |socket: &Port| {
            let address = socket.0.as_ref().map(|socket| socket.inner().local_addr()).transpose();
            address.map(|address| address.map_or(0, |address| address.port()))
        };
        let error = |error| Error::System("open UDP sockets", error);
        if self.rtp.0.is_none() {
            let host = self.stream.local_addr().map_err(error)?.ip();
            let bound = match options.rtp_port {
                0 => bind_pair(host, None, udp::Options::CLIENT),
                port => bind_pair_from(host, port, udp::Options::CLIENT),
            };
            let (mut rtp, mut rtcp) = bound.map_err(error)?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            registry.register(&mut rtp, RTP, interest).map_err(error)?;
            registry.register(&mut rtcp, RTCP, interest).map_err(error)?;
            // Reports keep arriving: what is tried out is the loss of media.
            let (rtp, rtcp) = (Faults::new(rtp, options.loss), Faults::new(rtcp, Loss::default()));
            (self.rtp, self.rtcp) = (Port(Some(rtp)), Port(Some(rtcp)));
            let port = local(&self.rtp).map_err(error)?;
            if options.rtp_port != 0 && port != options.rtp_port {
                log::info!("RTP port {} is taken: using {port}", options.rtp_port);
            }
        }
        let (rtp_port, rtcp_port) = (local(&self.rtp).map_err(error)?, local(&self.rtcp).map_err(error)?);
        Ok(MediaTransport::Udp { rtp_port, rtcp_port })
    }

    fn handle_event(&mut self, event: Event, goal: &mut Goal, options: &Options) -> Result<Option<Verdict>, Error> {
        let happened = match event {
            Event::Frame(frame) => {
                self.arrived = true;
                self.position = frame.position;
                Some(Happened::Frame(frame))
            }
            Event::EndOfStream => Some(self.end(goal, true)),
            Event::Silence { lasting } => return self.handle_silence(lasting, None, goal, options),
            Event::Troubled { lasting, trouble } => {
                let trouble = self.trouble(trouble);
                return self.handle_silence(lasting, Some(trouble), goal, options);
            }
            Event::Session(event) => return self.handle_session_event(event, goal),
            _ => None,
        };
        Ok(happened.map(Verdict::Happened))
    }

    fn handle_session_event(&mut self, event: session::Event, goal: &mut Goal) -> Result<Option<Verdict>, Error> {
        let happened = match event {
            session::Event::Described(described) => {
                self.described = Some(described);
                None
            }
            session::Event::SetUp(set_up) => Some(Happened::SetUp(self.presentation(set_up))),
            session::Event::Playing(_) => {
                self.played = true;
                let from = self.asked.take();
                self.position = from.and_then(|from| u64::try_from(from.as_micros()).ok());
                Some(Happened::Playing { from })
            }
            // Paused only to play from elsewhere: nobody needs to know.
            session::Event::Paused => (!goal.playing).then_some(Happened::Paused),
            session::Event::TornDown => Some(Happened::TornDown),
            session::Event::Refused { status, during } => return self.handle_refusal(status, during, goal),
            session::Event::TimedOut { during } => return self.handle_no_answer(during),
            session::Event::ServerClosed => {
                let error = Error::Closed(self.client.broken().map(io_kind));
                return self.give_up(error);
            }
            session::Event::Failed(session::Error::Transport) if !self.attempt.tcp => {
                let error = Error::Protocol(session::Error::Transport);
                return Ok(Some(Verdict::NoUdp { error, connected: false }));
            }
            session::Event::Failed(error) => return Err(Error::Protocol(error)),
            _ => None,
        };
        Ok(happened.map(Verdict::Happened))
    }

    fn handle_refusal(
        &mut self,
        status: StatusCode,
        during: Command,
        goal: &mut Goal,
    ) -> Result<Option<Verdict>, Error> {
        if self.leaving.is_some() {
            return Ok(Some(Verdict::Happened(Happened::TornDown)));
        }
        let location = self.client.connection().header("Location").map(str::to_owned);
        let error = Error::Refused { status, during, location };
        match during {
            Command::Setup if status == StatusCode::UNSUPPORTED_TRANSPORT && !self.attempt.tcp => {
                return Ok(Some(Verdict::NoUdp { error, connected: true }));
            }
            // What a server that does not know the method says. The lab's say nothing, but some copies do.
            Command::Describe if matches!(status.0, 400 | 405 | 501) => return Ok(Some(Verdict::NoRtsp(error))),
            Command::KeepAlive if self.client.connection().state() == State::Playing => {
                self.doubtful = Some(status);
                return Ok(None);
            }
            _ if status == StatusCode::SESSION_NOT_FOUND => {}
            Command::Pause if goal.playing => {
                // A seek: many servers take it without a pause.
                self.no_pause = true;
                return Ok(None);
            }
            Command::Pause => {
                goal.playing = true;
                return Ok(Some(Verdict::Happened(Happened::Refused { status, during })));
            }
            Command::Play if self.asked.take().is_some() => {
                return Ok(Some(Verdict::Happened(Happened::Refused { status, during })));
            }
            // The range was ours, and may be what the server does not want.
            Command::Play if self.ranged && matches!(status.0, 400 | 451 | 456 | 457 | 501) => {
                self.no_range = true;
                return Ok(None);
            }
            _ => {}
        }
        Err(error)
    }

    fn handle_no_answer(&self, during: Command) -> Result<Option<Verdict>, Error> {
        match during {
            Command::Teardown => Ok(Some(Verdict::Happened(Happened::TornDown))),
            // While media comes, a server that does not answer may be forgiven; when it stops coming, that is told.
            Command::KeepAlive => Ok(None),
            // Servers that ignore OPTIONS but answer DESCRIBE: worth a try only where nothing else is left to try.
            Command::Options if self.attempt.last => Ok(None),
            _ => self.give_up(Error::NoAnswer(during)),
        }
    }

    /// The server went silent or away. If it has not said a word of RTSP yet, it may know the other dialect.
    fn give_up(&self, error: Error) -> Result<Option<Verdict>, Error> {
        let standard = self.attempt.dialect == spoken::Dialect::Standard;
        let said = self.described.is_some() || self.client.connection().is_standard();
        if standard && !said { Ok(Some(Verdict::NoRtsp(error))) } else { Err(error) }
    }

    /// For long there has been no packet, or no frame because of some trouble.
    fn handle_silence(
        &mut self,
        lasting: Duration,
        trouble: Option<NoFrames>,
        goal: &mut Goal,
        options: &Options,
    ) -> Result<Option<Verdict>, Error> {
        if self.client.connection().state() != State::Playing {
            return Ok(None);
        }
        let choice = options.transport == Transport::Auto && self.attempt.dialect == spoken::Dialect::Standard;
        // TCP does not help against a server that sends something else.
        let may_help = trouble.is_none_or(|trouble| trouble.reason == NoFrameReason::Incomplete);
        if choice && may_help && !self.arrived && !self.attempt.tcp {
            return Ok(Some(Verdict::NoUdp { error: self.absence(trouble, Transport::Udp), connected: false }));
        }
        if self.is_at_its_end(lasting, options) {
            return Ok(Some(Verdict::Happened(self.end(goal, false))));
        }
        if let (Some(status), None) = (self.doubtful, trouble) {
            return Err(Error::Refused { status, during: Command::KeepAlive, location: None });
        }
        if lasting >= options.stall_timeout {
            return Err(match trouble {
                None if self.arrived => Error::Stalled(lasting),
                _ => self.absence(trouble, options.transport),
            });
        }
        Ok(Some(Verdict::Happened(match trouble {
            Some(trouble) => Happened::Troubled { lasting, trouble },
            None => Happened::Silence { lasting },
        })))
    }

    /// Why there are no frames.
    fn absence(&self, trouble: Option<NoFrames>, transport: Transport) -> Error {
        trouble.map_or(Error::NothingArrived { dialect: self.dialect(), transport }, Error::NoFrames)
    }

    fn trouble(&self, reason: NoFrameReason) -> NoFrames {
        let statistics = self.client.statistics().unwrap_or_default();
        NoFrames {
            reason,
            tcp: self.attempt.tcp,
            described: self.described.map_or(PAYLOAD_TYPE_JPEG, |described| described.payload_type),
            packets: statistics.packets,
            lost: statistics.lost,
        }
    }

    /// Whether silence means the end: where the description says it is, or anywhere where a server cannot say so.
    fn is_at_its_end(&self, lasting: Duration, options: &Options) -> bool {
        match self.attempt.dialect {
            spoken::Dialect::Lab => self.arrived && lasting >= options.stall_timeout,
            spoken::Dialect::Standard => match (self.duration(), self.position.map(Duration::from_micros)) {
                // What has played on beyond its end is repeated, and has none.
                (Some(duration), Some(position)) => duration.abs_diff(position) <= END_MARGIN,
                _ => false,
            },
        }
    }

    fn end(&mut self, goal: &mut Goal, announced: bool) -> Happened {
        self.ended = true;
        goal.playing = false;
        Happened::EndOfStream { announced }
    }

    /// Where the described range begins, in normal play time; positions are reckoned from there.
    fn begins(&self) -> u64 {
        match self.described.and_then(|described| described.range) {
            Some(Range::Npt { start, .. }) => start.unwrap_or(0),
            _ => 0,
        }
    }

    /// How long it is; `None` where the range has no end, as a live stream's and a repeated film's, or one that nobody
    /// will see.
    fn duration(&self) -> Option<Duration> {
        match self.described?.range? {
            Range::Npt { start, end: Some(end) } => {
                let length = Duration::from_micros(end.saturating_sub(start.unwrap_or(0)));
                (length <= LONGEST).then_some(length)
            }
            _ => None,
        }
    }

    fn dialect(&self) -> Dialect {
        match self.attempt.dialect {
            spoken::Dialect::Standard => Dialect::Standard,
            spoken::Dialect::Lab => Dialect::Lab,
        }
    }

    fn presentation(&self, set_up: SetUp) -> Presentation {
        let described = self.described;
        log::debug!("set up with {}: {:?}", self.peer, set_up.transport);
        Presentation {
            dialect: self.dialect(),
            transport: set_up.transport,
            duration: self.duration(),
            frame_rate: described.and_then(|described| described.frame_rate),
        }
    }
}

/// The longest length that is believed: a thousand hours. Some say with a larger one that there is no end.
const LONGEST: Duration = Duration::from_secs(3_600_000);

/// Events passed over on the way out.
const MAX_FAREWELL_EVENTS: u32 = 64;

/// How far before its announced end a presentation may fall silent and count as played: its last frame lasts a while,
/// and announced lengths are rounded.
const END_MARGIN: Duration = Duration::from_millis(1500);

fn settings<'a>(options: &Options, wall: WallClock, cname: &'a str) -> Settings<'a> {
    Settings {
        reorder_delay: options.reorder_delay,
        playout_delay: options.playout_delay,
        silence: options.silence,
        wall,
        cname,
    }
}

/// What the core keeps of an I/O error, in the standard library's words.
fn io_kind(kind: embedded_io::ErrorKind) -> std::io::ErrorKind {
    kind.into()
}
