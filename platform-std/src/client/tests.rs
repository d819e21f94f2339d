//! The client on loopback: against our own server, and against scripted ones that misbehave.

use super::*;
use crate::media::Library;
use crate::server::{self, Server, StopHandle};
use crate::tls::KnownServers;
use mutoscope::media::FrameRate;
use mutoscope::wire::rtp::MAX_DATAGRAM;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

/// Our server with its built-in media, in a thread of its own.
struct Running {
    address: SocketAddr,
    stop: StopHandle,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start() -> Self {
        let options = server::Options {
            hosts: vec!["127.0.0.1".to_owned()],
            rtsp_port: 0,
            server_port: None,
            max_clients: 8,
            session_timeout: Duration::from_secs(60),
            payload_size: 1400,
            max_packet_size: MAX_DATAGRAM,
            ..server::Options::default()
        };
        let server = Server::bind(&options).unwrap();
        let (address, stop) = (server.local_addr(), server.stop_handle());
        let serve = move || server.serve(Library::built_in(FrameRate::new(50, 1).unwrap())).unwrap();
        Self { address, stop, thread: Some(thread::spawn(serve)) }
    }

    fn options(&self, name: &str) -> Options {
        Options { rtp_port: 0, ..Options::new(format!("rtsp://{}/{name}", self.address)) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// What an event is, as far as these tests care.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Seen {
    Connected,
    SetUp(Presentation),
    Playing,
    From(Duration),
    Paused,
    Refused(u16),
    Frame { position: Option<Duration> },
    Retrying(Retry),
    EndOfStream { announced: bool },
    TornDown,
    Other,
}

fn next(client: &mut Client) -> Result<Seen, Error> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let Some(event) = client.next(Some(deadline))? else {
            assert!(Instant::now() < deadline, "nothing happens");
            continue;
        };
        return Ok(match event {
            Event::Connected { .. } => Seen::Connected,
            Event::SetUp(presentation) => Seen::SetUp(presentation),
            Event::Playing { from: None, .. } => Seen::Playing,
            Event::Playing { from: Some(from), .. } => Seen::From(from),
            Event::Paused => Seen::Paused,
            Event::Frame(frame) => {
                let jpeg = client.frame();
                assert!(jpeg.starts_with(&[0xff, 0xd8]) && jpeg.ends_with(&[0xff, 0xd9]));
                assert_eq!(&client.copy_frame(&frame).jpeg[..], jpeg);
                Seen::Frame { position: frame.position }
            }
            Event::Retrying { with, .. } => Seen::Retrying(with),
            Event::EndOfStream { announced } => Seen::EndOfStream { announced },
            Event::TornDown => Seen::TornDown,
            Event::Refused { status, .. } => Seen::Refused(status.0),
            _ => Seen::Other,
        });
    }
}

/// The first event that is none of `passed`.
fn until(client: &mut Client, wanted: impl Fn(&Seen) -> bool) -> Seen {
    loop {
        let seen = next(client).unwrap();
        if wanted(&seen) {
            return seen;
        }
        assert!(!matches!(seen, Seen::TornDown), "torn down instead");
    }
}

fn is_frame(seen: &Seen) -> bool {
    matches!(seen, Seen::Frame { .. })
}

