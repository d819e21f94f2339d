//! Streams motion JPEG files over RTSP and RTP.
#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use mutoscope_std::args::Args;
use mutoscope_std::logging::{self, OneLine};
use mutoscope_std::{check, server};

fn main() -> ExitCode {
    let args = Args::parse();
    logging::start(args.log_level());
    let result = if args.check { check::run_on_stdout(&args) } else { server::run(&args).map(|()| true) };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // Who reads the report has read enough.
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
