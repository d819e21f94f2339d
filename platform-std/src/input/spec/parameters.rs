//! The parameters of an input, which stand behind its `#`.

use std::path::PathBuf;
use std::time::Duration;

use mutoscope::media::FrameRate;

use super::error::SpecError;
use super::variables::Variables;
use crate::media::{Arrangement, Order};
use crate::record::{self, DEFAULT_SEGMENT, Keep};
use crate::tls::Fingerprint;

/// All parameters there are.
const KEYS: &[&str] = &[
    "rate",
    "always",
    "on-demand",
    "poll",
    "size",
    "order",
    "times",
    "tls-pin",
    "record",
    "segment",
    "keep",
    "no-signal",
];

/// When an input runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// While somebody watches, and some seconds longer.
    OnDemand,
    /// From the start of the server on.
    Always,
}

/// What is said of an input behind its `#`. `None`: nothing was said.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Parameters {
    /// Pictures per second, as the description announces them.
    pub rate: Option<FrameRate>,
    /// When it runs.
    pub start: Option<Start>,
    /// Single pictures are asked for this often.
    pub poll: Option<Duration>,
    /// Width and height that a camera is asked for.
    pub size: Option<(u16, u16)>,
    /// In which order the pictures of a folder are shown.
    pub order: Option<Order>,
    /// Whether they are shown at the distances of the times that the order goes by.
    pub times: Option<bool>,
    /// The one certificate of the other side that is believed.
    pub tls_pin: Option<Fingerprint>,
    /// The folder in which it is recorded.
    pub record: Option<PathBuf>,
    /// How long a segment of its recording is.
    pub segment: Option<Duration>,
    /// How long its recordings are kept.
    pub keep: Option<Keep>,
    /// Whether those who watch are shown a picture that says so while it is away.
    pub no_signal: Option<bool>,
}

/// The longest time between two pictures that are asked for.
const LONGEST_POLL: f64 = 86_400.0;
/// And the shortest.
const SHORTEST_POLL: f64 = 0.01;

impl Parameters {
    /// How the pictures of a folder become a film.
    pub fn arrangement(&self) -> Arrangement {
        let (order, is_timed) = (self.order.unwrap_or_default(), self.times.unwrap_or(false));
        Arrangement { order, is_timed, rate: self.rate }
    }

    /// How it is recorded, where it is.
    pub fn recording(&self) -> Option<record::Options> {
        let (folder, segment) = (self.record.clone()?, self.segment.unwrap_or(DEFAULT_SEGMENT));
        Some(record::Options { folder, segment, keep: self.keep })
    }

    /// Reads `rate=25#always`. Values may be variables, keys not.
    pub(super) fn parse(text: &str, variables: &mut Variables<'_>) -> Result<Self, SpecError> {
        let mut parameters = Self::default();
        for part in text.split('#').filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').map_or((part, None), |(key, value)| (key, Some(value)));
            let value = value.map(|value| variables.expand(value)).transpose()?;
            parameters.set(key, value.as_deref())?;
        }
        Ok(parameters)
    }

    fn set(&mut self, key: &str, value: Option<&str>) -> Result<(), SpecError> {
        let wrong = |key, expected| SpecError::Value { key, expected };
        match (key, value) {
            ("rate", value) => {
                let rate = value.and_then(|value| value.parse().ok());
                self.rate = Some(rate.ok_or(wrong("rate", "pictures per second: 25, 29.97 or 30000/1001"))?);
            }
            ("always", None) => self.start = Some(Start::Always),
            ("on-demand", None) => self.start = Some(Start::OnDemand),
            ("always", Some(_)) => return Err(wrong("always", "no value")),
            ("on-demand", Some(_)) => return Err(wrong("on-demand", "no value")),
            ("poll", value) => {
                let seconds = value.and_then(|value| value.parse::<f64>().ok());
                let seconds = seconds.filter(|seconds| (SHORTEST_POLL..=LONGEST_POLL).contains(seconds));
                let seconds = seconds.ok_or(wrong("poll", "seconds from 0.01 to 86400"))?;
                self.poll = Some(Duration::from_secs_f64(seconds));
            }
            ("size", value) => {
                let size = value.and_then(|value| value.split_once('x'));
                let size = size.and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
                let size = size.filter(|&(width, height)| width > 0 && height > 0);
                self.size = Some(size.ok_or(wrong("size", "width and height in pixels: 1280x720"))?);
            }
            ("order", value) => {
                self.order = Some(match value {
                    Some("name") => Order::Name,
                    Some("exif") => Order::Exif,
                    Some("mtime") => Order::Modified,
                    _ => return Err(wrong("order", "name, exif or mtime")),
                });
            }
            ("times", value) => {
                self.times = Some(match value {
                    Some("true") => true,
                    Some("false") => false,
                    _ => return Err(wrong("times", "true or false")),
                });
            }
            ("tls-pin", value) => {
                let pin = value.and_then(|value| value.parse().ok());
                let expected = "the SHA-256 fingerprint of a certificate, 64 hexadecimal digits";
                self.tls_pin = Some(pin.ok_or(wrong("tls-pin", expected))?);
            }
            ("record", value) => {
                let folder = value.filter(|value| !value.is_empty());
                self.record =
                    Some(folder.ok_or(wrong("record", "a folder, for the recordings of this stream alone"))?.into());
            }
            ("segment", value) => {
                let segment = value.and_then(|value| record::parse_segment(value).ok());
                self.segment = Some(segment.ok_or(wrong("segment", "a time from 10s to 24h: 10m"))?);
            }
            ("keep", value) => {
                let keep = value.and_then(|value| value.parse().ok());
                self.keep = Some(keep.ok_or(wrong("keep", "a time or a size: 7d, 12h, 50GB"))?);
            }
            ("no-signal", value) => {
                self.no_signal = Some(match value {
                    None | Some("true") => true,
                    Some("false") => false,
                    _ => return Err(wrong("no-signal", "true, false or no value")),
                });
            }
            _ => return Err(SpecError::UnknownParameter { key: key.to_owned(), known: KEYS }),
        }
        Ok(())
    }
}
