//! The server on one smoltcp stack, a scripted client on another, and a cable between them.

#[path = "support/movie.rs"]
mod movie;
#[path = "support/player.rs"]
mod player;
mod support;

use movie::Movie;
use mutoscope::auth::{Authenticator, Basic, Credentials, Key};
use mutoscope::io::server::{Guard, Open, Password, Settings};
use mutoscope::media::FrameRate;
use mutoscope::media::live::Live;
use mutoscope::session::State;
use mutoscope::time::{Duration, Instant};
use mutoscope_smoltcp::server::{InvalidPort, Memory, Options, Server, Storage};
use player::Player;
use smoltcp::socket::{tcp, udp};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Wake, Waker};
use support::{Host, Network, SERVER, SERVER_V6, leak};

const PORT: u16 = 8554;
const URL: &str = "rtsp://10.0.0.1:8554/movie.Mjpeg";
const PATIENCE: Duration = Duration::from_secs(20);

fn options(max_clients: usize) -> Options<'static> {
    Options { settings: Settings::default(), rtsp_port: PORT, ..Options::new(max_clients) }
}

struct Stage<const CLIENTS: usize, G: Guard = Open> {
    network: Network,
    server: Server<'static, &'static Movie, CLIENTS, G>,
    movie: &'static Movie,
    next_port: u16,
    /// Players that go on reading while something is done with another one.
    background: Vec<Player>,
    address: IpAddr,
}

impl<const CLIENTS: usize> Stage<CLIENTS> {
    fn new(movie: Movie, options: Options<'static>) -> Self {
        Self::in_memory(leak(Storage::<CLIENTS>::new()).lend(), movie, options)
    }

    fn in_memory(memory: Memory<'static, CLIENTS>, movie: Movie, options: Options<'static>) -> Self {
        Self::guarded(memory, movie, Open, options)
    }
}

impl<const CLIENTS: usize, G: Guard> Stage<CLIENTS, G> {
    fn guarded(memory: Memory<'static, CLIENTS>, movie: Movie, guard: G, options: Options<'static>) -> Self {
        let mut network = Network::new(7);
        let movie: &'static Movie = leak(movie);
        let mut entropy = 0_u64;
        let entropy = leak(move || {
            entropy += 0x1234_5678_9abc_def1;
            entropy
        });
        let server = Server::guarded(&mut network.server.sockets, memory, movie, guard, options, entropy).unwrap();
        Self { network, server, movie, next_port: 50_000, background: Vec::new(), address: SERVER }
    }

    fn connect(&mut self) -> Player {
        self.next_port += 2;
        let mut player = Player::new(&mut self.network.client, self.next_port - 25_000);
        self.reconnect(&mut player);
        player
    }

    fn reconnect(&mut self, player: &mut Player) {
        self.next_port += 2;
        self.network.client.connect(player.control, self.address, PORT, self.next_port);
        assert!(
            self.run_until(player, Duration::from_secs(5), |host, player| {
                host.sockets.get::<tcp::Socket<'_>>(player.control).may_send()
            }),
            "no connection"
        );
    }

    /// Runs until `done`, and tells whether it came to that within `duration`.
    fn run_until(
        &mut self,
        player: &mut Player,
        duration: Duration,
        mut done: impl FnMut(&mut Host, &Player) -> bool,
    ) -> bool {
        let Self { network, server, background, .. } = self;
        network.run(
            duration,
            |now, Host { interface, sockets, device, .. }| server.poll(now, interface, device, sockets),
            |_, host| {
                player.pump(host);
                background.iter_mut().for_each(|player| player.pump(host));
                done(host, player)
            },
        )
    }

    fn run_for(&mut self, player: &mut Player, duration: Duration) {
        self.run_until(player, duration, |_, _| false);
    }

    fn frames(&mut self, player: &mut Player, count: usize) {
        assert!(
            self.run_until(player, PATIENCE, |_, player| player.frames.len() >= count),
            "{} frames of {count}",
            player.frames.len()
        );
    }

    /// The answer to one request.
    fn ask(&mut self, player: &mut Player, request: &str) -> String {
        player.say(&mut self.network.client, request.as_bytes());
        assert!(self.run_until(player, PATIENCE, |_, player| !player.answers.is_empty()), "no answer to {request}");
        player.answers.pop_front().unwrap()
    }

