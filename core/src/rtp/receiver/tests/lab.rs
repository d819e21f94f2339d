//! The lab dialect, where a packet is a file, or a part of one in any of the forms that servers send.

use super::*;
use crate::wire::lab::payload::{Header, Payload as Form};
use std::{format, vec};

const FILE: &[u8] = b"\xff\xd8 any picture \xff\xd9";

fn lab() -> Receiver<Vec<u8>, 2> {
    receiver_of(Config { payload: Payload::Lab, ..Config::default() })
}

fn packet(sequence: u16, file: &[u8]) -> Vec<u8> {
    let mut header = [0; rtp::HEADER_LEN];
    rtp::Repr { marker: false, payload_type: 26, sequence, timestamp: 1_700_000_000, ssrc: 0 }.emit(&mut header);
    [&header[..], file].concat()
}

/// The numbers of the frames that come out.
fn take(receiver: &mut Receiver<Vec<u8>, 2>, now: Instant, sequences: &[u16]) -> Vec<u32> {
    let mut numbers = Vec::new();
    for &sequence in sequences {
        let file = [FILE, &sequence.to_be_bytes()].concat();
        let _ = receiver.handle_packet(now, &packet(sequence, &file));
        while let Some(received) = receiver.poll_frame(now) {
            assert_eq!(receiver.frame(), file);
            assert_eq!((received.timestamp, received.len), (1_700_000_000, file.len()));
            numbers.push(received.number);
        }
    }
    numbers
}

#[test]
fn each_packet_is_a_frame_whose_number_is_its_sequence_number() {
    let mut receiver = lab();
    assert_eq!(take(&mut receiver, ms(0), &[1, 2, 3, 5]), [1, 2, 3, 5]);
    let statistics = receiver.statistics();
    assert_eq!((statistics.frames, statistics.lost, statistics.jitter), (4, 1, Duration::ZERO));
    assert_eq!(receiver.poll_timeout(), None, "there is no RTCP in a lab");
}

#[test]
fn packets_not_above_the_last_are_dropped() {
    let mut receiver = lab();
    assert_eq!(take(&mut receiver, ms(0), &[1, 3, 2, 3, 4, 4, 1]), [1, 3, 4]);
    assert_eq!(receiver.handle_packet(ms(0), &packet(4, FILE)), Err(Rejected::Duplicate));
    assert_eq!(receiver.handle_packet(ms(0), &packet(0, FILE)), Err(Rejected::Late));
}

#[test]
fn counting_starts_over_after_silence_or_another_play_or_far_back() {
    for last in [5, 90, 5000] {
        let mut receiver = lab();
        take(&mut receiver, ms(0), &[last]);
        assert_eq!(take(&mut receiver, ms(1000), &[1, 2]), [1, 2], "a second after {last}");
        let mut receiver = lab();
        take(&mut receiver, ms(0), &[last]);
        receiver.reset();
        assert_eq!(take(&mut receiver, ms(20), &[1, 2]), [1, 2], "another PLAY after {last}");
    }
    let mut receiver = lab();
    take(&mut receiver, ms(0), &[5000]);
    assert_eq!(take(&mut receiver, ms(40), &[1, 2, 3]), [2, 3], "a server that starts its file again");
    assert_eq!(take(&mut receiver, ms(5000), &[9]), [9], "silence alone does not start anything over");
    assert_eq!(receiver.statistics().lost, 5);
}

#[test]
fn numbers_go_on_beyond_65535() {
    let mut receiver = lab();
    assert_eq!(take(&mut receiver, ms(0), &[65_535, 0, 1]), [65_535, 65_536, 65_537]);
}

#[test]
fn only_jpeg_files_are_taken() {
    let mut receiver = lab();
    let cases = [(&b""[..], Rejected::Empty), (b"\xff", Rejected::NotJpeg), (b"GIF89a", Rejected::NotJpeg)];
    for (sequence, (file, expected)) in (1..).zip(cases) {
        assert_eq!(receiver.handle_packet(ms(0), &packet(sequence, file)), Err(expected));
    }
    let mut large = FILE.to_vec();
    large.resize(20_000, 0);
    assert_eq!(take(&mut receiver, ms(0), &[]), []);
    assert_eq!(receiver.handle_packet(ms(0), &packet(10, &large)), Ok(()), "all of the buffer is used");
    assert_eq!(receiver.poll_frame(ms(0)).map(|received| received.len), Some(20_000));
    large.push(0);
    assert_eq!(receiver.handle_packet(ms(0), &packet(11, &large)), Err(Rejected::TooLarge));
    assert_eq!(receiver.poll_frame(ms(0)), None);
    assert_eq!(receiver.statistics().frames_oversized, 1);
    assert_eq!(take(&mut receiver, ms(0), &[12]), [12]);
}

