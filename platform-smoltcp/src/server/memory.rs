//! The memory a server works in, all of it the caller's.

use smoltcp::socket::udp;

/// Bytes of UDP payload in an Ethernet frame over IPv4.
const DATAGRAM: usize = 1472;

/// RTCP packets kept in either direction, and bytes for each: one at a time is answered, BYE to all clients is the burst.
const REPORTS: usize = 4;
const REPORT: usize = 256;

/// One connection's four buffers.
#[derive(Debug)]
pub struct ClientMemory<'a> {
    /// What the peer may send ahead (TCP's window); 1 KB does for every known client.
    pub socket_rx: &'a mut [u8],
    /// What has been sent and is not acknowledged yet. With interleaved media this bounds the throughput: buffer size per
    /// round trip.
    pub socket_tx: &'a mut [u8],
    /// The longest request; 1 KB does for every known client.
    pub rx: &'a mut [u8],
    /// An answer (up to 1 KB), and interleaved packets. RTP payloads are cut to fit it, so less than 1.5 KB makes packets
    /// smaller than they need be.
    pub tx: &'a mut [u8],
}

/// All that a [`Server`](super::Server) for `CLIENTS` connections needs.
///
/// With several addresses to send to, give smoltcp's neighbour cache (feature `iface-neighbor-cache-count-*`) one entry for
/// every client and one for the router.
#[derive(Debug)]
pub struct Memory<'a, const CLIENTS: usize> {
    /// Each connection's buffers.
    pub clients: [ClientMemory<'a>; CLIENTS],
    /// RTP packets that wait for the network device, of all clients; eight of 1472 bytes do well.
    pub rtp: udp::PacketBuffer<'a>,
    /// RTCP packets that have come in; four of 256 bytes are plenty.
    pub rtcp_rx: udp::PacketBuffer<'a>,
    /// RTCP packets that wait for the network device, likewise.
    pub rtcp_tx: udp::PacketBuffer<'a>,
}

/// Arrays that make up a [`Memory`]: `CLIENTS` connections with four buffers of `BUFFER` bytes each, and `PACKETS` RTP
/// packets of the largest size. It takes about `CLIENTS * BUFFER * 4 + PACKETS * 1536 + 2400` bytes.
///
/// Put it into a `static` cell on firmware: it is too large for most stacks.
#[derive(Debug)]
pub struct Storage<const CLIENTS: usize, const BUFFER: usize = 2048, const PACKETS: usize = 8> {
    clients: [[[u8; BUFFER]; 4]; CLIENTS],
    rtp: [[u8; DATAGRAM]; PACKETS],
    rtp_meta: [udp::PacketMetadata; PACKETS],
    rtcp: [[[u8; REPORT]; REPORTS]; 2],
    rtcp_meta: [[udp::PacketMetadata; REPORTS]; 2],
}

impl<const CLIENTS: usize, const BUFFER: usize, const PACKETS: usize> Storage<CLIENTS, BUFFER, PACKETS> {
    /// Empty buffers; can be the value of a `static`.
    pub const fn new() -> Self {
        Self {
            clients: [[[0; BUFFER]; 4]; CLIENTS],
            rtp: [[0; DATAGRAM]; PACKETS],
            rtp_meta: [udp::PacketMetadata::EMPTY; PACKETS],
            rtcp: [[[0; REPORT]; REPORTS]; 2],
            rtcp_meta: [[udp::PacketMetadata::EMPTY; REPORTS]; 2],
        }
    }

    /// Lends all of it to one server.
    pub fn lend(&mut self) -> Memory<'_, CLIENTS> {
        let [rtcp_rx, rtcp_tx] = &mut self.rtcp;
        let [rtcp_rx_meta, rtcp_tx_meta] = &mut self.rtcp_meta;
        Memory {
            clients: self.clients.each_mut().map(|[socket_rx, socket_tx, rx, tx]| ClientMemory {
                socket_rx,
                socket_tx,
                rx,
                tx,
            }),
            rtp: udp::PacketBuffer::new(&mut self.rtp_meta[..], self.rtp.as_flattened_mut()),
            rtcp_rx: udp::PacketBuffer::new(&mut rtcp_rx_meta[..], rtcp_rx.as_flattened_mut()),
            rtcp_tx: udp::PacketBuffer::new(&mut rtcp_tx_meta[..], rtcp_tx.as_flattened_mut()),
        }
    }
}

impl<const CLIENTS: usize, const BUFFER: usize, const PACKETS: usize> Default for Storage<CLIENTS, BUFFER, PACKETS> {
    fn default() -> Self {
        Self::new()
    }
}
