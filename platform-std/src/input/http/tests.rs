use super::super::State;
use super::super::spec::{Source, Spec};
use super::super::testing::{PATIENCE as LONG, Running};
use super::*;
use crate::media::testing::frames;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

/// A server whose part the test takes.
struct Server(TcpListener);

/// A request, and the connection that it came over.
struct Asked {
    request: String,
    stream: TcpStream,
}

impl Server {
    fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn input(&self, user_info: &str, target: &str) -> Http {
        let url = format!("cam=http://{user_info}{}{target}", self.0.local_addr().unwrap());
        let spec = Spec::parse_with(&url, |_| None).unwrap();
        let Source::Http(remote) = spec.source() else { panic!("{url}") };
        Http::new(remote.clone(), Some(Duration::from_millis(1)))
    }

    fn asked(&self) -> Asked {
        let (stream, _) = self.0.accept().unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut asked = Asked { request: String::new(), stream };
        asked.read();
        asked
    }
}

impl Asked {
    /// Reads the next request over the same connection.
    fn read(&mut self) {
        self.request.clear();
        let mut reader = BufReader::with_capacity(1, &self.stream);
        while !self.request.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut self.request).unwrap() > 0, "{}", self.request);
        }
    }

    fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Answers with this status line, these fields and this body.
    fn answer(&mut self, status: &str, fields: &str, body: &[u8]) {
        let length = body.len();
        self.write(format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{fields}\r\n"));
        self.write(body);
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.request.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// Cuts bytes into chunks.
fn chunked(bytes: &[u8], len: usize) -> Vec<u8> {
    bytes.chunks(len).flat_map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat()).collect()
}

#[test]
fn streams_in_the_dialects_of_the_wild_show_every_picture() {
    const PROPER: &str = "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=b\r\n\r\n";
    let lengths = |head: &str, len: usize| head.replace("LEN", &len.to_string());
    // The answer's head, what stands before each picture, and behind it.
    let dialects: [(&str, &str, &str); 14] = [
        (PROPER, "--b\r\nContent-Type: image/jpeg\r\nContent-Length: LEN\r\n\r\n", "\r\n"),
        (
            "HTTP/1.0 200 OK\r\nConnection: close\r\nServer: MJPG-Streamer/0.2\r\n\
                Content-Type: multipart/x-mixed-replace;boundary=boundarydonotcross\r\n\r\n--boundarydonotcross\r\n",
            "Content-Type: image/jpeg\r\nContent-Length: LEN\r\nX-Timestamp: 1700000000.250000\r\n\r\n",
            "\r\n--boundarydonotcross\r\n",
        ),
        // Boundaries without dashes, with too many, quoted, told wrong, not told.
        (PROPER, "b\r\nContent-Type: image/jpeg\r\n\r\n", "\r\n"),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=--b\r\n\r\n",
            "--b\r\nContent-Length: LEN\r\n\r\n",
            "\r\n",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: Multipart/X-Mixed-Replace; boundary=\"--b c\"\r\n\r\n",
            "----b c\r\n\r\n",
            "\r\n",
        ),
        (PROPER, "\r\n--other\r\nContent-Type: image/jpeg\r\n\r\n", ""),
        ("HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace\r\n\r\n", "--b\n\n", "\n"),
        // Lengths that are wrong.
        (PROPER, "--b\r\nContent-Length: 7\r\n\r\n", "\r\n"),
        (PROPER, "--b\r\nContent-Length: 1LEN\r\n\r\n", "\r\n"),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace\r\nContent-Length: 0\r\n\r\n",
            "--b\r\nContent-Length: LEN\r\n\r\n",
            "\r\n",
        ),
        // Types that are wrong.
        ("HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n", "", ""),
        ("HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n", "", ""),
        ("HTTP/1.1 200 OK\n\n", "--b\nContent-Type: image/jpeg\n\n", "\n"),
        // No HTTP at all.
        ("", "\r\n--b\r\nContent-Type: image/jpeg\r\nContent-Length: LEN\r\n\r\n", ""),
    ];
    for (head, before, behind) in dialects {
        let server = Server::new();
        let mut running = Running::start(server.input("", "/stream?x=1"));
        let mut asked = server.asked();
        assert!(asked.request.starts_with("GET /stream?x=1 HTTP/1.1\r\nHost: 127.0.0.1:"), "{}", asked.request);
        asked.write(head);
        for frame in frames(6) {
            asked.write([lengths(before, frame.len()).as_bytes(), &frame, behind.as_bytes()].concat());
            assert_eq!(running.watcher.next().1, frame, "{head}{before}");
        }
        assert!(matches!(running.state(), State::Running { .. }));
        drop(asked);
        running.watcher.wait_for_reason(|reason| reason == "its stream has ended");
    }
}

