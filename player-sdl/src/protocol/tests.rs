//! A record as a whole: what comes in as bytes, and what is told of it.

use super::*;
use mutoscope::wire::rtcp::Emitter;

fn packet(sequence: u16, timestamp: u32, marker: bool, payload: &[u8]) -> Vec<u8> {
    let mut header = [0; 12];
    mutoscope::wire::rtp::Repr { marker, payload_type: 26, sequence, timestamp, ssrc: 7 }.emit(&mut header);
    [&header[..], payload].concat()
}

const MAIN: [u8; 9] = [0, 0, 0, 8, 1, 90, 40, 30, 5];

fn interleaved(channel: u8, bytes: &[u8]) -> Vec<u8> {
    let [high, low] = (bytes.len() as u16).to_be_bytes();
    [&[b'$', channel, high, low], bytes].concat()
}

fn receiver_report() -> Vec<u8> {
    let mut buffer = [0; 64];
    let len = Emitter::new(&mut buffer).receiver_report(9, &[]).unwrap().cname(9, "me").unwrap().finish();
    buffer[..len].to_vec()
}

#[test]
fn what_comes_within_the_connection_is_told_apart_and_written_down() {
    let (mut record, begun) = (Record::default(), Instant::now());
    let at = |ms| begun + Duration::from_millis(ms);
    let connection = record.connect(begun, "192.0.2.1:554");
    record.stream(at(1), connection, Side::Us, b"SETUP rtsp://anna:S3cret@h/a RTSP/1.0\r\nCSeq: 1\r\n\r\n");
    let answer = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;interleaved=2-3\r\n\r\n";
    let media = interleaved(2, &packet(5, 100, false, &MAIN));
    record.stream(at(2), connection, Side::Server, &[answer.as_slice(), &media].concat());
    for (sequence, ms) in [(6, 3), (9, 4), (8, 5), (9, 6)] {
        let media = interleaved(2, &packet(sequence, 100, sequence == 9, &MAIN));
        media.chunks(5).for_each(|part| record.stream(at(ms), connection, Side::Server, part));
    }
    record.stream(at(7), connection, Side::Us, &interleaved(3, &receiver_report()));
    record.settle(at(80));
    let text = record.text("rtsp://anna:S3cret@h/a");
    let expected = "Protocol of rtsp://(hidden)@h/a
Seconds since the first bytes; > from the player, < from the server.

RTSP: 3 messages
    0.000000 * Connected to 192.0.2.1:554  [Init]
    0.001000 > SETUP rtsp://(hidden)@h/a RTSP/1.0  [Init]
               CSeq: 1
    0.002000 < RTSP/1.0 200 OK  [Init -> Ready]
               CSeq: 1
               Transport: RTP/AVP/TCP;interleaved=2-3

RTP: 5 packets
1 missing, 1 late, 1 twice
    0.002000 len=21 V=2 P=0 X=0 CC=0 M=0 PT=26 seq=5 ts=100 SSRC=0x00000007 type-specific=0 offset=8 type=1 Q=90 width=320 height=240 data=1
    0.003000 len=21 V=2 P=0 X=0 CC=0 M=0 PT=26 seq=6 ts=100 SSRC=0x00000007 type-specific=0 offset=8 type=1 Q=90 width=320 height=240 data=1
    0.004000 len=21 V=2 P=0 X=0 CC=0 M=1 PT=26 seq=9 ts=100 SSRC=0x00000007 type-specific=0 offset=8 type=1 Q=90 width=320 height=240 data=1  (2 missing before it)
    0.005000 len=21 V=2 P=0 X=0 CC=0 M=0 PT=26 seq=8 ts=100 SSRC=0x00000007 type-specific=0 offset=8 type=1 Q=90 width=320 height=240 data=1  (late, behind 1)
    0.006000 len=21 V=2 P=0 X=0 CC=0 M=1 PT=26 seq=9 ts=100 SSRC=0x00000007 type-specific=0 offset=8 type=1 Q=90 width=320 height=240 data=1  (twice)

RTCP: 1 packets
    0.007000 > RR, SDES len=24 RR=0x00000009 CNAME=me
";
    assert_eq!(text, expected);
    assert!(record.is_interleaved());
    let counts = record.media().counts();
    assert_eq!((counts.packets, counts.missing, counts.late, counts.twice), (5, 1, 1, 1));
    let found: Vec<u32> = record.media().buckets().map(|bucket| bucket.packets).collect();
    assert_eq!(found, [5, 0], "figures go on where nothing comes");
}

