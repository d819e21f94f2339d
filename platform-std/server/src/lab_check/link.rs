//! The wire to the program that presses a client's buttons, and what it tells.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::child::Running;

/// Longer than any event; what is longer is no line of ours.
const MOST: u64 = 1 << 14;
/// More events than any client has in the time of a check.
const EVENTS: usize = 5000;

/// A picture that the client has opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) len: usize,
    pub(super) crc: u32,
    /// The first bytes, in hexadecimal.
    pub(super) begin: String,
}

/// What became of pressing a button.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pressed {
    /// The button or the method was there, and it returned.
    Done,
    /// The button cannot be pressed now.
    Disabled,
    /// There is neither a button nor a method of that name.
    Missing,
    /// It raised something, or did not return.
    Failed(String),
}

#[derive(Debug, Default)]
struct Told {
    /// Toolkit, pictures, version of Python.
    hello: Option<[String; 3]>,
    /// What can be pressed, once the main loop runs.
    ready: Option<Vec<String>>,
    pressed: Vec<(String, Pressed)>,
    shown: Vec<Shown>,
    texts: Vec<String>,
    text_ends: usize,
    /// The client opens pictures with what is not watched.
    is_unseen: bool,
    is_closed: bool,
    events: usize,
}

type Shared = Arc<(Mutex<Told>, Condvar)>;

/// The listening end.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) port: u16,
    pub(super) token: String,
    shared: Shared,
    stream: Arc<Mutex<Option<TcpStream>>>,
}

impl Link {
    pub(super) fn open() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let token = format!("{:016x}", super::work::random());
        let (shared, stream) = (Shared::default(), Arc::new(Mutex::new(None)));
        thread::spawn({
            let (shared, stream, token) = (Arc::clone(&shared), Arc::clone(&stream), token.clone());
            move || {
                // One program is meant; the listener closes when it has come.
                let Ok((taken, _)) = listener.accept() else { return };
                drop(listener);
                *stream.lock().unwrap_or_else(PoisonError::into_inner) = taken.try_clone().ok();
                read(taken, &shared, &token);
                lock(&shared.0).is_closed = true;
                shared.1.notify_all();
            }
        });
        Ok(Self { port, token, shared, stream })
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        lock(&self.shared.0)
    }

    /// Waits until something is there.
    fn wait<T>(&self, patience: Duration, mut find: impl FnMut(&Told) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + patience;
        let mut told = self.told();
        loop {
            if let Some(found) = find(&told) {
                return Some(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if told.is_closed || left.is_zero() {
                return None;
            }
            told = self.shared.1.wait_timeout(told, left).map_or_else(|error| error.into_inner().0, |(told, _)| told);
        }
    }

    /// Waits for the main loop. What can be pressed.
    pub(super) fn ready(&self, program: &mut Running, patience: Duration) -> Option<Vec<String>> {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Some(ready) = self.wait(Duration::from_millis(50), |told| told.ready.clone()) {
                return Some(ready);
            }
            if !program.is_running() {
                return None;
            }
        }
        None
    }

    /// Toolkit, pictures, and version of Python.
    pub(super) fn hello(&self) -> Option<[String; 3]> {
        self.told().hello.clone()
    }

    fn say(&self, line: &str) -> Result<()> {
        let stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stream = stream.as_ref().context("the client is not there")?;
        Ok(stream.write_all(format!("{line}\n").as_bytes())?)
    }

    /// Presses a button, and waits until that has returned.
    pub(super) fn press(&self, word: &str, patience: Duration) -> Pressed {
        let before = self.told().pressed.len();
        if self.say(&format!("press {word}")).is_err() {
            return Pressed::Failed("the client has ended".to_owned());
        }
        let pressed = self.wait(patience, |told| told.pressed.get(before).map(|(_, pressed)| pressed.clone()));
        pressed.unwrap_or_else(|| {
            let has_ended = self.told().is_closed;
            Pressed::Failed(if has_ended { "the client has ended" } else { "it does not return" }.to_owned())
        })
    }

    /// All pictures so far.
    pub(super) fn shown(&self) -> Vec<Shown> {
        self.told().shown.clone()
    }

    /// What the client shows can be seen.
    pub(super) fn sees(&self) -> bool {
        !self.told().is_unseen
    }

    /// What the window and its boxes say.
    pub(super) fn texts(&self, patience: Duration) -> Vec<String> {
        let before = self.told().text_ends;
        if self.say("texts").is_ok() {
            self.wait(patience, |told| (told.text_ends > before).then_some(()));
        }
        self.told().texts.clone()
    }
}

fn lock(told: &Mutex<Told>) -> MutexGuard<'_, Told> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read(stream: TcpStream, shared: &Shared, token: &str) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    loop {
        line.clear();
        let Ok(1..) = std::io::Read::take(&mut reader, MOST).read_line(&mut line) else { return };
        let Ok(serde_json::Value::Array(words)) = serde_json::from_str(&line) else { return };
        let words: Vec<&str> = words.iter().map(|word| word.as_str().unwrap_or_default()).collect();
        let mut told = lock(&shared.0);
        told.events += 1;
        let is_known = told.hello.is_some() || words.get(..2) == Some(&["hello", token]);
        if !is_known || told.events > EVENTS {
            return;
        }
        take(&mut told, &words);
        drop(told);
        shared.1.notify_all();
    }
}

fn take(told: &mut Told, words: &[&str]) {
    let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    match words {
        ["hello", _, tk, pil, version] => told.hello = Some([tk, pil, version].map(|word| (*word).to_owned())),
        ["ready", words @ ..] => told.ready = Some(owned(words)),
        ["pressed", word, how, rest @ ..] => {
            let pressed = match *how {
                "button" | "method" => Pressed::Done,
                "disabled" => Pressed::Disabled,
                "missing" => Pressed::Missing,
                _ => Pressed::Failed(format!("it raised {}", rest.join(": "))),
            };
            told.pressed.push(((*word).to_owned(), pressed));
        }
        ["frame", len, crc, begin] => {
            if let (Ok(len), Ok(crc)) = (len.parse(), crc.parse()) {
                told.shown.push(Shown { len, crc, begin: (*begin).to_owned() });
            }
        }
        ["box", _, texts @ ..] | ["text", texts @ ..] => told.texts.push(texts.join(" ")),
        ["texts-end"] => told.text_ends += 1,
        ["unseen"] => told.is_unseen = true,
        _ => {}
    }
}

/// The checksum of zlib, which Python has too.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_zlibs() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn who_does_not_know_the_token_is_not_heard() {
        let hear = |lines: &str| {
            let link = Link::open().unwrap();
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, link.port)).unwrap();
            stream.write_all(lines.replace("TOKEN", &link.token).as_bytes()).unwrap();
            let ready = link.wait(Duration::from_secs(5), |told| told.ready.clone());
            (ready, link.shown().len())
        };
        let known =
            "[\"hello\",\"TOKEN\",\"real\",\"stub\",\"3\"]\n[\"frame\",\"5\",\"6\",\"ff\"]\n[\"ready\",\"play\"]\n";
        assert_eq!(hear(known), (Some(vec!["play".to_owned()]), 1));
        assert_eq!(hear("[\"hello\",\"x\",\"real\",\"stub\",\"3\"]\n[\"ready\",\"play\"]\n"), (None, 0));
        assert_eq!(hear("nonsense\n"), (None, 0));
    }
}