#[test]
fn chunks_may_be_cut_anywhere() {
    for len in [1, 7, 4096] {
        let server = Server::new();
        let mut running = Running::start(server.input("", "/"));
        let mut asked = server.asked();
        asked.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/octet-stream\r\n\r\n");
        for frame in frames(6) {
            let part = [b"\r\n--ffmpeg\r\nContent-type: image/jpeg\r\n\r\n", &frame[..]].concat();
            asked.write(chunked(&part, len));
            assert_eq!(running.watcher.next().1, frame);
        }
        asked.write("0\r\n\r\n");
        running.watcher.wait_for_reason(|reason| reason == "its stream has ended");
    }
}

#[test]
fn single_pictures_are_asked_for_again_over_one_connection_and_only_where_they_changed() {
    let server = Server::new();
    let mut running = Running::start(server.input("", "/snap.jpg"));
    let mut asked = server.asked();
    let expected = frames(3);
    for (number, frame) in expected.iter().enumerate() {
        asked.answer("200 OK", &format!("Content-Type: image/jpeg\r\nETag: \"{number}\"\r\n"), frame);
        assert_eq!(running.watcher.next().1, *frame);
        for _ in 0..2 {
            asked.read();
            assert_eq!(asked.field("If-None-Match"), Some(format!("\"{number}\"").as_str()));
            asked.write("HTTP/1.1 304 Not Modified\r\n\r\n");
        }
        asked.read();
    }
    // Without a name for the picture nothing is said of one, and the connection may be closed each time.
    for frame in &expected {
        asked.answer("200 OK", "Connection: close\r\nLast-Modified: today\r\n", frame);
        assert_eq!(running.watcher.next().1, *frame);
        asked = server.asked();
        assert_eq!((asked.field("If-None-Match"), asked.field("If-Modified-Since")), (None, Some("today")));
    }
    // One that is kept may be closed before the next request comes. Without a length the picture ends there.
    asked.write("HTTP/1.1 200 OK\r\n\r\n");
    asked.write(&expected[0]);
    drop(asked);
    assert_eq!(running.watcher.next().1, expected[0]);
    let mut asked = server.asked();
    asked.answer("200 OK", "", &expected[1]);
    drop(asked);
    assert_eq!(running.watcher.next().1, expected[1]);
    server.asked();
}

#[test]
fn a_camera_that_wants_user_and_password_gets_them() {
    let frame = &frames(1)[0];
    for (challenge, begin) in [
        ("WWW-Authenticate: Basic realm=\"cam\"\r\n", "Basic YW5uYTpwQHM="),
        (
            "WWW-Authenticate: Basic realm=\"cam\"\r\nWWW-Authenticate: Digest realm=\"cam\", nonce=\"5f\", qop=\"auth\"\r\n",
            "Digest username=\"anna\", realm=\"cam\", nonce=\"5f\", uri=\"/x?y=1\", response=\"",
        ),
    ] {
        let server = Server::new();
        let mut running = Running::start(server.input("anna:p%40s@", "/x?y=1"));
        let mut asked = server.asked();
        assert_eq!(asked.field("Authorization"), None);
        asked.answer("401 Unauthorized", challenge, b"<html>who are you?</html>");
        asked.read();
        assert!(asked.field("Authorization").unwrap().starts_with(begin), "{}", asked.request);
        asked.answer("200 OK", "", frame);
        assert_eq!(running.watcher.next().1, *frame);
        asked.read();
        assert!(asked.field("Authorization").unwrap().starts_with(begin), "{}", asked.request);
        for _ in 0..2 {
            asked.answer("401 Unauthorized", "Connection: close\r\nWWW-Authenticate: Basic realm=\"x\"\r\n", b"");
            asked = server.asked();
        }
    }
}

