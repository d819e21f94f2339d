//! Ports, connections and how long they last.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mutoscope::io::server::Guard;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::watch;
use tokio::time::sleep;
#[cfg(feature = "https")]
use {tokio::time::timeout, tokio_rustls::TlsAcceptor};

use super::{Connection, Directory, Site};
use crate::server::{Door, Error, Limits, Listeners, Place, listen_at, url_of};
use crate::tcp::is_listening;

/// Bytes that wait in the kernel for one client, in front of the newest picture.
const SEND_BUFFER: usize = 128 * 1024;
/// How long a handshake of TLS may take.
#[cfg(feature = "https")]
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
/// Pictures that are made smaller at once.
const BLOCKING_THREADS: usize = 2;
/// How long goodbye may take.
#[cfg(feature = "onvif")]
const GOODBYE_PATIENCE: Duration = Duration::from_secs(1);
/// How long to leave connections waiting when the system has no descriptor for them.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The options of a [`Web`].
#[derive(Clone, Debug)]
pub struct Options {
    /// Addresses and names to listen on, one at least, as those of [`server::Options`](crate::server::Options).
    pub hosts: Vec<String>,
    /// TCP port; 0 takes a free one. `None`: there is none without TLS.
    pub port: Option<u16>,
    /// A port for HTTP in TLS; 0 takes a free one. It takes the feature `https`.
    #[cfg(feature = "https")]
    pub tls: Option<(u16, crate::tls::Certificates)>,
}

impl Options {
    /// These hosts, this port, and no TLS.
    pub const fn new(hosts: Vec<String>, port: Option<u16>) -> Self {
        Self {
            hosts,
            port,
            #[cfg(feature = "https")]
            tls: None,
        }
    }
}

/// Port 8080 of 127.0.0.1.
impl Default for Options {
    fn default() -> Self {
        Self::new(vec!["127.0.0.1".to_owned()], Some(8080))
    }
}

/// A web server whose sockets are open.
#[derive(Debug)]
pub struct Web {
    listeners: Vec<(std::net::TcpListener, Around)>,
    pulse: Pulse,
    stop: watch::Sender<bool>,
}

/// What is around the connections of a port.
#[derive(Clone, Debug)]
enum Around {
    Nothing,
    #[cfg(feature = "https")]
    Tls(crate::tls::Certificates),
}

impl Around {
    const fn scheme(&self) -> &'static str {
        match self {
            Self::Nothing => "http",
            #[cfg(feature = "https")]
            Self::Tls(_) => "https",
        }
    }
}

/// Ends [`Web::serve`] from another thread.
#[derive(Clone, Debug)]
pub struct StopHandle(watch::Sender<bool>);

impl StopHandle {
    /// It ends soon. Connections are closed.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Web {
    /// Opens the sockets. From here on the kernel takes connections; [`serve`](Self::serve) answers them.
    ///
    /// # Errors
    /// Those of the address and the port; see [`Error`].
    pub fn bind(options: &Options) -> Result<Self, Error> {
        Self::bind_with(options, Listeners::default())
    }

    /// The same with listeners that are open already: those of a kind take the place of the port of this kind.
    ///
    /// # Errors
    /// Those of [`bind`](Self::bind), and [`Error::Listener`].
    pub fn bind_with(options: &Options, given: Listeners) -> Result<Self, Error> {
        let Listeners { plain, tls } = given;
        let mut listeners = Vec::new();
        let mut listen = |given: Vec<_>, port: Option<u16>, around: &Around| -> Result<(), Error> {
            let opened = match port {
                Some(port) if given.is_empty() => listen_at(&options.hosts, port)?,
                _ => given.into_iter().map(adopt).collect::<Result<_, _>>()?,
            };
            listeners.extend(opened.into_iter().map(|listener| (listener, around.clone())));
            Ok(())
        };
        listen(plain, options.port, &Around::Nothing)?;
        #[cfg(feature = "https")]
        let tls = match &options.tls {
            Some((port, certificates)) => {
                listen(tls, Some(*port), &Around::Tls(certificates.clone()))?;
                Vec::new()
            }
            None => tls,
        };
        if let Some(listener) = tls.first() {
            let address = listener.local_addr().map_err(Error::Wait)?;
            return Err(Error::Listener { address, why: "it is for TLS, which was not asked for" });
        }
        Ok(Self { listeners, pulse: Pulse::default(), stop: watch::Sender::new(false) })
    }

    /// Tells whether it lives, when it serves.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Where it listens; addresses for TLS come last.
    pub fn local_addrs(&self) -> impl Iterator<Item = SocketAddr> {
        self.listeners.iter().filter_map(|(listener, _)| listener.local_addr().ok())
    }

    /// The URLs of its page at all addresses where it listens, for a browser on this machine.
    pub fn urls(&self) -> impl Iterator<Item = String> {
        let url = |(listener, around): &(std::net::TcpListener, Around)| {
            Some(url_of(around.scheme(), listener.local_addr().ok()?, ""))
        };
        self.listeners.iter().filter_map(url)
    }

    /// Ends [`serve`](Self::serve) from another thread.
    pub fn stop_handle(&self) -> StopHandle {
        StopHandle(self.stop.clone())
    }

