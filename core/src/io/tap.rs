//! Sockets through which somebody watches.

use super::{Datagram, Meta, Stream, Transmit};
use core::net::{IpAddr, SocketAddr};
use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};

/// Sees what goes through a [`Tap`]. What it does costs time where the bytes are moved: it should be brief.
pub trait Witness {
    /// Whether anybody watches at all. Where nobody does, nothing is told, and nothing is prepared for telling it.
    fn is_there(&self) -> bool {
        true
    }

    /// A stream has taken these bytes.
    fn wrote(&mut self, bytes: &[u8]) {
        let _ = bytes;
    }

    /// These bytes have come by a stream.
    fn read(&mut self, bytes: &[u8]) {
        let _ = bytes;
    }

    /// A socket has taken a datagram, which these segments make, end to end. `from`: the address of ours that it leaves from, where that was
    /// said.
    fn sent(&mut self, from: Option<IpAddr>, to: SocketAddr, segments: &mut dyn Iterator<Item = &[u8]>) {
        let _ = (from, to, segments);
    }

    /// A datagram has come.
    fn received(&mut self, meta: Meta, bytes: &[u8]) {
        let _ = (meta, bytes);
    }
}

/// A [`Stream`] or a [`Datagram`] socket, and a [`Witness`] of all that goes through it: a decorator for what shows or records a
/// conversation.
#[derive(Debug, Default)]
pub struct Tap<S, W> {
    inner: S,
    witness: W,
}

impl<S, W> Tap<S, W> {
    /// Around `inner`.
    pub const fn new(inner: S, witness: W) -> Self {
        Self { inner, witness }
    }

    /// The socket inside.
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    /// The socket inside; nobody sees what goes through it.
    pub const fn inner_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Who watches.
    pub const fn witness_mut(&mut self) -> &mut W {
        &mut self.witness
    }
}

impl<S: ErrorType, W> ErrorType for Tap<S, W> {
    type Error = S::Error;
}

impl<S: ReadReady, W> ReadReady for Tap<S, W> {
    fn read_ready(&mut self) -> Result<bool, S::Error> {
        self.inner.read_ready()
    }
}

impl<S: WriteReady, W> WriteReady for Tap<S, W> {
    fn write_ready(&mut self) -> Result<bool, S::Error> {
        self.inner.write_ready()
    }
}

