//! What the core asks of a platform.

use crate::time::Instant;
use core::net::{IpAddr, SocketAddr};
use embedded_io::ErrorType;

/// A connected byte stream that can be asked before it would block.
///
/// `embedded-io` reads and writes block by contract, so the pumps read with [`try_read`](Self::try_read) and write with
/// [`try_write`](Self::try_write) only. `write_ready` must be true on a dead connection, so that the error is seen.
///
/// A type that has the four traits of `embedded-io` becomes a stream by an empty `impl`.
pub trait Stream: embedded_io::Read + embedded_io::Write + embedded_io::ReadReady + embedded_io::WriteReady {
    /// Writes `segments` end to end as far as the stream takes them at once, and gives the number of bytes it took.
    /// `None`: the call would block, nothing was taken.
    ///
    /// A stream that can write several segments in one call, or that learns from the call itself whether it would
    /// block, does better than this default: it asks `write_ready` before each segment.
    fn try_write(&mut self, segments: &[&[u8]]) -> Result<Option<usize>, Self::Error> {
        let mut taken: usize = 0;
        for segment in segments.iter().filter(|segment| !segment.is_empty()) {
            // What has been taken is to be told, and the next call finds the error again.
            let written = match self.write_ready() {
                Ok(true) => self.write(segment),
                Ok(false) => return Ok(Some(taken).filter(|&taken| taken > 0)),
                Err(error) => Err(error),
            };
            match written {
                Ok(written) => {
                    taken = taken.saturating_add(written);
                    if written < segment.len() {
                        break;
                    }
                }
                Err(error) if taken == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(Some(taken))
    }

    /// Reads what has come, as far as it fits into `buffer`; 0 bytes are the end of the stream. `None`: the call would block.
    ///
    /// A stream that learns from the call itself whether it would block does better than this default, which asks `read_ready`.
    fn try_read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Self::Error> {
        if self.read_ready()? { self.read(buffer).map(Some) } else { Ok(None) }
    }

    /// No more than about so many bytes are worth keeping on their way: what lies there comes late, and cannot be left out any
    /// more. A stream whose buffer grows by itself limits it to that.
    fn limit_backlog(&mut self, _bytes: usize) {}
}

impl<T: Stream + ?Sized> Stream for &mut T {
    fn try_write(&mut self, segments: &[&[u8]]) -> Result<Option<usize>, Self::Error> {
        (**self).try_write(segments)
    }

    fn try_read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Self::Error> {
        (**self).try_read(buffer)
    }

    fn limit_backlog(&mut self, bytes: usize) {
        (**self).limit_backlog(bytes);
    }
}

/// One datagram to send, or several of equal size for the same destination.
#[derive(Clone, Copy, Debug)]
pub struct Transmit<'a> {
    /// Where it goes.
    pub to: SocketAddr,
    /// The address of ours that it leaves from; `None` leaves the choice to the system. Address translators, and clients
    /// that are careful, take datagrams only from the address that they know.
    pub from: Option<IpAddr>,
    /// The bytes, end to end.
    pub segments: &'a [&'a [u8]],
    /// `None`: all bytes are one datagram. Otherwise a datagram begins every so many bytes, and the last one may be
    /// shorter.
    pub segment_size: Option<usize>,
}

impl<'a> Transmit<'a> {
    /// One datagram to `to`, from whichever address the system chooses.
    pub const fn one(to: SocketAddr, segments: &'a [&'a [u8]]) -> Self {
        Self { to, from: None, segments, segment_size: None }
    }

    /// All bytes together.
    #[expect(clippy::len_without_is_empty, reason = "a datagram without bytes is one all the same")]
    pub fn len(&self) -> usize {
        self.segments.iter().fold(0, |len, segment| len.saturating_add(segment.len()))
    }

    /// The number of datagrams that the bytes make.
    pub fn datagrams(&self) -> usize {
        match self.segment_size {
            Some(size @ 1..) => self.len().div_ceil(size).max(1),
            Some(0) | None => 1,
        }
    }
}

/// What is known of a received datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Meta {
    /// The sender's address.
    #[cfg_attr(feature = "defmt", defmt(Display2Format))]
    pub from: SocketAddr,
    /// The address of ours that it was sent to, where the system tells.
    #[cfg_attr(feature = "defmt", defmt(Debug2Format))]
    pub to: Option<IpAddr>,
}

/// A datagram socket; never blocks.
pub trait Datagram: ErrorType {
    /// Sends what `transmit` holds, and gives the number of datagrams that left, from the first one on. Fewer than there
    /// are: the socket has no room for the rest now; send that again when it has. An error is about the first datagram
    /// that did not leave, and about this destination.
    ///
    /// At most [`max_datagrams`](Self::max_datagrams) at once.
    fn send(&mut self, transmit: &Transmit<'_>) -> Result<usize, Self::Error>;

    /// How many datagrams [`send`](Self::send) takes in one call.
    fn max_datagrams(&self) -> usize {
        1
    }

    /// Whether those who find no room here are told when they have some, by
    /// [`Peer::handle_room`](crate::io::server::Peer::handle_room): so they need not try again by themselves.
    fn tells_room(&self) -> bool {
        false
    }

    /// Lends the next received datagram to `f`; `None` where none waits.
    fn recv<R>(&mut self, f: impl FnOnce(Meta, &[u8]) -> R) -> Result<Option<R>, Self::Error>;
}

/// The platform's monotonic clock. Only pumps' callers use it; machines are told the time.
pub trait Clock {
    /// The time now.
    fn now(&self) -> Instant;
}
