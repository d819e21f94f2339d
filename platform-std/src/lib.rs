//! Mutoscope on an operating system: sockets, clocks and files for the core's machines, and the server made of them.
//!
//! In reading order:
//!
//! - [`tcp`], [`udp`], [`clock`]: the core's `Stream`, `Datagram` and `Clock` on non-blocking sockets.
#![forbid(unsafe_code)]

pub mod clock;
pub mod tcp;
pub mod udp;
