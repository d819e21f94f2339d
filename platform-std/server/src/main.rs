//! Streams motion JPEG files over RTSP and RTP.
#![forbid(unsafe_code)]

mod args;
mod check;
mod limits;
mod logging;
mod run;
mod signals;
#[cfg(test)]
#[path = "../../src/media/testing.rs"]
mod testing;

use std::io::{self, Write};
use std::process::ExitCode;

use args::Args;
use clap::Parser;
use mutoscope_std::console::OneLine;

fn main() -> ExitCode {
    let args = Args::parse();
    logging::start(args.log_level());
    let result = if args.check { check::run_on_stdout(&args) } else { run::run(&args).map(|()| true) };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // The reader of the report has read enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::from(128 + 13),
        Err(error) => {
            // Where nobody listens there, the exit code still tells.
            let _ = writeln!(io::stderr(), "mutoscope-server: {}", OneLine(format_args!("{error:#}")));
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref().is_some_and(|error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe)
}
