//! What is between the media of one session and the network: packets are opened before they are looked at, and reports sealed.
//! Without the feature `srtp` both pass as they are.

use crate::rtp::receiver::Rejected;
use crate::session::client::Connection;
use core::fmt;

/// The longest datagram that is opened, in bytes. None that fits into an Ethernet frame is longer.
#[cfg(feature = "srtp")]
const MAX_SEALED: usize = 2048;

/// The ciphers of one session, if it is encrypted.
#[derive(Default)]
pub(super) struct Protection {
    #[cfg(feature = "srtp")]
    ciphers: Option<(crate::srtp::Opener, crate::srtp::Sealer)>,
    /// Packets have come since the last frame that could not be opened.
    trouble: bool,
}

impl Protection {
    /// As the connection has agreed on.
    pub(super) fn new<B: AsRef<[u8]> + AsMut<[u8]>>(connection: &Connection<B>) -> Self {
        #[cfg(not(feature = "srtp"))]
        let _ = connection;
        Self {
            #[cfg(feature = "srtp")]
            ciphers: connection.ciphers(),
            trouble: false,
        }
    }

    /// Why there are no frames, as far as it is known here.
    pub(super) fn trouble(&self) -> Option<Rejected> {
        self.trouble.then_some(Rejected::Seal)
    }

    /// A frame has come.
    pub(super) fn handle_frame(&mut self) {
        self.trouble = false;
    }
}

#[cfg(feature = "srtp")]
impl Protection {
    /// Does `work` with a datagram that is an RTP packet, opened. `None`: it is not the stream's.
    pub(super) fn with_datagram<R>(&mut self, datagram: &[u8], work: impl FnOnce(&[u8]) -> R) -> Option<R> {
        if self.ciphers.is_none() {
            return Some(work(datagram));
        }
        let mut room = [0; MAX_SEALED];
        let copy = room.get_mut(..datagram.len())?;
        copy.copy_from_slice(datagram);
        self.open(copy).map(work)
    }

    /// An RTP packet, opened where it lies. `None`: it is not the stream's.
    pub(super) fn open<'p>(&mut self, packet: &'p mut [u8]) -> Option<&'p [u8]> {
        let Some((opener, _)) = &mut self.ciphers else { return Some(packet) };
        match opener.open(packet) {
            Ok(len) => packet.get(..len),
            // Good networks bring packets twice.
            Err(crate::srtp::Rejected::Replayed) => None,
            Err(_) => {
                self.trouble = true;
                None
            }
        }
    }

    /// Does `work` with reports of the server's, opened. `None`: they are not its.
    pub(super) fn with_reports<R>(&mut self, compound: &[u8], work: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let Some((opener, _)) = &mut self.ciphers else { return Some(work(compound)) };
        let mut room = [0; MAX_SEALED];
        let copy = room.get_mut(..compound.len())?;
        copy.copy_from_slice(compound);
        let len = opener.open_report(copy).ok()?;
        copy.get(..len).map(work)
    }

    /// Seals the reports of ours that are the first `len` bytes of `buffer`; how long they are then. `None`: there is no room.
    pub(super) fn seal(&mut self, buffer: &mut [u8], len: usize) -> Option<usize> {
        let Some((_, sealer)) = &mut self.ciphers else { return Some(len) };
        let mut room = [0; super::MAX_DATAGRAM];
        let copy = room.get_mut(..len)?;
        copy.copy_from_slice(buffer.get(..len)?);
        sealer.seal_report(copy, buffer)
    }
}

#[cfg(not(feature = "srtp"))]
#[allow(clippy::unused_self, reason = "the same calls as with ciphers")]
impl Protection {
    pub(super) fn with_datagram<R>(&mut self, datagram: &[u8], work: impl FnOnce(&[u8]) -> R) -> Option<R> {
        Some(work(datagram))
    }

    pub(super) fn open<'p>(&mut self, packet: &'p mut [u8]) -> Option<&'p [u8]> {
        Some(packet)
    }

    pub(super) fn with_reports<R>(&mut self, compound: &[u8], work: impl FnOnce(&[u8]) -> R) -> Option<R> {
        Some(work(compound))
    }

    pub(super) fn seal(&mut self, _: &mut [u8], len: usize) -> Option<usize> {
        Some(len)
    }
}

impl fmt::Debug for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Protection")
    }
}
