//! TCP: the core's [`Stream`] on a smoltcp socket.
//!
//! smoltcp never blocks, `embedded-io` does by contract. What stands between them is the question asked before every
//! call: where it was answered with "ready", a call gives bytes, the end of the file or an error at once. A call that
//! nobody asked for and that would have had to block fails with [`Error::NotReady`], because `Ok(0)` would mean that the
//! peer has closed.

use core::fmt;
use embedded_io::{ErrorKind, ErrorType, Read, ReadReady, Write, WriteReady};
use mutoscope::io::Stream;
use smoltcp::socket::tcp::{RecvError, Socket, State};

/// A TCP socket for as long as a pump needs it. Plain data: make one for every turn.
#[derive(Debug)]
pub struct TcpStream<'s, 'b> {
    socket: &'s mut Socket<'b>,
}

impl<'s, 'b> TcpStream<'s, 'b> {
    /// Borrows a socket that is connected, connecting, or was connected. One that listens counts as broken.
    pub fn new(socket: &'s mut Socket<'b>) -> Self {
        Self { socket }
    }

    /// The handshake is under way: nothing can be said about either direction yet.
    fn is_connecting(&self) -> bool {
        matches!(self.socket.state(), State::SynSent | State::SynReceived)
    }

    /// Why neither direction works any more.
    fn broken(&self) -> Error {
        match self.socket.state() {
            State::Listen => Error::NotConnected,
            State::Closed => Error::Reset,
            _ => Error::Closed,
        }
    }
}

/// Why a stream gives or takes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The socket listens, and has no peer.
    NotConnected,
    /// The peer reset the connection, has not answered for too long, or the socket was aborted.
    Reset,
    /// Our half is closed already.
    Closed,
    /// The call would have blocked: ask `read_ready` or `write_ready` first.
    NotReady,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotConnected => "not connected",
            Self::Reset => "connection reset or timed out",
            Self::Closed => "this half of the connection is closed",
            Self::NotReady => "not ready",
        })
    }
}

impl core::error::Error for Error {}

impl embedded_io::Error for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotConnected => ErrorKind::NotConnected,
            Self::Reset => ErrorKind::ConnectionReset,
            Self::Closed => ErrorKind::BrokenPipe,
            Self::NotReady => ErrorKind::TimedOut,
        }
    }
}

impl ErrorType for TcpStream<'_, '_> {
    type Error = Error;
}

impl ReadReady for TcpStream<'_, '_> {
    /// True also where the next read tells the end of the file or an error.
    fn read_ready(&mut self) -> Result<bool, Error> {
        Ok(!self.is_connecting() && (self.socket.can_recv() || !self.socket.may_recv()))
    }
}

impl WriteReady for TcpStream<'_, '_> {
    /// True also where the next write tells an error.
    fn write_ready(&mut self) -> Result<bool, Error> {
        Ok(!self.is_connecting() && (self.socket.can_send() || !self.socket.may_send()))
    }
}

impl Read for TcpStream<'_, '_> {
    /// `Ok(0)` for a buffer that is not empty: the peer has closed, and all it sent was read.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.is_connecting() {
            return Err(Error::NotReady);
        }
        match self.socket.recv_slice(buffer) {
            // smoltcp's way to say that nothing has come yet.
            Ok(0) => Err(Error::NotReady),
            Ok(n) => Ok(n),
            Err(RecvError::Finished) => Ok(0),
            Err(RecvError::InvalidState) => Err(self.broken()),
        }
    }
}

impl Write for TcpStream<'_, '_> {
    /// Takes what the transmit buffer has room for; it leaves at the next [`poll`](smoltcp::iface::Interface::poll).
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        if bytes.is_empty() {
            return Ok(0);
        }
        if self.is_connecting() {
            return Err(Error::NotReady);
        }
        match self.socket.send_slice(bytes) {
            Ok(0) => Err(Error::NotReady),
            Ok(n) => Ok(n),
            Err(_) => Err(self.broken()),
        }
    }

    /// Nothing is kept back here: what was written is the stack's.
    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// smoltcp takes what fits into its buffer: one segment after the other is as good as all of them in one call.
