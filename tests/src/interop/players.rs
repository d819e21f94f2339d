//! Runs players that other people wrote, as child processes.

use super::clip::is_grey;
use anyhow::{Context, Result, bail};
use std::fmt;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How a stream travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// RTP over UDP.
    Udp,
    /// Interleaved in the RTSP connection.
    Tcp,
}

impl Transport {
    /// Both transports.
    pub const ALL: [Self; 2] = [Self::Udp, Self::Tcp];
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        })
    }
}

/// A player that gives back every frame it received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Player {
    /// libavformat's RTSP client, as in ffplay, mpv, OpenCV and most recorders.
    Ffmpeg,
    /// rtspsrc and rtpjpegdepay.
    Gstreamer,
    /// live555's RTSP client, which VLC uses too.
    OpenRtsp,
}

/// A player that is installed.
#[derive(Clone, Debug)]
pub struct Installation {
    /// Which player this is.
    pub player: Player,
    /// The path of the program.
    pub program: PathBuf,
    /// The version of the program.
    pub version: String,
}

/// The result of one run of a player.
#[derive(Debug)]
pub struct Played {
    /// A digest of each decoded picture, in the order in which they came.
    pub pictures: Vec<String>,
    /// The time from the player's start to its end.
    pub time: Duration,
    /// The errors and warnings that the player printed.
    pub complaints: String,
}

impl Player {
    /// All players that these tests can run.
    pub const ALL: [Self; 3] = [Self::Ffmpeg, Self::Gstreamer, Self::OpenRtsp];

    /// Returns the player's name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ffmpeg => "FFmpeg",
            Self::Gstreamer => "GStreamer",
            Self::OpenRtsp => "openRTSP",
        }
    }

    /// Whether the player reads the size of pictures from the description if RTP/JPEG's header has no room for it.
    pub fn reads_large_sizes(self) -> bool {
        self != Self::Ffmpeg
    }

    /// Finds the player at `program`, or on the `PATH` if no program is given. `None`: it is not installed.
    pub fn find(self, program: Option<&Path>) -> Option<Installation> {
        let usual = match self {
            Self::Ffmpeg => "ffmpeg",
            Self::Gstreamer => "gst-launch-1.0",
            Self::OpenRtsp => "openRTSP",
        };
        let program = program.map_or_else(|| usual.into(), Path::to_path_buf);
        let version = match self {
            Self::Ffmpeg => printed_version(&program, "-version", "ffmpeg version ")?,
            Self::Gstreamer => printed_version(&program, "--version", "gst-launch-1.0 version ")?,
            Self::OpenRtsp => announced_version(&program)?,
        };
        Some(Installation { player: self, program, version })
    }
}

impl Installation {
    /// Plays `url` to its end. `scratch` is an empty folder for the player's files. After `patience` the player is killed, and
    /// the pictures that it has received so far count.
    pub fn play(&self, url: &str, transport: Transport, scratch: &Path, patience: Duration) -> Result<Played> {
        self.play_with(&[], url, transport, scratch, patience)
    }

    /// The same with more options of ffmpeg's; other players have none.
    pub fn play_with(
        &self,
        options: &[&str],
        url: &str,
        transport: Transport,
        scratch: &Path,
        patience: Duration,
    ) -> Result<Played> {
        let begin = Instant::now();
        let mut command = Command::new(&self.program);
        match self.player {
            Player::Ffmpeg => ffmpeg(&mut command, url, transport, &self.version, options, None),
            Player::Gstreamer => gstreamer(&mut command, url, transport, scratch),
            Player::OpenRtsp => open_rtsp(&mut command, url, transport, scratch),
        }
        let (stdout, mut complaints) = run(&mut command, patience)?;
        let time = begin.elapsed();
        match self.player {
            Player::Ffmpeg => {}
            Player::Gstreamer if is_gstreamer_ending(&complaints) => complaints.clear(),
            Player::Gstreamer => {}
            Player::OpenRtsp => complaints = without_reports(&complaints),
        }
        let pictures = match self.player {
            Player::Ffmpeg => digests(&stdout),
            Player::Gstreamer | Player::OpenRtsp => decode(&files_by_name(scratch)?)?,
        };
        Ok(Played { pictures, time, complaints })
    }

