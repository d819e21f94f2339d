//! The server: sockets, threads, and an event loop in each, around the core's [`Peer`](mutoscope::io::server::Peer).
//!
//! It serves whatever a [`Catalogue`] offers: a [`Library`](crate::media::Library) of files, or media of your own.
//!
//! ```no_run
//! use mutoscope_std::media::Library;
//! use mutoscope_std::server::{Error, Options, Server};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let library = Library::built_in("25".parse()?);
//! let server = Server::bind(&Options { hosts: vec!["0.0.0.0".into()], ..Options::default() })?;
//! for name in library.names() {
//!     println!("{}", server.url(name));
//! }
//! server.serve(library)?; // until somebody calls `stop` of its `stop_handle`
//! # Ok(())
//! # }
//! ```

mod acceptor;
mod address;
mod admissions;
mod buffers;
mod clients;
mod context;
mod debt;
mod door;
mod endpoint;
mod error;
mod event_loop;
mod histogram;
mod hosts;
mod limits;
mod listen;
pub(crate) mod load;
mod monitor;
mod post;
mod reception;
mod register;
mod reports;
pub mod room;
mod schedule;
mod sessions;
mod slab;
mod tally;
mod wake;

#[cfg(any(feature = "announce", feature = "http"))]
pub(crate) use address::machine_name;
pub use address::{MAX_URL_LEN, percent_encode, resolve, url};
pub use context::served_peer;
pub use door::{About, Door};
pub use error::Error;
pub use limits::Limits;
pub use listen::Listeners;
pub use monitor::Monitor;
#[cfg(all(feature = "http", test))]
pub(crate) use sessions::Id as SessionId;

#[cfg(feature = "http")]
pub(crate) use {
    address::url_of,
    admissions::Place,
    histogram::Histogram,
    listen::listen_at,
    register::Report,
    sessions::Session,
    tally::{Flow, Spread, Tally},
};

use std::io;
use std::mem;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ipnet::IpNet;
use mio::Poll;
use mutoscope::io::server::{Open, Settings};
use mutoscope::media::catalogue::Catalogue;
use mutoscope::session::server::Config;
use mutoscope::time::Duration;
use mutoscope::wire::lab::payload::Payload;

#[cfg(feature = "tls")]
use crate::tls::Certificates;
use crate::tls::Identity;
use crate::udp;
use crate::watch::Captured;
use address::Place as At;
use endpoint::{Around, Endpoint, Entrance, Plan};
use event_loop::{Common, EventLoop, Sockets};
use post::Mailbox;
use register::Register;

/// The options of a [`Server`].
// More than 15 fields: each is an option that a program may offer.
#[derive(Clone, Debug)]
pub struct Options {
    /// Addresses and names to listen on, one at least. A name stands for all of its addresses that are this machine's; the name
    /// `localhost` for those of IPv4 and IPv6.
    pub hosts: Vec<String>,
    /// TCP port for RTSP; 0 takes a free one.
    pub rtsp_port: u16,
    /// TLS: a second port, for `rtsps://`. It takes the feature `tls`.
    pub tls: Option<TlsOptions>,
    /// Even UDP port for RTP; `None` takes a free pair.
    pub server_port: Option<u16>,
    /// So many threads serve clients, one at least. Those with more than one share connections evenly, and the UDP ports.
    pub threads: usize,
    /// Most clients at once.
    pub max_clients: usize,
    /// Networks whose addresses have no limits of their own. All others, but this machine's, may have a quarter of the places each
    /// (16 at least), and 20 new connections a second.
    pub trusted: Vec<IpNet>,
    /// Most bits that are sent in a second, over all streams; `None`: no limit. New viewers are refused before it is reached.
    pub max_bandwidth: Option<u64>,
    /// After this long without a sign of life a session ends.
    pub session_timeout: Duration,
    /// Largest RTP payload in the standard dialect, in bytes.
    pub payload_size: usize,
    /// Largest RTP packet in the lab dialect, in bytes. Larger files leave in parts.
    pub max_packet_size: usize,
    /// How files lie in packets in the lab dialect, where the client does not say.
    pub lab_payload: Payload,
    /// Files start over at their end.
    pub repeat: bool,
    /// Send frames with restart markers.
    pub restart_markers: bool,
    /// Send the number of quantisation tables that RFC 2435 computes instead of the tables.
    pub computed_tables: bool,
    /// Clients may publish to the media that take it.
    pub record: bool,
    /// Frames of files leave on a grid of so much, so that viewers share wake-ups; zero: each at its own instants.
    pub wake_grid: Duration,
}

