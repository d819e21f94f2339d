//! Sends what a server would send to many viewers, and does nothing else: no sessions, no reports, no files, no clock of a medium.
//! What this takes of a processor is what the kernel takes, so that it shows how much a server adds.
//!
//! Each frame is one call: over UDP, datagrams that the kernel cuts (`UDP_SEGMENT`), all from one socket; over TCP, one vectored write.
//! Viewers are in another process, which only reads.

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use mio::{Events, Interest, Poll, Token};
use mutoscope_tests::process::{Usage, pin, raise_descriptors};
use nix::sys::socket::{ControlMessage, MsgFlags, SockaddrIn, sendmsg};
use std::io::{BufRead, BufReader, ErrorKind, IoSlice, Read, Write};
use std::net::{SocketAddr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Sends frames to viewers that only read; prints `name=value`.
#[derive(Clone, Parser)]
struct Args {
    /// How media travels.
    #[arg(long, value_enum, default_value = "udp")]
    transport: Lower,
    /// How many get it.
    #[arg(long, default_value_t = 100)]
    viewers: usize,
    /// How long, in seconds.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Frames a second.
    #[arg(long, default_value_t = 24)]
    frame_rate: u32,
    /// Bytes of a frame.
    #[arg(long, default_value_t = 25_500)]
    frame_bytes: usize,
    /// Milliseconds that it sleeps longer than until the next frame is due, so that several share a wake-up.
    #[arg(long, default_value_t = 0)]
    slack_ms: u64,
    /// Each frame is in one piece, and goes to all at the same time, as that of a live stream by HTTP (TCP).
    #[arg(long)]
    whole: bool,
    /// Keep the sender to core 0 and the viewers to core 1.
    #[arg(long)]
    pin: bool,
    /// Be the viewers, of a sender that listens here (TCP).
    #[arg(long, hide = true)]
    read_from: Option<SocketAddr>,
    /// Be the viewers, and print their ports (UDP).
    #[arg(long, hide = true)]
    read: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Lower {
    Udp,
    Tcp,
}

/// Bytes of a frame in one packet, as with an MTU of 1,400.
const SLICE: usize = 1380;
/// RTP's and RTP/JPEG's headers.
const HEAD: usize = 20;
/// The same and what frames a packet within an RTSP connection.
const INTERLEAVED_HEAD: usize = 24;

fn main() -> Result<()> {
    let args = Args::parse();
    raise_descriptors()?;
    if args.read || args.read_from.is_some() { read(&args) } else { send(&args) }
}

/// The viewers' process, whose last line says how many bytes came.
fn viewers(args: &Args, source: &[&str]) -> Result<std::process::Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(source).args(["--viewers", &args.viewers.to_string(), "--seconds", &args.seconds.to_string()]);
    if args.pin {
        command.arg("--pin");
    }
    command.stdout(Stdio::piped()).spawn().context("cannot start the viewers")
}

/// Where frames go.
enum Sinks {
    Udp(UdpSocket, Vec<SockaddrIn>),
    Tcp(Vec<TcpStream>),
}

impl Sinks {
    /// Sends a viewer a frame; whether all of it was taken.
    fn frame(&self, viewer: usize, packets: &[IoSlice<'_>], len: usize) -> Result<bool> {
        let taken = match self {
            Self::Udp(socket, addresses) => {
                let size = (HEAD + SLICE) as u16;
                let cut = [ControlMessage::UdpGsoSegments(&size)];
                let to = &addresses[viewer];
                sendmsg(socket.as_raw_fd(), packets, &cut, MsgFlags::empty(), Some(to)).map_err(std::io::Error::from)
            }
            Self::Tcp(streams) => (&streams[viewer]).write_vectored(packets),
        };
        match taken {
            Ok(taken) => Ok(taken == len),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn send(args: &Args) -> Result<()> {
    let (mut child, mut lines, sinks);
    match args.transport {
        Lower::Udp => {
            child = viewers(args, &["--read"])?;
            lines = BufReader::new(child.stdout.take().context("no stdout")?).lines();
            let ports = lines.next().context("the viewers say no ports")??;
            let address = |port: &str| Ok(SockaddrIn::from(SocketAddrV4::new([127, 0, 0, 1].into(), port.parse()?)));
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.set_nonblocking(true)?;
            socket2::SockRef::from(&socket).set_send_buffer_size(2 << 20)?;
            sinks = Sinks::Udp(socket, ports.split(' ').map(address).collect::<Result<_>>()?);
        }
        Lower::Tcp => {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            child = viewers(args, &["--read-from", &listener.local_addr()?.to_string()])?;
            lines = BufReader::new(child.stdout.take().context("no stdout")?).lines();
            let mut streams = Vec::new();
            for _ in 0..args.viewers {
                let (stream, _) = listener.accept()?;
                stream.set_nonblocking(true)?;
                stream.set_nodelay(true)?;
                streams.push(stream);
            }
            lines.next().context("the viewers do not read")??;
            sinks = Sinks::Tcp(streams);
        }
    }
    if args.pin {
        pin(std::process::id(), 0)?;
    }
    let (processor, late_ms) = play(args, &sinks)?;
    let received = lines.next().context("the viewers have not said what they got")??;
    child.wait()?;
    let frames = args.seconds * u64::from(args.frame_rate);
    let sent = (args.viewers as u64 * frames) as f64 * frame_len(args) as f64;
    let ms = processor.as_secs_f64() * 1000.0 / (args.viewers as f64 * args.seconds as f64);
    #[allow(clippy::print_stdout, reason = "the figures are this program's product")]
    {
        println!(
            "processor_ms={ms:.3} delivered={:.4} late_ms={late_ms:.1} peak_kib={}",
            received.parse::<f64>()? / sent,
            Usage::of(std::process::id())?.peak_kib
        );
    }
    Ok(())
}

fn head(args: &Args) -> usize {
    if args.transport == Lower::Udp { HEAD } else { INTERLEAVED_HEAD }
}

/// Bytes of a frame with its heads.
fn frame_len(args: &Args) -> usize {
    args.frame_bytes + args.frame_bytes.div_ceil(slice(args)) * head(args)
}

/// Bytes of a frame that have a head.
fn slice(args: &Args) -> usize {
    if args.whole { args.frame_bytes } else { SLICE }
}

/// Sends all frames, those of different viewers spread over the time of a frame. Returns the processor time that it took, and how late
/// the latest was.
fn play(args: &Args, sinks: &Sinks) -> Result<(Duration, f64)> {
    let data = vec![0_u8; args.frame_bytes];
    let heads = [0_u8; INTERLEAVED_HEAD];
    let packets: Vec<_> =
        data.chunks(slice(args)).flat_map(|slice| [IoSlice::new(&heads[..head(args)]), IoSlice::new(slice)]).collect();
    let (len, slack) = (frame_len(args), Duration::from_millis(args.slack_ms));
    std::thread::sleep(Duration::from_millis(300));
    let before = Usage::of(std::process::id())?;
    let begin = Instant::now();
    let mut latest = Duration::ZERO;
    for frame in 0..args.seconds * u64::from(args.frame_rate) {
        for viewer in 0..args.viewers {
            let share = if args.whole { 0.0 } else { viewer as f64 / args.viewers as f64 };
            let turn = frame as f64 + share;
            let due = Duration::from_secs_f64(turn / f64::from(args.frame_rate));
            let now = begin.elapsed();
            if due > now {
                std::thread::sleep(due - now + slack);
            } else {
                latest = latest.max(now - due);
            }
            sinks.frame(viewer, &packets, len)?;
        }
    }
    let after = Usage::of(std::process::id())?;
    Ok((after.processor - before.processor, latest.as_secs_f64() * 1000.0))
}

/// Reads until nothing has come for a second.
#[allow(clippy::print_stdout, reason = "the sender reads it")]
fn read(args: &Args) -> Result<()> {
    if args.pin {
        pin(std::process::id(), 1)?;
    }
    let mut poll = Poll::new()?;
    let (mut datagrams, mut streams, mut ports) = (Vec::new(), Vec::new(), Vec::new());
    for viewer in 0..args.viewers {
        if let Some(sender) = args.read_from {
            let stream = TcpStream::connect(sender)?;
            stream.set_nonblocking(true)?;
            let mut stream = mio::net::TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(viewer), Interest::READABLE)?;
            streams.push(stream);
        } else {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.set_nonblocking(true)?;
            socket2::SockRef::from(&socket).set_recv_buffer_size(1 << 20)?;
            ports.push(socket.local_addr()?.port().to_string());
            let mut socket = mio::net::UdpSocket::from_std(socket);
            poll.registry().register(&mut socket, Token(viewer), Interest::READABLE)?;
            datagrams.push(socket);
        }
    }
    println!("{}", ports.join(" "));
    let mut chunk = vec![0_u8; 1 << 18];
    let (mut received, mut last) = (0_u64, Instant::now());
    let mut events = Events::with_capacity(1024);
    while last.elapsed() < Duration::from_secs(if received == 0 { 10 } else { 1 }) {
        poll.poll(&mut events, Some(Duration::from_millis(100)))?;
        for event in &events {
            let Token(viewer) = event.token();
            loop {
                let got = match streams.get_mut(viewer) {
                    Some(stream) => stream.read(&mut chunk),
                    None => datagrams[viewer].recv(&mut chunk),
                };
                match got {
                    Ok(0) => break,
                    Ok(got) => received += got as u64,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error.into()),
                }
                last = Instant::now();
            }
        }
    }
    ensure!(received > 0, "nothing came");
    println!("{received}");
    Ok(())
}
