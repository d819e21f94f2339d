//! What is measured of a server, as Prometheus reads it.

mod names;
mod text;

use hyper::header::HeaderValue;

use super::usage::Counts;
use super::{Directory, Listed, Listing, Site, api};
use crate::media::Totals;
use crate::record::Progress;
use crate::server::{Door, Flow, Histogram, Report, Spread, Tally};
use names as n;
use text::{Family, Metric, Text};

pub(super) const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Streams that have series of their own. What there is of all others is added up.
const MOST_STREAMS: usize = 1000;
/// The label of that.
const OTHER: &str = "other";
/// Of which [`Totals`] has those that were left out, and why.
type Reason = (&'static str, fn(&Totals) -> u64);
const REASONS: [Reason; 5] = [
    ("damaged", |totals| totals.damaged),
    ("too_many", |totals| totals.too_many),
    ("unready", |totals| totals.unready),
    ("old", |totals| totals.old),
    ("unsendable", |totals| totals.unsendable),
];

/// All that is known by now.
pub(super) fn text<C: Directory, D: Door>(site: &Site<C, D>) -> String {
    let mut text = Text::default();
    text.family(&n::BUILD, |family| family.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1.0));
    text.single(&n::START, site.began as f64 / 1e6);
    let (taken, limit) = site.limits.places();
    text.single(&n::PLACES, taken as f64);
    text.single(&n::MOST_PLACES, limit as f64);
    let web = site.usage.counts();
    write_refusals(&mut text, site.limits.refused(), site.door.refusals());
    text.single(&n::HTTP_SENT, web.bytes as f64);
    text.single(&n::HTTP_REFUSED, web.refused as f64);
    let report = site.monitor.as_ref().map(|monitor| monitor.report());
    write_viewers(&mut text, report.as_ref().map(|report| &report.tally), &web);
    if let Some(report) = &report {
        write_loops(&mut text, report);
    }
    if let Some(nodes) = site.catalogue.nodes() {
        text.single(&n::NODES, nodes as f64);
    }
    write_streams(&mut text, &streams(site));
    text.finish()
}