/// What TLS takes.
#[derive(Clone, Debug)]
pub struct TlsOptions {
    /// TCP port for RTSP in TLS; 0 takes a free one.
    pub port: u16,
    /// Where the certificate is.
    pub identity: Identity,
    /// There is no port for RTSP without TLS.
    pub only: bool,
}

/// Port 8554 of 127.0.0.1 and a free pair of UDP ports, one thread, 100 clients, sessions that end after 60 s of silence, packets for
/// Ethernet and for the lab's client, and nothing that any player refuses.
impl Default for Options {
    fn default() -> Self {
        let (session, settings) = (Config::default(), Settings::default());
        Self {
            hosts: vec!["127.0.0.1".to_owned()],
            rtsp_port: 8554,
            tls: None,
            server_port: None,
            threads: 1,
            max_clients: 100,
            trusted: Vec::new(),
            max_bandwidth: None,
            session_timeout: session.session_timeout,
            payload_size: settings.payload_size,
            max_packet_size: settings.max_packet_size,
            lab_payload: settings.lab_payload,
            repeat: settings.repeat,
            restart_markers: settings.restart_markers,
            computed_tables: settings.computed_tables,
            record: session.record,
            wake_grid: Duration::from_millis(2),
        }
    }
}

impl Options {
    /// Where a server with these options will listen.
    ///
    /// # Errors
    /// [`Error::Resolve`].
    pub fn addresses(&self) -> Result<Vec<SocketAddr>, Error> {
        Ok(At::of_all(&self.hosts, self.rtsp_port)?.into_iter().map(|place| place.address).collect())
    }
}

/// The defaults, at an address of this machine.
impl From<SocketAddr> for Options {
    fn from(address: SocketAddr) -> Self {
        Self { hosts: vec![address.ip().to_string()], rtsp_port: address.port(), ..Self::default() }
    }
}

/// A server whose sockets are open.
#[derive(Debug)]
pub struct Server {
    options: Options,
    /// Of each loop. The first one takes connections and reads datagrams.
    sockets: Vec<Sockets>,
    #[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "there are none"))]
    certificates: Option<Certificates>,
    limits: Arc<Limits>,
    stop: StopHandle,
    register: Arc<Register>,
    captured: Captured,
}

impl Server {
    /// Opens the sockets. From here on the kernel takes connections; [`serve`](Self::serve) answers them.
    ///
    /// # Errors
    /// Those of the address, the ports and the system; see [`Error`].
    pub fn bind(options: &Options) -> Result<Self, Error> {
        Self::bind_with(options, Listeners::default())
    }

    /// The same with listeners that are open already: those of a kind take the place of the port of this kind, and those of any that
    /// of the hosts.
    ///
    /// # Errors
    /// Those of [`bind`](Self::bind), and [`Error::Listener`].
    pub fn bind_with(options: &Options, listeners: Listeners) -> Result<Self, Error> {
        let places = match listeners.is_empty() {
            true => At::of_all(&options.hosts, options.rtsp_port)?,
            false => At::of_listeners(&listeners),
        };
        let sockets = if options.record { udp::Options::RECORDING_SERVER } else { udp::Options::SERVER };
        let (plans, certificates) = plans(options, &places)?;
        let (plans, given) = assign(plans, listeners)?;
        let mut endpoints = Endpoint::bind_all(&places, &plans, options.server_port, sockets)?;
        for (listener, around) in given {
            let address = listener.local_addr().map_err(Error::Wait)?.ip();
            let at = places.iter().position(|place| place.includes(address));
            // Each of them has its place, and no place is missing.
            let endpoint = at.and_then(|at| endpoints.get_mut(at));
            endpoint.map_or(Ok(()), |endpoint| endpoint.adopt(listener, around))?;
        }
        let register = || -> io::Result<_> {
            let mut sockets = vec![Sockets::register(Poll::new()?, endpoints)?];
            for _ in 1..options.threads {
                sockets.push(sockets[0].share(Poll::new()?)?);
            }
            Sockets::share_room(&mut sockets);
            let mailboxes = sockets.iter().map(Sockets::mailbox).collect::<io::Result<_>>()?;
            Ok((sockets, mailboxes))
        };
        let (sockets, mailboxes) = register().map_err(Error::Wait)?;
        let stop = StopHandle { requested: Arc::default(), mailboxes };
        let (limits, register) = (Limits::new(options), Register::new(sockets.len()));
        let captured = Captured::default();
        Ok(Self { options: options.clone(), sockets, certificates, limits, stop, register, captured })
    }

