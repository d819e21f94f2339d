//! Mutoscope on [smoltcp]: motion JPEG over RTSP and RTP on a microcontroller, or wherever smoltcp has a device.
//!
//! | module | what |
//! |---|---|
//! | [`server`] | a server that is ready to run: its sockets, its clients, one call that does all there is to do |
//! | [`tcp`], [`udp`] | the core's `Stream` and `Datagram` on smoltcp's sockets, for pumps of your own |
//! | [`time`] | between smoltcp's and the core's clock readings |
//!
//! Nothing here allocates or blocks; all memory is the caller's, and any [`Device`](smoltcp::phy::Device) will do. smoltcp's
//! own limits (addresses, routes, neighbours) are its Cargo features; set them in the firmware's manifest.
//!
//! What smoltcp does not do shows: it sends no datagram longer than one frame of the link, so a lab client gets frames of more than
//! 1460 bytes in parts over Ethernet. Clients of the lab that collect no parts should be served by a larger machine.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod server;
pub mod tcp;
pub mod time;
pub mod udp;

#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod support;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../docs/embassy.md")]
struct Embassy;
