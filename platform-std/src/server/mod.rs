//! The server: sockets, one thread, and an event loop around the core's per-client pump.

mod event_loop;
mod ready_queue;
mod slab;

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use mio::{Interest, Poll, Waker};
use mutoscope::io::server::Settings;
use mutoscope::session::server::{Config, MAX_URI_LEN};
use mutoscope::time::Duration;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigSet, Signal};

use crate::args::Args;
use crate::clock::MonotonicClock;
use crate::media::Library;
use crate::tcp::Listener;
use crate::udp::{self, UdpSocket};
use event_loop::{EventLoop, LISTENER, RTCP, RTP, WAKER};

/// Descriptors beside those of clients: standard streams, listener, UDP pair, poll, waker, some for the libraries.
const SPARE_FILES: u64 = 32;
/// Descriptors that are asked for where the system sets no limit: what Linux allows a process by default.
const MAX_FILES: u64 = 1 << 20;
/// What SETUP adds to a medium's URL.
const TRACK: &str = "/trackID=0";

/// Serves what the command line asks for until Ctrl-C. Errors are sentences for people.
pub fn run(args: &Args) -> Result<()> {
    // Before the files are indexed, which may take a while: a taken port should not be found out after that.
    let server = Server::bind(&Options::from(args))?;
    let serving = Arc::new(AtomicBool::new(false));
    handle_ctrl_c(server.stop_handle(), Arc::clone(&serving))?;

    let files = raise_file_limit();
    let library = if args.media.is_empty() {
        Library::built_in(args.frame_rate)
    } else {
        Library::from_paths(&args.media, args.frame_rate, args.policy())?
    };
    let needed = args.max_clients as u64 + library.names().count() as u64 + SPARE_FILES;
    if files < needed {
        log::warn!("the system allows {files} open files; {needed} would be needed for all clients");
    }
    if !server.address.ip().is_loopback() {
        log::warn!("there is no authentication: whoever reaches {} can watch", server.address);
    }
    let urls = server.urls(&library);
    for (url, name) in urls.iter().zip(library.names()).filter(|(url, _)| !can_be_requested(url)) {
        let len = url.len();
        log::warn!(
            "{name:?} can only be played by clients of the classic lab: its URL has {len} bytes, give it a shorter name"
        );
    }
    announce(urls)?;
    serving.store(true, Ordering::Release);
    server.serve(&library)
}

/// The first Ctrl-C stops the server, a second one does not wait for clients any more.
fn handle_ctrl_c(stop: StopHandle, serving: Arc<AtomicBool>) -> Result<()> {
    if is_ignored(Signal::SIGHUP) {
        // Started by nohup: the handler below would end the server with its terminal after all. The handler's thread
        // inherits what is blocked.
        let blocked = SigSet::from(Signal::SIGHUP).thread_block();
        blocked.context("cannot block the hang-up signal")?;
    }
    let handler = move || {
        if stop.is_stopping() {
            std::process::exit(130);
        }
        stop.stop();
        // Nobody to say BYE to, and nobody who looks at the request while files are being indexed.
        if !serving.load(Ordering::Acquire) {
            std::process::exit(0);
        }
    };
    ctrlc::set_handler(handler).context("cannot handle Ctrl-C")
}

/// Whether whoever started this process had it ignore `signal`. Only where there is `/proc`.
fn is_ignored(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal as u32 - 1) & 1 == 1
}

/// What a [`Server`] needs to know, apart from what it shows.
#[derive(Clone, Debug)]
pub struct Options {
    /// Address or name to listen on.
    pub host: String,
    /// TCP port for RTSP; 0 takes a free one.
    pub rtsp_port: u16,
    /// Even UDP port for RTP; `None` takes a free pair.
    pub server_port: Option<u16>,
    /// Most clients at once.
    pub max_clients: usize,
    /// After this long without a sign of life a session ends.
    pub session_timeout: Duration,
    /// Largest RTP payload in the standard dialect, in bytes.
    pub payload_size: usize,
    /// Largest RTP packet in the lab dialect, in bytes.
    pub max_packet_size: usize,
    /// Files start over at their end.
    pub repeat: bool,
    /// Send frames with restart markers.
    pub restart_markers: bool,
    /// Send the number of quantisation tables that RFC 2435 computes instead of the tables.
    pub computed_tables: bool,
}

impl From<&Args> for Options {
    fn from(args: &Args) -> Self {
        Self {
            host: args.host.clone(),
            rtsp_port: args.rtsp_port,
            server_port: args.server_port,
            max_clients: args.max_clients,
            session_timeout: Duration::from_secs(args.session_timeout as u64),
            payload_size: args.payload_size,
            max_packet_size: args.max_packet_size,
            repeat: args.repeat,
            restart_markers: args.restart_markers,
            computed_tables: args.computed_tables,
        }
    }
}

