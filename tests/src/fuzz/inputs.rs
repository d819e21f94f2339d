//! Targets of live inputs: answers of HTTP servers, and what people write on command lines.

use mutoscope_std::input::http::{Answers, Event, Malformed};
use mutoscope_std::input::{MASK, Source, Spec, redact};

/// Pieces of answers.
pub const HTTP_WORDS: &[&str] = &[
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.0 401 No\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/",
    "\r\n",
    "\n",
    "\r\n\r\n",
    "Content-Length: ",
    "Transfer-Encoding: chunked\r\n",
    "Content-Type: multipart/x-mixed-replace; boundary=b\r\n",
    "Content-Type: image/jpeg\r\n",
    "Connection: close\r\n",
    "WWW-Authenticate: Digest\r\n nonce=\"x\"\r\n",
    "ETag: \"x\"\r\n",
    "0\r\n\r\n",
    "ffffffffffffffff\r\n",
    "5;x=y\r\nabcde\r\n",
    "--b\r\n",
];

/// Answers as servers send them.
pub fn answer_seeds() -> Vec<Vec<u8>> {
    [
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 304 Not Modified\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=b\r\n\r\n--b\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x\r\n0123456789\r\n0\r\nT: 1\r\n\r\nHTTP/1.1",
        "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\nwww-authenticate: Digest\r\n\tnonce=\"y\"\r\n\r\n",
        "\r\n--b\r\nContent-Type: image/jpeg\r\n\r\nabc",
    ]
    .map(|answer| answer.as_bytes().to_vec())
    .to_vec()
}

/// What came, with neighbouring data put together.
#[derive(Debug, Default, PartialEq)]
struct Read {
    heads: Vec<(u16, usize)>,
    data: Vec<u8>,
    ends: usize,
    error: Option<Malformed>,
}

fn read(bytes: &[u8], piece: usize) -> Read {
    let mut answers = Answers::default();
    let mut read = Read::default();
    for mut input in bytes.chunks(piece.max(1)) {
        // Each step takes something or says something that is said once.
        for _ in 0..4 * input.len() + 8 {
            let (taken, event) = match answers.handle(input) {
                Ok(step) => step,
                Err(error) => {
                    read.error = Some(error);
                    return read;
                }
            };
            input = &input[taken..];
            match event {
                Some(Event::Head(head)) => read.heads.push((head.status, read.data.len())),
                Some(Event::Data(data)) => read.data.extend_from_slice(data),
                Some(Event::End) => read.ends += 1,
                None if taken == 0 => break,
                None => {}
            }
        }
        assert!(input.is_empty(), "it stands still");
    }
    read
}

/// However the bytes are cut, the same comes of them, and no more than they were.
pub fn answers(bytes: &[u8]) {
    let whole = read(bytes, bytes.len());
    assert!(whole.data.len() <= bytes.len());
    assert!(whole.ends <= whole.heads.len());
    for piece in [1, 3, 64] {
        assert_eq!(read(bytes, piece), whole, "in pieces of {piece}");
    }
}

/// Pieces of descriptions.
pub const SPEC_WORDS: &[&str] = &[
    "cam=",
    "exec:",
    "http://",
    "rtsp://",
    "https://",
    "push:",
    "-",
    "/dev/video0",
    "${SECRET}",
    "${",
    "}",
    "#",
    "rate=",
    "poll=",
    "size=",
    "always",
    "on-demand",
    "'",
    "\"",
    "\\",
    " ",
    "@",
    ":",
    "?",
    "&",
    "=",
    "/",
    "%",
    "://",
    "***",
    "[::1]",
];

/// Descriptions as people write them.
pub fn spec_seeds() -> Vec<Vec<u8>> {
    [
        "cam=-#rate=25#always",
        "cam=exec:sh -c 'a \"b\"' \"${SECRET} c\" \\# d#rate=5",
        "cam=http://anna:${SECRET}@[fe80::1]:81/snap.jpg?x=${SECRET}&y#poll=0.5",
        "cam=rtsp://anna:p%40@camera/${SECRET}",
        "cam=${SECRET}",
        "cam=/dev/video0#size=1280x720",
    ]
    .map(|spec| spec.as_bytes().to_vec())
    .to_vec()
}

/// What is shown of a description, or of what is wrong with it, holds no value of a variable.
pub fn spec(bytes: &[u8]) {
    const SECRET: &str = "a S3cret # value";
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let lookup = |name: &str| (name == "SECRET").then(|| SECRET.to_owned());
    let shown = match Spec::parse_with(text, lookup) {
        Ok(spec) => {
            assert!(text.starts_with(spec.name()) && !spec.name().contains('/'));
            spec.start();
            // What is printed of it loads again, unless its mask is longer than what it stands for.
            let masked = spec.masked();
            match Spec::parse_with(&format!("{}={masked}", spec.name()), lookup) {
                Ok(again) => assert_eq!(again.masked(), masked, "{text:?}"),
                Err(error) => {
                    assert!(masked.contains(MASK) && error.to_string().contains("longer"), "{text:?}: {error}")
                }
            }
            format!("{spec} {spec:?} {:?} {masked}", spec.source())
        }
        Err(error) => format!("{error} {error:?}"),
    };
    assert!(!shown.contains("S3cret") || text.contains("S3cret"), "{shown}");
    // Somebody elsewhere has the server run and read nothing.
    if let Some((name, input)) = text.split_once('=')
        && let Ok(spec) = Spec::from_elsewhere(name, input)
    {
        assert!(matches!(spec.source(), Source::Http(_) | Source::Rtsp(_) | Source::Push), "{text:?}");
        assert!(spec.name() == name && spec.parameters().record.is_none() && !input.contains("${"), "{text:?}");
    }
    // What is redacted stays so.
    let once = redact(text);
    assert_eq!(redact(&once), once, "{text:?}");
}
