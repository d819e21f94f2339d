//! Why what arrives makes no frames.

use super::Rejected;

/// What became of the packets that have come since the last frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum NoFrameReason {
    /// They are rejected, the last one for this reason.
    Rejected(Rejected),
    /// They become frames that miss a part.
    Incomplete,
}

/// Remembers it, by what weighs more: what is wrong with the stream itself, what it lacks, and what only came to the
/// same port.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Troubles {
    unusable: Option<Rejected>,
    foreign: Option<Rejected>,
    /// Frames given up before, because parts of them never came.
    incomplete: u64,
}

impl Troubles {
    /// A frame came out, or another stream begins.
    pub(super) fn clear(&mut self, incomplete: u64) {
        *self = Self { incomplete, ..Self::default() };
    }

    pub(super) fn note(&mut self, rejected: Rejected) {
        match rejected {
            // Those of good streams have them, too.
            Rejected::Outdated | Rejected::Duplicate | Rejected::Late => {}
            Rejected::Rtp(_) | Rejected::PayloadType(_) | Rejected::Source | Rejected::Jump | Rejected::Empty => {
                self.foreign = Some(rejected)
            }
            _ => self.unusable = Some(rejected),
        }
    }

    /// `incomplete`: as many frames have been given up because parts of them never came.
    pub(super) fn trouble(&self, incomplete: u64) -> Option<NoFrameReason> {
        let lacking = (incomplete != self.incomplete).then_some(NoFrameReason::Incomplete);
        self.unusable.map(NoFrameReason::Rejected).or(lacking).or(self.foreign.map(NoFrameReason::Rejected))
    }
}
