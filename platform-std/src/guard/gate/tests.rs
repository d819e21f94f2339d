//! Whole dialogues with a gate, on virtual time.

mod attacks;
mod forms;
mod matrix;

use super::*;
use crate::guard::{Elsewhere, Encryption, Home, Homes, KeyMark, Networks, StreamRules, Users, Who};
use mutoscope::auth::{Authenticator, Credentials};
use mutoscope::session::server::{Config, Connection, Event};

/// One connection, and a driver that has every stream.
struct Client<'g> {
    gate: &'g Gate,
    visit: GateVisit,
    connection: Connection<Vec<u8>>,
    authenticator: Authenticator,
    cseq: u32,
}

/// The time of all tests begins here.
fn start() -> Instant {
    Instant::from_millis(1_000_000)
}

fn users() -> Users {
    let mut users = Users::default();
    users.set("anna", "secret").unwrap();
    users.set("otto", "hunter2").unwrap();
    users
}

fn gate(rules: Rules) -> Gate {
    Gate::new(rules).unwrap()
}

fn who(words: &[&str]) -> Option<Who> {
    Some(Who::parse(words.iter().copied()).unwrap())
}

impl<'g> Client<'g> {
    fn at(gate: &'g Gate, address: &str) -> Self {
        let peer = SocketAddr::new(address.parse().unwrap(), 40_000);
        let config = Config { guarded: true, record: true, ..Config::default() };
        let connection = Connection::new(start(), vec![0; 4096], vec![0; 4096], 7, config);
        Self { gate, visit: gate.visit(peer, false), connection, authenticator: nobody(), cseq: 0 }
    }

    fn logging_in(mut self, user: &str, password: &str) -> Self {
        let credentials = Credentials::new(user, password).unwrap();
        self.authenticator = Authenticator::new(credentials, Basic::Allowed, 7);
        self
    }

    fn private(mut self) -> Self {
        self.visit.is_private = true;
        self
    }

    /// Sends a request at a time, with whatever proof it has, and gives the status; 0: it waits.
    fn request_at(&mut self, now: Instant, method: &str, uri: &str) -> u16 {
        let authorization = self.authenticator.authorize(method, uri);
        let header = authorization.map(|value| format!("Authorization: {value}\r\n")).unwrap_or_default();
        let answer = self.send(now, method, uri, &header);
        let challenges: Vec<_> = answer.lines().filter_map(|line| line.strip_prefix("WWW-Authenticate: ")).collect();
        let status = status(&answer);
        if status == 401 {
            let _ = self.authenticator.handle_challenges(challenges);
        } else {
            self.authenticator.handle_accepted();
        }
        status
    }

    fn request(&mut self, method: &str, uri: &str) -> u16 {
        self.request_at(start(), method, uri)
    }

    /// Sends a request, twice where it is challenged, as players do.
    fn insist(&mut self, method: &str, uri: &str) -> u16 {
        match self.request(method, uri) {
            401 => self.request(method, uri),
            status => status,
        }
    }

    fn send(&mut self, now: Instant, method: &str, uri: &str, headers: &str) -> String {
        self.cseq += 1;
        let request = format!("{method} {uri} RTSP/1.0\r\nCSeq: {}\r\n{headers}\r\n", self.cseq);
        self.connection.rx_buffer()[..request.len()].copy_from_slice(request.as_bytes());
        self.connection.handle_input(now, request.len());
        self.drive(now);
        self.sent(now)
    }

    fn drive(&mut self, now: Instant) {
        while let Some(event) = self.connection.poll_event() {
            match event {
                Event::Authorize => self.ask(now),
                Event::Announce => self.connection.answer_announce(now),
                // Whatever it was, it may be done.
                _ => self.connection.refuse(now, StatusCode::NOT_FOUND, ""),
            }
        }
    }

    fn ask(&mut self, now: Instant) {
        let asking = self.connection.asking().unwrap();
        match self.gate.judge(&mut self.visit, now, &asking, Waker::noop()) {
            Verdict::Allowed(secrecy) => self.connection.allow(now, secrecy),
            Verdict::Challenged { is_stale } => {
                self.connection.challenge(now, self.gate.challenges(&self.visit, now, is_stale));
            }
            Verdict::Refused(status, reason) => self.connection.refuse(now, status, reason),
            Verdict::Wait => {}
        }
    }

