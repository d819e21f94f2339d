//! Streams on virtual time: what is asked of the driver, and when.

mod bursts;
mod scale;
mod slow;
mod times;

use super::*;
use std::vec::Vec;

fn ms(millis: u64) -> Instant {
    Instant::from_millis(1000 + millis)
}

/// 25 frames a second.
fn medium(frames: Option<u32>, at_end: AtEnd) -> Medium {
    Medium { rate: FrameRate::new(25, 1).unwrap(), extent: frames.map_or(Extent::Live, Extent::frames), at_end }
}

const FETCH: Step = Step::Fetch { from: None };

const fn send(fragments: ops::Range<u32>) -> Step {
    Step::Send { fragments }
}

const fn ready(number: u32, fragments: u32) -> Input {
    Input::Frame(Fetched::Ready { number, captured: None, time: None, fragments })
}

const fn npt(start: Option<u64>, end: Option<u64>) -> Option<Range> {
    Some(Range::Npt { start, end })
}

fn asked(range: Option<Range>) -> Asked {
    Asked { range, ..Asked::default() }
}

/// What PLAY's answer tells where neither scale nor speed were asked for.
fn normal(at: Instant, range: Option<Range>) -> Played {
    Played { at, range: range.unwrap(), scale: Scale::NORMAL, speed: Speed::NORMAL }
}

/// What happens to a stream.
#[derive(Clone, Copy, Debug)]
enum Input {
    /// Time passes.
    Time,
    /// PLAY, where the source is about to give this frame; its answer has left.
    Play(Option<Range>, u32),
    Pause,
    Frame(Fetched),
    Sent(u32),
    Full,
    /// Nothing found room, and somebody will tell of some.
    FullForNow,
    Room,
    Wake,
    TakenBack,
    ByeSent,
}

use Input::{ByeSent, Frame, Full, FullForNow, Pause, Play, Room, Sent, TakenBack, Time, Wake};

/// Does what each row says at its time (in milliseconds), and compares the step that follows.
fn run(delivery: &mut Delivery, rows: &[(u64, Input, Step)]) {
    for (row, (at, input, expected)) in rows.iter().enumerate() {
        let now = ms(*at);
        match *input {
            Time => {}
            Play(range, position) => {
                let plan = delivery.plan(asked(range), position).expect("a range of this medium");
                delivery.handle_play(now, plan);
                delivery.handle_answered();
            }
            Pause => _ = delivery.handle_pause(),
            Frame(fetched) => _ = delivery.handle_frame(now, fetched),
            Sent(fragments) => delivery.handle_sent(now, fragments),
            Full => delivery.handle_full(now, false),
            FullForNow => delivery.handle_full(now, true),
            Room => _ = delivery.handle_room(),
            Wake => delivery.handle_wake(),
            TakenBack => delivery.handle_taken_back(),
            ByeSent => delivery.handle_bye(),
        }
        assert_eq!(delivery.poll(now), *expected, "row {row}: {at} ms, {input:?}");
    }
}

/// A stream of a film without RTCP, so that the tables tell of media alone.
fn film(frames: u32, way: Way) -> Delivery {
    Delivery::new(ms(0), medium(Some(frames), AtEnd::Stop), way, None)
}

#[test]
fn a_stream_starts_after_plays_answer_has_left_and_with_a_report() {
    let mut delivery = Delivery::new(ms(0), medium(Some(9), AtEnd::Stop), Way::Udp, Some(7));
    assert_eq!(delivery.poll_timeout(), None);
    let plan = delivery.plan(asked(None), 0).unwrap();
    let played = delivery.handle_play(ms(5), plan);
    assert_eq!(played, normal(ms(5), npt(Some(0), Some(360_000))));
    assert_eq!((delivery.poll(ms(6)), delivery.poll_timeout()), (Step::Nothing, None));
    delivery.handle_answered();
    run(&mut delivery, &[(7, Time, Step::Report), (7, Time, FETCH), (7, ready(0, 3), send(0..3))]);
    run(&mut delivery, &[(7, Sent(3), Step::Nothing), (44, Time, Step::Nothing), (45, Time, FETCH)]);
}

