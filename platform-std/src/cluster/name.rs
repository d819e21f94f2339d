//! What nodes and their streams are called, and how keys of an exchange are made of that.
//!
//! A key is `mutoscope/NODE/STREAM/PART`, or `mutoscope/NODE` of a node itself. Names have any letters; in keys, all but the unreserved
//! ones of RFC 3986 (section 2.3) are written as `%` and two digits, because some of the others have a meaning in key expressions.

use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

/// What all keys begin with.
pub(super) const ROOT: &str = "mutoscope";
/// Bytes of the longest name of a node.
const MAX_NODE: usize = 64;
/// Bytes of the longest name of a stream.
const MAX_STREAM: usize = 255;

/// Where a stream is: at a node, under a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    node: Arc<str>,
    stream: Arc<str>,
}

/// What a key of a stream is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Pictures, each as it was taken.
    Pictures,
    /// The stream is there, and live.
    Live,
    /// It is there, and has an end: everybody plays it from its start.
    Film,
    /// Questions: what it is, and who may watch it.
    About,
    /// Questions: its newest picture.
    Newest,
    /// Questions: frames of a film, by their numbers.
    Frames,
}

impl Part {
    const ALL: [Self; 6] = [Self::Pictures, Self::Live, Self::Film, Self::About, Self::Newest, Self::Frames];

    const fn word(self) -> &'static str {
        match self {
            Self::Pictures => "jpeg",
            Self::Live => "live",
            Self::Film => "film",
            Self::About => "about",
            Self::Newest => "newest",
            Self::Frames => "frames",
        }
    }
}

/// What is wrong with a name, or with a key that another node has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// There is none.
    Empty,
    /// It is longer than names are.
    Long,
    /// It leads out of where it stands.
    Dots,
    /// It has a slash, or characters that steer a terminal.
    Character,
    /// The key is none of ours: another number of parts, or escapes that are none.
    Key,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it is empty",
            Self::Long => "it is too long",
            Self::Dots => "it leads out of where it stands",
            Self::Character => "it has a slash, a question mark, a hash or control characters",
            Self::Key => "it is no key of a stream",
        })
    }
}

impl std::error::Error for NameError {}

impl Address {
    /// The stream of this name at this node.
    ///
    /// # Errors
    /// No node, or no stream, can have this name.
    pub fn new(node: &str, stream: &str) -> Result<Self, NameError> {
        check(node, MAX_NODE)?;
        check(stream, MAX_STREAM)?;
        Ok(Self { node: node.into(), stream: stream.into() })
    }

    /// What comes before all streams of a node, in their order.
    pub(super) fn before_all_of(node: &str) -> Self {
        Self { node: node.into(), stream: "".into() }
    }

    /// The node.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// The name of the stream there.
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// The name that it has at other nodes.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.node, self.stream)
    }

    /// The key of a part.
    pub fn key(&self, part: Part) -> String {
        format!("{ROOT}/{}/{}/{}", Escaped(&self.node), Escaped(&self.stream), part.word())
    }

    /// The stream and the part that a key means. Keys come from other nodes, which may write anything.
    ///
    /// # Errors
    /// It is no such key, or a name in it is none.
    pub fn parse(key: &str) -> Result<(Self, Part), NameError> {
        let mut chunks = key.split('/');
        let (Some(ROOT), Some(node), Some(stream), Some(part), None) =
            (chunks.next(), chunks.next(), chunks.next(), chunks.next(), chunks.next())
        else {
            return Err(NameError::Key);
        };
        let part = Part::ALL.into_iter().find(|known| known.word() == part).ok_or(NameError::Key)?;
        Ok((Self::new(&unescaped(node)?, &unescaped(stream)?)?, part))
    }
}

/// The key of a node itself.
pub(super) fn node_key(node: &str) -> String {
    format!("{ROOT}/{}", Escaped(node))
}

/// The node whose key this is.
pub(super) fn parse_node(key: &str) -> Result<String, NameError> {
    let name = key.strip_prefix(ROOT).and_then(|rest| rest.strip_prefix('/')).ok_or(NameError::Key)?;
    let name = unescaped(name)?;
    check(&name, MAX_NODE)?;
    Ok(name)
}

/// All keys of this part at one node.
pub(super) fn all_of(node: &str, part: Part) -> String {
    format!("{}/*/{}", node_key(node), part.word())
}

/// All keys of this part.
pub(super) fn all(part: Part) -> String {
    format!("{ROOT}/*/*/{}", part.word())
}

/// The keys of all nodes.
pub(super) fn all_nodes() -> String {
    format!("{ROOT}/*")
}

/// Whether two keys, in which `*` stands for any one part, have a key in common.
pub(super) fn do_match(one: &str, other: &str) -> bool {
    let (mut ones, mut others) = (one.split('/'), other.split('/'));
    loop {
        match (ones.next(), others.next()) {
            (None, None) => return true,
            (Some(one), Some(other)) if one == other || one == "*" || other == "*" => {}
            _ => return false,
        }
    }
}

