//! Peers that do not read or never stop writing, damaged media, false reports, and one client too many.

use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};
use mutoscope::io::Stream;
use mutoscope::io::server::{Addresses, Context, Outcome, Peer, Settings, Sockets};
use mutoscope::session::State;
use mutoscope::time::{Duration, Instant};
use mutoscope::wire::rtp::MAX_DATAGRAM;
use mutoscope_tests::film::{Film, Films, ListedFilm, picture, pictures};
use mutoscope_tests::hostile_scene::{HostileScene, URL};
use mutoscope_tests::net::{BrokenPipe, Faults, Random};
use mutoscope_tests::strict_client::StrictClient;
use mutoscope_tests::world::{SERVER, SERVER_PORT, World, settings};
use std::net::SocketAddr;
use std::task::Waker;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Asserts that each of the viewer's frames is the one to which its timestamp belongs, in a film of ten frames.
fn assert_on_time(viewer: &StrictClient, film: &Film, rtptime: u32) {
    for frame in &viewer.frames {
        let ticks = u64::from(frame.timestamp.wrapping_sub(rtptime));
        let number = film.rate.frames_in(ticks * 100 / 9 + 12);
        assert!(frame.is(&film.frames[number as usize % film.frames.len()]), "frame {number}");
    }
}

#[test]
fn a_viewer_that_reads_too_slowly_misses_whole_frames_and_nobody_else_does() {
    let mut stage = HostileScene::new();
    let film = Film::new("movie.Mjpeg", pictures(10), 24);
    let mut slow = stage.scene.connect(66, URL);
    let (_, rtptime) = stage.scene.start_interleaved(&mut slow).rtp_info();
    for round in 1..=3 {
        slow.reading = false;
        stage.run(Some(&mut slow), millis(5_000));
        stage.keep_alive();
        slow.reading = true;
        stage.run(Some(&mut slow), millis(2_000));
        let last = slow.frames.last().unwrap();
        let now = stage.scene.network.now();
        assert!(now.since(last.at) < millis(42), "it has caught up");
        assert_eq!(slow.abandoned, 0);
        let skipped = stage.scene.server.counts()[2].skipped as usize;
        // 98,304 bytes fit into buffers: some twelve frames of each five seconds. The server catches up with up to 24 more.
        assert!((72 * round..120 * round).contains(&skipped), "{skipped} after {round}");
        assert!((168 * round + 1).abs_diff(slow.frames.len() + skipped) <= 1);
    }
    assert_on_time(&slow, &film, rtptime);
    drop(slow);
    stage.run(None, millis(1));
    stage.end();
}

#[test]
fn a_viewer_that_pauses_for_breath_gets_every_frame() {
    let mut stage = HostileScene::new();
    let film = Film::new("movie.Mjpeg", pictures(10), 24);
    // Three frames fit. Then the viewer does not read for as long as a recorder on a busy machine may have to wait.
    let mut slow = stage.scene.connect_with_window(66, URL, 3 * film.frames[0].len());
    let (_, rtptime) = stage.scene.start_interleaved(&mut slow).rtp_info();
    for _ in 0..5 {
        slow.reading = false;
        stage.run(Some(&mut slow), millis(950));
        slow.reading = true;
        stage.run(Some(&mut slow), millis(1_050));
        let last = slow.frames.last().unwrap();
        assert!(stage.scene.network.now().since(last.at) < millis(42), "it has caught up");
    }
    assert_eq!((stage.scene.server.counts()[2].skipped, slow.abandoned), (0, 0));
    assert_eq!(slow.frames.len(), 10 * 24 + 1);
    assert_on_time(&slow, &film, rtptime);
    drop(slow);
    stage.run(None, millis(1));
    stage.end();
}

#[test]
fn a_viewer_that_never_reads_again_is_dropped() {
    for transport in ["RTP/AVP/TCP;unicast;interleaved=0-1", "RTP/AVP;unicast;client_port=25000-25001"] {
        let mut stage = HostileScene::new();
        let mut stuck = stage.scene.connect_with_window(66, URL, 2_000);
        stage.scene.start_over(&mut stuck, transport);
        stuck.reading = false;
        // Over UDP, only answers to its requests are queued on its connection.
        for _ in 0..15 {
            if stuck.is_writable() {
                stuck.request("OPTIONS", "");
            }
            stage.run(Some(&mut stuck), millis(100));
        }
        stage.run(Some(&mut stuck), millis(8_000));
        assert_eq!(stage.others(), 1, "{transport}");
        stage.keep_alive();
        stage.run(Some(&mut stuck), millis(2_600));
        assert_eq!(stage.others(), 0, "{transport}");
        drop(stuck);
        stage.end();
    }
}

