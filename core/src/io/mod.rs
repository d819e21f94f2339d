//! I/O traits, the loops that move bytes between sockets and machines, and decorators of sockets.

pub mod client;
mod faults;
mod outlet;
pub mod server;
mod sockets;
mod tap;
mod traits;

pub use faults::{Faults, Impairments, LONGEST_QUEUE, REORDERED_BY};
pub use sockets::Sockets;
pub use tap::{Tap, Witness};
pub use traits::{Clock, Datagram, Meta, Stream, Transmit};
