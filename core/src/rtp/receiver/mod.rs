//! From packets to frames.
//!
//! | module | what it does |
//! |---|---|
//! | `sequence` | order, loss, duplicates and restarts, from sequence numbers (RFC 3550 A.1, A.3) |
//! | `start` | which packets were sent before a PLAY (RFC 2326 section 12.33) |
//! | `jitter` | interarrival jitter (RFC 3550 A.8) |
//! | `depacketizer`, `tables` | JPEG file headers from RTP/JPEG headers (RFC 2435) |
//! | `assembler`, `holes` | puts fragments to their places in frames, and knows which are missing |
//! | `lab` | whole files, and parts of files in the forms of the lab dialect |
//! | `playout` | when a frame is due |
//! | `reports` | receiver reports (RFC 3550 section 6) |
//! | `no_frame_reason` | why packets come and no frames |

mod assembler;
mod depacketizer;
mod holes;
mod jitter;
mod lab;
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

use crate::rtp::mapping::Mapping;
use crate::time::{Duration, Instant, NtpTime, WallClock, earliest};
use crate::wire::{onvif, rtcp, rtp};
use assembler::{Assembler, Fragment};
use core::ops::Range;
use depacketizer::Depacketizer;
use jitter::Jitter;
use lab::Reassembly;
use no_frame_reason::Troubles;
use playout::Playout;
use reports::Reports;
use sequence::{Arrival, Tracker};
use start::{Side, Start};

/// Bytes of a buffer that a frame of n bytes of scan data needs beyond n: room for file headers and an EOI marker.
pub const BUFFER_OVERHEAD: usize = depacketizer::HEADER_ROOM + 2;

/// After so much silence, the receiver accepts any packet at once: of another source, of another sequence, of a lab server that
/// starts over.
const SILENCE: Duration = Duration::from_secs(1);

/// For so long after a late packet, others are waited for in a stream of bytes, too.
const PATIENCE: Duration = Duration::from_secs(10);

/// The form in which frames travel in RTP packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Payload {
    /// In fragments with JPEG headers of their own (RFC 2435).
    Jpeg,
    /// As files, whole or in parts (lab dialect). The form of the parts shows, and mostly the packet's sequence number is the frame's
    /// number.
    Lab,
}

/// Configuration of a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The form in which frames travel.
    pub payload: Payload,
    /// The payload type. Packets of other types are rejected, except 26, which is JPEG whatever was described: some servers
    /// describe a dynamic type and send 26.
    pub payload_type: u8,
    /// How long to wait for packets that others have overtaken.
    pub reorder_delay: Duration,
    /// Packets come in a stream of bytes, where nothing overtakes. Threads of a server may overtake each other before they write
    /// to it, so what is missing is waited for as long as there is more to read ([`Receiver::handle_lull`]). Only where packets
    /// have come late before is it waited for as over UDP.
    pub in_order: bool,
    /// How long to hold frames back, so that they come out evenly. At 0 they come out at once. Each frame that waits needs
    /// a slot, beside the slot of the frame that is being received.
    pub playout_delay: Duration,
    /// Width and height in pixels from the description's `a=x-dimensions`.
    pub dimensions: Option<(u16, u16)>,
    /// The source that the server announced. Once a packet of it has come, no other source displaces it until it is silent: an
    /// abandoned session of ours may still send to the same port. If it is `None`, or no packet of it has come, any source is
    /// accepted.
    pub ssrc: Option<u32>,
}

impl Default for Config {
    /// JPEG of payload type 26, 100 ms for late packets, no playout delay.
    fn default() -> Self {
        Self {
            payload: Payload::Jpeg,
            payload_type: rtp::PAYLOAD_TYPE_JPEG,
            reorder_delay: Duration::from_millis(100),
            in_order: false,
            playout_delay: Duration::ZERO,
            dimensions: None,
            ssrc: None,
        }
    }
}

/// The reason why a packet did not become part of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Rejected {
    /// Not an RTP packet.
    Rtp(rtp::Error),
    /// It has this payload type, which is not the agreed one.
    PayloadType(u8),
    /// It does not come from the source that is being received.
    Source,
    /// It is encrypted with another key than the stream's, or changed on its way, or not encrypted at all (SRTP).
    Seal,
    /// Its sequence number is far from all others. The receiver follows it if the next packet continues from it.
    Jump,
    /// It was sent before the last PLAY, whose answer gave the number of its first packet.
    Outdated,
    /// It came before.
    Duplicate,
    /// It came too late: its frame has come out or was given up.
    Late,
    /// It holds no picture data.
    Empty,
    /// It ends within its JPEG headers.
    Truncated,
    /// It has a type that RFC 2435 does not define.
    Kind,
    /// It has a value of Q that RFC 2435 reserves.
    Q,
    /// Its quantisation tables are longer than the packet, shorter than a table, or were never sent.
    Tables,
    /// The picture's width or height is not known.
    Dimensions,
    /// No buffer holds the frame.
    TooLarge,
    /// Too many parts are missing between the parts of its frame that have come.
    TooManyHoles,
    /// It contradicts other packets of the frame about the frame's end.
    Inconsistent,
    /// Not a JPEG file (lab dialect).
    NotJpeg,
}

