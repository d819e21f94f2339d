//! Media that are encrypted on their way to one viewer, whatever the transport and whoever brings the key.

use core::convert::Infallible;
use embedded_io::{Read, ReadReady, Write};
use mutoscope::io::Datagram;
use mutoscope::io::server::{Addresses, Context, Guard, Peer, Settings, Sockets, Verdict, Visit};
use mutoscope::player::Event;
use mutoscope::rtp::receiver::{Config, Receiver};
use mutoscope::session::server::Asking;
use mutoscope::session::{Dialect, KeyExchange, MediaTransport, Secrecy};
use mutoscope::srtp::{Keys, Mki, Opener, Sealer};
use mutoscope::time::{Duration, Instant, NtpTime};
use mutoscope::wire::mikey;
use mutoscope::wire::rtsp::headers::KeyMgmt;
use mutoscope::wire::sdp::Sdp;
use mutoscope_tests::film::{Film, Films, ListedFilm, carried, pictures};
use mutoscope_tests::net::{Faults, Network, SimulatedTcp, SimulatedUdp};
use mutoscope_tests::real_client::{self, RealClient, TCP, UDP};
use mutoscope_tests::world::{SERVER, SERVER_PORT, settings};
use std::net::SocketAddr;
use std::task::Waker;

/// A guard that lets everybody in, and decides how media travel.
struct Usher(Secrecy);

struct Seat;

impl Guard for Usher {
    type Visit = Seat;
    type Challenge = Infallible;

    fn visit(&self, _: SocketAddr, _: bool) -> Seat {
        Seat
    }

    fn judge(&self, _: &mut Seat, _: Instant, _: &Asking<'_>, _: &Waker) -> Verdict {
        Verdict::Allowed(self.0)
    }

    fn challenges(&self, _: &Seat, _: Instant, _: bool) -> impl IntoIterator<Item = Infallible> {
        []
    }
}

impl Visit for Seat {
    type Home<T> = Box<T>;

    fn stream_key(&self) -> Option<[u8; 30]> {
        Some(core::array::from_fn(|at| at as u8))
    }
}

const REQUIRED: Secrecy = Secrecy { exchange: Some(KeyExchange::Mikey), plain_udp: false, plain_tcp: false };
const VIEWER: [u8; 4] = [10, 0, 0, 7];
const PORTS: (u16, u16) = (25_000, 25_001);

/// A server with one viewer.
struct Scene {
    network: Network,
    films: Films,
    usher: Usher,
    settings: Settings<'static>,
    peer: Peer<Vec<u8>, ListedFilm, Usher>,
    control: SimulatedTcp,
    sockets: (SimulatedUdp, SimulatedUdp),
    viewer: SimulatedTcp,
    inboxes: (SimulatedUdp, SimulatedUdp),
    cseq: u32,
    session: String,
    /// Bytes of the control connection that are not answers.
    interleaved: Vec<u8>,
}

impl Scene {
    fn new(secrecy: Secrecy) -> Self {
        Self::with(secrecy, Faults::default(), film())
    }

    fn with(secrecy: Secrecy, faults: Faults, film: Film) -> Self {
        let network = Network::new(7, Faults { latency: Duration::from_millis(1), ..faults });
        let (viewer, control) = network.connect(1 << 20);
        let bind = |host: [u8; 4], port| network.bind(SocketAddr::from((host, port)));
        let (settings, address) = (settings(), SocketAddr::from((VIEWER, 4000)));
        let addresses = Addresses { peer: address, local: None };
        let peer = Peer::guarded(network.now(), addresses, vec![0; 4096], vec![0; 32_768], 0x5EED, &settings, Seat);
        Self {
            films: Films(vec![film]),
            usher: Usher(secrecy),
            settings,
            peer,
            control,
            sockets: (bind(SERVER, SERVER_PORT.0), bind(SERVER, SERVER_PORT.1)),
            viewer,
            inboxes: (bind(VIEWER, PORTS.0), bind(VIEWER, PORTS.1)),
            cseq: 0,
            session: String::new(),
            interleaved: Vec::new(),
            network,
        }
    }

    fn service(&mut self) {
        let now = self.network.now();
        while let Ok(Some(())) = self.sockets.1.recv(|meta, report| {
            self.peer.handle_rtcp(now, meta.from, report);
        }) {}
        let context = Context::new(now, Waker::noop(), &self.settings);
        let (rtp, rtcp) = &mut self.sockets;
        let sockets = Sockets { control: &mut self.control, rtp, rtcp };
        let _ = self.peer.service_guarded::<16, _, _, _, _>(context, sockets, &self.films, &self.usher);
    }

