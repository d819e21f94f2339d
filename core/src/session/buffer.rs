//! A queue of bytes in storage that the caller lends.

use crate::wire::rtsp::Interleaved;

/// Memory that a caller lends to a connection: `[u8; 2048]`, `&mut [u8]`, `Box<[u8]>` or anything else that is bytes.
pub trait Storage: AsRef<[u8]> + AsMut<[u8]> {}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Storage for B {}

/// A queue: bytes are added at the end and taken from the front. The queued bytes are always one slice, which moves to
/// the front of the storage only if the space behind it does not suffice.
#[derive(Debug)]
pub(crate) struct Buffer<B> {
    storage: B,
    /// `start <= end <= storage.len()`
    start: usize,
    end: usize,
}

impl<B: Storage> Buffer<B> {
    pub(crate) const fn new(storage: B) -> Self {
        Self { storage, start: 0, end: 0 }
    }

    /// Gives the storage back. The queued bytes are lost.
    pub(crate) fn into_storage(self) -> B {
        self.storage
    }

    /// Goes on in other storage, and gives its own back. What is queued moves along; storage that is too small for that is given
    /// back instead.
    pub(crate) fn exchange(&mut self, mut storage: B) -> B {
        let len = self.len();
        let Some(place) = storage.as_mut().get_mut(..len) else { return storage };
        place.copy_from_slice(self.bytes());
        (self.start, self.end) = (0, len);
        core::mem::replace(&mut self.storage, storage)
    }

    /// The number of bytes that it can hold.
    pub(crate) fn capacity(&self) -> usize {
        self.storage.as_ref().len()
    }

    /// The number of queued bytes.
    pub(crate) fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of bytes that can be added.
    pub(crate) fn free(&self) -> usize {
        self.capacity().saturating_sub(self.len())
    }

    /// The queued bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.storage.as_ref().get(self.start..self.end).unwrap_or_default()
    }

    /// The same, to be changed where they lie.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        self.storage.as_mut().get_mut(self.start..self.end).unwrap_or_default()
    }

    /// All free space, as one slice. [`commit`](Self::commit) the bytes that were written there.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        self.compact();
        self.storage.as_mut().get_mut(self.end..).unwrap_or_default()
    }

    /// At least `len` bytes of space as one slice, moving what is queued only where that is needed; `None` where there
    /// are fewer.
    pub(crate) fn reserve(&mut self, len: usize) -> Option<&mut [u8]> {
        if len > self.free() {
            return None;
        }
        if self.capacity().saturating_sub(self.end) < len {
            self.compact();
        }
        self.storage.as_mut().get_mut(self.end..)
    }

    /// Queues the first `n` bytes of what [`space`](Self::space) or [`reserve`](Self::reserve) lent.
    pub(crate) fn commit(&mut self, n: usize) {
        self.end = self.end.saturating_add(n).min(self.capacity());
    }

    /// Queues a whole interleaved frame (RFC 2326 section 10.12) of `room` bytes at most, or nothing (`false`).
    pub(crate) fn queue_interleaved(&mut self, room: usize, channel: u8, segments: &[&[u8]]) -> bool {
        let len = segments.iter().fold(0usize, |len, segment| len.saturating_add(segment.len()));
        let Ok(payload_len) = u16::try_from(len) else { return false };
        let header = Interleaved::header(channel, payload_len);
        let len = len.saturating_add(header.len());
        if len > room {
            return false;
        }
        let Some(mut space) = self.reserve(len) else { return false };
        for segment in core::iter::once(&header[..]).chain(segments.iter().copied()) {
            // This cannot fail, because the sum of the lengths is reserved. Nothing would be queued if it did.
            let Some((place, rest)) = space.split_at_mut_checked(segment.len()) else { return false };
            place.copy_from_slice(segment);
            space = rest;
        }
        self.commit(len);
        true
    }

    /// Queues bytes as far as there is room.
    pub(crate) fn queue(&mut self, segments: &[&[u8]]) {
        for segment in segments.iter().filter(|segment| !segment.is_empty()) {
            if let Some(place) = self.reserve(segment.len()).and_then(|space| space.get_mut(..segment.len())) {
                place.copy_from_slice(segment);
                self.commit(segment.len());
            }
        }
    }

    /// Drops the first `n` bytes.
    pub(crate) fn consume(&mut self, n: usize) {
        self.start = self.start.saturating_add(n).min(self.end);
        if self.start == self.end {
            self.clear();
        }
    }

    pub(crate) const fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }

    fn compact(&mut self) {
        if self.start > 0 {
            // In bounds by the invariant: `start <= end <= len`.
            self.storage.as_mut().copy_within(self.start..self.end, 0);
            self.end = self.len();
            self.start = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(bytes: &[u8]) -> Buffer<[u8; 8]> {
        let mut buffer = Buffer::new([0; 8]);
        buffer.space()[..bytes.len()].copy_from_slice(bytes);
        buffer.commit(bytes.len());
        buffer
    }

    #[test]
    fn bytes_come_out_in_the_order_they_went_in() {
        let mut buffer = filled(b"abcdef");
        buffer.consume(4);
        assert_eq!((buffer.bytes(), buffer.free()), (&b"ef"[..], 6));
        let space = buffer.space();
        assert_eq!(space.len(), 6);
        space.copy_from_slice(b"ghijkl");
        buffer.commit(6);
        assert_eq!(buffer.bytes(), b"efghijkl");
        assert!(buffer.space().is_empty());
    }

    #[test]
    fn reserving_moves_bytes_only_where_it_must() {
        let mut buffer = filled(b"abcdef");
        buffer.consume(4);
        assert_eq!(buffer.reserve(2).map(|space| space.len()), Some(2));
        assert_eq!(buffer.start, 4);
        assert_eq!(buffer.reserve(3).map(|space| space.len()), Some(6));
        assert_eq!(buffer.start, 0);
        assert!(buffer.reserve(7).is_none());
        assert_eq!(buffer.bytes(), b"ef");
    }

    #[test]
    fn an_interleaved_frame_is_queued_whole_or_not_at_all() {
        let mut buffer = filled(b"a");
        assert!(!buffer.queue_interleaved(usize::MAX, 1, &[b"abcd"]), "no space");
        assert!(!buffer.queue_interleaved(6, 1, &[b"ab", b"c"]), "no room for it");
        assert_eq!(buffer.bytes(), b"a");
        assert!(buffer.queue_interleaved(7, 1, &[b"ab", b"c"]));
        assert_eq!(buffer.bytes(), b"a$\x01\0\x03abc");
        let mut large = Buffer::new(std::vec![0; 70_000]);
        assert!(!large.queue_interleaved(usize::MAX, 1, &[&[0; 65_536]]), "beyond its 16 bits of length");
        assert!(large.queue_interleaved(usize::MAX, 1, &[&[0; 65_535]]));
    }

    #[test]
    fn lies_about_lengths_are_cut_to_what_is_there() {
        let mut buffer = filled(b"ab");
        buffer.commit(100);
        assert_eq!(buffer.len(), 8);
        buffer.consume(100);
        assert!(buffer.is_empty());
        assert_eq!(Buffer::new([0u8; 0]).space().len(), 0);
    }
}
