//! Control machines: one RTSP connection, seen from the server and from the client.
//!
//! Bytes and the time go in, events, bytes and the next deadline come out; nothing here knows a socket or a clock.
//! Both sides are made of:
//!
//! | file | what |
//! |---|---|
//! | `state` | `transitions!`: state machines written as the table they are |
//! | `timer` | named deadlines and which comes first |
//! | `buffer` | a queue of bytes in storage that the caller lends |
//! | `channel` | both buffers of a connection, and interleaved packets among what is received |

#[macro_use]
mod state;
mod buffer;
mod channel;
mod timer;
mod types;

pub mod client;
pub mod server;

pub use buffer::Storage;
pub use state::State;
pub use types::{Dialect, KeyExchange, MediaTransport, Secrecy};