#[test]
fn a_stream_resumes_where_it_was_paused_and_timestamps_go_on() {
    let mut delivery = film(9, Way::Interleaved);
    run(&mut delivery, &[(0, Play(None, 0), FETCH), (0, ready(0, 1), send(0..1)), (0, Sent(1), Step::Nothing)]);
    run(&mut delivery, &[(20, Pause, Step::Nothing), (900, Time, Step::Nothing)]);
    let plan = delivery.plan(asked(None), 1).unwrap();
    assert_eq!(plan.seek, None);
    let played = delivery.handle_play(ms(900), plan);
    assert_eq!(played, normal(ms(900), npt(Some(40_000), Some(360_000))));
    run(&mut delivery, &[(900, Time, FETCH), (900, ready(1, 1), send(0..1)), (900, Sent(1), Step::Nothing)]);
}

#[test]
fn a_pause_or_a_seek_while_a_frame_is_half_sent_lets_it_come_again_whole() {
    let mut delivery = film(9, Way::Interleaved);
    run(&mut delivery, &[(0, Play(None, 0), FETCH), (0, ready(0, 5), send(0..5)), (0, Sent(2), send(2..5))]);
    // To the same place, and somewhere else.
    assert_eq!(delivery.plan(asked(npt(Some(0), None)), 1).unwrap().seek, Some(Place::Frame(0)));
    assert_eq!(delivery.plan(asked(npt(Some(40_000), None)), 1).unwrap().seek, Some(Place::Frame(1)));
    assert_eq!(delivery.plan(asked(npt(Some(200_000), None)), 1).unwrap().seek, Some(Place::Frame(5)));
    assert_eq!(delivery.handle_pause(), Some(0));
    run(&mut delivery, &[(1, Play(None, 0), Step::Nothing), (20, Time, FETCH), (20, ready(0, 5), send(0..5))]);
    run(&mut delivery, &[(21, Play(npt(Some(200_000), None), 5), Step::Nothing), (40, Time, FETCH)]);
    assert_eq!(delivery.counts(), Counts::default());
}

#[test]
fn play_while_playing_changes_nothing() {
    let mut delivery = film(9, Way::Interleaved);
    run(&mut delivery, &[(0, Play(None, 0), FETCH), (0, ready(0, 5), send(0..5)), (0, Sent(2), send(2..5))]);
    run(&mut delivery, &[(1, Play(None, 1), send(2..5)), (1, Sent(3), Step::Nothing), (40, Time, FETCH)]);
}

#[test]
fn first_frames_after_two_plays_are_20_ms_apart() {
    let mut delivery = film(9, Way::Interleaved);
    run(&mut delivery, &[(0, Play(None, 0), FETCH), (0, ready(0, 1), send(0..1)), (0, Sent(1), Step::Nothing)]);
    run(&mut delivery, &[(1, Play(npt(Some(200_000), None), 5), Step::Nothing), (19, Time, Step::Nothing)]);
    assert_eq!(delivery.poll_timeout(), Some(ms(20)));
    run(&mut delivery, &[(20, Time, FETCH)]);
}

#[test]
fn a_range_ends_before_its_end_without_bye() {
    let mut delivery = Delivery::new(ms(0), medium(Some(9), AtEnd::Stop), Way::Udp, Some(7));
    run(&mut delivery, &[(0, Play(npt(Some(80_000), Some(160_000)), 2), Step::Report), (0, Time, FETCH)]);
    run(&mut delivery, &[(0, ready(2, 1), send(0..1)), (0, Sent(1), Step::Nothing), (40, Time, FETCH)]);
    run(&mut delivery, &[(40, ready(3, 1), send(0..1)), (40, Sent(1), Step::Nothing), (80, Time, Step::Ended)]);
    run(&mut delivery, &[(81, Time, Step::Nothing), (82, Play(None, 4), Step::Report), (82, Time, FETCH)]);
    for (range, why) in [
        (npt(Some(360_000), None), "it begins at the end"),
        (npt(Some(80_000), Some(80_000)), "it is empty"),
        (Some(Range::ToOrFromNow), "it is about now"),
    ] {
        assert_eq!(delivery.plan(asked(range), 4), None, "{why}");
    }
}