    /// Answers what is asked until it is stopped; everything happens on this thread.
    ///
    /// # Errors
    /// [`Error::Wait`]: the system cannot wait for sockets.
    pub fn serve<C, D>(self, site: Site<C, D>) -> Result<(), Error>
    where
        C: Directory,
        D: Door + Guard<Visit: Send> + Send + Sync + 'static,
    {
        let runtime = runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(BLOCKING_THREADS)
            .build()
            .map_err(Error::Wait)?;
        let Self { listeners, pulse, stop } = self;
        let site = Arc::new(site);
        #[cfg(feature = "onvif")]
        let pages =
            listeners.iter().filter_map(|(it, around)| Some((it.local_addr().ok()?, around.scheme()))).collect();
        let served = runtime.block_on(async {
            for (listener, around) in listeners {
                let listener = TcpListener::from_std(listener).map_err(Error::Wait)?;
                tokio::spawn(accept(listener, around, Arc::clone(&site)));
            }
            tokio::spawn(measure(Arc::clone(&site), pulse));
            #[cfg(feature = "onvif")]
            let beacon = tokio::spawn(discover(pages, Arc::clone(&site), stop.subscribe()));
            // Whoever could stop it is there: this has one of the ends.
            let _ = stop.subscribe().wait_for(|is_stopped| *is_stopped).await;
            // It says goodbye.
            #[cfg(feature = "onvif")]
            let _ = tokio::time::timeout(GOODBYE_PATIENCE, beacon).await;
            Ok(())
        });
        // What is still being made is for nobody any more.
        runtime.shutdown_background();
        served
    }
}

/// A listener that somebody else has opened.
fn adopt(listener: std::net::TcpListener) -> Result<std::net::TcpListener, Error> {
    if !is_listening(&listener) {
        let address = listener.local_addr().map_err(Error::Wait)?;
        return Err(Error::Listener { address, why: "no connections come to it (systemd: Accept=no)" });
    }
    listener.set_nonblocking(true).map_err(Error::Wait)?;
    Ok(listener)
}

/// Whether a [`Web`] lives, which takes note of the time once a second. Copies are the same.
#[derive(Clone, Debug, Default)]
pub struct Pulse(Arc<Mutex<Option<Instant>>>);

impl Pulse {
    fn beat(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether it has lived in this time.
    pub fn is_alive(&self, patience: Duration) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|beat| beat.elapsed() <= patience)
    }
}

/// Tells the limits what this thread does.
async fn measure<C: Directory, D>(site: Arc<Site<C, D>>, pulse: Pulse) {
    loop {
        pulse.beat();
        sleep(Duration::from_secs(1)).await;
        site.usage.tell(&site.limits);
    }
}

/// Answers those who look for cameras in the network.
#[cfg(feature = "onvif")]
async fn discover<C, D>(pages: Vec<(SocketAddr, &'static str)>, site: Arc<Site<C, D>>, mut stop: watch::Receiver<bool>)
where
    C: Directory,
    D: Door + Send + Sync + 'static,
{
    let Some(onvif) = &site.onvif else { return };
    if pages.iter().all(|(page, _)| page.ip().to_canonical().is_loopback()) {
        log::warn!("ONVIF clients find this server on this machine only, which alone can reach it: --host 0.0.0.0");
    }
    let lets_in = |peer| site.door.lets_in(peer);
    let served = match crate::onvif::Beacon::open(&onvif.device, pages) {
        Ok(beacon) => beacon.serve(lets_in, stop.wait_for(|is_stopped| *is_stopped)).await,
        Err(error) => Err(error),
    };
    if let Err(error) = served {
        log::warn!("ONVIF clients do not find this server by themselves, port 3702 of UDP cannot be used: {error}");
    }
}

async fn accept<C, D>(listener: TcpListener, around: Around, site: Arc<Site<C, D>>)
where
    C: Directory,
    D: Door + Guard<Visit: Send> + Send + Sync + 'static,
{
    let mut is_said = false;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                is_said = false;
                let Some(place) = site.limits.receive_guest(&*site.door, peer) else { continue };
                let place = Held { place, limits: Arc::clone(&site.limits) };
                tokio::spawn(serve(stream, around.clone(), peer, Arc::clone(&site), place));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                if !std::mem::replace(&mut is_said, true) {
                    log::warn!("no connections to the web server can be taken for now: {error}");
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Whether accept(2) hands on what is wrong with a connection that was gone again.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, PermissionDenied, TimedOut};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted | PermissionDenied | TimedOut)
}

/// A place that is given back when its connection is over.
struct Held {
    place: Place,
    limits: Arc<Limits>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.limits.leave(self.place);
    }
}

/// Serves one connection.
async fn serve<C, D>(stream: TcpStream, around: Around, peer: SocketAddr, site: Arc<Site<C, D>>, held: Held)
where
    C: Directory,
    D: Door + Guard<Visit: Send> + Send + Sync + 'static,
{
    let Ok(local) = stream.local_addr() else { return };
    let socket = SockRef::from(&stream);
    // A picture shall not wait for the one behind it, nor many for a slow client.
    let _ = socket.set_tcp_nodelay(true).and_then(|()| socket.set_send_buffer_size(SEND_BUFFER));
    let connection = Connection { peer, local, is_private: false, is_refused: held.place.is_refused };
    match around {
        Around::Nothing => connection.serve(stream, site).await,
        #[cfg(feature = "https")]
        Around::Tls(certificates) => {
            // Of its own, so that those without TLS have no room for it.
            let encrypted = async move {
                let handshake = TlsAcceptor::from(certificates.config()).accept(stream);
                match timeout(HANDSHAKE_PATIENCE, handshake).await {
                    Ok(Ok(stream)) => Connection { is_private: true, ..connection }.serve(stream, site).await,
                    Ok(Err(error)) => log::debug!("{peer}: no TLS: {error}"),
                    Err(_) => log::debug!("{peer}: the handshake of TLS takes too long"),
                }
            };
            Box::pin(encrypted).await;
        }
    }
}