    /// Reads what is at `url`, which is no RTSP, to its end. Only ffmpeg is asked.
    pub fn read(&self, format: &str, url: &str, patience: Duration) -> Result<Played> {
        let begin = Instant::now();
        let mut command = Command::new(&self.program);
        command.args(["-nostdin", "-v", "warning", "-threads", "1", "-f", format, "-i", url]);
        command.args(every_frame(&self.version)).args(["-f", "framemd5", "-"]);
        let (stdout, complaints) = run(&mut command, patience)?;
        Ok(Played { pictures: digests(&stdout), time: begin.elapsed(), complaints })
    }

    /// Plays `url` until so many `pictures` have come. Only ffmpeg can count them: other players play to the end.
    pub fn watch(&self, url: &str, transport: Transport, pictures: usize, patience: Duration) -> Result<Played> {
        let begin = Instant::now();
        let mut command = Command::new(&self.program);
        ffmpeg(&mut command, url, transport, &self.version, &[], Some(pictures));
        let (stdout, complaints) = run(&mut command, patience)?;
        Ok(Played { pictures: digests(&stdout), time: begin.elapsed(), complaints })
    }
}

impl fmt::Display for Installation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.player.name(), self.version)
    }
}

/// Returns the version that a program prints on its first line behind the text `before`.
fn printed_version(program: &Path, argument: &str, before: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Some(text.lines().next()?.strip_prefix(before)?.split([' ', '-']).next()?.to_owned())
}

/// Returns the version of openRTSP, which it only tells servers: `User-Agent: openRTSP (LIVE555 Streaming Media v2024.06.26)`.
fn announced_version(program: &Path) -> Option<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).ok()?;
    let url = format!("rtsp://{}/version", listener.local_addr().ok()?);
    let mut child =
        Command::new(program).args(["-V", &url]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
    let version = request_to(&listener, Duration::from_secs(3)).and_then(|request| {
        let agent = request.lines().find_map(|line| line.strip_prefix("User-Agent: "))?;
        let version = agent.rsplit(" v").next().filter(|_| agent.contains(" v"))?;
        Some(version.trim_end_matches(')').to_owned())
    });
    let _ = child.kill();
    let _ = child.wait();
    version
}

/// Waits for a connection, and returns the first request that comes over it.
fn request_to(listener: &TcpListener, patience: Duration) -> Option<String> {
    let deadline = Instant::now() + patience;
    listener.set_nonblocking(true).ok()?;
    let mut stream = loop {
        match listener.accept() {
            Ok((stream, _)) => break stream,
            Err(_) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
            Err(_) => return None,
        }
    };
    stream.set_nonblocking(false).ok()?;
    stream.set_read_timeout(Some(patience)).ok()?;
    let (mut request, mut chunk) = (Vec::new(), [0; 1024]);
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut chunk) {
            Ok(n @ 1..) => request.extend(&chunk[..n]),
            _ => break,
        }
    }
    String::from_utf8(request).ok()
}

/// Returns why VLC is not among the players. It does not give out single frames, and most builds cannot receive RTP/JPEG.
pub fn why_not_vlc() -> String {
    match Command::new("cvlc").arg("--list").output() {
        Err(_) => "VLC: not installed".into(),
        Ok(list) if String::from_utf8_lossy(&list.stdout).contains("live555") => {
            "VLC: this build has live555, but its pictures cannot be compared; look at them with `vlc URL`".into()
        }
        // Debian's build has no live555. When root starts it, it fails without a word.
        Ok(list) if list.status.success() => "VLC: this build has no live555, so it cannot play RTP/JPEG".into(),
        Ok(_) => "VLC: does not list its modules to this user".into(),
    }
}

fn ffmpeg(
    command: &mut Command,
    url: &str,
    transport: Transport,
    version: &str,
    options: &[&str],
    pictures: Option<usize>,
) {
    let transport = match transport {
        Transport::Udp => "udp",
        Transport::Tcp => "tcp",
    };
    command.args(["-nostdin", "-v", "warning", "-threads", "1"]);
    // The server's certificate vouches for itself, which FFmpeg takes no longer.
    if url.starts_with("rtsps://") && major(version) >= 9 {
        command.args(["-tls_verify", "0"]);
    }
    command.args(["-rtsp_transport", transport, "-buffer_size", "2000000"]).args(options).args(["-i", url]);
    command.args(every_frame(version));
    if let Some(pictures) = pictures {
        command.args(["-frames:v", &pictures.to_string()]);
    }
    command.args(["-f", "framemd5", "-"]);
}

