//! Sources of frames: files of motion JPEG ([`mjpeg`]), cameras ([`live`]) and generated pictures ([`testcard`]); and what a
//! server offers of them ([`catalogue`]).

pub mod catalogue;
mod either;
pub mod live;
pub mod mjpeg;
mod rate;
#[cfg(test)]
mod samples;
mod split;
pub mod testcard;

pub use either::Either;
pub use rate::{FrameRate, InvalidFrameRate};

use crate::jpeg::{self, Layout};
use crate::time::Instant;
use core::task::Waker;

/// One picture, lent by its source.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'f> {
    /// The frame's position in the source, counted from 0. A live source counts from its start.
    pub number: u32,
    /// A whole JPEG file, SOI to EOI.
    pub data: &'f [u8],
    /// The time at which it was taken, if the source knows it, as live sources do. `None`: the sender paces it by the frame
    /// rate.
    pub captured: Option<Instant>,
    /// The places of its parts. The source parses them, once per frame, however many viewers share it.
    pub layout: Result<Layout, jpeg::Error>,
}

/// The result of [`FrameSource::advance`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Advance {
    /// [`FrameSource::frame`] now lends the next frame.
    Ready,
    /// There is no newer frame yet, because the source is live or because the next frame is still being made ready.
    Pending {
        /// When to ask again at the latest. `None`: when the waker says so.
        until: Option<Instant>,
    },
    /// The last frame was lent before.
    End,
}

/// A viewer's position in a stream of frames. [`advance`](Self::advance) and [`frame`](Self::frame) are two methods, so that no
/// borrow lives from one poll to the next.
pub trait FrameSource {
    /// The error of reading.
    type Error: core::fmt::Debug;
    /// Moves to the next frame. After an error the source stands behind the frame that failed: call again for the next one.
    ///
    /// A source that answers [`Advance::Pending`] keeps `waker`, and forgets the one it had before. It wakes it, from any
    /// thread, as soon as the driver should ask again. A source that knows the time of its next frame returns it in `until`
    /// instead, and need not wake anybody. A driver that asks often enough anyway, such as firmware that polls in a loop,
    /// passes [`Waker::noop`].
    fn advance(&mut self, now: Instant, waker: &Waker) -> Result<Advance, Self::Error>;
    /// The frame that [`advance`](Self::advance) moved to. `None` before the first frame and after the end.
    fn frame(&self) -> Option<Frame<'_>>;
    /// The original file, if [`frame`](Self::frame) lends one that was rewritten for RTP/JPEG. The lab dialect sends whole
    /// files, which need no rewriting.
    fn original(&self) -> Option<&[u8]> {
        None
    }
    /// The number of the frame that `advance` moves to next.
    fn position(&self) -> u32;
    /// Makes `number` the next frame. A number beyond the last frame means the end. A live source stays where it is; one
    /// that lends pictures out of a few buffers releases the buffer that it holds.
    fn seek(&mut self, number: u32) -> Result<(), Self::Error>;
}
