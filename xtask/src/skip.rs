//! Why something is not done, told apart from why it went wrong.

use std::fmt;

/// A reason to skip. A step returns it as an error; [`reason`] tells it from others.
#[derive(Debug)]
struct Skip(String);

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Skip {}

/// An error that says: not here, because of `why`.
pub(crate) fn skip(why: impl Into<String>) -> anyhow::Error {
    Skip(why.into()).into()
}

/// The reason, where the error is one.
pub(crate) fn reason(error: &anyhow::Error) -> Option<&str> {
    error.downcast_ref::<Skip>().map(|skip| skip.0.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_to_skip_is_told_from_a_failure() {
        assert_eq!(reason(&skip("no network")), Some("no network"));
        assert_eq!(reason(&anyhow::anyhow!("no network")), None);
    }
}
