//! The memory a server works in, all of it the caller's.

use heapless::Vec;
use smoltcp::socket::udp;

/// Bytes of UDP payload in an Ethernet frame over IPv4.
const DATAGRAM: usize = 1472;

/// RTCP packets kept in either direction, and bytes for each: one at a time is answered, BYE to all clients is the burst.
const REPORTS: usize = 4;
const REPORT: usize = 256;

/// Datagrams to the RTP port kept, and bytes for all of them: they are small, and only where they come from matters.
const PUNCHES: usize = 2;
const PUNCH_BYTES: usize = 64;

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

/// All that a [`Server`](super::Server) for `CONNECTIONS` connections needs.
///
/// With several addresses to send to, give smoltcp's neighbour cache (feature `iface-neighbor-cache-count-*`) one entry for
/// every client and one for the router.
#[derive(Debug)]
pub struct Memory<'a, const CONNECTIONS: usize> {
    /// Each connection's buffers.
    pub clients: [ClientMemory<'a>; CONNECTIONS],
    /// RTP packets that wait for the network device, of all clients; eight of 1472 bytes do well.
    pub rtp: udp::PacketBuffer<'a>,
    /// Datagrams to the RTP port that have come in, by which clients behind address translators tell where they receive; two of 32
    /// bytes are plenty, and none does where nobody is behind one.
    pub rtp_rx: udp::PacketBuffer<'a>,
    /// RTCP packets that have come in; four of 256 bytes are plenty.
    pub rtcp_rx: udp::PacketBuffer<'a>,
    /// RTCP packets that wait for the network device, likewise.
    pub rtcp_tx: udp::PacketBuffer<'a>,
}

/// Arrays that make up a [`Memory`]: `CONNECTION_BYTES` bytes for each of `CONNECTIONS` connections, and `PACKETS` RTP packets of the
/// largest size. It takes about `CONNECTIONS * CONNECTION_BYTES + PACKETS * 1536 + 2600` bytes.
///
/// Of a connection's bytes, 1 KB is for a request, 1.5 KB for an answer or a packet, up to 1 KB for what the peer sends
/// ahead (of less than 8 KB, less of each), and the rest for what was sent and is not acknowledged: make that two segments
/// of 1460 bytes at least, because many peers acknowledge every other one at once, and a single one late.
///
/// Put it into a `static` cell on firmware: it is too large for most stacks. All of it starts as zeros, so that it takes
/// no flash.
#[derive(Debug)]
pub struct Storage<const CONNECTIONS: usize, const CONNECTION_BYTES: usize = 8192, const PACKETS: usize = 8> {
    clients: [[u8; CONNECTION_BYTES]; CONNECTIONS],
    rtp: [[u8; DATAGRAM]; PACKETS],
    /// Empty until it is lent: smoltcp's empty metadata is not zeros, and would put all of the storage into flash.
    rtp_meta: Vec<udp::PacketMetadata, PACKETS>,
    rtp_rx: [u8; PUNCH_BYTES],
    rtp_rx_meta: Vec<udp::PacketMetadata, PUNCHES>,
    rtcp: [[[u8; REPORT]; REPORTS]; 2],
    rtcp_meta: [Vec<udp::PacketMetadata, REPORTS>; 2],
}

impl<const CONNECTIONS: usize, const CONNECTION_BYTES: usize, const PACKETS: usize>
    Storage<CONNECTIONS, CONNECTION_BYTES, PACKETS>
{
    /// Empty buffers; can be the value of a `static`.
    pub const fn new() -> Self {
        Self {
            clients: [[0; CONNECTION_BYTES]; CONNECTIONS],
            rtp: [[0; DATAGRAM]; PACKETS],
            rtp_meta: Vec::new(),
            rtp_rx: [0; PUNCH_BYTES],
            rtp_rx_meta: Vec::new(),
            rtcp: [[[0; REPORT]; REPORTS]; 2],
            rtcp_meta: [const { Vec::new() }; 2],
        }
    }

    /// Lends all of it to one server.
    pub fn lend(&mut self) -> Memory<'_, CONNECTIONS> {
        let [rtcp_rx, rtcp_tx] = &mut self.rtcp;
        let [rtcp_rx_meta, rtcp_tx_meta] = &mut self.rtcp_meta;
        Memory {
            clients: self.clients.each_mut().map(|bytes| ClientMemory::split(bytes)),
            rtp: udp::PacketBuffer::new(empty(&mut self.rtp_meta), self.rtp.as_flattened_mut()),
            rtp_rx: udp::PacketBuffer::new(empty(&mut self.rtp_rx_meta), &mut self.rtp_rx[..]),
            rtcp_rx: udp::PacketBuffer::new(empty(rtcp_rx_meta), rtcp_rx.as_flattened_mut()),
            rtcp_tx: udp::PacketBuffer::new(empty(rtcp_tx_meta), rtcp_tx.as_flattened_mut()),
        }
    }
}

impl<'a> ClientMemory<'a> {
    /// One piece of memory as four.
    fn split(bytes: &'a mut [u8]) -> Self {
        let len = bytes.len();
        let (rx, bytes) = bytes.split_at_mut((len / 4).min(1024));
        let (tx, bytes) = bytes.split_at_mut((len / 4).min(1536));
        let (socket_rx, socket_tx) = bytes.split_at_mut((len / 8).min(1024));
        Self { socket_rx, socket_tx, rx, tx }
    }
}

/// As many empty slots as there is room for.
fn empty<const N: usize>(slots: &mut Vec<udp::PacketMetadata, N>) -> &mut [udp::PacketMetadata] {
    slots.clear();
    while slots.push(udp::PacketMetadata::EMPTY).is_ok() {}
    slots
}

impl<const CONNECTIONS: usize, const CONNECTION_BYTES: usize, const PACKETS: usize> Default
    for Storage<CONNECTIONS, CONNECTION_BYTES, PACKETS>
{
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connections_memory_is_all_used_and_most_of_it_for_what_is_under_way() {
        // (bytes, request, answer, ahead, under way)
        let cases = [
            (8192, 1024, 1536, 1024, 4608),
            (7168, 1024, 1536, 896, 3712),
            (65_536, 1024, 1536, 1024, 61_952),
            (4096, 1024, 1024, 512, 1536),
            (0, 0, 0, 0, 0),
        ];
        for (len, request, answer, ahead, under_way) in cases {
            let mut bytes = std::vec![0; len];
            let ClientMemory { socket_rx, socket_tx, rx, tx } = ClientMemory::split(&mut bytes);
            assert_eq!(
                [rx.len(), tx.len(), socket_rx.len(), socket_tx.len()],
                [request, answer, ahead, under_way],
                "{len}"
            );
        }
    }
}
