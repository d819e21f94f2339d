//! A viewer on the simulated network that is strict where the real client is tolerant. It speaks RTSP as text, and accepts only
//! packets that every player accepts.

use crate::film::carried;
use crate::net::{Network, SimulatedTcp, SimulatedUdp};
use embedded_io::{Read, ReadReady, Write, WriteReady};
use mutoscope::io::{Datagram, Transmit};
use mutoscope::time::{Instant, NtpTime};
use mutoscope::wire::onvif;
use mutoscope::wire::rtcp::{self, Compound, ReportBlock, SenderInfo};
use mutoscope::wire::rtp::{Packet, Repr};
use mutoscope::wire::rtp_jpeg::Payload;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// A response of the server.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// From the status line to the empty line.
    pub head: String,
    /// The body, as long as Content-Length says.
    pub body: String,
    /// The time when it was read.
    pub at: Instant,
    /// The number of RTP packets that had come on this connection before it.
    pub packets_before: usize,
}

impl Answer {
    /// The value of a header, whose name must have exactly our spelling.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// A parameter (`name=value`) of a header.
    pub fn parameter(&self, header: &str, name: &str) -> Option<&str> {
        self.header(header)?.split([';', ',']).find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
    }

    /// The sequence number and the timestamp of the first packet, from RTP-Info.
    pub fn rtp_info(&self) -> (u16, u32) {
        let number = |name| self.parameter("RTP-Info", name).and_then(|value| value.parse::<u32>().ok());
        let (sequence, rtptime) = (number("seq").expect("seq"), number("rtptime").expect("rtptime"));
        (sequence.try_into().expect("16 bits"), rtptime)
    }
}

/// A picture of which all packets came, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The time when its last packet came.
    pub at: Instant,
    /// The time when its first packet came.
    pub begun: Instant,
    /// Its RTP timestamp.
    pub timestamp: u32,
    /// Sequence number of its first packet; the frame number in the lab dialect.
    pub sequence: u16,
    /// The number of its packets.
    pub packets: usize,
    /// The scan, or the whole file in the lab dialect.
    pub data: Vec<u8>,
    /// Both quantisation tables. Empty in the lab dialect.
    pub tables: Vec<u8>,
}

impl Received {
    /// Whether this is the picture `jpeg`, byte for byte.
    pub fn is(&self, jpeg: &[u8]) -> bool {
        if self.tables.is_empty() {
            self.data == jpeg
        } else {
            (self.data.clone(), self.tables.clone()) == carried(jpeg)
        }
    }
}

/// A compound packet from the server.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The time when it came.
    pub at: Instant,
    /// Its sender report.
    pub info: SenderInfo,
    /// The reason in its BYE, if it ends with one.
    pub bye: Option<String>,
    /// The number of frames that had come before it.
    pub frames_before: usize,
    /// The number of packets that had come before it.
    pub packets_before: usize,
}

/// A client: its end of a control connection, and two datagram sockets.
// More than 15 fields: tests read what it has seen and set how it behaves directly, each by its own name.
pub struct StrictClient {
    /// Its address. Its RTP port is 25,000 and its RTCP port the next one.
    pub ip: [u8; 4],
    /// The URL of SETUP and PLAY.
    pub url: String,
    /// The session's identifier once SETUP has been answered.
    pub session: Option<String>,
    /// The CSeq of the last request.
    pub cseq: u32,
    /// Whether it reads from the connection.
    pub reading: bool,
    /// The responses that no test has taken yet.
    pub answers: VecDeque<Answer>,
    /// Whole frames. A test that checks memory drains them.
    pub frames: Vec<Received>,
    /// Compound packets. A test that checks memory drains them.
    pub reports: Vec<Report>,
    /// The reports about what it publishes.
    pub receptions: Vec<ReportBlock>,
    /// The number of frames that ended in the middle, because the server was told to pause or to seek.
    pub abandoned: usize,
    /// The number of frames that were taken out of `frames`.
    pub seen: usize,
    /// The number of RTP packets so far.
    pub packets: usize,
    /// Every packet, if `keep_packets` is set: the time when it came, and its bytes.
    pub kept: Vec<(Instant, Vec<u8>)>,
    /// Whether to keep every packet in `kept`.
    pub keep_packets: bool,
    /// The server has closed its half of the connection.
    pub closed: bool,
    /// Whether sequence numbers may have gaps. They never go back.
    pub tolerate_gaps: bool,
    /// Whether it speaks the lab dialect, where a datagram is a file, or a part of one with the number of the others.
    pub lab: bool,
    /// Whether sequence numbers may be any at all: frames have their own after a move.
    pub may_jump: bool,
    /// Whether it keeps all datagrams in `kept` and looks at none.
    pub is_raw: bool,
    network: Network,
    control: Option<SimulatedTcp>,
    rtp: SimulatedUdp,
    rtcp: SimulatedUdp,
    inbox: Vec<u8>,
    next_sequence: Option<u16>,
    open: Option<Received>,
}

