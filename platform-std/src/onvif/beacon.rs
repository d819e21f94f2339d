//! The socket of WS-Discovery: UDP port 3702 of 239.255.255.250, in the networks in which the web server can be reached.

use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mutoscope::io::Clock;
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockRef, Socket, Type};
use tokio::io::Interest;
use tokio::time::{Instant, sleep_until};

use super::discovery::{MOST_DATAGRAM, Responder};
use super::neighbours::{self, Interface};
use super::{Device, PATHS};
use crate::clock::MonotonicClock;

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);
const PORT: u16 = 3702;
/// After so long a time it is looked whether there are other networks.
const LOOK: Duration = Duration::from_secs(30);
/// An answer to all's question comes within so long a time (`APP_MAX_DELAY` is 500 ms), so that not all devices answer at once.
const LONGEST_DELAY: u16 = 250;
/// Answers that wait.
const MOST_WAITING: usize = 32;

/// Answers probes until it is told to stop.
#[derive(Debug)]
pub(crate) struct Beacon {
    socket: UdpSocket,
    responder: Responder,
    /// Where the web server listens, and with which scheme.
    pages: Vec<(SocketAddr, &'static str)>,
    interfaces: Vec<Interface>,
    joined: BTreeSet<Ipv4Addr>,
    clock: MonotonicClock,
}

/// A datagram.
struct Received {
    len: usize,
    from: SocketAddr,
    /// The interface, and the address that it was sent to.
    came_in_at: u32,
    to: Ipv4Addr,
}

/// An answer that waits.
struct Waiting {
    until: Instant,
    to: SocketAddr,
    text: String,
}

enum Event {
    Stop,
    Readable,
    Time,
}

impl Beacon {
    /// Opens the socket for a device whose web server listens at `pages`, each with its scheme.
    ///
    /// # Errors
    /// The port cannot be shared, or the system does not tell where datagrams come in.
    pub(crate) fn open(device: &Device, pages: Vec<(SocketAddr, &'static str)>) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        // Others on this machine may answer for their devices.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.set_multicast_loop_v4(true)?;
        socket.set_multicast_ttl_v4(1)?;
        // Only what we joined ourselves.
        #[cfg(target_os = "linux")]
        socket.set_multicast_all_v4(false)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT)).into())?;
        let socket = UdpSocket::from(socket);
        message::tell_interface(&socket)?;
        let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let responder = Responder::new(device.clone(), began);
        let clock = MonotonicClock::new();
        Ok(Self { socket, responder, pages, interfaces: Vec::new(), joined: BTreeSet::new(), clock })
    }

    /// Answers those whom `lets_in` lets in until `stop` is done. Says hello in each network, and goodbye.
    pub(crate) async fn serve(mut self, lets_in: impl Fn(SocketAddr) -> bool, stop: impl Future) -> io::Result<()> {
        let socket = tokio::net::UdpSocket::from_std(self.socket.try_clone()?)?;
        let (mut stop, mut look) = (pin!(stop), Instant::now());
        let (mut buffer, mut waiting) = (vec![0; MOST_DATAGRAM + 1], Vec::<Waiting>::new());
        loop {
            let next = waiting.iter().map(|answer| answer.until).min().map_or(look, |until| until.min(look));
            match event(&socket, stop.as_mut(), next).await {
                Event::Stop => break,
                Event::Readable => {
                    // What is wrong with one datagram is not wrong with the next one.
                    let received = socket.try_io(Interest::READABLE, || message::receive(&self.socket, &mut buffer));
                    if let Ok(received) = received
                        && lets_in(received.from)
                        && waiting.len() < MOST_WAITING
                    {
                        waiting.extend(self.answer(&buffer, &received));
                    }
                }
                Event::Time => {
                    let now = Instant::now();
                    if look <= now {
                        self.look();
                        look = now + LOOK;
                    }
                    for answer in waiting.extract_if(.., |answer| answer.until <= now) {
                        // It is asked again where this is lost.
                        let _ = self.socket.send_to(answer.text.as_bytes(), answer.to);
                    }
                }
            }
        }
        let goodbye = self.responder.bye();
        self.joined.iter().for_each(|address| self.tell(*address, &goodbye));
        Ok(())
    }

    fn answer(&mut self, buffer: &[u8], received: &Received) -> Option<Waiting> {
        let Received { len, from, came_in_at, to } = received;
        let own = neighbours::near(&self.interfaces, from.ip(), *came_in_at)?;
        let addresses =
            Some(addresses(&self.pages, own)).filter(|addresses| !addresses.is_empty() && from.port() > 0)?;
        let text = self.responder.answer(self.clock.now(), buffer.get(..*len)?, from.ip(), &addresses)?;
        let mut random = [0; 2];
        let _ = getrandom::fill(&mut random).map_err(|_| random = [0; 2]);
        let delay = if to.is_multicast() { u16::from_be_bytes(random) % LONGEST_DELAY } else { 0 };
        Some(Waiting { until: Instant::now() + Duration::from_millis(delay.into()), to: *from, text })
    }

    /// Looks for networks, and says hello in those that are new.
    fn look(&mut self) {
        self.interfaces = neighbours::interfaces();
        let places: Vec<_> = self.interfaces.iter().map(|it| (it.address, it.index)).collect();
        self.joined.retain(|address| places.iter().any(|(other, _)| other == address));
        for (address, index) in places {
            let addresses = addresses(&self.pages, address);
            if addresses.is_empty() || self.joined.contains(&address) {
                continue;
            }
            // An interface with two addresses is joined twice.
            let joined =
                SockRef::from(&self.socket).join_multicast_v4_n(&GROUP, &InterfaceIndexOrAddress::Index(index));
            match joined {
                Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                    log::debug!("ONVIF clients in the network of {address} do not find this server: {error}");
                }
                _ => {
                    self.joined.insert(address);
                    let hello = self.responder.hello(&addresses);
                    self.tell(address, &hello);
                }
            }
        }
    }

    /// Tells all in the network of `address`.
    fn tell(&self, address: Ipv4Addr, text: &str) {
        let told = SockRef::from(&self.socket)
            .set_multicast_if_v4(&address)
            .and_then(|()| self.socket.send_to(text.as_bytes(), (GROUP, PORT)));
        if let Err(error) = told {
            log::debug!("the network of {address} is not told of this server: {error}");
        }
    }
}

