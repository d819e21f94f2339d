//! An HTTP server's answer, from its bytes as they come.

use std::fmt;

/// The most bytes of a head, and of what stands in it.
const MAX_HEAD: usize = 16 * 1024;
const MAX_FIELDS: usize = 64;
/// The longest line that tells the size of a chunk.
const MAX_SIZE_LINE: usize = 64;
/// How an answer begins. What begins otherwise has no head: programs write their pictures to whoever connects.
const BEGIN: &[u8] = b"HTTP/";

/// What an answer's head says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The status; 200 where there is no head at all.
    pub status: u16,
    /// `Content-Type`, without its parameters and in small letters.
    pub content_type: String,
    /// `Location`.
    pub location: Option<String>,
    /// All of `WWW-Authenticate`.
    pub challenges: Vec<String>,
    /// `ETag`.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub last_modified: Option<String>,
    /// The connection stays open for another request once the body has ended.
    pub is_kept_alive: bool,
}

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'i> {
    /// A head.
    Head(Head),
    /// Bytes of the body.
    Data(&'i [u8]),
    /// The body has ended. What comes now is the next answer.
    End,
}

/// What came is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It begins like one, and goes on otherwise.
    Head,
    /// Its head is too long.
    TooLong,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Head => "what it answers is not HTTP",
            Self::TooLong => "its answer has too long a head",
        })
    }
}

impl std::error::Error for Malformed {}

/// Takes answers apart. It keeps no more of them than a head, and is as tolerant as pictures allow.
#[derive(Clone, Debug)]
pub struct Answers {
    state: State,
    /// The head that has come so far, or a line between chunks.
    kept: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    /// There is no head. So many bytes were taken for its beginning, and are the body's.
    Bare {
        taken: usize,
    },
    /// So many bytes are left, and the connection's end is the body's where that is not said.
    Body {
        left: Option<u64>,
    },
    /// The line with the size of a chunk.
    ChunkSize,
    /// So many bytes of a chunk are left.
    Chunk {
        left: u64,
    },
    /// The end of line behind a chunk.
    ChunkEnd,
    /// Fields behind the last chunk.
    Trailer,
    Ended,
}

impl Default for Answers {
    fn default() -> Self {
        Self { state: State::Head, kept: Vec::new() }
    }
}

impl Answers {
    /// Takes bytes from the beginning of `input`, and tells how many and what they are. Call it until it takes none and gives no
    /// event.
    ///
    /// # Errors
    /// See [`Malformed`]. Nothing more can be made of the connection then.
    pub fn handle<'i>(&mut self, input: &'i [u8]) -> Result<(usize, Option<Event<'i>>), Malformed> {
        match self.state {
            State::Head => self.head(input),
            State::Body { left: Some(0) } | State::Ended => {
                self.state = State::Head;
                Ok((0, Some(Event::End)))
            }
            State::Bare { taken } => {
                self.state = State::Body { left: None };
                Ok((0, Some(Event::Data(&BEGIN[..taken]))))
            }
            _ if input.is_empty() => Ok((0, None)),
            State::Body { left: None } => Ok((input.len(), Some(Event::Data(input)))),
            State::Body { left: Some(left) } => {
                let len = clamped(left, input.len());
                self.state = State::Body { left: Some(left - len as u64) };
                Ok((len, input.get(..len).map(Event::Data)))
            }
            State::Chunk { left } => {
                let len = clamped(left, input.len());
                let left = left - len as u64;
                self.state = if left == 0 { State::ChunkEnd } else { State::Chunk { left } };
                Ok((len, input.get(..len).map(Event::Data)))
            }
            State::ChunkSize | State::ChunkEnd | State::Trailer => Ok(self.line(input)),
        }
    }

    /// Whether an answer has begun and has not ended. Where the connection's end is that of the body, it never does.
    pub fn is_within(&self) -> bool {
        self.state != State::Head || !self.kept.is_empty()
    }

    fn head<'i>(&mut self, input: &'i [u8]) -> Result<(usize, Option<Event<'i>>), Malformed> {
        if self.kept.len() < BEGIN.len() {
            let expected = &BEGIN[self.kept.len()..];
            let same = expected.iter().zip(input).take_while(|(expected, byte)| expected == byte).count();
            if same < expected.len().min(input.len()) {
                self.state = State::Bare { taken: self.kept.len() };
                self.kept.clear();
                return Ok((0, Some(Event::Head(Head { status: 200, ..Head::default() }))));
            }
            self.kept.extend_from_slice(&input[..same]);
            return Ok((same, None));
        }
        // Up to the end of a line: only there a head can end.
        let len = input.iter().position(|byte| *byte == b'\n').map_or(input.len(), |at| at + 1);
        if self.kept.len() + len > MAX_HEAD {
            return Err(Malformed::TooLong);
        }
        self.kept.extend_from_slice(&input[..len]);
        if !(self.kept.ends_with(b"\n\n") || self.kept.ends_with(b"\n\r\n")) {
            return Ok((len, None));
        }
        let (head, state) = parse(&self.kept)?;
        self.kept.clear();
        // "100 Continue" and the like are followed by the answer.
        self.state = if head.status < 200 { State::Head } else { state };
        Ok((len, (head.status >= 200).then_some(Event::Head(head))))
    }

    /// Reads a line between chunks. What does not look like one is taken for data: pictures are found in whatever comes.
    fn line<'i>(&mut self, input: &'i [u8]) -> (usize, Option<Event<'i>>) {
        let end = input.iter().position(|byte| *byte == b'\n');
        let len = end.map_or(input.len(), |at| at + 1);
        if self.state == State::Trailer {
            // They mean nothing to us. Only whether they are empty matters.
            self.kept.extend(input[..len].iter().take(MAX_SIZE_LINE.saturating_sub(self.kept.len())));
            if end.is_some() {
                if self.kept.trim_ascii().is_empty() {
                    self.state = State::Ended;
                }
                self.kept.clear();
            }
            return (len, None);
        }
        if self.kept.len() + len > MAX_SIZE_LINE {
            self.state = State::Body { left: None };
            self.kept.clear();
            return (0, None);
        }
        self.kept.extend_from_slice(&input[..len]);
        if end.is_none() {
            return (len, None);
        }
        let line = std::mem::take(&mut self.kept);
        let line = line.trim_ascii();
        self.state = match (self.state, line.is_empty()) {
            (State::ChunkEnd, true) => State::ChunkSize,
            // Some leave the end of line behind a chunk out.
            (_, false) => match chunk_size(line) {
                Some(0) => State::Trailer,
                Some(left) => State::Chunk { left },
                None => State::Body { left: None },
            },
            (state, true) => state,
        };
        (len, None)
    }
}

