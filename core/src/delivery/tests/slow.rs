//! Sources that are slower than their frame rate, and moves that fail.

use super::*;

#[test]
fn a_film_that_is_too_slow_to_convert_leaves_out_frames_evenly_and_its_times_stay_true() {
    // (milliseconds for a frame, workers, frames in twenty seconds at least). They could make 400, 333, 100, 200, 363 and 40.
    for (takes, workers, at_least) in
        [(50, 1, 360), (60, 1, 300), (200, 1, 60), (200, 2, 120), (110, 2, 290), (1000, 2, 18)]
    {
        let (mut reel, mut delivery) = (Reel::new(500), film(500, Way::Udp));
        (reel.takes, reel.workers) = (takes, workers);
        reel.play(&mut delivery, 0, asked(None)).unwrap();
        let (seen, ended) = reel.run(&mut delivery, 0..30_000);
        assert!(ended, "{takes} {workers}");
        let last = seen.last().unwrap();
        assert!(last.0 <= 22_000 + takes, "{takes} {workers}: ends at {} ms", last.0);
        // Each timestamp is that of its frame, whatever was left out.
        for (left, number, stamp) in &seen {
            assert_eq!(*stamp, u64::from(*number) * 40, "{takes} {workers}: frame {number} at {left}");
            assert!(left.saturating_sub(*stamp) <= 3 * takes.max(1000), "{takes} {workers}: frame {number} at {left}");
        }
        let (frames, counts) = (seen.len() as u64, delivery.counts());
        assert!(frames >= at_least, "{takes} {workers}: {frames} frames");
        assert!(counts.unready > 0 && counts.skipped == 0, "{counts:?}");
        assert!((450..=502).contains(&(counts.frames + counts.unready)), "{counts:?}");
        // Evenly: once the source is known, steps differ by little.
        let steps: Vec<u32> = seen.windows(2).map(|pair| pair[1].1 - pair[0].1).collect();
        let later = &steps[steps.len() / 3..];
        let (least, most) = (later.iter().min().unwrap(), later.iter().max().unwrap());
        assert!(*most <= least * 2 + 2, "{takes} {workers}: {steps:?}");
    }
}

#[test]
fn a_source_that_keeps_up_loses_nothing_and_one_that_recovers_loses_no_more() {
    let (mut reel, mut delivery) = (Reel::new(2000), film(2000, Way::Udp));
    reel.takes = 30;
    reel.play(&mut delivery, 0, asked(None)).unwrap();
    assert_eq!(reel.run(&mut delivery, 0..4000).0.len(), 100);
    assert_eq!(delivery.counts().unready, 0);
    reel.takes = 100;
    reel.run(&mut delivery, 4000..10_000);
    let lost = delivery.counts().unready;
    assert!(lost > 50, "{lost}");
    reel.takes = 0;
    reel.run(&mut delivery, 10_000..70_000);
    let (seen, _) = reel.run(&mut delivery, 70_000..72_000);
    assert_eq!(seen.windows(2).filter(|pair| pair[1].1 - pair[0].1 != 1).count(), 0, "{seen:?}");
}

#[test]
fn frames_are_counted_as_left_out_when_the_source_has_moved() {
    let mut delivery = film(100, Way::Interleaved);
    run(&mut delivery, &[(0, Play(None, 0), FETCH), (0, ready(0, 2), send(0..2)), (0, Full, Step::Nothing)]);
    let fetch = |number| Step::Fetch { from: Some(Place::Frame(number)) };
    // Frame 1 was due at 40 ms: 1960 ms are 49 frames.
    run(&mut delivery, &[(2000, Room, send(0..2)), (2000, Sent(2), fetch(50))]);
    assert_eq!(delivery.counts().skipped, 0);
    // It cannot be moved. What it was to be moved over is still there, except the frame that is taken for unreadable.
    run(&mut delivery, &[(2000, Frame(Fetched::CannotMove), fetch(50))]);
    assert_eq!((delivery.counts().skipped, delivery.counts().unsendable), (0, 1));
    let frame = Fetched::Ready { number: 50, captured: None, time: None, fragments: 1 };
    assert_eq!(delivery.handle_frame(ms(2000), frame).unwrap().at, ms(2000), "the time of its number");
    assert_eq!((delivery.counts().skipped, delivery.counts().unsendable), (48, 1));
    // A source that could not be moved at all is moved again, whatever it gives next.
    let mut delivery = film(100, Way::Interleaved);
    run(&mut delivery, &[(0, Play(None, 0), FETCH), (0, ready(0, 1), send(0..1)), (0, Sent(1), Step::Nothing)]);
    run(&mut delivery, &[(40, Time, FETCH), (40, Frame(Fetched::CannotMove), Step::Nothing), (80, Time, fetch(2))]);
}

#[test]
fn a_burst_that_ends_with_its_frame_has_its_gap_too() {
    let mut delivery = film(9, Way::Udp);
    run(&mut delivery, &[(0, Play(None, 0), FETCH), (0, ready(0, 20), send(0..20)), (0, Sent(20), Step::Nothing)]);
    // After a stall several frames are due at once.
    run(&mut delivery, &[(500, Time, FETCH), (500, ready(1, 20), send(0..20)), (500, Sent(20), FETCH)]);
    run(&mut delivery, &[(500, ready(2, 12), send(0..12)), (500, Sent(12), Step::Nothing), (501, Time, FETCH)]);
    run(&mut delivery, &[(501, ready(3, 32), send(0..32)), (501, Sent(32), Step::Nothing)]);
    assert_eq!(delivery.poll_timeout(), Some(ms(502)));
    let mut camera = Delivery::new(ms(0), medium(None, AtEnd::Stop), Way::Udp, None);
    run(&mut camera, &[(0, Play(None, 0), FETCH), (0, ready(0, 32), send(0..32)), (0, Sent(32), Step::Nothing)]);
    run(&mut camera, &[(1, Time, FETCH)]);
}

#[test]
fn an_old_picture_of_a_camera_holds_back_none_of_those_that_follow() {
    let mut delivery = Delivery::new(ms(0), medium(None, AtEnd::Stop), Way::Udp, None);
    let plan = delivery.plan(asked(None), 0).unwrap();
    let announced = delivery.handle_play(ms(600_000), plan).at;
    delivery.handle_answered();
    let mut stamp = |now, captured| {
        assert_eq!(delivery.poll(ms(now)), FETCH);
        let frame = Fetched::Ready { number: 0, captured: Some(ms(captured)), time: None, fragments: 1 };
        let stamp = delivery.handle_frame(ms(now), frame).unwrap().at;
        let _ = delivery.poll(ms(now));
        delivery.handle_sent(ms(now), 1);
        stamp
    };
    // It was taken ten minutes ago, and leaves at once.
    assert_eq!(stamp(600_000, 5), announced);
    assert_eq!(stamp(600_003, 600_001), ms(600_001));
    // The clock of a camera that is fast.
    assert_eq!(stamp(600_040, 999_000), ms(600_040));
    assert_eq!(stamp(600_080, 600_079), ms(600_079));
}
