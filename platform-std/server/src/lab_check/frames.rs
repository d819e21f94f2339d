//! Packets of a student's server, and the frames that they make, in every form that copies of the lab are known to have.

use std::ops::RangeInclusive;
use std::time::Instant;

use super::clip::Clip;
use super::sheet::hex;

/// The header of RTP without contributing sources.
pub(super) const HEADER: usize = 12;
/// How a JPEG file begins.
const START: [u8; 3] = [0xff, 0xd8, 0xff];
/// How it ends.
const END: [u8; 2] = [0xff, 0xd9];
/// One copy of the lab sends parity in packets of this type, which carry nothing of a frame.
const PARITY: u8 = 127;

/// A packet as it came.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    pub(super) at: Instant,
    pub(super) bytes: Vec<u8>,
}

impl Packet {
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or_default()
    }

    fn number(&self, at: usize) -> u32 {
        u32::from_be_bytes([self.byte(at), self.byte(at + 1), self.byte(at + 2), self.byte(at + 3)])
    }

    pub(super) fn has_marker(&self) -> bool {
        self.byte(1) & 0x80 != 0
    }

    pub(super) fn payload_type(&self) -> u8 {
        self.byte(1) & 0x7f
    }

    pub(super) fn is_parity(&self) -> bool {
        self.payload_type() == PARITY
    }

    pub(super) fn sequence(&self) -> u16 {
        u16::from_be_bytes([self.byte(2), self.byte(3)])
    }

    pub(super) fn timestamp(&self) -> u32 {
        self.number(4)
    }

    pub(super) fn ssrc(&self) -> u32 {
        self.number(8)
    }

    fn payload(&self) -> &[u8] {
        self.bytes.get(HEADER..).unwrap_or_default()
    }

    /// The fields of its header, and the first bytes.
    pub(super) fn shown(&self) -> String {
        format!(
            "packet of {} bytes: {}; sequence {}, timestamp {}, marker {}, payload type {}, SSRC {}",
            self.bytes.len(),
            hex(&self.bytes, 24),
            self.sequence(),
            self.timestamp(),
            u8::from(self.has_marker()),
            self.payload_type(),
            self.ssrc()
        )
    }
}

/// What stands between the header and the file's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Nothing, or five digits before the first.
    Plain,
    /// Offset and total, 32 bits each.
    Offset,
    /// Index and count, 16 bits each, and so many further bytes.
    Index(usize),
    /// A block's number, and index and count within the block.
    Block,
    /// The header of RFC 2435.
    Standard,
}

impl Form {
    /// What a packet that begins a frame tells.
    fn detect(payload: &[u8]) -> Option<Self> {
        let at = |place: usize| payload.get(place..).is_some_and(|rest| rest.starts_with(&START));
        let number = |place: usize| {
            payload
                .get(place..place + 4)
                .map_or(0, |bytes| bytes.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte)))
        };
        if at(0) || at(5) && payload[..5].iter().all(u8::is_ascii_digit) {
            Some(Self::Plain)
        } else if at(4) {
            Some(Self::Index(4))
        } else if at(6) {
            Some(Self::Index(6))
        } else if at(8) {
            Some(if number(0) == 0 && number(4) >= payload.len() - 8 { Self::Offset } else { Self::Block })
        } else {
            // Type-specific 0, offset 0, a type of the RFC, and sizes that are not 0.
            let is_standard = payload.len() > 8
                && payload[..4] == [0; 4]
                && matches!(payload[4], 0 | 1 | 64 | 65)
                && payload[6] > 0
                && payload[7] > 0;
            is_standard.then_some(Self::Standard)
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "the file's bytes without a header of their own",
            Self::Offset => "offset and total before each part",
            Self::Index(_) => "index and count before each part",
            Self::Block => "block, index and count before each part",
            Self::Standard => "the header of RFC 2435",
        }
    }
}

/// A frame as its packets made it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Its packets, by their places among all.
    pub(super) packets: RangeInclusive<usize>,
    data: Vec<u8>,
    /// What is wrong with its parts.
    pub(super) flaw: Option<String>,
    /// Where in the film these bytes are.
    pub(super) place: Option<usize>,
    /// It has its last byte.
    is_ended: bool,
    /// The next part, where parts have indices; of how many.
    index: (u32, u32),
}

impl Seen {
    pub(super) fn is_split(&self) -> bool {
        self.packets.start() != self.packets.end()
    }

    /// It begins and ends as a JPEG file does.
    pub(super) fn is_jpeg(&self) -> bool {
        self.data.starts_with(&START) && self.data.ends_with(&END)
    }

    pub(super) fn len(&self) -> usize {
        self.data.len()
    }

    fn blame(&mut self, flaw: impl FnOnce() -> String) {
        self.flaw.get_or_insert_with(flaw);
    }
}

