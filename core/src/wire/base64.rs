//! Base64 (RFC 4648 section 4), in which headers and descriptions carry bytes.

use core::fmt::{self, Display, Write};
use heapless::Vec;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes that `Display` writes in Base64.
#[derive(Clone, Debug)]
pub struct Base64<I>(pub I);

impl<I: Iterator<Item = u8> + Clone> Display for Base64<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.0.clone();
        while let Some(first) = bytes.next() {
            let (second, third) = (bytes.next(), bytes.next());
            let [second_byte, third_byte] = [second, third].map(|byte| u32::from(byte.unwrap_or(0)));
            let group = (u32::from(first) << 16) | (second_byte << 8) | third_byte;
            let there = [true, true, second.is_some(), third.is_some()];
            for (shift, there) in [18, 12, 6, 0].into_iter().zip(there) {
                let digit = ALPHABET.get(((group >> shift) & 63) as usize).filter(|_| there);
                f.write_char(char::from(*digit.unwrap_or(&b'=')))?;
            }
        }
        Ok(())
    }
}

/// The bytes that `text` stands for. Padding may be missing. `None`: another character, a digit too many, or more than `N`
/// bytes.
pub fn decode<const N: usize>(text: &str) -> Option<Vec<u8, N>> {
    let mut bytes = Vec::new();
    let digits = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    if digits.len() % 4 == 1 {
        return None;
    }
    let (mut group, mut bits) = (0_u32, 0_u32);
    for digit in digits.bytes() {
        let value = ALPHABET.iter().position(|&of_alphabet| of_alphabet == digit)?;
        group = (group << 6) | u32::try_from(value).ok()?;
        bits = bits.wrapping_add(6);
        if let Some(left) = bits.checked_sub(8) {
            bits = left;
            bytes.push((group >> left) as u8).ok()?;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn texts_of_the_standard_are_written_and_read() {
        // RFC 4648 section 10.
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(Base64(bytes.bytes()).to_string(), text);
            assert_eq!(decode::<6>(text).as_deref(), Some(bytes.as_bytes()), "{text}");
            assert_eq!(decode::<6>(text.trim_end_matches('=')).as_deref(), Some(bytes.as_bytes()), "{text}");
        }
        for text in ["Zm9vYmFyMQ==", "Z", "Zm9vY", "Zg===", "Z g=", "Zm9-", "Zg==Zg=="] {
            assert_eq!(decode::<6>(text), None, "{text}");
        }
    }
}
