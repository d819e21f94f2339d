//! From packets to frames.
//!
//! | module | what it does |
//! |---|---|
//! | `sequence` | order, loss, duplicates and restarts, from sequence numbers (RFC 3550 A.1, A.3) |
//! | `start` | what is from before a PLAY (RFC 2326 section 12.33) |
//! | `jitter` | interarrival jitter (RFC 3550 A.8) |
//! | `depacketizer`, `tables` | JPEG file headers from RTP/JPEG headers (RFC 2435) |
//! | `assembler`, `holes` | fragments to their places in frames, and which are missing |
//! | `playout` | when a frame is due |
//! | `reports` | receiver reports (RFC 3550 section 6) |
//! | `trouble` | why packets come and no frames |

mod assembler;
mod depacketizer;
mod holes;
mod jitter;
mod no_frame_reason;
mod playout;
mod reports;
mod sequence;
mod start;
mod statistics;
mod tables;
#[cfg(test)]
mod tests;

pub use no_frame_reason::NoFrameReason;
pub use statistics::Statistics;

use crate::time::{Duration, Instant, NtpTime, WallClock, earliest};
use crate::wire::{rtcp, rtp};
use assembler::{Assembler, Fragment};
use core::ops::Range;
use depacketizer::Depacketizer;
use jitter::Jitter;
use no_frame_reason::Troubles;
use playout::Playout;
use reports::Reports;
use sequence::{Arrival, Tracker};
use start::{Side, Start};

/// Bytes of a buffer that a frame of n bytes of scan data needs beyond n: room for file headers and an EOI marker.
pub const BUFFER_OVERHEAD: usize = depacketizer::HEADER_ROOM + 2;

/// After so much silence, whatever comes is believed at once: another source, another sequence, a lab server that
/// starts over.
const SILENCE: Duration = Duration::from_secs(1);

/// How frames travel in RTP packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Payload {
    /// In fragments with JPEG headers of their own (RFC 2435).
    Jpeg,
    /// As whole files, one a packet, whose sequence number is the frame's number.
    Lab,
}

/// What a receiver has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How frames travel.
    pub payload: Payload,
    /// Packets of other payload types are rejected, but 26, which is JPEG whatever was described: there are servers that
    /// describe a dynamic type and send that.
    pub payload_type: u8,
    /// How long packets are waited for that others have overtaken, also over TCP, where threads of the server may.
    pub reorder_delay: Duration,
    /// How much later than they could be frames come out, so that they come out evenly. At 0 they come out at once.
    /// As many frames as wait at a time need a slot each, apart from the one that is being received.
    pub playout_delay: Duration,
    /// Width and height in pixels from the description's `a=x-dimensions`.
    pub dimensions: Option<(u16, u16)>,
    /// The source that the server announced. Once it is heard, no other displaces it while it is not silent: an
    /// abandoned session of ours may still send to the same port. `None`, or never heard: any is believed.
    pub ssrc: Option<u32>,
}

impl Default for Config {
    /// JPEG of payload type 26, 100 ms for late packets, no playout delay.
    fn default() -> Self {
        Self {
            payload: Payload::Jpeg,
            payload_type: rtp::PAYLOAD_TYPE_JPEG,
            reorder_delay: Duration::from_millis(100),
            playout_delay: Duration::ZERO,
            dimensions: None,
            ssrc: None,
        }
    }
}

