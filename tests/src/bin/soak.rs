//! Runs `mutoscope-server` for minutes with viewers that stay and viewers that come and go; see `mutoscope_tests::soak`.

use anyhow::{Context, Result, ensure};
use clap::Parser;
use mutoscope_tests::process::Server;
use mutoscope_tests::soak::{Outcome, STAYING, Soak, growth};
use std::path::PathBuf;
use std::time::Duration;

/// Looks every second at what the server holds; exits with 1 if that has grown. Prints `name=value`.
#[derive(Parser)]
struct Args {
    /// The server's program.
    #[arg(long, default_value = "target/release/mutoscope-server")]
    server: PathBuf,
    /// An MJPEG file for viewers of standard RTP.
    #[arg(long)]
    film: PathBuf,
    /// An MJPEG file of frames of less than 20 KB, for the lab's viewers.
    #[arg(long)]
    lab_film: PathBuf,
    /// On how many threads the server runs.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// How long, in seconds.
    #[arg(long, default_value_t = 300)]
    seconds: u64,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let name = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let (path, lab_path) = name(&args.film).zip(name(&args.lab_film)).context("a file without a name")?;
    let files = [args.film.to_str(), args.lab_film.to_str()].map(Option::unwrap_or_default);
    let threads = args.threads.to_string();
    let server = Server::start(&args.server, &["--loop", "-q", "--threads", &threads, files[0], files[1]])?;
    let soak = Soak {
        server: &server,
        path: &path,
        lab_path: &lab_path,
        duration: Duration::from_secs(args.seconds),
        interval: Duration::from_secs(1),
    };
    let outcome = soak.run(|at, usage| {
        if at.as_secs().is_multiple_of(30) {
            let (seconds, resident, open) = (at.as_secs(), usage.resident_kib, usage.descriptors);
            eprintln!("{seconds:>5} s  {resident} KiB resident  {open} descriptors");
        }
    })?;
    print(&outcome);
    let (status, log) = server.interrupt()?;
    ensure!(status == Some(0) && !log.contains("panicked"), "the server ended with {status:?}; its log:\n{log}");
    let grown = growth(&outcome.samples);
    ensure!(grown.is_empty(), "{}", grown.join("; "));
    ensure!(outcome.lost_frames == 0, "viewers lost {} frames", outcome.lost_frames);
    Ok(())
}

fn print(outcome: &Outcome) {
    let Outcome { samples, sessions, lost_frames, longest_gap } = outcome;
    let range = |of: fn(&mutoscope_tests::process::Usage) -> u64| {
        (samples.iter().map(of).min().unwrap_or(0), samples.iter().map(of).max().unwrap_or(0))
    };
    let (rss, open) = (range(|usage| usage.resident_kib), range(|usage| usage.descriptors as u64));
    #[allow(clippy::print_stdout, reason = "the figures are this program's product")]
    {
        println!(
            "viewers={} sessions={sessions} lost={lost_frames} gap_ms={:.1} resident_min_kib={} resident_max_kib={} \
             descriptors_min={} descriptors_max={}",
            STAYING.iter().sum::<usize>(),
            longest_gap.as_secs_f64() * 1000.0,
            rss.0,
            rss.1,
            open.0,
            open.1,
        );
    }
}
