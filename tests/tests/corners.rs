//! Rare events: media that fails, servers that stall, connections that break at the wrong moment.

use mutoscope::io::server::Settings;
use mutoscope::session::State;
use mutoscope::time::Duration;
use mutoscope_tests::film::{Film, picture, pictures};
use mutoscope_tests::net::Faults;
use mutoscope_tests::strict_client::StrictClient;
use mutoscope_tests::world::{World, settings};

const URL: &str = "rtsp://10.0.0.1:8554/movie.Mjpeg";
const UDP: &str = "RTP/AVP;unicast;client_port=25000-25001";
const TCP: &str = "RTP/AVP/TCP;unicast;interleaved=0-1";

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn movie(frames: usize) -> Film {
    Film::new("movie.Mjpeg", pictures(frames), 24)
}

fn looping(film: &Film) -> World {
    World::with([film.clone()], Settings { repeat: true, ..settings() }, 1, Faults::default())
}

/// The numbers of the frames that the viewer has received, by their timestamps. Checks the frames.
fn numbers(viewer: &StrictClient, film: &Film, rtptime: u32) -> Vec<usize> {
    let number = |timestamp: u32| film.rate.frames_in(u64::from(timestamp.wrapping_sub(rtptime)) * 100 / 9 + 12);
    let numbers: Vec<_> = viewer.frames.iter().map(|frame| number(frame.timestamp) as usize).collect();
    for (number, frame) in numbers.iter().zip(&viewer.frames) {
        assert!(frame.is(&film.frames[number % film.frames.len()]), "frame {number}");
    }
    numbers
}

#[test]
fn a_request_waits_for_a_medium_that_is_not_ready_and_its_refusal_says_when_to_come_again() {
    let film = movie(24);
    film.damage.absent.set(true);
    let mut scene = World::new([film.clone()]);
    let mut viewer = scene.connect(2, URL);
    for (method, headers) in [("DESCRIBE", String::new()), ("SETUP", format!("Transport: {TCP}\r\n"))] {
        viewer.request(method, &headers);
        viewer.request("OPTIONS", "");
        scene.run(&mut [&mut viewer], millis(4_900));
        assert_eq!(viewer.answers.len(), 0, "{method}");
        scene.run(&mut [&mut viewer], millis(200));
        let [refusal, options] = viewer.answers.drain(..).collect::<Vec<_>>().try_into().unwrap();
        assert_eq!((refusal.status, options.status), (503, 200));
        assert_eq!(refusal.header("Retry-After"), Some("7"));
        assert_eq!(refusal.body, "the camera is starting");
    }
    viewer.request("DESCRIBE", "");
    scene.run(&mut [&mut viewer], millis(1_000));
    film.damage.absent.set(false);
    // Something happens, as with a waker.
    scene.server.service();
    scene.run(&mut [&mut viewer], millis(1));
    assert_eq!(viewer.answers.drain(..).map(|answer| answer.status).collect::<Vec<_>>(), [200]);
    let mut patient = scene.connect(3, URL);
    film.damage.absent.set(true);
    patient.request("DESCRIBE", "");
    scene.run(&mut [&mut patient], millis(100));
    drop(patient);
    scene.run(&mut [&mut viewer], millis(10_000));
    assert_eq!(scene.server.connections(), 1);
}

#[test]
fn a_medium_that_turns_out_not_to_be_there_is_not_found_and_nobody_waits_longer() {
    let film = movie(24);
    film.damage.absent.set(true);
    let mut scene = World::new([film.clone()]);
    let mut viewer = scene.connect(2, URL);
    for (method, headers) in [("DESCRIBE", String::new()), ("SETUP", format!("Transport: {TCP}\r\n"))] {
        film.damage.missing.set(false);
        viewer.request(method, &headers);
        scene.run(&mut [&mut viewer], millis(1_000));
        assert_eq!(viewer.answers.len(), 0, "{method}");
        film.damage.missing.set(true);
        scene.server.service();
        scene.run(&mut [&mut viewer], millis(1));
        let answers: Vec<_> = viewer.answers.drain(..).collect();
        assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [404], "{method}");
        assert_eq!(answers[0].header("Retry-After"), None);
    }
}

#[test]
fn frames_that_cannot_be_read_are_left_out_and_the_others_come_at_their_time() {
    for transport in [UDP, TCP] {
        let film = movie(48);
        film.damage.unreadable.set(Some(5));
        let mut scene = World::new([film.clone()]);
        let mut viewer = scene.connect(2, URL);
        let play = scene.start_over(&mut viewer, transport);
        scene.run(&mut [&mut viewer], Duration::from_secs(3));
        // The first packet does not belong to the first frame, so its timestamp is not the announced one.
        let expected: Vec<_> = (0..48).filter(|number| number % 5 != 0).collect();
        assert_eq!(numbers(&viewer, &film, play.rtp_info().1), expected);
        assert_eq!(scene.server.counts()[0].unsendable, 10);
        assert!(viewer.bye().is_some());
    }
}

