use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use mutoscope::auth::{Authenticator, Basic, Credentials};
use mutoscope::media::catalogue::{Catalogue, Medium};
use mutoscope::media::{Either, FrameSink};
use mutoscope::wire::url::Path;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::super::tests::{picture, run};
use super::super::{Connection, Site};
use super::*;
use crate::guard::{Encryption, Gate, Rules, StreamRules, Users, Who};
use crate::input::{Input, InputError, Publisher, Push, Start, Stop};
use crate::media::testing::{Folder, frames};
use crate::media::{Library, Policy};
use crate::server::{Limits, Options};

const PATIENCE: Duration = Duration::from_secs(30);

/// An input that does what it is told at its first run, and nothing after that.
struct Scripted(Result<(), InputError>);

impl Input for Scripted {
    fn run(&mut self, publisher: &Publisher, stop: &Stop) -> Result<(), InputError> {
        std::mem::replace(&mut self.0, Ok(()))?;
        publisher.publish(picture(0, 1000), Instant::now());
        while stop.sleep(PATIENCE) {}
        Ok(())
    }
}

fn inputs(start: Start, does: Result<(), InputError>) -> Inputs {
    let mut inputs = Inputs::new(Policy::default()).unwrap();
    inputs.add(Live::new("yard", None), Box::new(Scripted(does)), start).unwrap();
    inputs
}

fn listed(directory: &impl Directory) -> Listing {
    directory.list().swap_remove(0).about.unwrap()
}

/// What is listed as soon as it is so.
fn wait(directory: &impl Directory, is_so: impl Fn(&Listing) -> bool) -> Listing {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let listing = listed(directory);
        if is_so(&listing) {
            return listing;
        }
        assert!(Instant::now() < deadline, "{listing:?}");
        std::thread::yield_now();
    }
}

#[test]
fn to_list_an_input_does_not_start_it() {
    let inputs = inputs(Start::OnDemand, Ok(()));
    for _ in 0..3 {
        let idle = Listing { is_live: true, condition: Condition::Idle, ..Listing::default() };
        assert_eq!(listed(&inputs), idle);
    }
    let medium = inputs.find(Path::new("yard")).unwrap();
    let _ = medium.entry(Waker::noop());
    let running = wait(&inputs, |listing| listing.condition == Condition::Ready);
    assert_eq!((running.width, running.height, running.viewers, running.rate), (16, 16, 1, None));
    assert!(running.age.is_some() && running.absence.is_none());
}

#[test]
fn what_is_wrong_with_an_input_is_told_in_words() {
    let away = inputs(Start::Always, Err(InputError::new("nobody answers")));
    let listing = wait(&away, |listing| listing.condition == Condition::Absent);
    assert_eq!(listing.absence.as_deref(), Some("nobody answers"));
    let broken = inputs(Start::Always, Err(InputError::last("it is broken")));
    let listing = wait(&broken, |listing| listing.condition == Condition::Over);
    assert_eq!(listing.absence.as_deref(), Some("it is broken"));
    // On demand, it is known of those who watched.
    let failed = inputs(Start::OnDemand, Err(InputError::new("nobody answers")));
    let medium = failed.find(Path::new("yard")).unwrap();
    wait(&failed, |listing| listing.condition == Condition::Absent);
    drop(medium);
    let listing = wait(&failed, |listing| listing.condition == Condition::Idle);
    assert_eq!(listing.absence.as_deref(), Some("nobody answers"));
}

#[test]
fn a_stream_that_nobody_publishes_says_so() {
    let mut inputs = Inputs::new(Policy::default()).unwrap();
    inputs.add_push(Push::new("yard", None, Policy::default()).unwrap()).unwrap();
    let listing = listed(&inputs);
    assert_eq!(listing.condition, Condition::Absent);
    assert_eq!(listing.absence.as_deref(), Some("nobody publishes this stream at the moment"));
    // And what is lost of it, where somebody does.
    let mut sink = inputs.find(Path::new("yard")).unwrap().record([127, 0, 0, 1].into()).unwrap();
    let now = mutoscope::time::Instant::from_millis(1);
    for (came, lost) in [(10, 0), (40, 10)] {
        sink.publish(now, &picture(0, 1000), now);
        sink.note_packets(came, lost);
    }
    let listing = wait(&inputs, |listing| listing.condition == Condition::Ready);
    assert_eq!(listing.loss, Some(0.25));
}

