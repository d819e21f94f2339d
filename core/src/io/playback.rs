//! One viewer's stream: its position in the source, its sender, the frame under way, and when to do what next.

use super::Datagram;
use super::outlet::{Outlet, Sent};
use super::server::Settings;
use crate::jpeg::tables;
use crate::media::catalogue::Entry;
use crate::media::{Advance, Frame, FrameRate, FrameSource};
use crate::rtp::pacing::{Pacer, ReportTimer};
use crate::rtp::packetizer::{Packet, Packetizer};
use crate::rtp::sender::{Sender, Timeline};
use crate::session::{Dialect, MediaTransport};
use crate::time::{Duration, Instant, earliest};
use crate::wire::rtp::{HEADER_LEN, MAX_DATAGRAM};
use crate::wire::rtp_jpeg::MAX_HEADER_SIDE;
use crate::wire::rtsp::headers::Range;
use core::task::Waker;

/// Packets of one frame that leave back to back; the rest follows after [`BURST_GAP`], or receivers with small socket
/// buffers (212,992 bytes by default on Linux, which some 90 packets fill) lose the end of every large frame.
const BURST: u16 = 32;
const BURST_GAP: Duration = Duration::from_millis(1);
/// A full UDP socket drains in microseconds.
const RETRY: Duration = Duration::from_millis(1);
/// BYE travels on another socket than media and must not overtake the last frame inside a busy receiver.
const BYE_DELAY: Duration = Duration::from_millis(400);
/// How far a TCP client may lag behind the due times of a file's frames before whole frames are left out for it: it may be a
/// recorder on a busy machine, which wants all of them, or its way may be too narrow for the film. Players buffer about as
/// much by default. A live source never waits: it always gives its newest frame.
const TCP_LAG: Duration = Duration::from_secs(1);
/// After a stall of the whole server this long, streams go on from now instead of catching up.
const RESTART_LAG: Duration = Duration::from_secs(1);
/// The least time from the first frame after one PLAY to that after the next: reading and sending frames is what costs a server,
/// and a client that seeks a thousand times a second would have it do little else.
const SEEK_GAP: Duration = Duration::from_millis(20);
/// Warnings about frames that are left out, per viewer; a file of ten thousand such frames must not fill a disk.
const MAX_WARNINGS: u8 = 5;
/// A file of which nothing could be read for so long, in microseconds of its own time, is gone: its stream ends. So does one
/// of which nothing could be sent for a whole round. Who asks for PLAY again will see whether it is back.
const UNREAD_FOR: u64 = 30_000_000;
/// The longest compound packet: SR, SDES with a CNAME of 255 bytes, BYE with a reason.
const REPORT_LEN: usize = 400;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Paused,
    Playing,
    /// The last frame was sent; BYE is due.
    Ending {
        bye: Instant,
    },
}

/// Why frames did not leave, counted for the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Counts {
    /// Frames sent whole.
    pub frames: u32,
    /// Frames left out because the client does not read fast enough (TCP).
    pub skipped: u32,
    /// Frames left out because they are damaged, too large for the lab dialect, or not expressible in RFC 2435.
    pub unsendable: u32,
}

pub(super) struct Playback<S> {
    source: S,
    media: usize,
    rate: FrameRate,
    frames: Option<u32>,
    /// The size that the description tells, in pixels; 0 where it tells none.
    described: (u16, u16),
    dialect: Dialect,
    pub(super) transport: MediaTransport,
    sender: Sender,
    timeline: Timeline,
    reports: ReportTimer,
    pacer: Pacer,
    phase: Phase,
    packetizer: Option<Packetizer>,
    /// The frame before which a range that the client gave ends, counted through all rounds.
    stop: Option<u32>,
    /// PLAY's answer must be gone before the first packet.
    hold: bool,
    /// Not before this instant: a gap inside a large frame, a full socket, or a live source that has nothing yet.
    wait: Option<Instant>,
    /// It is a full socket that `wait` is for.
    full: bool,
    burst: u16,
    /// The client's connection had no room while a frame was due.
    behind: bool,
    /// The source was asked for a frame that was not ready yet.
    awaited: bool,
    /// Timestamps of live frames start here and never step back.
    floor: Instant,
    /// The next frame is the first since PLAY.
    first: bool,
    /// The first frame after the next PLAY is not due before.
    rested: Instant,
    /// Frames of the rounds before this one, where files start over at their end.
    base: u32,
    counts: Counts,
    /// Frames left out one after another, and how many of the last of them could not even be read.
    left_out: u32,
    unread: u32,
    warnings: u8,
}

