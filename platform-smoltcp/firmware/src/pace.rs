//! Which card to draw when.

use mutoscope::source::FrameRate;
use mutoscope::time::{Duration, Instant};

/// Cards that are late (a host that had no time for QEMU) come one after another, so that no number is missing; of more
/// than so many, the newest.
const CATCH_UP: u64 = 8;

/// Goes with the clock while somebody watches: card n belongs n intervals after start-up.
pub(crate) struct Pace {
    rate: FrameRate,
    next: u64,
    /// Late cards need not come all at once: everybody has to be sent one before the next is drawn.
    not_before: Instant,
    watched: bool,
    left_out: u32,
}

impl Pace {
    pub(crate) fn new(rate: FrameRate) -> Self {
        Self { rate, next: 0, not_before: Instant::default(), watched: false, left_out: 0 }
    }

    /// The card to draw now, and when it was due.
    pub(crate) fn poll(&mut self, now: Instant, is_watched: bool) -> Option<(u32, Instant)> {
        let newest = self.rate.frames_in(now.as_micros());
        let late = newest.saturating_sub(self.next);
        if is_watched && !self.watched {
            self.next = newest;
        } else if is_watched && late > CATCH_UP {
            self.left_out(late);
            self.next = newest;
        }
        self.watched = is_watched;
        if now < self.due()? {
            return None;
        }
        let number = self.next;
        self.next = number + 1;
        self.not_before = now.after(self.rate.interval() / 4);
        Some((number as u32, self.instant(number)))
    }

    /// When [`poll`](Self::poll) has the next one.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.watched.then(|| self.instant(self.next).max(self.not_before))
    }

    /// So many cards were not drawn, or found no buffer.
    pub(crate) fn left_out(&mut self, cards: u64) {
        self.left_out = self.left_out.saturating_add(cards as u32);
    }

    /// All of them.
    pub(crate) fn total_left_out(&self) -> u32 {
        self.left_out
    }

    fn instant(&self, number: u64) -> Instant {
        Instant::default().after(Duration::from_micros(self.rate.micros(number)))
    }
}
