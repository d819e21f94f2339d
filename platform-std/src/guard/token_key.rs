//! The key of tokens, in a file. Servers that share the file accept each other's tokens.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use mutoscope::auth::Key;

use crate::{files, hex};

/// Why there is no key.
#[derive(Debug)]
pub enum TokenKeyError {
    /// The file cannot be read or made.
    Io(PathBuf, io::Error),
    /// The file holds something else than 64 hexadecimal digits.
    Malformed(PathBuf),
}

impl std::error::Error for TokenKeyError {}

impl fmt::Display for TokenKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "the key of tokens, {}: {error}", path.display()),
            Self::Malformed(path) => write!(f, "{} holds something else than 64 hexadecimal digits", path.display()),
        }
    }
}

/// The key in a file, which is made, for its owner alone, where there is none.
///
/// # Errors
/// See [`TokenKeyError`].
pub fn token_key(path: &Path) -> Result<Key, TokenKeyError> {
    let failed = |error| TokenKeyError::Io(path.to_owned(), error);
    if !path.exists() {
        let mut bytes = [0; Key::LEN];
        getrandom::fill(&mut bytes).map_err(|error| failed(io::Error::other(error)))?;
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        files::create_private(path, format!("{digits}\n").as_bytes()).map_err(failed)?;
    } else if files::is_open_to_others(path) {
        log::warn!("{} can be read by others, who can make tokens with it: chmod 600", path.display());
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    hex::bytes(text.trim().chars()).map(Key::new).ok_or_else(|| TokenKeyError::Malformed(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::Folder;
    use mutoscope::auth::Token;

    #[test]
    fn a_key_is_made_once_and_shared() {
        let folder = Folder::new();
        let path = folder.path().join("state/token.key");
        let (one, two) = (token_key(&path).unwrap(), token_key(&path).unwrap());
        assert!(Token::new(&one, "cam", 7) == Token::new(&two, "cam", 7));
        assert!(!files::is_open_to_others(&path));
        let other = token_key(&folder.path().join("other.key")).unwrap();
        assert!(Token::new(&one, "cam", 7) != Token::new(&other, "cam", 7));
        for contents in ["", "0", &"0".repeat(62), &"g".repeat(64), &"+0".repeat(32)] {
            let path = folder.file("wrong", contents.as_bytes());
            assert!(matches!(token_key(&path), Err(TokenKeyError::Malformed(_))), "{contents}");
        }
        assert!(matches!(token_key(&folder.path().join("other.key/x")), Err(TokenKeyError::Io(..))));
    }
}
