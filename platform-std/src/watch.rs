//! Who sees what goes through sockets.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use mutoscope::io::{Meta, Witness};

/// Somebody who sees it, or nobody.
#[derive(Default)]
pub(crate) struct Watch(Option<Box<dyn Witness + Send>>);

impl Watch {
    /// This one does.
    #[cfg(feature = "pcap")]
    pub(crate) fn by(witness: impl Witness + Send + 'static) -> Self {
        Self(Some(Box::new(witness)))
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Watch(somebody)" } else { "Watch(nobody)" })
    }
}

impl Witness for Watch {
    fn is_there(&self) -> bool {
        self.0.is_some()
    }

    fn wrote(&mut self, bytes: &[u8]) {
        if let Some(witness) = &mut self.0 {
            witness.wrote(bytes);
        }
    }

    fn read(&mut self, bytes: &[u8]) {
        if let Some(witness) = &mut self.0 {
            witness.read(bytes);
        }
    }

    fn sent(&mut self, from: Option<IpAddr>, to: SocketAddr, segments: &mut dyn Iterator<Item = &[u8]>) {
        if let Some(witness) = &mut self.0 {
            witness.sent(from, to, segments);
        }
    }

    fn received(&mut self, meta: Meta, bytes: &[u8]) {
        if let Some(witness) = &mut self.0 {
            witness.received(meta, bytes);
        }
    }
}

/// Where all that is said and heard is written to, if it is. Without the feature `pcap` it never is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Captured(#[cfg(feature = "pcap")] pub(crate) Option<crate::capture::Capture>);

impl Captured {
    /// Whoever watches a connection between these two; `local` is the side that the socket is on.
    pub(crate) fn connection(&self, local: Option<SocketAddr>, peer: SocketAddr) -> Watch {
        #[cfg(feature = "pcap")]
        if let Some((capture, local)) = self.0.as_ref().zip(local) {
            return Watch::by(capture.connection(local, peer));
        }
        let _ = (self, local, peer);
        Watch::default()
    }

    /// Whoever watches a UDP socket that is bound to this address.
    pub(crate) fn socket(&self, local: Option<SocketAddr>) -> Watch {
        #[cfg(feature = "pcap")]
        if let Some((capture, local)) = self.0.as_ref().zip(local) {
            return Watch::by(capture.socket(local));
        }
        let _ = (self, local);
        Watch::default()
    }
}
