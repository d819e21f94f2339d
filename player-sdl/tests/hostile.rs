//! Tests with damaged and hostile streams. A server of the lab's dialect sends them, because there one datagram is one frame.

mod common;

use common::{PATIENCE, Player, cards};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Starts a lab server for one client, and returns its URL. It answers requests, and when it plays it sends one of these
/// frames every ten milliseconds. `None` stands for a packet that is lost on the way.
fn serve(frames: Vec<Option<Vec<u8>>>) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("rtsp://{}/movie.Mjpeg", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut connection, peer) = listener.accept().unwrap();
        let mut port = None;
        let mut request = [0; 1024];
        while let Ok(len @ 1..) = connection.read(&mut request) {
            let text = String::from_utf8_lossy(&request[..len]).into_owned();
            let number = text.lines().find_map(|line| line.strip_prefix("CSeq: ")).unwrap_or("0").trim().to_owned();
            let wanted = text.split_once("client_port").map(|(_, rest)| rest.trim_start_matches([' ', '=']));
            let digits = wanted.map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
            port = digits.and_then(|digits| digits.parse::<u16>().ok()).or(port);
            write!(connection, "RTSP/1.0 200 OK\nCSeq: {number}\nSession: 123456").unwrap();
            if let (true, Some(port)) = (text.starts_with("PLAY"), port) {
                let (frames, to) = (frames.clone(), (peer.ip(), port));
                std::thread::spawn(move || {
                    let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
                    for (sequence, frame) in (1_u16..).zip(&frames) {
                        std::thread::sleep(Duration::from_millis(10));
                        let Some(frame) = frame else { continue };
                        let [high, low] = sequence.to_be_bytes();
                        let header = [0x80, 26, high, low, 0x66, 0, 0, 1, 0, 0, 0, 0];
                        let _ = socket.send_to(&[&header, &frame[..]].concat(), to);
                    }
                });
            }
        }
    });
    url
}

fn play(frames: Vec<Option<Vec<u8>>>, wanted: usize) -> common::Line {
    let url = serve(frames);
    let wanted = wanted.to_string();
    let args = [&url, "--headless", "--dialect", "lab", "--stats", "json", "--frames", &wanted];
    let player = Player::start(&args, None);
    let summary = player.wait_for("summary", |_| true);
    assert!(player.end().success());
    summary
}

#[test]
fn damaged_frames_are_counted_and_the_good_ones_shown() {
    let good = cards(30);
    let mut frames = Vec::new();
    for (number, card) in good.iter().enumerate() {
        frames.push(Some(card.clone()));
        let mut broken = card.clone();
        match number % 5 {
            0 => broken.truncate(card.len() / 2),
            1 => broken.truncate(30),
            // These bytes are in the Huffman tables.
            2 => broken[100..400].fill(0xff),
            3 => broken = [&[0xff, 0xd8][..], &[0x55; 999]].concat(),
            // The header says that the picture is 65,535 pixels wide and high.
            _ => {
                let sof = broken.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
                broken[sof + 5..sof + 9].fill(0xff);
            }
        }
        frames.push(Some(broken));
    }
    frames.push(Some(good[29].clone()));
    let count = frames.len();
    let summary = play(frames, count);
    let (decoded, damaged) = (summary.number("decoded").unwrap(), summary.number("damaged").unwrap());
    let dropped = summary.number("dropped").unwrap();
    // On a busy machine some frames are dropped before they are decoded.
    assert!(damaged > 5.0 && decoded > 5.0 && decoded + damaged + dropped >= count as f64, "{summary:?}");
    assert_eq!(summary.number("strip"), Some(29.0), "the last good picture is what is seen");
}

#[test]
fn lost_packets_are_counted_and_it_plays_on() {
    let frames: Vec<_> = cards(60).into_iter().enumerate().map(|(at, card)| (at % 10 != 4).then_some(card)).collect();
    let summary = play(frames, 54);
    assert_eq!((summary.text("frames"), summary.text("lost")), ("54", "6"), "{summary:?}");
    assert_eq!(summary.number("strip"), Some(59.0));
}