/// The RTP port of every viewer.
pub const RTP_PORT: u16 = 25_000;

impl StrictClient {
    /// A viewer of `url` at `ip`, with its end of a connection.
    pub fn new(network: &Network, ip: [u8; 4], control: SimulatedTcp, url: &str) -> Self {
        Self::with_port(network, ip, RTP_PORT, control, url)
    }

    /// A viewer that receives at `rtp_port` and the next one.
    pub fn with_port(network: &Network, ip: [u8; 4], rtp_port: u16, control: SimulatedTcp, url: &str) -> Self {
        let bind = |port| network.bind(SocketAddr::from((ip, port)));
        Self {
            ip,
            url: url.to_owned(),
            session: None,
            cseq: 0,
            reading: true,
            answers: VecDeque::new(),
            frames: vec![],
            reports: vec![],
            receptions: vec![],
            abandoned: 0,
            seen: 0,
            packets: 0,
            kept: vec![],
            keep_packets: false,
            closed: false,
            tolerate_gaps: false,
            lab: !url.contains("://"),
            may_jump: false,
            is_raw: false,
            network: network.clone(),
            control: Some(control),
            rtp: bind(rtp_port),
            rtcp: bind(rtp_port + 1),
            inbox: vec![],
            next_sequence: None,
            open: None,
        }
    }

    /// Sends bytes on the connection; all of them must fit.
    pub fn send(&mut self, bytes: &[u8]) {
        let control = self.control.as_mut().expect("a connection");
        let mut rest = bytes;
        // A server that has closed does not read any more. That is no mistake of the client.
        while !rest.is_empty() && control.write_ready().unwrap() {
            let Ok(n) = control.write(rest) else { return };
            rest = &rest[n..];
        }
        assert!(rest.is_empty(), "{} bytes find no room", rest.len());
    }

    /// Whether the connection takes a byte.
    pub fn is_writable(&mut self) -> bool {
        self.control.as_mut().is_some_and(|control| control.write_ready().unwrap())
    }

    /// Sends a request in the viewer's dialect, with the session if there is one. `headers` are whole lines.
    pub fn request(&mut self, method: &str, headers: &str) {
        let text = self.text(method, headers);
        self.send(text.as_bytes());
    }

    /// Sends a request byte by byte, and calls `run` after each byte.
    pub fn request_slowly(&mut self, method: &str, headers: &str, mut run: impl FnMut(&mut Self)) {
        for byte in self.text(method, headers).into_bytes() {
            self.send(&[byte]);
            run(self);
        }
    }

    /// The text of the next request.
    fn text(&mut self, method: &str, headers: &str) -> String {
        self.cseq += 1;
        let (cseq, url) = (self.cseq, &self.url);
        let session = self.session.as_ref().map_or(String::new(), |id| format!("Session: {id}\r\n"));
        if self.lab {
            let request = format!("{method} {url} RTSP/1.0\nCSeq: {cseq}\n{headers}{}", session.replace('\r', ""));
            request.trim_end_matches('\n').to_owned()
        } else {
            let track = if method == "SETUP" { "/trackID=0" } else { "" };
            format!("{method} {url}{track} RTSP/1.0\r\nCSeq: {cseq}\r\n{session}{headers}\r\n")
        }
    }

