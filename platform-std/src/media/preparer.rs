//! What is done with a picture of a live medium before it is shown.

use mutoscope::jpeg::{Layout, transcode};

use super::converter::Converter;
use super::picture::{Made, Unconverted};
use super::policy::Policy;

/// Makes pictures what RTP/JPEG can carry, one after the other, on the thread that has them.
#[derive(Debug)]
pub(crate) struct Preparer {
    policy: Policy,
    converter: Converter,
}

/// A picture that can be shown.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(super) made: Made,
    /// Why only clients of the classic lab see it, or what else is to be said about it.
    pub(crate) complaint: Option<String>,
}

impl Preparer {
    pub(crate) fn new(policy: Policy) -> Self {
        Self { policy, converter: Converter::default() }
    }

    /// Makes `file` ready. `buffer`, whatever it holds, is for what is made of it.
    ///
    /// # Errors
    /// It cannot be shown at all: why.
    pub(crate) fn prepare(&mut self, file: Vec<u8>, buffer: Vec<u8>) -> Result<Prepared, String> {
        let layout = Layout::parse(&file).map_err(|error| error.to_string())?;
        let unchanged =
            |file, buffer, complaint| Ok(Prepared { made: Made::unchanged(file, Ok(layout), buffer), complaint });
        match self.policy.judge(&file, &layout) {
            Ok(judgement) if judgement.changes_nothing() => unchanged(file, buffer, None),
            Ok(judgement) => {
                let made = Unconverted { file, layout, judgement, buffer }.convert(&mut self.converter);
                made.layout().map_err(|error| error.to_string())?;
                let complaint = made.failure.as_ref().map(|reason| format!("a picture cannot be decoded: {reason}"));
                Ok(Prepared { made, complaint })
            }
            Err(transcode::Error::Damaged(error)) => Err(error.to_string()),
            Err(error) => {
                let mut complaint = format!("RTP/JPEG cannot carry the pictures: {error}");
                if self.policy.can_do_more(&error, &file, &layout) {
                    complaint.push_str("; --on-unsupported convert would send them, with some loss");
                }
                unchanged(file, buffer, Some(complaint))
            }
        }
    }
}
