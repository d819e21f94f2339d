//! RTSP 1.0 messages (RFC 2326): borrowed views in, an emitter out.
//!
//! To read, [`parse()`] takes the bytes that have arrived so far, and gives the first message, or `None` until all of it is
//! there. It checks a header block once, and each look-up scans the block again. So there is no table of headers whose size
//! would have to be chosen. To write, an [`Emitter`] fills the caller's buffer, with a whole message or nothing.

mod emit;
pub mod headers;
pub(in crate::wire) mod lines;
mod message;
mod parse;
mod status;

#[cfg(feature = "auth")]
pub(crate) use emit::RequestUri;
pub use emit::{Emitter, Full};
pub use message::{Headers, Interleaved, Message, Method, Request, Response};
pub use parse::{
    Error, ErrorKind, MAX_HEADERS, MAX_LINE, announced_length, blank_prefix, interleaved_header, parse, salvage_cseq,
};
pub use status::StatusCode;
