//! Browsers that read next to nothing, beside viewers by RTSP: those lose no picture by it, and none comes later.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mutoscope::io::server::Open;
use mutoscope::media::FrameRate;
use mutoscope::media::catalogue::Catalogue;
use mutoscope::wire::url::Path;
use mutoscope_std::client::{self, Client, Event, Goal, Transport};
use mutoscope_std::media::live::Live;
use mutoscope_std::server::{self, Server};
use mutoscope_std::web::{self, Directory, Listed, Site, Web};
use mutoscope_tests::film::{carried, picture};
use mutoscope_tests::latency::percentile;
use socket2::{Domain, Socket, Type};

const BROWSERS: usize = 50;
/// Pictures that can be told from each other; more in a row are not lost without somebody noticing.
const PICTURES: usize = 32;
const INTERVAL: Duration = Duration::from_millis(40);
/// So long pictures are looked at, without browsers and with them.
const PART: Duration = Duration::from_millis(1500);
/// Whatever else this machine does hits one part or the other. One try in which it hits neither is enough.
const TRIES: usize = 4;
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone)]
struct Camera(Live);

impl Catalogue for Camera {
    type Medium = <Live as Catalogue>::Medium;

    fn find(&self, path: Path<'_>) -> Option<Self::Medium> {
        self.0.find(path)
    }
}

impl Directory for Camera {
    fn list(&self) -> Vec<Listed> {
        vec![Listed { name: "camera".to_owned(), node: None, about: None }]
    }
}

/// When what happened.
type Log<T> = Arc<Mutex<Vec<(Instant, T)>>>;

struct Scene {
    rtsp: SocketAddr,
    http: SocketAddr,
    is_over: Arc<AtomicBool>,
    published: Log<usize>,
    threads: Vec<JoinHandle<()>>,
    stop: (server::StopHandle, web::StopHandle),
}

impl Scene {
    fn begin() -> Self {
        let camera = Camera(Live::new("camera", FrameRate::new(25, 1)));
        let pictures: Vec<_> = (0..PICTURES as u64).map(|number| picture(number, (640, 480), 10)).collect();
        let server = Server::bind(&server::Options { rtsp_port: 0, ..server::Options::default() }).unwrap();
        let web = Web::bind(&web::Options { port: Some(0), ..web::Options::default() }).unwrap();
        let (rtsp, http) = (server.local_addr(), web.local_addrs().next().unwrap());
        let stop = (server.stop_handle(), web.stop_handle());
        let site = Site::within(server.limits(), camera.clone(), Arc::new(Open)).with_monitor(server.monitor());
        let (is_over, published) = (Arc::new(AtomicBool::new(false)), Log::default());
        let (live, over, log) = (camera.0.clone(), Arc::clone(&is_over), Arc::clone(&published));
        let publishing = thread::spawn(move || {
            for number in 0.. {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                log.lock().unwrap().push((Instant::now(), number % PICTURES));
                live.publish(pictures[number % PICTURES].clone());
                thread::sleep(INTERVAL);
            }
        });
        let serving =
            [thread::spawn(move || server.serve(&camera).unwrap()), thread::spawn(|| web.serve(site).unwrap())];
        let threads = serving.into_iter().chain([publishing]).collect();
        Self { rtsp, http, is_over, published, threads, stop }
    }

    /// A viewer that writes down which picture has come when.
    fn view(&mut self, transport: Transport) -> Log<Vec<u8>> {
        let (log, over) = (Log::default(), Arc::clone(&self.is_over));
        let options =
            client::Options { transport, rtp_port: 0, ..client::Options::new(format!("rtsp://{}/camera", self.rtsp)) };
        let seen = Arc::clone(&log);
        self.threads.push(thread::spawn(move || {
            let mut client = Client::new(options).unwrap();
            client.set_goal(Goal::Play { from: None });
            while !over.load(Ordering::Relaxed) {
                let soon = Instant::now() + Duration::from_millis(100);
                match client.next(Some(soon)) {
                    Ok(Some(Event::Frame(_))) => seen.lock().unwrap().push((Instant::now(), client.frame().to_vec())),
                    Ok(_) => {}
                    // The server may have gone first.
                    Err(error) => assert!(over.load(Ordering::Relaxed), "{error}"),
                }
            }
        }));
        log
    }

