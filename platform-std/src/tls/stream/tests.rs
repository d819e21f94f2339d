use super::*;
use crate::media::testing::Folder;
use crate::tls::{Believe, Certificates, Connector, Identity};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// One direction of a wire.
#[derive(Default)]
struct Way {
    bytes: VecDeque<u8>,
    is_closed: bool,
    /// All bytes that ever went this way.
    seen: Vec<u8>,
}

/// An end of a wire that takes and gives as much as it likes, or nothing.
struct End {
    from: Rc<RefCell<Way>>,
    to: Rc<RefCell<Way>>,
    whims: Whims,
    /// Most bytes on their way.
    room: usize,
}

/// The same whims for the same seed.
#[derive(Clone)]
struct Whims(u64);

impl Whims {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    /// How much of `len` bytes goes through.
    fn some_of(&mut self, len: usize) -> usize {
        match self.below(4) {
            0 => 1.min(len),
            1 => len,
            _ => (1 + self.below(700)).min(len),
        }
    }
}

impl ErrorType for End {
    type Error = io::Error;
}

impl ReadReady for End {
    /// A socket would make a system call of it.
    fn read_ready(&mut self) -> io::Result<bool> {
        panic!("a read says itself whether there is something to read");
    }
}

impl WriteReady for End {
    fn write_ready(&mut self) -> io::Result<bool> {
        Ok(self.to.borrow().bytes.len() < self.room)
    }
}

impl Read for End {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut way = self.from.borrow_mut();
        let len = self.whims.some_of(buffer.len()).min(way.bytes.len());
        way.bytes.drain(..len).zip(buffer).for_each(|(byte, into)| *into = byte);
        Ok(len)
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut way = self.to.borrow_mut();
        let len = self.whims.some_of(bytes.len()).min(self.room.saturating_sub(way.bytes.len()));
        way.bytes.extend(&bytes[..len]);
        way.seen.extend(&bytes[..len]);
        if len == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(len) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for End {
    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let way = self.from.borrow();
        let is_ready = (!way.bytes.is_empty() || way.is_closed) && self.whims.below(5) > 0;
        drop(way);
        if is_ready { self.read(buffer).map(Some) } else { Ok(None) }
    }

    fn try_write(&mut self, segments: &[&[u8]]) -> io::Result<Option<usize>> {
        let Some(segment) = segments.iter().find(|segment| !segment.is_empty()) else { return Ok(Some(0)) };
        if self.write_ready()? && self.whims.below(5) > 0 { self.write(segment).map(Some) } else { Ok(None) }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.to.borrow_mut().is_closed = true;
    }
}

fn wire(seed: u64, room: usize) -> (End, End) {
    let (one, other) = (Rc::new(RefCell::default()), Rc::new(RefCell::default()));
    let end =
        |from: &Rc<_>, to: &Rc<_>, seed| End { from: Rc::clone(from), to: Rc::clone(to), whims: Whims(seed), room };
    (end(&one, &other, seed), end(&other, &one, seed ^ 0x5555))
}

/// A server's certificate, and a client that believes it.
struct Scene {
    _folder: Folder,
    certificates: Certificates,
    connector: Connector,
}

impl Scene {
    fn new() -> Self {
        let folder = Folder::new();
        let identity = Identity::SelfSigned { directory: folder.path().to_owned() };
        let certificates = Certificates::open(identity, &["localhost".to_owned()]).unwrap();
        let connector = Connector::new(Believe::Pin(certificates.fingerprint())).unwrap();
        Self { _folder: folder, certificates, connector }
    }

    fn pair(&self, seed: u64, room: usize) -> (Tls<End>, Tls<End>) {
        let (near, far) = wire(seed, room);
        let server = Tls::server(near, self.certificates.session().unwrap());
        (server, Tls::client(far, self.connector.session("localhost").unwrap()))
    }
}

/// What an end has to say, and what it has heard.
struct Talk {
    says: Vec<u8>,
    said: usize,
    heard: Vec<u8>,
}

impl Talk {
    fn new(len: usize, whims: &mut Whims) -> Self {
        Self { says: (0..len).map(|_| whims.below(256) as u8).collect(), said: 0, heard: Vec::new() }
    }

    fn go_on(&mut self, tls: &mut Tls<End>, whims: &mut Whims) {
        let rest = &self.says[self.said..];
        // Cut in segments, some of them empty.
        let cut = whims.below(rest.len() + 1).min(3000);
        let (head, tail) = rest.split_at(cut);
        if let Some(taken) = tls.try_write(&[head, &[], tail]).unwrap() {
            assert!(taken > 0 || rest.is_empty(), "progress is told as such");
            self.said += taken;
        }
        if tls.read_ready().unwrap() {
            let mut buffer = vec![0; 1 + whims.below(5000)];
            let len = tls.read(&mut buffer).unwrap();
            self.heard.extend(&buffer[..len]);
        }
    }
}

#[test]
fn bytes_arrive_wherever_the_wire_cuts_them() {
    let scene = Scene::new();
    for seed in 0..60 {
        let mut whims = Whims(seed);
        let room = [200, 1000, 20_000, 200_000][whims.below(4)];
        let (mut server, mut client) = scene.pair(seed, room);
        let (len, other_len) = (whims.below(60_000), whims.below(3000));
        let (mut of_server, mut of_client) = (Talk::new(len, &mut whims), Talk::new(other_len, &mut whims));
        let mut turns = 0;
        while of_server.heard != of_client.says || of_client.heard != of_server.says {
            of_server.go_on(&mut server, &mut whims);
            of_client.go_on(&mut client, &mut whims);
            turns += 1;
            assert!(turns < 200_000, "seed {seed}: it does not end");
        }
        assert!(!server.is_handshaking() && !client.is_handshaking());
        // The farewell is heard as an end.
        drop(client);
        let mut ended = false;
        for _ in 0..1000 {
            ended |= server.read_ready().unwrap() && server.read(&mut [0; 16]).unwrap() == 0;
        }
        assert!(ended, "seed {seed}");
    }
}

