//! The messages of RTSP, in both dialects: who says what, and what state the client is in before and after it.

use super::hide;
use super::ring::Ring;
use super::split::{Splitter, Unit};
use mutoscope::wire::lab;
use std::collections::VecDeque;
use std::time::Duration;

/// So many messages are kept, …
const MOST: usize = 500;
/// … and so many bytes of text in all of them, or of the last one.
const MOST_TEXT: usize = 512 * 1024;
/// So many requests may wait for their answers.
const MOST_WAITING: usize = 64;
/// So many lines of a body are kept.
const MOST_LINES: usize = 200;

/// The states of a client (RFC 2326 appendix A.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    #[default]
    Init,
    Ready,
    Playing,
    Recording,
}

impl State {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Init => "Init",
            Self::Ready => "Ready",
            Self::Playing => "Playing",
            Self::Recording => "Recording",
        }
    }

    /// The state after an answer with this status to a request of this method.
    fn after(self, method: &str, status: u16) -> Self {
        match (status, method) {
            (300..=399, _) => Self::Init,
            (200..=299, "SETUP") if self == Self::Init => Self::Ready,
            (200..=299, "PLAY") => Self::Playing,
            (200..=299, "RECORD") => Self::Recording,
            (200..=299, "PAUSE") if self != Self::Init => Self::Ready,
            (200..=299, "TEARDOWN") => Self::Init,
            _ => self,
        }
    }
}

/// What a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// No message: a connection to this address has been made.
    Connected,
    Request,
    /// With this status.
    Answer(u16),
}

/// A message, without anything secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// Messages are counted through.
    pub(crate) number: u64,
    /// Since the first bytes.
    pub(crate) at: Duration,
    pub(crate) what: What,
    /// Whether it comes from us.
    pub(crate) sent: bool,
    /// The first line.
    pub(crate) start: String,
    /// The request's method, or that of the request that is answered; "" where nobody asked.
    pub(crate) method: String,
    pub(crate) cseq: Option<u32>,
    pub(crate) before: State,
    pub(crate) after: State,
    pub(crate) headers: Vec<String>,
    pub(crate) body: Vec<String>,
}

impl Message {
    /// How much memory its text takes, roughly.
    fn len(&self) -> usize {
        let lines = self.headers.iter().chain(&self.body).map(|line| line.len() + 24);
        self.start.len() + self.method.len() + lines.sum::<usize>()
    }
}

/// What the dialogue says about what comes beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// The lab's dialect: packets carry files as they are.
    pub(super) lab: bool,
    /// Media are encrypted (SRTP).
    pub(super) encrypted: bool,
    /// The channel of RTP within the connection.
    pub(super) channel: u8,
    /// The payload type that the description gives to JPEG, beside 26.
    pub(super) jpeg: u8,
    /// Media come within the connection.
    pub(super) interleaved: bool,
}

impl Default for Facts {
    fn default() -> Self {
        Self { lab: false, encrypted: false, channel: 0, jpeg: 26, interleaved: false }
    }
}

/// Which side speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Us,
    Server,
}

/// The dialogue of the present connection and of those before it.
#[derive(Debug, Default)]
pub(super) struct Dialogue {
    messages: Ring<Message>,
    /// How long the kept text is.
    text: usize,
    state: State,
    /// Requests of ours that are not answered yet.
    waiting: VecDeque<(Option<u32>, String)>,
    pub(super) facts: Facts,
    /// How often playing was agreed on.
    pub(super) plays: u64,
    us: Splitter,
    server: Splitter,
    /// When something last came of each side.
    spoke: Duration,
}

impl Dialogue {
    pub(super) fn messages(&self) -> &Ring<Message> {
        &self.messages
    }

    /// A new connection begins.
    pub(super) fn connect(&mut self, at: Duration, peer: &str) {
        self.settle(at, Duration::ZERO);
        (self.us, self.server) = (Splitter::default(), Splitter::default());
        self.waiting.clear();
        self.facts = Facts::default();
        let before = std::mem::take(&mut self.state);
        self.put(Message {
            number: 0,
            at,
            what: What::Connected,
            sent: true,
            start: format!("Connected to {peer}"),
            method: String::new(),
            cseq: None,
            before,
            after: State::Init,
            headers: Vec::new(),
            body: Vec::new(),
        });
    }

