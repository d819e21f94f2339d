//! The parts of frames: types, tables, dimensions, ends.

use super::*;

#[test]
fn what_the_packetizer_takes_apart_is_put_together_again() {
    for (kind, restart_interval) in [(0, 0), (1, 0), (64, 7), (65, 40)] {
        for len in [1, 2, 847, 848, 849, 992, 5000, 19_253] {
            let mut stream = Stream::new(len);
            (stream.format.kind, stream.format.restart_interval) = (kind, restart_interval);
            let mut receiver = receiver();
            let packets = stream.frames(5);
            let files = run(&mut receiver, ms(0), &packets);
            assert_eq!(numbers(&files, len), [0, 1, 2, 3, 4], "type {kind}, {len} bytes");
            for file in &files {
                let layout = Layout::parse(file).unwrap();
                assert_eq!((layout.width, layout.height, layout.restart_interval), (320, 240, restart_interval));
                assert_eq!(layout.quantization.map(|span| span.of(file)), [&[1; 64], &[2; 64]]);
                assert_eq!(layout.rtp_format().unwrap().kind, kind);
            }
            let statistics = receiver.statistics();
            assert_eq!((statistics.frames, statistics.frames_dropped, statistics.lost), (5, 0, 0));
            assert_eq!(statistics.packets, packets.len() as u64);
            assert_eq!(statistics.octets, packets.iter().map(|packet| packet.len() as u64 - 12).sum::<u64>());
            assert_eq!((statistics.ssrc, statistics.rejected), (Some(THEIRS), 0));
        }
    }
}

#[test]
fn a_frame_says_what_it_is_and_when_it_came() {
    let mut receiver = receiver();
    let mut stream = Stream::new(2500);
    for number in 1..=3u32 {
        let timestamp = stream.timestamp;
        for (index, packet) in stream.frame().iter().enumerate() {
            assert_eq!(receiver.poll_frame(ms(0)), None);
            receiver.handle_packet(ms(u64::from(number) * 40 + index as u64), packet).unwrap();
        }
        let received = receiver.poll_frame(ms(999)).unwrap();
        let (first_arrival, arrived) = (ms(u64::from(number) * 40), ms(u64::from(number) * 40 + 2));
        let len = receiver.frame().len();
        assert_eq!(received, Received { number, timestamp, len, first_arrival, arrived, sampled: first_arrival });
    }
    assert!(!receiver.frame().is_empty());
    receiver.handle_timeout(ms(999));
    assert!(receiver.frame().is_empty(), "the frame was lent until now");
}

#[test]
fn frames_end_with_one_eoi_however_the_scan_ends() {
    let cases: [(&str, &[u8], &[u8]); 8] = [
        ("plain", &[1, 2, 3], &[1, 2, 3, 0xff, 0xd9]),
        ("EOI present", &[1, 2, 0xff, 0xd9], &[1, 2, 0xff, 0xd9]),
        ("ff 00", &[1, 2, 0xff, 0x00], &[1, 2, 0xff, 0x00, 0xff, 0xd9]),
        ("00 d9", &[1, 2, 0x00, 0xd9], &[1, 2, 0x00, 0xd9, 0xff, 0xd9]),
        ("d9 alone", &[0xd9], &[0xd9, 0xff, 0xd9]),
        ("a restart marker", &[1, 0xff, 0xd0], &[1, 0xff, 0xd0, 0xff, 0xd9]),
        ("a lone ff", &[1, 0xff], &[1, 0xff, 0xff, 0xd9]),
        ("padded after EOI", &[1, 0xff, 0xd9, 0, 0], &[1, 0xff, 0xd9, 0, 0, 0xff, 0xd9]),
    ];
    for (name, scan, end) in cases {
        for cut in 0..scan.len() {
            // The data comes in one packet, and in two, cut at every place, also within the marker.
            let mut receiver = receiver();
            let mut packets = Vec::new();
            if cut > 0 {
                packets.push(Raw::FIRST.bytes(&scan[..cut]));
            }
            packets.push(Raw::FIRST.at(100 + packets.len() as u16, cut as u32).last().bytes(&scan[cut..]));
            let files = run(&mut receiver, ms(0), &packets);
            assert!(files.len() == 1 && files[0].ends_with(end), "{name}, cut at {cut}: {files:?}");
            assert_eq!(files[0][files[0].len() - end.len() - 1], 0, "{name}: the SOS header's last byte");
        }
    }
}

#[test]
fn an_empty_last_packet_may_carry_the_marker() {
    let mut receiver = receiver();
    let packets = [Raw::FIRST.bytes(&[1, 2, 3]), Raw::FIRST.at(101, 3).last().bytes(&[])];
    let files = run(&mut receiver, ms(0), &packets);
    assert_eq!(scan_of(&files[0]), [1, 2, 3]);
}

#[test]
fn tables_of_q_128_to_254_need_to_come_once() {
    let mut receiver = receiver();
    let mut raw = Raw::FIRST.last();
    raw.main.q = 200;
    let mut frame = |sequence: u16, rest: &[u8]| {
        raw.timestamp += FRAME_TICKS;
        run(&mut receiver, ms(0), [&raw.at(sequence, 0).bytes(rest)])
    };
    assert!(frame(100, &tables(0, &[], &[1])).is_empty(), "never sent");
    for sequence in [101, 102, 103] {
        let sent: &[u8] = if sequence == 101 { &[[5; 64], [6; 64]].concat() } else { &[] };
        let files = frame(sequence, &tables(0, sent, &[1]));
        let layout = Layout::parse(&files[0]).unwrap();
        assert_eq!(layout.quantization.map(|span| span.of(&files[0])[0]), [5, 6]);
    }
    assert_eq!(receiver.statistics().frames_unusable, 1);
}

