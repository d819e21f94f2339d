//! A control connection: TCP, as it is or with TLS around what goes over it.

use std::io;
use std::net::SocketAddr;

use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};
use mio::event::{Event, Source};
use mio::{Interest, Registry, Token};
use mutoscope::io::Stream;

use crate::tcp::TcpStream;
#[cfg(feature = "tls")]
use crate::tls::{self, Tls};

/// How a TLS session begins: a record of the handshake (RFC 8446 section 5.1). Nothing of RTSP's begins so.
const TLS_HANDSHAKE: u8 = 22;

/// A control connection.
#[derive(Debug)]
pub(crate) enum Link {
    Plain {
        stream: TcpStream,
        /// Nothing has been read: what comes may turn out to be TLS.
        is_new: bool,
    },
    #[cfg(feature = "tls")]
    Tls {
        tls: Box<Tls<TcpStream>>,
        /// Our half is to be closed when all has left.
        is_closing: bool,
        /// It has been said why the session failed.
        is_told: bool,
    },
}

impl Link {
    /// Without TLS. `is_new`: what comes first may be from a client that thinks otherwise.
    pub(crate) fn plain(stream: TcpStream, is_new: bool) -> Self {
        Self::Plain { stream, is_new }
    }

    #[cfg(feature = "tls")]
    pub(crate) fn tls(tls: Tls<TcpStream>) -> Self {
        Self::Tls { tls: Box::new(tls), is_closing: false, is_told: false }
    }

    /// Whether nobody on the way can read what goes over it.
    pub(crate) fn is_private(&self) -> bool {
        !matches!(self, Self::Plain { .. })
    }

    /// Whether the client owes the rest of something below RTSP: a handshake of TLS, or a record. The number says whether it is still the
    /// same one; 0: nothing of RTSP has come at all.
    pub(crate) fn owes(&self) -> Option<u64> {
        match self {
            Self::Plain { .. } => None,
            #[cfg(feature = "tls")]
            Self::Tls { tls, .. } => tls.owes(),
        }
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain { stream, .. } => stream,
            #[cfg(feature = "tls")]
            Self::Tls { tls, .. } => tls.inner(),
        }
    }

    fn tcp_mut(&mut self) -> &mut TcpStream {
        match self {
            Self::Plain { stream, .. } => stream,
            #[cfg(feature = "tls")]
            Self::Tls { tls, .. } => tls.inner_mut(),
        }
    }

    pub(crate) fn handle_event(&mut self, event: &Event) {
        self.tcp_mut().handle_event(event);
    }

    /// How many bytes have left since it was asked last.
    pub(crate) fn take_sent(&mut self) -> u64 {
        self.tcp_mut().take_sent()
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp().local_addr()
    }

    /// Moves what waits inside of TLS. Call it whenever the socket may have become ready. What it finds broken, the next read
    /// finds too.
    pub(crate) fn drive(&mut self) {
        #[cfg(feature = "tls")]
        if let Self::Tls { tls, is_closing, .. } = self {
            let driven = tls.drive();
            if std::mem::take(is_closing) {
                *is_closing = driven.is_ok() && tls.is_pending();
                if !*is_closing && let Err(error) = tls.inner().shut_down_write() {
                    log::debug!("{error}");
                }
            }
        }
    }

    /// Closes our half: the peer reads an end of file behind the last byte written.
    pub(crate) fn shut_down_write(&mut self) -> io::Result<()> {
        match self {
            Self::Plain { stream, .. } => stream.shut_down_write(),
            #[cfg(feature = "tls")]
            Self::Tls { tls, is_closing, .. } => {
                tls.close()?;
                *is_closing = true;
                self.drive();
                Ok(())
            }
        }
    }

    /// Says once, in the log, why it is not what the two sides need to talk.
    pub(crate) fn tell_failure(&mut self) {
        #[cfg(feature = "tls")]
        if let Self::Tls { tls, is_told, .. } = self
            && let Some(failure) = tls.failure()
            && !std::mem::replace(is_told, true)
        {
            log::info!("closed: {}", tls::sentence(failure, None));
        }
    }
}

impl ErrorType for Link {
    type Error = io::Error;
}

impl ReadReady for Link {
    fn read_ready(&mut self) -> io::Result<bool> {
        match self {
            Self::Plain { stream, .. } => stream.read_ready(),
            #[cfg(feature = "tls")]
            Self::Tls { tls, .. } => tls.read_ready(),
        }
    }
}

impl WriteReady for Link {
    fn write_ready(&mut self) -> io::Result<bool> {
        match self {
            Self::Plain { stream, .. } => stream.write_ready(),
            #[cfg(feature = "tls")]
            Self::Tls { tls, .. } => tls.write_ready(),
        }
    }
}

impl Read for Link {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain { stream, is_new } => {
                let read = stream.read(buffer)?;
                as_expected(is_new, buffer.get(..read).unwrap_or_default())
            }
            #[cfg(feature = "tls")]
            Self::Tls { tls, .. } => tls.read(buffer),
        }
    }
}

/// The length of what came first on a connection without TLS, or an error where it is not meant for one.
fn as_expected(is_new: &mut bool, read: &[u8]) -> io::Result<usize> {
    if std::mem::take(is_new) && read.first() == Some(&TLS_HANDSHAKE) {
        log::info!("closed: it speaks TLS (rtsps://) to a port that is for rtsp://");
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(read.len())
}

impl Write for Link {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain { stream, .. } => stream.write(bytes),
            #[cfg(feature = "tls")]
            Self::Tls { tls, .. } => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain { stream, .. } => stream.flush(),
            #[cfg(feature = "tls")]
            Self::Tls { tls, .. } => tls.flush(),
        }
    }
}

impl Stream for Link {
    fn try_write(&mut self, segments: &[&[u8]]) -> io::Result<Option<usize>> {
        match self {
            Self::Plain { stream, .. } => stream.try_write(segments),
            #[cfg(feature = "tls")]
            Self::Tls { tls, .. } => tls.try_write(segments),
        }
    }

    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self {
            Self::Plain { stream, is_new } => {
                let Some(read) = stream.try_read(buffer)? else { return Ok(None) };
                as_expected(is_new, buffer.get(..read).unwrap_or_default()).map(Some)
            }
            #[cfg(feature = "tls")]
            Self::Tls { tls, .. } => tls.try_read(buffer),
        }
    }

    fn limit_backlog(&mut self, bytes: usize) {
        self.tcp_mut().limit_backlog(bytes);
    }
}

impl Source for Link {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.tcp_mut().register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.tcp_mut().reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.tcp_mut().deregister(registry)
    }
}
