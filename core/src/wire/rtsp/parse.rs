//! Incremental parsing.

use super::StatusCode;

/// Why bytes are not an RTSP message, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Error {
    pub kind: ErrorKind,
    /// Byte position in the input.
    pub at: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request or status line does not follow the grammar.
    StartLine,
    /// Not `RTSP/1.0`.
    Version,
    /// A header line without a colon, with an empty or illegal name, a control character, or folded.
    Header,
    /// Not UTF-8, or a NUL byte.
    Encoding,
    /// `Content-Length` is not a number, is negative, or is given twice with different values.
    ContentLength,
    /// More than 100 header lines, or a line of more than 4096 bytes.
    TooLarge,
}

impl Error {
    /// The status that answers this mistake: 400 or 505 (or 413).
    pub fn status(&self) -> StatusCode { todo!() }
}

/// One message of a control connection.
#[derive(Clone, Copy, Debug)]
pub enum Message<'a> {
    Interleaved(Interleaved<'a>),
    Request(Request<'a>),
    Response(Response<'a>),
}

/// A frame of embedded binary data (RFC 2326 section 10.12).
#[derive(Clone, Copy, Debug)]
pub struct Interleaved<'a> { pub channel: u8, pub payload: &'a [u8] }

#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub method: Method<'a>,
    pub uri: &'a str,
    pub headers: Headers<'a>,
    pub body: &'a [u8],
}

#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    pub status: StatusCode,
    pub reason: &'a str,
    pub headers: Headers<'a>,
    pub body: &'a [u8],
}

/// A method's name. Methods are case-sensitive (RFC 2326 section 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method<'a> {
    Options, Describe, Setup, Play, Pause, Teardown, GetParameter, SetParameter,
    /// Any other token, ANNOUNCE, RECORD and REDIRECT among them.
    Other(&'a str),
}

/// A header block, checked once by [`parse`] and scanned again at each look-up.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a> { block: &'a str }

impl<'a> Headers<'a> {
    /// The first header of this name (in any case), its value trimmed.
    pub fn first(&self, name: &str) -> Option<&'a str> { todo!() }
    /// All headers in order: name as written, value trimmed.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> { core::iter::empty() }
}

/// Parses the first message of `input` (leading CR/LF skipped; lines end in CRLF or LF).
///
/// Returns the message and how many bytes it took; `None` where `input` is a valid beginning: feed more.
/// Never reads past `Content-Length`.
pub fn parse(input: &[u8]) -> Result<Option<(Message<'_>, usize)>, Error> { todo!() }

/// Channel and payload length where `input` starts with an interleaved frame whose 4-byte header is there.
///
/// For callers whose buffer is smaller than the frame and who must skip it.
pub fn interleaved_header(input: &[u8]) -> Option<(u8, u16)> { todo!() }

/// The body length announced by a message whose header block is complete, so that a caller can refuse what will never fit
/// (413) before it has come: `Some((header_len, content_length))`.
pub fn announced_length(input: &[u8]) -> Option<(usize, u64)> { todo!() }
