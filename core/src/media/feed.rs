//! Bytes of a live stream, in pieces of any size, become whole JPEG files.

use super::multipart::Part;
use super::split::{Dialects, Every, Format, SEEN_LATE, SplitEvent, Splitter};
use crate::time::Duration;

/// The shortest buffer that a [`Feed`] works with.
pub const MIN_BUFFER: usize = 64;

/// What a [`Feed`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedEvent<'f> {
    /// A whole JPEG file.
    Frame {
        /// From SOI to EOI; or without EOI, where the next frame, its record's length or the next part ended it.
        jpeg: &'f [u8],
        /// Whether EOI ends it.
        has_end: bool,
        /// When it was taken, since an epoch of the sender's, if its part or its container says so. It is what the sender told: it
        /// may step back.
        timestamp: Option<Duration>,
    },
    /// A frame does not fit the buffer and is left out. It is said once for each, as soon as it is certain.
    TooLarge,
    /// Something between or in the frames is damaged. What follows is looked through for the next frame.
    Damaged,
}

/// Cuts a live stream into its frames: JPEGs one after another, `multipart/x-mixed-replace` in any dialect, the lab's records, or the chunks of
/// an AVI file. It recognises which of these it is.
///
/// A frame is given as soon as its EOI is there. There may be anything before the first one. The buffer has to hold the
/// longest frame, and is all the memory that is used; each byte is looked at once, however small the pieces are.
///
/// ```
/// use mutoscope::media::feed::{Feed, FeedEvent};
///
/// # let mut jpeg = vec![0; 20_000];
/// # let card = mutoscope::media::testcard::TestCard::new(320, 240, "25".parse()?, 60).unwrap();
/// # let len = card.render(0, &mut jpeg)?;
/// # jpeg.truncate(len);
/// # let stream = [b"--frame\r\nContent-Type: image/jpeg\r\nX-Timestamp: 7.5\r\n\r\n", &jpeg[..]].concat();
/// # let mut socket = &stream[..];
/// # let mut frames = 0;
/// # use std::io::Read;
/// let mut feed = Feed::new([0; 20_000]).unwrap();
/// loop {
///     let received = socket.read(feed.room())?;
///     if received == 0 {
///         break;
///     }
///     feed.handle_input(received);
///     while let Some(event) = feed.poll() {
///         if let FeedEvent::Frame { jpeg: file, timestamp, .. } = event {
/// #           assert_eq!((file, timestamp), (&jpeg[..], Some(core::time::Duration::from_millis(7500))));
/// #           frames += 1;
///             println!("{} bytes, taken at {timestamp:?}", file.len());
///         }
///     }
/// }
/// # assert_eq!(frames, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Feed<B, D: Dialects = Every> {
    buffer: B,
    told: Option<Format>,
    splitter: Splitter<D>,
    /// The splitter has seen `buffer[..fed]`, and `buffer[..filled]` was received.
    fed: usize,
    filled: usize,
    /// The start in the buffer of the frame that is being received, if it fits.
    start: Option<usize>,
    oversize: Oversize,
}