/// A server whose sockets are open.
#[derive(Debug)]
pub struct Server {
    options: Options,
    poll: Poll,
    listener: Listener,
    address: SocketAddr,
    rtp: UdpSocket,
    rtcp: UdpSocket,
    ports: (u16, u16),
    stop: StopHandle,
}

impl Server {
    /// Opens the sockets. From here on the kernel takes connections; [`serve`](Self::serve) answers them.
    pub fn bind(options: &Options) -> Result<Self> {
        let (host, port) = (&options.host, options.rtsp_port);
        let wanted = resolve(host, port)?;
        let mut listener = Listener::bind(wanted).map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => {
                anyhow!("port {port} of {host} is taken: stop what listens there, or choose another with --rtsp-port")
            }
            io::ErrorKind::AddrNotAvailable => anyhow!("{host} is not an address of this machine"),
            io::ErrorKind::PermissionDenied => anyhow!("not allowed to listen on port {port}: choose one above 1023"),
            _ => anyhow!("cannot listen on {wanted}: {error}"),
        })?;
        let (mut rtp, mut rtcp) =
            udp::bind_pair(wanted.ip(), options.server_port, udp::Options::SERVER).map_err(|error| {
                match (options.server_port, error.kind()) {
                    (Some(port), io::ErrorKind::AddrInUse) => {
                        anyhow!("UDP port {port} or the one after it is taken: choose another with --server-port")
                    }
                    _ => anyhow!("cannot open a pair of UDP ports: {error}"),
                }
            })?;
        let poll = Poll::new().context("cannot wait for sockets")?;
        let registry = poll.registry();
        let mut register = || -> io::Result<_> {
            registry.register(&mut listener, LISTENER, Interest::READABLE)?;
            // Not for writing: the kernel would report room after every datagram that left. The pump tries again by itself.
            registry.register(&mut rtp, RTP, Interest::READABLE)?;
            registry.register(&mut rtcp, RTCP, Interest::READABLE)?;
            let waker = Arc::new(Waker::new(registry, WAKER)?);
            let ports = (rtp.local_addr()?.port(), rtcp.local_addr()?.port());
            Ok((listener.local_addr()?, ports, waker))
        };
        let (address, ports, waker) = register().context("cannot wait for sockets")?;
        let stop = StopHandle { requested: Arc::default(), waker };
        Ok(Self { options: options.clone(), poll, listener, address, rtp, rtcp, ports, stop })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The URL of each medium, with an address that a player on this machine can use.
    pub fn urls(&self, library: &Library) -> Vec<String> {
        let address = SocketAddr::new(usable(self.address.ip()), self.address.port());
        library.names().map(|name| url(address, name)).collect()
    }

    /// Ends [`serve`](Self::serve) from another thread or a signal handler.
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// Serves until it is stopped; then says BYE to every client and gives them a moment to hear it.
    pub fn serve(self, library: &Library) -> Result<()> {
        let clock = MonotonicClock::new();
        let cname = canonical_name()?;
        let settings = Settings {
            session: Config { session_timeout: self.options.session_timeout, ..Config::default() },
            wall: clock.wall_clock(),
            server_port: self.ports,
            payload_size: self.options.payload_size,
            max_packet_size: self.options.max_packet_size,
            repeat: self.options.repeat,
            restart_markers: self.options.restart_markers,
            computed_tables: self.options.computed_tables,
            cname: &cname,
        };
        EventLoop::new(self, library, settings, clock).run()
    }
}

/// Stops a [`Server`]; may be cloned and sent to other threads.
#[derive(Clone, Debug)]
pub struct StopHandle {
    requested: Arc<AtomicBool>,
    waker: Arc<Waker>,
}

impl StopHandle {
    /// Asks the server to stop; returns at once.
    pub fn stop(&self) {
        self.requested.store(true, Ordering::Release);
        if let Err(error) = self.waker.wake() {
            log::error!("cannot wake the server: {error}");
        }
    }

    /// Whether it was asked to.
    pub fn is_stopping(&self) -> bool {
        self.requested.load(Ordering::Acquire)
    }
}

/// Whether a request may be about it: names in other scripts than Latin become three times as long in a URL.
fn can_be_requested(url: &str) -> bool {
    url.len() + TRACK.len() <= MAX_URI_LEN
}

/// One line per URL on standard output, for people to copy and programs to wait for. From a thread of its own: nobody may be
/// reading, and a pipe that is full of the URLs of a large folder is no reason not to serve.
fn announce(urls: Vec<String>) -> Result<()> {
    let write = move || {
        let mut out = io::stdout().lock();
        let _ = urls.iter().try_for_each(|url| writeln!(out, "{url}")).and_then(|()| out.flush());
    };
    thread::Builder::new().spawn(write).context("cannot start a thread")?;
    Ok(())
}

