//! What goes with each picture from node to node.

/// The first byte of a stamp. Nodes of later versions add to the end, and change this where old nodes would misunderstand.
const VERSION: u8 = 1;

/// When a picture was taken, and which one it is. Times are microseconds of the node's clock, which begins anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Another one whenever numbers and clock begin anew: the node was started, or the stream was.
    pub incarnation: u32,
    /// Counts the pictures that the node had, also those that did not leave.
    pub number: u64,
    /// When it was taken.
    pub captured: u64,
    /// When it left, by the same clock.
    pub sent: u64,
}

impl Stamp {
    /// Bytes on the wire.
    pub const LEN: usize = 29;

    /// As it goes over the wire: a version, then all numbers, most significant byte first.
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [VERSION; Self::LEN];
        bytes[1..5].copy_from_slice(&self.incarnation.to_be_bytes());
        bytes[5..13].copy_from_slice(&self.number.to_be_bytes());
        bytes[13..21].copy_from_slice(&self.captured.to_be_bytes());
        bytes[21..].copy_from_slice(&self.sent.to_be_bytes());
        bytes
    }

    /// What another node has written. `None`: that was something else.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (&version, rest) = bytes.split_first()?;
        let (incarnation, rest) = rest.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (captured, rest) = rest.split_first_chunk()?;
        let (sent, _later_versions) = rest.split_first_chunk()?;
        (version == VERSION).then_some(Self {
            incarnation: u32::from_be_bytes(*incarnation),
            number: u64::from_be_bytes(*number),
            captured: u64::from_be_bytes(*captured),
            sent: u64::from_be_bytes(*sent),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_written_and_read() {
        let stamp = Stamp { incarnation: 0x0102_0304, number: 5, captured: u64::MAX, sent: 7 };
        let bytes = stamp.to_bytes();
        assert_eq!(bytes[..5], [1, 1, 2, 3, 4]);
        assert_eq!(Stamp::parse(&bytes), Some(stamp));
        assert_eq!(Stamp::parse(&[&bytes[..], b"more"].concat()), Some(stamp));
        for end in 0..Stamp::LEN {
            assert_eq!(Stamp::parse(&bytes[..end]), None);
        }
        assert_eq!(Stamp::parse(&[2; Stamp::LEN]), None);
    }
}
