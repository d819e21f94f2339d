//! Just enough of Rust's lexical grammar to tell code from comments, text and tests.

/// One source file, its parts blanked out line by line: positions stay what they were.
#[derive(Debug)]
pub(crate) struct Source {
    /// Without comments and the contents of literals.
    pub(crate) code: String,
    /// The same without items under `#[cfg(test)]` or `#[test]`.
    pub(crate) shipped: String,
    /// Without comments and tests, but with the contents of literals.
    pub(crate) shipped_text: String,
}

impl Source {
    pub(crate) fn new(text: &str) -> Self {
        let (code, with_literals) = strip(text);
        let tests = test_ranges(&code);
        Self { shipped: blank(&code, &tests), shipped_text: blank(&with_literals, &tests), code }
    }

    /// Modules in files of their own that are declared for tests only.
    pub(crate) fn test_modules(&self) -> impl Iterator<Item = &str> {
        words(&self.code, "mod ").filter_map(|at| {
            let (name, _) = self.code[at + "mod ".len()..].split_once(';')?;
            let declared = name.chars().all(|c| c.is_alphanumeric() || c == '_');
            (declared && self.shipped[at..].starts_with("    ")).then_some(name)
        })
    }
}

/// A line number, counted from 1, for a byte position.
pub(crate) fn line_of(text: &str, position: usize) -> usize {
    text.bytes().take(position).filter(|&byte| byte == b'\n').count() + 1
}

/// Positions where `word` stands in `code` with nothing of an identifier right before it, nor (where `word` ends like
/// an identifier) right behind it.
pub(crate) fn words<'t>(code: &'t str, word: &'t str) -> impl Iterator<Item = usize> + 't {
    let identifier = |c: char| c.is_alphanumeric() || c == '_';
    let open_end = !word.ends_with(identifier);
    code.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        !code[..at].ends_with(identifier) && (open_end || !code[at + word.len()..].starts_with(identifier))
    })
}

/// The first segments of all `crate::…` paths with their positions, those in braces (`crate::{rtp, io::Clock}`) too.
pub(crate) fn crate_paths(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for at in words(code, "crate::") {
        let after = at + "crate::".len();
        if code[after..].starts_with('{') {
            let mut depth = 0;
            let mut expects_name = false;
            for (i, c) in code[after..].char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                match c {
                    '{' | ',' if depth == 1 => expects_name = true,
                    c if c.is_whitespace() => {}
                    _ if expects_name => {
                        found.push((after + i, identifier_at(&code[after + i..])));
                        expects_name = false;
                    }
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
        } else {
            found.push((at, identifier_at(&code[after..])));
        }
    }
    found
}

fn identifier_at(text: &str) -> String {
    text.chars().take_while(|&c| c.is_alphanumeric() || c == '_').collect()
}

/// `text` without comments: once with the contents of literals blanked, once with them kept.
fn strip(text: &str) -> (String, String) {
    let bytes = text.as_bytes();
    let (mut code, mut with_literals) = (bytes.to_vec(), bytes.to_vec());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let end;
        if rest.starts_with(b"//") {
            end = at + rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
            erase(&mut code[at..end]);
            erase(&mut with_literals[at..end]);
        } else if rest.starts_with(b"/*") {
            end = at + block_comment(rest);
            erase(&mut code[at..end]);
            erase(&mut with_literals[at..end]);
        } else if let Some((open, len)) = literal(bytes, at) {
            end = at + len;
            let contents = (at + open).min(end);
            erase(&mut code[contents..(end - 1).max(contents)]);
        } else {
            end = at + 1;
        }
        at = end;
    }
    // Byte for byte, so that positions stay; an unterminated literal may lose half a character.
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (text(code), text(with_literals))
}

fn erase(bytes: &mut [u8]) {
    bytes.iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
}

