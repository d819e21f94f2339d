//! What an operator sees of those who come: lines for the log, and for a file of JSON.
//!
//! No line holds a password, a hash, a token, or anything that a client says and that is not shown in quotes.

use std::fmt::{self, Display, Write as _};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use mutoscope::time::Instant;

use super::arrivals::Arrivals;
use super::refusals::Refusals;

/// The target of these lines in the log.
const TARGET: &str = "mutoscope_security";
/// Longest thing that a client says and that is repeated, in characters.
const MOST_REPEATED: usize = 128;

/// The reason of a line that stands for refusals of which nothing else is told.
const MORE: &str = "as before";
/// Most lines about refusals that were not told when the journal ends.
const MOST_AT_THE_END: usize = 100;

/// Where it is written down who came and what became of that.
#[derive(Debug, Default)]
pub struct Journal {
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    /// JSON lines go there.
    file: Option<(PathBuf, File)>,
    refusals: Refusals,
    arrivals: Arrivals,
}

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) what: What,
    pub(super) peer: SocketAddr,
    /// As whom: a user's name, as the client says it.
    pub(super) user: Option<&'a str>,
    /// The stream, as the client names it.
    pub(super) stream: &'a str,
    pub(super) method: &'a str,
    /// Why, in words.
    pub(super) why: &'a str,
    /// So many refusals of this address.
    pub(super) count: u64,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Somebody has proven who it is.
    LoggedIn,
    /// Somebody wants it to be forgotten.
    LoggedOut,
    /// A token let somebody in.
    Admitted,
    /// Somebody was refused.
    Refused,
}

impl What {
    const fn name(self) -> &'static str {
        match self {
            Self::LoggedIn => "logged in",
            Self::LoggedOut => "logged out",
            Self::Admitted => "admitted",
            Self::Refused => "refused",
        }
    }
}

impl Entry<'_> {
    /// It is a question by HTTP, where who asks proves that with each one. Those of ONVIF are sent by POST, and are for no stream; a form is
    /// sent once, and its line says so.
    fn is_reading(&self) -> bool {
        let is_question = self.method == "POST" && self.stream.is_empty() && self.why.is_empty();
        matches!(self.method, "GET" | "HEAD") || is_question
    }
}

impl Journal {
    /// Appends JSON lines to a file, which its owner alone can read if it is made now.
    ///
    /// # Errors
    /// Those of opening it.
    pub fn to_file(path: &Path) -> io::Result<Self> {
        let file = Some((path.to_owned(), open(path)?));
        let book = Book { file, refusals: Refusals::default(), arrivals: Arrivals::default() };
        Ok(Self { book: Mutex::new(book) })
    }

    /// Opens the file anew: somebody has given the old one another name. What is no file, such as a pipe, stays as it is.
    ///
    /// # Errors
    /// Those of opening it; then lines go to the old one.
    pub fn reopen(&self) -> io::Result<()> {
        match &mut self.book().file {
            Some((path, file)) if file.metadata().is_ok_and(|of| of.is_file()) => *file = open(path)?,
            _ => {}
        }
        Ok(())
    }

    /// Tells what was counted and not told: the server ends.
    pub fn finish(&self) {
        self.book().tell_rest();
    }

    /// Something has happened to a request. Not each of many refusals has a line.
    pub(super) fn write(&self, now: Instant, entry: &Entry<'_>) {
        if let Some(entry) = self.book().write(now, entry) {
            let level = if entry.what == What::Refused { log::Level::Warn } else { log::Level::Info };
            log::log!(target: TARGET, level, "{entry}");
        }
    }

