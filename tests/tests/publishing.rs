//! Publishers and viewers on the simulated network: one at a time, from the server's own host, and whatever they send.

use mutoscope::io::server::Settings;
use mutoscope::session::State;
use mutoscope::session::server::Config;
use mutoscope::time::Duration;
use mutoscope_tests::film::{Film, carried, picture, pictures};
use mutoscope_tests::net::{Faults, Random};
use mutoscope_tests::publisher::Publisher;
use mutoscope_tests::stage::URL;
use mutoscope_tests::strict_client::{Received, StrictClient};
use mutoscope_tests::world::{SERVER, SERVER_PORT, World, settings};

/// The server's own host.
const HERE: u8 = 1;
/// 25 pictures a second, in ticks and milliseconds.
const INTERVAL: (u32, u64) = (3600, 40);
const JPEG: &str = "m=video 0 RTP/AVP 26\r\na=control:streamid=0\r\n";
const SOUND: &str = "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/44100/2\r\na=control:streamid=0\r\n";

fn scene(faults: Faults) -> World {
    let settings = Settings { session: Config { record: true, ..Config::default() }, ..settings() };
    World::with([Film::new("movie.Mjpeg", pictures(3), 24)], settings, 7, faults)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Lets everything run for a while; who has no name of its own only listens.
fn run(scene: &mut World, publisher: &mut Publisher, viewers: &mut [StrictClient], duration: Duration) {
    let mut clients: Vec<&mut StrictClient> = viewers.iter_mut().chain([&mut publisher.client]).collect();
    scene.run(&mut clients, duration);
}

/// Publishes pictures at their rate.
fn publish(scene: &mut World, publisher: &mut Publisher, viewers: &mut [StrictClient], pictures: &[Vec<u8>]) {
    for picture in pictures {
        publisher.publish(picture, scene.network.now());
        run(scene, publisher, viewers, millis(INTERVAL.1));
    }
}

/// A publisher that has shown a picture, and two viewers who have seen it: over UDP and over TCP.
fn opened(faults: Faults, is_over_udp: bool) -> (World, Publisher, [StrictClient; 2]) {
    let mut scene = scene(faults);
    let mut publisher = Publisher::new(&mut scene, HERE, is_over_udp);
    publisher.start(&mut scene);
    publisher.publish(&picture(999, (64, 64), 50), scene.network.now());
    run(&mut scene, &mut publisher, &mut [], millis(INTERVAL.1));
    let mut viewers = [2, 3].map(|host| scene.connect(host, URL));
    scene.start(&mut viewers[0]);
    scene.start_interleaved(&mut viewers[1]);
    run(&mut scene, &mut publisher, &mut viewers, millis(INTERVAL.1));
    for viewer in &mut viewers {
        assert_eq!(viewer.frames.drain(..).count(), 1, "the newest picture comes at once");
    }
    (scene, publisher, viewers)
}

/// Whether the frames are these pictures, one after the other.
fn are(frames: &[Received], pictures: &[Vec<u8>]) -> bool {
    frames.len() == pictures.len() && frames.iter().zip(pictures).all(|(frame, picture)| frame.is(picture))
}

fn distances(frames: &[Received]) -> Vec<u32> {
    frames.windows(2).map(|pair| pair[1].timestamp.wrapping_sub(pair[0].timestamp)).collect()
}

#[test]
fn what_is_published_reaches_every_viewer_as_it_was_and_with_its_times() {
    for is_over_udp in [true, false] {
        let (mut scene, mut publisher, mut viewers) = opened(Faults::default(), is_over_udp);
        let film = pictures(50);
        publish(&mut scene, &mut publisher, &mut viewers, &film);
        for viewer in &viewers {
            assert!(are(&viewer.frames, &film), "{} frames", viewer.frames.len());
            // Our clock counts in microseconds.
            let distances = distances(&viewer.frames);
            assert!(distances.iter().all(|ticks| ticks.abs_diff(INTERVAL.0) <= 1), "{distances:?}");
        }
        let reception = publisher.client.receptions.pop().expect("a report about what was received");
        assert_eq!((reception.ssrc, reception.cumulative_lost), (publisher.sender.ssrc(), 0));
        assert_eq!(scene.ask(&mut publisher.client, "TEARDOWN", "").status, 200);
        assert_eq!((scene.server.sessions(State::Recording), scene.server.stage.ends()), (0, 1));
        drop((publisher, viewers));
        scene.run(&mut [], millis(100));
        scene.assert_nothing_left();
    }
}

/// Sets up sound, pictures and other pictures, of which the second track is taken.
fn start_with_sound(scene: &mut World, publisher: &mut Publisher, is_over_udp: bool) {
    let pictures = |track: u8| format!("m=video 0 RTP/AVP 26\r\na=control:streamid={track}\r\n");
    assert_eq!(publisher.announce(scene, &format!("{SOUND}{}{}", pictures(1), pictures(2))).status, 200);
    for (track, port, channel) in [(0, 30_000, 2), (1, 25_000, 0), (2, 30_002, 4)] {
        let transport = if is_over_udp {
            format!("RTP/AVP/UDP;unicast;client_port={port}-{}", port + 1)
        } else {
            format!("RTP/AVP/TCP;unicast;interleaved={channel}-{}", channel + 1)
        };
        let answer = publisher.set_up_track(scene, &format!("streamid={track}"), &transport);
        assert!(answer.status == 200 && answer.header("Transport").is_some_and(|value| value.starts_with(&transport)));
    }
    assert_eq!(scene.ask(&mut publisher.client, "RECORD", "").status, 200);
}

#[test]
fn sound_and_other_pictures_are_received_and_thrown_away() {
    for is_over_udp in [true, false] {
        let mut scene = scene(Faults::default());
        let mut publisher = Publisher::new(&mut scene, HERE, is_over_udp);
        start_with_sound(&mut scene, &mut publisher, is_over_udp);
        publisher.publish(&picture(999, (64, 64), 50), scene.network.now());
        run(&mut scene, &mut publisher, &mut [], millis(INTERVAL.1));
        // The first is on the publisher's own host, and so anything from there might be its first packet.
        let mut viewers =
            [scene.connect_beside(&publisher.client, 26_000, URL), scene.connect(2, URL), scene.connect(3, URL)];
        scene.start_over(&mut viewers[0], "RTP/AVP;unicast;client_port=26000-26001");
        scene.start(&mut viewers[1]);
        scene.start_interleaved(&mut viewers[2]);
        run(&mut scene, &mut publisher, &mut viewers, millis(INTERVAL.1));
        viewers.iter_mut().for_each(|viewer| viewer.frames.clear());
        let mut others = [30_000, 30_002].map(|port| scene.connect_beside(&publisher.client, port, URL));
        let film = pictures(25);
        let sound = [&[0x80, 97, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1][..], &[7; 300]].concat();
        for picture in &film {
            // As if from the same source, and of the payload type that is taken.
            let sender = publisher.sender;
            let mut packets = publisher.packets(&mutoscope_tests::film::picture(5, (64, 64), 10), scene.network.now());
            publisher.sender = sender;
            packets.push(sound.clone());
            for packet in packets {
                let is_sound = packet == sound;
                if is_over_udp {
                    let [from_sound, from_second] = &mut others;
                    let from = if is_sound { from_sound } else { from_second };
                    from.send_rtp((SERVER, SERVER_PORT.0).into(), &packet);
                } else {
                    publisher.send_on(if is_sound { 2 } else { 4 }, &packet);
                }
            }
            publish(&mut scene, &mut publisher, &mut viewers, std::slice::from_ref(picture));
        }
        for viewer in &viewers {
            assert!(are(&viewer.frames, &film), "{} frames over UDP: {is_over_udp}", viewer.frames.len());
        }
        assert!(others.iter().all(|other| other.packets == 0));
        run(&mut scene, &mut publisher, &mut viewers, Duration::from_secs(6));
        let reception = publisher.client.receptions.pop().expect("a report about what was received");
        assert_eq!((reception.ssrc, reception.cumulative_lost), (publisher.sender.ssrc(), 0));
    }
}

#[test]
fn viewers_stay_when_another_publisher_takes_over() {
    let (mut scene, mut first, mut viewers) = opened(Faults::default(), true);
    let film = pictures(20);
    publish(&mut scene, &mut first, &mut viewers, &film[..10]);
    assert_eq!(scene.ask(&mut first.client, "TEARDOWN", "").status, 200);
    drop(first);
    // Over another transport, as another payload type, with other timestamps.
    let mut second = Publisher::new(&mut scene, HERE, false);
    run(&mut scene, &mut second, &mut viewers, Duration::from_secs(20));
    (second.payload_type, second.first_timestamp) = (97, u32::MAX - 5000);
    second.start(&mut scene);
    publish(&mut scene, &mut second, &mut viewers, &film[10..]);
    for viewer in &viewers {
        // The viewer itself sees to it that sequence numbers have no gap.
        assert!(are(&viewer.frames, &film), "{} frames", viewer.frames.len());
        let distances = distances(&viewer.frames);
        assert!(distances.iter().all(|ticks| (INTERVAL.0 - 1..25 * 90_000).contains(ticks)), "{distances:?}");
        assert!(distances[9] > 20 * 90_000, "{distances:?}");
    }
}

#[test]
fn a_second_publisher_is_refused_until_the_first_is_gone() {
    let mut scene = scene(Faults::default());
    let (mut first, mut second) = (Publisher::new(&mut scene, HERE, true), Publisher::new(&mut scene, HERE, false));
    first.start(&mut scene);
    let answer = second.announce(&mut scene, JPEG);
    assert_eq!((answer.status, &*answer.body), (455, "somebody publishes under this name already"));
    // It breaks off without a word.
    first.client.vanish();
    scene.run(&mut [], millis(10));
    assert_eq!(second.announce(&mut scene, JPEG).status, 200);
    // It has announced, and says nothing more until its session has timed out.
    let mut third = Publisher::new(&mut scene, HERE, false);
    for _ in 0..2 {
        assert_eq!(third.announce(&mut scene, JPEG).status, 455);
        scene.run(&mut [&mut second.client, &mut third.client], Duration::from_secs(29));
    }
    scene.run(&mut [&mut second.client, &mut third.client], Duration::from_secs(3));
    third.start(&mut scene);
    assert_eq!(scene.server.stage.ends(), 2);
    // Media keep a session alive, over UDP too.
    let mut viewers = [];
    for _ in 0..4 {
        publish(&mut scene, &mut third, &mut viewers, &pictures(1));
        run(&mut scene, &mut third, &mut viewers, Duration::from_secs(50));
    }
    assert_eq!((scene.server.sessions(State::Recording), scene.server.stage.published()), (1, 4));
}

#[test]
fn who_may_not_publish_and_what_cannot_be_published_is_told_so() {
    let mut scene = scene(Faults::default());
    let mut elsewhere = Publisher::new(&mut scene, 9, true);
    let answer = elsewhere.announce(&mut scene, JPEG);
    assert_eq!((answer.status, &*answer.body), (403, "publishing is allowed from the server's own machine only"));
    let mut publisher = Publisher::new(&mut scene, HERE, true);
    for (url, status, words) in [
        ("rtsp://10.0.0.1/movie.Mjpeg", 405, "nothing can be published under this name"),
        ("rtsp://10.0.0.1/other", 404, "nothing is called that here, and publishing does not make it"),
    ] {
        publisher.client.url = url.into();
        let answer = publisher.announce(&mut scene, JPEG);
        assert_eq!((answer.status, &*answer.body), (status, words));
    }
    publisher.client.url = URL.into();
    let h264 = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:streamid=0\r\n";
    let answer = publisher.announce(&mut scene, h264);
    let words = "only JPEG can be published, and this is video H264/90000; ffmpeg makes JPEG of video with -c:v mjpeg";
    assert!(answer.status == 415 && answer.body.starts_with(words), "{answer:?}");
    // Sound alone is not what was announced.
    assert_eq!(publisher.announce(&mut scene, &format!("{SOUND}{}", JPEG.replace('0', "1"))).status, 200);
    assert_eq!(publisher.set_up_track(&mut scene, "streamid=0", "RTP/AVP/TCP;unicast").status, 200);
    assert_eq!(scene.ask(&mut publisher.client, "RECORD", "").status, 455);
    // Where nothing can be published at all.
    let mut closed = World::new([Film::new("movie.Mjpeg", pictures(1), 24)]);
    let mut publisher = Publisher::new(&mut closed, HERE, true);
    assert_eq!(publisher.announce(&mut closed, JPEG).status, 501);
}

/// What a publisher does to one of its packets, which costs the picture and nothing else.
type Misdeed = (&'static str, fn(&mut Vec<Vec<u8>>));

const MISDEEDS: [Misdeed; 10] = [
    ("stops in the middle", |packets| packets.truncate(3)),
    ("leaves its beginning out", |packets| drop(packets.remove(0))),
    ("sends another payload type", |packets| packets[2][1] = 96),
    ("sends nothing but another payload type", |packets| packets.iter_mut().for_each(|packet| packet[1] = 96)),
    ("sends it as somebody else", |packets| packets[2][11] ^= 1),
    ("lies about its place", |packets| packets[2][13..16].copy_from_slice(&[0xff; 3])),
    ("overlaps", |packets| packets[2][15] = packets[1][15].wrapping_add(1)),
    ("sends a packet without a picture", |packets| packets[2].truncate(12)),
    ("cuts a header", |packets| packets[0].truncate(17)),
    ("lies about the length of its tables", |packets| packets[0][22..24].copy_from_slice(&[0xff; 2])),
];

#[test]
fn a_picture_that_is_not_whole_hurts_nobody_and_the_next_one_comes() {
    for is_over_udp in [true, false] {
        for (what, misdeed) in MISDEEDS {
            let (mut scene, mut publisher, mut viewers) = opened(Faults::default(), is_over_udp);
            let film = pictures(6);
            publish(&mut scene, &mut publisher, &mut viewers, &film[..2]);
            let mut packets = publisher.packets(&film[2], scene.network.now());
            misdeed(&mut packets);
            packets.iter().for_each(|packet| publisher.send(packet));
            run(&mut scene, &mut publisher, &mut viewers, millis(INTERVAL.1));
            publish(&mut scene, &mut publisher, &mut viewers, &film[3..]);
            // What may still come is waited for.
            run(&mut scene, &mut publisher, &mut viewers, millis(200));
            let expected = [&film[..2], &film[3..]].concat();
            for viewer in &viewers {
                let shown = viewer.frames.len();
                // Over UDP the rest of the picture is waited for, and of those behind it only the newest is sent then.
                let is_right = if is_over_udp {
                    are(&viewer.frames[..2], &film[..2]) && are(&viewer.frames[shown - 1..], &film[5..])
                } else {
                    are(&viewer.frames, &expected)
                };
                assert!(is_right && shown >= 4, "{what}: {shown} frames");
            }
            assert_eq!(scene.server.sessions(State::Playing), 2);
        }
    }
}

#[test]
fn whatever_a_publisher_does_wrong_all_the_time_costs_no_other_stream_a_picture() {
    for (what, misdeed) in MISDEEDS {
        let film = pictures(24);
        let settings = Settings { session: Config { record: true, ..Config::default() }, ..settings() };
        let mut scene = World::with([Film::new("movie.Mjpeg", film.clone(), 24)], settings, 7, Faults::default());
        let mut publisher = Publisher::new(&mut scene, HERE, true);
        publisher.start(&mut scene);
        let mut bystanders = [scene.connect(2, "rtsp://10.0.0.1/movie.Mjpeg")];
        scene.start(&mut bystanders[0]);
        for picture in &pictures(30) {
            let mut packets = publisher.packets(picture, scene.network.now());
            misdeed(&mut packets);
            packets.iter().for_each(|packet| publisher.send(packet));
            run(&mut scene, &mut publisher, &mut bystanders, millis(INTERVAL.1));
        }
        let [bystander] = &bystanders;
        assert!(are(&bystander.frames, &film), "{what}: {} frames", bystander.frames.len());
        let late = bystander.frames.windows(2).any(|pair| pair[1].at.since(pair[0].at) > millis(43));
        assert!(!late && scene.server.sessions(State::Recording) == 1, "{what}");
    }
}

#[test]
fn a_picture_that_is_said_to_have_another_size_hurts_nobody() {
    // In units of 8 pixels; in the first packet, in the last one, in all of them.
    for sides in [[255, 255], [0, 0], [1, 255], [255, 1], [1, 1]] {
        for which in [|n, _| n == 0, |n, last| n == last, |_, _| true] as [fn(usize, usize) -> bool; 3] {
            let (mut scene, mut publisher, mut viewers) = opened(Faults::default(), false);
            let film = pictures(4);
            let mut packets = publisher.packets(&film[0], scene.network.now());
            let last = packets.len() - 1;
            let lies = packets.iter_mut().enumerate().filter(|(n, _)| which(*n, last));
            lies.for_each(|(_, packet)| packet[18..20].copy_from_slice(&sides));
            packets.iter().for_each(|packet| publisher.send(packet));
            run(&mut scene, &mut publisher, &mut viewers, millis(INTERVAL.1));
            publish(&mut scene, &mut publisher, &mut viewers, &film[1..]);
            for viewer in &viewers {
                let shown = viewer.frames.len();
                assert!((3..=4).contains(&shown) && are(&viewer.frames[shown - 3..], &film[1..]), "{sides:?}: {shown}");
            }
            assert_eq!((scene.server.sessions(State::Playing), scene.server.sessions(State::Recording)), (2, 1));
        }
    }
}

#[test]
fn a_publisher_that_lies_about_a_packets_length_may_lose_its_session_and_nobody_else_loses_anything() {
    for surplus in [1_u16, 50, 3000, 60_000] {
        let (mut scene, mut publisher, mut viewers) = opened(Faults::default(), false);
        let film = pictures(20);
        let [first, ..] = &publisher.packets(&film[0], scene.network.now())[..] else { unreachable!() };
        let [high, low] = (first.len() as u16).saturating_add(surplus).to_be_bytes();
        publisher.client.send(&[&[b'$', 0, high, low], &first[..]].concat());
        publish(&mut scene, &mut publisher, &mut viewers, &film[..10]);
        publisher.client.vanish();
        let mut second = Publisher::new(&mut scene, HERE, true);
        run(&mut scene, &mut second, &mut viewers, millis(1));
        second.start(&mut scene);
        publish(&mut scene, &mut second, &mut viewers, &film[10..]);
        for viewer in &viewers {
            let shown = viewer.frames.len();
            assert!(shown >= 10 && are(&viewer.frames[shown - 10..], &film[10..]), "{surplus}: {shown} frames");
            let mut rest = film.iter();
            assert!(viewer.frames.iter().all(|frame| rest.any(|picture| frame.is(picture))), "{surplus}");
        }
        assert_eq!(scene.server.sessions(State::Playing), 2);
    }
}

#[test]
fn a_picture_that_is_said_to_end_early_is_shown_as_far_as_it_goes() {
    let (mut scene, mut publisher, mut viewers) = opened(Faults::default(), true);
    let film = pictures(3);
    let mut packets = publisher.packets(&film[0], scene.network.now());
    packets[1][1] |= 0x80;
    packets.iter().for_each(|packet| publisher.send(packet));
    run(&mut scene, &mut publisher, &mut viewers, millis(INTERVAL.1));
    publish(&mut scene, &mut publisher, &mut viewers, &film[1..]);
    for viewer in &viewers {
        let (first, others) = viewer.frames.split_first().expect("three frames");
        assert!(carried(&film[0]).0.starts_with(&first.data) && are(others, &film[1..]));
    }
}

#[test]
fn packets_of_others_do_not_reach_a_publishers_stream() {
    let (mut scene, mut publisher, mut viewers) = opened(Faults::default(), true);
    let film = pictures(10);
    // A stranger on the same host and one elsewhere, with the publisher's own source and better numbers.
    let mut strangers = [HERE, 9].map(|host| Publisher::new(&mut scene, host, true));
    for stranger in &mut strangers {
        stranger.sender = publisher.sender;
    }
    for picture in &film {
        let wrong = mutoscope_tests::film::picture(5, (64, 64), 10);
        let [_, elsewhere] = &mut strangers;
        elsewhere.publish(&wrong, scene.network.now());
        publish(&mut scene, &mut publisher, &mut viewers, std::slice::from_ref(picture));
    }
    assert!(viewers.iter().all(|viewer| are(&viewer.frames, &film)));
}

#[test]
fn a_picture_that_is_too_large_is_left_out() {
    let (mut scene, mut publisher, mut viewers) = opened(Faults::default(), true);
    let large = picture(3, (640, 480), 100);
    assert!(large.len() > 70_000);
    let film = [vec![large], pictures(3)].concat();
    publish(&mut scene, &mut publisher, &mut viewers, &film);
    assert!(viewers.iter().all(|viewer| are(&viewer.frames, &film[1..])));
}

#[test]
fn over_a_bad_network_every_picture_that_is_shown_was_published() {
    for seed in 0..4 {
        let faults = Faults {
            loss: 20,
            duplication: 30,
            reordering: 100,
            reordering_delay: millis(30),
            latency: millis(3),
            ..Faults::default()
        };
        let (mut scene, mut publisher, [_, viewer]) = opened(Faults { latency: millis(3), ..Faults::default() }, true);
        let mut viewers = [viewer];
        scene.network.set_faults(faults);
        let mut random = Random::new(seed);
        let film: Vec<_> = (0..100).map(|n| picture(n, (96, 96), 20 + random.below(60) as u32)).collect();
        publish(&mut scene, &mut publisher, &mut viewers, &film);
        run(&mut scene, &mut publisher, &mut viewers, millis(300));
        let mut rest = film.iter();
        for frame in &viewers[0].frames {
            assert!(rest.any(|picture| frame.is(picture)), "a picture that was not published, or not now");
        }
        let shown = viewers[0].frames.len();
        assert!((70..100).contains(&shown), "{shown} frames");
    }
}