/// The frames of packets that came one after the other.
#[derive(Debug)]
pub(super) struct Assembly {
    pub(super) form: Option<Form>,
    pub(super) frames: Vec<Seen>,
}

impl Assembly {
    /// Puts parts together. A frame that had to stop in its middle, because the server was told to, is left out at the end.
    pub(super) fn new(packets: &[Packet], clip: &Clip) -> Self {
        let form = packets.iter().find_map(|packet| Form::detect(packet.payload()));
        let mut frames: Vec<Seen> = Vec::new();
        for (place, packet) in packets.iter().enumerate() {
            match (form, frames.last_mut()) {
                (_, Some(last)) if packet.is_parity() => last.packets = *last.packets.start()..=place,
                (Some(form), _) => add(form, &mut frames, place, packet),
                _ => {}
            }
        }
        if frames.last().is_some_and(|last| !last.is_ended) {
            frames.pop();
        }
        for frame in &mut frames {
            frame.place = clip.place(&frame.data);
            if !frame.is_ended && form != Some(Form::Standard) {
                frame.blame(|| "its end is missing".to_owned());
            }
        }
        Self { form, frames }
    }
}

fn add(form: Form, frames: &mut Vec<Seen>, place: usize, packet: &Packet) {
    let payload = packet.payload();
    let number = |at: usize, len: usize| {
        payload.get(at..at + len).map_or(0, |bytes| bytes.iter().fold(0_u32, |sum, &byte| sum << 8 | u32::from(byte)))
    };
    let (header, begins) = match form {
        Form::Plain if payload.get(5..).is_some_and(|rest| rest.starts_with(&START)) && payload[0] != 0xff => (5, true),
        Form::Plain => (0, payload.starts_with(&START)),
        Form::Offset => (8, number(0, 4) == 0),
        Form::Index(len) => (len, number(0, 2) == 0),
        Form::Block => (8, payload.get(8..).is_some_and(|rest| rest.starts_with(&START))),
        Form::Standard => (8, number(1, 3) == 0),
    };
    let part = payload.get(header..).unwrap_or_default();
    if begins || frames.last().is_none_or(|last| last.is_ended) {
        let packets = place..=place;
        let index = (0, 0);
        frames.push(Seen { packets, data: Vec::new(), flaw: None, place: None, is_ended: false, index });
        if !begins && let Some(frame) = frames.last_mut() {
            frame.blame(|| "its beginning is missing".to_owned());
        }
    }
    let Some(frame) = frames.last_mut() else { return };
    frame.packets = *frame.packets.start()..=place;
    match form {
        Form::Plain | Form::Block => {
            frame.data.extend(part);
            frame.is_ended = frame.data.ends_with(&END);
        }
        Form::Offset | Form::Standard => {
            let (offset, total) = if form == Form::Offset {
                (number(0, 4) as usize, number(4, 4) as usize)
            } else {
                (number(1, 3) as usize, usize::MAX)
            };
            let have = frame.data.len();
            if offset.saturating_add(part.len()) > total {
                frame.blame(|| format!("a part of {} bytes at {offset} is not within its {total} bytes", part.len()));
            } else if offset != have {
                frame.blame(|| format!("a part begins at {offset}, where {have} bytes had come"));
            }
            frame.data.extend(part);
            // The header of tables is part of the payload, but not of the offsets; it stands in the first part alone.
            if form == Form::Standard && offset == 0 && payload.get(5).is_some_and(|&q| q >= 128) {
                let tables = 4 + number(header + 2, 2) as usize;
                frame.data.drain(..tables.min(frame.data.len()));
            }
            frame.is_ended = if form == Form::Offset { frame.data.len() >= total } else { packet.has_marker() };
        }
        Form::Index(_) => {
            let (index, count) = (number(0, 2), number(2, 2));
            if index >= count {
                frame.blame(|| format!("part {index} of {count}"));
            } else if index != frame.index.0 {
                let expected = frame.index.0;
                frame.blame(|| format!("part {index} came where part {expected} was due"));
            }
            frame.index = (index + 1, count);
            frame.data.extend(part);
            frame.is_ended = index + 1 >= count;
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn packet(sequence: u16, timestamp: u32, marker: bool, payload: &[u8]) -> Packet {
        let mut bytes = vec![0x80, 26 | u8::from(marker) << 7];
        bytes.extend(sequence.to_be_bytes());
        bytes.extend(timestamp.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(payload);
        Packet { at: Instant::now(), bytes }
    }

    /// A frame of the film in parts of so many bytes, each behind what `header` makes of its index, its offset, and their number.
    fn parts(frame: &[u8], size: usize, header: impl Fn(usize, usize, usize) -> Vec<u8>) -> Vec<Packet> {
        let count = frame.len().div_ceil(size);
        let parts = frame.chunks(size).enumerate();
        parts
            .map(|(index, part)| {
                packet(1, 0, index + 1 == count, &[&*header(index, index * size, count), part].concat())
            })
            .collect()
    }

    #[test]
    fn frames_are_put_together_in_every_form() {
        let clip = Clip::draw().unwrap();
        let frame = &clip.frames[3];
        let total = frame.len() as u32;
        let forms: [(Form, Vec<Packet>); 6] = [
            (Form::Plain, parts(frame, 1400, |_, _, _| Vec::new())),
            (Form::Plain, parts(frame, 1400, |index, _, _| if index == 0 { b"01234".to_vec() } else { Vec::new() })),
            (Form::Offset, parts(frame, 1392, |_, at, _| [(at as u32).to_be_bytes(), total.to_be_bytes()].concat())),
            (Form::Index(4), parts(frame, 1200, |index, _, count| vec![0, index as u8, 0, count as u8])),
            (Form::Index(6), parts(frame, 2000, |index, _, count| vec![0, index as u8, 0, count as u8, 7, 208])),
            (Form::Block, parts(frame, 1100, |index, _, _| vec![0, 0, 0, 9, 0, index as u8, 0, 10])),
        ];
        for (form, packets) in forms {
            let twice = [packets.clone(), packets.clone()].concat();
            let assembly = Assembly::new(&twice, &clip);
            assert_eq!(assembly.form, Some(form));
            let places: Vec<_> = assembly.frames.iter().map(|frame| (frame.place, frame.flaw.clone())).collect();
            assert_eq!(places, [(Some(3), None), (Some(3), None)], "{form:?}");
            // The second part is missing.
            let mut lossy = twice.clone();
            lossy.remove(1);
            let assembly = Assembly::new(&lossy, &clip);
            assert_ne!(assembly.frames[0].place, Some(3), "{form:?}");
        }
    }

    #[test]
    fn parts_beyond_the_frame_are_found() {
        let clip = Clip::draw().unwrap();
        let frame = &clip.frames[3];
        let short = frame.len() as u32 - 100;
        let packets = parts(frame, 1392, |_, at, _| [(at as u32).to_be_bytes(), short.to_be_bytes()].concat());
        let assembly = Assembly::new(&packets, &clip);
        assert!(assembly.frames[0].flaw.as_deref().is_some_and(|flaw| flaw.contains("is not within its")));
    }

    #[test]
    fn a_frame_that_was_stopped_in_its_middle_is_nobodys_fault() {
        let clip = Clip::draw().unwrap();
        let mut packets = parts(&clip.frames[3], 1400, |_, _, _| Vec::new());
        packets.extend(parts(&clip.frames[7], 1400, |_, _, _| Vec::new()));
        packets.pop();
        let assembly = Assembly::new(&packets, &clip);
        assert_eq!(assembly.frames.len(), 1);
        assert!(Assembly::new(&[], &clip).form.is_none());
    }

    #[test]
    fn no_packets_make_it_panic() {
        let clip = Clip::draw().unwrap();
        let mut seed = 1_u64;
        let mut random = |most: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize % most
        };
        let begins: [&[u8]; 8] = [
            &START,
            b"00042\xff\xd8\xff",
            &[0, 0, 0, 2, 0xff, 0xd8, 0xff],
            &[0, 0, 0, 2, 7, 208, 0xff, 0xd8, 0xff],
            &[0, 0, 0, 0, 0, 0, 9, 0, 0xff, 0xd8, 0xff],
            &[0, 0, 0, 9, 0, 0, 0, 3, 0xff, 0xd8, 0xff],
            &[0, 0, 0, 0, 1, 255, 20, 15, 0, 0, 0, 128],
            &[],
        ];
        for _ in 0..2000 {
            let begin = begins[random(begins.len())];
            let packets: Vec<Packet> = (0..random(12))
                .map(|_| {
                    let mut bytes = packet(random(4) as u16, 0, random(2) == 0, begin).bytes;
                    bytes.extend((0..random(20)).map(|_| [0, 1, 2, 0xff, 0xd8, 0xd9][random(6)]));
                    // Some are changed, some cut.
                    let at = random(bytes.len());
                    bytes[at] = random(256) as u8;
                    bytes.truncate(if random(4) == 0 { random(30) } else { 100 });
                    Packet { at: Instant::now(), bytes }
                })
                .collect();
            let assembly = Assembly::new(&packets, &clip);
            assert!(assembly.frames.iter().all(|frame| *frame.packets.end() < packets.len()));
            packets.iter().for_each(|packet| assert!(!packet.shown().is_empty()));
        }
    }
}