/// What those are told who wait for pictures from a server that answers so.
fn reason(user_info: &str, answer: impl Fn(&mut Asked), expected: &str) {
    let server = Server::new();
    let running = Running::start(server.input(user_info, "/a/b?c"));
    let mut asked = server.asked();
    answer(&mut asked);
    drop(asked);
    running.watcher.wait_for_reason(|reason| reason == expected);
}

#[test]
fn what_is_wrong_is_told() {
    let basic = "WWW-Authenticate: Basic realm=\"cam\"\r\n";
    reason("", |asked| asked.answer("401 No", basic, b""), "it wants to know user and password");
    reason("", |asked| asked.answer("404 Not Found", "", b"no"), "it answers with status 404");
    reason("", |asked| asked.answer("200 OK", "", b"<html>"), "what it answers holds no JPEG picture");
    reason("", |asked| asked.write("HTTP/1.1 200\r"), "it closes the connection without an answer");
    reason("", |asked| asked.write("HTTP/x\r\n\r\n"), "what it answers is not HTTP");
    let long = format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(20_000));
    reason(
        "",
        |asked| {
            // It may have hung up by then.
            let _ = asked.stream.write_all(long.as_bytes());
            let _ = asked.stream.read(&mut [0]);
        },
        "its answer has too long a head",
    );
    reason(
        "anna:wrong@",
        |asked| {
            asked.answer("401 No", basic, b"");
            asked.read();
            asked.answer("401 No", basic, b"");
        },
        "it refuses this user and password",
    );
    for (location, told) in [
        ("http://192.0.2.1/x", "it leads elsewhere: to another host"),
        ("//localhost/x", "it leads elsewhere: to another host"),
        ("ftp://127.0.0.1/x", "it leads elsewhere: to another scheme than http://, or out of TLS"),
        ("http://", "it leads elsewhere: to what is no URL"),
        ("", "it leads elsewhere: it does not say where"),
    ] {
        reason("", |asked| asked.answer("302 Found", &format!("Location: {location}\r\n"), b""), told);
    }
}

#[test]
fn redirections_on_the_same_host_are_followed_and_not_without_end() {
    let (server, other) = (Server::new(), Server::new());
    let mut running = Running::start(server.input("anna:secret@", "/a/b?c"));
    let mut asked = server.asked();
    for (location, target) in
        [("d?e=f", "/a/d?e=f"), ("?g", "/a/d?g"), ("/h#i", "/h"), ("/i j%?\u{fc}", "/i%20j%25?%C3%BC")]
    {
        asked.answer("302 Found", &format!("Location: {location}\r\n"), b"there");
        asked.read();
        assert!(asked.request.starts_with(&format!("GET {target} HTTP/1.1\r\n")), "{}", asked.request);
    }
    let port = other.0.local_addr().unwrap().port();
    asked.answer("307 Found", &format!("Location: HTTP://x:y@127.0.0.1:{port}/j\r\n"), b"");
    let mut asked = other.asked();
    assert!(asked.request.starts_with(&format!("GET /j HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n")), "{}", asked.request);
    let frame = &frames(1)[0];
    asked.answer("200 OK", "", frame);
    assert_eq!(running.watcher.next().1, *frame);
    for _ in 0..MAX_REQUESTS {
        asked.read();
        asked.answer("302 Found", "Location: /j\r\n", b"");
    }
    running.watcher.wait_for_reason(|reason| reason == "it leads from one address to another, without end");
}

#[test]
fn a_server_that_is_silent_is_given_up_and_one_that_hangs_holds_nobody_up() {
    let server = Server::new();
    let patience = Duration::from_millis(30);
    let mut running = Running::start(Http { patience, ..server.input("", "/") });
    let mut asked = server.asked();
    let frame = &frames(1)[0];
    asked.write("HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace\r\n\r\n");
    asked.write(frame);
    assert_eq!(running.watcher.next().1, *frame);
    running.watcher.wait_for_reason(|reason| reason == "nothing comes from it any more");
    // It is connected anew, and viewers go on.
    let mut asked = server.asked();
    asked.write("HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace\r\n\r\n");
    asked.write(frame);
    assert_eq!(running.watcher.next(), (1, frame.clone()));
    // One that never answers.
    let running = Running::start(server.input("", "/"));
    let _asked = server.asked();
    let before = Instant::now();
    drop(running);
    assert!(before.elapsed() < Duration::from_secs(2), "it is stopped at once");
}

