//! The server over real sockets on loopback: what the core's tests on virtual time cannot see.

mod support;

use std::io::{Read, Write};
use std::net::{IpAddr, UdpSocket};
use std::time::{Duration, Instant};

use mutoscope::media::FrameRate;
use mutoscope_std::media::Library;
use mutoscope_std::server::Options;
use support::{Client, PATIENCE, Running};

/// Two sockets on neighbouring ports, and the first port.
fn udp_pair() -> (UdpSocket, UdpSocket, u16) {
    let bind = |port: u16| UdpSocket::bind(("127.0.0.1", port)).ok();
    let (rtp, rtcp) = (20_000..).step_by(2).find_map(|port| Some((bind(port)?, bind(port + 1)?))).unwrap();
    for socket in [&rtp, &rtcp] {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
    }
    let port = rtp.local_addr().unwrap().port();
    (rtp, rtcp, port)
}

fn is_marked(packet: &[u8]) -> bool {
    packet[1] & 0x80 != 0
}

#[test]
fn the_test_card_plays_interleaved() {
    let server = Running::start(10);
    let mut client = server.connect();
    assert_eq!(client.ask("OPTIONS", "").status, 200);
    let described = client.ask("DESCRIBE", "Accept: application/sdp\r\n");
    assert_eq!(described.status, 200);
    assert!(described.body.contains("m=video 0 RTP/AVP 26"), "{}", described.body);
    let answer = client.ask("SETUP", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n");
    assert_eq!(answer.status, 200);
    let session = format!("Session: {}\r\n", answer.header("Session").split(';').next().unwrap());
    assert_eq!(client.ask("PLAY", &session).status, 200);
    let mut frames = 0;
    while frames < 5 {
        let (channel, packet) = client.packet();
        frames += u32::from(channel == 0 && is_marked(&packet));
    }
}

#[test]
fn stopping_says_bye_over_udp_and_closes_every_connection() {
    let server = Running::start(10);
    let (rtp, rtcp, port) = udp_pair();
    let mut client = server.connect();
    let answer = client.ask("SETUP", &format!("Transport: RTP/AVP;unicast;client_port={port}-{}\r\n", port + 1));
    assert_eq!(answer.status, 200);
    let session = format!("Session: {}\r\n", answer.header("Session").split(';').next().unwrap());
    assert_eq!(client.ask("PLAY", &session).status, 200);
    let mut packet = [0; 2048];
    let (_, from) = rtp.recv_from(&mut packet).unwrap();
    let server_port = format!("server_port={}-{}", from.port(), from.port() + 1);
    assert!(answer.header("Transport").contains(&server_port), "{}", answer.header("Transport"));

    let mut other = server.connect();
    assert_eq!(other.ask("OPTIONS", "").status, 200);
    let started = Instant::now();
    drop(server);
    assert!(started.elapsed() < PATIENCE);
    assert!(client.is_closed() && other.is_closed());
    // RTCP packet types 200 (sender report) to 203 (BYE), at the beginning of each packet in a compound.
    let mut said_bye = false;
    while !said_bye {
        let len = rtcp.recv(&mut packet).expect("BYE comes before nothing more does");
        let mut rest = &packet[..len];
        while rest.len() >= 4 {
            said_bye |= rest[1] == 203;
            rest = rest.get((usize::from(u16::from_be_bytes([rest[2], rest[3]])) + 1) * 4..).unwrap_or_default();
        }
    }
}

/// Every address of 127.0.0.0/8 is this host's on Linux.
#[cfg(target_os = "linux")]
#[test]
fn media_and_reports_leave_from_the_address_that_the_client_connected_to() {
    for (host, ours) in [("0.0.0.0", "127.0.0.2"), ("0.0.0.0", "127.0.0.1"), ("127.0.0.2", "127.0.0.2")] {
        let built_in = || Library::built_in(FrameRate::new(50, 1).unwrap());
        let server = Running::with(Options { hosts: vec![host.to_owned()], ..support::options() }, built_in);
        let (rtp, rtcp, port) = udp_pair();
        let mut client = Client::connect((ours.parse::<IpAddr>().unwrap(), server.address.port()).into(), "testcard");
        let answer = client.ask("SETUP", &format!("Transport: RTP/AVP;unicast;client_port={port}-{}\r\n", port + 1));
        let session = format!("Session: {}\r\n", answer.header("Session").split(';').next().unwrap());
        assert_eq!(client.ask("PLAY", &session).status, 200);
        for socket in [&rtp, &rtcp, &rtp] {
            let (_, from) = socket.recv_from(&mut [0; 2048]).unwrap();
            assert_eq!(from.ip().to_string(), ours, "a server on {host}");
        }
    }
}

#[test]
fn a_server_serves_at_all_of_its_addresses() {
    let built_in = || Library::built_in(FrameRate::new(50, 1).unwrap());
    let options = Options { hosts: vec!["localhost".to_owned()], ..support::options() };
    let server = Running::with(options, built_in);
    let mut served = 0;
    for (ours, any) in [("127.0.0.1", "0.0.0.0:0"), ("::1", "[::]:0")] {
        let ours: IpAddr = ours.parse().unwrap();
        // Where the system has no IPv6, there is one address less.
        if std::net::UdpSocket::bind((ours, 0)).is_err() {
            continue;
        }
        let rtp = std::net::UdpSocket::bind(any).unwrap();
        rtp.set_read_timeout(Some(PATIENCE)).unwrap();
        let port = rtp.local_addr().unwrap().port();
        let mut client = Client::connect((ours, server.address.port()).into(), "testcard");
        let answer = client.ask("SETUP", &format!("Transport: RTP/AVP;unicast;client_port={port}-0\r\n"));
        let session = format!("Session: {}\r\n", answer.header("Session").split(';').next().unwrap());
        assert_eq!(client.ask("PLAY", &session).status, 200);
        assert_eq!(rtp.recv_from(&mut [0; 2048]).unwrap().1.ip(), ours);
        served += 1;
    }
    assert!(served > 0);
}

#[test]
fn clients_beyond_the_limit_are_told_so_or_closed_and_the_others_served() {
    let server = Running::start(2);
    let mut served = [server.connect(), server.connect()];
    for client in &mut served {
        assert_eq!(client.ask("OPTIONS", "").status, 200);
    }
    let mut beyond: Vec<Client> = (0..20).map(|_| server.connect()).collect();
    assert!(beyond.last_mut().unwrap().is_closed(), "a flood gets no buffers");
    let refused = &mut beyond[0];
    assert_eq!(refused.ask("OPTIONS", "").status, 503);
    assert!(refused.is_closed());
    for client in &mut served {
        assert_eq!(client.ask("OPTIONS", "").status, 200);
    }
    drop(served);
    // A place that has become free is given again.
    let deadline = Instant::now() + PATIENCE;
    while server.connect().ask("OPTIONS", "").status != 200 {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_client_that_never_stops_asking_does_not_starve_the_others() {
    let server = Running::start(10);
    let mut noisy = server.connect().stream.into_inner();
    let mut sink = noisy.try_clone().unwrap();
    let reader = std::thread::spawn(move || while !matches!(sink.read(&mut [0; 65_536]), Ok(0) | Err(_)) {});
    let requests = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n".repeat(1000);
    let writer = std::thread::spawn(move || {
        let end = Instant::now() + Duration::from_millis(500);
        while Instant::now() < end && noisy.write_all(&requests).is_ok() {}
        let _ = noisy.shutdown(std::net::Shutdown::Both);
    });
    let started = Instant::now();
    let mut quiet = server.connect();
    assert_eq!(quiet.ask("OPTIONS", "").status, 200);
    assert!(started.elapsed() < Duration::from_millis(400));
    writer.join().unwrap();
    reader.join().unwrap();
}
