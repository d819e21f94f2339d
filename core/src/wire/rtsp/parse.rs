//! Parsing of a message that may not have arrived in whole.

use super::lines::{self, End, line};
use super::{Headers, Interleaved, Message, Method, Request, Response, StatusCode};
use crate::wire::text::{decimal, is_token_byte, strip_prefix_ignore_case, trim};

/// The longest start line or header line, in bytes without its end.
pub const MAX_LINE: usize = 4096;

/// The largest number of header lines.
pub const MAX_HEADERS: usize = 100;

/// Why bytes are not an RTSP message, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Error {
    /// The kind of fault.
    pub kind: ErrorKind,
    /// Byte position in the input (65535 where it lies beyond).
    pub at: u16,
}

/// The kind of fault in bytes that are not an RTSP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request or status line does not follow the grammar.
    StartLine,
    /// The version is not `RTSP/1.0`.
    Version,
    /// A header line without a colon, with an empty or illegal name, a control character, or folded.
    Header,
    /// Not UTF-8, or a NUL byte.
    Encoding,
    /// `Content-Length` is not a number, is negative, or is given twice with different values.
    ContentLength,
    /// More than [`MAX_HEADERS`] header lines, or a line of more than [`MAX_LINE`] bytes.
    TooLarge,
}

impl Error {
    pub(in crate::wire) fn new(kind: ErrorKind, at: usize) -> Self {
        Self { kind, at: u16::try_from(at).unwrap_or(u16::MAX) }
    }

