//! Plays motion JPEG over RTSP: in an SDL2 window, or headless.

mod args;
mod decode;
mod figures;
mod frame;
mod headless;
mod json;
mod logging;
mod mailbox;
mod model;
mod network;
mod outputs;
mod rates;
mod reconnect;
mod record;
mod snapshot;
mod ui;

use args::Args;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use log::LevelFilter;
use mutoscope_std::client::{Loss, Options};
use mutoscope_std::console::OneLine;
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let args = Args::parse();
    if let Err(conflict) = outputs::check(&args) {
        Args::command().error(ErrorKind::ArgumentConflict, conflict).exit();
    }
    let levels = [LevelFilter::Warn, LevelFilter::Info, LevelFilter::Debug];
    // What a server makes us say must not stop the pictures where nobody reads it.
    logging::start(levels.get(usize::from(args.verbose)).copied().unwrap_or(LevelFilter::Trace));
    decode::silence_panics();
    let played = if args.headless { headless::run(&args) } else { ui::run(&args) };
    match played {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<json::NobodyReads>() => ExitCode::from(json::NobodyReads::STATUS),
        Err(error) => {
            eprintln!("player-sdl: {}", OneLine(format_args!("{error:#}")));
            ExitCode::FAILURE
        }
    }
}

/// What the client has to know.
fn client_options(args: &Args) -> Options {
    Options {
        transport: args.transport,
        dialect: args.dialect,
        rtp_port: args.rtp_port,
        playout_delay: Duration::from_millis(args.buffer),
        // Any seed will do, as long as a run can be repeated.
        loss: Loss { per_mille: args.drop_per_mille, seed: 1 },
        ..Options::new(args.url())
    }
}
