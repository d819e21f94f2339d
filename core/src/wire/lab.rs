//! The lab dialect, which the client and server of the classic "video streaming with RTSP and RTP" exercise speak.
//!
//! It looks like RTSP, but it names a file instead of a URL, ends lines in LF, and does not mark the end of a message:
//!
//! ```text
//! SETUP movie.Mjpeg RTSP/1.0            RTSP/1.0 200 OK
//! CSeq: 1                               CSeq: 1
//! Transport: RTP/UDP; client_port= 25000     Session: 123456
//! ```
//!
//! The last line of a request usually has no line end. So a message ends where the next one begins, at a blank line, or when
//! nothing follows for a while ([`Parsed::Pending`]).

use super::rtsp::lines::{End, line};
use super::rtsp::{Error, ErrorKind, Full, Headers, MAX_LINE, Method, StatusCode, blank_prefix};
use super::text::{OneLine, SliceWriter, decimal, is_token_byte, strip_prefix_ignore_case, trim};
use super::url::Path;
use core::fmt::Write;

/// The result of parsing the bytes that have come so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed<T> {
    /// A whole message and how many bytes it took.
    Complete(T, usize),
    /// A message of so many bytes, which is whole if nothing follows. Wait for more bytes, for silence, or for the close.
    Pending(T, usize),
    /// Not enough for a message yet.
    Incomplete,
    /// Not a message of this dialect.
    Malformed(Error),
}

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The method. Copies of the exercise add methods of their own; these are [`Method::Other`].
    pub method: Method<'a>,
    /// The file's name. Some clients give it with SETUP only; it is empty in their other requests.
    pub file: Path<'a>,
    /// `CSeq`. `None`: missing, or no number.
    pub cseq: Option<u32>,
    /// `Session`. In our replies it is a decimal number.
    pub session: Option<&'a str>,
    /// The client's RTP port in `Transport`; `None` also where it is 0 or above 65535.
    pub client_port: Option<u16>,
    /// All header lines.
    pub headers: Headers<'a>,
}

/// A server's reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply<'a> {
    /// Classic servers say 200, 404 and 500.
    pub status: StatusCode,
    /// `CSeq`. `None`: missing, or no number.
    pub cseq: Option<u32>,
    /// The session's identifier, a decimal number in the classic server.
    pub session: Option<&'a str>,
}

/// Whether a connection's first line is of this dialect: `METHOD file RTSP/1.x`, where the file has no `://`, does not begin
/// with a slash, and is not `*`. Its clients do not ask for OPTIONS.
///
/// A line of a known method without any version is also of this dialect: the oldest copies of the exercise send it.
pub fn is_lab(first_line: &[u8]) -> bool {
    let start = |line: &'_ str| {
        // A path alone is what programs ask the standard dialect for that look whether a server is there.
        start_line(line.trim_end_matches(['\r', '\n']), true)
            .is_some_and(|start| !start.file.starts_with('/') && start.method != Method::Options.name())
    };
    core::str::from_utf8(first_line).is_ok_and(start)
}

/// Whether a connection that begins with `input` is of this dialect; `None` until enough has come to tell. Blank lines are
/// skipped.
///
/// The first line tells, but for SETUP of a name that begins with a slash: some copies of the exercise write that, too, and
/// their `Transport` tells.
pub fn detect(input: &[u8]) -> Option<bool> {
    let rest = input.get(blank_prefix(input)..)?;
    let end = rest.iter().position(|&byte| byte == b'\n')?;
    let (line, block) = rest.split_at_checked(end)?;
    let start = core::str::from_utf8(line).ok().and_then(|line| start_line(line.trim_end_matches('\r'), true));
    match start {
        Some(start) if start.file.starts_with('/') && start.method == Method::Setup.name() => transport_tells(block),
        _ => Some(is_lab(line)),
    }
}

