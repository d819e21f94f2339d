//! A viewer's control connection, as it is or in TLS. Nobody's certificate is doubted: what is measured is the server.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
#[cfg(feature = "tls")]
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "tls")]
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
#[cfg(feature = "tls")]
use rustls::crypto::{CryptoProvider, ring};
#[cfg(feature = "tls")]
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned, client::Resumption};
#[cfg(feature = "tls")]
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

/// The server's address, and how to connect.
#[derive(Clone, Debug)]
pub enum Door {
    /// RTSP as it is.
    Plain(SocketAddr),
    /// In TLS.
    #[cfg(feature = "tls")]
    Tls(SocketAddr, Arc<ClientConfig>),
}

/// A connection.
#[derive(Debug)]
pub enum Control {
    /// RTSP as it is.
    Plain(TcpStream),
    /// In TLS.
    #[cfg(feature = "tls")]
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Door {
    /// In TLS; a session may take up what another one has left, or not.
    ///
    /// # Errors
    /// Without the feature `tls` there is none.
    #[cfg(feature = "tls")]
    pub fn tls(address: SocketAddr, resumes: bool) -> anyhow::Result<Self> {
        let provider = Arc::new(ring::default_provider());
        let builder =
            ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
        let verifier = Arc::new(Everybody(provider));
        let mut config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
        if !resumes {
            config.resumption = Resumption::disabled();
        }
        Ok(Self::Tls(address, Arc::new(config)))
    }

    /// In TLS; a session may take up what another one has left, or not.
    ///
    /// # Errors
    /// Without the feature `tls` there is none.
    #[cfg(not(feature = "tls"))]
    pub fn tls(_: SocketAddr, _: bool) -> anyhow::Result<Self> {
        anyhow::bail!("this program was built without its feature `tls`")
    }

    /// The server's address.
    pub const fn address(&self) -> SocketAddr {
        match self {
            Self::Plain(address) => *address,
            #[cfg(feature = "tls")]
            Self::Tls(address, _) => *address,
        }
    }

    /// Connects. Reading waits for five seconds, and no longer.
    ///
    /// # Errors
    /// Those of the sockets.
    pub fn open(&self) -> anyhow::Result<Control> {
        let tcp = TcpStream::connect(self.address())?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(Duration::from_secs(5)))?;
        Ok(match self {
            Self::Plain(_) => Control::Plain(tcp),
            #[cfg(feature = "tls")]
            Self::Tls(address, config) => {
                let session = ClientConnection::new(Arc::clone(config), ServerName::from(address.ip()))?;
                Control::Tls(Box::new(StreamOwned::new(session, tcp)))
            }
        })
    }
}

impl Control {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.get_ref(),
        }
    }

    /// Our own address.
    ///
    /// # Errors
    /// Those of the sockets.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp().local_addr()
    }

    /// From now on nothing waits.
    ///
    /// # Errors
    /// Those of the sockets.
    pub fn set_nonblocking(&self) -> io::Result<()> {
        self.tcp().set_nonblocking(true)
    }

    /// Whether its session has taken up what another one has left.
    #[cfg(feature = "tls")]
    pub fn is_resumed(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(stream) => stream.conn.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
        }
    }
}

impl AsRawFd for Control {
    fn as_raw_fd(&self) -> RawFd {
        self.tcp().as_raw_fd()
    }
}

impl Read for Control {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.read(buffer),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Control {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.write(bytes),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => tcp.flush(),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// Believes everybody.
#[cfg(feature = "tls")]
#[derive(Debug)]
struct Everybody(Arc<CryptoProvider>);

#[cfg(feature = "tls")]
impl ServerCertVerifier for Everybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