    /// Lets time pass in steps of a millisecond.
    fn run(&mut self, millis: u64) {
        for _ in 0..millis {
            let next = self.network.now().after(Duration::from_millis(1));
            self.network.advance_to(next);
            self.service();
        }
    }

    /// The real client, in place of the viewer.
    fn client(&mut self, transport: MediaTransport) -> RealClient {
        let viewer = std::mem::replace(&mut self.viewer, self.network.connect(1).0);
        RealClient::new(&self.network, VIEWER[3], viewer, real_client::settings(Dialect::Standard, transport))
    }

    /// Lets time pass, in which the client plays.
    fn watch(&mut self, client: &mut RealClient, millis: u64) {
        for _ in 0..millis {
            self.run(1);
            client.service(self.network.now());
        }
    }

    fn read(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        while self.viewer.read_ready().unwrap() {
            match self.viewer.read(&mut buffer).unwrap() {
                0 => break,
                len => bytes.extend_from_slice(&buffer[..len]),
            }
        }
        bytes
    }

    /// The answer to a request, without the media behind it.
    fn ask(&mut self, method: &str, url: &str, headers: &str) -> String {
        self.cseq += 1;
        let session = &self.session;
        let request = format!("{method} {url} RTSP/1.0\r\nCSeq: {}\r\n{session}{headers}\r\n", self.cseq);
        self.viewer.write_all(request.as_bytes()).unwrap();
        self.run(5);
        let bytes = self.read();
        let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a whole answer") + 4;
        let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
        let length = text.split("Content-Length: ").nth(1).and_then(|rest| rest.split('\r').next()?.parse().ok());
        let end = head + length.unwrap_or(0);
        self.interleaved.extend_from_slice(&bytes[end..]);
        if let Some(session) = text.split("Session: ").nth(1) {
            self.session = format!("Session: {}\r\n", session.split([';', '\r']).next().unwrap());
        }
        String::from_utf8(bytes[..end].to_vec()).unwrap()
    }

    fn setup(&mut self, transport: &str, more: &str) -> String {
        self.ask("SETUP", &format!("{URL}/trackID=0"), &format!("Transport: {transport}\r\n{more}"))
    }

    /// The key in the description.
    fn described(&mut self) -> mikey::Message {
        let answer = self.ask("DESCRIBE", URL, "");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let video = Sdp::new(body.as_bytes()).video().unwrap();
        assert!(video.is_secure && body.contains("m=video 0 RTP/SAVP 26"));
        mikey::Message::parse_base64(video.mikey.unwrap()).unwrap()
    }

    /// What came over UDP: media and reports.
    fn datagrams(&mut self) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let take = |inbox: &mut SimulatedUdp| {
            let mut all = Vec::new();
            while let Ok(Some(packet)) = inbox.recv(|_, packet| packet.to_vec()) {
                all.push(packet);
            }
            all
        };
        (take(&mut self.inboxes.0), take(&mut self.inboxes.1))
    }

    /// What came on the control connection: media and reports.
    fn packets(&mut self) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let more = self.read();
        self.interleaved.extend(more);
        let (mut rest, mut channels) = (&self.interleaved[..], [Vec::new(), Vec::new()]);
        while let [b'$', channel, high, low, tail @ ..] = rest {
            let len = usize::from(u16::from_be_bytes([*high, *low]));
            channels[usize::from(*channel)].push(tail[..len].to_vec());
            rest = &tail[len..];
        }
        assert!(rest.is_empty());
        self.interleaved.clear();
        channels.into()
    }
}

const URL: &str = "rtsp://10.0.0.1/movie.Mjpeg";

const FRAMES: usize = 10;

fn film() -> Film {
    Film::new("movie.Mjpeg", pictures(FRAMES), 24)
}

fn keys(message: &mikey::Message) -> Keys {
    Keys::from_bytes(&message.key).unwrap().with_mki(Mki::new(&message.spi).unwrap())
}

/// How many whole pictures of the film there are in packets, each of which is asserted to be one.
fn pictures_in(packets: &[Vec<u8>]) -> usize {
    let film = film();
    let mut receiver: Receiver<_, 2> = Receiver::new([[0_u8; 20_000]; 2], 1, Config::default());
    let now = Instant::from_millis(1);
    let mut count = 0;
    for packet in packets {
        receiver.handle_packet(now, packet).expect("it is a packet");
        while receiver.poll_frame(now).is_some() {
            let frame = carried(receiver.frame());
            assert!(film.frames.iter().any(|picture| carried(picture) == frame), "a picture that is none");
            count += 1;
        }
    }
    count
}

