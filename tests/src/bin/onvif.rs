//! Finds the server by WS-Discovery, asks it by ONVIF with the libraries of others, plays where that leads to, and gets a snapshot.
//!
//! `cargo xtask test --only interop` installs the libraries and runs this.
#![allow(clippy::print_stdout, reason = "the table is this program's product")]

use anyhow::{Context, Result, ensure};
use clap::Parser;
use mutoscope::jpeg::Layout;
use mutoscope_tests::interop::players::{Player, Transport};
use mutoscope_tests::onvif::{Accounts, record};
use mutoscope_tests::process::{Scratch, Server, exit_code};
use nix::net::if_::InterfaceFlags;
use socket2::SockRef;
use std::io::Write;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// Finds the server as a video recorder does, and plays what it leads to.
#[derive(Parser)]
struct Args {
    /// The server's program
    #[arg(long, default_value = "target/release/mutoscope-server")]
    server: PathBuf,
    /// A Python that has onvif-zeep-async and WSDiscovery; without it, discovery alone is tried
    #[arg(long)]
    python: Option<PathBuf>,
}

const GROUP: (Ipv4Addr, u16) = (Ipv4Addr::new(239, 255, 255, 250), 3702);
/// A password of each of two kinds of accounts.
const NVR: (&str, &str) = ("nvr", "a password & more");
const ANNA: (&str, &str) = ("anna", "another one");
/// So many operations there are.
const OPERATIONS: usize = 17;
const PICTURES: usize = 12;
const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    exit_code(run(&Args::parse()))
}

fn run(args: &Args) -> Result<bool> {
    let scratch = Scratch::new("onvif")?;
    let [users, onvif_users] = ["users", "onvif-users"].map(|name| scratch.0.join(name).display().to_string());
    passwd(&args.server, &["--onvif", &onvif_users], NVR)?;
    passwd(&args.server, &[&users], ANNA)?;
    let own = own_address();
    let mut options = vec!["--http", "0", "--onvif", "--onvif-users", &onvif_users, "--users", &users];
    let own_text = own.map(|address| address.to_string());
    options.extend(own_text.iter().flat_map(|address| ["--host", address]));
    let server = Server::start(&args.server, &options)?;
    let page = server.page.clone().context("the server printed no address of its page")?;
    println!("| what | result |\n|---|---|");
    let expected = format!("{page}onvif/device_service");
    let found = probe(&expected)?;
    println!("| probe and resolve on the loopback interface | {found} |");
    if let Some(python) = &args.python {
        let (host, port) =
            page.trim_start_matches("http://").trim_end_matches('/').split_once(':').context("no port")?;
        recorded(python, &scratch.0, (host, port.parse()?), own, server.address.port())?;
    } else {
        println!("SKIPPED recorder: no Python was named that has onvif-zeep-async and WSDiscovery");
    }
    let (listener, deadline) = (listener()?, Instant::now() + PATIENCE);
    let (status, log) = server.interrupt()?;
    let is_goodbye = |text: &str| text.contains("/discovery/Bye<") && text.contains("<d:Bye>");
    while !is_goodbye(&receive(&listener).context("no goodbye was said")?) {
        ensure!(Instant::now() < deadline, "no goodbye was said");
    }
    println!("| goodbye | heard |");
    let has_secrets = [NVR.1, ANNA.1].iter().any(|secret| log.contains(secret));
    let is_good = status == Some(0) && !log.contains("panicked") && !has_secrets;
    if !is_good {
        println!("the server ended with {status:?} after SIGINT; its log:\n{log}");
    }
    Ok(is_good)
}

/// All that a recorder of others' libraries can ask, and what it gets by that.
fn recorded(python: &Path, scratch: &Path, place: (&str, u16), own: Option<Ipv4Addr>, rtsp_port: u16) -> Result<()> {
    let snapshot = scratch.join("snapshot.jpg");
    let accounts = Accounts { token: NVR, digest: ANNA };
    let report = record(python, scratch, place, accounts, &snapshot, own.is_some())?;
    for way in ["token", "digest"] {
        let number = report.all(way).count();
        ensure!(number == OPERATIONS, "{number} of {OPERATIONS} operations have an answer by {way}");
        println!("| operations by {way} | {number} |");
    }
    let profiles: Vec<_> = report.all("profile").collect();
    ensure!(profiles.iter().all(|profile| profile.get(2).is_some_and(|encoding| encoding == "JPEG")), "{profiles:?}");
    let names: Vec<_> = profiles.iter().filter_map(|profile| profile.first()).collect();
    ensure!(names == ["testcard", "movie.Mjpeg"], "{names:?}");
    ensure!(report.one("snapshot")? == report.one("snapshot by the library")?, "two addresses");
    ensure!(report.one("wrong password")? != "let in", "a wrong password lets in");
    ensure!(report.one("GetUsers")?.contains("cannot do that"), "{}", report.one("GetUsers")?);
    let uri = report.one("stream")?;
    ensure!(uri == format!("rtsp://{}:{rtsp_port}/testcard", place.0), "{uri}");
    let picture = std::fs::read(&snapshot)?;
    let layout = Layout::parse(&picture).map_err(|error| anyhow::anyhow!("the snapshot is no picture: {error:?}"))?;
    println!("| snapshot | {}x{} |", layout.width, layout.height);
    let password = NVR.1.replace(' ', "%20").replace('&', "%26");
    let url = uri.replacen("rtsp://", &format!("rtsp://{}:{password}@", NVR.0), 1);
    match Player::Ffmpeg.find(None) {
        Some(ffmpeg) => {
            for transport in [Transport::Udp, Transport::Tcp] {
                let played = ffmpeg.watch(&url, transport, PICTURES, PATIENCE)?;
                ensure!(played.pictures.len() == PICTURES, "{} pictures: {}", played.pictures.len(), played.complaints);
                println!("| played by {transport} | {PICTURES} pictures |");
            }
        }
        None => println!("SKIPPED playing: no ffmpeg"),
    }
    let Some(own) = own else {
        println!("SKIPPED search in the network: this machine is in none");
        return Ok(());
    };
    let found = format!("http://{own}:{}/onvif/device_service", place.1);
    let all: Vec<_> = report.all("found").collect();
    ensure!(all.iter().any(|line| line.first() == Some(&found)), "{found} is not among {all:?}");
    ensure!(report.one("displays")? == "0", "it says that it is a display");
    println!("| search in the network | {found} |");
    Ok(())
}

