//! A server that is ready to run on one smoltcp interface.
//!
//! ```text
//!          ┌ ingress: one frame at a time, so that no UDP ring overflows ┐
//!  device ─┤                                                             ├─ clients ─ egress ─ device
//!          └ RTCP to its client, RTP from outside dropped                ┘
//! ```
//! It owns one TCP socket per client, all listening on the same port, and one pair of UDP sockets that all clients share.
//! The application keeps interface, device and socket set, and may have sockets of its own in the set (DHCP, say): whatever
//! they need is done by the same [`poll`](Server::poll).
//!
//! ```
//! # use mutoscope::media::catalogue::Catalogue;
//! # use mutoscope::time::Instant;
//! # use mutoscope_smoltcp::server::{InvalidPort, Options, Server, Storage};
//! # use smoltcp::iface::{Interface, SocketSet, SocketStorage};
//! # use smoltcp::phy::Device;
//! # fn run<M: Catalogue>(
//! #     interface: &mut Interface,
//! #     device: &mut impl Device,
//! #     movies: &M,
//! #     options: Options<'_>,
//! #     mut random: impl FnMut() -> u64,
//! #     clock: impl Fn() -> Instant,
//! #     sleep_until: impl Fn(Option<Instant>),
//! # ) -> Result<(), InvalidPort> {
//! const CONNECTIONS: usize = 3;
//! let mut storage = Storage::<CONNECTIONS>::new();
//! let mut places = [SocketStorage::EMPTY; CONNECTIONS + 2];
//! let mut sockets = SocketSet::new(&mut places[..]);
//! let mut server = Server::new(&mut sockets, storage.lend(), movies, options, &mut random)?;
//! loop {
//!     let deadline = server.poll(clock(), interface, device, &mut sockets);
//!     sleep_until(deadline); // or until the device has received something
//! #   return Ok(());
//! }
//! # }
//! ```

mod memory;
mod shared;
mod slot;

pub use memory::{ClientMemory, Memory, Storage};

use crate::time::{from_smoltcp, to_smoltcp};
use crate::udp::UdpSocket;
use core::fmt;
use core::task::Waker;
use heapless::Vec;
use mutoscope::io::server::{Claim, Claims, Guard, Open, Peer, Settings};
use mutoscope::io::{Datagram, Meta};
use mutoscope::media::catalogue::Catalogue;
use mutoscope::session::server::Config;
use mutoscope::time::{Duration, Instant, earliest};
use shared::SharedSocket;
use slot::{Slot, Turn};
use smoltcp::iface::{Interface, PollIngressSingleResult, PollResult, SocketSet};
use smoltcp::phy::Device;

/// Frames taken from the device in one turn; after them the clients have theirs, however many more wait.
const INGRESS_BUDGET: usize = 64;

/// How often the RTP ring is filled and emptied in one turn: pictures are longer than it, and need not wait for the next
/// turn where the device takes all of it.
const ROUNDS: usize = 8;

/// How a server on smoltcp serves.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// As for every platform. Its `server_port` are the UDP ports the server binds. Payload sizes that the link or the
    /// buffers cannot carry are cut to what they can.
    pub settings: Settings<'a>,
    /// The TCP port to listen on (8554).
    pub rtsp_port: u16,
    /// Clients beyond this number are told so (503). With fewer of them than connections there is always somebody to tell
    /// it; a connection beyond all sockets is reset by smoltcp.
    pub max_clients: usize,
    /// A source that has a frame again wakes it; then call [`Server::poll`]. [`Waker::noop`] does for sources that tell when
    /// their next frame is due, and where the server is polled all the time.
    pub waker: &'a Waker,
}

impl Options<'_> {
    /// The usual ports (8554; 6970 and 6971) and deadlines, for `max_clients` clients. A connection without a session is
    /// closed after 10 s, because on a small machine it keeps somebody out.
    pub fn new(max_clients: usize) -> Self {
        let session = Config { idle_timeout: Duration::from_secs(10), ..Config::default() };
        Self {
            settings: Settings { session, ..Settings::default() },
            rtsp_port: 8554,
            max_clients,
            waker: Waker::noop(),
        }
    }
}

/// A port is 0, or two are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct InvalidPort;

impl fmt::Display for InvalidPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a port is 0 or used twice")
    }
}

impl core::error::Error for InvalidPort {}

/// Serves what `M` offers to as many clients at once as it has connections; `G` decides what each may do.
pub struct Server<'a, M: Catalogue, const CONNECTIONS: usize, G: Guard = Open> {
    slots: Vec<Slot<'a, M::Medium, G>, CONNECTIONS>,
    rtp: SharedSocket,
    rtcp: SharedSocket,
    mounts: M,
    guard: G,
    options: Options<'a>,
    entropy: &'a mut dyn FnMut() -> u64,
    stopping: bool,
    discards: u32,
}

