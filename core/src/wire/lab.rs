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
use super::url::{Path, Url};
use core::fmt::Write;

pub mod extra;
mod length;
mod list;
pub mod payload;
#[cfg(test)]
mod tests;

pub use length::{Length, More};
pub use list::{Visitor, emit_list};

/// Whether a server knows the variants of the dialect (feature `lab`): payloads that are not plain, methods that copies of the exercise
/// have added, and lengths in replies. Without them it speaks the dialect of the exercise alone, and code that only they need does not
/// become part of a program. A client knows them always.
pub const VARIANTS: bool = cfg!(feature = "lab");

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

/// How requests are laid out on a connection. The first one tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Layout {
    /// Method, file and version in the first line, headers in the others.
    #[default]
    Classic,
    /// `METHOD file`, the number in the second line, and in SETUP a third one with version and port.
    BrokenOrder,
    /// Like `Classic`, but lines end in CRLF, and `rtsp://` stands before the file. There is no host, nor a blank line at the end.
    Url,
}

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// How it is laid out.
    pub layout: Layout,
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
    /// How long the file is, which some servers tell in lines behind the third.
    pub length: Length,
}

/// Whether a connection's first line is of this dialect: `METHOD file RTSP/1.x`, where the file has no `://`, does not begin
/// with a slash, and is not `*`. Its clients do not ask for OPTIONS.
///
/// A line of a known method without any version is also of this dialect: the oldest copies of the exercise send it.
pub fn is_lab(first_line: &[u8]) -> bool {
    let start = |line: &'_ str| {
        // A path alone is what programs ask the standard dialect for that look whether a server is there.
        start_line(line.trim_end_matches(['\r', '\n']), Versionless::Classic)
            .filter(|start| !start.is_url())
            .is_some_and(|start| !start.file.starts_with('/') && start.method != Method::Options.name())
    };
    core::str::from_utf8(first_line).is_ok_and(start)
}

/// Whether a connection that begins with `input` is of this dialect; `None` until enough has come to tell. Blank lines are
/// skipped.
///
/// The first line tells, but for SETUP of a name that begins with a slash: some copies of the exercise write that, too, and
/// their `Transport` tells. It also tells of SETUP of a URL without a host, as one copy writes file names.
pub fn detect(input: &[u8]) -> Option<bool> {
    let rest = input.get(blank_prefix(input)..)?;
    let end = rest.iter().position(|&byte| byte == b'\n')?;
    let (line, block) = rest.split_at_checked(end)?;
    let start =
        core::str::from_utf8(line).ok().and_then(|line| start_line(line.trim_end_matches('\r'), Versionless::Classic));
    match start {
        Some(start) if start.is_doubtful() && start.method == Method::Setup.name() => transport_tells(block),
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

/// How requests are laid out on a connection of this dialect that begins with `input`, whose first line has come whole.
pub fn layout(input: &[u8]) -> Layout {
    let line = input.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let line = core::str::from_utf8(line).unwrap_or_default();
    match start_line(line.trim_end_matches('\r'), Versionless::Classic) {
        Some(start) if !start.has_version => Layout::BrokenOrder,
        Some(start) if start.is_url() => Layout::Url,
        _ => Layout::Classic,
    }
}

/// Parses the first request of a connection; blank lines before it are skipped and counted in its length.
pub fn parse_request(input: &[u8]) -> Parsed<Request<'_>> {
    parse_request_in(input, Layout::Classic)
}

/// Parses the first request of `input`, on a connection whose requests are laid out like this.
pub fn parse_request_in(input: &[u8], layout: Layout) -> Parsed<Request<'_>> {
    let versionless = if layout == Layout::BrokenOrder { Versionless::Any } else { Versionless::Classic };
    let begin = blank_prefix(input);
    let first = line(input, begin, MAX_LINE, ErrorKind::StartLine);
    let block_start = match first.end {
        End::Open => return Parsed::Incomplete,
        End::Bad(error) => return Parsed::Malformed(error),
        End::Next(next) => next,
    };
    let Some(start) = start_line(first.text, versionless).filter(|start| !start.is_url() || start.names_file()) else {
        return Parsed::Malformed(Error::new(ErrorKind::StartLine, begin));
    };
    let following = if start.has_version { Versionless::None } else { versionless };
    let mut fields = Fields { broken_order: !start.has_version, ..Fields::default() };
    fields.read(start.after_version);

    let mut at = block_start;
    let (complete, end) = loop {
        let line = line(input, at, MAX_LINE, ErrorKind::Header);
        if let Some(cut) = next_request(line.text, following) {
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
        layout: match start {
            StartLine { has_version: false, .. } => Layout::BrokenOrder,
            start if start.is_url() => Layout::Url,
            _ => Layout::Classic,
        },
        method: Method::from_name(start.method),
        file: Path::new(start.file.split_once("://").map_or(start.file, |(_, file)| file)),
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
    // The third line has its line end, so nothing more belongs to the reply but what tells the length.
    complete |= next.is_some();
    let mut length = Length::default();
    while let Some(at) = next.filter(|&at| at < input.len()) {
        let line = line(input, at, MAX_LINE, ErrorKind::Header);
        (next, end, complete) = match line.end {
            End::Next(next) if length.read(line.text) => (Some(next), next, true),
            End::Open if !line.text.contains("RTSP/1.") && !line.text.trim().is_empty() => {
                length.read(line.text);
                (None, input.len(), false)
            }
            _ => break,
        };
    }
    let reply = Reply { status, cseq: fields.cseq.flatten(), session: fields.session, length };
    if complete { Parsed::Complete(reply, end) } else { Parsed::Pending(reply, end) }
}

/// Writes a reply as the student's client reads it. That client takes words by their position. So the order of the lines is
/// fixed, there is one space between words, and a session is a bare number, for errors too. `session` is 0 before there is one.
///
/// # Errors
/// [`Full`] where it does not fit.
pub fn emit_reply(buffer: &mut [u8], status: StatusCode, cseq: u32, session: u32, more: More) -> Result<usize, Full> {
    let mut out = SliceWriter::new(buffer);
    write!(out, "RTSP/1.0 {status} {}\nCSeq: {cseq}\nSession: {session}\n{more}", status.reason())?;
    Ok(out.len())
}

/// How SETUP is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Wording {
    /// Without spaces in `Transport`: one copy of the exercise finds the port only there. All others want them.
    pub is_glued: bool,
    /// Asks one copy for its larger pictures, which it sends in the form `I4`.
    pub prefers_hd: bool,
}

/// Writes SETUP as the student's client does. The classic server accepts only this order and spacing.
///
/// # Errors
/// [`Full`] where it does not fit.
pub fn emit_setup(buffer: &mut [u8], file: &str, cseq: u32, rtp_port: u16, wording: Wording) -> Result<usize, Full> {
    let mut out = start(buffer, Method::Setup, file, cseq)?;
    let spaces = if wording.is_glued { ["", ""] } else { [" ", " "] };
    let [before, behind] = spaces;
    write!(out, "Transport: RTP/UDP;{before}client_port={behind}{rtp_port}")?;
    if wording.prefers_hd {
        out.write_str("\nPrefer: HD")?;
    }
    Ok(out.len())
}

/// Writes CONNECT, with which a session begins before there is a file at the one server that wants it. SETUP is then written as
/// [`emit_request`] does.
///
/// # Errors
/// [`Full`] where it does not fit.
pub fn emit_connect(buffer: &mut [u8], cseq: u32, rtp_port: u16) -> Result<usize, Full> {
    let mut out = SliceWriter::new(buffer);
    write!(out, "CONNECT RTSP/1.0\nCSeq: {cseq}\nTransport: RTP/UDP; client_port= {rtp_port}")?;
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

impl StartLine<'_> {
    fn is_url(&self) -> bool {
        self.file.contains("://")
    }

    /// Whether what looks like a URL is a file's name behind a scheme: it has no path.
    fn names_file(&self) -> bool {
        VARIANTS && Url::parse(self.file).is_some_and(|url| url.path().is_empty())
    }

    /// Whether only SETUP's `Transport` can tell the dialect.
    fn is_doubtful(&self) -> bool {
        self.file.starts_with('/') || (self.is_url() && self.names_file())
    }
}

/// The methods of which a first line may come without a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Versionless {
    None,
    /// The exercise's own four.
    Classic,
    /// Whatever is written in capital letters.
    Any,
}

