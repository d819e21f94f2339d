//! I/O traits, the loops that move bytes between sockets and machines, and decorators of sockets.

pub mod client;
mod faults;
mod outlet;
pub mod server;
mod sockets;
mod traits;

pub use faults::{Faults, Loss};
pub use sockets::Sockets;
pub use traits::{Clock, Datagram, Meta, Stream, Transmit};