    fn end(self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.stop.0.stop();
        self.stop.1.stop();
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

/// Browsers that have asked for the stream, and read four bytes a second each until they are dropped.
struct Browsers {
    is_over: Arc<AtomicBool>,
    reading: Option<JoinHandle<()>>,
}

impl Browsers {
    fn come(to: SocketAddr) -> Self {
        let connect = |_| {
            let socket = Socket::new(Domain::for_address(to), Type::STREAM, None).unwrap();
            // It takes little into its half of the kernel, too.
            socket.set_recv_buffer_size(4096).unwrap();
            socket.connect(&to.into()).unwrap();
            let mut stream = std::net::TcpStream::from(socket);
            write!(stream, "GET /camera.mjpg HTTP/1.1\r\nHost: {to}\r\n\r\n").unwrap();
            let mut status = [0; 12];
            stream.read_exact(&mut status).unwrap();
            assert!(status.ends_with(b" 200"), "{}", String::from_utf8_lossy(&status));
            stream
        };
        let mut all: Vec<_> = (0..BROWSERS).map(connect).collect();
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let reading = thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                all.iter_mut().for_each(|stream| stream.read_exact(&mut [0]).unwrap());
                thread::sleep(Duration::from_millis(250));
            }
        });
        Self { is_over, reading: Some(reading) }
    }
}

impl Drop for Browsers {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.reading.take().map(JoinHandle::join).transpose().ok();
    }
}

/// What became of the pictures of some time.
#[derive(Debug)]
struct Way {
    lost: usize,
    /// The age at which they came: of half of them no more than this.
    age: Duration,
}

/// What a viewer saw of the pictures that were published from `begin` on.
fn way(scans: &[Vec<u8>], published: &Log<usize>, seen: &Log<Vec<u8>>, begin: Instant) -> Way {
    let end = begin + PART;
    // The last one has the time to come.
    thread::sleep((end + 10 * INTERVAL).saturating_duration_since(Instant::now()));
    let published: Vec<_> =
        published.lock().unwrap().iter().filter(|(at, _)| (begin..end).contains(at)).copied().collect();
    let seen: Vec<_> = seen.lock().unwrap().iter().filter(|(at, _)| *at >= begin).cloned().collect();
    let mut seen = seen.iter().map(|(at, jpeg)| (at, carried(jpeg).0)).peekable();
    let mut ages = Vec::new();
    for (at, number) in &published {
        // Those before it are of before, or late.
        while seen.peek().is_some_and(|(came, _)| *came < at) {
            seen.next();
        }
        if seen.peek().is_some_and(|(_, scan)| *scan == scans[*number]) {
            ages.extend(seen.next().map(|(came, _)| *came - *at));
        }
    }
    Way { lost: published.len() - ages.len(), age: percentile(ages.into_iter(), 50) }
}

#[test]
fn fifty_slow_browsers_cost_viewers_by_rtsp_nothing() {
    let mut scene = Scene::begin();
    let scans: Vec<_> = (0..PICTURES as u64).map(|number| carried(&picture(number, (640, 480), 10)).0).collect();
    let viewers = [Transport::Udp, Transport::Tcp].map(|transport| scene.view(transport));
    let begin = Instant::now();
    while viewers.iter().any(|seen| seen.lock().unwrap().len() < 3) {
        assert!(begin.elapsed() < PATIENCE, "nothing came");
        thread::sleep(INTERVAL);
    }
    let look = || {
        let begin = Instant::now();
        viewers.each_ref().map(|seen| way(&scans, &scene.published, seen, begin))
    };
    let mut tries = Vec::new();
    let is_so = (0..TRIES).any(|_| {
        let without = look();
        let browsers = Browsers::come(scene.http);
        // All buffers between are full.
        thread::sleep(Duration::from_millis(500));
        let with = look();
        drop(browsers);
        let is_so = without
            .iter()
            .zip(&with)
            .all(|(without, with)| with.lost == 0 && with.age <= without.age.mul_f64(1.5) + Duration::from_millis(1));
        tries.push((without, with));
        is_so
    });
    scene.end();
    assert!(is_so, "without browsers and with them: {tries:#?}");
}
