//! Who is let in where not everybody can be.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::{Folder, PATIENCE, PROGRAM, Running, address, picture};

/// A viewer over TCP, who reads all that comes.
struct Viewer {
    stream: TcpStream,
    url: String,
}

impl Viewer {
    fn new(url: &str) -> Self {
        let stream = TcpStream::connect(address(url)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, url: url.to_owned() }
    }

    /// The answer to a request, without a body.
    fn ask(&mut self, method: &str, headers: &str) -> String {
        write!(self.stream, "{method} {} RTSP/1.0\r\nCSeq: 1\r\n{headers}\r\n", self.url).unwrap();
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            self.stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        String::from_utf8(head).unwrap()
    }

    fn set_up(&mut self) -> String {
        self.ask("SETUP", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n")
    }

    /// Plays, where it is let in; otherwise, gives the answer.
    fn play(url: &str) -> Result<Self, String> {
        let mut viewer = Self::new(url);
        let answer = viewer.set_up();
        if !answer.starts_with("RTSP/1.0 200") {
            return Err(answer);
        }
        let session = answer.split("Session: ").nth(1).unwrap().split([';', '\r']).next().unwrap();
        let played = viewer.ask("PLAY", &format!("Session: {session}\r\n"));
        assert!(played.starts_with("RTSP/1.0 200"), "{played}");
        let mut stream = viewer.stream.try_clone().unwrap();
        thread::spawn(move || while stream.read(&mut [0; 65_536]).is_ok_and(|len| len > 0) {});
        Ok(viewer)
    }
}

#[test]
fn a_viewer_too_many_for_the_bandwidth_is_told_to_come_back_and_let_in_when_another_has_gone() {
    let folder = Folder::new("bandwidth");
    // Each viewer gets some 30 times a 4 KB picture in a second: one megabit.
    let film = folder.file_of("film.mjpeg", &picture(11_000).repeat(30));
    let arguments = [&film[..], "--loop", "--frame-rate", "30", "--max-bandwidth", "3", "--threads", "2"];
    let mut server = Running::start(&[], &arguments);
    let url = server.url();
    let (mut viewers, begun) = (Vec::new(), Instant::now());
    let refusal = loop {
        match Viewer::play(&url) {
            Ok(viewer) => viewers.push(viewer),
            Err(refusal) => break refusal,
        }
        // What they take shows after a second.
        thread::sleep(Duration::from_millis(1200));
        assert!(begun.elapsed() < PATIENCE, "{} viewers were let in", viewers.len());
    };
    assert!(refusal.starts_with("RTSP/1.0 503 ") && refusal.contains("\r\nRetry-After: 10\r\n"), "{refusal}");
    assert!((1..=4).contains(&viewers.len()), "{} viewers were let in", viewers.len());
    server.log_until("new viewers are refused: the server sends all that it may");
    // Whoever asks what there is takes nothing.
    assert!(Viewer::new(&url).ask("DESCRIBE", "").starts_with("RTSP/1.0 200"));
    let gone = viewers.pop().unwrap();
    gone.stream.shutdown(std::net::Shutdown::Both).unwrap();
    let again = loop {
        match Viewer::play(&url) {
            Ok(viewer) => break viewer,
            Err(refusal) => assert!(refusal.starts_with("RTSP/1.0 503 "), "{refusal}"),
        }
        assert!(begun.elapsed() < PATIENCE, "there is no room again");
        thread::sleep(Duration::from_millis(200));
    };
    drop((viewers, again));
}

/// A process's descriptors, and its memory in KiB.
#[cfg(target_os = "linux")]
fn held(id: u32) -> (usize, u64) {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap().trim();
    let kib = resident.split(' ').next().unwrap().parse().unwrap();
    (std::fs::read_dir(format!("/proc/{id}/fd")).unwrap().count(), kib)
}

#[test]
#[cfg(target_os = "linux")]
fn viewers_that_come_and_go_leave_nothing_behind_on_any_thread() {
    let folder = Folder::new("come-and-go");
    let film = folder.file_of("film.mjpeg", &picture(3_000).repeat(50));
    let mut server = Running::start(&[], &[&film[..], "--loop", "--frame-rate", "50", "--threads", "2", "-q"]);
    let url = server.url();
    // Eight at once, so that each thread has some.
    let visit = |rounds| {
        for _ in 0..rounds {
            let viewers: Vec<_> = (0..8).map(|_| Viewer::play(&url).unwrap()).collect();
            viewers.iter().for_each(|viewer| viewer.stream.shutdown(std::net::Shutdown::Both).unwrap());
        }
        // The last ones may not have been seen to go.
        let begun = Instant::now();
        let mut last = held(server.0.id());
        while begun.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(100));
            let now = held(server.0.id());
            if now == last {
                break;
            }
            last = now;
        }
        last
    };
    let (descriptors, resident) = visit(20);
    let after = visit(60);
    assert_eq!(after.0, descriptors);
    assert!(after.1 <= resident + 512, "{resident} KiB, then {} KiB", after.1);
}

#[test]
fn what_a_server_may_take_is_printed_with_its_settings() {
    let arguments = ["--max-bandwidth", "300", "--wake-grid", "0", "--print-config"];
    let print = |more: &[&str]| {
        let output = Command::new(PROGRAM).args(arguments).args(more).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let printed = print(&["--threads", "3"]);
    for setting in ["max-bandwidth = 300", "wake-grid = 0", "threads = 3"] {
        assert!(printed.lines().any(|line| line.starts_with(setting)), "{setting}: {printed}");
    }
    // As many as there are processors, wherever that is read.
    assert!(print(&[]).contains("# threads is not set"));
}
