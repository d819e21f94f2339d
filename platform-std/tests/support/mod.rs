//! A server on loopback, and a client that sees every byte.
#![allow(dead_code, reason = "each test program uses a part of this")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use mutoscope::media::FrameRate;
use mutoscope::media::catalogue::Catalogue;
use mutoscope::media::testcard::{TestCard, buffer_len};
use mutoscope_std::media::Library;
use mutoscope_std::server::{Options, Server, StopHandle};

pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// A server in a thread of its own.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: StopHandle,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// With the built-in media.
    pub(crate) fn start(max_clients: usize) -> Self {
        Self::with(Options { max_clients, ..options() }, || Library::built_in(FrameRate::new(50, 1).unwrap()))
    }

    /// With the catalogue that `catalogue` makes in the server's thread.
    pub(crate) fn with<C: Catalogue + Sync>(options: Options, catalogue: impl FnOnce() -> C + Send + 'static) -> Self {
        let server = Server::bind(&options).unwrap();
        let (address, stop) = (server.local_addr(), server.stop_handle());
        let serve = move || server.serve(catalogue()).unwrap();
        Self { address, stop, thread: Some(std::thread::spawn(serve)) }
    }

    pub(crate) fn connect(&self) -> Client {
        self.connect_to("testcard")
    }

    pub(crate) fn connect_to(&self, medium: &str) -> Client {
        Client::connect(self.address, medium)
    }
}

/// Those of the program on a free port, with several threads.
pub(crate) fn options() -> Options {
    Options { rtsp_port: 0, threads: 3, ..Options::default() }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

pub(crate) struct Client {
    pub(crate) stream: BufReader<TcpStream>,
    url: String,
    cseq: u32,
}

pub(crate) struct Answer {
    /// 0 where the connection was closed instead.
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }
}

impl Client {
    pub(crate) fn connect(address: SocketAddr, medium: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream: BufReader::new(stream), url: format!("rtsp://{address}/{medium}"), cseq: 0 }
    }

    pub(crate) fn ask(&mut self, method: &str, headers: &str) -> Answer {
        self.cseq += 1;
        let control = if method == "SETUP" { "/trackID=0" } else { "" };
        let request = format!("{method} {}{control} RTSP/1.0\r\nCSeq: {}\r\n{headers}\r\n", self.url, self.cseq);
        let _ = self.stream.get_mut().write_all(request.as_bytes());
        self.answer()
    }

    fn answer(&mut self) -> Answer {
        let mut line = String::new();
        let _ = self.stream.read_line(&mut line);
        let status = line.split(' ').nth(1).map_or(0, |status| status.parse().unwrap());
        let mut headers = Vec::new();
        loop {
            line.clear();
            let _ = self.stream.read_line(&mut line);
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, headers, body: String::new() };
        let mut body = vec![0; answer.header("Content-Length").parse().unwrap_or(0)];
        self.stream.read_exact(&mut body).unwrap();
        answer.body = String::from_utf8(body).unwrap();
        answer
    }

    /// The next interleaved packet: channel and bytes.
    pub(crate) fn packet(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 4];
        self.stream.read_exact(&mut head).unwrap();
        assert_eq!(head[0], b'$');
        let mut packet = vec![0; usize::from(u16::from_be_bytes([head[2], head[3]]))];
        self.stream.read_exact(&mut packet).unwrap();
        (head[1], packet)
    }

    /// Whether the server has closed the connection, without having said anything more.
    pub(crate) fn is_closed(&mut self) -> bool {
        matches!(self.stream.read(&mut [0; 64]), Ok(0) | Err(_))
    }
}

/// Pictures that differ.
pub(crate) fn film(frames: u32) -> Vec<Vec<u8>> {
    let card = TestCard::new(160, 128, FrameRate::new(25, 1).unwrap(), 60).unwrap();
    let draw = |number| {
        let mut jpeg = vec![0; buffer_len(160, 128)];
        let len = card.render(number, &mut jpeg).unwrap();
        jpeg.truncate(len);
        jpeg
    };
    (0..frames).map(draw).collect()
}

/// A folder that goes when the test ends.
pub(crate) struct Folder(pub(crate) std::path::PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mutoscope-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> std::path::PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
