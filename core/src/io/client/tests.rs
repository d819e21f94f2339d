//! A client against a scripted server, on a connection and datagrams in memory and on virtual time.

use super::*;
use crate::io::Meta;
use crate::session::client::{Command, Config};
use core::convert::Infallible;
use core::net::IpAddr;
use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};
use std::collections::VecDeque;
use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

const SERVER: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, 1));
const UDP: MediaTransport = MediaTransport::Udp { rtp_port: 25000, rtcp_port: 25001 };
const TCP: MediaTransport = MediaTransport::Interleaved { rtp_channel: 0, rtcp_channel: 1 };
const SETTINGS: Settings<'static> = Settings {
    reorder_delay: Duration::from_millis(100),
    playout_delay: Duration::ZERO,
    silence: Duration::from_secs(3),
    wall: WallClock { at_zero: crate::time::NtpTime::from_bits(0) },
    cname: "test",
};

#[derive(Default)]
struct Pipe {
    incoming: VecDeque<u8>,
    outgoing: Vec<u8>,
    closed: bool,
    broken: bool,
    full: bool,
}

impl ErrorType for Pipe {
    type Error = embedded_io::ErrorKind;
}

impl ReadReady for Pipe {
    fn read_ready(&mut self) -> Result<bool, Self::Error> {
        Ok(self.broken || self.closed || !self.incoming.is_empty())
    }
}

impl WriteReady for Pipe {
    fn write_ready(&mut self) -> Result<bool, Self::Error> {
        Ok(!self.full)
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
    client: Client<Vec<u8>, Vec<u8>, 3>,
    pipe: Pipe,
    rtp: Socket,
    rtcp: Socket,
    now: Instant,
    cseq: u32,
}

impl Scene {
    fn new(dialect: Dialect) -> Self {
        let connection =
            Connection::new(vec![0; 8192], vec![0; 2048], "rtsp://192.0.2.1/movie.Mjpeg", dialect, Config::default());
        let buffers = [vec![0; 8192], vec![0; 8192], vec![0; 8192]];
        Self {
            client: Client::new(connection.unwrap(), buffers, SocketAddr::new(SERVER, 554), 0xc11e_0001),
            pipe: Pipe::default(),
            rtp: Socket::default(),
            rtcp: Socket::default(),
            now: Instant::from_millis(1000),
            cseq: 0,
        }
    }

    fn service(&mut self) -> Option<Event> {
        self.client.service(self.now, &mut self.pipe, &mut self.rtp, &mut self.rtcp, &SETTINGS)
    }

    /// Everything that happens now.
    fn events(&mut self) -> Vec<Event> {
        let events: Vec<Event> = std::iter::from_fn(|| self.service()).take(100).collect();
        assert!(events.len() < 100, "it never ends");
        events
    }

