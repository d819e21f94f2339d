//! Prints lines of JSON on standard output, for programs to read.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::io::{self, Write as _};

/// A JSON object on a line of its own, without the closing brace.
#[derive(Debug)]
pub(crate) struct JsonLine(String);

impl JsonLine {
    /// Begins an object whose key `event` has this value.
    pub(crate) fn new(event: &str) -> Self {
        Self("{".into()).text("event", event)
    }

    pub(crate) fn text(mut self, key: &str, value: &str) -> Self {
        self.key(key);
        self.quote(value);
        self
    }

    pub(crate) fn int(mut self, key: &str, value: impl Into<i128>) -> Self {
        self.key(key);
        let _ = write!(self.0, "{}", value.into());
        self
    }

    pub(crate) fn bool(mut self, key: &str, value: bool) -> Self {
        self.key(key);
        let _ = write!(self.0, "{value}");
        self
    }

    /// Adds a number with three decimals, or `null` if there is none.
    pub(crate) fn number(mut self, key: &str, value: impl Into<Option<f64>>) -> Self {
        self.key(key);
        match value.into().filter(|value| value.is_finite()) {
            Some(value) => _ = write!(self.0, "{value:.3}"),
            None => self.0.push_str("null"),
        }
        self
    }

    /// Adds a list of numbers.
    pub(crate) fn ints(mut self, key: &str, values: &[i32]) -> Self {
        self.key(key);
        let _ = write!(self.0, "{values:?}");
        self
    }

    fn key(&mut self, key: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.quote(key);
        self.0.push(':');
    }

    fn quote(&mut self, text: &str) {
        self.0.push('"');
        for c in text.chars() {
            match c {
                '"' | '\\' => self.0.extend(['\\', c]),
                c if c.is_control() => _ = write!(self.0, "\\u{:04x}", u32::from(c)),
                c => self.0.push(c),
            }
        }
        self.0.push('"');
    }
}

/// Standard output. After the first error nothing more is printed.
#[derive(Debug, Default)]
pub(crate) struct Output {
    /// The number of the stream that the lines are about, where there are several.
    stream: Option<usize>,
    failed: RefCell<Option<io::Error>>,
}

impl Output {
    /// For the lines about each of so many streams. Where there are several, the key `stream` numbers them from 1.
    pub(crate) fn several(count: usize) -> impl Iterator<Item = Self> {
        (1..=count).map(move |number| Self { stream: Some(number).filter(|_| count > 1), ..Self::default() })
    }

    /// Prints a line at once. If that fails, [`failure`](Self::failure) says why.
    pub(crate) fn print(&self, mut line: JsonLine) {
        let mut failed = self.failed.borrow_mut();
        if failed.is_some() {
            return;
        }
        if let Some(stream) = self.stream {
            line = line.int("stream", stream as i128);
        }
        line.0.push_str("}\n");
        let mut out = io::stdout().lock();
        *failed = out.write_all(line.0.as_bytes()).and_then(|()| out.flush()).err();
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failed.borrow().is_some()
    }

    /// Returns why not all has been printed, if something is missing.
    pub(crate) fn failure(&self) -> Option<PrintError> {
        let failed = self.failed.borrow();
        let error = failed.as_ref()?;
        Some(match error.kind() {
            io::ErrorKind::BrokenPipe => PrintError::ReaderGone,
            _ => PrintError::Io(error.to_string()),
        })
    }
}

/// Why not all has been printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PrintError {
    /// The program that read the lines has closed its end of the pipe. Nobody is left who wants to be told about it.
    ReaderGone,
    /// The system refused to write, for this reason.
    Io(String),
}

impl PrintError {
    /// The exit status for [`ReaderGone`](Self::ReaderGone): shells report it for a program that SIGPIPE has ended, and
    /// most programs end that way when their reader goes.
    pub(crate) const READER_GONE_STATUS: u8 = 141;
}

impl fmt::Display for PrintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReaderGone => f.write_str("nobody reads what is printed"),
            Self::Io(error) => write!(f, "cannot print the statistics: {error}"),
        }
    }
}

impl std::error::Error for PrintError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_json() {
        let line = JsonLine::new("a\"b\n").int("n", -3).number("x", 1.25).number("none", None).number("nan", f64::NAN);
        let line = line.bool("yes", true).ints("rect", &[1, 2]);
        let expected = r#"{"event":"a\"b\u000a","n":-3,"x":1.250,"none":null,"nan":null,"yes":true,"rect":[1, 2]"#;
        assert_eq!(line.0, expected);
    }
}