    fn sent(&mut self, now: Instant) -> String {
        let answer = String::from_utf8_lossy(self.connection.poll_transmit()).into_owned();
        self.connection.consume_transmit(now, answer.len());
        answer
    }
}

/// Somebody without a name.
fn nobody() -> Authenticator {
    Authenticator::new(Credentials::new("", "").unwrap(), Basic::Refused, 0)
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

/// What a driver that has nothing says of a request that may be carried out.
const ALLOWED: u16 = 404;
const CAM: &str = "rtsp://h/cam";

#[test]
fn who_has_a_password_watches_and_stays_known() {
    let gate = gate(Rules { users: users(), ..Rules::default() });
    let mut anna = Client::at(&gate, "192.0.2.7").logging_in("anna", "secret");
    assert!(!gate.is_inside("192.0.2.7".parse().unwrap()));
    assert_eq!((anna.request("DESCRIBE", CAM), anna.request("DESCRIBE", CAM)), (401, ALLOWED));
    assert!(gate.is_inside("192.0.2.7".parse().unwrap()));
    // FFmpeg does not answer a keep-alive's 401.
    let answer = anna.send(start().after(Duration::from_secs(3600)), "GET_PARAMETER", CAM, "");
    assert_eq!(status(&answer), 200);
    let wrong =
        "Authorization: Digest username=\"anna\", realm=\"mutoscope\", nonce=\"0\", uri=\"*\", response=\"0\"\r\n";
    assert_eq!(status(&anna.send(start(), "GET_PARAMETER", CAM, wrong)), 401, "a wrong one is none");
    let twice = format!("{wrong}{wrong}");
    assert_eq!(status(&anna.send(start(), "GET_PARAMETER", CAM, &twice)), 400);
    assert_eq!(Client::at(&gate, "192.0.2.7").insist("DESCRIBE", CAM), 401);
    assert_eq!(Client::at(&gate, "192.0.2.7").logging_in("anna", "Secret").insist("DESCRIBE", CAM), 401);
    drop(anna);
    assert!(!gate.is_inside("192.0.2.7".parse().unwrap()));
}

#[test]
fn basic_is_for_private_connections_and_only_where_it_is_asked_for() {
    let both = gate(Rules { users: users(), basic: true, ..Rules::default() });
    let digest = gate(Rules { users: users(), ..Rules::default() });
    // RFC 7617: anna and secret.
    let basic = "Authorization: Basic YW5uYTpzZWNyZXQ=\r\n";
    for (gate, is_private, expected) in
        [(&both, true, ALLOWED), (&both, false, 401), (&digest, true, 401), (&digest, false, 401)]
    {
        let mut client = Client::at(gate, "192.0.2.7");
        client.visit.is_private = is_private;
        let challenge = client.send(start(), "DESCRIBE", CAM, "");
        assert_eq!(challenge.contains("Basic realm"), expected == ALLOWED);
        assert_eq!(status(&client.send(start(), "DESCRIBE", CAM, basic)), expected);
    }
    assert_eq!(Client::at(&both, "192.0.2.7").private().logging_in("anna", "secret").insist("DESCRIBE", CAM), ALLOWED);
}

#[test]
fn each_stream_has_its_own_who() {
    let stream = |watch, publish| StreamRules { watch, publish, ..StreamRules::default() };
    let mut rules = Rules { users: users(), ..Rules::default() };
    rules.streams.insert("yard", stream(who(&["anna", "10.0.0.0/8"]), who(&["otto"])));
    rules.streams.insert("lobby", stream(who(&["everybody"]), who(&[])));
    let gate = gate(rules);
    let ask = |address: &str, user: &str, method: &str, uri: &str| {
        let password = if user == "anna" { "secret" } else { "hunter2" };
        Client::at(&gate, address).logging_in(user, password).insist(method, uri)
    };
    let (near, far) = ("10.1.2.3", "192.0.2.7");
    assert_eq!(ask(far, "anna", "DESCRIBE", "rtsp://h/yard"), ALLOWED);
    assert_eq!(ask(far, "otto", "DESCRIBE", "rtsp://h/yard"), 403);
    assert_eq!(Client::at(&gate, near).request("DESCRIBE", "rtsp://h/yard/trackID=0"), ALLOWED);
    assert_eq!(Client::at(&gate, far).request("DESCRIBE", "rtsp://h/lobby"), ALLOWED);
    assert_eq!(ask(far, "otto", "DESCRIBE", CAM), ALLOWED, "any user, where nothing is said");
    assert_eq!(Client::at(&gate, near).request("DESCRIBE", CAM), 401);
    let announce = |address, user, uri: &str| ask(address, user, "ANNOUNCE", uri);
    // 400: it may be announced, if it had a description.
    assert_eq!(announce(far, "otto", "rtsp://h/yard"), 400);
    assert_eq!((announce(far, "anna", "rtsp://h/yard"), announce(far, "anna", "rtsp://h/lobby")), (403, 403));
    assert_eq!(announce(near, "anna", "rtsp://h/yard"), 403, "who may watch from there may not publish");
}

#[test]
fn networks_are_kept_out_whoever_asks() {
    let kept = Networks::new(["10.0.0.0/8".parse().unwrap()], ["10.9.0.0/16".parse().unwrap()]);
    let mut rules = Rules { users: users(), networks: kept, ..Rules::default() };
    let yard = Networks::new([], ["10.1.0.0/16".parse().unwrap()]);
    rules.streams.insert("yard", StreamRules { networks: yard, ..StreamRules::default() });
    let gate = gate(rules);
    let peer = |address: &str| SocketAddr::new(address.parse().unwrap(), 1);
    assert!(gate.lets_in(peer("10.0.0.1")) && gate.lets_in(peer("::ffff:10.0.0.1")));
    assert!(!gate.lets_in(peer("10.9.0.1")) && !gate.lets_in(peer("192.0.2.7")));
    let insist = |address, uri| Client::at(&gate, address).logging_in("anna", "secret").insist("DESCRIBE", uri);
    assert_eq!((insist("10.0.0.1", CAM), insist("192.0.2.7", CAM)), (ALLOWED, 403));
    assert_eq!((insist("10.0.0.1", "rtsp://h/yard"), insist("10.1.0.1", "rtsp://h/yard")), (ALLOWED, 403));
}

#[test]
fn who_asks_for_names_is_told_those_that_may_be_watched_from_there() {
    let mut rules = Rules::default();
    rules.streams.insert("a yard", StreamRules { watch: who(&["10.0.0.0/8"]), ..StreamRules::default() });
    let gate = gate(rules);
    let known = |address: &str| {
        let visit = gate.visit(SocketAddr::new(address.parse().unwrap(), 1), false);
        ["a yard", "movie.Mjpeg"].map(|name| gate.may_know(&visit, name))
    };
    assert_eq!((known("10.0.0.1"), known("192.0.2.7")), ([true, true], [false, true]));
}

#[test]
fn without_users_an_address_decides() {
    let gate =
        gate(Rules { default: StreamRules { watch: who(&["10.0.0.0/8"]), ..Default::default() }, ..Rules::default() });
    assert_eq!(Client::at(&gate, "10.0.0.1").request("DESCRIBE", CAM), ALLOWED);
    assert_eq!(Client::at(&gate, "192.0.2.7").request("DESCRIBE", CAM), 403, "no password would help");
    assert_eq!(Client::at(&gate, "10.0.0.1").request("ANNOUNCE", CAM), 403);
    assert_eq!(Client::at(&gate, "127.0.0.1").request("ANNOUNCE", CAM), 400);
}

/// Another machine, whose streams have keys of tokens.
struct Garden(Vec<(&'static str, Option<KeyMark>)>);

impl Homes for Garden {
    fn home_of(&self, path: Path<'_>) -> Option<Home> {
        let (name, tokens) = self.0.iter().find(|(name, _)| Path::new(name).is_same(path))?;
        let rules = StreamRules { watch: who(&[]), ..StreamRules::default() };
        Some(Home::There { name: (*name).to_owned(), rules, tokens: tokens.clone() })
    }
}

#[test]
fn tokens_open_streams_of_machines_with_the_same_key_alone() {
    let [key, other] = [7, 8].map(|byte| Key::new([byte; 32]));
    let mark = |key: &Key, name: &str| Some(KeyMark::new(key, name));
    let garden = Garden(vec![
        ("garden/same", mark(&key, "garden/same")),
        ("garden/other", mark(&other, "garden/other")),
        ("garden/none", None),
        // It has heard the mark of another one's stream.
        ("garden/liar", mark(&key, "garden/same")),
    ]);
    let elsewhere = Elsewhere::new(Arc::new(garden));
    let rules =
        |token_key| Rules { users: users(), token_key, elsewhere: elsewhere.clone(), cut: true, ..Rules::default() };
    let gate = gate(rules(Some(key.clone())));
    let ask = |client: &mut Client<'_>, name: &str, of: &str| {
        let token = Token::new(&key, of, now_in_seconds() + 600);
        client.request("DESCRIBE", &format!("rtsp://h/{name}?token={token}"))
    };
    for (name, expected) in
        [("garden/same", ALLOWED), ("garden/other", 401), ("garden/none", 401), ("garden/liar", 401)]
    {
        assert_eq!(ask(&mut Client::at(&gate, "192.0.2.7"), name, name), expected, "{name}");
    }
    let mut client = Client::at(&gate, "192.0.2.7");
    assert_eq!(ask(&mut client, "garden/same", "same"), 401, "it is for another stream");
    assert_eq!(ask(&mut client, "garden/same", "garden/same"), ALLOWED);
    assert_eq!(client.request("PLAY", "rtsp://h/garden/same"), 455, "it may, if it had a session");
    gate.replace(rules(Some(other)));
    assert_eq!(client.request("PLAY", "rtsp://h/garden/same"), 401);
}

fn now_in_seconds() -> u32 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as u32
}

#[test]
fn a_token_lets_its_owner_watch_one_stream_until_it_ends() {
    let key = Key::new([7; 32]);
    let rules = |cut| Rules { users: users(), token_key: Some(key.clone()), cut, ..Rules::default() };
    let gate = gate(rules(false));
    let token = Token::new(&key, "cam", now_in_seconds() + 600);
    let uri = format!("{CAM}?token={token}");
    let mut client = Client::at(&gate, "192.0.2.7");
    assert_eq!(client.request("DESCRIBE", &uri), ALLOWED);
    assert_eq!(
        client.request("SETUP", "rtsp://h/cam/trackID=0"),
        400,
        "bound to the connection; there is no transport"
    );
    assert_eq!(client.request("PLAY", CAM), 455, "it may, if it had a session");
    assert_eq!((client.request("DESCRIBE", "rtsp://h/other"), client.request("ANNOUNCE", &uri)), (401, 401));
    assert_eq!(client.visit.ends(), None);
    let mut direct = Client::at(&gate, "192.0.2.7");
    assert_eq!(direct.request("SETUP", &format!("rtsp://h/cam/trackID=0?token={token}")), 400);
    for uri in [
        format!("rtsp://h/other?token={token}"),
        format!("{CAM}?token={}", Token::new(&key, "cam", now_in_seconds() - 1)),
        format!("{CAM}?token={}", Token::new(&Key::new([8; 32]), "cam", now_in_seconds() + 600)),
        CAM.to_owned(),
    ] {
        assert_eq!(Client::at(&gate, "192.0.2.7").request("DESCRIBE", &uri), 401, "{uri}");
    }
    // It ends for those who begin anew, not for those who watch.
    client.visit.token.as_mut().unwrap().0 = Token::new(&key, "cam", now_in_seconds() - 1);
    assert_eq!((client.request("PLAY", CAM), client.request("DESCRIBE", CAM)), (455, 401));
    gate.replace(rules(true));
    assert_eq!(client.request("DESCRIBE", &uri), ALLOWED);
    let left = client.visit.ends().unwrap().since(start()).as_secs();
    assert!((598..=600).contains(&left), "{left}");
}

#[test]
fn guessing_is_delayed_and_then_refused_but_not_for_those_who_are_inside() {
    let gate = gate(Rules { users: users(), ..Rules::default() });
    let mut now = start();
    let mut waits = 0;
    let mut guess = |now: &mut Instant, gate| {
        let mut client = Client::at(gate, "192.0.2.7").logging_in("anna", "wrong");
        client.request_at(*now, "DESCRIBE", CAM);
        // Another password each time makes another answer.
        *now = now.after(Duration::from_millis(1));
        let mut status = client.request_at(*now, "DESCRIBE", CAM);
        while status == 0 {
            waits += 1;
            *now = client.visit.asks_again().expect("it waits for a time");
            client.ask(*now);
            client.drive(*now);
            let answer = client.sent(*now);
            status = self::status(&answer);
        }
        status
    };
    let statuses: Vec<_> = (0..11)
        .map(|_| {
            now = now.after(Duration::from_secs(1));
            guess(&mut now, &gate)
        })
        .collect();
    assert_eq!(statuses[..10], [401; 10]);
    assert_eq!(statuses[10], 403);
    assert!((4..=7).contains(&waits), "{waits}");
    let mut anna = Client::at(&gate, "192.0.2.7").logging_in("anna", "secret");
    anna.request_at(now, "DESCRIBE", CAM);
    assert_eq!(anna.request_at(now, "DESCRIBE", CAM), 403, "not even who knows it");
    let mut otto = Client::at(&gate, "192.0.2.7").logging_in("otto", "hunter2");
    otto.request_at(now, "DESCRIBE", CAM);
    assert_eq!(otto.request_at(now, "DESCRIBE", CAM), ALLOWED);
    assert_eq!(anna.request_at(now, "DESCRIBE", CAM), 0, "Otto is inside, at the same address");
    let then = anna.visit.asks_again().unwrap();
    assert!(then <= now.after(Duration::from_secs(8)));
    anna.ask(then);
    anna.drive(then);
    assert_eq!(status(&anna.sent(then)), ALLOWED);
}

#[test]
fn the_same_wrong_answer_is_one_guess() {
    let gate = gate(Rules { users: users(), ..Rules::default() });
    let mut client = Client::at(&gate, "192.0.2.7").logging_in("anna", "wrong");
    client.request("DESCRIBE", CAM);
    let authorization = format!("Authorization: {}\r\n", client.authenticator.authorize("DESCRIBE", CAM).unwrap());
    for _ in 0..20 {
        assert_eq!(status(&client.send(start(), "DESCRIBE", CAM, &authorization)), 401);
    }
}

#[test]
fn new_rules_hold_for_the_next_request_of_those_who_are_inside() {
    let gate = gate(Rules { users: users(), ..Rules::default() });
    let mut anna = Client::at(&gate, "192.0.2.7").logging_in("anna", "secret");
    assert_eq!(anna.insist("DESCRIBE", CAM), ALLOWED);
    let mut fewer = users();
    fewer.remove("anna");
    gate.replace(Rules { users: fewer, ..Rules::default() });
    assert_eq!(status(&anna.send(start(), "GET_PARAMETER", CAM, "")), 401);
}

#[test]
fn what_new_rules_do_not_allow_ends_where_they_cut_and_nothing_else_does() {
    let key = Key::new([7; 32]);
    let near: &[&str] = &["10.0.0.0/8", "anna", "otto"];
    let rules = |users: Users, cut: bool, watch: &[&str], key: &Key| {
        let mut rules = Rules { users, cut, token_key: Some(key.clone()), ..Rules::default() };
        let stream = StreamRules { watch: who(watch), ..StreamRules::default() };
        rules.streams.insert("cam", stream);
        rules
    };
    let gate = gate(rules(users(), false, near, &key));
    let mut anna = Client::at(&gate, "192.0.2.7").logging_in("anna", "secret");
    let mut otto = Client::at(&gate, "192.0.2.8").logging_in("otto", "hunter2");
    let mut neighbour = Client::at(&gate, "10.1.2.3");
    let mut guest = Client::at(&gate, "192.0.2.9");
    let uri = format!("{CAM}?token={}", Token::new(&key, "cam", now_in_seconds() + 600));
    assert_eq!((anna.insist("SETUP", CAM), otto.insist("SETUP", CAM)), (400, 400));
    assert_eq!((neighbour.request("SETUP", CAM), guest.request("SETUP", &uri)), (400, 400));
    // What is asked besides, even in vain, does not hide what they watch.
    assert_eq!((anna.request("DESCRIBE", "rtsp://h/lobby"), anna.request("SETUP", "rtsp://h/lobby")), (ALLOWED, 400));
    let stranger = Client::at(&gate, "192.0.2.10");
    let (mut fewer, mut other) = (users(), users());
    fewer.remove("anna");
    other.set("anna", "another").unwrap();
    // Who is sent away, of Anna, Otto, the neighbour and the guest.
    let sent_away = || {
        assert_eq!(stranger.visit.ends(), None, "nothing was allowed that could end");
        [&anna, &otto, &neighbour, &guest].map(|client| client.visit.ends() == Some(Instant::default()))
    };
    for (rules, expected) in [
        (rules(fewer.clone(), false, near, &key), [false; 4]),
        (rules(users(), true, near, &key), [false; 4]),
        (rules(fewer, true, near, &key), [true, false, false, false]),
        (rules(other, true, near, &key), [true, false, false, false]),
        (rules(users(), true, &["10.0.0.0/8", "anna"], &key), [false, true, false, false]),
        (rules(users(), true, &["*"], &key), [false, false, true, false]),
        (rules(users(), true, near, &Key::new([8; 32])), [false, false, false, true]),
        (
            Rules { networks: Networks::parse([], ["192.0.2.0/24"]).unwrap(), cut: true, ..Rules::default() },
            [true, true, false, true],
        ),
        (Rules { cut: true, ..Rules::default() }, [false; 4]),
    ] {
        gate.replace(rules);
        assert_eq!(sent_away(), expected);
    }
}

#[test]
fn a_stranger_may_watch_something_where_a_rule_says_so() {
    let may = |gate: &Gate, address: &str| gate.may_watch_something(&Client::at(gate, address).visit);
    let mut rules = Rules { users: users(), ..Rules::default() };
    assert!(!may(&gate(rules.clone()), "10.0.0.1"));
    rules.streams.insert("cam", StreamRules { watch: who(&["10.0.0.0/8"]), ..StreamRules::default() });
    let gate = gate(rules);
    assert!(may(&gate, "10.0.0.1") && !may(&gate, "192.0.2.7"));
    let mut anna = Client::at(&gate, "192.0.2.7").logging_in("anna", "secret");
    anna.insist("DESCRIBE", CAM);
    assert!(gate.may_watch_something(&anna.visit));
    assert!(may(&super::Gate::new(Rules::default()).unwrap(), "192.0.2.7"));
}

#[test]
fn the_lab_s_client_is_let_in_by_its_address_alone() {
    let mut rules = Rules { users: users(), ..Rules::default() };
    rules.streams.insert("movie.Mjpeg", StreamRules { watch: who(&["10.0.0.0/8"]), ..Default::default() });
    let gate = gate(rules);
    for (address, expected) in
        [("10.0.0.1", "RTSP/1.0 404"), ("192.0.2.7", "RTSP/1.0 401 Unauthorized\nCSeq: 1\nSession: 0\n")]
    {
        let mut client = Client::at(&gate, address);
        let setup = "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000\n\n";
        client.connection.rx_buffer()[..setup.len()].copy_from_slice(setup.as_bytes());
        client.connection.handle_input(start(), setup.len());
        client.drive(start());
        let later = start().after(Duration::from_millis(100));
        client.connection.handle_timeout(later);
        client.drive(later);
        let answer = client.sent(later);
        assert!(answer.starts_with(expected), "{address}: {answer}");
    }
}

#[test]
fn how_media_travel_is_decided_by_the_stream_and_the_connection() {
    let mut rules = Rules::default();
    for (name, encryption) in
        [("off", Encryption::Off), ("offered", Encryption::Offered), ("required", Encryption::Required)]
    {
        rules.streams.insert(name, StreamRules { encryption, ..StreamRules::default() });
    }
    let closed = gate(rules.clone());
    let sdes = gate(Rules { sdes: true, ..rules });
    // A transport and whether it is taken: 404 is what this driver says of everything.
    let setup = |gate: &Gate, is_private: bool, name: &str, transport: &str| {
        let mut client = Client::at(gate, "192.0.2.7");
        client.visit.is_private = is_private;
        let answer = client.send(start(), "SETUP", &format!("rtsp://h/{name}"), &format!("Transport: {transport}\r\n"));
        status(&answer)
    };
    let transports = ["RTP/AVP;client_port=5000", "RTP/AVP/TCP", "RTP/SAVP;client_port=5000", "RTP/SAVP/TCP"];
    let taken = |gate, is_private, name| transports.map(|transport| setup(gate, is_private, name, transport));
    assert_eq!(taken(&closed, false, "off"), [ALLOWED, ALLOWED, 461, 461]);
    assert_eq!(taken(&closed, true, "off"), [ALLOWED, ALLOWED, 461, 461]);
    assert_eq!(taken(&closed, false, "offered"), [ALLOWED, ALLOWED, 461, 461]);
    assert_eq!(taken(&closed, true, "offered"), [ALLOWED; 4]);
    assert_eq!(taken(&closed, false, "required"), [403; 4]);
    assert_eq!(taken(&closed, true, "required"), [461, ALLOWED, ALLOWED, ALLOWED]);
    assert_eq!(taken(&sdes, false, "required"), [ALLOWED; 4]);
    assert_eq!(taken(&sdes, false, "offered"), [ALLOWED, ALLOWED, 461, 461]);
}
