//! The thread that writes all recordings.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::disk::Disk;
use super::queue::{Message, Queue};
use super::stream::Stream;

/// Nothing is due for so long, at most.
const IDLE: Duration = Duration::from_secs(3600);

pub(super) struct Writer {
    queue: Arc<Queue>,
    disk: Box<dyn Disk>,
    streams: BTreeMap<u64, Stream>,
}

impl Writer {
    pub(super) fn new(queue: Arc<Queue>, disk: Box<dyn Disk>) -> Self {
        Self { queue, disk, streams: BTreeMap::new() }
    }

    /// Writes until the queue is finished, and then ends all segments.
    pub(super) fn run(mut self) {
        loop {
            let now = Instant::now();
            let due = self.streams.values().filter_map(Stream::deadline).min();
            let patience = due.map_or(IDLE, |due| due.saturating_duration_since(now));
            match self.queue.next(patience) {
                Ok(Some(message)) => self.take(message),
                Ok(None) => {}
                Err(()) => break,
            }
            let now = Instant::now();
            if due.is_some_and(|due| due <= now) {
                self.streams.values_mut().for_each(|stream| stream.tick(&mut *self.disk, now));
            }
        }
        self.streams.values_mut().for_each(|stream| stream.finish_segment(&mut *self.disk));
    }

    fn take(&mut self, message: Message) {
        let disk = &mut *self.disk;
        match message {
            Message::Begin(id, name, options, status) => {
                let mut stream = Stream::new(name, options).telling(status);
                stream.tick(disk, Instant::now());
                self.streams.insert(id, stream);
            }
            Message::Picture(id, picture) => {
                let stream = self.streams.get_mut(&id);
                let _is_written = stream.is_some_and(|stream| stream.write(disk, &picture, Instant::now()));
                #[cfg(test)]
                if _is_written {
                    self.queue.note_written();
                }
            }
            Message::Lost(id, number) => {
                if let Some(stream) = self.streams.get_mut(&id) {
                    stream.note_lost(number, Instant::now());
                }
            }
            Message::End(id) => {
                if let Some(mut stream) = self.streams.remove(&id) {
                    stream.finish_segment(disk);
                }
            }
        }
    }
}
