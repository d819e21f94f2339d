//! I/O traits, the loops that move bytes between sockets and machines, and decorators of sockets.

mod address;
pub mod client;
mod faults;
mod outlet;
mod playback;
pub mod server;
mod traits;

pub use faults::{Faults, Loss};
pub use traits::{Clock, Datagram, Meta, Stream, Transmit};
