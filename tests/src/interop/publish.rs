//! Clients that publish to the server.

use super::clip::Clip;
use super::players::Transport;
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::{Command, Stdio};

/// A program that publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publisher {
    /// `-f rtsp`.
    Ffmpeg,
    /// rtspclientsink.
    Gstreamer,
}

impl Publisher {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Ffmpeg, Self::Gstreamer];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ffmpeg => "FFmpeg",
            Self::Gstreamer => "GStreamer's rtspclientsink",
        }
    }

    /// Whether it can be run here.
    pub fn is_installed(self) -> bool {
        let found = match self {
            Self::Ffmpeg => Command::new("ffmpeg").arg("-version").output(),
            Self::Gstreamer => Command::new("gst-inspect-1.0").arg("rtspclientsink").output(),
        };
        found.is_ok_and(|output| output.status.success())
    }

    /// Publishes the frames of a clip once, as they are, at `rate`. `scratch` is a folder for them.
    ///
    /// # Errors
    /// It cannot be run, or was refused.
    pub fn publish(self, url: &str, clip: &Clip, rate: u32, transport: Transport, scratch: &Path) -> Result<()> {
        for (number, frame) in clip.frames.iter().enumerate() {
            std::fs::write(scratch.join(format!("{number:06}.jpg")), frame)?;
        }
        let transport = match transport {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        };
        let (mut command, files) = match self {
            Self::Ffmpeg => (Command::new("ffmpeg"), scratch.join("%06d.jpg")),
            Self::Gstreamer => (Command::new("gst-launch-1.0"), scratch.join("%06d.jpg")),
        };
        let files = files.to_str().context("a folder whose name is not UTF-8")?;
        match self {
            Self::Ffmpeg => {
                command.args(["-nostdin", "-v", "error", "-re", "-f", "image2", "-framerate", &rate.to_string()]);
                command.args(["-i", files, "-c:v", "copy", "-f", "rtsp", "-rtsp_transport", transport, url])
            }
            Self::Gstreamer => {
                let caps = format!("caps=image/jpeg,framerate={rate}/1");
                let pause = format!("sleep-time={}", 1_000_000 / rate.max(1));
                command.args(["-q", "multifilesrc", "do-timestamp=true", &format!("location={files}"), &caps]);
                command.args(["!", "identity", &pause, "!", "jpegparse"]);
                command.args(["!", "rtspclientsink", &format!("protocols={transport}")]);
                command.arg(format!("location={url}"))
            }
        };
        let output = command.stdin(Stdio::null()).output().with_context(|| self.name())?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{} ended with {}: {said}", self.name(), output.status);
        Ok(())
    }
}
