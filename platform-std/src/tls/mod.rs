//! TLS (RFC 8446, RFC 5246): a [`Stream`](mutoscope::io::Stream) inside of another one, the server's certificate, and what a client
//! believes.
//!
//! Machines, pumps and the event loop do not notice it: [`Tls`] never blocks, and a handshake is progress like any other. The
//! cipher library is ring, so building it takes a C compiler, and the feature `tls`. Without it there are only the types that
//! options are made of, and `rtsps://` is refused.

mod fingerprint;
#[cfg(feature = "tls")]
mod identity;
mod known;
#[cfg(feature = "tls")]
mod stream;
#[cfg(feature = "tls")]
mod trust;

use std::path::PathBuf;

pub use fingerprint::{BadFingerprint, Fingerprint};
#[cfg(feature = "cluster")]
pub(crate) use identity::read as read_identity;
#[cfg(feature = "tls")]
pub use identity::{Certificates, IdentityError};
pub use known::{KnownServers, server_name};
#[cfg(feature = "tls")]
pub use stream::Tls;
#[cfg(feature = "tls")]
pub(crate) use trust::{Believe, Connector, doubt, sentence};

/// The port of `rtsps://` that does not take an administrator, by custom; the standard's is 322.
pub const CUSTOMARY_PORT: u16 = 8322;

/// Where a server's certificate and key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Two files in PEM: the certificate, with those that lead to its root behind it, and its key.
    Files {
        /// The certificates.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// A certificate that vouches for itself, and its key, in this directory. They are made where there are none.
    SelfSigned {
        /// The directory; it is made too.
        directory: PathBuf,
    },
}
