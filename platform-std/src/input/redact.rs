//! Text that may be shown and logged: without the secrets that URLs and variables bring along.

use std::fmt;

/// What stands for a secret.
const HIDDEN: &str = "…";
/// What stands for one where the text is to be read again.
pub const MASK: &str = "***";

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
    each_url(text, "'\"<>`", redact_url)
}

/// The same of text that is a URL from its beginning to its end, whatever characters it has.
pub(super) fn redact_whole(text: &str) -> String {
    whole_url(text, redact_url)
}

/// `text` with its URLs as a file may show them that is to be read again: users stay, and so do variables by their names. Of
/// passwords and of the values in queries, what is written out is masked.
pub(super) fn mask(text: &str) -> String {
    // A backslash may belong to a quotation mark behind it.
    each_url(text, "'\"<>`\\", mask_url)
}

/// The same of text that is a URL from its beginning to its end, whatever characters it has.
pub(super) fn mask_whole(text: &str) -> String {
    whole_url(text, mask_url)
}

fn whole_url(text: &str, write: impl Fn(&str, &mut String)) -> String {
    let Some((scheme, url)) = text.split_once("://") else { return text.to_owned() };
    let mut out = format!("{scheme}://");
    write(url, &mut out);
    out
}

/// Has `write` write each URL in `text`, without its scheme. It ends at a space or at one of `ends`.
fn each_url(text: &str, ends: &str, write: impl Fn(&str, &mut String)) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, url) = rest.split_at(at + "://".len());
        out.push_str(before);
        let end = url.find(|c: char| c.is_whitespace() || ends.contains(c)).unwrap_or(url.len());
        let (url, behind) = url.split_at(end);
        write(url, &mut out);
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
    write_query(query, out, |_, out| out.push_str(HIDDEN));
}

/// Writes a query; `write` writes what is not empty of its values.
fn write_query(query: &str, out: &mut String, write: impl Fn(&str, &mut String)) {
    for (number, part) in query.split('&').enumerate() {
        if number > 0 {
            out.push('&');
        }
        let value = match part.split_once('=') {
            Some((key, value)) => {
                out.push_str(key);
                out.push('=');
                value
            }
            None => part,
        };
        if !part.is_empty() {
            write(value, out);
        }
    }
}

/// Writes a URL that lacks its scheme and is to be read again.
fn mask_url(url: &str, out: &mut String) {
    let (head, query) = url.split_once('?').map_or((url, None), |(head, query)| (head, Some(query)));
    let (authority, path) = head.split_at(head.find('/').unwrap_or(head.len()));
    match authority.rsplit_once('@') {
        Some((user_info, host)) => {
            match user_info.split_once(':') {
                Some((user, password)) => {
                    out.push_str(user);
                    out.push(':');
                    mask_literals(password, out);
                }
                // A user that needs no password is as good as one.
                None => mask_literals(user_info, out),
            }
            out.push('@');
            out.push_str(host);
            // Where a password holds a raw slash, some of it is here.
            match path.rsplit_once('@') {
                Some((_, behind)) => out.extend(["/", MASK, "@", behind]),
                None => out.push_str(path),
            }
        }
        None => out.push_str(head),
    }
    if let Some(query) = query {
        out.push('?');
        write_query(query, out, mask_literals);
    }
}

/// Writes `text` with its variables, and a mask for what stands between them.
fn mask_literals(text: &str, out: &mut String) {
    let mut rest = text;
    while !rest.is_empty() {
        let variable = rest.find("${").and_then(|at| Some((at, at + rest.get(at..)?.find('}')? + 1)));
        let (start, end) = variable.unwrap_or((rest.len(), rest.len()));
        if start > 0 {
            out.push_str(MASK);
        }
        out.push_str(&rest[start..end]);
        rest = &rest[end..];
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
    fn what_is_to_be_read_again_keeps_users_and_variables() {
        for (text, shown) in [
            ("", ""),
            ("-u user:pass http://cam/", "-u user:pass http://cam/"),
            ("rtsp://anna:secret@cam:554/x", "rtsp://anna:***@cam:554/x"),
            ("rtsp://anna:${P}@cam/${X}", "rtsp://anna:${P}@cam/${X}"),
            ("rtsp://${U}:a${P}b@${H}/", "rtsp://${U}:***${P}***@${H}/"),
            ("rtsp://token@cam/", "rtsp://***@cam/"),
            ("rtsp://anna:@cam/", "rtsp://anna:@cam/"),
            ("rtsp://anna:p@ss/w@cam/x", "rtsp://anna:***@ss/***@cam/x"),
            ("http://cam/@x?k=${K}&b=1&c&d=", "http://cam/@x?k=${K}&b=***&***&d="),
            ("curl 'http://u:p@a/' ${X", "curl 'http://u:***@a/' ${X"),
        ] {
            assert_eq!(mask(text), shown);
            assert_eq!(mask(shown), shown);
        }
        assert_eq!(mask_whole("http://anna:a'b <c@cam/"), "http://anna:***@cam/");
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
