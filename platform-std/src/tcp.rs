//! TCP: the core's [`Stream`] on a non-blocking socket, and a listener.
//!
//! mio reports readiness once per change (edge-triggered). So a stream keeps what the events said in two flags: a lowered
//! flag answers "not ready" without a system call. Where a flag is raised, a call is tried, and lowers it when the kernel
//! takes less, or gives less, than it might. Stale or repeated events can therefore do no harm: what is answered is what the kernel
//! says at that moment.

use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};
use mio::event::{Event, Source};
use mio::{Interest, Registry, Token};
use mutoscope::io::Stream;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

/// Unsent bytes the kernel may hold before the socket counts as full. What lies in there is latency that the server
/// can no longer take back by skipping frames; less than a few frames of it would cost throughput. The event that there is
/// room again comes when half of it has left.
#[cfg(target_os = "linux")]
const UNSENT_LOW_WATER: u32 = 96 * 1024;

/// The least that the kernel's send buffer is limited to, in bytes: small frames would otherwise wait for each acknowledgement.
const LEAST_BACKLOG: usize = 64 * 1024;
/// The most. Systems have limits of their own below it.
const MOST_BACKLOG: usize = 4 * 1024 * 1024;
/// Linux takes twice what it is asked for, because it counts its overhead in. That is small where a frame is written at once: viewers
/// of a live source who had stopped reading kept 122 KB each of 64 that had been asked for.
const DOUBLED: usize = if cfg!(target_os = "linux") { 2 } else { 1 };

/// How many connections the kernel completes ahead of `accept`.
const BACKLOG: i32 = 128;

/// Most segments of one write: those of 32 packets, which leave together. What lies behind them is for the next.
const MAX_SEGMENTS: usize = 128;

/// A connected (or connecting) TCP stream that never blocks when it is asked first.
#[derive(Debug)]
pub struct TcpStream {
    inner: mio::net::TcpStream,
    readable: bool,
    writable: bool,
    /// The peer has closed its half: the end comes behind what is there, and no further event says so.
    is_ending: bool,
    /// Bytes that the kernel took since somebody asked.
    sent: u64,
    /// What the kernel's send buffer is limited to; 0: it grows as the system likes.
    backlog: usize,
}

impl TcpStream {
    /// Starts to connect. Register the stream, and ask [`is_connected`](Self::is_connected) when it becomes writable.
    pub fn connect(to: SocketAddr) -> io::Result<Self> {
        Ok(Self::new(mio::net::TcpStream::connect(to)?))
    }

    /// Takes a non-blocking stream over and sets its options. An option the system refuses is only a lost nicety.
    fn new(inner: mio::net::TcpStream) -> Self {
        let socket = SockRef::from(&inner);
        let keepalive = TcpKeepalive::new()
            .with_time(Duration::from_secs(30))
            .with_interval(Duration::from_secs(10))
            .with_retries(3);
        let outcomes = [
            socket.set_tcp_nodelay(true),
            socket.set_tcp_keepalive(&keepalive),
            #[cfg(target_os = "linux")]
            socket.set_tcp_notsent_lowat(UNSENT_LOW_WATER),
        ];
        for error in outcomes.into_iter().filter_map(Result::err) {
            log::debug!("TCP option refused: {error}");
        }
        // Raised: the first question goes to the kernel, whatever happened before the stream was registered.
        Self { inner, readable: true, writable: true, is_ending: false, sent: 0, backlog: 0 }
    }

    /// Whether the connection stands; `Ok(false)` while it is still being made, the error where that failed.
    pub fn is_connected(&self) -> io::Result<bool> {
        if let Some(error) = self.inner.take_error()? {
            return Err(error);
        }
        match self.inner.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes note of what an event of this stream says.
    pub fn handle_event(&mut self, event: &Event) {
        // A closed or failed stream is ready for both: the next call sees the end or the error.
        let over = event.is_error() || event.is_read_closed() && event.is_write_closed();
        self.is_ending |= event.is_read_closed() || over;
        self.readable |= event.is_readable() || event.is_read_closed() || over;
        self.writable |= event.is_writable() || event.is_write_closed() || over;
    }

    /// How many bytes the kernel took since it was asked last.
    pub(crate) const fn take_sent(&mut self) -> u64 {
        std::mem::replace(&mut self.sent, 0)
    }

    /// The peer's address.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.peer_addr()
    }