/// IPv4 where a name has both: that is what most players try first.
fn resolve(host: &str, port: u16) -> Result<SocketAddr> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let found: Vec<SocketAddr> = (bare, port)
        .to_socket_addrs()
        .map_err(|error| anyhow!("{host:?} is neither an address nor a name that can be resolved: {error}"))?
        .collect();
    let preferred = found.iter().find(|address| address.is_ipv4()).or(found.first());
    preferred.copied().with_context(|| format!("{host:?} has no address"))
}

/// An address for URLs where the server listens on all of them: the one that packets to elsewhere would come from.
fn usable(listening: IpAddr) -> IpAddr {
    if !listening.is_unspecified() {
        return listening;
    }
    let address_towards = |from: IpAddr, to: IpAddr| -> io::Result<IpAddr> {
        // Connecting a UDP socket chooses a route and sends nothing. The destinations are documentation addresses.
        let probe = std::net::UdpSocket::bind((from, 0))?;
        probe.connect((to, 9))?;
        Ok(probe.local_addr()?.ip())
    };
    let elsewhere_v4 = Ipv4Addr::new(192, 0, 2, 1).into();
    let elsewhere_v6 = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into();
    address_towards(Ipv4Addr::UNSPECIFIED.into(), elsewhere_v4)
        .or_else(|error| match listening {
            IpAddr::V6(_) => address_towards(Ipv6Addr::UNSPECIFIED.into(), elsewhere_v6),
            IpAddr::V4(_) => Err(error),
        })
        .unwrap_or(Ipv4Addr::LOCALHOST.into())
}

/// A name as a URL's path segment (RFC 3986 section 3.3).
/// Where a player on this machine finds the medium `name` of a server that listens at `host` and `port`; an error where
/// its requests are too long to be carried out.
pub(crate) fn check_url(host: &str, port: u16, name: &str) -> Result<()> {
    let address = resolve(host, port)?;
    let url = url(SocketAddr::new(usable(address.ip()), address.port()), name);
    if !can_be_requested(&url) {
        let len = url.len();
        bail!("its URL has {len} bytes, too long for any player but those of the classic lab: give it a shorter name");
    }
    Ok(())
}

fn url(address: SocketAddr, name: &str) -> String {
    format!("rtsp://{address}/{}", percent_encode(name))
}

fn percent_encode(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Fresh for each run and telling nobody who runs it (RFC 7022 section 4.2).
fn canonical_name() -> Result<String> {
    Ok(format!("{:016x}{:08x}", random()?, random()? as u32))
}

/// 64 bits that nobody can guess.
fn random() -> Result<u64> {
    getrandom::u64().map_err(|error| anyhow!("the system gives no random numbers: {error}"))
}

/// Takes as many descriptors as the system gives, and tells how many. Every media file takes one, and how many there are
/// is known only when they are open.
fn raise_file_limit() -> u64 {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        let wanted = hard.min(MAX_FILES);
        if wanted > soft { setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).map(|()| wanted) } else { Ok(soft) }
    });
    raised.unwrap_or_else(|error| {
        log::warn!("cannot ask for more open files: {error}");
        getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(soft, _)| soft)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_path_segments() {
        assert_eq!(percent_encode("movie.Mjpeg"), "movie.Mjpeg");
        assert_eq!(percent_encode("a b/ü?%#.mjpg"), "a%20b%2F%C3%BC%3F%25%23.mjpg");
    }

    #[test]
    fn a_name_too_long_for_a_request_is_noticed() {
        let url = |len: usize| format!("rtsp://127.0.0.1:8554/{}", "x".repeat(len));
        assert!(can_be_requested(&url(MAX_URI_LEN - 22 - TRACK.len())));
        assert!(!can_be_requested(&url(MAX_URI_LEN - 21 - TRACK.len())));
    }

    #[test]
    fn hosts_resolve_with_and_without_brackets() {
        assert_eq!(resolve("127.0.0.1", 5).unwrap(), "127.0.0.1:5".parse().unwrap());
        assert_eq!(resolve("[::1]", 5).unwrap(), "[::1]:5".parse().unwrap());
        assert!(resolve("no such host", 5).is_err());
    }

    #[test]
    fn an_unspecified_address_is_not_offered_to_players() {
        for listening in [IpAddr::from(Ipv4Addr::UNSPECIFIED), Ipv6Addr::UNSPECIFIED.into()] {
            assert!(!usable(listening).is_unspecified());
        }
        assert_eq!(usable(Ipv4Addr::LOCALHOST.into()), Ipv4Addr::LOCALHOST);
    }

    #[test]
    fn canonical_names_differ_from_run_to_run() {
        assert_ne!(canonical_name().unwrap(), canonical_name().unwrap());
    }
}
