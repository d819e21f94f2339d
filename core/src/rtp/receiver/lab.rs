//! Frames of the lab dialect: whole files, or their parts in one of the forms that servers send.
//!
//! The first packet that begins a frame tells the form, which [`detect`] reads, and the others have the same. Where packets stop making
//! sense in it, whichever begins a frame next tells another.
//!
//! Plain parts, and those of `G8`, follow each other, so a frame of which one is lost is given up. Where all parts of a frame have the
//! same sequence number, nobody can tell. Parts of the other forms say where they belong.

use super::sequence::Arrival;
use super::{Receiver, Rejected};
use crate::time::Instant;
use crate::wire::lab::payload::{Header, PAYLOAD_TYPE_PARITY, Payload, detect, file_start};
use crate::wire::rtp::Repr;

/// So many frames in a row that stay incomplete cast doubt on the form.
const DOUBTS: u8 = 3;
/// So do so many packets of no use.
const REFUSALS: u8 = 16;

/// How sequence numbers of a frame's packets relate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Steps {
    #[default]
    Unknown,
    /// All have the frame's number.
    Same,
    /// Each has the next one.
    Each,
}

/// A frame whose parts follow each other.
#[derive(Clone, Copy, Debug)]
struct Open {
    slot: usize,
    /// The ordinal of its last packet.
    ordinal: u64,
    len: u32,
    number: u32,
    steps: Steps,
}

/// What is known of a stream's packets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reassembly {
    form: Option<Payload>,
    open: Option<Open>,
    steps: Steps,
    /// The server sets the marker on a frame's last packet.
    is_marked: bool,
    /// Frames that were begun, where sequence numbers do not count them.
    begun: u32,
    /// Bytes of the parts that say only which they are.
    part: u32,
    doubts: u8,
    refused: u8,
    /// Another PLAY has begun: what was sent before may come again.
    is_resumed: bool,
}

/// A part that says where it belongs.
struct Place<'p> {
    offset: u32,
    /// Bytes of the file, where the part tells.
    end: Option<u32>,
    data: &'p [u8],
}

impl Reassembly {
    /// Nothing of what was begun will go on.
    pub(super) fn interrupt(&mut self) {
        (self.open, self.is_resumed) = (None, true);
    }

    /// Whether a packet of this type belongs to the stream though it carries nothing of a frame.
    pub(super) fn is_parity(&self, payload_type: u8) -> bool {
        payload_type == PAYLOAD_TYPE_PARITY && self.form == Some(Payload::G8)
    }

    /// The form that this packet has.
    fn form(&mut self, payload: &[u8]) -> Result<Payload, Rejected> {
        let is_possible = match self.form {
            None => false,
            Some(Payload::Plain) => self.open.is_some() || file_start(payload).is_some(),
            // Short files come without a header there.
            Some(Payload::I6) => file_start(payload).is_some() || Header::makes_sense(Payload::I6, payload),
            // The beginning of a file might pass for a header.
            Some(Payload::I4) if file_start(payload).is_some() => false,
            Some(form) => Header::makes_sense(form, payload),
        };
        let is_doubtful = self.doubts >= DOUBTS || self.refused >= REFUSALS;
        if let (Some(form), true, false) = (self.form, is_possible, is_doubtful) {
            return Ok(form);
        }
        match (detect(payload), self.form) {
            (Some(Payload::Plain), Some(Payload::I6)) if !is_doubtful => Ok(Payload::I6),
            (Some(form), before) => {
                if before != Some(form) {
                    *self = Self { form: Some(form), begun: self.begun, ..Self::default() };
                }
                Ok(form)
            }
            (None, Some(form)) if is_possible => Ok(form),
            // The rest of a frame whose beginning was lost.
            (None, Some(Payload::Plain)) if self.steps != Steps::Unknown => Err(Rejected::Late),
            (None, _) => Err(Rejected::NotJpeg),
        }
    }

