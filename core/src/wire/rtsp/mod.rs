//! RTSP 1.0 messages (RFC 2326): borrowed views in, an emitter out.

mod emit;
pub mod headers;
mod parse;
mod status;

pub use emit::{Emitter, Full};
pub use parse::{Error, ErrorKind, Headers, Interleaved, Message, Method, Request, Response, announced_length, interleaved_header, parse};
pub use status::StatusCode;
