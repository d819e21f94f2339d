//! Packets that break the rules.

use super::*;

#[test]
fn packets_of_0_to_20_bytes_are_rejected_one_by_one() {
    let packet = Raw::FIRST.last().bytes(&[1]);
    for len in 0..20 {
        let mut receiver = receiver();
        let expected = if len < 12 { Rejected::Rtp(rtp::Error::Truncated) } else { Rejected::Truncated };
        assert_eq!(receiver.handle_packet(ms(0), &packet[..len]), Err(expected), "{len}");
        assert_eq!(receiver.poll_frame(ms(999)), None);
        assert_eq!(receiver.statistics().rejected, u64::from(len < 12));
    }
    let mut receiver = receiver();
    assert_eq!(receiver.handle_packet(ms(0), &packet[..20]), Err(Rejected::Empty));
    assert_eq!(receiver.handle_packet(ms(0), &Raw::FIRST.at(101, 5).bytes(&[])), Err(Rejected::Empty));
}

#[test]
fn headers_announced_and_missing_are_rejected() {
    for (kind, q, rest) in [(64, 80, &[0, 1, 0xff][..]), (1, 255, &[0, 0, 0]), (65, 128, &[0, 1, 0xff, 0xff, 0, 0])] {
        let mut raw = Raw::FIRST.last();
        (raw.main.kind, raw.main.q) = (kind, q);
        assert_eq!(receiver().handle_packet(ms(0), &raw.bytes(rest)), Err(Rejected::Truncated));
    }
}

#[test]
fn other_payload_types_are_rejected() {
    let mut receiver = receiver();
    for payload_type in (0..128).filter(|&payload_type| payload_type != 26) {
        let mut packet = Raw::FIRST.last().bytes(&[1]);
        packet[1] = 0x80 | payload_type;
        assert_eq!(receiver.handle_packet(ms(0), &packet), Err(Rejected::PayloadType(payload_type)));
    }
    assert_eq!((receiver.statistics().packets, receiver.statistics().rejected), (0, 127));
    assert_eq!(receiver.poll_timeout(), None);
}

#[test]
fn what_is_jpeg_by_its_number_is_taken_though_another_number_was_described() {
    let mut receiver = receiver_of::<2>(Config { payload_type: 96, ..Config::default() });
    let mut stream = Stream::new(5000);
    assert_eq!(numbers(&run(&mut receiver, ms(0), &stream.frame()), 5000), [0]);
    let mut described = stream.frame();
    for packet in &mut described {
        packet[1] = packet[1] & 0x80 | 96;
    }
    assert_eq!(numbers(&run(&mut receiver, ms(40), &described), 5000), [1]);
}

#[test]
fn what_is_wrong_is_known_until_a_frame_comes() {
    let mut receiver = receiver();
    let mut stream = Stream::new(5000);
    assert_eq!(receiver.trouble(), None);
    let mut other = stream.frame();
    other[0][1] = 97;
    let _ = receiver.handle_packet(ms(0), &other[0]);
    assert_eq!(receiver.trouble(), Some(NoFrameReason::Rejected(Rejected::PayloadType(97))));
    // Missing parts weigh more than strange packets that come to the port.
    let mut holed = stream.frame();
    holed.remove(2);
    run(&mut receiver, ms(0), &holed);
    assert_eq!(receiver.trouble(), Some(NoFrameReason::Rejected(Rejected::PayloadType(97))), "they may still come");
    receiver.handle_timeout(ms(200));
    assert_eq!(receiver.trouble(), Some(NoFrameReason::Incomplete));
    // Parts that cannot be used weigh more than missing parts.
    let mut unknown = stream.frame().swap_remove(0);
    unknown[16] = 2;
    assert_eq!(receiver.handle_packet(ms(200), &unknown), Err(Rejected::Kind));
    let _ = receiver.handle_packet(ms(200), &holed[0]);
    assert_eq!(receiver.trouble(), Some(NoFrameReason::Rejected(Rejected::Kind)), "not that one came twice");
    let sequence = u16::from_be_bytes([unknown[2], unknown[3]]);
    stream.sender.set_next_sequence(sequence.wrapping_add(1));
    run(&mut receiver, ms(240), &stream.frame());
    assert_eq!(fetch(&mut receiver, ms(400)).len(), 1);
    assert_eq!(receiver.trouble(), None);
    let _ = receiver.handle_packet(ms(280), &[0; 3]);
    receiver.reset();
    assert_eq!(receiver.trouble(), None);
}

