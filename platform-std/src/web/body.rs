//! What is answered: bytes that are there, or pictures as they come.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Bytes, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::download::Download;
use super::feed::{Clocks, Viewer};
use super::usage::{Watcher, Watching};

/// The body of an answer.
pub(super) enum Body {
    /// All of it.
    Whole(Bytes),
    /// The pictures of a stream until it ends or the client goes.
    Video(Box<Video>),
    /// A file, or a part of it.
    File(Box<Download>),
}

impl Body {
    /// Who watches by it, where somebody does.
    pub(super) const fn watcher(&self) -> Option<&Arc<Watcher>> {
        match self {
            Self::Whole(_) => None,
            Self::Video(video) => Some(video.watcher()),
            Self::File(download) => Some(download.watcher()),
        }
    }
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
    form: Form,
    is_over: bool,
}

/// How pictures are put into a body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// What comes behind the last picture.
    pub(super) closing: &'static [u8],
    /// What comes before the first picture.
    pub(super) begin: Option<&'static [u8]>,
    /// The head of each part comes right behind the picture before it.
    pub(super) is_ahead: bool,
}

type Ends = Box<dyn Fn(mutoscope::time::Instant) -> bool + Send>;

impl Video {
    /// `ends`: whether what the client was allowed has ended by now.
    pub(super) fn new(
        viewer: Viewer,
        interval: Option<Duration>,
        form: Form,
        clocks: Clocks,
        watching: Watching,
        ends: impl Fn(mutoscope::time::Instant) -> bool + Send + 'static,
    ) -> Self {
        let interval = interval.map(|interval| (interval, Box::pin(sleep_until(Instant::now()))));
        Self { viewer, interval, clocks, watching, ends: Box::new(ends), form, is_over: false }
    }

    /// Who gets them.
    pub(super) const fn watcher(&self) -> &Arc<Watcher> {
        self.watching.watcher()
    }

    /// The next bytes of the body; `None`: there are no more.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        if let Some(begin) = self.form.begin.take() {
            return Poll::Ready(Some(Bytes::from_static(begin)));
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
        let part = part
            .filter(|_| !(self.ends)(self.clocks.now()))
            .map(|part| if self.form.is_ahead { part.and_next() } else { part.whole() });
        if part.is_some() {
            // Who wants fewer pictures misses none.
            self.watching.count_frame(if self.interval.is_some() { 0 } else { self.viewer.skipped });
        }
        let next = part.or_else(|| {
            self.is_over = true;
            (!self.form.closing.is_empty()).then_some(Bytes::from_static(self.form.closing))
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
            // `Sending` has them.
            Self::Video(_) => Poll::Ready(None),
            Self::File(download) => download.poll_next(context),
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
            Self::File(download) => SizeHint::with_exact(download.left()),
        }
    }
}
