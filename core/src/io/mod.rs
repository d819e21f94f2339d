//! I/O traits and the loops that move bytes between sockets and machines.

pub mod client;
mod outlet;
mod playback;
pub mod server;
mod traits;

pub use traits::{Clock, Datagram, Stream};
