//! Everything that watching one stream takes, over any [`Stream`] and [`Datagram`]: the control connection, the RTP
//! receiver, RTCP both ways. Waiting and opening sockets are the adapter's.

mod silence;
#[cfg(test)]
mod tests;
mod timeline;

use super::address::{at_port, is_same_host};
use super::{Datagram, Stream, Transmit};
use crate::rtp::clock;
use crate::rtp::receiver::{self, Control, Receiver, Statistics};
use crate::session::client::{self as session, Connection, Described, NotNow, SetUp};
use crate::session::{Dialect, MediaTransport, State};
use crate::time::{Duration, Instant, NtpTime, WallClock, earliest};
use crate::wire::rtp;
use crate::wire::rtsp::headers::{NptMicros, Range};
use core::net::SocketAddr;
use silence::Silence;
use timeline::Timeline;

pub use crate::rtp::receiver::{NoFrameReason, Received, Rejected};

/// How a client watches.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// How long a frame waits for packets that others have overtaken; over TCP 50 ms at most.
    pub reorder_delay: Duration,
    /// How long frames are held back to even out jitter; zero for the lowest latency.
    pub playout_delay: Duration,
    /// While playing: after how long without any packet [`Event::Silence`] tells of it, again and again; and
    /// [`Event::Troubled`] where packets come, but no frames.
    pub silence: Duration,
    /// Relates `Instant`s to NTP time, for round-trip times in reports.
    pub wall: WallClock,
    /// Our canonical name in RTCP (RFC 3550 section 6.5.1), at most 255 bytes.
    pub cname: &'a str,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Something on the control connection (never [`Interleaved`](session::Event::Interleaved): those are taken in here).
    Session(session::Event),
    /// A frame: [`Client::frame`] lends it until the next call that takes `&mut self`.
    Frame(Frame),
    /// The server said BYE and what came before it has been given out. The session still exists.
    EndOfStream,
    /// Playing, and no packet for [`Settings::silence`] or a multiple of it.
    Silence {
        /// Since the last packet, or since playing began.
        lasting: Duration,
    },
    /// Playing, and packets come, but for [`Settings::silence`] or a multiple of it they have made no frame.
    Troubled {
        /// Since the last frame, or since playing began.
        lasting: Duration,
        /// What becomes of them.
        trouble: NoFrameReason,
    },
}

/// A frame that [`Client::frame`] lends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame {
    /// What the receiver says of it.
    pub received: Received,
    /// Its place in the presentation, from the start of the described range on; `None` where the stream is live or the
    /// server tells nothing to reckon it from.
    pub position: Option<NptMicros>,
    /// When it was captured by the sender's clock, as its reports tell; `None` before the first one and in the lab's
    /// dialect.
    pub captured: Option<NtpTime>,
}

/// Nothing is overtaken in a stream of bytes, but threads of a server may overtake each other before they write to it.
/// A server that leaves packets out because the connection is slow makes us wait for nothing, so this is short.
const MAX_TCP_REORDER_DELAY: Duration = Duration::from_millis(50);

/// Bytes of the largest RTCP compound we send: report, SDES with a canonical name of 255 bytes, BYE with a reason.
const MAX_REPORT: usize = 512;

/// Reads per call of [`Client::service`], so that a flood cannot keep the caller from its commands.
const READS_PER_CALL: u32 = 256;
/// Bytes of the control connection per call, for the same reason: with a large buffer, few reads are much to go through.
const BYTES_PER_CALL: usize = 512 * 1024;

/// What has arrived in time is in time, however late it is read. So a deadline of the connection counts as missed when
/// the connection has been read dry after it, or, where it never runs dry, this often: more than sockets hold.
const LATE_READS: u32 = 64;

