//! What is written, read again.

use super::*;
use crate::media::testing::Folder;
use etherparse::{NetSlice, SlicedPacket, TransportSlice};

/// The packets of a file: addresses, and what is in them.
fn packets(path: &Path) -> Vec<(String, Vec<u8>)> {
    let bytes = std::fs::read(path).unwrap();
    let word = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
    assert_eq!((word(0), word(20)), (0xA1B2_C3D4, 101));
    let (mut at, mut all) = (24, Vec::new());
    while at < bytes.len() {
        let len = word(at + 8) as usize;
        assert_eq!(len, word(at + 12) as usize);
        let packet = SlicedPacket::from_ip(&bytes[at + 16..at + 16 + len]).unwrap();
        let (source, target) = match packet.net.as_ref().unwrap() {
            NetSlice::Ipv4(ip) => (ip.header().source_addr().to_string(), ip.header().destination_addr().to_string()),
            NetSlice::Ipv6(ip) => (ip.header().source_addr().to_string(), ip.header().destination_addr().to_string()),
            _ => panic!("no IP"),
        };
        let (ports, payload) = match packet.transport.as_ref().unwrap() {
            TransportSlice::Udp(udp) => ((udp.source_port(), udp.destination_port(), 0, 0), udp.payload().to_vec()),
            TransportSlice::Tcp(tcp) => {
                let numbers = (tcp.sequence_number(), tcp.acknowledgment_number());
                ((tcp.source_port(), tcp.destination_port(), numbers.0, numbers.1), tcp.payload().to_vec())
            }
            _ => panic!("neither UDP nor TCP"),
        };
        all.push((format!("{source}:{} > {target}:{} {} {}", ports.0, ports.1, ports.2, ports.3), payload));
        at += 16 + len;
    }
    all
}

#[test]
fn a_conversation_is_packets_with_addresses_and_numbers() {
    let folder = Folder::new();
    let path = folder.path().join("a.pcap");
    let capture = Capture::create(&path).unwrap();
    let [local, peer] = ["192.0.2.1:40000", "[::ffff:192.0.2.7]:8554"].map(|text| text.parse().unwrap());
    let mut connection = capture.connection(local, peer);
    connection.wrote(b"OPTIONS * RTSP/1.0\r\nAuthorization: x\r\n\r\n");
    connection.read(b"RTSP/1.0 200 OK\r\n\r\n");
    connection.wrote(&[7; packet::MOST + 1]);
    let mut socket = capture.socket("0.0.0.0:25000".parse().unwrap());
    socket.received(Meta { from: "192.0.2.7:6970".parse().unwrap(), to: local.ip().into() }, &[0x80, 0x1A]);
    socket.sent(None, "192.0.2.7:6971".parse().unwrap(), &mut [&b"re"[..], b"port"].into_iter());
    let mut six = capture.socket("[fd00::1]:5000".parse().unwrap());
    six.sent(None, "[fd00::2]:5002".parse().unwrap(), &mut [&b"six"[..]].into_iter());
    // Not what can be: it is left out.
    capture.write(packet::udp(local, "[fd00::2]:1".parse().unwrap(), b"").as_deref());
    drop((connection, socket, six, capture));
    let all = packets(&path);
    let lines: Vec<_> = all.iter().map(|(line, bytes)| format!("{line}: {}", bytes.len())).collect();
    assert_eq!(
        lines,
        [
            "192.0.2.1:40000 > 192.0.2.7:8554 1 1: 40",
            "192.0.2.7:8554 > 192.0.2.1:40000 1 41: 19",
            "192.0.2.1:40000 > 192.0.2.7:8554 41 20: 32768",
            "192.0.2.1:40000 > 192.0.2.7:8554 32809 20: 1",
            "192.0.2.7:6970 > 192.0.2.1:25000 0 0: 2",
            "0.0.0.0:25000 > 192.0.2.7:6971 0 0: 6",
            "fd00::1:5000 > fd00::2:5002 0 0: 3",
        ]
    );
    assert!(all[0].1.ends_with(b"Authorization: *\r\n\r\n") && all[5].1 == b"report");
    assert!(!crate::files::is_open_to_others(&path));
}
