//! What the firmware has to stand: players, pauses, a hundred visits, a flood, and requests that nobody should send.

use super::machine::{Machine, Ports};
use super::rtsp::{Client, Message};
use super::viewer::{Player, Viewer};
use super::{RAM, build};
use crate::packages::GSTREAMER;
use anyhow::{Context, Result, ensure};
use std::net::UdpSocket;
use std::time::{Duration, Instant};

const FRAME_RATE: f64 = 15.0;
const ROUNDS: u32 = 100;
const TCP: &str = "RTP/AVP/TCP;unicast;interleaved=0-1";

/// Plays for `duration`, and all the rest; about 40 s beside that.
pub(crate) fn check(duration: Duration) -> Result<()> {
    let programs = build()?;
    println!("{}", programs.sizes()?);
    let mut machine = Machine::start(&programs, Ports::free()?, "15", None)?;
    let outcome = all(&mut machine, duration);
    // Whatever else went wrong, the log says why.
    let outcome = outcome.with_context(|| format!("the firmware's log ends:\n{}", machine.tail()));
    outcome?;
    for line in machine.log() {
        ensure!(!line.contains("ERROR"), "an error in its log: {line}");
    }
    Ok(())
}

fn all(machine: &mut Machine, duration: Duration) -> Result<()> {
    two_at_once(machine, Player::FfmpegUdp, Player::FfmpegTcp, duration)?;
    match GSTREAMER.missing() {
        Some(why) => println!("SKIPPED GStreamer: {why}"),
        None => two_at_once(machine, Player::GstreamerTcp, Player::GstreamerUdp, Duration::from_secs(6))?,
    }
    pause_and_play(machine)?;
    rounds(machine)?;
    one_too_many(machine)?;
    flood(machine)?;
    hostile(machine)?;
    ensure!(machine.is_alive(), "QEMU has ended");
    memory(machine)
}

fn two_at_once(machine: &mut Machine, first: Player, second: Player, duration: Duration) -> Result<()> {
    let url = machine.url();
    let viewers = [Viewer::start(first, &url, duration)?, Viewer::start(second, &url, duration)?];
    for viewer in viewers {
        println!("{}", viewer.finish()?.without_gap(duration.as_secs_f64(), FRAME_RATE)?);
    }
    Ok(())
}

fn pause_and_play(machine: &Machine) -> Result<()> {
    let mut client = Client::connect(machine.ports.rtsp)?;
    let public = client.ask_ok("OPTIONS", "")?;
    ensure!(public.contains("GET_PARAMETER"), "{public}");
    let sdp = client.ask_ok("DESCRIBE", "Accept: application/sdp\r\n")?;
    ensure!(sdp.contains("m=video 0 RTP/AVP 26") && sdp.contains("a=range:npt=now-"), "{sdp}");
    client.set_up(TCP)?;
    for _ in 0..2 {
        client.ask_ok("PLAY", "Range: npt=0.000-\r\n")?;
        let frames = client.frames(Duration::from_secs(1))?;
        ensure!((12..=17).contains(&frames), "{frames} frames in a second");
        client.ask_ok("PAUSE", "")?;
        let frames = client.frames(Duration::from_millis(500))?;
        ensure!(frames == 0, "{frames} frames while it pauses");
    }
    client.ask_ok("TEARDOWN", "")?;
    println!("PLAY, PAUSE, PLAY, PAUSE, TEARDOWN");
    Ok(())
}

