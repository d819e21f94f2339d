//! The program as shells and scripts see it: signals, exit codes, streams, limits.

#[path = "process/access.rs"]
mod access;
#[cfg(feature = "cluster")]
#[path = "process/cluster.rs"]
mod cluster;
#[path = "process/hooks.rs"]
mod hooks;
#[path = "process/logs.rs"]
mod logs;
#[path = "process/room.rs"]
mod room;
#[cfg(target_os = "linux")]
#[path = "process/systemd.rs"]
mod systemd;
#[cfg(feature = "http")]
#[path = "process/web.rs"]
mod web;

use mutoscope::jpeg::encoder::{Encoder, Quantizer};
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything takes, on the slowest of machines.
const PATIENCE: Duration = Duration::from_secs(60);

const PROGRAM: &str = env!("CARGO_BIN_EXE_mutoscope-server");

/// The program, started by `launcher` (which may be empty) on a free port; killed at the end, whatever happens.
struct Running(Child);

impl Running {
    fn start(launcher: &[&str], arguments: &[&str]) -> Self {
        let words = [launcher, &[PROGRAM, "--rtsp-port", "0"], arguments].concat();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    /// The first URL it prints, which it does when it is ready.
    fn url(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// What it writes to standard error, up to these words and perhaps more.
    fn log_until(&mut self, words: &str) -> String {
        let (mut log, mut chunk) = (Vec::new(), [0; 1024]);
        loop {
            let n = self.0.stderr.as_mut().unwrap().read(&mut chunk).unwrap();
            assert!(n > 0, "it ended without {words:?}");
            log.extend(&chunk[..n]);
            if String::from_utf8_lossy(&log).contains(words) {
                return String::from_utf8(log).unwrap();
            }
        }
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.0.id().to_string()]).status().unwrap().success());
    }

    /// Its exit code, and what else it wrote to standard output and error.
    fn wait(mut self) -> (Option<i32>, String, String) {
        let (stdout, stderr) = (self.0.stdout.take().unwrap(), self.0.stderr.take().unwrap());
        let texts = (thread::spawn(|| io::read_to_string(stdout)), thread::spawn(|| io::read_to_string(stderr)));
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match self.0.try_wait().unwrap() {
                Some(status) => break status,
                None => assert!(Instant::now() < deadline, "it does not end"),
            }
            thread::sleep(Duration::from_millis(10));
        };
        (status.code(), texts.0.join().unwrap().unwrap(), texts.1.join().unwrap().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What starts a program whose `signal` is not ignored, though it may be for this one: behind `nohup`, say. Where one cannot
/// tell, it is taken not to be.
fn heeding(signal: u32) -> &'static [&'static str] {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    if ignored >> (signal - 1) & 1 == 1 { &["env", "--default-signal"] } else { &[] }
}

/// Host and port of a URL.
fn address(url: &str) -> &str {
    url.trim_start_matches("rtsp://").split('/').next().unwrap()
}

