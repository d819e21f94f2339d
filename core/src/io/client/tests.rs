//! The pump on a connection and datagrams in memory, whose server may say more than is good.

use super::*;
use crate::io::{Datagram, Meta, Stream, Transmit};
use crate::player::{Goal, Settings, Transport};
use crate::session::State;
use crate::time::Duration;
use crate::wire::rtp;
use core::convert::Infallible;
use core::net::SocketAddr;
use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};
use std::collections::VecDeque;
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

const SERVER: SocketAddr = SocketAddr::new(core::net::IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, 1)), 554);

#[derive(Default)]
struct Pipe {
    incoming: VecDeque<u8>,
    outgoing: Vec<u8>,
    broken: bool,
}

impl ErrorType for Pipe {
    type Error = embedded_io::ErrorKind;
}

impl ReadReady for Pipe {
    fn read_ready(&mut self) -> Result<bool, Self::Error> {
        Ok(self.broken || !self.incoming.is_empty())
    }
}

impl WriteReady for Pipe {
    fn write_ready(&mut self) -> Result<bool, Self::Error> {
        Ok(true)
    }
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        if self.broken {
            return Err(embedded_io::ErrorKind::ConnectionReset);
        }
        let n = buffer.len().min(self.incoming.len());
        for (to, from) in buffer.iter_mut().zip(self.incoming.drain(..n)) {
            *to = from;
        }
        Ok(n)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        // Partial writes are the rule.
        let n = bytes.len().min(100);
        self.outgoing.extend_from_slice(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

impl Stream for Pipe {}

#[derive(Default)]
struct Socket {
    incoming: VecDeque<(SocketAddr, Vec<u8>)>,
    sent: Vec<(SocketAddr, Vec<u8>)>,
}

impl ErrorType for Socket {
    type Error = Infallible;
}

impl Datagram for Socket {
    fn send(&mut self, transmit: &Transmit<'_>) -> Result<usize, Infallible> {
        self.sent.push((transmit.to, transmit.segments.concat()));
        Ok(1)
    }

    fn recv<R>(&mut self, f: impl FnOnce(Meta, &[u8]) -> R) -> Result<Option<R>, Infallible> {
        Ok(self.incoming.pop_front().map(|(from, bytes)| f(Meta { from, to: None }, &bytes)))
    }
}

struct Scene {
    player: Player<Vec<u8>, Vec<u8>, 3>,
    pump: Pump,
    pipe: Pipe,
    rtp: Socket,
    rtcp: Socket,
    now: Instant,
    cseq: u32,
}

impl Scene {
    /// Everything up to and including PLAY's answer.
    fn playing(transport: Transport, setup: &str) -> Self {
        let settings = Settings { transport, stall_timeout: Duration::from_secs(999), ..Settings::default() };
        let frames = [vec![0; 8192], vec![0; 8192], vec![0; 8192]];
        let player = Player::new("rtsp://192.0.2.1/x", vec![0; 8192], vec![0; 2048], frames, settings, 7);
        let mut scene = Self {
            player: player.unwrap(),
            pump: Pump::default(),
            pipe: Pipe::default(),
            rtp: Socket::default(),
            rtcp: Socket::default(),
            now: Instant::from_millis(1000),
            cseq: 0,
        };
        scene.player.handle_goal(Goal::Play { from: None });
        assert_eq!(scene.player.poll_event(scene.now), None);
        assert!(scene.player.poll_demand().is_some());
        scene.player.handle_connected(SERVER);
        assert_eq!(scene.events(), []);
        scene.answer("Public: PLAY\r\n", "");
        scene.answer("", "v=0\r\nm=video 0 RTP/AVP 26\r\na=control:trackID=0\r\n");
        if scene.player.poll_demand().is_some() {
            scene.player.handle_ports(Some((25_000, 25_001)));
            assert_eq!(scene.events(), []);
        }
        scene.answer(&format!("Session: abc\r\nTransport: {setup}\r\n"), "");
        let events = scene.answer("RTP-Info: url=x;seq=1;rtptime=90000\r\n", "");
        assert!(matches!(events[..], [Event::Playing { .. }]), "{events:?}");
        scene.sent();
        scene
    }

    fn over_udp() -> Self {
        Self::playing(Transport::Udp, "RTP/AVP;unicast;client_port=25000-25001;server_port=6970-6971")
    }

    fn over_tcp() -> Self {
        Self::playing(Transport::Tcp, "RTP/AVP/TCP;unicast;interleaved=0-1")
    }

    fn service(&mut self) -> Option<Event> {
        let sockets = Sockets { control: &mut self.pipe, rtp: &mut self.rtp, rtcp: &mut self.rtcp };
        self.pump.service(self.now, &mut self.player, sockets)
    }

    fn events(&mut self) -> Vec<Event> {
        let events: Vec<Event> = std::iter::from_fn(|| self.service()).take(100).collect();
        assert!(events.len() < 100, "it never ends");
        events
    }

    fn pass(&mut self, millis: u64) -> Vec<Event> {
        let end = self.now.after(Duration::from_millis(millis));
        let mut events = self.events();
        let mut wakes = 0;
        while let Some(due) = self.pump.poll_timeout(&self.player).filter(|&due| due <= end) {
            self.now = self.now.max(due);
            events.extend(self.events());
            wakes += 1;
            assert!(wakes < 10_000, "it spins");
        }
        self.now = end;
        events.extend(self.events());
        events
    }

    fn sent(&mut self) -> String {
        String::from_utf8_lossy(&core::mem::take(&mut self.pipe.outgoing)).into_owned()
    }

    fn answer(&mut self, headers: &str, body: &str) -> Vec<Event> {
        self.cseq += 1;
        let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let answer = format!("RTSP/1.0 200 OK\r\nCSeq: {}\r\n{headers}{length}\r\n{body}", self.cseq);
        self.pipe.incoming.extend(answer.bytes());
        self.events()
    }

    fn datagram(&mut self, bytes: Vec<u8>) {
        self.rtp.incoming.push_back((SocketAddr::new(SERVER.ip(), 6970), bytes));
    }

    fn interleaved(&mut self, channel: u8, payload: &[u8]) {
        self.pipe.incoming.extend([b'$', channel, (payload.len() >> 8) as u8, payload.len() as u8]);
        self.pipe.incoming.extend(payload);
    }

    fn wants_another_turn(&self) -> bool {
        self.pump.poll_timeout(&self.player).is_some_and(|due| due <= self.now)
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

/// A server that never stops sending over the connection: whenever it is read, there is more.
struct Flood {
    scene: Scene,
    sequence: u16,
}

impl Flood {
    fn start() -> Self {
        Self { scene: Scene::over_tcp(), sequence: 0 }
    }

    /// One call, with at least two frames to be read before and behind it.
    fn service(&mut self) -> Option<Event> {
        while self.scene.pipe.incoming.len() < 20_000 {
            self.sequence = self.sequence.wrapping_add(1);
            self.scene.interleaved(0, &packet(self.sequence, 90_000 + 3750 * u32::from(self.sequence), &[7; 3000]));
        }
        self.scene.service()
    }

    /// Time passes at 100 calls a second; what happened apart from frames.
    fn pass(&mut self, millis: u64) -> Vec<Event> {
        let mut events = Vec::new();
        for _ in 0..millis / 10 {
            self.scene.now = self.scene.now.after(Duration::from_millis(10));
            events.extend(self.service().filter(|event| !matches!(event, Event::Frame(_))));
        }
        events
    }
}

#[test]
fn frames_and_reports_find_their_sockets() {
    let mut scene = Scene::over_udp();
    assert_eq!(scene.rtp.sent.first().map(|(to, bytes)| (to.port(), bytes.len())), Some((6970, 12)), "an opener");
    scene.datagram(packet(1, 90_000, b"x"));
    assert!(matches!(scene.service(), Some(Event::Frame(frame)) if frame.received.len == scene.player.frame().len()));
    assert_eq!(scene.pass(1000), []);
    assert_eq!(scene.rtcp.sent.first().map(|(to, bytes)| (to.port(), bytes[1])), Some((6971, 201)), "a report");
}

#[test]
fn a_broken_connection_is_told_once_and_not_touched_again() {
    let mut scene = Scene::over_udp();
    scene.pipe.broken = true;
    let events = scene.pass(60_000);
    assert_eq!(events, [Event::Failed(crate::player::Failure::Broken)]);
    assert_eq!(scene.pump.broken(), Some(embedded_io::ErrorKind::ConnectionReset));
}

#[test]
fn the_last_words_leave_before_the_sockets_are_closed() {
    let mut scene = Scene::over_udp();
    scene.datagram(packet(1, 90_000, b"x"));
    scene.events();
    scene.pipe.incoming.extend([b'x'; 10]);
    scene.player.abandon(scene.now);
    assert!(scene.player.poll_demand().is_some());
    let sockets = Sockets { control: &mut scene.pipe, rtp: &mut scene.rtp, rtcp: &mut scene.rtcp };
    scene.pump.finish(scene.now, &mut scene.player, sockets);
    assert!(scene.rtcp.sent.last().is_some_and(|(_, bytes)| bytes.windows(2).any(|window| window == [0x81, 203])));
    assert!(scene.sent().starts_with("TEARDOWN "));
    assert!(scene.pipe.incoming.is_empty(), "unread bytes would make it a reset");
}

#[test]
fn a_flood_gives_the_caller_a_turn() {
    let mut scene = Scene::over_udp();
    for _ in 0..10_000 {
        scene.datagram(vec![0; 20]);
    }
    assert_eq!(scene.service(), None);
    assert!(!scene.rtp.incoming.is_empty());
    assert!(scene.wants_another_turn());
    scene.pass(1000);
    assert!(scene.rtp.incoming.is_empty());
}

#[test]
fn a_flood_of_frames_keeps_no_command_report_or_keep_alive_back() {
    let mut flood = Flood::start();
    assert!(matches!(flood.service(), Some(Event::Frame(_))));
    flood.scene.player.handle_goal(Goal::Pause);
    assert!(matches!(flood.service(), Some(Event::Frame(_))));
    assert!(flood.scene.sent().starts_with("PAUSE "), "with the next call");
    assert_eq!(flood.pass(9_900), []);
    let reports = flood.scene.sent();
    assert!(reports.starts_with("$\u{1}"), "receiver reports: {reports:?}");
    let late = flood.pass(2_000);
    let unanswered = crate::player::Failure::NoAnswer(crate::session::client::Command::Pause);
    assert_eq!(late, [Event::Failed(unanswered)], "no answer came");

    let mut flood = Flood::start();
    assert_eq!(flood.pass(35_000), []);
    assert!(flood.scene.sent().contains("OPTIONS "), "the session is kept alive");
}

#[test]
fn an_answer_that_came_in_time_is_in_time_however_much_came_before_it() {
    let mut flood = Flood::start();
    flood.service();
    flood.scene.player.handle_goal(Goal::Pause);
    flood.service();
    flood.scene.pipe.incoming.extend(b"RTSP/1.0 200 OK\r\nCSeq: 5\r\n\r\n");
    // Nobody had time to look for a minute.
    flood.scene.now = flood.scene.now.after(Duration::from_secs(60));
    let mut events: Vec<Event> = (0..50).filter_map(|_| flood.scene.service()).collect();
    events.retain(|event| !matches!(event, Event::Frame(_)));
    assert_eq!(events, [Event::Paused]);
    assert_eq!(flood.scene.player.state(), State::Ready);
}

#[test]
fn what_is_no_packet_of_the_stream_does_not_hide_its_silence() {
    let mut scene = Scene::over_udp();
    let mut silence = Vec::new();
    for _ in 0..1000 {
        scene.now = scene.now.after(Duration::from_millis(10));
        while scene.rtp.incoming.len() < 1000 {
            scene.datagram(vec![0; 20]);
        }
        silence.extend(scene.service());
    }
    assert_eq!(silence.len(), 3, "{silence:?}");
    assert!(silence.iter().all(|event| matches!(event, Event::NoFrames { .. })), "{silence:?}");
}

#[test]
fn a_server_that_never_stops_asking_gives_the_caller_a_turn() {
    let mut scene = Scene::over_tcp();
    let flood = 2 * BYTES_PER_CALL;
    scene.pipe.incoming.extend(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n".iter().cycle().take(flood));
    assert_eq!(scene.service(), None);
    assert!(scene.pipe.incoming.len() >= flood - BYTES_PER_CALL - 8192, "{} bytes left", scene.pipe.incoming.len());
    assert!(scene.wants_another_turn());
    // Answers leave while the questions go on.
    assert!(scene.sent().contains("RTSP/1.0 200 OK"));
}
