//! Several loops of one server: each client is at one of them, and none can tell at which.
//!
//! Connections are dealt out in turn, and requests are answered only after what came before them has been handed over, so nothing here
//! has to wait for luck.

mod support;

use std::io::Read;
use std::net::{SocketAddr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use mutoscope::jpeg::Layout;
use mutoscope::media::FrameRate;
use mutoscope::media::catalogue::Catalogue;
use mutoscope::rtp::fragment::{Fragments, jpeg};
use mutoscope::rtp::packet::Packet;
use mutoscope::rtp::sender::Sender;
use mutoscope::wire::rtcp::{self, Compound, Emitter, ReportBlock};
use mutoscope::wire::rtp;
use mutoscope::wire::rtp_jpeg::Payload;
use mutoscope::wire::url::Path;
use mutoscope_std::input::Push;
use mutoscope_std::media::{Library, Policy};
use mutoscope_std::server::{Options, Server, StopHandle};
use support::{Client, Folder, PATIENCE, Running, film, options};

const LOOPS: usize = 3;
const TCP: &str = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";

fn rate(frames: u32) -> FrameRate {
    FrameRate::new(frames, 1).unwrap()
}

/// The part of a picture that packets carry as it is.
fn scan(jpeg: &[u8]) -> Vec<u8> {
    Layout::parse(jpeg).unwrap().scan.of(jpeg).to_vec()
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn port(socket: &UdpSocket) -> u16 {
    socket.local_addr().unwrap().port()
}

/// A datagram that waits.
fn waiting(socket: &UdpSocket) -> Option<Vec<u8>> {
    socket.set_nonblocking(true).unwrap();
    let mut datagram = vec![0; 2048];
    let received = socket.recv(&mut datagram).ok();
    socket.set_nonblocking(false).unwrap();
    datagram.truncate(received?);
    Some(datagram)
}

fn datagram(socket: &UdpSocket) -> Vec<u8> {
    let mut datagram = vec![0; 2048];
    let len = socket.recv(&mut datagram).expect("a datagram comes");
    datagram.truncate(len);
    datagram
}

fn is_bye(compound: &[u8]) -> bool {
    Compound::new_checked(compound).unwrap().any(|packet| matches!(packet, rtcp::Packet::Goodbye(_)))
}

/// One client at each loop, which is asked whether its loop has done what was to be done.
struct Probes([Client; LOOPS]);

impl Probes {
    /// They have to be the first who connect.
    fn new(server: SocketAddr) -> Self {
        Self([(); LOOPS].map(|()| Client::connect(server, "probe")))
    }

    /// All datagrams that were sent are where they belong: one loop has read them, all have been asked, and the one whose they are
    /// has been told.
    fn settle(&mut self) {
        for _ in 0..3 {
            self.0.iter_mut().for_each(|probe| assert_eq!(probe.ask("OPTIONS", "").status, 200));
        }
    }
}

/// A client with a session, and its sockets; those over TCP have them for nothing.
struct Viewer {
    client: Client,
    session: String,
    rtp: UdpSocket,
    rtcp: UdpSocket,
    /// The server's.
    ports: (u16, u16),
    is_over_tcp: bool,
}

impl Viewer {
    fn set_up(mut client: Client, is_over_tcp: bool, mode: &str) -> Self {
        let (rtp, rtcp) = (socket(), socket());
        let transport = if is_over_tcp {
            TCP.to_owned()
        } else {
            format!("Transport: RTP/AVP;unicast;client_port={}-{}{mode}\r\n", port(&rtp), port(&rtcp))
        };
        let answer = client.ask("SETUP", &transport);
        assert_eq!(answer.status, 200);
        let ports = answer.header("Transport").split("server_port=").nth(1).map_or((0, 0), |ports| {
            let first: u16 = ports.split('-').next().unwrap().parse().unwrap();
            (first, first + 1)
        });
        let session = format!("Session: {}\r\n", answer.header("Session").split(';').next().unwrap());
        Self { client, session, rtp, rtcp, ports, is_over_tcp }
    }

    fn ask(&mut self, method: &str) {
        assert_eq!(self.client.ask(method, &self.session).status, 200, "{method}");
    }

    fn playing(client: Client, is_over_tcp: bool) -> Self {
        let mut viewer = Self::set_up(client, is_over_tcp, "");
        viewer.ask("PLAY");
        viewer
    }

    /// The next RTP packet.
    fn packet(&mut self) -> Vec<u8> {
        if !self.is_over_tcp {
            return datagram(&self.rtp);
        }
        loop {
            if let (0, packet) = self.client.packet() {
                return packet;
            }
        }
    }

    /// The scan of the next picture, all packets of which come in order.
    fn frame(&mut self) -> Vec<u8> {
        let mut scan = Vec::new();
        loop {
            let bytes = self.packet();
            let packet = rtp::Packet::new_checked(&bytes[..]).unwrap();
            let payload = Payload::parse(packet.payload()).unwrap();
            assert_eq!(payload.main.fragment_offset as usize, scan.len(), "a packet is missing");
            scan.extend_from_slice(payload.data);
            if bytes[1] & 0x80 != 0 {
                return scan;
            }
        }
    }

    /// Reads on until BYE.
    fn await_bye(&mut self) {
        loop {
            let compound = if self.is_over_tcp {
                let (channel, packet) = self.client.packet();
                if channel == 0 {
                    continue;
                }
                packet
            } else {
                datagram(&self.rtcp)
            };
            if is_bye(&compound) {
                return;
            }
        }
    }

    /// Sends from another socket to the server's port for RTP.
    fn punch_from(&self, socket: &UdpSocket) {
        socket.send_to(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], ("127.0.0.1", self.ports.0)).unwrap();
    }
}

/// A film of so many pictures, 100 in a second, and what of them packets carry.
fn film_server(folder: &Folder, frames: u32) -> (Running, Vec<Vec<u8>>) {
    let pictures = film(frames);
    let path = folder.file("film.mjpeg", &pictures.concat());
    let server = Running::with(Options { repeat: false, ..options() }, move || {
        Library::from_paths(&[path], rate(100), Policy::default()).unwrap()
    });
    (server, pictures.iter().map(|picture| scan(picture)).collect())
}

/// Has viewers of every loop, over UDP and TCP, see the whole film.
fn watch(server: &Running, expected: &[Vec<u8>]) {
    thread::scope(|scope| {
        for number in 0..2 * LOOPS {
            // One after the other, so that each loop has one of both kinds.
            let client = server.connect_to("film.mjpeg");
            scope.spawn(move || {
                let mut viewer = Viewer::playing(client, number >= LOOPS);
                for (number, expected) in expected.iter().enumerate() {
                    assert!(viewer.frame() == *expected, "frame {number}");
                }
                viewer.await_bye();
            });
        }
    });
}

#[test]
fn viewers_of_every_loop_get_every_frame_of_one_film_over_tcp_and_udp() {
    let folder = Folder::new("threads");
    let (server, expected) = film_server(&folder, 40);
    watch(&server, &expected);
}

#[test]
fn receivers_whose_ports_are_closed_cost_nobody_else_a_frame() {
    let folder = Folder::new("closed");
    let (server, expected) = film_server(&folder, 30);
    // What is sent to them comes back as an error of the host's.
    let mut closed: Vec<_> = (0..4 * LOOPS)
        .map(|_| {
            let mut client = server.connect_to("film.mjpeg");
            let nobody = (port(&socket()), port(&socket()));
            let answer =
                client.ask("SETUP", &format!("Transport: RTP/AVP;unicast;client_port={}-{}\r\n", nobody.0, nobody.1));
            let session = format!("Session: {}\r\n", answer.header("Session").split(';').next().unwrap());
            assert_eq!(client.ask("PLAY", &session).status, 200);
            client
        })
        .collect();
    watch(&server, &expected);
    for client in &mut closed {
        assert_eq!(client.ask("OPTIONS", "").status, 200, "it may come back");
    }
}

#[test]
fn a_hole_is_found_whose_it_is_at_whichever_loop_unless_two_could_have_punched_it() {
    let server = Running::with(options(), || Library::built_in(rate(50)));
    let mut probes = Probes::new(server.address);
    for _ in 0..LOOPS {
        let mut viewer = Viewer::set_up(server.connect(), false, "");
        let mapped = socket();
        viewer.punch_from(&mapped);
        probes.settle();
        viewer.ask("PLAY");
        assert!(datagram(&mapped).len() > 12);
        assert_eq!(waiting(&viewer.rtp), None);
        viewer.ask("TEARDOWN");
    }
    for _ in 0..LOOPS {
        let mut pair = [(); 2].map(|()| Viewer::set_up(server.connect(), false, ""));
        let mapped = socket();
        pair[0].punch_from(&mapped);
        probes.settle();
        for viewer in &mut pair {
            viewer.ask("PLAY");
            assert!(datagram(&viewer.rtp).len() > 12);
        }
        assert_eq!(waiting(&mapped), None);
        // As soon as only one is left, it is this one's.
        let [mut gone, mut left] = pair;
        gone.ask("TEARDOWN");
        left.punch_from(&mapped);
        assert!(datagram(&mapped).len() > 12);
        left.ask("TEARDOWN");
    }
}

#[test]
fn reports_reach_the_viewers_of_every_loop() {
    let server = Running::with(options(), || Library::built_in(rate(50)));
    let mut probes = Probes::new(server.address);
    for _ in 0..LOOPS {
        let mut viewer = Viewer::playing(server.connect(), false);
        let ssrc = u32::from_be_bytes(viewer.packet()[8..12].try_into().unwrap());
        let block = ReportBlock {
            ssrc,
            fraction_lost: 0,
            cumulative_lost: 0,
            extended_highest_sequence: 9,
            jitter: 0,
            last_sr: 0,
            delay_since_last_sr: 0,
        };
        let mut report = [0; 64];
        let len = Emitter::new(&mut report).receiver_report(0xcafe, &[block]).unwrap().finish();
        // One that is taken tells where reports have to go.
        let mapped = socket();
        mapped.send_to(&report[..len], ("127.0.0.1", viewer.ports.1)).unwrap();
        probes.settle();
        viewer.ask("TEARDOWN");
        while !is_bye(&datagram(&mapped)) {}
    }
}

/// A publisher that may send over UDP.
fn publisher(mut client: Client) -> Viewer {
    let body = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=No Name\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\na=control:trackID=0";
    let len = body.len() + 2;
    // The end of its last line is that of the headers.
    let announced = format!("Content-Type: application/sdp\r\nContent-Length: {len}\r\n\r\n{body}");
    assert_eq!(client.ask("ANNOUNCE", &announced).status, 200);
    let mut publisher = Viewer::set_up(client, false, ";mode=record");
    publisher.ask("RECORD");
    publisher
}

#[test]
fn what_is_published_over_udp_at_one_loop_reaches_the_viewers_of_all() {
    for loops_before in 0..LOOPS {
        let push = || Push::new("cam", rate(25), Policy::default()).unwrap();
        let server = Running::with(Options { record: true, ..options() }, push);
        let _before: Vec<_> = (0..loops_before).map(|_| server.connect_to("cam")).collect();
        let publisher = publisher(server.connect_to("cam"));
        let mut sender = Sender::new(0xcafe, 65_530);
        let mut send = |number: u32, picture: &[u8]| {
            let format = Layout::parse(picture).unwrap().rtp_format().unwrap();
            let fragments = Fragments::Jpeg(jpeg::Fragments::new(&format, 600));
            for index in 0.. {
                let Some(packet) = Packet::new(&sender, number * 3600, &fragments, index, picture) else { break };
                let bytes = packet.segments().concat();
                publisher.rtp.send_to(&bytes, ("127.0.0.1", publisher.ports.0)).unwrap();
                sender.commit(packet.payload_len());
            }
        };
        let pictures = film(12);
        send(0, &pictures[0]);
        let mut viewers: Vec<_> =
            (0..2 * LOOPS).map(|number| Viewer::playing(server.connect_to("cam"), number >= LOOPS)).collect();
        for (number, picture) in pictures.iter().enumerate() {
            if number > 0 {
                send(number as u32, picture);
            }
            for viewer in &mut viewers {
                assert!(viewer.frame() == scan(picture), "picture {number}");
            }
        }
    }
}

/// A server of which it is told how it ends.
fn served<C: Catalogue + Sync>(
    options: Options,
    catalogue: impl FnOnce() -> C + Send + 'static,
) -> (SocketAddr, StopHandle, Receiver<&'static str>) {
    let server = Server::bind(&options).unwrap();
    let (address, stop) = (server.local_addr(), server.stop_handle());
    let (told, ended) = mpsc::channel();
    thread::spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(|| server.serve(catalogue())));
        told.send(match result {
            Ok(Ok(())) => "stopped",
            Ok(Err(_)) => "failed",
            Err(_) => "panicked",
        })
    });
    (address, stop, ended)
}

