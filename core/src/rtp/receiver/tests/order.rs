//! Loss, reordering, duplicates, and senders whose timestamps break the rules.

use super::*;

#[test]
fn a_lost_middle_fragment_yields_no_frame() {
    let mut stream = Stream::new(5000);
    let count = stream.frame().len();
    assert_eq!(count, 6);
    for lost in 0..count {
        let mut stream = Stream::new(5000);
        let mut receiver = receiver();
        let mut packets = stream.frames(3);
        packets.remove(count + lost);
        let files = run(&mut receiver, ms(0), &packets);
        let later = fetch(&mut receiver, ms(200));
        assert_eq!(numbers(&[files, later].concat(), 5000), [0, 2], "fragment {lost}");
        let statistics = receiver.statistics();
        assert_eq!((statistics.lost, statistics.frames, statistics.frames_incomplete), (1, 2, 1));
    }
}

#[test]
fn a_frame_behind_a_damaged_one_waits_for_it_just_as_long_as_told() {
    let mut stream = Stream::new(5000);
    let mut receiver = receiver_of::<3>(Config { reorder_delay: Duration::from_millis(70), ..Config::default() });
    let mut packets = stream.frames(2);
    packets.remove(2);
    assert!(run(&mut receiver, ms(0), &packets[..5]).is_empty());
    assert!(run(&mut receiver, ms(20), &packets[5..]).is_empty());
    assert_eq!(receiver.poll_timeout(), Some(ms(70)), "the gap was seen at 0");
    assert!(fetch(&mut receiver, ms(69)).is_empty());
    assert_eq!(numbers(&fetch(&mut receiver, ms(70)), 5000), [1]);
    assert_eq!(receiver.poll_timeout(), Some(ms(500)), "only a report is due now");
}

#[test]
fn over_tcp_nothing_waits() {
    let mut stream = Stream::new(5000);
    let mut receiver = receiver_of::<2>(Config { reorder_delay: Duration::ZERO, ..Config::default() });
    let mut packets = stream.frames(3);
    packets.drain(4..10);
    assert_eq!(numbers(&run(&mut receiver, ms(0), &packets), 5000), [2]);
    packets = stream.frames(3);
    packets.drain(6..12);
    assert_eq!(numbers(&run(&mut receiver, ms(0), &packets), 5000), [3, 5], "a frame skipped as a whole");
}

/// Over TCP, and what arrives next is read until there is no more.
fn read(receiver: &mut Receiver<Vec<u8>, 3>, now: Instant, packets: &[Vec<u8>]) -> Vec<u32> {
    let mut files = run(receiver, now, packets);
    receiver.handle_lull(now);
    files.extend(fetch(receiver, now));
    numbers(&files, 5000)
}

#[test]
fn in_a_stream_of_bytes_no_hole_is_waited_for() {
    let mut stream = Stream::new(5000);
    let mut receiver = receiver_of::<3>(Config { in_order: true, ..Config::default() });
    assert_eq!(read(&mut receiver, ms(0), &stream.frame()), [0]);
    let mut packets = stream.frames(5);
    packets.drain(12..18);
    packets.drain(2..4);
    // The rest of 1, of which two parts are missing, and all of 2; then 4, because there is no 3, in two pieces; then 5.
    assert_eq!(read(&mut receiver, ms(40), &packets[..4]), []);
    assert_eq!(read(&mut receiver, ms(80), &packets[4..10]), [2]);
    assert_eq!(read(&mut receiver, ms(120), &packets[10..13]), []);
    assert_eq!(read(&mut receiver, ms(121), &packets[13..16]), [4]);
    assert_eq!(read(&mut receiver, ms(160), &packets[16..]), [5]);
    assert_eq!((receiver.statistics().lost, receiver.statistics().frames_incomplete), (8, 1));
}