/// A viewer of one stream over one control connection.
///
/// `B`: the connection's buffers; `F`: `SLOTS` frame buffers, each for the largest frame. See
/// [`Connection`] and [`Receiver`] for their sizes.
#[derive(Debug)]
pub struct Client<B, F, const SLOTS: usize> {
    connection: Connection<B>,
    media: Media<F, SLOTS>,
    /// Where the connection leads; media comes from there and RTCP goes there, on other ports.
    server: SocketAddr,
    ssrc: u32,
    described: Option<Described>,
    set_up: Option<SetUp>,
    /// Where the server's RTCP goes: announced by SETUP, or learnt from what comes.
    rtcp_to: Option<SocketAddr>,
    /// An instant in both of the sender's clocks (RFC 3550 section 6.4.1): NTP and RTP.
    sender_clock: Option<(NtpTime, u32)>,
    timeline: Timeline,
    asked: Option<Range>,
    silence: Silence,
    /// When the end is told: what UDP delivers out of order may still come before.
    bye: Option<Instant>,
    farewell: ByeState,
    /// Reads of the control connection since one of its deadlines has passed.
    late_reads: u32,
    /// The last call stopped with work left.
    more: bool,
    /// Nothing more can be read or written.
    ended: bool,
    broken: Option<embedded_io::ErrorKind>,
    strangers: u32,
}

/// The frame buffers wait for the description to say how they will be used.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is no heap to put the receiver on")]
enum Media<F, const SLOTS: usize> {
    Waiting(Option<[F; SLOTS]>),
    Receiving(Receiver<F, SLOTS>),
}

