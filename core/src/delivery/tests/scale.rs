//! Faster, slower and backwards.

use super::*;

fn at(range: Option<Range>, scale: i32, speed: u32) -> Asked {
    Asked { range, scale: Scale::from_thousandths(scale), speed: Speed::from_thousandths(speed) }
}

/// The frames of a film of ten seconds, or of any medium, and when they leave.
fn frames(reel: &mut Reel, delivery: &mut Delivery, times: ops::Range<u64>) -> Vec<(u64, u32)> {
    let (seen, _) = reel.run(delivery, times);
    seen.into_iter().map(|(at, number, _)| (at, number)).collect()
}

#[test]
fn what_cannot_be_done_is_answered_with_the_nearest_that_can() {
    let of_film = film(250, Way::Udp);
    let of_camera = Delivery::new(ms(0), medium(None, AtEnd::Stop), Way::Udp, None);
    for (scale, speed, film, camera) in [
        (1000, 1000, (1000, 1000), (1000, 1000)),
        (2000, 500, (2000, 500), (1000, 1000)),
        (-1500, 8000, (-1500, 8000), (1000, 1000)),
        (1, 1, (250, 250), (1000, 1000)),
        (-1, 100_000, (-250, 8000), (1000, 1000)),
        (i32::MAX, u32::MAX, (8000, 8000), (1000, 1000)),
        (i32::MIN, 1000, (-8000, 1000), (1000, 1000)),
    ] {
        for (delivery, expected) in [(&of_film, film), (&of_camera, camera)] {
            let mut delivery = *delivery;
            let plan = delivery.plan(at(None, scale, speed), 0).unwrap();
            let played = delivery.handle_play(ms(0), plan);
            let done = (played.scale.thousandths(), played.speed.thousandths());
            assert_eq!(done, expected, "{scale} {speed}");
        }
    }
}

#[test]
fn of_a_camera_two_frames_are_worth_keeping_and_of_a_film_a_second() {
    for (scale, speed, frames) in [(1000, 1000, 25), (1000, 2000, 50), (500, 1000, 12), (250, 250, 2)] {
        let mut delivery = film(250, Way::Interleaved);
        assert_eq!(delivery.backlog(), 25);
        let plan = delivery.plan(at(None, scale, speed), 0).unwrap();
        let _ = delivery.handle_play(ms(0), plan);
        assert_eq!(delivery.backlog(), frames, "{scale} {speed}");
    }
    assert_eq!(Delivery::new(ms(0), medium(None, AtEnd::Stop), Way::Interleaved, None).backlog(), 2);
}

#[test]
fn fast_play_leaves_out_frames_evenly_and_slow_play_stretches_them() {
    for (scale, expected) in [
        (1000, [(0, 0), (40, 1), (80, 2), (120, 3), (160, 4)]),
        (2000, [(0, 0), (40, 2), (80, 4), (120, 6), (160, 8)]),
        (8000, [(0, 0), (40, 8), (80, 16), (120, 24), (160, 32)]),
        // 0, 1.5, 3, 4.5 and 6, each at its own time.
        (1500, [(0, 0), (27, 1), (80, 3), (107, 4), (160, 6)]),
        (500, [(0, 0), (80, 1), (160, 2), (240, 3), (320, 4)]),
        (250, [(0, 0), (160, 1), (320, 2), (480, 3), (640, 4)]),
        (-1000, [(0, 249), (40, 248), (80, 247), (120, 246), (160, 245)]),
        (-4000, [(0, 249), (40, 245), (80, 241), (120, 237), (160, 233)]),
        (-500, [(0, 249), (80, 248), (160, 247), (240, 246), (320, 245)]),
    ] {
        let (mut reel, mut delivery) = (Reel::new(250), film(250, Way::Udp));
        // Backwards a film that stands at its beginning begins at its end.
        let played = reel.play(&mut delivery, 0, at(None, scale, 1000)).unwrap();
        let range = if scale < 0 { npt(Some(10_000_000), Some(0)) } else { npt(Some(0), Some(10_000_000)) };
        assert_eq!((Some(played.range), played.at), (range, ms(0)), "{scale}");
        let (seen, _) = reel.run(&mut delivery, 0..641);
        for ((left, number, stamp), expected) in seen.iter().zip(expected) {
            assert_eq!((*left, *number), expected, "{scale}");
            assert!(left.abs_diff(*stamp) <= 1, "{scale}: timestamps run with real time");
        }
        assert!(seen.len() >= 5 && seen.len() <= 17, "{scale}: no more frames in a second than the film has");
        assert_eq!(delivery.counts().skipped + delivery.counts().unready, 0, "nothing was lost");
    }
}

