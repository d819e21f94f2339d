//! Plays motion JPEG over RTSP, in an SDL2 window or headless.

mod address;
mod args;
mod asking;
mod decode;
#[cfg(feature = "announce")]
mod discover;
mod figures;
mod frame;
mod glimpse;
mod headless;
mod json;
mod logging;
mod mailbox;
mod model;
mod network;
mod outputs;
mod protocol;
mod rates;
mod recent;
mod reconnect;
mod record;
mod run;
mod servers;
mod sink;
mod smaller;
mod snapshot;
mod steps;
mod ui;
mod wording;

use args::Args;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use json::PrintError;
use log::LevelFilter;
use mutoscope_std::console::OneLine;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = Args::parse();
    if let Err(conflict) = args.check().and_then(|()| outputs::check(&args)) {
        Args::command().error(ErrorKind::ArgumentConflict, conflict).exit();
    }
    let levels = [LevelFilter::Warn, LevelFilter::Info, LevelFilter::Debug];
    // The log never blocks: a server can make the player log much, and nobody may read it.
    logging::start(levels.get(usize::from(args.verbose)).copied().unwrap_or(LevelFilter::Trace));
    decode::silence_panics();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.downcast_ref() == Some(&PrintError::ReaderGone) => {
            ExitCode::from(PrintError::READER_GONE_STATUS)
        }
        Err(error) => {
            eprintln!("player-sdl: {}", OneLine(format_args!("{error:#}")));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> anyhow::Result<()> {
    #[cfg(feature = "announce")]
    if let Some(patience) = args.discover {
        return discover::run(patience);
    }
    if args.headless { headless::run(args) } else { ui::run(args) }
}
