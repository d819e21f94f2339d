//! What is answered: bytes that are there, or pictures as they come.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Bytes, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::feed::{Clocks, Viewer};
use super::usage::Watching;

/// The body of an answer.
pub(super) enum Body {
    /// All of it.
    Whole(Bytes),
    /// The pictures of a stream until it ends or the client goes.
    Video(Box<Video>),
}

/// Pictures of a stream for one client.
pub(super) struct Video {
    viewer: Viewer,
    /// No more than one in so long a time, and when the next one may be.
    interval: Option<(Duration, Pin<Box<Sleep>>)>,
    clocks: Clocks,
    watching: Watching,
    /// What the client was allowed has ended.
    ends: Ends,
    /// What comes behind the last picture.
    closing: &'static [u8],
    is_over: bool,
}

type Ends = Box<dyn Fn(mutoscope::time::Instant) -> bool + Send>;

impl Video {
    /// `closing`: what comes behind the last picture; `ends`: whether what the client was allowed has ended by now.
    pub(super) fn new(
        viewer: Viewer,
        interval: Option<Duration>,
        closing: &'static [u8],
        clocks: Clocks,
        watching: Watching,
        ends: impl Fn(mutoscope::time::Instant) -> bool + Send + 'static,
    ) -> Self {
        let interval = interval.map(|interval| (interval, Box::pin(sleep_until(Instant::now()))));
        Self { viewer, interval, clocks, watching, ends: Box::new(ends), closing, is_over: false }
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        if let Some((_, sleep)) = &mut self.interval
            && sleep.as_mut().poll(context).is_pending()
        {
            return Poll::Pending;
        }
        let part = std::task::ready!(self.viewer.poll_next(context.waker()));
        if let Some((interval, sleep)) = &mut self.interval {
            // The mean is kept, whenever pictures come, unless they are rarer than that.
            let next = (sleep.deadline() + *interval).max(Instant::now());
            sleep.as_mut().reset(next);
        }
        let part =
            part.filter(|_| !(self.ends)(self.clocks.now()) && !self.watching.is_ended()).map(|part| part.whole());
        let next = part.or_else(|| {
            self.is_over = true;
            (!self.closing.is_empty()).then_some(Bytes::from_static(self.closing))
        });
        self.watching.count(next.as_ref().map_or(0, Bytes::len));
        Poll::Ready(next)
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(Some(std::mem::take(bytes)).filter(|bytes| !bytes.is_empty())),
            Self::Video(video) => video.poll_next(context),
        };
        next.map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Video(_) => SizeHint::default(),
        }
    }
}