/// The first number of ffmpeg's version; the greatest where a build has none.
pub fn major(version: &str) -> u32 {
    let major = version.trim_start_matches('n').split('.').next().map(str::parse);
    major.and_then(Result::ok).unwrap_or(u32::MAX)
}

/// Returns the option that keeps ffmpeg from doubling or dropping frames. Version 5.1 renamed it, and later versions drop the
/// old name.
fn every_frame(version: &str) -> [&'static str; 2] {
    let mut numbers = version.trim_start_matches('n').split('.').map(|part| part.parse::<u32>().unwrap_or(u32::MAX));
    let old = (numbers.next().unwrap_or(u32::MAX), numbers.next().unwrap_or(0)) < (5, 1);
    if old { ["-vsync", "passthrough"] } else { ["-fps_mode", "passthrough"] }
}

fn gstreamer(command: &mut Command, url: &str, transport: Transport, scratch: &Path) {
    let protocols = match transport {
        Transport::Udp => "protocols=udp",
        Transport::Tcp => "protocols=tcp",
    };
    command.args(["-q", "rtspsrc", &format!("location={url}"), protocols, "latency=200", "udp-buffer-size=2000000"]);
    if url.starts_with("rtsps://") {
        command.arg("tls-validation-flags=0");
    }
    command.args(["!", "rtpjpegdepay", "!", "multifilesink"]);
    command.arg(format!("location={}", scratch.join("%06d.jpg").display()));
}

/// Makes openRTSP write one file for each frame, named after the frame's time of presentation. By default its buffers hold
/// only 100,000 bytes of a frame, so they are made larger.
fn open_rtsp(command: &mut Command, url: &str, transport: Transport, scratch: &Path) {
    command.current_dir(scratch).args(["-V", "-m", "-b", "2000000", "-B", "2000000"]);
    if transport == Transport::Tcp {
        command.arg("-t");
    }
    command.arg(url);
}

/// Whether GStreamer only complains about the way in which it ends a stream. gst-launch stops rtspsrc, which sends PAUSE in
/// one thread and cancels it in another. Now and then it reports the cancelled PAUSE as an error of the connection, although
/// the TEARDOWN behind it is sent and answered.
fn is_gstreamer_ending(text: &str) -> bool {
    let mut errors = text.lines().filter(|line| line.starts_with("ERROR"));
    text.contains("gst_rtspsrc_pause ()") && errors.all(|line| line.contains("Could not write to resource"))
}

/// Returns those lines of openRTSP's standard error that are errors or warnings. The other lines report what it does.
fn without_reports(text: &str) -> String {
    const COMPLAINTS: &[&str] = &["ailed", "rror", "too large", "unable", "Unable", "arning", "killed"];
    let is_one = |line: &&str| COMPLAINTS.iter().any(|word| line.contains(word));
    text.lines().filter(is_one).collect::<Vec<_>>().join("\n")
}

