//! One client's stream: its source, what its packets are made of, and the machine that decides when they leave.

use super::{Context, Settings};
use crate::delivery::{self, Asked, AtEnd, Counts, Delivery, Fetched, LeftOut, Medium, Place, RoomFor, Step, Way};
use crate::io::outlet::{Outlet, Sent};
use crate::io::{Datagram, Stream};
use crate::media::catalogue::Entry;
use crate::media::{Advance, Extent, Frame, FrameSource, scaled};
use crate::rtp::fragment::{Format, Fragments, Rules};
use crate::rtp::packet::Packet;
use crate::rtp::protect::Protect;
use crate::rtp::reception::Reception;
use crate::rtp::sender::{Sender, Timeline};
use crate::session::MediaTransport;
use crate::session::server::Played;
use crate::time::Instant;
use crate::wire::lab::Length;
use crate::wire::lab::extra::Target;
use crate::wire::lab::payload::Payload;
use crate::wire::rtcp;
use crate::wire::rtsp::headers::{Range, Speed};
use core::ops;

/// Warnings about frames that are left out, per viewer; a file of ten thousand such frames must not fill a disk.
const MAX_WARNINGS: u32 = 5;
/// Frames a second that the lab's SPEEDUP adds.
const FASTER: u64 = 4;
/// The longest compound packet: SR, SDES with a CNAME of 255 bytes, BYE with a reason.
const REPORT_LEN: usize = 400;

pub(super) struct MediaStream<S> {
    source: S,
    /// The medium's number in the catalogue.
    media: usize,
    /// The size that the description tells, in pixels; 0 where it tells none.
    described: (u16, u16),
    transport: MediaTransport,
    format: Format,
    sender: Sender,
    timeline: Timeline,
    delivery: Delivery,
    /// What the client reports.
    reception: Reception,
    /// The frame under way.
    outgoing: Option<Outgoing>,
}

#[derive(Clone, Copy)]
struct Outgoing {
    fragments: Fragments,
    timestamp: u32,
}

/// What [`MediaStream::run`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ran {
    /// A frame was sent; there may be more to do.
    Progress,
    /// There is nothing to do before `poll_timeout`, or before the connection takes bytes.
    Idle,
    /// The stream reached its end or the end of the range, and has said so.
    Ended,
}

impl<S: FrameSource> MediaStream<S> {
    pub(super) fn new(
        now: Instant,
        source: S,
        media: &Entry<'_>,
        format: Format,
        transport: MediaTransport,
        random: (u32, u16, u32),
        settings: &Settings<'_>,
    ) -> Self {
        let (ssrc, sequence, offset) = random;
        let medium = Medium {
            rate: media.frame_rate,
            extent: media.extent,
            at_end: if settings.repeat { AtEnd::StartOver } else { AtEnd::Stop },
        };
        let (sender, reports) = match format {
            Format::Jpeg => (Sender::new(ssrc, sequence), Some(ssrc)),
            Format::Lab(form) => (lab_sender(form), None),
        };
        let mut delivery = Delivery::new(now, medium, way(transport), reports);
        if let Format::Lab(_) = format {
            delivery.spread();
        }
        delivery.set_wake_grid(settings.wake_grid);
        Self {
            source,
            media: media.id,
            described: (media.width, media.height),
            transport,
            format,
            sender,
            timeline: Timeline::new(now, offset),
            delivery,
            reception: Reception::default(),
            outgoing: None,
        }
    }

    pub(super) fn media(&self) -> usize {
        self.media
    }

    pub(super) fn ssrc(&self) -> u32 {
        self.sender.ssrc()
    }

    pub(super) fn counts(&self) -> Counts {
        self.delivery.counts()
    }

    pub(super) fn reception(&self) -> Reception {
        let mut reception = self.reception;
        // Nobody can lose more than was sent, whatever it says.
        reception.lost = reception.lost.min(i32::try_from(self.sender.packets()).unwrap_or(i32::MAX));
        reception
    }

    /// Takes an RTCP packet of the client's. `true`: it is one.
    pub(super) fn handle_rtcp(&mut self, now: Instant, compound: &[u8]) -> bool {
        let Ok(packets) = rtcp::Compound::new_checked(compound) else { return false };
        self.reception.handle_rtcp(now, self.sender.ssrc(), packets);
        true
    }

    pub(super) fn transport(&self) -> MediaTransport {
        self.transport
    }