    fn ask_ok(&mut self, player: &mut Player, method: &str, url: &str, headers: &str) -> String {
        let answer = self.ask(player, &format!("{method} {url} RTSP/1.0\r\nCSeq: 3\r\n{headers}\r\n"));
        assert!(answer.starts_with("RTSP/1.0 200 OK\r\n"), "{method}: {answer}");
        answer
    }

    /// SETUP and PLAY; the header that names the session.
    fn play(&mut self, player: &mut Player, transport: &str) -> String {
        let answer = self.ask_ok(player, "SETUP", &format!("{URL}/trackID=0"), &format!("Transport: {transport}\r\n"));
        let id = answer.split_once("Session: ").unwrap().1.split(';').next().unwrap();
        let session = format!("Session: {id}\r\n");
        self.ask_ok(player, "PLAY", URL, &format!("{session}Range: npt=0.000-\r\n"));
        session
    }

    fn assert_frames_are_the_movies(&self, player: &Player) {
        for (number, frame) in player.frames.iter().enumerate() {
            assert!(frame == self.movie.scan(number), "frame {number}");
        }
    }

    fn states(&self) -> Vec<State> {
        self.server.clients().map(|client| client.state()).collect()
    }
}

fn udp_transport(player: &Player) -> String {
    format!("RTP/AVP;unicast;client_port={}-{}", player.rtp_port, player.rtp_port + 1)
}

const TCP: &str = "RTP/AVP/TCP;unicast;interleaved=0-1";

fn close(host: &mut Host, player: &Player) {
    host.sockets.get_mut::<tcp::Socket<'_>>(player.control).close();
}

fn is_over(host: &mut Host, player: &Player) -> bool {
    !host.sockets.get::<tcp::Socket<'_>>(player.control).may_recv()
}

#[test]
fn a_client_plays_over_udp_and_leaves_room_for_the_next_one() {
    let mut stage = Stage::<1>::new(Movie::new(60, 96), options(1));
    for _ in 0..2 {
        let player = &mut stage.connect();
        let public = stage.ask_ok(player, "OPTIONS", URL, "");
        assert!(public.contains("GET_PARAMETER"), "{public}");
        let sdp = stage.ask_ok(player, "DESCRIBE", URL, "Accept: application/sdp\r\n");
        assert!(sdp.contains("m=video 0 RTP/AVP 26"), "{sdp}");
        let transport = udp_transport(player);
        let session = stage.play(player, &transport);
        stage.frames(player, 30);
        assert_eq!(player.answered_before_media, Some(4));
        assert!(player.sequence.len() > 60, "each frame takes several packets");
        assert!(player.sequence.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)));
        assert!(player.senders.iter().all(|from| *from == SocketAddr::new(SERVER, 6970)));
        // A sender report came early (RFC 3550 section 6.4.1).
        assert_eq!(player.reports[0][1], 200);
        stage.ask_ok(player, "TEARDOWN", URL, &session);
        assert_eq!(stage.states(), [State::Init]);
        stage.assert_frames_are_the_movies(player);
        let got = player.sequence.len();
        stage.run_for(player, Duration::from_secs(1));
        assert_eq!(player.sequence.len(), got, "silence after TEARDOWN");
        close(&mut stage.network.client, player);
        stage.run_for(player, Duration::from_secs(1));
        assert_eq!(stage.states(), []);
    }
    assert_eq!(stage.server.discards(), 0);
}

#[test]
fn a_client_plays_at_the_port_that_it_punched_a_hole_from() {
    let mut stage = Stage::<1>::new(Movie::new(60, 96), options(1));
    let player = &mut stage.connect();
    let answer = stage.ask_ok(
        player,
        "SETUP",
        &format!("{URL}/trackID=0"),
        "Transport: RTP/AVP;unicast;client_port=61000-61001\r\n",
    );
    let id = answer.split_once("Session: ").unwrap().1.split(';').next().unwrap();
    player.punch(&mut stage.network.client, SocketAddr::new(SERVER, 6970));
    stage.run_for(player, Duration::from_millis(100));
    stage.ask_ok(player, "PLAY", URL, &format!("Session: {id}\r\n"));
    stage.frames(player, 30);
    stage.assert_frames_are_the_movies(player);
}

