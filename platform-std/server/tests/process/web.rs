//! The program as browsers see it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use super::{Folder, PATIENCE, Running, heeding, picture};

impl Running {
    /// All URLs that it prints, up to the one of the page.
    pub(super) fn urls_to_page(&mut self) -> Vec<String> {
        let mut urls = Vec::new();
        for line in BufReader::new(self.0.stdout.as_mut().unwrap()).lines().map(Result::unwrap) {
            let is_page = line.starts_with("http://");
            urls.push(line);
            if is_page {
                return urls;
            }
        }
        panic!("there is no page: {urls:?}");
    }
}

/// Host and port of the page's URL.
fn address(page: &str) -> &str {
    page.trim_start_matches("http://").trim_end_matches('/')
}

/// The answer to a request, to the end of the connection.
pub(super) fn ask(page: &str, request: &str, headers: &str, body: &[u8]) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(address(page)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!("{request} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}\r\n", address(page));
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let body = answer.split_off(end);
    (String::from_utf8(answer).unwrap(), body)
}

#[test]
fn a_film_is_shown_picture_by_picture_and_at_any_time() {
    let folder = Folder::new("web-film");
    let pictures: Vec<Vec<u8>> = (1..5).map(|number| picture(number * 16)).collect();
    let film = folder.file_of("film.mjpeg", &pictures.concat());
    let mut server = Running::start(&[], &[&film, "--frame-rate", "20", "--http", "0"]);
    let page = server.urls_to_page().pop().unwrap();
    let (head, body) = ask(&page, "GET /film.mjpeg.mjpg", "", b"");
    assert!(head.starts_with("HTTP/1.0 200") && head.contains("multipart/x-mixed-replace"), "{head}");
    let mut rest = &body[..];
    for picture in &pictures {
        let at = rest.windows(picture.len()).position(|window| window == picture).expect("each picture, in its order");
        rest = &rest[at + picture.len()..];
    }
    let (head, body) = ask(&page, "GET /streams/film.mjpeg/snapshot.jpg?t=0.1", "", b"");
    assert!(head.starts_with("HTTP/1.1 200") && body == pictures[2], "{head}");
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    let again = ask(&page, "GET /film.mjpeg.jpg?t=0.1", &format!("If-None-Match: {tag}\r\n"), b"");
    assert!(again.0.starts_with("HTTP/1.1 304") && again.1.is_empty(), "{again:?}");
    let (head, body) = ask(&page, "GET /film.mjpeg.jpg?t=9", "", b"");
    assert!(head.starts_with("HTTP/1.1 404"), "{head}{}", String::from_utf8_lossy(&body));
}

#[test]
fn what_is_sent_by_post_is_shown() {
    let mut server = Running::start(&[], &["yard=push:", "--http", "0"]);
    let page = server.urls_to_page().pop().unwrap();
    assert!(ask(&page, "GET /yard.jpg", "", b"").0.starts_with("HTTP/1.1 503"), "nobody has sent a picture");
    let picture = picture(32);
    let length = format!("Content-Type: image/jpeg\r\nContent-Length: {}\r\n", picture.len());
    assert!(ask(&page, "POST /streams/yard", &length, &picture).0.starts_with("HTTP/1.1 200"));
    assert!(ask(&page, "POST /streams/none", &length, &picture).0.starts_with("HTTP/1.1 404"));
    assert!(ask(&page, "GET /streams/yard", "", b"").0.starts_with("HTTP/1.1 405"));
    let junk = "Content-Length: 4\r\n";
    assert!(ask(&page, "POST /streams/yard", junk, b"junk").0.starts_with("HTTP/1.1 415"));
}

#[test]
fn a_short_address_means_an_input_where_there_is_a_folder_of_films_too() {
    let folder = Folder::new("web-folder");
    folder.file_of("film.mjpeg", &picture(16));
    let mut server = Running::start(&[], &["yard=push:", "--http", "0", &folder.0.display().to_string()]);
    let page = server.urls_to_page().pop().unwrap();
    let picture = picture(32);
    let length = format!("Content-Type: image/jpeg\r\nContent-Length: {}\r\n", picture.len());
    assert!(ask(&page, "POST /streams/yard", &length, &picture).0.starts_with("HTTP/1.1 200"));
    for (path, status) in [("/yard.jpg", "200"), ("/film.mjpeg.jpg", "200"), ("/none.jpg", "404")] {
        assert_eq!(&ask(&page, &format!("GET {path}"), "", b"").0["HTTP/1.1 ".len()..][..3], status, "{path}");
    }
}

