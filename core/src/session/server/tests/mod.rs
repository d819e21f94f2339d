//! Whole dialogues with the machine, on virtual time.

mod access;
mod dialogues;
mod hostile;
mod interleaved;
mod lab;
#[cfg(feature = "lab")]
mod lab_variants;
mod lifetimes;
mod random;
mod recording;
mod requests;
mod wild;

use super::*;
use crate::media::FrameRate;
use crate::session::server::access::Repeated;
use crate::time::Duration;
use crate::wire::lab::Length;
use crate::wire::rtsp::StatusCode;
use crate::wire::rtsp::headers::{Range, Scale, Speed};
use crate::wire::sdp::Exchange;
use std::string::{String, ToString};
use std::vec::Vec;

/// What SplitMix64 makes of 0 first, and second.
const ID: &str = "e220a8397b1dcdaf";
const SECOND_ID: &str = "6e789e6aa1b965f4";

const SSRC: u32 = 0x1234_ABCD;

/// A client, and a driver that answers every event as one who offers `movie.Mjpeg` does.
struct Peer {
    connection: Connection<Vec<u8>>,
    now: Instant,
    events: Vec<Event>,
    /// Payloads of interleaved packets, in order.
    packets: Vec<Vec<u8>>,
    /// Whether the driver answers at once.
    answers: bool,
    /// How long the movie is, for the lab dialect.
    length: Length,
}

impl Peer {
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with(config: Config) -> Self {
        Self::sized(1024, 2048, config)
    }

    fn sized(rx: usize, tx: usize, config: Config) -> Self {
        let now = Instant::from_millis(1_000_000);
        Self::of(Connection::new(now, std::vec![0; rx], std::vec![0; tx], 0, config))
    }

    fn of(connection: Connection<Vec<u8>>) -> Self {
        let now = connection.now;
        Self { connection, now, events: Vec::new(), packets: Vec::new(), answers: true, length: Length::default() }
    }

    /// A client that has set up the movie over TCP and plays it.
    fn playing() -> Self {
        let mut peer = Self::new();
        peer.ask(&setup(1, "RTP/AVP/TCP;unicast;interleaved=0-1"));
        peer.ask(&with_session("PLAY", 2));
        assert_eq!(peer.connection.state(), State::Playing);
        peer.events.clear();
        peer
    }

    /// Delivers bytes, as far as the connection takes them.
    fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let space = self.connection.rx_buffer();
            let n = space.len().min(bytes.len());
            if n == 0 {
                return;
            }
            space[..n].copy_from_slice(&bytes[..n]);
            self.connection.handle_input(self.now, n);
            bytes = &bytes[n..];
            self.drive();
        }
    }

    /// Delivers a request and takes all that is sent.
    fn ask(&mut self, request: &str) -> String {
        self.feed(request.as_bytes());
        self.sent()
    }

    /// Delivers a request to which there must be one answer with this status.
    #[track_caller]
    fn expect(&mut self, request: &str, status: u16) -> String {
        let answer = self.ask(request);
        assert_eq!(answer.matches("RTSP/1.0 ").count(), 1, "{answer}");
        assert_eq!(status_of(&answer), status, "{request}\n{answer}");
        answer
    }

    fn sent(&mut self) -> String {
        let mut sent = Vec::new();
        while !self.connection.poll_transmit().is_empty() {
            let n = self.connection.poll_transmit().len();
            sent.extend_from_slice(self.connection.poll_transmit());
            self.connection.consume_transmit(self.now, n);
            self.drive();
        }
        String::from_utf8_lossy(&sent).into_owned()
    }

    fn drive(&mut self) {
        while let Some(event) = self.connection.poll_event() {
            self.events.push(event);
            if let Event::Interleaved { .. } = event {
                self.packets.push(self.connection.interleaved().to_vec());
            }
            if self.answers {
                self.answer(event);
            }
        }
    }

    fn answer(&mut self, event: Event) {
        let (now, connection) = (self.now, &mut self.connection);
        let found = connection.resource().names("movie.Mjpeg");
        match event {
            Event::Authorize => {
                let asking = connection.asking().expect("it was asked about");
                let authorization = asking.authorization().map(|value| value.unwrap_or_default().to_string());
                match authorization.as_deref() {
                    Ok("Digest right") => connection.allow(now, Secrecy::NONE),
                    Ok(_) => connection.challenge(now, ["Digest a", "Digest b"]),
                    Err(Repeated) => connection.refuse(now, StatusCode::BAD_REQUEST, ""),
                }
            }
            Event::Describe | Event::Setup { .. } | Event::Change { .. } | Event::Announce if !found => {
                connection.refuse(now, StatusCode::NOT_FOUND, "");
            }
            Event::Describe => connection.answer_describe(now, &MOVIE),
            Event::Setup { .. } | Event::Change { .. } | Event::SetupRecord { .. } => {
                connection.set_lab_length(self.length);
                connection.answer_setup(now, (5004, 5005), SSRC);
            }
            Event::Lab(Extra::Describe) => connection.answer_description(now, 500),
            Event::Lab(Extra::List(_)) => connection.answer_list(now, &mut |each| _ = ["a", "b"].into_iter().all(each)),
            Event::Lab(_) => connection.answer_lab(now),
            Event::Play { .. } => {
                connection.answer_play(now, played(7, 90_000, Range::Npt { start: Some(0), end: Some(10_000_000) }));
            }
            Event::Pause => connection.answer_pause(now),
            Event::Teardown => connection.answer_teardown(now),
            Event::Announce => connection.answer_announce(now),
            Event::Record => connection.answer_record(now),
            Event::Interleaved { .. } | Event::Expired => {}
        }
    }

    /// Lets time pass, waking the connection exactly when it asks for it.
    fn pass(&mut self, duration: Duration) {
        let end = self.now.after(duration);
        while let Some(at) = self.connection.poll_timeout().filter(|&at| at <= end) {
            self.now = self.now.max(at);
            self.connection.handle_timeout(self.now);
            self.drive();
        }
        self.now = end;
    }

    fn expirations(&self) -> usize {
        self.events.iter().filter(|&&event| event == Event::Expired).count()
    }
}

