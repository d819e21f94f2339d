//! RTCP in both directions.

use super::*;
use crate::time::NtpTime;
use crate::wire::rtcp::{Compound, Emitter, Packet, ReportBlock, SenderInfo};

const WALL: WallClock = WallClock { at_zero: NtpTime::from_unix_micros(1_700_000_000_000_000) };

/// The report block of a report, which must be an RR and an SDES. `None` if it has no block.
fn block(compound: &[u8]) -> Option<ReportBlock> {
    let packets: Vec<_> = Compound::new_checked(compound).unwrap().collect();
    let [Packet::ReceiverReport { ssrc: OURS, mut reports }, Packet::SourceDescription(description), ..] = packets[..]
    else {
        panic!("{packets:?}")
    };
    assert_eq!(description.cname(OURS), Some(&b"player"[..]));
    reports.next()
}

fn poll(receiver: &mut Receiver<Vec<u8>, 2>, now: Instant) -> Option<Option<ReportBlock>> {
    let mut buffer = [0; 128];
    let len = receiver.poll_report(now, "player", &mut buffer)?;
    Some(block(&buffer[..len]))
}

#[test]
fn reports_are_due_soon_after_the_first_packet_and_then_every_few_seconds() {
    let mut receiver = receiver();
    let mut stream = Stream::new(5000);
    assert_eq!(receiver.poll_timeout(), None);
    assert_eq!(poll(&mut receiver, ms(100_000)), None, "nothing was heard yet");
    run(&mut receiver, ms(0), &stream.frame());
    assert_eq!(receiver.poll_timeout(), Some(ms(500)));
    assert_eq!(poll(&mut receiver, ms(499)), None);
    let first = poll(&mut receiver, ms(500)).unwrap().unwrap();
    assert_eq!((first.ssrc, first.fraction_lost, first.cumulative_lost), (THEIRS, 0, 0));
    // Six packets came, from number 65530 on.
    assert_eq!((first.extended_highest_sequence, first.last_sr, first.delay_since_last_sr), (65_535, 0, 0));
    assert_eq!(poll(&mut receiver, ms(501)), None);
    let due = receiver.poll_timeout().unwrap();
    assert!((ms(3000)..=ms(8000)).contains(&due));
    assert_eq!(poll(&mut receiver, due), Some(None), "nothing came meanwhile: no block, but a sign of life");
}

#[test]
fn reports_tell_of_loss_and_of_the_senders_report() {
    let mut receiver = receiver();
    let mut stream = Stream::new(5000);
    let mut packets = stream.frames(2);
    packets.remove(4);
    packets.remove(7);
    packets.remove(7);
    run(&mut receiver, ms(0), &packets);
    let mut report = [0; 128];
    let ntp = NtpTime::from_bits(0xaaaa_bbbb_cccc_dddd);
    let len = stream.sender.emit_report(&mut report, ntp, 4711, "camera").unwrap();
    let control = receiver.handle_rtcp(ms(100), WALL, &report[..len]).unwrap().unwrap();
    let (received, octets) = (WALL.ntp(ms(100)), stream.sender.octets());
    assert_eq!(control, Control::SenderReport { ntp, rtp_timestamp: 4711, received, packets: 12, octets });
    let block = poll(&mut receiver, ms(600)).unwrap().unwrap();
    assert_eq!((block.fraction_lost, block.cumulative_lost), (64, 3));
    assert_eq!(block.extended_highest_sequence, 0x1_0005);
    assert_eq!((block.last_sr, block.delay_since_last_sr), (0xbbbb_cccc, 0x8000));
    assert_eq!(receiver.statistics().lost, 3);
}

#[test]
fn jitter_is_measured() {
    let mut receiver = receiver();
    let mut stream = Stream::new(500);
    for frame in 0..300u64 {
        run(&mut receiver, ms(frame * 40 + frame % 2), &stream.frame());
    }
    let micros = receiver.statistics().jitter.as_micros();
    assert!((900..=1000).contains(&micros), "{micros}");
    let block = poll(&mut receiver, ms(20_000)).unwrap().unwrap();
    assert!((81..=90).contains(&block.jitter), "{}", block.jitter);
}

#[test]
fn a_goodbye_of_the_source_ends_the_stream() {
    let mut receiver = receiver();
    let stream = Stream::new(500);
    let mut buffer = [0; 128];
    let len = stream.sender.emit_bye(&mut buffer, NtpTime::default(), 0, "camera", "end of file").unwrap();
    let bye = &buffer[..len];
    assert_eq!(receiver.handle_rtcp(ms(0), WALL, bye), Ok(Some(Control::Bye)), "no source known: it may be ours");
    run(&mut receiver, ms(0), &Stream::new(500).frame());
    assert_eq!(receiver.handle_rtcp(ms(0), WALL, bye), Ok(Some(Control::Bye)));

    let info = SenderInfo { ssrc: 5, ntp: NtpTime::default(), rtp_timestamp: 0, packets: 0, octets: 0 };
    let mut buffer = [0; 128];
    let len = Emitter::new(&mut buffer).sender_report(&info, &[]).unwrap().bye(5, "").unwrap().finish();
    assert_eq!(receiver.handle_rtcp(ms(0), WALL, &buffer[..len]), Ok(None), "another source's");
}