/// The packets, opened.
fn opened(opener: &mut Opener, packets: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let open = |mut packet: Vec<u8>| {
        let len = opener.open(&mut packet).expect("it is sealed with the key");
        packet.truncate(len);
        packet
    };
    packets.into_iter().map(open).collect()
}

/// How many windows of 16 bytes of the film's scans there are in packets.
fn windows_in_the_clear(packets: &[Vec<u8>]) -> usize {
    let scans: Vec<Vec<u8>> = film().frames.iter().map(|picture| carried(picture).0).collect();
    let known: std::collections::HashSet<&[u8]> = scans.iter().flat_map(|scan| scan.windows(16)).collect();
    packets.iter().flat_map(|packet| packet.windows(16)).filter(|window| known.contains(window)).count()
}

#[test]
fn whoever_has_the_described_key_sees_every_picture_and_nobody_else_anything() {
    for (transport, is_udp) in
        [("RTP/SAVP;unicast;client_port=25000-25001", true), ("RTP/SAVP/TCP;unicast;interleaved=0-1", false)]
    {
        let mut scene = Scene::new(REQUIRED);
        let message = scene.described();
        let answer = scene.setup(transport, "");
        assert!(answer.starts_with("RTSP/1.0 200 OK") && answer.contains("Transport: RTP/SAVP"), "{answer}");
        assert!(answer.contains(&format!("ssrc={:08X}", message.ssrc)), "the key is for this source: {answer}");
        scene.ask("PLAY", URL, "");
        scene.run(2_000);
        let (media, reports) = if is_udp { scene.datagrams() } else { scene.packets() };
        assert_eq!(windows_in_the_clear(&media), 0);
        let mut opener = Opener::new(&keys(&message));
        let media = opened(&mut opener, media);
        assert!(windows_in_the_clear(&media) > 1000, "the test finds what is in the clear");
        assert_eq!(pictures_in(&media), FRAMES, "{transport}");
        for mut report in reports {
            let len = opener.open_report(&mut report).expect("reports are sealed, too");
            assert_eq!(report[1], 200, "{len} bytes of a sender's report");
        }
    }
}

#[test]
fn a_client_may_bring_a_key_with_a_name() {
    let mut scene = Scene::new(REQUIRED);
    let described = scene.described();
    let mut own = mikey::Message { ssrc: 0, rollover: 0, key: [9; 30], spi: Default::default() };
    own.spi.extend_from_slice(b"\0\0\0\x05").unwrap();
    let data = mikey::Emitted { message: &own, time: NtpTime::from_bits(7), random: [1; 16] };
    let header = format!("KeyMgmt: {}\r\n", KeyMgmt { uri: URL, data });
    let answer = scene.setup("RTP/SAVP/TCP;unicast;interleaved=0-1", &header);
    assert!(answer.starts_with("RTSP/1.0 200 OK"), "{answer}");
    scene.ask("PLAY", URL, "");
    scene.run(1_000);
    let (media, _) = scene.packets();
    assert!(Opener::new(&keys(&described)).open(&mut media[0].clone()).is_err());
    assert_eq!(pictures_in(&opened(&mut Opener::new(&keys(&own)), media)), FRAMES);
    let broken = "KeyMgmt: prot=mikey;uri=\"x\";data=\"AQAF\"\r\n";
    let answer = scene.setup("RTP/SAVP/TCP;unicast;interleaved=0-1", broken);
    assert!(answer.starts_with("RTSP/1.0 463 Key management failure"), "{answer}");
}

#[test]
fn ffmpeg_s_way_is_a_key_in_the_description_and_a_plain_profile() {
    let mut scene = Scene::new(Secrecy { exchange: Some(KeyExchange::Sdes), ..REQUIRED });
    let answer = scene.ask("DESCRIBE", URL, "");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let crypto = Sdp::new(body.as_bytes()).video().unwrap().crypto.unwrap();
    let answer = scene.setup("RTP/AVP;unicast;client_port=25000-25001", "");
    assert!(answer.contains("Transport: RTP/AVP;unicast"), "{answer}");
    scene.ask("PLAY", URL, "");
    scene.run(1_000);
    let (media, _) = scene.datagrams();
    let mut opener = Opener::new(&Keys::from_bytes(&crypto.key).unwrap());
    assert_eq!(pictures_in(&opened(&mut opener, media)), FRAMES);
}

