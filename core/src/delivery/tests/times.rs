//! Frames with times of their own, and media without an end.

use super::*;
use crate::media::End;

fn timed(millis: u64, end: End, at_end: AtEnd) -> Delivery {
    let extent = Extent::Timed { duration: Duration::from_millis(millis), end };
    Delivery::new(ms(0), Medium { extent, ..medium(None, at_end) }, Way::Udp, None)
}

const TIMES: [u64; 6] = [0, 10, 200, 210, 1000, 5000];

fn at(range: Option<Range>, scale: i32) -> Asked {
    Asked { range, scale: Scale::from_thousandths(scale), speed: None }
}

#[test]
fn frames_play_at_their_own_times_and_the_last_one_lasts_until_the_end() {
    for (scale, divisor) in [(1000, 1), (500, 0)] {
        let (mut reel, mut delivery) = (Reel::with_times(&TIMES), timed(6000, End::Known, AtEnd::Stop));
        let played = reel.play(&mut delivery, 0, at(None, scale)).unwrap();
        assert_eq!(Some(played.range), npt(Some(0), Some(6_000_000)));
        let (seen, ended) = reel.run(&mut delivery, 0..20_000);
        let scaled = |time: u64| time.checked_div(divisor).unwrap_or(time * 2);
        let expected: Vec<Seen> = TIMES.iter().zip(0..).map(|(time, n)| (scaled(*time), n, scaled(*time))).collect();
        assert_eq!((seen, ended), (expected, true));
        assert_eq!(delivery.schedule.due(), ms(scaled(6000)));
    }
}

#[test]
fn a_seek_lands_on_the_frame_that_is_shown_then() {
    let (mut reel, mut delivery) = (Reel::with_times(&TIMES), timed(6000, End::Known, AtEnd::Stop));
    let played = reel.play(&mut delivery, 0, at(npt(Some(600_000), Some(5_100_000)), 1000)).unwrap();
    assert_eq!(Some(played.range), npt(Some(600_000), Some(5_100_000)));
    // Frame 3 is shown from 210 to 1000 ms: the next one is due in 400.
    let (seen, ended) = reel.run(&mut delivery, 0..9000);
    assert_eq!((seen, ended), (std::vec![(0, 3, 0), (400, 4, 400), (4400, 5, 4400)], true));
    let played = reel.play(&mut delivery, 9000, at(npt(Some(600_000), Some(900_000)), 1000)).unwrap();
    assert_eq!(Some(played.range), npt(Some(600_000), Some(900_000)));
    assert_eq!(reel.run(&mut delivery, 9000..9200), (std::vec![(9000, 3, 9000)], false));
    // The range ends before the frame that was fetched, which comes first when it is played on.
    assert_eq!(reel.run(&mut delivery, 9200..9500), (std::vec![], true));
    let played = reel.play(&mut delivery, 9500, at(None, 1000)).unwrap();
    assert_eq!(played.at, ms(9500));
    assert_eq!(reel.run(&mut delivery, 9500..9600), (std::vec![(9500, 4, 9500)], false));
    for range in [npt(Some(6_000_000), None), npt(Some(700_000), Some(700_000))] {
        assert_eq!(delivery.plan(asked(range), 0), None);
    }
}

#[test]
fn a_frame_that_waits_until_it_is_due_comes_again_after_a_pause_and_at_once() {
    let (mut reel, mut delivery) = (Reel::with_times(&TIMES), timed(6000, End::Known, AtEnd::Stop));
    reel.play(&mut delivery, 0, at(None, 1000)).unwrap();
    assert_eq!(reel.run(&mut delivery, 0..1100).0.len(), 5);
    reel.pause(&mut delivery);
    let played = reel.play(&mut delivery, 2000, at(None, 1000)).unwrap();
    assert_eq!(played, normal(ms(2000), npt(Some(5_000_000), Some(6_000_000))));
    assert_eq!(reel.run(&mut delivery, 2000..4000), (std::vec![(2000, 5, 2000)], true));
}

#[test]
fn fast_play_leaves_out_frames_and_backwards_each_is_shown_for_its_time() {
    let times: Vec<u64> = (0..25).map(|n| n * 40).collect();
    for (scale, expected) in [
        (2000, [(0, 0), (40, 2), (80, 4), (120, 6)]),
        (-1000, [(0, 24), (40, 23), (80, 22), (120, 21)]),
        (-2000, [(0, 24), (20, 22), (60, 20), (100, 18)]),
    ] {
        let (mut reel, mut delivery) = (Reel::with_times(&times), timed(1000, End::Known, AtEnd::Stop));
        reel.play(&mut delivery, 0, at(None, scale)).unwrap();
        let (seen, _) = reel.run(&mut delivery, 0..121);
        assert_eq!(seen.iter().map(|seen| (seen.0, seen.1)).collect::<Vec<_>>()[..4], expected, "{scale}");
    }
    let (mut reel, mut delivery) = (Reel::with_times(&TIMES), timed(6000, End::Known, AtEnd::Stop));
    let played = reel.play(&mut delivery, 0, at(npt(Some(1_200_000), Some(5_000)), -1000)).unwrap();
    assert_eq!(Some(played.range), npt(Some(1_200_000), Some(5_000)));
    let (seen, ended) = reel.run(&mut delivery, 0..9000);
    assert_eq!(
        seen.iter().map(|seen| (seen.0, seen.1)).collect::<Vec<_>>(),
        [(0, 4), (200, 3), (990, 2), (1000, 1), (1190, 0)]
    );
    assert!(ended);
}