#[test]
fn fragments_beyond_the_buffer_spoil_their_frame_and_no_other() {
    let room = 20_000 - BUFFER_OVERHEAD as u32;
    for offset in [room, room + 1, 100_000, (1 << 24) - 1] {
        let mut receiver = receiver();
        let mut stream = Stream::new(5000);
        run(&mut receiver, ms(0), &stream.frame());
        let sequence = stream.sender.next_sequence();
        let mut raw = Raw { sequence, timestamp: stream.timestamp, ..Raw::FIRST };
        raw.main.q = 80;
        let packets = [
            raw.bytes(&[1; 100]),
            raw.at(sequence.wrapping_add(1), offset).bytes(&[2; 100]),
            raw.at(sequence.wrapping_add(2), 100).last().bytes(&[3; 100]),
        ];
        assert!(run(&mut receiver, ms(0), &packets).is_empty());
        stream.sender.set_next_sequence(sequence.wrapping_add(3));
        stream.timestamp = stream.timestamp.wrapping_add(FRAME_TICKS);
        assert_eq!(numbers(&run(&mut receiver, ms(0), &stream.frame()), 5000), [1], "offset {offset}");
        assert_eq!(receiver.statistics().frames_oversized, 1);
        assert_eq!(receiver.statistics().frames_dropped, 1);
    }
}

#[test]
fn an_oversized_fragment_without_a_frame_pushes_no_other_out() {
    let mut receiver = receiver();
    let mut stream = Stream::new(5000);
    let packets = stream.frames(2);
    assert!(run(&mut receiver, ms(0), &packets[..5]).is_empty());
    for packet in &packets[6..11] {
        receiver.handle_packet(ms(0), packet).unwrap();
    }
    let next = stream.sender.next_sequence();
    let hostile = Raw { timestamp: 77, ..Raw::FIRST }.at(next, 1 << 23).bytes(&[1]);
    assert_eq!(receiver.handle_packet(ms(0), &hostile), Err(Rejected::TooLarge));
    let files = run(&mut receiver, ms(0), [&packets[5], &packets[11]]);
    assert_eq!(numbers(&files, 5000), [0, 1]);
}

#[test]
fn the_largest_frame_just_fits() {
    let room = 20_000 - BUFFER_OVERHEAD;
    for (len, fits) in [(room, true), (room + 1, false)] {
        let mut receiver = receiver();
        let files = run(&mut receiver, ms(0), &Stream::new(len).frame());
        assert_eq!(files.len(), usize::from(fits));
        assert_eq!(receiver.statistics().frames_oversized, u64::from(!fits));
    }
}

#[test]
fn buffers_too_small_for_anything_hold_nothing() {
    for len in [0, 1, BUFFER_OVERHEAD - 1, BUFFER_OVERHEAD] {
        let buffers = [std::vec![0; len], std::vec![0; len]];
        let mut receiver: Receiver<Vec<u8>, 2> = Receiver::new(buffers, 1, Config::default());
        assert!(run(&mut receiver, ms(0), &Stream::new(100).frames(3)).is_empty());
        assert_eq!(receiver.statistics().frames_oversized, 3);
    }
}

#[test]
fn a_frame_that_never_ends_ends_at_the_buffer() {
    let mut receiver = receiver();
    for index in 0..16_000u32 {
        let packet = Raw::FIRST.at(index as u16, index * 1000).bytes(&[1; 1000]);
        let _ = receiver.handle_packet(ms(u64::from(index)), &packet);
        assert_eq!(receiver.poll_frame(ms(u64::from(index))), None);
    }
    assert_eq!(receiver.statistics().frames_oversized, 1);
}