#[test]
fn what_is_recorded_is_listed_and_shown_to_those_who_may_watch_the_stream() {
    let folder = Folder::new("web-recordings");
    let recordings = folder.0.join("recordings");
    let input = format!("yard=push:#record={}#keep=1GB", recordings.display());
    let mut server = Running::start(&[], &[&input, "--http", "0"]);
    let page = server.urls_to_page().pop().unwrap();
    let picture = picture(32);
    let length = format!("Content-Type: image/jpeg\r\nContent-Length: {}\r\n", picture.len());
    assert!(ask(&page, "POST /streams/yard", &length, &picture).0.starts_with("HTTP/1.1 200"));
    let name = loop {
        let (head, body) = ask(&page, "GET /api/streams/yard/recordings", "", b"");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let body = String::from_utf8(body).unwrap();
        assert!(body.contains("\"stream\":\"yard\""), "{body}");
        if let Some(at) = body.find("\"name\":\"") {
            break body[at + 8..].split('"').next().unwrap().to_owned();
        }
    };
    let path = format!("GET /streams/yard/recordings/{name}/snapshot.jpg");
    // It may be about to be written.
    while !ask(&page, &path, "", b"").0.starts_with("HTTP/1.1 200") {}
    assert_eq!(ask(&page, &path, "", b"").1, picture);
    let address = format!("GET /streams/yard/recordings/{name}");
    let file = std::fs::read(recordings.join(&name)).unwrap();
    let (head, body) = ask(&page, &address, "", b"");
    assert!(head.starts_with("HTTP/1.1 200") && head.contains(&format!("yard-{name}")), "{head}");
    assert!(body == file, "{} bytes of {}", body.len(), file.len());
    let (head, body) = ask(&page, &address, "Range: bytes=10-19\r\n", b"");
    assert!(head.starts_with("HTTP/1.1 206") && body == file[10..20], "{head}");
    let (head, _) = ask(&page, &address, "Range: bytes=9999999-\r\n", b"");
    assert!(head.starts_with("HTTP/1.1 416") && head.contains(&format!("bytes */{}", file.len())), "{head}");
    let (head, body) = ask(&page, &address.replacen("GET", "HEAD", 1), "", b"");
    assert!(head.contains(&format!("content-length: {}\r\n", file.len())) && body.is_empty(), "{head}");
    let told = String::from_utf8(ask(&page, "GET /api/streams", "", b"").1).unwrap();
    assert!(told.contains("\"recording\":{\"bytes\":") && told.contains("\"running\":true"), "{told}");
    let measured = String::from_utf8(ask(&page, "GET /metrics", "", b"").1).unwrap();
    assert!(measured.contains("mutoscope_recording_frames_total{stream=\"yard\"} 1\n"), "{measured}");
    let missing = ["/streams/yard/recordings/20200101T000000Z.mkv", "/streams/none/recordings/20200101T000000Z.mkv"];
    let others = ["/api/streams/none/recordings", "/api/streams/yard/recordings/recordings"];
    for nothing in others.into_iter().chain(missing) {
        assert!(ask(&page, &format!("GET {nothing}"), "", b"").0.starts_with("HTTP/1.1 404"), "{nothing}");
    }
    drop(server);
    // The same, where somebody else may watch it.
    let rules = format!("[streams.yard]\ninput = {input:?}\nwatch = [\"10.0.0.0/8\"]\n", input = &input[5..]);
    let config = folder.file_of("config.toml", rules.as_bytes());
    let mut server = Running::start(&[], &["--config", &config, "--http", "0"]);
    let page = server.urls_to_page().pop().unwrap();
    for path in [&path[..], &address, "GET /api/streams/yard/recordings", "GET /streams/yard/snapshot.jpg"] {
        let (head, _) = ask(&page, path, "", b"");
        assert!(head.starts_with("HTTP/1.1 401") || head.starts_with("HTTP/1.1 403"), "{path}: {head}");
    }
}

/// A part of a body that is read as it comes: its head, and its picture.
fn part(stream: &mut impl BufRead) -> (String, Vec<u8>) {
    let (mut head, mut line) = (String::new(), String::new());
    loop {
        line.clear();
        assert!(stream.read_line(&mut line).unwrap() > 0, "the stream has ended");
        match line.trim_end() {
            "" if head.contains("Content-Length") => break,
            _ => head.push_str(&line),
        }
    }
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    (head, body)
}

