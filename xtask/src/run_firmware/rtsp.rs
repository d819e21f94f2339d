//! A client that says exactly what a check wants said, over TCP with media interleaved.

use anyhow::{Context, Result, bail, ensure};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// Something that came on the connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// Head and body.
    Answer(String),
    /// Channel and whole packet.
    Packet(u8, Vec<u8>),
    /// The peer has closed or reset.
    End,
}

/// One connection.
pub(super) struct Client {
    stream: TcpStream,
    inbox: Vec<u8>,
    url: String,
    session: String,
    cseq: u32,
}

impl Client {
    /// Connects to the machine's `port` on this one. QEMU's network accepts whoever comes, so this says nothing yet.
    pub(super) fn connect(port: u16) -> Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        let url = format!("rtsp://127.0.0.1:{port}/testcard");
        Ok(Self { stream, inbox: Vec::new(), url, session: String::new(), cseq: 0 })
    }

    /// Connects, and makes sure that it is served: those who were there before may take a moment to leave.
    pub(super) fn served(port: u16) -> Result<Self> {
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            let mut client = Self::connect(port)?;
            match client.ask_ok("OPTIONS", "") {
                Ok(_) => return Ok(client),
                Err(error) if Instant::now() > deadline => return Err(error.context("not served within 5 s")),
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    /// Sends bytes as they are. A peer that has closed already is no error.
    pub(super) fn say(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Closes our half.
    pub(super) fn close(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// The next message, if it comes within `patience`.
    pub(super) fn hear(&mut self, patience: Duration) -> Result<Option<Message>> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(message) = self.take_message()? {
                return Ok(Some(message));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.stream.set_read_timeout(Some(left))?;
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Ok(Some(Message::End)),
                Ok(n) => self.inbox.extend_from_slice(&chunk[..n]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return Ok(None),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(Some(Message::End)),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn take_message(&mut self) -> Result<Option<Message>> {
        let (len, message) = match self.inbox.as_slice() {
            [b'$', channel, high, low, rest @ ..] => {
                let len = usize::from(u16::from_be_bytes([*high, *low]));
                let Some(packet) = rest.get(..len) else { return Ok(None) };
                (4 + len, Message::Packet(*channel, packet.to_vec()))
            }
            [] | [b'$', ..] => return Ok(None),
            bytes => {
                let text = String::from_utf8_lossy(bytes);
                ensure!("RTSP/1.0 ".starts_with(&text[..text.len().min(9)]), "neither answer nor packet: {text:?}");
                // The lab dialect's lines end in LF.
                let blank = ["\r\n\r\n", "\n\n"].into_iter().find_map(|blank| Some((text.find(blank)?, blank.len())));
                let Some((end, blank_len)) = blank else { return Ok(None) };
                let body = text[..end].lines().find_map(|line| line.strip_prefix("Content-Length: "));
                let len = end + blank_len + body.map_or(Ok(0), str::parse::<usize>)?;
                let Some(answer) = bytes.get(..len) else { return Ok(None) };
                (len, Message::Answer(String::from_utf8_lossy(answer).into_owned()))
            }
        };
        self.inbox.drain(..len);
        Ok(Some(message))
    }

    /// The answer to a request, past the packets that come before it; how many of them there were.
    pub(super) fn ask(&mut self, method: &str, headers: &str) -> Result<(String, u32)> {
        self.cseq += 1;
        let (url, cseq, session) = (&self.url, self.cseq, &self.session);
        let request = format!("{method} {url} RTSP/1.0\r\nCSeq: {cseq}\r\n{session}{headers}\r\n");
        self.say(request.as_bytes());
        let mut packets = 0;
        loop {
            match self.hear(Duration::from_secs(5))? {
                Some(Message::Answer(answer)) => return Ok((answer, packets)),
                Some(Message::Packet(..)) => packets += 1,
                Some(Message::End) => bail!("closed instead of an answer to {method}"),
                None => bail!("no answer to {method} within 5 s"),
            }
        }
    }

    /// The same where only 200 will do.
    pub(super) fn ask_ok(&mut self, method: &str, headers: &str) -> Result<String> {
        let (answer, _) = self.ask(method, headers)?;
        ensure!(answer.starts_with("RTSP/1.0 200 OK\r\n"), "{method}: {answer}");
        Ok(answer)
    }

    /// The answer to SETUP with this transport; from now on requests name the session.
    pub(super) fn set_up(&mut self, transport: &str) -> Result<String> {
        let url = std::mem::take(&mut self.url);
        self.url = format!("{url}/trackID=0");
        let answer = self.ask_ok("SETUP", &format!("Transport: {transport}\r\n"));
        self.url = url;
        let answer = answer?;
        let id = answer.lines().find_map(|line| line.strip_prefix("Session: ")).context("no session")?;
        self.session = format!("Session: {}\r\n", id.split(';').next().unwrap_or(id));
        Ok(answer)
    }

    /// From now on requests name no session.
    pub(super) fn forget_session(&mut self) {
        self.session.clear();
    }

    /// From now on requests name the session of `other`.
    pub(super) fn take_session_of(&mut self, other: &Self) {
        self.session.clone_from(&other.session);
    }

    /// Whole frames (packets with the marker on channel 0) that come within `duration`.
    pub(super) fn frames(&mut self, duration: Duration) -> Result<u32> {
        let deadline = Instant::now() + duration;
        let mut frames = 0;
        loop {
            match self.hear(deadline.saturating_duration_since(Instant::now()))? {
                Some(Message::Packet(0, packet)) => {
                    frames += u32::from(packet.get(1).is_some_and(|byte| byte & 0x80 != 0))
                }
                Some(Message::End) => bail!("closed while playing"),
                Some(_) => {}
                None => return Ok(frames),
            }
        }
    }
}
