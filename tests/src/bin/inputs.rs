//! Streams every kind of input from the real server to ffmpeg, over both transports, and compares every picture with what was
//! put in. What clients publish is compared by `interop`.
//!
//! `cargo xtask test --only interop` makes the pictures and runs this.
#![allow(clippy::print_stdout, reason = "the table is this program's product")]

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use mutoscope_tests::interop::clip::Clip;
use mutoscope_tests::interop::control::describe;
use mutoscope_tests::interop::feeds::{self, Follow, Running, endless, feed, follow, free_port};
use mutoscope_tests::interop::players::{Installation, Player, Transport, decode};
use mutoscope_tests::peers::server;
use mutoscope_tests::process::{Scratch, Server, exit_code};
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Streams every kind of input to ffmpeg, and compares every picture.
#[derive(Parser)]
struct Args {
    /// The server's program
    #[arg(long, default_value = "target/release/mutoscope-server")]
    server: PathBuf,
    /// The folder that `cargo xtask media` fills
    #[arg(long, default_value = "target/media")]
    media: PathBuf,
    /// Try only inputs whose name contains this
    #[arg(long, default_value = "")]
    only: String,
    /// How many inputs are watched at once
    #[arg(long, default_value_t = 3)]
    jobs: usize,
    /// Print the server's log at the end
    #[arg(long)]
    log: bool,
}

/// The pictures that go into all inputs. They differ from each other.
const CLIP: &str = "std-420-320x240.mjpeg";
/// Pictures per second.
const RATE: u32 = 24;
/// Pictures per second that ffmpeg feeds: two that come at once are one for viewers, so it may be late by so much.
const LIVE_RATE: u32 = 10;
/// How many pictures of a live input are watched.
const PICTURES: usize = 36;
/// How often a playing is tried of which pictures are missing: ffmpeg, which feeds inputs and watches them, hurries or is late
/// where it has to wait for the processor.
const TRIES: usize = 6;
/// How long a playing may take.
const PATIENCE: Duration = Duration::from_secs(40);

/// Containers: the name of the file, ffmpeg's format.
const FILES: &[(&str, &str)] = &[
    ("film.avi", "avi"),
    ("film.mov", "mov"),
    ("film.mp4", "mp4"),
    ("film.mkv", "matroska"),
    ("dump.mjpeg", "mpjpeg"),
    ("raw.mjpeg", "mjpeg"),
];

/// Something to watch.
struct Input {
    /// The path on the server.
    name: &'static str,
    what: String,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It begins at its first picture and ends behind its last.
    Film,
    /// It begins at its first picture, and at its end waits for more.
    Folder,
    /// It is somewhere, and has no end.
    Live,
}

/// All inputs of a running server, and what feeds them.
struct Scene {
    server: Server,
    inputs: Vec<Input>,
    skipped: Vec<String>,
    feeds: Vec<Running>,
    _other: Server,
    _gstreamer: Option<server::Running>,
}

fn main() -> ExitCode {
    exit_code(run(&Args::parse()))
}

/// `true` where every picture was right.
fn run(args: &Args) -> Result<bool> {
    let ffmpeg = Player::Ffmpeg.find(None).context("ffmpeg is needed: it feeds the inputs and watches them")?;
    let path = args.media.join(CLIP).canonicalize().context("no clip: `cargo xtask media` makes it")?;
    let clip = Clip::load(&path)?;
    let pictures = decode(&clip.frames)?;
    let distinct: std::collections::BTreeSet<_> = pictures.iter().collect();
    ensure!(distinct.len() == clip.frames.len(), "{} of {} pictures differ", distinct.len(), clip.frames.len());
    let scratch = Scratch::new("inputs")?;
    std::fs::create_dir_all(scratch.0.join("films"))?;
    let mut scene = scene(args, &path, &clip, &scratch.0)?;
    scene.inputs.retain(|input| input.name.contains(&args.only));
    let rows = watch_all(&scene, &ffmpeg, &pictures, args.jobs);
    println!("\n| input | transport | pictures | identical | missing | tries |\n|---|---|---:|---:|---:|---:|");
    rows.iter().for_each(|row| println!("{row}"));
    for why in &scene.skipped {
        println!("SKIPPED {why}");
    }
    drop(scene.feeds);
    let (status, log) = scene.server.interrupt()?;
    let well_ended = status == Some(0) && !log.contains("panicked");
    let bad = rows.iter().filter(|row| !row.good()).count();
    if args.log || bad > 0 || !well_ended {
        println!("the server ended with {status:?} after SIGINT; its log:\n{log}");
    }
    println!("{} of {} playings whole and identical", rows.len() - bad, rows.len());
    Ok(bad == 0 && well_ended)
}

