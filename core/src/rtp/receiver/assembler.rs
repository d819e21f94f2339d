//! Puts frames together. Each packet is copied once, to its place in its frame's buffer.
//!
//! A slot's buffer, from the first byte:
//!
//! ```text
//! |<------ HEADER_ROOM ------>|<- 0 ........ fragment offsets ........ end ->|
//! |  unused  |  file headers  |               scan data              | EOI   |
//!            |<-------------------------- the frame ----------------------->|
//! ```

mod lab;

use super::Rejected;
use super::depacketizer::{Depacketizer, HEADER_ROOM};
use super::holes::Holes;
use super::playout::Playout;
use crate::time::{Duration, Instant, earliest};
use crate::wire::rtp_jpeg::Payload;
use core::ops::Range;

const EOI: [u8; 2] = [0xff, 0xd9];

/// One packet and where it belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fragment<'p> {
    pub(super) ordinal: u64,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    pub(super) payload: Payload<'p>,
    /// The frame's width and height, where a header extension tells them.
    pub(super) dimensions: Option<(u16, u16)>,
}

/// Counts of the frames that were dropped, by reason.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Dropped {
    pub(super) incomplete: u64,
    pub(super) unusable: u64,
    pub(super) oversized: u64,
    pub(super) overrun: u64,
}

impl Dropped {
    pub(super) fn total(&self) -> u64 {
        [self.incomplete, self.unusable, self.oversized, self.overrun].into_iter().fold(0, u64::wrapping_add)
    }
}

/// A complete frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Complete {
    /// The place of its bytes in the slot's buffer.
    pub(super) start: usize,
    pub(super) len: usize,
    pub(super) due: Instant,
    /// The frame's number, which the sender gives in the lab dialect.
    pub(super) number: Option<u32>,
}

/// A frame of which at least one packet arrived.
#[derive(Clone, Debug)]
pub(super) struct OpenFrame {
    pub(super) timestamp: u32,
    pub(super) first_arrival: Instant,
    pub(super) last_arrival: Instant,
    /// Ordinals of the earliest and the latest of its packets so far.
    lowest: u64,
    highest: u64,
    /// The bytes of the scan data that the latest packet holds.
    newest: Range<u32>,
    /// Ordinal of the packet with fragment offset 0, and the start of the file headers in the buffer.
    first: Option<(u64, usize)>,
    /// Ordinal of the packet with the RTP marker bit.
    marker: Option<u64>,
    /// Length of the scan data, once known.
    end: Option<u32>,
    holes: Holes,
    /// The time since when a missing part is known to be overtaken.
    overdue_since: Option<Instant>,
    pub(super) complete: Option<Complete>,
}

/// A buffer and the frame in it.
#[derive(Debug)]
struct Slot<B> {
    buffer: B,
    frame: Option<OpenFrame>,
}

