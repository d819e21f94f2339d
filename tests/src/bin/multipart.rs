//! Reads films by HTTP with curl, FFmpeg, GStreamer and our own server's input, and compares every picture with the film's.
//!
//! `cargo xtask test --only interop` makes the pictures and runs this.
#![allow(clippy::print_stdout, reason = "the table is this program's product")]

use anyhow::{Context, Result, ensure};
use clap::Parser;
use mutoscope::jpeg::Layout;
use mutoscope_tests::interop::clip::Clip;
use mutoscope_tests::interop::control::describe;
use mutoscope_tests::interop::feeds::{Follow, follow};
use mutoscope_tests::interop::parts::{is_complete, parts, without_tables};
use mutoscope_tests::interop::players::{Installation, Player, Transport, decode};
use mutoscope_tests::process::{Scratch, Server, exit_code};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// Reads films by HTTP with programs of others, and compares every picture.
#[derive(Parser)]
struct Args {
    /// The server's program
    #[arg(long, default_value = "target/release/mutoscope-server")]
    server: PathBuf,
    /// The folder that `cargo xtask media` fills
    #[arg(long, default_value = "target/media")]
    media: PathBuf,
}

const PLAIN: &str = "std-420-320x240.mjpeg";
const PROGRESSIVE: &str = "progressive-420-640x480.mjpeg";
/// The plain one without Huffman tables.
const BARE: &str = "bare.mjpeg";
/// So many pictures of each film are played, so many in a second.
const PICTURES: usize = 48;
const RATE: u32 = 24;
/// How many pictures of what has no end are watched, and how many there are in a second: two that come at once are one for viewers.
const LIVE: (usize, u32) = (24, 12);
/// How often a playing is tried of which pictures are missing: whoever is late, because it waits for the processor, gets the newest one.
const TRIES: usize = 4;
const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    exit_code(run(&Args::parse()))
}

/// A film, and what decoders show of it.
struct Film {
    name: &'static str,
    frames: Vec<Vec<u8>>,
    /// What FFmpeg's decoder makes of them.
    pictures: Vec<String>,
    /// And GStreamer's, where there is GStreamer.
    sums: Vec<String>,
}

impl Film {
    fn new(name: &'static str, frames: Vec<Vec<u8>>, scratch: &Path, has_gstreamer: bool) -> Result<Self> {
        std::fs::write(scratch.join(name), frames.concat())?;
        let pictures = decode(&frames)?;
        ensure!(pictures.len() == frames.len(), "{name}: {} of {} pictures decode", pictures.len(), frames.len());
        let folder = scratch.join(name).with_extension("frames");
        std::fs::create_dir_all(&folder)?;
        for (number, frame) in frames.iter().enumerate() {
            std::fs::write(folder.join(format!("{number:04}.jpg")), frame)?;
        }
        let location = format!("location={}", folder.join("%04d.jpg").display());
        let source = ["multifilesrc", &location, "caps=image/jpeg,framerate=24/1"];
        let sums = if has_gstreamer { sums(&source)? } else { Vec::new() };
        Ok(Self { name, frames, pictures, sums })
    }
}

