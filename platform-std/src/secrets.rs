//! Secrets of a conversation are covered, byte for byte, before it is shown to anybody or written down.

use std::borrow::Cow;

/// What ends a value in a URL.
const ENDS_OF_VALUES: &[u8] = b" \r\n&;,\"#/<>";
/// What ends the value of a header, unless the next line goes on with it.
const ENDS_OF_LINES: &[u8] = b"\r\n";
/// What ends user and password in a URL, without which there were none.
const ENDS_OF_HOSTS: &[u8] = b" \t\r\n/?#\"<>";
/// What comes before a secret, in small letters, and the bytes of which each ends it.
const SECRETS: [(&[u8], &[u8]); 20] = [
    (b"\nauthorization:", ENDS_OF_LINES),
    (b"\nproxy-authorization:", ENDS_OF_LINES),
    (b"\ncookie:", ENDS_OF_LINES),
    (b"\nset-cookie:", ENDS_OF_LINES),
    (b"\nx-sessioncookie:", ENDS_OF_LINES),
    (b"-token:", ENDS_OF_LINES),
    (b"api-key:", ENDS_OF_LINES),
    // In URLs; many cameras have user and password there.
    (b"token=", ENDS_OF_VALUES),
    (b"password=", ENDS_OF_VALUES),
    (b"passwd=", ENDS_OF_VALUES),
    (b"pass=", ENDS_OF_VALUES),
    (b"pwd=", ENDS_OF_VALUES),
    (b"pw=", ENDS_OF_VALUES),
    (b"jwt=", ENDS_OF_VALUES),
    (b"key=", ENDS_OF_VALUES),
    (b"sig=", ENDS_OF_VALUES),
    (b"signature=", ENDS_OF_VALUES),
    // Keys of SRTP, in descriptions and requests.
    (b" inline:", ENDS_OF_LINES),
    (b"key-mgmt:", ENDS_OF_LINES),
    (b"\nkeymgmt:", ENDS_OF_LINES),
];
const LONGEST: usize = 21;

/// Whether the value of a header of this name, in small letters, is a secret. What has an equals sign is no name of a header.
pub fn is_header(name: &str) -> bool {
    let begin = format!("\n{name}:");
    !name.contains('=')
        && SECRETS.iter().any(|(before, ends)| *ends == ENDS_OF_LINES && begin.as_bytes().ends_with(before))
}

/// Covers the passwords, tokens, cookies and keys in one direction of a conversation, of which parts come one after the other. User and
/// password before the host of a URL are covered where they come in one part.
#[derive(Debug, Default)]
pub struct Cover {
    /// The last bytes, in small letters.
    last: [u8; LONGEST],
    /// Inside of a secret: what ends it.
    ends: Option<&'static [u8]>,
    /// The line has ended in which the secret is: a space makes the next one go on with it (RFC 2326, section 4.1).
    may_go_on: bool,
}

impl Cover {
    /// The next part, with stars in the place of secrets.
    #[must_use]
    pub fn cover<'a>(&mut self, part: &'a [u8]) -> Cow<'a, [u8]> {
        let mut covered = self.cover_values(part);
        for at in users(part) {
            hide(&mut covered, at);
        }
        covered
    }

    /// The same without user and password before the host of a URL, for who covers them otherwise.
    #[must_use]
    pub fn cover_values<'a>(&mut self, part: &'a [u8]) -> Cow<'a, [u8]> {
        let mut covered = Cow::Borrowed(part);
        for (at, &byte) in part.iter().enumerate() {
            let is_secret = self.is_secret(byte);
            self.last.rotate_left(1);
            if let Some(last) = self.last.last_mut() {
                *last = if is_secret { b'*' } else { byte.to_ascii_lowercase() };
            }
            if is_secret {
                hide(&mut covered, at);
            } else if self.ends.is_none() && matches!(byte, b':' | b'=') {
                // All of them end so.
                self.ends = SECRETS.iter().find(|(before, _)| self.last.ends_with(before)).map(|(_, ends)| *ends);
            }
        }
        covered
    }

    /// Whether the next byte is one of a secret.
    fn is_secret(&mut self, byte: u8) -> bool {
        let Some(ends) = self.ends else { return false };
        if self.may_go_on && !ends.contains(&byte) {
            self.may_go_on = false;
            if !matches!(byte, b' ' | b'\t') {
                self.ends = None;
            }
            return self.ends.is_some();
        }
        if !ends.contains(&byte) {
            return true;
        }
        // Behind an empty line nothing goes on.
        let is_over = byte == b'\n' && (self.last.ends_with(b"\n") || self.last.ends_with(b"\n\r"));
        self.may_go_on = ends == ENDS_OF_LINES && !is_over;
        if !self.may_go_on {
            self.ends = None;
        }
        false
    }
}

