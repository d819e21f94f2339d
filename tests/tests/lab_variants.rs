//! What the copies of the streaming lab ask for and read beyond the exercise: forms of the payload, and buttons.

use mutoscope::io::server::Settings;
use mutoscope::player;
use mutoscope::session::State;
use mutoscope::time::Duration;
use mutoscope::wire::lab::payload::Payload;
use mutoscope_tests::film::{Film, picture, pictures};
use mutoscope_tests::net::Faults;
use mutoscope_tests::real_client::{self, UDP};
use mutoscope_tests::strict_client::StrictClient;
use mutoscope_tests::world::{World, settings};

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A film of small and large frames, 20 a second.
fn movie() -> Film {
    let mut frames = pictures(12);
    for (n, frame) in frames.iter_mut().enumerate().step_by(3) {
        *frame = picture(n as u64, (240, 180), 40);
        assert!((5000..20_400).contains(&frame.len()), "{}", frame.len());
    }
    frames[6] = picture(9, (640, 480), 50);
    assert!(frames[6].len() > 20_480);
    Film::new("movie.Mjpeg", frames, 20)
}

/// A film that is long enough for buttons to move in, at 20 frames a second.
fn long(name: &'static str, frames: usize) -> Film {
    Film::new(name, pictures(frames), 20)
}

fn say(scene: &mut World, viewer: &mut StrictClient, text: &str) -> String {
    viewer.send(text.as_bytes());
    scene.answer(viewer).head
}

/// Sends what is not answered.
fn press(scene: &mut World, viewer: &mut StrictClient, text: &str) {
    viewer.send(text.as_bytes());
    scene.run(&mut [viewer], millis(51));
    assert!(viewer.answers.is_empty(), "{:?}", viewer.answers);
}

fn raw_viewer(scene: &mut World) -> StrictClient {
    let mut viewer = scene.connect(2, "movie.Mjpeg");
    viewer.is_raw = true;
    viewer
}

