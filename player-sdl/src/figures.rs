//! Figures of how well the stream comes and is shown, sampled four times a second and kept for half a minute.

use crate::decode::Counters;
use crate::json::JsonLine;
use crate::network::Live;
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// The time between two samples.
pub(crate) const INTERVAL: Duration = Duration::from_millis(250);
/// How many samples are kept: those of 30 s.
pub(crate) const SAMPLES: usize = 120;

/// The figures at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sample {
    /// Bits a second of RTP payload.
    pub(crate) bitrate: f64,
    /// Frames a second that arrive.
    pub(crate) fps: f64,
    pub(crate) jitter_ms: f64,
    /// The share of packets that were lost since the last sample, in percent.
    pub(crate) loss: f64,
    /// The mean age of the pictures that were shown since the last sample, if any was whose age is known.
    pub(crate) latency_ms: Option<f64>,
    /// Frames that the player dropped since the last sample.
    pub(crate) dropped: f64,
}

/// The figures of the last half minute, and of the whole run.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    samples: VecDeque<Sample>,
    /// The counts at each sample, and at the one before the oldest that is kept.
    totals: VecDeque<Totals>,
    /// The sum of the known ages of pictures since the last sample, in milliseconds, and how many there were.
    ages: (f64, u32),
    latency: Smoothed,
    next: Option<Instant>,
    local: Smoothed,
    pub(crate) shown: u64,
    latencies: Histogram,
    /// How long it last took from the user's wish to play until the first picture was shown.
    first: Option<Duration>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    lost: u64,
    packets: u64,
    dropped: u64,
}

impl Figures {
    /// Counts a picture that was shown. `latency` is its age, if known, and `local` the time since its last packet arrived.
    pub(crate) fn handle_shown(&mut self, latency: Option<Duration>, local: Duration) {
        self.shown += 1;
        self.local.add(Some(local));
        self.latency.add(latency);
        if let Some(latency) = latency {
            self.ages = (self.ages.0 + latency.as_secs_f64() * 1000.0, self.ages.1 + 1);
            self.latencies.add(latency);
        }
    }

    /// The first picture was shown so long after the user had asked for the stream.
    pub(crate) fn handle_first(&mut self, waited: Duration) {
        self.first = Some(waited);
    }

    /// Returns when the next sample is due; `None` before the first one.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.next
    }

    /// Takes a sample if one is due. Returns whether one was.
    pub(crate) fn sample(&mut self, now: Instant, live: &Live, counters: &Counters) -> bool {
        if self.next.is_some_and(|next| now < next) {
            return false;
        }
        // After a stall the missed samples are left out, not made up for.
        self.next = Some(now + INTERVAL);
        let totals = Totals { lost: live.lost(), packets: live.packets(), dropped: counters.dropped() };
        let before = self.totals.back().copied().unwrap_or(totals);
        self.totals.push_back(totals);
        let sample = Sample {
            bitrate: live.arrivals.amount_per_second(now).unwrap_or(0.0) * 8.0,
            fps: live.arrivals.events_per_second(now).unwrap_or(0.0),
            jitter_ms: live.session.jitter.as_secs_f64() * 1000.0,
            loss: share(totals.lost.saturating_sub(before.lost), totals.packets.saturating_sub(before.packets)),
            latency_ms: match std::mem::take(&mut self.ages) {
                (_, 0) => None,
                (sum, count) => Some(sum / f64::from(count)),
            },
            dropped: totals.dropped.saturating_sub(before.dropped) as f64,
        };
        self.samples.push_back(sample);
        if self.samples.len() > SAMPLES {
            self.samples.pop_front();
            self.totals.pop_front();
        }
        true
    }

    /// Forgets the last half minute, but not the figures of the whole run.
    pub(crate) fn clear(&mut self) {
        let latencies = std::mem::take(&mut self.latencies);
        *self = Self { latencies, shown: self.shown, first: self.first, ..Self::default() };
    }

    /// Returns the newest sample.
    pub(crate) fn last(&self) -> Sample {
        self.samples.back().copied().unwrap_or_default()
    }

    /// Returns the samples, the oldest first.
    pub(crate) fn samples(&self) -> impl ExactSizeIterator<Item = &Sample> {
        self.samples.iter()
    }

    /// Returns the share of packets that were lost in the last half minute, in percent.
    pub(crate) fn loss(&self) -> f64 {
        let (Some(first), Some(last)) = (self.totals.front(), self.totals.back()) else { return 0.0 };
        share(last.lost.saturating_sub(first.lost), last.packets.saturating_sub(first.packets))
    }

    /// Returns the age of the pictures that are shown, smoothed; `None` if it is not known.
    pub(crate) fn latency_ms(&self) -> Option<f64> {
        self.latency.0
    }

    /// Returns the mean of the ages that the samples of the last half minute have; `None` if none is known.
    pub(crate) fn average_latency_ms(&self) -> Option<f64> {
        let known: Vec<f64> = self.samples.iter().filter_map(|sample| sample.latency_ms).collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    }

    /// Returns how long pictures take inside the player, from their last packet to the display. It is smoothed in the same
    /// way as their age, so that the two can be compared.
    pub(crate) fn local_ms(&self) -> Option<f64> {
        self.local.0
    }

    /// Adds to a line how the ages of all pictures that were shown are histogram.
    pub(crate) fn add_latencies(&self, line: JsonLine) -> JsonLine {
        line.number("latency_median_ms", self.latencies.quantile_ms(0.5))
            .number("latency_99_ms", self.latencies.quantile_ms(0.99))
            .number("latency_worst_ms", self.latencies.quantile_ms(1.0))
            .number("first_picture_ms", self.first.map(|first| first.as_secs_f64() * 1000.0))
    }
}

