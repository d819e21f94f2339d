//! Typed header values. Each has `parse` and `Display`. Parsing is as liberal as real peers need; `Display` writes a form
//! that all of them read.

mod key_mgmt;
mod range;
mod rate;
mod rtp_info;
mod transport;

pub use key_mgmt::KeyMgmt;
pub use range::{Npt, NptMicros, Range};
pub use rate::{Scale, Speed};
pub use rtp_info::RtpInfo;
pub use transport::{LowerTransport, Transport};

use super::Headers;
use crate::wire::text::{decimal, strip_prefix_ignore_case, trim, unquote};
use core::fmt::{self, Display};

/// Value of `Public` (RFC 2326 section 12.28): every method the server session carries out.
///
/// Players use GET_PARAMETER for keep-alive only if it is named here.
pub const PUBLIC: &str = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER";

/// Value of `Public` of a server that takes media too.
pub const PUBLIC_WITH_RECORD: &str =
    "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER, ANNOUNCE, RECORD";

/// The media type of session descriptions.
pub const APPLICATION_SDP: &str = "application/sdp";

/// Why a message has no sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CSeqError {
    /// There is no `CSeq`.
    Missing,
    /// Not a decimal number, or beyond 32 bits.
    Malformed,
    /// There are two of them, and they differ.
    Duplicate,
}

/// The sequence number (RFC 2326 section 12.17): digits only, at most 4294967295. It may be given twice if it is the
/// same.
///
/// # Errors
/// [`CSeqError`]. A request without a sequence number is answered with 400; a response without one belongs to no request.
pub fn cseq(headers: &Headers<'_>) -> Result<u32, CSeqError> {
    let mut found = None;
    for value in headers.all("CSeq") {
        let number = decimal(value).ok_or(CSeqError::Malformed)?;
        if found.replace(number).is_some_and(|before| before != number) {
            return Err(CSeqError::Duplicate);
        }
    }
    found.ok_or(CSeqError::Missing)
}

/// Value of `Session` (RFC 2326 section 12.37): `id[;timeout=seconds]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Session<'a> {
    /// The identifier: opaque, not empty, without white space.
    pub id: &'a str,
    /// The timeout in seconds; `None` means the standard's 60.
    pub timeout: Option<u32>,
}

impl<'a> Session<'a> {
    /// Reads a value. Ignores unknown parameters, and a timeout that is no number. `None` if there is no identifier.
    pub fn parse(value: &'a str) -> Option<Self> {
        let (id, parameters) = value.split_once(';').unwrap_or((value, ""));
        let id = trim(id);
        if id.is_empty() || id.contains([' ', '\t']) {
            return None;
        }
        let mut parameters = parameters.split(';').filter_map(|parameter| parameter.split_once('='));
        let timeout = parameters.find(|(name, _)| trim(name).eq_ignore_ascii_case("timeout"));
        Some(Self { id, timeout: timeout.and_then(|(_, seconds)| decimal(unquote(trim(seconds)))) })
    }
}

/// Writes no space before `;`, because ffmpeg does not find the timeout behind one.
impl Display for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)?;
        self.timeout.map_or(Ok(()), |seconds| write!(f, ";timeout={seconds}"))
    }
}

/// Value of `Content-Base` (RFC 2326 section 12.11), made of the requested URL. It has no query, and ends in `/`, so that the
/// relative control URLs of a description resolve below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentBase<'a>(pub &'a str);

impl Display for ContentBase<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.0.split(['?', '#']).next().unwrap_or_default();
        // A client may have sent them raw. What is made of this URL should be one.
        for (i, part) in url.split(' ').enumerate() {
            f.write_str(if i > 0 { "%20" } else { "" })?;
            f.write_str(part)?;
        }
        if url.ends_with('/') { Ok(()) } else { f.write_str("/") }
    }
}

/// The elements of a comma-separated list, such as `Public` or `Require`.
pub fn elements(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(trim).filter(|element| !element.is_empty())
}

/// Whether a comma-separated list has this element, in any case.
pub fn lists(value: &str, element: &str) -> bool {
    elements(value).any(|found| found.eq_ignore_ascii_case(element))
}

/// Whether the sender of these headers will take no more messages on this connection (`Connection: close`, RFC 2326 section
/// 12.10).
pub fn asks_to_close(headers: &Headers<'_>) -> bool {
    headers.all("Connection").any(|value| lists(value, "close"))
}

/// Whether an `Accept` value (RFC 2326 section 12.1) allows a media type such as [`APPLICATION_SDP`]. Quality values are
/// ignored. An empty value allows every type, as a missing `Accept` does.
pub fn accepts(value: &str, media_type: &str) -> bool {
    let whole_type = media_type.split('/').next().unwrap_or_default();
    let mut ranges = elements(value).map(|range| trim(range.split(';').next().unwrap_or_default())).peekable();
    ranges.peek().is_none()
        || ranges.any(|range| {
            let group = strip_prefix_ignore_case(range, whole_type) == Some("/*");
            group || range == "*/*" || range == "*" || range.eq_ignore_ascii_case(media_type)
        })
}

