//! Why an input ended.

use std::fmt;
use std::io;

use crate::wording::without_codes;

/// Why an input ended, as a sentence for people. Those who wait for its pictures are told, so it names no user, password or path, and
/// no number of the system's errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputError {
    reason: String,
    is_final: bool,
}

impl InputError {
    /// It may be tried again.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: without_codes(&reason.into()), is_final: false }
    }

    /// It cannot be tried again.
    pub fn last(reason: impl Into<String>) -> Self {
        Self { reason: without_codes(&reason.into()), is_final: true }
    }

    /// Whether it cannot be tried again.
    pub fn is_final(&self) -> bool {
        self.is_final
    }

    /// The sentence.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl From<io::Error> for InputError {
    fn from(error: io::Error) -> Self {
        Self::new(error.to_string())
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for InputError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_told_no_numbers() {
        let error = || io::Error::from_raw_os_error(111);
        let made = [
            InputError::from(error()),
            InputError::new(format!("it cannot be reached: {}", error())),
            InputError::last(error().to_string()),
        ];
        assert!(made.iter().all(|error| !error.reason().contains("os error")), "{made:?}");
    }
}
