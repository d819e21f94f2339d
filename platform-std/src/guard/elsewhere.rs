//! Streams of other machines have rules there, which hold here too.

use std::fmt;
use std::sync::Arc;

use mutoscope::wire::url::Path;

use super::stream::StreamRules;

/// Knows the rules of streams that other machines have.
pub trait Homes: Send + Sync {
    /// The rules that the stream of that path has where it comes from; `None`: it is none of another machine. They are asked for with
    /// each request, so this does not wait. Where they are not known yet, nobody may watch.
    fn rules_of(&self, path: Path<'_>) -> Option<StreamRules>;
}

/// Who knows them, if anybody does.
#[derive(Clone, Default)]
pub struct Elsewhere(Option<Arc<dyn Homes>>);

impl Elsewhere {
    /// This one knows them.
    pub fn new(homes: Arc<dyn Homes>) -> Self {
        Self(Some(homes))
    }

    pub(super) fn rules_of(&self, path: Path<'_>) -> Option<StreamRules> {
        self.0.as_ref()?.rules_of(path)
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
