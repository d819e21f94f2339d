//! A UDP socket that all clients send through, and what keeps one of them from blocking it.

use mutoscope::time::{Duration, Instant};
use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::udp;

/// How long the first packet in the ring may stay there: smoltcp asks for an address at once and again after a second, and
/// an answer takes milliseconds.
const PATIENCE: Duration = Duration::from_millis(1200);

/// smoltcp sends a socket's packets strictly in order and keeps the first one for as long as its destination's hardware
/// address cannot be found. On a socket that is shared, one client that has gone would so silence all others for good.
/// (TCP's keep-alive ends a client before its address is forgotten, so this is for crowded neighbour caches and lost
/// routes.)
#[derive(Debug)]
pub(super) struct SharedSocket {
    pub(super) handle: SocketHandle,
    port: u16,
    /// Bytes in the ring before the stack was asked to send.
    queued: usize,
    stalled_since: Option<Instant>,
}

impl SharedSocket {
    /// The socket for `port`, which must not be 0, before there is one.
    pub(super) fn none(port: u16) -> Self {
        Self { handle: SocketHandle::default(), port, queued: 0, stalled_since: None }
    }

    /// Adds the socket, bound on all addresses.
    pub(super) fn bind<'a>(
        &mut self,
        sockets: &mut SocketSet<'a>,
        rx: udp::PacketBuffer<'a>,
        tx: udp::PacketBuffer<'a>,
    ) {
        let mut socket = udp::Socket::new(rx, tx);
        // Fails for port 0 only; a socket that is not bound sends nothing.
        let _ = socket.bind(self.port);
        self.handle = sockets.add(socket);
    }

    /// Whether nothing waits to be sent.
    pub(super) fn is_empty(&self, sockets: &SocketSet<'_>) -> bool {
        sockets.get::<udp::Socket<'_>>(self.handle).send_queue() == 0
    }

    /// To be called before the stack sends.
    pub(super) fn before_egress(&mut self, sockets: &SocketSet<'_>) {
        self.queued = sockets.get::<udp::Socket<'_>>(self.handle).send_queue();
    }

    /// To be called after the stack has sent what it could. Throws away what is queued when nothing has left for too
    /// long; true where it did.
    pub(super) fn after_egress(&mut self, now: Instant, sockets: &mut SocketSet<'_>) -> bool {
        let socket = sockets.get_mut::<udp::Socket<'_>>(self.handle);
        let queued = socket.send_queue();
        if queued == 0 || queued < self.queued {
            self.stalled_since = None;
            return false;
        }
        let since = *self.stalled_since.get_or_insert(now);
        if now.since(since) < PATIENCE {
            return false;
        }
        socket.close();
        let _ = socket.bind(self.port);
        // A socket in a new place is not silenced for its predecessor's missing neighbour.
        let socket = sockets.remove(self.handle);
        self.handle = sockets.add(socket);
        self.stalled_since = None;
        true
    }

    /// When [`after_egress`](Self::after_egress) loses its patience.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.stalled_since.map(|since| since.after(PATIENCE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::{CLIENT, Host, Network, udp_socket};
    use crate::udp::UdpSocket;
    use mutoscope::io::{Datagram, Transmit};
    use smoltcp::phy::Device;
    use std::net::SocketAddr;
    use std::vec;

    const PORT: u16 = 6970;

    struct Stage {
        network: Network,
        shared: SharedSocket,
        receiver: SocketHandle,
        discards: u32,
    }

    impl Stage {
        /// The receiver's hardware address is known, as that of a client with a connection is.
        fn resolved() -> Self {
            let mut stage = Self::new();
            assert!(stage.send(octets(), b"resolves the address"));
            stage.run_for(Duration::from_millis(100));
            assert_eq!(stage.received(), 1);
            stage
        }

        fn new() -> Self {
            let mut network = Network::new(1);
            let ring = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 4], vec![0; 4096]);
            let mut shared = SharedSocket::none(PORT);
            shared.bind(&mut network.server.sockets, ring(), ring());
            let receiver = network.client.sockets.add(udp_socket(5000, 16, 16_384));
            Self { network, shared, receiver, discards: 0 }
        }

        fn send(&mut self, to: [u8; 4], bytes: &[u8]) -> bool {
            let Host { sockets, device, .. } = &mut self.network.server;
            let mtu = device.capabilities().ip_mtu();
            let mut socket = UdpSocket::new(sockets.get_mut(self.shared.handle), mtu);
            socket.send(&Transmit::one(SocketAddr::from((to, 5000)), &[bytes])).unwrap() > 0
        }

        fn run_for(&mut self, duration: Duration) {
            let Self { network, shared, discards, .. } = self;
            let serve = |now: Instant, host: &mut Host| {
                shared.before_egress(&host.sockets);
                let deadline = host.poll(now);
                *discards += u32::from(shared.after_egress(now, &mut host.sockets));
                mutoscope::time::earliest(deadline, shared.poll_timeout())
            };
            network.run(duration, serve, |_, _| false);
        }

        fn received(&mut self) -> usize {
            let socket = self.network.client.sockets.get_mut::<udp::Socket<'_>>(self.receiver);
            std::iter::from_fn(|| socket.recv().ok().map(drop)).count()
        }
    }

    fn octets() -> [u8; 4] {
        let std::net::IpAddr::V4(address) = CLIENT else { unreachable!() };
        address.octets()
    }

    #[test]
    fn a_neighbour_that_is_gone_does_not_silence_the_others_for_good() {
        let mut stage = Stage::resolved();
        assert!(stage.send([10, 0, 0, 77], b"to nobody"));
        assert!(stage.send(octets(), b"behind it"));
        stage.run_for(Duration::from_secs(1));
        assert_eq!((stage.received(), stage.discards), (0, 0), "smoltcp has learnt to skip: this module can go");
        stage.run_for(Duration::from_millis(300));
        assert_eq!(stage.discards, 1);
        assert!(stage.send(octets(), b"again"));
        stage.run_for(Duration::from_millis(100));
        assert_eq!((stage.received(), stage.discards), (1, 1));
    }

    #[test]
    fn a_slow_device_is_not_taken_for_a_missing_neighbour() {
        let mut stage = Stage::resolved();
        stage.network.set_depth(1);
        for _ in 0..2000 {
            while stage.send(octets(), &[0; 500]) {}
            stage.run_for(Duration::from_millis(1));
        }
        assert!(stage.received() > 0);
        assert_eq!(stage.discards, 0);
    }
}