/// Why a packet did not become part of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Rejected {
    /// Not an RTP packet.
    Rtp(rtp::Error),
    /// Of this payload type, which is not the one agreed on.
    PayloadType(u8),
    /// Not the source that is being received.
    Source,
    /// A sequence number far from all others; believed when the next packet continues from it.
    Jump,
    /// Sent before the PLAY whose answer said with which packet it begins.
    Outdated,
    /// It came before.
    Duplicate,
    /// Its frame came out or was given up before.
    Late,
    /// No picture data in it.
    Empty,
    /// It ends within its JPEG headers.
    Truncated,
    /// A type that RFC 2435 does not define.
    Kind,
    /// A value of Q that RFC 2435 reserves.
    Q,
    /// Quantisation tables longer than the packet, shorter than a table, or never sent.
    Tables,
    /// The picture's width or height is not known.
    Dimensions,
    /// No buffer holds the frame.
    TooLarge,
    /// The frame is in too many pieces.
    TooManyHoles,
    /// It contradicts other packets of the frame about the frame's end.
    Inconsistent,
    /// Not a JPEG file (lab dialect).
    NotJpeg,
}

/// What RTCP said that concerns more than the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Control {
    /// The sender reported.
    SenderReport {
        /// The sender's time of day when it reported.
        ntp: NtpTime,
        /// The same instant in RTP timestamp units.
        rtp_timestamp: u32,
        /// Ours when the report arrived. Where both clocks are right, the difference is the way's length.
        received: NtpTime,
        /// Packets it has sent, modulo 2^32.
        packets: u32,
        /// Payload bytes it has sent, modulo 2^32.
        octets: u32,
    },
    /// The sender leaves: nothing more will come.
    Bye,
}

/// A frame that [`Receiver::poll_frame`] fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Received {
    /// In the lab dialect the sender's frame number, with wraps counted; else a count of frames fetched, from 1.
    pub number: u32,
    /// 90 kHz; in the lab dialect usually seconds.
    pub timestamp: u32,
    /// Length of the file in bytes.
    pub len: usize,
    /// When its first packet arrived.
    pub first_arrival: Instant,
    /// When it was complete: its last packet arrived.
    pub arrived: Instant,
}

/// Receives one stream: packets in, JPEG files out, in order.
///
/// `B` is a frame buffer, of which there are `SLOTS`, at least two: a late packet of a frame may follow the first of
/// the next. A buffer holds frames that are shorter than it by [`BUFFER_OVERHEAD`].
///
/// Frames that miss a part never come out. Nothing grows, whatever arrives.
///
/// Call [`poll_frame`](Self::poll_frame) until it returns `None`, and [`poll_report`](Self::poll_report), after each
/// call of a `handle_` method and when [`poll_timeout`](Self::poll_timeout) says.
#[derive(Debug)]
pub struct Receiver<B, const SLOTS: usize> {
    config: Config,
    assembler: Assembler<B, SLOTS>,
    depacketizer: Depacketizer,
    playout: Playout,
    tracker: Tracker,
    jitter: Jitter,
    reports: Reports,
    source: Option<u32>,
    /// Another source, and the sequence number that would make it ours.
    candidate: Option<(u32, u16)>,
    start: Option<Start>,
    troubles: Troubles,
    last_arrival: Option<Instant>,
    /// Where the frame is that was fetched last.
    fetched: Option<(usize, Range<usize>)>,
    packets: u64,
    octets: u64,
    rejected: u64,
    frames: u64,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>, const SLOTS: usize> Receiver<B, SLOTS> {
    /// `ssrc` is ours, for the reports; it should be random.
    pub fn new(buffers: [B; SLOTS], ssrc: u32, config: Config) -> Self {
        const { assert!(SLOTS >= 2, "late packets of one frame arrive among those of the next") };
        Self {
            assembler: Assembler::new(buffers, config.reorder_delay),
            depacketizer: Depacketizer::new(config.dimensions),
            playout: Playout::new(config.playout_delay),
            tracker: Tracker::default(),
            jitter: Jitter::default(),
            reports: Reports::new(ssrc),
            source: None,
            candidate: None,
            start: None,
            troubles: Troubles::default(),
            last_arrival: None,
            fetched: None,
            packets: 0,
            octets: 0,
            rejected: 0,
            frames: 0,
            config,
        }
    }

    /// An RTP packet arrived.
    ///
    /// # Errors
    ///
    /// Says why it is of no use. It has been counted; there is nothing to be done about it.
    pub fn handle_packet(&mut self, now: Instant, packet: &[u8]) -> Result<(), Rejected> {
        self.fetched = None;
        self.take(now, packet).inspect_err(|&rejected| self.troubles.note(rejected))
    }

    fn take(&mut self, now: Instant, packet: &[u8]) -> Result<(), Rejected> {
        let packet = rtp::Packet::new_checked(packet).map_err(Rejected::Rtp);
        let identified = packet.and_then(|packet| Ok((packet, self.identify(now, &packet)?)));
        let (packet, arrival) = identified.inspect_err(|_| self.rejected = self.rejected.wrapping_add(1))?;
        let rtp::Repr { marker, timestamp, .. } = rtp::Repr::parse(&packet);
        let payload = packet.payload();
        self.last_arrival = Some(now);
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload.len() as u64);
        self.reports.handle_packet(now);
        let (ordinal, is_newest) = match arrival {
            Arrival::Newest(ordinal) => (ordinal, true),
            Arrival::Late(ordinal) => (ordinal, false),
            Arrival::Duplicate => return Err(Rejected::Duplicate),
            Arrival::Jump => return Err(Rejected::Jump),
        };
        self.assembler.set_sequence_start(self.tracker.start());
        match self.config.payload {
            Payload::Jpeg => {
                self.jitter.handle(now, timestamp);
                let payload = self.depacketizer.parse(payload)?;
                let fragment = Fragment { ordinal, timestamp, marker, payload };
                self.assembler.place(now, &fragment, &mut self.depacketizer, &mut self.playout)
            }
            Payload::Lab if payload.is_empty() => Err(Rejected::Empty),
            Payload::Lab if !payload.starts_with(&[0xff, 0xd8]) => Err(Rejected::NotJpeg),
            Payload::Lab if !is_newest => Err(Rejected::Late),
            Payload::Lab => {
                let number = self.tracker.extended(ordinal);
                let due = self.playout.due_untimed(now);
                self.assembler.store(now, ordinal, timestamp, payload, number, due)
            }
        }
    }

