//! Plays what others serve with our player, and compares every frame it records with the file that they serve.
//!
//! `cargo xtask test --only peers` makes the files and runs this, once for each server.
#![allow(clippy::print_stdout, reason = "the table is this program's product")]

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use mutoscope_tests::interop::clip::Clip;
use mutoscope_tests::interop::players::decode;
use mutoscope_tests::peers::comparison::{run_length, scan};
use mutoscope_tests::peers::lab_server::{LabServer, fitting};
use mutoscope_tests::peers::server::{self, Guarded, Peer, Running};
use mutoscope_tests::process::exit_code;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

/// Plays other people's servers with player-sdl, headless, and compares every frame.
#[derive(Parser)]
struct Args {
    /// The server to play
    #[arg(value_enum)]
    peer: Peer,
    /// The player's program
    #[arg(long, default_value = "target/release/player-sdl")]
    player: PathBuf,
    /// The folder that `cargo xtask media` fills
    #[arg(long, default_value = "target/media")]
    media: PathBuf,
    /// A Python that has espp
    #[arg(long, default_value = "target/venv/bin/python")]
    espp_python: PathBuf,
}

/// How many frames are played: three seconds at 24 a second.
const FRAMES: usize = 72;
/// How often a film is to repeat, for servers that play it once from their start.
const REPEATS: u32 = 20;
/// How often a playing is tried of which packets were lost over UDP: the machine's doing, not the player's.
const TRIES: usize = 3;

fn main() -> ExitCode {
    exit_code(run(&Args::parse()).map(|()| true))
}

fn run(args: &Args) -> Result<()> {
    let peer = args.peer;
    let scratch = Scratch::new(peer)?;
    let path = args.media.join(peer.clip());
    let mut clip = Clip::load(&path)?;
    println!("| server | asked for | frames | identical |\n|---|---|---:|---:|");
    if peer == Peer::Lab {
        clip.frames = fitting(&clip.frames)?;
        return play_lab(args, &clip, &scratch.0);
    }
    let source: Vec<&[u8]> = clip.frames.iter().filter_map(|frame| scan(frame)).collect();
    ensure!(source.len() == clip.frames.len(), "{}: a frame without a scan", clip.name);
    let pictures = decode(&clip.frames)?;
    let running = start(args, &clip, &path, &scratch.0)?;
    play_foreign(args, &running.url, &clip, &source, &pictures, &scratch.0)
        .with_context(|| format!("the server's last words: {:?}", running.last_words()))?;
    if peer == Peer::Gstreamer {
        drop(running);
        for scheme in ["basic", "digest"] {
            play_guarded(args, scheme, &scratch.0, &source)?;
        }
    }
    Ok(())
}

/// A server that asks for user and password gets the right ones and the frames play, or wrong ones, which is an error in words.
fn play_guarded(args: &Args, scheme: &str, scratch: &Path, source: &[&[u8]]) -> Result<()> {
    let guarded = Guarded { scheme: Some(scheme), ..Guarded::default() };
    let running = server::gstreamer(scratch, &scratch.join("film.avi"), &guarded)?;
    let with = |password: &str| running.url.replace("://", &format!("://{}:{password}@", server::USER));
    let mut options = vec!["--transport", "tcp"];
    if scheme == "basic" {
        options.push("--basic");
    }
    let received = play(args, &with(server::PASSWORD), &options, Some(FRAMES), scratch)?;
    let scans: Vec<&[u8]> = received.frames.iter().filter_map(|frame| scan(frame)).collect();
    let same = run_length(source, &scans, false);
    println!("| {} | TCP, {scheme} | {} | {same} |", Peer::Gstreamer.name(), scans.len());
    ensure!(same == FRAMES, "{same} scans of {FRAMES}");
    let output = player(args, &with("wrong")).args(&options).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(1) && said.contains("refuses this user and password"), "{}", said.trim());
    ensure!(!said.contains("wrong"), "the password is shown: {}", said.trim());
    Ok(())
}

/// Over every transport that can be asked for.
fn play_foreign(
    args: &Args,
    url: &str,
    clip: &Clip,
    source: &[&[u8]],
    pictures: &[String],
    scratch: &Path,
) -> Result<()> {
    let peer = args.peer;
    for asked in ["udp", "tcp", "auto"] {
        if asked == "tcp" && !peer.can_interleave() {
            check_refusal(args, url)?;
            println!("| {} | TCP | refused, and said so | |", peer.name());
            continue;
        }
        let received = play(args, url, &["--transport", asked], Some(FRAMES), scratch)?;
        let scans: Vec<&[u8]> = received.frames.iter().filter_map(|frame| scan(frame)).collect();
        let anywhere = !peer.starts_at_the_beginning();
        let same = run_length(source, &scans, anywhere);
        // The same data is not yet the same picture: tables and sampling travel apart from it.
        let same_pictures = run_length(pictures, &decode(&received.frames)?, anywhere);
        let frames = received.frames.len();
        println!("| {} | {} | {frames} | {same} |", peer.name(), asked.to_uppercase());
        ensure!(same == FRAMES && same_pictures == FRAMES, "{same} scans, {same_pictures} pictures of {FRAMES}");
    }
    if peer == Peer::Gstreamer {
        // To the end of the film, which the server tells by BYE.
        let whole = play(args, url, &["--transport", "tcp"], None, scratch)?.frames.len();
        println!("| {} | TCP, to the end | {whole} | |", peer.name());
        ensure!(whole == clip.frames.len(), "{whole} of {} frames before the end", clip.frames.len());
    }
    Ok(())
}

