//! The media of one session: the receiver, its reports, and what the absence of packets means.

use super::event::ReceivedFrame;
use super::protection::Protection;
use super::settings::Settings;
use super::silence::Silence;
use super::timeline::Timeline;
use crate::address::{at_port, is_same_host};
use crate::rtp::clock;
use crate::rtp::receiver::{self, Control, NoFrameReason, Receiver, Statistics};
use crate::session::client::{self, Connection, Described, NotNow, Playing, SetUp};
use crate::session::{Dialect, MediaTransport};
use crate::time::{Duration, Instant, NtpTime, earliest};
use crate::wire::lab::Length;
use crate::wire::rtp;
use crate::wire::rtsp::headers::Range;
use core::fmt::Write;
use core::net::{Ipv4Addr, SocketAddr};

/// Nothing is overtaken in a stream of bytes, but threads of a server may overtake each other before they write to it. Where
/// that has happened, what is missing is waited for so long; elsewhere not at all, since servers leave packets out as well, because
/// the connection is slow.
const MAX_TCP_REORDER_DELAY: Duration = Duration::from_millis(50);

/// For so long after its last frame a lab server may start over.
const LAB_END: Duration = Duration::from_millis(500);

/// Frames of a second.
const LAB_MARGIN: u32 = 30;

/// One of our two UDP ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Port {
    /// For media.
    Rtp,
    /// For reports. In the lab's dialect, which has none, for media, too.
    Rtcp,
}

/// A datagram that a player wants to have sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The port of ours that it leaves from.
    pub port: Port,
    /// Where it goes.
    pub to: SocketAddr,
    /// Its length in the buffer that it was written to.
    pub len: usize,
}

/// Who we are in reports.
#[derive(Clone, Copy, Debug)]
struct Ours {
    ssrc: u32,
    /// Our canonical name is made of this (RFC 7022: random, and the same for all sessions).
    name: u64,
}

/// How far we are with leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ByeState {
    Unsaid,
    /// BYE is to be said, and then TEARDOWN.
    Due,
    /// BYE has been said; TEARDOWN waits for room.
    Waiting,
    Said,
}

// More than 15 fields: what is known of one session's media, of which a new session changes all.
/// Receives the media of one session after the other. `F`: a frame buffer, of which there are `SLOTS`.
#[derive(Debug)]
pub(super) struct Media<F, const SLOTS: usize> {
    buffers: Buffers<F, SLOTS>,
    ours: Ours,
    protection: Protection,
    /// Where the connection leads; media comes from there and RTCP goes there, on other ports.
    server: SocketAddr,
    described: Option<Described>,
    set_up: Option<SetUp>,
    /// Where the server's RTCP goes: announced by SETUP, or learnt from what comes.
    rtcp_to: Option<SocketAddr>,
    /// Where an empty packet has to go, so that a firewall or address translation on our side lets media in.
    opener_to: Option<SocketAddr>,
    /// An instant in both of the sender's clocks (RFC 3550 section 6.4.1): NTP and RTP.
    sender_clock: Option<(NtpTime, u32)>,
    timeline: Timeline,
    asked: Option<Range>,
    silence: Silence,
    /// How long the file is, as far as a lab server tells.
    lab_length: Length,
    /// The number of the last frame of a lab server's.
    lab_number: u32,
    /// When the end is told: what UDP delivers out of order may still come before.
    end: Option<Instant>,
    bye: ByeState,
    strangers: u32,
}

/// The frame buffers wait for the description to say how they will be used.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is no heap to put the receiver on")]
enum Buffers<F, const SLOTS: usize> {
    Waiting([F; SLOTS]),
    Receiving(Receiver<F, SLOTS>),
    /// For the moment in which they pass from one to the other.
    Passing,
}

