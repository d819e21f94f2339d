//! How soon a server is there and answers, and what it takes: for thousands of files, for a real film, for a sparse recording.

use super::{FILM, GAP_MS, Promise, film};
use crate::shell::release_program;
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Files of the folder.
const FILES: usize = 10_000;
/// Connections that ask for what there is not.
const FLOODING: usize = 60;
/// Bytes of the film, and of the recording.
const FILM_LEN: u64 = 2_000_000_000;
const SPARSE_LEN: u64 = 100_000_000_000;

const URL_MS: f64 = 1000.0;
const DESCRIPTORS: usize = 100;
const RESIDENT_KIB: u64 = 20_000_000 / 1024;

/// A folder that goes with it.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Four rows.
pub(super) fn measure() -> Result<Vec<Promise>> {
    let film = film(FILM)?;
    let bytes = fs::read(&film)?;
    let place = film.parent().context("the film has no folder")?.join("bench-files");
    let _ = fs::remove_dir_all(&place);
    let folder = place.join("many");
    fs::create_dir_all(&folder)?;
    let _scratch = Scratch(place.clone());
    for number in 0..FILES {
        fs::hard_link(&film, folder.join(format!("{number}.mjpeg")))?;
    }
    let long = place.join("long.mjpeg");
    let mut file = File::create(&long)?;
    for _ in 0..FILM_LEN / bytes.len() as u64 + 1 {
        file.write_all(&bytes)?;
    }
    let sparse = place.join("sparse.mjpeg");
    let file = File::create(&sparse)?;
    for tenth in 0..10 {
        file.write_all_at(&bytes, tenth * SPARSE_LEN / 10)?;
    }
    file.set_len(SPARSE_LEN)?;
    Ok(vec![
        row("a folder of 10,000 files, of which 500 are asked for", &folder, 500)?,
        row("a film of 2 GB", &long, 1)?,
        row("a sparse film of 100 GB", &sparse, 1)?,
        beside_a_flood(&folder)?,
    ])
}

/// A server, and the first URL that it prints.
fn start(path: &Path) -> Result<(Server, String)> {
    let mut command = Command::new(release_program("mutoscope-server")?);
    command.args(["--rtsp-port", "0", "-qq"]).arg(path).stdout(Stdio::piped());
    let mut server = Server(command.spawn()?);
    let mut lines = BufReader::new(server.0.stdout.take().context("it has no output")?).lines();
    let url = lines.next().context("it prints no URL")??;
    // Nobody shall wait because nobody reads.
    std::thread::spawn(move || lines.for_each(drop));
    Ok((server, url))
}

/// How long somebody waits for answers while others ask for names that there are not.
fn beside_a_flood(folder: &Path) -> Result<Promise> {
    let (_server, url) = start(folder)?;
    let address = url.split('/').nth(2).context("a URL has an address")?;
    let mut asked = TcpStream::connect(address)?;
    let mut longest = Duration::ZERO;
    for _ in 0..FLOODING {
        let mut stream = TcpStream::connect(address)?;
        let mut answers = stream.try_clone()?;
        let requests = format!("DESCRIBE {url}-not RTSP/1.0\r\nCSeq: 1\r\n\r\n").repeat(50);
        // They end with the server.
        std::thread::spawn(move || while stream.write_all(requests.as_bytes()).is_ok() {});
        std::thread::spawn(move || while answers.read(&mut [0; 65_536]).is_ok_and(|len| len > 0) {});
    }
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(5) {
        let start = Instant::now();
        asked.write_all(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")?;
        if asked.read(&mut [0; 4096])? == 0 {
            bail!("the server has closed the connection of somebody who asks");
        }
        longest = longest.max(start.elapsed());
        std::thread::sleep(Duration::from_millis(2));
    }
    let longest = longest.as_secs_f64() * 1000.0;
    Ok(Promise {
        what: format!("{FLOODING} connections that pipeline unknown names beside 10,000: an answer to another"),
        target: format!("<= {GAP_MS} ms"),
        measured: format!("{longest:.1} ms at most"),
        reached: longest <= GAP_MS,
    })
}

fn row(what: &str, path: &Path, asked: usize) -> Result<Promise> {
    let begun = Instant::now();
    let (server, url) = start(path)?;
    let url_ms = millis(begun);
    let start = Instant::now();
    describe(&url)?;
    let answer_ms = millis(start);
    let (root, _) = url.rsplit_once('/').context("a URL has a path")?;
    for number in 1..asked {
        describe(&format!("{root}/{number}.mjpeg"))?;
    }
    // Its range has an end when it has been looked through.
    while !describe(&url)?.lines().any(|line| line.starts_with("a=range:npt=0-") && !line.trim().ends_with('-')) {
        if start.elapsed() > Duration::from_secs(120) {
            bail!("{what} is not looked through after two minutes");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let through_ms = millis(start);
    let process = PathBuf::from(format!("/proc/{}", server.0.id()));
    let descriptors = fs::read_dir(process.join("fd"))?.count();
    let status = fs::read_to_string(process.join("status"))?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
    let resident: u64 = resident.context("no VmHWM in the process's status")?;
    Ok(Promise {
        what: format!("{what}: its URL, descriptors, memory"),
        target: format!("< {URL_MS} ms, < {DESCRIPTORS}, < {RESIDENT_KIB} KiB"),
        measured: format!(
            "{url_ms:.0} ms, {descriptors}, {resident} KiB; answers after {answer_ms:.0} ms, is looked through after {through_ms:.0} ms"
        ),
        reached: url_ms < URL_MS && descriptors < DESCRIPTORS && resident < RESIDENT_KIB,
    })
}

fn millis(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1000.0
}

fn describe(url: &str) -> Result<String> {
    let address = url.split('/').nth(2).context("a URL has an address")?;
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(stream, "DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if !answer.starts_with("RTSP/1.0 200 ") {
        bail!("{url}: {}", answer.lines().next().unwrap_or("no answer"));
    }
    Ok(answer)
}