fn write_refusals(
    text: &mut Text,
    connections: impl Iterator<Item = (&'static str, u64)>,
    requests: Vec<(&'static str, u64)>,
) {
    text.family(&n::CONNECTIONS_REFUSED, |family| {
        connections.for_each(|(reason, count)| family.sample(&[("reason", reason)], count as f64));
    });
    text.family(&n::REQUESTS_REFUSED, |family| {
        requests.into_iter().for_each(|(reason, count)| family.sample(&[("reason", reason)], count as f64));
    });
}

/// Something of all who are reached by one transport.
type OfFlow = fn(&Flow) -> f64;
type SpreadOf = fn(&Flow) -> Spread;
type HistogramOf = fn(&Flow) -> &Histogram;

fn write_viewers(text: &mut Text, tally: Option<&Tally>, web: &Counts) {
    text.family(&n::VIEWERS, |family| {
        for (transport, flow) in tally.map(flows).into_iter().flatten() {
            family.sample(&[("transport", transport)], flow.viewers as f64);
        }
        family.sample(&[("transport", "http")], web.viewers as f64);
    });
    text.family(&n::SENT_FRAMES, |family| {
        for (transport, flow) in tally.map(flows).into_iter().flatten() {
            family.sample(&[("transport", transport)], flow.frames as f64);
        }
        family.sample(&[("transport", "http")], web.frames as f64);
    });
    text.family(&n::SKIPPED, |family| {
        for (transport, flow) in tally.map(flows).into_iter().flatten() {
            let reasons = [("slow", flow.skipped), ("unready", flow.unready), ("unsendable", flow.unsendable)];
            for (reason, count) in reasons {
                family.sample(&[("transport", transport), ("reason", reason)], count as f64);
            }
        }
        family.sample(&[("transport", "http"), ("reason", "slow")], web.skipped as f64);
    });
    let Some(tally) = tally else { return };
    let per_transport: [(&Metric, OfFlow); 3] = [
        (&n::PLAYING, |flow| flow.playing as f64),
        (&n::LOST, |flow| flow.lost as f64),
        (&n::REPORTING, |flow| flow.loss.count as f64),
    ];
    for (metric, value) in per_transport {
        text.family(metric, |family| {
            flows(tally).iter().for_each(|(transport, flow)| family.sample(&[("transport", transport)], value(flow)));
        });
    }
    let spreads: [(&Metric, &Metric, SpreadOf); 3] = [
        (&n::LOSS, &n::MOST_LOSS, |flow| flow.loss),
        (&n::JITTER, &n::MOST_JITTER, |flow| flow.jitter),
        (&n::ROUND_TRIP, &n::MOST_ROUND_TRIP, |flow| flow.round_trip),
    ];
    for (mean, most, spread) in spreads {
        let known = flows(tally).map(|(transport, flow)| (transport, spread(flow)));
        let write = |family: &mut Family<'_>, value: fn(&Spread) -> f64| {
            for (transport, spread) in known.iter().filter(|(_, spread)| spread.count > 0) {
                family.sample(&[("transport", transport)], value(spread));
            }
        };
        text.family(mean, |family| write(family, |spread| spread.mean().unwrap_or_default()));
        text.family(most, |family| write(family, |spread| spread.most));
    }
    let histograms: [(&Metric, HistogramOf); 3] = [
        (&n::LOSSES, |flow| &flow.reports.loss),
        (&n::JITTERS, |flow| &flow.reports.jitter),
        (&n::ROUND_TRIPS, |flow| &flow.reports.round_trip),
    ];
    for (metric, of) in histograms {
        text.family(metric, |family| {
            flows(tally)
                .iter()
                .for_each(|(transport, flow)| family.histogram(Some(("transport", transport)), of(flow)));
        });
    }
}

const fn flows(tally: &Tally) -> [(&'static str, &Flow); 2] {
    [("udp", &tally.udp), ("tcp", &tally.tcp)]
}

fn write_loops(text: &mut Text, report: &Report) {
    let Report { tally, loops, missing, lacking } = report;
    text.single(&n::PUBLISHERS, tally.publishers as f64);
    text.single(&n::RTSP_SENT, tally.sent as f64);
    text.single(&n::LOOPS, *loops as f64);
    text.single(&n::MISSING, *missing as f64);
    text.family(&n::FULL, |family| {
        for (reason, count) in ["time", "bandwidth"].into_iter().zip(lacking) {
            family.sample(&[("reason", reason)], *count as f64);
        }
    });
    text.family(&n::LAG, |family| family.histogram(None, &tally.lag));
}

/// What there is to tell of a stream.
#[derive(Debug, Default, PartialEq)]
struct Stream {
    name: String,
    /// The machine of a cluster that has it.
    node: Option<String>,
    viewers: usize,
    /// Of one that is live.
    live: Option<Live>,
    is_up: bool,
    is_idle: bool,
}

#[derive(Debug, Default, PartialEq)]
struct Live {
    totals: Totals,
    /// In seconds.
    age: Option<f64>,
    loss: Option<f64>,
    recording: Option<Progress>,
}

impl Stream {
    /// What tells it from others.
    fn labels(&self) -> Vec<(&'static str, &str)> {
        let node = self.node.as_deref().map(|node| ("node", node));
        node.into_iter().chain([("stream", &*self.name)]).collect()
    }

    fn recording(&self) -> Option<&Progress> {
        self.live.as_ref()?.recording.as_ref()
    }
}

/// The first streams, and the sum of all others.
struct Streams {
    each: Vec<Stream>,
    rest: Option<Stream>,
    count: usize,
    up: usize,
}

fn streams<C: Directory, D>(site: &Site<C, D>) -> Streams {
    let known = site.catalogue.list();
    let all = known.into_iter().map(|Listed { name, node, about }| {
        let about = about.unwrap_or_default();
        let (viewers, age) = api::present(site, &name, &about);
        let Listing { is_live, totals, loss, condition, recording, .. } = about;
        let live = is_live.then(|| Live { totals, age: age.map(|age| age.as_secs_f64()), loss, recording });
        let (is_up, is_idle) = (condition == super::Condition::Ready, condition == super::Condition::Idle);
        Stream { name, node, viewers, live, is_up, is_idle }
    });
    added_up(all, MOST_STREAMS)
}

/// `most`: streams that are told one by one.
fn added_up(all: impl ExactSizeIterator<Item = Stream>, most: usize) -> Streams {
    let count = all.len();
    let mut streams = Streams { each: Vec::new(), rest: None, count, up: 0 };
    for stream in all {
        streams.up += usize::from(stream.is_up);
        // One that is called like the others is one of them: each label stands for one thing.
        if streams.each.len() < most && (count <= most || stream.name != OTHER) {
            streams.each.push(stream);
            continue;
        }
        let rest = streams.rest.get_or_insert_with(|| Stream { name: OTHER.to_owned(), ..Stream::default() });
        rest.viewers += stream.viewers;
        if let Some(Live { totals, recording, .. }) = stream.live {
            let rest = rest.live.get_or_insert_default();
            rest.totals += totals;
            if let Some(Progress { frames, bytes, dropped, trouble }) = recording {
                let all = rest.recording.get_or_insert_default();
                all.frames += frames;
                all.bytes += bytes;
                all.dropped += dropped;
                all.trouble = all.trouble.take().or(trouble);
            }
        }
    }
    streams
}

/// Something of a stream; `None`: it has no such thing.
type OfStream = fn(&Stream) -> Option<f64>;

fn write_streams(text: &mut Text, streams: &Streams) {
    let Streams { each, rest, count, up } = streams;
    text.single(&n::STREAMS, *count as f64);
    text.single(&n::STREAMS_UP, *up as f64);
    let of_each: [(&Metric, OfStream); 5] = [
        (&n::UP, |stream| Some(u8::from(stream.is_up).into())),
        (&n::IDLE, |stream| Some(u8::from(stream.is_idle).into())),
        (&n::AGE, |stream| stream.live.as_ref()?.age),
        (&n::INPUT_LOSS, |stream| stream.live.as_ref()?.loss),
        (&n::RECORDING, |stream| Some(u8::from(stream.recording()?.trouble.is_none()).into())),
    ];
    let of_all: [(&Metric, OfStream); 7] = [
        (&n::STREAM_VIEWERS, |stream| Some(stream.viewers as f64)),
        (&n::FRAMES, |stream| Some(stream.live.as_ref()?.totals.frames as f64)),
        (&n::BYTES, |stream| Some(stream.live.as_ref()?.totals.bytes as f64)),
        (&n::MENDED, |stream| Some(stream.live.as_ref()?.totals.mended as f64)),
        (&n::RECORDED, |stream| Some(stream.recording()?.frames as f64)),
        (&n::RECORDED_BYTES, |stream| Some(stream.recording()?.bytes as f64)),
        (&n::UNRECORDED, |stream| Some(stream.recording()?.dropped as f64)),
    ];
    let of_each = of_each.iter().map(|of| (of, None));
    for ((metric, value), rest) in of_each.chain(of_all.iter().map(|of| (of, rest.as_ref()))) {
        text.family(metric, |family| {
            for stream in each.iter().chain(rest) {
                value(stream).into_iter().for_each(|value| family.sample(&stream.labels(), value));
            }
        });
    }
    text.family(&n::LEFT_OUT, |family| {
        for stream in each.iter().chain(rest) {
            let Some(live) = &stream.live else { continue };
            for (reason, count) in REASONS {
                let labels: Vec<_> = stream.labels().into_iter().chain([("reason", reason)]).collect();
                family.sample(&labels, count(&live.totals) as f64);
            }
        }
    });
}

#[cfg(test)]
mod tests;