#[test]
fn media_do_not_travel_in_the_clear_where_they_must_not_and_not_sealed_where_nobody_could_open_them() {
    let closed = |secrecy, transport: &str| {
        let mut scene = Scene::new(secrecy);
        scene.setup(transport, "").split(' ').nth(1).map(str::to_owned)
    };
    let status = |status: &str| Some(status.to_owned());
    assert_eq!(closed(REQUIRED, "RTP/AVP;unicast;client_port=25000-25001"), status("461"));
    assert_eq!(closed(REQUIRED, "RTP/AVP/TCP;unicast;interleaved=0-1"), status("461"));
    assert_eq!(closed(Secrecy::NONE, "RTP/SAVP/TCP;unicast;interleaved=0-1"), status("461"));
    assert_eq!(closed(REQUIRED, "RTP/SAVP/TCP;unicast;interleaved=0-1"), status("463"), "there was no description");
    let both = "RTP/AVP;unicast;client_port=25000-25001,RTP/SAVP/TCP;unicast;interleaved=0-1";
    let mut scene = Scene::new(REQUIRED);
    scene.described();
    assert!(scene.setup(both, "").contains("Transport: RTP/SAVP/TCP"), "the first that may be");
}

#[test]
fn a_setup_that_fails_leaves_what_was_set_up_as_it_was() {
    let mut scene = Scene::new(REQUIRED);
    scene.films.0.push(Film::new("other.Mjpeg", pictures(2), 24));
    let message = scene.described();
    let transport = "RTP/SAVP;unicast;client_port=25000-25001";
    assert!(scene.setup(transport, "").starts_with("RTSP/1.0 200 OK"));
    let broken = format!("Transport: {transport}\r\nKeyMgmt: prot=mikey;uri=\"x\";data=\"AQAF\"\r\n");
    let answer = scene.ask("SETUP", "rtsp://10.0.0.1/other.Mjpeg/trackID=0", &broken);
    assert!(answer.starts_with("RTSP/1.0 463 Key management failure"), "{answer}");
    assert!(scene.ask("PLAY", URL, "").starts_with("RTSP/1.0 200 OK"));
    scene.run(1_000);
    let (media, _) = scene.datagrams();
    assert_eq!(windows_in_the_clear(&media), 0);
    assert_eq!(pictures_in(&opened(&mut Opener::new(&keys(&message)), media)), FRAMES);
}

#[test]
fn no_key_seals_two_packets_of_one_number_however_often_a_stream_is_set_up() {
    let mut scene = Scene::new(Secrecy { plain_udp: true, plain_tcp: true, ..REQUIRED });
    scene.described();
    let (secure, plain) = ("RTP/SAVP;unicast;client_port=25000-25001", "RTP/AVP;unicast;client_port=25000-25001");
    let mut own = mikey::Message { ssrc: 0, rollover: 0, key: [9; 30], spi: Default::default() };
    own.spi.extend_from_slice(b"\0\0\0\x05").unwrap();
    let data = mikey::Emitted { message: &own, time: NtpTime::from_bits(7), random: [1; 16] };
    let header = format!("KeyMgmt: {}\r\n", KeyMgmt { uri: URL, data });
    let mut numbers = std::collections::HashSet::new();
    for (transport, key) in
        [(secure, ""), (plain, ""), (secure, ""), (secure, &*header), (secure, ""), (secure, &header)]
    {
        let answer = scene.setup(transport, key);
        assert!(answer.starts_with("RTSP/1.0 200 OK"), "{answer}");
        scene.ask("PLAY", URL, "Range: npt=0-\r\n");
        scene.run(100);
        scene.ask("PAUSE", URL, "");
        let (media, reports) = scene.datagrams();
        assert!(!media.is_empty() && !reports.is_empty());
        if transport == plain {
            continue;
        }
        let mki = if key.is_empty() { 0 } else { 4 };
        for report in reports {
            let number = &report[report.len() - 14 - mki..][..4];
            assert!(numbers.insert((mki, report[4..8].to_vec(), number.to_vec())), "a report's keystream comes twice");
        }
    }
}