#[test]
fn broken_reports_are_refused_as_a_whole() {
    let mut receiver = receiver();
    let mut buffer = [0; 128];
    let len = Stream::new(500).sender.emit_bye(&mut buffer, NtpTime::default(), 0, "camera", "end").unwrap();
    for cut in 0..len {
        // A compound packet that is cut between its packets is a shorter compound packet.
        let whole = [28, 48].contains(&cut);
        assert_eq!(receiver.handle_rtcp(ms(0), WALL, &buffer[..cut]).is_ok(), whole, "{cut}");
    }
    buffer[28..32].copy_from_slice(&[0x81, 202, 0xff, 0xff]);
    assert_eq!(receiver.handle_rtcp(ms(0), WALL, &buffer[..len]), Err(rtcp::Error::Truncated));
}

#[test]
fn our_goodbye_carries_a_last_report() {
    let mut receiver = receiver();
    let mut stream = Stream::new(500);
    run(&mut receiver, ms(0), &stream.frame());
    let mut buffer = [0; 128];
    let len = receiver.emit_bye(ms(10), "player", "teardown", &mut buffer).unwrap();
    assert_eq!(block(&buffer[..len]).map(|block| block.ssrc), Some(THEIRS));
    let Some(Packet::Goodbye(bye)) = Compound::new_checked(&buffer[..len]).unwrap().last() else { panic!() };
    assert!(bye.ssrcs().eq([OURS]));
    assert_eq!(bye.reason(), Some(&b"teardown"[..]));
    for short in 0..len {
        assert_eq!(receiver.emit_bye(ms(10), "player", "teardown", &mut std::vec![0; short]), None);
    }
}

#[test]
fn counts_go_on_across_another_play_of_the_same_source() {
    let mut receiver = receiver();
    let mut stream = Stream::new(5000);
    let mut packets = stream.frames(2);
    packets.remove(4);
    run(&mut receiver, ms(0), &packets);
    let before = poll(&mut receiver, ms(600)).unwrap().unwrap();
    assert_eq!((before.cumulative_lost, before.extended_highest_sequence), (1, 0x1_0005));
    receiver.reset();
    receiver.start_at(ms(750), 6);
    run(&mut receiver, ms(1000), &stream.frame());
    let due = receiver.poll_timeout().unwrap();
    let after = poll(&mut receiver, due).unwrap().unwrap();
    assert_eq!((after.cumulative_lost, after.extended_highest_sequence, after.fraction_lost), (1, 0x1_000b, 0));
    // The server begins each PLAY with a new number.
    receiver.reset();
    stream.sender.set_next_sequence(300);
    run(&mut receiver, ms(9000), &stream.frame());
    let due = receiver.poll_timeout().unwrap();
    let anew = poll(&mut receiver, due).unwrap().unwrap();
    assert_eq!((anew.cumulative_lost, anew.extended_highest_sequence), (0, 305));
    assert_eq!(receiver.statistics().lost, 1, "the step was none of loss");
}

#[test]
fn a_sender_with_our_own_number_makes_us_take_another() {
    let mut receiver = receiver();
    let mut stream = Stream::new(500);
    stream.sender = Sender::new(OURS, 1);
    run(&mut receiver, ms(0), &stream.frame());
    let mut buffer = [0; 128];
    let len = receiver.poll_report(ms(500), "player", &mut buffer).unwrap();
    let Some(Packet::ReceiverReport { ssrc, mut reports }) = Compound::new_checked(&buffer[..len]).unwrap().next()
    else {
        panic!()
    };
    assert_ne!(ssrc, OURS);
    assert_eq!(reports.next().map(|block| block.ssrc), Some(OURS), "the sender's");
}

#[test]
fn who_has_heard_nothing_has_no_goodbye_to_say() {
    assert_eq!(receiver().emit_bye(ms(0), "player", "teardown", &mut [0; 128]), None);
}

#[test]
fn a_report_that_does_not_fit_is_left_out_and_not_asked_for_again_at_once() {
    let mut receiver = receiver();
    run(&mut receiver, ms(0), &Stream::new(500).frame());
    assert_eq!(receiver.poll_report(ms(500), "player", &mut [0; 20]), None);
    assert!(receiver.poll_timeout().unwrap() > ms(2500));
}
