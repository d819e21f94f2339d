//! Many viewers of a running server at once. Counts what each of them receives.
//!
//! A viewer here believes RTP headers and does not look at pictures, so that one core can run a hundred viewers. Over UDP, the
//! kernel tells when each packet came to a viewer's socket. The time when this program reads the packet says little about the
//! server on a busy machine.

use crate::control::{Control, Door};
use anyhow::{Context, Result, bail, ensure};
use mio::{Events, Interest, Poll, Token};
use mutoscope::wire::rtp::{Packet, Repr};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use std::io::{ErrorKind, IoSliceMut, Read, Write};
use std::net::{IpAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant, SystemTime};

/// RTP clock ticks in a second (RFC 3551 section 6).
const CLOCK_RATE: u32 = 90_000;

/// The transport of the viewers' media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// RTP over UDP.
    Udp,
    /// Interleaved in the RTSP connection.
    Tcp,
}

/// Our server's track.
pub const OUR_TRACK: &str = "/trackID=0";

/// The viewers to run.
#[derive(Clone, Debug)]
pub struct Load {
    /// The server.
    pub door: Door,
    /// Media are encrypted, with a key that the description tells. The viewers do not decrypt them, and count them all the same.
    pub is_secret: bool,
    /// The path to play, without the leading slash.
    pub path: String,
    /// The track's part of the URL behind it, as the server's description has it: [`OUR_TRACK`], or another server's own.
    pub track: &'static str,
    /// The number of viewers.
    pub viewers: usize,
    /// The transport of their media.
    pub transport: Transport,
    /// The time for which all of them play at once.
    pub duration: Duration,
    /// Frames per second of the medium. It shows which frames were left out.
    pub frame_rate: u32,
}

/// The counts of one viewer.
#[derive(Clone, Debug, Default)]
pub struct StrictClient {
    /// The number of frames of which every packet came.
    pub frames: u64,
    /// The number of frames that did not come, or not whole.
    pub lost_frames: u64,
    /// The number of packets that came.
    pub packets: u64,
    /// The number of packets that are missing between the first and the last.
    pub lost: u64,
    /// The number of bytes of RTP packets.
    pub octets: u64,
    /// The longest time between the ends of two consecutive frames.
    pub longest_gap: Duration,
    /// The number of times that it was longer than [`LATE`].
    pub late: u64,
}

/// A longer gap between frames is visible. This is the project's own limit at 24 frames a second.
pub const LATE: Duration = Duration::from_millis(60);

impl Load {
    /// Connects all viewers, calls `started`, plays for the duration, and leaves without TEARDOWN.
    pub fn run(&self, started: impl FnOnce()) -> Result<Vec<StrictClient>> {
        let mut poll = Poll::new()?;
        let mut viewers = Vec::new();
        for n in 0..self.viewers {
            let viewer = Connected::start(self, n).with_context(|| format!("viewer {n}"))?;
            viewers.push(viewer);
        }
        for (n, viewer) in viewers.iter_mut().enumerate() {
            viewer.play(self)?;
            viewer.register(&poll, Token(n))?;
        }
        started();
        let begin = Instant::now();
        let mut keep_alive = begin + Duration::from_secs(20);
        let mut events = Events::with_capacity(1024);
        while begin.elapsed() < self.duration {
            let rest = self.duration.saturating_sub(begin.elapsed()).min(Duration::from_millis(200));
            if let Err(error) = poll.poll(&mut events, Some(rest)) {
                ensure!(error.kind() == ErrorKind::Interrupted, error);
            }
            for event in &events {
                let Token(n) = event.token();
                viewers[n].receive().with_context(|| format!("viewer {n}"))?;
            }
            if Instant::now() >= keep_alive {
                keep_alive += Duration::from_secs(20);
                for viewer in &mut viewers {
                    viewer.request("GET_PARAMETER", self, "")?;
                }
            }
        }
        Ok(viewers.into_iter().map(|viewer| viewer.counter.counts).collect())
    }
}

struct Connected {
    control: Control,
    media: Option<mio::net::UdpSocket>,
    /// The RTCP socket. It is kept open, so that ICMP does not answer the reports sent to it.
    _reports: Option<UdpSocket>,
    session: String,
    cseq: u32,
    buffer: Vec<u8>,
    counter: Counter,
}