/// Decodes JPEG files with ffmpeg, and returns a digest of each picture. Grey pictures get neutral colours, as RTP/JPEG gives
/// them.
pub fn decode(jpegs: &[Vec<u8>]) -> Result<Vec<String>> {
    let Some(first) = jpegs.first() else { return Ok(Vec::new()) };
    let colours: &[&str] = if is_grey(first) { &["-pix_fmt", "yuvj420p"] } else { &[] };
    let version = Player::Ffmpeg.find(None).context("ffmpeg is not installed")?.version;
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error", "-threads", "1", "-f", "mjpeg", "-i", "pipe:0"])
        .args(every_frame(&version))
        .args(colours)
        .args(["-f", "framemd5", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .context("cannot run ffmpeg")?;
    let (mut stdin, mut stdout) = (child.stdin.take().context("stdin")?, child.stdout.take().context("stdout")?);
    let text = std::thread::scope(|scope| {
        // If the pipe breaks, pictures are missing, which the comparison notices.
        scope.spawn(move || jpegs.iter().try_for_each(|jpeg| stdin.write_all(jpeg)));
        let mut text = Vec::new();
        stdout.read_to_end(&mut text).map(|_| text)
    })?;
    child.wait()?;
    Ok(digests(&text))
}

/// Returns the last column of ffmpeg's framemd5 format.
fn digests(text: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(text)
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| Some(line.rsplit(',').next()?.trim().to_owned()))
        .collect()
}

/// Reads all files of a folder in the order of their names. The names differ only in a number of fixed length.
fn files_by_name(folder: &Path) -> Result<Vec<Vec<u8>>> {
    let mut paths = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()?;
    paths.sort();
    Ok(paths.into_iter().map(std::fs::read).collect::<Result<_, _>>()?)
}

/// Runs a player until it ends, or kills it after `patience`. Returns its standard output and its standard error.
pub(crate) fn run(command: &mut Command, patience: Duration) -> Result<(Vec<u8>, String)> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {}", command.get_program().display()))?;
    let (Some(mut stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else { bail!("no pipes") };
    let readers = (
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stdout.read_to_end(&mut bytes);
            bytes
        }),
        std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        }),
    );
    let impatient = wait(&mut child, patience)?;
    let stdout = readers.0.join().unwrap_or_default();
    let mut complaints = readers.1.join().unwrap_or_default();
    if impatient {
        complaints.push_str(&format!("killed after {} s", patience.as_secs()));
    }
    Ok((stdout, complaints))
}

/// Waits for a child process to end, and kills it after `patience`. Returns whether it was killed.
pub(super) fn wait(child: &mut Child, patience: Duration) -> Result<bool> {
    let begin = Instant::now();
    while begin.elapsed() < patience {
        if child.try_wait()?.is_some() {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill()?;
    child.wait()?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    #[test]
    fn digests_are_the_last_column() {
        let text = b"#format: frame checksums\n#version: 2\n0,          0,          0,        1,   115200, ab12\n0, 1, 1, 1, 115200, cd34\n";
        assert_eq!(digests(text), ["ab12", "cd34"]);
    }

    #[test]
    fn a_pause_that_gstreamer_cancelled_is_told_from_a_broken_connection() {
        let error = |function: &str, text: &str| {
            format!(
                "ERROR: from element /GstPipeline:pipeline0/GstRTSPSrc:rtspsrc0: {text}\nAdditional debug info:\n../gst/rtsp/gstrtspsrc.c(1): {function} (): /GstPipeline:pipeline0\n"
            )
        };
        let write = "Could not write to resource.";
        let cancelled = error("gst_rtspsrc_try_send", write) + &error("gst_rtspsrc_pause", write);
        assert!(is_gstreamer_ending(&cancelled));
        assert!(!is_gstreamer_ending(&error("gst_rtspsrc_try_send", write)));
        assert!(!is_gstreamer_ending(&(cancelled + &error("gst_rtspsrc_loop_udp", "Could not read from resource."))));
    }

    #[test]
    fn a_request_is_read_to_its_blank_line() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let request = "OPTIONS rtsp://a/b RTSP/1.0\r\nUser-Agent: x (y v1.2)\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        assert_eq!(request_to(&listener, Duration::from_secs(5)).as_deref(), Some(request));
        assert_eq!(request_to(&listener, Duration::ZERO), None);
    }

    #[test]
    fn old_ffmpeg_knows_the_old_option_only() {
        for (version, option) in
            [("4.4.2", "-vsync"), ("5.0", "-vsync"), ("5.1.9", "-fps_mode"), ("n7.1", "-fps_mode"), ("N", "-fps_mode")]
        {
            assert_eq!(every_frame(version)[0], option, "{version}");
        }
    }

    #[test]
    fn a_player_that_hangs_is_killed() {
        let begin = Instant::now();
        let (_, complaints) = run(Command::new("sleep").arg("60"), Duration::from_millis(50)).unwrap();
        assert!(complaints.contains("killed") && begin.elapsed() < Duration::from_secs(10));
    }
}
