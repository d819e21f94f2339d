//! What a server's page tells programs of its streams (`/api/streams`).

use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use mutoscope::wire::url::Url;
use serde_json::Value;

use crate::console::OneLine;
use crate::input::http::{Answers, Event};

/// So many streams are asked for, and taken.
const MOST_OFFERS: usize = 200;
/// The most bytes of an answer.
const MOST_BYTES: usize = 512 * 1024;
/// The most characters of a text in it.
const LONGEST_TEXT: usize = 200;

/// A stream as the page of its server tells of it. All texts are a stranger's, each one line.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Offer {
    /// What it is called.
    pub name: String,
    /// Where it is, at the address at which the page was asked.
    pub url: String,
    /// Its size in pixels, as far as it is known.
    pub size: Option<(u32, u32)>,
    /// Pictures a second.
    pub rate: Option<f64>,
    /// How long a film is.
    pub length: Option<Duration>,
    /// Whether it is live; `None`: nobody has looked into it.
    pub is_live: Option<bool>,
    /// Why there is no picture at present, in words.
    pub absence: Option<String>,
}

/// The streams of a server.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Offers {
    /// Those that everybody may watch, as the server orders them.
    pub streams: Vec<Offer>,
    /// How many there are, of which the first ones were asked for.
    pub total: usize,
    /// Those who log in may see others.
    pub may_log_in: bool,
}

/// Why a page told nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unanswered {
    /// It cannot be reached, or does not answer in time.
    Silent,
    /// It answers with this status.
    Status(u16),
    /// What it answers is something else, or too long.
    Unreadable,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => f.write_str("its page does not answer"),
            Self::Status(status) => write!(f, "its page answers with {status}"),
            Self::Unreadable => f.write_str("its page answers with something else"),
        }
    }
}

impl std::error::Error for Unanswered {}

/// Asks the page at `place` for the streams of its server, and waits for the answer for as long as `patience` at the most. It says nothing of
/// who asks.
///
/// # Errors
/// [`Unanswered`].
pub fn offers(place: SocketAddr, patience: Duration) -> Result<Offers, Unanswered> {
    let until = Instant::now() + patience;
    let answer = get(place, until)?;
    read(&answer, place).ok_or(Unanswered::Unreadable)
}

fn get(place: SocketAddr, until: Instant) -> Result<Vec<u8>, Unanswered> {
    let left = || Some(until.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero());
    let silent = |_| Unanswered::Silent;
    let mut stream = TcpStream::connect_timeout(&place, left().ok_or(Unanswered::Silent)?).map_err(silent)?;
    let request = format!(
        "GET /api/streams?count={MOST_OFFERS} HTTP/1.1\r\nHost: {place}\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
    );
    stream.set_write_timeout(left()).map_err(silent)?;
    stream.write_all(request.as_bytes()).map_err(silent)?;
    let (mut answers, mut body, mut buffer) = (Answers::default(), Vec::new(), vec![0; 16 * 1024]);
    let mut is_begun = false;
    loop {
        stream.set_read_timeout(Some(left().ok_or(Unanswered::Silent)?)).map_err(silent)?;
        let read = stream.read(&mut buffer).map_err(silent)?;
        let mut unseen = buffer.get(..read).unwrap_or_default();
        loop {
            let (taken, event) = answers.handle(unseen).map_err(|_| Unanswered::Unreadable)?;
            match event {
                Some(Event::Head(head)) if head.status != 200 => return Err(Unanswered::Status(head.status)),
                Some(Event::Head(_)) => is_begun = true,
                Some(Event::Data(data)) if body.len() + data.len() > MOST_BYTES => return Err(Unanswered::Unreadable),
                Some(Event::Data(data)) => body.extend_from_slice(data),
                Some(Event::End) => return Ok(body),
                None if taken == 0 => break,
                None => {}
            }
            unseen = unseen.get(taken..).unwrap_or_default();
        }
        if read == 0 {
            return if is_begun { Ok(body) } else { Err(Unanswered::Silent) };
        }
    }
}

/// Reads an answer. `None`: it is something else. Wherever it says that streams are, they are looked for at the address that was asked: a
/// page sends nobody elsewhere.
pub(super) fn read(answer: &[u8], place: SocketAddr) -> Option<Offers> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let listed = answer.get("streams")?.as_array()?;
    let streams: Vec<Offer> = listed.iter().take(MOST_OFFERS).filter_map(|stream| offer(stream, place)).collect();
    let total = answer.get("total").and_then(Value::as_u64).and_then(|total| usize::try_from(total).ok());
    let may_log_in = answer.get("may_log_in").and_then(Value::as_bool).unwrap_or_default();
    Some(Offers { total: total.unwrap_or_default().max(streams.len()), streams, may_log_in })
}

fn offer(stream: &Value, place: SocketAddr) -> Option<Offer> {
    let text = |key: &str| stream.get(key).and_then(Value::as_str).map(plain).filter(|text| !text.is_empty());
    let number = |key: &str| stream.get(key).and_then(Value::as_f64).filter(|number| *number > 0.0 && *number < 1e9);
    let side = |key: &str| number(key).map(|side| side as u32);
    let urls = stream.get("rtsp")?.as_array()?;
    let url = urls.iter().filter_map(Value::as_str).find_map(|url| at_place(url, place))?;
    Some(Offer {
        name: text("name")?,
        url,
        size: side("width").zip(side("height")),
        rate: number("rate"),
        length: number("length").map(Duration::from_secs_f64),
        is_live: stream.get("live").and_then(Value::as_bool),
        absence: text("absence"),
    })
}

