//! What a splitter passes at once, because it means nothing.

use super::dialects::{Last, Parts, Slot};
use super::find::{
    Runs, is_marker, is_picture, is_start, pass, pass_to_chunk, pass_to_marker, pass_to_picture, pass_to_record,
    pass_to_start, run_of,
};
use super::state::State;
use super::{Heads, PICTURE, RIFF_LEN, START, SplitEvent, Splitter};
use crate::jpeg::marker;

/// Who has looked for a frame in so many bytes is lost.
const LOST: u64 = 2048;

impl<D: Parts> Splitter<D> {
    /// Takes the first byte of `room`, or more if they carry no meaning.
    pub(super) fn step(&mut self, byte: u8, room: &[u8]) -> (usize, Option<SplitEvent>) {
        let (passed, room) = match self.state {
            State::Hunt if self.is_lost() => (self.hunt_on(room), room),
            State::Hunt if !self.has_records() => {
                // It is lost from there on.
                let left = LOST.saturating_sub(self.hunted()) as usize;
                let room = room.get(..left).unwrap_or(room);
                (self.hunt_here(byte, room), room)
            }
            _ => (self.meaningless(byte, room), room),
        };
        if let Some(passed) = room.get(..passed).filter(|passed| !passed.is_empty()) {
            self.remember(passed);
            self.pass(passed);
            return (passed.len(), None);
        }
        self.offset = self.offset.saturating_add(1);
        let before = self.state;
        let event = self.byte(byte);
        if self.state != before {
            self.runs = Runs::default();
        }
        (1, event)
    }

    /// These bytes were passed at once.
    fn pass(&mut self, passed: &[u8]) {
        match self.state {
            State::Segment { code, left } => {
                self.head.take(passed);
                self.segment(code, left.saturating_sub(passed.len() as u16));
            }
            State::Header { left } => {
                self.head.take(passed);
                self.header(left.saturating_sub(passed.len() as u32));
            }
            State::Skip { left } => match left.saturating_sub(passed.len() as u32) {
                0 => self.chunk_follows(),
                left => self.state = State::Skip { left },
            },
            State::Length { seen, .. } => self.state = State::Length { seen, padded: true },
            _ => {}
        }
    }

    /// For how many bytes it has looked for a frame.
    pub(super) fn hunted(&self) -> u64 {
        self.offset.wrapping_sub(self.hunted_from)
    }

    /// Whether that is long.
    pub(super) fn is_lost(&self) -> bool {
        self.hunted() >= LOST
    }

    /// How many bytes may be passed at once where a frame is expected that is in no record.
    fn hunt_here(&mut self, byte: u8, room: &[u8]) -> usize {
        if self.reads_lines() {
            let text = self.heads.get_mut().map_or(0, |heads| heads.text(room));
            if text > 0 {
                return text;
            }
        }
        let is_noise = self.heads.get().is_none_or(Heads::is_noise);
        // The bytes before must not be the beginning of a frame, and the first ones may tell an AVI file.
        if self.may_start(byte) || !is_noise || (self.format.is_none() && self.offset < RIFF_LEN) {
            0
        } else if D::Heads::EXISTS {
            pass(room, [0xFF, b'\n'], |a, b| is_start(a, b) | (a == b'\n') & Heads::may_begin_line(b))
        } else {
            pass(room, [0xFF; 2], is_start)
        }
    }

    /// The same where it is lost.
    fn hunt_on(&mut self, room: &[u8]) -> usize {
        let hunted = self.hunted();
        let is_boundary = hunted.is_multiple_of(LOST);
        let passed = self.runs.pass(room, pass_to_picture);
        // The lines before it are read from a place on that does not depend on the pieces in which the bytes came.
        let behind = hunted.saturating_add(passed as u64);
        let from = behind.saturating_sub(behind.checked_rem(LOST).unwrap_or(0)).saturating_sub(hunted) as usize;
        let has_records = self.has_records();
        if let Some(heads) = self.heads.get_mut().filter(|_| !has_records) {
            if from > 0 || is_boundary {
                heads.reset();
            }
            heads.lines(room.get(from..passed).unwrap_or(&[]));
        }
        passed
    }

    /// How many bytes the state may pass at once.
    fn meaningless(&mut self, byte: u8, room: &[u8]) -> usize {
        match self.state {
            // A segment may have swallowed the beginning of a start.
            State::Entropy | State::Marker if self.may_start(byte) => 0,
            State::Entropy => match self.delimiter().and_then(<[u8]>::first) {
                None => pass_to_marker(room),
                Some(&first) => pass(room, [0xFF, b'\n'], |a, b| is_marker(a, b) | (a == b'\n') & (b == first)),
            },
            State::Marker => pass_to_marker(room),
            // Fill bytes.
            State::Code | State::EntropyCode => run_of(0xFF, room),
            State::Segment { code, left } => {
                let segment = room.get(..usize::from(left)).unwrap_or(room);
                match self.may_be_cut(code) {
                    true if self.may_start(byte) => 0,
                    true => pass_to_start(segment),
                    false => segment.len(),
                }
            }
            State::Header { left } | State::Skip { left } => room.len().min(left as usize),
            State::Length { seen: 0, .. } | State::Chunk { seen: 0, .. } => run_of(0, room),
            State::HuntRecord if self.is_avi() => self.runs.pass(room, pass_to_chunk),
            State::HuntRecord => self.runs.pass(room, pass_to_record),
            State::Hunt => self.runs.pass(room, pass_to_start),
            _ => 0,
        }
    }

    /// Whether the bytes before this one and it may be the beginning of a frame.
    fn may_start(&self, byte: u8) -> bool {
        let last = self.last.bytes();
        (last & 0xFF == 0xFF && byte == marker::SOI) || last & 0xFFFF == START >> 8
    }

    /// How many bytes ago a frame begins, if one does. Where one is expected, right behind another or behind a part's head, no marker
    /// need follow SOI; elsewhere SOI alone is too short to be told from noise.
    pub(super) fn begun(&self) -> Option<u8> {
        let last = self.last.bytes();
        if self.hunted() > LOST {
            let [.., a, b, c, code, length] = last.to_be_bytes();
            return is_picture(a, b, c, code, length).then_some(PICTURE);
        }
        let before = last >> 24;
        let is_expected = before == 0 || (before & 0xFF == u128::from(b'\n') && self.next_has_fields());
        let is_soi = last >> 8 & 0xFFFF == START >> 8 && is_expected && self.offset >= 3;
        (self.is_start() || is_soi).then_some(3)
    }

    /// Only what has a segment is a frame from here on.
    pub(super) fn get_lost(&mut self) {
        self.hunted_from = self.offset.wrapping_sub(LOST);
    }
}