/// What [`Playback::pump`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pumped {
    /// Something was queued on the control connection or a socket; there may be more to do.
    Progress,
    /// Nothing to do before `poll_timeout`, or before the connection takes bytes.
    Idle,
    /// The stream reached its end or the end of the range, and has said so.
    Ended,
}

impl<S: FrameSource> Playback<S> {
    pub(super) fn new(
        now: Instant,
        source: S,
        media: &Entry<'_>,
        dialect: Dialect,
        transport: MediaTransport,
        random: (u32, u16, u32),
    ) -> Self {
        let (ssrc, sequence, offset) = random;
        let (ssrc, sequence) = match dialect {
            Dialect::Standard => (ssrc, sequence),
            Dialect::Lab => (0, 1),
        };
        Self {
            source,
            media: media.id,
            rate: media.frame_rate,
            frames: media.frames,
            described: (media.width, media.height),
            dialect,
            transport,
            sender: Sender::new(ssrc, sequence),
            timeline: Timeline::new(now, offset),
            reports: ReportTimer::new(now, offset.rotate_left(16) ^ ssrc),
            pacer: Pacer::new(media.frame_rate, now),
            phase: Phase::Paused,
            packetizer: None,
            stop: None,
            hold: false,
            wait: None,
            full: false,
            burst: 0,
            behind: false,
            awaited: false,
            floor: now,
            first: false,
            rested: now,
            base: 0,
            counts: Counts::default(),
            left_out: 0,
            unread: 0,
            warnings: 0,
        }
    }

    /// The mount's number.
    pub(super) fn media(&self) -> usize {
        self.media
    }

