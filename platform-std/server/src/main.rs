//! Streams motion JPEG files over RTSP and RTP.
#![forbid(unsafe_code)]

mod access;
mod announce;
mod args;
mod check;
mod check_inputs;
mod cluster;
mod config;
mod harden;
mod health;
mod hook;
#[cfg(feature = "lab-check")]
mod lab_check;
mod limits;
mod logging;
#[cfg(test)]
mod manual;
mod onvif;
mod passwd;
mod reload;
mod run;
mod signals;
mod state;
mod streams;
mod systemd;
#[cfg(test)]
#[path = "../../src/media/testing.rs"]
mod testing;
mod tls;
mod token;
mod tools;
mod web;

use std::io::{self, Write};
use std::process::ExitCode;

use access::TooOpen;
use anyhow::Context;
use config::Configuration;
use mutoscope_std::console::OneLine;

fn main() -> ExitCode {
    let code = |is_good| if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    match tools::run().unwrap_or_else(|| Configuration::load().and_then(run).map(code)) {
        Ok(code) => code,
        // The reader of the report has read enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::from(128 + 13),
        Err(error) => {
            logging::complain(format_args!("{error:#}"));
            let Some(too_open) = error.downcast_ref::<TooOpen>() else { return ExitCode::FAILURE };
            too_open.advice.iter().for_each(|line| _ = writeln!(io::stderr(), "{}", OneLine(line)));
            ExitCode::from(2)
        }
    }
}

/// Does what the program was asked for. `false`: something was wrong, and that has been said.
fn run(configuration: Configuration) -> anyhow::Result<bool> {
    let args = &configuration.args;
    logging::start(&args.log, args.check);
    if args.list_cameras {
        list_cameras()
    } else if args.print_config {
        io::stdout().lock().write_all(config::print(&configuration).as_bytes())?;
        Ok(true)
    } else if args.check {
        check_all(configuration)
    } else {
        run::run(configuration).map(|()| true)
    }
}

/// One line for each camera of the machine. `false`: there is none.
fn list_cameras() -> anyhow::Result<bool> {
    let cameras = mutoscope_std::input::list_cameras().context("cannot look for cameras")?;
    if cameras.is_empty() {
        let _ = writeln!(io::stderr(), "mutoscope-server: there is no camera here");
        return Ok(false);
    }
    let mut out = io::stdout().lock();
    cameras.iter().try_for_each(|camera| writeln!(out, "{}", OneLine(camera)))?;
    Ok(true)
}

/// Checks what is named, inputs first. `true`: all of it can be served.
fn check_all(configuration: Configuration) -> anyhow::Result<bool> {
    let Configuration { mut args, paths, films, specs, .. } = configuration;
    if cluster::check(&args.cluster)? {
        writeln!(io::stdout().lock(), "other machines can be joined as the options say")?;
    }
    let inputs = check_inputs::run(&specs, args.policy(), &mut io::stdout().lock())?;
    // Where only inputs are named there is no file to be missed.
    let has_files = (specs.is_empty() && films.is_empty()) || !paths.is_empty();
    let named = check::run_on_films(&films, args.policy(), &mut io::stdout().lock())?;
    args.media = paths;
    let files = !has_files || check::run_on_stdout(&args)?;
    Ok(inputs && named && files)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref().is_some_and(|error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe)
}
