//! systemd, where it has started this program: what it is told, and the sockets that it hands over. Elsewhere all of this does nothing.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use mutoscope_std::server::{Listeners, Monitor};

/// How often its status is looked at where nobody wants to know more often whether the server lives.
const PERIOD: Duration = Duration::from_secs(10);
/// The web server takes note of the time once a second.
const LEAST_PATIENCE: Duration = Duration::from_secs(5);

/// systemd, which waits for news of this program.
#[derive(Clone, Debug)]
pub(crate) struct Manager(Arc<State>);

#[derive(Debug)]
struct State {
    /// There is one who waits.
    is_there: bool,
    /// It was told that the server stops.
    is_stopping: AtomicBool,
    streams: AtomicUsize,
    /// The last configuration could be used.
    is_current: AtomicBool,
    /// The sentence that it was told last.
    status: Mutex<String>,
}

/// Tells whether something beside the loops of the server lives.
pub(crate) type Pulse = Box<dyn Fn(Duration) -> bool + Send>;

impl Manager {
    pub(crate) fn new() -> Self {
        Self::with(cfg!(target_os = "linux") && std::env::var_os("NOTIFY_SOCKET").is_some())
    }

    fn with(is_there: bool) -> Self {
        Self(Arc::new(State {
            is_there,
            is_stopping: AtomicBool::new(false),
            streams: AtomicUsize::new(0),
            is_current: AtomicBool::new(true),
            status: Mutex::default(),
        }))
    }

    /// So many streams are shown.
    pub(crate) fn set_streams(&self, number: usize) {
        self.0.streams.store(number, Ordering::Relaxed);
    }

    /// Tells it, from a thread of its own, that the server is ready when it is, and then, where it wants to know, that it lives while
    /// it does.
    pub(crate) fn watch(&self, monitor: Monitor, pulse: Pulse) -> Result<()> {
        if !self.0.is_there {
            return Ok(());
        }
        let (this, limit) = (self.clone(), watchdog());
        let watch = move || {
            let period = limit.map_or(PERIOD, |limit| (limit / 4).min(PERIOD));
            let is_alive = || monitor.is_alive(period) && pulse(period.max(LEAST_PATIENCE));
            while !is_alive() {
                if monitor.is_stopping() {
                    return;
                }
                thread::sleep(Duration::from_millis(20));
            }
            this.tell_status(monitor.clients());
            this.tell_unless_stopping("READY=1");
            log::debug!("systemd is told that the server is ready, and then every {} ms how it is", period.as_millis());
            let mut was_alive = true;
            loop {
                let begun = Instant::now();
                // Its end has a limit of its own.
                let is_alive = monitor.is_stopping() || is_alive();
                if is_alive && limit.is_some() {
                    this.tell("WATCHDOG=1");
                }
                if was_alive && !is_alive {
                    log::error!("a thread of the server does not answer: systemd is not told any more that it lives");
                }
                was_alive = is_alive;
                this.tell_status(monitor.clients());
                thread::sleep(period.saturating_sub(begun.elapsed()));
            }
        };
        thread::Builder::new().name("systemd".to_owned()).spawn(watch).context("cannot start a thread")?;
        Ok(())
    }

