//! Who sees what goes through sockets.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use mutoscope::io::{Meta, Witness};

/// What a UDP socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// Media.
    Rtp,
    /// Reports about them.
    Rtcp,
}

/// Is shown the conversation of a client while it goes on ([`Options::watcher`](crate::client::Options::watcher)): gives a [`Witness`] to
/// each of its sockets. What goes through TLS is seen as it is inside; what SRTP encrypts is seen encrypted.
pub trait Watcher: Send + Sync {
    /// To a new connection to this server.
    fn connection(&self, peer: SocketAddr) -> Box<dyn Witness + Send>;

    /// To a new UDP socket of ours.
    fn socket(&self, traffic: Traffic) -> Box<dyn Witness + Send>;
}

/// Somebody who sees it, or nobody.
#[derive(Default)]
pub(crate) struct Watch(Option<Box<dyn Witness + Send>>);

impl Watch {
    /// This one does.
    #[cfg(feature = "pcap")]
    pub(crate) fn by(witness: impl Witness + Send + 'static) -> Self {
        Self(Some(Box::new(witness)))
    }

    /// This one does, too.
    pub(crate) fn and(self, other: Option<Box<dyn Witness + Send>>) -> Self {
        Self(match (self.0, other) {
            (Some(one), Some(other)) => Some(Box::new(Both(one, other))),
            (one, other) => one.or(other),
        })
    }
}

/// Two who see the same.
struct Both(Box<dyn Witness + Send>, Box<dyn Witness + Send>);

impl Witness for Both {
    fn wrote(&mut self, bytes: &[u8]) {
        self.0.wrote(bytes);
        self.1.wrote(bytes);
    }

    fn read(&mut self, bytes: &[u8]) {
        self.0.read(bytes);
        self.1.read(bytes);
    }

    fn sent(&mut self, from: Option<IpAddr>, to: SocketAddr, segments: &mut dyn Iterator<Item = &[u8]>) {
        let segments: Vec<&[u8]> = segments.collect();
        self.0.sent(from, to, &mut segments.iter().copied());
        self.1.sent(from, to, &mut segments.iter().copied());
    }

    fn received(&mut self, meta: Meta, bytes: &[u8]) {
        self.0.received(meta, bytes);
        self.1.received(meta, bytes);
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// Writes down who saw what.
    struct Scribe(&'static str, Arc<Mutex<Vec<String>>>);

    impl Witness for Scribe {
        fn wrote(&mut self, bytes: &[u8]) {
            self.1.lock().unwrap().push(format!("{} wrote {bytes:?}", self.0));
        }

        fn sent(&mut self, _: Option<IpAddr>, _: SocketAddr, segments: &mut dyn Iterator<Item = &[u8]>) {
            let bytes = segments.collect::<Vec<_>>().concat();
            self.1.lock().unwrap().push(format!("{} sent {bytes:?}", self.0));
        }
    }

    #[test]
    fn two_see_the_same_and_nobody_is_not_there() {
        let notes = Arc::new(Mutex::new(Vec::new()));
        let scribe = |name| Some(Box::new(Scribe(name, notes.clone())) as Box<dyn Witness + Send>);
        assert!(!Watch::default().and(None).is_there());
        let mut watch = Watch::default().and(scribe("a")).and(scribe("b")).and(None);
        assert!(watch.is_there());
        watch.wrote(&[1]);
        watch.sent(None, "192.0.2.1:5".parse().unwrap(), &mut [&[2][..], &[3]].into_iter());
        assert_eq!(*notes.lock().unwrap(), ["a wrote [1]", "b wrote [1]", "a sent [2, 3]", "b sent [2, 3]"]);
    }
}
