//! From the command line to a server that serves.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Error, Result, anyhow};
#[cfg(feature = "pcap")]
use mutoscope_std::capture::Capture;
use mutoscope_std::guard::Gate;
use mutoscope_std::input::Source;
use mutoscope_std::server::{self, MAX_URL_LEN, Options, Server};
#[cfg(feature = "http")]
use mutoscope_std::web::{Site, Web};

use crate::announce::{Announcement, Places};
use crate::args::Args;
use crate::cluster::Cluster;
use crate::config::Configuration;
use crate::harden::Hardening;
use crate::hook;
#[cfg(feature = "http")]
use crate::onvif::Onvif;
use crate::reload::Reload;
use crate::signals::HangUps;
use crate::streams::{self, Streams};
use crate::systemd::{Manager, Sockets};
#[cfg(feature = "http")]
use crate::web;
use crate::{access, limits, signals, tls};

/// Descriptors beside those of clients: standard streams, listener, UDP pair, poll, waker, files that were watched a moment ago.
const SPARE_FILES: u64 = 48;
/// Descriptors of an input: output and errors of a program, or a connection, and what tells it to end.
const FILES_OF_INPUT: u64 = 6;

/// Serves what it is told to until Ctrl-C. Errors are sentences for people.
pub(crate) fn run(configuration: Configuration) -> Result<()> {
    let args = &configuration.args;
    let (sockets, manager) = (Sockets::take()?, Manager::new());
    let tls = args.tls.options()?;
    let tls_port = tls.as_ref().map(|tls| tls.port);
    // Before there are other threads, which would hear the signal.
    let hang_ups = (configuration.is_reloadable() || tls.is_some()).then(signals::block_hang_ups).transpose()?;
    let options = Options { record: takes_publishers(&configuration), tls, ..args.server_options() };
    let rules = access::rules(&configuration)?;
    access::check_reach(&args.access, &rules, || addresses(args, &options, &sockets))?;
    // Before the files are looked for, which may take a while: a taken port should not be found out after that.
    let mut server = Server::bind_with(&options, sockets.rtsp).map_err(|error| with_advice(error, tls_port))?;
    capture(args, &mut server)?;
    #[cfg(feature = "http")]
    let web = web::bind(&args.web, &args.hosts, &server, sockets.web)?;
    #[cfg(not(feature = "http"))]
    refuse_web(args, sockets.web.is_empty())?;
    #[cfg(feature = "http")]
    let onvif = args.onvif.of(&server, web.is_some())?;
    let gate =
        Gate::new(rules).context("the system has no random numbers")?.with_journal(access::journal(&args.access)?);
    let gate = Arc::new(gate);
    streams::make_folders(&configuration)?;
    // There are no other threads yet, and the files of secrets are there.
    let hardening = Hardening::new(&configuration);
    let serving = Arc::new(AtomicBool::new(false));
    signals::handle_ctrl_c(server.stop_handle(), Arc::clone(&serving), manager.clone())?;

    warn_of_few_files(limits::raise_file_limit(), &configuration);
    // It ends after all who watch.
    let hook = hook::Running::start(args.hook.as_deref())?;
    let streams = Streams::new(&configuration, hook.observer())?;
    let cluster = Cluster::join(&args.cluster, &streams, &gate, args.policy(), &server)?;
    let names = streams.names();
    access::warn_of_idle_rules(&configuration, &names, cluster.as_ref().map(|cluster| cluster.node()));
    warn_of_reach(&server, args.access.open);
    warn_of_long_names(&server, &names);
    let urls: Vec<String> = names.iter().flat_map(|name| server.urls(name)).collect();
    #[cfg(feature = "http")]
    let pages = web.iter().flat_map(|web| web.local_addrs().zip(web.urls()));
    #[cfg(not(feature = "http"))]
    let pages = std::iter::empty();
    let places = Places::new(&server, pages);
    #[cfg_attr(not(feature = "http"), allow(unused_mut, reason = "there are no others"))]
    let mut addresses: Vec<_> = server.local_addrs().collect();
    #[cfg(feature = "http")]
    let urls = urls.into_iter().chain(web.iter().flat_map(Web::urls)).collect();
    #[cfg(feature = "http")]
    addresses.extend(web.iter().flat_map(Web::local_addrs));
    #[cfg(feature = "http")]
    let pulse = web.as_ref().map(Web::pulse);
    #[cfg(feature = "http")]
    let _web = web.map(|web| show(web, &server, args, &streams, &gate, &places, onvif)).transpose()?;
    print(urls)?;
    tls::announce(&server);
    let announcement = Announcement::start(args.announce, &places, &gate.rules(), &names)?;
    follow(&streams, &announcement, &gate, &manager, cluster.clone());
    if let Some(hang_ups) = hang_ups {
        let (streams, gate, announcement) = (streams.clone(), Arc::clone(&gate), announcement.clone());
        let reload = Reload { streams, gate, announcement, cluster, hardening, addresses, current: configuration };
        reload_on(hang_ups, reload, tls::reload(&server), manager.clone())?;
    }
    serving.store(true, Ordering::Release);
    #[cfg(feature = "http")]
    manager.watch(server.monitor(), Box::new(move |patience| pulse.iter().all(|pulse| pulse.is_alive(patience))))?;
    #[cfg(not(feature = "http"))]
    manager.watch(server.monitor(), Box::new(|_| true))?;
    let served = server.serve_guarded(streams.clone(), &*gate);
    manager.stopping();
    announcement.end();
    streams.finish();
    gate.finish_journal();
    Ok(served?)
}

