//! Targets of the binary formats, and of how frames become packets.

use mutoscope::jpeg::Layout;
use mutoscope::rtp::fragment::{Fragments, jpeg as rtp_jpeg_fragments};
use mutoscope::rtp::packet;
use mutoscope::rtp::sender::Sender;
use mutoscope::wire::onvif;
use mutoscope::wire::rtcp::{self, Compound, ReportBlock, SenderInfo};
use mutoscope::wire::rtp::{HEADER_LEN, Packet, Repr};
use mutoscope::wire::rtp_jpeg::Payload;

/// An RTP packet.
pub fn rtp(data: &[u8]) {
    let Ok(packet) = Packet::new_checked(data) else { return };
    let repr = Repr::parse(&packet);
    let mut header = [0; HEADER_LEN];
    repr.emit(&mut header);
    // Except for padding, extension and CSRC count, the fixed header is written as it was read.
    assert_eq!(header[1..], data[1..HEADER_LEN]);
    assert_eq!(header[0], 0x80);
    let csrcs = packet.csrcs().count();
    assert_eq!(csrcs, usize::from(data[0] & 15));
    let extension = packet.extension().map_or(0, |(_, words)| 4 + words.len());
    assert!(HEADER_LEN + 4 * csrcs + extension + packet.payload().len() <= data.len());
    // Whatever an extension is called, a size that it tells stands in it.
    let words = packet.extension().map_or(&[][..], |(_, words)| words);
    for profile in [onvif::JPEG, onvif::REPLAY] {
        if let Some((width, height)) = onvif::dimensions(profile, words) {
            let size = [height.to_be_bytes(), width.to_be_bytes()].concat();
            assert!(width > 0 && height > 0 && words.windows(4).any(|bytes| bytes == size));
        }
    }
}

/// The header of a packet whose extension tells the picture's size, and what begins a frame.
pub fn large() -> [u8; 44] {
    [
        0x90, 0x9a, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7, 0xff, 0xd8, 0, 5, 0xff, 0xc0, 0, 17, 8, 0x0b, 0x40, 0x14, 0, 3, 1,
        0x22, 0, 2, 0x11, 1, 3, 0x11, 1, 0xff, 0, 0, 0, 0, 1, 50, 0, 0,
    ]
}

/// Packets with everything that may be in a header.
pub fn rtp_seeds() -> Vec<Vec<u8>> {
    let plain = [0x80, 0x9a, 0x12, 0x34, 0, 0, 0, 1, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4];
    let csrcs = [0x82, 26, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1, 1, 1, 2, 2, 2, 2, 9];
    let extension = [0x90, 26, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0xbe, 0xde, 0, 1, 1, 2, 3, 4, 9];
    let padding = [0xa0, 26, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 9, 0, 0, 3];
    vec![plain.to_vec(), csrcs.to_vec(), extension.to_vec(), padding.to_vec(), large().to_vec()]
}

/// A compound RTCP packet.
pub fn rtcp(data: &[u8]) {
    let Ok(compound) = Compound::new_checked(data) else { return };
    let mut packets = 0;
    for packet in compound {
        packets += 1;
        match packet {
            rtcp::Packet::SenderReport { reports, .. } | rtcp::Packet::ReceiverReport { reports, .. } => {
                assert!(reports.count() <= 31);
            }
            rtcp::Packet::SourceDescription(description) => {
                for item in description.items() {
                    assert!(item.text.len() <= 255 && item.kind != 0);
                    assert!(description.cname(item.ssrc).is_none_or(|name| name.len() <= 255));
                }
            }
            rtcp::Packet::Goodbye(goodbye) => {
                assert!(goodbye.ssrcs().count() <= 31);
                assert!(goodbye.reason().is_none_or(|reason| reason.len() <= 255));
            }
            _ => {}
        }
    }
    assert!(0 < packets && packets * 4 <= data.len(), "{packets} packets in {} bytes", data.len());
}