/// A fact from RTCP that concerns more than the receiver.
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
        /// Our time of day when the report arrived. If both clocks are right, the difference is the travel time.
        received: NtpTime,
        /// The number of packets it has sent, modulo 2^32.
        packets: u32,
        /// The number of payload bytes it has sent, modulo 2^32.
        octets: u32,
    },
    /// The sender leaves, so nothing more will come.
    Bye,
}

/// A frame that [`Receiver::poll_frame`] fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Received {
    /// The frame's number. In the lab dialect it is the sender's, with wraps counted; otherwise fetched frames are counted
    /// from 1.
    pub number: u32,
    /// The RTP timestamp, in ticks of 90 kHz. The lab dialect usually counts seconds.
    pub timestamp: u32,
    /// Length of the file in bytes.
    pub len: usize,
    /// The arrival of its first packet.
    pub first_arrival: Instant,
    /// The arrival of its last packet, which made it complete.
    pub arrived: Instant,
    /// When it was sampled, by our clock. Its distance from others is that of their RTP timestamps; jitter on the way is evened
    /// out, and the shortest time on the way counts as none. It never goes back. (In the lab dialect, the arrival.)
    pub sampled: Instant,
}

// More than 15 fields: the parts that a packet passes one after the other, and what is known of the stream.
/// Receives one stream: takes packets and gives JPEG files, in order.
///
/// `B` is a frame buffer, of which there are `SLOTS`, at least two: a late packet of a frame may follow the first of
/// the next. A buffer holds frames that are shorter than it by [`BUFFER_OVERHEAD`].
///
/// A frame that misses a part never comes out. The receiver's memory does not grow, whatever arrives.
///
/// Call [`poll_frame`](Self::poll_frame) until it returns `None`, and [`poll_report`](Self::poll_report), after each
/// call of a `handle_` method and when [`poll_timeout`](Self::poll_timeout) says.
#[derive(Debug)]
pub struct Receiver<B, const SLOTS: usize> {
    config: Config,
    assembler: Assembler<B, SLOTS>,
    depacketizer: Depacketizer,
    playout: Playout,
    /// Relates timestamps to our clock.
    sampling: Mapping,
    last_sampled: Instant,
    tracker: Tracker,
    jitter: Jitter,
    reports: Reports,
    source: Option<u32>,
    /// Another source, and the sequence number with which it becomes the received one.
    candidate: Option<(u32, u16)>,
    start: Option<Start>,
    troubles: Troubles,
    lab: Reassembly,
    last_arrival: Option<Instant>,
    /// A packet has come late, and others may until then.
    patient_until: Option<Instant>,
    /// The slot of the frame that was fetched last, and its place in the slot's buffer.
    fetched: Option<(usize, Range<usize>)>,
    counts: Counts,
}

