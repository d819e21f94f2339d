//! `cargo xtask bench`: the figures that the project promises, measured, beside what it promises.
//!
//! Nothing here is a test: figures are this machine's, at this moment, and whatever else it does shows in them. What misses
//! its target is therefore measured again, and the table says so.

mod cluster;
mod crowd;
mod encryption;
mod files;
mod inputs;
mod limits;
mod player;
mod plot;
mod repeat;
mod web;

use crate::shell::{cargo, line, output, release_program, require};
use crate::{media, shell};
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use crowd::Plan;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

/// The choice of measurements.
#[derive(Args)]
pub(crate) struct Options {
    /// Measure only these (comma-separated)
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Seconds of each run [default: 10; soak: 300]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: Option<u64>,
    /// Load: 1, 10 and 100 viewers alone, one run of 3 s each; the README stays as it is
    #[arg(long)]
    quick: bool,
    /// Load: how often each sender is measured beside the others, of which the median counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Load: leave out larger crowds
    #[arg(long, value_name = "VIEWERS", default_value_t = 2000)]
    most: usize,
    /// Load: only these sections (comma-separated)
    #[arg(long, value_enum, value_delimiter = ',', value_name = "SECTION")]
    section: Vec<limits::Section>,
    /// Load: nothing but a bare sender and our server in turns, so often, 6 s each (or --seconds). A line for each viewer that got nothing for
    /// 5 s says what is known of it, and each round says how long the machine stood still
    #[arg(long, value_name = "TIMES", value_parser = clap::value_parser!(u32).range(1..))]
    repeat: Option<u32>,
    /// Load, with --repeat: how many play at once
    #[arg(long, default_value_t = 1000, requires = "repeat")]
    viewers: usize,
    /// Load, with --repeat: how media travels
    #[arg(long, value_enum, default_value = "udp", requires = "repeat")]
    transport: repeat::Transport,
}

impl Options {
    /// All that belongs to load.
    fn load(&self) -> Result<Vec<Promise>> {
        if let Some(times) = self.repeat {
            let (viewers, transport, seconds) = (self.viewers, self.transport, self.seconds.unwrap_or(6));
            repeat::measure(&repeat::Plan { times, viewers, transport, seconds })?;
            return Ok(Vec::new());
        }
        let sections = if self.section.is_empty() { &limits::Section::ALL[..] } else { &self.section };
        if sections.contains(&limits::Section::Crowds) {
            crowd::measure(&self.crowd())?;
        }
        if self.quick && self.section.is_empty() {
            return Ok(Vec::new());
        }
        let Plan { rounds, seconds, .. } = self.crowd();
        limits::measure(sections, rounds, seconds)?;
        if sections.contains(&limits::Section::Targets) { load(self.seconds.unwrap_or(10)) } else { Ok(Vec::new()) }
    }

    fn crowd(&self) -> crowd::Plan {
        let (rounds, seconds) = if self.quick { (1, 3) } else { (self.rounds as usize, 5) };
        crowd::Plan { quick: self.quick, rounds, seconds: self.seconds.unwrap_or(seconds), most: self.most }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The core's hot paths
    Micro,
    /// Our server, GStreamer's and a bare sender in turns, 1 to 2,000 viewers, into the README; more than fits, rest and
    /// threads, into docs/costs.md; then ours beside its targets
    Load,
    /// The age of a picture when a client has decoded it
    Latency,
    /// The player's window on a display in memory: the age of what it shows, memory and processor; walls of 4 to 16 streams, and large
    /// pictures beside the limit of decoding them
    Player,
    /// The start of a server with thousands of files, with a film of 2 GB and with one of 100 GB
    Files,
    /// Live inputs: what they add to a picture's age, what they cost, and what they do to a film beside them
    Inputs,
    /// What TLS and SRTP take above the same without, and handshakes
    Encryption,
    /// A hundred viewers of a live stream by HTTP; beside it a bare sender, and ustreamer where there is a camera
    Web,
    /// Several machines in network namespaces: what relaying takes, beside Zenoh alone, and what becomes of pictures when machines die and
    /// cables are cut. Building Zenoh takes minutes
    Cluster,
    /// Minutes with viewers that come and go: memory and descriptors must not grow
    Soak,
}

impl Part {
    const ALL: [Self; 10] = [
        Self::Micro,
        Self::Load,
        Self::Latency,
        Self::Player,
        Self::Files,
        Self::Inputs,
        Self::Encryption,
        Self::Web,
        Self::Cluster,
        Self::Soak,
    ];

