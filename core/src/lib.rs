//! Motion JPEG over RTSP and RTP: everything but sockets, clocks and memory.
//!
//! No `std`, no allocator, no `unsafe`. Bytes and the time go in; bytes, events and deadlines come out. Each module uses only
//! those above it in this table, which is also a good order to read them:
//!
//! | module | content |
//! |---|---|
//! | [`time`] | points in time and durations, NTP time |
//! | [`wire`] | formats, without state and without copies: RTSP (RFC 2326), SDP (RFC 4566), RTP and RTCP (RFC 3550), RTP/JPEG (RFC 2435), and the dialect of the classic lab |
//! | `auth` | with the feature `auth`: user names and passwords, answered in Basic and Digest |
//! | [`jpeg`] | the parts of a JPEG file, whether RTP/JPEG can carry it, headers made anew by a receiver, an encoder for drawn pictures, a transcoder, smaller pictures of large ones |
//! | [`media`] | sources of frames: the trait that cameras implement, readers of MJPEG files, a test card |
//! | [`rtp`] | frames to packets, and packets to frames: sequence numbers, statistics, reports |
//! | [`session`] | one RTSP connection, of the server and of the client: state tables, timers, events |
//! | [`player`] | playing one URL: the dialects and transports that are tried one after the other, what is done about servers' peculiarities, silence |
//! | [`delivery`] | what one viewer's stream does next: which frame, when, in which bursts, until which end |
//! | [`io`] | the traits that a platform implements ([`io::Stream`], [`io::Datagram`]), and the pumps that serve one client or play one stream over them |
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
//! ## Packetize a JPEG file
//!
//! A frame is cut once, and its fragments are the same for all viewers. A [`rtp::sender::Sender`] writes the RTP headers of one
//! viewer's stream. It counts a packet only after the socket has taken it.
//!
//! ```
//! use mutoscope::jpeg::Layout;
//! use mutoscope::rtp::fragment::{Fragments, jpeg};
//! use mutoscope::rtp::packet::Packet;
//! use mutoscope::rtp::sender::Sender;
//!
//! # let mut file = vec![0; 20_000];
//! # let card = mutoscope::media::testcard::TestCard::new(320, 240, "25".parse()?, 60).unwrap();
//! # let len = card.render(0, &mut file)?;
//! # file.truncate(len);
//! # let mut sent = Vec::new();
//! # let mut send = |segments: [&[u8]; 2]| sent.push(segments.concat());
//! let format = Layout::parse(&file)?.rtp_format()?; // an error if RTP/JPEG cannot carry this file
//! let cut = jpeg::Fragments::new(&format, 1400); // of 1400 bytes at most, payload header included
//! let fragments = Fragments::Jpeg(cut);
//!
//! let (ssrc, first_sequence, timestamp) = (0x0C0FFEE0, 1000, 90_000); // the first two are random numbers
//! let mut sender = Sender::new(ssrc, first_sequence);
//! for index in 0..fragments.count() {
//!     let packet = Packet::new(&sender, timestamp, &fragments, index, &file).unwrap();
//!     send(packet.segments()); // headers, and a slice of the file: nothing is copied
//!     sender.commit(packet.payload_len());
//! }
//! assert_eq!(sender.packets(), fragments.count());
//! # assert!(sent.len() > 3 && sent.iter().all(|packet| packet.len() <= 1412));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ## Put packets back into a frame
//!
//! A [`rtp::receiver::Receiver`] takes packets in any order and gives JPEG files, without the frames that miss a part.
//!
//! ```
//! use mutoscope::rtp::receiver::{BUFFER_OVERHEAD, Config, Receiver};
//! use mutoscope::time::Instant;
//!
//! const LARGEST: usize = 30_000; // bytes of a frame's scan data
//! let buffers = [[0; LARGEST + BUFFER_OVERHEAD]; 2]; // a late packet may follow the first one of the next frame
//! let mut receiver = Receiver::new(buffers, 0x0C0FFEE0, Config::default());
//!
//! # use mutoscope::wire::{rtp, rtp_jpeg::MainHeader};
//! # let packet = |sequence, marker, fragment_offset| {
//! #     let (mut header, mut packet) = ([0; rtp::HEADER_LEN], Vec::new());
//! #     rtp::Repr { marker, payload_type: 26, sequence, timestamp: 9000, ssrc: 7 }.emit(&mut header);
//! #     let main = MainHeader { type_specific: 0, fragment_offset, kind: 1, q: 80, width: 2, height: 2 };
//! #     let mut jpeg = [0; MainHeader::LEN];
//! #     main.emit(&mut jpeg);
//! #     packet.extend(header);
//! #     packet.extend(jpeg);
//! #     packet.extend([5; 100]);
//! #     packet
//! # };
//! # let packets = [packet(1, false, 0), packet(3, true, 200), packet(2, false, 100)];
//! // Three packets of one frame, of which the last two arrive in the wrong order.
//! for (millis, packet) in (0..).zip(&packets) {
//!     receiver.handle_packet(Instant::from_millis(millis), packet)?;
//! }
//! let received = receiver.poll_frame(Instant::from_millis(3)).unwrap();
//! assert_eq!(received.timestamp, 9000);
//!
//! let file = receiver.frame(); // lent until the receiver is used again
//! assert!(file.starts_with(&[0xFF, 0xD8]) && file.ends_with(&[0xFF, 0xD9]));
//! # Ok::<(), mutoscope::rtp::receiver::Rejected>(())
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
//! use mutoscope::wire::sdp::Exchange;
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
//! let (range, exchange) = (Range::Now, Exchange::None);
//! let camera = Description { name: "cam", frame_rate, range, width: 640, height: 480, exchange };
//! connection.answer_describe(now, &camera);
//!
//! let answer = core::str::from_utf8(connection.poll_transmit()).unwrap();
//! assert!(answer.starts_with("RTSP/1.0 200 OK\r\nCSeq: 1\r\n"));
//! assert!(answer.contains("a=rtpmap:26 JPEG/90000\r\n"));
//! ```
//!
//! ## Serve one client over any `embedded-io` stream
//!
//! A type that has the four traits of `embedded-io` becomes a [`io::Stream`] by an empty `impl`. An [`io::server::Peer`] does
//! all that one client takes.
//!
//! ```
//! use core::task::Waker;
//! use mutoscope::io::server::{Addresses, Context, Outcome, Peer, Settings, Sockets};
//! use mutoscope::io::{Clock, Datagram, Stream};
//! use mutoscope::media::catalogue::Catalogue;
//!
//! # use core::{cell::Cell, convert::Infallible, net::{Ipv4Addr, SocketAddr}};
//! # use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};
//! # use mutoscope::{io::{Meta, Transmit}, media::{Extent, FrameRate, catalogue::{Entry, Medium, NotReady}, testcard::{Design, Generated, TestCard}}};
//! # use mutoscope::{time::Instant, wire::url::Path};
//! # struct Modem { received: &'static [u8], sent: Vec<u8> }
//! # impl ErrorType for Modem { type Error = Infallible; }
//! # impl Read for Modem { fn read(&mut self, to: &mut [u8]) -> Result<usize, Infallible> { Ok(self.received.read(to).unwrap()) } }
//! # impl ReadReady for Modem { fn read_ready(&mut self) -> Result<bool, Infallible> { Ok(true) } }
//! # impl Write for Modem {
//! #     fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> { self.sent.extend(bytes); Ok(bytes.len()) }
//! #     fn flush(&mut self) -> Result<(), Infallible> { Ok(()) }
//! # }
//! # impl WriteReady for Modem { fn write_ready(&mut self) -> Result<bool, Infallible> { Ok(true) } }
//! impl Stream for Modem {} // your type, which has Read, Write, ReadReady and WriteReady
//!
//! /// Serves one client until it leaves. A client without UDP asks for media on the connection itself.
//! fn serve(
//!     addresses: Addresses,
//!     modem: &mut Modem,
//!     (rtp, rtcp): (&mut impl Datagram, &mut impl Datagram),
//!     catalogue: &impl Catalogue,
//!     clock: &impl Clock,
//!     entropy: u64, // of a noise source: session identifiers are made of it
//! ) {
//!     let settings = Settings::default();
//!     let (rx, tx) = (&mut [0; 1024][..], &mut [0; 4096][..]); // all memory that the client needs, beside the peer itself
//!     let mut peer = Peer::new(clock.now(), addresses, rx, tx, entropy, &settings);
//!     loop {
//!         let context = Context::new(clock.now(), Waker::noop(), &settings);
//!         let sockets = Sockets { control: &mut *modem, rtp: &mut *rtp, rtcp: &mut *rtcp };
//!         match peer.service::<1, _, _, _, _>(context, sockets, catalogue) {
//!             Outcome::Open => {}    // sleep until `peer.poll_timeout()`, or until a socket is ready
//!             Outcome::Closing => {} // close our half of the connection
//!             Outcome::Closed => break,
//!         }
//!     }
//! }
//! #
//! # struct NoUdp;
//! # impl ErrorType for NoUdp { type Error = Infallible; }
//! # impl Datagram for NoUdp {
//! #     fn send(&mut self, _: &Transmit<'_>) -> Result<usize, Infallible> { Ok(0) }
//! #     fn recv<R>(&mut self, _: impl FnOnce(Meta, &[u8]) -> R) -> Result<Option<R>, Infallible> { Ok(None) }
//! # }
//! # struct Ticks(Cell<u64>);
//! # impl Clock for Ticks {
//! #     fn now(&self) -> Instant { self.0.set(self.0.get() + 1); Instant::from_millis(self.0.get()) }
//! # }
//! # #[derive(Clone, Copy)]
//! # struct Card(TestCard);
//! # impl Catalogue for Card {
//! #     type Medium = Self;
//! #     fn find(&self, path: Path<'_>) -> Option<Self> { path.names("cam").then_some(*self) }
//! # }
//! # impl Medium for Card {
//! #     type Source = Generated<Vec<u8>>;
//! #     type Sink = mutoscope::media::NoSink;
//! #     fn entry(&self, _: &Waker) -> Result<Entry<'_>, NotReady<'_>> {
//! #         Ok(Entry { id: 0, name: "cam", frame_rate: self.0.rate(), extent: Extent::Live, width: 320, height: 240, refusal: None })
//! #     }
//! #     fn open(&self) -> Option<Self::Source> { Some(Generated::new(Design::Card(self.0), vec![0; 20_000])) }
//! # }
//! # let card = Card(TestCard::new(320, 240, FrameRate::new(15, 1).unwrap(), 60).unwrap());
//! # let received = b"DESCRIBE rtsp://10.0.0.2/cam RTSP/1.0\r\nCSeq: 1\r\n\r\n";
//! # let addresses = Addresses { peer: SocketAddr::from((Ipv4Addr::new(10, 0, 0, 3), 40_000)), local: None };
//! let mut modem = Modem { received, sent: Vec::new() };
//! serve(addresses, &mut modem, (&mut NoUdp, &mut NoUdp), &card, &Ticks(Cell::new(0)), 0x5EED);
//! assert!(modem.sent.starts_with(b"RTSP/1.0 200 OK\r\n"));
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
//!         Some(Frame { number, data, captured: Some(self.drawn), time: None, layout: Layout::parse(data) })
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
// Nothing here may panic, whatever strangers send. Tests may.
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::arithmetic_side_effects
    )
)]

#[cfg(test)]
extern crate std;

#[macro_use]
mod macros;

mod address;
#[cfg(feature = "auth")]
pub mod auth;
pub mod delivery;
pub mod io;
pub mod jpeg;
pub mod media;
pub mod player;
mod random;
pub mod rtp;
pub mod session;
#[cfg(feature = "srtp")]
pub mod srtp;
pub mod time;
pub mod wire;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
