//! The start page, and the ways to it.

use super::common::{Folder, Line, ServerProcess};
use super::selection::Owner;
use super::{Display, Window, film};
use mutoscope_std::announce::testing::announce_machine;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

impl Window<'_> {
    /// Waits until the start page is as wanted.
    fn page(&self, wanted: impl Fn(&Line) -> bool) -> Line {
        self.player.wait_for("start", |line| line.text("open") == "true" && wanted(line))
    }

    /// Waits until the start page is gone.
    fn no_page(&self) {
        self.player.wait_for("start", |line| line.text("open") == "false");
    }

    /// Waits for a picture of a stream that has just been opened, and tells how long that took.
    fn first_picture(&self, since: Instant) -> Duration {
        self.player.wait_for("opened", |_| true);
        self.player.wait_for("shown", |_| true);
        since.elapsed()
    }
}

#[test]
#[ignore = "takes a display: see above"]
fn an_address_is_typed_and_played_at_once_and_listed_the_next_time_without_its_password() {
    let (display, folder) = (Display::open(), Folder::new("start"));
    let (_server, url) = film(&folder);
    let config = folder.0.join("config");
    let window = Window::open_at(&display, &[], &config);
    window.page(|page| page.text("recent_0").is_empty());
    window.write("http://cam/x");
    window.key("Return");
    window.page(|page| page.text("complaint").starts_with("That is for a browser"));
    window.key("Escape");
    window.page(|page| page.number("typed") == Some(0.0) && page.text("complaint").is_empty());
    window.write(&url.replace("rtsp://", "anna:hunter2@"));
    let mut quickest = Duration::MAX;
    let since = Instant::now();
    window.key("Return");
    quickest = quickest.min(window.first_picture(since));
    // Escape leads back, and what was played is there.
    for _ in 0..2 {
        window.key("Escape");
        let page = window.page(|page| !page.text("recent_0").is_empty());
        assert_eq!(page.text("titles"), "film.mjpeg");
        window.key("Down");
        window.page(|page| page.text("focus") == "recent_0");
        let since = Instant::now();
        window.key("Return");
        quickest = quickest.min(window.first_picture(since));
    }
    assert!(quickest < Duration::from_millis(150), "the first picture took {quickest:?}");
    let file = config.join("state/mutoscope/recent");
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(kept.ends_with(&format!("\n{url}\n")) && !kept.contains("hunter2"), "{kept}");
    window.key("Escape");
    let page = window.page(|page| !page.text("remove_0").is_empty());
    window.click_in(&page, "remove_0");
    window.page(|page| page.text("recent_0").is_empty());
    assert!(!std::fs::read_to_string(&file).unwrap().contains("rtsp"));
    window.key("Escape");
    assert!(window.player.end().success(), "nobody minds what was left");
    let window = Window::open_at(&display, &[&url, "--no-recent"], &config);
    window.player.wait_for("shown", |_| true);
    window.quit();
    assert!(!std::fs::read_to_string(&file).unwrap().contains("rtsp"), "nothing was to be kept");
}

/// Answers everybody with this list of streams, from a thread.
fn page_of_streams(list: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 1024]);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", list.len());
            let _ = stream.write_all((head + &list).as_bytes());
        }
    });
    place
}

