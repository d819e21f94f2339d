//! Runs `mutoscope-server` under many viewers and prints what it cost and what they got.

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use mutoscope_tests::control::Door;
use mutoscope_tests::load::{Load, StrictClient, Transport};
use mutoscope_tests::process::{Scratch, Server, Usage};
use std::path::PathBuf;
use std::time::Duration;

/// Plays a server with many viewers at once; prints one row of a Markdown table.
#[derive(Parser)]
struct Args {
    /// The server's program.
    #[arg(long, default_value = "target/release/mutoscope-server")]
    server: PathBuf,
    /// Files for the server, and its other options; without any, it serves its test card and movie.
    #[arg(last = true)]
    server_args: Vec<String>,
    /// The film that the viewers play.
    #[arg(long, default_value = "testcard")]
    path: String,
    /// How many play at once.
    #[arg(long, default_value_t = 100)]
    viewers: usize,
    /// How media travels.
    #[arg(long, value_enum, default_value = "udp")]
    transport: Lower,
    /// How long, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Frames per second of what is played.
    #[arg(long, default_value_t = 24)]
    frame_rate: u32,
    /// Print the table's head first.
    #[arg(long, conflicts_with = "values")]
    head: bool,
    /// Print `name=value` for programs instead of a row for people.
    #[arg(long)]
    values: bool,
    /// Exit with 1 if any viewer lost a frame.
    #[arg(long)]
    strict: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Lower {
    Udp,
    Tcp,
    /// Interleaved, in TLS.
    Tls,
    /// SRTP, each viewer with a key of its own, over UDP.
    SrtpUdp,
    /// The same, interleaved.
    SrtpTcp,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let rate = args.frame_rate.to_string();
    let mut options: Vec<&str> = args.server_args.iter().map(String::as_str).collect();
    let limit = (args.viewers + 10).to_string();
    options.extend(["--max-clients", &limit, "--frame-rate", &rate]);
    let (transport, name) = match args.transport {
        Lower::Udp => (Transport::Udp, "UDP"),
        Lower::Tcp => (Transport::Tcp, "TCP"),
        Lower::Tls => (Transport::Tcp, "TCP, TLS"),
        Lower::SrtpUdp => (Transport::Udp, "UDP, SRTP"),
        Lower::SrtpTcp => (Transport::Tcp, "TCP, SRTP"),
    };
    let is_secret = matches!(args.transport, Lower::SrtpUdp | Lower::SrtpTcp);
    let scratch = Scratch::new("load")?;
    let configuration = scratch.0.join("mutoscope.toml");
    std::fs::write(&configuration, format!("[streams.{:?}]\nencryption = \"required\"\n", args.path))?;
    let configuration = configuration.display().to_string();
    match args.transport {
        Lower::Udp | Lower::Tcp => {}
        Lower::Tls => options.extend(["--tls", "--tls-port", "0"]),
        Lower::SrtpUdp | Lower::SrtpTcp => options.extend(["--config", &configuration, "--sdes"]),
    }
    let server = Server::start(&args.server, &options)?;
    let door = match args.transport {
        Lower::Tls => Door::tls(server.tls.as_ref().context("the server prints no URL in TLS")?.parse()?, false)?,
        _ => Door::Plain(server.address),
    };
    let load = Load {
        door,
        is_secret,
        path: args.path,
        viewers: args.viewers,
        transport,
        duration: Duration::from_secs(args.seconds),
        frame_rate: args.frame_rate,
    };
    let mut before = None;
    let viewers = load.run(|| before = Usage::of(server.id()).ok())?;
    let after = Usage::of(server.id())?;
    let before = before.context("the server vanished")?;

    let sum = |of: fn(&StrictClient) -> u64| viewers.iter().map(of).sum::<u64>();
    let stream_seconds = args.viewers as f64 * args.seconds as f64;
    let processor = (after.processor - before.processor).as_secs_f64() * 1000.0 / stream_seconds;
    let (frames, lost) = (sum(|viewer| viewer.frames), sum(|viewer| viewer.lost_frames));
    let late = sum(|viewer| viewer.late);
    let megabits = sum(|viewer| viewer.octets) as f64 * 8e-6 / stream_seconds;
    let gap = viewers.iter().map(|viewer| viewer.longest_gap).max().unwrap_or_default().as_secs_f64() * 1000.0;
    #[allow(clippy::print_stdout, reason = "the table is this program's product")]
    if args.values {
        println!(
            "megabits={megabits:.2} frames={frames} lost={lost} gap_ms={gap:.1} late={late} processor_ms={processor:.3} peak_kib={} resident_kib={}",
            after.peak_kib, after.resident_kib
        );
    } else {
        if args.head {
            println!(
                "| transport | viewers | seconds | Mbit/s a stream | frames | lost | longest gap, ms | gaps > 60 ms | processor, ms a stream-second | resident, KiB (peak) |"
            );
            println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
        }
        println!(
            "| {name} | {} | {} | {megabits:.2} | {frames} | {lost} | {gap:.1} | {late} | {processor:.3} | {} ({}) |",
            args.viewers, args.seconds, after.resident_kib, after.peak_kib,
        );
    }
    ensure!(!args.strict || lost == 0, "{lost} frames were lost");
    Ok(())
}
