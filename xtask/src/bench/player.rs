//! The cost of the player, and the age of its pictures when they are shown: the real window on a display in memory, drawn by
//! the processor alone, as on a machine without a graphics card. `wall` measures several streams at once, and large pictures.

mod wall;

use super::{CARD, LATENCY_MS, Promise, TRIES};
use crate::child::Running;
use crate::packages::SDL2;
use crate::shell::{cargo, on_path, release_program, require};
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const RESIDENT_MB: f64 = 50.0;
/// From the wish to play until a picture is shown.
const FIRST_MS: f64 = 150.0;
/// Of one core.
const PROCESSOR_PERCENT: f64 = 15.0;

/// The processor's share is measured from here on, so that it is the cost of playing without that of starting.
const WARM_UP: Duration = Duration::from_secs(2);
/// Of the measurement itself: what is read is small.
const INTERVAL: Duration = Duration::from_millis(100);
/// How long the player may take beside playing.
const PATIENCE: Duration = Duration::from_secs(30);

/// One run.
#[derive(Clone, Copy, Debug)]
struct Run {
    median_ms: f64,
    /// 99 of 100 pictures do not exceed this.
    most_ms: f64,
    worst_ms: f64,
    shown: f64,
    fps: f64,
    dropped: f64,
    lost: f64,
    first_ms: f64,
    peak_mb: f64,
    processor_percent: f64,
}

impl Run {
    fn is_good(&self) -> bool {
        self.most_ms < LATENCY_MS
            && self.first_ms <= FIRST_MS
            && self.peak_mb < RESIDENT_MB
            && self.processor_percent < PROCESSOR_PERCENT
    }
}

/// Plays the test card, 640x480 at 24 frames a second. Without a display in memory there is nothing to tell but why.
pub(super) fn measure(seconds: u64) -> Result<Vec<Promise>> {
    if !on_path("Xvfb") {
        println!("SKIPPED player: Xvfb not found; install with: sudo apt-get install -y --no-install-recommends xvfb");
        return Ok(Vec::new());
    }
    if !Path::new("/proc/self/task").is_dir() {
        println!("SKIPPED player: what a process uses is read from /proc, which this system does not have");
        return Ok(Vec::new());
    }
    if let Some(why) = SDL2.missing() {
        println!("SKIPPED player: {why}");
        return Ok(Vec::new());
    }
    require(cargo().args(["build", "--release", "--package", "player-sdl"]))?;
    let port = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port().to_string();
    let mut command = Command::new(release_program("mutoscope-server")?);
    let (_server, urls) = Running::start_server(command.args(["--host", "127.0.0.1", "--rtsp-port", &port, "-q"]))?;
    let url = urls.iter().find(|url| url.ends_with(CARD)).context("the server has no test card")?;
    let (_screen, display) = screen("1920x1080")?;
    let mut promises = Vec::new();
    for transport in ["udp", "tcp"] {
        let mut best = play(url, transport, &display, seconds)?;
        let mut tries = 1;
        while !best.is_good() && tries < TRIES {
            let run = play(url, transport, &display, seconds)?;
            if run.most_ms < best.most_ms {
                best = run;
            }
            tries += 1;
        }
        promises.extend(promised(transport, &best, tries));
    }
    promises.extend(wall::measure(url, &display, seconds)?);
    Ok(promises)
}

fn promised(transport: &str, run: &Run, tries: usize) -> [Promise; 4] {
    let name = transport.to_uppercase();
    let again = if tries > 1 { format!(" (best of {tries} runs)") } else { String::new() };
    println!(
        "player over {name}: {} pictures shown at {:.1} a second, {} dropped, {} packets lost, latency {:.1} ms median \
         and {:.1} ms at worst, {:.1} MB, {:.1} % of a core{again}",
        run.shown, run.fps, run.dropped, run.lost, run.median_ms, run.worst_ms, run.peak_mb, run.processor_percent
    );
    [
        Promise {
            what: format!(
                "{name}: age of a drawn 640x480 picture when the player shows it, 99 of 100, median and worst"
            ),
            target: format!("< {LATENCY_MS} ms"),
            measured: format!("{:.1}, {:.1} and {:.1} ms{again}", run.most_ms, run.median_ms, run.worst_ms),
            reached: run.most_ms < LATENCY_MS,
        },
        Promise {
            what: format!("{name}: from the wish to play until the first picture is shown"),
            target: format!("<= {FIRST_MS} ms"),
            measured: format!("{:.0} ms{again}", run.first_ms),
            reached: run.first_ms <= FIRST_MS,
        },
        Promise {
            what: format!("{name}: player's memory at its most"),
            target: format!("< {RESIDENT_MB} MB"),
            measured: format!("{:.1} MB{again}", run.peak_mb),
            reached: run.peak_mb < RESIDENT_MB,
        },
        Promise {
            what: format!("{name}: player's processor time, software renderer"),
            target: format!("< {PROCESSOR_PERCENT} % of a core"),
            measured: format!("{:.1} %{again}", run.processor_percent),
            reached: run.processor_percent < PROCESSOR_PERCENT,
        },
    ]
}

/// A display in memory of this size, and its name.
fn screen(size: &str) -> Result<(Running, String)> {
    let mut command = Command::new("Xvfb");
    command.args(["-displayfd", "1", "-screen", "0", &format!("{size}x24"), "-nolisten", "tcp"]);
    let screen = Running::start(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()))?;
    let number = screen.next_line(PATIENCE).context("Xvfb does not start")?;
    Ok((screen, format!(":{}", number.trim())))
}