/// Gives somebody a password.
fn passwd(server: &Path, arguments: &[&str], (name, password): (&str, &str)) -> Result<()> {
    let mut command = Command::new(server);
    let mut child = command.arg("passwd").args(arguments).arg(name).stdin(Stdio::piped()).spawn()?;
    child.stdin.take().context("no standard input")?.write_all(password.as_bytes())?;
    let status = child.wait()?;
    ensure!(status.success(), "passwd: {status}");
    Ok(())
}

/// An address of this machine in a network of others.
fn own_address() -> Option<Ipv4Addr> {
    let wanted = InterfaceFlags::IFF_UP | InterfaceFlags::IFF_MULTICAST;
    let is_far = |flags: InterfaceFlags| flags.contains(wanted) && !flags.contains(InterfaceFlags::IFF_LOOPBACK);
    let mut all = nix::ifaddrs::getifaddrs().ok()?.filter(|it| is_far(it.flags));
    all.find_map(|it| Some(it.address?.as_sockaddr_in()?.ip()).filter(|address| !address.is_link_local()))
}

/// Asks on the loopback interface, with nothing but a socket, and gives the device's name.
fn probe(expected: &str) -> Result<String> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    SockRef::from(&socket).set_multicast_if_v4(&Ipv4Addr::LOCALHOST)?;
    socket.set_read_timeout(Some(Duration::from_millis(500)))?;
    let deadline = Instant::now() + PATIENCE;
    let ask = |body: &str, action: &str, id: u32, is_meant: &dyn Fn(&str) -> bool| -> Result<String> {
        let question = question(action, body, id);
        loop {
            ensure!(Instant::now() < deadline, "no answer to {action}");
            socket.send_to(question.as_bytes(), GROUP)?;
            // Others on this machine may be asked, too.
            if let Some(answer) = receive(&socket).ok().filter(|answer| is_meant(answer)) {
                // Once: nothing comes for the second question, which is the same.
                socket.send_to(question.as_bytes(), GROUP)?;
                while let Ok(more) = receive(&socket) {
                    ensure!(!is_meant(&more), "{action} was answered twice");
                }
                return Ok(answer);
            }
        }
    };
    let is_ours = |answer: &str| answer.contains(expected);
    let id = std::process::id();
    let answer = ask("<d:Probe/>", "Probe", id, &is_ours)?;
    let endpoint = between(&answer, "<a:Address>", "</a:Address>").context("no endpoint")?;
    ensure!(answer.contains(&format!("<a:RelatesTo>urn:test:{id}</a:RelatesTo>")), "{answer}");
    let reference =
        format!("<d:Resolve><a:EndpointReference><a:Address>{endpoint}</a:Address></a:EndpointReference></d:Resolve>");
    let resolved = ask(&reference, "Resolve", id + 1, &is_ours)?;
    ensure!(resolved.contains("<d:ResolveMatch>") && resolved.contains(endpoint), "{resolved}");
    Ok(endpoint.to_owned())
}

fn question(action: &str, body: &str, id: u32) -> String {
    let discovery = "http://schemas.xmlsoap.org/ws/2005/04/discovery";
    format!(
        "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope' xmlns:a='http://schemas.xmlsoap.org/ws/2004/08/addressing' \
         xmlns:d='{discovery}'><s:Header><a:Action>{discovery}/{action}</a:Action><a:MessageID>urn:test:{id}</a:MessageID>\
         <a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> Option<&'a str> {
    text.split_once(begin)?.1.split_once(end).map(|(inside, _)| inside)
}

fn receive(socket: &UdpSocket) -> Result<String> {
    let mut buffer = [0; 4096];
    let (len, _) = socket.recv_from(&mut buffer)?;
    Ok(String::from_utf8_lossy(buffer.get(..len).unwrap_or_default()).into_owned())
}

/// Hears what is told to all on the loopback interface.
fn listener() -> Result<UdpSocket> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&std::net::SocketAddr::from((Ipv4Addr::UNSPECIFIED, GROUP.1)).into())?;
    socket.join_multicast_v4(&GROUP.0, &Ipv4Addr::LOCALHOST)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket.into())
}
