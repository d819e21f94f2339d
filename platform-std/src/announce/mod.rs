//! Servers that are found without typing: DNS-based service discovery over multicast DNS (RFC 6763, RFC 6762).
//!
//! An [`Announcer`] tells the local network of a server's streams, as `_rtsp._tcp` with a `path` each, and of its page, as `_http._tcp`.
//! A [`Browser`] hears those of others, and [`offers()`] asks a page for all streams of its server.
//!
//! ```no_run
//! use mutoscope_std::announce::{Announcer, browse};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut announcer = Announcer::new(&["0.0.0.0:8554".parse()?], &[])?;
//! announcer.tell(["testcard"])?; // goodbye is said when it is dropped
//!
//! let mut browser = browse()?;
//! std::thread::sleep(std::time::Duration::from_secs(2));
//! for server in browser.heard() {
//!     println!("{}: {}", server.name, server.url);
//! }
//! # Ok(())
//! # }
//! ```

mod announcer;
mod browser;
mod label;
mod offers;
#[doc(hidden)]
pub mod testing;

pub use announcer::{Announcer, MOST_STREAMS};
pub use browser::{Browser, Heard, browse};
pub use offers::{Offer, Offers, Unanswered, offers};

use std::fmt;

use mdns_sd::ServiceDaemon;

/// What streams are announced as.
const RTSP: &str = "_rtsp._tcp.local.";
/// What the page is announced as.
const HTTP: &str = "_http._tcp.local.";
/// The key that tells where on the server something is.
const PATH: &str = "path";

/// Why nothing is announced, or heard.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The server can be reached from its own machine only.
    OnlyThisMachine,
    /// The system says so, in words.
    System(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnlyThisMachine => f.write_str("nobody else can reach a server that listens on this machine only"),
            Self::System(error) => write!(f, "multicast DNS: {error}"),
        }
    }
}

impl std::error::Error for Error {}

/// The name by which the network is told of this machine, for a server at this port. Browsers that found the page come by it.
pub fn host_name(rtsp_port: u16) -> String {
    label::host(&label::machine(), rtsp_port, None).trim_end_matches('.').to_owned()
}

impl From<mdns_sd::Error> for Error {
    fn from(error: mdns_sd::Error) -> Self {
        Self::System(error.to_string())
    }
}

/// Its thread ends with this.
#[derive(Clone)]
struct Daemon(ServiceDaemon);

impl fmt::Debug for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Daemon")
    }
}

impl Daemon {
    /// Within this machine, at a port where nobody else talks.
    fn within_machine(port: u16) -> Result<Self, Error> {
        let daemon = ServiceDaemon::new_with_port(port)?;
        daemon.disable_interface(mdns_sd::IfKind::All)?;
        daemon.enable_interface(mdns_sd::IfKind::LoopbackV4)?;
        Ok(Self(daemon))
    }

    /// At the port of multicast DNS, among the machines of the network.
    fn new() -> Result<Self, Error> {
        let daemon = ServiceDaemon::new()?;
        daemon.disable_interface(vec![mdns_sd::IfKind::LoopbackV4, mdns_sd::IfKind::LoopbackV6])?;
        Ok(Self(daemon))
    }
}

#[cfg(test)]
mod tests;
