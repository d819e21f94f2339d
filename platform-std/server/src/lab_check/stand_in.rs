//! Our server for a student's client: it answers what comes as it was told to, and remembers it.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;

use super::messages::{Request, Speaker, Talk};
use super::payload::Payload;

/// A request is whole when nothing follows for so long; and many copies take a reply that comes sooner for that to the request before.
const QUIET: Duration = Duration::from_millis(50);
/// The time of a frame.
pub(super) const INTERVAL: Duration = Duration::from_millis(50);
/// Bytes of a part of a frame.
const PART: usize = 1400;
/// Of a film of 25 seconds.
const LENGTH: &str = "TotalTime: 25.0\nFrames: 500\nX-TotalFrames: 500\n";
const METHODS: [&str; 4] = ["SETUP ", "PLAY ", "PAUSE ", "TEARDOWN "];

/// How a request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Ok,
    Refused(&'static str),
    /// 200, and the number of a session that is not the client's.
    OtherSession,
}

#[derive(Debug)]
struct Log {
    requests: Vec<Request>,
    talk: Talk,
    /// For the next requests; those behind are answered with 200.
    answers: VecDeque<Answer>,
    peer: Option<SocketAddr>,
}

/// A server for one client after the other.
#[derive(Debug)]
pub(super) struct StandIn {
    pub(super) port: u16,
    pub(super) session: u32,
    log: Arc<Mutex<Log>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    media: UdpSocket,
    payload: Payload,
    /// How many packets there were, with those that were left out.
    packets: Cell<u32>,
}

impl StandIn {
    /// Listens. With `wants_line_ends`, replies are as clients want them that read lines.
    pub(super) fn start(session: u32, payload: Payload, wants_line_ends: bool) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let log = Log { requests: Vec::new(), talk: Talk::new(), answers: VecDeque::new(), peer: None };
        let (log, stop) = (Arc::new(Mutex::new(log)), Arc::new(AtomicBool::new(false)));
        let media = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let worker = Worker { session, wants_line_ends, log: Arc::clone(&log), stop: Arc::clone(&stop) };
        let thread = thread::spawn(move || worker.run(&listener));
        let (thread, packets) = (Some(thread), Cell::new(0));
        Ok(Self { port, session, log, stop, thread, media, payload, packets })
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.log)
    }

    /// How many requests have come.
    pub(super) fn count(&self) -> usize {
        self.log().requests.len()
    }

    /// Those from a number on.
    pub(super) fn since(&self, number: usize) -> Vec<Request> {
        self.log().requests.get(number..).unwrap_or_default().to_vec()
    }

    /// How much was said, as a mark for [`said_since`](Self::said_since).
    pub(super) fn mark(&self) -> usize {
        self.log().talk.len()
    }

    pub(super) fn said_since(&self, mark: usize) -> Vec<String> {
        self.log().talk.since(mark)
    }

    /// How the next request is answered, and the ones behind it with 200.
    pub(super) fn answer_next(&self, answer: Answer) {
        self.log().answers = VecDeque::from([answer]);
    }

    pub(super) fn answer_all(&self) {
        self.log().answers.clear();
    }

    /// The client has connected.
    pub(super) fn is_connected(&self) -> bool {
        self.log().peer.is_some()
    }

    /// Sends a frame to the client, in the form that was chosen.
    pub(super) fn send(&self, port: u16, number: u16, frame: &[u8]) {
        let first = self.packets.get();
        self.send_parts(port, number, &self.payload.parts(frame, first));
    }

    /// Leaves a frame out; its packets have numbers all the same.
    pub(super) fn leave_out(&self, frame: &[u8]) {
        let first = self.packets.get();
        self.packets.set(first + self.payload.parts(frame, first).len() as u32);
    }

    /// The same in parts that share its number, the marker on the last.
    pub(super) fn send_in_parts(&self, port: u16, number: u16, frame: &[u8]) {
        if self.payload == Payload::Plain {
            let parts: Vec<Vec<u8>> = frame.chunks(PART).map(<[u8]>::to_vec).collect();
            self.send_parts(port, number, &parts);
        } else {
            self.send(port, number, frame);
        }
    }

    fn send_parts(&self, port: u16, number: u16, parts: &[Vec<u8>]) {
        for (index, part) in parts.iter().enumerate() {
            self.packets.set(self.packets.get() + 1);
            let number = if self.payload.numbers_packets() { self.packets.get() as u16 } else { number };
            self.packet(port, number, index + 1 == parts.len(), part);
            if parts.len() > 1 {
                // A program in Python loses what comes in a burst.
                thread::sleep(Duration::from_millis(2));
            }
        }
    }

    fn packet(&self, port: u16, number: u16, marker: bool, payload: &[u8]) {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()) as u32;
        let mut packet = vec![0x80, 26 | u8::from(marker) << 7];
        packet.extend(number.to_be_bytes());
        packet.extend(seconds.to_be_bytes());
        packet.extend([0; 4]);
        packet.extend(payload);
        // Where nobody listens, what is shown tells.
        let _ = self.media.send_to(&packet, (Ipv4Addr::LOCALHOST, port));
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().map(JoinHandle::join);
    }
}