    fn note(&mut self, is_whole: bool) {
        (self.doubts, self.refused) = if is_whole { (0, 0) } else { (self.doubts.saturating_add(1), self.refused) };
        if self.doubts >= DOUBTS {
            // What was learnt of it may be wrong by now.
            (self.steps, self.is_marked) = (Steps::Unknown, false);
        }
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>, const SLOTS: usize> Receiver<B, SLOTS> {
    /// Begins a file in a slot, for which an older one may be given up.
    fn begin_lab(&mut self, now: Instant, ordinal: u64, timestamp: u32) -> Result<usize, Rejected> {
        let before = self.assembler.dropped().incomplete;
        let slot = self.assembler.begin(now, ordinal, timestamp);
        if self.assembler.dropped().incomplete != before {
            self.lab.note(false);
        }
        slot
    }

    /// Takes a packet of the stream.
    pub(super) fn take_lab(&mut self, now: Instant, header: &Repr, payload: &[u8]) -> Result<(), Rejected> {
        let taken = self.take_part(now, header, payload);
        taken.inspect_err(|_| self.lab.refused = self.lab.refused.saturating_add(1))
    }

    fn take_part(&mut self, now: Instant, header: &Repr, payload: &[u8]) -> Result<(), Rejected> {
        if header.payload_type == PAYLOAD_TYPE_PARITY {
            self.skip_parity(header.sequence);
            return Ok(());
        }
        if payload.is_empty() {
            return Err(Rejected::Empty);
        }
        let before = self.lab.form;
        let form = self.lab.form(payload)?;
        if before != Some(form) && before.is_some() {
            info!("the form of the lab's packets has changed");
            self.assembler.clear();
        }
        self.lab.is_marked |= header.marker;
        match (form, file_start(payload)) {
            (Payload::I4 | Payload::O8, _) => self.place_numbered(now, header, form, payload),
            (Payload::I6, None) => self.place_counted(now, header, payload),
            (Payload::G8, _) => {
                let (_, data) = Header::parse(form, payload).ok_or(Rejected::NotJpeg)?;
                self.follow(now, header, data, file_start(data).is_some())
            }
            (_, Some(file)) => self.follow(now, header, file, true),
            (_, None) => self.follow(now, header, payload, false),
        }
    }

    /// Parity takes a sequence number, and nothing is missing where it stands.
    fn skip_parity(&mut self, sequence: u16) {
        if let (Arrival::Newest(ordinal), Some(open)) = (self.tracker.handle(sequence), &mut self.lab.open)
            && open.ordinal.wrapping_add(1) == ordinal
        {
            open.ordinal = ordinal;
        }
    }

    /// The relation of a packet to those before, of which several may have one number. `None`: it has that of the last one.
    fn relate(&mut self, sequence: u16) -> Option<Arrival> {
        (self.tracker.last() != Some(sequence)).then(|| self.tracker.handle(sequence))
    }

    /// A packet that begins a frame, or goes on where the one before ended.
    fn follow(&mut self, now: Instant, header: &Repr, data: &[u8], begins: bool) -> Result<(), Rejected> {
        // There, numbers say nothing.
        let is_unnumbered = self.lab.form == Some(Payload::I6);
        let arrival = if is_unnumbered { None } else { self.relate(header.sequence) };
        let ordinal = match arrival {
            None if is_unnumbered => None,
            None => self.tracker.ordinal(header.sequence),
            Some(Arrival::Newest(ordinal)) => Some(ordinal),
            Some(Arrival::Late(_)) => return Err(Rejected::Late),
            Some(Arrival::Duplicate) => return Err(Rejected::Duplicate),
            Some(Arrival::Jump) => return Err(Rejected::Jump),
        };
        if begins {
            let repeats = arrival.is_none() && !is_unnumbered;
            return self.begin_file(now, header, data, ordinal, repeats);
        }
        let steps = if arrival.is_none() { Steps::Same } else { Steps::Each };
        let known = self.lab.steps;
        let Some(open) = self.lab.open.as_mut() else { return Err(Rejected::Late) };
        let goes_on = steps == Steps::Same || ordinal == Some(open.ordinal.wrapping_add(1));
        let is_usual = [known, open.steps].into_iter().all(|known| known == Steps::Unknown || known == steps);
        if !goes_on || !is_usual {
            self.give_up_open();
            return Err(Rejected::Late);
        }
        (open.ordinal, open.steps) = (ordinal.unwrap_or(open.ordinal), steps);
        self.append(now, header.marker, data, false)
    }

    /// A packet that begins a file. `repeats`: it has the sequence number of the packet before.
    fn begin_file(
        &mut self,
        now: Instant,
        header: &Repr,
        file: &[u8],
        ordinal: Option<u64>,
        repeats: bool,
    ) -> Result<(), Rejected> {
        let is_resumed = core::mem::take(&mut self.lab.is_resumed);
        let repeats = repeats && !is_resumed;
        match self.lab.open {
            Some(open) if repeats && open.steps != Steps::Each => {
                // It came twice, or the server has begun the frame again.
                self.assembler.forget(open.slot);
                self.lab.open = None;
            }
            None if repeats => {
                self.tracker.handle(header.sequence);
                return Err(Rejected::Duplicate);
            }
            // A server without markers has sent a whole file, which does not end as files do.
            Some(open) if !self.lab.is_marked && open.steps == Steps::Unknown => self.complete_open(now, open),
            Some(_) => self.give_up_open(),
            None => {}
        }
        self.lab.begun = self.lab.begun.wrapping_add(1);
        let by_packets = self.lab.steps == Steps::Each || self.lab.form == Some(Payload::G8);
        let (ordinal, number) = match ordinal {
            Some(ordinal) if by_packets => (ordinal, self.lab.begun),
            Some(ordinal) => (ordinal, self.tracker.extended(ordinal)),
            None => (self.lab.begun.into(), self.lab.begun),
        };
        let slot = self.begin_lab(now, ordinal, header.timestamp)?;
        self.lab.open = Some(Open { slot, ordinal, len: 0, number, steps: Steps::Unknown });
        self.append(now, header.marker, file, true)
    }

    fn append(&mut self, now: Instant, marker: bool, data: &[u8], is_first: bool) -> Result<(), Rejected> {
        let Some(open) = &mut self.lab.open else { return Err(Rejected::Late) };
        if let Err(rejected) = self.assembler.write(open.slot, open.len, data) {
            self.lab.open = None;
            self.lab.note(false);
            return Err(rejected);
        }
        open.len = open.len.saturating_add(data.len() as u32);
        let open = *open;
        // Where there are no markers, a file's end shows. In the first packet it may stand before what a server has put behind it.
        let ends = match (self.lab.is_marked, is_first) {
            (true, _) => marker,
            (false, true) => data.windows(2).rev().any(|pair| pair == EOI),
            (false, false) => self.assembler.ends_with(open.slot, open.len, EOI),
        };
        if ends {
            if open.steps != Steps::Unknown {
                self.lab.steps = open.steps;
            }
            self.complete_open(now, open);
        }
        Ok(())
    }

    fn complete_open(&mut self, now: Instant, open: Open) {
        let due = self.playout.due_untimed(now);
        self.assembler.complete(now, open.slot, open.len, open.number, due);
        self.lab.open = None;
        self.lab.note(true);
    }

    fn give_up_open(&mut self) {
        if let Some(open) = self.lab.open.take() {
            self.assembler.give_up_slot(open.slot);
            self.lab.note(false);
        }
    }

    /// A part that says where it belongs, of the frame whose number is the packet's.
    fn place_numbered(&mut self, now: Instant, header: &Repr, form: Payload, payload: &[u8]) -> Result<(), Rejected> {
        let known = self.tracker.ordinal(header.sequence);
        // Frames may overlap where a server sends to two ports.
        let is_open = known.is_some_and(|ordinal| self.assembler.slot_of(ordinal).is_some());
        let arrival = if is_open { None } else { self.relate(header.sequence) };
        let ordinal = match arrival {
            None => known.ok_or(Rejected::Late)?,
            Some(Arrival::Newest(ordinal) | Arrival::Late(ordinal)) => ordinal,
            Some(Arrival::Duplicate) => return Err(Rejected::Duplicate),
            Some(Arrival::Jump) => return Err(Rejected::Jump),
        };
        let place = self.locate(form, payload).inspect_err(|_| self.lab.note(false))?;
        let number = self.tracker.extended(ordinal);
        let slot = match self.assembler.slot_of(ordinal) {
            Some(slot) => slot,
            None => self.begin_lab(now, ordinal, header.timestamp)?,
        };
        self.place(now, slot, &place, number)
    }

    /// A part that says where it belongs, of the frame that the last first part has begun.
    fn place_counted(&mut self, now: Instant, header: &Repr, payload: &[u8]) -> Result<(), Rejected> {
        let place = self.locate(Payload::I6, payload).inspect_err(|_| self.lab.note(false))?;
        if place.offset == 0 {
            self.give_up_open();
            self.lab.begun = self.lab.begun.wrapping_add(1);
            let (number, ordinal) = (self.lab.begun, u64::from(self.lab.begun));
            let slot = self.begin_lab(now, ordinal, header.timestamp)?;
            self.lab.open = Some(Open { slot, ordinal, len: 0, number, steps: Steps::Unknown });
        }
        let Some(Open { slot, number, .. }) = self.lab.open else { return Err(Rejected::Late) };
        let placed = self.place(now, slot, &place, number);
        if self.assembler.slot_of(u64::from(number)) != Some(slot) {
            self.lab.open = None;
        }
        placed
    }

    /// Where a part belongs. Parts that say only which they are have the same length, but for the last.
    fn locate<'p>(&mut self, form: Payload, payload: &'p [u8]) -> Result<Place<'p>, Rejected> {
        let (header, data) = Header::parse(form, payload).ok_or(Rejected::NotJpeg)?;
        let len = data.len() as u32;
        match header {
            Header::Offset { offset, total } => Ok(Place { offset, end: Some(total), data }),
            Header::Index { index, count } => {
                let is_last = index.checked_add(1) == Some(count);
                if index == 0 && !is_last {
                    self.lab.part = len;
                }
                if self.lab.part == 0 && index > 0 {
                    return Err(Rejected::Late);
                }
                if (index > 0 && len > self.lab.part) || (!is_last && len != self.lab.part) {
                    return Err(Rejected::Inconsistent);
                }
                let offset = u32::from(index).checked_mul(self.lab.part).ok_or(Rejected::TooLarge)?;
                Ok(Place { offset, end: is_last.then(|| offset.saturating_add(len)), data })
            }
            Header::Block { .. } => Err(Rejected::NotJpeg),
        }
    }

    fn place(&mut self, now: Instant, slot: usize, place: &Place<'_>, number: u32) -> Result<(), Rejected> {
        let placed = self.assembler.put(slot, place.offset, place.end, place.data);
        match placed {
            Ok(None) => {}
            Ok(Some(len)) => {
                let due = self.playout.due_untimed(now);
                self.assembler.complete(now, slot, len, number, due);
                self.lab.note(true);
            }
            Err(Rejected::Duplicate) => {}
            Err(_) => self.lab.note(false),
        }
        placed.map(|_| ())
    }
}

const EOI: [u8; 2] = [0xff, 0xd9];
