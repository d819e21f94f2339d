//! One viewer, which never waits: what it does next depends on what was answered.

use super::counter::{Counter, StrictClient};
use super::{Load, Manner, Transport};
use crate::control::Control;
use anyhow::{Context, Result, bail, ensure};
use mio::{Interest, Poll, Token};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use std::collections::{BTreeMap, VecDeque};
use std::io::{ErrorKind, IoSliceMut, Read, Write};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, SystemTime};

/// Where a viewer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It has connected, and is not yet where it may play.
    Coming,
    In,
    Playing,
    Paused,
}

pub(super) struct Viewer {
    control: Control,
    /// The address of its connection.
    address: SocketAddr,
    media: Option<mio::net::UdpSocket>,
    /// The RTCP socket. It is kept open, so that ICMP does not answer the reports sent to it.
    reports: Option<UdpSocket>,
    /// The transport that it asks for.
    transport: String,
    session: String,
    cseq: u32,
    /// The requests that have no answer yet, in their order.
    asked: VecDeque<&'static str>,
    stage: Stage,
    /// What came, and is not whole yet.
    buffer: Vec<u8>,
    pub(super) counter: Counter,
    testimony: Option<String>,
}

impl Viewer {
    /// Connects, and sends its first request. Only the handshake of TLS waits.
    pub(super) fn open(load: &Load) -> Result<Self> {
        let control = load.door.open()?;
        let address = control.local_addr()?;
        let (transport, media, reports) = match load.transport {
            _ if matches!(load.manner, Manner::Asked | Manner::Silent) => (String::new(), None, None),
            Transport::Udp => {
                let (media, reports) = udp_pair(load.door.address().ip())?;
                let port = media.local_addr()?.port();
                (format!("RTP/AVP;unicast;client_port={port}-{}", port + 1), Some(media), Some(reports))
            }
            Transport::Tcp => ("RTP/AVP/TCP;unicast;interleaved=0-1".into(), None, None),
        };
        let mut viewer = Self {
            control,
            address,
            media: media.map(mio::net::UdpSocket::from_std),
            reports,
            transport,
            session: String::new(),
            cseq: 0,
            asked: VecDeque::new(),
            stage: Stage::Coming,
            buffer: Vec::new(),
            counter: Counter::new(load.frame_rate),
            testimony: None,
        };
        match load.manner {
            Manner::Silent => viewer.stage = Stage::In,
            Manner::Asked => viewer.request("OPTIONS", load, "")?,
            _ if load.is_secret => viewer.request("DESCRIBE", load, "")?,
            _ => viewer.set_up(load)?,
        }
        viewer.control.set_nonblocking()?;
        Ok(viewer)
    }

    pub(super) fn register(&mut self, poll: &Poll, token: Token) -> Result<()> {
        let control = self.control.as_raw_fd();
        poll.registry().register(&mut mio::unix::SourceFd(&control), token, Interest::READABLE)?;
        if let Some(media) = &mut self.media {
            poll.registry().register(media, token, Interest::READABLE)?;
        }
        Ok(())
    }

    /// It is where it may play, or where it means to stay.
    pub(super) fn is_in(&self) -> bool {
        self.stage != Stage::Coming
    }

    pub(super) fn is_playing(&self) -> bool {
        self.stage == Stage::Playing
    }

    pub(super) fn is_paused(&self) -> bool {
        self.stage == Stage::Paused
    }

    /// It has a session, and waits for no answer.
    pub(super) fn may_ask(&self) -> bool {
        self.asked.is_empty() && !self.session.is_empty()
    }

    fn set_up(&mut self, load: &Load) -> Result<()> {
        let transport = format!("Transport: {}\r\n", self.transport);
        self.request("SETUP", load, &transport)
    }

    pub(super) fn request(&mut self, method: &'static str, load: &Load, headers: &str) -> Result<()> {
        self.cseq += 1;
        let track = if method == "SETUP" { load.track } else { "" };
        let session = if self.session.is_empty() { String::new() } else { format!("Session: {}\r\n", self.session) };
        let (server, path, cseq) = (load.door.address(), &load.path, self.cseq);
        let request =
            format!("{method} rtsp://{server}/{path}{track} RTSP/1.0\r\nCSeq: {cseq}\r\n{session}{headers}\r\n");
        self.asked.push_back(method);
        // A connection takes a request at once, unless many wait in it that the server has not read.
        self.control.write_all(request.as_bytes()).with_context(|| format!("{method} does not leave"))
    }