impl<F: AsRef<[u8]> + AsMut<[u8]>, const SLOTS: usize> Media<F, SLOTS> {
    pub(super) fn new(buffers: [F; SLOTS], name: u64) -> Self {
        Self {
            buffers: Buffers::Waiting(buffers),
            ours: Ours { ssrc: 0, name },
            protection: Protection::default(),
            server: SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0),
            described: None,
            set_up: None,
            rtcp_to: None,
            opener_to: None,
            sender_clock: None,
            timeline: Timeline::default(),
            asked: None,
            silence: Silence::default(),
            lab_length: Length::default(),
            lab_number: 0,
            end: None,
            bye: ByeState::Unsaid,
            strangers: 0,
        }
    }

    /// A new connection leads to `server`, whose media is taken from no other address. Nothing of an earlier session
    /// stays.
    pub(super) fn restart(&mut self, server: SocketAddr, ssrc: u32) {
        self.buffers = match core::mem::replace(&mut self.buffers, Buffers::Passing) {
            Buffers::Receiving(receiver) => Buffers::Waiting(receiver.into_buffers()),
            other => other,
        };
        (self.server, self.ours.ssrc, self.protection) = (server, ssrc, Protection::default());
        (self.described, self.set_up) = (None, None);
        (self.rtcp_to, self.opener_to, self.sender_clock) = (None, None, None);
        (self.timeline, self.asked) = (Timeline::default(), None);
        (self.silence, self.end) = (Silence::default(), None);
        (self.lab_length, self.lab_number) = (Length::default(), 0);
        (self.bye, self.strangers) = (ByeState::Unsaid, 0);
    }

    const fn receiver(&mut self) -> Option<&mut Receiver<F, SLOTS>> {
        match &mut self.buffers {
            Buffers::Receiving(receiver) => Some(receiver),
            Buffers::Waiting(_) | Buffers::Passing => None,
        }
    }

    pub(super) fn frame(&self) -> &[u8] {
        match &self.buffers {
            Buffers::Receiving(receiver) => receiver.frame(),
            Buffers::Waiting(_) | Buffers::Passing => &[],
        }
    }

    pub(super) fn statistics(&self) -> Option<Statistics> {
        match &self.buffers {
            Buffers::Receiving(receiver) => Some(receiver.statistics()),
            Buffers::Waiting(_) | Buffers::Passing => None,
        }
    }

    pub(super) fn described(&self) -> Option<Described> {
        self.described
    }

    pub(super) fn transport(&self) -> Option<MediaTransport> {
        self.set_up.map(|set_up| set_up.transport)
    }

    pub(super) fn strangers(&self) -> u32 {
        self.strangers
    }

    /// `receiving`: there is a session, so that what the receiver waits for concerns anybody.
    pub(super) fn poll_timeout(&self, receiving: bool) -> Option<Instant> {
        let receiver = match &self.buffers {
            Buffers::Receiving(receiver) if receiving => receiver.poll_timeout(),
            _ => None,
        };
        earliest(receiver, earliest(self.silence.due, self.end))
    }

    pub(super) fn handle_described(&mut self, described: Described) {
        self.described = Some(described);
    }

    pub(super) fn handle_set_up(
        &mut self,
        set_up: SetUp,
        dialect: Dialect,
        settings: &Settings,
        protection: Protection,
    ) {
        self.protection = protection;
        let config = receiver::Config {
            payload: match dialect {
                Dialect::Standard => receiver::Payload::Jpeg,
                Dialect::Lab => receiver::Payload::Lab,
            },
            payload_type: self.payload_type(),
            reorder_delay: match set_up.transport {
                MediaTransport::Udp { .. } => settings.reorder_delay,
                MediaTransport::Interleaved { .. } => settings.reorder_delay.min(MAX_TCP_REORDER_DELAY),
            },
            in_order: matches!(set_up.transport, MediaTransport::Interleaved { .. }),
            playout_delay: settings.playout_delay,
            dimensions: self.described.and_then(|described| described.dimensions),
            ssrc: set_up.ssrc,
        };
        self.buffers = match core::mem::replace(&mut self.buffers, Buffers::Passing) {
            Buffers::Receiving(mut receiver) => {
                receiver.reconfigure(config);
                Buffers::Receiving(receiver)
            }
            Buffers::Waiting(buffers) => Buffers::Receiving(Receiver::new(buffers, self.ours.ssrc, config)),
            Buffers::Passing => Buffers::Passing,
        };
        self.set_up = Some(set_up);
        self.bye = ByeState::Unsaid;
        (self.rtcp_to, self.opener_to, self.sender_clock) = (None, None, None);
        if let (MediaTransport::Udp { .. }, Some((rtp_port, rtcp_port))) = (set_up.transport, set_up.server_port) {
            self.rtcp_to = Some(at_port(self.server, rtcp_port));
            self.opener_to = Some(at_port(self.server, rtp_port));
        }
    }

    /// PLAY leaves. After a pause or from another position the receiver starts afresh; its totals stay.
    pub(super) fn handle_play(&mut self, range: Option<Range>) {
        self.asked = range;
        self.end = None;
        if let Some(receiver) = self.receiver() {
            receiver.reset();
        }
    }

    pub(super) fn handle_playing(&mut self, now: Instant, playing: Playing, silence: Duration) {
        let whole = self.described.and_then(|described| described.range);
        self.timeline.start(playing, self.asked, whole);
        if let (Some(receiver), Some(sequence)) = (self.receiver(), playing.sequence) {
            receiver.start_at(now, sequence);
        }
        self.silence.start(now, silence);
    }

    /// All that has arrived by now has been handed over.
    pub(super) fn handle_lull(&mut self, now: Instant) {
        if let Some(receiver) = self.receiver() {
            receiver.handle_lull(now);
        }
    }

    /// Nothing is played any more.
    pub(super) fn handle_stop(&mut self) {
        self.silence.stop();
        self.end = None;
    }

    /// Whether media may come on the control connection only.
    pub(super) fn is_tunnelled(&self) -> bool {
        self.described.is_some_and(|described| described.protection == client::Protection::Tunnel)
    }

    /// Whether media comes over UDP.
    pub(super) fn is_over_udp(&self) -> bool {
        matches!(self.transport(), Some(MediaTransport::Udp { .. }))
    }

    pub(super) fn handle_rtp(&mut self, now: Instant, from: SocketAddr, packet: &[u8]) {
        if !self.is_over_udp() || !self.is_the_servers(from) {
            return;
        }
        let Buffers::Receiving(receiver) = &mut self.buffers else { return };
        let taken = self.protection.with_datagram(packet, |packet| receiver.handle_packet(now, packet).is_ok());
        let taken = taken == Some(true);
        self.silence.handle_packet(now, taken);
        if taken && self.rtcp_to.is_none() {
            // SETUP's answer named no port: the neighbour of where media comes from (RFC 3550 section 11).
            self.rtcp_to = from.port().checked_add(1).map(|port| at_port(from, port));
        }
    }

    pub(super) fn handle_rtcp(&mut self, now: Instant, from: SocketAddr, compound: &[u8], settings: &Settings) {
        if self.is_over_udp() && self.is_the_servers(from) {
            self.take_rtcp(now, compound, settings);
        }
    }

    pub(super) fn handle_interleaved(&mut self, now: Instant, channel: u8, packet: &mut [u8], settings: &Settings) {
        let Some(MediaTransport::Interleaved { rtp_channel, rtcp_channel }) = self.transport() else { return };
        if channel == rtp_channel {
            let Buffers::Receiving(receiver) = &mut self.buffers else { return };
            let opened = self.protection.open(packet);
            let taken = opened.is_some_and(|packet| receiver.handle_packet(now, packet).is_ok());
            self.silence.handle_packet(now, taken);
        } else if channel == rtcp_channel {
            self.take_rtcp(now, packet, settings);
        }
    }

    fn take_rtcp(&mut self, now: Instant, compound: &[u8], settings: &Settings) {
        let Buffers::Receiving(receiver) = &mut self.buffers else { return };
        let work = |compound: &[u8]| receiver.handle_rtcp(now, settings.wall, compound);
        match self.protection.with_reports(compound, work) {
            Some(Ok(Some(Control::SenderReport { ntp, rtp_timestamp, .. }))) => {
                self.sender_clock = Some((ntp, rtp_timestamp));
            }
            Some(Ok(Some(Control::Bye))) => {
                // BYE overtakes packets on UDP, and frames wait for their turn.
                let wait = settings.reorder_delay.saturating_add(settings.playout_delay);
                self.end.get_or_insert(now.after(wait));
                self.silence.stop();
            }
            _ => {}
        }
    }

    fn is_the_servers(&mut self, from: SocketAddr) -> bool {
        if is_same_host(from, self.server) {
            return true;
        }
        if self.strangers == 0 {
            warning!("packets from other addresses than the server's are dropped");
        }
        self.strangers = self.strangers.saturating_add(1);
        false
    }

    pub(super) fn poll_frame(&mut self, now: Instant, dialect: Dialect) -> Option<ReceivedFrame> {
        let received = self.receiver()?.poll_frame(now)?;
        self.silence.handle_frame(now);
        self.protection.handle_frame();
        let (position, captured) = match dialect {
            Dialect::Standard => (self.timeline.position(received.timestamp), self.captured(received.timestamp)),
            Dialect::Lab => (self.take_lab_number(now, received.number), None),
        };
        Some(ReceivedFrame { received, position: position.map(Duration::from_micros), captured })
    }

    /// How long the file is, as far as a lab server tells.
    pub(super) fn set_lab_length(&mut self, length: Length) {
        self.lab_length = length;
    }

    /// The place of a lab server's frame, in microseconds. The last frame is the end, unless another one follows it: some servers start
    /// over.
    fn take_lab_number(&mut self, now: Instant, number: u32) -> Option<u64> {
        self.lab_number = number;
        let Length { frames: Some(frames), time: Some(time) } = self.lab_length else { return None };
        self.end = (number == frames).then(|| now.after(LAB_END));
        let before = u64::from(number.wrapping_sub(1).checked_rem(frames)?);
        u64::try_from(time.as_micros()).ok()?.saturating_mul(before).checked_div(frames.into())
    }

    /// Whether silence means that a lab server's file has ended, and not that the connection is lost: of its last second frames may
    /// have been lost.
    pub(super) fn is_near_lab_s_end(&self) -> bool {
        self.lab_length
            .frames
            .is_some_and(|frames| self.lab_number <= frames && self.lab_number.saturating_add(LAB_MARGIN) >= frames)
    }

    /// Whether the server has said BYE, and what it overtook has had its time.
    pub(super) fn poll_end(&mut self, now: Instant) -> bool {
        let due = self.end.is_some_and(|due| due <= now);
        if due {
            self.end = None;
        }
        due
    }

    /// For how long nothing has come; or nothing of use, for this reason.
    pub(super) fn poll_silence(
        &mut self,
        now: Instant,
        interval: Duration,
    ) -> Option<(Duration, Option<NoFrameReason>)> {
        if !self.silence.is_due(now) {
            return None;
        }
        let reason = self.receiver().and_then(|receiver| receiver.trouble());
        let reason = reason.or_else(|| self.protection.trouble().map(NoFrameReason::Rejected));
        self.silence.poll(now, interval, reason)
    }

    /// What is known of silence.
    pub(super) const fn silence(&mut self) -> &mut Silence {
        &mut self.silence
    }

    /// When the server is to be asked for a sign of life.
    pub(super) fn probe_due(&self, after: Duration) -> Option<Instant> {
        self.silence.probe_due(after)
    }

    /// The payload type that the server has described.
    pub(super) fn payload_type(&self) -> u8 {
        self.described.map_or(rtp::PAYLOAD_TYPE_JPEG, |described| described.payload_type)
    }

    /// What the sender's clock showed at an RTP timestamp.
    fn captured(&self, timestamp: u32) -> Option<NtpTime> {
        let (ntp, reported) = self.sender_clock?;
        let ticks = i64::from(timestamp.wrapping_sub(reported).cast_signed());
        Some(ntp.offset_micros(clock::micros(ticks)))
    }

    /// Says BYE and then TEARDOWN as far as there is room for them, with the next [`poll_datagram`](Self::poll_datagram).
    pub(super) fn leave<B>(&mut self, now: Instant, connection: &mut Connection<B>) -> Result<(), NotNow>
    where
        B: AsRef<[u8]> + AsMut<[u8]>,
    {
        match self.bye {
            ByeState::Unsaid if self.set_up.is_some() && connection.dialect() == Dialect::Standard => {
                self.bye = ByeState::Due;
                Ok(())
            }
            ByeState::Due | ByeState::Waiting => Ok(()),
            ByeState::Unsaid | ByeState::Said => connection.teardown(now),
        }
    }

    /// The next datagram that is due from us, written to `buffer`. Over TCP it is queued on the connection instead.
    pub(super) fn poll_datagram<B>(
        &mut self,
        now: Instant,
        connection: &mut Connection<B>,
        reporting: bool,
        buffer: &mut [u8],
    ) -> Option<Outgoing>
    where
        B: AsRef<[u8]> + AsMut<[u8]>,
    {
        if let Some(to) = self.opener_to.take() {
            let opener = buffer.first_chunk_mut::<{ rtp::HEADER_LEN }>()?;
            let (payload_type, ssrc) = (self.payload_type(), self.ours.ssrc);
            rtp::Repr { marker: false, payload_type, sequence: 0, timestamp: 0, ssrc }.emit(opener);
            return Some(Outgoing { port: Port::Rtp, to, len: rtp::HEADER_LEN });
        }
        let mut cname = heapless::String::<32>::new();
        let _ = write!(cname, "{:016x}@mutoscope", self.ours.name);
        if self.bye == ByeState::Due {
            self.bye = ByeState::Waiting;
            let len = self.receiver().and_then(|receiver| receiver.emit_bye(now, &cname, "teardown", buffer));
            if let Some(outgoing) = len.and_then(|len| self.send_rtcp(connection, buffer, len)) {
                return Some(outgoing);
            }
        }
        if self.bye == ByeState::Waiting {
            // Full: the server does not read. Then TEARDOWN is tried again with the next call.
            match connection.teardown(now) {
                Err(NotNow::Full) => {}
                Ok(()) | Err(_) => self.bye = ByeState::Said,
            }
        }
        if !reporting {
            return None;
        }
        let len = self.receiver()?.poll_report(now, &cname, buffer)?;
        self.send_rtcp(connection, buffer, len)
    }

    /// RTCP may be lost, so what does not fit now is not kept.
    fn send_rtcp<B>(&mut self, connection: &mut Connection<B>, buffer: &mut [u8], len: usize) -> Option<Outgoing>
    where
        B: AsRef<[u8]> + AsMut<[u8]>,
    {
        let (transport, len) = (self.transport()?, self.protection.seal(buffer, len)?);
        match transport {
            MediaTransport::Interleaved { rtcp_channel, .. } => {
                let compound = buffer.get(..len).unwrap_or_default();
                if !connection.queue_interleaved(rtcp_channel, &[compound]) {
                    debug!("a report to the server was not sent");
                }
                None
            }
            MediaTransport::Udp { .. } => self.rtcp_to.map(|to| Outgoing { port: Port::Rtcp, to, len }),
        }
    }
}
