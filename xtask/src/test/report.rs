//! How steps went: what one tells the run that started it, and the table at the end.

use super::schedule::Outcome;
use anyhow::{Context, Result};
use std::path::Path;
use std::time::Duration;

/// A step in the table.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) outcome: Outcome,
    pub(super) time: Duration,
    /// Seconds of processor time, where the system tells.
    pub(super) processor: Option<f64>,
}

/// The note that a step in a process of its own leaves behind: how it ended, and how much processor time it took.
#[derive(Debug, PartialEq)]
pub(super) struct Report {
    pub(super) outcome: Outcome,
    pub(super) processor: Option<f64>,
}

impl Report {
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let (word, why) = words(&self.outcome);
        let processor = self.processor.map(|seconds| seconds.to_string()).unwrap_or_default();
        let text = format!("{word}\n{processor}\n{why}");
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// `None` where the step left none, because it was killed.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(path).ok()?;
        let mut parts = text.splitn(3, '\n');
        let (word, processor, why) = (parts.next()?, parts.next()?, parts.next()?.to_owned());
        let outcome = match word {
            "passed" => Outcome::Passed,
            "FAILED" => Outcome::Failed(why),
            "SKIPPED" => Outcome::Skipped(why),
            _ => return None,
        };
        Some(Self { outcome, processor: processor.parse().ok() })
    }
}

/// The word of the table, and the reason.
pub(super) fn words(outcome: &Outcome) -> (&'static str, &str) {
    match outcome {
        Outcome::Passed => ("passed", ""),
        Outcome::Failed(why) => ("FAILED", why),
        Outcome::Skipped(why) => ("SKIPPED", why),
    }
}

/// A line for each step, and the counts in the last one.
pub(super) fn summary(rows: &[Row]) -> String {
    let mut text = String::new();
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    for Row { name, outcome, time, processor } in rows {
        let (word, why) = words(outcome);
        let processor = processor.map(|seconds| format!("{seconds:.1} s")).unwrap_or_default();
        let line = format!(
            "{name:width$}  {:>7.1} s  {processor:>9}  {word:7}  {}",
            time.as_secs_f64(),
            why.lines().next().unwrap_or("")
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let count = |of: &str| rows.iter().filter(|row| words(&row.outcome).0 == of).count();
    text.push_str(&format!("{} passed, {} failed, {} skipped", count("passed"), count("FAILED"), count("SKIPPED")));
    text
}

/// Lines of a step's output that say what it left out.
pub(super) fn left_out(output: &str) -> impl Iterator<Item = &str> {
    output.lines().filter(|line| line.starts_with("SKIPPED "))
}

/// Processor time of this process's children that have ended, in seconds; `None` where the system does not tell.
pub(super) fn processor_time() -> Option<f64> {
    // Ticks are hundredths of a second on every Linux.
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(13);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, outcome: Outcome) -> Row {
        Row { name: name.into(), outcome, time: Duration::from_millis(1500), processor: Some(2.25) }
    }

    #[test]
    fn the_last_line_counts_the_steps() {
        let rows = [
            row("fmt", Outcome::Passed),
            row("clippy", Outcome::Failed("exit code 101\nmore".into())),
            row("interop", Outcome::Skipped("ffmpeg not found".into())),
            row("unit", Outcome::Passed),
        ];
        let text = summary(&rows);
        assert_eq!(text.lines().last(), Some("2 passed, 1 failed, 1 skipped"));
        assert!(text.contains("clippy       1.5 s      2.2 s  FAILED   exit code 101\n"), "{text}");
    }

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let path = std::env::temp_dir().join(format!("mutoscope-report-{}", std::process::id()));
        for outcome in [Outcome::Passed, Outcome::Failed("one\ntwo".into()), Outcome::Skipped("no network".into())] {
            let report = Report { outcome, processor: Some(1.5) };
            report.write(&path).unwrap();
            assert_eq!(Report::read(&path), Some(report));
        }
        std::fs::remove_file(&path).unwrap();
        assert_eq!(Report::read(&path), None);
    }

    #[test]
    fn what_a_step_left_out_is_found_in_its_output() {
        let output = "a\nSKIPPED VLC: not installed\nnot SKIPPED\nSKIPPED b";
        assert_eq!(left_out(output).collect::<Vec<_>>(), ["SKIPPED VLC: not installed", "SKIPPED b"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn processor_time_of_children_is_counted() {
        let before = processor_time().unwrap();
        crate::shell::require(
            std::process::Command::new("sh").args(["-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"]),
        )
        .unwrap();
        assert!(processor_time().unwrap() > before);
    }
}