/// What is known of a frame that is too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Oversize {
    /// The frame fits so far.
    No,
    /// It does not, and that has to be said.
    ToBeSaid,
    /// It was said.
    Said,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Feed<B, Every> {
    /// A feed that recognises the format. `None` if the buffer is shorter than [`MIN_BUFFER`].
    pub fn new(buffer: B) -> Option<Self> {
        Self::with_format(buffer, None)
    }

    /// A feed of a stream whose format is known, unless it is `None`.
    pub fn with_format(buffer: B, format: Option<Format>) -> Option<Self> {
        Self::told(buffer, format)
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>, D: Dialects> Feed<B, D> {
    /// The same for a set of formats: `Feed::<_, OnlyRaw>::open(buffer)`. What it has no use for takes no memory.
    pub fn open(buffer: B) -> Option<Self> {
        Self::told(buffer, None)
    }

    fn told(buffer: B, format: Option<Format>) -> Option<Self> {
        let splitter = Splitter::new(format, u64::MAX);
        let is_long_enough = buffer.as_ref().len() >= MIN_BUFFER;
        is_long_enough.then_some(Self {
            buffer,
            told: format,
            splitter,
            fed: 0,
            filled: 0,
            start: None,
            oversize: Oversize::No,
        })
    }

    /// Begins anew, as after a reconnection.
    pub fn reset(&mut self) {
        self.splitter = Splitter::new(self.told, u64::MAX);
        (self.fed, self.filled, self.start, self.oversize) = (0, 0, None, Oversize::No);
    }

    /// The format; [`Format::Raw`] until it is known.
    pub fn format(&self) -> Format {
        self.splitter.format()
    }

    /// Where the next bytes are to be written. It is not empty if [`poll`](Self::poll) was called until it returned `None`.
    pub fn room(&mut self) -> &mut [u8] {
        // The last bytes may be the start of a frame, which those to come decide.
        let mut keep = self.start.unwrap_or(self.fed.saturating_sub(SEEN_LATE));
        let buffer = self.buffer.as_mut();
        let free = buffer.len().saturating_sub(self.filled);
        if free == 0 && keep == 0 && self.fed == self.filled {
            // The frame fills the whole buffer, so it cannot be kept.
            keep = self.fed.saturating_sub(SEEN_LATE);
            (self.start, self.oversize) = (None, Oversize::ToBeSaid);
        }
        // Moving no more bytes than were passed keeps the work in proportion to what is received, and a large buffer's end unused.
        let kept = self.filled.saturating_sub(keep);
        if keep > 0 && (free == 0 || kept <= keep) {
            buffer.copy_within(keep..self.filled, 0);
            self.filled = kept;
            self.fed = self.fed.saturating_sub(keep);
            self.start = self.start.map(|_| 0);
        }
        buffer.get_mut(self.filled..).unwrap_or(&mut [])
    }

    /// So many bytes were written to [`room`](Self::room).
    pub fn handle_input(&mut self, len: usize) {
        self.filled = self.filled.saturating_add(len).min(self.buffer.as_ref().len());
    }

    /// The next frame, or what is the matter with it. `None`: more bytes are needed.
    pub fn poll(&mut self) -> Option<FeedEvent<'_>> {
        loop {
            if self.oversize == Oversize::ToBeSaid {
                self.oversize = Oversize::Said;
                return Some(FeedEvent::TooLarge);
            }
            let unseen = self.buffer.as_ref().get(self.fed..self.filled)?;
            let (taken, event) = self.splitter.feed(unseen);
            self.fed = self.fed.saturating_add(taken);
            match event? {
                SplitEvent::Start => self.start = self.fed.checked_sub(self.splitter.since_start() as usize),
                SplitEvent::Passed => (self.start, self.oversize) = (None, Oversize::No),
                SplitEvent::Damage | SplitEvent::Beyond => {
                    self.start = None;
                    if core::mem::replace(&mut self.oversize, Oversize::No) == Oversize::No {
                        return Some(FeedEvent::Damaged);
                    }
                }
                SplitEvent::End { ago, has_end } => {
                    self.oversize = Oversize::No;
                    if let Some(start) = self.start.take() {
                        return self.frame(start, usize::from(ago), has_end);
                    }
                }
            }
        }
    }

    /// The stream has ended. Returns the last frame if it lacks its end. Call [`reset`](Self::reset) before anything else is received.
    pub fn finish(&mut self) -> Option<FeedEvent<'_>> {
        let event = self.splitter.end_of_file();
        let start = self.start.take();
        match event? {
            SplitEvent::End { .. } => self.frame(start?, 0, false),
            _ => Some(FeedEvent::Damaged),
        }
    }

    fn frame(&self, start: usize, ago: usize, has_end: bool) -> Option<FeedEvent<'_>> {
        let len = usize::try_from(self.splitter.frame_len(ago, has_end)).ok()?;
        let jpeg = self.buffer.as_ref().get(start..start.checked_add(len)?)?;
        let told = self.splitter.part().and_then(Part::timestamp).map(Duration::from_micros);
        let timestamp = told.or_else(|| self.splitter.chunks()?.time(self.splitter.is_second()));
        Some(FeedEvent::Frame { jpeg, has_end, timestamp })
    }
}

#[cfg(test)]
mod tests;
