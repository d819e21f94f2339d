//! Conversations in the dialect of the streaming lab, whose client sends each request in one piece and without an end.

use mutoscope::io::server::Settings;
use mutoscope::session::State;
use mutoscope::time::Duration;
use mutoscope::wire::rtp::{MAX_DATAGRAM, Packet, Repr};
use mutoscope_tests::film::{Film, picture, pictures};
use mutoscope_tests::net::Faults;
use mutoscope_tests::strict_client::StrictClient;
use mutoscope_tests::world::{World, settings};

fn movie(frames: usize) -> Film {
    Film::new("movie.Mjpeg", pictures(frames), 20)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Sends a text unchanged and returns the reply, byte for byte.
fn say(scene: &mut World, viewer: &mut StrictClient, text: &str) -> String {
    viewer.send(text.as_bytes());
    scene.answer(viewer).head
}

/// Asserts that the viewer's datagrams are frames `from..` of the film, numbered from `from` + 1.
fn assert_frames(viewer: &StrictClient, film: &Film, from: usize) {
    for (n, frame) in viewer.frames.iter().enumerate() {
        assert_eq!(usize::from(frame.sequence), from + n + 1);
        assert!(frame.is(&film.frames[from + n]), "frame {}", from + n);
    }
}

#[test]
fn a_whole_conversation_to_the_byte() {
    let film = movie(30);
    let mut scene = World::new([film.clone()]);
    let mut viewer = scene.connect(2, "movie.Mjpeg");
    viewer.keep_packets = true;

    let setup = "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000";
    let reply = say(&mut scene, &mut viewer, setup);
    let session = reply.strip_prefix("RTSP/1.0 200 OK\nCSeq: 1\nSession: ");
    let session = session.and_then(|rest| rest.strip_suffix("\nTotalTime: 1.50\nFrames: 30\nX-TotalFrames: 30\n\n"));
    let session = session.unwrap_or_else(|| panic!("{reply:?}")).to_owned();
    assert!((100_000..1_000_000).contains(&session.parse::<u32>().unwrap()));

    let ok = |cseq| format!("RTSP/1.0 200 OK\nCSeq: {cseq}\nSession: {session}\n\n");
    let playing = |cseq| ok(cseq).trim_end().to_owned() + "\nTTtime: 30\n\n";
    let request = |method, cseq| format!("{method} movie.Mjpeg RTSP/1.0\nCSeq: {cseq}\nSession: {session}");
    let wall = settings().wall;
    assert_eq!(say(&mut scene, &mut viewer, &request("PLAY", 2)), playing(2));
    let begun = scene.network.now();
    scene.run(&mut [&mut viewer], millis(420));
    assert_eq!(viewer.frames.len(), 9);
    for (n, frame) in viewer.frames.iter().enumerate() {
        assert_eq!(frame.at, begun.after(millis(50 * n as u64)));
        assert_eq!(frame.timestamp, wall.ntp(frame.at).unix_seconds());
    }
    assert_eq!(say(&mut scene, &mut viewer, &request("PAUSE", 3)), ok(3));
    let paused = viewer.frames.len();
    scene.run(&mut [&mut viewer], Duration::from_secs(90));
    assert_eq!((viewer.frames.len(), scene.server.sessions(State::Ready)), (paused, 1));
    assert_eq!(say(&mut scene, &mut viewer, &request("PLAY", 4)), playing(4));
    scene.run(&mut [&mut viewer], Duration::from_secs(3));
    assert_eq!((viewer.frames.len(), scene.server.sessions(State::Ready)), (30, 1));
    assert_frames(&viewer, &film, 0);

    // After the end the same button starts over. The client drops frames that it has seen, but the server sends them.
    viewer.frames.clear();
    viewer.expect_gap();
    assert_eq!(say(&mut scene, &mut viewer, &request("PLAY", 5)), playing(5));
    scene.run(&mut [&mut viewer], millis(500));
    assert_frames(&viewer, &film, 0);
    assert_eq!(say(&mut scene, &mut viewer, &request("TEARDOWN", 6)), ok(6));
    let frames = viewer.frames.len();
    scene.run(&mut [&mut viewer], millis(500));
    assert!(viewer.closed && viewer.frames.len() == frames);
    for (_, bytes) in &viewer.kept {
        let packet = Packet::new_checked(&bytes[..]).unwrap();
        let Repr { marker, payload_type, ssrc, .. } = Repr::parse(&packet);
        assert_eq!((marker, payload_type, ssrc), (true, 26, 0));
    }
    viewer.vanish();
    scene.run(&mut [], millis(1));
    scene.assert_nothing_left();
}

#[test]
fn every_copy_of_the_clients_request_is_understood() {
    let setups = [
        "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000",
        "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port=25000",
        "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP;client_port=25000\n",
        "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: TCP/UDP ; client_port = 25000",
        "SETUP movie.Mjpeg RTSP/1.0\nCSEQ: 1\nTRANSPORT: RTP/UDP; Client_port= 25000",
        "SETUP movie.Mjpeg RTSP/1.0\ncseq: 1\ntransport: RTP/AVP;unicast;client_port=25000",
        "SETUP movie.Mjpeg RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/UDP; client_port= 25000",
        "SETUP movie.Mjpeg RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/UDP; client_port= 25000\r\n\r\n",
        "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000\n\n",
        "SETUP movie.Mjpeg RTSP/1.0\nTransport: RTP/UDP; client_port= 25000\nCSeq: 1",
        "SETUP /movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000",
    ];
    for setup in setups {
        let crlf = if setup.contains('\r') { "\r\n" } else { "\n" };
        let film = movie(6);
        let mut scene = World::new([film.clone()]);
        let mut viewer = scene.connect(2, "movie.Mjpeg");
        let reply = say(&mut scene, &mut viewer, setup);
        assert!(reply.starts_with("RTSP/1.0 200 OK\nCSeq: 1\nSession: "), "{setup:?}: {reply:?}");
        let session = viewer.session.clone().unwrap();
        for (cseq, method) in ["PLAY", "PAUSE", "PLAY"].iter().enumerate() {
            let cseq = cseq + 2;
            let name = if setup.contains("CSEQ") { "SESSION" } else { "Session" };
            let request = format!("{method} movie.Mjpeg RTSP/1.0{crlf}CSeq: {cseq}{crlf}{name}: {session}");
            let reply = say(&mut scene, &mut viewer, &request);
            let more = if *method == "PLAY" { "TTtime: 6\n" } else { "" };
            assert_eq!(reply, format!("RTSP/1.0 200 OK\nCSeq: {cseq}\nSession: {session}\n{more}\n"), "{request:?}");
        }
        scene.run(&mut [&mut viewer], millis(500));
        assert_eq!(viewer.frames.len(), 6, "{setup:?}");
        assert_frames(&viewer, &film, 0);
    }
}

#[test]
fn the_oldest_copies_of_the_exercise_are_understood_too() {
    // The request has no version and no header names, and the port stands at the end of the third line.
    let film = movie(6);
    let mut scene = World::new([film.clone()]);
    let mut viewer = scene.connect(2, "movie.Mjpeg");
    let reply = say(&mut scene, &mut viewer, "SETUP movie.Mjpeg\n1\n RTSP/1.0 RTP/UDP 25000");
    assert!(reply.starts_with("RTSP/1.0 200 OK\nCSeq: 1\nSession: "), "{reply:?}");
    let session = viewer.session.clone().unwrap();
    let reply = say(&mut scene, &mut viewer, "PLAY movie.Mjpeg\n2");
    assert_eq!(reply, format!("RTSP/1.0 200 OK\nCSeq: 2\nSession: {session}\nTTtime: 6\n\n"));
    scene.run(&mut [&mut viewer], millis(500));
    assert_eq!(viewer.frames.len(), 6);
}

#[test]
fn errors_have_a_status_and_three_lines_and_silence_never_happens() {
    let mut scene = World::new([movie(4)]);
    let mut viewer = scene.connect(2, "movie.Mjpeg");
    let port = "Transport: RTP/UDP; client_port= 25000";
    let before = [
        ("PLAY movie.Mjpeg RTSP/1.0\nCSeq: 1\nSession: 123456", 455, 1),
        ("PAUSE movie.Mjpeg RTSP/1.0\nCSeq: 2\nSession: 0", 455, 2),
        ("TEARDOWN movie.Mjpeg RTSP/1.0\nCSeq: 3\nSession: 0", 454, 3),
        (&format!("SETUP other.Mjpeg RTSP/1.0\nCSeq: 4\n{port}"), 404, 4),
        (&format!("SETUP ../movie.Mjpeg RTSP/1.0\nCSeq: 5\n{port}"), 404, 5),
        ("DESCRIBE other.Mjpeg RTSP/1.0\nCSeq: 6", 404, 6),
        ("EXPLODE movie.Mjpeg RTSP/1.0\nCSeq: 7\nSession: 0", 501, 7),
        ("SETUP movie.Mjpeg RTSP/1.0\nCSeq: 8", 461, 8),
        ("SETUP movie.Mjpeg RTSP/1.0\nCSeq: 9\nTransport: RTP/UDP; client_port= 0", 461, 9),
        ("SETUP movie.Mjpeg RTSP/1.0\nCSeq: 10\nTransport: RTP/UDP; client_port= 65536", 461, 10),
        ("SETUP movie.Mjpeg RTSP/1.0\nCSeq: 11\nTransport: ", 461, 11),
    ];
    for (request, status, cseq) in before {
        let reply = say(&mut scene, &mut viewer, request);
        assert!(reply.starts_with(&format!("RTSP/1.0 {status} ")), "{request:?}: {reply:?}");
        assert!(reply.ends_with(&format!("\nCSeq: {cseq}\nSession: 0\n\n")), "{request:?}: {reply:?}");
        assert_eq!(reply.lines().count(), 4, "{request:?}: {reply:?}");
    }
    let reply = say(&mut scene, &mut viewer, &format!("SETUP movie.Mjpeg RTSP/1.0\nCSeq: 20\n{port}"));
    assert!(reply.starts_with("RTSP/1.0 200 OK\nCSeq: 20\nSession: "));
    let session = viewer.session.clone().unwrap();
    let after = [
        (format!("PLAY movie.Mjpeg RTSP/1.0\nCSeq: 21\nSession: {}", "1234567"), 454),
        (format!("EXPLODE movie.Mjpeg RTSP/1.0\nCSeq: 22\nSession: {session}"), 501),
        (format!("PLAY movie.Mjpeg RTSP/1.0\nCSeq: 23\nSession: {session}"), 200),
        (format!("PLAY movie.Mjpeg RTSP/1.0\nCSeq: 24\nSession: {session}"), 200),
        (format!("SETUP movie.Mjpeg RTSP/1.0\nCSeq: 25\n{port}"), 455),
    ];
    for (request, status) in after {
        let reply = say(&mut scene, &mut viewer, &request);
        assert!(reply.starts_with(&format!("RTSP/1.0 {status} ")), "{request:?}: {reply:?}");
    }
}

#[test]
fn requests_in_pieces_and_requests_in_one_piece_are_the_same() {
    let film = movie(6);
    let setup = "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000";
    for cut in 1..setup.len() {
        let mut scene = World::new([film.clone()]);
        let mut viewer = scene.connect(2, "movie.Mjpeg");
        viewer.send(&setup.as_bytes()[..cut]);
        scene.run(&mut [&mut viewer], millis(10));
        let reply = say(&mut scene, &mut viewer, &setup[cut..]);
        // The server must not cut a request within the digits of its port. The silence here is too short for that.
        assert!(reply.starts_with("RTSP/1.0 200 OK\nCSeq: 1\nSession: "), "{cut}: {reply:?}");
    }
    // Three requests come at once, from a client whose user is quick or whose network is slow.
    let mut scene = World::new([film.clone()]);
    let mut viewer = scene.connect(2, "movie.Mjpeg");
    let play = "PLAY movie.Mjpeg RTSP/1.0\nCSeq: 2";
    viewer.send(format!("{setup}\n{play}\nPAUSE movie.Mjpeg RTSP/1.0\nCSeq: 3").as_bytes());
    for cseq in 1..=3 {
        let answer = scene.answer(&mut viewer);
        assert_eq!((answer.status, answer.header("CSeq")), (200, Some(cseq.to_string().as_str())));
    }
    scene.run(&mut [&mut viewer], millis(500));
    // The silence before each answer is as long as a frame lasts here.
    assert_eq!((scene.server.sessions(State::Ready), viewer.frames.len()), (1, 1));
    assert_frames(&viewer, &film, 0);
}

#[test]
fn frames_that_do_not_fit_leave_in_parts_that_are_spread_over_their_time() {
    let mut frames = pictures(6);
    frames[2] = picture(9, (640, 480), 60);
    assert!(frames[2].len() > MAX_DATAGRAM);
    frames[4] = picture(9, (320, 240), 55);
    assert!((20_480..65_000).contains(&frames[4].len()), "{}", frames[4].len());
    let film = Film::new("movie.Mjpeg", frames, 20);
    for (max_packet_size, whole) in [(20_480, vec![1, 2, 4, 6]), (100_000, vec![1, 2, 4, 5, 6])] {
        let mut scene = World::with([film.clone()], Settings { max_packet_size, ..settings() }, 1, Faults::default());
        let mut viewer = scene.connect(2, "movie.Mjpeg");
        viewer.keep_packets = true;
        scene.start(&mut viewer);
        let begun = scene.network.now();
        scene.run(&mut [&mut viewer], Duration::from_secs(1));
        assert_frames(&viewer, &film, 0);
        assert_eq!(viewer.frames.len(), 6);
        for (n, frame) in viewer.frames.iter().enumerate() {
            assert_eq!(frame.packets == 1, whole.contains(&(n + 1)), "frame {n}");
            assert_eq!(frame.begun, begun.after(millis(50 * n as u64)), "each at its time");
            assert!(frame.at < begun.after(millis(50 * n as u64 + 45)), "and before that of the next");
        }
        assert_eq!(scene.server.counts()[0].unsendable, 0);
        // No reader loses so few at once.
        let most = viewer.kept.chunk_by(|one, other| one.0 == other.0).map(<[_]>::len).max();
        assert!(most <= Some(4), "{most:?} at once");
    }
}

#[test]
fn a_repeating_file_goes_on_counting() {
    let film = movie(10);
    let mut scene = World::with([film.clone()], Settings { repeat: true, ..settings() }, 1, Faults::default());
    let mut viewer = scene.connect(2, "movie.Mjpeg");
    scene.start(&mut viewer);
    scene.run(&mut [&mut viewer], Duration::from_millis(2_000));
    scene.ask(&mut viewer, "PAUSE", "");
    scene.ask(&mut viewer, "PLAY", "");
    scene.run(&mut [&mut viewer], Duration::from_millis(2_000));
    assert!(viewer.frames.len() >= 81);
    for (n, frame) in viewer.frames.iter().enumerate() {
        assert_eq!(usize::from(frame.sequence), n + 1);
        assert!(frame.is(&film.frames[n % 10]), "frame {n}");
    }
}

#[test]
fn a_lab_session_lives_as_long_as_its_connection() {
    let film = movie(10);
    let mut scene = World::with([film], Settings { repeat: true, ..settings() }, 1, Faults::default());
    let mut viewer = scene.connect(2, "movie.Mjpeg");
    scene.start(&mut viewer);
    for _ in 0..10 {
        scene.run(&mut [&mut viewer], Duration::from_secs(60));
        viewer.frames.clear();
        assert_eq!(scene.server.sessions(State::Playing), 1);
    }
    viewer.vanish();
    scene.run(&mut [&mut viewer], millis(1));
    scene.assert_nothing_left();
}

#[test]
fn both_dialects_are_served_at_once_and_the_lab_gets_what_rtp_cannot_carry() {
    let film = movie(40);
    let odd = Film { refusal: Some("progressive"), name: "odd.Mjpeg", ..film.clone() };
    let mut scene = World::new([film.clone(), odd]);
    let mut lab = scene.connect(2, "movie.Mjpeg");
    let mut refused = scene.connect(3, "odd.Mjpeg");
    let mut udp = scene.connect(4, "rtsp://10.0.0.1:8554/movie.Mjpeg");
    let mut tcp = scene.connect(5, "rtsp://10.0.0.1:8554/movie.Mjpeg");
    scene.start(&mut lab);
    scene.start(&mut refused);
    scene.start(&mut udp);
    scene.start_interleaved(&mut tcp);
    scene.run(&mut [&mut lab, &mut refused, &mut udp, &mut tcp], Duration::from_secs(3));
    assert_frames(&lab, &film, 0);
    assert_frames(&refused, &film, 0);
    for viewer in [&lab, &refused, &udp, &tcp] {
        assert_eq!(viewer.frames.len(), 40);
    }
    for viewer in [&udp, &tcp] {
        assert!(viewer.frames.iter().zip(film.frames.iter()).all(|(frame, jpeg)| frame.is(jpeg)));
    }
}
