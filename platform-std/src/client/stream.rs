//! Frames for asynchronous programs, whatever their runtime.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

use futures_core::Stream;

use super::{Client, Error, Event, Goal, Handle, Options, PlayedFrame, shown};

/// The most frames that wait to be polled: more than a second of a stream of 25 frames per second.
const QUEUE: usize = 32;

/// Plays what is at a URL, or what these [`Options`] say, in a thread of its own, and gives out its frames as they arrive.
///
/// # Errors
/// Those of [`Client::new`], and [`Error::System`] where there is no thread. Nothing has been connected yet.
pub fn play_stream(options: impl Into<Options>) -> Result<FrameStream, Error> {
    let mut client = Client::new(options)?;
    client.set_goal(Goal::Play { from: None });
    let (handle, shared) = (client.handle(), Arc::new(Shared::default()));
    let sink = Sink(shared.clone());
    let spawned = thread::Builder::new().name("mutoscope client".into()).spawn(move || feed(&mut client, &sink));
    spawned.map_err(|error| Error::System("start a thread", error))?;
    Ok(FrameStream { handle, shared })
}

/// The frames of one presentation, from its beginning to its end; then the session is ended properly. After an error
/// there are no more. A stream that is dropped before ends its session in the background.
///
/// A thread receives and keeps the session alive, however seldom the stream is polled. At most 32 frames wait to be
/// polled. When one more comes, the oldest is dropped, and a gap in [`PlayedFrame::number`] shows it.
#[derive(Debug)]
pub struct FrameStream {
    handle: Handle,
    shared: Arc<Shared>,
}

impl FrameStream {
    /// For pausing, seeking and stopping. A stream that is stopped ends.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl Stream for FrameStream {
    type Item = Result<PlayedFrame, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut queue = self.shared.lock();
        if let Some(item) = queue.items.pop_front() {
            return Poll::Ready(Some(item));
        }
        if queue.over {
            return Poll::Ready(None);
        }
        queue.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for FrameStream {
    fn drop(&mut self) {
        self.handle.set_goal(Goal::Stop);
    }
}

#[derive(Debug, Default)]
struct Shared(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Result<PlayedFrame, Error>>,
    waker: Option<Waker>,
    /// The thread is gone.
    over: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // A queue is consistent at every moment, whoever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread's end of the queue. The stream is over when it goes, also by a panic.
struct Sink(Arc<Shared>);

impl Sink {
    fn put(&self, item: Result<PlayedFrame, Error>) {
        let mut queue = self.0.lock();
        if queue.items.len() >= QUEUE {
            queue.items.pop_front();
        }
        queue.items.push_back(item);
        let waker = queue.waker.take();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.over = true;
        let waker = queue.waker.take();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

fn feed(client: &mut Client, sink: &Sink) {
    let mut at = None;
    loop {
        match client.next(None) {
            Ok(Some(Event::Frame(frame))) => {
                at = frame.position;
                sink.put(Ok(client.copy_frame(&frame)));
            }
            Ok(Some(Event::EndOfStream { .. })) => client.set_goal(Goal::Stop),
            Ok(Some(Event::TornDown)) => return,
            // Stopped before there was anything to tear down.
            Ok(None) if client.is_idle() => return,
            Ok(_) => {}
            Err(error) if client.turn() => {
                log::warn!("{error}: going on at {}", shown(client.url()));
                client.set_goal(Goal::Play { from: at });
            }
            Err(error) => {
                sink.put(Err(error));
                return;
            }
        }
    }
}