#[test]
fn a_playout_delay_holds_frames_back() {
    let delay = Duration::from_millis(50);
    let mut receiver = receiver_of::<2>(Config { payload: Payload::Lab, playout_delay: delay, ..Config::default() });
    receiver.handle_packet(ms(0), &packet(1, FILE)).unwrap();
    assert_eq!(receiver.poll_timeout(), Some(ms(50)));
    assert_eq!(receiver.poll_frame(ms(49)), None);
    assert!(receiver.poll_frame(ms(50)).is_some());
}

/// A file that takes several packets: its bytes are a picture's as far as anybody looks here.
fn file(len: usize, seed: u8) -> Vec<u8> {
    let middle = (0..len - 6).map(|n| (n as u8).wrapping_mul(31).wrapping_add(seed) & 0x7f);
    [0xff, 0xd8, 0xff, 0xe0].into_iter().chain(middle).chain([0xff, 0xd9]).collect()
}

fn marked(sequence: u16, marker: bool, payload_type: u8, payload: &[u8]) -> Vec<u8> {
    let mut header = [0; rtp::HEADER_LEN];
    rtp::Repr { marker, payload_type, sequence, timestamp: 1_700_000_000, ssrc: 0 }.emit(&mut header);
    [&header[..], payload].concat()
}

/// How a server of the exercise sends a frame: what it has sent before, the frame's number from 1, and its file.
type Server = fn(&mut u16, u16, &[u8]) -> Vec<Vec<u8>>;

fn parts(file: &[u8], len: usize) -> impl Iterator<Item = (usize, bool, &[u8])> {
    let count = file.len().div_ceil(len);
    file.chunks(len).enumerate().map(move |(n, part)| (n, n + 1 == count, part))
}

fn headed(form: Form, header: Header, file: &[u8], part: &[u8]) -> Vec<u8> {
    let mut room = [0; 8];
    header.emit(form, file.len() as u32, &mut room);
    [&room[..form.header_len()], part].concat()
}

/// One packet, as the exercise says.
fn classic(_: &mut u16, number: u16, file: &[u8]) -> Vec<Vec<u8>> {
    vec![marked(number, false, 26, file)]
}

/// Scheme A: all parts have the frame's number.
fn same_number(_: &mut u16, number: u16, file: &[u8]) -> Vec<Vec<u8>> {
    parts(file, 1400).map(|(_, last, part)| marked(number, last, 26, part)).collect()
}

/// The same, and the file has its length before it.
fn digits(_: &mut u16, number: u16, file: &[u8]) -> Vec<Vec<u8>> {
    let record = [format!("{:05}", file.len()).as_bytes(), file].concat();
    parts(&record, 1400).map(|(_, last, part)| marked(number, last, 26, part)).collect()
}

/// Scheme B: each part has the next number.
fn counted(sent: &mut u16, _: u16, file: &[u8]) -> Vec<Vec<u8>> {
    let packet = |(_, last, part)| {
        *sent = sent.wrapping_add(1);
        marked(*sent, last, 26, part)
    };
    parts(file, 1400).map(packet).collect()
}

/// The same without a marker.
fn unmarked(sent: &mut u16, number: u16, file: &[u8]) -> Vec<Vec<u8>> {
    let mut packets = counted(sent, number, file);
    packets.iter_mut().for_each(|packet| packet[1] &= 0x7f);
    packets
}

fn o8(_: &mut u16, number: u16, file: &[u8]) -> Vec<Vec<u8>> {
    let packet = |(n, last, part)| {
        let header = Header::Offset { offset: n as u32 * 1392, total: file.len() as u32 };
        marked(number, last, 26, &headed(Form::O8, header, file, part))
    };
    parts(file, 1392).map(packet).collect()
}

fn i4(_: &mut u16, number: u16, file: &[u8]) -> Vec<Vec<u8>> {
    let count = file.len().div_ceil(1200) as u16;
    let packet = |(n, last, part)| {
        marked(number, last, 26, &headed(Form::I4, Header::Index { index: n as u16, count }, file, part))
    };
    parts(file, 1200).map(packet).collect()
}

