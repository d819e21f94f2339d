//! How much a server has to do, and whether that leaves room for one more viewer. Those who are there come first: a new one is told to come
//! back later, before they lose a frame.
//!
//! What the loops do and send is measured in windows of time. Who was let in since the last window counts as much as a viewer in it did.

use std::sync::{Mutex, MutexGuard, PoisonError};

use mutoscope::time::{Duration, Instant};
use nix::time::{ClockId, clock_gettime};

use super::histogram::Histogram;

/// How long things are added up.
const WINDOW: Duration = Duration::from_secs(1);

/// A loop that works for more than this share of its time, in thousandths, may soon be late …
const MOST_WORK: u64 = 850;

/// … and is, where in the mean what is due waits for so long. One that is busy and in time has a client that asks without end, and gives
/// all others their turns: that client must not keep everybody else out.
const LATE: Duration = Duration::from_millis(4);

/// What one loop has done since it last said so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    /// How long that is ago.
    pub(super) time: Duration,
    /// How long it was busy.
    pub(super) busy: Duration,
    /// Bytes that it sent.
    pub(super) sent: u64,
    /// How long what was due had to wait, in the mean.
    pub(super) late: Duration,
}

/// What a client does that matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    /// It has no stream.
    Nothing,
    /// It has one, which does not play. There is to be room for it when it does.
    Resting,
    /// It watches.
    Playing,
}

/// Why there is no room for another viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// Of processor time.
    Time,
    /// Of what may be sent.
    Bandwidth,
}

impl Lack {
    /// In words, behind a status of 503.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Time => "the server has all that it can do",
            Self::Bandwidth => "the server sends all that it may",
        }
    }
}

/// The load of all loops of a server.
#[derive(Debug)]
pub(crate) struct Load {
    /// Most bytes a second that may be sent; `None`: no limit.
    most_bytes: Option<u64>,
    loops: Mutex<Vec<Gauge>>,
}

/// One loop's.
#[derive(Clone, Copy, Debug, Default)]
struct Gauge {
    /// Viewers now, and those of them that play.
    viewers: u64,
    playing: u64,
    /// The most that played at once in this window.
    most_playing: u64,
    /// Of the last whole window: thousandths of its time, bytes a second, and the most that played in it.
    last: (u64, u64, u64),
    /// What was due in it was late.
    is_late: bool,
}

impl Gauge {
    /// The load with `more` viewers beside those who are there now: thousandths of time, and bytes a second.
    fn with(&self, more: u64) -> (u64, u64) {
        let (busy, bytes, playing) = self.last;
        let now = self.viewers + more;
        // Who has gone takes nothing with him before the window is over, and who has come, or does not play yet, counts at once.
        // What is done while nobody plays tells nothing of those who will.
        let of_all = |measured: u64| if now > playing && playing > 0 { measured * now / playing } else { measured };
        (of_all(busy), of_all(bytes))
    }
}

