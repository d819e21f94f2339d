//! The same run again and again, beside a bare sender: what happens once in many runs is found so, and told from what the machine did.

use super::crowd::Film;
use super::{FILM, Values, program};
use crate::shell::{line, output, release_program};
use anyhow::{Context, Result};
use clap::ValueEnum;
use std::process::Command;

/// How it is repeated.
pub(super) struct Plan {
    pub(super) times: u32,
    pub(super) viewers: usize,
    pub(super) transport: Transport,
    pub(super) seconds: u64,
}

/// How media travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Transport {
    Udp,
    Tcp,
}

impl Transport {
    const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }
}

/// What the rounds had.
#[derive(Debug, Default, PartialEq)]
struct Tally {
    rounds: u32,
    failed: u32,
    /// Those in which some viewer got nothing for 5 s, and all such viewers.
    silent_rounds: u32,
    silent: u32,
    least_share: Option<f64>,
    /// The longest gap at a viewer, and the longest that the machine stood still meanwhile or a bare sender was late.
    gap_ms: f64,
    stood_ms: f64,
    bare_late_ms: f64,
}

impl Tally {
    fn add(&mut self, ours: &Values, bare: &Values) -> Result<()> {
        let silent = ours.of("silent")? as u32;
        self.rounds += 1;
        self.silent += silent;
        self.silent_rounds += u32::from(silent > 0);
        let share = ours.of("least_share")?;
        self.least_share = Some(self.least_share.map_or(share, |least| least.min(share)));
        self.gap_ms = self.gap_ms.max(ours.of("gap_ms")?);
        self.stood_ms = self.stood_ms.max(ours.of("stood_ms")?);
        self.bare_late_ms = self.bare_late_ms.max(bare.of("late_ms")?);
        Ok(())
    }

    fn line(&self) -> String {
        format!(
            "{} rounds ({} more failed): in {} of them {} viewers got nothing in some 5 s; least share {:.3}; longest gap {:.0} ms; the machine stood still for {:.0} ms \
             at most, and a bare sender was {:.0} ms late",
            self.rounds,
            self.failed,
            self.silent_rounds,
            self.silent,
            self.least_share.unwrap_or(1.0),
            self.gap_ms,
            self.stood_ms,
            self.bare_late_ms,
        )
    }
}

/// Runs the bare sender and our server in turns. Prints a line for each round, one for each viewer that got nothing for 5 s, and what all
/// rounds had.
pub(super) fn measure(plan: &Plan) -> Result<()> {
    let film = Film::make()?;
    let mut tally = Tally::default();
    for round in 1..=plan.times {
        let bare = Values::parse(&run(bare(plan, &film)?)?);
        let text = match run(ours(plan, &film)?) {
            Ok(text) => text,
            Err(error) => {
                tally.failed += 1;
                println!("round {round}: FAILED: {error:#}");
                continue;
            }
        };
        let values = Values::parse(&text);
        tally.add(&values, &bare)?;
        println!("{}", round_line(round, plan, &values, &bare)?);
        text.lines().filter(|line| line.starts_with("silent viewer")).for_each(|line| println!("  {line}"));
    }
    println!("{}", tally.line());
    Ok(())
}

fn round_line(round: u32, plan: &Plan, ours: &Values, bare: &Values) -> Result<String> {
    let asked = plan.viewers as f64 * 24.0 * plan.seconds as f64;
    Ok(format!(
        "round {round}: {:.2} % delivered, {} silent, least share {:.3}, longest gap {:.0} ms, {:.3} ms a stream-second; the machine stood still for {:.0} ms, server and \
         viewers waited for their cores for {:.0} and {:.0} ms; bare: {:.2} % delivered, {:.0} ms late at most, {:.3} ms",
        ours.of("frames")? / asked * 100.0,
        ours.of("silent")?,
        ours.of("least_share")?,
        ours.of("gap_ms")?,
        ours.of("processor_ms")?,
        ours.of("stood_ms")?,
        ours.of("waited_ms")?,
        ours.of("viewers_waited_ms")?,
        bare.of("delivered")? * 100.0,
        bare.of("late_ms")?,
        bare.of("processor_ms")?,
    ))
}

fn bare(plan: &Plan, film: &Film) -> Result<Command> {
    let mut command = program("bare")?;
    arguments(&mut command, plan).args(["--pin", "--slack-ms", "2"]);
    command.args(["--frame-bytes", &film.frame_bytes.to_string()]);
    Ok(command)
}

fn ours(plan: &Plan, film: &Film) -> Result<Command> {
    let mut command = program("load")?;
    arguments(&mut command, plan).args(["--pin", "--values", "--path", FILM, "--server"]);
    command.arg(release_program("mutoscope-server")?).args(["--", "-v", "--loop", "--threads", "1"]).arg(&film.path);
    Ok(command)
}

fn arguments<'a>(command: &'a mut Command, plan: &Plan) -> &'a mut Command {
    let (viewers, seconds) = (plan.viewers.to_string(), plan.seconds.to_string());
    command.args(["--transport", plan.transport.name(), "--viewers", &viewers, "--seconds", &seconds])
}

fn run(mut command: Command) -> Result<String> {
    let text = output(&mut command).with_context(|| format!("repeat with `{}`", line(&command)))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_added_up_to_their_worst() {
        let bare = Values::parse("late_ms=3 delivered=1 processor_ms=0.5");
        let ours = |silent: u32, share: f64| {
            Values::parse(&format!(
                "frames=120000 silent={silent} least_share={share} gap_ms=50 stood_ms=7 waited_ms=4 viewers_waited_ms=3 processor_ms=0.6"
            ))
        };
        let mut tally = Tally::default();
        for (silent, share) in [(0, 0.99), (2, 0.0), (0, 1.0)] {
            tally.add(&ours(silent, share), &bare).unwrap();
        }
        assert_eq!((tally.rounds, tally.silent_rounds, tally.silent, tally.least_share), (3, 1, 2, Some(0.0)));
        let plan = Plan { times: 3, viewers: 1000, transport: Transport::Udp, seconds: 5 };
        let line = round_line(1, &plan, &ours(0, 0.99), &bare).unwrap();
        assert!(line.starts_with("round 1: 100.00 % delivered, 0 silent, least share 0.990"), "{line}");
    }
}