#[test]
fn only_sealed_reports_keep_a_session_that_is_encrypted_alive() {
    for (is_sealed, is_alive) in [(true, true), (false, false)] {
        let mut scene = Scene::new(REQUIRED);
        let message = scene.described();
        scene.setup("RTP/SAVP;unicast;client_port=25000-25001", "");
        scene.ask("PLAY", URL, "Range: npt=0-\r\n");
        let mut sealer = Sealer::new(&keys(&message));
        for _ in 0..9 {
            scene.run(8_000);
            let report = [0x80, 201, 0, 1, 0, 0, 0, 7];
            let mut packet = [0; 64];
            let len = sealer.seal_report(&report, &mut packet).unwrap();
            let packet = if is_sealed { &packet[..len] } else { &report[..] };
            let to = SocketAddr::from((SERVER, SERVER_PORT.1));
            let transmit = mutoscope::io::Transmit { to, from: None, segments: &[packet], segment_size: None };
            scene.inboxes.1.send(&transmit).unwrap();
        }
        assert_eq!(scene.peer.state() != mutoscope::session::State::Init, is_alive);
    }
}

const WAYS: [(KeyExchange, MediaTransport); 4] =
    [(KeyExchange::Mikey, UDP), (KeyExchange::Mikey, TCP), (KeyExchange::Sdes, UDP), (KeyExchange::Sdes, TCP)];

#[test]
fn our_client_sees_every_picture_however_the_key_is_told_and_media_travel() {
    for (exchange, transport) in WAYS {
        let mut scene = Scene::new(Secrecy { exchange: Some(exchange), ..REQUIRED });
        let mut client = scene.client(transport);
        scene.watch(&mut client, 1_500);
        let numbers: Vec<usize> = (0..FRAMES).collect();
        assert_eq!(client.numbers(&film()), numbers, "{exchange:?} {transport:?}: {:?}", client.events);
        assert!(client.saw(|event| matches!(event, Event::EndOfStream { announced: true })), "BYE is sealed");
    }
}

#[test]
fn what_is_lost_forged_doubled_or_overtaken_harms_no_other_picture() {
    let reordering_delay = Duration::from_millis(20);
    let faults =
        Faults { loss: 10, duplication: 50, reordering: 200, reordering_delay, corruption: 5, ..Faults::default() };
    let film = Film::new("movie.Mjpeg", pictures(100), 24);
    let mut scene = Scene::with(REQUIRED, faults, film.clone());
    let mut client = scene.client(UDP);
    scene.watch(&mut client, 5_000);
    let seen = client.numbers(&film).len();
    assert!((70..100).contains(&seen), "{seen} of 100");
}

#[test]
fn a_forged_packet_costs_nothing() {
    let mut scene = Scene::new(REQUIRED);
    let mut client = scene.client(UDP);
    for number in 0..1_500_u16 {
        scene.watch(&mut client, 1);
        // A packet that the stream may have next, and the end of the stream.
        let [high, low] = number.wrapping_mul(31).to_be_bytes();
        let packet = [&[0x80, 26, high, low][..], &[7; 60]].concat();
        let bye = [&[0x80, 203, 0, 1][..], &[7; 26]].concat();
        for (socket, port, packet) in [(&mut scene.sockets.0, PORTS.0, packet), (&mut scene.sockets.1, PORTS.1, bye)] {
            let to = SocketAddr::from((VIEWER, port));
            let transmit = mutoscope::io::Transmit { to, from: None, segments: &[&packet], segment_size: None };
            socket.send(&transmit).unwrap();
        }
    }
    assert_eq!(client.numbers(&film()), (0..FRAMES).collect::<Vec<_>>());
    assert_eq!(client.statistics().lost, 0);
}

#[test]
fn sequence_numbers_begin_anew_and_nobody_notices() {
    let mut film = Film::new("movie.Mjpeg", pictures(5), 1000);
    film.live = true;
    let mut scene = Scene::with(REQUIRED, Faults::default(), film.clone());
    let mut client = scene.client(UDP);
    let known: std::collections::HashSet<_> = film.frames.iter().map(|picture| carried(picture)).collect();
    let (mut seen, mut received) = (0, 0);
    scene.watch(&mut client, 100);
    let first = client.events.iter().find_map(|(_, event)| match event {
        Event::Playing { answer, .. } => answer.sequence,
        _ => None,
    });
    let first = u64::from(first.expect("PLAY is answered"));
    while first + received < (1 << 16) + 1_000 {
        scene.watch(&mut client, 100);
        for frame in client.frames.drain(..) {
            // Every one of them would take long.
            assert!(seen % 16 > 0 || known.contains(&carried(&frame.jpeg)), "a picture that is none");
            seen += 1;
        }
        received = client.statistics().packets;
    }
    assert!(seen > received / 8 && client.statistics().lost == 0, "{seen} pictures of {received} packets");
}