/// Starts a standard server and returns its URL. It answers up to PLAY, and then sends requests of its own as fast as it can,
/// without reading.
fn serve_questions() -> String {
    const DESCRIPTION: &str = "v=0\r\nm=video 0 RTP/AVP 26\r\na=control:x\r\n";
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("rtsp://{}/x", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut request = [0; 2048];
        while let Ok(len @ 1..) = connection.read(&mut request) {
            let text = String::from_utf8_lossy(&request[..len]).into_owned();
            let number = text.lines().find_map(|line| line.strip_prefix("CSeq: ")).unwrap_or("0").trim().to_owned();
            let (header, body) = match text.split(' ').next().unwrap() {
                "DESCRIBE" => (format!("Content-Length: {}\r\n", DESCRIPTION.len()), DESCRIPTION),
                "SETUP" => ("Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n".to_owned(), ""),
                _ => (String::new(), ""),
            };
            write!(connection, "RTSP/1.0 200 OK\r\nCSeq: {number}\r\n{header}\r\n{body}").unwrap();
            if text.starts_with("PLAY") {
                let questions = "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n".repeat(1000);
                while connection.write_all(questions.as_bytes()).is_ok() {}
            }
        }
    });
    url
}

#[test]
fn trying_ends_when_it_was_to_end_whatever_is_under_way() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("rtsp://{}/x", listener.local_addr().unwrap());
    // This server takes connections and never sends a byte.
    let silent = std::thread::spawn(move || listener.incoming().take(2).collect::<Vec<_>>());
    let player = std::process::Command::new(env!("CARGO_BIN_EXE_player-sdl"))
        .args([&url, "--headless", "--dialect", "standard", "--retry-for", "0.5"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = player.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    // If the player waited for the answer to OPTIONS (3 s) or DESCRIBE (10 s) to time out, it would say something else.
    assert!(said.contains("does not answer in time"), "{said}");
    let _ = std::net::TcpStream::connect(url.trim_start_matches("rtsp://").trim_end_matches("/x"));
    drop(silent.join());
}

#[test]
fn a_log_that_nobody_reads_stops_nothing() {
    let player = std::process::Command::new(env!("CARGO_BIN_EXE_player-sdl"))
        .args([&serve_questions(), "--headless", "--transport", "tcp", "--retry-for", "0", "--stats", "json", "-vv"])
        .env_remove("RTP_PORT")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut player = player.unwrap();
    let lines = BufReader::new(player.stdout.take().unwrap()).lines();
    // The pipe of the log is full long before the second line of statistics comes, and the player goes on all the same.
    assert!(lines.map_while(Result::ok).take(2).all(|line| line.contains("statistics")));
    let stopped = std::process::Command::new("kill").args(["-INT", &player.id().to_string()]).status();
    assert!(stopped.unwrap().success());
    let deadline = Instant::now() + PATIENCE;
    while player.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            player.kill().unwrap();
            panic!("the player does not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn pictures_of_changing_size_are_followed_within_bounded_memory() {
    use mutoscope::media::FrameRate;
    use mutoscope::media::testcard::{TestCard, buffer_len};
    let card = |width: u16, height: u16, number: u32| {
        let card = TestCard::new(width, height, FrameRate::new(24, 1).unwrap(), 5).unwrap();
        let mut jpeg = vec![0; buffer_len(width, height)];
        let len = card.render(number, &mut jpeg).unwrap();
        jpeg.truncate(len);
        jpeg
    };
    let sizes = [(160, 128), (1280, 720), (640, 480), (2032, 128), (176, 144)];
    let frames: Vec<_> = (0..100_u32).map(|number| (sizes[number as usize % sizes.len()], number)).collect();
    let frames = frames.into_iter().map(|((width, height), number)| Some(card(width, height, number))).collect();
    let url = serve(frames);
    let player = Player::start(&[&url, "--headless", "--dialect", "lab", "--stats", "json", "--frames", "100"], None);
    let status = format!("/proc/{}/status", player.child.id());
    let mut peak = 0;
    while let Ok(text) = std::fs::read_to_string(&status) {
        let line =
            text.lines().find_map(|line| line.strip_prefix("VmHWM:")).and_then(|line| line.split_whitespace().next());
        let Some(kilobytes) = line.and_then(|line| line.parse::<u64>().ok()) else { break };
        peak = peak.max(kilobytes);
        std::thread::sleep(Duration::from_millis(20));
    }
    let summary = player.wait_for("summary", |_| true);
    assert_eq!((summary.text("frames"), summary.text("damaged")), ("100", "0"), "{summary:?}");
    assert_eq!(summary.number("strip"), Some(99.0));
    assert!(peak > 1000 && peak < 80_000, "{peak} KB");
}