    /// The programs of the tests that it runs.
    const fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Micro | Self::Files => &[],
            Self::Player => &["pictures"],
            Self::Load => &["bare", "load"],
            Self::Latency => &["latency"],
            Self::Inputs => &["load", "relay"],
            Self::Encryption => &["handshakes", "load"],
            Self::Web => &["bare", "web_load"],
            Self::Cluster => &["cluster"],
            Self::Soak => &["soak"],
        }
    }
}

/// The film that the viewers play: 24 frames a second of about 25 KB, 4.8 Mbit/s a stream.
const FILM: &str = "std-420-640x480.mjpeg";
/// The film that the lab's client can play.
const LAB_FILM: &str = "movie.Mjpeg";
/// The server's own, drawn for every frame.
const CARD: &str = "testcard";

/// How often what misses its target is measured.
const TRIES: usize = 3;

/// Targets. Processor times are for streams of 4.9 Mbit/s, in milliseconds a stream and second.
const PACKETIZE_NS: f64 = 100.0;
const RECODE_MB_PER_S: f64 = 150.0;
const REDUCE_MB_PER_S: f64 = 100.0;
const REORDERING: f64 = 1.5;
const GAP_MS: f64 = 60.0;
const UDP_PROCESSOR_MS: f64 = 1.6;
const TCP_PROCESSOR_MS: f64 = 0.46;
const RESIDENT_KIB: f64 = 10_000_000.0 / 1024.0;
const LATENCY_MS: f64 = 20.0;

/// One promise and what became of it.
struct Promise {
    what: String,
    target: String,
    measured: String,
    reached: bool,
}

/// Measures and prints; `false` where a promise was not kept.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let parts: &[Part] = if options.only.is_empty() { &Part::ALL } else { &options.only };
    let mut promises = Vec::new();
    if parts.iter().any(|part| *part != Part::Micro) {
        build(parts)?;
    }
    for part in parts {
        promises.extend(match part {
            Part::Micro => micro()?,
            Part::Load => options.load()?,
            Part::Latency => latency(options.seconds.unwrap_or(10))?,
            Part::Player => player::measure(options.seconds.unwrap_or(10))?,
            Part::Files => files::measure()?,
            Part::Inputs => inputs::measure(options.seconds.unwrap_or(10))?,
            Part::Encryption => encryption::measure(options.seconds.unwrap_or(5))?,
            Part::Web => web::measure(options.seconds.unwrap_or(10))?,
            Part::Cluster => cluster::measure(options.seconds.unwrap_or(10))?,
            Part::Soak => soak(options.seconds.unwrap_or(300))?,
        });
    }
    if !promises.is_empty() {
        println!("\n{}", table(&promises));
    }
    Ok(promises.iter().all(|promise| promise.reached))
}

/// The server, and the programs that measure it.
fn build(parts: &[Part]) -> Result<()> {
    let mut build = cargo();
    build.args(["build", "--release", "--package", "mutoscope-server", "--package", "mutoscope-tests"]);
    let programs: BTreeSet<_> = parts.iter().flat_map(|part| part.programs()).collect();
    for program in programs.into_iter().chain([&"mutoscope-server"]) {
        build.args(["--bin", program]);
    }
    if parts.contains(&Part::Encryption) {
        build.args(["--features", "mutoscope-server/tls,mutoscope-tests/tls"]);
    }
    if parts.contains(&Part::Cluster) {
        build.args(["--features", "mutoscope-server/cluster,mutoscope-tests/cluster"]);
    }
    require(&mut build)
}

