//! A server of the lab's dialect (see `wire::lab`), written like the one that students write and as strict. It does not answer
//! a request that theirs could not read, and it remembers which requests those were.

use anyhow::{Context, Result};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How many bytes the students' server reads at once. It takes them for one request and ignores the rest.
const RECV: usize = 256;
/// The time between two frames. The lab sends 20 a second.
const INTERVAL: Duration = Duration::from_millis(50);

/// How a copy of the lab sends a frame that is larger than it wants its packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Not at all: as a whole.
    #[default]
    Whole,
    /// In parts with the frame's number, the marker on the last.
    SameNumber,
    /// In parts that are counted.
    Counted,
    /// In parts with offset and length.
    O8,
    /// In parts with index and count, every other one to the port two further, where SETUP prefers HD.
    I4,
    /// In parts with index, count and length; its sequence numbers say nothing.
    I6,
    /// In blocks of ten parts, with parity behind each.
    G8,
    /// As a whole, where the session has begun with CONNECT.
    Connected,
}

impl Form {
    /// The packets of frame `number` without the first eight bytes of their headers, and whether each has the marker; the sequence
    /// number, the payload type and the distance of the port stand before.
    fn packets(self, file: &[u8], number: u16, sent: &mut u16) -> Vec<(u16, u8, u16, bool, Vec<u8>)> {
        let len = match self {
            Self::Whole | Self::Connected => return vec![(number, 26, 0, false, file.to_vec())],
            Self::SameNumber | Self::Counted => 1400,
            Self::O8 => 1392,
            Self::I4 => 1200,
            Self::I6 => 2000,
            Self::G8 => 1100,
        };
        let count = file.len().div_ceil(len);
        let mut packets = vec![];
        for (n, part) in file.chunks(len).enumerate() {
            let last = n + 1 == count;
            let words = |words: &[u16]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
            let header = match self {
                Self::Whole | Self::Connected | Self::SameNumber | Self::Counted => vec![],
                Self::O8 => [(n * len) as u32, file.len() as u32].iter().flat_map(|word| word.to_be_bytes()).collect(),
                Self::I4 => words(&[n as u16, count as u16]),
                Self::I6 if count == 1 => vec![],
                Self::I6 => words(&[n as u16, count as u16, file.len() as u16]),
                Self::G8 => {
                    words(&[0, number * 8 + n as u16 / 10, n as u16 % 10, (count - n / 10 * 10).min(10) as u16])
                }
            };
            *sent = sent.wrapping_add(1);
            let sequence = match self {
                Self::Counted | Self::G8 => *sent,
                Self::I6 => number / 40 * 40 + 11,
                _ => number,
            };
            let port = if self == Self::I4 { n as u16 % 2 * 2 } else { 0 };
            packets.push((sequence, 26, port, last, [header, part.to_vec()].concat()));
            if self == Self::G8 && (last || n % 10 == 9) {
                *sent = sent.wrapping_add(1);
                packets.push((*sent, 127, 0, false, vec![1; 1108]));
            }
        }
        packets
    }
}

/// The film that the server serves, and the requests that it has seen.
#[derive(Debug)]
struct Shared {
    name: String,
    form: Form,
    frames: Vec<Vec<u8>>,
    stop: AtomicBool,
    /// The methods of all requests in their order. A request that got no answer is in brackets.
    requests: Mutex<Vec<String>>,
}

/// A running server of one film. It ends when this value is dropped.
#[derive(Debug)]
pub struct LabServer {
    /// The address that the server listens on.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl LabServer {
    /// Serves these frames as `name` on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// If no port can be opened.
    pub fn start(name: &str, frames: Vec<Vec<u8>>) -> Result<Self> {
        Self::start_with(Form::Whole, name, frames)
    }

    /// The same with frames in parts.
    ///
    /// # Errors
    /// If no port can be opened.
    pub fn start_with(form: Form, name: &str, frames: Vec<Vec<u8>>) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            name: name.into(),
            form,
            frames,
            stop: AtomicBool::new(false),
            requests: Mutex::default(),
        });
        let thread = std::thread::spawn({
            let shared = shared.clone();
            move || {
                let mut workers = Vec::new();
                for stream in listener.incoming().map_while(Result::ok) {
                    if shared.stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let shared = shared.clone();
                    workers.push(std::thread::spawn(move || {
                        // An error only means that this client has gone. The server goes on.
                        let _ = Worker::new(&shared).and_then(|mut worker| worker.serve(&shared, stream));
                    }));
                }
                workers.into_iter().for_each(|worker| drop(worker.join()));
            }
        });
        Ok(Self { address, shared, thread: Some(thread) })
    }

    /// Returns the methods of all requests so far. Requests that got no answer are in brackets.
    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().map(|requests| requests.clone()).unwrap_or_default()
    }
}