    /// All that is said and heard, by RTSP, RTP and RTCP, is written there.
    #[cfg(feature = "pcap")]
    pub fn capture(&mut self, capture: crate::capture::Capture) {
        self.captured = Captured(Some(capture));
    }

    /// Its limits, for others who serve the same streams.
    pub fn limits(&self) -> Arc<Limits> {
        Arc::clone(&self.limits)
    }

    /// Tells what it does, for as long as there is anybody who wants to know.
    pub fn monitor(&self) -> Monitor {
        let (limits, register) = (self.limits(), Arc::clone(&self.register));
        Monitor { stop: self.stop.clone(), limits, register }
    }

    /// Where it listens; the first of several addresses.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addrs().next().unwrap_or((Ipv4Addr::UNSPECIFIED, 0).into())
    }

    /// All addresses where it listens; those for TLS come last.
    pub fn local_addrs(&self) -> impl Iterator<Item = SocketAddr> {
        self.entrances().map(Entrance::address)
    }

    fn entrances(&self) -> impl Iterator<Item = &Entrance> {
        let of_kind = |is_private| {
            let endpoints = self.sockets.iter().flat_map(Sockets::endpoints);
            let entrances = endpoints.flat_map(|endpoint| &endpoint.entrances);
            entrances.filter(move |entrance| entrance.is_private() == is_private)
        };
        of_kind(false).chain(of_kind(true))
    }

    /// The certificate of its `rtsps://` URLs, which may be read again while it serves.
    #[cfg(feature = "tls")]
    pub fn certificates(&self) -> Option<&Certificates> {
        self.certificates.as_ref()
    }

    /// The URL of the medium `name`, with an address that a player on this machine can use.
    pub fn url(&self, name: &str) -> String {
        self.urls(name).next().unwrap_or_default()
    }

    /// The URLs of the medium `name` at all addresses where it listens.
    pub fn urls(&self, name: &str) -> impl Iterator<Item = String> {
        self.entrances().map(move |entrance| {
            let scheme = if entrance.is_private() { "rtsps" } else { "rtsp" };
            address::url_of(scheme, entrance.address(), name)
        })
    }

    /// Ends [`serve`](Self::serve) from another thread or a signal handler.
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// Serves what `catalogue` offers until it is stopped; then says BYE to every client and gives them a moment to hear it.
    /// Everything happens on this thread, and on others where [`Options::threads`] asks for them; a client stays where it is. Sources
    /// must not block there: one that has to wait for a frame says so ([`Advance::Pending`](mutoscope::media::Advance::Pending)) and
    /// wakes the server when the frame is there.
    ///
    /// # Errors
    /// [`Error::Wait`], [`Error::Accept`] or [`Error::Random`]. An error of one client's sockets ends that client only.
    pub fn serve<C: Catalogue + Sync>(self, catalogue: C) -> Result<(), Error> {
        self.serve_guarded(catalogue, Open)
    }

    /// The same as [`serve`](Self::serve), for those whom `door` lets in, such as a [`Gate`](crate::guard::Gate).
    ///
    /// # Errors
    /// Those of [`serve`](Self::serve).
    pub fn serve_guarded<C: Catalogue + Sync, D: Door + Sync>(self, catalogue: C, door: D) -> Result<(), Error> {
        let clock = self.limits.clock;
        let cname = canonical_name()?;
        let settings = Settings {
            session: Config {
                session_timeout: self.options.session_timeout,
                record: self.options.record,
                ..Config::default()
            },
            wall: clock.wall_clock(),
            server_port: self.sockets[0].endpoints().first().map_or((0, 0), Endpoint::ports),
            payload_size: self.options.payload_size,
            max_packet_size: self.options.max_packet_size,
            lab_payload: self.options.lab_payload,
            repeat: self.options.repeat,
            restart_markers: self.options.restart_markers,
            computed_tables: self.options.computed_tables,
            wake_grid: self.options.wake_grid,
            cname: &cname,
            ..Settings::default()
        };
        let Self { mut sockets, limits, stop, captured, .. } = self;
        sockets.iter_mut().for_each(|sockets| sockets.capture(&captured));
        let common = Common { catalogue: &catalogue, door: &door, settings, clock, limits, stop, captured };
        run_all(&common, sockets)
    }
}