/// Its sequence numbers say nothing, and short files have no header.
fn i6(_: &mut u16, number: u16, file: &[u8]) -> Vec<Vec<u8>> {
    let (count, sequence) = (file.len().div_ceil(2000) as u16, number / 40 * 40 + 11);
    if file.len() <= 2000 {
        return vec![marked(sequence, true, 26, file)];
    }
    let packet = |(n, last, part)| {
        marked(sequence, last, 26, &headed(Form::I6, Header::Index { index: n as u16, count }, file, part))
    };
    parts(file, 2000).map(packet).collect()
}

/// Blocks of ten, each with a packet of parity behind it.
fn g8(sent: &mut u16, number: u16, file: &[u8]) -> Vec<Vec<u8>> {
    let mut packets = vec![];
    let blocks = file.len().div_ceil(11_000);
    for (at, block) in file.chunks(11_000).enumerate() {
        let len = block.len().div_ceil(1100) as u16;
        for (n, last, part) in parts(block, 1100) {
            let header = Header::Block { block: u32::from(number) * 8 + at as u32, index: n as u16, len };
            *sent = sent.wrapping_add(1);
            let ends = last && at + 1 == blocks;
            packets.push(marked(*sent, ends, 26, &headed(Form::G8, header, file, part)));
        }
        *sent = sent.wrapping_add(1);
        packets.push(marked(*sent, false, 127, &[1; 1108]));
    }
    packets
}

const SERVERS: [(&str, Server); 9] = [
    ("classic", classic),
    ("A", same_number),
    ("digits", digits),
    ("B", counted),
    ("B without marker", unmarked),
    ("O8", o8),
    ("I4", i4),
    ("I6", i6),
    ("G8", g8),
];

/// All frames that come out of these packets.
fn frames(receiver: &mut Receiver<Vec<u8>, 2>, now: Instant, packets: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut frames = vec![];
    for packet in packets {
        let _ = receiver.handle_packet(now, packet);
        while receiver.poll_frame(now).is_some() {
            frames.push(receiver.frame().to_vec());
        }
    }
    frames
}

/// Files of many lengths, among them those at which parts end.
fn files() -> Vec<Vec<u8>> {
    let lens =
        [3000, 6, 1399, 1400, 1401, 2000, 2001, 2800, 4200, 5600, 11_000, 13_000, 19_000, 1200, 2400, 1392, 2784];
    lens.into_iter().chain((0..50).map(|n| 3000 + 117 * n)).enumerate().map(|(n, len)| file(len, n as u8)).collect()
}

#[test]
fn the_frames_of_every_kind_of_server_come_out_as_they_are() {
    let files = files();
    // One server counts its packets from 0.
    for ((name, server), before) in SERVERS.into_iter().flat_map(|kind| [(kind, 0), (kind, u16::MAX)]) {
        let mut receiver = lab();
        let mut sent = before;
        for (number, file) in (1..).zip(&files) {
            let packets = server(&mut sent, number, file);
            let found = frames(&mut receiver, ms(40 * u64::from(number)), &packets);
            assert!(found == [file.clone()], "{name}: frame {number} of {} bytes", file.len());
        }
        let statistics = receiver.statistics();
        assert_eq!((statistics.frames, statistics.frames_dropped), (files.len() as u64, 0), "{name}");
        if name != "I6" {
            assert_eq!((statistics.lost, statistics.duplicates), (0, 0), "{name}");
        }
        assert_eq!(receiver.trouble(), None, "{name}");
    }
}

#[test]
fn a_frame_that_misses_a_part_never_comes_out_where_that_can_be_told() {
    let files: Vec<Vec<u8>> = (0..12).map(|n| file(6000 + n, n as u8)).collect();
    for (name, server) in SERVERS {
        // Plain parts of one number do not tell.
        if matches!(name, "classic" | "A" | "digits") {
            continue;
        }
        for lost in 0..5 {
            let (mut receiver, mut sent, mut found) = (lab(), 0, vec![]);
            for (number, file) in (1..).zip(&files) {
                let mut packets = server(&mut sent, number, file);
                if number % 3 == 0 && lost < packets.len() && packets[lost][1] & 0x7f == 26 {
                    packets.remove(lost);
                }
                found.extend(frames(&mut receiver, ms(40 * u64::from(number)), &packets));
            }
            assert!(found.iter().all(|frame| files.contains(frame)), "{name}, part {lost} lost");
            assert!(found.len() >= files.len() - 4 - 4, "{name}, part {lost} lost: {} came out", found.len());
        }
    }
}