const MOVIE: Description<'_> = Description {
    name: "movie.Mjpeg",
    frame_rate: FrameRate::new(24, 1).unwrap(),
    range: Range::Npt { start: Some(0), end: Some(10_000_000) },
    width: 640,
    height: 480,
    exchange: Exchange::None,
};

const URL: &str = "rtsp://127.0.0.1:8554/movie.Mjpeg";

/// The description of [`MOVIE`] at the time every test begins.
const SDP: &str = "v=0\r\no=- 1000000000 1000000000 IN IP4 0.0.0.0\r\ns=movie.Mjpeg\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n\
    a=tool:mutoscope\r\na=control:*\r\na=range:npt=0-10\r\nm=video 0 RTP/AVP 26\r\na=rtpmap:26 JPEG/90000\r\n\
    a=control:trackID=0\r\na=framerate:24\r\n";

/// What a driver says that plays as by default.
fn played(sequence: u16, rtptime: u32, range: Range) -> Played {
    Played { sequence, rtptime, range, scale: Scale::NORMAL, speed: Speed::NORMAL }
}

/// The event of a PLAY that says nothing of scale and speed.
const fn play_of(range: Option<Range>) -> Event {
    Event::Play { range, scale: None, speed: None }
}

fn status_of(answer: &str) -> u16 {
    answer.strip_prefix("RTSP/1.0 ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// The value of an answer's header.
fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    answer.lines().filter_map(|line| line.split_once(": ")).find(|(found, _)| *found == name).map(|(_, value)| value)
}

fn request(method: &str, url: &str, cseq: u32, headers: &str) -> String {
    std::format!("{method} {url} RTSP/1.0\r\nCSeq: {cseq}\r\n{headers}\r\n")
}

fn setup(cseq: u32, transport: &str) -> String {
    request("SETUP", &(URL.to_string() + "/trackID=0"), cseq, &std::format!("Transport: {transport}\r\n"))
}

const UDP: &str = "RTP/AVP;unicast;client_port=25000-25001";

/// A request of the first session.
fn with_session(method: &str, cseq: u32) -> String {
    request(method, URL, cseq, &std::format!("Session: {ID}\r\n"))
}

#[test]
fn a_connection_fits_into_little_memory() {
    let size = size_of::<Connection<&mut [u8]>>();
    assert!(size < 900, "{size} bytes");
}