/// The frames that are being put together, in the order of their packets' sequence numbers. The order of timestamps is the
/// same, but some senders' timestamps stand still.
#[derive(Debug)]
pub(super) struct Assembler<B, const SLOTS: usize> {
    slots: [Slot<B>; SLOTS],
    reorder_delay: Duration,
    /// Ordinal of the last packet of the finished frames. No frame is begun before it.
    floor: Option<u64>,
    /// Timestamp of the last finished frame. Late packets of it do not begin another frame.
    finished_timestamp: Option<u32>,
    /// Ordinal of the first packet of the present sequence. Nothing is missing before it.
    sequence_start: u64,
    dropped: Dropped,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>, const SLOTS: usize> Assembler<B, SLOTS> {
    pub(super) fn new(buffers: [B; SLOTS], reorder_delay: Duration) -> Self {
        Self {
            slots: buffers.map(|buffer| Slot { buffer, frame: None }),
            reorder_delay,
            floor: None,
            finished_timestamp: None,
            sequence_start: 0,
            dropped: Dropped::default(),
        }
    }

    pub(super) fn into_buffers(self) -> [B; SLOTS] {
        self.slots.map(|slot| slot.buffer)
    }

    /// Copies a fragment to its place in its frame, which it may begin, complete or spoil.
    pub(super) fn place(
        &mut self,
        now: Instant,
        fragment: &Fragment<'_>,
        depacketizer: &mut Depacketizer,
        playout: &mut Playout,
    ) -> Result<(), Rejected> {
        let offset = fragment.payload.main.fragment_offset;
        let data = fragment.payload.data;
        // The offset has 24 bits, so the sum with a packet's length fits.
        let range = offset..offset.saturating_add(data.len() as u32);
        if range.is_empty() && (offset == 0 || !fragment.marker) {
            return Err(Rejected::Empty);
        }
        let index = match self.owner(fragment, &range) {
            Some(index) => index,
            None => {
                self.check_size(fragment, range.end)?;
                self.open(now, fragment.ordinal, fragment.timestamp, range.clone())?
            }
        };
        let slot = self.slots.get_mut(index).ok_or(Rejected::Late)?;
        if let Err(rejected) = slot.place(now, fragment, range, depacketizer) {
            match rejected {
                Rejected::Duplicate => {}
                Rejected::TooLarge => self.discard(index, |dropped| &mut dropped.oversized),
                _ => self.discard(index, |dropped| &mut dropped.unusable),
            }
            return Err(rejected);
        }
        self.find_lost_ends();
        for slot in &mut self.slots {
            slot.complete(playout);
        }
        self.note_overdue(now);
        Ok(())
    }

    /// Refuses to begin a frame that no buffer can hold, so that it does not push out a frame that could be completed.
    fn check_size(&mut self, fragment: &Fragment<'_>, end: u32) -> Result<(), Rejected> {
        if self.slots.iter().any(|slot| slot.holds(end)) {
            return Ok(());
        }
        if self.finished_timestamp != Some(fragment.timestamp) {
            self.finished_timestamp = Some(fragment.timestamp);
            self.dropped.oversized = self.dropped.oversized.wrapping_add(1);
            self.warn_of_size(self.dropped.oversized.wrapping_sub(1));
        }
        self.floor = self.floor.max(Some(fragment.ordinal));
        Err(Rejected::TooLarge)
    }

    /// The frame that this fragment belongs to, if a part of it has arrived.
    fn owner(&self, fragment: &Fragment<'_>, range: &Range<u32>) -> Option<usize> {
        let may_own =
            |frame: &OpenFrame| frame.timestamp == fragment.timestamp && frame.may_own(fragment.ordinal, range);
        let owners = self.frames().filter(|(_, frame)| may_own(frame));
        owners.max_by_key(|(_, frame)| frame.lowest).map(|(index, _)| index)
    }

    /// Begins a frame in a free slot, or in the slot of the oldest frame, which is given up for it.
    fn open(&mut self, now: Instant, ordinal: u64, timestamp: u32, range: Range<u32>) -> Result<usize, Rejected> {
        if self.floor.is_some_and(|floor| ordinal <= floor) {
            return Err(Rejected::Late);
        }
        if range.start != 0 && self.finished_timestamp == Some(timestamp) {
            // The packet is the rest of a frame that was given up. The frames behind it need not wait for it.
            self.floor = self.floor.max(Some(ordinal));
            return Err(Rejected::Late);
        }
        let index = match self.slots.iter().position(|slot| slot.frame.is_none()) {
            Some(index) => index,
            None => {
                let (oldest, frame) = self.head().ok_or(Rejected::Late)?;
                if frame.lowest > ordinal {
                    return Err(Rejected::Late);
                }
                if frame.complete.is_some() {
                    self.discard(oldest, |dropped| &mut dropped.overrun);
                } else {
                    self.discard(oldest, |dropped| &mut dropped.incomplete);
                }
                oldest
            }
        };
        self.slots.get_mut(index).ok_or(Rejected::Late)?.frame = Some(OpenFrame {
            timestamp,
            first_arrival: now,
            last_arrival: now,
            lowest: ordinal,
            highest: ordinal,
            newest: range,
            first: None,
            marker: None,
            end: None,
            holes: Holes::new(),
            overdue_since: None,
            complete: None,
        });
        Ok(index)
    }

    /// If a sender never sets the marker, the packet before the next frame's first packet ends the frame.
    fn find_lost_ends(&mut self) {
        let mut firsts = [None; SLOTS];
        for (first, slot) in firsts.iter_mut().zip(&self.slots) {
            *first = slot.frame.as_ref().and_then(|frame| frame.first).map(|(ordinal, _)| ordinal);
        }
        for slot in &mut self.slots {
            let Some(frame) = &mut slot.frame else { continue };
            if frame.end.is_none() && firsts.contains(&Some(frame.highest.wrapping_add(1))) {
                frame.set_end(frame.newest.end, frame.highest);
            }
        }
    }

    /// A frame is overdue when a packet has arrived that was sent after its missing part.
    fn note_overdue(&mut self, now: Instant) {
        let newest = self.frames().map(|(_, frame)| frame.lowest).max().unwrap_or(0);
        for slot in &mut self.slots {
            let Some(frame) = &mut slot.frame else { continue };
            let is_overdue =
                frame.complete.is_none() && (frame.lowest < newest || frame.end.is_some() || frame.holes.is_gapped());
            frame.overdue_since = is_overdue.then(|| frame.overdue_since.unwrap_or(now));
        }
    }

    /// Gives up frames whose missing parts have not come in time.
    pub(super) fn expire(&mut self, now: Instant) {
        for index in 0..SLOTS {
            let Some(frame) = self.slots.get(index).and_then(|slot| slot.frame.as_ref()) else { continue };
            if frame.expires(self.reorder_delay).is_some_and(|deadline| deadline <= now) {
                debug!("the frame of timestamp {} is given up, parts of it are missing", frame.timestamp);
                self.discard(index, |dropped| &mut dropped.incomplete);
            }
        }
    }

    /// Gives up frames with missing parts, and waits no longer for what is missing before the oldest frame.
    pub(super) fn give_up(&mut self) {
        for index in 0..SLOTS {
            let frame = self.slots.get(index).and_then(|slot| slot.frame.as_ref());
            if frame.is_some_and(|frame| frame.overdue_since.is_some()) {
                self.discard(index, |dropped| &mut dropped.incomplete);
            }
        }
        if let Some((_, head)) = self.head() {
            self.floor = self.floor.max(head.lowest.checked_sub(1));
        }
    }

    /// The time when the next frame is given up or can be fetched.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let expiry = self.frames().filter_map(|(_, frame)| frame.expires(self.reorder_delay)).min();
        earliest(expiry, self.head().and_then(|(_, frame)| self.release_time(frame)))
    }