#[test]
fn frames_that_are_made_ready_late_keep_their_time() {
    for transport in [UDP, TCP] {
        let film = movie(48);
        film.damage.takes.set(Some(millis(30)));
        let mut scene = World::new([film.clone()]);
        let mut viewer = scene.connect(2, URL);
        let play = scene.start_over(&mut viewer, transport);
        scene.run(&mut [&mut viewer], Duration::from_secs(3));
        assert_eq!(numbers(&viewer, &film, play.rtp_info().1), (0..48).collect::<Vec<_>>());
        assert!(viewer.bye().is_some());
    }
}

#[test]
fn where_frames_take_longer_than_they_last_some_are_left_out_evenly_and_nobody_else_waits() {
    for transport in [UDP, TCP] {
        let (slow, other) = (movie(480), Film { name: "other.Mjpeg", ..movie(48) });
        slow.damage.takes.set(Some(millis(200)));
        let mut scene = World::new([slow.clone(), other.clone()]);
        let mut viewer = scene.connect(2, URL);
        let mut bystander = scene.connect(3, "rtsp://10.0.0.1:8554/other.Mjpeg");
        let rtptime = scene.start_over(&mut viewer, transport).rtp_info().1;
        let play = scene.start_over(&mut bystander, transport);
        scene.run(&mut [&mut viewer, &mut bystander], Duration::from_secs(3));
        assert_eq!(numbers(&bystander, &other, play.rtp_info().1), (0..48).collect::<Vec<_>>());
        scene.run(&mut [&mut viewer, &mut bystander], Duration::from_secs(19));
        assert!(viewer.bye().is_some(), "it ends when a fast one does");
        // Each timestamp is that of its frame.
        let shown = numbers(&viewer, &slow, rtptime);
        let counts = scene.server.counts()[0];
        assert!((60..=101).contains(&shown.len()) && shown.last() > Some(&460), "{shown:?}");
        assert_eq!((counts.frames as usize, counts.skipped, counts.unsendable), (shown.len(), 0, 0));
        assert!((460..=481).contains(&(counts.frames + counts.unready)), "{counts:?}");
        let steps = shown.windows(2).skip(20).map(|pair| pair[1] - pair[0]);
        assert!(steps.clone().max() <= steps.clone().min().map(|least| least * 2), "{:?}", steps.collect::<Vec<_>>());
    }
}

#[test]
fn a_medium_of_which_nothing_can_be_read_ends() {
    for (live, repeat) in [(false, false), (false, true), (true, false)] {
        let film = Film { live, ..movie(24) };
        film.damage.unreadable.set(Some(1));
        let mut scene = World::with([film.clone()], Settings { repeat, ..settings() }, 1, Faults::default());
        let mut viewer = scene.connect(2, URL);
        scene.start(&mut viewer);
        let wakes = scene.server.wakes;
        scene.run(&mut [&mut viewer], Duration::from_secs(10));
        assert!(scene.server.wakes - wakes < 2_500, "{live} {repeat}: {} wakes", scene.server.wakes - wakes);
        assert_eq!((viewer.packets, viewer.bye().is_some()), (0, !live));
        // A frame of a camera that comes back is sent at once.
        film.damage.unreadable.set(None);
        scene.run(&mut [&mut viewer], Duration::from_secs(1));
        assert!(live as usize * 23 <= viewer.frames.len());
    }
}

#[test]
fn a_file_that_is_gone_ends_its_stream_and_plays_again_once_it_is_back() {
    for transport in [UDP, TCP] {
        let film = movie(24);
        let mut scene = looping(&film);
        let mut viewer = scene.connect(2, URL);
        scene.start_over(&mut viewer, transport);
        scene.run(&mut [&mut viewer], millis(2_500));
        let before = viewer.frames.len();
        assert!(before > 50 && viewer.bye().is_none());
        film.damage.unreadable.set(Some(1));
        // Fewer errors than a round has frames are damage; more are an end.
        scene.run(&mut [&mut viewer], millis(900));
        assert!(viewer.bye().is_none());
        scene.run(&mut [&mut viewer], millis(700));
        assert!(viewer.bye().is_some());
        film.damage.unreadable.set(None);
        let mut viewer = scene.connect(3, URL);
        scene.start_over(&mut viewer, transport);
        scene.run(&mut [&mut viewer], millis(2_500));
        assert!(viewer.frames.len() > 50 && viewer.bye().is_none());
    }
}

