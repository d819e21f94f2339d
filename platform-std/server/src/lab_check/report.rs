//! The report: for people, and for programs.

use std::io::{self, Write};

use mutoscope_std::console::OneLine;
use serde_json::{Value, json};

use super::rules::{Half, Level};
use super::sheet::{Finding, Outcome, fails};

/// The name of the form that programs read. It changes when something that was there means something else or is gone.
const SCHEMA: &str = "mutoscope-lab-check/1";

/// What became of one program.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) half: Half,
    /// Its file or command; `None`: there is none.
    pub(super) program: Option<String>,
    pub(super) findings: Vec<Finding>,
    pub(super) notes: Vec<String>,
}

/// What became of a folder.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) folder: String,
    pub(super) halves: Vec<Part>,
    pub(super) notes: Vec<String>,
    /// What the exercise leaves open counts, too.
    pub(super) is_strict: bool,
}

impl Report {
    /// All that counts holds.
    pub(super) fn passes(&self) -> bool {
        !self.halves.iter().flat_map(|half| &half.findings).any(|finding| fails(finding, self.is_strict))
    }

    /// For people. Without `is_long`, rules and bytes are shown of what does not hold.
    pub(super) fn write_text(&self, out: &mut impl Write, is_long: bool) -> io::Result<()> {
        for half in &self.halves {
            let Some(program) = &half.program else {
                writeln!(out, "{}: there is none; it was not checked", half.half.name())?;
                continue;
            };
            let count = |level, outcome| {
                half.findings.iter().filter(|finding| finding.rule.level == level && finding.outcome == outcome).count()
            };
            let (good, bad) = (count(Level::Must, Outcome::Holds), count(Level::Must, Outcome::Fails));
            let open = count(Level::Must, Outcome::NotChecked);
            let unchecked = match open {
                0 => String::new(),
                1 => ", 1 was not checked".to_owned(),
                _ => format!(", {open} were not checked"),
            };
            writeln!(
                out,
                "{}, {}: {good} of {} requirements hold{unchecked}",
                half.half.name(),
                OneLine(program),
                good + bad + open
            )?;
            for finding in &half.findings {
                write_finding(out, finding, is_long, self.is_strict)?;
            }
            half.notes.iter().try_for_each(|note| writeln!(out, "  note: {}", OneLine(note)))?;
        }
        self.notes.iter().try_for_each(|note| writeln!(out, "note: {}", OneLine(note)))?;
        let all = self.halves.iter().flat_map(|half| &half.findings);
        let failing: Vec<&str> =
            all.filter(|finding| fails(finding, self.is_strict)).map(|finding| finding.rule.id).collect();
        if failing.is_empty() {
            writeln!(out, "All that was checked holds.")
        } else {
            writeln!(out, "Fails: {}", failing.join(", "))
        }
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let halves: Vec<Value> = self.halves.iter().map(half_json).collect();
        json!({
            "schema": SCHEMA,
            "version": env!("CARGO_PKG_VERSION"),
            "folder": self.folder,
            "status": i32::from(!self.passes()),
            "strict": self.is_strict,
            "programs": halves,
            "notes": self.notes,
        })
    }
}

/// What programs read where nothing could be checked.
pub(super) fn error_json(folder: &str, error: &str) -> Value {
    json!({ "schema": SCHEMA, "version": env!("CARGO_PKG_VERSION"), "folder": folder, "status": 2, "error": error })
}

fn half_json(half: &Part) -> Value {
    let requirements: Vec<Value> = half
        .findings
        .iter()
        .map(|finding| {
            json!({
                "id": finding.rule.id,
                "title": finding.rule.title,
                "level": finding.rule.level.name(),
                "outcome": finding.outcome.name(),
                "said": finding.said,
                "seen": finding.seen,
                "rule": finding.rule.rule,
                "source": finding.rule.source,
            })
        })
        .collect();
    json!({ "half": half.half.name(), "program": half.program, "requirements": requirements, "notes": half.notes })
}

fn write_finding(out: &mut impl Write, finding: &Finding, is_long: bool, is_strict: bool) -> io::Result<()> {
    let Finding { rule, outcome, said, seen } = finding;
    let word = match (outcome, rule.level) {
        (Outcome::Holds, _) => "ok",
        (Outcome::Fails, Level::Should) if !is_strict => "advice",
        (Outcome::Fails, _) => "FAILS",
        (Outcome::NotChecked, _) => "-",
    };
    writeln!(out, "  {word:<7}{:<26}{}", rule.title, OneLine(said))?;
    if !is_long && *outcome != Outcome::Fails {
        return Ok(());
    }
    writeln!(out, "         rule: {} ({})", rule.rule, rule.source)?;
    seen.iter().try_for_each(|line| writeln!(out, "         seen: {}", OneLine(line)))
}

#[cfg(test)]
mod tests {
    use super::super::sheet::Sheet;
    use super::*;

    fn report() -> Report {
        let mut sheet = Sheet::new(Half::Server);
        sheet.holds("server.setup", "yes", vec!["bytes".to_owned()]);
        sheet.fails("server.cseq", "CSeq 1 for 2\u{1b}", vec!["a\nb".to_owned()]);
        sheet.fails("server.rate", "2 a second", Vec::new());
        let server = Part {
            half: Half::Server,
            program: Some("Server.py".to_owned()),
            findings: sheet.finish(""),
            notes: Vec::new(),
        };
        let client = Part { half: Half::Client, program: None, findings: Vec::new(), notes: Vec::new() };
        Report { folder: "x".to_owned(), halves: vec![server, client], notes: Vec::new(), is_strict: false }
    }

    #[test]
    fn people_read_what_holds_and_why_not() {
        let mut text = Vec::new();
        report().write_text(&mut text, false).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.starts_with("server, Server.py: 1 of 16 requirements hold, 14 were not checked\n"), "{text}");
        assert!(text.contains("  FAILS  CSeq                      CSeq 1 for 2\\u{1b}\n         rule: "), "{text}");
        assert!(text.contains("         seen: a\\nb\n") && text.contains("  advice frame rate"), "{text}");
        assert!(text.contains("client: there is none") && !text.contains("bytes\n"), "{text}");
        assert!(text.ends_with("\nFails: server.cseq\n"), "{text}");
        let mut text = Vec::new();
        Report { is_strict: true, ..report() }.write_text(&mut text, false).unwrap();
        assert!(text.ends_with(b"\nFails: server.cseq, server.rate\n"));
    }

    #[test]
    fn programs_read_the_same() {
        let report = report();
        let json = report.json();
        assert_eq!((json["schema"].as_str(), json["status"].as_i64()), (Some(SCHEMA), Some(1)));
        let first = &json["programs"][0]["requirements"][5];
        assert_eq!((first["id"].as_str(), first["outcome"].as_str()), (Some("server.cseq"), Some("fails")));
        assert!(json["programs"][1]["program"].is_null());
        assert_eq!(error_json("x", "no")["status"].as_i64(), Some(2));
    }
}