#[test]
fn it_plays_pauses_seeks_and_leaves_over_both_transports_and_in_both_dialects() {
    let server = Running::start();
    for (transport, dialect) in [
        (Transport::Udp, Dialect::Auto),
        (Transport::Tcp, Dialect::Auto),
        (Transport::Auto, Dialect::Standard),
        (Transport::Auto, Dialect::Lab),
    ] {
        let mut client = Client::new(Options { transport, dialect, ..server.options("movie.Mjpeg") }).unwrap();
        client.set_goal(Goal::SetUp);
        assert_eq!(next(&mut client).unwrap(), Seen::Connected);
        let Seen::SetUp(presentation) = next(&mut client).unwrap() else { panic!("not set up") };
        let lab = dialect == Dialect::Lab;
        assert_eq!(presentation.dialect, if lab { Dialect::Lab } else { Dialect::Standard });
        assert!(presentation.duration.is_some(), "in the lab's dialect, too");
        assert_eq!(matches!(presentation.transport, MediaTransport::Udp { .. }), transport != Transport::Tcp);

        client.set_goal(Goal::Play { from: None });
        until(&mut client, |seen| *seen == Seen::Playing);
        for _ in 0..5 {
            until(&mut client, is_frame);
        }
        client.set_goal(Goal::Pause);
        until(&mut client, |seen| *seen == Seen::Paused);
        client.set_goal(Goal::Play { from: None });
        until(&mut client, is_frame);
        if !lab {
            client.set_goal(Goal::Play { from: Some(Duration::from_secs(5)) });
            until(&mut client, |seen| *seen == Seen::From(Duration::from_secs(5)));
            let Seen::Frame { position: Some(position), .. } = until(&mut client, is_frame) else {
                panic!("no position")
            };
            assert!((4.9..5.2).contains(&position.as_secs_f64()), "{position:?}");
        }
        let statistics = client.statistics().unwrap();
        assert!(statistics.packets > 5 && statistics.lost == 0, "{statistics:?}");
        client.set_goal(Goal::Stop);
        until(&mut client, |seen| *seen == Seen::TornDown);
        assert!(client.statistics().is_none());
    }
}

#[test]
fn the_end_of_a_film_is_told_and_playing_again_starts_over() {
    let server = Running::start();
    let mut client = Client::new(server.options("movie.Mjpeg")).unwrap();
    client.set_goal(Goal::Play { from: Some(Duration::from_millis(9_800)) });
    let mut last = None;
    loop {
        match next(&mut client).unwrap() {
            Seen::Frame { position, .. } => last = position,
            Seen::EndOfStream { announced } => {
                assert!(announced);
                break;
            }
            _ => {}
        }
    }
    assert!(last.is_some_and(|last| last >= Duration::from_millis(9_900)), "{last:?}");
    client.set_goal(Goal::Play { from: None });
    until(&mut client, |seen| *seen == Seen::Playing);
    let Seen::Frame { position, .. } = until(&mut client, is_frame) else { unreachable!() };
    assert!(position.is_some_and(|position| position < Duration::from_millis(200)), "{position:?}");
}

#[test]
fn goals_come_from_other_threads() {
    fn is_send<T: Send>(_: &T) {}
    let server = Running::start();
    let mut client = Client::new(server.options("testcard")).unwrap();
    is_send(&client);
    let handle = client.handle();
    let waker = handle.clone();
    let other = thread::spawn(move || waker.wake());
    assert_eq!(client.next(None).unwrap(), None, "woken with nothing to do");
    assert!(other.join().unwrap());
    let other = thread::spawn(move || {
        handle.set_goal(Goal::Play { from: None });
        handle
    });
    until(&mut client, is_frame);
    let handle = other.join().unwrap();
    handle.set_goal(Goal::Stop);
    until(&mut client, |seen| *seen == Seen::TornDown);
    drop(client);
    assert!(!handle.wake());
}

#[test]
fn a_descriptor_stops_the_wait_for_a_server_that_says_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = Client::new(patient(listener.local_addr().unwrap())).unwrap();
    let (reader, mut writer) = std::io::pipe().unwrap();
    client.wake_on(&reader).unwrap();
    client.set_goal(Goal::Play { from: None });
    until(&mut client, |seen| *seen == Seen::Connected);
    let stop = thread::spawn(move || writer.write_all(b"x").unwrap());
    assert_eq!(client.next(None).unwrap(), None);
    stop.join().unwrap();
}

