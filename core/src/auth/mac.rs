//! Proofs that something was made here: message authentication codes (RFC 2104) with SHA-256, or with MD5 where that is left out
//! (RFC 6151 section 2.3: what is known against MD5 does not help against such a code).

use super::hash::{Single, hex, unhex};
use core::fmt;
use hmac::{KeyInit, Mac as _, SimpleHmac};
use subtle::ConstantTimeEq;

#[cfg(not(feature = "sha256"))]
use md5::Md5 as Hash;
#[cfg(feature = "sha256")]
use sha2::Sha256 as Hash;

/// A secret of a server: whoever has it can make nonces and tokens. It is shown to nobody.
#[derive(Clone)]
pub struct Key([u8; Self::LEN]);

impl Key {
    /// Bytes of a key.
    pub const LEN: usize = 32;

    /// These bytes, which nobody must be able to guess.
    pub const fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The code of these parts. Each but the last has a length that is always the same, so that no two messages are made of the
    /// same bytes.
    pub(super) fn mac(&self, parts: &[&[u8]]) -> Mac {
        let mut bytes = [0; Mac::LEN];
        // Keys of any length are taken.
        if let Ok(mut state) = SimpleHmac::<Single<Hash>>::new_from_slice(&self.0) {
            parts.iter().for_each(|part| state.update(part));
            bytes.iter_mut().zip(state.finalize().into_bytes()).for_each(|(byte, code)| *byte = code);
        }
        Mac(bytes)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// The first half of a code, which is the least that RFC 2104 section 5 advises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mac([u8; Self::LEN]);

impl Mac {
    pub(super) const LEN: usize = 16;

    pub(super) const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    pub(super) const fn to_bytes(self) -> [u8; Self::LEN] {
        self.0
    }

    /// Small hexadecimal digits, exactly as many as there have to be.
    pub(super) fn parse(text: &str) -> Option<Self> {
        unhex(text).map(Self)
    }

    /// Whether it is the other one. The time that this takes tells nothing about where they differ.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 4231 section 4.2 has a key of 20 bytes, which zeros make longer without changing the code.
        let mut key = [0; 32];
        key[..20].fill(0x0b);
        let mac = Key::new(key).mac(&[b"Hi ", b"There"]);
        assert_eq!(mac.to_string(), "b0344c61d8db38535ca8afceaf0bf12b");
        assert!(Mac::parse(&mac.to_string()).unwrap().is(&mac));
        assert!(!Key::new([0; 32]).mac(&[b"Hi There"]).is(&mac));
        assert_eq!(std::format!("{:?}", Key::new(key)), "Key");
    }
}