#[test]
fn in_a_stream_of_bytes_what_threads_have_mixed_up_is_put_in_order() {
    let mut stream = Stream::new(5000);
    let mut receiver = receiver_of::<3>(Config { in_order: true, ..Config::default() });
    assert_eq!(read(&mut receiver, ms(0), &stream.frame()), [0]);
    // Read at once, nothing is lost.
    let mut packets = stream.frames(2);
    packets.swap(2, 9);
    assert_eq!(read(&mut receiver, ms(40), &packets), [1, 2]);
    // From then on there is time for the others to be read.
    let mut packets = stream.frames(2);
    packets.swap(2, 9);
    assert_eq!(read(&mut receiver, ms(80), &packets[..7]), []);
    assert_eq!(read(&mut receiver, ms(120), &packets[7..]), [3, 4]);
    // Much later a hole is only a hole.
    let packets = stream.frames(2);
    assert_eq!(read(&mut receiver, ms(20_000), &packets[..3]), []);
    assert_eq!(read(&mut receiver, ms(20_001), &packets[4..]), [6]);
}

#[test]
fn in_a_stream_of_bytes_the_first_packet_that_comes_late_teaches_patience() {
    let mut stream = Stream::new(5000);
    let mut receiver = receiver_of::<3>(Config { in_order: true, ..Config::default() });
    for (at, lost) in [(0, true), (80, false), (160, false)] {
        let packets = stream.frames(2);
        let early = [&packets[..2], &packets[3..]].concat();
        let mut numbers = read(&mut receiver, ms(at), &early);
        numbers.extend(read(&mut receiver, ms(at + 1), &packets[2..3]));
        assert_eq!(numbers.len(), if lost { 1 } else { 2 }, "at {at}");
    }
}

#[test]
fn a_slow_link_loses_no_frame() {
    let mut stream = Stream::new(5000);
    let mut receiver = receiver();
    let mut files = Vec::new();
    for (index, packet) in stream.frames(3).iter().enumerate() {
        let now = ms(index as u64 * 700);
        receiver.handle_timeout(now);
        files.extend(run(&mut receiver, now, [packet]));
    }
    assert_eq!(numbers(&files, 5000), [0, 1, 2]);
}

#[test]
fn packets_in_reverse_make_the_same_frames() {
    let mut stream = Stream::new(5000);
    let mut receiver = receiver();
    for number in 0..5 {
        let packets = stream.frame();
        let first = run(&mut receiver, ms(0), packets.iter().rev());
        assert_eq!(numbers(&first, 5000), [number]);
    }
    assert_eq!(receiver.statistics().lost, 0);
    assert_eq!(receiver.statistics().reordered, 5 * 5);
}

#[test]
fn a_late_packet_of_one_frame_may_follow_the_first_of_the_next() {
    for late in 0..6 {
        for by in 1..6 {
            let mut stream = Stream::new(5000);
            let mut receiver = receiver();
            let mut packets = stream.frames(3);
            let packet = packets.remove(6 + late);
            packets.insert(6 + late + by, packet);
            let files = run(&mut receiver, ms(0), &packets);
            assert_eq!(numbers(&files, 5000), [0, 1, 2], "fragment {late}, {by} late");
            assert_eq!(receiver.statistics().lost, 0);
        }
    }
}

#[test]
fn whole_frames_that_overtake_each_other_come_out_in_order() {
    let mut stream = Stream::new(500);
    let mut receiver = receiver_of::<3>(Config::default());
    let packets = stream.frames(4);
    assert_eq!(packets.len(), 4);
    let swapped = [&packets[0], &packets[2], &packets[1], &packets[3]];
    assert_eq!(numbers(&run(&mut receiver, ms(0), swapped), 500), [0, 1, 2, 3]);
    let packets = stream.frames(2);
    assert!(run(&mut receiver, ms(40), [&packets[1]]).is_empty(), "the one before it may still come");
    assert_eq!(receiver.poll_timeout(), Some(ms(140)));
    assert_eq!(numbers(&fetch(&mut receiver, ms(140)), 500), [5]);
    assert_eq!(receiver.handle_packet(ms(141), &packets[0]), Err(Rejected::Late));
}