#[test]
fn parts_that_say_where_they_belong_may_come_in_any_order() {
    let files: Vec<Vec<u8>> = (0..6).map(|n| file(7000 + n, n as u8)).collect();
    for server in [o8 as Server, i4] {
        let mut receiver = lab();
        for (number, file) in (1..).zip(&files) {
            let mut packets = server(&mut 0, number, file);
            let behind_first = if number == 1 { 1 } else { 0 };
            packets[behind_first..].reverse();
            if number > 1 {
                // The length of a part is known by now; which one is last is not.
                packets.rotate_left(1);
            }
            assert!(frames(&mut receiver, ms(40 * u64::from(number)), &packets) == [file.clone()], "frame {number}");
        }
    }
}

#[test]
fn even_and_odd_parts_may_come_by_two_ways_one_of_which_is_behind() {
    let files: Vec<Vec<u8>> = (0..40).map(|n| file(9000 + n, n as u8)).collect();
    let all: Vec<_> = (1..).zip(&files).map(|(number, file)| i4(&mut 0, number, file)).collect();
    let mut receiver = lab();
    let mut found = vec![];
    for n in 0..=all.len() {
        let even = all.get(n).into_iter().flat_map(|packets| packets.iter().step_by(2));
        let odd =
            n.checked_sub(1).and_then(|n| all.get(n)).into_iter().flat_map(|packets| packets.iter().skip(1).step_by(2));
        let packets: Vec<Vec<u8>> = even.chain(odd).cloned().collect();
        found.extend(frames(&mut receiver, ms(40 * n as u64), &packets));
    }
    assert!(found == files);
}

#[test]
fn a_stream_may_turn_into_another_kind() {
    for (name, first) in SERVERS {
        for (other, second) in SERVERS {
            let (mut receiver, mut last, mut came) = (lab(), 0_u16, 0);
            for number in 1..=40_u16 {
                let file = file(5000 + usize::from(number), number as u8);
                let server = if number <= 10 { first } else { second };
                // Numbers go on, whatever they count.
                let packets = server(&mut last.clone(), last + 1, &file);
                let numbers = packets.iter().map(|packet| u16::from_be_bytes([packet[2], packet[3]]));
                last = numbers.max().unwrap_or(0).max(last + 1);
                let found = frames(&mut receiver, ms(40 * u64::from(number)), &packets);
                assert!(found.iter().all(|frame| *frame == file || frame.len() >= 5000), "{name}, {other}");
                came += usize::from(number > 20 && found == [file]);
            }
            assert!(came >= 15, "{name}, then {other}: {came} of 20");
        }
    }
}

#[test]
fn what_lies_about_itself_does_no_harm() {
    let long = file(1000, 1);
    let lies = [
        headed(Form::O8, Header::Offset { offset: 0, total: u32::MAX }, &long, &long),
        headed(Form::O8, Header::Offset { offset: 0, total: 19_999 }, &long, &long),
        headed(Form::I4, Header::Index { index: 0, count: u16::MAX }, &long, &long),
        headed(Form::I6, Header::Index { index: 0, count: u16::MAX }, &long, &long),
        headed(Form::G8, Header::Block { block: u32::MAX, index: 0, len: 10 }, &long, &long),
        long.clone(),
        [b"99999", &long[..]].concat(),
    ];
    for lie in &lies {
        let mut receiver = lab();
        for number in 0..500_u16 {
            let _ = receiver.handle_packet(ms(u64::from(number)), &marked(number, false, 26, lie));
            while receiver.poll_frame(ms(u64::from(number))).is_some() {}
        }
        // A server that keeps to the exercise is understood after that, and at once after a pause.
        receiver.reset();
        let mut came = 0;
        for number in 600..620_u16 {
            let file = file(900, number as u8);
            came += usize::from(
                frames(&mut receiver, ms(1000 + u64::from(number)), &classic(&mut 0, number, &file)) == [file],
            );
        }
        assert!(came >= 15, "{came} after {:02x?}", &lie[..12]);
    }
}

#[test]
fn a_frame_that_was_interrupted_by_a_pause_comes_again_whole() {
    let film: Vec<Vec<u8>> = (0..3).map(|n| file(6000, n)).collect();
    for (name, server) in SERVERS {
        let (mut receiver, mut sent) = (lab(), 0);
        assert_eq!(frames(&mut receiver, ms(0), &server(&mut sent, 1, &film[0])).len(), 1);
        let packets = server(&mut sent, 2, &film[1]);
        let half = &packets[..packets.len() / 2];
        frames(&mut receiver, ms(40), half);
        receiver.reset();
        let again = server(&mut sent, 2, &film[1]);
        let found = frames(&mut receiver, ms(80), &again);
        assert!(found == [film[1].clone()], "{name}");
        assert!(frames(&mut receiver, ms(120), &server(&mut sent, 3, &film[2])) == [film[2].clone()], "{name}");
    }
}