/// Counts that no part of the receiver keeps, as [`Statistics`] has them.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    packets: u64,
    octets: u64,
    rejected: u64,
    frames: u64,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>, const SLOTS: usize> Receiver<B, SLOTS> {
    /// A receiver with these buffers. `ssrc` identifies us in reports and should be random.
    pub fn new(buffers: [B; SLOTS], ssrc: u32, config: Config) -> Self {
        const { assert!(SLOTS >= 2, "late packets of one frame arrive among those of the next") };
        Self {
            assembler: Assembler::new(buffers, config.reorder_delay),
            depacketizer: Depacketizer::new(config.dimensions),
            playout: Playout::new(config.playout_delay),
            sampling: Mapping::default(),
            last_sampled: Instant::default(),
            tracker: Tracker::default(),
            jitter: Jitter::default(),
            reports: Reports::new(ssrc),
            source: None,
            candidate: None,
            start: None,
            troubles: Troubles::default(),
            lab: Reassembly::default(),
            last_arrival: None,
            patient_until: None,
            fetched: None,
            counts: Counts::default(),
            config,
        }
    }

    /// Gives the buffers back, for another receiver.
    pub fn into_buffers(self) -> [B; SLOTS] {
        self.assembler.into_buffers()
    }

    /// Takes an RTP packet that arrived at `now`.
    ///
    /// # Errors
    ///
    /// [`Rejected`] gives the reason why the packet is of no use. The packet has been counted, and the caller need not do
    /// anything.
    pub fn handle_packet(&mut self, now: Instant, packet: &[u8]) -> Result<(), Rejected> {
        self.fetched = None;
        self.take(now, packet).inspect_err(|&rejected| self.troubles.note(rejected))
    }

    fn take(&mut self, now: Instant, packet: &[u8]) -> Result<(), Rejected> {
        let packet = rtp::Packet::new_checked(packet).map_err(Rejected::Rtp);
        let identified = packet.and_then(|packet| Ok((packet, self.identify(now, &packet)?)));
        let (packet, ()) = identified.inspect_err(|_| self.counts.rejected = self.counts.rejected.wrapping_add(1))?;
        let header = rtp::Repr::parse(&packet);
        let rtp::Repr { marker, timestamp, sequence, .. } = header;
        let payload = packet.payload();
        self.last_arrival = Some(now);
        self.counts.packets = self.counts.packets.wrapping_add(1);
        self.counts.octets = self.counts.octets.wrapping_add(payload.len() as u64);
        self.reports.handle_packet(now);
        if self.config.payload == Payload::Lab {
            // Several packets may have one number there.
            return self.take_lab(now, &header, payload);
        }
        let ordinal = match self.tracker.handle(sequence) {
            Arrival::Newest(ordinal) => ordinal,
            Arrival::Late(ordinal) => {
                self.patient_until = Some(now.after(PATIENCE));
                ordinal
            }
            Arrival::Duplicate => return Err(Rejected::Duplicate),
            Arrival::Jump => return Err(Rejected::Jump),
        };
        self.assembler.set_sequence_start(self.tracker.start());
        self.jitter.handle(now, timestamp);
        let payload = self.depacketizer.parse(payload)?;
        let dimensions = packet.extension().and_then(|(profile, data)| onvif::dimensions(profile, data));
        let fragment = Fragment { ordinal, timestamp, marker, payload, dimensions };
        self.assembler.place(now, &fragment, &mut self.depacketizer, &mut self.playout)
    }

    /// Whether a packet belongs to the stream.
    fn identify(&mut self, now: Instant, packet: &rtp::Packet<&[u8]>) -> Result<(), Rejected> {
        let rtp::Repr { payload_type, sequence, ssrc, .. } = rtp::Repr::parse(packet);
        let is_media = payload_type == self.config.payload_type || payload_type == rtp::PAYLOAD_TYPE_JPEG;
        if !is_media && !self.lab.is_parity(payload_type) {
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
                // The packet arrived, so it is not counted as lost.
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
        Ok(())
    }

    /// The next packet does not continue the packets before.
    fn interrupt(&mut self) {
        self.tracker.stop();
        self.lab.interrupt();
        self.break_time();
    }

    /// The timestamps of the next packets have another relation to our clock.
    fn break_time(&mut self) {
        self.jitter.interrupt();
        self.playout.reset();
        self.sampling.reset();
    }

    /// In the unlikely case that the sender has our SSRC, takes another (RFC 3550 section 8.2). Sends no BYE for the old
    /// one, since it would be the sender's.
    fn avoid(&mut self, ssrc: u32) {
        if self.reports.ssrc() == ssrc {
            self.reports.change_ssrc();
        }
    }

    /// Takes an RTCP packet, usually a compound one, that arrived at `now`. `wall` relates `now` to the time of day.
    ///
    /// # Errors
    ///
    /// [`rtcp::Error`] if the packet is broken. Nothing of it has been used then.
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
                // A sender that leaves reports first, so BYE is the last to be told.
                rtcp::Packet::Goodbye(bye) if bye.ssrcs().any(|ssrc| self.is_ours(ssrc)) => {
                    control = Some(Control::Bye);
                }
                _ => {}
            }
        }
        Ok(control)
    }

    /// Whether this is the source that is being received. Any source is, until the first is known.
    fn is_ours(&self, ssrc: u32) -> bool {
        self.source.is_none_or(|source| source == ssrc)
    }

    /// Gives up frames whose missing parts are overdue.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.fetched = None;
        self.assembler.expire(now);
    }

    /// All that has arrived by now has been handed over. What is missing before the last packet will not come, if packets keep
    /// their [order](Config::in_order).
    pub fn handle_lull(&mut self, now: Instant) {
        self.fetched = None;
        if self.config.in_order && self.patient_until.is_none_or(|until| until <= now) {
            self.assembler.give_up();
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), [`poll_frame`](Self::poll_frame) and
    /// [`poll_report`](Self::poll_report) next, if nothing arrives before. If the time lies in the past, call them now.
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
        self.counts.frames = self.counts.frames.wrapping_add(1);
        self.fetched = Some((index, complete.start..complete.start.saturating_add(complete.len)));
        let sampled = match self.config.payload {
            Payload::Jpeg => self.sampling.at(frame.timestamp, frame.first_arrival),
            Payload::Lab => frame.first_arrival,
        };
        self.last_sampled = self.last_sampled.max(sampled);
        Some(Received {
            number: complete.number.unwrap_or(self.counts.frames as u32),
            timestamp: frame.timestamp,
            len: complete.len,
            first_arrival: frame.first_arrival,
            arrived: frame.last_arrival,
            sampled: self.last_sampled,
        })
    }

    /// The frame that [`poll_frame`](Self::poll_frame) returned last: a whole JPEG file. It is empty after any other call
    /// that takes `&mut self`.
    pub fn frame(&self) -> &[u8] {
        match &self.fetched {
            Some((index, range)) => self.assembler.bytes(*index, range.clone()),
            None => &[],
        }
    }

    /// Writes a receiver report (RR and SDES) if one is due, and returns its length. The first is due half a second after
    /// the first packet, the others every 2.5 to 7.5 s. 128 bytes and the length of `cname` are enough for `buffer`. If it
    /// is too short, this report is left out.
    pub fn poll_report(&mut self, now: Instant, cname: &str, buffer: &mut [u8]) -> Option<usize> {
        self.fetched = None;
        if self.config.payload == Payload::Lab || self.reports.due()? > now {
            return None;
        }
        let report = self.report(now, cname, buffer).map(rtcp::Emitter::finish);
        self.reports.handle_sent(now);
        report
    }

    /// Writes a last report and a BYE with a reason, which may be empty, and returns the length. Send it once, when
    /// leaving. `None` if `buffer` is too short, or if no packet has come: a participant that has sent nothing sends no BYE
    /// (RFC 3550 section 6.3.7).
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
            packets: self.counts.packets,
            octets: self.counts.octets,
            lost: self.tracker.lost(),
            duplicates: self.tracker.duplicates(),
            reordered: self.tracker.late(),
            rejected: self.counts.rejected,
            frames: self.counts.frames,
            frames_dropped: dropped.total(),
            frames_incomplete: dropped.incomplete,
            frames_unusable: dropped.unusable,
            frames_oversized: dropped.oversized,
            frames_overrun: dropped.overrun,
            jitter: self.jitter.duration(),
            ssrc: self.source,
        }
    }

    /// The reason why the packets since the last fetched frame have made no frame. `None` as long as they may still make one.
    pub fn trouble(&self) -> Option<NoFrameReason> {
        self.troubles.trouble(self.assembler.dropped().incomplete)
    }

    /// Call it when another PLAY begins. Drops the frames that were not fetched. The next packet may have any source and
    /// sequence number. The totals stay, and so do the tables of a source that stays. If its sequence numbers go on, the
    /// counts of our reports about it go on too (RFC 3550 section 6.4.1).
    pub fn reset(&mut self) {
        self.fetched = None;
        self.assembler.clear();
        self.lab.interrupt();
        self.tracker.resume(None);
        self.break_time();
        self.start = None;
        self.candidate = None;
        self.last_arrival = None;
        self.troubles.clear(self.assembler.dropped().incomplete);
    }

    /// Call it when PLAY was answered and the answer gives the sequence number of the first packet (RFC 2326 section
    /// 12.33). Rejects packets from before it for half a second, and drops the frames that such packets have made.
    pub fn start_at(&mut self, now: Instant, sequence: u16) {
        self.fetched = None;
        let Some(last) = self.tracker.last() else { return };
        self.start = Some(Start::new(now, sequence, last));
        if let Some(ordinal) = self.tracker.ordinal(sequence) {
            self.assembler.clear_before(ordinal);
        }
        self.break_time();
    }

    /// Call it at another SETUP. The receiver is as new, with this configuration; only the totals and our SSRC stay.
    pub fn reconfigure(&mut self, config: Config) {
        self.fetched = None;
        self.assembler.reconfigure(config.reorder_delay);
        self.depacketizer = Depacketizer::new(config.dimensions);
        self.playout = Playout::new(config.playout_delay);
        self.interrupt();
        self.reports.forget();
        self.lab = Reassembly::default();
        self.source = None;
        self.candidate = None;
        self.start = None;
        (self.last_arrival, self.patient_until) = (None, None);
        self.troubles.clear(self.assembler.dropped().incomplete);
        self.config = config;
    }
}
