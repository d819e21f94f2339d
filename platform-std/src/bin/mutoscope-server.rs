//! Streams motion JPEG files over RTSP and RTP.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use platform_std::args::{Args, start_logging};
use platform_std::{check, server};

fn main() -> ExitCode {
    let args = Args::parse();
    start_logging(args.log_level());
    let result =
        if args.check { check::run_on_stdout(&args.media, args.policy()) } else { server::run(&args).map(|()| true) };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("mutoscope-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}