/// Reads the configuration and the certificate again with each of these signals.
fn reload_on(
    hang_ups: HangUps,
    mut reload: Reload,
    mut certificate: Option<impl FnMut() + Send + 'static>,
    manager: Manager,
) -> Result<()> {
    let shown = reload.streams.clone();
    hang_ups.handle(move || {
        manager.reloading(|| {
            let is_used = reload.run();
            certificate.iter_mut().for_each(|reload| reload());
            is_used.then(|| shown.names().len())
        });
    })
}

#[cfg(not(feature = "http"))]
fn refuse_web(args: &Args, is_empty: bool) -> Result<()> {
    let has_none = args.web.http.or(args.web.https).is_none() && is_empty && !args.onvif.onvif;
    anyhow::ensure!(has_none, "this program has no HTTP: build it with the feature http");
    Ok(())
}

/// Has the server write all conversations down, where that is wanted.
#[cfg(feature = "pcap")]
fn capture(args: &Args, server: &mut Server) -> Result<()> {
    if let Some(path) = &args.pcap {
        let capture = Capture::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        log::warn!("all conversations are written to {}: it grows until the server ends", path.display());
        server.capture(capture);
    }
    Ok(())
}

#[cfg(not(feature = "pcap"))]
fn capture(_: &Args, _: &mut Server) -> Result<()> {
    Ok(())
}

/// Whether somebody may publish, or may do so later: a file may say that, or those who add streams.
fn takes_publishers(configuration: &Configuration) -> bool {
    let Configuration { args, specs, .. } = configuration;
    let may_change = configuration.path().is_some() || args.adds_streams();
    may_change || specs.iter().any(|spec| matches!(spec.source(), Source::Push))
}

/// Has those told of streams that are added and removed by the web who tell others of them.
fn follow(
    streams: &Streams,
    announcement: &Announcement,
    gate: &Arc<Gate>,
    manager: &Manager,
    cluster: Option<Arc<Cluster>>,
) {
    manager.set_streams(streams.names().len());
    #[cfg(feature = "http")]
    streams.on_change({
        let (announcement, gate, manager) = (announcement.clone(), Arc::clone(gate), manager.clone());
        move |names| {
            announcement.update(&gate.rules(), names);
            manager.set_streams(names.len());
            cluster.iter().for_each(|cluster| cluster.update());
        }
    });
    #[cfg(not(feature = "http"))]
    let _ = (announcement, gate, cluster);
}

/// Serves browsers what `server` serves players.
#[cfg(feature = "http")]
fn show(
    web: Web,
    server: &Server,
    args: &Args,
    streams: &Streams,
    gate: &Arc<Gate>,
    places: &Places,
    onvif: Option<Onvif>,
) -> Result<web::Running> {
    let rtsp = server.urls("").map(|url| url.trim_end_matches('/').to_owned()).collect();
    let site = Site::within(server.limits(), streams.clone(), Arc::clone(gate));
    let names: Vec<_> = args.web.http_names.iter().cloned().chain(args.announce.host_name(places)).collect();
    let site = site.with_names(&names).repeating(args.repeat).with_rtsp(rtsp);
    let site = site.with_monitor(server.monitor());
    #[cfg(feature = "onvif")]
    let site = onvif.into_iter().fold(site, Site::with_onvif);
    #[cfg(not(feature = "onvif"))]
    drop(onvif);
    web::start(web, site)
}

