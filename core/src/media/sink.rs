//! Where the pictures of a publisher go.

use crate::time::Instant;
use core::convert::Infallible;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

/// Takes the pictures of one publisher. It exists while the publisher has its session; when it is dropped, its medium is free for
/// another publisher.
///
/// The sink also gives the memory in which pictures are put together, so that a server without publishers has none of that:
/// [`NoSink`] takes no byte.
pub trait FrameSink {
    /// Whether there can be one at all. Where there cannot, a server has no code for publishers.
    const EXISTS: bool = true;

    /// Holds a picture that is being put together. Pictures that are too large for it never come.
    type Buffer: AsRef<[u8]> + AsMut<[u8]>;
    /// Holds the machine that does so, which is large: `Box<T>` where there is a heap.
    type Home<T>: DerefMut<Target = T>;

    /// A place for the machine.
    fn home<T>(&self, machine: T) -> Self::Home<T>;

    /// Memory for two pictures: the last parts of one may come among the first of the next. Asked for once.
    fn buffers(&mut self) -> [Self::Buffer; 2];

    /// A picture is complete: a whole JPEG file. `captured`: when it was taken, as far as the publisher's timestamps tell,
    /// and on the clock that shows `now`.
    fn publish(&mut self, now: Instant, jpeg: &[u8], captured: Instant);

    /// Whether what it takes is shown to nobody any more: its medium is gone, and its publisher may go, too.
    fn is_over(&self) -> bool {
        false
    }

    /// So many packets of the publisher have come by now, and so many were lost. Told with each picture.
    fn note_packets(&mut self, _came: u64, _lost: u64) {}
}

/// The sink of media that nobody can publish to: there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSink {}

impl FrameSink for NoSink {
    const EXISTS: bool = false;

    type Buffer = [u8; 0];
    type Home<T> = Nowhere<T>;

    fn home<T>(&self, _: T) -> Nowhere<T> {
        match *self {}
    }

    fn buffers(&mut self) -> [[u8; 0]; 2] {
        match *self {}
    }

    fn publish(&mut self, _: Instant, _: &[u8], _: Instant) {
        match *self {}
    }
}

/// The place of the machine of [`NoSink`]: there is none.
#[derive(Debug)]
pub struct Nowhere<T>(Infallible, PhantomData<fn() -> T>);

impl<T> Deref for Nowhere<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self.0 {}
    }
}

impl<T> DerefMut for Nowhere<T> {
    fn deref_mut(&mut self) -> &mut T {
        match self.0 {}
    }
}
