//! Watches one live stream by HTTP with many viewers, and prints what that cost the server.

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use mio::{Events, Interest, Poll, Token};
use mutoscope_tests::interop::feeds::{Running, free_port, spawn};
use mutoscope_tests::process::{Server, Usage, pin};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
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
    /// Measure ustreamer instead, with this library before others: it is a camera that shows the film (`camera.c`)
    #[arg(long, value_name = "LIBRARY")]
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
    let scene = if let Some(camera) = &args.ustreamer { ustreamer(camera, &args)? } else { ours(&args)? };
    let mut crowd = Crowd::new()?;
    crowd.add(&scene, 1)?;
    let one = Usage::of(scene.id)?.resident_kib;
    crowd.add(&scene, args.viewers.saturating_sub(1))?;
    let (before, pictures) = (Usage::of(scene.id)?, crowd.pictures());
    crowd.watch(Duration::from_secs(args.seconds))?;
    let (after, pictures) = (Usage::of(scene.id)?, crowd.pictures() - pictures);
    let stream_seconds = (args.viewers as u64 * args.seconds) as f64;
    let processor = (after.processor - before.processor).as_secs_f64() * 1e3 / stream_seconds;
    let resident = after.resident_kib.saturating_sub(one) as f64 * 1.024 / args.viewers.saturating_sub(1).max(1) as f64;
    let rate = pictures as f64 / stream_seconds;
    let words = format!("processor_ms={processor:.4} viewer_kb={resident:.2} rate={rate:.2} resident_kib={one}\n");
    std::io::stdout().write_all(words.as_bytes())?;
    Ok(())
}

/// All viewers, in one loop: threads of their own would have to be woken, which would count as the server's work.
struct Crowd {
    poll: Poll,
    events: Events,
    viewers: Vec<Viewer>,
    chunk: Vec<u8>,
}

impl Crowd {
    fn new() -> Result<Self> {
        let events = Events::with_capacity(1024);
        Ok(Self { poll: Poll::new()?, events, viewers: Vec::new(), chunk: vec![0; 1 << 17] })
    }

    fn pictures(&self) -> u64 {
        self.viewers.iter().map(|viewer| viewer.pictures).sum()
    }

    /// So many more, until all have seen something, and a while.
    fn add(&mut self, scene: &Scene, viewers: usize) -> Result<()> {
        for _ in 0..viewers {
            let mut stream = TcpStream::connect(&scene.address)?;
            write!(stream, "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: load\r\n\r\n", scene.path, scene.address)?;
            stream.set_nonblocking(true)?;
            let mut stream = mio::net::TcpStream::from_std(stream);
            self.poll.registry().register(&mut stream, Token(self.viewers.len()), Interest::READABLE)?;
            self.viewers.push(Viewer { stream, line: Vec::new(), length: 0, left: 0, pictures: 0 });
        }
        let begin = Instant::now();
        while self.viewers.iter().any(|viewer| viewer.pictures == 0) {
            ensure!(begin.elapsed() < PATIENCE, "somebody sees nothing");
            self.watch(Duration::from_millis(20))?;
        }
        self.watch(Duration::from_secs(1))
    }

    fn watch(&mut self, duration: Duration) -> Result<()> {
        let end = Instant::now() + duration;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            self.poll.poll(&mut self.events, Some(left))?;
            for event in &self.events {
                if let Some(viewer) = self.viewers.get_mut(event.token().0) {
                    viewer.read(&mut self.chunk)?;
                }
            }
        }
        Ok(())
    }
}

/// Counts pictures by the lengths that their heads tell.
struct Viewer {
    stream: mio::net::TcpStream,
    line: Vec<u8>,
    /// What the head has told.
    length: usize,
    /// Bytes of the picture that are still to come.
    left: usize,
    pictures: u64,
}

impl Viewer {
    fn read(&mut self, chunk: &mut [u8]) -> Result<()> {
        loop {
            let len = match self.stream.read(chunk) {
                Ok(0) => bail!("the stream has ended"),
                Ok(len) => len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            self.take(&chunk[..len])?;
        }
    }

    fn take(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            if self.left > 0 {
                let len = self.left.min(bytes.len());
                self.left -= len;
                bytes = &bytes[len..];
                self.pictures += u64::from(self.left == 0);
                continue;
            }
            let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
            self.line.extend_from_slice(&bytes[..end]);
            bytes = &bytes[end..];
            if self.line.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                let line = std::str::from_utf8(&line).context("a head that is no text")?.trim_end();
                if line.is_empty() {
                    self.left = std::mem::take(&mut self.length);
                } else if let Some((name, value)) = line.split_once(':')
                    && name.eq_ignore_ascii_case("content-length")
                {
                    self.length = value.trim().parse()?;
                }
            }
        }
        Ok(())
    }
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

fn ustreamer(camera: &Path, args: &Args) -> Result<Scene> {
    let port = free_port()?;
    let mut command = Command::new("ustreamer");
    command.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--device", "/dev/video0", "--format", "MJPEG"]);
    // It tells of each viewer.
    command.stderr(Stdio::null());
    command.env("LD_PRELOAD", camera).env("CAMERA_FILE", &args.film).env("CAMERA_RATE", "24");
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
