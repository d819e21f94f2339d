//! What became of the pictures of a live medium, since it was made.

use std::ops::AddAssign;

/// Pictures that came to a live stream, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Those that were shown.
    pub frames: u64,
    /// Their bytes, as they came.
    pub bytes: u64,
    /// Those of them that were damaged and were mended.
    pub mended: u64,
    /// Those of them that RTP/JPEG cannot carry: browsers and clients of the classic lab saw them.
    pub unsendable: u64,
    /// Those that are too damaged to be shown.
    pub damaged: u64,
    /// Those that came too soon after very many others.
    pub too_many: u64,
    /// Those that came while those before them were not ready yet.
    pub unready: u64,
    /// Those that were too old when they came from another machine.
    pub old: u64,
}

/// Why a picture is shown to nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeftOut {
    Damaged,
    TooMany,
    Unready,
    #[cfg(feature = "cluster")]
    Old,
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        // All of them are named, so that none can be forgotten.
        let Self { frames, bytes, mended, unsendable, damaged, too_many, unready, old } = other;
        self.frames += frames;
        self.bytes += bytes;
        self.mended += mended;
        self.unsendable += unsendable;
        self.damaged += damaged;
        self.too_many += too_many;
        self.unready += unready;
        self.old += old;
    }
}

impl Totals {
    pub(super) const fn leave_out(&mut self, why: LeftOut) {
        match why {
            LeftOut::Damaged => self.damaged += 1,
            LeftOut::TooMany => self.too_many += 1,
            LeftOut::Unready => self.unready += 1,
            #[cfg(feature = "cluster")]
            LeftOut::Old => self.old += 1,
        }
    }
}
