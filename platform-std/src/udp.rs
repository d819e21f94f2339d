//! UDP: the core's [`Datagram`] on a non-blocking socket, many packets per system call where the system can.
//!
//! One socket serves every receiver, so an error about one of them must not look like an error of the socket: a send
//! that fails returns the error to the caller who knows whom it was meant for, and what the network reports later of
//! earlier datagrams is dropped on receive.

use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};

use embedded_io::ErrorType;
use mio::event::{Event, Source};
use mio::{Interest, Registry, Token};
use mutoscope::io::{Datagram, Meta, Transmit};
use mutoscope::wire::rtp::MAX_DATAGRAM;
use nix::errno::Errno;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::tcp::retry;

/// Datagrams of one [`send`](Datagram::send): the core's bursts, so that each is one system call. A frame of a typical
/// camera is one train.
pub const MAX_TRAIN: usize = 32;

/// Segments of one [`send`](Datagram::send): headers, payload and trailer of each packet of a train, with room to spare.
const MAX_SEGMENTS: usize = 3 * MAX_TRAIN + 4;

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
    /// Tell which address of ours a datagram came to ([`Meta::to`]), where the socket is bound to all of them.
    pub tell_destination: bool,
}

impl Options {
    /// A server's sockets: they send bursts to many receivers and receive short reports.
    pub const SERVER: Self = Self {
        max_datagram: 2048,
        receive_buffer: Some(256 * 1024),
        send_buffer: Some(1024 * 1024),
        tell_destination: true,
    };

    /// A server's sockets that publishers send to: as a client's.
    pub const RECORDING_SERVER: Self =
        Self { max_datagram: 65_535, receive_buffer: Some(4 * 1024 * 1024), ..Self::SERVER };

    /// A client's sockets: they receive whatever UDP can carry, and bursts of it.
    pub const CLIENT: Self =
        Self { max_datagram: 65_535, receive_buffer: Some(1024 * 1024), send_buffer: None, tell_destination: false };
}