fn table(promises: &[Promise]) -> String {
    let mut text = String::from("| what | target | measured | reached |\n|---|---:|---:|---|\n");
    for Promise { what, target, measured, reached } in promises {
        text.push_str(&format!("| {what} | {target} | {measured} | {} |\n", if *reached { "yes" } else { "NO" }));
    }
    text
}

/// The core's benchmarks, of which some have a target.
fn micro() -> Result<Vec<Promise>> {
    let core = divan("core")?;
    let median = median(&core, "packetize", Some("5000")).context("divan's table has no packetize of 5000 bytes")?;
    let packetizing = Promise {
        what: "packetizing a frame of 5 KB, median".into(),
        target: format!("<= {PACKETIZE_NS} ns"),
        measured: format!("{:.0} ns", median.ns),
        reached: median.ns <= PACKETIZE_NS,
    };
    let transcode = divan("transcode")?;
    let reduced =
        [("1/4", "reduce_to_quarter"), ("1/8", "reduce_to_eighth")].map(|(size, row)| reducing(&transcode, size, row));
    let reduced: Result<Vec<_>> = reduced.into_iter().collect();
    Ok([packetizing, recoding(&transcode)?].into_iter().chain(reordering(&transcode)).chain(reduced?).collect())
}

/// Prints and returns divan's table.
fn divan(bench: &str) -> Result<String> {
    let text = output(cargo().args(["bench", "--quiet", "--package", "mutoscope", "--bench", bench]))?;
    let text = String::from_utf8_lossy(&text).into_owned();
    println!("{text}");
    Ok(text)
}

/// How fast Huffman codes are exchanged, and how long others take for the same pictures in the same run.
fn recoding(table: &str) -> Result<Promise> {
    let of = |benchmark| median(table, benchmark, None).with_context(|| format!("divan's table has no {benchmark}"));
    let recode = of("recode")?;
    let rate = recode.mb_per_s.context("divan's table has no MB/s of recode")?;
    let times = |ns: f64| format!("{:.1} times as long", ns / recode.ns);
    let jpegtran = match (median(table, "jpegtran_process", None), median(table, "jpegtran_start", None)) {
        (Some(process), Some(start)) => format!("{}, its start left out", times(process.ns - start.ns)),
        _ => "is not installed".into(),
    };
    Ok(Promise {
        what: "other Huffman codes for a frame, median".into(),
        target: format!(">= {RECODE_MB_PER_S} MB/s"),
        measured: format!(
            "{rate:.0} MB/s, {:.0} µs for {:.0} KB; jpegtran {jpegtran}; decoding and encoding {}",
            recode.ns / 1e3,
            rate * recode.ns / 1e6,
            times(of("decode_and_encode")?.ns)
        ),
        reached: rate >= RECODE_MB_PER_S,
    })
}

/// How much longer it takes where blocks come in another order, too. `None` without `cjpeg`, which makes the pictures.
fn reordering(table: &str) -> Option<Promise> {
    let rate = |benchmark| median(table, benchmark, None)?.mb_per_s;
    let (plain, tall) = (rate("recode")?, rate("recode_tall")?);
    Some(Promise {
        what: "the same of FFmpeg's 4:2:2, against the plain path for as many bytes".into(),
        target: format!("<= {REORDERING} times as long"),
        measured: format!("{:.2} times, {tall:.0} MB/s", plain / tall),
        reached: plain / tall <= REORDERING,
    })
}

/// How fast a smaller picture is made.
fn reducing(table: &str, size: &str, benchmark: &str) -> Result<Promise> {
    let median = median(table, benchmark, None).with_context(|| format!("divan's table has no {benchmark}"))?;
    let rate = median.mb_per_s.with_context(|| format!("divan's table has no MB/s of {benchmark}"))?;
    Ok(Promise {
        what: format!("a frame at {size} of its size, bytes of the frame, median"),
        target: format!(">= {REDUCE_MB_PER_S} MB/s"),
        measured: format!("{rate:.0} MB/s, {:.0} µs", median.ns / 1e3),
        reached: rate >= REDUCE_MB_PER_S,
    })
}