/// SETUP, PLAY, the first picture, TEARDOWN: alternately over UDP and TCP.
fn rounds(machine: &Machine) -> Result<()> {
    let started = Instant::now();
    // An RTP port is even.
    let socket = (30_000..40_000).step_by(2).find_map(|port| UdpSocket::bind(("127.0.0.1", port)).ok());
    let socket = socket.context("no free UDP port")?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    let port = socket.local_addr()?.port();
    for round in 0..ROUNDS {
        let context = || format!("round {round}");
        let mut client = Client::connect(machine.ports.rtsp)?;
        if round % 2 == 0 {
            client.set_up(&format!("RTP/AVP;unicast;client_port={port}-{}", port + 1)).with_context(context)?;
            client.ask_ok("PLAY", "").with_context(context)?;
            let mut packet = [0; 2048];
            while packet[1] & 0x80 == 0 || packet[1] & 0x7F != 26 {
                socket.recv(&mut packet).context("no picture over UDP").with_context(context)?;
            }
        } else {
            client.set_up(TCP).with_context(context)?;
            client.ask_ok("PLAY", "").with_context(context)?;
            let deadline = Instant::now() + Duration::from_secs(5);
            while !matches!(client.hear(Duration::from_secs(1))?, Some(Message::Packet(0, packet)) if packet[1] & 0x80 != 0)
            {
                ensure!(Instant::now() < deadline, "no picture over TCP in round {round}");
            }
        }
        client.ask_ok("TEARDOWN", "").with_context(context)?;
    }
    println!("{ROUNDS} times SETUP, PLAY, a picture, TEARDOWN: {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// With as many viewers as there may be, the next one is told so.
fn one_too_many(machine: &Machine) -> Result<()> {
    let mut viewers = [Client::connect(machine.ports.rtsp)?, Client::connect(machine.ports.rtsp)?];
    for viewer in &mut viewers {
        viewer.set_up(TCP)?;
    }
    let (answer, _) = Client::connect(machine.ports.rtsp)?.ask("OPTIONS", "")?;
    ensure!(answer.starts_with("RTSP/1.0 503 "), "{answer}");
    println!("a third viewer is told that there is no room");
    Ok(())
}

/// Many connections at once that say nothing or half of something, while somebody watches.
fn flood(machine: &Machine) -> Result<()> {
    const CONNECTIONS: usize = 200;
    let duration = Duration::from_secs(4);
    let viewer = Viewer::start(Player::FfmpegUdp, &machine.url(), duration)?;
    std::thread::sleep(Duration::from_secs(1));
    let mut crowd = Vec::new();
    for number in 0..CONNECTIONS {
        // Some come to nothing: QEMU's network has its own limits.
        if let Ok(mut client) = Client::connect(machine.ports.rtsp) {
            match number % 3 {
                0 => {}
                1 => client.say(b"OPTIONS rtsp://"),
                _ => client.say(b"$\x00\xff\xff"),
            }
            crowd.push(client);
        }
    }
    let connected = crowd.len();
    println!("{} (flooded meanwhile)", viewer.finish()?.without_gap(duration.as_secs_f64(), FRAME_RATE)?);
    drop(crowd);
    let waited = serves_again(machine, Duration::from_secs(20))?;
    println!("{connected} connections at once; served again after {} ms", waited.as_millis());
    Ok(())
}

/// How long it takes until a client is served.
fn serves_again(machine: &Machine, patience: Duration) -> Result<Duration> {
    let started = Instant::now();
    loop {
        let mut client = Client::connect(machine.ports.rtsp)?;
        let served = client
            .set_up(TCP)
            .and_then(|()| client.ask_ok("PLAY", ""))
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

/// Each is answered with an error, or the connection is closed, or nothing comes; and the next client is served.
fn hostile(machine: &Machine) -> Result<()> {
    let requests = hostile_requests();
    let (mut refused, mut closed, mut silent, mut accepted) = (0, 0, 0, 0);
    for bytes in &requests {
        let mut client = Client::connect(machine.ports.rtsp)?;
        client.say(bytes);
        client.close();
        match client.hear(Duration::from_secs(2)) {
            Ok(Some(Message::Answer(answer))) if answer.starts_with("RTSP/1.0 2") => accepted += 1,
            Ok(Some(Message::Answer(_))) => refused += 1,
            Ok(Some(Message::End)) => closed += 1,
            Ok(None) => silent += 1,
            Ok(Some(Message::Packet(..))) => anyhow::bail!("media for {:?}", String::from_utf8_lossy(bytes)),
            Err(error) => return Err(error.context(String::from_utf8_lossy(bytes).into_owned())),
        }
        ensure!(machine.is_alive(), "QEMU has ended after {:?}", String::from_utf8_lossy(bytes));
    }
    let waited = serves_again(machine, Duration::from_secs(20))?;
    println!(
        "{} hostile requests: {refused} refused, {closed} closed, {silent} ignored, {accepted} harmless; served again after {} ms",
        requests.len(),
        waited.as_millis()
    );
    Ok(())
}

fn hostile_requests() -> Vec<Vec<u8>> {
    let url = "rtsp://127.0.0.1:8554/testcard";
    let request = |method: &str, headers: &str| format!("{method} {url} RTSP/1.0\r\n{headers}\r\n").into_bytes();
    let setup = |transport: &str| request("SETUP", &format!("CSeq: 1\r\nTransport: {transport}\r\n"));
    let mut requests = vec![
        request("OPTIONS", ""),
        request("OPTIONS", "CSeq: 1\r\nCSeq: 2\r\n"),
        request("OPTIONS", "CSeq: -1\r\n"),
        request("OPTIONS", "CSeq: 99999999999999999999\r\n"),
        request("OPTIONS", "CSeq: \0\r\n"),
        request("SET_PARAMETER", "CSeq: 1\r\nContent-Length: -1\r\n"),
        request("SET_PARAMETER", "CSeq: 1\r\nContent-Length: 2147483648\r\n"),
        request("SET_PARAMETER", "CSeq: 1\r\nContent-Length: 18446744073709551616\r\n"),
        request("SET_PARAMETER", "CSeq: 1\r\nContent-Length: 100000\r\n"),
        request("SET_PARAMETER", "CSeq: 1\r\nContent-Length: 10\r\n"),
        request("OPTIONS", &format!("CSeq: 1\r\nX: {}\r\n", "x".repeat(5000))),
        request("OPTIONS", &format!("CSeq: 1\r\n{}", "X: y\r\n".repeat(200))),
        request("OPTIONS", "CSeq: 1\r\nX: y\r\n folded\r\n"),
        setup(""),
        setup(&["RTP/SAVP;unicast"; 40].join(",")),
        setup("RTP/AVP;unicast;client_port=0-1"),
        setup("RTP/AVP;unicast;client_port=65536-65537"),
        setup("RTP/AVP;unicast;client_port=5001-5000"),
        setup("RTP/AVP;unicast"),
        setup("RTP/AVP/TCP;unicast;interleaved=255-0"),
        request("PLAY", "CSeq: 1\r\n"),
        request("PAUSE", "CSeq: 1\r\nSession: 12345678\r\n"),
        request("TEARDOWN", "CSeq: 1\r\nSession: 12345678\r\n"),
        request("RECORD", "CSeq: 1\r\n"),
        b"OPTIONS rtsp://h/\0 RTSP/1.0\r\nCSeq: 1\r\n\r\n".to_vec(),
        b"DESCRIBE rtsp://h/%2e%2e/%2e%2e/etc/passwd RTSP/1.0\r\nCSeq: 1\r\n\r\n".to_vec(),
        b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n".to_vec(),
        b"OPTIONS rtsp://h/ RTSP/2.0\r\nCSeq: 1\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_vec(),
        b"$\0\0\0".to_vec(),
        b"$\0\xff\xff".to_vec(),
        [&b"OPTIONS rtsp://h/ RTSP/1.0\r\n$\0\0\x04abcd"[..], b"CSeq: 1\r\n\r\n"].concat(),
        b"\r\n\r\n\r\n".to_vec(),
        vec![0; 3000],
        vec![0xff; 3000],
        b"SETUP testcard RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 99999".to_vec(),
        b"PLAY testcard RTSP/1.0\nCSeq: 1\nSession: 1".to_vec(),
    ];
    requests.push(request("OPTIONS", "CSeq: 1\r\n").repeat(50));
    let teardown_twice = [setup(TCP), request("TEARDOWN", "CSeq: 2\r\n"), request("TEARDOWN", "CSeq: 3\r\n")].concat();
    requests.push(teardown_twice);
    requests
}

/// What its own status line says, once everything was asked of it.
fn memory(machine: &mut Machine) -> Result<()> {
    machine.log();
    let line = machine.wait_for("status:", Duration::from_secs(15))?;
    let (_, stack) = line.split_once("stack ").context("no figure for the stack")?;
    let mut words = stack.split(' ');
    let (used, _, size) = (words.next(), words.next(), words.next());
    let used: u64 = used.context("no figure")?.parse()?;
    let size: u64 = size.context("no figure")?.parse()?;
    println!("stack: {used} bytes at most, of {size}; RAM left: {} of {RAM} bytes", size - used);
    ensure!(size - used >= 1024, "the stack is almost full");
    Ok(())
}