#[test]
fn while_an_input_is_away_a_picture_says_so_and_those_who_watch_stay() {
    let mut server = Running::start(&[], &["yard=push:#no-signal", "--http", "0"]);
    let urls = server.urls_to_page();
    let page = urls.last().unwrap();
    assert!(super::describe(&urls[0]).starts_with("RTSP/1.0 200"), "who comes need not wait");
    let mut viewer = TcpStream::connect(address(page)).unwrap();
    viewer.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(viewer, "GET /yard.mjpg HTTP/1.1\r\nHost: {}\r\n\r\n", address(page)).unwrap();
    let (mut viewer, mut last) = (BufReader::new(viewer), 0.0);
    let mut next = |is_signal: bool| loop {
        let (head, picture) = part(&mut viewer);
        let timestamp = head.lines().find_map(|line| line.strip_prefix("X-Timestamp: ")).unwrap().parse().unwrap();
        assert!(timestamp > last, "{head}");
        last = timestamp;
        if head.contains("X-No-Signal: nobody publishes this stream at the moment") != is_signal {
            return picture;
        }
    };
    let picture = picture(32);
    let length = format!("Content-Type: image/jpeg\r\nContent-Length: {}\r\n", picture.len());
    for _ in 0..2 {
        assert_ne!(next(false), picture);
        assert!(ask(page, "POST /streams/yard", &length, &picture).0.starts_with("HTTP/1.1 200"));
        assert_eq!(next(true), picture);
    }
    next(false);
    let (head, _) = ask(page, "GET /yard.jpg", "", b"");
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("x-no-signal: nobody"), "{head}");
    let told = String::from_utf8(ask(page, "GET /api/streams", "", b"").1).unwrap();
    assert!(told.contains("\"state\":\"absent\"") && told.contains("\"width\":32"), "{told}");
    let measured = String::from_utf8(ask(page, "GET /metrics", "", b"").1).unwrap();
    assert!(measured.contains("mutoscope_stream_frames_total{stream=\"yard\"} 2\n"), "{measured}");
}

#[test]
fn a_port_that_is_taken_is_told_with_its_option() {
    let mut first = Running::start(&[], &["--http", "0"]);
    let page = first.urls_to_page().pop().unwrap();
    let port = page.trim_end_matches('/').rsplit(':').next().unwrap().to_owned();
    let (code, _, log) = Running::start(&[], &["--http", &port]).wait();
    assert_eq!(code, Some(1));
    assert!(log.contains("choose another with --http"), "{log}");
    let (code, _, log) = Running::start(&[], &["--https", "0"]).wait();
    let expected = if cfg!(feature = "tls") { "ask for both" } else { "--features tls builds it in" };
    assert!(code == Some(1) && log.contains(expected), "{log}");
}

