//! Servers of a cluster, and the cameras that feed them.

use super::network::Place;
use crate::process::{Scratch, Server};
use crate::relay::{Stamper, make_fifo};
use anyhow::{Context, Result, ensure};
use jpeg_encoder::{ColorType, Encoder};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

/// Something that gives numbered pictures to whoever reads its FIFOs, at a rate, and knows when each was taken.
#[derive(Debug)]
pub struct Camera {
    /// When its pictures were taken.
    pub stamper: Stamper,
    fifos: Vec<PathBuf>,
}

impl Camera {
    /// It has so many FIFOs, each with the same pictures at the same time. It begins when all are read, and again when none was any more.
    pub fn start(name: &str, fifos: usize, pictures: &Arc<Vec<Vec<u8>>>, rate: u32, scratch: &Scratch) -> Result<Self> {
        Self::start_after(Duration::ZERO, name, fifos, (pictures, rate), scratch)
    }

    /// The same so long after it is read: of many cameras, each has its time.
    pub fn start_after(
        after: Duration,
        name: &str,
        fifos: usize,
        (pictures, rate): (&Arc<Vec<Vec<u8>>>, u32),
        scratch: &Scratch,
    ) -> Result<Self> {
        let fifos: Vec<_> = (0..fifos).map(|number| scratch.0.join(format!("{name}-{number}.fifo"))).collect();
        fifos.iter().try_for_each(|fifo| make_fifo(fifo))?;
        let stamper = Stamper::new(Arc::clone(pictures));
        let (mut pacer, paths) = (stamper.clone(), fifos.clone());
        let open = move || paths.iter().map(|path| OpenOptions::new().write(true).open(path)).collect();
        std::thread::spawn(move || {
            while let Ok::<Vec<File>, std::io::Error>(mut files) = open() {
                std::thread::sleep(after);
                pacer.pace(rate, |picture| {
                    files.retain_mut(|file| file.write_all(picture).is_ok());
                    if files.is_empty() { Err(ErrorKind::BrokenPipe.into()) } else { Ok(()) }
                });
            }
        });
        Ok(Self { stamper, fifos })
    }

    /// As an input of a server, under this name: the first who reads has the first FIFO.
    pub fn input(&self, name: &str, reader: usize) -> Result<String> {
        let fifo = self.fifos.get(reader).context("nobody else may read it")?;
        Ok(format!("{name}={}", fifo.display()))
    }
}

/// Pictures of noise, of about so many bytes each.
pub fn noise(bytes: usize, pictures: usize) -> Result<Arc<Vec<Vec<u8>>>> {
    // A pixel of it takes so many bits at this quality, and sides are multiples of 16.
    let side = ((bytes * 8) as f64 / BITS_PER_PIXEL).sqrt() / 16.0;
    let side = (side.round().max(1.0) * 16.0) as u16;
    ensure!(side <= 2040, "RTP/JPEG has no room for such pictures");
    let mut state = 1_u32;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as u8
    };
    let mut encode = || -> Result<Vec<u8>> {
        let luma: Vec<u8> = (0..usize::from(side).pow(2)).map(|_| random()).collect();
        let pixels: Vec<u8> = luma.iter().flat_map(|luma| [*luma, *luma, *luma]).collect();
        let mut jpeg = Vec::new();
        Encoder::new(&mut jpeg, QUALITY).encode(&pixels, side, side, ColorType::Rgb)?;
        Ok(jpeg)
    };
    Ok(Arc::new((0..pictures).map(|_| encode()).collect::<Result<_>>()?))
}

const QUALITY: u8 = 75;
const BITS_PER_PIXEL: f64 = 4.6;

/// A server that is one of a cluster.
#[derive(Debug)]
pub struct Node {
    /// Where it is.
    pub place: Place,
    /// The program.
    pub server: Server,
    /// Where it listens for other nodes, if it does.
    pub cluster: SocketAddr,
}

/// What a node is told.
#[derive(Clone, Debug, Default)]
pub struct Plan<'a> {
    /// What others call it.
    pub name: &'a str,
    /// Others may connect with it.
    pub listens: bool,
    /// Whom it connects with.
    pub connects: &'a [SocketAddr],
    /// More arguments.
    pub arguments: &'a [String],
}

impl Node {
    /// Starts one, and waits until it serves.
    pub fn start(program: &Path, place: &Place, plan: &Plan<'_>) -> Result<Self> {
        let [rtsp, cluster] = place.ports()?;
        let mut arguments = vec!["--node".to_owned(), plan.name.to_owned(), "--threads".into(), "1".into()];
        // Namespaces have addresses of their own, and nobody else reaches them.
        arguments.push("--open".into());
        if plan.listens {
            arguments.extend(["--cluster-listen".into(), cluster.to_string()]);
        }
        for address in plan.connects {
            arguments.extend(["--cluster-connect".into(), address.to_string()]);
        }
        arguments.extend_from_slice(plan.arguments);
        let mut command = place.command(program);
        command.stdin(Stdio::null());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let server = Server::run(command, rtsp, &arguments).with_context(|| format!("{} does not start", plan.name))?;
        Ok(Self { place: place.clone(), server, cluster })
    }

    /// The URL of a stream there.
    pub fn url(&self, path: &str) -> String {
        format!("rtsp://{}/{path}", self.server.address)
    }

    /// Ends it as `kill -9` does, in no time.
    pub fn kill(self) {
        drop(self);
    }

    /// Waits until it has a stream and its first picture.
    pub fn wait_for(&self, path: &str, patience: Duration) -> Result<()> {
        let begin = std::time::Instant::now();
        loop {
            let answer = self.place.within(|| crate::interop::control::describe(self.server.address, path));
            match answer {
                Ok(answer) if answer.status == 200 => return Ok(()),
                answer => ensure!(begin.elapsed() < patience, "no {path}: {answer:?}; its log:\n{}", self.server.log()),
            }
            super::pause(Duration::from_millis(20))?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_has_about_the_size_that_is_asked_for() {
        for bytes in [5_000, 25_000, 100_000] {
            let pictures = noise(bytes, 2).unwrap();
            let len = pictures[0].len();
            assert!(
                pictures[0] != pictures[1] && (bytes * 8 / 10..bytes * 12 / 10).contains(&len),
                "{len} for {bytes}"
            );
        }
    }
}
