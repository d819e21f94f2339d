//! TLS around a client's control connection.

use super::{Error, Options};
use crate::link::Link;
use crate::tcp::TcpStream;
#[cfg(feature = "tls")]
use crate::tls::{Connector, Tls, sentence};

/// What connections of `rtsps://` need, made when there is the first.
#[derive(Debug, Default)]
pub(super) struct Securities {
    #[cfg(feature = "tls")]
    connector: Option<Connector>,
}

impl Securities {
    #[cfg(feature = "tls")]
    pub(super) fn secure(&mut self, options: &Options, host: &str) -> Result<Security, Error> {
        let connector = match &self.connector {
            Some(connector) => connector.clone(),
            None => {
                let made = Connector::new(options.tls_ca.as_deref(), options.tls_pin).map_err(Error::Tls)?;
                self.connector.insert(made).clone()
            }
        };
        Ok(Security::Tls { connector, host: host.to_owned() })
    }

    #[cfg(not(feature = "tls"))]
    pub(super) fn secure(&mut self, _: &Options, _: &str) -> Result<Security, Error> {
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
    },
}

/// A connection that stands, and the session on it that is being begun.
#[derive(Debug)]
pub(super) enum Greeting {
    /// There is nothing to begin.
    Plain(TcpStream),
    #[cfg(feature = "tls")]
    Tls { tls: Box<Tls<TcpStream>>, connector: Connector },
}

impl Greeting {
    pub(super) fn new(stream: TcpStream, security: &Security) -> Result<Self, Error> {
        match security {
            Security::None => Ok(Self::Plain(stream)),
            #[cfg(feature = "tls")]
            Security::Tls { connector, host } => {
                let session = connector.session(host).map_err(Error::Tls)?;
                Ok(Self::Tls { tls: Box::new(Tls::client(stream, session)), connector: connector.clone() })
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
            Self::Tls { tls, connector } => match (tls.drive(), tls.failure()) {
                (_, Some(failure)) => {
                    let shown = connector.shown();
                    let reason = sentence(failure, shown);
                    Err(match (failure, shown) {
                        (rustls::Error::InvalidCertificate(_), Some(fingerprint)) => {
                            Error::Certificate { reason, fingerprint }
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
