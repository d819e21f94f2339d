//! Mutoscope on an operating system: sockets, clocks and files for the core's machines, and the server made of them.
//!
//! In reading order:
//!
//! - [`tcp`], [`udp`], [`clock`]: the core's `Stream`, `Datagram` and `Clock` on non-blocking sockets.
//! - [`client`]: a client that connects, plays and gives frames out; wishes may come from other threads.
//! - [`media`]: files and folders as media that many viewers share.
//! - [`check`]: what is in a file, and what becomes of it.
//! - [`server`]: the event loop, one thread for all clients; [`args`]: its command line; [`logging`]: its log.
#![forbid(unsafe_code)]

pub mod args;
pub mod check;
pub mod client;
pub mod clock;
pub mod logging;
pub mod media;
pub mod server;
pub mod tcp;
pub mod udp;
