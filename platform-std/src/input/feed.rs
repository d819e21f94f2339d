//! Whole JPEG files from bytes: a simple stand-in.

use std::time::Duration;

pub(super) enum FeedEvent<'f> {
    Frame { jpeg: &'f [u8], timestamp: Option<Duration> },
    TooLarge,
}

pub(super) struct Feed<B> {
    buffer: B,
    filled: usize,
    seen: usize,
    start: Option<usize>,
    is_too_large: bool,
}

impl Feed<Box<[u8]>> {
    pub(super) fn new(buffer: Box<[u8]>) -> Option<Self> {
        Some(Self { buffer, filled: 0, seen: 0, start: None, is_too_large: false })
    }

    pub(super) fn reset(&mut self) {
        (self.filled, self.seen, self.start) = (0, 0, None);
    }

    pub(super) fn room(&mut self) -> &mut [u8] {
        let keep = self.start.unwrap_or(self.seen);
        self.buffer.copy_within(keep..self.filled, 0);
        self.filled -= keep;
        self.seen -= keep;
        self.start = self.start.map(|_| 0);
        if self.filled == self.buffer.len() {
            self.is_too_large = true;
            self.reset();
        }
        &mut self.buffer[self.filled..]
    }

    pub(super) fn handle_input(&mut self, len: usize) {
        self.filled += len;
    }

    pub(super) fn poll(&mut self) -> Option<FeedEvent<'_>> {
        if std::mem::take(&mut self.is_too_large) {
            return Some(FeedEvent::TooLarge);
        }
        while self.seen + 2 < self.filled {
            let at = self.seen;
            let three = &self.buffer[at..at + 3];
            self.seen += 1;
            match self.start {
                None if three == [0xff, 0xd8, 0xff] => self.start = Some(at),
                Some(start) if three[1..] == [0xff, 0xd9] => {
                    self.start = None;
                    self.seen = at + 3;
                    return Some(FeedEvent::Frame { jpeg: &self.buffer[start..at + 3], timestamp: None });
                }
                _ => {}
            }
        }
        None
    }

    pub(super) fn finish(&mut self) -> Option<FeedEvent<'_>> {
        let start = self.start.take()?;
        Some(FeedEvent::Frame { jpeg: &self.buffer[start..self.filled], timestamp: None })
    }
}