    /// The status to answer it with: 400, 505 or 413.
    pub fn status(&self) -> StatusCode {
        match self.kind {
            ErrorKind::Version => StatusCode::RTSP_VERSION_NOT_SUPPORTED,
            ErrorKind::TooLarge => StatusCode::REQUEST_ENTITY_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// Parses the first message of `input` (blank lines before it are skipped; lines end in CRLF or LF).
///
/// Returns the message and how many bytes it took, or `None` if `input` is a valid beginning and more bytes are needed. Never
/// reads past `Content-Length`. A fault is reported as soon as the byte that causes it is there, not when its line or message
/// ends.
///
/// If the buffer is full and the result is `None`, the message will never fit: see [`announced_length`], [`interleaved_header`]
/// and [`blank_prefix`].
///
/// # Errors
///
/// [`Error`] if the bytes cannot become a message. The beginning of the next message cannot be found then, so answer and close.
pub fn parse(input: &[u8]) -> Result<Option<(Message<'_>, usize)>, Error> {
    let begin = blank_prefix(input);
    if input.get(begin) == Some(&b'$') {
        return Ok(interleaved(input, begin));
    }
    let Some(head) = head(input, begin)? else { return Ok(None) };
    let end = usize::try_from(head.content_length).ok().and_then(|length| head.len.checked_add(length));
    let Some((body, end)) = end.and_then(|end| Some((input.get(head.len..end)?, end))) else { return Ok(None) };
    let headers = head.headers;
    let message = match head.start {
        Start::Request { method, uri } => Message::Request(Request { method, uri, headers, body }),
        Start::Status { status, reason } => Message::Response(Response { status, reason, headers, body }),
    };
    Ok(Some((message, end)))
}

/// The number of bytes of blank lines at the start of `input`. They carry no meaning; some clients send them to keep a
/// connection alive. Drop them before you decide that a full buffer holds too long a message.
pub fn blank_prefix(input: &[u8]) -> usize {
    lines::blank_prefix(input)
}

/// Channel and payload length, if `input` starts with an interleaved frame and its 4-byte header is complete.
///
/// A caller whose buffer is smaller than the frame needs it to skip the frame.
pub fn interleaved_header(input: &[u8]) -> Option<(u8, u16)> {
    match *input {
        [b'$', channel, high, low, ..] => Some((channel, u16::from_be_bytes([high, low]))),
        _ => None,
    }
}

/// The announced body length of a message whose header block is complete: `Some((header_len, content_length))`. A caller can
/// refuse a message that will never fit (413) before it has come.
///
/// Both together are the message's length. `header_len` includes blank lines before the message. `content_length` is 0 if none
/// is announced, and `u64::MAX` if the number is larger than that.
pub fn announced_length(input: &[u8]) -> Option<(usize, u64)> {
    let begin = blank_prefix(input);
    let head = head(input, begin).ok()??;
    Some((head.len, head.content_length))
}

/// The `CSeq` in bytes that [`parse`] refused, or that are too long for the caller, so that the answer can carry it.
pub fn salvage_cseq(input: &[u8]) -> Option<u32> {
    let lines = input.get(blank_prefix(input)..)?.split_inclusive(|&byte| byte == b'\n');
    lines
        .map_while(|line| line.strip_suffix(b"\n"))
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .take_while(|line| !line.is_empty())
        .filter_map(|line| core::str::from_utf8(line).ok()?.split_once(':'))
        .find(|(name, _)| trim(name).eq_ignore_ascii_case("CSeq"))
        .and_then(|(_, value)| decimal(trim(value)))
}

fn interleaved(input: &[u8], begin: usize) -> Option<(Message<'_>, usize)> {
    let frame = input.get(begin..)?;
    let (channel, len) = interleaved_header(frame)?;
    let (_, rest) = frame.split_at_checked(Interleaved::HEADER_LEN)?;
    let payload = rest.get(..usize::from(len))?;
    let end = begin.checked_add(Interleaved::HEADER_LEN)?.checked_add(payload.len())?;
    Some((Message::Interleaved(Interleaved { channel, payload }), end))
}

/// The part of a message before its body.
struct Head<'a> {
    start: Start<'a>,
    headers: Headers<'a>,
    content_length: u64,
    /// Position of the body.
    len: usize,
}

enum Start<'a> {
    Request { method: Method<'a>, uri: &'a str },
    Status { status: StatusCode, reason: &'a str },
}

fn head(input: &[u8], begin: usize) -> Result<Option<Head<'_>>, Error> {
    let first = line(input, begin, MAX_LINE, ErrorKind::StartLine);
    check_start(first.text).map_err(|at| Error::new(ErrorKind::StartLine, begin.saturating_add(at)))?;
    let block_start = match first.end {
        End::Open => return Ok(None),
        End::Bad(error) => return Err(error),
        End::Next(next) => next,
    };
    let start = start_line(first.text).map_err(|kind| Error::new(kind, begin))?;

    let mut at = block_start;
    let mut content_length = None;
    // The blank line takes one round more than the headers.
    for count in 0..=MAX_HEADERS {
        let header = line(input, at, MAX_LINE, ErrorKind::Header);
        if !header.text.is_empty() && count == MAX_HEADERS {
            break;
        }
        check_header(header.text).map_err(|i| Error::new(ErrorKind::Header, at.saturating_add(i)))?;
        let next = match header.end {
            End::Open => return Ok(None),
            End::Bad(error) => return Err(error),
            End::Next(next) => next,
        };
        if header.text.is_empty() {
            let block = input.get(block_start..at).unwrap_or_default();
            // Each of its lines has been checked to be UTF-8.
            let block = core::str::from_utf8(block).map_err(|_| Error::new(ErrorKind::Encoding, block_start))?;
            let content_length = content_length.unwrap_or(0);
            return Ok(Some(Head { start, headers: Headers::new(block), content_length, len: next }));
        }
        let (name, value) = header.text.split_once(':').ok_or(Error::new(ErrorKind::Header, at))?;
        if trim(name).eq_ignore_ascii_case("Content-Length") {
            let announced = length(trim(value)).ok_or(Error::new(ErrorKind::ContentLength, at))?;
            if content_length.replace(announced).is_some_and(|before| before != announced) {
                return Err(Error::new(ErrorKind::ContentLength, at));
            }
        }
        at = next;
    }
    Err(Error::new(ErrorKind::TooLarge, at))
}

/// Finds faults in the beginning of a start line.
fn check_start(text: &str) -> Result<(), usize> {
    let word = text.split([' ', '\t']).next().unwrap_or_default();
    match word.bytes().position(|byte| !is_token_byte(byte)) {
        // Methods have no slash, so this is a status line.
        Some(4) if strip_prefix_ignore_case(word, "RTSP/").is_some() => Ok(()),
        Some(at) => Err(at),
        // The line begins with white space.
        None if word.is_empty() && !text.is_empty() => Err(0),
        None => Ok(()),
    }
}

/// Reads a complete start line: `METHOD URI RTSP/1.0` or `RTSP/1.0 STATUS REASON`.
fn start_line(text: &str) -> Result<Start<'_>, ErrorKind> {
    let (first, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    if first.contains('/') {
        check_version(first)?;
        let rest = rest.trim_start_matches([' ', '\t']);
        let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        let code = decimal(code).filter(|_| code.len() == 3).filter(|&code| code >= 100);
        return Ok(Start::Status { status: StatusCode(code.ok_or(ErrorKind::StartLine)?), reason: trim(reason) });
    }
    // There may be spaces in the URI: not every client escapes those in the name of a file.
    let (uri, version) = trim(rest).rsplit_once([' ', '\t']).ok_or(ErrorKind::StartLine)?;
    check_version(version)?;
    Ok(Start::Request { method: Method::from_name(first), uri: trim(uri) })
}

fn check_version(word: &str) -> Result<(), ErrorKind> {
    match strip_prefix_ignore_case(word, "RTSP/") {
        Some("1.0") => Ok(()),
        Some(_) => Err(ErrorKind::Version),
        None => Err(ErrorKind::StartLine),
    }
}

/// Finds faults in the beginning of a header line: `name *SP ":"`.
fn check_header(text: &str) -> Result<(), usize> {
    let name = text.split(':').next().unwrap_or_default();
    let token = name.trim_end_matches([' ', '\t']);
    match token.bytes().position(|byte| !is_token_byte(byte)) {
        Some(at) => Err(at),
        // The name is empty, or this is white space that continues the line before.
        None if token.is_empty() && !text.is_empty() => Err(0),
        None => Ok(()),
    }
}

/// Reads a body length. A number beyond `u64` becomes `u64::MAX`, which is as impossible.
fn length(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::format;
    use std::string::String;
    use std::vec::Vec;

    const OPTIONS: &[u8] = b"OPTIONS rtsp://127.0.0.1:8554/x RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: Lavf59.27.100\r\n\r\n";
    const LF_ONLY: &[u8] = b"PLAY rtsp://h/x RTSP/1.0\nCSeq: 4\nRange: npt=0.000-\n\n";
    const MIXED_ENDS: &[u8] = b"\n\r\nPAUSE * RTSP/1.0\nCSeq : 5\r\nX:\n\r\n";
    const SET_PARAMETER: &[u8] =
        b"SET_PARAMETER rtsp://h/\xc3\xa9 rtsp/1.0\r\nCSeq: 6\r\ncontent-length: 4\r\nContent-Length: 04\r\n\r\n\r\n$\0";
    const GSTREAMER_SETUP: &[u8] = b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nTransport: RTP/AVP;unicast;client_port=32578-32579;\
        server_port=44248-44249;ssrc=7113E39C;mode=\"PLAY\"\r\nServer: GStreamer RTSP server\r\n\
        Session: Uh8KybaGi4vvwWje\r\nDate: Sun, 22 Nov 2026 09:06:28 GMT\r\n\r\n";
    const VLC_DESCRIBE: &[u8] = b"RTSP/1.0 200 OK\r\nServer: VLC/3.0.24\r\nContent-Type: application/sdp\r\n\
        Content-Base: rtsp://127.0.0.1:8555/x\r\nContent-Length: 5\r\nCache-Control: no-cache\r\nCseq: 2\r\n\r\nv=0\r\n";
    const NO_REASON: &[u8] = b"RTSP/1.0 454\r\n\r\n";
    const EMPTY_REASON: &[u8] = b"RTSP/1.0 454 \r\n\r\n";
    const FRAME: &[u8] = b"$\x01\x00\x03\r\n$";
    const EMPTY_FRAME: &[u8] = b"\r\n$\x00\x00\x00";

    const WHOLE: [&[u8]; 10] = [
        OPTIONS,
        LF_ONLY,
        MIXED_ENDS,
        SET_PARAMETER,
        GSTREAMER_SETUP,
        VLC_DESCRIBE,
        NO_REASON,
        EMPTY_REASON,
        FRAME,
        EMPTY_FRAME,
    ];

    fn request(input: &[u8]) -> Request<'_> {
        match parse(input) {
            Ok(Some((Message::Request(request), len))) if len == input.len() => request,
            other => panic!("{other:?}"),
        }
    }