/// Whether a server answers at `url`.
fn answers(url: &str) -> bool {
    let address = address(url);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.write_all(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n").unwrap();
    let mut line = [0; 15];
    stream.read_exact(&mut line).is_ok() && line == *b"RTSP/1.0 200 OK"
}

/// The beginning of the answer to DESCRIBE.
fn describe(url: &str) -> String {
    let mut stream = TcpStream::connect(address(url)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(format!("DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    answer
}

/// A picture of one colour, 16 pixels high.
fn picture(width: u16) -> Vec<u8> {
    let mut picture = vec![0; 4096];
    let quantizer = Quantizer::new(50);
    let mut encoder = Encoder::new(&mut picture, width, 16, &quantizer).unwrap();
    (0..width.div_ceil(16)).for_each(|_| encoder.flat_mcu([1, 2, 3]).unwrap());
    let len = encoder.finish().unwrap();
    picture.truncate(len);
    picture
}

/// A folder that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mutoscope-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A file of one small picture.
    fn file(&self, name: &str) -> String {
        self.file_of(name, &picture(16))
    }

    fn file_of(&self, name: &str, contents: &[u8]) -> String {
        let path = self.0.join(name);
        fs::write(&path, contents).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The status of the answer to DESCRIBE.
fn ask_for(connection: &mut TcpStream, url: &str) -> String {
    write!(connection, "DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\n\r\n").unwrap();
    let mut answer = [0; 4096];
    let len = connection.read(&mut answer).unwrap();
    String::from_utf8_lossy(&answer[..len]).split(' ').nth(1).unwrap_or_default().to_owned()
}

#[test]
fn a_hang_up_signal_has_the_configuration_read_again_and_streams_that_stay_play_on() {
    let folder = Folder::new("reload");
    let (config, film) = (folder.0.join("mutoscope.toml"), folder.0.join("film.mjpeg"));
    fs::write(&film, picture(16).repeat(3)).unwrap();
    let stream = |name: &str| {
        format!("[streams.{name}]\ninput = 'exec:sh -c \"cat {}; sleep 1000\"'\nstart = \"always\"\n", film.display())
    };
    // Whole at once: the server may be reading it.
    let write = |text: String| {
        let new = folder.0.join("new.toml");
        fs::write(&new, text).unwrap();
        fs::rename(&new, &config).unwrap();
    };
    write(format!("session-timeout = 30\n{}{}", stream("stays"), stream("goes")));
    let mut server = Running::start(&[], &["--config", config.to_str().unwrap()]);
    let url = server.url();
    let (address, _) = url.strip_prefix("rtsp://").unwrap().split_once('/').unwrap();
    let at = |name: &str| format!("rtsp://{address}/{name}");
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut status = |name: &str| ask_for(&mut connection, &at(name));
    assert_eq!([status("stays"), status("goes"), status("comes")], ["200", "200", "404"]);
    let mut reload = |server: &Running, text: String, name: &str, expected: &str| {
        write(text);
        server.signal("-HUP");
        let deadline = Instant::now() + PATIENCE;
        while status(name) != expected {
            assert!(Instant::now() < deadline, "{name} is not answered with {expected}");
            thread::sleep(Duration::from_millis(20));
        }
    };
    reload(&server, format!("{}{}", stream("stays"), stream("comes")), "comes", "200");
    reload(&server, format!("{}{}", stream("stays"), stream("comes")), "goes", "404");
    // The places of inputs that have ended are taken by others.
    for number in 0..3 {
        let name = format!("replaced{number}");
        reload(&server, format!("{}{}", stream("stays"), stream(&name)), &name, "200");
    }
    reload(&server, format!("{}{}", stream("stays"), stream("comes")), "comes", "200");
    // What cannot be used changes nothing.
    write("nonsense = 1\n".to_owned());
    server.signal("-HUP");
    let early = server.log_until("nonsense");
    reload(&server, format!("{}[streams.last]\ninput = \"push:\"\n", stream("stays")), "comes", "404");
    server.signal("-INT");
    let (code, _, late) = server.wait();
    assert_eq!(code, Some(0));
    let log = early + &late;
    for said in ["2 inputs, 1 of them as before", "nonsense", "session-timeout has changed"] {
        assert!(log.contains(said), "{said:?} is not in {log}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_server_that_is_kept_from_files_serves_and_says_what_takes_a_restart() {
    let folder = Folder::new("harden");
    let [inside, outside, conf] = ["inside", "outside", "conf"].map(|name| folder.0.join(name));
    for place in [&inside, &outside, &conf] {
        fs::create_dir_all(place).unwrap();
        fs::write(place.join("film.mjpeg"), picture(16).repeat(3)).unwrap();
    }
    let config = conf.join("mutoscope.toml");
    let write = |streams: &[(&str, &str)]| {
        let stream = |(name, input): &(&str, &str)| format!("[streams.{name}]\ninput = {input:?}\n");
        let text = format!("media = [{inside:?}]\n{}", streams.iter().map(stream).collect::<String>());
        fs::write(conf.join("new.toml"), text).unwrap();
        fs::rename(conf.join("new.toml"), &config).unwrap();
    };
    write(&[]);
    let mut server = Running::start(&[], &["-v", "--config", config.to_str().unwrap()]);
    let url = server.url();
    let is_kept = !server.log_until("Landlock").contains("Landlock is not there");
    let (address, _) = url.strip_prefix("rtsp://").unwrap().split_once('/').unwrap();
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut status = |name: &str| ask_for(&mut connection, &format!("rtsp://{address}/{name}"));
    assert_eq!(status("film.mjpeg"), "200");
    // Another film in a folder that was named, and one that comes into it.
    let film = |place: &PathBuf| place.join("film.mjpeg").display().to_string();
    write(&[("again", &film(&inside))]);
    server.signal("-HUP");
    server.log_until("was read again");
    assert_eq!(status("again"), "200");
    fs::write(inside.join("late.mjpeg"), picture(16).repeat(3)).unwrap();
    assert_eq!(status("late.mjpeg"), "200");
    if !is_kept {
        eprintln!("SKIPPED: there is no Landlock here, so nothing takes a restart");
        return;
    }
    for (name, input, reason) in [
        ("other", &*film(&outside), "outside was not needed at the start: restart needed"),
        ("program", "exec:true", "restart needed"),
        ("camera", "/dev/video9", "/dev was not needed at the start: restart needed"),
        ("remote", "rtsp://192.0.2.1/x", "/etc was not needed at the start: restart needed"),
    ] {
        write(&[("again", &film(&inside)), (name, input)]);
        server.signal("-HUP");
        let log = server.log_until("restart needed");
        assert!(log.contains(reason), "{name}: {log}");
        assert_eq!([status("again"), status(name)], ["200", "404"]);
    }
}

#[test]
fn settings_come_from_a_file_and_are_printed() {
    let folder = Folder::new("config");
    let config = folder.0.join("mutoscope.toml");
    fs::write(&config, "max-clients = 3\n[streams.cam]\ninput = \"rtsp://anna:secret@192.0.2.1/cam\"\n").unwrap();
    let print = |config: &PathBuf| {
        let mut command = Command::new(PROGRAM);
        let output = command.arg("--config").arg(config).arg("--print-config").output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let printed = print(&config);
    assert!(printed.contains("max-clients = 3  # ") && !printed.contains("secret"), "{printed}");
    fs::write(&config, &printed).unwrap();
    assert!(print(&config).contains("[streams.cam]\ninput = \"rtsp://anna:***@192.0.2.1/cam\""));
    fs::write(&config, "max-cleints = 3\n").unwrap();
    let output = Command::new(PROGRAM).arg("--config").arg(&config).output().unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains("line 1") && complaint.contains("did you mean \"max-clients\"?"), "{complaint}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn cameras_are_listed_or_it_is_said_that_there_is_none() {
    let output = Command::new(PROGRAM).arg("--list-cameras").output().unwrap();
    let (out, complaint) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    match output.status.code() {
        Some(0) => assert!(out.starts_with("/dev/video"), "{out}"),
        code => assert_eq!((code, &complaint[..]), (Some(1), "mutoscope-server: there is no camera here\n")),
    }
    let output = Command::new(PROGRAM).args(["--rtsp-port", "0", "cam=/dev/null#size=640x480"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "#size is for cameras");
}

#[test]
fn an_interrupt_and_a_request_to_end_are_no_failures() {
    for (signal, number) in [("-INT", 2), ("-TERM", 15), ("-HUP", 1)] {
        let mut server = Running::start(heeding(number), &["-q"]);
        assert!(answers(&server.url()));
        server.signal(signal);
        let (code, _, stderr) = server.wait();
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{signal}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_server_started_by_nohup_outlives_its_terminal() {
    let mut server = Running::start(&["nohup"], &["-q"]);
    let url = server.url();
    server.signal("-HUP");
    // The signal may take its time.
    for _ in 0..5 {
        thread::sleep(Duration::from_millis(20));
        assert!(answers(&url));
    }
    server.signal("-TERM");
    assert_eq!(server.wait().0, Some(0));
}

#[test]
fn failures_are_told_by_the_exit_code_even_where_nobody_listens() {
    for (argument, expected) in [("/no/such/file.mjpeg", 1), ("--no-such-flag", 2), ("--help", 0)] {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(PROGRAM);
        command.args([argument, "--rtsp-port", "0"]).stdout(writer.try_clone().unwrap()).stderr(writer);
        assert_eq!(command.status().unwrap().code(), Some(expected), "{argument}");
    }
}

#[test]
fn a_log_that_nobody_reads_stops_nobody() {
    let mut server = Running::start(&[], &[]);
    let url = server.url();
    // A line each that repeats the name: ten pipes full of them.
    let request = format!("DESCRIBE {url}/{} RTSP/1.0\r\nCSeq: 1\r\n\r\n", "x".repeat(3000));
    let mut stream = TcpStream::connect(address(&url)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    for _ in 0..220 {
        stream.write_all(request.as_bytes()).unwrap();
        assert!(stream.read(&mut [0; 1024]).is_ok_and(|n| n > 0), "the server waits for its reader");
    }
    // Once somebody reads, the log goes on, and says that something is missing.
    let mut log = BufReader::new(server.0.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("missing here") {
        if log.buffer().is_empty() {
            assert!(answers(&url));
        }
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0);
    }
    server.signal("-INT");
    assert_eq!(server.0.wait().unwrap().code(), Some(0));
}

#[test]
fn urls_that_nobody_reads_stop_nobody() {
    let folder = Folder::new("urls");
    for number in 0..600 {
        folder.file(&format!("{number}{}.mjpeg", "x".repeat(150)));
    }
    // More than a pipe holds; the first piece of it is read.
    let mut server = Running::start(&[], &["-q", folder.0.to_str().unwrap()]);
    assert!(answers(&server.url()));
    server.signal("-INT");
    assert_eq!(server.0.wait().unwrap().code(), Some(0));
}

#[test]
fn the_log_names_who_did_it_and_a_flood_does_not_fill_the_disk() {
    let mut server = Running::start(&[], &[]);
    let mut stderr = server.0.stderr.take().unwrap();
    let reader = thread::spawn(move || {
        let mut log = String::new();
        stderr.read_to_string(&mut log).map(|_| log)
    });
    let url = server.url();
    let mut stream = TcpStream::connect(address(&url)).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    stream.read_to_end(&mut Vec::new()).unwrap();
    let name = stream.local_addr().unwrap();
    for _ in 0..1500 {
        let mut stranger = TcpStream::connect(address(&url)).unwrap();
        stranger.write_all(b"nonsense\r\n").unwrap();
        stranger.read_to_end(&mut Vec::new()).unwrap();
    }
    // A line that may come again: it tells of those that are missing.
    thread::sleep(Duration::from_millis(250));
    server.signal("-INT");
    server.0.wait().unwrap();
    let log = reader.join().unwrap().unwrap();
    assert!(log.contains(&format!("{name}: closed: a malformed request, answered with 400")), "{log}");
    assert!(log.contains("lines of the log are missing here"), "{log}");
    // Some 4,500 were to be said.
    let lines = log.lines().count();
    assert!((1000..3000).contains(&lines), "{lines}");
}

#[test]
fn a_folder_of_more_files_than_the_system_allows_open_is_served_whole() {
    let folder = Folder::new("many");
    for number in 0..300 {
        folder.file(&format!("{number}.mjpeg"));
    }
    let path = folder.0.to_str().unwrap();
    // Few of them can be open at once.
    let limits = ["sh", "-c", "ulimit -n 64 && exec \"$0\" \"$@\""];
    let mut server = Running::start(&limits, &["-q", "--max-clients", "8", path]);
    let url = server.url();
    let root = url.trim().rsplit_once('/').unwrap().0;
    for number in 0..300 {
        assert!(describe(&format!("{root}/{number}.mjpeg")).starts_with("RTSP/1.0 200 OK"), "{number}");
    }
    server.signal("-INT");
    let (code, _, stderr) = server.wait();
    // No warning that a file was left out.
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
}

#[cfg(feature = "announce")]
#[test]
fn a_server_that_only_this_machine_reaches_is_not_announced_and_says_so() {
    let mut server = Running::start(&[], &["--announce"]);
    server.log_until("nothing is announced, because only this machine can reach the server");
    server.url();
    server.signal("-INT");
    assert_eq!(server.wait().0, Some(0));
}

#[test]
fn a_name_that_no_request_can_say_is_told_at_the_start() {
    let folder = Folder::new("names");
    let mut server = Running::start(&[], &[&folder.file(&format!("{}.mjpeg", "漢".repeat(30)))]);
    server.url();
    server.signal("-INT");
    let (_, _, stderr) = server.wait();
    assert!(stderr.contains("shorter name"), "{stderr}");
}

#[test]
fn who_cannot_show_large_pictures_is_named_once_and_small_ones_are_not_spoken_of() {
    let folder = Folder::new("large");
    for (width, is_large) in [(2040, false), (2041, true)] {
        let file = folder.file_of("movie.mjpeg", &picture(width).repeat(3));
        let mut server = Running::start(heeding(2), &["-q", &file]);
        // It is looked into when somebody asks for it.
        let url = server.url();
        for _ in 0..2 {
            assert!(describe(url.trim()).starts_with("RTSP/1.0 200 OK"));
        }
        server.signal("-INT");
        let (_, _, log) = server.wait();
        for words in ["2041x16", "FFmpeg", "GStreamer", "no picture"] {
            assert_eq!(log.matches(words).count(), usize::from(is_large), "{words} in {log}");
        }
    }
}

#[test]
fn programs_of_inputs_end_with_the_server_however_it_ends() {
    let folder = Folder::new("programs");
    let pid = folder.0.join("pid");
    let is_there = |pid: &str| {
        let state = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap().stdout;
        !state.is_empty() && !state.starts_with(b"Z")
    };
    // A program that heeds requests to end, one that does not, a second Ctrl-C, which waits for nobody, and a server that is
    // killed, of a program that does not write and has started another one.
    for (trap, interrupts) in [(":", 1), ("trap '' TERM", 1), ("trap '' TERM", 2), (":", 0), ("trap '' TERM", 0)] {
        let _ = fs::remove_file(&pid);
        let spec = format!(
            "cam=exec:sh -c \"{trap}; echo \\$\\$ > '{}.new'; mv '{0}.new' '{0}'; while :; do sleep 0.1; done\"#always",
            pid.display()
        );
        let mut server = Running::start(heeding(2), &["-q", &spec]);
        assert!(server.url().ends_with("/cam"));
        let deadline = Instant::now() + PATIENCE;
        let started = loop {
            match fs::read_to_string(&pid) {
                Ok(started) => break started.trim().to_owned(),
                Err(_) => assert!(Instant::now() < deadline, "it does not start"),
            }
            thread::sleep(Duration::from_millis(5));
        };
        assert!(is_there(&started));
        if interrupts == 0 {
            server.signal("-KILL");
            assert_eq!(server.wait().0, None);
        } else {
            server.signal("-INT");
            if interrupts == 2 {
                thread::sleep(Duration::from_millis(200));
                server.signal("-INT");
            }
            assert_eq!(server.wait().0, Some(if interrupts == 2 { 130 } else { 0 }), "{trap}");
        }
        while is_there(&started) {
            assert!(Instant::now() < deadline, "{trap}: it lives on");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn a_file_is_served_under_the_name_before_it() {
    let folder = Folder::new("named");
    let (file, config) = (folder.file("film.mjpeg"), folder.0.join("mutoscope.toml"));
    fs::write(&config, format!("[streams.filed]\ninput = {file:?}\nrate = 5\n")).unwrap();
    let mut server = Running::start(&[], &["--config", config.to_str().unwrap(), &format!("named={file}")]);
    let url = server.url();
    let root = url.rsplit_once('/').unwrap().0;
    for (name, status) in [("named", "200 OK"), ("filed", "200 OK"), ("film.mjpeg", "404")] {
        let answer = describe(&format!("{root}/{name}"));
        assert!(answer.starts_with(&format!("RTSP/1.0 {status}")), "{name}: {answer}");
    }
    let check = |spec: &str| {
        let output = Command::new(PROGRAM).args(["--check", spec]).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, report) = check(&format!("named={file}"));
    assert!(code == Some(0) && report.starts_with("named: can be served"), "{report}");
    for (parameter, complaint) in
        [("#always", "#always and #on-demand are for live inputs"), ("#order=exif", "#order is for folders")]
    {
        let (code, _, stderr) = Running::start(&[], &[&format!("named={file}{parameter}")]).wait();
        assert!(code == Some(1) && stderr.contains(complaint), "{stderr}");
    }
}

#[test]
fn clients_of_the_lab_are_told_what_there_is_and_how_they_get_it() {
    let folder = Folder::new("lab");
    let (file, config) = (folder.file("film.mjpeg"), folder.0.join("mutoscope.toml"));
    fs::write(&config, "[streams.\"film.mjpeg\"]\nwatch = [\"192.0.2.1\"]\n").unwrap();
    for (options, names) in [(&[][..], "NVideo: 2\nfilm.mjpeg\nmovie"), (&["--config"], "NVideo: 1\nmovie")] {
        let config = options.iter().map(|_| config.to_str().unwrap());
        let options: Vec<&str> = options.iter().copied().chain(config).collect();
        let files = [file.as_str(), &format!("movie={file}"), "--lab-payload", "o8"];
        let mut server = Running::start(&[], &[&options[..], &files].concat());
        let mut connection = TcpStream::connect(address(&server.url())).unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut ask = |request: &str| {
            connection.write_all(request.as_bytes()).unwrap();
            let mut answer = [0; 1024];
            let len = connection.read(&mut answer).unwrap();
            String::from_utf8_lossy(&answer[..len]).into_owned()
        };
        let media = UdpSocket::bind("127.0.0.1:0").unwrap();
        media.set_read_timeout(Some(PATIENCE)).unwrap();
        let port = media.local_addr().unwrap().port();
        let connected = ask(&format!("CONNECT RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= {port}\n"));
        let session = connected.strip_prefix("RTSP/1.0 200 OK\nCSeq: 1\n").unwrap().trim_end();
        let told = ask(&format!("GETLIST / RTSP/1.0\nCSeq: 2\n{session}\n"));
        assert_eq!(told, format!("RTSP/1.0 200 OK\nCSeq: 2\n{session}\n{names}"));
        assert!(ask(&format!("SETUP movie RTSP/1.0\nCSeq: 3\n{session}\n")).starts_with("RTSP/1.0 200 OK\n"));
        assert!(ask(&format!("PLAY movie RTSP/1.0\nCSeq: 4\n{session}\n")).starts_with("RTSP/1.0 200 OK\n"));
        let mut packet = [0; 2000];
        let len = media.recv(&mut packet).unwrap();
        let total = u32::try_from(len - 20).unwrap().to_be_bytes();
        assert_eq!((&packet[12..16], &packet[16..20], &packet[20..22]), (&[0; 4][..], &total[..], &[0xff, 0xd8][..]));
    }
}

#[test]
fn what_the_client_of_an_input_says_names_the_input() {
    let camera = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("rtsp://{}/x", camera.local_addr().unwrap());
    let location = format!("{url}/y");
    thread::spawn(move || {
        for connection in camera.incoming() {
            let mut reader = BufReader::new(connection.unwrap());
            let mut lines = Vec::new();
            while let Some(Ok(line)) = reader.by_ref().lines().next() {
                if !line.is_empty() {
                    lines.push(line);
                    continue;
                }
                let is_options = lines[0].starts_with("OPTIONS");
                let status =
                    if is_options { "200 OK".to_owned() } else { format!("302 Found\r\nLocation: {location}") };
                let number = lines.iter().find(|line| line.starts_with("CSeq")).unwrap();
                write!(reader.get_mut(), "RTSP/1.0 {status}\r\n{number}\r\n\r\n").unwrap();
                lines.clear();
            }
        }
    });
    let mut server = Running::start(&[], &[&format!("cam={url}#always")]);
    let log = server.log_until("sends us on to");
    let line = log.lines().find(|line| line.contains("sends us on to")).unwrap();
    assert!(line.contains(" cam: the server sends us on to"), "{line}");
}

#[test]
fn what_is_wrong_with_an_input_is_told_without_its_secrets() {
    for (argument, told) in [
        ("cam=https://anna:geheim@camera/x?k=5%", "cam=https://camera/x?k=…: "),
        ("cam=rtsp://anna:geheim@camera/x?k=5%", "cam=rtsp://camera/x?k=…: not a URL: a % in it lacks"),
        ("cam=exec:", "cam=exec:: expected a program behind exec:"),
        ("a/b=-", "cannot open a/b=-: No such file"),
    ] {
        let (code, _, stderr) = Running::start(&[], &[argument]).wait();
        assert!(code == Some(1) && stderr.contains(told) && !stderr.contains("geheim"), "{stderr}");
    }
}
