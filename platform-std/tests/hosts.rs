//! What one address may take of a server, over real sockets. This machine's own address in its network stands for a stranger's: loopback
//! has no limits.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::time::Instant;

use mutoscope::auth::{Authenticator, Basic, Credentials};
use mutoscope::media::FrameRate;
use mutoscope_std::guard::{Gate, Journal, Rules, Users};
use mutoscope_std::media::Library;
use mutoscope_std::server::{Options, Server, StopHandle};
use support::{Folder, PATIENCE, options};

/// An address of this machine by which it is reached from elsewhere. Nothing is sent.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("198.51.100.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    let is_found = !address.is_loopback() && !address.is_unspecified();
    // An address may be known and yet not be there.
    (is_found && UdpSocket::bind((address, 0)).is_ok()).then_some(address)
}

/// A server at loopback and at the other address, with a journal.
struct Guarded {
    addresses: Vec<SocketAddr>,
    journal: PathBuf,
    _folder: Folder,
    stop: StopHandle,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Guarded {
    /// `None`: there is no address but loopback.
    fn start(name: &str, options: Options, rules: Rules) -> Option<Self> {
        let Some(own) = own_address() else {
            eprintln!("SKIPPED: {name}: this machine has no address but loopback");
            return None;
        };
        let hosts = vec!["127.0.0.1".to_owned(), own.to_string()];
        let server = Server::bind(&Options { hosts, ..options }).unwrap();
        let folder = Folder::new(name);
        let journal = folder.0.join("journal");
        let gate = Gate::new(rules).unwrap().with_journal(Journal::to_file(&journal).unwrap());
        let (addresses, stop) = (server.local_addrs().collect(), server.stop_handle());
        let serve = move || server.serve_guarded(Library::built_in(FrameRate::new(50, 1).unwrap()), gate).unwrap();
        Some(Self { addresses, journal, _folder: folder, stop, thread: Some(std::thread::spawn(serve)) })
    }

    fn near(&self) -> Visitor {
        Visitor::new(self.addresses[0])
    }

    fn far(&self) -> Visitor {
        Visitor::new(self.addresses[1])
    }

    /// The journal, when the server has ended.
    fn end(mut self) -> String {
        self.stop.stop();
        self.thread.take().unwrap().join().unwrap();
        fs::read_to_string(&self.journal).unwrap()
    }
}

struct Visitor(TcpStream);

impl Visitor {
    fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    /// The answer to a request; nothing where the connection was closed without a word.
    fn ask(&mut self, method: &str, headers: &str) -> String {
        let _ = write!(self.0, "{method} rtsp://h/testcard RTSP/1.0\r\nCSeq: 1\r\n{headers}\r\n");
        let (mut answer, mut chunk) = (Vec::new(), [0; 4096]);
        while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
            match self.0.read(&mut chunk) {
                Ok(0) | Err(_) => break,
                Ok(len) => answer.extend(&chunk[..len]),
            }
        }
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The status of an answer; 0: there is none.
    fn status(&mut self) -> u16 {
        let answer = self.ask("OPTIONS", "");
        answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    fn log_in(&mut self) {
        let mut authenticator = Authenticator::new(Credentials::new("anna", "secret").unwrap(), Basic::Refused, 7);
        let answer = self.ask("DESCRIBE", "");
        let challenges = answer.lines().filter_map(|line| line.strip_prefix("WWW-Authenticate: "));
        authenticator.handle_challenges(challenges.collect::<Vec<_>>()).unwrap();
        let proof = authenticator.authorize("DESCRIBE", "rtsp://h/testcard").unwrap().to_string();
        let answer = self.ask("DESCRIBE", &format!("Authorization: {proof}\r\n"));
        assert!(answer.starts_with("RTSP/1.0 200"), "{answer}");
    }
}

fn with_anna() -> Rules {
    let mut users = Users::default();
    users.set("anna", "secret").unwrap();
    Rules { users, ..Rules::default() }
}

/// Connections of one address that are served one after the other, until one is not: how many, and what that one is told.
fn crowd(server: &Guarded, most: usize) -> (Vec<Visitor>, u16) {
    let mut inside = Vec::new();
    while inside.len() < most {
        let mut visitor = server.far();
        match visitor.status() {
            200 => inside.push(visitor),
            other => return (inside, other),
        }
    }
    (inside, 200)
}

/// As long as it takes until an address may connect once more.
fn pause() {
    std::thread::sleep(std::time::Duration::from_millis(50));
}

#[test]
fn an_address_has_sixteen_of_few_places_and_gets_those_back_that_it_gives_back() {
    let Some(server) = Guarded::start("places", Options { max_clients: 40, ..options() }, Rules::default()) else {
        return;
    };
    let (mut inside, told) = crowd(&server, 40);
    assert_eq!((inside.len(), told), (16, 503));
    assert_eq!(server.near().status(), 200, "this machine has no limits");
    inside.pop();
    let begun = Instant::now();
    while server.far().status() != 200 {
        assert!(begun.elapsed() < PATIENCE, "the place is not given back");
        pause();
    }
    let journal = server.end();
    assert!(journal.contains("\"reason\":\"its address has a quarter of all places already\""), "{journal}");
}

#[test]
fn strangers_leave_half_of_the_places_to_those_who_are_logged_in() {
    let Some(server) = Guarded::start("strangers", Options { max_clients: 20, ..options() }, with_anna()) else {
        return;
    };
    let (strangers, told) = crowd(&server, 20);
    assert_eq!((strangers.len(), told), (10, 503));
    let journal = fs::read_to_string(&server.journal).unwrap();
    assert!(
        journal.contains("\"reason\":\"half of all places are taken by those who are not logged in\""),
        "{journal}"
    );
    drop(strangers);
    // As soon as the server has seen that they are gone there is room for one who logs in, and then that address is no stranger's.
    let begun = Instant::now();
    let mut anna = server.far();
    while anna.status() != 200 {
        assert!(begun.elapsed() < PATIENCE);
        pause();
        anna = server.far();
    }
    anna.log_in();
    let (others, told) = crowd(&server, 20);
    assert_eq!((others.len(), told), (15, 503), "sixteen with hers");
}

#[test]
fn who_connects_too_often_is_not_answered_and_who_is_trusted_is() {
    for is_trusted in [false, true] {
        let trusted = own_address().filter(|_| is_trusted).map(Into::into).into_iter().collect();
        let settings = Options { max_clients: 1000, trusted, ..options() };
        let Some(server) = Guarded::start("rates", settings, Rules::default()) else { return };
        let begun = Instant::now();
        let visitors: Vec<_> = (0..100).map(|_| server.far()).collect();
        let served = visitors.into_iter().map(|mut visitor| visitor.status()).filter(|status| *status == 200).count();
        let allowed = 50 + begun.elapsed().as_millis() as usize / 50 + 1;
        let journal = server.end();
        if is_trusted {
            assert_eq!((served, &*journal), (100, ""));
        } else {
            assert!((50..=allowed).contains(&served), "{served} of {allowed}");
            let is_told = journal.contains("\"reason\":\"its address connects more than 20 times a second\"");
            assert!(is_told || served == 100, "{served}: {journal}");
        }
    }
}

#[test]
fn who_is_kept_out_is_not_answered_and_stands_in_the_journal() {
    let networks = mutoscope_std::guard::Networks::parse(["127.0.0.0/8"], []).unwrap();
    let Some(server) = Guarded::start("kept-out", options(), Rules { networks, ..Rules::default() }) else { return };
    assert_eq!((server.near().status(), server.far().status()), (200, 0));
    let journal = server.end();
    assert!(
        journal.contains("\"event\":\"refused\"") && journal.contains("\"this address is not let in\""),
        "{journal}"
    );
}
