//! Plays every file with every player over every transport, and prints what arrived.
//!
//! `cargo xtask test --only interop` makes the files and runs this; by hand: `--media DIR` for files of your own.
#![allow(clippy::print_stdout, reason = "the tables are this program's product")]

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use mutoscope_tests::interop::clip::{Carriage, Clip};
use mutoscope_tests::interop::players::{Installation, Player, Transport, decode, why_not_vlc};
use mutoscope_tests::interop::publish::Publisher;
use mutoscope_tests::interop::report::{Row, identical, summary, table};
use mutoscope_tests::interop::{control, lab};
use mutoscope_tests::process::{Scratch, Server, exit_code};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Plays mutoscope-server's files with real players and compares every picture.
#[derive(Parser)]
struct Args {
    /// The server's program
    #[arg(long, default_value = "target/release/mutoscope-server")]
    server: PathBuf,
    /// A folder of MJPEG files
    #[arg(long, default_value = "target/media")]
    media: PathBuf,
    /// Frames per second at which most files are played; one file is played at 24 too
    #[arg(long, default_value_t = 48)]
    frame_rate: u32,
    /// Play only files whose name contains this
    #[arg(long, default_value = "")]
    file: String,
    /// live555's openRTSP, where it is not on the PATH
    #[arg(long)]
    openrtsp: Option<PathBuf>,
    /// Another ffmpeg, beside that on the PATH; may be given several times
    #[arg(long)]
    ffmpeg: Vec<PathBuf>,
    /// How many players run at once
    #[arg(long, default_value_t = 3)]
    jobs: usize,
    /// Print the server's log at the end
    #[arg(long)]
    log: bool,
}

/// The rate of films, at which the pace is looked at.
const FILM_RATE: u32 = 24;

/// One playing of one file.
struct Job<'a> {
    server: &'a Server,
    clip: &'a Clip,
    player: &'a Installation,
    transport: Transport,
    rate: u32,
    is_tls: bool,
}

fn main() -> ExitCode {
    exit_code(run(&Args::parse()))
}

/// `true` where every frame arrived and everything else was as it must be.
fn run(args: &Args) -> Result<bool> {
    let mut clips = Clip::load_folder(&args.media)?;
    clips.retain(|clip| clip.name.contains(&args.file));
    let (fitting, refused): (Vec<&Clip>, Vec<&Clip>) = clips.iter().partition(|clip| clip.carriage == Carriage::Fits);
    let players = installed(args)?;
    ensure!(
        players.iter().any(|found| found.player == Player::Ffmpeg),
        "ffmpeg is needed: it decodes what the others received"
    );
    let start = |rate: u32| {
        let media = args.media.to_str().context("a folder whose name is not UTF-8")?;
        Server::start(&args.server, &["--frame-rate", &rate.to_string(), media])
    };
    let (server, film_server) = (start(args.frame_rate)?, start(FILM_RATE)?);

    let pictures = decode_all(&fitting)?;
    let jobs = playings(args, &players, &fitting, [&server, &film_server]);
    println!("{} players, {} playings", players.len(), jobs.len());
    let rows = play_all(&jobs, &pictures, args.jobs)?;
    let mut mistakes = Vec::new();
    if let Some(clip) = fitting.iter().find(|clip| clip.name.ends_with(".Mjpeg")) {
        mistakes.extend(check_rounds(args, clip, &pictures[clip.name.as_str()], &players)?);
    }
    if let Some(clip) = fitting.iter().find(|clip| !clip.is_large() && clip.computed_q().is_some()) {
        mistakes.extend(check_computed_tables(args, clip, &pictures, &players)?);
    }
    if let Some(clip) = fitting.iter().find(|clip| !clip.is_large()) {
        mistakes.extend(check_tls(args, clip, &pictures, &players)?);
    }
    // Players have to start while it is published, which a second is enough for.
    let is_long = |clip: &Clip| clip.frames.len() >= 24;
    if let Some(clip) = fitting.iter().find(|clip| is_long(clip) && !clip.is_large() && clip.computed_q().is_some()) {
        mistakes.extend(check_published(args, clip, &pictures[clip.name.as_str()], &players)?);
    }
    for clip in &refused {
        if let Err(error) = check_refusal(&server, clip) {
            mistakes.push(format!("{}: {error:#}", clip.name));
        }
    }
    let well_refused = refused.len() - count_named(&mistakes, &refused);
    let lab_rows = check_lab(&server, &clips, &mut mistakes);

    println!("\n{}\n{}", table(&rows), summary(&rows));
    println!("| lab client | file | frames |\n|---|---|---:|\n{}", lab_rows.concat());
    println!("refused as they must be: {well_refused} of {} files", refused.len());
    for server in [server, film_server] {
        let (status, log) = server.interrupt()?;
        if status != Some(0) || log.contains("panicked") {
            mistakes.push(format!("the server ended with {status:?} after SIGINT; its log:\n{log}"));
        } else if args.log {
            println!("{log}");
        }
    }
    let bad = rows.iter().filter(|row| !row.good()).count();
    for mistake in &mistakes {
        println!("MISTAKE {mistake}");
    }
    println!("{} of {} playings whole and identical, {} mistakes", rows.len() - bad, rows.len(), mistakes.len());
    Ok(bad == 0 && mistakes.is_empty())
}