    /// The oldest frame, if it is complete and its time has come.
    pub(super) fn releasable(&self, now: Instant) -> Option<usize> {
        let (index, frame) = self.head()?;
        (self.release_time(frame)? <= now).then_some(index)
    }

    /// The time when the oldest frame may be fetched: it has to be due, and packets that are missing before it must have
    /// had their time. If the last slot is taken, it may be fetched at once, since otherwise the next frame would push it
    /// out.
    fn release_time(&self, frame: &OpenFrame) -> Option<Instant> {
        let complete = frame.complete?;
        if self.slots.iter().all(|slot| slot.frame.is_some()) {
            return Some(frame.last_arrival);
        }
        let follows = frame.lowest <= self.sequence_start
            || self.floor.is_none_or(|floor| frame.lowest <= floor.saturating_add(1));
        // In the lab dialect nobody waits for a frame that was overtaken.
        if follows || complete.number.is_some() {
            return Some(complete.due);
        }
        Some(complete.due.max(frame.first_arrival.after(self.reorder_delay)))
    }

    /// Hands a complete frame over and frees its slot. The bytes stay in the buffer until the next packet.
    pub(super) fn release(&mut self, index: usize) -> Option<OpenFrame> {
        let frame = self.slots.get_mut(index)?.frame.take()?;
        self.finish(&frame);
        Some(frame)
    }

    /// Bytes of a slot's buffer.
    pub(super) fn bytes(&self, index: usize, range: Range<usize>) -> &[u8] {
        self.slots.get(index).and_then(|slot| slot.buffer.as_ref().get(range)).unwrap_or(&[])
    }

    /// Packets before this ordinal belong to another sequence, or were sent before we listened.
    pub(super) fn set_sequence_start(&mut self, ordinal: u64) {
        self.sequence_start = ordinal;
    }

    /// Forgets all frames, without counting them, and the frames that were finished.
    pub(super) fn clear(&mut self) {
        for slot in &mut self.slots {
            slot.frame = None;
        }
        self.floor = None;
        self.finished_timestamp = None;
    }

    /// Forgets frames that begin before this ordinal, without counting them.
    pub(super) fn clear_before(&mut self, ordinal: u64) {
        for slot in &mut self.slots {
            slot.frame.take_if(|frame| frame.lowest < ordinal);
        }
    }

    /// Forgets all frames, and waits so long for late packets from now on.
    pub(super) fn reconfigure(&mut self, reorder_delay: Duration) {
        self.clear();
        self.reorder_delay = reorder_delay;
    }

    /// The counts of dropped frames.
    pub(super) fn dropped(&self) -> Dropped {
        self.dropped
    }

    /// Drops a frame and counts why.
    fn discard(&mut self, index: usize, counter: impl FnOnce(&mut Dropped) -> &mut u64) {
        let Some(frame) = self.slots.get_mut(index).and_then(|slot| slot.frame.take()) else { return };
        let oversized_before = self.dropped.oversized;
        let counter = counter(&mut self.dropped);
        *counter = counter.wrapping_add(1);
        self.finish(&frame);
        self.warn_of_size(oversized_before);
    }

    /// Logs once that the buffers are too small, because a setting can cure that.
    fn warn_of_size(&self, oversized_before: u64) {
        if oversized_before == 0 && self.dropped.oversized == 1 {
            warning!("frames are dropped because they are longer than the receiver's buffers");
        }
    }