impl Stream for TcpStream<'_, '_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::{Network, SERVER, tcp_socket};
    use mutoscope::time::Duration;
    use smoltcp::iface::SocketHandle;

    const PORT: u16 = 8554;

    struct Pair {
        network: Network,
        server: SocketHandle,
        client: SocketHandle,
    }

    impl Pair {
        /// Our side listens, theirs has sent nothing yet. Receive and transmit buffers of `size` bytes.
        fn listening(size: usize) -> Self {
            let mut network = Network::new(1);
            let server = network.server.sockets.add(tcp_socket(size));
            let client = network.client.sockets.add(tcp_socket(size));
            network.server.sockets.get_mut::<Socket<'_>>(server).listen(PORT).unwrap();
            Self { network, server, client }
        }

        fn connected(size: usize) -> Self {
            let mut pair = Self::listening(size);
            pair.network.client.connect(pair.client, SERVER, PORT, 50_000);
            pair.settle();
            pair
        }

        fn settle(&mut self) {
            self.network.run_for(Duration::from_millis(100));
        }

        fn ours(&mut self) -> TcpStream<'_, 'static> {
            TcpStream::new(self.network.server.sockets.get_mut(self.server))
        }

        fn theirs(&mut self) -> &mut Socket<'static> {
            self.network.client.sockets.get_mut(self.client)
        }
    }

    fn ready(stream: &mut TcpStream<'_, '_>) -> (bool, bool) {
        (stream.read_ready().unwrap(), stream.write_ready().unwrap())
    }

    #[test]
    fn bytes_travel_both_ways() {
        let mut pair = Pair::connected(64);
        assert_eq!(ready(&mut pair.ours()), (false, true));
        pair.theirs().send_slice(b"to us").unwrap();
        assert_eq!(pair.ours().write(b"to them").unwrap(), 7);
        pair.settle();
        let mut buffer = [0; 16];
        assert_eq!(pair.ours().read(&mut buffer[..2]).unwrap(), 2);
        assert_eq!(pair.ours().read(&mut buffer[2..]).unwrap(), 3);
        assert_eq!(&buffer[..5], b"to us");
        assert_eq!(pair.theirs().recv_slice(&mut buffer).unwrap(), 7);
        assert_eq!(&buffer[..7], b"to them");
    }

    #[test]
    fn nothing_yet_is_neither_ready_nor_the_end() {
        let mut pair = Pair::connected(64);
        assert!(!pair.ours().read_ready().unwrap());
        assert_eq!(pair.ours().read(&mut [0; 8]), Err(Error::NotReady));
        assert_eq!(pair.ours().read(&mut []), Ok(0));
    }

    #[test]
    fn the_end_of_file_comes_after_the_last_byte_and_stays() {
        let mut pair = Pair::connected(64);
        pair.theirs().send_slice(b"bye").unwrap();
        pair.theirs().close();
        pair.settle();
        let mut buffer = [0; 8];
        assert!(pair.ours().read_ready().unwrap());
        assert_eq!(pair.ours().read(&mut buffer), Ok(3));
        for _ in 0..2 {
            assert!(pair.ours().read_ready().unwrap());
            assert_eq!(pair.ours().read(&mut buffer), Ok(0));
        }
        // Their half is closed, ours is not.
        assert_eq!(pair.ours().write(b"answer"), Ok(6));
    }

    #[test]
    fn a_full_transmit_buffer_is_not_ready_until_the_peer_reads() {
        let mut pair = Pair::connected(16);
        let mut written = 0;
        while pair.ours().write_ready().unwrap() {
            written += pair.ours().write(&[7; 10]).unwrap();
            pair.settle();
        }
        // Their receive buffer and our transmit buffer.
        assert_eq!(written, 32);
        assert_eq!(pair.ours().write(b"more"), Err(Error::NotReady));
        assert_eq!(pair.theirs().recv_slice(&mut [0; 16]), Ok(16));
        pair.network.run_for(Duration::from_secs(2));
        assert!(pair.ours().write_ready().unwrap());
    }

    #[test]
    fn a_reset_connection_is_ready_so_that_its_error_is_seen() {
        let mut pair = Pair::connected(64);
        pair.theirs().abort();
        pair.settle();
        assert_eq!(ready(&mut pair.ours()), (true, true));
        assert_eq!(pair.ours().read(&mut [0; 8]), Err(Error::Reset));
        assert_eq!(pair.ours().write(b"x"), Err(Error::Reset));
        assert_eq!(embedded_io::Error::kind(&Error::Reset), ErrorKind::ConnectionReset);
    }

    #[test]
    fn our_closed_half_takes_nothing_and_the_other_one_still_reads() {
        let mut pair = Pair::connected(64);
        pair.network.server.sockets.get_mut::<Socket<'_>>(pair.server).close();
        pair.settle();
        assert_eq!(pair.ours().write_ready(), Ok(true));
        assert_eq!(pair.ours().write(b"x"), Err(Error::Closed));
        assert_eq!(pair.ours().read_ready(), Ok(false));
        pair.theirs().send_slice(b"late").unwrap();
        pair.settle();
        assert_eq!(pair.ours().read(&mut [0; 8]), Ok(4));
    }

    #[test]
    fn a_handshake_under_way_is_not_ready_and_a_listening_socket_is_broken() {
        let mut pair = Pair::listening(64);
        assert_eq!(ready(&mut pair.ours()), (true, true));
        assert_eq!(pair.ours().read(&mut [0; 8]), Err(Error::NotConnected));
        assert_eq!(pair.ours().write(b"x"), Err(Error::NotConnected));
        let (client, port) = (pair.client, PORT);
        pair.network.client.connect(client, SERVER, port, 50_000);
        let mut connecting = TcpStream::new(pair.network.client.sockets.get_mut(client));
        assert_eq!(ready(&mut connecting), (false, false));
        assert_eq!(connecting.read(&mut [0; 8]), Err(Error::NotReady));
        assert_eq!(connecting.write(b"x"), Err(Error::NotReady));
    }
}