/// `true` where every picture was right.
fn run(args: &Args) -> Result<bool> {
    let ffmpeg = Player::Ffmpeg.find(None).context("ffmpeg is needed: it tells what pictures show")?;
    let scratch = Scratch::new("multipart")?;
    let has_gstreamer = has_gstreamer();
    let has_curl = Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_ok_and(|it| it.success());
    let films = films(args, &scratch.0, has_gstreamer)?;
    let folder = scratch.0.to_str().context("a path that is not UTF-8")?;
    let server = Server::start(&args.server, &["--http", "0", "--frame-rate", &RATE.to_string(), folder])?;
    let page = server.page.clone().context("the server printed no address of its page")?;
    println!("| program | film | pictures | identical | tries |\n|---|---|---:|---:|---:|");
    let mut good = true;
    std::thread::scope(|scope| {
        let mut playings = Vec::new();
        for film in &films {
            let url = format!("{page}streams/{}/stream.mjpg", film.name);
            if has_curl {
                let url = url.clone();
                playings.push(scope.spawn(move || tried("curl", film, || by_curl(&url, film))));
            }
            let (ffmpeg, address) = (&ffmpeg, url.clone());
            playings.push(scope.spawn(move || tried("FFmpeg", film, || by_ffmpeg(ffmpeg, &address, film))));
            if has_gstreamer {
                playings.push(scope.spawn(move || tried("GStreamer", film, || by_gstreamer(&url, film))));
            }
        }
        if has_curl {
            let (page, film) = (&page, &films[1]);
            playings.push(scope.spawn(move || tried("curl, ?width=160", film, || small(page, film))));
        }
        let film = &films[0];
        playings.push(scope.spawn(|| tried("our input", film, || by_input(args, folder, &ffmpeg, film))));
        good = playings.into_iter().all(|playing| playing.join().unwrap_or(false));
    });
    if !has_curl {
        println!("SKIPPED curl: it is not installed");
    }
    if !has_gstreamer {
        println!("SKIPPED GStreamer: no souphttpsrc, multipartdemux, jpegdec or checksumsink");
    }
    let (status, log) = server.interrupt()?;
    let well_ended = status == Some(0) && !log.contains("panicked");
    if !good || !well_ended {
        println!("the server ended with {status:?} after SIGINT; its log:\n{log}");
    }
    Ok(good && well_ended)
}

fn films(args: &Args, scratch: &Path, has_gstreamer: bool) -> Result<[Film; 3]> {
    let load = |name: &str| -> Result<Vec<Vec<u8>>> {
        let mut frames = Clip::load(&args.media.join(name)).context("no clip: `cargo xtask media` makes it")?.frames;
        frames.truncate(PICTURES);
        Ok(frames)
    };
    let (plain, progressive) = (load(PLAIN)?, load(PROGRESSIVE)?);
    let bare = plain.iter().map(|frame| without_tables(frame)).collect::<Result<Vec<_>>>()?;
    let film = |name, frames| Film::new(name, frames, scratch, has_gstreamer);
    Ok([film(PLAIN, plain)?, film(PROGRESSIVE, progressive)?, film(BARE, bare)?])
}

/// Has a film played until it was whole, and prints what came of it; `true` where every picture came and was right.
fn tried(program: &str, film: &Film, play: impl Fn() -> Result<Follow>) -> bool {
    let mut tries = 0;
    let result = loop {
        tries += 1;
        let result = play();
        let is_whole = !matches!(&result, Ok(Follow { missing: 1.., changed: 0, .. }));
        if is_whole || tries == TRIES {
            break result;
        }
    };
    let name = film.name;
    match &result {
        Ok(Follow { right, missing, changed: 0 }) => {
            println!("| {program} | {name} | {} | {right} | {tries} |", right + missing);
        }
        Ok(follow) => println!("| {program} | {name} | CHANGED: {follow:?} | | {tries} |"),
        Err(error) => println!("| {program} | {name} | FAILED: {error:#} | | {tries} |"),
    }
    result.is_ok_and(|follow| follow.missing == 0 && follow.changed == 0 && follow.right > 0)
}

/// What came of a film that was played from its beginning to its end.
fn whole(expected: &[String], received: &[String]) -> Follow {
    let mut follow = follow(expected, received);
    if follow.changed == 0 {
        follow.missing = follow.missing.max(expected.len().saturating_sub(follow.right));
    }
    follow
}

fn curl(url: &str) -> Result<Vec<u8>> {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--no-buffer", "--max-time", &PATIENCE.as_secs().to_string(), url]);
    let output = command.stderr(Stdio::inherit()).output().context("cannot run curl")?;
    ensure!(output.status.success(), "curl: {}", output.status);
    Ok(output.stdout)
}