/// Whether `Transport` is as only this dialect writes it. `block` begins with the first line's end.
fn transport_tells(block: &[u8]) -> Option<bool> {
    for line in block.split_inclusive(|&byte| byte == b'\n').skip(1) {
        let is_whole = line.ends_with(b"\n");
        let Ok(text) = core::str::from_utf8(line) else { return Some(false) };
        let text = text.trim_end_matches(['\r', '\n']);
        match text.split_once(':') {
            Some((name, value)) if trim(name).eq_ignore_ascii_case("Transport") => {
                let (protocol, is_whole) =
                    value.split_once(';').map_or((value, is_whole), |(protocol, _)| (protocol, true));
                let is_own = ["RTP/UDP", "TCP/UDP"].iter().any(|own| trim(protocol).eq_ignore_ascii_case(own));
                return is_whole.then_some(is_own);
            }
            None if is_whole && text.is_empty() => return Some(false),
            _ => {}
        }
    }
    None
}

/// Parses the first request of `input`; blank lines before it are skipped and counted in its length.
pub fn parse_request(input: &[u8]) -> Parsed<Request<'_>> {
    let begin = blank_prefix(input);
    let first = line(input, begin, MAX_LINE, ErrorKind::StartLine);
    let block_start = match first.end {
        End::Open => return Parsed::Incomplete,
        End::Bad(error) => return Parsed::Malformed(error),
        End::Next(next) => next,
    };
    let Some(start) = start_line(first.text, true) else {
        return Parsed::Malformed(Error::new(ErrorKind::StartLine, begin));
    };
    let mut fields = Fields { broken_order: !start.has_version, ..Fields::default() };
    fields.read(start.after_version);

    let mut at = block_start;
    let (complete, end) = loop {
        let line = line(input, at, MAX_LINE, ErrorKind::Header);
        if let Some(cut) = next_request(line.text, fields.broken_order) {
            fields.read(line.text.get(..cut).unwrap_or_default());
            break (true, at.saturating_add(cut));
        }
        fields.read(line.text);
        match line.end {
            End::Bad(error) => return Parsed::Malformed(error),
            End::Open if fields.cseq.is_none() => return Parsed::Incomplete,
            End::Open => break (false, input.len()),
            End::Next(next) if trim(line.text).is_empty() => break (true, next),
            End::Next(next) => at = next,
        }
    };
    let block = input.get(block_start..end).and_then(|block| core::str::from_utf8(block).ok()).unwrap_or_default();
    let request = Request {
        method: Method::from_name(start.method),
        file: Path::new(start.file),
        cseq: fields.cseq.flatten(),
        session: fields.session,
        client_port: fields.client_port,
        headers: Headers::new(block),
    };
    if complete { Parsed::Complete(request, end) } else { Parsed::Pending(request, end) }
}