#[test]
fn half_a_minute_of_nothing_ends_a_long_film_and_less_does_not() {
    for (seconds, ends) in [(25, false), (31, true)] {
        let film = Film::new("movie.Mjpeg", vec![picture(1, (160, 128), 50); 300], 5);
        let mut scene = World::new([film.clone()]);
        let mut viewer = scene.connect(2, URL);
        scene.start(&mut viewer);
        film.damage.unreadable.set(Some(1));
        scene.run(&mut [&mut viewer], Duration::from_secs(seconds));
        film.damage.unreadable.set(None);
        scene.run(&mut [&mut viewer], Duration::from_secs(1));
        assert_eq!((viewer.bye().is_some(), viewer.frames.len() > 3), (ends, !ends), "{seconds} s");
    }
}

#[test]
fn a_source_that_takes_back_its_frame_costs_that_frame_alone() {
    let large = (0..20).map(|seed| picture(seed, (640, 480), 100)).collect();
    let film = Film::new("movie.Mjpeg", large, 10);
    // Longer than the gap between two bursts.
    for (live, withheld_for) in [(false, 3), (false, 350), (true, 350)] {
        let film = Film { live, ..film.clone() };
        let mut scene = World::new([film.clone()]);
        let mut viewer = scene.connect(2, URL);
        let (_, rtptime) = scene.start(&mut viewer).rtp_info();
        scene.run(&mut [&mut viewer], millis(302));
        assert!(!viewer.is_between_frames() && viewer.frames.len() == 3);
        film.damage.withheld.set(true);
        let wakes = scene.server.wakes;
        scene.run(&mut [&mut viewer], millis(withheld_for));
        assert!(scene.server.wakes - wakes < 100, "{} wakes", scene.server.wakes - wakes);
        film.damage.withheld.set(false);
        scene.run(&mut [&mut viewer], millis(600));
        assert_eq!((viewer.abandoned, numbers(&viewer, &film, rtptime).contains(&3)), (1, false));
        assert!(viewer.frames.len() >= 3 + 5, "{}", viewer.frames.len());
        assert!(viewer.frames.windows(2).all(|pair| pair[1].timestamp.wrapping_sub(pair[0].timestamp) >= 9_000));
    }
}

#[test]
fn a_file_that_was_shortened_ends_there_and_an_emptied_one_at_once() {
    for (len, repeat) in [(10, false), (10, true), (0, false), (0, true)] {
        let film = movie(24);
        film.damage.shortened_to.set(Some(len));
        let mut scene = World::with([film.clone()], Settings { repeat, ..settings() }, 1, Faults::default());
        let mut viewer = scene.connect(2, URL);
        scene.start(&mut viewer);
        scene.run(&mut [&mut viewer], Duration::from_secs(3));
        let frames = viewer.frames.iter().enumerate();
        assert!(frames.clone().all(|(n, frame)| frame.is(&film.frames[n % len])));
        let expected = if repeat && len > 0 { 73 } else { len };
        assert_eq!((frames.count(), viewer.bye().is_some()), (expected, !repeat || len == 0), "{len} {repeat}");
    }
}

#[test]
fn after_a_stall_of_the_server_streams_go_on_from_now() {
    for (stall, late) in [(500, 11..=13), (3_000, 0..=0)] {
        let film = movie(24);
        let mut scene = looping(&film);
        let mut viewer = scene.connect(2, URL);
        scene.start(&mut viewer);
        scene.run(&mut [&mut viewer], millis(1_010));
        let before = viewer.frames.len();
        scene.network.advance_to(scene.network.now().after(millis(stall)));
        let resumed = scene.network.now();
        scene.run(&mut [&mut viewer], millis(20));
        // The server catches up after a short stall, in bursts that a receiver can take. After a long stall it leaves
        // frames out.
        let at_once = viewer.frames.len() - before;
        assert!(late.contains(&(at_once - 1)) || late.contains(&at_once), "{at_once} frames after {stall} ms");
        scene.run(&mut [&mut viewer], Duration::from_secs(2));
        assert!(viewer.frames.iter().enumerate().all(|(n, frame)| frame.is(&film.frames[n % 24])), "none is lost");
        for pair in viewer.frames.windows(2) {
            let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
            assert!((3_600..300_000).contains(&step), "{step}");
        }
        assert!(viewer.frames[before..].iter().all(|frame| frame.begun >= resumed));
    }
}

