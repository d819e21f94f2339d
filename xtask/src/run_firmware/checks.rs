//! The trials of the firmware: players, pauses, a hundred visits, a flood, and requests that nobody should send.

use super::hostile::{self, TCP, serves_again, udp_port};
use super::machine::{Machine, Ports};
use super::rtsp::{Client, Message};
use super::viewer::{ForeignPlayer, Player};
use super::{Programs, RAM, build, promised};
use crate::packages::GSTREAMER;
use anyhow::{Context, Result, bail, ensure};
use std::time::{Duration, Instant};

const FRAME_RATE: f64 = 15.0;
const ROUNDS: u32 = 100;
/// By how many bytes of flash two machines may differ.
const PATHS: u64 = 1024;

/// Plays for `duration`, and all the rest; about a minute beside that.
pub(super) fn check(duration: Duration) -> Result<()> {
    let programs = build()?;
    flash(&programs, last("code and constants")?)?;
    let mut machine = Machine::start(&programs, Ports::free()?, "15", None)?;
    let outcome = all(&mut machine, duration);
    // The log of the firmware says why a trial failed.
    let outcome = outcome.with_context(|| format!("the firmware's log ends:\n{}", machine.tail()));
    outcome?;
    for line in machine.log() {
        ensure!(!line.contains("ERROR"), "an error in its log: {line}");
    }
    Ok(())
}

/// Compares what an image takes of flash with `most`, which the README says.
pub(super) fn flash(programs: &Programs, most: u64) -> Result<()> {
    println!("{}", programs.sizes()?);
    // Panic messages hold the paths of the crates' sources, whose lengths are another on each machine.
    let (flash, most) = (programs.image()?.flash, most + PATHS);
    ensure!(flash <= most, "{flash} bytes of flash, and the README says {most}");
    Ok(())
}

/// The last figure of a row of the README.
fn last(row: &str) -> Result<u64> {
    promised(row)?.last().copied().with_context(|| format!("no figure in the row {row}"))
}

fn all(machine: &mut Machine, duration: Duration) -> Result<()> {
    twice(|| two_at_once(machine, Player::FfmpegUdp, Player::FfmpegTcp, duration))?;
    match GSTREAMER.missing() {
        Some(why) => println!("SKIPPED GStreamer: {why}"),
        None => twice(|| two_at_once(machine, Player::GstreamerTcp, Player::GstreamerUdp, Duration::from_secs(6)))?,
    }
    pause_and_play(machine)?;
    rounds(machine)?;
    one_too_many(machine)?;
    twice(|| flood(machine))?;
    hostile::requests(machine)?;
    hostile::dialogues(machine)?;
    hostile::gone(machine)?;
    hostile::drip(machine)?;
    ensure!(machine.is_alive(), "QEMU has ended");
    memory(machine, &[last("stack at its highest")?, last("left")?])
}

/// Runs a check a second time where it fails, and says so: a busy host that gives QEMU no time can spoil it.
pub(super) fn twice(check: impl Fn() -> Result<()>) -> Result<()> {
    check().or_else(|error| {
        println!("ONCE MORE, because: {error:#}");
        check()
    })
}

fn two_at_once(machine: &Machine, first: Player, second: Player, duration: Duration) -> Result<()> {
    let url = machine.url();
    let viewers = [ForeignPlayer::start(first, &url, duration)?, ForeignPlayer::start(second, &url, duration)?];
    // Both have gone before either is judged: what comes after finds room.
    for seen in viewers.map(ForeignPlayer::finish) {
        println!("{}", seen?.without_gap(duration.as_secs_f64(), FRAME_RATE)?);
    }
    Ok(())
}

fn pause_and_play(machine: &Machine) -> Result<()> {
    let mut client = Client::served(machine.ports.rtsp)?;
    let public = client.ask_ok("OPTIONS", "")?;
    ensure!(public.contains("GET_PARAMETER"), "{public}");
    let sdp = client.ask_ok("DESCRIBE", "Accept: application/sdp\r\n")?;
    ensure!(sdp.contains("m=video 0 RTP/AVP 26") && sdp.contains("a=range:npt=now-"), "{sdp}");
    client.set_up(TCP)?;
    for _ in 0..2 {
        client.ask_ok("PLAY", "Range: npt=0.000-\r\n")?;
        let (started, mut frames) = (Instant::now(), 0);
        while frames < FRAME_RATE as u32 {
            ensure!(started.elapsed() < Duration::from_secs(5), "{frames} frames in 5 s");
            frames += client.frames(Duration::from_millis(200))?;
        }
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
    let (socket, port) = udp_port()?;
    for round in 0..ROUNDS {
        let context = || format!("round {round}");
        let mut client = Client::served(machine.ports.rtsp)?;
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

/// A viewer that comes when all places are taken is told so.
fn one_too_many(machine: &Machine) -> Result<()> {
    let mut viewers = [Client::served(machine.ports.rtsp)?, Client::served(machine.ports.rtsp)?];
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
    let viewer = ForeignPlayer::start(Player::FfmpegUdp, &machine.url(), duration)?;
    std::thread::sleep(Duration::from_secs(1));
    let mut crowd = Vec::new();
    for number in 0..CONNECTIONS {
        // Some connections fail, because QEMU's network has its own limits.
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

/// Compares the memory that the firmware reports after all trials with what the README says: the most of stack, and the least
/// that is left.
pub(super) fn memory(machine: &mut Machine, promised: &[u64]) -> Result<()> {
    machine.log();
    // Everybody has gone, and nothing of them is left.
    let line = machine.wait_for("status: 0 clients, 0 viewers", Duration::from_secs(30))?;
    let (_, stack) = line.split_once("stack ").context("no figure for the stack")?;
    let mut words = stack.split(' ');
    let (used, _, size) = (words.next(), words.next(), words.next());
    let used: u64 = used.context("no figure")?.parse()?;
    let size: u64 = size.context("no figure")?.parse()?;
    println!("stack: {used} bytes at most, of {size}; RAM left: {} of {RAM} bytes", size - used);
    let &[most, least] = promised else { bail!("other figures than stack and what is left: {promised:?}") };
    ensure!(used <= most, "{used} bytes of stack, and the README says {most}");
    ensure!(size - used >= least, "{} bytes are left, and the README says {least}", size - used);
    Ok(())
}