    fn finish(&mut self, frame: &OpenFrame) {
        self.floor = self.floor.max(Some(frame.highest));
        self.finished_timestamp = Some(frame.timestamp);
    }

    /// The oldest frame.
    fn head(&self) -> Option<(usize, &OpenFrame)> {
        self.frames().min_by_key(|(_, frame)| frame.lowest)
    }

    fn frames(&self) -> impl Iterator<Item = (usize, &OpenFrame)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| Some((index, slot.frame.as_ref()?)))
    }
}

impl OpenFrame {
    /// Whether a packet that has this frame's timestamp can belong to it by order and offset. Within a frame both rise
    /// together, and only its first packet has offset 0.
    fn may_own(&self, ordinal: u64, range: &Range<u32>) -> bool {
        let before_end = self.marker.is_none_or(|marker| ordinal <= marker);
        let after_start = match self.first {
            Some((first, _)) if range.start == 0 => ordinal == first,
            Some((first, _)) => ordinal > first,
            None => range.start != 0 || ordinal < self.lowest,
        };
        let in_order = if ordinal > self.highest {
            range.start >= self.newest.end
        } else {
            ordinal == self.highest || range.end <= self.newest.start
        };
        before_end && after_start && in_order
    }

    /// Sets the frame's end: at `end`, with the packet of this ordinal. Returns whether that agrees with the packets so far.
    fn set_end(&mut self, end: u32, marker: u64) -> bool {
        self.end = Some(end);
        self.marker = Some(marker);
        self.holes.close(end).is_ok()
    }

    fn expires(&self, reorder_delay: Duration) -> Option<Instant> {
        Some(self.overdue_since?.after(reorder_delay))
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Slot<B> {
    /// Stores a fragment. Any error but [`Rejected::Duplicate`] means that the frame is lost.
    fn place(
        &mut self,
        now: Instant,
        fragment: &Fragment<'_>,
        range: Range<u32>,
        depacketizer: &mut Depacketizer,
    ) -> Result<(), Rejected> {
        if !self.holds(range.end) {
            return Err(Rejected::TooLarge);
        }
        let Some(frame) = &mut self.frame else { return Err(Rejected::Late) };
        let (room, scan) = self.buffer.as_mut().split_first_chunk_mut::<HEADER_ROOM>().ok_or(Rejected::TooLarge)?;
        if frame.end.is_some_and(|end| range.end > end) {
            return Err(Rejected::Inconsistent);
        }
        let is_new = frame.holes.fill(range.start, range.end).map_err(|_| Rejected::TooManyHoles)?;
        let sets_end = fragment.marker && frame.end.is_none();
        if !is_new && !sets_end {
            return Err(Rejected::Duplicate);
        }
        let place = scan.get_mut(range.start as usize..range.end as usize).ok_or(Rejected::TooLarge)?;
        place.copy_from_slice(fragment.payload.data);
        if range.start == 0 {
            frame.first =
                Some((fragment.ordinal, depacketizer.write_header(&fragment.payload, fragment.dimensions, room)?));
        }
        if sets_end && !frame.set_end(range.end, fragment.ordinal) {
            return Err(Rejected::Inconsistent);
        }
        frame.last_arrival = now;
        frame.lowest = frame.lowest.min(fragment.ordinal);
        if fragment.ordinal >= frame.highest {
            frame.highest = fragment.ordinal;
            frame.newest = range;
        }
        Ok(())
    }

    /// Whether the buffer has room for this much scan data.
    fn holds(&self, end: u32) -> bool {
        let around = HEADER_ROOM.saturating_add(EOI.len());
        self.buffer.as_ref().len().checked_sub(around).is_some_and(|room| room >= end as usize)
    }

    /// Writes the end of the file and schedules the frame, as soon as nothing is missing.
    fn complete(&mut self, playout: &mut Playout) {
        let Some(frame) = &mut self.frame else { return };
        let (Some((_, start)), Some(end), true, None) =
            (frame.first, frame.end, frame.holes.is_empty(), frame.complete)
        else {
            return;
        };
        let scan_end = HEADER_ROOM.saturating_add(end as usize);
        let buffer = self.buffer.as_mut();
        // Compare both bytes of the marker: scan data may end in ff 00 or 00 d9.
        let has_eoi = buffer.get(start..scan_end).is_some_and(|file| file.ends_with(&EOI));
        let mut file_end = scan_end;
        if !has_eoi {
            file_end = scan_end.saturating_add(EOI.len());
            if let Some(room) = buffer.get_mut(scan_end..file_end) {
                room.copy_from_slice(&EOI);
            }
        }
        let due = playout.due(frame.timestamp, frame.first_arrival);
        frame.complete = Some(Complete { start, len: file_end.saturating_sub(start), due, number: None });
    }
}
