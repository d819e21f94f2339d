//! Clusters of several machines, which are network namespaces of this one, or programs beside each other where there are none.
//!
//! `cargo xtask test --only cluster` builds what it needs and runs this; `cargo xtask cluster-demo` shows some of it.
#![allow(clippy::print_stdout, reason = "the table is this program's product")]

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use mutoscope_tests::cluster::events::{EVENTS, Event, show};
use mutoscope_tests::cluster::measure::measure;
use mutoscope_tests::cluster::{HEAD, Row, Stage, bare, interrupt, liar, network};
use mutoscope_tests::moving;
use mutoscope_tests::process::{Scratch, exit_code};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// Has things happen to several machines, and tells what became of pictures.
#[derive(Parser)]
struct Args {
    /// The server's program, with the feature `cluster`
    #[arg(long, default_value = "target/debug/mutoscope-server")]
    server: PathBuf,
    /// Our player, for viewers whom a full edge sends on
    #[arg(long)]
    player: Option<PathBuf>,
    /// Only these events: quiet, whole, kill, cut, move, pair, lie, narrow, large, full (comma-separated)
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// No namespaces: all programs run beside each other, and no cable is cut
    #[arg(long)]
    loopback: bool,
    /// Show people what happens, as it happens: three machines and two players
    #[arg(long, conflicts_with = "only")]
    demo: bool,
    /// Measure what relaying takes, too, so many seconds for each figure
    #[arg(long, value_name = "SECONDS", conflicts_with = "demo")]
    measure: Option<u64>,
    /// What is not as it has to be is no failure
    #[arg(long)]
    figures: bool,
    #[command(subcommand)]
    other: Option<Other>,
}

/// The event of which `moving` has a table of its own.
const FULL: &str = "full";

impl Args {
    fn is_wanted(&self, event: &str) -> bool {
        !self.demo && (self.only.is_empty() || self.only.iter().any(|name| name == event))
    }
}

/// What this program is to others of its kind.
#[derive(Subcommand)]
enum Other {
    /// A node that lies
    #[command(name = liar::WORD, hide = true)]
    Lie {
        /// With whom it connects
        node: String,
    },
    /// Zenoh without a server
    #[command(name = bare::WORD, hide = true)]
    Bare {
        #[arg(value_enum)]
        part: bare::Part,
        node: String,
        streams: usize,
        seconds: u64,
    },
}

/// How often something is tried that may have been late because this machine was busy.
const TRIES: usize = 3;

fn main() -> ExitCode {
    exit_code(run(&Args::parse()))
}

fn run(args: &Args) -> Result<bool> {
    match &args.other {
        Some(Other::Lie { node }) => return liar::lie(node).map(|()| true),
        Some(Other::Bare { part, node, streams, seconds }) => {
            return bare::run(*part, node, *streams, *seconds).map(|()| true);
        }
        None => {}
    }
    ctrlc::set_handler(interrupt).context("cannot handle Ctrl-C")?;
    let events: Vec<_> = EVENTS.iter().filter(|event| args.is_wanted(event.name)).collect();
    network::sweep();
    let why_not = if args.loopback { Some("as asked for".to_owned()) } else { network::why_not() };
    let namespaces = why_not.is_none();
    let stage = Stage { program: args.server.clone(), namespaces, scratch: Scratch::new("cluster")?, tells: args.demo };
    if args.demo {
        if let Some(why) = why_not {
            println!("SKIPPED the cable, because there are no network namespaces: {why}");
        }
        print_table(&show(&stage)?);
        return Ok(true);
    }
    let mut rows = match args.measure {
        Some(seconds) => measure(&stage, seconds)?,
        None => Vec::new(),
    };
    // It waits most of its time, and disturbs nobody.
    let full = args.is_wanted(FULL).then(|| {
        let (server, player) = (args.server.clone(), args.player.clone());
        std::thread::spawn(move || moving::run(&server, player.as_deref()))
    });
    ensure!(full.is_some() || !events.is_empty(), "there is no such event");
    for event in events {
        match &why_not {
            Some(why) if event.needs_cables => {
                println!(
                    "SKIPPED cluster {}: there are no network namespaces, so no cable can be cut: {why}",
                    event.name
                );
            }
            _ => rows.extend(try_it(event, &stage)?),
        }
    }
    let of_full = full.map(|full| full.join().ok().context("a thread panicked")?).transpose()?;
    of_full.iter().flatten().for_each(|line| println!("full: {line}"));
    Ok(print_table(&rows) || args.figures)
}

/// Prints it; `false` where something is not as it has to be.
fn print_table(rows: &[Row]) -> bool {
    println!("\n{HEAD}");
    rows.iter().for_each(|row| println!("{row}"));
    rows.iter().all(|row| row.reached)
}

/// Until all is as it has to be, or it was tried often enough.
fn try_it(event: &Event, stage: &Stage) -> Result<Vec<Row>> {
    let mut tries = 0;
    loop {
        tries += 1;
        let begin = Instant::now();
        let rows = (event.run)(stage).with_context(|| format!("cluster {}", event.name))?;
        println!("{}: {:.1} s", event.name, begin.elapsed().as_secs_f64());
        if tries >= TRIES || rows.iter().all(|row| row.reached) {
            return Ok(rows);
        }
        rows.iter().filter(|row| !row.reached).for_each(|row| println!("not reached: {row}"));
    }
}