/// Parses the first reply of `input`. It ends with its third line; lines before the status line (blank ones, and what a
/// server wrote behind the third line of the reply before) are skipped and counted in its length.
pub fn parse_reply(input: &[u8]) -> Parsed<Reply<'_>> {
    let mut at = 0;
    let (status, status_end) = loop {
        let first = line(input, at, MAX_LINE, ErrorKind::StartLine);
        if let Some(status) = first.text.find("RTSP/1.").and_then(|begin| first.text.get(begin..)) {
            break (status, first.end);
        }
        match first.end {
            End::Open => return Parsed::Incomplete,
            End::Bad(error) => return Parsed::Malformed(error),
            End::Next(next) => at = next,
        }
    };
    let code = status.split(' ').filter(|word| !word.is_empty()).nth(1).filter(|word| word.len() == 3);
    let code = code.and_then(decimal).filter(|&code| code >= 100).map(StatusCode);
    let mut next = match (status_end, code) {
        (End::Bad(error), _) => return Parsed::Malformed(error),
        (End::Next(_), None) => return Parsed::Malformed(Error::new(ErrorKind::StartLine, at)),
        (End::Open, None) => return Parsed::Incomplete,
        (End::Open, Some(_)) => None,
        (End::Next(next), Some(_)) => Some(next),
    };
    let mut fields = Fields::default();
    let mut complete = false;
    let mut end = next.unwrap_or(input.len());
    // The second line and the third.
    for _ in 0..2 {
        let Some(at) = next else { break };
        let line = line(input, at, MAX_LINE, ErrorKind::Header);
        let cut = line.text.find("RTSP/1.").unwrap_or(line.text.len());
        fields.read(line.text.get(..cut).unwrap_or_default());
        (next, end, complete) = match line.end {
            _ if cut < line.text.len() => (None, at.saturating_add(cut), true),
            End::Bad(error) => return Parsed::Malformed(error),
            End::Open => (None, input.len(), false),
            End::Next(next) if line.text.is_empty() => (None, next, true),
            End::Next(next) => (Some(next), next, false),
        };
    }
    let Some(status) = code else { return Parsed::Incomplete };
    let reply = Reply { status, cseq: fields.cseq.flatten(), session: fields.session };
    // The third line has its line end, so nothing more belongs to the reply.
    if complete || next.is_some() { Parsed::Complete(reply, end) } else { Parsed::Pending(reply, end) }
}

/// Writes a reply as the student's client reads it. That client takes words by their position. So the order of the lines is
/// fixed, there is one space between words, and a session is a bare number, for errors too. `session` is 0 before there is one.
///
/// # Errors
/// [`Full`] where it does not fit.
pub fn emit_reply(buffer: &mut [u8], status: StatusCode, cseq: u32, session: u32) -> Result<usize, Full> {
    let mut out = SliceWriter::new(buffer);
    write!(out, "RTSP/1.0 {status} {}\nCSeq: {cseq}\nSession: {session}\n\n", status.reason())?;
    Ok(out.len())
}

/// Writes SETUP as the student's client does. The classic server accepts only this order and spacing.
///
/// # Errors
/// [`Full`] where it does not fit.
pub fn emit_setup(buffer: &mut [u8], file: &str, cseq: u32, rtp_port: u16) -> Result<usize, Full> {
    let mut out = start(buffer, Method::Setup, file, cseq)?;
    write!(out, "Transport: RTP/UDP; client_port= {rtp_port}")?;
    Ok(out.len())
}

/// Writes PLAY, PAUSE or TEARDOWN as the student's client does.
///
/// # Errors
/// [`Full`] where it does not fit.
pub fn emit_request(
    buffer: &mut [u8],
    method: Method<'_>,
    file: &str,
    cseq: u32,
    session: &str,
) -> Result<usize, Full> {
    let mut out = start(buffer, method, file, cseq)?;
    out.write_str("Session: ")?;
    OneLine(&mut out).write_str(session)?;
    Ok(out.len())
}

fn start<'b>(buffer: &'b mut [u8], method: Method<'_>, file: &str, cseq: u32) -> Result<SliceWriter<'b>, Full> {
    let mut out = SliceWriter::new(buffer);
    write!(OneLine(&mut out), "{method} {file} RTSP/1.0")?;
    write!(out, "\nCSeq: {cseq}\n")?;
    Ok(out)
}

#[derive(Clone, Copy)]
struct StartLine<'a> {
    method: &'a str,
    file: &'a str,
    has_version: bool,
    /// The text behind the version. It may be a header: some clients forget the line end after the version.
    after_version: &'a str,
}

