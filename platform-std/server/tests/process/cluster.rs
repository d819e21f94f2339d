//! Programs that show each other's streams.

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::web::ask;
use super::{Folder, PATIENCE, Running, describe, picture};

/// A place of this machine where nobody listens.
fn place() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// One of the programs: its name, its page and its RTSP server.
struct Node {
    program: Running,
    page: String,
    rtsp: String,
}

impl Node {
    fn start(name: &str, arguments: &[&str]) -> Self {
        let mut program = Running::start(&[], &[&["--http", "0", "--node", name], arguments].concat());
        let mut urls = program.urls_to_page();
        let page = urls.pop().unwrap();
        let (_, body) = ask(&page, "GET /api/streams", "", b"");
        let told = String::from_utf8(body).unwrap();
        let rtsp = told.split("\"rtsp\":[\"").nth(1).unwrap_or_else(|| panic!("{told}")).split('"').next().unwrap();
        Self { program, page, rtsp: rtsp.split('/').take(3).collect::<Vec<_>>().join("/") }
    }

    /// The status of the answer to GET, and what is in it.
    fn get(&self, path: &str) -> (String, String) {
        let (head, body) = ask(&self.page, &format!("GET {path}"), "", b"");
        (head["HTTP/1.1 ".len()..][..3].to_owned(), String::from_utf8_lossy(&body).into_owned())
    }

    fn status(&self, path: &str) -> String {
        self.get(path).0
    }

    /// What is answered as soon as these words are in it.
    fn get_until(&self, path: &str, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (_, body) = self.get(path);
            if body.contains(words) {
                return body;
            }
            assert!(Instant::now() < deadline, "no {words:?} in {body}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Publishes a picture again and again, until the server ends.
fn publish(page: &str, stream: &str, picture: Vec<u8>) {
    let host = page.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let mut publisher = TcpStream::connect(&host).unwrap();
    write!(publisher, "POST /streams/{stream} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    // Where a picture ends is seen when the next one begins.
    let chunk = [format!("{:x}\r\n", picture.len()).as_bytes(), &picture, b"\r\n"].concat();
    thread::spawn(move || {
        while publisher.write_all(&chunk).is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
}

#[test]
fn streams_of_other_machines_are_shown_under_their_names() {
    let folder = Folder::new("cluster-films");
    folder.file_of("film.mjpeg", &picture(32));
    let (place, folder) = (place(), folder.0.display().to_string());
    // Names are looked for in the folder, too, and "testcard" is none of those in it.
    let hub = Node::start("hub", &["--cluster-listen", &place, &folder, "lobby=push:"]);
    let garden = Node::start("garden", &["--cluster-connect", &place]);
    // Both of its streams; they come one by one.
    hub.get_until("/api/streams", "\"name\":\"garden/movie.Mjpeg\",\"node\":\"garden\"");
    let told = hub.get_until("/api/streams", "\"name\":\"garden/testcard\",\"node\":\"garden\"");
    assert!(told.contains(&format!("{}/garden/testcard\"", hub.rtsp)), "{told}");
    assert!(told.contains("\"nodes\":[{\"name\":\"hub\",\"streams\":2},{\"name\":\"garden\","), "{told}");
    let all = ["/garden/testcard.jpg", "/streams/garden/testcard/snapshot.jpg", "/testcard.jpg", "/hub/film.mjpeg.jpg"];
    for (path, expected) in all.map(|path| (path, "200")).into_iter().chain([
        ("/garden%2Ftestcard.jpg", "404"),
        ("/garden/none.jpg", "404"),
        ("/other/testcard.jpg", "404"),
    ]) {
        assert_eq!(hub.status(path), expected, "{path}");
    }
    assert_eq!(describe(&format!("{}/garden/testcard", hub.rtsp)), "RTSP/1.0 200 OK\r\n");
    let measured = hub.get("/metrics").1;
    assert!(measured.contains("mutoscope_stream_up{node=\"garden\",stream=\"garden/testcard\"} 1\n"), "{measured}");
    assert!(measured.contains("mutoscope_cluster_nodes 2\n"), "{measured}");
    for (query, total) in [("node=garden", 2), ("node=hub&find=LOB", 1), ("find=garden%2Ftest", 1), ("node=x", 0)] {
        let told = hub.get(&format!("/api/streams?{query}")).1;
        assert_eq!(told.matches("\"snapshot\":").count(), total, "{query}: {told}");
    }
    garden.get_until("/api/streams", "\"name\":\"hub/lobby\"");
    // A film of the other machine, frame by frame.
    garden.get_until("/api/streams", "\"name\":\"hub/film.mjpeg\"");
    assert_eq!(garden.status("/hub/film.mjpeg.jpg"), "200");
    drop(garden);
    hub.get_until("/api/streams", "\"absence\":\"the machine garden is not there\"");
    assert_eq!(hub.status("/garden/testcard.jpg"), "200", "its last picture, and how old it is");
    hub.get_until("/metrics", "mutoscope_cluster_nodes 1\n");
}

#[test]
fn what_changes_at_a_stream_s_machine_holds_at_others_at_once() {
    let folder = Folder::new("cluster-rules");
    let written = |door: &str, more: &str| {
        format!(
            "[streams.door]\ninput = \"push:\"\nwatch = [{door:?}]\n\
             [streams.yard]\ninput = \"push:\"\nwatch = [\"everybody\"]\n{more}"
        )
    };
    let place = place();
    let config = folder.file_of("garden.toml", written("everybody", "").as_bytes());
    // The rule of another machine's stream holds here, whoever may watch it there, and under each of its names.
    let rules = folder.file_of("hub.toml", b"[streams.\"garden/yard\"]\nwatch = [\"192.0.2.0/24\"]\n");
    let hub = Node::start("hub", &["--config", &rules, "--cluster-listen", &place, "--cut", "lobby=push:"]);
    let garden = Node::start("garden", &["--config", &config, "--cluster-connect", &place]);
    hub.get_until("/api/streams", "\"name\":\"garden/door\"");
    assert_eq!(["/garden/yard.jpg", "/yard.jpg"].map(|path| hub.status(path)), ["401", "401"]);
    let picture = picture(32);
    publish(&garden.page, "door", picture.clone());
    // Somebody who watches, until the end.
    let page = hub.page.clone();
    let viewer = thread::spawn(move || ask(&page, "GET /garden/door.mjpg", "", b""));
    garden.get_until("/api/streams", "\"viewers\":1");
    fs::write(&config, written("192.0.2.0/24", "[streams.gate]\ninput = \"push:\"\n")).unwrap();
    garden.program.signal("-HUP");
    hub.get_until("/api/streams", "\"name\":\"garden/gate\"");
    let (_, seen) = viewer.join().unwrap();
    assert!(seen.windows(picture.len()).any(|part| part == picture), "{} bytes were seen", seen.len());
    assert_eq!(hub.status("/garden/door.jpg"), "401");
    // What is taken from the configuration is gone elsewhere, too.
    fs::write(&config, "[streams.gate]\ninput = \"push:\"\n").unwrap();
    garden.program.signal("-HUP");
    hub.get_until("/metrics", "mutoscope_stream_idle{node=\"garden\",stream=\"garden/yard\"} 0\n");
}
