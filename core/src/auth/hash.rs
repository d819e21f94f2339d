//! The hashes of Digest.

use core::fmt::{self, Write};
use heapless::String;
use md5::{Digest as _, Md5};
#[cfg(feature = "sha256")]
use sha2::Sha256;

/// A hash of Digest's, from the weakest to the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Algorithm {
    /// MD5, which most servers use.
    Md5,
    /// SHA-256 (RFC 7616); a feature.
    #[cfg(feature = "sha256")]
    Sha256,
}

impl Algorithm {
    /// All of them, the strongest first.
    pub(super) const ALL: &[Self] = &[
        #[cfg(feature = "sha256")]
        Self::Sha256,
        Self::Md5,
    ];

    /// The algorithm of this name, in any case.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            #[cfg(feature = "sha256")]
            Self::Sha256 => "SHA-256",
        }
    }
}

/// A hash in hexadecimal digits.
pub type Hex = String<64>;

/// What a server keeps of a user's password: the hash of `user:realm:password`.
pub fn secret(algorithm: Algorithm, user: &str, realm: &str, password: &str) -> Hex {
    Hasher::hash(algorithm, format_args!("{user}:{realm}:{password}"))
}

/// Hashes what is written to it.
pub(super) enum Hasher {
    Md5(Md5),
    #[cfg(feature = "sha256")]
    Sha256(Sha256),
}

impl Hasher {
    /// The hash of what displays like this.
    pub(super) fn hash(algorithm: Algorithm, text: fmt::Arguments<'_>) -> Hex {
        let mut hasher = match algorithm {
            Algorithm::Md5 => Self::Md5(Md5::new()),
            #[cfg(feature = "sha256")]
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
        };
        // Hashing does not fail.
        let _ = hasher.write_fmt(text);
        match hasher {
            Self::Md5(state) => hex(&state.finalize()),
            #[cfg(feature = "sha256")]
            Self::Sha256(state) => hex(&state.finalize()),
        }
    }
}

impl Write for Hasher {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        match self {
            Self::Md5(state) => state.update(text),
            #[cfg(feature = "sha256")]
            Self::Sha256(state) => state.update(text),
        }
        Ok(())
    }
}

fn hex(hash: &[u8]) -> Hex {
    let mut digits = Hex::new();
    // There is room for the longer of the two.
    let _ = hash.iter().try_for_each(|byte| write!(digits, "{byte:02x}"));
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_written_in_small_letters() {
        let hash = |algorithm| Hasher::hash(algorithm, format_args!("{}{}", "a", "bc"));
        assert_eq!(hash(Algorithm::Md5), "900150983cd24fb0d6963f7d28e17f72");
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash(Algorithm::Sha256), sha256);
        assert_eq!(Algorithm::from_name("sha-256"), Some(Algorithm::Sha256));
        assert_eq!(Algorithm::from_name("MD5-sess"), None);
    }
}