    /// Our own address on this connection.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// Closes our half: the peer reads an end of file behind the last byte written.
    pub fn shut_down_write(&self) -> io::Result<()> {
        self.inner.shutdown(Shutdown::Write)
    }

    /// Limits the kernel's send buffer, in bytes.
    pub fn set_send_buffer_size(&self, size: usize) -> io::Result<()> {
        SockRef::from(&self.inner).set_send_buffer_size(size)
    }
}

impl ErrorType for TcpStream {
    type Error = io::Error;
}

impl ReadReady for TcpStream {
    fn read_ready(&mut self) -> io::Result<bool> {
        self.readable = self.readable && is_ready(self.inner.as_fd(), PollFlags::POLLIN, Duration::ZERO)?;
        Ok(self.readable)
    }
}

impl WriteReady for TcpStream {
    fn write_ready(&mut self) -> io::Result<bool> {
        self.writable = self.writable && is_ready(self.inner.as_fd(), PollFlags::POLLOUT, Duration::ZERO)?;
        Ok(self.writable)
    }
}

impl Read for TcpStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        retry(|| io::Read::read(&mut self.inner, buffer))
    }
}

impl Write for TcpStream {
    /// What the kernel takes at once. Fails with `WouldBlock` where it takes nothing: [`Stream::try_write`] tells that apart
    /// from an error.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writable = true;
        self.try_write(&[bytes])?.ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    /// Nothing is buffered on this side of the kernel.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for TcpStream {
    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        if !self.readable {
            return Ok(None);
        }
        let result = retry(|| io::Read::read(&mut self.inner, buffer));
        // Where the kernel gives less than there is room for, it has no more, and its next event says when it has.
        let is_drained = result.as_ref().is_ok_and(|&read| 0 < read && read < buffer.len() && !self.is_ending);
        self.readable = !is_drained && !would_block(&result);
        if would_block(&result) { Ok(None) } else { result.map(Some) }
    }

    fn try_write(&mut self, segments: &[&[u8]]) -> io::Result<Option<usize>> {
        if !self.writable {
            return Ok(None);
        }
        let mut slices = [IoSlice::new(&[]); MAX_SEGMENTS];
        let (mut count, mut len) = (0, 0);
        for (slice, segment) in slices.iter_mut().zip(segments.iter().filter(|segment| !segment.is_empty())) {
            *slice = IoSlice::new(segment);
            count += 1;
            len += segment.len();
        }
        let slices = slices.get(..count).unwrap_or_default();
        let result = retry(|| io::Write::write_vectored(&mut self.inner, slices));
        // Where the kernel takes less than there is, it is full, and its next event says when it is not.
        self.writable = result.as_ref().is_ok_and(|&written| written == len);
        self.sent += result.as_ref().map_or(0, |&written| written as u64);
        if would_block(&result) { Ok(None) } else { result.map(Some) }
    }

    /// In powers of two, and only more than before: frames differ, and it is a system call.
    fn limit_backlog(&mut self, bytes: usize) {
        let backlog = bytes.clamp(LEAST_BACKLOG, MOST_BACKLOG).next_power_of_two();
        if backlog <= self.backlog {
            return;
        }
        self.backlog = backlog;
        if let Err(error) = self.set_send_buffer_size(backlog / DOUBLED) {
            log::debug!("TCP option refused: {error}");
        }
    }
}

impl Source for TcpStream {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.inner.register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.inner.reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.inner.deregister(registry)
    }
}