#[test]
fn a_part_without_end_takes_no_more_memory_than_a_picture() {
    let server = Server::new();
    let mut running = Running::start(server.input("", "/"));
    let mut asked = server.asked();
    let frame = &frames(1)[0];
    asked.write("HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace\r\n\r\n");
    // A picture of 20 MB, and one that can be shown.
    asked.write([&frame[..frame.len() - 2], &vec![0x55; 20_000_000]].concat());
    asked.write([&frame[frame.len() - 2..], frame].concat());
    assert_eq!(running.watcher.next(), (0, frame.clone()));
    // One that does not end.
    let endless = std::thread::spawn(move || {
        asked.write(&frames(1)[0][..600]);
        let piece = vec![0x55; 1 << 20];
        while asked.stream.write_all(&piece).is_ok() {}
    });
    running.watcher.wait_for_reason(|reason| reason.contains("no JPEG pictures"));
    endless.join().unwrap();
}

#[test]
fn an_address_of_ipv6_is_named_in_brackets_and_without_its_zone() {
    for (url, host) in [
        ("cam=http://[fe80::1%25eth0]:81/x", "Host: [fe80::1]:81\r\n"),
        ("cam=http://[::1]/x", "Host: [::1]\r\n"),
        ("cam=http://Camera:80/x", "Host: Camera:80\r\n"),
    ] {
        let spec = Spec::parse(url).unwrap();
        let Source::Http(remote) = spec.source() else { panic!("{url}") };
        let request = Client::new(remote, None, Reach::default()).unwrap().request();
        assert!(request.starts_with("GET /x HTTP/1.1\r\n") && request.contains(host), "{request}");
    }
}

#[test]
fn of_one_that_is_connected_and_sends_nothing_that_is_told() {
    let server = Server::new();
    let running = Running::start(server.input("", "/"));
    running.watcher.wait_for_reason(|reason| reason == "connected, but no picture has come yet");
}

#[cfg(feature = "tls")]
#[test]
fn https_is_verified_and_then_the_same() {
    use crate::media::testing::Folder;
    use crate::tls::{Certificates, Identity};
    let folder = Folder::new();
    let identity = Identity::SelfSigned { directory: folder.path().to_owned() };
    let certificates = Certificates::open(identity, &["127.0.0.1".to_owned()]).unwrap();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let input = |pin| {
        let spec = Spec::parse(&format!("cam=https://127.0.0.1:{}/x", server.local_addr().unwrap().port())).unwrap();
        let Source::Http(remote) = spec.source() else { panic!("it is a URL") };
        Http::new(remote.clone(), None).with_pin(pin)
    };
    let frame = frames(1)[0].clone();
    let mut running = Running::start(input(Some(certificates.fingerprint())));
    let (stream, _) = server.accept().unwrap();
    let mut stream = rustls::StreamOwned::new(certificates.session().unwrap(), stream);
    let mut request = [0; 1024];
    let len = stream.read(&mut request).unwrap();
    assert!(request[..len].starts_with(b"GET /x HTTP/1.1\r\nHost: 127.0.0.1:"));
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace\r\n\r\n").unwrap();
    stream.write_all(&frame).unwrap();
    assert_eq!(running.watcher.next().1, frame);
    drop((running, stream));
    // Somebody else.
    let running = Running::start(input(Some(crate::tls::Fingerprint([0; 32]))));
    let (stream, _) = server.accept().unwrap();
    let mut stream = rustls::StreamOwned::new(certificates.session().unwrap(), stream);
    assert!(stream.read(&mut request).is_err(), "nothing is asked of him");
    running.watcher.wait_for_reason(|reason| reason.contains("not the one that was pinned (#tls-pin=)"));
}
