//! The text format of Prometheus: families of samples, each with its help and its type before it.

use std::fmt::Write as _;

use crate::server::Histogram;

/// Something that is measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
}

/// What its numbers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// They grow as long as the program runs.
    Counter,
    /// They grow and shrink.
    Gauge,
    /// They tell how often there was how much.
    Histogram,
}

/// Names and values.
pub(super) type Labels<'l> = &'l [(&'static str, &'l str)];

/// Text that grows.
#[derive(Debug, Default)]
pub(super) struct Text(String);

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl Text {
    /// The samples of one more family.
    pub(super) fn family(&mut self, metric: &Metric, write: impl FnOnce(&mut Family<'_>)) {
        let Metric { name, kind, help } = metric;
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {}", kind.word());
        write(&mut Family { name, text: &mut self.0 });
    }

    /// A family with one sample.
    pub(super) fn single(&mut self, metric: &Metric, value: f64) {
        self.family(metric, |family| family.sample(&[], value));
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// One of the families.
#[derive(Debug)]
pub(super) struct Family<'t> {
    name: &'static str,
    text: &'t mut String,
}

impl Family<'_> {
    pub(super) fn sample(&mut self, labels: Labels<'_>, value: f64) {
        self.part("", labels, value);
    }

    /// All samples of a histogram that is told from others of its family by a label, if there are others.
    pub(super) fn histogram(&mut self, label: Option<(&'static str, &str)>, histogram: &Histogram) {
        let labels: Vec<_> = label.into_iter().collect();
        let mut bucket = |bound: &str, count: u64| {
            let labels: Vec<_> = label.into_iter().chain([("le", bound)]).collect();
            self.part("_bucket", &labels, count as f64);
        };
        histogram.up_to().for_each(|(bound, count)| bucket(&bound.to_string(), count));
        bucket("+Inf", histogram.count());
        self.part("_sum", &labels, histogram.sum());
        self.part("_count", &labels, histogram.count() as f64);
    }

    /// A part of a histogram: `_bucket`, `_sum` or `_count`.
    fn part(&mut self, part: &str, labels: Labels<'_>, value: f64) {
        let _ = write!(self.text, "{}{part}", self.name);
        for (at, (name, value)) in labels.iter().enumerate() {
            let _ = write!(self.text, "{}{name}=\"", if at == 0 { '{' } else { ',' });
            value.chars().for_each(|char| match char {
                '\\' => self.text.push_str("\\\\"),
                '"' => self.text.push_str("\\\""),
                '\n' => self.text.push_str("\\n"),
                _ => self.text.push(char),
            });
            self.text.push('"');
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{end} {value}");
    }
}
