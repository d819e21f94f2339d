//! Tokens: URLs that let whoever has them watch one stream for a while.
//!
//! A token stands in the query of a URL: `rtsp://host/cam?token=` and 40 hexadecimal digits, eight for the second in which it
//! ends, 32 for a code (RFC 2104) of that and of the stream's name. Servers that share a [`Key`] accept each other's.

use super::answer::query_value;
use super::mac::{Key, Mac};
use crate::wire::url::Path;
use core::fmt;

/// A token. `Display` writes it as it stands behind `token=`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Token {
    ends: u32,
    mac: Mac,
}

impl Token {
    /// A token for the stream of this name, as it is without percent escapes, that ends at `ends` (in seconds since 1970).
    pub fn new(key: &Key, name: &str, ends: u32) -> Self {
        Self { ends, mac: key.mac(&[b"token", &ends.to_be_bytes(), name.trim_matches('/').as_bytes()]) }
    }

    /// The token in the query of a URL, if there is one.
    pub fn find(uri: &str) -> Option<Self> {
        let (ends, mac) = query_value(uri, "token")?.split_at_checked(8)?;
        Some(Self { ends: u32::from_str_radix(ends, 16).ok()?, mac: Mac::parse(mac)? })
    }

    /// Whether it was made with this key for the stream that `path` means. Whether it has ended is another question.
    ///
    /// `name` is the name of that stream as the server has it: a path is only believed to mean it if it
    /// [names](Path::names) it.
    pub fn is_for(&self, key: &Key, name: &str, path: Path<'_>) -> bool {
        path.names(name) && Self::new(key, name, self.ends).mac.is(&self.mac)
    }

    /// When it ends, in seconds since 1970.
    pub const fn ends(&self) -> u32 {
        self.ends
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}{}", self.ends, self.mac)
    }
}

/// It is as good as a password.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("ends", &self.ends).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn a_token_opens_one_stream_wherever_it_stands_in_the_query() {
        let key = Key::new([7; 32]);
        let token = Token::new(&key, "yard/caf\u{e9}", 0x6921_0000);
        for uri in [
            format!("rtsp://h/yard/caf%C3%A9?token={token}"),
            format!("rtsp://h/yard/caf%c3%a9/trackID=0?x=1&token={token}"),
            format!("rtsp://h/yard/caf%C3%A9?token={token}/trackID=0"),
        ] {
            let found = Token::find(&uri).unwrap();
            let path = Path::new(uri.strip_prefix("rtsp://h").unwrap()).split_track().0;
            assert!(found == token && found.is_for(&key, "yard/caf\u{e9}", path), "{uri}");
            assert_eq!(found.ends(), 0x6921_0000);
            assert!(!found.is_for(&key, "yard", path) && !found.is_for(&key, "yard", Path::new("yard")), "{uri}");
            assert!(!found.is_for(&Key::new([8; 32]), "yard/caf\u{e9}", path), "{uri}");
        }
        assert!(!format!("{token:?}").contains(&format!("{}", token.mac)));
    }

    #[test]
    fn a_token_that_was_changed_opens_nothing() {
        let key = Key::new([7; 32]);
        let text = format!("{}", Token::new(&key, "cam", 0x1234_5678));
        for at in 0..text.len() {
            let mut changed = text.clone();
            changed.replace_range(at..=at, if &text[at..=at] == "0" { "1" } else { "0" });
            let found = Token::find(&format!("rtsp://h/cam?token={changed}")).unwrap();
            assert!(!found.is_for(&key, "cam", Path::new("cam")), "{changed}");
        }
        for text in ["", "12345678", &text[1..], &format!("{text}0"), &text.replace('5', "g"), &text.to_uppercase()] {
            let found = Token::find(&format!("rtsp://h/cam?token={text}"));
            assert!(
                found.is_none_or(|token| text.chars().all(|c| !c.is_ascii_lowercase()) && token.ends() > 0),
                "{text}"
            );
        }
        assert_eq!(Token::find("rtsp://h/cam"), None);
    }
}
