//! Runs `mutoscope-server` under many viewers and prints what it cost and what they got.

use anyhow::{Context, Result, bail, ensure};
use clap::{Parser, ValueEnum};
use mutoscope_tests::control::Door;
use mutoscope_tests::load::{Load, OUR_TRACK, StrictClient, Transport};
use mutoscope_tests::peers::server::{Running, gstreamer_shared};
use mutoscope_tests::process::{Scratch, Server, Usage, pin, raise_descriptors};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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
    /// Play GStreamer's server with this film, JPEG pictures at 24 a second, instead of ours.
    #[arg(long, conflicts_with_all = ["server_args", "path", "frame_rate"])]
    gstreamer: Option<PathBuf>,
    /// Keep the server to core 0 and the viewers to core 1.
    #[arg(long)]
    pin: bool,
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

impl Lower {
    /// What carries it, and its name for people.
    const fn parts(self) -> (Transport, &'static str) {
        match self {
            Self::Udp => (Transport::Udp, "UDP"),
            Self::Tcp => (Transport::Tcp, "TCP"),
            Self::Tls => (Transport::Tcp, "TCP, TLS"),
            Self::SrtpUdp => (Transport::Udp, "UDP, SRTP"),
            Self::SrtpTcp => (Transport::Tcp, "TCP, SRTP"),
        }
    }
}

/// What is played.
enum Served {
    Ours(Server),
    Other(Running),
}

impl Served {
    fn id(&self) -> u32 {
        match self {
            Self::Ours(server) => server.id(),
            Self::Other(server) => server.id(),
        }
    }

    /// Where its viewers come in. Another server is waited for.
    fn door(&self, is_tls: bool) -> Result<Door> {
        match self {
            Self::Ours(server) if is_tls => {
                Door::tls(server.tls.as_ref().context("the server prints no URL in TLS")?.parse()?, false)
            }
            Self::Ours(server) => Ok(Door::Plain(server.address)),
            Self::Other(server) => {
                let address = server.url.split('/').nth(2).context("a URL has an address")?.parse()?;
                for _ in 0..200 {
                    if TcpStream::connect(address).is_ok() {
                        return Ok(Door::Plain(address));
                    }
                    std::thread::sleep(Duration::from_millis(50));
                }
                bail!("the other server does not listen: {}", server.last_words())
            }
        }
    }
}

/// The most memory that the kernel held for TCP while this value lived, that of the whole machine.
struct Held {
    most: Arc<AtomicU64>,
}

impl Held {
    fn watch() -> Self {
        let most = Arc::new(AtomicU64::new(0));
        let weak = Arc::downgrade(&most);
        std::thread::spawn(move || {
            while let Some(most) = weak.upgrade() {
                let text = std::fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
                let words = text.lines().find(|line| line.starts_with("TCP:")).unwrap_or_default();
                let pages = words.split("mem ").nth(1).and_then(|pages| pages.trim().parse().ok()).unwrap_or(0);
                most.fetch_max(pages, Ordering::Relaxed);
                drop(most);
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        Self { most }
    }

    /// The kernel counts pages; those of 4 KiB are meant.
    fn most_kib(&self) -> u64 {
        self.most.load(Ordering::Relaxed) * 4
    }
}

fn main() -> Result<()> {
    let args = Args::parse();
    let rate = args.frame_rate.to_string();
    let mut options: Vec<&str> = args.server_args.iter().map(String::as_str).collect();
    let limit = (args.viewers + 10).to_string();
    options.extend(["--max-clients", &limit, "--frame-rate", &rate]);
    let (transport, name) = args.transport.parts();
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
    raise_descriptors()?;
    let server = match &args.gstreamer {
        Some(film) => Served::Other(gstreamer_shared(&scratch.0, film)?),
        None => Served::Ours(Server::start(&args.server, &options)?),
    };
    let (id, door) = (server.id(), server.door(matches!(args.transport, Lower::Tls))?);
    if args.pin {
        pin(id, 0)?;
        pin(std::process::id(), 1)?;
    }
    let (path, track) = match server {
        Served::Ours(_) => (args.path, OUR_TRACK),
        Served::Other(_) => ("clip".into(), "/stream=0"),
    };
    let load = Load {
        door,
        is_secret,
        path,
        track,
        viewers: args.viewers,
        transport,
        duration: Duration::from_secs(args.seconds),
        frame_rate: args.frame_rate,
    };
    let held = Held::watch();
    let mut before = None;
    let viewers = load.run(|| before = Usage::of(id).ok())?;
    let after = Usage::of(id)?;
    let tcp_kib = held.most_kib();
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
            "megabits={megabits:.2} frames={frames} lost={lost} gap_ms={gap:.1} late={late} processor_ms={processor:.3} peak_kib={} resident_kib={} tcp_kib={tcp_kib}",
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
