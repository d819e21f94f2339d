//! From one viewer to two thousand: our server, GStreamer's and a sender that does nothing else, in turns, each kept to one core and its
//! viewers to another. The table and the plot go into the README.

use super::plot::{self, Panel, Series, label};
use super::{FILM, Values, film, measure as figures, program};
use crate::packages::GSTREAMER_SERVER;
use crate::shell::{release_program, root, target_dir};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};

const VIEWERS: [usize; 6] = [1, 10, 100, 300, 1000, 2000];
const QUICK_VIEWERS: [usize; 3] = [1, 10, 100];
const TRANSPORTS: [&str; 2] = ["udp", "tcp"];
const FRAME_RATE: usize = 24;
/// Sockets of a viewer over UDP in one process, and what is open besides.
const DESCRIPTORS: (usize, usize) = (3, 100);

/// Between these lines the README is written by this program.
const MARKS: [&str; 2] =
    ["<!-- cargo xtask bench --only load: begin -->", "<!-- cargo xtask bench --only load: end -->"];
/// And between these docs/costs.md.
pub(super) const LIMITS: [&str; 2] =
    ["<!-- cargo xtask bench --only load: limits, begin -->", "<!-- cargo xtask bench --only load: limits, end -->"];
const PLOT: &str = "docs/load.svg";

const HEAD: &str = "| viewers | sender | processor, ms a stream-second | times the bare sender's | delivered | longest gap, ms | memory, MB | of the kernel's for TCP, MB |\n\
                    |---:|---|---:|---:|---:|---:|---:|---:|";

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sender {
    Bare,
    Ours,
    Gstreamer,
}

impl Sender {
    const ALL: [Self; 3] = [Self::Bare, Self::Ours, Self::Gstreamer];

    const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Ours => "Mutoscope",
            Self::Gstreamer => "gst-rtsp-server",
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Ours => "ours",
            Self::Gstreamer => "other",
        }
    }
}

/// What was measured of one sender with as many viewers.
struct Row {
    transport: &'static str,
    viewers: usize,
    sender: Sender,
    /// Nothing where it did not let all of them in.
    values: Option<Values>,
}

/// The film that all senders play.
pub(super) struct Film {
    pub(super) path: PathBuf,
    pub(super) frame_bytes: usize,
}

impl Film {
    pub(super) fn make() -> Result<Self> {
        let path = film(FILM)?;
        let bytes = fs::read(&path)?;
        // Between pictures only can there be such a marker: within, 0xFF is followed by 0.
        let frames = bytes.windows(2).filter(|marker| *marker == [0xFF, 0xD8]).count();
        ensure!(frames > 0, "{} has no pictures", path.display());
        Ok(Self { path, frame_bytes: bytes.len() / frames })
    }
}

/// How it is measured.
pub(super) struct Plan {
    /// Fewer viewers and shorter; nothing is written.
    pub(super) quick: bool,
    /// How often each is measured; the median counts.
    pub(super) rounds: usize,
    pub(super) seconds: u64,
    /// Larger crowds are left out.
    pub(super) most: usize,
}

/// Measures all, prints the table, and writes it with the plot.
pub(super) fn measure(plan: &Plan) -> Result<()> {
    let film = Film::make()?;
    let missing = GSTREAMER_SERVER.missing();
    if let Some(why) = &missing {
        println!("SKIPPED gst-rtsp-server: {why}");
    }
    let most = most_viewers()?;
    let counts = if plan.quick { &QUICK_VIEWERS[..] } else { &VIEWERS };
    let mut rows = Vec::new();
    for transport in TRANSPORTS {
        for &viewers in counts {
            if viewers > plan.most {
                continue;
            }
            if viewers > most {
                println!(
                    "SKIPPED {viewers} viewers over {transport}: this machine's limit of open files lets in {most}"
                );
                continue;
            }
            let senders = Sender::ALL.into_iter().filter(|sender| *sender != Sender::Gstreamer || missing.is_none());
            let mut found: Vec<(Sender, Vec<Values>)> = senders.map(|sender| (sender, Vec::new())).collect();
            for _ in 0..plan.rounds {
                for (sender, rounds) in &mut found {
                    match run(*sender, transport, viewers, plan.seconds, &film) {
                        Ok(values) => rounds.push(values),
                        // A server that has too much to do may refuse some viewers. The row stays empty.
                        Err(error) if *sender != Sender::Bare => println!("NOT MEASURED: {error:#}"),
                        Err(error) => return Err(error),
                    }
                }
            }
            for (sender, rounds) in found {
                let row = Row { transport, viewers, sender, values: median(rounds)? };
                println!("{} {}", transport.to_uppercase(), row.line(&rows)?);
                rows.push(row);
            }
        }
    }
    let tables = tables(&rows)?;
    println!("\n{tables}");
    if plan.quick {
        return Ok(());
    }
    let drawn = drawing(&rows, film.frame_bytes)?.context("nothing was measured")?;
    fs::write(root().join(PLOT), drawn)?;
    write_between(&root().join("README.md"), MARKS, &section(&tables, plan, film.frame_bytes))
}

