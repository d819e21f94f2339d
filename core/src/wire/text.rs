//! Small pieces of text grammar that several formats share.

use core::fmt::{self, Display, Write};
use core::str::FromStr;

/// `text` without the spaces and tabs around it.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// A number that consists of digits alone. A sign, a space, or a number beyond the type gives `None`.
pub(crate) fn decimal<T: FromStr>(text: &str) -> Option<T> {
    // `parse` would accept a plus sign.
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// `text` behind `prefix`, which is compared without regard to case.
pub(crate) fn strip_prefix_ignore_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, tail) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(tail)
}

/// The parts of `text` between `separator`s that do not stand inside double quotes, trimmed. A quote that is not closed
/// reaches to the end.
pub(crate) fn split_quoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c: char| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
    .map(trim)
}

/// A value without the double quotes around it.
pub(crate) fn unquote(text: &str) -> &str {
    match text.strip_prefix('"') {
        Some(inner) => inner.strip_suffix('"').unwrap_or(inner),
        None => text,
    }
}

/// Whether a byte may stand in a token, such as a method or the name of a header (RFC 2326 section 15.1).
pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&byte)
}

/// Whether `value` displays exactly as `text`. Compares piece by piece, so it needs no buffer.
pub(crate) fn displays_as(value: impl Display, text: &str) -> bool {
    struct Rest<'a>(&'a str);
    impl Write for Rest<'_> {
        fn write_str(&mut self, part: &str) -> fmt::Result {
            self.0 = self.0.strip_prefix(part).ok_or(fmt::Error)?;
            Ok(())
        }
    }
    let mut rest = Rest(text);
    write!(rest, "{value}").is_ok() && rest.0.is_empty()
}

/// Writes into a slice. A part that does not fit is an error, and nothing of that part is written.
#[derive(Debug)]
pub(crate) struct SliceWriter<'b> {
    buffer: &'b mut [u8],
    len: usize,
}

impl<'b> SliceWriter<'b> {
    /// Starts at the beginning of `buffer`.
    pub(crate) fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, len: 0 }
    }

    /// How many bytes have been written.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Appends `bytes`.
    pub(crate) fn write_bytes(&mut self, bytes: &[u8]) -> fmt::Result {
        let end = self.len.checked_add(bytes.len()).ok_or(fmt::Error)?;
        self.buffer.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(bytes);
        self.len = end;
        Ok(())
    }
}

impl Write for SliceWriter<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.write_bytes(text.as_bytes())
    }
}

/// Passes text on, and replaces every control character by a space, so that no value can begin a new line.
#[derive(Debug)]
pub(crate) struct OneLine<'w, W>(pub(crate) &'w mut W);

impl<W: Write> Write for OneLine<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for (i, part) in text.split(|c: char| c.is_control()).enumerate() {
            if i > 0 {
                self.0.write_char(' ')?;
            }
            self.0.write_str(part)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    #[test]
    fn numbers_are_digits_and_nothing_else() {
        assert_eq!(decimal::<u16>("0065535"), Some(65535));
        for text in ["", "+1", "-1", " 1", "1 ", "1.0", "0x1", "65536", "\u{0661}"] {
            assert_eq!(decimal::<u16>(text), None, "{text:?}");
        }
    }

    #[test]
    fn separators_inside_quotes_do_not_separate() {
        assert!(split_quoted("a; b=\"c;d\" ;e", ';').eq(["a", "b=\"c;d\"", "e"]));
        assert!(split_quoted("a;\"b;c", ';').eq(["a", "\"b;c"]));
        assert!(split_quoted("", ';').eq([""]));
        assert_eq!(unquote("\"x\""), "x");
        assert_eq!(unquote("\"x"), "x");
        assert_eq!(unquote("\""), "");
    }

    #[test]
    fn a_display_is_compared_without_being_written_down() {
        assert!(displays_as(format_args!("a{}c", 12), "a12c"));
        assert!(!displays_as(format_args!("a{}c", 12), "a12"));
        assert!(!displays_as(format_args!("a{}", 12), "a12c"));
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        let mut buffer = [0; 4];
        let mut writer = SliceWriter::new(&mut buffer);
        assert!(writer.write_str("abc").is_ok());
        assert!(writer.write_str("de").is_err());
        assert_eq!(writer.len(), 3);
    }

    #[test]
    fn one_line_stays_one_line() {
        let mut out = String::new();
        write!(OneLine(&mut out), "a\r\nb\0\u{85}c").unwrap();
        assert_eq!(out, "a  b  c");
    }

    #[test]
    fn prefixes_are_found_in_any_case_and_between_characters_only() {
        assert_eq!(strip_prefix_ignore_case("NPT=1", "npt="), Some("1"));
        assert_eq!(strip_prefix_ignore_case("np", "npt="), None);
        assert_eq!(strip_prefix_ignore_case("\u{20ac}", "np"), None);
    }

    #[test]
    fn tokens_hold_no_separators() {
        let token: Vec<u8> = (0..=255).filter(|&byte| is_token_byte(byte)).collect();
        assert_eq!(token, b"!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~");
    }
}
