//! What is done with a picture of a live medium before it is shown.

use mutoscope::jpeg::{Layout, Tables, transcode};

use super::converter::Converter;
use super::mending::{Mending, parse_with};
use super::picture::{Made, Unconverted};
use super::policy::Policy;

/// Makes pictures what RTP/JPEG can carry, one after the other, on the thread that has them.
#[derive(Debug)]
pub(crate) struct Preparer {
    policy: Policy,
    converter: Converter,
    /// Those of the frames so far.
    tables: Tables,
    mending: Mending,
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
        Self { policy, converter: Converter::default(), tables: Tables::new(), mending: Mending::default() }
    }

    /// Makes `file` ready. `buffer`, whatever it holds, is for what is made of it.
    ///
    /// # Errors
    /// It cannot be shown at all: why.
    pub(crate) fn prepare(&mut self, mut file: Vec<u8>, buffer: Vec<u8>) -> Result<Prepared, String> {
        let layout = parse_with(&self.tables, &mut file);
        if self.tables.is_empty() {
            // Of what comes first, even if it is nothing but tables.
            let _ = self.tables.learn(&file);
        }
        let layout = layout.map_err(|error| error.to_string())?;
        let mut prepared = self.prepare_parsed(file, layout, buffer)?;
        if let Some(mended) = self.mending.note(prepared.made.flaws) {
            prepared.complaint.get_or_insert(format!("a picture {mended}"));
        }
        Ok(prepared)
    }

    fn prepare_parsed(&mut self, file: Vec<u8>, layout: Layout, buffer: Vec<u8>) -> Result<Prepared, String> {
        let unchanged =
            |file, buffer, complaint| Ok(Prepared { made: Made::unchanged(file, Ok(layout), buffer), complaint });
        match self.mending.policy(self.policy).judge(&file, &layout) {
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