/// The digests of each clip's pictures, by the clip's name.
fn decode_all<'c>(clips: &[&'c Clip]) -> Result<BTreeMap<&'c str, Vec<String>>> {
    println!("decoding {} files", clips.len());
    let mut pictures = BTreeMap::new();
    for clip in clips {
        let digests = decode(&clip.rounded_frames())?;
        ensure!(digests.len() == clip.frames.len(), "{}: ffmpeg cannot decode it", clip.name);
        pictures.insert(clip.name.as_str(), digests);
    }
    Ok(pictures)
}

/// Every clip with every player over every transport on the first server, and one clip at a film's rate on the second.
fn playings<'a>(
    args: &Args,
    players: &'a [Installation],
    clips: &[&'a Clip],
    [server, film_server]: [&'a Server; 2],
) -> Vec<Job<'a>> {
    let mut jobs = Vec::new();
    for player in players {
        let (shown, unknown): (Vec<&Clip>, Vec<&Clip>) =
            clips.iter().partition(|clip| !clip.is_large() || player.player.reads_large_sizes());
        for clip in unknown {
            println!("{player} is not asked for {}: it cannot know its size", clip.name);
        }
        for transport in Transport::ALL {
            let job = |server, clip, rate| Job { server, clip, player, transport, rate, is_tls: false };
            jobs.extend(shown.iter().map(|clip| job(server, clip, args.frame_rate)));
            jobs.extend(clips.first().map(|clip| job(film_server, clip, FILM_RATE)));
        }
    }
    jobs
}

/// Plays all files of the lab's format as its client does, and makes its mistakes; the lines of a table.
fn check_lab(server: &Server, clips: &[Clip], mistakes: &mut Vec<String>) -> Vec<String> {
    let mut rows = Vec::new();
    for clip in clips.iter().filter(|clip| clip.name.ends_with(".Mjpeg")) {
        rows.extend(play_lab(server, clip, mistakes));
    }
    if let Some(clip) = clips.first()
        && let Err(error) = lab::mistakes(server.address, &clip.name)
    {
        mistakes.push(format!("lab client: {error:#}"));
    }
    rows
}

fn installed(args: &Args) -> Result<Vec<Installation>> {
    let mut players = Vec::new();
    for player in Player::ALL {
        let given = args.openrtsp.as_deref().filter(|_| player == Player::OpenRtsp);
        match player.find(given) {
            Some(found) => players.push(found),
            None if given.is_some() => bail!("--openrtsp: this is not openRTSP, or it cannot be run"),
            None => println!("SKIPPED {}: not installed", player.name()),
        }
    }
    for program in &args.ffmpeg {
        players.push(Player::Ffmpeg.find(Some(program)).context("--ffmpeg: this is not ffmpeg, or it cannot be run")?);
    }
    println!("SKIPPED {}", why_not_vlc());
    Ok(players)
}