fn play(url: &str, transport: &str, display: &str, seconds: u64) -> Result<Run> {
    let played = Played::watch(&[url], &["--transport", transport, "--window-size", "640x636"], display, seconds)?;
    let value = |key| played.value(0, key);
    Ok(Run {
        median_ms: value("latency_median_ms")?,
        most_ms: value("latency_99_ms")?,
        worst_ms: value("latency_worst_ms")?,
        shown: value("shown")?,
        fps: played.fps,
        dropped: value("dropped")?,
        lost: value("lost")?,
        first_ms: value("first_picture_ms")?,
        peak_mb: played.peak_mb,
        processor_percent: played.processor_percent,
    })
}

/// A run of the player with its window.
#[derive(Debug)]
struct Played {
    /// The last line about each stream, in their order.
    summaries: Vec<String>,
    /// Frames a second, when that was told last.
    fps: f64,
    peak_mb: f64,
    processor_percent: f64,
}

impl Played {
    /// Plays for so many seconds, and looks at what that takes meanwhile.
    fn watch(urls: &[&str], options: &[&str], display: &str, seconds: u64) -> Result<Self> {
        let duration = seconds.to_string();
        let mut command = Command::new(release_program("player-sdl")?);
        command.args(urls).args(options).args(["--rtp-port", "0", "--renderer", "software", "--scale", "1"]);
        command.args(["--no-recent", "--stats", "json", "--duration", &duration]);
        command.env("DISPLAY", display).env("SDL_VIDEODRIVER", "x11").env_remove("WAYLAND_DISPLAY");
        let mut player = Running::start(command.stdin(Stdio::null()).stdout(Stdio::piped()))?;
        let started = Instant::now();
        let deadline = started + Duration::from_secs(seconds) + PATIENCE;
        let (mut first, mut last) = (None, None);
        let mut peak_kib = 0;
        let status = loop {
            if let Some(status) = player.status()? {
                break status;
            }
            if Instant::now() > deadline {
                bail!("the player does not end");
            }
            // It may end at any moment between these lines: what cannot be read any more was read before.
            if let Ok(usage) = Usage::of(player.id()) {
                peak_kib = usage.peak_kib.max(peak_kib);
                let moment = (Instant::now(), usage.processor);
                if started.elapsed() >= WARM_UP.min(Duration::from_secs(seconds) / 2) {
                    first.get_or_insert(moment);
                    last = Some(moment);
                }
            }
            std::thread::sleep(INTERVAL);
        };
        if !status.success() {
            bail!("the player ended with {status}");
        }
        let (Some((from, before)), Some((to, after))) = (first, last) else { bail!("the player ended too soon") };
        let share = after.saturating_sub(before).as_secs_f64() / to.duration_since(from).as_secs_f64().max(1e-9);
        let (mut summaries, mut fps) = (Vec::new(), 0.0);
        while let Some(line) = player.next_line(INTERVAL) {
            if line.contains("\"summary\"") {
                summaries.push(line);
            } else if line.contains("\"statistics\"") {
                fps = number(&line, "fps").unwrap_or(fps);
            }
        }
        if summaries.len() != urls.len() {
            bail!("the player printed {} summaries of {} streams", summaries.len(), urls.len());
        }
        let peak_mb = peak_kib as f64 * 1024.0 / 1e6;
        Ok(Self { summaries, fps, peak_mb, processor_percent: share * 100.0 })
    }

    fn value(&self, stream: usize, key: &str) -> Result<f64> {
        let summary = self.summaries.get(stream).context("no such stream")?;
        number(summary, key).with_context(|| format!("no {key} in {summary}"))
    }

    /// A figure of each stream.
    fn values<'p>(&'p self, key: &'p str) -> impl Iterator<Item = f64> + 'p {
        self.summaries.iter().filter_map(move |summary| number(summary, key))
    }
}

/// A number in a line of flat JSON.
fn number(line: &str, key: &str) -> Option<f64> {
    let (_, rest) = line.split_once(&format!("\"{key}\":"))?;
    rest.split([',', '}']).next()?.trim().parse().ok()
}

/// The time and memory that a process has used, from `/proc`.
struct Usage {
    /// Time on a processor, user and system, of the threads there are.
    processor: Duration,
    /// The most memory that was ever resident.
    peak_kib: u64,
}

impl Usage {
    fn of(id: u32) -> Result<Self> {
        let mut nanoseconds = 0;
        for task in std::fs::read_dir(format!("/proc/{id}/task"))? {
            // A thread may end between being listed and being read.
            let Ok(schedstat) = std::fs::read_to_string(task?.path().join("schedstat")) else { continue };
            nanoseconds += schedstat.split(' ').next().unwrap_or_default().parse::<u64>()?;
        }
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        let peak_kib = line.trim().trim_end_matches(" kB").parse()?;
        Ok(Self { processor: Duration::from_nanos(nanoseconds), peak_kib })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_in_the_players_lines() {
        let line = r#"{"event":"summary","shown":96,"latency_ms":null,"latency_median_ms":4.100}"#;
        assert_eq!((number(line, "shown"), number(line, "latency_median_ms")), (Some(96.0), Some(4.1)));
        assert_eq!((number(line, "latency_ms"), number(line, "lost")), (None, None));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_uses_memory() {
        assert!(Usage::of(std::process::id()).unwrap().peak_kib > 100);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn threads_may_end_while_a_process_is_looked_at() {
        let looks = std::thread::spawn(|| (0..500).try_for_each(|_| Usage::of(std::process::id()).map(drop)));
        while !looks.is_finished() {
            let short: Vec<_> = (0..8).map(|_| std::thread::spawn(|| ())).collect();
            short.into_iter().for_each(|thread| thread.join().unwrap());
        }
        looks.join().unwrap().unwrap();
    }
}
