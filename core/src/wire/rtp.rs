//! RTP data packets (RFC 3550 section 5.1).

/// Why bytes are not an RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// Shorter than what its own fields announce.
    Truncated,
    /// Not version 2.
    Version,
    /// Padding longer than the packet, or of length zero.
    Padding,
}

/// A checked view of an RTP packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<T> {
    buffer: T,
}

impl<T: AsRef<[u8]>> Packet<T> {
    /// Checks every length and lends the fields.
    pub fn new_checked(buffer: T) -> Result<Self, Error> { todo!() }
    /// What follows header, CSRC list and extension, without padding.
    pub fn payload(&self) -> &[u8] { todo!() }
}

/// The header fields this project sends and looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Repr {
    pub marker: bool,
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
}

/// Length of the fixed header.
pub const HEADER_LEN: usize = 12;

impl Repr {
    pub fn parse<T: AsRef<[u8]>>(packet: &Packet<T>) -> Self { todo!() }
    pub fn emit(&self, buffer: &mut [u8; HEADER_LEN]) { todo!() }
}