    /// Takes bytes of one side. `frame` is told of packets among them: channel, beginning, last two bytes, length.
    pub(super) fn take(
        &mut self,
        at: Duration,
        side: Side,
        bytes: &[u8],
        mut frame: impl FnMut(&mut Facts, u8, &[u8], [u8; 2], usize),
    ) {
        // Who answers has the whole request; and a request begins where the lab's one before has ended.
        let other = if side == Side::Us { Side::Server } else { Side::Us };
        self.finish(at, other);
        if begins_message(bytes) {
            self.finish(at, side);
        }
        self.spoke = at;
        let mut splitter = std::mem::take(self.splitter(side));
        splitter.feed(bytes, |unit| match unit {
            Unit::Message { head, body, body_len } => self.handle(at, side, head, body, body_len),
            Unit::Frame { channel, start, end, len } => frame(&mut self.facts, channel, start, end, len),
        });
        *self.splitter(side) = splitter;
    }

    /// Counts what may be whole as such, where nothing has followed it for so long.
    pub(super) fn settle(&mut self, at: Duration, patience: Duration) {
        if at >= self.spoke + patience {
            self.finish(at, Side::Us);
            self.finish(at, Side::Server);
        }
    }

    fn finish(&mut self, at: Duration, side: Side) {
        let at = self.spoke.min(at);
        let mut splitter = std::mem::take(self.splitter(side));
        splitter.finish(|unit| {
            if let Unit::Message { head, body, body_len } = unit {
                self.handle(at, side, head, body, body_len);
            }
        });
        *self.splitter(side) = splitter;
    }

    fn splitter(&mut self, side: Side) -> &mut Splitter {
        match side {
            Side::Us => &mut self.us,
            Side::Server => &mut self.server,
        }
    }

    fn handle(&mut self, at: Duration, side: Side, head: &[u8], body: &[u8], body_len: u64) {
        let text = String::from_utf8_lossy(head);
        let mut lines = text.lines().map(|line| printable(line.as_bytes())).filter(|line| !line.is_empty());
        let Some(first) = lines.next() else { return };
        let headers: Vec<String> = lines.collect();
        let cseq = header(&headers, "cseq").and_then(|value| value.parse().ok());
        let sent = side == Side::Us;
        let before = self.state;
        let (what, method) = match status(&first) {
            Some(status) => {
                // What the other side is asked changes no state of ours.
                let method = if sent { String::new() } else { self.answered(cseq) };
                self.state = before.after(&method, status);
                (What::Answer(status), method)
            }
            None => {
                let method = first.split(' ').next().unwrap_or("").to_owned();
                if sent {
                    self.ask(cseq, &method, &first);
                }
                (What::Request, method)
            }
        };
        self.learn(&what, &method, &headers, body);
        let body = shown_body(&method, &headers, body, body_len);
        self.put(Message {
            number: 0,
            at,
            what,
            sent,
            start: hide::line(&first),
            method,
            cseq,
            before,
            after: self.state,
            headers: headers.iter().map(|line| hide::line(line)).collect(),
            body,
        });
    }

    fn ask(&mut self, cseq: Option<u32>, method: &str, first: &str) {
        if self.waiting.len() == MOST_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back((cseq, method.to_owned()));
        self.facts.lab |= lab::is_lab(first.as_bytes());
    }

    /// The method of the request that has this number, or of the oldest one where there is none.
    fn answered(&mut self, cseq: Option<u32>) -> String {
        let at = self.waiting.iter().position(|(number, _)| *number == cseq);
        let at = at.or(if cseq.is_none() { Some(0) } else { None });
        at.and_then(|at| self.waiting.remove(at)).map_or_else(String::new, |(_, method)| method)
    }

    /// Takes note of what is agreed on.
    fn learn(&mut self, what: &What, method: &str, headers: &[String], body: &[u8]) {
        match (what, method) {
            (What::Answer(200..=299), "SETUP") => {
                let transport = header(headers, "transport").unwrap_or_default().to_ascii_lowercase();
                self.facts.encrypted = transport.contains("savp");
                let channels = transport.split("interleaved=").nth(1);
                self.facts.interleaved = channels.is_some();
                let first = channels.and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
                self.facts.channel = first.unwrap_or(0);
            }
            (What::Answer(200..=299), "DESCRIBE") => {
                let body = String::from_utf8_lossy(body);
                let jpeg = |line: &str| {
                    let (number, name) = line.trim().strip_prefix("a=rtpmap:")?.split_once(' ')?;
                    name.to_ascii_uppercase().starts_with("JPEG/").then(|| number.parse().ok())?
                };
                self.facts.jpeg = body.lines().find_map(jpeg).unwrap_or(26);
            }
            (What::Answer(200..=299), "PLAY") => self.plays += 1,
            _ => {}
        }
    }