/// Where it will listen, all in all.
fn addresses(args: &Args, options: &Options, sockets: &Sockets) -> Result<Vec<SocketAddr>, server::Error> {
    let opened = sockets.rtsp.addresses().chain(sockets.web.addresses());
    let is_all = !sockets.rtsp.is_empty() && args.web.http.or(args.web.https).is_none();
    let others = if is_all { Vec::new() } else { options.addresses()? };
    Ok(opened.chain(others).collect())
}

/// Each client takes its connection, and the file that it watches; each input its pipes.
fn warn_of_few_files(files: u64, configuration: &Configuration) {
    let Configuration { args, specs, .. } = configuration;
    let needed = 2 * args.max_clients as u64 + FILES_OF_INPUT * specs.len() as u64 + SPARE_FILES;
    if files < needed {
        log::warn!("the system allows {files} open files; {needed} would be needed for all clients");
    }
}

/// Where everybody may watch, and from where that is.
fn warn_of_reach(server: &Server, is_open: bool) {
    for address in server.local_addrs().filter(|address| is_open && !address.ip().is_loopback()) {
        log::warn!("whoever reaches {address} may watch what no rule says otherwise of");
    }
}

/// Some clients cannot ask for them.
fn warn_of_long_names(server: &Server, names: &[String]) {
    let lengths = names.iter().map(|name| (name, server.urls(name).map(|url| url.len()).max().unwrap_or(0)));
    for (name, len) in lengths.filter(|(_, len)| *len > MAX_URL_LEN) {
        log::warn!(
            "{name:?} can only be played by clients of the classic lab: its URL has {len} bytes, give it a shorter name"
        );
    }
}

/// The library's errors, with the options of this program that help.
fn with_advice(error: server::Error, tls_port: Option<u16>) -> Error {
    let advice = match &error {
        server::Error::Listen { error, address, .. } => match error.kind() {
            io::ErrorKind::AddrInUse if Some(address.port()) == tls_port => {
                ": stop what listens there, or choose another with --tls-port"
            }
            io::ErrorKind::AddrInUse => ": stop what listens there, or choose another with --rtsp-port",
            io::ErrorKind::PermissionDenied => ": choose one above 1023",
            _ => "",
        },
        server::Error::Udp { port: Some(_), error } if error.kind() == io::ErrorKind::AddrInUse => {
            ": choose another with --server-port"
        }
        server::Error::NoTls => ": cargo build --release -p mutoscope-server --features tls builds it in",
        _ => "",
    };
    anyhow!("{error}{advice}")
}

/// One line per URL on standard output, for people to copy and programs to wait for. From a thread of its own: nobody may be
/// reading, and a pipe that is full of the URLs of a large folder is no reason not to serve.
fn print(urls: Vec<String>) -> Result<()> {
    let write = move || {
        let mut out = io::stdout().lock();
        let _ = urls.iter().try_for_each(|url| writeln!(out, "{url}")).and_then(|()| out.flush());
    };
    thread::Builder::new().spawn(write).context("cannot start a thread")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_cannot_be_had_is_told_with_the_option_that_chooses_another() {
        let listen = |kind: io::ErrorKind| {
            let address = SocketAddr::from(([127, 0, 0, 1], 80));
            let error = server::Error::Listen { host: "localhost".into(), address, error: kind.into() };
            with_advice(error, Some(8322)).to_string()
        };
        assert_eq!(
            listen(io::ErrorKind::AddrInUse),
            "port 80 of localhost is taken: stop what listens there, or choose another with --rtsp-port"
        );
        assert_eq!(listen(io::ErrorKind::PermissionDenied), "not allowed to listen on port 80: choose one above 1023");
        assert_eq!(listen(io::ErrorKind::AddrNotAvailable), "localhost is not an address of this machine");
        let udp = server::Error::Udp { port: Some(6970), error: io::ErrorKind::AddrInUse.into() };
        assert_eq!(
            with_advice(udp, None).to_string(),
            "UDP port 6970 or the one after it is taken: choose another with --server-port"
        );
    }
}
