//! Lines of a text protocol. They are checked even before their end has come.

use super::{Error, ErrorKind};

/// A line, or its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::wire) struct Line<'a> {
    /// The part that has come, without the line end. It holds printable text and tabs only.
    pub(in crate::wire) text: &'a str,
    /// How `text` stops.
    pub(in crate::wire) end: End,
}

/// Where the text of a line stops, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::wire) enum End {
    /// The rest of the line has not come.
    Open,
    /// At a line end; the next line begins here.
    Next(usize),
    /// At a byte that no line may contain, or at the first byte beyond the limit.
    Bad(Error),
}

/// The line of `input` that begins at `start` and has at most `max` bytes. It ends in CRLF or LF.
///
/// `illegal` is the error for a control character in it, such as a bare CR. A fault in a line's beginning is found with or
/// without the line's end, always at the same place.
pub(in crate::wire) fn line(input: &[u8], start: usize, max: usize, illegal: ErrorKind) -> Line<'_> {
    let rest = input.get(start..).unwrap_or_default();
    let end = rest.iter().position(|&byte| byte == b'\n');
    let raw = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
    // If the line is not complete, a CR at its end may be the first half of a line end.
    let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
    let shown = raw.get(..max).unwrap_or(raw);
    let bad = |kind, at| End::Bad(Error::new(kind, start.saturating_add(at)));

    let (text, end) = match (core::str::from_utf8(shown), end) {
        (Ok(text), _) if raw.len() > max => (text, bad(ErrorKind::TooLarge, max)),
        (Ok(text), None) => (text, End::Open),
        (Ok(text), Some(end)) => (text, End::Next(start.saturating_add(end).saturating_add(1))),
        (Err(error), end) => {
            let valid = shown.get(..error.valid_up_to()).unwrap_or_default();
            let end = match (error.error_len(), end) {
                // The limit, or the end of what has come, cuts a character in two.
                (None, _) if raw.len() > max => bad(ErrorKind::TooLarge, max),
                (None, None) => End::Open,
                _ => bad(ErrorKind::Encoding, valid.len()),
            };
            (core::str::from_utf8(valid).unwrap_or_default(), end)
        }
    };
    match text.bytes().position(|byte| byte.is_ascii_control() && byte != b'\t') {
        None => Line { text, end },
        Some(at) => {
            let kind = if text.as_bytes().get(at) == Some(&0) { ErrorKind::Encoding } else { illegal };
            Line { text: text.get(..at).unwrap_or_default(), end: bad(kind, at) }
        }
    }
}

/// The number of bytes at the start of `input` that are line ends. A CR counts only together with its LF.
pub(in crate::wire) fn blank_prefix(input: &[u8]) -> usize {
    let mut rest = input;
    while let Some(after) = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")) {
        rest = after;
    }
    input.len().saturating_sub(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &[u8]) -> (&str, End) {
        let Line { text, end } = line(input, 0, 8, ErrorKind::Header);
        (text, end)
    }

    #[test]
    fn a_line_ends_in_crlf_or_lf() {
        assert_eq!(check(b"a\tb\r\nc"), ("a\tb", End::Next(5)));
        assert_eq!(check(b"ab\nc"), ("ab", End::Next(3)));
        assert_eq!(check(b"\n"), ("", End::Next(1)));
        assert_eq!(check(b"ab\r"), ("ab", End::Open));
        assert_eq!(check(b""), ("", End::Open));
    }

    #[test]
    fn what_is_wrong_is_found_before_the_line_ends() {
        let cases: [(&[u8], ErrorKind, u16); 8] = [
            (b"ab\rc\n", ErrorKind::Header, 2),
            (b"ab\r\r\n", ErrorKind::Header, 2),
            (b"a\x00c\n", ErrorKind::Encoding, 1),
            (b"a\x7fc\n", ErrorKind::Header, 1),
            (b"a\xff\x01\n", ErrorKind::Encoding, 1),
            (b"a\x01\xff\n", ErrorKind::Header, 1),
            (b"123456789\n", ErrorKind::TooLarge, 8),
            (b"\xe2\x82\n", ErrorKind::Encoding, 0),
        ];
        for (input, kind, at) in cases {
            let bad = End::Bad(Error { kind, at });
            assert_eq!(check(input).1, bad, "{input:?}");
            for n in 0..input.len() {
                let end = check(&input[..n]).1;
                assert!(end == bad || end == End::Open, "{input:?} cut at {n}");
            }
        }
    }

    #[test]
    fn half_a_character_at_the_end_is_not_an_error_yet() {
        assert_eq!(check(b"a\xe2\x82"), ("a", End::Open));
        assert_eq!(check(b"a\xe2\x82\xac"), ("a\u{20ac}", End::Open));
    }

    #[test]
    fn blank_lines_are_counted_in_bytes() {
        assert_eq!(blank_prefix(b"\r\n\n\r\nX"), 5);
        assert_eq!(blank_prefix(b"\r"), 0);
        assert_eq!(blank_prefix(b""), 0);
    }
}
