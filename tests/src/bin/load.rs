//! Runs `mutoscope-server` under many viewers and prints what it cost and what they got.

use anyhow::{Context, Result, bail, ensure};
use clap::{Parser, ValueEnum};
use mutoscope_tests::control::Door;
use mutoscope_tests::load::kernel::{Held, Memory, Queues, Stillness};
use mutoscope_tests::load::{Load, Manner, Moment, OUR_TRACK, StrictClient, Transport, shares};
use mutoscope_tests::peers::server::{Running, gstreamer_shared};
use mutoscope_tests::process::{Scratch, Server, Usage, pin, raise_descriptors};
use std::net::TcpStream;
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
    /// Play GStreamer's server with this film, JPEG pictures at 24 a second, instead of ours.
    #[arg(long, conflicts_with_all = ["server_args", "path", "frame_rate"])]
    gstreamer: Option<PathBuf>,
    /// Keep the server to core 0 and the viewers to core 1.
    #[arg(long)]
    pin: bool,
    /// What they do while they are counted.
    #[arg(long, value_enum, default_value = "watching")]
    manner: Habit,
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

#[derive(Clone, Copy, ValueEnum)]
enum Habit {
    /// They play, and read what comes.
    Watching,
    /// They play, and have stopped reading.
    Stalled,
    /// They have played, and pause.
    Paused,
    /// They have sent OPTIONS once, and no more.
    Asked,
    /// They have connected, and sent nothing.
    Silent,
}

