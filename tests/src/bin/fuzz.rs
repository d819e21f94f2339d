//! Runs every fuzz target for some seconds over seeded mutations.
#![allow(clippy::print_stdout, reason = "the table is this program's product")]

use clap::Parser;
use mutoscope_tests::fuzz::{TARGETS, runner};
use std::process::ExitCode;
use std::time::Duration;

/// Feeds every parser with mutated input. The same seed gives the same inputs.
#[derive(Parser)]
struct Args {
    /// Seconds for each target
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Inputs for each target at the most
    #[arg(long, default_value_t = u64::MAX)]
    inputs: u64,
    /// Where the random numbers begin
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only this target
    #[arg(long, value_parser = TARGETS.iter().map(|target| target.name).collect::<Vec<_>>())]
    target: Option<String>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let mut failures = 0;
    for target in TARGETS.iter().filter(|target| args.target.as_ref().is_none_or(|name| name == target.name)) {
        let outcome = runner::run(target, args.seed, Duration::from_secs_f64(args.seconds), args.inputs);
        let micros = outcome.slowest.as_micros();
        println!("{:12} {:>9} inputs, slowest {micros:>6} us", target.name, outcome.inputs);
        if let Some(failure) = outcome.failure {
            failures += 1;
            println!("FAILED {} (seed {}): {}", failure.target, args.seed, failure.message);
            println!("       input: {}", keep(&failure));
        }
    }
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The input as a literal where it is short, and otherwise the file it is put into.
fn keep(failure: &runner::Failure) -> String {
    if failure.input.len() <= 200 {
        return runner::literal(&failure.input);
    }
    let path = std::env::temp_dir().join(format!("mutoscope-fuzz-{}.bin", failure.target));
    match std::fs::write(&path, &failure.input) {
        Ok(()) => format!("{} bytes in {}", failure.input.len(), path.display()),
        Err(_) => runner::literal(&failure.input),
    }
}
