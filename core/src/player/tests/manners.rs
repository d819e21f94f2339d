//! Servers that refuse, are silent, or tell their time in another way.

use super::*;

fn stop_soon() -> Settings {
    Settings { stall_timeout: seconds(7), ..Settings::default() }
}

/// Answers PAUSE, which a seek begins with.
fn pause(scene: &mut Scene) {
    assert!(scene.peek().starts_with("PAUSE "), "{}", scene.peek());
    assert_eq!(scene.answer(200, ""), [], "nobody asked for a pause");
}

fn play_from(scene: &mut Scene, at: u64) -> Vec<Event> {
    scene.goal(Goal::Play { from: Some(seconds(at)) })
}

fn from(events: &[Event]) -> Option<Duration> {
    match events {
        [Event::Playing { from, .. }] => *from,
        _ => panic!("{events:?}"),
    }
}

#[test]
fn a_refused_seek_is_told_and_the_next_one_is_made_all_the_same() {
    let mut scene = Scene::over_tcp("npt=0-10");
    play_from(&mut scene, 60);
    pause(&mut scene);
    assert_eq!(scene.range().as_deref(), Some("npt=60.000-"));
    let refused = Event::Refused { status: StatusCode(457), during: Command::Play };
    assert_eq!(scene.answer(457, ""), [refused]);
    assert_eq!(scene.range(), None, "it plays on");
    assert_eq!(from(&scene.answer(200, "")), None);
    play_from(&mut scene, 3);
    pause(&mut scene);
    assert_eq!(scene.range().as_deref(), Some("npt=3.000-"));
    assert_eq!(from(&scene.answer(200, "")), Some(seconds(3)));
}

#[test]
fn a_server_that_takes_no_range_at_first_is_asked_for_one_when_somebody_seeks() {
    let mut scene = Scene::play(Settings { transport: Transport::Tcp, ..Settings::default() });
    scene.set_up("npt=0-10", SETUP_TCP);
    assert_eq!(scene.range().as_deref(), Some("npt=0.000-"));
    assert_eq!(scene.answer(501, ""), []);
    assert_eq!(scene.range(), None);
    assert_eq!(from(&scene.answer(200, "")), None);
    play_from(&mut scene, 3);
    pause(&mut scene);
    assert_eq!(scene.range().as_deref(), Some("npt=3.000-"));
    assert_eq!(from(&scene.answer(200, "")), Some(seconds(3)));
}

#[test]
fn what_no_range_is_to_blame_for_is_not_asked_again() {
    let mut scene = Scene::play(Settings { transport: Transport::Tcp, ..Settings::default() });
    scene.set_up("npt=0-10", SETUP_TCP);
    let refused = Failure::Refused { status: StatusCode(453), during: Command::Play };
    assert_eq!(scene.answer(453, ""), [Event::Failed(refused)]);
    assert!(scene.farewells[0].starts_with("TEARDOWN "));
}

#[test]
fn a_server_that_refuses_to_pause_is_asked_to_play_from_elsewhere_without_one() {
    let mut scene = Scene::over_tcp("npt=0-10");
    play_from(&mut scene, 3);
    assert!(scene.peek().starts_with("PAUSE "));
    assert_eq!(scene.answer(455, ""), []);
    assert_eq!(scene.range().as_deref(), Some("npt=3.000-"));
    assert_eq!(from(&scene.answer(200, "")), Some(seconds(3)));
    play_from(&mut scene, 4);
    assert_eq!(scene.range().as_deref(), Some("npt=4.000-"), "it is not asked to pause again");
}

#[test]
fn a_refused_pause_is_told_and_playing_goes_on() {
    let mut scene = Scene::over_tcp("npt=now-");
    scene.goal(Goal::Pause);
    assert!(scene.peek().starts_with("PAUSE "));
    let refused = Event::Refused { status: StatusCode(455), during: Command::Pause };
    assert_eq!(scene.answer(455, ""), [refused]);
    assert_eq!(scene.peek(), "", "and not asked again");
    assert!(matches!(scene.interleaved(0, &packet(1, 90_000, b"x"))[..], [Event::Frame(_)]));
}

#[test]
fn a_pause_holds_a_position_and_playing_on_begins_there() {
    let mut scene = Scene::over_tcp("npt=0-10");
    scene.goal(Goal::Pause);
    assert_eq!(scene.answer(200, ""), [Event::Paused]);
    assert_eq!(scene.goal(Goal::Seek { to: seconds(4) }), []);
    assert_eq!(scene.peek(), "", "nothing to do while it is paused");
    scene.goal(Goal::Play { from: None });
    assert_eq!(scene.range().as_deref(), Some("npt=4.000-"));
    assert_eq!(from(&scene.answer(200, "")), Some(seconds(4)));
}