/// Plays all jobs, several at once. A playing that lost frames while others were busy is repeated alone, and its row says so. A
/// player that waits for the processor has a socket buffer that overflows over UDP, and lags over TCP until the server leaves
/// out frames for it: both are the machine's doing.
fn play_all(jobs: &[Job<'_>], pictures: &BTreeMap<&str, Vec<String>>, at_once: usize) -> Result<Vec<Row>> {
    let next = AtomicUsize::new(0);
    let rows = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..at_once.max(1) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(number) else { return };
                    let row = job.play(&pictures[job.clip.name.as_str()], number);
                    if let Ok(mut rows) = rows.lock() {
                        rows.insert(number, row);
                    }
                }
            });
        }
    });
    let mut rows = rows.into_inner().ok().context("a thread panicked")?;
    for (number, job) in jobs.iter().enumerate() {
        if matches!(rows.get(&number), Some(Ok(row)) if !row.good()) {
            let again = job.play(&pictures[job.clip.name.as_str()], number).map(|mut row| {
                row.remark = format!("played again alone {}", row.remark).trim_end().into();
                row
            });
            rows.insert(number, again);
        }
    }
    rows.into_values().collect()
}

impl Job<'_> {
    fn play(&self, expected: &[String], number: usize) -> Result<Row> {
        let scratch = Scratch::new(&format!("interop-{number}"))?;
        let url = match &self.server.tls {
            Some(tls) if self.is_tls => format!("rtsps://{tls}/{}", self.clip.name),
            _ => format!("rtsp://{}/{}", self.server.address, self.clip.name),
        };
        let length = Duration::from_secs_f64(expected.len() as f64 / f64::from(self.rate));
        let played = self.player.play(&url, self.transport, &scratch.0, length + Duration::from_secs(15))?;
        let remark = played.complaints.lines().find(|line| !line.trim().is_empty()).unwrap_or("").trim();
        Ok(Row {
            player: self.player.to_string(),
            transport: self.transport,
            file: self.clip.name.clone(),
            expected: expected.len(),
            received: played.pictures.len(),
            identical: identical(expected, &played.pictures),
            time: (played.time, length),
            remark: remark.replace('|', "/"),
        })
    }
}

/// Plays a file whose tables are those of a Q of RFC 2435 as a server sends it that leaves them out.
fn check_computed_tables(
    args: &Args,
    clip: &Clip,
    pictures: &BTreeMap<&str, Vec<String>>,
    players: &[Installation],
) -> Result<Vec<String>> {
    let path = args.media.join(&clip.name);
    let path = path.to_str().context("a file whose name is not UTF-8")?;
    let server =
        Server::start(&args.server, &["--computed-tables", "--frame-rate", &args.frame_rate.to_string(), path])?;
    let ways = players.iter().flat_map(|player| Transport::ALL.map(|transport| (player, transport)));
    let jobs: Vec<_> = ways
        .map(|(player, transport)| Job {
            server: &server,
            clip,
            player,
            transport,
            rate: args.frame_rate,
            is_tls: false,
        })
        .collect();
    let mut mistakes = Vec::new();
    for row in play_all(&jobs, pictures, args.jobs)? {
        let Row { player, transport, file, expected, received, identical, .. } = &row;
        println!("{player}, {transport}, {file} without its tables: {received} pictures, {identical} identical");
        if !row.good() {
            mistakes.push(format!(
                "{player}, {transport}: of {expected} pictures sent without tables {identical} are right"
            ));
        }
    }
    Ok(mistakes)
}

/// Plays a file in TLS, over the connection: only there are its pictures private.
fn check_tls(
    args: &Args,
    clip: &Clip,
    pictures: &BTreeMap<&str, Vec<String>>,
    players: &[Installation],
) -> Result<Vec<String>> {
    let path = args.media.join(&clip.name);
    let path = path.to_str().context("a file whose name is not UTF-8")?;
    let rate = args.frame_rate.to_string();
    let server = Server::start(&args.server, &["--tls", "--tls-port", "0", "--frame-rate", &rate, path])?;
    ensure!(server.tls.is_some(), "the server prints no URL in TLS; its log:\n{}", server.log());
    // live555's openRTSP may be built without it.
    let players = players.iter().filter(|player| player.player != Player::OpenRtsp);
    let job =
        |player| Job { server: &server, clip, player, transport: Transport::Tcp, rate: args.frame_rate, is_tls: true };
    let jobs: Vec<_> = players.map(job).collect();
    let mut mistakes = Vec::new();
    for Row { player, file, expected, received, identical, .. } in play_all(&jobs, pictures, args.jobs)? {
        println!("{player}, {file} in TLS: {received} pictures, {identical} identical");
        if (received, identical) != (expected, expected) {
            mistakes.push(format!("{player}: of {expected} pictures in TLS {identical} are right"));
        }
    }
    Ok(mistakes)
}

