//! Quoted strings (RFC 7230 section 3.2.6).

use core::fmt;

/// The contents of a quoted string as they were sent. `Display` undoes the backslashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl Quoted<'_> {
    /// Gives what is meant, piece by piece, so that it needs no buffer.
    #[inline(never)]
    pub(super) fn each(&self, take: &mut dyn FnMut(&str)) {
        let (mut rest, mut escaped) = (self.0, false);
        while let Some(at) = rest.bytes().skip(escaped.into()).position(|byte| byte == b'\\') {
            let Some((piece, after)) = rest.split_at_checked(at.wrapping_add(escaped.into())) else { break };
            take(piece);
            rest = after.get(1..).unwrap_or_default();
            escaped = !rest.is_empty();
        }
        take(rest);
    }
}

impl PartialEq<str> for Quoted<'_> {
    fn eq(&self, text: &str) -> bool {
        let mut rest = Some(text);
        self.each(&mut |piece| rest = rest.and_then(|rest| rest.strip_prefix(piece)));
        rest == Some("")
    }
}

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut written = Ok(());
        self.each(&mut |piece| written = written.and_then(|()| f.write_str(piece)));
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn what_stands_behind_a_backslash_is_meant_as_it_is() {
        let cases = [
            (r"\\\\", r"\\"),
            (r"\a\\\b", r"a\b"),
            (r"a\", "a"),
            ("", ""),
            ("plain", "plain"),
            ("\\\u{e9}\\\"", "\u{e9}\""),
            (r"\\", r"\"),
        ];
        for (sent, meant) in cases {
            assert_eq!(Quoted(sent).to_string(), meant, "{sent}");
            assert!(Quoted(sent) == *meant && Quoted(sent) != *"other", "{sent}");
        }
    }
}