fn start(args: &Args, clip: &Clip, path: &Path, scratch: &Path) -> Result<Running> {
    match args.peer {
        Peer::Gstreamer => server::gstreamer(scratch, &server::film(scratch, path, 1)?, &Guarded::default()),
        Peer::Vlc => server::vlc(scratch, &server::film(scratch, path, REPEATS)?),
        Peer::Espp => {
            for (number, frame) in clip.frames.iter().enumerate() {
                std::fs::write(scratch.join(format!("{number:04}.jpg")), frame)?;
            }
            server::espp(&args.espp_python, scratch, scratch)
        }
        Peer::Lab => bail!("it is not a process"),
    }
}

/// The lab's server sends files as they are, so that frames are compared byte by byte.
fn play_lab(args: &Args, clip: &Clip, scratch: &Path) -> Result<()> {
    for (dialect, asked) in [("lab", vec!["SETUP", "PLAY", "TEARDOWN"]), ("auto", vec!["SETUP", "PLAY", "TEARDOWN"])] {
        let server = LabServer::start(&clip.name, clip.frames.clone())?;
        let url = format!("rtsp://{}/{}", server.address, clip.name);
        let received = play(args, &url, &["--dialect", dialect], Some(FRAMES), scratch)?;
        let same = run_length(&clip.frames, &received.frames, false);
        println!("| {} | {dialect} dialect | {} | {same} |", Peer::Lab.name(), received.frames.len());
        ensure!(same == FRAMES, "{same} of {FRAMES} frames are the file's");
        let requests = server.requests();
        let answered: Vec<&str> = requests.iter().map(String::as_str).filter(|name| !name.starts_with('[')).collect();
        ensure!(answered == asked, "it was asked {requests:?}");
        ensure!(dialect == "auto" || requests == asked, "some were not its language: {requests:?}");
    }
    Ok(())
}

/// The frames that the player recorded, and the last line of its statistics.
struct Received {
    frames: Vec<Vec<u8>>,
    summary: String,
}

impl Received {
    fn number(&self, key: &str) -> Option<u64> {
        let (_, rest) = self.summary.split_once(&format!("\"{key}\":"))?;
        rest.split([',', '}']).next()?.parse().ok()
    }
}

/// Plays `frames` of them, or to the end.
fn play(args: &Args, url: &str, options: &[&str], frames: Option<usize>, scratch: &Path) -> Result<Received> {
    for attempt in 1.. {
        let received = play_once(args, url, options, frames, scratch)?;
        if received.number("lost") == Some(0) || attempt == TRIES {
            return Ok(received);
        }
        println!("packets were lost on the way; once more");
    }
    bail!("no attempt")
}

fn play_once(args: &Args, url: &str, options: &[&str], frames: Option<usize>, scratch: &Path) -> Result<Received> {
    let record = scratch.join("recording.mjpeg");
    let mut command = player(args, url);
    command.args(["--stats", "json"]).args(options).arg("--record").arg(&record);
    if let Some(frames) = frames {
        command.args(["--frames", &frames.to_string()]);
    }
    let output = command.output().with_context(|| format!("cannot run {}", args.player.display()))?;
    let complaints = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the player ended with {}: {}", output.status, complaints.trim());
    let stdout = String::from_utf8_lossy(&output.stdout);
    let summary = stdout.lines().last().unwrap_or("").to_owned();
    Ok(Received { frames: Clip::load(&record)?.frames, summary })
}

/// A transport that the server does not have must be an error in words.
fn check_refusal(args: &Args, url: &str) -> Result<()> {
    let output = player(args, url).args(["--transport", "tcp", "--frames", "1"]).output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.code() == Some(1) && said.contains("transport"), "{}: {}", output.status, said.trim());
    Ok(())
}

/// The player, which waits for a server that is still starting.
fn player(args: &Args, url: &str) -> Command {
    let mut command = Command::new(&args.player);
    command.arg(url).args(["--headless", "--rtp-port", "0", "--retry-for", "30"]).stdin(Stdio::null());
    command
}

/// An empty folder for the time of its value, which other users can read: VLC runs as one.
struct Scratch(PathBuf);

impl Scratch {
    fn new(peer: Peer) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("mutoscope-peers-{}-{peer:?}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
        }
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A server that ends may still write there for a moment.
        std::thread::sleep(Duration::from_millis(10));
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
