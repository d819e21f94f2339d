//! What one loop has to tell of its clients. It looks at them only when it is asked: nothing is counted beside the serving but what is
//! needed for that, or gone when a client goes.
#![cfg_attr(not(feature = "http"), allow(dead_code, reason = "it is the web server that asks"))]

use mutoscope::io::server::{Counts, Ended, Guard};
use mutoscope::media::catalogue::Medium;
use mutoscope::session::{MediaTransport, State};

use super::clients::{Clients, Slot};
use super::histogram::Histogram;
use super::load::Lack;
use super::reports::{Reports, seconds};

/// What one loop has to tell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    pub(crate) udp: Flow,
    pub(crate) tcp: Flow,
    /// Clients who publish.
    pub(crate) publishers: u64,
    /// Bytes that were sent.
    pub(crate) sent: u64,
    pub(crate) lag: Histogram,
    /// Why there is no room for another viewer.
    pub(crate) lack: Option<Lack>,
}

/// Viewers who are reached by the same transport. Frames and packets are those of all that there ever were.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Flow {
    pub(crate) viewers: u64,
    /// Those of them who do not pause.
    pub(crate) playing: u64,
    pub(crate) frames: u64,
    pub(crate) skipped: u64,
    pub(crate) unready: u64,
    pub(crate) unsendable: u64,
    pub(crate) lost: u64,
    /// The part of their packets that was lost lately, 0 to 1, as those who are there report it.
    pub(crate) loss: Spread,
    /// In seconds.
    pub(crate) jitter: Spread,
    /// In seconds.
    pub(crate) round_trip: Spread,
    /// What all who ever were there have reported.
    pub(crate) reports: Reports,
}

impl Default for Tally {
    fn default() -> Self {
        let (udp, tcp) = (Flow::default(), Flow::default());
        Self { udp, tcp, publishers: 0, sent: 0, lag: Histogram::LAG, lack: None }
    }
}

/// A quantity that several have.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Spread {
    pub(crate) count: u64,
    pub(crate) sum: f64,
    pub(crate) most: f64,
}

impl Spread {
    fn note(&mut self, value: f64) {
        self.add(Self { count: 1, sum: value, most: value });
    }

    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.most = self.most.max(other.most);
    }

    /// Of nobody there is none.
    pub(crate) fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

impl Flow {
    fn count(&mut self, counts: Counts, lost: u64) {
        self.frames += u64::from(counts.frames);
        self.skipped += u64::from(counts.skipped);
        self.unready += u64::from(counts.unready);
        self.unsendable += u64::from(counts.unsendable);
        self.lost += lost;
    }

    fn add(&mut self, other: &Self) {
        self.viewers += other.viewers;
        self.playing += other.playing;
        self.frames += other.frames;
        self.skipped += other.skipped;
        self.unready += other.unready;
        self.unsendable += other.unsendable;
        self.lost += other.lost;
        self.loss.add(other.loss);
        self.jitter.add(other.jitter);
        self.round_trip.add(other.round_trip);
        self.reports.add(&other.reports);
    }
}

impl Tally {
    /// Those who are reached in this way.
    const fn flow(&mut self, transport: MediaTransport) -> &mut Flow {
        match transport {
            MediaTransport::Udp { .. } => &mut self.udp,
            MediaTransport::Interleaved { .. } => &mut self.tcp,
        }
    }

    /// Streams are over.
    fn end(&mut self, ended: Ended) {
        if let Some(transport) = ended.transport {
            self.flow(transport).count(ended.counts, ended.lost.into());
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.udp.add(&other.udp);
        self.tcp.add(&other.tcp);
        self.publishers += other.publishers;
        self.sent += other.sent;
        self.lag.add(&other.lag);
    }
}

/// What is remembered of streams that are over.
#[derive(Debug, Default)]
pub(super) struct Gone {
    tally: Tally,
    /// What was told of lost packets: clients may take back some, and totals do not shrink.
    lost: [u64; 2],
}

impl Gone {
    /// A client goes.
    pub(super) fn handle_end<M: Medium, G: Guard>(&mut self, slot: &mut Slot<M, G>) {
        self.tally.end(slot.peer.take_ended());
        // It may go without having ended its stream.
        if let Some(transport) = slot.peer.transport() {
            self.tally.flow(transport).count(slot.peer.counts(), lost(slot.peer.reception().lost));
        }
    }

    /// What there is to tell of these clients and of those before.
    pub(super) fn count<M: Medium, G: Guard>(&mut self, clients: &mut Clients<M, G>) -> Tally {
        let numbers = clients.numbers();
        let mut present = Tally::default();
        for number in numbers {
            let Some(Slot { peer, .. }) = clients.at(number) else { continue };
            self.tally.end(peer.take_ended());
            present.publishers += u64::from(peer.received().is_some());
            let Some(transport) = peer.transport() else { continue };
            let (flow, reception) = (present.flow(transport), peer.reception());
            flow.viewers += 1;
            flow.playing += u64::from(peer.state() == State::Playing);
            flow.count(peer.counts(), lost(reception.lost));
            if reception.reports > 0 {
                flow.loss.note(f64::from(reception.fraction_lost) / 256.0);
                flow.jitter.note(seconds(reception.jitter()));
            }
            reception.round_trip().into_iter().for_each(|time| flow.round_trip.note(seconds(time)));
        }
        present.add(&self.tally);
        for (flow, reports) in [&mut present.udp, &mut present.tcp].into_iter().zip(clients.reports()) {
            flow.reports.add(reports);
        }
        for (flow, before) in [&mut present.udp, &mut present.tcp].into_iter().zip(&mut self.lost) {
            *before = flow.lost.max(*before);
            flow.lost = *before;
        }
        present
    }
}

/// Duplicates may make it negative.
fn lost(lost: i32) -> u64 {
    lost.max(0).unsigned_abs().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_is_that_of_those_who_report() {
        let mut spread = Spread::default();
        assert_eq!(spread.mean(), None);
        [0.25, 0.75].iter().for_each(|value| spread.note(*value));
        spread.add(Spread { count: 2, sum: 3.0, most: 2.0 });
        assert_eq!((spread.mean(), spread.most), (Some(1.0), 2.0));
    }
}