/// Reads `METHOD file RTSP/1.x`; with `broken_order` also `METHOD [file]` of the four classic methods, whose version
/// comes in a later line or not at all. File names may hold spaces.
fn start_line(text: &str, broken_order: bool) -> Option<StartLine<'_>> {
    let (method, rest) = text.split_once(' ').unwrap_or((text, ""));
    if method.is_empty() || !method.bytes().all(is_token_byte) {
        return None;
    }
    let line = match rest.rfind("RTSP/1.").and_then(|at| rest.split_at_checked(at)) {
        Some((file, version)) if file.is_empty() || file.ends_with(' ') => {
            let after = version.trim_start_matches("RTSP/1.").trim_start_matches(|c: char| c.is_ascii_digit());
            StartLine { method, file: trim(file), has_version: true, after_version: after }
        }
        None if broken_order
            && matches!(method, "SETUP" | "PLAY" | "PAUSE" | "TEARDOWN")
            && !rest.contains("RTSP/")
            && !rest.contains("HTTP/") =>
        {
            StartLine { method, file: trim(rest), has_version: false, after_version: "" }
        }
        _ => return None,
    };
    (!line.file.contains("://") && line.file != "*").then_some(line)
}

/// The position in a line where the next request begins: at the line's start, or behind the number that ends the request before
/// (`Session: 123456PAUSE movie.Mjpeg RTSP/1.0`), since the last line of a request may have no end.
fn next_request(text: &str, broken_order: bool) -> Option<usize> {
    if start_line(text, broken_order).is_some() {
        return Some(0);
    }
    let bytes = text.as_bytes();
    let starts = bytes.windows(2).enumerate().filter_map(|(at, pair)| match pair {
        [digit, letter] if digit.is_ascii_digit() && letter.is_ascii_uppercase() => at.checked_add(1),
        _ => None,
    });
    // Few positions are enough for any real request. The limit bounds the time that a hostile line can take.
    starts.take(8).find(|&at| text.get(at..).is_some_and(|rest| start_line(rest, broken_order).is_some()))
}

/// The fields of the lines after the first.
#[derive(Default)]
struct Fields<'a> {
    /// `Some(None)`: the header is there, but its value is no number.
    cseq: Option<Option<u32>>,
    session: Option<&'a str>,
    client_port: Option<u16>,
    /// `SETUP file`, `1`, ` RTSP/1.0 RTP/UDP 25000`: the sequence number and the port have no names.
    broken_order: bool,
}

impl<'a> Fields<'a> {
    fn read(&mut self, line: &'a str) {
        if let Some((name, value)) = line.split_once(':') {
            let (name, value) = (trim(name), trim(value));
            if name.eq_ignore_ascii_case("CSeq") {
                self.cseq = self.cseq.or(Some(decimal(value)));
            } else if name.eq_ignore_ascii_case("Session") {
                self.session = self.session.or(Some(value)).filter(|value| !value.is_empty());
            } else if name.eq_ignore_ascii_case("Transport") {
                self.client_port = self.client_port.or_else(|| client_port(value));
            }
        } else if self.broken_order {
            if let Some(number) = decimal(trim(line)) {
                self.cseq = self.cseq.or(Some(Some(number)));
            } else if let Some(rest) = strip_prefix_ignore_case(trim(line), "RTSP/1.") {
                self.client_port = self.client_port.or_else(|| port(rest.rsplit(' ').next().unwrap_or_default()));
            }
        }
    }
}

/// The number in `client_port=N`, wherever it stands and however it is spaced. Of a pair, the first number.
fn client_port(transport: &str) -> Option<u16> {
    const NAME: &str = "client_port";
    transport.match_indices('=').find_map(|(at, _)| {
        let (name, value) = transport.split_at_checked(at)?;
        let name = name.trim_end_matches([' ', '\t']);
        let name = name.get(name.len().checked_sub(NAME.len())?..)?;
        let value = value.trim_start_matches(['=', ' ', '\t', '"']);
        name.eq_ignore_ascii_case(NAME).then(|| port(value.split(|c: char| !c.is_ascii_digit()).next()?)).flatten()
    })
}