/// Length of the block comment at the start of `rest`; they nest.
fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// The string, byte string or character literal at `at`: where its contents begin, and its whole length.
fn literal(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let rest = &bytes[at..];
    let after_identifier = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    let prefix = rest.iter().take_while(|byte| matches!(byte, b'b' | b'r' | b'c')).count();
    if prefix > 0 && (after_identifier || prefix > 2) {
        return None;
    }
    let raw = rest[..prefix].contains(&b'r');
    if raw {
        let hashes = rest[prefix..].iter().take_while(|&&byte| byte == b'#').count();
        if rest.get(prefix + hashes) != Some(&b'"') {
            return None;
        }
        let open = prefix + hashes + 1;
        let mut close = vec![b'"'];
        close.extend(std::iter::repeat_n(b'#', hashes));
        let len = rest[open..].windows(close.len()).position(|window| window == close);
        return Some((open, len.map_or(rest.len(), |len| open + len + close.len())));
    }
    let quote = *rest.get(prefix)?;
    if quote == b'\'' {
        // A lifetime has no closing quote right behind its first character.
        let escaped = rest.get(prefix + 1) == Some(&b'\\');
        let character = std::str::from_utf8(rest.get(prefix + 1..)?).ok()?.chars().next()?;
        if !escaped && rest.get(prefix + 1 + character.len_utf8()) != Some(&b'\'') {
            return None;
        }
    } else if quote != b'"' {
        return None;
    }
    let mut end = prefix + 1;
    while let Some(&byte) = rest.get(end) {
        match byte {
            b'\\' => end += 2,
            byte if byte == quote => return Some((prefix + 1, end + 1)),
            _ => end += 1,
        }
    }
    Some((prefix + 1, rest.len()))
}

/// Where items under `#[cfg(test)]` (or `#[cfg(all(test, …))]`) and `#[test]` begin and end.
fn test_ranges(code: &str) -> Vec<std::ops::Range<usize>> {
    let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
    for attribute in ["#[cfg(test)]", "#[cfg(all(test", "#[test]"] {
        for (start, _) in code.match_indices(attribute) {
            ranges.push(start..start + item_len(&code[start..]));
        }
    }
    ranges
}

/// How far an item reaches: to its closing brace, or to a semicolon before any brace.
fn item_len(code: &str) -> usize {
    let (mut braces, mut brackets) = (0, 0);
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets -= 1,
            '{' => braces += 1,
            '}' => {
                braces -= 1;
                if braces == 0 {
                    return at + 1;
                }
            }
            ';' if braces == 0 && brackets == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

fn blank(code: &str, ranges: &[std::ops::Range<usize>]) -> String {
    let mut bytes = code.as_bytes().to_vec();
    for range in ranges {
        erase(&mut bytes[range.clone()]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_not_code() {
        let source = Source::new(
            "// std::one\nlet a = \"std::two \\\" \"; /* std::three /* nested */ std::four */ let b = r#\"std::\"five\"#;\n",
        );
        assert!(!source.code.contains("std::"), "{}", source.code);
        assert!(source.code.contains("let b"));
        assert_eq!(source.code.lines().count(), 2);
        assert!(source.shipped_text.contains("std::two") && !source.shipped_text.contains("std::one"));
    }

    #[test]
    fn lifetimes_are_no_literals_and_quotes_in_characters_open_nothing() {
        let source = Source::new("fn f<'a>(x: &'a str) { x == '\"' || b'\\'' == y || z == 'é' } std::late");
        assert!(source.code.contains("std::late"), "{}", source.code);
        assert!(source.code.contains("'a str"));
    }

    #[test]
    fn tests_are_not_shipped() {
        let source = Source::new(
            "use core::mem;\n#[cfg(test)]\nextern crate std;\nfn a() {}\n#[cfg(test)]\nmod tests { use std::vec; fn b() { {} } }\nfn c() {}\n",
        );
        assert!(!source.shipped.contains("std"), "{}", source.shipped);
        assert!(source.shipped.contains("fn a") && source.shipped.contains("fn c"));
        assert!(source.code.contains("std::vec"));
    }

    #[test]
    fn words_are_whole() {
        let code = "unsafe_code unsafe fn mystd:: std::x";
        assert_eq!(words(code, "unsafe").collect::<Vec<_>>(), [12]);
        assert_eq!(words(code, "std::").collect::<Vec<_>>(), [30]);
    }

    #[test]
    fn crate_paths_are_found_in_groups_too() {
        let code = "use crate::{io::{Clock, rtp}, time};\nuse crate::wire::rtp::Packet;";
        let names: Vec<_> = crate_paths(code).into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["io", "time", "wire"]);
    }

    #[test]
    fn positions_have_line_numbers() {
        assert_eq!(line_of("a\nb\nc", 4), 3);
        assert_eq!(line_of("a", 0), 1);
    }
}
