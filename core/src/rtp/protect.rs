//! What stands between a stream's packets and its socket: encryption and authentication, or nothing.

use super::packet::Packet;

/// Protects packets on their way out, over either transport. A stream does not know of it.
pub trait Protect {
    /// Memory for one packet while it is on its way. Frames are shared among viewers, so what is encrypted is a copy.
    type Room;

    /// Whether it does anything. Where nothing is protected, a program has no code for it.
    const PROTECTS: bool = true;

    /// The longest packet that it can protect, in bytes.
    const MAX_PACKET: usize;

    /// How many bytes longer a packet becomes: an authentication tag, say. It is always the same.
    fn overhead(&self) -> usize;

    /// Empty memory.
    fn room(&self) -> Self::Room;

    /// What leaves in place of a packet, [`overhead`](Self::overhead) bytes longer, end to end. `None`: it does not fit.
    ///
    /// A packet that found no room in the socket comes again, and must become the same then.
    fn protect<'p>(&mut self, packet: &'p Packet<'_>, room: &'p mut Self::Room) -> Option<[&'p [u8]; 3]>;

    /// The same for an RTCP compound, except that one that found no room does not come again: the next one is made anew.
    fn protect_report<'p>(&mut self, compound: &'p [u8], room: &'p mut Self::Room) -> Option<[&'p [u8]; 3]>;
}

/// No protection: packets leave as they are, out of the frame that they were cut from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unprotected;

impl Protect for Unprotected {
    type Room = ();

    const PROTECTS: bool = false;

    const MAX_PACKET: usize = usize::MAX;

    #[inline]
    fn overhead(&self) -> usize {
        0
    }

    fn room(&self) {}

    #[inline]
    fn protect<'p>(&mut self, packet: &'p Packet<'_>, _: &'p mut ()) -> Option<[&'p [u8]; 3]> {
        let [head, payload] = packet.segments();
        Some([head, payload, &[]])
    }

    #[inline]
    fn protect_report<'p>(&mut self, compound: &'p [u8], _: &'p mut ()) -> Option<[&'p [u8]; 3]> {
        Some([compound, &[], &[]])
    }
}
