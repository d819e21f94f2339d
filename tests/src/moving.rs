//! Viewers that move: a machine of a cluster that is full sends them on to another one, and our player goes on at another one where the
//! first is gone. The machines are processes here, which have each their ports.

use crate::interop::players::{Installation, Player, Transport};
use crate::process::{Scratch, Server};
use anyhow::{Context, Result, ensure};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);
/// So many pictures are watched.
const PICTURES: usize = 24;
/// Viewers that the second edge takes.
const MOST: usize = 16;
/// The stream, as every machine has it.
const STREAM: &str = "garden/testcard";

/// A camera's machine, and two edges that know of each other. The camera is connected with the second one, so that it stays
/// where the first one goes, and nobody is sent to it.
struct Cluster {
    #[expect(dead_code, reason = "it sends as long as it is there")]
    garden: Server,
    first: Server,
    second: Server,
}

impl Cluster {
    /// `places`: how many viewers each edge takes.
    fn start(program: &Path, places: [usize; 2]) -> Result<Self> {
        let [first, second] = [free_place()?, free_place()?];
        let edge = |name: &str, places: usize, cluster: &[&str]| {
            let clients = places.to_string();
            // One of its own, so that it prints a URL when it is ready.
            let arguments = ["own=push:", "--node", name, "--max-clients", &clients, "--cluster-address", "127.0.0.1"];
            Server::start(program, &[&arguments[..], cluster].concat())
        };
        let first_edge = edge("edge1", places[0], &["--cluster-listen", &first])?;
        let second_edge = edge("edge2", places[1], &["--cluster-listen", &second, "--cluster-connect", &first])?;
        let camera = ["--node", "garden", "--cluster-connect", &second, "--cluster-address", "none"];
        let garden = Server::start(program, &camera)?;
        Ok(Self { garden, first: first_edge, second: second_edge })
    }
}

/// Tries it with the players of others that are installed, and with ours. `server` is built with the feature `cluster`. Gives what was
/// measured, in lines.
///
/// # Errors
/// A sentence about what did not happen.
pub fn run(server: &Path, player: Option<&Path>) -> Result<Vec<String>> {
    let mut lines = send_on(server, player)?;
    if let Some(player) = player {
        lines.extend(go_on(server, player)?);
    }
    Ok(lines)
}

/// An edge that is full sends viewers on, as long as another one has room.
fn send_on(program: &Path, player: Option<&Path>) -> Result<Vec<String>> {
    // Whoever is sent on counts until the next word of the second edge, so that it needs more room than is taken at once.
    let cluster = Cluster::start(program, [1, MOST])?;
    let (first, second) = (cluster.first.address, cluster.second.address);
    let url = format!("rtsp://{first}/{STREAM}");
    wait("the camera's stream is at the first edge", || Ok(describe(first, "")?.0 == 200))?;
    // The place of whoever has just gone may be free a moment later.
    let mut taken = Vec::new();
    let there = format!("rtsp://{second}/{STREAM}?moved=1");
    wait("the second edge has room", || {
        taken.push(TcpStream::connect(first)?);
        Ok(describe(first, "")? == (302, Some(there.clone())))
    })?;
    ensure!(describe(first, "?moved=3")?.0 == 503, "a viewer is sent on for ever");
    let mut lines = Vec::new();
    for player in [Player::Ffmpeg, Player::Gstreamer] {
        let Some(installation) = player.find(None) else {
            lines.push(format!("{}: not installed", player.name()));
            continue;
        };
        for transport in Transport::ALL {
            let seen = watch(&installation, &url, transport)?;
            ensure!(seen >= PICTURES, "{installation} over {transport} was sent on and saw {seen} pictures");
            lines.push(format!("{installation} over {transport}, sent on by a full edge: {seen} pictures"));
        }
    }
    if let Some(program) = player {
        let frames = PICTURES.to_string();
        let mut ours = Ours::start(program, &[&url, "--frames", &frames])?;
        let summary = ours.wait("its end", |line| line.contains("\"summary\""))?;
        let server = text(&summary, "server");
        ensure!(server == second.to_string(), "our player was to be sent to {second}, and plays at {server}");
        lines.push(format!("our player, sent on by a full edge: {} pictures", text(&summary, "frames")));
    }
    // Both are full: everybody is told so.
    let others = (0..MOST).map(|_| TcpStream::connect(second)).collect::<Result<Vec<_>, _>>()?;
    wait("nobody has room", || Ok(describe(first, "")?.0 == 503))?;
    drop((taken, others));
    wait("there is room again", || Ok(describe(first, "")?.0 == 200))?;
    Ok(lines)
}

