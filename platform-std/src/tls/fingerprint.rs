//! The fingerprint of a certificate: what people compare, and what a pin is.

use std::fmt;
use std::str::FromStr;

use crate::hex;

/// SHA-256 of a certificate in DER, as `openssl x509 -fingerprint -sha256` prints it.
///
/// ```
/// use mutoscope_std::tls::Fingerprint;
///
/// let text = "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F";
/// let fingerprint: Fingerprint = text.parse()?;
/// assert_eq!(fingerprint.to_string(), text);
/// assert_eq!(text.replace(':', "").to_lowercase().parse(), Ok(fingerprint));
/// assert!("00:01".parse::<Fingerprint>().is_err());
/// # Ok::<(), mutoscope_std::tls::BadFingerprint>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

#[cfg(feature = "tls")]
impl Fingerprint {
    /// That of a certificate in DER.
    pub fn of(certificate: &[u8]) -> Self {
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, certificate).as_ref());
        Self(fingerprint)
    }
}

impl Fingerprint {
    /// Four lines of eight bytes, which people can compare.
    pub fn in_lines(&self) -> [String; 4] {
        std::array::from_fn(|line| {
            let bytes = self.0.iter().skip(line * 8).take(8);
            bytes.map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
        })
    }
}

/// Text that is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadFingerprint;

impl fmt::Display for BadFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected the SHA-256 fingerprint of a certificate: 64 hexadecimal digits, with or without colons")
    }
}

impl std::error::Error for BadFingerprint {}

impl FromStr for Fingerprint {
    type Err = BadFingerprint;

    fn from_str(text: &str) -> Result<Self, BadFingerprint> {
        hex::bytes(text.trim().chars().filter(|&c| c != ':')).map(Self).ok_or(BadFingerprint)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02X}", if at == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_fingerprints_are_read() {
        let whole = Fingerprint([0xa5; 32]).to_string();
        for text in ["", "a5", &whole[1..], &format!("{whole}:a5"), &whole.replace('A', "g"), &whole.replace('5', "é")]
        {
            assert_eq!(text.parse::<Fingerprint>(), Err(BadFingerprint), "{text}");
        }
        let counted = Fingerprint(std::array::from_fn(|at| at as u8));
        assert_eq!(counted.in_lines().join(":"), counted.to_string());
        assert_eq!(format!(" {} ", whole.to_lowercase()).parse(), Ok(Fingerprint([0xa5; 32])));
    }
}