/// The third column of a row in divan's table, and of the row below it where that has one.
#[derive(Debug, PartialEq)]
struct Median {
    ns: f64,
    mb_per_s: Option<f64>,
}

/// Of a benchmark, or of an argument's row below it:
///
/// ```text
/// ├─ packetize                       │               │               │
/// │  ├─ 5000           64.83 ns      │ 67.33 ns      │ 65.46 ns      │ ...
/// ├─ recode            208.6 µs      │ 284 µs        │ 216.7 µs      │ ...
/// │                    175.5 MB/s    │ 128.9 MB/s    │ 168.9 MB/s    │ ...
/// ```
fn median(table: &str, benchmark: &str, argument: Option<&str>) -> Option<Median> {
    let mut lines = table.lines();
    let is_row = |line: &&str, name: &str| line.contains(&format!("─ {name} "));
    let mut row = lines.find(|line| is_row(line, benchmark))?;
    if let Some(argument) = argument {
        row = lines.find(|line| is_row(line, argument))?;
    }
    let ns = in_unit(row, &[("ps", 1e-3), ("ns", 1.0), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)])?;
    let rates = [("B/s", 1e-6), ("KB/s", 1e-3), ("MB/s", 1.0), ("GB/s", 1e3)];
    let mb_per_s = lines.next().filter(|line| !line.contains('─')).and_then(|line| in_unit(line, &rates));
    Some(Median { ns, mb_per_s })
}

fn in_unit(row: &str, units: &[(&str, f64)]) -> Option<f64> {
    // The tree to the left has bars of its own.
    let cells: Vec<_> = row.rsplit('│').collect();
    let (number, unit) = cells.get(3)?.trim().split_once(' ')?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    Some(number.parse::<f64>().ok()? * factor)
}

/// The figures that a program of the tests measured: `name=value` words on its last line.
#[derive(Debug, Default)]
struct Values(BTreeMap<String, f64>);

impl Values {
    fn parse(text: &str) -> Self {
        let last = text.lines().rev().find(|line| line.contains('=')).unwrap_or_default();
        let pair = |word: &str| word.split_once('=').and_then(|(name, value)| Some((name.into(), value.parse().ok()?)));
        Self(last.split_whitespace().filter_map(pair).collect())
    }

    fn of(&self, name: &str) -> Result<f64> {
        self.0.get(name).copied().with_context(|| format!("no {name} among what was measured"))
    }
}

/// A release program of this workspace.
fn program(name: &str) -> Result<Command> {
    Ok(Command::new(release_program(name)?))
}

fn film(name: &str) -> Result<PathBuf> {
    let directory = media::default_directory()?;
    media::make(&directory)?;
    Ok(directory.join(name))
}

fn measure(command: &mut Command) -> Result<Values> {
    let text = output(command).with_context(|| format!("repeat with `{}`", line(command)))?;
    Ok(Values::parse(&String::from_utf8_lossy(&text)))
}

/// One run under load.
struct Load {
    film: &'static str,
    transport: &'static str,
    viewers: usize,
    values: Values,
    /// How many runs it took to come to this.
    tries: usize,
}

/// 1, 10 and 100 viewers of a file and of the drawn card, over both transports.
fn load(seconds: u64) -> Result<Vec<Promise>> {
    let film = film(FILM)?;
    let server = release_program("mutoscope-server")?;
    let mut loads = Vec::new();
    for name in [FILM, CARD] {
        for transport in ["udp", "tcp"] {
            for viewers in [1, 10, 100] {
                let mut load = Load { film: name, transport, viewers, values: Values::default(), tries: 0 };
                while load.tries < TRIES {
                    let mut command = program("load")?;
                    command.args(["--values", "--transport", transport, "--path", name]);
                    command.args(["--seconds", &seconds.to_string(), "--viewers", &viewers.to_string()]);
                    command.arg("--server").arg(&server);
                    if name == FILM {
                        command.args(["--", "--loop"]).arg(&film);
                    }
                    let values = measure(&mut command)?;
                    if load.tries == 0 || values.of("gap_ms")? < load.values.of("gap_ms")? {
                        load.values = values;
                    }
                    load.tries += 1;
                    if load.values.of("gap_ms")? <= GAP_MS && load.values.of("lost")? == 0.0 {
                        break;
                    }
                }
                println!("{}", load.row()?);
                loads.push(load);
            }
        }
    }
    println!("\n{LOAD_HEAD}");
    for load in &loads {
        println!("{}", load.row()?);
    }
    load_promises(&loads)
}

