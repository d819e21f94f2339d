//! The project's own commands. `cargo xtask --help` lists them.
//!
//! Reading order: [`mod@test`] is what CI runs and names everything else as a step; [`check`] holds the rules of the source
//! tree; [`run_firmware`] boots the server on an emulated microcontroller, [`tap_demo`] runs it behind a TAP device, [`cluster_demo`] on several machines at once, [`v4l2`] on an
//! emulated machine with a camera; [`media`] makes the clips that the interop run plays; [`mod@bench`] measures beside the targets, [`sizes`] the core on a
//! microcontroller; [`peers`] plays what others serve; [`dist`] makes what others install, of what [`service`] looks at; [`screenshots`] makes pictures of the web page; [`packages`] finds or installs system packages, [`toolchain`] what
//! rustup and cargo install; [`child`] runs programs beside this one.
#![forbid(unsafe_code)]
// A command-line tool talks through standard output.
#![allow(clippy::print_stdout)]

mod bench;
mod check;
mod child;
mod cluster_demo;
mod demo;
mod dist;
mod groups;
mod media;
mod packages;
mod peers;
mod promtool;
mod run_firmware;
mod run_server;
mod screenshots;
mod service;
mod shell;
mod sizes;
mod skip;
mod tap_demo;
mod test;
mod toolchain;
mod v4l2;

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
    /// Build server and player in release and watch the one with the other: `cargo xtask demo -- movie.Mjpeg`
    Demo {
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
    /// Build the bare-metal image and run it on an emulated microcontroller
    RunFirmware(run_firmware::Options),
    /// Run the server on smoltcp behind a TAP device: `cargo xtask tap-demo -- --help`
    TapDemo(tap_demo::Options),
    /// Three machines and two players in network namespaces: a machine dies, a cable is cut, and it prints how long pictures were missing
    ClusterDemo(cluster_demo::Options),
    /// Print what the core takes of RAM and flash on a Cortex-M4F
    Sizes,
    /// Make the pictures of the web page in docs/ anew, with Chromium
    Screenshots,
    /// Make packages for Debian (amd64, arm64, armhf) and a static program in target/dist, and try each: `cargo xtask dist arm64`
    Dist(dist::Options),
    /// Measure speed, latency, load and endurance beside the project's targets
    Bench(bench::Options),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::RunServer { arguments } => run_server::run(&arguments).map(|()| true),
        Command::Demo { arguments } => demo::run(&arguments).map(|()| true),
        Command::Test(options) => test::run(&options),
        Command::Check => check::run(),
        Command::Media { directory } => media::run(directory).map(|()| true),
        Command::RunFirmware(options) => run_firmware::run(&options),
        Command::TapDemo(options) => tap_demo::run(&options).map(|()| true),
        Command::ClusterDemo(options) => cluster_demo::run(&options).map(|()| true),
        Command::Sizes => sizes::run(),
        Command::Screenshots => screenshots::run().map(|()| true),
        Command::Dist(options) => dist::run(&options),
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
