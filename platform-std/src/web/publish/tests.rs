use super::super::tests::{picture, run};
use super::*;
use crate::clock::MonotonicClock;
use crate::input::Push;
use crate::media::Policy;
use mutoscope::media::catalogue::Medium;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::task::{Context, Poll};

/// A sink that remembers.
#[derive(Default)]
struct Sink(Vec<(Vec<u8>, u64)>);

impl FrameSink for &mut Sink {
    type Buffer = Vec<u8>;
    type Home<T> = Box<T>;

    fn home<T>(&self, machine: T) -> Box<T> {
        Box::new(machine)
    }

    fn buffers(&mut self) -> [Vec<u8>; 2] {
        Default::default()
    }

    fn publish(&mut self, now: mutoscope::time::Instant, jpeg: &[u8], captured: mutoscope::time::Instant) {
        self.0.push((jpeg.to_vec(), now.since(captured).as_millis() as u64));
    }
}

/// A body in pieces; the client says nothing more behind them unless it `ends`.
struct Pieces {
    left: VecDeque<Vec<u8>>,
    ends: bool,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Infallible>>> {
        match self.left.pop_front() {
            Some(piece) => Poll::Ready(Some(Ok(hyper::body::Frame::data(piece.into())))),
            None if self.ends => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

fn send(bytes: &[u8], size: usize, ends: bool) -> (StatusCode, Vec<Vec<u8>>) {
    let mut sink = Sink::default();
    let body = Pieces { left: bytes.chunks(size).map(<[u8]>::to_vec).collect(), ends };
    let clocks = super::super::feed::Clocks::new(MonotonicClock::new());
    let reply = run(publish(body, &mut sink, clocks, || false)).unwrap_or_else(|reply| reply);
    (reply.status(), sink.0.into_iter().map(|(jpeg, _)| jpeg).collect())
}

#[test]
fn a_picture_or_many_come_in_pieces_of_any_size() {
    let pictures: Vec<Vec<u8>> = (0..4).map(|number| picture(number, 5000)).collect();
    let part = |jpeg: &Vec<u8>| {
        [format!("--b\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", jpeg.len()).as_bytes(), jpeg, b"\r\n"]
            .concat()
    };
    let multipart: Vec<u8> = pictures.iter().flat_map(part).collect();
    for size in [1, 7, 1000, 1 << 20] {
        assert!(send(&pictures[0], size, true) == (StatusCode::OK, pictures[..1].to_vec()), "{size}");
        assert!(send(&pictures.concat(), size, true) == (StatusCode::OK, pictures.clone()), "{size}");
        assert!(send(&multipart, size, true) == (StatusCode::OK, pictures.clone()), "{size}");
    }
    // Half a picture behind whole ones is left out.
    let cut = &pictures.concat()[..12_000];
    assert!(send(cut, 1000, true).1 == pictures[..2]);
}

#[test]
fn what_holds_no_pictures_or_does_not_go_on_is_refused() {
    assert_eq!(send(b"", 1, true).0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(send(b"{\"picture\": null}", 5, true).0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let (status, pictures) = send(&picture(1, 5000), 1000, false);
    assert_eq!((status, pictures.len()), (StatusCode::REQUEST_TIMEOUT, 1));
    let endless = vec![0x55; MAX_JUNK as usize + 100_000];
    assert_eq!(send(&endless, 1 << 20, false).0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let huge = [&[0xFF, 0xD8][..], &vec![0x55; MAX_PICTURE + 10], &picture(1, 5000)].concat();
    assert!(send(&huge, 1 << 20, true) == (StatusCode::OK, vec![picture(1, 5000)]));
}

#[test]
fn one_publisher_at_a_time() {
    let push = Push::new("yard", None, Policy::default()).unwrap();
    let here = "127.0.0.1".parse().unwrap();
    let first = push.medium(0).record(here).unwrap();
    assert_eq!(refusal(push.medium(0).record(here).err().unwrap()).status(), StatusCode::CONFLICT);
    drop(first);
    assert!(push.medium(0).record(here).is_ok());
    let elsewhere = push.medium(0).record("192.0.2.1".parse().unwrap()).err().unwrap();
    assert_eq!(refusal(elsewhere).status(), StatusCode::FORBIDDEN);
}

#[test]
fn who_publishes_a_stream_that_is_gone_is_told() {
    let push = Push::new("yard", None, Policy::default()).unwrap();
    let publish_one = || {
        let sink = push.medium(0).record("127.0.0.1".parse().unwrap()).unwrap();
        let body = Pieces { left: [picture(1, 5000)].into(), ends: true };
        let clocks = super::super::feed::Clocks::new(MonotonicClock::new());
        run(publish(body, sink, clocks, || false)).unwrap_or_else(|reply| reply).status()
    };
    assert_eq!(publish_one(), StatusCode::OK);
    push.end();
    assert_eq!(publish_one(), StatusCode::GONE);
}
