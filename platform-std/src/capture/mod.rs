//! Conversations in a file that Wireshark and tshark open.
//!
//! A [`Capture`] writes what goes through sockets as packets, with the headers of IP, TCP and UDP that they may have had: numbers of TCP begin
//! at one, packets are as large as what was written at once, and nothing is told of what the system does by itself (opening, acknowledging,
//! repeating). What goes through TLS is written as it was before and will be after it. Passwords, tokens and keys are covered by stars
//! of the same length, so that the file can be shown to others; pictures are in it as they are.

mod file;
mod packet;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use mutoscope::io::{Meta, Witness};

use file::File;

use crate::secrets::Cover;

/// A file of packets. Copies write to the same one.
#[derive(Clone, Debug)]
pub struct Capture(Arc<Mutex<File>>);

impl Capture {
    /// Makes the file anew, for its owner alone.
    ///
    /// # Errors
    /// Those of making and writing it. Later ones are told in the log once, and end the capture.
    pub fn create(path: &Path) -> io::Result<Self> {
        File::create(path).map(|file| Self(Arc::new(Mutex::new(file))))
    }

    /// Watches a connection between these two. `local` is the side that the socket is on.
    pub(crate) fn connection(&self, local: SocketAddr, peer: SocketAddr) -> Connection {
        let half = |from, to| Half { from, to, next: 1, cover: Cover::default() };
        Connection { capture: self.clone(), sent: half(local, peer), received: half(peer, local) }
    }

    /// Watches a UDP socket that is bound to this address.
    pub(crate) fn socket(&self, local: SocketAddr) -> Socket {
        Socket { capture: self.clone(), local, bytes: Vec::new() }
    }

    fn write(&self, packet: Option<&[u8]>) {
        let Some(packet) = packet else { return };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(SystemTime::now(), packet);
    }
}

/// What one side of a connection says.
#[derive(Debug)]
struct Half {
    from: SocketAddr,
    to: SocketAddr,
    /// The number of the next byte.
    next: u32,
    cover: Cover,
}

/// The [`Witness`] of a connection.
#[derive(Debug)]
pub(crate) struct Connection {
    capture: Capture,
    sent: Half,
    received: Half,
}

impl Half {
    /// `other`: the number of the byte that is expected of the other side.
    fn write(&mut self, capture: &Capture, other: u32, bytes: &[u8]) {
        for part in bytes.chunks(packet::MOST) {
            let covered = self.cover.cover(part);
            capture.write(packet::tcp(self.from, self.to, self.next, other, &covered).as_deref());
            self.next = self.next.wrapping_add(part.len() as u32);
        }
    }
}

impl Witness for Connection {
    fn wrote(&mut self, bytes: &[u8]) {
        self.sent.write(&self.capture, self.received.next, bytes);
    }

    fn read(&mut self, bytes: &[u8]) {
        self.received.write(&self.capture, self.sent.next, bytes);
    }
}

/// The [`Witness`] of a UDP socket.
#[derive(Debug)]
pub(crate) struct Socket {
    capture: Capture,
    local: SocketAddr,
    /// Room for the datagram that is being written.
    bytes: Vec<u8>,
}

impl Socket {
    /// Our address as it is towards `peer`: a socket that is bound to all addresses is written as one of that peer's kind.
    fn local(&self, address: Option<IpAddr>, peer: SocketAddr) -> SocketAddr {
        let address = match (address.unwrap_or(self.local.ip()).to_canonical(), peer.ip().to_canonical()) {
            (IpAddr::V6(_), IpAddr::V4(_)) => Ipv4Addr::UNSPECIFIED.into(),
            (IpAddr::V4(_), IpAddr::V6(_)) => Ipv6Addr::UNSPECIFIED.into(),
            (address, _) => address,
        };
        SocketAddr::new(address, self.local.port())
    }
}

impl Witness for Socket {
    fn sent(&mut self, from: Option<IpAddr>, to: SocketAddr, segments: &mut dyn Iterator<Item = &[u8]>) {
        self.bytes.clear();
        segments.for_each(|segment| self.bytes.extend_from_slice(segment));
        self.capture.write(packet::udp(self.local(from, to), to, &self.bytes).as_deref());
    }

    fn received(&mut self, meta: Meta, bytes: &[u8]) {
        let local = self.local(meta.to, meta.from);
        self.capture.write(packet::udp(meta.from, local, bytes).as_deref());
    }
}