impl Versionless {
    fn has(self, method: &str) -> bool {
        match self {
            Self::None => false,
            Self::Classic => matches!(method, "SETUP" | "PLAY" | "PAUSE" | "TEARDOWN"),
            Self::Any => method.len() > 2 && method.bytes().all(|byte| byte.is_ascii_uppercase()),
        }
    }
}

/// Reads `METHOD file RTSP/1.x`, and of methods that may be without a version `METHOD [file]`: it comes in a later line or not at
/// all. File names may hold spaces.
fn start_line(text: &str, versionless: Versionless) -> Option<StartLine<'_>> {
    let (method, rest) = text.split_once(' ').unwrap_or((text, ""));
    if method.is_empty() || !method.bytes().all(is_token_byte) {
        return None;
    }
    let line = match rest.rfind("RTSP/1.").and_then(|at| rest.split_at_checked(at)) {
        Some((file, version)) if file.is_empty() || file.ends_with(' ') => {
            let after = version.trim_start_matches("RTSP/1.").trim_start_matches(|c: char| c.is_ascii_digit());
            StartLine { method, file: trim(file), has_version: true, after_version: after }
        }
        None if versionless.has(method) && !rest.contains("RTSP/") && !rest.contains("HTTP/") => {
            StartLine { method, file: trim(rest), has_version: false, after_version: "" }
        }
        _ => return None,
    };
    (line.file != "*").then_some(line)
}

/// The position in a line where the next request begins: at the line's start, or behind the number that ends the request before
/// (`Session: 123456PAUSE movie.Mjpeg RTSP/1.0`), since the last line of a request may have no end.
fn next_request(text: &str, versionless: Versionless) -> Option<usize> {
    if start_line(text, versionless).is_some() {
        return Some(0);
    }
    let bytes = text.as_bytes();
    let starts = bytes.windows(2).enumerate().filter_map(|(at, pair)| match pair {
        [digit, letter] if digit.is_ascii_digit() && letter.is_ascii_uppercase() => at.checked_add(1),
        _ => None,
    });
    // Few positions are enough for any real request. The limit bounds the time that a hostile line can take.
    starts.take(8).find(|&at| text.get(at..).is_some_and(|rest| start_line(rest, versionless).is_some()))
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
