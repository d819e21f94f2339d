//! What is left of a client's streams when they are over: numbers, for those who add them up.

use super::stream::MediaStream;
use crate::delivery::Counts;
use crate::media::FrameSource;
use crate::session::MediaTransport;

/// What became of streams that a client has had and has no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// The frames of all of them.
    pub counts: Counts,
    /// Packets that the client reported as lost.
    pub lost: u32,
    /// How the last of them travelled; `None`: there was none.
    pub transport: Option<MediaTransport>,
}

impl Ended {
    /// One more.
    pub(super) fn add<S: FrameSource>(&mut self, stream: &MediaStream<S>) {
        let (Counts { frames, skipped, unready, unsendable }, sum) = (stream.counts(), &mut self.counts);
        sum.frames = sum.frames.saturating_add(frames);
        sum.skipped = sum.skipped.saturating_add(skipped);
        sum.unready = sum.unready.saturating_add(unready);
        sum.unsendable = sum.unsendable.saturating_add(unsendable);
        self.lost = self.lost.saturating_add_signed(stream.reception().lost.max(0));
        self.transport = Some(stream.transport());
    }
}