#[test]
fn a_client_plays_interleaved_to_the_end() {
    let mut stage = Stage::<1>::new(Movie::new(40, 64), options(1));
    for _ in 0..2 {
        let player = &mut stage.connect();
        let session = stage.play(player, TCP);
        stage.frames(player, 40);
        stage.assert_frames_are_the_movies(player);
        assert_eq!(player.answered_before_media, Some(2));
        assert!(player.senders.is_empty());
        // BYE (RFC 3550 section 6.6) at the end of the film.
        let is_bye = |report: &Vec<u8>| report.windows(2).any(|bytes| bytes == [0x81, 203]);
        assert!(stage.run_until(player, PATIENCE, |_, player| player.reports.last().is_some_and(is_bye)));
        assert_eq!(stage.states(), [State::Ready]);
        stage.ask_ok(player, "TEARDOWN", URL, &session);
        close(&mut stage.network.client, player);
        stage.run_for(player, Duration::from_secs(1));
    }
}

struct Bell(AtomicU32);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_source_that_has_a_frame_again_wakes_whoever_polls() {
    let bell = Arc::new(Bell(AtomicU32::new(0)));
    let waker: &'static Waker = leak(Waker::from(bell.clone()));
    let mut stage = Stage::<1>::new(Movie::new(120, 64), Options { waker, ..options(1) });
    *stage.movie.missing.borrow_mut() = Some((10, None));
    let player = &mut stage.connect();
    let transport = udp_transport(player);
    stage.play(player, &transport);
    stage.frames(player, 10);
    stage.run_for(player, Duration::from_secs(2));
    assert_eq!((player.frames.len(), bell.0.load(Ordering::Relaxed)), (10, 0));
    let (_, asked) = stage.movie.missing.borrow_mut().take().unwrap();
    asked.expect("the source was asked").wake();
    assert_eq!(bell.0.load(Ordering::Relaxed), 1);
    stage.frames(player, 30);
    // What was due meanwhile is left out: a film's times stay true.
    let mut numbers = 0..120;
    for frame in &player.frames {
        assert!(numbers.any(|number| frame == stage.movie.scan(number)), "a frame that is not the film's, or too late");
    }
    assert!(numbers.start >= 48 + 20, "frames were sent that had been due long before");
}

#[test]
fn loss_costs_frames_over_udp_and_none_is_damaged() {
    let movie = Movie::new(120, 64);
    let mut stage = Stage::<1>::new(movie, options(1));
    let player = &mut stage.connect();
    let transport = udp_transport(player);
    stage.play(player, &transport);
    stage.network.set_loss(50);
    stage.run_for(player, Duration::from_secs(6));
    assert!((40..120).contains(&player.frames.len()), "{} frames", player.frames.len());
    let mut numbers = 0..120;
    for frame in &player.frames {
        assert!(numbers.any(|number| frame == stage.movie.scan(number)), "a frame that is none");
    }
}

#[test]
fn loss_costs_time_interleaved_and_every_frame_that_comes_is_whole() {
    let mut stage = Stage::<1>::new(Movie::new(120, 64), options(1));
    let player = &mut stage.connect();
    stage.play(player, TCP);
    stage.network.set_loss(20);
    stage.run_for(player, Duration::from_secs(20));
    assert!(player.frames.len() > 20, "{} frames", player.frames.len());
    let mut numbers = 0..120;
    for frame in &player.frames {
        assert!(numbers.any(|number| frame == stage.movie.scan(number)), "a frame that is none");
    }
}

#[test]
fn a_device_with_room_for_two_frames_loses_nothing() {
    let mut stage = Stage::<1>::new(Movie::new(40, 160), options(1));
    stage.network.set_depth(2);
    let player = &mut stage.connect();
    let transport = udp_transport(player);
    stage.play(player, &transport);
    stage.frames(player, 40);
    stage.assert_frames_are_the_movies(player);
    assert!(player.sequence.len() > 40 * 8, "more packets a frame than the ring holds");
}

#[test]
fn a_frame_leaves_at_once_through_a_ring_that_is_shorter() {
    let mut stage = Stage::in_memory(leak(Storage::<1, 8192, 2>::new()).lend(), Movie::new(40, 160), options(1));
    let player = &mut stage.connect();
    let transport = udp_transport(player);
    stage.play(player, &transport);
    stage.frames(player, 40);
    stage.assert_frames_are_the_movies(player);
    let packets = player.sequence.len() / 40;
    assert!(packets >= 8, "{packets} packets a frame");
    assert!(stage.network.crowd() >= packets, "{} of {packets} packets at once", stage.network.crowd());
}