#[test]
fn a_server_that_stops_says_so_and_the_client_can_start_anew() {
    let server = Running::start();
    let mut client = Client::new(server.options("testcard")).unwrap();
    client.set_goal(Goal::Play { from: None });
    until(&mut client, is_frame);
    server.stop.stop();
    let error = loop {
        match next(&mut client) {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Closed(_)), "{error}");
    assert_eq!(client.next(Some(Instant::now())).unwrap(), None, "idle");
    let address = server.address;
    drop(server);
    client.set_goal(Goal::Play { from: None });
    let error = next(&mut client).unwrap_err();
    assert_eq!(error.to_string(), format!("nobody listens at {address}: is the server running?"));
}

/// A scripted server: each connection is handled by the next of the closures.
fn scripted(scripts: Vec<fn(&mut TcpStream)>) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = move || {
        for script in scripts {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            script(&mut stream);
        }
    };
    (address, thread::spawn(serve))
}

/// The next request, with whatever came with it; empty at the end.
fn request(stream: &mut TcpStream) -> String {
    let mut buffer = [0; 4096];
    let n = stream.read(&mut buffer).unwrap_or(0);
    String::from_utf8_lossy(&buffer[..n]).into_owned()
}

/// Answers the next request with this status line, headers and body.
fn answer(stream: &mut TcpStream, status: &str, headers: &str, body: &str) -> String {
    let request = request(stream);
    let cseq = request.lines().find_map(|line| line.strip_prefix("CSeq: ")).unwrap_or("0").to_owned();
    let text = format!("RTSP/1.0 {status}\r\nCSeq: {cseq}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes()).unwrap();
    request
}

fn describe(stream: &mut TcpStream) {
    answer(stream, "200 OK", "Public: DESCRIBE, SETUP, PLAY\r\n", "");
    answer(stream, "200 OK", "", "v=0\r\nm=video 0 RTP/AVP 26\r\na=control:trackID=0\r\n");
}

fn over_tcp(stream: &mut TcpStream) {
    let setup = answer(stream, "200 OK", "Session: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n", "");
    assert!(setup.contains("RTP/AVP/TCP"), "{setup}");
    assert!(answer(stream, "200 OK", "", "").starts_with("PLAY "));
    // One frame: 8x8, type 1, Q 50, in one packet.
    let packet = [0x80, 0x9a, 0, 1, 0, 0, 0, 1, 9, 9, 9, 9, 0, 0, 0, 0, 1, 50, 2, 1, 1, 2, 3];
    stream.write_all(&[b'$', 0, 0, packet.len() as u8]).unwrap();
    stream.write_all(&packet).unwrap();
    request(stream);
}

fn options(address: SocketAddr) -> Options {
    Options {
        rtp_port: 0,
        dialect_timeout: Duration::from_millis(100),
        silence: Duration::from_millis(100),
        teardown_timeout: Duration::from_millis(100),
        ..Options::new(format!("rtsp://{address}/x"))
    }
}

/// For servers that always answer: however busy the machine, they are not taken for silent.
fn patient(address: SocketAddr) -> Options {
    let long = Duration::from_secs(60);
    Options { dialect_timeout: long, lab_after: long, silence: long, ..options(address) }
}

#[test]
fn tcp_is_tried_where_nothing_arrives_over_udp() {
    let (address, server) = scripted(vec![
        |stream| {
            describe(stream);
            answer(stream, "200 OK", "Session: 1\r\nTransport: RTP/AVP;unicast;client_port=1-2\r\n", "");
            answer(stream, "200 OK", "", "");
            assert!(request(stream).starts_with("TEARDOWN "), "the first session is not left behind");
        },
        |stream| {
            describe(stream);
            over_tcp(stream);
        },
    ]);
    let mut client = Client::new(options(address)).unwrap();
    client.set_goal(Goal::Play { from: None });
    until(&mut client, |seen| *seen == Seen::Retrying(Retry::Tcp));
    until(&mut client, is_frame);
    drop(client);
    server.join().unwrap();
}

#[test]
fn refusals_and_silence_are_told_in_sentences() {
    type Script = fn(&mut TcpStream);
    let cases: [(Vec<Script>, &str); 5] = [
        (
            vec![|stream| {
                answer(stream, "401 Unauthorized", "", "");
                answer(stream, "401 Unauthorized", "WWW-Authenticate: Digest realm=\"x\"\r\n", "");
            }],
            "the server wants a user name and a password: rtsp://USER:PASSWORD@HOST/NAME (401 Unauthorized)",
        ),
        (
            vec![|stream| {
                answer(stream, "200 OK", "", "");
                answer(stream, "302 Found", "Location: http://192.0.2.9/y\r\n", "");
            }],
            "the server sends us on to http://192.0.2.9/y (302), which is no rtsp:// URL",
        ),
        (
            vec![|stream| {
                answer(stream, "200 OK", "", "");
                answer(stream, "404 Not Found", "", "");
            }],
            "the server has nothing of that name (404 Not Found)",
        ),
        (
            vec![|stream| {
                request(stream);
                stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
            }],
            "what the server sends is not RTSP: is this its port?",
        ),
        (
            vec![
                |stream| {
                    request(stream);
                },
                |stream| {
                    request(stream);
                },
            ],
            "the server speaks neither standard RTSP (the server closed the connection) nor the lab's dialect \
             (the server closed the connection)",
        ),
    ];
    for (scripts, sentence) in cases {
        let (address, server) = scripted(scripts);
        let mut client = Client::new(patient(address)).unwrap();
        client.set_goal(Goal::Play { from: None });
        let error = loop {
            match next(&mut client) {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(error.to_string(), sentence);
        server.join().unwrap();
    }
}

const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"cam\", nonce=\"5f3a\"\r\n";

/// Asks for user and password until the client gives up, which has none.
fn refuse(stream: &mut TcpStream) {
    for _ in 0..2 {
        answer(stream, "401 Unauthorized", CHALLENGE, "");
    }
    assert_eq!(request(stream), "");
}

/// Asks for user and password as of a camera, once; then there is one frame.
fn guarded(stream: &mut TcpStream) {
    let options = answer(stream, "401 Unauthorized", CHALLENGE, "");
    assert!(options.starts_with("OPTIONS rtsp://127.0.0.1:") && !options.contains("Authorization"), "{options}");
    let again = answer(stream, "200 OK", "Public: DESCRIBE, SETUP, PLAY\r\n", "");
    assert!(again.contains("Authorization: Digest username=\"anna\", realm=\"cam\", nonce=\"5f3a\", uri=\"rtsp://127"));
    assert!(!again.contains("hunter2"));
    let describe = answer(stream, "200 OK", "", "v=0\r\nm=video 0 RTP/AVP 26\r\na=control:trackID=0\r\n");
    assert!(describe.contains("\r\nAuthorization: Digest "), "{describe}");
    over_tcp(stream);
}

/// The first error, or `None` where a frame comes before.
fn outcome(options: Options) -> Option<Error> {
    first_error(&mut Client::new(options).unwrap())
}

/// The first error of a client that plays, if one comes before the first frame.
fn first_error(client: &mut Client) -> Option<Error> {
    client.set_goal(Goal::Play { from: None });
    loop {
        match next(client) {
            Ok(seen) if is_frame(&seen) => return None,
            Ok(_) => {}
            Err(error) => return Some(error),
        }
    }
}

#[test]
fn user_and_password_come_from_the_url_or_the_options_and_are_shown_to_nobody() {
    let (address, server) = scripted(vec![guarded, guarded]);
    let tcp = Options { transport: Transport::Tcp, ..patient(address) };
    let in_url = Options { url: format!("rtsp://anna:hunter2@{address}/x"), ..tcp.clone() };
    let credentials = Some(Credentials::new("anna", "hunter2").unwrap());
    let beside = Options { url: format!("rtsp://bert:wrong@{address}/x"), credentials, ..tcp };
    for options in [in_url, beside] {
        let shown = format!("{options:?} {:?}", Client::new(options.clone()).unwrap());
        assert!(!["hunter2", "anna", "wrong"].iter().any(|secret| shown.contains(secret)), "{shown}");
        assert!(outcome(options).is_none());
    }
    server.join().unwrap();
    let wrong = Client::new("rtsp://anna:hunter2@h:99999/x").unwrap_err();
    assert!(!format!("{wrong} {wrong:?}").contains("hunter2"));
    assert!(matches!(Client::new("rtsp://a:%00@h/x"), Err(Error::Credentials)));
}

#[test]
fn a_wrong_password_and_one_that_may_not_be_sent_are_told() {
    let (address, server) = scripted(vec![
        |stream| {
            answer(stream, "401 Unauthorized", CHALLENGE, "");
            answer(stream, "401 Unauthorized", CHALLENGE, "");
            assert_eq!(request(stream), "", "nothing is tried again");
        },
        |stream| {
            answer(stream, "401 Unauthorized", "WWW-Authenticate: Basic realm=\"cam\"\r\n", "");
            assert_eq!(request(stream), "");
        },
    ]);
    let options = Options { url: format!("rtsp://anna:hunter2@{address}/x"), ..patient(address) };
    let wrong = outcome(options.clone()).unwrap();
    assert_eq!(wrong.to_string(), "the server refuses this user and password (401 Unauthorized)");
    let clear = outcome(options).unwrap();
    assert!(matches!(clear, Error::Unauthorized(Unauthorized::Basic)), "{clear}");
    server.join().unwrap();
}

#[test]
fn a_client_that_was_refused_goes_on_with_what_it_is_told() {
    let (address, server) = scripted(vec![
        refuse,
        |stream| {
            answer(stream, "401 Unauthorized", CHALLENGE, "");
            answer(stream, "401 Unauthorized", CHALLENGE, "");
            assert_eq!(request(stream), "", "once for each challenge");
        },
        guarded,
    ]);
    let options = Options { transport: Transport::Tcp, ..patient(address) };
    let mut client = Client::new(options.clone()).unwrap();
    let mut inquiry = Inquiry::new(&options, KnownServers::in_memory());
    for (password, is_wrong) in [("wrong", false), ("hunter2", true)] {
        let error = first_error(&mut client).unwrap();
        let question = inquiry.question(&error).unwrap();
        let user = if is_wrong { "anna".to_owned() } else { String::new() };
        assert_eq!(question, Question::Password { server: address.to_string(), user, is_wrong });
        let answer = Answer::Credentials { user: "anna".into(), password: password.into() };
        inquiry.answer(&question, answer, &mut client).unwrap().unwrap();
    }
    assert!(first_error(&mut client).is_none());
    drop(client);
    server.join().unwrap();
}

#[test]
fn no_password_is_asked_for_on_behalf_of_another_server() {
    let (there, elsewhere) = scripted(vec![refuse]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let here = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        answer(&mut stream, "200 OK", "", "");
        answer(&mut stream, "301 Moved", &format!("Location: rtsp://{there}/there\r\n"), "");
    });
    let mut client = Client::new(patient(here)).unwrap();
    let error = first_error(&mut client).unwrap();
    assert!(matches!(error, Error::Unauthorized(Unauthorized::Elsewhere)), "{error}");
    assert_eq!(Inquiry::new(&patient(here), KnownServers::in_memory()).question(&error), None);
    server.join().unwrap();
    elsewhere.join().unwrap();
}

#[test]
fn redirections_are_followed() {
    let (there, elsewhere) = scripted(vec![|stream| {
        assert!(request(stream).starts_with("OPTIONS "));
        stream.write_all(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n").unwrap();
        let sdp = "v=0\r\nm=video 0 RTP/AVP 26\r\na=control:trackID=0\r\n";
        assert!(answer(stream, "200 OK", "", sdp).contains("/there RTSP/1.0"));
        over_tcp(stream);
    }]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let here = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        answer(&mut stream, "200 OK", "", "");
        answer(&mut stream, "301 Moved", &format!("Location: rtsp://{there}/there\r\n"), "");
    });
    let mut client = Client::new(Options { transport: Transport::Tcp, ..patient(here) }).unwrap();
    client.set_goal(Goal::Play { from: None });
    until(&mut client, is_frame);
    assert_eq!(client.url(), format!("rtsp://{there}/there"));
    drop(client);
    server.join().unwrap();
    elsewhere.join().unwrap();
}

#[test]
fn a_client_of_several_urls_goes_on_at_the_next_one() {
    let (first, scripted) = scripted(vec![|stream| {
        assert!(request(stream).starts_with("OPTIONS "));
        stream.write_all(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n").unwrap();
        let sdp = "v=0\r\nm=video 0 RTP/AVP 26\r\na=control:trackID=0\r\n";
        answer(stream, "200 OK", "", sdp);
        over_tcp(stream);
    }]);
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Running::start();
    let urls = [nobody, first, server.address].map(|address| format!("rtsp://{address}/testcard"));
    let options = Options { transport: Transport::Tcp, dialect: Dialect::Standard, ..Options::new(urls[0].clone()) };
    let options = options.with_fallbacks([&urls[1], &urls[2]]);
    assert_eq!((options.probe, options.connect_timeout), (Some(Duration::from_secs(1)), Duration::from_secs(1)));
    let mut frames = play(options.clone()).unwrap();
    assert!(frames.next().unwrap().is_ok());
    assert_eq!(frames.client().url(), urls[1]);
    scripted.join().unwrap();
    for _ in 0..10 {
        assert!(frames.next().unwrap().is_ok());
    }
    assert_eq!(frames.client().url(), urls[2]);
    drop((frames, server));
    // Nobody is left: each is tried once.
    let mut client = Client::new(options).unwrap();
    let mut tried = Vec::new();
    loop {
        tried.push(client.url().to_owned());
        client.set_goal(Goal::Play { from: None });
        assert!(client.next(Some(Instant::now() + PATIENCE)).is_err());
        assert!(client.is_idle());
        let has_untried = client.has_untried();
        assert_eq!(client.turn(), has_untried);
        if !has_untried {
            break;
        }
    }
    assert_eq!(tried, urls);
    assert_eq!(client.url(), urls[0], "and round again");
    let wrong = Options::new(urls[0].clone()).with_fallbacks(["http://x/"]);
    assert!(matches!(Client::new(wrong), Err(Error::Url(url)) if url.contains("http://x/")));
    assert!(!Client::new(urls[0].as_str()).unwrap().turn(), "there is one only");
}

#[test]
fn a_taken_rtp_port_is_passed_over_and_an_odd_one_refused() {
    let server = Running::start();
    let (taken, _rtcp) = crate::udp::bind_pair([127, 0, 0, 1].into(), None, crate::udp::Options::CLIENT).unwrap();
    let port = taken.local_addr().unwrap().port();
    let options = Options { rtp_port: port, ..server.options("testcard") };
    let mut client = Client::new(options.clone()).unwrap();
    client.set_goal(Goal::Play { from: None });
    let Seen::SetUp(presentation) = until(&mut client, |seen| matches!(seen, Seen::SetUp(_))) else { unreachable!() };
    let MediaTransport::Udp { rtp_port, rtcp_port } = presentation.transport else { panic!("not UDP") };
    assert!(rtp_port > port && rtp_port.is_multiple_of(2) && rtcp_port == rtp_port + 1);
    until(&mut client, is_frame);

    assert!(matches!(Client::new(Options { rtp_port: port + 1, ..options }), Err(Error::RtpPort(_))));
    assert!(matches!(Client::new(Options::new("http://x/")), Err(Error::Url(_))));
}

#[test]
fn names_are_resolved_without_blocking() {
    let server = Running::start();
    let url = format!("rtsp://localhost:{}/testcard", server.address.port());
    let mut client = Client::new(Options { rtp_port: 0, ..Options::new(url) }).unwrap();
    client.set_goal(Goal::Play { from: None });
    // `localhost` may mean an address first that nobody listens at.
    until(&mut client, is_frame);

    let mut client = Client::new(Options::new("rtsp://no-such-host.invalid/x")).unwrap();
    client.set_goal(Goal::Play { from: None });
    let started = Instant::now();
    // On a busy machine, the answer may be there already.
    assert!(matches!(client.next(Some(started)), Ok(None) | Err(Error::Resolve(..))));
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[test]
fn an_iterator_gives_the_frames_of_a_film_and_ends_with_it() {
    let server = Running::start();
    let numbers: Vec<u32> = play(server.options("movie.Mjpeg")).unwrap().map(|frame| frame.unwrap().number).collect();
    assert!((490..=500).contains(&numbers.len()), "{}", numbers.len());
    assert!(numbers.is_sorted());
    let mut frames = play(server.options("missing")).unwrap();
    let error = frames.next().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the server has nothing of that name (404 Not Found)");
    assert!(frames.next().is_none(), "there are no more after an error");
}

#[test]
fn an_iterator_that_is_stopped_ends() {
    let server = Running::start();
    let mut frames = play(server.options("testcard")).unwrap();
    assert!(frames.next().unwrap().is_ok());
    let handle = frames.client().handle();
    assert!(handle.set_goal(Goal::Stop));
    assert!(frames.all(|frame| frame.is_ok()));
    let mut frames = play(server.options("testcard")).unwrap();
    frames.client().handle().set_goal(Goal::Stop);
    assert!(frames.next().is_none(), "it never began");
}

#[cfg(feature = "futures")]
mod stream {
    use super::*;
    use futures_core::Stream;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Poll, Wake};

    struct Unpark(thread::Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    fn next(stream: &mut FrameStream) -> Option<Result<PlayedFrame, Error>> {
        let waker = Arc::new(Unpark(thread::current())).into();
        loop {
            match Pin::new(&mut *stream).poll_next(&mut Context::from_waker(&waker)) {
                Poll::Ready(item) => return item,
                Poll::Pending => thread::park_timeout(PATIENCE),
            }
        }
    }

    #[test]
    fn a_stream_gives_frames_and_ends_when_it_is_stopped() {
        let server = Running::start();
        let mut stream = play_stream(server.options("testcard")).unwrap();
        for _ in 0..5 {
            assert!(next(&mut stream).unwrap().unwrap().jpeg.starts_with(&[0xff, 0xd8]));
        }
        stream.handle().set_goal(Goal::Stop);
        while let Some(item) = next(&mut stream) {
            item.unwrap();
        }
    }

    #[test]
    fn a_reader_that_lags_behind_gets_the_newest_frames() {
        let server = Running::start();
        let mut stream = play_stream(server.options("testcard")).unwrap();
        let first = next(&mut stream).unwrap().unwrap().number;
        thread::sleep(Duration::from_millis(2500));
        let numbers: Vec<u32> = (0..30).map(|_| next(&mut stream).unwrap().unwrap().number).collect();
        assert!(numbers[0] > first + 1 && numbers.is_sorted(), "{first} {numbers:?}");
    }

    #[test]
    fn an_error_is_the_last_thing_that_a_stream_gives() {
        let server = Running::start();
        let mut stream = play_stream(server.options("missing")).unwrap();
        assert!(matches!(next(&mut stream), Some(Err(Error::Refused { .. }))));
        assert!(next(&mut stream).is_none());
    }

    #[test]
    fn streams_that_are_dropped_leave_no_thread_behind() {
        let server = Running::start();
        let streams: Vec<_> = (0..3).map(|_| play_stream(server.options("testcard")).unwrap()).collect();
        let handles: Vec<_> = streams.iter().map(FrameStream::handle).collect();
        drop(streams);
        for handle in handles {
            let deadline = Instant::now() + PATIENCE;
            while handle.wake() {
                assert!(Instant::now() < deadline, "its client is still there");
                thread::sleep(Duration::from_millis(5));
            }
        }
    }
}
