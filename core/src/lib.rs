//! Motion JPEG over RTSP and RTP.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

#[cfg(test)]
extern crate std;

#[macro_use]
mod macros;

pub mod io;
pub mod jpeg;
pub mod rtp;
pub mod session;
pub mod source;
pub mod time;
pub mod wire;