#[test]
fn a_film_ends_with_bye_which_udp_lets_wait_for_the_last_frame() {
    for (way, wait) in [(Way::Udp, 400), (Way::Interleaved, 0)] {
        let mut delivery = Delivery::new(ms(0), medium(Some(1), AtEnd::Stop), way, Some(7));
        run(&mut delivery, &[(0, Play(None, 0), Step::Report), (0, Time, FETCH), (0, ready(0, 1), send(0..1))]);
        run(&mut delivery, &[(0, Sent(1), Step::Nothing), (40, Time, FETCH)]);
        delivery.handle_frame(ms(40), Fetched::End);
        assert_eq!(delivery.poll_timeout(), Some(ms(40 + wait)));
        run(&mut delivery, &[(40 + wait, Time, Step::Bye), (40 + wait, Full, Step::Nothing)]);
        match way {
            Way::Udp => run(&mut delivery, &[(441, Time, Step::Bye)]),
            Way::Interleaved => run(&mut delivery, &[(441, Time, Step::Nothing), (442, Room, Step::Bye)]),
        }
        run(&mut delivery, &[(443, ByeSent, Step::Ended), (443, Time, Step::Nothing)]);
        assert_eq!(delivery.poll_timeout(), None);
        // After the end, PLAY starts over.
        assert_eq!(delivery.plan(asked(None), 1).unwrap().seek, Some(Place::Frame(0)));
    }
}

#[test]
fn a_film_without_reports_ends_without_bye() {
    let mut delivery = film(1, Way::Udp);
    run(&mut delivery, &[(0, Play(None, 0), FETCH), (0, ready(0, 1), send(0..1)), (0, Sent(1), Step::Nothing)]);
    run(&mut delivery, &[(40, Time, FETCH), (40, Frame(Fetched::End), Step::Ended), (41, Time, Step::Nothing)]);
}

#[test]
fn a_film_that_repeats_starts_over_and_its_frames_are_counted_on() {
    let mut delivery = Delivery::new(ms(0), medium(Some(1), AtEnd::StartOver), Way::Udp, None);
    run(&mut delivery, &[(0, Play(None, 0), FETCH), (0, ready(0, 1), send(0..1)), (0, Sent(1), Step::Nothing)]);
    run(&mut delivery, &[(40, Time, FETCH), (40, Frame(Fetched::End), Step::Fetch { from: Some(Place::Frame(0)) })]);
    let again = Fetched::Ready { number: 0, captured: None, time: None, fragments: 1 };
    assert_eq!(delivery.handle_frame(ms(40), again), Some(Stamp { at: ms(40), number: 1 }));
    // Where there is nothing to start over with, the stream ends.
    run(&mut delivery, &[(40, Sent(1), Step::Nothing), (80, Time, FETCH)]);
    run(
        &mut delivery,
        &[
            (80, Frame(Fetched::End), Step::Fetch { from: Some(Place::Frame(0)) }),
            (80, Frame(Fetched::End), Step::Ended),
        ],
    );
}

#[test]
fn a_connection_without_room_for_a_second_costs_whole_frames() {
    let mut delivery = film(100, Way::Interleaved);
    run(&mut delivery, &[(0, Play(None, 0), FETCH), (0, ready(0, 2), send(0..2)), (0, Full, Step::Nothing)]);
    assert_eq!(delivery.poll_timeout(), None, "the connection tells when it has room");
    run(&mut delivery, &[(900, Time, Step::Nothing), (900, Room, send(0..2)), (900, Sent(2), FETCH)]);
    assert_eq!(delivery.counts().skipped, 0, "a pause for breath costs nothing");
    run(&mut delivery, &[(900, ready(1, 2), send(0..2)), (900, Full, Step::Nothing), (2000, Room, send(0..2))]);
    // Frame 2 was due at 80 ms: 1920 ms are 48 frames.
    run(
        &mut delivery,
        &[(2000, Sent(2), Step::Fetch { from: Some(Place::Frame(50)) }), (2000, ready(50, 2), send(0..2))],
    );
    assert_eq!(delivery.counts(), Counts { frames: 2, skipped: 48, unready: 0, unsendable: 0 });
    run(&mut delivery, &[(2000, Sent(2), Step::Nothing), (2040, Time, FETCH)]);
}

