//! Writing messages into a caller's buffer.

use super::{Method, StatusCode};
use core::fmt::Display;

/// The buffer is too small; nothing of the message may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Full;

/// Writes one message: start line, headers, then [`finish`](Self::finish).
#[derive(Debug)]
pub struct Emitter<'b> { buffer: &'b mut [u8], len: usize }

impl<'b> Emitter<'b> {
    pub fn response(buffer: &'b mut [u8], status: StatusCode) -> Result<Self, Full> { todo!() }
    pub fn request(buffer: &'b mut [u8], method: Method<'_>, uri: &str) -> Result<Self, Full> { todo!() }
    pub fn header(self, name: &str, value: impl Display) -> Result<Self, Full> { todo!() }
    /// Ends the header block; returns the message's length.
    pub fn finish(self) -> Result<usize, Full> { todo!() }
    /// Adds `Content-Type`, `Content-Length` and a body that `write` formats; returns the message's length.
    pub fn finish_with_body(self, content_type: &str, body: impl Display) -> Result<usize, Full> { todo!() }
}