/// Plays a file that starts over at its end for more than a round; then the server stops, and says so to all players.
fn check_rounds(args: &Args, clip: &Clip, expected: &[String], players: &[Installation]) -> Result<Vec<String>> {
    const ROUNDS: f64 = 2.5;
    /// For players to start, and at the end to notice that it is one.
    const PATIENCE: Duration = Duration::from_secs(3);
    let path = args.media.join(&clip.name);
    let path = path.to_str().context("a file whose name is not UTF-8")?;
    let server = Server::start(&args.server, &["--loop", "--frame-rate", &args.frame_rate.to_string(), path])?;
    let url = format!("rtsp://{}/{}", server.address, clip.name);
    let time = Duration::from_secs_f64(ROUNDS * expected.len() as f64 / f64::from(args.frame_rate)) + PATIENCE;
    // These are more rounds than there is time for. A picture that a busy machine's socket loses is left out; no other may come.
    let rounds: Vec<_> = std::iter::repeat_n(expected, ROUNDS as usize + 10).flatten().cloned().collect();
    let mut mistakes = Vec::new();
    std::thread::scope(|scope| {
        let ways = players.iter().flat_map(|player| Transport::ALL.map(|transport| (player, transport)));
        let playings: Vec<_> = (100_000..)
            .zip(ways)
            .map(|(number, (player, transport))| {
                let url = url.as_str();
                let playing = scope.spawn(move || {
                    player.play(url, transport, &Scratch::new(&format!("interop-{number}"))?.0, time + 10 * PATIENCE)
                });
                (player, transport, playing)
            })
            .collect();
        std::thread::sleep(time);
        let (status, log) = server.interrupt()?;
        if status != Some(0) || log.contains("panicked") {
            mistakes.push(format!("a server of rounds ended with {status:?} after SIGINT; its log:\n{log}"));
        }
        for (player, transport, playing) in playings {
            let pictures = playing.join().ok().context("a thread panicked")??.pictures;
            let right = identical(&rounds, &pictures);
            println!("{player}, {transport}, starting over: {} pictures, {right} identical", pictures.len());
            if right < pictures.len() || right <= expected.len() {
                mistakes.push(format!(
                    "{player}, {transport}: of a file of {} frames that starts over came {} pictures, {right} of them right",
                    expected.len(),
                    pictures.len()
                ));
            }
        }
        Ok(mistakes)
    })
}