    /// Whether a packet belongs to the stream, and where in it.
    fn identify(&mut self, now: Instant, packet: &rtp::Packet<&[u8]>) -> Result<Arrival, Rejected> {
        let rtp::Repr { payload_type, sequence, ssrc, .. } = rtp::Repr::parse(packet);
        if payload_type != self.config.payload_type && payload_type != rtp::PAYLOAD_TYPE_JPEG {
            return Err(Rejected::PayloadType(payload_type));
        }
        let after_silence = self.last_arrival.is_none_or(|last| now.since(last) >= SILENCE);
        if self.source != Some(ssrc) {
            let continues = self.candidate == Some((ssrc, sequence));
            let announced = self.config.ssrc;
            let believed = announced == Some(ssrc) || (continues && (announced.is_none() || self.source != announced));
            if self.source.is_some() && !after_silence && !believed {
                self.candidate = Some((ssrc, sequence.wrapping_add(1)));
                return Err(Rejected::Source);
            }
            if self.source.is_some() {
                info!("the stream's source is now {}", ssrc);
                self.depacketizer.clear_tables();
            }
            self.source = Some(ssrc);
            self.avoid(ssrc);
            self.start = None;
            self.interrupt();
        }
        self.candidate = None;
        match self.start.and_then(|mut start| Some((start.judge(now, sequence)?, start))) {
            Some((Side::Before, _)) => {
                // Not lost, all the same.
                if self.tracker.continues(sequence) {
                    self.tracker.handle(sequence);
                }
                return Err(Rejected::Outdated);
            }
            Some((Side::First, start)) => {
                self.tracker.resume(Some(start.first()));
                self.start = Some(start);
            }
            Some((Side::After, _)) => {}
            None => self.start = None,
        }
        let starts_over = match self.config.payload {
            Payload::Jpeg => self.tracker.would_jump(sequence),
            Payload::Lab => !self.tracker.would_be_newest(sequence),
        };
        if after_silence && starts_over {
            self.interrupt();
        }
        Ok(self.tracker.handle(sequence))
    }