/// The name that this machine has by itself.
///
/// # Errors
/// It has none, or one that no node can have.
pub fn machine_name() -> Result<String, NameError> {
    let name = crate::server::machine_name();
    check_node(&name).map(|()| name)
}

/// Whether a node can be called so.
///
/// # Errors
/// It cannot, and why.
pub fn check_node(name: &str) -> Result<(), NameError> {
    check(name, MAX_NODE)
}

fn check(name: &str, max: usize) -> Result<(), NameError> {
    let is_bad = |c: char| c.is_control() || matches!(c, '/' | '?' | '#');
    match name {
        "" => Err(NameError::Empty),
        "." | ".." | "*" => Err(NameError::Dots),
        _ if name.len() > max => Err(NameError::Long),
        _ if name.contains(is_bad) => Err(NameError::Character),
        _ => Ok(()),
    }
}

/// A name as keys have it.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            if is_unreserved(byte) {
                f.write_char(byte.into())?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// The name that a chunk of a key means. There is one way to write each name, so that nobody can have a name in two ways.
fn unescaped(chunk: &str) -> Result<String, NameError> {
    let mut bytes = Vec::with_capacity(chunk.len());
    let mut rest = chunk.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || match rest.next()? {
                digit @ b'0'..=b'9' => Some(digit - b'0'),
                digit @ b'A'..=b'F' => Some(digit - b'A' + 10),
                _ => None,
            };
            let (high, low) = (digit().ok_or(NameError::Key)?, digit().ok_or(NameError::Key)?);
            let byte = high << 4 | low;
            if is_unreserved(byte) {
                return Err(NameError::Key);
            }
            bytes.push(byte);
        } else if is_unreserved(byte) {
            bytes.push(byte);
        } else {
            return Err(NameError::Key);
        }
    }
    String::from_utf8(bytes).map_err(|_| NameError::Key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_and_read() {
        let address = Address::new("kitchen", "front door.mjpeg").unwrap();
        let key = address.key(Part::Pictures);
        assert_eq!(key, "mutoscope/kitchen/front%20door.mjpeg/jpeg");
        assert_eq!(Address::parse(&key), Ok((address, Part::Pictures)));
        assert_eq!(parse_node(&node_key("k\u{fc}che")).as_deref(), Ok("k\u{fc}che"));
    }

    #[test]
    fn names_pass_the_rules_of_files() {
        let long = "x".repeat(MAX_STREAM + 1);
        for (name, error) in [
            ("", NameError::Empty),
            (".", NameError::Dots),
            ("..", NameError::Dots),
            ("*", NameError::Dots),
            ("a/b", NameError::Character),
            ("a\0b", NameError::Character),
            ("a\x1b[31m", NameError::Character),
            ("a?b", NameError::Character),
            (&long, NameError::Long),
        ] {
            assert_eq!(Address::new("node", name), Err(error), "{name:?}");
        }
        assert_eq!(Address::new(&"n".repeat(65), "stream"), Err(NameError::Long));
    }

    #[test]
    fn keys_of_liars_are_refused() {
        for key in [
            "mutoscope/a/b",
            "mutoscope/a/b/c/jpeg",
            "other/a/b/jpeg",
            "mutoscope/a/b/other",
            "mutoscope/a/b%2/jpeg",
            "mutoscope/a/b%2g/jpeg",
            "mutoscope/a/b%2Fc/jpeg",
            "mutoscope/a/b%00/jpeg",
            "mutoscope/a/%2E%2E/jpeg",
            "mutoscope/a/%FF/jpeg",
            // Another way to write "b".
            "mutoscope/a/%62/jpeg",
            "mutoscope/a/b%2d/jpeg",
            "mutoscope//b/jpeg",
        ] {
            assert!(Address::parse(key).is_err(), "{key}");
        }
    }

    #[test]
    fn a_name_has_one_key_and_a_key_one_name() {
        for character in ('\0'..='\u{2ff}').chain(['\u{5d0}', '\u{4e2d}', '\u{1f600}', '\u{fffd}', char::MAX]) {
            for name in [format!("{character}"), format!("a{character}b"), format!("%{character}")] {
                let Ok(address) = Address::new(&name, &name) else { continue };
                let key = address.key(Part::Live);
                assert!(key.is_ascii() && !key.contains(['*', '$', '?', '#', '@']), "{key}");
                assert_eq!(Address::parse(&key), Ok((address, Part::Live)));
                // The same name, written in another way.
                let other = format!("mutoscope/{name}/{name}/live");
                assert!(other == key || Address::parse(&other).is_err(), "{other}");
            }
        }
    }
}