/// A UDP socket that never blocks.
#[derive(Debug)]
pub struct UdpSocket {
    inner: mio::net::UdpSocket,
    received: Box<[u8]>,
    /// Bound to all addresses of the host: the one that a datagram leaves from has to be said.
    everywhere: bool,
    /// The system writes the address that a datagram was sent to in here. `None` if it is not asked to.
    told: Option<Box<[u8]>>,
    trains: bool,
    writable: bool,
    /// Bytes that left since somebody asked.
    sent: u64,
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
        let everywhere = address.ip().is_unspecified();
        let told = (everywhere && options.tell_destination && message::tell_destination(&inner, address))
            .then(|| vec![0; message::TOLD].into_boxed_slice());
        let trains = message::can_send_trains(&inner);
        let received = vec![0; options.max_datagram].into_boxed_slice();
        Ok(Self { inner, received, everywhere, told, trains, writable: true, sent: 0 })
    }

    /// The same socket once more, to send from another thread. It receives nothing: what comes is the other one's.
    pub(crate) fn share(&self) -> io::Result<Self> {
        let socket = SockRef::from(&self.inner).try_clone()?;
        let inner = mio::net::UdpSocket::from_std(socket.into());
        let (everywhere, trains) = (self.everywhere, self.trains);
        Ok(Self { inner, received: Box::default(), everywhere, told: None, trains, writable: true, sent: 0 })
    }

    /// The address it is bound to; tells the port where 0 was asked for.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// How many bytes left since it was asked last.
    pub(crate) const fn take_sent(&mut self) -> u64 {
        std::mem::replace(&mut self.sent, 0)
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

    /// Sends one datagram, or a train of several that one system call can take. `false`: there is no room, nothing left.
    fn send_at_once(
        &mut self,
        to: SocketAddr,
        from: Option<IpAddr>,
        slices: &[IoSlice<'_>],
        train: Option<u16>,
    ) -> io::Result<bool> {
        // A socket that is bound to one address sends from that one anyway.
        let from = from.filter(|from| self.everywhere && from.is_ipv4() == to.is_ipv4());
        let result = retry(|| message::send(&self.inner, to, from, slices, train));
        self.writable = !result.as_ref().is_err_and(is_full);
        self.sent += result.as_ref().map_or(0, |&sent| sent as u64);
        match result {
            Ok(_) => Ok(true),
            Err(_) if !self.writable => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether a train failed only because it is one: its datagrams can leave one by one.
    fn can_leave_singly(&mut self, error: &io::Error) -> bool {
        match Errno::from_raw(error.raw_os_error().unwrap_or(0)) {
            // The path to this receiver takes smaller packets than these: only it pays for that.
            Errno::EINVAL | Errno::EMSGSIZE => true,
            // The device, its driver or a tunnel cannot: no use to ask again.
            Errno::EIO | Errno::EOPNOTSUPP | Errno::ENOPROTOOPT => {
                log::debug!("no trains of datagrams any more: {error}");
                self.trains = false;
                true
            }
            _ => false,
        }
    }
}

impl ErrorType for UdpSocket {
    type Error = io::Error;
}

impl Datagram for UdpSocket {
    /// An error concerns this destination (unreachable, forbidden by a firewall, datagram too long), not the socket.
    fn send(&mut self, transmit: &Transmit<'_>) -> io::Result<usize> {
        let Transmit { to, from, segments, segment_size } = *transmit;
        let mut slices = [IoSlice::new(&[]); MAX_SEGMENTS];
        let Some(size) = segment_size.filter(|&size| size > 0 && size < transmit.len()) else {
            let (_, count) = Pieces { segments, skip: 0 }.cut(usize::MAX, &mut slices)?;
            let slices = slices.get(..count).unwrap_or_default();
            return self.send_at_once(to, from, slices, None).map(usize::from);
        };
        // What the kernel takes at once: it routes a train as one packet, before it cuts it.
        let mut most = if self.trains { (MAX_DATAGRAM / size).max(1) } else { 1 };
        let (mut rest, mut sent) = (Pieces { segments, skip: 0 }, 0);
        while !rest.segments.is_empty() {
            let mut next = rest;
            let (len, count) = next.cut(most.saturating_mul(size), &mut slices)?;
            let slices = slices.get(..count).unwrap_or_default();
            let train = if len > size { u16::try_from(size).ok() } else { None };
            match self.send_at_once(to, from, slices, train) {
                Ok(true) => (rest, sent) = (next, sent + len.div_ceil(size)),
                Ok(false) => break,
                Err(error) if train.is_some() && self.can_leave_singly(&error) => most = 1,
                Err(error) if sent == 0 => return Err(error),
                // The next call begins with the one that failed, and tells its error.
                Err(_) => break,
            }
        }
        Ok(sent)
    }

    fn max_datagrams(&self) -> usize {
        if self.trains { MAX_TRAIN } else { 1 }
    }

    fn recv<R>(&mut self, f: impl FnOnce(Meta, &[u8]) -> R) -> io::Result<Option<R>> {
        loop {
            let received = match &mut self.told {
                Some(told) => message::receive(&self.inner, &mut self.received, told),
                None => self.inner.recv_from(&mut self.received).map(|(len, from)| (len, Meta { from, to: None })),
            };
            match received {
                Ok((len, meta)) => return Ok(Some(f(meta, self.received.get(..len).unwrap_or_default()))),
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

/// Cuts segments that lie end to end into pieces of equal length.
#[derive(Clone, Copy)]
struct Pieces<'a, 'b> {
    segments: &'a [&'b [u8]],
    /// Bytes of the first segment that have left.
    skip: usize,
}

impl<'b> Pieces<'_, 'b> {
    /// Cuts off the next piece of at most `len` bytes: how many bytes it has, and how many slices.
    fn cut(&mut self, len: usize, slices: &mut [IoSlice<'b>; MAX_SEGMENTS]) -> io::Result<(usize, usize)> {
        let (mut count, mut room) = (0, len);
        while let Some((&segment, rest)) = self.segments.split_first()
            && room > 0
        {
            let left = segment.get(self.skip..).unwrap_or_default();
            let taken = left.get(..room).unwrap_or(left);
            // Most packets have no trailer.
            if !taken.is_empty() {
                *slices.get_mut(count).ok_or(io::ErrorKind::InvalidInput)? = IoSlice::new(taken);
                count += 1;
            }
            room -= taken.len();
            if taken.len() == left.len() {
                self.segments = rest;
                self.skip = 0;
            } else {
                self.skip += taken.len();
            }
        }
        Ok((len - room, count))
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

/// What is said to the system beside the bytes of a datagram, and what it tells.
mod message {
    use super::*;
    use nix::libc;
    use nix::sys::socket::{
        ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, setsockopt, sockopt,
    };
    use std::io::IoSliceMut;
    use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
    use std::os::fd::AsRawFd;

    /// Bytes for what the system tells of a received datagram: more than either address takes.
    pub(super) const TOLD: usize = 128;

    /// Sends one datagram, or several of `train` bytes each. Those leave by generic segmentation offload: the kernel takes
    /// one long buffer and cuts it into datagrams as late as it can. That is several times cheaper than a call per packet;
    /// `sendmmsg` is not.
    pub(super) fn send(
        socket: &mio::net::UdpSocket,
        to: SocketAddr,
        from: Option<IpAddr>,
        slices: &[IoSlice<'_>],
        train: Option<u16>,
    ) -> io::Result<usize> {
        let source = from.map(|from| Source::new(from, to));
        let (source, train) = (source.as_ref().map(Source::message), train.as_ref().map(cut));
        let both;
        let control: &[ControlMessage<'_>] = match (&source, &train) {
            (Some(source), Some(train)) => {
                both = [*train, *source];
                &both
            }
            (Some(one), None) | (None, Some(one)) => std::slice::from_ref(one),
            (None, None) => &[],
        };
        let to = SockaddrStorage::from(to);
        Ok(sendmsg(socket.as_raw_fd(), slices, control, MsgFlags::empty(), Some(&to))?)
    }

    /// The address a datagram leaves from, as the system takes it.
    enum Source {
        #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
        V4(libc::in_pktinfo),
        #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
        V4(libc::in_addr),
        V6(libc::in6_pktinfo),
    }

    impl Source {
        fn new(from: IpAddr, to: SocketAddr) -> Self {
            let interface = match to {
                // A link-local address is one only together with its interface.
                SocketAddr::V6(to) => to.scope_id(),
                SocketAddr::V4(_) => 0,
            };
            match from {
                IpAddr::V4(from) => {
                    let address = libc::in_addr { s_addr: u32::from_ne_bytes(from.octets()) };
                    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
                    return Self::V4(libc::in_pktinfo {
                        ipi_ifindex: 0,
                        ipi_spec_dst: address,
                        ipi_addr: libc::in_addr { s_addr: 0 },
                    });
                    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
                    Self::V4(address)
                }
                IpAddr::V6(from) => Self::V6(libc::in6_pktinfo {
                    ipi6_addr: libc::in6_addr { s6_addr: from.octets() },
                    ipi6_ifindex: interface,
                }),
            }
        }

        fn message(&self) -> ControlMessage<'_> {
            match self {
                #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
                Self::V4(info) => ControlMessage::Ipv4PacketInfo(info),
                #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
                Self::V4(address) => ControlMessage::Ipv4SendSrcAddr(address),
                Self::V6(info) => ControlMessage::Ipv6PacketInfo(info),
            }
        }
    }

    /// Whether this kernel knows `UDP_SEGMENT` (Linux 4.18).
    #[cfg(target_os = "linux")]
    pub(super) fn can_send_trains(socket: &mio::net::UdpSocket) -> bool {
        nix::sys::socket::getsockopt(socket, sockopt::UdpGsoSegment).is_ok()
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn can_send_trains(_: &mio::net::UdpSocket) -> bool {
        false
    }

    #[cfg(target_os = "linux")]
    fn cut(size: &u16) -> ControlMessage<'_> {
        ControlMessage::UdpGsoSegments(size)
    }

    #[cfg(not(target_os = "linux"))]
    fn cut(_: &u16) -> ControlMessage<'_> {
        unreachable!("no train is made where none can be sent")
    }

    /// Asks the system to tell where datagrams came to; whether it will.
    pub(super) fn tell_destination(socket: &mio::net::UdpSocket, bound: SocketAddr) -> bool {
        match bound {
            #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
            SocketAddr::V4(_) => setsockopt(socket, sockopt::Ipv4PacketInfo, &true).is_ok(),
            #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
            SocketAddr::V4(_) => setsockopt(socket, sockopt::Ipv4RecvDstAddr, &true).is_ok(),
            SocketAddr::V6(_) => setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &true).is_ok(),
        }
    }

    /// Receives a datagram and what the system tells of it.
    pub(super) fn receive(
        socket: &mio::net::UdpSocket,
        buffer: &mut [u8],
        told: &mut [u8],
    ) -> io::Result<(usize, Meta)> {
        let mut slices = [IoSliceMut::new(buffer)];
        let message = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut slices, Some(told), MsgFlags::empty())?;
        let from = message.address.as_ref().and_then(address).ok_or(io::ErrorKind::InvalidData)?;
        let to = message.cmsgs().ok().and_then(|mut told| told.find_map(|told| destination(&told)));
        Ok((message.bytes, Meta { from, to }))
    }

    fn address(address: &SockaddrStorage) -> Option<SocketAddr> {
        let v4 = address.as_sockaddr_in().map(|address| SocketAddrV4::from(*address).into());
        v4.or_else(|| address.as_sockaddr_in6().map(|address| SocketAddrV6::from(*address).into()))
    }

    fn destination(told: &ControlMessageOwned) -> Option<IpAddr> {
        match told {
            #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
            ControlMessageOwned::Ipv4PacketInfo(info) => {
                Some(Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes()).into())
            }
            #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
            ControlMessageOwned::Ipv4RecvDstAddr(address) => Some(Ipv4Addr::from(address.s_addr.to_ne_bytes()).into()),
            ControlMessageOwned::Ipv6PacketInfo(info) => Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::is_ready;
    use nix::poll::PollFlags;
    use std::net::Ipv4Addr;
    use std::os::fd::AsFd;
    use std::time::Duration;

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
        assert_eq!(near.send(&Transmit::one(far.local_addr().unwrap(), &[b"head", b"", b"payload"])).unwrap(), 1);
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
            let train = Transmit { segment_size: Some(1000), ..Transmit::one(far.local_addr().unwrap(), &segments) };
            assert_eq!(near.send(&train).unwrap(), 4);
            for datagram in &expected {
                assert_eq!(next(&mut far), *datagram);
            }
            assert_eq!(far.recv(|_, _| ()).unwrap(), None);
        }
    }

    #[test]
    fn a_datagram_and_a_train_leave_from_the_address_that_is_asked_for_and_their_destination_is_told() {
        for (everywhere, prefix) in [("0.0.0.0:0", ""), ("[::]:0", "::ffff:")] {
            let mut far = UdpSocket::bind(everywhere.parse().unwrap(), Options::SERVER).unwrap();
            let mut near = UdpSocket::bind(everywhere.parse().unwrap(), Options::SERVER).unwrap();
            let address = |host: &str| -> IpAddr { format!("{prefix}{host}").parse().unwrap() };
            let to = SocketAddr::new(address("127.0.0.3"), far.local_addr().unwrap().port());
            for (from, segment_size) in [("127.0.0.2", None), ("127.0.0.4", Some(5)), ("127.0.0.1", None)] {
                let from = Some(address(from));
                let transmit = Transmit { to, from, segments: &[b"one, ", b"and two"], segment_size };
                let count = near.send(&transmit).unwrap();
                assert_eq!(count, segment_size.map_or(1, |size| 12_usize.div_ceil(size)));
                for _ in 0..count {
                    is_ready(far.inner.as_fd(), PollFlags::POLLIN, Duration::from_secs(1)).unwrap();
                    let meta = far.recv(|meta, _| meta).unwrap().expect("a datagram");
                    assert_eq!((Some(meta.from.ip()), meta.to), (from, Some(to.ip())), "{everywhere}");
                }
            }
        }
    }

    #[test]
    fn a_train_longer_than_an_ip_packet_still_arrives() {
        // One datagram a call, three a call, and many, none of which divides the whole.
        for (size, count) in [(40_000, 3), (20_000, 4), (9_000, 20)] {
            let (mut near, mut far) = (socket(), socket());
            let bytes: Vec<u8> = (0..=255).cycle().take(size * count - 100).collect();
            let (head, tail) = bytes.split_at(12_345);
            let (to, segments) = (far.local_addr().unwrap(), [head, tail]);
            let train = Transmit { segment_size: Some(size), ..Transmit::one(to, &segments) };
            assert_eq!(near.send(&train).unwrap(), count);
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
        assert!(near.send(&Transmit::one(far.local_addr().unwrap(), &[&too_long])).is_err());
        let nobody = socket().local_addr().unwrap();
        for _ in 0..3 {
            assert_eq!(near.send(&Transmit::one(nobody, &[b"anyone?"])).unwrap(), 1);
            assert_eq!(near.recv(|_, _| ()).unwrap(), None);
        }
        assert_eq!(near.send(&Transmit::one(far.local_addr().unwrap(), &[b"still here"])).unwrap(), 1);
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