/// What [`Listener::accept`] found.
#[derive(Debug)]
pub enum Accepted {
    /// A new connection and the peer's address.
    Connection(TcpStream, SocketAddr),
    /// Nobody waits; the next event says when somebody does.
    Nobody,
    /// A connection died before it was accepted; the next one may be fine.
    Aborted,
    /// Out of file descriptors or memory: the connection still waits. Free something, or try again a little later;
    /// no event will tell.
    Exhausted(io::Error),
    /// The listener itself is broken.
    Failed(io::Error),
}

/// A listening socket.
#[derive(Debug)]
pub struct Listener {
    inner: mio::net::TcpListener,
}

impl Listener {
    /// Listens on `address`. `[::]` takes IPv4 as well, on every system.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { inner: mio::net::TcpListener::from_std(listen(address)?) })
    }

    /// Takes over a listener that is open already.
    pub fn adopt(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self { inner: mio::net::TcpListener::from_std(listener) })
    }

    /// The next waiting connection; never blocks.
    pub fn accept(&self) -> Accepted {
        match self.inner.accept() {
            Ok((stream, peer)) => Accepted::Connection(TcpStream::new(stream), peer),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Accepted::Nobody,
            Err(error) => match Errno::from_raw(error.raw_os_error().unwrap_or(0)) {
                Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM => Accepted::Exhausted(error),
                Errno::EBADF | Errno::EINVAL | Errno::ENOTSOCK | Errno::EOPNOTSUPP | Errno::EFAULT => {
                    Accepted::Failed(error)
                }
                // accept(2) hands on network errors that the new connection already has, and a firewall's EPERM.
                _ => Accepted::Aborted,
            },
        }
    }

    /// The address it listens on; tells the port where 0 was asked for.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

/// Whether connections can come to a socket. Where that cannot be asked, accepting them will tell.
pub(crate) fn is_listening(listener: &std::net::TcpListener) -> bool {
    #[cfg(any(target_os = "linux", target_os = "freebsd"))]
    return SockRef::from(listener).is_listener().unwrap_or(false);
    #[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
    return {
        let _ = listener;
        true
    };
}

/// A socket that listens and does not block.
pub(crate) fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.ip().is_unspecified() && address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // A server that restarts must not wait for the connections of its last run to be forgotten.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

impl Source for Listener {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.inner.register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.inner.reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.inner.deregister(registry)
    }
}

/// Whether the descriptor is ready now or within `patience`. Hung up and failed count: the next call shows the end or the error.
pub(crate) fn is_ready(fd: BorrowedFd<'_>, interest: PollFlags, patience: Duration) -> io::Result<bool> {
    let mut fds = [PollFd::new(fd, interest)];
    let timeout = PollTimeout::try_from(patience).unwrap_or(PollTimeout::MAX);
    // Again after a signal, which says nothing about the descriptor: a wrong yes would look like a broken connection.
    retry(|| Ok(poll(&mut fds, timeout)? > 0))
}

