//! The server's page in a browser.

pub mod chromium;
pub mod gallery;
pub mod scenes;

use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::process::Server;

/// How long a page may take to show what it shall show, beside other work of the machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What selects the tile of a stream.
#[derive(Clone, Copy)]
pub struct Tile<'a>(pub &'a str);

impl fmt::Display for Tile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ".tile:has(> a[aria-label='{}'])", self.0)
    }
}

impl Tile<'_> {
    /// An expression: it has shown a picture and nothing is written over it.
    pub fn shows(self) -> String {
        format!("document.querySelector(`{self}`).tile.screen.hasPicture && {}", self.covered_by(""))
    }

    /// An expression: this is written over it.
    pub fn covered_by(self, text: &str) -> String {
        format!("document.querySelector(`{self} .cover`).textContent === '{text}'")
    }
}

/// A port of 127.0.0.1 that nobody listens at.
pub fn free_port() -> Result<u16> {
    crate::interop::feeds::free_port()
}

/// A server with a page at that port.
pub fn serve(program: &Path, port: u16, arguments: &[&str]) -> Result<Server> {
    let http = port.to_string();
    let server = Server::start(program, &[&["--http", &http], arguments].concat())?;
    ensure!(server.page.is_some(), "the server told no page");
    Ok(server)
}

/// The body of the answer to a GET, which must succeed.
pub fn get(port: u16, path: &str) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").context("no answer")?;
    let head = String::from_utf8_lossy(answer.get(..end).unwrap_or_default());
    ensure!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
    Ok(answer.split_off(end + 4))
}

/// Publishes a picture, which is the stream's until what is given is dropped.
pub fn publish(port: u16, stream: &str, picture: &[u8]) -> Result<TcpStream> {
    let mut sender = TcpStream::connect(("127.0.0.1", port))?;
    write!(sender, "POST /streams/{stream} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")?;
    // Where the first one ends is seen at the second one, at the latest.
    for _ in 0..2 {
        write!(sender, "{:x}\r\n", picture.len())?;
        sender.write_all(picture)?;
        sender.write_all(b"\r\n")?;
    }
    Ok(sender)
}

/// Publishes pictures one by one.
pub struct Sender(TcpStream);

impl Sender {
    /// Begins to.
    pub fn new(port: u16, stream: &str) -> Result<Self> {
        let mut sender = TcpStream::connect(("127.0.0.1", port))?;
        write!(sender, "POST /streams/{stream} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        // Where a picture ends is seen when the next one begins, so each begins right behind the one before.
        sender.write_all(b"2\r\n\xFF\xD8\r\n")?;
        Ok(Self(sender))
    }

    /// Publishes a JPEG file.
    pub fn send(&mut self, jpeg: &[u8]) -> Result<()> {
        let rest = jpeg.get(2..).context("no picture")?;
        write!(self.0, "{:x}\r\n", rest.len() + 2)?;
        self.0.write_all(&[rest, b"\xFF\xD8\r\n"].concat())?;
        Ok(())
    }
}

/// A file of users in which there is one.
pub fn users(server: &Path, folder: &Path, name: &str, password: &str) -> Result<PathBuf> {
    let file = folder.join("users");
    let mut child = Command::new(server).arg("passwd").arg(&file).arg(name).stdin(Stdio::piped()).spawn()?;
    child.stdin.take().context("no pipe")?.write_all(password.as_bytes())?;
    ensure!(child.wait()?.success(), "passwd failed");
    Ok(file)
}