/// Reports as this project and others send them.
pub fn rtcp_seeds() -> Vec<Vec<u8>> {
    let mut buffer = [0; 256];
    let info = SenderInfo { ssrc: 7, ntp: Default::default(), rtp_timestamp: 1, packets: 2, octets: 3 };
    let block = ReportBlock {
        ssrc: 7,
        fraction_lost: 1,
        cumulative_lost: -1,
        extended_highest_sequence: 5,
        jitter: 6,
        last_sr: 7,
        delay_since_last_sr: 8,
    };
    let mut seeds = Vec::new();
    let emitter = rtcp::Emitter::new(&mut buffer).sender_report(&info, &[block]).and_then(|e| e.cname(7, "a@b"));
    let len = emitter.map_or(0, rtcp::Emitter::finish);
    seeds.push(buffer[..len].to_vec());
    let emitter = rtcp::Emitter::new(&mut buffer).receiver_report(9, &[block, block]).and_then(|e| e.bye(9, "bye"));
    let len = emitter.map_or(0, rtcp::Emitter::finish);
    seeds.push(buffer[..len].to_vec());
    // APP, and padding at the end.
    seeds.push(vec![0x80, 204, 0, 2, 0, 0, 0, 1, b'n', b'a', b'm', b'e', 0xa0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4]);
    seeds
}

/// The headers of an RTP/JPEG payload.
pub fn rtp_jpeg(data: &[u8]) {
    let Ok(payload) = Payload::parse(data) else { return };
    assert!(payload.data.len() + 8 <= data.len());
    assert!(payload.main.fragment_offset < 1 << 24);
    assert_eq!(payload.restart.is_some(), payload.main.has_restart_header());
    let mut header = [0; 8];
    payload.main.emit(&mut header);
    assert_eq!(header, data[..8]);
    if let Some((luma, chroma, precision)) = payload.quantization.and_then(|tables| tables.split()) {
        assert_eq!(luma.len(), if precision & 1 == 0 { 64 } else { 128 });
        assert_eq!(chroma.len(), if precision & 2 == 0 { 64 } else { 128 });
    }
}

/// First and later packets, with and without restart header and tables.
pub fn rtp_jpeg_seeds() -> Vec<Vec<u8>> {
    let tables = [&[0, 0, 0, 0, 1, 255, 40, 30, 0, 0, 0, 128][..], &[16; 128], &[1, 2, 3]].concat();
    let wide = [&[0, 0, 0, 0, 0, 200, 40, 30, 0, 1, 0, 192][..], &[16; 192], &[1, 2, 3]].concat();
    let restart = [&[0, 0, 0, 0, 65, 50, 40, 30, 0, 4, 0xff, 0xff][..], &[1, 2, 3]].concat();
    let later = vec![0, 0, 5, 120, 1, 255, 40, 30, 9, 9, 9];
    vec![tables, wide, restart, later]
}

/// A frame to packets: all of it, in order, none too large.
pub fn packetizer(data: &[u8]) {
    let Ok(layout) = Layout::parse(data) else { return };
    let Ok(format) = layout.rtp_format() else { return };
    let limit = 300 + data.len() % 1200;
    let fragments = Fragments::Jpeg(rtp_jpeg_fragments::Fragments::new(&format, limit));
    let mut sender = Sender::new(7, 65_530);
    let (mut offset, mut marked, mut packets) = (0, false, 0_u32);
    let mut first_len = None;
    while let Some(packet) = packet::Packet::new(&sender, 90_000, &fragments, packets, data) {
        assert!(!marked, "a packet behind the last");
        let bytes = packet.segments().concat();
        assert_eq!(bytes.len(), packet.len());
        let parsed = Packet::new_checked(&bytes[..]).expect("our own packet");
        assert!(parsed.payload().len() <= limit, "{} bytes of payload, {limit} at most", parsed.payload().len());
        let payload = Payload::parse(parsed.payload()).expect("our own payload");
        assert_eq!(payload.main.fragment_offset as usize, offset);
        assert_eq!(payload.data, &format.scan.of(data)[offset..offset + payload.data.len()]);
        assert!(!payload.data.is_empty());
        offset += payload.data.len();
        marked = packet.marker();
        let first = *first_len.get_or_insert(bytes.len());
        assert!(marked && bytes.len() <= first || bytes.len() == first, "a train needs packets of one size");
        sender.commit(packet.payload_len());
        packets += 1;
    }
    assert!(packets == 0 || marked && offset == format.scan.of(data).len());
    assert!(packets == 0 || packets == fragments.count());
    assert_eq!(sender.packets(), packets);
}
