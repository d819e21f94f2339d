//! Shared by the tests of the whole player: a server in a process of its own, the player, and the lines that it prints.

#![allow(dead_code, reason = "each test file uses its part")]

use mutoscope::media::FrameRate;
use mutoscope_std::guard::{Gate, Rules, Users};
use mutoscope_std::media::Library;
use mutoscope_std::server::{Options, Server, TlsOptions};
use mutoscope_std::tls::Identity;
use std::cell::RefCell;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// How long tests wait for anything. On the slowest machine nothing takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

const SERVER_PORT: &str = "MUTOSCOPE_TEST_SERVER_PORT";
const SERVER_MEDIA: &str = "MUTOSCOPE_TEST_SERVER_MEDIA";
const SERVER_PASSWORD: &str = "MUTOSCOPE_TEST_SERVER_PASSWORD";
const SERVER_IDENTITY: &str = "MUTOSCOPE_TEST_SERVER_IDENTITY";
const SERVER_CAPTURE: &str = "MUTOSCOPE_TEST_SERVER_CAPTURE";

/// Serves, in a process that [`ServerProcess`] has started. Each test file has a test `the_server_s_process` that calls this.
pub(crate) fn serve_if_asked() {
    let Ok(port) = std::env::var(SERVER_PORT) else { return };
    let port = port.parse().expect("a port");
    let tls = std::env::var_os(SERVER_IDENTITY).map(|directory| TlsOptions {
        port,
        identity: Identity::SelfSigned { directory: directory.into() },
        only: true,
    });
    let options = Options { rtsp_port: port, tls, ..Options::default() };
    let rate = FrameRate::new(24, 1).expect("a rate");
    let library = match std::env::var_os(SERVER_MEDIA) {
        Some(path) => {
            Library::from_paths(&[PathBuf::from(path)], rate, mutoscope_std::media::Policy::default()).expect("media")
        }
        None => Library::built_in(rate),
    };
    #[allow(unused_mut, reason = "without captures")]
    let mut server = Server::bind(&options).expect("sockets");
    #[cfg(feature = "pcap")]
    if let Some(path) = std::env::var_os(SERVER_CAPTURE) {
        server.capture(mutoscope_std::capture::Capture::create(Path::new(&path)).expect("a file"));
    }
    let stop = server.stop_handle();
    std::thread::spawn(move || {
        // The server runs until the test closes the pipe.
        let _ = std::io::stdin().read(&mut [0]);
        stop.stop();
    });
    let mut users = Users::default();
    if let Ok(password) = std::env::var(SERVER_PASSWORD) {
        users.set("anna", &password).expect("a user");
    }
    let gate = Gate::new(Rules { users, ..Rules::default() }).expect("random numbers");
    server.serve_guarded(&library, gate).expect("serving");
}

/// A server in a process of its own, so that it can be killed without a farewell to its clients.
pub(crate) struct ServerProcess {
    child: Child,
    port: u16,
    settings: Vec<(&'static str, PathBuf)>,
}

impl ServerProcess {
    /// Starts a server on a free port. It serves a file, or the built-in test card and movie.
    pub(crate) fn start(media: Option<&Path>) -> Self {
        Self::start_with(media.map(|media| (SERVER_MEDIA, media.to_owned())).into_iter().collect())
    }

    /// Starts a server that takes this password of `anna`, and lets nobody else watch.
    pub(crate) fn start_guarded(password: &str) -> Self {
        Self::start_with(vec![(SERVER_PASSWORD, password.into())])
    }

    /// Starts a server in TLS, with a certificate that it makes in this directory where there is none.
    pub(crate) fn start_private(identity: &Path) -> Self {
        Self::start_with(vec![(SERVER_IDENTITY, identity.to_owned())])
    }

    /// Starts a server that serves a file, and writes down what is said and heard.
    pub(crate) fn start_captured(media: &Path, capture: &Path) -> Self {
        Self::start_with(vec![(SERVER_MEDIA, media.to_owned()), (SERVER_CAPTURE, capture.to_owned())])
    }

