//! A TLS session on a stream that never blocks.

use std::io::{self, IoSlice, Read as _, Write as _};

use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};
use mutoscope::io::Stream;
use rustls::{ClientConnection, Connection, ServerConnection};

/// Most plain bytes that are sealed at once where the stream inside takes all that it is given: a usual frame is one call to the
/// system, which costs more than to seal it.
const WIDE: usize = 32 * 1024;
/// The same where it was full a moment ago: what it does not take, sealed, is kept here.
const NARROW: usize = 4 * 1024;
/// Segments of one write.
const MAX_SEGMENTS: usize = 16;
/// Reads in one call that bring neither a plain byte nor the end of a handshake. Whoever sends that much of TLS's own messages
/// wants to keep us busy: the longest record comes in five, and the longest handshake that is taken in seventeen.
const MAX_IDLE_READS: usize = 32;

/// A stream inside of a TLS session on `S`, of the server's or the client's side.
///
/// All that waits for the stream inside happens in [`drive`](Self::drive), which each read and write calls first. Whoever
/// registers the stream inside for readiness calls it also when that can take bytes again and there is nothing to write.
pub struct Tls<S: Stream<Error = io::Error>> {
    inner: S,
    session: Connection,
    /// Plain bytes that can be read at once.
    plain: usize,
    /// No more bytes come: the peer said so, or the stream inside is at its end.
    is_ended: bool,
    /// The session failed, and why.
    failure: Option<rustls::Error>,
    /// Our side has said that it sends no more.
    is_closed: bool,
    /// What has been read of records.
    records: Records,
    /// How often plain bytes came.
    deliveries: u64,
}

impl<S: Stream<Error = io::Error>> Tls<S> {
    /// The server's side.
    pub fn server(inner: S, session: ServerConnection) -> Self {
        Self::new(inner, session.into())
    }

    /// The client's side.
    pub fn client(inner: S, session: ClientConnection) -> Self {
        Self::new(inner, session.into())
    }

    fn new(inner: S, mut session: Connection) -> Self {
        session.set_buffer_limit(Some(WIDE));
        Self {
            inner,
            session,
            plain: 0,
            is_ended: false,
            failure: None,
            is_closed: false,
            records: Records::default(),
            deliveries: 0,
        }
    }

    /// The stream inside.
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    /// The stream inside. What is read and written there is missed in the session.
    pub const fn inner_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Whether the handshake goes on.
    pub fn is_handshaking(&self) -> bool {
        self.session.is_handshaking()
    }

    /// Whether the peer owes the rest of a handshake or of a record; then how often plain bytes have come. Whoever sends such things
    /// byte by byte sends nothing that others could see.
    pub fn owes(&self) -> Option<u64> {
        (self.session.is_handshaking() || self.records.is_midway()).then_some(self.deliveries)
    }

    /// Why the session failed, if it did.
    pub const fn failure(&self) -> Option<&rustls::Error> {
        self.failure.as_ref()
    }

    /// Whether no more bytes come.
    pub const fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Whether sealed bytes wait for room in the stream inside.
    pub fn is_pending(&self) -> bool {
        self.session.wants_write()
    }

    /// Moves what can be moved now, in both directions.
    ///
    /// # Errors
    /// Those of the stream inside, and [`InvalidData`](io::ErrorKind::InvalidData) where the [session failed](Self::failure).
    pub fn drive(&mut self) -> io::Result<()> {
        self.push()?;
        self.pull()?;
        self.push()
    }

    /// Says that our side sends no more, as far as the stream inside takes that.
    ///
    /// # Errors
    /// Those of the stream inside.
    pub fn close(&mut self) -> io::Result<()> {
        if !std::mem::replace(&mut self.is_closed, true) {
            self.session.send_close_notify();
        }
        self.push()
    }

    /// Writes sealed bytes as far as the stream inside takes them.
    fn push(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut Inside(&mut self.inner, &mut self.records)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                result => result?,
            };
        }
        Ok(())
    }

    /// Reads sealed bytes until there are plain ones, or no more.
    fn pull(&mut self) -> io::Result<()> {
        if let Some(error) = &self.failure {
            return Err(invalid(error));
        }
        let mut idle_reads = 0;
        while self.plain == 0 && !self.is_ended {
            let was_handshaking = self.session.is_handshaking();
            match self.session.read_tls(&mut Inside(&mut self.inner, &mut self.records)) {
                Ok(0) => self.is_ended = true,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
            if idle_reads == MAX_IDLE_READS {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "nothing comes but messages of TLS's own"));
            }
            match self.session.process_new_packets() {
                Ok(state) => {
                    self.plain = state.plaintext_bytes_to_read();
                    self.deliveries += u64::from(self.plain > 0);
                    self.is_ended |= state.peer_has_closed();
                }
                Err(error) => {
                    // The peer is told why; that it cannot be is no matter any more.
                    let _ = self.push();
                    let told = invalid(&error);
                    self.failure = Some(error);
                    return Err(told);
                }
            }
            idle_reads = if was_handshaking && !self.session.is_handshaking() { 0 } else { idle_reads + 1 };
            // An answer of the handshake that cannot leave must not let others pile up behind it.
            self.push()?;
            if self.session.wants_write() {
                return Ok(());
            }
        }
        Ok(())
    }
}