#[test]
fn a_range_that_begins_later_is_played_from_there_and_counted_from_there() {
    let mut scene = Scene::play(Settings { transport: Transport::Tcp, ..Settings::default() });
    let events = scene.set_up("npt=5-15", SETUP_TCP);
    assert!(matches!(events[..], [Event::SetUp(presentation)] if presentation.duration == Some(seconds(10))));
    assert_eq!(scene.range().as_deref(), Some("npt=5.000-"));
    scene.answer(200, "Range: npt=5-15\r\n");
    assert_eq!(positions(&scene.interleaved(0, &packet(1, 0, b"x"))), [Some(seconds(0))]);
    play_from(&mut scene, 2);
    pause(&mut scene);
    assert_eq!(scene.range().as_deref(), Some("npt=7.000-"));
    assert_eq!(from(&scene.answer(200, "Range: npt=7-15\r\n")), Some(seconds(2)));
    assert_eq!(positions(&scene.interleaved(0, &packet(2, 90_000, b"x"))), [Some(seconds(2))]);
}

#[test]
fn silence_is_no_end_where_nothing_says_that_there_is_one() {
    // Without an end, and long beyond it: both are repeated.
    for (range, last) in [("npt=0-", 10), ("npt=0-10", 13)] {
        let mut scene = Scene::over_tcp_with(stop_soon(), range);
        scene.interleaved(0, &packet(1, 90_000, b"x"));
        scene.interleaved(0, &packet(2, 90_000 * (1 + last), b"x"));
        let events = scene.pass(9000);
        assert_eq!(
            events,
            [
                Event::Silence { lasting: seconds(3) },
                Event::Silence { lasting: seconds(6) },
                Event::Failed(Failure::Stalled(seconds(9)))
            ]
        );
    }
}

#[test]
fn silence_near_the_announced_end_is_the_end() {
    let mut scene = Scene::over_tcp("npt=5-15");
    scene.interleaved(0, &packet(1, 90_000, b"x"));
    scene.interleaved(0, &packet(2, 90_000 * 10, b"x"));
    assert_eq!(scene.pass(3000), [Event::EndOfStream { announced: false }]);
    assert_eq!(scene.player.state(), State::Playing, "the session is kept");
    scene.request();
    scene.goal(Goal::Play { from: None });
    assert_eq!(scene.range().as_deref(), Some("npt=5.000-"), "without a pause, and from the beginning");
}

#[test]
fn a_server_that_forgets_the_session_and_plays_on_is_listened_to_until_it_stops() {
    let settings = Settings { transport: Transport::Tcp, stall_timeout: seconds(60), ..Settings::default() };
    let mut scene = Scene::play(settings);
    scene.set_up("npt=now-", "Session: 1;timeout=4\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n");
    scene.answer(200, "");
    scene.request();
    assert!(matches!(scene.interleaved(0, &packet(1, 0, b"x"))[..], [Event::Frame(_)]));
    assert_eq!(scene.pass(2000), []);
    let keep_alive = scene.peek();
    assert!(keep_alive.contains("OPTIONS ") || keep_alive.contains("GET_PARAMETER "), "{keep_alive}");
    assert_eq!(scene.answer(454, ""), []);
    assert!(matches!(scene.interleaved(0, &packet(2, 3750, b"x"))[..], [Event::Frame(_)]));
    let refused = Failure::Refused { status: StatusCode::SESSION_NOT_FOUND, during: Command::KeepAlive };
    assert_eq!(failure(&scene.pass(3000)), refused);
}

#[test]
fn a_keep_alive_that_is_not_answered_is_forgiven_while_media_comes() {
    let settings = Settings { response_timeout: seconds(1), ..Settings::default() };
    let mut scene = Scene::play(Settings { transport: Transport::Tcp, ..settings });
    scene.set_up("npt=now-", "Session: 1;timeout=4\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n");
    scene.answer(200, "");
    for sequence in 0..10 {
        assert!(matches!(scene.interleaved(0, &packet(sequence, 90_000, b"x"))[..], [Event::Frame(_)] | []));
        assert_eq!(scene.pass(1000), []);
    }
}

#[test]
fn a_redirection_that_is_not_followed_says_where_it_leads() {
    let mut scene = Scene::play(Settings::default());
    scene.answer(200, "");
    let request = scene.request();
    assert!(request.starts_with("DESCRIBE "));
    let answer = b"RTSP/1.0 302 Found\r\nCSeq: 2\r\nLocation: http://192.0.2.9/y\r\n\r\n";
    scene.player.rx_buffer()[..answer.len()].copy_from_slice(answer);
    scene.player.handle_input(scene.now, answer.len());
    let failed = Failure::Refused { status: StatusCode(302), during: Command::Describe };
    assert_eq!(scene.player.poll_event(scene.now), Some(Event::Failed(failed)));
    assert_eq!(scene.player.location(), Some("http://192.0.2.9/y"));
}

