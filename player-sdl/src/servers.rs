//! The servers of the local network and their streams, as they come and go: a thread hears them, and asks their pages for what they have.
//! Nobody waits for it.

#[cfg(feature = "announce")]
mod hearing;

use std::sync::mpsc::{self, Receiver, Sender};

/// A server, and what it has.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Server {
    pub(crate) name: String,
    /// Its address and port.
    pub(crate) place: String,
    pub(crate) streams: Vec<Listed>,
    /// What there is to say besides.
    pub(crate) note: String,
}

/// A stream of a server.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Listed {
    pub(crate) name: String,
    /// What is known of it.
    pub(crate) about: String,
    pub(crate) url: String,
}

/// Those that are there, or why nobody can tell.
pub(crate) type Found = Result<Vec<Server>, String>;

/// The thread, which ends soon after this.
#[derive(Debug)]
pub(crate) struct Servers {
    found: Receiver<Found>,
    _stop: Sender<()>,
}

impl Servers {
    /// Begins to listen. `wake` is called after each change. `port`: that of a network within this machine, for tests.
    pub(crate) fn listen(port: Option<u16>, wake: impl Fn() + Send + 'static) -> Self {
        let (tell, found) = mpsc::channel();
        let (stop, stopped) = mpsc::channel();
        let tell = move |found| {
            let is_wanted = tell.send(found).is_ok();
            wake();
            is_wanted
        };
        let thread = std::thread::Builder::new().name("servers".into()).spawn(move || hear(port, &stopped, &tell));
        if let Err(error) = thread {
            log::warn!("cannot listen for servers: {error}");
        }
        Self { found, _stop: stop }
    }

    /// Those that are there, where that has changed.
    pub(crate) fn poll(&self) -> Option<Found> {
        self.found.try_iter().last()
    }
}

#[cfg(feature = "announce")]
use hearing::hear;

#[cfg(not(feature = "announce"))]
fn hear(_: Option<u16>, _: &Receiver<()>, tell: &dyn Fn(Found) -> bool) {
    tell(Err("This player was built without listening to the network.".to_owned()));
}
