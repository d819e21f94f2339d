//! Real players, and the numbers that the test card shows on their screens.

// What the core gives to all is for this file alone here.
#[allow(unreachable_pub)]
#[path = "../../../core/src/media/testcard/strip/reading.rs"]
mod strip;

use anyhow::{Context, Result, ensure};
use std::fmt;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The picture's size in pixels.
const SIZE: (usize, usize) = (320, 240);

/// A player, and how media travels to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Player {
    FfmpegUdp,
    FfmpegTcp,
    GstreamerUdp,
    GstreamerTcp,
}

impl fmt::Display for Player {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FfmpegUdp => "ffmpeg over UDP",
            Self::FfmpegTcp => "ffmpeg over TCP",
            Self::GstreamerUdp => "GStreamer over UDP",
            Self::GstreamerTcp => "GStreamer over TCP",
        })
    }
}

impl Player {
    /// Writes every decoded picture as 8-bit grey to standard output.
    fn command(self, url: &str, duration: Duration) -> Command {
        let seconds = duration.as_secs_f64().to_string();
        let transport = match self {
            Self::FfmpegUdp | Self::GstreamerUdp => "udp",
            Self::FfmpegTcp | Self::GstreamerTcp => "tcp",
        };
        match self {
            Self::FfmpegUdp | Self::FfmpegTcp => {
                let mut command = Command::new("ffmpeg");
                command.args(["-nostdin", "-v", "warning", "-rtsp_transport", transport, "-i", url, "-t", &seconds]);
                command.args(["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray", "-"]);
                command
            }
            Self::GstreamerUdp | Self::GstreamerTcp => {
                let mut command = Command::new("gst-launch-1.0");
                command.args(["-q", "-e", "rtspsrc", "latency=50"]);
                command.args([format!("location={url}"), format!("protocols={transport}")]);
                command.args(["!", "rtpjpegdepay", "!", "jpegdec", "!", "videoconvert", "!"]);
                command.args(["video/x-raw,format=GRAY8", "!", "fdsink", "sync=false"]);
                command
            }
        }
    }
}

/// A player that runs.
pub(super) struct ForeignPlayer {
    player: Player,
    child: Child,
    pictures: JoinHandle<Vec<(Instant, Option<u32>)>>,
    complaints: JoinHandle<String>,
    until: Instant,
}

/// The pictures that a player showed.
#[derive(Debug)]
pub(super) struct Seen {
    player: Player,
    /// When each picture came, and the number it shows.
    pictures: Vec<(Instant, Option<u32>)>,
    complaints: String,
}

impl ForeignPlayer {
    /// Starts to play for `duration`.
    pub(super) fn start(player: Player, url: &str, duration: Duration) -> Result<Self> {
        let mut command = player.command(url, duration);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot run {player}"))?;
        let mut stdout = child.stdout.take().context("no stdout")?;
        let mut stderr = child.stderr.take().context("no stderr")?;
        let pictures = std::thread::spawn(move || {
            let mut pictures = Vec::new();
            let mut luma = vec![0; SIZE.0 * SIZE.1];
            while stdout.read_exact(&mut luma).is_ok() {
                pictures.push((Instant::now(), strip::read(&luma, SIZE.0, SIZE.0, SIZE.1)));
            }
            pictures
        });
        let complaints = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.read_to_end(&mut text);
            // ffmpeg's scaler has something to say of every JPEG.
            let is_news = |line: &&str| !line.contains("[swscaler");
            String::from_utf8_lossy(&text).lines().filter(is_news).collect::<Vec<_>>().join("\n")
        });
        Ok(Self { player, child, pictures, complaints, until: Instant::now() + duration })
    }

    /// Waits until it has played so long, and a little longer.
    pub(super) fn finish(mut self) -> Result<Seen> {
        let deadline = self.until + Duration::from_secs(10);
        let ends_by_itself = matches!(self.player, Player::FfmpegUdp | Player::FfmpegTcp);
        while Instant::now() < if ends_by_itself { deadline } else { self.until } && self.child.try_wait()?.is_none() {
            std::thread::sleep(Duration::from_millis(20));
        }
        // GStreamer says TEARDOWN only when it is interrupted.
        if self.child.try_wait()?.is_none() {
            let _ = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        }
        let deadline = Instant::now() + Duration::from_secs(3);
        while Instant::now() < deadline && self.child.try_wait()?.is_none() {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        self.child.wait()?;
        let panicked = |_| anyhow::anyhow!("a reader panicked");
        let pictures = self.pictures.join().map_err(panicked)?;
        Ok(Seen { player: self.player, pictures, complaints: self.complaints.join().map_err(panicked)? })
    }
}

impl Seen {
    /// The player has shown nothing, and says that this is why.
    pub(super) fn is_refused(&self, why: &str) -> bool {
        self.pictures.is_empty() && self.complaints.contains(why)
    }

    /// At least so many pictures came, each of them decoded, and each newer than the one before. A machine that has no time for QEMU
    /// may leave some out.
    pub(super) fn at_least(&self, least: usize) -> Result<String> {
        let Self { player, complaints, .. } = self;
        let numbers: Option<Vec<u32>> = self.pictures.iter().map(|(_, number)| *number).collect();
        let numbers = numbers.with_context(|| format!("{player}: a picture without a number; {complaints}"))?;
        ensure!(numbers.is_sorted_by(|one, next| one < next), "{player}: {numbers:?}; {complaints}");
        ensure!(numbers.len() >= least, "{player}: {} pictures, at least {least}; {complaints}", numbers.len());
        Ok(format!("{player}: {} pictures", numbers.len()))
    }

    /// Every picture decoded, each shows the number after the one before, and there are about as many as `seconds` have.
    /// Says how steadily they came.
    pub(super) fn without_gap(&self, seconds: f64, frame_rate: f64) -> Result<String> {
        let player = self.player;
        let numbers: Option<Vec<u32>> = self.pictures.iter().map(|(_, number)| *number).collect();
        let numbers = numbers.with_context(|| format!("{player}: a picture without a number; {}", self.complaints))?;
        for pair in numbers.windows(2) {
            ensure!(pair[1] == pair[0] + 1, "{player}: picture {} follows {}; {}", pair[1], pair[0], self.complaints);
        }
        let expected = seconds * frame_rate;
        ensure!(
            numbers.len() as f64 > expected - 2.5 * frame_rate,
            "{player}: {} pictures of {expected}",
            numbers.len()
        );
        let gaps: Vec<Duration> = self.pictures.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
        // Players hand out at once what came while they looked at the first pictures.
        let settled = gaps.get(frame_rate as usize..).unwrap_or(&[]);
        let longest = settled.iter().max().copied().unwrap_or_default();
        Ok(format!(
            "{player}: {} pictures, numbers {} to {} without a gap, at most {} ms apart",
            numbers.len(),
            numbers.first().unwrap_or(&0),
            numbers.last().unwrap_or(&0),
            longest.as_millis()
        ))
    }
}
