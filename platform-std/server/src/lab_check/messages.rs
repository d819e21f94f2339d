//! Requests and replies as lenient reading finds them: what is wrong with them is for the requirements to say.

use std::time::{Duration, Instant};

use super::sheet::quoted;

/// So many bytes of a message are shown.
const SHOWN: usize = 300;

/// A reply of the student's server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) bytes: Vec<u8>,
    pub(super) status: Option<u16>,
    pub(super) cseq: Option<i64>,
    pub(super) session: Option<String>,
}

impl Reply {
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let first = text.lines().next().unwrap_or_default();
        let status = first.split_whitespace().nth(1).filter(|_| first.trim_start().starts_with("RTSP/"));
        Self {
            bytes: bytes.to_vec(),
            status: status.and_then(|word| word.parse().ok()),
            cseq: header(&text, "CSeq").and_then(|value| value.parse().ok()),
            session: header(&text, "Session").map(session).filter(|session| !session.is_empty()),
        }
    }

    pub(super) fn is_ok(&self) -> bool {
        self.status == Some(200)
    }

    /// What the lab's client could not read of it, in words.
    pub(super) fn flaw(&self) -> Option<&'static str> {
        let text = String::from_utf8_lossy(&self.bytes);
        let mut lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
        let words: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
        if !matches!(words[..], [version, code, ..]
            if version.starts_with("RTSP/1.") && code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit()))
        {
            return Some("its first line is not RTSP/1.0 CODE PHRASE");
        }
        let names: Vec<&str> = lines.map_while(|line| Some(line.split_once(':')?.0.trim())).collect();
        let place = |name: &str| names.iter().position(|other| other.eq_ignore_ascii_case(name));
        match (place("CSeq"), place("Session")) {
            (Some(0) | None, Some(1) | None) => None,
            (None, Some(0)) => None,
            _ => Some("CSeq is not its second line, or Session not its third"),
        }
    }
}

/// A request of the student's client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) bytes: Vec<u8>,
    pub(super) method: String,
    pub(super) target: String,
    /// Its first line ends in `RTSP/1.0`.
    pub(super) has_version: bool,
    pub(super) cseq: Option<i64>,
    pub(super) session: Option<String>,
    pub(super) transport: Option<String>,
}

impl Request {
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let first = text.lines().next().unwrap_or_default();
        let words: Vec<&str> = first.split_whitespace().collect();
        let has_version = words.last().is_some_and(|word| word.starts_with("RTSP/1.")) && words.len() >= 2;
        let target = words.get(1..words.len() - usize::from(has_version)).unwrap_or_default().join(" ");
        // The oldest copies of the exercise give numbers without names: the method's, then the port behind the version.
        let bare = text.lines().skip(1).find_map(|line| line.trim().parse().ok());
        let unnamed = text.lines().skip(1).find(|line| line.trim_start().starts_with("RTSP/1."));
        Self {
            bytes: bytes.to_vec(),
            method: words.first().copied().unwrap_or_default().to_uppercase(),
            target,
            has_version,
            cseq: header(&text, "CSeq").and_then(|value| value.parse().ok()).or(bare),
            session: header(&text, "Session").map(session).filter(|session| !session.is_empty()),
            transport: header(&text, "Transport").or(unnamed).map(str::to_owned),
        }
    }

    /// The port that `Transport` names.
    pub(super) fn port(&self) -> Option<u16> {
        let transport = self.transport.as_deref()?;
        let after = transport.to_ascii_lowercase().find("client_port").map_or_else(
            || transport.rsplit([' ', '\t']).next().unwrap_or_default(),
            |at| transport[at + "client_port".len()..].trim_start_matches([' ', '=', '\t']),
        );
        let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok().filter(|&port| port > 0)
    }

    /// What the lab's server could not read of it, in words.
    pub(super) fn flaw(&self) -> Option<&'static str> {
        if !self.has_version || self.target.is_empty() {
            return Some("its first line is not METHOD FILE RTSP/1.0");
        }
        (self.method == "SETUP" && self.transport.is_none()).then_some("it has no Transport")
    }
}