/// Our player with two URLs goes on at the second edge where the first one is killed, and back where the second one hangs.
fn go_on(program: &Path, player: &Path) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for (signal, what, most) in [("-KILL", "process killed", 1000.0), ("-STOP", "process hangs", 3000.0)] {
        let cluster = Cluster::start(program, [10, 10])?;
        let [first, second] = [&cluster.first, &cluster.second].map(|edge| edge.address);
        wait("the camera's stream is at both edges", || {
            Ok(describe(first, "")?.0 == 200 && describe(second, "")?.0 == 200)
        })?;
        let [url, other] = [first, second].map(|edge| format!("rtsp://{edge}/{STREAM}"));
        let mut ours = Ours::start(player, &[&url, "--fallback", &other, "--duration", "60"])?;
        let plays_at =
            |edge: SocketAddr| move |line: &str| text(line, "server") == edge.to_string() && number(line, "fps") > 10.0;
        ours.wait("it plays at the first edge", plays_at(first))?;
        let status = Command::new("kill").args([signal, &cluster.first.id().to_string()]).status()?;
        ensure!(status.success(), "kill: {status}");
        let line = ours.wait("it plays at the second edge", plays_at(second))?;
        let gap = number(&line, "longest_interruption_ms");
        ensure!(gap <= most, "{what}: no picture for {gap:.0} ms, and {most} were allowed");
        lines.push(format!("{what}, our player with two URLs: next picture after {gap:.0} ms"));
    }
    Ok(lines)
}

/// A player of others watches a live stream. Gives the number of pictures.
fn watch(installation: &Installation, url: &str, transport: Transport) -> Result<usize> {
    let scratch = Scratch::new("moving")?;
    let played = match installation.player {
        Player::Ffmpeg => installation.watch(url, transport, PICTURES, PATIENCE)?,
        // It cannot count, and a live stream has no end.
        _ => installation.play(url, transport, &scratch.0, Duration::from_secs(4))?,
    };
    Ok(played.pictures.len())
}

/// What a server answers to DESCRIBE, and where it sends who asks. `query` stands behind the stream's name.
fn describe(server: SocketAddr, query: &str) -> Result<(u16, Option<String>)> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let url = format!("rtsp://{server}/{STREAM}{query}");
    // Other clients ask this first.
    write!(stream, "OPTIONS {url} RTSP/1.0\r\nCSeq: 1\r\n\r\nDESCRIBE {url} RTSP/1.0\r\nCSeq: 2\r\n\r\n")?;
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let answers = String::from_utf8_lossy(&bytes).into_owned();
        let last = answers.rsplit("RTSP/1.0 ").next().unwrap_or_default();
        let is_whole = last.contains("\r\n\r\n");
        let status = last.split(' ').next().and_then(|status| status.parse().ok()).unwrap_or(0);
        if is_whole && (last.contains("CSeq: 2") || status != 200) {
            let location = last.lines().find_map(|line| line.strip_prefix("Location: "));
            return Ok((status, location.map(str::to_owned)));
        }
        let len = stream.read(&mut chunk)?;
        ensure!(len > 0, "{server} answers nothing to DESCRIBE");
        bytes.extend_from_slice(&chunk[..len]);
    }
}

/// Waits until something is so. Errors on the way there are none yet.
fn wait(what: &str, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        let now = is_so();
        if matches!(now, Ok(true)) {
            return Ok(());
        }
        if Instant::now() >= end {
            return now.and_then(|_| Err(anyhow::anyhow!("it is not so after {} s: {what}", PATIENCE.as_secs())));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A place on this machine where nobody listens.
fn free_place() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

/// Our player without a window. Dropping it kills the process.
struct Ours {
    child: Child,
    lines: Receiver<String>,
}

impl Ours {
    fn start(program: &Path, arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(arguments).args(["--headless", "--stats", "json", "--rtp-port", "0"]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let stdout = BufReader::new(child.stdout.take().context("no stdout")?);
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Ok(Self { child, lines })
    }

    /// Waits for a line of statistics that is as wanted.
    fn wait(&mut self, what: &str, is_wanted: impl Fn(&str) -> bool) -> Result<String> {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).with_context(|| format!("our player says nothing of {what}"))?;
            if is_wanted(&line) {
                return Ok(line);
            }
        }
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A value of a line of flat JSON; empty where there is none.
fn text<'a>(line: &'a str, key: &str) -> &'a str {
    let Some((_, rest)) = line.split_once(&format!("\"{key}\":")) else { return "" };
    match rest.strip_prefix('"') {
        Some(rest) => rest.split('"').next().unwrap_or_default(),
        None => rest.split([',', '}']).next().unwrap_or_default(),
    }
}

fn number(line: &str, key: &str) -> f64 {
    text(line, key).parse().unwrap_or(0.0)
}