/// Makes the films, starts what feeds the inputs, and the server.
fn scene(args: &Args, path: &Path, clip: &Clip, scratch: &Path) -> Result<Scene> {
    let films = scratch.join("films");
    for (name, format) in FILES {
        feeds::copy(path, RATE, format, &films.join(name))?;
    }
    let (film, mut skipped) = (scratch.join("live.avi"), Vec::new());
    feeds::copy(path, LIVE_RATE, "avi", &film)?;
    let media = path.to_str().context("a path that is not UTF-8")?;
    let other = Server::start(&args.server, &["--loop", "--frame-rate", &RATE.to_string(), media])?;
    let gstreamer = match server::gstreamer_python() {
        Some(_) => Some(server::gstreamer(scratch, &server::film(scratch, path, 60)?, &server::Guarded::default())?),
        None => {
            skipped.push("GStreamer's RTSP server: no Python that has GstRtspServer".to_owned());
            None
        }
    };
    let stills = scratch.join("stills");
    std::fs::create_dir_all(&stills)?;
    for (number, frame) in clip.frames.iter().enumerate() {
        std::fs::write(stills.join(format!("{number:04}.jpg")), frame)?;
    }
    skipped.push("a camera (V4L2): the unit tests of `mutoscope-std` play a false one".to_owned());
    let fifo = scratch.join("camera.fifo");
    let made = Command::new("mkfifo").arg(&fifo).status().context("mkfifo")?;
    ensure!(made.success(), "mkfifo: {made}");
    let http = format!("http://127.0.0.1:{}/", free_port()?);
    let snapshots = feeds::snapshots(clip.frames.clone())?;
    let mut specs = vec![
        ("pipe", "-".to_owned()),
        ("fifo", fifo.display().to_string()),
        ("exec-mjpeg", format!("exec:{} -f mjpeg -", endless(&film))),
        ("exec-mpjpeg", format!("exec:{} -f mpjpeg -", endless(&film))),
        ("http", http.clone()),
        ("snapshots", format!("http://{snapshots}/snap.jpg#poll=0.05")),
        ("stills", format!("{}#rate={RATE}", stills.display())),
        ("rtsp", format!("rtsp://{}/{CLIP}", other.address)),
    ];
    specs.extend(gstreamer.as_ref().map(|running| ("rtsp-gstreamer", running.url.clone())));
    let arguments: Vec<String> = specs.iter().map(|(name, spec)| format!("{name}={spec}")).collect();
    let mut options: Vec<&str> = arguments.iter().map(String::as_str).collect();
    options.push(films.to_str().context("a path that is not UTF-8")?);

    let mut pipe = feed(&film, &["-f", "mjpeg", "-"].map(OsStr::new))?;
    let stdin = pipe.stdout().map_or_else(Stdio::null, Stdio::from);
    let server = Server::start_with(&args.server, &options, stdin)?;
    let running = vec![
        pipe,
        feed(&film, &[OsStr::new("-f"), OsStr::new("mjpeg"), OsStr::new("-y"), fifo.as_os_str()])?,
        feed(&film, &["-f", "mpjpeg", "-listen", "1", &http].map(OsStr::new))?,
    ];
    let films = FILES.iter().map(|(name, format)| Input { name, what: format!("a file, {format}"), kind: Kind::Film });
    let live = |(name, spec): (&'static str, String)| {
        let what = if spec.len() > 40 { format!("{}…", &spec[..40]) } else { spec };
        Input { name, what, kind: if name == "stills" { Kind::Folder } else { Kind::Live } }
    };
    let inputs = films.chain(specs.into_iter().map(live)).collect();
    Ok(Scene { server, inputs, skipped, feeds: running, _other: other, _gstreamer: gstreamer })
}

