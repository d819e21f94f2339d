//! UDP: the core's [`Datagram`] on a non-blocking socket, many packets per system call where the system can.
//!
//! One socket serves every receiver, so an error about one of them must not look like an error of the socket: a send
//! that fails returns the error to the caller who knows whom it was meant for, and what the network reports later of
//! earlier datagrams is dropped on receive.

use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::time::Duration;

use embedded_io::ErrorType;
use mio::event::{Event, Source};
use mio::{Interest, Registry, Token};
use mutoscope::io::Datagram;
use nix::errno::Errno;
use nix::poll::PollFlags;
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};

use crate::tcp::{is_ready, retry};

/// Datagrams per [`send_train`](Datagram::send_train): the core's bursts, so that each is one system call. A frame of a
/// typical camera is one train.
pub const MAX_TRAIN: usize = 32;

/// Bytes per train: what an IPv4 packet can carry. The kernel splits a train after routing it as one packet.
const MAX_TRAIN_BYTES: usize = 65_507;

/// Segments per call: head and payload of each packet of a train, with room to spare.
const MAX_SEGMENTS: usize = 2 * MAX_TRAIN + 4;

/// How long the rest of a train waits for room where it has to leave one by one.
const TRAIN_PATIENCE: Duration = Duration::from_millis(5);

/// How often [`bind_pair`] tries to find two neighbouring ports before it gives up.
const PAIR_ATTEMPTS: usize = 64;

/// Sizes of a socket's buffers, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The largest datagram that is received whole.
    pub max_datagram: usize,
    /// What the kernel keeps of received datagrams (`SO_RCVBUF`); `None`: the system's default.
    pub receive_buffer: Option<usize>,
    /// What the kernel keeps of datagrams to be sent (`SO_SNDBUF`); `None`: the system's default.
    pub send_buffer: Option<usize>,
}

impl Options {
    /// A server's sockets: they send bursts to many receivers and receive short reports.
    pub const SERVER: Self =
        Self { max_datagram: 2048, receive_buffer: Some(256 * 1024), send_buffer: Some(1024 * 1024) };

    /// A client's sockets: they receive whatever UDP can carry, and bursts of it.
    pub const CLIENT: Self = Self { max_datagram: 65_535, receive_buffer: Some(1024 * 1024), send_buffer: None };
}

/// A UDP socket that never blocks.
#[derive(Debug)]
pub struct UdpSocket {
    inner: mio::net::UdpSocket,
    received: Box<[u8]>,
    trains: bool,
    writable: bool,
}

impl UdpSocket {
    /// Binds to `address`; port 0 lets the system choose. `[::]` takes IPv4 as well, on every system.
    pub fn bind(address: SocketAddr, options: Options) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.ip().is_unspecified() && address.is_ipv6() {
            socket.set_only_v6(false)?;
        }
        socket.set_nonblocking(true)?;
        // Best effort: the system caps both silently, and a smaller buffer still works.
        if let Some(size) = options.receive_buffer {
            let _ = socket.set_recv_buffer_size(size);
        }
        if let Some(size) = options.send_buffer {
            let _ = socket.set_send_buffer_size(size);
        }
        socket.bind(&address.into())?;
        let inner = mio::net::UdpSocket::from_std(socket.into());
        let trains = train::is_supported(&inner);
        Ok(Self { inner, received: vec![0; options.max_datagram].into_boxed_slice(), trains, writable: true })
    }

    /// The address it is bound to; tells the port where 0 was asked for.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// Whether the kernel had no room for the last datagram. A writable event ends it; on systems that run out of
    /// buffers without such an event (`ENOBUFS`), so does time: try again after some milliseconds.
    pub fn is_blocked(&self) -> bool {
        !self.writable
    }

    /// Takes note of what an event of this socket says.
    pub fn handle_event(&mut self, event: &Event) {
        self.writable |= event.is_writable();
    }

    /// Segments that lie end to end, `len` bytes at a time, each piece by `send`. Where the kernel fills up in the middle,
    /// the rest waits a moment and is then lost, as UDP may: "nothing was sent" would be untrue and make receivers see the
    /// first part twice.
    fn send_pieces(
        &mut self,
        len: usize,
        segments: &[&[u8]],
        mut send: impl FnMut(&mut Self, &[&[u8]]) -> io::Result<bool>,
    ) -> io::Result<bool> {
        let mut rest = Pieces { segments, skip: 0 };
        let mut first = true;
        while let Some((piece, count)) = rest.cut(len) {
            let piece = piece.get(..count).unwrap_or_default();
            if !send(self, piece)? {
                if first {
                    return Ok(false);
                }
                is_ready(self.inner.as_fd(), PollFlags::POLLOUT, TRAIN_PATIENCE)?;
                if !send(self, piece)? {
                    log::debug!("no room for the rest of a train");
                    return Ok(true);
                }
            }
            first = false;
        }
        Ok(true)
    }

    /// A train's datagrams one after the other.
    fn send_singly(&mut self, to: SocketAddr, size: usize, segments: &[&[u8]]) -> io::Result<bool> {
        self.send_pieces(size, segments, |socket, datagram| socket.send(to, datagram))
    }

    /// A train that one system call can take.
    fn send_at_once(&mut self, to: SocketAddr, size: u16, segments: &[&[u8]]) -> io::Result<bool> {
        let mut slices = [IoSlice::new(&[]); MAX_SEGMENTS];
        let slices = gather(segments, &mut slices)?;
        let result = retry(|| train::send(&self.inner, to, size, slices));
        self.writable = true;
        match result {
            Ok(_) => Ok(true),
            Err(error) if is_full(&error) => {
                self.writable = false;
                Ok(false)
            }
            Err(error) => match Errno::from_raw(error.raw_os_error().unwrap_or(0)) {
                // The path to this receiver takes smaller packets than these: only it pays for that.
                Errno::EINVAL | Errno::EMSGSIZE => self.send_singly(to, size.into(), segments),
                // The device, its driver or a tunnel cannot: no use to ask again.
                Errno::EIO | Errno::EOPNOTSUPP | Errno::ENOPROTOOPT => {
                    log::debug!("no trains of datagrams any more: {error}");
                    self.trains = false;
                    self.send_singly(to, size.into(), segments)
                }
                _ => Err(error),
            },
        }
    }
}

