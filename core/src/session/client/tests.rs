//! Dialogues with servers as they are in the field, on virtual time.

mod answers;
mod encryption;

use super::*;
use crate::media::FrameRate;
use crate::time::Duration;
use crate::wire::rtsp::StatusCode;
use core::fmt::Write;
use std::string::{String, ToString};
use std::vec::Vec;
use std::{format, vec};

const URL: &str = "rtsp://192.0.2.1:8554/movie.Mjpeg";
const UDP: MediaTransport = MediaTransport::Udp { rtp_port: 25000, rtcp_port: 25001 };
const TCP: MediaTransport = MediaTransport::Interleaved { rtp_channel: 0, rtcp_channel: 1 };

const fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// A connection whose server is the test.
struct Peer {
    connection: Connection<Vec<u8>>,
    now: Instant,
}

impl Peer {
    fn new() -> Self {
        Self::with(URL, Dialect::Standard, 4096)
    }

    fn lab() -> Self {
        Self::with(URL, Dialect::Lab, 1024)
    }

    fn with(url: &str, dialect: Dialect, rx: usize) -> Self {
        let connection = Connection::new(vec![0; rx], vec![0; 1024], url, dialect, Config::default()).unwrap();
        Self { connection, now: at(1000) }
    }

    /// What the client has sent since the last time, as text.
    fn sent(&mut self) -> String {
        let text = String::from_utf8_lossy(self.connection.poll_transmit()).to_string();
        self.connection.consume_transmit(self.now, usize::MAX);
        text
    }

    /// The request line of what it has sent.
    fn sent_line(&mut self) -> String {
        self.sent().lines().next().unwrap_or_default().to_string()
    }

    fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let buffer = self.connection.rx_buffer();
            let n = buffer.len().min(bytes.len());
            assert!(n > 0, "no room");
            buffer[..n].copy_from_slice(&bytes[..n]);
            self.connection.handle_input(self.now, n);
            bytes = &bytes[n..];
        }
    }

    fn event(&mut self) -> Option<Event> {
        self.connection.poll_event()
    }

    /// The server says this; the one event it leads to.
    fn hear(&mut self, text: &str) -> Option<Event> {
        self.feed(text.as_bytes());
        self.event()
    }

    /// Time passes, deadline by deadline.
    fn pass(&mut self, millis: u64) -> Vec<Event> {
        let end = self.now.after(Duration::from_millis(millis));
        let mut events: Vec<Event> = std::iter::from_fn(|| self.event()).collect();
        while let Some(due) = self.connection.poll_timeout().filter(|&due| due <= end) {
            self.now = self.now.max(due);
            self.connection.handle_timeout(self.now);
            while let Some(event) = self.event() {
                events.push(event);
            }
            assert!(self.connection.poll_timeout().is_none_or(|next| next > self.now), "a deadline stays due");
        }
        self.now = end;
        events
    }

    fn answer(&mut self, headers: &str) -> Option<Event> {
        let cseq = self.connection.dialogue_cseq();
        self.hear(&format!("RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\n{headers}\r\n"))
    }

    fn described(&mut self) {
        self.connection.describe(self.now).unwrap();
        self.answer("Public: DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER\r\n");
        let body = "v=0\r\ns=x\r\na=control:*\r\nm=video 0 RTP/AVP 26\r\na=control:trackID=0\r\n";
        let event = self.answer(&format!("Content-Base: {URL}/\r\nContent-Length: {}\r\n\r\n{body}", body.len() - 2));
        assert!(matches!(event, Some(Event::Described(_))), "{event:?}");
        self.sent();
    }

    fn playing(&mut self) {
        self.described();
        self.connection.setup(self.now, TCP).unwrap();
        let event = self.answer("Session: abc;timeout=20\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n");
        assert!(matches!(event, Some(Event::SetUp(_))), "{event:?}");
        self.connection.play(self.now, None).unwrap();
        assert!(matches!(self.answer(""), Some(Event::Playing(_))));
        self.sent();
    }
}

impl Connection<Vec<u8>> {
    /// `CSeq` of the last request.
    fn dialogue_cseq(&self) -> u32 {
        self.dialogue.last_cseq()
    }
}