#[test]
fn after_a_stall_of_the_server_time_starts_anew() {
    let mut delivery = film(100, Way::Udp);
    run(&mut delivery, &[(0, Play(None, 0), FETCH), (0, ready(0, 1), send(0..1)), (0, Sent(1), Step::Nothing)]);
    run(&mut delivery, &[(3000, Time, FETCH), (3000, ready(1, 1), send(0..1)), (3000, Sent(1), Step::Nothing)]);
    assert_eq!(delivery.poll_timeout(), Some(ms(3040)));
}

#[test]
fn a_full_udp_socket_is_tried_again_after_a_millisecond_or_when_it_has_room() {
    let mut delivery = film(9, Way::Udp);
    run(&mut delivery, &[(0, Play(None, 0), FETCH), (0, ready(0, 9), send(0..9)), (0, Sent(4), send(4..9))]);
    run(&mut delivery, &[(0, Full, Step::Nothing)]);
    assert_eq!(delivery.poll_timeout(), Some(ms(1)));
    run(&mut delivery, &[(1, Time, send(4..9)), (1, Full, Step::Nothing)]);
    assert!(delivery.handle_room());
    run(&mut delivery, &[(1, Time, send(4..9)), (1, Sent(5), Step::Nothing)]);
    assert!(!delivery.handle_room(), "it does not wait");
}

#[test]
fn a_stream_that_is_told_of_room_waits_for_that_and_sends_one_frame_then() {
    let mut delivery = film(99, Way::Udp);
    run(&mut delivery, &[(0, Play(None, 0), FETCH), (0, ready(0, 9), send(0..9)), (0, FullForNow, Step::Nothing)]);
    assert_eq!((delivery.poll_timeout(), delivery.waits_for_room()), (None, Some(RoomFor::Frame)));
    run(&mut delivery, &[(70, Time, Step::Nothing), (70, Room, send(0..9)), (70, Sent(4), send(4..9))]);
    run(&mut delivery, &[(70, FullForNow, Step::Nothing)]);
    assert_eq!((delivery.poll_timeout(), delivery.waits_for_room()), (None, Some(RoomFor::Rest)));
    // The next frame has been due for long, and comes behind those of others who wait all the same.
    run(&mut delivery, &[(90, Room, send(4..9)), (90, Sent(5), Step::Nothing)]);
    assert_eq!(delivery.poll_timeout(), Some(ms(90).after(Duration::from_micros(1))));
    assert_eq!((delivery.handle_room(), delivery.waits_for_room()), (false, None), "it has nothing to send");
    run(&mut delivery, &[(91, Time, FETCH), (91, ready(1, 9), send(0..9)), (91, FullForNow, Step::Nothing)]);
    run(&mut delivery, &[(250, Room, send(0..9)), (250, Sent(9), Step::Nothing)]);
    // Frame 2 was due at 80 ms: those of 171 ms are left out whole.
    run(&mut delivery, &[(251, Time, Step::Fetch { from: Some(Place::Frame(6)) }), (251, ready(6, 1), send(0..1))]);
    assert_eq!(delivery.counts(), Counts { frames: 2, skipped: 4, ..Counts::default() });
    // Nothing is full any more.
    run(&mut delivery, &[(251, Sent(1), Step::Nothing), (280, Time, FETCH), (280, ready(7, 1), send(0..1))]);
    run(&mut delivery, &[(280, FullForNow, Step::Nothing), (280, Pause, Step::Nothing)]);
    assert_eq!((delivery.handle_room(), delivery.waits_for_room()), (false, None));
}

#[test]
fn a_burst_that_finds_no_room_is_a_whole_one_when_there_is_some() {
    for full in [Full, FullForNow] {
        let mut delivery = film(9, Way::Udp);
        run(&mut delivery, &[(0, Play(None, 0), FETCH), (0, ready(0, 70), send(0..32)), (0, Sent(32), Step::Nothing)]);
        run(&mut delivery, &[(2, Time, send(32..64)), (2, full, Step::Nothing), (7, Room, send(32..64))]);
        run(&mut delivery, &[(7, Sent(32), Step::Nothing), (9, Time, send(64..70))]);
    }
}

