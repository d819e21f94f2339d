//! What viewers report of the way to them, counted as the reports come: each is counted once, however seldom anybody asks.

use mutoscope::rtp::reception::Reception;
use mutoscope::time::{Duration, Instant};

use super::histogram::Histogram;

/// What is above this is told as this: a report may say anything.
pub(crate) const LONGEST: Duration = Duration::from_secs(10);

/// What the reports of all viewers of one transport said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reports {
    /// The part of the packets that was lost since the report before, 0 to 1.
    pub(crate) loss: Histogram,
    /// In seconds.
    pub(crate) jitter: Histogram,
    /// In seconds.
    pub(crate) round_trip: Histogram,
}

impl Default for Reports {
    fn default() -> Self {
        Self { loss: Histogram::PARTS, jitter: Histogram::WAYS, round_trip: Histogram::WAYS }
    }
}

/// What of one viewer's reports has been counted: one a second at most. Viewers send one in some seconds; nobody is heard more by sending
/// more. Each place for a client has one of these, so it is small: both numbers begin anew after 65,535.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted {
    /// How many there were when it was looked at last.
    reports: u16,
    /// In which second one was counted, from 1.
    second: u16,
}

impl Counted {
    /// Whether what a viewer has reported is to be counted.
    pub(super) fn is_news(&mut self, now: Instant, reception: &Reception) -> bool {
        let (reports, second) = (reception.reports as u16, (now.as_micros() / 1_000_000 + 1) as u16);
        let is_new = reception.reports > 0 && std::mem::replace(&mut self.reports, reports) != reports;
        is_new && std::mem::replace(&mut self.second, second) != second
    }
}

impl Reports {
    pub(super) fn note(&mut self, reception: &Reception) {
        self.loss.note(f64::from(reception.fraction_lost) / 256.0);
        self.jitter.note(seconds(reception.jitter()));
        reception.round_trip().into_iter().for_each(|time| self.round_trip.note(seconds(time)));
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.loss.add(&other.loss);
        self.jitter.add(&other.jitter);
        self.round_trip.add(&other.round_trip);
    }
}

/// As far as it can be believed.
pub(super) fn seconds(time: Duration) -> f64 {
    time.min(LONGEST).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mutoscope::wire::rtcp::{Compound, Emitter, ReportBlock};

    fn report(reception: &mut Reception, now: Instant, jitter: u32) {
        let block = ReportBlock {
            ssrc: 7,
            fraction_lost: 255,
            cumulative_lost: 0x7F_FFFF,
            extended_highest_sequence: 0,
            jitter,
            last_sr: 0,
            delay_since_last_sr: 0,
        };
        let mut buffer = [0; 64];
        let len = Emitter::new(&mut buffer).receiver_report(9, &[block]).unwrap().finish();
        reception.handle_rtcp(now, 7, Compound::new_checked(&buffer[..len]).unwrap());
    }

    #[test]
    fn each_report_is_counted_once_and_nobody_is_heard_more_by_sending_more() {
        let (mut counted, mut reception, mut reports) = (Counted::default(), Reception::default(), Reports::default());
        let mut take = |reception: &Reception, millis| {
            let is_new = counted.is_news(Instant::from_millis(millis), reception);
            is_new.then(|| reports.note(reception));
            is_new
        };
        assert!(!take(&reception, 0), "there was none");
        report(&mut reception, Instant::from_millis(1), 900);
        assert!(take(&reception, 1) && !take(&reception, 5000), "once");
        for millis in 5001..6000 {
            report(&mut reception, Instant::from_millis(millis), 900);
            assert_eq!(take(&reception, millis), millis == 5001);
        }
        report(&mut reception, Instant::from_millis(6000), 900);
        assert!(take(&reception, 6000));
        assert_eq!((reports.loss.count(), reports.jitter.count(), reports.round_trip.count()), (3, 3, 0));
    }

    #[test]
    fn what_cannot_be_believed_is_told_as_the_most_that_can() {
        let (mut reception, mut reports) = (Reception::default(), Reports::default());
        report(&mut reception, Instant::from_millis(1), u32::MAX);
        reports.note(&reception);
        assert_eq!(reports.jitter.sum(), LONGEST.as_secs_f64());
        assert!(reports.loss.sum() < 1.0);
    }
}