/// What a server said, in order, and what it should make us ask.
struct Dialogue {
    url: &'static str,
    answers: [&'static str; 5],
    asks: [&'static str; 5],
    server_port: Option<(u16, u16)>,
    timeout: u64,
    sequence: Option<u16>,
    frame_rate: Option<FrameRate>,
}

const GSTREAMER: Dialogue = Dialogue {
    url: "rtsp://127.0.0.1:8554/avi420",
    answers: [
        "RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: OPTIONS, DESCRIBE, ANNOUNCE, GET_PARAMETER, PAUSE, PLAY, RECORD, SETUP, \
         SET_PARAMETER, TEARDOWN\r\nServer: GStreamer RTSP server\r\nDate: Sun, 22 Nov 2026 09:06:28 GMT\r\n\r\n",
        "RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Type: application/sdp\r\nContent-Base: rtsp://127.0.0.1:8554/avi420/\r\n\
         Content-Length: @\r\n\r\nv=0\r\no=- 17947953332670372980 1 IN IP4 127.0.0.1\r\ns=Session streamed with GStreamer\
         \r\nt=0 0\r\na=control:*\r\na=range:npt=0-120\r\nm=video 0 RTP/AVP 26\r\nc=IN IP4 0.0.0.0\r\nb=AS:4899\r\n\
         a=rtpmap:26 JPEG/90000\r\na=framerate:24.000000\r\na=control:stream=0\r\n",
        "RTSP/1.0 200 OK\r\nCSeq: 3\r\nTransport: RTP/AVP;unicast;client_port=25000-25001;server_port=44248-44249;\
         ssrc=7113E39C;mode=\"PLAY\"\r\nSession: Uh8KybaGi4vvwWje\r\n\r\n",
        "RTSP/1.0 200 OK\r\nCSeq: 4\r\nRTP-Info: url=rtsp://127.0.0.1:8554/avi420/stream=0;seq=24954;rtptime=3375122489\
         \r\nRange: npt=0-120\r\nSession: Uh8KybaGi4vvwWje\r\n\r\n",
        "RTSP/1.0 200 OK\r\nCSeq: 5\r\nSession: Uh8KybaGi4vvwWje\r\nConnection: close\r\n\r\n",
    ],
    asks: [
        "OPTIONS rtsp://127.0.0.1:8554/avi420 RTSP/1.0",
        "DESCRIBE rtsp://127.0.0.1:8554/avi420 RTSP/1.0",
        "SETUP rtsp://127.0.0.1:8554/avi420/stream=0 RTSP/1.0",
        "PLAY rtsp://127.0.0.1:8554/avi420/ RTSP/1.0",
        "TEARDOWN rtsp://127.0.0.1:8554/avi420/ RTSP/1.0",
    ],
    server_port: Some((44248, 44249)),
    timeout: 60,
    sequence: Some(24954),
    frame_rate: FrameRate::new(24, 1),
};

const LIVE555: Dialogue = Dialogue {
    url: "rtsp://127.0.0.1:8557/x",
    answers: [
        "RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: OPTIONS, DESCRIBE, SETUP, TEARDOWN, PLAY, PAUSE, GET_PARAMETER\r\n\r\n",
        "RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Base: rtsp://127.0.0.1:8557/x/\r\nContent-Length: @\r\n\r\n\
         v=0\r\no=- 1795338380190888 1 IN IP4 192.0.2.2\r\ns=mjpeg\r\nt=0 0\r\na=control:*\r\na=range:npt=now-\r\n\
         m=video 0 RTP/AVP 26\r\nc=IN IP4 0.0.0.0\r\na=control:track1\r\n",
        "RTSP/1.0 200 OK\r\nCSeq: 3\r\nTransport: RTP/AVP;unicast;destination=127.0.0.1;source=127.0.0.1;\
         client_port=25000-25001;server_port=6970-6971\r\nSession: 43393130;timeout=65\r\n\r\n",
        "RTSP/1.0 200 OK\r\nCSeq: 4\r\nRange: npt=0.000-\r\nSession: 43393130\r\n\
         RTP-Info: url=rtsp://127.0.0.1:8557/x/track1;seq=31654;rtptime=3842395839\r\n\r\n",
        "RTSP/1.0 200 OK\r\nCSeq: 5\r\n\r\n",
    ],
    asks: [
        "OPTIONS rtsp://127.0.0.1:8557/x RTSP/1.0",
        "DESCRIBE rtsp://127.0.0.1:8557/x RTSP/1.0",
        "SETUP rtsp://127.0.0.1:8557/x/track1 RTSP/1.0",
        "PLAY rtsp://127.0.0.1:8557/x/ RTSP/1.0",
        "TEARDOWN rtsp://127.0.0.1:8557/x/ RTSP/1.0",
    ],
    server_port: Some((6970, 6971)),
    timeout: 65,
    sequence: Some(31654),
    frame_rate: None,
};

const ESPP: Dialogue = Dialogue {
    url: "rtsp://127.0.0.1:8556/mjpeg/1",
    answers: [
        "RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE, SETUP, TEARDOWN, PLAY, PAUSE\r\n\r\n",
        "RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Base: rtsp://127.0.0.1:8556/mjpeg/1\r\nContent-Length: @\r\n\r\n\
         v=0\r\no=- 1251457587 1 IN IP4 127.0.0.1:8556\r\ns=MJPEG Stream\r\nt=0 0\r\n\
         a=control:rtsp://127.0.0.1:8556/mjpeg/1\r\nm=video 0 RTP/AVP 26\r\na=control:rtsp://127.0.0.1:8556/mjpeg/1\r\n",
        "RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: 1251457587\r\nTransport: RTP/AVP;unicast;client_port=25000-25001\r\n\r\n",
        "RTSP/1.0 200 OK\r\nCSeq: 4\r\nSession: 1251457587\r\nRange: npt=0.000-\r\n\r\n",
        "RTSP/1.0 200 OK\r\nCSeq: 5\r\nSession: 1251457587\r\n\r\n",
    ],
    asks: [
        "OPTIONS rtsp://127.0.0.1:8556/mjpeg/1 RTSP/1.0",
        "DESCRIBE rtsp://127.0.0.1:8556/mjpeg/1 RTSP/1.0",
        "SETUP rtsp://127.0.0.1:8556/mjpeg/1 RTSP/1.0",
        "PLAY rtsp://127.0.0.1:8556/mjpeg/1 RTSP/1.0",
        "TEARDOWN rtsp://127.0.0.1:8556/mjpeg/1 RTSP/1.0",
    ],
    server_port: None,
    timeout: 60,
    sequence: None,
    frame_rate: None,
};

const VLC: Dialogue = Dialogue {
    url: "rtsp://127.0.0.1:8555/x",
    answers: [
        "RTSP/1.0 200 OK\r\nServer: VLC/3.0.24\r\nContent-Length: 0\r\nCseq: 1\r\n\
         Public: DESCRIBE,SETUP,TEARDOWN,PLAY,PAUSE,GET_PARAMETER\r\n\r\n",
        "RTSP/1.0 200 OK\r\nContent-Type: application/sdp\r\nContent-Base: rtsp://127.0.0.1:8555/x\r\n\
         Content-Length: @\r\nCache-Control: no-cache\r\nCseq: 2\r\n\r\nv=0\r\no=- 17198 17198 IN IP4 vm\r\ns=Unnamed\r\n\
         c=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:rtsp://127.0.0.1:8555/x\r\nm=video 0 RTP/AVP 26\r\n\
         a=rtpmap:26 JPEG/90000\r\na=control:rtsp://127.0.0.1:8555/x/trackID=0\r\n",
        "RTSP/1.0 200 OK\r\nTransport: RTP/AVP/UDP;unicast;client_port=25000-25001;server_port=43544-43545;\
         ssrc=AC300C1E;mode=play\r\nSession: ff32f50c6ebde012;timeout=60\r\nContent-Length: 0\r\nCseq: 3\r\n\r\n",
        "RTSP/1.0 200 OK\r\nRTP-Info: url=rtsp://127.0.0.1:8555/x/trackID=0;seq=20877;rtptime=387826942\r\n\
         Range: npt=13.943987-\r\nSession: ff32f50c6ebde012;timeout=60\r\nContent-Length: 0\r\nCseq: 4\r\n\r\n",
        "RTSP/1.0 200 OK\r\nSession: ff32f50c6ebde012;timeout=60\r\nContent-Length: 0\r\nCseq: 5\r\n\r\n",
    ],
    asks: [
        "OPTIONS rtsp://127.0.0.1:8555/x RTSP/1.0",
        "DESCRIBE rtsp://127.0.0.1:8555/x RTSP/1.0",
        "SETUP rtsp://127.0.0.1:8555/x/trackID=0 RTSP/1.0",
        "PLAY rtsp://127.0.0.1:8555/x RTSP/1.0",
        "TEARDOWN rtsp://127.0.0.1:8555/x RTSP/1.0",
    ],
    server_port: Some((43544, 43545)),
    timeout: 60,
    sequence: Some(20877),
    frame_rate: None,
};

/// The answer with the length of its body in place of the `@`.
fn complete(answer: &str) -> String {
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    answer.replacen("Content-Length: @", &format!("Content-Length: {}", body.len()), 1)
}

/// Plays a dialogue through, every answer in pieces of `size` bytes.
fn converse(dialogue: &Dialogue, size: usize) {
    let mut peer = Peer::with(dialogue.url, Dialect::Standard, 2048);
    peer.connection.describe(peer.now).unwrap();
    let mut session = String::new();
    for (step, (ask, answer)) in dialogue.asks.iter().zip(dialogue.answers).enumerate() {
        let request = peer.sent();
        assert_eq!(request.lines().next(), Some(*ask));
        assert!(request.contains(&format!("\r\nCSeq: {}\r\n", step + 1)));
        assert!(step < 3 || request.contains(&format!("\r\nSession: {session}\r\n")), "{request}");
        let answer = complete(answer);
        let pieces = answer.as_bytes().chunks(size);
        let last = pieces.len() - 1;
        for (i, piece) in pieces.enumerate() {
            peer.feed(piece);
            if i < last {
                assert_eq!(peer.event(), None);
            }
        }
        match (step, peer.event()) {
            (0, None) => {}
            (1, Some(Event::Described(described))) => {
                assert_eq!(described.payload_type, 26);
                assert_eq!(described.frame_rate, dialogue.frame_rate);
                peer.connection.setup(peer.now, UDP).unwrap();
            }
            (2, Some(Event::SetUp(set_up))) => {
                assert_eq!(set_up.transport, UDP);
                assert_eq!(set_up.server_port, dialogue.server_port);
                assert_eq!(set_up.session_timeout.as_secs(), dialogue.timeout);
                session.push_str(peer.connection.session());
                peer.connection.play(peer.now, Range::parse("npt=0-")).unwrap();
            }
            (3, Some(Event::Playing(playing))) => {
                assert_eq!(playing.sequence, dialogue.sequence);
                assert!(playing.range.is_some());
                peer.connection.teardown(peer.now).unwrap();
            }
            (4, Some(Event::TornDown)) => {}
            other => panic!("{ask}: {other:?}"),
        }
    }
    assert_eq!(peer.connection.state(), State::Init);
    assert_eq!(peer.connection.poll_timeout(), None);
}

#[test]
fn servers_of_the_field_are_understood_however_their_answers_are_cut() {
    for dialogue in [GSTREAMER, LIVE555, ESPP, VLC] {
        for size in [1, 2, 7, 64, 4096] {
            converse(&dialogue, size);
        }
    }
}

#[test]
fn requests_carry_what_they_need_and_no_credentials() {
    let mut peer = Peer::with("rtsp://user:secret@192.0.2.1/x?y=1", Dialect::Standard, 2048);
    peer.connection.describe(peer.now).unwrap();
    let agent = concat!("User-Agent: mutoscope/", env!("CARGO_PKG_VERSION"));
    assert_eq!(peer.sent(), format!("OPTIONS rtsp://192.0.2.1/x?y=1 RTSP/1.0\r\nCSeq: 1\r\n{agent}\r\n\r\n"));
    assert_eq!(peer.hear("RTSP/1.0 501 Not Implemented\r\nCSeq: 1\r\n\r\n"), None, "failure is tolerated");
    assert!(peer.sent().contains("\r\nAccept: application/sdp\r\n"));

    let mut peer = Peer::new();
    peer.described();
    peer.connection.setup(peer.now, UDP).unwrap();
    assert!(peer.sent().contains("\r\nTransport: RTP/AVP;unicast;client_port=25000-25001\r\n"));
    peer.hear("RTSP/1.0 461 Unsupported Transport\r\nCSeq: 3\r\n\r\n");
    peer.connection.setup(peer.now, TCP).unwrap();
    assert!(peer.sent().contains("\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"));
    peer.answer("Session: x\r\n");
    peer.connection.play(peer.now, Range::parse("npt=1.5-")).unwrap();
    let play = peer.sent();
    assert!(play.contains("\r\nRange: npt=1.5") && play.contains("\r\nSession: x\r\n"), "{play}");
}

#[test]
fn a_refusal_names_its_request_and_changes_nothing() {
    let cases = [(401, "Unauthorized"), (302, "Found"), (404, "Not Found"), (500, "Internal Server Error")];
    for (code, reason) in cases {
        let mut peer = Peer::new();
        peer.connection.describe(peer.now).unwrap();
        peer.answer("");
        let location = "Location: rtsp://198.51.100.7/new\r\nContent-Length: 2\r\n";
        let event = peer.hear(&format!("RTSP/1.0 {code} {reason}\r\nCSeq: 2\r\n{location}\r\nhi"));
        assert_eq!(event, Some(Event::Refused { status: StatusCode(code), during: Command::Describe }));
        assert_eq!(peer.connection.header("location"), Some("rtsp://198.51.100.7/new"));
        assert_eq!(peer.connection.state(), State::Init);
        assert_eq!(peer.event(), None);
        assert_eq!(peer.connection.header("location"), None, "lent only until the next call");
        peer.connection.describe(peer.now).unwrap();
        assert!(peer.sent().contains("DESCRIBE"), "OPTIONS is asked once");
    }
}

#[test]
fn commands_out_of_turn_are_not_sent() {
    let mut peer = Peer::new();
    assert_eq!(peer.connection.play(peer.now, None), Err(NotNow::State));
    assert_eq!(peer.connection.pause(peer.now), Err(NotNow::State));
    assert_eq!(peer.connection.teardown(peer.now), Err(NotNow::State));
    assert_eq!(peer.sent(), "");
    peer.connection.describe(peer.now).unwrap();
    assert_eq!(peer.connection.setup(peer.now, UDP), Err(NotNow::Busy));

    let mut peer = Peer::new();
    peer.playing();
    assert_eq!(peer.connection.setup(peer.now, UDP), Err(NotNow::State));
    assert_eq!(peer.connection.describe(peer.now), Err(NotNow::State));
    assert_eq!(peer.sent(), "");
}

#[test]
fn a_session_is_kept_alive_at_half_its_timeout() {
    let mut peer = Peer::new();
    peer.playing();
    assert_eq!(peer.pass(9_999), []);
    assert_eq!(peer.sent(), "");
    assert_eq!(peer.pass(1), []);
    assert_eq!(peer.sent_line(), format!("GET_PARAMETER {URL}/ RTSP/1.0"));
    assert_eq!(peer.answer(""), None);

    // A server that changes its mind about the method is asked with OPTIONS.
    peer.pass(10_000);
    assert_eq!(peer.sent_line(), format!("GET_PARAMETER {URL}/ RTSP/1.0"));
    assert_eq!(peer.hear("RTSP/1.0 405 Method Not Allowed\r\nCSeq: 7\r\n\r\n"), None);
    peer.pass(10_000);
    assert_eq!(peer.sent_line(), format!("OPTIONS {URL}/ RTSP/1.0"));
    let not_found = Some(Event::Refused { status: StatusCode::SESSION_NOT_FOUND, during: Command::KeepAlive });
    assert_eq!(peer.hear("RTSP/1.0 454 Session Not Found\r\nCSeq: 8\r\n\r\n"), not_found);
    assert_eq!(peer.connection.state(), State::Playing, "there are servers that forget, and play on");
    peer.connection.pause(peer.now).unwrap();
    assert_eq!(peer.hear("RTSP/1.0 200 OK\r\nCSeq: 9\r\n\r\n"), Some(Event::Paused));
    peer.pass(10_000);
    assert_eq!(peer.hear("RTSP/1.0 454 Session Not Found\r\nCSeq: 10\r\n\r\n"), not_found);
    assert_eq!((peer.connection.state(), peer.connection.session()), (State::Init, ""));
    assert_eq!(peer.pass(100_000), []);
}

#[test]
fn options_keeps_alive_where_public_does_not_list_get_parameter() {
    let mut peer = Peer::with(ESPP.url, Dialect::Standard, 2048);
    peer.connection.describe(peer.now).unwrap();
    for (step, answer) in ESPP.answers[..3].iter().enumerate() {
        peer.hear(&complete(answer));
        if step == 1 {
            peer.connection.setup(peer.now, UDP).unwrap();
        }
    }
    peer.sent();
    assert_eq!(peer.pass(30_000), []);
    assert_eq!(peer.sent_line(), "OPTIONS rtsp://127.0.0.1:8556/mjpeg/1 RTSP/1.0");
}

#[test]
fn a_command_waits_for_the_keep_alive_under_way() {
    let mut peer = Peer::new();
    peer.playing();
    peer.pass(10_000);
    assert!(peer.sent_line().starts_with("GET_PARAMETER"));
    peer.connection.pause(peer.now).unwrap();
    assert_eq!(peer.sent(), "");
    assert_eq!(peer.connection.play(peer.now, None), Err(NotNow::Busy));
    assert_eq!(peer.hear("RTSP/1.0 200 OK\r\nCSeq: 5\r\n\r\n"), None);
    assert!(peer.sent_line().starts_with("PAUSE"));
    assert_eq!(peer.answer(""), Some(Event::Paused));
    assert_eq!(peer.connection.state(), State::Ready);
}

#[test]
fn silence_is_told_once_and_the_late_answer_ignored() {
    let mut peer = Peer::new();
    peer.connection.describe(peer.now).unwrap();
    assert_eq!(peer.pass(60_000), [Event::TimedOut { during: Command::Options }]);
    peer.connection.describe(peer.now).unwrap();
    assert!(peer.sent().contains("DESCRIBE"));
    assert_eq!(peer.hear("RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"), None);
    assert!(peer.connection.is_busy());
    assert_eq!(peer.pass(9_999), []);
    assert_eq!(peer.pass(1), [Event::TimedOut { during: Command::Describe }]);
}

#[test]
fn an_answer_that_has_arrived_is_not_late_however_late_it_is_read() {
    let mut peer = Peer::new();
    peer.playing();
    peer.connection.pause(peer.now).unwrap();
    peer.feed(b"RTSP/1.0 200 OK\r\nCSeq: 5\r\n\r\n");
    peer.now = peer.now.after(Duration::from_secs(3600));
    peer.connection.handle_timeout(peer.now);
    assert_eq!(peer.event(), Some(Event::Paused));
}

#[test]
fn teardown_overtakes_what_is_not_answered() {
    let mut peer = Peer::new();
    peer.playing();
    peer.connection.pause(peer.now).unwrap();
    peer.connection.teardown(peer.now).unwrap();
    assert_eq!(peer.connection.teardown(peer.now), Err(NotNow::Busy));
    assert!(peer.sent().contains("TEARDOWN"));
    assert_eq!(peer.hear("RTSP/1.0 200 OK\r\nCSeq: 5\r\n\r\n"), None, "that was PAUSE");
    assert_eq!(peer.answer(""), Some(Event::TornDown));

    // The session that a SETUP under way makes is torn down as soon as it has a name.
    let mut peer = Peer::new();
    peer.described();
    peer.connection.setup(peer.now, UDP).unwrap();
    peer.connection.teardown(peer.now).unwrap();
    peer.sent();
    assert!(matches!(peer.answer("Session: late\r\n"), Some(Event::SetUp(_))));
    let request = peer.sent();
    assert!(request.starts_with("TEARDOWN") && request.contains("\r\nSession: late\r\n"), "{request}");
}

#[test]
fn closing_answers_teardown_and_ends_everything_else() {
    for (leave, expected) in [(true, Event::TornDown), (false, Event::ServerClosed)] {
        let mut peer = Peer::new();
        peer.playing();
        if leave {
            peer.connection.teardown(peer.now).unwrap();
        }
        peer.connection.handle_close(peer.now);
        assert_eq!(peer.connection.pause(peer.now), Err(NotNow::Closed));
        assert_eq!(peer.event(), Some(expected));
        assert_eq!(peer.event(), None);
        assert!(peer.connection.is_closed());
        assert_eq!(peer.connection.poll_timeout(), None);
        assert_eq!(peer.connection.state(), State::Init);
    }
}

#[test]
fn what_came_before_the_close_is_still_read() {
    let mut peer = Peer::new();
    peer.playing();
    peer.feed(b"$\x00\x00\x02hi");
    peer.connection.handle_close(peer.now);
    assert_eq!(peer.event(), Some(Event::Interleaved { channel: 0 }));
    assert_eq!(peer.connection.interleaved(), b"hi");
    assert_eq!(peer.event(), Some(Event::ServerClosed));
}

#[test]
fn interleaved_frames_come_between_and_behind_answers() {
    let mut peer = Peer::new();
    peer.playing();
    peer.connection.pause(peer.now).unwrap();
    peer.feed(b"$\x00\x00\x05hello$\x01\x00\x00RTSP/1.0 200 OK\r\nCSeq: 5\r\n\r\n$\x07\x00\x01x");
    let expected: [(Event, &[u8]); 4] = [
        (Event::Interleaved { channel: 0 }, b"hello"),
        (Event::Interleaved { channel: 1 }, b""),
        (Event::Paused, b""),
        (Event::Interleaved { channel: 7 }, b"x"),
    ];
    for (event, payload) in expected {
        assert_eq!(peer.event(), Some(event));
        assert_eq!(peer.connection.interleaved(), payload);
    }
    assert_eq!(peer.event(), None);
}

#[test]
fn an_interleaved_frame_longer_than_the_buffer_is_skipped_whole() {
    let mut peer = Peer::with(URL, Dialect::Standard, 1024);
    peer.playing();
    let mut bytes = vec![b'$', 0, 0xff, 0xff];
    bytes.resize(4 + 0xffff, b'R');
    bytes.extend_from_slice(b"$\x00\x00\x02ok");
    for piece in bytes.chunks(1000) {
        peer.feed(piece);
        if let Some(event) = peer.event() {
            assert_eq!((event, peer.connection.interleaved()), (Event::Interleaved { channel: 0 }, &b"ok"[..]));
            assert_eq!(peer.connection.skipped_frames(), 1);
            return;
        }
    }
    panic!("the frame behind it never came");
}

#[test]
fn our_reports_leave_whole_or_not_at_all() {
    let mut peer = Peer::new();
    peer.playing();
    assert!(peer.connection.queue_interleaved(1, &[b"ab", b"c"]));
    assert_eq!(peer.connection.poll_transmit(), b"$\x01\x00\x03abc");
    assert!(!peer.connection.queue_interleaved(1, &[&[0; 1024]]));
    assert!(!peer.connection.queue_interleaved(1, &[&[0; 70_000]]));
    assert_eq!(peer.connection.poll_transmit().len(), 7);
}

#[test]
fn the_servers_own_requests_are_answered() {
    let cases = [
        (
            "OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n",
            "RTSP/1.0 200 OK\r\nCSeq: 9\r\nPublic: OPTIONS, GET_PARAMETER\r\n\r\n",
        ),
        ("GET_PARAMETER rtsp://x/ RTSP/1.0\r\nCSeq: 10\r\n\r\n", "RTSP/1.0 200 OK\r\nCSeq: 10\r\n\r\n"),
        ("REDIRECT rtsp://x/ RTSP/1.0\r\nCSeq: 11\r\n\r\n", "RTSP/1.0 501 Not Implemented\r\nCSeq: 11\r\n\r\n"),
        ("ANNOUNCE rtsp://x/ RTSP/1.0\r\n\r\n", "RTSP/1.0 501 Not Implemented\r\n\r\n"),
    ];
    let mut peer = Peer::new();
    peer.playing();
    for (request, answer) in cases {
        assert_eq!(peer.hear(request), None);
        assert_eq!(peer.sent(), answer);
    }
}

#[test]
fn hostile_answers_fail_clearly_and_once() {
    let long = "x".repeat(200);
    let mut url = String::new();
    write!(url, "Content-Base: rtsp://h/{}/\r\n", "u".repeat(300)).unwrap();
    let body = "Content-Length: @\r\n\r\nv=0\r\nm=video 0 RTP/AVP 26\r\na=x:";
    type Expected = fn(Error) -> bool;
    let cases: [(String, Expected); 8] = [
        ("HTTP/1.1 400 Bad Request\r\n\r\n".into(), |error| matches!(error, Error::Message(_))),
        ("\u{0}\u{0}\u{0}\u{0}".into(), |error| matches!(error, Error::Message(_))),
        ("RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n".into(), |error| matches!(error, Error::Message(_))),
        ("RTSP/1.0 200 OK\r\nContent-Length: 4294967296\r\n\r\n".into(), |error| error == Error::MessageTooLarge),
        (format!("RTSP/1.0 200 OK\r\nX: {}", "y".repeat(4000)), |error| {
            matches!(error, Error::MessageTooLarge | Error::Message(_))
        }),
        ("RTSP/1.0 200 OK\r\n\r\n".into(), |error| error == Error::NoJpegVideo),
        ("RTSP/1.0 200 OK\r\nContent-Length: 27\r\n\r\nv=0\r\nm=audio 0 RTP/AVP 0\r\n\r\n".into(), |error| {
            error == Error::NoJpegVideo
        }),
        (format!("RTSP/1.0 200 OK\r\n{url}{body}"), |error| error == Error::UrlTooLong),
    ];
    for (answer, expected) in cases {
        let mut peer = Peer::with(URL, Dialect::Standard, 2048);
        peer.connection.describe(peer.now).unwrap();
        peer.answer("");
        let answer = complete(&answer);
        let mut event = None;
        for piece in answer.as_bytes().chunks(512) {
            if event.is_none() {
                peer.feed(piece);
                event = peer.event();
            }
        }
        match event {
            Some(Event::Failed(error)) if expected(error) => {}
            other => panic!("{answer:?}: {other:?}"),
        }
        assert_eq!(peer.event(), None);
        assert!(peer.connection.is_closed());
        assert_eq!(peer.connection.describe(peer.now), Err(NotNow::Closed));
    }

    let mut peer = Peer::new();
    peer.described();
    peer.connection.setup(peer.now, UDP).unwrap();
    assert_eq!(peer.answer(&format!("Session: {long}\r\n")), Some(Event::Failed(Error::SessionTooLong)));
}

#[test]
fn only_rtsp_urls_of_bearable_length_are_taken() {
    let new =
        |url: &str| Connection::new(vec![0; 64], vec![0; 64], url, Dialect::Standard, Config::default()).map(|_| ());
    assert_eq!(new("http://x/"), Err(Error::Url));
    assert_eq!(new("movie.Mjpeg"), Err(Error::Url));
    assert_eq!(new(&format!("rtsp://x/{}", "y".repeat(300))), Err(Error::UrlTooLong));
    assert_eq!(new("rtsp://[::1]:8554/x"), Ok(()));
}

#[test]
fn a_full_transmit_buffer_refuses_commands() {
    let mut connection = Connection::new(vec![0; 64], vec![0; 16], URL, Dialect::Standard, Config::default()).unwrap();
    assert_eq!(connection.describe(at(0)), Err(NotNow::Full));
    assert_eq!(connection.poll_transmit(), b"");
    assert!(!connection.is_busy());
    assert_eq!(connection.poll_timeout(), None);
}

#[test]
fn a_connection_stays_small() {
    let size = size_of::<Connection<&mut [u8]>>();
    // User, password and the server's challenge.
    let most = if cfg!(feature = "auth") { 2116 } else { 1248 };
    // The key, and the message that SETUP says again.
    let key = if cfg!(feature = "srtp") { 424 } else { 0 };
    assert!(size <= most + key, "{size} bytes");
}

#[test]
fn a_lab_server_is_spoken_to_as_its_own_client_does() {
    let mut peer = Peer::lab();
    assert_eq!(peer.connection.describe(peer.now), Err(NotNow::State));
    assert_eq!(peer.connection.setup(peer.now, TCP), Err(NotNow::State));
    peer.connection.setup(peer.now, UDP).unwrap();
    assert_eq!(peer.sent(), "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000");
    assert_eq!(peer.hear("RTSP/1.0 200 OK\nCSeq: 1\nSession: 1234"), None, "more digits may follow");
    assert_eq!(peer.hear("56"), None);
    let events = peer.pass(50);
    assert!(matches!(events[..], [Event::SetUp(set_up)] if set_up.transport == UDP), "{events:?}");
    assert_eq!(peer.connection.session(), "123456");

    peer.connection.play(peer.now, None).unwrap();
    assert_eq!(peer.sent(), "PLAY movie.Mjpeg RTSP/1.0\nCSeq: 2\nSession: 123456");
    assert_eq!(peer.hear("RTSP/1.0 200 OK\nCSeq: 2\nSession: 999999\n\n"), None, "that is somebody else's");
    let event = peer.hear("RTSP/1.0 200 OK\r\nCSeq: 2\r\nSession: 123456\r\n\r\n");
    assert!(matches!(event, Some(Event::Playing(_))));
    assert_eq!(peer.pass(600_000), [], "no keep-alive");
    assert_eq!(peer.sent(), "");

    peer.connection.pause(peer.now).unwrap();
    assert_eq!(peer.sent(), "PAUSE movie.Mjpeg RTSP/1.0\nCSeq: 3\nSession: 123456");
    assert_eq!(peer.pass(10_000), [Event::TimedOut { during: Command::Pause }]);
    peer.connection.teardown(peer.now).unwrap();
    assert_eq!(peer.sent(), "TEARDOWN movie.Mjpeg RTSP/1.0\nCSeq: 4\nSession: 123456");
    assert_eq!(peer.hear("RTSP/1.0 200 OK\nCSeq: 4\nSession: 123456"), None);
    peer.connection.handle_close(peer.now);
    assert_eq!(peer.event(), Some(Event::TornDown), "the close ends the reply");
    assert_eq!(peer.event(), Some(Event::ServerClosed));
}

#[test]
fn a_lab_server_refuses_with_a_status_line() {
    let mut peer = Peer::lab();
    peer.connection.setup(peer.now, UDP).unwrap();
    let event = peer.hear("RTSP/1.0 404 NOT FOUND\nCSeq: 1\nSession: 0\n\n");
    assert_eq!(event, Some(Event::Refused { status: StatusCode::NOT_FOUND, during: Command::Setup }));
    assert_eq!(peer.connection.state(), State::Init);
}

mod arbitrary {
    use super::*;
    use proptest::prelude::*;

    fn fragment() -> impl Strategy<Value = Vec<u8>> {
        let known: Vec<&'static [u8]> = vec![
            b"RTSP/1.0 200 OK\r\n",
            b"CSeq: 1\r\n",
            b"CSeq: 2\r\n",
            b"Session: 123456\n",
            b"Content-Length: 5\r\n",
            b"Transport: RTP/AVP;unicast\r\n",
            b"\r\n",
            b"$\x00\x00\x04",
            b"$\x01\xff\xff",
            b"OPTIONS * RTSP/1.0\r\n",
            b"v=0\r\nm=video 0 RTP/AVP 26\r\n",
        ];
        prop_oneof![
            proptest::sample::select(known).prop_map(<[u8]>::to_vec),
            proptest::collection::vec(any::<u8>(), 0..20),
        ]
    }

    proptest! {
        #[test]
        fn no_server_makes_it_panic_or_loop(
            lab in any::<bool>(),
            steps in proptest::collection::vec((0u8..10, fragment(), 0u64..20_000), 0..60),
        ) {
            let mut peer = if lab { Peer::lab() } else { Peer::with(URL, Dialect::Standard, 256) };
            for (command, bytes, millis) in steps {
                let (connection, now) = (&mut peer.connection, peer.now);
                let _ = match command {
                    0 => connection.describe(now),
                    1 => connection.setup(now, UDP),
                    2 => connection.setup(now, TCP),
                    3 => connection.play(now, Some(Range::Now)),
                    4 => connection.pause(now),
                    5 => connection.teardown(now),
                    6 if millis > 19_000 => { connection.handle_close(now); Ok(()) }
                    _ => Ok(()),
                };
                let n = connection.rx_buffer().len().min(bytes.len());
                connection.rx_buffer()[..n].copy_from_slice(&bytes[..n]);
                connection.handle_input(now, n);
                let mut events = 0;
                while connection.poll_event().is_some() {
                    events += 1;
                    prop_assert!(events < 100);
                }
                connection.consume_transmit(now, (millis as usize) % 400);
                peer.pass(millis);
            }
        }
    }
}
