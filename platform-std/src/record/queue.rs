//! Pictures on their way to the writer. Who publishes leaves them here and goes on; what a slow disk cannot take is missing in the
//! recording alone.

use std::collections::{BTreeMap, VecDeque};
#[cfg(test)]
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::options::Options;
use super::status::Status;
use crate::media::live::Taken;

/// So many pictures of a stream wait at most, with so many bytes together.
const MAX_WAITING: usize = 256;
const MAX_BYTES: usize = 32 << 20;

/// What the writer is told.
pub(super) enum Message {
    /// A stream of this name is recorded from now on.
    Begin(u64, String, Options, Arc<Status>),
    Picture(u64, Taken),
    /// Pictures of this stream found no room; the next one did.
    Lost(u64, u64),
    End(u64),
}

#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    #[cfg(test)]
    written: AtomicU64,
}

#[derive(Default)]
struct State {
    messages: VecDeque<Message>,
    /// What waits of each stream.
    waiting: BTreeMap<u64, Waiting>,
    next: u64,
    is_finished: bool,
}

#[derive(Default)]
struct Waiting {
    pictures: usize,
    bytes: usize,
    /// Pictures that found no room since the last one that did.
    lost: u64,
    status: Arc<Status>,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, state: &mut State, message: Message) {
        state.messages.push_back(message);
        self.filled.notify_one();
    }

    /// A stream is recorded from now on; gives what to call it.
    pub(super) fn begin(&self, name: &str, options: Options, status: Arc<Status>) -> u64 {
        let mut state = self.state();
        let id = state.next;
        state.next += 1;
        state.waiting.insert(id, Waiting { status: Arc::clone(&status), ..Waiting::default() });
        self.send(&mut state, Message::Begin(id, name.to_owned(), options, status));
        id
    }

    pub(super) fn push(&self, id: u64, taken: Taken) {
        let mut state = self.state();
        // It may have ended just now.
        let Some(waiting) = state.waiting.get_mut(&id) else { return };
        let bytes = taken.jpeg().len();
        let has_room = waiting.pictures < MAX_WAITING && waiting.bytes.saturating_add(bytes) <= MAX_BYTES;
        if !has_room && waiting.pictures > 0 {
            waiting.lost += 1;
            waiting.status.note_dropped();
            return;
        }
        waiting.pictures += 1;
        waiting.bytes += bytes;
        let lost = std::mem::take(&mut waiting.lost);
        if lost > 0 {
            self.send(&mut state, Message::Lost(id, lost));
        }
        self.send(&mut state, Message::Picture(id, taken));
    }

    pub(super) fn end(&self, id: u64) {
        let mut state = self.state();
        if state.waiting.remove(&id).is_some() {
            self.send(&mut state, Message::End(id));
        }
    }

    /// No more is taken.
    pub(super) fn finish(&self) {
        let mut state = self.state();
        state.waiting.clear();
        state.is_finished = true;
        self.filled.notify_one();
    }

    /// The next message, or none within this time. `Err`: there will be no more.
    pub(super) fn next(&self, patience: Duration) -> Result<Option<Message>, ()> {
        let state = self.state();
        let is_idle = |state: &mut State| state.messages.is_empty() && !state.is_finished;
        let found = self.filled.wait_timeout_while(state, patience, is_idle);
        let (mut state, _) = found.unwrap_or_else(PoisonError::into_inner);
        let message = state.messages.pop_front();
        if let Some(Message::Picture(id, taken)) = &message
            && let Some(waiting) = state.waiting.get_mut(id)
        {
            waiting.pictures -= 1;
            waiting.bytes -= taken.jpeg().len();
        }
        match message {
            None if state.is_finished => Err(()),
            message => Ok(message),
        }
    }

    #[cfg(test)]
    pub(super) fn note_written(&self) {
        self.written.fetch_add(1, Ordering::Release);
    }

    #[cfg(test)]
    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::jpeg;
    use std::time::Instant;

    fn options() -> Options {
        Options { folder: "/none".into(), segment: Duration::from_secs(10), keep: None }
    }

    fn count(queue: &Queue) -> (usize, u64) {
        let (mut pictures, mut lost) = (0, 0);
        while let Ok(Some(message)) = queue.next(Duration::ZERO) {
            match message {
                Message::Picture(..) => pictures += 1,
                Message::Lost(_, number) => lost += number,
                Message::Begin(..) | Message::End(_) => {}
            }
        }
        (pictures, lost)
    }

    #[test]
    fn what_finds_no_room_is_counted_stream_by_stream() {
        let (queue, status) = (Queue::default(), Arc::<Status>::default());
        let begin = |queue: &Queue, name, status| queue.begin(name, options(), Arc::clone(status));
        let (one, other) = (begin(&queue, "one", &status), begin(&queue, "other", &Arc::default()));
        let small = || Taken::new(jpeg(16, 16, 0, &[]), Instant::now());
        (0..MAX_WAITING + 7).for_each(|_| queue.push(one, small()));
        queue.push(other, small());
        assert_eq!(count(&queue), (MAX_WAITING + 1, 0));
        queue.push(one, small());
        assert_eq!((count(&queue), status.progress().dropped), ((1, 7), 7));
        // A large one is taken where nothing else waits, and nothing beside it.
        queue.push(one, Taken::new(jpeg(16, 16, 0, &vec![0; MAX_BYTES + 1]), Instant::now()));
        queue.push(one, small());
        assert_eq!(count(&queue), (1, 0));
        queue.end(one);
        queue.push(one, small());
        assert_eq!(count(&queue), (0, 0));
        queue.finish();
        assert!(queue.next(Duration::from_secs(60)).is_err());
    }
}