#[test]
fn backwards_a_film_ends_at_its_beginning_with_bye_and_begins_again_at_its_end() {
    let (mut reel, mut delivery) = (Reel::new(250), film(250, Way::Interleaved));
    let played = reel.play(&mut delivery, 0, at(npt(Some(80_000), None), -1000, 1000)).unwrap();
    assert_eq!(Some(played.range), npt(Some(80_000), Some(0)));
    let (seen, ended) = reel.run(&mut delivery, 0..1000);
    assert_eq!((seen, ended), (std::vec![(0, 1, 0), (40, 0, 40)], true));
    let played = reel.play(&mut delivery, 1000, at(None, -2000, 1000)).unwrap();
    assert_eq!(Some(played.range), npt(Some(10_000_000), Some(0)));
    assert_eq!(frames(&mut reel, &mut delivery, 1000..1050), [(1000, 249), (1040, 247)]);
    // BYE is due when the first frame has been shown for as long as it lasts.
    let mut delivery = Delivery::new(ms(0), medium(Some(9), AtEnd::Stop), Way::Interleaved, Some(7));
    reel.play(&mut delivery, 0, at(npt(Some(40_000), None), -500, 1000)).unwrap();
    assert_eq!(reel.run(&mut delivery, 0..79), (std::vec![(0, 0, 0)], false));
    assert_eq!(delivery.poll(ms(80)), Step::Bye);
}

#[test]
fn a_range_backwards_begins_at_its_later_end_and_is_the_same_frames() {
    // As (start, end) of the request: the frames of 0.2 to 0.4 s are 5 to 9.
    for range in [npt(Some(400_000), Some(200_000)), npt(Some(200_000), Some(400_000))] {
        let (mut reel, mut delivery) = (Reel::new(25), film(25, Way::Udp));
        let played = reel.play(&mut delivery, 0, at(range, -1000, 1000)).unwrap();
        assert_eq!(Some(played.range), npt(Some(400_000), Some(200_000)));
        let (seen, ended) = reel.run(&mut delivery, 0..1000);
        assert_eq!(seen.iter().map(|seen| seen.1).collect::<Vec<_>>(), [9, 8, 7, 6, 5]);
        assert!(ended);
    }
    let delivery = film(25, Way::Udp);
    for (range, seek) in [
        (npt(Some(1_000_000), None), Some(24)),
        // Into a frame: it is shown until there.
        (npt(Some(410_000), None), Some(10)),
        (npt(Some(0), None), Some(24)),
        (npt(Some(1_000_001), None), None),
        (npt(Some(400_000), Some(400_000)), None),
    ] {
        let plan = delivery.plan(at(range, -1000, 1000), 0);
        assert_eq!(plan.map(|plan| plan.seek), seek.map(|number| Some(Place::Frame(number))), "{range:?}");
    }
}

#[test]
fn a_scale_while_playing_changes_at_once_from_where_it_is() {
    let (mut reel, mut delivery) = (Reel::new(250), film(250, Way::Udp));
    reel.play(&mut delivery, 0, at(npt(Some(0), Some(4_000_000)), 1000, 1000)).unwrap();
    assert_eq!(frames(&mut reel, &mut delivery, 0..100), [(0, 0), (40, 1), (80, 2)]);
    let change = |reel: &mut Reel, delivery: &mut Delivery, now, scale| {
        let played = reel.play(delivery, now, at(None, scale, 1000)).unwrap();
        let Range::Npt { start, end } = played.range else { panic!() };
        (start.map(|start| start / 1000), end.map(|end| end / 1000))
    };
    // The range that was asked for stays.
    assert_eq!(change(&mut reel, &mut delivery, 100, 4000), (Some(120), Some(4000)));
    assert_eq!(frames(&mut reel, &mut delivery, 100..200), [(100, 3), (140, 7), (180, 11)]);
    assert_eq!(change(&mut reel, &mut delivery, 200, -1000), (Some(600), Some(0)));
    assert_eq!(frames(&mut reel, &mut delivery, 200..300), [(200, 14), (240, 13), (280, 12)]);
    // PLAY without a scale is normal again (RFC 2326 section 12.34).
    let played = reel.play(&mut delivery, 300, asked(None)).unwrap();
    assert_eq!(played, normal(ms(300), npt(Some(480_000), Some(10_000_000))));
    assert_eq!(frames(&mut reel, &mut delivery, 300..400), [(300, 12), (340, 13), (380, 14)]);
}

#[test]
fn a_pause_at_any_scale_is_resumed_where_it_was() {
    let (mut reel, mut delivery) = (Reel::new(250), film(250, Way::Udp));
    for (now, scale, expected) in [
        (0, 2000, [0, 2, 4]),
        (1000, 2000, [6, 8, 10]),
        (2000, -2000, [11, 9, 7]),
        (3000, -1000, [5, 4, 3]),
        (4000, 1000, [3, 4, 5]),
    ] {
        reel.play(&mut delivery, now, at(None, scale, 1000)).unwrap();
        let seen = frames(&mut reel, &mut delivery, now..now + 81);
        assert_eq!(seen.iter().map(|seen| seen.1).collect::<Vec<_>>(), expected, "{scale}");
        reel.pause(&mut delivery);
    }
}