impl Connected {
    fn start(load: &Load, n: usize) -> Result<Self> {
        let control = load.door.open()?;
        let (transport, media, reports) = match load.transport {
            Transport::Udp => {
                let (media, reports) = udp_pair(load.door.address().ip())?;
                let port = media.local_addr()?.port();
                (format!("RTP/AVP;unicast;client_port={port}-{}", port + 1), Some(media), Some(reports))
            }
            Transport::Tcp => ("RTP/AVP/TCP;unicast;interleaved=0-1".into(), None, None),
        };
        let mut viewer = Self {
            control,
            media: media.map(mio::net::UdpSocket::from_std),
            _reports: reports,
            session: String::new(),
            cseq: 0,
            buffer: Vec::new(),
            counter: Counter::new(load.frame_rate),
        };
        if load.is_secret {
            viewer.request("DESCRIBE", load, "")?;
            let description = viewer.description()?;
            ensure!(description.contains("a=crypto:"), "no key is told: {description}");
        }
        viewer.request("SETUP", load, &format!("Transport: {transport}\r\n"))?;
        let answer = viewer.answer()?;
        let session = answer.lines().find_map(|line| line.strip_prefix("Session: ")).context("no Session")?;
        viewer.session = session.split(';').next().unwrap_or("").to_owned();
        ensure!(!viewer.session.is_empty(), "viewer {n}: {answer}");
        Ok(viewer)
    }

    fn play(&mut self, load: &Load) -> Result<()> {
        self.request("PLAY", load, "")?;
        self.answer()?;
        self.control.set_nonblocking()?;
        Ok(())
    }

    fn register(&mut self, poll: &Poll, token: Token) -> Result<()> {
        let control = self.control.as_raw_fd();
        poll.registry().register(&mut mio::unix::SourceFd(&control), token, Interest::READABLE)?;
        if let Some(media) = &mut self.media {
            poll.registry().register(media, token, Interest::READABLE)?;
        }
        Ok(())
    }

    fn request(&mut self, method: &str, load: &Load, headers: &str) -> Result<()> {
        self.cseq += 1;
        let track = if method == "SETUP" { load.track } else { "" };
        let session = if self.session.is_empty() { String::new() } else { format!("Session: {}\r\n", self.session) };
        let (server, path, cseq) = (load.door.address(), &load.path, self.cseq);
        let request =
            format!("{method} rtsp://{server}/{path}{track} RTSP/1.0\r\nCSeq: {cseq}\r\n{session}{headers}\r\n");
        Ok(self.control.write_all(request.as_bytes())?)
    }

    /// Reads up to the end of one answer. The bytes behind it stay in the buffer.
    fn answer(&mut self) -> Result<String> {
        loop {
            // A server whose film plays already may send packets before it answers PLAY.
            while let [b'$', _, high, low, tail @ ..] = &self.buffer[..]
                && tail.len() >= usize::from(u16::from_be_bytes([*high, *low]))
            {
                let len = 4 + usize::from(u16::from_be_bytes([*high, *low]));
                self.buffer.drain(..len);
            }
            let is_answer = !self.buffer.starts_with(b"$");
            if let Some(end) = self.buffer.windows(4).take_while(|_| is_answer).position(|window| window == b"\r\n\r\n")
            {
                let answer = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
                self.buffer.drain(..end + 4);
                ensure!(answer.starts_with("RTSP/1.0 200"), "refused: {answer}");
                return Ok(answer);
            }
            self.read_some()?;
        }
    }

    fn description(&mut self) -> Result<String> {
        let answer = self.answer()?;
        let len = answer.lines().find_map(|line| line.strip_prefix("Content-Length: ")).context("no Content-Length")?;
        let len: usize = len.trim().parse()?;
        while self.buffer.len() < len {
            self.read_some()?;
        }
        Ok(String::from_utf8(self.buffer.drain(..len).collect())?)
    }

    fn read_some(&mut self) -> Result<()> {
        let mut chunk = [0; 4096];
        let n = self.control.read(&mut chunk)?;
        ensure!(n > 0, "the server closed the connection");
        self.buffer.extend_from_slice(&chunk[..n]);
        Ok(())
    }