#[test]
fn rounds_follow_each_other_forwards_and_backwards() {
    let (mut reel, mut delivery) = (Reel::with_times(&[0, 100, 150]), timed(300, End::Known, AtEnd::StartOver));
    let played = reel.play(&mut delivery, 0, at(npt(Some(350_000), None), 1000)).unwrap();
    assert_eq!(Some(played.range), npt(Some(350_000), None));
    let (seen, _) = reel.run(&mut delivery, 0..500);
    let expected = [(0, 0, 0), (50, 1, 50), (100, 2, 100), (250, 0, 250), (350, 1, 350), (400, 2, 400)];
    assert_eq!(seen, expected);
    // At 850 ms of all rounds.
    let played = reel.play(&mut delivery, 500, at(None, -1000)).unwrap();
    let (seen, _) = reel.run(&mut delivery, 500..1200);
    assert!(matches!(played.range, Range::Npt { start: Some(900_000 | 750_000), end: None }), "{played:?}");
    assert_eq!(seen.iter().map(|seen| seen.1).take(7).collect::<Vec<_>>(), [2, 1, 0, 2, 1, 0, 2]);
}

#[test]
fn at_the_edge_of_a_medium_that_grows_a_viewer_waits_for_more() {
    for way in [None, Some(())] {
        let extent = Extent::Frames { count: 3, end: End::Open };
        let growing = Medium { extent, ..medium(None, AtEnd::StartOver) };
        let mut delivery = match way {
            None => Delivery::new(ms(0), growing, Way::Udp, None),
            Some(()) => timed(120, End::Open, AtEnd::StartOver),
        };
        let mut reel = if way.is_some() { Reel::with_times(&[0, 40, 80, 120, 160]) } else { Reel::new(5) };
        (reel.frames, reel.grows) = (3, true);
        // As far as it reaches by now: at its newest frame.
        let played = reel.play(&mut delivery, 0, asked(npt(Some(70_000_000), None))).unwrap();
        assert!(matches!(played.range, Range::Npt { start: Some(80_000..120_000), end: None }), "{played:?}");
        let (seen, ended) = reel.run(&mut delivery, 0..5000);
        assert_eq!((seen, ended), (std::vec![(0, 2, 0)], false));
        assert_eq!(delivery.poll_timeout(), None, "the source tells");
        // No frame is left out, and time goes on from now.
        reel.frames = 5;
        delivery.handle_wake();
        let (seen, _) = reel.run(&mut delivery, 5000..9000);
        assert_eq!(seen, [(5000, 3, 5000), (5040, 4, 5040)]);
        assert_eq!(delivery.counts().unready + delivery.counts().skipped, 0);
        // Its end is found, and now it starts over.
        reel.grows = false;
        delivery.set_extent(match way {
            None => Extent::frames(5),
            Some(()) => Extent::Timed { duration: Duration::from_millis(200), end: End::Known },
        });
        delivery.handle_wake();
        let (seen, _) = reel.run(&mut delivery, 9000..9050);
        assert_eq!(seen.iter().map(|seen| seen.1).collect::<Vec<_>>()[..2], [0, 1]);
    }
}

#[test]
fn times_that_step_back_cost_no_time_and_timestamps_do_not_step_back() {
    let (mut reel, mut delivery) = (Reel::with_times(&[0, 100, 50, 100, 140]), timed(180, End::Known, AtEnd::Stop));
    reel.play(&mut delivery, 0, asked(None)).unwrap();
    let (seen, ended) = reel.run(&mut delivery, 0..500);
    assert_eq!(
        seen.iter().map(|seen| (seen.0, seen.1)).collect::<Vec<_>>(),
        [(0, 0), (100, 1), (100, 2), (100, 3), (140, 4)]
    );
    assert!(seen.is_sorted_by_key(|seen| seen.2) && ended);
}

#[test]
fn frames_that_cannot_be_read_are_left_out_at_any_times() {
    let (mut reel, mut delivery) = (Reel::with_times(&TIMES), timed(6000, End::Known, AtEnd::Stop));
    reel.play(&mut delivery, 0, asked(npt(Some(150_000), None))).unwrap();
    assert_eq!(delivery.poll(ms(0)), FETCH);
    assert_eq!(delivery.handle_frame(ms(0), Fetched::LeftOut(LeftOut::Unreadable)), None);
    reel.next = 2;
    let (seen, _) = reel.run(&mut delivery, 0..300);
    assert_eq!(seen.iter().map(|seen| seen.1).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(delivery.counts().unsendable, 1);
}
