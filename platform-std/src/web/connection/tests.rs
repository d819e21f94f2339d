use super::super::tests::{Camera, picture, run, site};
use super::*;
use crate::guard::{Gate, Rules, Users, Who};
use crate::input::Push;
use crate::media::Policy;
use crate::media::live::Live;
use crate::server::{Limits, Options};
use mutoscope::media::catalogue::Medium;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
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

/// A server with the user anna, who may watch and end sessions, and what asks it things.
struct Guarded<C = Live> {
    site: Arc<Site<C, Gate>>,
    gate: Arc<Gate>,
}

const ENCRYPTED: Connection = Connection { is_private: true, ..HERE };
const OURS: &str = "Origin: https://localhost\r\n";
const NAVIGATION: &str = "Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nAccept: text/html,*/*\r\n";
const OF_THE_PAGE: &str = "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\nAccept: */*\r\n";

impl Guarded {
    fn new(camera: &Camera) -> Self {
        Self::of(camera.live.clone())
    }

    fn rules(password: &str) -> Rules {
        let mut users = Users::default();
        users.set("anna", password).unwrap();
        Rules { users, admin: Who::parse(["anna"]).unwrap(), ..Rules::default() }
    }
}

impl<C: Directory> Guarded<C> {
    fn of(catalogue: C) -> Self {
        let gate = Arc::new(Gate::new(Guarded::rules("secret")).unwrap());
        let limits = Limits::new(&Options::default());
        Self { site: Arc::new(Site::within(limits, catalogue, Arc::clone(&gate))), gate }
    }

    async fn begin(&self, connection: Connection, request: &str, headers: &str, body: &str) -> DuplexStream {
        let (mut client, server) = duplex(64 * 1024);
        tokio::spawn(connection.serve(server, Arc::clone(&self.site)));
        let head = format!("{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}");
        client.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await.unwrap();
        client
    }

    async fn ask(&self, request: &str, headers: &str) -> String {
        rest(&mut self.begin(ENCRYPTED, request, headers, "").await).await
    }

    async fn log_in(&self, connection: Connection, to: &str, headers: &str, form: &str) -> String {
        let headers = format!("Content-Type: application/x-www-form-urlencoded\r\n{headers}");
        rest(&mut self.begin(connection, &format!("POST /login{to}"), &headers, form).await).await
    }

    /// Logs in, and gives the header with the cookie.
    async fn cookie(&self) -> String {
        let answer = self.log_in(ENCRYPTED, "", OURS, "name=anna&password=secret").await;
        let cookie = answer.split("set-cookie: ").nth(1).expect("a cookie").split(';').next().unwrap();
        format!("Cookie: {cookie}\r\n")
    }
}

fn is(answer: &str, status: u16) -> bool {
    answer.starts_with(&format!("HTTP/1.1 {status} "))
}

#[test]
fn people_are_asked_by_the_form_and_programs_by_digest() {
    run(async {
        let camera = Camera::new();
        let guarded = Guarded::new(&camera);
        for (request, address) in [
            ("GET /", "/login"),
            ("GET /camera.mjpg?rate=2", "/login?to=%2Fcamera.mjpg%3Frate%3D2"),
            ("GET /api/sessions", "/login?to=%2Fapi%2Fsessions"),
        ] {
            let answer = guarded.ask(request, NAVIGATION).await;
            assert!(is(&answer, 303) && answer.contains(&format!("location: {address}\r\n")), "{answer}");
            // From another site the cookie does not come along; from this page it does.
            let led = guarded.ask(request, &NAVIGATION.replace("none", "cross-site")).await;
            assert!(is(&led, 200) && led.contains(&format!("content=\"0;url={address}\"")), "{led}");
            for headers in ["", "User-Agent: Lavf/59.27.100\r\nAccept: */*\r\n"] {
                let answer = guarded.ask(request, headers).await;
                assert!(is(&answer, 401) && answer.matches("www-authenticate: Digest").count() == 2, "{answer}");
            }
            // The page has no use for the browser's dialog.
            let answer = guarded.ask(request, OF_THE_PAGE).await;
            assert!(is(&answer, 401) && answer.contains("www-authenticate: Cookie ") && !answer.contains("Digest"));
            // Without encryption all is as ever.
            let answer = rest(&mut guarded.begin(HERE, request, NAVIGATION, "").await).await;
            assert!(is(&answer, 401) && answer.contains("www-authenticate: Digest"), "{answer}");
        }
        let form = guarded.ask("GET /login", NAVIGATION).await;
        assert!(is(&form, 200) && form.contains("autocomplete=\"current-password\""), "{form}");
        assert!(form.contains("form-action 'self'") && form.contains("referrer-policy: same-origin"), "{form}");
        let plain = rest(&mut guarded.begin(HERE, "GET /login", NAVIGATION, "").await).await;
        assert!(is(&plain, 401) && plain.contains("www-authenticate: Digest"), "{plain}");
    });
}

