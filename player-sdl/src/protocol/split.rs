//! One direction of a control connection, cut into messages and interleaved packets, however they come.
//!
//! What a server sends may be anything. So this takes what looks like a message, keeps no more than a beginning of what is too long, and
//! refuses nothing.

/// So much of a message's head is kept, and of its body.
const MOST_HEAD: usize = 8192;
const MOST_BODY: usize = 8192;
/// So much of an interleaved packet.
pub(super) const MOST_FRAME: usize = 576;

/// A whole part of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit<'a> {
    /// A message: its first line and its headers, and the beginning of a body that is so many bytes long.
    Message { head: &'a [u8], body: &'a [u8], body_len: u64 },
    /// A packet within the connection (RFC 2326 section 10.12): its beginning, its last two bytes, and how long it is.
    Frame { channel: u8, start: &'a [u8], end: [u8; 2], len: usize },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Between,
    /// Of a message; the present line is so long.
    Head { line: usize },
    /// So many bytes of a message's body are to come.
    Body { left: u64 },
    /// So many bytes have come of the three behind `$`.
    FrameHeader { had: usize },
    /// So many bytes of a packet are to come.
    Frame { left: usize },
}

/// Cuts one direction of a connection.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    stage: Stage,
    /// Of a message: its head and the beginning of its body. Of a packet: its beginning.
    held: Vec<u8>,
    /// How much of that is the head, once that is whole.
    head: usize,
    body_len: u64,
    channel: u8,
    frame_len: usize,
    end: [u8; 2],
}

