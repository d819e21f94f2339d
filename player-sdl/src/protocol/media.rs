//! The last RTP packets, and figures of the last seconds.

use super::fields::{self, Field, Kind};
use super::numbers::{Counts, Jitter, Numbers, Order};
use super::ring::Ring;
use std::collections::VecDeque;
use std::time::Duration;

/// So many packets are kept.
pub(crate) const MOST_PACKETS: usize = 256;
/// So much of each: all headers, with both tables of 128 bytes.
const MOST_KEPT: usize = 320;
/// Figures are kept for parts of a second, …
const BUCKET: Duration = Duration::from_millis(50);
/// … of which there are so many.
pub(crate) const BUCKETS: usize = 240;

/// The beginning of a packet, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    /// Packets are counted through.
    pub(crate) number: u64,
    /// Since the first bytes.
    pub(crate) at: Duration,
    pub(crate) len: usize,
    pub(crate) kind: Kind,
    /// `None`: it is no RTP packet.
    pub(crate) order: Option<Order>,
    start: Vec<u8>,
    end: [u8; 2],
}

impl Packet {
    pub(crate) fn fields(&self) -> Vec<Field> {
        fields::of_rtp(&self.start, self.end, self.len, self.kind)
    }

    /// Its number, marker and timestamp.
    pub(crate) fn essentials(&self) -> Option<(u16, bool, u32)> {
        fields::essentials(&self.start).map(|header| (header.sequence, header.marker, header.timestamp))
    }

    /// Where its data belongs in the frame.
    pub(crate) fn offset(&self) -> Option<u32> {
        let fields = if self.kind == Kind::Jpeg { self.fields() } else { return None };
        fields.iter().find(|field| field.key == "offset")?.value.parse().ok()
    }
}

/// What happened in a part of a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Bucket {
    pub(crate) packets: u32,
    /// That were found missing then.
    pub(crate) missing: u32,
    pub(crate) late: u32,
    pub(crate) twice: u32,
    /// After the last packet, where that has a clock that is known.
    pub(crate) jitter: Option<Duration>,
}

/// The last RTP packets, and what became of all.
#[derive(Debug, Default)]
pub(crate) struct Media {
    packets: Ring<Packet>,
    numbers: Numbers,
    jitter: Jitter,
    /// The figures of the last seconds; the number of the newest part since the first bytes.
    buckets: (VecDeque<Bucket>, u64),
}

impl Media {
    pub(crate) fn packets(&self) -> &Ring<Packet> {
        &self.packets
    }

    pub(crate) fn counts(&self) -> Counts {
        self.numbers.counts
    }

    /// The figures of the last seconds, the newest last.
    pub(crate) fn buckets(&self) -> impl ExactSizeIterator<Item = &Bucket> {
        self.buckets.0.iter()
    }

    /// Time goes on, whether packets come or not.
    pub(super) fn advance(&mut self, at: Duration) {
        let (buckets, newest) = &mut self.buckets;
        let number = (at.as_nanos() / BUCKET.as_nanos()) as u64;
        if buckets.is_empty() {
            *newest = number;
            buckets.push_back(Bucket::default());
        }
        let passed = number.saturating_sub(*newest);
        *newest += passed;
        for _ in 0..passed.min(BUCKETS as u64) {
            buckets.push_back(Bucket::default());
        }
        while buckets.len() > BUCKETS {
            buckets.pop_front();
        }
    }

    /// Timestamps begin anew, perhaps.
    pub(super) fn interrupt(&mut self) {
        self.jitter.interrupt();
    }

    /// Takes a packet of so many bytes, of which the beginning is at hand, and the last two bytes. `jpeg`: the payload type of JPEG
    /// beside 26.
    pub(super) fn take(&mut self, at: Duration, kind: Kind, start: &[u8], end: [u8; 2], len: usize, jpeg: u8) {
        self.advance(at);
        let number = self.packets.next_number();
        let header = fields::essentials(start);
        let kept = start.get(..MOST_KEPT).unwrap_or(start).to_vec();
        let kind = match (kind, &header) {
            (Kind::Jpeg, Some(header)) if ![26, jpeg].contains(&header.payload_type) => Kind::Other,
            // A file as it is, from who speaks standard RTSP.
            (Kind::Jpeg, Some(_)) if kept.get(12..15) == Some(&[0xff, 0xd8, 0xff]) => Kind::File,
            (kind, _) => kind,
        };
        let order = header.map(|header| {
            let order = self.numbers.take(header.ssrc, header.sequence);
            // The lab's timestamps have no unit.
            if order == Order::First {
                self.jitter.interrupt();
            }
            let times = kind != Kind::File && order != Order::Twice;
            let jitter = times.then(|| self.jitter.take(at, header.timestamp));
            if let Some(bucket) = self.buckets.0.back_mut() {
                bucket.packets += 1;
                bucket.jitter = jitter.or(bucket.jitter);
                match order {
                    Order::Gap(missing) => bucket.missing += u32::from(missing),
                    Order::Late(_) => bucket.late += 1,
                    Order::Twice => bucket.twice += 1,
                    Order::First | Order::Next => {}
                }
            }
            order
        });
        self.packets.put(Packet { number, at, len, kind, order, start: kept, end }, MOST_PACKETS);
    }
}