impl<S: Read, W: Witness> Read for Tap<S, W> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, S::Error> {
        let read = self.inner.read(buffer)?;
        self.witness.read(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

impl<S: Write, W: Witness> Write for Tap<S, W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, S::Error> {
        let written = self.inner.write(bytes)?;
        self.witness.wrote(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> Result<(), S::Error> {
        self.inner.flush()
    }
}

impl<S: Stream, W: Witness> Stream for Tap<S, W> {
    fn try_write(&mut self, segments: &[&[u8]]) -> Result<Option<usize>, S::Error> {
        let taken = self.inner.try_write(segments)?;
        if !self.witness.is_there() {
            return Ok(taken);
        }
        for part in cut(segments, 0, taken.unwrap_or(0)) {
            self.witness.wrote(part);
        }
        Ok(taken)
    }

    fn try_read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, S::Error> {
        let read = self.inner.try_read(buffer)?;
        if let Some(read) = read {
            self.witness.read(buffer.get(..read).unwrap_or_default());
        }
        Ok(read)
    }

    fn limit_backlog(&mut self, bytes: usize) {
        self.inner.limit_backlog(bytes);
    }
}

impl<S: Datagram, W: Witness> Datagram for Tap<S, W> {
    fn send(&mut self, transmit: &Transmit<'_>) -> Result<usize, S::Error> {
        let sent = self.inner.send(transmit)?;
        if !self.witness.is_there() {
            return Ok(sent);
        }
        let size = transmit.segment_size.filter(|_| transmit.datagrams() > 1).unwrap_or_else(|| transmit.len());
        for number in 0..sent {
            let from = number.saturating_mul(size);
            self.witness.sent(transmit.from, transmit.to, &mut cut(transmit.segments, from, from.saturating_add(size)));
        }
        Ok(sent)
    }

    fn max_datagrams(&self) -> usize {
        self.inner.max_datagrams()
    }

    fn tells_room(&self) -> bool {
        self.inner.tells_room()
    }

    fn recv<R>(&mut self, f: impl FnOnce(Meta, &[u8]) -> R) -> Result<Option<R>, S::Error> {
        let Self { inner, witness } = self;
        inner.recv(|meta, bytes| {
            witness.received(meta, bytes);
            f(meta, bytes)
        })
    }
}

/// The parts of `segments` that make the bytes between two places of them, end to end.
fn cut<'a>(segments: &'a [&'a [u8]], from: usize, to: usize) -> impl Iterator<Item = &'a [u8]> {
    let mut at: usize = 0;
    segments.iter().filter_map(move |segment| {
        let begin = at;
        at = begin.saturating_add(segment.len());
        let part = from.saturating_sub(begin)..to.saturating_sub(begin).min(segment.len());
        segment.get(part).filter(|part| !part.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::convert::Infallible;
    use core::net::Ipv4Addr;
    use std::vec::Vec;

    const SOMEBODY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5004);

    /// Takes so many datagrams, and so many bytes.
    struct Narrow(usize);

    impl ErrorType for Narrow {
        type Error = Infallible;
    }

    impl Datagram for Narrow {
        fn send(&mut self, transmit: &Transmit<'_>) -> Result<usize, Infallible> {
            Ok(transmit.datagrams().min(self.0))
        }

        fn recv<R>(&mut self, f: impl FnOnce(Meta, &[u8]) -> R) -> Result<Option<R>, Infallible> {
            Ok(Some(f(Meta { from: SOMEBODY, to: None }, b"answer")))
        }
    }

    impl Read for Narrow {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
            buffer[..2].copy_from_slice(b"in");
            Ok(2)
        }
    }

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
            Ok(bytes.len().min(self.0))
        }

        fn flush(&mut self) -> Result<(), Infallible> {
            Ok(())
        }
    }

    impl ReadReady for Narrow {
        fn read_ready(&mut self) -> Result<bool, Infallible> {
            Ok(true)
        }
    }

    impl WriteReady for Narrow {
        fn write_ready(&mut self) -> Result<bool, Infallible> {
            Ok(true)
        }
    }

    impl Stream for Narrow {}

    #[derive(Default)]
    struct Notes(Vec<Vec<u8>>);

    impl Witness for Notes {
        fn wrote(&mut self, bytes: &[u8]) {
            self.0.push([b">", bytes].concat());
        }

        fn read(&mut self, bytes: &[u8]) {
            self.0.push([b"<", bytes].concat());
        }

        fn sent(&mut self, from: Option<IpAddr>, to: SocketAddr, segments: &mut dyn Iterator<Item = &[u8]>) {
            assert_eq!((from, to), (None, SOMEBODY));
            self.0.push(segments.fold(b"]".to_vec(), |all, part| [&all, part].concat()));
        }

        fn received(&mut self, meta: Meta, bytes: &[u8]) {
            assert_eq!(meta.from, SOMEBODY);
            self.0.push([b"[", bytes].concat());
        }
    }

    #[test]
    fn only_what_was_taken_is_seen_and_all_of_that() {
        let mut tap = Tap::new(Narrow(5), Notes::default());
        assert_eq!(tap.try_write(&[b"abc", b"", b"defghi", b"x"]), Ok(Some(8)));
        assert_eq!(
            (tap.write(b"GET it"), tap.try_read(&mut [0; 9]), tap.read(&mut [0; 9])),
            (Ok(5), Ok(Some(2)), Ok(2))
        );
        assert_eq!(tap.witness_mut().0, [&b">abc"[..], b">defgh", b">GET i", b"<in", b"<in"]);
    }

    #[test]
    fn trains_are_seen_as_the_datagrams_that_left() {
        let mut tap = Tap::new(Narrow(2), Notes::default());
        let train = Transmit { segment_size: Some(3), ..Transmit::one(SOMEBODY, &[b"ab", b"cdefg", b"hi"]) };
        assert_eq!(tap.send(&train), Ok(2));
        assert_eq!(tap.send(&Transmit::one(SOMEBODY, &[b"single", b"!"])), Ok(1));
        assert_eq!(tap.send(&Transmit { segment_size: Some(9), ..Transmit::one(SOMEBODY, &[b"short"]) }), Ok(1));
        assert_eq!(tap.send(&Transmit::one(SOMEBODY, &[])), Ok(1));
        assert_eq!(tap.recv(|_, bytes| bytes.len()), Ok(Some(6)));
        assert_eq!(tap.witness_mut().0, [&b"]abc"[..], b"]def", b"]single!", b"]short", b"]", b"[answer"]);
    }
}