    pub(super) fn ssrc(&self) -> u32 {
        self.sender.ssrc()
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// Starts, resumes or seeks. Gives what the answer needs: sequence number and timestamp of the first packet, and the
    /// range that will be played; `None` for a range that this medium does not have. With `repeat` it has no end.
    pub(super) fn play(&mut self, now: Instant, range: Option<Range>, repeat: bool) -> Option<(u16, u32, Range)> {
        let playing = self.phase == Phase::Playing;
        let Some(frames) = self.frames else {
            // Live is played from now until it is paused, whatever start is named: players name 0 for any medium.
            if matches!(range, Some(Range::Other | Range::ToOrFromNow | Range::Npt { end: Some(_), .. })) {
                return None;
            }
            if !playing {
                self.start(now);
            }
            return Some((self.sender.next_sequence(), self.timeline.timestamp(self.floor), Range::Now));
        };
        let (start, end) = match range {
            None | Some(Range::Now) => (None, None),
            Some(Range::Npt { start, end }) => (start, end),
            Some(Range::Other | Range::ToOrFromNow) => return None,
        };
        let ended = self.source.position() >= frames || matches!(self.phase, Phase::Ending { .. });
        let here = match (ended, repeat) {
            (false, _) => self.base.saturating_add(self.source.position()),
            (true, true) => self.base.saturating_add(frames),
            // After the end, PLAY starts over.
            (true, false) => 0,
        };
        let first = start.map_or(here, |start| frame_number(self.rate.frames_in(start)));
        let from = start.unwrap_or_else(|| self.rate.micros(here.into()));
        let duration = (!repeat).then(|| self.rate.micros(frames.into()));
        if from > 0 && duration.is_some_and(|duration| from >= duration) || end.is_some_and(|end| end <= from) {
            return None;
        }
        let to = [end, duration].into_iter().flatten().min();
        let answered = Range::Npt { start: Some(self.rate.micros(first.into())), end: to };
        if playing && start.is_none() && end.is_none() {
            // PLAY while playing, without a place to go to: a client's way of asking whether we still are.
            let rtptime = self.timeline.timestamp(self.pacer.due());
            return Some((self.sender.next_sequence(), rtptime, answered));
        }
        let position = first.checked_rem(frames).unwrap_or(0);
        if position != self.source.position() || self.packetizer.is_some() {
            self.source.seek(position).ok()?;
        }
        self.base = first.saturating_sub(position);
        let stop = end.map(|end| frame_number(self.rate.frames_in(end.saturating_sub(1)).saturating_add(1)));
        self.stop = stop.filter(|stop| repeat || *stop < frames);
        self.start(now);
        let rtptime = self.timeline.timestamp(self.pacer.due());
        Some((self.sender.next_sequence(), rtptime, answered))
    }

    fn start(&mut self, now: Instant) {
        // A frame's timestamp must lie behind that of the frame before, even if the client pauses and plays at once.
        let at = now.max(self.floor).max(self.rested);
        self.pacer.restart(at);
        self.floor = at;
        self.reports = ReportTimer::new(now, self.sender.ssrc());
        self.phase = Phase::Playing;
        self.packetizer = None;
        self.hold = true;
        self.first = true;
        self.wait = None;
        self.full = false;
        self.burst = 0;
        self.behind = false;
        self.awaited = false;
        (self.left_out, self.unread) = (0, 0);
    }

    /// Stops where it is; the next `play` without a range goes on there.
    pub(super) fn pause(&mut self) {
        if self.packetizer.take().is_some() {
            // Half a frame is no use to anybody, and one that found no room has not been seen: it comes again, whole. A
            // live source only gives its buffer back, which it would otherwise keep until PLAY.
            if let Some(number) = self.source.frame().map(|frame| frame.number) {
                let _ = self.source.seek(number);
            }
        }
        self.phase = Phase::Paused;
    }

    /// When `pump` has something to do again, unless the control connection takes bytes before.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let media = match self.phase {
            Phase::Paused => return None,
            // Waits for room in the connection, which the socket reports.
            Phase::Ending { .. } if self.behind => return self.report_due(),
            Phase::Ending { bye } => bye,
            Phase::Playing if self.hold => return None,
            Phase::Playing => match (self.wait, self.packetizer) {
                (Some(wait), _) => wait,
                // Likewise.
                (None, Some(_)) => return self.report_due(),
                // The source wakes its client.
                (None, None) if self.awaited => return self.report_due(),
                (None, None) if self.frames.is_none() => self.floor,
                (None, None) => self.pacer.due(),
            },
        };
        earliest(Some(media), self.report_due())
    }

    /// There is room again in the socket; whether that was waited for.
    pub(super) fn handle_room(&mut self) -> bool {
        if self.full {
            self.wait = None;
        }
        self.full
    }

    fn report_due(&self) -> Option<Instant> {
        // The lab client has no RTCP.
        (self.dialect == Dialect::Standard).then(|| self.reports.due())
    }

    /// Sends what is due.
    pub(super) fn pump<const TRAIN: usize, B, D, E>(
        &mut self,
        now: Instant,
        waker: &Waker,
        outlet: &mut Outlet<'_, B, D, E>,
        settings: &Settings<'_>,
    ) -> Pumped
    where
        B: AsRef<[u8]> + AsMut<[u8]>,
        D: Datagram,
        E: Datagram,
    {
        if self.phase == Phase::Paused {
            return Pumped::Idle;
        }
        if self.hold {
            if matches!(self.transport, MediaTransport::Udp { .. }) && !outlet.connection.poll_transmit().is_empty() {
                return Pumped::Idle;
            }
            self.hold = false;
        }
        // The first report leaves before the first packet, so that a client can map timestamps to time at once.
        if self.report_due().is_some_and(|due| now >= due) {
            self.report(now, outlet, settings);
        }
        if let Phase::Ending { bye } = self.phase {
            return if now >= bye { self.end(now, outlet, settings) } else { Pumped::Idle };
        }
        if self.wait.is_some_and(|wait| now < wait) {
            return Pumped::Idle;
        }
        // What goes on because there is room again is still the burst that was cut short.
        if !self.full || self.wait.is_some() {
            self.burst = 0;
        }
        (self.wait, self.full) = (None, false);
        let settings = &Settings { payload_size: outlet.payload_limit(settings.payload_size), ..*settings };
        let mut pumped = Pumped::Idle;
        loop {
            if self.packetizer.is_none() {
                match self.next_frame(now, waker, settings) {
                    Next::Frame => {}
                    Next::Again => continue,
                    Next::NotYet => return pumped,
                    Next::End => return Pumped::Progress,
                    Next::RangeEnd => return Pumped::Ended,
                }
            }
            if !self.send_frame::<TRAIN, B, D, E>(now, outlet) {
                return pumped;
            }
            pumped = Pumped::Progress;
        }
    }

    /// Moves to the next frame if it is due and makes its packetizer.
    fn next_frame(&mut self, now: Instant, waker: &Waker, settings: &Settings<'_>) -> Next {
        let live = self.frames.is_none();
        if !live {
            if now < self.pacer.due() {
                return Next::NotYet;
            }
            self.mind_the_lag(now);
            if self.stop.is_some_and(|stop| self.base.saturating_add(self.source.position()) >= stop) {
                self.phase = Phase::Paused;
                self.stop = None;
                return Next::RangeEnd;
            }
        }
        if core::mem::take(&mut self.first) {
            self.rested = now.after(SEEK_GAP);
        }
        let mut advanced = self.source.advance(now, waker);
        if matches!(advanced, Ok(Advance::End)) && settings.repeat && self.source.seek(0).is_ok() {
            self.base = self.base.wrapping_add(self.frames.unwrap_or(0));
            advanced = self.source.advance(now, waker);
        }
        match advanced {
            Ok(Advance::Ready) => {
                // Frames that take longer than they last: slow motion that says so is better than late frames that do not.
                if core::mem::take(&mut self.awaited) && !live && now.since(self.pacer.due()) > self.rate.interval() {
                    self.pacer.restart(now);
                }
            }
            Ok(Advance::Pending { until }) => {
                self.awaited = true;
                self.wait = until.map(|until| if until > now { until } else { self.soon(now) });
                return Next::NotYet;
            }
            Ok(Advance::End) => return self.last_frame_sent(now),
            Err(_) => {
                self.awaited = false;
                // It stands behind the frame that failed.
                let number = self.source.position().saturating_sub(1);
                self.counts.unsendable = self.counts.unsendable.saturating_add(1);
                if self.warn() {
                    warning!("frame {} cannot be read and is left out", number);
                }
                self.unread = self.unread.saturating_add(1);
                return self.after_left_out(now);
            }
        }
        // A source may say that it has a frame and then not have it.
        let Some(frame) = lent(&self.source, self.dialect) else { return self.after_left_out(now) };
        self.unread = 0;
        let at = match frame.captured {
            Some(captured) => captured.max(self.floor),
            None if live => now.max(self.floor),
            None => self.pacer.due(),
        };
        let packetizer =
            packetizer_for(&frame, self.dialect, self.described, self.timeline.timestamp(at), now, settings);
        let packetizer = packetizer.and_then(|packetizer| {
            packetizer.peek(frame.data, &self.sender).map(|_| packetizer).ok_or(Unsendable::Empty)
        });
        match packetizer {
            Ok(packetizer) => {
                if self.dialect == Dialect::Lab {
                    let number = self.base.wrapping_add(frame.number).wrapping_add(1);
                    self.sender.set_next_sequence(number as u16);
                }
                self.packetizer = Some(packetizer);
                self.left_out = 0;
                self.floor = at.after(Duration::from_micros(12));
                Next::Frame
            }
            Err(reason) => {
                let (number, len) = (frame.number, frame.data.len());
                self.counts.unsendable = self.counts.unsendable.saturating_add(1);
                if self.warn() {
                    reason.warn(number, len, settings);
                }
                self.after_left_out(now)
            }
        }
    }

    /// A client that reads too slowly over TCP is spared whole frames; after a stall of our own, time starts anew.
    fn mind_the_lag(&mut self, now: Instant) {
        let lag = now.since(self.pacer.due());
        if self.behind && lag > TCP_LAG {
            let late = self.rate.frames_in(u64::try_from(lag.as_micros()).unwrap_or(u64::MAX));
            let last = self.frames.unwrap_or(0).min(self.stop.map_or(u32::MAX, |stop| stop.saturating_sub(self.base)));
            let position = self.source.position();
            let target = position.saturating_add(frame_number(late)).min(last);
            if self.source.seek(target).is_ok() {
                let skipped = target.saturating_sub(position);
                self.counts.skipped = self.counts.skipped.saturating_add(skipped);
                (0..skipped).for_each(|_| self.pacer.advance());
            }
        } else if lag > RESTART_LAG {
            self.pacer.restart(now);
        }
        if now.since(self.pacer.due()) < self.rate.interval() {
            self.behind = false;
        }
    }

    fn last_frame_sent(&mut self, now: Instant) -> Next {
        let end = self.pacer.due().max(now);
        let bye = match (self.transport, self.dialect) {
            (MediaTransport::Udp { .. }, Dialect::Standard) => end.after(BYE_DELAY),
            (MediaTransport::Interleaved { .. }, _) | (_, Dialect::Lab) => end,
        };
        self.behind = false;
        self.phase = Phase::Ending { bye };
        Next::End
    }

    /// When a live source that is late is asked again.
    fn soon(&self, now: Instant) -> Instant {
        now.after(self.rate.interval().checked_div(4).unwrap_or_default())
    }

    fn after_left_out(&mut self, now: Instant) -> Next {
        self.pacer.advance();
        let Some(frames) = self.frames else {
            // A camera that fails may fail for long, and says so as often as it is asked.
            self.wait = Some(self.soon(now));
            return Next::NotYet;
        };
        self.left_out = self.left_out.saturating_add(1);
        let is_gone = u64::from(self.unread) >= self.rate.frames_in(UNREAD_FOR);
        if self.left_out >= frames || is_gone {
            warning!("{} frames one after another were left out: the stream ends", self.left_out);
            return self.last_frame_sent(now);
        }
        Next::Again
    }

    fn warn(&mut self) -> bool {
        let warn = self.warnings < MAX_WARNINGS;
        self.warnings = self.warnings.saturating_add(1);
        warn
    }

    /// Sends as many packets of the frame under way as find room; whether that was the rest of it.
    fn send_frame<const TRAIN: usize, B, D, E>(&mut self, now: Instant, outlet: &mut Outlet<'_, B, D, E>) -> bool
    where
        B: AsRef<[u8]> + AsMut<[u8]>,
        D: Datagram,
        E: Datagram,
    {
        let most = outlet.max_train().min(TRAIN).max(1);
        let udp = matches!(self.transport, MediaTransport::Udp { .. });
        loop {
            let (Some(frame), Some(mut packetizer)) = (lent(&self.source, self.dialect), self.packetizer) else {
                // A source that takes back the frame it has lent: there is no rest to wait for.
                self.packetizer = None;
                self.pacer.advance();
                return true;
            };
            let mut sender = self.sender;
            let mut train: heapless::Vec<Packet<'_>, TRAIN> = heapless::Vec::new();
            while train.len() < most {
                let Some(packet) = packetizer.peek(frame.data, &sender) else { break };
                packetizer.commit(&packet, &mut sender);
                if train.push(packet).is_err() {
                    break;
                }
            }
            if train.is_empty() {
                self.packetizer = None;
                self.pacer.advance();
                self.counts.frames = self.counts.frames.saturating_add(1);
                return true;
            }
            match outlet.send::<TRAIN>(&train) {
                Sent::Taken(count) if count < train.len() => {
                    // The rest is tried again from where the train was cut.
                    let mut packetizer = self.packetizer;
                    for packet in train.iter().take(count) {
                        packetizer.iter_mut().for_each(|packetizer| packetizer.commit(packet, &mut self.sender));
                    }
                    self.packetizer = packetizer;
                    self.burst = self.burst.saturating_add(u16::try_from(count).unwrap_or(u16::MAX));
                    continue;
                }
                Sent::Taken(_) | Sent::Lost => {
                    self.burst = self.burst.saturating_add(u16::try_from(train.len()).unwrap_or(u16::MAX));
                    (self.packetizer, self.sender) = (Some(packetizer), sender);
                }
                Sent::Full => {
                    self.behind |= !udp;
                    self.wait = udp.then(|| now.after(RETRY));
                    self.full = udp;
                    return false;
                }
            }
            if udp && self.burst >= BURST && packetizer.peek(frame.data, &sender).is_some() {
                self.wait = Some(now.after(BURST_GAP));
                return false;
            }
        }
    }

    fn report<B, D, E>(&mut self, now: Instant, outlet: &mut Outlet<'_, B, D, E>, settings: &Settings<'_>)
    where
        B: AsRef<[u8]> + AsMut<[u8]>,
        D: Datagram,
        E: Datagram,
    {
        let mut buffer = [0; REPORT_LEN];
        let ntp = settings.wall.ntp(now);
        let timestamp = self.timeline.timestamp(now);
        if let Some(len) = self.sender.emit_report(&mut buffer, ntp, timestamp, settings.cname) {
            // A report that finds no room is not worth waiting for: the next one says the same.
            let _ = outlet.report(buffer.get(..len).unwrap_or(&[]));
        }
        self.reports.sent(now);
    }

    fn end<B, D, E>(&mut self, now: Instant, outlet: &mut Outlet<'_, B, D, E>, settings: &Settings<'_>) -> Pumped
    where
        B: AsRef<[u8]> + AsMut<[u8]>,
        D: Datagram,
        E: Datagram,
    {
        if self.say_bye(now, outlet, settings, "end of stream") == Sent::Full {
            match self.transport {
                MediaTransport::Udp { .. } => self.phase = Phase::Ending { bye: now.after(RETRY) },
                MediaTransport::Interleaved { .. } => self.behind = true,
            }
            return Pumped::Idle;
        }
        self.phase = Phase::Paused;
        Pumped::Ended
    }

    /// Tells the client that nothing more will come (RFC 3550 section 6.6). The lab client could not read it.
    pub(super) fn say_bye<B, D, E>(
        &mut self,
        now: Instant,
        outlet: &mut Outlet<'_, B, D, E>,
        settings: &Settings<'_>,
        reason: &str,
    ) -> Sent
    where
        B: AsRef<[u8]> + AsMut<[u8]>,
        D: Datagram,
        E: Datagram,
    {
        if self.dialect == Dialect::Lab {
            return Sent::Taken(1);
        }
        let mut buffer = [0; REPORT_LEN];
        let ntp = settings.wall.ntp(now);
        let timestamp = self.timeline.timestamp(now);
        match self.sender.emit_bye(&mut buffer, ntp, timestamp, settings.cname, reason) {
            Some(len) => outlet.report(buffer.get(..len).unwrap_or(&[])),
            None => Sent::Taken(1),
        }
    }
}

