//! Text that may be shown and logged: without the secrets that URLs and variables bring along.

use std::fmt;

/// What stands for a secret.
const HIDDEN: &str = "…";

/// Values that must not be shown, and what is shown in their place.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<(String, String)>);

/// A value shorter than this is no secret, and would be found in all kinds of words.
const SHORTEST: usize = 4;

impl Secrets {
    /// Hides `value`; `shown` takes its place.
    pub(crate) fn add(&mut self, value: &str, shown: impl Into<String>) {
        if value.len() >= SHORTEST && !self.0.iter().any(|(known, _)| known == value) {
            self.0.push((value.to_owned(), shown.into()));
            // One may be part of another.
            self.0.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        }
    }

    /// `text` without these values, and without what may be secret in its URLs.
    pub(crate) fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (value, shown) in &self.0 {
            if text.contains(value.as_str()) {
                text = text.replace(value.as_str(), shown);
            }
        }
        redact(&text)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

/// `text` with its URLs as they may be shown: without user info, and without the values in their queries.
///
/// ```
/// use mutoscope_std::input::redact;
///
/// let line = "reading 'http://anna:secret@cam/snap.jpg?user=anna&pwd=secret' failed";
/// assert_eq!(redact(line), "reading 'http://cam/snap.jpg?user=…&pwd=…' failed");
/// ```
pub fn redact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, url) = rest.split_at(at + "://".len());
        out.push_str(before);
        let end = url.find(|c: char| c.is_whitespace() || "'\"<>`".contains(c)).unwrap_or(url.len());
        let (url, behind) = url.split_at(end);
        redact_url(url, &mut out);
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// Writes a URL that lacks its scheme.
fn redact_url(url: &str, out: &mut String) {
    let (head, query) = url.split_once('?').map_or((url, None), |(head, query)| (head, Some(query)));
    // A password may hold anything, even a question mark.
    let head = match head.rsplit_once('@') {
        Some((_, behind)) => behind,
        None if query.is_some_and(|query| query.contains('@')) => HIDDEN,
        None => head,
    };
    out.push_str(head);
    let Some(query) = query else { return };
    out.push('?');
    if query.contains('@') {
        out.push_str(HIDDEN);
        return;
    }
    for (number, part) in query.split('&').enumerate() {
        if number > 0 {
            out.push('&');
        }
        if let Some((key, _)) = part.split_once('=') {
            out.push_str(key);
            out.push('=');
        }
        if !part.is_empty() {
            out.push_str(HIDDEN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_shown_without_user_info_and_values() {
        for (text, shown) in [
            ("", ""),
            ("no url: a@b?c=d", "no url: a@b?c=d"),
            ("http://cam/a@b", "http://b"),
            ("rtsp://anna@cam:554/x", "rtsp://cam:554/x"),
            ("rtsp://anna:p@ss/w@cam/x y", "rtsp://cam/x y"),
            ("http://anna:p?q@cam/x", "http://…?…"),
            ("http://cam?a=1&b&&c=", "http://cam?a=…&…&&c=…"),
            ("-i http://u:p@a/ -o 'https://u:p@b/'", "-i http://a/ -o 'https://b/'"),
        ] {
            assert_eq!(redact(text), shown);
        }
    }

    #[test]
    fn known_values_are_hidden_wherever_they_are() {
        let mut secrets = Secrets::default();
        secrets.add("secret", "${A}");
        secrets.add("secret word", "${B}");
        secrets.add("no", "${C}");
        assert_eq!(secrets.hide("secret, no secret word"), "${A}, no ${B}");
        assert_eq!(format!("{secrets:?}"), "Secrets(2)");
    }
}