/// Publishes a clip with every publisher over every transport, one after the other, while all players watch and stay.
fn check_published(args: &Args, clip: &Clip, expected: &[String], players: &[Installation]) -> Result<Vec<String>> {
    /// For players to start, and at the end to notice that it is one.
    const PATIENCE: Duration = Duration::from_secs(60);
    let server = Server::start(&args.server, &["stage=push:"])?;
    let url = format!("rtsp://{}/stage", server.address);
    let ways = Publisher::ALL.into_iter().filter(|publisher| publisher.is_installed());
    let ways = ways.flat_map(|publisher| Transport::ALL.map(|transport| (publisher, transport)));
    // Of GStreamer 1.22 it waits for ever in some runs, before it has sent anything or behind its last picture.
    let (ways, skipped): (Vec<_>, Vec<_>) = ways.partition(|way| *way != (Publisher::Gstreamer, Transport::Udp));
    for (publisher, transport) in skipped {
        println!("SKIPPED {} over {transport}: it does not always end", publisher.name());
    }
    let all: Vec<_> = std::iter::repeat_n(expected, ways.len() + 1).flatten().cloned().collect();
    let publish = |number: usize, (publisher, transport): (Publisher, Transport)| -> Result<()> {
        publisher.publish(&url, clip, FILM_RATE, transport, &Scratch::new(&format!("interop-{number}"))?.0)
    };
    let mut mistakes = Vec::new();
    std::thread::scope(|scope| {
        // A request for a stream that nobody publishes waits for some seconds only; so players are started while one does.
        let first = scope.spawn(|| publish(200_000, ways[0]));
        let watching = players.iter().flat_map(|player| Transport::ALL.map(|transport| (player, transport)));
        let playings: Vec<_> = (200_001..)
            .zip(watching)
            .map(|(number, (player, transport))| {
                let url = url.as_str();
                let playing = scope.spawn(move || {
                    player.play(url, transport, &Scratch::new(&format!("interop-{number}"))?.0, PATIENCE)
                });
                (player, transport, playing)
            })
            .collect();
        first.join().ok().context("a thread panicked")??;
        for (number, &way) in (300_000..).zip(&ways) {
            if let Err(error) = publish(number, way) {
                mistakes.push(format!("{}, {}: {error:#}", way.0.name(), way.1));
            }
        }
        std::thread::sleep(Duration::from_millis(300));
        let (status, log) = server.interrupt()?;
        if status != Some(0) || log.contains("panicked") {
            mistakes.push(format!("a server of publishers ended with {status:?} after SIGINT; its log:\n{log}"));
        }
        for (player, transport, playing) in playings {
            let pictures = playing.join().ok().context("a thread panicked")??.pictures;
            let right = identical(&all, &pictures);
            println!(
                "{player}, {transport}, from {} publishers: {} pictures, {right} identical",
                ways.len(),
                pictures.len()
            );
            // A publisher catches up at its start, and a live stream leaves out what comes meanwhile.
            if right < pictures.len() || right * 2 < expected.len() * ways.len() {
                mistakes.push(format!(
                    "{player}, {transport}: of {} published frames came {} pictures, {right} of them right",
                    expected.len() * ways.len(),
                    pictures.len()
                ));
            }
        }
        Ok(mistakes)
    })
}

/// 415 with a sentence for the client, and the reason in the log.
fn check_refusal(server: &Server, clip: &Clip) -> Result<()> {
    let Carriage::Refused(words) = clip.carriage else { return Ok(()) };
    let answer = control::describe(server.address, &clip.name)?;
    ensure!(answer.status == 415, "DESCRIBE was answered with {}", answer.status);
    let said = |text: &str| words.iter().any(|word| text.contains(word));
    ensure!(said(&answer.text), "the answer does not say why: {:?}", answer.text);
    // The log is read by a thread of its own, which may be behind the answer.
    let names = |log: String| log.lines().any(|line| line.contains(&clip.name) && said(line));
    let deadline = Instant::now() + Duration::from_secs(5);
    while !names(server.log()) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    ensure!(names(server.log()), "no line of the log names the file and the reason ({})", words.join(", "));
    Ok(())
}

/// Plays a file of the lab's format in every spelling; the lines of a table.
fn play_lab(server: &Server, clip: &Clip, mistakes: &mut Vec<String>) -> Vec<String> {
    // In parallel, because each of them takes as long as the file lasts.
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let play = |spelling: &lab::Spelling| {
            let (address, name, frames, spelling) = (server.address, &clip.name, &clip.frames, *spelling);
            scope.spawn(move || lab::play(address, name, frames, spelling))
        };
        let threads: Vec<_> = lab::SPELLINGS.iter().map(play).collect();
        threads.into_iter().map(|thread| thread.join()).collect()
    });
    let mut lines = Vec::new();
    for (spelling, outcome) in lab::SPELLINGS.iter().zip(outcomes) {
        match outcome {
            Ok(Ok(count)) => lines.push(format!("| {} | {} | {count} |\n", spelling.name, clip.name)),
            Ok(Err(error)) => mistakes.push(format!("lab client, {}, {}: {error:#}", spelling.name, clip.name)),
            Err(_) => mistakes.push(format!("lab client, {}, {}: panicked", spelling.name, clip.name)),
        }
    }
    lines
}

fn count_named(mistakes: &[String], clips: &[&Clip]) -> usize {
    clips.iter().filter(|clip| mistakes.iter().any(|mistake| mistake.starts_with(&clip.name))).count()
}
