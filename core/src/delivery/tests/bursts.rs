//! Large frames, which leave in pieces.

use super::*;

fn stream(rate: u32, frames: Option<u32>) -> Delivery {
    let medium = Medium { rate: FrameRate::new(rate, 1).unwrap(), ..medium(frames, AtEnd::Stop) };
    Delivery::new(ms(0), medium, Way::Udp, None)
}

/// Plays for a while, and gives each burst's time in microseconds, the number of its frame, and its packets. Every frame has
/// as many packets. A camera has one in each interval, and a film all of them at once.
fn bursts(delivery: &mut Delivery, asked: Asked, packets: u32, micros: u64) -> Vec<(u64, u32, u32)> {
    let plan = delivery.plan(asked, 0).unwrap();
    delivery.handle_play(ms(0), plan);
    delivery.handle_answered();
    let interval = delivery.schedule.rate().interval();
    let (mut now, mut number, mut seen): (_, _, Vec<(u64, u32, u32)>) = (ms(0), 0, Vec::new());
    while now.since(ms(0)).as_micros() < u128::from(micros) {
        match delivery.poll(now) {
            Step::Fetch { from } => {
                if let Some(Place::Frame(place)) = from {
                    number = place;
                }
                let ready = ms(0).after(interval * number);
                if delivery.position.is_live() && ready > now {
                    delivery.handle_frame(now, Fetched::NotYet { until: Some(ready) });
                    continue;
                }
                let fetched = Fetched::Ready { number, captured: None, time: None, fragments: packets };
                number += 1;
                delivery.handle_frame(now, fetched);
            }
            Step::Send { fragments } => {
                // Trains of 16, as a driver may have them.
                let (train, at) = (fragments.len().min(16) as u32, now.since(ms(0)).as_micros() as u64);
                match seen.last_mut() {
                    Some((last, frame, count)) if (*last, *frame) == (at, number - 1) => *count += train,
                    _ => seen.push((at, number - 1, train)),
                }
                delivery.handle_sent(now, train);
            }
            _ => now = delivery.poll_timeout().unwrap().max(now),
        }
    }
    seen
}

#[test]
fn bursts_and_gaps_are_those_of_a_frames_size_and_rate() {
    let speed = |thousandths| Asked { speed: Speed::from_thousandths(thousandths), ..Asked::default() };
    // Frames a second, speed, packets of a frame; for a film and a camera: packets of a burst, gap, when the last one leaves.
    for (rate, faster, packets, film, camera) in [
        // VGA at any rate: one burst.
        (24, 1000, 19, (19, 0, 0), (19, 0, 0)),
        (500, 1000, 32, (32, 0, 0), (32, 0, 0)),
        // 1080p, 150 and 300 KB.
        (60, 1000, 108, (32, 2, 6), (32, 1, 3)),
        (60, 1000, 215, (32, 2, 12), (32, 1, 6)),
        (60, 2000, 215, (32, 1, 6), (32, 1, 6)),
        // 4K, 500 KB to 1 MB.
        (60, 1000, 358, (32, 1, 11), (32, 1, 11)),
        (60, 1000, 500, (34, 1, 14), (34, 1, 14)),
        (60, 1000, 715, (48, 1, 14), (48, 1, 14)),
        (30, 2000, 715, (48, 1, 14), (32, 1, 22)),
        (25, 1000, 715, (32, 1, 22), (32, 1, 22)),
        (10, 1000, 715, (32, 2, 44), (32, 1, 22)),
        // More than bursts carry in time.
        (60, 1000, 1100, (64, 1, 17), (64, 1, 17)),
        (1000, 1000, 65, (64, 1, 1), (64, 1, 1)),
    ] {
        for (frames, expected) in [(Some(1000), film), (None, camera)] {
            let seen = bursts(&mut stream(rate, frames), speed(faster), packets, 100_000);
            let first: Vec<_> = seen.iter().filter(|(_, number, _)| *number == 0).collect();
            let (last, _, _) = first.last().unwrap();
            let gap = first.get(1).map_or(0, |second| second.0);
            assert_eq!((first[0].2, gap / 1000, last / 1000), expected, "{rate} {faster} {packets} {frames:?}");
            assert_eq!(first.iter().map(|burst| burst.2).sum::<u32>(), packets);
            assert!(seen.iter().all(|(_, _, count)| *count <= expected.0), "no burst is longer than the first one");
        }
    }
}

#[test]
fn frames_that_are_late_take_no_longer_than_they_must() {
    // Two bursts a frame. The server stands still for 300 ms, which are 7.5 frames.
    let mut delivery = stream(25, Some(100));
    run(&mut delivery, &[(0, Play(None, 0), FETCH), (0, ready(0, 64), send(0..32)), (0, Sent(32), Step::Nothing)]);
    run(&mut delivery, &[(1, Time, Step::Nothing), (2, Time, send(32..64)), (2, Sent(32), Step::Nothing)]);
    run(&mut delivery, &[(340, Time, FETCH), (340, ready(1, 64), send(0..32)), (340, Sent(32), Step::Nothing)]);
    run(&mut delivery, &[(341, Time, send(32..64)), (341, Sent(32), Step::Nothing), (342, Time, FETCH)]);
    // Where they need longer bursts, those are longer.
    let mut delivery = stream(60, Some(100));
    run(&mut delivery, &[(0, Play(None, 0), FETCH), (0, ready(0, 500), send(0..34)), (1, TakenBack, Step::Nothing)]);
    run(&mut delivery, &[(300, Time, FETCH), (300, ready(1, 500), send(0..56)), (300, Sent(56), Step::Nothing)]);
}

#[test]
fn of_frames_too_large_for_their_rate_whole_ones_are_left_out_and_time_goes_on() {
    // Each takes 31 ms, and 16.7 are there.
    let mut delivery = stream(60, Some(100_000));
    let seen = bursts(&mut delivery, asked(None), 2000, 20_000_000);
    for at_once in seen.chunk_by(|a, b| a.0 == b.0) {
        assert!(at_once.iter().map(|(_, _, count)| count).sum::<u32>() <= 64, "{at_once:?}");
    }
    let frames: Vec<_> = seen.chunk_by(|a, b| a.1 == b.1).collect();
    for (index, frame) in frames.iter().enumerate() {
        let packets: u32 = frame.iter().map(|(_, _, count)| count).sum();
        assert!(packets == 2000 || index + 1 == frames.len(), "half a frame: {frame:?}");
        let (begun, number, _) = frame[0];
        let due = u64::from(number) * 1_000_000 / 60;
        assert!((due..due + 1_050_000).contains(&begun), "frame {number} at {begun}");
    }
    assert!(frames.len() > 600, "as many as can leave: {}", frames.len());
    let counts = delivery.counts();
    assert!((frames.len() - 1..=frames.len()).contains(&(counts.frames as usize)));
    assert!((500..620).contains(&counts.skipped) && counts.unready == 0, "{counts:?}");
}
