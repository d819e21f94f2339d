//! Plays a URL as an asynchronous stream, without a runtime, and prints a line per frame:
//! `cargo run -p mutoscope-std --features futures --example play_stream -- rtsp://127.0.0.1:8554/testcard`

use std::error::Error;
use std::future::poll_fn;
use std::io::{Write, stdout};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread::{self, Thread};

use futures_core::Stream;

fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("usage: play_stream URL")?;
    block_on(print(&url, &mut stdout()))
}

pub(crate) async fn print(url: &str, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let mut frames = mutoscope_std::play_stream(url)?;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut frames).poll_next(context)).await {
        let frame = frame?;
        writeln!(out, "frame {}: {} bytes of JPEG at {:?}", frame.number, frame.jpeg.len(), frame.position)?;
    }
    Ok(())
}

/// The smallest of runtimes: this thread sleeps until it is woken.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Arc::new(Unpark(thread::current())).into();
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