/// Asserts that the server closes a connection, and that it does not merely say nothing.
fn assert_closed(client: &mut Client) {
    let mut rest = [0; 4096];
    loop {
        match client.stream.read(&mut rest) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return,
            Err(error) => panic!("it is still open: {error}"),
        }
    }
}

#[test]
fn stopping_ends_all_loops_with_bye_and_closes_who_comes_meanwhile() {
    for round in 0..=2 * LOOPS {
        let (address, stop, ended) = served(options(), || Library::built_in(rate(50)));
        let viewer = |number| Viewer::playing(Client::connect(address, "testcard"), number % 2 == 0);
        let mut viewers: Vec<_> = (0..round).map(viewer).collect();
        let stopper = {
            let stop = stop.clone();
            thread::spawn(move || stop.stop())
        };
        // Some of them are refused by the system.
        let late: Vec<_> = (0..12).filter_map(|_| std::net::TcpStream::connect(address).ok()).collect();
        viewers.iter_mut().for_each(Viewer::await_bye);
        viewers.iter_mut().for_each(|viewer| assert_closed(&mut viewer.client));
        drop(viewers);
        stopper.join().unwrap();
        // The handle on the server is still here.
        for mut late in late {
            late.set_read_timeout(Some(PATIENCE)).unwrap();
            match late.read(&mut [0; 64]) {
                Ok(0) => {}
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
                open => panic!("{open:?}"),
            }
        }
        assert_eq!(ended.recv_timeout(PATIENCE), Ok("stopped"));
        drop(stop);
    }
}