    fn put(&mut self, message: Message) {
        self.text += message.len();
        let number = self.messages.next_number();
        self.messages.put(Message { number, ..message }, MOST);
        while self.messages.len() > 1 && self.text > MOST_TEXT {
            self.messages.drop_oldest();
            self.text = self.messages.iter().map(Message::len).sum();
        }
    }
}

/// Returns text with a sign in the place of each character that moves what is printed.
pub(super) fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let shown = |c: char| match c {
        '\t' => ' ',
        // Signs that turn the direction of text would let a server write what is not said.
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '·',
        c if c.is_control() => '·',
        c => c,
    };
    text.trim_end().chars().map(shown).collect()
}

/// The status of an answer's first line.
fn status(first: &str) -> Option<u16> {
    let rest = first.strip_prefix("RTSP/").or_else(|| first.strip_prefix("HTTP/"))?;
    Some(rest.split_whitespace().nth(1).and_then(|code| code.parse().ok()).unwrap_or(0))
}

fn header<'a>(headers: &'a [String], name: &str) -> Option<&'a str> {
    let value = |line: &'a String| {
        let (found, value) = line.split_once(':')?;
        found.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    };
    headers.iter().find_map(value)
}

/// Whether bytes begin as a message does.
fn begins_message(bytes: &[u8]) -> bool {
    let letters = bytes.iter().take_while(|byte| byte.is_ascii_uppercase() || **byte == b'_').count();
    bytes.starts_with(b"RTSP/") || (letters >= 3 && bytes.get(letters) == Some(&b' '))
}