#[test]
fn duplicates_change_nothing() {
    let mut stream = Stream::new(5000);
    let mut receiver = receiver();
    let packets = stream.frames(3);
    let doubled: Vec<_> = packets.iter().flat_map(|packet| [packet, packet]).collect();
    assert_eq!(numbers(&run(&mut receiver, ms(0), doubled), 5000), [0, 1, 2]);
    assert!(run(&mut receiver, ms(0), &packets).is_empty());
    let statistics = receiver.statistics();
    assert_eq!((statistics.duplicates, statistics.lost, statistics.frames_dropped), (18 + 18, 0, 0));
    let last = packets.last().unwrap();
    assert_eq!(receiver.handle_packet(ms(0), last), Err(Rejected::Duplicate));
}

#[test]
fn where_the_marker_is_never_set_the_next_frame_ends_the_one_before() {
    for len in [500, 5000] {
        let mut stream = Stream::new(len);
        let mut receiver = receiver();
        let mut packets = stream.frames(5);
        for packet in &mut packets {
            packet[1] &= 0x7f;
        }
        let files = run(&mut receiver, ms(0), &packets);
        assert_eq!(numbers(&files, len), [0, 1, 2, 3], "{len}");
    }
}

#[test]
fn a_lost_marker_packet_costs_its_frame_only() {
    let mut stream = Stream::new(5000);
    let mut receiver = receiver();
    let mut packets = stream.frames(4);
    packets.remove(11);
    let files = run(&mut receiver, ms(0), &packets);
    assert_eq!(numbers(&[files, fetch(&mut receiver, ms(100))].concat(), 5000), [0, 2, 3]);
}

#[test]
fn timestamps_that_stand_still_do_not_mix_frames() {
    for len in [500, 2500] {
        for marked in [true, false] {
            let mut stream = Stream::new(len);
            let mut packets = Vec::new();
            for _ in 0..6 {
                stream.timestamp = 0;
                packets.extend(stream.frame());
            }
            if !marked {
                packets.iter_mut().for_each(|packet| packet[1] &= 0x7f);
            }
            let expected: Vec<u32> = if marked { (0..6).collect() } else { (0..5).collect() };
            assert_eq!(numbers(&run(&mut receiver(), ms(0), &packets), len), expected, "{len} {marked}");
            for lost in 0..packets.len() {
                let mut packets = packets.clone();
                packets.remove(lost);
                let mut receiver = receiver();
                let mut files = run(&mut receiver, ms(0), &packets);
                files.extend(fetch(&mut receiver, ms(200)));
                let numbers = numbers(&files, len);
                assert!(numbers.is_sorted() && numbers.len() + 2 >= expected.len(), "{lost} lost: {numbers:?}");
            }
        }
    }
}

#[test]
fn another_source_is_believed_at_its_second_packet_or_after_silence() {
    let mut stream = Stream::new(5000);
    let mut receiver = receiver();
    run(&mut receiver, ms(0), &stream.frames(2));
    let mut other = Stream::new(5000);
    other.sender = Sender::new(0xd09, 1000);
    let packets = other.frames(3);
    assert_eq!(receiver.handle_packet(ms(40), &packets[0]), Err(Rejected::Source));
    let files = run(&mut receiver, ms(40), &packets[1..]);
    assert_eq!(numbers(&[files, fetch(&mut receiver, ms(140))].concat(), 5000), [1, 2]);
    assert_eq!(receiver.statistics().ssrc, Some(0xd09));
    assert_eq!(receiver.statistics().rejected, 1);

    assert_eq!(numbers(&run(&mut receiver, ms(1200), &stream.frame()), 5000), [2], "after a second of silence");
    assert_eq!(receiver.statistics().lost, 0);
}

#[test]
fn the_announced_source_displaces_others_and_none_displaces_it() {
    let mut ours = Stream::new(5000);
    ours.sender = Sender::new(0xd09, 1000);
    let announced = Config { ssrc: Some(0xd09), ..Config::default() };
    let mut receiver = receiver_of::<2>(announced);
    let mut abandoned = Stream::new(5000);
    run(&mut receiver, ms(0), &abandoned.frames(2));
    assert_eq!(receiver.statistics().ssrc, Some(THEIRS), "better than nothing, if the announcement is wrong");
    run(&mut receiver, ms(40), &ours.frame());
    let both = [ours.frame(), abandoned.frames(3), ours.frame()].concat();
    run(&mut receiver, ms(80), &both);
    assert_eq!(receiver.statistics().ssrc, Some(0xd09));
    assert_eq!(receiver.statistics().lost, 0);
    run(&mut receiver, ms(2000), &abandoned.frame());
    assert_eq!(receiver.statistics().ssrc, Some(THEIRS), "after silence whatever comes is believed");
}

