//! How many packets leave back to back.

use crate::time::{Duration, Instant};

/// Packets of one burst. Receivers with small socket buffers (212,992 bytes by default on Linux, which some 90 packets fill)
/// would lose the end of every large frame if all of it came at once.
const BURST: u16 = 32;
const GAP: Duration = Duration::from_millis(1);
/// The packets that have left at one instant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Burst {
    packets: u16,
    /// A full socket has interrupted the burst: the next packets still count as part of it, however much later they leave.
    is_cut_short: bool,
    /// The low half of the instant's microseconds. Every 71 minutes two instants look alike, which costs one gap too many.
    at: u32,
}

impl Burst {
    pub(super) const fn new() -> Self {
        Self { packets: 0, is_cut_short: false, at: 0 }
    }

    /// Counts packets that left at `now`. Gives the instant from which the next packet may leave, if the burst is full.
    pub(super) fn count(&mut self, now: Instant, packets: u32) -> Option<Instant> {
        let at = now.as_micros() as u32;
        if self.at != at && !self.is_cut_short {
            self.packets = 0;
        }
        (self.at, self.is_cut_short) = (at, false);
        self.packets = self.packets.saturating_add(u16::try_from(packets).unwrap_or(u16::MAX));
        (self.packets >= BURST).then(|| now.after(GAP))
    }

    /// The next packets continue the burst that a full socket has interrupted.
    pub(super) const fn go_on(&mut self) {
        self.is_cut_short = true;
    }
}