#[test]
#[ignore = "takes a display: see above"]
fn servers_of_the_network_are_listed_with_their_streams_as_they_come_and_go() {
    let display = Display::open();
    let server = ServerProcess::start(None);
    let place: SocketAddr = server.url("").split('/').nth(2).unwrap().parse().unwrap();
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let window = Window::open(&display, &["--mdns-port", &port.to_string(), "--no-recent"]);
    window.page(|page| page.text("network").starts_with("Listening"));
    // First it has no page, and tells of a stream. When it has one, all streams are listed.
    let mut announcer = announce_machine(port, place, None).unwrap();
    announcer.tell(["testcard"]).unwrap();
    window.page(|page| page.text("titles") == "testcard");
    let names = ["movie.Mjpeg", "testcard"]
        .map(|name| format!(r#"{{"name": "{name}", "rtsp": ["rtsp://x:{}/{name}"]}}"#, place.port()));
    let http = page_of_streams(format!(r#"{{"streams": [{}], "total": 2}}"#, names.join(",")));
    drop(announcer);
    let mut announcer = announce_machine(port, place, Some(http)).unwrap();
    announcer.tell(["testcard"]).unwrap();
    let page = window.page(|page| page.text("titles") == "movie.Mjpeg | testcard");
    let since = Instant::now();
    window.click_in(&page, "stream_1");
    window.first_picture(since);
    window.player.wait_for("shown", |line| line.number("strip") >= Some(0.0));
    window.key("Escape");
    window.page(|page| page.text("titles") == "movie.Mjpeg | testcard");
    drop(announcer);
    window.page(|page| page.text("titles").is_empty() && page.text("stream_0").is_empty());
    window.key("Escape");
    assert!(window.player.end().success());
}

#[test]
#[ignore = "takes a display: see above"]
fn an_address_is_pasted_anywhere_and_links_and_files_are_dropped() {
    let (display, folder) = (Display::open(), Folder::new("drop"));
    let (_server, url) = film(&folder);
    let window = Window::open(&display, &["--no-recent"]);
    window.page(|_| true);
    let copied = Owner::copy(&display, &format!("{url}\n"));
    window.key("ctrl+v");
    window.page(|page| page.number("typed") == Some(url.len() as f64));
    window.key("Return");
    window.first_picture(Instant::now());
    // Over a stream it is offered, and the stream goes on.
    window.key("ctrl+v");
    window.page(|page| page.number("typed") == Some(url.len() as f64) && !page.text("back").is_empty());
    window.key("Escape");
    window.key("Escape");
    window.no_page();
    drop(copied);
    let dropped = Owner::drop_onto(&display, &window.id, "text/plain", &url);
    window.first_picture(Instant::now());
    drop(dropped);
    let film = format!("file://{}", folder.file("film.mjpeg"));
    let dropped = Owner::drop_onto(&display, &window.id, "text/uri-list", &film);
    window.player.wait_for("toast", |line| line.text("text").contains("mutoscope-server /"));
    drop(dropped);
    let list = folder.file("list.m3u");
    std::fs::write(&list, format!("#EXTM3U\n{url}\n")).unwrap();
    let dropped = Owner::drop_onto(&display, &window.id, "text/uri-list", &format!("file://{list}"));
    window.first_picture(Instant::now());
    drop(dropped);
    window.quit();
}

#[test]
#[ignore = "takes a display: see above"]
fn each_notice_has_buttons_that_do_what_they_say() {
    let display = Display::open();
    let server = ServerProcess::start_guarded("hunter2");
    let window = Window::open(&display, &[&server.url("nothing"), "--no-recent"]);
    let steps =
        |names: &[&str]| window.player.wait_for("steps", |line| names.iter().all(|name| !line.text(name).is_empty()));
    window.dialog("password");
    window.key("Escape");
    let asked = steps(&["step_log_in", "step_other_address"]);
    window.click_in(&asked, "step_log_in");
    window.dialog("password");
    window.write("anna");
    window.key("Tab");
    window.write("hunter2");
    window.key("Return");
    let failed = steps(&["step_other_address", "step_try_again"]);
    window.click_in(&failed, "step_other_address");
    window.page(|page| !page.text("back").is_empty());
    window.key("Escape");
    window.no_page();
    window.key("o");
    window.page(|page| page.number("typed") == Some(0.0));
    window.key("Escape");
    window.no_page();
    window.key("Tab");
    window.player.wait_for("focus", |line| line.text("control").starts_with("step_"));
    window.key("Escape");
    // Enter does the most sensible thing.
    window.key("Return");
    window.page(|_| true);
    // What was typed for this server is still known.
    window.write(&server.url("movie.Mjpeg"));
    window.key("Return");
    window.first_picture(Instant::now());
    window.click("stop", 0.5);
    let idle = steps(&["step_play"]);
    window.click_in(&idle, "step_play");
    window.player.wait_for_phase("Playing");
    window.quit();
}

/// A server that sends its stream in no way, and tells in which it was asked to.
fn stubborn() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("rtsp://{}/x", listener.local_addr().unwrap());
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut request = String::new();
            for line in BufReader::new(&stream).lines().map_while(Result::ok) {
                if !line.is_empty() {
                    request += &(line + "\n");
                    continue;
                }
                let field = |name: &str| request.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
                let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\na=control:1\r\n";
                let (status, body) = match request.split(' ').next() {
                    Some("DESCRIBE") => ("200 OK", sdp),
                    Some("SETUP") => {
                        let _ = tell.send(field("Transport: ").to_owned());
                        ("461 Unsupported Transport", "")
                    }
                    _ => ("200 OK", ""),
                };
                let head =
                    format!("RTSP/1.0 {status}\r\nCSeq: {}\r\nContent-Type: application/sdp\r\n", field("CSeq: "));
                let _ = (&stream).write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
                request.clear();
            }
        }
    });
    (url, told)
}

#[test]
#[ignore = "takes a display: see above"]
fn where_udp_is_refused_that_was_wanted_a_button_tries_tcp() {
    let display = Display::open();
    let (url, setups) = stubborn();
    let window = Window::open(&display, &[&url, "--transport", "udp", "--dialect", "standard", "--no-recent"]);
    let steps = window.player.wait_for("steps", |line| !line.text("step_use_tcp").is_empty());
    assert!(!setups.try_iter().any(|transport| transport.contains("TCP")));
    window.click_in(&steps, "step_use_tcp");
    window.player.wait_for("steps", |line| !line.text("step_use_udp").is_empty());
    assert!(setups.try_iter().all(|transport| transport.starts_with("RTP/AVP/TCP")));
    window.key("q");
}