#[test]
fn a_frame_in_too_many_pieces_is_dropped() {
    let mut receiver = receiver();
    let mut last = Ok(());
    for index in 0..40 {
        last = receiver.handle_packet(ms(0), &Raw::FIRST.at(index, u32::from(index) * 20).bytes(&[1; 10]));
        if last.is_err() {
            break;
        }
    }
    assert_eq!(last, Err(Rejected::TooManyHoles));
    assert_eq!(receiver.statistics().frames_unusable, 1);
    assert_eq!(receiver.handle_packet(ms(0), &Raw::FIRST.at(50, 900).bytes(&[1; 10])), Err(Rejected::Late));
}

#[test]
fn packets_that_contradict_the_frames_end_spoil_it() {
    let first = Raw::FIRST;
    let cases = [
        ("data behind the end", [first.at(102, 20).last(), first.at(101, 15)]),
        ("the end before data", [first.at(101, 20), first.at(102, 10).last()]),
    ];
    for (name, [a, b]) in cases {
        let mut receiver = receiver();
        receiver.handle_packet(ms(0), &first.bytes(&[1; 10])).unwrap();
        receiver.handle_packet(ms(0), &a.bytes(&[1; 5])).unwrap();
        let _ = receiver.handle_packet(ms(0), &b.bytes(&[1; 15]));
        assert!(fetch(&mut receiver, ms(999)).is_empty(), "{name}");
        assert_eq!(receiver.statistics().frames, 0);
    }
}

proptest::proptest! {
    /// Packets with plausible headers, any content and any times cause no panic, and every file that comes out is whole.
    #[test]
    fn any_packets_are_survived(
        packets in proptest::collection::vec(
            (0..40u16, 0..4u32, 0..3000u32, proptest::array::uniform4(0..8usize), 0..200u64,
             proptest::collection::vec(proptest::num::u8::ANY, 0..300)),
            0..80,
        ),
    ) {
        let mut receiver = receiver();
        let mut buffer = [0; 128];
        for (sequence, timestamp, fragment_offset, [kind, q, size, marker], at, rest) in packets {
            let kind = [0, 1, 64, 65, 2, 1, 1, 1][kind];
            let q = [80, 255, 128, 0, 255, 80, 80, 200][q];
            let (width, height) = [(40, 30), (0, 0)][usize::from(size == 0)];
            let fragment_offset = fragment_offset & !0xff;
            let main = MainHeader { type_specific: 0, fragment_offset, kind, q, width, height };
            let packet = Raw { sequence, timestamp, marker: marker == 0, main }.bytes(&rest);
            let _ = receiver.handle_packet(ms(at), &packet);
            let _ = receiver.handle_rtcp(ms(at), WallClock::default(), &rest);
            while receiver.poll_frame(ms(at)).is_some() {
                let file = receiver.frame();
                assert!(file.starts_with(&[0xff, 0xd8]) && file.ends_with(&[0xff, 0xd9]));
            }
            receiver.handle_timeout(ms(at));
            receiver.poll_timeout();
            receiver.poll_report(ms(at), "x", &mut buffer);
        }
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_survived(packets: Vec<Vec<u8>>, lab: bool) {
        let payload = if lab { Payload::Lab } else { Payload::Jpeg };
        let mut receiver = receiver_of::<2>(Config { payload, ..Config::default() });
        for mut packet in packets {
            let _ = receiver.handle_packet(ms(0), &packet);
            if let [version, payload_type, ..] = &mut packet[..] {
                (*version, *payload_type) = (0x80 | (*version & 0x3f), 26);
            }
            let _ = receiver.handle_packet(ms(0), &packet);
            let _ = receiver.handle_rtcp(ms(0), WallClock::default(), &packet);
            fetch(&mut receiver, ms(0));
        }
    }
}