impl Load {
    /// `most_bits`: most bits a second that may be sent.
    pub(super) fn new(loops: usize, most_bits: Option<u64>) -> Self {
        Self { most_bytes: most_bits.map(|bits| bits / 8), loops: Mutex::new(vec![Gauge::default(); loops.max(1)]) }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Gauge>> {
        self.loops.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The loop `at` has done this: a window is over.
    pub(super) fn handle_work(&self, at: usize, work: Work) {
        let gauge = &mut self.lock()[at];
        let millis = work.time.as_millis().max(1) as u64;
        let busy = work.busy.as_millis() as u64 * 1000 / millis;
        gauge.last = (busy, work.sent * 1000 / millis, gauge.most_playing);
        gauge.is_late = work.late >= LATE;
        gauge.most_playing = gauge.playing;
    }

    /// Whether there is room for one more viewer at the loop `at`.
    pub(super) fn has_room(&self, at: usize) -> Result<(), Lack> {
        let loops = self.lock();
        if loops[at].viewers > 0 && loops[at].is_late && loops[at].with(1).0 > MOST_WORK {
            return Err(Lack::Time);
        }
        let each = |(number, gauge): (usize, &Gauge)| gauge.with(u64::from(number == at)).1;
        let bytes: u64 = loops.iter().enumerate().map(each).sum();
        if self.most_bytes.is_some_and(|most| bytes > most) { Err(Lack::Bandwidth) } else { Ok(()) }
    }

    /// How many more viewers there is room for, as far as can be told. Who is let in goes to any loop.
    #[cfg(feature = "cluster")]
    pub(super) fn room(&self) -> usize {
        let loops = self.lock();
        let of_time = |gauge: &Gauge| match (gauge.viewers > 0 && gauge.is_late, gauge.last) {
            (true, (busy @ 1.., _, playing)) => (MOST_WORK * playing / busy).saturating_sub(gauge.viewers),
            _ => u64::MAX,
        };
        let time = loops.iter().map(of_time).min().unwrap_or(u64::MAX);
        let bytes: u64 = loops.iter().map(|gauge| gauge.with(0).1).sum();
        let viewers: u64 = loops.iter().map(|gauge| gauge.viewers).sum();
        let bandwidth = match self.most_bytes {
            Some(most) if bytes > most => 0,
            // What one of them takes in the mean.
            Some(most) if bytes > 0 && viewers > 0 => (most - bytes).saturating_mul(viewers) / bytes,
            _ => u64::MAX,
        };
        usize::try_from(time.min(bandwidth)).unwrap_or(usize::MAX)
    }

    /// A viewer of the loop `at` is something else than before.
    pub(super) fn handle_viewer(&self, at: usize, before: Doing, now: Doing) {
        let gauge = &mut self.lock()[at];
        let count = |count: u64, was: bool, is: bool| (count + u64::from(is)).saturating_sub(u64::from(was));
        gauge.viewers = count(gauge.viewers, before != Doing::Nothing, now != Doing::Nothing);
        gauge.playing = count(gauge.playing, before == Doing::Playing, now == Doing::Playing);
        gauge.most_playing = gauge.most_playing.max(gauge.playing);
    }
}

/// Measures what one loop does, for [`Load`].
#[derive(Debug)]
pub(crate) struct Meter {
    at: usize,
    told: Instant,
    /// Processor time of the thread then.
    taken: Duration,
    sent: u64,
    /// In all windows that are over.
    sent_before: u64,
    lag: Histogram,
    /// What was due had to wait so long, in so many turns.
    waited: (Duration, u32),
    is_full: Option<Lack>,
}

impl Meter {
    pub(crate) fn new(at: usize) -> Self {
        Self {
            at,
            told: Instant::default(),
            taken: processor_time(),
            sent: 0,
            sent_before: 0,
            lag: Histogram::LAG,
            waited: (Duration::ZERO, 0),
            is_full: None,
        }
    }

    /// Bytes have been sent.
    pub(crate) const fn count(&mut self, bytes: u64) {
        self.sent += bytes;
    }

    /// What is due had to wait so long.
    pub(super) fn handle_late(&mut self, late: Duration) {
        self.lag.note(late.as_secs_f64());
        self.waited = (self.waited.0.saturating_add(late), self.waited.1 + 1);
    }

    /// A turn begins. What was done is told when a window is over.
    pub(crate) fn tell(&mut self, now: Instant, load: &Load) {
        let time = now.since(self.told);
        if time < WINDOW {
            return;
        }
        let taken = processor_time();
        let (waited, turns) = std::mem::take(&mut self.waited);
        let late = waited.checked_div(turns).unwrap_or_default();
        let busy = taken.saturating_sub(self.taken);
        self.sent_before += self.sent;
        let work = Work { time, busy, sent: std::mem::take(&mut self.sent), late };
        (self.told, self.taken) = (now, taken);
        load.handle_work(self.at, work);
        self.ask(load);
    }

    /// A viewer has come or gone, or plays, or does no more.
    pub(crate) fn handle_viewer(&mut self, load: &Load, before: Doing, now: Doing) {
        load.handle_viewer(self.at, before, now);
        self.ask(load);
    }

    fn ask(&mut self, load: &Load) {
        let is_full = load.has_room(self.at).err();
        if let Some(lack) = is_full.filter(|_| self.is_full.is_none()) {
            log::warn!("new viewers are refused: {}", lack.words());
        }
        self.is_full = is_full;
    }

    /// All bytes that have been sent.
    pub(crate) const fn sent(&self) -> u64 {
        self.sent_before + self.sent
    }

    /// How late it was with what was due.
    pub(super) const fn lag(&self) -> &Histogram {
        &self.lag
    }

    /// Why there is no room for another viewer.
    pub(crate) const fn is_full(&self) -> Option<Lack> {
        self.is_full
    }
}

/// What this thread has taken of a processor so far. A machine that is busy with other things makes it no larger: that is no reason to
/// turn viewers away.
fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After a second in which `viewers` took so many milliseconds and sent so many bytes.
    fn load(viewers: usize, busy: u64, sent: u64, most_bits: Option<u64>) -> Load {
        let load = Load::new(2, most_bits);
        (0..viewers).for_each(|_| load.handle_viewer(0, Doing::Nothing, Doing::Playing));
        let work = Work { time: WINDOW, busy: Duration::from_millis(busy), sent, late: LATE };
        load.handle_work(0, work);
        load
    }

    #[test]
    fn who_was_let_in_since_the_last_window_counts_as_much_as_one_in_it() {
        let load = load(10, 700, 0, None);
        assert_eq!(load.has_room(0), Ok(()));
        // Those who do not play yet will take as much as those who do.
        load.handle_viewer(0, Doing::Nothing, Doing::Resting);
        load.handle_viewer(0, Doing::Nothing, Doing::Playing);
        assert_eq!(load.has_room(0), Err(Lack::Time), "thirteen would take 910 ms");
        assert_eq!(load.has_room(1), Ok(()), "another loop has nothing to do");
        load.handle_viewer(0, Doing::Resting, Doing::Nothing);
        assert_eq!(load.has_room(0), Ok(()));
    }

    #[test]
    fn there_is_room_left_for_those_who_have_not_begun_to_play() {
        let load = load(5, 400, 0, None);
        for _ in 0..5 {
            assert_eq!(load.has_room(0), Ok(()));
            load.handle_viewer(0, Doing::Nothing, Doing::Resting);
        }
        assert_eq!(load.has_room(0), Err(Lack::Time), "eleven would take 880 ms");
        // The next window has them, too.
        load.handle_work(0, Work { time: WINDOW, busy: Duration::from_millis(400), sent: 0, late: LATE });
        assert_eq!(load.has_room(0), Err(Lack::Time));
        // Those who pause have taken what was measured before they did.
        (0..5).for_each(|_| load.handle_viewer(0, Doing::Playing, Doing::Resting));
        load.handle_work(0, Work { time: WINDOW, busy: Duration::from_millis(300), sent: 0, late: LATE });
        assert_eq!(load.has_room(0), Ok(()));
    }

    #[test]
    fn what_is_sent_counts_for_all_loops_together() {
        let load = load(10, 0, 10_000, Some(8 * 12_000));
        assert_eq!(load.has_room(1), Ok(()));
        let work = Work { time: WINDOW, busy: Duration::ZERO, sent: 3_000, late: Duration::ZERO };
        load.handle_viewer(1, Doing::Nothing, Doing::Playing);
        load.handle_work(1, work);
        assert_eq!([load.has_room(0), load.has_room(1)], [Err(Lack::Bandwidth); 2]);
    }

    #[test]
    fn the_first_viewer_is_always_let_in_where_nothing_is_known() {
        assert_eq!(Load::new(1, Some(1)).has_room(0), Ok(()));
        // Setting up a thousand takes time, before anybody plays.
        let begun = Load::new(1, None);
        (0..1000).for_each(|_| begun.handle_viewer(0, Doing::Nothing, Doing::Resting));
        begun.handle_work(0, Work { time: WINDOW, busy: Duration::from_millis(300), sent: 0, late: LATE });
        assert_eq!(begun.has_room(0), Ok(()));
        // A machine that is busy with other things is no reason to serve nobody.
        assert_eq!(load(0, 1000, 0, None).has_room(0), Ok(()));
    }

    #[cfg(feature = "cluster")]
    #[test]
    fn the_room_that_is_told_others_is_that_of_the_next_ones() {
        assert_eq!(Load::new(2, Some(1)).room(), usize::MAX, "nothing is known");
        // Ten take 700 of 850 thousandths.
        let load = load(10, 700, 10_000, Some(8 * 12_500));
        assert_eq!(load.room(), 2);
        (0..2).for_each(|_| load.handle_viewer(0, Doing::Nothing, Doing::Resting));
        assert_eq!((load.room(), load.has_room(0)), (0, Err(Lack::Time)));
        let work = Work { time: WINDOW, busy: WINDOW, sent: 13_000, late: Duration::ZERO };
        load.handle_work(0, work);
        assert_eq!((load.room(), load.has_room(0)), (0, Err(Lack::Bandwidth)));
    }

    #[test]
    fn a_loop_that_is_busy_and_in_time_keeps_nobody_out() {
        let load = load(10, 1000, 0, None);
        assert_eq!(load.has_room(0), Err(Lack::Time));
        let work = Work { time: WINDOW, busy: WINDOW, sent: 0, late: LATE / 2 };
        load.handle_work(0, work);
        assert_eq!(load.has_room(0), Ok(()));
    }

    #[test]
    fn a_window_that_is_over_is_forgotten() {
        let load = load(10, 1000, 0, None);
        assert_eq!(load.has_room(0), Err(Lack::Time));
        load.handle_work(0, Work { time: WINDOW, busy: Duration::from_millis(9), sent: 0, late: LATE });
        assert_eq!(load.has_room(0), Ok(()));
    }
}