/// A loop that runs. When it is over, all others are asked to stop, and nothing more is left for it: it may have failed, or panicked
/// where somebody else's catalogue did, and then those who are dealt to it would wait for ever.
struct Watch<'a> {
    stop: &'a StopHandle,
    mailbox: &'a Mailbox,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.stop.stop();
        self.mailbox.close();
    }
}

/// Runs one loop on this thread and each other one on a thread of its own, until all are over. One that ends stops them all.
fn run_all<C: Catalogue + Sync, D: Door + Sync>(common: &Common<'_, C, D>, sockets: Vec<Sockets>) -> Result<(), Error> {
    let stop = &common.stop;
    let run = |(at, sockets)| {
        let _watch = Watch { stop, mailbox: &stop.mailboxes[at] };
        EventLoop::new(common, at, sockets).run()
    };
    let mut loops = sockets.into_iter().enumerate();
    let first = loops.next();
    let result = thread::scope(|scope| {
        let spawn = |(at, sockets)| {
            let name = format!("serve-{at}");
            thread::Builder::new().name(name).spawn_scoped(scope, move || run((at, sockets))).map_err(Error::Wait)
        };
        let threads: Result<Vec<_>, _> = loops.map(spawn).collect();
        if threads.is_err() {
            stop.stop();
        }
        let threads = threads?;
        let result = first.map_or(Ok(()), run);
        let others = threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        others.fold(result, Result::and)
    });
    log::info!("stopped");
    result
}

/// Stops a [`Server`]; may be cloned and sent to other threads.
#[derive(Clone, Debug)]
pub struct StopHandle {
    requested: Arc<AtomicBool>,
    /// Of all loops.
    mailboxes: Arc<[Mailbox]>,
}

impl StopHandle {
    /// Asks the server to stop; returns at once.
    pub fn stop(&self) {
        self.requested.store(true, Ordering::Release);
        self.mailboxes.iter().for_each(Mailbox::interrupt);
    }

    /// Whether it was asked to.
    pub fn is_stopping(&self) -> bool {
        self.requested.load(Ordering::Acquire)
    }
}

/// Without TLS there are none.
#[cfg(not(feature = "tls"))]
type Certificates = std::convert::Infallible;

/// The ports that are wanted at each address, those for TLS last, and the certificate that these show.
#[cfg(feature = "tls")]
fn plans(options: &Options, places: &[At]) -> Result<(Vec<Plan>, Option<Certificates>), Error> {
    let plain = Plan { port: options.rtsp_port, around: Around::Nothing };
    let Some(TlsOptions { port, identity, only }) = &options.tls else { return Ok((vec![plain], None)) };
    let certificates = Certificates::open(identity.clone(), &address::names_at(places)).map_err(Error::Certificate)?;
    let tls = Plan { port: *port, around: Around::Tls(certificates.clone()) };
    Ok((if *only { vec![tls] } else { vec![plain, tls] }, Some(certificates)))
}

#[cfg(not(feature = "tls"))]
fn plans(options: &Options, _: &[At]) -> Result<(Vec<Plan>, Option<Certificates>), Error> {
    if options.tls.is_some() {
        return Err(Error::NoTls);
    }
    Ok((vec![Plan { port: options.rtsp_port, around: Around::Nothing }], None))
}

/// Listeners, and what is around their connections.
type Given = Vec<(TcpListener, Around)>;

