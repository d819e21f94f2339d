//! Targets of the client's machines: the server is whoever wants to harm it.

use super::jpeg;
use super::machines::packets;
use crate::net::Random;
use embedded_io::ErrorType;
use mutoscope::io::client::Pump;
use mutoscope::io::{Datagram, Meta, Sockets, Stream, Transmit};
use mutoscope::player::{self, Demand, Event as Played, Goal, Player, Settings, Transport};
use mutoscope::session::client::{Config, Connection, Event};
use mutoscope::session::{Dialect, MediaTransport, State};
use mutoscope::time::{Duration, Instant};
use mutoscope::wire::lab;
use mutoscope::wire::rtsp::headers::Range;
use mutoscope::wire::rtsp::{self, Message};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;

const URL: &str = "rtsp://127.0.0.1:8554/movie.Mjpeg";
const URL_WITH_PASSWORD: &str = "rtsp://user:hunter2@127.0.0.1:8554/movie.Mjpeg";
const UDP: MediaTransport = MediaTransport::Udp { rtp_port: 25_000, rtcp_port: 25_001 };
const TCP: MediaTransport = MediaTransport::Interleaved { rtp_channel: 0, rtcp_channel: 1 };

/// What a client's connection gets: a byte that decides the dialect, how the rest is cut and what is asked for, and the rest.
pub fn client_session(data: &[u8]) {
    let Some((&seed, mut rest)) = data.split_first() else { return };
    let mut driver = Driver::new(seed);
    driver.drive();
    let mut steps = 0;
    while !rest.is_empty() && !driver.connection.is_closed() {
        steps += 1;
        assert!(steps < 20 * data.len() + 1000, "no progress with {} bytes left", rest.len());
        let space = driver.connection.rx_buffer();
        let most = space.len().min(rest.len());
        let n = if seed < 4 { most } else { most.min(1 + driver.random.below(64) as usize) };
        space[..n].copy_from_slice(&rest[..n]);
        rest = &rest[n..];
        driver.connection.handle_input(driver.now, n);
        driver.drive();
        if driver.random.below(8) == 0 {
            let pause = driver.random.below(2000);
            driver.pass(driver.now.after(Duration::from_millis(pause)));
        }
    }
    // What still waits for an answer is given up, what keeps the session alive goes on.
    for _ in 0..8 {
        let Some(due) = driver.connection.poll_timeout() else { break };
        driver.pass(due);
    }
    driver.connection.handle_close(driver.now);
    driver.drive();
    assert!(driver.connection.is_closed() && driver.endings == 1, "{} endings", driver.endings);
}

/// Says what a client says, in a sensible order most of the time.
struct Driver {
    connection: Connection<Vec<u8>>,
    now: Instant,
    random: Random,
    endings: u32,
    events: usize,
}

impl Driver {
    fn new(seed: u8) -> Self {
        let dialect = if seed & 1 == 0 { Dialect::Standard } else { Dialect::Lab };
        let connection = Connection::new(vec![0; 1024], vec![0; 1024], URL_WITH_PASSWORD, dialect, Config::default());
        let mut driver = Self {
            connection: connection.expect("a URL"),
            now: Instant::from_millis(1000),
            random: Random::new(seed.into()),
            endings: 0,
            events: 0,
        };
        driver.command(None);
        driver
    }

    /// Reads events until there are none, and asks for what comes next.
    fn drive(&mut self) {
        self.transmit();
        let before = self.events;
        while let Some(event) = self.connection.poll_event() {
            self.events += 1;
            assert!(self.events - before < 2000, "events without end");
            self.look(event);
            if self.endings == 0 {
                self.command(Some(event));
            }
            self.transmit();
        }
        let due = self.connection.poll_timeout();
        assert!(due.is_none_or(|due| due > self.now) || !self.connection.poll_transmit().is_empty(), "due at once");
    }

    fn pass(&mut self, to: Instant) {
        self.now = self.now.max(to);
        self.connection.handle_timeout(self.now);
        self.drive();
    }

    fn look(&mut self, event: Event) {
        let connection = &self.connection;
        match event {
            Event::Described(_) => assert!(connection.sdp().video().is_some(), "described without a video"),
            Event::Interleaved { .. } => assert!(connection.interleaved().len() <= 1020),
            Event::SetUp(_) => assert_eq!(connection.state(), State::Ready),
            Event::Playing(_) => assert_eq!(connection.state(), State::Playing),
            Event::TornDown => {
                assert_eq!(connection.state(), State::Init);
                // Closed in the place of an answer.
                self.endings += u32::from(connection.is_closed());
            }
            Event::Failed(_) | Event::ServerClosed => {
                self.endings += 1;
                assert!(connection.is_closed());
            }
            _ => {}
        }
        assert!(connection.session().len() <= 128);
        let _ = (connection.header("Location"), connection.is_busy(), connection.skipped_frames());
    }