fn lock(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Worker {
    session: u32,
    wants_line_ends: bool,
    log: Arc<Mutex<Log>>,
    stop: Arc<AtomicBool>,
}

impl Worker {
    fn run(&self, listener: &TcpListener) {
        while !self.stop.load(Ordering::Relaxed) {
            match listener.accept() {
                Ok((stream, peer)) => {
                    lock(&self.log).peer = Some(peer);
                    // It ends with the client.
                    let _ = self.serve(stream);
                }
                Err(_) => thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(QUIET))?;
        let (mut waiting, mut buffer) = (Vec::new(), [0; 4096]);
        while !self.stop.load(Ordering::Relaxed) {
            match stream.read(&mut buffer) {
                Ok(0) => {
                    self.answer(&mut stream, &waiting)?;
                    return Ok(());
                }
                Ok(len) if waiting.len() < 65_536 => waiting.extend(&buffer[..len]),
                Ok(_) => return Ok(()),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    self.answer(&mut stream, &std::mem::take(&mut waiting))?;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn answer(&self, stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
        for message in split(bytes) {
            let reply = {
                let mut log = lock(&self.log);
                let request = Request::parse(message);
                log.talk.add(Speaker::Program, message);
                let answer = log.answers.pop_front().unwrap_or(Answer::Ok);
                let reply = self.reply(&request, answer);
                log.talk.add(Speaker::Check, reply.as_bytes());
                log.requests.push(request);
                reply
            };
            stream.write_all(reply.as_bytes())?;
        }
        Ok(())
    }

    fn reply(&self, request: &Request, answer: Answer) -> String {
        let (status, session) = match answer {
            Answer::Ok => ("200 OK", self.session),
            // Before there is a session, its number is 0.
            Answer::Refused(status) if request.method == "SETUP" => (status, 0),
            Answer::Refused(status) => (status, self.session),
            Answer::OtherSession => ("200 OK", self.session + 1),
        };
        let (end, last) = if self.wants_line_ends { ("\r\n", "") } else { ("\n", "\n") };
        let cseq = request.cseq.unwrap_or(0);
        // Some copies do not begin without the length, under three names; none minds.
        let length =
            if request.method == "SETUP" && answer == Answer::Ok && !self.wants_line_ends { LENGTH } else { "" };
        format!("RTSP/1.0 {status}{end}CSeq: {cseq}{end}Session: {session}{end}{length}{last}")
    }
}

/// The requests of what came together: each begins with its method, at the start of a line or behind a number.
fn split(bytes: &[u8]) -> Vec<&[u8]> {
    let is_start = |&at: &usize| {
        METHODS.iter().any(|method| bytes[at..].starts_with(method.as_bytes()))
            && (at == 0 || bytes[at - 1] == b'\n' || bytes[at - 1].is_ascii_digit())
    };
    let mut starts: Vec<usize> = (0..bytes.len()).filter(is_start).collect();
    if bytes.iter().any(|byte| !byte.is_ascii_whitespace()) && starts.first() != Some(&0) {
        starts.insert(0, 0);
    }
    starts.push(bytes.len());
    starts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_come_together_are_taken_apart() {
        let split = |text: &'static str| split(text.as_bytes());
        assert_eq!(split("PLAY a RTSP/1.0\nCSeq: 2\nSession: 1PAUSE a RTSP/1.0\nCSeq: 3").len(), 2);
        assert_eq!(split("PLAY a RTSP/1.0\nCSeq: 2").len(), 1);
        assert_eq!(split("SEEK PLAY a\nPLAY a"), [&b"SEEK PLAY a\n"[..], b"PLAY a"]);
        assert!(split("\r\n").is_empty() && split("").is_empty());
    }

    #[test]
    fn it_answers_as_it_was_told_to_and_remembers_what_came() {
        let server = StandIn::start(123_456, Payload::Plain, false).unwrap();
        server.answer_next(Answer::Refused("404 Not Found"));
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port)).unwrap();
        let mut say = |text: &str| {
            stream.write_all(text.as_bytes()).unwrap();
            let mut buffer = [0; 200];
            let len = stream.read(&mut buffer).unwrap();
            String::from_utf8_lossy(&buffer[..len]).into_owned()
        };
        let setup = "SETUP a RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 5000";
        assert_eq!(say(setup), "RTSP/1.0 404 Not Found\nCSeq: 1\nSession: 0\n\n");
        assert_eq!(say(setup), format!("RTSP/1.0 200 OK\nCSeq: 1\nSession: 123456\n{LENGTH}\n"));
        server.answer_next(Answer::OtherSession);
        assert_eq!(say("PLAY a RTSP/1.0\nCSeq: 9"), "RTSP/1.0 200 OK\nCSeq: 9\nSession: 123457\n\n");
        assert_eq!(server.count(), 3);
        assert_eq!(server.since(2)[0].method, "PLAY");
    }
}
