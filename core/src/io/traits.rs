//! What the core asks of a platform.

use crate::time::Instant;
use core::net::SocketAddr;
use embedded_io::ErrorType;

/// A connected byte stream that can be asked before it would block.
///
/// `embedded-io` reads and writes block by contract, so the pumps ask `read_ready` and `write_ready` before **every** single call.
/// `write_ready` must be true on a dead connection, so that the error is seen.
pub trait Stream: embedded_io::Read + embedded_io::Write + embedded_io::ReadReady + embedded_io::WriteReady {}

impl<T: embedded_io::Read + embedded_io::Write + embedded_io::ReadReady + embedded_io::WriteReady + ?Sized> Stream
    for T
{
}

/// A datagram socket; never blocks.
pub trait Datagram: ErrorType {
    /// Sends one datagram made of `segments`. `false`: no room, nothing was sent, try again when writable.
    fn send(&mut self, to: SocketAddr, segments: &[&[u8]]) -> Result<bool, Self::Error>;

    /// How many datagrams [`send_train`](Self::send_train) takes at the most.
    fn max_train(&self) -> usize {
        1
    }

    /// Sends several datagrams at once: `segments` end to end, cut every `size` bytes, the last one may be shorter.
    /// All or nothing, like [`send`](Self::send). At most [`max_train`](Self::max_train) datagrams.
    fn send_train(&mut self, to: SocketAddr, size: usize, segments: &[&[u8]]) -> Result<bool, Self::Error> {
        let _ = size;
        self.send(to, segments)
    }

    /// Lends the next received datagram to `f`; `None` where none waits.
    fn recv<R>(&mut self, f: impl FnOnce(SocketAddr, &[u8]) -> R) -> Result<Option<R>, Self::Error>;
}

/// The platform's monotonic clock. Only pumps' callers use it; machines are told the time.
pub trait Clock {
    /// The time now.
    fn now(&self) -> Instant;
}