#[test]
fn what_is_no_rtsp_is_a_failure_at_once() {
    let mut scene = Scene::play(Settings::default());
    let failure = failure(&scene.input(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    assert!(matches!(failure, Failure::Protocol(session::Error::Message(_))), "{failure:?}");
}

#[test]
fn a_server_that_does_not_answer_is_a_failure_once_it_has_said_a_word_of_rtsp() {
    let mut scene = Scene::play(Settings { transport: Transport::Tcp, ..Settings::default() });
    scene.set_up("npt=0-10", SETUP_TCP);
    assert_eq!(failure(&scene.pass(10_000)), Failure::NoAnswer(Command::Play));
}

#[test]
fn a_stop_before_there_is_a_connection_or_a_session_is_the_end_at_once() {
    let mut scene = Scene::new(Settings::default());
    assert_eq!(scene.goal(Goal::Stop), [], "there is nothing to stop");
    scene.player.handle_goal(Goal::SetUp);
    assert_eq!(scene.player.poll_event(scene.now), None);
    assert!(matches!(scene.player.poll_demand(), Some(Demand::Connect { .. })));
    scene.player.handle_goal(Goal::Stop);
    assert_eq!(scene.player.poll_event(scene.now), Some(Event::TornDown));
    assert_eq!(scene.player.poll_demand(), Some(Demand::Close));

    let mut scene = Scene::play(Settings::default());
    assert_eq!(scene.goal(Goal::Stop), [Event::TornDown]);
    assert!(!scene.connected);
}

#[test]
fn a_stop_waits_two_seconds_for_the_server_and_a_goal_that_comes_meanwhile_is_kept() {
    let mut scene = Scene::over_tcp("npt=0-10");
    assert_eq!(scene.goal(Goal::Stop), []);
    assert!(scene.request().starts_with("TEARDOWN "));
    scene.goal(Goal::Play { from: None });
    assert_eq!(scene.pass(1999), [], "the old session ends first");
    let events = scene.pass(1);
    assert_eq!(events, [Event::TornDown, Event::Connected { peer: SocketAddr::new(SERVER, 554) }]);
    assert!(scene.player.statistics().is_none());
}

#[test]
fn an_adapter_that_gives_up_says_farewell_and_is_idle() {
    let mut scene = Scene::over_tcp("npt=0-10");
    scene.player.abandon(scene.now);
    assert_eq!(scene.events(), []);
    assert!(scene.farewells[0].contains("TEARDOWN "));
    assert_eq!((scene.connected, scene.player.poll_timeout()), (false, None));
}

#[test]
fn a_server_that_falls_silent_is_asked_for_a_sign_of_life_and_is_gone_where_it_gives_none() {
    let settings = Settings { probe: Some(seconds(1)), ..Settings::default() };
    let scene = || {
        let mut scene = Scene::over_tcp_with(settings, "npt=now-");
        assert_eq!(scene.interleaved(0, &packet(1, 90_000, &[0; 40])).len(), 1);
        scene
    };
    let mut dead = scene();
    assert_eq!(dead.pass(999), []);
    assert!(!dead.peek().contains("OPTIONS "));
    assert_eq!(dead.pass(1), []);
    assert!(dead.request().contains("OPTIONS "));
    assert_eq!(failure(&dead.pass(1000)), Failure::NoAnswer(Command::KeepAlive));
    assert!(!dead.connected);

    // One that answers has nothing to show, and is asked again and again.
    let mut silent = scene();
    assert_eq!(silent.pass(1000), []);
    for _ in 0..4 {
        assert_eq!(silent.answer(200, ""), []);
        let events = silent.pass(2000);
        assert!(events.iter().all(|event| matches!(event, Event::Silence { .. })), "{events:?}");
        assert!(silent.peek().contains("OPTIONS "), "{}", silent.peek());
    }
    // Nor is it gone where pictures come and an answer does not.
    assert_eq!(silent.interleaved(0, &packet(2, 93_000, &[0; 40])).len(), 1);
    silent.request();
    for sequence in 3..6 {
        assert_eq!(silent.pass(900), []);
        silent.interleaved(0, &packet(sequence, 90_000 + u32::from(sequence) * 3000, &[0; 40]));
    }
    assert!(!silent.request().contains("OPTIONS "));
}