/// Repeats a call that a signal interrupted.
pub(crate) fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Whether a non-blocking call found no room or nothing to read.
pub(crate) fn would_block<T>(result: &io::Result<T>) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::{Events, Poll};

    const SECOND: Duration = Duration::from_secs(1);

    /// Two ends of one connection over loopback; the first is registered with the poll.
    fn pair() -> (Poll, TcpStream, TcpStream) {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let poll = Poll::new().unwrap();
        let mut near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        poll.registry().register(&mut near, Token(1), Interest::READABLE | Interest::WRITABLE).unwrap();
        is_ready(listener.inner.as_fd(), PollFlags::POLLIN, SECOND).unwrap();
        let Accepted::Connection(far, peer) = listener.accept() else { panic!("nobody connected") };
        assert_eq!(peer, near.local_addr().unwrap());
        (poll, near, far)
    }

    /// Waits for events and hands them to the stream.
    fn wait(poll: &mut Poll, stream: &mut TcpStream) {
        let mut events = Events::with_capacity(4);
        poll.poll(&mut events, Some(SECOND)).unwrap();
        events.iter().for_each(|event| stream.handle_event(event));
    }

    #[test]
    fn a_stream_is_readable_only_while_bytes_wait() {
        let (mut poll, mut near, mut far) = pair();
        wait(&mut poll, &mut near);
        assert!(near.is_connected().unwrap());
        assert!(!near.read_ready().unwrap());
        assert_eq!(far.write(b"hello").unwrap(), 5);
        wait(&mut poll, &mut near);
        let mut buffer = [0; 8];
        assert!(near.read_ready().unwrap());
        assert_eq!(near.read(&mut buffer[..3]).unwrap(), 3);
        assert!(near.read_ready().unwrap(), "two bytes still wait, and no event says so");
        assert_eq!(near.read(&mut buffer).unwrap(), 2);
        assert!(!near.read_ready().unwrap());
    }

    #[test]
    fn a_full_socket_is_writable_again_when_the_peer_has_read() {
        let (mut poll, mut near, mut far) = pair();
        wait(&mut poll, &mut near);
        let chunk = [7; 32 * 1024];
        let mut written = 0;
        while let Some(taken) = near.try_write(&[&chunk, &chunk]).unwrap() {
            written += taken;
        }
        assert!(!near.writable, "a lowered flag answers without asking the kernel");
        let mut read = 0;
        let mut buffer = vec![0; 256 * 1024];
        while read < written {
            assert!(is_ready(far.inner.as_fd(), PollFlags::POLLIN, SECOND).unwrap());
            read += far.read(&mut buffer).unwrap();
        }
        wait(&mut poll, &mut near);
        assert!(near.write_ready().unwrap());
    }

    #[test]
    fn the_send_buffer_follows_what_is_worth_keeping_but_does_not_shrink() {
        let (mut poll, mut near, _far) = pair();
        wait(&mut poll, &mut near);
        let limited = |stream: &TcpStream| SockRef::from(&stream.inner).send_buffer_size().unwrap();
        let sizes = [1, 2 * 25_000, 80_000, 1, 70_000].map(|bytes| {
            near.limit_backlog(bytes);
            limited(&near)
        });
        assert_eq!(sizes, [65_536, 65_536, 131_072, 131_072, 131_072]);
        let chunk = [7; 32 * 1024];
        let mut written = 0;
        while let Some(taken) = near.try_write(&[&chunk]).unwrap() {
            written += taken;
        }
        near.limit_backlog(usize::MAX);
        assert!(limited(&near) >= sizes[4] && written > 0);
    }

    #[test]
    fn the_end_of_a_stream_is_readable() {
        let (mut poll, mut near, far) = pair();
        wait(&mut poll, &mut near);
        drop(far);
        wait(&mut poll, &mut near);
        assert!(near.read_ready().unwrap());
        assert_eq!(near.read(&mut [0; 8]).unwrap(), 0);
    }

    #[test]
    fn a_dead_connection_is_ready_so_that_its_error_is_seen() {
        let (mut poll, mut near, far) = pair();
        SockRef::from(&far.inner).set_linger(Some(Duration::ZERO)).unwrap();
        drop(far);
        while !near.read_ready().unwrap() {
            wait(&mut poll, &mut near);
        }
        near.writable = true;
        assert!(near.write_ready().unwrap());
        assert!(near.read(&mut [0; 8]).is_err());
        assert!(near.write(b"anyone?").is_err());
    }

    #[test]
    fn a_refused_connection_reports_its_error() {
        let unused = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap().local_addr().unwrap();
        let refused = TcpStream::connect(unused).and_then(|mut stream| {
            let mut poll = Poll::new()?;
            poll.registry().register(&mut stream, Token(1), Interest::WRITABLE)?;
            wait(&mut poll, &mut stream);
            stream.is_connected()
        });
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }

    #[test]
    fn nobody_waits_at_a_fresh_listener() {
        let listener =
            Listener::bind("[::]:0".parse().unwrap()).or_else(|_| Listener::bind("0.0.0.0:0".parse().unwrap()));
        assert!(matches!(listener.unwrap().accept(), Accepted::Nobody));
    }

    #[test]
    fn a_taken_port_is_an_error() {
        let first = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let error = Listener::bind(first.local_addr().unwrap()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