    /// A connection was refused before it could ask for anything. The log is left to others.
    pub(super) fn write_connection(&self, now: Instant, peer: SocketAddr, why: &str) {
        let mut book = self.book();
        if book.file.is_some() {
            book.write(now, &Entry { what: What::Refused, peer, user: None, stream: "", method: "", why, count: 1 });
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// Writes it into the file, with what is due besides. Gives it as it shall stand in the log; `None`: it shall not.
    fn write<'e>(&mut self, now: Instant, entry: &Entry<'e>) -> Option<Entry<'e>> {
        let count = match entry.what {
            What::Refused => self.refusals.count(now, entry.peer),
            _ if entry.is_reading() => {
                let user = entry.user.unwrap_or_default();
                self.arrivals.is_new(now, entry.peer.ip(), user).then_some(1)
            }
            _ => Some(1),
        };
        let entry = count.map(|count| Entry { count, ..*entry });
        entry.iter().for_each(|entry| self.append(entry));
        for (peer, count) in self.refusals.due(now) {
            self.append(&more(peer, count));
        }
        entry
    }

    fn tell_rest(&mut self) {
        let rest: Vec<_> = self.refusals.rest().collect();
        rest.iter().take(MOST_AT_THE_END).for_each(|&(peer, count)| self.append(&more(peer, count)));
    }

    fn append(&mut self, entry: &Entry<'_>) {
        let Some((_, file)) = &mut self.file else { return };
        // A full disk must not end the service. The log still tells.
        if let Err(error) = file.write_all(format!("{}\n", Json(entry)).as_bytes()) {
            log::debug!(target: TARGET, "the file of JSON lines: {error}");
        }
    }
}

impl Drop for Book {
    fn drop(&mut self) {
        self.tell_rest();
    }
}

/// Refusals that were counted and not told.
fn more(peer: SocketAddr, count: u64) -> Entry<'static> {
    Entry { what: What::Refused, peer, user: None, stream: "", method: "", why: MORE, count }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// For the log.
impl Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, peer, user, stream, method, why, count } = self;
        write!(f, "{peer} {}", what.name())?;
        if let Some(user) = user {
            write!(f, " as {:?}", shortened(user))?;
        }
        write!(f, ": {method}")?;
        if !stream.is_empty() {
            write!(f, " {:?}", shortened(stream))?;
        }
        if !why.is_empty() {
            write!(f, ", {why}")?;
        }
        if *count > 1 { write!(f, " ({count} refusals of this address)") } else { Ok(()) }
    }
}

struct Json<'a>(&'a Entry<'a>);

impl Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Entry { what, peer, user, stream, method, why, count }) = self;
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        write!(f, "{{\"time\":{}.{:03},\"event\":", time.as_secs(), time.subsec_millis())?;
        text(f, what.name())?;
        write!(f, ",\"address\":\"{}\",\"port\":{}", peer.ip().to_canonical(), peer.port())?;
        let fields = [("user", user.unwrap_or_default()), ("method", method), ("stream", stream), ("reason", why)];
        for (name, value) in fields {
            if !value.is_empty() {
                write!(f, ",\"{name}\":")?;
                text(f, &shortened(value))?;
            }
        }
        if *count > 1 {
            write!(f, ",\"count\":{count}")?;
        }
        f.write_char('}')
    }
}