fn clamped(left: u64, len: usize) -> usize {
    usize::try_from(left).map_or(len, |left| left.min(len))
}

/// The size of a chunk, which extensions may follow.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|byte| *byte == b';').next()?.trim_ascii();
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    u64::from_str_radix(digits, 16).ok()
}

fn parse(bytes: &[u8]) -> Result<(Head, State), Malformed> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut answer = httparse::Response::new(&mut fields);
    let mut config = httparse::ParserConfig::default();
    config
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_multiple_spaces_in_response_status_delimiters(true)
        .ignore_invalid_headers_in_responses(true);
    match config.parse_response(&mut answer, bytes) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(Malformed::Head),
        Err(httparse::Error::TooManyHeaders) => return Err(Malformed::TooLong),
        Err(_) => return Err(Malformed::Head),
    }
    let all = |name: &'static str| {
        let fields = answer.headers.iter().filter(move |field| field.name.eq_ignore_ascii_case(name));
        fields.map(|field| String::from_utf8_lossy(field.value).trim().to_owned())
    };
    let content_type = all("Content-Type").next().unwrap_or_default();
    let content_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let connection = all("Connection").next().unwrap_or_default().to_ascii_lowercase();
    let says = |word: &str| connection.split(',').any(|said| said.trim() == word);
    let status = answer.code.unwrap_or(0);
    let is_chunked = all("Transfer-Encoding").any(|coding| coding.to_ascii_lowercase().ends_with("chunked"));
    let length = all("Content-Length").next().and_then(|length| length.parse::<u64>().ok());
    let state = match () {
        () if status == 204 || status == 304 => State::Ended,
        () if is_chunked => State::ChunkSize,
        // Its length cannot be told, and what some tell is that of the first picture, or 0.
        () if content_type.starts_with("multipart/") => State::Body { left: None },
        () => State::Body { left: length },
    };
    let is_kept_alive =
        state != State::Body { left: None } && !says("close") && (answer.version == Some(1) || says("keep-alive"));
    let head = Head {
        status,
        location: all("Location").next(),
        challenges: all("WWW-Authenticate").collect(),
        etag: all("ETag").next(),
        last_modified: all("Last-Modified").next(),
        content_type,
        is_kept_alive,
    };
    Ok((head, state))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Heads, the bodies and whether each ended, however the bytes are cut.
    fn read(bytes: &[u8]) -> Result<Vec<(Head, Vec<u8>, bool)>, Malformed> {
        let whole = read_in_pieces(bytes, bytes.len().max(1));
        for len in [1, 2, 3, 7] {
            assert_eq!(read_in_pieces(bytes, len), whole, "in pieces of {len}");
        }
        whole
    }

    fn read_in_pieces(bytes: &[u8], len: usize) -> Result<Vec<(Head, Vec<u8>, bool)>, Malformed> {
        let mut answers = Answers::default();
        let mut found = Vec::new();
        for mut piece in bytes.chunks(len) {
            loop {
                let (taken, event) = answers.handle(piece)?;
                piece = &piece[taken..];
                match event {
                    Some(Event::Head(head)) => found.push((head, Vec::new(), false)),
                    Some(Event::Data(data)) => found.last_mut().unwrap().1.extend_from_slice(data),
                    Some(Event::End) => found.last_mut().unwrap().2 = true,
                    None if taken == 0 => break,
                    None => {}
                }
            }
        }
        Ok(found)
    }

    #[test]
    fn bodies_end_where_they_do_and_not_where_a_stream_says_so() {
        for (fields, body, expected, has_ended) in [
            ("Content-Length: 3", "abcHTTP/1.1 204 No\r\n\r\n", "abc", true),
            ("Content-Length: 0", "", "", true),
            ("Content-Length: x", "abc", "abc", false),
            ("X: y", "abc", "abc", false),
            ("Content-Type: multipart/x-mixed-replace\r\nContent-Length: 0", "abc", "abc", false),
            ("Transfer-Encoding: chunked", "3\r\nabc\r\n1;x=y\r\nd\r\n0\r\nT: 1\r\n\r\n", "abcd", true),
            ("Transfer-Encoding: Chunked", "03 \nabc\n0A\r\n0123456789\r\n0\r\n\r\n", "abc0123456789", true),
            // It says so and does not: the lines that were taken for sizes are lost, pictures are not.
            ("Transfer-Encoding: chunked", "\r\n--b\r\n\r\n\u{7f}picture", "\r\n\u{7f}picture", false),
            // A chunk ends without its end of line.
            ("Transfer-Encoding: chunked", "3\r\nabc2\r\nde\r\n", "abcde", false),
        ] {
            let answer = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n{body}");
            let found = read(answer.as_bytes()).unwrap();
            let (_, data, ended) = &found[0];
            assert_eq!((String::from_utf8_lossy(data), *ended), (expected.into(), has_ended), "{answer}");
        }
    }

    #[test]
    fn heads_are_read_as_cameras_write_them() {
        let answer = b"HTTP/1.0  401  \nServer : x\r\nWWW-Authenticate: Basic realm=\"a\"\r\nwww-authenticate: Digest\r\n nonce=\"b\"\r\n\
            Bad Line\r\nContent-type: Image/JPEG; charset=x\r\nETag: W/\"1\"\r\nLast-Modified: today\r\nLocation: /x\r\n\
            Connection: Keep-Alive\r\nContent-Length: 0\r\n\n";
        let (head, ..) = read(answer).unwrap().remove(0);
        let text = |text: &str| Some(text.to_owned());
        assert_eq!((head.status, head.content_type.as_str(), head.is_kept_alive), (401, "image/jpeg", true));
        assert_eq!((head.location, head.etag, head.last_modified), (text("/x"), text("W/\"1\""), text("today")));
        assert_eq!(head.challenges[0], "Basic realm=\"a\"");
        assert!(head.challenges[1].starts_with("Digest"));
        for (answer, is_kept_alive) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", true),
            ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", false),
            ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: x, close\r\n\r\n", false),
            ("HTTP/1.1 200 OK\r\n\r\n", false),
        ] {
            assert_eq!(read(answer.as_bytes()).unwrap()[0].0.is_kept_alive, is_kept_alive, "{answer}");
        }
    }

    #[test]
    fn answers_follow_one_another_and_some_are_only_announced() {
        let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 304 Not Modified\r\n\r\n\
            HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        let found = read(bytes).unwrap();
        let statuses: Vec<_> = found.iter().map(|(head, body, ended)| (head.status, body.len(), *ended)).collect();
        assert_eq!(statuses, [(200, 2, true), (304, 0, true), (200, 0, true)]);
    }

    #[test]
    fn what_has_no_head_is_a_body_and_what_has_a_wrong_one_an_error() {
        let found = read(b"\r\n--b\r\nContent-Type: image/jpeg\r\n\r\n").unwrap();
        assert_eq!((found[0].0.status, found[0].1.len()), (200, 35));
        assert_eq!(read(b"HTTQ").unwrap()[0].1, b"HTTQ");
        assert_eq!(read(b"HTTP/1.1 abc\r\n\r\n"), Err(Malformed::Head));
        let long = [b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'x'; MAX_HEAD]].concat();
        assert_eq!(read(&long), Err(Malformed::TooLong));
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(MAX_FIELDS + 1));
        assert_eq!(read(many.as_bytes()), Err(Malformed::TooLong));
    }
}
