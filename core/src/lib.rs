//! Motion JPEG over RTSP and RTP: everything but sockets, clocks and memory.
//!
//! No `std`, no allocator, no `unsafe`. Bytes and the time go in; bytes, events and deadlines come out. The folders, in the order
//! in which they are best read:
//!
//! # [`wire`]: formats
//!
//! RTSP (RFC 2326), SDP (RFC 4566), RTP and RTCP (RFC 3550), RTP/JPEG (RFC 2435) and the dialect of the classic lab: bytes to
//! types and back, without state and without copies.
//!
//! # [`jpeg`]: the image format
//!
//! Where the parts of a JPEG file are, whether RTP/JPEG can carry it, the file's headers made anew on the receiving side, and an
//! encoder of 450 bytes for pictures that are drawn.
//!
//! # [`media`]: where frames come from
//!
//! The trait that cameras implement, readers of MJPEG files, and a test card.
//!
//! # [`rtp`]: frames to packets and back
//!
//! Packetizer, sender and pacing on one side; sequence statistics, reassembly by offset and reports on the other.
//!
//! # [`session`]: control
//!
//! One RTSP connection, seen from the server and from the client: state tables, timers, events.
//!
//! # [`io`]: joining it all
//!
//! What a platform implements ([`io::Stream`], [`io::Datagram`]), and the pumps that serve one client or play one stream over it.
//!
//! # Examples
//!
//! ## Parse a request
//!
//! A parser takes what has arrived so far. It borrows from those bytes and copies nothing.
//!
//! ```
//! use mutoscope::wire::rtsp::{Message, Method, parse};
//!
//! let received = b"DESCRIBE rtsp://10.0.0.2/cam RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n";
//! assert_eq!(parse(&received[..50]), Ok(None)); // not all of it is there yet
//!
//! let (message, length) = parse(received)?.unwrap();
//! let Message::Request(request) = message else { panic!("the other kinds are responses and interleaved data") };
//! assert_eq!(request.method, Method::Describe);
//! assert_eq!(request.uri, "rtsp://10.0.0.2/cam");
//! assert_eq!(request.headers.first("accept"), Some("application/sdp"));
//! assert_eq!(length, received.len()); // the next message begins here
//! # Ok::<(), mutoscope::wire::rtsp::Error>(())
//! ```
//!
//! ## Answer a request
//!
//! A [`session::server::Connection`] decides what a request means. It asks its driver with an event what only the driver can
//! know, and writes the answer.
//!
//! ```
//! use mutoscope::media::FrameRate;
//! use mutoscope::session::server::{Config, Connection, Description, Event};
//! use mutoscope::time::Instant;
//! use mutoscope::wire::rtsp::headers::Range;
//!
//! let now = Instant::from_millis(0);
//! let mut connection = Connection::new(now, [0; 2048], [0; 2048], 0x5EED, Config::default());
//!
//! let request = b"DESCRIBE rtsp://10.0.0.2/cam RTSP/1.0\r\nCSeq: 1\r\n\r\n";
//! connection.rx_buffer()[..request.len()].copy_from_slice(request);
//! connection.handle_input(now, request.len());
//!
//! assert_eq!(connection.poll_event(), Some(Event::Describe));
//! assert!(connection.resource().names("cam"));
//! let frame_rate = FrameRate::new(24, 1).unwrap();
//! let camera = Description { name: "cam", frame_rate, range: Range::Now, width: 640, height: 480 };
//! connection.answer_describe(now, &camera);
//!
//! let answer = core::str::from_utf8(connection.poll_transmit()).unwrap();
//! assert!(answer.starts_with("RTSP/1.0 200 OK\r\nCSeq: 1\r\n"));
//! assert!(answer.contains("a=rtpmap:26 JPEG/90000\r\n"));
//! ```
//!
//! ## Implement a source
//!
//! A source lends one frame at a time. This one draws a picture of one colour every 40 ms.
//!
//! ```
//! use core::task::Waker;
//! use mutoscope::jpeg::{Layout, encoder::{Encoder, Full, Quantizer}};
//! use mutoscope::media::{Advance, Frame, FrameSource};
//! use mutoscope::time::{Duration, Instant};
//!
//! struct Lamp { jpeg: [u8; 2048], len: usize, drawn: Instant, next: u32 }
//!
//! impl FrameSource for Lamp {
//!     type Error = Full;
//!     fn advance(&mut self, now: Instant, _: &Waker) -> Result<Advance, Full> {
//!         let due = self.drawn.after(Duration::from_millis(40));
//!         if now < due {
//!             return Ok(Advance::Pending { until: Some(due) }); // it knows the time, so it need not wake anybody
//!         }
//!         let quantizer = Quantizer::new(80);
//!         let mut encoder = Encoder::new(&mut self.jpeg, 64, 64, &quantizer)?;
//!         encoder.flat_mcu([self.next as u8, 128, 128])?; // the encoder repeats it to the picture's end
//!         self.len = encoder.finish()?;
//!         (self.drawn, self.next) = (now, self.next + 1);
//!         Ok(Advance::Ready)
//!     }
//!     fn frame(&self) -> Option<Frame<'_>> {
//!         let (number, data) = (self.next.checked_sub(1)?, &self.jpeg[..self.len]);
//!         Some(Frame { number, data, captured: Some(self.drawn), layout: Layout::parse(data) })
//!     }
//!     fn position(&self) -> u32 { self.next }
//!     fn seek(&mut self, _: u32) -> Result<(), Full> { Ok(()) } // a live source stays where it is
//! }
//!
//! let mut lamp = Lamp { jpeg: [0; 2048], len: 0, drawn: Instant::from_millis(0), next: 0 };
//! assert_eq!(lamp.advance(Instant::from_millis(40), Waker::noop()), Ok(Advance::Ready));
//! assert_eq!(lamp.frame().unwrap().layout.unwrap().width, 64);
//! ```
//!
//! ## Transcode a JPEG file
//!
//! RTP/JPEG cannot carry every JPEG file. This writes the same coefficients as a file that it can carry.
//!
//! ```
//! use mutoscope::jpeg::Layout;
//! use mutoscope::jpeg::transcode::{Change, Policy, Transcoder, max_output_len};
//!
//! // A grey picture: RTP/JPEG knows pictures of three components only.
//! let mut grey = Vec::new();
//! jpeg_encoder::Encoder::new(&mut grey, 90).encode(&[99; 32 * 32], 32, 32, jpeg_encoder::ColorType::Luma)?;
//! let layout = Layout::parse(&grey)?;
//! assert!(layout.rtp_format().is_err());
//!
//! let policy = Policy::default(); // lose nothing
//! let mut file = vec![0; max_output_len(&grey, &layout, policy)?];
//! let (change, length) = Transcoder::new().transcode(&grey, &layout, policy, &mut file)?;
//! assert_eq!(change, Change::Lossless);
//! assert!(Layout::parse(&file[..length])?.rtp_format().is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

#[cfg(test)]
extern crate std;

#[macro_use]
mod macros;

pub mod io;
pub mod jpeg;
pub mod media;
mod random;
pub mod rtp;
pub mod session;
pub mod time;
pub mod wire;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
