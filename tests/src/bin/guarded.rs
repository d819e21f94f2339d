//! Plays what not everybody may watch: with passwords, tokens, TLS and encrypted media, each in the forms that players know, and
//! compares every picture. The players of others and ours play our server, and ours plays GStreamer's. Who may not watch must see
//! nothing.
//!
//! `cargo xtask test --only interop` makes the pictures and runs this.
#![allow(clippy::print_stdout, reason = "the table is this program's product")]

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use mutoscope_tests::guarded::Case;
use mutoscope_tests::guarded::cases::{FOREIGN_FRAMES, Foreign, PASSWORD, Scene};
use mutoscope_tests::guarded::opencv::OpenCv;
use mutoscope_tests::guarded::ours::Ours;
use mutoscope_tests::interop::clip::Clip;
use mutoscope_tests::interop::players::{Installation, Player, decode, major};
use mutoscope_tests::peers::server::{self as peer, Guarded};
use mutoscope_tests::process::{Scratch, Server, exit_code, state_directory};
use std::fs;
use std::io::Write;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Plays guarded streams in the players of others and in ours.
#[derive(Parser)]
struct Args {
    /// The server's program, with TLS in it
    #[arg(long, default_value = "target/release/mutoscope-server")]
    server: PathBuf,
    /// Our player's program
    #[arg(long, default_value = "target/release/player-sdl")]
    player: PathBuf,
    /// The folder that `cargo xtask media` fills
    #[arg(long, default_value = "target/media")]
    media: PathBuf,
    /// openRTSP, or the client in the tests' folder `interop/live555` [default: the one on the PATH]
    #[arg(long)]
    openrtsp: Option<PathBuf>,
    /// Another ffmpeg, beside that on the PATH; may be given several times
    #[arg(long)]
    ffmpeg: Vec<PathBuf>,
    /// A Python that has OpenCV
    #[arg(long, default_value = "python3")]
    opencv_python: PathBuf,
    /// Play only where the line of the table holds these words
    #[arg(long, default_value = "")]
    only: String,
    /// How many are played at once
    #[arg(long, default_value_t = 5)]
    jobs: usize,
}

const CLIP: &str = "std-420-320x240.mjpeg";

fn main() -> ExitCode {
    exit_code(run(&Args::parse()))
}

fn run(args: &Args) -> Result<bool> {
    let scratch = Scratch::new("guarded")?;
    let film = fs::canonicalize(args.media.join(CLIP))?;
    let clip = Clip::load(&film)?;
    let expected = decode(&clip.frames)?;
    let (server, key) = serve(args, &film, &scratch.0)?;
    let token = token(&args.server, &key, &server)?;
    let private = server.tls.as_deref().context("the server prints no URL in TLS")?;
    let [certificate, private_key] =
        ["certificate.pem", "key.pem"].map(|name| state_directory().join("tls").join(name));

    let players = players(args)?;
    let opencv = OpenCv::find(&args.opencv_python, &scratch.0)?;
    let ours = args.player.exists().then(|| Ours { program: args.player.clone(), certificate: certificate.clone() });
    let foreign = match &ours {
        Some(_) => foreign(&scratch.0, &film, (&certificate, &private_key))?,
        None => None,
    };
    let seen_by_opencv = match &opencv {
        Some(opencv) => opencv.expected(&film, expected.len())?,
        None => Vec::new(),
    };

    let scene = Scene { plain: server.address, private, token: &token, expected: &expected };
    let mut cases = Vec::new();
    for player in &players {
        cases.extend(scene.of_others(player)?);
    }
    match &opencv {
        Some(opencv) => cases.extend(scene.of_opencv(opencv, &seen_by_opencv)),
        None => println!("SKIPPED OpenCV: {} does not have it", args.opencv_python.display()),
    }
    match &ours {
        Some(ours) => cases.extend(scene.of_ours(ours)),
        None => println!("SKIPPED our player: there is no {}", args.player.display()),
    }
    match (&ours, &foreign) {
        (Some(ours), Some(foreign)) => {
            let first = expected.get(..FOREIGN_FRAMES).context("the film is too short")?;
            cases.extend(foreign.cases(ours, first));
        }
        (Some(_), None) => println!("SKIPPED our player against GStreamer's server: no Python that has it"),
        (None, _) => {}
    }
    cases.retain(|case| format!("{}, {}, {}", case.what, case.player, case.way).contains(&args.only));
    let good = play(&cases, args.jobs, &scratch.0)?;

    let log = server.log();
    for secret in [PASSWORD, &token] {
        ensure!(!log.contains(secret), "the server's log shows a secret:\n{log}");
    }
    let sealed = |line: &&str| line.contains("sealed is set up over");
    let plain = log.lines().filter(sealed).find(|line| !line.ends_with(", encrypted"));
    ensure!(plain.is_none(), "media were not encrypted: {plain:?}");
    ensure!(!args.only.is_empty() || log.lines().any(|line| sealed(&line)), "nothing was encrypted; the log:\n{log}");
    Ok(good)
}

