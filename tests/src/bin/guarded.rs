//! Plays what not everybody may watch, in the players of others: with passwords, tokens, TLS and encrypted media, each in the
//! forms that these players know, and compares every picture. Who has none of these must see nothing.
//!
//! `cargo xtask test --only interop` makes the pictures and runs this.
#![allow(clippy::print_stdout, reason = "the table is this program's product")]

use anyhow::{Context, Result, ensure};
use clap::Parser;
use mutoscope_tests::interop::clip::Clip;
use mutoscope_tests::interop::players::{Installation, Player, Transport, decode};
use mutoscope_tests::interop::report::identical;
use mutoscope_tests::process::{Scratch, Server, exit_code};
use std::fs;
use std::io::Write;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Plays guarded streams in the players of others.
#[derive(Parser)]
struct Args {
    /// The server's program, with TLS in it
    #[arg(long, default_value = "target/release/mutoscope-server")]
    server: PathBuf,
    /// The folder that `cargo xtask media` fills
    #[arg(long, default_value = "target/media")]
    media: PathBuf,
    /// How many are played at once
    #[arg(long, default_value_t = 3)]
    jobs: usize,
}

const CLIP: &str = "std-420-320x240.mjpeg";
const PATIENCE: Duration = Duration::from_secs(25);
/// How often a playing is tried of which pictures are missing: players lose some where they wait for the processor.
const TRIES: usize = 3;
/// Whoever reads a log of the server must find none of these.
const PASSWORD: &str = "hunter-two-is-secret";

/// One player and what it asks for.
struct Case {
    what: &'static str,
    player: Player,
    transport: Transport,
    url: String,
    /// It gets every picture. Otherwise it must get none.
    may: bool,
}

fn main() -> ExitCode {
    exit_code(run(&Args::parse()))
}