/// The options that `Require` and `Proxy-Require` ask for (RFC 2326 sections 12.27, 12.32). We support none, so if this is not
/// empty, the answer is 551 with [`Unsupported`].
pub fn required<'a>(headers: &Headers<'a>) -> impl Iterator<Item = &'a str> + use<'a> {
    let names = ["Require", "Proxy-Require"];
    let wanted = move |name: &str| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    headers.iter().filter(move |(name, _)| wanted(name)).flat_map(|(_, value)| elements(value))
}

/// Value of `Unsupported` (RFC 2326 section 12.41): all options that a request [`required`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsupported<'a>(pub Headers<'a>);

impl Display for Unsupported<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        required(&self.0)
            .enumerate()
            .try_for_each(|(i, option)| f.write_str(if i > 0 { ", " } else { "" }).and_then(|()| f.write_str(option)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn a_cseq_is_a_number_of_32_bits() {
        let cases = [
            ("CSeq: 0\r\n", Ok(0)),
            ("cseq:4294967295\n", Ok(u32::MAX)),
            ("Cseq: 7\nCSeq: 07\n", Ok(7)),
            ("X: 1\n", Err(CSeqError::Missing)),
            ("CSeq: 1\nCSeq: 2\n", Err(CSeqError::Duplicate)),
            ("CSeq:\n", Err(CSeqError::Malformed)),
            ("CSeq: -1\n", Err(CSeqError::Malformed)),
            ("CSeq: +1\n", Err(CSeqError::Malformed)),
            ("CSeq: 1 PLAY\n", Err(CSeqError::Malformed)),
            ("CSeq: 4294967296\n", Err(CSeqError::Malformed)),
            ("CSeq: 1\nCSeq: x\n", Err(CSeqError::Malformed)),
        ];
        for (block, expected) in cases {
            assert_eq!(cseq(&Headers::new(block)), expected, "{block:?}");
        }
    }

    #[test]
    fn a_session_is_read_in_every_spelling() {
        let cases = [
            ("Uh8KybaGi4vvwWje", Some(("Uh8KybaGi4vvwWje", None))),
            ("43393130;timeout=65", Some(("43393130", Some(65)))),
            ("43393130 ; Timeout = 65 ;x", Some(("43393130", Some(65)))),
            ("a;timeout=\"65\"", Some(("a", Some(65)))),
            ("a;timeout=soon", Some(("a", None))),
            ("a;timeout=4294967296", Some(("a", None))),
            ("a b", None),
            (";timeout=60", None),
            ("", None),
        ];
        for (value, expected) in cases {
            let expected = expected.map(|(id, timeout)| Session { id, timeout });
            assert_eq!(Session::parse(value), expected, "{value:?}");
        }
    }

    #[test]
    fn a_session_is_written_without_a_space() {
        assert_eq!(Session { id: "1a2b", timeout: Some(60) }.to_string(), "1a2b;timeout=60");
        assert_eq!(Session { id: "1a2b", timeout: None }.to_string(), "1a2b");
    }

    #[test]
    fn a_content_base_ends_in_a_slash() {
        assert_eq!(ContentBase("rtsp://h/x").to_string(), "rtsp://h/x/");
        assert_eq!(ContentBase("rtsp://h/x/").to_string(), "rtsp://h/x/");
        assert_eq!(ContentBase("rtsp://h/x?a=/").to_string(), "rtsp://h/x/");
        assert_eq!(ContentBase("rtsp://h/a b  c").to_string(), "rtsp://h/a%20b%20%20c/");
    }

    #[test]
    fn accept_knows_wildcards() {
        for value in
            ["application/sdp", "text/x, Application/SDP;level=2 ;q=0.1", "*/*", "application/*", "*", "", " ,"]
        {
            assert!(accepts(value, APPLICATION_SDP), "{value:?}");
        }
        for value in ["application/rtsl", "text/*", "application", "application/sdpx", ";q=1"] {
            assert!(!accepts(value, APPLICATION_SDP), "{value:?}");
        }
    }

    #[test]
    fn lists_are_searched_without_spaces_and_case() {
        const VLC: &str = "DESCRIBE,SETUP,TEARDOWN,PLAY,PAUSE,GET_PARAMETER";
        assert!(lists(VLC, "get_parameter") && lists(PUBLIC, "GET_PARAMETER"));
        assert!(!lists(VLC, "GET") && !lists("", ""));
        assert_eq!(elements(PUBLIC).count(), 8);
    }

    #[test]
    fn required_options_come_from_all_headers_and_go_back_as_unsupported() {
        let headers = Headers::new("Require: a, b\nCSeq: 1\nPROXY-REQUIRE: c\nRequire:\n");
        assert!(required(&headers).eq(["a", "b", "c"]));
        assert_eq!(Unsupported(headers).to_string(), "a, b, c");
        assert_eq!(required(&Headers::new("CSeq: 1\n")).count(), 0);
    }
}