#[test]
fn a_pause_loses_no_frame_that_was_waiting_for_room() {
    // Each frame is one packet, so a frame for which there is no room has not begun.
    let film = Film::new("movie.Mjpeg", (0..100).map(|n| picture(n, (96, 80), 8)).collect(), 24);
    for window in (250..4_000).step_by(250) {
        let mut scene = World::new([film.clone()]);
        scene.server.buffers = (1024, 4096);
        let mut viewer = scene.connect_with_window(2, URL, window);
        scene.start_interleaved(&mut viewer);
        for _ in 0..10 {
            scene.run(&mut [&mut viewer], millis(84));
            viewer.reading = false;
            // This is not long enough for frames to be left out.
            scene.run(&mut [&mut viewer], millis(240));
            viewer.request("PAUSE", "");
            viewer.reading = true;
            assert_eq!(scene.answer(&mut viewer).status, 200);
            scene.run(&mut [&mut viewer], millis(500));
            assert_eq!(scene.ask(&mut viewer, "PLAY", "").status, 200);
        }
        scene.run(&mut [&mut viewer], millis(5_000));
        assert_eq!((scene.server.counts()[0].skipped, viewer.abandoned), (0, 0), "{window}");
        assert!(viewer.frames.iter().all(|frame| frame.packets == 1));
        assert_eq!(viewer.frames.len(), 100, "{window}");
        assert!(viewer.frames.iter().zip(film.frames.iter()).all(|(frame, jpeg)| frame.is(jpeg)), "{window}");
    }
}

#[test]
fn media_does_not_starve_answers_and_answers_do_not_starve_media() {
    let mut stage = HostileScene::new();
    let mut busy = stage.scene.connect_with_window(66, URL, 3_000);
    stage.scene.start_interleaved(&mut busy);
    for _ in 0..200 {
        let asked = stage.scene.network.now();
        let answer = stage.scene.ask(&mut busy, "GET_PARAMETER", "");
        assert!(answer.status == 200 && answer.at == asked);
        stage.run(Some(&mut busy), millis(10));
    }
    assert!(busy.frames.len() >= 48);
    drop(busy);
    stage.run(None, millis(1));
    stage.end();
}

/// A connection whose peer sends without end.
struct Firehose {
    bytes: Vec<u8>,
    at: usize,
    taken: usize,
}

impl ErrorType for Firehose {
    type Error = BrokenPipe;
}

impl ReadReady for Firehose {
    fn read_ready(&mut self) -> Result<bool, BrokenPipe> {
        Ok(true)
    }
}

impl Read for Firehose {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, BrokenPipe> {
        for byte in buffer.iter_mut() {
            *byte = self.bytes[self.at % self.bytes.len()];
            self.at += 1;
        }
        self.taken += buffer.len();
        assert!(self.taken <= 2 * 4096, "one turn takes more than two buffers: others wait");
        Ok(buffer.len())
    }
}

impl WriteReady for Firehose {
    fn write_ready(&mut self) -> Result<bool, BrokenPipe> {
        Ok(true)
    }
}

impl Write for Firehose {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, BrokenPipe> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), BrokenPipe> {
        Ok(())
    }
}

impl Stream for Firehose {}

#[test]
fn a_peer_that_never_stops_sending_gets_its_turn_and_no_more() {
    let options = format!("OPTIONS {URL} RTSP/1.0\r\nCSeq: 1\r\n\r\n").into_bytes();
    let cases: [(&str, Vec<u8>); 5] = [
        ("requests", options),
        ("lab requests", b"PLAY movie.Mjpeg RTSP/1.0\nCSeq: 1\n\n".to_vec()),
        ("interleaved packets", b"$\x00\x00\x01x".to_vec()),
        ("blank lines", b"\r\n".to_vec()),
        ("garbage after the connection was closed", vec![0xff]),
    ];
    for (name, bytes) in cases {
        let scene = World::new([Film::new("movie.Mjpeg", pictures(2), 24)]);
        let bind = |port| scene.network.bind(SocketAddr::from(([10, 0, 0, 3], port)));
        let (mut rtp, mut rtcp) = (bind(1), bind(2));
        let (settings, peer) = (settings(), SocketAddr::from(([10, 0, 0, 66], 4000)));
        let mut hose = Firehose { bytes, at: 0, taken: 0 };
        let mut now = Instant::from_millis(0);
        let addresses = Addresses { peer, local: None };
        let mut client: Peer<_, ListedFilm> = Peer::new(now, addresses, vec![0; 4096], vec![0; 4096], 1, &settings);
        let mut turn = |client: &mut Peer<Vec<u8>, ListedFilm>, hose: &mut Firehose, now| {
            hose.taken = 0;
            let films: &Films = &scene.server.films;
            let context = Context::new(now, Waker::noop(), &settings);
            client.service::<1, _, _, _, _>(context, Sockets { control: hose, rtp: &mut rtp, rtcp: &mut rtcp }, films)
        };
        // A request of the lab is not answered at once, so there is room for another one only later.
        let patience = if name.starts_with("lab") { settings.session.lab_silence } else { Duration::ZERO };
        for _ in 0..10 {
            let outcome = turn(&mut client, &mut hose, now);
            if outcome == Outcome::Closed {
                break;
            }
            assert!(hose.taken > 0, "{name}");
            now = now.after(patience);
            // There are more bytes, and no socket will announce them again.
            assert!(client.poll_timeout().is_some_and(|timeout| timeout <= now), "{name}");
        }
        // Deadlines still count: a peer whose connection the server has closed cannot hold its place by sending.
        if name.starts_with("garbage") {
            now = now.after(millis(1_001));
            assert_eq!(turn(&mut client, &mut hose, now), Outcome::Closed);
        }
    }
}