/// The plans for which there are no listeners, and what is around each of these.
fn assign(plans: Vec<Plan>, listeners: Listeners) -> Result<(Vec<Plan>, Given), Error> {
    let Listeners { mut plain, mut tls } = listeners;
    let (mut left, mut given) = (Vec::new(), Vec::new());
    for plan in plans {
        let of_kind = mem::take(if plan.around.is_private() { &mut tls } else { &mut plain });
        if of_kind.is_empty() {
            left.push(plan);
        } else {
            given.extend(of_kind.into_iter().map(|listener| (listener, plan.around.clone())));
        }
    }
    let unwanted = [
        (plain.first(), "it is without TLS, and all connections have to be in TLS"),
        (tls.first(), "it is for TLS, which was not asked for"),
    ];
    match unwanted.into_iter().find_map(|(listener, why)| Some((listener?, why))) {
        Some((listener, why)) => Err(Error::Listener { address: listener.local_addr().map_err(Error::Wait)?, why }),
        None => Ok((left, given)),
    }
}

/// Fresh for each run and telling nobody who runs it (RFC 7022 section 4.2).
fn canonical_name() -> Result<String, Error> {
    Ok(format!("{:016x}{:08x}", random()?, random()? as u32))
}

/// 64 bits that nobody can guess.
fn random() -> Result<u64, Error> {
    getrandom::u64().map_err(|error| Error::Random(io::Error::other(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_names_differ_from_run_to_run() {
        assert_ne!(canonical_name().unwrap(), canonical_name().unwrap());
    }

    fn listener(address: &str) -> TcpListener {
        TcpListener::bind(address).unwrap()
    }

    #[test]
    fn listeners_that_are_open_already_are_used_as_they_are() {
        let plain = vec![listener("127.0.0.1:0"), listener("127.0.0.2:0"), listener("127.0.0.1:0")];
        let addresses: Vec<_> = plain.iter().map(|listener| listener.local_addr().unwrap()).collect();
        let server = Server::bind_with(&Options::default(), Listeners { plain, ..Listeners::default() }).unwrap();
        let mut found: Vec<_> = server.local_addrs().collect();
        found.sort_by_key(|address| addresses.iter().position(|other| other == address));
        assert_eq!(found, addresses);
        let handle = server.stop_handle();
        let library = crate::media::Library::built_in("25".parse().unwrap());
        let serving = thread::spawn(move || server.serve(library));
        for address in addresses {
            use std::io::{Read, Write};
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            stream.write_all(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n").unwrap();
            let mut answer = [0; 12];
            stream.read_exact(&mut answer).unwrap();
            assert_eq!(answer, *b"RTSP/1.0 200");
        }
        handle.stop();
        serving.join().unwrap().unwrap();
    }

    #[test]
    fn a_listener_of_all_addresses_has_those_of_one_at_its_side() {
        let plain = vec![listener("0.0.0.0:0"), listener("127.0.0.1:0")];
        let server = Server::bind_with(&Options::default(), Listeners { plain, ..Listeners::default() }).unwrap();
        assert_eq!((server.local_addrs().count(), server.sockets[0].endpoints().len()), (2, 1));
    }

    #[test]
    fn a_listener_that_cannot_be_used_is_told_with_its_address() {
        let complaint = |listeners: Listeners, options: &Options| {
            let address = listeners.addresses().next().unwrap().to_string();
            let error = Server::bind_with(options, listeners).expect_err("it cannot be used").to_string();
            error.replace(&address, "ADDRESS")
        };
        let tls = Listeners { tls: vec![listener("127.0.0.1:0")], ..Listeners::default() };
        assert_eq!(
            complaint(tls, &Options::default()),
            "the listener at ADDRESS cannot be used: it is for TLS, which was not asked for"
        );
        let plain = (0..5).map(|_| listener("127.0.0.1:0")).collect();
        let many = complaint(Listeners { plain, ..Listeners::default() }, &Options::default());
        assert!(many.ends_with("there are too many at this address"), "{many}");
        // Somebody's connection, as systemd hands it over with Accept=yes.
        let far = listener("127.0.0.1:0");
        let connection = std::net::TcpStream::connect(far.local_addr().unwrap()).unwrap();
        let plain = vec![TcpListener::from(std::os::fd::OwnedFd::from(connection))];
        let connection = complaint(Listeners { plain, ..Listeners::default() }, &Options::default());
        assert!(connection.ends_with("no connections come to it (systemd: Accept=no)"), "{connection}");
    }

    #[test]
    fn defaults_are_those_that_the_core_announces() {
        let options = Options::default();
        assert_eq!((options.session_timeout, options.payload_size), (Duration::from_secs(60), 1400));
    }
}
