//! Keys in a session description (RFC 4568). Whoever reads the description can read the media, so it has to travel in private.

use super::base64::{self, Base64};
use super::text::{decimal, strip_prefix_ignore_case};
use core::fmt::{self, Display};

/// Bytes of a master key and its salt.
pub const KEY_LEN: usize = 30;

/// The only suite that we know.
const SUITE: &str = "AES_CM_128_HMAC_SHA1_80";

/// The value of `a=crypto`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Crypto {
    /// Tells the line from others.
    pub tag: u32,
    /// Master key and, behind it, the salt.
    pub key: [u8; KEY_LEN],
    /// The name of the key that packets carry (MKI), and how many bytes that takes, at most 4.
    pub mki: Option<(u32, u8)>,
}

impl Crypto {
    /// Reads a value. `None`: another suite, another length of key, several keys, or parameters that change what is encrypted.
    pub fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let (tag, suite, key) = (decimal(words.next()?)?, words.next()?, words.next()?);
        if !suite.eq_ignore_ascii_case(SUITE) || words.next().is_some() || key.contains(';') {
            return None;
        }
        let mut parts = strip_prefix_ignore_case(key, "inline:")?.split('|');
        let key = base64::decode::<KEY_LEN>(parts.next()?)?.into_array().ok()?;
        // Behind the key stand how long it may be used, which we heed anyway, and its name.
        let mki = parts.find_map(|part| part.split_once(':'));
        let mki = mki.map(|(value, len)| Some((decimal(value)?, decimal(len).filter(|len| (1..=4).contains(len))?)));
        Some(Self { tag, key, mki: mki.map_or(Some(None), |mki| mki.map(Some))? })
    }
}

impl Display for Crypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tag, key, mki } = self;
        write!(f, "{tag} {SUITE} inline:{}", Base64(key.iter().copied()))?;
        // Without a lifetime, which makes FFmpeg take the line for none.
        mki.map_or(Ok(()), |(value, len)| write!(f, "|{value}:{len}"))
    }
}

/// A key is shown to nobody.
impl fmt::Debug for Crypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crypto").field("tag", &self.tag).field("mki", &self.mki).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    const KEY: &str = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

    #[test]
    fn lines_of_the_standard_are_read() {
        // RFC 4568 section 4.1.
        let line = std::format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4");
        let crypto = Crypto::parse(&line).unwrap();
        assert_eq!((crypto.tag, crypto.mki, &crypto.key[..4]), (1, Some((1, 4)), &b"wDfv"[..]));
        assert_eq!(crypto.to_string(), line.replace("|2^20", ""));
        for tail in ["", "|2^48", "|1048576"] {
            let line = std::format!("7 aes_cm_128_hmac_sha1_80  INLINE:{KEY}{tail}");
            assert_eq!(Crypto::parse(&line).map(|crypto| (crypto.tag, crypto.mki)), Some((7, None)), "{line}");
        }
        assert!(!std::format!("{crypto:?}").contains("key"));
    }

    #[test]
    fn lines_that_we_cannot_do_are_none() {
        for line in [
            String::new(),
            std::format!("1 AES_CM_128_HMAC_SHA1_32 inline:{KEY}"),
            std::format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTCP"),
            std::format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY};inline:{KEY}"),
            std::format!("1 AES_CM_128_HMAC_SHA1_80 inline:{}", &KEY[4..]),
            std::format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}AAAA"),
            std::format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1:5"),
            std::format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|x:1"),
            std::format!("x AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
            "1 AES_CM_128_HMAC_SHA1_80 inline:".to_string(),
            "1 AES_CM_128_HMAC_SHA1_80".to_string(),
        ] {
            assert_eq!(Crypto::parse(&line), None, "{line}");
        }
    }

    use std::string::String;
}