impl Splitter {
    /// Takes what has come, and tells what is whole by it.
    pub(super) fn feed(&mut self, bytes: &[u8], mut tell: impl FnMut(Unit<'_>)) {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            match self.stage {
                Stage::Between => match byte {
                    b'\r' | b'\n' => rest = after,
                    b'$' => {
                        rest = after;
                        self.held.clear();
                        self.stage = Stage::FrameHeader { had: 0 };
                    }
                    _ => {
                        self.held.clear();
                        self.stage = Stage::Head { line: 0 };
                    }
                },
                Stage::Head { line } => {
                    rest = after;
                    self.take_of_head(byte, line, &mut tell);
                }
                Stage::Body { left } => {
                    let (part, after) = rest.split_at(left.min(rest.len() as u64) as usize);
                    rest = after;
                    keep(&mut self.held, part, self.head + MOST_BODY);
                    self.stage = Stage::Body { left: left - part.len() as u64 };
                    self.end_body(&mut tell);
                }
                Stage::FrameHeader { had } => {
                    rest = after;
                    self.take_of_frame_header(byte, had, &mut tell);
                }
                Stage::Frame { left } => {
                    let (part, after) = rest.split_at(left.min(rest.len()));
                    rest = after;
                    keep(&mut self.held, part, MOST_FRAME);
                    self.end = match *part {
                        [.., one, other] => [one, other],
                        [one] => [self.end[1], one],
                        [] => self.end,
                    };
                    self.stage = Stage::Frame { left: left - part.len() };
                    self.end_frame(&mut tell);
                }
            }
        }
    }

    /// Whether a message of the lab's dialect has begun that nothing need follow: such messages have no end of their own.
    pub(super) fn may_be_whole(&self) -> bool {
        if !matches!(self.stage, Stage::Head { .. }) {
            return false;
        }
        let head = String::from_utf8_lossy(&self.held);
        let has_cseq = head.lines().skip(1).any(|line| line.to_ascii_lowercase().starts_with("cseq"));
        !head.contains('\r') && has_cseq
    }

    /// Nothing follows what [may be whole](Self::may_be_whole).
    pub(super) fn finish(&mut self, mut tell: impl FnMut(Unit<'_>)) {
        if self.may_be_whole() {
            self.head = self.held.len();
            self.stage = Stage::Body { left: 0 };
            self.end_body(&mut tell);
        }
    }

    fn take_of_head(&mut self, byte: u8, line: usize, tell: &mut impl FnMut(Unit<'_>)) {
        keep(&mut self.held, &[byte], MOST_HEAD);
        self.stage = match (byte, line) {
            (b'\n', 0) => {
                self.head = self.held.len();
                self.body_len = content_length(&self.held);
                Stage::Body { left: self.body_len }
            }
            (b'\n', _) => Stage::Head { line: 0 },
            (b'\r', _) => Stage::Head { line },
            _ => Stage::Head { line: line + 1 },
        };
        self.end_body(tell);
    }

    fn end_body(&mut self, tell: &mut impl FnMut(Unit<'_>)) {
        if self.stage == (Stage::Body { left: 0 }) {
            let (head, body) = self.held.split_at(self.head.min(self.held.len()));
            tell(Unit::Message { head, body, body_len: self.body_len });
            self.rest();
        }
    }

    fn take_of_frame_header(&mut self, byte: u8, had: usize, tell: &mut impl FnMut(Unit<'_>)) {
        match had {
            0 => self.channel = byte,
            1 => self.frame_len = usize::from(byte) << 8,
            _ => self.frame_len |= usize::from(byte),
        }
        self.stage = if had < 2 { Stage::FrameHeader { had: had + 1 } } else { Stage::Frame { left: self.frame_len } };
        self.end_frame(tell);
    }

    fn end_frame(&mut self, tell: &mut impl FnMut(Unit<'_>)) {
        if self.stage == (Stage::Frame { left: 0 }) {
            tell(Unit::Frame { channel: self.channel, start: &self.held, end: self.end, len: self.frame_len });
            self.rest();
        }
    }

    fn rest(&mut self) {
        (self.stage, self.body_len, self.end) = (Stage::Between, 0, [0; 2]);
        self.held.clear();
    }
}

/// Keeps as much of the next bytes as there is room for.
fn keep(held: &mut Vec<u8>, bytes: &[u8], most: usize) {
    let room = most.saturating_sub(held.len());
    held.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
}

/// What a head says of its body's length; 0 where it says nothing that is a number.
fn content_length(head: &[u8]) -> u64 {
    let value = |line: &[u8]| {
        let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    };
    head.split(|&byte| byte == b'\n').find_map(value).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out, in words.
    fn split(parts: &[&[u8]], finish: bool) -> Vec<String> {
        let (mut splitter, mut told) = (Splitter::default(), Vec::new());
        let mut tell = |unit: Unit<'_>| {
            told.push(match unit {
                Unit::Message { head, body, body_len } => {
                    format!("{:?} {:?} {body_len}", String::from_utf8_lossy(head), String::from_utf8_lossy(body))
                }
                Unit::Frame { channel, start, end, len } => format!("{channel} {start:?} {end:?} {len}"),
            });
        };
        parts.iter().for_each(|part| splitter.feed(part, &mut tell));
        if finish {
            splitter.finish(&mut tell);
        }
        told
    }

    #[test]
    fn messages_and_packets_are_the_same_however_they_come() {
        let all = b"\r\nRTSP/1.0 200 OK\r\nCSeq: 1\r\ncontent-length : 3\r\n\r\nv=0$\x01\x00\x03abc$\x00\x00\x00\
                    $\x02\x00\x01xPLAY a RTSP/1.0\nCSeq: 2\n\n";
        let whole = split(&[all], false);
        assert_eq!(
            whole,
            [
                r#""RTSP/1.0 200 OK\r\nCSeq: 1\r\ncontent-length : 3\r\n\r\n" "v=0" 3"#,
                "1 [97, 98, 99] [98, 99] 3",
                "0 [] [0, 0] 0",
                "2 [120] [0, 120] 1",
                r#""PLAY a RTSP/1.0\nCSeq: 2\n\n" "" 0"#,
            ]
        );
        for size in 1..20 {
            assert_eq!(split(&all.chunks(size).collect::<Vec<_>>(), false), whole, "in parts of {size}");
        }
    }

    #[test]
    fn what_is_too_long_is_cut_and_what_follows_it_is_found() {
        let long = [b"X: ".as_slice(), &[b'y'; 2 * MOST_HEAD], b"\r\n\r\n"].concat();
        let body = [b"A b\r\nContent-Length: 20000\r\n\r\n".as_slice(), &[b'z'; 20_000]].concat();
        let frame = [b"$\x00\xff\xff".as_slice(), &[7; 65_535]].concat();
        let (mut splitter, mut told) = (Splitter::default(), Vec::new());
        for part in [long.as_slice(), &body, &frame, b"PING\r\n\r\n"] {
            for chunk in part.chunks(700) {
                splitter.feed(chunk, |unit| {
                    told.push(match unit {
                        Unit::Message { head, body, body_len } => (head.len(), body.len(), body_len),
                        Unit::Frame { start, len, .. } => (start.len(), 0, len as u64),
                    });
                });
                assert!(splitter.held.capacity() <= 4 * MOST_HEAD);
            }
        }
        assert_eq!(told, [(MOST_HEAD, 0, 0), (30, MOST_BODY, 20_000), (MOST_FRAME, 0, 65_535), (8, 0, 0)]);
    }

    #[test]
    fn a_message_of_the_lab_is_whole_when_nothing_follows_it() {
        let lab = b"SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000";
        assert!(split(&[lab], false).is_empty());
        assert_eq!(split(&[lab], true).len(), 1);
        // A message that has an end of its own is not whole without it.
        assert!(split(&[b"SETUP a RTSP/1.0\r\nCSeq: 1\r\n"], true).is_empty());
        assert!(split(&[b"SETUP a RTSP/1.0\n"], true).is_empty());
    }
}
