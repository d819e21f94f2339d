//! Starts servers that other people wrote, as child processes on a free port of 127.0.0.1.

use anyhow::{Context, Result, ensure};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A server that somebody else wrote, or that is written like one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Peer {
    /// gst-rtsp-server with `rtpjpegpay`, through Python.
    Gstreamer,
    /// VLC's RTSP output.
    Vlc,
    /// espp's `RtspServer`, written for microcontrollers.
    Espp,
    /// The lab's server, written again for these tests.
    Lab,
}

impl Peer {
    /// Returns the server's name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gstreamer => "GStreamer's RTSP server",
            Self::Vlc => "VLC as server",
            Self::Espp => "espp",
            Self::Lab => "the lab's server",
        }
    }

    /// Returns the clip that the server gets. espp only reads JPEG files as libjpeg writes them.
    pub const fn clip(self) -> &'static str {
        match self {
            Self::Gstreamer | Self::Vlc => "std-420-640x480.mjpeg",
            Self::Espp => "std-422-640x480.mjpeg",
            Self::Lab => "movie.Mjpeg",
        }
    }

    /// Whether the server plays the film from its beginning for each client.
    pub const fn starts_at_the_beginning(self) -> bool {
        matches!(self, Self::Gstreamer | Self::Lab)
    }

    /// Whether the server can send media over the RTSP connection.
    pub const fn can_interleave(self) -> bool {
        matches!(self, Self::Gstreamer)
    }
}

/// A server's process. It ends when this value is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// The URL to play.
    pub url: String,
    /// The file that takes the server's standard error.
    log: PathBuf,
}

impl Running {
    /// Returns its process identifier.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the last lines of the server's standard error.
    pub fn last_words(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts GStreamer's server with an AVI file.
///
/// # Errors
/// If no Python with GStreamer's bindings is installed.
pub fn gstreamer(scratch: &Path, film: &Path, guarded: &Guarded<'_>) -> Result<Running> {
    let python = gstreamer_python().context("no Python that has GstRtspServer")?;
    let script = write(scratch, "gstreamer_server.py", include_str!("gstreamer_server.py"))?;
    let mut running = spawn(scratch, |port| {
        let mut command = Command::new(&python);
        command.arg(&script).arg(port).arg(film);
        if let Some(scheme) = guarded.scheme {
            command.args(["--ask", scheme, USER, PASSWORD]);
        }
        if let Some((certificate, key)) = guarded.tls {
            command.arg("--tls").args([certificate, key]);
        }
        if guarded.srtp {
            command.arg("--srtp");
        }
        command
    })?;
    if guarded.tls.is_some() {
        running.url = running.url.replace("rtsp://", "rtsps://");
    }
    Ok(running)
}

/// How often [`gstreamer_shared`] plays its film.
const TIMES: u32 = 30;

/// Starts GStreamer's server with an MJPEG file of 24 frames a second, which it plays over and over, by one pipeline for all viewers.
///
/// # Errors
/// If no Python with GStreamer's bindings is installed, or no ffmpeg.
pub fn gstreamer_shared(scratch: &Path, clip: &Path) -> Result<Running> {
    let python = gstreamer_python().context("no Python that has GstRtspServer")?;
    let script = write(scratch, "gstreamer_server.py", include_str!("gstreamer_server.py"))?;
    let film = film(scratch, clip, TIMES)?;
    spawn(scratch, |port| {
        let mut command = Command::new(&python);
        command.arg(&script).arg(port).arg(film).arg("--shared");
        command
    })
}

/// How GStreamer's server keeps out who may not watch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Guarded<'a> {
    /// `basic` or `digest`, if it is to ask for [`USER`] and [`PASSWORD`].
    pub scheme: Option<&'a str>,
    /// Certificate and key (PEM), if it is to speak TLS.
    pub tls: Option<(&'a Path, &'a Path)>,
    /// Media are encrypted (SRTP), with a key by MIKEY.
    pub srtp: bool,
}

/// The user of a server that asks for one.
pub const USER: &str = "anna";

/// The user's password.
pub const PASSWORD: &str = "hunter2:@";

/// Returns the Python that has GStreamer's bindings. Another Python may come before the system's on the `PATH`.
pub fn gstreamer_python() -> Option<PathBuf> {
    const PROBE: &str =
        "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer";
    ["python3", "/usr/bin/python3"].map(PathBuf::from).into_iter().find(|python| {
        let mut probe = Command::new(python);
        probe.args(["-c", PROBE]).stdout(Stdio::null()).stderr(Stdio::null());
        probe.status().is_ok_and(|status| status.success())
    })
}

/// Starts VLC as a server of an AVI file. VLC refuses to run as root, so root starts it as `nobody`.
///
/// # Errors
/// If it cannot be started.
pub fn vlc(scratch: &Path, film: &Path) -> Result<Running> {
    let id = Command::new("id").arg("-u").output().context("id")?;
    let root = id.stdout.trim_ascii() == b"0";
    spawn(scratch, |port| {
        let mut command = if root {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "cvlc"]);
            command.env("HOME", "/nonexistent").current_dir("/");
            command
        } else {
            Command::new("cvlc")
        };
        let output = format!("#rtp{{sdp=rtsp://127.0.0.1:{port}/clip}}");
        command.args(["-I", "dummy", "--no-dbus", "--sout-keep", "--sout", &output]).arg(film);
        command
    })
}

/// Starts espp's server with a folder of JPEG files.
///
/// # Errors
/// If it cannot be started.
pub fn espp(python: &Path, scratch: &Path, frames: &Path) -> Result<Running> {
    let script = write(scratch, "espp_server.py", include_str!("espp_server.py"))?;
    spawn(scratch, |port| {
        let mut command = Command::new(python);
        command.arg(&script).arg(port).arg(frames);
        command
    })
}

/// Writes the frames of an MJPEG file unchanged and `times` times in a row to an AVI file that all users may read.
///
/// # Errors
/// If ffmpeg is missing or fails.
pub fn film(scratch: &Path, clip: &Path, times: u32) -> Result<PathBuf> {
    let film = scratch.join("film.avi");
    let once = scratch.join("once.avi");
    let ffmpeg = |input: &[&str], from: &Path, to: &Path| -> Result<()> {
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-y"]).args(input).arg("-i").arg(from).args(["-c", "copy"]).arg(to);
        let status = command.stdin(Stdio::null()).status().context("cannot run ffmpeg")?;
        ensure!(status.success(), "ffmpeg: {status}");
        Ok(())
    };
    ffmpeg(&["-f", "mjpeg", "-framerate", "24"], clip, &once)?;
    ffmpeg(&["-stream_loop", &times.saturating_sub(1).to_string()], &once, &film)?;
    Ok(film)
}

fn spawn(scratch: &Path, command: impl FnOnce(&str) -> Command) -> Result<Running> {
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let mut command = command(&port.to_string());
    let log = scratch.join(format!("server-{port}.log"));
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(std::fs::File::create(&log)?);
    let child = child.spawn().with_context(|| format!("cannot run {}", command.get_program().to_string_lossy()))?;
    Ok(Running { child, url: format!("rtsp://127.0.0.1:{port}/clip"), log })
}

fn write(folder: &Path, name: &str, text: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    std::fs::write(&path, text)?;
    Ok(path)
}