impl Drop for LabServer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // The listener waits for a client. This one wakes it, so that it sees that it has to stop.
        drop(TcpStream::connect(self.address));
        self.thread.take().map(JoinHandle::join);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Init,
    Connected,
    Ready,
    Playing,
}

/// Serves one client: keeps the state of its session and its place in the film.
struct Worker {
    state: State,
    session: u32,
    socket: UdpSocket,
    target: Option<SocketAddr>,
    sent: usize,
    packets: u16,
    due: Instant,
}

impl Worker {
    fn new(shared: &Shared) -> Result<Self> {
        let known = shared.requests.lock().map_or(0, |requests| requests.len());
        Ok(Self {
            state: State::Init,
            session: 100_000 + known as u32 * 7919 % 900_000,
            socket: UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?,
            target: None,
            sent: 0,
            packets: 0,
            due: Instant::now(),
        })
    }

    fn serve(&mut self, shared: &Shared, mut stream: TcpStream) -> Result<()> {
        stream.set_read_timeout(Some(Duration::from_millis(2)))?;
        while !shared.stop.load(Ordering::Relaxed) {
            let mut chunk = [0; RECV];
            match stream.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(len) => {
                    let text = String::from_utf8_lossy(&chunk[..len]).into_owned();
                    let method = text.split(' ').next().unwrap_or("").to_owned();
                    let reply = self.reply(&text, &stream, shared);
                    if let Ok(mut requests) = shared.requests.lock() {
                        requests.push(if reply.is_some() { method } else { format!("[{method}]") });
                    }
                    // As with the students' server, neither a line end nor a blank line follows the last line.
                    reply.map_or(Ok(()), |reply| stream.write_all(reply.as_bytes()))?;
                }
                Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                }
                Err(error) => return Err(error.into()),
            }
            self.send_due(shared);
        }
        Ok(())
    }

    /// Returns the answer to the bytes that one read has brought. `None`: the students' server would not answer, or would
    /// have crashed.
    fn reply(&mut self, text: &str, stream: &TcpStream, shared: &Shared) -> Option<String> {
        let lines: Vec<&str> = text.split('\n').collect();
        let words: Vec<&str> = lines.first()?.split(' ').collect();
        let (method, name) = (*words.first()?, *words.get(1)?);
        let sequence = lines.get(1)?.split(' ').nth(1)?.trim_end();
        let reply = |status: &str, session: u32| format!("RTSP/1.0 {status}\nCSeq: {sequence}\nSession: {session}");
        // The students' server only looks for the port in the fourth word of the third line.
        let target = || {
            let port: u16 = lines.get(2)?.split(' ').nth(3)?.trim_end().parse().ok()?;
            Some(SocketAddr::new(stream.peer_addr().ok()?.ip(), port))
        };
        match (method, self.state) {
            ("CONNECT", State::Init) if shared.form == Form::Connected => {
                (self.target, self.state) = (Some(target()?), State::Connected);
            }
            ("SETUP", State::Connected) if lines.get(2) == Some(&&*format!("Session: {}", self.session)) => {
                self.state = State::Ready;
            }
            ("SETUP", State::Init) if shared.form != Form::Connected => {
                if name != shared.name {
                    return Some(reply("404 FILE_NOT_FOUND", 0));
                }
                if shared.form == Form::I4 && lines.get(3) != Some(&"Prefer: HD") {
                    return None;
                }
                (self.target, self.state) = (Some(target()?), State::Ready);
            }
            ("PLAY", State::Ready) => {
                (self.state, self.due) = (State::Playing, Instant::now());
            }
            ("PAUSE", State::Playing) => self.state = State::Ready,
            ("TEARDOWN", _) => (self.state, self.target) = (State::Init, None),
            _ => return None,
        }
        Some(reply("200 OK", self.session))
    }

    /// Sends the next frame if it is due: a whole JPEG file in one datagram. Sequence numbers count frames from 1, timestamps
    /// are seconds, and the source identifier is 0.
    fn send_due(&mut self, shared: &Shared) {
        let Some(target) = self.target.filter(|_| self.state == State::Playing && self.due <= Instant::now()) else {
            return;
        };
        let Some(frame) = shared.frames.get(self.sent) else { return };
        self.due += INTERVAL;
        self.sent += 1;
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() as u32;
        for (sequence, payload_type, port, marker, payload) in
            shared.form.packets(frame, self.sent as u16, &mut self.packets)
        {
            let mut packet = vec![0x80, payload_type | u8::from(marker) << 7];
            packet.extend(sequence.to_be_bytes());
            packet.extend(seconds.to_be_bytes());
            packet.extend([0; 4]);
            packet.extend(payload);
            let _ = self.socket.send_to(&packet, SocketAddr::new(target.ip(), target.port() + port));
            if shared.form == Form::I4 {
                // So does theirs.
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

/// Returns the frames that fit into a datagram of this dialect, whose client reads 20,480 bytes.
///
/// # Errors
/// If no frame fits.
pub fn fitting(frames: &[Vec<u8>]) -> Result<Vec<Vec<u8>>> {
    let frames: Vec<Vec<u8>> = frames.iter().filter(|frame| frame.len() + 12 <= 20_480).cloned().collect();
    (!frames.is_empty()).then_some(frames).context("no frame is small enough for the lab's dialect")
}

#[cfg(test)]
mod tests {
    use super::*;
    use mutoscope_std::client::{Client, Event, Goal, Options};

    fn exchange(stream: &mut TcpStream, request: &str) -> Option<String> {
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut reply = [0; 1024];
        stream.read(&mut reply).ok().filter(|&len| len > 0).map(|len| String::from_utf8_lossy(&reply[..len]).into())
    }

    #[test]
    fn it_answers_in_three_lines_without_an_end_and_is_silent_where_theirs_is() {
        let server = LabServer::start("movie.Mjpeg", vec![vec![1; 100], vec![2; 100]]).unwrap();
        let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let port = client.local_addr().unwrap().port();
        let mut stream = TcpStream::connect(server.address).unwrap();
        let mut ask = |request: &str| exchange(&mut stream, request);
        assert_eq!(ask("OPTIONS * RTSP/1.0\nCSeq: 1"), None);
        assert_eq!(ask("PLAY movie.Mjpeg RTSP/1.0\nCSeq: 1\nSession: 1"), None, "before SETUP");
        let refused = ask(&format!("SETUP x RTSP/1.0\nCSeq: 2\nTransport: RTP/UDP; client_port= {port}")).unwrap();
        assert!(refused.starts_with("RTSP/1.0 404"), "{refused}");
        let setup = format!("SETUP movie.Mjpeg RTSP/1.0\nCSeq: 3\nTransport: RTP/UDP; client_port= {port}");
        let reply = ask(&setup).unwrap();
        assert!(reply.starts_with("RTSP/1.0 200 OK\nCSeq: 3\nSession: ") && !reply.ends_with('\n'), "{reply:?}");
        assert!(ask("PLAY movie.Mjpeg RTSP/1.0\nCSeq: 4\nSession: 1").is_some());
        for number in 1..=2_u8 {
            let mut packet = [0; 200];
            let len = client.recv(&mut packet).unwrap();
            assert_eq!((len, packet[1], packet[3], packet[12]), (112, 26, number, number));
        }
        assert_eq!(server.requests(), ["[OPTIONS]", "[PLAY]", "SETUP", "SETUP", "PLAY"]);
    }

    /// The first frames that the client plays of a server of this kind, and how long the first one took.
    fn opened(form: Form, frames: &[Vec<u8>]) -> (Vec<Vec<u8>>, Duration) {
        let server = LabServer::start_with(form, "movie.Mjpeg", frames.to_vec()).unwrap();
        let name = match form {
            Form::I4 => "movie.Mjpeg;hd",
            Form::Connected => "movie.Mjpeg;connect",
            _ => "movie.Mjpeg",
        };
        let options = Options { rtp_port: 0, ..Options::new(format!("rtsp://{}/{name}", server.address)) };
        let mut client = Client::new(options).unwrap();
        let (begun, mut first, mut seen) = (Instant::now(), None, vec![]);
        client.set_goal(Goal::Play { from: None });
        while seen.len() < frames.len() {
            let deadline = begun + Duration::from_secs(20);
            match client.next(Some(deadline)).unwrap() {
                Some(Event::Frame(_)) => {
                    first.get_or_insert(begun.elapsed());
                    seen.push(client.frame().to_vec());
                }
                Some(_) => {}
                None => break,
            }
        }
        let mut expected = vec!["[OPTIONS]", "SETUP", "PLAY"];
        if form == Form::Connected {
            expected.insert(1, "CONNECT");
        }
        assert_eq!(server.requests(), expected, "on one connection, each once");
        (seen, first.unwrap_or(Duration::MAX))
    }

    #[test]
    fn the_player_opens_every_kind_without_a_long_wait_and_shows_what_is_sent() {
        let frames: Vec<Vec<u8>> = (0..6).map(|n| crate::film::picture(n, (320, 240), 40)).collect();
        let forms =
            [Form::Whole, Form::Connected, Form::SameNumber, Form::Counted, Form::O8, Form::I4, Form::I6, Form::G8];
        std::thread::scope(|scope| {
            let frames = &frames;
            let opened = forms.map(|form| (form, scope.spawn(move || opened(form, frames))));
            for (form, thread) in opened {
                let (seen, first) = thread.join().unwrap();
                assert!(seen == *frames, "{form:?}: {} of {}", seen.len(), frames.len());
                assert!(first < Duration::from_secs(2), "{form:?}: {first:?}");
            }
        });
    }
}