impl<'a, M: Catalogue, const CONNECTIONS: usize> Server<'a, M, CONNECTIONS> {
    /// Adds the sockets to `sockets` and listens, for everybody who reaches it. `mounts` is what it serves: a
    /// [`&Live`](mutoscope::media::live::Live), or media of your own, by value or by reference. `entropy` gives 64 bits that nobody
    /// can guess each time it is called, which is once for every connection.
    ///
    /// Leave it where it is made, in a local variable of a function that never returns, or in a `static` cell: it is too large to be
    /// moved about on a small stack.
    ///
    /// # Errors
    /// A port is 0, or RTP and RTCP have the same.
    ///
    /// # Panics
    /// smoltcp panics where `sockets` has fewer than [`SOCKETS`](Self::SOCKETS) free places, and later where sockets that
    /// the server added are taken out of the set.
    // What the constructors return is made where the caller wants it: every copy less is kilobytes of stack.
    #[inline]
    pub fn new(
        sockets: &mut SocketSet<'a>,
        memory: Memory<'a, CONNECTIONS>,
        mounts: M,
        options: Options<'a>,
        entropy: &'a mut dyn FnMut() -> u64,
    ) -> Result<Self, InvalidPort> {
        Self::guarded(sockets, memory, mounts, Open, options, entropy)
    }
}

impl<'a, M: Catalogue, const CONNECTIONS: usize, G: Guard> Server<'a, M, CONNECTIONS, G> {
    /// How many free places a server takes in the socket set.
    pub const SOCKETS: usize = CONNECTIONS.saturating_add(2);

    /// The same as [`new`](Server::new), for those whom `guard` lets in: a `Password` of the core (its feature `auth`), or a guard
    /// of your own, by value or by reference.
    ///
    /// # Errors
    /// As `new`.
    ///
    /// # Panics
    /// As `new`.
    #[inline(never)]
    pub fn guarded(
        sockets: &mut SocketSet<'a>,
        memory: Memory<'a, CONNECTIONS>,
        mounts: M,
        guard: G,
        options: Options<'a>,
        entropy: &'a mut dyn FnMut() -> u64,
    ) -> Result<Self, InvalidPort> {
        let (rtp_port, rtcp_port) = options.settings.server_port;
        if options.rtsp_port == 0 || rtp_port == 0 || rtcp_port == 0 || rtp_port == rtcp_port {
            return Err(InvalidPort);
        }
        Ok(Self::listening(sockets, memory, mounts, guard, options, entropy))
    }

    #[inline(never)]
    fn listening(
        sockets: &mut SocketSet<'a>,
        memory: Memory<'a, CONNECTIONS>,
        mounts: M,
        guard: G,
        options: Options<'a>,
        entropy: &'a mut dyn FnMut() -> u64,
    ) -> Self {
        let Memory { clients, rtp, rtp_rx, rtcp_rx, rtcp_tx } = memory;
        let (rtp_port, rtcp_port) = options.settings.server_port;
        let (slots, no_rtp, no_rtcp) = (Vec::new(), SharedSocket::none(rtp_port), SharedSocket::none(rtcp_port));
        let mut server =
            Self { slots, rtp: no_rtp, rtcp: no_rtcp, mounts, guard, options, entropy, stopping: false, discards: 0 };
        // smoltcp sends in the order of the set: an answer on TCP leaves before the media it announces.
        for memory in clients {
            let _ = server.slots.push(Slot::new(sockets, memory, options.rtsp_port));
        }
        server.rtp.bind(sockets, rtp_rx, rtp);
        server.rtcp.bind(sockets, rtcp_rx, rtcp_tx);
        server
    }

    /// Does all that can be done now, for the server and for every other socket in the set: receives, serves, sends. Takes
    /// the place of [`Interface::poll`]. Never blocks.
    ///
    /// Call it again when the device has received a frame or has room to send again, and at the instant it returns, which
    /// may be `now`: at once.
    pub fn poll<D: Device + ?Sized>(
        &mut self,
        now: Instant,
        interface: &mut Interface,
        device: &mut D,
        sockets: &mut SocketSet<'a>,
    ) -> Option<Instant> {
        let timestamp = to_smoltcp(now);
        let ip_mtu = device.capabilities().ip_mtu();
        interface.poll_maintenance(timestamp);
        let mut more = true;
        for _ in 0..ROUNDS {
            for _ in 0..INGRESS_BUDGET {
                more = interface.poll_ingress_single(timestamp, device, sockets) != PollIngressSingleResult::None;
                if !more {
                    break;
                }
                self.receive(now, sockets);
            }
            self.serve(now, ip_mtu, sockets);
            self.rtp.before_egress(sockets);
            self.rtcp.before_egress(sockets);
            while interface.poll_egress(timestamp, device, sockets) != PollResult::None {}
            if !self.rtp.is_empty(sockets) || !self.make_room_known() {
                break;
            }
        }
        for shared in [&mut self.rtp, &mut self.rtcp] {
            self.discards = self.discards.saturating_add(shared.after_egress(now, sockets).into());
        }
        for slot in &mut self.slots {
            slot.recycle(now, sockets, (!self.stopping).then_some(self.options.rtsp_port));
        }
        if more {
            return Some(now);
        }
        let stack = interface.poll_at(timestamp, sockets).map(from_smoltcp);
        self.slots
            .iter()
            .map(Slot::poll_timeout)
            .chain([stack, self.rtp.poll_timeout(), self.rtcp.poll_timeout()])
            .fold(None, earliest)
            .map(|at| at.max(now))
    }