/// The bytes are the film's, but for tables that it lacks, and Safari shows them.
fn by_curl(url: &str, film: &Film) -> Result<Follow> {
    let parts = parts(&curl(url)?)?;
    ensure!(parts.iter().all(|part| is_complete(&part.picture)), "a picture is incomplete");
    ensure!(parts.windows(2).all(|pair| pair[0].timestamp < pair[1].timestamp), "times do not rise");
    let shown = decode(&parts.iter().map(|part| part.picture.clone()).collect::<Vec<_>>())?;
    ensure!(shown.iter().all(|picture| film.pictures.contains(picture)), "a picture shows something else");
    let as_text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned() + &bytes.len().to_string();
    let expected: Vec<_> = film.frames.iter().map(|frame| as_text(frame)).collect();
    let received = parts.iter().map(|part| {
        if film.name == BARE {
            without_tables(&part.picture).map(|bare| as_text(&bare))
        } else {
            Ok(as_text(&part.picture))
        }
    });
    Ok(whole(&expected, &received.collect::<Result<Vec<_>>>()?))
}

/// The same pictures, and nothing that it complains of.
fn by_ffmpeg(ffmpeg: &Installation, url: &str, film: &Film) -> Result<Follow> {
    let played = ffmpeg.read("mpjpeg", url, PATIENCE)?;
    ensure!(played.complaints.is_empty(), "{}", played.complaints.trim());
    Ok(whole(&film.pictures, &played.pictures))
}

fn by_gstreamer(url: &str, film: &Film) -> Result<Follow> {
    let location = format!("location={url}");
    Ok(whole(&film.sums, &sums(&["souphttpsrc", &location, "!", "multipartdemux"])?))
}

fn has_gstreamer() -> bool {
    let exists = |element: &&str| {
        let found = Command::new("gst-inspect-1.0").args(["--exists", *element]).status();
        found.is_ok_and(|status| status.success())
    };
    ["souphttpsrc", "multipartdemux", "multifilesrc", "jpegdec", "checksumsink"].iter().all(exists)
}

/// The sums of the samples of every picture that comes from there.
fn sums(source: &[&str]) -> Result<Vec<String>> {
    let mut command = Command::new("gst-launch-1.0");
    command.arg("-q").args(source).args(["!", "jpegdec", "!", "checksumsink", "sync=false"]);
    let output = command.stderr(Stdio::inherit()).output().context("cannot run gst-launch-1.0")?;
    ensure!(output.status.success(), "GStreamer: {}", output.status);
    let sum = |line: &str| Some(line.split_whitespace().nth(1)?.to_owned());
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(sum).collect())
}

/// Smaller pictures of progressive ones have the size that was asked for.
fn small(page: &str, film: &Film) -> Result<Follow> {
    let parts = parts(&curl(&format!("{page}streams/{}/stream.mjpg?width=160", film.name))?)?;
    let mut follow = Follow::default();
    for part in &parts {
        let layout = Layout::parse(&part.picture).ok().filter(|layout| (layout.width, layout.height) == (160, 120));
        *(if layout.is_some() { &mut follow.right } else { &mut follow.changed }) += 1;
    }
    ensure!(follow.right * 2 > film.frames.len(), "only {} pictures", follow.right);
    ensure!(parts.iter().all(|part| is_complete(&part.picture)), "a picture is incomplete");
    Ok(follow)
}

/// Our own input reads our own server, and FFmpeg that by RTSP.
fn by_input(args: &Args, folder: &str, ffmpeg: &Installation, film: &Film) -> Result<Follow> {
    let film_path = format!("{folder}/{}", film.name);
    let rate = LIVE.1.to_string();
    let source = Server::start(&args.server, &["--http", "0", "--loop", "--frame-rate", &rate, &film_path])?;
    let page = source.page.clone().context("no page")?;
    let spec = format!("camera={page}streams/{}/stream.mjpg", film.name);
    let viewer = Server::start(&args.server, &[&spec])?;
    let begin = Instant::now();
    while describe(viewer.address, "camera")?.status != 200 {
        ensure!(begin.elapsed() < PATIENCE, "the input has no picture; the log:\n{}", viewer.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    let url = format!("rtsp://{}/camera", viewer.address);
    let played = ffmpeg.watch(&url, Transport::Tcp, LIVE.0, PATIENCE)?;
    ensure!(played.pictures.len() == LIVE.0, "{} pictures came: {}", played.pictures.len(), played.complaints);
    Ok(follow(&film.pictures, &played.pictures))
}
