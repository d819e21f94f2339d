//! How our server puts frames into packets: as the exercise has it, or behind the headers that copies of it insist on.

use clap::ValueEnum;

/// The form of payloads. Of the first, most clients take nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Payload {
    /// A frame in one packet, without a header of its own
    Plain,
    /// Parts behind offset and total, 32 bits each
    O8,
    /// Parts behind index and count, 16 bits each
    I4,
    /// Parts behind index, count and length, 16 bits each; two at least
    I6,
    /// Parts behind a block's number, and index and count within it; a sequence number for each packet
    G8,
}

impl Payload {
    /// The payloads of a frame. `first` numbers the first of them among all.
    pub(super) fn parts(self, frame: &[u8], first: u32) -> Vec<Vec<u8>> {
        let size = match self {
            Self::Plain => return vec![frame.to_vec()],
            Self::O8 => 1392,
            Self::I4 => 1200,
            Self::I6 => frame.len().div_ceil(2).min(2000),
            Self::G8 => 1100,
        };
        let count = frame.len().div_ceil(size) as u16;
        let parts = frame.chunks(size).zip(0_u16..);
        let header = |part: &[u8], index: u16| match self {
            Self::Plain => Vec::new(),
            Self::O8 => [u32::from(index) * 1392, frame.len() as u32].map(u32::to_be_bytes).concat(),
            Self::I4 => [index, count].map(u16::to_be_bytes).concat(),
            Self::I6 => [index, count, part.len() as u16].map(u16::to_be_bytes).concat(),
            // A block for each part.
            Self::G8 => [&(first + u32::from(index)).to_be_bytes()[..], &[0, 0, 0, 1]].concat(),
        };
        parts.map(|(part, index)| [&*header(part, index), part].concat()).collect()
    }

    /// Each packet has a number of its own, and not its frame's.
    pub(super) fn numbers_packets(self) -> bool {
        self == Self::G8
    }
}

#[cfg(test)]
mod tests {
    use super::super::clip::Clip;
    use super::super::frames::Assembly;
    use super::super::frames::tests::packet;
    use super::*;

    #[test]
    fn what_is_taken_apart_can_be_put_together() {
        let clip = Clip::draw().unwrap();
        for payload in Payload::value_variants() {
            let mut packets = Vec::new();
            for frame in &clip.frames[2..5] {
                let parts = payload.parts(frame, packets.len() as u32);
                assert!(*payload == Payload::Plain || parts.len() > 1 || frame.len() < 1400);
                packets.extend(parts.iter().map(|part| packet(1, 0, false, part)));
            }
            let assembly = Assembly::new(&packets, &clip);
            let places: Vec<_> = assembly.frames.iter().map(|frame| frame.place).collect();
            assert_eq!(places, [Some(2), Some(3), Some(4)], "{payload:?}");
        }
    }
}
