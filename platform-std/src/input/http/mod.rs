//! Cameras that give their pictures over HTTP: as a stream (`multipart/x-mixed-replace`), or one by one.
//!
//! Which of these it is shows in what comes. Pictures are found by their contents: what a server says of its answer's type and
//! length, and of its parts, is wrong too often.

mod answer;
mod connection;
mod wire;

pub use answer::{Answers, Event, Head, Malformed};

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use mutoscope::auth::{Authenticator, Basic, Refusal};

use super::Input;
use super::error::InputError;
use super::feeder::Feeder;
use super::publisher::Publisher;
use super::spec::Remote;
use super::stop::Stop;
use crate::reach::Reach;
use crate::tls::Fingerprint;
use connection::Connection;
use wire::{Ended, Trust};

/// How long an answer's head may take, and how long a stream may be silent.
const PATIENCE: Duration = Duration::from_secs(10);
/// Requests that one picture or stream may take: redirections, and challenges.
const MAX_REQUESTS: usize = 8;
/// What is read of the body of an answer that holds no picture. Where it is longer, another connection is cheaper.
const MAX_OTHER: usize = 64 * 1024;
/// How often single pictures are asked for where nobody says it.
const USUAL_POLL: Duration = Duration::from_secs(1);

/// A camera behind an HTTP URL.
#[derive(Debug)]
pub struct Http {
    remote: Remote,
    pin: Option<Fingerprint>,
    reach: Reach,
    poll: Duration,
    patience: Duration,
}

impl Http {
    /// The camera at `remote`. `poll`: how often a single picture is asked for, every second if `None`.
    pub fn new(remote: Remote, poll: Option<Duration>) -> Self {
        Self { remote, pin: None, reach: Reach::default(), poll: poll.unwrap_or(USUAL_POLL), patience: PATIENCE }
    }

    /// Of `https://`, this certificate alone is believed, if there is one.
    pub fn with_pin(self, pin: Option<Fingerprint>) -> Self {
        Self { pin, ..self }
    }

    /// Only such addresses are connected to.
    pub fn with_reach(self, reach: Reach) -> Self {
        Self { reach, ..self }
    }

    /// Waits for the next picture of a stream for as long as three of them last, where that is longer than usual.
    pub(super) fn with_interval(self, interval: Duration) -> Self {
        Self { patience: self.patience.max(interval * 3), ..self }
    }
}

impl Input for Http {
    fn run(&mut self, publisher: &Publisher, stop: &Stop) -> Result<(), InputError> {
        let mut client = Client::new(&self.remote, self.pin, self.reach)?;
        let mut feeder = Feeder::new();
        loop {
            let asked = Instant::now();
            match client.get(&mut feeder, self.patience, publisher, stop)? {
                Got::Stopped => return Ok(()),
                Got::Stream => return Err(InputError::new("its stream has ended")),
                Got::Nothing => return Err(InputError::new("what it answers holds no JPEG picture")),
                Got::Picture | Got::NotModified => {}
            }
            let rest = (asked + self.poll).saturating_duration_since(Instant::now());
            if !rest.is_zero() && !stop.sleep(rest) {
                return Ok(());
            }
        }
    }
}

/// What came of asking for pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Got {
    /// The input is to end.
    Stopped,
    /// Pictures one after another, until the server had no more.
    Stream,
    /// One picture.
    Picture,
    /// The picture is still the same.
    NotModified,
    /// Something else.
    Nothing,
}

/// Who asks.
struct Client {
    /// Where the pictures are, after redirections.
    remote: Remote,
    reach: Reach,
    trust: Trust,
    authenticator: Option<Authenticator>,
    connection: Option<Connection>,
    /// The picture that we have, as the server names it.
    etag: Option<String>,
    last_modified: Option<String>,
}

impl Client {
    fn new(remote: &Remote, pin: Option<Fingerprint>, reach: Reach) -> Result<Self, InputError> {
        let entropy = getrandom::u64().map_err(|error| InputError::new(format!("no random numbers: {error}")))?;
        let authenticator =
            remote.credentials().map(|known| Authenticator::new(known.clone(), Basic::Allowed, entropy));
        let trust = Trust::new(pin);
        Ok(Self {
            remote: remote.clone(),
            reach,
            trust,
            authenticator,
            connection: None,
            etag: None,
            last_modified: None,
        })
    }

