//! A player against scripted servers, on virtual time: no socket, no thread, no waiting.

mod access;
mod dialects;
mod encryption;
mod manners;
mod media;
mod transports;

use super::*;
use crate::wire::rtp;
use core::net::IpAddr;
use std::borrow::ToOwned;
use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

const SERVER: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, 1));
const SETUP_TCP: &str = "Session: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n";
const SETUP_UDP: &str = "Session: 1\r\nTransport: RTP/AVP;unicast;client_port=25000-25001;server_port=6970-6971\r\n";

/// A receiver report without blocks, then BYE of the packets' source.
const BYE: [u8; 16] = [0x80, 201, 0, 1, 0x5e, 0x44, 0xe4, 0x01, 0x81, 203, 0, 1, 0x5e, 0x44, 0xe4, 0x01];

/// A player, and all that its adapter would hold.
struct Scene {
    player: Player<Vec<u8>, Vec<u8>, 3>,
    now: Instant,
    /// Whether the server takes connections.
    reachable: bool,
    /// What connections were asked for.
    hosts: Vec<String>,
    /// Connections made up to now, and whether the last one stands.
    connections: u32,
    connected: bool,
    /// What has been sent on the last connection and not been looked at.
    outgoing: Vec<u8>,
    /// What was sent last on the connections that are closed.
    farewells: Vec<String>,
    datagrams: Vec<(Port, SocketAddr, Vec<u8>)>,
}

impl Scene {
    fn new(settings: Settings) -> Self {
        Self::of("rtsp://192.0.2.1/movie.Mjpeg", settings)
    }

    fn of(url: &str, settings: Settings) -> Self {
        let frames = [vec![0; 8192], vec![0; 8192], vec![0; 8192]];
        let player = Player::new(url, vec![0; 8192], vec![0; 2048], frames, settings, 7);
        Self {
            player: player.unwrap(),
            now: Instant::from_millis(1000),
            reachable: true,
            hosts: vec![],
            connections: 0,
            connected: false,
            outgoing: vec![],
            farewells: vec![],
            datagrams: vec![],
        }
    }

    /// A player that shall play.
    fn play(settings: Settings) -> Self {
        let mut scene = Self::new(settings);
        scene.start();
        assert_eq!(scene.hosts, ["192.0.2.1:554"]);
        scene
    }

    fn start(&mut self) {
        self.player.handle_goal(Goal::Play { from: None });
        assert_eq!(self.events(), [Event::Connected { peer: SocketAddr::new(SERVER, 554) }]);
    }

    /// Over TCP, up to and including PLAY's answer, of a presentation of this range.
    fn over_tcp(range: &str) -> Self {
        Self::over_tcp_with(Settings::default(), range)
    }

    fn over_tcp_with(settings: Settings, range: &str) -> Self {
        let mut scene = Self::play(Settings { transport: Transport::Tcp, ..settings });
        scene.set_up(range, SETUP_TCP);
        assert_eq!(
            scene.range().as_deref(),
            Some(if range.starts_with("npt=5") { "npt=5.000-" } else { "npt=0.000-" })
        );
        let events = scene.answer(200, &format!("RTP-Info: url=x;seq=1;rtptime=90000\r\nRange: {range}\r\n"));
        assert!(matches!(events[..], [Event::Playing { from: None, .. }]), "{events:?}");
        scene
    }

    fn over_udp() -> Self {
        let mut scene = Self::play(Settings::default());
        scene.set_up("npt=0-60", SETUP_UDP);
        let events = scene.answer(200, "RTP-Info: url=x;seq=1;rtptime=90000\r\nRange: npt=0-60\r\n");
        assert!(matches!(events[..], [Event::Playing { from: None, .. }]), "{events:?}");
        scene
    }

    /// Answers up to and including SETUP.
    fn set_up(&mut self, range: &str, setup: &str) -> Vec<Event> {
        assert!(self.request().starts_with("OPTIONS "));
        self.answer(200, "Public: DESCRIBE, SETUP, PLAY, PAUSE\r\n");
        self.describe(range);
        let events = self.answer(200, setup);
        assert!(matches!(events[..], [Event::SetUp(_)]), "{events:?}");
        events
    }

    /// Answers DESCRIBE.
    fn describe(&mut self, range: &str) {
        let sdp = format!("v=0\r\na=range:{range}\r\nm=video 0 RTP/AVP 26\r\na=control:trackID=0\r\n");
        assert!(self.request().starts_with("DESCRIBE "));
        assert_eq!(self.answer_with(200, "", &sdp), []);
        assert!(self.peek().starts_with("SETUP "));
    }

    /// Everything that happens now.
    fn events(&mut self) -> Vec<Event> {
        let mut events = vec![];
        loop {
            self.send();
            match self.player.poll_event(self.now) {
                Some(event) => events.push(event),
                None => match self.meet_demand() {
                    Some(event) => events.extend(event),
                    None => break,
                },
            }
            assert!(events.len() < 100, "it never ends: {events:?}");
        }
        self.send();
        events
    }

    /// Meets one demand, if there is one, and gives what comes of it.
    fn meet_demand(&mut self) -> Option<Option<Event>> {
        match self.player.poll_demand()? {
            Demand::Connect { host, port, .. } => {
                self.hosts.push(format!("{host}:{port}"));
                assert!(!self.connected, "the old connection was not closed");
                if !self.reachable {
                    return Some(Some(self.player.handle_unreachable(self.now)));
                }
                (self.connections, self.connected) = (self.connections + 1, true);
                Some(Some(self.player.handle_connected(SocketAddr::new(SERVER, 554))))
            }
            Demand::OpenPorts => {
                self.player.handle_ports(Some((25_000, 25_001)));
                Some(None)
            }
            Demand::Close => {
                self.send();
                self.connected = false;
                let said = core::mem::take(&mut self.outgoing);
                self.farewells.push(String::from_utf8_lossy(&said).to_string());
                Some(None)
            }
        }
    }