/// A record of a short conversation: five messages, sixty packets with gaps, some late and some twice, and reports.
pub(crate) fn conversation() -> Protocol {
    let (protocol, begun) = (Protocol::default(), Instant::now());
    let mut record = protocol.lock();
    let connection = record.connect(begun, "192.0.2.1:554");
    let at = |ms| begun + Duration::from_millis(ms);
    record.stream(at(1), connection, Side::Us, b"SETUP rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\n\r\n");
    let answer = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nTransport: RTP/AVP;unicast;client_port=25000-25001\r\n\r\n";
    record.stream(at(2), connection, Side::Server, answer);
    record.stream(at(3), connection, Side::Us, b"PLAY rtsp://h/a RTSP/1.0\r\nCSeq: 2\r\n\r\n");
    record.stream(at(4), connection, Side::Server, b"RTSP/1.0 404 Not Found\r\nCSeq: 2\r\n\r\n");
    let sequences = (100..130).chain(135..145).chain([132, 144]).chain(145..163);
    for (count, sequence) in sequences.enumerate() {
        let packet = packet(sequence, count as u32 / 6 * 3750, count % 6 == 5, &MAIN);
        record.datagram(at(10 + count as u64 * 7), Traffic::Rtp, false, &packet);
    }
    record.datagram(at(500), Traffic::Rtcp, true, &receiver_report());
    drop(record);
    protocol
}

/// One more packet comes.
pub(crate) fn packet_comes(protocol: &Protocol, sequence: u16) {
    protocol.lock().datagram(Instant::now(), Traffic::Rtp, false, &packet(sequence, 0, false, &MAIN));
}

#[test]
fn packets_over_udp_encrypted_of_the_lab_and_of_other_formats_have_their_kinds() {
    let mut record = Record::default();
    let now = Instant::now();
    let connection = record.connect(now, "h");
    let kinds = |record: &Record| record.media().packets().iter().map(|packet| packet.kind).collect::<Vec<_>>();
    let setup = |record: &mut Record, transport: &str| {
        record.stream(now, connection, Side::Us, b"SETUP rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\n\r\n");
        let answer = format!("RTSP/1.0 200 OK\r\nCSeq: 1\r\nTransport: {transport}\r\n\r\n");
        record.stream(now, connection, Side::Server, answer.as_bytes());
    };
    setup(&mut record, "RTP/AVP;client_port=1-2");
    record.datagram(now, Traffic::Rtp, false, &packet(1, 0, true, &MAIN));
    record.datagram(now, Traffic::Rtp, false, &packet(2, 0, true, &[0xff, 0xd8, 0xff, 0xe0]));
    let mut other = packet(3, 0, true, &[0x65]);
    other[1] = 97;
    record.datagram(now, Traffic::Rtp, false, &other);
    record.datagram(now, Traffic::Rtp, false, b"no");
    record.datagram(now, Traffic::Rtp, true, b"what opens the way");
    setup(&mut record, "RTP/SAVP;client_port=1-2");
    record.datagram(now, Traffic::Rtp, false, &packet(4, 0, true, &MAIN));
    record.datagram(now, Traffic::Rtcp, false, &receiver_report());
    assert!(record.dialogue.facts.encrypted && record.reports().iter().all(|report| report.names() == "RR, encrypted"));
    let connection = record.connect(now, "h");
    record.stream(
        now,
        connection,
        Side::Us,
        b"SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 5",
    );
    record.datagram(now, Traffic::Rtp, false, &packet(5, 0, true, &[1, 2, 3]));
    // Whoever opens the pane at once sees it without waiting for what follows.
    record.settle(now + PATIENCE);
    record.datagram(now, Traffic::Rtp, false, &packet(6, 0, true, &[1, 2, 3]));
    let expected = [Kind::Jpeg, Kind::File, Kind::Other, Kind::Jpeg, Kind::Encrypted, Kind::Jpeg, Kind::File];
    assert_eq!(kinds(&record), expected);
}