/// A body as it may be shown: text without secrets, and of all else how long it is.
fn shown_body(method: &str, headers: &[String], body: &[u8], len: u64) -> Vec<String> {
    if len == 0 {
        return Vec::new();
    }
    let kind = header(headers, "content-type").unwrap_or("an unknown type").to_owned();
    let is_text =
        kind.to_ascii_lowercase().starts_with("application/sdp") || kind.to_ascii_lowercase().starts_with("text/");
    if method == "POST" || !is_text {
        return vec![format!("({len} bytes of {kind}, not shown)")];
    }
    let text = String::from_utf8_lossy(body);
    let shown = text.lines().map(|line| hide::line(&printable(line.as_bytes())));
    let mut lines: Vec<String> = shown.take(MOST_LINES).collect();
    if len > body.len() as u64 || text.lines().nth(MOST_LINES).is_some() {
        lines.push(format!("(of {len} bytes)"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Plays a dialogue, and tells it in words.
    fn told(said: &[(Side, &str)]) -> (Vec<String>, Dialogue) {
        let mut dialogue = Dialogue::default();
        for (at, (side, text)) in said.iter().enumerate() {
            dialogue.take(ms(at as u64), *side, text.as_bytes(), |_, _, _, _, _| {});
        }
        dialogue.settle(ms(900), ms(100));
        let line = |message: &Message| {
            let cseq = message.cseq.map_or("-".into(), |cseq| cseq.to_string());
            let Message { at, what, method, before, after, .. } = message;
            format!("{} {what:?} {method} {cseq} {before:?} {after:?}", at.as_millis())
        };
        (dialogue.messages.iter().map(line).collect(), dialogue)
    }

    use Side::{Server, Us};

    #[test]
    fn states_change_when_answers_come() {
        let (lines, dialogue) = told(&[
            (Us, "OPTIONS rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\n\r\nSETUP rtsp://h/a RTSP/1.0\r\nCSeq: 2\r\n\r\n"),
            (Server, "RTSP/1.0 200 OK\r\nCSeq: 2\r\nTransport: RTP/SAVP/TCP;interleaved=4-5\r\n\r\n"),
            (Server, "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"),
            (Us, "PLAY rtsp://h/a RTSP/1.0\r\nCSeq: 3\r\n\r\n"),
            (Server, "RTSP/1.0 455 No\r\nCSeq: 3\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
            (Us, "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\nPLAY rtsp://h/a RTSP/1.0\r\nCSeq: 4\r\n\r\n"),
            (Server, "RTSP/1.0 200 OK\r\nCSeq: 4\r\n\r\nRTSP/1.0 200 OK\r\nCSeq: 99\r\n\r\n"),
            (Us, "PAUSE rtsp://h/a RTSP/1.0\r\nCSeq: 5\r\n\r\n"),
            (Server, "RTSP/1.0 200 OK\r\nCSeq: 5\r\n\r\n"),
            (Us, "TEARDOWN rtsp://h/a RTSP/1.0\r\nCSeq: 6\r\n\r\n"),
            (Server, "RTSP/1.0 200 OK\r\nCSeq: 6\r\n\r\n"),
        ]);
        let expected = [
            "0 Request OPTIONS 1 Init Init",
            "0 Request SETUP 2 Init Init",
            "1 Answer(200) SETUP 2 Init Ready",
            "2 Answer(200) OPTIONS 1 Ready Ready",
            "3 Request PLAY 3 Ready Ready",
            "4 Answer(455) PLAY 3 Ready Ready",
            "4 Request OPTIONS 1 Ready Ready",
            "5 Answer(200)  1 Ready Ready",
            "5 Request PLAY 4 Ready Ready",
            "6 Answer(200) PLAY 4 Ready Playing",
            "6 Answer(200)  99 Playing Playing",
            "7 Request PAUSE 5 Playing Playing",
            "8 Answer(200) PAUSE 5 Playing Ready",
            "9 Request TEARDOWN 6 Ready Ready",
            "10 Answer(200) TEARDOWN 6 Ready Init",
        ];
        assert_eq!(lines, expected);
        assert!(dialogue.facts.encrypted && dialogue.facts.channel == 4 && dialogue.plays == 1);
    }

    #[test]
    fn the_lab_s_messages_have_no_end_and_are_told_apart() {
        let (lines, dialogue) = told(&[
            (Us, "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000"),
            (Server, "RTSP/1.0 200 OK\nCSeq: 1\nSession: 123456"),
            (Us, "PLAY movie.Mjpeg RTSP/1.0\nCSeq: 2\nSession: 123456"),
            (Us, "PAUSE movie.Mjpeg RTSP/1.0\nCSeq: 3\nSession: 123456"),
            (Server, "RTSP/1.0 200 OK\nCSeq: 2\nSession: 123456\n"),
            (Server, "RTSP/1.0 200 OK\nCSeq: 3\nSession: 123456"),
        ]);
        let expected = [
            "0 Request SETUP 1 Init Init",
            "1 Answer(200) SETUP 1 Init Ready",
            "2 Request PLAY 2 Ready Ready",
            "3 Request PAUSE 3 Ready Ready",
            "4 Answer(200) PLAY 2 Ready Playing",
            "5 Answer(200) PAUSE 3 Playing Ready",
        ];
        assert_eq!(lines, expected);
        assert!(dialogue.facts.lab);
    }

    #[test]
    fn descriptions_are_shown_without_keys_and_other_bodies_are_not() {
        let body = "v=0\r\na=rtpmap:96 jpeg/90000\r\na=crypto:1 X inline:S3cret\r\na=\u{1b}[31m\u{202e}x\r\n";
        let answer = format!(
            "RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let (_, dialogue) = told(&[
            (Us, "DESCRIBE rtsp://anna:S3cret@h/a RTSP/1.0\r\nCSeq: 1\r\nAuthorization: Basic S3cret\r\n\r\n"),
            (Server, &answer),
            (Us, "POST /a HTTP/1.0\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nS3cret"),
            (Us, "X rtsp://h/a RTSP/1.0\r\nContent-Type: image/jpeg\r\nContent-Length: 6\r\n\r\nS3cret"),
        ]);
        assert_eq!(dialogue.facts.jpeg, 96);
        let messages: Vec<&Message> = dialogue.messages.iter().collect();
        assert_eq!(messages[0].start, "DESCRIBE rtsp://(hidden)@h/a RTSP/1.0");
        assert_eq!(messages[1].body, ["v=0", "a=rtpmap:96 jpeg/90000", "a=crypto:1 X inline:(hidden)", "a=·[31m·x"]);
        assert_eq!(messages[2].body, ["(6 bytes of text/plain, not shown)"]);
        assert!(!format!("{messages:?}").contains("S3cret"), "{messages:?}");
    }

    #[test]
    fn a_flood_of_messages_takes_no_more_memory_than_is_allowed() {
        let mut dialogue = Dialogue::default();
        let long = format!("OPTIONS * RTSP/1.0\r\nX: {}\r\n\r\n", "y".repeat(8000));
        for at in 0..2000 {
            dialogue.take(ms(at), Us, long.as_bytes(), |_, _, _, _, _| {});
            dialogue.take(ms(at), Us, b"OPTIONS * RTSP/1.0\r\n\r\n", |_, _, _, _, _| {});
        }
        assert!(dialogue.messages.len() <= MOST && dialogue.text <= MOST_TEXT, "{}", dialogue.messages.len());
        assert!(dialogue.waiting.len() <= MOST_WAITING);
        assert_eq!(dialogue.messages.iter().last().unwrap().number, 3999);
    }
}
