//! Tests of the player without a window, against a real server.

mod common;

use common::{ENVIRONMENT, Folder, Player, ServerProcess, cards, read_png, scan, serve_if_asked, split};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;

#[test]
fn the_server_s_process() {
    serve_if_asked();
}

#[test]
fn a_recording_holds_the_source_s_scans_and_a_snapshot_its_picture() {
    let folder = Folder::new("record");
    let frames = cards(40);
    std::fs::write(folder.file("film.mjpeg"), frames.concat()).unwrap();
    let server = ServerProcess::start(Some(&folder.0.join("film.mjpeg")));
    for transport in ["udp", "tcp"] {
        let (recording, snapshot) = (folder.file("out.mjpeg"), folder.file("out.png"));
        let url = server.url("film.mjpeg");
        let args = [&url, "--headless", "--frames", "24", "--transport", transport, "--stats", "json"];
        let player = Player::start(&[&args[..], &["--record", &recording, "--snapshot", &snapshot]].concat(), None);
        let summary = player.wait_for("summary", |_| true);
        assert!(player.end().success());
        assert_eq!((summary.text("frames"), summary.text("lost"), summary.text("end")), ("24", "0", "complete"));

        let recorded = std::fs::read(&recording).unwrap();
        let recorded = split(&recorded);
        assert_eq!(recorded.len(), 24, "{transport}");
        for (number, (recorded, source)) in recorded.iter().zip(&frames).enumerate() {
            assert!(scan(recorded) == scan(source), "{transport}: frame {number}");
        }
        let mut decoder = JpegDecoder::new(ZCursor::new(frames[23].as_slice()));
        let expected = decoder.decode().unwrap();
        let (pixels, width, height) = read_png(&snapshot);
        assert_eq!((width, height), (320, 240));
        assert!(pixels == expected, "{transport}: the picture is that of the source");
    }
}