    /// What comes next after `event`, or anything at all. What is refused now is no concern.
    fn command(&mut self, event: Option<Event>) {
        let lab = self.connection.dialect() == Dialect::Lab;
        let offer = if lab || self.random.below(2) == 0 { UDP } else { TCP };
        let range = Range::Npt { start: Some(self.random.below(1 << 40)), end: None };
        let range = Some(range).filter(|_| !lab && self.random.below(2) == 0);
        let any = self.random.below(8) == 0;
        let (connection, now) = (&mut self.connection, self.now);
        let _ = match event {
            _ if any => match self.random.below(6) {
                0 => connection.describe(now),
                1 => connection.setup(now, offer),
                2 => connection.play(now, range),
                3 => connection.pause(now),
                4 => connection.teardown(now),
                _ => {
                    connection.queue_interleaved(1, &[b"report"]);
                    Ok(())
                }
            },
            None if lab => connection.setup(now, offer),
            None => connection.describe(now),
            Some(Event::Described(_)) => connection.setup(now, offer),
            Some(Event::SetUp(_) | Event::Paused) => connection.play(now, range),
            Some(Event::Playing(_)) if self.random.below(2) == 0 => connection.pause(now),
            Some(Event::Playing(_)) => connection.teardown(now),
            Some(_) => Ok(()),
        };
    }

    /// Takes all that is to be sent: whole requests, whatever the server said of names and identifiers.
    fn transmit(&mut self) {
        let mut output = self.connection.poll_transmit();
        while !output.is_empty() {
            output = match self.connection.dialect() {
                Dialect::Standard => match rtsp::parse(output) {
                    Ok(Some((Message::Request(request), len))) => {
                        assert!(!request.uri.contains("hunter2"), "a password on the wire");
                        assert!(request.headers.all("Session").count() <= 1 && request.body.is_empty());
                        assert!(request.headers.all("CSeq").count() == 1);
                        &output[len..]
                    }
                    Ok(Some((Message::Response(_) | Message::Interleaved(_), len))) => &output[len..],
                    other => panic!("{other:?} in {:?}", String::from_utf8_lossy(output)),
                },
                Dialect::Lab => match lab::parse_request(output) {
                    lab::Parsed::Complete(_, len) | lab::Parsed::Pending(_, len) => &output[len..],
                    other => panic!("{other:?} in {:?}", String::from_utf8_lossy(output)),
                },
            };
        }
        let n = self.connection.poll_transmit().len();
        self.connection.consume_transmit(self.now, n);
    }
}

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=movie\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\na=range:npt=0-10\r\n\
    m=video 0 RTP/AVP 26\r\na=rtpmap:26 JPEG/90000\r\na=control:trackID=0\r\na=framerate:24\r\n";

/// Answers to OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE and TEARDOWN, numbered as they are asked for.
fn answers(transport: &str) -> Vec<String> {
    let mut answers: Vec<String> = [
        "Public: OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER\r\n".to_owned(),
        format!("Content-Base: {URL}/\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n", SDP.len()),
        format!("Session: 3f0a9c1d;timeout=60\r\nTransport: {transport}\r\n"),
        format!("Session: 3f0a9c1d\r\nRange: npt=0-10\r\nRTP-Info: url={URL}/trackID=0;seq=1;rtptime=2\r\n"),
        "Session: 3f0a9c1d\r\n".to_owned(),
        "Session: 3f0a9c1d\r\n".to_owned(),
    ]
    .iter()
    .zip(1..)
    .map(|(headers, cseq)| format!("RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\n{headers}\r\n"))
    .collect();
    answers[1].push_str(SDP);
    answers
}

const OVER_UDP: &str = "RTP/AVP;unicast;client_port=25000-25001;server_port=6970-6971;ssrc=00000007";
const OVER_TCP: &str = "RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=00000007";

