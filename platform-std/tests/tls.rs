//! `rtsps://`: server and client in TLS, and who takes one port for the other.
#![cfg(feature = "tls")]

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use mutoscope::media::FrameRate;
use mutoscope_std::client::{self, Client, Error, Event, Goal};
use mutoscope_std::guard::{Gate, Rules, Users};
use mutoscope_std::media::Library;
use mutoscope_std::play;
use mutoscope_std::server::{Options, Server, StopHandle, TlsOptions};
use mutoscope_std::tls::{Fingerprint, Identity};
use mutoscope_std::web::{self, Site, Web};
use rustls_pki_types::pem::PemObject as _;
use support::{Folder, PATIENCE, options};

/// A server with a port of each kind.
struct Private {
    plain: SocketAddr,
    tls: SocketAddr,
    fingerprint: Fingerprint,
    folder: Folder,
    stop: StopHandle,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Private {
    fn start(name: &str) -> Self {
        let folder = Folder::new(name);
        let server = Server::bind(&tls(&folder, false)).unwrap();
        let addresses: Vec<SocketAddr> = server.local_addrs().collect();
        let urls: Vec<String> = server.urls("testcard").collect();
        assert!(urls[0].starts_with("rtsp://") && urls[1].starts_with("rtsps://"), "{urls:?}");
        let (stop, fingerprint) = (server.stop_handle(), server.certificates().unwrap().fingerprint());
        let serve = move || server.serve(Library::built_in(FrameRate::new(50, 1).unwrap())).unwrap();
        let thread = Some(std::thread::spawn(serve));
        Self { plain: addresses[0], tls: addresses[1], fingerprint, folder, stop, thread }
    }

    fn options(&self) -> client::Options {
        let mut options = client::Options::new(format!("rtsps://{}/movie.Mjpeg", self.tls));
        options.tls_pin = Some(self.fingerprint);
        options
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn tls(folder: &Folder, only: bool) -> Options {
    let identity = Identity::SelfSigned { directory: folder.0.clone() };
    Options { tls: Some(TlsOptions { port: 0, identity, only }), ..options() }
}

fn pictures(options: client::Options) -> Vec<Vec<u8>> {
    play(options).unwrap().take(20).map(|frame| frame.unwrap().jpeg.to_vec()).collect()
}

fn failure(options: client::Options) -> Error {
    play(options).unwrap().next().unwrap().unwrap_err()
}

#[test]
fn what_plays_in_tls_is_what_plays_without() {
    let server = Private::start("tls-play");
    let plain = pictures(client::Options::new(format!("rtsp://{}/movie.Mjpeg", server.plain)));
    assert_eq!(plain.len(), 20);
    assert_eq!(pictures(server.options()), plain);
    // By whom vouches for it, instead of a pin.
    let mut options = server.options();
    (options.tls_pin, options.tls_ca) = (None, Some(server.folder.0.join("certificate.pem")));
    assert_eq!(pictures(options), plain);
}

#[test]
fn who_is_not_believed_is_told_and_nothing_is_asked_of_him() {
    let server = Private::start("tls-doubt");
    let mut options = server.options();
    options.tls_pin = Some(Fingerprint([0; 32]));
    let error = failure(options);
    assert!(matches!(error, Error::Certificate { fingerprint, .. } if fingerprint == server.fingerprint), "{error}");
    assert!(error.to_string().contains("not the one that was pinned"), "{error}");
}

/// What becomes of a client: an error, or a frame.
fn played(client: &mut Client) -> Result<(), Error> {
    client.set_goal(Goal::Play { from: None });
    while !matches!(client.next(None)?, Some(Event::Frame(_))) {}
    Ok(())
}

#[test]
fn a_certificate_that_somebody_trusts_is_believed_of_its_server_alone() {
    let server = Private::start("tls-trust");
    let options = client::Options { tls_pin: None, ..server.options() };
    let mut client = Client::new(options.clone()).unwrap();
    let error = played(&mut client).unwrap_err();
    let Error::Certificate { server: name, fingerprint, doubt, .. } = &error else { panic!("{error}") };
    assert_eq!((name.as_str(), *fingerprint), (server.tls.to_string().as_str(), server.fingerprint));
    assert!(!doubt.contains("--tls-pin") && error.to_string().contains("--tls-pin"), "{doubt}");
    // Another port is another server.
    client.trust("127.0.0.1:1", server.fingerprint);
    assert!(matches!(played(&mut client), Err(Error::Certificate { .. })));
    client.trust(name, Fingerprint([0; 32]));
    assert!(matches!(played(&mut client), Err(Error::Certificate { .. })));
    client.trust(name, server.fingerprint);
    played(&mut client).unwrap();
    // A pin goes first.
    let mut pinned = Client::new(client::Options { tls_pin: Some(Fingerprint([0; 32])), ..options }).unwrap();
    pinned.trust(name, server.fingerprint);
    assert!(matches!(played(&mut pinned), Err(Error::Certificate { .. })));
}

#[test]
fn who_takes_one_port_for_the_other_is_not_left_waiting() {
    let server = Private::start("tls-ports");
    let mut options = server.options();
    options.url = format!("rtsps://{}/movie.Mjpeg", server.plain);
    let error = failure(options);
    assert!(matches!(&error, Error::Tls(reason) if reason.contains("is this its port for rtsps://?")), "{error}");
    for (address, bytes) in [
        (server.tls, &b"OPTIONS rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\n\r\n"[..]),
        (server.tls, b"\0\0\0\0\0\0"),
        (server.plain, b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"),
    ] {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        // An alert, or a reset, or nothing; but it is over.
        let end = stream.read_to_end(&mut answer);
        assert!(!matches!(&end, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock), "{bytes:?}");
        assert!(!answer.starts_with(b"RTSP"), "{bytes:?}");
    }
    // It serves on.
    assert_eq!(pictures(server.options()).len(), 20);
}

#[test]
fn a_server_may_have_no_port_without_tls() {
    let folder = Folder::new("tls-only");
    let server = Server::bind(&tls(&folder, true)).unwrap();
    let urls: Vec<String> = server.urls("x").collect();
    assert!(urls.len() == 1 && urls[0].starts_with("rtsps://"), "{urls:?}");
}

/// What the server answers to a request for the description, which carries these headers.
fn described(mut stream: impl Read + Write, headers: &str) -> String {
    write!(stream, "DESCRIBE rtsp://h/testcard RTSP/1.0\r\nCSeq: 1\r\n{headers}\r\n").unwrap();
    let mut answer = Vec::new();
    while !answer.windows(4).any(|window| window == b"\r\n\r\n") {
        let mut chunk = [0; 1024];
        let len = stream.read(&mut chunk).unwrap();
        assert_ne!(len, 0, "the connection is closed");
        answer.extend_from_slice(&chunk[..len]);
    }
    String::from_utf8(answer).unwrap()
}

/// A stream in TLS by a client that is not ours.
fn in_tls(address: SocketAddr, certificate: &Path) -> impl Read + Write + use<> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(rustls_pki_types::CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
    let session = rustls::ClientConnection::new(config, "127.0.0.1".try_into().unwrap()).unwrap();
    rustls::StreamOwned::new(session, connected(address))
}

fn connected(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[test]
fn a_password_as_it_is_opens_within_tls_alone_and_only_where_that_is_allowed() {
    const RIGHT: &str = "Authorization: Basic YW5uYTpzZWNyZXQ=\r\n";
    const WRONG: &str = "Authorization: Basic YW5uYTp3cm9uZw==\r\n";
    for basic in [true, false] {
        let folder = Folder::new("tls-basic");
        let server = Server::bind(&tls(&folder, false)).unwrap();
        let addresses: Vec<SocketAddr> = server.local_addrs().collect();
        let mut users = Users::default();
        users.set("anna", "secret").unwrap();
        let gate = Gate::new(Rules { users, basic, ..Rules::default() }).unwrap();
        let stop = server.stop_handle();
        let serve = move || server.serve_guarded(Library::built_in(FrameRate::new(50, 1).unwrap()), gate).unwrap();
        let thread = std::thread::spawn(serve);
        let certificate = folder.0.join("certificate.pem");
        let private = |headers| described(in_tls(addresses[1], &certificate), headers);
        let status = |answer: &str| answer.split(' ').nth(1).unwrap().to_owned();
        assert_eq!(status(&private(RIGHT)), if basic { "200" } else { "401" });
        let asked = private(WRONG);
        assert_eq!((status(&asked).as_str(), asked.contains("Basic")), ("401", basic), "{asked}");
        let public = described(connected(addresses[0]), RIGHT);
        assert_eq!((status(&public).as_str(), public.contains("Basic")), ("401", false), "{public}");
        stop.stop();
        thread.join().unwrap();
    }
}

#[test]
fn a_password_that_a_form_sends_in_tls_is_a_cookie_from_then_on() {
    let folder = Folder::new("tls-form");
    let server = Server::bind(&tls(&folder, false)).unwrap();
    let tls = Some((0, server.certificates().unwrap().clone()));
    let web = Web::bind(&web::Options { tls, ..web::Options::new(vec!["127.0.0.1".to_owned()], Some(0)) }).unwrap();
    let addresses: Vec<SocketAddr> = web.local_addrs().collect();
    let mut users = Users::default();
    users.set("anna", "secret").unwrap();
    let gate = Gate::new(Rules { users, ..Rules::default() }).unwrap();
    let stop = web.stop_handle();
    let library = Library::built_in(FrameRate::new(50, 1).unwrap());
    let thread = std::thread::spawn(move || web.serve(Site::new(library, gate)).unwrap());
    let certificate = folder.0.join("certificate.pem");
    let ask = |at: usize, request: &str, headers: &str, body: &str| {
        let head = format!("{request} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}", addresses[at]);
        let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        let talk = |mut stream: Box<dyn ReadWrite>| {
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            String::from_utf8_lossy(&answer).into_owned()
        };
        let stream: Box<dyn ReadWrite> =
            if at == 1 { Box::new(in_tls(addresses[1], &certificate)) } else { Box::new(connected(addresses[0])) };
        talk(stream)
    };
    let origin = format!("Origin: https://{}\r\n", addresses[1]);
    let form = format!("Content-Type: application/x-www-form-urlencoded\r\n{origin}");
    let asked = ask(1, "GET /", "Accept: text/html\r\n", "");
    assert!(asked.starts_with("HTTP/1.1 303") && asked.contains("location: /login\r\n"), "{asked}");
    let wrong = ask(1, "POST /login", &form, "name=anna&password=wrong");
    assert!(wrong.starts_with("HTTP/1.1 401") && wrong.contains("Wrong name or password."), "{wrong}");
    let right = ask(1, "POST /login", &form, "name=anna&password=secret");
    assert!(right.starts_with("HTTP/1.1 303"), "{right}");
    let cookie = right.split("set-cookie: ").nth(1).unwrap().split(';').next().unwrap();
    assert!(cookie.starts_with(&format!("__Host-mutoscope-{}=", addresses[1].port())), "{cookie}");
    let cookie = format!("Cookie: {cookie}\r\n");
    let picture = ask(1, "GET /testcard.jpg", &cookie, "");
    assert!(picture.starts_with("HTTP/1.1 200") && picture.contains("image/jpeg"), "{picture:.300}");
    assert!(ask(0, "GET /testcard.jpg", &cookie, "").starts_with("HTTP/1.1 401"), "without TLS it is worth nothing");
    let plain = ask(0, "POST /login", &form.replace("https", "http"), "name=anna&password=secret");
    assert!(plain.starts_with("HTTP/1.1 403"), "{plain}");
    assert!(ask(1, "POST /logout", &format!("{cookie}{origin}"), "").starts_with("HTTP/1.1 303"));
    assert!(ask(1, "GET /testcard.jpg", &cookie, "").starts_with("HTTP/1.1 401"));
    stop.stop();
    thread.join().unwrap();
}

trait ReadWrite: Read + Write {}

impl<S: Read + Write> ReadWrite for S {}