#[test]
fn several_streams_are_played_at_once_and_each_has_figures_of_its_own() {
    let server = ServerProcess::start(None);
    let urls = ["testcard", "movie.Mjpeg"].map(|name| server.url(name));
    let arguments = ["--headless", "--frames", "5", "--stats", "json"];
    let player = Player::start(&[&[urls[0].as_str(), &urls[1]], &arguments[..]].concat(), None);
    let mut seen = [0, 1].map(|_| player.wait_for("summary", |line| line.text("frames") == "5").number("stream"));
    seen.sort_by(|a, b| a.partial_cmp(b).unwrap());
    assert_eq!(seen, [Some(1.0), Some(2.0)]);
    assert!(player.end().success());

    let (good, bad) = (server.url("testcard"), server.url("nothing"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_player-sdl"));
    ENVIRONMENT.iter().for_each(|name| _ = command.env_remove(name));
    let output = command.args([&good, &bad, "--headless", "--frames", "5"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains(&format!("player-sdl: {bad}: ")) && said.contains("1 of 2 streams failed"), "{said}");
    assert!(!said.contains(&good), "{said}");
}

#[test]
fn where_a_server_is_gone_it_goes_on_at_the_next_one_and_round_again() {
    for transport in ["udp", "tcp"] {
        let mut servers = [ServerProcess::start(None), ServerProcess::start(None)];
        let urls = [0, 1].map(|at: usize| servers[at].url("testcard"));
        let arguments = ["--headless", "--duration", "600", "--stats", "json", "--transport", transport];
        let player = Player::start(&[&[urls[0].as_str(), "--fallback", &urls[1]], &arguments[..]].concat(), None);
        let plays_at = |url: &str| {
            player.wait_for("statistics", |line| {
                let server = line.text("server");
                !server.is_empty() && url.contains(server) && line.number("fps") > Some(1.0)
            })
        };
        let interruptions = |line: &common::Line| line.text("interruptions").to_owned();
        assert_eq!(interruptions(&plays_at(&urls[0])), "0");
        servers[0].kill();
        let line = plays_at(&urls[1]);
        assert_eq!(interruptions(&line), "1", "the next one is tried once, and at once");
        let gap = line.number("longest_interruption_ms").unwrap();
        assert!((1.0..3000.0).contains(&gap), "{gap} ms without a picture");
        // A server that takes leave ends a live stream, which another one may have still.
        servers[0].restart();
        servers[1].stop();
        assert_eq!(interruptions(&plays_at(&urls[0])), "2");
        servers[1].restart();
        servers[0].freeze();
        let line = plays_at(&urls[1]);
        assert_eq!(interruptions(&line), "3");
        let gap = line.number("longest_interruption_ms").unwrap();
        assert!((1900.0..6000.0).contains(&gap), "{gap} ms without a picture");
    }
}

#[test]
fn the_lab_s_dialect_is_recorded_byte_for_byte() {
    let folder = Folder::new("lab");
    let frames = cards(12);
    std::fs::write(folder.file("film.mjpeg"), frames.concat()).unwrap();
    let server = ServerProcess::start(Some(&folder.0.join("film.mjpeg")));
    let recording = folder.file("out.mjpeg");
    let url = server.url("film.mjpeg");
    let args = ["--headless", "--dialect", "lab", "--frames", "8", "--record", &recording];
    let player = Player::start(&[&[url.as_str()], &args[..]].concat(), None);
    assert!(player.end().success());
    assert!(std::fs::read(&recording).unwrap() == frames[..8].concat());
}

#[cfg(feature = "pcap")]
#[test]
fn a_capture_holds_the_conversation_and_no_password() {
    let folder = Folder::new("capture");
    let server = ServerProcess::start(None);
    for transport in ["udp", "tcp"] {
        let capture = folder.file("capture.pcap");
        let url = server.url("testcard").replace("rtsp://", "rtsp://anna:S3cret@");
        let args = [&url, "--headless", "--frames", "3", "--transport", transport, "--pcap", &capture];
        assert!(Player::start(&args, None).end().success());
        let bytes = std::fs::read(&capture).unwrap();
        let holds = |text: &[u8]| bytes.windows(text.len()).any(|part| part == text);
        for said in ["OPTIONS rtsp://", "RTSP/1.0 200 OK", "DESCRIBE ", "SETUP ", "PLAY ", "TEARDOWN "] {
            assert!(holds(said.as_bytes()), "{transport}: {said}");
        }
        assert!(!holds(b"S3cret") && bytes.len() > 3 * 10_000, "{transport}: {}", bytes.len());
    }
}

#[test]
fn it_succeeds_only_with_what_was_asked_for() {
    let folder = Folder::new("exit");
    std::fs::write(folder.file("short.mjpeg"), cards(6).concat()).unwrap();
    let server = ServerProcess::start(Some(&folder.0.join("short.mjpeg")));
    let url = server.url("short.mjpeg");
    let nowhere = folder.file("no/such/folder.mjpeg");
    for (args, code) in [
        (&["--frames", "3"][..], 0),
        (&[], 0),
        (&["--frames", "100"], 1),
        (&["--duration", "30"], 1),
        (&["--frames", "3", "--record", &nowhere], 1),
        (&["--frames", "3", "--snapshot", "/no/such/folder/x.png"], 1),
        (&["--frames", "none"], 2),
        (&["--from", "0.1"], 0),
        (&["--from", "60"], 1),
        (&["--from", "1", "--dialect", "lab"], 1),
    ] {
        let player = Player::start(&[&[url.as_str(), "--headless"], args].concat(), None);
        assert_eq!(player.end().code(), Some(code), "{args:?}");
    }
    let missing = Player::start(&[&server.url("missing.mjpeg"), "--headless"], None);
    assert_eq!(missing.end().code(), Some(1));
    drop(server);
    let started = Instant::now();
    let gone = Player::start(&[&url, "--headless", "--retry-for", "1"], None);
    assert_eq!(gone.end().code(), Some(1));
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn an_earlier_recording_lasts_until_the_first_frame_comes() {
    let folder = Folder::new("keep");
    std::fs::write(folder.file("film.mjpeg"), cards(6).concat()).unwrap();
    let server = ServerProcess::start(Some(&folder.0.join("film.mjpeg")));
    let recording = folder.file("out.mjpeg");
    let before = vec![7; 1 << 20];
    std::fs::write(&recording, &before).unwrap();
    let record = |name: &str| {
        let args = [&server.url(name), "--headless", "--record", &recording];
        Player::start(&args, None).end().code()
    };
    assert_eq!(record("typo.mjpeg"), Some(1));
    assert!(std::fs::read(&recording).unwrap() == before);
    assert_eq!(record("film.mjpeg"), Some(0));
    assert_eq!(split(&std::fs::read(&recording).unwrap()).len(), 6);
}

#[cfg(target_os = "linux")]
#[test]
fn a_recording_that_cannot_go_on_ends_the_player() {
    let server = ServerProcess::start(None);
    let player = Player::start(&[&server.url("testcard"), "--headless", "--record", "/dev/full"], None);
    assert_eq!(player.end().code(), Some(1));
}

#[test]
fn two_outputs_in_one_file_are_refused_before_anything_is_touched() {
    let folder = Folder::new("same");
    let picture = folder.file("out.jpg");
    std::fs::write(&picture, "before").unwrap();
    std::os::unix::fs::symlink(&picture, folder.file("link.jpg")).unwrap();
    let run = |record: &str, stats: &[&str], stdout: std::fs::File| {
        let mut player = std::process::Command::new(env!("CARGO_BIN_EXE_player-sdl"));
        player.args(["rtsp://127.0.0.1:9/x", "--headless", "--retry-for", "0", "--record", record]).args(stats);
        let output = player.stdout(stdout).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let open = |path: &str| std::fs::File::options().append(true).open(path).unwrap();
    for (record, more, stdout) in [
        (picture.as_str(), &["--snapshot", &folder.file("link.jpg")][..], "/dev/null"),
        (&picture, &["--stats", "json"], &picture),
    ] {
        let (code, said) = run(record, more, open(stdout));
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("would be written to the same file"), "{said}");
        assert_eq!(std::fs::read(&picture).unwrap(), b"before");
    }
    // Two outputs may share a device, and without statistics nothing goes to standard output.
    assert_eq!(run("/dev/null", &["--stats", "json"], open("/dev/null")).0, Some(1));
    assert_eq!(run(&picture, &[], open(&picture)).0, Some(1));
}

#[cfg(target_os = "linux")]
#[test]
fn statistics_that_cannot_be_printed_are_a_failure_and_a_reader_that_leaves_is_none_to_speak_of() {
    let server = ServerProcess::start(None);
    let player = |frames: &str| {
        let mut player = std::process::Command::new(env!("CARGO_BIN_EXE_player-sdl"));
        player.args([&server.url("testcard"), "--headless", "--stats", "json", "--frames", frames, "--rtp-port", "0"]);
        player.stderr(Stdio::piped());
        player
    };
    // One run fails at its last line, the other one at a line before it.
    for frames in ["1", "1000000"] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = player(frames).stdout(full).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("cannot print the statistics"), "{said}");
    }
    let mut reading = player("1000000").stdout(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(reading.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.contains("statistics"), "{first}");
    let output = reading.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(141), ""));
}

#[test]
fn a_slow_decoder_drops_frames_and_latency_stays_flat() {
    let server = ServerProcess::start(None);
    let url = server.url("testcard");
    // The decoder makes ten pictures a second of the 24 that come. If frames waited in a queue, they would be three seconds
    // old at the end.
    let args = [&url, "--headless", "--duration", "5", "--slow-decoder", "100", "--stats", "json"];
    let player = Player::start(&args, None);
    let summary = player.wait_for("summary", |_| true);
    assert!(player.end().success());
    let (frames, decoded) = (summary.number("frames").unwrap(), summary.number("decoded").unwrap());
    let dropped = summary.number("dropped").unwrap();
    assert!(dropped > 30.0 && frames >= decoded + dropped - 1.0, "{summary:?}");
    assert!(summary.number("latency_ms").unwrap() < 1000.0, "{summary:?}");
}

#[test]
fn without_a_display_the_window_says_what_to_do() {
    // SDL is told to use X11, and then left to find out that there is no display. In the second case it would draw where
    // nobody sees it.
    for driver in [Some("x11"), None] {
        let mut player = std::process::Command::new(env!("CARGO_BIN_EXE_player-sdl"));
        for name in ["DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"] {
            player.env_remove(name);
        }
        // SDL could use the console as a display, where it has access to it.
        player
            .env("SDL_VIDEO_DRIVER", "")
            .env("SDL_KMSDRM_DEVICE_INDEX", "-1")
            .envs(driver.map(|name| ("SDL_VIDEODRIVER", name)));
        let output = player.arg("--frames").arg("1").output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{error}");
        // Libraries may have printed lines before.
        assert!(error.lines().last().unwrap_or("").contains("--headless"), "{error}");
    }
}

/// What a player without a window says and exits with, where nobody can answer.
fn unanswered(args: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_player-sdl"));
    ENVIRONMENT.iter().for_each(|name| _ = command.env_remove(name));
    command.args(args).args(["--headless", "--frames", "2", "-vvv"]).envs(variables.iter().copied());
    command.env("RTP_PORT", "0").env("XDG_CONFIG_HOME", "/nowhere").stdin(Stdio::null());
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn passwords_come_from_variables_and_without_a_terminal_nobody_is_asked() {
    let server = ServerProcess::start_guarded("h@n/er:2");
    let url = server.url("movie.Mjpeg").replace("rtsp://", "rtsp://anna:${CAMERA_PASSWORD}@");
    let (code, log) = unanswered(&[&url], &[("CAMERA_PASSWORD", "h@n/er:2")]);
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("h@n/er") && !log.contains("n%2Fer"), "{log}");
    let (code, log) = unanswered(&[&url], &[]);
    assert_eq!((code, log.as_str()), (Some(2), "error: the environment variable CAMERA_PASSWORD is not set\n"));
    let (code, log) = unanswered(&[&url], &[("CAMERA_PASSWORD", "geheim")]);
    assert!(code == Some(1) && log.contains("refuses this user and password") && !log.contains("geheim"), "{log}");
    let (code, log) = unanswered(&[&server.url("movie.Mjpeg")], &[]);
    assert!(code == Some(1) && log.contains("wants a user name and a password"), "{log}");
    let folder = Folder::new("unanswered");
    let server = ServerProcess::start_private(&folder.0);
    let (code, log) = unanswered(&[&server.url("movie.Mjpeg")], &[]);
    assert!(code == Some(1) && log.contains("--tls-pin"), "{log}");
}

/// A player on a terminal of its own, which util-linux's `script` makes.
#[cfg(target_os = "linux")]
struct OnTerminal {
    child: Child,
    screen: String,
}

#[cfg(target_os = "linux")]
impl OnTerminal {
    fn start(url: &str, config: &Path) -> Self {
        let player = env!("CARGO_BIN_EXE_player-sdl");
        let mut command = Command::new("script");
        ENVIRONMENT.iter().for_each(|name| _ = command.env_remove(name));
        command.args(["-qefc", &format!("'{player}' '{url}' --headless --frames 2 --rtp-port 0 -vv"), "/dev/null"]);
        command.env("XDG_CONFIG_HOME", config).stdin(Stdio::piped()).stdout(Stdio::piped());
        Self { child: command.spawn().expect("script is installed"), screen: String::new() }
    }

    /// Waits until this is on the screen, and then types that.
    fn answer(&mut self, prompt: &str, line: &str) {
        let output = self.child.stdout.as_mut().unwrap();
        let from = self.screen.len();
        while !self.screen[from..].contains(prompt) {
            let mut byte = [0];
            assert_eq!(output.read(&mut byte).unwrap(), 1, "no {prompt:?}:\n{}", self.screen);
            self.screen.push(char::from(byte[0]));
        }
        // The terminal stops its echo behind the prompt, and nobody types sooner.
        std::thread::sleep(Duration::from_millis(300));
        self.child.stdin.as_mut().unwrap().write_all(format!("{line}\r").as_bytes()).unwrap();
    }

    fn end(mut self) -> (Option<i32>, String) {
        let mut rest = Vec::new();
        self.child.stdout.as_mut().unwrap().read_to_end(&mut rest).unwrap();
        self.screen.push_str(&String::from_utf8_lossy(&rest));
        (self.child.wait().unwrap().code(), self.screen)
    }
}

#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_somebody_is_asked() {
    let folder = Folder::new("terminal");
    let server = ServerProcess::start_guarded("hunter2");
    let mut player = OnTerminal::start(&server.url("movie.Mjpeg"), &folder.0);
    player.answer("user: ", "anna");
    player.answer("password of anna: ", "wrong");
    player.answer("user [anna]: ", "");
    player.answer("password of anna: ", "hunter2");
    let (code, screen) = player.end();
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("refuses this user and password") && !screen.contains("hunter2"), "{screen}");
    // Ctrl-C.
    let mut player = OnTerminal::start(&server.url("movie.Mjpeg"), &folder.0);
    player.answer("user: ", "\u{3}");
    assert_eq!(player.end().0, Some(1));

    let mut server = ServerProcess::start_private(&folder.0.join("identity"));
    let url = server.url("movie.Mjpeg");
    let mut player = OnTerminal::start(&url, &folder.0);
    player.answer("Trust it? [yes/no] ", "no");
    assert_eq!(player.end().0, Some(1));
    let mut player = OnTerminal::start(&url, &folder.0);
    player.answer("Trust it? [yes/no] ", "yes");
    assert_eq!(player.end().0, Some(0));
    let (code, screen) = OnTerminal::start(&url, &folder.0).end();
    assert_eq!(code, Some(0), "it is remembered: {screen}");
    server.kill();
    std::fs::remove_dir_all(folder.0.join("identity")).unwrap();
    server.restart();
    for (typed, code) in [("yes", 1), ("replace", 0)] {
        let mut player = OnTerminal::start(&url, &folder.0);
        player.answer("writes \"replace\": ", typed);
        assert_eq!(player.end().0, Some(code), "{typed}");
    }
}
