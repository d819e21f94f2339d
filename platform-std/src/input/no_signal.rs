//! What is shown of inputs that are away, where that was asked for: a picture that says so, why, and since when.
//!
//! One thread draws for all inputs, once a second, and only for those that are away while somebody watches. Who keeps the pictures of an
//! input does not count as watching here.

use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use mutoscope::media::testcard::Notice;

use crate::calendar::Timestamp;
use crate::media::live::{Absence, Live};

/// An input that is only about to begin may take so long until it is said that there is nothing.
const GRACE: Duration = Duration::from_millis(1500);
/// From one picture to the next, so that those who watch see that the stream goes on.
const PERIOD: Duration = Duration::from_secs(1);
/// The size of an input of which nothing is known.
const USUAL_SIZE: (u16, u16) = (1280, 720);
/// Larger ones are drawn in that size, too, in pixels.
const MOST_PIXELS: u32 = 32 << 20;
/// Bytes of the memory that a picture is drawn into; doubled until it fits.
const FIRST_BUFFER: usize = 64 << 10;
const LAST_BUFFER: usize = 64 << 20;

/// Draws for inputs. Dropping it ends that.
pub(super) struct NoSignal {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    boards: Mutex<Boards>,
    changed: Condvar,
}

#[derive(Default)]
struct Boards {
    all: Vec<(Live, Board)>,
    /// Something has happened since the thread looked.
    is_stale: bool,
    is_over: bool,
}

/// When there is something to be drawn for one input, decided without a thread or a clock.
#[derive(Clone, Copy, Debug, Default)]
struct Board {
    /// The size of its pictures, where the description tells.
    size: Option<(u16, u16)>,
    /// Since when somebody watches while there is no picture.
    watched: Option<Instant>,
    drawn: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    /// Draw that there has been nothing since then.
    Draw(Instant),
    /// Nobody watches any more what was drawn.
    Withdraw,
}

impl Board {
    /// What is to be done now that so many watch.
    fn poll(&mut self, now: Instant, absence: Option<&Absence>, spectators: usize) -> Option<Task> {
        let Some(absence) = absence else {
            // The picture that came has taken the place of what was drawn.
            (self.watched, self.drawn) = (None, None);
            return None;
        };
        if spectators == 0 {
            self.watched = None;
            return self.drawn.take().map(|_| Task::Withdraw);
        }
        let watched = *self.watched.get_or_insert(now);
        if self.due(absence.lost).is_none_or(|due| due > now) {
            return None;
        }
        self.drawn = Some(now);
        Some(Task::Draw(absence.lost.map_or(watched, |lost| lost.min(watched))))
    }

    /// When to poll though nothing happens.
    fn due(&self, lost: Option<Instant>) -> Option<Instant> {
        let watched = self.watched?;
        let first = if lost.is_some() { watched } else { watched + GRACE };
        Some(self.drawn.map_or(first, |drawn| drawn + PERIOD))
    }
}

impl Shared {
    fn boards(&self) -> MutexGuard<'_, Boards> {
        self.boards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notify(&self) {
        self.boards().is_stale = true;
        self.changed.notify_all();
    }

