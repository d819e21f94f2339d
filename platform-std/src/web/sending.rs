//! The pictures of a stream on their way to one client. Once a stream is what is answered, nothing else happens on its connection: so hyper
//! and its buffers go, and each picture is given to the socket as it is, in one piece.

use std::fmt::Write as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use hyper::Version;
use hyper::body::{Buf, Bytes};
use hyper::http::response::Parts;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::body::Video;

/// A client, and what it is sent.
pub(super) struct Sending<S> {
    stream: S,
    video: Box<Video>,
    /// What is being written.
    pieces: [Bytes; 3],
    /// The length of each piece is told before it.
    in_chunks: bool,
    is_over: bool,
    /// It has sent something more, which nobody reads.
    has_said_more: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Sending<S> {
    pub(super) fn new(stream: S, head: &Parts, video: Box<Video>) -> Self {
        let in_chunks = head.version == Version::HTTP_11;
        let mut text = format!("{:?} {}\r\n", head.version, head.status);
        for (name, value) in &head.headers {
            let _ = write!(text, "{name}: {}\r\n", value.to_str().unwrap_or_default());
        }
        let _ = write!(text, "date: {}\r\n", httpdate::fmt_http_date(SystemTime::now()));
        text.push_str(if in_chunks { "connection: close\r\ntransfer-encoding: chunked\r\n\r\n" } else { "\r\n" });
        let pieces = [text.into(), Bytes::new(), Bytes::new()];
        Self { stream, video, pieces, in_chunks, is_over: false, has_said_more: false }
    }

    /// Sends until the stream ends, the client goes or takes nothing, or somebody wants it to end.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Whoever is sent away goes at once, whatever it has not read yet.
        if self.video.watcher().poll_end(context.waker()).is_ready() || self.is_gone(context)? {
            return Poll::Ready(Ok(()));
        }
        loop {
            ready!(self.poll_write(context))?;
            if self.is_over {
                return Pin::new(&mut self.stream).poll_shutdown(context);
            }
            self.pieces = match ready!(self.video.poll_next(context)) {
                Some(bytes) if self.in_chunks => {
                    [format!("{:x}\r\n", bytes.len()).into(), bytes, Bytes::from_static(b"\r\n")]
                }
                Some(bytes) => [bytes, Bytes::new(), Bytes::new()],
                None => {
                    self.is_over = true;
                    let end: &[u8] = if self.in_chunks { b"0\r\n\r\n" } else { b"" };
                    [Bytes::from_static(end), Bytes::new(), Bytes::new()]
                }
            };
        }
    }

    /// Gives what there is to the socket.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, pieces, .. } = self;
        for piece in pieces {
            while piece.has_remaining() {
                match ready!(Pin::new(&mut *stream).poll_write(context, piece))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    len => piece.advance(len),
                }
            }
            // A picture that somebody may still have is not kept for this one.
            *piece = Bytes::new();
        }
        Pin::new(stream).poll_flush(context)
    }

    /// Whether the client has closed its connection.
    fn is_gone(&mut self, context: &mut Context<'_>) -> io::Result<bool> {
        if self.has_said_more {
            return Ok(false);
        }
        let mut space = [0; 16];
        let mut read = ReadBuf::new(&mut space);
        match Pin::new(&mut self.stream).poll_read(context, &mut read) {
            Poll::Ready(done) => {
                done?;
                self.has_said_more = !read.filled().is_empty();
                Ok(!self.has_said_more)
            }
            Poll::Pending => Ok(false),
        }
    }
}