    /// The client has asked for another form.
    pub(super) fn set_format(&mut self, format: Format) {
        if let (Format::Lab(form), true) = (format, self.format != format) {
            (self.format, self.sender) = (format, lab_sender(form));
        }
    }

    pub(super) fn set_transport(&mut self, transport: MediaTransport) {
        self.transport = transport;
        self.delivery.set_way(way(transport));
    }

    /// Starts, resumes or seeks. Gives what the answer needs; `None` for a range that this medium does not have.
    pub(super) fn play(&mut self, now: Instant, asked: Asked) -> Option<Played> {
        if let Some(extent) = self.source.extent() {
            self.delivery.set_extent(extent);
        }
        let plan = self.delivery.plan(asked, self.source.position())?;
        if !plan.seek.is_none_or(|place| self.seek(place)) {
            return None;
        }
        let delivery::Played { at, range, scale, speed } = self.delivery.handle_play(now, plan);
        let (sequence, rtptime) = (self.sender.next_sequence(), self.timeline.timestamp(at));
        Some(Played { sequence, rtptime, range, scale, speed })
    }

    fn seek(&mut self, place: Place) -> bool {
        match place {
            Place::Frame(number) => self.source.seek(number).is_ok(),
            Place::Time(time) => self.source.seek_time(time).is_ok(),
        }
    }

    /// Stops where it is; the next `play` without a range goes on there.
    pub(super) fn pause(&mut self) {
        if let Some(number) = self.delivery.handle_pause() {
            let _ = self.source.seek(number);
        }
        self.outgoing = None;
    }

