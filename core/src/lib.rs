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
//! # Example
//!
//! The control machine alone, fed by hand. [`io::server::Peer`] does this and the media over any pair of sockets.
//!
//! ```
//! use mutoscope::session::server::{Config, Connection, Description, Event};
//! use mutoscope::media::FrameRate;
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
