//! Opens the server's page in a browser, and looks at what it shows.
//!
//! `cargo xtask test --only browser` runs this; `cargo xtask screenshots` has it make the pictures of the documents.
#![allow(clippy::print_stdout, reason = "the table is this program's product")]

use anyhow::Result;
use clap::Parser;
use mutoscope_tests::browser::chromium::Chromium;
use mutoscope_tests::browser::gallery;
use mutoscope_tests::browser::scenes::SCENES;
use mutoscope_tests::process::exit_code;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// Opens the server's page in a browser, and looks at what it shows.
#[derive(Parser)]
struct Args {
    /// The server's program
    #[arg(long, default_value = "target/release/mutoscope-server")]
    server: PathBuf,
    /// Try only what has this in its description
    #[arg(long, default_value = "")]
    only: String,
    /// Make the pictures of the documents instead, in this folder
    #[arg(long, value_name = "FOLDER")]
    screenshots: Option<PathBuf>,
}

fn main() -> ExitCode {
    exit_code(run(&Args::parse()))
}

/// `true` where everything was right.
fn run(args: &Args) -> Result<bool> {
    if let Some(folder) = &args.screenshots {
        return gallery::make(&args.server, folder).map(|()| true);
    }
    let mut is_good = true;
    for (number, scene) in SCENES.iter().enumerate().filter(|(_, scene)| scene.what.contains(&args.only)) {
        let begin = Instant::now();
        let mut browser = Chromium::start(&number.to_string())?;
        let outcome = (scene.play)(&mut browser, &args.server);
        let complaints = browser.complaints();
        let seconds = begin.elapsed().as_secs_f32();
        println!("{}: {} ({seconds:.1} s)", if outcome.is_ok() { "right" } else { "WRONG" }, scene.what);
        if let Err(error) = &outcome {
            println!("    {error:#}");
        }
        for complaint in &complaints {
            println!("    the browser complains: {complaint}");
        }
        is_good &= outcome.is_ok() && complaints.is_empty();
    }
    Ok(is_good)
}