#[cfg(feature = "onvif")]
#[test]
fn a_video_recorder_asks_by_onvif_and_has_an_account_of_its_own() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("onvif");
    let users = folder.0.join("onvif").to_str().unwrap().to_owned();
    let passwd = |arguments: &[&str], password: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mutoscope-server"));
        command.args([&["passwd"], arguments].concat()).stdin(std::process::Stdio::piped());
        let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        child.wait_with_output().unwrap().status.code()
    };
    assert_eq!(passwd(&["--onvif", &users, "nvr"], "a secret\n"), Some(0));
    assert_eq!(passwd(&["--onvif", &users, "old"], "x\n"), Some(0));
    assert_eq!(passwd(&["--onvif", "--delete", &users, "old"], ""), Some(0));
    assert_eq!(passwd(&["--onvif", "--delete", &users, "old"], ""), Some(1));
    let kept = std::fs::read_to_string(&users).unwrap();
    assert!(kept.ends_with("\nnvr:a secret\n"), "{kept}");
    assert_eq!(std::fs::metadata(&users).unwrap().permissions().mode() & 0o777, 0o600);

    let soap = |service: &str, operation: &str| {
        format!(
            "<e:Envelope xmlns:e='http://www.w3.org/2003/05/soap-envelope'><e:Body><{operation} \
             xmlns='http://www.onvif.org/ver10/{service}/wsdl'/></e:Body></e:Envelope>"
        )
    };
    let call = |page: &str, operation: &str, service: &str| {
        let body = soap(service, operation);
        let length = format!("Content-Length: {}\r\n", body.len());
        let (head, body) = ask(page, "POST /onvif/device_service", &length, body.as_bytes());
        head + &String::from_utf8(body).unwrap()
    };
    let mut server = Running::start(&[], &["--http", "0", "--onvif"]);
    let urls = server.urls_to_page();
    let page = urls.last().unwrap();
    let profiles = call(page, "GetProfiles", "media");
    assert!(profiles.starts_with("HTTP/1.1 200") && profiles.contains("<tt:Name>testcard</tt:Name>"), "{profiles}");
    let services = call(page, "GetServices", "device");
    assert!(services.contains(&format!("<tds:XAddr>{page}onvif/media_service</tds:XAddr>")), "{services}");
    drop(server);
    let mut server = Running::start(&[], &["--http", "0", "--onvif", "--onvif-users", &users]);
    let page = server.urls_to_page().pop().unwrap();
    assert!(call(&page, "GetSystemDateAndTime", "device").starts_with("HTTP/1.1 200"));
    let refused = call(&page, "GetProfiles", "media");
    assert!(refused.starts_with("HTTP/1.1 401") && !refused.contains("testcard"), "{refused}");
    drop(server);
    // It is off where nobody asks for it, and where there is nothing to speak it by.
    let mut server = Running::start(&[], &["--http", "0"]);
    let page = server.urls_to_page().pop().unwrap();
    assert!(call(&page, "GetSystemDateAndTime", "device").starts_with("HTTP/1.1 404"));
    for (arguments, words) in [
        (&["--onvif"][..], "--onvif takes --http PORT"),
        (&["--onvif-users", &users, "--users", &users], "it is not name:realm:hash"),
        (&["--onvif-users", "/nonexistent"], "passwd --onvif /nonexistent NAME"),
    ] {
        let (code, _, log) = Running::start(&[], arguments).wait();
        assert!(code == Some(1) && log.contains(words) && !log.contains("a secret"), "{log}");
    }
    std::fs::set_permissions(&users, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (code, _, log) = Running::start(&[], &["--onvif-users", &users]).wait();
    assert!(code == Some(1) && log.contains("chmod 600"), "{log}");
}

/// A request with a description of a stream: the status of its answer, and its body.
fn change(page: &str, request: &str, headers: &str, body: &str) -> (u16, String) {
    let headers = format!("{headers}Content-Length: {}\r\n", body.len());
    let (head, body) = ask(page, request, &headers, body.as_bytes());
    (head.split(' ').nth(1).unwrap().parse().unwrap(), String::from_utf8(body).unwrap())
}

/// What is sent to describe this input.
fn input(input: &str) -> String {
    format!("{{\"input\": {input:?}}}")
}