#[test]
fn a_film_that_repeats_does_so_backwards_too() {
    let mut reel = Reel::new(3);
    let mut delivery = Delivery::new(ms(0), medium(Some(3), AtEnd::StartOver), Way::Udp, None);
    let played = reel.play(&mut delivery, 0, at(npt(Some(80_000), None), -1000, 1000)).unwrap();
    assert_eq!(Some(played.range), npt(Some(80_000), None));
    let (seen, ended) = reel.run(&mut delivery, 0..250);
    let expected = [(0, 1, 0), (40, 0, 40), (80, 2, 80), (120, 1, 120), (160, 0, 160), (200, 2, 200), (240, 1, 240)];
    assert_eq!((&seen[..], ended), (&expected[..], false));
    // Fast, a round ends where it ends.
    let mut reel = Reel::new(3);
    let mut delivery = Delivery::new(ms(0), medium(Some(3), AtEnd::StartOver), Way::Udp, None);
    reel.play(&mut delivery, 0, at(None, 2000, 1000)).unwrap();
    assert_eq!(frames(&mut reel, &mut delivery, 0..121), [(0, 0), (40, 2), (60, 0), (100, 2), (120, 0)]);
}

#[test]
fn at_a_speed_frames_leave_earlier_or_later_and_timestamps_stay() {
    for (speed, every) in [(2000, 20), (8000, 5), (500, 80)] {
        let (mut reel, mut delivery) = (Reel::new(25), film(25, Way::Udp));
        reel.play(&mut delivery, 0, at(None, 1000, speed)).unwrap();
        let (seen, _) = reel.run(&mut delivery, 0..9 * every + 1);
        let expected: Vec<Seen> = (0..10).map(|n| (n * every, n as u32, n * 40)).collect();
        assert_eq!(seen, expected, "{speed}");
        // Timestamps go on behind those that have left already, and frames leave at once all the same.
        let now = 9 * every + 1;
        let played = reel.play(&mut delivery, now, asked(None)).unwrap();
        assert!(played.at > ms(360) && played.at >= ms(now));
        let (seen, _) = reel.run(&mut delivery, now..now + 100);
        assert!(seen.iter().map(|seen| (seen.0 - now.max(20)) / 40).eq(0..seen.len() as u64), "{seen:?}");
    }
    // Both together.
    let (mut reel, mut delivery) = (Reel::new(250), film(250, Way::Udp));
    reel.play(&mut delivery, 0, at(None, 2000, 2000)).unwrap();
    assert_eq!(reel.run(&mut delivery, 0..41).0, [(0, 0, 0), (20, 2, 40), (40, 4, 80)]);
}

#[test]
fn play_inside_a_range_answers_that_range() {
    let (mut reel, mut delivery) = (Reel::new(250), film(250, Way::Udp));
    reel.play(&mut delivery, 0, asked(npt(Some(400_000), Some(790_000)))).unwrap();
    reel.run(&mut delivery, 0..50);
    let played = reel.play(&mut delivery, 50, asked(None)).unwrap();
    assert_eq!(Some(played.range), npt(Some(480_000), Some(790_000)));
    // Paused and resumed, it plays to the end of the film.
    reel.pause(&mut delivery);
    let played = reel.play(&mut delivery, 60, asked(None)).unwrap();
    assert_eq!(Some(played.range), npt(Some(480_000), Some(10_000_000)));
}

#[test]
fn due_times_do_not_drift_over_a_day() {
    for ((numerator, denominator), frames, scale) in [
        ((24, 1), 24 * 86_400, 1000),
        ((30_000, 1001), 2_589_410, 1000),
        ((30_000, 1001), 2_589_410, -1000),
        ((30_000, 1001), 2_589_410, 333),
    ] {
        let rate = FrameRate::new(numerator, denominator).unwrap();
        let extent = Extent::frames(frames);
        let mut delivery = Delivery::new(ms(0), Medium { rate, extent, at_end: AtEnd::Stop }, Way::Interleaved, None);
        let plan = delivery.plan(at(None, scale, 1000), 0).unwrap();
        delivery.handle_play(ms(0), plan);
        for _ in 0..frames {
            delivery.step();
        }
        let day = rate.micros(frames.into());
        let shown = u128::from(day) * 1000 / u128::from(scale.unsigned_abs());
        let due = delivery.schedule.due().since(ms(0)).as_micros();
        assert!(due.abs_diff(shown) <= 3, "{rate:?} {scale}: {due}, {shown}");
    }
}