    fn response(input: &[u8]) -> Response<'_> {
        match parse(input) {
            Ok(Some((Message::Response(response), len))) if len == input.len() => response,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn requests_are_read_with_any_line_end() {
        let options = request(OPTIONS);
        assert_eq!((options.method, options.uri), (Method::Options, "rtsp://127.0.0.1:8554/x"));
        assert!(options.headers.iter().eq([("CSeq", "1"), ("User-Agent", "Lavf59.27.100")]));
        assert_eq!(request(LF_ONLY).headers.first("range"), Some("npt=0.000-"));
        let pause = request(MIXED_ENDS);
        assert_eq!((pause.method, pause.uri), (Method::Pause, "*"));
        assert!(pause.headers.iter().eq([("CSeq", "5"), ("X", "")]));
    }

    #[test]
    fn a_request_line_may_have_more_white_space_than_it_should() {
        for (line, uri) in [
            ("DESCRIBE rtsp://h/a b  c RTSP/1.0", "rtsp://h/a b  c"),
            ("DESCRIBE  rtsp://h/x   RTSP/1.0  ", "rtsp://h/x"),
            ("DESCRIBE\trtsp://h/x\tRTSP/1.0", "rtsp://h/x"),
            ("DESCRIBE rtsp://h/RTSP/1.0 RTSP/1.0 rtsp/1.0", "rtsp://h/RTSP/1.0 RTSP/1.0"),
        ] {
            let message = format!("{line}\r\n\r\n");
            let request = request(message.as_bytes());
            assert_eq!((request.method, request.uri), (Method::Describe, uri), "{line:?}");
        }
    }

    #[test]
    fn a_body_is_as_long_as_announced_and_may_hold_anything() {
        assert_eq!(request(SET_PARAMETER).body, b"\r\n$\0");
        assert_eq!(response(VLC_DESCRIBE).body, b"v=0\r\n");
        assert_eq!(announced_length(SET_PARAMETER), Some((SET_PARAMETER.len() - 4, 4)));
        assert_eq!(announced_length(&SET_PARAMETER[..SET_PARAMETER.len() - 5]), None);
    }

    #[test]
    fn responses_are_read_as_servers_send_them() {
        let setup = response(GSTREAMER_SETUP);
        assert_eq!((setup.status, setup.reason), (StatusCode::OK, "OK"));
        assert_eq!(setup.headers.first("session"), Some("Uh8KybaGi4vvwWje"));
        assert_eq!(response(VLC_DESCRIBE).headers.first("CSeq"), Some("2"));
        for input in [NO_REASON, EMPTY_REASON] {
            assert_eq!((response(input).status, response(input).reason), (StatusCode::SESSION_NOT_FOUND, ""));
        }
    }

    #[test]
    fn interleaved_frames_are_read_between_messages() {
        let Ok(Some((Message::Interleaved(frame), 7))) = parse(FRAME) else { panic!() };
        assert_eq!(frame, Interleaved { channel: 1, payload: b"\r\n$" });
        let Ok(Some((Message::Interleaved(frame), 6))) = parse(EMPTY_FRAME) else { panic!() };
        assert_eq!(frame, Interleaved { channel: 0, payload: b"" });
        assert_eq!(interleaved_header(b"$\x02\xff\xff\x80"), Some((2, 65535)));
        assert_eq!(parse(b"$\x02\xff\xff\x80"), Ok(None));
        assert_eq!(interleaved_header(b"$\x02\xff"), None);
    }

    #[test]
    fn every_proper_prefix_gives_none_and_the_whole_gives_its_message() {
        for whole in WHOLE {
            let message = parse(whole).unwrap().unwrap();
            assert_eq!(message.1, whole.len());
            for n in 0..whole.len() {
                assert_eq!(parse(&whole[..n]), Ok(None), "{n} bytes of {}", String::from_utf8_lossy(whole));
            }
            let followed: Vec<u8> = [whole, b"\0\xff"].concat();
            assert_eq!(parse(&followed), Ok(Some(message)));
        }
    }

    #[test]
    fn messages_that_follow_each_other_are_read_one_by_one() {
        let stream = WHOLE.concat();
        let mut at = 0;
        for whole in WHOLE {
            let (message, len) = parse(&stream[at..]).unwrap().unwrap();
            assert_eq!((message, len), parse(whole).unwrap().unwrap());
            at += len;
        }
        assert_eq!(at, stream.len());
    }

    #[test]
    fn what_is_no_message_is_refused_at_the_byte_that_says_so() {
        use ErrorKind::*;
        let cases: [(&[u8], ErrorKind, u16); 45] = [
            (b"\x16\x03\x01\x02\x00", StartLine, 0),
            (b"\rX", StartLine, 0),
            (b" OPTIONS * RTSP/1.0\r\n", StartLine, 0),
            (b"OPT/IONS * RTSP/1.0\r\n", StartLine, 3),
            (b"OPTIONS * RTSP/1.0\rX", StartLine, 18),
            (b"\tOPTIONS * RTSP/1.0\r\n", StartLine, 0),
            (b"OPTIONS  RTSP/1.0\r\n", StartLine, 0),
            (b"OPTIONS * RTSP/1.0x\r\n", Version, 0),
            (b"OPTIONS * RTSP/1.0 x\r\n", StartLine, 0),
            (b"OPTIONS *\r\n", StartLine, 0),
            (b"OPTIONS\r\n", StartLine, 0),
            (b"OPTIONS a\x00b RTSP/1.0\r\n", Encoding, 9),
            (b"OPTIONS a\xffb RTSP/1.0\r\n", Encoding, 9),
            (b"GET / HTTP/1.1\r\n", StartLine, 0),
            (b"GET /\r\n", StartLine, 0),
            (b"HTTP/1.1 200 OK\r\n", StartLine, 4),
            (b"OPTIONS * RTSP/2.0\r\n", Version, 0),
            (b"OPTIONS * RTSP/0.9\r\n", Version, 0),
            (b"OPTIONS * RTSP/\r\n", Version, 0),
            (b"RTSP/2.0 200 OK\r\n", Version, 0),
            (b"RTSP/1.0\r\n", StartLine, 0),
            (b"RTSP/1.0 20 OK\r\n", StartLine, 0),
            (b"RTSP/1.0 099 OK\r\n", StartLine, 0),
            (b"RTSP/1.0 2000 OK\r\n", StartLine, 0),
            (b"RTSP/1.0 +20 OK\r\n", StartLine, 0),
            (b"A * RTSP/1.0\r\n CSeq: 1\r\n", Header, 14),
            (b"A * RTSP/1.0\r\nA: 1\r\n\tb\r\n", Header, 20),
            (b"A * RTSP/1.0\r\nA: 1\r\n \r\n", Header, 20),
            (b"A * RTSP/1.0\r\n: 1\r\n", Header, 14),
            (b"A * RTSP/1.0\r\nCSeq\r\n", Header, 14),
            (b"A * RTSP/1.0\r\nC eq: 1\r\n", Header, 15),
            (b"A * RTSP/1.0\r\nC(eq: 1\r\n", Header, 15),
            (b"A * RTSP/1.0\r\nCSeq: 1\rX: 2\r\n", Header, 21),
            (b"A * RTSP/1.0\r\nCSeq: 1\x08\r\n", Header, 21),
            (b"A * RTSP/1.0\r\nCSeq: 1\x00\r\n", Encoding, 21),
            (b"A * RTSP/1.0\r\nS: \xe2\x82\r\n", Encoding, 17),
            (b"A * RTSP/1.0\r\nContent-Length: -1\r\n", ContentLength, 14),
            (b"A * RTSP/1.0\r\nContent-Length: +1\r\n", ContentLength, 14),
            (b"A * RTSP/1.0\r\nContent-Length: 0x10\r\n", ContentLength, 14),
            (b"A * RTSP/1.0\r\nContent-Length: 1, 1\r\n", ContentLength, 14),
            (b"A * RTSP/1.0\r\nContent-Length:\r\n", ContentLength, 14),
            (b"A * RTSP/1.0\r\nContent-Length: 1\r\ncontent-length: 2\r\n", ContentLength, 33),
            (b"A * RTSP/1.0\r\n\rX", Header, 14),
            (b"\r\n\r\nA\x01", StartLine, 5),
            (b"\xff", Encoding, 0),
        ];
        for (input, kind, at) in cases {
            let error = Error { kind, at };
            assert_eq!(parse(input), Err(error), "{}", String::from_utf8_lossy(input));
            for n in 0..input.len() {
                let prefix = parse(&input[..n]);
                assert!(prefix == Ok(None) || prefix == Err(error), "{n} of {}", String::from_utf8_lossy(input));
            }
        }
    }

    #[test]
    fn a_line_may_have_4096_bytes_and_no_more() {
        let uri = "x".repeat(MAX_LINE - "A  RTSP/1.0".len());
        assert_eq!(request(format!("A {uri} RTSP/1.0\r\n\r\n").as_bytes()).uri, uri);
        let longer = format!("A {uri}x RTSP/1.0\r\n\r\n");
        assert_eq!(parse(longer.as_bytes()), Err(Error { kind: ErrorKind::TooLarge, at: 4096 }));

        let value = "v".repeat(MAX_LINE - 3);
        let fits = format!("A * RTSP/1.0\nX: {value}\r\n\r\n");
        assert_eq!(request(fits.as_bytes()).headers.first("x"), Some(&*value));
        let longer = format!("A * RTSP/1.0\nX: {value}v");
        assert_eq!(parse(longer.as_bytes()), Err(Error { kind: ErrorKind::TooLarge, at: 13 + 4096 }));
        assert_eq!(parse(&longer.as_bytes()[..longer.len() - 1]), Ok(None));
    }

    #[test]
    fn there_may_be_a_hundred_headers_and_no_more() {
        let hundred = format!("A * RTSP/1.0\n{}", "X: 1\n".repeat(MAX_HEADERS));
        assert_eq!(request(format!("{hundred}\r\n").as_bytes()).headers.iter().count(), MAX_HEADERS);
        assert_eq!(parse(hundred.as_bytes()), Ok(None));
        let error = Error { kind: ErrorKind::TooLarge, at: hundred.len() as u16 };
        assert_eq!(parse(format!("{hundred}X").as_bytes()), Err(error));
    }

    #[test]
    fn a_length_that_never_fits_is_announced_before_it_comes() {
        for (text, length) in [("2147483648", 1 << 31), ("18446744073709551616", u64::MAX), ("0", 0)] {
            let head = format!("A * RTSP/1.0\r\nContent-Length: {text}\r\n\r\n");
            assert_eq!(announced_length(head.as_bytes()), Some((head.len(), length)));
            assert_eq!(parse(head.as_bytes()).unwrap().is_some(), length == 0);
        }
        assert_eq!(announced_length(FRAME), None);
        assert_eq!(announced_length(b"A * RTSP/1.0\r\nContent-Length: x\r\n\r\n"), None);
    }

    #[test]
    fn a_refused_request_may_still_tell_its_cseq() {
        for (input, cseq) in [
            (&b"GET / HTTP/1.1\r\ncseq : 7\r\n\r\n"[..], Some(7)),
            (b"\r\nA * RTSP/1.0\nX: \xff\nCSeq: 8\n", Some(8)),
            (b"A * RTSP/1.0\nCSeq: 8", None),
            (b"A * RTSP/1.0\n\nCSeq: 8\n", None),
            (b"A * RTSP/1.0\nCSeq: -8\n", None),
        ] {
            assert_eq!(salvage_cseq(input), cseq, "{}", String::from_utf8_lossy(input));
        }
    }

    #[test]
    fn mistakes_are_answered_with_a_fitting_status() {
        let status = |kind| Error { kind, at: 0 }.status().0;
        assert_eq!(status(ErrorKind::StartLine), 400);
        assert_eq!(status(ErrorKind::Version), 505);
        assert_eq!(status(ErrorKind::TooLarge), 413);
    }

    /// Random bytes that often get past the first check.
    fn likely_bytes() -> impl Strategy<Value = Vec<u8>> {
        let pieces: [&[u8]; 15] = [
            b"PLAY ",
            b"rtsp://h/x ",
            b"RTSP/1.0",
            b" 200 OK",
            b"\r\n",
            b"\n",
            b"\r",
            b"CSeq: 1",
            b"Content-Length: 3",
            b"$\x00\x00\x02",
            b" ",
            b":",
            b"\x00",
            b"\xc3",
            b"\xa9",
        ];
        let piece = prop::sample::select(pieces.as_slice().to_vec());
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(input in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = (parse(&input), announced_length(&input), salvage_cseq(&input));
        }

        #[test]
        fn more_bytes_never_change_a_verdict(input in likely_bytes()) {
            let mut verdict = Ok(None);
            for n in 0..=input.len() {
                let now = parse(&input[..n]);
                prop_assert!(verdict == Ok(None) || now == verdict, "{:?} became {:?}", verdict, now);
                verdict = now;
                let _ = salvage_cseq(&input[..n]);
                if let (Ok(Some((_, len))), Some((head, body))) = (verdict, announced_length(&input[..n])) {
                    prop_assert_eq!(head as u64 + body, len as u64);
                }
            }
        }
    }
}
