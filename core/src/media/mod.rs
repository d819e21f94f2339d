//! Sources of frames: files of motion JPEG ([`mjpeg`]), cameras ([`live`]) and generated pictures ([`testcard`]); and what a
//! server offers of them ([`catalogue`]).

mod avi;
pub mod catalogue;
mod course;
mod either;
mod extent;
pub mod feed;
pub mod live;
pub mod mjpeg;
mod multipart;
mod rate;
#[cfg(test)]
mod samples;
mod sink;
mod split;
pub mod testcard;

pub use course::Course;
pub use either::Either;
pub use extent::{End, Extent};
pub(crate) use rate::scaled;
pub use rate::{FrameRate, InvalidFrameRate};
pub use sink::{FrameSink, NoSink, Nowhere};

use crate::jpeg::{self, Layout};
use crate::time::{Duration, Instant};
use core::task::Waker;

/// One picture, lent by its source.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'f> {
    /// The frame's position in the source, counted from 0. A live source counts from its start.
    pub number: u32,
    /// A whole JPEG file, SOI to EOI.
    pub data: &'f [u8],
    /// The time at which it was taken, if the source knows it, as live sources do. `None`: the sender paces it by the frame
    /// rate, or by `time`.
    pub captured: Option<Instant>,
    /// How long after the medium's beginning it is shown, in a medium of [`Extent::Timed`]. The times of later frames are
    /// later; a sender takes one that is not for the time of the frame before. `None`: the frame rate tells, or the medium is
    /// live.
    pub time: Option<Duration>,
    /// The places of its parts. The source parses them, once per frame, however many viewers share it.
    pub layout: Result<Layout, jpeg::Error>,
}

/// The result of [`FrameSource::advance`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Advance {
    /// [`FrameSource::frame`] now lends the next frame.
    Ready,
    /// There is no newer frame yet, because the source is live or because the next frame is still being made ready. Where a
    /// recorded medium lets its viewer wait longer than frames last, frames are left out, so that its times stay true.
    Pending {
        /// When to ask again at the latest. `None`: when the waker says so.
        until: Option<Instant>,
    },
    /// All that there is by now of a recorded medium was lent before, and more will come, because it still grows or is being
    /// indexed ([`End::Open`]). The waker tells when. No frame is left out for the time that this takes.
    Edge,
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
    /// Why there is no picture, where [`frame`](Self::frame) lends one that only says so.
    fn absence(&self) -> Option<&str> {
        None
    }
    /// The number of the frame that `advance` moves to next.
    fn position(&self) -> u32;
    /// Makes `number` the next frame. A number beyond the last frame means the end, or the edge of a medium that has no end
    /// yet. A live source stays where it is; one that lends pictures out of a few buffers releases the buffer that it holds.
    fn seek(&mut self, number: u32) -> Result<(), Self::Error>;
    /// Makes the frame that is shown at `time` the next one: the last one that begins no later, or else the first one. It is
    /// asked of media of [`Extent::Timed`] alone. A source that has to look for the frame may do so when it is asked to
    /// advance, and need not know its [`position`](Self::position) before.
    fn seek_time(&mut self, time: Duration) -> Result<(), Self::Error> {
        let _ = time;
        Ok(())
    }
    /// How far the medium reaches by now. `None`: as far as its [`Entry`](catalogue::Entry) said when it was opened.
    fn extent(&self) -> Option<Extent> {
        None
    }
    /// The frames that will be asked for from now on, in their order, if the viewer stays on its course. Each of them is still
    /// asked for: where it is not the next one, by [`seek`](Self::seek). Until this is called, and after the next call of
    /// `seek`, the viewer is assumed to ask for one frame after another. A source that makes frames ready ahead follows it.
    fn expect(&mut self, course: Course) {
        let _ = course;
    }
}
