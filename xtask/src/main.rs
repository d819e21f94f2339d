//! The project's own commands. `cargo xtask --help` lists them.
//!
//! Reading order: [`mod@test`] is what CI runs and names everything else as a step; [`check`] holds the rules of the
//! source tree; [`media`] makes the clips that the interop run plays; [`mod@bench`] measures
//! beside the targets, [`sizes`] the core on a microcontroller; [`packages`] finds or installs system packages.
#![forbid(unsafe_code)]
// A command-line tool talks through standard output.
#![allow(clippy::print_stdout)]

mod bench;
mod check;
mod media;
mod packages;
mod run_server;
mod shell;
mod sizes;
mod test;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Builds, runs, checks and measures Mutoscope.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build mutoscope-server in release and run it: `cargo xtask run-server -- --help`
    RunServer {
        /// Arguments for the server
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<std::ffi::OsString>,
    },
    /// Run everything that CI runs; the last line counts passed, failed and skipped steps
    Test(test::Options),
    /// Check the rules of the source tree
    Check,
    /// Generate MJPEG test files with ffmpeg
    Media {
        /// Where to put them [default: target/media]
        directory: Option<PathBuf>,
    },
    /// Print what the core takes of RAM and flash on a Cortex-M4F
    Sizes,
    /// Measure speed, latency, load and endurance beside the project's targets
    Bench(bench::Options),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::RunServer { arguments } => run_server::run(&arguments).map(|()| true),
        Command::Test(options) => test::run(&options),
        Command::Check => check::run(),
        Command::Media { directory } => media::run(directory).map(|()| true),
        Command::Sizes => sizes::run(),
        Command::Bench(options) => bench::run(&options),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
