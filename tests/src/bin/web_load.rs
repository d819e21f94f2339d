//! Watches one live stream by HTTP with many viewers, and prints what that cost the server.

use anyhow::{Context, Result, ensure};
use clap::Parser;
use mutoscope_tests::interop::feeds::{Running, free_port, spawn};
use mutoscope_tests::process::{Server, Usage, pin};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Watches one live stream by HTTP with many viewers; prints `name=value`.
#[derive(Parser)]
struct Args {
    /// The server's program
    #[arg(long, default_value = "target/release/mutoscope-server")]
    server: PathBuf,
    /// What is shown: another server plays it over and over, and the one that is measured takes it from there
    #[arg(long, default_value = "target/media/std-420-640x480.mjpeg")]
    film: PathBuf,
    /// Measure ustreamer with this V4L2 device instead
    #[arg(long, value_name = "DEVICE", conflicts_with = "film")]
    ustreamer: Option<PathBuf>,
    /// How many watch
    #[arg(long, default_value_t = 100)]
    viewers: usize,
    /// For how long, in seconds
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

const PATIENCE: Duration = Duration::from_secs(15);

/// What is measured.
struct Scene {
    id: u32,
    address: String,
    path: String,
    _servers: Vec<Server>,
    _other: Option<Running>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let scene = if let Some(device) = &args.ustreamer { ustreamer(device)? } else { ours(&args)? };
    // What one viewer needs is there for all.
    let count = Count::default();
    std::thread::scope(|scope| {
        let result = measured(&args, &scene, &count, scope);
        count.is_over.store(true, Ordering::Relaxed);
        result
    })
}

/// What all viewers have received.
#[derive(Default)]
struct Count {
    pictures: AtomicU64,
    watching: AtomicU64,
    is_over: AtomicBool,
}

fn measured<'s>(
    args: &'s Args,
    scene: &'s Scene,
    count: &'s Count,
    scope: &'s std::thread::Scope<'s, '_>,
) -> Result<()> {
    let start = |viewers: usize| {
        for _ in 0..viewers {
            scope.spawn(|| watch(scene, count));
        }
    };
    let wait = |viewers: usize| {
        let begin = Instant::now();
        while count.watching.load(Ordering::Relaxed) < viewers as u64 {
            ensure!(begin.elapsed() < PATIENCE, "only {} see anything", count.watching.load(Ordering::Relaxed));
            std::thread::sleep(Duration::from_millis(20));
        }
        std::thread::sleep(Duration::from_secs(1));
        Ok(())
    };
    start(1);
    wait(1)?;
    let one = Usage::of(scene.id)?.resident_kib;
    start(args.viewers.saturating_sub(1));
    wait(args.viewers)?;
    let (before, pictures) = (Usage::of(scene.id)?, count.pictures.load(Ordering::Relaxed));
    std::thread::sleep(Duration::from_secs(args.seconds));
    let (after, pictures) = (Usage::of(scene.id)?, count.pictures.load(Ordering::Relaxed) - pictures);
    let stream_seconds = (args.viewers as u64 * args.seconds) as f64;
    let processor = (after.processor - before.processor).as_secs_f64() * 1e3 / stream_seconds;
    let resident = after.resident_kib.saturating_sub(one) as f64 * 1.024 / args.viewers.saturating_sub(1).max(1) as f64;
    let rate = pictures as f64 / stream_seconds;
    let words = format!("processor_ms={processor:.4} viewer_kb={resident:.2} rate={rate:.2} resident_kib={one}\n");
    std::io::stdout().write_all(words.as_bytes())?;
    Ok(())
}

fn ours(args: &Args) -> Result<Scene> {
    let film = args.film.to_str().context("a path that is not UTF-8")?;
    let name = args.film.file_name().and_then(|name| name.to_str()).context("no name")?;
    let source = Server::start(&args.server, &["--http", "0", "--loop", "--frame-rate", "24", film])?;
    let page = source.page.clone().context("the server printed no address of its page")?;
    let spec = format!("camera={page}streams/{name}/stream.mjpg");
    let server = Server::start(&args.server, &["--http", "0", "--threads", "1", &spec])?;
    let address = server.page.clone().context("no page")?;
    let address = address.trim_start_matches("http://").trim_end_matches('/').to_owned();
    keep_apart(server.id())?;
    let path = "/streams/camera/stream.mjpg".to_owned();
    Ok(Scene { id: server.id(), address, path, _servers: vec![source, server], _other: None })
}

fn ustreamer(device: &std::path::Path) -> Result<Scene> {
    let port = free_port()?;
    let mut command = Command::new("ustreamer");
    command.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--device"]).arg(device);
    let other = spawn(&mut command)?;
    let (id, address) = (other.id(), format!("127.0.0.1:{port}"));
    let begin = Instant::now();
    while TcpStream::connect(&address).is_err() {
        ensure!(begin.elapsed() < PATIENCE, "ustreamer does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    keep_apart(id)?;
    Ok(Scene { id, address, path: "/stream".into(), _servers: Vec::new(), _other: Some(other) })
}

/// The server has one core, and the viewers the other.
fn keep_apart(id: u32) -> Result<()> {
    if std::thread::available_parallelism()?.get() > 1 {
        pin(id, 0)?;
        pin(std::process::id(), 1)?;
    }
    Ok(())
}

/// Counts pictures by the lengths that their heads tell.
fn watch(scene: &Scene, count: &Count) -> Result<()> {
    let mut stream = TcpStream::connect(&scene.address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: load\r\n\r\n", scene.path, scene.address)?;
    let (mut reader, mut line, mut length) = (BufReader::with_capacity(1 << 16, stream), String::new(), 0);
    let mut has_seen = false;
    while !count.is_over.load(Ordering::Relaxed) {
        line.clear();
        ensure!(reader.read_line(&mut line)? > 0, "the stream has ended");
        if let Some((name, value)) = line.split_once(':') {
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse()?;
            }
        } else if line == "\r\n" && length > 0 {
            std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink())?;
            length = 0;
            count.pictures.fetch_add(1, Ordering::Relaxed);
            if !std::mem::replace(&mut has_seen, true) {
                count.watching.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    Ok(())
}