#[test]
fn what_is_written_cannot_be_read_on_the_wire() {
    let scene = Scene::new();
    let (mut server, mut client) = scene.pair(3, 100_000);
    let mut whims = Whims(3);
    let secret = b"rtsp password, or a picture";
    let mut of_server = Talk { says: secret.repeat(1000), said: 0, heard: Vec::new() };
    let mut of_client = Talk::new(0, &mut whims);
    while of_client.heard.len() < of_server.says.len() {
        of_server.go_on(&mut server, &mut whims);
        of_client.go_on(&mut client, &mut whims);
    }
    let seen = client.inner().from.borrow();
    assert!(seen.seen.len() > of_server.says.len());
    assert!(!seen.seen.windows(16).any(|window| secret.windows(16).any(|part| part == window)));
}

#[test]
fn a_reader_who_does_not_read_costs_no_more_than_one_write() {
    let scene = Scene::new();
    let (mut server, mut client) = scene.pair(1, 40_000);
    for _ in 0..10_000 {
        server.drive().unwrap();
        client.drive().unwrap();
    }
    assert!(!server.is_handshaking() && !client.is_handshaking());
    let bytes = vec![7; 100_000];
    let mut written = 0;
    for _ in 0..1000 {
        written += server.try_write(&[&bytes]).unwrap().unwrap_or(0);
    }
    assert!(server.is_pending() && written < 40_000 + WIDE, "{written}");
    // Until all has left, no more is taken.
    assert_eq!(server.try_write(&[&bytes]).unwrap(), None);
    assert!(!server.write_ready().unwrap());
}

#[test]
fn what_is_no_tls_fails_and_stays_so() {
    let scene = Scene::new();
    for text in
        [&b"OPTIONS rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\n\r\n"[..], b"\x16\x03\x01\xff\xff", &[0; 64], &[0x16; 9000]]
    {
        let (near, far) = wire(9, 100_000);
        far.to.borrow_mut().bytes.extend(text);
        let mut server = Tls::server(near, scene.certificates.session().unwrap());
        let failed = (0..10_000).find_map(|_| server.read_ready().err());
        let Some(error) = failed else {
            // Not yet wrong: it waits for the rest.
            assert!(text.starts_with(b"\x16\x03\x01"), "{text:?}");
            continue;
        };
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(server.failure().is_some());
        assert!(server.read(&mut [0; 16]).is_err() && server.read_ready().is_err());
    }
}

#[test]
fn a_damaged_byte_ends_the_session() {
    let scene = Scene::new();
    for at in [5_usize, 40, 300] {
        let (mut server, mut client) = scene.pair(2, 100_000);
        let mut is_bent = false;
        let mut failed = false;
        for _ in 0..20_000 {
            failed |= server.drive().is_err();
            let mut way = client.inner().from.borrow_mut();
            let gone = way.seen.len() - way.bytes.len();
            if !is_bent && let Some(byte) = at.checked_sub(gone).and_then(|at| way.bytes.get_mut(at)) {
                *byte ^= 1;
                is_bent = true;
            }
            drop(way);
            failed |= client.drive().is_err();
        }
        assert!(is_bent && failed, "{at}");
    }
}

#[test]
fn an_end_in_the_middle_of_the_handshake_is_an_end() {
    let scene = Scene::new();
    let (mut server, mut client) = scene.pair(4, 100_000);
    for _ in 0..20 {
        let _ = client.drive();
    }
    drop(client);
    let over = (0..10_000).any(|_| server.read_ready().unwrap() && server.read(&mut [0; 16]).unwrap() == 0);
    assert!(over && server.is_handshaking());
}

#[test]
fn sessions_are_resumed() {
    let scene = Scene::new();
    let kinds = [0, 1].map(|seed| {
        let (mut server, mut client) = scene.pair(seed, 100_000);
        for _ in 0..10_000 {
            server.drive().unwrap();
            client.drive().unwrap();
        }
        // A client's own order has AES with 256 bits first.
        let suite = server.session.negotiated_cipher_suite().unwrap().suite();
        assert_ne!(suite, rustls::CipherSuite::TLS13_AES_256_GCM_SHA384);
        server.session.handshake_kind()
    });
    assert_eq!(kinds, [Some(rustls::HandshakeKind::Full), Some(rustls::HandshakeKind::Resumed)]);
}

#[test]
fn what_a_peer_owes_is_the_rest_of_a_handshake_or_of_a_record() {
    let scene = Scene::new();
    let (mut server, mut client) = scene.pair(9, 100_000);
    assert_eq!(server.owes(), Some(0));
    for _ in 0..10_000 {
        server.drive().unwrap();
        client.drive().unwrap();
    }
    assert_eq!(server.owes(), None);
    for number in 0..3 {
        while client.try_write(&[b"OPTIONS"]).unwrap().is_none() {}
        (0..100).for_each(|_| client.drive().unwrap());
        let mut record: Vec<u8> = server.inner.from.borrow_mut().bytes.drain(..).collect();
        let last = record.pop();
        for byte in record {
            server.inner.from.borrow_mut().bytes.push_back(byte);
            (0..20).for_each(|_| server.drive().unwrap());
            assert_eq!(server.owes(), Some(number), "a piece more does not change that");
        }
        server.inner.from.borrow_mut().bytes.extend(last);
        while !server.read_ready().unwrap() {}
        assert_eq!((server.read(&mut [0; 16]).unwrap(), server.owes()), (7, None));
    }
}