/// Whole dialogues of servers in both dialects.
pub fn client_session_seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for transport in [OVER_UDP, OVER_TCP] {
        let mut answers = answers(transport);
        // Media, a request of the server's own, and a refusal in between.
        answers.insert(4, "$\0\0\x04abcdOPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n$\x01\0\0".into());
        seeds.extend([0, 2, 6, 77 & !1].map(|seed| [&[seed], answers.concat().as_bytes()].concat()));
        let refusal = "RTSP/1.0 302 Moved\r\nCSeq: 2\r\nLocation: rtsp://elsewhere/\r\n\r\n";
        seeds.push([&[0], answers[0].as_bytes(), refusal.as_bytes()].concat());
    }
    let replies: String = (1..8).map(|cseq| format!("RTSP/1.0 200 OK\nCSeq: {cseq}\nSession: 123456\n\n")).collect();
    let bare: String = (1..4).map(|cseq| format!("RTSP/1.0 200 OK\nCSeq: {cseq}\nSession: 123456")).collect();
    seeds.extend([1, 3, 9].map(|seed| [&[seed], replies.as_bytes()].concat()));
    seeds.extend([1, 11].map(|seed| [&[seed], bare.as_bytes()].concat()));
    seeds
}

/// What a whole client gets, on three sockets: records of where, a pause in units of 4 ms, a length, and as many bytes.
pub fn client(data: &[u8]) {
    let Some((&seed, mut rest)) = data.split_first() else { return };
    let (server, mut now) = (SocketAddr::from(([127, 0, 0, 1], 8554)), Instant::from_millis(1000));
    let (dialect, transport) = match seed & 3 {
        0 => (player::Dialect::Standard, Transport::Udp),
        1 => (player::Dialect::Standard, Transport::Tcp),
        2 => (player::Dialect::Lab, Transport::Udp),
        _ => (player::Dialect::Auto, Transport::Auto),
    };
    let settings = Settings { dialect, transport, ..Settings::default() };
    let frames = [vec![0; 4000], vec![0; 4000]];
    let mut player: Player<Vec<u8>, Vec<u8>, 2> =
        Player::new(URL_WITH_PASSWORD, vec![0; 2048], vec![0; 1024], frames, settings, 7).expect("a URL");
    player.handle_goal(Goal::Play { from: None });
    let mut wires = Wires::default();
    while let Some((&[place, pause, high, low], behind)) = rest.split_first_chunk::<4>() {
        now = now.after(Duration::from_millis(u64::from(pause) * 4));
        let len = usize::from(u16::from_be_bytes([high, low])).min(behind.len());
        let (bytes, behind) = behind.split_at(len);
        rest = behind;
        match place {
            0..=99 => wires.control.input.extend(bytes),
            100..=199 => wires.rtp.input.push_back((SocketAddr::new(server.ip(), 6970), bytes.to_vec())),
            200..=239 => wires.rtcp.input.push_back((SocketAddr::new(server.ip(), 6971), bytes.to_vec())),
            240..=244 => wires.rtp.input.push_back((SocketAddr::from(([127, 0, 0, 2], 6970)), bytes.to_vec())),
            245..=248 => player.handle_goal(Goal::Pause),
            249 => player.handle_goal(Goal::Stop),
            250 => player.handle_goal(Goal::Seek { to: Duration::from_secs(pause.into()) }),
            _ => player.handle_goal(Goal::Play { from: None }),
        }
        play(&mut player, now, &mut wires, server);
    }
    wires.control.closed = true;
    play(&mut player, now, &mut wires, server);
    for _ in 0..8 {
        let Some(due) = player.poll_timeout() else { break };
        now = now.max(due);
        play(&mut player, now, &mut wires, server);
    }
}

/// Calls the player until it has nothing more to do, and meets its demands.
fn play(player: &mut Player<Vec<u8>, Vec<u8>, 2>, now: Instant, wires: &mut Wires, server: SocketAddr) {
    let mut pump = Pump::default();
    for _ in 0..5000 {
        let sockets = Sockets { control: &mut wires.control, rtp: &mut wires.rtp, rtcp: &mut wires.rtcp };
        match pump.service(now, player, sockets) {
            Some(Played::Frame(frame)) => {
                let jpeg = player.frame();
                assert_eq!(jpeg.len(), frame.received.len);
                let lab = player.dialect() == Dialect::Lab;
                assert!(lab || jpeg.starts_with(&[0xff, 0xd8]) && jpeg.ends_with(&[0xff, 0xd9]), "{jpeg:02x?}");
            }
            Some(_) => {}
            None => match player.poll_demand() {
                Some(Demand::Connect { .. }) => _ = player.handle_connected(server),
                Some(Demand::OpenPorts) => player.handle_ports(Some((25_000, 25_001))),
                Some(Demand::Close) => {}
                None => {
                    if pump.poll_timeout(player).is_none_or(|due| due > now) {
                        return;
                    }
                }
            },
        }
    }
    panic!("something to do without end at {now:?}: {:?}", player.poll_timeout());
}