#[test]
fn seeking_without_end_costs_no_more_frames_than_watching() {
    let film = Film::new("movie.Mjpeg", pictures(48), 24);
    for transport in ["RTP/AVP;unicast;client_port=25000-25001", "RTP/AVP/TCP;unicast;interleaved=0-1"] {
        let mut scene = World::new([film.clone()]);
        let mut restless = scene.connect_with_window(66, URL, 1 << 20);
        scene.start_over(&mut restless, transport);
        for round in 0..100 {
            for n in 0..10 {
                restless.request("PLAY", &format!("Range: npt={}-\r\n", (round + n) % 2));
            }
            scene.run(&mut [&mut restless], millis(10));
            assert!(restless.answers.drain(..).all(|answer| answer.status == 200));
        }
        // During a thousand seeks in a second some frames come all the same, and each is whole.
        assert!((24..=51).contains(&restless.frames.len()), "{}, {transport}", restless.frames.len());
        assert_eq!(restless.abandoned, 0);
        // The last seek counts, and it went to the start.
        let before = restless.frames.len();
        scene.run(&mut [&mut restless], millis(2_000));
        let rest = &restless.frames[before..];
        assert!((47..=48).contains(&rest.len()), "{}", rest.len());
        assert!(rest.last().unwrap().is(&film.frames[47]));
    }
}

#[test]
fn reports_that_lie_change_nothing_and_keep_nobody_alive() {
    let mut stage = HostileScene::new();
    let rtcp = SocketAddr::from((SERVER, SERVER_PORT.1));
    let mut viewer = stage.scene.connect(7, URL);
    stage.scene.start(&mut viewer);
    let mut stranger = stage.scene.connect(66, URL);
    let good = [0x80, 201, 0, 1, 0, 0, 0, 7];
    let mut random = Random::new(5);
    let mut lies: Vec<Vec<u8>> = vec![
        vec![],
        vec![0x80],
        vec![0x80, 201, 0, 0],
        vec![0x80, 201, 0xff, 0xff, 0, 0, 0, 7],
        vec![0x80, 200, 0, 1, 0, 0, 0, 7],
        vec![0x9f, 201, 0, 1, 0, 0, 0, 7],
        vec![0x40, 201, 0, 1, 0, 0, 0, 7],
        vec![0xa0, 201, 0, 1, 0, 0, 0, 0],
        vec![0xa0, 201, 0, 1, 0, 0, 0, 255],
        [&good[..], &[0x80, 202, 0, 9]].concat(),
        [&good[..], &[0x80]].concat(),
        vec![0; MAX_DATAGRAM],
        vec![0xff; MAX_DATAGRAM],
    ];
    lies.extend((0..200).map(|_| (0..random.below(64)).map(|_| (random.bits() as u8) & 0x7f).collect()));
    for _ in 0..6 {
        for lie in &lies {
            viewer.send_rtcp(rtcp, lie);
        }
        // A correct report comes from the wrong address.
        stranger.send_rtcp(rtcp, &good);
        stage.run(Some(&mut viewer), Duration::from_secs(10));
        stage.keep_alive();
    }
    stage.run(Some(&mut viewer), millis(1));
    assert_eq!(viewer.bye().map(|(_, reason)| reason), Some("session ended"));
    assert_eq!(stage.scene.server.sessions(State::Playing), 2);
    drop((viewer, stranger));
    stage.run(None, millis(1));
    stage.end();
}