/// The addresses of the device service for somebody in the network of `own`. Empty: the web server does not listen there.
fn addresses(pages: &[(SocketAddr, &str)], own: Ipv4Addr) -> String {
    let listens = |page: &SocketAddr| page.ip().is_unspecified() || page.ip().to_canonical() == IpAddr::V4(own);
    let there = pages.iter().filter(|(page, _)| listens(page));
    let [service, _] = PATHS;
    let all: Vec<_> = there.map(|(page, scheme)| format!("{scheme}://{own}:{}{service}", page.port())).collect();
    all.join(" ")
}

/// The first that happens.
async fn event(socket: &tokio::net::UdpSocket, mut stop: Pin<&mut impl Future>, until: Instant) -> Event {
    let mut time = pin!(sleep_until(until));
    poll_fn(|context| {
        if stop.as_mut().poll(context).is_ready() {
            return Poll::Ready(Event::Stop);
        }
        if time.as_mut().poll(context).is_ready() {
            return Poll::Ready(Event::Time);
        }
        // A socket that is broken is looked at again when it is time.
        match socket.poll_recv_ready(context) {
            Poll::Ready(Ok(())) => Poll::Ready(Event::Readable),
            _ => Poll::Pending,
        }
    })
    .await
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
mod message {
    use std::io::{self, IoSliceMut};
    use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
    use std::os::fd::AsRawFd;

    use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, setsockopt, sockopt};

    use super::Received;

    /// Has the system tell where datagrams come in.
    pub(super) fn tell_interface(socket: &UdpSocket) -> io::Result<()> {
        Ok(setsockopt(socket, sockopt::Ipv4PacketInfo, &true)?)
    }

    pub(super) fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Received> {
        let (mut slices, mut told) = ([IoSliceMut::new(buffer)], [0; 128]);
        let message = recvmsg::<SockaddrIn>(socket.as_raw_fd(), &mut slices, Some(&mut told), MsgFlags::empty())?;
        let from = message.address.ok_or(io::ErrorKind::InvalidData)?;
        let info = message.cmsgs()?.find_map(|told| match told {
            ControlMessageOwned::Ipv4PacketInfo(info) => Some(info),
            _ => None,
        });
        let info = info.ok_or(io::ErrorKind::InvalidData)?;
        Ok(Received {
            len: message.bytes,
            from: SocketAddr::V4(SocketAddrV4::from(from)),
            came_in_at: u32::try_from(info.ipi_ifindex).unwrap_or_default(),
            to: Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes()),
        })
    }
}

/// Nobody is answered where it is not known at which interface a question came in.
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
mod message {
    use std::io;
    use std::net::UdpSocket;

    use super::Received;

    pub(super) fn tell_interface(_: &UdpSocket) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn receive(_: &UdpSocket, _: &mut [u8]) -> io::Result<Received> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_told_of_what_can_be_reached_from_it() {
        let page = |text: &str, scheme| (text.parse().unwrap(), scheme);
        let own = Ipv4Addr::new(192, 0, 2, 7);
        let at = |pages: &[(SocketAddr, &'static str)]| addresses(pages, own);
        assert_eq!(at(&[page("0.0.0.0:8080", "http")]), "http://192.0.2.7:8080/onvif/device_service");
        assert_eq!(
            at(&[page("[::]:80", "http"), page("192.0.2.7:443", "https")]),
            "http://192.0.2.7:80/onvif/device_service https://192.0.2.7:443/onvif/device_service"
        );
        assert_eq!(at(&[page("127.0.0.1:80", "http"), page("192.0.2.8:80", "http"), page("[::1]:80", "http")]), "");
    }
}
