//! Connects to `mutoscope-server` again and again, and prints what a connection costs it: as it is, and in TLS.

use anyhow::{Context, Result, ensure};
use clap::Parser;
use mutoscope_tests::control::Door;
use mutoscope_tests::process::{Server, Usage};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Connects, asks for OPTIONS, and leaves. Prints `name=value` for programs: microseconds of the server's processor for each.
#[derive(Parser)]
struct Args {
    /// The server's program, with TLS in it
    #[arg(long, default_value = "target/release/mutoscope-server")]
    server: PathBuf,
    /// How many connections of each kind are made in a round
    #[arg(long, default_value_t = 500)]
    connections: usize,
    /// How many rounds; what is printed is the median
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let server = Server::start(&args.server, &["--tls", "--tls-port", "0"])?;
    let private: SocketAddr = server.tls.as_ref().context("the server prints no URL in TLS")?.parse()?;
    let kinds = [
        ("plain_us", Door::Plain(server.address), false),
        ("full_us", Door::tls(private, false)?, false),
        ("resumed_us", Door::tls(private, true)?, true),
    ];
    let mut costs = [const { Vec::new() }; 3];
    for _ in 0..args.rounds {
        for ((_, door, resumes), costs) in kinds.iter().zip(&mut costs) {
            visit(door)?;
            // The server hears of an end a little later.
            std::thread::sleep(Duration::from_millis(20));
            let before = Usage::of(server.id())?;
            for _ in 0..args.connections {
                ensure!(visit(door)? == *resumes, "a session was not what it was to be");
            }
            std::thread::sleep(Duration::from_millis(20));
            let spent = Usage::of(server.id())?.processor.saturating_sub(before.processor);
            costs.push(spent.as_secs_f64() * 1e6 / args.connections as f64);
        }
    }
    let words = kinds.iter().zip(&mut costs).map(|((name, ..), costs)| {
        costs.sort_by(f64::total_cmp);
        format!("{name}={:.1}", costs.get(costs.len() / 2).copied().unwrap_or(f64::NAN))
    });
    #[allow(clippy::print_stdout, reason = "the figures are this program's product")]
    {
        println!("{}", words.collect::<Vec<_>>().join(" "));
    }
    Ok(())
}

/// One connection, up to an answer; whether it took up what another one had left.
fn visit(door: &Door) -> Result<bool> {
    let mut control = door.open()?;
    write!(control, "OPTIONS rtsp://{}/ RTSP/1.0\r\nCSeq: 1\r\n\r\n", door.address())?;
    let (mut answer, mut len) = ([0; 1024], 0);
    while !answer[..len].ends_with(b"\r\n\r\n") {
        let n = control.read(&mut answer[len..])?;
        ensure!(n > 0, "the server closed the connection");
        len += n;
    }
    ensure!(answer.starts_with(b"RTSP/1.0 200"), "refused");
    Ok(control.is_resumed())
}
