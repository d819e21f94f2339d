//! Players of other people, as child processes.

use anyhow::{Context, Result, bail};
use std::fmt;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How media travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// RTP over UDP.
    Udp,
    /// Interleaved in the RTSP connection.
    Tcp,
}

impl Transport {
    /// Both.
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
}

/// What a player got.
#[derive(Debug)]
pub struct Played {
    /// A digest of each decoded picture, in order.
    pub pictures: Vec<String>,
    /// From the player's start to its end.
    pub time: Duration,
    /// What it complained about.
    pub complaints: String,
}

impl Player {
    /// All that this harness knows.
    pub const ALL: [Self; 2] = [Self::Ffmpeg, Self::Gstreamer];

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ffmpeg => "FFmpeg",
            Self::Gstreamer => "GStreamer",
        }
    }

    /// The installed version, or `None` where it is not installed.
    pub fn version(self) -> Option<String> {
        let (program, arguments, before): (_, &[&str], _) = match self {
            Self::Ffmpeg => ("ffmpeg", &["-version"], "ffmpeg version "),
            Self::Gstreamer => ("gst-launch-1.0", &["--version"], "gst-launch-1.0 version "),
        };
        let output = Command::new(program).args(arguments).output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = text.lines().next()?.strip_prefix(before)?.split([' ', '-']).next()?;
        Some(version.to_owned())
    }

    /// Plays `url` to its end. `scratch` is an empty folder for its files; after `patience` it is killed, and what it got so
    /// far counts.
    pub fn play(self, url: &str, transport: Transport, scratch: &Path, patience: Duration) -> Result<Played> {
        let begin = Instant::now();
        let mut command = match self {
            Self::Ffmpeg => ffmpeg(url, transport),
            Self::Gstreamer => gstreamer(url, transport, scratch),
        };
        let (stdout, complaints) = run(&mut command, patience)?;
        let time = begin.elapsed();
        let pictures = match self {
            Self::Ffmpeg => digests(&stdout),
            Self::Gstreamer => decode(&files_by_name(scratch)?)?,
        };
        Ok(Played { pictures, time, complaints })
    }
}

fn ffmpeg(url: &str, transport: Transport) -> Command {
    let transport = match transport {
        Transport::Udp => "udp",
        Transport::Tcp => "tcp",
    };
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "warning", "-threads", "1"]);
    command.args(["-rtsp_transport", transport, "-buffer_size", "2000000", "-i", url]);
    command.args(every_frame()).args(["-f", "framemd5", "-"]);
    command
}

/// Keeps ffmpeg from doubling or dropping frames; the option was renamed in 5.1 and the old name is about to go.
fn every_frame() -> [&'static str; 2] {
    let version = Player::Ffmpeg.version().unwrap_or_default();
    let mut numbers = version.trim_start_matches('n').split('.').map(|part| part.parse::<u32>().unwrap_or(u32::MAX));
    let old = (numbers.next().unwrap_or(u32::MAX), numbers.next().unwrap_or(0)) < (5, 1);
    if old { ["-vsync", "passthrough"] } else { ["-fps_mode", "passthrough"] }
}

fn gstreamer(url: &str, transport: Transport, scratch: &Path) -> Command {
    let protocols = match transport {
        Transport::Udp => "protocols=udp",
        Transport::Tcp => "protocols=tcp",
    };
    let mut command = Command::new("gst-launch-1.0");
    command.args(["-q", "rtspsrc", &format!("location={url}"), protocols, "latency=200", "udp-buffer-size=2000000"]);
    command.args(["!", "rtpjpegdepay", "!", "multifilesink"]);
    command.arg(format!("location={}", scratch.join("%06d.jpg").display()));
    command
}

/// The digests of pictures that ffmpeg decodes from JPEG files.
pub fn decode(jpegs: &[Vec<u8>]) -> Result<Vec<String>> {
    if jpegs.is_empty() {
        return Ok(Vec::new());
    }
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error", "-threads", "1", "-f", "mjpeg", "-i", "pipe:0"])
        .args(every_frame())
        .args(["-f", "framemd5", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .context("cannot run ffmpeg")?;
    let (mut stdin, mut stdout) = (child.stdin.take().context("stdin")?, child.stdout.take().context("stdout")?);
    let text = std::thread::scope(|scope| {
        // A broken pipe shows as missing pictures.
        scope.spawn(move || jpegs.iter().try_for_each(|jpeg| stdin.write_all(jpeg)));
        let mut text = Vec::new();
        stdout.read_to_end(&mut text).map(|_| text)
    })?;
    child.wait()?;
    Ok(digests(&text))
}

/// The last column of ffmpeg's framemd5 format.
fn digests(text: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(text)
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| Some(line.rsplit(',').next()?.trim().to_owned()))
        .collect()
}

/// The contents of a folder's files, whose names are numbers of one length.
fn files_by_name(folder: &Path) -> Result<Vec<Vec<u8>>> {
    let mut paths = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()?;
    paths.sort();
    Ok(paths.into_iter().map(std::fs::read).collect::<Result<_, _>>()?)
}

/// Runs a player to its end or the end of patience; returns its standard output and what it wrote to standard error.
fn run(command: &mut Command, patience: Duration) -> Result<(Vec<u8>, String)> {
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

/// Waits for the child's end, and kills it after `patience`: then `true`.
fn wait(child: &mut Child, patience: Duration) -> Result<bool> {
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

    #[test]
    fn digests_are_the_last_column() {
        let text = b"#format: frame checksums\n#version: 2\n0,          0,          0,        1,   115200, ab12\n0, 1, 1, 1, 115200, cd34\n";
        assert_eq!(digests(text), ["ab12", "cd34"]);
    }

    #[test]
    fn a_player_that_hangs_is_killed() {
        let begin = Instant::now();
        let (_, complaints) = run(Command::new("sleep").arg("60"), Duration::from_millis(50)).unwrap();
        assert!(complaints.contains("killed") && begin.elapsed() < Duration::from_secs(10));
    }
}
