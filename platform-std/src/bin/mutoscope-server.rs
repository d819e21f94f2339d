//! Streams motion JPEG files over RTSP and RTP.
#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use platform_std::args::{Args, start_logging};
use platform_std::server;

fn main() -> ExitCode {
    let args = Args::parse();
    start_logging(args.log_level());
    match server::run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where nobody listens there, the exit code still tells.
            let _ = writeln!(io::stderr(), "mutoscope-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}