    /// Does `work`, during which the configuration is read again. It gives how many streams there are, where the new one can be used.
    pub(crate) fn reloading(&self, work: impl FnOnce() -> Option<usize>) {
        self.tell_unless_stopping(&format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic_micros()));
        let streams = work();
        self.0.is_current.store(streams.is_some(), Ordering::Relaxed);
        streams.into_iter().for_each(|number| self.set_streams(number));
        self.tell_unless_stopping("READY=1");
    }

    /// The server stops. It is told once.
    pub(crate) fn stopping(&self) {
        if !self.0.is_stopping.swap(true, Ordering::SeqCst) {
            let _last = self.last();
            self.tell("STOPPING=1\nSTATUS=Says goodbye to its clients");
        }
    }

    /// What the server does, as a sentence.
    fn status(&self, clients: usize) -> String {
        let number = |number: usize, one: &str| format!("{number} {one}{}", if number == 1 { "" } else { "s" });
        let streams = number(self.0.streams.load(Ordering::Relaxed), "stream");
        let is_current = self.0.is_current.load(Ordering::Relaxed);
        let refused = if is_current { "" } else { "; the new configuration cannot be used, the log says why" };
        format!("Serves {streams} to {}{refused}", number(clients, "client"))
    }

    fn tell_status(&self, clients: usize) {
        let status = self.status(clients);
        let mut last = self.last();
        if *last != status && !self.0.is_stopping.load(Ordering::SeqCst) {
            self.tell(&format!("STATUS={status}"));
            *last = status;
        }
    }

    /// What would come after the news that it stops is not told any more.
    fn tell_unless_stopping(&self, news: &str) {
        let _last = self.last();
        if !self.0.is_stopping.load(Ordering::SeqCst) {
            self.tell(news);
        }
    }

    /// Whoever holds it is the only one who tells something that has an order.
    fn last(&self) -> MutexGuard<'_, String> {
        self.0.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody is the worse for it if nobody hears it.
    fn tell(&self, news: &str) {
        if !self.0.is_there {
            return;
        }
        #[cfg(target_os = "linux")]
        if let Err(error) = sd_notify::notify(&[sd_notify::NotifyState::Custom(news)]) {
            log::debug!("systemd cannot be told {news:?}: {error}");
        }
        #[cfg(not(target_os = "linux"))]
        let _ = news;
    }
}

/// How long it waits for a sign of life; `None`: it does not.
fn watchdog() -> Option<Duration> {
    #[cfg(target_os = "linux")]
    return sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero());
    #[cfg(not(target_os = "linux"))]
    return None;
}

/// The time at which a reload begins, as systemd wants it.
fn monotonic_micros() -> u128 {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC);
    now.map_or(0, |now| Duration::from(now).as_micros())
}

/// The sockets that systemd has opened for this program.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    pub(crate) rtsp: Listeners,
    pub(crate) web: Listeners,
}

impl Sockets {
    /// Takes them over, before anything else of this program could be taken for one of them.
    ///
    /// # Errors
    /// One is not for this server, or of another kind than it can use.
    #[cfg(target_os = "linux")]
    pub(crate) fn take() -> Result<Self> {
        use anyhow::{anyhow, bail};

        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let (mut given, mut sockets) = (listenfd::ListenFd::from_env(), Self::default());
        for number in 0..given.len() {
            let (name, descriptor) = (names.next().unwrap_or_default(), number + FIRST_DESCRIPTOR);
            let listeners = match name {
                "rtsp" => &mut sockets.rtsp.plain,
                "rtsps" => &mut sockets.rtsp.tls,
                "http" => &mut sockets.web.plain,
                "https" => &mut sockets.web.tls,
                _ => bail!(
                    "systemd has opened a socket that it calls {name:?} (descriptor {descriptor}): \
                     FileDescriptorName= is rtsp, rtsps, http or https"
                ),
            };
            let listener = given.take_tcp_listener(number).map_err(|error| {
                let advice =
                    "it has to be one of TCP (ListenStream=); those of UDP the server opens itself (--server-port)";
                anyhow!("the socket {name:?} that systemd has opened cannot be used, {error}: {advice}")
            })?;
            listeners.extend(listener);
        }
        Ok(sockets)
    }

    /// There are none.
    #[cfg(not(target_os = "linux"))]
    #[allow(clippy::unnecessary_wraps, reason = "elsewhere one may be wrong")]
    pub(crate) fn take() -> Result<Self> {
        Ok(Self::default())
    }
}

/// The first that systemd hands over (sd_listen_fds(3)).
#[cfg(target_os = "linux")]
const FIRST_DESCRIPTOR: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn nothing_is_told_of_a_server_that_stops_but_that() {
        let manager = Manager::with(false);
        manager.stopping();
        manager.tell_status(7);
        assert_eq!(*manager.last(), "", "it was not told");
    }

    #[test]
    fn the_status_is_a_sentence() {
        let manager = Manager::with(false);
        manager.set_streams(1);
        assert_eq!(manager.status(0), "Serves 1 stream to 0 clients");
        manager.reloading(|| Some(3));
        assert_eq!(manager.status(1), "Serves 3 streams to 1 client");
        manager.reloading(|| None);
        assert!(manager.status(2).starts_with("Serves 3 streams to 2 clients; the new configuration cannot be used"));
        manager.reloading(|| Some(2));
        assert_eq!(manager.status(2), "Serves 2 streams to 2 clients");
    }
}