/// How many viewers this machine's limit of open files lets in.
pub(super) fn most_viewers() -> Result<usize> {
    Ok(descriptors()?.saturating_sub(DESCRIPTORS.1) / DESCRIPTORS.0)
}

/// How many files a process may have open at most.
fn descriptors() -> Result<usize> {
    let limits = fs::read_to_string("/proc/self/limits")?;
    let line = limits.lines().find(|line| line.starts_with("Max open files")).context("no limit of open files")?;
    Ok(line.split_whitespace().nth(4).and_then(|hard| hard.parse().ok()).unwrap_or(usize::MAX))
}

fn run(sender: Sender, transport: &str, viewers: usize, seconds: u64, film: &Film) -> Result<Values> {
    let arguments = ["--transport", transport, "--viewers", &viewers.to_string(), "--seconds", &seconds.to_string()];
    if sender == Sender::Bare {
        let bare = |slack: &str| {
            let mut command = program("bare")?;
            command.args(arguments).args(["--pin", "--slack-ms", slack]);
            figures(command.args(["--frame-bytes", &film.frame_bytes.to_string()]))
        };
        let (at_once, shared) = (bare("0")?, bare("2")?);
        let better = shared.of("processor_ms")? < at_once.of("processor_ms")?;
        return Ok(if better { shared } else { at_once });
    }
    let mut command = program("load")?;
    command.args(arguments).args(["--pin", "--values"]);
    if sender == Sender::Gstreamer {
        command.arg("--gstreamer").arg(&film.path);
    } else {
        command.args(["--path", FILM, "--server"]).arg(release_program("mutoscope-server")?);
        command.args(["--", "--loop", "--threads", "1"]).arg(&film.path);
    }
    let mut values = figures(&mut command)?;
    let delivered = values.of("frames")? / (viewers * FRAME_RATE) as f64 / seconds as f64;
    values.0.insert("delivered".into(), delivered.min(1.0));
    Ok(values)
}

/// That round of which the processor time is in the middle.
fn median(mut rounds: Vec<Values>) -> Result<Option<Values>> {
    for round in &rounds {
        round.of("processor_ms")?;
    }
    let processor = |round: &Values| round.of("processor_ms").unwrap_or(0.0);
    rounds.sort_by(|a, b| processor(a).total_cmp(&processor(b)));
    let middle = rounds.len() / 2;
    Ok(rounds.into_iter().nth(middle))
}

impl Row {
    /// As the table has it, beside the bare sender's among `rows`.
    fn line(&self, rows: &[Self]) -> Result<String> {
        let start = format!("| {} | {} |", label(self.viewers as f64), self.sender.name());
        let Some(values) = &self.values else { return Ok(format!("{start} not measured | | | | | |")) };
        let processor = values.of("processor_ms")?;
        let is_bare =
            |row: &&Self| (row.transport, row.viewers, row.sender) == (self.transport, self.viewers, Sender::Bare);
        let ratio = match rows.iter().find(is_bare).and_then(|row| row.values.as_ref()) {
            Some(bare) => format!("{:.2}", processor / bare.of("processor_ms")?),
            None => String::new(),
        };
        let optional = |name: &str, factor: f64, digits: usize| {
            values.0.get(name).map_or_else(String::new, |value| format!("{:.digits$}", value * factor))
        };
        let tcp = if self.transport == "tcp" { optional("tcp_kib", 1.024e-3, 1) } else { String::new() };
        Ok(format!(
            "{start} {processor:.2} | {ratio} | {:.1} % | {} | {} | {tcp} |",
            values.of("delivered")? * 100.0,
            optional("gap_ms", 1.0, 0),
            optional("peak_kib", 1.024e-3, 1),
        ))
    }
}

fn tables(rows: &[Row]) -> Result<String> {
    let mut text = String::new();
    for transport in TRANSPORTS {
        text.push_str(&format!("{}:\n\n{HEAD}\n", transport.to_uppercase()));
        for row in rows.iter().filter(|row| row.transport == transport) {
            text.push_str(&row.line(rows)?);
            text.push('\n');
        }
        text.push('\n');
    }
    Ok(text)
}