enum Next {
    Frame,
    Again,
    NotYet,
    End,
    RangeEnd,
}

/// Why one frame of a medium is left out.
enum Unsendable {
    Empty,
    Damaged(crate::jpeg::Error),
    Unsupported(crate::jpeg::Unsupported),
    /// The header has no room for its size, and the description tells another one: receivers would scramble it.
    OtherSize {
        picture: (u16, u16),
        described: (u16, u16),
    },
    TooLarge,
}

impl Unsendable {
    fn warn(&self, number: u32, len: usize, settings: &Settings<'_>) {
        match self {
            Self::Empty => warning!("frame {} is left out: there is nothing in it that could be sent", number),
            Self::Damaged(error) => warning!("frame {} is left out: {}", number, error),
            Self::Unsupported(reason) => warning!("frame {} is left out: {}", number, reason),
            Self::OtherSize { picture, described } => warning!(
                "frame {} is left out: it is {}x{}, the description says {}x{}, and above {} pixels RTP/JPEG cannot say another size",
                number,
                picture.0,
                picture.1,
                described.0,
                described.1,
                MAX_HEADER_SIDE,
            ),
            Self::TooLarge => warning!(
                "frame {} of {} bytes is left out: the limit is {} bytes a packet (--max-packet-size)",
                number,
                len,
                settings.max_packet_size.min(MAX_DATAGRAM),
            ),
        }
    }
}

