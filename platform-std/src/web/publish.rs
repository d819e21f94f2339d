//! Pictures that come by HTTP: one in each request, or as many as a client sends in one that does not end, for cameras behind a NAT.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use hyper::body::{Body, Bytes};
use mutoscope::media::FrameSink;
use mutoscope::media::catalogue::NotRecorded;
use mutoscope::media::feed::{Feed, FeedEvent};
use tokio::time::{sleep, timeout};

use super::feed::Clocks;
use super::reply::{self, Reply};
use crate::input::feeder::MAX_PICTURE;
use crate::input::sender_clock::SenderClock;
use crate::input::throttle::Throttle;
use crate::memory;

/// After so many bytes without a picture there will be none.
const MAX_JUNK: u64 = 2 * MAX_PICTURE as u64;
/// How long a publisher may send nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why the stream does not take pictures.
pub(super) fn refusal(why: NotRecorded) -> Reply {
    let (status, sentence) = match why {
        NotRecorded::NotDeclared => (StatusCode::METHOD_NOT_ALLOWED, "the stream has pictures of its own"),
        NotRecorded::Remote => (StatusCode::FORBIDDEN, "pictures are taken from the server's own machine alone"),
        NotRecorded::Taken => (StatusCode::CONFLICT, "somebody else sends the stream's pictures"),
    };
    reply::text(status, sentence)
}

/// Gives a sink the pictures of a body until it ends. `ends`: whether what the client was allowed has ended by now.
pub(super) async fn publish<B, S>(body: B, sink: S, clocks: Clocks, ends: impl Fn() -> bool) -> Result<Reply, Reply>
where
    B: Body<Data = Bytes> + Unpin,
    S: FrameSink,
{
    let mut taker =
        Taker::new(sink, clocks, memory::zeros(MAX_PICTURE)).ok_or_else(|| reply::later("there is no memory", 10))?;
    let (mut body, mut throttle) = (body, Throttle::of_input());
    while let Some(bytes) = next(&mut body).await? {
        if ends() {
            return Err(reply::text(StatusCode::FORBIDDEN, "what was allowed has ended"));
        }
        if taker.sink.is_over() {
            return Err(reply::text(StatusCode::GONE, "there is no such stream any more"));
        }
        taker.take(&bytes);
        if taker.junk > MAX_JUNK {
            return Err(taker.unfit());
        }
        let wait = throttle.spend(Instant::now(), bytes.len() as f64);
        if !wait.is_zero() {
            sleep(wait).await;
        }
    }
    taker.finish();
    if taker.pictures == 0 {
        return Err(taker.unfit());
    }
    let pictures =
        if taker.pictures == 1 { "a picture was".to_owned() } else { format!("{} pictures were", taker.pictures) };
    Ok(reply::text(StatusCode::OK, &format!("{pictures} taken")))
}

/// The next bytes of a body; `None`: it has ended.
pub(super) async fn next<B: Body<Data = Bytes> + Unpin>(body: &mut B) -> Result<Option<Bytes>, Reply> {
    loop {
        let next = timeout(PATIENCE, poll_fn(|context| Pin::new(&mut *body).poll_frame(context))).await;
        match next {
            Ok(Some(Ok(frame))) => {
                // Trailers say nothing of pictures.
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
            Ok(None) => return Ok(None),
            Ok(Some(Err(_))) => return Err(reply::text(StatusCode::BAD_REQUEST, "the request broke off")),
            Err(_) => return Err(reply::text(StatusCode::REQUEST_TIMEOUT, "nothing has come for 30 seconds")),
        }
    }
}

/// Finds pictures in bytes and gives them away.
pub(super) struct Taker<S> {
    feed: Feed<Vec<u8>>,
    sink: S,
    clocks: Clocks,
    sender: SenderClock,
    pictures: u64,
    /// Bytes since the last one.
    junk: u64,
}

impl<S: FrameSink> Taker<S> {
    /// Pictures that do not fit into `room` are left out. `None`: it is too small for any.
    pub(super) fn new(sink: S, clocks: Clocks, room: Vec<u8>) -> Option<Self> {
        let feed = Feed::new(room)?;
        Some(Self { feed, sink, clocks, sender: SenderClock::default(), pictures: 0, junk: 0 })
    }

    pub(super) fn take(&mut self, mut bytes: &[u8]) {
        self.junk += bytes.len() as u64;
        while !bytes.is_empty() {
            let room = self.feed.room();
            let (piece, rest) = bytes.split_at(room.len().min(bytes.len()));
            room[..piece.len()].copy_from_slice(piece);
            self.feed.handle_input(piece.len());
            bytes = rest;
            while let Some(event) = self.feed.poll() {
                if let FeedEvent::Frame { jpeg, timestamp, .. } = event {
                    give(&mut self.sink, self.clocks, &mut self.sender, jpeg, timestamp);
                    (self.pictures, self.junk) = (self.pictures + 1, 0);
                }
            }
        }
    }

    /// Nothing more comes. What was begun is a picture where it is the only one; of a stream that broke off it is half of one.
    pub(super) fn finish(&mut self) {
        if let Some(FeedEvent::Frame { jpeg, timestamp, has_end }) = self.feed.finish()
            && (has_end || self.pictures == 0)
        {
            give(&mut self.sink, self.clocks, &mut self.sender, jpeg, timestamp);
            self.pictures += 1;
        }
    }

    fn unfit(&self) -> Reply {
        let sentence =
            "no JPEG picture of less than 16 MB was found: send one, or several as multipart/x-mixed-replace";
        reply::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, sentence)
    }
}

fn give<S: FrameSink>(sink: &mut S, clocks: Clocks, sender: &mut SenderClock, jpeg: &[u8], told: Option<Duration>) {
    let (now, system) = (clocks.now(), Instant::now());
    let age = told.map(|told| system.saturating_duration_since(sender.instant(told, system)));
    sink.publish(now, jpeg, now.before(age.unwrap_or_default()));
}

#[cfg(test)]
mod tests;