fn drawing(rows: &[Row], frame_bytes: usize) -> Result<Option<String>> {
    let mut panels = Vec::new();
    for transport in TRANSPORTS {
        let mut series = Vec::new();
        for sender in Sender::ALL {
            let mut points = Vec::new();
            for row in rows.iter().filter(|row| row.transport == transport && row.sender == sender) {
                if let Some(values) = &row.values {
                    points.push((row.viewers as f64, values.of("processor_ms")?));
                }
            }
            if !points.is_empty() {
                let name = if sender == Sender::Bare { "a sender that does nothing else" } else { sender.name() };
                series.push(Series {
                    name: name.into(),
                    class: sender.class(),
                    dashed: sender == Sender::Bare,
                    points,
                });
            }
        }
        panels.push(Panel { title: transport.to_uppercase(), series });
    }
    let title = "What a viewer costs the server";
    let note = format!("{FRAME_RATE} frames of {:.1} KB a second, one core, lower is better", frame_bytes as f64 / 1e3);
    Ok(plot::svg(title, &note, "viewers", "processor, ms a stream-second", &panels))
}

/// What stands between the README's markers.
fn section(tables: &str, plan: &Plan, frame_bytes: usize) -> String {
    let rounds = if plan.rounds == 1 { "one run".into() } else { format!("{} runs, the median of each", plan.rounds) };
    format!(
        "![Processor time a stream-second over the number of viewers, UDP and TCP]({PLOT})\n\n\
         <details><summary>All figures</summary>\n\n\
         640x480, {FRAME_RATE} frames of {:.1} KB a second to each viewer, over loopback; the sender on core 0, all viewers on core 1; {rounds} of {} s, the\n\
         senders in turns. The bare sender has neither sessions nor reports, spreads its viewers over the time of a frame, and shares wake-ups of what is\n\
         due within 2 ms where that is cheaper; our viewers, too, begin spread over that time. GStreamer's server plays the\n\
         film once for all viewers, ours to each from its beginning. Longest gaps are whatever the machine and the viewers' one core did, too. Where less than\n\
         all is delivered, one of the cores was full, and the time is that of what was sent.\n\n{tables}</details>\n",
        frame_bytes as f64 / 1e3,
        plan.seconds,
    )
}

/// Puts a section between the lines of a document that mark its place.
pub(super) fn write_between(path: &Path, marks: [&str; 2], section: &str) -> Result<()> {
    let text = fs::read_to_string(path)?;
    let text = replaced(&text, marks, section).with_context(|| format!("{} lacks one of {marks:?}", path.display()))?;
    // The old one stays whole until the new one is.
    let beside = target_dir()?.join("written.md");
    fs::write(&beside, text)?;
    fs::copy(&beside, path)?;
    Ok(())
}

/// `text` with another section between the marks.
fn replaced(text: &str, [begin, end]: [&str; 2], section: &str) -> Option<String> {
    let (before, rest) = text.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}\n{section}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(sender: Sender, values: Option<&str>) -> Row {
        Row { transport: "tcp", viewers: 1000, sender, values: values.map(Values::parse) }
    }

    #[test]
    fn each_row_is_compared_with_the_bare_sender_of_its_own() {
        let bare = row(Sender::Bare, Some("processor_ms=0.4 delivered=1 peak_kib=2000"));
        let mut other = row(Sender::Bare, Some("processor_ms=0.1 delivered=1"));
        other.viewers = 10;
        let ours = row(Sender::Ours, Some("processor_ms=0.6 delivered=0.999 gap_ms=51.4 peak_kib=10000 tcp_kib=5000"));
        let rows = [other, bare];
        assert_eq!(ours.line(&rows).unwrap(), "| 1,000 | Mutoscope | 0.60 | 1.50 | 99.9 % | 51 | 10.2 | 5.1 |");
        assert_eq!(rows[1].line(&rows).unwrap(), "| 1,000 | bare | 0.40 | 1.00 | 100.0 % |  | 2.0 |  |");
        let none = row(Sender::Gstreamer, None).line(&rows).unwrap();
        assert_eq!(none, "| 1,000 | gst-rtsp-server | not measured | | | | | |");
    }

    #[test]
    fn the_median_round_counts() {
        let rounds = ["processor_ms=3 a=1", "processor_ms=1 a=2", "processor_ms=2 a=3"].map(Values::parse).into();
        assert_eq!(median(rounds).unwrap().unwrap().of("a").unwrap(), 3.0);
        assert!(median(Vec::new()).unwrap().is_none());
    }

    #[test]
    fn only_what_is_between_the_markers_is_replaced() {
        let marks = ["<begin>", "<end>"];
        assert_eq!(replaced("a\n<begin>\nold\n<end>\nb\n", marks, "new\n").unwrap(), "a\n<begin>\nnew\n<end>\nb\n");
        assert_eq!(replaced("a", marks, "new"), None);
    }

    /// What this program writes needs them.
    #[test]
    fn the_documents_have_the_markers() {
        for (path, marks) in [("README.md", MARKS), ("docs/costs.md", LIMITS)] {
            let text = fs::read_to_string(root().join(path)).unwrap();
            assert!(replaced(&text, marks, "").is_some(), "{path}");
        }
    }
}