#[test]
fn packets_are_cut_to_fit_small_buffers() {
    let mut storage = leak(Storage::<1, 4096, 2>::new()).lend();
    storage.rtp = udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 2], vec![0; 700]);
    let mut stage = Stage::in_memory(storage, Movie::new(24, 32), options(1));
    for interleaved in [false, true] {
        let player = &mut stage.connect();
        let transport = if interleaved { TCP.to_string() } else { udp_transport(player) };
        stage.play(player, &transport);
        stage.frames(player, 24);
        stage.assert_frames_are_the_movies(player);
        assert!(player.longest <= 700 && player.longest > 600, "{}", player.longest);
        close(&mut stage.network.client, player);
        stage.run_for(player, Duration::from_secs(1));
    }
}

#[test]
fn media_comes_from_the_address_that_was_asked() {
    let mut stage = Stage::<1>::new(Movie::new(24, 96), options(1));
    for address in [SERVER, SERVER_V6] {
        stage.address = address;
        let player = &mut stage.connect();
        let transport = udp_transport(player);
        stage.play(player, &transport);
        stage.frames(player, 24);
        stage.assert_frames_are_the_movies(player);
        assert!(player.senders.iter().all(|from| *from == SocketAddr::new(address, 6970)), "{:?}", player.senders);
        close(&mut stage.network.client, player);
        stage.run_for(player, Duration::from_secs(1));
    }
}

#[test]
fn one_report_behind_a_burst_of_garbage_keeps_the_session_alive() {
    const RECEIVER_REPORT: [u8; 8] = [0x80, 201, 0, 1, 0, 0, 0, 9];
    let mut stage = Stage::<1>::new(Movie::new(24 * 200, 16), options(1));
    let player = &mut stage.connect();
    let transport = udp_transport(player);
    stage.play(player, &transport);
    for _ in 0..3 {
        stage.run_for(player, Duration::from_secs(50));
        // More than the server's ring holds, all there before it looks.
        for n in 0..20 {
            player.report(&mut stage.network.client, SocketAddr::new(SERVER, 6971), &[n; 5]);
        }
        player.report(&mut stage.network.client, SocketAddr::new(SERVER, 6971), &RECEIVER_REPORT);
        assert_eq!(stage.states(), [State::Playing]);
    }
    stage.run_for(player, Duration::from_secs(1));
    assert!(player.frames.len().abs_diff(24 * 151) <= 1, "{} frames", player.frames.len());
    // Without a report it ends after 60 s.
    stage.run_for(player, Duration::from_secs(60));
    assert_eq!(stage.states(), [State::Init]);
}

#[test]
fn clients_play_side_by_side_and_one_too_many_is_told_so() {
    let mut stage = Stage::<3>::new(Movie::new(48, 64), options(2));
    let mut first = stage.connect();
    let mut second = stage.connect();
    let transports = [udp_transport(&first), TCP.to_string()];
    stage.play(&mut first, &transports[0]);
    stage.play(&mut second, &transports[1]);
    stage.background.extend([first, second]);
    let mut third = stage.connect();
    let refused = stage.ask(&mut third, &format!("OPTIONS {URL} RTSP/1.0\r\nCSeq: 1\r\n\r\n"));
    assert!(refused.starts_with("RTSP/1.0 503 "), "{refused}");
    // It is shown the door, and pushed where it does not close.
    let reset = |host: &mut Host, player: &Player| {
        host.sockets.get::<tcp::Socket<'_>>(player.control).state() == tcp::State::Closed
    };
    assert!(stage.run_until(&mut third, PATIENCE, is_over));
    assert!(stage.run_until(&mut third, Duration::from_secs(2), reset));
    // While all sockets are taken, smoltcp resets.
    let mut fourth = stage.connect();
    let mut fifth = Player::new(&mut stage.network.client, 30_000);
    stage.network.client.connect(fifth.control, SERVER, PORT, 60_000);
    assert!(stage.run_until(&mut fifth, PATIENCE, reset));
    assert!(stage.run_until(&mut fourth, PATIENCE, is_over), "it has asked for nothing");
    for player in std::mem::take(&mut stage.background) {
        assert_eq!(player.frames.len(), 48);
        stage.assert_frames_are_the_movies(&player);
    }
}