#[test]
fn one_client_too_many_is_told_so_in_its_own_dialect() {
    let mut stage = HostileScene::new();
    stage.scene.server.max_clients = 2;
    for (request, reply) in [
        (format!("OPTIONS {URL} RTSP/1.0\r\nCSeq: 3\r\n\r\n"), "RTSP/1.0 503 Service Unavailable\r\nCSeq: 3\r\n"),
        ("SETUP movie.Mjpeg RTSP/1.0\nCSeq: 3".into(), "RTSP/1.0 503 Service Unavailable\nCSeq: 3\nSession: 0\n\n"),
    ] {
        let mut third = stage.scene.connect(66, URL);
        third.send(request.as_bytes());
        stage.run(Some(&mut third), millis(60));
        let answer = third.answers.pop_front().unwrap();
        assert!(answer.head.starts_with(reply), "{}", answer.head);
        assert!(third.closed);
        stage.run(None, millis(1_001));
        assert_eq!(stage.others(), 0);
    }
    // A client that sends nothing cannot stay for ever.
    let mut silent = stage.scene.connect(66, URL);
    stage.run(Some(&mut silent), millis(11_002));
    assert!(silent.closed);
    drop(silent);
    stage.run(None, millis(1));
    stage.end();
}

#[test]
fn damaged_pictures_are_left_out_and_the_others_keep_their_places() {
    let whole = picture(1, (96, 80), 20);
    let mut frames: Vec<Vec<u8>> = (0..=whole.len()).map(|len| whole[..len].to_vec()).collect();
    // No picture has these heights and widths, or RTP/JPEG has no room for them. They stand 5 to 8 bytes behind SOF0.
    let sof = whole.windows(2).position(|window| window == [0xff, 0xc0]).unwrap();
    for (height, width) in [(0_u16, 96_u16), (80, 0), (0, 0), (1, 1), (81, 97), (65_535, 65_535), (2041, 8)] {
        let mut frame = whole.clone();
        frame[sof + 5..sof + 7].copy_from_slice(&height.to_be_bytes());
        frame[sof + 7..sof + 9].copy_from_slice(&width.to_be_bytes());
        frames.push(frame);
    }
    let mut random = Random::new(3);
    for _ in 0..500 {
        let mut frame = whole.clone();
        for _ in 0..=random.below(4) {
            let at = random.below(frame.len() as u64) as usize;
            frame[at] = random.bits() as u8;
        }
        frames.push(frame);
    }
    let total = frames.len() + 1;
    frames.push(whole.clone());
    let film = Film::new("movie.Mjpeg", frames, 500);
    let mut scene =
        World::with([film.clone()], Settings { max_packet_size: 65_000, ..settings() }, 1, Faults::default());
    let mut viewers = [scene.connect(2, URL), scene.connect(3, URL), scene.connect(4, "movie.Mjpeg")];
    let [udp, tcp, lab] = &mut viewers;
    lab.tolerate_gaps = true;
    let begun = scene.start(udp).at;
    assert_eq!(scene.start_interleaved(tcp).at, begun);
    scene.start(lab);
    scene.run(&mut [udp, tcp, lab], Duration::from_secs(10));
    let unsendable: Vec<_> = scene.server.counts().iter().map(|counts| counts.unsendable as usize).collect();
    for (viewer, unsendable) in [&*udp, tcp].into_iter().zip(&unsendable) {
        assert_eq!(viewer.frames.len() + unsendable, total);
        assert!((600..total).contains(unsendable), "{unsendable}");
        let last = viewer.frames.last().unwrap();
        assert!(last.is(&whole));
        assert_eq!(last.at, begun.after(millis(2 * (total as u64 - 1))), "its time is its own");
        assert!(viewer.bye().is_some());
    }
    // The lab's client receives files as they are, except empty ones.
    assert_eq!(lab.frames.len(), total - 1);
    assert!(lab.frames.iter().all(|frame| frame.is(&film.frames[usize::from(frame.sequence) - 1])));
}

#[test]
fn a_server_that_stops_says_goodbye_to_everybody() {
    let mut scene = World::new([Film::new("movie.Mjpeg", pictures(48), 24)]);
    let urls = [URL, URL, "movie.Mjpeg", URL, URL];
    let mut viewers: Vec<_> = urls.iter().zip(2..).map(|(url, host)| scene.connect(host, url)).collect();
    let [udp, tcp, lab, ready, idle] = &mut viewers[..] else { panic!() };
    scene.start(udp);
    scene.start_interleaved(tcp);
    scene.start(lab);
    scene.start(ready);
    scene.ask(ready, "PAUSE", "");
    scene.run(&mut [udp, tcp, lab, ready, idle], millis(300));
    scene.server.shut_down();
    scene.run(&mut [udp, tcp, lab, ready, idle], millis(10));
    for viewer in [&*udp, tcp, ready] {
        assert_eq!(viewer.bye().map(|(_, reason)| reason), Some("session ended"));
    }
    for viewer in &viewers {
        assert!(viewer.closed && viewer.is_between_frames());
    }
    drop(viewers);
    scene.run(&mut [], millis(1));
    scene.assert_nothing_left();
}
