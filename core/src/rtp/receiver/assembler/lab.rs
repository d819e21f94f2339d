//! Files of the lab dialect in the assembler's slots. They begin where the buffer does, and have headers of their own.

use super::{Assembler, Complete, Rejected};
use crate::time::Instant;

impl<B: AsRef<[u8]> + AsMut<[u8]>, const SLOTS: usize> Assembler<B, SLOTS> {
    /// Begins a file. Those before it that are not complete are given up: nobody waits for them.
    pub(in super::super) fn begin(&mut self, now: Instant, ordinal: u64, timestamp: u32) -> Result<usize, Rejected> {
        let has_room = self.slots.iter().any(|slot| slot.frame.is_none());
        if !has_room && let Some(oldest) = self.incomplete_before(ordinal) {
            self.give_up_slot(oldest);
        }
        self.open(now, ordinal, timestamp, 0..0)
    }

    /// The oldest file that has begun before `ordinal` and is not complete.
    fn incomplete_before(&self, ordinal: u64) -> Option<usize> {
        let incomplete = self.frames().filter(|(_, frame)| frame.complete.is_none() && frame.lowest < ordinal);
        incomplete.min_by_key(|(_, frame)| frame.lowest).map(|(index, _)| index)
    }

    /// The slot of the file with this ordinal, if it is not complete.
    pub(in super::super) fn slot_of(&self, ordinal: u64) -> Option<usize> {
        let mut found = self.frames().filter(|(_, frame)| frame.lowest == ordinal && frame.complete.is_none());
        found.next().map(|(index, _)| index)
    }

    /// Writes a part of a file. Where there is no room for it, the file is dropped.
    pub(in super::super) fn write(&mut self, index: usize, offset: u32, data: &[u8]) -> Result<(), Rejected> {
        let slot = self.slots.get_mut(index).ok_or(Rejected::Late)?;
        let start = usize::try_from(offset).map_err(|_| Rejected::TooLarge)?;
        let room = slot.buffer.as_mut().get_mut(start..).and_then(|room| room.get_mut(..data.len()));
        match room {
            Some(room) => {
                room.copy_from_slice(data);
                Ok(())
            }
            None => {
                self.discard(index, |dropped| &mut dropped.oversized);
                Err(Rejected::TooLarge)
            }
        }
    }

    /// Writes a part of a file to its place, and takes note of it. Gives the file's length when nothing is missing any more. The file
    /// is dropped where the part has no room or contradicts others.
    pub(in super::super) fn put(
        &mut self,
        index: usize,
        offset: u32,
        end: Option<u32>,
        data: &[u8],
    ) -> Result<Option<u32>, Rejected> {
        let capacity = self.slots.get(index).map_or(0, |slot| slot.buffer.as_ref().len());
        if end.is_some_and(|end| usize::try_from(end).is_ok_and(|end| end > capacity)) {
            self.discard(index, |dropped| &mut dropped.oversized);
            return Err(Rejected::TooLarge);
        }
        let part_end = offset.saturating_add(data.len() as u32);
        match self.note_part(index, offset..part_end, end) {
            Ok(whole) => {
                self.write(index, offset, data)?;
                Ok(whole)
            }
            Err(Rejected::Duplicate) => Err(Rejected::Duplicate),
            Err(rejected) => {
                self.discard(index, |dropped| &mut dropped.unusable);
                Err(rejected)
            }
        }
    }

    fn note_part(
        &mut self,
        index: usize,
        part: core::ops::Range<u32>,
        end: Option<u32>,
    ) -> Result<Option<u32>, Rejected> {
        let slot = self.slots.get_mut(index).ok_or(Rejected::Late)?;
        let frame = slot.frame.as_mut().ok_or(Rejected::Late)?;
        let is_new = frame.holes.fill(part.start, part.end).map_err(|_| Rejected::TooManyHoles)?;
        match (frame.end, end) {
            (None, Some(end)) => {
                frame.end = Some(end);
                frame.holes.close(end).map_err(|_| Rejected::Inconsistent)?;
            }
            (Some(known), Some(end)) if known != end => return Err(Rejected::Inconsistent),
            (Some(known), _) if part.end > known => return Err(Rejected::Inconsistent),
            _ if !is_new => return Err(Rejected::Duplicate),
            _ => {}
        }
        Ok(frame.end.filter(|_| frame.holes.is_empty()))
    }

    /// A file is complete. What was begun before it and is not is given up.
    pub(in super::super) fn complete(&mut self, now: Instant, index: usize, len: u32, number: u32, due: Instant) {
        let Some(frame) = self.slots.get_mut(index).and_then(|slot| slot.frame.as_mut()) else { return };
        frame.last_arrival = now;
        frame.complete = Some(Complete { start: 0, len: len as usize, due, number: Some(number) });
        let ordinal = frame.lowest;
        while let Some(index) = self.incomplete_before(ordinal) {
            self.give_up_slot(index);
        }
    }

    /// Whether the first `len` bytes of a slot end like this.
    pub(in super::super) fn ends_with(&self, index: usize, len: u32, end: [u8; 2]) -> bool {
        let slot = self.slots.get(index).and_then(|slot| slot.buffer.as_ref().get(..len as usize));
        slot.is_some_and(|file| file.ends_with(&end))
    }

    /// Drops a file of which parts are missing.
    pub(in super::super) fn give_up_slot(&mut self, index: usize) {
        self.discard(index, |dropped| &mut dropped.incomplete);
    }

    /// Forgets a file as if it had never begun.
    pub(in super::super) fn forget(&mut self, index: usize) {
        if let Some(slot) = self.slots.get_mut(index) {
            slot.frame = None;
        }
    }
}