fn hide(covered: &mut Cow<'_, [u8]>, at: usize) {
    if !matches!(covered.get(at), None | Some(b' ' | b'\t'))
        && let Some(place) = covered.to_mut().get_mut(at)
    {
        *place = b'*';
    }
}

/// The places of the bytes that are user and password of a URL.
fn users(part: &[u8]) -> impl Iterator<Item = usize> {
    let begins = part.windows(3).enumerate().filter(|(_, bytes)| bytes == b"://").map(|(at, _)| at + 3);
    begins.flat_map(move |begin| {
        let rest = part.get(begin..).unwrap_or_default();
        let host = rest.iter().position(|byte| ENDS_OF_HOSTS.contains(byte)).unwrap_or(rest.len());
        let end = rest.iter().take(host).rposition(|&byte| byte == b'@').unwrap_or(0);
        begin..begin + end
    })
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
    fn headers_are_known_by_their_names() {
        let secret =
            ["authorization", "proxy-authorization", "set-cookie", "keymgmt", "key-mgmt", "x-auth-token", "x-api-key"];
        assert!(secret.into_iter().all(is_header));
        assert!(
            !["", "session", "www-authenticate", "inline", "token", "x-authorization", "a=key-mgmt"]
                .into_iter()
                .any(is_header)
        );
    }

    #[test]
    fn a_secret_goes_on_where_its_line_does() {
        assert_eq!(
            covered("\r\nAuthorization: Digest a,\r\n b=c\r\n\td\r\nAuthorization: x\r\nCSeq: 1\r\n"),
            "\r\nAuthorization: ****** **\r\n ***\r\n\t*\r\nAuthorization: *\r\nCSeq: 1\r\n"
        );
        // A body begins as it likes.
        assert_eq!(covered("\r\nCookie: a\r\n\r\n b"), "\r\nCookie: *\r\n\r\n b");
        assert_eq!(covered("\nCookie: a\n\n b"), "\nCookie: *\n\n b");
    }

    #[test]
    fn user_and_password_of_a_url_are_covered() {
        let cover = |text: &str| String::from_utf8(Cover::default().cover(text.as_bytes()).into_owned()).unwrap();
        assert_eq!(cover("Location: rtsp://u:p@ss@h:8554/a@b\r\n"), "Location: rtsp://******@h:8554/a@b\r\n");
        for same in ["rtsp://h/a@b", "rtsp://h", "://", "rtsp://@h", "a@b://"] {
            assert_eq!(cover(same), same);
        }
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
        for name in ["jwt", "pw", "sig", "api_key", "X-Signature"] {
            let hidden = format!("PLAY rtsp://h/a?{name}=****&y=2 RTSP/1.0\r\n");
            assert_eq!(covered(&hidden.replace('*', "7")), hidden);
        }
        assert_eq!(covered("\r\nX-Auth-Token: ab c\r\nX-Api-Key: 1\r\n"), "\r\nX-Auth-Token: ** *\r\nX-Api-Key: *\r\n");
        assert_eq!(covered("\r\nSet-Cookie: id=7; x\r\nA: b\r\n"), "\r\nSet-Cookie: ***** *\r\nA: b\r\n");
        assert_eq!(covered("a=crypto:1 AES inline:abc|2\r\na=x\r\n"), "a=crypto:1 AES inline:*****\r\na=x\r\n");
        assert_eq!(covered("a=key-mgmt:mikey AQAF\r\n"), "a=key-mgmt:***** ****\r\n");
        assert_eq!(covered("\nKeyMgmt: prot=mikey;data=\"A\"\r\n"), "\nKeyMgmt: *******************\r\n");
    }
}
