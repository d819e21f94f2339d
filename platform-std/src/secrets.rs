//! Secrets of a conversation are covered, byte for byte, before it is shown to anybody or written down.

use std::borrow::Cow;

/// What ends a value in a URL.
const ENDS_OF_VALUES: &[u8] = b" \r\n&;,\"#/<>";
/// What comes before a secret, in small letters, and the bytes of which each ends it.
const SECRETS: [(&[u8], &[u8]); 13] = [
    (b"\nauthorization:", b"\r\n"),
    (b"\nproxy-authorization:", b"\r\n"),
    (b"\ncookie:", b"\r\n"),
    (b"\nset-cookie:", b"\r\n"),
    (b"\nx-sessioncookie:", b"\r\n"),
    // In URLs; many cameras have user and password there.
    (b"token=", ENDS_OF_VALUES),
    (b"password=", ENDS_OF_VALUES),
    (b"passwd=", ENDS_OF_VALUES),
    (b"pass=", ENDS_OF_VALUES),
    (b"pwd=", ENDS_OF_VALUES),
    // Keys of SRTP, in descriptions and requests.
    (b" inline:", b"\r\n"),
    (b"key-mgmt:", b"\r\n"),
    (b"\nkeymgmt:", b"\r\n"),
];
const LONGEST: usize = 21;

/// Covers the passwords, tokens, cookies and keys in one direction of a conversation, of which parts come one after the other.
#[derive(Debug, Default)]
pub struct Cover {
    /// The last bytes, in small letters.
    last: [u8; LONGEST],
    /// Inside of a secret: what ends it.
    ends: Option<&'static [u8]>,
}

impl Cover {
    /// The next part, with stars in the place of secrets.
    #[must_use]
    pub fn cover<'a>(&mut self, part: &'a [u8]) -> Cow<'a, [u8]> {
        let mut covered = Cow::Borrowed(part);
        for (at, byte) in part.iter().enumerate() {
            match self.ends {
                Some(ends) if !ends.contains(byte) => {
                    if *byte != b' '
                        && let Some(place) = covered.to_mut().get_mut(at)
                    {
                        *place = b'*';
                    }
                    continue;
                }
                _ => self.ends = None,
            }
            self.last.rotate_left(1);
            if let Some(last) = self.last.last_mut() {
                *last = byte.to_ascii_lowercase();
            }
            // All of them end so.
            if matches!(byte, b':' | b'=') {
                self.ends = SECRETS.iter().find(|(before, _)| self.last.ends_with(before)).map(|(_, ends)| *ends);
            }
        }
        covered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(text: &str) -> String {
        let whole = String::from_utf8(Cover::default().cover(text.as_bytes()).into_owned()).unwrap();
        // However it comes.
        for size in 1..7 {
            let mut cover = Cover::default();
            let parts: Vec<u8> = text.as_bytes().chunks(size).flat_map(|part| cover.cover(part).into_owned()).collect();
            assert_eq!(String::from_utf8(parts).unwrap(), whole, "in parts of {size}");
        }
        assert_eq!(whole.len(), text.len());
        whole
    }

    #[test]
    fn secrets_are_covered_and_nothing_else_is() {
        let plain = "DESCRIBE rtsp://h/a?x=1 RTSP/1.0\r\nCSeq: 2\r\nWWW-Authenticate: Digest nonce=\"ab\"\r\n\r\n";
        assert_eq!(covered(plain), plain);
        assert_eq!(
            covered("\r\nAuthorization: Basic YW5uYQ==\r\nCSeq: 1\r\n"),
            "\r\nAuthorization: ***** ********\r\nCSeq: 1\r\n"
        );
        assert_eq!(
            covered("PLAY rtsp://h/a?token=69ab&y=2 RTSP/1.0\r\n"),
            "PLAY rtsp://h/a?token=****&y=2 RTSP/1.0\r\n"
        );
        assert_eq!(
            covered("OPTIONS rtsp://h/user=a&password=b1&channel=2 RTSP/1.0\r\n"),
            "OPTIONS rtsp://h/user=a&password=**&channel=2 RTSP/1.0\r\n"
        );
        assert_eq!(covered("\r\nSet-Cookie: id=7; x\r\nA: b\r\n"), "\r\nSet-Cookie: ***** *\r\nA: b\r\n");
        assert_eq!(covered("a=crypto:1 AES inline:abc|2\r\na=x\r\n"), "a=crypto:1 AES inline:*****\r\na=x\r\n");
        assert_eq!(covered("a=key-mgmt:mikey AQAF\r\n"), "a=key-mgmt:***** ****\r\n");
        assert_eq!(covered("\nKeyMgmt: prot=mikey;data=\"A\"\r\n"), "\nKeyMgmt: *******************\r\n");
    }
}