    /// Says BYE to every client, closes their connections and takes no new ones. Go on calling [`poll`](Self::poll) until
    /// [`is_stopped`](Self::is_stopped).
    pub fn shut_down(&mut self, now: Instant) {
        self.stopping = true;
        for client in self.slots.iter_mut().filter_map(|slot| slot.client.as_mut()) {
            client.shut_down(now);
        }
    }

    /// Whether every connection is closed after [`shut_down`](Self::shut_down).
    pub fn is_stopped(&self, sockets: &SocketSet<'a>) -> bool {
        self.stopping && self.slots.iter().all(|slot| slot.is_free(sockets))
    }

    /// The clients that are connected, whether they have a session or not.
    pub fn clients(&self) -> impl Iterator<Item = &Peer<&'a mut [u8], M::Medium, G>> {
        self.slots.iter().filter_map(|slot| slot.client.as_ref())
    }

    /// How often all packets that waited to be sent were thrown away because the first of them could not be delivered to
    /// its neighbour. Never, in a healthy network with enough room for neighbours.
    pub fn discards(&self) -> u32 {
        self.discards
    }

    /// Empties the receive rings, which one frame may have filled.
    fn receive(&mut self, now: Instant, sockets: &mut SocketSet<'a>) {
        // Nothing is sent through them here.
        let mut rtp = UdpSocket::new(sockets.get_mut(self.rtp.handle), 0);
        let slots = &mut self.slots;
        let mut deliver = |Meta { from, .. }, packet: &[u8]| {
            let mut claims = Claims::default();
            for (number, slot) in slots.iter().enumerate() {
                claims.add(number, slot.client.as_ref().map_or(Claim::No, |client| client.claim_rtp(now, from)));
            }
            let slot = claims.recipient().and_then(|number| slots.get_mut(number));
            slot.and_then(|slot| slot.client.as_mut()).is_some_and(|client| client.handle_rtp(now, from, packet))
        };
        while let Ok(Some(_)) = rtp.recv(&mut deliver) {}
        let mut rtcp = UdpSocket::new(sockets.get_mut(self.rtcp.handle), 0);
        let slots = &mut self.slots;
        let mut deliver = |Meta { from, .. }, compound: &[u8]| {
            slots
                .iter_mut()
                .filter_map(|slot| slot.client.as_mut())
                .any(|client| client.handle_rtcp(now, from, compound))
        };
        while let Ok(Some(_)) = rtcp.recv(&mut deliver) {}
    }

    /// Tells all clients; whether there is one that had found the RTP ring full.
    fn make_room_known(&mut self) -> bool {
        let mut waited = false;
        for client in self.slots.iter_mut().filter_map(|slot| slot.client.as_mut()) {
            waited |= client.handle_room();
        }
        waited
    }

    fn serve(&mut self, now: Instant, ip_mtu: usize, sockets: &mut SocketSet<'a>) {
        let mut serving = self.slots.iter().filter(|slot| slot.is_serving()).count();
        let turn = Turn {
            now,
            ip_mtu,
            rtp: self.rtp.handle,
            rtcp: self.rtcp.handle,
            mounts: &self.mounts,
            guard: &self.guard,
            settings: &self.options.settings,
            waker: self.options.waker,
        };
        for slot in &mut self.slots {
            if let Some(addresses) = slot.waiting_peer(sockets) {
                let welcome = serving < self.options.max_clients && !self.stopping;
                slot.accept(&turn, addresses, welcome.then(|| (self.entropy)()));
                serving = serving.saturating_add(welcome.into());
            }
            slot.service(&turn, sockets);
        }
    }
}

impl<M: Catalogue, const CONNECTIONS: usize, G: Guard> fmt::Debug for Server<'_, M, CONNECTIONS, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("options", &self.options)
            .field("clients", &self.clients().count())
            .finish_non_exhaustive()
    }
}
