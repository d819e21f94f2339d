//! What can be wrong with a description of an input, each in one sentence for people.

use std::fmt;

/// Why text does not describe an input. The sentence holds no value of a variable and no password.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpecError {
    /// There is no `=` between a name and an input.
    NoName,
    /// No URL can have this name, or the server has it itself.
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A variable is not set, or is not text.
    Variable {
        /// Its name.
        name: String,
    },
    /// `${` without a name and `}`.
    BadVariable,
    /// A quotation mark without its other one.
    Quote,
    /// `exec:` without a program.
    NoProgram,
    /// There is no parameter of this name.
    UnknownParameter {
        /// What was written.
        key: String,
        /// Those that there are.
        known: &'static [&'static str],
    },
    /// A parameter has a value that it cannot have.
    Value {
        /// The parameter.
        key: &'static str,
        /// What it takes.
        expected: &'static str,
    },
    /// A parameter means nothing to this kind of input.
    Parameter {
        /// The parameter.
        key: &'static str,
        /// What it is for.
        of: &'static str,
    },
    /// A URL that is none.
    Url {
        /// What is wrong with it.
        why: &'static str,
    },
    /// A URL of this scheme takes the feature `tls`.
    NoTls {
        /// The scheme.
        scheme: &'static str,
    },
    /// There is nothing behind `=`.
    Empty,
    /// Who is no user of this machine may not have the server do this.
    Forbidden {
        /// What, and why.
        why: &'static str,
    },
    /// The name, or the input, has more bytes than somebody elsewhere may have the server keep.
    TooLong {
        /// So many are allowed.
        most: usize,
    },
}

impl SpecError {
    /// The same without words out of what was read, which may be secret where a variable held it.
    pub(super) fn without_words(self) -> Self {
        let hidden = || "…".to_owned();
        match self {
            Self::UnknownParameter { known, .. } => Self::UnknownParameter { key: hidden(), known },
            Self::Variable { .. } => Self::Variable { name: hidden() },
            error => error,
        }
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoName => f.write_str("expected NAME=INPUT, such as cam=http://camera/stream"),
            Self::Name { name, why } => write!(f, "the name {name:?} cannot be served: {why}"),
            Self::Variable { name } => write!(f, "the environment variable {name} is not set"),
            Self::BadVariable => f.write_str("\"${\" begins a variable and needs its name and \"}\""),
            Self::Quote => f.write_str("a quotation mark lacks its other one"),
            Self::NoProgram => f.write_str("expected a program behind exec:"),
            Self::UnknownParameter { key, known } => {
                write!(f, "there is no parameter {key:?}; those there are: {}", known.join(", "))
            }
            Self::Value { key, expected } => write!(f, "#{key} takes {expected}"),
            Self::Parameter { key, of } => write!(f, "#{key} is for {of}"),
            Self::Url { why } => write!(f, "not a URL: {why}"),
            Self::NoTls { scheme } => {
                write!(f, "{scheme}:// takes TLS, which was left out when this program was built (the feature \"tls\")")
            }
            Self::Empty => f.write_str("there is no input behind the name"),
            Self::Forbidden { why } => f.write_str(why),
            Self::TooLong { most } => write!(f, "it has more than {most} bytes"),
        }
    }
}

impl std::error::Error for SpecError {}
