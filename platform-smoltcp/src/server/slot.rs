//! One TCP socket and the client on it, from one connection to the next.

use super::memory::ClientMemory;
use crate::tcp::TcpStream;
use crate::udp::{UdpSocket, max_datagram};
use core::net::{IpAddr, SocketAddr};
use core::task::Waker;
use mutoscope::io::server::{Addresses, Context, Guard, Outcome, Peer, Settings, Sockets};
use mutoscope::media::catalogue::{Catalogue, Medium};
use mutoscope::time::{Duration, Instant, earliest};
use mutoscope::wire::rtp;
use mutoscope::wire::rtsp::Interleaved;
use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::tcp::{Socket as TcpSocket, SocketBuffer, State};
use smoltcp::socket::{Socket, udp};
use smoltcp::wire::IpAddress;

/// A peer that says nothing is asked this often whether it is there …
const KEEP_ALIVE: smoltcp::time::Duration = smoltcp::time::Duration::from_secs(10);
/// … and is gone when it has not answered for so long. Less than the 60 s after which smoltcp forgets a neighbour that is
/// silent: media to a forgotten neighbour would hold up everybody's.
const PEER_TIMEOUT: smoltcp::time::Duration = smoltcp::time::Duration::from_secs(30);

/// How long a handshake may take: our answer is sent again after one second and after three. A peer that never goes on
/// (a forged address, say) would otherwise keep a socket for [`PEER_TIMEOUT`].
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long a connection that nobody serves any more may take to deliver its last bytes and close.
const DRAIN: Duration = Duration::from_secs(5);
/// How long a reset may wait for the device.
const RESET: Duration = Duration::from_millis(100);

/// What all clients are served with in one turn.
pub(super) struct Turn<'t, 'a, C, G> {
    pub(super) now: Instant,
    pub(super) ip_mtu: usize,
    pub(super) rtp: SocketHandle,
    pub(super) rtcp: SocketHandle,
    pub(super) mounts: &'t C,
    pub(super) guard: &'t G,
    pub(super) settings: &'t Settings<'a>,
    pub(super) waker: &'t Waker,
}

/// A TCP socket's life: it listens (none of the below), somebody connects (`connecting`), its client is served (`client`), the rest of the
/// connection passes (`draining`), and it listens again.
pub(super) struct Slot<'a, M: Medium, G: Guard> {
    handle: SocketHandle,
    /// Receive and transmit buffer while no client has them.
    buffers: Option<(&'a mut [u8], &'a mut [u8])>,
    tx_len: usize,
    pub(super) client: Option<Peer<&'a mut [u8], M, G>>,
    /// The client is only told that there is no room.
    refused: bool,
    /// When the handshake under way is given up.
    connecting: Option<Instant>,
    /// When the connection is given up.
    draining: Option<Instant>,
}

impl<'a, M: Medium, G: Guard> Slot<'a, M, G> {
    /// Adds a socket that listens on `port`, which must not be 0.
    pub(super) fn new(sockets: &mut SocketSet<'a>, memory: ClientMemory<'a>, port: u16) -> Self {
        let ClientMemory { socket_rx, socket_tx, rx, tx } = memory;
        let mut socket = TcpSocket::new(SocketBuffer::new(socket_rx), SocketBuffer::new(socket_tx));
        listen(&mut socket, port);
        let tx_len = tx.len();
        Self {
            handle: sockets.add(socket),
            buffers: Some((rx, tx)),
            tx_len,
            client: None,
            refused: false,
            connecting: None,
            draining: None,
        }
    }

    /// Who has connected and is not served yet.
    pub(super) fn waiting_peer(&self, sockets: &SocketSet<'a>) -> Option<Addresses> {
        if self.client.is_some() || self.draining.is_some() {
            return None;
        }
        let socket = sockets.get::<TcpSocket<'_>>(self.handle);
        match socket.state() {
            State::Established | State::CloseWait => Some(Addresses {
                peer: socket.remote_endpoint().map(SocketAddr::from)?,
                local: socket.local_endpoint().map(|endpoint| IpAddr::from(endpoint.addr)),
            }),
            _ => None,
        }
    }

    /// Serves who is at these addresses from now on, or, without `entropy`, tells it that there is no room.
    // Its temporaries are as large as a client, and would be part of every turn's stack.
    #[inline(never)]
    pub(super) fn accept<C>(&mut self, turn: &Turn<'_, '_, C, G>, addresses: Addresses, entropy: Option<u64>) {
        let Some((rx, tx)) = self.buffers.take() else { return };
        let Turn { now, guard, settings, .. } = *turn;
        self.refused = entropy.is_none();
        self.connecting = None;
        // Whoever listens to the network hears all of it.
        let visit = guard.visit(addresses.peer, false);
        self.client = Some(match entropy {
            Some(entropy) => Peer::guarded(now, addresses, rx, tx, entropy, settings, visit),
            None => Peer::refusing_guarded(now, addresses, rx, tx, settings, visit),
        });
    }

    /// Whether it has a client that counts.
    pub(super) fn is_serving(&self) -> bool {
        self.client.is_some() && !self.refused
    }

