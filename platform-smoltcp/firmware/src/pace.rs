//! Which card to draw when.

use mutoscope::media::FrameRate;
use mutoscope::time::{Duration, Instant};

/// Cards that are late (a host that had no time for QEMU, or no buffer that was free) come one after another, so that no
/// number is missing; when they are later than this, the newest. The clock does not see a longer pause of the host.
const CATCH_UP: Duration = Duration::from_millis(1400);

/// Goes with the clock while somebody watches: card n belongs n intervals after start-up.
pub(crate) struct Pace {
    rate: FrameRate,
    next: u64,
    /// Late cards come twice as fast as others and not all at once: everybody has to be sent one before the next is drawn.
    not_before: Instant,
    watched: bool,
    left_out: u32,
}

impl Pace {
    pub(crate) fn new(rate: FrameRate) -> Self {
        Self { rate, next: 0, not_before: Instant::default(), watched: false, left_out: 0 }
    }

    /// The card to draw now, and when it was due. It stays the next one until it was [`drawn`](Self::drawn), and is not
    /// asked for again at once.
    pub(crate) fn poll(&mut self, now: Instant, is_watched: bool) -> Option<(u32, Instant)> {
        let newest = self.rate.frames_in(now.as_micros());
        let late = newest.saturating_sub(self.next);
        if is_watched && !self.watched {
            self.next = newest;
        } else if is_watched && late > self.rate.frames_in(CATCH_UP.as_micros() as u64) {
            self.left_out = self.left_out.saturating_add(late as u32);
            self.next = newest;
        }
        self.watched = is_watched;
        if now < self.due()? {
            return None;
        }
        self.not_before = now.after(self.rate.interval() / 2);
        Some((self.next as u32, self.instant(self.next)))
    }

    /// The card that [`poll`](Self::poll) gave is on its way.
    pub(crate) fn drawn(&mut self) {
        self.next += 1;
    }

    /// When [`poll`](Self::poll) has the next one.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.watched.then(|| self.instant(self.next).max(self.not_before))
    }

    /// How many cards were never drawn.
    pub(crate) fn left_out(&self) -> u32 {
        self.left_out
    }

    fn instant(&self, number: u64) -> Instant {
        Instant::default().after(Duration::from_micros(self.rate.micros(number)))
    }
}