fn be(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// Puts frames together as the client of a form does, and as strictly: header, payload and whether the marker is set.
type Reader = fn(&mut Vec<u8>, &[u8], &[u8], bool) -> Option<Vec<u8>>;

fn whole_when(file: &mut Vec<u8>, is_last: bool) -> Option<Vec<u8>> {
    is_last.then(|| std::mem::take(file))
}

/// Collects up to the marker.
fn plain(file: &mut Vec<u8>, _: &[u8], payload: &[u8], marker: bool) -> Option<Vec<u8>> {
    file.extend_from_slice(payload);
    whole_when(file, marker)
}

fn o8(file: &mut Vec<u8>, _: &[u8], payload: &[u8], marker: bool) -> Option<Vec<u8>> {
    let (offset, total, part) = (be(&payload[..4]), be(&payload[4..8]), &payload[8..]);
    assert!(offset == file.len() && part.len() <= 20_460);
    file.extend_from_slice(part);
    assert_eq!(marker, file.len() == total);
    whole_when(file, marker)
}

fn i4(file: &mut Vec<u8>, _: &[u8], payload: &[u8], marker: bool) -> Option<Vec<u8>> {
    let (index, count, part) = (be(&payload[..2]), be(&payload[2..4]), &payload[4..]);
    assert_eq!((index * 1200, marker), (file.len(), index + 1 == count));
    file.extend_from_slice(part);
    whole_when(file, marker)
}

fn i6(file: &mut Vec<u8>, _: &[u8], payload: &[u8], marker: bool) -> Option<Vec<u8>> {
    let (index, count, size, part) = (be(&payload[..2]), be(&payload[2..4]), be(&payload[4..6]), &payload[6..]);
    assert!(count >= 2, "its client takes a single part for none");
    assert_eq!(marker, index + 1 == count);
    file.extend_from_slice(part);
    assert!(!marker || file.len() & 0xffff == size);
    whole_when(file, marker)
}

fn g8(file: &mut Vec<u8>, header: &[u8], payload: &[u8], marker: bool) -> Option<Vec<u8>> {
    let (block, index, len, part) = (be(&payload[..4]), be(&payload[4..6]), be(&payload[6..8]), &payload[8..]);
    assert_eq!((index, len, block + 1), (0, 1, be(&header[2..4])), "blocks of one, counted as packets are");
    file.extend_from_slice(part);
    whole_when(file, marker)
}

/// The frames in these datagrams; sequence numbers are those of the frames where `is_numbered`.
fn read(viewer: &StrictClient, reader: Reader, is_numbered: bool) -> Vec<Vec<u8>> {
    let (mut file, mut frames) = (vec![], vec![]);
    for (_, packet) in &viewer.kept {
        let (header, payload) = packet.split_at(12);
        assert_eq!((header[0], header[1] & 0x7f, &header[8..]), (0x80, 26, &[0; 4][..]));
        if is_numbered {
            assert_eq!(be(&header[2..4]), frames.len() + 1);
        }
        frames.extend(reader(&mut file, header, payload, header[1] & 0x80 != 0));
    }
    assert!(file.is_empty(), "half a frame");
    frames
}

const SETUP: &str = "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000";

#[test]
fn every_form_of_the_payload_is_sent_as_its_client_reads_it() {
    let film = movie();
    let forms: [(&str, Payload, Reader, bool); 7] = [
        ("", Payload::Plain, plain, true),
        (";plain", Payload::O8, plain, true),
        (";o8", Payload::Plain, o8, true),
        (";i6", Payload::Plain, i6, true),
        (";g8", Payload::Plain, g8, false),
        ("", Payload::G8, g8, false),
        ("\nPrefer: HD", Payload::Plain, i4, true),
    ];
    for (asked, lab_payload, reader, is_numbered) in forms {
        let mut scene = World::with([film.clone()], Settings { lab_payload, ..settings() }, 1, Faults::default());
        let mut viewer = raw_viewer(&mut scene);
        let setup = match asked.strip_prefix(';') {
            Some(_) => SETUP.replace("movie.Mjpeg", &format!("movie.Mjpeg{asked}")),
            None => format!("{SETUP}{asked}"),
        };
        assert!(say(&mut scene, &mut viewer, &setup).starts_with("RTSP/1.0 200 OK\n"), "{setup:?}");
        say(&mut scene, &mut viewer, "PLAY movie.Mjpeg RTSP/1.0\nCSeq: 2");
        scene.run(&mut [&mut viewer], Duration::from_secs(1));
        assert!(read(&viewer, reader, is_numbered) == *film.frames, "{asked:?} {lab_payload:?}");
    }
}

#[test]
fn a_file_behind_a_scheme_is_sent_in_bare_datagrams() {
    let film = movie();
    let mut scene = World::new([film.clone()]);
    let mut viewer = raw_viewer(&mut scene);
    let setup = "SETUP rtsp://movie.Mjpeg RTSP/1.0\r\nCSeq: 0\r\nTransport: RTP/UDP;client_port=25000\r\n";
    assert!(say(&mut scene, &mut viewer, setup).starts_with("RTSP/1.0 200 OK\nCSeq: 0\nSession: "));
    let session = viewer.session.clone().unwrap();
    let play = format!("PLAY rtsp://movie.Mjpeg RTSP/1.0\r\nCSeq: 1\r\nSession: {session}\r\n");
    assert!(say(&mut scene, &mut viewer, &play).starts_with("RTSP/1.0 200 OK\nCSeq: 1\n"));
    scene.run(&mut [&mut viewer], Duration::from_secs(1));
    // Its client reads 4096 bytes at a time, until what it has ends as a file does.
    let (mut packet, mut frames) = (vec![], vec![]);
    for (_, datagram) in &viewer.kept {
        assert!(datagram.len() <= 4096);
        packet.extend_from_slice(datagram);
        if packet.ends_with(&[0xff, 0xd9]) {
            let header = [&[0x80, 26, 0, frames.len() as u8][..], &(frames.len() as u32 * 41).to_be_bytes(), &[0; 4]];
            assert_eq!(packet[..12], header.concat());
            frames.push(packet.split_off(12));
            packet.clear();
        }
    }
    assert!(frames == *film.frames);
}

/// The number of the first frame behind a gap of those that have come, or of the first one; all are the film's.
fn moved(scene: &mut World, viewer: &mut StrictClient, film: &Film) -> usize {
    scene.run(&mut [viewer], millis(60));
    let numbers: Vec<usize> = viewer.frames.iter().map(|frame| frame.sequence.into()).collect();
    for (frame, number) in viewer.frames.iter().zip(&numbers) {
        assert!(frame.is(&film.frames[number - 1]), "frame {number}");
    }
    let behind = numbers.windows(2).find(|pair| pair[1] != pair[0] + 1).map(|pair| pair[1]);
    let number = behind.or(numbers.first().copied()).expect("a frame");
    viewer.frames.clear();
    number
}

fn start(scene: &mut World, viewer: &mut StrictClient) -> String {
    viewer.may_jump = true;
    scene.start(viewer);
    viewer.session.clone().unwrap()
}

#[test]
fn buttons_move_by_tenths_by_frames_and_to_frames_and_numbers_stay_true() {
    let film = long("movie.Mjpeg", 400);
    let mut scene = World::new([film.clone()]);
    let mut viewer = scene.connect(2, "movie.Mjpeg");
    let session = start(&mut scene, &mut viewer);
    let ask = |method: &str, cseq: u32, more: &str| {
        format!("{method} movie.Mjpeg RTSP/1.0\nCSeq: {cseq}\nSession: {session}{more}")
    };
    moved(&mut scene, &mut viewer, &film);
    press(&mut scene, &mut viewer, &ask("FORWARD", 10, ""));
    assert!((43..48).contains(&moved(&mut scene, &mut viewer, &film)));
    press(&mut scene, &mut viewer, &ask("FASTFORWARD", 11, ""));
    assert!((104..112).contains(&moved(&mut scene, &mut viewer, &film)));
    press(&mut scene, &mut viewer, &ask("BACKWARD", 12, ""));
    assert!((46..58).contains(&moved(&mut scene, &mut viewer, &film)));
    // The other copy repeats the number of the request before.
    press(&mut scene, &mut viewer, &ask("BACKWARD", 12, ""));
    assert!((8..24).contains(&moved(&mut scene, &mut viewer, &film)));
    assert!(
        say(&mut scene, &mut viewer, &ask("SETTIME", 13, "\nFRAME: 300")).starts_with("RTSP/1.0 200 OK\nCSeq: 13\n")
    );
    assert_eq!(moved(&mut scene, &mut viewer, &film), 301);
    assert!(say(&mut scene, &mut viewer, &ask("SEEK", 14, "\nX-Seek: 0.500000")).starts_with("RTSP/1.0 200 OK\n"));
    assert_eq!(moved(&mut scene, &mut viewer, &film), 201);
    assert_eq!(scene.server.sessions(State::Playing), 1);

    // While paused, the next PLAY begins there.
    scene.ask(&mut viewer, "PAUSE", "");
    viewer.frames.clear();
    say(&mut scene, &mut viewer, &ask("SETTIME", 90, "\nFRAME: 17"));
    scene.run(&mut [&mut viewer], millis(500));
    assert_eq!((scene.server.sessions(State::Ready), viewer.frames.len()), (1, 0));
    scene.ask(&mut viewer, "PLAY", "");
    assert_eq!(moved(&mut scene, &mut viewer, &film), 18);
    // Beyond the end is the last frame.
    say(&mut scene, &mut viewer, &ask("SETTIME", 91, "\nFRAME: 4000000000"));
    assert_eq!(moved(&mut scene, &mut viewer, &film), 400);
}

#[test]
fn the_oldest_copies_stop_move_and_play_on_and_one_goes_faster() {
    let film = long("movie.Mjpeg", 400);
    let mut scene = World::new([film.clone()]);
    let mut viewer = scene.connect(2, "movie.Mjpeg");
    viewer.may_jump = true;
    say(&mut scene, &mut viewer, "SETUP movie.Mjpeg\n 1 \n RTSP/1.0 RTP/UDP 25000");
    say(&mut scene, &mut viewer, "PLAY \n 2");
    scene.run(&mut [&mut viewer], millis(100));
    for (button, cseq, frames) in
        [("FASTFORWARD", 3, 43..46), ("FASTFORWARD", 5, 84..90), ("REWIND", 7, 45..54), ("STOP", 9, 1..2)]
    {
        assert!(
            say(&mut scene, &mut viewer, &format!("{button} \n {cseq}")).starts_with("RTSP/1.0 200 OK\n"),
            "{button}"
        );
        assert_eq!(scene.server.sessions(State::Ready), 1, "{button}");
        viewer.frames.clear();
        say(&mut scene, &mut viewer, &format!("PLAY \n {}", cseq + 1));
        let number = moved(&mut scene, &mut viewer, &film);
        assert!(frames.contains(&number), "{button}: {number}");
    }
    let frames = |scene: &mut World, viewer: &mut StrictClient| {
        viewer.frames.clear();
        scene.run(&mut [viewer], Duration::from_secs(2));
        viewer.frames.len()
    };
    assert_eq!(frames(&mut scene, &mut viewer), 40);
    // It is sent twice, and means four frames a second more.
    for _ in 0..2 {
        assert!(say(&mut scene, &mut viewer, "SPEEDUP movie.Mjpeg\n 11").starts_with("RTSP/1.0 200 OK\n"));
    }
    let faster = frames(&mut scene, &mut viewer);
    assert!((47..=49).contains(&faster), "{faster} instead of 48");
    say(&mut scene, &mut viewer, "SPEEDUP movie.Mjpeg\n 12");
    let faster = frames(&mut scene, &mut viewer);
    assert!((55..=57).contains(&faster), "{faster} instead of 56");
}

#[test]
fn what_comes_in_parts_is_never_cut_short_by_a_pause_or_a_jump() {
    let film = Film::new("movie.Mjpeg", (0..16).map(|n| picture(n, (320, 240), 55)).collect(), 20);
    assert!(film.frames.iter().all(|frame| frame.len() > 20_480));
    for (request, may_jump) in [("PAUSE", false), ("BACKWARD", true), ("SPEEDUP", false), ("NEXT", true)] {
        for offset in 0..10 {
            let mut scene = World::new([film.clone()]);
            let mut viewer = scene.connect(2, "movie.Mjpeg");
            let session = start(&mut scene, &mut viewer);
            viewer.may_jump = may_jump;
            scene.run(&mut [&mut viewer], millis(100 + 5 * offset));
            for (method, cseq, wait) in [(request, 5, 200), ("PLAY", 6, 2000)] {
                let text = format!("{method} movie.Mjpeg RTSP/1.0\nCSeq: {cseq}\nSession: {session}");
                viewer.send(text.as_bytes());
                scene.run(&mut [&mut viewer], millis(wait));
            }
            assert!(may_jump || viewer.frames.len() == 16, "{request}, {offset}: {} frames", viewer.frames.len());
            for frame in &viewer.frames {
                let number = usize::from(frame.sequence);
                assert!(frame.is(&film.frames[number - 1]), "{request}, {offset}: frame {number}");
            }
        }
    }
}

#[test]
fn every_request_may_come_twice_in_a_row() {
    let film = long("movie.Mjpeg", 60);
    let mut scene = World::new([film.clone()]);
    let mut viewer = scene.connect(2, "movie.Mjpeg");
    for (request, cseq) in [
        ("SETUP movie.Mjpeg\n 1 \n RTSP/1.0 RTP/UDP 25000", 1),
        ("PLAY movie.Mjpeg\n 2", 2),
        ("PAUSE movie.Mjpeg\n 3", 3),
    ] {
        viewer.send(request.repeat(2).as_bytes());
        for _ in 0..2 {
            let answer = scene.answer(&mut viewer);
            assert_eq!((answer.status, answer.header("CSeq")), (200, Some(cseq.to_string().as_str())), "{request:?}");
        }
        scene.run(&mut [&mut viewer], millis(500));
    }
    assert_eq!(scene.server.sessions(State::Ready), 1);
    let shown = viewer.frames.len();
    assert!((10..13).contains(&shown), "{shown}");
    assert!(viewer.frames.iter().zip(film.frames.iter()).all(|(frame, file)| frame.is(file)));
    viewer.send("TEARDOWN movie.Mjpeg\n 4".repeat(2).as_bytes());
    assert_eq!(scene.answer(&mut viewer).status, 200);
    scene.run(&mut [&mut viewer], millis(500));
    assert!(viewer.closed && viewer.answers.is_empty());
}

#[test]
fn another_file_takes_the_place_of_the_one_before_from_its_beginning() {
    let (one, other) = (long("movie.Mjpeg", 100), long("other.Mjpeg", 80));
    let mut scene = World::new([one.clone(), other.clone()]);
    let mut viewer = scene.connect(2, "movie.Mjpeg");
    let session = start(&mut scene, &mut viewer);
    scene.run(&mut [&mut viewer], Duration::from_secs(1));
    let next_file = format!("NEXT ./other.Mjpeg RTSP/1.0\nCSeq: 5\nSession: {session}");
    let reply = say(&mut scene, &mut viewer, &next_file);
    assert!(reply.contains("\nFrames: 80\n"), "{reply:?}");
    viewer.frames.clear();
    assert_eq!(scene.server.sessions(State::Ready), 1);
    say(&mut scene, &mut viewer, &format!("PLAY other.Mjpeg RTSP/1.0\nCSeq: 6\nSession: {session}"));
    assert_eq!(moved(&mut scene, &mut viewer, &other), 1);

    // What ends without a blank line is read with what follows it.
    viewer.send(format!("SWITCH movie.Mjpeg RTSP/1.0\nCSeq: 7\nSession: {session}").as_bytes());
    scene.run(&mut [&mut viewer], millis(60));
    assert_eq!(scene.server.sessions(State::Ready), 1);
    let set_up = say(&mut scene, &mut viewer, &format!("{SETUP}\nSession: {session}"));
    let head = format!("RTSP/1.0 200 OK\nCSeq: 7\nSession: {session}\nAvailable video\nmovie.Mjpeg\nother.Mjpeg\n");
    assert!(set_up.starts_with(&(head + "RTSP/1.0 200 OK\nCSeq: 1\n")), "{set_up:?}");
}

#[test]
fn a_session_may_begin_without_a_file_and_its_list_has_no_end() {
    let (one, other) = (long("movie.Mjpeg", 100), long("other.Mjpeg", 80));
    let mut scene = World::new([one, other.clone()]);
    let mut viewer = scene.connect(2, "movie.Mjpeg");
    viewer.may_jump = true;
    say(&mut scene, &mut viewer, "CONNECT RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000\n");
    let session = viewer.session.clone().unwrap();
    let ask = |what: &str, cseq: u32| format!("{what} RTSP/1.0\nCSeq: {cseq}\nSession: {session}\n");
    // What ends without a blank line is read with what follows it.
    viewer.send(ask("GETLIST /", 2).as_bytes());
    scene.run(&mut [&mut viewer], millis(60));
    let set_up = say(&mut scene, &mut viewer, &ask("SETUP other.Mjpeg", 3));
    let head = format!("RTSP/1.0 200 OK\nCSeq: 2\nSession: {session}\nNVideo: 2\nmovie.Mjpeg\nother.Mjpeg");
    assert_eq!(
        set_up,
        format!(
            "{head}RTSP/1.0 200 OK\nCSeq: 3\nSession: {session}\nTotalTime: 4.00\nFrames: 80\nX-TotalFrames: 80\n\n"
        )
    );
    let played = say(&mut scene, &mut viewer, &ask("PLAY other.Mjpeg", 4));
    assert_eq!(played.lines().nth(3), Some("TTtime: 80"));
    assert_eq!(moved(&mut scene, &mut viewer, &other), 1);
    say(&mut scene, &mut viewer, &(ask("SETTIME other.Mjpeg", 5) + "FRAME: 40"));
    assert_eq!(moved(&mut scene, &mut viewer, &other), 41);
}

#[test]
fn our_player_reads_what_our_server_sends_in_every_form() {
    let film = movie();
    for lab_payload in [Payload::Plain, Payload::O8, Payload::I4, Payload::I6, Payload::G8] {
        let mut scene = World::with([film.clone()], Settings { lab_payload, ..settings() }, 1, Faults::default());
        let settings = player::Settings {
            dialect: player::Dialect::Lab,
            ..real_client::settings(mutoscope::session::Dialect::Lab, UDP)
        };
        let mut watcher = scene.watch_with(2, settings);
        scene.run_watchers(&mut [&mut watcher], Duration::from_secs(3));
        let seen: Vec<&Vec<u8>> = watcher.frames.iter().map(|frame| &frame.jpeg).collect();
        // One frame is larger than the player's buffers.
        let expected: Vec<&Vec<u8>> = film.frames.iter().filter(|frame| frame.len() <= 20_480).collect();
        assert!(seen == expected, "{lab_payload:?}: {} of {}", seen.len(), expected.len());
        let position = |n: usize| watcher.frames[n].position;
        assert_eq!((position(0), position(1)), (Some(Duration::ZERO), Some(millis(50))), "{lab_payload:?}");
        let ended = watcher.events.iter().any(|(_, event)| *event == player::Event::EndOfStream { announced: true });
        assert!(ended, "{lab_payload:?}: {:?}", watcher.events);
    }
}