/// A library with a name that must not be asked for.
struct Trap(Library);

impl Catalogue for Trap {
    type Medium = <Library as Catalogue>::Medium;

    fn find(&self, path: Path<'_>) -> Option<Self::Medium> {
        assert!(!path.names("trap"), "somebody has asked for it");
        self.0.find(path)
    }
}

#[test]
fn a_loop_that_panics_ends_the_server_instead_of_leaving_its_clients_without_one() {
    for at in 0..LOOPS {
        let (address, _stop, ended) = served(options(), || Trap(Library::built_in(rate(50))));
        let mut clients = [(); 2 * LOOPS].map(|()| Client::connect(address, "trap"));
        for client in &mut clients {
            assert_eq!(client.ask("OPTIONS", "").status, 200);
        }
        assert_eq!(clients[at].ask("DESCRIBE", "").status, 0);
        clients.iter_mut().for_each(assert_closed);
        drop(clients);
        assert_eq!(ended.recv_timeout(PATIENCE), Ok("panicked"), "loop {at}");
    }
}

/// Breaks the socket that listens at `address`.
#[cfg(target_os = "linux")]
fn break_listener(address: SocketAddr) {
    use nix::sys::socket::{Shutdown, SockaddrIn, getpeername, getsockname, shutdown};
    let is_it = |fd: &i32| {
        let port = getsockname::<SockaddrIn>(*fd).map(|name| name.port());
        port == Ok(address.port()) && getpeername::<SockaddrIn>(*fd).is_err()
    };
    let listener = (0..4096).find(is_it).unwrap();
    shutdown(listener, Shutdown::Both).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn a_loop_that_fails_stops_all_others_with_bye() {
    let (address, _stop, ended) = served(options(), || Library::built_in(rate(50)));
    let mut viewers: Vec<_> =
        (0..2 * LOOPS).map(|number| Viewer::playing(Client::connect(address, "testcard"), number >= LOOPS)).collect();
    break_listener(address);
    // The clients of the one that fails go with it.
    for (number, viewer) in viewers.iter_mut().enumerate() {
        if number % LOOPS != 0 {
            viewer.await_bye();
        }
        assert_closed(&mut viewer.client);
    }
    drop(viewers);
    assert_eq!(ended.recv_timeout(PATIENCE), Ok("failed"));
}