#[test]
fn a_large_frame_leaves_in_bursts_with_gaps_over_udp_alone() {
    let mut delivery = film(9, Way::Udp);
    run(&mut delivery, &[(0, Play(None, 0), FETCH), (0, ready(0, 70), send(0..32)), (0, Sent(16), send(16..32))]);
    run(&mut delivery, &[(0, Sent(16), Step::Nothing), (1, Time, Step::Nothing), (2, Time, send(32..64))]);
    // What a full socket cuts short is still the same burst.
    run(&mut delivery, &[(2, Sent(8), send(40..64)), (2, Full, Step::Nothing), (2, Room, send(40..64))]);
    run(&mut delivery, &[(2, Sent(24), Step::Nothing), (4, Time, send(64..70)), (4, Sent(6), Step::Nothing)]);
    run(&mut delivery, &[(40, Time, FETCH)]);
    let mut delivery = film(9, Way::Interleaved);
    run(&mut delivery, &[(0, Play(None, 0), FETCH), (0, ready(0, 70), send(0..70)), (0, Sent(69), send(69..70))]);
}

#[test]
fn a_live_source_that_pauses_is_asked_again_when_it_says_or_wakes() {
    let live = medium(None, AtEnd::Stop);
    let mut delivery = Delivery::new(ms(0), live, Way::Udp, None);
    let captured = |at| Frame(Fetched::Ready { number: 0, captured: Some(ms(at)), time: None, fragments: 1 });
    run(&mut delivery, &[(0, Play(None, 0), FETCH), (0, captured(0), send(0..1)), (0, Sent(1), FETCH)]);
    run(&mut delivery, &[(0, Frame(Fetched::NotYet { until: Some(ms(70)) }), Step::Nothing)]);
    assert_eq!(delivery.poll_timeout(), Some(ms(70)));
    run(&mut delivery, &[(69, Time, Step::Nothing), (70, Time, FETCH)]);
    run(&mut delivery, &[(70, Frame(Fetched::NotYet { until: None }), Step::Nothing), (9000, Time, Step::Nothing)]);
    assert_eq!(delivery.poll_timeout(), None);
    run(&mut delivery, &[(9001, Wake, FETCH)]);
    // Timestamps never step back, whatever the camera's clock does.
    let back = Fetched::Ready { number: 9, captured: Some(ms(0)), time: None, fragments: 1 };
    let stamp = delivery.handle_frame(ms(9001), back).unwrap();
    assert_eq!(stamp.at, ms(0).after(Duration::from_micros(12)));
    assert_eq!(delivery.plan(asked(npt(Some(0), Some(1))), 0), None, "what is live has no end");
}

#[test]
fn a_source_that_takes_a_frame_back_leaves_no_rest_to_wait_for() {
    let mut delivery = film(9, Way::Udp);
    run(&mut delivery, &[(0, Play(None, 0), FETCH), (0, ready(0, 9), send(0..9)), (0, Sent(4), send(4..9))]);
    run(&mut delivery, &[(0, TakenBack, Step::Nothing), (40, Time, FETCH), (40, ready(1, 1), send(0..1))]);
    assert_eq!(delivery.counts().frames, 0);
}

#[test]
fn the_first_frame_may_be_late_and_the_others_keep_their_distance_to_it() {
    let mut delivery = film(9, Way::Udp);
    let not_yet = Frame(Fetched::NotYet { until: None });
    run(&mut delivery, &[(0, Play(None, 0), FETCH), (0, not_yet, Step::Nothing), (90, Wake, FETCH)]);
    let frame = |number| Fetched::Ready { number, captured: None, time: None, fragments: 1 };
    assert_eq!(delivery.handle_frame(ms(90), frame(0)).unwrap().at, ms(0), "as the answer said");
    run(&mut delivery, &[(90, Sent(1), Step::Nothing), (129, Time, Step::Nothing), (130, Time, FETCH)]);
    assert_eq!(delivery.handle_frame(ms(130), frame(1)).unwrap().at, ms(40));
}