#[test]
fn a_slow_reader_gets_nothing_from_behind_the_end_of_its_range() {
    let film = movie(72);
    let mut scene = World::new([film.clone()]);
    let mut viewer = scene.connect_with_window(2, URL, 10_000);
    scene.ask(&mut viewer, "SETUP", &format!("Transport: {TCP}\r\n"));
    let play = scene.ask(&mut viewer, "PLAY", "Range: npt=0-1\r\n");
    viewer.reading = false;
    scene.run(&mut [&mut viewer], millis(2_500));
    viewer.reading = true;
    scene.run(&mut [&mut viewer], millis(3_000));
    let numbers = numbers(&viewer, &film, play.rtp_info().1);
    assert!(numbers.len() >= 3 && numbers.iter().all(|number| *number < 24), "{numbers:?}");
    assert_eq!(scene.server.sessions(State::Ready), 1);
    // PLAY then goes on behind the range.
    let frames = viewer.frames.len();
    scene.ask(&mut viewer, "PLAY", "");
    scene.run(&mut [&mut viewer], millis(3_000));
    assert!(viewer.frames[frames].is(&film.frames[24]) && viewer.frames.len() == frames + 48);
}

#[test]
fn a_goodbye_that_finds_no_room_waits_without_spinning() {
    // At some of these sizes there is room for the last frame, and no room for the bytes behind it.
    for window in (200..2_000).step_by(40) {
        let film = Film::new("movie.Mjpeg", (0..5).map(|n| picture(n, (96, 80), 8)).collect(), 24);
        let mut scene = World::new([film.clone()]);
        scene.server.buffers = (1024, 4096);
        let mut viewer = scene.connect_with_window(2, URL, window);
        scene.start_interleaved(&mut viewer);
        viewer.reading = false;
        scene.run(&mut [&mut viewer], millis(240));
        let wakes = scene.server.wakes;
        scene.run(&mut [&mut viewer], millis(8_000));
        assert!(scene.server.wakes - wakes < 50, "{} wakes", scene.server.wakes - wakes);
        viewer.reading = true;
        scene.run(&mut [&mut viewer], millis(1_000));
        assert_eq!(viewer.bye().map(|(_, reason)| reason), Some("end of stream"));
        assert_eq!((viewer.abandoned, scene.server.sessions(State::Ready)), (0, 1));
    }
}

#[test]
fn packets_fit_a_transmit_buffer_that_is_smaller_than_the_payload_size() {
    for tx in [600, 1024, 1300] {
        let film = movie(12);
        let mut scene = World::new([film.clone()]);
        scene.server.buffers = (1024, tx);
        let mut viewer = scene.connect(2, URL);
        scene.start_interleaved(&mut viewer);
        scene.run(&mut [&mut viewer], millis(2_000));
        assert_eq!(viewer.frames.len(), 12, "{tx} bytes");
        assert!(viewer.frames.iter().zip(film.frames.iter()).all(|(got, sent)| got.is(sent)));
    }
}

#[test]
fn the_labs_play_button_works_right_after_the_last_frame() {
    let film = movie(12);
    for wait in [501, 520, 700, 899, 2_000] {
        let mut scene = World::new([film.clone()]);
        let mut viewer = scene.connect(2, "movie.Mjpeg");
        viewer.tolerate_gaps = true;
        scene.start(&mut viewer);
        scene.run(&mut [&mut viewer], millis(wait));
        assert_eq!(viewer.frames.len(), 12);
        viewer.frames.clear();
        viewer.expect_gap();
        scene.ask(&mut viewer, "PLAY", "");
        scene.run(&mut [&mut viewer], millis(1_000));
        assert_eq!(viewer.frames.len(), 12, "{wait}");
    }
}

#[test]
fn a_viewer_whose_connection_breaks_is_still_told_goodbye_over_udp() {
    let film = movie(48);
    for pipelined in [0, 700] {
        let mut scene = World::new([film.clone()]);
        let mut viewer = scene.connect_with_window(2, URL, 65_536);
        scene.start(&mut viewer);
        viewer.reading = false;
        // There are so many that the server waits for room and reads no more. It notices the close when it writes.
        for _ in 0..pipelined {
            viewer.request("OPTIONS", "");
            scene.run(&mut [&mut viewer], Duration::ZERO);
        }
        scene.run(&mut [&mut viewer], millis(100));
        viewer.vanish();
        scene.run(&mut [&mut viewer], millis(100));
        assert_eq!(scene.server.connections(), 0);
        assert_eq!(viewer.bye().map(|(_, reason)| reason), Some("session ended"), "{pipelined}");
    }
}
