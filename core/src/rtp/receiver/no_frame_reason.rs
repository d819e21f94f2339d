//! The reasons why arriving packets make no frames.

use super::Rejected;

/// The reason why the packets since the last frame have made no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum NoFrameReason {
    /// The packets are rejected, the last one for this reason.
    Rejected(Rejected),
    /// The packets become frames that miss a part.
    Incomplete,
}

/// Remembers the reason that weighs most. A fault of the stream itself weighs more than missing parts, and these more than
/// packets that only came to the same port.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Troubles {
    unusable: Option<Rejected>,
    foreign: Option<Rejected>,
    /// The number of frames that had been given up before because parts of them never came.
    incomplete: u64,
}

impl Troubles {
    /// Forgets the reasons: a frame came out, or another stream begins.
    pub(super) fn clear(&mut self, incomplete: u64) {
        *self = Self { incomplete, ..Self::default() };
    }

    pub(super) fn note(&mut self, rejected: Rejected) {
        match rejected {
            // Good streams have such packets too.
            Rejected::Outdated | Rejected::Duplicate | Rejected::Late => {}
            Rejected::Rtp(_) | Rejected::PayloadType(_) | Rejected::Source | Rejected::Jump | Rejected::Empty => {
                self.foreign = Some(rejected)
            }
            _ => self.unusable = Some(rejected),
        }
    }

    /// The reason now. `incomplete` is the number of frames that have been given up because parts of them never came.
    pub(super) fn trouble(&self, incomplete: u64) -> Option<NoFrameReason> {
        let lacking = (incomplete != self.incomplete).then_some(NoFrameReason::Incomplete);
        self.unusable.map(NoFrameReason::Rejected).or(lacking).or(self.foreign.map(NoFrameReason::Rejected))
    }
}