fn port(digits: &str) -> Option<u16> {
    decimal(digits).filter(|&port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::format;
    use std::string::String;
    use std::vec::Vec;

    const SETUP: &str = "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000";
    const PLAY: &str = "PLAY movie.Mjpeg RTSP/1.0\nCSeq: 2\nSession: 123456";
    const PAUSE: &str = "PAUSE movie.Mjpeg RTSP/1.0\nCSeq: 3\nSession: 123456";
    const TEARDOWN: &str = "TEARDOWN movie.Mjpeg RTSP/1.0\nCSeq: 4\nSession: 123456";
    const REPLY: &str = "RTSP/1.0 200 OK\nCSeq: 1\nSession: 123456\n\n";

    fn complete(input: &str) -> (Request<'_>, usize) {
        match parse_request(input.as_bytes()) {
            Parsed::Complete(request, len) => (request, len),
            other => panic!("{input:?}: {other:?}"),
        }
    }

    fn pending(input: &str) -> Request<'_> {
        match parse_request(input.as_bytes()) {
            Parsed::Pending(request, len) if len == input.len() => request,
            other => panic!("{input:?}: {other:?}"),
        }
    }

    #[test]
    fn the_first_line_tells_the_dialect() {
        for line in [
            "SETUP movie.Mjpeg RTSP/1.0",
            "PLAY movie.Mjpeg RTSP/1.0\r\n",
            "DESCRIBE x RTSP/1.0",
            "SETUP my movie.Mjpeg RTSP/1.0",
            "FORWARD movie.Mjpeg RTSP/1.0CSeq: 3",
            "PLAY  RTSP/1.0",
            "SETUP movie.Mjpeg",
            "PLAY ",
        ] {
            assert!(is_lab(line.as_bytes()), "{line:?}");
        }
        for line in [
            "SETUP rtsp://h/movie.Mjpeg RTSP/1.0",
            "OPTIONS * RTSP/1.0",
            "OPTIONS / RTSP/1.0",
            "OPTIONS movie.Mjpeg RTSP/1.0",
            "DESCRIBE /x RTSP/1.0",
            "SETUP /x/trackID=0 RTSP/1.0",
            "SETUP movie.Mjpeg RTSP/2.0",
            "SETUP movie.Mjpeg HTTP/1.0",
            "SETUP rtsp://h/x",
            "GET / HTTP/1.1",
            "GET /",
            "SETUP movie.MjpegRTSP/1.0",
            "RTSP/1.0 200 OK",
            "",
        ] {
            assert!(!is_lab(line.as_bytes()), "{line:?}");
        }
        assert!(!is_lab(b"SETUP \xff RTSP/1.0"));
        assert_eq!(detect(b"\r\nPLAY x RTSP/1.0\n"), Some(true));
        assert_eq!(detect(b"PLAY rtsp://h/x RTSP/1.0\r\n"), Some(false));
        for (input, expected) in [
            ("SETUP /x RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000", Some(true)),
            ("SETUP /x RTSP/1.0\r\nTRANSPORT: TCP/UDP ;client_port=25000\r\n", Some(true)),
            ("SETUP /x RTSP/1.0\nTransport: RTP/AVP;unicast;client_port=25000-25001", Some(false)),
            ("SETUP /x RTSP/1.0\nTransport: RTP/AVP/TCP\n", Some(false)),
            ("SETUP /x RTSP/1.0\nCSeq: 1\n\nTransport: RTP/UDP;", Some(false)),
            ("SETUP /x RTSP/1.0\r\nCSeq: 1\r\n\r\n", Some(false)),
            ("PLAY /x RTSP/1.0\n", Some(false)),
        ] {
            assert_eq!(detect(input.as_bytes()), expected, "{input:?}");
            for n in 0..input.len() {
                let found = detect(&input.as_bytes()[..n]);
                assert!(found.is_none() || found == expected, "{n} bytes of {input:?}");
            }
        }
        assert_eq!(detect(b"PLAY x RTSP/1.0"), None);
    }

    #[test]
    fn the_classic_requests_are_whole_once_nothing_follows() {
        let setup = pending(SETUP);
        assert_eq!((setup.method, setup.file.as_str()), (Method::Setup, "movie.Mjpeg"));
        assert_eq!((setup.cseq, setup.session, setup.client_port), (Some(1), None, Some(25000)));
        for (text, method, cseq) in
            [(PLAY, Method::Play, 2), (PAUSE, Method::Pause, 3), (TEARDOWN, Method::Teardown, 4)]
        {
            let request = pending(text);
            assert_eq!((request.method, request.file.as_str()), (method, "movie.Mjpeg"));
            assert_eq!((request.cseq, request.session, request.client_port), (Some(cseq), Some("123456"), None));
        }
    }

    #[test]
    fn every_spelling_of_the_transport_is_read() {
        for transport in [
            "Transport: RTP/UDP; client_port= 25000",
            "Transport: RTP/UDP; client_port=25000",
            "Transport: RTP/UDP;client_port=25000\n",
            "Transport: TCP/UDP ; client_port = 25000\n",
            "TRANSPORT: RTP/UDP; Client_port= 25000",
            "Transport: RTP/AVP;unicast;client_port=25000-25001",
            "transport:RTP/UDP client_port=\"25000\"",
            "Transport: RTP/AVP;mode=play;client_port=25000;x=y",
        ] {
            for end in ["\n", "\r\n"] {
                let text = format!("SETUP a RTSP/1.0{end}CSeq: 1{end}{transport}");
                assert_eq!(pending(&text).client_port, Some(25000), "{text:?}");
            }
        }
        for transport in ["RTP/UDP", "", "client_port", "client_port=", "=", "client_port=0", "x_client_port= 65536"] {
            let text = format!("SETUP a RTSP/1.0\nCSeq: 1\nTransport: {transport}");
            assert_eq!(pending(&text).client_port, None, "{text:?}");
        }
    }

    #[test]
    fn requests_end_at_a_blank_line_or_where_the_next_one_begins() {
        let (play, len) = complete("\n\nPLAY a RTSP/1.0\r\nCSeq: 2\r\nSession: 7\r\n\r\nrest");
        assert_eq!((play.cseq, play.session, len), (Some(2), Some("7"), 42));
        assert_eq!(play.headers.first("session"), Some("7"));

        for separator in ["\n", "", "\r\n"] {
            let text = [SETUP, PLAY, PAUSE, TEARDOWN].join(separator);
            let mut at = 0;
            for alone in [SETUP, PLAY, PAUSE] {
                let (request, len) = complete(&text[at..]);
                let expected = pending(alone);
                assert_eq!((request.method, request.cseq), (expected.method, expected.cseq));
                assert_eq!((request.session, request.client_port), (expected.session, expected.client_port));
                at += len;
            }
            assert_eq!(pending(&text[at..]).method, Method::Teardown);
        }
    }

    #[test]
    fn the_broken_order_of_the_oldest_copies_is_read() {
        let text = "SETUP movie.Mjpeg\n1\n RTSP/1.0 RTP/UDP 25000";
        let setup = pending(text);
        assert_eq!((setup.method, setup.file.as_str()), (Method::Setup, "movie.Mjpeg"));
        assert_eq!((setup.cseq, setup.client_port), (Some(1), Some(25000)));

        let play = pending("PLAY \n2");
        assert_eq!((play.method, play.file.as_str(), play.cseq), (Method::Play, "", Some(2)));
        let (play, len) = complete("PLAY \n2PAUSE \n3");
        assert_eq!((play.cseq, len), (Some(2), 7));
    }

    #[test]
    fn extra_methods_and_stray_lines_do_no_harm() {
        let request = pending("FORWARD my movie.Mjpeg RTSP/1.0CSeq: 3\nSession: 5\n2\nRange: npt = 4 -");
        assert_eq!((request.method, request.file.as_str()), (Method::Other("FORWARD"), "my movie.Mjpeg"));
        assert_eq!((request.cseq, request.session), (Some(3), Some("5")));
        assert_eq!(request.headers.first("range"), Some("npt = 4 -"));
    }

    #[test]
    fn a_request_without_a_usable_number_says_so() {
        for header in ["", "CSeq: x\n", "CSeq: -1\n", "CSeq: 4294967296\n", "CSeq:\n"] {
            assert_eq!(complete(&format!("PLAY a RTSP/1.0\n{header}\n")).0.cseq, None, "{header:?}");
        }
        assert_eq!(parse_request(b"PLAY a RTSP/1.0\nSession: 1\n"), Parsed::Incomplete);
        assert_eq!(complete("PLAY a RTSP/1.0\nCSeq: 1\nCSeq: 2\n\n").0.cseq, Some(1));
    }

    #[test]
    fn what_is_not_of_this_dialect_is_malformed() {
        let cases: [(&[u8], ErrorKind, u16); 6] = [
            (b"PLAY rtsp://h/x RTSP/1.0\n", ErrorKind::StartLine, 0),
            (b"\nGET / HTTP/1.1\n", ErrorKind::StartLine, 1),
            (b"PLAY \x00", ErrorKind::Encoding, 5),
            (b"PLAY \xff", ErrorKind::Encoding, 5),
            (b"PLAY a RTSP/1.0\nCSeq: 1\x07", ErrorKind::Header, 23),
            (b"PLAY a RTSP/1.0\nCSeq: 1\rX", ErrorKind::Header, 23),
        ];
        for (input, kind, at) in cases {
            assert_eq!(parse_request(input), Parsed::Malformed(Error { kind, at }), "{input:?}");
        }
        let long = format!("PLAY {}", "x".repeat(MAX_LINE));
        let Parsed::Malformed(error) = parse_request(long.as_bytes()) else { panic!() };
        assert_eq!(error.kind, ErrorKind::TooLarge);
    }

    #[test]
    fn a_reply_is_written_as_the_students_client_splits_it() {
        let mut buffer = [0; 64];
        let len = emit_reply(&mut buffer, StatusCode::OK, 1, 123_456).unwrap();
        assert_eq!(&buffer[..len], REPLY.as_bytes());
        let len = emit_reply(&mut buffer, StatusCode::NOT_FOUND, 7, 0).unwrap();
        assert_eq!(&buffer[..len], b"RTSP/1.0 404 Not Found\nCSeq: 7\nSession: 0\n\n");
        assert_eq!(emit_reply(&mut buffer[..REPLY.len() - 1], StatusCode::OK, 1, 123_456), Err(Full));
    }

    #[test]
    fn requests_are_written_as_the_students_client_does() {
        let mut buffer = [0; 128];
        let len = emit_setup(&mut buffer, "movie.Mjpeg", 1, 25000).unwrap();
        assert_eq!(&buffer[..len], SETUP.as_bytes());
        for text in [PLAY, PAUSE, TEARDOWN] {
            let request = pending(text);
            let (cseq, session) = (request.cseq.unwrap(), request.session.unwrap());
            let len = emit_request(&mut buffer, request.method, request.file.as_str(), cseq, session).unwrap();
            assert_eq!(&buffer[..len], text.as_bytes());
        }
        let len = emit_request(&mut buffer, Method::Play, "a\nb", 1, "1\r\n2").unwrap();
        assert_eq!(&buffer[..len], b"PLAY a b RTSP/1.0\nCSeq: 1\nSession: 1  2");
    }

    #[test]
    fn replies_are_read_with_and_without_an_end() {
        let reply = |status, cseq, session| Reply { status: StatusCode(status), cseq, session };
        let ok = reply(200, Some(1), Some("123456"));
        let cases = [
            (REPLY, Parsed::Complete(ok, 40)),
            (&REPLY[..40], Parsed::Complete(ok, 40)),
            (&REPLY[..39], Parsed::Pending(ok, 39)),
            ("\nRTSP/1.0 200 OK\r\nCSeq: 1\r\nSession: 123456\r", Parsed::Pending(ok, 43)),
            ("RTSP/1.0 200 OK\nCSeq: 1\nSession: 123456RTSP/1.0 ", Parsed::Complete(ok, 39)),
            ("TotalTime: 5\nRTSP/1.0 200 OK\nCSeq: 1\nSession: 123456\n", Parsed::Complete(ok, 53)),
            ("TotalTime: 5RTSP/1.0 200 OK\nCSeq: 1\nSession: 123456\n", Parsed::Complete(ok, 52)),
            ("RTSP/1.0 404 NOT FOUND\nCSeq: 1\n", Parsed::Pending(reply(404, Some(1), None), 31)),
            ("RTSP/1.0 404 NOT FOUND\nCSeq: 1\n\n", Parsed::Complete(reply(404, Some(1), None), 32)),
            ("RTSP/1.0 500 CONNECTION ERROR", Parsed::Pending(reply(500, None, None), 29)),
            ("RTSP/1.0 404", Parsed::Pending(reply(404, None, None), 12)),
            ("RTSP/1.0 40", Parsed::Incomplete),
            ("RTSP/", Parsed::Incomplete),
            ("hello\n", Parsed::Incomplete),
            ("", Parsed::Incomplete),
            ("RTSP/1.0 OK\n", Parsed::Malformed(Error { kind: ErrorKind::StartLine, at: 0 })),
            ("\0", Parsed::Malformed(Error { kind: ErrorKind::Encoding, at: 0 })),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_reply(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn a_prefix_is_never_a_complete_message() {
        let text = [SETUP, PLAY].join("\n");
        let (_, len) = complete(&text);
        let second_line = len + PLAY.find('\n').unwrap();
        for n in 0..second_line {
            match parse_request(&text.as_bytes()[..n]) {
                Parsed::Complete(_, end) => assert!(end == len && text[len..n].contains("RTSP/1."), "{n}"),
                Parsed::Malformed(error) => panic!("{n}: {error:?}"),
                _ => {}
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            input in prop_like(), raw in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            for input in [&input, &raw] {
                if let Parsed::Complete(_, len) | Parsed::Pending(_, len) = parse_request(input) {
                    prop_assert!(len > 0 && len <= input.len());
                }
                if let Parsed::Complete(_, len) | Parsed::Pending(_, len) = parse_reply(input) {
                    prop_assert!(len > 0 && len <= input.len());
                }
                let _ = detect(input);
            }
        }

        #[test]
        fn what_is_written_is_read_back(
            file in "[!-)+-.0->@-~]{1,20}", cseq: u32, port in 1u16.., session in "[0-9]{1,9}",
        ) {
            let mut buffer = [0; 128];
            let len = emit_setup(&mut buffer, &file, cseq, port).unwrap();
            let text = String::from_utf8_lossy(&buffer[..len]).into_owned();
            let request = pending(&text);
            prop_assert_eq!((request.cseq, request.client_port), (Some(cseq), Some(port)));
            let len = emit_request(&mut buffer, Method::Play, &file, cseq, &session).unwrap();
            let text = String::from_utf8_lossy(&buffer[..len]).into_owned();
            prop_assert_eq!(pending(&text).session, Some(&*session));
        }
    }

    /// Random bytes that often get past the first line.
    fn prop_like() -> impl Strategy<Value = Vec<u8>> {
        let pieces: [&[u8]; 12] = [
            b"SETUP ",
            b"PLAY ",
            b"a.Mjpeg",
            b" RTSP/1.0",
            b"\n",
            b"\r\n",
            b"CSeq: 1",
            b"Session: 9",
            b"Transport: RTP/UDP; client_port= 1",
            b"RTSP/1.0 200 OK",
            b"\xff",
            b"7",
        ];
        let piece = prop::sample::select(pieces.to_vec());
        prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
    }
}