#[test]
fn tables_longer_than_their_packet_spoil_only_their_frame() {
    let mut receiver = receiver();
    let mut raw = Raw::FIRST.last();
    raw.main.q = 255;
    for (sequence, length) in [(100, 65_535), (101, 129)] {
        let mut rest = tables(0, &[1; 128], &[]);
        rest[2..4].copy_from_slice(&u16::to_be_bytes(length));
        assert_eq!(receiver.handle_packet(ms(0), &raw.at(sequence, 0).bytes(&rest)), Err(Rejected::Tables));
    }
    let good = raw.at(102, 0).bytes(&tables(0, &[1; 128], &[1]));
    assert_eq!(receiver.handle_packet(ms(0), &good), Ok(()));
    assert_eq!(fetch(&mut receiver, ms(0)).len(), 1);
}

#[test]
fn pictures_wider_than_2040_take_their_dimensions_from_the_description() {
    let config = Config { dimensions: Some((2560, 1920)), ..Config::default() };
    let mut raw = Raw::FIRST.last();
    (raw.main.width, raw.main.height) = (0, 0);
    let packet = raw.bytes(&[1, 2, 3]);
    let files = run(&mut receiver_of::<2>(config), ms(0), [&packet]);
    let layout = Layout::parse(&files[0]).unwrap();
    assert_eq!((layout.width, layout.height), (2560, 1920));
    let mut unknowing = receiver();
    assert_eq!(unknowing.handle_packet(ms(0), &packet), Err(Rejected::Dimensions));
    assert_eq!(unknowing.statistics().frames_unusable, 1);
}

#[test]
fn a_whole_file_in_the_payload_comes_out_as_it_is() {
    let mut stream = Stream::new(2500);
    let file = run(&mut receiver(), ms(0), &stream.frame()).remove(0);
    for q in [80, 255] {
        let mut raw = Raw::FIRST;
        (raw.main.width, raw.main.height, raw.main.q) = (0, 0, q);
        let packets = [
            raw.bytes(&file[..1000]),
            raw.at(101, 1000).bytes(&file[1000..2000]),
            raw.at(102, 2000).last().bytes(&file[2000..]),
        ];
        assert_eq!(run(&mut receiver(), ms(0), &packets), std::slice::from_ref(&file), "Q {q}");
    }
}

#[test]
fn csrcs_extension_and_padding_are_no_picture_data() {
    let mut receiver = receiver();
    let mut packet = Raw::FIRST.last().bytes(&[1, 2, 3]);
    packet.extend([0, 0, 0, 4]);
    packet[0] = 0xb2;
    packet.splice(12..12, *b"\0\0\0\x01\0\0\0\x02\xbe\xde\0\x01extn");
    let files = run(&mut receiver, ms(0), [&packet]);
    assert_eq!(scan_of(&files[0]), [1, 2, 3]);
}

#[test]
fn interlaced_fields_come_out_as_pictures() {
    for type_specific in [1, 2, 3, 255] {
        let mut raw = Raw::FIRST.last();
        raw.main.type_specific = type_specific;
        assert_eq!(run(&mut receiver(), ms(0), [&raw.bytes(&[1])]).len(), 1);
    }
}

#[test]
fn reserved_types_and_q_yield_no_frame() {
    for (kind, q, expected) in [
        (2, 80, Rejected::Kind),
        (63, 80, Rejected::Kind),
        (128, 80, Rejected::Kind),
        (1, 0, Rejected::Q),
        (0, 127, Rejected::Q),
    ] {
        let mut raw = Raw::FIRST.last();
        (raw.main.kind, raw.main.q) = (kind, q);
        let mut receiver = receiver();
        assert_eq!(receiver.handle_packet(ms(0), &raw.bytes(&[1])), Err(expected));
        assert_eq!(receiver.poll_frame(ms(999)), None);
    }
}

#[test]
fn frames_are_sampled_as_evenly_as_their_timestamps_say() {
    let mut stream = Stream::new(500);
    let mut receiver = receiver();
    let mut sampled = Vec::new();
    for (number, jitter) in (0..).zip([9, 0, 30, 7, 0, 25, 90, 4]) {
        let now = ms(1000 + number * 40 + jitter);
        for packet in stream.frame() {
            receiver.handle_packet(now, &packet).unwrap();
        }
        let received = receiver.poll_frame(now).unwrap();
        assert!(received.sampled <= received.first_arrival);
        sampled.push(received.sampled.as_micros());
    }
    assert!(sampled.is_sorted());
    // The first one was late, which the second one has shown.
    for pair in sampled[1..].windows(2) {
        assert!((pair[1] - pair[0]).abs_diff(40_000) < 1000, "{sampled:?}");
    }
    // A pause and another beginning.
    receiver.reset();
    let now = ms(9000);
    for packet in stream.frame() {
        receiver.handle_packet(now, &packet).unwrap();
    }
    assert_eq!(receiver.poll_frame(now).unwrap().sampled, now);
}
