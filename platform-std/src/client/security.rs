//! TLS around a client's control connection.

use super::{Error, Options};
use crate::link::Link;
use crate::tcp::TcpStream;
#[cfg(feature = "tls")]
use crate::tls::{Believe, Connector, Tls, doubt, sentence};
use crate::tls::{Fingerprint, server_name};
use std::collections::HashMap;

/// What connections of `rtsps://` need, made when there is the first.
#[derive(Debug, Default)]
pub(super) struct Securities {
    /// Certificates that somebody has decided to believe, each of one server.
    trusted: HashMap<String, Fingerprint>,
    /// What the last connection was made with, and to which server.
    #[cfg(feature = "tls")]
    connector: Option<(String, Connector)>,
}

impl Securities {
    /// Also believes this certificate of this server.
    pub(super) fn trust(&mut self, server: &str, fingerprint: Fingerprint) {
        self.trusted.insert(server.to_owned(), fingerprint);
        #[cfg(feature = "tls")]
        {
            self.connector = None;
        }
    }

    #[cfg(feature = "tls")]
    pub(super) fn secure(&mut self, options: &Options, host: &str, port: u16) -> Result<Security, Error> {
        let server = server_name(host, port);
        let connector = match &self.connector {
            Some((of, connector)) if *of == server => connector.clone(),
            _ => {
                let believe = match (options.tls_pin, &options.tls_ca) {
                    (Some(pin), _) => Believe::Pin(pin),
                    (None, Some(file)) => Believe::Authorities(file),
                    (None, None) => Believe::System(self.trusted.get(&server).copied()),
                };
                let made = Connector::new(believe).map_err(Error::Tls)?;
                self.connector.insert((server.clone(), made)).1.clone()
            }
        };
        Ok(Security::Tls { connector, host: host.to_owned(), server })
    }

    #[cfg(not(feature = "tls"))]
    pub(super) fn secure(&mut self, _: &Options, host: &str, port: u16) -> Result<Security, Error> {
        log::debug!("{} is not asked, and {} of others are believed", server_name(host, port), self.trusted.len());
        Err(Error::Tls("rtsps:// takes TLS, which this program was built without (the feature \"tls\")".to_owned()))
    }
}

/// What is to be around a connection.
#[derive(Debug)]
pub(super) enum Security {
    None,
    #[cfg(feature = "tls")]
    Tls {
        connector: Connector,
        /// Whom the certificate has to be for.
        host: String,
        /// The same with its port, for people.
        server: String,
    },
}

/// A connection that stands, and the session on it that is being begun.
#[derive(Debug)]
pub(super) enum Greeting {
    /// There is nothing to begin.
    Plain(TcpStream),
    #[cfg(feature = "tls")]
    Tls { tls: Box<Tls<TcpStream>>, connector: Connector, server: String },
}

impl Greeting {
    pub(super) fn new(stream: TcpStream, security: &Security) -> Result<Self, Error> {
        match security {
            Security::None => Ok(Self::Plain(stream)),
            #[cfg(feature = "tls")]
            Security::Tls { connector, host, server } => {
                let session = connector.session(host).map_err(Error::Tls)?;
                let (connector, server) = (connector.clone(), server.clone());
                Ok(Self::Tls { tls: Box::new(Tls::client(stream, session)), connector, server })
            }
        }
    }

    pub(super) fn stream_mut(&mut self) -> &mut TcpStream {
        match self {
            Self::Plain(stream) => stream,
            #[cfg(feature = "tls")]
            Self::Tls { tls, .. } => tls.inner_mut(),
        }
    }

    /// Goes on. Whether the session stands.
    pub(super) fn drive(&mut self) -> Result<bool, Error> {
        match self {
            Self::Plain(_) => Ok(true),
            #[cfg(feature = "tls")]
            Self::Tls { tls, connector, server } => match (tls.drive(), tls.failure()) {
                (_, Some(failure)) => {
                    let shown = connector.shown();
                    let reason = sentence(failure, shown);
                    Err(match (failure, shown) {
                        (rustls::Error::InvalidCertificate(error), Some(fingerprint)) => {
                            Error::Certificate { reason, doubt: doubt(error), server: server.clone(), fingerprint }
                        }
                        _ => Error::Tls(reason),
                    })
                }
                (Err(error), None) => Err(Error::Tls(format!("the connection broke before TLS stood: {error}"))),
                (Ok(()), None) if !tls.is_handshaking() => Ok(true),
                (Ok(()), None) if tls.is_ended() => Err(Error::Tls(
                    "the server closes the connection instead of speaking TLS: is this its port for rtsps://?"
                        .to_owned(),
                )),
                (Ok(()), None) => Ok(false),
            },
        }
    }

    /// The connection, once the session stands.
    pub(super) fn into_link(self) -> Link {
        match self {
            Self::Plain(stream) => Link::plain(stream, false),
            #[cfg(feature = "tls")]
            Self::Tls { tls, .. } => Link::tls(*tls),
        }
    }
}