#[test]
fn a_stray_source_does_not_disturb() {
    let mut stream = Stream::new(5000);
    let mut stray = Stream::new(5000);
    stray.sender = Sender::new(0xbad, 1000);
    let mut receiver = receiver();
    let pairs: Vec<_> = stream.frames(3).into_iter().zip(stray.frames(3)).collect();
    let mixed: Vec<_> = pairs.into_iter().flat_map(|(ours, strays)| [ours, strays]).collect();
    assert_eq!(numbers(&run(&mut receiver, ms(0), &mixed), 5000), [0, 1, 2]);
    assert_eq!(receiver.statistics().rejected, 18);
}

#[test]
fn a_sequence_that_starts_over_is_followed() {
    let mut stream = Stream::new(5000);
    let mut receiver = receiver();
    run(&mut receiver, ms(0), &stream.frames(2));
    stream.sender.set_next_sequence(30_000);
    let packets = stream.frames(3);
    assert_eq!(receiver.handle_packet(ms(40), &packets[0]), Err(Rejected::Jump));
    let files = run(&mut receiver, ms(40), &packets[1..]);
    assert_eq!(numbers(&[files, fetch(&mut receiver, ms(140))].concat(), 5000), [3, 4], "one frame is lost");
    stream.sender.set_next_sequence(1);
    assert_eq!(numbers(&run(&mut receiver, ms(2000), &stream.frame()), 5000), [5], "none after silence");
    receiver.reset();
    stream.sender.set_next_sequence(7);
    stream.timestamp = 5;
    assert_eq!(numbers(&run(&mut receiver, ms(2020), &stream.frame()), 5000), [6], "none after another PLAY");
    assert_eq!(receiver.statistics().lost, 0);
    assert_eq!(receiver.statistics().frames, 6);
}

#[test]
fn a_reset_forgets_what_was_being_received() {
    let mut stream = Stream::new(5000);
    let mut receiver = receiver();
    let packets = stream.frames(2);
    assert!(run(&mut receiver, ms(0), &packets[..5]).is_empty());
    receiver.reset();
    assert!(run(&mut receiver, ms(20), &packets[5..6]).is_empty());
    assert!(run(&mut receiver, ms(20), &packets[6..]).is_empty(), "the rest of frame 0 looks like a late frame");
    assert_eq!(receiver.statistics().frames_dropped, 0, "the half frame is not counted");
    assert_eq!(numbers(&fetch(&mut receiver, ms(120)), 5000), [1]);
}

#[test]
fn what_the_answer_to_play_says_is_from_before_does_not_delay_the_first_frame() {
    let mut stream = Stream::new(5000);
    let mut receiver = receiver();
    let old = stream.frames(3);
    run(&mut receiver, ms(0), &old[..6]);
    receiver.reset();
    // One half of the frame comes before the answer, the other half behind it.
    assert!(run(&mut receiver, ms(20), &old[6..9]).is_empty());
    receiver.start_at(ms(30), 65_530u16.wrapping_add(18));
    for packet in &old[9..] {
        assert_eq!(receiver.handle_packet(ms(40), packet), Err(Rejected::Outdated));
    }
    assert_eq!(numbers(&run(&mut receiver, ms(50), &stream.frame()), 5000), [3], "at once");
    let statistics = receiver.statistics();
    assert_eq!((statistics.lost, statistics.frames_dropped, statistics.rejected), (0, 0, 9));
}

#[test]
fn a_stream_entered_in_the_middle_of_a_frame_starts_with_the_next() {
    let mut stream = Stream::new(5000);
    let mut receiver = receiver();
    let packets = stream.frames(4);
    let files = run(&mut receiver, ms(0), &packets[3..]);
    assert_eq!(numbers(&files, 5000), [1, 2, 3]);
    assert_eq!(receiver.statistics().lost, 0);
}

