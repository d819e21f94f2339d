//! The lab dialect, where each packet is a file.

use super::*;

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