    /// Time passes, deadline by deadline.
    fn pass(&mut self, millis: u64) -> Vec<Event> {
        let end = self.now.after(Duration::from_millis(millis));
        let mut events = self.events();
        let mut wakes = 0;
        while let Some(due) = self.client.poll_timeout().filter(|&due| due <= end) {
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
        String::from_utf8_lossy(&core::mem::take(&mut self.pipe.outgoing)).to_string()
    }

    fn answer(&mut self, headers: &str, body: &str) -> Vec<Event> {
        self.cseq += 1;
        let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        self.pipe
            .incoming
            .extend(format!("RTSP/1.0 200 OK\r\nCSeq: {}\r\n{headers}{length}\r\n{body}", self.cseq).bytes());
        self.events()
    }

    /// Everything up to and including PLAY's answer.
    fn playing(transport: MediaTransport, setup_answer: &str, range: &str) -> Self {
        let mut scene = Self::new(Dialect::Standard);
        scene.client.describe(scene.now).unwrap();
        assert_eq!(scene.answer("Public: PLAY\r\n", ""), []);
        let sdp = format!("v=0\r\na=range:{range}\r\nm=video 0 RTP/AVP 26\r\na=control:trackID=0\r\n");
        let events = scene.answer("", &sdp);
        assert!(matches!(events[..], [Event::Session(session::Event::Described(_))]), "{events:?}");
        scene.client.setup(scene.now, transport).unwrap();
        let events = scene.answer(&format!("Session: abc\r\nTransport: {setup_answer}\r\n"), "");
        assert!(matches!(events[..], [Event::Session(session::Event::SetUp(_))]), "{events:?}");
        scene.client.play(scene.now, None).unwrap();
        let events = scene.answer("RTP-Info: url=x;seq=1;rtptime=90000\r\nRange: npt=0-60\r\n", "");
        assert!(matches!(events[..], [Event::Session(session::Event::Playing(_))]), "{events:?}");
        scene.sent();
        scene
    }

    fn over_udp() -> Self {
        Self::playing(UDP, "RTP/AVP;unicast;client_port=25000-25001;server_port=6970-6971", "npt=0-60")
    }

    fn over_tcp() -> Self {
        Self::playing(TCP, "RTP/AVP/TCP;unicast;interleaved=0-1", "npt=0-60")
    }

    fn datagram(&mut self, from: (IpAddr, u16), bytes: Vec<u8>) {
        self.rtp.incoming.push_back((from.into(), bytes));
    }

    fn interleaved(&mut self, channel: u8, payload: &[u8]) {
        self.pipe.incoming.extend([b'$', channel, (payload.len() >> 8) as u8, payload.len() as u8]);
        self.pipe.incoming.extend(payload);
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

/// A receiver report without blocks, then BYE of the packets' source.
const BYE: [u8; 16] = [0x80, 201, 0, 1, 0x5e, 0x44, 0xe4, 0x01, 0x81, 203, 0, 1, 0x5e, 0x44, 0xe4, 0x01];

fn position(event: Event) -> Option<NptMicros> {
    match event {
        Event::Frame(frame) => frame.position,
        other => panic!("{other:?}"),
    }
}

#[test]
fn frames_over_udp_come_out_whole_and_in_their_place() {
    let mut scene = Scene::over_udp();
    let opener = scene.rtp.sent.first().expect("a packet that opens firewalls");
    assert_eq!((opener.0, opener.1.len()), (SocketAddr::new(SERVER, 6970), 12));
    for (i, scan) in [b"first", b"other"].into_iter().enumerate() {
        scene.datagram((SERVER, 6970), packet(10 + i as u16, 90_000 + 45_000 * i as u32, scan));
        let event = scene.service().expect("a frame");
        assert_eq!(position(event), Some(500_000 * i as u64));
        let jpeg = scene.client.frame();
        assert!(jpeg.starts_with(&[0xff, 0xd8]) && jpeg.ends_with(&[0xff, 0xd9]));
        assert!(jpeg.windows(5).any(|window| window == scan));
    }
    assert_eq!(scene.client.statistics().unwrap().packets, 2);
}

#[test]
fn frames_over_tcp_come_out_one_by_one_though_they_arrive_at_once() {
    let mut scene = Scene::over_tcp();
    // More frames in one read than there are buffers.
    for i in 0..20u16 {
        scene.interleaved(0, &packet(i, 90_000 + 3750 * u32::from(i), &[i as u8; 9]));
    }
    for i in 0..20u64 {
        let event = scene.service().expect("a frame");
        assert_eq!(position(event), Some(i * 3750 * 100 / 9));
        assert!(scene.client.frame().windows(9).any(|window| window == [i as u8; 9]));
    }
    assert_eq!(scene.events(), []);
    assert_eq!(scene.client.statistics().unwrap().frames_dropped, 0);
    assert!(scene.rtp.sent.is_empty() && scene.rtcp.sent.is_empty());
}

#[test]
fn packets_of_strangers_are_dropped() {
    let mut scene = Scene::over_udp();
    scene.datagram(([198, 51, 100, 7].into(), 6970), packet(1, 90_000, b"spoof"));
    scene.rtcp.incoming.push_back((SocketAddr::from(([198, 51, 100, 7], 6971)), BYE.to_vec()));
    assert_eq!(scene.pass(1000), []);
    assert_eq!(scene.client.strangers(), 2);
    // The same server, as a socket of both families shows it.
    scene.datagram(("::ffff:192.0.2.1".parse().unwrap(), 6970), packet(2, 90_000, b"right"));
    assert!(matches!(scene.events()[..], [Event::Frame(_)]));
}

#[test]
fn reports_go_to_the_servers_port_as_announced_or_as_learnt() {
    for (answer, port) in [("RTP/AVP;unicast;server_port=6970-6971", 6971), ("RTP/AVP;unicast", 7001)] {
        let mut scene = Scene::playing(UDP, answer, "npt=now-");
        scene.datagram((SERVER, 7000), packet(1, 90_000, b"x"));
        let events = scene.pass(10_000);
        assert!(matches!(events.first(), Some(Event::Frame(Frame { position: None, .. }))), "{events:?}");
        let (to, report) = scene.rtcp.sent.first().expect("a report");
        assert_eq!(*to, SocketAddr::new(SERVER, port));
        assert_eq!(report[1], 201, "a receiver report");
    }
}

#[test]
fn leaving_says_bye_before_teardown() {
    let mut scene = Scene::over_udp();
    scene.datagram((SERVER, 6970), packet(1, 90_000, b"x"));
    scene.events();
    scene.client.teardown(scene.now).unwrap();
    assert_eq!(scene.sent(), "", "not before it is serviced");
    scene.events();
    assert!(scene.sent().starts_with("TEARDOWN "));
    let (_, last) = scene.rtcp.sent.last().expect("BYE");
    assert!(last.windows(2).any(|window| window == [0x81, 203]));
    scene.cseq = 4;
    let events = scene.answer("", "");
    assert_eq!(events, [Event::Session(session::Event::TornDown)]);

    let mut scene = Scene::over_tcp();
    scene.interleaved(0, &packet(1, 90_000, b"x"));
    scene.events();
    scene.client.teardown(scene.now).unwrap();
    scene.events();
    let sent = core::mem::take(&mut scene.pipe.outgoing);
    assert!(sent.starts_with(b"$\x01"));
    assert!(sent.windows(9).any(|window| window == b"TEARDOWN "));
}

/// How many of these compounds say BYE.
fn byes(sent: &[(SocketAddr, Vec<u8>)]) -> usize {
    sent.iter().filter(|(_, compound)| compound.windows(2).any(|window| window == [0x81, 203])).count()
}

#[test]
fn bye_is_said_once_though_teardown_has_to_wait() {
    let mut scene = Scene::over_udp();
    scene.datagram((SERVER, 6970), packet(1, 90_000, b"x"));
    scene.events();
    scene.pipe.full = true;
    // Nothing leaves: requests pile up until the buffer has no room for TEARDOWN.
    while scene.client.connection.queue_interleaved(1, &[&[0; 100]]) {}
    scene.client.teardown(scene.now).unwrap();
    for _ in 0..3 {
        assert_eq!(scene.events(), []);
    }
    assert_eq!(byes(&scene.rtcp.sent), 1);
    scene.pipe.full = false;
    scene.pass(10);
    scene.pass(10);
    assert!(scene.sent().contains("TEARDOWN "));
    assert_eq!(byes(&scene.rtcp.sent), 1);
}

#[test]
fn who_has_heard_nothing_says_no_bye() {
    let mut scene = Scene::over_udp();
    scene.client.teardown(scene.now).unwrap();
    scene.events();
    assert!(scene.sent().starts_with("TEARDOWN "));
    assert!(scene.rtcp.sent.is_empty(), "RFC 3550 section 6.3.7");
}

#[test]
fn bye_ends_the_stream_after_what_it_overtook() {
    let mut scene = Scene::over_udp();
    scene.rtcp.incoming.push_back((SocketAddr::new(SERVER, 6971), BYE.to_vec()));
    assert_eq!(scene.events(), []);
    scene.now = scene.now.after(Duration::from_millis(50));
    scene.datagram((SERVER, 6970), packet(1, 90_000, b"late"));
    assert!(matches!(scene.events()[..], [Event::Frame(_)]));
    assert_eq!(scene.pass(49), []);
    assert_eq!(scene.pass(1), [Event::EndOfStream]);
    assert_eq!(scene.pass(20_000), [], "said once, and silence is no news any more");
    assert_eq!(scene.client.connection().state(), State::Playing);
}

#[test]
fn another_setup_brings_its_own_payload_type_and_source() {
    let mut scene = Scene::over_udp();
    scene.datagram((SERVER, 6970), packet(1, 90_000, b"first"));
    assert!(matches!(scene.events()[..], [Event::Frame(_)]));
    scene.client.teardown(scene.now).unwrap();
    scene.events();
    scene.cseq = 4;
    assert_eq!(scene.answer("", ""), [Event::Session(session::Event::TornDown)]);
    scene.client.describe(scene.now).unwrap();
    let sdp = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 JPEG/90000\r\na=x-dimensions:2048,8\r\n";
    assert!(matches!(scene.answer("", sdp)[..], [Event::Session(session::Event::Described(_))]));
    scene.client.setup(scene.now, TCP).unwrap();
    let events = scene.answer("Session: abc\r\nTransport: RTP/AVP/TCP;interleaved=0-1;ssrc=00000007\r\n", "");
    assert!(matches!(events[..], [Event::Session(session::Event::SetUp(_))]), "{events:?}");
    scene.client.play(scene.now, None).unwrap();
    assert!(matches!(scene.answer("", "")[..], [Event::Session(session::Event::Playing(_))]));
    // Another source, another type, dimensions that only the description knows.
    for (number, sequence) in [(2u32, 50_000u16), (3, 50_001)] {
        let mut bytes = packet(sequence, 1000 * number, b"other");
        bytes[1] = 0x80 | 96;
        bytes[8..12].copy_from_slice(&[0, 0, 0, 7]);
        bytes[18..20].copy_from_slice(&[0, 0]);
        scene.interleaved(0, &bytes);
        let event = scene.service();
        assert!(matches!(event, Some(Event::Frame(frame)) if frame.received.number == number), "{event:?}");
        assert!(scene.client.frame().windows(4).any(|window| window == [0, 8, 8, 0]), "8 x 2048 pixels");
    }
    assert_eq!(scene.client.statistics().unwrap().packets, 3, "totals stay");
}

#[test]
fn after_a_seek_packets_from_before_it_are_dropped() {
    let mut scene = Scene::over_udp();
    for sequence in 10..13 {
        scene.datagram((SERVER, 6970), packet(sequence, 90_000 + 3750 * u32::from(sequence), b"old"));
        assert!(matches!(scene.service(), Some(Event::Frame(_))));
    }
    scene.client.play(scene.now, Range::parse("npt=30-")).unwrap();
    scene.cseq = 4;
    let events = scene.answer("RTP-Info: url=x;seq=15;rtptime=500000\r\nRange: npt=30-60\r\n", "");
    assert!(matches!(events[..], [Event::Session(session::Event::Playing(_))]), "{events:?}");
    scene.datagram((SERVER, 6970), packet(13, 140_000, b"old"));
    scene.datagram((SERVER, 6970), packet(15, 500_000, b"new"));
    scene.datagram((SERVER, 6970), packet(14, 143_750, b"old"));
    scene.datagram((SERVER, 6970), packet(16, 503_750, b"new"));
    let positions: Vec<_> = scene.events().into_iter().map(position).collect();
    assert_eq!(positions, [Some(30_000_000), Some(30_041_666)]);
    assert_eq!(scene.client.statistics().unwrap().lost, 0, "they were not wanted, and not lost either");
}

#[test]
fn a_server_that_announces_a_number_far_ahead_costs_half_a_second() {
    let mut scene = Scene::over_udp();
    scene.datagram((SERVER, 6970), packet(10, 90_000, b"old"));
    scene.events();
    scene.client.play(scene.now, Range::parse("npt=30-")).unwrap();
    scene.cseq = 4;
    scene.answer("RTP-Info: url=x;seq=1000;rtptime=500000\r\n", "");
    let mut frames = 0;
    for sequence in 11..111u16 {
        scene.datagram((SERVER, 6970), packet(sequence, 500_000 + 900 * u32::from(sequence), b"new"));
        frames += scene.pass(10).len();
    }
    assert!((45..=51).contains(&frames), "{frames}");
}

#[test]
fn silence_while_playing_is_told_at_every_interval() {
    let mut scene = Scene::over_udp();
    let told = |seconds| Event::Silence { lasting: Duration::from_secs(seconds) };
    assert_eq!(scene.pass(6000), [told(3), told(6)]);
    scene.datagram((SERVER, 6970), packet(1, 90_000, b"x"));
    assert!(matches!(scene.events()[..], [Event::Frame(_)]));
    assert_eq!(scene.pass(2999), []);
    assert_eq!(scene.pass(1), [told(3)]);
    scene.client.pause(scene.now).unwrap();
    scene.cseq = 4;
    assert_eq!(scene.answer("", ""), [Event::Session(session::Event::Paused)]);
    let quiet = scene.pass(20_000);
    assert_eq!(quiet, [], "paused is quiet");
}

#[test]
fn packets_that_make_no_frames_are_told_apart_from_silence() {
    let mut scene = Scene::over_tcp();
    let mut events = Vec::new();
    for sequence in 1..31u16 {
        let mut other = packet(sequence, 90_000, b"x");
        other[1] = 97;
        scene.interleaved(0, &other);
        events.extend(scene.pass(200));
    }
    let told = |seconds, rejected| Event::Troubled {
        lasting: Duration::from_secs(seconds),
        trouble: NoFrameReason::Rejected(rejected),
    };
    assert_eq!(events, [told(3, Rejected::PayloadType(97)), told(6, Rejected::PayloadType(97))]);
    let silence = scene.pass(3000);
    assert_eq!(silence, [Event::Silence { lasting: Duration::from_secs(9) }], "they come no more");
}

#[test]
fn packets_out_of_order_make_frames_over_tcp_too() {
    let mut scene = Scene::over_tcp();
    // Two threads of the server, one of which is late.
    let packets: Vec<Vec<u8>> = (1..41u16).map(|at| packet(at, 90_000 + 3750 * u32::from(at), b"x")).collect();
    let mut events = Vec::new();
    for pair in packets.chunks(2) {
        for packet in pair.iter().rev() {
            scene.interleaved(0, packet);
        }
        events.extend(scene.pass(80));
    }
    let positions: Vec<_> = events.into_iter().map(position).collect();
    assert!(positions.is_sorted(), "{positions:?}");
    // Nobody knows that anything came before the first one.
    assert_eq!(positions.len(), 39);
}

#[test]
fn packets_that_a_server_leaves_out_of_tcp_delay_nothing_for_long() {
    let mut scene = Scene::over_tcp();
    scene.interleaved(0, &packet(1, 90_000, b"x"));
    assert!(matches!(scene.events()[..], [Event::Frame(_)]));
    scene.interleaved(0, &packet(3, 97_500, b"x"));
    assert_eq!(scene.pass(49), []);
    assert!(matches!(scene.pass(1)[..], [Event::Frame(_)]));
}

#[test]
fn the_end_of_the_connection_is_told_after_what_it_brought() {
    let mut scene = Scene::over_tcp();
    scene.interleaved(0, &packet(1, 90_000, b"x"));
    scene.pipe.closed = true;
    let events = scene.events();
    assert!(matches!(events[..], [Event::Frame(_), Event::Session(session::Event::ServerClosed)]), "{events:?}");
    assert_eq!(scene.client.broken(), None);
    assert_eq!(scene.pass(100_000), []);

    let mut scene = Scene::over_udp();
    scene.pipe.broken = true;
    assert_eq!(scene.events(), [Event::Session(session::Event::ServerClosed)]);
    assert_eq!(scene.client.broken(), Some(embedded_io::ErrorKind::ConnectionReset));
}

#[test]
fn a_flood_gives_the_caller_a_turn() {
    let mut scene = Scene::over_udp();
    for _ in 0..10_000 {
        scene.datagram((SERVER, 6970), vec![0; 20]);
    }
    assert_eq!(scene.service(), None);
    assert!(!scene.rtp.incoming.is_empty());
    assert!(scene.client.poll_timeout().is_some_and(|due| due <= scene.now), "and wants to be called again at once");
    scene.pass(1000);
    assert!(scene.rtp.incoming.is_empty());
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
fn a_flood_of_frames_keeps_no_command_report_or_keep_alive_back() {
    let mut flood = Flood::start();
    assert!(matches!(flood.service(), Some(Event::Frame(_))));
    flood.scene.client.pause(flood.scene.now).unwrap();
    assert!(matches!(flood.service(), Some(Event::Frame(_))));
    assert!(flood.scene.sent().starts_with("PAUSE "), "with the next call");
    assert_eq!(flood.pass(9_900), []);
    let reports = flood.scene.sent();
    assert!(reports.starts_with("$\u{1}"), "receiver reports: {reports:?}");
    let late = flood.pass(2_000);
    assert_eq!(late, [Event::Session(session::Event::TimedOut { during: Command::Pause })], "no answer came");
    flood.scene.sent();
    assert_eq!(flood.pass(25_000), []);
    assert!(flood.scene.sent().contains("OPTIONS "), "the session is kept alive");
}

#[test]
fn an_answer_that_came_in_time_is_in_time_however_much_came_before_it() {
    let mut flood = Flood::start();
    flood.service();
    flood.scene.client.pause(flood.scene.now).unwrap();
    flood.scene.cseq = 4;
    flood.scene.pipe.incoming.extend(b"RTSP/1.0 200 OK\r\nCSeq: 5\r\n\r\n");
    // Nobody had time to look for a minute.
    flood.scene.now = flood.scene.now.after(Duration::from_secs(60));
    let mut events: Vec<Event> = (0..50).filter_map(|_| flood.scene.service()).collect();
    events.retain(|event| !matches!(event, Event::Frame(_)));
    assert_eq!(events, [Event::Session(session::Event::Paused)]);
}

#[test]
fn what_is_no_packet_of_the_stream_does_not_hide_its_silence() {
    let mut scene = Scene::over_udp();
    let mut silence = Vec::new();
    for _ in 0..1000 {
        scene.now = scene.now.after(Duration::from_millis(10));
        while scene.rtp.incoming.len() < 1000 {
            scene.datagram((SERVER, 6970), vec![0; 20]);
        }
        silence.extend(scene.service());
    }
    assert_eq!(silence.len(), 3, "{silence:?}");
    assert!(silence.iter().all(|event| matches!(event, Event::Troubled { .. })), "{silence:?}");
}

#[test]
fn a_server_that_never_stops_asking_gives_the_caller_a_turn() {
    let mut scene = Scene::over_tcp();
    let flood = 2 * BYTES_PER_CALL;
    scene.pipe.incoming.extend(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n".iter().cycle().take(flood));
    assert_eq!(scene.service(), None);
    assert!(scene.pipe.incoming.len() >= flood - BYTES_PER_CALL - 8192, "{} bytes left", scene.pipe.incoming.len());
    assert!(scene.client.poll_timeout().is_some_and(|due| due <= scene.now), "and wants to be called again at once");
    // Answers leave while the questions go on.
    assert!(scene.sent().contains("RTSP/1.0 200 OK"));
}

#[test]
fn a_lab_stream_is_whole_files_numbered_by_the_server() {
    let mut scene = Scene::new(Dialect::Lab);
    scene.client.setup(scene.now, UDP).unwrap();
    scene.events();
    assert!(scene.sent().starts_with("SETUP movie.Mjpeg RTSP/1.0\n"));
    scene.pipe.incoming.extend(b"RTSP/1.0 200 OK\nCSeq: 1\nSession: 123456");
    let events = scene.pass(50);
    assert!(matches!(events[..], [Event::Session(session::Event::SetUp(_))]), "{events:?}");
    assert!(scene.rtp.sent.is_empty());
    scene.client.play(scene.now, None).unwrap();
    scene.pipe.incoming.extend(b"RTSP/1.0 200 OK\nCSeq: 2\nSession: 123456\n\n");
    assert!(matches!(scene.events()[..], [Event::Session(session::Event::Playing(_))]));

    let jpeg = [&[0xff, 0xd8, 0xff, 0xdb][..], b"a picture", &[0xff, 0xd9]].concat();
    for number in 1..=3u16 {
        let repr = rtp::Repr { marker: false, payload_type: 26, sequence: number, timestamp: 1_790_000_000, ssrc: 0 };
        let mut bytes = vec![0; rtp::HEADER_LEN];
        repr.emit(bytes.first_chunk_mut().unwrap());
        bytes.extend_from_slice(&jpeg);
        scene.datagram((SERVER, 40_000), bytes);
        let event = scene.service();
        assert!(matches!(event, Some(Event::Frame(frame)) if frame.received.number == u32::from(number)), "{event:?}");
        assert_eq!(scene.client.frame(), jpeg);
    }
    scene.client.teardown(scene.now).unwrap();
    scene.pass(9000);
    assert!(scene.sent().contains("TEARDOWN movie.Mjpeg RTSP/1.0\n"));
    assert!(scene.rtcp.sent.is_empty(), "the lab knows no RTCP");
    let events = scene.pass(1000);
    assert_eq!(events.last(), Some(&Event::Session(session::Event::TimedOut { during: Command::Teardown })));
}