/// The same path at the address that was asked.
fn at_place(url: &str, place: SocketAddr) -> Option<String> {
    let parsed = Url::parse(url).filter(|_| url.len() <= 1024 && url.is_ascii())?;
    let scheme = if parsed.is_secure() { "rtsps" } else { "rtsp" };
    let there = SocketAddr::new(place.ip(), parsed.port_or_default());
    Some(format!("{scheme}://{there}/{}", parsed.path().as_str()))
}

/// As one line that is not too long.
fn plain(text: &str) -> String {
    let short: String = text.trim().chars().take(LONGEST_TEXT).collect();
    OneLine(short).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    const ANSWER: &str = r#"{"streams": [
        {"name": "porch", "rtsp": ["rtsp://10.0.0.9:8554/porch", "rtsps://10.0.0.9:8322/porch"], "width": 1280, "height": 720, "rate": 25.0,
         "live": true, "length": null, "state": "ready", "absence": null, "video": "/streams/porch/stream.mjpg"},
        {"name": "a film\u001b", "rtsp": ["rtsps://[fd00::1]/a%20film"], "live": false, "length": 61.5, "absence": "it is\nbroken"},
        {"name": "nowhere", "rtsp": ["http://10.0.0.9/x", 7]},
        {"rtsp": ["rtsp://10.0.0.9/nameless"]}, 9
    ], "total": 300, "may_log_in": true}"#;

    fn place() -> SocketAddr {
        "192.0.2.7:8080".parse().unwrap()
    }

    #[test]
    fn streams_are_where_the_page_was_asked() {
        let offers = read(ANSWER.as_bytes(), place()).unwrap();
        assert_eq!((offers.total, offers.may_log_in, offers.streams.len()), (300, true, 2));
        let porch = &offers.streams[0];
        assert_eq!((porch.name.as_str(), porch.url.as_str()), ("porch", "rtsp://192.0.2.7:8554/porch"));
        assert_eq!((porch.size, porch.rate, porch.is_live), (Some((1280, 720)), Some(25.0), Some(true)));
        let film = &offers.streams[1];
        assert_eq!(film.url, "rtsps://192.0.2.7:322/a%20film");
        assert_eq!((film.name.as_str(), film.absence.as_deref()), ("a film\\u{1b}", Some("it is\\nbroken")));
        assert_eq!(film.length, Some(Duration::from_millis(61_500)));
        for other in ["", "[]", "{}", r#"{"streams": 3}"#, &"[".repeat(10_000)] {
            assert_eq!(read(other.as_bytes(), place()), None);
        }
    }

    /// What comes of asking somebody who answers like this, and then closes the connection or not.
    fn asked(answer: &'static [u8], closes: bool) -> Result<Offers, Unanswered> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).unwrap();
            assert!(request[..read].starts_with(b"GET /api/streams?count=200 HTTP/1.1\r\nHost: 127.0.0.1:"));
            let _ = stream.write_all(answer);
            (!closes).then_some(stream)
        });
        let patience = if closes { Duration::from_secs(20) } else { Duration::from_millis(80) };
        let answer = offers(place, patience);
        drop(server.join().unwrap());
        answer
    }

    #[cfg(feature = "http")]
    #[test]
    fn a_page_of_ours_lists_the_streams_of_its_server() {
        use crate::media::Library;
        use crate::web::{self, Site, Web};
        let web = Web::bind(&web::Options::new(vec!["127.0.0.1".to_owned()], Some(0))).unwrap();
        let (place, stop) = (web.local_addrs().next().unwrap(), web.stop_handle());
        let library = Library::built_in("25".parse().unwrap());
        let site = Site::new(library, mutoscope::io::server::Open).with_rtsp(vec!["rtsp://192.0.2.1:8554".to_owned()]);
        let server = std::thread::spawn(move || web.serve(site));
        let offers = offers(place, Duration::from_secs(20)).unwrap();
        let urls: Vec<&str> = offers.streams.iter().map(|offer| offer.url.as_str()).collect();
        assert!(urls.contains(&"rtsp://127.0.0.1:8554/testcard"), "{offers:?}");
        assert_eq!(offers.total, urls.len());
        stop.stop();
        server.join().unwrap().unwrap();
    }

    #[test]
    fn an_answer_takes_no_more_time_and_memory_than_it_may() {
        let empty = b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"streams\":[]}";
        assert_eq!(asked(empty, false), Ok(Offers::default()), "its length says where it ends");
        assert_eq!(asked(b"HTTP/1.0 200 OK\r\n\r\n{\"streams\":[]}", true), Ok(Offers::default()));
        assert_eq!(asked(b"HTTP/1.1 404 Not Found\r\n\r\n", true), Err(Unanswered::Status(404)));
        assert_eq!(asked(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", false), Err(Unanswered::Silent));
        assert_eq!(asked(b"", true), Err(Unanswered::Silent));
        assert_eq!(asked(b"HTTP/1.1 200 OK\r\n\r\nhello", true), Err(Unanswered::Unreadable));
        static LONG: [u8; MOST_BYTES + 64] = [b'['; MOST_BYTES + 64];
        assert_eq!(asked(&LONG, true), Err(Unanswered::Unreadable));
        assert_eq!(offers("127.0.0.1:1".parse().unwrap(), Duration::from_secs(1)), Err(Unanswered::Silent));
    }
}
