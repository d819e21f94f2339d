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
    /// Adds a socket bound to `port`, which must not be 0, on all addresses.
    pub(super) fn new<'a>(
        sockets: &mut SocketSet<'a>,
        rx: udp::PacketBuffer<'a>,
        tx: udp::PacketBuffer<'a>,
        port: u16,
    ) -> Self {
        let mut socket = udp::Socket::new(rx, tx);
        // Fails for port 0 only; a socket that is not bound sends nothing.
        let _ = socket.bind(port);
        Self { handle: sockets.add(socket), port, queued: 0, stalled_since: None }
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
