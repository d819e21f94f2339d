//! Bytes of an input become pictures.

use std::time::{Duration, Instant};

use mutoscope::media::feed::{Feed, FeedEvent};

use super::error::InputError;
use super::publisher::Publisher;
use super::sender_clock::SenderClock;
use super::stop::Stop;
use super::throttle::{MAX_BYTES, Throttle};
use crate::memory;

/// The longest picture. A raw one of 24 megapixels is shorter at any sensible quality.
pub(crate) const MAX_PICTURE: usize = 16 * 1024 * 1024;
/// The most bytes that are taken at once: an input that has more gets to its pictures no later for that.
const PIECE: usize = 128 * 1024;
/// After so many bytes without a picture an input is not what we took it for.
const MAX_JUNK: u64 = 64 * 1024 * 1024;

/// Finds the pictures in an input's bytes and publishes them. What floods is taken no faster than it can be of use.
pub(super) struct Feeder {
    feed: Feed<Vec<u8>>,
    throttle: Throttle,
    clock: SenderClock,
    /// Bytes since the last picture.
    junk: u64,
    pictures: u64,
    has_flooded: bool,
}

impl Feeder {
    pub(super) fn new() -> Self {
        Self {
            feed: Feed::new(memory::zeros(MAX_PICTURE)).expect("the buffer is long enough"),
            throttle: Throttle::of_input(),
            clock: SenderClock::default(),
            junk: 0,
            pictures: 0,
            has_flooded: false,
        }
    }

    /// How many pictures were found since it was made or reset.
    pub(super) fn pictures(&self) -> u64 {
        self.pictures
    }

    /// Whether nothing has come since it was made or reset.
    pub(super) fn is_new(&self) -> bool {
        self.pictures == 0 && self.junk == 0
    }

    /// Begins anew: what comes does not follow what came.
    pub(super) fn reset(&mut self) {
        self.feed.reset();
        self.clock = SenderClock::default();
        (self.junk, self.pictures) = (0, 0);
    }

    /// Where bytes are to be written; never empty.
    pub(super) fn room(&mut self) -> &mut [u8] {
        let room = self.feed.room();
        let len = room.len().min(PIECE);
        &mut room[..len]
    }

    /// So many bytes were written to [`room`](Self::room). `false`: the input is to end.
    ///
    /// # Errors
    /// There are no pictures in what comes.
    pub(super) fn handle_input(&mut self, len: usize, publisher: &Publisher, stop: &Stop) -> Result<bool, InputError> {
        let now = Instant::now();
        self.feed.handle_input(len);
        self.junk = self.junk.saturating_add(len as u64);
        while let Some(event) = self.feed.poll() {
            if let FeedEvent::Frame { .. } = event {
                self.junk = 0;
                self.pictures += 1;
            }
            if !publish(event, &mut self.clock, now, publisher, stop) {
                return Ok(false);
            }
        }
        if self.junk > MAX_JUNK {
            return Err(InputError::new("what it sends holds no JPEG pictures, or none of less than 16 MB"));
        }
        let wait = self.throttle.spend(now, len as f64);
        if wait.is_zero() {
            return Ok(!stop.is_stopping());
        }
        if !std::mem::replace(&mut self.has_flooded, true) {
            publisher
                .complain(&format!("bytes come too fast, they are taken no more than {} MB a second", MAX_BYTES / 1e6));
        }
        Ok(stop.sleep(wait))
    }

    /// Copies bytes that lie elsewhere. `false`: the input is to end.
    ///
    /// # Errors
    /// There are no pictures in what comes.
    pub(super) fn handle_bytes(
        &mut self,
        mut bytes: &[u8],
        publisher: &Publisher,
        stop: &Stop,
    ) -> Result<bool, InputError> {
        while !bytes.is_empty() {
            let room = self.room();
            let len = room.len().min(bytes.len());
            let (piece, rest) = bytes.split_at(len);
            room[..len].copy_from_slice(piece);
            bytes = rest;
            if !self.handle_input(len, publisher, stop)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Nothing more comes. What was begun is the picture where it is the only one. Of a stream that broke off it is half of one.
    pub(super) fn handle_end(&mut self, publisher: &Publisher, stop: &Stop) {
        if let Some(event @ FeedEvent::Frame { has_end, .. }) = self.feed.finish()
            && (has_end || self.pictures == 0)
        {
            self.pictures += 1;
            publish(event, &mut self.clock, Instant::now(), publisher, stop);
        }
        self.feed.reset();
    }
}

/// `false`: the input is to end.
fn publish(event: FeedEvent<'_>, clock: &mut SenderClock, now: Instant, publisher: &Publisher, stop: &Stop) -> bool {
    match event {
        FeedEvent::Frame { jpeg, timestamp, .. } => {
            let captured = timestamp.map_or(now, |told: Duration| clock.instant(told, now));
            publisher.publish_in_turn(publisher.copy(jpeg), captured, stop)
        }
        FeedEvent::TooLarge => {
            publisher.complain("a picture of more than 16 MB is left out");
            true
        }
        FeedEvent::Damaged => {
            publisher.complain("what is between or in its pictures is damaged");
            true
        }
    }
}
