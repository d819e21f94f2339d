//! The reasons for which a server cannot serve.

use std::fmt;
use std::io;
use std::net::SocketAddr;

#[cfg(feature = "tls")]
use crate::tls::IdentityError;

/// Why a server cannot begin or go on. Its `Display` is one sentence for people, and has the system's reason in it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The host is neither an address nor a name that can be resolved; `None`: it is a name that has no address.
    Resolve(String, Option<io::Error>),
    /// It cannot listen there. The kind of the error tells whether the port is taken (`AddrInUse`), the address is not one of
    /// this machine's (`AddrNotAvailable`), or the port is not for everybody (`PermissionDenied`).
    Listen {
        /// The host that was asked for.
        host: String,
        /// Its address.
        address: SocketAddr,
        /// The system's reason.
        error: io::Error,
    },
    /// A listener that it was given cannot be used.
    Listener {
        /// Where that listens.
        address: SocketAddr,
        /// What is wrong with it, as the end of a sentence.
        why: &'static str,
    },
    /// There is no pair of UDP ports for it.
    Udp {
        /// The first of the ports, where certain ones were asked for.
        port: Option<u16>,
        /// The system's reason.
        error: io::Error,
    },
    /// The system does not let it wait for sockets.
    Wait(io::Error),
    /// The system gives no random numbers, and guessable session identifiers would be worse than none.
    Random(io::Error),
    /// TLS was asked for, and this was built without the feature `tls`.
    NoTls,
    /// The certificate cannot be used.
    #[cfg(feature = "tls")]
    Certificate(IdentityError),
    /// The listening socket is broken.
    Accept(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve(host, Some(error)) => {
                write!(f, "{host:?} is neither an address nor a name that can be resolved: {error}")
            }
            Self::Resolve(host, None) => write!(f, "{host:?} has no address"),
            Self::Listen { host, address, error } => match error.kind() {
                io::ErrorKind::AddrInUse => write!(f, "port {} of {host} is taken", address.port()),
                io::ErrorKind::AddrNotAvailable => write!(f, "{host} is not an address of this machine"),
                io::ErrorKind::PermissionDenied => write!(f, "not allowed to listen on port {}", address.port()),
                _ => write!(f, "cannot listen on {address}: {error}"),
            },
            Self::Listener { address, why } => write!(f, "the listener at {address} cannot be used: {why}"),
            Self::Udp { port: Some(port), error } if error.kind() == io::ErrorKind::AddrInUse => {
                write!(f, "UDP port {port} or the one after it is taken")
            }
            Self::Udp { error, .. } => write!(f, "cannot open a pair of UDP ports: {error}"),
            Self::Wait(error) => write!(f, "cannot wait for sockets: {error}"),
            Self::Random(error) => write!(f, "the system gives no random numbers: {error}"),
            Self::NoTls => f.write_str("TLS was left out when this program was built (the feature \"tls\")"),
            #[cfg(feature = "tls")]
            Self::Certificate(error) => error.fmt(f),
            Self::Accept(error) => write!(f, "cannot take connections any more: {error}"),
        }
    }
}

/// Without a `source`: the sentence says it.
impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_one_sentence_with_what_was_asked_for() {
        let listen = |kind: io::ErrorKind| {
            let address = SocketAddr::from(([127, 0, 0, 1], 80));
            Error::Listen { host: "localhost".into(), address, error: kind.into() }.to_string()
        };
        assert_eq!(listen(io::ErrorKind::AddrInUse), "port 80 of localhost is taken");
        assert_eq!(listen(io::ErrorKind::PermissionDenied), "not allowed to listen on port 80");
        assert!(listen(io::ErrorKind::OutOfMemory).starts_with("cannot listen on 127.0.0.1:80: "));
        let udp = |port| Error::Udp { port, error: io::ErrorKind::AddrInUse.into() }.to_string();
        assert_eq!(udp(Some(6970)), "UDP port 6970 or the one after it is taken");
        assert!(udp(None).starts_with("cannot open a pair of UDP ports: "));
    }
}