/// The three sockets of a client, in memory.
#[derive(Default)]
struct Wires {
    control: Pipe,
    rtp: Post,
    rtcp: Post,
}

#[derive(Default)]
struct Pipe {
    input: VecDeque<u8>,
    closed: bool,
}

impl ErrorType for Pipe {
    type Error = Infallible;
}

impl embedded_io::ReadReady for Pipe {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(self.closed || !self.input.is_empty())
    }
}

impl embedded_io::Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        assert!(!buffer.is_empty(), "a read without room looks like the end");
        let n = buffer.len().min(self.input.len());
        buffer.iter_mut().zip(self.input.drain(..n)).for_each(|(to, from)| *to = from);
        Ok(n)
    }
}

impl embedded_io::WriteReady for Pipe {
    fn write_ready(&mut self) -> Result<bool, Infallible> {
        Ok(true)
    }
}

impl embedded_io::Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl Stream for Pipe {}

#[derive(Default)]
struct Post {
    input: VecDeque<(SocketAddr, Vec<u8>)>,
}

impl ErrorType for Post {
    type Error = Infallible;
}

impl Datagram for Post {
    fn send(&mut self, transmit: &Transmit<'_>) -> Result<usize, Infallible> {
        assert_eq!(transmit.to.ip(), SocketAddr::from(([127, 0, 0, 1], 0)).ip(), "a report to a stranger");
        assert!(transmit.len() <= 512);
        Ok(1)
    }

    fn recv<R>(&mut self, f: impl FnOnce(Meta, &[u8]) -> R) -> Result<Option<R>, Infallible> {
        Ok(self.input.pop_front().map(|(from, bytes)| f(Meta { from, to: None }, &bytes)))
    }
}

/// Sessions with media, in records.
pub fn client_seeds() -> Vec<Vec<u8>> {
    let record = |place: u8, bytes: &[u8]| {
        let [high, low] = (bytes.len() as u16).to_be_bytes();
        [&[place, 1, high, low], bytes].concat()
    };
    let file = &jpeg::seeds()[1];
    let reports = super::rtp::rtcp_seeds();
    let mut seeds = Vec::new();
    for (seed, transport) in [(0, OVER_UDP), (1, OVER_TCP)] {
        let mut bytes = vec![seed];
        let dialogue = answers(transport);
        bytes.extend(dialogue[..4].iter().flat_map(|answer| record(0, answer.as_bytes())));
        for packet in (0..3).flat_map(|number| packets(file, number)) {
            bytes.extend(match seed {
                0 => record(100, &packet),
                _ => record(0, &[&[b'$', 0], &(packet.len() as u16).to_be_bytes()[..], &packet].concat()),
            });
        }
        bytes.extend(reports.iter().flat_map(|report| record(200, report)));
        bytes.extend([record(245, b""), record(0, dialogue[4].as_bytes())].concat());
        bytes.extend([record(250, b""), record(0, dialogue[5].as_bytes())].concat());
        seeds.push(bytes);
    }
    let mut lab = vec![2];
    for cseq in 1..3 {
        lab.extend(record(0, format!("RTSP/1.0 200 OK\nCSeq: {cseq}\nSession: 123456\n\n").as_bytes()));
    }
    for number in 1..4_u8 {
        let header = [0x80, 26, 0, number, 0, 0, 0, 1, 0, 0, 0, 0];
        lab.extend(record(100, &[&header[..], file].concat()));
        // In parts that have headers of their own.
        let end = (file.len() as u32).to_be_bytes();
        let private = [&[0, 0, 0, 0][..], &end].concat();
        lab.extend(record(100, &[&header[..], &private, file].concat()));
        lab.extend(record(100, &[&header[..], &[0, 0, 0, 2], &file[..file.len() / 2]].concat()));
        lab.extend(record(100, &[&header[..], &[0, 1, 0, 2], &file[file.len() / 2..]].concat()));
    }
    seeds.push(lab);
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_leads_through_a_whole_session() {
        for transport in [OVER_UDP, OVER_TCP] {
            let mut reached = Vec::new();
            // Not every seed asks for what the transcript answers; one of them does, or the target looks at nothing.
            for seed in (0..=254_u8).step_by(2) {
                let mut driver = Driver::new(seed);
                for answer in answers(transport) {
                    let space = driver.connection.rx_buffer();
                    let Some(place) = space.get_mut(..answer.len()) else { break };
                    place.copy_from_slice(answer.as_bytes());
                    driver.connection.handle_input(driver.now, answer.len());
                    driver.drive();
                    reached.push(driver.connection.state());
                }
            }
            assert!(reached.contains(&State::Playing), "{transport}");
        }
    }
}