    /// What comes next does not continue what came before.
    fn interrupt(&mut self) {
        self.tracker.stop();
        self.break_time();
    }

    /// What comes next has another relation to our clock.
    fn break_time(&mut self) {
        self.jitter.interrupt();
        self.playout.reset();
    }

    /// In the unlikely case that the sender has our SSRC, we take another (RFC 3550 section 8.2). No BYE for the old
    /// one: it would be the sender's.
    fn avoid(&mut self, ssrc: u32) {
        if self.reports.ssrc() == ssrc {
            self.reports.change_ssrc();
        }
    }

    /// An RTCP packet arrived, usually a compound one. `wall` dates it.
    ///
    /// # Errors
    ///
    /// Where the packet is broken; nothing of it was used.
    pub fn handle_rtcp(
        &mut self,
        now: Instant,
        wall: WallClock,
        compound: &[u8],
    ) -> Result<Option<Control>, rtcp::Error> {
        self.fetched = None;
        let mut control = None;
        for packet in rtcp::Compound::new_checked(compound)? {
            match packet {
                rtcp::Packet::SenderReport { info, .. } if self.is_ours(info.ssrc) => {
                    self.reports.handle_sender_report(now, info.ssrc, info.ntp);
                    let rtcp::SenderInfo { ntp, rtp_timestamp, packets, octets, .. } = info;
                    let received = wall.ntp(now);
                    control = Some(Control::SenderReport { ntp, rtp_timestamp, received, packets, octets });
                }
                // A sender that leaves reports before, so BYE comes last.
                rtcp::Packet::Goodbye(bye) if bye.ssrcs().any(|ssrc| self.is_ours(ssrc)) => {
                    control = Some(Control::Bye);
                }
                _ => {}
            }
        }
        Ok(control)
    }

    /// Whether this is the source being received, or may be as none is known yet.
    fn is_ours(&self, ssrc: u32) -> bool {
        self.source.is_none_or(|source| source == ssrc)
    }