/// The frame that a source lends, as its dialect sends it.
fn lent<S: FrameSource>(source: &S, dialect: Dialect) -> Option<Frame<'_>> {
    let frame = source.frame()?;
    Some(match (dialect, source.original()) {
        (Dialect::Lab, Some(data)) => Frame { data, ..frame },
        _ => frame,
    })
}

fn packetizer_for(
    frame: &Frame<'_>,
    dialect: Dialect,
    described: (u16, u16),
    timestamp: u32,
    now: Instant,
    settings: &Settings<'_>,
) -> Result<Packetizer, Unsendable> {
    match dialect {
        Dialect::Lab => {
            let limit = settings.max_packet_size.min(MAX_DATAGRAM);
            if frame.data.len().saturating_add(HEADER_LEN) > limit {
                return Err(Unsendable::TooLarge);
            }
            Ok(Packetizer::lab(settings.wall.ntp(now).unix_seconds()))
        }
        Dialect::Standard => {
            let layout = frame.layout.map_err(Unsendable::Damaged)?;
            let mut format = layout.rtp_format().map_err(Unsendable::Unsupported)?;
            if format.restart_interval != 0 && !settings.restart_markers {
                return Err(Unsendable::Unsupported(crate::jpeg::Unsupported::RestartMarkers));
            }
            let picture = (layout.width, layout.height);
            if format.width == 0 && picture != described && described != (0, 0) {
                return Err(Unsendable::OtherSize { picture, described });
            }
            if settings.computed_tables {
                let [luma, chroma] = format.quantization.map(|table| table.of(frame.data));
                format.q = tables::q_of(luma, chroma).unwrap_or(format.q);
            }
            Ok(Packetizer::rfc2435(format, timestamp, settings.payload_size))
        }
    }
}