#[test]
fn files_are_not_opened_to_be_listed() {
    let folder = Folder::new();
    folder.file("film.mjpeg", &frames(48).concat());
    folder.file("none.mjpeg", b"no film");
    let library = Library::from_paths(&[folder.path().to_owned()], None, Policy::default()).unwrap();
    assert!(library.list().iter().all(|listed| listed.about.is_none()), "{:?}", library.list());
    let media = ["film.mjpeg", "none.mjpeg"].map(|name| library.find(Path::new(name)).unwrap());
    media.iter().for_each(|medium| _ = medium.entry(Waker::noop()));
    let deadline = Instant::now() + PATIENCE;
    let is_known = |listed: &Listed| listed.about.is_some();
    while !library.list().iter().all(is_known) {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
    let _ = media[0].entry(Waker::noop());
    let viewer = media[0].open().unwrap();
    let [film, none] = &library.list()[..] else { panic!() };
    let film = film.about.as_ref().unwrap();
    assert_eq!((film.rate, film.viewers, film.is_live), (Some(24.0), 1, false));
    assert_eq!(film.length, Some(Duration::from_secs(2)));
    let none = none.about.as_ref().unwrap();
    assert!(none.condition == Condition::Absent && none.absence.as_ref().unwrap().contains("not an MJPEG file"));
    drop(viewer);
    assert_eq!(library.list()[0].about.as_ref().unwrap().viewers, 0);
}

/// Answers of a site with four streams, of which each has rules of its own, to somebody who has this name and password.
struct Asker {
    gate: Arc<Gate>,
    authenticator: Option<Authenticator>,
}

type Streams = (Live, (Live, (Live, Live)));

impl<A: Directory, B: Directory> Directory for (A, B)
where
    Either<A::Medium, B::Medium>: Medium<Source: Send, Sink: Send> + Send,
    (A, B): Catalogue<Medium = Either<A::Medium, B::Medium>>,
{
    fn list(&self) -> Vec<Listed> {
        self.0.list().into_iter().chain(self.1.list()).collect()
    }
}

fn gate(watch_lobby: &str) -> Arc<Gate> {
    let mut users = Users::default();
    ["anna", "otto"].iter().for_each(|user| users.set(user, "secret").unwrap());
    let mut rules = Rules { users, admin: Who::parse(["anna"]).unwrap(), ..Rules::default() };
    let who = |word: &str| StreamRules { watch: Some(Who::parse([word]).unwrap()), ..StreamRules::default() };
    rules.streams.insert("lobby", who(watch_lobby));
    rules.streams.insert("anna's", who("anna"));
    rules.streams.insert("vault", StreamRules { encryption: Encryption::Required, ..StreamRules::default() });
    Arc::new(Gate::new(rules).unwrap())
}

impl Asker {
    fn new(gate: &Arc<Gate>, user: Option<(&str, &str)>) -> Self {
        let log_in =
            |(user, password)| Authenticator::new(Credentials::new(user, password).unwrap(), Basic::Refused, 7);
        Self { gate: Arc::clone(gate), authenticator: user.map(log_in) }
    }

    /// The status and the rest of the last answer.
    fn ask(&mut self, path: &str) -> (u16, String) {
        let first = self.ask_once(path, None);
        let Some(authenticator) = self.authenticator.as_mut().filter(|_| first.0 == 401) else { return first };
        let challenges = first.1.lines().filter_map(|line| line.strip_prefix("www-authenticate: "));
        authenticator.handle_challenges(challenges).unwrap();
        let authorization = authenticator.authorize("GET", path).map(|value| value.to_string());
        self.ask_once(path, authorization)
    }

    fn ask_once(&self, path: &str, authorization: Option<String>) -> (u16, String) {
        let live = |name: &str| Live::new(name, None);
        let catalogue: Streams = (live("lobby"), (live("yard"), (live("anna's"), live("vault"))));
        let gate = Arc::clone(&self.gate);
        let header = authorization.map(|value| format!("Authorization: {value}\r\n")).unwrap_or_default();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{header}\r\n");
        let answer = run(async move {
            let (mut client, server) = duplex(64 * 1024);
            let [peer, local] = ["192.0.2.7:40000", "127.0.0.1:80"].map(|address| address.parse().unwrap());
            let connection = Connection { peer, local, is_private: false, is_refused: false };
            let limits = Limits::new(&Options::default());
            tokio::spawn(connection.serve(server, Arc::new(Site::within(limits, catalogue, gate))));
            client.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            answer
        });
        (answer["HTTP/1.1 ".len()..][..3].parse().unwrap(), answer)
    }

    /// The names that are listed, and whether there may be more for who logs in.
    fn names(&mut self) -> (Vec<String>, bool) {
        let (status, answer) = self.ask("/api/streams");
        assert_eq!(status, 200, "{answer}");
        let answer: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        let names = answer["streams"].as_array().unwrap().iter();
        let names = names.map(|stream| stream["name"].as_str().unwrap().to_owned());
        (names.collect(), answer["may_log_in"].as_bool().unwrap())
    }
}

#[test]
fn only_what_somebody_may_watch_is_listed() {
    let gate = gate("everybody");
    let names = |asker: &mut Asker| asker.names();
    // Without a password there is something to be seen, and a way to see more.
    let mut stranger = Asker::new(&gate, None);
    assert_eq!(names(&mut stranger), (vec!["lobby".to_owned()], true));
    assert_eq!(stranger.ask("/").0, 200);
    let asker = |user, listed: &[&str]| {
        let mut asker = Asker::new(&gate, Some((user, "secret")));
        assert_eq!(asker.ask("/login").0, 303);
        let authorization = asker.authenticator.as_mut().unwrap().authorize("GET", "/api/streams").unwrap().to_string();
        let (status, answer) = asker.ask_once("/api/streams", Some(authorization));
        assert_eq!(status, 200, "{answer}");
        for name in ["lobby", "yard", "anna's", "vault"] {
            assert_eq!(answer.contains(&format!("\"name\":\"{name}\"")), listed.contains(&name), "{user}: {answer}");
        }
        assert!(answer.contains("\"may_log_in\":false"), "{answer}");
    };
    // What has to be encrypted cannot be watched by this way.
    asker("anna", &["lobby", "yard", "anna's"]);
    asker("otto", &["lobby", "yard"]);
}

#[test]
fn the_page_asks_for_a_password_where_nothing_is_for_everybody() {
    let gate = gate("anna");
    for path in ["/", "/api/streams", "/state", "/login", "/?action=stream", "/metrics"] {
        let (status, answer) = Asker::new(&gate, None).ask(path);
        assert_eq!(status, 401, "{path}: {answer}");
        assert!(answer.contains("www-authenticate: Digest "), "{path}: {answer}");
        assert!(!answer.contains("Basic") && !answer.contains("yard"), "{path}: {answer}");
        let (status, answer) = Asker::new(&gate, Some(("anna", "wrong"))).ask(path);
        assert_eq!(status, 401, "{path}: {answer}");
    }
    let answers =
        [("/", 200), ("/api/streams", 200), ("/state", 200), ("/login", 303), ("/metrics", 200), ("/healthz", 200)];
    for (path, expected) in answers {
        let (status, answer) = Asker::new(&gate, Some(("otto", "secret"))).ask(path);
        assert_eq!(status, expected, "{path}: {answer}");
    }
    // What is the same on every server is no secret.
    assert_eq!(Asker::new(&gate, None).ask("/page.js").0, 200);
}

#[test]
fn only_who_is_named_for_it_sees_the_sessions_of_all() {
    let gate = gate("everybody");
    assert_eq!(Asker::new(&gate, None).ask("/api/sessions").0, 401);
    for (user, password, status) in [("anna", "wrong", 401), ("otto", "secret", 403), ("anna", "secret", 200)] {
        let mut asker = Asker::new(&gate, Some((user, password)));
        let (found, answer) = asker.ask("/api/sessions");
        assert_eq!(found, status, "{user}: {answer}");
        assert_eq!(answer.contains("\"sessions\""), status == 200, "{user}: {answer}");
    }
    // Where there are no users, nobody is one by being there.
    let open = Arc::new(Gate::new(Rules::default()).unwrap());
    assert_eq!(Asker::new(&open, None).ask("/api/sessions").0, 403);
}

#[test]
fn one_of_many_is_counted_among_what_somebody_may_watch() {
    let gate = gate("anna");
    // The first one that otto may watch is the yard, which has no picture.
    let (status, answer) = Asker::new(&gate, Some(("otto", "secret"))).ask("/snapshot");
    assert_eq!(status, 503, "{answer}");
    let (status, answer) = Asker::new(&gate, Some(("otto", "secret"))).ask("/?action=snapshot_1");
    assert_eq!(status, 404, "{answer}");
}

#[test]
fn a_portion_of_the_streams_is_listed_with_their_number() {
    let gate = gate("everybody");
    let answer = Asker::new(&gate, Some(("anna", "secret"))).ask("/login").1;
    assert!(answer.contains("location: /\r\n"), "{answer}");
    let answer = Asker::new(&gate, None).ask("/api/streams?from=1").1;
    assert!(answer.contains("\"streams\":[]") && answer.contains("\"total\":1"), "{answer}");
}