    fn start_with(settings: Vec<(&'static str, PathBuf)>) -> Self {
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        Self { child: spawn_server(port, &settings), port, settings }
    }

    pub(crate) fn url(&self, name: &str) -> String {
        let is_private = self.settings.iter().any(|(setting, _)| *setting == SERVER_IDENTITY);
        format!("{}://127.0.0.1:{}/{name}", if is_private { "rtsps" } else { "rtsp" }, self.port)
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Makes the server take leave of its clients and end.
    pub(crate) fn stop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }

    /// Makes the server say nothing any more, as one without power. Its connections stay.
    pub(crate) fn freeze(&self) {
        let status = Command::new("kill").args(["-STOP", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Starts the server again on the same port.
    pub(crate) fn restart(&mut self) {
        self.child = spawn_server(self.port, &self.settings);
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn_server(port: u16, settings: &[(&'static str, PathBuf)]) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "the_server_s_process", "--nocapture"]).env(SERVER_PORT, port.to_string());
    command.envs(settings.iter().map(|(name, value)| (name, value)));
    let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "the server does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

/// What a player would take from the environment.
pub(crate) const ENVIRONMENT: [&str; 10] = [
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "SERVER_HOST",
    "RTSP_PORT",
    "RTP_PORT",
    "VIDEO_FILE",
    "RTSP_USER",
    "RTSP_PASSWORD",
    "RTSP_TLS_CA",
    "RTSP_TLS_PIN",
];

/// A running player, and the lines it prints.
pub(crate) struct Player {
    pub(crate) child: Child,
    lines: Receiver<String>,
    /// The last line about a shown picture that has been read.
    shown: RefCell<Option<Line>>,
    /// The last line about where the window's parts are.
    layout: RefCell<Option<Line>>,
}

impl Player {
    /// Starts a player that finds nothing which was trusted before.
    pub(crate) fn start(args: &[&str], display: Option<&str>) -> Self {
        let nowhere = std::env::temp_dir().join(format!("mutoscope-player-{}-nowhere", std::process::id()));
        Self::start_at(args, display, &nowhere)
    }

    /// Starts a player whose user keeps settings in this directory.
    pub(crate) fn start_at(args: &[&str], display: Option<&str>, config: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_player-sdl"));
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        for name in ENVIRONMENT {
            command.env_remove(name);
        }
        command.env("XDG_CONFIG_HOME", config).env("XDG_STATE_HOME", config.join("state"));
        // Several tests run at the same time, so each player takes a free port.
        command.env("RTP_PORT", "0");
        if let Some(display) = display {
            command.env("DISPLAY", display).env("SDL_VIDEODRIVER", "x11");
        }
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, lines, shown: RefCell::new(None), layout: RefCell::new(None) }
    }

    /// Waits for a line of this kind that is as wanted, and returns it.
    pub(crate) fn wait_for(&self, event: &str, wanted: impl Fn(&Line) -> bool) -> Line {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                let tail = seen.split_off(seen.len().saturating_sub(12));
                panic!("no {event} as wanted; the last lines:\n{}", tail.join("\n"));
            };
            let parsed = Line(line.clone());
            self.remember(&parsed);
            if parsed.text("event") == event && wanted(&parsed) {
                return parsed;
            }
            seen.push(line);
        }
    }

    pub(crate) fn wait_for_phase(&self, phase: &str) -> Line {
        self.wait_for("phase", |line| line.text("phase") == phase)
    }

    /// Waits until no new picture is shown for a while. Returns the line about the last one.
    pub(crate) fn last_shown(&self) -> Line {
        while let Ok(line) = self.lines.recv_timeout(Duration::from_millis(600)) {
            self.remember(&Line(line));
        }
        self.shown.borrow().clone().expect("something was shown")
    }

    /// Returns where the window's parts are, as far as has been read.
    pub(crate) fn layout(&self) -> Line {
        self.layout.borrow().clone().expect("a window")
    }

    fn remember(&self, line: &Line) {
        match line.text("event") {
            "shown" => *self.shown.borrow_mut() = Some(line.clone()),
            "layout" => *self.layout.borrow_mut() = Some(line.clone()),
            _ => {}
        }
    }

    /// Waits for the player to end.
    pub(crate) fn end(mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the player does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A line of flat JSON.
#[derive(Clone, Debug)]
pub(crate) struct Line(pub(crate) String);

impl Line {
    /// Returns the value of a key as it is written; "" if there is none.
    pub(crate) fn text(&self, key: &str) -> &str {
        let Some((_, rest)) = self.0.split_once(&format!("\"{key}\":")) else { return "" };
        match rest.strip_prefix('"') {
            Some(rest) => rest.split('"').next().unwrap_or(""),
            None if rest.starts_with('[') => rest.split_inclusive(']').next().unwrap_or(""),
            None => rest.split([',', '}']).next().unwrap_or(""),
        }
    }

    pub(crate) fn number(&self, key: &str) -> Option<f64> {
        self.text(key).parse().ok()
    }

    /// Returns a rectangle: left, top, width, height.
    pub(crate) fn rect(&self, key: &str) -> [i32; 4] {
        let text = self.text(key);
        let values: Vec<i32> =
            text.trim_matches(['[', ']']).split(',').map(|value| value.trim().parse().unwrap()).collect();
        values.try_into().unwrap()
    }
}

/// A folder for the files of a test, which is deleted with this value.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mutoscope-player-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Returns the first `count` frames of the test card, as JPEG files.
pub(crate) fn cards(count: u32) -> Vec<Vec<u8>> {
    use mutoscope::media::testcard::{TestCard, buffer_len};
    let card = TestCard::new(320, 240, FrameRate::new(24, 1).unwrap(), 60).unwrap();
    let mut buffer = vec![0; buffer_len(320, 240)];
    let mut render = |number| {
        let len = card.render(number, &mut buffer).unwrap();
        buffer[..len].to_vec()
    };
    (0..count).map(&mut render).collect()
}

/// Splits a recording into its frames. It only looks for the bytes with which a JPEG file begins.
pub(crate) fn split(recording: &[u8]) -> Vec<&[u8]> {
    let starts: Vec<usize> =
        recording.windows(3).enumerate().filter(|(_, bytes)| *bytes == [0xff, 0xd8, 0xff]).map(|(at, _)| at).collect();
    let ends = starts.iter().skip(1).copied().chain([recording.len()]);
    starts.iter().zip(ends).map(|(&start, end)| &recording[start..end]).collect()
}

/// Returns a JPEG's scan, which is the part that RTP carries as it is.
pub(crate) fn scan(jpeg: &[u8]) -> &[u8] {
    let sos = jpeg.windows(2).position(|marker| marker == [0xff, 0xda]).expect("a scan");
    let header = usize::from(jpeg[sos + 2]) << 8 | usize::from(jpeg[sos + 3]);
    let scan = &jpeg[sos + 2 + header..];
    scan.strip_suffix(&[0xff, 0xd9]).unwrap_or(scan)
}

/// Reads a PNG file. Returns its pixels, three bytes each, and its width and height.
pub(crate) fn read_png(path: &str) -> (Vec<u8>, usize, usize) {
    let mut decoder = png::Decoder::new(BufReader::new(std::fs::File::open(path).unwrap()));
    decoder.set_transformations(png::Transformations::STRIP_16 | png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let channels = info.color_type.samples();
    let rgb = match channels {
        1 => pixels.iter().flat_map(|&grey| [grey; 3]).collect(),
        _ => pixels.chunks(channels).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect(),
    };
    (rgb, info.width as usize, info.height as usize)
}