#[test]
fn a_password_is_taken_encrypted_and_once() {
    run(async {
        let camera = Camera::new();
        let guarded = Guarded::new(&camera);
        let right = "name=anna&password=secret";
        for (form, status) in [
            ("name=anna&password=Secret", 401),
            ("name=otto&password=secret", 401),
            ("name=anna%00&password=secret", 401),
            ("name=anna", 400),
            ("name=anna&password=secret&name=otto", 400),
            (&*format!("{right}&x={}", "x".repeat(5000)), 413),
        ] {
            let answer = guarded.log_in(ENCRYPTED, "", OURS, form).await;
            assert!(is(&answer, status) && !answer.contains("set-cookie"), "{form:.40}: {answer}");
            assert_eq!(answer.contains("Wrong name or password."), status == 401, "{answer}");
            assert!(!answer.contains("ecret"), "a password is never shown: {answer}");
        }
        for headers in ["Origin: https://evil.example\r\n", "Origin: http://localhost\r\n", "Origin: null\r\n"] {
            assert!(is(&guarded.log_in(ENCRYPTED, "", headers, right).await, 403), "{headers}");
        }
        let answer = guarded.log_in(HERE, "", "", right).await;
        assert!(is(&answer, 403) && answer.contains("ask by https"), "{answer}");
        let answer = rest(&mut guarded.begin(ENCRYPTED, "POST /login", OURS, right).await).await;
        assert!(is(&answer, 415), "{answer}");
        for (to, address) in
            [("", "/"), ("?to=/camera.mjpg", "/camera.mjpg"), ("?to=//evil.example", "/"), ("?to=/%0d%0aX:y", "/")]
        {
            let answer = guarded.log_in(ENCRYPTED, to, OURS, right).await;
            assert!(is(&answer, 303) && answer.contains(&format!("location: {address}\r\n")), "{answer}");
            assert!(answer.contains("; Secure; HttpOnly; SameSite=Strict\r\n"), "{answer}");
        }
        // A form that takes too long to come is not waited for.
        let begin = "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                     Content-Length: 100\r\nConnection: close\r\n\r\nname=";
        let (mut client, server) = duplex(64 * 1024);
        tokio::spawn(ENCRYPTED.serve(server, Arc::clone(&guarded.site)));
        client.write_all(begin.as_bytes()).await.unwrap();
        assert!(is(&rest(&mut client).await, 408));
    });
}

#[test]
fn who_has_logged_in_by_the_form_is_known_by_the_cookie() {
    run(async {
        let camera = Camera::new();
        let guarded = Guarded::new(&camera);
        let cookie = guarded.cookie().await;
        let listed = guarded.ask("GET /api/streams", &cookie).await;
        assert!(is(&listed, 200) && listed.contains("\"may_log_out\":true,"), "{listed}");
        assert!(listed.contains("\"user\":\"anna\"") && listed.contains("\"may_log_in\":false"), "{listed}");
        assert!(
            is(&guarded.ask("GET /", &cookie).await, 200) && is(&guarded.ask("GET /camera.jpg", &cookie).await, 200)
        );
        let form = guarded.ask("GET /login?to=/camera.jpg", &cookie).await;
        assert!(is(&form, 303) && form.contains("location: /camera.jpg"), "{form}");
        // Where it was not encrypted, others may have seen it.
        let plain = rest(&mut guarded.begin(HERE, "GET /api/streams", &cookie, "").await).await;
        assert!(is(&plain, 401), "{plain}");
        // One that somebody has made up is nobody's, before and after a login with it.
        let other = format!("Cookie: __Host-mutoscope-80={}\r\n", "ab".repeat(32));
        assert!(is(&guarded.ask("GET /", &other).await, 401));
        let headers = format!("{OURS}{other}");
        assert!(is(&guarded.log_in(ENCRYPTED, "", &headers, "name=anna&password=secret").await, 303));
        assert!(is(&guarded.ask("GET /", &other).await, 401));
        // A new login takes the place of the one that the browser had.
        let old = guarded.cookie().await;
        let headers = format!("{OURS}{old}");
        assert!(is(&guarded.log_in(ENCRYPTED, "", &headers, "name=anna&password=secret").await, 303));
        assert!(is(&guarded.ask("GET /", &old).await, 401));
        assert!(is(&guarded.ask("GET /", &cookie).await, 200));
    });
}