#[test]
fn streams_are_added_and_removed_by_those_who_administer_the_server() {
    let folder = Folder::new("web-added");
    let film = folder.file("film.mjpeg");
    let config = folder.file_of("config.toml", b"[streams.door]\ninput = \"push:\"\n");
    let options = [&film, "--config", &config, "--http", "0", "--admin", "127.0.0.1"];
    let mut server = Running::start(heeding(1), &options);
    let page = server.urls_to_page().pop().unwrap();
    let put = |name: &str, text: &str| change(&page, &format!("PUT /api/streams/{name}"), "", &input(text));
    let names = || {
        let list = String::from_utf8(ask(&page, "GET /api/streams", "", b"").1).unwrap();
        let names = list.split("\"name\":\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    let (status, added) = put("back%20yard", "push:#rate=5");
    assert_eq!((status, added.contains("\"name\":\"back yard\"")), (201, true), "{added}");
    assert_eq!(put("back%20yard", "push:#rate=5").0, 200, "it is the same");
    assert_eq!(put("far", "http://anna:geheim@192.0.2.7/x?key=geheim").0, 201);
    assert_eq!(names(), ["door", "back yard", "far", "film.mjpeg"]);
    // It is a stream as others are.
    let picture = picture(32);
    let length = format!("Content-Type: image/jpeg\r\nContent-Length: {}\r\n", picture.len());
    assert!(ask(&page, "POST /streams/back%20yard", &length, &picture).0.starts_with("HTTP/1.1 200"));
    // What the configuration names is not touched, nor what is not understood or allowed.
    for (name, text, expected) in [
        ("door", "push:", 409),
        ("film.mjpeg", "push:", 409),
        ("x", "exec:touch /tmp/x", 403),
        ("x", "/etc/passwd", 403),
        ("x", "-", 403),
        ("x", "http://${HOME}/", 403),
        ("x", "push:#record=/tmp", 403),
        ("x", &page, 403),
        ("x", "push:#rate=fast", 400),
        ("x", "http://", 400),
        ("a%2Fb", "push:", 400),
        ("a/b", "push:", 400),
        ("a%00b", "push:", 400),
        ("%2e%2e", "push:", 400),
        ("%ff", "push:", 404),
    ] {
        let (status, why) = put(name, text);
        assert_eq!(status, expected, "{name}={text}: {why}");
    }
    let request = "PUT /api/streams/x";
    assert_eq!(change(&page, request, "", "push:").0, 400);
    assert_eq!(change(&page, request, "Origin: http://evil.example\r\n", &input("push:")).0, 403);
    assert_eq!(change(&page, request, "Sec-Fetch-Site: cross-site\r\n", &input("push:")).0, 403);
    // What was added stays when the configuration is read again, and gives way to a stream of the same name.
    fs::write(&config, "[streams.door]\ninput = \"push:\"\n[streams.far]\ninput = \"push:\"\n").unwrap();
    server.signal("-HUP");
    let log = server.log_until("was read again: 3 inputs");
    assert!(log.contains("far: the stream that was added gives way"), "{log}");
    assert!(log.contains("back yard: it was added by 127.0.0.1") && !log.contains("geheim"), "{log}");
    assert_eq!(names(), ["door", "far", "back yard", "film.mjpeg"]);
    let remove = |name: &str| change(&page, &format!("DELETE /api/streams/{name}"), "", "").0;
    assert_eq!(["far", "film.mjpeg", "none", "back%20yard", "back%20yard"].map(remove), [409, 409, 404, 200, 404]);
    assert!(ask(&page, "GET /streams/back%20yard/snapshot.jpg", "", b"").0.starts_with("HTTP/1.1 404"));
    assert_eq!(names(), ["door", "far", "film.mjpeg"]);
    // There is an end of it.
    for number in 0..100 {
        assert_eq!(put(&format!("more{number}"), "http://192.0.2.7/").0, 201);
    }
    assert_eq!(put("one-more", "http://192.0.2.7/").0, 409);
    assert_eq!([remove("more7"), put("one-more", "push:").0], [200, 201]);
}

#[test]
fn who_publishes_a_stream_that_is_removed_is_sent_away() {
    let mut server = Running::start(&[], &["yard=push:", "--http", "0", "--admin", "127.0.0.1"]);
    let urls = server.urls_to_page();
    let page = urls.last().unwrap();
    assert_eq!(change(page, "PUT /api/streams/cam", "", &input("push:")).0, 201);
    let description = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\n";
    let url = urls[0].replace("/yard", "/cam");
    let mut publisher = TcpStream::connect(super::address(&url)).unwrap();
    publisher.set_read_timeout(Some(PATIENCE)).unwrap();
    let (kind, length) = ("Content-Type: application/sdp", description.len());
    let announce = format!("ANNOUNCE {url} RTSP/1.0\r\nCSeq: 1\r\n{kind}\r\nContent-Length: {length}\r\n\r\n");
    publisher.write_all((announce + description).as_bytes()).unwrap();
    let mut status = [0; 15];
    publisher.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"RTSP/1.0 200 OK");
    assert_eq!(change(page, "DELETE /api/streams/cam", "", "").0, 200);
    // Its next packet, or a sign of life.
    publisher.write_all(format!("OPTIONS {url} RTSP/1.0\r\nCSeq: 2\r\n\r\n").as_bytes()).unwrap();
    publisher.read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn nobody_else_adds_or_removes_streams() {
    let mut server = Running::start(&[], &["yard=push:", "--http", "0"]);
    let page = server.urls_to_page().pop().unwrap();
    assert_eq!(change(&page, "PUT /api/streams/x", "", &input("push:")).0, 403);
    assert_eq!(change(&page, "DELETE /api/streams/yard", "", "").0, 403);
    assert_eq!(change(&page, "POST /api/streams/x", "", &input("push:")).0, 405);
}