    /// Goes to another frame of a film, and plays on there if `plays`.
    pub(super) fn jump(&mut self, now: Instant, to: Target, plays: bool, length: Length) {
        let Some(count) = length.frames else { return };
        let frame = to.resolve(self.source.position(), count);
        let start = match self.source.extent() {
            Some(Extent::Timed { duration, .. }) => {
                scaled(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX), frame, count)
            }
            _ => self.delivery.rate().micros(frame.into()),
        };
        let _ = self.play(now, Asked { range: Some(Range::Npt { start: Some(start), end: None }), ..Asked::default() });
        if !plays {
            self.pause();
        }
    }

    /// Sends some frames a second more from now on.
    pub(super) fn hasten(&mut self, now: Instant) {
        let more = self.delivery.rate().micros(FASTER) / 1000;
        let speed = u64::from(self.delivery.speed().thousandths()).saturating_add(more);
        let speed = u32::try_from(speed).ok().and_then(Speed::from_thousandths);
        let _ = self.play(now, Asked { speed, ..Asked::default() });
    }

    /// The source may have a frame.
    pub(super) fn handle_wake(&mut self) {
        self.delivery.handle_wake();
    }

    /// There is room again in the RTP socket; whether that was waited for.
    pub(super) fn handle_room(&mut self) -> bool {
        matches!(self.transport, MediaTransport::Udp { .. }) && self.delivery.handle_room()
    }

    /// What it waits for until it is told that the RTP socket has room.
    pub(super) fn waits_for_room(&self) -> Option<RoomFor> {
        if matches!(self.transport, MediaTransport::Udp { .. }) { self.delivery.waits_for_room() } else { None }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.delivery.poll_timeout()
    }

    /// Does what is due.
    pub(super) fn run<const TRAIN: usize, B, T, D, E, P>(
        &mut self,
        context: Context<'_>,
        outlet: &mut Outlet<'_, B, T, D, E, P>,
    ) -> Ran
    where
        B: AsRef<[u8]> + AsMut<[u8]>,
        T: Stream,
        D: Datagram,
        E: Datagram,
        P: Protect,
    {
        let Context { now, settings, .. } = context;
        match self.transport {
            MediaTransport::Udp { .. } if outlet.is_answered() => self.delivery.handle_answered(),
            MediaTransport::Udp { .. } => {}
            // Whether the connection has room shows when something is queued.
            MediaTransport::Interleaved { .. } => _ = self.delivery.handle_room(),
        }
        let sent = self.delivery.counts().frames;
        loop {
            match self.delivery.poll(now) {
                Step::Fetch { from } => {
                    let payload_size = outlet.payload_limit(settings.payload_size);
                    self.fetch(context, from, payload_size);
                    if let Some(frame) = self.format.lent(&self.source) {
                        outlet.limit_backlog(frame.data.len().saturating_mul(self.delivery.backlog() as usize));
                    }
                }
                Step::Send { fragments } => self.send::<TRAIN, B, T, D, E, P>(now, outlet, fragments),
                Step::Report => {
                    if let Sent::Taken(_) = self.report(now, outlet, settings, None) {
                        self.reception.handle_sender_report(now, settings.wall.ntp(now));
                    }
                }
                Step::Bye => match self.say_bye(now, outlet, settings, "end of stream") {
                    // The socket of reports is another one.
                    Sent::Full => self.delivery.handle_full(now, false),
                    Sent::Taken(_) | Sent::Lost => self.delivery.handle_bye(),
                },
                Step::Ended => return Ran::Ended,
                Step::Nothing if self.delivery.counts().frames != sent => return Ran::Progress,
                Step::Nothing => return Ran::Idle,
            }
        }
    }

    /// Moves the source to the next frame, and cuts it.
    fn fetch(&mut self, context: Context<'_>, from: Option<Place>, payload_size: usize) {
        let Context { now, waker, settings, .. } = context;
        let moved = from.is_none_or(|place| self.seek(place));
        if let Some(course) = self.delivery.course() {
            self.source.expect(course);
        }
        let mut cut = None;
        let fetched = match moved.then(|| self.source.advance(now, waker)) {
            None => Fetched::CannotMove,
            Some(Ok(Advance::Ready)) => match self.cut(settings, payload_size) {
                Ok((fragments, fetched)) => {
                    cut = Some(fragments);
                    fetched
                }
                Err(why) => Fetched::LeftOut(why),
            },
            Some(Ok(Advance::Pending { until })) => Fetched::NotYet { until },
            Some(Ok(Advance::Edge)) => Fetched::Edge,
            Some(Ok(Advance::End)) => {
                // A medium whose end was not known has one now.
                if let Some(extent) = self.source.extent() {
                    self.delivery.set_extent(extent);
                }
                Fetched::End
            }
            Some(Err(_)) => {
                // The source stands behind the frame that failed.
                if self.may_warn() {
                    warning!("frame {} cannot be read and is left out", self.source.position().saturating_sub(1));
                }
                Fetched::LeftOut(LeftOut::Unreadable)
            }
        };
        let stamp = self.delivery.handle_frame(now, fetched);
        self.outgoing = stamp.zip(cut).map(|(stamp, fragments)| {
            let timestamp = match self.format {
                Format::Jpeg => self.timeline.timestamp(stamp.at),
                Format::Lab(form) => {
                    let (sequence, timestamp) = lab_numbers(form, stamp.number, settings.wall.ntp(now).unix_seconds());
                    if form.numbers_frames() {
                        self.sender.set_next_sequence(sequence);
                    }
                    timestamp
                }
            };
            Outgoing { fragments, timestamp }
        });
    }

    fn cut(&self, settings: &Settings<'_>, payload_size: usize) -> Result<(Fragments, Fetched), LeftOut> {
        // A source may say that it has a frame and then not have it.
        let frame = self.format.lent(&self.source).ok_or(LeftOut::Missing)?;
        let rules = Rules {
            payload_size,
            max_packet_size: settings.max_packet_size,
            restart_markers: settings.restart_markers,
            computed_tables: settings.computed_tables,
            described: self.described,
            first_block: self.sender.packets(),
        };
        match self.format.cut(&frame, &rules) {
            Ok(cut) => {
                let Frame { number, captured, time, .. } = frame;
                let fragments = cut.count();
                Ok((cut, Fetched::Ready { number, captured, time, fragments }))
            }
            Err(reason) => {
                if self.may_warn() {
                    reason.warn(frame.number);
                }
                Err(LeftOut::Unsendable)
            }
        }
    }

    fn may_warn(&self) -> bool {
        self.delivery.counts().unsendable < MAX_WARNINGS
    }

    /// Sends the first of `fragments`, as many as leave in one call.
    fn send<const TRAIN: usize, B, T, D, E, P>(
        &mut self,
        now: Instant,
        outlet: &mut Outlet<'_, B, T, D, E, P>,
        fragments: ops::Range<u32>,
    ) where
        B: AsRef<[u8]> + AsMut<[u8]>,
        T: Stream,
        D: Datagram,
        E: Datagram,
        P: Protect,
    {
        let most = outlet.max_train().clamp(1, TRAIN.max(1));
        let (Some(frame), Some(outgoing)) = (self.format.lent(&self.source), &self.outgoing) else {
            return self.delivery.handle_taken_back();
        };
        let mut ahead = self.sender;
        let mut train: heapless::Vec<Packet<'_>, TRAIN> = heapless::Vec::new();
        for index in fragments.take(most) {
            let Outgoing { fragments, timestamp } = outgoing;
            let Some(packet) = Packet::new(&ahead, *timestamp, fragments, index, frame.data) else { break };
            ahead.commit(packet.payload_len());
            let _ = train.push(packet);
        }
        if train.is_empty() {
            return self.delivery.handle_taken_back();
        }
        let left = match outlet.send::<TRAIN>(&train) {
            Sent::Full => return self.delivery.handle_full(now, outlet.tells_room()),
            Sent::Taken(count) if count < train.len() => {
                train.iter().take(count).for_each(|packet| self.sender.commit(packet.payload_len()));
                count
            }
            Sent::Taken(_) | Sent::Lost => {
                self.sender = ahead;
                train.len()
            }
        };
        self.delivery.handle_sent(now, left as u32);
    }

    /// Sends the rest of a frame of which a part has left, in the lab dialect: its clients put together what comes up to a marker, and would
    /// put the frame that comes again behind its own beginning.
    pub(super) fn finish_frame<B, T, D, E, P>(&mut self, now: Instant, outlet: &mut Outlet<'_, B, T, D, E, P>)
    where
        B: AsRef<[u8]> + AsMut<[u8]>,
        T: Stream,
        D: Datagram,
        E: Datagram,
        P: Protect,
    {
        if self.format == Format::Jpeg {
            return;
        }
        let mut left = None;
        while let Some(rest) = self.delivery.rest().filter(|rest| left.as_ref() != Some(rest)) {
            left = Some(rest.clone());
            self.send::<1, B, T, D, E, P>(now, outlet, rest);
        }
    }

    /// Tells the client that nothing more will come (RFC 3550 section 6.6), where it could read that.
    pub(super) fn say_bye<B, T, D, E, P>(
        &self,
        now: Instant,
        outlet: &mut Outlet<'_, B, T, D, E, P>,
        settings: &Settings<'_>,
        reason: &str,
    ) -> Sent
    where
        B: AsRef<[u8]> + AsMut<[u8]>,
        T: Stream,
        D: Datagram,
        E: Datagram,
        P: Protect,
    {
        if self.delivery.has_reports() { self.report(now, outlet, settings, Some(reason)) } else { Sent::Taken(1) }
    }

    /// Sends a report; with a reason, BYE behind it.
    fn report<B, T, D, E, P>(
        &self,
        now: Instant,
        outlet: &mut Outlet<'_, B, T, D, E, P>,
        settings: &Settings<'_>,
        bye: Option<&str>,
    ) -> Sent
    where
        B: AsRef<[u8]> + AsMut<[u8]>,
        T: Stream,
        D: Datagram,
        E: Datagram,
        P: Protect,
    {
        let mut buffer = [0; REPORT_LEN];
        let (ntp, timestamp, cname) = (settings.wall.ntp(now), self.timeline.timestamp(now), settings.cname);
        let len = match bye {
            Some(reason) => self.sender.emit_bye(&mut buffer, ntp, timestamp, cname, reason),
            None => self.sender.emit_report(&mut buffer, ntp, timestamp, cname),
        };
        match len {
            Some(len) => outlet.report(buffer.get(..len).unwrap_or(&[])),
            None => Sent::Taken(1),
        }
    }
}

fn lab_sender(form: Payload) -> Sender {
    if form.numbers_frames() { Sender::of_frames(0) } else { Sender::new(0, 1) }
}

/// The sequence number and the timestamp of a frame in the lab's formats: its number, counted from 1, and the time of day. The copy
/// that cuts packets into bare datagrams counts frames from 0, and 41 ms for each.
const fn lab_numbers(form: Payload, number: u32, seconds: u32) -> (u16, u32) {
    match form {
        Payload::Bare => (number as u16, number.wrapping_mul(41)),
        _ => (number.wrapping_add(1) as u16, seconds),
    }
}

fn way(transport: MediaTransport) -> Way {
    match transport {
        MediaTransport::Udp { .. } => Way::Udp,
        MediaTransport::Interleaved { .. } => Way::Interleaved,
    }
}