impl From<Habit> for Manner {
    fn from(habit: Habit) -> Self {
        match habit {
            Habit::Watching => Self::Watching,
            Habit::Stalled => Self::Stalled,
            Habit::Paused => Self::Paused,
            Habit::Asked => Self::Asked,
            Habit::Silent => Self::Silent,
        }
    }
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

/// What was measured of the server and of the machine, beside what viewers got.
struct Measured {
    /// When it had started, when counting began, and when it had ended.
    usage: [Usage; 3],
    /// The kernel's memory before viewers came, and at its most.
    memory: [Memory; 2],
    queues: Queues,
    /// How long the viewers waited for their core while it did something else.
    viewers_waited: Duration,
    /// How long the machine stood still at most, while counting.
    stood: Duration,
}

/// Runs all viewers, and looks at the server meanwhile.
fn run(load: &Load, id: u32, cores: &[usize]) -> Result<(Vec<StrictClient>, Measured)> {
    let port = load.door.address().port();
    let (fresh, memory) = (Usage::of(id)?, Memory::now());
    let (held, stillness) = (Held::watch(), Stillness::watch(cores));
    let mut found = None;
    let mut before = None;
    let viewers_waited = || Usage::of(std::process::id()).map(|usage| usage.waited).unwrap_or_default();
    let mut waited = Duration::ZERO;
    let viewers = load.run(|moment| match moment {
        Moment::Started => {
            stillness.take_most();
            waited = viewers_waited();
            before = Usage::of(id).ok();
        }
        Moment::Ended => {
            found = Usage::of(id).ok().map(|after| (after, Queues::now(port), stillness.take_most()));
            waited = viewers_waited().saturating_sub(waited);
        }
    })?;
    let before = before.context("the server vanished")?;
    let (after, queues, stood) = found.context("the server vanished")?;
    let (usage, memory) = ([fresh, before, after], [memory, held.most()]);
    Ok((viewers, Measured { usage, memory, queues, viewers_waited: waited, stood }))
}

fn main() -> Result<()> {
    let args = Args::parse();
    let rate = args.frame_rate.to_string();
    let mut options: Vec<&str> = args.server_args.iter().map(String::as_str).collect();
    let limit = (args.viewers + 10).to_string();
    options.extend(["--max-clients", &limit, "--frame-rate", &rate]);
    let (transport, _) = args.transport.parts();
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
    let cores: &[usize] = if args.pin { &[0, 1] } else { &[] };
    if args.pin {
        pin(id, 0)?;
        pin(std::process::id(), 1)?;
    }
    let (path, track) = match server {
        Served::Ours(_) => (args.path.clone(), OUR_TRACK),
        Served::Other(_) => ("clip".into(), "/stream=0"),
    };
    let load = Load {
        door,
        is_secret,
        path,
        track,
        viewers: args.viewers,
        transport,
        manner: args.manner.into(),
        duration: Duration::from_secs(args.seconds),
        frame_rate: args.frame_rate,
    };
    let (viewers, measured) = run(&load, id, cores)?;
    report(&args, &viewers, &measured, &server)
}

/// Prints what was found. Of a viewer that got nothing for a while, a line says what is known.
#[allow(clippy::print_stdout, reason = "the table is this program's product")]
fn report(args: &Args, viewers: &[StrictClient], measured: &Measured, server: &Served) -> Result<()> {
    let sum = |of: fn(&StrictClient) -> u64| viewers.iter().map(of).sum::<u64>();
    let [fresh, before, after] = &measured.usage;
    let stream_seconds = args.viewers as f64 * args.seconds as f64;
    let processor = (after.processor - before.processor).as_secs_f64() * 1000.0 / stream_seconds;
    let (frames, lost) = (sum(|viewer| viewer.frames), sum(|viewer| viewer.lost_frames));
    let late = sum(|viewer| viewer.late);
    let megabits = sum(|viewer| viewer.octets) as f64 * 8e-6 / stream_seconds;
    let gap = viewers.iter().map(|viewer| viewer.longest_gap).max().unwrap_or_default().as_secs_f64() * 1000.0;
    if args.values {
        let seconds: Vec<_> = viewers.iter().map(|viewer| viewer.seconds.clone()).collect();
        let shares = shares(&seconds);
        for (n, viewer) in viewers.iter().enumerate() {
            let Some(testimony) = &viewer.testimony else { continue };
            println!("silent viewer {n}: {testimony}{}", logged(server, testimony));
        }
        let [usual, most] = measured.memory;
        let Queues { sent, unread } = measured.queues;
        println!(
            "megabits={megabits:.2} frames={frames} lost={lost} gap_ms={gap:.1} late={late} processor_ms={processor:.3} \
             least_share={:.3} silent={} stood_ms={:.1} waited_ms={:.1} viewers_waited_ms={:.1} sleeps={} first_sleeps={} peak_kib={} resident_kib={} fresh_kib={} tcp_kib={} \
             udp_kib={} tcp_before_kib={} udp_before_kib={} sent_kib={} unread_kib={}",
            shares.least,
            shares.silent.len(),
            measured.stood.as_secs_f64() * 1000.0,
            after.waited.saturating_sub(before.waited).as_secs_f64() * 1000.0,
            measured.viewers_waited.as_secs_f64() * 1000.0,
            after.sleeps - before.sleeps,
            after.first_sleeps - before.first_sleeps,
            after.peak_kib,
            after.resident_kib,
            fresh.resident_kib,
            most.tcp_kib,
            most.udp_kib,
            usual.tcp_kib,
            usual.udp_kib,
            sent / 1024,
            unread / 1024,
        );
    } else {
        if args.head {
            println!(
                "| transport | viewers | seconds | Mbit/s a stream | frames | lost | longest gap, ms | gaps > 60 ms | processor, ms a stream-second | resident, KiB (peak) |"
            );
            println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
        }
        println!(
            "| {} | {} | {} | {megabits:.2} | {frames} | {lost} | {gap:.1} | {late} | {processor:.3} | {} ({}) |",
            args.transport.parts().1,
            args.viewers,
            args.seconds,
            after.resident_kib,
            after.peak_kib,
        );
    }
    ensure!(!args.strict || lost == 0, "{lost} frames were lost");
    Ok(())
}

/// What our server's log has of the viewer whose address begins this sentence.
fn logged(server: &Served, testimony: &str) -> String {
    let (Served::Ours(server), Some(address)) = (server, testimony.split(' ').next()) else { return String::new() };
    let log = server.log();
    let lines: Vec<_> = log.lines().filter(|line| line.contains(address)).collect();
    if lines.is_empty() { "; nothing in the log".into() } else { format!("; in the log: {}", lines.join(" / ")) }
}
