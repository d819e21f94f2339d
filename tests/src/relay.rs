//! Measures how much later a viewer has a picture because it comes through an input of the server, and what that costs.
//!
//! Every picture carries its number in the last entry of its quantisation tables, which RTP/JPEG carries with each frame:
//! it stays a picture, and its data stays the same. What is measured ends when a client has put the picture together.

use crate::interop::control::describe;
use crate::interop::feeds::{Running, spawn};
use crate::process::{Server, Usage};
use anyhow::{Context, Result, ensure};
use mutoscope_std::client::{self, Client, Event, Goal};
use std::io::{BufWriter, PipeReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Pictures per second.
pub const RATE: u32 = 30;
/// Numbers go round: a picture is never so old that its number is used again.
pub const NUMBERS: usize = 250;
/// Pictures at the beginning that do not count.
const WARM_UP: usize = 20;
/// What parts the pictures of a multipart stream.
const BOUNDARY: &str = "picture";

/// A kind of input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Standard input.
    Pipe,
    /// A FIFO.
    Fifo,
    /// A program, which is `cat`.
    Exec,
    /// A multipart stream over HTTP.
    Http,
    /// Single pictures over HTTP.
    Snapshots,
    /// The stream of another server of ours, which reads a pipe.
    Rtsp,
    /// What ffmpeg publishes, which reads a pipe.
    Push,
}

/// What was measured.
#[derive(Debug)]
pub struct Measured {
    /// From the writing of each picture to its arrival, in order.
    pub ages: Vec<Duration>,
    /// The processor time of the server and its one viewer's stream in each second.
    pub processor: Duration,
}

/// The pictures that are put in, and when each was. A copy goes on where this is.
#[derive(Clone, Debug)]
pub struct Stamper {
    frames: Arc<Vec<Vec<u8>>>,
    next: usize,
    sent: Arc<Mutex<Vec<Option<Instant>>>>,
}

impl Stamper {
    /// These pictures over and over.
    pub fn new(frames: impl Into<Arc<Vec<Vec<u8>>>>) -> Self {
        Self { frames: frames.into(), next: 0, sent: Arc::new(Mutex::new(vec![None; NUMBERS])) }
    }

    /// The next picture, whose time begins now.
    pub fn take(&mut self) -> Vec<u8> {
        let mut frame = self.frames[self.next % self.frames.len()].clone();
        let number = self.next % NUMBERS;
        self.next += 1;
        for at in numbers_at(&frame) {
            frame[at] = number as u8 + 1;
        }
        if let Ok(mut sent) = self.sent.lock() {
            sent[number] = Some(Instant::now());
        }
        frame
    }

    /// When a picture was put in.
    pub fn sent(&self, frame: &[u8]) -> Result<Instant> {
        let number = number_of(frame)?;
        let sent = self.sent.lock().ok().and_then(|sent| *sent.get(number)?);
        sent.with_context(|| format!("picture {number} was not sent"))
    }

    /// How old a picture is.
    fn age(&self, frame: &[u8]) -> Result<Duration> {
        Ok(self.sent(frame)?.elapsed())
    }