/// Numbers by chance, the same ones in each run.
struct Random(u64);

impl Random {
    const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}

/// Bytes by chance, more often such as have a meaning.
fn bytes(random: &mut Random, most: u64) -> Vec<u8> {
    const WORDS: [&[u8]; 16] = [
        b"RTSP/1.0 200 OK\r\n",
        b"SETUP a RTSP/1.0\n",
        b"PLAY rtsp://a:b@c RTSP/1.0\r\n",
        b"CSeq: 1\r\n",
        b"Content-Length: 99999999999999999999\r\n",
        b"Content-Length: 40\r\n",
        b"Content-Type: application/sdp\r\n",
        b"Transport: RTP/SAVP;interleaved=255-0\r\n",
        b"a=rtpmap:999 JPEG/90000\r\n",
        b"\r\n\r\n",
        b"$\x00\x00\x20",
        b"$\x01\xff\xff",
        &[0xbf, 0x9a, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 7],
        &[0x80, 0x1a, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 65, 255, 0, 0, 0, 0, 0, 0, 0, 3, 0xff, 0xff],
        &[0x81, 200, 0, 6],
        "\u{202e}\u{1b}[2J\u{e4}".as_bytes(),
    ];
    let mut all = Vec::new();
    for _ in 0..random.bits() % most {
        match random.bits() % 24 {
            word if word < 16 => all.extend_from_slice(WORDS[word as usize]),
            _ => all.extend((0..random.bits() % 40).map(|_| random.bits() as u8)),
        }
    }
    all
}

#[test]
fn any_bytes_do_no_harm_and_take_no_more_memory() {
    let (mut record, begun) = (Record::default(), Instant::now());
    let mut random = Random::new(15);
    for step in 0..20_000 {
        let now = begun + Duration::from_millis(step * 7);
        let data = bytes(&mut random, 12);
        match random.bits() % 8 {
            0 => _ = record.connect(now, "h"),
            1 => record.datagram(now, Traffic::Rtcp, step % 2 == 0, &data),
            2 | 3 => record.datagram(now, Traffic::Rtp, false, &data),
            4 => record.stream(now, record.connections, Side::Us, &data),
            5 => record.stream(now, record.connections.wrapping_sub(1), Side::Us, &data),
            6 => record.settle(now),
            _ => record.stream(now, record.connections, Side::Server, &data),
        }
        if step % 500 == 0 {
            let text = record.text("rtsp://x");
            assert!(text.len() < 2_000_000, "{}", text.len());
            assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "nothing that moves the cursor");
            for message in record.messages().iter() {
                explain::message(message);
            }
        }
    }
    assert!(record.messages().len() <= 500 && record.reports().len() <= MOST_REPORTS);
    assert_eq!(record.media().packets().len(), MOST_PACKETS);
    assert!(record.media().buckets().len() <= BUCKETS);
}

#[test]
fn every_field_that_there_is_has_an_explanation() {
    let mut random = Random::new(7);
    let mut record = Record::default();
    let now = Instant::now();
    for _ in 0..3000 {
        record.datagram(now, Traffic::Rtp, false, &bytes(&mut random, 6));
        record.datagram(now, Traffic::Rtcp, false, &bytes(&mut random, 6));
    }
    let packets = record.media().packets().iter().flat_map(Packet::fields);
    let reports = record.reports().iter().flat_map(Report::fields);
    for field in packets.chain(reports) {
        assert!(explain::field(field.topic).is_some(), "{field:?}");
    }
    for topic in ["rtp", "rtcp", "srtp", "srtcp", "tables", "reporter", "file"] {
        assert!(explain::field(topic).is_some(), "{topic}");
    }
}