/// What one viewer got.
struct Row {
    input: String,
    transport: Transport,
    result: Result<Follow>,
    expected: usize,
    tries: usize,
}

impl Row {
    fn good(&self) -> bool {
        let right = Follow { right: self.expected, missing: 0, changed: 0 };
        self.result.as_ref().is_ok_and(|follow| *follow == right)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { input, transport, expected, tries, .. } = self;
        match &self.result {
            Ok(Follow { right, missing, changed: 0 }) => {
                write!(f, "| {input} | {transport} | {expected} | {right} | {missing} | {tries} |")
            }
            Ok(Follow { right, missing, changed }) => {
                write!(
                    f,
                    "| {input} | {transport} | {expected} | {right}, and {changed} CHANGED | {missing} | {tries} |"
                )
            }
            Err(error) => write!(f, "| {input} | {transport} | FAILED: {error:#} | | | {tries} |"),
        }
    }
}

/// Watches all inputs, several at once.
fn watch_all(scene: &Scene, ffmpeg: &Installation, pictures: &[String], at_once: usize) -> Vec<Row> {
    let (next, rows) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..at_once.max(1) {
            scope.spawn(|| {
                while let Some(input) = scene.inputs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let watched = watch(scene, input, ffmpeg, pictures);
                    watched.iter().for_each(|row| println!("{row}"));
                    if let Ok(mut rows) = rows.lock() {
                        rows.extend(watched);
                    }
                }
            });
        }
    });
    rows.into_inner().unwrap_or_default()
}

/// Watches one input over both transports at once: it is read once for both.
fn watch(scene: &Scene, input: &Input, ffmpeg: &Installation, pictures: &[String]) -> Vec<Row> {
    let expected = if input.kind == Kind::Live { PICTURES } else { pictures.len() };
    let there = wait_for(scene, input);
    let play = |transport| {
        let mut row = Row {
            input: format!("{} ({})", input.name, input.what),
            transport,
            result: there.as_ref().map(|()| Follow::default()).map_err(|error| anyhow::anyhow!("{error:#}")),
            expected,
            tries: 0,
        };
        while row.tries < TRIES && row.result.as_ref().is_ok_and(|follow| follow.changed == 0) && !row.good() {
            row.tries += 1;
            row.result = watch_once(scene, input, ffmpeg, transport, pictures);
            if !row.good() && row.tries < TRIES {
                println!("not whole: {row}");
            }
        }
        row
    };
    std::thread::scope(|scope| {
        let udp = scope.spawn(|| play(Transport::Udp));
        let tcp = play(Transport::Tcp);
        udp.join().into_iter().chain([tcp]).collect()
    })
}

fn watch_once(
    scene: &Scene,
    input: &Input,
    ffmpeg: &Installation,
    transport: Transport,
    pictures: &[String],
) -> Result<Follow> {
    let url = format!("rtsp://{}/{}", scene.server.address, input.name);
    let most = match input.kind {
        Kind::Film => pictures.len() + 1,
        Kind::Folder => pictures.len(),
        Kind::Live => PICTURES,
    };
    let played = ffmpeg.watch(&url, transport, most, PATIENCE)?;
    ensure!(!played.pictures.is_empty(), "no picture came: {}", played.complaints.trim());
    let mut follow = follow(pictures, &played.pictures);
    if input.kind != Kind::Live && played.pictures.first() != pictures.first() {
        follow.missing += 1;
    }
    Ok(follow)
}

/// An input may need a moment until it has its first picture. Asking starts it.
fn wait_for(scene: &Scene, input: &Input) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = describe(scene.server.address, input.name);
        match answer {
            Ok(answer) if answer.status == 200 => return Ok(()),
            Ok(answer) if Instant::now() > deadline => bail!("DESCRIBE: {}", answer.text.trim()),
            Err(error) if Instant::now() > deadline => return Err(error),
            _ => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}