    /// Sends an empty RTP packet to the server's port, as clients do to open their firewalls.
    pub fn punch(&mut self, to: SocketAddr) {
        self.rtp.send(&Transmit::one(to, &[&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]])).unwrap();
    }

    /// Sends RTCP to the server's port.
    pub fn send_rtcp(&mut self, to: SocketAddr, compound: &[u8]) {
        self.rtcp.send(&Transmit::one(to, &[compound])).unwrap();
    }

    /// Sends RTP to the server's port.
    pub fn send_rtp(&mut self, to: SocketAddr, packet: &[u8]) {
        self.rtp.send(&Transmit::one(to, &[packet])).unwrap();
    }

    /// Sends an empty receiver report over the session's transport.
    pub fn report(&mut self, to: SocketAddr) {
        let mut buffer = [0; 64];
        let emitter = rtcp::Emitter::new(&mut buffer).receiver_report(7, &[]).unwrap();
        let len = emitter.cname(7, "viewer").unwrap().finish();
        self.send_rtcp(to, &buffer[..len]);
    }

    /// Closes the connection without TEARDOWN.
    pub fn vanish(&mut self) {
        self.control = None;
    }

    /// Sends the end of file, and keeps reading.
    pub fn close_write(&mut self) {
        if let Some(control) = &mut self.control {
            control.close_write();
        }
    }

    /// Whether the last frame that began has also ended.
    pub fn is_between_frames(&self) -> bool {
        self.open.is_none()
    }

    /// Accepts any sequence number of the next packet. Use it after a seek in the lab's dialect, or after packets lost on
    /// purpose.
    pub fn expect_gap(&mut self) {
        self.next_sequence = None;
        self.open = None;
    }

    /// Takes all bytes and datagrams that have come.
    pub fn poll(&mut self) {
        let mut chunk = [0; 4096];
        while let Some(control) = self.control.as_mut().filter(|_| self.reading && !self.closed) {
            if !control.read_ready().unwrap() {
                break;
            }
            match control.read(&mut chunk).unwrap() {
                0 => self.closed = true,
                n => self.inbox.extend_from_slice(&chunk[..n]),
            }
        }
        let inbox = std::mem::take(&mut self.inbox);
        let mut rest = &inbox[..];
        while let Some(len) = self.handle_message(rest) {
            rest = &rest[len..];
        }
        assert!(rest.is_empty() || !self.closed, "closed within {:?}", String::from_utf8_lossy(rest));
        self.inbox = rest.to_vec();
        loop {
            match (self.rtp.order(), self.rtcp.order()) {
                (None, None) => break,
                (Some(rtp), rtcp) if rtcp.is_none_or(|rtcp| rtp < rtcp) => {
                    let bytes = self.rtp.recv(|_, bytes| bytes.to_vec()).unwrap();
                    self.handle_packet(&bytes.expect("it waits"));
                }
                _ => {
                    let bytes = self.rtcp.recv(|_, bytes| bytes.to_vec()).unwrap();
                    self.handle_report(&bytes.expect("it waits"));
                }
            }
        }
    }

    fn handle_message(&mut self, bytes: &[u8]) -> Option<usize> {
        if let [b'$', channel, high, low, rest @ ..] = bytes {
            let len = usize::from(u16::from_be_bytes([*high, *low]));
            let payload = rest.get(..len)?;
            match channel % 2 {
                0 => self.handle_packet(payload),
                _ => self.handle_report(payload),
            }
            return Some(4 + len);
        }
        let end = |mark: &[u8]| bytes.windows(mark.len()).position(|window| window == mark).map(|at| at + mark.len());
        let head_len = [end(b"\n\n"), end(b"\r\n\r\n")].into_iter().flatten().min()?;
        let head = String::from_utf8(bytes[..head_len].to_vec()).expect("text");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        assert!(head.starts_with("RTSP/1.0 "), "not an answer: {head:?}");
        let mut answer = Answer {
            status: status.expect("a status"),
            head,
            body: String::new(),
            at: self.network.now(),
            packets_before: self.packets,
        };
        let body_len = answer.header("Content-Length").map_or(0, |len| len.parse().expect("a length"));
        answer.body = String::from_utf8(bytes.get(head_len..head_len + body_len)?.to_vec()).expect("text");
        if let (200, Some(session)) = (answer.status, answer.header("Session")) {
            self.session = session.split(';').next().map(str::to_owned);
        }
        self.answers.push_back(answer);
        Some(head_len + body_len)
    }

    fn handle_packet(&mut self, bytes: &[u8]) {
        if self.is_raw {
            self.kept.push((self.network.now(), bytes.to_vec()));
            return;
        }
        let packet = Packet::new_checked(bytes).expect("an RTP packet");
        let Repr { marker, payload_type, sequence, timestamp, ssrc } = Repr::parse(&packet);
        assert_eq!((bytes[0] & !0x10, payload_type), (0x80, 26), "no padding or CSRC; JPEG");
        assert!(!self.lab || packet.extension().is_none());
        let (now, expected) = (self.network.now(), self.next_sequence.replace(sequence.wrapping_add(1)));
        let goes_on = self.lab && self.open.as_ref().is_some_and(|open| open.sequence == sequence);
        let missing = expected.filter(|_| !goes_on).map_or(0, |expected| sequence.wrapping_sub(expected));
        let is_gap = self.may_jump || (self.tolerate_gaps && missing < 0x8000);
        assert!(missing == 0 || is_gap, "packet {sequence}, not {expected:?}");
        self.packets += 1;
        if self.keep_packets {
            self.kept.push((now, bytes.to_vec()));
        }
        let fresh = Received { at: now, begun: now, timestamp, sequence, packets: 0, data: vec![], tables: vec![] };
        if self.lab {
            assert_eq!(ssrc, 0);
            let mut frame = self.open.take().filter(|open| open.sequence == sequence).unwrap_or(fresh);
            frame.data.extend_from_slice(packet.payload());
            (frame.packets, frame.at) = (frame.packets + 1, now);
            if marker {
                self.frames.push(frame);
            } else {
                self.open = Some(frame);
            }
            return;
        }
        assert!(packet.payload().len() <= 1400);
        let payload = Payload::parse(packet.payload()).expect("an RTP/JPEG payload");
        let has_no_size = payload.main.width == 0 && payload.main.fragment_offset == 0;
        let size = packet.extension().map(|(profile, data)| onvif::dimensions(profile, data).expect("a size"));
        assert_eq!(size.is_some(), has_no_size, "an extension where it is needed and nowhere else");
        if payload.main.fragment_offset == 0 && self.open.take().is_some() {
            self.abandoned += 1;
        }
        let frame = self.open.get_or_insert(fresh);
        assert_eq!(payload.main.fragment_offset as usize, frame.data.len(), "offsets follow each other");
        assert_eq!(timestamp, frame.timestamp, "one timestamp per frame");
        assert!(matches!(payload.main.kind, 0 | 1) && payload.main.type_specific == 0 && payload.main.q == 255);
        if let Some(tables) = payload.quantization {
            assert_eq!((tables.precision, tables.tables.len()), (0, 128));
            frame.tables = tables.tables.to_vec();
        }
        frame.data.extend_from_slice(payload.data);
        frame.packets += 1;
        frame.at = now;
        if marker {
            let frame = self.open.take().expect("it was there");
            assert!(!frame.tables.is_empty() && !frame.data.ends_with(&[0xff, 0xd9]));
            self.frames.push(frame);
        }
    }

    fn handle_report(&mut self, bytes: &[u8]) {
        assert!(!self.lab, "the lab has no RTCP");
        let mut packets = Compound::new_checked(bytes).expect("RTCP");
        let info = match packets.next() {
            Some(rtcp::Packet::SenderReport { info, .. }) => info,
            Some(rtcp::Packet::ReceiverReport { reports, .. }) => return self.receptions.extend(reports),
            other => panic!("no report first: {other:?}"),
        };
        let Some(rtcp::Packet::SourceDescription(description)) = packets.next() else { panic!("no description") };
        assert!(description.cname(info.ssrc).is_some_and(|cname| !cname.is_empty()));
        let bye = packets.next().map(|packet| match packet {
            rtcp::Packet::Goodbye(bye) => {
                assert_eq!(bye.ssrcs().collect::<Vec<_>>(), [info.ssrc]);
                String::from_utf8_lossy(bye.reason().unwrap_or_default()).into_owned()
            }
            other => panic!("{other:?}"),
        });
        let at = self.network.now();
        let (frames_before, packets_before) = (self.frames.len(), self.packets);
        self.reports.push(Report { at, info, bye, frames_before, packets_before });
    }

    /// The time when BYE came, and its reason.
    pub fn bye(&self) -> Option<(Instant, &str)> {
        self.reports.iter().find_map(|report| Some((report.at, report.bye.as_deref()?)))
    }
}

/// The RTP timestamp of the instant `at` by a sender report, modulo 2^32, exact to one tick.
pub fn timestamp_by_report(info: &SenderInfo, at: NtpTime) -> u32 {
    let since = at.bits().wrapping_sub(info.ntp.bits()).cast_signed();
    let ticks = (i128::from(since) * 90_000) >> 32;
    info.rtp_timestamp.wrapping_add(ticks as u32)
}