fn header<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().skip(1).find_map(|line| {
        let (own, value) = line.split_once(':')?;
        own.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// `Session` without its timeout.
fn session(value: &str) -> String {
    value.split(';').next().unwrap_or_default().trim().to_owned()
}

/// Who said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaker {
    Check,
    Program,
}

/// All that was said on a connection, for the report.
#[derive(Clone, Debug)]
pub(super) struct Talk {
    begun: Instant,
    lines: Vec<(Duration, Speaker, Vec<u8>)>,
}

impl Talk {
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), lines: Vec::new() }
    }

    pub(super) fn add(&mut self, speaker: Speaker, bytes: &[u8]) {
        self.lines.push((self.begun.elapsed(), speaker, bytes.to_vec()));
    }

    /// How many there are, as a mark for [`since`](Self::since).
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// What was said from a mark on, a line each.
    pub(super) fn since(&self, mark: usize) -> Vec<String> {
        self.lines.get(mark..).unwrap_or_default().iter().map(shown).collect()
    }
}

fn shown((at, speaker, bytes): &(Duration, Speaker, Vec<u8>)) -> String {
    let who = match speaker {
        Speaker::Check => "check says",
        Speaker::Program => "program says",
    };
    format!("{:.2} s {who}: {}", at.as_secs_f64(), quoted(bytes, SHOWN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_with_all_their_flaws() {
        let good = Reply::parse(b"RTSP/1.0 200 OK\nCSeq: 3\nSession: 123456");
        assert_eq!((good.status, good.cseq, good.session.as_deref()), (Some(200), Some(3), Some("123456")));
        assert_eq!(good.flaw(), None);
        for (text, flawed) in [
            ("RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: 12;timeout=60\r\n\r\n", false),
            ("RTSP/1.0 404 NOT FOUND\nCSeq: 1", false),
            ("RTSP/1.0 200 OK\nSession: 1\nCSeq: 3", true),
            ("RTSP/1.0 200 OK\nServer: x\nCSeq: 3\nSession: 1", true),
            ("200 OK\nCSeq: 3\nSession: 1", true),
            ("RTSP/1.0  200 OK\nCSeq: 3", true),
        ] {
            assert_eq!(Reply::parse(text.as_bytes()).flaw().is_some(), flawed, "{text:?}");
        }
        assert_eq!(Reply::parse(b"\xff").status, None);
        assert_eq!(Reply::parse(b"").cseq, None);
    }

    #[test]
    fn requests_are_read_in_every_spelling() {
        let setup = Request::parse(b"SETUP my movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000");
        assert_eq!((&*setup.method, &*setup.target, setup.cseq), ("SETUP", "my movie.Mjpeg", Some(1)));
        assert_eq!((setup.port(), setup.flaw()), (Some(25000), None));
        for transport in ["RTP/UDP;client_port=25000", "RTP/AVP;unicast;client_port=25000-25001", "RTP/UDP 25000"] {
            let text = format!("SETUP a RTSP/1.0\nCSeq: 1\nTransport: {transport}");
            assert_eq!(Request::parse(text.as_bytes()).port(), Some(25000), "{transport}");
        }
        let oldest = Request::parse(b"SETUP movie.Mjpeg\n 1 \n RTSP/1.0 RTP/UDP 25000");
        assert_eq!((oldest.cseq, oldest.port(), oldest.flaw().is_some()), (Some(1), Some(25000), true));
        let play = Request::parse(b"PLAY movie.Mjpeg RTSP/1.0\nCSeq: x\nSession: 7");
        assert_eq!((play.cseq, play.session.as_deref(), play.port()), (None, Some("7"), None));
        assert_eq!(Request::parse(b"").flaw(), Some("its first line is not METHOD FILE RTSP/1.0"));
        let empty = Request::parse(b"RTSP/1.0");
        assert_eq!((empty.has_version, &*empty.target), (false, ""));
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let words: [&[u8]; 14] = [
            b"SETUP ",
            b"movie",
            b" RTSP/1.",
            b"0",
            b"\n",
            b"\r\n",
            b"CSeq",
            b":",
            b"Session",
            b"Transport: ",
            b"client_port",
            b"=",
            b"\xff",
            "Ü".as_bytes(),
        ];
        let mut seed = 1_u64;
        let mut random = |most: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize % most
        };
        for _ in 0..20_000 {
            let text: Vec<u8> = (0..random(14)).flat_map(|_| words[random(words.len())].iter().copied()).collect();
            let request = Request::parse(&text);
            let _ = (request.port(), request.flaw(), Reply::parse(&text).flaw(), quoted(&text, random(20)));
        }
    }
}
