//! What is known of media of a library while nobody asks for them.

use std::time::Duration;

use mutoscope::media::Extent;

use super::shared_media::SharedMedia;

/// What is known of one of them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Glance {
    /// Pixels; 0: not known.
    pub(crate) width: u16,
    pub(crate) height: u16,
    /// Pictures per second, which a film has on average.
    pub(crate) rate: Option<f64>,
    pub(crate) is_live: bool,
    /// How long it is, where its end is known.
    pub(crate) length: Option<Duration>,
    pub(crate) viewers: usize,
    /// Why it cannot be shown.
    pub(crate) failure: Option<String>,
}

impl Glance {
    pub(super) fn of(medium: &SharedMedia) -> Self {
        let (extent, rate) = (medium.extent(), medium.rate);
        Self {
            width: medium.width,
            height: medium.height,
            rate: Some(f64::from(rate.numerator()) / f64::from(rate.denominator())),
            is_live: extent == Extent::Live,
            length: extent.micros(rate).filter(|_| extent.has_end()).map(Duration::from_micros),
            viewers: medium.present_viewers(),
            failure: None,
        }
    }

    pub(super) fn of_failure(reason: &str) -> Self {
        let failure = Some(reason.to_owned());
        Self { width: 0, height: 0, rate: None, is_live: false, length: None, viewers: 0, failure }
    }
}