    fn run(&self) {
        let mut boards = self.boards();
        while !boards.is_over {
            boards.is_stale = false;
            let now = Instant::now();
            let (mut next, mut drawn) = (None, Vec::new());
            for (live, board) in &mut boards.all {
                let absence = live.absence();
                match board.poll(now, absence.as_ref(), live.spectators()) {
                    Some(Task::Draw(since)) => {
                        drawn.extend(absence.map(|told| (live.clone(), told, board.size, since)))
                    }
                    Some(Task::Withdraw) => live.withdraw_substitute(),
                    None => {}
                }
                next = [next, board.due(live.absence().and_then(|told| told.lost))].into_iter().flatten().min();
            }
            if !drawn.is_empty() {
                // Drawing takes its time, and who comes or goes meanwhile need not wait for that.
                drop(boards);
                for (live, absence, size, since) in drawn {
                    draw(&live, absence, size, since);
                }
                boards = self.boards();
                continue;
            }
            let is_fresh = |boards: &mut Boards| !boards.is_stale && !boards.is_over;
            boards = match next {
                Some(next) => {
                    let patience = next.saturating_duration_since(Instant::now());
                    self.changed
                        .wait_timeout_while(boards, patience, is_fresh)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
                None => self.changed.wait_while(boards, is_fresh).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

impl NoSignal {
    /// Nothing is to be drawn yet.
    ///
    /// # Errors
    /// The system has no thread left.
    pub(super) fn new() -> io::Result<Self> {
        let shared = Arc::new(Shared { boards: Mutex::default(), changed: Condvar::new() });
        let thread = thread::Builder::new().name("no signal".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || shared.run()
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Draws for `live` from now on. `size`: of its pictures, where that is known before the first one.
    pub(super) fn add(&self, live: &Live, size: Option<(u16, u16)>) {
        self.shared.boards().all.push((live.clone(), Board { size, ..Board::default() }));
        let notify = |shared: &Arc<Shared>| {
            let shared = Arc::downgrade(shared);
            move || {
                if let Some(shared) = shared.upgrade() {
                    shared.notify();
                }
            }
        };
        live.on_change(notify(&self.shared));
        live.on_absence(notify(&self.shared));
        self.shared.notify();
    }

    /// Draws for `live` no more.
    pub(super) fn remove(&self, live: &Live) {
        let mut boards = self.shared.boards();
        let at = boards.all.iter().position(|(known, _)| known.is(live));
        let removed = at.map(|at| boards.all.swap_remove(at));
        drop(boards);
        // Only now: the end of its medium is told to us, who would wait for ourselves.
        drop(removed);
    }
}

impl Drop for NoSignal {
    fn drop(&mut self) {
        let lives = {
            let mut boards = self.shared.boards();
            boards.is_over = true;
            std::mem::take(&mut boards.all)
        };
        self.shared.changed.notify_all();
        drop(lives);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for NoSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoSignal").field("inputs", &self.shared.boards().all.len()).finish_non_exhaustive()
    }
}

/// Shows those who watch `live` that there has been nothing since then, and why.
fn draw(live: &Live, absence: Absence, size: Option<(u16, u16)>, since: Instant) {
    let now = Instant::now();
    let lasted = now.saturating_duration_since(since);
    let began = SystemTime::now().checked_sub(lasted).unwrap_or(SystemTime::UNIX_EPOCH);
    let size = suitable(absence.size, size);
    match picture(size, live.name(), &absence.reason, &told(began, lasted)) {
        Some(jpeg) => live.substitute(jpeg, absence.reason, now),
        None => log::debug!("{}: a picture of {} x {} pixels is not drawn", live.name(), size.0, size.1),
    }
}

/// The size that the input had last, or is said to have, or a usual one.
fn suitable(last: (u16, u16), described: Option<(u16, u16)>) -> (u16, u16) {
    let can_be_drawn = |(width, height): &(u16, u16)| {
        *width > 0 && *height > 0 && u32::from(*width) * u32::from(*height) <= MOST_PIXELS
    };
    Some(last).filter(can_be_drawn).or(described.filter(can_be_drawn)).unwrap_or(USUAL_SIZE)
}

/// `since 2026-11-29 20:45:03 UTC (0:03:12)`.
fn told(began: SystemTime, lasted: Duration) -> String {
    let began = Timestamp(began).to_string();
    let (date, time) = (began.get(..10).unwrap_or_default(), began.get(11..19).unwrap_or_default());
    let seconds = lasted.as_secs();
    format!("since {date} {time} UTC ({}:{:02}:{:02})", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn picture(size: (u16, u16), name: &str, reason: &str, since: &str) -> Option<Vec<u8>> {
    let notice = Notice { size, title: "NO SIGNAL", name, reason, since };
    let mut buffer = vec![0; FIRST_BUFFER];
    loop {
        match notice.render(&mut buffer) {
            Ok(len) => {
                buffer.truncate(len);
                buffer.shrink_to_fit();
                return Some(buffer);
            }
            Err(_) if buffer.len() < LAST_BUFFER => buffer.resize(buffer.len() * 2, 0),
            Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests;