impl ErrorType for UdpSocket {
    type Error = io::Error;
}

impl Datagram for UdpSocket {
    /// An error concerns this destination (unreachable, forbidden by a firewall, datagram too long), not the socket.
    fn send(&mut self, to: SocketAddr, segments: &[&[u8]]) -> io::Result<bool> {
        let mut slices = [IoSlice::new(&[]); MAX_SEGMENTS];
        let slices = gather(segments, &mut slices)?;
        let to = SockAddr::from(to);
        let result = retry(|| SockRef::from(&self.inner).send_to_vectored(slices, &to));
        self.writable = true;
        match result {
            Ok(_) => Ok(true),
            Err(error) if is_full(&error) => {
                self.writable = false;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn max_train(&self) -> usize {
        if self.trains { MAX_TRAIN } else { 1 }
    }

    fn send_train(&mut self, to: SocketAddr, size: usize, segments: &[&[u8]]) -> io::Result<bool> {
        let total: usize = segments.iter().map(|segment| segment.len()).sum();
        if total <= size {
            return self.send(to, segments);
        }
        let each = u16::try_from(size).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        match MAX_TRAIN_BYTES.checked_div(size) {
            // Two datagrams are too many for one call already.
            None | Some(0 | 1) => self.send_singly(to, size, segments),
            _ if !self.trains => self.send_singly(to, size, segments),
            Some(most) if total > most * size => {
                self.send_pieces(most * size, segments, |socket, piece| socket.send_train(to, size, piece))
            }
            Some(_) => self.send_at_once(to, each, segments),
        }
    }

    fn recv<R>(&mut self, f: impl FnOnce(SocketAddr, &[u8]) -> R) -> io::Result<Option<R>> {
        loop {
            match self.inner.recv_from(&mut self.received) {
                Ok((len, from)) => return Ok(Some(f(from, self.received.get(..len).unwrap_or_default()))),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                // News of an earlier send, about somebody who is not the caller's concern now. Reading it removed it.
                Err(error) if is_about_a_peer(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Source for UdpSocket {
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

/// Two sockets on neighbouring ports, the even one for RTP, the odd one for RTCP (RFC 3550 section 11): on `first_port`
/// and the next, or on any free pair where none is named. Fails with `InvalidInput` where `first_port` is odd or 0.
pub fn bind_pair(host: IpAddr, first_port: Option<u16>, options: Options) -> io::Result<(UdpSocket, UdpSocket)> {
    if let Some(port) = first_port {
        return bind_exact_pair(host, port, options);
    }
    let mut last_error = io::Error::from(io::ErrorKind::AddrInUse);
    // Kept until the end, so that the system does not offer the same port again.
    let mut unlucky = Vec::new();
    for _ in 0..PAIR_ATTEMPTS {
        let one = UdpSocket::bind(SocketAddr::new(host, 0), options)?;
        let port = one.local_addr()?.port();
        match UdpSocket::bind(SocketAddr::new(host, port ^ 1), options) {
            Ok(other) if port.is_multiple_of(2) => return Ok((one, other)),
            Ok(other) => return Ok((other, one)),
            Err(error) => last_error = error,
        }
        unlucky.push(one);
    }
    Err(last_error)
}

/// Like [`bind_pair`], but goes on to the next even port while a pair is taken: what a receiver does that only prefers
/// its port. Gives up with the last error at the end of the port range.
pub fn bind_pair_from(host: IpAddr, first_port: u16, options: Options) -> io::Result<(UdpSocket, UdpSocket)> {
    let mut port = first_port;
    loop {
        let result = bind_exact_pair(host, port, options);
        match (result, port.checked_add(2)) {
            (Err(error), Some(next)) if error.kind() == io::ErrorKind::AddrInUse => port = next,
            (result, _) => return result,
        }
    }
}

fn bind_exact_pair(host: IpAddr, port: u16, options: Options) -> io::Result<(UdpSocket, UdpSocket)> {
    if port == 0 || !port.is_multiple_of(2) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "an RTP port is even"));
    }
    let rtp = UdpSocket::bind(SocketAddr::new(host, port), options)?;
    let rtcp = UdpSocket::bind(SocketAddr::new(host, port | 1), options)?;
    Ok((rtp, rtcp))
}

/// Segments as the system takes them.
fn gather<'s, 'b>(segments: &[&'b [u8]], slices: &'s mut [IoSlice<'b>; MAX_SEGMENTS]) -> io::Result<&'s [IoSlice<'b>]> {
    let slices = slices.get_mut(..segments.len()).ok_or(io::ErrorKind::InvalidInput)?;
    for (slice, segment) in slices.iter_mut().zip(segments) {
        *slice = IoSlice::new(segment);
    }
    Ok(slices)
}

/// Cuts segments that lie end to end into pieces of equal length.
struct Pieces<'a, 'b> {
    segments: &'a [&'b [u8]],
    /// Bytes of the first segment that have left.
    skip: usize,
}

impl<'b> Pieces<'_, 'b> {
    /// The next piece of at most `len` bytes as segments and their count; `None` after the last.
    fn cut(&mut self, len: usize) -> Option<([&'b [u8]; MAX_SEGMENTS], usize)> {
        let mut piece = [&[][..]; MAX_SEGMENTS];
        let mut count = 0;
        let mut room = len;
        while let Some((&segment, rest)) = self.segments.split_first()
            && room > 0
        {
            let left = segment.get(self.skip..).unwrap_or_default();
            let taken = left.get(..room).unwrap_or(left);
            *piece.get_mut(count)? = taken;
            count += 1;
            room -= taken.len();
            if taken.len() == left.len() {
                self.segments = rest;
                self.skip = 0;
            } else {
                self.skip += taken.len();
            }
        }
        (room < len).then_some((piece, count))
    }
}

/// No room in the kernel: nothing was sent, and nobody is to blame.
fn is_full(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(Errno::ENOBUFS as i32)
}

/// What ICMP said of some earlier datagram's receiver; or a signal came.
fn is_about_a_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, HostUnreachable, Interrupted, NetworkUnreachable};
    matches!(error.kind(), ConnectionRefused | ConnectionReset | HostUnreachable | NetworkUnreachable | Interrupted)
        || matches!(
            Errno::from_raw(error.raw_os_error().unwrap_or(0)),
            Errno::EPROTO | Errno::EHOSTDOWN | Errno::ENOPROTOOPT | Errno::EMSGSIZE
        )
}

/// Generic segmentation offload: the kernel takes one long buffer and cuts it into datagrams as late as it can. Several
/// times cheaper than a call per packet; `sendmmsg` is not.
#[cfg(target_os = "linux")]
mod train {
    use super::*;
    use nix::sys::socket::{ControlMessage, MsgFlags, SockaddrStorage, getsockopt, sendmsg, sockopt};
    use std::os::fd::AsRawFd;

    /// Whether this kernel knows `UDP_SEGMENT` (Linux 4.18).
    pub(super) fn is_supported(socket: &mio::net::UdpSocket) -> bool {
        getsockopt(socket, sockopt::UdpGsoSegment).is_ok()
    }

    pub(super) fn send(
        socket: &mio::net::UdpSocket,
        to: SocketAddr,
        size: u16,
        slices: &[IoSlice<'_>],
    ) -> io::Result<usize> {
        let control = [ControlMessage::UdpGsoSegments(&size)];
        let to = SockaddrStorage::from(to);
        Ok(sendmsg(socket.as_raw_fd(), slices, &control, MsgFlags::MSG_NOSIGNAL, Some(&to))?)
    }
}

#[cfg(not(target_os = "linux"))]
mod train {
    use super::*;

    pub(super) fn is_supported(_: &mio::net::UdpSocket) -> bool {
        false
    }

    pub(super) fn send(_: &mio::net::UdpSocket, _: SocketAddr, _: u16, _: &[IoSlice<'_>]) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn socket() -> UdpSocket {
        UdpSocket::bind(SocketAddr::new(LOOPBACK, 0), Options::CLIENT).unwrap()
    }

    fn next(socket: &mut UdpSocket) -> Vec<u8> {
        is_ready(socket.inner.as_fd(), PollFlags::POLLIN, Duration::from_secs(1)).unwrap();
        socket.recv(|_, bytes| bytes.to_vec()).unwrap().expect("a datagram")
    }

    #[test]
    fn segments_arrive_as_one_datagram() {
        let (mut near, mut far) = (socket(), socket());
        assert_eq!(far.recv(|_, _| ()).unwrap(), None);
        assert!(near.send(far.local_addr().unwrap(), &[b"head", b"", b"payload"]).unwrap());
        assert_eq!(next(&mut far), b"headpayload");
        assert_eq!(far.recv(|_, _| ()).unwrap(), None);
    }

    #[test]
    fn a_train_arrives_as_datagrams_of_one_size_and_a_shorter_last_one() {
        // Packet boundaries fall into the middle of segments.
        let bytes: Vec<u8> = (0..=255).cycle().take(3 * 1000 + 137).collect();
        let segments: Vec<&[u8]> = bytes.chunks(768).collect();
        let expected: Vec<&[u8]> = bytes.chunks(1000).collect();
        for trains in [true, false] {
            let (mut near, mut far) = (socket(), socket());
            near.trains &= trains;
            assert!(near.send_train(far.local_addr().unwrap(), 1000, &segments).unwrap());
            for datagram in &expected {
                assert_eq!(next(&mut far), *datagram);
            }
            assert_eq!(far.recv(|_, _| ()).unwrap(), None);
        }
    }

    #[test]
    fn a_train_longer_than_an_ip_packet_still_arrives() {
        // One datagram a call, three a call, and many, none of which divides the whole.
        for (size, count) in [(40_000, 3), (20_000, 4), (9_000, 20)] {
            let (mut near, mut far) = (socket(), socket());
            let bytes: Vec<u8> = (0..=255).cycle().take(size * count - 100).collect();
            let (head, tail) = bytes.split_at(12_345);
            assert!(near.send_train(far.local_addr().unwrap(), size, &[head, tail]).unwrap());
            for datagram in bytes.chunks(size) {
                assert!(next(&mut far) == datagram, "{count} of {size}");
            }
            assert_eq!(far.recv(|_, _| ()).unwrap(), None);
        }
    }

    #[test]
    fn an_error_of_one_destination_leaves_the_socket_usable() {
        let (mut near, mut far) = (socket(), socket());
        let too_long = vec![0; 65_536];
        assert!(near.send(far.local_addr().unwrap(), &[&too_long]).is_err());
        let nobody = socket().local_addr().unwrap();
        for _ in 0..3 {
            assert!(near.send(nobody, &[b"anyone?"]).unwrap());
            assert_eq!(near.recv(|_, _| ()).unwrap(), None);
        }
        assert!(near.send(far.local_addr().unwrap(), &[b"still here"]).unwrap());
        assert_eq!(next(&mut far), b"still here");
    }

    #[test]
    fn a_pair_is_an_even_port_and_the_next() {
        let (rtp, rtcp) = bind_pair(LOOPBACK, None, Options::SERVER).unwrap();
        let (even, odd) = (rtp.local_addr().unwrap().port(), rtcp.local_addr().unwrap().port());
        assert!(even.is_multiple_of(2));
        assert_eq!(odd, even + 1);

        let taken = bind_pair(LOOPBACK, Some(even), Options::SERVER).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
        let (next, _) = bind_pair_from(LOOPBACK, even, Options::CLIENT).unwrap();
        assert!(next.local_addr().unwrap().port() > odd);
        assert_eq!(bind_pair(LOOPBACK, Some(odd), Options::SERVER).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