    /// Does for the client all that can be done now.
    pub(super) fn service<C: Catalogue<Medium = M>>(&mut self, turn: &Turn<'_, '_, C, G>, sockets: &mut SocketSet<'a>) {
        let Some(client) = &mut self.client else { return };
        let Some((tcp, rtp, rtcp)) = find(sockets, self.handle, turn.rtp, turn.rtcp) else { return };
        let limit = max_datagram(turn.ip_mtu, IpAddress::from(client.peer().ip())).min(rtp.payload_send_capacity());
        let settings = fitted(turn.settings, limit, self.tx_len);
        // Nobody has to be woken: whoever drives the server calls at the deadlines that it gives.
        let context = Context::new(turn.now, turn.waker, &settings);
        let sockets = Sockets {
            control: &mut TcpStream::new(tcp),
            rtp: &mut UdpSocket::new(rtp, turn.ip_mtu),
            rtcp: &mut UdpSocket::new(rtcp, turn.ip_mtu),
        };
        let outcome = client.service_guarded::<1, _, _, _, C>(context, sockets, turn.mounts, turn.guard);
        match outcome {
            Outcome::Open => {}
            Outcome::Closing => tcp.close(),
            Outcome::Closed => {
                // Its last bytes may still be in the socket, whose buffers stay until they have left.
                tcp.close();
                self.draining = Some(turn.now.after(DRAIN));
                self.buffers = self.client.take().map(Peer::into_buffers);
            }
        }
    }

    /// Brings a connection that nobody serves any more to its end and listens on `port` again; `None`: never again. To be
    /// called after the stack has sent, so that the last acknowledgement of the connection before is not swallowed.
    pub(super) fn recycle(&mut self, now: Instant, sockets: &mut SocketSet<'a>, port: Option<u16>) {
        if self.client.is_some() {
            return;
        }
        let socket = sockets.get_mut::<TcpSocket<'_>>(self.handle);
        self.connecting = match (socket.state(), self.connecting) {
            (State::SynReceived, None) => Some(now.after(HANDSHAKE)),
            (State::SynReceived, Some(until)) if now >= until => {
                socket.abort();
                self.draining = Some(now.after(RESET));
                None
            }
            (State::SynReceived, connecting) => connecting,
            _ => None,
        };
        let expired = self.draining.is_none_or(|until| now >= until);
        // Behind bytes that nobody reads the peer's end would never be reached.
        while self.draining.is_some() && socket.can_recv() && socket.recv(|bytes| (bytes.len(), ())).is_ok() {}
        match socket.state() {
            // A reset that waits to be sent would be lost.
            State::Closed if socket.remote_endpoint().is_some() && !expired => {}
            // After TIME-WAIT nothing more comes that this socket would answer better than the stack with a reset; and a
            // socket is too dear to be kept out of use for ten seconds.
            State::Closed | State::TimeWait => {
                self.draining = None;
                if let Some(port) = port {
                    listen(socket, port);
                }
            }
            State::Listen if port.is_none() => socket.close(),
            // The peer has got everything and does not close, or it does not take what is left.
            state if self.draining.is_some() && (expired || state == State::FinWait2) => {
                socket.abort();
                self.draining = Some(now.after(RESET));
            }
            _ => {}
        }
    }

    /// Whether there is no connection.
    pub(super) fn is_free(&self, sockets: &SocketSet<'a>) -> bool {
        let socket = sockets.get::<TcpSocket<'_>>(self.handle);
        self.client.is_none() && self.draining.is_none() && !socket.is_open()
    }

    /// When it has something to do though nothing was received.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let client = self.client.as_ref().and_then(Peer::poll_timeout);
        [client, self.connecting, self.draining].into_iter().fold(None, earliest)
    }
}

fn listen(socket: &mut TcpSocket<'_>, port: u16) {
    socket.set_keep_alive(Some(KEEP_ALIVE));
    socket.set_timeout(Some(PEER_TIMEOUT));
    // Answers and frames are written whole; what is held back is latency.
    socket.set_nagle_enabled(false);
    // Fails for port 0 and for a socket that is open; it is neither.
    let _ = socket.listen(port);
}

/// What this link, this ring and this client's transmit buffer can carry. A packet that does not fit would be asked for
/// again and again, and nothing behind it would leave.
fn fitted<'a>(settings: &Settings<'a>, max_datagram: usize, tx_len: usize) -> Settings<'a> {
    let interleaved = tx_len.saturating_sub(Interleaved::HEADER_LEN);
    let payload_size = max_datagram.min(interleaved).saturating_sub(rtp::HEADER_LEN).min(settings.payload_size);
    Settings { payload_size, max_packet_size: settings.max_packet_size.min(max_datagram), ..*settings }
}

/// Three sockets at once.
fn find<'s, 'a>(
    sockets: &'s mut SocketSet<'a>,
    tcp: SocketHandle,
    rtp: SocketHandle,
    rtcp: SocketHandle,
) -> Option<(&'s mut TcpSocket<'a>, &'s mut udp::Socket<'a>, &'s mut udp::Socket<'a>)> {
    let (mut found_tcp, mut found_rtp, mut found_rtcp) = (None, None, None);
    for (handle, socket) in sockets.iter_mut() {
        match socket {
            Socket::Tcp(socket) if handle == tcp => found_tcp = Some(socket),
            Socket::Udp(socket) => match handle {
                _ if handle == rtp => found_rtp = Some(socket),
                _ if handle == rtcp => found_rtcp = Some(socket),
                _ => {}
            },
            _ => {}
        }
    }
    Some((found_tcp?, found_rtp?, found_rtcp?))
}