    /// Asks, wherever that leads, and publishes the pictures that come.
    fn get(
        &mut self,
        feeder: &mut Feeder,
        patience: Duration,
        publisher: &Publisher,
        stop: &Stop,
    ) -> Result<Got, InputError> {
        for _ in 0..MAX_REQUESTS {
            let (mut connection, head) = match self.ask(publisher, stop) {
                Ok(answered) => answered,
                Err(Ended::Stopped) => return Ok(Got::Stopped),
                Err(Ended::Closed) => return Err(InputError::new("it closes the connection without an answer")),
                Err(Ended::TimedOut) => return Err(InputError::new("it does not answer")),
                Err(Ended::Failed(reason)) => return Err(InputError::new(reason)),
            };
            if head.status != 401
                && let Some(authenticator) = &mut self.authenticator
            {
                authenticator.handle_accepted();
            }
            match head.status {
                200..=299 => {
                    let got = receive(&mut connection, &head, feeder, patience, publisher, stop)?;
                    if let (Received::Whole, true) = (got.1, head.is_kept_alive) {
                        self.connection = Some(connection);
                    }
                    (self.etag, self.last_modified) = (head.etag, head.last_modified);
                    return Ok(got.0);
                }
                304 => {
                    self.keep(connection, &head, stop);
                    return Ok(Got::NotModified);
                }
                301 | 302 | 303 | 307 | 308 => {
                    let location = head.location.as_deref().unwrap_or_default();
                    let remote = redirected(&self.remote, location)?;
                    log::debug!("{}: {} leads to {remote}", publisher.name(), self.remote);
                    if (remote.scheme(), remote.port()) == (self.remote.scheme(), self.remote.port()) {
                        self.keep(connection, &head, stop);
                    }
                    self.remote = remote;
                }
                401 => {
                    let Some(authenticator) = &mut self.authenticator else {
                        return Err(InputError::new("it wants to know user and password"));
                    };
                    let challenges = head.challenges.iter().map(String::as_str);
                    authenticator.handle_challenges(challenges).map_err(|refusal| match refusal {
                        Refusal::Credentials => InputError::new("it refuses this user and password"),
                        _ => InputError::new("it wants to know user and password in a way that is not known"),
                    })?;
                    self.keep(connection, &head, stop);
                }
                status => return Err(InputError::new(format!("it answers with status {status}"))),
            }
        }
        Err(InputError::new("it leads from one address to another, without end"))
    }

    /// Sends a request and waits for the head of its answer. A connection that was kept may have been closed meanwhile.
    fn ask(&mut self, publisher: &Publisher, stop: &Stop) -> Result<(Connection, Head), Ended> {
        let request = self.request();
        loop {
            let mut connection = match self.connection.take() {
                Some(connection) => connection,
                None => match Connection::open(&self.remote, self.reach, &mut self.trust, stop) {
                    Ok(Some(connection)) => {
                        publisher.await_picture("connected");
                        connection
                    }
                    Ok(None) => return Err(Ended::Stopped),
                    Err(error) => return Err(Ended::Failed(error.reason().to_owned())),
                },
            };
            let until = Instant::now() + PATIENCE;
            let answered = connection.send(request.as_bytes(), stop, until).and_then(|()| {
                loop {
                    match connection.next(stop, until)? {
                        Event::Head(head) => return Ok(head),
                        Event::Data(_) | Event::End => {}
                    }
                }
            });
            match answered {
                Ok(head) => {
                    connection.is_used = true;
                    return Ok((connection, head));
                }
                Err(Ended::Stopped) => return Err(Ended::Stopped),
                Err(_) if connection.is_used => {}
                Err(ended) => return Err(ended),
            }
        }
    }

