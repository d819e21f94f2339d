//! The hashes of Digest.

use super::quoted::Quoted;
use core::fmt::{self, Write};
use heapless::String;
use hmac::digest::common::BlockSizeUser;
use hmac::digest::{FixedOutput, HashMarker, Output, OutputSizeUser, Update};
use md5::Md5;
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
    Hasher::joined(algorithm, &[Part::Plain(user), Part::Plain(realm), Part::Plain(password)])
}

/// Hashes what is written to it.
pub(super) enum Hasher {
    Md5(Single<Md5>),
    #[cfg(feature = "sha256")]
    Sha256(Single<Sha256>),
}

/// A part of what is hashed.
#[derive(Clone, Copy)]
pub(super) enum Part<'a> {
    /// As it is.
    Plain(&'a str),
    /// Without its backslashes.
    Quoted(Quoted<'a>),
}

impl Hasher {
    fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Md5 => Self::Md5(Single::default()),
            #[cfg(feature = "sha256")]
            Algorithm::Sha256 => Self::Sha256(Single::default()),
        }
    }

    /// The hash of what displays like this.
    pub(super) fn hash(algorithm: Algorithm, text: fmt::Arguments<'_>) -> Hex {
        let mut hasher = Self::new(algorithm);
        // Hashing does not fail.
        let _ = hasher.write_fmt(text);
        hasher.finish()
    }

    /// The hash of these parts with colons between them. It takes less of a program than what displays.
    pub(super) fn joined(algorithm: Algorithm, parts: &[Part<'_>]) -> Hex {
        let mut hasher = Self::new(algorithm);
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                hasher.take(":");
            }
            match part {
                Part::Plain(text) => hasher.take(text),
                Part::Quoted(text) => text.each(&mut |piece| hasher.take(piece)),
            }
        }
        hasher.finish()
    }

    fn take(&mut self, text: &str) {
        match self {
            Self::Md5(state) => state.update(text.as_bytes()),
            #[cfg(feature = "sha256")]
            Self::Sha256(state) => state.update(text.as_bytes()),
        }
    }

    fn finish(self) -> Hex {
        match self {
            Self::Md5(state) => hex(&state.finalize_fixed()),
            #[cfg(feature = "sha256")]
            Self::Sha256(state) => hex(&state.finalize_fixed()),
        }
    }
}

impl Write for Hasher {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.take(text);
        Ok(())
    }
}

/// A hash whose buffering is in a program once, and not wherever something is hashed.
#[derive(Clone, Default)]
pub(super) struct Single<H>(H);

impl<H: Update> Update for Single<H> {
    #[inline(never)]
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

impl<H: FixedOutput> FixedOutput for Single<H> {
    #[inline(never)]
    fn finalize_into(self, out: &mut Output<Self>) {
        self.0.finalize_into(out);
    }
}

impl<H: OutputSizeUser> OutputSizeUser for Single<H> {
    type OutputSize = H::OutputSize;
}

impl<H: BlockSizeUser> BlockSizeUser for Single<H> {
    type BlockSize = H::BlockSize;
}

impl<H: HashMarker> HashMarker for Single<H> {}

/// These bytes in small hexadecimal digits; nothing where they are more than there is room for.
pub(super) fn hex(bytes: &[u8]) -> Hex {
    let digit = |value: u8| value.wrapping_add(if value < 10 { b'0' } else { b'a'.wrapping_sub(10) });
    let mut digits = heapless::Vec::new();
    for byte in bytes {
        let _ = digits.extend_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
    Hex::from_utf8(digits).unwrap_or_default()
}

/// The bytes that these digits mean: small ones, and exactly as many as there have to be.
pub(super) fn unhex<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    for (byte, &[high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = (digit(high)? << 4) | digit(low)?;
    }
    Some(bytes)
}

fn digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(digit.wrapping_sub(b'a').wrapping_add(10)),
        _ => None,
    }
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