    /// Writes pictures at this rate until nobody reads them.
    pub fn pace(&mut self, rate: u32, mut write: impl FnMut(&[u8]) -> std::io::Result<()>) {
        let mut due = Instant::now();
        loop {
            let frame = self.take();
            if write(&frame).is_err() {
                return;
            }
            due += Duration::from_secs(1) / rate;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    }
}

/// The number that a picture carries, less than [`NUMBERS`].
pub fn number_of(frame: &[u8]) -> Result<usize> {
    let at = numbers_at(frame).pop().context("a picture without a table")?;
    usize::from(frame[at]).checked_sub(1).context("a picture without a number")
}

/// The places of the last bytes of the quantisation tables in front of the scan. Tables may lie behind each other in a segment.
fn numbers_at(jpeg: &[u8]) -> Vec<usize> {
    let (mut at, mut found) = (2, Vec::new());
    while let Some(&[0xff, marker, high, low]) = jpeg.get(at..at + 4) {
        let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
        match marker {
            0xda => break,
            // A byte of precision and place, and 64 of values.
            0xdb => found.extend((at + 4 + 64..end).step_by(65)),
            _ => {}
        }
        at = end;
    }
    found.retain(|&at| at < jpeg.len());
    found
}

/// The server, and what else runs for it. What feeds it ends when nobody reads any more.
struct Scene {
    server: Server,
    _other: Option<Server>,
    _publisher: Option<Running>,
}

/// Measures one kind for `duration`. `scratch` is a folder for a FIFO.
pub fn measure(
    kind: Kind,
    program: &Path,
    frames: Vec<Vec<u8>>,
    transport: client::Transport,
    duration: Duration,
    scratch: &Path,
) -> Result<Measured> {
    let stamper = Stamper::new(frames);
    let scene = scene(kind, program, &stamper, scratch)?;
    let url = format!("rtsp://{}/cam", scene.server.address);
    wait_for(&scene.server)?;
    let mut client = Client::new(client::Options { transport, rtp_port: 0, ..client::Options::new(url) })?;
    client.set_goal(Goal::Play { from: None });
    let (mut ages, mut seen, mut begin) = (Vec::new(), 0, None);
    let mut end = Instant::now() + Duration::from_secs(30);
    while let Some(event) = client.next(Some(end))? {
        let Event::Frame(_) = event else { continue };
        let age = stamper.age(client.frame())?;
        seen += 1;
        if seen == WARM_UP {
            begin = Some((Instant::now(), Usage::of(scene.server.id())?.processor));
            end = Instant::now() + duration;
        } else if seen > WARM_UP {
            ages.push(age);
        }
    }
    let (began, before) = begin.with_context(|| format!("{seen} pictures came; the log:\n{}", scene.server.log()))?;
    let used = Usage::of(scene.server.id())?.processor.saturating_sub(before);
    ensure!(ages.len() > 10, "{} pictures came", ages.len());
    Ok(Measured { ages, processor: used.div_f64(began.elapsed().as_secs_f64()) })
}

/// Asking starts an input, which may need a moment.
fn wait_for(server: &Server) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(30);
    while describe(server.address, "cam").is_ok_and(|answer| answer.status != 200) {
        ensure!(Instant::now() < deadline, "the input does not start; the log:\n{}", server.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn scene(kind: Kind, program: &Path, stamper: &Stamper, scratch: &Path) -> Result<Scene> {
    let start = |spec: &str, stdin: Stdio| Server::start_with(program, &[&format!("cam={spec}")], stdin);
    let alone = |server| Ok(Scene { server, _other: None, _publisher: None });
    match kind {
        Kind::Pipe => alone(start("-", raw_pipe(stamper)?.into())?),
        Kind::Fifo => alone(start(&fifo(stamper, scratch)?.display().to_string(), Stdio::null())?),
        Kind::Exec => alone(start(&format!("exec:cat {}", fifo(stamper, scratch)?.display()), Stdio::null())?),
        Kind::Http => alone(start(&multipart_server(stamper)?, Stdio::null())?),
        Kind::Snapshots => alone(start(&snapshot_server(stamper)?, Stdio::null())?),
        Kind::Rtsp => {
            let other = start("-", raw_pipe(stamper)?.into())?;
            let server = start(&format!("rtsp://{}/cam", other.address), Stdio::null())?;
            Ok(Scene { server, _other: Some(other), _publisher: None })
        }
        Kind::Push => {
            let server = start("push:", Stdio::null())?;
            let mut ffmpeg = Command::new("ffmpeg");
            ffmpeg.args(["-v", "error", "-fflags", "nobuffer", "-use_wallclock_as_timestamps", "1"]);
            ffmpeg.args(["-f", "mpjpeg", "-i", "pipe:0", "-c", "copy", "-f", "rtsp", "-rtsp_transport", "tcp"]);
            ffmpeg.arg(format!("rtsp://{}/cam", server.address)).stdin(multipart_pipe(stamper)?);
            Ok(Scene { server, _other: None, _publisher: Some(spawn(&mut ffmpeg)?) })
        }
    }
}

fn raw_pipe(stamper: &Stamper) -> Result<PipeReader> {
    let ((reader, mut writer), mut stamper) = (std::io::pipe()?, stamper.clone());
    std::thread::spawn(move || stamper.pace(RATE, |frame| writer.write_all(frame)));
    Ok(reader)
}

fn multipart_pipe(stamper: &Stamper) -> Result<PipeReader> {
    let ((reader, writer), mut stamper) = (std::io::pipe()?, stamper.clone());
    let mut writer = BufWriter::with_capacity(1 << 20, writer);
    std::thread::spawn(move || stamper.pace(RATE, |frame| write_part(&mut writer, frame)));
    Ok(reader)
}

/// A part with its length, and the boundary behind it: whoever waits for that has it.
fn write_part(writer: &mut impl Write, frame: &[u8]) -> std::io::Result<()> {
    write!(writer, "--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", frame.len())?;
    writer.write_all(frame)?;
    writer.write_all(b"\r\n")?;
    writer.flush()
}

/// Makes a FIFO.
pub fn make_fifo(path: &Path) -> Result<()> {
    let _ = std::fs::remove_file(path);
    let status = Command::new("mkfifo").arg(path).status().context("mkfifo")?;
    ensure!(status.success(), "mkfifo: {status}");
    Ok(())
}

/// Makes a FIFO. Whoever opens it gets the pictures from then on.
fn fifo(stamper: &Stamper, scratch: &Path) -> Result<PathBuf> {
    let path = scratch.join("pictures.fifo");
    make_fifo(&path)?;
    let (mut stamper, name) = (stamper.clone(), path.clone());
    std::thread::spawn(move || {
        let mut file = std::fs::OpenOptions::new().write(true).open(name)?;
        stamper.pace(RATE, |frame| file.write_all(frame));
        std::io::Result::Ok(())
    });
    Ok(path)
}

/// Serves one client a multipart stream. Returns the URL.
fn multipart_server(stamper: &Stamper) -> Result<String> {
    let (listener, mut stamper) = (TcpListener::bind(("127.0.0.1", 0))?, stamper.clone());
    let url = format!("http://{}/stream", listener.local_addr()?);
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        read_request(&mut stream)?;
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary={BOUNDARY}\r\n\r\n")?;
        let mut writer = BufWriter::with_capacity(1 << 20, stream);
        stamper.pace(RATE, |frame| write_part(&mut writer, frame));
        std::io::Result::Ok(())
    });
    Ok(url)
}

/// Answers every request with the next picture. Returns the URL, which asks for them at the usual rate.
fn snapshot_server(stamper: &Stamper) -> Result<String> {
    let (listener, mut stamper) = (TcpListener::bind(("127.0.0.1", 0))?, stamper.clone());
    let url = format!("http://{}/snap.jpg#poll={:.4}", listener.local_addr()?, 1.0 / f64::from(RATE));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = answer_all(stream, &mut stamper);
        }
    });
    Ok(url)
}