#[test]
fn the_oldest_frame_makes_room_for_the_newest() {
    let mut stream = Stream::new(2500);
    let mut receiver = receiver();
    for packet in stream.frames(5) {
        receiver.handle_packet(ms(0), &packet).unwrap();
    }
    assert_eq!(numbers(&fetch(&mut receiver, ms(0)), 2500), [3, 4], "the freshest are kept");
    assert_eq!(receiver.statistics().frames_overrun, 3);
}

#[test]
fn a_playout_delay_evens_out_jitter() {
    let config = Config { playout_delay: Duration::from_millis(100), ..Config::default() };
    let mut receiver = receiver_of::<6>(config);
    let mut stream = Stream::new(2500);
    let mut shown = Vec::new();
    let mut next = 0;
    let arrivals: Vec<u64> = (0..40).map(|frame| frame * 40 + [0, 30, 5, 61, 2][frame as usize % 5]).collect();
    let frames: Vec<_> = (0..40).map(|_| stream.frame()).collect();
    for at in 0..2000 {
        while next < frames.len() && arrivals[next] <= at {
            for packet in &frames[next] {
                receiver.handle_packet(ms(at), packet).unwrap();
            }
            next += 1;
        }
        while receiver.poll_frame(ms(at)).is_some() {
            shown.push(at);
        }
        assert!(receiver.poll_timeout().is_some_and(|deadline| deadline > ms(at)) || at >= 500);
        if at % 500 == 499 {
            receiver.poll_report(ms(at), "x", &mut [0; 128]);
        }
    }
    assert_eq!(shown.len(), 40);
    for (frame, &at) in shown.iter().enumerate() {
        let ideal = frame as u64 * 40 + 100;
        assert!(at.abs_diff(ideal) <= 4, "frame {frame} at {at}, not {ideal}");
    }
}

#[test]
fn a_playout_delay_beyond_the_slots_loses_no_frame() {
    let config = Config { playout_delay: Duration::from_secs(10), ..Config::default() };
    let mut receiver = receiver_of::<3>(config);
    let mut stream = Stream::new(2500);
    let mut files = Vec::new();
    for frame in 0..10 {
        files.extend(run(&mut receiver, ms(frame * 40), &stream.frame()));
    }
    assert_eq!(numbers(&files, 2500), [0, 1, 2, 3, 4, 5, 6, 7], "as late as the slots allow");
    assert_eq!(receiver.statistics().frames_dropped, 0);
}

proptest::proptest! {
    /// Whatever happens on the way, each file that comes out was sent, comes out once, and in order; and each frame that
    /// arrives whole comes out.
    #[test]
    fn frames_come_out_once_in_order_and_undamaged(
        fates in proptest::collection::vec((0..20u8, 0..8usize), 60),
        len in 1..6000usize,
    ) {
        let mut stream = Stream::new(len);
        let mut queue: Vec<(usize, Vec<u8>)> = Vec::new();
        let mut lossless = true;
        let packets = stream.frames(12);
        for (index, packet) in packets.iter().enumerate() {
            let (fate, delay) = fates[index % fates.len()];
            match fate {
                0 => lossless = false,
                1 => queue.extend([(index, packet.clone()), (index + delay, packet.clone())]),
                2 | 3 => queue.push((index + delay.min(2), packet.clone())),
                _ => queue.push((index, packet.clone())),
            }
        }
        queue.sort_by_key(|&(at, _)| at);
        let mut receiver = receiver_of::<4>(Config::default());
        let mut files = Vec::new();
        for (at, packet) in &queue {
            files.extend(run(&mut receiver, ms(*at as u64), [packet]));
        }
        files.extend(fetch(&mut receiver, ms(100_000)));
        let numbers = numbers(&files, len);
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
        if lossless {
            assert_eq!(receiver.statistics().lost, 0);
            if len > 2700 {
                assert_eq!(numbers.len(), 12, "{numbers:?}");
            }
        }
    }
}