#[test]
fn frames_are_left_out_and_a_film_of_nothing_else_ends() {
    let mut delivery = film(3, Way::Udp);
    let left_out = |why| Frame(Fetched::LeftOut(why));
    run(&mut delivery, &[(0, Play(None, 0), FETCH), (0, left_out(LeftOut::Unreadable), Step::Nothing)]);
    run(&mut delivery, &[(40, Time, FETCH), (40, left_out(LeftOut::Unsendable), Step::Nothing), (80, Time, FETCH)]);
    run(&mut delivery, &[(80, left_out(LeftOut::Missing), Step::Nothing), (120, Time, Step::Ended)]);
    assert_eq!(delivery.counts(), Counts { frames: 0, skipped: 0, unready: 0, unsendable: 2 });
    let mut camera = Delivery::new(ms(0), medium(None, AtEnd::Stop), Way::Udp, None);
    run(&mut camera, &[(0, Play(None, 0), FETCH), (0, left_out(LeftOut::Unreadable), Step::Nothing)]);
    assert_eq!(camera.poll_timeout(), Some(ms(10)), "a camera is asked again after a quarter of its interval");
}

#[test]
fn reports_go_on_for_as_long_as_a_stream_plays_and_no_longer() {
    let mut delivery = Delivery::new(ms(0), medium(None, AtEnd::Stop), Way::Udp, Some(7));
    run(&mut delivery, &[(0, Play(None, 0), Step::Report), (0, Time, FETCH)]);
    run(&mut delivery, &[(0, Frame(Fetched::NotYet { until: None }), Step::Nothing)]);
    let mut reports = Vec::new();
    while let Some(due) = delivery.poll_timeout().filter(|due| *due < ms(60_000)) {
        assert_eq!(delivery.poll(due), Step::Report);
        reports.push(due);
    }
    assert!((8..=24).contains(&reports.len()), "{reports:?}");
    delivery.handle_pause();
    assert_eq!((delivery.poll(ms(70_000)), delivery.poll_timeout()), (Step::Nothing, None));
}

#[test]
fn a_film_longer_than_2_to_the_16_frames_is_counted_through() {
    let mut delivery = film(70_000, Way::Interleaved);
    let start = delivery.schedule.rate().micros(65_535);
    run(&mut delivery, &[(0, Play(npt(Some(start), None), 65_535), FETCH), (0, ready(65_535, 1), send(0..1))]);
    run(&mut delivery, &[(0, Sent(1), Step::Nothing), (40, Time, FETCH)]);
    let next = Fetched::Ready { number: 65_536, captured: None, time: None, fragments: 68_760 };
    assert_eq!(delivery.handle_frame(ms(40), next), Some(Stamp { at: ms(40), number: 65_536 }));
    // So may a frame have more than 2^16 fragments.
    run(&mut delivery, &[(40, Sent(65_536), send(65_536..68_760)), (40, Sent(3224), Step::Nothing)]);
}

#[test]
fn rounds_without_end_are_counted_modulo_2_to_the_32() {
    let frames = 1 << 31;
    let mut delivery = Delivery::new(ms(0), medium(Some(frames), AtEnd::StartOver), Way::Interleaved, None);
    let numbers = (0..3).map(|round| {
        let last = if round == 0 { Play(None, 0) } else { Time };
        run(&mut delivery, &[(round * 40, last, FETCH)]);
        delivery.handle_frame(ms(round * 40), Fetched::End);
        assert_eq!(delivery.poll(ms(round * 40)), Step::Fetch { from: Some(Place::Frame(0)) });
        let first = Fetched::Ready { number: 5, captured: None, time: None, fragments: 1 };
        let number = delivery.handle_frame(ms(round * 40), first).unwrap().number;
        run(&mut delivery, &[(round * 40, Sent(1), Step::Nothing)]);
        number
    });
    assert_eq!(numbers.collect::<Vec<_>>(), [frames + 5, 5, frames + 5]);
}

/// A film that a stream plays, and how fast its frames are made ready.
struct Reel {
    /// When each frame is shown, in milliseconds. Frames of a constant rate have no times of their own.
    times: Option<Vec<u64>>,
    frames: u32,
    /// It grows: behind its last frame there will be more.
    grows: bool,
    /// The milliseconds that making a frame ready takes one of the workers.
    takes: u64,
    workers: usize,
    /// The frame that it gives next, and those that workers have been given: when they are ready.
    next: u32,
    course: Option<Course>,
    ordered: std::collections::BTreeMap<u32, u64>,
    busy: Vec<u64>,
}

/// A frame that has left: when, which, and the instant that its timestamp tells, in milliseconds.
type Seen = (u64, u32, u64);

