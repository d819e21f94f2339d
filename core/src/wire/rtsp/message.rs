//! The types of checked messages.

use super::StatusCode;
use crate::wire::text::trim;
use core::fmt;

/// One message of a control connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Binary data between the messages.
    Interleaved(Interleaved<'a>),
    /// A request. Either side may send one.
    Request(Request<'a>),
    /// The answer to the request of the same `CSeq`.
    Response(Response<'a>),
}

/// A frame of embedded binary data (RFC 2326 section 10.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interleaved<'a> {
    /// The channel that SETUP agreed on.
    pub channel: u8,
    /// One RTP or RTCP packet, 0 to 65535 bytes.
    pub payload: &'a [u8],
}

impl Interleaved<'_> {
    /// Length of the header before the payload.
    pub const HEADER_LEN: usize = 4;

    /// The header of a frame whose payload has `len` bytes.
    ///
    /// ```text
    ///  0                   1                   2                   3
    ///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    /// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    /// |   '$' = 0x24  |    channel    |        payload length         |
    /// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    /// ```
    pub const fn header(channel: u8, len: u16) -> [u8; 4] {
        let [high, low] = len.to_be_bytes();
        [b'$', channel, high, low]
    }
}

/// A request (RFC 2326 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The method.
    pub method: Method<'a>,
    /// The object of the request: `*`, or a text that should be a URL or a path; see
    /// [`Target`](crate::wire::url::Target).
    pub uri: &'a str,
    /// The header block.
    pub headers: Headers<'a>,
    /// The body: as long as `Content-Length` says, otherwise empty.
    pub body: &'a [u8],
}

/// A response (RFC 2326 section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// The status, three digits.
    pub status: StatusCode,
    /// The reason, a text for people; may be empty.
    pub reason: &'a str,
    /// The header block.
    pub headers: Headers<'a>,
    /// The body: as long as `Content-Length` says, otherwise empty.
    pub body: &'a [u8],
}

/// A method's name. Methods are case-sensitive (RFC 2326 section 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[allow(missing_docs, reason = "the standard's names, RFC 2326 section 10")]
pub enum Method<'a> {
    Options,
    Describe,
    Setup,
    Play,
    Pause,
    Teardown,
    GetParameter,
    SetParameter,
    Announce,
    Record,
    /// Any other token, such as REDIRECT.
    Other(&'a str),
}

impl<'a> Method<'a> {
    /// The method of this name.
    pub fn from_name(name: &'a str) -> Self {
        match name {
            "OPTIONS" => Self::Options,
            "DESCRIBE" => Self::Describe,
            "SETUP" => Self::Setup,
            "PLAY" => Self::Play,
            "PAUSE" => Self::Pause,
            "TEARDOWN" => Self::Teardown,
            "GET_PARAMETER" => Self::GetParameter,
            "SET_PARAMETER" => Self::SetParameter,
            "ANNOUNCE" => Self::Announce,
            "RECORD" => Self::Record,
            other => Self::Other(other),
        }
    }

    /// Its name.
    pub fn name(&self) -> &'a str {
        match *self {
            Self::Options => "OPTIONS",
            Self::Describe => "DESCRIBE",
            Self::Setup => "SETUP",
            Self::Play => "PLAY",
            Self::Pause => "PAUSE",
            Self::Teardown => "TEARDOWN",
            Self::GetParameter => "GET_PARAMETER",
            Self::SetParameter => "SET_PARAMETER",
            Self::Announce => "ANNOUNCE",
            Self::Record => "RECORD",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for Method<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A header block, checked once by [`parse`](super::parse()) and scanned again at each look-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Headers<'a> {
    /// Header lines with their line ends, without the blank line that closes them.
    block: &'a str,
}

impl<'a> Headers<'a> {
    /// Wraps a block whose lines have been checked. Look-ups skip lines without a colon.
    pub(in crate::wire) fn new(block: &'a str) -> Self {
        Self { block }
    }

    /// The first header of this name (in any case), its value trimmed.
    pub fn first(&self, name: &str) -> Option<&'a str> {
        self.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The values of every header of this name (in any case), in order.
    pub fn all<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.iter().filter(move |(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// All headers in order: name as written, value trimmed.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.block.lines().filter_map(|line| line.split_once(':')).map(|(name, value)| (trim(name), trim(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::rtsp::headers::{PUBLIC_WITH_RECORD, elements};

    const BLOCK: &str = "CSeq: 1\r\nREQUIRE :  a\nX:\r\nrequire:b:c\r\n";

    #[test]
    fn headers_are_found_in_any_case_and_with_any_line_end() {
        let headers = Headers::new(BLOCK);
        assert_eq!(headers.first("cseq"), Some("1"));
        assert_eq!(headers.first("Require"), Some("a"));
        assert_eq!(headers.first("x"), Some(""));
        assert_eq!(headers.first("Session"), None);
        assert!(headers.all("require").eq(["a", "b:c"]));
        assert_eq!(headers.iter().count(), 4);
    }

    #[test]
    fn every_method_keeps_its_name() {
        for name in elements(PUBLIC_WITH_RECORD) {
            let method = Method::from_name(name);
            assert!(!matches!(method, Method::Other(_)));
            assert_eq!(method.name(), name);
        }
        assert_eq!(Method::from_name("play"), Method::Other("play"));
    }

    #[test]
    fn an_interleaved_header_is_four_bytes() {
        assert_eq!(Interleaved::header(1, 0x1234), [b'$', 1, 0x12, 0x34]);
    }
}
