//! I/O traits and the loops that move bytes between sockets and machines.

mod traits;
pub use traits::{Clock, Datagram, Stream};
