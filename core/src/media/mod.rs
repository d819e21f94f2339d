//! Where frames come from: files of motion JPEG ([`mjpeg`]) and generated pictures ([`testcard`]).

pub mod mjpeg;
mod rate;
#[cfg(test)]
mod samples;
mod split;
pub mod testcard;

pub use rate::{FrameRate, InvalidFrameRate};

use crate::jpeg::{self, Layout};
use crate::time::Instant;
use core::task::Waker;

/// One picture, lent by its source.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'f> {
    /// Position in the source, counted from 0; a live source counts from its start.
    pub number: u32,
    /// A whole JPEG file, SOI to EOI.
    pub data: &'f [u8],
    /// When it was taken, where the source knows (live sources); `None`: the sender paces it by the frame rate.
    pub captured: Option<Instant>,
    /// Where its parts are. Parsed by the source, once per frame however many viewers share it.
    pub layout: Result<Layout, jpeg::Error>,
}

/// What [`FrameSource::advance`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Advance {
    /// [`FrameSource::frame`] now lends the next frame.
    Ready,
    /// Nothing newer yet, because it is live or because the next frame is still being made ready; `until`: when there will
    /// be, where it knows.
    Pending {
        /// When to ask again at the latest. `None`: when the waker says so.
        until: Option<Instant>,
    },
    /// The last frame was lent before.
    End,
}

/// A viewer's position in a stream of frames. Two methods, so that no borrow lives across polls.
pub trait FrameSource {
    /// What reading can fail with.
    type Error: core::fmt::Debug;
    /// Moves to the next frame. After an error the source stands behind the frame that failed: call again for the one
    /// after it.
    ///
    /// A source that answers [`Advance::Pending`] wakes `waker` as soon as asking again is worth while, from any thread.
    /// It keeps the last waker that it was given. One that knows the time of its next frame says it in `until` and need
    /// not wake anybody; drivers that ask often enough anyway, as firmware does that polls in a loop, pass
    /// [`Waker::noop`].
    fn advance(&mut self, now: Instant, waker: &Waker) -> Result<Advance, Self::Error>;
    /// The frame [`advance`](Self::advance) moved to, or `None` before the first and after the end.
    fn frame(&self) -> Option<Frame<'_>>;
    /// The file as it was, where [`frame`](Self::frame) lends one that was rewritten for RTP/JPEG: the lab dialect sends
    /// whole files, which need no rewriting.
    fn original(&self) -> Option<&[u8]> {
        None
    }
    /// The number of the frame that `advance` moves to next.
    fn position(&self) -> u32;
    /// Makes `number` the next frame; beyond the last, the end. Live sources stay where they are; one that lends pictures
    /// out of a few buffers lets go of the one it holds.
    fn seek(&mut self, number: u32) -> Result<(), Self::Error>;
}