/// Our server, and the file of the key that signs its tokens.
fn serve(args: &Args, film: &Path, folder: &Path) -> Result<(Server, String)> {
    let [users, key, configuration] = ["users", "token.key", "mutoscope.toml"].map(|name| folder.join(name));
    add_user(&args.server, &users)?;
    let stream = |name: &str, encryption: &str| {
        format!("[streams.{name}]\ninput = {:?}\nencryption = {encryption:?}\n", film.display().to_string())
    };
    // What is sealed is played by those who ask for SRTP, or are told so by the description.
    let text = [("film", "off"), ("offered", "offered"), ("required", "required"), ("sealed", "required")];
    let text: String = text.map(|(name, encryption)| stream(name, encryption)).concat();
    fs::write(&configuration, text)?;
    let [users, key, configuration] = [&users, &key, &configuration].map(|path| path.display().to_string());
    let options = ["--config", &configuration, "--users", &users, "--token-key", &key];
    // In TLS, players see that the server would take the password as it is, and prove it all the same.
    let tls = ["--tls", "--tls-port", "0", "--basic", "--sdes", "--frame-rate", "24"];
    Ok((Server::start(&args.server, &[&options[..], &tls[..]].concat())?, key))
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

/// The players of others that are installed or named.
fn players(args: &Args) -> Result<Vec<Installation>> {
    let mut players = Vec::new();
    for player in Player::ALL {
        let given = args.openrtsp.as_deref().filter(|_| player == Player::OpenRtsp);
        match player.find(given) {
            Some(installation) => players.push(installation),
            None if given.is_some() => bail!("--openrtsp: this is not openRTSP, or it cannot be run"),
            None => println!("SKIPPED {}: not installed", player.name()),
        }
    }
    for program in &args.ffmpeg {
        players.push(Player::Ffmpeg.find(Some(program)).context("--ffmpeg: this is not ffmpeg, or it cannot be run")?);
    }
    if !players.iter().any(|player| player.player == Player::Ffmpeg && major(&player.version) >= 9) {
        println!("SKIPPED FFmpeg 9, which verifies certificates: no --ffmpeg names it");
    }
    Ok(players)
}

/// GStreamer's servers, if they are installed.
fn foreign(scratch: &Path, clip: &Path, tls: (&Path, &Path)) -> Result<Option<Foreign>> {
    if peer::gstreamer_python().is_none() {
        return Ok(None);
    }
    let film = peer::film(scratch, clip, 1)?;
    let start = |scheme, tls, srtp| peer::gstreamer(scratch, &film, &Guarded { scheme, tls, srtp });
    Ok(Some(Foreign {
        tls: start(None, Some(tls), false)?,
        digest: start(Some("digest"), Some(tls), false)?,
        basic: start(Some("basic"), Some(tls), false)?,
        srtp: start(None, None, true)?,
        all: start(Some("digest"), Some(tls), true)?,
    }))
}

/// Plays some at once, and prints the table. Whether all is as it must be.
fn play(cases: &[Case<'_>], jobs: usize, folder: &Path) -> Result<bool> {
    let next = AtomicUsize::new(0);
    let mut rows: Vec<(usize, Result<(bool, String)>)> = std::thread::scope(|scope| {
        let work = || -> Vec<_> {
            let take = || {
                let number = next.fetch_add(1, Ordering::Relaxed);
                cases.get(number).map(|case| (number, case))
            };
            std::iter::from_fn(take).map(|(number, case)| (number, case.judge(folder))).collect()
        };
        let threads: Vec<_> = (0..jobs.max(1)).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    rows.sort_by_key(|(number, _)| *number);
    println!("| what | player | transport | identical | |\n|---|---|---|---:|---|");
    let mut good = true;
    for (_, row) in rows {
        let (is_good, line) = row?;
        println!("{line}");
        good &= is_good;
    }
    Ok(good)
}