fn run(args: &Args) -> Result<bool> {
    let scratch = Scratch::new("guarded")?;
    let folder = &scratch.0;
    let clip = Clip::load(&args.media.join(CLIP))?;
    let expected = decode(&clip.frames)?;
    let [users, key, configuration] = ["users", "token.key", "mutoscope.toml"].map(|name| folder.join(name));
    add_user(&args.server, &users)?;
    let film = fs::canonicalize(args.media.join(CLIP))?;
    let stream = |name: &str, encryption: &str| {
        format!("[streams.{name}]\ninput = {:?}\nencryption = {encryption:?}\n", film.display().to_string())
    };
    let text = stream("film", "off") + &stream("offered", "offered") + &stream("required", "required");
    fs::write(&configuration, text)?;
    let [users, key, configuration] = [&users, &key, &configuration].map(|path| path.display().to_string());
    let options = ["--config", &configuration, "--users", &users, "--token-key", &key];
    let tls = ["--tls", "--tls-port", "0", "--sdes", "--frame-rate", "24"];
    let server = Server::start(&args.server, &[&options[..], &tls[..]].concat())?;
    let token = token(&args.server, &key, &server)?;
    let cases = cases(&server, &token)?;

    let next = AtomicUsize::new(0);
    let rows: Vec<Result<(bool, String)>> = std::thread::scope(|scope| {
        let work = || -> Vec<_> {
            let take = || cases.get(next.fetch_add(1, Ordering::Relaxed));
            std::iter::from_fn(take).map(|case| case.play(&expected, &scratch.0)).collect()
        };
        let threads: Vec<_> = (0..args.jobs.max(1)).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    println!("| what | player | transport | identical | |\n|---|---|---|---:|---|");
    let mut good = true;
    for row in rows {
        let (is_good, line) = row?;
        println!("{line}");
        good &= is_good;
    }
    let log = server.log();
    for secret in [PASSWORD, &token] {
        ensure!(!log.contains(secret), "the server's log shows a secret:\n{log}");
    }
    ensure!(log.contains("required is set up over TCP, encrypted"), "nothing was encrypted; the log:\n{log}");
    Ok(good)
}

fn add_user(server: &Path, users: &Path) -> Result<()> {
    let mut child = Command::new(server).arg("passwd").arg(users).arg("anna").stdin(Stdio::piped()).spawn()?;
    writeln!(child.stdin.take().context("no stdin")?, "{PASSWORD}")?;
    ensure!(child.wait()?.success(), "passwd failed");
    Ok(())
}

/// The query of a URL that lets its owner watch the film.
fn token(program: &Path, key: &str, server: &Server) -> Result<String> {
    let url = format!("rtsp://{}", server.address);
    let output = Command::new(program).args(["token", "film", "--for", "10m", "--key", key, "--url", &url]).output()?;
    let text = String::from_utf8(output.stdout)?;
    let (_, token) = text.trim().split_once("?token=").with_context(|| format!("no token in {text:?}"))?;
    Ok(token.to_owned())
}

fn cases(server: &Server, token: &str) -> Result<Vec<Case>> {
    use Player::{Ffmpeg, Gstreamer};
    let (plain, private) = (server.address, server.tls.as_ref().context("the server prints no URL in TLS")?);
    let anna = format!("anna:{PASSWORD}@");
    let film = format!("rtsp://{anna}{plain}/film");
    let wrong = format!("rtsp://anna:wrong@{plain}/film");
    let by_token = format!("rtsp://{plain}/film?token={token}");
    let forged = format!("rtsp://{plain}/offered?token={token}");
    let [offered, required] = ["offered", "required"].map(|name| format!("rtsps://{anna}{private}/{name}"));
    let sdes = format!("rtsp://{anna}{plain}/required");
    let mut cases = Vec::new();
    let mut add = |what, players: &[Player], transports: &[Transport], url: &String, may| {
        for (&player, &transport) in players.iter().flat_map(|player| transports.iter().map(move |way| (player, way))) {
            cases.push(Case { what, player, transport, url: url.clone(), may });
        }
    };
    let (both, ways) = ([Ffmpeg, Gstreamer], Transport::ALL);
    add("password", &both, &ways, &film, true);
    add("wrong password", &both, &[Transport::Tcp], &wrong, false);
    add("token", &both, &ways, &by_token, true);
    add("token of another stream", &both, &[Transport::Tcp], &forged, false);
    add("password, TLS", &both, &[Transport::Tcp], &offered, true);
    // FFmpeg gets what TLS encrypts, GStreamer asks for SRTP.
    add("password, TLS, encryption required", &[Ffmpeg], &[Transport::Tcp], &required, true);
    add("password, TLS, SRTP by MIKEY", &[Gstreamer], &ways, &required, true);
    add("password, SRTP by SDES", &[Ffmpeg], &ways, &sdes, true);
    Ok(cases)
}

impl Case {
    /// Whether it is as it must be, and a line of the table.
    fn play(&self, expected: &[String], folder: &Path) -> Result<(bool, String)> {
        let Self { what, player, transport, url, may } = self;
        let name = player.name();
        let Some(installation) = player.find(None) else {
            return Ok((true, format!("| {what} | {name} | {transport} | SKIPPED | it is not installed |")));
        };
        let mut outcome = self.try_once(&installation, expected, folder)?;
        for _ in 1..TRIES {
            if outcome.1 {
                break;
            }
            outcome = self.try_once(&installation, expected, folder)?;
        }
        let (count, is_good, complaints) = outcome;
        let wanted = if *may { expected.len() } else { 0 };
        let remark = if is_good { String::new() } else { format!("**of {url}: {complaints}**") };
        Ok((is_good, format!("| {what} | {name} | {transport} | {count} of {wanted} | {remark} |")))
    }

    /// The number of right pictures, whether it is as it must be, and what else there is to say.
    fn try_once(&self, player: &Installation, expected: &[String], folder: &Path) -> Result<(usize, bool, String)> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let scratch = folder.join(format!("playing-{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir(&scratch)?;
        let played = player.play(&self.url, self.transport, &scratch, PATIENCE)?;
        let count = identical(expected, &played.pictures);
        let is_good = if self.may {
            count == expected.len() && played.pictures.len() == count
        } else {
            played.pictures.is_empty()
        };
        let complaint = played.complaints.lines().next().unwrap_or_default().replace('|', "/");
        Ok((count, is_good, format!("{} came, {complaint}", played.pictures.len())))
    }
}