const LOAD_HEAD: &str = "| film | transport | viewers | Mbit/s a stream | frames | lost | longest gap, ms | gaps > 60 ms | processor, ms a stream-second | resident at most, KiB | runs |\n\
                         |---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|";

impl Load {
    fn row(&self) -> Result<String> {
        let Self { film, transport, viewers, values, tries } = self;
        Ok(format!(
            "| {film} | {} | {viewers} | {:.2} | {} | {} | {:.1} | {} | {:.3} | {} | {tries} |",
            transport.to_uppercase(),
            values.of("megabits")?,
            values.of("frames")?,
            values.of("lost")?,
            values.of("gap_ms")?,
            values.of("late")?,
            values.of("processor_ms")?,
            values.of("peak_kib")?,
        ))
    }
}

fn load_promises(loads: &[Load]) -> Result<Vec<Promise>> {
    let mut promises = Vec::new();
    for (transport, processor_target) in [("udp", UDP_PROCESSOR_MS), ("tcp", TCP_PROCESSOR_MS)] {
        let mine = || loads.iter().filter(move |load| load.transport == transport);
        let crowd = mine().find(|load| load.film == FILM && load.viewers == 100).context("no run of 100 viewers")?;
        let ten = mine().find(|load| load.film == FILM && load.viewers == 10).context("no run of 10 viewers")?;
        let (processor, resident) = (crowd.values.of("processor_ms")?, ten.values.of("peak_kib")?);
        let (mut longest, mut late, mut frames, mut lost) = (0.0_f64, 0.0, 0.0, 0.0);
        for load in mine() {
            longest = longest.max(load.values.of("gap_ms")?);
            late += load.values.of("late")?;
            frames += load.values.of("frames")?;
            lost += load.values.of("lost")?;
        }
        let name = transport.to_uppercase();
        let tries = mine().map(|load| load.tries).max().unwrap_or(0);
        let again = if tries > 1 { format!(" (best of {tries} runs)") } else { String::new() };
        promises.push(Promise {
            what: format!("{name}: longest gap between frames, all runs"),
            target: format!("<= {GAP_MS} ms"),
            measured: format!("{longest:.1} ms, {late} of {frames} above 60 ms{again}"),
            reached: longest <= GAP_MS,
        });
        promises.push(Promise {
            what: format!("{name}: frames lost by 100 viewers and fewer"),
            target: "0".into(),
            measured: format!("{lost}{again}"),
            reached: lost == 0.0,
        });
        promises.push(Promise {
            what: format!("{name}: processor time a stream and second, 100 viewers"),
            target: format!("< {processor_target} ms"),
            measured: format!("{processor:.3} ms at {:.2} Mbit/s", crowd.values.of("megabits")?),
            reached: processor < processor_target,
        });
        promises.push(Promise {
            what: format!("{name}: server's memory with 10 viewers"),
            target: "< 10 MB".into(),
            measured: format!("{:.1} MB", resident * 1024.0 / 1e6),
            reached: resident < RESIDENT_KIB,
        });
    }
    Ok(promises)
}