/// A text in JSON (RFC 8259 section 7).
fn text(f: &mut fmt::Formatter<'_>, value: &str) -> fmt::Result {
    f.write_char('"')?;
    for c in value.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

fn shortened(value: &str) -> String {
    let mut short: String = value.chars().take(MOST_REPEATED).collect();
    if short.len() < value.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::Folder;

    fn at(seconds: u64) -> Instant {
        Instant::from_millis(seconds * 1000)
    }

    fn refused(peer: &str, why: &'static str) -> Entry<'static> {
        let peer = peer.parse().unwrap();
        Entry { what: What::Refused, peer, user: Some("anna"), stream: "cam", method: "DESCRIBE", why, count: 1 }
    }

    #[test]
    fn a_flood_of_refusals_is_a_few_lines_with_counts() {
        let folder = Folder::new();
        let path = folder.path().join("journal");
        let journal = Journal::to_file(&path).unwrap();
        for second in 0..1000 {
            for _ in 0..100 {
                journal.write(at(second), &refused("192.0.2.7:5000", "no"));
                journal.write_connection(at(second), "192.0.2.7:5001".parse().unwrap(), "too many");
            }
        }
        journal.write(at(1000), &refused("192.0.2.8:1", "another"));
        drop(journal);
        let text = std::fs::read_to_string(&path).unwrap();
        let count = |line: &str| {
            line.rsplit_once("\"count\":").map_or(1, |(_, count)| count[..count.len() - 1].parse().unwrap())
        };
        assert!((100..=130).contains(&text.lines().count()), "{}", text.lines().count());
        assert_eq!(text.lines().map(count).sum::<u64>(), 200_001, "none is forgotten");
        assert!(
            text.contains("\"port\":5001,\"reason\":\"too many\"") && text.contains("\"reason\":\"another\"}"),
            "{text}"
        );
    }

    #[test]
    fn who_proves_it_with_each_question_is_told_of_once() {
        let folder = Folder::new();
        let path = folder.path().join("journal");
        let journal = Journal::to_file(&path).unwrap();
        let entry =
            |method: &'static str| Entry { what: What::LoggedIn, method, why: "", ..refused("192.0.2.7:5000", "") };
        for second in 0..1000 {
            journal.write(at(second), &entry("GET"));
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1);
        (0..5).for_each(|second| journal.write(at(second), &Entry { stream: "", ..entry("POST") }));
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1);
        (0..5).for_each(|second| journal.write(at(second), &entry("POST")));
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 6);
        // What changes something, and what lasts, is told each time.
        (0..5).for_each(|second| journal.write(at(second), &entry("DELETE")));
        (0..5).for_each(|second| journal.write(at(second), &entry("DESCRIBE")));
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 16);
        let line = Entry { stream: "", ..entry("GET") }.to_string();
        assert_eq!(line, "192.0.2.7:5000 logged in as \"anna\": GET");
    }

    #[test]
    fn a_file_that_was_given_another_name_is_made_anew() {
        let folder = Folder::new();
        let [path, old] = ["journal", "journal.1"].map(|name| folder.path().join(name));
        let journal = Journal::to_file(&path).unwrap();
        let lines = |path: &Path| std::fs::read_to_string(path).unwrap().lines().count();
        journal.write(at(0), &refused("192.0.2.7:1", "no"));
        std::fs::rename(&path, &old).unwrap();
        journal.write(at(0), &refused("192.0.2.7:1", "no"));
        journal.reopen().unwrap();
        journal.write(at(0), &refused("192.0.2.7:1", "no"));
        assert_eq!((lines(&old), lines(&path)), (2, 1));
        assert!(!crate::files::is_open_to_others(&path));
        // Where it cannot be made the old one goes on.
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(journal.reopen().is_err());
        assert!(Journal::default().reopen().is_ok());
    }

    #[test]
    fn what_a_client_says_begins_no_line_and_ends_no_text() {
        let folder = Folder::new();
        let path = folder.path().join("journal");
        let journal = Journal::to_file(&path).unwrap();
        let (peer, long) = ("[::ffff:192.0.2.7]:5000".parse().unwrap(), "x".repeat(1000));
        let entry = Entry {
            what: What::Refused,
            peer,
            user: Some("a\"\n\u{85}\\"),
            stream: &long,
            method: "DESCRIBE",
            why: "wrong password",
            count: 1,
        };
        journal.write(at(0), &entry);
        journal.write(at(0), &Entry { what: What::LoggedIn, user: None, stream: "", why: "", ..entry });
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = text.lines().map(|line| line.split_once(",\"event\"").unwrap().1).collect();
        let x = "x".repeat(128);
        assert_eq!(
            lines,
            [
                format!(
                    ":\"refused\",\"address\":\"192.0.2.7\",\"port\":5000,\"user\":\"a\\\"\\u000a\\u0085\\\\\",\
                     \"method\":\"DESCRIBE\",\"stream\":\"{x}…\",\"reason\":\"wrong password\"}}"
                ),
                ":\"logged in\",\"address\":\"192.0.2.7\",\"port\":5000,\"method\":\"DESCRIBE\"}".to_owned(),
            ]
        );
        assert!(!crate::files::is_open_to_others(&path));
        assert!(!entry.to_string().contains('\n') && entry.to_string().contains("refused as \"a\\\"\\n"));
    }
}
