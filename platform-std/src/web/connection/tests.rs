use super::super::tests::{Camera, run, site};
use super::*;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::Instant;

const HERE: Connection = Connection {
    peer: SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 40_000),
    local: SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 80),
    is_private: false,
    is_refused: false,
};

fn connect(camera: &Camera, connection: Connection) -> DuplexStream {
    let (client, server) = duplex(64 * 1024);
    tokio::spawn(connection.serve(server, site(camera)));
    client
}

/// All that comes until the server closes the connection.
async fn rest(client: &mut DuplexStream) -> String {
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

async fn ask(camera: &Camera, request: &str) -> String {
    let mut client = connect(camera, HERE);
    client.write_all(request.as_bytes()).await.unwrap();
    rest(&mut client).await
}

#[test]
fn a_head_that_comes_too_slowly_is_not_waited_for() {
    run(async {
        let camera = Camera::new();
        let (mut client, begin) = (connect(&camera, HERE), Instant::now());
        let drip = async {
            for byte in b"GET / HTTP/1.1\r\nHost: localhost\r\nX: y".iter().cycle() {
                if client.write_all(&[*byte]).await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        drip.await;
        assert!(begin.elapsed() <= REQUEST_PATIENCE + Duration::from_secs(2), "{:?}", begin.elapsed());
        // Nor one that says nothing, nor one that has been answered and asks no more.
        for said in ["", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"] {
            let (mut client, begin) = (connect(&camera, HERE), Instant::now());
            client.write_all(said.as_bytes()).await.unwrap();
            rest(&mut client).await;
            assert!(begin.elapsed() <= REQUEST_PATIENCE + Duration::from_secs(1), "{said:?}: {:?}", begin.elapsed());
        }
    });
}

#[test]
fn a_connection_is_closed_after_a_thousand_requests() {
    run(async {
        let camera = Camera::new();
        let mut client = connect(&camera, HERE);
        let (mut reader, mut writer) = tokio::io::split(&mut client);
        let write = async {
            for _ in 0..10_000 {
                if writer.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.is_err() {
                    break;
                }
            }
        };
        let mut answers = Vec::new();
        let read = reader.read_to_end(&mut answers);
        let _ = futures_join(write, read).await;
        let answers = String::from_utf8(answers).unwrap();
        assert_eq!(answers.matches("HTTP/1.1 200").count(), MOST_REQUESTS as usize);
        assert_eq!(answers.matches("connection: close").count(), 1);
    });
}

/// Both, whichever is over first.
async fn futures_join<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (Box::pin(a), Box::pin(b));
    let (mut of_a, mut of_b) = (None, None);
    std::future::poll_fn(|context| {
        use std::task::Poll;
        if of_a.is_none()
            && let Poll::Ready(done) = a.as_mut().poll(context)
        {
            of_a = Some(done);
        }
        if of_b.is_none()
            && let Poll::Ready(done) = b.as_mut().poll(context)
        {
            of_b = Some(done);
        }
        if of_a.is_some() && of_b.is_some() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    (of_a.unwrap(), of_b.unwrap())
}

#[test]
fn heads_without_end_and_bodies_that_nobody_wants_are_refused() {
    run(async {
        let camera = Camera::new();
        let long = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "y".repeat(MOST_HEAD));
        assert!(ask(&camera, &long).await.starts_with("HTTP/1.1 431"), "a long head");
        let many = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "a: b\r\n".repeat(200));
        assert!(ask(&camera, &many).await.starts_with("HTTP/1.1 431"), "many headers");
        let body = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n";
        let answer = ask(&camera, &format!("{body}{}", "x".repeat(40_000))).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.matches("HTTP/1.1").count() == 1, "{answer}");
    });
}

#[test]
fn what_is_not_for_others_is_not_answered() {
    run(async {
        let camera = Camera::new();
        let get = |headers: &str| format!("GET /api/streams HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
        for (headers, status) in [
            ("Host: localhost\r\n", 200),
            ("Host: evil.example\r\n", 403),
            ("Host: localhost\r\nHost: evil.example\r\n", 400),
            ("", 400),
            ("Host: localhost\r\nOrigin: http://evil.example\r\n", 403),
            ("Host: localhost\r\nOrigin: http://localhost\r\nOrigin: http://evil.example\r\n", 403),
            ("Host: localhost\r\nOrigin: http://\u{e9}.example\r\n", 403),
            ("Host: localhost\r\nSec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site\r\n", 403),
            ("Host: localhost\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: cors\r\n", 403),
            ("Host: localhost\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n", 200),
        ] {
            let answer = ask(&camera, &get(headers)).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{headers:?}: {answer}");
        }
    });
}

#[test]
fn who_has_no_place_is_told_so_once() {
    run(async {
        let camera = Camera::new();
        let mut client = connect(&camera, Connection { is_refused: true, ..HERE });
        client.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let answer = rest(&mut client).await;
        assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: 10"), "{answer}");
    });
}

#[test]
fn who_takes_nothing_is_not_kept() {
    run(async {
        let camera = Camera::new();
        let (mut slow, mut quick) = (connect(&camera, HERE), connect(&camera, HERE));
        let request = b"GET /camera.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n";
        slow.write_all(request).await.unwrap();
        quick.write_all(request).await.unwrap();
        let (mut got, mut chunk) = (0, vec![0; 1 << 20]);
        for number in 0..60 {
            camera.publish(number, 50_000);
            tokio::time::sleep(Duration::from_secs(1)).await;
            got += quick.read(&mut chunk).await.unwrap();
        }
        assert!(got >= 60 * 50_000, "{got}");
        // What it has not taken in 20 seconds it will not take.
        assert_eq!(camera.live.viewers(), 1);
        drop(quick);
        camera.publish(60, 50_000);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(camera.live.viewers(), 0);
    });
}

#[test]
fn a_stream_that_ends_is_closed_as_its_client_understands_it() {
    run(async {
        for (version, agent, closing) in [
            ("HTTP/1.1", "curl/7.88.1", "--mutoscope--\r\n"),
            ("HTTP/1.0", "Lavf/59.27.100", "--mutoscope--\r\n"),
            ("HTTP/1.1", "Lavf/59.27.100", "\r\n0\r\n\r\n"),
        ] {
            let camera = Camera::new();
            let mut client = connect(&camera, HERE);
            let request = format!(
                "GET /camera.mjpg {version}\r\nHost: localhost\r\nUser-Agent: {agent}\r\nConnection: close\r\n\r\n"
            );
            client.write_all(request.as_bytes()).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
            camera.live.end();
            let answer = rest(&mut client).await;
            let is_chunked = answer.to_lowercase().contains("transfer-encoding: chunked");
            assert!(answer.contains("Content-Type: image/jpeg") && answer.ends_with(closing), "{agent}");
            assert_eq!(is_chunked, !closing.starts_with("--"), "{agent}");
            assert_eq!(answer.starts_with("HTTP/1.1"), is_chunked, "{agent}");
            assert_eq!(answer.contains("--mutoscope--"), !is_chunked, "{agent}");
        }
    });
}

#[test]
fn a_stream_follows_what_was_asked_before_it_and_ends_with_its_client() {
    run(async {
        let camera = Camera::new();
        let (health, stream) = (
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "GET /camera.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n",
        );
        let mut client = connect(&camera, HERE);
        client.write_all([health, stream].concat().as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut come = vec![0; 1 << 16];
        let len = client.read(&mut come).await.unwrap();
        let text = String::from_utf8_lossy(&come[..len]).into_owned();
        let (first, second) = text.split_once("the server runs\n").expect("an answer to the first one");
        assert!(first.starts_with("HTTP/1.1 200 OK\r\n") && second.starts_with("HTTP/1.0 200 OK\r\n"), "{text}");
        assert!(second.contains("\r\ndate: ") && second.contains("\r\n\r\n--mutoscope\r\n"), "{text}");
        // Nobody answers what it asks now, and its pictures come all the same.
        client.write_all(health.as_bytes()).await.unwrap();
        camera.publish(1, 1000);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let len = client.read(&mut come).await.unwrap();
        assert!(come[..len].starts_with(b"--mutoscope\r\n"), "{}", String::from_utf8_lossy(&come[..len]));
        drop(client);
        // That somebody has gone is seen without a picture.
        let mut client = connect(&camera, HERE);
        client.write_all(stream.as_bytes()).await.unwrap();
        camera.publish(2, 1000);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(camera.live.viewers(), 1);
        drop(client);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(camera.live.viewers(), 0);
    });
}

#[test]
fn for_images_of_browsers_each_part_begins_before_its_picture_is_there() {
    run(async {
        let image = "User-Agent: Mozilla/5.0\r\nAccept: image/avif,image/*;q=0.8\r\n";
        let script = "User-Agent: Mozilla/5.0\r\nAccept: */*\r\n";
        for (headers, is_ahead) in [(image, true), (script, false), ("Accept: image/jpeg\r\n", false)] {
            let camera = Camera::new();
            let mut client = connect(&camera, HERE);
            let request = format!("GET /camera.mjpg HTTP/1.0\r\nHost: localhost\r\n{headers}\r\n");
            client.write_all(request.as_bytes()).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
            let mut come = vec![0; 4096];
            let len = client.read(&mut come).await.unwrap();
            let head = "--mutoscope\r\nContent-Type: image/jpeg\r\n\r\n";
            assert_eq!(come[..len].ends_with(head.as_bytes()), is_ahead, "{headers}");
            camera.live.end();
            let answer = String::from_utf8_lossy(&come[..len]).into_owned() + &rest(&mut client).await;
            assert_eq!(answer.matches("--mutoscope\r\n").count(), 1 + usize::from(is_ahead), "{headers}");
            assert_eq!(answer.contains("Content-Length"), !is_ahead, "{headers}");
            assert!(answer.ends_with("--mutoscope--\r\n"), "{headers}");
        }
    });
}

#[test]
fn who_may_ends_a_session_of_a_browser() {
    run(async {
        let camera = Camera::new();
        let admin = crate::guard::Who::parse(["127.0.0.1"]).unwrap();
        let rules = crate::guard::Rules { admin, ..crate::guard::Rules::default() };
        let site = Arc::new(Site::new(camera.live.clone(), crate::guard::Gate::new(rules).unwrap()));
        let begin = |request: &'static str| {
            let (mut client, server) = duplex(64 * 1024);
            tokio::spawn(HERE.serve(server, Arc::clone(&site)));
            async move {
                let request = format!("{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
                client.write_all(request.as_bytes()).await.unwrap();
                client
            }
        };
        let mut viewer = begin("GET /camera.mjpg").await;
        viewer.read_exact(&mut [0; 500]).await.unwrap();
        let listed = rest(&mut begin("GET /api/sessions").await).await;
        assert!(listed.contains("\"id\":\"http-1\"") && listed.contains("\"stream\":\"camera\""), "{listed}");
        for (request, status) in [
            ("DELETE /api/sessions/http-2", "404"),
            ("DELETE /api/sessions/0-0-5000", "404"),
            ("POST /api/sessions/http-1", "405"),
            ("DELETE /api/sessions/http-1", "200"),
        ] {
            let answer = rest(&mut begin(request).await).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
        }
        // It needs no other picture for that.
        rest(&mut viewer).await;
        let listed = rest(&mut begin("GET /api/sessions").await).await;
        assert!(listed.ends_with("{\"sessions\":[]}"), "{listed}");
        // Nor does one that reads nothing keep its place until it is given up.
        let stuck = begin("GET /camera.mjpg").await;
        for number in 2..8 {
            camera.publish(number, 50_000);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        rest(&mut begin("DELETE /api/sessions/http-2").await).await;
        let listed = rest(&mut begin("GET /api/sessions").await).await;
        assert!(listed.ends_with("{\"sessions\":[]}"), "{listed}");
        drop(stuck);
    });
}