impl<F, const SLOTS: usize> Media<F, SLOTS> {
    const fn receiver(&mut self) -> Option<&mut Receiver<F, SLOTS>> {
        match self {
            Self::Waiting(_) => None,
            Self::Receiving(receiver) => Some(receiver),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ByeState {
    Unsaid,
    /// BYE is to be said, and then TEARDOWN.
    Due,
    /// BYE has been said; TEARDOWN waits for room.
    Waiting,
    Said,
}

impl<B, F, const SLOTS: usize> Client<B, F, SLOTS>
where
    B: AsRef<[u8]> + AsMut<[u8]>,
    F: AsRef<[u8]> + AsMut<[u8]>,
{
    /// A client on a connection to `server`, whose media is taken from no other address. `entropy` becomes our SSRC.
    pub fn new(connection: Connection<B>, buffers: [F; SLOTS], server: SocketAddr, entropy: u32) -> Self {
        Self {
            connection,
            media: Media::Waiting(Some(buffers)),
            server,
            ssrc: entropy,
            described: None,
            set_up: None,
            rtcp_to: None,
            sender_clock: None,
            timeline: Timeline::default(),
            asked: None,
            silence: Silence::default(),
            bye: None,
            farewell: ByeState::Unsaid,
            late_reads: 0,
            more: false,
            ended: false,
            broken: None,
            strangers: 0,
        }
    }

    /// The control connection, to look at.
    pub fn connection(&self) -> &Connection<B> {
        &self.connection
    }

    /// See [`Connection::describe`].
    pub fn describe(&mut self, now: Instant) -> Result<(), NotNow> {
        self.connection.describe(now)
    }

    /// See [`Connection::setup`].
    pub fn setup(&mut self, now: Instant, offer: MediaTransport) -> Result<(), NotNow> {
        self.connection.setup(now, offer)
    }

    /// See [`Connection::play`]. After a pause or another position the receiver starts afresh; its totals stay.
    pub fn play(&mut self, now: Instant, range: Option<Range>) -> Result<(), NotNow> {
        self.connection.play(now, range)?;
        self.asked = range;
        self.bye = None;
        if let Some(receiver) = self.media.receiver() {
            receiver.reset();
        }
        Ok(())
    }

    /// See [`Connection::pause`].
    pub fn pause(&mut self, now: Instant) -> Result<(), NotNow> {
        self.connection.pause(now)
    }

    /// Says BYE and then TEARDOWN, at the next [`service`](Self::service) that finds room for them.
    pub fn teardown(&mut self, now: Instant) -> Result<(), NotNow> {
        match self.farewell {
            ByeState::Unsaid if self.set_up.is_some() && self.connection.dialect() == Dialect::Standard => {
                self.farewell = ByeState::Due;
                Ok(())
            }
            ByeState::Due | ByeState::Waiting => Ok(()),
            ByeState::Unsaid | ByeState::Said => self.connection.teardown(now),
        }
    }

    /// Does all that can be done now, up to the next event. Never blocks.
    ///
    /// `None`: call again when a socket is ready or [`poll_timeout`](Self::poll_timeout) passes. `rtp` and `rtcp` are
    /// not used before SETUP, nor where media comes over the connection.
    pub fn service<T, D, E>(
        &mut self,
        now: Instant,
        control: &mut T,
        rtp: &mut D,
        rtcp: &mut E,
        settings: &Settings<'_>,
    ) -> Option<Event>
    where
        T: Stream,
        D: Datagram,
        E: Datagram,
    {
        self.more = false;
        if let Some(receiver) = self.media.receiver() {
            receiver.handle_timeout(now);
        }
        // First what is due from us: what comes may never run dry.
        self.say_bye(now, rtcp, settings);
        self.report(now, rtcp, settings);
        self.write(now, control);
        self.receive_rtcp(now, rtcp, settings);
        let mut bytes = 0_usize;
        for _ in 0..READS_PER_CALL {
            if bytes >= BYTES_PER_CALL {
                break;
            }
            // What has arrived comes first: a frame lies where the next packets want to go.
            if let Some(frame) = self.poll_frame(now) {
                self.silence.handle_frame(now);
                self.write(now, control);
                return Some(Event::Frame(frame));
            }
            if let Some(event) = self.connection.poll_event() {
                if let Some(event) = self.handle_event(now, event, rtp, settings) {
                    return Some(event);
                }
                continue;
            }
            // All that was read has been looked at.
            if self.is_late(now) && self.late_reads >= LATE_READS {
                self.late_reads = 0;
                self.connection.handle_timeout(now);
                continue;
            }
            // RTCP waits until there is no RTP, so that a packet costs one call to the system and not two.
            let received = self.receive_rtp(now, rtp) || self.receive_rtcp(now, rtcp, settings);
            let read = self.read(now, control);
            bytes = bytes.saturating_add(read.unwrap_or(0));
            self.late_reads = match (self.is_late(now), read) {
                (false, _) => 0,
                (true, Some(_)) => self.late_reads.saturating_add(1),
                (true, None) => LATE_READS,
            };
            if read.is_some() || received || self.write(now, control) || self.late_reads > 0 {
                continue;
            }
            if self.bye.is_some_and(|due| due <= now) {
                self.bye = None;
                return Some(Event::EndOfStream);
            }
            return self.poll_silence(now, settings);
        }
        // Whatever this flood is, it is none of media, whose frames end a call. What we have to say leaves all the same.
        self.write(now, control);
        self.more = true;
        self.poll_silence(now, settings)
    }

    /// When to call [`service`](Self::service) though no socket became ready; in the past where work is left.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.more {
            return Some(Instant::default());
        }
        let media = match &self.media {
            Media::Receiving(receiver) if self.has_session() => receiver.poll_timeout(),
            _ => None,
        };
        let told = earliest(self.silence.due, self.bye);
        earliest(earliest(self.connection.poll_timeout(), media), told)
    }

    /// The frame of the last [`Event::Frame`]: a complete JPEG file.
    pub fn frame(&self) -> &[u8] {
        match &self.media {
            Media::Waiting(_) => &[],
            Media::Receiving(receiver) => receiver.frame(),
        }
    }

    /// What has been received; `None` before SETUP was answered.
    pub fn statistics(&self) -> Option<Statistics> {
        match &self.media {
            Media::Waiting(_) => None,
            Media::Receiving(receiver) => Some(receiver.statistics()),
        }
    }

    /// What SETUP agreed on.
    pub fn set_up(&self) -> Option<SetUp> {
        self.set_up
    }

    /// Why the connection broke, where [`ServerClosed`](session::Event::ServerClosed) is not a proper end of file.
    pub fn broken(&self) -> Option<embedded_io::ErrorKind> {
        self.broken
    }

    /// Datagrams dropped because they did not come from the server.
    pub fn strangers(&self) -> u32 {
        self.strangers
    }

    fn handle_event<D: Datagram>(
        &mut self,
        now: Instant,
        event: session::Event,
        rtp: &mut D,
        settings: &Settings<'_>,
    ) -> Option<Event> {
        match event {
            session::Event::Interleaved { channel } => {
                self.take_interleaved(now, channel, settings);
                return None;
            }
            session::Event::Described(described) => self.described = Some(described),
            session::Event::SetUp(set_up) => self.handle_set_up(set_up, rtp, settings),
            session::Event::Playing(playing) => {
                let whole = self.described.and_then(|described| described.range);
                self.timeline.start(playing, self.asked, whole);
                if let (Some(receiver), Some(sequence)) = (self.media.receiver(), playing.sequence) {
                    receiver.start_at(now, sequence);
                }
                self.silence.start(now, settings.silence);
            }
            session::Event::Paused | session::Event::TornDown | session::Event::ServerClosed => {
                self.silence.stop();
                self.bye = None;
            }
            _ => {}
        }
        Some(Event::Session(event))
    }

    fn handle_set_up<D: Datagram>(&mut self, set_up: SetUp, rtp: &mut D, settings: &Settings<'_>) {
        let config = receiver::Config {
            payload: match self.connection.dialect() {
                Dialect::Standard => receiver::Payload::Jpeg,
                Dialect::Lab => receiver::Payload::Lab,
            },
            payload_type: self.described.map_or(rtp::PAYLOAD_TYPE_JPEG, |described| described.payload_type),
            reorder_delay: match set_up.transport {
                MediaTransport::Udp { .. } => settings.reorder_delay,
                MediaTransport::Interleaved { .. } => settings.reorder_delay.min(MAX_TCP_REORDER_DELAY),
            },
            playout_delay: settings.playout_delay,
            dimensions: self.described.and_then(|described| described.dimensions),
            ssrc: set_up.ssrc,
        };
        match &mut self.media {
            Media::Receiving(receiver) => receiver.reconfigure(config),
            Media::Waiting(buffers) => {
                if let Some(buffers) = buffers.take() {
                    self.media = Media::Receiving(Receiver::new(buffers, self.ssrc, config));
                }
            }
        }
        self.set_up = Some(set_up);
        self.farewell = ByeState::Unsaid;
        self.rtcp_to = None;
        self.sender_clock = None;
        if let (MediaTransport::Udp { .. }, Some((rtp_port, rtcp_port))) = (set_up.transport, set_up.server_port) {
            self.rtcp_to = Some(at_port(self.server, rtcp_port));
            // An empty packet, so that a firewall or address translation on our side lets the answers in.
            let mut opener = [0; rtp::HEADER_LEN];
            let repr = rtp::Repr {
                marker: false,
                payload_type: config.payload_type,
                sequence: 0,
                timestamp: 0,
                ssrc: self.ssrc,
            };
            repr.emit(&mut opener);
            if rtp.send(&Transmit::one(at_port(self.server, rtp_port), &[&opener])).is_err() {
                debug!("the server's RTP port cannot be reached");
            }
        }
    }

    fn take_interleaved(&mut self, now: Instant, channel: u8, settings: &Settings<'_>) {
        let Some(MediaTransport::Interleaved { rtp_channel, rtcp_channel }) =
            self.set_up.map(|set_up| set_up.transport)
        else {
            return;
        };
        let Some(receiver) = self.media.receiver() else { return };
        let packet = self.connection.interleaved();
        if channel == rtp_channel {
            let taken = receiver.handle_packet(now, packet).is_ok();
            self.silence.handle_packet(now, taken);
        } else if channel == rtcp_channel {
            let control = receiver.handle_rtcp(now, settings.wall, packet);
            self.handle_control(now, control, settings);
        }
    }

    fn receive_rtp<D: Datagram>(&mut self, now: Instant, rtp: &mut D) -> bool {
        if !self.is_over_udp() {
            return false;
        }
        let (server, learn) = (self.server, self.rtcp_to.is_none());
        let Some(receiver) = self.media.receiver() else { return false };
        let received = rtp.recv(|meta, packet| {
            let from = meta.from;
            is_same_host(from, server).then(|| (from, receiver.handle_packet(now, packet).is_ok()))
        });
        match received {
            Ok(Some(Some((from, taken)))) => {
                self.silence.handle_packet(now, taken);
                if taken && learn {
                    // SETUP's answer named no port: the neighbour of where media comes from (RFC 3550 section 11).
                    self.rtcp_to = from.port().checked_add(1).map(|port| at_port(from, port));
                }
                true
            }
            Ok(Some(None)) => self.count_stranger(),
            Ok(None) | Err(_) => false,
        }
    }

    fn receive_rtcp<E: Datagram>(&mut self, now: Instant, rtcp: &mut E, settings: &Settings<'_>) -> bool {
        if !self.is_over_udp() {
            return false;
        }
        let server = self.server;
        let Some(receiver) = self.media.receiver() else { return false };
        let received = rtcp.recv(|meta, packet| {
            is_same_host(meta.from, server).then(|| receiver.handle_rtcp(now, settings.wall, packet))
        });
        match received {
            Ok(Some(Some(control))) => {
                self.handle_control(now, control, settings);
                true
            }
            Ok(Some(None)) => self.count_stranger(),
            Ok(None) | Err(_) => false,
        }
    }

    fn handle_control<E>(&mut self, now: Instant, control: Result<Option<Control>, E>, settings: &Settings<'_>) {
        match control {
            Ok(Some(Control::SenderReport { ntp, rtp_timestamp, .. })) => {
                self.sender_clock = Some((ntp, rtp_timestamp));
            }
            Ok(Some(Control::Bye)) => {
                // BYE overtakes packets on UDP, and frames wait for their turn.
                let wait = settings.reorder_delay.saturating_add(settings.playout_delay);
                self.bye.get_or_insert(now.after(wait));
                self.silence.stop();
            }
            _ => {}
        }
    }

    fn poll_silence(&mut self, now: Instant, settings: &Settings<'_>) -> Option<Event> {
        if !self.silence.is_due(now) {
            return None;
        }
        let trouble = self.media.receiver().and_then(|receiver| receiver.trouble());
        let (lasting, trouble) = self.silence.poll(now, settings.silence, trouble)?;
        Some(trouble.map_or(Event::Silence { lasting }, |trouble| Event::Troubled { lasting, trouble }))
    }

    /// Whether a deadline of the connection's has passed that was not told to it.
    fn is_late(&self, now: Instant) -> bool {
        self.connection.poll_timeout().is_some_and(|due| due <= now)
    }

    fn has_session(&self) -> bool {
        self.connection.state() != State::Init
    }

    /// Whether there is a session whose media comes in datagrams.
    fn is_over_udp(&self) -> bool {
        self.has_session() && self.set_up.is_some_and(|set_up| matches!(set_up.transport, MediaTransport::Udp { .. }))
    }

    fn count_stranger(&mut self) -> bool {
        if self.strangers == 0 {
            warning!("packets from other addresses than the server's are dropped");
        }
        self.strangers = self.strangers.saturating_add(1);
        true
    }

    fn poll_frame(&mut self, now: Instant) -> Option<Frame> {
        let dialect = self.connection.dialect();
        let received = self.media.receiver()?.poll_frame(now)?;
        let (position, captured) = match dialect {
            Dialect::Standard => (self.timeline.position(received.timestamp), self.captured(received.timestamp)),
            Dialect::Lab => (None, None),
        };
        Some(Frame { received, position, captured })
    }

    /// What the sender's clock showed at an RTP timestamp.
    fn captured(&self, timestamp: u32) -> Option<NtpTime> {
        let (ntp, reported) = self.sender_clock?;
        let ticks = i64::from(timestamp.wrapping_sub(reported).cast_signed());
        Some(ntp.offset_micros(clock::micros(ticks)))
    }

    /// Bytes that came, 0 where it ended; `None` where there is nothing to read.
    fn read<T: Stream>(&mut self, now: Instant, control: &mut T) -> Option<usize> {
        if self.ended || self.connection.is_closed() || self.connection.rx_buffer().is_empty() {
            return None;
        }
        let ready = control.read_ready();
        let read = match ready {
            Ok(false) => return None,
            Ok(true) => control.read(self.connection.rx_buffer()),
            Err(error) => Err(error),
        };
        match read {
            Ok(0) => {
                // A closed connection stays readable: it is not to be asked again.
                self.ended = true;
                self.connection.handle_close(now);
            }
            Ok(n) => self.connection.handle_input(now, n),
            Err(ref error) => self.fail(now, error),
        }
        Some(read.unwrap_or(0))
    }

    fn write<T: Stream>(&mut self, now: Instant, control: &mut T) -> bool {
        if self.ended || self.connection.poll_transmit().is_empty() {
            return false;
        }
        match control.try_write(&[self.connection.poll_transmit()]) {
            Ok(None) => return false,
            Ok(Some(n)) => self.connection.consume_transmit(now, n),
            Err(error) => self.fail(now, &error),
        }
        true
    }

    fn fail(&mut self, now: Instant, error: &impl embedded_io::Error) {
        self.ended = true;
        self.broken = Some(error.kind());
        self.connection.handle_close(now);
    }

    fn report<E: Datagram>(&mut self, now: Instant, rtcp: &mut E, settings: &Settings<'_>) {
        if !self.has_session() {
            return;
        }
        let mut buffer = [0; MAX_REPORT];
        let Some(receiver) = self.media.receiver() else { return };
        if let Some(len) = receiver.poll_report(now, settings.cname, &mut buffer) {
            self.send_rtcp(rtcp, buffer.get(..len).unwrap_or_default());
        }
    }

    fn say_bye<E: Datagram>(&mut self, now: Instant, rtcp: &mut E, settings: &Settings<'_>) {
        if self.farewell == ByeState::Due {
            self.farewell = ByeState::Waiting;
            let mut buffer = [0; MAX_REPORT];
            if let Some(receiver) = self.media.receiver()
                && let Some(len) = receiver.emit_bye(now, settings.cname, "teardown", &mut buffer)
            {
                self.send_rtcp(rtcp, buffer.get(..len).unwrap_or_default());
            }
        }
        if self.farewell == ByeState::Waiting {
            // Full: the server does not read. Then TEARDOWN is tried again with the next call.
            match self.connection.teardown(now) {
                Err(NotNow::Full) => {}
                Ok(()) | Err(_) => self.farewell = ByeState::Said,
            }
        }
    }

    /// RTCP may be lost, so what does not fit now is not kept.
    fn send_rtcp<E: Datagram>(&mut self, rtcp: &mut E, compound: &[u8]) {
        let sent = match self.set_up.map(|set_up| set_up.transport) {
            Some(MediaTransport::Interleaved { rtcp_channel, .. }) => {
                self.connection.queue_interleaved(rtcp_channel, &[compound])
            }
            Some(MediaTransport::Udp { .. }) => match self.rtcp_to {
                Some(to) => rtcp.send(&Transmit::one(to, &[compound])).is_ok_and(|sent| sent > 0),
                None => false,
            },
            None => false,
        };
        if !sent {
            debug!("a report to the server was not sent");
        }
    }
}