    fn request(&mut self) -> String {
        let target = self.remote.target();
        // A host's address may have a zone, which is nobody else's business.
        let authority = self.remote.authority();
        let authority = match authority.split_once('%') {
            Some((address, rest)) => format!("{address}]{}", rest.split_once(']').map_or("", |(_, port)| port)),
            None => authority,
        };
        let mut request = format!(
            "GET {target} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: mutoscope/{}\r\nAccept: */*\r\n",
            env!("CARGO_PKG_VERSION")
        );
        let mut field = |name: &str, value: &dyn std::fmt::Display| {
            let _ = write!(request, "{name}: {value}\r\n");
        };
        if let Some(etag) = &self.etag {
            field("If-None-Match", etag);
        }
        if let Some(last_modified) = &self.last_modified {
            field("If-Modified-Since", last_modified);
        }
        if let Some(authorization) = self.authenticator.as_mut().and_then(|known| known.authorize("GET", target)) {
            field("Authorization", &authorization);
        }
        request.push_str("\r\n");
        request
    }

    /// Keeps a connection for the next request where that is possible: what is left of the answer is read away.
    fn keep(&mut self, mut connection: Connection, head: &Head, stop: &Stop) {
        if !head.is_kept_alive && head.status != 304 {
            return;
        }
        let until = Instant::now() + PATIENCE;
        let mut left = MAX_OTHER;
        loop {
            match connection.next(stop, until) {
                Ok(Event::End) => break,
                Ok(Event::Data(data)) if data.len() <= left => left -= data.len(),
                _ => return,
            }
        }
        self.connection = Some(connection);
    }
}

/// How much of an answer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Received {
    /// All of it.
    Whole,
    /// The connection is of no use any more.
    Part,
}

/// Publishes the pictures of an answer.
fn receive(
    connection: &mut Connection,
    head: &Head,
    feeder: &mut Feeder,
    patience: Duration,
    publisher: &Publisher,
    stop: &Stop,
) -> Result<(Got, Received), InputError> {
    feeder.reset();
    let received = loop {
        match connection.next(stop, Instant::now() + patience) {
            Ok(Event::Data(data)) => {
                if !feeder.handle_bytes(data, publisher, stop)? {
                    return Ok((Got::Stopped, Received::Part));
                }
            }
            Ok(Event::End) => break Received::Whole,
            Ok(Event::Head(_)) | Err(Ended::Closed) => break Received::Part,
            Err(Ended::Stopped) => return Ok((Got::Stopped, Received::Part)),
            Err(Ended::TimedOut) => return Err(InputError::new("nothing comes from it any more")),
            Err(Ended::Failed(reason)) => return Err(InputError::new(reason)),
        }
    };
    feeder.handle_end(publisher, stop);
    let got = match feeder.pictures() {
        0 => Got::Nothing,
        1 if !head.content_type.starts_with("multipart/") => Got::Picture,
        _ => Got::Stream,
    };
    Ok((got, received))
}

/// Where `location` leads. Only the same host gets user and password, and only it is asked at all: what a camera says must not
/// make this server ask others.
fn redirected(from: &Remote, location: &str) -> Result<Remote, InputError> {
    let location = location.split('#').next().unwrap_or_default();
    let refused = |why: &str| InputError::new(format!("it leads elsewhere: {why}"));
    let is_absolute = location.split_once("://").is_some_and(|(scheme, _)| !scheme.contains(['/', '?']));
    if is_absolute || location.starts_with("//") {
        let (scheme, rest) = location.split_once("//").unwrap_or_default();
        // What was to be private stays so.
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "" => from.scheme(),
            "http:" if !from.is_secure() => "http",
            "https:" if cfg!(feature = "tls") => "https",
            _ => return Err(refused("to another scheme than http://, or out of TLS")),
        };
        let to = from.parse_other(scheme, rest).ok_or_else(|| refused("to what is no URL"))?;
        if !to.host().eq_ignore_ascii_case(from.host()) {
            return Err(refused("to another host"));
        }
        return Ok(to);
    }
    let path = from.target().split('?').next().unwrap_or_default();
    let target = match location {
        "" => return Err(refused("it does not say where")),
        _ if location.starts_with('/') => location.to_owned(),
        _ if location.starts_with('?') => format!("{path}{location}"),
        _ => format!("{}/{location}", path.rsplit_once('/').map_or("", |(folder, _)| folder)),
    };
    if target.contains(char::is_control) {
        return Err(refused("to what is no URL"));
    }
    Ok(from.with_target(&target))
}

#[cfg(test)]
mod tests;
