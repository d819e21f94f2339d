//! Streams of other machines have rules there, which hold here too.

use std::fmt;
use std::sync::Arc;

use mutoscope::auth::{Key, Token};
use mutoscope::wire::url::Path;

use super::stream::{StreamRules, Who};

/// Where a stream comes from.
#[derive(Clone, Debug)]
pub enum Home {
    /// From this machine, where it has this name. Its rules here are those of that name.
    Here(String),
    /// From another machine.
    There {
        /// The name that means it alone, `NODE/STREAM`. It may be asked for by another one, too, and rules here may be for either.
        name: String,
        /// Its rules there.
        rules: StreamRules,
        /// The tokens that are good for it there.
        tokens: Option<KeyMark>,
    },
}

/// By this a machine knows whether another one has the same key of tokens, for a stream of that one. It is no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyMark(String);

impl KeyMark {
    /// The mark of this key for a stream that is called `NODE/STREAM`.
    pub fn new(key: &Key, name: &str) -> Self {
        // A token that ended in 1970 is good for nothing else.
        Self(Token::new(key, name, 0).to_string())
    }

    /// What another machine has sent.
    pub fn parse(text: &str) -> Option<Self> {
        let is_one = text.len() == 40 && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        is_one.then(|| Self(text.to_owned()))
    }

    /// As it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What another machine has to know of the rules of a stream of this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForOthers {
    /// Who may watch it, wherever.
    pub watch: Who,
    /// Nobody gets it who cannot decrypt it.
    pub is_encrypted: bool,
    /// The tokens that are good for it.
    pub tokens: Option<KeyMark>,
}

/// Knows where streams come from.
pub trait Homes: Send + Sync {
    /// Where the stream of that path comes from; `None`: from here, by that path. It is asked for with each request, so this does not wait.
    /// Where the rules of another machine are not known yet, those are told by which nobody may watch.
    fn home_of(&self, path: Path<'_>) -> Option<Home>;
}

/// Who knows them, if anybody does.
#[derive(Clone, Default)]
pub struct Elsewhere(Option<Arc<dyn Homes>>);

impl Elsewhere {
    /// This one knows them.
    pub fn new(homes: Arc<dyn Homes>) -> Self {
        Self(Some(homes))
    }

    pub(super) fn home_of(&self, path: Path<'_>) -> Option<Home> {
        self.0.as_ref()?.home_of(path)
    }

    /// This, or the other one where there is none.
    pub(super) fn or(self, other: &Self) -> Self {
        Self(self.0.or_else(|| other.0.clone()))
    }
}

impl fmt::Debug for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Elsewhere" } else { "Nowhere" })
    }
}