    /// Reads all that has come.
    pub(super) fn receive(&mut self, load: &Load, chunk: &mut [u8]) -> Result<()> {
        while let Some(media) = &self.media {
            match arrival(media, chunk) {
                Ok((n, at)) => self.counter.packet(at, &chunk[..n]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        loop {
            match self.control.read(chunk) {
                Ok(0) => bail!("the server closed the connection after {} packets", self.counter.all_packets),
                Ok(n) if self.buffer.is_empty() => {
                    let used = self.digest(load, &chunk[..n])?;
                    self.buffer.extend_from_slice(&chunk[used..n]);
                }
                Ok(n) => {
                    let mut buffer = std::mem::take(&mut self.buffer);
                    buffer.extend_from_slice(&chunk[..n]);
                    let used = self.digest(load, &buffer)?;
                    buffer.drain(..used);
                    self.buffer = buffer;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Takes what is whole of these bytes, and tells how many those are.
    fn digest(&mut self, load: &Load, bytes: &[u8]) -> Result<usize> {
        let now = SystemTime::now();
        let mut rest = bytes;
        while let Some(item) = Item::first(rest) {
            rest = &rest[item.len()..];
            match item {
                Item::Packet { channel: 0, bytes } => self.counter.packet(now, bytes),
                Item::Packet { .. } => {}
                Item::Answer { head, body, .. } => self.handle_answer(load, head, body)?,
            }
        }
        Ok(bytes.len() - rest.len())
    }

    fn handle_answer(&mut self, load: &Load, head: &str, body: &str) -> Result<()> {
        let method = self.asked.pop_front().with_context(|| format!("an answer to nothing: {head}"))?;
        ensure!(head.starts_with("RTSP/1.0 200"), "{method} was refused: {head}");
        match method {
            "DESCRIBE" => {
                ensure!(body.contains("a=crypto:"), "no key is told: {body}");
                self.set_up(load)?;
            }
            "SETUP" => {
                let session = field(head, "Session").with_context(|| format!("no Session: {head}"))?;
                self.session = session.split(';').next().unwrap_or("").to_owned();
                ensure!(!self.session.is_empty(), "an empty session: {head}");
                self.stage = Stage::In;
            }
            "OPTIONS" => self.stage = Stage::In,
            "PLAY" => self.stage = Stage::Playing,
            "PAUSE" => self.stage = Stage::Paused,
            _ => {}
        }
        Ok(())
    }

    /// Asks the server for a sign of life.
    pub(super) fn ask_why(&mut self, load: &Load) {
        if self.may_ask() {
            // Who cannot ask is told by that.
            let _ = self.request("GET_PARAMETER", load, "");
        }
    }

    /// Says what is known: what came until when, whether the server still answers, what the kernel threw away.
    pub(super) fn testify(&mut self, drops: &BTreeMap<u16, u64>) {
        let counter = &self.counter;
        let begin = counter.window().map_or(SystemTime::UNIX_EPOCH, |window| window.begin);
        let last = counter.last_packet.map_or_else(|| "never".into(), |last| relative(begin, last));
        let answer = match self.asked.front() {
            None => "answered within a second".into(),
            Some(method) => format!("did not answer {method}"),
        };
        let media = self.media.as_ref().and_then(|media| media.local_addr().ok()).map(|address| address.port());
        let udp = media.map_or_else(String::new, |port| {
            format!(
                ", media port {port}: the kernel threw away {}, {} reports came",
                drops.get(&port).copied().unwrap_or(0),
                self.reports.as_ref().map_or(0, waiting)
            )
        });
        self.testimony = Some(format!(
            "{} session {}: {} packets in all, the last {last}; frames of each second {:?}; the server {answer}{udp}",
            self.address,
            self.session,
            counter.all_packets,
            counter.seconds(),
        ));
    }

    pub(super) fn finish(self) -> StrictClient {
        StrictClient { testimony: self.testimony, ..self.counter.finish() }
    }
}

/// How long after the beginning, or before it.
fn relative(begin: SystemTime, at: SystemTime) -> String {
    match at.duration_since(begin) {
        Ok(after) => format!("{:.3} s after the count began", after.as_secs_f64()),
        Err(before) => format!("{:.3} s before the count began", before.duration().as_secs_f64()),
    }
}

/// How many datagrams wait in a socket; they are gone then.
fn waiting(socket: &UdpSocket) -> usize {
    let mut datagram = [0; 2048];
    std::iter::from_fn(|| socket.recv(&mut datagram).ok()).count()
}

/// What comes on a connection.
#[derive(Debug, PartialEq, Eq)]
enum Item<'a> {
    Packet { channel: u8, bytes: &'a [u8] },
    Answer { len: usize, head: &'a str, body: &'a str },
}

impl<'a> Item<'a> {
    /// The first one, where it is whole.
    fn first(bytes: &'a [u8]) -> Option<Self> {
        match bytes {
            [b'$', channel, high, low, tail @ ..] => {
                let len = usize::from(u16::from_be_bytes([*high, *low]));
                Some(Self::Packet { channel: *channel, bytes: tail.get(..len)? })
            }
            [b'$', ..] | [] => None,
            _ => {
                let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
                let head = std::str::from_utf8(&bytes[..end]).unwrap_or("unreadable");
                let body = field(head, "Content-Length").and_then(|len| len.parse().ok()).unwrap_or(0_usize);
                let body = bytes.get(end..end.checked_add(body)?)?;
                Some(Self::Answer {
                    len: end + body.len(),
                    head,
                    body: std::str::from_utf8(body).unwrap_or("unreadable"),
                })
            }
        }
    }

    const fn len(&self) -> usize {
        match self {
            Self::Packet { bytes, .. } => 4 + bytes.len(),
            Self::Answer { len, .. } => *len,
        }
    }
}

/// A header's value.
fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find_map(|(of, value)| of.eq_ignore_ascii_case(name).then(|| value.trim()))
}

/// The next datagram: its length, and the time when it came to the socket.
fn arrival(media: &mio::net::UdpSocket, chunk: &mut [u8]) -> std::io::Result<(usize, SystemTime)> {
    let mut space = nix::cmsg_space!(TimeSpec);
    let mut slices = [IoSliceMut::new(chunk)];
    let message = recvmsg::<()>(media.as_raw_fd(), &mut slices, Some(&mut space), MsgFlags::MSG_DONTWAIT)?;
    let stamp = message.cmsgs()?.find_map(|message| match message {
        ControlMessageOwned::ScmTimestampns(time) => Some(SystemTime::UNIX_EPOCH + Duration::from(time)),
        _ => None,
    });
    Ok((message.bytes, stamp.unwrap_or_else(SystemTime::now)))
}

/// An even port and the next one, non-blocking, with room for some frames.
fn udp_pair(ip: IpAddr) -> Result<(UdpSocket, UdpSocket)> {
    for _ in 0..100 {
        let first = UdpSocket::bind((ip, 0))?;
        let port = first.local_addr()?.port();
        if port % 2 == 1 {
            continue;
        }
        if let Ok(second) = UdpSocket::bind((ip, port + 1)) {
            first.set_nonblocking(true)?;
            second.set_nonblocking(true)?;
            socket2::SockRef::from(&first).set_recv_buffer_size(1 << 20)?;
            setsockopt(&first, sockopt::ReceiveTimestampns, &true)?;
            return Ok((first, second));
        }
    }
    bail!("no free pair of UDP ports")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_and_answers_are_told_apart_and_only_whole_ones_taken() {
        let all = b"$\0\0\x02abRTSP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nxyz$\x01\0\x01c";
        let first = Item::first(all).unwrap();
        assert_eq!(first, Item::Packet { channel: 0, bytes: b"ab" });
        let rest = &all[first.len()..];
        let second = Item::first(rest).unwrap();
        let Item::Answer { head, body, .. } = second else { panic!("{second:?}") };
        assert!(head.starts_with("RTSP/1.0 200") && body == "xyz");
        assert_eq!(Item::first(&rest[second.len()..]), Some(Item::Packet { channel: 1, bytes: b"c" }));
        for len in 0..6 {
            assert_eq!(Item::first(&all[..len]), None, "{len}");
        }
        for len in 0..second.len() {
            assert_eq!(Item::first(&rest[..len]), None, "{len}");
        }
    }

    #[test]
    fn a_time_is_told_from_when_the_count_began() {
        let begin = SystemTime::UNIX_EPOCH + Duration::from_secs(9);
        assert_eq!(relative(begin, begin + Duration::from_millis(1500)), "1.500 s after the count began");
        assert_eq!(relative(begin, begin - Duration::from_millis(20)), "0.020 s before the count began");
    }
}