    fn send(&mut self) {
        let mut buffer = [0; MAX_DATAGRAM];
        while let Some(Outgoing { port, to, len }) = self.player.poll_datagram(self.now, &mut buffer) {
            self.datagrams.push((port, to, buffer[..len].to_vec()));
        }
        let bytes = self.player.poll_transmit();
        let n = bytes.len();
        self.outgoing.extend_from_slice(bytes);
        self.player.consume_transmit(self.now, n);
    }

    /// Time passes, deadline by deadline, and nothing arrives.
    fn pass(&mut self, millis: u64) -> Vec<Event> {
        let end = self.now.after(Duration::from_millis(millis));
        let mut events = self.events();
        let mut wakes = 0;
        while let Some(due) = self.player.poll_timeout().filter(|&due| due <= end) {
            self.now = self.now.max(due);
            self.player.handle_timeout(self.now);
            events.extend(self.events());
            wakes += 1;
            assert!(wakes < 10_000, "it spins");
        }
        self.now = end;
        self.player.handle_timeout(self.now);
        events.extend(self.events());
        events
    }

    fn goal(&mut self, goal: Goal) -> Vec<Event> {
        self.player.handle_goal(goal);
        self.events()
    }

    /// What has been sent on the connection since it was looked at, without looking.
    fn peek(&self) -> String {
        String::from_utf8_lossy(&self.outgoing).to_string()
    }

    /// What has been sent on the connection.
    fn request(&mut self) -> String {
        let sent = self.peek();
        self.outgoing.clear();
        sent
    }

    /// Which range PLAY, the last request, asks for.
    fn range(&self) -> Option<String> {
        let request = self.peek();
        assert!(request.starts_with("PLAY "), "{request:?}");
        request.lines().find_map(|line| line.strip_prefix("Range: ")).map(str::to_owned)
    }

    fn input(&mut self, mut bytes: &[u8]) -> Vec<Event> {
        let mut events = vec![];
        while !bytes.is_empty() {
            let into = self.player.rx_buffer();
            let n = into.len().min(bytes.len());
            assert!(n > 0, "no room: {events:?}");
            into[..n].copy_from_slice(&bytes[..n]);
            bytes = &bytes[n..];
            self.player.handle_input(self.now, n);
            events.extend(self.events());
        }
        events
    }

    /// Answers the last request.
    fn answer(&mut self, status: u16, headers: &str) -> Vec<Event> {
        self.answer_with(status, headers, "")
    }

    fn answer_with(&mut self, status: u16, headers: &str, body: &str) -> Vec<Event> {
        let request = self.request();
        let cseq = request.lines().rev().find_map(|line| line.strip_prefix("CSeq: ")).unwrap_or("0").to_owned();
        let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        self.input(format!("RTSP/1.0 {status} X\r\nCSeq: {cseq}\r\n{headers}{length}\r\n{body}").as_bytes())
    }

    fn close(&mut self) -> Vec<Event> {
        self.player.handle_close(self.now);
        self.events()
    }

    fn datagram(&mut self, from: (IpAddr, u16), bytes: &[u8]) -> Vec<Event> {
        self.player.handle_datagram(self.now, Port::Rtp, from.into(), bytes);
        self.events()
    }

    fn report(&mut self, from: (IpAddr, u16), bytes: &[u8]) -> Vec<Event> {
        self.player.handle_datagram(self.now, Port::Rtcp, from.into(), bytes);
        self.events()
    }

    fn interleaved(&mut self, channel: u8, payload: &[u8]) -> Vec<Event> {
        let len = u16::try_from(payload.len()).unwrap().to_be_bytes();
        self.input(&[&[b'$', channel], &len[..], payload].concat())
    }

    /// The compounds sent on our RTCP port.
    fn compounds(&self) -> Vec<&(Port, SocketAddr, Vec<u8>)> {
        self.datagrams.iter().filter(|(port, ..)| *port == Port::Rtcp).collect()
    }
}

/// One whole 16x8 picture of type 1, computed tables of Q 50, in one RTP packet.
fn packet(sequence: u16, timestamp: u32, scan: &[u8]) -> Vec<u8> {
    let repr = rtp::Repr { marker: true, payload_type: 26, sequence, timestamp, ssrc: 0x5e44_e401 };
    let mut bytes = vec![0; rtp::HEADER_LEN];
    repr.emit(bytes.first_chunk_mut().unwrap());
    bytes.extend_from_slice(&[0, 0, 0, 0, 1, 50, 2, 1]);
    bytes.extend_from_slice(scan);
    bytes
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Where these frames are; anything else fails.
fn positions(events: &[Event]) -> Vec<Option<Duration>> {
    let position = |event: &Event| match event {
        Event::Frame(frame) => frame.position,
        other => panic!("{other:?}"),
    };
    events.iter().map(position).collect()
}

/// Why the last of these events failed.
fn failure(events: &[Event]) -> Failure {
    match events.last() {
        Some(Event::Failed(failure)) => *failure,
        _ => panic!("{events:?}"),
    }
}
