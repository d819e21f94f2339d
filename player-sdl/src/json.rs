//! Lines of JSON on standard output, for programs.

use std::fmt::Write as _;
use std::io::Write as _;

/// An object of one line.
#[derive(Debug)]
pub(crate) struct Line(String);

impl Line {
    /// An object that says what it is about.
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

    /// A number with three decimals; null where there is none.
    pub(crate) fn number(mut self, key: &str, value: impl Into<Option<f64>>) -> Self {
        self.key(key);
        match value.into().filter(|value| value.is_finite()) {
            Some(value) => _ = write!(self.0, "{value:.3}"),
            None => self.0.push_str("null"),
        }
        self
    }

    /// A list of numbers.
    pub(crate) fn ints(mut self, key: &str, values: &[i32]) -> Self {
        self.key(key);
        let _ = write!(self.0, "{values:?}");
        self
    }

    /// Prints it at once; a reader that is gone is no reason to stop.
    pub(crate) fn print(mut self) {
        self.0.push_str("}\n");
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(self.0.as_bytes());
        let _ = out.flush();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_json() {
        let line = Line::new("a\"b\n").int("n", -3).number("x", 1.25).number("none", None).number("nan", f64::NAN);
        let line = line.bool("yes", true).ints("rect", &[1, 2]);
        let expected = r#"{"event":"a\"b\u000a","n":-3,"x":1.250,"none":null,"nan":null,"yes":true,"rect":[1, 2]"#;
        assert_eq!(line.0, expected);
    }
}