    /// Gives up frames whose missing parts are overdue.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.fetched = None;
        self.assembler.expire(now);
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), [`poll_frame`](Self::poll_frame) and
    /// [`poll_report`](Self::poll_report) next, if nothing arrives before. May lie in the past: now, then.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let report = if self.config.payload == Payload::Jpeg { self.reports.due() } else { None };
        earliest(self.assembler.deadline(), report)
    }

    /// Fetches the next frame, whose bytes [`frame`](Self::frame) then lends.
    pub fn poll_frame(&mut self, now: Instant) -> Option<Received> {
        self.fetched = None;
        self.assembler.expire(now);
        let index = self.assembler.releasable(now)?;
        let frame = self.assembler.release(index)?;
        let complete = frame.complete?;
        self.troubles.clear(self.assembler.dropped().incomplete);
        self.frames = self.frames.wrapping_add(1);
        self.fetched = Some((index, complete.start..complete.start.saturating_add(complete.len)));
        Some(Received {
            number: complete.number.unwrap_or(self.frames as u32),
            timestamp: frame.timestamp,
            len: complete.len,
            first_arrival: frame.first_arrival,
            arrived: frame.last_arrival,
        })
    }

    /// The frame that [`poll_frame`](Self::poll_frame) returned last: a whole JPEG file. Lent until the next call that
    /// takes `&mut self`; empty after it.
    pub fn frame(&self) -> &[u8] {
        match &self.fetched {
            Some((index, range)) => self.assembler.bytes(*index, range.clone()),
            None => &[],
        }
    }

    /// Writes a receiver report (RR and SDES) if one is due: half a second after the first packet, then every 2.5 to
    /// 7.5 s. Its length. Where `buffer` is too short, none is written before the next is due; 128 bytes and the
    /// length of `cname` suffice.
    pub fn poll_report(&mut self, now: Instant, cname: &str, buffer: &mut [u8]) -> Option<usize> {
        self.fetched = None;
        if self.config.payload == Payload::Lab || self.reports.due()? > now {
            return None;
        }
        let report = self.report(now, cname, buffer).map(rtcp::Emitter::finish);
        self.reports.handle_sent(now);
        report
    }

    /// Writes a last report and a BYE with a reason (which may be empty): we leave. Its length, `None` where `buffer`
    /// is too short, or where no packet has come: who was never heard does not take leave (RFC 3550 section 6.3.7). To
    /// be sent once.
    pub fn emit_bye(&mut self, now: Instant, cname: &str, reason: &str, buffer: &mut [u8]) -> Option<usize> {
        self.fetched = None;
        self.source?;
        let ssrc = self.reports.ssrc();
        Some(self.report(now, cname, buffer)?.bye(ssrc, reason)?.finish())
    }

    fn report<'b>(&mut self, now: Instant, cname: &str, buffer: &'b mut [u8]) -> Option<rtcp::Emitter<'b>> {
        let source = self.source.filter(|_| self.reports.heard());
        let block = source.map(|source| {
            let loss = self.tracker.report();
            self.reports.block(now, source, loss, self.jitter.ticks())
        });
        self.reports.emit(buffer, block, cname)
    }

    /// The counts so far.
    pub fn statistics(&self) -> Statistics {
        let dropped = self.assembler.dropped();
        Statistics {
            packets: self.packets,
            octets: self.octets,
            lost: self.tracker.lost(),
            duplicates: self.tracker.duplicates(),
            reordered: self.tracker.late(),
            rejected: self.rejected,
            frames: self.frames,
            frames_dropped: dropped.total(),
            frames_incomplete: dropped.incomplete,
            frames_unusable: dropped.unusable,
            frames_oversized: dropped.oversized,
            frames_overrun: dropped.overrun,
            jitter: self.jitter.duration(),
            ssrc: self.source,
        }
    }

    /// What becomes of the packets that have come since the last frame was fetched; `None` where they may still make one.
    pub fn trouble(&self) -> Option<NoFrameReason> {
        self.troubles.trouble(self.assembler.dropped().incomplete)
    }

    /// Another PLAY begins: frames not fetched are gone, the next packet may have any source and sequence number. The
    /// totals stay, and so do the tables of a source that stays. Where its sequence numbers go on, so do the counts of
    /// our reports about it (RFC 3550 section 6.4.1).
    pub fn reset(&mut self) {
        self.fetched = None;
        self.assembler.clear();
        self.tracker.resume(None);
        self.break_time();
        self.start = None;
        self.candidate = None;
        self.last_arrival = None;
        self.troubles.clear(self.assembler.dropped().incomplete);
    }

    /// PLAY was answered, and the answer says with which sequence number it begins (RFC 2326 section 12.33). What is
    /// from before is rejected from now on, for half a second; what such packets have made of frames is gone.
    pub fn start_at(&mut self, now: Instant, sequence: u16) {
        self.fetched = None;
        let Some(last) = self.tracker.last() else { return };
        self.start = Some(Start::new(now, sequence, last));
        if let Some(ordinal) = self.tracker.ordinal(sequence) {
            self.assembler.clear_before(ordinal);
        }
        self.break_time();
    }

    /// Another SETUP: as if made anew with this configuration, but for the totals and our SSRC.
    pub fn reconfigure(&mut self, config: Config) {
        self.fetched = None;
        self.assembler.reconfigure(config.reorder_delay);
        self.depacketizer = Depacketizer::new(config.dimensions);
        self.playout = Playout::new(config.playout_delay);
        self.interrupt();
        self.reports.forget();
        self.source = None;
        self.candidate = None;
        self.start = None;
        self.last_arrival = None;
        self.troubles.clear(self.assembler.dropped().incomplete);
        self.config = config;
    }
}
