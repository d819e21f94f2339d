//! Clients that publish to the server.

use super::clip::Clip;
use super::players::{Transport, wait};
use anyhow::{Context, Result, ensure};
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A program that publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publisher {
    /// `-f rtsp`.
    Ffmpeg,
    /// The same with sound before the pictures and other pictures behind them, which the server throws away.
    FfmpegWithSound,
    /// rtspclientsink.
    Gstreamer,
}

impl Publisher {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ffmpeg, Self::FfmpegWithSound, Self::Gstreamer];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ffmpeg => "FFmpeg",
            Self::FfmpegWithSound => "FFmpeg with sound",
            Self::Gstreamer => "GStreamer's rtspclientsink",
        }
    }

    /// Whether it can be run here.
    pub fn is_installed(self) -> bool {
        let found = match self {
            Self::Ffmpeg | Self::FfmpegWithSound => Command::new("ffmpeg").arg("-version").output(),
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
        let files = scratch.join("%06d.jpg");
        let files = files.to_str().context("a folder whose name is not UTF-8")?;
        let mut command = match self {
            Self::Ffmpeg | Self::FfmpegWithSound => {
                let mut command = Command::new("ffmpeg");
                command.args(["-nostdin", "-v", "error", "-re", "-f", "image2", "-framerate", &rate.to_string()]);
                command.args(["-i", files]);
                if self == Self::FfmpegWithSound {
                    let seconds = clip.frames.len() as f64 / f64::from(rate);
                    command.args(["-re", "-f", "lavfi", "-i", &format!("sine=duration={seconds:.3}")]);
                    // As long as the others: ffmpeg keeps these back for streams that have ended.
                    let other = format!("testsrc=duration={seconds:.3}:size=64x64:rate={rate}");
                    command.args(["-re", "-f", "lavfi", "-i", &other]);
                    command.args(["-map", "1:a", "-map", "0:v", "-map", "2:v", "-c:a", "aac"]);
                    command.args(["-c:v:0", "copy", "-c:v:1", "mjpeg", "-huffman:v:1", "default"]);
                    command.args(["-pix_fmt:v:1", "yuvj420p"]);
                } else {
                    command.args(["-c:v", "copy"]);
                }
                command.args(["-f", "rtsp", "-rtsp_transport", transport, url]);
                command
            }
            Self::Gstreamer => {
                let mut command = Command::new("gst-launch-1.0");
                let caps = format!("caps=image/jpeg,framerate={rate}/1");
                let pause = format!("sleep-time={}", 1_000_000 / rate.max(1));
                command.args(["-q", "multifilesrc", "do-timestamp=true", &format!("location={files}"), &caps]);
                command.args(["!", "identity", &pause, "!", "jpegparse"]);
                command.args(["!", "rtspclientsink", &format!("protocols={transport}")]);
                command.arg(format!("location={url}"));
                command
            }
        };
        let length = Duration::from_secs_f64(clip.frames.len() as f64 / f64::from(rate.max(1)));
        let log = scratch.join("publisher.log");
        let mut child =
            command.stdin(Stdio::null()).stderr(File::create(&log)?).spawn().with_context(|| self.name())?;
        ensure!(!wait(&mut child, length + PATIENCE)?, "{} does not end", self.name());
        let (status, said) = (child.wait()?, std::fs::read_to_string(&log).unwrap_or_default());
        // rtspclientsink 1.22 still sends something while the connection ends, and calls that an error in one of forty playings, after all
        // pictures have left. Whether they came is seen by who receives them.
        let is_late = self == Self::Gstreamer && said.contains("Could not send message. (Received end-of-file)");
        ensure!(status.success() || is_late, "{} ended with {status}: {said}", self.name());
        Ok(())
    }
}

/// How long a program may take beyond the length of what it publishes.
const PATIENCE: Duration = Duration::from_secs(30);
