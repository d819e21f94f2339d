//! The streams by HTTP: pictures for browsers and for programs that know no RTSP, a page that shows them, and what programs ask about them.
//!
//! ```no_run
//! use mutoscope_std::media::Library;
//! use mutoscope_std::web::{Options, Site, Web};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let library = Library::built_in("25".parse()?);
//! let web = Web::bind(&Options { port: Some(8080), ..Options::default() })?;
//! for address in web.local_addrs() {
//!     println!("http://{address}/");
//! }
//! web.serve(Site::new(library, mutoscope::io::server::Open))?; // until somebody calls `stop` of its `stop_handle`
//! # Ok(())
//! # }
//! ```
//!
//! What it answers is what hyper makes of HTTP/1; everything happens on one thread. In reading order: `route` says what is asked for,
//! `origin` whether the question may be asked by this page and name, `answer` who may have it and `login` who that is, `feed` plays the
//! stream, `smaller` makes its pictures as small as somebody wants them, `part` makes of its frames what browsers show, and `sending` gives
//! them to a client.

mod answer;
mod api;
mod body;
mod change;
mod connection;
mod download;
mod feed;
mod listen;
mod listing;
mod login;
mod metrics;
#[cfg(feature = "onvif")]
mod onvif;
mod origin;
mod page;
mod part;
mod publish;
mod reply;
mod route;
mod sending;
mod smaller;
mod socket;
#[doc(hidden)]
pub mod testing;
mod usage;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mutoscope::media::catalogue::{Catalogue, Medium};
use mutoscope::wire::url::Path;

pub use change::NotChanged;
pub use listen::{Options, Pulse, StopHandle, Web};
pub use listing::{Condition, Listed, Listing};

use feed::Feeds;
use origin::Names;
use usage::Usage;

use crate::names;
use crate::server::{self, Limits, Monitor};

/// A catalogue that can be listed.
pub trait Directory: Catalogue<Medium: Medium<Source: Send, Sink: Send> + Send> + Send + Sync + 'static {
    /// All streams, in the order in which they are shown. Looking at them starts nothing and opens nothing.
    fn list(&self) -> Vec<Listed>;

    /// The stream that a path means, as it is listed, if it is.
    fn look(&self, path: Path<'_>) -> Option<Listed> {
        self.list().into_iter().find(|listed| names::is_named(path, &listed.name))
    }

    /// Whether that path means a stream that is known by now, where [`find`](Catalogue::find) may have to look for it. That starts nothing.
    fn knows(&self, path: Path<'_>) -> bool {
        self.look(path).is_some()
    }

    /// Machines whose streams are there, and this one. `None`: it is alone.
    fn nodes(&self) -> Option<usize> {
        None
    }

    /// Has `tell` given the newest picture of a live stream that another machine has, or the last one that it had, and how old that is.
    /// `false`: no other machine has it, and nobody will be told.
    fn newest_elsewhere(&self, stream: Path<'_>, tell: OnNewest) -> bool {
        let _ = (stream, tell);
        false
    }

    /// The name of a stream that is recorded, and the folder of its recordings.
    fn recordings(&self, stream: Path<'_>) -> Option<(String, PathBuf)> {
        let _ = stream;
        None
    }

    /// Adds a stream of this name, or puts it in the place of one that was added before, at the request of somebody who administers the
    /// server and is no user of its machine. `true`: there was none. It may take a while.
    ///
    /// # Errors
    /// Why it does not; this says that streams cannot be added.
    fn add_stream(&self, name: &str, input: &str) -> Result<bool, NotChanged> {
        let _ = (name, input);
        Err(NotChanged::Forbidden(UNCHANGING.to_owned()))
    }

    /// Removes a stream that was added. It may take a while.
    ///
    /// # Errors
    /// Why it does not; this says that streams cannot be removed.
    fn remove_stream(&self, name: &str) -> Result<(), NotChanged> {
        let _ = name;
        Err(NotChanged::Forbidden(UNCHANGING.to_owned()))
    }
}

/// Is given a JPEG file and its age. `None`: there is none.
pub type OnNewest = Box<dyn FnOnce(Option<(Vec<u8>, Duration)>) + Send>;

const UNCHANGING: &str = "this server has the streams that it was started with";

/// Where requests come from, and by which way.
#[derive(Clone, Copy, Debug)]
struct Connection {
    peer: SocketAddr,
    /// The address that it came to.
    local: SocketAddr,
    /// Nobody can listen on the way.
    is_private: bool,
    /// It is only told that there is no room.
    is_refused: bool,
}

/// What is served, and to whom.
#[derive(Debug)]
pub struct Site<C, D> {
    catalogue: C,
    door: Arc<D>,
    names: Names,
    feeds: Arc<Feeds>,
    /// Files start over at their end.
    repeats: bool,
    /// Where the same streams are by RTSP.
    rtsp: Vec<String>,
    /// When it began, in microseconds since 1970.
    began: u64,
    limits: Arc<Limits>,
    usage: Arc<Usage>,
    /// Of the server that serves the same streams by RTSP.
    monitor: Option<Monitor>,
    /// Video recorders may ask by ONVIF.
    #[cfg(feature = "onvif")]
    onvif: Option<crate::onvif::Onvif>,
}

impl<C: Directory, D> Site<C, D> {
    /// What `catalogue` offers, for those whom `door` lets in.
    pub fn new(catalogue: C, door: D) -> Self {
        Self::within(Limits::new(&server::Options::default()), catalogue, Arc::new(door))
    }

    /// The same within the limits of a server that serves the same streams: its places, its bandwidth.
    pub fn within(limits: Arc<Limits>, catalogue: C, door: Arc<D>) -> Self {
        let (feeds, usage) = (Arc::new(Feeds::new(limits.clock)), Arc::new(Usage::new(limits.guest())));
        let (names, rtsp) = (Names::new(&[]), Vec::new());
        let began = feeds.clocks.unix_micros(feeds.clocks.now());
        Self {
            catalogue,
            door,
            names,
            feeds,
            repeats: false,
            rtsp,
            began,
            limits,
            usage,
            monitor: None,
            #[cfg(feature = "onvif")]
            onvif: None,
        }
    }

    /// It answers to these host names, too, beside its addresses, `localhost` and the machine's name.
    #[must_use]
    pub fn with_names(self, names: &[String]) -> Self {
        Self { names: Names::new(names), ..self }
    }

    /// What is measured is that of this server, too, and it is healthy while that one is.
    #[must_use]
    pub fn with_monitor(self, monitor: Monitor) -> Self {
        Self { monitor: Some(monitor), ..self }
    }

    /// Video recorders find it by WS-Discovery, and ask by ONVIF.
    #[cfg(feature = "onvif")]
    #[must_use]
    pub fn with_onvif(self, onvif: crate::onvif::Onvif) -> Self {
        Self { onvif: Some(onvif), ..self }
    }

    /// Files start over at their end.
    #[must_use]
    pub fn repeating(self, repeats: bool) -> Self {
        Self { repeats, ..self }
    }

    /// The page and the list of streams name these addresses of the RTSP server, such as `rtsp://192.0.2.1:8554`.
    #[must_use]
    pub fn with_rtsp(self, bases: Vec<String>) -> Self {
        Self { rtsp: bases, ..self }
    }
}

#[cfg(test)]
mod tests;