/// From the moment a picture is due in the server until it is decoded in the client.
fn latency(seconds: u64) -> Result<Vec<Promise>> {
    let mut promises = Vec::new();
    for transport in ["udp", "tcp"] {
        let mut best: Option<(f64, Values)> = None;
        for _ in 0..TRIES {
            let values =
                measure(program("latency")?.args(["--transport", transport, "--seconds", &seconds.to_string()]))?;
            let slow = values.of("decoded_99_ms")?;
            if best.as_ref().is_none_or(|(found, _)| slow < *found) {
                best = Some((slow, values));
            }
            if slow < LATENCY_MS {
                break;
            }
        }
        let Some((slow, values)) = best else { bail!("nothing was measured") };
        promises.push(Promise {
            what: format!(
                "{}: age of a drawn 640x480 picture, 99 of 100, median when decoded and when reassembled",
                transport.to_uppercase()
            ),
            target: format!("< {LATENCY_MS} ms"),
            measured: format!("{slow:.1}, {:.1} and {:.1} ms", values.of("decoded_ms")?, values.of("reassembled_ms")?),
            reached: slow < LATENCY_MS,
        });
    }
    Ok(promises)
}

/// Minutes of real time. Growth is judged by the program, which fails; its figures are shown all the same.
fn soak(seconds: u64) -> Result<Vec<Promise>> {
    let server = release_program("mutoscope-server")?;
    let mut command = program("soak")?;
    command.arg("--server").arg(server).arg("--film").arg(film(FILM)?).arg("--lab-film").arg(film(LAB_FILM)?);
    command.args(["--threads", "2", "--seconds", &seconds.to_string()]);
    println!("{} for {seconds} s", shell::line(&command));
    command.stderr(std::process::Stdio::inherit());
    let output = command.output().with_context(|| format!("cannot run {}", line(&command)))?;
    let values = Values::parse(&String::from_utf8_lossy(&output.stdout));
    Ok(vec![Promise {
        what: format!(
            "{seconds} s, two threads, {} viewers and {} sessions that came and went",
            values.of("viewers")?,
            values.of("sessions")?
        ),
        target: "nothing grows or is lost".into(),
        measured: format!(
            "{} to {} KiB, {} to {} descriptors, {} frames lost",
            values.of("resident_min_kib")?,
            values.of("resident_max_kib")?,
            values.of("descriptors_min")?,
            values.of("descriptors_max")?,
            values.of("lost")?
        ),
        reached: output.status.success(),
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIVAN: &str = "\
core                 fastest       │ slowest       │ median        │ mean          │ samples │ iters
├─ layout                          │               │               │               │         │
│  ├─ 5000           109.7 ns      │ 3.865 µs      │ 119.7 ns      │ 162.3 ns      │ 100     │ 100
│  ╰─ 40000          90.52 ns      │ 100.8 ns      │ 92.53 ns      │ 93.25 ns      │ 100     │ 3200
├─ packetize                       │               │               │               │         │
│  ├─ 5000           64.83 ns      │ 67.33 ns      │ 65.46 ns      │ 65.43 ns      │ 100     │ 3200
│  │                 77.11 GB/s    │ 74.25 GB/s    │ 76.38 GB/s    │ 76.41 GB/s    │         │
│  ╰─ 40000          431.6 ns      │ 440.4 ns      │ 1.5 µs        │ 435.1 ns      │ 100     │ 800
";

    const TRANSCODE: &str = "\
transcode             fastest       │ slowest       │ median        │ mean          │ samples │ iters
├─ decode_and_encode  3.842 ms      │ 31.33 ms      │ 4 ms          │ 12.5 ms       │ 100     │ 100
│                     9.534 MB/s    │ 1.168 MB/s    │ 9.15 MB/s     │ 2.928 MB/s    │         │
├─ jpegtran_process                 │               │               │               │         │
├─ jpegtran_start     1.026 ms      │ 11.6 ms       │ 1.127 ms      │ 1.764 ms      │ 100     │ 100
├─ recode             189.3 µs      │ 9.047 ms      │ 200 µs        │ 854.2 µs      │ 100     │ 100
│                     193.5 MB/s    │ 4.048 MB/s    │ 183.1 MB/s    │ 42.88 MB/s    │         │
├─ recode_in_packets  342.9 µs      │ 12.67 ms      │ 523.4 µs      │ 1.881 ms      │ 100     │ 100
│                     106.8 MB/s    │ 2.891 MB/s    │ 69.98 MB/s    │ 19.47 MB/s    │         │
╰─ resample           1.57 ms       │ 22.45 ms      │ 6.149 ms      │ 6.568 ms      │ 100     │ 100
                      26.6 MB/s     │ 1.86 MB/s     │ 6.794 MB/s    │ 6.361 MB/s    │         │
";

    #[test]
    fn medians_are_found_in_divans_table() {
        let ns = |benchmark, argument| median(DIVAN, benchmark, Some(argument)).map(|median| median.ns);
        assert_eq!(ns("packetize", "5000"), Some(65.46));
        assert_eq!(ns("packetize", "40000"), Some(1500.0));
        assert_eq!(ns("layout", "5000"), Some(119.7));
        assert_eq!(ns("reassemble", "5000"), None);
        let resample = median(TRANSCODE, "resample", None);
        assert_eq!(resample, Some(Median { ns: 6_149_000.0, mb_per_s: Some(6.794) }));
        assert_eq!(median(TRANSCODE, "jpegtran_start", None), Some(Median { ns: 1_127_000.0, mb_per_s: None }));
        assert_eq!(median(TRANSCODE, "jpegtran_process", None), None);
    }

    #[test]
    fn recoding_is_compared_with_what_others_take() {
        let promise = recoding(TRANSCODE).unwrap();
        assert!(promise.reached);
        for words in ["183 MB/s, 200 µs for 37 KB", "jpegtran is not installed", "encoding 20.0 times as long"] {
            assert!(promise.measured.contains(words), "{}", promise.measured);
        }
        let process =
            "├─ jpegtran_process   2.3 ms        │ 18.05 ms      │ 3.127 ms      │ 4.387 ms      │ 100     │ 100\n";
        let promise = recoding(&format!("{process}{}", TRANSCODE.replace("183.1", "149.9"))).unwrap();
        assert!(!promise.reached && promise.measured.contains("jpegtran 10.0 times as long"), "{}", promise.measured);
    }

    #[test]
    fn smaller_pictures_have_a_rate() {
        let promise = reducing(TRANSCODE, "1/8", "recode").unwrap();
        assert!(promise.reached && promise.measured == "183 MB/s, 200 µs", "{}", promise.measured);
        assert!(!reducing(TRANSCODE, "1/4", "recode_in_packets").unwrap().reached);
        assert!(reducing(TRANSCODE, "1/8", "reduce_to_eighth").is_err());
    }

    #[test]
    fn blocks_in_another_order_are_compared_with_the_plain_path() {
        assert!(reordering(TRANSCODE).is_none());
        let tall = |rate: &str| {
            let row =
                "├─ recode_tall        250 µs        │ 9.047 ms      │ 260 µs        │ 854.2 µs      │ 100     │ 100";
            format!(
                "{row}\n│                     150 MB/s      │ 4 MB/s        │ {rate} MB/s    │ 42 MB/s       │         │\n{TRANSCODE}"
            )
        };
        let promise = reordering(&tall("146.4")).unwrap();
        assert!(promise.reached && promise.measured == "1.25 times, 146 MB/s", "{}", promise.measured);
        assert!(!reordering(&tall("120.5")).unwrap().reached);
    }

    #[test]
    fn values_are_those_of_the_last_line() {
        let values = Values::parse("a=1\nwarning: b\nlost=3 gap_ms=41.7 x\n");
        assert_eq!((values.of("lost").unwrap(), values.of("gap_ms").unwrap()), (3.0, 41.7));
        assert!(values.of("a").is_err());
    }

    #[test]
    fn a_promise_that_was_not_kept_stands_out() {
        let promise = |reached| Promise { what: "w".into(), target: "t".into(), measured: "m".into(), reached };
        assert!(table(&[promise(true), promise(false)]).ends_with("| w | t | m | yes |\n| w | t | m | NO |\n"));
    }
}
