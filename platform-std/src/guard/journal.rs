//! What an operator sees of those who come: lines for the log, and for a file of JSON.
//!
//! No line holds a password, a hash, a token, or anything that a client says and that is not shown in quotes.

use std::fmt::{self, Display, Write as _};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// The target of these lines in the log.
const TARGET: &str = "mutoscope_security";
/// Longest thing that a client says and that is repeated, in characters.
const MOST_REPEATED: usize = 128;

/// Where it is written down who came and what became of that.
#[derive(Debug, Default)]
pub struct Journal {
    /// JSON lines go there.
    file: Option<Mutex<File>>,
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
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Somebody has proven who it is.
    LoggedIn,
    /// A token let somebody in.
    Admitted,
    /// Somebody was refused.
    Refused,
}

impl What {
    const fn name(self) -> &'static str {
        match self {
            Self::LoggedIn => "logged in",
            Self::Admitted => "admitted",
            Self::Refused => "refused",
        }
    }
}

impl Journal {
    /// Appends JSON lines to a file, which its owner alone can read if it is made now.
    ///
    /// # Errors
    /// Those of opening it.
    pub fn to_file(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        Ok(Self { file: Some(Mutex::new(file)) })
    }

    pub(super) fn write(&self, entry: &Entry<'_>) {
        let level = if entry.what == What::Refused { log::Level::Warn } else { log::Level::Info };
        log::log!(target: TARGET, level, "{entry}");
        if let Some(file) = &self.file {
            let line = format!("{}\n", Json(entry));
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            // A full disk must not end the service. The log still tells.
            if let Err(error) = file.write_all(line.as_bytes()) {
                log::debug!(target: TARGET, "the file of JSON lines: {error}");
            }
        }
    }
}

/// For the log.
impl Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, peer, user, stream, method, why } = self;
        write!(f, "{peer} {}", what.name())?;
        if let Some(user) = user {
            write!(f, " as {:?}", shortened(user))?;
        }
        write!(f, ": {method} {:?}", shortened(stream))?;
        if why.is_empty() { Ok(()) } else { write!(f, ", {why}") }
    }
}

struct Json<'a>(&'a Entry<'a>);

impl Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Entry { what, peer, user, stream, method, why }) = self;
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
        };
        journal.write(&entry);
        journal.write(&Entry { what: What::LoggedIn, user: None, stream: "", why: "", ..entry });
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