fn invalid(error: &rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.clone())
}

impl<S: Stream<Error = io::Error>> ErrorType for Tls<S> {
    type Error = io::Error;
}

impl<S: Stream<Error = io::Error>> ReadReady for Tls<S> {
    fn read_ready(&mut self) -> io::Result<bool> {
        if self.plain == 0 {
            self.drive()?;
        }
        Ok(self.plain > 0 || self.is_ended)
    }
}

impl<S: Stream<Error = io::Error>> Read for Tls<S> {
    /// An end without a farewell is an end all the same: what RTSP says has ends of its own, and most clients just close.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.plain == 0 {
            self.drive()?;
        }
        if self.plain == 0 && self.is_ended {
            return Ok(0);
        }
        let read = self.session.reader().read(buffer)?;
        self.plain = self.plain.saturating_sub(read);
        Ok(read)
    }
}

impl<S: Stream<Error = io::Error>> WriteReady for Tls<S> {
    fn write_ready(&mut self) -> io::Result<bool> {
        if self.session.is_handshaking() || self.session.wants_write() {
            self.drive()?;
        }
        Ok(!self.session.is_handshaking() && !self.session.wants_write())
    }
}

impl<S: Stream<Error = io::Error>> Write for Tls<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.try_write(&[bytes])?.ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    /// As far as the stream inside takes it at once.
    fn flush(&mut self) -> io::Result<()> {
        self.push()
    }
}

impl<S: Stream<Error = io::Error>> Stream for Tls<S> {
    fn limit_backlog(&mut self, bytes: usize) {
        self.inner.limit_backlog(bytes);
    }

    fn try_write(&mut self, segments: &[&[u8]]) -> io::Result<Option<usize>> {
        let was_full = self.session.wants_write();
        if was_full || self.session.is_handshaking() {
            self.drive()?;
        }
        if self.session.is_handshaking() || self.session.wants_write() {
            return Ok(None);
        }
        if self.is_closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.session.set_buffer_limit(Some(if was_full { NARROW } else { WIDE }));
        let mut rest = [IoSlice::new(&[]); MAX_SEGMENTS];
        for (slice, segment) in rest.iter_mut().zip(segments) {
            *slice = IoSlice::new(segment);
        }
        let mut rest = &mut rest[..segments.len().min(MAX_SEGMENTS)];
        let mut taken = 0;
        loop {
            let sealed = self.session.writer().write_vectored(rest)?;
            if sealed == 0 {
                return Ok(Some(taken));
            }
            taken += sealed;
            IoSlice::advance_slices(&mut rest, sealed);
            self.push()?;
            if self.session.wants_write() {
                return Ok(Some(taken));
            }
        }
    }
}

impl<S: Stream<Error = io::Error>> Drop for Tls<S> {
    /// A peer that reads on learns that this is the end and not a cut.
    fn drop(&mut self) {
        let _ = self.close();
    }
}

impl<S: Stream<Error = io::Error>> std::fmt::Debug for Tls<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let is_handshaking = self.is_handshaking();
        f.debug_struct("Tls").field("is_handshaking", &is_handshaking).field("failure", &self.failure).finish()
    }
}

/// Where records begin and end in what is read (RFC 8446 section 5.1), which the session does not tell.
#[derive(Default)]
struct Records {
    /// So many bytes of a header have come.
    header: usize,
    /// So many bytes of its record are still to come.
    left: usize,
}

impl Records {
    const HEADER: usize = 5;

    fn take(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.header < Self::HEADER {
                self.header += 1;
                // The last two bytes are the length.
                self.left = if self.header < 4 { 0 } else { self.left << 8 | usize::from(byte) };
                bytes = rest;
            } else {
                let taken = self.left.min(bytes.len());
                self.left -= taken;
                bytes = &bytes[taken..];
            }
            if self.header == Self::HEADER && self.left == 0 {
                self.header = 0;
            }
        }
    }

    const fn is_midway(&self) -> bool {
        self.header > 0
    }
}

/// The stream inside, as rustls knows streams.
struct Inside<'a, S>(&'a mut S, &'a mut Records);

impl<S: Stream<Error = io::Error>> io::Read for Inside<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Not asked first whether it has any: the call says so itself.
        let len = self.0.try_read(buffer)?.ok_or(io::ErrorKind::WouldBlock)?;
        self.1.take(buffer.get(..len).unwrap_or_default());
        Ok(len)
    }
}

impl<S: Stream<Error = io::Error>> io::Write for Inside<'_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(&[bytes])?.ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut segments: [&[u8]; MAX_SEGMENTS] = [&[]; MAX_SEGMENTS];
        for (segment, slice) in segments.iter_mut().zip(slices) {
            *segment = slice;
        }
        let segments = &segments[..slices.len().min(MAX_SEGMENTS)];
        self.0.try_write(segments)?.ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