impl Reel {
    fn new(frames: u32) -> Self {
        let ordered = std::collections::BTreeMap::new();
        let (times, course, busy) = (None, None, Vec::new());
        Self { times, frames, grows: false, takes: 0, workers: 1, next: 0, course, ordered, busy }
    }

    fn with_times(times: &[u64]) -> Self {
        Self { times: Some(times.to_vec()), ..Self::new(times.len() as u32) }
    }

    /// Makes frames ready as the library does: those that the course names are ordered ahead, one for each worker.
    fn ready_at(&mut self, number: u32, now: u64) -> u64 {
        if self.takes == 0 {
            return now;
        }
        self.ordered.retain(|ordered, _| self.course.is_none_or(|course| course.take(8).any(|n| n == *ordered)));
        let ahead: Vec<u32> = match self.course {
            Some(course) => course.take(self.workers + 1).collect(),
            None => std::vec![number],
        };
        for number in ahead.into_iter().filter(|number| *number < self.frames) {
            if !self.ordered.contains_key(&number) {
                self.busy.retain(|until| *until > now);
                self.busy.sort_unstable();
                let free = if self.busy.len() < self.workers { now } else { self.busy[self.busy.len() - self.workers] };
                self.ordered.insert(number, free + self.takes);
                self.busy.push(free + self.takes);
            }
        }
        self.ordered.get(&number).copied().unwrap_or(now)
    }

    fn seek(&mut self, place: Place) {
        self.next = match place {
            Place::Frame(number) => number,
            Place::Time(time) => {
                let begun = |at: &&u64| u128::from(**at) <= time.as_millis();
                (self.times.iter().flatten().take_while(begun).count() as u32).saturating_sub(1)
            }
        };
    }

    fn fetch(&mut self, now: u64) -> Fetched {
        let number = self.next;
        if number >= self.frames {
            return if self.grows { Fetched::Edge } else { Fetched::End };
        }
        let ready = self.ready_at(number, now);
        if ready > now {
            return Fetched::NotYet { until: Some(ms(ready)) };
        }
        self.next += 1;
        let time = self.times.as_ref().map(|times| Duration::from_millis(times[number as usize]));
        Fetched::Ready { number, captured: None, time, fragments: 1 }
    }

    /// PLAY, with an answer that leaves at once.
    fn play(&mut self, delivery: &mut Delivery, now: u64, asked: Asked) -> Option<Played> {
        let plan = delivery.plan(asked, self.next)?;
        if let Some(place) = plan.seek {
            self.seek(place);
        }
        let played = delivery.handle_play(ms(now), plan);
        delivery.handle_answered();
        Some(played)
    }

    fn pause(&mut self, delivery: &mut Delivery) {
        if let Some(number) = delivery.handle_pause() {
            self.next = number;
        }
    }

    /// Lets a stream play for a while. Gives what has left, and whether the stream has come to its end.
    fn run(&mut self, delivery: &mut Delivery, times: ops::Range<u64>) -> (Vec<Seen>, bool) {
        let (mut now, mut seen, mut stamp, mut steps) = (times.start, Vec::new(), None, 0);
        loop {
            steps += 1;
            assert!(steps < 100_000, "no progress at {now} ms: {delivery:?}");
            match delivery.poll(ms(now)) {
                Step::Fetch { from } => {
                    if let Some(place) = from {
                        self.seek(place);
                    }
                    self.course = delivery.course();
                    let fetched = self.fetch(now);
                    stamp = delivery.handle_frame(ms(now), fetched).map(|stamp| (stamp, self.next - 1));
                }
                Step::Send { fragments } => {
                    let (stamp, number) = stamp.expect("a frame");
                    seen.push((now, number, stamp.at.since(ms(0)).as_millis() as u64));
                    delivery.handle_sent(ms(now), fragments.end - fragments.start);
                }
                Step::Report => {}
                Step::Bye => delivery.handle_bye(),
                Step::Ended => return (seen, true),
                Step::Nothing => {
                    let Some(next) = delivery.poll_timeout() else { return (seen, false) };
                    // Time stands still between two milliseconds.
                    now = (next.since(ms(0)).as_micros() as u64).div_ceil(1000).max(now);
                    if now >= times.end {
                        return (seen, false);
                    }
                }
            }
        }
    }
}