fn frame_number(frames: u64) -> u32 {
    u32::try_from(frames).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jpeg::Layout;
    use crate::jpeg::encoder::{Encoder, Quantizer};

    #[test]
    fn tables_that_rfc_2435_computes_are_sent_as_a_number_where_that_is_wanted() {
        let quantizer = Quantizer::new(75);
        let mut file = [0; 2048];
        let mut encoder = Encoder::new(&mut file, 16, 16, &quantizer).unwrap();
        encoder.flat_mcu([1, 2, 3]).unwrap();
        let len = encoder.finish().unwrap();
        for (computed_tables, q, head) in [(false, 255, 12 + 8 + 4 + 128), (true, 75, 12 + 8)] {
            let settings = Settings { computed_tables, ..Settings::default() };
            let data = &file[..len];
            let frame = Frame { number: 0, data, captured: None, layout: Layout::parse(data) };
            let packetizer = packetizer_for(&frame, Dialect::Standard, (16, 16), 0, Instant::default(), &settings);
            let packetizer = packetizer.ok().unwrap();
            let packet = packetizer.peek(data, &Sender::new(1, 1)).unwrap();
            assert_eq!((packet.head().len(), packet.head()[12 + 5]), (head, q));
        }
    }

    #[test]
    fn pictures_above_2040_pixels_are_sent_only_in_the_size_that_the_description_tells() {
        let quantizer = Quantizer::new(75);
        let mut file = [0; 4096];
        let picture = |file: &mut [u8], width: u16| {
            let mut encoder = Encoder::new(file, width, 16, &quantizer).unwrap();
            (0..width / 16).for_each(|_| encoder.flat_mcu([1, 2, 3]).unwrap());
            encoder.finish().unwrap()
        };
        for (width, dialect, described, is_sent) in [
            (2048, Dialect::Standard, (2048, 16), true),
            (2048, Dialect::Standard, (2064, 16), false),
            (2048, Dialect::Standard, (2048, 32), false),
            (2048, Dialect::Standard, (640, 480), false),
            // Nothing was told that could be wrong.
            (2048, Dialect::Standard, (0, 0), true),
            // The header says what the picture is.
            (2032, Dialect::Standard, (2048, 16), true),
            // Whole files tell their size themselves.
            (2048, Dialect::Lab, (2064, 16), true),
        ] {
            let len = picture(&mut file, width);
            let data = &file[..len];
            let frame = Frame { number: 0, data, captured: None, layout: Layout::parse(data) };
            let settings = Settings::default();
            let found = packetizer_for(&frame, dialect, described, 0, Instant::default(), &settings).err();
            assert_eq!(found.is_none(), is_sent, "{width} {dialect:?} {described:?}");
            let is_size = |found| matches!(found, Unsendable::OtherSize { picture, described: told } if picture == (width, 16) && told == described);
            assert!(found.is_none_or(is_size));
        }
    }
}
