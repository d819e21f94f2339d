//! Percent escapes in the paths and queries of URLs (RFC 3986 sections 2.1, 3.3 and 3.4).

use std::fmt::Write as _;

/// What stands for itself in paths and queries, beside letters and digits.
const PLAIN: &[u8] = b"-._~!$&'()*+,;=:@/?";

/// `text` as the path and query of a URL: what is legal there stays, percent escapes too, and all other bytes are escaped.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, behind @ ..] = rest {
        if byte.is_ascii_alphanumeric() || PLAIN.contains(byte) || (*byte == b'%' && begins_with_digits(behind)) {
            out.push(char::from(*byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        rest = behind;
    }
    out
}

/// What is a mistake where people write it themselves.
///
/// # Errors
/// A sentence.
pub(super) fn check(text: &str) -> Result<(), &'static str> {
    if text.contains(is_blank) {
        return Err("there is a space in it; %20 is one");
    }
    let is_lone = |(at, _): (usize, &str)| !begins_with_digits(text.as_bytes().get(at + 1..).unwrap_or_default());
    if text.match_indices('%').any(is_lone) {
        return Err("a % in it lacks its two hexadecimal digits; %25 is one that stands for itself");
    }
    Ok(())
}

/// What no URL has.
pub(super) fn is_blank(c: char) -> bool {
    c.is_control() || c.is_whitespace()
}

fn begins_with_digits(bytes: &[u8]) -> bool {
    matches!(bytes, [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_legal_stays_and_the_rest_is_escaped() {
        for (text, escaped) in [
            ("/snap.jpg?a=b&c=d+e;f,g", "/snap.jpg?a=b&c=d+e;f,g"),
            ("50%", "50%25"),
            ("%4", "%254"),
            ("%4g%41", "%254g%41"),
            ("%%41", "%25%41"),
            ("a b\tc#d", "a%20b%09c%23d"),
            ("ü\u{1f3a5}", "%C3%BC%F0%9F%8E%A5"),
            ("[\"<>\\^`{|}]", "%5B%22%3C%3E%5C%5E%60%7B%7C%7D%5D"),
        ] {
            assert_eq!(escape(text), escaped, "{text}");
            assert_eq!(escape(&escape(text)), escaped, "{text}");
            assert_eq!(check(escaped), Ok(()));
        }
    }

    #[test]
    fn spaces_and_lone_signs_are_mistakes_of_those_who_write_them() {
        for text in ["/a b", "/a\tb", "/%", "/%4", "/%4g", "/%${KEY}"] {
            assert!(check(text).is_err(), "{text}");
        }
        assert_eq!(check("/${KEY}/ü?%41"), Ok(()));
    }
}