    fn receive(&mut self) -> Result<()> {
        let mut chunk = [0; 65_536];
        while let Some(media) = &self.media {
            match arrival(media, &mut chunk) {
                Ok((n, at)) => self.counter.packet(at, &chunk[..n]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        loop {
            match self.control.read(&mut chunk) {
                Ok(0) => bail!("the server closed the connection after {:?}", self.counter.counts),
                Ok(n) => self.buffer.extend_from_slice(&chunk[..n]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        self.interleaved();
        Ok(())
    }

    fn interleaved(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        let mut rest = &buffer[..];
        loop {
            match rest {
                [b'$', channel, high, low, tail @ ..] => {
                    let len = usize::from(u16::from_be_bytes([*high, *low]));
                    let Some((packet, tail)) = tail.split_at_checked(len) else { break };
                    if *channel == 0 {
                        self.counter.packet(SystemTime::now(), packet);
                    }
                    rest = tail;
                }
                // This is the answer to a keep-alive.
                [b'R', ..] => match rest.windows(4).position(|window| window == b"\r\n\r\n") {
                    Some(end) => rest = &rest[end + 4..],
                    None => break,
                },
                _ => break,
            }
        }
        self.buffer = rest.to_vec();
    }
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

/// Counts what one viewer receives.
#[derive(Debug)]
struct Counter {
    counts: StrictClient,
    next_sequence: Option<u16>,
    frame_whole: bool,
    last_frame: Option<SystemTime>,
    last_timestamp: Option<u32>,
    /// RTP clock ticks from one frame to the next.
    interval: u32,
}

impl Counter {
    fn new(frame_rate: u32) -> Self {
        Self {
            counts: StrictClient::default(),
            next_sequence: None,
            frame_whole: true,
            last_frame: None,
            last_timestamp: None,
            interval: (CLOCK_RATE / frame_rate.max(1)).max(1),
        }
    }

    fn packet(&mut self, now: SystemTime, bytes: &[u8]) {
        let Ok(packet) = Packet::new_checked(bytes) else { return };
        let Repr { sequence, marker, timestamp, .. } = Repr::parse(&packet);
        let missing = self.next_sequence.map_or(0, |next| sequence.wrapping_sub(next));
        self.next_sequence = Some(sequence.wrapping_add(1));
        self.counts.packets += 1;
        self.counts.octets += bytes.len() as u64;
        self.counts.lost += u64::from(missing);
        self.frame_whole &= missing == 0;
        if marker {
            self.counts.frames += u64::from(self.frame_whole);
            self.counts.lost_frames += u64::from(!self.frame_whole);
            self.frame_whole = true;
            if let Some(last) = self.last_timestamp.replace(timestamp) {
                // A live source's timestamps are rounded, so the nearest number of frames is meant.
                let steps = timestamp.wrapping_sub(last).saturating_add(self.interval / 2) / self.interval;
                self.counts.lost_frames += u64::from(steps.saturating_sub(1));
            }
            if let Some(last) = self.last_frame.replace(now) {
                // The system's clock may have been set back.
                let gap = now.duration_since(last).unwrap_or_default();
                self.counts.longest_gap = self.counts.longest_gap.max(gap);
                self.counts.late += u64::from(gap > LATE);
            }
        }
    }
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
    fn lost_and_skipped_frames_are_counted() {
        /// Frames of two packets each. `packets` are the sequence number, timestamp and marker of those that came.
        type Packets = &'static [(u16, u32, bool)];
        const WHOLE: Packets = &[(65_535, 0, false), (0, 0, true), (1, 3750, false), (2, 3750, true)];
        const FIRST_LOST: Packets = &[(1, 0, false), (2, 0, true), (4, 3750, true), (5, 7500, false), (6, 7500, true)];
        const LEFT_OUT: Packets = &[(1, 0, false), (2, 0, true), (3, 11_249, false), (4, 11_249, true)];
        for (packets, frames, lost_frames, lost) in [(WHOLE, 2, 0, 0), (FIRST_LOST, 2, 1, 1), (LEFT_OUT, 2, 2, 0)] {
            let mut counter = Counter::new(24);
            for &(sequence, timestamp, marker) in packets {
                let mut bytes = [0; 13];
                let repr = Repr { marker, payload_type: 26, sequence, timestamp, ssrc: 1 };
                repr.emit(bytes.first_chunk_mut().unwrap());
                counter.packet(SystemTime::now(), &bytes);
            }
            let counts = counter.counts;
            assert_eq!((counts.frames, counts.lost_frames, counts.lost), (frames, lost_frames, lost), "{packets:?}");
        }
    }
}