#[test]
fn who_may_not_watch_starts_no_camera() {
    run(async {
        let camera = Camera::new();
        let guarded = Guarded::new(&camera);
        let came = Arc::new(AtomicUsize::new(0));
        camera.live.on_change({
            let came = Arc::clone(&came);
            move || _ = came.fetch_add(1, Ordering::Relaxed)
        });
        for path in ["/camera.jpg", "/camera.mjpg", "/streams/camera/snapshot.jpg", "/streams/camera/stream.mjpg"] {
            for request in ["GET", "HEAD"].map(|method| format!("{method} {path}")) {
                assert!(is(&guarded.ask(&request, "").await, 401), "{request}");
                assert_eq!(came.load(Ordering::Relaxed), 0, "{request}");
            }
        }
        let cookie = guarded.cookie().await;
        assert!(is(&guarded.ask("GET /camera.jpg", &cookie).await, 200));
        assert_ne!(came.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn what_changes_something_takes_our_own_page_beside_the_cookie() {
    run(async {
        let camera = Camera::new();
        let guarded = Guarded::new(&camera);
        let cookie = guarded.cookie().await;
        let mut viewer = guarded.begin(ENCRYPTED, "GET /camera.mjpg", &cookie, "").await;
        viewer.read_exact(&mut [0; 500]).await.unwrap();
        let listed = guarded.ask("GET /api/sessions", &cookie).await;
        assert!(listed.contains("\"user\":\"anna\""), "{listed}");
        let with = |more: &str| format!("{cookie}{more}");
        let foreign = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n";
        for request in ["DELETE /api/sessions/http-1", "POST /streams/camera", "PUT /streams/camera", "POST /logout"] {
            for more in ["", "Origin: null\r\n", "Origin: http://localhost\r\n", foreign, "Sec-Fetch-Site: none\r\n"] {
                let answer = guarded.ask(request, &with(more)).await;
                assert!(is(&answer, 403) && answer.contains("another site"), "{request}, {more}: {answer}");
            }
        }
        assert!(is(&guarded.ask("DELETE /api/sessions/http-9", &with(OURS)).await, 404));
        assert!(is(&guarded.ask("DELETE /api/sessions/http-9", &with("Sec-Fetch-Site: same-origin\r\n")).await, 404));
        let farewell = guarded.ask("POST /logout", &with(OURS)).await;
        assert!(is(&farewell, 303) && farewell.contains("=; Path=/; Max-Age=0;"), "{farewell}");
        assert!(is(&guarded.ask("GET /", &cookie).await, 401));
        // What was watched with it ends, too.
        camera.publish(1, 1000);
        rest(&mut viewer).await;
        assert_eq!(guarded.site.usage.watchers().len(), 0);
    });
}

#[test]
fn who_is_no_user_any_more_or_has_another_password_is_logged_out() {
    run(async {
        let camera = Camera::new();
        let guarded = Guarded::new(&camera);
        let nobody =
            Rules { users: Users::parse(&format!("otto:mutoscope:{}", "0".repeat(32))).unwrap(), ..Rules::default() };
        for (rules, is_out) in [(Guarded::rules("secret"), false), (Guarded::rules("other"), true), (nobody, true)] {
            guarded.gate.replace(Guarded::rules("secret"));
            let cookie = guarded.cookie().await;
            let mut viewer = guarded.begin(ENCRYPTED, "GET /camera.mjpg", &cookie, "").await;
            viewer.read_exact(&mut [0; 500]).await.unwrap();
            guarded.gate.replace(rules);
            assert_eq!(is(&guarded.ask("GET /", &cookie).await, 401), is_out);
            camera.publish(1, 1000);
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(guarded.site.usage.watchers().is_empty(), is_out);
            drop(viewer);
            camera.publish(2, 1000);
            tokio::time::sleep(Duration::from_secs(1)).await;
            guarded.gate.replace(Guarded::rules("secret"));
            assert_eq!(is(&guarded.ask("GET /", &cookie).await, 401), is_out, "it does not come back either");
        }
    });
}

#[test]
fn what_new_rules_do_not_allow_is_cut_where_they_say_so() {
    run(async {
        for cut in [false, true] {
            let camera = Camera::new();
            let guarded = Guarded::new(&camera);
            guarded.gate.replace(Rules::default());
            let mut viewer = guarded.begin(HERE, "GET /camera.mjpg", "", "").await;
            viewer.read_exact(&mut [0; 500]).await.unwrap();
            guarded.gate.replace(Rules { cut, ..Guarded::rules("secret") });
            camera.publish(1, 1000);
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(guarded.site.usage.watchers().is_empty(), cut);
        }
    });
}

#[test]
fn who_publishes_does_so_no_longer_than_that_is_allowed() {
    run(async {
        for (cut, logs_out) in [(false, false), (true, false), (false, true)] {
            let push = Push::new("yard", None, Policy::default()).unwrap().with_remote_publishers();
            let guarded = Guarded::of(push.clone());
            let cookie = guarded.cookie().await;
            let (mut client, server) = duplex(64 * 1024);
            tokio::spawn(ENCRYPTED.serve(server, Arc::clone(&guarded.site)));
            let head = "POST /streams/yard HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n";
            client.write_all(format!("{head}{OURS}{cookie}\r\n").as_bytes()).await.unwrap();
            client.write_all(&picture(1, 1000)).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
            if logs_out {
                assert!(is(&guarded.ask("POST /logout", &format!("{cookie}{OURS}")).await, 303));
            }
            if cut {
                guarded.gate.replace(Rules { cut, ..Guarded::rules("other") });
            }
            client.write_all(&picture(2, 1000)).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
            let is_over = push.medium(0).record(HERE.peer.ip()).is_ok();
            assert_eq!(is_over, cut || logs_out, "{cut} {logs_out}");
            if is_over {
                assert!(is(&rest(&mut client).await, 403));
            }
        }
    });
}
