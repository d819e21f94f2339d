//! RTCP packets (RFC 3550 section 6). SR, RR, SDES, BYE, compound packets.
//! parse: an iterator over a checked compound packet; emit: into a caller's slice.

/// Why bytes are not RTCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error { Truncated }
/// A checked compound packet.
pub struct Compound<'a> { bytes: &'a [u8] }
impl<'a> Compound<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> { todo!() }
}
