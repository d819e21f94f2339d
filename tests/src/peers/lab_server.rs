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

/// The film that the server serves, and the requests that it has seen.
#[derive(Debug)]
struct Shared {
    name: String,
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
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared =
            Arc::new(Shared { name: name.into(), frames, stop: AtomicBool::new(false), requests: Mutex::default() });
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
        match (method, self.state) {
            ("SETUP", State::Init) => {
                if name != shared.name {
                    return Some(reply("404 FILE_NOT_FOUND", 0));
                }
                // The students' server only looks for the port in the fourth word of the third line.
                let port: u16 = lines.get(2)?.split(' ').nth(3)?.trim_end().parse().ok()?;
                self.target = Some(SocketAddr::new(stream.peer_addr().ok()?.ip(), port));
                self.state = State::Ready;
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
        let mut packet = vec![0x80, 26];
        packet.extend((self.sent as u16).to_be_bytes());
        packet.extend(seconds.to_be_bytes());
        packet.extend([0; 4]);
        packet.extend(frame);
        let _ = self.socket.send_to(&packet, target);
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
}
