//! Live inputs: how much older a picture is because it came through one, what each costs, and whether a bad one disturbs a film.

use super::{FILM, GAP_MS, LAB_FILM, Promise, TRIES, Values, film, measure as figures, program};
use crate::shell::release_program;
use anyhow::{Context, Result};

/// As `relay --help` lists them, and what they are.
const KINDS: &[(&str, &str)] = &[
    ("pipe", "standard input"),
    ("fifo", "FIFO"),
    ("exec", "program"),
    ("http", "HTTP, multipart"),
    ("snapshots", "HTTP, single pictures"),
    ("rtsp", "RTSP, behind a server that reads a pipe"),
    ("push", "published by an ffmpeg that reads a pipe"),
];

/// Targets. What is measured through another program has none: its share is in it.
const AGE_MS: f64 = 2.0;
/// What bad inputs may add, in hundredths of a processor.
const ADDED_PERCENT: f64 = 5.0;

/// Each kind, and a film beside bad inputs.
pub(super) fn measure(seconds: u64) -> Result<Vec<Promise>> {
    let (server, film) = (release_program("mutoscope-server")?, film(FILM)?);
    let mut promises = Vec::new();
    for (kind, what) in KINDS {
        let has_target = !matches!(*kind, "rtsp" | "push");
        let mut best: Option<(f64, Values)> = None;
        for _ in 0..if has_target { TRIES } else { 1 } {
            let mut command = program("relay")?;
            command.arg(kind).arg("--server").arg(&server).arg("--film").arg(&film);
            let values = figures(command.args(["--seconds", &seconds.to_string()]))?;
            let age = values.of("age_ms")?;
            if best.as_ref().is_none_or(|(found, _)| age < *found) {
                best = Some((age, values));
            }
            if age <= AGE_MS {
                break;
            }
        }
        let (age, values) = best.context("nothing was measured")?;
        let (slow, processor) = (values.of("age_99_ms")?, values.of("processor_ms")?);
        promises.push(Promise {
            what: format!("{what}: latency added, median and 99 of 100; processor a second, 30 pictures, one viewer"),
            target: if has_target { format!("<= {AGE_MS} ms") } else { String::new() },
            measured: format!("{age:.2}, {slow:.1} ms; {processor:.1} ms"),
            reached: !has_target || age <= AGE_MS,
        });
    }
    promises.extend(disturbed(seconds)?);
    Ok(promises)
}

/// A film with one viewer, alone and beside an input that floods and one that hangs.
fn disturbed(seconds: u64) -> Result<[Promise; 2]> {
    // Small pictures, of which a pipe takes more than 10,000 a second.
    let (server, film, small) = (release_program("mutoscope-server")?, film(FILM)?, film(LAB_FILM)?);
    let flood = format!("flood=exec:sh -c 'while cat \"{}\"; do :; done'#always", small.display());
    let play = |inputs: &[&str]| {
        let mut command = program("load")?;
        command.args(["--values", "--viewers", "1", "--path", FILM, "--seconds", &seconds.to_string()]);
        command.arg("--server").arg(&server).args(["--", "--loop"]).arg(&film).args(inputs);
        figures(&mut command)
    };
    let quiet = play(&[])?;
    let mut loud = play(&[&flood, "hang=exec:sleep 1000#always"])?;
    for _ in 1..TRIES {
        if loud.of("gap_ms")? <= GAP_MS {
            break;
        }
        let again = play(&[&flood, "hang=exec:sleep 1000#always"])?;
        if again.of("gap_ms")? < loud.of("gap_ms")? {
            loud = again;
        }
    }
    let (gap, quiet_gap) = (loud.of("gap_ms")?, quiet.of("gap_ms")?);
    let added = (loud.of("processor_ms")? - quiet.of("processor_ms")?) / 10.0;
    Ok([
        Promise {
            what: "a film beside an input that floods and one that hangs: longest gap".into(),
            target: format!("<= {GAP_MS} ms"),
            measured: format!("{gap:.1} ms; without them {quiet_gap:.1} ms; {} frames lost", loud.of("lost")?),
            reached: gap <= GAP_MS && loud.of("lost")? == 0.0,
        },
        Promise {
            what: "the same: processor that they add, of one core".into(),
            target: format!("<= {ADDED_PERCENT} %"),
            measured: format!("{added:.1} %"),
            reached: added <= ADDED_PERCENT,
        },
    ])
}
