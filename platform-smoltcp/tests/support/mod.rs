//! Two smoltcp stacks joined by an Ethernet cable in memory, on virtual time, with seeded loss.
#![allow(dead_code, unreachable_pub, reason = "every test uses another part")]

#[path = "faults.rs"]
mod faults;

use std::boxed::Box;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;
use std::vec;
use std::vec::Vec;

pub use faults::Faults;
use faults::Injector;
use mutoscope::time::{Duration, Instant, earliest};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::{tcp, udp};
use smoltcp::time::Instant as SmoltcpInstant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

pub const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
pub const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
pub const SERVER_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1));
pub const CLIENT_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2));

const LATENCY: Duration = Duration::from_micros(200);
/// Of IP packets.
const MTU: usize = 1500;
const ETHERNET_HEADER_LEN: usize = 14;

pub fn smoltcp_time(now: Instant) -> SmoltcpInstant {
    SmoltcpInstant::from_micros(i64::try_from(now.as_micros()).unwrap())
}

pub fn tcp_socket(size: usize) -> tcp::Socket<'static> {
    tcp::Socket::new(tcp::SocketBuffer::new(vec![0; size]), tcp::SocketBuffer::new(vec![0; size]))
}

/// Bound to `port`, with rings for `packets` and `bytes` both ways.
pub fn udp_socket(port: u16, packets: usize, bytes: usize) -> udp::Socket<'static> {
    let ring = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; packets], vec![0; bytes]);
    let mut socket = udp::Socket::new(ring(), ring());
    socket.bind(port).unwrap();
    socket
}

/// One direction of the cable.
struct Wire {
    /// In the order of their arrival.
    frames: VecDeque<(Instant, Vec<u8>)>,
    /// Frames that fit on it; the device has no room for more.
    depth: usize,
    injector: Injector,
    cut: bool,
    /// The most frames that were on their way at once.
    crowd: usize,
    /// Bytes of the longest IP packet.
    longest: usize,
    /// Bytes that are looked for in every frame, and how many frames have had them.
    wanted: (Vec<u8>, u64),
}

impl Wire {
    fn put(&mut self, due: Instant, frame: Vec<u8>) {
        if self.cut {
            return;
        }
        self.longest = self.longest.max(frame.len() - ETHERNET_HEADER_LEN);
        let (wanted, found) = &mut self.wanted;
        *found += u64::from(!wanted.is_empty() && frame.windows(wanted.len()).any(|bytes| bytes == wanted));
        let Self { frames, injector, crowd, .. } = self;
        injector.pass(frame, |delay, frame| {
            let due = due.after(delay);
            let place = frames.partition_point(|(other, _)| *other <= due);
            frames.insert(place, (due, frame));
            *crowd = frames.len().max(*crowd);
        });
    }
}

/// A network device.
pub struct Port {
    rx: Rc<RefCell<Wire>>,
    tx: Rc<RefCell<Wire>>,
    mtu: usize,
}

fn core_time(now: SmoltcpInstant) -> Instant {
    Instant::from_micros(u64::try_from(now.total_micros()).unwrap())
}

impl Port {
    fn sending(&self, now: SmoltcpInstant) -> Sending {
        Sending { wire: self.tx.clone(), now: core_time(now), mtu: self.mtu }
    }
}

impl Device for Port {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sending;

    fn receive(&mut self, now: SmoltcpInstant) -> Option<(Received, Sending)> {
        let mut rx = self.rx.borrow_mut();
        let arrived = rx.frames.front().is_some_and(|(due, _)| *due <= core_time(now));
        let (_, frame) = if arrived { rx.frames.pop_front()? } else { return None };
        // An answer to what was received always finds a place.
        Some((Received(frame), self.sending(now)))
    }

    fn transmit(&mut self, now: SmoltcpInstant) -> Option<Sending> {
        let tx = self.tx.borrow();
        (tx.frames.len() < tx.depth).then(|| self.sending(now))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = self.mtu;
        capabilities
    }
}

pub struct Received(Vec<u8>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

pub struct Sending {
    wire: Rc<RefCell<Wire>>,
    now: Instant,
    mtu: usize,
}

impl TxToken for Sending {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        assert!(len <= self.mtu, "a frame of {len} bytes");
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.wire.borrow_mut().put(self.now.after(LATENCY), frame);
        result
    }
}

/// One machine on the cable.
pub struct Host {
    pub interface: Interface,
    pub sockets: SocketSet<'static>,
    pub device: Port,
    /// When what runs on this machine wants to be asked again, though nothing arrived.
    pub wake: Option<Instant>,
}

impl Host {
    fn new(mut device: Port, addresses: [IpAddr; 2], number: u8) -> Self {
        let mut config = Config::new(EthernetAddress([2, 0, 0, 0, 0, number]).into());
        config.random_seed = number.into();
        let mut interface = Interface::new(config, &mut device, SmoltcpInstant::ZERO);
        for (address, prefix_len) in addresses.into_iter().zip([24, 64]) {
            interface.update_ip_addrs(|known| known.push(IpCidr::new(address.into(), prefix_len)).unwrap());
        }
        Self { interface, sockets: SocketSet::new(vec![]), device, wake: None }
    }

