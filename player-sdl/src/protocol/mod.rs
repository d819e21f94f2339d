//! What the player and the server say to each other, while they say it: for the protocol pane and for `--protocol`.
//!
//! A [`Protocol`] gives witnesses to the client's sockets, which copy the beginning of what they see into a [`Record`]: the last messages,
//! packets and reports, and figures of the last seconds. A record never grows beyond what its rings hold, however long it goes on and whatever
//! a server sends, and holds nothing secret. Lines and fields are made of it only where somebody looks.
//!
//! | file | of what |
//! |---|---|
//! | `split` | messages and packets within a connection |
//! | `dialogue` | messages, and the client's states |
//! | `numbers`, `media` | RTP packets: their order, jitter, figures for plots |
//! | `fields`, `report` | headers, field by field |
//! | `hide` | what nobody is shown |
//! | `explain` | what fields and messages mean, and where that is written |
//! | `text`, `file` | all of it as text |

mod dialogue;
pub(crate) mod explain;
mod fields;
mod file;
mod hide;
mod media;
mod numbers;
mod report;
mod ring;
mod split;
#[cfg(test)]
pub(crate) mod tests;
mod text;

use dialogue::{Dialogue, Facts, Side};
use fields::Kind;
use mutoscope::io::{Meta, Witness};
use mutoscope_std::watch::{Traffic, Watcher};
use ring::Ring;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub(crate) use dialogue::{Message, What};
pub(crate) use fields::Field;
pub(crate) use file::ProtocolFile;
pub(crate) use media::{BUCKETS, MOST_PACKETS, Media, Packet};
pub(crate) use numbers::{Counts, Order};
pub(crate) use text::packets_text;

/// So many reports are kept.
const MOST_REPORTS: usize = 256;
/// So much of each. The longest that has a use, with 31 blocks, has 800.
const MOST_REPORT: usize = split::MOST_FRAME;
/// A message of the lab, which has no end of its own, is whole when nothing has followed it for so long.
const PATIENCE: Duration = Duration::from_millis(60);

/// A packet of RTCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// Reports are counted through.
    pub(crate) number: u64,
    /// Since the first bytes.
    pub(crate) at: Duration,
    pub(crate) sent: bool,
    pub(crate) len: usize,
    bytes: Vec<u8>,
    encrypted: bool,
}

impl Report {
    /// What its packets are called.
    pub(crate) fn names(&self) -> String {
        report::names(&self.bytes, self.encrypted)
    }

    pub(crate) fn fields(&self) -> Vec<Field> {
        report::of_rtcp(&self.bytes, self.encrypted)
    }
}

/// The last that was said and heard.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// When the first bytes came.
    begun: Option<Instant>,
    dialogue: Dialogue,
    media: Media,
    reports: Ring<Report>,
    /// Connections so far: what comes of an older one is of no account.
    connections: u64,
}

impl Record {
    pub(crate) fn messages(&self) -> &Ring<Message> {
        self.dialogue.messages()
    }

    pub(crate) fn media(&self) -> &Media {
        &self.media
    }

    pub(crate) fn reports(&self) -> &Ring<Report> {
        &self.reports
    }

    /// Whether media come within the connection, where a bad network is not tried out.
    pub(crate) fn is_interleaved(&self) -> bool {
        self.dialogue.facts.interleaved
    }

    /// Time goes on: what may be whole is, and plots move.
    pub(crate) fn settle(&mut self, now: Instant) {
        let at = self.at(now);
        self.dialogue.settle(at, PATIENCE);
        self.media.advance(at);
    }

    fn at(&mut self, now: Instant) -> Duration {
        now.saturating_duration_since(*self.begun.get_or_insert(now))
    }

    fn connect(&mut self, now: Instant, peer: &str) -> u64 {
        let at = self.at(now);
        self.dialogue.connect(at, peer);
        self.connections += 1;
        self.connections
    }

    fn stream(&mut self, now: Instant, connection: u64, side: Side, bytes: &[u8]) {
        if connection != self.connections || bytes.is_empty() {
            return;
        }
        let at = self.at(now);
        let Self { dialogue, media, reports, .. } = self;
        let plays = dialogue.plays;
        dialogue.take(at, side, bytes, |facts, channel, start, end, len| {
            if channel == facts.channel {
                media.take(at, kind(facts), start, end, len, facts.jpeg);
            } else {
                report(reports, facts, at, side == Side::Us, start, len);
            }
        });
        if dialogue.plays != plays {
            media.interrupt();
        }
    }

    fn datagram(&mut self, now: Instant, traffic: Traffic, sent: bool, bytes: &[u8]) {
        let at = self.at(now);
        let facts = self.dialogue.facts;
        let start = bytes.get(..split::MOST_FRAME).unwrap_or(bytes);
        match (traffic, sent) {
            (Traffic::Rtp, false) => {
                let end = bytes.last_chunk::<2>().copied().unwrap_or_default();
                self.media.take(at, kind(&facts), start, end, bytes.len(), facts.jpeg);
            }
            // What we send there only opens the way through routers.
            (Traffic::Rtp, true) => {}
            (Traffic::Rtcp, _) => report(&mut self.reports, &facts, at, sent, start, bytes.len()),
        }
    }
}

/// How payloads are to be read, as far as the dialogue says.
fn kind(facts: &Facts) -> Kind {
    match (facts.encrypted, facts.lab) {
        (true, _) => Kind::Encrypted,
        (false, true) => Kind::File,
        (false, false) => Kind::Jpeg,
    }
}

fn report(reports: &mut Ring<Report>, facts: &Facts, at: Duration, sent: bool, start: &[u8], len: usize) {
    let number = reports.next_number();
    let bytes = start.get(..MOST_REPORT).unwrap_or(start).to_vec();
    reports.put(Report { number, at, sent, len, bytes, encrypted: facts.encrypted }, MOST_REPORTS);
}

/// A record that witnesses write and others read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Protocol(Arc<Mutex<Record>>);

impl Protocol {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher for Protocol {
    fn connection(&self, peer: SocketAddr) -> Box<dyn Witness + Send> {
        let connection = self.lock().connect(Instant::now(), &peer.to_string());
        Box::new(Stream { protocol: self.clone(), connection })
    }

    fn socket(&self, traffic: Traffic) -> Box<dyn Witness + Send> {
        Box::new(Socket { protocol: self.clone(), traffic, bytes: Vec::new() })
    }
}

/// The witness of a connection.
struct Stream {
    protocol: Protocol,
    connection: u64,
}

impl Witness for Stream {
    fn wrote(&mut self, bytes: &[u8]) {
        self.protocol.lock().stream(Instant::now(), self.connection, Side::Us, bytes);
    }

    fn read(&mut self, bytes: &[u8]) {
        self.protocol.lock().stream(Instant::now(), self.connection, Side::Server, bytes);
    }
}

/// The witness of a UDP socket.
struct Socket {
    protocol: Protocol,
    traffic: Traffic,
    /// Room for what is being sent.
    bytes: Vec<u8>,
}

impl Witness for Socket {
    fn sent(&mut self, _: Option<IpAddr>, _: SocketAddr, segments: &mut dyn Iterator<Item = &[u8]>) {
        self.bytes.clear();
        segments.for_each(|segment| self.bytes.extend_from_slice(segment));
        self.protocol.lock().datagram(Instant::now(), self.traffic, true, &self.bytes);
    }

    fn received(&mut self, _: Meta, bytes: &[u8]) {
        self.protocol.lock().datagram(Instant::now(), self.traffic, false, bytes);
    }
}