fn answer_all(mut stream: TcpStream, stamper: &mut Stamper) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    while read_request(&mut stream)? {
        let frame = stamper.take();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", frame.len());
        stream.write_all(&[head.as_bytes(), &frame].concat())?;
    }
    Ok(())
}

/// `false` at the end of the connection.
fn read_request(stream: &mut TcpStream) -> std::io::Result<bool> {
    let (mut request, mut chunk) = (Vec::new(), [0; 2048]);
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut chunk)? {
            0 => return Ok(false),
            n => request.extend(&chunk[..n]),
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_carries_its_number_in_its_tables() {
        // SOI, DQT of two tables, SOS.
        let tables = [[0; 65], [1; 65]].concat();
        let jpeg = [&b"\xff\xd8\xff\xdb\0\x84"[..], &tables, b"\xff\xda\0\x02", &[7; 8]].concat();
        assert_eq!(numbers_at(&jpeg), [70, 135]);
        assert_eq!((numbers_at(b"\xff\xd8\xff\xda\0\x02"), numbers_at(b"\xff\xd8\xff\xdb\xff\xff")), (vec![], vec![]));
        let mut stamper = Stamper::new(vec![jpeg.clone()]);
        assert!(stamper.age(&jpeg).is_err(), "it was not sent yet");
        let (first, second) = (stamper.take(), stamper.take());
        assert_eq!((first[135], second[135]), (1, 2));
        assert!(stamper.age(&second).unwrap() <= stamper.age(&first).unwrap());
    }
}