    /// All that the stack can do now, and when it wants to be asked again.
    pub fn poll(&mut self, now: Instant) -> Option<Instant> {
        let now = smoltcp_time(now);
        self.interface.poll(now, &mut self.device, &mut self.sockets);
        self.interface.poll_at(now, &self.sockets).map(core_time)
    }

    pub fn connect(&mut self, socket: SocketHandle, to: IpAddr, port: u16, from: u16) {
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(socket);
        socket.connect(self.interface.context(), (IpAddress::from(to), port), from).unwrap();
    }
}

pub struct Network {
    pub now: Instant,
    pub server: Host,
    pub client: Host,
    wires: [Rc<RefCell<Wire>>; 2],
}

impl Network {
    pub fn new(seed: u64) -> Self {
        Self::with_mtu(seed, MTU)
    }

    /// Both machines send IP packets of at most `mtu` bytes.
    pub fn with_mtu(seed: u64, mtu: usize) -> Self {
        let wires = [1, 2].map(|n| {
            let injector = Injector::new(seed ^ n, Faults::default());
            let (frames, wanted) = (VecDeque::new(), (Vec::new(), 0));
            let wire = Wire { frames, depth: 64, injector, cut: false, crowd: 0, longest: 0, wanted };
            Rc::new(RefCell::new(wire))
        });
        let [there, back] = wires.clone();
        let mtu = mtu + ETHERNET_HEADER_LEN;
        Self {
            now: Instant::from_micros(0),
            server: Host::new(Port { rx: there.clone(), tx: back.clone(), mtu }, [SERVER, SERVER_V6], 1),
            client: Host::new(Port { rx: back, tx: there, mtu }, [CLIENT, CLIENT_V6], 2),
            wires,
        }
    }

    /// From now on so many of 1000 frames get lost, in either direction.
    pub fn set_loss(&mut self, loss: u32) {
        self.set_faults(Faults { drop: loss, ..Faults::default() });
    }

    /// From now on this happens to frames, in either direction.
    pub fn set_faults(&mut self, faults: Faults) {
        self.wires.iter().for_each(|wire| wire.borrow_mut().injector.faults = faults);
    }

    /// The most frames that were ever on their way at once, in one direction.
    pub fn crowd(&self) -> usize {
        self.wires.iter().map(|wire| wire.borrow().crowd).max().unwrap_or(0)
    }

    /// Bytes of the longest IP packet, in either direction.
    pub fn longest(&self) -> usize {
        self.wires.iter().map(|wire| wire.borrow().longest).max().unwrap_or(0)
    }

    /// From now on these bytes are looked for in every frame, in either direction.
    pub fn look_for(&mut self, bytes: &[u8]) {
        self.wires.iter().for_each(|wire| wire.borrow_mut().wanted = (bytes.to_vec(), 0));
    }

    /// How many frames have had them.
    pub fn found(&self) -> u64 {
        self.wires.iter().map(|wire| wire.borrow().wanted.1).sum()
    }

    /// From now on the devices have room for so many frames.
    pub fn set_depth(&mut self, depth: usize) {
        self.wires.iter().for_each(|wire| wire.borrow_mut().depth = depth);
    }

    /// Pulls the plug, or puts it back in.
    pub fn set_cut(&mut self, cut: bool) {
        self.wires.iter().for_each(|wire| wire.borrow_mut().cut = cut);
    }

    /// Both stacks run by themselves.
    pub fn run_for(&mut self, duration: Duration) {
        self.run(duration, |now, host| host.poll(now), |_, _| false);
    }

    /// Runs until `client` says that it has seen enough (`true`), or for `duration` (`false`). `server` does all that the
    /// server's side can do, and says when it wants to be asked again though nothing arrived.
    pub fn run(
        &mut self,
        duration: Duration,
        mut server: impl FnMut(Instant, &mut Host) -> Option<Instant>,
        mut client: impl FnMut(Instant, &mut Host) -> bool,
    ) -> bool {
        let end = self.now.after(duration);
        let mut rounds_at_once = 0;
        loop {
            let ours = server(self.now, &mut self.server);
            self.client.poll(self.now);
            if client(self.now, &mut self.client) {
                return true;
            }
            // What the client has just done leaves at once.
            let theirs = earliest(self.client.poll(self.now), self.client.wake);
            let due = |wire: &Rc<RefCell<Wire>>| wire.borrow().frames.front().map(|(due, _)| *due);
            let arrivals = self.wires.iter().map(due).fold(None, earliest);
            let next = [ours, theirs, arrivals].into_iter().fold(None, earliest).unwrap_or(end).max(self.now);
            // A device that is full stays so until time passes, and a server that asks for another turn at once gets it.
            rounds_at_once = if next == self.now { rounds_at_once + 1 } else { 0 };
            let next = if rounds_at_once > 20 { self.now.after(Duration::from_micros(10)) } else { next };
            if next >= end {
                self.now = end;
                return false;
            }
            self.now = next;
        }
    }
}

/// Memory that lasts for the rest of the test run.
pub fn leak<T>(value: T) -> &'static mut T {
    Box::leak(Box::new(value))
}