/// Returns the figures of the whole run and of the last half minute as one line.
pub(crate) fn line(event: &str, figures: &Figures, live: &Live, counters: &Counters) -> JsonLine {
    let last = figures.last();
    let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let line = JsonLine::new(event)
        .int("frames", live.frames)
        .int("bytes", live.bytes)
        .int("decoded", load(&counters.decoded))
        .int("shown", figures.shown)
        .number("decoding_ms", counters.decoding_ms())
        .int("damaged", load(&counters.damaged))
        .int("dropped", counters.dropped())
        .int("incomplete", live.incomplete())
        .int("packets", live.packets())
        .int("lost", live.lost())
        .int("interruptions", live.interruptions)
        .number("fps", last.fps)
        .number("kbps", last.bitrate / 1000.0)
        .number("loss_percent", figures.loss())
        .number("jitter_ms", last.jitter_ms)
        .number("latency_ms", figures.latency_ms())
        .number("local_ms", figures.local_ms())
        .number("longest_gap_ms", live.longest_gap.as_secs_f64() * 1000.0)
        .number("longest_interruption_ms", live.longest_interruption.as_secs_f64() * 1000.0);
    match live.server {
        Some(server) => line.text("server", &server.to_string()),
        None => line,
    }
}

/// Returns the share of sent packets that were lost, in percent.
fn share(lost: u64, received: u64) -> f64 {
    let sent = lost + received;
    if sent == 0 { 0.0 } else { lost as f64 * 100.0 / sent as f64 }
}

/// A moving average, in milliseconds: each new value counts for an eighth.
#[derive(Clone, Copy, Debug, Default)]
struct Smoothed(Option<f64>);

impl Smoothed {
    fn add(&mut self, latency: Option<Duration>) {
        self.0 = latency.map(|latency| {
            let ms = latency.as_secs_f64() * 1000.0;
            self.0.map_or(ms, |before| before + (ms - before) / 8.0)
        });
    }
}

/// A histogram of durations, in tenths of a millisecond.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    tenths: Vec<u32>,
    count: u32,
}

/// The last bar of the histogram, at 2 s. It also counts all longer durations.
const LONGEST_TENTH: usize = 20_000;

impl Histogram {
    pub(crate) fn add(&mut self, duration: Duration) {
        let tenth = usize::try_from(duration.as_micros() / 100).unwrap_or(LONGEST_TENTH).min(LONGEST_TENTH);
        if self.tenths.len() <= tenth {
            self.tenths.resize(tenth + 1, 0);
        }
        self.tenths[tenth] += 1;
        self.count += 1;
    }

    /// Returns how many milliseconds this share of the durations, 0 to 1, does not exceed.
    pub(crate) fn quantile_ms(&self, share: f64) -> Option<f64> {
        let wanted = (f64::from(self.count) * share).ceil().max(1.0);
        let mut seen = 0.0;
        let found = self.tenths.iter().position(|&count| {
            seen += f64::from(count);
            count > 0 && seen >= wanted
        });
        found.map(|tenth| (tenth + 1) as f64 / 10.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_taken_at_intervals_and_kept_for_half_a_minute() {
        let (start, mut figures) = (Instant::now(), Figures::default());
        let (mut live, counters) = (Live::default(), Counters::default());
        for number in 0..1000_u32 {
            let now = start + INTERVAL * number;
            live.session.packets += 9;
            live.session.lost += u64::from(number >= 990);
            assert!(figures.sample(now, &live, &counters));
            assert!(!figures.sample(now + INTERVAL / 2, &live, &counters));
        }
        assert_eq!(figures.samples().len(), SAMPLES);
        assert_eq!(figures.last().loss, 10.0);
        let all = figures.loss();
        assert!((0.8..1.0).contains(&all), "{all}");
    }

    #[test]
    fn loss_is_known_across_sessions() {
        let mut live = Live { lost_before: 3, packets_before: 7, ..Live::default() };
        live.session.lost = 1;
        assert_eq!((live.lost(), live.packets()), (4, 7));
        assert_eq!(share(0, 0), 0.0);
        assert_eq!(share(1, 3), 25.0);
    }

    #[test]
    fn a_histogram_tells_median_and_worst() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile_ms(0.5), None);
        for ms in 1..=100 {
            histogram.add(Duration::from_millis(ms));
        }
        assert_eq!((histogram.quantile_ms(0.5), histogram.quantile_ms(1.0)), (Some(50.1), Some(100.1)));
        histogram.add(Duration::from_secs(99));
        assert_eq!(histogram.quantile_ms(1.0), Some(2000.1));
    }

    #[test]
    fn latency_is_unknown_when_the_source_stops_telling() {
        let mut figures = Figures::default();
        figures.handle_shown(Some(Duration::from_millis(8)), Duration::ZERO);
        figures.handle_shown(Some(Duration::from_millis(16)), Duration::ZERO);
        assert_eq!(figures.latency_ms(), Some(9.0));
        figures.handle_shown(None, Duration::ZERO);
        assert_eq!((figures.latency_ms(), figures.shown), (None, 3));
    }
}