#[test]
fn a_client_that_vanishes_is_gone_before_its_address_is_forgotten() {
    for transport in ["udp", TCP] {
        let mut stage = Stage::<1>::new(Movie::new(24 * 200, 16), options(1));
        let mut player = stage.connect();
        let transport = if transport == "udp" { udp_transport(&player) } else { transport.to_string() };
        stage.play(&mut player, &transport);
        stage.frames(&mut player, 10);
        stage.network.set_cut(true);
        stage.run_for(&mut player, Duration::from_secs(35));
        assert_eq!(stage.states(), [], "{transport}");
        stage.network.set_cut(false);
        let mut next = stage.connect();
        stage.play(&mut next, TCP);
        stage.frames(&mut next, 10);
        assert_eq!(stage.server.discards(), 0);
    }
}

#[test]
fn a_handshake_that_nobody_finishes_keeps_nobody_out_for_long() {
    let mut stage = Stage::<2>::new(Movie::new(24, 16), options(2));
    let ghosts = [30_000, 30_010].map(|port| Player::new(&mut stage.network.client, port));
    for ghost in &ghosts {
        stage.network.client.connect(ghost.control, SERVER, PORT, ghost.rtp_port + 2);
    }
    // Long enough for the address and for one frame there, too short for the answer to the answer.
    let mut idle = Player::new(&mut stage.network.client, 30_020);
    stage.run_for(&mut idle, Duration::from_micros(700));
    stage.network.set_cut(true);
    stage.run_for(&mut idle, Duration::from_secs(6));
    assert_eq!(stage.states(), []);
    for ghost in &ghosts {
        assert!(stage.network.client.sockets.get::<tcp::Socket<'_>>(ghost.control).may_send(), "it was answered");
        stage.network.client.sockets.remove(ghost.control);
    }
    stage.network.set_cut(false);
    let mut player = stage.connect();
    stage.play(&mut player, TCP);
    stage.frames(&mut player, 24);
}

#[test]
fn an_interruption_of_some_seconds_is_survived() {
    let mut stage = Stage::<1>::new(Movie::new(24 * 200, 16), options(1));
    let mut player = stage.connect();
    let transport = udp_transport(&player);
    stage.play(&mut player, &transport);
    stage.frames(&mut player, 10);
    stage.network.set_cut(true);
    stage.run_for(&mut player, Duration::from_secs(8));
    stage.network.set_cut(false);
    let before = player.frames.len();
    stage.frames(&mut player, before + 24);
    assert_eq!(stage.states(), [State::Playing]);
}

#[test]
fn a_client_that_pauses_in_the_middle_of_a_picture_gives_its_buffer_back() {
    const URL: &str = "rtsp://10.0.0.1:8554/camera";
    let movie = Movie::new(1, 256);
    assert!(movie.frame(0).len() > 20_000, "longer than all that is on its way");
    let rate = FrameRate::new(24, 1).unwrap();
    let live = Live::new("camera", rate, (256, 256), [vec![0; 200_000]]);
    let live: &'static Live<'static, Vec<u8>, 1> = leak(live);
    let publish = |now| {
        let picture = movie.frame(0);
        let fill = |out: &mut [u8]| {
            out[..picture.len()].copy_from_slice(picture);
            Ok::<_, ()>(picture.len())
        };
        live.publish(now, fill).unwrap()
    };
    let mut network = Network::new(9);
    let storage = leak(Storage::<1>::new()).lend();
    let mut server = Server::new(&mut network.server.sockets, storage, live, options(1), leak(|| 7_u64)).unwrap();
    let mut player = Player::new(&mut network.client, 25_000);
    network.client.connect(player.control, SERVER, PORT, 50_000);
    let mut run = |network: &mut Network, player: &mut Player, reads: bool, done: &dyn Fn(&Host, &Player) -> bool| {
        network.run(
            Duration::from_secs(2),
            |now, Host { interface, sockets, device, .. }| server.poll(now, interface, device, sockets),
            |_, host| {
                if reads {
                    player.pump(host);
                }
                done(host, player)
            },
        )
    };
    let connected = |host: &Host, player: &Player| host.sockets.get::<tcp::Socket<'_>>(player.control).may_send();
    assert!(run(&mut network, &mut player, true, &connected));
    let answered = |_: &Host, player: &Player| !player.answers.is_empty();
    let mut session = String::new();
    for (method, headers) in [("SETUP", format!("Transport: {TCP}\r\n")), ("PLAY", String::new())] {
        let request = format!("{method} {URL} RTSP/1.0\r\nCSeq: 1\r\n{session}{headers}\r\n");
        player.say(&mut network.client, request.as_bytes());
        assert!(run(&mut network, &mut player, true, &answered), "{method}");
        let answer = player.answers.pop_front().unwrap();
        let id = answer.split_once("Session: ").unwrap().1.split([';', '\r']).next().unwrap();
        session = format!("Session: {id}\r\n");
    }
    assert!(publish(network.now));
    // It does not read; then it has had enough.
    run(&mut network, &mut player, false, &|_, _| false);
    assert!(!publish(network.now), "it is being sent");
    player.say(&mut network.client, format!("PAUSE {URL} RTSP/1.0\r\nCSeq: 2\r\n{session}\r\n").as_bytes());
    assert!(run(&mut network, &mut player, true, &answered));
    assert!(player.frames.is_empty(), "the picture had left");
    assert!(publish(network.now));
}

#[test]
fn a_client_that_has_closed_its_half_still_gets_its_answer() {
    let mut stage = Stage::<1>::new(Movie::new(1, 16), options(1));
    for _ in 0..3 {
        let player = &mut stage.connect();
        player.say(&mut stage.network.client, format!("OPTIONS {URL} RTSP/1.0\r\nCSeq: 1\r\n\r\n").as_bytes());
        close(&mut stage.network.client, player);
        assert!(stage.run_until(player, Duration::from_secs(2), |_, player| player.answers.len() == 1));
        assert!(stage.run_until(player, Duration::from_secs(2), is_over));
        stage.run_for(player, Duration::from_millis(100));
        assert_eq!(stage.states(), []);
    }
}

#[test]
fn a_lab_client_gets_frames_whole_where_they_fit_the_link_and_otherwise_in_parts() {
    for (size, fits) in [(32, true), (96, false)] {
        let mut stage = Stage::<1>::new(Movie::new(24, size), options(1));
        let player = &mut stage.connect();
        player.lab = true;
        let port = player.rtp_port;
        let setup = format!("SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= {port}");
        let answer = stage.ask(player, &setup);
        let lines: Vec<&str> = answer.lines().collect();
        assert_eq!(lines[..2], ["RTSP/1.0 200 OK", "CSeq: 1"]);
        let play = format!("PLAY movie.Mjpeg RTSP/1.0\nCSeq: 2\n{}", lines[2]);
        assert!(stage.ask(player, &play).starts_with("RTSP/1.0 200 OK\nCSeq: 2\n"));
        stage.run_for(player, Duration::from_secs(2));
        assert_eq!(player.frames.len(), 24);
        for (number, frame) in player.frames.iter().enumerate() {
            assert!(frame == stage.movie.frame(number));
        }
        // Parts have the number of their frame.
        let mut numbers = player.sequence.clone();
        assert_eq!(numbers.len() == 24, fits);
        numbers.dedup();
        assert_eq!(numbers, (1..=24).collect::<Vec<_>>());
        assert!(player.longest <= 1472, "{} bytes", player.longest);
    }
}

/// Anna's answer to the challenge in an answer 401.
fn authorization(answer: &str, password: &str, method: &str, url: &str) -> String {
    assert!(answer.starts_with("RTSP/1.0 401 Unauthorized\r\n"), "{answer}");
    let challenges: Vec<&str> = answer.lines().filter_map(|line| line.strip_prefix("WWW-Authenticate: ")).collect();
    assert!(challenges.iter().all(|value| value.starts_with("Digest realm=\"camera\", nonce=\"")), "{challenges:?}");
    let credentials = Credentials::new("anna", password).unwrap();
    let mut authenticator = Authenticator::new(credentials, Basic::Refused, 7);
    authenticator.handle_challenges(challenges).unwrap();
    format!("Authorization: {}\r\n", authenticator.authorize(method, url).unwrap())
}

#[test]
fn a_guarded_server_asks_for_a_password_and_takes_the_right_one() {
    static KEY: Key = Key::new([7; 32]);
    let guard = Password::new(&KEY, "camera", "anna", "right");
    let mut stage = Stage::guarded(leak(Storage::<2>::new()).lend(), Movie::new(24, 32), guard, options(2));
    let player = &mut stage.connect();
    stage.ask_ok(player, "OPTIONS", URL, "");
    let describe = |headers: &str| format!("DESCRIBE {URL} RTSP/1.0\r\nCSeq: 3\r\n{headers}\r\n");
    let challenged = stage.ask(player, &describe(""));
    let answer = stage.ask(player, &describe(&authorization(&challenged, "wrong", "DESCRIBE", URL)));
    assert!(answer.starts_with("RTSP/1.0 401 ") && !answer.contains("stale"), "{answer}");
    // What is not there is no secret of the server's, until somebody has proven who they are.
    let nothing = "rtsp://10.0.0.1:8554/nothing";
    let answer = stage.ask(player, &format!("DESCRIBE {nothing} RTSP/1.0\r\nCSeq: 3\r\n\r\n"));
    assert!(answer.starts_with("RTSP/1.0 401 "), "{answer}");

    // A nonce is good for five minutes, and for longer on no other connection than the one that has used it.
    close(&mut stage.network.client, player);
    let right = authorization(&challenged, "right", "DESCRIBE", URL);
    let player = &mut stage.connect();
    stage.ask_ok(player, "DESCRIBE", URL, &right);
    close(&mut stage.network.client, player);
    stage.run_for(player, Duration::from_secs(301));
    let player = &mut stage.connect();
    let challenged = stage.ask(player, &describe(&right));
    assert!(challenged.contains("stale=\"TRUE\""), "{challenged}");
    stage.ask_ok(player, "DESCRIBE", URL, &authorization(&challenged, "right", "DESCRIBE", URL));

    // Who has proven it on this connection need not do so again.
    stage.play(player, TCP);
    stage.frames(player, 24);
    stage.assert_frames_are_the_movies(player);
    // Others have to, and the lab's client cannot.
    let mut lab = stage.connect();
    lab.lab = true;
    let setup = "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000";
    let answer = stage.ask(&mut lab, setup);
    assert!(answer.starts_with("RTSP/1.0 401 Unauthorized\nCSeq: 1\n"), "{answer}");
}

#[test]
fn shutting_down_says_bye_and_frees_every_socket() {
    let mut stage = Stage::<2>::new(Movie::new(100, 16), options(2));
    let mut player = stage.connect();
    let transport = udp_transport(&player);
    stage.play(&mut player, &transport);
    stage.frames(&mut player, 5);
    let now = stage.network.now;
    stage.server.shut_down(now);
    assert!(!stage.server.is_stopped(&stage.network.server.sockets));
    assert!(stage.run_until(&mut player, PATIENCE, is_over));
    assert_eq!(player.reports.last().map(|report| report.windows(2).any(|bytes| bytes == [0x81, 203])), Some(true));
    close(&mut stage.network.client, &player);
    stage.run_for(&mut player, Duration::from_secs(3));
    assert!(stage.server.is_stopped(&stage.network.server.sockets));
    stage.network.client.connect(player.control, SERVER, PORT, 61_000);
    assert!(!stage.run_until(&mut player, Duration::from_secs(3), |host, player| {
        host.sockets.get::<tcp::Socket<'_>>(player.control).may_send()
    }));
}

#[test]
fn an_idle_server_asks_for_nothing() {
    let mut stage = Stage::<2>::new(Movie::new(1, 16), options(2));
    let Host { interface, sockets, device, .. } = &mut stage.network.server;
    assert_eq!(stage.server.poll(Instant::from_millis(5), interface, device, sockets), None);
}

#[test]
fn ports_that_cannot_be_are_refused() {
    for (rtsp, udp) in [(0, (6970, 6971)), (8554, (0, 6971)), (8554, (6970, 0)), (8554, (6970, 6970))] {
        let mut network = Network::new(1);
        let mut options = options(1);
        options.rtsp_port = rtsp;
        options.settings.server_port = udp;
        let (movie, storage) = (Movie::new(1, 16), leak(Storage::<1>::new()));
        let server = Server::new(&mut network.server.sockets, storage.lend(), movie, options, leak(|| 1_u64));
        assert!(matches!(server, Err(InvalidPort { .. })));
    }
}
