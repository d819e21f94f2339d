//! What feeds a server's inputs: ffmpeg, and a camera that gives single pictures over HTTP. Pictures are copied, never encoded
//! again.

use anyhow::{Context, Result, ensure};
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A process that ends when this value is dropped.
#[derive(Debug)]
pub struct Running(Child);

impl Running {
    /// Its process identifier.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Whether it has not ended.
    ///
    /// # Errors
    /// The system's.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.0.try_wait()?.is_none())
    }

    /// Returns the process's standard output, once.
    pub fn stdout(&mut self) -> Option<ChildStdout> {
        self.0.stdout.take()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The words that make ffmpeg give a film's pictures at their pace, over and over, until it is killed.
pub fn endless(film: &Path) -> String {
    format!("ffmpeg -nostdin -v error -re -stream_loop -1 -i {} -c copy", film.display())
}

/// Runs ffmpeg as [`endless`] says, with further arguments that say where to.
///
/// # Errors
/// If it cannot be started.
pub fn feed(film: &Path, arguments: &[&OsStr]) -> Result<Running> {
    let words = endless(film);
    let mut words = words.split(' ');
    let mut command = Command::new(words.next().unwrap_or_default());
    spawn(command.args(words).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()))
}

/// Starts a program.
///
/// # Errors
/// If it cannot be started.
pub fn spawn(command: &mut Command) -> Result<Running> {
    let child = command.spawn().with_context(|| format!("cannot run {}", command.get_program().display()))?;
    Ok(Running(child))
}

/// Copies the pictures of a raw file, at `rate` pictures a second, into a container of the format `format`.
///
/// # Errors
/// If ffmpeg is missing or fails.
pub fn copy(clip: &Path, rate: u32, format: &str, to: &Path) -> Result<()> {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-y", "-f", "mjpeg", "-framerate", &rate.to_string(), "-i"]).arg(clip);
    let status = command.args(["-c", "copy", "-f", format]).arg(to).status().context("cannot run ffmpeg")?;
    ensure!(status.success(), "ffmpeg -f {format}: {status}");
    Ok(())
}

/// A free TCP port of 127.0.0.1.
///
/// # Errors
/// If there is none.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Serves single pictures over HTTP: with every request the next one, and the first behind the last. Returns its address; it
/// serves until the program ends.
///
/// # Errors
/// If no port is free.
pub fn snapshots(frames: Vec<Vec<u8>>) -> Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    let (frames, next) = (Arc::new(frames), Arc::new(AtomicUsize::new(0)));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (frames, next) = (frames.clone(), next.clone());
            std::thread::spawn(move || answer(stream, &frames, &next));
        }
    });
    Ok(address)
}

/// Answers the requests of one connection until the client closes it.
fn answer(mut stream: TcpStream, frames: &[Vec<u8>], next: &AtomicUsize) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let (mut request, mut chunk) = (Vec::new(), [0; 2048]);
    loop {
        while !request.ends_with(b"\r\n\r\n") {
            match stream.read(&mut chunk)? {
                0 => return Ok(()),
                n => request.extend(&chunk[..n]),
            }
        }
        request.clear();
        let frame = &frames[next.fetch_add(1, Ordering::Relaxed) % frames.len()];
        let mut answer =
            format!("HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", frame.len())
                .into_bytes();
        answer.extend(frame);
        stream.write_all(&answer)?;
    }
}

/// What became of a live input's pictures at a viewer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Follow {
    /// The number of pictures that are the input's, each behind the one before it.
    pub right: usize,
    /// The number of the input's pictures that were left out between them.
    pub missing: usize,
    /// The number of pictures that are not the input's.
    pub changed: usize,
}

/// Follows `received` through `source`, which starts over at its end, from wherever the viewer came in. The pictures of
/// `source` differ from each other. A picture that comes twice counts as a whole round that is missing.
pub fn follow(source: &[String], received: &[String]) -> Follow {
    let mut result = Follow::default();
    let mut expected = None;
    for picture in received {
        let Some(at) = source.iter().position(|one| one == picture) else {
            result.changed += 1;
            continue;
        };
        result.right += 1;
        result.missing += expected.map_or(0, |expected| (at + source.len() - expected) % source.len());
        expected = Some((at + 1) % source.len());
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.chars().map(String::from).collect()
    }

    #[test]
    fn pictures_are_followed_over_the_end_of_their_source() {
        for (received, right, missing, changed) in [
            ("abcd", 4, 0, 0),
            ("cdab", 4, 0, 0),
            ("acd", 3, 1, 0),
            ("axb", 2, 0, 1),
            ("ca", 2, 1, 0),
            ("aab", 3, 3, 0),
            ("", 0, 0, 0),
        ] {
            assert_eq!(follow(&words("abcd"), &words(received)), Follow { right, missing, changed }, "{received}");
        }
    }

    #[test]
    fn every_request_is_answered_with_the_next_picture() {
        let address = snapshots(vec![b"one".to_vec(), b"two".to_vec()]).unwrap();
        for expected in ["one", "two", "one"] {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.contains("Content-Length: 3\r\n") && answer.ends_with(expected), "{answer}");
        }
    }
}
