//! One connection: requests in, answers out, and what ends it.

use std::convert::Infallible;
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use hyper::Response;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::http::response::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use mutoscope::io::server::Guard;
use tokio::io::{AsyncRead, AsyncWrite};

use super::answer::answer;
use super::body::{Body, Video};
use super::sending::Sending;
use super::socket::Patient;
use super::usage::Watcher;
use super::{Connection, Directory, Site, reply};
use crate::server::Door;

/// How long a request may take to come, and how long a connection may be idle.
const REQUEST_PATIENCE: Duration = Duration::from_secs(15);
/// So many requests are answered on one connection.
const MOST_REQUESTS: u32 = 1000;
/// Bytes of a request's line and headers.
const MOST_HEAD: usize = 16 * 1024;

impl Connection {
    /// Answers requests until the client goes, or takes too long, or has asked often enough.
    pub(super) async fn serve<S, C, D>(self, stream: S, site: Arc<Site<C, D>>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        C: Directory,
        D: Door + Guard<Visit: Send> + Send + Sync + 'static,
    {
        match self.answers(stream, &site).await {
            Ok(Some((stream, head, video))) => {
                let mut sending = Sending::new(stream, &head, video);
                if let Err(error) = poll_fn(|context| sending.poll(context)).await {
                    log::debug!("{} has no more pictures: {error}", self.peer);
                }
            }
            Ok(None) => {}
            Err(error) => log::debug!("{} has no more answers: {error}", self.peer),
        }
    }

    /// Answers requests, up to one for the pictures of a stream: its answer is given back, and who takes it.
    async fn answers<S, C, D>(self, stream: S, site: &Arc<Site<C, D>>) -> hyper::Result<Option<Taken<S>>>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        C: Directory,
        D: Door + Guard<Visit: Send> + Send + Sync + 'static,
    {
        let (count, begun) = (AtomicU32::new(0), Mutex::new(None));
        let begun = &begun;
        // Who gets a file on this connection, once somebody does.
        let watcher = Mutex::new(None::<Arc<Watcher>>);
        let watcher = &watcher;
        let answer_one = service_fn(|request| {
            let (site, number) = (Arc::clone(site), count.fetch_add(1, Ordering::Relaxed) + 1);
            async move {
                let mut reply = if self.is_refused {
                    reply::later("there are as many clients as there may be", 10)
                } else {
                    // A connection keeps the room of this as long as it is there, and what is in the box only until there is an answer.
                    Box::pin(answer(&site, self, request)).await
                };
                if let Some(who) = reply.body().watcher() {
                    *lock(watcher) = Some(Arc::clone(who));
                }
                if self.is_refused || number >= MOST_REQUESTS {
                    reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                match reply.into_parts() {
                    (head, Body::Video(video)) => {
                        *lock(begun) = Some((head, video));
                        // The connection is taken away from here.
                        pending().await
                    }
                    (head, body) => Ok::<_, Infallible>(Response::from_parts(head, body)),
                }
            }
        });
        let stream = TokioIo::new(Patient::new(stream));
        // Of its own, so that nothing of it is left when there are pictures.
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(REQUEST_PATIENCE)
            .max_buf_size(MOST_HEAD)
            .serve_connection(stream, answer_one);
        let mut connection = Box::new(connection);
        let answered = poll_fn(|context| {
            // Whoever is sent away goes at once, whatever it has not read yet.
            if let Some(watcher) = &*lock(watcher)
                && watcher.poll_end(context.waker()).is_ready()
            {
                return Poll::Ready(Ok(None));
            }
            let polled = Pin::new(&mut *connection).poll(context);
            match lock(begun).take() {
                Some(begun) => Poll::Ready(Ok(Some(begun))),
                None => polled.map_ok(|()| None),
            }
        });
        let begun = answered.await?;
        Ok(begun.map(|(head, video)| (connection.into_parts().io.into_inner(), head, video)))
    }
}

/// A client, and what it is answered with.
type Taken<S> = (Patient<S>, Parts, Box<Video>);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
