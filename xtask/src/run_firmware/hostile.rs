//! Requests that nobody should send and clients that behave as none should: each gets its answer, and the next one is
//! served.

use super::machine::Machine;
use super::rtsp::{Client, Message};
use anyhow::{Context, Result, bail, ensure};
use std::net::UdpSocket;
use std::time::{Duration, Instant};

pub(super) const TCP: &str = "RTP/AVP/TCP;unicast;interleaved=0-1";

/// How the firmware reacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reaction {
    /// Its first answer has this status code.
    Status(u16),
    /// No answer; it closes when we have closed our half.
    Silence,
}
use Reaction::{Silence, Status};

/// Sends each on a connection of its own.
pub(super) fn requests(machine: &Machine) -> Result<()> {
    let requests = hostile_requests();
    for (bytes, expected) in &requests {
        let shown = || String::from_utf8_lossy(bytes.get(..100).unwrap_or(bytes)).into_owned();
        let mut reaction = reaction(machine, bytes).with_context(shown)?;
        // The end also comes where the connections before have not left yet and no socket is free.
        for _ in 0..20 {
            if reaction == *expected || reaction != Silence {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
            reaction = self::reaction(machine, bytes).with_context(shown)?;
        }
        ensure!(reaction == *expected, "{reaction:?} and not {expected:?} for {:?}", shown());
        ensure!(machine.is_alive(), "QEMU has ended after {:?}", shown());
    }
    let waited = serves_again(machine, Duration::from_secs(20))?;
    println!("{} hostile requests, each with its answer; served again after {} ms", requests.len(), waited.as_millis());
    Ok(())
}

fn reaction(machine: &Machine, bytes: &[u8]) -> Result<Reaction> {
    let mut client = Client::connect(machine.ports.rtsp)?;
    client.say(bytes);
    client.close();
    match client.hear(Duration::from_secs(5))? {
        Some(Message::Answer(answer)) => Ok(Status(status(&answer)?)),
        Some(Message::End) => Ok(Silence),
        Some(Message::Packet(..)) => bail!("media"),
        None => bail!("neither an answer nor the end"),
    }
}

fn status(answer: &str) -> Result<u16> {
    let code = answer.split(' ').nth(1).context("no status")?;
    code.parse().with_context(|| answer.to_owned())
}

fn hostile_requests() -> Vec<(Vec<u8>, Reaction)> {
    let url = "rtsp://127.0.0.1:8554/testcard";
    let request = |method: &str, headers: &str| format!("{method} {url} RTSP/1.0\r\n{headers}\r\n").into_bytes();
    let to = |method: &str, url: &str| format!("{method} {url} RTSP/1.0\r\nCSeq: 1\r\n\r\n").into_bytes();
    let ask = |method: &str, headers: &str| request(method, &format!("CSeq: 1\r\n{headers}"));
    let setup = |transport: &str| ask("SETUP", &format!("Transport: {transport}\r\n"));
    let lab = |text: &str| text.as_bytes().to_vec();
    vec![
        (request("DESCRIBE", ""), Status(400)),
        (request("OPTIONS", ""), Status(200)),
        (request("OPTIONS", "CSeq: 1\r\nCSeq: 2\r\n"), Status(400)),
        (request("OPTIONS", "CSeq: -1\r\n"), Status(400)),
        (request("OPTIONS", "CSeq: 99999999999999999999\r\n"), Status(400)),
        (request("OPTIONS", "CSeq: \0\r\n"), Status(400)),
        (ask("SET_PARAMETER", "Content-Length: -1\r\n"), Status(400)),
        (ask("SET_PARAMETER", "Content-Length: 2147483648\r\n"), Status(413)),
        (ask("SET_PARAMETER", "Content-Length: 18446744073709551616\r\n"), Status(413)),
        (ask("SET_PARAMETER", "Content-Length: 100000\r\n"), Status(413)),
        (ask("SET_PARAMETER", "Content-Length: 10\r\n"), Silence),
        (ask("OPTIONS", &format!("X: {}\r\n", "x".repeat(5000))), Status(413)),
        (ask("OPTIONS", &"X: y\r\n".repeat(200)), Status(413)),
        (ask("OPTIONS", "X: y\r\n folded\r\n"), Status(400)),
        (ask("OPTIONS", "Require: magic\r\n"), Status(551)),
        (setup(""), Status(400)),
        (setup(&["RTP/SAVP;unicast"; 40].join(",")), Status(461)),
        (setup("RTP/AVP;unicast;client_port=0-1"), Status(461)),
        (setup("RTP/AVP;unicast;client_port=65536-65537"), Status(461)),
        (setup("RTP/AVP;unicast;client_port=5001-5000"), Status(200)),
        (setup("RTP/AVP;unicast"), Status(461)),
        (setup("RTP/AVP/TCP;unicast;interleaved=255-0"), Status(200)),
        (setup("RTP/AVP/TCP;unicast;interleaved=0-256"), Status(461)),
        (ask("PLAY", ""), Status(455)),
        (ask("PAUSE", "Session: 12345678\r\n"), Status(454)),
        (ask("TEARDOWN", "Session: 12345678\r\n"), Status(454)),
        (ask("RECORD", ""), Status(501)),
        (to("OPTIONS", "rtsp://h/\0"), Status(400)),
        (to("DESCRIBE", "rtsp://h/%2e%2e/%2e%2e/etc/passwd"), Status(404)),
        (to("DESCRIBE", "rtsp://h/../testcard"), Status(404)),
        (to("OPTIONS", "*"), Status(200)),
        (to("DESCRIBE", "*"), Status(400)),
        (b"OPTIONS rtsp://h/ RTSP/2.0\r\nCSeq: 1\r\n\r\n".to_vec(), Status(505)),
        (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_vec(), Status(400)),
        (b"$\0\0\0".to_vec(), Silence),
        (b"$\0\xff\xff".to_vec(), Silence),
        ([b"$\0\xff\xff", &[b'$'; 65_535][..], &ask("OPTIONS", "")].concat(), Status(200)),
        ([&b"OPTIONS rtsp://h/ RTSP/1.0\r\n$\0\0\x04abcd"[..], b"CSeq: 1\r\n\r\n"].concat(), Status(400)),
        (b"\r\n\r\n\r\n".to_vec(), Silence),
        (vec![0; 3000], Status(400)),
        (vec![0xff; 3000], Status(400)),
        (lab("SETUP testcard RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 99999"), Status(461)),
        (lab("SETUP other RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000"), Status(404)),
        (lab("PLAY testcard RTSP/1.0\nCSeq: 1\nSession: 1"), Status(455)),
        (ask("OPTIONS", "").repeat(50), Status(200)),
    ]
}

/// Sends requests that the state forbids, requests for the session of somebody else, and requests in pieces or all at once.
pub(super) fn dialogues(machine: &Machine) -> Result<()> {
    let connect = || Client::served(machine.ports.rtsp);
    let expect = |client: &mut Client, method: &str, headers: &str, expected: u16| {
        let (answer, _) = client.ask(method, headers)?;
        ensure!(status(&answer)? == expected, "{method} {headers}: {answer} and not {expected}");
        Ok(answer)
    };
    let transport = format!("Transport: {TCP}\r\n");
    let mut first = connect()?;
    first.set_up(TCP)?;
    first.set_up(TCP).context("SETUP twice")?;
    expect(&mut first, "PLAY", "Range: npt=a-b\r\n", 400)?;
    expect(&mut first, "PLAY", "", 200)?;
    expect(&mut first, "SETUP", &transport, 455)?;
    let mut second = connect()?;
    second.set_up(TCP)?;
    second.take_session_of(&first);
    for method in ["PLAY", "PAUSE", "TEARDOWN"] {
        expect(&mut second, method, "", 454)?;
    }
    drop(second);
    ensure!(first.frames(Duration::from_secs(1))? > 5, "another connection has stopped a stream");
    expect(&mut first, "TEARDOWN", "", 200)?;
    expect(&mut first, "TEARDOWN", "", 454)?;
    first.forget_session();
    first.set_up(TCP).context("SETUP after TEARDOWN")?;
    expect(&mut first, "PLAY", "", 200)?;
    ensure!(first.frames(Duration::from_secs(1))? > 5, "nothing plays after a second SETUP");
    drop(first);

    let mut slow = connect()?;
    for byte in b"OPTIONS rtsp://127.0.0.1/testcard RTSP/1.0\r\nCSeq: 9\r\n\r\n" {
        slow.say(&[*byte]);
        std::thread::sleep(Duration::from_millis(1));
    }
    let answer = slow.hear(Duration::from_secs(5))?;
    let is_nine = |answer: &str| answer.starts_with("RTSP/1.0 200 ") && answer.contains("CSeq: 9\r\n");
    ensure!(matches!(&answer, Some(Message::Answer(answer)) if is_nine(answer)), "byte by byte: {answer:?}");
    for cseq in 1..=3 {
        slow.say(format!("OPTIONS rtsp://127.0.0.1/testcard RTSP/1.0\r\nCSeq: {cseq}\r\n\r\n").as_bytes());
    }
    for cseq in 1..=3 {
        let answer = slow.hear(Duration::from_secs(5))?;
        let line = format!("CSeq: {cseq}\r\n");
        ensure!(matches!(&answer, Some(Message::Answer(answer)) if answer.contains(&line)), "pipelined: {answer:?}");
    }

    let (socket, port) = udp_port()?;
    let victim = format!("RTP/AVP;unicast;destination=10.0.2.99;client_port={port}-{}", port + 1);
    let answer = slow.set_up(&victim)?;
    ensure!(!answer.contains("destination"), "{answer}");
    slow.ask_ok("PLAY", "")?;
    socket.recv(&mut [0; 2048]).context("media goes to an address that a client names")?;
    println!("what the state forbids, a session of somebody else, requests in pieces: as they should be");
    Ok(())
}

/// Peers that are gone in the middle of anything, unread packets and all (which makes it a reset).
pub(super) fn gone(machine: &Machine) -> Result<()> {
    const TIMES: u16 = 40;
    let (_socket, port) = udp_port()?;
    for time in 0..TIMES {
        let mut client = Client::connect(machine.ports.rtsp)?;
        let half = format!("SETUP rtsp://127.0.0.1/testcard/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: {TCP}\r\n\r\n");
        match time % 4 {
            0 => client.say(half.as_bytes().get(..usize::from(time) * 2 + 1).unwrap_or(half.as_bytes())),
            1 => client.say(half.as_bytes()),
            kind => {
                let udp = format!("RTP/AVP;unicast;client_port={port}-{}", port + 1);
                drop(client);
                client = Client::served(machine.ports.rtsp)?;
                client.set_up(if kind == 2 { TCP } else { &udp }).with_context(|| format!("visit {time}"))?;
                client.ask_ok("PLAY", "")?;
                std::thread::sleep(Duration::from_millis(70));
            }
        }
    }
    let waited = serves_again(machine, Duration::from_secs(20))?;
    println!("{TIMES} clients gone in the middle of something; served again after {} ms", waited.as_millis());
    Ok(())
}

/// Sends a byte a second on every connection there is. No connection may be kept open that way.
pub(super) fn drip(machine: &Machine) -> Result<()> {
    let mut clients = (0..3).map(|_| Client::connect(machine.ports.rtsp)).collect::<Result<Vec<_>>>()?;
    for byte in b"OPTIONS rtsp" {
        clients.iter_mut().for_each(|client| client.say(&[*byte]));
        std::thread::sleep(Duration::from_secs(1));
    }
    let waited = serves_again(machine, Duration::from_secs(5))?;
    println!("a request a byte at a time on all connections: cut off; served again after {} ms", waited.as_millis());
    Ok(())
}

/// An even port, as RTP's is.
pub(super) fn udp_port() -> Result<(UdpSocket, u16)> {
    let socket = (30_000..40_000).step_by(2).find_map(|port| UdpSocket::bind(("127.0.0.1", port)).ok());
    let socket = socket.context("no free UDP port")?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    let port = socket.local_addr()?.port();
    Ok((socket, port))
}

/// How long it takes until a client is served.
pub(super) fn serves_again(machine: &Machine, patience: Duration) -> Result<Duration> {
    let started = Instant::now();
    loop {
        let mut client = Client::connect(machine.ports.rtsp)?;
        let served = client
            .set_up(TCP)
            .and_then(|_| client.ask_ok("PLAY", ""))
            .and_then(|_| client.frames(Duration::from_millis(300)));
        match served {
            Ok(1..) => {
                client.ask_ok("TEARDOWN", "")?;
                return Ok(started.elapsed());
            }
            outcome => ensure!(started.elapsed() < patience, "not served again: {outcome:?}"),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
